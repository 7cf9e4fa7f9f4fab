//! Nothing that a PKCS#11 module prints reaches the screen.
//!
//! Modules write to standard output and standard error as they like (tpm2-pkcs11 and p11-kit's proxy do, whatever
//! their log level). They run in child processes that begin with [`silence`]; a front end that draws does the same, so
//! that no library of ours can write over its screen either.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;

use rustix::fd::BorrowedFd;

/// The real standard output and standard error, private to this process: a child does not inherit them.
#[derive(Debug)]
pub struct Screen {
    /// Standard output.
    pub out: File,
    /// Standard error.
    pub err: File,
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
