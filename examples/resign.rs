//! Signs targets of a repository anew, with the library alone: every bin where there are bins, else the one file, after its hash
//! and its signatures were verified; each one version higher, snapshot and timestamp after them. No ceremony, no record and
//! nobody who is asked: it is there to be measured beside programs that do the same.
//!
//! ```text
//! resign METADATA KEYS OUT        KEYS has ROLE-0.raw, Ed25519 seeds of 32 bytes, ROLE being targets or bins, snapshot, timestamp
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Signature;
use keyrite::tuf::delegations::Delegations;
use keyrite::tuf::root::Root;
use keyrite::tuf::snapshot::MetaFile;
use keyrite::tuf::snapshot::Snapshot;
use keyrite::tuf::timestamp::Timestamp;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [metadata, keys, out] = arguments.iter().map(Path::new).collect::<Vec<_>>()[..] else {
        return Err("resign METADATA KEYS OUT".into());
    };
    fs::create_dir_all(out)?;
    let read = |name: &str| Ok::<_, Box<dyn Error>>(Metadata::parse(&fs::read(metadata.join(name))?)?);
    let (mut snapshot, mut timestamp) = (
        Snapshot::from_signed(read("1.snapshot.json")?.signed())?,
        Timestamp::from_signed(read("timestamp.json")?.signed())?,
    );
    let file = fs::read(metadata.join("1.targets.json"))?;
    let targets = Metadata::parse(&file)?;
    let bins = match targets.signed().get("delegations") {
        Some(delegations) => Delegations::from_json(delegations)?.roles,
        None => Vec::new(),
    };
    if bins.is_empty() {
        let listed = snapshot.meta.get_mut("targets.json").ok_or("targets is not in the snapshot")?;
        let sha256 = hex::encode(Sha256::digest(&file));
        drop(file);
        if listed.hashes.get("sha256") != Some(&sha256) {
            return Err("targets is not the file that the snapshot lists".into());
        }
        let trusted = Root::from_signed(read("1.root.json")?.signed())?;
        let trusted = trusted.role_keys("targets").ok_or("root says nothing of targets")?;
        trusted.verify(targets.payload(), targets.signatures()).map_err(|_| "targets does not verify")?;
        *listed = Key::read(keys, "targets")?.again(&targets, listed.version + 1, "targets", out)?;
    }
    let signer = if bins.is_empty() { None } else { Some(Key::read(keys, "bins")?) };
    for name in bins.iter().map(|bin| &bin.name) {
        let listed = snapshot.meta.get_mut(&format!("{name}.json")).ok_or("a bin is not in the snapshot")?;
        let bin = read(&format!("{}.{name}.json", listed.version))?;
        *listed = signer.as_ref().ok_or("no key of the bins")?.again(&bin, listed.version + 1, name, out)?;
    }
    snapshot.version += 1;
    timestamp.version += 1;
    let path = out.join(format!("{}.snapshot.json", snapshot.version));
    let unsigned = Metadata::unsigned(snapshot.to_signed())?;
    timestamp.snapshot = Key::read(keys, "snapshot")?.write(unsigned, snapshot.version, &path)?;
    let unsigned = Metadata::unsigned(timestamp.to_signed())?;
    Key::read(keys, "timestamp")?.write(unsigned, timestamp.version, &out.join("timestamp.json"))?;
    println!("{} bins", bins.len());
    Ok(())
}

/// A private key and its label.
struct Key {
    private: SigningKey,
    keyid: KeyId,
}

impl Key {
    fn read(keys: &Path, role: &str) -> Result<Self, Box<dyn Error>> {
        let seed = fs::read(keys.join(format!("{role}-0.raw")))?;
        let private = SigningKey::try_from(seed.as_slice())?;
        let keyid = PublicKey::ed25519(private.verifying_key().to_bytes()).keyid();
        Ok(Self { private, keyid })
    }

    /// Signs this version of what a targets role says.
    fn again(
        &self,
        metadata: &Metadata,
        version: u64,
        role: &str,
        out: &Path,
    ) -> Result<MetaFile, Box<dyn Error>> {
        let mut signed = metadata.signed().clone();
        signed["version"] = json!(version);
        self.write(metadata.with_signed(signed)?, version, &out.join(format!("{version}.{role}.json")))
    }

    /// Signs it and writes the file, and returns what a snapshot says of that.
    fn write(&self, mut metadata: Metadata, version: u64, path: &Path) -> Result<MetaFile, Box<dyn Error>> {
        let sig = hex::encode(self.private.sign(metadata.payload()).to_bytes());
        metadata.add(Signature { keyid: self.keyid.clone(), sig });
        let file = metadata.to_file();
        fs::write(path, &file)?;
        let hashes = BTreeMap::from([("sha256".to_owned(), hex::encode(Sha256::digest(&file)))]);
        Ok(MetaFile { version, length: Some(file.len() as u64), hashes })
    }
}
