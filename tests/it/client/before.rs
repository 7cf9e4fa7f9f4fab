//! `verify` against an earlier state: another directory of the repository, or a client's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyrite::tuf::client::Refused;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::Verified;
use keyrite::tuf::client::rules;
use keyrite::tuf::client::verify_after;
use serde_json::Value;
use serde_json::json;

use super::desk::*;
use crate::tuf::world::*;

/// The repository now, judged by a client that trusts root 1 and has seen the repository then.
fn after(before: &Set, set: &Set, scope: Scope) -> Result<Verified, Refused> {
    let first = &world().build().0["1.root.json"];
    let request = Request { pinned: first, at: now(), scope, allow_rehearsal: false };
    verify_after(set, &request, Some(before))
}

fn rule(before: &World, now: &World) -> (&'static str, String) {
    let refused = after(&before.build(), &now.build(), Scope::Full).unwrap_err();
    (refused.rule, refused.file)
}

fn file(name: &str) -> String {
    name.to_owned()
}

#[test]
fn the_next_state_of_a_repository_follows_from_the_one_before() {
    for before in [world().build(), Own::of(&world()).set] {
        let verified = after(&before, &next(world()).build(), Scope::Full).unwrap();

        assert_eq!(verified.remarks, [""; 0]);
        assert_eq!(verified.trusted.len(), 6);
    }
    assert_eq!(after(&world().build(), &world().build(), Scope::Full).unwrap().remarks, [""; 0]);
}

#[test]
fn each_way_back_is_refused_by_its_rule_at_its_file() {
    let newer = next(next(world()));

    let mut back = next(newer_again());
    back.timestamp.0["version"] = json!(9);
    assert_eq!(rule(&newer, &back), (rules::TIMESTAMP_NOT_ROLLED_BACK, file("timestamp.json")));

    let mut back = next(newer_again());
    back.snapshot.0["version"] = json!(6);
    assert_eq!(rule(&newer, &back), (rules::SNAPSHOT_NOT_ROLLED_BACK, file("timestamp.json")));

    let mut back = next(newer_again());
    back.role("targets")["version"] = json!(4);
    assert_eq!(rule(&newer, &back), (rules::ROLE_NOT_ROLLED_BACK, file("8.snapshot.json")));

    let mut back = next(newer_again());
    back.role("dev")["version"] = json!(1);
    assert_eq!(rule(&newer, &back), (rules::ROLE_NOT_ROLLED_BACK, file("8.snapshot.json")));

    let mut back = next(newer_again());
    back.roles.remove("dev");
    back.role("targets").as_object_mut().unwrap().remove("delegations");
    assert_eq!(rule(&newer, &back), (rules::ROLE_NOT_VANISHED, file("8.snapshot.json")));

    let mut back = next(newer_again());
    back.roots.pop();
    assert_eq!(rule(&newer, &back), (rules::ROOT_NOT_ROLLED_BACK, file("1.root.json")));

    let mut other = next(newer_again());
    other.roots[1].0["x-note"] = json!("another root 2, signed by the same keys");
    assert_eq!(rule(&newer, &other), (rules::ROOT_ONE_PER_VERSION, file("2.root.json")));
}

fn newer_again() -> World {
    next(next(world()))
}

#[test]
fn without_snapshot_and_timestamp_the_roles_themselves_may_not_go_back() {
    let before = newer_again().build();
    let mut back = newer_again();
    back.role("dev")["version"] = json!(1);
    for name in ["timestamp.json", "7.snapshot.json"] {
        assert!(before.0.contains_key(name));
    }
    let mut set = back.build();
    set.0.remove("timestamp.json");

    let refused = after(&before, &set, Scope::Offline).unwrap_err();

    assert_eq!((refused.rule, refused.file), (rules::ROLE_NOT_ROLLED_BACK, file("1.dev.json")));
    assert!(after(&before, &set, Scope::Root).is_ok());
}

#[test]
fn a_trusted_file_that_does_not_verify_now_is_a_remark_and_binds_nobody() {
    /// What is bent, and how.
    type Bend = (&'static str, fn(&mut Set));
    let bends: [Bend; 6] = [
        ("timestamp.json", |set| set.put("timestamp.json", &signed_by(&newer_again().timestamp.0, &[9]))),
        ("timestamp.json", |set| {
            set.0.insert(file("timestamp.json"), b"{".to_vec());
        }),
        ("timestamp.json", |set| {
            set.0.insert(file("timestamp.json"), vec![b' '; 2 << 20]);
        }),
        ("7.snapshot.json", |set| set.put("7.snapshot.json", &signed_by(&json!({"_type": "targets"}), &[5]))),
        ("2.root.json", |set| set.put("2.root.json", &signed_by(&newer_again().roots[1].0, &[9]))),
        ("2.root.json", |set| {
            set.0.insert(file("2.root.json"), b"[]".to_vec());
        }),
    ];
    for (name, bend) in bends {
        let mut before = newer_again().build();
        bend(&mut before);

        let verified = after(&before, &next(newer_again()).build(), Scope::Full).unwrap();

        let remark = &verified.remarks[0];
        assert!(remark.starts_with(&format!("trusted {name}: ")), "{remark}");
        assert!(remark.ends_with("; it is ignored"), "{remark}");
    }
}

#[test]
fn trusted_files_that_expired_bind_all_the_same() {
    let mut before = newer_again();
    before.timestamp.0["expires"] = json!("2020-01-01T00:00:00Z");
    before.snapshot.0["expires"] = json!("2020-01-01T00:00:00Z");
    let mut back = next(newer_again());
    back.role("dev")["version"] = json!(1);

    assert_eq!(rule(&before, &back), (rules::ROLE_NOT_ROLLED_BACK, file("8.snapshot.json")));
}

#[test]
fn new_online_keys_since_the_trusted_root_forget_what_was_seen_and_older_ones_do_not() {
    // Root 2 has another timestamp key than root 1, the pinned one.
    let mut changed = world();
    changed.roots[1].0["keys"][&keyids(&[9])[0]] = public(9).to_json().clone();
    changed.roots[1].0["roles"]["timestamp"]["keyids"] = json!(keyids(&[9]));
    changed.timestamp.1 = vec![9];
    changed.timestamp.0["version"] = json!(1);

    // A client at root 1 has not been through it,
    let at_one = Own::new(&world()).set;
    let mut seen = Own::of(&world()).set;
    seen.0.insert(file("root.json"), at_one.0["root.json"].clone());
    let verified = after(&seen, &changed.build(), Scope::Full).unwrap();
    assert!(verified.remarks[0].ends_with("forgotten"), "{:?}", verified.remarks);

    // and one that is at root 2 has.
    let mut high = changed;
    high.timestamp.0["version"] = json!(100);
    let seen = Own::of(&high).set;
    high.timestamp.0["version"] = json!(99);
    let refused = after(&seen, &high.build(), Scope::Full).unwrap_err();
    assert_eq!(refused.rule, rules::TIMESTAMP_NOT_ROLLED_BACK);
}

#[test]
fn other_keyids_of_the_same_keys_are_a_remark() {
    let mut renamed = world();
    renamed.roots[1].0["keys"]["another-name"] = public(5).to_json().clone();
    renamed.roots[1].0["roles"]["snapshot"]["keyids"] = json!(["another-name", keyids(&[5])[0]]);

    let verified = renamed.build().verify().unwrap();

    assert!(
        verified.remarks.iter().any(|r| r.contains("have other keyids than in root 1 and are the same keys")),
        "{:?}",
        verified.remarks
    );
}

/// Writes a set where a program can read it.
fn write(set: &Set, dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for (name, bytes) in &set.0 {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

fn keyrite(args: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyrite"));
    let done = command.args(args).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[test]
fn the_command_names_the_rule_and_the_file_against_the_directory_of_python_tuf() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let mut back = next(newer_again());
    back.role("dev")["version"] = json!(1);
    write(&back.build(), &top.join("metadata"));
    write(&Own::of(&newer_again()).set, &top.join("client"));
    // python-tuf keeps root.json as a link into its history.
    fs::create_dir(top.join("client/root_history")).unwrap();
    fs::rename(top.join("client/root.json"), top.join("client/root_history/2.root.json")).unwrap();
    std::os::unix::fs::symlink("root_history/2.root.json", top.join("client/root.json")).unwrap();
    fs::write(top.join("root.json"), &world().build().0["1.root.json"]).unwrap();
    let args = ["verify", "metadata", "--root", "root.json", "--at", NOW, "--trusted", "client"];

    let (code, out, err) = keyrite(&args, top);
    let (json_code, verdict, _) = keyrite(&[&args[..], &["--json"]].concat(), top);

    assert_eq!((code, json_code), (1, 1), "{err}");
    assert_eq!(
        out,
        "not verified: 8.snapshot.json: role dev at version 1, and 2 is trusted already (ROLE-NOT-ROLLED-BACK)\n"
    );
    assert!(err.contains("clients that have the newer state refuse this one"), "{err}");
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    assert_eq!(verdict["verified"], false);
    assert_eq!(verdict["rule"], "ROLE-NOT-ROLLED-BACK");
    assert_eq!(verdict["file"], "8.snapshot.json");

    let (code, out, _) = keyrite(&args[..6], top);
    assert_eq!(code, 0, "without the earlier state it verifies: {out}");
}

#[test]
fn a_trusted_directory_that_is_not_there_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    write(&world().build(), &folder.path().join("metadata"));
    let args = ["verify", "metadata", "--root", "metadata/1.root.json", "--at", NOW, "--trusted", "nowhere"];

    let (code, _, err) = keyrite(&args, folder.path());

    assert_eq!(code, 2);
    assert!(err.contains("nowhere: No such file or directory"), "{err}");
}

#[test]
fn a_trusted_directory_in_which_nothing_can_be_too_old_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(&world().build(), &folder.path().join("metadata"));
    fs::create_dir(folder.path().join("client")).unwrap();
    let verify = || {
        let args =
            ["verify", "metadata", "--root", "metadata/1.root.json", "--at", NOW, "--trusted", "client"];
        keyrite(&args, folder.path())
    };

    let (code, out, err) = verify();

    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("client: no client has trusted anything there"), "{err}");

    // A directory under the name of a file: whoever is not root sees the same of a file that is closed to him.
    fs::create_dir(folder.path().join("client/timestamp.json")).unwrap();
    let (code, _, err) = verify();
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("timestamp.json"), "{err}");
}
