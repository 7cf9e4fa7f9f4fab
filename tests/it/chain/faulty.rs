//! Faulty files of later ceremonies: one file, one mistake, named by it; all start from one small repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::keystore::public_file;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::tree;
use crate::tuf::world;

const AT: &str = world::NOW;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A directory with the metadata before, and the files that come from outside.
fn room() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let inputs = dir.path().join("inputs");
    fs::create_dir_all(inputs.join("metadata")).unwrap();
    fs::create_dir_all(inputs.join("targets")).unwrap();
    for (name, bytes) in world::world().build().0 {
        fs::write(inputs.join("metadata").join(name), bytes).unwrap();
    }
    let other = world::signed_by(&world::root(2, &[8], 1), &[8]);
    fs::write(inputs.join("other.root.json"), other.to_file()).unwrap();
    fs::write(inputs.join("fay.pub.json"), public_file::text(&world::public(9))).unwrap();
    dir
}

fn check(dir: &Path, file: &Path, more: &[&str]) -> Said {
    fs::copy(file, dir.join("ceremony.yaml")).unwrap();
    let args = ["check", "ceremony.yaml", "--at", AT];
    Said::of(&command().current_dir(dir).args(more).args(args).output().unwrap())
}

fn faulty() -> Vec<PathBuf> {
    let entries = fs::read_dir(data("bad-later-plans")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_later_plan_without_a_mistake_holds() {
    let dir = room();

    check(dir.path(), &data("good-later-plan.yaml"), &[]).ended(0);
}

/// Without the file that clients have, a role would begin again with version 1 and lose what it said.
#[test]
fn a_role_whose_file_is_not_in_before_is_not_signed_again() {
    let dir = room();
    fs::remove_file(dir.path().join("inputs/metadata/3.targets.json")).unwrap();
    let good = fs::read_to_string(data("good-later-plan.yaml")).unwrap();
    let again = good.replace(", \"targets: version 3 -> 4\"", "");
    fs::write(dir.path().join("again.yaml"), &again).unwrap();

    let said = check(dir.path(), &dir.path().join("again.yaml"), &[]).ended(1);

    assert!(said.err.contains("(BEFORE-COMPLETE)"), "{}", said.err);
}

/// A copied key is still in its holder's hands: it may sign, and is not needed.
#[test]
fn a_stolen_key_may_sign_where_the_others_suffice_without_it() {
    let dir = room();
    let needed = fs::read_to_string(data("bad-later-plans/stolen-key-is-needed.yaml")).unwrap();
    let spared = needed.replace("  bo: {keyid", "  bo: {holder: bo, store: \"age:keys/bo.age\", keyid");
    fs::write(dir.path().join("spared.yaml"), spared).unwrap();

    check(dir.path(), &dir.path().join("spared.yaml"), &[]).ended(0);
}

#[test]
fn every_faulty_file_of_a_later_ceremony_is_refused_with_its_message() {
    let dir = room();
    let mut rules = BTreeSet::new();
    for file in faulty() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let said = check(dir.path(), &file, &[]);
        let left = tree(dir.path());
        let golden = format!("exit {}\n{}", said.code, said.err);
        insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/bad-later-plans"), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, golden);
        });
        assert!(said.out.is_empty(), "{name} prints a plan that does not hold");

        let json = check(dir.path(), &file, &["--json"]);
        let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let problems = document["problems"].as_array().unwrap().iter();
        let errors: Vec<_> = problems.filter(|problem| problem["severity"] == "error").collect();
        assert_eq!(errors.len(), 1, "one mistake is one problem: {name}: {errors:?}");
        assert!(errors[0]["place"]["line"].as_u64() > Some(0), "{errors:?}");
        rules.insert(errors[0]["rule"].as_str().unwrap().to_owned());
        assert!(tree(dir.path()) == left, "{name} left something behind");
    }
    assert!(rules.len() >= 20, "only {} rules have a faulty file: {rules:?}", rules.len());
}
