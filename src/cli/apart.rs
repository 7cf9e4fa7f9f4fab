//! What `request`, `sign` and `merge` share: reading whole files, making new ones, whose keys they are.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::tuf::Metadata;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Names;
use crate::tuf::apart::Tally;
use crate::tuf::client::WATERMARK;
use crate::words::Digest;

/// The largest file that is read, in bytes: no metadata is larger.
const MAX_FILE: u64 = 1 << 28;
/// The name under which a record keeps whose key is whose.
const NAMES: &str = "names.json";

/// A path as people may see it.
pub(super) fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread =
        |why: String| Failure::new(Exit::Input, format!("{}: {why}; nothing was written", shown(path)), "");
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| unread(e.to_string()))?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| unread(e.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(unread(format!("larger than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of metadata.
pub(super) fn read_metadata(path: &Path) -> Result<Metadata, Failure> {
    Metadata::parse(&read(path)?)
        .map_err(|error| unusable(path, &ApartError::new(format!("not metadata: {error}"))))
}

/// An input that cannot be used.
pub(super) fn unusable(path: &Path, error: &ApartError) -> Failure {
    let error = format!("{}: {}; nothing was written", shown(path), plain(&error.to_string()));
    Failure::new(Exit::Input, error, "keyrite inspect FILE says what a file is")
}

/// Refuses `--out` before anything is done for nothing.
pub(super) fn check_new(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() {
        let error = format!("{} is there already; it is unchanged", shown(path));
        return Err(Failure::new(Exit::Input, error, "give --out a new name"));
    }
    Ok(())
}

/// Makes a file that must not exist, whole or not at all, and waits until it is on the disk.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let error = format!("{} was not written: {error}", shown(path));
        Failure::new(Exit::Input, error, "give --out a new name in a directory that can be written")
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        // The part is ours, made above, and of no use.
        drop(std::fs::remove_file(path));
        failed(error)
    })
}

/// Whose keys they are: from the file that is given, or `names.json` beside the metadata, or nobody's.
pub(super) fn names(given: Option<&Path>, metadata: &Path) -> Result<Names, Failure> {
    let beside: PathBuf = metadata.with_file_name(NAMES);
    let path = match given {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(Names::default()),
    };
    Names::parse(&read(path)?).map_err(|error| unusable(path, &error))
}

/// The digest as people compare it: hex in groups, then the words.
pub(super) fn say_digest(out: &mut Output, digest: &Digest) {
    for line in digest.hex_groups().into_iter().chain(digest.lines()) {
        out.line(format!("  {line}"));
    }
}

/// Whether a rehearsal made it.
pub(super) fn is_rehearsal(metadata: &Metadata) -> bool {
    metadata.signed().get(WATERMARK).is_some()
}

/// One threshold, in people's names.
pub(super) fn tally(tally: &Tally, names: &Names) -> String {
    let (have, need, of) = (tally.signed.len(), tally.need, tally.signed.len() + tally.missing.len());
    let head = format!("{}: {have} signed, {need} of {of} needed", tally.of);
    let missing: Vec<String> = tally.missing.iter().map(|keyid| names.of(keyid)).collect();
    let more = usize::try_from(need).unwrap_or(usize::MAX).saturating_sub(have);
    plain(&match (tally.met, missing.len()) {
        (true, _) => format!("{head}: met"),
        (false, left) if left < more => format!("{head}: these keys can never meet it"),
        (false, left) if left == more => format!("{head}: missing {}", missing.join("; ")),
        (false, _) => format!("{head}: missing {more} of {}", missing.join("; ")),
    })
}
