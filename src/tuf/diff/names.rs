//! What a key is called: the name that a record gives it, or the beginning of its keyid.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::tuf::diff::keys::Ident;
use crate::tuf::diff::keys::Table;
use crate::tuf::json;
use crate::tuf::key::KeyId;

/// The shortest beginning of a keyid that stands for it.
const SHORT: usize = 8;

/// One entry of `names.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The key's name in the ceremony file.
    pub name: String,
}

/// Names of keys by keyid, as a ceremony's record writes them into `keys/names.json`. They are not signed: a name is
/// what someone called the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<KeyId, Person>")]
pub struct Names(BTreeMap<KeyId, Person>);

impl TryFrom<BTreeMap<KeyId, Person>> for Names {
    type Error = String;

    /// A name stands in lines and lists: it may not look like more than one.
    fn try_from(people: BTreeMap<KeyId, Person>) -> Result<Self, String> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = |name: &str| !name.is_empty() && name.chars().all(plain);
        match people.values().find(|person| !is_name(&person.name)) {
            Some(person) => Err(format!("{:?} is not a name of a key: letters, digits, - _ .", person.name)),
            None => Ok(Self(people)),
        }
    }
}

impl IntoIterator for Names {
    type Item = (KeyId, Person);
    type IntoIter = btree_map::IntoIter<KeyId, Person>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Names {
    /// Reads `names.json`. The error is a fragment.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let Value::Object(object) = json::parse(file)? else { return Err("not an object".to_owned()) };
        let entry = |(keyid, json): (String, Value)| {
            let person = Person::deserialize(json).map_err(|e| format!("{keyid:?}: {e}"))?;
            Ok((KeyId(keyid), person))
        };
        object.into_iter().map(entry).collect::<Result<BTreeMap<_, _>, String>>()?.try_into()
    }

    /// The names of one side and, for keys that it does not name, of the other: what is known keeps its name.
    pub fn or(mut self, other: Self) -> Self {
        for (keyid, person) in other.0 {
            self.0.entry(keyid).or_insert(person);
        }
        self
    }

    /// Those that are asked for.
    pub fn retain(&mut self, keep: impl Fn(&KeyId) -> bool) {
        self.0.retain(|keyid, _| keep(keyid));
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the key with this keyid is called.
    pub fn get(&self, keyid: &KeyId) -> Option<&Person> {
        self.0.get(keyid)
    }

    /// A name for a keyid.
    pub fn insert(&mut self, keyid: KeyId, person: Person) {
        self.0.insert(keyid, person);
    }
}

/// What the keys of two tables are called: two different keys are never called alike.
pub(super) struct Labels<'a> {
    names: &'a Names,
    /// The keyids of each key, those of the first table first: what a key was called before, it is called.
    keyids: BTreeMap<Ident, Vec<KeyId>>,
    width: usize,
}

impl<'a> Labels<'a> {
    pub(super) fn new(names: &'a Names, tables: &[&Table]) -> Self {
        let mut keyids: BTreeMap<Ident, Vec<KeyId>> = BTreeMap::new();
        for (keyid, entry) in tables.iter().flat_map(|table| &table.0) {
            let of = keyids.entry(entry.ident.clone()).or_default();
            if !of.contains(keyid) {
                of.push(keyid.clone());
            }
        }
        let width = width(keyids.values().flatten());
        Self { names, keyids, width }
    }

    /// The beginning of a keyid, as long as it takes to tell it from the others.
    pub(super) fn short(&self, keyid: &KeyId) -> String {
        keyid.0.chars().take(self.width).collect()
    }

    /// The name of the key that made a signature, or the beginning of its keyid.
    pub(super) fn of_keyid(&self, keyid: &KeyId) -> String {
        let known = self.keyids.iter().find(|(_, keyids)| keyids.contains(keyid));
        known.map_or_else(|| self.name(&Ident::Missing(keyid.clone())), |(ident, _)| self.name(ident))
    }

    /// The key's name for lines.
    pub(super) fn name(&self, ident: &Ident) -> String {
        let keyids: Vec<&KeyId> = match ident {
            Ident::Missing(keyid) => vec![keyid],
            _ => self.keyids.get(ident).into_iter().flatten().collect(),
        };
        let Some(first) = keyids.first() else { return String::new() };
        let Some(person) = keyids.iter().find_map(|keyid| self.names.0.get(keyid)) else {
            return self.short(first);
        };
        let another = |(other, their): (&Ident, &Vec<KeyId>)| {
            other != ident
                && keyids.iter().all(|keyid| !their.contains(keyid))
                && their.iter().any(|k| self.names.0.get(k).is_some_and(|p| p.name == person.name))
        };
        match self.keyids.iter().any(another) {
            true => format!("{} ({})", person.name, self.short(first)),
            false => person.name.clone(),
        }
    }

    /// The key's name and who holds it, for people.
    pub(super) fn person(&self, ident: &Ident) -> String {
        let name = self.name(ident);
        let keyids = self.keyids.get(ident).into_iter().flatten();
        let holder = keyids.filter_map(|k| self.names.0.get(k)?.holder.as_deref()).find(|h| *h != name);
        let lacks = if matches!(ident, Ident::Missing(_)) { " (no such key in the file)" } else { "" };
        match holder {
            Some(holder) => format!("{name} ({holder})"),
            None => format!("{name}{lacks}"),
        }
    }

    /// The same for many, in the order of the names.
    pub(super) fn people<'b>(&self, idents: impl IntoIterator<Item = &'b Ident>) -> String {
        let mut people: Vec<String> = idents.into_iter().map(|ident| self.person(ident)).collect();
        people.sort();
        people.join(", ")
    }
}

/// How many characters tell all keyids apart; at least [`SHORT`].
fn width<'a>(keyids: impl Iterator<Item = &'a KeyId>) -> usize {
    let sorted: BTreeSet<&str> = keyids.map(|keyid| keyid.0.as_str()).collect();
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    let common = pairs.map(|(a, b)| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count() + 1);
    common.max().unwrap_or(0).max(SHORT)
}
