//! A role to which more than one delegates: clients verify it by the word of whomever they come from.

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

use super::DANA;
use super::EXPIRES;
use super::World;

/// Targets delegates `doc` to Ana, and `dev` to Dana.
fn after(version: u64) -> String {
    let own = format!("version: {version}, expires: \"{EXPIRES}\"");
    format!(
        "    targets:
      version: {next}
      expires: \"{EXPIRES}\"
      delegations:
        - {{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"]}}
        - {{name: doc, keys: [ana], threshold: 1, paths: [\"doc/*\"]}}
    dev: {{{own}, files: {{from: inputs/dev}}, delegations: [{{name: doc, keys: [dana], threshold: 1, paths: [\"dev/d*\"]}}]}}
    doc: {{{own}}}\n",
        next = version + 1
    )
}

#[test]
fn a_role_is_signed_by_the_keys_of_everyone_who_delegates_to_it() {
    let world = World::new();
    let file = world.file("delegation-change", DANA, &after(1));
    let script = world.check(&file).ended(0).out;
    assert!(script.contains("Sign targets and doc with key ana"), "{script}");
    assert!(script.contains("Sign dev and doc with key dana"), "{script}");

    let said = world.run(&file).ended(0);

    assert!(said.out.contains("doc, by the keys of dev: 1 signed, 1 needed"), "{}", said.out);
    let holds = "doc holds: 1 signature, 1 needed; 1 by the keys of dev, 1 needed";
    assert!(said.out.contains(holds), "{}", said.out);
    assert_eq!(world.made("1.doc.json").signatures().len(), 2);
    world.accepted("dev/tool.tgz", b"tool 1");
    let assessed = keyrite(&["assess", text(&world.path("record"))]).out;
    assert!(assessed.contains("  doc of targets  yes"), "{assessed}");
    assert!(assessed.contains("  doc of dev      yes"), "{assessed}");
    // Signed again, with what dev says carried over: its key is as much needed as that of targets.
    world.publish();
    let again = format!("    doc: {{version: 2, expires: \"{EXPIRES}\"}}\n");
    world.file("targets-signing", "", &again);
    let file = world.changed(
        "{version: 2, expires: \"2027-06-30T00:00:00Z\"}\n    timestamp: {version: 2",
        "{version: 3, expires: \"2027-06-30T00:00:00Z\"}\n    timestamp: {version: 3",
    );
    let said = world.check(&file).ended(1).err;
    assert!(
        said.contains("doc, to which dev delegates too, needs 1") && said.contains("THRESHOLD-REACHABLE"),
        "{said}"
    );
    let dana = format!(
        "  dana: {{holder: dana, store: \"age:inputs/keys/dana.age\", keyid: \"{}\"}}\ntrust:",
        world.keyid("dana")
    );
    let file = world.changed("trust:", &dana);
    let script = world.check(&file).ended(0).out;
    assert!(script.contains("Sign doc with key dana"), "{script}");
}

#[test]
fn delegators_that_ask_for_the_same_signatures_are_counted_once() {
    let world = World::new();
    let file = world.file("delegation-change", DANA, &after(1).replace("keys: [ana]", "keys: [dana]"));
    let script = world.check(&file).ended(0).out;
    assert!(script.contains("Sign dev and doc with key dana"), "{script}");

    let said = world.run(&file).ended(0);

    assert!(!said.out.contains("doc, by the keys of"), "{}", said.out);
    assert_eq!(world.made("1.doc.json").signatures().len(), 1);
}
