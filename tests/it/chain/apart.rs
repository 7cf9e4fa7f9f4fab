//! The new root of a change, signed by people who are not in one room: what `merge` takes, and what it refuses.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ed25519_dalek::Signer;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::apart::Response;
use keyrite::words::Digest;

use super::change::Change;
use super::model::Model;
use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// A directory with the unsigned root, and a response for each signature that the ceremony made.
struct Desk {
    dir: PathBuf,
    new: Metadata,
    old: PathBuf,
    version: u64,
    names: Vec<(String, PathBuf)>,
}

impl Desk {
    fn new(model: &Model, change: &Change, record: &Path) -> Self {
        let version = change.after.roles["root"].version;
        let dir = record.parent().unwrap().join("apart");
        fs::create_dir(&dir).unwrap();
        let file = |version: u64| record.join(format!("bundle/metadata/{version}.root.json"));
        let new = Metadata::parse(&fs::read(file(version)).unwrap()).unwrap();
        fs::write(dir.join("root.json"), new.with_signatures(Vec::new()).to_file()).unwrap();
        let mut desk = Self { dir, new, old: file(version - 1), version, names: Vec::new() };
        for signature in desk.new.signatures().to_vec() {
            let key = model.keys.values().find(|key| key.keyid == signature.keyid.0);
            let name = key.map_or_else(|| signature.keyid.0.clone(), |key| key.name.clone());
            let path = desk.response(&name, &signature.keyid.0, &desk.new, version, &signature.sig);
            desk.names.push((name, path));
        }
        desk
    }

    fn response(&self, file: &str, keyid: &str, over: &Metadata, version: u64, sig: &str) -> PathBuf {
        let sha256 = Digest::of(over.payload()).hex();
        let sig = hex::decode(sig).unwrap();
        let keyid = keyrite::tuf::KeyId(keyid.to_owned());
        let response = Response::new("root", version, &sha256, keyid, "ed25519", &sig);
        let path = self.dir.join(format!("{file}.response"));
        fs::write(&path, response.to_file()).unwrap();
        path
    }

    fn merge(&self, out: &str, responses: &[&PathBuf]) -> Said {
        let (root, out) = (self.dir.join("root.json"), self.dir.join(out));
        let mut args = vec!["--json", "merge", text(&root)];
        args.extend(responses.iter().map(|path| text(path)));
        args.extend(["--from", text(&self.old), "--out", text(&out)]);
        keyrite(&args)
    }

    /// All responses but so many that one of these keys' threshold lacks one.
    fn one_less(&self, keys: &[String], threshold: usize) -> Vec<&PathBuf> {
        let mut left = threshold - 1;
        let mut kept = Vec::new();
        for (name, path) in &self.names {
            if !keys.contains(name) {
                kept.push(path);
            } else if left > 0 {
                left -= 1;
                kept.push(path);
            }
        }
        kept
    }
}

fn outcomes(said: &Said) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
}

/// With everyone's response the root is the one that the ceremony signed; with one less, `merge` says no.
pub(super) fn merges(model: &Model, change: &Change, record: &Path) {
    if !change.spec.in_room().contains(&"root") {
        return;
    }
    let desk = Desk::new(model, change, record);
    let everyone: Vec<&PathBuf> = desk.names.iter().map(|(_, path)| path).collect();
    desk.merge("whole.json", &everyone).ended(0);
    let merged = Metadata::parse(&fs::read(desk.dir.join("whole.json")).unwrap()).unwrap();
    assert!(merged.payload() == desk.new.payload());
    assert_eq!(merged.signatures().len(), desk.names.len());

    for (out, role) in [("old", &model.state.roles["root"]), ("new", &change.after.roles["root"])] {
        let few = desk.one_less(&role.keys, role.threshold);
        // One more who signs twice, one who signed the root before, and one who is nobody's custodian.
        let mut all = few.clone();
        all.extend(few.first().copied());
        let old = Metadata::parse(&fs::read(&desk.old).unwrap()).unwrap();
        let replayed = &old.signatures()[0];
        let before = desk.version - 1;
        let replay = desk.response(&format!("{out}-replay"), &replayed.keyid.0, &old, before, &replayed.sig);
        let nobody = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
        let by_nobody = hex::encode(nobody.sign(desk.new.payload()).to_bytes());
        let keyid = PublicKey::ed25519(nobody.verifying_key().to_bytes()).keyid().0;
        let stranger = desk.response(&format!("{out}-stranger"), &keyid, &desk.new, desk.version, &by_nobody);
        let missing = desk.names.iter().find(|(_, path)| !few.contains(&path)).unwrap();
        let missing = Response::parse(&fs::read(&missing.1).unwrap()).unwrap();
        let forged =
            desk.response(&format!("{out}-forged"), &missing.keyid.0, &desk.new, desk.version, &replayed.sig);
        all.extend([&replay, &stranger, &forged]);
        let said = desk.merge(out, &all).ended(1);
        let mut expected = vec!["added"; few.len()];
        expected.extend(few.first().map(|_| "already-there"));
        expected.extend(["replay", "stranger", "does-not-verify"]);
        assert_eq!(outcomes(&said), expected, "{}", said.err);
    }
}
