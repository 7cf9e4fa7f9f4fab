//! The client workflow (TUF section 5) over a set of files, from a pinned root, at one fixed time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tuf::date::Date;
use crate::tuf::targets::TargetFile;

/// How much must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The chain of roots from the pinned one.
    Root,
    /// Roots and targets, without the roles that a server signs online.
    Offline,
    /// Everything a client downloads.
    Full,
}

/// Where the client reads: `2.root.json`, `timestamp.json`, ...
pub trait Files {
    /// The file, `None` when there is none. `max` bounds what is read; more is an error.
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String>;
    /// The names of all metadata files that are there.
    fn names(&self) -> Result<Vec<String>, String>;
}

/// The answer no: which rule, at which file, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}: {why} ({rule})")]
pub struct Refused {
    /// The rule's name, such as `ROOT-SIGNED-BY-OLD-AND-NEW`.
    pub rule: &'static str,
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// One file that the client trusts now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustedFile {
    /// Its name in the set.
    pub file: String,
    /// The role.
    pub role: String,
    /// `version`
    pub version: u64,
    /// `expires`, as written.
    pub expires: String,
    /// Distinct keys that signed (of the role's keys).
    pub signed_by: Vec<String>,
    /// The threshold.
    pub threshold: u32,
}

/// The answer yes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verified {
    /// Every file in the order in which it was trusted.
    pub trusted: Vec<TrustedFile>,
    /// Every target that the trusted metadata lists, by path.
    pub targets: BTreeMap<String, TargetFile>,
    /// `consistent_snapshot` of the final root.
    pub consistent_snapshot: bool,
    /// What a strict reader would remark, such as a keyid that is not the key's hash.
    pub remarks: Vec<String>,
}

/// Verifies `files` as a client that trusts only `pinned` (a root file's bytes).
pub fn verify(files: &dyn Files, pinned: &[u8], at: Date, scope: Scope) -> Result<Verified, Refused> {
    let _ = (files, pinned, at, scope);
    todo!()
}
