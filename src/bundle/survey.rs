//! One pass over the files of a directory: what is there, its length and hashes, and that no private key is among it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::io::Seek;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::bundle::medium;
use crate::bundle::rules;
use crate::tuf::Bytes;
use crate::tuf::SignedFile;

use crate::tuf::client::Refused;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::key::private_material;

/// The largest file that is looked at as one: a key in JSON is recognised only whole.
const WHOLE: u64 = 1 << 24;
/// How much of a larger file is looked at together.
const CHUNK: u64 = 1 << 20;
/// How much of a chunk is looked at again with the next one: longer than the head of any private key.
const OVERLAP: usize = 1 << 12;
/// The deepest directory.
const MAX_DEPTH: usize = 32;
/// The most files.
const MAX_FILES: usize = 1 << 21;

/// What one file is.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) length: u64,
    /// In lower-case hex, where it was asked for.
    pub(super) sha256: String,
    /// Of target files alone.
    pub(super) sha512: String,
    /// Whether it is, byte for byte, the file that is known under this name.
    pub(super) known: bool,
}

fn refuse<T>(rule: &'static str, file: &str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { rule, file: file.to_owned(), why: why.into() })
}

/// Opens a file that must be a plain file; a link is not followed.
pub(super) fn open(path: &Path) -> Result<fs::File, String> {
    find(path)?.ok_or_else(|| std::io::Error::from(Errno::NOENT).to_string())
}

/// The same of a file that may not be there.
pub(super) fn find(path: &Path) -> Result<Option<fs::File>, String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => fs::File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err("a symbolic link, which is not followed".to_owned()),
        Err(error) => return Err(std::io::Error::from(error).to_string()),
    };
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(Some(file)),
        Ok(_) => Err("not a file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Every file below `folder`, by its path below `base` with `/`. With `flat`, folders inside are left alone; without
/// `hash` nobody compares the hashes, and they are empty. What was `looked` at is not read again, and not in the answer.
pub(super) fn survey(
    base: &Path,
    folder: &str,
    flat: bool,
    hash: bool,
    looked: &BTreeSet<String>,
    known: &BTreeMap<String, SignedFile>,
) -> Result<BTreeMap<String, Seen>, Refused> {
    let mut found = BTreeMap::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let unreadable =
            |e: std::io::Error| Refused { rule: FILE_READABLE, file: folder.clone(), why: e.to_string() };
        for entry in fs::read_dir(base.join(&folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return refuse(rules::PLAIN_FILES, &folder, "a name that is not UTF-8");
            };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() && flat {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if kind.is_file() && looked.contains(&path) {
            } else if kind.is_file() && found.len() < MAX_FILES {
                let seen = look(&base.join(&path), &path, hash, known.get(&path))?;
                found.insert(path, seen);
            } else {
                return refuse(
                    rules::PLAIN_FILES,
                    &path,
                    "neither a file nor a directory, or too deep, or one too many",
                );
            }
        }
    }
    Ok(found)
}

/// Refuses what holds a private key.
pub(super) fn public(name: &str, bytes: &[u8]) -> Result<(), Refused> {
    match private_material(bytes) {
        None => Ok(()),
        Some(shape) => holds_key(name, shape),
    }
}

fn holds_key(name: &str, shape: &str) -> Result<(), Refused> {
    let why = format!("it holds {shape}; take this drive out of the hands of the public and ask whose it is");
    refuse(rules::NO_PRIVATE_KEY, name, why)
}

/// What is known of a file holds of the one that lies here, where that has the same bytes: all of them are read.
fn as_known(file: &mut fs::File, name: &str, known: &Bytes) -> Result<Option<Seen>, Refused> {
    let unreadable =
        |e: std::io::Error| Refused { rule: FILE_READABLE, file: name.to_owned(), why: e.to_string() };
    if !medium::holds(file, &[known]).map_err(unreadable)? {
        file.rewind().map_err(unreadable)?;
        return Ok(None);
    }
    known.private_material().map_or(Ok(()), |shape| holds_key(name, shape))?;
    let (length, sha256) = (known.len() as u64, hex::encode(known.sha256()));
    Ok(Some(Seen { length, sha256, sha512: String::new(), known: true }))
}

/// Reads one file once.
fn look(path: &Path, name: &str, hash: bool, known: Option<&SignedFile>) -> Result<Seen, Refused> {
    let unreadable =
        |e: std::io::Error| Refused { rule: FILE_READABLE, file: name.to_owned(), why: e.to_string() };
    let mut file = open(path).or_else(|why| refuse(rules::PLAIN_FILES, name, why))?;
    if let Some(known) = known
        && let Some(seen) = as_known(&mut file, name, known)?
    {
        return Ok(seen);
    }
    let size = file.metadata().map_err(unreadable)?.len();
    let chunk = if size <= WHOLE { WHOLE } else { CHUNK };
    let mut sha256 = hash.then(Sha256::new);
    // Metadata names target files by it; the manifest does not.
    let mut sha512 = (hash && name.starts_with("targets/")).then(Sha512::new);
    let mut length = 0_u64;
    // One more than there is, so that the end is met without growing.
    let room = usize::try_from(size.min(chunk)).unwrap_or(0) + OVERLAP + 1;
    let mut window: Vec<u8> = Vec::with_capacity(room);
    loop {
        let kept = window.len();
        let read = (&mut file).take(chunk).read_to_end(&mut window).map_err(unreadable)?;
        public(name, &window)?;
        let (new, read) = (&window[kept..], u64::try_from(read).unwrap_or(u64::MAX));
        sha256.iter_mut().for_each(|hash| hash.update(new));
        sha512.iter_mut().for_each(|hash| hash.update(new));
        length += read;
        if read < chunk {
            break;
        }
        window.drain(..window.len() - OVERLAP);
    }
    let hex = |hash: Option<Vec<u8>>| hash.map(hex::encode).unwrap_or_default();
    Ok(Seen {
        length,
        sha256: hex(sha256.map(|hash| hash.finalize().to_vec())),
        sha512: hex(sha512.map(|hash| hash.finalize().to_vec())),
        known: false,
    })
}
