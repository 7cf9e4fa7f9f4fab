//! What a client has seen may not be taken back, and what makes it forget.

use keyrite::tuf::client::rules;
use serde_json::Value;
use serde_json::json;

use super::desk::*;
use crate::tuf::world::*;

/// Worlds in which everything has moved on, so that something can be taken back.
fn later() -> World {
    let mut world = next(next(world()));
    bump(world.role("dev"));
    world
}

/// A root after the last one, bent; root's own keys sign it.
fn rotated(world: &World, bend: impl Fn(&mut Value)) -> World {
    let mut world = World { roots: world.roots.clone(), roles: world.roles.clone(), ..copy_online(world) };
    let (mut root, signers) = world.roots.last().unwrap().clone();
    bump(&mut root);
    bend(&mut root);
    world.roots.push((root, signers));
    world
}

fn copy_online(world: &World) -> World {
    World {
        roots: Vec::new(),
        roles: [].into(),
        snapshot: world.snapshot.clone(),
        timestamp: world.timestamp.clone(),
        consistent: world.consistent,
    }
}

/// Gives a role of root one other key.
fn new_key(root: &mut Value, role: &str, key: u8) {
    root["keys"][&keyids(&[key])[0]] = public(key).to_json().clone();
    root["roles"][role]["keyids"] = json!(keyids(&[key]));
}

#[test]
fn a_timestamp_is_never_older_than_the_one_before() {
    let mut own = Own::of(&later());
    let before = own.set.0.clone();
    let mut old = later();
    old.timestamp.0["version"] = json!(10);

    let visit = own.refresh(&old.build());

    assert_eq!(visit.refused(), (rules::TIMESTAMP_NOT_ROLLED_BACK, "timestamp.json"));
    assert_eq!(visit.asked.last().unwrap(), "timestamp.json");
    assert_eq!(own.set.0, before);
}

#[test]
fn a_timestamp_never_lists_an_older_snapshot_with_or_without_hashes() {
    for hashes in [true, false] {
        let mut own = Own::of(&later());
        let before = own.set.0.clone();
        let mut old = next(later());
        old.snapshot.0["version"] = json!(6);
        let set = if hashes { old.build() } else { without_hashes(&old) };

        let visit = own.refresh(&set);

        assert_eq!(visit.refused(), (rules::SNAPSHOT_NOT_ROLLED_BACK, "timestamp.json"));
        assert_eq!(visit.asked.last().unwrap(), "timestamp.json");
        assert_eq!(own.set.0, before);
    }
}

#[test]
fn a_snapshot_never_lists_an_older_role_with_or_without_hashes() {
    for (role, old) in [("targets", 4), ("dev", 2)] {
        for hashes in [true, false] {
            let mut own = Own::of(&later());
            let mut world = next(later());
            world.role(role)["version"] = json!(old);
            let set = if hashes { world.build() } else { without_hashes(&world) };

            let visit = own.refresh(&set);

            assert_eq!(visit.refused(), (rules::ROLE_NOT_ROLLED_BACK, "8.snapshot.json"), "{role}");
            assert_eq!(own.kept(), [("root", 2), ("snapshot", 7), ("targets", 5), ("timestamp", 12)]);
        }
    }
}

#[test]
fn a_snapshot_never_loses_a_role() {
    let mut own = Own::of(&later());
    let mut world = next(later());
    world.roles.remove("dev");
    world.role("targets").as_object_mut().unwrap().remove("delegations");

    let visit = own.refresh(&world.build());

    assert_eq!(visit.refused(), (rules::ROLE_NOT_VANISHED, "8.snapshot.json"));
    assert!(visit.answer.unwrap_err().why.contains("dev.json is gone"));
}

#[test]
fn a_timestamp_of_the_same_version_is_discarded_whatever_it_says() {
    let mut own = Own::of(&later());
    let before = own.set.0.clone();
    let mut other = later();
    other.snapshot.0["version"] = json!(100);

    let visit = own.refresh(&other.build());

    assert!(visit.answer.is_ok());
    assert_eq!(visit.asked.last().unwrap(), "timestamp.json");
    assert_eq!(own.set.0, before);
    assert_eq!(
        visit.remarks,
        ["timestamp.json: another timestamp of version 11 is trusted already and is kept"]
    );
}

#[test]
fn an_expired_file_of_the_clients_own_still_may_not_be_taken_back() {
    let mut own = Own::of(&later());
    let mut old = next(later());
    let far = json!("2030-01-01T00:00:00Z");
    for signed in [&mut old.roots[1].0, &mut old.snapshot.0, &mut old.timestamp.0] {
        signed["expires"] = far.clone();
    }
    old.timestamp.0["version"] = json!(3);
    // The client's root does not expire; its timestamp and snapshot have, a month ago.
    own.set.0.insert("root.json".to_owned(), old.build().0["2.root.json"].clone());

    let visit = own.visit(&old.build(), &[], "2027-02-03T09:00:00Z".parse().unwrap());

    assert_eq!(visit.refused(), (rules::TIMESTAMP_NOT_ROLLED_BACK, "timestamp.json"));
}

#[test]
fn a_file_of_the_clients_own_that_does_not_verify_is_ignored_with_a_remark() {
    for (name, floor_gone) in [("timestamp.json", "timestamp"), ("snapshot.json", "snapshot")] {
        let mut own = Own::of(&later());
        let (signed, _) = match floor_gone {
            "timestamp" => later().timestamp,
            _ => (snapshot_of(&later().build()), vec![]),
        };
        own.set.put(name, &signed_by(&signed, &[9]));

        let visit = own.refresh(&later().build());

        assert!(visit.answer.is_ok(), "{name}: {:?}", visit.answer);
        assert_eq!(
            visit.remarks,
            [format!("trusted {name}: 0 of 1 keys signed, counting the keys of root; it is ignored")]
        );
        assert_eq!(own.set.0, Own::of(&later()).set.0);
    }
}

#[test]
fn a_snapshot_alone_is_remembered_too() {
    let mut own = Own::of(&later());
    own.set.0.remove("timestamp.json");
    let mut old = next(later());
    old.snapshot.0["version"] = json!(6);

    assert_eq!(own.refresh(&old.build()).refused(), (rules::SNAPSHOT_NOT_ROLLED_BACK, "timestamp.json"));
}

/// A repository that was made to publish very high versions, and starts again with new keys.
fn recovered(role: &str, key: u8) -> World {
    let mut world = rotated(&world(), |root| new_key(root, role, key));
    match role {
        "timestamp" => world.timestamp.1 = vec![key],
        "snapshot" => world.snapshot.1 = vec![key],
        _ => world.roles.get_mut("targets").unwrap().1 = vec![key],
    }
    world
}

#[test]
fn new_keys_for_timestamp_or_snapshot_make_a_client_forget_both() {
    for role in ["timestamp", "snapshot"] {
        let mut own = Own::of(&later());

        let visit = own.refresh(&recovered(role, 9).build());

        assert!(visit.answer.is_ok(), "{role}: {:?}", visit.answer);
        assert_eq!(own.kept(), [("root", 3), ("snapshot", 5), ("targets", 3), ("timestamp", 9)]);
        assert!(visit.remarks[0].ends_with("the trusted timestamp and snapshot are forgotten"));
    }
}

#[test]
fn new_keys_for_another_role_make_a_client_forget_nothing() {
    let mut own = Own::of(&later());

    let visit = own.refresh(&recovered("targets", 9).build());

    assert_eq!(visit.refused(), (rules::TIMESTAMP_NOT_ROLLED_BACK, "timestamp.json"));
}

#[test]
fn a_key_that_changed_and_changed_back_was_changed() {
    let away = recovered("timestamp", 9);
    let mut back = rotated(&away, |root| new_key(root, "timestamp", 6));
    back.timestamp.1 = vec![6];
    let mut own = Own::of(&later());

    let visit = own.refresh(&back.build());

    assert!(visit.answer.is_ok(), "{:?}", visit.answer);
    assert_eq!(own.kept(), [("root", 4), ("snapshot", 5), ("targets", 3), ("timestamp", 9)]);
}

#[test]
fn a_key_under_another_keyid_is_the_same_key_and_nothing_is_forgotten() {
    let mut world = rotated(&world(), |root| {
        root["keys"]["another-name"] = public(6).to_json().clone();
        root["roles"]["timestamp"]["keyids"] = json!(["another-name"]);
    });
    world.timestamp.0["version"] = json!(8);
    let mut set = world.build();
    let mut timestamp =
        signed_by(&serde_json::from_slice::<Value>(&set.0["timestamp.json"]).unwrap()["signed"], &[6]);
    let sig = timestamp.signatures()[0].sig.clone();
    timestamp = timestamp.with_signatures(vec![keyrite::tuf::Signature {
        keyid: keyrite::tuf::KeyId("another-name".to_owned()),
        sig: sig.clone(),
    }]);
    set.put("timestamp.json", &timestamp);
    let mut own = Own::of(&crate::tuf::world::world());
    let kept = keyrite::tuf::Metadata::parse(&own.set.0["timestamp.json"]).unwrap();
    let renamed = kept.signatures()[0].sig.clone();
    own.set.put(
        "timestamp.json",
        &kept.with_signatures(vec![keyrite::tuf::Signature {
            keyid: keyrite::tuf::KeyId("another-name".to_owned()),
            sig: renamed,
        }]),
    );

    let visit = own.refresh(&set);

    assert_eq!(visit.refused(), (rules::TIMESTAMP_NOT_ROLLED_BACK, "timestamp.json"));
}

#[test]
fn changes_that_the_client_has_been_through_are_not_counted_again() {
    let recovered = recovered("timestamp", 9);
    let mut own = Own::of(&recovered);
    let mut old = rotated(&recovered, |_| ());
    old.timestamp.0["version"] = json!(8);

    let visit = own.refresh(&old.build());

    assert_eq!(visit.refused(), (rules::TIMESTAMP_NOT_ROLLED_BACK, "timestamp.json"));
}

#[test]
fn what_is_to_be_forgotten_is_gone_before_the_new_root_is_kept() {
    let mut own = Own::of(&later());
    own.broken = Some("root.json");

    let visit = own.refresh(&recovered("timestamp", 9).build());

    assert_eq!(visit.refused(), (rules::STATE_KEPT, "root.json"));
    assert_eq!(own.kept(), [("root", 2), ("targets", 5)]);
}

/// Keys and signers of one root.
type Signed<'a> = (&'a [u8], u32, &'a [u8]);

#[test]
fn roots_follow_one_another_by_both_thresholds() {
    let five: &[u8] = &[1, 2, 3, 10, 11];
    let one_new: &[u8] = &[1, 2, 10, 11, 12];
    let all_new: &[u8] = &[12, 13, 14, 15, 16];
    let cases: [(&str, Vec<Signed<'_>>, bool); 12] = [
        ("one key by another", vec![(&[1], 1, &[1]), (&[2], 1, &[2, 1]), (&[2], 1, &[2])], true),
        ("with signatures of strangers", vec![(&[1], 1, &[3, 1, 10]), (&[2], 1, &[3, 2, 1, 10])], true),
        (
            "other three of five",
            vec![(five, 3, &[1, 3, 11]), (five, 3, &[1, 11, 2]), (five, 3, &[1, 2, 10])],
            true,
        ),
        ("one of five new", vec![(five, 3, &[1, 3, 11]), (one_new, 3, &[1, 11, 2])], true),
        (
            "all of five new",
            vec![(five, 3, &[1, 2, 3]), (all_new, 3, &[1, 2, 3, 12, 13, 14]), (all_new, 3, &[12, 13, 14])],
            true,
        ),
        ("a higher threshold", vec![(&[1, 2, 3], 1, &[1]), (&[1, 2, 3], 2, &[1, 2])], true),
        (
            "a lower threshold",
            vec![(&[1, 2, 3], 2, &[1, 2]), (&[1, 2, 3], 1, &[1, 2]), (&[1, 2, 3], 1, &[1])],
            true,
        ),
        ("without the old key", vec![(&[1], 1, &[1]), (&[2], 1, &[2, 3, 10])], false),
        ("without the new key", vec![(&[1], 1, &[1]), (&[2], 1, &[1, 3, 10])], false),
        ("two of three new ones", vec![(five, 3, &[1, 3, 11]), (one_new, 3, &[1, 3, 11])], false),
        ("the new threshold is not met", vec![(&[1, 2, 3], 1, &[1]), (&[1, 2, 3], 2, &[2])], false),
        ("the old threshold is not met", vec![(&[1, 2, 3], 2, &[1, 2]), (&[1, 2, 3], 1, &[1])], false),
    ];
    for (name, roots, holds) in cases {
        let mut world = world();
        let made = roots
            .iter()
            .zip(1..)
            .map(|((keys, need, signers), version)| (root(version, keys, *need), signers.to_vec()));
        world.roots = made.collect();
        let set = world.build();
        let mut own = Own::new(&world);

        let visit = own.refresh(&set);

        let last = roots.len() - usize::from(!holds);
        assert_eq!(visit.answer.is_ok(), holds, "{name}: {:?}", visit.answer);
        assert_eq!(own.set.0["root.json"], set.0[&format!("{last}.root.json")], "{name}");
        if !holds {
            assert_eq!(visit.refused().0, rules::ROOT_SIGNED_BY_OLD_AND_NEW, "{name}");
        }
    }
}
