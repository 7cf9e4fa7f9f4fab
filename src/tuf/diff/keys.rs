//! Who may sign for a role, before and after: by key material, whatever the keyids say.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::diff::Change;
use crate::tuf::diff::Consequence;
use crate::tuf::diff::Kind;
use crate::tuf::diff::common;
use crate::tuf::diff::labels::Labels;
use crate::tuf::diff::scope::Scope;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::key::PublicKey;
use crate::tuf::root;

/// What makes two keys one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ident {
    /// The key itself.
    Material(Material),
    /// A key of a kind that we cannot read: `keytype` and `keyval` as written.
    Unread(String),
    /// A keyid without a key.
    Missing(KeyId),
}

/// A key as the file lists it.
pub(super) struct Entry {
    pub(super) ident: Ident,
    pub(super) json: Value,
}

/// `keys` of a root or of delegations.
#[derive(Default)]
pub(super) struct Table(pub(super) BTreeMap<KeyId, Entry>);

/// Who may sign for one role.
pub(super) struct Signers<'a> {
    pub(super) table: &'a Table,
    pub(super) keyids: &'a [KeyId],
    pub(super) threshold: u32,
}

impl Table {
    pub(super) fn new(object: &Map<String, Value>) -> Self {
        let (good, other) = root::keys(object);
        let good = good.into_iter().map(|(keyid, key)| {
            (keyid, Entry { ident: Ident::Material(key.material()), json: key.to_json().clone() })
        });
        let other = other.into_iter().map(|(keyid, json)| {
            let ident = Ident::Unread(format!("{} {}", json["keytype"], json["keyval"]));
            (keyid, Entry { ident, json })
        });
        Self(good.chain(other).collect())
    }

    fn ident(&self, keyid: &KeyId) -> Ident {
        self.0.get(keyid).map_or_else(|| Ident::Missing(keyid.clone()), |entry| entry.ident.clone())
    }

    /// The keys that none of the roles uses.
    fn unused(&self, used: &BTreeSet<KeyId>) -> BTreeSet<Ident> {
        self.0.iter().filter(|(keyid, _)| !used.contains(keyid)).map(|(_, e)| e.ident.clone()).collect()
    }
}

impl Signers<'_> {
    /// The keys that can count, each once, with its keyids.
    pub(super) fn keys(&self) -> BTreeMap<Ident, BTreeSet<KeyId>> {
        let mut keys: BTreeMap<Ident, BTreeSet<KeyId>> = BTreeMap::new();
        for keyid in self.keyids {
            keys.entry(self.table.ident(keyid)).or_default().insert(keyid.clone());
        }
        keys
    }
}

/// Every change of keys and threshold.
pub(super) fn changes(
    scope: &Scope,
    old: &Signers<'_>,
    new: &Signers<'_>,
    labels: &Labels<'_>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    if old.threshold != new.threshold {
        let words = format!("{} needed instead of {}", signatures(new.threshold), old.threshold);
        let what = format!("threshold {} -> {}", old.threshold, new.threshold);
        changes.push(scope.change(Kind::Threshold, &what, words));
    }
    let (before, after) = (old.keys(), new.keys());
    // A keyid that names another key now: said once and loudly, and not as one key leaving and one coming.
    let mut told = BTreeSet::new();
    for keyid in old.keyids.iter().filter(|keyid| new.keyids.contains(keyid)) {
        let (was, is) = (old.table.ident(keyid), new.table.ident(keyid));
        if was == is {
            changes.extend(entry(scope, keyid, &is, old.table, new.table, labels));
            continue;
        }
        let name = labels.name(&is);
        let what = format!("key {name}: KEY BYTES CHANGED under an unchanged keyid: another key");
        let words =
            format!("KEY BYTES CHANGED under an unchanged keyid: {} is ANOTHER KEY now", labels.short(keyid));
        changes.push(scope.alarm(Kind::KeyBytes, &what, words));
        told.extend([was, is]);
    }
    for ident in before.keys().filter(|ident| !after.contains_key(ident) && !told.contains(ident)) {
        let words = format!("{} no longer signs", labels.person(ident));
        changes.push(scope.change(Kind::KeyRemoved, &format!("- key {}", labels.name(ident)), words));
    }
    for (ident, keyids) in after.iter().filter(|(ident, _)| !told.contains(ident)) {
        match before.get(ident) {
            None => {
                let words = format!("{} now signs", labels.person(ident));
                changes.push(scope.change(Kind::KeyAdded, &format!("+ key {}", labels.name(ident)), words));
            }
            Some(old_keyids) if keyids.is_subset(old_keyids) && old_keyids != keyids => {
                changes.extend(renamed(Kind::KeyOnce, scope, ident, old_keyids, keyids, labels));
            }
            Some(old_keyids) if old_keyids != keyids => {
                changes.extend(renamed(Kind::KeyEntry, scope, ident, old_keyids, keyids, labels));
                if let (Some(was), Some(is)) = (first(old_keyids, keyids), first(keyids, old_keyids)) {
                    let fields = fields(scope, ident, was, is, old.table, new.table, labels);
                    changes.extend(fields);
                }
            }
            Some(_) => {}
        }
    }
    changes
}

/// The first that the others lack, else the first.
fn first<'a>(of: &'a BTreeSet<KeyId>, others: &'a BTreeSet<KeyId>) -> Option<&'a KeyId> {
    of.difference(others).next().or(of.first())
}

fn renamed(
    kind: Kind,
    scope: &Scope,
    ident: &Ident,
    old: &BTreeSet<KeyId>,
    new: &BTreeSet<KeyId>,
    labels: &Labels<'_>,
) -> Vec<Change> {
    let list = |keyids: &BTreeSet<KeyId>| {
        keyids.iter().map(|keyid| labels.short(keyid)).collect::<Vec<String>>().join(" and ")
    };
    let what = format!("key {}: keyid {} -> {}", labels.name(ident), list(old), list(new));
    let how = if kind == Kind::KeyOnce { "fewer keyids" } else { "another keyid" };
    let words =
        format!("{} is the same key under {how}: {}, before {}", labels.person(ident), list(new), list(old));
    vec![scope.change(kind, &what, words)]
}

/// What differs in the entry of a key that kept its keyid.
fn entry(
    scope: &Scope,
    keyid: &KeyId,
    ident: &Ident,
    old: &Table,
    new: &Table,
    labels: &Labels<'_>,
) -> Vec<Change> {
    let mut changes = fields(scope, ident, keyid, keyid, old, new, labels);
    if !changes.is_empty() {
        let name = labels.name(ident);
        let what =
            format!("key {name}: KEY BYTES CHANGED under an unchanged keyid: the same key, its entry edited");
        let now = new.0.get(keyid).and_then(|entry| PublicKey::from_json(&entry.json).ok());
        let hash = match now.is_some_and(|key| key.is_keyid(keyid)) {
            true => "it is the hash of the new entry",
            false => "it is not the hash of the new entry: clients that recompute keyids refuse the file",
        };
        let words = format!(
            "KEY BYTES CHANGED under an unchanged keyid: {} is the same key, its entry was edited and the keyid {} \
             kept; {hash}",
            labels.person(ident),
            labels.short(keyid)
        );
        changes.push(scope.alarm(Kind::KeyBytes, &what, words));
    }
    changes
}

/// What differs in how two entries write one key.
fn fields(
    scope: &Scope,
    ident: &Ident,
    old_keyid: &KeyId,
    new_keyid: &KeyId,
    old: &Table,
    new: &Table,
    labels: &Labels<'_>,
) -> Vec<Change> {
    let (Some(old), Some(new)) = (old.0.get(old_keyid), new.0.get(new_keyid)) else { return Vec::new() };
    let (name, empty) = (labels.name(ident), Map::new());
    let object = |json: &'_ Value| json.as_object().cloned().unwrap_or_default();
    let (mut old, mut new) =
        if old.json == new.json { (empty.clone(), empty) } else { (object(&old.json), object(&new.json)) };
    let mut changes = Vec::new();
    for field in ["scheme", "keytype"] {
        let (was, is) = (old.remove(field), new.remove(field));
        if was != is {
            let text = |value: &Option<Value>| match value {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "nothing".to_owned(),
            };
            let what = format!("{field} {} -> {}", text(&was), text(&is));
            changes.push(scope.change(
                Kind::KeyEntry,
                &format!("key {name}: {what}"),
                format!("{name}: {what}"),
            ));
        }
    }
    if old.remove("keyval") != new.remove("keyval") {
        let what = format!("key {name}: keyval written differently");
        let words = format!("{name}: the public key is written in another form, and is the same key");
        changes.push(scope.change(Kind::KeyEntry, &what, words));
    }
    changes.extend(common::fields(scope, Kind::KeyEntry, &format!("key {name}: field"), &old, &new));
    changes
}

/// What follows for those who sign; nothing when neither keys nor threshold changed.
pub(super) fn consequences(
    role: &str,
    old: &Signers<'_>,
    new: &Signers<'_>,
    labels: &Labels<'_>,
) -> Vec<Consequence> {
    let (before, after) = (old.keys(), new.keys());
    let mut said = Vec::new();
    if !before.keys().eq(after.keys()) || old.threshold != new.threshold {
        said.push(who_can_sign(&after, new.threshold, labels));
        let stay = before.keys().filter(|ident| after.contains_key(ident)).count();
        if stay == 0 && !before.is_empty() {
            said.push(format!("no key of the old {role} remains"));
        } else if stay < count(new.threshold) && !before.is_empty() {
            said.push(format!(
                "old keys alone can no longer reach the new threshold: {stay} stay, {} must sign",
                new.threshold
            ));
        }
        let can = usable(&after);
        said.push(match can.checked_sub(count(new.threshold)) {
            None => format!("NOBODY CAN SIGN: {} must sign, and {can} can", new.threshold),
            Some(0) => "no spare key: when one is lost, nobody can sign".to_owned(),
            Some(1) => "1 spare key: one may be lost, two may not".to_owned(),
            Some(spare) => format!("{spare} spare keys: so many may be lost"),
        });
    }
    let renamed =
        |(ident, keyids): &(&Ident, &BTreeSet<KeyId>)| keyids.len() > 1 && before.get(ident) != Some(keyids);
    for (ident, keyids) in after.iter().filter(renamed) {
        said.push(format!("{} stands under {} keyids and counts once", labels.person(ident), keyids.len()));
    }
    said.into_iter().map(|words| Consequence::new(role, words)).collect()
}

/// `any 2 of ana, bo, chi can sign`
fn who_can_sign(keys: &BTreeMap<Ident, BTreeSet<KeyId>>, threshold: u32, labels: &Labels<'_>) -> String {
    let people = labels.people(keys.keys());
    match keys.len().cmp(&count(threshold)) {
        std::cmp::Ordering::Greater => format!("any {threshold} of {people} can sign"),
        std::cmp::Ordering::Equal if threshold == 1 => format!("{people} alone can sign"),
        std::cmp::Ordering::Equal => format!("all of {people} must sign"),
        std::cmp::Ordering::Less => format!("{threshold} must sign, and there are only {people}"),
    }
}

/// Keys that a client could count: not those that the file lacks.
fn usable(keys: &BTreeMap<Ident, BTreeSet<KeyId>>) -> usize {
    keys.keys().filter(|ident| !matches!(ident, Ident::Missing(_))).count()
}

fn count(threshold: u32) -> usize {
    usize::try_from(threshold).unwrap_or(usize::MAX)
}

fn signatures(count: u32) -> String {
    if count == 1 { "1 signature".to_owned() } else { format!("{count} signatures") }
}

/// Keys of the two files that no role uses.
pub(super) fn unused(
    scope: &Scope,
    old: (&Table, &BTreeSet<KeyId>),
    new: (&Table, &BTreeSet<KeyId>),
    labels: &Labels<'_>,
) -> Vec<Change> {
    let (before, after) = (old.0.unused(old.1), new.0.unused(new.1));
    let gone = before.difference(&after).map(|ident| ("-", ident, "is no longer in the file"));
    let come = after.difference(&before).map(|ident| ("+", ident, "is in the file and in no role"));
    let change = |(sign, ident, words): (&str, &Ident, &str)| {
        let what = format!("{sign} unused key {}", labels.name(ident));
        scope.change(Kind::KeyUnused, &what, format!("{} {words}", labels.person(ident)))
    };
    gone.chain(come).map(change).collect()
}
