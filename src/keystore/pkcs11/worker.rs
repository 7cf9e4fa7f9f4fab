//! A module runs in a child process and nowhere else: a damaged one kills its host while it is loaded, a sound one may
//! hang for ever when a card is pulled out at the wrong moment, and the ceremony goes on.
//!
//! The parent runs this program again as `PROGRAM --probe-module PATH`, and writes to its standard input the length of
//! the PIN, the PIN, the length of the job, the job, and what is to be signed, as it is, while the child signs. The child
//! loads the module, does the job, and answers with one line of JSON. A child that dies or stays silent is an answer, too.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::hygiene;
use crate::keystore::pkcs11::job;
use crate::keystore::pkcs11::job::Said;
use crate::keystore::pkcs11::job::Work;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::module::Settings;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::keystore::quiet;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::Bytes;

/// The hidden argument that makes this program a worker.
pub const PROBE_ARGUMENT: &str = "--probe-module";

/// How long a module may take to look at its tokens: readers are slow, a person at the table is not patient.
const WAIT: Duration = Duration::from_secs(15);
/// While a token works, or waits for a touch or its PIN pad, it is asked for so often whether it is still there.
const STILL_THERE: Duration = Duration::from_secs(10);
/// A PIN of this length is none.
const NO_PIN: u32 = u32::MAX;
/// A child that says more is not believed: its module may have taken it over.
const LONGEST_ANSWER: u64 = 16 << 20;
/// No token takes a longer one.
const LONGEST_PIN: u32 = 1 << 16;

/// The job on its way to the child.
#[derive(Serialize, Deserialize)]
struct Job {
    module: ModuleFile,
    uri: String,
    work: Work,
}

/// What the child answers: the outcome, or why there is none.
#[derive(Serialize, Deserialize)]
enum Answer {
    Said(Said),
    /// The dynamic linker refused the file.
    NotOpened(String),
    /// The library is no PKCS#11 module.
    NoSymbol,
    /// `C_Initialize` answered this.
    NotStarted(String),
}

/// The tokens that the module at `path` shows now.
///
/// # Errors
/// `Module`, with a sentence for each way in which a file is not a module that works, and what the readers answered.
pub(super) fn look(path: &Path, settings: &Settings) -> Result<(ModuleFile, Vec<Token>), StoreError> {
    let file = module::read(path)?;
    module::check_pin(&file, settings.module_sha256)?;
    let job = Job { module: file, uri: String::new(), work: Work::Look };
    let (child, answer) = start(&settings.program, &job, None, &[])?;
    let tokens = told(&job.module.path, wait(child, &answer, WAIT, || Silence::Stop))?.tokens()?;
    Ok((job.module, tokens))
}

/// Does `work` with the token that `uri` names. `payloads` are those whose lengths it says.
///
/// # Errors
/// As [`look`], and what the token answered.
pub(super) fn run(
    path: &Path,
    settings: &Settings,
    uri: &Pkcs11Uri,
    secret: Option<&SecretString>,
    work: Work,
    payloads: &[Bytes],
) -> Result<Said, StoreError> {
    let file = module::read(path)?;
    module::check_pin(&file, settings.module_sha256)?;
    let job = Job { module: file, uri: uri.to_string(), work };
    let (child, answer) = start(&settings.program, &job, secret, payloads)?;
    // A touch or a PIN pad may take its time. A module whose token has gone, and which says nothing, will never.
    let still_there = || match look(path, settings).and_then(|(_, tokens)| token::pick(tokens, uri)) {
        Err(error) if error.kind == StoreErrorKind::NoSuchToken => Silence::Stop,
        Ok(_) | Err(_) => Silence::GoOn,
    };
    match wait(child, &answer, STILL_THERE, still_there) {
        Outcome::Silent => Err(StoreError::new(
            StoreErrorKind::TokenGone,
            format!("{} stopped answering, and its module with it; was it removed?", token::wanted(uri)),
            "put the token back and try again; you will be asked for the PIN again",
        )),
        outcome => told(&job.module.path, outcome),
    }
}

/// A worker that does not answer what it was asked.
pub(super) fn nonsense() -> StoreError {
    bad(
        "the process that runs the PKCS#11 module answered nonsense".to_owned(),
        "use another module for this token",
    )
}

fn told(path: &Path, outcome: Outcome) -> Result<Said, StoreError> {
    let path = path.display();
    match outcome {
        Outcome::Answer(Answer::Said(Said::Failed(kind, text, hint))) => {
            Err(StoreError::new(kind, text, hint))
        }
        Outcome::Answer(Answer::Said(said)) => Ok(said),
        Outcome::Answer(Answer::NotOpened(why)) => Err(bad(
            format!("cannot open the PKCS#11 module {path}: {}", printable(&why)),
            format!(
                "check the path, what the file needs, and that it is for this CPU ({})",
                std::env::consts::ARCH
            ),
        )),
        Outcome::Answer(Answer::NoSymbol) => Err(bad(
            format!("{path} is a shared library but not a PKCS#11 module"),
            "name the vendor's PKCS#11 module, such as libykcs11.so or opensc-pkcs11.so",
        )),
        Outcome::Answer(Answer::NotStarted(code)) => {
            Err(message::not_started(&PathBuf::from(path.to_string()), &code))
        }
        Outcome::Died => Err(bad(
            format!(
                "{path} crashed; it is damaged or not a PKCS#11 module. It ran in a process of its own, and nothing \
                 here is affected"
            ),
            "install the module again from its vendor, or name another one",
        )),
        Outcome::Silent => Err(bad(
            format!("the PKCS#11 module {path} did not answer within {} seconds", WAIT.as_secs()),
            "see that its reader and its service (pcscd) work, then try again",
        )),
    }
}

enum Outcome {
    Answer(Answer),
    Died,
    Silent,
}

/// What to do about a child that has said nothing for a while.
enum Silence {
    GoOn,
    Stop,
}

type Line = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Starts the child, and hands it its job.
fn start(
    program: &Path,
    job: &Job,
    secret: Option<&SecretString>,
    payloads: &[Bytes],
) -> Result<(Child, Line), StoreError> {
    let cannot = |error: io::Error| {
        bad(
            format!(
                "the PKCS#11 module {} was not loaded: no process for it: {error}",
                job.module.path.display()
            ),
            "see that this program may start itself",
        )
    };
    let line = serde_json::to_vec(job).map_err(io::Error::from).map_err(cannot)?;
    let mut child = Command::new(program)
        .arg(PROBE_ARGUMENT)
        .arg(&job.module.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let (send, receive) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut said = Vec::new();
            let read = stdout.take(LONGEST_ANSWER).read_to_end(&mut said);
            // The receiver is gone after the wait; nobody needs the answer then.
            drop(send.send(read.map(|_| said)));
        });
    }
    if let Some(mut stdin) = child.stdin.take() {
        let pin = secret.map(|secret| secret.expose_secret().as_bytes());
        let len = pin.map_or(NO_PIN, |pin| u32::try_from(pin.len()).unwrap_or(LONGEST_PIN + 1));
        let head = [&len.to_be_bytes(), pin.unwrap_or_default(), &(line.len() as u64).to_be_bytes(), &line];
        let written = head.into_iter().try_for_each(|part| stdin.write_all(part));
        // A child that died before it had read its job says so by its silence.
        if written.is_ok() && !payloads.is_empty() {
            let payloads = payloads.to_vec();
            // Beside the wait: a module that hangs takes no more.
            thread::spawn(move || payloads.iter().try_for_each(|one| stdin.write_all(one)));
        }
    }
    Ok((child, receive))
}

fn wait(mut child: Child, line: &Line, patience: Duration, silence: impl Fn() -> Silence) -> Outcome {
    let said = loop {
        match (line.recv_timeout(patience), &silence) {
            (Err(RecvTimeoutError::Timeout), silence) if matches!(silence(), Silence::GoOn) => {}
            (said, _) => break said,
        }
    };
    // Ends a child that hangs; one that has answered is on its way out and has nothing to lose.
    drop(child.kill());
    drop(child.wait());
    match said {
        Ok(read) => understood(&read.unwrap_or_default()),
        Err(RecvTimeoutError::Disconnected) => Outcome::Died,
        Err(RecvTimeoutError::Timeout) => Outcome::Silent,
    }
}

/// What a child's bytes say: the child is no more to be trusted than the module in it.
fn understood(said: &[u8]) -> Outcome {
    serde_json::from_slice(said).map_or(Outcome::Died, Outcome::Answer)
}

/// Reads what the process of the module at `path` said, as every call does that waits for one.
///
/// # Errors
/// What it says went wrong, or that it is no answer.
pub fn read_answer(path: &Path, said: &[u8]) -> Result<(), StoreError> {
    told(path, understood(said)).map(drop)
}

fn bad(text: String, hint: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Module, text, hint)
}

/// The child: does the job on its standard input with the module at `path`, answers, and returns the exit code of the
/// process. What the module prints goes nowhere.
pub fn probe_child(path: &Path) -> i32 {
    // A crash is to be expected here, and its core could hold a PIN.
    hygiene::protect_process();
    let Ok(mut screen) = quiet::silence(None) else { return 1 };
    let Ok((job, secret, mut payloads)) = read_job() else { return 1 };
    let answer = match work(path, &job, secret.as_ref(), &mut payloads) {
        Ok(Ok(said)) => Answer::Said(said),
        Ok(Err(error)) => Answer::Said(Said::Failed(error.kind, error.text, error.hint)),
        Err(Error::MissingSymbol(_)) => Answer::NoSymbol,
        Err(Error::Pkcs11(code, _)) => Answer::NotStarted(message::code(code)),
        Err(error) => Answer::NotOpened(reason(&error)),
    };
    let told = serde_json::to_vec(&answer).map(|line| screen.out.write_all(&line));
    i32::from(!matches!(told, Ok(Ok(()))))
}

/// Reads past Rust's buffered standard input, which would keep a copy of the PIN, and leaves the payloads to be read,
/// out of reach of a module that reads standard input.
fn read_job() -> io::Result<(Job, Option<SecretString>, File)> {
    let mut stdin = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut len = [0; 4];
    stdin.read_exact(&mut len)?;
    let secret = match u32::from_be_bytes(len) {
        NO_PIN => None,
        len if len > LONGEST_PIN => return Err(io::ErrorKind::InvalidData.into()),
        len => {
            let mut pin = vec![0; len as usize];
            stdin.read_exact(&mut pin)?;
            Some(SecretString::from(String::from_utf8(pin).map_err(|_| io::ErrorKind::InvalidData)?))
        }
    };
    let mut len = [0; 8];
    stdin.read_exact(&mut len)?;
    let mut line = Vec::new();
    Read::take(&mut stdin, u64::from_be_bytes(len)).read_to_end(&mut line)?;
    Ok((serde_json::from_slice(&line)?, secret, stdin))
}

fn work(
    path: &Path,
    job: &Job,
    secret: Option<&SecretString>,
    payloads: &mut File,
) -> Result<Result<Said, StoreError>, Error> {
    // Its parent has read the file; what is loaded is the same, as far as a path can say so.
    match module::read(path) {
        Ok(file) if file == job.module => {}
        Ok(_) => {
            return Ok(Err(bad("the PKCS#11 module changed while it was loaded".to_owned(), "find out why")));
        }
        Err(error) => return Ok(Err(error)),
    }
    let p11 = Pkcs11::new(path)?;
    module::start(&p11)?;
    let uri = match &job.work {
        Work::Look => Ok(Pkcs11Uri::default()),
        _ => Pkcs11Uri::of_token(&job.uri).map_err(|_| nonsense()),
    };
    let said = uri.and_then(|uri| job::perform(&p11, &job.module, &uri, secret, &job.work, payloads));
    drop(p11.finalize());
    Ok(said)
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
