//! Keys as the terminal sends them, a byte at a time, so that nothing remembers what was typed. A reader that reads ahead
//! keeps the last kilobyte that it read, and a channel keeps what went through it.

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::sync::mpsc::Sender;
use std::thread;
use std::thread::JoinHandle;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::io::retry_on_intr;
use rustix::termios::tcgetwinsize;
use signal_hook::SigId;
use signal_hook::consts::SIGWINCH;
use signal_hook::low_level;

use crate::tui::keymap::Input;
use crate::tui::keymap::Key;
use crate::tui::run::Word;

/// The rest of a key comes within this time, or there is none: Esc alone was pressed.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 25_000_000 };

/// A key on its way to the screen. Only one is on its way, and the next one takes its place in memory.
type Slot = Arc<Mutex<Option<Input>>>;

/// The thread that reads keys: one at a time, each when it is asked for. Between two of them it can be let go, so that a
/// ceremony that gives something up does it before any thread of its own is there.
#[derive(Default)]
pub(super) struct Keys {
    ask: Option<Sender<()>>,
    asked: bool,
    slot: Slot,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Asks for one, if none is asked for.
    pub(super) fn ask(&mut self, to: &Sender<Word>) {
        if self.asked {
            return;
        }
        let ask = self.ask.get_or_insert_with(|| {
            let (ask, asked) = mpsc::channel();
            let (to, slot) = (to.clone(), Arc::clone(&self.slot));
            self.thread = Some(thread::spawn(move || {
                let mut keyboard = Keyboard::open();
                while asked.recv().is_ok() {
                    let word = match keyboard.as_mut().map(Keyboard::next) {
                        Ok(Ok(input)) => {
                            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(input);
                            Word::Typed
                        }
                        Ok(Err(_)) | Err(_) => Word::Gone,
                    };
                    if to.send(word).is_err() {
                        return;
                    }
                }
            }));
            ask
        });
        // A thread that is gone has said so, and the next word is that.
        self.asked = ask.send(()).is_ok();
    }

    /// The one that came.
    pub(super) fn take(&mut self) -> Option<Input> {
        self.asked = false;
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets the thread go, when it waits for no key.
    pub(super) fn rest(&mut self) {
        if !self.asked {
            self.ask = None;
            drop(self.thread.take().map(JoinHandle::join));
        }
    }
}

/// Where keys come from: standard input, or the terminal when that is something else.
pub(super) fn tty() -> io::Result<File> {
    match io::stdin().is_terminal() {
        true => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
        false => File::options().read(true).write(true).open("/dev/tty"),
    }
}

/// The terminal as keys come from it, and word of its size.
struct Keyboard {
    tty: File,
    resized: UnixStream,
    told: SigId,
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        low_level::unregister(self.told);
    }
}

impl Keyboard {
    fn open() -> io::Result<Self> {
        let tty = tty()?;
        let (resized, tell) = UnixStream::pair()?;
        resized.set_nonblocking(true)?;
        Ok(Self { tty, resized, told: low_level::pipe::register(SIGWINCH, tell)? })
    }

    /// The next key that means something, or a new size.
    fn next(&mut self) -> io::Result<Input> {
        loop {
            let mut ready =
                [PollFd::new(&self.tty, PollFlags::IN), PollFd::new(&self.resized, PollFlags::IN)];
            retry_on_intr(|| rustix::event::poll(&mut ready, None))?;
            let [tty, resized] = ready.map(|fd| !fd.revents().is_empty());
            if resized {
                let mut told = [0; 64];
                retry_on_intr(|| rustix::io::read(&self.resized, &mut told))?;
                let size = tcgetwinsize(&self.tty)?;
                return Ok(Input::Resized(size.ws_col, size.ws_row));
            }
            if tty && let Some(key) = key(self.byte()?, &mut || self.soon())? {
                return Ok(Input::Key(key));
            }
        }
    }

    fn byte(&self) -> io::Result<u8> {
        let mut byte = [0];
        match retry_on_intr(|| rustix::io::read(&self.tty, &mut byte))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(byte[0]),
        }
    }

    /// What comes at once; `None` when nothing does.
    fn soon(&self) -> io::Result<Option<u8>> {
        let mut ready = [PollFd::new(&self.tty, PollFlags::IN)];
        match retry_on_intr(|| rustix::event::poll(&mut ready, Some(&AT_ONCE)))? {
            0 => Ok(None),
            _ => self.byte().map(Some),
        }
    }
}

/// What comes after a key's first byte.
type More<'a> = &'a mut dyn FnMut() -> io::Result<Option<u8>>;

/// A key, by its first byte and those that follow at once; `None` for one that means nothing here.
fn key(first: u8, more: More<'_>) -> io::Result<Option<Key>> {
    Ok(match first {
        b'\r' => Some(Key::Enter),
        0x7f => Some(Key::Backspace),
        0x1b => escaped(more)?,
        1..=0x1a => Some(Key::Control(char::from(first - 1 + b'a'))),
        0x20.. => character(first, more)?.map(Key::Char),
        _ => None,
    })
}

fn character(first: u8, more: More<'_>) -> io::Result<Option<char>> {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let mut bytes = [first, 0, 0, 0];
    for byte in &mut bytes[1..length] {
        *byte = more()?.unwrap_or_default();
    }
    Ok(std::str::from_utf8(&bytes[..length]).ok().and_then(|text| text.chars().next()))
}

/// What ESC begins: `CSI` or `SS3` and a key's name; a letter after it was pressed with Alt, and means nothing here.
fn escaped(more: More<'_>) -> io::Result<Option<Key>> {
    match more()? {
        None | Some(0x1b) => Ok(Some(Key::Esc)),
        Some(b'O') => Ok(more()?.and_then(named)),
        Some(b'[') => sequence(more),
        Some(_) => Ok(None),
    }
}

/// Numbers, and then a letter or `~`: of the numbers the first one counts, the others say what else was pressed.
fn sequence(more: More<'_>) -> io::Result<Option<Key>> {
    let mut number: Option<u8> = Some(0);
    let mut counts = true;
    loop {
        match more()? {
            Some(digit @ b'0'..=b'9') if counts => {
                number = number.and_then(|so_far| so_far.checked_mul(10)?.checked_add(digit - b'0'));
            }
            Some(0x20..=0x3f) => counts = false,
            // The console of Linux names F1 to F5 so.
            Some(b'[') => return Ok(more()?.and_then(|letter| named(letter.wrapping_add(b'P' - b'A')))),
            Some(b'~') => return Ok(number.and_then(numbered)),
            letter => return Ok(letter.and_then(named)),
        }
    }
}

fn named(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P'..=b'S' => Key::F(1 + letter - b'P'),
        _ => return None,
    })
}

fn numbered(number: u8) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=14 => Key::F(number - 10),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Vec<Option<Key>> {
        let mut rest = bytes.iter().copied();
        let mut keys = Vec::new();
        while let Some(first) = rest.next() {
            keys.push(key(first, &mut || Ok(rest.next())).unwrap());
        }
        keys
    }

    #[test]
    fn each_key_is_what_terminals_send_for_it() {
        let keys: [(&[u8], Key); 23] = [
            (b"a", Key::Char('a')),
            (b"?", Key::Char('?')),
            ("ö".as_bytes(), Key::Char('ö')),
            ("€".as_bytes(), Key::Char('€')),
            ("🔑".as_bytes(), Key::Char('🔑')),
            (b"\r", Key::Enter),
            (b"\x7f", Key::Backspace),
            (b"\x1b", Key::Esc),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[C", Key::Right),
            (b"\x1b[1;5D", Key::Left),
            (b"\x1b[H", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1b[F", Key::End),
            (b"\x1b[4~", Key::End),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6;2~", Key::PageDown),
            (b"\x1bOP", Key::F(1)),
            (b"\x1b[12~", Key::F(2)),
            (b"\x1b[[C", Key::F(3)),
            (b"\x1b\x1b", Key::Esc),
            (b"\x18", Key::Control('x')),
        ];
        for (bytes, key) in keys {
            assert!(typed(bytes) == [Some(key)], "{bytes:?}");
        }
    }

    #[test]
    fn what_no_key_sends_means_nothing_and_takes_no_other_key_with_it() {
        for bytes in [
            &b"\0"[..],
            b"\xff",
            b"\x80",
            b"\x1b[200~",
            b"\x1b[999999~",
            b"\x1b[<0;1;1M",
            b"\x1bx",
            b"\x1bOz",
        ] {
            assert!(typed(&[bytes, b"\r"].concat()) == [None, Some(Key::Enter)], "{bytes:?}");
        }
        for cut in [&b"\xc3"[..], b"\x1b[", b"\x1bO", b"\x1b[1;"] {
            assert!(typed(cut) == [None], "{cut:?}");
        }
    }
}
