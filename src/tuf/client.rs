//! The client workflow (TUF section 5) over a set of files, from a pinned root, at one fixed time.
//!
//! Two clients use the same checks. [`verify`] reads everything that is there, as a new client or, with
//! [`verify_after`], as one that has seen an earlier state; [`Client`] fetches what it needs and keeps what it trusts.
//! They read by [`Files`] and know no disk; `roots` climbs the chain, `before` holds what may not be rolled back,
//! `online` judges timestamp and snapshot, `walk` follows the delegations, `workflow` holds the checks
//! that all need, `rules` names them.

pub mod rules;

mod before;
mod gone_by;
mod lazy;
mod online;
mod python_tuf;
mod roots;
mod same_version;
mod tree;
mod walk;
mod workflow;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Cursor;
use std::io::Read;

use serde::Serialize;

use crate::tuf::date::Date;
use crate::tuf::file::SignedFile;
use crate::tuf::root::Root;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::TargetFile;
pub use crate::tuf::targets::wants::Wants;
use online::Current;
use online::TIMESTAMP;
use tree::Found;
use workflow::Workflow;
use workflow::refuse;

pub use before::earlier_state;
pub use lazy::Client;
pub use lazy::Local;
pub use workflow::WATERMARK;
pub use workflow::hashes_hold;

/// The most roots after the pinned one (Y of section 5.3.3).
pub const MAX_ROOTS: usize = 1024;
/// The most delegated roles.
pub const MAX_ROLES: usize = 1 << 15;
/// The most delegated roles that one search visits, as in python-tuf.
pub const MAX_VISITED: usize = 32;
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
    /// Everything a client downloads, but for delegated roles that snapshot does not list: they have not begun, and whoever
    /// looks for their paths stops there.
    Begun,
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
    /// The same file, where it is in memory already.
    fn held(&self, name: &str) -> Option<SignedFile> {
        let _ = name;
        None
    }
    /// The same file, to be read as it goes by; how much is read is the caller's to bound.
    fn open(&self, name: &str, max: u64) -> Result<Option<Box<dyn Read + '_>>, String> {
        Ok(self.read(name, max)?.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read>))
    }
    /// The targets of which the answer is to say what the metadata lists. Its memory grows with these.
    fn wants(&self) -> Wants<'_> {
        Wants::All
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
    /// Those that [`Files::wants`] and a trusted role lists without effect: another role speaks for the path, or no
    /// delegation leads to it.
    pub not_found: Vec<(String, TargetFile)>,
    /// `consistent_snapshot` of the final root.
    pub consistent_snapshot: bool,
    /// What a strict reader would remark, such as a keyid that is not the key's hash.
    pub remarks: Vec<String>,
}

/// Verifies `files` as a new client that trusts only `request.pinned`.
pub fn verify(files: &dyn Files, request: &Request<'_>) -> Result<Verified, Refused> {
    verify_after(files, request, None)
}

/// Verifies `files` as a client that trusts `request.pinned` and has trusted `own` before: nothing may fall below it.
pub fn verify_after(
    files: &dyn Files,
    request: &Request<'_>,
    own: Option<&dyn Files>,
) -> Result<Verified, Refused> {
    let names = files.names().or_else(|why| refuse(rules::FILE_READABLE, "metadata", why))?;
    let mut workflow = Workflow::new(files, request, highest(&names));
    if let Some(own) = own {
        workflow.read_own_root(own);
    }
    let root = workflow.roots()?;
    if let Some(own) = own.filter(|_| request.scope != Scope::Root) {
        workflow.read_own_online(own, &root);
    }
    let snapshot = match request.scope {
        Scope::Root | Scope::Offline => None,
        Scope::Begun | Scope::Full => Some(workflow.fetch_snapshot(&root)?),
    };
    let found = match request.scope {
        Scope::Root => Found::default(),
        Scope::Offline | Scope::Begun | Scope::Full => {
            let tree = workflow.tree(&root, snapshot.as_ref())?;
            if snapshot.is_none() {
                workflow.roles_not_rolled_back()?;
            }
            if let Some(own) = own {
                workflow.remark_same_targets_versions(own);
            }
            workflow.resolve(&tree)
        }
    };
    Ok(Verified {
        trusted: workflow.trusted,
        target_count: found.count,
        targets: found.wanted,
        not_found: found.others,
        consistent_snapshot: root.consistent_snapshot,
        remarks: workflow.remarks,
    })
}

impl Workflow<'_> {
    /// The timestamp, and the snapshot that it names (sections 5.4 and 5.5).
    fn fetch_snapshot(&mut self, root: &Root) -> Result<Snapshot, Refused> {
        let bytes = self.fetch(TIMESTAMP, MAX_TIMESTAMP)?;
        let (timestamp, other) = match self.timestamp(root, &bytes)? {
            Current::New(timestamp) => (timestamp, false),
            Current::Own { timestamp, other } => (timestamp, other),
        };
        let listed = timestamp.snapshot;
        let file = file_name("snapshot", root.consistent_snapshot.then_some(listed.version));
        let found = self.fetch_listed(&file, MAX_SNAPSHOT, &listed);
        let found = found.and_then(|bytes| self.snapshot(root, &file, &bytes, &listed));
        found.or_else(|refused| match other {
            false => Err(refused),
            true => {
                let why = format!(
                    "it differs from the trusted timestamp of the same version {}, which clients keep, and what that one \
                     lists does not hold here: {}: {}",
                    timestamp.version, refused.file, refused.why
                );
                refuse(rules::TIMESTAMP_ONE_PER_VERSION, TIMESTAMP, why)
            }
        })
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
