//! A module is tried in a child process before it is loaded here, and looked through from there: a damaged one kills its
//! host while it is loaded, and a sound one may hang when a card is pulled out at the wrong moment.
//!
//! The parent runs this program again as `PROGRAM --probe-module PATH`; the child loads the module, starts it, reads
//! its tokens, and says in one line what happened. A child that dies or stays silent is an answer, too.

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::keystore::quiet;

/// The hidden argument that makes this program a probe.
pub const PROBE_ARGUMENT: &str = "--probe-module";

/// How long a module may take to start: readers are slow, a person at the table is not patient.
const WAIT: Duration = Duration::from_secs(15);
const LONGEST_ANSWER: u64 = 1 << 20;

/// What the child says.
#[derive(Serialize, Deserialize)]
enum Said {
    /// The module works, and shows these tokens.
    Tokens(Vec<Token>),
    /// The module works, and its readers do not.
    NoReaders(StoreErrorKind, String, String),
    /// The dynamic linker refused the file.
    NotOpened(String),
    /// The library is no PKCS#11 module.
    NoSymbol,
    /// `C_Initialize` answered this.
    NotStarted(String),
}

/// Tries the module at `path`. That its readers do not work is for the call that uses them.
///
/// # Errors
/// `Module`, with a sentence for each way in which a file is not a module that works.
pub(super) fn try_first(path: &Path, program: &Path) -> Result<(), StoreError> {
    match ask(path, program)? {
        Said::Tokens(_) | Said::NoReaders(..) => Ok(()),
        said => Err(refusal(path, said)),
    }
}

/// The tokens that the module at `path` shows, seen from a process of its own that runs `program` again.
///
/// # Errors
/// As [`try_first`], and what the readers answered.
pub(super) fn probe(path: &Path, program: &Path) -> Result<Vec<Token>, StoreError> {
    match ask(path, program)? {
        Said::Tokens(tokens) => Ok(tokens),
        said => Err(refusal(path, said)),
    }
}

fn refusal(path: &Path, said: Said) -> StoreError {
    match said {
        Said::NotOpened(why) => bad(
            format!("cannot open the PKCS#11 module {}: {}", path.display(), printable(&why)),
            format!(
                "check the path, what the file needs, and that it is for this CPU ({})",
                std::env::consts::ARCH
            ),
        ),
        Said::NoSymbol => bad(
            format!("{} is a shared library but not a PKCS#11 module", path.display()),
            "name the vendor's PKCS#11 module, such as libykcs11.so or opensc-pkcs11.so",
        ),
        Said::NotStarted(code) => message::not_started(path, &code),
        Said::NoReaders(kind, text, hint) => StoreError::new(kind, text, hint),
        Said::Tokens(_) => crashed(path),
    }
}

fn ask(path: &Path, program: &Path) -> Result<Said, StoreError> {
    let spawned = Command::new(program)
        .arg(PROBE_ARGUMENT)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let child = spawned.map_err(|error| {
        bad(
            format!(
                "the PKCS#11 module {} was not loaded, since it cannot be tried first: {error}",
                path.display()
            ),
            "see that this program may start itself",
        )
    })?;
    match answer(child) {
        Answer::Said(said) => Ok(said),
        Answer::Died => Err(crashed(path)),
        Answer::Silent => Err(bad(
            format!("the PKCS#11 module {} did not answer within {} seconds", path.display(), WAIT.as_secs()),
            "see that its reader and its service (pcscd) work, then try again",
        )),
    }
}

enum Answer {
    Said(Said),
    Died,
    Silent,
}

fn answer(mut child: Child) -> Answer {
    let (send, receive) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut said = String::new();
            let read = stdout.take(LONGEST_ANSWER).read_to_string(&mut said);
            // The receiver is gone after the wait; nobody needs the answer then.
            drop(send.send(read.map(|_| said)));
        });
    }
    let said = receive.recv_timeout(WAIT);
    // Ends a child that hangs; one that has answered is on its way out and has nothing to lose.
    drop(child.kill());
    drop(child.wait());
    match said.map(|read| read.ok().and_then(|said| serde_json::from_str(&said).ok())) {
        Ok(Some(said)) => Answer::Said(said),
        Ok(None) | Err(mpsc::RecvTimeoutError::Disconnected) => Answer::Died,
        Err(mpsc::RecvTimeoutError::Timeout) => Answer::Silent,
    }
}

fn crashed(path: &Path) -> StoreError {
    bad(
        format!(
            "{} crashed while it was loaded; it is damaged or not a PKCS#11 module. It was tried in a process of its \
             own, and nothing here is affected",
            path.display()
        ),
        "install the module again from its vendor, or name another one",
    )
}

fn bad(text: String, hint: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Module, text, hint)
}

/// The child: loads the module at `path`, says in one line what happened, and returns the exit code of the process.
/// What the module prints goes nowhere.
pub fn probe_child(path: &Path) -> i32 {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // A crash is expected here and its core is of no use.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let Ok(mut screen) = quiet::silence(None) else { return 1 };
    let said = match try_module(path) {
        Ok(Ok(tokens)) => Said::Tokens(tokens),
        Ok(Err(error)) => Said::NoReaders(error.kind, error.text, error.hint),
        Err(Error::MissingSymbol(_)) => Said::NoSymbol,
        Err(Error::Pkcs11(code, _)) => Said::NotStarted(message::code(code)),
        Err(error) => Said::NotOpened(reason(&error)),
    };
    let told = serde_json::to_vec(&said).map(|line| screen.out.write_all(&line));
    i32::from(!matches!(told, Ok(Ok(()))))
}

fn try_module(path: &Path) -> Result<Result<Vec<Token>, StoreError>, Error> {
    let p11 = Pkcs11::new(path)?;
    module::start(&p11)?;
    let tokens = token::all(&p11, path);
    drop(p11.finalize());
    Ok(tokens)
}

/// What the dynamic linker says, without the path that it repeats.
fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    if let Error::LibraryLoading(inner) = error {
        text = std::error::Error::source(inner).map_or_else(|| inner.to_string(), ToString::to_string);
        if let Some((_, rest)) = text.split_once(": ") {
            text = rest.to_owned();
        }
    }
    text
}
