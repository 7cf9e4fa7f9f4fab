//! Roles that carry over and expire: a ceremony that signs others ends with a bundle all the same, and says so before.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;

/// The renewal, as the project ships it.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/renewal")
}

/// The renewal of the root, in a window that ends on `end`.
fn renewal(dir: &Path, end: &str) {
    renewal_with(dir, |file| file.replace("2027-12-31T00:00:00Z\"}", &format!("{end}T00:00:00Z\"}}")));
}

/// The same, in no window.
fn renewal_any_day(dir: &Path) {
    renewal_with(dir, |file| {
        let lines = file.lines().filter(|line| !line.starts_with("clock:"));
        lines.map(|line| format!("{line}\n")).collect()
    });
}

fn renewal_with(dir: &Path, change: impl FnOnce(&str) -> String) {
    let from = shipped();
    fs::create_dir_all(dir.join("inputs/metadata")).unwrap();
    for file in fs::read_dir(from.join("inputs/metadata")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), dir.join("inputs/metadata").join(file.file_name())).unwrap();
    }
    let file = fs::read_to_string(from.join("ceremony.yaml")).unwrap();
    let window = change(&file);
    assert_ne!(window, file);
    fs::write(dir.join("ceremony.yaml"), window).unwrap();
}

/// Rehearses it on `day`; the names of what the bundle has of metadata.
fn rehearse(dir: &Path, day: &str) -> (Said, Vec<String>) {
    let answers = fs::read_to_string(shipped().join("answers.yaml")).unwrap();
    fs::write(dir.join("answers.yaml"), answers.replace("2027-06-10", day)).unwrap();
    let record = dir.join("record");
    let said = run_by_file(&dir.join("ceremony.yaml"), &dir.join("answers.yaml"), &record, &["--rehearse"]);
    let said = said.ended(0);
    let files = fs::read_dir(record.join("bundle/metadata")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    (said, names)
}

fn check(dir: &Path, day: &str) -> String {
    let file = dir.join("ceremony.yaml");
    let said = keyrite(&["check", text(&file), "--at", &format!("{day}T09:00:00Z")]).ended(0);
    format!("{}{}", said.out, said.err)
}

#[test]
fn a_timestamp_that_ends_in_the_window_is_remarked_and_left_to_the_server() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path(), "2028-01-31");

    let checked = check(dir.path(), "2028-01-10");
    let (said, names) = rehearse(dir.path(), "2028-01-10");

    assert!(
        checked.contains("timestamp is not signed here and expires at 2027-12-31T00:00:00Z"),
        "{checked}"
    );
    assert!(checked.contains("(expires-in-the-window)"), "{checked}");
    assert_eq!(names, ["1.root.json", "1.snapshot.json", "1.targets.json", "2.root.json"]);
    assert!(said.out.contains("--scope offline"), "{}", said.out);
}

#[test]
fn a_bundle_is_the_same_on_every_day_of_the_window() {
    let (early, late) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&early, &late] {
        renewal(dir.path(), "2028-01-31");
    }

    let bundles =
        [(&early, "2027-12-10"), (&late, "2028-01-10")].map(|(dir, day)| rehearse(dir.path(), day).1);

    assert_eq!(bundles[0], bundles[1]);
}

#[test]
fn a_root_is_renewed_where_everything_else_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path(), "2028-07-31");

    let checked = check(dir.path(), "2028-07-10");
    let (said, names) = rehearse(dir.path(), "2028-07-10");

    assert!(checked.contains("targets is not signed here and expires at 2028-06-30T00:00:00Z"), "{checked}");
    assert_eq!(names, ["1.root.json", "1.targets.json", "2.root.json"]);
    assert!(said.out.contains("--scope root"), "{}", said.out);
}

#[test]
fn what_outlives_the_window_goes_along() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path(), "2027-12-30");

    let checked = check(dir.path(), "2027-12-10");

    assert!(!checked.contains("expires-in-the-window"), "{checked}");
    assert!(rehearse(dir.path(), "2027-12-10").1.contains(&"timestamp.json".to_owned()));
}

#[test]
fn without_a_window_a_timestamp_that_has_expired_is_remarked_and_left_to_the_server() {
    let dir = tempfile::tempdir().unwrap();
    renewal_any_day(dir.path());

    let before = check(dir.path(), "2027-12-10");
    let checked = check(dir.path(), "2028-01-10");
    let (said, names) = rehearse(dir.path(), "2028-01-10");

    assert!(!before.contains("expires-in-the-window"), "{before}");
    assert!(
        checked.contains("timestamp is not signed here and expired at 2027-12-31T00:00:00Z: the bundle goes"),
        "{checked}"
    );
    assert!(checked.contains("(expires-in-the-window)"), "{checked}");
    assert_eq!(names, ["1.root.json", "1.snapshot.json", "1.targets.json", "2.root.json"]);
    assert!(said.out.contains("--scope offline"), "{}", said.out);
}

#[test]
fn without_a_window_a_root_is_renewed_where_everything_else_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    renewal_any_day(dir.path());

    let checked = check(dir.path(), "2028-07-10");
    let (said, names) = rehearse(dir.path(), "2028-07-10");

    assert!(checked.contains("targets is not signed here and expired at 2028-06-30T00:00:00Z"), "{checked}");
    assert_eq!(names, ["1.root.json", "1.targets.json", "2.root.json"]);
    assert!(said.out.contains("--scope root"), "{}", said.out);
}
