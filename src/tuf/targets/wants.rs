//! Targets that somebody wants to know in full, of all that a role lists.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::tuf::targets::Entry;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;

/// Which ones.
#[derive(Clone, Copy, Debug)]
pub enum Wants<'a> {
    /// Every one.
    All,
    /// None.
    Nothing,
    /// Those with one of these paths.
    These(&'a HashSet<String>),
}

impl Wants<'_> {
    /// Whether this one is wanted.
    pub fn has(self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::These(paths) => paths.contains(path),
        }
    }

    /// Those of a list. Where they are few they are looked up: to go through a million targets takes longer.
    pub(crate) fn of(self, listed: Listed<'_>) -> Option<BTreeMap<String, TargetFile>> {
        let read = |(path, entry): (&str, Entry<'_>)| Some((path.to_owned(), entry.read().ok()?));
        match self {
            Self::Nothing => Some(BTreeMap::new()),
            Self::These(paths) if paths.len() < listed.len() / 32 => {
                paths.iter().filter_map(|path| Some((path.as_str(), listed.get(path)?))).map(read).collect()
            }
            Self::All | Self::These(_) => {
                listed.iter().filter(|(path, _)| self.has(path)).map(read).collect()
            }
        }
    }
}
