//! `--qr`: frames as QR codes, on the terminal one after the other, as images, or as pages of text.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use qrcode::EcLevel;
use rustix::event;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::termios;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::qr;
use crate::qr::image;
use crate::words::counted;

/// How long one frame stands: four a second, so that a slow camera sees each.
const STANDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// Where frames go.
#[derive(Debug, clap::Args)]
pub(super) struct Film {
    /// Show it as QR codes on the terminal until a key is pressed; with DIR, write them there as PNG images
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub(super) qr: Option<Option<PathBuf>>,

    /// With --qr: print the codes as pages of text, each with its line for typing or copying
    #[arg(long, requires = "qr")]
    pub(super) plain: bool,
}

impl Film {
    /// Shows or writes the frames, when it was asked for. `stem` begins the names of images; `beside` stands at the
    /// code on the terminal.
    pub(super) fn show(
        &self,
        frames: &[String],
        stem: &str,
        beside: &[String],
        out: &mut Output,
    ) -> Result<(), Failure> {
        match &self.qr {
            None => Ok(()),
            Some(_) if self.plain => {
                pages(frames, out);
                Ok(())
            }
            Some(None) => play(frames, beside),
            Some(Some(dir)) => images(frames, dir, stem, out),
        }
    }
}

fn pages(frames: &[String], out: &mut Output) {
    let of = frames.len();
    for (frame, number) in frames.iter().zip(1..) {
        out.line(format!("Code {number} of {of}"));
        qr::lines(frame, EcLevel::L).into_iter().for_each(|line| out.line(line));
        out.line(frame);
        if number < of {
            out.page_end();
        }
    }
}

fn images(frames: &[String], dir: &Path, stem: &str, out: &mut Output) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| {
        let error = format!("{}: {error}; no image was written", apart::shown(dir));
        Failure::new(Exit::Input, error, "give a directory that can be written")
    })?;
    let width = frames.len().to_string().len();
    let name = |number: usize| dir.join(format!("{stem}-{number:0width$}.png"));
    for number in 1..=frames.len() {
        apart::check_new(&name(number))?;
    }
    for (frame, number) in frames.iter().zip(1..) {
        let file = image::png(frame).ok_or_else(|| Failure::new(Exit::Input, "no code holds a frame", ""))?;
        apart::write_new(&name(number), &file)?;
    }
    out.line(format!(
        "{}, each with a QR code, written into {}",
        counted(frames.len(), "image"),
        apart::shown(dir)
    ));
    Ok(())
}

/// Shows the frames one after the other, and again, until a key is pressed.
fn play(frames: &[String], beside: &[String]) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let hint = "run it in a terminal, or give --qr=DIR for images";
        Failure::new(Exit::Input, format!("the terminal: {error}; no code was shown"), hint)
    };
    let tty = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let size = termios::tcgetwinsize(&tty).map_err(|error| failed(error.into()))?;
    let pages: Vec<Vec<String>> = frames.iter().map(|frame| qr::lines(frame, EcLevel::L)).collect();
    let rows = pages.iter().map(Vec::len).max().unwrap_or_default();
    let columns = pages.iter().flatten().map(|line| line.chars().count()).max().unwrap_or_default();
    if usize::from(size.ws_row) < rows || usize::from(size.ws_col) < columns {
        let error = format!("the terminal is too small for the codes: {columns}x{rows} is needed");
        return Err(Failure::new(Exit::Input, error, "make the window larger, or give --qr=DIR for images"));
    }
    let mut stage = Stage::open(&tty).map_err(failed)?;
    for at in (0..pages.len()).cycle() {
        let mut text = beside.to_vec();
        text.push(format!("Code {} of {}", at + 1, pages.len()));
        text.push("Any key ends it.".to_owned());
        let room = usize::from(size.ws_col) - columns;
        stage.frame(&pages[at], &text, columns, room).map_err(failed)?;
        if stage.pressed(pages.len() > 1).map_err(failed)? {
            break;
        }
    }
    Ok(())
}

/// The terminal while codes are on it; it is given back as it was when this is dropped.
struct Stage<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Stage<'a> {
    fn open(tty: &'a File) -> io::Result<Self> {
        let before = termios::tcgetattr(tty)?;
        let mut raw = before.clone();
        raw.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        termios::tcsetattr(tty, OptionalActions::Flush, &raw)?;
        let stage = Self { tty, before };
        // The other screen, without a cursor.
        stage.tty.try_clone()?.write_all(b"\x1b[?1049h\x1b[?25l")?;
        Ok(stage)
    }

    /// One code at the left, with the text beside it where there is room.
    fn frame(&mut self, code: &[String], text: &[String], columns: usize, room: usize) -> io::Result<()> {
        let mut shown = String::from("\x1b[?2026h\x1b[2J");
        for (line, row) in code.iter().zip(1..) {
            // Black on white, whatever the terminal's colours are: an inverted code is not read.
            shown += &format!("\x1b[{row};1H\x1b[38;2;0;0;0;48;2;255;255;255m{line}\x1b[0m");
        }
        for (line, row) in text.iter().zip(1..).filter(|_| room > 4) {
            let line: String = line.chars().take(room - 2).collect();
            shown += &format!("\x1b[{row};{}H{line}", columns + 3);
        }
        shown += "\x1b[?2026l";
        let mut tty = self.tty;
        tty.write_all(shown.as_bytes()).and_then(|()| tty.flush())
    }

    /// Whether a key was pressed while a frame stood; a single one stands until then.
    fn pressed(&mut self, moves: bool) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.tty, PollFlags::IN)];
        let ready = match event::poll(&mut fds, moves.then_some(&STANDS)) {
            Err(rustix::io::Errno::INTR) => 0,
            ready => ready?,
        };
        if ready > 0 {
            let mut tty = self.tty;
            // What the key was does not matter, and none of it is left for the shell.
            let _dropped = tty.read(&mut [0; 64])?;
        }
        Ok(ready > 0)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let mut tty = self.tty;
        // Nothing can be done about a terminal that is gone.
        drop(tty.write_all(b"\x1b[?25h\x1b[?1049l"));
        let _ = termios::tcsetattr(self.tty, OptionalActions::Flush, &self.before);
    }
}
