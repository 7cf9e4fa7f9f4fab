//! A small repository with fixed keys, to be bent one way at a time.

use std::collections::BTreeMap;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::tuf::Date;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Signature;
use keyrite::tuf::client::Files;
use keyrite::tuf::client::Refused;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::Verified;
use keyrite::tuf::client::file_name;
use keyrite::tuf::client::verify;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

/// The time of the tests; everything in the world expires a month later.
pub(crate) const NOW: &str = "2026-12-03T09:00:00Z";
pub(crate) const EXPIRES: &str = "2027-01-03T09:00:00Z";

pub(crate) fn now() -> Date {
    NOW.parse().unwrap()
}

pub(crate) fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn public(n: u8) -> PublicKey {
    PublicKey::ed25519(signer(n).verifying_key().to_bytes())
}

pub(crate) fn keyids(keys: &[u8]) -> Vec<String> {
    keys.iter().map(|n| public(*n).keyid().0).collect()
}

pub(crate) fn keys(keys: &[u8]) -> Value {
    keys.iter().map(|n| (public(*n).keyid().0, public(*n).to_json().clone())).collect()
}

pub(crate) fn signed_by(signed: &Value, signers: &[u8]) -> Metadata {
    let mut metadata = Metadata::unsigned(signed.clone()).unwrap();
    for n in signers {
        let sig = hex::encode(signer(*n).sign(metadata.payload()).to_bytes());
        metadata.add(Signature { keyid: public(*n).keyid(), sig });
    }
    metadata
}

pub(crate) fn root(version: u64, root_keys: &[u8], threshold: u32) -> Value {
    let all: Vec<u8> = [root_keys, &[4, 5, 6]].concat();
    json!({
        "_type": "root", "spec_version": "1.0.31", "version": version, "expires": EXPIRES,
        "consistent_snapshot": true, "keys": keys(&all),
        "roles": {
            "root": {"keyids": keyids(root_keys), "threshold": threshold},
            "targets": {"keyids": keyids(&[4]), "threshold": 1},
            "snapshot": {"keyids": keyids(&[5]), "threshold": 1},
            "timestamp": {"keyids": keyids(&[6]), "threshold": 1},
        },
    })
}

pub(crate) fn target(content: &[u8]) -> Value {
    json!({"length": content.len(), "hashes": {"sha256": hex::encode(Sha256::digest(content))}})
}

pub(crate) fn targets(version: u64, targets: Value) -> Value {
    json!({"_type": "targets", "spec_version": "1.0.31", "version": version, "expires": EXPIRES, "targets": targets})
}

pub(crate) fn delegation(name: &str, keys: &[u8], paths: &[&str]) -> Value {
    json!({"name": name, "keyids": keyids(keys), "threshold": 1, "terminating": false, "paths": paths})
}

/// The parts, each with its signers; [`World::build`] links and signs them.
pub(crate) struct World {
    /// From version 1.
    pub(crate) roots: Vec<(Value, Vec<u8>)>,
    /// `targets` and delegated roles.
    pub(crate) roles: BTreeMap<String, (Value, Vec<u8>)>,
    pub(crate) snapshot: (Value, Vec<u8>),
    pub(crate) timestamp: (Value, Vec<u8>),
    pub(crate) consistent: bool,
}

/// Root 1 (keys 1, 2, 3; two sign), root 2 (key 1 replaced by 7), targets, a delegation `dev` (key 8) of `dev/*`.
pub(crate) fn world() -> World {
    let mut top = targets(3, json!({"app.txt": target(b"app")}));
    top["delegations"] = json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["dev/*"])]});
    let dev = targets(2, json!({"dev/tool.txt": target(b"tool")}));
    let online = |kind: &str, version: u64| json!({"_type": kind, "spec_version": "1.0.31", "version": version, "expires": EXPIRES, "meta": {}});
    World {
        roots: vec![(root(1, &[1, 2, 3], 2), vec![1, 2]), (root(2, &[7, 2, 3], 2), vec![2, 3])],
        roles: [("targets".to_owned(), (top, vec![4])), ("dev".to_owned(), (dev, vec![8]))].into(),
        snapshot: (online("snapshot", 5), vec![5]),
        timestamp: (online("timestamp", 9), vec![6]),
        consistent: true,
    }
}

pub(crate) fn meta(file: &[u8], version: &Value) -> Value {
    json!({"version": version, "length": file.len(), "hashes": {"sha256": hex::encode(Sha256::digest(file))}})
}

impl World {
    /// The role's signed part.
    pub(crate) fn role(&mut self, name: &str) -> &mut Value {
        &mut self.roles.get_mut(name).unwrap().0
    }

    pub(crate) fn build(&self) -> Set {
        let mut files = BTreeMap::new();
        for (i, (root, signers)) in self.roots.iter().enumerate() {
            files.insert(format!("{}.root.json", i + 1), signed_by(root, signers).to_file());
        }
        let named =
            |role: &str, version: &Value| file_name(role, version.as_u64().filter(|_| self.consistent));
        let mut snapshot = self.snapshot.0.clone();
        for (role, (signed, signers)) in &self.roles {
            let file = signed_by(signed, signers).to_file();
            snapshot["meta"][format!("{role}.json")] = meta(&file, &signed["version"]);
            files.insert(named(role, &signed["version"]), file);
        }
        let file = signed_by(&snapshot, &self.snapshot.1).to_file();
        let mut timestamp = self.timestamp.0.clone();
        timestamp["meta"]["snapshot.json"] = meta(&file, &snapshot["version"]);
        files.insert(named("snapshot", &snapshot["version"]), file);
        files.insert("timestamp.json".to_owned(), signed_by(&timestamp, &self.timestamp.1).to_file());
        Set(files)
    }
}

/// Files in memory.
#[derive(Clone)]
pub(crate) struct Set(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files for Set {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        match self.0.get(name) {
            Some(bytes) if bytes.len() as u64 > max => Err(format!("larger than {max} bytes")),
            found => Ok(found.cloned()),
        }
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.0.keys().cloned().collect())
    }
}

impl Set {
    pub(crate) fn verify_from(&self, pinned: &str, scope: Scope) -> Result<Verified, Refused> {
        let request = Request { pinned: &self.0[pinned], at: now(), scope, allow_rehearsal: false };
        verify(self, &request)
    }

    pub(crate) fn verify(&self) -> Result<Verified, Refused> {
        self.verify_from("1.root.json", Scope::Full)
    }

    /// The rule by which the set is refused, and the file it names.
    pub(crate) fn refused(&self) -> (&'static str, String) {
        let refused = self.verify().unwrap_err();
        (refused.rule, refused.file)
    }

    pub(crate) fn put(&mut self, name: &str, metadata: &Metadata) {
        self.0.insert(name.to_owned(), metadata.to_file());
    }
}
