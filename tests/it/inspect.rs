//! `keyrite inspect` of a directory: the repository in plain words, and who may sign a path.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::room::Copy;
use crate::tui::repository;

#[test]
fn a_repository_is_said_in_plain_words_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());
    let before = crate::common::keyrite::tree(dir.path());

    let said = keyrite(&["inspect", text(dir.path())]).ended(0).out;

    assert!(said.starts_with("TUF repository: root versions 1 to 2 (2 LACKS SIGNATURES, clients do not take it), 16388 delegated roles; "), "{said}");
    for line in [
        "; any 2 of Bo Lindqvist, Chi Nwosu and Fay Ode\n",
        "Dana Reyes and Otto Brand together; dev/* tools/*, terminating\n",
        "    bin-0000 .. bin-3fff: no file here; Build farm alone; 16384 bins by the path's SHA-256; ",
        "ed25519, Chi Nwosu: root, tools, later\n",
        "1 current target of ops is shadowed by dev: dev/tool.txt\n",
        "open: 2.root.json: 1 of 2 signatures by the keys of root version 1; 1 missing, from Ana Duarte or Chi Nwosu\n",
        "the signatures of 16384 delegated roles were not looked at",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(crate::common::keyrite::tree(dir.path()), before);
}

#[test]
fn who_may_sign_a_path_is_answered_in_the_first_line_and_explained_below() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());
    let metadata = dir.path().join("inputs/metadata");

    let said = keyrite(&["inspect", text(&metadata), "--path", "dev/tool.txt"]).ended(0).out;

    let expected = "\
dev/tool.txt: clients take it from dev; Dana Reyes and Otto Brand together can sign it
root 2 lacks signatures, and clients do not take it: what is said here is of it, and not of what they trust
A client asks, in this order, and takes the first entry that it finds:
   1  targets: Release desk alone; it may sign every path; does not list it
   2    dev: Dana Reyes and Otto Brand together; targets delegates dev/* to it; LISTS IT: taken from here; terminating
   -    ops: Otto Brand alone; targets delegates dev/* to it; never asked: dev ends it
The search stops at dev, the first role that lists it
";
    assert_eq!(said, expected);
}

#[test]
fn where_tough_lets_others_sign_a_path_is_the_last_line_of_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());
    let ask = |path| ["inspect", text(dir.path()), "--path", path].map(str::to_owned);

    let said = keyrite(&ask("dev/deep/tool.txt").each_ref().map(String::as_str)).ended(0).out;

    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("In tough, the client in Rust, * and ? also stand for a slash: there dev"),
        "{said}"
    );
}

#[test]
fn the_answer_is_one_document_too() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());

    let said = keyrite(&["--json", "inspect", text(dir.path()), "--path", "ops/*"]).ended(0);

    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["kind"], &json["pattern"]), (&"who-may-sign".into(), &true.into()));
    let roles: Vec<_> = json["steps"].as_array().unwrap().iter().map(|step| &step["role"]).collect();
    assert_eq!(roles, ["targets", "ops", "bin-0000"]);
    assert_eq!((&json["steps"][2]["count"], &json["steps"][1]["taken"]), (&16384.into(), &1.into()));
    assert_eq!(json["steps"][1]["keys"][0]["holder"], "Otto Brand");
}

#[test]
fn what_holds_no_repository_is_told_with_nothing_assumed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.json");
    fs::write(&file, "{}").unwrap();

    let empty = keyrite(&["inspect", text(dir.path())]).ended(2);
    let path = keyrite(&["inspect", text(&file), "--path", "a"]).ended(2);

    assert!(empty.err.contains("no repository: no root.json in it, nor in metadata"), "{}", empty.err);
    assert!(path.err.contains("--path asks a repository, and this is no directory"), "{}", path.err);
}

#[test]
fn targets_that_go_by_are_said_like_those_that_are_held_and_hide_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("1.targets.json");
    let targets: Vec<String> =
        (0..25).map(|n| format!(r#""f{n:02}":{{"hashes":{{"sha256":"00"}},"length":{n}}}"#)).collect();
    let signed = format!(
        r#"{{"_type":"targets","expires":"2027-01-03T09:00:00Z","spec_version":"1.0.31","targets":{{{}}},"version":3}}"#,
        targets.join(",")
    );
    let signatures = r#"[{"keyid":"k1","sig":""}]"#;
    let said = |signed: &str, goes_by: bool| {
        let json = match goes_by {
            true => format!(r#"{{"signatures":{signatures},"signed":{signed}}}"#),
            false => format!(r#"{{"signed":{signed},"signatures":{signatures}}}"#),
        };
        fs::write(&file, json).unwrap();
        ["inspect --json", "inspect"].map(|args| {
            let args: Vec<&str> = args.split(' ').chain([text(&file)]).collect();
            keyrite(&args).ended(0).out
        })
    };

    let by = said(&signed, true);

    assert!(by[1].contains("targets: 25\n  f00: 0 bytes\n") && by[1].contains("and 5 more"), "{}", by[1]);
    assert_eq!(by, said(&signed, false));
    for (secret, called) in [
        ("AGE-SECRET-KEY-1QQQ", "an age identity; nothing"),
        ("-----BEGIN PRIVATE KEY-----", "a private key in PEM; nothing"),
        ("KEYRITE-SHARE-1:AAAA", "a share that cannot be used"),
    ] {
        for goes_by in [true, false] {
            let said = said(&signed.replace("f24", &format!("f24{secret}")), goes_by);

            assert!(said[1].starts_with(called), "{secret}: {}", said[1]);
        }
    }
}

#[test]
fn a_repository_that_goes_by_is_said_like_one_that_is_held() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());
    let metadata = dir.path().join("inputs/metadata");
    let files: Vec<_> = fs::read_dir(&metadata).unwrap().map(|entry| entry.unwrap().path()).collect();
    let all: Vec<Value> =
        files.iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect();
    let said = |goes_by: bool, sig: Option<&str>| {
        for (file, json) in files.iter().zip(&all) {
            let (signed, mut signatures) = (&json["signed"], json["signatures"].clone());
            if let Some(sig) = sig {
                signatures[0]["sig"] = sig.into();
            }
            let json = match goes_by {
                true => format!(r#"{{"signatures":{signatures},"signed":{signed}}}"#),
                false => format!(r#"{{"signed":{signed},"signatures":{signatures}}}"#),
            };
            fs::write(file, json).unwrap();
        }
        ["", "--path dev/tool.txt", "--path dev/*", "--path *"].map(|asked| {
            let args: Vec<&str> =
                ["inspect", text(&metadata)].into_iter().chain(asked.split_whitespace()).collect();
            keyrite(&args).ended(0).out
        })
    };

    let by = said(true, None);
    let bent = said(true, Some("00"));

    assert!(
        !by[0].contains("open: 4.targets.json") && bent[0].contains("targets.json: 0 of 1 signatures"),
        "{}",
        bent[0]
    );
    assert_eq!(by, said(false, None));
    assert_eq!(bent, said(false, Some("00")));
}

#[test]
fn names_that_cannot_be_read_are_told_and_keys_go_by_their_keyids() {
    let dir = tempfile::tempdir().unwrap();
    repository::write(dir.path());
    fs::write(dir.path().join("inputs/keys/names.json"), "{").unwrap();

    let said = keyrite(&["inspect", text(dir.path()), "--path", "app.txt"]).ended(0).out;

    assert!(said.starts_with("app.txt: clients take it from targets; key "), "{said}");
    assert!(said.contains("keys have no names here"), "{said}");
}

#[test]
fn a_pipe_into_which_nobody_writes_and_a_device_are_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let commands: [&[&str]; 9] = [
        &["inspect", "FILE"],
        &["merge", "FILE", "--out", "out"],
        &["sign", "FILE", "--key", "age:key.age", "--out", "out"],
        &["request", "FILE", "--out", "out"],
        &["verify", ".", "--root", "FILE"],
        &["diff", "FILE", "FILE"],
        &["lint", "FILE"],
        &["check", "FILE"],
        &["run", "FILE", "--answers", "FILE"],
    ];

    for command in commands {
        for (file, why) in
            [(pipe.to_str().unwrap(), "nobody writes into it"), ("/dev/zero", "it is not a file")]
        {
            let args: Vec<&str> =
                command.iter().map(|arg| if *arg == "FILE" { file } else { *arg }).collect();
            let mut keyrite = std::process::Command::new(env!("CARGO_BIN_EXE_keyrite"));
            let ran = keyrite.args(&args).current_dir(&folder).env_clear().output().unwrap();
            let said = String::from_utf8(ran.stderr).unwrap();
            assert!(ran.status.code() == Some(2) && said.contains(why), "{args:?}: {said}");
        }
    }
}

#[test]
fn what_a_shell_hands_over_in_a_pipe_is_read() {
    let folder = tempfile::tempdir().unwrap();
    repository::write(folder.path());
    let root = folder.path().join("inputs/metadata/1.root.json");
    let script = "cat \"$1\" | \"$0\" inspect /dev/stdin";
    let mut shell = std::process::Command::new("sh");
    let ran = shell.args(["-c", script, env!("CARGO_BIN_EXE_keyrite"), text(&root)]).output().unwrap();

    assert_eq!(String::from_utf8(ran.stdout).unwrap(), keyrite(&["inspect", text(&root)]).ended(0).out);
}

#[test]
fn every_file_of_a_ceremony_and_its_record_is_known() {
    let copy = Copy::of("genesis", |file| file);
    copy.rehearse("", &[]).ended(0);
    let at = |name: &str| copy.record().join(name);
    let said = |path: &Path| keyrite(&["inspect", text(path)]).ended(0).out;

    for (file, says) in [
        ("ceremony.yaml", "a ceremony file, root-genesis\n"),
        ("journal.jsonl", "the journal of a ceremony, "),
        ("runs.jsonl", "when a ceremony was started and gone on with\n"),
        ("keys/names.json", "names and holders of 4 keys\n"),
        ("ledger.json", "where things were at its end\nREHEARSAL: nothing of it is real\n"),
        ("checkpoint.txt", "lines of its journal\nroot "),
        ("bundle/MANIFEST.json", "the manifest of a bundle"),
    ] {
        let said = said(&at(file));
        assert!(said.contains(says), "{file}: {said}");
    }
    let answers = said(&copy.file().with_file_name("answers.yaml"));
    assert!(
        answers.starts_with("an answers file; it carries secrets, and none of them is shown\n"),
        "{answers}"
    );
    assert!(!answers.contains("correct horse"), "{answers}");
}

#[test]
fn an_answers_file_is_compared_with_the_plan_before_it_answers() {
    let copy = Copy::of("quickstart", |file| file);
    let answers = copy.file().with_file_name("answers.yaml");
    let whole = fs::read_to_string(&answers).unwrap();
    let wrong =
        whole.replacen("  ana:", "  anna:", 1).replacen("typed: {}", "typed: {no-such-step: hello}", 1);
    fs::write(&answers, wrong).unwrap();

    let said = copy.rehearse("", &[]).ended(3);

    for lack in [
        "!! the answers file has no secret for key ana",
        "!! the answers file has a secret for \"anna\", which is no key of the plan",
        "!! the answers file types something in step \"no-such-step\"",
    ] {
        assert!(said.out.contains(lack), "{lack}\n{}", said.out);
    }
    assert!(said.out.find("!! the answers file").unwrap() < said.out.find("Step 1 of").unwrap());
}

#[test]
fn a_record_that_cannot_be_made_or_lost_a_file_says_what_to_do() {
    let copy = Copy::of("quickstart", |file| file);
    fs::write(copy.record(), "a file").unwrap();
    let below = copy.record().join("below");
    let answers = copy.answers("");
    let said = run_by_file(&copy.file(), &answers, &below, &["--rehearse"]).ended(4);
    assert!(said.err.contains("cannot be made") && said.err.contains("Nothing was begun"), "{}", said.err);
    fs::remove_file(copy.record()).unwrap();

    // Stopped half way, and then a careless hand.
    copy.rehearse("", &["--fault", "power-cut"]).ended(4);
    fs::remove_dir_all(copy.record().join("metadata")).unwrap();
    let runs = copy.record().join("runs.jsonl");
    let kept = fs::read(&runs).unwrap();
    fs::remove_file(&runs).unwrap();
    let said = copy.resume().ended(2);
    assert!(said.err.contains("does not say where the inputs lie"), "{}", said.err);
    // A disk that was full has cut its last line short.
    fs::write(&runs, [&kept[..], &kept[..kept.len() / 2]].concat()).unwrap();

    copy.resume().ended(0);
    assert!(copy.record().join("metadata/1.root.json").exists());
    let text = fs::read_to_string(&runs).unwrap();
    let read = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert_eq!((text.lines().filter(read).count(), text.lines().count()), (2, 3));
}

/// Found by fuzzing: the library that reads codes breaks on it.
#[test]
fn a_picture_that_breaks_the_reader_of_codes_is_refused_in_a_sentence() {
    let said = keyrite(&["inspect", "fuzz/found/image/a-grid-without-end"]).ended(2);

    let sentence = "a-grid-without-end: a QR code is seen in the image, and cannot be read\n";
    assert!(said.err.starts_with("error: ") && said.err.contains(sentence), "{}", said.err);
}
