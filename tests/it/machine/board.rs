//! The pre-flight board: fail closed, waivers by name.

use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::Digest;
use sha2::Sha256;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// A production ceremony on age files that asks this of the machine, and that a file answers.
pub(super) fn production(dir: &Path, environment: &str) -> Command {
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let asked = format!("environment: {environment}\noutputs:");
    fs::write(dir.join("ceremony.yaml"), good.replace("outputs:", &asked)).unwrap();
    let secrets =
        ["ana", "bo", "online"].map(|key| format!("  {key}: {{passphrase: \"open sesame {key}\"}}\n"));
    let head = "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n";
    fs::write(dir.join("answers.yaml"), head.to_owned() + &secrets.concat()).unwrap();
    let (file, answers) = (dir.join("ceremony.yaml"), dir.join("answers.yaml"));
    let mut run = command();
    run.args(["run", text(&file), "--plain", "--answers", text(&answers)]);
    run.args(["--record", text(&dir.join("record"))]);
    run
}

fn said(run: &mut Command, code: i32) -> Said {
    Said::of(&run.output().unwrap()).ended(code)
}

fn own_sha256() -> String {
    hex::encode(Sha256::digest(fs::read(env!("CARGO_BIN_EXE_keyrite")).unwrap()))
}

#[test]
fn production_refuses_a_variable_that_makes_modules_print_pins_whatever_the_file_requires() {
    for environment in ["{require: [no-core-dumps]}", "{waive: [no-network]}"] {
        let dir = tempfile::tempdir().unwrap();
        let mut run = production(dir.path(), environment);

        let refused = said(run.env("YKCS11_DBG", "9"), 4);

        assert!(refused.err.contains("no-debug-environment: set: YKCS11_DBG"), "{}", refused.err);
        assert!(!dir.path().join("record/keys/ana.age").exists());
    }
}

#[test]
fn a_waiver_by_name_is_on_the_board_and_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = production(dir.path(), "{require: [no-core-dumps], waive: [no-debug-environment]}");

    let done = said(run.arg("--rehearse").env("YKCS11_DBG", "9"), 0);

    assert!(done.out.contains("[WAIVED] no-debug-environment waived "), "{}", done.out);
    assert!(done.out.contains("the machine was looked at: 1 items; waived: no-debug-environment"));
    let journal = fs::read_to_string(dir.path().join("record/journal.jsonl")).unwrap();
    let looked = journal.lines().find(|line| line.contains("\"event\":\"preflight\"")).unwrap();
    assert!(looked.contains("\"waived\":[\"no-debug-environment\"]"), "{looked}");
    keyrite(&["journal", "verify", text(&dir.path().join("record"))]).ended(0);
}

#[test]
fn an_item_that_the_file_does_not_speak_of_is_shown_as_not_asked_for() {
    let dir = tempfile::tempdir().unwrap();

    let done = said(production(dir.path(), "{require: [entropy], waive: [no-swap]}").arg("--rehearse"), 0);

    for (item, asked) in [("entropy", "required"), ("no-swap", "waived"), ("locked-memory", "not asked for")]
    {
        let row = done.out.lines().find(|line| line.contains(&format!(" {item} "))).unwrap();
        assert!(row.contains(asked), "{row}");
    }
}

#[test]
fn only_a_program_that_the_file_names_performs_it() {
    let dir = tempfile::tempdir().unwrap();
    let other = format!("{{binary_sha256: \"{}\"}}", "0".repeat(64));
    let refused = said(&mut production(dir.path(), &other), 4);
    assert!(refused.err.contains("binary-sha256: this program is"), "{}", refused.err);
    assert!(!dir.path().join("record/keys/ana.age").exists());

    let dir = tempfile::tempdir().unwrap();
    let named = format!("{{binary_sha256: [\"{}\", \"{}\"]}}", "0".repeat(64), own_sha256());
    let done = said(production(dir.path(), &named).arg("--rehearse"), 0);
    assert!(done.out.contains("[ OK ] binary-sha256        required"), "{}", done.out);
    assert!(done.out.contains(&format!("SHA-256 of this program: {}", own_sha256())));
}

/// A clock that lost its battery is behind what this version knows of.
#[test]
fn a_clock_behind_this_version_is_refused_where_it_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = production(dir.path(), "{require: [clock-sane]}");
    let answers = dir.path().join("answers.yaml");
    let early = fs::read_to_string(&answers).unwrap().replace("clock: 2026-12-03", "clock: 2020-12-03");
    fs::write(&answers, early).unwrap();

    let refused = said(&mut run, 4);

    assert!(refused.err.contains("clock-sane: it says 2020-12-03T09:00:00Z"), "{}", refused.err);
}

#[test]
fn what_was_not_checked_is_said_on_the_board_and_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();

    let done = said(production(dir.path(), "{require: [entropy]}").arg("--rehearse"), 0);

    let journal = fs::read_to_string(dir.path().join("record/journal.jsonl")).unwrap();
    let closed = journal.lines().find(|line| line.contains("\"event\":\"closed\"")).unwrap();
    assert!(closed.contains(&format!("\"program\":\"{}\"", own_sha256())), "{closed}");
    for what in ["the firmware of this machine", "the keyboard", "the firmware of the tokens", "cameras"] {
        assert!(done.out.contains(what) && closed.contains(what), "{what}");
    }
}

#[test]
fn a_new_file_names_every_item() {
    let draft = keyrite(&["new", "root-genesis"]).ended(0).out;

    for item in keyrite::plan::environment::REQUIREMENTS {
        assert!(draft.contains(item), "{item} is not in\n{draft}");
    }
}
