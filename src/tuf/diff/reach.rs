//! Whether clients that trust one root accept the next (TUF section 5.3): version plus one, and signatures by the
//! threshold of the old root's keys and of the new root's keys. Signatures are counted by [`RoleKeys`] alone.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::diff::keys::Table;
use crate::tuf::diff::labels::Labels;
use crate::tuf::fields;
use crate::tuf::key::Material;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;

/// One step of a client from a root that it trusts to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The version that the client trusts.
    pub from: u64,
    /// The version that it is given.
    pub to: u64,
    /// Whether it accepts.
    pub reached: bool,
    /// By the keys of the old root.
    pub old: Signed,
    /// By the keys of the new root.
    pub new: Signed,
    /// Why not, one reason a line; empty when it accepts.
    pub missing: Vec<String>,
    /// Which known clients refuse the root all the same, and why. Whoever compares fills it in, by the rules of `lint`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<String>,
}

impl Reach {
    /// Whether nothing is missing but signatures, by those who can still give them.
    pub fn waits_for_signatures(&self) -> bool {
        let can = |signed: &Signed| {
            signed.need > 0 && usize::try_from(signed.lacking()).is_ok_and(|lack| lack <= signed.not_by.len())
        };
        !self.reached && version(self.from, self.to).is_none() && can(&self.old) && can(&self.new)
    }
}

/// Who signed for a root role, in names, and who could.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// How many must sign.
    pub need: u32,
    /// Whose signatures verify.
    pub by: Vec<String>,
    /// Whose do not, or are not there.
    pub not_by: Vec<String>,
}

impl Signed {
    /// Whether enough signed.
    pub fn is_met(&self) -> bool {
        self.need > 0 && self.lacking() == 0
    }

    /// How many are missing.
    pub fn lacking(&self) -> u32 {
        self.need.saturating_sub(u32::try_from(self.by.len()).unwrap_or(u32::MAX))
    }
}

/// From the old root over those between to the new one.
pub(super) fn steps(old: &Metadata, between: &[Metadata], new: &Metadata, names: &Names) -> Vec<Reach> {
    let mut reached = Vec::new();
    let mut from = old;
    for to in between.iter().chain([new]) {
        // Both were read before; a root between that is none ends the walk, and the next step says what is missing.
        let Ok(step) = step(from, to, names) else { continue };
        reached.push(step);
        from = to;
    }
    reached
}

fn step(old: &Metadata, new: &Metadata, names: &Names) -> Result<Reach, MetadataError> {
    let (before, after) = (Root::from_signed(old.signed())?, Root::from_signed(new.signed())?);
    let tables = (table(old.signed())?, table(new.signed())?);
    let labels = Labels::new(names, &[&tables.0, &tables.1]);
    let by_old = signed(&before, new, &tables.0, &labels);
    let by_new = signed(&after, new, &tables.1, &labels);
    let mut missing = Vec::new();
    missing.extend(version(before.version, after.version));
    for (which, signed) in [("old", &by_old), ("new", &by_new)] {
        if !signed.is_met() {
            missing.push(format!(
                "{} of {} by the keys of the {which} root: {} more of {}",
                signed.by.len(),
                signed.need,
                signed.lacking(),
                if signed.not_by.is_empty() { "no one".to_owned() } else { signed.not_by.join(", ") }
            ));
        }
    }
    let reached = missing.is_empty();
    Ok(Reach {
        from: before.version,
        to: after.version,
        reached,
        old: by_old,
        new: by_new,
        missing,
        refused_by: Vec::new(),
    })
}

fn version(old: u64, new: u64) -> Option<String> {
    if Some(new) == old.checked_add(1) {
        return None;
    }
    Some(match new.cmp(&old) {
        std::cmp::Ordering::Less => {
            format!("version {new} is lower than {old}: a rollback, which clients refuse")
        }
        std::cmp::Ordering::Equal => {
            format!(
                "version {new} is other content under the same version: clients that have it never look again"
            )
        }
        std::cmp::Ordering::Greater if new - old == 2 => {
            format!("version {} lies between: clients walk one version at a time", old + 1)
        }
        std::cmp::Ordering::Greater => {
            format!("versions {} to {} lie between: clients walk one version at a time", old + 1, new - 1)
        }
    })
}

fn table(signed: &Value) -> Result<Table, MetadataError> {
    Ok(Table::new(fields::member(signed, "keys")?))
}

fn signed(root: &Root, metadata: &Metadata, table: &Table, labels: &Labels<'_>) -> Signed {
    let Some(keys) = root.role_keys("root") else { return Signed::default() };
    let RoleKeys { threshold, .. } = keys;
    let by = keys.signed_by(metadata.payload(), metadata.signatures());
    let material: BTreeSet<Material> = by.iter().filter_map(|k| Some(keys.keys.get(k)?.material())).collect();
    // One name for each key, whatever its labels.
    let mut people: BTreeMap<Material, String> = BTreeMap::new();
    for (keyid, key) in &keys.keys {
        if let Some(entry) = table.0.get(keyid) {
            people.insert(key.material(), labels.person(&entry.ident));
        }
    }
    let (mut by, mut not_by): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (key, person) in people {
        if material.contains(&key) { by.push(person) } else { not_by.push(person) }
    }
    by.sort();
    not_by.sort();
    Signed { need: threshold, by, not_by }
}
