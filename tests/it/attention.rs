//! What keeps a group awake: words that nobody knows beforehand, pages that are read, warnings that are current.

use std::fs;

use keyrite::ceremony::Ceremony;
use keyrite::ceremony::Event;
use keyrite::ceremony::Need;
use keyrite::driver::Answer;
use keyrite::driver::Ask;
use keyrite::driver::Driver;
use keyrite::words::Digest;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::terminal::talk;
use crate::room::Copy;
use crate::room::play;
use crate::room::start;
use crate::room::usual;
use crate::tui::stage::options;

/// The places of the words that are asked for now.
fn asked(ceremony: &Ceremony) -> [usize; 2] {
    let Some(Need::TypeBack(_, places)) = ceremony.next().map(|next| next.need) else {
        panic!("no words are asked for")
    };
    places
}

/// A ceremony whose next step reads aloud.
fn about_to_read() -> (Copy, Driver) {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    while driver.prompt().is_some_and(|prompt| prompt.verb != "read-aloud") {
        let prompt = driver.prompt().unwrap();
        driver.answer(usual(&prompt)).unwrap();
    }
    (copy, driver)
}

#[test]
fn the_words_that_are_typed_back_are_drawn_from_the_journal() {
    let (_copy, driver) = about_to_read();
    let step = driver.ceremony().next().unwrap().step.id.clone();
    let read = |head: u8| {
        let mut ceremony = driver.ceremony().clone();
        let sha256 = ceremony.plan().digest.hex();
        let head = Digest([head; 32]).hex();
        ceremony.apply(&Event::ReadAloud { step: step.clone(), sha256, head }).unwrap();
        asked(&ceremony)
    };

    assert_eq!(read(1), read(1), "asking twice gives the same answer");
    let drawn: std::collections::BTreeSet<_> = (0..20).map(read).collect();
    assert!(drawn.len() > 15, "{drawn:?}");
}

#[test]
fn after_a_slip_other_words_are_asked_for() {
    let (_copy, mut driver) = about_to_read();
    driver.answer(Answer::Continue).unwrap();
    let first = asked(driver.ceremony());

    driver.answer(Answer::Words(vec!["aardvark".into(), "aardvark".into()])).unwrap();

    let second = asked(driver.ceremony());
    assert_ne!(first, second);
    assert!(!driver.prompt().unwrap().warnings.is_empty(), "nobody was told");
}

#[test]
fn a_warning_goes_when_the_step_goes_on() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy).with_faults(vec![keyrite::driver::Fault::WrongPin]);
    let (mut failed, mut stale) = (None, Vec::new());

    play(&mut driver, |prompt| {
        let wrong = prompt.warnings.iter().any(|warning| warning.starts_with("REHEARSED FAULT: wrong PIN"));
        if wrong {
            failed = Some(prompt.step.clone());
        }
        if failed.as_ref() == Some(&prompt.step) && wrong && matches!(prompt.ask, Ask::Confirm) {
            stale.push(prompt.warnings.clone());
        }
        None
    })
    .unwrap();

    assert!(failed.is_some(), "nobody saw the wrong PIN");
    assert!(stale.is_empty(), "{stale:?}");
}

#[test]
fn who_goes_on_with_a_ceremony_is_told_to_look_who_is_here() {
    let (copy, mut driver) = about_to_read();
    driver.answer(Answer::Continue).unwrap();
    drop(driver);

    let mut driver = Driver::resume(&copy.record(), options()).unwrap();

    let warnings = driver.prompt().unwrap().warnings;
    let here = warnings.iter().any(|warning| warning.contains("Look who is here: Oli Berg, Ana Duarte"));
    assert!(here, "{warnings:?}");
    let prompt = driver.prompt().unwrap();
    driver.answer(usual(&prompt)).unwrap();
    assert!(driver.prompt().unwrap().warnings.is_empty());
}

#[test]
fn a_bag_is_sealed_with_the_number_that_the_file_names() {
    let copy = Copy::of("genesis", |file| file);
    let mut driver = start(&copy);
    let mut slips = 0;

    let events = play(&mut driver, |prompt| {
        let slip = prompt.verb == "seal-bag" && slips == 0;
        slips += usize::from(slip);
        slip.then(|| Answer::Text("A-9999".into()))
    })
    .unwrap();

    let refused = |event: &&Event| matches!(event, Event::Failed { why, .. } if why.contains("A-9999"));
    assert_eq!(events.iter().filter(refused).count(), 1);
    copy.holds();
}

#[test]
fn a_script_that_leaves_no_evidence_is_remarked() {
    let copy = Copy::of("genesis", |file| file);
    let checked = |text: &str| {
        fs::write(copy.file(), text).unwrap();
        keyrite(&["check", crate::common::keyrite::text(&copy.file()), "--at", "2026-12-03T09:00:00Z"])
    };
    let whole = fs::read_to_string(copy.file()).unwrap();
    assert!(!checked(&whole).ended(0).err.contains("evidence-left-out"));

    let without = |verb: &str| {
        let kept = whole.lines().filter(|line| !line.contains(&format!("do: {verb}")));
        kept.collect::<Vec<_>>().join("\n") + "\n"
    };
    for (verb, says) in [
        ("checkpoint", "no step has a checkpoint"),
        ("exception-review", "no step reviews exceptions"),
        ("statement", "no step asks everyone for a statement"),
    ] {
        let said = checked(&without(verb)).ended(0);
        assert!(format!("{}{}", said.out, said.err).contains(says), "{verb}: {}{}", said.out, said.err);
    }
}

/// After a slip people type the passphrase where Enter alone is asked for.
#[test]
fn a_secret_that_is_typed_too_early_is_not_shown() {
    const ENTER: (&str, &str) = ("`stop` stops: ", "\n");
    let early = [("Enter begins", "correct horse battery staple\n"), ("was not shown and not taken", "")];
    let short = [("Enter begins", "\n"), ("nobody looks): ", "short\n"), ("too short", "")];
    let again = [
        ("Enter begins", "correct horse battery staple\n"),
        ("Enter begins", "stop\n"),
        ("Why? ", "enough\n"),
    ];
    let talked = [&[ENTER; 7][..], &early, &short, &again].concat();
    let dir = tempfile::tempdir().unwrap();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/good-plan.yaml");
    let args = ["run", text(&file), "--rehearse", "--plain", "--record", "record"];

    let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &talked);

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(!ended.shown.contains("correct horse"), "{}", ended.shown);
}

/// Line by line, `exception` and `stop` are commands at every question, also where a secret or a word is typed.
#[test]
fn a_command_is_never_taken_for_a_secret_or_for_a_word() {
    const ENTER: (&str, &str) = ("`stop` stops: ", "\n");
    const EXCEPTION: [(&str, &str); 4] = [
        ("What was expected? ", "quiet\n"),
        ("What happened? ", "a knock at the door\n"),
        ("What was done about it? ", "nothing\n"),
        ("Who writes it down", "\n"),
    ];
    let secret = [("Enter begins", "\n"), ("nobody looks): ", "exception\n")];
    let stop = [("Why? ", "enough\n")];
    let at_a_secret =
        [&[ENTER; 7][..], &secret, &EXCEPTION, &[secret[0], ("nobody looks): ", "stop\n")], &stop];
    let word = ("types word", "exception\n");
    let no_word = [("types word", "\n"), ("Nothing was typed.", ""), ("types word", "stop\n")];
    let at_a_word = [&[ENTER; 3][..], &[word], &EXCEPTION, &no_word, &stop];
    for (file, talked) in [
        ("tests/data/good-plan.yaml", at_a_secret.concat()),
        ("ceremonies/quickstart/ceremony.yaml", at_a_word.concat()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let args = ["run", text(&file), "--rehearse", "--plain", "--record", "record"];

        let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &talked);

        assert_eq!(ended.code, 3, "{}", ended.shown);
        let journal = fs::read_to_string(dir.path().join("record/journal.jsonl")).unwrap();
        assert!(journal.contains("a knock at the door") && journal.contains("enough"), "{journal}");
        assert!(!journal.contains("\"event\":\"failed\"") && !journal.contains("key-generated"), "{journal}");
    }
}
