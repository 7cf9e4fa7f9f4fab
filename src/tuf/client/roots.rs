//! The chain of roots (TUF sections 5.2 and 5.3).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::MAX_ROOTS;
use crate::tuf::client::Refused;
use crate::tuf::client::rules;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;

/// What messages call the root that the caller brought.
const PINNED: &str = "pinned root";

impl Workflow<'_> {
    /// From the pinned root to the highest one, version by version; the last must be unexpired.
    pub(super) fn roots(&mut self) -> Result<Root, Refused> {
        let (root, file) = self.pinned_root()?;
        self.one_per_version(&file)?;
        let (root, file) = self.climb(root, file, |_, _, _| Ok(()))?;
        if let Some(above) = self.highest.get("root.json").filter(|above| **above > root.version) {
            return refuse(
                rules::ROOT_NO_GAP,
                &format!("{above}.root.json"),
                format!("{}.root.json is missing, so no client gets here", root.version.saturating_add(1)),
            );
        }
        self.not_below_own_root(&file, &root)?;
        self.unexpired(&file, root.expires)?;
        Ok(root)
    }

    /// Root after root until the next one is missing. `keep` is given each as soon as it is trusted (section 5.3.8).
    pub(super) fn climb(
        &mut self,
        mut root: Root,
        mut file: String,
        mut keep: impl FnMut(&mut Self, &Root, &[u8]) -> Result<(), Refused>,
    ) -> Result<(Root, String), Refused> {
        for steps in 0.. {
            let next = format!("{}.root.json", root.version.saturating_add(1));
            let Some(bytes) = self.find(&next, MAX_ROOT)? else { break };
            if steps == MAX_ROOTS {
                return refuse(
                    rules::ROOT_COUNT,
                    &next,
                    format!("more than {MAX_ROOTS} roots after the pinned one"),
                );
            }
            root = self.next_root(&root, &next, &bytes)?;
            keep(self, &root, &bytes)?;
            file = next;
        }
        Ok((root, file))
    }

    /// The pinned root must verify itself; its expiry does not matter when a newer one follows.
    pub(super) fn pinned_root(&mut self) -> Result<(Root, String), Refused> {
        let (root, metadata, keys, signed_by) = self.self_signed(PINNED, self.request.pinned)?;
        let name = format!("{}.root.json", root.version);
        self.meet(&name, &root, metadata.payload())?;
        self.trust(&name, "root", root.version, &metadata, &keys, signed_by);
        self.remark_keys(&name, &root.keys, root.other_keys.keys());
        Ok((root, name))
    }

    /// A root that comes from elsewhere: signed by a threshold of its own keys.
    pub(super) fn self_signed(
        &mut self,
        file: &str,
        bytes: &[u8],
    ) -> Result<(Root, Metadata, RoleKeys, BTreeSet<KeyId>), Refused> {
        let metadata = self.open(file, bytes)?;
        let root = understood(file, Root::from_signed(metadata.signed()))?;
        let keys = keys_of(&root);
        self.note_unread(&root.other_keys);
        let signed_by = self.signed(rules::PINNED_ROOT_SIGNED, file, &metadata, &keys, "the root itself")?;
        Ok((root, metadata, keys, signed_by))
    }

    /// Where the set has a root of the pinned version too, it is the pinned one.
    fn one_per_version(&self, name: &str) -> Result<(), Refused> {
        let pinned = understood(PINNED, Metadata::parse(self.request.pinned))?;
        if let Some(bytes) = self.find(name, MAX_ROOT)?
            && understood(name, Metadata::parse(&bytes))?.payload() != pinned.payload()
        {
            return refuse(
                rules::ROOT_ONE_PER_VERSION,
                name,
                "it differs from the pinned root of the same version",
            );
        }
        Ok(())
    }

    fn next_root(&mut self, old: &Root, file: &str, bytes: &[u8]) -> Result<Root, Refused> {
        let metadata = self.open(file, bytes)?;
        let new = understood(file, Root::following(metadata.signed(), old))?;
        if new.version != old.version + 1 {
            let why = format!("version {} after version {}", new.version, old.version);
            return refuse(rules::ROOT_VERSION_NEXT, file, why);
        }
        self.note_unread(&new.other_keys);
        let rule = rules::ROOT_SIGNED_BY_OLD_AND_NEW;
        let (before, keys) = (keys_of(old), keys_of(&new));
        let whose = format!("the root before it, version {}", old.version);
        let signed_by = self.signed(rule, file, &metadata, &before, &whose)?;
        // The same keys and threshold give the same answer.
        let signed_by =
            if keys == before { signed_by } else { self.signed(rule, file, &metadata, &keys, "this root")? };
        self.meet(file, &new, metadata.payload())?;
        self.trust(file, "root", new.version, &metadata, &keys, signed_by);
        self.remark_keys(file, &new.keys, new.other_keys.keys());
        Ok(new)
    }
}

/// The keys of the role root. The reader has proved that the role is there; without it nothing would verify.
fn keys_of(root: &Root) -> RoleKeys {
    root.role_keys("root").unwrap_or(RoleKeys { keys: BTreeMap::new(), threshold: 0 })
}
