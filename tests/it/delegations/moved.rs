//! What becomes of current target files by all that one ceremony signs: check, review and `diff` say the same.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::DANA;
use super::EXPIRES;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

const DEV: &str = "{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"], terminating: true}";

/// A world in which `dev` lists `dev/tool.tgz`, and other content of that file lies in `inputs/front`.
fn world() -> World {
    let world = World::new();
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{DEV}]}}
    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n"
    );
    world.run(&world.file("delegation-change", DANA, &after)).ended(0);
    world.publish();
    world.write("inputs/front/dev/tool.tgz", b"another tool");
    world
}

/// A change of what targets delegates, with a role that begins.
fn change(world: &World, list: &str, begins: &str) -> PathBuf {
    let after =
        format!("    targets: {{version: 3, expires: \"{EXPIRES}\", delegations: [{list}]}}\n    {begins}\n");
    let key = format!(
        "  dana: {{holder: dana, store: \"age:inputs/keys/dana.age\", keyid: \"{}\"}}\n",
        world.keyid("dana")
    );
    world.file("delegation-change", &key, &after);
    world.changed("{version: 2,", "{version: 3,")
}

const LOST: &str = "can no longer be found";

#[test]
fn a_new_delegate_in_front_that_signs_the_same_path_is_said_to_take_it_with_its_content() {
    let world = world();
    let front = "{name: front, keys: [ana], threshold: 1, paths: [\"dev/*\"], terminating: true}";
    let begins = format!("front: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/front}}}}");
    let file = change(&world, &format!("{front}, {DEV}"), &begins);
    let line = "=> 1 current target moves from dev to front with other content: dev/tool.tgz";

    let checked = world.check(&file).ended(0).out;
    let ran = world.run(&file).ended(0).out;

    for said in [&checked, &ran] {
        assert!(said.contains(line) && !said.contains(LOST), "{said}");
    }
    // Dana's role stays as it is: she has her key with her, and signs nothing.
    let dana = checked.lines().find(|line| line.starts_with("  dana ") && line.contains("keyid")).unwrap();
    assert!(dana.contains("does not sign here, and lies in age:") && dana.ends_with("(dev)"), "{dana}");
    let record = fs::read_to_string(world.path("record/record.txt")).unwrap();
    assert!(record.contains(line) && !record.contains(LOST), "{record}");
    let (old, new) = (world.path("inputs/metadata"), world.path("record/bundle/metadata"));
    let diff = keyrite(&["diff", text(&old), text(&new)]).ended(1).out;
    assert!(diff.contains(line) && !diff.contains(LOST), "{diff}");
    world.accepted("dev/tool.tgz", b"another tool");
}

#[test]
fn a_delegate_that_follows_another_with_the_same_files_is_said_to_keep_them() {
    let world = world();
    let begins = format!("tools: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}");
    let file = change(&world, &DEV.replace("name: dev", "name: tools"), &begins);

    let said = world.check(&file).ended(0).out;

    let line = "=> 1 current target moves from dev to tools with the same content: dev/tool.tgz";
    assert!(said.contains(line) && !said.contains(LOST), "{said}");
    let none = format!("tools: {{version: 1, expires: \"{EXPIRES}\"}}");
    let said = world.check(&change(&world, &DEV.replace("name: dev", "name: tools"), &none)).ended(0).out;
    assert!(
        said.contains("=> 1 current target of dev can no longer be found by any client: dev/tool.tgz"),
        "{said}"
    );
}

#[test]
fn a_file_of_a_delegate_that_targets_lists_too_is_said_to_move() {
    let world = world();
    let entry = json!({"length": 1, "hashes": {"sha256": "ab".repeat(32)}});
    world.write("inputs/manifest.json", json!({"targets": {"dev/tool.tgz": entry}}).to_string().as_bytes());
    let after = format!(
        "    targets: {{version: 3, expires: \"{EXPIRES}\", files: {{manifest: inputs/manifest.json, keep: true}}}}\n"
    );
    world.file("targets-signing", "", &after);
    let file = world.changed("{version: 2,", "{version: 3,");

    let said = world.check(&file).ended(0).out;

    assert!(
        said.contains("=> 1 current target moves from dev to targets with other content: dev/tool.tgz"),
        "{said}"
    );
}

#[test]
fn bins_under_another_name_are_one_place_to_which_files_move() {
    let world = World::new();
    let bins = |prefix: &str, count: u64, style: &str| {
        format!("{{bins: {{count: {count}, prefix: {prefix}, style: {style}}}, keys: [dana], threshold: 1}}")
    };
    let signed = |prefix: &str| format!("{prefix}: {{expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}");
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{}]}}\n    {}\n",
        bins("bin", 4, "classic"),
        signed("bin")
    );
    world.run(&world.file("delegation-change", DANA, &after)).ended(0);
    world.publish();

    let other = world.check(&change(&world, &bins("buk", 8, "classic"), &signed("buk"))).ended(0).out;
    let succinct = change(&world, &bins("bin", 4, "succinct"), &format!("bin: {{expires: \"{EXPIRES}\"}}"));
    let succinct = world.check(&succinct).ended(0).out;

    let line = "=> 1 current target moves from bin-* to buk-* with the same content: dev/tool.tgz";
    assert!(other.contains(line) && !other.contains(LOST), "{other}");
    assert!(!succinct.contains(LOST) && !succinct.contains("current target"), "{succinct}");
    assert!(!succinct.contains("no longer trusted"), "{succinct}");
}

#[test]
fn the_number_of_bins_changes_while_they_list_files() {
    number_of_bins("classic");
    number_of_bins("succinct");
}

fn number_of_bins(style: &str) {
    let world = World::new();
    let entry = json!({"length": 1, "hashes": {"sha256": "ab".repeat(32)}});
    let all: serde_json::Map<String, serde_json::Value> =
        (0..20).map(|n| (format!("app/{n}"), entry.clone())).collect();
    world.write("inputs/manifest.json", json!({"targets": all}).to_string().as_bytes());
    let bins = |count: u64| {
        format!("{{bins: {{count: {count}, prefix: bin, style: {style}}}, keys: [dana], threshold: 1}}")
    };
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{}]}}
    bin: {{expires: \"{EXPIRES}\", files: {{manifest: inputs/manifest.json}}}}\n",
        bins(4)
    );
    world.run(&world.file("delegation-change", DANA, &after)).ended(0);
    world.publish();
    for (version, count) in [(3, 8), (4, 2)] {
        change(&world, &bins(count), &format!("bin: {{expires: \"{EXPIRES}\"}}"));
        let file = world.changed("{version: 3,", &format!("{{version: {version},"));

        let said = world.run(&file).ended(0).out;

        let was = if count == 8 { 4 } else { 8 };
        let number = format!("delegation bin-*: bins {was} -> {count}: paths lead to other bins than before");
        assert_eq!(said.contains(&number), style == "succinct", "{said}");
        assert!(!said.contains(LOST) && !said.contains("current target"), "{said}");
        let found: usize = (0..count)
            .map(|bin| {
                let version = fs::read_dir(world.path("record/bundle/metadata")).unwrap().map(Result::unwrap);
                let name = |name: &str| name.ends_with(&format!(".bin-{bin:x}.json"));
                let names = version.map(|file| file.file_name().into_string().unwrap());
                let newest = names.filter(|file| name(file)).max().unwrap();
                world.made(&newest).listed().unwrap().len()
            })
            .sum();
        assert_eq!(found, 20);
        world.accepted_by(&[], "app/1", b"");
        world.publish();
    }
}
