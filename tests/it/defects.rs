//! Each defect that was found once, named; it does not come back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use keyrite::bundle::Manifest;
use keyrite::ceremony::Event;
use keyrite::journal;
use serde_json::json;

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
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

#[test]
fn a_directory_beside_the_record_is_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["record.new", "record.partial"] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("ceremony.yaml"), "someone else's").unwrap();
    }

    Said::of(&rehearse_quickstart(&dir.path().join("record")).output().unwrap()).ended(0);

    for name in ["record.new", "record.partial"] {
        assert_eq!(
            fs::read_to_string(dir.path().join(name).join("ceremony.yaml")).unwrap(),
            "someone else's"
        );
    }
}

#[test]
fn a_record_may_be_named_with_a_slash_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record/");

    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
}

#[test]
fn a_reader_who_closes_the_pipe_does_not_turn_no_into_yes() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    let (bundle, root) = (record.join("bundle"), record.join("bundle/metadata/1.root.json"));
    let mut verify = command();
    verify
        .args(["verify", text(&bundle), "--root", text(&root)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());

    let mut child = verify.spawn().unwrap();
    drop(child.stdout.take());

    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn what_standard_output_cannot_take_is_a_failure() {
    for args in [&["completions", "bash"][..], &["check", "tests/data/good-plan.yaml"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();

        let said =
            Said::of(&command().args(args).stdout(full).stderr(Stdio::piped()).output().unwrap()).ended(2);

        assert!(said.err.contains("standard output"), "{}", said.err);
    }
}

#[test]
fn json_is_one_document_for_every_command_and_every_end() {
    let dir = tempfile::tempdir().unwrap();
    let (record, answers) = (dir.path().join("record"), quickstart().join("answers.yaml"));
    let file = quickstart().join("ceremony.yaml");
    let run = [
        "--json",
        "run",
        text(&file),
        "--rehearse",
        "--plain",
        "--answers",
        text(&answers),
        "--record",
        text(&record),
    ];
    let cases: [(&[&str], i32); 6] = [
        (&run, 0),
        (&run, 2),
        (&["--json", "resume", "nowhere", "--plain", "--answers", text(&answers)], 2),
        (&["--json", "journal", "show", "nowhere"], 2),
        (&["--json", "inspect", "nowhere"], 2),
        (&["--json", "new", "root-genesis", "--out", "ceremonies"], 2),
    ];
    for (args, code) in cases {
        let said = keyrite(args).ended(code);

        let document: serde_json::Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {:?}", said.out));
        assert!(document.is_object(), "{args:?}");
    }
}

/// A key that somebody put on the token under the planned label is not taken for one that the ceremony made.
#[test]
fn a_foreign_key_under_the_planned_label_is_never_adopted() {
    let Some(world) = World::softhsm() else { return };
    world.foreign_key("root-2026", "07", &[]);
    let dir = tempfile::tempdir().unwrap();
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let store = format!("\"{}\", scheme: ecdsa-sha2-nistp256", world.uri("root-2026"));
    fs::write(dir.path().join("ceremony.yaml"), good.replace("\"age:keys/bo.age\", scheme: ed25519", &store))
        .unwrap();
    let answers = format!(
        "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n  ana: {{passphrase: \"a passphrase of ana\"}}\n  bo: {{pin: \"{PIN}\"}}\n"
    );
    fs::write(dir.path().join("answers.yaml"), answers).unwrap();
    let at = |name: &str| dir.path().join(name);
    let perform = |args: &[&str]| {
        let mut run = command();
        run.envs(&world.env).args(args).args(["--plain", "--answers", text(&at("answers.yaml"))]);
        Said::of(&run.output().unwrap())
    };

    let first = perform(&["run", text(&at("ceremony.yaml")), "--record", text(&at("record"))]).ended(5);
    for _ in 0..2 {
        perform(&["resume", text(&at("record"))]).ended(5);
    }

    assert!(first.err.contains("already"), "{}", first.err);
    let journal = fs::read_to_string(at("record/journal.jsonl")).unwrap();
    assert!(!journal.contains("\"key-generated\",\"step\":\"generate-key-bo\""), "{journal}");
}

#[test]
fn every_file_that_follows_from_the_journal_is_checked_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    for name in ["metadata/1.root.json", "keys/names.json", "keys/ana.pub.json", "bundle/MANIFEST.json"] {
        let whole = fs::read(record.join(name)).unwrap();
        fs::write(record.join(name), [&whole[..], b" "].concat()).unwrap();

        let said = keyrite(&["journal", "verify", text(&record)]).ended(6);

        assert!(said.err.contains(name), "{}", said.err);
        fs::write(record.join(name), whole).unwrap();
    }
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

/// A rehearsal that was stopped before the last key.
fn stopped_early() -> Changed {
    Changed::rehearsal("  online:", "  offline:", 3).0
}

#[test]
fn a_ceremony_does_not_go_on_over_changed_metadata() {
    let changed = stopped_early();
    let record = &changed.record;
    fs::write(record.join("metadata/1.root.json"), "{\"signatures\":[],\"signed\":{\"_type\":\"root\"}}")
        .unwrap();
    let before = tree(record);

    resume_quickstart(record).ended(6);

    assert!(tree(record) == before);
}

#[test]
fn nobody_signs_what_has_expired_meanwhile() {
    let changed = stopped_early();
    changed.answer("clock: 2026", "clock: 2035");

    let said = changed.resume().ended(4);

    assert!(said.err.contains("nobody would sign this now"), "{}", said.err);
}

#[test]
fn the_answers_of_a_resume_are_in_the_journal_too() {
    let changed = stopped_early();
    let record = &changed.record;

    resume_quickstart(record).ended(0);

    let sum = Command::new("sha256sum").arg(quickstart().join("answers.yaml")).output().unwrap();
    let sum = String::from_utf8_lossy(&sum.stdout)[..64].to_owned();
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert!(
        journal.lines().last().unwrap().len() > 100 && journal.contains(&sum),
        "{sum} is not in the journal"
    );
}

#[test]
fn what_a_crash_left_of_a_key_file_is_removed_and_said() {
    let changed = stopped_early();
    let record = &changed.record;
    fs::write(record.join("keys/.online.age.0a1b2c3d.keyrite-tmp"), "half a file").unwrap();

    resume_quickstart(record).ended(0);

    assert!(!record.join("keys/.online.age.0a1b2c3d.keyrite-tmp").exists());
    assert!(
        fs::read_to_string(record.join("journal.jsonl"))
            .unwrap()
            .contains(".online.age.0a1b2c3d.keyrite-tmp")
    );
}

#[test]
fn a_private_key_among_the_target_files_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("inputs/targets")).unwrap();
    fs::copy(quickstart().join("ceremony.yaml"), dir.path().join("ceremony.yaml")).unwrap();
    fs::write(
        dir.path().join("inputs/targets/oops.pem"),
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();

    let said =
        keyrite(&["check", text(&dir.path().join("ceremony.yaml")), "--at", "2026-12-03T09:00:00Z"]).ended(1);

    assert!(said.err.contains("oops.pem"), "{}", said.err);
}

#[test]
fn a_bundle_is_compared_with_the_journal_of_its_record_and_says_where_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    let root = dir.path().join("1.root.json");
    fs::copy(record.join("bundle/metadata/1.root.json"), &root).unwrap();
    let verify = |bundle: &Path| {
        let args = [
            "--json",
            "verify",
            text(bundle),
            "--root",
            text(&root),
            "--rehearsal",
            "--at",
            "2026-12-03T10:00:00Z",
        ];
        let people = keyrite(&args[1..]).ended(0).out;
        let json: serde_json::Value = serde_json::from_str(&keyrite(&args).ended(0).out).unwrap();
        (
            people,
            [&json["journal_compared"], &json["journal_agrees"]].map(Clone::clone),
            json["remarks"].to_string(),
        )
    };

    let (people, compared, remarks) = verify(&record.join("bundle"));
    assert!(people.contains(", as the journal of its record says\n"), "{people}");
    assert_eq!(compared, [json!(true), json!(true)]);
    assert!(!remarks.contains("journal"), "{remarks}");
    assert_eq!(verify(&record), verify(&record.join("bundle")));

    let elsewhere = dir.path().join("elsewhere");
    fs::rename(record.join("bundle"), &elsewhere).unwrap();
    let (people, compared, _) = verify(&elsewhere);
    assert!(people.contains("there is no journal here to compare it with"), "{people}");
    assert_eq!(compared, [json!(false), json!(null)]);

    fs::rename(&elsewhere, record.join("bundle")).unwrap();
    let manifest = record.join("bundle/MANIFEST.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    // VERIFY.txt would find a manifest that is not its own.
    let mut other = Manifest::parse(whole.as_bytes()).unwrap();
    other.journal_head = "0".repeat(64);
    other.files.retain(|entry| entry.path != "VERIFY.txt");
    fs::write(&manifest, other.to_file()).unwrap();
    let verify_txt = record.join("bundle/VERIFY.txt");
    let kept = fs::read(&verify_txt).unwrap();
    fs::remove_file(&verify_txt).unwrap();
    let (people, compared, remarks) = verify(&record.join("bundle"));
    assert!(
        people.contains("remark: the journal of the record in which this bundle lies does not know it"),
        "{people}"
    );
    assert!(remarks.contains("does not know it"), "{remarks}");
    assert_eq!(compared, [json!(true), json!(false)]);

    fs::write(&verify_txt, kept).unwrap();
    fs::remove_file(&manifest).unwrap();
    let (people, _, remarks) = verify(&record.join("bundle"));
    assert!(people.contains("remark: MANIFEST.json is gone"), "{people}");
    assert!(remarks.contains("MANIFEST.json is gone"), "{remarks}");
}

#[test]
fn a_link_among_the_target_files_is_refused_by_name_and_the_directory_itself_may_be_one() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("ceremony.yaml");
    fs::create_dir(dir.path().join("inputs")).unwrap();
    fs::copy(quickstart().join("ceremony.yaml"), &file).unwrap();
    fs::write(elsewhere.path().join("hello.txt"), "hello\n").unwrap();
    symlink(elsewhere.path(), dir.path().join("inputs/targets")).unwrap();
    let check = || keyrite(&["check", text(&file), "--at", "2026-12-03T09:00:00Z"]);
    check().ended(0);

    for leads_to in [Path::new("/etc/passwd"), Path::new("/etc"), Path::new("hello.txt")] {
        symlink(leads_to, elsewhere.path().join("notes.txt")).unwrap();

        let said = check().ended(1);

        fs::remove_file(elsewhere.path().join("notes.txt")).unwrap();
        let expected =
            "inputs/targets/notes.txt: it is a symbolic link, which is not followed: put what it leads to";
        assert!(said.err.contains(expected), "{}", said.err);
    }
}

#[test]
fn a_public_key_that_is_not_the_reviewed_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("inputs")).unwrap();
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let online = "{holder: oli, store: \"age:keys/online.age\", scheme: ed25519, generate: true}";
    let outside = format!("{{public: inputs/online.pub.json, keyid: \"{}\"}}", "ab".repeat(32));
    let plan = good
        .replace(online, &outside)
        .replace("  - {do: generate-key, key: online}\n", "  - {do: load-keys}\n");
    fs::write(dir.path().join("ceremony.yaml"), plan).unwrap();
    let key = r#"{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}}"#;
    fs::write(dir.path().join("inputs/online.pub.json"), key).unwrap();

    let said =
        keyrite(&["check", text(&dir.path().join("ceremony.yaml")), "--at", "2026-12-03T09:00:00Z"]).ended(1);

    assert!(said.err.contains("and the plan says abab"), "{}", said.err);
}

/// What can be known of a store without a secret is known before the first key exists.
#[test]
fn a_store_that_cannot_work_stops_the_ceremony_before_the_gate() {
    for store in
        ["pkcs11:token=T;object=o?module-path=/etc/passwd", "pkcs11:token=T;object=o?module-path=/nowhere.so"]
    {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
        let bo = format!("\"{store}\", scheme: ecdsa-sha2-nistp256");
        fs::write(at("ceremony.yaml"), good.replace("\"age:keys/bo.age\", scheme: ed25519", &bo)).unwrap();
        fs::write(at("answers.yaml"), "answers: 1\nconfirm: all\nclock: 2026-12-03T09:00:00Z\n").unwrap();

        let said = run_by_file(&at("ceremony.yaml"), &at("answers.yaml"), &at("record"), &[]).ended(4);

        assert!(said.err.contains("key bo"), "{}", said.err);
        assert!(tree(&at("record/keys")).is_empty());
        assert!(!fs::read_to_string(at("record/journal.jsonl")).unwrap().contains("\"step\":\"gate\""));
    }
}

/// A head that was read aloud is the journal's own, or the journal does not hold; its chain alone does not say so.
#[test]
fn a_head_read_aloud_that_is_not_the_journals_is_found_on_replay() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let aloud = "  - {do: roll-call}\n  - {do: read-aloud, what: journal}\n";
    fs::write(at("ceremony.yaml"), good.replace("  - {do: roll-call}\n", aloud)).unwrap();
    fs::write(at("answers.yaml"), "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\n")
        .unwrap();
    run_by_file(&at("ceremony.yaml"), &at("answers.yaml"), &at("record"), &["--rehearse"]).ended(3);
    keyrite(&["journal", "verify", text(&at("record"))]).ended(0);
    let path = at("record/journal.jsonl");
    let journal = journal::read(&fs::read(&path).unwrap()).unwrap();

    // Up to the head that is read aloud, with another one, and a chain that is whole again.
    let (mut prev, mut lines) = (journal::NOTHING_BEFORE, String::new());
    for entry in &journal.entries {
        let what = match &entry.what {
            Event::ReadAloud { step, head, .. } => {
                Event::ReadAloud { step: step.clone(), sha256: "ab".repeat(32), head: head.clone() }
            }
            other => other.clone(),
        };
        let (line, head) = journal::encode(entry.at, prev, &what).unwrap();
        (prev, lines) = (head, lines + &line);
        if matches!(what, Event::ReadAloud { .. }) {
            break;
        }
    }
    fs::write(&path, lines).unwrap();

    let said = keyrite(&["journal", "verify", text(&at("record"))]).ended(6);
    assert!(said.err.contains("another head"), "{}", said.err);
}
