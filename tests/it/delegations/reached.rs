//! Delegations to which no search comes, and what a role delegates that begins in the same ceremony.

use std::fs;

use keyrite::tuf::Metadata;

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

#[test]
fn a_file_that_is_off_the_way_by_which_tough_loads_its_role_is_refused_or_accepted() {
    let world = World::new();
    let aa = DEV.replace("dev/*", "b/*").replace("name: dev", "name: aa").replace(", terminating: true", "");
    let again = DEV.replace("dev/*", "b/z");
    let after = |targets: &str, again: &str| {
        let own = format!("version: 1, expires: \"{EXPIRES}\"");
        format!(
            "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{targets}]}}
    aa: {{{own}, delegations: [{again}]}}
    dev: {{{own}, files: {{from: inputs/dev}}}}\n"
        )
    };

    let file = world.file("delegation-change", DANA, &after(&format!("{aa}, {DEV}"), &again));
    let said = world.check(&file).ended(1).err;
    let accepted = world.changed("clock: {}", "  accept: [clients-refuse]\nclock: {}");
    let accepted = world.check(&accepted).ended(0).out;

    for said in [&said, &accepted] {
        let why = "dev at /signed/targets/dev~1tool.tgz: a role that is delegated to more than once lists a target that the first way to the role does not allow: targets -> aa -> dev: tough 0.24 refuses it";
        assert!(said.contains(why), "{said}");
    }
    assert!(said.contains("1 problem\n") && said.contains("(TARGET-OFF-THE-FIRST-WAY)"), "{said}");
    // Whoever comes first loads it.
    let first = world.file("delegation-change", DANA, &after(&format!("{DEV}, {aa}"), &again));
    world.check(&first).ended(0);
    let wide = world.file(
        "delegation-change",
        DANA,
        &after(&aa.replace("b/*", "*/*"), &DEV.replace("b/z", "dev/*")),
    );
    world.check(&wide).ended(0);
    world.run(&first).ended(0);
    world.accepted("dev/tool.tgz", b"tool 1");
}

/// Everything is signed here for the third time.
fn third(world: &World, kind: &str, after: &str) -> std::path::PathBuf {
    world.file(kind, "", after);
    world.changed("{version: 2,", "{version: 3,")
}

#[test]
fn a_file_that_only_targets_led_to_is_not_taken_out_of_targets_alone() {
    let world = World::new();
    world.write("inputs/dev/old.tgz", b"old");
    let begins = after(DEV, "").replace("    sub:", "    # sub:");
    world.run(&world.file("delegation-change", DANA, &begins)).ended(0);
    // Other clients never ask dev for it, and tough is content with any role that lists it.
    world.accepted("dev/tool.tgz", b"tool 1");
    world.publish();
    let files = "files: {keep: true, remove: [old.tgz]}";
    let targets = format!("    targets: {{version: 2, expires: \"{EXPIRES}\", {files}}}\n");

    let said = world.check(&third(&world, "targets-signing", &targets)).ended(1).err;

    let refused =
        "dev lists old.tgz, and no path of a delegation leads to it: tough would refuse the whole repository";
    assert!(said.contains(refused) && said.contains("FILES-WITHIN-PATHS"), "{said}");
}

#[test]
fn a_file_that_tough_alone_finds_is_not_cut_off_from_it() {
    let world = World::new();
    let begins = after(&DEV.replace("dev/*", "*/*"), "").replace("    sub:", "    # sub:");
    world.run(&world.file("delegation-change", DANA, &begins)).ended(0);
    world.publish();
    // In tough `*` also stands for a slash; the specification has no way to dev/tool.tgz from here on.
    let metadata = world.path("inputs/metadata");
    let targets = Metadata::parse(&fs::read(metadata.join("2.targets.json")).unwrap()).unwrap();
    let narrow = targets.payload().to_vec();
    let narrow = String::from_utf8(narrow).unwrap().replace("\"*/*\"", "\"*\"");
    world.write(
        "inputs/metadata/2.targets.json",
        &world.signed("ana", serde_json::from_str(&narrow).unwrap()),
    );
    for described in ["2.snapshot.json", "timestamp.json"] {
        fs::remove_file(metadata.join(described)).unwrap();
    }
    for (paths, code) in [("x/*", 1), ("d*", 0)] {
        let list = DEV.replace("dev/*", paths).replace("dana", "ana");
        let targets = format!(
            "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{list}]}}
    dev: {{expires: \"{EXPIRES}\", version: 2}}\n"
        );
        third(&world, "delegation-change", &targets);
        world.changed("store: \"age:inputs/keys/online.age\", ", "");
        for described in ["snapshot", "timestamp"] {
            world.changed(&format!("    {described}: {{version: 3, expires: \"{EXPIRES}\"}}\n"), "");
        }
        let file = world.path("ceremony.yaml");

        let said = world.check(&file).ended(code).err;

        let refused = "dev lists dev/tool.tgz, and no path of a delegation leads to it: tough would refuse";
        assert_eq!(said.contains(refused), code == 1, "{said}");
    }
}
