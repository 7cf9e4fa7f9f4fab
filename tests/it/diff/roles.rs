//! Two files of targets, of a delegated role, of snapshot or of timestamp.

use keyrite::tuf::diff;
use keyrite::tuf::diff::DiffError;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::tuf::world::delegation;
use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::root;
use crate::tuf::world::target;
use crate::tuf::world::targets;

#[test]
fn files_are_added_removed_and_changed_by_path() {
    let old = targets(1, json!({"a": target(b"a"), "b": target(b"b"), "c": target(b"c")}));
    let new = targets(2, json!({"b": target(b"bb"), "c": target(b"c"), "d": target(b"d")}));

    let section = between((&old, &[4]), (&new, &[4]));

    assert_eq!(
        section.lines().collect::<Vec<_>>(),
        ["targets: version 1 -> 2", "targets: - file a", "targets: + file d", "targets: ~ file b"]
    );
    assert_eq!(words(&section)[3], "~ file b: length 1 -> 2; sha256 changed, other content");
}

#[test]
fn what_changed_in_a_file_is_named() {
    let bend: [Bend; 6] = [
        (|t| t["length"] = 9.into(), "length 3 -> 9"),
        (|t| t["hashes"]["sha512"] = "00".into(), "sha512 is listed now"),
        (|t| drop(t["hashes"].as_object_mut().unwrap().remove("sha256")), "sha256 is no longer listed"),
        (|t| t["hashes"]["sha256"] = "00".into(), "sha256 changed, other content"),
        (|t| t["custom"] = json!({"k": 1}), r#"custom none -> {"k":1}"#),
        // No client reads it, and nothing hides in it.
        (|t| t["x-note"] = 1.into(), "x-note none -> 1"),
    ];
    for (bend, what) in bend {
        let old = targets(1, json!({"app": target(b"app")}));
        let mut new = old.clone();
        bend(&mut new["targets"]["app"]);

        let section = between((&old, &[]), (&new, &[]));

        assert_eq!(section.lines().collect::<Vec<_>>(), ["targets: ~ file app"]);
        assert_eq!(words(&section), [format!("~ file app: {what}")]);
        assert_eq!(
            follows(&section),
            ["targets: other content under the same version 1: clients that have it may keep the old"]
        );
    }
}

#[test]
fn blanks_in_a_file_are_no_change_of_its_targets() {
    let old = signed_by(&targets(1, json!({"app": target(b"app")})), &[]).to_file();
    let new = String::from_utf8(old.clone()).unwrap().replace(r#""length":3"#, r#""length": 3"#);
    assert_ne!(old, new.as_bytes());

    let section = diff::files(None, &old, new.as_bytes(), &names()).unwrap();

    assert_eq!(section.lines().collect::<Vec<_>>(), ["targets: written differently"]);
}

fn delegating(roles: Value) -> Value {
    let mut top = targets(1, json!({}));
    top["delegations"] = json!({"keys": keys(&[8, 9]), "roles": roles});
    top
}

#[test]
fn a_delegation_that_comes_or_goes_says_what_it_is_for() {
    let one = delegating(json!([delegation("dev", &[8], &["dev/*"]), delegation("ops", &[9], &["x"])]));
    let two =
        delegating(json!([delegation("dev", &[8], &["dev/*"]), delegation("qa", &[9], &["qa/*", "q"])]));

    let section = between((&one, &[]), (&two, &[]));

    assert_eq!(
        section.lines().collect::<Vec<_>>(),
        ["targets: - delegation ops", "targets: + delegation qa"]
    );
    assert_eq!(
        words(&section)[0],
        "ops is no longer delegated to: what it signed is no longer trusted by targets"
    );
    assert_eq!(words(&section)[1], "qa may now sign for qa/*, q");
    assert_eq!(follows(&section)[0], "qa: eva alone can sign");
    // The first delegations of all, and the last of all, are changes too.
    let none = targets(1, json!({}));
    assert_eq!(lines(&none, &one)[..2], ["targets: + delegation dev", "targets: + delegation ops"]);
    assert_eq!(lines(&one, &none)[..2], ["targets: - delegation dev", "targets: - delegation ops"]);
}

#[test]
fn each_member_of_a_delegation_has_its_line() {
    let old = delegating(json!([delegation("dev", &[8], &["dev/*"]), delegation("ops", &[8, 9], &["x"])]));
    let bend: [Bend; 7] = [
        (|r| r["paths"] = json!(["dev/*", "d"]), "targets: delegation dev: + path d"),
        (|r| r["paths"] = json!([]), "targets: delegation dev: - path dev/*"),
        (|r| r["terminating"] = true.into(), "targets: delegation dev: terminating false -> true"),
        (|r| r["threshold"] = 2.into(), "targets: delegation dev: threshold 1 -> 2"),
        (|r| r["keyids"] = json!(keyids(&[8, 9])), "targets: delegation dev: + key eva"),
        (|r| r["keyids"] = json!([]), "targets: delegation dev: - key dev"),
        (|r| r["x-note"] = 1.into(), "targets: delegation dev: field x-note added"),
    ];
    for (bend, line) in bend {
        let mut new = old.clone();
        bend(&mut new["delegations"]["roles"][0]);

        assert_eq!(lines(&old, &new), [line]);
    }
    let mut prefixes = old.clone();
    let role = prefixes["delegations"]["roles"][0].as_object_mut().unwrap();
    role.remove("paths");
    role.insert("path_hash_prefixes".to_owned(), json!(["0a"]));
    assert_eq!(
        lines(&old, &prefixes),
        ["targets: delegation dev: + prefix 0a", "targets: delegation dev: - path dev/*"]
    );
}

#[test]
fn the_order_of_delegations_is_a_change() {
    let role = |name: &str| delegation(name, &[8, 9], &["*"]);
    let old = delegating(json!([role("a"), role("b"), role("c")]));
    let new = delegating(json!([role("c"), role("a"), role("b")]));
    let shorter = delegating(json!([role("b"), role("c")]));

    assert_eq!(
        lines(&old, &new),
        [
            "targets: delegation a: place 1 -> 2",
            "targets: delegation b: place 2 -> 3",
            "targets: delegation c: place 3 -> 1"
        ]
    );
    assert_eq!(lines(&old, &shorter), ["targets: - delegation a"]);
}

#[test]
fn succinct_bins_are_compared_as_one() {
    let bins = |bits: u64, key: u8| {
        let mut top = targets(1, json!({}));
        let bins =
            json!({"keyids": keyids(&[key]), "threshold": 1, "bit_length": bits, "name_prefix": "bin"});
        top["delegations"] = json!({"keys": keys(&[8, 9]), "succinct_roles": bins});
        top
    };

    assert_eq!(
        lines(&bins(8, 8), &bins(10, 9)),
        [
            "targets: delegation bin-*: - key dev",
            "targets: delegation bin-*: + key eva",
            "targets: + unused key dev",
            "targets: - unused key eva",
            "targets: delegation bin-*: bins 256 -> 1024"
        ]
    );
}

fn snapshot(version: u64, meta: Value) -> Value {
    json!({"_type": "snapshot", "spec_version": "1.0.31", "version": version, "expires": crate::tuf::world::EXPIRES, "meta": meta})
}

#[test]
fn versions_in_a_snapshot_rise_fall_and_vanish() {
    let old = snapshot(
        1,
        json!({"a.json": {"version": 2}, "b.json": {"version": 2}, "c.json": {"version": 2}, "e.json": {"version": 1}}),
    );
    let new = snapshot(
        2,
        json!({"a.json": {"version": 3}, "b.json": {"version": 1}, "d.json": {"version": 1}, "e.json": {"version": 1, "length": 5}}),
    );

    let section = between((&old, &[]), (&new, &[]));

    assert_eq!(
        section.lines().collect::<Vec<_>>(),
        [
            "snapshot: version 1 -> 2",
            "snapshot: - listed c.json",
            "snapshot: + listed d.json",
            "snapshot: listed a.json version 2 -> 3",
            "snapshot: listed b.json version 2 -> 1",
            "snapshot: ~ listed e.json"
        ]
    );
    let loud: Vec<&str> = section.changes.iter().filter(|c| c.alarm).map(|c| c.words.as_str()).collect();
    assert_eq!(
        loud,
        [
            "c.json VANISHES: it was version 2, and clients refuse a list without it",
            "ROLLBACK: b.json version 2 -> 1; clients refuse it, unless root says fast-forward recovery"
        ]
    );
}

#[test]
fn a_timestamp_says_which_snapshot_it_names() {
    let timestamp = |version: u64, snapshot: u64| {
        json!({"_type": "timestamp", "spec_version": "1.0.31", "version": version, "expires": crate::tuf::world::EXPIRES,
            "meta": {"snapshot.json": {"version": snapshot}}})
    };

    assert_eq!(
        lines(&timestamp(1, 5), &timestamp(2, 6)),
        ["timestamp: version 1 -> 2", "timestamp: listed snapshot.json version 5 -> 6"]
    );
}

#[test]
fn what_is_no_metadata_or_not_of_one_type_is_not_compared() {
    let good = signed_by(&targets(1, json!({})), &[]).to_file();
    let whole = |signed: &str| format!(r#"{{"signatures":[],"signed":{signed}}}"#).into_bytes();
    let head = r#""spec_version":"1.0.31","version":1,"expires":"2027-01-03T09:00:00Z""#;
    for bad in [
        Vec::new(),
        b"{}".to_vec(),
        b"\xff".to_vec(),
        whole("[]"),
        whole(r#"{"_type":"targets"}"#),
        whole(&format!(r#"{{"_type":"targets",{head}}}"#)),
        whole(&format!(r#"{{"_type":"targets",{head},"targets":[]}}"#)),
        whole(&format!(r#"{{"_type":"targets",{head},"targets":{{"a":1}}}}"#)),
        whole(&format!(r#"{{"_type":"targets",{head},"targets":{{}},"targets":{{}}}}"#)),
        whole(&format!(
            r#"{{"_type":"targets",{head},"targets":{{}},"delegations":{{"keys":{{}},"roles":{{}}}}}}"#
        )),
    ] {
        let text = String::from_utf8_lossy(&bad).into_owned();
        let new = diff::files(None, &good, &bad, &names());

        assert!(matches!(new, Err(DiffError::New(_) | DiffError::Types { .. })), "{text}: {new:?}");
        assert!(diff::files(None, &bad, &good, &names()).is_err(), "{text}");
    }
    let root = signed_by(&root(1, &[1], 1), &[]).to_file();
    assert!(matches!(diff::files(None, &good, &root, &names()), Err(DiffError::Types { .. })));
}
