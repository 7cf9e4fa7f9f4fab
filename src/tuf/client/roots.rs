//! The chain of roots (TUF sections 5.2 and 5.3).

use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::MAX_ROOTS;
use crate::tuf::client::Refused;
use crate::tuf::client::rules;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;

/// What messages call the root that the caller brought.
const PINNED: &str = "pinned root";

impl Workflow<'_> {
    /// From the pinned root to the highest one, version by version; the last must be unexpired.
    pub(super) fn roots(&mut self) -> Result<Root, Refused> {
        let (mut root, mut file) = self.pinned_root()?;
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
            file = next;
        }
        if let Some(above) = self.highest.get("root.json").filter(|above| **above > root.version) {
            return refuse(
                rules::ROOT_NO_GAP,
                &format!("{above}.root.json"),
                format!("{}.root.json is missing, so no client gets here", root.version.saturating_add(1)),
            );
        }
        self.unexpired(&file, root.expires)?;
        Ok(root)
    }

    /// The pinned root must verify itself; its expiry does not matter when a newer one follows.
    fn pinned_root(&mut self) -> Result<(Root, String), Refused> {
        let metadata = self.open(PINNED, self.request.pinned)?;
        let root = understood(PINNED, Root::from_signed(metadata.signed()))?;
        let keys = keys_of(&root);
        let signed_by =
            self.signed(rules::PINNED_ROOT_SIGNED, PINNED, &metadata, &keys, "the root itself")?;
        let name = format!("{}.root.json", root.version);
        if let Some(bytes) = self.find(&name, MAX_ROOT)?
            && understood(&name, Metadata::parse(&bytes))?.payload() != metadata.payload()
        {
            return refuse(
                rules::ROOT_ONE_PER_VERSION,
                &name,
                "it differs from the pinned root of the same version",
            );
        }
        self.trust(&name, "root", root.version, &metadata, &keys, signed_by);
        self.remark_keys(&name, &root.keys, root.other_keys.keys());
        Ok((root, name))
    }

    fn next_root(&mut self, old: &Root, file: &str, bytes: &[u8]) -> Result<Root, Refused> {
        let metadata = self.open(file, bytes)?;
        let new = understood(file, Root::following(metadata.signed(), old))?;
        if new.version != old.version + 1 {
            let why = format!("version {} after version {}", new.version, old.version);
            return refuse(rules::ROOT_VERSION_NEXT, file, why);
        }
        let rule = rules::ROOT_SIGNED_BY_OLD_AND_NEW;
        let (before, keys) = (keys_of(old), keys_of(&new));
        let whose = format!("the root before it, version {}", old.version);
        let signed_by = self.signed(rule, file, &metadata, &before, &whose)?;
        // The same keys and threshold give the same answer.
        let signed_by =
            if keys == before { signed_by } else { self.signed(rule, file, &metadata, &keys, "this root")? };
        self.trust(file, "root", new.version, &metadata, &keys, signed_by);
        self.remark_keys(file, &new.keys, new.other_keys.keys());
        Ok(new)
    }
}

/// The keys of the role root. The reader has proved that the role is there; without it nothing would verify.
fn keys_of(root: &Root) -> RoleKeys {
    root.role_keys("root").unwrap_or(RoleKeys { keys: std::collections::BTreeMap::new(), threshold: 0 })
}
