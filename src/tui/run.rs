//! The only file of the screen that touches the world: the terminal, the threads, and the channel between them.
//!
//! One thread reads keys, one owns the driver (its work is slow, and a login belongs to one thread), and this one
//! draws. It wakes up for a key, a new size of the terminal, or word from the driver, and for nothing else.

pub mod ansi;
mod apart;
mod keyboard;
mod out;
mod pace;

use std::fs::File;
use std::io;
use std::io::Write;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ratatui::Frame;
use ratatui::Terminal;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use crate::driver::Answer;
use crate::driver::Driver;
use crate::driver::Options;
use crate::driver::Stop;
use crate::driver::StopKind;
use crate::journal;
use crate::keystore::quiet;
use crate::keystore::quiet::Screen;
use crate::plan::Kind;
use crate::tui::app::App;
use crate::tui::app::Effect;
use crate::tui::home::Choice;
use crate::tui::home::Home;
use crate::tui::keymap;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::nearby;
use crate::tui::nearby::Nearby;
use crate::tui::run::ansi::Ansi;
use crate::tui::run::keyboard::Keys;
use crate::tui::run::pace::Pace;
use crate::tui::scene::Cover;
use crate::tui::scene::Happened;
use crate::tui::scene::Scene;
use crate::tui::style;
use crate::tui::style::Palette;
use crate::tui::view;

/// A journal with more bytes than this is not read for the last events of a resumed ceremony.
const MAX_JOURNAL: u64 = 64 << 20;

/// How long one of several codes stands.
const FRAME: Duration = Duration::from_millis(250);

/// Where a defect of the program was found; never what it was about, which may be secret.
static DEFECT: Mutex<Option<String>> = Mutex::new(None);

/// What wakes the screen up.
enum Word {
    /// A key, or a new size, which [`Keys`] has.
    Typed,
    /// From the driver.
    Said(Message),
    /// The driver's thread ended.
    Left,
    /// The terminal is gone.
    Gone,
    /// The system told the program to end.
    Told,
}

/// The terminal while the screen is drawn on it. Dropping it gives the terminal back as it was.
pub struct Tty {
    terminal: Terminal<Ansi>,
    words: Receiver<Word>,
    to_me: Sender<Word>,
    keys: Keys,
    /// How things look on it.
    pub palette: Palette,
    /// Last, so that it is dropped after the terminal has written what it holds.
    #[expect(dead_code, reason = "it works when it is dropped")]
    restore: Restore,
    pace: Pace,
}

/// Gives the terminal back, and standard output and standard error with it.
struct Restore {
    screen: Screen,
    /// Where keys come from, and how that was before.
    keys: (File, Termios),
}

impl Drop for Restore {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.keys.0, OptionalActions::Now, &self.keys.1);
        drop(self.screen.out.write_all(ansi::LEAVE));
        // dup2 onto an open descriptor fails only when interrupted.
        while rustix::stdio::dup2_stdout(&self.screen.out) == Err(rustix::io::Errno::INTR) {}
        while rustix::stdio::dup2_stderr(&self.screen.err) == Err(rustix::io::Errno::INTR) {}
    }
}

/// How the terminal wants to be drawn on, as its environment says: `NO_COLOR`, `KEYRITE_SCREEN` (`high-contrast`,
/// `ascii`), and a locale that is not UTF-8.
fn palette(env: impl Fn(&str) -> Option<String>) -> Palette {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let asked = set("KEYRITE_SCREEN").unwrap_or_default();
    let asks = |word: &str| asked.split([',', ' ']).any(|other| other == word);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let utf8 = ["utf-8", "utf8"].iter().any(|name| locale.to_lowercase().ends_with(name));
    Palette {
        color: set("NO_COLOR").is_none(),
        contrast: asks("high-contrast"),
        ascii: asks("ascii") || !utf8,
    }
}

impl Tty {
    /// Takes the terminal.
    fn open() -> io::Result<Self> {
        let keys = keyboard::tty()?;
        let before = tcgetattr(&keys)?;
        let mut raw = before.clone();
        raw.make_raw();
        let mut restore = Restore { screen: quiet::silence(None)?, keys: (keys, before) };
        tcsetattr(&restore.keys.0, OptionalActions::Now, &raw)?;
        restore.screen.out.write_all(ansi::ENTER)?;
        let terminal = Terminal::new(Ansi::new(restore.screen.out.try_clone()?))?;
        let (to_me, words) = mpsc::channel();
        let keys = Keys::default();
        let palette = palette(|name| std::env::var(name).ok());
        let pace = Pace::new(|name| std::env::var(name).ok(), Instant::now());
        Ok(Self { terminal, restore, words, to_me, keys, palette, pace })
    }

    /// Columns and rows.
    fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// One frame, which terminals that know how show all at once.
    fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.backend_mut().begin()?;
        let ascii = self.palette.ascii;
        self.terminal.draw(|frame| {
            draw(frame);
            if ascii {
                style::in_ascii(frame.buffer_mut());
            }
        })?;
        self.terminal.backend_mut().end()
    }

    fn typed(&mut self, focus: Focus) -> Option<Message> {
        self.keys.take().and_then(|input| keymap::message(input, focus))
    }

    /// As [`Self::next`]; a screen that moves gets a tick when nothing else comes.
    fn next_moving(
        &mut self,
        focus: Focus,
        moves: bool,
        draw: impl FnOnce(&mut Frame),
    ) -> Result<Message, Stop> {
        if !moves {
            return self.next(focus, draw);
        }
        self.draw(draw).map_err(|error| no_terminal(&error))?;
        self.keys.ask(&self.to_me);
        match self.words.recv_timeout(FRAME) {
            Ok(Word::Typed) => Ok(self.typed(focus).unwrap_or(Message::Tick)),
            Ok(Word::Said(message)) => Ok(message),
            Ok(Word::Left) => Err(defect()),
            Ok(Word::Told) => Err(told_to_end()),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(Message::Tick),
            Ok(Word::Gone) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(no_terminal(&io::ErrorKind::UnexpectedEof.into()))
            }
        }
    }

    /// Draws, then waits for what it means to the screen with this focus.
    pub fn next(&mut self, focus: Focus, draw: impl FnOnce(&mut Frame)) -> Result<Message, Stop> {
        self.draw(draw).map_err(|error| no_terminal(&error))?;
        loop {
            self.keys.ask(&self.to_me);
            match self.words.recv() {
                Ok(Word::Typed) => {
                    if let Some(message) = self.typed(focus) {
                        return Ok(message);
                    }
                }
                Ok(Word::Said(message)) => return Ok(message),
                Ok(Word::Left) => return Err(defect()),
                Ok(Word::Told) => return Err(told_to_end()),
                Ok(Word::Gone) | Err(_) => return Err(no_terminal(&io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }
}

/// Runs a screen with a terminal, and gives the terminal back whatever happens, a defect of the program included.
pub fn with_terminal<T>(screen: impl FnOnce(&mut Tty) -> Result<T, Stop>) -> Result<T, Stop> {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        *DEFECT.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut tty = Tty::open().map_err(|error| no_terminal(&error))?;
        screen(&mut tty)
    }));
    panic::set_hook(before);
    result.unwrap_or_else(|_| Err(defect()))
}

/// The whole ceremony on the screen, from its review to its end.
///
/// Returns what is said when the terminal is the shell's again.
pub fn perform(tty: &mut Tty, driver: Driver, reviewed: bool) -> Result<Vec<String>, Stop> {
    let (cover, clock) = (Cover::of(&driver), driver.clock());
    let (answers, for_driver) = mpsc::channel();
    let to_screen = tty.to_me.clone();
    thread::spawn(move || work(driver, &for_driver, &Line(to_screen)));
    end_when_told(&tty.to_me);
    let size = tty.size().map_err(|error| no_terminal(&error))?;
    let first = loop {
        // Looking at the first step's token may take a moment.
        match tty.next(Focus::Keys, view::opening)? {
            Message::Scene(scene, _) => break *scene,
            Message::Ended(stop) => return Err(stop),
            _ => {}
        }
    };
    let mut app = App::new(cover, first, reviewed, size, tty.palette);
    tty.pace.began(Instant::now());
    loop {
        let message = match tty.next_moving(app.focus(), app.moves(), |frame| view::view(&app, frame))? {
            Message::Tick => Message::Clock(clock.now()),
            message => message,
        };
        if !tty.pace.counts(&message, Instant::now()) {
            continue;
        }
        match app.update(message) {
            Some(Effect::Answer(answer)) => {
                // When its thread is gone it has said so, and the next word is that.
                drop(answers.send(answer));
            }
            Some(Effect::Leave(result)) => return result.map(|()| last_words(&app)),
            None => {}
        }
    }
}

/// Gives the terminal back when the system ends the program: SIGTERM, or SIGHUP of a closed window.
fn end_when_told(to_screen: &Sender<Word>) {
    let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]) else { return };
    let to_screen = to_screen.clone();
    thread::spawn(move || {
        for _ in signals.forever() {
            // A screen that is gone has given the terminal back.
            drop(to_screen.send(Word::Told));
        }
    });
}

fn told_to_end() -> Stop {
    let error = "the system told this program to end. Everything so far is recorded";
    Stop::new(StopKind::People, error, "go on with `keyrite resume` and the record's directory")
}

/// What stays on the terminal when the screen is gone.
fn last_words(app: &App) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(closing) = &app.scene.closing {
        lines.push(match closing.bundle.is_empty() {
            true => "The ceremony is closed. Nothing was signed, so there is no bundle.".to_owned(),
            false => format!("The ceremony is closed. The bundle is in {}", closing.bundle),
        });
        lines.push(format!("The record is in {}; journal head {}", app.cover.record, app.scene.head.hex()));
    }
    lines
}

/// Says something on standard output.
pub fn say(lines: &[String]) {
    let mut out = io::stdout();
    for line in lines {
        // A closed standard output has nothing to be told, and the record says it all.
        drop(writeln!(out, "{line}"));
    }
}

/// What `keyrite new TYPE --role ROLE --from DIR --out FILE` does: a new ceremony file, and nothing else. It says why it did not.
pub type WriteDraft = fn(Kind, Option<&str>, &Path, &Path) -> Result<(), String>;

/// The home screen, and what is chosen there.
pub fn home(tty: &mut Tty, options: &Options, write: WriteDraft) -> Result<Vec<String>, Stop> {
    tty.draw(view::looking).map_err(|error| no_terminal(&error))?;
    let (here, now) = (Path::new("."), options.clock.now());
    let unreadable = |error: io::Error| Stop::new(StopKind::Input, format!("this directory: {error}"), "");
    let nearby = nearby::look(here, now).map_err(unreadable)?;
    let dir = std::env::current_dir().map(|dir| dir.display().to_string()).unwrap_or_default();
    let size = tty.size().map_err(|error| no_terminal(&error))?;
    let mut home = Home::new(dir, nearby, size, tty.palette);
    loop {
        let message = tty.next(home.focus(), |frame| view::home::view(&home, frame))?;
        match home.update(message) {
            Some(Choice::Draft(draft)) => {
                let written =
                    write(draft.kind, draft.role.as_deref(), &draft.from, &draft.out).map(|()| draft.out);
                let around = nearby::around(here, now).map_err(unreadable)?;
                let repository = home.nearby.repository.clone();
                home.looked(Nearby { repository, ..around });
                home.drafted(written);
            }
            Some(Choice::Read(place)) => {
                let repository = Some(nearby::read(&place, now));
                home.looked(Nearby { repository, ..home.nearby.clone() });
            }
            // What was signed or merged lies here now: it is looked at anew.
            Some(Choice::Apart(file)) => {
                let asked = home.nearby.asked.iter().find(|asked| asked.file == file).cloned();
                asked.map(|asked| apart::open(tty, &asked, options)).transpose()?;
                let around = nearby::around(here, now).map_err(unreadable)?;
                let repository = home.nearby.repository.clone();
                home.looked(Nearby { repository, ..around });
            }
            // What cannot begin, or go on, leaves people where they were.
            Some(Choice::Begin(file, mode)) => match Driver::start(&file, None, mode, options.clone()) {
                Ok(driver) => return confined(tty, driver),
                Err(stop) => home.refused(&stop),
            },
            Some(Choice::Resume(dir)) => match Driver::resume(&dir, options.clone()) {
                Ok(driver) => return confined(tty, driver),
                Err(stop) => home.refused(&stop),
            },
            Some(Choice::Leave) => return Ok(Vec::new()),
            None => {}
        }
    }
}

/// The key that chose was the last one asked for, so no other thread is there.
fn confined(tty: &mut Tty, mut driver: Driver) -> Result<Vec<String>, Stop> {
    tty.keys.rest();
    driver.confine();
    perform(tty, driver, true)
}

/// The driver's line to the screen; its end is told too.
struct Line(Sender<Word>);

impl Line {
    fn say(&self, message: Message) {
        // A screen that has left needs to be told nothing.
        drop(self.0.send(Word::Said(message)));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.0.send(Word::Left));
    }
}

/// The thread that owns the driver: an answer comes, a scene goes back.
fn work(mut driver: Driver, answers: &Receiver<Answer>, screen: &Line) {
    let mut happened = Arc::new(so_far(&driver));
    loop {
        let scene = Scene::of(&mut driver, Arc::clone(&happened));
        screen.say(Message::Scene(Box::new(scene), driver.share()));
        let Ok(answer) = answers.recv() else { return };
        match driver.answer(answer) {
            Ok(events) => {
                let (ceremony, now) = (driver.ceremony(), driver.now());
                let new = events.iter().map(|event| Happened::new(ceremony, now, event));
                Arc::make_mut(&mut happened).extend(new);
            }
            Err(stop) => {
                screen.say(Message::Ended(stop));
                // The screen leaves when it hears that; until then its line stays open.
                drop(answers.recv());
                return;
            }
        }
    }
}

/// What the journal says already.
fn so_far(driver: &Driver) -> Vec<Happened> {
    let path = driver.dir().join("journal.jsonl");
    let small = std::fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_JOURNAL);
    let bytes = if small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    let entries = journal::read(&bytes).map(|journal| journal.entries).unwrap_or_default();
    entries.iter().map(|entry| Happened::new(driver.ceremony(), entry.at, &entry.what)).collect()
}

fn no_terminal(error: &io::Error) -> Stop {
    Stop::new(
        StopKind::Machine,
        format!("the terminal: {error}. Everything so far is recorded"),
        "go on in another terminal with `keyrite resume`, or line by line with --plain",
    )
}

fn defect() -> Stop {
    let place = DEFECT.lock().unwrap_or_else(PoisonError::into_inner).take();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Stop::new(
        StopKind::Machine,
        format!("a defect of this program{place}. Everything so far is recorded, and the record is whole"),
        "go on with `keyrite resume`; please report where it happened",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(env: &[(&str, &str)]) -> Palette {
        palette(|name| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_says_how_the_terminal_is_drawn_on() {
        let utf8 = of(&[("LANG", "de_DE.UTF-8")]);
        assert_eq!(utf8, Palette { color: true, contrast: false, ascii: false });
        assert!(of(&[("LANG", "C")]).ascii && of(&[]).ascii);
        assert!(of(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "POSIX")]).ascii, "LC_ALL has the last word");
        assert!(!of(&[("LC_CTYPE", "C.utf8")]).ascii);
        assert!(!of(&[("LANG", "C.UTF-8"), ("NO_COLOR", "1")]).color);
        let asked = of(&[("LANG", "C.UTF-8"), ("KEYRITE_SCREEN", "high-contrast,ascii")]);
        assert!(asked.contrast && asked.ascii);
    }
}
