//! A module is tried in a child process before it is loaded here: a damaged one kills its host while it is loaded.
//!
//! The parent runs this program again as `PROGRAM --probe-module PATH`; the child loads the module, starts it, reads
//! its slots, and says in one line what happened. A child that dies or stays silent is an answer, too.

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

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::quiet;

/// The hidden argument that makes this program a probe.
pub const PROBE_ARGUMENT: &str = "--probe-module";

/// How long a module may take to start: readers are slow, a person at the table is not patient.
const WAIT: Duration = Duration::from_secs(20);
const LONGEST_ANSWER: u64 = 4096;

/// Tries the module at `path`, in a process of its own that runs `program` again.
///
/// # Errors
/// `Module`, with a sentence for each way in which a file is not a module that works.
pub(super) fn probe(path: &Path, program: &Path) -> Result<(), StoreError> {
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
        Answer::Said(line) => match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("ok", _) => Ok(()),
            ("open", why) => Err(bad(
                format!("cannot open the PKCS#11 module {}: {}", path.display(), printable(why)),
                format!(
                    "check the path, what the file needs, and that it is for this CPU ({})",
                    std::env::consts::ARCH
                ),
            )),
            ("symbol", _) => Err(bad(
                format!("{} is a shared library but not a PKCS#11 module", path.display()),
                "name the vendor's PKCS#11 module, such as libykcs11.so or opensc-pkcs11.so",
            )),
            ("start", code) => Err(message::not_started(path, code)),
            _ => Err(crashed(path)),
        },
        Answer::Died => Err(crashed(path)),
        Answer::Silent => Err(bad(
            format!("the PKCS#11 module {} did not answer within {} seconds", path.display(), WAIT.as_secs()),
            "see that its reader and its service (pcscd) work, then try again",
        )),
    }
}

enum Answer {
    Said(String),
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
    match said {
        Ok(Ok(said)) if said.ends_with('\n') => Answer::Said(said),
        Ok(_) | Err(mpsc::RecvTimeoutError::Disconnected) => Answer::Died,
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
        Ok(()) => "ok".to_owned(),
        Err(Error::MissingSymbol(_)) => "symbol".to_owned(),
        Err(Error::Pkcs11(code, _)) => format!("start {}", message::code(code)),
        Err(error) => format!("open {}", reason(&error)),
    };
    match writeln!(screen.out, "{}", said.replace('\n', " ")) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn try_module(path: &Path) -> Result<(), Error> {
    let p11 = Pkcs11::new(path)?;
    module::start(&p11)?;
    // Only a crash matters here: what these answer is asked again, and told, when the module is used.
    for slot in p11.get_slots_with_token().unwrap_or_default() {
        drop(p11.get_token_info(slot));
    }
    drop(p11.finalize());
    Ok(())
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
