//! Refresh: what is asked for, what is kept, and what is kept when a file does not hold.

use keyrite::tuf::client::rules;
use serde_json::json;

use super::desk::*;
use crate::tuf::world::*;

/// `NOW` to the second: what expires then has expired.
const LATER: &str = "2027-02-03T09:00:00Z";
const PAST: &str = "2026-12-03T09:00:00Z";

/// Mistakes in one role, and what a client that had only root 1 keeps.
fn kept_after(bend: impl Fn(&mut World), rule: &str) -> Vec<String> {
    let mut world = world();
    bend(&mut world);
    let mut own = Own::new(&world);

    let visit = own.refresh(&world.build());

    assert_eq!(visit.refused().0, rule);
    own.kept().iter().map(|(name, version)| format!("{name} {version}")).collect()
}

#[test]
fn a_new_client_asks_for_five_files_and_keeps_four() {
    let set = world().build();
    let mut own = Own::new(&world());

    let visit = own.refresh(&set);

    assert!(visit.answer.is_ok());
    assert_eq!(
        visit.asked,
        ["2.root.json", "3.root.json", "timestamp.json", "5.snapshot.json", "3.targets.json"]
    );
    for (kept, served) in [
        ("root.json", "2.root.json"),
        ("timestamp.json", "timestamp.json"),
        ("snapshot.json", "5.snapshot.json"),
        ("targets.json", "3.targets.json"),
    ] {
        assert_eq!(own.set.0[kept], set.0[served], "{kept}");
    }
    assert_eq!(own.set.0.len(), 4);
}

#[test]
fn a_client_that_is_up_to_date_asks_for_the_next_root_and_the_timestamp() {
    let mut own = Own::of(&world());

    let visit = own.refresh(&world().build());

    assert_eq!(visit.asked, ["3.root.json", "timestamp.json"]);
    assert_eq!(visit.remarks, [""; 0]);
}

#[test]
fn the_bytes_are_kept_as_they_came() {
    let mut set = world().build();
    set.0.get_mut("timestamp.json").unwrap().extend(b"  \n");
    let mut own = Own::new(&world());

    own.refresh(&set).answer.unwrap();

    assert_eq!(own.set.0["timestamp.json"], set.0["timestamp.json"]);
}

#[test]
fn a_role_that_is_not_signed_is_not_kept_and_what_was_trusted_before_it_is() {
    let unsigned = |role: &'static str| {
        move |world: &mut World| match role {
            "root" => world.roots[1].1.clear(),
            "timestamp" => world.timestamp.1.clear(),
            "snapshot" => world.snapshot.1.clear(),
            _ => world.roles.get_mut("targets").unwrap().1.clear(),
        }
    };

    assert_eq!(kept_after(unsigned("root"), rules::ROOT_SIGNED_BY_OLD_AND_NEW), ["root 1"]);
    assert_eq!(kept_after(unsigned("timestamp"), rules::THRESHOLD), ["root 2"]);
    assert_eq!(kept_after(unsigned("snapshot"), rules::THRESHOLD), ["root 2", "timestamp 9"]);
    assert_eq!(kept_after(unsigned("targets"), rules::THRESHOLD), ["root 2", "snapshot 5", "timestamp 9"]);
}

#[test]
fn an_expired_role_is_not_kept_but_an_expired_root_is() {
    let expired = |role: &'static str| {
        move |world: &mut World| match role {
            "root" => world.roots[1].0["expires"] = json!(PAST),
            "timestamp" => world.timestamp.0["expires"] = json!(PAST),
            "snapshot" => world.snapshot.0["expires"] = json!(PAST),
            _ => world.role("targets")["expires"] = json!(PAST),
        }
    };

    // Section 5.3.10 comes after 5.3.8: a client that is shown an expired root goes no further, and not back.
    assert_eq!(kept_after(expired("root"), rules::NOT_EXPIRED), ["root 2"]);
    assert_eq!(kept_after(expired("timestamp"), rules::NOT_EXPIRED), ["root 2"]);
    assert_eq!(kept_after(expired("snapshot"), rules::NOT_EXPIRED), ["root 2", "timestamp 9"]);
    assert_eq!(kept_after(expired("targets"), rules::NOT_EXPIRED), ["root 2", "snapshot 5", "timestamp 9"]);
}

#[test]
fn a_file_whose_version_is_not_the_one_asked_for_is_not_kept() {
    for (name, role, kept) in
        [("2.root.json", "root", 1), ("5.snapshot.json", "snapshot", 2), ("3.targets.json", "targets", 3)]
    {
        let world = world();
        let mut set = without_hashes(&world);
        let (mut signed, signers) = match role {
            "root" => world.roots[1].clone(),
            "snapshot" => (snapshot_of(&set), vec![5]),
            _ => world.roles["targets"].clone(),
        };
        bump(&mut signed);
        set.put(name, &signed_by(&signed, &signers));
        let mut own = Own::new(&world);

        let visit = own.refresh(&set);

        let rule = if role == "root" { rules::ROOT_VERSION_NEXT } else { rules::VERSION_AS_LISTED };
        assert_eq!(visit.refused(), (rule, name));
        assert_eq!(own.kept().len(), kept, "{role}");
    }
}

#[test]
fn a_missing_file_ends_the_refresh_and_what_came_before_it_is_kept() {
    let mut own = Own::of(&world());
    let newer = next(world());
    for (name, kept) in [
        ("timestamp.json", [("root", 2), ("snapshot", 5), ("targets", 3), ("timestamp", 9)]),
        ("6.snapshot.json", [("root", 2), ("snapshot", 5), ("targets", 3), ("timestamp", 10)]),
        ("4.targets.json", [("root", 2), ("snapshot", 6), ("targets", 3), ("timestamp", 10)]),
    ] {
        let mut set = newer.build();
        set.0.remove(name);

        let visit = own.refresh(&set);

        assert_eq!(visit.refused(), (rules::FILE_MISSING, name));
        assert_eq!(visit.asked.last().unwrap(), name);
        assert_eq!(own.kept(), kept);
    }
}

#[test]
fn expired_files_of_the_clients_own_do_not_keep_it_from_newer_ones() {
    let mut own = Own::of(&world());
    let mut newer = next(world());
    let mut third = newer.roots[1].0.clone();
    bump(&mut third);
    newer.roots.push((third, vec![2, 3]));
    let far = json!("2028-01-03T09:00:00Z");
    for signed in [&mut newer.snapshot.0, &mut newer.timestamp.0, &mut newer.roots[2].0] {
        signed["expires"] = far.clone();
    }
    newer.role("targets")["expires"] = far;

    let visit = own.visit(&newer.build(), &[], LATER.parse().unwrap());

    assert!(visit.answer.is_ok(), "{:?}", visit.answer);
    assert_eq!(own.kept(), [("root", 3), ("snapshot", 6), ("targets", 4), ("timestamp", 10)]);
}

#[test]
fn a_client_that_is_shown_nothing_new_notices_that_its_files_expire() {
    let mut own = Own::of(&world());

    let visit = own.visit(&world().build(), &[], LATER.parse().unwrap());

    assert_eq!(visit.refused(), (rules::NOT_EXPIRED, "2.root.json"));
}

#[test]
fn one_second_before_it_expires_a_file_holds_and_all_are_judged_at_one_time() {
    let mut world = world();
    world.timestamp.0["expires"] = json!("2026-12-03T09:00:01Z");

    assert!(Own::new(&world).refresh(&world.build()).answer.is_ok());

    world.role("targets")["expires"] = json!(NOW);
    let visit = Own::new(&world).refresh(&world.build());
    assert_eq!(visit.refused(), (rules::NOT_EXPIRED, "3.targets.json"));
}

#[test]
fn hashes_and_lengths_of_metadata_are_checked_where_they_are_listed() {
    for (field, value, rule) in [
        ("hashes", json!({"sha256": "00".repeat(32)}), rules::HASHES_AS_LISTED),
        ("length", json!(7), rules::LENGTH_AS_LISTED),
    ] {
        let world = world();
        let mut set = world.build();
        let mut snapshot = snapshot_of(&set);
        snapshot["meta"]["targets.json"][field] = value;
        publish_snapshot(&world, &mut set, &snapshot);
        let mut own = Own::new(&world);

        let visit = own.refresh(&set);

        assert_eq!(visit.refused(), (rule, "3.targets.json"));
        assert_eq!(own.kept(), [("root", 2), ("snapshot", 5), ("timestamp", 9)]);
    }
}

#[test]
fn without_hashes_and_lengths_the_version_is_what_is_checked() {
    let world = world();

    let visit = Own::new(&world).find(&without_hashes(&world), &["dev/tool.txt"]);

    assert!(visit.answer.unwrap()[0].is_some());
}

#[test]
fn a_file_of_the_clients_own_that_was_changed_is_fetched_again() {
    for name in ["snapshot.json", "targets.json"] {
        let mut own = Own::of(&world());
        own.set.0.get_mut(name).unwrap().push(b' ');

        let visit = own.refresh(&world().build());

        assert!(visit.answer.is_ok());
        assert_eq!(visit.asked.len(), 3, "{name}");
        assert_eq!(own.set.0, Own::of(&world()).set.0);
    }
}

#[test]
fn consistent_snapshots_may_be_switched_on_and_off() {
    let mut plain = world();
    plain.consistent = false;
    for (root, _) in &mut plain.roots {
        root["consistent_snapshot"] = json!(false);
    }
    let mut own = Own::new(&plain);
    let visit = own.refresh(&plain.build());
    assert_eq!(visit.asked[2..], ["timestamp.json", "snapshot.json", "targets.json"]);

    let mut on = next(plain);
    let mut third = on.roots[1].0.clone();
    bump(&mut third);
    third["consistent_snapshot"] = json!(true);
    on.roots.push((third, vec![2, 3]));
    on.consistent = true;
    let visit = own.refresh(&on.build());
    assert_eq!(visit.asked[2..], ["timestamp.json", "6.snapshot.json", "4.targets.json"]);

    let mut off = next(on);
    let mut fourth = off.roots[2].0.clone();
    bump(&mut fourth);
    fourth["consistent_snapshot"] = json!(false);
    off.roots.push((fourth, vec![2, 3]));
    off.consistent = false;
    let visit = own.refresh(&off.build());
    assert_eq!(visit.asked[2..], ["timestamp.json", "snapshot.json", "targets.json"]);
    assert_eq!(own.kept(), [("root", 4), ("snapshot", 7), ("targets", 5), ("timestamp", 11)]);
}

#[test]
fn a_state_that_cannot_be_written_ends_the_refresh_there() {
    for (name, kept) in [
        ("root.json", vec![("root", 1)]),
        ("timestamp.json", vec![("root", 2)]),
        ("snapshot.json", vec![("root", 2), ("timestamp", 9)]),
        ("targets.json", vec![("root", 2), ("snapshot", 5), ("timestamp", 9)]),
    ] {
        let mut own = Own::new(&world());
        own.broken = Some(name);

        let visit = own.refresh(&world().build());

        assert_eq!(visit.refused(), (rules::STATE_KEPT, name));
        assert_eq!(own.kept(), kept);
    }
}

#[test]
fn a_root_that_does_not_verify_itself_starts_nothing() {
    let mut bad = world();
    bad.roots[0].1 = vec![1];
    let mut own = Own::new(&bad);

    let visit = own.refresh(&world().build());

    assert_eq!(visit.refused().0, rules::PINNED_ROOT_SIGNED);
    assert_eq!(visit.asked, [""; 0]);
}

#[test]
fn a_keyid_that_stands_twice_among_the_signatures_is_refused_wherever_it_stands() {
    for (name, refused_at) in
        [("2.root.json", "2.root.json"), ("timestamp.json", "timestamp.json"), ("2.dev.json", "2.dev.json")]
    {
        let world = world();
        let mut set = without_hashes(&world);
        let mut file: serde_json::Value = serde_json::from_slice(&set.0[name]).unwrap();
        let twice = file["signatures"][0].clone();
        file["signatures"].as_array_mut().unwrap().push(twice);
        set.0.insert(name.to_owned(), serde_json::to_vec(&file).unwrap());

        let visit = Own::new(&world).find(&set, &["dev/tool.txt"]);

        assert_eq!(visit.refused(), (rules::KEYID_SIGNS_ONCE, refused_at));
    }
}

#[test]
fn one_signature_that_does_not_hold_beside_enough_that_do_is_no_harm() {
    for sig in ["", "00ff", "not hex"] {
        let mut world = world();
        world.roots[1].1 = vec![2, 3];
        let mut set = world.build();
        let mut file: serde_json::Value = serde_json::from_slice(&set.0["2.root.json"]).unwrap();
        file["signatures"].as_array_mut().unwrap().push(json!({"keyid": keyids(&[7])[0], "sig": sig}));
        set.0.insert("2.root.json".to_owned(), serde_json::to_vec(&file).unwrap());

        assert!(Own::new(&world).refresh(&set).answer.is_ok(), "{sig}");
    }
}

#[test]
fn a_snapshot_is_never_taken_for_a_timestamp() {
    // Signed by the timestamp's key, and with the content of a timestamp: only `_type` is another.
    let world = world();
    let mut set = world.build();
    let mut snapshot = snapshot_of(&set);
    snapshot["meta"] = json!({"snapshot.json": {"version": 5}});
    set.put("timestamp.json", &signed_by(&snapshot, &[5, 6]));
    let mut own = Own::new(&world);

    let visit = own.refresh(&set);

    assert_eq!(visit.refused(), (rules::METADATA_FORMAT, "timestamp.json"));
    assert_eq!(own.kept(), [("root", 2)]);
}
