//! `keyrite lint` from outside.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::lint::cases;
use crate::tuf::world::NOW;
use crate::tuf::world::Set;

fn write(set: &Set, dir: &Path) {
    for (name, bytes) in &set.0 {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

#[test]
fn a_repository_without_fault_ends_with_0_and_one_with_an_error_with_1() {
    let dir = tempfile::tempdir().unwrap();
    write(&cases::good(), dir.path());

    keyrite(&["lint", text(dir.path()), "--at", NOW]).ended(0);
    fs::write(dir.path().join("timestamp.json"), "{").unwrap();
    let said = keyrite(&["lint", text(dir.path()), "--at", NOW]).ended(1);

    assert!(
        said.out.starts_with("error NOT-JSON: the file is not JSON\n  timestamp.json: EOF"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("  - tough 0.24 refuses it: Failed to parse metadata (tried)\n"),
        "{}",
        said.out
    );
}

#[test]
fn json_is_one_document_with_every_finding() {
    let dir = tempfile::tempdir().unwrap();
    let case = cases::all().into_iter().find(|case| case.rule == "THRESHOLD-ZERO").unwrap();
    write(&case.set, dir.path());

    let said = keyrite(&["lint", text(dir.path()), "--at", NOW, "--json"]).ended(1);

    let document: Value = serde_json::from_str(&said.out).unwrap();
    let finding = &document["findings"][0];
    assert_eq!(finding["rule"], "THRESHOLD-ZERO");
    assert_eq!(finding["at"], "/signed/roles/timestamp/threshold");
    assert_eq!(finding["clients"][0]["client"], "python-tuf 7");
    assert_eq!(document["profile"], "compatible");
}

#[test]
fn a_single_file_is_judged_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(&cases::good(), dir.path());

    let said = keyrite(&["lint", text(&dir.path().join("timestamp.json")), "--at", NOW]).ended(0);

    assert_eq!(said.out, "0 errors, 0 warnings, 0 notes in 1 file\n");
}

#[test]
fn what_we_would_never_write_is_an_error_in_the_strict_profile_alone() {
    let dir = tempfile::tempdir().unwrap();
    let case = cases::all().into_iter().find(|case| case.rule == "SPEC-VERSION-WITHOUT-PATCH").unwrap();
    write(&case.set, dir.path());

    keyrite(&["lint", text(dir.path()), "--at", NOW]).ended(0);
    keyrite(&["lint", text(dir.path()), "--at", NOW, "--profile", "strict"]).ended(1);
}

#[test]
fn what_is_not_there_or_no_metadata_cannot_be_judged() {
    let dir = tempfile::tempdir().unwrap();

    keyrite(&["lint", "nowhere"]).ended(2);
    keyrite(&["lint", text(dir.path())]).ended(2);
    keyrite(&["lint"]).ended(2);
}
