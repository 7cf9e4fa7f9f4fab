//! One pass over the files of a directory: what is there, its length and hashes, and that no private key is among it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::bundle::rules;
use crate::tuf::client::Refused;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::key::private_material;

/// How much of a file is looked at together.
const CHUNK: usize = 1 << 24;
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
    pub(super) sha256: String,
    /// Of target files alone.
    pub(super) sha512: String,
}

fn refuse<T>(rule: &'static str, file: &str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { rule, file: file.to_owned(), why: why.into() })
}

/// Opens a file that must be a plain file; a link is not followed.
pub(super) fn open(path: &Path) -> Result<fs::File, String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => fs::File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err("a symbolic link, which is not followed".to_owned()),
        Err(error) => return Err(std::io::Error::from(error).to_string()),
    };
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(file),
        Ok(_) => Err("not a file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Every file below `folder`, by its path below `base` with `/`. With `flat`, folders inside are left alone.
pub(super) fn survey(base: &Path, folder: &str, flat: bool) -> Result<BTreeMap<String, Seen>, Refused> {
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
            } else if kind.is_file() && found.len() < MAX_FILES {
                let seen = look(&base.join(&path), &path)?;
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

/// Reads one file once.
fn look(path: &Path, name: &str) -> Result<Seen, Refused> {
    let mut file = open(path).or_else(|why| refuse(rules::PLAIN_FILES, name, why))?;
    let (mut sha256, mut sha512, mut length) = (Sha256::new(), Sha512::new(), 0_u64);
    let mut window: Vec<u8> = Vec::new();
    loop {
        let kept = window.len();
        let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        let read = (&mut file).take(limit).read_to_end(&mut window);
        let read = read.or_else(|e| refuse(FILE_READABLE, name, e.to_string()))?;
        if let Some(shape) = private_material(&window) {
            let why = format!(
                "it holds {shape}; take this drive out of the hands of the public and ask whose it is"
            );
            return refuse(rules::NO_PRIVATE_KEY, name, why);
        }
        if read == 0 {
            break;
        }
        sha256.update(&window[kept..]);
        // Metadata names target files by it; the manifest does not.
        if name.starts_with("targets/") {
            sha512.update(&window[kept..]);
        }
        length += u64::try_from(read).unwrap_or(u64::MAX);
        if read < CHUNK {
            break;
        }
        window.drain(..window.len() - OVERLAP);
    }
    Ok(Seen { length, sha256: hex::encode(sha256.finalize()), sha512: hex::encode(sha512.finalize()) })
}
