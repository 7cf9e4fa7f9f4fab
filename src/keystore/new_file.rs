//! Files that hold keys: made whole or not at all, and never in place of another.
//!
//! A file is written under a temporary name in its own directory, flushed, read back, and only then given its
//! name by a rename that refuses to replace. After a crash there may be a `.NAME.RANDOM.keyrite-tmp`; it is
//! encrypted like the file itself, and can be removed.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Advice;
use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

/// The longest file that is read as a key file, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// A file that has no name of its own yet. Dropped before [`Pending::publish`], it is removed.
pub(crate) struct Pending {
    temporary: PathBuf,
    last: PathBuf,
    kept: bool,
}

impl Pending {
    /// Writes `bytes` beside `last`, readable by its owner alone, and flushes them to the disk.
    pub(crate) fn write(last: &Path, bytes: &[u8]) -> io::Result<Self> {
        let name = last.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("no random numbers"))?;
        let name: String = name.to_string_lossy().chars().take(40).collect();
        let name = format!(".{name}.{}.keyrite-tmp", hex::encode(random));
        let temporary = directory_of(last).join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let pending = Self { temporary, last: last.to_owned(), kept: false };
        file.write_all(bytes)?;
        file.sync_all()?;
        // Only a hint, so that reading back asks the disk and not our own memory.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        Ok(pending)
    }

    /// The bytes as they are on the disk now.
    pub(crate) fn read_back(&self) -> io::Result<Vec<u8>> {
        read_bounded(&mut File::open(&self.temporary)?)
    }

    /// Gives the file its name. `AlreadyExists` when something has that name; that is then unchanged.
    pub(crate) fn publish(mut self) -> io::Result<()> {
        match rustix::fs::renameat_with(CWD, &self.temporary, CWD, &self.last, RenameFlags::NOREPLACE) {
            Ok(()) => self.kept = true,
            // Some file systems do not know the flag; a hard link refuses to replace as well.
            Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(&self.temporary, &self.last)?,
            Err(error) => return Err(error.into()),
        }
        sync_directory(&self.last)
    }

    /// Puts the file in the place of the one that has its name. For a changed passphrase alone.
    pub(crate) fn replace(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.last)?;
        self.kept = true;
        sync_directory(&self.last)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.kept {
            // What stays behind is encrypted and has a name that says what it is.
            drop(fs::remove_file(&self.temporary));
        }
    }
}

/// Overwrites a file with zeros, down to the disk, and removes it.
pub(crate) fn destroy(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(LONGEST).min(LONGEST);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_directory(path)
}

/// Reads a file of at most [`LONGEST`] bytes; `FileTooLarge` otherwise.
pub(crate) fn read_bounded(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The directory that holds `path`.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let last = dir.path().join("ana.age");
        let pending = Pending::write(&last, b"new").unwrap();
        fs::write(&last, "precious").unwrap();

        let error = pending.publish().unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&last).unwrap(), "precious");
        assert_eq!(names(dir.path()), ["ana.age"]);
    }

    #[test]
    fn before_it_is_published_a_file_has_another_name_that_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let pending = Pending::write(&dir.path().join("ana.age"), b"new").unwrap();

        let name = names(dir.path()).remove(0);
        assert!(name.starts_with(".ana.age.") && name.ends_with(".keyrite-tmp"), "{name}");
        assert_eq!(pending.read_back().unwrap(), b"new");
        drop(pending);

        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_published_file_is_whole_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let last = dir.path().join("ana.age");

        Pending::write(&last, b"new").unwrap().publish().unwrap();

        assert_eq!(fs::read(&last).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["ana.age"]);
    }

    #[test]
    fn a_very_long_name_still_has_a_temporary_one() {
        let dir = tempfile::tempdir().unwrap();
        let last = dir.path().join("x".repeat(255));

        Pending::write(&last, b"new").unwrap().publish().unwrap();

        assert_eq!(fs::read(&last).unwrap(), b"new");
    }
}
