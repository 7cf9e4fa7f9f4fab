//! One run of the workflow: what it reads, what it trusts so far, what it remarks. Each check stands here once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::tuf::Bytes;
use crate::tuf::client::Files;
use crate::tuf::client::Refused;
use crate::tuf::client::Request;
use crate::tuf::client::TrustedFile;
use crate::tuf::client::before::Before;
use crate::tuf::client::file_name;
use crate::tuf::client::rules;
use crate::tuf::date::Date;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::role::RoleKeys;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;

/// The field by which a rehearsal marks everything it writes.
pub const WATERMARK: &str = "x-keyrite-rehearsal";

pub(super) struct Workflow<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) request: &'a Request<'a>,
    /// The highest version of each role that is there, by `ROLE.json`.
    pub(super) highest: HashMap<String, u64>,
    pub(super) trusted: Vec<TrustedFile>,
    pub(super) remarks: Vec<String>,
    /// What the client trusted before this run.
    pub(super) before: Before,
    /// Keys of files that were read which cannot be verified with here, and why not.
    unread: BTreeMap<KeyId, String>,
}

/// `Err` of the answer no.
pub(super) fn refuse<T>(rule: &'static str, file: &str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { rule, file: file.to_owned(), why: why.into() })
}

/// What a reader of one kind of metadata makes of the signed part.
pub(super) fn understood<T>(file: &str, read: Result<T, MetadataError>) -> Result<T, Refused> {
    read.or_else(|e| refuse(rules::METADATA_FORMAT, file, e.to_string()))
}

impl<'a> Workflow<'a> {
    /// A client that trusts nothing yet.
    pub(super) fn new(files: &'a dyn Files, request: &'a Request<'a>, highest: HashMap<String, u64>) -> Self {
        let before = Before::default();
        let (trusted, remarks, unread) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { files, request, highest, trusted, remarks, before, unread }
    }

    /// A file that may be missing.
    pub(super) fn find(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Refused> {
        self.files.read(name, max).or_else(|why| refuse(rules::FILE_READABLE, name, why))
    }

    /// A file that must be there.
    pub(super) fn fetch(&self, name: &str, max: u64) -> Result<Vec<u8>, Refused> {
        match self.find(name, max)? {
            Some(bytes) => Ok(bytes),
            None => refuse(rules::FILE_MISSING, name, "there is no such file"),
        }
    }

    /// A file whose length and hashes the file above it may list.
    pub(super) fn fetch_listed(&self, name: &str, max: u64, listed: &MetaFile) -> Result<Vec<u8>, Refused> {
        let bytes = self.fetch(name, max)?;
        as_listed(name, &bytes, listed)?;
        Ok(bytes)
    }

    /// Reads metadata; a rehearsal is refused where it is not asked for.
    pub(super) fn open(&mut self, file: &str, bytes: &[u8]) -> Result<Metadata, Refused> {
        let metadata = understood(file, Metadata::parse(bytes))?;
        signs_once(file, &metadata)?;
        self.no_rehearsal(file, &metadata)?;
        Ok(metadata)
    }

    pub(super) fn no_rehearsal(&mut self, file: &str, metadata: &Metadata) -> Result<(), Refused> {
        if metadata.signed().get(WATERMARK).is_some_and(|mark| *mark != Value::Bool(false)) {
            if !self.request.allow_rehearsal {
                return refuse(rules::REHEARSAL, file, "made in a rehearsal: nobody may trust it");
            }
            self.remarks.push(format!("{file}: made in a rehearsal"));
        }
        Ok(())
    }

    /// The threshold of the delegator; the caller names the rule it enforces with it.
    pub(super) fn signed(
        &self,
        rule: &'static str,
        file: &str,
        metadata: &Metadata,
        keys: &RoleKeys,
        whose: &str,
    ) -> Result<BTreeSet<KeyId>, Refused> {
        let signed = keys.verify(metadata.payload(), metadata.signatures());
        signed.or_else(|unmet| {
            let mut why = format!("{unmet}, counting the keys of {whose}");
            for keyid in metadata.signatures().iter().map(|signature| &signature.keyid) {
                if let Some(unread) = self.unread.get(keyid) {
                    why.push_str(&format!("; the key {keyid} {unread}"));
                }
            }
            refuse(rule, file, why)
        })
    }

    /// Notes keys that a file lists and that cannot be verified with here: what they sign counts for nothing, and whoever
    /// reads that too few signed wants to know why.
    pub(super) fn note_unread<'k>(&mut self, keys: impl IntoIterator<Item = (&'k KeyId, &'k Value)>) {
        for (keyid, key) in keys {
            let scheme = key["scheme"].as_str().unwrap_or_default();
            let why = match Scheme::in_metadata(scheme) {
                Ok(_) => "cannot be read".to_owned(),
                Err(_) => format!("has the scheme {scheme:?}, which cannot be verified here"),
            };
            self.unread.insert(keyid.clone(), why);
        }
    }

    /// Expiry is compared with one fixed time.
    pub(super) fn unexpired(&self, file: &str, expires: Date) -> Result<(), Refused> {
        let at = self.request.at;
        if !expires.has_passed(at) {
            return Ok(());
        }
        refuse(
            rules::NOT_EXPIRED,
            file,
            format!("expired on {expires}; the time of this verification is {at}"),
        )
    }

    /// Writes a file down as trusted, with what a strict reader would remark.
    pub(super) fn trust(
        &mut self,
        file: &str,
        role: &str,
        version: u64,
        metadata: &Metadata,
        keys: &RoleKeys,
        signed_by: BTreeSet<KeyId>,
    ) {
        let expires = metadata.signed()["expires"].as_str().unwrap_or_default().to_owned();
        if expires.parse::<Date>().is_err() {
            self.remarks.push(format!("{file}: expires is {expires:?}, not YYYY-MM-DDTHH:MM:SSZ"));
        }
        self.remark_python_tuf(file, metadata.signed());
        self.trusted.push(TrustedFile {
            file: file.to_owned(),
            role: role.to_owned(),
            version,
            expires,
            signed_by: signed_by.into_iter().map(|keyid| keyid.0).collect(),
            threshold: keys.threshold,
        });
    }

    /// Remarks on the labels of a set of keys. A label is a name: a wrong one is never an error.
    pub(super) fn remark_keys<'k>(
        &mut self,
        file: &str,
        keys: &BTreeMap<KeyId, PublicKey>,
        other: impl IntoIterator<Item = &'k KeyId>,
    ) {
        let mut seen: BTreeMap<Material, &KeyId> = BTreeMap::new();
        for (keyid, key) in keys {
            if !key.is_keyid(keyid) {
                self.remarks.push(format!("{file}: keyid {keyid} is not the hash of its key"));
            }
            if let Some(first) = seen.insert(key.material(), keyid) {
                self.remarks.push(format!("{file}: keyids {first} and {keyid} are one key; it counts once"));
            }
        }
        for keyid in other {
            self.remarks.push(format!("{file}: the key {keyid} cannot be used to verify; it does not count"));
        }
    }
}

/// A keyid stands once among the signatures (section 4.2.1).
fn signs_once(file: &str, metadata: &Metadata) -> Result<(), Refused> {
    let mut seen = BTreeSet::new();
    match metadata.signatures().iter().find(|signature| !seen.insert(&signature.keyid)) {
        Some(twice) => {
            let why = format!("the keyid {} stands twice among the signatures", twice.keyid);
            refuse(rules::KEYID_SIGNS_ONCE, file, why)
        }
        None => Ok(()),
    }
}

/// A file has the length and the hashes that the file above it lists, where it lists them.
pub(super) fn as_listed(name: &str, bytes: &[u8], listed: &MetaFile) -> Result<(), Refused> {
    listed_by(name, bytes.len(), listed, |algorithm| digest(bytes, algorithm))
}

/// The same of a file that is held.
pub(super) fn held_as_listed(name: &str, file: &Bytes, listed: &MetaFile) -> Result<(), Refused> {
    listed_by(name, file.len(), listed, |algorithm| match algorithm {
        "sha256" => Some(hex::encode(file.sha256())),
        other => digest(file, other),
    })
}

fn listed_by(
    name: &str,
    length: usize,
    listed: &MetaFile,
    digest: impl Fn(&str) -> Option<String>,
) -> Result<(), Refused> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    if let Some(listed) = listed.length.filter(|listed| *listed != length) {
        return refuse(rules::LENGTH_AS_LISTED, name, format!("{length} bytes and not {listed}"));
    }
    if !listed.hashes.is_empty() {
        let hashes = listed.hashes.iter().map(|(name, hash)| (name.as_str(), hash.as_str()));
        digests_hold(digest, hashes).or_else(|why| refuse(rules::HASHES_AS_LISTED, name, why))?;
    }
    Ok(())
}

/// What snapshot says of a role that `delegator` names (section 5.6).
pub(super) fn listed_role<'s>(
    snapshot: &'s Snapshot,
    delegator: &str,
    role: &str,
) -> Result<&'s MetaFile, Refused> {
    snapshot.meta.get(&format!("{role}.json")).ok_or_else(|| Refused {
        rule: rules::LISTED_IN_SNAPSHOT,
        file: file_name(role, None),
        why: format!("{delegator} delegates to it, and snapshot does not list it"),
    })
}

/// Whether every listed hash of a known algorithm is the hash of `bytes`, and at least one is known.
pub fn hashes_hold<'h>(
    bytes: &[u8],
    hashes: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Result<(), String> {
    digests_hold(|algorithm| digest(bytes, algorithm), hashes)
}

fn digests_hold<'h>(
    digest: impl Fn(&str) -> Option<String>,
    hashes: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Result<(), String> {
    let mut known = 0;
    for (algorithm, listed) in hashes {
        let Some(found) = digest(algorithm) else { continue };
        known += 1;
        if !found.eq_ignore_ascii_case(listed) {
            return Err(format!("{algorithm} is {found} and not {listed}"));
        }
    }
    if known == 0 {
        return Err("no hash by sha256 or sha512 is listed".to_owned());
    }
    Ok(())
}

/// In hex, by an algorithm that clients know.
fn digest(bytes: &[u8], algorithm: &str) -> Option<String> {
    match algorithm {
        "sha256" => Some(hex::encode(Sha256::digest(bytes))),
        "sha512" => Some(hex::encode(Sha512::digest(bytes))),
        _ => None,
    }
}
