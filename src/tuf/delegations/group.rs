//! The metadata of hash bins, built as one group: thousands of targets roles with the same keys and terms.
//!
//! Target files go to their bins in one pass with one hash of each path, and are written into the payload at once:
//! never a look at every bin for every file, and no tree of values. A group is signed by one call
//! of a key store with all its payloads, and every signature is verified before it is taken in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::Bytes;
use crate::tuf::canonical;
use crate::tuf::date::Date;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::fault::Fault;
use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata;
use crate::tuf::metadata::Signature;
use crate::tuf::role::RoleKeys;
use crate::tuf::role::Unmet;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::listed::Written;

/// What all bins of a group say alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How many, and their names.
    pub layout: Layout,
    /// `expires` of each bin that is built.
    pub expires: Date,
    /// Fields that the specification does not name.
    pub extra: Map<String, Value>,
}

/// One bin, ready to be signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// Its number.
    pub number: u32,
    /// `version`
    pub version: u64,
    payload: Bytes,
    signatures: Vec<Signature>,
}

/// The bins of a layout, each built anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    layout: Layout,
    bins: Vec<Bin>,
}

/// A bin whose signatures do not hold.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum GroupError {
    /// A signature does not verify.
    #[error("the signature over {0} does not verify")]
    BadSignature(String),
    /// There is not one signature for each bin.
    #[error("{found} signatures for {bins} bins")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there should be.
        bins: usize,
    },
    /// Too few keys signed a bin.
    #[error("{bin}: {unmet}")]
    Unmet {
        /// The bin's name.
        bin: String,
        /// What is missing.
        unmet: Unmet,
    },
}

impl Group {
    /// Builds every bin, each with the version after the highest that clients may have seen of it. `files` come in ascending order of their paths, each once.
    ///
    /// # Errors
    /// TARGETS-IN-ORDER; TARGET-CUSTOM where `custom` has no canonical form.
    pub fn build<'a>(
        terms: &Terms,
        files: impl IntoIterator<Item = (&'a str, &'a TargetFile)>,
        highest: impl Fn(u32) -> Option<u64>,
    ) -> Result<Self, Fault> {
        Self::of(terms, files.into_iter().map(|(path, file)| (path, Written::New(file))), highest)
    }

    /// The same, where some of the files stay as they lie.
    pub(crate) fn of<'a>(
        terms: &Terms,
        files: impl Iterator<Item = (&'a str, Written<'a>)>,
        highest: impl Fn(u32) -> Option<u64>,
    ) -> Result<Self, Fault> {
        let layout = terms.layout.clone();
        let head = head(terms)?;
        let mut payloads: Vec<Vec<u8>> = vec![Vec::new(); layout.count() as usize];
        let mut last: Option<&str> = None;
        for (path, file) in files {
            if last.is_some_and(|last| last >= path) {
                let text = format!("{path} does not follow the path before it");
                return Err(Fault::new("TARGETS-IN-ORDER", path, text));
            }
            last = Some(path);
            let Some(payload) = payloads.get_mut(layout.bin_of(path) as usize) else { continue };
            if payload.is_empty() {
                payload.extend_from_slice(&head);
            } else {
                payload.push(b',');
            }
            canonical::write_string(path, payload);
            payload.push(b':');
            file.write(payload).map_err(no_form(path))?;
        }
        let mut bins = Vec::new();
        for (number, mut payload) in (0..).zip(payloads) {
            if payload.is_empty() {
                payload.extend_from_slice(&head);
            }
            let version = highest(number).map_or(1, |highest| highest + 1);
            tail(terms, version, &mut payload)?;
            payload.shrink_to_fit();
            bins.push(Bin { number, version, payload: payload.into(), signatures: Vec::new() });
        }
        Ok(Self { layout, bins })
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The bins that were built, by number.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// What is to be signed, for one call of a key store.
    pub fn payloads(&self) -> Vec<Bytes> {
        self.bins.iter().map(|bin| bin.payload.clone()).collect()
    }

    /// SHA-256 over one line a bin, `SHA256-OF-THE-PAYLOAD  VERSION.NAME`: what people review and compare.
    pub fn digest(&self) -> [u8; 32] {
        let mut lines = Sha256::new();
        for bin in &self.bins {
            let digest = hex::encode(bin.payload.sha256());
            lines.update(format!("{digest}  {}.{}\n", bin.version, self.layout.name(bin.number)));
        }
        lines.finalize().into()
    }

    /// The same over the files as they are signed.
    pub fn digest_of_files(&self) -> [u8; 32] {
        let mut lines = Sha256::new();
        for bin in &self.bins {
            let digest = hex::encode(Sha256::digest(self.file(bin)));
            lines.update(format!("{digest}  {}\n", self.file_name(bin)));
        }
        lines.finalize().into()
    }

    /// Takes in one signature of a key for each bin, in their order. All verify, or nothing is taken in.
    pub fn add(&mut self, keyid: &KeyId, key: &PublicKey, signatures: &[Vec<u8>]) -> Result<(), GroupError> {
        if signatures.len() != self.bins.len() {
            return Err(GroupError::Count { found: signatures.len(), bins: self.bins.len() });
        }
        for (bin, signature) in self.bins.iter().zip(signatures) {
            if bin.payload.verify(key, signature).is_err() {
                return Err(GroupError::BadSignature(self.layout.name(bin.number)));
            }
        }
        for (bin, signature) in self.bins.iter_mut().zip(signatures) {
            bin.signatures.retain(|other| other.keyid != *keyid);
            bin.signatures.push(Signature { keyid: keyid.clone(), sig: hex::encode(signature) });
        }
        Ok(())
    }

    /// The keys that signed every bin, when each bin has its threshold.
    pub fn verify(&self, role_keys: &RoleKeys) -> Result<BTreeSet<KeyId>, GroupError> {
        let mut signed: BTreeSet<KeyId> = role_keys.keys.keys().cloned().collect();
        for bin in &self.bins {
            let by = role_keys.verify(&bin.payload, &bin.signatures);
            let by = by.map_err(|unmet| GroupError::Unmet { bin: self.layout.name(bin.number), unmet })?;
            signed.retain(|keyid| by.contains(keyid));
        }
        Ok(signed)
    }

    /// The file of a bin.
    pub fn file(&self, bin: &Bin) -> Vec<u8> {
        metadata::file(&bin.payload, &bin.signatures)
    }

    /// The name of a bin's file: `N.NAME.json`.
    pub fn file_name(&self, bin: &Bin) -> String {
        format!("{}.{}.json", bin.version, self.layout.name(bin.number))
    }

    /// What snapshot says of each bin that was built: `NAME.json` to version, length and SHA-256.
    pub fn meta(&self) -> BTreeMap<String, MetaFile> {
        let of = |bin: &Bin| {
            let file = self.file(bin);
            let hashes = BTreeMap::from([("sha256".to_owned(), hex::encode(Sha256::digest(&file)))]);
            let meta = MetaFile { version: bin.version, length: Some(file.len() as u64), hashes };
            (format!("{}.json", self.layout.name(bin.number)), meta)
        };
        self.bins.iter().map(of).collect()
    }
}

impl Bin {
    /// The bytes that signatures are over.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures, each verified as it came in.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

fn no_form(path: &str) -> impl Fn(canonical::CanonicalError) -> Fault {
    move |error| Fault::new("TARGET-CUSTOM", path, format!("{path}: {error}"))
}

/// The members of a signed part in canonical order, but for `targets`.
fn members(terms: &Terms, version: u64) -> Map<String, Value> {
    let mut members = fields::write("targets", version, terms.expires, &terms.extra);
    members.remove("targets");
    members
}

/// Everything before the first target file: the same for every bin, for `version` stands behind.
fn head(terms: &Terms) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::from(*b"{");
    for (name, value) in members(terms, 1).iter().take_while(|(name, _)| name.as_str() < "targets") {
        canonical::write_string(name, &mut out);
        out.push(b':');
        out.extend(canonical::to_vec(value).map_err(no_form(""))?);
        out.push(b',');
    }
    out.extend_from_slice(b"\"targets\":{");
    Ok(out)
}

/// Everything after the last target file.
fn tail(terms: &Terms, version: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.push(b'}');
    for (name, value) in members(terms, version).iter().skip_while(|(name, _)| name.as_str() < "targets") {
        out.push(b',');
        canonical::write_string(name, out);
        out.push(b':');
        out.extend(canonical::to_vec(value).map_err(no_form(""))?);
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tuf::metadata::Metadata;
    use crate::tuf::targets::Targets;

    fn terms(count: u64) -> Terms {
        let expires = "2027-01-03T09:00:00Z".parse().unwrap();
        let layout = Layout::new(count, "bin").unwrap();
        Terms { layout, expires, extra: Map::new() }
    }

    fn files(names: &[&str]) -> BTreeMap<String, TargetFile> {
        let hashes = BTreeMap::from([("sha256".to_owned(), "ab".repeat(32))]);
        let file = TargetFile { length: 3, hashes: hashes.into(), custom: None };
        names.iter().map(|name| ((*name).to_owned(), file.clone())).collect()
    }

    fn build(terms: &Terms, files: &BTreeMap<String, TargetFile>, highest: &BTreeMap<u32, u64>) -> Group {
        let files = files.iter().map(|(path, file)| (path.as_str(), file));
        Group::build(terms, files, |number| highest.get(&number).copied()).unwrap()
    }

    fn signer(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn public(n: u8) -> PublicKey {
        PublicKey::ed25519(signer(n).verifying_key().to_bytes())
    }

    fn sign(group: &Group, n: u8) -> Vec<Vec<u8>> {
        group.payloads().iter().map(|payload| signer(n).sign(payload).to_bytes().to_vec()).collect()
    }

    const NAMES: [&str; 9] = ["a", "b", "c", "d", "e/f", "g", "h \"i\" \\", "\u{e9}", "z"];

    #[test]
    fn every_file_is_in_the_one_bin_that_clients_look_it_up_in() {
        let terms = terms(8);

        let group = build(&terms, &files(&NAMES), &BTreeMap::new());

        assert_eq!(group.bins().len(), 8);
        let mut found = 0;
        for bin in group.bins() {
            let metadata = Metadata::parse(&group.file(bin)).unwrap();
            let targets = Targets::read(&metadata).unwrap();
            assert!(targets.targets.keys().all(|path| terms.layout.bin_of(path) == bin.number));
            assert_eq!((targets.version, group.file_name(bin)), (1, format!("1.bin-{}.json", bin.number)));
            found += targets.targets.len();
        }
        assert_eq!(found, NAMES.len());
    }

    #[test]
    fn a_bin_that_clients_may_have_seen_never_begins_again() {
        let seen = BTreeMap::from([(3, 41)]);

        let group = build(&terms(8), &files(&[]), &seen);

        let versions: Vec<u64> = group.bins().iter().map(|bin| bin.version).collect();
        assert_eq!(versions, [1, 1, 1, 42, 1, 1, 1, 1]);
    }

    #[test]
    fn a_group_is_signed_by_each_key_at_once_and_each_bin_needs_its_threshold() {
        let mut group = build(&terms(4), &files(&NAMES), &BTreeMap::new());
        let keys = [1, 2].map(|n| (public(n).keyid(), public(n)));
        let role_keys = RoleKeys { keys: keys.clone().into(), threshold: 2 };

        group.add(&keys[0].0, &keys[0].1, &sign(&group, 1)).unwrap();

        let error = group.verify(&role_keys).unwrap_err();
        assert_eq!(error.to_string(), "bin-0: 1 of 2 keys signed");
        group.add(&keys[1].0, &keys[1].1, &sign(&group, 2)).unwrap();
        assert_eq!(group.verify(&role_keys).unwrap().len(), 2);
        let one = &group.bins()[2];
        let read = Metadata::parse(&group.file(one)).unwrap();
        assert!(role_keys.verify(read.payload(), read.signatures()).is_ok());
    }

    #[test]
    fn one_bad_signature_refuses_all_of_them() {
        let mut group = build(&terms(4), &files(&NAMES), &BTreeMap::new());
        let before = group.clone();
        let mut signatures = sign(&group, 1);
        signatures.swap(2, 3);

        let error = group.add(&public(1).keyid(), &public(1), &signatures).unwrap_err();

        assert_eq!(error, GroupError::BadSignature("bin-2".to_owned()));
        let few = group.add(&public(1).keyid(), &public(1), &signatures[..3]).unwrap_err();
        assert_eq!(few, GroupError::Count { found: 3, bins: 4 });
        assert_eq!(group, before);
    }

    #[test]
    fn the_digest_is_over_every_payload_and_its_name() {
        let digest = |count, names: &[&str]| build(&terms(count), &files(names), &BTreeMap::new()).digest();

        assert_eq!(digest(4, &NAMES), digest(4, &NAMES));
        assert_ne!(digest(4, &NAMES), digest(4, &NAMES[1..]));
        assert_ne!(digest(2, &[]), digest(4, &[]));
    }

    #[test]
    fn files_out_of_order_are_refused() {
        let all = files(&["a", "b"]);
        let (a, b) = (("a", &all["a"]), ("b", &all["b"]));
        for order in [[b, a], [a, a]] {
            let fault = Group::build(&terms(2), order, |_| None).unwrap_err();

            assert_eq!(fault.rule, "TARGETS-IN-ORDER");
        }
    }

    proptest! {
        /// The payload that is written at once is the canonical form that the tree of values would have had.
        #[test]
        fn what_is_written_is_the_canonical_form(
            paths in prop::collection::btree_set("[ab\\\\\"/é\n]{1,6}", 0..20),
            custom in prop::option::of("[a\"\\\\]{0,4}"),
            extra in prop::sample::select(vec!["", "a-note", "x-note"]),
            version in 1_u64..1000,
        ) {
            let mut terms = terms(4);
            if !extra.is_empty() {
                terms.extra.insert(extra.to_owned(), json!({"b": [1, true], "a": "é\""}));
            }
            let hashes: BTreeMap<String, String> =
                ["sha256", "sha512"].map(|name| (name.to_owned(), "00".to_owned())).into();
            let custom = custom.map(|text| json!({"z": 1, "a": text}));
            let file = TargetFile { length: version, hashes: hashes.into(), custom };
            let files: BTreeMap<String, TargetFile> = paths.into_iter().map(|path| (path, file.clone())).collect();
            let known = (0..4).map(|n| (n, version - 1)).collect();

            let group = build(&terms, &files, &known);

            for bin in group.bins() {
                let in_bin = files.iter().filter(|(path, _)| terms.layout.bin_of(path) == bin.number);
                let targets = Targets {
                    version,
                    expires: terms.expires,
                    targets: in_bin.map(|(path, file)| (path.clone(), file.clone())).collect(),
                    delegations: None,
                    extra: terms.extra.clone(),
                };
                let whole = Metadata::unsigned(targets.to_signed()).unwrap();
                prop_assert_eq!(bin.payload(), &**whole.payload());
                prop_assert_eq!(group.file(bin), whole.to_file());
            }
        }
    }
}
