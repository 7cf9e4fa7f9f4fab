//! Metadata from the plan and the keys: pure, and the same bytes on every machine.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::ceremony::Ceremony;
use crate::ceremony::Mode;
use crate::ceremony::Rejected;
use crate::plan::InRoom;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::RoleKeys;
use crate::tuf::client::WATERMARK;
use crate::tuf::root::Root;
use crate::tuf::root::RootRole;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::timestamp::Timestamp;
use crate::words::Digest;

impl Ceremony {
    /// The metadata of a role, not signed yet.
    pub fn build(&self, role: &str) -> Result<Metadata, Rejected> {
        let in_room = self.plan().roles.get(role).and_then(|role| role.in_room.as_ref());
        let in_room = in_room.ok_or_else(|| Rejected(format!("{role} is not built in the room")))?;
        let signed = match role {
            "root" => self.root(in_room)?.to_signed(),
            "targets" => self.targets(in_room).to_signed(),
            "snapshot" => self.snapshot(in_room)?.to_signed(),
            _ => self.timestamp(in_room)?.to_signed(),
        };
        Metadata::unsigned(signed).map_err(|error| Rejected(error.to_string()))
    }

    fn extra(&self) -> Map<String, Value> {
        let mut extra = Map::new();
        if self.mode() == Mode::Rehearsal {
            extra.insert(WATERMARK.to_owned(), Value::Bool(true));
        }
        extra
    }

    fn root(&self, in_room: &InRoom) -> Result<Root, Rejected> {
        let mut keys = BTreeMap::new();
        let mut roles = BTreeMap::new();
        for (name, role) in &self.plan().roles {
            let mut keyids = Vec::new();
            for key in &role.keys {
                let known = self.known(key).ok_or_else(|| Rejected(format!("key {key} is not known yet")))?;
                keyids.push(known.keyid.clone());
                keys.insert(known.keyid.clone(), known.public.clone());
            }
            roles.insert(name.clone(), RootRole::new(keyids, role.threshold));
        }
        let InRoom { version, expires } = *in_room;
        let other_keys = BTreeMap::new();
        Ok(Root { version, expires, consistent_snapshot: true, keys, other_keys, roles, extra: self.extra() })
    }

    fn targets(&self, in_room: &InRoom) -> Targets {
        let InRoom { version, expires } = *in_room;
        Targets { version, expires, targets: self.files().clone(), delegations: None, extra: self.extra() }
    }

    fn snapshot(&self, in_room: &InRoom) -> Result<Snapshot, Rejected> {
        let InRoom { version, expires } = *in_room;
        let meta = BTreeMap::from([("targets.json".to_owned(), self.describe("targets")?)]);
        Ok(Snapshot { version, expires, meta, extra: self.extra() })
    }

    fn timestamp(&self, in_room: &InRoom) -> Result<Timestamp, Rejected> {
        let InRoom { version, expires } = *in_room;
        Ok(Timestamp { version, expires, snapshot: self.describe("snapshot")?, extra: self.extra() })
    }

    /// Version, length and hash of a role's signed file.
    fn describe(&self, role: &str) -> Result<MetaFile, Rejected> {
        if !self.room().verified(role) {
            return Err(Rejected(format!("{role} is not verified yet")));
        }
        let metadata = self.metadata(role).ok_or_else(|| Rejected(format!("{role} is not built yet")))?;
        let file = metadata.to_file();
        let version = metadata.signed()["version"].as_u64().unwrap_or_default();
        let hashes = BTreeMap::from([("sha256".to_owned(), Digest::of(&file).hex())]);
        Ok(MetaFile { version, length: Some(file.len() as u64), hashes })
    }

    /// The keys and the threshold of a role, as root lists them.
    pub fn role_keys(&self, role: &str) -> Option<RoleKeys> {
        let plan = self.plan().roles.get(role)?;
        let known = plan.keys.iter().filter_map(|key| self.known(key));
        let keys = known.map(|known| (known.keyid.clone(), known.public.clone())).collect();
        Some(RoleKeys { keys, threshold: plan.threshold })
    }

    /// The distinct keys that signed a role, its threshold, and the digest of its file; or what is missing.
    pub fn count(&self, role: &str) -> Result<(Vec<KeyId>, u32, String), Rejected> {
        let (Some(keys), Some(metadata)) = (self.role_keys(role), self.metadata(role)) else {
            return Err(Rejected(format!("{role} is not built yet")));
        };
        let counted = keys.verify(metadata.payload(), metadata.signatures());
        let signed_by = counted.map_err(|unmet| Rejected(format!("{role}: {unmet}")))?;
        Ok((signed_by.into_iter().collect(), keys.threshold, Digest::of(&metadata.to_file()).hex()))
    }
}
