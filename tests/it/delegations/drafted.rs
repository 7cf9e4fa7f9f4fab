//! `new targets-signing --role NAME`: what is drafted passes `check` once its files are named.

use std::fs;

use super::DANA;
use super::EXPIRES;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

/// A release of `role`, drafted from a record in which it was delegated to, with more files.
fn drafted(delegation: &str, role: &str, first: &str) {
    let world = World::new();
    let after = format!(
        "    targets: {{version: 2, expires: \"{EXPIRES}\", delegations: [{delegation}]}}\n    {role}: {{{first}, files: {{from: inputs/dev}}}}\n"
    );
    world.run(&world.file("delegation-change", DANA, &after)).ended(0);
    world.write("inputs/targets/dev/more.tgz", b"more");
    fs::remove_file(world.path("inputs/targets/app.tgz")).unwrap();
    let (record, file) = (world.path("record"), world.path("release.yaml"));

    keyrite(&["new", "targets-signing", "--from", text(&record), "--role", role, "--out", text(&file)])
        .ended(0);

    let release = fs::read_to_string(&file).unwrap();
    let commented = "      # files: {from: inputs/targets, keep: true}\n";
    assert_eq!(release.matches(commented).count(), 1, "{release}");
    let expect = "  # Remarks of";
    let release = release.replace(commented, &commented.replace("# ", ""));
    let release = release.replace(expect, &format!("    - \"{role}: + file dev/more.tgz\"\n{expect}"));
    fs::write(&file, release).unwrap();
    let said = world.check(&file).ended(0);
    assert!(said.out.contains("Dana Ek") && said.out.contains("dev/more.tgz"), "{}", said.out);
}

#[test]
fn a_release_of_a_delegated_role_is_drafted() {
    let delegation = "{name: dev, keys: [dana], threshold: 1, paths: [\"dev/*\"]}";
    drafted(delegation, "dev", &format!("version: 1, expires: \"{EXPIRES}\""));
}

#[test]
fn a_release_of_bins_is_drafted_as_one() {
    let delegation = "{bins: {count: 16, prefix: bin, style: classic}, keys: [dana], threshold: 1}";
    drafted(delegation, "bin", &format!("expires: \"{EXPIRES}\""));
}
