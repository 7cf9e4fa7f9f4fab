//! Reads the repositories and the requests that lie nearby.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::Dir;
use crate::bundle::places;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::apart::Merge;
use crate::tuf::apart::Names;
use crate::tuf::apart::Request;
use crate::tuf::overview::Lacking;
use crate::tuf::overview::Overview;
use crate::tui::nearby::Unread;
use crate::tui::nearby::shortened;
use crate::tui::repository::Found;

/// The largest `names.json`, in bytes.
const MAX_NAMES: u64 = 1 << 24;
/// The largest request that is looked at, in bytes.
const MAX_REQUEST: u64 = 1 << 26;
/// A request and a response say what they are within so many bytes.
const HEAD: u64 = 128;

/// A file that asks for signatures.
#[derive(Clone, Debug)]
pub struct RequestFile {
    /// Its path.
    pub file: PathBuf,
    /// What it asks for, or why it cannot be read.
    pub asks: Result<Asks, String>,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Asks {
    /// The role.
    pub role: String,
    /// The version of its metadata.
    pub version: u64,
    /// The thresholds that are not met with the responses that lie here too.
    pub open: Vec<Lacking>,
    /// Whose keys they are.
    pub holders: BTreeMap<KeyId, String>,
}

/// Where metadata lies, as people would type it: below the directory, then in its records, as they come, then in its other
/// folders.
pub(super) fn places(dir: &Path, records: &[&Path], folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = places::metadata(dir);
    for record in records {
        let bundle = record.join("bundle");
        let whole = places::metadata(&bundle);
        found.extend(if whole.is_empty() { places::metadata(record) } else { whole });
    }
    for place in folders.iter().flat_map(|folder| places::metadata(folder)) {
        if !found.contains(&place) {
            found.push(place);
        }
    }
    let mut shown: Vec<PathBuf> = found.iter().map(|place| shortened(dir, place)).collect();
    for place in &mut shown {
        if place.as_os_str().is_empty() {
            *place = PathBuf::from(".");
        }
    }
    shown
}

/// Reads the repository whose metadata lies at a place.
pub fn read(place: &Path, now: Date) -> Result<Arc<Found>, Unread> {
    let unread = |why: String| Unread { dir: place.to_owned(), why };
    let files = Dir::open(place).map_err(unread)?;
    let mut overview = Overview::read(&files).map_err(|why| unread(why.to_string()))?;
    let (holders, remark) = match places::names(place) {
        None => (BTreeMap::new(), None),
        Some(path) => match names(&path) {
            Ok(names) => (names.holders(), None),
            Err(why) => (BTreeMap::new(), Some(format!("{}: {why}", path.display()))),
        },
    };
    overview.sort_keys(&holders);
    Ok(Arc::new(Found { dir: place.to_owned(), overview, holders, remark, now }))
}

fn names(path: &Path) -> Result<Names, String> {
    if fs::metadata(path).map_err(|error| error.to_string())?.len() > MAX_NAMES {
        return Err("it is too large".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Names::parse(&bytes).map_err(|error| error.to_string())
}

/// The requests among these files, each with the answers among them.
pub(super) fn requests(dir: &Path, files: &[PathBuf]) -> Vec<RequestFile> {
    let kind = |path: &&PathBuf, word: &str| head(path).is_some_and(|head| head.contains(word));
    let requests: Vec<&PathBuf> = files.iter().filter(|path| kind(path, "\"keyrite-request\"")).collect();
    if requests.is_empty() {
        return Vec::new();
    }
    let answers = files.iter().filter(|path| kind(path, "\"keyrite-response\""));
    let answers: Vec<Vec<u8>> = answers.filter_map(|path| small(path).ok()).collect();
    let request = |path: &PathBuf| {
        let file = shortened(dir, path);
        RequestFile { asks: small(path).and_then(|bytes| asks(&file, &bytes, &answers)), file }
    };
    requests.into_iter().map(request).collect()
}

fn asks(file: &Path, bytes: &[u8], answers: &[Vec<u8>]) -> Result<Asks, String> {
    let request = Request::parse(bytes).map_err(|error| error.to_string())?;
    let (role, version, holders) = (request.role.clone(), request.version(), request.names.holders());
    let name = file.display().to_string();
    let mut merge = Merge::new(request.metadata, &role, request.signers, &name);
    answers.iter().for_each(|answer| merge.take("", answer, None));
    let tallies = merge.tallies().into_iter().filter(|tally| !tally.met);
    let open = tallies.map(|tally| Lacking {
        file: name.clone(),
        of: tally.of,
        have: tally.signed.len(),
        need: tally.need,
        missing: tally.missing,
    });
    Ok(Asks { role, version, open: open.collect(), holders })
}

fn head(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn small(path: &Path) -> Result<Vec<u8>, String> {
    match fs::metadata(path).map_err(|error| error.to_string())?.len() {
        length if length > MAX_REQUEST => Err("it is too large".to_owned()),
        _ => fs::read(path).map_err(|error| error.to_string()),
    }
}
