//! What goes wrong in rehearsals, in a real pseudo-terminal: the ceremony goes on or stops, and the terminal is given back.

use std::fs;
use std::path::Path;

use crate::tui::pseudo::Pseudo;
use crate::tui::pseudo::events;
use crate::tui::tokens::holds;

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

/// A fault after which people go on at the same screen.
fn goes_on(fault: &str, told: &str) {
    let dir = genesis();
    let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record", "--fault", fault];
    let mut pseudo = Pseudo::start(dir.path(), &args, &[]);

    pseudo.wait("Review the plan together");
    pseudo.begin();
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
    pseudo.begin();
    pseudo.answer_until_it_leaves();

    assert_eq!(pseudo.end(), 4);
    pseudo.assert_restored();
    assert!(pseudo.shown().contains(told), "{}", pseudo.shown());
    let record = dir.path().join("record");
    holds(&record);
    let paper = pseudo.paper.clone();
    let mut pseudo = Pseudo::start(dir.path(), &["resume", "record"], &[]);
    // What was written down is still there.
    pseudo.paper = paper;
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
    pseudo.begin();
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

/// The system ends it: the terminal is the shell's again, and it goes on later.
#[test]
fn when_the_system_ends_it_the_terminal_is_given_back() {
    for signal in ["-TERM", "-HUP", "-INT", "-QUIT"] {
        let dir = genesis();
        let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record"];
        let mut pseudo = Pseudo::start(dir.path(), &args, &[]);
        pseudo.wait("Review the plan together");
        pseudo.begin();
        pseudo.answer_until("Compare the machine's clock");

        pseudo.kill(signal);

        assert_eq!(pseudo.end(), 3);
        pseudo.assert_restored();
        holds(&dir.path().join("record"));
    }
}

#[test]
fn line_by_line_as_well() {
    for signal in ["-TERM", "-HUP", "-INT", "-QUIT"] {
        let dir = genesis();
        let args = ["run", "ceremony.yaml", "--rehearse", "--record", "record", "--plain"];
        let mut pseudo = Pseudo::start(dir.path(), &args, &[]);
        pseudo.wait_for_line("`stop` stops: ");

        pseudo.kill(signal);

        assert_eq!(pseudo.end(), 3);
        pseudo.assert_restored();
        holds(&dir.path().join("record"));
    }
}
