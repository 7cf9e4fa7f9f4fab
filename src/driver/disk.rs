//! Files of the record: made new, written whole, on the disk before anyone goes on.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;

/// Makes a file that must not exist, and waits until it is on the disk.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until a directory's entries are on the disk.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Gives a derived file this content, whole or not at all. The same content is left alone.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = directory.join(format!(".{name}.part"));
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&part, bytes).and_then(|()| fs::rename(&part, path)).inspect_err(|_| {
        // The part is ours and holds nothing that is needed; the error above is what matters.
        drop(fs::remove_file(&part));
    })?;
    sync(directory)
}

/// Reads a file of at most `max` bytes.
pub(super) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
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
        "make room or make it writable, then `keyrite resume`",
    )
}
