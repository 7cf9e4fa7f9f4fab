//! The metadata that a plan asks for: pure, and the same bytes on every machine.
//!
//! Where there is a before, its file is taken as it lies and only what the plan states is set: fields that the
//! specification does not name, and keys of kinds that we do not know, stay as they are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::plan::InRoom;
use crate::plan::Plan;
use crate::plan::files;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::SignedFile;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::author::Labels;
use crate::tuf::delegations::author::author;
use crate::tuf::delegations::group::Group;
use crate::tuf::fault::Fault;
use crate::tuf::metadata::MetadataError;
use crate::tuf::repository::RoleFile;
use crate::tuf::root::Root;
use crate::tuf::root::RootRole;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Files;
use crate::tuf::targets::Targets;
use crate::tuf::targets::change::Change;
use crate::tuf::timestamp::Timestamp;
use crate::words::Digest;

/// What is known when metadata is built.
pub trait Facts {
    /// The keyid and the public half of a key, once it is known.
    fn key(&self, name: &str) -> Option<(KeyId, PublicKey)>;
    /// The target files of a role, once they are hashed.
    fn files(&self, role: &str) -> Option<&Files>;
    /// The metadata of a role that is signed here, once its signatures are counted.
    fn verified(&self, role: &str) -> Option<&Metadata>;
    /// The bins of a role that are signed here, once their signatures are counted.
    fn bins(&self, role: &str) -> Option<&Group>;
    /// Whether everything is marked as made in a rehearsal.
    fn rehearsal(&self) -> bool;
}

/// What labels of keys mean where these facts hold.
pub(super) fn labels(facts: &dyn Facts) -> Labels {
    if facts.rehearsal() { Labels::StoodInFor } else { Labels::Computed }
}

/// A role's metadata, not signed yet, or what is missing for it.
pub fn metadata(plan: &Plan, role: &str, facts: &dyn Facts) -> Result<Metadata, String> {
    if matches!(role, "root" | "snapshot" | "timestamp") {
        let signed = rest(plan, role, facts)?;
        return Metadata::unsigned(signed).map_err(|error| error.to_string());
    }
    let Draft { rest, old, change } = draft(plan, role, facts)?;
    let listed = Targets::listed(&old).map_err(|error| error.to_string())?;
    let made = Metadata::edited(rest, listed, change.edits());
    made.map_err(|error| error.to_string())
}

/// Metadata of a targets role before it is written out.
pub(super) struct Draft {
    /// All but the target files.
    pub(super) rest: Value,
    /// The metadata before, or one that lists nothing.
    pub(super) old: Metadata,
    /// What becomes of its target files.
    pub(super) change: Change,
}

/// What a targets role will say: the target files that the plan gives it, else those of before.
pub(super) fn draft(plan: &Plan, role: &str, facts: &dyn Facts) -> Result<Draft, String> {
    let error = |error: MetadataError| error.to_string();
    let rest = rest(plan, role, facts)?;
    let old = match plan.before.as_ref().and_then(|before| before.metadata(role)) {
        Some(before) => before.clone(),
        None => Metadata::without_files(),
    };
    let spec = plan.roles.get(role).and_then(|role| role.files.as_ref());
    let change = match (spec, facts.files(role)) {
        (Some(spec), Some(files)) => files::change(Targets::listed(&old).map_err(error)?, spec, files)?,
        _ => Change::default(),
    };
    Ok(Draft { rest, old, change })
}

/// The signed part, but for target files.
pub(super) fn rest(plan: &Plan, role: &str, facts: &dyn Facts) -> Result<Value, String> {
    let in_room = plan.roles.get(role).and_then(|role| role.in_room.as_ref());
    let in_room = in_room.ok_or_else(|| format!("{role} is not built in the room"))?;
    if plan.is_bins(role) {
        return Err(format!("the bins {role} have no file that is all of them"));
    }
    let builder = Builder { plan, facts, in_room };
    let before = plan.before.as_ref().and_then(|before| before.metadata(role));
    let mut signed = match (role, before) {
        ("root", Some(before)) => builder.next_root(before)?,
        ("root", None) => builder.first_root()?.to_signed(),
        ("snapshot", before) => builder.snapshot(before)?,
        ("timestamp", before) => builder.timestamp(before)?,
        (_, before) => builder.targets(role, before)?,
    };
    signed["version"] = json!(in_room.version);
    signed["expires"] = json!(in_room.expires.to_string());
    if facts.rehearsal() {
        signed[WATERMARK] = json!(true);
    }
    Ok(signed)
}

struct Builder<'a> {
    plan: &'a Plan,
    facts: &'a dyn Facts,
    in_room: &'a InRoom,
}

impl Builder<'_> {
    fn key(&self, name: &str) -> Result<(KeyId, PublicKey), String> {
        self.facts.key(name).ok_or_else(|| format!("key {name} is not known yet"))
    }

    fn first_root(&self) -> Result<Root, String> {
        let mut keys = BTreeMap::new();
        let mut roles = BTreeMap::new();
        for (name, role) in self.plan.roles.iter().filter(|(name, _)| TOP_LEVEL.contains(&name.as_str())) {
            let mut keyids = Vec::new();
            for key in &role.keys {
                let (keyid, public) = self.key(key)?;
                keyids.push(keyid.clone());
                keys.insert(keyid, public);
            }
            roles.insert(name.clone(), RootRole::new(keyids, role.threshold));
        }
        let InRoom { version, expires } = *self.in_room;
        let (other_keys, extra) = (BTreeMap::new(), Map::new());
        Ok(Root { version, expires, consistent_snapshot: true, keys, other_keys, roles, extra })
    }

    fn next_root(&self, before: &Metadata) -> Result<Value, String> {
        let mut signed = before.signed().clone();
        let used_before = keyids(&signed);
        for (name, role) in
            self.plan.roles.iter().filter(|(name, role)| role.stated && TOP_LEVEL.contains(&name.as_str()))
        {
            let mut listed = Vec::new();
            for key in &role.keys {
                let (keyid, public) = self.key(key)?;
                if signed["keys"].get(&keyid.0).is_none() {
                    signed["keys"][&keyid.0] = public.to_json().clone();
                }
                listed.push(keyid);
            }
            signed["roles"][name]["keyids"] = json!(listed);
            signed["roles"][name]["threshold"] = json!(role.threshold);
        }
        let used = keyids(&signed);
        if let Some(keys) = signed["keys"].as_object_mut() {
            // Keys that nobody used before either are not ours to remove.
            keys.retain(|keyid, _| used.contains(keyid) || !used_before.contains(keyid));
        }
        if self.plan.consistent_snapshot {
            signed["consistent_snapshot"] = json!(true);
        }
        Ok(signed)
    }

    /// All but the target files.
    fn targets(&self, role: &str, before: Option<&Metadata>) -> Result<Value, String> {
        let mut signed = match before {
            Some(before) => before.signed().clone(),
            None => {
                let InRoom { version, expires } = *self.in_room;
                let (targets, extra) = (BTreeMap::new(), Map::new());
                Targets { version, expires, targets, delegations: None, extra }.to_signed()
            }
        };
        let stated = self.plan.roles.get(role);
        if let Some(list) = stated.and_then(|role| role.delegations.as_ref()) {
            let before = signed.get("delegations").filter(|value| !value.is_null()).cloned();
            let wanted = list.wanted(&|name| self.facts.key(name)).map_err(|fault| fault.to_string())?;
            let told =
                |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
            let labels = labels(self.facts);
            signed["delegations"] = author(&wanted, before.as_ref(), labels).map_err(told)?;
        }
        Ok(signed)
    }

    fn snapshot(&self, before: Option<&Metadata>) -> Result<Value, String> {
        let in_room = self.plan.roles_in_room();
        let described: BTreeSet<&str> =
            in_room.into_iter().filter(|role| !matches!(*role, "root" | "snapshot" | "timestamp")).collect();
        let mut signed = match before {
            Some(before) => before.signed().clone(),
            None => {
                let InRoom { version, expires } = *self.in_room;
                Snapshot { version, expires, meta: BTreeMap::new(), extra: Map::new() }.to_signed()
            }
        };
        // What snapshot lists once, it lists for ever: clients refuse one that drops a file.
        if let (Some(before), None) = (&self.plan.before, before) {
            for (role, file) in before.repository.targets_roles() {
                signed["meta"][format!("{role}.json")] = json!(meta_of(file));
            }
        }
        for role in described {
            if self.plan.is_bins(role) {
                let group =
                    self.facts.bins(role).ok_or_else(|| format!("the bins {role} are not verified yet"))?;
                group.meta().into_iter().for_each(|(file, meta)| signed["meta"][file] = json!(meta));
            } else {
                signed["meta"][format!("{role}.json")] = json!(self.describe(role)?);
            }
        }
        Ok(signed)
    }

    fn timestamp(&self, before: Option<&Metadata>) -> Result<Value, String> {
        let snapshot = match self.plan.roles.get("snapshot").is_some_and(|role| role.in_room.is_some()) {
            true => self.describe("snapshot")?,
            false => {
                let file = self.plan.before.as_ref().and_then(|before| before.file("snapshot"));
                file.map(meta_of).ok_or("there is no snapshot to describe")?
            }
        };
        let InRoom { version, expires } = *self.in_room;
        let Some(before) = before else {
            return Ok(Timestamp { version, expires, snapshot, extra: Map::new() }.to_signed());
        };
        let mut signed = before.signed().clone();
        signed["meta"] = json!({"snapshot.json": snapshot});
        Ok(signed)
    }

    /// Version, length and hash of a role's signed file.
    fn describe(&self, role: &str) -> Result<MetaFile, String> {
        let metadata = self.facts.verified(role).ok_or_else(|| format!("{role} is not verified yet"))?;
        Ok(meta_file(metadata, metadata.file()))
    }
}

fn meta_file(metadata: &Metadata, file: &SignedFile) -> MetaFile {
    let version = metadata.signed()["version"].as_u64().unwrap_or_default();
    let hashes = BTreeMap::from([("sha256".to_owned(), Digest(file.sha256()).hex())]);
    MetaFile { version, length: Some(file.len() as u64), hashes }
}

/// The same of a file as it lies.
pub(super) fn meta_of(file: &RoleFile) -> MetaFile {
    meta_file(&file.metadata, &file.bytes)
}

/// Every keyid that a role of this root lists.
fn keyids(signed: &Value) -> BTreeSet<String> {
    let roles = signed["roles"].as_object().into_iter().flatten();
    let listed = roles.filter_map(|(_, role)| role["keyids"].as_array()).flatten();
    listed.filter_map(|keyid| keyid.as_str().map(str::to_owned)).collect()
}
