//! Where a repository's metadata lies in a directory of ours or of another tool, and the names of its keys beside it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::bundle::read::in_record;

/// Below a directory, in the order in which they are looked for.
const METADATA: [&str; 4] = ["", "metadata", "inputs/metadata", "bundle/metadata"];
/// Seen from the metadata.
const NAMES: [&str; 6] = [
    "names.json",
    "keys/names.json",
    "../names.json",
    "../keys/names.json",
    "../../names.json",
    "../../keys/names.json",
];

/// The directories of metadata in this one: those that hold a root.
pub fn metadata(dir: &Path) -> Vec<PathBuf> {
    if let Some(bundle) = in_record(dir) {
        return vec![bundle.join("metadata")];
    }
    let below = |place: &&str| if place.is_empty() { dir.to_owned() } else { dir.join(place) };
    METADATA.iter().map(below).filter(|path| holds_root(path)).collect()
}

/// The first file that says whose the keys are.
pub fn names(metadata: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|place| metadata.join(place)).find(|path| path.is_file())
}

fn holds_root(dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix("root.json"));
        let numbered = |v: &str| {
            v.strip_suffix('.').is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()))
        };
        version.is_some_and(|version| version.is_empty() || numbered(version))
    })
}
