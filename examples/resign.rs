//! Signs every bin of a repository anew, with the library alone: each one version higher, snapshot and timestamp after
//! them. No ceremony, no record and nobody who is asked: it is there to be measured beside programs that do the same.
//!
//! ```text
//! resign METADATA KEYS OUT        KEYS has bins-0.raw, snapshot-0.raw, timestamp-0.raw: Ed25519 seeds of 32 bytes
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
    let targets = read("1.targets.json")?;
    let delegations = Delegations::from_json(&targets.signed()["delegations"])?;
    let (mut snapshot, mut timestamp) = (
        Snapshot::from_signed(read("1.snapshot.json")?.signed())?,
        Timestamp::from_signed(read("timestamp.json")?.signed())?,
    );
    let signer = Key::read(keys, "bins")?;
    for name in delegations.roles.iter().map(|bin| &bin.name) {
        let listed = snapshot.meta.get_mut(&format!("{name}.json")).ok_or("a bin is not in the snapshot")?;
        let bin = read(&format!("{}.{name}.json", listed.version))?;
        let version = listed.version + 1;
        let mut signed = bin.signed().clone();
        signed["version"] = json!(version);
        *listed =
            signer.write(bin.with_signed(signed)?, version, &out.join(format!("{version}.{name}.json")))?;
    }
    snapshot.version += 1;
    timestamp.version += 1;
    let path = out.join(format!("{}.snapshot.json", snapshot.version));
    let unsigned = Metadata::unsigned(snapshot.to_signed())?;
    timestamp.snapshot = Key::read(keys, "snapshot")?.write(unsigned, snapshot.version, &path)?;
    let unsigned = Metadata::unsigned(timestamp.to_signed())?;
    Key::read(keys, "timestamp")?.write(unsigned, timestamp.version, &out.join("timestamp.json"))?;
    println!("{} bins", delegations.roles.len());
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
