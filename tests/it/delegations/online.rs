//! What `check` says of a snapshot and a timestamp that are signed in the room, and of keys that would have to sign them.

use std::path::PathBuf;

use super::DANA;
use super::EXPIRES;
use super::World;

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
