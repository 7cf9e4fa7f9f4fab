//! Real peers. Proven here on a repository that is not ours, whole and broken, so that their word on ours counts.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::peers::AT;
use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::common::peers::accepted_by;
use crate::common::peers::accepted_by_python_tuf;
use crate::common::peers::accepted_by_tough;
use crate::common::peers::python_tuf_repository;

const TARGET: &str = "release.txt";
const CONTENT: &[u8] = b"the first release\n";

#[test]
fn the_peers_accept_a_repository_that_python_tuf_made() {
    let repository = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(repository.path()) else { return };

    accepted_by_python_tuf(repository.path(), TARGET, CONTENT);
    accepted_by_tough(repository.path(), TARGET, CONTENT);
}

/// The specification puts the hash before the file's name (`app/HASH.release.txt`), tough before the whole path
/// (`HASH.app/release.txt`). A bundle that both shall accept has both, or has no folders.
#[test]
fn tough_looks_for_a_target_in_a_folder_under_another_name() {
    let repository = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(repository.path()) else { return };
    let visit = Visit::new(repository.path(), "app/release.txt");

    let python = Peer::PythonTuf.judge(&visit);
    let tough = Peer::Tough.judge(&visit);

    assert!(python.is_none_or(|v| v.is_ok()));
    assert!(tough.is_none_or(|v| v.unwrap_err().contains(".app/release.txt")));
}

#[test]
fn the_peers_refuse_a_changed_target_file() {
    refused(|bundle| {
        let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".release.txt");
        let mut targets = fs::read_dir(bundle.join("targets")).unwrap().map(Result::unwrap);
        fs::write(targets.find(named).unwrap().path(), "the worst release\n").unwrap();
    });
}

#[test]
fn the_peers_refuse_a_changed_byte_in_every_role() {
    for role in ["2.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"] {
        refused(|bundle| edit(&bundle.join("metadata").join(role), "2027-06-30", "2027-06-29"));
    }
}

#[test]
fn the_peers_refuse_a_root_that_one_of_two_signed() {
    refused(|bundle| {
        let path = bundle.join("metadata/2.root.json");
        let mut root: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        root["signatures"].as_array_mut().unwrap().truncate(1);
        fs::write(&path, serde_json::to_vec(&root).unwrap()).unwrap();
    });
}

#[test]
fn the_peers_refuse_a_bundle_without_a_role() {
    for role in ["1.targets.json", "1.snapshot.json", "timestamp.json"] {
        refused(|bundle| fs::remove_file(bundle.join("metadata").join(role)).unwrap());
    }
}

#[test]
fn the_peers_refuse_a_repository_of_other_keys() {
    let ours = tempfile::tempdir().unwrap();
    let theirs = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(ours.path()) else { return };
    let Some(()) = python_tuf_repository(theirs.path()) else { return };

    for peer in Peer::ALL {
        let pinned_root = ours.path().join("metadata/1.root.json");
        let verdict = peer.judge(&Visit { pinned_root, ..Visit::new(theirs.path(), TARGET) });
        assert!(verdict.is_none_or(|v| v.is_err()), "{peer:?} accepted a root of other keys");
    }
}

#[test]
fn the_peers_judge_at_the_time_they_are_given() {
    let repository = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(repository.path()) else { return };

    for peer in Peer::ALL {
        let at = |at| peer.judge(&Visit { at, ..Visit::new(repository.path(), TARGET) });
        assert!(at("2027-06-29T23:59:00Z").is_none_or(|v| v.is_ok()), "{peer:?} refused the last minute");
        assert!(at("2027-06-30T00:00:01Z").is_none_or(|v| v.is_err()), "{peer:?} accepted what has expired");
    }
}

#[test]
fn we_judge_as_the_peers_do() {
    let repository = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(repository.path()) else { return };

    let visit = |at| Visit { at, ..Visit::new(repository.path(), TARGET) };

    ours(&visit(AT)).unwrap();
    ours(&visit("2027-06-29T23:59:00Z")).unwrap();
    ours(&visit("2027-06-30T00:00:01Z")).unwrap_err();
}

/// tough and python-tuf look for it at different places, so a bundle has it at both.
#[test]
fn the_peers_find_a_target_in_a_folder_of_our_bundle() {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/bundles/fixed-keys");

    for peer in Peer::ALL {
        accepted_by(peer, &bundle, "docs/manual.txt", b"a manual\n");
    }
}

#[test]
fn the_peers_accept_the_bundle_of_the_quickstart() {
    let work = tempfile::tempdir().unwrap();
    let record = work.path().join("record");

    let run = Command::new(env!("CARGO_BIN_EXE_keyrite"))
        .env_clear()
        .args(["run", "ceremonies/quickstart/ceremony.yaml", "--rehearse", "--plain"])
        .args(["--answers", "ceremonies/quickstart/answers.yaml", "--record"])
        .arg(&record)
        .output()
        .unwrap();

    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let content = fs::read("ceremonies/quickstart/inputs/targets/hello.txt").unwrap();
    for peer in Peer::ALL {
        accepted_by(peer, &record.join("bundle"), "hello.txt", &content);
    }
}

/// What both peers accept is accepted no more once `spoil` has been at it.
#[track_caller]
fn refused(spoil: impl Fn(&Path)) {
    let repository = tempfile::tempdir().unwrap();
    let Some(()) = python_tuf_repository(repository.path()) else { return };
    for peer in Peer::ALL {
        accepted_by(peer, repository.path(), TARGET, CONTENT);
    }

    spoil(repository.path());

    for peer in Peer::ALL {
        let verdict = peer.judge(&Visit { at: AT, ..Visit::new(repository.path(), TARGET) });
        assert!(verdict.is_none_or(|v| v.is_err()), "{peer:?} accepted a spoiled repository");
    }
    ours(&Visit::new(repository.path(), TARGET)).expect_err("we accepted a spoiled repository");
}

/// The verdict of `keyrite verify` on the same visit. Anything but "verified" and "not verified" is a fault.
fn ours(visit: &Visit) -> Result<(), String> {
    let output = Command::new(env!("CARGO_BIN_EXE_keyrite"))
        .env_clear()
        .args(["verify", "--scope", "full", "--at", visit.at, "--root"])
        .arg(&visit.pinned_root)
        .arg(visit.bundle)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1 | 6) => Err(said),
        _ => panic!("keyrite verify: {}\n{said}", output.status),
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}
