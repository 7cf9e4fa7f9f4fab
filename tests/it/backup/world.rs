//! A small ceremony whose key ana is split between bo, oli and wim: two shown, one printed.

use std::fs;
use std::path::PathBuf;

use keyrite::keystore::Store;
use keyrite::keystore::shares::Share;
use keyrite::keystore::shares::Split;
use keyrite::keystore::simulated;
use keyrite::keystore::simulated::Held;
use keyrite::keystore::simulated::Simulated;
use keyrite::plan::Plan;
use keyrite::store_uri::Pkcs11Uri;
use keyrite::tuf::Scheme;
use secrecy::SecretString;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;

/// The good plan with a key in shares, and a drive for the last of them.
pub(super) fn plan() -> String {
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let put = |file: String, from: &str, to: &str| {
        assert!(file.contains(from), "{from}");
        file.replacen(from, to, 1)
    };
    let file =
        put(good, "generate: true}", "generate: true, shares: {threshold: 2, holders: [bo, oli, wim]}}");
    let file = put(file, "steps:\n", "materials:\n  drives: {red: {label: RED}}\nsteps:\n");
    let steps = "  - {do: generate-key, key: online}
  - {for_each: [bo, oli], do: share-key, key: ana, to: \"{k}\"}
  - {do: mount-drive, drive: red}
  - {do: share-key, key: ana, to: wim, drive: red, confirm: [oli]}
  - {do: eject-drive, drive: red}
  - {do: restore-drill, key: ana, shares: all}
";
    let file = put(file, "  - {do: generate-key, key: online}\n", steps);
    put(file, "  - {do: close}", "  - {do: verify, bundle: true, by: wim}\n  - {do: close}")
}

/// The same without a drive: every share is shown.
pub(crate) fn by_words_alone() -> String {
    let plan = plan()
        .replace("  - {do: mount-drive, drive: red}\n", "")
        .replace("  - {do: eject-drive, drive: red}\n", "");
    plan.replace("to: wim, drive: red, ", "to: wim, ")
        .replace("materials:\n  drives: {red: {label: RED}}\n", "")
}

/// A directory with that ceremony, and answers.
pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ceremony.yaml"), plan()).unwrap();
        Self { dir }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Answers for everything, with what the holders give.
    pub(super) fn answers(&self, shares: &str) {
        let secrets = "  bo: {passphrase: open sesame}\n  online: {passphrase: open sesame}\n";
        let answers = format!(
            "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n{secrets}  ana: {{passphrase: open sesame, shares: {{{shares}}}}}\n"
        );
        fs::write(self.at("answers.yaml"), answers).unwrap();
    }

    /// Performs or rehearses it into this record.
    pub(super) fn run(&self, record: &str, more: &[&str]) -> Said {
        run_by_file(&self.at("ceremony.yaml"), &self.at("answers.yaml"), &self.at(record), more)
    }

    pub(super) fn resume(&self, record: &str) -> Said {
        let (record, answers) = (self.at(record), self.at("answers.yaml"));
        keyrite(&["resume", text(&record), "--plain", "--answers", text(&answers)])
    }

    pub(super) fn journal(&self, record: &str) -> String {
        fs::read_to_string(self.at(record).join("journal.jsonl")).unwrap()
    }
}

/// A share that a rehearsal of this file hands out: its keys are public knowledge.
pub(super) fn rehearsed(plan: &str, key: &str, index: u8) -> Share {
    let plan = Plan::read(plan, None).unwrap_or_else(|problems| panic!("{problems:?}"));
    let held = Held { scheme: Scheme::Ed25519, bits: None };
    let seed = simulated::seed(&plan.digest.0, key);
    let mut token = Simulated::new(&Pkcs11Uri::default(), seed, Some(held));
    let pin = SecretString::from("0000");
    let public = token.find(Some(&pin)).unwrap().unwrap().public;
    token.share(Some(&pin), &public, Split::new(2, 3).unwrap(), index).unwrap()
}

/// The words of a share, row by row.
pub(super) fn rows(share: &Share) -> Vec<String> {
    let row = |line: &String| line.trim().split_once("  ").unwrap().1.trim().to_owned();
    share.lines().iter().map(row).collect()
}

/// The text of a share with one bit changed, and the checksum of what it is now.
pub(super) fn forged(share: &Share) -> String {
    use sha2::Digest;
    let text = share.text();
    let (mark, data) = text.split_once(':').unwrap();
    let mut whole = keyrite::tuf::base32::decode(data).unwrap();
    whole[20] ^= 4;
    let told = whole.len() - 4;
    let check = sha2::Sha256::digest(&whole[..told]);
    whole[told..].copy_from_slice(&check[..4]);
    format!("{mark}:{}", keyrite::tuf::base32::encode(&whole))
}
