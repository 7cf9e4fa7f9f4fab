//! The program in a real pseudo-terminal, from start to bundle, by its keys alone.

mod paper;

use std::io::Read;
use std::io::Write;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use portable_pty::Child;
use portable_pty::CommandBuilder;
use portable_pty::MasterPty;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

use crate::common::keyrite::example;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::tui::pseudo::paper::Paper;
use crate::tui::stage::PLAN;

/// What the program sends at the end of each frame.
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
/// A screen that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program and its terminal.
pub(crate) struct Pseudo {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything it sent.
    raw: Vec<u8>,
    /// What is typed where a secret is asked for.
    secret: String,
    /// Where it was started.
    dir: std::path::PathBuf,
    /// Sent, and not yet shown to the test: what came after the last frame.
    left: Vec<u8>,
    /// What people wrote down.
    pub(crate) paper: Paper,
    /// How the terminal was before: whether it shows what is typed, takes lines, and so on.
    before: String,
}

impl Pseudo {
    pub(crate) fn start(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_keyrite"), dir, args, env)
    }

    pub(crate) fn start_program(program: &str, dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(dir);
        command.env_clear();
        command.env("PATH", "/usr/bin:/bin");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        // The keys come from a test, which reads faster than people do.
        command.env("KEYRITE_SCREEN", "no-pause");
        for (name, value) in env {
            command.env(name, value);
        }
        let before = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, bytes) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (rows, columns) = (NonZeroU16::new(24).unwrap(), NonZeroU16::new(80).unwrap());
        let parser = vt100::Parser::new(rows, columns, 0);
        Self {
            child,
            master: pair.master,
            keys,
            bytes,
            parser,
            raw: Vec::new(),
            left: Vec::new(),
            paper: Paper::default(),
            secret: "correct horse".into(),
            dir: dir.to_owned(),
            before,
        }
    }

    /// The screen after the next whole frame; `None` when the program has left.
    fn frame(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.left.windows(END_OF_FRAME.len()).position(|part| part == END_OF_FRAME) {
                let rest = self.left.split_off(at + END_OF_FRAME.len());
                self.parser.process(&self.left);
                self.left = rest;
                return Some(self.parser.screen().contents());
            }
            match self.bytes.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    self.raw.extend_from_slice(&bytes);
                    self.left.extend_from_slice(&bytes);
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    self.parser.process(&self.left);
                    self.left.clear();
                    return None;
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("nothing more came after:\n{}", self.parser.screen().contents())
                }
            }
        }
    }

    /// The first frame that says this.
    pub(crate) fn wait(&mut self, text: &str) -> String {
        loop {
            let Some(screen) = self.frame() else {
                panic!("it left before it said {text:?}:\n{}", self.shown())
            };
            if screen.contains(text) {
                return screen;
            }
        }
    }

    /// Waits for a text of a program that draws no frames.
    pub(crate) fn wait_for_line(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.raw).contains(text) {
            match self.bytes.recv_timeout(PATIENCE) {
                Ok(bytes) => self.raw.extend_from_slice(&bytes),
                Err(_) => panic!("it never said {text:?}: {}", String::from_utf8_lossy(&self.raw)),
            }
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Reads the plan to its end, and begins.
    pub(crate) fn begin(&mut self) {
        self.read_until("[Enter] begin");
        self.press("\r");
    }

    /// Page by page with Enter, until it does this.
    pub(crate) fn read_until(&mut self, end: &str) {
        let mut page = self.shown();
        while !page.contains(end) {
            if page.contains("[Enter]") {
                self.press("\r");
            }
            let before = page.clone();
            while page == before {
                page = self.frame().unwrap_or_else(|| panic!("it left before {end:?}:\n{}", self.shown()));
            }
        }
    }

    /// What is typed from now on where a secret is asked for.
    pub(crate) fn pin(&mut self, secret: &str) {
        secret.clone_into(&mut self.secret);
    }

    /// Answers what is asked, as people would, until the program leaves.
    pub(crate) fn answer_until_it_leaves(&mut self) {
        assert!(!self.answers("\u{0} is never on a screen"), "it went on");
    }

    /// Answers what is asked, as people would, until the screen says this. Words to type are read off the screen.
    pub(crate) fn answer_until(&mut self, text: &str) -> String {
        assert!(self.answers(text), "it left before it said {text:?}:\n{}", self.shown());
        self.shown()
    }

    /// Whether the screen said this; otherwise the program has left.
    fn answers(&mut self, text: &str) -> bool {
        let (mut acted, mut words) = (String::new(), vec![vec![String::new(); 4]; 8]);
        loop {
            let Some(screen) = self.frame() else { return false };
            if screen.contains(text) {
                return true;
            }
            remember_words(&screen, &mut words);
            self.paper.look(&screen);
            let footer = screen.lines().last().unwrap_or_default().to_owned();
            if screen == acted || !footer.contains("[Enter]") {
                continue;
            }
            if let Some(field) = screen.lines().find(|line| line.trim_start().starts_with("> ")) {
                if field.trim() != "> _" {
                    continue;
                }
                if screen.contains("from the second machine") {
                    words = self.second_machine();
                }
                let word = asked_word(&screen).map(|(row, column)| words[row][column].clone());
                let said = screen.contains("Is the record true?").then(|| "agree".to_owned());
                let nothing = screen.contains("In own words;").then(String::new);
                let read = self.paper.row(&screen).or_else(|| typed_from(&screen));
                self.press(&word.or(said).or(nothing).or(read).unwrap_or_else(|| self.secret.clone()));
            }
            self.press("\r");
            acted = screen;
        }
    }

    /// The words that a second machine shows of the bundle's manifest.
    fn second_machine(&self) -> Vec<Vec<String>> {
        let manifest = std::fs::read(self.dir.join("record/bundle/MANIFEST.json")).unwrap();
        let words = keyrite::words::Digest::of(&manifest).words();
        words.chunks(4).map(|row| row.iter().map(|word| (*word).to_owned()).collect()).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// What the system, or a closed window, sends.
    pub(crate) fn kill(&mut self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for its end; the exit code.
    pub(crate) fn end(&mut self) -> u32 {
        while self.frame().is_some() {}
        self.child.wait().unwrap().exit_code()
    }

    /// Every byte that came to the terminal.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.raw
    }

    pub(crate) fn shown(&self) -> String {
        self.parser.screen().contents()
    }

    /// The terminal is the shell's again: no alternate screen, the cursor shown, lines taken and shown as before.
    #[track_caller]
    pub(crate) fn assert_restored(&self) {
        assert_eq!(modes(&*self.master), self.before, "the terminal is still raw");
        assert!(!self.parser.screen().alternate_screen(), "the alternate screen was not left");
        assert!(!self.parser.screen().hide_cursor(), "the cursor is still hidden");
    }
}

/// What the terminal does with what is typed.
fn modes(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios().unwrap())
}

/// Rows of the digest that is on the screen: ` 3   payday   supportive   stagnate   December`.
fn remember_words(screen: &str, words: &mut [Vec<String>]) {
    for line in screen.lines() {
        let parts: Vec<_> = line.split_whitespace().collect();
        if let [number, row @ ..] = parts.as_slice()
            && row.len() == 4
            && line.starts_with("   ")
            && let Ok(number @ 1..=8) = number.parse::<usize>()
        {
            words[number - 1] = row.iter().map(|word| (*word).to_owned()).collect();
        }
    }
}

/// What people read off the thing in their hands: the number of a bag, the time on a watch; and answers of their own.
fn typed_from(screen: &str) -> Option<String> {
    let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let after =
        |text: &str| screen.split(text).nth(1).map(|rest| rest.split_whitespace().next().unwrap_or_default());
    if screen.contains("The number that is printed on the bag:") {
        let bag = after("Look at bag ").or_else(|| after("into the new bag "));
        return bag.map(|bag| bag.trim_end_matches(':').to_owned());
    }
    if screen.contains("in UTC, as HH:MM:SS:") {
        return after("the machine says ").map(|time| time.trim_end_matches(',').to_owned());
    }
    screen.contains("The answer of ").then(|| "Room 4.12".to_owned())
}

/// Row and column of the word that is asked for, from 0: `Word 4 of row 8:`.
fn asked_word(screen: &str) -> Option<(usize, usize)> {
    let line = screen.lines().find(|line| line.trim_start().starts_with("Word "))?;
    let digits: Vec<usize> =
        line.chars().filter_map(|c| c.to_digit(10)).map(|digit| digit as usize).collect();
    Some((digits[1] - 1, digits[0] - 1))
}

fn world() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ceremony.yaml"), PLAN).unwrap();
    dir
}

pub(super) fn events(record: &Path) -> Vec<String> {
    let journal = std::fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let event = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let what = &line["what"];
        format!("{} {} {} {}", what["event"], what["step"], what["by"], what["role"])
    };
    journal.lines().map(event).collect()
}

#[test]
fn a_rehearsal_leaves_the_same_journal_by_keys_and_by_answers() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--rehearse"], &[]);

    pseudo.wait("Review the plan together");
    assert!(pseudo.parser.screen().alternate_screen());
    assert_ne!(modes(&*pseudo.master), pseudo.before, "so that what is restored was changed");
    pseudo.begin();
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    assert!(!String::from_utf8_lossy(&pseudo.raw).contains("correct horse"), "a secret was on the terminal");
    assert!(pseudo.shown().contains("The bundle is in 2026-12-root-genesis/bundle"), "{}", pseudo.shown());
    let record = dir.path().join("2026-12-root-genesis");
    keyrite(&["journal", "verify", text(&record)]).ended(0);

    let answers = dir.path().join("answers.yaml");
    let secret = |name| format!("  {name}: {{passphrase: \"correct horse\"}}\n");
    let secrets: String = ["ana", "chi", "online"].into_iter().map(secret).collect();
    let text_of = format!(
        "answers: 1\nconfirm: all\ntype-back: auto\nsecrets:\n{secrets}  bo: {{pin: \"correct horse\"}}\n"
    );
    std::fs::write(&answers, text_of).unwrap();
    let (file, plain) = (dir.path().join("ceremony.yaml"), dir.path().join("plain"));
    keyrite(&[
        "run",
        text(&file),
        "--rehearse",
        "--plain",
        "--answers",
        text(&answers),
        "--record",
        text(&plain),
    ])
    .ended(0);
    assert_eq!(events(&record), events(&plain), "both front ends leave the same journal");
    let root = record.join("bundle/metadata/1.root.json");
    let refused = keyrite(&["verify", text(&record.join("bundle")), "--root", text(&root)]).ended(1);
    assert!(refused.err.contains("ehears"), "{}", refused.err);
}

#[test]
fn a_ceremony_by_keys_leaves_a_bundle_that_verifies() {
    let dir = world();
    let on_files = PLAN.replace("pkcs11:token=ROOT-BO;object=root-2026", "age:keys/bo.age").replace(
        "accept: [spare-keys-below-2]",
        "accept: [spare-keys-below-2, root-file-keys-reach-threshold]",
    );
    std::fs::write(dir.path().join("ceremony.yaml"), on_files).unwrap();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--record", "record"], &[]);

    pseudo.wait("PRODUCTION");
    pseudo.press("\r");
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("\r");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    let bundle = dir.path().join("record/bundle");
    let root = bundle.join("metadata/1.root.json");
    keyrite(&["verify", text(&bundle), "--root", text(&root), "--scope", "full"]).ended(0);
}

#[test]
fn a_defect_gives_the_terminal_back_and_tells_no_secret() {
    let mut pseudo = Pseudo::start_program(text(&example("defect")), Path::new("/"), &[], &[]);
    pseudo.wait("about to fail");

    pseudo.press("x");

    pseudo.end();
    pseudo.assert_restored();
    let said = String::from_utf8_lossy(&pseudo.raw).into_owned();
    let after = said.rsplit("\x1b[?1049l").next().unwrap();
    assert!(after.contains("a defect of this program at tests/programs/defect.rs:"), "{after}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_stop_in_the_middle_gives_the_terminal_back_and_resume_goes_on() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--rehearse"], &[]);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo.answer_until("Make key bo");

    pseudo.press("q");
    pseudo.wait("Stop the ceremony?");
    pseudo.press("lunch\rstop\r");

    assert_eq!(pseudo.end(), 3);
    pseudo.assert_restored();
    assert!(pseudo.shown().contains("keyrite resume 2026-12-root-genesis"), "{}", pseudo.shown());

    let file = dir.path().join("ceremony.yaml");
    let edited = std::fs::read_to_string(&file).unwrap() + "# an afterthought\n";
    std::fs::write(&file, edited).unwrap();
    let mut pseudo = Pseudo::start(dir.path(), &["resume", "2026-12-root-genesis"], &[]);
    pseudo.wait("nothing of that counts");
    pseudo.press("\r");
    pseudo.answer_until("The ceremony is closed.");
    pseudo.press("q");
    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    keyrite(&["journal", "verify", text(&dir.path().join("2026-12-root-genesis"))]).ended(0);
}

#[test]
fn a_key_made_before_a_crash_is_adopted_by_typing_yes() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--rehearse"], &[]);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo.answer_until("Make key bo");
    pseudo.child.kill().unwrap();
    pseudo.end();
    // As if it had died after the key was made, and before that was written down.
    let record = dir.path().join("2026-12-root-genesis");
    let journal = std::fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let made = journal.lines().position(|line| line.contains("key-generated")).unwrap();
    let before: String = journal.lines().take(made).map(|line| format!("{line}\n")).collect();
    std::fs::write(record.join("journal.jsonl"), before).unwrap();
    let key = std::fs::read(record.join("keys/ana.age")).unwrap();

    let mut pseudo = Pseudo::start(dir.path(), &["resume", "2026-12-root-genesis"], &[]);
    let screen = pseudo.wait("Ana Duarte types the passphrase");
    assert!(screen.contains("this step was cut off"), "{screen}");
    pseudo.press("\rcorrect horse\r");
    pseudo.wait("Is it this ceremony's key?");
    pseudo.press("y\r");
    pseudo.wait("Type yes or no, in full.");
    pseudo.press("yes\r");
    pseudo.wait("Make key bo");
    pseudo.press("q");
    pseudo.wait("Stop the ceremony?");
    pseudo.press("enough\rstop\r");

    assert_eq!(pseudo.end(), 3);
    assert_eq!(std::fs::read(record.join("keys/ana.age")).unwrap(), key, "the key is the same");
    let generated = std::fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert_eq!(generated.matches("key-generated").count(), 1);
}

#[test]
fn without_colours_none_is_sent_but_to_paint_a_code_black_on_white() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--rehearse"], &[("NO_COLOR", "1")]);
    pseudo.wait("Review the plan together");
    pseudo.begin();
    pseudo.answer_until("Make key bo");
    let before = pseudo.raw.len();
    pseudo.press("k");
    pseudo.wait("█");
    let code = pseudo.raw.split_off(before);
    pseudo.press("\x1b");
    pseudo.wait("Make key bo");
    pseudo.press("\x03");
    pseudo.wait("Stop the ceremony?");
    pseudo.press("enough\rstop\r");
    assert_eq!(pseudo.end(), 3);

    assert!(sgr(&code).iter().any(|parameters| parameters == "0;38;2;0;0;0;48;2;255;255;255"));
    for parameters in sgr(&pseudo.raw) {
        let numbers = parameters.split(';').filter_map(|n| n.parse::<u8>().ok());
        let colour = numbers.into_iter().any(|n| matches!(n, 30..=38 | 40..=48 | 90..=107));
        assert!(!colour, "a colour was sent: {parameters}");
    }
}

/// Parameters of each `CSI ... m`.
fn sgr(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let mut found = Vec::new();
    for part in text.split("\x1b[").skip(1) {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
        if part[end..].starts_with('m') {
            found.push(part[..end].to_owned());
        }
    }
    assert!(!found.is_empty(), "no styles at all");
    found
}

#[test]
fn the_window_may_change_its_size_at_any_time() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &["run", "ceremony.yaml", "--rehearse"], &[]);
    pseudo.wait("Review the plan together");

    let size = |rows, cols| PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
    pseudo.master.resize(size(10, 40)).unwrap();
    pseudo.wait("Make this window larger");
    pseudo.master.resize(size(24, 80)).unwrap();
    pseudo.wait("Review the plan together");

    pseudo.press("q");
    assert_eq!(pseudo.end(), 3);
    pseudo.assert_restored();
}

#[test]
fn home_lists_what_lies_here_and_leaves_it_alone() {
    let dir = world();
    let before = crate::common::keyrite::tree(dir.path());
    let mut pseudo = Pseudo::start(dir.path(), &[], &[]);

    pseudo.wait("Ceremony files here");
    pseudo.press("\r");
    pseudo.wait("Looking changes nothing");
    pseudo.press("q");
    pseudo.wait("Ceremony files here");
    pseudo.press("q");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    assert_eq!(crate::common::keyrite::tree(dir.path()), before);
}

#[test]
fn home_begins_a_rehearsal_and_finds_its_record_again() {
    let dir = world();
    let mut pseudo = Pseudo::start(dir.path(), &[], &[]);
    pseudo.wait("Ceremony files here");
    pseudo.press("\r");
    pseudo.wait("Looking changes nothing");
    pseudo.press("r");
    pseudo.wait("Check that everyone is here");
    pseudo.press("q");
    pseudo.wait("Stop the ceremony?");
    pseudo.press("enough\rstop\r");
    assert_eq!(pseudo.end(), 3);

    let mut pseudo = Pseudo::start(dir.path(), &[], &[]);
    let screen = pseudo.wait("Records here");
    assert!(screen.contains("[WAIT]") && screen.contains("step 1 of 29"), "{screen}");
    pseudo.press("q");
    assert_eq!(pseudo.end(), 0);
}

#[test]
fn home_writes_a_ceremony_file_to_start_from_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    super::repository::write(dir.path());
    let before = crate::common::keyrite::tree(dir.path());
    let mut pseudo = Pseudo::start(dir.path(), &[], &[("NO_COLOR", "1")]);

    pseudo.wait("inputs/metadata: root versions 1 to 2");
    pseudo.press("s");
    pseudo.wait("Enter writes it, as this does:");
    pseudo.press("\r");
    let screen = pseudo.wait("was written.");
    pseudo.press("\r");
    pseudo.press("q");

    assert_eq!(pseudo.end(), 0);
    let after = crate::common::keyrite::tree(dir.path());
    let new: Vec<_> = after.iter().filter(|file| !before.contains(file)).collect();
    let [(path, text)] = &new[..] else { panic!("{new:?}") };
    assert!(screen.contains(&path.display().to_string()), "{screen}");
    assert!(String::from_utf8_lossy(text).contains("\ntype: root-renewal\n"));
    assert!(before.iter().all(|file| after.contains(file)));
}

#[test]
fn home_shows_the_repository_and_answers_who_may_sign_a_path() {
    let dir = tempfile::tempdir().unwrap();
    super::repository::write(dir.path());
    let before = crate::common::keyrite::tree(dir.path());
    let mut pseudo = Pseudo::start(dir.path(), &[], &[("NO_COLOR", "1")]);

    let screen = pseudo.wait("inputs/metadata: root versions 1 to 2");
    assert!(screen.contains("2 of 3") && screen.contains("Bo Lindqvis"), "{screen}");
    pseudo.press("/dev/tool.txt\r");
    pseudo.wait("clients take it from dev; Dana Reyes and Otto Brand together");
    pseudo.press("\x1b");
    pseudo.wait("delegated roles, in the order in which clients ask them");
    pseudo.press("q");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    assert_eq!(crate::common::keyrite::tree(dir.path()), before);
}
