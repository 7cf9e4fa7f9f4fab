//! What asks for signatures in a directory: requests, and metadata whose thresholds are not met. It reads, and changes
//! nothing; the home screen shows it.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::places;
use crate::driver::apart;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::apart::Merge;
use crate::tuf::apart::Request;
use crate::tuf::apart::Tally;

/// A larger file is not looked at for the list, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// A larger request is not looked at, in bytes.
const MAX_REQUEST: u64 = 1 << 26;
/// How a request's file begins, within its first bytes.
const BEGINS: &str = "\"keyrite-request\"";
const FIRST: usize = 64;

/// A request, or metadata that lacks signatures.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its path.
    pub file: PathBuf,
    /// Whether it is metadata, which is asked for here, and not a request that came.
    pub own: bool,
    /// The record of the ceremony that asks, where one does.
    pub record: Option<PathBuf>,
    /// What it asks for, or why it cannot be used.
    pub request: Result<Arc<Request>, String>,
    /// How far it is; a request with the answers that lie here.
    pub tallies: Vec<Tally>,
}

impl Asked {
    fn new(file: PathBuf, own: bool, request: Result<Request, String>, answers: &[Vec<u8>]) -> Self {
        let request = request.map(Arc::new);
        let tallies = request.as_ref().map(|request| {
            let mut merge = begin(request, "");
            answers.iter().for_each(|answer| merge.take("", answer, None));
            merge.tallies()
        });
        let tallies = tallies.unwrap_or_default();
        Self { file, own, record: None, request, tallies }
    }

    /// Whether all signatures are there, and how far it is, in words; or why it cannot be used.
    pub fn far(&self) -> Result<(bool, String), &str> {
        let request = self.request.as_ref().map_err(String::as_str)?;
        let signed = |tally: &Tally| format!("{} of {}", tally.signed.len(), tally.need);
        let signed: Vec<String> = self.tallies.iter().map(signed).collect();
        let (kind, with) = if self.own { ("", "") } else { ("request for ", " with the answers here") };
        let what = format!("{kind}{} version {}", request.role, request.version());
        let far = format!("{what}, signed {}{with}", signed.join(" and "));
        let far = match request.uncounted() {
            Some(old) => format!("{far}; the keys of root version {old}, which is not here, are uncounted"),
            None => far,
        };
        Ok((request.is_met(&self.tallies), far))
    }

    /// What is still missing, a line for each threshold that is not met; and where a ceremony asks, how answers come in.
    pub fn open(&self) -> Vec<String> {
        let Ok(request) = &self.request else { return Vec::new() };
        let open = self.tallies.iter().filter(|tally| !tally.met);
        let open = open.map(|tally| tally.sentence(&request.names)).chain(request.no_old());
        // Who merges answers beside the ceremony has a file that it knows nothing of.
        let into =
            |record: &PathBuf| format!("its answers are taken in by `keyrite resume {}`", record.display());
        open.chain(self.record.as_ref().map(into)).collect()
    }
}

/// A merge into what a request carries.
pub fn begin(request: &Request, source: &str) -> Merge {
    Merge::new(request.metadata.clone(), &request.role, request.signers.clone(), source)
}

/// The answers among these files.
pub fn responses(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let small = |path: &&PathBuf| fs::metadata(path).is_ok_and(|file| file.len() <= MAX_FILE);
    let answers = files.iter().filter(small).filter(|path| is_response(path));
    answers.filter_map(|path| fs::read(path).ok()).collect()
}

fn is_response(path: &Path) -> bool {
    first(path).is_some_and(|begin| begin.contains("\"keyrite-response\""))
}

/// What this file asks for, with these `answers`; `None` when it asks for nothing. `shown` is the path as people would
/// type it.
pub fn look(path: &Path, shown: &Path, answers: &[Vec<u8>]) -> Option<Asked> {
    let (begin, length) = (first(path)?, fs::metadata(path).ok()?.len());
    if begin.contains(BEGINS) && length <= MAX_REQUEST {
        let request = Request::parse(&fs::read(path).ok()?).map_err(|error| error.to_string());
        let whole = |request| apart::with_root_before(request, path).map_err(|stop| stop.error);
        let request = request.and_then(whole).map(|(request, _)| request);
        return Some(Asked::new(shown.to_owned(), false, request, answers));
    }
    if length > MAX_FILE {
        return None;
    }
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let role = name.rsplit('.').next()?;
    if !begin.trim_start().starts_with('{') || !matches!(role, "root" | "targets" | "snapshot" | "timestamp")
    {
        return None;
    }
    let asked = Asked::new(shown.to_owned(), true, Ok(own(path, role)?), &[]);
    let met = asked.request.as_ref().is_ok_and(|request| request.is_met(&asked.tallies));
    (!met).then_some(asked)
}

fn first(path: &Path) -> Option<String> {
    let mut begin = vec![0; FIRST];
    let read = File::open(path).ok()?.read(&mut begin).ok()?;
    Some(String::from_utf8_lossy(&begin[..read]).into_owned())
}

/// A request of our own for metadata, by what lies beside it: the root before it, or the root that names its keys.
fn own(path: &Path, role: &str) -> Option<Request> {
    let bytes = fs::read(path).ok()?;
    let names = path.parent().and_then(places::names).and_then(|file| fs::read(file).ok());
    let names = names.and_then(|file| Names::parse(&file).ok()).unwrap_or_default();
    if role == "root" {
        let request = Request::for_root(&bytes, None, names).ok()?;
        // What lies there and is no root before it leaves the older keys uncounted, and that is said.
        let whole = apart::with_root_before(request.clone(), path);
        return Some(whole.map_or(request, |(whole, _)| whole));
    }
    let root = Metadata::parse(&fs::read(newest_root(path)?).ok()?).ok()?;
    Request::for_role(&bytes, role, &root, None, names).ok()
}

fn newest_root(beside: &Path) -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".root.json")?.parse::<u64>().ok();
    let dir = beside.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let paths = fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter_map(|path| Some((version(&path)?, path))).max().map(|(_, path)| path)
}

/// Files beside a request that may answer it: responses and images, by name.
pub fn answers(beside: &Path) -> Vec<PathBuf> {
    let dir = beside.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| {
        let image = path.extension().is_some_and(|e| e == "png" || e == "pgm" || e == "sig");
        path.is_file() && (image || is_response(path))
    });
    paths.sort();
    paths.into_iter().map(|path| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)).collect()
}
