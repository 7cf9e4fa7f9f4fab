//! The record of a change, tampered with, and the room's rules where root has two quorums.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use keyrite::room::Act;
use keyrite::room::Quorum;
use keyrite::room::RoleSetup;
use keyrite::room::Room;
use keyrite::room::Setup;

use super::Chain;
use super::change;
use super::model::Model;
use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::journal::killed;

/// A chain whose last ceremony made a new root in which keys came and went.
fn rotated() -> (Chain, PathBuf) {
    rotate(Model::new(7, 0))
}

fn rotate(model: Model) -> (Chain, PathBuf) {
    let mut chain = Chain::begin(model);
    loop {
        let change = change::random(&mut chain.model);
        let rotation = change.spec.roles.get("root").is_some_and(|root| root.keys.is_some());
        chain.perform(change);
        if rotation {
            let room = chain.model.published.last().unwrap().record.parent().unwrap().to_owned();
            return (chain, room);
        }
    }
}

#[test]
fn every_changed_or_missing_file_of_before_is_found_by_journal_verify() {
    let (_chain, room) = rotated();
    let record = room.join("record");
    for (name, bytes) in tree(&record.join("before")) {
        let path = record.join("before").join(&name);
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        fs::write(&path, changed).unwrap();
        let said = keyrite(&["journal", "verify", text(&record)]).ended(6);
        assert!(said.err.contains(text(&name)), "{}", said.err);
        fs::remove_file(&path).unwrap();
        keyrite(&["journal", "verify", text(&record)]).ended(6);
        fs::write(&path, bytes).unwrap();
    }
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

/// Two quorums, a before that is pinned, keys from the room before: all of that is there again after a crash.
#[test]
fn a_rotation_that_is_killed_anywhere_resumes_to_the_same_bundle() {
    // A rehearsal, since production does not run while another program looks into it.
    let (_chain, room) = rotate(Model { token: None, ..Model::new(7, 0) });
    let whole = tree(&room.join("rehearsal/bundle"));
    let (file, answers) = (room.join("ceremony.yaml"), room.join("answers.yaml"));
    let mut kills = 0;
    for call in ["fdatasync", "fsync"] {
        for nth in (1..).step_by(8) {
            let record = room.join(format!("killed-at-{call}-{nth}"));
            let mut run = command();
            run.args(["run", text(&file), "--plain", "--answers", text(&answers)]);
            run.args(["--record", text(&record), "--rehearse"]);
            if killed(&run, call, nth).is_none() {
                break;
            }
            kills += 1;
            if record.exists() {
                let mut resume = command();
                resume.args(["resume", text(&record), "--plain"]);
                Said::of(&resume.args(["--answers", text(&answers)]).output().unwrap()).ended(0);
            } else {
                Said::of(&run.output().unwrap()).ended(0);
            }
            assert!(tree(&record.join("bundle")) == whole, "another bundle after a kill at {call} {nth}");
            keyrite(&["journal", "verify", text(&record)]).ended(0);
        }
    }
    assert!(kills >= 12, "only {kills} kills");
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Two of ana, bo and chi by root 1, two of bo, chi and dee by root 2; the room is at the signing of root.
fn two_quorums() -> Room {
    let by = |by: &str, keys: &[&str]| Quorum { by: by.to_owned(), keys: set(keys), threshold: 2 };
    let all = set(&["ana", "bo", "chi", "dee"]);
    let root = RoleSetup {
        quorums: vec![by("root 1", &["ana", "bo", "chi"]), by("root 2", &["bo", "chi", "dee"])],
        signers: all.clone(),
        ..RoleSetup::default()
    };
    let roles = BTreeMap::from([("root".to_owned(), root)]);
    let mut room = Room::new(Setup { roles, listed: all.clone(), known: all, ..Setup::default() });
    let root = || "root".to_owned();
    for act in [Act::RollCall, Act::Preflight, Act::Gate, Act::Build(root()), Act::Review(root())] {
        room.apply(&act).unwrap();
    }
    room
}

fn sign(key: &str) -> Act {
    Act::Sign("root".to_owned(), key.to_owned())
}

fn decline(key: &str) -> Act {
    Act::Decline("root".to_owned(), key.to_owned())
}

#[test]
fn a_holder_declines_only_while_both_quorums_stay_in_reach() {
    let mut room = two_quorums();

    room.apply(&decline("bo")).unwrap();
    let chi = room.apply(&decline("chi")).unwrap_err();
    let ana = room.apply(&decline("ana")).unwrap_err();
    let dee = room.apply(&decline("dee")).unwrap_err();

    assert_eq!([chi.rule, ana.rule, dee.rule], ["DECLINE-LEAVES-THRESHOLD"; 3]);
}

#[test]
fn signatures_of_one_quorum_do_not_stand_in_for_the_other() {
    let verify = Act::Verify("root".to_owned());
    let mut room = two_quorums();
    room.apply(&sign("ana")).unwrap();
    room.apply(&sign("bo")).unwrap();

    let new_is_short = room.apply(&verify).unwrap_err();
    room.apply(&sign("dee")).unwrap();

    assert_eq!(new_is_short.why, "root has 1 of 2 signatures, by the keys of root 2");
    room.apply(&verify).unwrap();
}
