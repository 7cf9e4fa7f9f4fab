//! What `request`, `sign` and `merge` share: reading whole files, making new ones, whose keys they are.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::driver::Stop;
use crate::driver::apart;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Request;
use crate::words::Digest;

/// The name under which a record keeps whose key is whose.
const NAMES: &str = "names.json";

/// A path as people may see it.
pub(super) fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}

/// A stop whose text may hold what others wrote.
pub(super) fn failed(stop: Stop) -> Failure {
    let failure = Failure::from(stop);
    Failure { error: plain(&failure.error), ..failure }
}

/// The same, before the one file is written that a command is for.
fn unwritten(stop: Stop) -> Failure {
    failed(Stop { error: format!("{}; nothing was written", stop.error), ..stop })
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    apart::read(path).map_err(unwritten)
}

/// Reads one thing that was sent: a file, an image of codes, or a directory of such images.
pub(super) fn read_sent(path: &Path) -> Result<Vec<u8>, Failure> {
    apart::read_sent(path).map_err(unwritten)
}

/// Reads everything that was sent: see [`apart::read_answers`].
pub(super) fn read_answers(
    paths: &[PathBuf],
    take: impl FnMut(&str, Result<&[u8], &str>),
) -> Result<(), Failure> {
    apart::read_answers(paths, take).map_err(unwritten)
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
    apart::check_new(path).map_err(failed)
}

/// Makes a file that must not exist, whole or not at all, and waits until it is on the disk.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    apart::write_new(path, bytes).map_err(failed)
}

/// Whose keys they are: from the file that is given, or `names.json` beside the metadata, or nobody's.
pub(super) fn names(given: Option<&Path>, metadata: &Path) -> Result<Names, Failure> {
    let beside: PathBuf = metadata.with_file_name(NAMES);
    let path = match given {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(Names::default()),
    };
    Names::parse(&read(path)?).map_err(|why| unusable(path, &ApartError::new(why)))
}

/// See [`apart::with_root_before`].
pub(super) fn with_root_before(request: Request, file: &Path) -> Result<(Request, Option<PathBuf>), Failure> {
    apart::with_root_before(request, file).map_err(unwritten)
}

/// Says which root was taken without being named.
pub(super) fn say_from(taken: Option<&Path>, out: &mut Output) {
    if let Some(path) = taken {
        out.line(format!("{} is the root before it: its keys must sign too", shown(path)));
    }
}

/// The digest of what the difference starts from, which people compare like the other one.
pub(super) fn say_compared(out: &mut Output, request: &Request, head: &str) {
    if let Some((before, file)) = request.compared() {
        out.line(format!("{head} {}, whose file has this digest:", plain(&before)));
        say_digest(out, &Digest::of(file));
    }
}

/// The same for a program.
pub(super) fn compared(request: &Request) -> Value {
    let document = |(before, file)| json!({"of": before, "sha256": Digest::of(file).hex()});
    request.compared().map_or(Value::Null, document)
}

/// The digest as people compare it: hex in groups, then the words.
pub(super) fn say_digest(out: &mut Output, digest: &Digest) {
    for line in digest.hex_groups().into_iter().chain(digest.lines()) {
        out.line(format!("  {line}"));
    }
}
