//! Large files go to the medium, and come back from it, past the kernel's cache: whoever writes them waits for the disk
//! either way, a copy of them is saved, and what is read back is what lies there.
//!
//! Where a file system cannot do that, they go through the cache as all others.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;

use rustix::fs::OFlags;

use crate::tuf::bytes;

/// What goes past the cache.
const LARGE: usize = 1 << 20;

/// How much goes at once.
const PIECE: usize = 1 << 20;

/// What every disk accepts as the beginning of a transfer, in memory and on the disk.
const BLOCK: usize = 1 << 12;

/// Writes a content in parts into a new file. The caller waits for the disk.
pub(crate) fn write(mut file: &File, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length < LARGE || !past_cache(file) {
        return parts.iter().try_for_each(|part| file.write_all(part));
    }
    let mut piece = Piece::new();
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            rest = piece.fill(rest);
            if piece.room().is_empty() {
                put(file, piece.filled())?;
                piece.empty();
            }
        }
    }
    // The end is no whole block.
    through_cache(file)?;
    file.write_all(piece.filled())
}

/// Whether a file has this content, in parts, from here to its end, on the medium.
pub(crate) fn holds(file: &File, parts: &[&[u8]]) -> io::Result<bool> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length < LARGE || !past_cache(file) {
        return bytes::are_in(&mut &*file, parts);
    }
    let same = bytes::are_in(&mut Reader { file, piece: Piece::new(), read: 0 }, parts);
    through_cache(file)?;
    same
}

fn past_cache(file: &File) -> bool {
    let flags = rustix::fs::fcntl_getfl(file);
    flags.and_then(|flags| rustix::fs::fcntl_setfl(file, flags | OFlags::DIRECT)).is_ok()
}

fn through_cache(file: &File) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    Ok(rustix::fs::fcntl_setfl(file, flags.difference(OFlags::DIRECT))?)
}

/// Writes all of it; what the disk does not take as it is goes through the cache.
fn put(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                through_cache(file)?;
                return file.write_all(bytes);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Memory that a disk can read from and write to.
struct Piece {
    memory: Vec<u8>,
    from: usize,
    length: usize,
}

impl Piece {
    fn new() -> Self {
        let memory = vec![0; PIECE + BLOCK];
        let from = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
        Self { memory, from, length: 0 }
    }

    fn filled(&self) -> &[u8] {
        &self.memory[self.from..self.from + self.length]
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.memory[self.from + self.length..self.from + PIECE]
    }

    /// Takes as much as there is room for, and gives back the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = self.room();
        let (taken, rest) = bytes.split_at(bytes.len().min(room.len()));
        room[..taken.len()].copy_from_slice(taken);
        self.length += taken.len();
        rest
    }

    fn empty(&mut self) {
        self.length = 0;
    }
}

/// A file, read past the cache.
struct Reader<'f> {
    file: &'f File,
    piece: Piece,
    /// How much of the piece was given away.
    read: usize,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.length {
            self.piece.empty();
            let read = match self.file.read(self.piece.room()) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    through_cache(self.file)?;
                    self.file.read(self.piece.room())?
                }
                read => read?,
            };
            // From a place within a block it cannot be gone on with.
            if !read.is_multiple_of(BLOCK) {
                through_cache(self.file)?;
            }
            (self.piece.length, self.read) = (read, 0);
        }
        let given = (&self.piece.filled()[self.read..]).read(into)?;
        self.read += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn what_is_written_past_the_cache_is_what_is_read_through_it() {
        let folder = tempfile::tempdir().unwrap();
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * PIECE, 3 * PIECE + BLOCK, 3 * PIECE + 7] {
            let (path, content) = (folder.path().join(length.to_string()), bytes(length));
            let (head, rest) = content.split_at(length.min(3));

            write(&File::create_new(&path).unwrap(), &[head, &[], rest]).unwrap();

            assert!(fs::read(&path).unwrap() == content, "{length}");
            let has = |parts: &[&[u8]]| holds(&File::open(&path).unwrap(), parts).unwrap();
            assert!(has(&[&content]) && has(&[head, rest]), "{length}");
            let mut longer = content.clone();
            longer.push(0);
            assert!(!has(&[&longer]), "{length}");
            if length > 0 {
                let mut other = content.clone();
                other[length - 1] ^= 1;
                assert!(!has(&[&other]) && !has(&[&content[..length - 1]]), "{length}");
            }
        }
    }

    #[test]
    fn who_reads_on_after_a_comparison_reads_as_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (path, content) = (folder.path().join("f"), bytes(2 * PIECE + 9));
        fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();

        assert!(!holds(&file, &[&content[1..]]).unwrap());

        let mut rest = Vec::new();
        std::io::Seek::rewind(&mut &file).unwrap();
        (&file).read_to_end(&mut rest).unwrap();
        assert!(rest == content);
    }
}
