//! `keyrite verify` and `keyrite inspect` from outside.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyrite::bundle;
use keyrite::bundle::Contents;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::world::*;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn keyrite(args: &[&str], folder: &Path) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_keyrite"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// A folder with `bundle/` and `root.json`.
fn folder() -> TempDir {
    let set = world().build();
    let files = bundle::layout(&Contents {
        ceremony: "2026-12-root".to_owned(),
        journal_head: "ab".repeat(32),
        roots: ["1.root.json", "2.root.json"].map(|file| set.0[file].clone().into()).into(),
        roles: ["3.targets.json", "2.dev.json", "5.snapshot.json", "timestamp.json"]
            .map(|file| (file.split('.').rev().nth(1).unwrap().to_owned(), set.0[file].clone().into()))
            .to_vec(),
        ..Contents::default()
    });
    let folder = TempDir::new().unwrap();
    bundle::write(&files.unwrap(), &folder.path().join("bundle")).unwrap();
    fs::write(folder.path().join("root.json"), &set.0["1.root.json"]).unwrap();
    folder
}

const VERIFY: [&str; 6] = ["verify", "bundle", "--root", "root.json", "--at", NOW];

#[test]
fn a_bundle_that_holds_is_told_file_by_file() {
    let folder = folder();

    let ran = keyrite(&VERIFY, folder.path());

    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(lines[0].starts_with(
        "1.root.json: root version 1, expires 2027-01-03T09:00:00Z (in 31 days), signed by 2, 2"
    ));
    assert_eq!(lines.last(), Some(&"verified: 6 files hold at 2026-12-03T09:00:00Z"));
    assert!(lines.contains(&"targets: 2"));
    assert_eq!(ran.err, "");
}

#[test]
fn json_is_one_document_and_the_text_is_elsewhere() {
    let folder = folder();

    let ran = keyrite(&[&VERIFY[..], &["--json"]].concat(), folder.path());

    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["verified"], true);
    assert_eq!(document["targets"], 2);
    assert_eq!((&document["target_files"], &document["target_files_absent"]), (&json!(0), &json!(2)));
    assert!(ran.err.contains("target files that are not here: 2 of 2"), "{}", ran.err);
    assert_eq!(document["trusted"][1]["threshold"], 2);
    assert!(ran.err.ends_with("verified: 6 files hold at 2026-12-03T09:00:00Z\n"));
}

#[test]
fn a_bundle_that_does_not_hold_is_refused_by_rule_and_file() {
    let folder = folder();

    let mut late = VERIFY;
    late[5] = "2027-02-01T00:00:00Z";
    let ran = keyrite(&[&late[..], &["--json"]].concat(), folder.path());

    assert_eq!(ran.code, 1);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["verified"], false);
    assert_eq!((&document["rule"], &document["file"]), (&json!("NOT-EXPIRED"), &json!("2.root.json")));
    assert!(ran.err.starts_with("not verified: 2.root.json: expired on 2027-01-03T09:00:00Z"), "{}", ran.err);
    assert!(ran.err.contains("hint: an archived bundle is judged at its own time: --at TIME"));
}

#[test]
fn a_changed_file_has_its_own_exit_code() {
    let folder = folder();
    fs::write(folder.path().join("bundle/metadata/2.dev.json"), "{}").unwrap();

    let ran = keyrite(&VERIFY, folder.path());

    assert_eq!(ran.code, 6);
    assert!(
        ran.out.starts_with("not verified: metadata/2.dev.json: changed since the bundle was made"),
        "{}",
        ran.out
    );
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let folder = folder();
    for (path, root, at) in [
        ("nowhere", "root.json", NOW),
        ("root.json", "root.json", NOW),
        ("bundle", "nowhere.json", NOW),
        ("bundle", "bundle/MANIFEST.json", NOW),
        ("bundle", "bundle/metadata/timestamp.json", NOW),
        ("bundle", "root.json", "yesterday"),
    ] {
        let ran = keyrite(&["verify", path, "--root", root, "--at", at], folder.path());

        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{path} {root} {at}");
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}

#[test]
fn a_scope_is_chosen_by_name() {
    let folder = folder();
    fs::remove_file(folder.path().join("bundle/MANIFEST.json")).unwrap();
    fs::remove_file(folder.path().join("bundle/metadata/timestamp.json")).unwrap();

    let full = keyrite(&VERIFY, folder.path());
    let offline = keyrite(&[&VERIFY[..], &["--scope", "offline"]].concat(), folder.path());

    assert_eq!(full.code, 1);
    assert!(full.err.contains("--scope offline"), "{}", full.err);
    assert_eq!(offline.code, 0, "{}", offline.out);
}

#[test]
fn text_from_metadata_does_not_act_on_the_terminal() {
    let folder = TempDir::new().unwrap();
    let mut world = world();
    world.role("targets")["targets"] = json!({"a\u{1b}[2J\u{202e}b": target(b"x")});
    fs::write(folder.path().join("t.json"), &world.build().0["3.targets.json"]).unwrap();

    let ran = keyrite(&["inspect", "t.json"], folder.path());

    assert!(ran.out.contains(r"a\u{1b}[2J\u{202e}b: 1 bytes"), "{}", ran.out);
}

#[test]
fn every_file_of_ours_is_said_in_plain_words() {
    let folder = folder();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("key.json", public(1).to_json().to_string().as_bytes());
    put("key.pem", public(1).to_pem().as_bytes());
    put("ana.age", b"age-encryption.org/v1\n-> scrypt c2FsdHNhbHRzYWx0c2FsdA 18\nAAAA\n--- mac\nbody");
    put("sent.age", b"age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n-> X25519 BBBB\nBBBB\n--- mac\nbody");
    put("secret", b"AGE-SECRET-KEY-1QQQQ");
    put(
        "journal.jsonl",
        b"{\"at\":\"2026-12-03T09:00:00Z\",\"prev\":\"00\",\"what\":{\"id\":\"x\"}}\n{\"at\":1,\"prev\":2}\n",
    );

    for (file, words, kind) in [
        ("root.json", "TUF root metadata, version 1, expires 2027-01-03T09:00:00Z (Sunday)", "root"),
        ("root.json", "role root: 2 of 3 keys must sign", "root"),
        ("root.json", "signed by 2 of its own root keys; 2 are needed", "root"),
        ("bundle/metadata/3.targets.json", "  dev: 1 of 1 keys must sign, paths dev/*", "targets"),
        ("bundle/metadata/5.snapshot.json", "  dev.json: version 2", "snapshot"),
        ("bundle/metadata/timestamp.json", "snapshot.json: version 5", "timestamp"),
        ("bundle/MANIFEST.json", "  1. metadata/1.root.json, ", "manifest"),
        ("key.json", "a public key, ed25519", "public-key"),
        ("key.pem", "a public key, ed25519", "public-key"),
        ("ana.age", "an age file encrypted with a passphrase, work factor 18", "age-file"),
        ("sent.age", "an age file encrypted to 2 recipients", "age-file"),
        ("secret", "an age identity; nothing of it is shown", "private-key"),
        ("journal.jsonl", "  what.id: x", "journal"),
    ] {
        let ran = keyrite(&["inspect", file], folder.path());
        let json = keyrite(&["inspect", file, "--json"], folder.path());

        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        assert!(ran.out.lines().any(|line| line.starts_with(words)), "{file}: {}", ran.out);
        assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["kind"], kind, "{file}");
    }
}

#[test]
fn any_other_file_is_said_to_be_none_of_them() {
    let folder = TempDir::new().unwrap();
    for (bytes, why) in [
        (&b"hello"[..], "neither metadata, nor a public key"),
        (b"", "neither metadata, nor a public key"),
        (b"\xff\xfe\x00", "neither metadata, nor a public key"),
        (b"{}", "JSON, but neither metadata"),
        (b"{\"a\":1,\"a\":2}", "JSON that no strict reader takes"),
        (b"{\"signed\":{\"_type\":\"mirrors\"},\"signatures\":[]}", "which is no TUF metadata"),
        (b"{\"signed\":{\"_type\":\"root\"},\"signatures\":[]}", "not root metadata"),
        (b"{\"keytype\":\"x\"}", "not a public key file"),
        (b"{\"keyrite-bundle\":2}", "not a bundle's manifest"),
        (b"age-encryption.org/v9\n", "an age file whose header cannot be read"),
    ] {
        fs::write(folder.path().join("file"), bytes).unwrap();

        let ran = keyrite(&["inspect", "file"], folder.path());

        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{why}");
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    assert_eq!(keyrite(&["inspect", "nowhere"], folder.path()).code, 2);
}

#[test]
fn help_has_an_example() {
    let folder = TempDir::new().unwrap();
    for command in ["verify", "inspect"] {
        let ran = keyrite(&[command, "--help"], folder.path());

        assert!(ran.out.contains(&format!("Example:\n  keyrite {command} ")), "{}", ran.out);
    }
}
