//! What a file of a bundle holds: bytes, or what lies elsewhere and is copied. A target file is never held in memory.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use crate::bundle::medium;
use crate::tuf::Bytes;

/// How much is copied at once.
const PIECE: usize = 1 << 18;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// These bytes.
    Bytes(Bytes),
    /// A file that was hashed before.
    Copy {
        /// Where it lies.
        from: PathBuf,
        /// Its length in bytes, then and now.
        length: u64,
        /// Its SHA-256 in hex, then and now.
        sha256: String,
    },
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Content {
    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Copy { length, .. } => *length,
        }
    }

    /// In hex.
    pub fn sha256(&self) -> String {
        match self {
            Self::Bytes(bytes) => hex::encode(bytes.sha256()),
            Self::Copy { sha256, .. } => sha256.clone(),
        }
    }

    /// Writes it. A copied file that is no longer what was hashed is an error of the kind `InvalidData`.
    pub(super) fn write(&self, out: &mut fs::File) -> io::Result<()> {
        let (from, length, sha256) = match self {
            Self::Bytes(bytes) => return medium::write(out, &[bytes]),
            Self::Copy { from, length, sha256 } => (from, length, sha256),
        };
        let changed =
            |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{} {why}", from.display()));
        let file = fs::File::open(from).map_err(|error| changed(format!("cannot be used: {error}")))?;
        let (mut file, mut hasher, mut copied) = (file.take(length.saturating_add(1)), Sha256::new(), 0_u64);
        let mut piece = vec![0; PIECE];
        loop {
            let read = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(changed(format!("cannot be used: {error}"))),
            };
            hasher.update(&piece[..read]);
            out.write_all(&piece[..read])?;
            copied += read as u64;
        }
        if copied != *length || hex::encode(hasher.finalize()) != *sha256 {
            return Err(changed("was changed since then".to_owned()));
        }
        Ok(())
    }
}
