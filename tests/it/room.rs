//! The room on the day: who is there, what lies in whose hands, which clock is right, and what goes otherwise than planned.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::ceremony::Event;
use keyrite::ceremony::Mode;
use keyrite::driver::Answer;
use keyrite::driver::Ask;
use keyrite::driver::Body;
use keyrite::driver::Driver;
use keyrite::driver::Exception;
use keyrite::driver::Fault;
use keyrite::driver::Given;
use keyrite::driver::Prompt;
use keyrite::driver::Stop;
use secrecy::SecretString;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::tui::stage::options;

/// A ceremony of the project in a directory of its own, with its files changed.
pub(crate) struct Copy {
    dir: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn of(ceremony: &str, change: impl Fn(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies").join(ceremony);
        let copied = std::process::Command::new("cp").arg("-r").arg(from.join(".")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        let file = dir.path().join("ceremony.yaml");
        fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
        Self { dir }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ceremony.yaml")
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.dir.path().join("record")
    }

    pub(crate) fn answers(&self, more: &str) -> PathBuf {
        let (from, to) = (self.dir.path().join("answers.yaml"), self.dir.path().join("these.yaml"));
        fs::write(&to, format!("{}{more}", fs::read_to_string(from).unwrap())).unwrap();
        to
    }

    pub(crate) fn rehearse(&self, more: &str, options: &[&str]) -> Said {
        run_by_file(&self.file(), &self.answers(more), &self.record(), &[&["--rehearse"], options].concat())
    }

    pub(crate) fn resume(&self) -> Said {
        let answers = self.answers("");
        keyrite(&["resume", text(&self.record()), "--plain", "--answers", text(&answers)])
    }

    #[track_caller]
    pub(crate) fn holds(&self) -> String {
        keyrite(&["journal", "verify", text(&self.record())]).ended(0);
        keyrite(&["journal", "show", text(&self.record())]).ended(0).out
    }
}

/// What people would answer.
pub(crate) fn usual(prompt: &Prompt) -> Answer {
    match (&prompt.ask, &prompt.body) {
        (Ask::Confirm, _) => Answer::Confirm,
        (Ask::TypeBack { places }, Body::Words { digest, .. } | Body::Elsewhere { digest, .. }) => {
            Answer::Words(places.map(|place| digest.words()[place].to_owned()).to_vec())
        }
        (Ask::Secret(_), _) => {
            Answer::Secret { secret: Some(SecretString::from("correct horse")), serial: None, dice: None }
        }
        (Ask::Give(_), _) => Answer::Give(Given::Rehearsed),
        (Ask::Statement, _) => Answer::Statement(true, String::new()),
        (Ask::Text { expected, .. }, _) => Answer::Text(expected.clone().unwrap_or("something".into())),
        _ => Answer::Continue,
    }
}

/// Plays a rehearsal; `special` answers what it wants to, and the usual answers the rest.
pub(crate) fn play(
    driver: &mut Driver,
    mut special: impl FnMut(&Prompt) -> Option<Answer>,
) -> Result<Vec<Event>, Stop> {
    let mut events = Vec::new();
    for _ in 0..1000 {
        let Some(prompt) = driver.prompt() else { return Ok(events) };
        let answer = special(&prompt).unwrap_or_else(|| usual(&prompt));
        events.extend(driver.answer(answer)?);
    }
    panic!("it never ended");
}

pub(crate) fn start(copy: &Copy) -> Driver {
    Driver::start(&copy.file(), Some(&copy.record()), Mode::Rehearsal, options()).unwrap()
}

#[test]
fn an_alternate_does_what_the_absent_would_and_the_record_says_so() {
    let copy = Copy::of("genesis", |file| file);

    let said = copy.rehearse("absent: [wim]\n", &[]).ended(0);

    assert!(said.out.contains("5 people are here; not here: Wim Peeters"), "{}", said.out);
    assert!(said.out.contains("Ada Romero confirmed gate"), "{}", said.out);
    assert!(!said.out.contains("Wim Peeters confirmed"), "{}", said.out);
    let shown = copy.holds();
    assert!(shown.contains("not here: Wim Peeters"), "{shown}");
}

#[test]
fn who_is_neither_optional_nor_stood_in_for_must_be_there() {
    let copy = Copy::of("genesis", |file| file);

    for (absent, why) in [("ana", "Ana Duarte is not here"), ("wim, ada", "Wim Peeters is not here")] {
        let said = copy.rehearse(&format!("absent: [{absent}]\n"), &[]).ended(1);

        assert!(said.err.contains(why), "{}", said.err);
        fs::remove_dir_all(copy.record()).unwrap();
    }
    let said = copy.rehearse("absent: [eve]\n", &[]).ended(1);
    assert!(said.err.contains("\"eve\" is not a participant"), "{}", said.err);
}

#[test]
fn an_optional_signer_may_stay_away_as_long_as_the_others_suffice() {
    let optional = |name: &'static str| {
        move |file: String| {
            let (person, may) =
                (format!("{name}, role: custodian}}"), format!("{name}, role: custodian, optional: true}}"));
            file.replace(&person, &may)
        }
    };
    let copy = Copy::of("renewal", optional("Chi Nwosu"));

    let said = copy.rehearse("absent: [chi]\n", &[]).ended(0);

    assert!(said.out.contains("Ana Duarte signed root") && said.out.contains("Bo Lindqvist signed root"));
    assert!(!said.out.contains("Chi Nwosu signed"), "{}", said.out);
    copy.holds();

    // A second one is one too many: `check` refuses what would count on an optional signer.
    let two = Copy::of("renewal", |file| optional("Bo Lindqvist")(optional("Chi Nwosu")(file)));
    let said = two.rehearse("", &[]).ended(1);
    assert!(said.err.contains("THRESHOLD-WITHOUT-OPTIONAL"), "{}", said.err);
}

#[test]
fn a_watch_that_differs_stops_it_until_the_clock_is_right() {
    let copy = Copy::of("genesis", |file| file);
    let head = fs::read_to_string(copy.dir.path().join("answers.yaml")).unwrap();
    let typed = head.replace("typed:\n", "typed:\n  set-clock: \"09:05:00\"\n");
    fs::write(copy.dir.path().join("answers.yaml"), &typed).unwrap();

    let said = copy.rehearse("", &[]);

    assert_ne!(said.code, 0);
    assert!(said.err.contains("the watch of Oli Berg says 2026-12-03T09:05:00Z"), "{}", said.err);
    assert!(said.err.contains("300 seconds apart, and 60 are allowed"), "{}", said.err);
    fs::write(copy.dir.path().join("answers.yaml"), head).unwrap();
    copy.resume().ended(0);
    copy.holds();
}

#[test]
fn a_bag_with_another_number_is_not_opened() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    let mut wrong = true;

    let events = play(&mut driver, |prompt| {
        let first = prompt.step == "inspect-bag-A-1002" && std::mem::take(&mut wrong);
        (first && matches!(prompt.ask, Ask::Text { .. })).then(|| Answer::Text("A-1003".into())).or_else(
            || {
                wrong |= first;
                None
            },
        )
    })
    .unwrap();

    let why = events.iter().find_map(|event| match event {
        Event::Failed { step, why, .. } if step == "inspect-bag-A-1002" => Some(why.clone()),
        _ => None,
    });
    assert_eq!(
        why.as_deref(),
        Some(
            "the bag in your hands has number \"A-1003\", and this step is about bag A-1002. Look for that one"
        )
    );
    copy.holds();
}

#[test]
fn an_exception_is_written_down_from_any_step_and_read_before_the_end() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    let mut told = std::collections::BTreeSet::new();
    let mut read = Vec::new();

    let events = play(&mut driver, |prompt| {
        if prompt.verb == "exception-review" {
            read.push(prompt.body.clone());
        }
        told.insert((prompt.step.clone(), prompt.who.clone())).then(|| {
            let happened = format!("in step {} the light went out", prompt.step);
            let (expected, action) = ("light".to_owned(), "a lamp was brought".to_owned());
            Answer::Exception(Exception { expected, happened, action, by: "wim".into() })
        })
    })
    .unwrap();

    let written = events.iter().filter(|event| matches!(event, Event::Exception { .. })).count();
    let steps = driver.ceremony().plan().steps.len();
    assert!(written >= steps, "{written} exceptions in {steps} steps");
    let Some(Body::Lines(lines)) = read.first() else { panic!("nothing was read") };
    assert!(lines.iter().any(|line| line.contains("in step sign-root-targets-bo the light went out")));
    // What came after the review is read when it closes.
    let reviews: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::ExceptionsReviewed { exceptions, .. } => Some(*exceptions),
            _ => None,
        })
        .collect();
    assert_eq!(reviews.len(), 2, "{reviews:?}");
    assert_eq!(reviews[1], written);
    let shown = copy.holds();
    assert!(shown.contains("EXCEPTION"), "{shown}");
}

#[test]
fn an_exception_says_something_and_is_of_someone() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    driver.prompt();
    let said = |expected: &str, happened: &str, by: &str| {
        let (expected, happened, by) = (expected.to_owned(), happened.to_owned(), by.to_owned());
        Answer::Exception(Exception { expected, happened, action: "none".into(), by })
    };

    for (answer, why) in [
        (said("", "rain", "oli"), "what was expected is empty"),
        (said("sun", " ", "oli"), "what happened is empty"),
        (said("sun", "rain", "eve"), "\"eve\" is not a participant"),
    ] {
        let events = driver.answer(answer).unwrap();

        assert!(matches!(&events[0], Event::Failed { why: told, .. } if told.contains(why)), "{events:?}");
    }
    assert!(driver.ceremony().exceptions().is_empty());
}

#[test]
fn a_step_is_left_out_only_where_the_file_allows_it_and_an_exception_says_why() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy).with_faults(vec![Fault::LostDrive]);
    // Not where it did not fail, and not without an exception.
    let mut refused = 0;
    let events = play(&mut driver, |prompt| {
        if prompt.verb == "mount-drive" && !prompt.may_pass_over && refused < 1 {
            refused += 1;
            return Some(Answer::PassOver);
        }
        None
    })
    .unwrap();

    let why = events.iter().find_map(|event| match event {
        Event::Failed { why, .. } if why.contains("cannot be left out") => Some(why.clone()),
        _ => None,
    });
    assert!(why.is_some(), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::PassedOver { .. })));
}

#[test]
fn a_drive_that_is_lost_is_left_out_with_an_exception_and_the_other_has_the_bundle() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    let lost = copy.record().join("drives/KEYRITE-B");
    // The stick is broken: a file lies where its directory should be.
    fs::create_dir_all(lost.parent().unwrap()).unwrap();
    fs::write(&lost, "broken").unwrap();
    let mut noted = 0;

    let events = play(&mut driver, |prompt| {
        if prompt.may_pass_over {
            return Some(Answer::PassOver);
        }
        if !prompt.warnings.is_empty() && noted == 0 {
            noted += 1;
            let (expected, happened) = ("the blue drive".to_owned(), "it is broken".to_owned());
            let action = "left out; the red one has the bundle".to_owned();
            return Some(Answer::Exception(Exception { expected, happened, action, by: "oli".into() }));
        }
        None
    });

    let events = match events {
        Ok(events) => events,
        Err(stop) => panic!("{stop}: {}", stop.hint),
    };
    let left_out: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::PassedOver { step, by } if by != "oli" => Some(step.as_str()),
            _ => None,
        })
        .collect();
    // One exception for the drive, and not one for each of its steps.
    let blue = [
        "mount-drive-blue",
        "export-blue",
        "eject-drive-blue",
        "mount-blue-again",
        "readback-blue",
        "eject-blue-again",
    ];
    assert_eq!(left_out, blue);
    assert_eq!(driver.ceremony().exceptions().len(), 1);
    assert!(copy.record().join("drives/KEYRITE-A/bundle/MANIFEST.json").exists());
    copy.holds();
}

#[test]
fn who_does_not_agree_says_so_and_the_record_keeps_it() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);

    play(&mut driver, |prompt| {
        let bo = matches!(prompt.ask, Ask::Statement) && prompt.who == "Bo Lindqvist";
        bo.then(|| Answer::Statement(false, "the break was too long".into()))
    })
    .unwrap();

    assert!(copy.holds().contains("Bo Lindqvist DOES NOT AGREE: the break was too long"));
}

/// Each fault by answers: it says what happened, the record holds, and it goes on to the end.
#[test]
fn every_fault_of_a_rehearsal_is_told_and_the_ceremony_goes_on() {
    let told = [
        ("wrong-pin", 5, "wrong PIN; nothing was signed"),
        ("pulled-token", 5, "the token was pulled out while it signed"),
        ("lost-drive", 4, "no drive with the label KEYRITE-A is mounted"),
        ("absent-custodian", 1, "Ana Duarte is not here"),
        ("power-cut", 4, "the power failed here"),
        ("full-disk", 4, "cannot be written"),
        ("clock-back", 4, "the clock says 2025-12-03T09:00:00Z, and the journal was at 2026-12-03T09:00:00Z"),
    ];
    assert_eq!(told.map(|(name, ..)| name), Fault::ALL.map(|(name, _)| name));
    for (fault, code, what) in told {
        let copy = Copy::of("genesis", |file| file);

        let said = copy.rehearse("", &["--fault", fault]).ended(code);

        assert!(said.err.contains(what), "{fault}: {}", said.err);
        keyrite(&["journal", "verify", text(&copy.record())]).ended(0);
        copy.resume().ended(0);
        copy.holds();
    }
    let copy = Copy::of("genesis", |file| file);
    let said = copy.rehearse("", &["--fault", "earthquake"]).ended(2);
    assert!(said.err.contains("the faults are wrong-pin, pulled-token"), "{}", said.err);
    let (file, answers) = (copy.file(), copy.answers(""));
    let said = run_by_file(&file, &answers, &copy.record(), &["--fault", "wrong-pin"]).ended(2);
    assert!(said.err.contains("--rehearse"), "{}", said.err);
}

#[test]
fn a_drill_opens_every_key_and_a_destruction_leaves_none() {
    let copy = Copy::of("restore-drill", |file| file);
    let said = copy.rehearse("", &[]).ended(0);
    for name in ["ana of Ana Duarte", "bo of Bo Lindqvist", "chi of Chi Nwosu"] {
        assert!(said.out.contains(&format!("key {name} opens, and signs")), "{}", said.out);
    }
    copy.holds();

    let copy = Copy::of("destruction", |file| file);
    let said = copy.rehearse("", &[]).ended(0);
    assert!(said.out.contains("key chi of Chi Nwosu is destroyed"), "{}", said.out);
    copy.holds();
}

#[test]
fn a_key_that_a_role_still_lists_is_never_destroyed() {
    let listed = "bo: {name: Bo Lindqvist, role: custodian}\n  chi:";
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/destruction/inputs/metadata/2.root.json");
    let root: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let keyid = root["signed"]["roles"]["root"]["keyids"][0].as_str().unwrap().to_owned();
    let copy = Copy::of("destruction", |file| {
        let old = file.split("keyid: \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        file.replace(&old, &keyid).replace("  chi: {name", &format!("  {listed} {{name"))
    });

    let said = copy.rehearse("", &[]).ended(1);

    assert!(said.err.contains("DESTROY-NO-LISTED-KEY"), "{}", said.err);
    assert!(said.err.contains("take it out with a key-rotation first"), "{}", said.err);
}

/// Not a rehearsal: the key file is gone, and nothing else is.
#[test]
fn a_destroyed_key_file_is_gone_and_a_wrong_passphrase_leaves_it() {
    let copy = Copy::of("quickstart", |file| file);
    run_by_file(&copy.file(), &copy.answers(""), &copy.record(), &[]).ended(0);
    // A key that root never listed: its public half comes with a file.
    let at = |name: &str| copy.dir.path().join(name);
    fs::create_dir(at("old")).unwrap();
    let secret = "answers: 1\nsecrets: {\"age:old/key.age\": {passphrase: \"an old passphrase\"}}\n";
    fs::write(at("old.yaml"), secret).unwrap();
    let generated = std::process::Command::new(env!("CARGO_BIN_EXE_keyrite"))
        .args(["key", "generate", "age:old/key.age", "--scheme", "ed25519", "--out", "old/key.pub.json"])
        .args(["--answers", "old.yaml"])
        .current_dir(copy.dir.path())
        .output()
        .unwrap();
    Said::of(&generated).ended(0);
    let root = fs::read(copy.record().join("bundle/metadata/1.root.json")).unwrap();
    let file = format!(
        "keyrite: 1\nid: gone\ntitle: An old key goes\ntype: destruction\nparticipants:\n  \
         oli: {{name: Oli Berg, role: operator}}\n  wim: {{name: Wim Peeters, role: witness}}\n\
         keys:\n  old: {{holder: oli, store: \"age:old/key.age\", public: old/key.pub.json}}\n\
         trust:\n  before: {{metadata: record/bundle/metadata, root_sha256: \"{}\"}}\n",
        keyrite::words::Digest::of(&root).hex()
    );
    fs::write(at("gone.yaml"), file).unwrap();
    let answers = |passphrase: &str| {
        let text = format!(
            "answers: 1\nconfirm: all\ntype-back: auto\nsecrets:\n  old: {{passphrase: \"{passphrase}\"}}\n\
             clock: 2026-12-03T09:00:00Z\n"
        );
        fs::write(at("gone-answers.yaml"), text).unwrap();
    };

    answers("not the passphrase");
    let wrong = run_by_file(&at("gone.yaml"), &at("gone-answers.yaml"), &at("gone"), &[]).ended(5);
    assert!(wrong.err.contains("wrong passphrase"), "{}", wrong.err);
    assert!(at("old/key.age").exists());
    answers("an old passphrase");
    let (record, file) = (at("gone"), at("gone-answers.yaml"));
    let said = keyrite(&["resume", text(&record), "--plain", "--answers", text(&file)]).ended(0);

    assert!(said.out.contains("key old of Oli Berg is destroyed"), "{}", said.out);
    assert!(!at("old/key.age").exists());
    assert!(at("old/key.pub.json").exists());
    keyrite(&["journal", "verify", text(&record)]).ended(0);

    // The power failed when the file was gone, and that was not written down yet.
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let gone = journal.lines().position(|line| line.contains(r#""event":"key-destroyed""#)).unwrap();
    let before: String = journal.split_inclusive('\n').take(gone).collect();
    fs::write(record.join("journal.jsonl"), before).unwrap();
    ["checkpoint.txt", "record.html", "record.txt"]
        .iter()
        .for_each(|name| fs::remove_file(record.join(name)).unwrap());
    let said = keyrite(&["resume", text(&record), "--plain", "--answers", text(&file)]).ended(0);
    assert!(said.out.contains("this step was cut off, and the key is gone"), "{}", said.out);
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

/// Two drives in a mount namespace of their own: each is found by its label, ejected, and read back after that.
#[test]
fn drives_are_known_by_their_label_and_read_back_after_they_were_ejected() {
    let two =
        "materials:\n  drives: {red: {label: KEYRITE-A, colour: red}, blue: {label: KEYRITE-B}}\nkeys:\n";
    let copy = Copy::of("quickstart", |file| file.replacen("keys:\n", two, 1));
    let (dir, program) = (copy.dir.path().display().to_string(), env!("CARGO_BIN_EXE_keyrite"));
    let answers = copy.answers("");
    // What a person does when the screen asks for it: plug in, or unmount.
    let script = format!(
        "set -e; mount -t tmpfs none /media; mkdir /media/KEYRITE-A /media/KEYRITE-B {dir}/A {dir}/B
         code=0; {program} run {file} --plain --answers {answers} --record {record} >{dir}/out 2>{dir}/err || code=$?
         for turn in 1 2 3 4 5 6 7 8 9 10; do
             [ $code != 0 ] || break
             [ $code = 4 ] || {{ cat {dir}/err; exit 91; }}
             cat {dir}/err >>{dir}/said
             label=$(grep -o 'KEYRITE-[AB]' {dir}/err | head -1)
             if grep -q 'no drive with the label' {dir}/err; then mount --bind {dir}/${{label#KEYRITE-}} /media/$label
             elif grep -q 'is still mounted at' {dir}/err; then umount /media/$label
             else cat {dir}/err; exit 92; fi
             code=0; {program} resume {record} --plain --answers {answers} >{dir}/out 2>{dir}/err || code=$?
         done
         [ $code = 0 ] && cat {dir}/said",
        file = copy.file().display(),
        answers = answers.display(),
        record = copy.record().display(),
    );
    let mut shell = std::process::Command::new("unshare");
    let said = Said::of(&shell.args(["-rm", "sh", "-c", &script]).output().unwrap()).ended(0);

    assert!(said.out.contains("no drive with the label KEYRITE-B is mounted"), "{}", said.out);
    assert!(said.out.contains("drive KEYRITE-A is still mounted at /media/KEYRITE-A"), "{}", said.out);
    for drive in ["A", "B"] {
        let (there, here) = (copy.dir.path().join(drive).join("bundle"), copy.record().join("bundle"));
        assert!(crate::common::keyrite::tree(&there) == crate::common::keyrite::tree(&here));
    }
    copy.holds();
}

/// The next ceremony begins where the last one left its tokens and bags.
#[test]
fn the_ledger_of_one_ceremony_is_what_the_next_must_agree_with() {
    use keyrite::plan::Plan;
    use keyrite::plan::ledger::Ledger;
    let copy = Copy::of("genesis", |file| file);
    copy.rehearse("", &[]).ended(0);
    let file = copy.record().join("ledger.json");
    let left = fs::read_to_string(&file).unwrap();
    assert!(left.contains(r#""bag": "A-2001""#) && left.contains(r#""A-1001": "opened""#), "{left}");
    // A rehearsal's is refused; the same in production would read so.
    let said = Ledger::read(left.as_bytes()).unwrap_err();
    assert!(said.contains("a rehearsal left it"), "{said}");
    let real = left.replace("  \"rehearsal\": true,\n", "");
    let ledger = Ledger::read(real.as_bytes()).unwrap();

    let text = fs::read_to_string(copy.file()).unwrap();
    let next = |text: &str| {
        let plan = Plan::read(text, None).unwrap();
        ledger.contradicts(&plan).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let again = next(&text);
    assert_eq!(again.len(), 6, "{again:#?}");
    assert!(
        again[0].contains(
            "ana-token comes in bag A-1001, and ceremony 2026-12-root-genesis left it in bag A-2001"
        )
    );
    assert!(again[1].contains("bag A-2001, which ceremony 2026-12-root-genesis has used"), "{again:#?}");
    let moved = text.replace("A-2", "A-3").replace("A-1", "A-2");
    assert_eq!(next(&moved), Vec::<String>::new());

    // `check` reads the one that the file names.
    fs::write(copy.dir.path().join("ledger.json"), real).unwrap();
    let named = text.replace("materials:\n", "materials:\n  ledger: ledger.json\n");
    fs::write(copy.file(), named).unwrap();
    let at = ["--at", "2026-12-03T09:00:00Z"];
    let said = keyrite(&["check", self::text(&copy.file()), at[0], at[1]]).ended(1);
    assert!(
        said.err.contains("LEDGER-AGREES") || said.out.contains("LEDGER-AGREES"),
        "{}{}",
        said.out,
        said.err
    );
}

/// Who stands in for someone has a part in what that one has: a pair that never checks each other stays apart.
#[test]
fn an_alternate_is_kept_apart_as_well() {
    let copy = Copy::of("genesis", |file| file.replace("exclude: [[ana, bo]]", "exclude: [[oli, ada]]"));

    let said = copy.rehearse("", &[]).ended(1);

    assert!(said.err.contains("EXCLUDED-NEVER-CONFIRMS"), "{}", said.err);
}

/// What the second machine shows is what the step asks for.
#[test]
fn the_second_machine_shows_the_words_that_are_typed() {
    let copy = Copy::of("genesis", |file| file);
    copy.rehearse("", &[]).ended(0);
    let bundle = copy.record().join("bundle");
    let root = bundle.join("metadata/1.root.json");

    let options = ["--rehearsal", "--at", "2026-12-03T09:00:00Z"];
    let said = keyrite(&[&["verify", text(&bundle), "--root", text(&root)], &options[..]].concat()).ended(0);

    let manifest = keyrite::words::Digest::of(&fs::read(bundle.join("MANIFEST.json")).unwrap());
    assert!(manifest.lines().iter().all(|line| said.out.contains(line)), "{}", said.out);
    assert!(said.out.contains(&manifest.hex()), "{}", said.out);
}

#[test]
fn what_failed_is_read_with_the_exceptions() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy).with_faults(vec![Fault::WrongPin]);
    let mut read = Vec::new();

    play(&mut driver, |prompt| {
        if let ("exception-review", Body::Lines(lines)) = (prompt.verb, &prompt.body) {
            read.clone_from(lines);
        }
        None
    })
    .unwrap();

    assert!(
        read.iter().any(|line| line.contains("sign-root-targets-ana: REHEARSED FAULT: wrong PIN")),
        "{read:?}"
    );
}

#[test]
fn nothing_that_acts_on_a_terminal_is_taken_into_the_record() {
    let copy = Copy::of("genesis", |file| file);
    for typed in ["a\\nFAKE", "a\\e[31mred", "a\\u202eb"] {
        let head = fs::read_to_string(copy.dir.path().join("answers.yaml")).unwrap();
        let hostile = head.replace("room: Room 4.12, the blue door", &format!("room: \"{typed}\""));
        assert_ne!(hostile, head);
        let file = copy.dir.path().join("hostile.yaml");
        fs::write(&file, hostile).unwrap();

        let said = run_by_file(&copy.file(), &file, &copy.record(), &["--rehearse"]).ended(1);

        assert!(said.err.contains("cannot be seen, or that turns text around"), "{}", said.err);
        fs::remove_dir_all(copy.record()).unwrap();
    }
}

/// Lines cut off the end of a closed journal would hide what stood there: the papers of the end give it away.
#[test]
fn a_closed_journal_that_was_cut_is_never_gone_on_with() {
    let copy = Copy::of("genesis", |file| file);
    copy.rehearse("", &[]).ended(0);
    let journal = copy.record().join("journal.jsonl");
    let lines = fs::read_to_string(&journal).unwrap();
    let kept: Vec<&str> = lines.split_inclusive('\n').collect();
    fs::write(&journal, kept[..kept.len() - 8].concat()).unwrap();

    let said = copy.resume();
    let verified = keyrite(&["journal", "verify", text(&copy.record())]);

    assert_eq!((said.code, verified.code), (6, 6), "{}\n{}", said.err, verified.err);
    assert!(said.err.contains("lines were cut off"), "{}", said.err);
    assert_eq!(fs::read_to_string(&journal).unwrap().lines().count(), kept.len() - 8);
}

#[test]
fn a_record_says_what_it_lacks_and_a_bundle_without_its_manifest_is_none() {
    let copy = Copy::of("genesis", |file| file);
    copy.rehearse("", &[]).ended(0);
    let record = copy.record();
    fs::remove_file(record.join("ledger.json")).unwrap();
    fs::remove_file(record.join("record.txt")).unwrap();
    let said = keyrite(&["journal", "verify", text(&record)]).ended(0);
    assert!(said.out.contains("not in this record: record.txt, ledger.json"), "{}", said.out);

    fs::remove_file(record.join("bundle/MANIFEST.json")).unwrap();
    let said = keyrite(&["journal", "verify", text(&record)]).ended(6);
    assert!(said.err.contains("bundle/MANIFEST.json"), "{}", said.err);
}

#[test]
fn faults_that_never_happen_are_said_and_others_join_on_resume() {
    let copy = Copy::of("restore-drill", |file| file);
    let said = copy.rehearse("", &["--fault", "power-cut", "--fault", "lost-drive"]).ended(4);
    assert!(said.err.contains("the power failed here"), "{}", said.err);

    let (record, answers) = (copy.record(), copy.answers(""));
    for (fault, what) in [("wrong-pin", "wrong PIN"), ("pulled-token", "was pulled out while it signed")] {
        let more = ["--plain", "--answers", text(&answers), "--fault", fault];
        let said = keyrite(&[&["resume", text(&record)], &more[..]].concat()).ended(5);
        assert!(said.err.contains(what), "{}", said.err);
    }
    let more = ["--plain", "--answers", text(&answers), "--fault", "lost-drive"];
    let said = keyrite(&[&["resume", text(&record)], &more[..]].concat()).ended(0);
    assert!(said.out.contains("the fault lost-drive never happened"), "{}", said.out);
    assert!(said.out.contains("Nothing was signed, so there is no bundle."), "{}", said.out);
}
