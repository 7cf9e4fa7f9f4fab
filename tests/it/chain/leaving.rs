//! Keys that leave, come back, or stand twice: what a plan owes to what they signed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keyrite::keystore::public_file;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::tuf::world;
use crate::tuf::world::World;
use crate::tuf::world::delegation;
use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::public;

const EXPIRES: &str = "2029-12-31T00:00:00Z";

/// The world with keys 4 and 10 for targets, and 8 and 11 for `dev`: one must sign, and both did.
fn pairs() -> World {
    let mut world = world::world();
    for (root, _) in &mut world.roots {
        root["keys"][public(10).keyid().0] = public(10).to_json().clone();
        root["roles"]["targets"] = json!({"keyids": keyids(&[4, 10]), "threshold": 1});
    }
    let delegations = json!({"keys": keys(&[8, 11]), "roles": [delegation("dev", &[8, 11], &["dev/*"])]});
    world.role("targets")["delegations"] = delegations;
    for (role, signers) in [("targets", [4, 10]), ("dev", [8, 11])] {
        world.roles.get_mut(role).unwrap().1 = signers.into();
    }
    world
}

/// `check` of a ceremony of this type over a world.
pub(super) fn check(world: &World, kind: &str, keys: &[(&str, &str)], after: &str, accept: &[&str]) -> Said {
    check_files(&world.build().0, kind, keys, after, accept)
}

/// The same over these files.
pub(super) fn check_files(
    files: &BTreeMap<String, Vec<u8>>,
    kind: &str,
    keys: &[(&str, &str)],
    after: &str,
    accept: &[&str],
) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let metadata = dir.path().join("inputs/metadata");
    fs::create_dir_all(&metadata).unwrap();
    for (name, bytes) in files {
        fs::write(metadata.join(name), bytes).unwrap();
    }
    fs::write(dir.path().join("inputs/ana.pub.json"), public_file::text(&public(1))).unwrap();
    fs::write(dir.path().join("inputs/new.pub.json"), public_file::text(&public(9))).unwrap();
    let pin = hex::encode(Sha256::digest(fs::read(metadata.join("2.root.json")).unwrap()));
    let incident = match kind {
        "compromise-response" => "incident: A token was stolen\nstolen: [gone]\n",
        _ => "",
    };
    let keys: String = keys.iter().map(|(name, key)| format!("  {name}: {{{key}}}\n")).collect();
    let text = format!(
        "keyrite: 1\nid: leaving\ntitle: A key leaves\ntype: {kind}\n{incident}participants:\n  oli: {{name: Oli Berg, role: operator}}\n  bo: {{name: Bo Lindqvist, role: custodian}}\n  wim: {{name: Wim Peeters, role: witness}}\nkeys:\n{keys}trust:\n  before: {{metadata: inputs/metadata, root_sha256: \"{pin}\"}}\n  after:\n{after}  accept: [{}]\noutputs: {{bundle: bundle}}\n",
        accept.join(", ")
    );
    fs::write(dir.path().join("ceremony.yaml"), text).unwrap();
    run(dir.path())
}

fn run(dir: &Path) -> Said {
    let args = ["check", "ceremony.yaml", "--at", world::NOW];
    Said::of(&command().current_dir(dir).args(args).output().unwrap())
}

pub(super) fn signs(n: u8) -> String {
    format!("holder: bo, store: \"age:keys/{n}.age\", keyid: \"{}\"", public(n).keyid())
}

fn listed(n: u8) -> String {
    format!("keyid: \"{}\"", public(n).keyid())
}

fn root() -> String {
    format!("    root: {{version: 3, expires: \"{EXPIRES}\"}}\n")
}

#[track_caller]
fn refused(said: Said, rule: &str, says: &str) {
    let said = said.ended(1);
    assert!(said.err.contains(rule) && said.err.contains(says), "{}", said.err);
    assert_eq!(said.err.matches(rule).count(), 1, "{}", said.err);
}

#[test]
fn a_key_that_leaves_targets_and_signed_it_leaves_nothing_that_clients_take() {
    let world = pairs();
    let (two, three, gone, stays) = (signs(2), signs(3), listed(4), signs(10));
    let keys = [("two", &*two), ("three", &*three), ("gone", &*gone), ("stays", &*stays)];
    let silent = "    targets: {keys: [stays], threshold: 1}\n";
    let again = format!("    targets: {{version: 4, expires: \"{EXPIRES}\", keys: [stays], threshold: 1}}\n");

    for kind in ["key-rotation", "compromise-response"] {
        let why = if kind == "key-rotation" { "has signed it" } else { "is stolen" };
        let without_store = [keys[0], keys[1], keys[2], ("stays", &*listed(10))];
        let said = check(&world, kind, &without_store, &(root() + silent), &[]);
        refused(said, "COUPLED-RESIGN", &format!("key gone, which leaves, {why}"));

        check(&world, kind, &keys, &(root() + &again), &[]).ended(0);
    }
    // Who signed nothing that lies there takes nothing along.
    let mut world = pairs();
    world.roles.get_mut("targets").unwrap().1 = vec![10];
    let without_store = [keys[0], keys[1], keys[2], ("stays", &*listed(10))];
    let said = check(&world, "key-rotation", &without_store, &(root() + silent), &[]).ended(0);
    assert!(said.out.contains("signed by enough of the keys that stay"), "{}", said.out);
    let said = check(&world, "compromise-response", &without_store, &(root() + silent), &[]);
    refused(said, "COUPLED-RESIGN", "key gone, which leaves, is stolen");
}

#[test]
fn a_delegate_whose_key_leaves_signs_again_here_or_by_name_later() {
    let world = pairs();
    let (tara, gone, stays) = (signs(4), listed(8), listed(11));
    let keys = [("tara", &*tara), ("gone", &*gone), ("stays", &*stays)];
    let after = format!(
        "    targets: {{version: 4, expires: \"{EXPIRES}\", delegations: [{{name: dev, keys: [stays], threshold: 1, paths: [\"dev/*\"]}}]}}\n"
    );

    for kind in ["delegation-change", "compromise-response"] {
        refused(check(&world, kind, &keys, &after, &[]), "COUPLED-RESIGN", "key gone, which leaves");
        check(&world, kind, &keys, &after, &["signed-again-later"]).ended(0);

        let signs = [keys[0], keys[1], ("stays", &*signs(11))];
        let dev = format!("    dev: {{version: 3, expires: \"{EXPIRES}\"}}\n");
        check(&world, kind, &signs, &(after.clone() + &dev), &[]).ended(0);
    }
}

#[test]
fn a_type_signs_nothing_that_it_does_not_force() {
    let world = world::world();
    let (two, three, tara, dev) = (signs(2), signs(3), signs(4), signs(8));
    let new = "holder: bo, store: \"age:keys/new.age\", scheme: ed25519, generate: true";
    let keys = [("two", &*two), ("three", &*three), ("tara", &*tara), ("dev", &*dev)];
    let own =
        |role: &str, version: u8| format!("    {role}: {{version: {version}, expires: \"{EXPIRES}\"}}\n");

    let nothing = check(&world, "key-rotation", &keys[..3], &(root() + &own("targets", 4)), &[]);
    refused(nothing, "TYPE-ALLOWS", "no key and no threshold changes");

    let after = format!(
        "    root: {{version: 3, expires: \"{EXPIRES}\", keys: [two, three, new], threshold: 2}}\n{}",
        own("dev", 3)
    );
    let rotation = [keys[0], keys[1], keys[3], ("new", new)];
    refused(check(&world, "key-rotation", &rotation, &after, &[]), "TYPE-ALLOWS", "dev is signed here");

    let files = format!(
        "    targets: {{version: 4, expires: \"{EXPIRES}\", files: {{manifest: inputs/none.json, keep: true}}}}\n"
    );
    let beside = check(&world, "targets-signing", &keys[2..], &(files + &own("dev", 3)), &[]);
    refused(beside, "TYPE-ALLOWS", "dev is signed here beside targets");

    let online = [keys[0], keys[1], ("server", &*signs(5))];
    let renewal = check(&world, "root-renewal", &online, &(root() + &own("snapshot", 6)), &[]);
    refused(renewal, "TYPE-ALLOWS", "snapshot is signed here, and nothing forces it; a root-renewal changes");
}

#[test]
fn a_key_that_was_retired_comes_back_only_where_that_is_accepted_by_name() {
    let world = world::world();
    let (two, three) = (signs(2), signs(3));
    let back = "holder: bo, store: \"age:inputs/ana.age\", public: inputs/ana.pub.json";
    let keys = [("two", &*two), ("three", &*three), ("back", back)];
    let after =
        format!("    root: {{version: 3, expires: \"{EXPIRES}\", keys: [two, three, back], threshold: 2}}\n");

    let said = check(&world, "key-rotation", &keys, &after, &[]);
    refused(said, "RETIRED-KEY", "key back was listed by root 1, and a later root dropped it");

    check(&world, "key-rotation", &keys, &after, &["retired-key-returns"]).ended(0);
}

/// The world with key 2 under a second keyid in root 2.
fn twice() -> (World, String) {
    let mut world = world::world();
    let mut again: Value = public(2).to_json().clone();
    again["x"] = json!(1);
    let keyid = hex::encode(Sha256::digest(again.to_string()));
    world.roots[1].0["keys"][&keyid] = again;
    world.roots[1].0["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
    (world, keyid)
}

#[test]
fn a_second_listing_of_a_key_is_remarked_and_a_rotation_takes_it_out() {
    let (world, _) = twice();
    let (seven, two, three) = (listed(7), signs(2), signs(3));
    let keys = [("seven", &*seven), ("two", &*two), ("three", &*three)];

    let said = check(&world, "root-renewal", &keys[1..], &root(), &[]).ended(0);
    let both = said.out + &said.err;
    assert!(both.contains("(one-key-several-keyids)"), "{both}");

    let once = format!(
        "    root: {{version: 3, expires: \"{EXPIRES}\", keys: [seven, two, three], threshold: 2}}\n"
    );
    let said = check(&world, "key-rotation", &keys, &once, &[]).ended(0);
    let both = said.out.clone() + &said.err;
    assert!(!both.contains("one-key-several-keyids"), "{both}");
    assert!(said.out.contains("the same key under fewer keyids"), "{}", said.out);
}
