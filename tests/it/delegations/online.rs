//! What `check` says of a snapshot and a timestamp that are signed in the room, and of keys that would have to sign them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use super::DANA;
use super::Digest;
use super::EXPIRES;
use super::Peer;
use super::Visit;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// A change in which everything is signed in the room, with this `expect_diff`.
fn file(world: &World, expected: &[&str]) -> PathBuf {
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"]}}]}}
    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n"
    );
    world.file("delegation-change", DANA, &after);
    let expected: String = expected.iter().map(|line| format!("    - {line:?}\n")).collect();
    world.changed("clock: {}", &format!("  expect_diff:\n{expected}clock: {{}}"))
}

const MUST: [&str; 2] = ["targets: + delegation dev", "targets: version 1 -> 2"];

#[test]
fn a_role_that_a_server_must_sign_with_new_keys_is_remarked() {
    let world = World::new();
    let root = format!("    root: {{version: 2, expires: \"{EXPIRES}\", keys: [ana], threshold: 1}}\n");
    world.file("key-rotation", "  dana: {public: inputs/dana.pub.json}\n", &root);
    let server = format!("timestamp: {{version: 2, expires: \"{EXPIRES}\"}}");
    let file = world.changed(&server, "timestamp: {keys: [dana], threshold: 1}");
    let remark = "key dana alone must sign it again before root 2 is published";

    let said = world.check(&file).ended(0);

    let said = said.out + &said.err;
    assert!(said.contains(remark) && said.contains("left-to-a-server"), "{said}");
    let file = world.changed("clock: {}", "  accept: [left-to-a-server]\nclock: {}");
    assert!(!world.check(&file).ended(0).err.contains(remark));
    // The same keys as before, and keys that sign here, leave nothing to a server.
    for kept in [
        "keys: [online], threshold: 1",
        &format!("version: 2, expires: \"{EXPIRES}\", keys: [online], threshold: 1"),
    ] {
        let more = root.replace("[ana]", "[ana, dana]");
        world.file("key-rotation", "  dana: {public: inputs/dana.pub.json}\n", &more);
        let file = world.changed(&server, &format!("timestamp: {{{kept}}}"));
        let said = world.check(&file).ended(0);
        assert!(!(said.out + &said.err).contains("left-to-a-server"));
    }
}

#[test]
fn lines_of_snapshot_and_timestamp_are_known_and_may_be_left_out() {
    let world = World::new();
    let all = [
        "snapshot: version 1 -> 2",
        "snapshot: listed targets.json version 1 -> 2",
        "snapshot: + listed dev.json",
        "timestamp: version 1 -> 2",
        "timestamp: listed snapshot.json version 1 -> 2",
    ];
    let said = world.check(&file(&world, &MUST)).ended(0).out;
    let (_, changes) = said.split_once("What changes").unwrap();
    let (changes, _) = changes.split_once("Afterwards").unwrap();
    for line in
        ["  snapshot:\n", "    listed targets.json version 1 -> 2", "    dev.json is listed now, version 1"]
    {
        assert!(changes.contains(line), "{changes}");
    }
    let wrong = [&MUST[..], &["snapshot: version 1 -> 3"]].concat();
    let said = world.check(&file(&world, &wrong)).ended(1).err;
    assert!(said.contains("it expects \"snapshot: version 1 -> 3\", which does not happen"), "{said}");
    let file = file(&world, &[&MUST[..], &all[..]].concat());

    let said = world.run(&file);

    said.ended(0);
    world.accepted("dev/tool.tgz", b"tool 1");
}

#[test]
fn a_delegate_whose_file_snapshot_does_not_list_is_refused_before_anything_is_signed() {
    let world = World::new();
    let dev = serde_json::json!({"_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": EXPIRES, "targets": {}});
    world.write("inputs/metadata/1.dev.json", &world.signed("dana", dev));
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"]}}]}}\n"
    );

    let said = world.check(&world.file("delegation-change", DANA, &after)).ended(1).err;

    assert!(said.contains("targets delegates to dev, and snapshot does not list 1.dev.json"), "{said}");
    assert!(said.contains("DELEGATE-HAS-METADATA"), "{said}");
}

/// The highest version that every client reads.
const HIGHEST: u64 = (1 << 53) - 1;

/// Every key of the server is stolen, and the thief drove the versions high. Its new one is Dana's, for `timestamp` too or not.
fn stolen_server(world: &World, versions: (u64, u64), timestamp: &str) -> PathBuf {
    let root = format!("    root: {{version: 2, expires: \"{EXPIRES}\", keys: [ana], threshold: 1}}\n");
    world.file("compromise-response", DANA, &root);
    world.changed(
        "type: compromise-response\n",
        "type: compromise-response\nincident: \"The server was broken into\"\nstolen: [online]\n",
    );
    world.changed("holder: oli, store: \"age:inputs/keys/online.age\", ", "");
    let role = |name: &str, version: u64, keys: &str| {
        format!("{name}: {{version: {version}, expires: \"{EXPIRES}\", keys: [{keys}], threshold: 1}}")
    };
    let was = |name: &str| format!("{name}: {{version: 2, expires: \"{EXPIRES}\"}}");
    world.changed(&was("snapshot"), &role("snapshot", versions.0, "dana"));
    world.changed(&was("timestamp"), &role("timestamp", versions.1, timestamp))
}

#[test]
fn snapshot_and_timestamp_begin_again_where_a_thief_left_no_higher_version_and_every_client_forgets_his() {
    let world = World::new();
    let read = |name: &str| fs::read(world.path("inputs/metadata").join(name)).unwrap();
    let mut snapshot: Value = serde_json::from_slice(&read("1.snapshot.json")).unwrap();
    snapshot["signed"]["version"] = json!(HIGHEST);
    let forged = world.signed("online", snapshot["signed"].take());
    let mut timestamp: Value = serde_json::from_slice(&read("timestamp.json")).unwrap();
    timestamp["signed"]["version"] = json!(HIGHEST);
    timestamp["signed"]["meta"]["snapshot.json"] = json!({"version": HIGHEST});
    world.write(&format!("inputs/metadata/{HIGHEST}.snapshot.json"), &forged);
    world.write("inputs/metadata/timestamp.json", &world.signed("online", timestamp["signed"].take()));
    let thief = world.path("inputs/metadata");

    let said = world.check(&stolen_server(&world, (2, HIGHEST), "dana")).ended(1).err;
    assert!(said.contains("so the next is 1, not 9007199254740991 (VERSION-NEXT)"), "{said}");
    assert!(said.contains("so the next is 1, not 2 (VERSION-NEXT)"), "{said}");
    // Clients that can still verify the timestamp that they stored forget nothing.
    let kept = world.check(&stolen_server(&world, (1, 1), "dana, online")).ended(1).err;
    assert!(kept.contains("so the next is 9007199254740992, not 1"), "{kept}");

    let file = stolen_server(&world, (1, 1), "dana");
    world.run(&file).ended(0);

    let (bundle, root) = (world.path("record/bundle"), world.path("record/bundle/metadata/1.root.json"));
    let args = ["verify", text(&bundle), "--root", text(&root), "--at", "2026-11-20T12:00:00Z", "--trusted"];
    keyrite(&[&args[..], &[text(&thief)]].concat()).ended(0);
    let target = bundle.join(format!("targets/{}.old.tgz", Digest::of(b"old").hex()));
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, b"old").unwrap();
    for peer in Peer::ALL {
        if let Some(verdict) = peer.judge(&Visit::new(&bundle, "old.tgz")) {
            assert_eq!(verdict, Ok(b"old".to_vec()), "{peer:?}");
        }
    }
}
