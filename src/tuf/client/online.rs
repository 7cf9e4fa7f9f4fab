//! The two roles that servers sign: timestamp and snapshot (TUF sections 5.4 and 5.5). Bytes in, trust out.

use std::collections::BTreeSet;

use crate::tuf::client::Refused;
use crate::tuf::client::rules;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::timestamp::Timestamp;

/// The one name of the timestamp.
pub(super) const TIMESTAMP: &str = "timestamp.json";

/// The timestamp that holds, and whose it is.
pub(super) enum Current {
    /// The one that was read now.
    New(Timestamp),
    /// The client's own of the same version: what was read now is discarded (section 5.4.3.1).
    Own {
        /// The client's own.
        timestamp: Timestamp,
        /// Whether what was read now says something else.
        other: bool,
    },
}

impl Workflow<'_> {
    /// A timestamp: threshold, then not rolled back, then not expired.
    pub(super) fn timestamp(&mut self, root: &Root, bytes: &[u8]) -> Result<Current, Refused> {
        let metadata = self.open(TIMESTAMP, bytes)?;
        let (keys, signed_by) = self.signed_by_root(root, "timestamp", TIMESTAMP, &metadata)?;
        let new = understood(TIMESTAMP, Timestamp::from_signed(metadata.signed()))?;
        self.before.seen.allows_timestamp(TIMESTAMP, &new)?;
        self.remark_large_timestamp(TIMESTAMP, bytes);
        // A snapshot alone says nothing of the timestamp's versions to python-tuf.
        if self.before.kept.timestamp.is_some() {
            self.remark_kept(self.before.kept.gives_way_to(TIMESTAMP, &new, self.request.at));
        }
        match self.before.seen.timestamp.take() {
            Some((own, own_metadata)) if own.version == new.version => {
                let other = own_metadata.payload() != metadata.payload();
                if other {
                    self.remarks.push(format!(
                        "{TIMESTAMP}: another timestamp of version {} is trusted already and is kept",
                        own.version
                    ));
                }
                let (keys, signed_by) = self.signed_by_root(root, "timestamp", TIMESTAMP, &own_metadata)?;
                self.unexpired(TIMESTAMP, own.expires)?;
                self.trust(TIMESTAMP, "timestamp", own.version, &own_metadata, &keys, signed_by);
                Ok(Current::Own { timestamp: own, other })
            }
            _ => {
                self.unexpired(TIMESTAMP, new.expires)?;
                self.trust(TIMESTAMP, "timestamp", new.version, &metadata, &keys, signed_by);
                Ok(Current::New(new))
            }
        }
    }

    /// A snapshot: threshold, then the version that timestamp lists, then nothing in it rolled back, then not expired.
    pub(super) fn snapshot(
        &mut self,
        root: &Root,
        file: &str,
        bytes: &[u8],
        listed: &MetaFile,
    ) -> Result<Snapshot, Refused> {
        let metadata = self.open(file, bytes)?;
        let (keys, signed_by) = self.signed_by_root(root, "snapshot", file, &metadata)?;
        let new = understood(file, Snapshot::from_signed(metadata.signed()))?;
        if new.version != listed.version {
            let why = format!("version {} and not {}", new.version, listed.version);
            return refuse(rules::VERSION_AS_LISTED, file, why);
        }
        self.before.seen.allows_snapshot(file, &new)?;
        self.remark_kept(self.before.kept.allows_snapshot(file, &new));
        let seen = self.before.seen.snapshot.as_ref();
        if seen.is_some_and(|(own, was)| own.version == new.version && was.payload() != metadata.payload()) {
            self.remark_same_version(file, new.version);
        }
        self.unexpired(file, new.expires)?;
        self.trust(file, "snapshot", new.version, &metadata, &keys, signed_by);
        Ok(new)
    }

    /// The threshold of a role that root names.
    pub(super) fn signed_by_root(
        &self,
        root: &Root,
        role: &str,
        file: &str,
        metadata: &Metadata,
    ) -> Result<(RoleKeys, BTreeSet<KeyId>), Refused> {
        let Some(keys) = root.role_keys(role) else {
            return refuse(rules::THRESHOLD, file, format!("root has no role {role}"));
        };
        let signed_by = self.signed(rules::THRESHOLD, file, metadata, &keys, "root")?;
        Ok((keys, signed_by))
    }
}
