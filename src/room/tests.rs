use super::things::ThingsSetup;
use super::*;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn two_of_three() -> Room {
    let quorum = Quorum { by: String::new(), keys: set(&["ana", "bo", "chi"]), threshold: 2 };
    let role =
        RoleSetup { quorums: vec![quorum], signers: set(&["ana", "bo", "chi"]), ..RoleSetup::default() };
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
    let role = RoleSetup { quorums, signers: set(&["ana", "bo", "chi"]), ..RoleSetup::default() };
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

/// A room with a key of every kind, a sealed bag, and a drive.
fn of_every_kind() -> Room {
    let quorum = Quorum { by: String::new(), keys: set(&["made", "brought", "away"]), threshold: 1 };
    let signers = set(&["made", "brought"]);
    let role = RoleSetup { quorums: vec![quorum], signers, ..RoleSetup::default() };
    let things = ThingsSetup {
        tokens: BTreeMap::from([("token".to_owned(), Some("A-1".to_owned()))]),
        bags: set(&["A-1", "A-2"]),
        drives: set(&["red"]),
        ..ThingsSetup::default()
    };
    Room::new(Setup {
        generated: set(&["made"]),
        loaded: set(&["brought", "away"]),
        roles: BTreeMap::from([("root".to_owned(), role)]),
        listed: set(&["made", "brought", "away"]),
        things,
        ..Setup::default()
    })
}

#[test]
fn what_no_shipped_ceremony_can_break_is_refused_by_the_room() {
    let mut room = of_every_kind();
    let key = |name: &str| name.to_owned();
    let sign = |name: &str| Act::Sign("root".into(), name.to_owned());
    let seal = |bag: &str, thing: &str| {
        Act::Handle(Handling::Seal { bag: bag.to_owned(), holds: vec![thing.to_owned()] })
    };
    assert_eq!(refused(&mut room, &Act::Enrol(key("brought"))), "ENROL-AFTER-PREFLIGHT");
    for act in [Act::RollCall, Act::Preflight, Act::Enrol(key("brought"))] {
        room.apply(&act).unwrap();
    }
    assert_eq!(refused(&mut room, &Act::Enrol(key("brought"))), "ENROL-ONCE");
    assert_eq!(refused(&mut room, &Act::Enrol(key("made"))), "ENROL-KEYS-FROM-OUTSIDE");
    room.apply(&Act::Load).unwrap();
    assert_eq!(refused(&mut room, &Act::Load), "LOAD-ONCE");
    room.apply(&Act::Gate).unwrap();

    assert_eq!(refused(&mut room, &Act::Destroy(key("made"))), "DESTROY-AFTER-KEY");
    room.apply(&Act::Generate(key("made"))).unwrap();
    assert_eq!(refused(&mut room, &sign("made")), "SIGN-AFTER-BUILD");
    assert_eq!(refused(&mut room, &sign("away")), "SIGN-WITH-STORE");
    assert_eq!(refused(&mut room, &Act::Verify("root".into())), "VERIFY-AFTER-BUILD");
    for act in [Act::Build("root".into()), Act::Review("root".into()), sign("brought")] {
        room.apply(&act).unwrap();
    }
    for act in [Act::Verify("root".into()), Act::Destroy(key("made"))] {
        room.apply(&act).unwrap();
    }
    assert_eq!(refused(&mut room, &sign("made")), "SIGN-BEFORE-DESTROY");

    assert_eq!(refused(&mut room, &Act::Handle(Handling::Inspect("A-9".into()))), "BAG-KNOWN");
    assert_eq!(refused(&mut room, &seal("A-2", "green")), "MATERIAL-KNOWN");
    room.apply(&seal("A-2", "red")).unwrap();
    assert_eq!(refused(&mut room, &Act::Handle(Handling::Mount("red".into()))), "DRIVE-OUT-OF-BAG");
}

/// A drive that breaks once the bundle is on it would have to be read back before the end, if it were not given up.
#[test]
fn a_drive_that_is_given_up_is_in_the_way_of_nothing() {
    let drives = set(&["red"]);
    let mut room = Room::new(Setup {
        roles: BTreeMap::from([("root".to_owned(), RoleSetup::default())]),
        things: ThingsSetup { drives, ..ThingsSetup::default() },
        ..Setup::default()
    });
    let mount = || Act::Handle(Handling::Mount("red".into()));
    for act in
        [Act::RollCall, Act::Preflight, Act::Gate, Act::Build("root".into()), Act::Verify("root".into())]
    {
        room.apply(&act).unwrap();
    }
    for act in [Act::Export(None), Act::Readback(None), mount(), Act::Export(Some("red".into()))] {
        room.apply(&act).unwrap();
    }
    let rules: Vec<_> = room.refusals(&Act::Close).iter().map(|not_now| not_now.rule).collect();
    assert_eq!(rules, ["CLOSE-AFTER-READBACK", "CLOSE-WITH-NOTHING-OPEN"]);

    room.apply(&Act::Lose("red".into())).unwrap();

    assert_eq!(refused(&mut room, &Act::Readback(Some("red".into()))), "READBACK-AFTER-EXPORT");
    room.apply(&Act::Close).unwrap();
}

#[test]
fn the_last_drive_that_could_carry_the_bundle_is_not_given_up() {
    let carriers = ["blue".to_owned(), "red".to_owned()].into_iter().collect();
    let mut room = Room::new(Setup { carriers, ..Setup::default() });

    room.apply(&Act::Lose("blue".into())).unwrap();

    assert_eq!(refused(&mut room, &Act::Lose("red".into())), "ONE-DRIVE-STAYS");
    room.apply(&Act::Lose("a drive with inputs".into())).unwrap();
}

/// A room with a key that is split between bo and chi, past its gate; `come` says that they had their shares before.
fn split(come: bool) -> Room {
    let split = Split { holders: vec!["bo".into(), "chi".into()], come };
    let mut room = Room::new(Setup {
        known: set(&["ana"]),
        shares: BTreeMap::from([("ana".to_owned(), split)]),
        things: ThingsSetup { drives: set(&["red"]), ..ThingsSetup::default() },
        ..Setup::default()
    });
    for act in [Act::RollCall, Act::Preflight, Act::Gate] {
        room.apply(&act).unwrap();
    }
    room
}

fn share(to: &str) -> Act {
    Act::Share { key: "ana".into(), to: to.into(), drive: None }
}

#[test]
fn every_share_is_handed_out_once_and_all_of_them_are_proven_after_the_last() {
    let mut room = split(false);
    let drill = Act::DrillShares("ana".into());
    assert_eq!(refused(&mut room, &share("dee")), "SHARE-TO-HOLDER");
    room.apply(&share("bo")).unwrap();
    assert_eq!(refused(&mut room, &share("bo")), "SHARE-ONCE");
    assert_eq!(refused(&mut room, &drill), "DRILL-AFTER-SHARES");
    assert_eq!(refused(&mut room, &Act::Close), "CLOSE-AFTER-EVERY-SHARE");
    room.apply(&share("chi")).unwrap();
    assert_eq!(refused(&mut room, &Act::Close), "CLOSE-AFTER-SHARE-DRILL");

    room.apply(&drill).unwrap();

    room.apply(&Act::Close).unwrap();
}

#[test]
fn shares_of_before_are_drilled_and_one_that_is_made_again_is_drilled_again() {
    let mut room = split(true);
    let drill = Act::DrillShares("ana".into());
    assert_eq!(refused(&mut room, &Act::Close), "CLOSE-AFTER-SHARE-DRILL");
    room.apply(&drill).unwrap();
    room.apply(&share("chi")).unwrap();
    assert_eq!(refused(&mut room, &Act::Close), "CLOSE-AFTER-SHARE-DRILL");

    room.apply(&drill).unwrap();

    room.apply(&Act::Close).unwrap();
}

#[test]
fn a_key_that_is_destroyed_is_neither_split_nor_brought_back() {
    let mut room = split(true);
    room.apply(&Act::Destroy("ana".into())).unwrap();

    assert_eq!(refused(&mut room, &share("bo")), "SHARE-BEFORE-DESTROY");
    assert_eq!(refused(&mut room, &Act::DrillShares("ana".into())), "DRILL-BEFORE-DESTROY");
}

/// Whichever comes first: the bundle leaves the room, and a share does not.
#[test]
fn a_share_never_goes_onto_a_drive_with_the_bundle() {
    let mut room = split(false);
    room.assume(&Act::Export(Some("red".into())));
    room.apply(&Act::Handle(Handling::Mount("red".into()))).unwrap();

    let on_red = Act::Share { key: "ana".into(), to: "bo".into(), drive: Some("red".into()) };

    assert_eq!(refused(&mut room, &on_red), "SHARE-NOT-WITH-BUNDLE");
}
