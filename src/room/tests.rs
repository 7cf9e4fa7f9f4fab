use super::*;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn two_of_three() -> Room {
    let quorum = Quorum { by: String::new(), keys: set(&["ana", "bo", "chi"]), threshold: 2 };
    let role = RoleSetup { quorums: vec![quorum], signers: set(&["ana", "bo", "chi"]), describes: vec![] };
    Room::new(Setup {
        generated: set(&["ana", "bo", "chi"]),
        loaded: BTreeSet::new(),
        roles: BTreeMap::from([("root".to_owned(), role)]),
        listed: set(&["ana", "bo", "chi"]),
        ..Setup::default()
    })
}

fn at_signing() -> Room {
    let mut room = two_of_three();
    let generate = |name: &str| Act::Generate(name.to_owned());
    for act in [Act::RollCall, Act::Preflight, Act::Gate, generate("ana"), generate("bo"), generate("chi")] {
        room.apply(&act).unwrap();
    }
    room.apply(&Act::Build("root".into())).unwrap();
    room.apply(&Act::Review("root".into())).unwrap();
    room
}

fn refused(room: &mut Room, act: &Act) -> &'static str {
    let before = room.clone();
    let rule = room.apply(act).unwrap_err().rule;
    assert_eq!(*room, before, "a refused act changes nothing");
    rule
}

#[test]
fn nothing_irreversible_stands_before_the_gate() {
    let mut room = two_of_three();

    assert_eq!(refused(&mut room, &Act::Generate("ana".into())), "NOTHING-IRREVERSIBLE-BEFORE-GATE");
    assert_eq!(refused(&mut room, &Act::Export(None)), "NOTHING-IRREVERSIBLE-BEFORE-GATE");
    assert_eq!(refused(&mut room, &Act::Gate), "GATE-AFTER-ROLL-CALL");
}

#[test]
fn a_key_signs_a_role_once() {
    let mut room = at_signing();
    room.apply(&Act::Sign("root".into(), "ana".into())).unwrap();

    assert_eq!(refused(&mut room, &Act::Sign("root".into(), "ana".into())), "SIGN-ONCE");
    assert_eq!(refused(&mut room, &Act::Verify("root".into())), "VERIFY-AFTER-THRESHOLD");
}

#[test]
fn a_holder_may_decline_only_while_the_others_reach_the_threshold() {
    let mut room = at_signing();
    room.apply(&Act::Decline("root".into(), "ana".into())).unwrap();

    assert_eq!(refused(&mut room, &Act::Decline("root".into(), "bo".into())), "DECLINE-LEAVES-THRESHOLD");
}

#[test]
fn nobody_signs_beyond_what_was_reviewed_and_verified() {
    let mut room = at_signing();
    for key in ["ana", "bo"] {
        room.apply(&Act::Sign("root".into(), key.into())).unwrap();
    }
    room.apply(&Act::Verify("root".into())).unwrap();

    assert_eq!(refused(&mut room, &Act::Sign("root".into(), "chi".into())), "SIGN-BEFORE-VERIFY");
}

/// Root 2 after root 1: Ana and Bo leave it to Bo and Chi.
fn old_and_new() -> Room {
    let quorum = |by: &str, keys: &[&str]| Quorum { by: by.to_owned(), keys: set(keys), threshold: 2 };
    let quorums = vec![quorum("root 1", &["ana", "bo"]), quorum("root 2", &["bo", "chi"])];
    let role = RoleSetup { quorums, signers: set(&["ana", "bo", "chi"]), describes: vec![] };
    let mut room = Room::new(Setup {
        roles: BTreeMap::from([("root".to_owned(), role)]),
        listed: set(&["bo", "chi"]),
        known: set(&["ana", "bo", "chi"]),
        ..Setup::default()
    });
    for act in [Act::RollCall, Act::Preflight, Act::Gate, Act::Build("root".into())] {
        room.apply(&act).unwrap();
    }
    room.apply(&Act::Review("root".into())).unwrap();
    room
}

#[test]
fn a_root_needs_the_threshold_of_the_old_keys_and_of_the_new_keys() {
    let mut room = old_and_new();
    for key in ["bo", "chi"] {
        room.apply(&Act::Sign("root".into(), key.into())).unwrap();
    }

    assert_eq!(refused(&mut room, &Act::Verify("root".into())), "VERIFY-AFTER-THRESHOLD");
    assert_eq!(refused(&mut room, &Act::Decline("root".into(), "ana".into())), "DECLINE-LEAVES-THRESHOLD");

    room.apply(&Act::Sign("root".into(), "ana".into())).unwrap();
    room.apply(&Act::Verify("root".into())).unwrap();
}

#[test]
fn a_closed_room_stays_closed() {
    let mut room = at_signing();
    for key in ["ana", "bo"] {
        room.apply(&Act::Sign("root".into(), key.into())).unwrap();
    }
    for act in [Act::Verify("root".into()), Act::Export(None), Act::Readback(None), Act::Close] {
        room.apply(&act).unwrap();
    }

    assert_eq!(refused(&mut room, &Act::Other), "NOTHING-AFTER-CLOSE");
}
