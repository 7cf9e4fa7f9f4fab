//! What the journal says of a bundle that still lies in its record.

use std::path::Path;

use crate::ceremony::Event;
use crate::driver::disk;
use crate::driver::record::MAX_JOURNAL;
use crate::journal;

/// Whether the journal beside a bundle knows its manifest.
pub(super) enum Beside {
    /// There is no journal.
    None,
    /// It says that a bundle with this manifest was exported.
    Exported,
    /// It does not say so, or does not hold.
    Contradicts(String),
}

/// Looks for the manifest with this SHA-256 in the journal of the record in which the bundle lies.
pub(super) fn beside(bundle: &Path, manifest: &str) -> Beside {
    let path = bundle.join("../journal.jsonl");
    if !path.is_file() {
        return Beside::None;
    }
    let exported = |event: &Event| matches!(event, Event::Exported { manifest: of, .. } if of == manifest);
    let read = disk::read(&path, MAX_JOURNAL).map_err(|error| error.to_string());
    match read.and_then(|bytes| journal::read(&bytes).map_err(|broken| broken.to_string())) {
        Ok(journal) if journal.entries.iter().any(|entry| exported(&entry.what)) => Beside::Exported,
        Ok(_) => Beside::Contradicts("it exported no bundle with this manifest".to_owned()),
        Err(why) => Beside::Contradicts(why),
    }
}
