//! The semantic difference of two states of one role's metadata: what changes, in names, and what follows from it.
//!
//! Not a judgement and not a text diff: `client` judges, and files whose bytes differ may mean the same. The plan,
//! the review screen and `keyrite diff` call this. It trusts neither side and shows text as it is written in the
//! files: whoever prints it escapes it.
//!
//! A change is one line, `ROLE: WHAT`. Lines stand in the order of roles (the four, then by name), within a role in the
//! order of [`Kind`], within a kind by their text. These are all the lines there are:
//!
//! ```text
//! root: version 1 -> 2
//! root: expires 2026-12-31T00:00:00Z -> 2027-12-31T00:00:00Z
//! root: consistent_snapshot false -> true
//! root: threshold 2 -> 3                              and for targets, snapshot, timestamp, as root trusts them
//! root: - key NAME
//! root: + key NAME
//! root: key NAME: KEY BYTES CHANGED under an unchanged keyid: another key
//! root: key NAME: KEY BYTES CHANGED under an unchanged keyid: the same key, its entry edited
//! root: key NAME: keyid 74c0a1b2 -> 1b9f03c4          the same key under another keyid
//! root: key NAME: scheme S -> T, keytype S -> T, keyval written differently, field F added|removed|changed
//! root: - unused key NAME, + unused key NAME          in the file, and in no role
//! root: - role NAME, + role NAME
//! targets: - delegation NAME, + delegation NAME
//! targets: delegation NAME: place 2 -> 1              among the delegations that are in both
//! targets: delegation NAME: terminating false -> true
//! targets: delegation NAME: - path P, + path P, - prefix P, + prefix P
//! targets: delegation NAME: threshold 1 -> 2          and every line of keys above
//! targets: - file PATH, + file PATH, ~ file PATH
//! snapshot: - listed FILE, + listed FILE, ~ listed FILE, listed FILE version 2 -> 3
//! root: field F added|removed|changed                 also role field F, delegation NAME: field F
//! root: - signature NAME, + signature NAME, ~ signature NAME     when what is signed is the same
//! root: written differently                           other bytes, and no meaning found that differs
//! ```

mod common;
mod delegations;
mod keys;
mod labels;
mod listed;
mod meta;
mod raw;
mod reach;
mod root;
pub mod say;
mod scope;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::metadata::Outer;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::targets::change::Change as FileChange;
pub(in crate::tuf) use common::short;
pub use delegations::called as bins_called;
pub use reach::Reach;
pub use reach::Signed;
pub use root::roots_over;

/// What a change is about: a ceremony type says which kinds it allows. The order is the order of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The version of a role's file.
    Version,
    /// The expiry of a role's file.
    Expires,
    /// `consistent_snapshot` of root.
    ConsistentSnapshot,
    /// How many keys must sign.
    Threshold,
    /// A key that no longer counts.
    KeyRemoved,
    /// A key that did not count before.
    KeyAdded,
    /// Other bytes under a keyid that stayed.
    KeyBytes,
    /// The same key, written in another way: keyid, scheme, keytype, fields.
    KeyEntry,
    /// A key that stood under several keyids, and stands under fewer of them.
    KeyOnce,
    /// A key of the file that no role uses.
    KeyUnused,
    /// A role that root no longer names, or names now.
    Role,
    /// A delegation that is gone.
    DelegationRemoved,
    /// A delegation that is new.
    DelegationAdded,
    /// The place, the paths or the end of a delegation.
    Delegation,
    /// A target file that is gone.
    FileRemoved,
    /// A target file that is new.
    FileAdded,
    /// A target file with other content, or described otherwise.
    FileChanged,
    /// A file that snapshot or timestamp no longer lists.
    ListedRemoved,
    /// A file that snapshot or timestamp lists now.
    ListedAdded,
    /// A file that snapshot or timestamp lists with another version, length or hash.
    ListedChanged,
    /// A field that the specification does not name.
    Field,
    /// A signature over content that stayed the same.
    Signature,
    /// Other bytes that mean the same.
    Writing,
}

impl Kind {
    /// Whether it is about who may sign a role, and how many must.
    pub fn of_signers(self) -> bool {
        matches!(self, Self::Threshold | Self::KeyAdded | Self::KeyRemoved | Self::KeyOnce)
    }

    /// Whether it is about who is delegated to, for what, and who signs there.
    pub fn of_delegations(self) -> bool {
        self.of_signers()
            || matches!(self, Self::Delegation | Self::DelegationAdded | Self::DelegationRemoved)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The role it is about: in a file of root also the roles that root names.
    #[serde(serialize_with = "text")]
    pub role: Arc<str>,
    /// What it is about.
    pub kind: Kind,
    /// `ROLE: WHAT`, as `expect_diff` of a ceremony file has it.
    pub line: String,
    /// The same for people, without the role; empty where the line says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Whether nobody may overlook it: a rollback, key bytes under an old name.
    pub alarm: bool,
}

/// What follows from changes, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// The role it is about.
    pub role: String,
    /// A clause, without the role.
    pub words: String,
}

impl Consequence {
    fn new(role: &str, words: impl Into<String>) -> Self {
        Self { role: role.to_owned(), words: words.into() }
    }
}

/// What differs between two files of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The role of the files.
    pub role: String,
    /// Every change, in the order of the lines. Empty: no difference.
    pub changes: Vec<Change>,
    /// What follows from them.
    pub consequences: Vec<Consequence>,
    /// For two roots: whether clients of the old one reach the new one, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reach: Vec<Reach>,
}

/// Why two files cannot be compared.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DiffError {
    /// The new file is not metadata.
    #[error("{0}")]
    New(MetadataError),
    /// The old file is not metadata.
    #[error("{0}")]
    Old(MetadataError),
    /// They are of different types.
    #[error("the old file is {old:?} metadata and the new one is {new:?} metadata")]
    Types {
        /// `_type` of the old file.
        old: String,
        /// `_type` of the new file.
        new: String,
    },
}

impl Section {
    /// The lines of all changes, sorted.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(|change| change.line.as_str())
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Adds what follows for the role itself.
    pub(crate) fn follows(&mut self, words: Vec<String>) {
        self.consequences.extend(words.into_iter().map(|words| Consequence::new(&self.role, words)));
    }

    fn sort(&mut self) {
        self.changes.sort_by(|a, b| order(a).cmp(&order(b)));
    }
}

fn text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Top-level roles first and in their order, then by name, kind and line; new delegations stay in their order of priority.
fn order(change: &Change) -> (usize, &str, Kind, &str) {
    let place = TOP_LEVEL.iter().position(|role| **role == *change.role);
    let line = if change.kind == Kind::DelegationAdded { "" } else { &change.line };
    (place.unwrap_or(TOP_LEVEL.len()), &change.role, change.kind, line)
}

/// The difference of two files of one role. `role` is its name where that is not the type: a delegated role.
pub fn files(role: Option<&str>, old: &[u8], new: &[u8], names: &Names) -> Result<Section, DiffError> {
    let kinds = (kind(old).map_err(DiffError::Old)?, kind(new).map_err(DiffError::New)?);
    if kinds.0 != kinds.1 {
        return Err(DiffError::Types { old: kinds.0, new: kinds.1 });
    }
    if kinds.0 == "targets" {
        return listed::files(role.unwrap_or("targets"), old, new, names);
    }
    let old = Metadata::parse(old).map_err(DiffError::Old)?;
    let new = Metadata::parse(new).map_err(DiffError::New)?;
    match kinds.0.as_str() {
        "root" => roots(&old, &new, &[], names),
        "snapshot" | "timestamp" => meta::files(&old, &new, names),
        other => Err(DiffError::Old(MetadataError(format!(
            "signed JSON of the type {other:?}, which is no TUF metadata"
        )))),
    }
}

/// The same of two files of a targets role while they go by, so that a million targets that are alike cost no more
/// memory than ten. `None` is no answer: what this way is not made for is to be read whole, and what [`files`] says counts.
pub fn passing(role: Option<&str>, old: &mut dyn Read, new: &mut dyn Read, names: &Names) -> Option<Section> {
    listed::passing(role.unwrap_or("targets"), old, new, names)
}

/// The difference of two files of a targets role that were read.
pub fn targets(role: &str, old: &Metadata, new: &Metadata, names: &Names) -> Result<Section, DiffError> {
    if old.role_type() != new.role_type() {
        let kind = |metadata: &Metadata| metadata.role_type().to_owned();
        return Err(DiffError::Types { old: kind(old), new: kind(new) });
    }
    listed::metadata(role, old, new, names)
}

/// The difference of two files of snapshot, or of timestamp, that were read.
pub fn online(old: &Metadata, new: &Metadata, names: &Names) -> Result<Section, DiffError> {
    meta::files(old, new, names)
}

/// The difference of a file of a targets role to one that is not written out: `rest` with the target files of `old` as
/// `change` leaves them.
pub fn draft(
    role: &str,
    old: &Metadata,
    rest: &Value,
    change: &FileChange,
    names: &Names,
) -> Result<Section, DiffError> {
    listed::draft(role, old, rest, change, names)
}

/// The difference of two roots. `between` are the roots of the versions between them, in order, where they are known:
/// clients walk them one by one. A root that nobody signed yet can be given: then it says who is still missing.
pub fn roots(
    old: &Metadata,
    new: &Metadata,
    between: &[Metadata],
    names: &Names,
) -> Result<Section, DiffError> {
    roots_over(old, new, between, names, &|_| None)
}

/// `_type`, without reading the rest.
fn kind(file: &[u8]) -> Result<String, MetadataError> {
    let outer: Outer<'_> = serde_json::from_slice(file).map_err(|e| MetadataError(e.to_string()))?;
    let signed = outer.0.get("signed").ok_or_else(|| MetadataError::new("signed is missing"))?;
    let signed: Outer<'_> =
        serde_json::from_str(signed.get()).map_err(|e| MetadataError(format!("signed: {e}")))?;
    let kind = signed.0.get("_type").and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    Ok(kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Which file of each role is the newest among file names: `N.ROLE.json` with the highest N, else `ROLE.json`.
///
/// The answer is by the role's name as file names write it, with its version when the name has one.
pub fn newest(names: &[String]) -> BTreeMap<String, Option<u64>> {
    let mut found: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for name in names.iter().filter_map(|name| name.strip_suffix(".json")) {
        let (version, role) = version_and_role(name);
        let known = found.entry(role.to_owned()).or_insert(version);
        *known = version.max(*known);
    }
    found
}

/// `3.dev` is version 3 of `dev`; a number with leading zeros is no version.
pub fn version_and_role(stem: &str) -> (Option<u64>, &str) {
    let versioned = stem.split_once('.').and_then(|(number, role)| {
        let version = number.parse::<u64>().ok().filter(|v| v.to_string() == number)?;
        Some((Some(version), role)).filter(|_| !role.is_empty())
    });
    versioned.unwrap_or((None, stem))
}
