//! The longest ceremony, killed and starved at every point: it goes on, and ends in the same bundle.
//!
//! Every line of the journal and every file is made sure of by fsync, fdatasync or syncfs; strace kills the program at
//! one of them, or lets one call and all after it fail, as a full disk and a read-only one do. `KEYRITE_EVERY=1` takes
//! every one of these points, as CI does; otherwise each third.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::journal::killed;

fn genesis() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/genesis")
}

fn rehearse(record: &Path) -> Command {
    let (file, answers) = (genesis().join("ceremony.yaml"), genesis().join("answers.yaml"));
    let mut command = command();
    command.args(["run", text(&file), "--rehearse", "--plain"]);
    command.args(["--answers", text(&answers), "--record", text(record)]);
    command
}

fn resume(record: &Path) -> Said {
    keyrite(&["resume", text(record), "--plain", "--answers", text(&genesis().join("answers.yaml"))])
}

/// In memory where there is room: it is not the disk that is tried here.
fn world() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// What leaves the room: the bundle in the record, and on both drives.
fn leaves(record: &Path) -> Vec<Vec<(PathBuf, Vec<u8>)>> {
    ["bundle", "drives/KEYRITE-A/bundle", "drives/KEYRITE-B/bundle"]
        .map(|dir| tree(&record.join(dir)))
        .to_vec()
}

fn whole(dir: &Path) -> Vec<Vec<(PathBuf, Vec<u8>)>> {
    let record = dir.join("whole");
    Said::of(&rehearse(&record).output().unwrap()).ended(0);
    let leaves = leaves(&record);
    assert!(leaves.iter().all(|bundle| *bundle == leaves[0]), "the drives hold something else");
    leaves
}

/// Goes on after whatever stopped it, and compares.
#[track_caller]
fn goes_on(record: &Path, whole: &[Vec<(PathBuf, Vec<u8>)>], what: &str) {
    if record.exists() {
        resume(record).ended(0);
    } else {
        Said::of(&rehearse(record).output().unwrap()).ended(0);
    }
    assert!(leaves(record) == whole, "another bundle after {what}");
    keyrite(&["journal", "verify", text(record)]).ended(0);
    std::fs::remove_dir_all(record).unwrap();
}

/// The share of the points that this test takes, of `of`.
fn points(share: usize, of: usize) -> impl Iterator<Item = usize> {
    let every = std::env::var_os("KEYRITE_EVERY").is_some();
    let step = if every { of } else { of * 3 };
    (share..).step_by(step)
}

fn killed_at(call: &str, share: usize, of: usize, least: usize) {
    let dir = world();
    let whole = whole(dir.path());
    let mut kills = 0;
    for nth in points(share, of) {
        let record = dir.path().join(format!("record-{nth}"));
        if killed(&rehearse(&record), call, nth).is_none() {
            break;
        }
        kills += 1;
        goes_on(&record, &whole, &format!("a kill at {call} {nth}"));
    }
    assert!(kills >= least, "only {kills} kills at {call}");
}

#[test]
fn the_longest_ceremony_is_killed_at_any_line_of_its_journal_1() {
    killed_at("fdatasync", 1, 2, 20);
}

#[test]
fn the_longest_ceremony_is_killed_at_any_line_of_its_journal_2() {
    killed_at("fdatasync", 2, 2, 20);
}

#[test]
fn the_longest_ceremony_is_killed_at_any_of_its_files() {
    killed_at("fsync,syncfs", 1, 1, 20);
}

/// From the `nth` of these calls on every one of them fails so; `None` when it made fewer.
fn failing(run: &Command, calls: &str, error: &str, nth: usize) -> Option<Said> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:error={error}:when={nth}+")]);
    strace.args(
        run.get_envs().filter_map(|(name, value)| Some(format!("-E{}={}", name.to_str()?, value?.to_str()?))),
    );
    strace.arg(run.get_program()).args(run.get_args()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = Said::of(&strace.output().expect("strace is installed by ./test"));
    (said.code != 0).then_some(said)
}

fn failing_at(calls: &str, error: &str, least: usize) {
    let dir = world();
    let whole = whole(dir.path());
    let mut failures = 0;
    for nth in points(1, 1) {
        let record = dir.path().join(format!("record-{nth}"));
        let Some(said) = failing(&rehearse(&record), calls, error, nth) else { break };
        failures += 1;
        assert!(said.code == 4 || said.code == 2, "{calls} {nth}: {}\n{}", said.code, said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
        goes_on(&record, &whole, &format!("{error} from {calls} {nth} on"));
    }
    assert!(failures >= least, "only {failures} failures of {calls}");
}

#[test]
fn the_longest_ceremony_finds_the_disk_full_at_any_write() {
    failing_at("fsync,fdatasync,syncfs", "ENOSPC", 40);
}

#[test]
fn the_longest_ceremony_finds_the_disk_read_only_at_any_name() {
    failing_at("mkdir,rename,renameat2,linkat,unlink", "EROFS", 15);
}
