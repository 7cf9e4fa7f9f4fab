//! A client that fetches what it needs and keeps what it trusts (TUF section 5), with the checks of `verify`.
//!
//! [`Client::refresh`] brings the four top-level roles up to date; [`Client::find`] fetches delegated roles along
//! the way to one target. A file is written by [`Local`] as soon as it is trusted and never before.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use crate::tuf::client::Files;
use crate::tuf::client::MAX_SNAPSHOT;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::MAX_TIMESTAMP;
use crate::tuf::client::MAX_VISITED;
use crate::tuf::client::Refused;
use crate::tuf::client::Request;
use crate::tuf::client::TrustedFile;
use crate::tuf::client::file_name;
use crate::tuf::client::online::Current;
use crate::tuf::client::online::TIMESTAMP;
use crate::tuf::client::rules;
use crate::tuf::client::walk::Node;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::as_listed;
use crate::tuf::client::workflow::listed_role;
use crate::tuf::client::workflow::refuse;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::TargetFile;

/// Where a client keeps what it trusts: `timestamp.json`, `snapshot.json`, `targets.json`, `ROLE.json`, and roots.
///
/// A write replaces the file as a whole or not at all.
pub trait Local: Files {
    /// Keeps a root that is trusted now, as the client's root.
    fn keep_root(&mut self, version: u64, bytes: &[u8]) -> Result<(), String>;
    /// Keeps another file that is trusted now.
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), String>;
    /// Forgets a file; it may be missing.
    fn forget(&mut self, name: &str) -> Result<(), String>;
}

/// A client whose top-level metadata is fresh at the time of its request.
pub struct Client<'a> {
    workflow: Workflow<'a>,
    local: &'a mut dyn Local,
    root: Root,
    snapshot: Snapshot,
    /// Roles as one delegator has them signed: by delegator and role.
    roles: BTreeMap<(String, String), Node>,
}

impl<'a> Client<'a> {
    /// Roots one by one, timestamp, snapshot, targets. `request.pinned` is the client's own root, its scope does not
    /// matter. After an error the client keeps what was trusted until then.
    pub fn refresh(
        remote: &'a dyn Files,
        local: &'a mut dyn Local,
        request: &'a Request<'a>,
    ) -> Result<Self, Refused> {
        let mut workflow = Workflow::new(remote, request, HashMap::new());
        let root = newest_root(&mut workflow, local)?;
        workflow.read_own_online(local, &root);
        let snapshot = newest_snapshot(&mut workflow, local, &root)?;
        let mut client = Self { workflow, local, root, snapshot, roles: BTreeMap::new() };
        let keys = client.targets_keys();
        client.load("root", "targets", &keys)?;
        Ok(client)
    }

    /// What the role that a client believes says of a target; `None` when no role on the way lists it.
    ///
    /// The search is pre-order, in the order of the delegations that cover the path; a terminating one ends it
    /// after what lies below it. A role that does not verify ends it with an error.
    pub fn find(&mut self, path: &str) -> Result<Option<TargetFile>, Refused> {
        let mut open = vec![("root".to_owned(), "targets".to_owned(), Arc::new(self.targets_keys()))];
        let mut visited = BTreeSet::new();
        while let Some((delegator, role, keys)) = open.pop() {
            if !visited.insert(role.clone()) {
                continue;
            }
            if visited.len() > MAX_VISITED + 1 {
                let why = format!("{path:?} is not in the first {MAX_VISITED} delegated roles of the search");
                return refuse(rules::SEARCH_BOUND, &file_name(&role, None), why);
            }
            let node = self.load(&delegator, &role, &keys)?;
            if let Some(target) = node.targets.targets.get(path) {
                return Ok(Some(target.clone()));
            }
            let Some(delegations) = &node.delegations else { continue };
            let (below, ends) = delegations.toward(path);
            if ends {
                open.clear();
            }
            let below = below.into_iter().rev();
            open.extend(below.map(|d| (role.clone(), d.name.clone(), Arc::clone(&d.role_keys))));
        }
        Ok(None)
    }

    /// `consistent_snapshot` of the final root: whether target files carry a hash in their name.
    pub fn consistent_snapshot(&self) -> bool {
        self.root.consistent_snapshot
    }

    /// Every file in the order in which it was trusted.
    pub fn trusted(&self) -> &[TrustedFile] {
        &self.workflow.trusted
    }

    /// What a strict reader would remark.
    pub fn remarks(&self) -> &[String] {
        &self.workflow.remarks
    }

    fn targets_keys(&self) -> RoleKeys {
        self.root.role_keys("targets").unwrap_or(RoleKeys { keys: BTreeMap::new(), threshold: 0 })
    }

    /// A targets role by the word of one delegator: the client's own file where it is the one that snapshot lists
    /// and verifies with the keys of this delegator, and otherwise the repository's.
    fn load(&mut self, delegator: &str, role: &str, keys: &RoleKeys) -> Result<&Node, Refused> {
        let place = (delegator.to_owned(), role.to_owned());
        if !self.roles.contains_key(&place) {
            let listed = listed_role(&self.snapshot, delegator, role)?.clone();
            let node = match self.own(delegator, role, keys, &listed) {
                Some(node) => node,
                None => self.fetched(delegator, role, keys, &listed)?,
            };
            self.roles.insert(place.clone(), node);
        }
        match self.roles.get(&place) {
            Some(node) => Ok(node),
            None => refuse(rules::FILE_MISSING, &file_name(role, None), "there is no such file"),
        }
    }

    fn own(&mut self, delegator: &str, role: &str, keys: &RoleKeys, listed: &MetaFile) -> Option<Node> {
        let file = file_name(role, None);
        let bytes = self.local.read(&file, MAX_TARGETS).ok()??;
        as_listed(&file, &bytes, listed).ok()?;
        let judged =
            self.workflow.targets_role(file, bytes, Some(listed.version), (delegator, role, keys), false);
        judged.ok()?
    }

    fn fetched(
        &mut self,
        delegator: &str,
        role: &str,
        keys: &RoleKeys,
        listed: &MetaFile,
    ) -> Result<Node, Refused> {
        let file = file_name(role, self.root.consistent_snapshot.then_some(listed.version));
        let bytes = self.workflow.fetch_listed(&file, MAX_TARGETS, listed)?;
        let whose = (delegator, role, keys);
        let judged = self.workflow.targets_role(file.clone(), &bytes, Some(listed.version), whose, false)?;
        keep(self.local, &file_name(role, None), &bytes)?;
        judged.ok_or_else(|| Refused {
            rule: rules::FILE_MISSING,
            file,
            why: "there is no such file".to_owned(),
        })
    }
}

/// The chain of roots, each kept as it is trusted; then the last one must be unexpired (sections 5.3.8 to 5.3.11).
fn newest_root(workflow: &mut Workflow<'_>, local: &mut dyn Local) -> Result<Root, Refused> {
    let (root, file) = workflow.pinned_root()?;
    let (root, file) = workflow.climb(root, file, |workflow, root, bytes| {
        // Forget first: a run that is cut off between the two forgets again, and never remembers too much.
        if workflow.before.rotated {
            for name in [TIMESTAMP, "snapshot.json"] {
                local.forget(name).or_else(|why| refuse(rules::STATE_KEPT, name, why))?;
            }
        }
        local.keep_root(root.version, bytes).or_else(|why| refuse(rules::STATE_KEPT, "root.json", why))
    })?;
    workflow.unexpired(&file, root.expires)?;
    Ok(root)
}

/// The timestamp, and the snapshot that it lists: the client's own where it is that one.
fn newest_snapshot(
    workflow: &mut Workflow<'_>,
    local: &mut dyn Local,
    root: &Root,
) -> Result<Snapshot, Refused> {
    let bytes = workflow.fetch(TIMESTAMP, MAX_TIMESTAMP)?;
    let listed = match workflow.timestamp(root, &bytes)? {
        Current::Own { timestamp, .. } => timestamp.snapshot,
        Current::New(timestamp) => {
            keep(local, TIMESTAMP, &bytes)?;
            timestamp.snapshot
        }
    };
    let plain = file_name("snapshot", None);
    if let Ok(Some(bytes)) = local.read(&plain, MAX_SNAPSHOT)
        && as_listed(&plain, &bytes, &listed).is_ok()
        && let Ok(snapshot) = workflow.snapshot(root, &plain, &bytes, &listed)
    {
        return Ok(snapshot);
    }
    let file = file_name("snapshot", root.consistent_snapshot.then_some(listed.version));
    let bytes = workflow.fetch_listed(&file, MAX_SNAPSHOT, &listed)?;
    let snapshot = workflow.snapshot(root, &file, &bytes, &listed)?;
    keep(local, &plain, &bytes)?;
    Ok(snapshot)
}

fn keep(local: &mut dyn Local, name: &str, bytes: &[u8]) -> Result<(), Refused> {
    local.keep(name, bytes).or_else(|why| refuse(rules::STATE_KEPT, name, why))
}
