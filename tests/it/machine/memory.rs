//! What is left in the program's memory when a step that took a secret is done: read from outside, as root can.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha512;

use crate::backup::world::by_words_alone;
use crate::common::keyrite::text;
use crate::common::terminal::Turn;
use crate::common::terminal::talk;
use crate::common::terminal::talk_beside;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;
use crate::tui::pseudo::Pseudo;

const PASSPHRASE: &str = "Zwölf Boxkämpfer jagen Viktor";
/// A row of throws, which is typed five times.
const ROW: &str = "3152643164";
const LONG_PIN: &str = "70519384266173";

/// Where each of these stands in memory that the process can write to.
fn found(pid: u32, secrets: &[(&str, Vec<u8>)]) -> Vec<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A mapping may have gone since it was listed.
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        for (name, secret) in secrets {
            let places = memchr::memmem::find_iter(&bytes, secret);
            found.extend(places.map(|at| format!("{name} at {:x} of {line}", from + at as u64)));
            let letters = std::str::from_utf8(secret).ok().and_then(|text| spread(&bytes, text));
            found
                .extend(letters.map(|at| format!("{name}, key by key, at {:x} of {line}", from + at as u64)));
        }
    }
    found
}

/// The longest thing that a queue could hold of one key.
const LONGEST_EVENT: usize = 512;

/// Where a text stands letter by letter at equal distances, as queues of keys hold it.
fn spread(bytes: &[u8], text: &str) -> Option<usize> {
    let letters: Vec<[u8; 4]> = text.chars().map(|c| u32::from(c).to_le_bytes()).collect();
    memchr::memmem::find_iter(bytes, &letters[0]).find(|at| {
        (4..=LONGEST_EVENT).step_by(4).any(|apart| {
            let mut rest = letters.iter().zip((*at..).step_by(apart)).skip(1);
            rest.all(|(letter, at)| bytes.get(at..at + 4).is_some_and(|there| there == letter))
        })
    })
}

#[test]
fn what_was_typed_is_seen_in_a_queue_of_keys_as_well() {
    let queued: Vec<u8> =
        PASSPHRASE.chars().flat_map(|c| [[7; 4], u32::from(c).to_le_bytes()]).flatten().collect();

    assert_eq!(spread(&queued, "Boxk"), Some(6 * 8 + 4));
    assert_eq!(spread(&queued, "Boxen"), None);
}

/// The parts of a passphrase that say enough of it.
fn passphrase() -> Vec<(&'static str, Vec<u8>)> {
    let whole = PASSPHRASE.as_bytes();
    vec![
        ("a row of throws", ROW.as_bytes().to_vec()),
        ("the passphrase's beginning", whole[..12].to_vec()),
        ("its end", whole[whole.len() - 12..].to_vec()),
    ]
}

/// An Ed25519 key in the shapes that memory could hold: the seed, its number, and the text of its PEM.
fn shapes_of(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let base64 = pem.lines().find(|line| !line.starts_with("-----")).unwrap().trim();
    let seed = ed25519_seed(pem);
    let mut number = Sha512::digest(&seed)[..32].to_vec();
    number[0] &= 248;
    number[31] = (number[31] & 63) | 64;
    vec![
        ("the key's PEM", base64.as_bytes()[24..60].to_vec()),
        ("the key's seed", seed.clone()),
        ("the key's number", number),
        ("the seed in hex", hex::encode(&seed).into_bytes()),
    ]
}

fn ed25519_seed(pem: &str) -> Vec<u8> {
    use ed25519_dalek::pkcs8::DecodePrivateKey;
    ed25519_dalek::SigningKey::from_pkcs8_pem(pem).unwrap().to_bytes().to_vec()
}

/// The passphrase, and the keys that it opens.
fn secrets_of(record: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut secrets = passphrase();
    for key in ["ana", "bo", "online"] {
        let (file, typed) = (record.join(format!("keys/{key}.age")), format!("{PASSPHRASE}\n"));
        let opened = talk("age", &["-d", text(&file)], record, &[("passphrase", &typed)]);
        let pem = opened.shown.split_once("-----BEGIN").unwrap().1;
        secrets.extend(shapes_of(&format!("-----BEGIN{}", pem.replace('\r', ""))));
    }
    secrets
}

fn reads_memory() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("LEFT OUT: only root reads the memory of a process that protects itself");
    }
    root
}

/// The good plan with dice for the last key, until Ana and Bo have signed; Bo's key may be on a token.
fn ceremony(dir: &Path, bo: Option<&str>) {
    let plan = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let good = plan.replace("online.age\", scheme: ed25519", "online.age\", scheme: ed25519, dice: 50");
    assert_ne!(plan, good);
    let good = match bo {
        None => good,
        Some(bo) => good.replace("store: \"age:keys/bo.age\", scheme: ed25519", bo),
    };
    fs::write(dir.join("ceremony.yaml"), good).unwrap();
}

const ENTER: (&str, &str) = ("`stop` stops: ", "\n");

#[test]
fn a_passphrase_and_the_key_behind_it_are_gone_when_their_step_is_done() {
    if !reads_memory() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), None);
    let typed = PASSPHRASE.to_owned() + "\n";
    let new = [("Enter begins", "\n"), ("nobody looks): ", PASSPHRASE), ("", "\n"), ("once more: ", &typed)];
    let old = [("Enter begins", "\n"), ("nobody looks): ", &typed)];
    let mut answers = vec![ENTER; 6];
    for _ in 0..3 {
        // Someone confirms before a key is made, and before it signs.
        answers.push(ENTER);
        answers.extend(new);
    }
    // The last one is made with dice.
    let row = ROW.to_owned() + "\n";
    answers.extend(
        ["Throws 1 to", "Throws 11", "Throws 21", "Throws 31", "Throws 41"].map(|ask| (ask, row.as_str())),
    );
    let generated = answers.len();
    answers.extend([ENTER; 3]);
    for _ in 0..2 {
        answers.push(ENTER);
        answers.extend(old);
    }
    // The question after the last secret: its step is done.
    let signed = answers.len();
    answers.extend([("`stop` stops: ", "stop\n"), ("Why? ", "enough\n")]);
    let mut seen_while_typed = false;

    let args = ["run", "ceremony.yaml", "--plain", "--record", "record"];
    let record = dir.path().join("record");
    let ended = talk_beside(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &[], &answers, |pid, turn| {
        match turn {
            // Typed, and not yet entered: the eye that looks can see.
            Turn::Typed(nth) if answers[nth].1 == PASSPHRASE && !seen_while_typed => {
                let end = passphrase().split_off(2);
                seen_while_typed = (0..1000).any(|_| !found(pid, &end).is_empty());
            }
            Turn::Asked(nth) if nth == generated || nth == signed => {
                let left = found(pid, &secrets_of(&record));
                assert!(left.is_empty(), "at question {nth}:\n{}", left.join("\n"));
            }
            Turn::Typed(_) | Turn::Asked(_) => {}
        }
    });

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(seen_while_typed, "the passphrase was never seen, so its absence shows nothing");
}

/// A ceremony with Bo's key on a token, whose PIN looks like nothing else.
fn with_a_long_pin() -> Option<(World, tempfile::TempDir)> {
    let world = World::softhsm()?;
    world.pkcs11_tool(&[
        "--token-label",
        "ROOT-BO",
        "--login",
        "--pin",
        PIN,
        "--change-pin",
        "--new-pin",
        LONG_PIN,
    ]);
    let dir = tempfile::tempdir().unwrap();
    let bo = format!("store: \"{}\", scheme: ecdsa-sha2-nistp256", world.uri("root-2026"));
    ceremony(dir.path(), Some(&bo));
    Some((world, dir))
}

fn long_pin() -> [(&'static str, Vec<u8>); 2] {
    [("the PIN", LONG_PIN.as_bytes().to_vec()), ("its end", LONG_PIN.as_bytes()[6..].to_vec())]
}

#[test]
fn a_pin_is_gone_when_its_step_is_done() {
    if !reads_memory() {
        return;
    }
    let Some((world, dir)) = with_a_long_pin() else { return };
    let plan = fs::read_to_string(dir.path().join("ceremony.yaml")).unwrap();
    // Bo's key is the first.
    let first = "  - {do: generate-key, key: ana}\n  - {do: generate-key, key: bo}\n";
    let turned = "  - {do: generate-key, key: bo}\n  - {do: generate-key, key: ana}\n";
    assert!(plan.contains(first));
    fs::write(dir.path().join("ceremony.yaml"), plan.replace(first, turned)).unwrap();
    let mut answers = vec![ENTER; 7];
    let typed = LONG_PIN.to_owned() + "\n";
    answers.extend([
        ("Enter begins", "\n"),
        ("nobody looks): ", &typed),
        ("`stop` stops: ", "stop\n"),
        ("Why? ", "enough\n"),
    ]);
    let done = answers.len() - 2;
    let env: Vec<_> = world.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let args = ["run", "ceremony.yaml", "--plain", "--record", "record"];

    let ended = talk_beside(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &env, &answers, |pid, turn| {
        if turn == Turn::Asked(done) {
            let left = found(pid, &long_pin());
            assert!(left.is_empty(), "{}", left.join("\n"));
        }
    });

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(ended.shown.contains("Bo Lindqvist made key bo"), "{}", ended.shown);
}

#[track_caller]
fn nothing_is_left(pseudo: &Pseudo, secrets: &[(&str, Vec<u8>)]) {
    let left = found(pseudo.pid(), secrets);
    assert!(left.is_empty(), "{}\nwith this on the screen:\n{}", left.join("\n"), pseudo.shown());
}

fn stop(mut pseudo: Pseudo) {
    pseudo.press("\x03enough\rstop\r");
    assert_eq!(pseudo.end(), 3);
    pseudo.assert_restored();
}

#[test]
fn behind_the_screens_a_passphrase_throws_and_the_keys_are_gone_when_their_step_is_done() {
    if !reads_memory() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), None);
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--record", "record"], &[]);
    let record = dir.path().join("record");

    pseudo.pin(PASSPHRASE);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo.answer_until("New passphrase for");
    pseudo.press(PASSPHRASE);
    pseudo.wait(&"*".repeat(PASSPHRASE.chars().count()));
    assert!(!found(pseudo.pid(), &passphrase().split_off(2)).is_empty(), "what is there is seen");
    pseudo.press("\r");
    pseudo.answer_until("Throw a die");
    pseudo.press(&ROW.repeat(5));
    pseudo.press("\r");
    pseudo.answer_until("Build root and targets");
    nothing_is_left(&pseudo, &secrets_of(&record));
    pseudo.press("\r");
    pseudo.answer_until("Count the signatures");
    nothing_is_left(&pseudo, &secrets_of(&record));

    stop(pseudo);
}

#[test]
fn behind_the_screens_a_pin_is_gone_when_its_step_is_done() {
    if !reads_memory() {
        return;
    }
    let Some((world, dir)) = with_a_long_pin() else { return };
    let env: Vec<_> = world.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--record", "record"], &env);

    pseudo.pin("a passphrase of Ana");
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo.answer_until("Make key bo");
    pseudo.pin(LONG_PIN);
    pseudo.press("\r");
    pseudo.answer_until("Make key online");
    nothing_is_left(&pseudo, &long_pin());

    stop(pseudo);
}

#[test]
fn behind_the_screens_a_share_is_gone_when_its_holder_has_it() {
    if !reads_memory() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ceremony.yaml"), by_words_alone()).unwrap();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--record", "record"], &[]);
    let mut rows = Vec::new();

    pseudo.pin(PASSPHRASE);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    for _ in 0..3 {
        let screen = pseudo.answer_until("Write every word down");
        let shown = screen.lines().filter(|line| line.split_whitespace().count() == 5);
        let bare = |row: &str| row.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim().to_owned();
        rows.extend(shown.filter(|row| row.trim().starts_with(|c: char| c.is_ascii_digit())).map(bare));
        assert!(!found(pseudo.pid(), &[("a row", rows.last().unwrap().clone().into_bytes())]).is_empty());
        pseudo.press("\r");
    }
    pseudo.answer_until("Row 1 of 11");

    assert_eq!(rows.len(), 3 * 11);
    nothing_is_left(&pseudo, &ends(&rows, pseudo.sent()));
    // Row by row they are typed back, and shown to who types.
    for (row, n) in rows.iter().zip(0..) {
        if n > 0 {
            pseudo.answer_until(&format!("Row {} of 11", n % 11 + 1));
        }
        pseudo.press(row);
        pseudo.press("\r");
    }
    pseudo.answer_until("Build root and targets");
    nothing_is_left(&pseudo, &ends(&rows, pseudo.sent()));

    stop(pseudo);
}

/// The last three words of each row, as a line and as they were sent: what frees memory writes over its first bytes.
fn ends(rows: &[String], sent: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut ends: Vec<_> = rows.iter().map(|row| ("a row", row.as_bytes()[12..].to_vec())).collect();
    for row in rows {
        let words: Vec<&[u8]> = row.split_whitespace().skip(1).map(str::as_bytes).collect();
        let starts = memchr::memmem::find_iter(sent, words[0]);
        let end = |at: usize| {
            words.iter().try_fold(at, |from, word| {
                let near = sent.get(from..(from + 32).min(sent.len()))?;
                Some(from + memchr::memmem::find(near, word)? + word.len())
            })
        };
        ends.extend(starts.filter_map(|at| Some(("a row as it was sent", sent[at..end(at)?].to_vec()))));
    }
    assert!(ends.len() > rows.len(), "what was sent has the rows");
    ends
}
