//! Roots that clients were shipped with: which of them reach the new root is said before anything is signed.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::tuf::world::NOW;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::world;

/// A renewal of root 2, with anchors beside it: those of version 1 and 2, another root 2 of the same keys, one of other
/// keys, and a stranger's root 1.
fn renewal(dir: &Path) {
    fs::create_dir(dir.join("metadata")).unwrap();
    for (name, file) in world().build().0 {
        fs::write(dir.join("metadata").join(name), file).unwrap();
    }
    let draft = dir.join("draft.yaml");
    let from = dir.join("metadata");
    keyrite(&["new", "root-renewal", "--from", text(&from), "--out", text(&draft)]).ended(0);
    let mut twin = root(2, &[7, 2, 3], 2);
    twin["expires"] = "2027-02-03T09:00:00Z".into();
    for (name, anchor) in [
        ("first", signed_by(&root(1, &[1, 2, 3], 2), &[1, 2])),
        ("newest", signed_by(&root(2, &[7, 2, 3], 2), &[2, 3])),
        ("twin", signed_by(&twin, &[2, 3])),
        ("of-others", signed_by(&root(2, &[7, 8, 9], 2), &[7, 8])),
        ("stranger", signed_by(&root(1, &[11, 12, 13], 2), &[11, 12])),
        ("newer", signed_by(&root(3, &[7, 2, 3], 2), &[2, 3])),
    ] {
        fs::write(dir.join(format!("{name}.json")), anchor.to_file()).unwrap();
    }
}

/// `check` of the renewal with these anchors.
fn check(dir: &Path, anchors: &str, accept: &str, more: &[&str]) -> Said {
    let draft = fs::read_to_string(dir.join("draft.yaml")).unwrap();
    let file = draft
        .replace("inputs/metadata", "metadata")
        .replace("# shipped_anchors: [inputs/anchors/1.root.json]", &format!("shipped_anchors: [{anchors}]"))
        .replace("accept: []", &format!("accept: [{accept}]"))
        .replace("Holder of key", "The holder of")
        .replace("The one who types", "Oli Berg")
        .replace("The one who watches", "Wim Peeters");
    assert!(file.contains("\n  shipped_anchors: "), "{file}");
    fs::write(dir.join("ceremony.yaml"), file).unwrap();
    keyrite(&[&["check", text(&dir.join("ceremony.yaml")), "--at", NOW], more].concat())
}

#[test]
fn check_says_over_which_versions_each_shipped_root_reaches_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path());

    let said = check(dir.path(), "first.json, newest.json, twin.json", "", &[]).ended(0).out;
    let document = check(dir.path(), "first.json, newest.json, twin.json", "", &["--json"]).ended(0).out;

    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("  shipped with clients: ")).collect();
    assert_eq!(
        lines,
        [
            "first.json: root 1 reaches root 3 in 2 steps",
            "newest.json: root 2 reaches root 3 in one step",
            "twin.json: root 2 reaches root 3 in one step; it says something else than 2.root.json here: two roots of one version were signed",
        ]
    );
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["plan"]["shipped_anchors"], serde_json::json!(lines));
    let root = &document["plan"]["changes"][0];
    assert_eq!(root["role"], "root");
    let changes = root["changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change["line"] == "root: version 2 -> 3"), "{root}");
}

#[test]
fn a_root_on_the_way_that_a_client_refuses_names_the_client_and_the_rule() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path());
    let mut second = root(2, &[7, 2, 3], 2);
    second["keys"]["ab".repeat(32)] = public(9).to_json().clone();
    let second = signed_by(&second, &[2, 3]).to_file();
    fs::write(dir.path().join("metadata/2.root.json"), &second).unwrap();
    let draft = fs::read_to_string(dir.path().join("draft.yaml")).unwrap();
    let hash = |bytes: &[u8]| keyrite::words::Digest::of(bytes).hex();
    let before = hash(&world().build().0["2.root.json"]);
    assert!(draft.contains(&before), "{draft}");
    fs::write(dir.path().join("draft.yaml"), draft.replace(&before, &hash(&second))).unwrap();

    let said = check(dir.path(), "first.json", "", &[]).ended(0).out;

    let line = "first.json: root 1 reaches root 3 in 2 steps; tough 0.24 refuses root 2: Invalid key ID, for the whole file (KEYID-NOT-A-HASH)\n";
    assert!(said.contains(line), "{said}");
}

#[test]
fn the_record_says_which_shipped_roots_reach_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path());
    check(dir.path(), "first.json", "", &[]).ended(0);
    let file = fs::read_to_string(dir.path().join("ceremony.yaml")).unwrap();
    let keys =
        file.lines().filter(|line| line.contains(" store: \"")).filter_map(|line| line.split(':').next());
    let secrets: String = keys.map(|key| format!("{key}: {{passphrase: a word}}\n")).collect();
    let answers = dir.path().join("answers.yaml");
    fs::write(
        &answers,
        format!("answers: 1\nconfirm: all\ntype-back: auto\nclock: {NOW}\nsecrets:\n{secrets}"),
    )
    .unwrap();
    let record = dir.path().join("record");

    let file = dir.path().join("ceremony.yaml");
    let said = run_by_file(&file, &answers, &record, &["--rehearse"]).ended(0).out;

    // Other keys stand in for everybody's, and nobody is told to doubt a name.
    assert!(!said.contains("KEYID IS NOT"), "{said}");

    let paper = fs::read_to_string(record.join("record.txt")).unwrap();
    let words = paper.split_whitespace().filter(|word| *word != "REHEARSAL");
    let paper = words.collect::<Vec<_>>().join(" ");
    assert!(paper.contains("shipped root first.json: root 1 reaches root 3 in 2 steps"), "{paper}");
    // The file itself lies outside the record.
    fs::remove_file(dir.path().join("first.json")).unwrap();
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

#[test]
fn a_shipped_root_that_does_not_reach_the_new_one_is_refused_unless_the_file_accepts_it() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path());
    for (anchor, why) in [
        ("stranger", "2.root.json"),
        ("of-others", "it is another root 2, of other keys: two trusts of one version"),
        ("newer", "root 3 is newer than 2"),
    ] {
        let anchors = format!("first.json, {anchor}.json");

        let refused = check(dir.path(), &anchors, "", &[]).ended(1).err;
        let accepted = check(dir.path(), &anchors, "anchor-left-behind", &[]).ended(0).out;

        assert!(refused.contains("(ANCHOR-REACHES)") && refused.contains(why), "{anchor}: {refused}");
        let left = format!("shipped with clients: {anchor}.json: does not reach the new root: ");
        assert!(accepted.contains(&left) && accepted.contains(why), "{anchor}: {accepted}");
        let line =
            format!("accepted in the file: clients shipped with {anchor}.json do not reach the new root: ");
        assert!(accepted.contains(&line), "{anchor}: {accepted}");
    }
}

#[test]
fn a_shipped_root_that_cannot_be_read_is_refused_whatever_the_file_accepts() {
    let dir = tempfile::tempdir().unwrap();
    renewal(dir.path());
    fs::write(dir.path().join("garbage.json"), "no root").unwrap();
    for (anchor, why) in
        [("missing.json", "No such file"), ("garbage.json", "expected"), ("metadata", "not a file")]
    {
        let refused = check(dir.path(), anchor, "anchor-left-behind", &[]).ended(1).err;

        assert!(refused.contains("(ANCHOR-READABLE)") && refused.contains(why), "{anchor}: {refused}");
    }
}
