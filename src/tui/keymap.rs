//! The only file that knows what keys mean: which does what, and how the footer names it.

use crate::tui::message::Message;
use crate::tui::message::Scroll;

/// What comes from the terminal. Neither `Debug` nor `Clone`: it may be a character of a secret.
#[derive(PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// The terminal has so many columns and rows now.
    Resized(u16, u16),
}

/// A key that means something somewhere.
#[derive(PartialEq, Eq)]
#[expect(missing_docs, reason = "keyboards have them on them")]
pub enum Key {
    Char(char),
    /// A letter, with Ctrl.
    Control(char),
    Enter,
    Esc,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    F(u8),
}

/// What the keys of letters do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Each is a command.
    Keys,
    /// They are typed, and `?` still helps: words, numbers, yes or no.
    Text,
    /// They are typed, every one of them: a secret, a reason.
    Everything,
}

/// Chooses an entry of a list.
pub const CHOOSE: &str = "arrows";
/// Goes on.
pub const GO_ON: &str = "Enter";
/// Goes back.
pub const BACK: &str = "Esc";
/// Stops.
pub const STOP: &str = "q";
/// Stops, while letters are typed.
pub const STOP_TYPING: &str = "Ctrl-C";
/// Helps.
pub const HELP: &str = "?";
/// Helps, while every letter is typed.
pub const HELP_TYPING: &str = "F1";
/// Shows the QR code of a digest.
pub const CODE: &str = "c";
/// Shows the public keys as QR codes.
pub const KEYS: &str = "k";
/// The holder does not sign today.
pub const NOT_TODAY: &str = "n";
/// Someone is not here.
pub const ABSENT: &str = "a";
/// Writes down what went otherwise than planned.
pub const EXCEPTION: &str = "x";
/// The same, while letters are typed.
pub const EXCEPTION_TYPING: &str = "Ctrl-X";
/// Leaves a step out.
pub const LEAVE_OUT: &str = "l";
/// Rehearses a ceremony file.
pub const REHEARSE: &str = "r";
/// Performs a ceremony file.
pub const PERFORM: &str = "p";
/// Starts a ceremony file.
pub const START: &str = "s";
/// Asks who may sign a path.
pub const ASK: &str = "/";
/// Looks at another repository that lies here.
pub const OTHER: &str = "o";
/// Turns to another page of the home screen.
pub const PAGES: &str = "left right";
/// Merges answers to a request.
pub const MERGE: &str = "m";
/// Writes the merged file.
pub const WRITE: &str = "w";
/// Moves through what is longer than the screen.
pub const SCROLL: &str = "PgUp/PgDn";

/// Every key with what it does, for the help.
pub const ALL: &[(&str, &str)] = &[
    ("Enter", "go on; the screen says what that means and who presses it"),
    ("Esc", "leave a field or a window, without doing anything"),
    ("arrows", "move by a line, or to the next QR code; PgUp PgDn by a page"),
    ("c k", "the digest, or the public keys so far, as QR codes"),
    ("n", "not today: leave a signature to others, where the plan allows"),
    ("a", "at the roll call: someone is not here"),
    ("x Ctrl-X", "exception: write down what went otherwise than planned"),
    ("l", "leave a failed step out, where file and exception allow"),
    ("j", "the journal: everything that happened"),
    ("b F2, F3", "large letters; high contrast"),
    ("q Ctrl-C", "stop, with a reason; goes on later with `keyrite resume`"),
    ("Ctrl-U", "empty the field that is typed into"),
    ("? F1", "this help"),
];

/// The same for the home screen.
pub const HOME: &[(&str, &str)] = &[
    ("left right", "turn to another page: roles, keys, delegations, requests, ceremonies"),
    ("up down", "choose a row (also: PgUp, PgDn, Space, Home, End)"),
    ("Enter", "look at what is chosen; a record is gone on with"),
    ("/", "who may sign this path? Type it; * and ? ask for all paths like it"),
    ("s", "start a ceremony file from this repository; nothing else is written"),
    ("o", "look at another repository that lies here"),
    ("r p", "rehearse, or perform, the ceremony file that is looked at"),
    ("Esc", "back, without doing anything"),
    ("q Ctrl-C", "leave"),
    ("? F1", "this help"),
];

/// The same for requests, their answers, and merging.
pub const APART: &[(&str, &str)] = &[
    ("Enter", "go on; the screen says what that means"),
    ("Esc", "back, without doing anything"),
    ("arrows", "move by a line, or to the next QR code"),
    ("PgUp PgDn", "move by a page (also: Space, Home, End)"),
    ("m", "merge answers into the file that asks"),
    ("w", "write the merged file"),
    ("Ctrl-U", "empty the field that is typed into"),
    ("q Ctrl-C", "leave; what was written stays"),
    ("? F1", "this help"),
];

/// What it means that this came from the terminal.
pub fn message(input: Input, focus: Focus) -> Option<Message> {
    match input {
        Input::Resized(width, height) => Some(Message::Resized(width, height)),
        Input::Key(key) => pressed(key, focus),
    }
}

fn pressed(key: Key, focus: Focus) -> Option<Message> {
    Some(match key {
        Key::Control('c') => Message::Stop,
        Key::Control('x') => Message::Exception,
        Key::Control('u') => Message::EraseAll,
        Key::Backspace | Key::Control('h') => Message::Erase,
        Key::Enter | Key::Control('j' | 'm') => Message::GoOn,
        Key::Esc => Message::Back,
        Key::F(1) => Message::Help,
        Key::F(2) => Message::Big,
        Key::F(3) => Message::Contrast,
        Key::Up => Message::Scroll(Scroll::Up),
        Key::Down => Message::Scroll(Scroll::Down),
        Key::Left => Message::Scroll(Scroll::Before),
        Key::Right => Message::Scroll(Scroll::Next),
        Key::PageUp => Message::Scroll(Scroll::PageUp),
        Key::PageDown => Message::Scroll(Scroll::PageDown),
        Key::Home => Message::Scroll(Scroll::Top),
        Key::End => Message::Scroll(Scroll::Bottom),
        Key::Char('?') if focus != Focus::Everything => Message::Help,
        Key::Char(c) if focus == Focus::Keys => return command(c),
        Key::Char(c) => Message::Typed(c),
        Key::Control(_) | Key::F(_) => return None,
    })
}

fn command(c: char) -> Option<Message> {
    Some(match c {
        'q' => Message::Stop,
        'c' => Message::Code,
        'k' => Message::Keys,
        'n' => Message::NotToday,
        'a' => Message::Absent,
        'x' => Message::Exception,
        'l' => Message::LeaveOut,
        'b' => Message::Big,
        'j' => Message::Journal,
        'r' => Message::Rehearse,
        'p' => Message::Perform,
        's' => Message::Start,
        '/' => Message::Ask,
        'o' => Message::Other,
        'm' => Message::Merge,
        'w' => Message::Write,
        ' ' => Message::Scroll(Scroll::PageDown),
        _ => return None,
    })
}
