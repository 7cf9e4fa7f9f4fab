//! Reads the repositories that lie nearby.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::Dir;
use crate::bundle::places;
use crate::tuf::Date;
use crate::tuf::Names;
use crate::tuf::overview::Overview;
use crate::tui::nearby::Unread;
use crate::tui::nearby::shortened;
use crate::tui::repository::Found;

/// The largest `names.json`, in bytes.
const MAX_NAMES: u64 = 1 << 24;

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
    Names::parse(&bytes)
}
