//! What a command prints, and how it ends.

use std::io;
use std::io::Write;

use crate::words;

/// The exit codes, as `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and it holds.
    Done = 0,
    /// The answer is no: not verified, threshold not met, plan refused.
    No = 1,
    /// The command line is wrong, or an input cannot be read or parsed.
    Input = 2,
    /// Stopped by the people; `resume` goes on.
    Stopped = 3,
    /// The machine is not fit.
    Machine = 4,
    /// A key store or token failed.
    Store = 5,
    /// Something recorded or signed was changed.
    Integrity = 6,
}

/// Why a command did not end with [`Exit::Done`].
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened and what is unchanged. Empty when the command has already said it.
    pub error: String,
    /// What to do next; may be empty.
    pub hint: String,
}

impl Failure {
    /// A failure with a hint.
    pub fn new(exit: Exit, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, error: error.into(), hint: hint.into() }
    }
}

/// Where a command prints. With `json`, stdout carries exactly one JSON document and people's text goes to stderr.
pub struct Output {
    /// Standard output.
    pub out: Box<dyn Write>,
    /// Standard error.
    pub err: Box<dyn Write>,
    /// `--json`
    pub json: bool,
    /// Whether the one document was printed.
    documented: bool,
    /// Why standard output could not take something; a pipe that its reader closed is no failure.
    lost: Option<io::Error>,
}

impl Output {
    /// Standard output and standard error.
    pub fn standard(json: bool) -> Self {
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), json, documented: false, lost: None }
    }

    /// A line for people: what comes from files acts on no screen. Whoever closes the pipe misses the rest, and the exit
    /// code stays true.
    pub fn line(&mut self, text: impl std::fmt::Display) {
        self.people(&shown(&text.to_string()));
    }

    /// The end of a page of text, where a printer takes the next sheet.
    pub fn page_end(&mut self) {
        self.people("\u{c}");
    }

    fn people(&mut self, text: &str) {
        let to = if self.json { &mut self.err } else { &mut self.out };
        let written = writeln!(to, "{text}").and_then(|()| to.flush());
        self.keep(written);
    }

    /// Bytes for standard output, as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        self.keep(written);
    }

    fn keep(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost = Some(error);
        }
    }

    /// Ends a command: with `--json` there is a document whatever happened, and what was lost on the way is a failure.
    pub fn end(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        if self.json && !self.documented {
            let document = match &result {
                Ok(()) => serde_json::json!({"done": true}),
                Err(failure) => {
                    serde_json::json!({"done": false, "exit": failure.exit as u8, "error": failure.error, "hint": failure.hint})
                }
            };
            self.document(&document)?;
        }
        let lost = self.lost.take().map(|error| format!("standard output: {error}; not everything was said"));
        match (result, lost) {
            (Ok(()), Some(lost)) => Err(Failure::new(Exit::Input, lost, "")),
            // The answer no, which stood there.
            (Err(failure), Some(lost)) if failure.error.is_empty() => Err(Failure { error: lost, ..failure }),
            (result, _) => result,
        }
    }

    /// The one JSON document of `--json`; nothing otherwise.
    pub fn document(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        self.documented = true;
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
            Failure::new(Exit::Input, format!("the document cannot be written: {error}"), "")
        })?;
        text.push(b'\n');
        self.bytes(&text);
        Ok(())
    }
}

impl Output {
    /// Prints why a command failed: `error:` and, where there is one, `hint:`.
    pub fn failure(&mut self, failure: &Failure) {
        // A closed standard error leaves nothing to tell, and the exit code still says it.
        for (name, text) in [("error", &failure.error), ("hint", &failure.hint)] {
            if !text.is_empty() {
                drop(writeln!(self.err, "{name}: {}", shown(text)));
            }
        }
    }
}

/// What comes from files and names acts on no screen; the lines are ours.
fn shown(text: &str) -> String {
    text.split('\n').map(words::plain).collect::<Vec<_>>().join("\n")
}

impl From<crate::driver::Stop> for Failure {
    fn from(stop: crate::driver::Stop) -> Self {
        use crate::driver::StopKind;
        let exit = match stop.kind {
            StopKind::No => Exit::No,
            StopKind::Input => Exit::Input,
            StopKind::People => Exit::Stopped,
            StopKind::Machine => Exit::Machine,
            StopKind::Store | StopKind::Secret => Exit::Store,
            StopKind::Integrity => Exit::Integrity,
        };
        Self::new(exit, stop.error, stop.hint)
    }
}
