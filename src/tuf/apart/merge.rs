//! Merging: signatures that come from elsewhere, each judged as it comes in, each with an answer of its own.
//!
//! What is kept is a set that grows: any order, and any repetition, ends as the same file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::apart::Admission;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::apart::Signers;
use crate::tuf::apart::carry;
use crate::tuf::apart::carry::Carried;
use crate::tuf::apart::digest;
use crate::tuf::apart::signers::version;
use crate::tuf::foreign_signature;
use crate::tuf::foreign_signature::MAX_FILE;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::key::private_material;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::Signature;

/// The most signatures of one file that are tried: no root has as many keys.
const MAX_SIGNATURES: usize = 1024;
/// What is wrong with a salt, and how openssl makes the right one.
const OTHER_SALT: &str = "tough refuses it. Sign again, with openssl by: \
    openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign rsa.pem -out sig payload";
/// Where those who sign without Keyrite find how it is done.
const SIGN_AGAIN: &str = "`keyrite request --help` has the command of openssl for each kind of key";

/// What became of one signature, or of a file without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It verifies and is new.
    Added,
    /// It verifies, and its key had signed before.
    AlreadyThere,
    /// It names a key that may sign, and that key did not make it over this payload.
    DoesNotVerify,
    /// The place of a signature that nobody made.
    Empty,
    /// It stood in the file that is merged into, and verifies.
    Kept,
    /// Not a signature, a response or metadata.
    Malformed,
    /// An RSA-PSS signature that verifies, with a salt that not every client takes.
    OtherSalt,
    /// Over an older version of the same metadata.
    Replay,
    /// By a key that may not sign this.
    Stranger,
    /// Over something else.
    WrongPayload,
}

/// An outcome with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the file.
    pub source: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The label of the key: that under which it is listed, or the one that the file claims.
    pub keyid: Option<KeyId>,
    /// More, where there is more to say; a fragment.
    pub why: String,
}

/// How far one threshold is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Who sets the threshold.
    pub of: String,
    /// Keys that must sign.
    pub need: u32,
    /// Whether they have.
    pub met: bool,
    /// Labels of the distinct keys that signed.
    pub signed: BTreeSet<KeyId>,
    /// A label of each distinct key that has not.
    pub missing: Vec<KeyId>,
    /// Labels under which this root lists a key of which they are not the hash.
    pub doubted: BTreeSet<KeyId>,
}

/// A file that takes signatures in.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    metadata: Metadata,
    role: String,
    sha256: String,
    signers: Signers,
    kept: BTreeMap<KeyId, String>,
    findings: Vec<Finding>,
}

/// A text that begins with a byte order mark, as UTF-8 without it; other bytes as they are. Editors write the mark of
/// UTF-8, and the `>` of PowerShell writes UTF-16.
fn unmarked(bytes: &[u8]) -> Cow<'_, [u8]> {
    if let Some(text) = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|text| std::str::from_utf8(text).is_ok()) {
        return Cow::Borrowed(text);
    }
    let utf16 = match bytes {
        [0xff, 0xfe, text @ ..] => Some((text, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, text @ ..] => Some((text, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    let text = utf16.and_then(|(text, unit)| {
        let (pairs, []) = text.as_chunks::<2>() else { return None };
        String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<u16>>()).ok()
    });
    // Raw bytes can begin like the mark; what people send begins with a letter, a digit or a brace.
    match text.filter(|text| text.starts_with(|first: char| first.is_ascii())) {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(bytes),
    }
}

impl Merge {
    /// Begins with a file, `source` its name. Its own signatures are judged like all others: what does not verify
    /// is left out, and named.
    pub fn new(metadata: Metadata, role: &str, signers: Signers, source: &str) -> Self {
        let sha256 = digest(metadata.payload());
        let own = metadata.signatures().to_vec();
        let mut merge = Self {
            metadata,
            role: role.to_owned(),
            sha256,
            signers,
            kept: BTreeMap::new(),
            findings: Vec::new(),
        };
        merge.take_all(source, &own, Outcome::Kept);
        merge
    }

    /// Takes a file from elsewhere: a response, as a file, as frames or as typed lines; a copy of the metadata with
    /// other signatures; or a bare signature, which `keyid` may name the key of.
    pub fn take(&mut self, source: &str, bytes: &[u8], keyid: Option<&KeyId>) {
        let bytes = &*unmarked(bytes);
        if let Some(shape) = private_material(bytes) {
            let why =
                format!("this is {shape}; nothing of it was kept. It must not travel: count it as stolen");
            return self.find(source, Outcome::Malformed, None, why);
        }
        if let Some(carried) = carry::read(bytes) {
            return match carried {
                Ok(things) => things.into_iter().for_each(|thing| self.take_carried(source, thing)),
                Err(error) => self.find(source, Outcome::Malformed, None, error.to_string()),
            };
        }
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        match json::parse(bytes) {
            Ok(value) if value.get("keyrite-response").is_some() => match Response::parse(bytes) {
                Ok(response) => self.take_response(source, response),
                Err(error) => self.find(source, Outcome::Malformed, None, error.to_string()),
            },
            Ok(value) if Request::is_one(&value) => self.find_request(source),
            Ok(value) if value.get("signed").is_some() => self.take_copy(source, bytes),
            Ok(Value::Object(_)) => {
                let why = "JSON, but neither a response nor metadata".to_owned();
                self.find(source, Outcome::Malformed, None, why);
            }
            Err(why) if is_json && bytes.len() > MAX_FILE => {
                self.find(
                    source,
                    Outcome::Malformed,
                    None,
                    format!("JSON that no strict reader takes: {why}"),
                );
            }
            // A number or a text can be a signature in hex, and raw bytes can begin with a brace.
            Ok(_) => self.take_bare(source, bytes, keyid, None),
            Err(why) => {
                let broken = names_a_form(bytes).then(|| {
                    format!(
                        "it cannot be read: {why}. It was cut short or changed on the way; ask for it again"
                    )
                });
                self.take_bare(source, bytes, keyid, broken);
            }
        }
    }

    /// Notes a file that cannot be read.
    pub fn unread(&mut self, source: &str, why: &str) {
        self.find(source, Outcome::Malformed, None, why.to_owned());
    }

    fn take_carried(&mut self, source: &str, thing: Carried) {
        match thing {
            Carried::Response(response) => self.take_response(source, response),
            Carried::Request(_) => self.find_request(source),
        }
    }

    fn find_request(&mut self, source: &str) {
        self.find(source, Outcome::Malformed, None, "a request: it asks, and answers nothing".to_owned());
    }

    fn take_response(&mut self, source: &str, mut response: Response) {
        response.keyid = self.signers.label(response.keyid);
        let keyid = Some(response.keyid.clone());
        let is = format!("{} version {}", response.role, response.version);
        if !response.is_over(&self.sha256) {
            let same = response.role == self.role;
            return self.other_payload(source, keyid, &is, same.then_some(response.version));
        }
        // No signature covers a role's name: whoever signed was shown another one, and meant that.
        let ours = format!("{} version {}", self.role, version(self.metadata.signed()));
        if is != ours {
            let why = format!(
                "its signer was asked for {is}, and this is {ours}, though the bytes are the same; send them the request for {ours}"
            );
            return self.find(source, Outcome::WrongPayload, keyid, why);
        }
        let signature = Signature { keyid: response.keyid, sig: response.sig };
        self.take_one(source, &signature, Some(&response.scheme), Outcome::Added);
    }

    fn take_copy(&mut self, source: &str, bytes: &[u8]) {
        let copy = match Metadata::parse(bytes) {
            Ok(copy) => copy,
            Err(error) => {
                return self.find(source, Outcome::Malformed, None, format!("not metadata: {error}"));
            }
        };
        if copy.payload() != self.metadata.payload() {
            let is = format!("{} version {}", copy.role_type(), version(copy.signed()));
            if copy.signatures().is_empty() {
                let why = format!("nobody has signed it, and it is another content, {is}");
                return self.find(source, Outcome::Empty, None, why);
            }
            let same = copy.role_type() == self.metadata.role_type();
            return self.other_payload(source, None, &is, same.then_some(version(copy.signed())));
        }
        if copy.signatures().is_empty() {
            self.find(source, Outcome::Empty, None, "nobody has signed it".to_owned());
        }
        self.take_all(source, copy.signatures(), Outcome::Added);
    }

    /// Takes a signature in no file of ours. `broken` is what is wrong with it as such a file.
    fn take_bare(&mut self, source: &str, bytes: &[u8], keyid: Option<&KeyId>, broken: Option<String>) {
        if bytes.is_empty() || bytes.len() > MAX_FILE {
            let why = format!("{} bytes are no signature", bytes.len());
            return self.find(source, Outcome::Malformed, None, why);
        }
        let readings = foreign_signature::readings(bytes);
        let admit = |reading: &Vec<u8>| self.signers.admit(self.metadata.payload(), keyid, reading);
        let admissions: Vec<Admission> = readings.iter().map(admit).collect();
        if let Some(Admission::Good(entries)) = admissions.iter().find(|a| matches!(a, Admission::Good(_))) {
            return self.keep(source, entries.clone(), Outcome::Added, Vec::new());
        }
        let salted =
            admissions.iter().find_map(|a| if let Admission::OtherSalt(by) = a { Some(by) } else { None });
        if let Some(by) = salted {
            return self.find(source, Outcome::OtherSalt, Some(by.clone()), OTHER_SALT.to_owned());
        }
        if let Some(why) = broken {
            return self.find(source, Outcome::Malformed, keyid.cloned(), why);
        }
        let armored = bytes.trim_ascii_start().starts_with(b"-----BEGIN");
        if armored || !readings.iter().any(|reading| is_shaped(reading)) {
            let why = "neither a response, nor metadata, nor a signature: raw, DER, r||s, hex or base64";
            return self.find(source, Outcome::Malformed, keyid.cloned(), why.to_owned());
        }
        if admissions.contains(&Admission::Stranger) {
            return self.find(source, Outcome::Stranger, keyid.cloned(), String::new());
        }
        if let Some((by, why)) = readings.iter().find_map(|reading| self.slip(keyid, reading)) {
            return self.find(source, Outcome::DoesNotVerify, Some(by), why);
        }
        let why = match keyid {
            Some(_) => String::new(),
            None => "none of the keys that may sign made it over this content".to_owned(),
        };
        self.find(source, Outcome::DoesNotVerify, keyid.cloned(), why);
    }

    fn take_all(&mut self, source: &str, signatures: &[Signature], good: Outcome) {
        if signatures.len() > MAX_SIGNATURES {
            let why = format!("{} signatures; the first {MAX_SIGNATURES} were tried", signatures.len());
            self.find(source, Outcome::Malformed, None, why);
        }
        for signature in signatures.iter().take(MAX_SIGNATURES) {
            self.take_one(source, signature, None, good);
        }
    }

    /// One signature with the keyid that it names, and the scheme where it names one.
    fn take_one(&mut self, source: &str, signature: &Signature, scheme: Option<&str>, good: Outcome) {
        let keyid = Some(signature.keyid.clone());
        if signature.sig.is_empty() {
            return self.find(source, Outcome::Empty, keyid, String::new());
        }
        let Ok(bytes) = hex::decode(&signature.sig) else {
            return self.find(source, Outcome::Malformed, keyid, "the signature is not hex".to_owned());
        };
        match self.signers.admit(self.metadata.payload(), Some(&signature.keyid), &bytes) {
            Admission::Good(entries) => {
                let remarks = self.misnamed(&entries, &signature.keyid, scheme);
                self.keep(source, entries, good, remarks);
            }
            Admission::Stranger => self.find(source, Outcome::Stranger, keyid, String::new()),
            Admission::OtherSalt(by) => {
                self.find(source, Outcome::OtherSalt, Some(by), OTHER_SALT.to_owned());
            }
            Admission::Bad => {
                let why = self.slip(keyid.as_ref(), &bytes).map(|(_, why)| why).unwrap_or_default();
                self.find(source, Outcome::DoesNotVerify, keyid, why);
            }
        }
    }

    /// Whose key made a signature that does not verify, how, and what to do.
    fn slip(&self, keyid: Option<&KeyId>, signature: &[u8]) -> Option<(KeyId, String)> {
        let (by, why) = self.signers.slip(self.metadata.payload(), keyid, signature)?;
        Some((by.clone(), format!("{why}. {SIGN_AGAIN}")))
    }

    /// What a good signature says wrongly of the key that made it. Material decides, so it counts all the same.
    fn misnamed(
        &self,
        entries: &BTreeMap<KeyId, String>,
        named: &KeyId,
        scheme: Option<&str>,
    ) -> Vec<&'static str> {
        let mut remarks = Vec::new();
        if self.signers.keys().all(|(keyid, _)| keyid != named) {
            remarks.push("it names another keyid than that of the key that made it");
        }
        let mut made = self.signers.keys().filter(|(keyid, _)| entries.contains_key(keyid));
        if scheme.is_some_and(|scheme| made.all(|(_, key)| key.scheme().as_str() != scheme)) {
            remarks.push("it names another scheme than that of the key that made it");
        }
        remarks
    }

    /// Of two good signatures of one key the smaller is kept: then no order, and no repetition, makes a difference.
    fn keep(
        &mut self,
        source: &str,
        entries: BTreeMap<KeyId, String>,
        good: Outcome,
        mut remarks: Vec<&str>,
    ) {
        let new = entries.keys().any(|keyid| !self.kept.contains_key(keyid));
        let keyid = entries.keys().find(|keyid| !new || !self.kept.contains_key(keyid)).cloned();
        let mut differs = false;
        for (keyid, sig) in entries {
            let kept = self.kept.entry(keyid).or_insert_with(|| sig.clone());
            differs |= *kept != sig;
            if sig < *kept {
                *kept = sig;
            }
        }
        if differs {
            remarks.push("another signature by the same key; one is kept");
        }
        self.find(source, if new { good } else { Outcome::AlreadyThere }, keyid, remarks.join("; "));
    }

    fn other_payload(&mut self, source: &str, keyid: Option<KeyId>, is: &str, same_role: Option<u64>) {
        let ours = version(self.metadata.signed());
        if same_role.is_some_and(|version| version < ours) {
            let why = format!("it is over {is}, which is older than version {ours}");
            return self.find(source, Outcome::Replay, keyid, why);
        }
        let why = match same_role {
            Some(_) => {
                format!("it is over another {is}; send them the request again, and compare the words")
            }
            None => format!("it is for another role, {is}"),
        };
        self.find(source, Outcome::WrongPayload, keyid, why);
    }

    fn find(&mut self, source: &str, outcome: Outcome, keyid: Option<KeyId>, why: String) {
        self.findings.push(Finding { source: source.to_owned(), outcome, keyid, why });
    }

    /// What became of everything, in the order in which it came.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// SHA-256 of the payload, in hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The metadata with every signature that verified, and no other.
    pub fn merged(&self) -> Metadata {
        let listed =
            self.kept.iter().map(|(keyid, sig)| Signature { keyid: keyid.clone(), sig: sig.clone() });
        self.metadata.with_signatures(listed.collect())
    }

    /// Each threshold as it stands.
    pub fn tallies(&self) -> Vec<Tally> {
        let merged = self.merged();
        let tally = |threshold: &crate::tuf::apart::Threshold| {
            let keys = &threshold.keys;
            let signed = keys.signed_by(merged.payload(), merged.signatures());
            let have: BTreeSet<Material> =
                signed.iter().filter_map(|keyid| Some(keys.keys.get(keyid)?.material())).collect();
            let mut seen = have;
            let missing = keys.keys.iter().filter(|(_, key)| seen.insert(key.material()));
            let missing = missing.map(|(keyid, _)| keyid.clone()).collect();
            let met = keys.verify(merged.payload(), merged.signatures()).is_ok();
            let doubted = keys.keys.iter().filter(|(keyid, key)| !keyid.is_hash_of(key.to_json()));
            let doubted = doubted.map(|(keyid, _)| keyid.clone()).collect();
            Tally { of: threshold.of.clone(), need: keys.threshold, met, signed, missing, doubted }
        };
        self.signers.thresholds().iter().map(tally).collect()
    }
}

impl Finding {
    /// What happened, in one sentence.
    pub fn sentence(&self, names: &Names) -> String {
        let by = self.keyid.as_ref().map_or_else(|| "a key".to_owned(), |keyid| names.of(keyid));
        let what = match self.outcome {
            Outcome::Added => format!("added the signature of {by}"),
            Outcome::AlreadyThere => format!("already there: {by} has signed"),
            Outcome::DoesNotVerify if self.keyid.is_none() => "the signature does not verify".to_owned(),
            Outcome::DoesNotVerify => format!("the signature of {by} does not verify, and is left out"),
            Outcome::Empty if self.keyid.is_none() => "no signature".to_owned(),
            Outcome::Empty => format!("an empty place for {by} is left out"),
            Outcome::Kept => format!("kept the signature of {by}"),
            Outcome::Malformed => "cannot be read as a signature".to_owned(),
            Outcome::OtherSalt => {
                format!(
                    "the RSA-PSS signature of {by} has a salt that is not as long as the digest; left out"
                )
            }
            Outcome::Replay => "an old signature played again".to_owned(),
            Outcome::Stranger => format!("a stranger's: {by} may not sign this; left out"),
            Outcome::WrongPayload => "signed something else".to_owned(),
        };
        let why = if self.why.is_empty() { String::new() } else { format!(": {}", self.why) };
        format!("{}: {what}{why}", self.source)
    }
}

/// Whether bytes are so many as a signature of a known scheme has, or so many as their beginning says in DER.
fn is_shaped(bytes: &[u8]) -> bool {
    let of_rsa = (128..=2048).contains(&bytes.len()) && bytes.len().is_multiple_of(64);
    let framed =
        matches!(bytes, [0x30, length, rest @ ..] if rest.len() == usize::from(*length) && rest.len() >= 54);
    // Ed25519, and r||s of P-256; of P-384; the three sizes of ML-DSA.
    of_rsa || framed || matches!(bytes.len(), 64 | 96 | 2420 | 3309 | 4627)
}

/// Whether a member of a response, a request or metadata is named in it.
fn names_a_form(bytes: &[u8]) -> bool {
    let names: [&[u8]; 4] =
        [b"\"keyrite-response\"", b"\"keyrite-request\"", b"\"signatures\"", b"\"signed\""];
    names.iter().any(|name| memchr::memmem::find(bytes, name).is_some())
}
