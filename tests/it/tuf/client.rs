//! One test a rule, which fails when the rule is gone.

use keyrite::tuf::Metadata;
use keyrite::tuf::client::MAX_ROLES;
use keyrite::tuf::client::MAX_ROOT;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::rules;
use keyrite::tuf::client::verify;
use serde_json::Value;
use serde_json::json;

use super::world::*;

fn file(name: &str) -> String {
    name.to_owned()
}

#[test]
fn the_world_as_it_is_verifies() {
    let verified = world().build().verify().unwrap();

    let trusted: Vec<(&str, u64)> = verified.trusted.iter().map(|t| (t.file.as_str(), t.version)).collect();
    assert_eq!(
        trusted,
        [
            ("1.root.json", 1),
            ("2.root.json", 2),
            ("timestamp.json", 9),
            ("5.snapshot.json", 5),
            ("3.targets.json", 3),
            ("2.dev.json", 2)
        ]
    );
    assert_eq!(verified.targets.keys().collect::<Vec<_>>(), ["app.txt", "dev/tool.txt"]);
    assert_eq!(verified.remarks, [""; 0]);
    assert_eq!(verified.trusted[1].signed_by.len(), 2);
}

#[test]
fn without_consistent_snapshot_only_roots_have_versions_in_their_names() {
    let mut world = world();
    world.consistent = false;
    for (root, _) in &mut world.roots {
        root["consistent_snapshot"] = json!(false);
    }

    let verified = world.build().verify().unwrap();

    assert_eq!(verified.trusted[4].file, "targets.json");
    assert!(!verified.consistent_snapshot);
}

#[test]
fn the_chain_may_start_at_any_version() {
    let mut set = world().build();
    set.0.insert(file("1.root.json"), b"older than what we trust, and never read".to_vec());

    let verified = set.verify_from("2.root.json", Scope::Full).unwrap();

    assert_eq!(verified.trusted[0].version, 2);
}

#[test]
fn a_missing_file_is_named() {
    for name in ["timestamp.json", "5.snapshot.json", "3.targets.json", "2.dev.json"] {
        let mut set = world().build();
        set.0.remove(name);

        assert_eq!(set.refused(), (rules::FILE_MISSING, file(name)));
    }
}

#[test]
fn a_file_larger_than_its_role_may_be_is_not_read() {
    let mut set = world().build();
    set.0.insert(file("3.root.json"), vec![b' '; MAX_ROOT as usize + 1]);

    assert_eq!(set.refused(), (rules::FILE_READABLE, file("3.root.json")));
}

#[test]
fn what_is_not_metadata_of_its_role_is_refused() {
    for (member, value) in [
        ("_type", json!("targets")),
        ("spec_version", json!("2.0.0")),
        ("version", json!(0)),
        ("version", json!("2")),
        ("expires", json!("tomorrow")),
        ("consistent_snapshot", json!("yes")),
        ("keys", json!([])),
        ("roles", json!({})),
    ] {
        let mut world = world();
        world.roots[1].0[member] = value;

        assert_eq!(world.build().refused(), (rules::METADATA_FORMAT, file("2.root.json")), "{member}");
    }
    let mut set = world().build();
    set.0.insert(file("timestamp.json"), b"{}".to_vec());
    assert_eq!(set.refused(), (rules::METADATA_FORMAT, file("timestamp.json")));
}

#[test]
fn a_timestamp_names_the_snapshot_alone() {
    let mut world = world();
    world.timestamp.0["meta"] = json!({"targets.json": {"version": 3}});

    assert_eq!(world.build().refused(), (rules::METADATA_FORMAT, file("timestamp.json")));
}

#[test]
fn a_pinned_root_verifies_itself() {
    let mut world = world();
    world.roots[0].1 = vec![1];

    assert_eq!(world.build().refused().0, rules::PINNED_ROOT_SIGNED);
}

#[test]
fn the_set_holds_the_pinned_root_and_no_other_of_its_version() {
    let pinned = world().build().0["1.root.json"].clone();
    let mut world = world();
    world.roots[0].0["expires"] = json!("2030-01-01T00:00:00Z");
    let set = world.build();

    let request = Request { pinned: &pinned, at: now(), scope: Scope::Full, allow_rehearsal: false };
    let refused = verify(&set, &request).unwrap_err();

    assert_eq!((refused.rule, refused.file), (rules::ROOT_ONE_PER_VERSION, file("1.root.json")));
}

#[test]
fn a_root_needs_the_old_keys_and_the_new_keys() {
    // 7 is new in version 2; 1 is gone; 2 and 3 are in both; the threshold is two.
    for (signers, holds) in [
        (vec![2, 3], true),
        (vec![1, 2, 7], true),
        (vec![1, 2], false),
        (vec![7, 2], false),
        (vec![1, 7], false),
        (vec![], false),
    ] {
        let mut world = world();
        world.roots[1].1 = signers.clone();

        match world.build().verify() {
            Ok(_) => assert!(holds, "{signers:?}"),
            Err(refused) => {
                assert!(!holds, "{signers:?}: {refused}");
                assert_eq!(refused.rule, rules::ROOT_SIGNED_BY_OLD_AND_NEW);
                assert_eq!(refused.file, "2.root.json");
            }
        }
    }
}

#[test]
fn one_key_under_two_labels_is_one_of_two() {
    let mut world = world();
    let twice = json!({"keytype": "ed25519", "scheme": "ed25519", "x-owner": "again",
        "keyval": public(2).to_json()["keyval"]});
    let alias = keyrite::tuf::PublicKey::from_json(&twice).unwrap();
    world.roots[0].0["keys"][alias.keyid().0.as_str()] = twice;
    world.roots[0].0["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(alias.keyid()));
    let mut metadata = signed_by(&world.roots[0].0, &[2]);
    let mut again = metadata.signatures()[0].clone();
    again.keyid = alias.keyid();
    metadata.add(again);
    let mut set = world.build();
    set.put("1.root.json", &metadata);

    assert_eq!(set.refused().0, rules::PINNED_ROOT_SIGNED);
}

#[test]
fn the_chain_goes_up_by_one() {
    for version in [1, 3] {
        let mut world = world();
        world.roots[1].0["version"] = json!(version);

        assert_eq!(world.build().refused(), (rules::ROOT_VERSION_NEXT, file("2.root.json")));
    }
}

#[test]
fn a_root_above_a_gap_is_named() {
    let mut world = world();
    world.roots.push((root(3, &[7, 2, 3], 2), vec![2, 3]));
    let mut set = world.build();
    set.0.remove("2.root.json");

    let refused = set.verify().unwrap_err();

    assert_eq!((refused.rule, refused.file.as_str()), (rules::ROOT_NO_GAP, "3.root.json"));
    assert_eq!(refused.why, "2.root.json is missing, so no client gets here");
}

#[test]
fn a_chain_has_an_end() {
    let mut world = world();
    world.roots = (1..=1026).map(|version| (root(version, &[1], 1), vec![1])).collect();

    assert_eq!(world.build().refused(), (rules::ROOT_COUNT, file("1026.root.json")));
}

#[test]
fn the_last_root_must_be_unexpired_and_the_others_need_not() {
    let mut early = world();
    early.roots[0].0["expires"] = json!("2020-01-01T00:00:00Z");
    assert!(early.build().verify().is_ok());

    let mut late = world();
    late.roots[1].0["expires"] = json!(NOW);
    assert_eq!(late.build().refused(), (rules::NOT_EXPIRED, file("2.root.json")));
}

#[test]
fn every_other_role_must_be_unexpired() {
    let mut bent = world();
    bent.timestamp.0["expires"] = json!(NOW);
    assert_eq!(bent.build().refused(), (rules::NOT_EXPIRED, file("timestamp.json")));

    let mut bent = world();
    bent.snapshot.0["expires"] = json!(NOW);
    assert_eq!(bent.build().refused(), (rules::NOT_EXPIRED, file("5.snapshot.json")));

    for (role, name) in [("targets", "3.targets.json"), ("dev", "2.dev.json")] {
        let mut bent = world();
        bent.role(role)["expires"] = json!(NOW);
        assert_eq!(bent.build().refused(), (rules::NOT_EXPIRED, file(name)));
    }
}

#[test]
fn every_role_needs_the_keys_of_its_delegator() {
    let mut bent = world();
    bent.timestamp.1 = vec![5];
    assert_eq!(bent.build().refused(), (rules::THRESHOLD, file("timestamp.json")));

    let mut bent = world();
    bent.snapshot.1 = vec![6];
    assert_eq!(bent.build().refused(), (rules::THRESHOLD, file("5.snapshot.json")));

    for (role, signers, name) in [("targets", vec![8], "3.targets.json"), ("dev", vec![4], "2.dev.json")] {
        let mut bent = world();
        bent.roles.get_mut(role).unwrap().1 = signers;
        assert_eq!(bent.build().refused(), (rules::THRESHOLD, file(name)));
    }
}

#[test]
fn a_role_that_two_delegate_to_needs_the_keys_of_both() {
    let mut world = world();
    let mut other = targets(1, json!({}));
    other["delegations"] = json!({"keys": keys(&[10]), "roles": [delegation("dev", &[10], &["x/*"])]});
    world.roles.insert(file("other"), (other, vec![9]));
    world.role("targets")["delegations"]["keys"] = keys(&[8, 9]);
    let list = world.role("targets")["delegations"]["roles"].as_array_mut().unwrap();
    list.push(delegation("other", &[9], &["*"]));
    assert_eq!(world.build().refused(), (rules::THRESHOLD, file("2.dev.json")));

    world.roles.get_mut("dev").unwrap().1 = vec![8, 10];
    assert!(world.build().verify().is_ok());
}

#[test]
fn delegations_in_a_circle_end() {
    let mut world = world();
    world.role("dev")["delegations"] =
        json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["dev/*"])]});

    assert_eq!(world.build().verify().unwrap().trusted.len(), 6);
}

/// Writes `snapshot.json`'s entry anew and signs it, with a timestamp that fits.
fn relist(world: &World, name: &str, entry: Value) -> Set {
    let mut set = world.build();
    let mut snapshot = Metadata::parse(&set.0["5.snapshot.json"]).unwrap().signed().clone();
    match entry {
        Value::Null => drop(snapshot["meta"].as_object_mut().unwrap().remove(name)),
        entry => snapshot["meta"][name] = entry,
    }
    let signed = signed_by(&snapshot, &[5]);
    let mut timestamp = world.timestamp.0.clone();
    timestamp["meta"]["snapshot.json"] = meta(&signed.to_file(), &snapshot["version"]);
    set.put("5.snapshot.json", &signed);
    set.put("timestamp.json", &signed_by(&timestamp, &[6]));
    set
}

#[test]
fn a_listed_length_holds() {
    let set = relist(&world(), "targets.json", json!({"version": 3, "length": 7}));

    assert_eq!(set.refused(), (rules::LENGTH_AS_LISTED, file("3.targets.json")));
}

#[test]
fn a_listed_hash_holds() {
    let zeros = "0".repeat(64);
    for hashes in [json!({"sha256": zeros}), json!({"sha512": zeros}), json!({"md5": zeros})] {
        let set = relist(&world(), "targets.json", json!({"version": 3, "hashes": hashes}));

        assert_eq!(set.refused(), (rules::HASHES_AS_LISTED, file("3.targets.json")));
    }
}

#[test]
fn a_timestamp_binds_the_bytes_of_the_snapshot() {
    let mut set = world().build();
    set.0.get_mut("5.snapshot.json").unwrap().push(b'\n');
    assert_eq!(set.refused(), (rules::LENGTH_AS_LISTED, file("5.snapshot.json")));
}

#[test]
fn a_listed_version_holds() {
    let mut bent = world();
    bent.consistent = false;
    for (root, _) in &mut bent.roots {
        root["consistent_snapshot"] = json!(false);
    }
    let set = relist_plain(&bent, "targets.json", json!({"version": 4}));
    assert_eq!(set.refused(), (rules::VERSION_AS_LISTED, file("targets.json")));

    let mut set = bent.build();
    let mut timestamp = bent.timestamp.0.clone();
    timestamp["meta"]["snapshot.json"] = json!({"version": 4});
    set.put("timestamp.json", &signed_by(&timestamp, &[6]));
    assert_eq!(set.refused(), (rules::VERSION_AS_LISTED, file("snapshot.json")));
}

fn relist_plain(world: &World, name: &str, entry: Value) -> Set {
    let mut set = world.build();
    let mut snapshot = Metadata::parse(&set.0["snapshot.json"]).unwrap().signed().clone();
    snapshot["meta"][name] = entry;
    let mut timestamp = world.timestamp.0.clone();
    timestamp["meta"]["snapshot.json"] = json!({"version": 5});
    set.put("snapshot.json", &signed_by(&snapshot, &[5]));
    set.put("timestamp.json", &signed_by(&timestamp, &[6]));
    set
}

#[test]
fn a_delegated_role_is_listed_in_snapshot() {
    for (role, name) in [("dev.json", "dev.json"), ("targets.json", "targets.json")] {
        let set = relist(&world(), role, Value::Null);

        assert_eq!(set.refused(), (rules::LISTED_IN_SNAPSHOT, file(name)));
    }
}

#[test]
fn more_delegated_roles_than_anyone_needs_are_refused() {
    let mut world = world();
    let names: Vec<String> = (0..MAX_ROLES / 1024).map(|i| format!("bins-{i}")).collect();
    // Each of these brings 1024 bins: one role more than the bound, with themselves.
    world.role("targets")["delegations"] = json!({"keys": keys(&[8]),
        "roles": names.iter().map(|n| delegation(n, &[8], &["*"])).collect::<Vec<_>>()});
    let mut set = world.build();
    let bin = signed_by(&targets(1, json!({})), &[8]).to_file();
    for name in &names {
        let mut role = targets(1, json!({}));
        role["delegations"] = json!({"keys": keys(&[8]), "succinct_roles":
            {"keyids": keyids(&[8]), "threshold": 1, "bit_length": 10, "name_prefix": name}});
        set.put(&format!("1.{name}.json"), &signed_by(&role, &[8]));
        set.0.extend((0..1024).map(|number| (format!("1.{name}-{number:03x}.json"), bin.clone())));
    }

    let refused = set.verify_from("1.root.json", Scope::Offline).unwrap_err();

    assert_eq!(refused.rule, rules::ROLE_COUNT);
}

#[test]
fn a_target_has_a_hash_that_clients_know() {
    for hashes in [json!({}), json!({"md5": "00"})] {
        let mut world = world();
        world.role("dev")["targets"]["dev/x"] = json!({"length": 1, "hashes": hashes});

        assert_eq!(world.build().refused(), (rules::TARGET_HASH_KNOWN, file("2.dev.json")));
    }
}

#[test]
fn what_a_rehearsal_made_is_refused_wherever_it_stands() {
    let mark = "x-keyrite-rehearsal";
    let mut bent = [world(), world(), world(), world(), world()];
    bent[0].roots[0].0[mark] = json!(true);
    bent[1].roots[1].0[mark] = json!(true);
    bent[2].role("dev")[mark] = json!(true);
    bent[3].snapshot.0[mark] = json!("true");
    bent[4].timestamp.0[mark] = json!(true);

    for (i, world) in bent.iter().enumerate() {
        let set = world.build();
        assert_eq!(set.refused().0, rules::REHEARSAL, "{i}");

        let pinned = &set.0["1.root.json"];
        let request = Request { pinned, at: now(), scope: Scope::Full, allow_rehearsal: true };
        let verified = verify(&set, &request).unwrap();
        assert!(verified.remarks.iter().any(|r| r.ends_with("made in a rehearsal")), "{i}");
    }
}

#[test]
fn a_keyid_that_is_no_hash_is_a_remark_and_never_an_error() {
    let mut world = world();
    world.roots[1].0["keys"]["stale"] = public(9).to_json().clone();
    world.roots[1].0["keys"]["new"] =
        json!({"keytype": "ml-dsa", "scheme": "ml-dsa-44/1", "keyval": {"public": ""}});

    let verified = world.build().verify().unwrap();

    assert_eq!(
        verified.remarks,
        [
            "2.root.json: keyid stale is not the hash of its key",
            "2.root.json: the key new cannot be used to verify; it does not count",
        ]
    );
}

#[test]
fn the_scope_says_how_much_must_be_there() {
    let mut set = world().build();
    set.0.remove("timestamp.json");
    set.0.remove("5.snapshot.json");
    assert_eq!(set.refused(), (rules::FILE_MISSING, file("timestamp.json")));
    assert_eq!(set.verify_from("1.root.json", Scope::Offline).unwrap().targets.len(), 2);

    set.0.remove("2.dev.json");
    let verified = set.verify_from("1.root.json", Scope::Offline).unwrap();
    assert_eq!(verified.remarks, ["dev.json: targets delegates to it, and it is not here yet"]);

    set.0.remove("3.targets.json");
    let refused = set.verify_from("1.root.json", Scope::Offline).unwrap_err();
    assert_eq!(refused.rule, rules::FILE_MISSING);
    assert_eq!(set.verify_from("1.root.json", Scope::Root).unwrap().trusted.len(), 2);
}

#[test]
fn offline_takes_the_highest_targets_and_its_name_must_be_its_version() {
    let mut set = world().build();
    let newer = signed_by(&targets(11, json!({})), &[4]);
    set.put("11.targets.json", &newer);
    let verified = set.verify_from("1.root.json", Scope::Offline).unwrap();
    assert_eq!(verified.trusted.last().unwrap().version, 11);

    set.put("12.targets.json", &newer);
    let refused = set.verify_from("1.root.json", Scope::Offline).unwrap_err();
    assert_eq!((refused.rule, refused.file.as_str()), (rules::VERSION_AS_LISTED, "12.targets.json"));
}

#[test]
fn the_first_role_in_order_is_believed_and_a_terminating_one_ends_the_search() {
    let mut world = world();
    let content = |text: &str| json!({"x/a": target(text.as_bytes())});
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 9]),
        "roles": [delegation("dev", &[8], &["x/*"]), delegation("late", &[9], &["x/*"])]});
    world.role("dev")["targets"] = content("dev");
    let mut late = content("late");
    late["x/b"] = target(b"b");
    world.roles.insert(file("late"), (targets(1, late), vec![9]));

    let verified = world.build().verify().unwrap();
    assert_eq!(verified.targets["x/a"].length, 3);
    assert!(verified.targets.contains_key("x/b"));

    world.role("targets")["delegations"]["roles"][0]["terminating"] = json!(true);
    let verified = world.build().verify().unwrap();
    assert!(!verified.targets.contains_key("x/b"));
    assert_eq!(verified.remarks, ["role late: 1 targets that no delegation leads to"]);
}

#[test]
fn a_terminating_role_ends_the_search_above_it_too() {
    let mut world = world();
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 9]),
        "roles": [delegation("dev", &[8], &["x/*"]), delegation("late", &[9], &["x/*"])]});
    let mut inner = delegation("inner", &[9], &["x/a"]);
    inner["terminating"] = json!(true);
    world.role("dev")["targets"] = json!({});
    world.role("dev")["delegations"] = json!({"keys": keys(&[9]), "roles": [inner]});
    world.roles.insert(file("inner"), (targets(1, json!({})), vec![9]));
    let late = json!({"x/a": target(b"a"), "x/b": target(b"b")});
    world.roles.insert(file("late"), (targets(1, late), vec![9]));

    let verified = world.build().verify().unwrap();

    assert_eq!(verified.targets.keys().collect::<Vec<_>>(), ["app.txt", "x/b"]);
}

#[test]
fn a_role_cannot_list_what_it_was_not_given() {
    let mut world = world();
    world.role("dev")["targets"] = json!({"app.exe": target(b"evil"), "dev/deep/x": target(b"evil")});

    let verified = world.build().verify().unwrap();

    assert_eq!(verified.targets.keys().collect::<Vec<_>>(), ["app.txt"]);
    assert_eq!(verified.remarks, ["role dev: 2 targets that no delegation leads to"]);
}

#[test]
fn role_names_are_encoded_in_file_names() {
    let mut world = world();
    let name = "a/../\u{1f37a} b";
    world.role("targets")["delegations"]["roles"][0]["name"] = json!(name);
    let dev = world.roles.remove("dev").unwrap();
    world.roles.insert(file(name), dev);

    let verified = world.build().verify().unwrap();

    assert_eq!(verified.trusted[5].file, "2.a%2F..%2F%F0%9F%8D%BA%20b.json");
    assert_eq!(verified.trusted[5].role, name);
}
