//! A key that comes with a file, and that the metadata before or another name has already.

use super::DANA;
use super::EXPIRES;
use super::World;

const ANA_AGAIN: &str = "  ana-2: {public: inputs/ana.pub.json}\n";

/// Targets delegates `dev` to this key.
fn delegating(version: u64, key: &str) -> String {
    let dev = format!("{{name: dev, keys: [{key}], threshold: 1, paths: [\"dev/*\"]}}");
    format!("    targets: {{version: {version}, expires: \"{EXPIRES}\", delegations: [{dev}]}}\n")
}

#[test]
fn a_key_that_the_metadata_before_lists_is_named_by_its_keyid() {
    let world = World::new();
    let signed = format!("    dev: {{version: 1, expires: \"{EXPIRES}\", files: {{from: inputs/dev}}}}\n");
    world.run(&world.file("delegation-change", DANA, &(delegating(2, "dana") + &signed))).ended(0);
    world.publish();
    let dana = "  dana: {public: inputs/dana.pub.json}\n";
    for expected in ["", "  expect_diff: [\"targets: version 2 -> 3\"]\n"] {
        world.file("delegation-change", dana, &delegating(3, "dana"));
        world.changed("{version: 2,", "{version: 3,");
        let file = world.changed("clock: {}", &format!("{expected}clock: {{}}"));

        let said = world.check(&file).ended(1).err;

        let advice = format!(
            "write `keyid: \"{}\"` in the place of `public` (LISTED-KEY-BY-KEYID)",
            world.keyid("dana")
        );
        assert!(said.contains(&advice), "{said}");
        assert!(!said.contains("DIFF-AS-EXPECTED"), "{said}");
        let file =
            world.changed("public: inputs/dana.pub.json", &format!("keyid: \"{}\"", world.keyid("dana")));
        let said = world.check(&file).ended(0).out;
        assert!(!said.contains("now sign"), "{said}");
    }
}

#[test]
fn a_key_has_one_name_also_where_it_comes_with_a_file() {
    let world = World::new();
    let dana_again = "  dana-2: {public: inputs/dana.pub.json}\n";
    for (again, says) in [
        (ANA_AGAIN, "key ana-2 has the key of key ana: one key"),
        (dana_again, "key dana-2 has the key of key dana: one key"),
    ] {
        let name = again.trim().split(':').next().unwrap();
        let after = delegating(2, &format!("dana, {name}"));
        let file = world.file("delegation-change", &(DANA.to_owned() + again), &after);

        let said = world.check(&file).ended(1).err;

        assert!(said.contains(says) && said.contains("KEYID-ONCE"), "{said}");
    }
}

#[test]
fn a_stolen_key_does_not_come_back_with_a_file() {
    let world = World::new();
    let root = format!("    root: {{version: 2, expires: \"{EXPIRES}\", keys: [ana-2], threshold: 1}}\n");
    world.file("compromise-response", ANA_AGAIN, &root);
    let file = world.changed("participants:", "incident: A bag was open\nstolen: [ana]\nparticipants:");

    let said = world.check(&file).ended(1).err;

    assert!(said.contains("key ana-2 has the key of key ana, which is stolen"), "{said}");
}
