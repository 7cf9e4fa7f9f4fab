//! Target files: each read once, by as many threads as there are cores, for its length, its hashes and the proof that it
//! is no private key. Called by the driver where it builds targets metadata.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::tuf::key::private_material;
use crate::tuf::targets::Files;
use crate::tuf::targets::TargetFile;

/// How much of a file is looked at together: what fits into the caches of a core.
const PIECE: usize = 1 << 18;
/// How much of a piece is looked at again with the next one: longer than the head of any private key.
const OVERLAP: usize = 1 << 12;
/// The largest file that is looked at as one: a key in JSON is recognised only whole.
const WHOLE: u64 = 1 << 24;

/// What metadata says of each of the `files` below `directory`, which are distinct and in order, with its hashes by
/// `algorithms` (`sha256`, `sha512`). A private key of any shape is refused: target files are published. Of many errors, the
/// one of the first path is told.
pub fn hash_all(directory: &Path, files: Vec<String>, algorithms: &[&str]) -> io::Result<Files> {
    // Each file is found from here, and not through all directories above.
    let directory = fs::File::open(directory)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let mut window = Vec::new();
        while let Some((at, path)) = at_next(&files, &next) {
            let hashed = open(&directory, path).and_then(|file| hash_into(&mut window, file, algorithms));
            let failed = hashed.is_err();
            done.push((at, hashed));
            if failed {
                // Nobody begins another file: the paths before it are all begun.
                next.fetch_max(files.len(), Ordering::Relaxed);
            }
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len().div_ceil(16));
    let mut done: Vec<(usize, io::Result<Hashed>)> = match threads {
        0 | 1 => work(),
        _ => thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                done.extend(other.join().unwrap_or_default());
            }
            done
        }),
    };
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut hashed = Vec::with_capacity(done.len());
    let missing = || io::Error::other("a thread ended before its files were hashed");
    let count = files.len();
    for (name, (at, answer)) in files.into_iter().zip(done) {
        if at != hashed.len() {
            return Err(missing());
        }
        let answer = answer.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        hashed.push((name, answer));
    }
    if hashed.len() != count {
        return Err(missing());
    }
    Files::of(hashed.into_iter().map(|(name, hashed)| (name, hashed.into_target()))).map_err(io::Error::other)
}

/// The same of one file.
pub fn hash(path: &Path, algorithms: &[&str]) -> io::Result<TargetFile> {
    Ok(hash_into(&mut Vec::new(), fs::File::open(path)?, algorithms)?.into_target())
}

fn at_next<'p>(paths: &'p [String], next: &AtomicUsize) -> Option<(usize, &'p str)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    paths.get(at).map(|path| (at, path.as_str()))
}

fn open(directory: &fs::File, path: &str) -> io::Result<fs::File> {
    // What was a file when it was listed is not followed elsewhere now.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, path, flags, Mode::empty())?;
    Ok(fs::File::from(file))
}

/// What a thread says of one file: small, for there may be a million.
struct Hashed {
    length: u64,
    sha256: Option<[u8; 32]>,
    sha512: Option<Box<[u8; 64]>>,
}

impl Hashed {
    fn into_target(self) -> TargetFile {
        let sha256 = self.sha256.map(|hash| ("sha256", hex_of(&hash)));
        let sha512 = self.sha512.map(|hash| ("sha512", hex_of(hash.as_slice())));
        let hashes = sha256.into_iter().chain(sha512).collect();
        TargetFile { length: self.length, hashes, custom: None }
    }
}

/// As `hex::encode`, which goes letter by letter.
fn hex_of(hash: &[u8]) -> String {
    let mut text = vec![0; hash.len() * 2];
    match hex::encode_to_slice(hash, &mut text) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        // It has room for it.
        Err(_) => hex::encode(hash),
    }
}

/// Reads a piece of the file behind what is in the window, in as few calls as the kernel allows; `false` at the file's end.
fn read_piece(file: &fs::File, window: &mut Vec<u8>) -> io::Result<bool> {
    let whole = window.len() + PIECE;
    window.reserve(PIECE);
    while window.len() < whole {
        if rustix::io::retry_on_intr(|| rustix::io::read(file, rustix::buffer::spare_capacity(window)))? == 0
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Length and hashes of a file, read once.
fn hash_into(window: &mut Vec<u8>, file: fs::File, algorithms: &[&str]) -> io::Result<Hashed> {
    // Asked of a file that is larger than one piece.
    let mut size = None;
    window.clear();
    // One very large file was looked at as one.
    window.shrink_to(OVERLAP + PIECE);
    window.reserve_exact(OVERLAP + PIECE);
    let mut sha256 = algorithms.contains(&"sha256").then(Sha256::new);
    let mut sha512 = algorithms.contains(&"sha512").then(Sha512::new);
    let mut length = 0_u64;
    loop {
        let kept = window.len();
        let end = !read_piece(&file, window)?;
        if let Some(hasher) = &mut sha256 {
            hasher.update(&window[kept..]);
        }
        if let Some(hasher) = &mut sha512 {
            hasher.update(&window[kept..]);
        }
        length += (window.len() - kept) as u64;
        if !end && size.is_none() {
            size = Some(file.metadata()?.len());
        }
        // A small file is looked at once, when it is whole; a large one piece by piece.
        if end || size > Some(WHOLE) || length > WHOLE {
            if let Some(shape) = private_material(window) {
                return Err(io::Error::other(format!(
                    "it holds {shape}, and target files are published; take it out"
                )));
            }
            window.drain(..window.len().saturating_sub(OVERLAP));
        }
        if end {
            break;
        }
    }
    let sha256 = sha256.map(|hasher| hasher.finalize().into());
    let sha512 = sha512.map(|hasher| Box::new(hasher.finalize().into()));
    Ok(Hashed { length, sha256, sha512 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAA\n";

    fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        (folder, files.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    #[test]
    fn many_files_have_the_hashes_that_each_has_alone() {
        let names: Vec<String> = (0..100).map(|n| format!("f{n:03}")).collect();
        let bytes: Vec<Vec<u8>> = (0..100).map(|n| vec![b'x'; n * 7_001]).collect();
        let files: Vec<(&str, &[u8])> =
            names.iter().map(String::as_str).zip(bytes.iter().map(Vec::as_slice)).collect();
        let (folder, paths) = folder(&files);

        let hashed = hash_all(folder.path(), paths, &["sha256"]).unwrap();

        assert_eq!(hashed.len(), 100);
        for (name, bytes) in files {
            let listed = hashed.listed().get(name).unwrap().read().unwrap();
            assert_eq!(listed.length, bytes.len() as u64);
            assert_eq!(listed.hashes["sha256"], hex::encode(Sha256::digest(bytes)));
            assert_eq!(hash(&folder.path().join(name), &["sha256"]).unwrap(), listed);
        }
    }

    #[test]
    fn a_private_key_is_found_wherever_a_piece_ends() {
        for before in [0, 1, PIECE - 20, PIECE, 3 * PIECE - 5] {
            // Not text, so that the key is looked for by its marks and what follows them.
            let mut bytes = vec![0xff; before];
            bytes.extend_from_slice(KEY);
            bytes.extend(vec![0xfe; 9]);
            let (folder, paths) = folder(&[("a", b"good"), ("b", &bytes), ("c", b"good")]);

            let error = hash_all(folder.path(), paths, &["sha256"]).unwrap_err().to_string();

            assert!(error.starts_with("b: it holds a private key in PEM"), "{before}: {error}");
        }
    }

    #[test]
    fn the_first_path_that_cannot_be_read_is_named() {
        let (folder, mut paths) = folder(&[("a", b"good")]);
        paths.extend(["b".to_owned(), "c".to_owned()]);

        let error = hash_all(folder.path(), paths, &["sha256"]).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("b: "), "{error}");
    }
}
