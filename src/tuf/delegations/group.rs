//! The metadata of hash bins, built as one group: thousands of targets roles with the same keys and terms.
//!
//! Each path is hashed once: a first pass finds out how long every bin will be, a second one writes each file into its
//! payload. A group is signed by one call of a key store with all its payloads, and every signature is verified before it
//! is taken in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::Bytes;
use crate::tuf::SignedFile;
use crate::tuf::date::Date;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::metadata::Signature;
use crate::tuf::role::RoleKeys;
use crate::tuf::role::Unmet;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::Listed;
use crate::tuf::targets::writer::Writer;

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
    metadata: Metadata,
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
    /// Builds every bin, each with its version. An error is that what they say alike has no canonical form.
    pub fn build(
        terms: &Terms,
        files: Listed<'_>,
        version: impl Fn(u32) -> u64,
    ) -> Result<Self, MetadataError> {
        let layout = terms.layout.clone();
        // How many files, and their bytes.
        let mut rooms = vec![(0, 0); layout.count() as usize];
        let mut places = Vec::with_capacity(files.len());
        for (path, member) in files.members() {
            let place = layout.bin_of(path) as usize;
            // With the comma before it.
            rooms[place].0 += 1;
            rooms[place].1 += member.len() + 1;
            places.push(place);
        }
        let mut writers = Vec::with_capacity(rooms.len());
        for (number, room) in (0..).zip(rooms) {
            let version = version(number);
            let rest = fields::write("targets", version, terms.expires, &terms.extra);
            writers.push((number, version, Writer::new(rest, room)?));
        }
        for (file, place) in places.into_iter().enumerate() {
            writers[place].2.take(files, file)?;
        }
        let bin =
            |(number, version, writer)| Ok(Bin { number, version, metadata: Metadata::written(writer)? });
        let bins = writers.into_iter().map(bin).collect::<Result<_, MetadataError>>()?;
        Ok(Self { layout, bins })
    }

    /// The same bins; where others are the same, what is known of those is known of these.
    pub fn beside(mut self, known: &Self) -> Self {
        for (bin, known) in self.bins.iter_mut().zip(&known.bins) {
            bin.metadata = bin.metadata.clone().beside(&known.metadata);
        }
        self
    }

    /// The same bins before anyone signed them.
    pub fn unsigned(&self) -> Self {
        self.each(|metadata| metadata.with_signatures(Vec::new()))
    }

    /// The same bins, each held once: as its file holds it.
    pub fn as_in_files(&self) -> Self {
        self.each(Metadata::as_in_file)
    }

    fn each(&self, of: impl Fn(&Metadata) -> Metadata) -> Self {
        let bin = |bin: &Bin| Bin { metadata: of(&bin.metadata), ..*bin };
        Self { layout: self.layout.clone(), bins: self.bins.iter().map(bin).collect() }
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
        self.bins.iter().map(|bin| bin.payload().clone()).collect()
    }

    /// Bytes of all payloads.
    pub fn length(&self) -> u64 {
        self.bins.iter().map(|bin| bin.payload().len() as u64).sum()
    }

    /// SHA-256 over one line a bin, `SHA256-OF-THE-PAYLOAD  VERSION.NAME`: what people review and compare.
    pub fn digest(&self) -> [u8; 32] {
        let mut lines = Sha256::new();
        for bin in &self.bins {
            let digest = hex::encode(bin.metadata.sha256());
            lines.update(format!("{digest}  {}.{}\n", bin.version, self.layout.name(bin.number)));
        }
        lines.finalize().into()
    }

    /// The same over the files as they are signed.
    pub fn digest_of_files(&self) -> [u8; 32] {
        let mut lines = Sha256::new();
        for bin in &self.bins {
            let digest = hex::encode(bin.file().sha256());
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
            if bin.payload().verify(key, signature).is_err() {
                return Err(GroupError::BadSignature(self.layout.name(bin.number)));
            }
        }
        for (bin, signature) in self.bins.iter_mut().zip(signatures) {
            bin.metadata.add(Signature { keyid: keyid.clone(), sig: hex::encode(signature) });
        }
        Ok(())
    }

    /// The keys that signed every bin, when each bin has its threshold.
    pub fn verify(&self, role_keys: &RoleKeys) -> Result<BTreeSet<KeyId>, GroupError> {
        let mut signed: BTreeSet<KeyId> = role_keys.keys.keys().cloned().collect();
        for bin in &self.bins {
            let by = role_keys.verify(bin.payload(), bin.signatures());
            let by = by.map_err(|unmet| GroupError::Unmet { bin: self.layout.name(bin.number), unmet })?;
            signed.retain(|keyid| by.contains(keyid));
        }
        Ok(signed)
    }

    /// The name of a bin's file: `N.NAME.json`.
    pub fn file_name(&self, bin: &Bin) -> String {
        format!("{}.{}.json", bin.version, self.layout.name(bin.number))
    }

    /// What snapshot says of each bin that was built: `NAME.json` to version, length and SHA-256.
    pub fn meta(&self) -> BTreeMap<String, MetaFile> {
        let of = |bin: &Bin| {
            let file = bin.file();
            let hashes = BTreeMap::from([("sha256".to_owned(), hex::encode(file.sha256()))]);
            let meta = MetaFile { version: bin.version, length: Some(file.len() as u64), hashes };
            (format!("{}.json", self.layout.name(bin.number)), meta)
        };
        self.bins.iter().map(of).collect()
    }
}

impl Bin {
    /// The bytes that signatures are over.
    pub fn payload(&self) -> &Bytes {
        self.metadata.payload()
    }

    /// The signatures, each verified as it came in.
    pub fn signatures(&self) -> &[Signature] {
        self.metadata.signatures()
    }

    /// Its file, made once.
    pub fn file(&self) -> &SignedFile {
        self.metadata.file()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tuf::targets::Files;
    use crate::tuf::targets::TargetFile;
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

    fn build(terms: &Terms, files: &BTreeMap<String, TargetFile>, versions: &BTreeMap<u32, u64>) -> Group {
        let files = Files::of(files.iter().map(|(path, file)| (path.as_str(), file))).unwrap();
        Group::build(terms, files.listed(), |number| versions.get(&number).copied().unwrap_or(1)).unwrap()
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
            let metadata = Metadata::parse(bin.file()).unwrap();
            let targets = Targets::read(&metadata).unwrap();
            assert!(targets.targets.keys().all(|path| terms.layout.bin_of(path) == bin.number));
            assert_eq!((targets.version, group.file_name(bin)), (1, format!("1.bin-{}.json", bin.number)));
            found += targets.targets.len();
        }
        assert_eq!(found, NAMES.len());
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
        let read = Metadata::parse(one.file()).unwrap();
        assert!(role_keys.verify(read.payload(), read.signatures()).is_ok());
    }

    #[test]
    fn bins_that_are_the_same_share_what_was_proven_and_changed_ones_inherit_nothing() {
        let files = files(&NAMES);
        let mut known = build(&terms(4), &files, &BTreeMap::new());
        let (keyid, key) = (public(1).keyid(), public(1));
        known.add(&keyid, &key, &sign(&known, 1)).unwrap();
        let held = known.as_in_files();
        assert_eq!(held, known);
        assert_eq!((held.meta(), held.digest_of_files()), (known.meta(), known.digest_of_files()));
        let file = |group: &Group, at: usize| group.bins()[at].file().as_ptr();
        assert_eq!(file(&held.as_in_files(), 0), file(&held, 0));

        let same = build(&terms(4), &files, &BTreeMap::new());
        let shared = |group: Group| {
            let shares = |(bin, known): (&Bin, &Bin)| bin.payload().as_ptr() == known.payload().as_ptr();
            group.beside(&held).bins().iter().zip(held.bins()).map(shares).collect::<Vec<_>>()
        };
        let mut others = files.clone();
        others.insert("z".to_owned(), TargetFile { length: 4, ..files["z"].clone() });
        let changed = build(&terms(4), &others, &BTreeMap::new());
        let place = terms(4).layout.bin_of("z") as usize;

        assert_eq!(shared(same.clone()), [true; 4]);
        assert!(same.clone().beside(&held).bins().iter().all(|bin| bin.signatures().is_empty()));
        assert_eq!(held.unsigned(), same);
        let beside: Vec<bool> = shared(changed.clone());
        assert!(beside.iter().enumerate().all(|(at, shares)| *shares == (at != place)), "{beside:?}");
        let mut changed = changed.beside(&held);
        let error = changed.add(&keyid, &key, &sign(&held, 1)).unwrap_err();
        assert_eq!(error, GroupError::BadSignature(terms(4).layout.name(terms(4).layout.bin_of("z"))));
        assert_ne!(changed.bins()[place].file().sha256(), held.bins()[place].file().sha256());
        let others = build(&terms(4), &files, &(0..4).map(|n| (n, 2)).collect());
        assert_eq!(shared(others), [false; 4]);
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
            let known = (0..4).map(|n| (n, version)).collect();

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
                prop_assert_eq!(bin.payload(), whole.payload());
                prop_assert_eq!(&***bin.file(), whole.to_file());
            }
        }
    }
}
