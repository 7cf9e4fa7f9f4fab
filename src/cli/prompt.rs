//! Asking people at the terminal, without echo where a secret is typed.
//!
//! Talks to `/dev/tty`, so that redirected input or output never carries a secret. While a secret is typed the
//! terminal is in a mode of its own; a guard restores it on return, on Ctrl-C and on panic.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Mutex;
use std::sync::Once;
use std::sync::PoisonError;

use rustix::termios;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::SpecialCodeIndex;
use rustix::termios::Termios;
use secrecy::SecretString;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

use crate::cli::Exit;
use crate::cli::Failure;

/// The longest line that can be typed, in bytes.
const LONGEST: usize = 1024;

/// The terminal that the program was started from.
pub struct Terminal {
    tty: File,
    /// What stands before every question.
    mark: &'static str,
}

impl Terminal {
    /// The controlling terminal; a failure that says what to do when there is none.
    pub fn open() -> Result<Self, Failure> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| {
            let error = "there is no terminal to ask at, and no answers file; nothing was done";
            Failure::new(Exit::Stopped, error, "run it in a terminal, or give --answers FILE")
        })?;
        Ok(Self { tty, mark: "" })
    }

    /// Every question says from here on that nothing is real.
    pub fn rehearses(&mut self) {
        self.mark = "REHEARSAL | ";
    }

    /// Says something, with a line break.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.tty, "{text}").map_err(|error| failed(&error))
    }

    /// Moves what was said out of the window, without taking it out of what can be scrolled back to.
    pub fn scroll_away(&mut self) -> Result<(), Failure> {
        let rows = termios::tcgetwinsize(&self.tty).map_or(24, |size| size.ws_row.max(24));
        self.say(&"\n".repeat(rows.into()))
    }

    /// Shows lines on a screen of their own, and takes them away with the next Enter: nothing of them stays on the
    /// terminal or above it.
    pub fn alone(&mut self, lines: &[String], ask: &str) -> Result<String, Failure> {
        let _away = Away::start(&self.tty).map_err(|error| failed(&error))?;
        for line in lines {
            self.say(line)?;
        }
        self.line(ask)
    }

    /// Asks for a secret; what is typed is not shown.
    pub fn secret(&mut self, ask: &str) -> Result<SecretString, Failure> {
        let typed = self.typed(ask, false)?;
        let text = std::str::from_utf8(&typed).map_err(|_| {
            Failure::new(Exit::Stopped, "what was typed is not UTF-8; nothing was done", "set a UTF-8 locale")
        })?;
        // Of exactly this size, so that no growing and no shrinking leaves a copy.
        let mut exact = String::with_capacity(text.len());
        exact.push_str(text);
        Ok(SecretString::from(exact))
    }

    /// Asks for a line that everyone may see.
    pub fn line(&mut self, ask: &str) -> Result<String, Failure> {
        let typed = self.typed(ask, true)?;
        Ok(String::from_utf8_lossy(&typed).trim().to_owned())
    }

    fn typed(&mut self, ask: &str, shown: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let quiet = Quiet::start(&self.tty).map_err(|error| failed(&error))?;
        let mut tty = &self.tty;
        write!(tty, "{}{ask}", self.mark).and_then(|()| tty.flush()).map_err(|error| failed(&error))?;
        let line = read_line(&mut tty, shown);
        drop(quiet);
        // The Enter was not echoed.
        writeln!(self.tty).map_err(|error| failed(&error))?;
        match line {
            Ok(Line::Typed(bytes)) => Ok(bytes),
            Ok(Line::Stopped) => {
                Err(Failure::new(Exit::Stopped, "stopped at the prompt; what it asked for was not done", ""))
            }
            Ok(Line::TooLong) => Err(Failure::new(
                Exit::Stopped,
                format!("more than {LONGEST} bytes were typed; nothing was done"),
                "use a shorter one",
            )),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Exit::Stopped, format!("the terminal failed: {error}; nothing was done"), "start again")
}

/// How the terminal was, while a question is asked: whatever ends the program gives it back.
static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Ends the program in order when the system tells it to: the terminal is given back first. Not before a ceremony has given
/// things up, which it does while it has one thread.
pub(super) fn watch_signals() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]) else { return };
        std::thread::spawn(move || {
            if signals.forever().next().is_some() {
                if let Some((tty, before)) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    let _ = termios::tcsetattr(&tty, OptionalActions::Now, &before);
                }
                eprintln!("\nerror: the system told this program to end; what was recorded stays as it is");
                eprintln!("hint: a ceremony goes on with `keyrite resume` and the record's directory");
                std::process::exit(Exit::Stopped as i32);
            }
        });
    });
}

/// Keeps the terminal from echoing and from turning Ctrl-C into a signal, until it is dropped.
struct Quiet<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn start(tty: &'a File) -> io::Result<Self> {
        let before = termios::tcgetattr(tty)?;
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        watch_signals();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some((tty.try_clone()?, before.clone()));
        // Flush: what was typed before the question was shown was shown itself, and answers something else.
        termios::tcsetattr(tty, OptionalActions::Flush, &quiet)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Nothing can be done about a terminal that is gone.
        let _ = termios::tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}

/// The terminal's other screen, which has no lines above it. It is emptied and left when this is dropped.
struct Away(File);

impl Away {
    fn start(tty: &File) -> io::Result<Self> {
        let mut away = Self(tty.try_clone()?);
        away.0.write_all(b"\x1b[?1049h\x1b[2J\x1b[H")?;
        Ok(away)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        // The Linux console may have no other screen: there what stands above is emptied as well.
        let console = std::env::var_os("TERM").is_some_and(|term| term == "linux");
        let above: &[u8] = if console { b"\x1b[3J" } else { b"" };
        // Nothing can be done about a terminal that is gone.
        drop(self.0.write_all(&[b"\x1b[2J", above, b"\x1b[H\x1b[?1049l"].concat()));
    }
}

enum Line {
    Typed(Zeroizing<Vec<u8>>),
    Stopped,
    TooLong,
}

/// Reads up to Enter. Backspace takes a character back, Ctrl-U the line; Ctrl-C, and Ctrl-D on an empty line, stop.
/// Cursor keys and other control characters do nothing: an invisible one must not become part of a passphrase.
fn read_line(tty: &mut (impl Read + Write), shown: bool) -> io::Result<Line> {
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut escape = Escape::No;
    loop {
        let mut byte = Zeroizing::new([0]);
        match tty.read(&mut *byte) {
            Ok(0) => return Ok(Line::Stopped),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        escape = match (escape, byte[0]) {
            (Escape::Started, b'[') => Escape::Sequence,
            (Escape::Started, b'O') => Escape::Last,
            (Escape::Sequence, b'@'..=b'~') | (Escape::Last, _) => Escape::No,
            (Escape::Sequence, _) => Escape::Sequence,
            (_, 0x1b) => Escape::Started,
            (_, b'\r' | b'\n') => return Ok(Line::Typed(typed)),
            (_, 0x03) => return Ok(Line::Stopped),
            (_, 0x04) if typed.is_empty() => return Ok(Line::Stopped),
            (_, 0x08 | 0x7f) => {
                if take_back(&mut typed) && shown {
                    tty.write_all(b"\x08 \x08")?;
                }
                Escape::No
            }
            (_, 0x15) => {
                while take_back(&mut typed) {
                    if shown {
                        tty.write_all(b"\x08 \x08")?;
                    }
                }
                Escape::No
            }
            (_, 0x00..=0x1f) => Escape::No,
            (_, other) => {
                if typed.len() == LONGEST {
                    return Ok(Line::TooLong);
                }
                typed.push(other);
                if shown {
                    tty.write_all(&[other])?;
                }
                Escape::No
            }
        };
    }
}

/// Where in an escape sequence, such as that of a cursor key, the next byte stands.
#[derive(Clone, Copy)]
enum Escape {
    No,
    Started,
    Sequence,
    Last,
}

/// Removes the last character, and says whether there was one.
fn take_back(typed: &mut Vec<u8>) -> bool {
    let any = !typed.is_empty();
    while let Some(byte) = typed.pop() {
        if byte & 0b1100_0000 != 0b1000_0000 {
            break;
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that has been typed at, and is shown something.
    struct Typed<'a>(&'a [u8], Vec<u8>);

    impl Read for Typed<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.0.read(to)
        }
    }

    impl Write for Typed<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(keys: &[u8]) -> Option<String> {
        let mut tty = Typed(keys, Vec::new());
        let line = read_line(&mut tty, false).unwrap();
        assert!(tty.1.is_empty(), "a secret was shown");
        match line {
            Line::Typed(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            Line::Stopped | Line::TooLong => None,
        }
    }

    #[test]
    fn enter_ends_the_line() {
        assert_eq!(line(b"horse\nmore").as_deref(), Some("horse"));
        assert_eq!(line(b"horse\r").as_deref(), Some("horse"));
        assert_eq!(line(b"\n").as_deref(), Some(""));
    }

    #[test]
    fn backspace_takes_back_a_whole_character() {
        assert_eq!(line("hä\u{7f}orsé\u{8}e\n".as_bytes()).as_deref(), Some("horse"));
        assert_eq!(line(b"\x7f\x7fa\n").as_deref(), Some("a"));
        assert_eq!(line(b"wrong\x15horse\n").as_deref(), Some("horse"));
    }

    #[test]
    fn keys_that_cannot_be_seen_do_not_count() {
        assert_eq!(line(b"ho\x1b[Arse\x1b[3~\x1bOP\x01\t\n").as_deref(), Some("horse"));
    }

    #[test]
    fn control_c_a_closed_terminal_and_a_flood_stop() {
        assert_eq!(line(b"hor\x03se\n"), None);
        assert_eq!(line(b"\x04"), None);
        assert_eq!(line(b"hor"), None);
        assert_eq!(line(&[b'a'; LONGEST + 1]), None);
    }
}
