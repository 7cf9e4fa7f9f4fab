//! `keyrite diff` from outside.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::common::keyrite::Said;
use crate::tuf::world::delegation;
use crate::tuf::world::keys;
use crate::tuf::world::root;
use crate::tuf::world::target;
use crate::tuf::world::targets;
use crate::tuf::world::world;

fn keyrite(args: &[&str], folder: &Path) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyrite"));
    Said::of(&command.args(args).current_dir(folder).env_clear().output().unwrap())
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn put_signed(folder: &TempDir, name: &str, signed: &Value, signers: &[u8]) {
    put(folder, name, &signed_by(signed, signers).to_file());
}

fn put_names(folder: &TempDir, name: &str, keys: &[(u8, &str, &str)]) {
    let entry = |(n, name, holder): &(u8, &str, &str)| (keyid(*n).0, json!({"name": name, "holder": holder}));
    let names: serde_json::Map<String, Value> = keys.iter().map(entry).collect();
    put(folder, name, Value::Object(names).to_string().as_bytes());
}

/// `old/` is the world; in `new/` root went on to version 3, a key left, the timestamp's key changed, targets moved.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in &world().build().0 {
        put(&folder, &format!("old/{name}"), bytes);
        put(&folder, &format!("new/{name}"), bytes);
    }
    let mut third = root(3, &[7, 2, 8], 2);
    third["expires"] = "2028-01-03T09:00:00Z".into();
    third["roles"]["timestamp"]["keyids"] = json!([keyid(9).0]);
    third["keys"][&keyid(9).0] = public(9).to_json().clone();
    third["keys"].as_object_mut().unwrap().remove(&keyid(6).0);
    put_signed(&folder, "new/3.root.json", &third, &[2, 7]);
    let mut top = targets(4, json!({"app.txt": target(b"app 2"), "b.txt": target(b"b")}));
    top["delegations"] = json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["dev/*", "lib/*"])]});
    put_signed(&folder, "new/4.targets.json", &top, &[4]);
    put_signed(&folder, "new/1.qa.json", &targets(1, json!({})), &[9]);
    fs::remove_file(folder.path().join("new/2.dev.json")).unwrap();
    let people = [(2, "bo", "Bo Lindqvist"), (3, "chi", "Chi Nwosu"), (7, "fay", "Fay Adeyemi")];
    put_names(&folder, "keys/names.json", &people);
    folder
}

#[test]
fn two_directories_are_told_in_names_and_consequences() {
    let folder = folder();

    let said = keyrite(&["diff", "old", "new"], folder.path()).ended(1);

    assert_eq!(said.err, "");
    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/diff"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("two-directories", said.out);
    });
}

#[test]
fn two_files_are_told_in_names_and_consequences() {
    let folder = folder();

    let said = keyrite(&["diff", "old/2.root.json", "new/3.root.json"], folder.path()).ended(1);

    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/diff"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("two-roots", said.out);
    });
}

#[test]
fn what_is_alike_ends_with_0() {
    let folder = folder();

    let files = keyrite(&["diff", "old/2.root.json", "new/2.root.json"], folder.path()).ended(0);
    let same = keyrite(&["diff", "old", "old", "--json"], folder.path()).ended(0);

    assert_eq!(files.out, "no difference: 1 file is alike\n");
    assert_eq!(same.err, "no difference: 5 files are alike\n");
    let document: Value = serde_json::from_str(&same.out).unwrap();
    assert_eq!(
        document,
        json!({"different": false, "lines": [], "sections": [], "only_old": [], "only_new": []})
    );
}

#[test]
fn a_file_on_one_side_only_is_a_difference() {
    let folder = TempDir::new().unwrap();
    put_signed(&folder, "a/1.root.json", &root(1, &[1], 1), &[1]);
    put_signed(&folder, "b/1.root.json", &root(1, &[1], 1), &[1]);
    put_signed(&folder, "b/1.dev.json", &targets(1, json!({})), &[]);

    let said = keyrite(&["diff", "a", "b"], folder.path()).ended(1);

    assert_eq!(said.out, "only in NEW: 1.dev.json\nno other difference: 1 file is alike\n");
}

#[test]
fn json_is_one_document_with_every_line() {
    let folder = folder();

    let said = keyrite(&["diff", "old", "new", "--json"], folder.path()).ended(1);

    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["different"], true);
    assert_eq!(document["lines"][0], "root: version 2 -> 3");
    assert_eq!(document["sections"][0]["old"], "old/2.root.json");
    assert_eq!(document["sections"][0]["reach"][0]["reached"], true);
    assert_eq!(document["sections"][0]["changes"][0]["kind"], "version");
    assert_eq!(document["sections"][1]["role"], "targets");
    assert_eq!(document["only_old"], json!(["2.dev.json"]));
    assert_eq!(document["only_new"], json!(["1.qa.json"]));
}

/// A root that lies between is read from the new directory; one that is missing there is missing for clients.
#[test]
fn roots_between_are_read_from_the_new_directory() {
    let folder = folder();
    fs::remove_file(folder.path().join("old/2.root.json")).unwrap();

    let whole = keyrite(&["diff", "old", "new"], folder.path()).ended(1);
    fs::remove_file(folder.path().join("new/2.root.json")).unwrap();
    let gap = keyrite(&["diff", "old", "new"], folder.path()).ended(1);

    assert!(whole.out.contains("clients that trust root 1 ACCEPT root 2"), "{}", whole.out);
    assert!(whole.out.contains("clients that trust root 2 ACCEPT root 3"), "{}", whole.out);
    assert!(gap.out.contains("clients that trust root 1 DO NOT ACCEPT root 3\n"), "{}", gap.out);
    assert!(gap.out.contains("missing: version 2 lies between"), "{}", gap.out);
}

#[test]
fn a_root_that_others_accept_and_a_client_refuses_names_the_client_and_the_rule() {
    let folder = folder();
    let mut second: Value = root(2, &[7, 2, 3], 2);
    second["keys"]["ab".repeat(32)] = public(9).to_json().clone();
    put_signed(&folder, "new/2.root.json", &second, &[2, 3]);
    fs::remove_file(folder.path().join("old/2.root.json")).unwrap();

    let two = keyrite(&["diff", "old/1.root.json", "new/2.root.json"], folder.path()).ended(1);
    let all = keyrite(&["diff", "old", "new", "--json"], folder.path()).ended(1);

    let says = "tough 0.24 refuses it: Invalid key ID, for the whole file (KEYID-NOT-A-HASH)";
    let line = format!("  clients that trust root 1 ACCEPT root 2; {says}\n");
    assert!(two.out.contains(&line), "{}", two.out);
    let document: Value = serde_json::from_str(&all.out).unwrap();
    let reach = &document["sections"][0]["reach"];
    assert_eq!(reach[0]["refused_by"], json!([says]));
    assert_eq!(reach[1]["refused_by"], Value::Null);
}

#[test]
fn versions_are_compared_as_numbers() {
    let folder = TempDir::new().unwrap();
    for (name, version) in
        [("a/9.root.json", 9), ("a/10.root.json", 10), ("b/10.root.json", 10), ("b/010.root.json", 11)]
    {
        put_signed(&folder, name, &root(version, &[1], 1), &[1]);
    }

    let said = keyrite(&["diff", "a", "b"], folder.path());

    // A number with leading zeros is no version of root, but a file of its own.
    assert_eq!(said.out, "only in NEW: 010.root.json\nno other difference: 1 file is alike\n");
}

#[test]
fn a_flood_of_files_is_cut_and_hides_no_key() {
    let folder = TempDir::new().unwrap();
    let many: serde_json::Map<String, Value> = (0..300).map(|n| (format!("f{n:03}"), target(b"x"))).collect();
    let mut new = targets(2, Value::Object(many));
    new["delegations"] = json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["*"])]});
    put_signed(&folder, "old.json", &targets(1, json!({})), &[]);
    put_signed(&folder, "new.json", &new, &[]);

    let said = keyrite(&["diff", "old.json", "new.json"], folder.path()).ended(1);
    let json = keyrite(&["diff", "old.json", "new.json", "--json"], folder.path()).ended(1);

    assert!(
        said.out.contains("files: 300 added, 0 removed, 0 changed; delegations: 1 added, 0 removed"),
        "{}",
        said.out
    );
    assert_eq!(
        said.out
            .matches("... and 100 more, which `keyrite diff --json` lists, or `check --json` of a ceremony")
            .count(),
        1
    );
    assert_eq!(
        said.out
            .matches("... and 280 more, which `keyrite diff --json` lists, or `check --json` of a ceremony")
            .count(),
        1
    );
    assert!(said.out.contains("dev may now sign for *"), "{}", said.out);
    assert!(said.out.contains("f199") && !said.out.contains("f200"));
    let document: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["lines"].as_array().unwrap().len(), 302);
}

/// Each can be the one that matters: a file that changes hides behind no other.
#[test]
fn every_file_that_changes_or_goes_is_named() {
    let folder = TempDir::new().unwrap();
    let many = |content: &[u8], names: std::ops::Range<u32>| {
        names.map(|n| (format!("f{n:03}"), target(content))).collect::<serde_json::Map<String, Value>>()
    };
    put_signed(&folder, "old.json", &targets(1, Value::Object(many(b"x", 0..800))), &[]);
    put_signed(&folder, "new.json", &targets(2, Value::Object(many(b"y", 0..400))), &[]);

    let said = keyrite(&["diff", "old.json", "new.json"], folder.path()).ended(1).out;

    let (meaning, _) = said.split_once("The same, as expect_diff has it:").unwrap();
    assert!(meaning.contains("files: 0 added, 400 removed, 400 changed"), "{meaning}");
    let unnamed: Vec<String> =
        (0..800).map(|n| format!("f{n:03}")).filter(|name| !meaning.contains(name.as_str())).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[test]
fn text_from_metadata_and_names_does_not_act_on_the_terminal() {
    let folder = TempDir::new().unwrap();
    put_signed(&folder, "old.json", &targets(1, json!({})), &[]);
    put_signed(&folder, "new.json", &targets(2, json!({"a\u{1b}[2J\u{202e}b": target(b"x")})), &[]);
    put_signed(&folder, "1.root.json", &root(1, &[1, 2], 1), &[]);
    put_signed(&folder, "2.root.json", &root(2, &[1], 1), &[]);
    put_names(&folder, "names.json", &[(2, "bo", "B\u{1b}[2Jo")]);

    let files = keyrite(&["diff", "old.json", "new.json"], folder.path()).ended(1);
    let holder = keyrite(&["diff", "1.root.json", "2.root.json"], folder.path()).ended(1);

    assert!(files.out.contains(r"targets: + file a\u{1b}[2J\u{202e}b"), "{}", files.out);
    assert!(holder.out.contains(r"bo (B\u{1b}[2Jo) no longer signs"), "{}", holder.out);
    assert!(![files.out, holder.out].concat().contains('\u{1b}'));
}

/// The old side's names stand: who brings new metadata does not rename a known key.
#[test]
fn names_beside_the_old_metadata_come_first_and_names_replaces_both() {
    let folder = TempDir::new().unwrap();
    put_signed(&folder, "old/metadata/1.root.json", &root(1, &[1, 2], 1), &[]);
    put_signed(&folder, "new/metadata/2.root.json", &root(2, &[1, 7], 1), &[]);
    put_names(&folder, "old/keys/names.json", &[(2, "bo", "Bo")]);
    put_names(&folder, "new/keys/names.json", &[(2, "mal", "Mal"), (7, "fay", "Fay")]);
    put_names(&folder, "else.json", &[(2, "second", "Bo")]);

    let beside = keyrite(&["diff", "old", "new"], folder.path()).ended(1);
    let given = keyrite(&["diff", "old", "new", "--names", "else.json"], folder.path()).ended(1);

    assert!(beside.out.contains("  root: - key bo\n  root: + key fay\n"), "{}", beside.out);
    assert!(given.out.contains("  root: - key second\n"), "{}", given.out);
}

#[test]
fn a_delegated_role_is_called_by_its_files_name() {
    let folder = TempDir::new().unwrap();
    put_signed(&folder, "1.a%2Fb.json", &targets(1, json!({})), &[]);
    put_signed(&folder, "2.a%2Fb.json", &targets(2, json!({})), &[]);

    let said = keyrite(&["diff", "1.a%2Fb.json", "2.a%2Fb.json"], folder.path()).ended(1);

    assert!(said.out.contains("\n  a/b: version 1 -> 2\n"), "{}", said.out);
}

#[test]
fn what_cannot_be_read_or_compared_ends_with_2_and_says_why() {
    let folder = folder();
    put(&folder, "text", b"hello");
    put(&folder, "empty/readme", b"");
    put(&folder, "names.txt", b"[]");
    for (args, why) in [
        (&["nowhere", "old"][..], "nowhere: No such file"),
        (&["old", "nowhere"], "nowhere: No such file"),
        (&["old", "old/2.root.json"], "one is a directory and the other is not"),
        (&["text", "old/2.root.json"], "text: expected value"),
        (&["old/2.root.json", "text"], "text: expected value"),
        (
            &["old/2.root.json", "old/3.targets.json"],
            "the old file is \"root\" metadata and the new one is \"targets\"",
        ),
        (&["old", "empty"], "empty: no metadata in it"),
        (&["old", "new", "--names", "names.txt"], "names.txt: not an object"),
        (&["old"], "old: no request, and nothing to compare it with"),
        (&[], "required arguments"),
    ] {
        let said = keyrite(&[&["diff"], args].concat(), folder.path()).ended(2);

        assert_eq!(said.out, "", "{why}");
        assert!(said.err.contains(why), "{}", said.err);
    }
}

#[test]
fn help_has_an_example_and_the_exit_codes() {
    let folder = TempDir::new().unwrap();

    let help = keyrite(&["diff", "--help"], folder.path()).ended(0).out;

    assert!(help.contains("Example:\n  keyrite diff 1.root.json 2.root.json"), "{help}");
    assert!(help.contains("  1  a difference\n"), "{help}");
}
