//! The journal: tamper-evident, replayed without keys, and enough to go on after any crash.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::rehearse_quickstart;
use crate::common::keyrite::resume_quickstart;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;

/// The record of a whole rehearsal of the quickstart.
fn rehearsed(dir: &Path) -> std::path::PathBuf {
    let record = dir.join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    record
}

/// Takes away what a record has only once its ceremony is closed.
fn not_closed(record: &Path) {
    for name in ["checkpoint.txt", "record.html", "record.txt", "ledger.json"] {
        let _ = fs::remove_file(record.join(name));
    }
}

/// A run under strace, which kills the program at the `nth` call of `call`; `None` when it made fewer.
pub(crate) fn killed(run: &Command, call: &str, nth: usize) -> Option<()> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
    strace.args(
        run.get_envs().filter_map(|(name, value)| Some(format!("-E{}={}", name.to_str()?, value?.to_str()?))),
    );
    strace.arg(run.get_program()).args(run.get_args()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = strace.output().expect("strace is installed by ./test");
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => None,
        (Some(137), _) | (_, Some(9)) => Some(()),
        other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Kills the rehearsal at every `step`th call from `first` on, resumes it, and compares the bundle.
fn every_kill_ends_in_the_same_bundle(call: &str, first: usize, step: usize) {
    let dir = tempfile::tempdir().unwrap();
    let whole = tree(&rehearsed(dir.path()).join("bundle"));
    let mut kills = 0;
    for nth in (first..).step_by(step) {
        let record = dir.path().join(format!("record-{nth}"));
        if killed(&rehearse_quickstart(&record), call, nth).is_none() {
            break;
        }
        kills += 1;
        if record.exists() {
            resume_quickstart(&record).ended(0);
        } else {
            // Killed before the first line: there is nothing to resume, and the same command starts again.
            Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
        }
        assert!(tree(&record.join("bundle")) == whole, "another bundle after a kill at {call} {nth}");
        keyrite(&["journal", "verify", text(&record)]).ended(0);
    }
    assert!(kills >= 12, "only {kills} kills");
}

#[test]
fn killed_at_any_line_of_the_journal_it_ends_in_the_same_bundle_1() {
    every_kill_ends_in_the_same_bundle("fdatasync", 1, 4);
}

#[test]
fn killed_at_any_line_of_the_journal_it_ends_in_the_same_bundle_2() {
    every_kill_ends_in_the_same_bundle("fdatasync", 2, 4);
}

#[test]
fn killed_at_any_line_of_the_journal_it_ends_in_the_same_bundle_3() {
    every_kill_ends_in_the_same_bundle("fdatasync", 3, 4);
}

#[test]
fn killed_at_any_line_of_the_journal_it_ends_in_the_same_bundle_4() {
    every_kill_ends_in_the_same_bundle("fdatasync", 4, 4);
}

#[test]
fn killed_at_any_file_it_ends_in_the_same_bundle_1() {
    every_kill_ends_in_the_same_bundle("fsync", 1, 4);
}

#[test]
fn killed_at_any_file_it_ends_in_the_same_bundle_2() {
    every_kill_ends_in_the_same_bundle("fsync", 2, 4);
}

#[test]
fn killed_at_any_file_it_ends_in_the_same_bundle_3() {
    every_kill_ends_in_the_same_bundle("fsync", 3, 4);
}

#[test]
fn killed_at_any_file_it_ends_in_the_same_bundle_4() {
    every_kill_ends_in_the_same_bundle("fsync", 4, 4);
}

/// A medium that was lost between export and readback costs nothing that was signed.
#[test]
fn a_bundle_that_is_gone_is_told_and_written_again_from_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let (bundle, journal) = (record.join("bundle"), record.join("journal.jsonl"));
    let whole = tree(&bundle);
    let lines = fs::read_to_string(&journal).unwrap();
    let exported =
        lines.split_inclusive('\n').position(|line| line.contains("\"event\":\"exported\"")).unwrap();
    let kept: String = lines.split_inclusive('\n').take(exported + 1).collect();
    fs::write(&journal, kept).unwrap();
    fs::remove_dir_all(&bundle).unwrap();
    not_closed(&record);

    let said = resume_quickstart(&record);

    assert!(said.err.contains("is gone, where the bundle was written and verified"), "{}", said.err);
    assert!(said.err.contains("written there again from the record"), "{}", said.err);
    assert_ne!(said.code, 0);
    resume_quickstart(&record).ended(0);
    assert!(tree(&bundle) == whole);
    let shown = keyrite(&["journal", "show", text(&record)]).ended(0);
    assert!(shown.out.contains("is gone, where the bundle was written"), "{}", shown.out);
    assert!(
        shown.out.lines().next().unwrap().contains(", answered by a file with SHA-256 "),
        "{}",
        shown.out
    );
    let runs = fs::read_to_string(record.join("runs.jsonl")).unwrap();
    assert!(runs.contains("taken from the answers file, not from the machine"), "{runs}");
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

/// Killed in the middle of a line as well: the world is as far as the journal says, and a part of a line follows.
#[test]
fn a_line_cut_short_is_dropped_and_the_ceremony_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let whole = tree(&record.join("bundle"));
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let lines: Vec<_> = journal.split_inclusive('\n').collect();
    for (at, line) in lines.iter().enumerate().skip(1).step_by(3) {
        let kept = format!("{}{}", lines[..at].concat(), &line[..line.len() / 2]);
        for key in ["ana", "bo", "chi", "online"] {
            if !kept.contains(&format!("{{\"event\":\"started\",\"step\":\"generate-key-{key}\"}}")) {
                let _ = fs::remove_file(record.join(format!("keys/{key}.age")));
            }
        }
        if !kept.contains("{\"event\":\"started\",\"step\":\"export\"}") {
            let _ = fs::remove_dir_all(record.join("bundle"));
        }
        for entry in fs::read_dir(record.join("metadata")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(record.join("journal.jsonl"), &kept).unwrap();
        not_closed(&record);

        resume_quickstart(&record).ended(0);

        assert!(tree(&record.join("bundle")) == whole, "another bundle after a cut in line {}", at + 1);
    }
}

#[test]
fn any_changed_byte_is_found_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let path = record.join("journal.jsonl");
    let journal = fs::read(&path).unwrap();
    let lines = journal.iter().filter(|byte| **byte == b'\n').count();
    let mut line = 1;
    let last = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    for at in 0..journal.len() {
        // Every byte of the first two thousand and of the last line, and every fifth of the rest.
        if at > 2000 && at < last && at % 5 != 0 && journal[at] != b'\n' {
            continue;
        }
        let mut changed = journal.clone();
        changed[at] ^= 0x01;

        let broken = keyrite::journal::read(&changed);

        // A lost line end joins two lines, or leaves the last one cut short.
        let found = match &broken {
            Err(broken) => broken.line,
            Ok(journal) if journal.cut > 0 => journal.entries.len() + 1,
            Ok(_) => panic!("byte {at} was changed unseen"),
        };
        assert!(found == line, "byte {at} is in line {line}, and line {found} was named");
        line += usize::from(journal[at] == b'\n');
    }
    assert_eq!(line, lines + 1);
}

#[test]
fn a_removed_swapped_or_repeated_line_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let text = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let read = |lines: &[&str]| {
        keyrite::journal::read(format!("{}\n", lines.join("\n")).as_bytes()).unwrap_err().line
    };

    let mut removed = lines.clone();
    removed.remove(5);
    assert_eq!(read(&removed), 6);
    let mut swapped = lines.clone();
    swapped.swap(5, 6);
    assert_eq!(read(&swapped), 6);
    let mut repeated = lines.clone();
    repeated.insert(5, lines[4]);
    assert_eq!(read(&repeated), 6);
}

#[test]
fn exit_codes_tell_broken_cut_and_missing_apart() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let path = record.join("journal.jsonl");
    let journal = fs::read_to_string(&path).unwrap();

    fs::write(&path, journal.replacen("\"by\":\"wim\"", "\"by\":\"oli\"", 1)).unwrap();
    let changed = keyrite(&["journal", "verify", text(&record)]).ended(6);
    fs::write(&path, &journal[..journal.len() - 10]).unwrap();
    let cut = keyrite(&["journal", "verify", text(&record)]).ended(6);
    keyrite(&["journal", "verify", text(&dir.path().join("nowhere"))]).ended(2);
    fs::write(&path, &journal).unwrap();
    keyrite(&["journal", "verify", text(&record)]).ended(0);

    insta::assert_snapshot!(changed.err, @r"
    error: line 3 of the journal: it was changed after it was written
    hint: keep the record as it is, and compare it with the heads that were read aloud or photographed
    ");
    // It was closed: nothing crashed, and `resume` is not advised.
    assert!(cut.err.contains("is cut short") && cut.err.contains("keep the record as it is"), "{}", cut.err);
}

#[test]
fn a_changed_ceremony_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let path = record.join("ceremony.yaml");
    let file = fs::read_to_string(&path).unwrap();

    fs::write(&path, file.replace("a first try", "a second try")).unwrap();

    let said = keyrite(&["journal", "verify", text(&record)]).ended(6);
    assert!(said.err.contains("another ceremony file"), "{}", said.err);
}

#[test]
fn changed_metadata_in_the_record_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let path = record.join("metadata/1.root.json");
    let file = fs::read_to_string(&path).unwrap();

    fs::write(&path, file.replace("\"threshold\":2", "\"threshold\":1")).unwrap();

    keyrite(&["journal", "verify", text(&record)]).ended(6);
}

#[test]
fn the_record_replays_on_another_machine_without_keys() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for name in ["ceremony.yaml", "journal.jsonl"] {
        fs::copy(record.join(name), elsewhere.join(name)).unwrap();
    }

    let said = keyrite(&["--json", "journal", "verify", text(&elsewhere)]).ended(0);

    let verdict: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&verdict["holds"], &verdict["closed"]), (&true.into(), &true.into()));
}

#[test]
fn a_file_that_the_journal_knows_nothing_of_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let whole = keyrite(&["journal", "verify", text(&record)]).ended(0);
    assert!(!whole.out.contains("!! not of this ceremony"), "{}", whole.out);
    for (name, bytes) in
        [("keys/eve.age", "age-encryption.org/v1"), ("notes.txt", ""), ("metadata/2.root.json", "{}")]
    {
        fs::write(record.join(name), bytes).unwrap();
    }

    let said = keyrite(&["journal", "verify", text(&record)]).ended(0);
    let json = keyrite(&["--json", "journal", "verify", text(&record)]).ended(0);

    let line = "!! not of this ceremony, as far as the journal knows: keys/eve.age, metadata/2.root.json, notes.txt\n";
    assert!(said.out.contains(line), "{}", said.out);
    let verdict: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(verdict["unknown"], serde_json::json!(["keys/eve.age", "metadata/2.root.json", "notes.txt"]));
}

#[test]
fn the_runs_are_those_that_the_journal_took_in() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let runs = record.join("runs.jsonl");
    let lies = fs::read_to_string(&runs).unwrap();
    let verify = || keyrite(&["journal", "verify", text(&record)]);

    fs::write(&runs, lies.replace("\"what\"", "\"that\"")).unwrap();
    let changed = verify().ended(6);
    assert!(changed.err.contains("runs.jsonl is not what the journal says it is"), "{}", changed.err);

    fs::write(&runs, format!("{lies}{{\"what\":\"resumed\"}}\n")).unwrap();
    let more = verify().ended(0);
    assert!(
        more.out.contains("runs.jsonl has 1 run that the chain does not hold, after the close"),
        "{}",
        more.out
    );

    fs::write(&runs, &lies).unwrap();
    assert!(!verify().ended(0).out.contains("runs.jsonl"));
}

/// The chain is checked with coreutils alone: `prev` is the SHA-256 of the line before.
#[test]
fn sha256sum_and_cut_check_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let script = r#"
        prev=0000000000000000000000000000000000000000000000000000000000000000
        while IFS= read -r line; do
            case "$line" in *"\"prev\":\"$prev\""*) ;; *) exit 1 ;; esac
            prev=$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)
        done < journal.jsonl
        echo "$prev"
    "#;

    let shell = Command::new("sh").args(["-c", script]).current_dir(&record).output().unwrap();
    let head = keyrite(&["--json", "journal", "head", text(&record)]).ended(0);

    let head: serde_json::Value = serde_json::from_str(&head.out).unwrap();
    assert_eq!(String::from_utf8_lossy(&shell.stdout).trim(), head["head"].as_str().unwrap());
}

/// Witnesses compare and sign what it prints.
#[test]
fn the_head_of_a_journal_that_does_not_hold_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let path = record.join("journal.jsonl");
    let text_of = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text_of.split_inclusive('\n').collect();
    let out = dir.path().join("checkpoint");

    for short in [String::new(), lines[..lines.len() - 3].concat()] {
        fs::write(&path, short).unwrap();
        let said = keyrite(&["journal", "head", text(&record), "--out", text(&out)]).ended(6);
        assert!(said.out.is_empty() && !out.exists(), "{}", said.out);
    }
}

#[test]
fn a_closed_ceremony_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let before = tree(&record);

    resume_quickstart(&record).ended(0);

    assert!(tree(&record) == before);

    // But for its bundle: that follows from the journal.
    fs::remove_dir_all(record.join("bundle")).unwrap();
    let said = keyrite(&["journal", "verify", text(&record)]).ended(0);
    assert!(said.out.contains("its bundle is not in this record"), "{}", said.out);
    resume_quickstart(&record).ended(0);
    assert!(tree(&record) == before);
}

#[test]
fn an_existing_record_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let before = tree(&record);

    let said = Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(2);

    assert!(said.err.contains("keyrite resume"), "{}", said.err);
    assert!(tree(&record) == before);
}

#[test]
fn without_a_terminal_and_without_answers_run_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    let mut command = command();
    command.args(["run", "ceremonies/quickstart/ceremony.yaml", "--rehearse", "--record", text(&record)]);
    // A session of its own has no terminal to ask at.
    let mut alone = Command::new("setsid");
    alone
        .arg("-w")
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(env!("CARGO_MANIFEST_DIR"));

    let said = Said::of(&alone.stdin(std::process::Stdio::null()).output().unwrap()).ended(2);

    assert!(said.err.contains("there is no terminal to ask people at"), "{}", said.err);
    assert!(!record.exists());
}
