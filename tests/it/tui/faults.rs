//! What goes wrong, in a real pseudo-terminal: the ceremony goes on or stops, the terminal is given back, no key is lost.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::pkcs11::world::World;
use crate::tui::pseudo::Pseudo;
use crate::tui::pseudo::events;

/// The ceremony of the project that has tokens, bags and drives.
fn genesis() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/genesis/.");
    assert!(std::process::Command::new("cp").arg("-r").arg(from).arg(dir.path()).status().unwrap().success());
    // Whatever day it is.
    let file = dir.path().join("ceremony.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let window = "not_before: \"2026-11-01T00:00:00Z\", not_after: \"2027-01-31T00:00:00Z\", ";
    assert!(text.contains(window) && text.contains("2027-12-31"));
    fs::write(&file, text.replace(window, "").replace("2027-12-31", "2037-12-31").replace("2028-", "2038-"))
        .unwrap();
    dir
}

#[track_caller]
fn holds(record: &Path) {
    keyrite(&["journal", "verify", text(record)]).ended(0);
}

/// A fault after which people go on at the same screen.
fn goes_on(fault: &str, told: &str) {
    let dir = genesis();
    let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record", "--fault", fault];
    let mut pseudo = Pseudo::start(dir.path(), &args, &[]);

    pseudo.wait("Review the plan together");
    pseudo.press("\r");
    pseudo.answer_until(told);
    pseudo.press("\r");
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    holds(&dir.path().join("record"));
}

/// A fault after which the program leaves, and is resumed.
fn stops(fault: &str, told: &str) {
    let dir = genesis();
    let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record", "--fault", fault];
    let mut pseudo = Pseudo::start(dir.path(), &args, &[]);

    pseudo.wait("Review the plan together");
    pseudo.press("\r");
    pseudo.answer_until_it_leaves();

    assert_eq!(pseudo.end(), 4);
    pseudo.assert_restored();
    assert!(pseudo.shown().contains(told), "{}", pseudo.shown());
    let record = dir.path().join("record");
    holds(&record);
    let mut pseudo = Pseudo::start(dir.path(), &["resume", "record"], &[]);
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");
    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    holds(&record);
}

/// Line by line with a file, and on the screens by keys: the same events, of the same people, in the same order.
#[test]
fn the_longest_ceremony_leaves_the_same_journal_by_keys_and_by_answers() {
    let dir = genesis();
    let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record"];
    let mut pseudo = Pseudo::start(dir.path(), &args, &[]);
    pseudo.wait("Review the plan together");
    pseudo.press("\r");
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");
    assert_eq!(pseudo.end(), 0);

    let (file, answers) = (dir.path().join("ceremony.yaml"), dir.path().join("answers.yaml"));
    let plain = dir.path().join("plain");
    crate::common::keyrite::run_by_file(&file, &answers, &plain, &["--rehearse"]).ended(0);

    let by_keys = events(&dir.path().join("record"));
    assert_eq!(by_keys, events(&plain));
    assert!(by_keys.len() > 130, "{} lines", by_keys.len());
}

#[test]
fn a_wrong_pin_is_typed_again() {
    goes_on("wrong-pin", "REHEARSED FAULT: wrong PIN");
}

#[test]
fn a_pulled_token_is_put_back() {
    goes_on("pulled-token", "the token was pulled out while it");
}

#[test]
fn a_lost_drive_is_found() {
    goes_on("lost-drive", "no drive with the label KEYRITE-A");
}

#[test]
fn an_absent_custodian_is_waited_for() {
    goes_on("absent-custodian", "Ana Duarte is not here");
}

#[test]
fn after_a_power_cut_it_is_resumed() {
    stops("power-cut", "the power failed here");
}

#[test]
fn a_full_disk_stops_it_until_there_is_room() {
    stops("full-disk", "cannot be written");
}

#[test]
fn a_clock_a_year_back_stops_it_until_it_is_set() {
    stops("clock-back", "the clock says");
}

/// Two tokens of SoftHSM that lie on the table until someone puts them into the reader.
struct Tokens {
    world: World,
    table: tempfile::TempDir,
    /// Serial number and directory of each.
    by_label: Vec<(String, String, String)>,
}

impl Tokens {
    fn new() -> Option<Self> {
        let world = World::softhsm()?;
        world.add_token("ROOT-ANA");
        let listed = crate::common::keyrite::command()
            .envs(&world.env)
            .args(["--json", "token", "list", "--module", text(&world.module)])
            .output()
            .unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        let tokens = listed["tokens"].as_array().unwrap().iter().filter(|token| token["initialised"] == true);
        let told: Vec<(String, String)> = tokens
            .map(|token| {
                (token["label"].as_str().unwrap().to_owned(), token["serial"].as_str().unwrap().to_owned())
            })
            .collect();
        let this = Self { world, table: tempfile::tempdir().unwrap(), by_label: Vec::new() };
        let names: Vec<String> = fs::read_dir(this.reader())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        // SoftHSM derives the serial number from the end of the directory's name.
        let by_label = told.into_iter().map(|(label, serial)| {
            let bare = |name: &String| name.replace('-', "");
            let name = names.iter().find(|name| bare(name).ends_with(&serial)).unwrap().clone();
            (label, serial, name)
        });
        let by_label = by_label.collect();
        let this = Self { by_label, ..this };
        for label in ["ROOT-ANA", "ROOT-BO"] {
            this.take_out(label);
        }
        Some(this)
    }

    fn reader(&self) -> PathBuf {
        self.world.dir.path().join("tokens")
    }

    fn named(&self, label: &str) -> &(String, String, String) {
        self.by_label.iter().find(|(known, ..)| known == label).unwrap()
    }

    fn serial(&self, label: &str) -> &str {
        &self.named(label).1
    }

    fn put_in(&self, label: &str) {
        let name = &self.named(label).2;
        fs::rename(self.table.path().join(name), self.reader().join(name)).unwrap();
    }

    fn take_out(&self, label: &str) {
        let name = &self.named(label).2;
        fs::rename(self.reader().join(name), self.table.path().join(name)).unwrap();
    }
}

/// Not a rehearsal: the wrong token, no token, two tokens, a wrong PIN, a token pulled before it signs.
#[test]
fn the_wrong_token_is_refused_in_a_sentence_and_the_right_one_signs() {
    let Some(tokens) = Tokens::new() else { return };
    let dir = tempfile::tempdir_in(tokens.world.dir.path()).unwrap();
    let (ana, bo) = (tokens.serial("ROOT-ANA"), tokens.serial("ROOT-BO"));
    let module = text(&tokens.world.module);
    let file = format!(
        "keyrite: 1
id: tokens
title: Two custodians with a token each
type: root-genesis
participants:
  oli: {{name: Oli Berg, role: operator}}
  ana: {{name: Ana Duarte, role: custodian}}
  bo: {{name: Bo Lindqvist, role: custodian}}
  wim: {{name: Wim Peeters, role: witness}}
materials:
  tokens:
    ana-token: {{serial: \"{ana}\", label: ROOT-ANA, holder: ana}}
    bo-token: {{serial: \"{bo}\", label: ROOT-BO, holder: bo}}
keys:
  ana: {{holder: ana, store: \"pkcs11:token=ROOT-ANA;object=root?module-path={module}\", scheme: ecdsa-sha2-nistp256, generate: true}}
  bo: {{holder: bo, store: \"pkcs11:token=ROOT-BO;object=root?module-path={module}\", scheme: ecdsa-sha2-nistp256, generate: true}}
trust:
  before: none
  after:
    root: {{version: 1, expires: \"2038-12-31T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    targets: {{version: 1, expires: \"2038-06-30T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    snapshot: {{keys: [ana], threshold: 1}}
    timestamp: {{keys: [ana], threshold: 1}}
environment: {{require: [no-core-dumps]}}
outputs: {{bundle: bundle}}
"
    );
    fs::write(dir.path().join("ceremony.yaml"), file).unwrap();
    let env: Vec<(&str, &str)> =
        tokens.world.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--record", "record"], &env);
    pseudo.pin("123456");

    pseudo.wait("Review the plan together");
    pseudo.press("\r");
    // No token, then the other one, then both, then the right one.
    pseudo.answer_until("the reader is empty; put in token ana-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.wait("the reader holds token bo-token of Bo");
    tokens.put_in("ROOT-ANA");
    pseudo.press("\r");
    pseudo.wait("2 tokens are plugged in, and one at a time");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.wait("Make key ana");
    pseudo.press("\r");
    // It is still in the reader when it should be out.
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-ANA");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token bo-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token ana-token");
    tokens.put_in("ROOT-ANA");
    pseudo.press("\r");
    // A wrong PIN at the signature, and the right one after it.
    pseudo.pin("000000");
    pseudo.answer_until("wrong PIN for token ROOT-ANA");
    pseudo.pin("123456");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-ANA");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token bo-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("Wim Peeters confirms that it may begin");
    // Pulled out before it signs.
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("[STOP]");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    let record = dir.path().join("record");
    holds(&record);
    let shown = keyrite(&["journal", "show", text(&record)]).ended(0).out;
    assert!(
        shown.contains("wrong PIN for token ROOT-ANA") && shown.contains("Bo Lindqvist signed root"),
        "{shown}"
    );
    assert!(shown.contains(&format!("serial {ana}")), "{shown}");
}

/// The system ends it: the terminal is the shell's again, and it goes on later.
#[test]
fn when_the_system_ends_it_the_terminal_is_given_back() {
    for signal in ["-TERM", "-HUP"] {
        let dir = genesis();
        let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record"];
        let mut pseudo = Pseudo::start(dir.path(), &args, &[]);
        pseudo.wait("Review the plan together");
        pseudo.press("\r");
        pseudo.answer_until("Compare the machine's clock");

        pseudo.kill(signal);

        assert_eq!(pseudo.end(), 3);
        pseudo.assert_restored();
        holds(&dir.path().join("record"));
    }
}
