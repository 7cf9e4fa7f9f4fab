//! The command line as documented: exit codes, one document on `--json`, nothing half-written, nothing overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::keyrite::Changed;
use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::quickstart;
use crate::common::keyrite::rehearse_quickstart;
use crate::common::keyrite::resume_quickstart;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::common::keyrite::within;

#[test]
fn every_command_has_help_with_an_example_or_commands() {
    let help = keyrite(&["--help"]).ended(0).out;
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() >= 15, "{commands:?}");
    for name in commands {
        let help = keyrite(&[name, "--help"]).ended(0).out;
        assert!(help.contains("Example") || help.contains("Commands:"), "{name}:\n{help}");
        let codes = help.contains("Exit codes:\n  0  ") || matches!(name, "journal" | "completions");
        assert!(codes, "{name} says no exit codes:\n{help}");
    }
    for name in ["verify", "show", "head", "cosign"] {
        let help = keyrite(&["journal", name, "--help"]).ended(0).out;
        assert!(help.contains("Exit codes:\n  0  "), "journal {name} says no exit codes:\n{help}");
    }
}

#[test]
fn help_documents_the_exit_codes() {
    let help = keyrite(&["--help"]).ended(0).out;

    for code in 0..=6 {
        assert!(help.contains(&format!("\n  {code}  ")), "exit code {code} is not in the help:\n{help}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    keyrite(&["no-such-command"]).ended(2);
    keyrite(&["check"]).ended(2);
    keyrite(&["check", "nowhere.yaml"]).ended(2);
    keyrite(&["run", "nowhere.yaml", "--plain", "--answers", "nowhere.yaml"]).ended(2);
    keyrite(&["resume", "nowhere", "--plain", "--answers", "ceremonies/quickstart/answers.yaml"]).ended(2);
    keyrite(&["new", "no-such-type"]).ended(2);
    for args in [&["--json", "check"][..], &["verify", "--json"], &["--json", "no-such-command"]] {
        let said = keyrite(args).ended(2);
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((&document["done"], &document["exit"]), (&false.into(), &2.into()), "{}", said.out);
    }
}

/// In any form of RFC 3339: what other programs say of a moment is copied from there.
#[test]
fn a_moment_to_judge_at_is_taken_in_any_zone() {
    let check =
        |at: &str| keyrite(&["check", "tests/data/good-plan.yaml", "--json", "--at", at]).ended(0).out;

    let zulu = check("2026-12-03T09:00:00Z");

    for at in ["2026-12-03T09:00:00+00:00", "2026-12-03T10:00:00+01:00", "2026-12-03T09:00:00.5Z"] {
        assert_eq!(check(at), zulu, "{at}");
    }
    keyrite(&["check", "tests/data/good-plan.yaml", "--at", "tomorrow"]).ended(2);
}

#[test]
fn json_is_one_document_on_standard_output() {
    for args in [
        &["--json", "check", "tests/data/good-plan.yaml"][..],
        &["check", "--json", "tests/data/bad-plans/no-gate.yaml"],
    ] {
        let said = keyrite(args);

        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(document["holds"], said.code == 0);
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let dir = tempfile::tempdir().unwrap();

    let bash = keyrite(&["completions", "bash"]).ended(0);
    keyrite(&["man", text(dir.path())]).ended(0);

    assert!(bash.out.contains("journal"));
    assert!(dir.path().join("keyrite-run.1").exists());
}

/// Also where people get text that another program reads, and where a ceremony is run.
#[test]
fn json_says_what_was_made_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let document = |said: Said| -> serde_json::Value { serde_json::from_str(&said.ended(0).out).unwrap() };
    let (draft, record) = (dir.join("draft.yaml"), dir.join("record"));

    let completions = document(keyrite(&["completions", "bash", "--json"]));
    assert_eq!(completions["shell"], "bash");
    assert_eq!(completions["script"], keyrite(&["completions", "bash"]).out);

    let manual = document(keyrite(&["man", text(&dir.join("man")), "--json"]));
    assert_eq!(manual["directory"], text(&dir.join("man")));

    let shown = document(keyrite(&["new", "root-genesis", "--json"]));
    let written = document(keyrite(&["new", "root-genesis", "--json", "--out", text(&draft)]));
    assert_eq!(shown["text"], fs::read_to_string(&draft).unwrap());
    assert_eq!(written["written"], text(&draft));

    let run = document(Said::of(&rehearse_quickstart(&record).arg("--json").output().unwrap()));
    assert_eq!((&run["done"], &run["rehearsal"]), (&true.into(), &true.into()));
    assert_eq!(run["head"], document(keyrite(&["journal", "head", "--json", text(&record)]))["head"]);
    assert_eq!(run["record"], text(&record));
    assert!(Path::new(run["bundle"].as_str().unwrap()).join("metadata/1.root.json").exists(), "{run}");
}

/// An answers file that lacks something stops the ceremony with 3, and by hand or by file it goes on.
#[test]
fn what_the_answers_do_not_say_stops_it_and_resume_goes_on() {
    let (changed, said) = Changed::rehearsal("  chi:", "  che:", 3);
    assert!(said.err.contains("no secret for key chi"), "{}", said.err);

    resume_quickstart(&changed.record).ended(0);
    keyrite(&["journal", "verify", text(&changed.record)]).ended(0);
}

#[test]
fn a_machine_that_is_not_fit_is_exit_4_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let (file, record) = (dir.path().join("ceremony.yaml"), dir.path().join("record"));
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    fs::write(&file, good.replace("outputs:", "environment: {require: [not-traced]}\noutputs:")).unwrap();
    let answers = dir.path().join("answers.yaml");
    fs::write(&answers, "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\n").unwrap();
    let mut run = command();
    run.args(["run", text(&file), "--plain", "--answers", text(&answers), "--record", text(&record)]);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none"])
        .arg(run.get_program())
        .args(run.get_args());

    let said = Said::of(&strace.output().unwrap()).ended(4);

    assert!(said.err.contains("not-traced"), "{}", said.err);
    assert!(tree(&record.join("keys")).is_empty());
}

#[test]
fn outside_its_window_it_does_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let (file, record) = (dir.path().join("ceremony.yaml"), dir.path().join("record"));
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let window =
        "clock: {not_before: \"2027-01-01T00:00:00Z\", not_after: \"2027-02-01T00:00:00Z\"}\noutputs:";
    fs::write(&file, good.replace("outputs:", window)).unwrap();
    let answers = dir.path().join("answers.yaml");
    fs::write(&answers, "answers: 1\nconfirm: all\nclock: 2026-12-03T09:00:00Z\n").unwrap();

    let said = run_by_file(&file, &answers, &record, &["--rehearse"]).ended(4);

    assert!(said.err.contains("this is not the time"), "{}", said.err);
    assert!(!record.exists());
}

#[test]
fn a_clock_that_goes_back_is_refused() {
    let (changed, _) = Changed::rehearsal("  chi:", "  che:", 3);
    changed.answer("clock: 2026", "clock: 2025");

    let said = changed.resume().ended(4);

    assert!(said.err.contains("set the clock"), "{}", said.err);
    // A record that is closed can be looked at whatever the clock says.
    let (changed, _) = Changed::rehearsal("  chi:", "  chi:", 0);
    changed.answer("clock: 2026", "clock: 2025");
    changed.resume().ended(0);
}

/// Every write of the ceremony in turn finds no room (ENOSPC): it stops, nothing half-written looks whole, it goes on.
#[test]
fn a_full_disk_at_any_write_leaves_nothing_that_looks_whole() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Said::of(&rehearse_quickstart(&whole).output().unwrap()).ended(0);
    // The manifest names the journal's head, and a journal with a failure in it has another one.
    let bundle = tree(&whole.join("bundle/metadata"));
    let mut failures = 0;
    for nth in (1..).step_by(6) {
        let record = dir.path().join(format!("record-{nth}"));
        let run = rehearse_quickstart(&record);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", &format!("inject=fsync,fdatasync:error=ENOSPC:when={nth}")]);
        strace.arg(run.get_program()).args(run.get_args()).current_dir(env!("CARGO_MANIFEST_DIR"));

        let said = Said::of(&strace.output().unwrap());

        if said.code == 0 && failures > 0 {
            break;
        }
        failures += 1;
        assert!([4, 5].contains(&said.code), "at write {nth}: {} {}", said.code, said.err);
        assert!(said.err.contains("No space left"), "at write {nth}: {}", said.err);
        if record.join("bundle").exists() {
            assert!(
                tree(&record.join("bundle/metadata")) == bundle,
                "a bundle that is not whole at write {nth}"
            );
        }
        if record.exists() {
            let said = resume_quickstart(&record);
            assert_eq!(said.code, 0, "resume after write {nth}: {}", said.err);
            assert!(tree(&record.join("bundle/metadata")) == bundle);
        }
    }
    assert!(failures >= 10, "only {failures} failures");
}

/// A real file system that is really full, in a mount of its own; made larger, the ceremony goes on.
#[test]
fn a_small_drive_fills_up_and_the_ceremony_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Said::of(&rehearse_quickstart(&whole).output().unwrap()).ended(0);
    let drive = dir.path().join("drive");
    fs::create_dir(&drive).unwrap();
    let run = rehearse_quickstart(&drive.join("record"));
    let arguments: Vec<_> = run.get_args().map(|argument| argument.to_str().unwrap()).collect();
    let (program, answers) = (run.get_program().to_str().unwrap(), quickstart().join("answers.yaml"));
    let script = format!(
        "set -e; cd {top}; for size in 16 32 48 64 80 96 112; do
            mount -t tmpfs -o size=${{size}}k none {drive}
            code=0; {program} {arguments} >/dev/null 2>{drive}.err || code=$?
            if [ $code != 0 ]; then
                grep -q 'No space left' {drive}.err || {{ cat {drive}.err; exit 90; }}
                [ $code = 4 ] || [ $code = 5 ] || exit 91
                mount -o remount,size=64m {drive}
                if [ -d {drive}/record ]; then {program} resume {drive}/record --plain --answers {answers} >/dev/null
                else {program} {arguments} >/dev/null; fi
                echo stopped at $size
            fi
            diff -r {drive}/record/bundle/metadata {whole}/bundle/metadata
            umount {drive}
        done",
        top = env!("CARGO_MANIFEST_DIR"),
        drive = text(&drive),
        arguments = arguments.join(" "),
        answers = text(&answers),
        whole = text(&whole),
    );
    let mut own = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        own.args(["--user", "--map-root-user"]);
    }

    let said = Said::of(&own.args(["--mount", "sh", "-c", &script]).output().unwrap()).ended(0);

    assert!(said.out.matches("stopped at").count() >= 3, "{}", said.out);
}

/// `ulimit -f`, a limit on each file: written up to it, and then no further.
#[test]
fn a_limit_on_the_size_of_files_stops_a_ceremony_as_a_full_disk_does_and_it_goes_on_without_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Said::of(&rehearse_quickstart(&whole).output().unwrap()).ended(0);
    let (mut stopped, bundle) = (0, tree(&whole.join("bundle/metadata")));
    for bytes in [0, 300, 1500, 3000, 4000, 5000, 7000, 10_000, 14_000] {
        let record = dir.path().join(bytes.to_string());

        let said = Said::of(&within(bytes, &rehearse_quickstart(&record)).output().unwrap()).ended(4);

        assert!(
            said.err.contains("File too large") && said.err.contains("ulimit -f"),
            "{bytes}: {}",
            said.err
        );
        if record.exists() {
            stopped += 1;
            resume_quickstart(&record).ended(0);
            assert!(tree(&record.join("bundle/metadata")) == bundle, "{bytes}");
        }
    }
    assert!(stopped >= 4, "{stopped}");
}

#[test]
fn an_existing_bundle_or_key_is_never_overwritten() {
    for (name, code) in [("bundle", 4), ("keys/ana.age", 5)] {
        let (changed, _) = Changed::rehearsal("  ana:", "  anna:", 3);
        let file = changed.record.join(name);
        fs::write(&file, "someone else's").unwrap();

        let said = resume_quickstart(&changed.record).ended(code);

        assert!(said.err.contains("already"), "{name}: {}", said.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), "someone else's");
        fs::remove_file(&file).unwrap();
        resume_quickstart(&changed.record).ended(0);
    }
}

/// The tests may run as root, whom no permission stops: then a file stands in the way instead.
#[test]
fn a_record_where_nothing_can_be_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let record = if rustix::process::geteuid().is_root() {
        let file = dir.path().join("a-file");
        fs::write(&file, "").unwrap();
        file.join("record")
    } else {
        locked.join("record")
    };

    let said = Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(4);

    assert!(said.err.contains("cannot be made"), "{}", said.err);
}

#[test]
fn production_refuses_what_a_rehearsal_made() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    let root = record.join("bundle/metadata/1.root.json");

    let verify = keyrite(&[
        "verify",
        text(&record.join("bundle")),
        "--root",
        text(&root),
        "--at",
        "2026-12-03T09:00:00Z",
    ])
    .ended(1);
    let store = format!("age:{}", record.join("keys/ana.age").display());
    let show = keyrite(&["key", "show", &store, "--answers", &with_secret(dir.path(), &store)]).ended(5);

    assert!(
        verify.err.to_lowercase().contains("rehearsal") || verify.out.to_lowercase().contains("rehearsal")
    );
    assert!(show.err.to_lowercase().contains("rehearsal"), "{}", show.err);
    let (bundle, adopted) = (record.join("bundle"), dir.path().join("adopted"));
    let import = keyrite(&["import", text(&bundle), "--out", text(&adopted), "--ask", "no"]).ended(1);
    assert!(import.err.contains("a rehearsal made this") && !adopted.exists(), "{}", import.err);
    let draft = dir.path().join("next.yaml");
    for args in [
        &["status", text(&bundle)][..],
        &["assess", text(&bundle), "--all"],
        &["new", "root-renewal", "--from", text(&bundle), "--out", text(&draft)],
    ] {
        let said = keyrite(args).out;
        assert!(said.contains("!! a rehearsal made this"), "{args:?}: {said}");
    }
}

fn with_secret(dir: &Path, store: &str) -> String {
    let file = dir.join("secret.yaml");
    fs::write(
        &file,
        format!("answers: 1\nsecrets: {{\"{store}\": {{passphrase: \"an example for ana only\"}}}}\n"),
    )
    .unwrap();
    text(&file).to_owned()
}

/// The watermark stands on every line, in the journal, in key labels and in what is exported.
#[test]
fn a_rehearsal_says_so_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");

    let said = Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);

    assert!(said.out.lines().all(|line| line.starts_with("REHEARSAL |")), "{}", said.out);
    let read = |name: &str| fs::read_to_string(record.join(name)).unwrap();
    assert!(read("journal.jsonl").lines().next().unwrap().contains("\"mode\":\"rehearsal\""));
    assert!(
        read("bundle/MANIFEST.json").contains("\"rehearsal\": true")
            || read("bundle/MANIFEST.json").contains("\"rehearsal\":true")
    );
    for role in ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"] {
        assert!(read(&format!("bundle/metadata/{role}")).contains("\"x-keyrite-rehearsal\":true"), "{role}");
    }
}

#[test]
fn a_name_that_acts_on_a_screen_is_shown_as_its_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let ceremony = dir.path().join("ceremony");
    let copied = Command::new("cp").args(["-r", text(&quickstart()), text(&ceremony)]).status().unwrap();
    assert!(copied.success());
    fs::write(ceremony.join("inputs/targets/n\u{1b}[31m\nRED"), b"red").unwrap();

    let said = keyrite(&["check", text(&ceremony.join("ceremony.yaml"))]).ended(1);

    assert!(said.err.contains(r"n\u{1b}[31m\u{a}RED: its name has a character"), "{}", said.err);
    assert!(!said.err.contains('\u{1b}'));
}
