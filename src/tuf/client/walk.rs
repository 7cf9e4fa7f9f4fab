//! Delegated roles: each verified by the word of every role that delegates to it (TUF section 5.6). A role goes by
//! where it can (`gone_by`), and is read whole where it cannot.

use std::collections::BTreeMap;

use crate::tuf::client::MAX_ROLES;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::Refused;
use crate::tuf::client::Scope;
use crate::tuf::client::file_name;
use crate::tuf::client::rules;
use crate::tuf::client::tree::Branch;
use crate::tuf::client::tree::Tree;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::listed_role;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::delegations::Delegations;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::Targets;

/// One verified targets role.
pub(super) struct Node {
    pub(super) targets: Targets,
    pub(super) delegations: Option<Delegations>,
}

impl Workflow<'_> {
    /// Verifies `targets` and all it delegates to. Without a snapshot the highest version of each is taken.
    pub(super) fn tree(&mut self, root: &Root, snapshot: Option<&Snapshot>) -> Result<Tree, Refused> {
        let none = RoleKeys { keys: BTreeMap::new(), threshold: 0 };
        let mut tree = Tree::default();
        // Who delegates, to whom, by which keys; the next one to visit is the last.
        let mut open = vec![("root".to_owned(), "targets".to_owned(), std::sync::Arc::new(none))];
        if let (Some(keys), Some(first)) = (root.role_keys("targets"), open.first_mut()) {
            first.2 = std::sync::Arc::new(keys);
        }
        while let Some((delegator, role, keys)) = open.pop() {
            let known = tree.branches.contains_key(&role);
            if !known && tree.branches.len() > MAX_ROLES {
                return refuse(rules::ROLE_COUNT, &role, format!("more than {MAX_ROLES} delegated roles"));
            }
            let whose = (delegator.as_str(), role.as_str(), keys.as_ref());
            let gone_by = self.gone_by(root, snapshot, whose, known);
            let branch = match gone_by {
                Some(answer) => answer,
                None => {
                    let node = self.role(root, snapshot, &delegator, &role, &keys, known)?;
                    node.map(|node| Branch::of(&role, node, self.files)).transpose()?
                }
            };
            let Some(branch) = branch else { continue };
            if let Some(delegations) = &branch.delegations {
                let next = delegations.roles.iter().rev();
                open.extend(
                    next.map(|d| (role.clone(), d.name.clone(), std::sync::Arc::clone(&d.role_keys))),
                );
            }
            tree.order.push(role.clone());
            tree.branches.insert(role, branch);
        }
        Ok(tree)
    }

    /// Verifies one role for one delegator. `None` when it is already in the tree, or not yet in the set.
    fn role(
        &mut self,
        root: &Root,
        snapshot: Option<&Snapshot>,
        delegator: &str,
        role: &str,
        keys: &RoleKeys,
        known: bool,
    ) -> Result<Option<Node>, Refused> {
        let plain = file_name(role, None);
        let listed = snapshot.map(|snapshot| listed_role(snapshot, delegator, role)).transpose();
        let listed = match listed {
            Err(_) if self.request.scope == Scope::Begun => None,
            listed => listed?,
        };
        let (file, bytes, version) = match listed {
            Some(listed) => {
                let file = file_name(role, root.consistent_snapshot.then_some(listed.version));
                let bytes = self.fetch_listed(&file, MAX_TARGETS, listed)?;
                (file, bytes, Some(listed.version))
            }
            None => {
                let version = self.highest.get(&plain).copied();
                let file = file_name(role, version);
                match self.find(&file, MAX_TARGETS)? {
                    Some(bytes) => (file, bytes, version),
                    None if role == "targets" => {
                        return refuse(rules::FILE_MISSING, &file, "there is no such file");
                    }
                    None => {
                        self.remarks
                            .push(format!("{file}: {delegator} delegates to it, and it is not here yet"));
                        return Ok(None);
                    }
                }
            }
        };
        self.targets_role(file, bytes, version, (delegator, role, keys), known)
    }

    /// The checks of one targets role, by the keys of one delegator. `None` when it is `known` and holds again.
    pub(super) fn targets_role(
        &mut self,
        file: String,
        bytes: impl AsRef<[u8]>,
        version: Option<u64>,
        (delegator, role, keys): (&str, &str, &RoleKeys),
        known: bool,
    ) -> Result<Option<Node>, Refused> {
        let metadata = self.open(&file, bytes.as_ref())?;
        drop(bytes);
        let signed_by = self.signed(rules::THRESHOLD, &file, &metadata, keys, delegator)?;
        if known {
            return Ok(None);
        }
        let targets = understood(&file, Targets::read(&metadata))?;
        if let Some(version) = version.filter(|version| *version != targets.version) {
            let why = format!("version {} and not {version}", targets.version);
            return refuse(rules::VERSION_AS_LISTED, &file, why);
        }
        self.unexpired(&file, targets.expires)?;
        let unknown = |t: &&TargetFile| !t.hashes.has_known();
        if let Some((path, _)) = targets.targets.iter().find(|(_, t)| unknown(t)) {
            let why = format!("target {path:?} has no hash by sha256 or sha512");
            return refuse(rules::TARGET_HASH_KNOWN, &file, why);
        }
        let delegations = targets.delegations.as_ref().map(Delegations::from_json).transpose();
        let delegations = understood(&file, delegations)?;
        self.trust(&file, role, targets.version, &metadata, keys, signed_by);
        if let Some(delegations) = &delegations {
            self.remark_keys(&file, &delegations.keys, &delegations.other_keys);
            let listed = &metadata.signed()["delegations"]["keys"];
            self.note_unread(delegations.other_keys.iter().map(|keyid| (keyid, &listed[&keyid.0])));
        }
        Ok(Some(Node { targets, delegations }))
    }
}
