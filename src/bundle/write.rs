//! Puts a bundle on a drive: a directory of its name is complete, or it is not there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::bundle::Content;
use crate::bundle::File;
use crate::bundle::is_plain;

/// Why a bundle was not written, and what is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The name is taken.
    #[error("{} is there already; nothing was written and it is unchanged", .0.display())]
    Exists(PathBuf),
    /// The name under which it is written is taken.
    #[error("{} is there, as a run leaves it that was cut off; nothing was written and it is unchanged. Look into it, and take it away", .0.display())]
    Unfinished(PathBuf),
    /// The drive refused.
    #[error("{}: {error}; {} was not made and what was written of it is removed", .path.display(), .to.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The bundle.
        to: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It has its name, and the drive did not confirm it.
    #[error("{} is complete, but the drive did not confirm its name ({error}); verify it before you rely on it", .to.display())]
    NotSynced {
        /// The bundle.
        to: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A path that leads out of the bundle.
    #[error("{0:?} cannot be the name of a file in a bundle; nothing was written")]
    Path(String),
    /// A private key.
    #[error("{path} holds {shape}; a bundle is public: nothing was written")]
    PrivateKey {
        /// The file in the bundle.
        path: String,
        /// What it holds.
        shape: &'static str,
    },
}

/// Writes `files` into a new directory `to`.
///
/// They are written into `TO.partial`, each one brought to the disk, and the directory takes its name when all are
/// there. An existing `to` is never touched.
pub fn write(files: &[File], to: &Path) -> Result<(), WriteError> {
    for (path, content) in files {
        if !is_plain(path) {
            return Err(WriteError::Path(path.clone()));
        }
        // A copied file was looked at when it was hashed.
        let Content::Bytes(bytes) = content else { continue };
        if let Some(shape) = bytes.private_material() {
            return Err(WriteError::PrivateKey { path: path.clone(), shape });
        }
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(WriteError::Exists(to.to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = |(path, error): (PathBuf, io::Error)| WriteError::Io { path, to: to.to_owned(), error };
    match fs::create_dir(&partial) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(WriteError::Unfinished(partial));
        }
        made => made.map_err(|e| failed((partial.clone(), e)))?,
    }
    let written = fill(&partial, files.iter().map(|(path, content)| (path.as_str(), content)))
        .and_then(|()| rename_new(&partial, to).map_err(|e| (to.to_owned(), e)));
    if let Err(why) = written {
        // What is left behind is named `.partial` and is no bundle: that removing failed too changes nothing.
        drop(fs::remove_dir_all(&partial));
        return Err(match why {
            (path, error) if error.kind() == io::ErrorKind::AlreadyExists && path == to => {
                WriteError::Exists(path)
            }
            why => failed(why),
        });
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_dir(parent).map_err(|error| WriteError::NotSynced { to: to.to_owned(), error })
}

/// So many files wait for the disk one by one; more of them wait together, which takes seconds instead of minutes.
const ONE_BY_ONE: usize = 100;

/// Makes files that must not exist below a directory, and waits until all of them are on the disk.
pub(crate) fn fill<'a>(
    base: &Path,
    files: impl ExactSizeIterator<Item = (&'a str, &'a Content)>,
) -> Result<(), (PathBuf, io::Error)> {
    let mut folders = BTreeSet::from([base.to_owned()]);
    let together = files.len() > ONE_BY_ONE;
    for (name, content) in files {
        let path = base.join(name);
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != base) {
            folders.insert(folder.to_owned());
        }
        let folder = path.parent().unwrap_or(base);
        fs::create_dir_all(folder).map_err(|e| (folder.to_owned(), e))?;
        let written = fs::File::create_new(&path).and_then(|mut file| {
            content.write(&mut file)?;
            if together { Ok(()) } else { file.sync_all() }
        });
        written.map_err(|e| (path, e))?;
    }
    if together {
        let synced = fs::File::open(base).and_then(|base| Ok(rustix::fs::syncfs(base)?));
        synced.map_err(|error| (base.to_owned(), error))?;
    }
    // The deepest first, so that no name is on the disk before what it names.
    folders.into_iter().rev().try_for_each(|folder| sync_dir(&folder).map_err(|e| (folder, e)))
}

/// Renames, and never over something that is there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::CWD;
    use rustix::fs::RenameFlags;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it: look, then rename.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            Err(_) => fs::rename(from, to),
        },
        done => done.map_err(io::Error::from),
    }
}

/// Brings a directory to the disk, where the file system knows how.
fn sync_dir(path: &Path) -> io::Result<()> {
    match fs::File::open(path)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}
