//! What known clients refuse is refused here first, by lint's own rules, unless the file accepts it.

use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use super::EXPIRES;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// Targets takes this entry in from a manifest.
fn signing(world: &World, path: &str, entry: &Value) -> PathBuf {
    world.write("inputs/m.json", json!({"targets": {path: entry}}).to_string().as_bytes());
    let files = "files: {keep: true, manifest: inputs/m.json}";
    let after = format!("    targets: {{version: 2, expires: \"{EXPIRES}\", {files}}}\n");
    world.file("targets-signing", "", &after)
}

fn entry(more: Value) -> Value {
    let mut entry = json!({"length": 3, "hashes": {"sha256": "ab".repeat(32)}});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

#[test]
fn a_target_that_a_client_refuses_is_refused_by_the_rule_of_lint_or_accepted() {
    let world = World::new();
    for (rule, path, entry) in [
        ("HASHES-WITHOUT-SHA256", "f", entry(json!({"hashes": {"sha512": "cd".repeat(64)}}))),
        ("TARGET-CUSTOM-EMPTY", "f", entry(json!({"custom": {}}))),
        ("TEXT-NOT-NFC", "f", entry(json!({"custom": {"by": "e\u{301}"}}))),
        ("NUMBER-ABOVE-2-53", "f", entry(json!({"length": 1_u64 << 60}))),
        ("NUMBER-ABOVE-2-53", "f", entry(json!({"custom": {"n": 1_u64 << 60}}))),
        ("KEY-ORDER-ABOVE-U-FFFF", "f", entry(json!({"custom": {"\u{1f600}": 1, "\u{ffee}": 2}}))),
    ] {
        let file = signing(&world, path, &entry);
        let said = world.check(&file).ended(1).err;
        assert!(said.contains("1 problem\n") && said.contains(&format!("({rule})")), "{rule}: {said}");
        let accepted = world.changed("clock: {}", "  accept: [clients-refuse]\nclock: {}");

        let said = world.check(&accepted).ended(0);

        assert!(said.out.contains("accepted in the file: targets at /signed/targets"), "{}", said.out);
        assert!(!said.out.contains("clients-refuse"), "{}", said.out);
    }
    world.check(&signing(&world, "f", &entry(json!({"custom": {"by": "\u{e9}"}})))).ended(0);
}

#[test]
fn paths_that_another_language_sorts_otherwise_are_refused_beside_each_other_alone() {
    let world = World::new();
    world.repository("\u{ffee}.tgz");
    let file = signing(&world, "\u{1f600}.tgz", &entry(json!({})));
    assert!(world.check(&file).ended(1).err.contains("(KEY-ORDER-ABOVE-U-FFFF)"));

    world.changed("keep: true, ", "");

    world.check(&file).ended(0);
}

#[test]
fn a_target_behind_more_delegations_than_clients_ask_is_refused() {
    let world = World::new();
    let list = |count: usize| {
        let before =
            (0..count).map(|n| format!("{{name: n{n}, keys: [ana], threshold: 1, paths: [\"dev/*\"]}}, "));
        let dev = "{name: dev, keys: [ana], threshold: 1, paths: [\"dev/*\"]}";
        let roles: String =
            (0..count).map(|n| format!("    n{n}: {{version: 1, expires: \"{EXPIRES}\"}}\n")).collect();
        format!(
            "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{}{dev}]}}\n{roles}    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n",
            before.collect::<String>()
        )
    };
    world.check(&world.file("delegation-change", "", &list(31))).ended(0);

    let file = world.file("delegation-change", "", &list(40));

    let said = world.check(&file).ended(1).err;
    assert!(
        said.contains("\"dev/tool.tgz\" after 41") && said.contains("(TARGET-BEHIND-MANY-ROLES)"),
        "{said}"
    );
    // What clients refuse before is not the doing of the ceremony after it.
    world.changed("clock: {}", "  accept: [clients-refuse]\nclock: {}");
    world.run(&file).ended(0);
    world.publish();
    signing(&world, "f", &entry(json!({})));
    world.check(&world.changed("{version: 2,", "{version: 3,")).ended(0);
}

#[test]
fn a_delegation_whose_name_a_client_cannot_sort_is_refused() {
    let world = World::new();
    let dev = "{name: \"7\", keys: [ana], threshold: 1, paths: [\"dev/*\"]}";
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{dev}]}}\n    \"7\": {{version: 1, expires: \"{EXPIRES}\"}}\n"
    );

    let said = world.check(&world.file("delegation-change", "", &after)).ended(1).err;

    assert!(said.contains("(ROLE-NAME-NUMBER)"), "{said}");
}

#[test]
fn a_manifest_that_comes_after_check_is_judged_by_the_same_rules_on_the_day() {
    let world = World::new();
    let file = signing(&world, "f", &entry(json!({})));
    let answers = std::fs::read_to_string(world.path("answers.yaml")).unwrap();
    // Nobody answers yet, so the ceremony waits for its first yes.
    world.write("answers.yaml", answers.replace("confirm: all\n", "").as_bytes());
    assert_ne!(world.run(&file).code, 0);
    world.write("answers.yaml", answers.as_bytes());
    let late = json!({"targets": {"f": entry(json!({"custom": {}}))}});
    world.write("inputs/m.json", late.to_string().as_bytes());

    let said = keyrite(&[
        "resume",
        text(&world.path("record")),
        "--plain",
        "--answers",
        text(&world.path("answers.yaml")),
    ]);

    let said = format!("{}{}", said.out, said.err);
    assert!(said.contains("(TARGET-CUSTOM-EMPTY)") && !said.contains("signed targets"), "{said}");
}
