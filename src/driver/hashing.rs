//! Target files: each read once, by as many threads as there are cores, for its length, its hashes and the proof that it
//! is no private key. Called by the driver where it builds targets metadata.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::tuf::key::private_material;
use crate::tuf::targets::TargetFile;

/// How much of a file is looked at together: what fits into the caches of a core.
const PIECE: u64 = 1 << 18;
/// How much of a piece is looked at again with the next one: longer than the head of any private key.
const OVERLAP: usize = 1 << 12;
/// The largest file that is looked at as one: a key in JSON is recognised only whole.
const WHOLE: u64 = 1 << 24;

/// What metadata says of each of `files`, with its hashes by `algorithms` (`sha256`, `sha512`). A private key of any shape is refused: target files are published. Of many
/// errors, the one of the first path is told.
pub fn hash_all(
    files: BTreeMap<String, PathBuf>,
    algorithms: &[&str],
) -> io::Result<BTreeMap<String, TargetFile>> {
    let files: Vec<(String, PathBuf)> = files.into_iter().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let mut window = Vec::new();
        while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let hashed = hash_into(&mut window, path, algorithms);
            let failed = hashed.is_err();
            done.push((name.clone(), hashed));
            if failed {
                // Nobody begins another file: the paths before it are all begun.
                next.fetch_max(files.len(), Ordering::Relaxed);
            }
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len().div_ceil(16));
    let done: Vec<_> = match threads {
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
    let sorted: BTreeMap<String, io::Result<TargetFile>> = done.into_iter().collect();
    let mut hashed = BTreeMap::new();
    for (name, answer) in sorted {
        let answer = answer.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        hashed.insert(name, answer);
    }
    if hashed.len() != files.len() {
        return Err(io::Error::other("a thread ended before its files were hashed"));
    }
    Ok(hashed)
}

/// Length and hashes of a file, read once.
fn hash_into(window: &mut Vec<u8>, path: &Path, algorithms: &[&str]) -> io::Result<TargetFile> {
    let mut file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    window.clear();
    let mut sha256 = algorithms.contains(&"sha256").then(Sha256::new);
    let mut sha512 = algorithms.contains(&"sha512").then(Sha512::new);
    let mut length = 0_u64;
    loop {
        let kept = window.len();
        let read = (&mut file).take(PIECE).read_to_end(window)? as u64;
        if let Some(hasher) = &mut sha256 {
            hasher.update(&window[kept..]);
        }
        if let Some(hasher) = &mut sha512 {
            hasher.update(&window[kept..]);
        }
        length += read;
        let end = read < PIECE;
        // A small file is looked at once, when it is whole; a large one piece by piece.
        if end || size > WHOLE || length > WHOLE {
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
    let sha256 = sha256.map(|hasher| ("sha256".to_owned(), hex::encode(hasher.finalize())));
    let sha512 = sha512.map(|hasher| ("sha512".to_owned(), hex::encode(hasher.finalize())));
    let hashes = sha256.into_iter().chain(sha512).collect();
    Ok(TargetFile { length, hashes, custom: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAA\n";

    fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, BTreeMap<String, PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = BTreeMap::new();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
            paths.insert((*name).to_owned(), folder.path().join(name));
        }
        (folder, paths)
    }

    #[test]
    fn many_files_have_the_hashes_that_each_has_alone() {
        let names: Vec<String> = (0..100).map(|n| format!("f{n:03}")).collect();
        let bytes: Vec<Vec<u8>> = (0..100).map(|n| vec![b'x'; n * 7_001]).collect();
        let files: Vec<(&str, &[u8])> =
            names.iter().map(String::as_str).zip(bytes.iter().map(Vec::as_slice)).collect();
        let (_folder, paths) = folder(&files);

        let hashed = hash_all(paths, &["sha256"]).unwrap();

        assert_eq!(hashed.len(), 100);
        for (name, bytes) in files {
            assert_eq!(hashed[name].length, bytes.len() as u64);
            assert_eq!(hashed[name].hashes["sha256"], hex::encode(Sha256::digest(bytes)));
        }
    }

    #[test]
    fn a_private_key_is_found_wherever_a_piece_ends() {
        for before in [0, 1, PIECE as usize - 20, PIECE as usize, 3 * PIECE as usize - 5] {
            // Not text, so that the key is looked for by its marks and what follows them.
            let mut bytes = vec![0xff; before];
            bytes.extend_from_slice(KEY);
            bytes.extend(vec![0xfe; 9]);
            let (_folder, paths) = folder(&[("a", b"good"), ("b", &bytes), ("c", b"good")]);

            let error = hash_all(paths, &["sha256"]).unwrap_err().to_string();

            assert!(error.starts_with("b: it holds a private key in PEM"), "{before}: {error}");
        }
    }

    #[test]
    fn the_first_path_that_cannot_be_read_is_named() {
        let (folder, mut paths) = folder(&[("a", b"good")]);
        paths.insert("b".to_owned(), folder.path().join("gone"));
        paths.insert("c".to_owned(), folder.path().join("gone too"));

        let error = hash_all(paths, &["sha256"]).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("b: "), "{error}");
    }
}
