//! Nothing that a PKCS#11 module prints reaches the screen.
//!
//! Modules write to standard output and standard error as they like (tpm2-pkcs11 and p11-kit's proxy do, whatever
//! their log level). Two ways, and both may be used together:
//!
//! - [`silence`], once, at the start of a command that draws while a module works in another thread: file descriptors
//!   1 and 2 lead nowhere from then on, and the front end writes to the [`Screen`] it gets.
//! - [`hush`], around each call into a module: the descriptors come back when the guard is dropped. The key store does
//!   this by itself, so that no command can forget it. Meanwhile no other thread may print.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rustix::fd::BorrowedFd;

/// The real standard output and standard error, private to this process: a child does not inherit them.
#[derive(Debug)]
pub struct Screen {
    /// Standard output.
    pub out: File,
    /// Standard error.
    pub err: File,
}

/// The real descriptors while at least one [`Hush`] lives.
static HUSHED: Mutex<Hushed> = Mutex::new(Hushed { guards: 0, saved: None });

struct Hushed {
    guards: usize,
    saved: Option<(OwnedFd, OwnedFd)>,
}

fn hushed() -> MutexGuard<'static, Hushed> {
    HUSHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the screen away from everyone but the caller, for the rest of the process: whatever is written to
/// descriptors 1 and 2 afterwards goes to `log`, or nowhere.
///
/// # Errors
/// When a descriptor cannot be duplicated or `/dev/null` cannot be opened; then nothing has changed.
pub fn silence(log: Option<&File>) -> io::Result<Screen> {
    let (out, err) = save()?;
    match log {
        Some(log) => redirect(rustix::fd::AsFd::as_fd(log))?,
        None => redirect(rustix::fd::AsFd::as_fd(&nowhere()?))?,
    }
    Ok(Screen { out: out.into(), err: err.into() })
}

/// Keeps descriptors 1 and 2 away from the screen while it lives. Guards may overlap: the last one gives them back.
#[derive(Debug)]
pub struct Hush(());

/// Leads descriptors 1 and 2 nowhere until the guard is dropped.
///
/// # Errors
/// As [`silence`].
pub fn hush() -> io::Result<Hush> {
    let mut state = hushed();
    if state.guards == 0 {
        let saved = save()?;
        redirect(rustix::fd::AsFd::as_fd(&nowhere()?))?;
        state.saved = Some(saved);
    }
    state.guards += 1;
    Ok(Hush(()))
}

impl Drop for Hush {
    fn drop(&mut self) {
        let mut state = hushed();
        state.guards -= 1;
        if state.guards == 0
            && let Some((out, err)) = state.saved.take()
        {
            // dup2 onto an open descriptor fails only when interrupted, and rustix does not retry that.
            while rustix::stdio::dup2_stdout(&out) == Err(rustix::io::Errno::INTR) {}
            while rustix::stdio::dup2_stderr(&err) == Err(rustix::io::Errno::INTR) {}
        }
    }
}

/// Private copies of the real descriptors; what Rust has buffered is written first.
fn save() -> io::Result<(OwnedFd, OwnedFd)> {
    io::stdout().flush()?;
    let out = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let err = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    Ok((out, err))
}

fn nowhere() -> io::Result<File> {
    OpenOptions::new().write(true).open("/dev/null")
}

fn redirect(to: BorrowedFd<'_>) -> io::Result<()> {
    rustix::stdio::dup2_stdout(to)?;
    rustix::stdio::dup2_stderr(to)?;
    Ok(())
}
