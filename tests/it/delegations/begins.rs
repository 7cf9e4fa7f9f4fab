//! Delegated roles whose metadata is not in the directory before: one that begins is told from one that was left out.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::DANA;
use super::EXPIRES;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// A role `dev` of Dana, published or only delegated to; then a ceremony of this kind for version 3 of the rest.
fn world(signed: bool) -> World {
    let world = World::new();
    let dev = match signed {
        true => format!("    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n"),
        false => String::new(),
    };
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{}]}}\n{dev}",
        list("dana")
    );
    world.file("delegation-change", DANA, &after);
    let mut file = world.path("ceremony.yaml");
    if !signed {
        world.changed(", store: \"age:inputs/keys/dana.age\"", "");
        world.changed("holder: dana, public", "public");
        file = alone(&world);
        world
            .changed("clock: {}", "  accept: [delegate-without-metadata, no-proof-of-possession]\nclock: {}");
    }
    world.run(&file).ended(0);
    world.publish();
    if !signed {
        let meta = json!({"targets.json": {"version": 2}});
        let snapshot = json!({"_type": "snapshot", "spec_version": "1.0.31", "version": 2, "expires": EXPIRES, "meta": meta});
        world.write("inputs/metadata/2.snapshot.json", &world.signed("online", snapshot));
    }
    world
}

fn list(key: &str) -> String {
    format!("{{name: dev, keys: [{key}], threshold: 1, paths: [\"dev/*\"]}}")
}

/// Snapshot and timestamp are signed by a server.
fn alone(world: &World) -> PathBuf {
    world.changed("store: \"age:inputs/keys/online.age\", ", "");
    for described in ["snapshot", "timestamp"] {
        world.changed(&format!("    {described}: {{version: 2, expires: \"{EXPIRES}\"}}\n"), "");
    }
    world.path("ceremony.yaml")
}

fn without(world: &World, names: &[&str]) {
    names.iter().for_each(|name| fs::remove_file(world.path("inputs/metadata").join(name)).unwrap());
}

/// Dana signs `dev` as if for the first time.
fn first_of_dev(world: &World) -> PathBuf {
    let dana = format!(
        "  dana: {{holder: dana, store: \"age:inputs/keys/dana.age\", keyid: \"{}\"}}\n",
        world.keyid("dana")
    );
    let dev = format!("    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n");
    world.file("targets-signing", &dana, &dev);
    world.changed("{holder: ana, store: \"age:inputs/keys/ana.age\", ", "{holder: ana, ");
    alone(world)
}

#[test]
fn a_delegated_role_whose_file_was_left_out_does_not_begin_again() {
    let world = world(true);
    without(&world, &["1.dev.json", "2.snapshot.json", "timestamp.json"]);
    let file = first_of_dev(&world);

    let said = world.check(&file).ended(1).err;

    assert!(said.contains("dev is signed here, and the metadata before has no file of it"), "{said}");
    assert!(said.contains("1 problem\n") && said.contains("(BEFORE-COMPLETE)"), "{said}");
    world.changed("clock: {}", "  accept: [first-metadata]\nclock: {}");
    world.check(&file).ended(0);
}

#[test]
fn a_delegated_role_that_no_snapshot_lists_yet_begins() {
    let world = world(false);

    world.check(&first_of_dev(&world)).ended(0);
}

/// As a server publishes it before the delegate has signed: everything but that delegate is administered meanwhile.
#[test]
fn who_has_not_begun_stops_no_ceremony() {
    let world = world(false);
    let meta = json!({"snapshot.json": {"version": 2}});
    let timestamp = json!({"_type": "timestamp", "spec_version": "1.0.31", "version": 2, "expires": EXPIRES, "meta": meta});
    world.write("inputs/metadata/timestamp.json", &world.signed("online", timestamp));
    world.check(&first_of_dev(&world)).ended(0);
    world.file("root-renewal", "", "    root: {version: 2, expires: \"2028-06-30T00:00:00Z\"}\n");

    world.run(&alone(&world)).ended(0);

    let root = world.path("inputs/metadata/1.root.json");
    let bundle = world.path("record/bundle");
    assert!(bundle.join("metadata/timestamp.json").exists());
    let verify = |more: &[&str]| {
        keyrite(
            &[&["verify", text(&bundle), "--root", text(&root), "--at", "2026-11-20T12:00:00Z"], more]
                .concat(),
        )
    };
    let said = verify(&[]).ended(1);
    assert!(said.out.contains("(LISTED-IN-SNAPSHOT)"), "{}", said.out);
    assert!(said.err.contains("--scope offline"), "{}", said.err);
    verify(&["--scope", "offline"]).ended(0);
}

/// A file that lies there unlisted is verified by the word of who delegates to it, for what follows starts from it.
#[test]
fn what_a_delegate_signed_before_snapshot_lists_it_is_verified() {
    let world = world(false);
    let meta = json!({"snapshot.json": {"version": 2}});
    let timestamp = json!({"_type": "timestamp", "spec_version": "1.0.31", "version": 2, "expires": EXPIRES, "meta": meta});
    world.write("inputs/metadata/timestamp.json", &world.signed("online", timestamp));
    let dev = json!({"_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": EXPIRES, "targets": {}});
    world.write("inputs/metadata/1.dev.json", &world.signed("online", dev.clone()));
    world.file("root-renewal", "", "    root: {version: 2, expires: \"2028-06-30T00:00:00Z\"}\n");
    let file = alone(&world);

    let said = world.check(&file).ended(1).err;

    assert!(said.contains("1.dev.json") && said.contains("(BEFORE-VERIFIES)"), "{said}");
    world.write("inputs/metadata/1.dev.json", &world.signed("dana", dev));
    world.check(&file).ended(0);
}

#[test]
fn keys_of_a_delegate_do_not_change_where_nobody_can_see_what_they_signed() {
    let world = world(true);
    without(&world, &["1.dev.json", "2.snapshot.json", "timestamp.json"]);
    let change = |key: &str| {
        let after =
            format!("    targets: {{version: 3, expires: \"{EXPIRES}\", delegations: [{}]}}\n", list(key));
        let dana = format!("  dana: {{keyid: \"{}\"}}\n", world.keyid("dana"));
        world.file("delegation-change", if key.contains("dana") { &dana } else { "" }, &after);
        alone(&world)
    };

    let said = world.check(&change("ana")).ended(1).err;

    assert!(
        said.contains("the keys of dev change, and its metadata is not in the directory before"),
        "{said}"
    );
    assert!(said.contains("1 problem\n") && said.contains("(COUPLED-RESIGN)"), "{said}");
    world.changed("clock: {}", "  accept: [delegate-without-metadata]\nclock: {}");
    world.check(&world.path("ceremony.yaml")).ended(0);
    // A key that comes to the others takes nothing away.
    world.check(&change("dana, ana")).ended(0);
}
