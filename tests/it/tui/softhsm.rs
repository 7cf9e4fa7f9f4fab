//! What really goes wrong, in production, in a real pseudo-terminal, with tokens of SoftHSM: the ceremony goes on or stops
//! with a record that holds, the terminal is given back, and every key that the journal names can still sign.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::left_out;
use crate::tui::mounts::Mounts;
use crate::tui::pseudo::Pseudo;
use crate::tui::tokens::Tokens;
use crate::tui::tokens::holds;

const RUN: [&str; 4] = ["run", "ceremony.yaml", "--record", "record"];
const BUSY: &str = "the token is working";

/// Past the review, with the PIN of every token at hand.
fn begun(mut pseudo: Pseudo) -> Pseudo {
    pseudo.pin(PIN);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo
}

fn begin(tokens: &Tokens, dir: &Path) -> Pseudo {
    begun(Pseudo::start(dir, &RUN, &tokens.env()))
}

fn resume(tokens: &Tokens, dir: &Path) -> Pseudo {
    let mut pseudo = Pseudo::start(dir, &["resume", "record"], &tokens.env());
    pseudo.pin(PIN);
    pseudo
}

/// From here to its end.
#[track_caller]
fn closes(pseudo: &mut Pseudo) {
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");
    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
}

/// It has left with this exit code and this sentence.
#[track_caller]
fn left(pseudo: &mut Pseudo, code: u32, told: &str) {
    assert_eq!(pseudo.end(), code);
    pseudo.assert_restored();
    let shown = pseudo.shown().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(told), "{}", pseudo.shown());
}

/// Waits until something is so in the world; no frame tells it.
#[track_caller]
fn until(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came to this");
        std::thread::yield_now();
    }
}

/// The last thing that the journal knows is that this step began.
fn has_begun(dir: &Path, step: &str) -> bool {
    let journal = fs::read_to_string(dir.join("record/journal.jsonl")).unwrap();
    let last = journal.lines().last().unwrap_or_default();
    last.contains(&format!("\"event\":\"started\",\"step\":\"{step}\""))
}

fn threads(pid: u32) -> Vec<PathBuf> {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path()).collect()
}

/// The processes in which the program runs a module now.
fn children(pid: u32) -> Vec<u32> {
    let listed = threads(pid).into_iter().filter_map(|task| fs::read_to_string(task.join("children")).ok());
    listed.collect::<String>().split_whitespace().map(|child| child.parse().unwrap()).collect()
}

/// `S` for what waits, `Z` for what has ended and whose parent has not heard of it.
fn state(process: &Path) -> Option<char> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
}

/// The process has become the one in which a module runs.
fn is_for_a_module(pid: u32) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    memchr::memmem::find(&arguments, b"--probe-module").is_some()
}

fn send(pid: u32, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid, signal);
}

/// The power goes: the program and the process of the module stop where they are.
fn cut_the_power(pseudo: &mut Pseudo) {
    // Standing still, it starts no other.
    send(pseudo.pid(), Signal::STOP);
    let module = children(pseudo.pid());
    send(pseudo.pid(), Signal::KILL);
    module.into_iter().for_each(|pid| send(pid, Signal::KILL));
    pseudo.end();
}

/// Not a rehearsal: the wrong token, no token, two tokens, a wrong PIN, a token pulled before it signs.
#[test]
fn the_wrong_token_is_refused_in_a_sentence_and_the_right_one_signs() {
    let Some(tokens) = Tokens::new() else { return };
    let (ana, bo) = (tokens.serial("ROOT-ANA").to_owned(), tokens.serial("ROOT-BO"));
    let dir = tokens.room(&tokens.ceremony(&format!(
        "materials:
  tokens:
    ana-token: {{serial: \"{ana}\", label: ROOT-ANA, holder: ana}}
    bo-token: {{serial: \"{bo}\", label: ROOT-BO, holder: bo}}
"
    )));
    for label in ["ROOT-ANA", "ROOT-BO", "ROOT-CHI"] {
        tokens.take_out(label);
    }
    let mut pseudo = begin(&tokens, dir.path());

    // No token, then the other one, then both, then the right one.
    pseudo.answer_until("the reader is empty; put in token ana-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.wait("the reader holds token bo-token of Bo");
    tokens.put_in("ROOT-ANA");
    pseudo.press("\r");
    pseudo.wait("2 tokens are plugged in, and one at a time");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.wait("Make key ana");
    pseudo.press("\r");
    // It is still in the reader when it should be out.
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-ANA");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token bo-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token ana-token");
    tokens.put_in("ROOT-ANA");
    pseudo.press("\r");
    // A wrong PIN at the signature, and the right one after it.
    pseudo.pin("000000");
    pseudo.answer_until("wrong PIN for token ROOT-ANA");
    pseudo.pin("123456");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-ANA");
    pseudo.press("\r");
    pseudo.answer_until("the reader is empty; put in token bo-token");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("Wim Peeters confirms that it may begin");
    // Pulled out before it signs.
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("[STOP]");
    tokens.put_in("ROOT-BO");
    pseudo.press("\r");
    pseudo.answer_until("is still in the reader");
    tokens.take_out("ROOT-BO");
    pseudo.press("\r");
    closes(&mut pseudo);

    let record = dir.path().join("record");
    let shown = keyrite(&["journal", "show", text(&record)]).ended(0).out;
    assert!(
        shown.contains("wrong PIN for token ROOT-ANA") && shown.contains("Bo Lindqvist signed root"),
        "{shown}"
    );
    assert!(shown.contains(&format!("serial {ana}")), "{shown}");
    for label in ["ROOT-ANA", "ROOT-BO"] {
        tokens.put_in(label);
    }
    tokens.whole(&record);
}

#[test]
fn whoever_must_be_there_is_waited_for() {
    let Some(tokens) = Tokens::new() else { return };
    let dir = tokens.room(&tokens.ceremony(""));
    let mut pseudo = begin(&tokens, dir.path());

    pseudo.answer_until("Check that everyone is here");
    pseudo.press("a");
    pseudo.wait("Short names of those who are not here");
    pseudo.press("ana\r");
    pseudo.wait("Ana Duarte is not here");
    // The field is still open for another name; she comes in.
    pseudo.press("\x1b");
    pseudo.wait("everyone is here. Enter");
    pseudo.press("\r");
    closes(&mut pseudo);

    let record = dir.path().join("record");
    tokens.whole(&record);
    let shown = keyrite(&["journal", "show", text(&record)]).ended(0).out;
    assert!(shown.contains("Ana Duarte is not here") && shown.contains("Wait, or stop"), "{shown}");
}

#[test]
fn without_an_optional_custodian_it_goes_on_without_her_steps() {
    let Some(tokens) = Tokens::new() else { return };
    // Her key was made before, and two of three sign.
    let chi = tokens.store("ROOT-CHI");
    let file = tokens
        .ceremony("")
        .replace("  wim:", "  chi: {name: Chi Nwosu, role: custodian, optional: true}\n  wim:")
        .replace("trust:", &format!("  chi: {{holder: chi, store: \"{chi}\", public: chi.pub.json}}\ntrust:\n  accept: [spare-keys-below-2]"))
        .replace("keys: [ana, bo], threshold", "keys: [ana, bo, chi], threshold");
    let dir = tokens.room(&file);
    tokens.make_key("ROOT-CHI", &dir.path().join("chi.pub.json"));
    let mut pseudo = begin(&tokens, dir.path());

    pseudo.answer_until("Check that everyone is here");
    pseudo.press("a");
    pseudo.wait("Short names of those who are not here");
    pseudo.press("chi\r");
    closes(&mut pseudo);

    let record = dir.path().join("record");
    tokens.whole(&record);
    tokens.key_that_signs("ROOT-CHI");
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert!(!journal.contains("sign-root-targets-chi"), "{journal}");
}

/// Two drives, each of which may be left out once an exception says why.
const DRIVES: &str = "materials:
  drives:
    red: {label: KEYRITE-A, colour: red}
    blue: {label: KEYRITE-B, colour: blue}
steps:
  - section: Opening
    steps:
      - {do: roll-call, by: oli, confirm: [wim]}
      - {do: read-aloud, what: plan}
      - {do: preflight, by: oli, confirm: [wim]}
      - {do: gate, by: oli, confirm: [wim]}
  - section: Keys
    steps:
      - {do: generate-key, key: ana}
      - {do: generate-key, key: bo}
      - {do: build, roles: [root, targets]}
      - {do: review, roles: [root, targets]}
      - {do: sign, key: ana, roles: [root, targets]}
      - {do: sign, key: bo, roles: [root, targets]}
      - {do: verify, roles: [root, targets]}
  - section: Drives
    steps:
      - {do: export}
      - {do: readback}
      - {do: mount-drive, drive: red, on_fail: exception}
      - {do: export, drive: red, on_fail: exception}
      - {do: eject-drive, drive: red, on_fail: exception}
      - {do: mount-drive, id: mount-red-again, drive: red, on_fail: exception}
      - {do: readback, drive: red, on_fail: exception}
      - {do: eject-drive, id: eject-red-again, drive: red, on_fail: exception}
      - {do: mount-drive, drive: blue, on_fail: exception}
      - {do: export, drive: blue, on_fail: exception}
      - {do: eject-drive, drive: blue, on_fail: exception}
      - {do: mount-drive, id: mount-blue-again, drive: blue, on_fail: exception}
      - {do: readback, drive: blue, on_fail: exception}
      - {do: eject-drive, id: eject-blue-again, drive: blue, on_fail: exception}
  - section: Closing
    steps:
      - {do: verify, bundle: true, by: wim}
      - {do: exception-review}
      - {do: statement}
      - {do: close}
";

const NO_RED: &str = "no drive with the label KEYRITE-A";
const RED_IN: &str = "drive KEYRITE-A is still mounted";
const BLUE_IN: &str = "drive KEYRITE-B is still mounted";

impl Mounts {
    /// The program waits for a drive with this label, works with it, and asks for it to be pulled out.
    fn goes_round(&self, pseudo: &mut Pseudo, label: &str, drive: &Path) {
        pseudo.answer_until(&format!("no drive with the label {label}"));
        self.plug_in(label, drive);
        pseudo.press("\r");
        pseudo.answer_until(&format!("drive {label} is still mounted"));
        self.pull_out(label);
        pseudo.press("\r");
    }
}

#[test]
fn a_drive_is_looked_for_by_its_label_written_ejected_and_read_back() {
    let Some(tokens) = Tokens::new() else { return };
    let Some(mounts) = Mounts::new() else { return };
    let dir = tokens.room(&tokens.ceremony(DRIVES));
    let (red, blue) = (dir.path().join("red"), dir.path().join("blue"));
    let mut pseudo = begun(mounts.start(dir.path(), &RUN, &tokens.env()));

    // Not there, then the wrong one, then the right one.
    let screen = pseudo.answer_until(NO_RED);
    assert!(screen.contains("[STOP]") && screen.contains("plug in the drive with that label"), "{screen}");
    mounts.plug_in("KEYRITE-B", &blue);
    pseudo.press("\r");
    pseudo.wait("/mnt/KEYRITE-B");
    mounts.pull_out("KEYRITE-B");
    mounts.plug_in("KEYRITE-A", &red);
    pseudo.press("\r");
    // Read back from a drive that was out in between.
    pseudo.answer_until(RED_IN);
    mounts.pull_out("KEYRITE-A");
    pseudo.press("\r");
    mounts.goes_round(&mut pseudo, "KEYRITE-A", &red);
    for _ in 0..2 {
        mounts.goes_round(&mut pseudo, "KEYRITE-B", &blue);
    }
    closes(&mut pseudo);

    let record = dir.path().join("record");
    tokens.whole(&record);
    let bundle = tree(&record.join("bundle"));
    assert_eq!(tree(&red.join("bundle")), bundle);
    assert_eq!(tree(&blue.join("bundle")), bundle);
}

#[test]
fn a_lost_drive_is_left_out_as_an_exception_says_and_the_last_one_is_not() {
    let Some(tokens) = Tokens::new() else { return };
    let Some(mounts) = Mounts::new() else { return };
    let dir = tokens.room(&tokens.ceremony(DRIVES));
    let (red, blue) = (dir.path().join("red"), dir.path().join("blue"));
    let mut pseudo = begun(mounts.start(dir.path(), &RUN, &tokens.env()));
    // Enter fails, and somebody writes down why.
    let give_up = |pseudo: &mut Pseudo| {
        pseudo.press("\r");
        pseudo.wait("!! ");
        pseudo.press("x");
        pseudo.wait("What was expected?");
        pseudo.press("the drive\rit is lost\rwe go on without it\rwim\r");
        pseudo.wait("[WAIT] Oli Berg")
    };

    // Written, pulled out, and not to be found when it is read back.
    mounts.goes_round(&mut pseudo, "KEYRITE-A", &red);
    pseudo.answer_until(NO_RED);
    let screen = give_up(&mut pseudo);
    assert!(screen.contains("[l]"), "{screen}");
    pseudo.press("l");
    // It was said once; its other steps are left out one by one.
    for next in ["Read the bundle back from drive red", "Unmount drive red"] {
        let screen = pseudo.wait(next);
        assert!(screen.contains("KEYRITE-A was given up") && screen.contains("[l]"), "{screen}");
        pseudo.press("l");
    }
    pseudo.wait("Plug in drive blue");
    // The last one carries the bundle, or nothing does.
    let screen = give_up(&mut pseudo);
    assert!(!screen.contains("[l]"), "{screen}");
    pseudo.press("l");
    mounts.plug_in("KEYRITE-B", &blue);
    pseudo.press("\r");
    pseudo.answer_until(BLUE_IN);
    mounts.pull_out("KEYRITE-B");
    pseudo.press("\r");
    mounts.goes_round(&mut pseudo, "KEYRITE-B", &blue);
    closes(&mut pseudo);

    let record = dir.path().join("record");
    tokens.whole(&record);
    assert_eq!(tree(&blue.join("bundle")), tree(&record.join("bundle")));
    let shown = keyrite(&["journal", "show", text(&record)]).ended(0).out;
    assert!(shown.contains("it is lost"), "{shown}");
}

/// Keys that take a token a while to make.
fn with_large_keys(tokens: &Tokens) -> tempfile::TempDir {
    let file = tokens.ceremony("");
    tokens.room(&file.replace("scheme: ecdsa-sha2-nistp256", "scheme: rsassa-pss-sha256, bits: 4096"))
}

#[test]
fn a_power_cut_while_the_token_makes_a_key_leaves_one_key_of_that_name() {
    let Some(tokens) = Tokens::new() else { return };
    let dir = with_large_keys(&tokens);
    let mut pseudo = begin(&tokens, dir.path());

    pseudo.answer_until(BUSY);
    until(|| has_begun(dir.path(), "generate-key-ana"));
    cut_the_power(&mut pseudo);
    holds(&dir.path().join("record"));
    let mut pseudo = resume(&tokens, dir.path());
    pseudo.wait("this step was cut off");
    pseudo.press("\r");
    closes(&mut pseudo);

    tokens.whole(&dir.path().join("record"));
}

#[test]
fn a_key_that_was_made_when_the_power_went_is_adopted_and_signs() {
    let Some(tokens) = Tokens::new() else { return };
    let dir = with_large_keys(&tokens);
    let mut pseudo = begin(&tokens, dir.path());

    // The program has handed the work over, and stands still before it hears of the key that the token makes.
    pseudo.answer_until(BUSY);
    let program = pseudo.pid();
    until(|| has_begun(dir.path(), "generate-key-ana") && children(program).into_iter().any(is_for_a_module));
    let module = children(program);
    module.iter().for_each(|pid| send(*pid, Signal::STOP));
    until(|| threads(program).iter().all(|thread| state(thread) == Some('S')));
    send(program, Signal::STOP);
    module.iter().for_each(|pid| send(*pid, Signal::CONT));
    let over = |pid: &u32| matches!(state(Path::new(&format!("/proc/{pid}"))), None | Some('Z'));
    until(|| module.iter().all(over));
    assert!(has_begun(dir.path(), "generate-key-ana"), "it stood still too late");
    assert_eq!(tokens.objects("ROOT-ANA"), 2, "both halves are there");
    cut_the_power(&mut pseudo);
    let made = tokens.key_that_signs("ROOT-ANA");
    let record = dir.path().join("record");
    holds(&record);

    let mut pseudo = resume(&tokens, dir.path());
    pseudo.answer_until("Is it this ceremony's key?");
    pseudo.press("yes\r");
    closes(&mut pseudo);

    tokens.whole(&record);
    assert_eq!(tokens.key_that_signs("ROOT-ANA")["keyval"], made["keyval"]);
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"event\":\"key-generated\"").count(), 2, "{journal}");
    assert!(journal.contains("\"what\":\"adopted\""), "{journal}");
}

#[test]
fn a_power_cut_while_a_token_signs_costs_that_signature_alone() {
    let Some(tokens) = Tokens::new() else { return };
    let dir = tokens.room(&tokens.ceremony(""));
    let mut pseudo = begin(&tokens, dir.path());

    pseudo.answer_until("Sign root and targets with key ana");
    pseudo.press("\r");
    pseudo.answer_until(BUSY);
    until(|| has_begun(dir.path(), "sign-root-targets-ana"));
    cut_the_power(&mut pseudo);
    let record = dir.path().join("record");
    holds(&record);
    let mut pseudo = resume(&tokens, dir.path());
    closes(&mut pseudo);

    tokens.whole(&record);
}

#[test]
fn a_full_disk_stops_it_and_when_there_is_room_it_goes_on() {
    let Some(tokens) = Tokens::new() else { return };
    let Some(mounts) = Mounts::new() else { return };
    let dir = tokens.room(&tokens.ceremony(""));
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).unwrap();
    mounts.disk(&disk, "1m");
    let args = ["run", "ceremony.yaml", "--record", "disk/record"];
    let mut pseudo = begun(mounts.start(dir.path(), &args, &tokens.env()));
    let disk = mounts.seen(&disk);
    let (record, full) = (disk.join("record"), disk.join("full"));

    pseudo.answer_until("Sign root and targets with key ana");
    fill(&full);
    pseudo.press("\r");
    pseudo.answer_until_it_leaves();
    left(&mut pseudo, 4, "cannot be written: No space left on device");
    holds(&record);
    let again = |mounts: &Mounts| {
        let mut pseudo = mounts.start(dir.path(), &["resume", "disk/record"], &tokens.env());
        pseudo.pin(PIN);
        pseudo
    };
    let mut pseudo = again(&mounts);
    pseudo.answer_until_it_leaves();
    left(&mut pseudo, 4, "cannot be written: No space left on device");
    holds(&record);
    fs::remove_file(&full).unwrap();
    let mut pseudo = again(&mounts);
    closes(&mut pseudo);

    tokens.whole(&record);
}

/// Until not a byte more fits.
fn fill(file: &Path) {
    let mut file = fs::File::create(file).unwrap();
    let error = std::iter::repeat_with(|| file.write_all(&[0; 512])).find_map(Result::err).unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

const A_YEAR_BACK: &str = "-365d";

/// The library behind `faketime`, which gives a program another clock.
fn another_clock() -> Option<String> {
    let found = std::process::Command::new("faketime").args(["-f", "+0d", "printenv", "LD_PRELOAD"]).output();
    match found {
        Ok(found) if found.status.success() => {
            Some(String::from_utf8(found.stdout).unwrap().trim().to_owned())
        }
        _ => left_out("faketime is not installed (apt install faketime)"),
    }
}

#[test]
fn a_clock_a_year_back_is_refused_at_the_next_answer_and_at_resume() {
    let Some(tokens) = Tokens::new() else { return };
    let Some(library) = another_clock() else { return };
    let dir = tokens.room(&tokens.ceremony(""));
    let clock = dir.path().join("clock");
    fs::write(&clock, "+0d").unwrap();
    let faked = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", text(&clock)),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let env = [&tokens.env()[..], &faked].concat();
    let mut pseudo = begun(Pseudo::start(dir.path(), &RUN, &env));
    pseudo.answer_until("Sign root and targets with key ana");

    fs::write(&clock, A_YEAR_BACK).unwrap();
    pseudo.press("\r");
    pseudo.answer_until_it_leaves();
    left(&mut pseudo, 4, "set the clock, then `keyrite resume");
    let record = dir.path().join("record");
    holds(&record);
    let before = tree(&record);
    let mut pseudo = Pseudo::start(dir.path(), &["resume", "record"], &env);
    left(&mut pseudo, 4, "set the clock, then resume");
    assert_eq!(tree(&record), before, "nothing was changed");
    // The clock is right again.
    let mut pseudo = resume(&tokens, dir.path());
    closes(&mut pseudo);

    tokens.whole(&record);
}
