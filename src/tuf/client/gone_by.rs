//! Roles that are verified while their files go by, or as they are held, without a map of their targets.
//!
//! A fast way to the answer yes, never to another one: for a file that is not as this way expects, or that does not
//! hold, there is no answer here, and the role is read whole.

use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::file_name;
use crate::tuf::client::tree::Branch;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::held_as_listed;
use crate::tuf::delegations::Delegations;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::targets::stream;

impl Workflow<'_> {
    /// The checks of one targets role by the keys of one delegator, as [`Workflow::targets_role`] makes them.
    /// `Some(None)` when it is `known` and holds again.
    pub(super) fn gone_by(
        &mut self,
        root: &Root,
        snapshot: Option<&Snapshot>,
        (_, role, keys): (&str, &str, &RoleKeys),
        known: bool,
    ) -> Option<Option<Branch>> {
        let listed = match snapshot {
            Some(snapshot) => Some(snapshot.meta.get(&format!("{role}.json"))?),
            None => None,
        };
        let plain = file_name(role, None);
        let version = match listed {
            Some(listed) => Some(listed.version),
            None => self.highest.get(&plain).copied(),
        };
        let file = file_name(role, version.filter(|_| listed.is_none() || root.consistent_snapshot));
        let wants = self.files.wants();
        let ask = stream::Ask { keys, listed, max: MAX_TARGETS, paths: role != "targets", wants };
        let read = match self.files.held(&file) {
            Some(held) => {
                listed.map_or(Ok(()), |listed| held_as_listed(&file, &held, listed)).ok()?;
                stream::held(&held, &ask)?
            }
            None => stream::read(&mut self.files.open(&file, MAX_TARGETS).ok()??, &ask)?,
        };
        let metadata = Metadata::gone_by(read.rest, read.signatures);
        let rest = Targets::rest(&metadata).ok()?;
        if version.is_some_and(|version| version != rest.version) {
            return None;
        }
        self.unexpired(&file, rest.expires).ok()?;
        let delegations = rest.delegations.as_ref().map(Delegations::from_json).transpose().ok()?;
        self.no_rehearsal(&file, &metadata).ok()?;
        if known {
            return Some(None);
        }
        self.trust(&file, role, rest.version, &metadata, keys, read.signed_by);
        if let Some(delegations) = &delegations {
            self.remark_keys(&file, &delegations.keys, &delegations.other_keys);
            let listed = &metadata.signed()["delegations"]["keys"];
            self.note_unread(delegations.other_keys.iter().map(|keyid| (keyid, &listed[&keyid.0])));
        }
        Some(Some(Branch { count: read.count, paths: read.paths, wanted: read.kept, delegations }))
    }
}
