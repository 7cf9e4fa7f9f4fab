//! Whole production ceremonies by seed: people, schemes, stores and thresholds vary; existing clients judge the bundle.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::text;
use crate::common::peers::AT;
use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::common::peers::accepted_by;
use crate::common::peers::accepted_by_python_tuf;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

const PEOPLE: [(&str, &str); 5] = [
    ("ana", "Ana Duarte"),
    ("bo", "Bo Lindqvist"),
    ("chi", "Chi Nwosu"),
    ("dee", "Dee Okafor"),
    ("eli", "Eli Marsh"),
];

/// A small generator, so that a seed means the same ceremony for ever.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A ceremony in a directory: file, answers, inputs.
struct Room {
    dir: tempfile::TempDir,
    files: Vec<(String, Vec<u8>)>,
}

impl Room {
    /// 3 to 5 custodians; the `n`th key has the `n`th of `schemes`, in turn on a token and in a file.
    fn new(seed: u64, schemes: &[&str], world: &World) -> Self {
        let mut seed = Seed(seed);
        let custodians = 3 + seed.below(3) as usize;
        let (root, targets) = (2 + seed.below(custodians as u64 - 1), 1 + seed.below(custodians as u64 - 1));
        let mut people = String::from(
            "  oli: {name: Oli Berg, role: operator}\n  wim: {name: Wim Peeters, role: witness}\n",
        );
        let (mut keys, mut secrets) = (String::new(), String::new());
        for (n, (id, name)) in PEOPLE.iter().take(custodians).enumerate() {
            let scheme = schemes[n % schemes.len()];
            let bits = if scheme.starts_with("rsa") { ", bits: 2048" } else { "" };
            writeln!(people, "  {id}: {{name: {name}, role: custodian}}").unwrap();
            let (store, secret) = if n % 2 == 0 {
                (world.uri(&format!("root-{id}")), format!("pin: \"{PIN}\""))
            } else {
                (format!("age:keys/{id}.age"), format!("passphrase: \"a passphrase of {id}\""))
            };
            writeln!(
                keys,
                "  {id}: {{holder: {id}, store: \"{store}\", scheme: {scheme}{bits}, generate: true}}"
            )
            .unwrap();
            writeln!(secrets, "  {id}: {{{secret}}}").unwrap();
        }
        let names: Vec<_> = PEOPLE.iter().take(custodians).map(|(id, _)| *id).collect();
        let names = names.join(", ");
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..=seed.below(4))
            .map(|n| {
                (format!("app-{n}.bin"), (0..1 + seed.below(5000)).map(|_| seed.below(256) as u8).collect())
            })
            .collect();
        fs::create_dir_all(dir.path().join("inputs/targets")).unwrap();
        for (name, bytes) in &files {
            fs::write(dir.path().join("inputs/targets").join(name), bytes).unwrap();
        }
        let file = format!(
            "keyrite: 1
id: by-seed
title: A ceremony by seed
type: root-genesis
participants:
{people}keys:
{keys}  online: {{holder: oli, store: \"age:keys/online.age\", scheme: ed25519, generate: true}}
trust:
  before: none
  after:
    root: {{version: 1, expires: \"2028-12-31T00:00:00Z\", keys: [{names}], threshold: {root}}}
    targets: {{version: 1, expires: \"2028-06-30T00:00:00Z\", keys: [{names}], threshold: {targets}, files: {{from: inputs/targets}}}}
    snapshot: {{version: 1, expires: \"2028-03-31T00:00:00Z\", keys: [online], threshold: 1}}
    timestamp: {{version: 1, expires: \"2027-12-31T00:00:00Z\", keys: [online], threshold: 1}}
outputs: {{bundle: bundle}}
"
        );
        let answers = format!(
            "answers: 1\nconfirm: all\ntype-back: auto\nclock: {AT}\nsecrets:\n{secrets}  online: {{passphrase: \"a passphrase of oli\"}}\n"
        );
        fs::write(dir.path().join("ceremony.yaml"), file).unwrap();
        fs::write(dir.path().join("answers.yaml"), answers).unwrap();
        Self { dir, files }
    }

    fn perform(&self, world: &World) -> (PathBuf, Said) {
        let at = |name: &str| self.dir.path().join(name);
        let mut run = command();
        run.envs(&world.env).args([
            "run",
            text(&at("ceremony.yaml")),
            "--plain",
            "--answers",
            text(&at("answers.yaml")),
        ]);
        run.args(["--record", text(&at("record"))]);
        let said = Said::of(&run.output().unwrap()).ended(0);
        (at("record"), said)
    }
}

/// No secret of the answers file is in anything that the ceremony left or said.
#[track_caller]
fn no_secret_is_left(record: &Path, said: &Said) {
    let everything = crate::common::keyrite::tree(record);
    let texts = everything
        .iter()
        .map(|(path, bytes)| (path.display().to_string(), String::from_utf8_lossy(bytes).into_owned()));
    let texts =
        texts.chain([("stdout".to_owned(), said.out.clone()), ("stderr".to_owned(), said.err.clone())]);
    for (name, text) in texts {
        for secret in ["a passphrase of", PIN, "PRIVATE KEY", "AGE-SECRET-KEY"] {
            assert!(!text.contains(secret), "{secret:?} stands in {name}");
        }
    }
}

fn accepted(seed: u64, schemes: &[&str], peers: &[Peer]) {
    let Some(world) = World::softhsm() else { return };
    let room = Room::new(seed, schemes, &world);

    let (record, said) = room.perform(&world);

    let bundle = record.join("bundle");
    for peer in peers {
        for (name, bytes) in &room.files {
            accepted_by(*peer, &bundle, name, bytes);
        }
    }
    let root = bundle.join("metadata/1.root.json");
    let verify =
        crate::common::keyrite::keyrite(&["verify", text(&bundle), "--root", text(&root), "--at", AT]);
    verify.ended(0);
    crate::common::keyrite::keyrite(&["journal", "verify", text(&record)]).ended(0);
    no_secret_is_left(&record, &said);
    let objects = world.pkcs11_tool(&["--token-label", "ROOT-BO", "--login", "--pin", PIN, "--list-objects"]);
    for who in ["ana", "chi"] {
        assert!(objects.contains(&format!("root-{who}")), "pkcs11-tool does not see root-{who}:\n{objects}");
    }
}

#[test]
fn genesis_1_is_accepted_by_existing_clients() {
    accepted(1, &["ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256"], &Peer::ALL);
}

#[test]
fn genesis_2_is_accepted_by_existing_clients() {
    accepted(2, &["ecdsa-sha2-nistp256", "ed25519"], &Peer::ALL);
}

#[test]
fn genesis_3_is_accepted_by_existing_clients() {
    accepted(3, &["rsassa-pss-sha256", "ecdsa-sha2-nistp256", "ed25519"], &Peer::ALL);
}

#[test]
fn genesis_4_is_accepted_by_existing_clients() {
    accepted(4, &["ed25519", "ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256"], &Peer::ALL);
}

/// python-tuf knows P-384; tough 0.24 knows no such key, and refuses any root that lists one.
#[test]
fn genesis_5_with_p384_is_accepted_by_python_tuf_and_its_refusal_by_tough_is_known() {
    let Some(world) = World::softhsm() else { return };
    let room = Room::new(5, &["ecdsa-sha2-nistp384"], &world);

    let (record, _) = room.perform(&world);

    let (bundle, (name, bytes)) = (record.join("bundle"), &room.files[0]);
    accepted_by_python_tuf(&bundle, name, bytes);
    if let Some(verdict) = Peer::Tough.judge(&Visit::new(&bundle, name)) {
        assert!(verdict.is_err(), "tough has learnt P-384: these ceremonies can be judged by it now");
    }
}

#[test]
fn a_wrong_pin_ends_a_run_by_file_and_the_right_one_goes_on() {
    let Some(world) = World::softhsm() else { return };
    let room = Room::new(2, &["ecdsa-sha2-nistp256", "ed25519"], &world);
    let answers = room.dir.path().join("answers.yaml");
    let right = fs::read_to_string(&answers).unwrap();
    fs::write(&answers, right.replacen(PIN, "999999", 1)).unwrap();
    let at = |name: &str| room.dir.path().join(name);
    let mut run = command();
    run.envs(&world.env).args([
        "run",
        text(&at("ceremony.yaml")),
        "--plain",
        "--answers",
        text(&answers),
        "--record",
        text(&at("record")),
    ]);

    let wrong = Said::of(&run.output().unwrap()).ended(5);
    fs::write(&answers, right).unwrap();
    let mut resume = command();
    resume.envs(&world.env).args(["resume", text(&at("record")), "--plain", "--answers", text(&answers)]);
    let said = Said::of(&resume.output().unwrap()).ended(0);

    assert!(wrong.err.contains("wrong PIN"), "{}", wrong.err);
    assert!(said.out.contains("wrong PINs typed for it in this ceremony: 1"), "{}", said.out);
    no_secret_is_left(&at("record"), &wrong);
}
