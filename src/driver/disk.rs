//! Files of the record: made new, written whole, on the disk before anyone goes on.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use rustix::fs::Timespec;

use crate::bundle::medium;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;

/// Makes a file that must not exist, whole or not at all, and waits until it is on the disk.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_of(path, &[bytes])
}

/// The same, of a content in parts.
fn create_of(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    medium::write(&file, parts).and_then(|()| file.sync_all()).inspect_err(|_| {
        // The part is ours, made above, and of no use; the error is what matters.
        drop(fs::remove_file(path));
    })
}

/// Waits until a directory's entries are on the disk.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Gives a derived file this content, in parts: whole or not at all. The same content is left alone.
pub(super) fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    if File::open(path).and_then(|file| medium::holds(&file, parts)).unwrap_or(false) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = directory.join(format!(".{name}.part"));
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_of(&part, parts)?;
    fs::rename(&part, path).inspect_err(|_| drop(fs::remove_file(&part)))?;
    sync(directory)
}

/// Opens a file to read: a regular file, or a pipe into which somebody writes, as a shell's `<(...)`. A pipe without
/// anybody, and a device, would be waited for without end: they are refused.
pub fn open(path: &Path) -> io::Result<impl Read + use<>> {
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    let kind = file.metadata()?.file_type();
    let mut first = Vec::new();
    if kind.is_fifo() {
        // Who is just about to write has a second.
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        rustix::event::poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&second))?;
        let mut byte = [0];
        match file.read(&mut byte) {
            Ok(0) => return Err(io::Error::other("it is a pipe, and nobody writes into it")),
            Ok(_) => first.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    } else if !kind.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(io::Cursor::new(first).chain(file))
}

/// Opens what can be read a second time: a regular file. What a pipe gives, it gives once.
pub fn open_file(path: &Path) -> Option<impl Read + use<>> {
    if path.is_file() { open(path).ok() } else { None }
}

/// Reads a file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max} bytes")));
    }
    Ok(bytes)
}

/// The record cannot be written: the ceremony stops, for without a record it must not go on.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Stop {
    Stop::new(
        StopKind::Machine,
        format!("{} cannot be written: {error}. What was recorded before stays as it is", path.display()),
        format!("{}, then `keyrite resume`", remedy(error)),
    )
}

/// A file that was asked for was not made, and nothing of it is left.
pub(super) fn not_written(path: &Path, error: &io::Error) -> Stop {
    let what = format!("{}: {error}; nothing was written", shown(path));
    match error.kind() {
        io::ErrorKind::FileTooLarge | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Stop::new(StopKind::Machine, what, format!("{}, then do it again", remedy(error)))
        }
        _ => {
            let hint = "name a file that does not exist, in a directory that can be written";
            Stop::new(StopKind::Input, what, hint)
        }
    }
}

/// What makes writing possible again.
pub(super) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::FileTooLarge => "allow larger files (`ulimit -f unlimited`)",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room",
        _ => "make room or make it writable",
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        (folder, path)
    }

    #[test]
    fn what_would_be_waited_for_without_end_is_refused() {
        let (folder, path) = pipe();

        let refused = |path: &Path| read(path, 9).unwrap_err().to_string();

        assert_eq!(refused(&path), "it is a pipe, and nobody writes into it");
        assert_eq!(refused(Path::new("/dev/zero")), "it is not a file");
        assert_eq!(refused(folder.path()), "it is not a file");
    }

    #[test]
    fn a_pipe_into_which_somebody_writes_is_read_to_its_end() {
        let (_folder, path) = pipe();
        let bytes = vec![7; 1 << 18];

        let read = thread::scope(|scope| {
            scope.spawn(|| fs::write(&path, &bytes).unwrap());
            read(&path, 1 << 20).unwrap()
        });

        assert_eq!(read, bytes);
    }
}
