//! The client workflow (TUF section 5) over a set of files, from a pinned root, at one fixed time.
//!
//! The client is new: it trusts the pinned root and has no earlier timestamp or snapshot, so that the rules
//! against rolling those back have nothing to compare with. It reads by [`Files`] and knows no disk; `roots`
//! climbs the chain, `walk` follows the delegations, `workflow` holds each check once, `rules` names them.

pub mod rules;

mod gone_by;
mod roots;
mod tree;
mod walk;
mod workflow;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Cursor;
use std::io::Read;

use serde::Serialize;

use crate::tuf::date::Date;
use crate::tuf::root::Root;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::TargetFile;
use crate::tuf::timestamp::Timestamp;
use tree::Found;
use workflow::Workflow;
use workflow::refuse;
use workflow::understood;

pub use workflow::WATERMARK;
pub use workflow::hashes_hold;

/// The most roots after the pinned one (Y of section 5.3.3).
pub const MAX_ROOTS: usize = 1024;
/// The most delegated roles.
pub const MAX_ROLES: usize = 1 << 15;
/// The largest root, in bytes.
pub const MAX_ROOT: u64 = 1 << 20;
/// The largest timestamp, in bytes.
pub const MAX_TIMESTAMP: u64 = 1 << 20;
/// The largest snapshot, in bytes.
pub const MAX_SNAPSHOT: u64 = 1 << 26;
/// The largest targets role, in bytes.
pub const MAX_TARGETS: u64 = 1 << 30;

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

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The bytes of the root file that the caller trusts, from elsewhere.
    pub pinned: &'a [u8],
    /// The time at which nothing may be expired.
    pub at: Date,
    /// How much must be there.
    pub scope: Scope,
    /// Whether metadata made in a rehearsal is verified too, instead of refused.
    pub allow_rehearsal: bool,
}

/// Where the client reads: `2.root.json`, `timestamp.json`, ...
pub trait Files {
    /// The file, `None` when there is none. `max` bounds what is read; more is an error.
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String>;
    /// The names of all metadata files that are there.
    fn names(&self) -> Result<Vec<String>, String>;
    /// The same file, to be read as it goes by; how much is read is the caller's to bound.
    fn open(&self, name: &str, max: u64) -> Result<Option<Box<dyn Read + '_>>, String> {
        Ok(self.read(name, max)?.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read>))
    }
    /// Whether the answer is to say what the metadata lists of the target `path`. Its memory grows with these.
    fn wants(&self, path: &str) -> bool {
        let _ = path;
        true
    }
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
    /// How many targets the trusted metadata lists and a client can find.
    pub target_count: usize,
    /// Those of them that [`Files::wants`], by path.
    pub targets: BTreeMap<String, TargetFile>,
    /// `consistent_snapshot` of the final root.
    pub consistent_snapshot: bool,
    /// What a strict reader would remark, such as a keyid that is not the key's hash.
    pub remarks: Vec<String>,
}

/// Verifies `files` as a client that trusts only `request.pinned`.
pub fn verify(files: &dyn Files, request: &Request<'_>) -> Result<Verified, Refused> {
    let names = files.names().or_else(|why| refuse(rules::FILE_READABLE, "metadata", why))?;
    let highest = highest(&names);
    let mut workflow = Workflow { files, request, highest, trusted: Vec::new(), remarks: Vec::new() };
    let root = workflow.roots()?;
    let snapshot = match request.scope {
        Scope::Root | Scope::Offline => None,
        Scope::Full => Some(workflow.snapshot(&root)?),
    };
    let found = match request.scope {
        Scope::Root => Found::default(),
        Scope::Offline | Scope::Full => {
            let tree = workflow.tree(&root, snapshot.as_ref())?;
            workflow.resolve(tree)
        }
    };
    Ok(Verified {
        trusted: workflow.trusted,
        target_count: found.count,
        targets: found.wanted,
        consistent_snapshot: root.consistent_snapshot,
        remarks: workflow.remarks,
    })
}

impl Workflow<'_> {
    /// The timestamp, and the snapshot that it names (sections 5.4 and 5.5).
    fn snapshot(&mut self, root: &Root) -> Result<Snapshot, Refused> {
        let file = "timestamp.json";
        let bytes = self.fetch(file, MAX_TIMESTAMP)?;
        let read = |signed: &_| Timestamp::from_signed(signed).map(|t| (t.version, t.expires, t));
        let timestamp = self.online(root, "timestamp", file, &bytes, None, read)?;
        let listed = timestamp.snapshot;
        let file = file_name("snapshot", root.consistent_snapshot.then_some(listed.version));
        let bytes = self.fetch_listed(&file, MAX_SNAPSHOT, &listed)?;
        let read = |signed: &_| Snapshot::from_signed(signed).map(|s| (s.version, s.expires, s));
        self.online(root, "snapshot", &file, &bytes, Some(&listed), read)
    }

    /// One of the two roles that servers sign: threshold, version, expiry.
    fn online<T>(
        &mut self,
        root: &Root,
        role: &str,
        file: &str,
        bytes: &[u8],
        listed: Option<&MetaFile>,
        read: impl Fn(&serde_json::Value) -> Result<(u64, Date, T), crate::tuf::metadata::MetadataError>,
    ) -> Result<T, Refused> {
        let metadata = self.open(file, bytes)?;
        let Some(keys) = root.role_keys(role) else {
            return refuse(rules::THRESHOLD, file, format!("root has no role {role}"));
        };
        let signed_by = self.signed(rules::THRESHOLD, file, &metadata, &keys, "root")?;
        let (version, expires, value) = understood(file, read(metadata.signed()))?;
        if let Some(listed) = listed.filter(|listed| listed.version != version) {
            let why = format!("version {version} and not {}", listed.version);
            return refuse(rules::VERSION_AS_LISTED, file, why);
        }
        self.unexpired(file, expires)?;
        self.trust(file, role, version, &metadata, &keys, signed_by);
        Ok(value)
    }
}

/// The name of a role's file: `VERSION.ROLE.json`, or `ROLE.json`; the role is URL-encoded.
pub fn file_name(role: &str, version: Option<u64>) -> String {
    let mut name = version.map(|version| format!("{version}.")).unwrap_or_default();
    for &byte in role.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                name.push(char::from(byte))
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name + ".json"
}

/// The highest N of `N.ROLE.json` among `names`, by `ROLE.json`; an N with leading zeros is no version.
fn highest(names: &[String]) -> HashMap<String, u64> {
    let mut highest = HashMap::new();
    for (version, role) in names.iter().filter_map(|name| name.split_once('.')) {
        let Some(version) = version.parse::<u64>().ok().filter(|v| v.to_string() == version) else {
            continue;
        };
        let known = highest.entry(role.to_owned()).or_insert(version);
        *known = version.max(*known);
    }
    highest
}
