//! Delegations to which no search comes, and what a role delegates that begins in the same ceremony.

use super::DANA;
use super::EXPIRES;
use super::World;

/// Targets delegates so, and `dev` begins with these delegations.
fn after(targets: &str, dev: &str) -> String {
    let own = format!("version: 1, expires: \"{EXPIRES}\"");
    format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{targets}]}}
    dev: {{{own}, files: {{from: inputs/dev}}, delegations: [{dev}]}}
    sub: {{{own}}}\n"
    )
}

const DEV: &str = "{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"], terminating: true}";
const SUB: &str = "{name: sub, keys: [dana], threshold: 1, paths: [\"dev/a*\"]}";

#[test]
fn a_delegation_to_which_nothing_leads_is_remarked_and_may_be_meant() {
    let world = World::new();
    let shadowed = format!("{DEV}, {}", SUB.replace("[\"dev/a*\"", "[\"dev/a*\", \"other/*\""));
    let outside = SUB.replace("dev/a*", "zzz/*");
    let back = format!("{SUB}, {{name: dev, keys: [dana], threshold: 1, paths: [\"dev/b\"]}}");
    for (rule, targets, dev, says) in [
        ("delegation-never-reached", shadowed.as_str(), "", "sub can never sign for \"dev/a*\": terminating"),
        (
            "paths-outside-delegator",
            DEV,
            outside.as_str(),
            "sub can never sign for \"zzz/*\": nobody delegates",
        ),
        ("delegation-cycle", DEV, back.as_str(), "dev delegates to dev, which leads back to it"),
    ] {
        let file = world.file("delegation-change", DANA, &after(targets, dev));
        let said = world.check(&file).ended(0);
        let said = said.out + &said.err;
        assert!(said.contains(says) && said.contains(rule), "{said}");

        let file = world.changed("clock: {}", &format!("  accept: [{rule}]\nclock: {{}}"));

        let said = world.check(&file).ended(0);
        assert!(!said.err.contains(says), "{}", said.err);
    }
    let said = world.check(&world.file("delegation-change", DANA, &after(DEV, SUB))).ended(0);
    for rule in ["delegation-never-reached", "paths-outside-delegator", "delegation-cycle"] {
        assert!(!(said.out.clone() + &said.err).contains(rule), "{}{}", said.out, said.err);
    }
}

#[test]
fn paths_to_which_no_chain_from_targets_leads_are_remarked_however_deep() {
    let world = World::new();
    let check = |paths: &str| {
        let mid = "{name: mid, keys: [dana], threshold: 1, paths: [\"*/b*\", \"*/c*\"]}";
        let sub = SUB.replace("dev/a*", paths);
        let deeper = format!("    mid: {{version: 1, expires: \"{EXPIRES}\", delegations: [{sub}]}}\n");
        let said = world.check(&world.file("delegation-change", DANA, &(after(DEV, mid) + &deeper))).ended(0);
        said.out + &said.err
    };

    let outside = check("other/b1");

    let says =
        "sub can never sign for \"other/b1\": nobody delegates such paths to mid, all the way from targets";
    assert!(outside.contains(says), "{outside}");
    assert!(!check("dev/b1").contains("paths-outside-delegator"));
    assert!(!check("*/c1").contains("paths-outside-delegator"));
}

#[test]
fn what_a_role_delegates_that_begins_is_said_and_may_be_expected() {
    let world = World::new();
    world.file("delegation-change", DANA, &after(DEV, SUB));
    let must = "\"targets: + delegation dev\", \"targets: version 1 -> 2\"";
    for expected in [must.to_owned(), format!("{must}, \"dev: + delegation sub\"")] {
        world.file("delegation-change", DANA, &after(DEV, SUB));
        let file = world.changed("clock: {}", &format!("  expect_diff: [{expected}]\nclock: {{}}"));

        let said = world.check(&file).ended(0).out;

        assert!(
            said.contains("  dev:\n    delegations: 1 added, 0 removed\n    sub may now sign for dev/a*"),
            "{said}"
        );
        assert!(!said.contains("under the same version"), "{said}");
        world.run(&file).ended(0);
        std::fs::remove_dir_all(world.path("record")).unwrap();
    }
}

#[test]
fn new_delegations_are_said_in_their_order() {
    let world = World::new();
    let list = format!("{}, {}", SUB.replace("dev/a*", "b/*"), DEV);

    let said = world.check(&world.file("delegation-change", DANA, &after(&list, ""))).ended(0).out;

    let place = |line: &str| said.find(line).unwrap();
    assert!(place("sub may now sign for") < place("dev may now sign for"), "{said}");
}
