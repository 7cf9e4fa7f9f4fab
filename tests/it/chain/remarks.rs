//! What `check` remarks of a root that holds, against the one that clients have.

use std::collections::BTreeMap;

use serde_json::json;

use super::leaving::check;
use super::leaving::check_files;
use super::leaving::signs;
use crate::tuf::world;
use crate::tuf::world::World;

/// The world's files, under plain names where its root says so.
fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let plain = world.roots[1].0["consistent_snapshot"] == json!(false);
    let name = |name: String| match name.split_once('.') {
        Some((_, rest)) if plain && !rest.starts_with("root") && name != "timestamp.json" => rest.to_owned(),
        _ => name,
    };
    world.build().0.into_iter().map(|(called, bytes)| (name(called), bytes)).collect()
}

#[test]
fn a_root_that_expires_earlier_and_files_by_plain_names_are_remarked() {
    let mut world = world::world();
    for (root, _) in &mut world.roots {
        root["expires"] = json!("2028-01-03T09:00:00Z");
    }
    let (two, three, new) =
        (signs(2), signs(3), "holder: bo, store: \"age:keys/new.age\", scheme: ed25519, generate: true");
    let keys = [("two", &*two), ("three", &*three), ("new", new)];
    let root = |expires: &str| {
        format!("    root: {{version: 3, expires: \"{expires}\", keys: [two, three, new], threshold: 2}}\n")
    };
    let remarked = |world: &_, expires: &str, accept: &[&str]| {
        let said = check_files(&files(world), "key-rotation", &keys, &root(expires), accept).ended(0);
        said.out + &said.err
    };
    let earlier = "(root-expires-earlier)";
    let plain = "(no-consistent-snapshots)";

    let said = remarked(&world, "2028-01-02T00:00:00Z", &[]);
    let text =
        "root expires on 2028-01-02T00:00:00Z, before the one that it follows, on 2028-01-03T09:00:00Z";
    assert!(said.contains(text) && said.contains(earlier) && !said.contains(plain), "{said}");
    let accepted = remarked(&world, "2028-01-02T00:00:00Z", &["root-expires-earlier"]);
    assert!(!accepted.contains(earlier), "{accepted}");
    assert!(!remarked(&world, "2028-01-04T00:00:00Z", &[]).contains(earlier));

    for (root, _) in &mut world.roots {
        root["consistent_snapshot"] = json!(false);
    }
    let said = remarked(&world, "2028-01-04T00:00:00Z", &[]);
    assert!(said.contains(plain), "{said}");
    assert!(!remarked(&world, "2028-01-04T00:00:00Z", &["no-consistent-snapshots"]).contains(plain));
}

#[test]
fn a_line_that_is_expected_twice_is_refused() {
    let world = world::world();
    let (two, three) = (signs(2), signs(3));
    let keys = [("two", &*two), ("three", &*three)];
    let renewal = |lines: &[&str]| {
        let lines: String = lines.iter().map(|line| format!("    - \"{line}\"\n")).collect();
        let after =
            format!("    root: {{version: 3, expires: \"2029-12-31T00:00:00Z\"}}\n  expect_diff:\n{lines}");
        check(&world, "root-renewal", &keys, &after, &[])
    };

    renewal(&["root: version 2 -> 3"]).ended(0);
    let said = renewal(&["root: version 2 -> 3", "root: version 2 -> 3"]).ended(1).err;

    assert!(said.contains("it expects \"root: version 2 -> 3\" twice, which happens once"), "{said}");
    assert!(said.contains("(DIFF-AS-EXPECTED)"), "{said}");
}
