//! Tokens of SoftHSM that people put into the reader and take out, and the ceremony that is held with them.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

/// Each token with its serial number and the directory that it is.
struct Token {
    label: String,
    serial: String,
    dir: String,
}

/// Three tokens: in the reader at first, or on the table.
pub(super) struct Tokens {
    pub(super) world: World,
    table: tempfile::TempDir,
    all: Vec<Token>,
}

impl Tokens {
    pub(super) fn new() -> Option<Self> {
        let world = World::softhsm()?;
        world.add_token("ROOT-ANA");
        world.add_token("ROOT-CHI");
        let mut this = Self { world, table: tempfile::tempdir().unwrap(), all: Vec::new() };
        let listed = this.told(&["token", "list", "--module", text(&this.world.module)]);
        let names: Vec<String> = fs::read_dir(this.reader())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let tokens = listed["tokens"].as_array().unwrap().iter().filter(|token| token["initialised"] == true);
        let token = |token: &serde_json::Value| {
            let said = |name: &str| token[name].as_str().unwrap().to_owned();
            let serial = said("serial");
            // SoftHSM derives the serial number from the end of the directory's name.
            let dir = names.iter().find(|name| name.replace('-', "").ends_with(&serial)).unwrap().clone();
            Token { label: said("label"), serial, dir }
        };
        this.all = tokens.map(token).collect();
        Some(this)
    }

    /// A directory of its own for a ceremony, with this file in it.
    pub(super) fn room(&self, ceremony: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir_in(self.world.dir.path()).unwrap();
        fs::write(dir.path().join("ceremony.yaml"), ceremony).unwrap();
        dir
    }

    pub(super) fn env(&self) -> Vec<(&str, &str)> {
        self.world.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn reader(&self) -> PathBuf {
        self.world.dir.path().join("tokens")
    }

    fn named(&self, label: &str) -> &Token {
        self.all.iter().find(|token| token.label == label).unwrap()
    }

    pub(super) fn serial(&self, label: &str) -> &str {
        &self.named(label).serial
    }

    pub(super) fn put_in(&self, label: &str) {
        let dir = &self.named(label).dir;
        fs::rename(self.table.path().join(dir), self.reader().join(dir)).unwrap();
    }

    pub(super) fn take_out(&self, label: &str) {
        let dir = &self.named(label).dir;
        fs::rename(self.reader().join(dir), self.table.path().join(dir)).unwrap();
    }

    /// How many objects lie on a token, beside the file that says whose it is.
    pub(super) fn objects(&self, label: &str) -> usize {
        let files = fs::read_dir(self.reader().join(&self.named(label).dir)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".object") && name != "token.object").count()
    }

    pub(super) fn store(&self, label: &str) -> String {
        format!("pkcs11:token={label};object=root?module-path={}", text(&self.world.module))
    }

    /// A key on a token, made before the day; its public half goes to a file.
    pub(super) fn make_key(&self, label: &str, public: &Path) {
        let answers = self.answers(label);
        let scheme = ["--scheme", "ecdsa-sha2-nistp256", "--out", text(public), "--answers", text(&answers)];
        self.told(&[&["key", "generate", &self.store(label)], &scheme[..]].concat());
    }

    /// A file that has the PIN of one token.
    fn answers(&self, label: &str) -> PathBuf {
        let answers = self.world.dir.path().join("answers.yaml");
        let said = format!("answers: 1\nsecrets:\n  \"{}\": {{pin: \"{PIN}\"}}\n", self.store(label));
        fs::write(&answers, said).unwrap();
        answers
    }

    /// What the program tells, as JSON.
    fn told(&self, args: &[&str]) -> serde_json::Value {
        let mut run = command();
        run.envs(&self.world.env).arg("--json").args(args);
        serde_json::from_str(&Said::of(&run.output().unwrap()).ended(0).out).unwrap()
    }

    /// The public half of the key of a token, as the token has it; it signs, and no other key lies beside it.
    #[track_caller]
    pub(super) fn key_that_signs(&self, label: &str) -> serde_json::Value {
        let (store, answers) = (self.store(label), self.answers(label));
        let more = ["--answers", text(&answers)];

        self.told(&[&["key", "prove", &store, "--for", "the-day-after"], &more[..]].concat());
        let login = ["--token-label", label, "--login", "--pin", PIN];
        let listed = self.world.pkcs11_tool(&[&login[..], &["--list-objects", "--type", "privkey"]].concat());
        assert_eq!(listed.matches("Private Key Object").count(), 1, "{listed}");
        self.told(&[&["key", "show", &store], &more[..]].concat())["public"].clone()
    }

    /// The record holds, its bundle is a client's, and every key that it names signs and lies on its token once.
    #[track_caller]
    pub(super) fn whole(&self, record: &Path) {
        holds(record);
        let (bundle, root) = (record.join("bundle"), record.join("bundle/metadata/1.root.json"));
        keyrite(&["verify", text(&bundle), "--root", text(&root), "--scope", "offline"]).ended(0);
        for (name, label) in [("ana", "ROOT-ANA"), ("bo", "ROOT-BO")] {
            let recorded = fs::read(record.join(format!("keys/{name}.pub.json"))).unwrap();
            let recorded: serde_json::Value = serde_json::from_slice(&recorded).unwrap();
            let shown = self.key_that_signs(label);
            for field in ["keytype", "scheme", "keyval"] {
                assert_eq!(recorded[field], shown[field], "{name}: {field}");
            }
        }
    }

    /// Ana and Bo make a key each on their tokens, and must both sign; `more` is what else they need.
    pub(super) fn ceremony(&self, more: &str) -> String {
        let (ana, bo) = (self.store("ROOT-ANA"), self.store("ROOT-BO"));
        format!(
            "keyrite: 1
id: tokens
title: Two custodians with a token each
type: root-genesis
participants:
  oli: {{name: Oli Berg, role: operator}}
  ana: {{name: Ana Duarte, role: custodian}}
  bo: {{name: Bo Lindqvist, role: custodian}}
  wim: {{name: Wim Peeters, role: witness}}
keys:
  ana: {{holder: ana, store: \"{ana}\", scheme: ecdsa-sha2-nistp256, generate: true}}
  bo: {{holder: bo, store: \"{bo}\", scheme: ecdsa-sha2-nistp256, generate: true}}
trust:
  before: none
  after:
    root: {{version: 1, expires: \"2038-12-31T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    targets: {{version: 1, expires: \"2038-06-30T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    snapshot: {{keys: [ana], threshold: 1}}
    timestamp: {{keys: [ana], threshold: 1}}
environment: {{require: [no-core-dumps]}}
outputs: {{bundle: bundle}}
{more}"
        )
    }
}

/// The journal and all that follows from it.
#[track_caller]
pub(super) fn holds(record: &Path) {
    keyrite(&["journal", "verify", text(record)]).ended(0);
}
