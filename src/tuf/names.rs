//! Whose key a keyid is, as `names.json` beside the metadata says: for people only, never for a decision.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::tuf::json;
use crate::tuf::key::DOUBT;
use crate::tuf::key::KeyId;

/// One entry of `names.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The key's name in the ceremony file.
    pub name: String,
}

/// Names of keys by keyid, as a ceremony's record writes them into `keys/names.json`. They are not signed: a name is
/// what someone called the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<KeyId, Person>")]
pub struct Names {
    people: BTreeMap<KeyId, Person>,
    /// Keyids that are not the hash of the key that is listed under them.
    doubted: BTreeSet<KeyId>,
    /// In a rehearsal another key stands under each keyid, and nobody is doubted for it.
    rehearsed: bool,
}

impl Serialize for Names {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.people.serialize(serializer)
    }
}

impl TryFrom<BTreeMap<KeyId, Person>> for Names {
    type Error = String;

    /// A name stands in lines and lists: it may not look like more than one.
    fn try_from(people: BTreeMap<KeyId, Person>) -> Result<Self, String> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = |name: &str| !name.is_empty() && name.chars().all(plain);
        match people.values().find(|person| !is_name(&person.name)) {
            Some(person) => Err(format!("{:?} is not a name of a key: letters, digits, - _ .", person.name)),
            None => Ok(Self { people, ..Self::default() }),
        }
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
        self.doubted.extend(other.doubted);
        self.rehearsed |= other.rehearsed;
        for (keyid, person) in other.people {
            self.people.entry(keyid).or_insert(person);
        }
        self
    }

    /// Those that are asked for.
    pub fn retain(&mut self, keep: impl Fn(&KeyId) -> bool) {
        self.people.retain(|keyid, _| keep(keyid));
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The same names in a rehearsal.
    pub fn rehearsed(self, rehearsed: bool) -> Self {
        Self { rehearsed, ..self }
    }

    /// Whether a key is somebody else's than whose keyid it is listed under.
    pub(crate) fn doubts_key(&self, keyid: &KeyId, key: &Value) -> bool {
        !self.rehearsed && !keyid.is_hash_of(key)
    }

    /// What the key with this keyid is called.
    pub fn get(&self, keyid: &KeyId) -> Option<&Person> {
        self.people.get(keyid)
    }

    /// A name for a keyid.
    pub fn insert(&mut self, keyid: KeyId, person: Person) {
        self.people.insert(keyid, person);
    }

    /// The same names for keys that are listed under these keyids: what is said of a person says so where the keyid is not the
    /// hash of the key.
    pub fn beside<'k>(mut self, keys: impl IntoIterator<Item = (&'k KeyId, &'k Value)>) -> Self {
        let keys = keys.into_iter().filter(|(keyid, key)| self.doubts_key(keyid, key));
        let doubted: BTreeSet<KeyId> = keys.map(|(keyid, _)| keyid.clone()).collect();
        self.doubted.extend(doubted);
        self
    }

    /// Each keyid that is not the hash of its key, named or not, as one remark: a request may leave out the name.
    pub fn doubts(&self) -> impl Iterator<Item = String> {
        self.doubted.iter().map(|keyid| match self.people.get(keyid) {
            Some(person) => format!(
                "keyid {:.16} of {} is not the hash of the key under it: ask whether the key is theirs",
                keyid.0,
                person.holder.as_ref().unwrap_or(&person.name)
            ),
            None => format!("keyid {:.16} is not the hash of the key under it: ask whose key it is", keyid.0),
        })
    }

    /// Keys that have one name, as one remark for each name: two people are not told apart by it, or one seems to be two.
    pub fn namesakes(&self) -> Vec<String> {
        let mut called: BTreeMap<&Person, Vec<&KeyId>> = BTreeMap::new();
        for (keyid, person) in &self.people {
            called.entry(person).or_default().push(keyid);
        }
        let several = called.into_values().filter(|keyids| keyids.len() > 1);
        let remark = |keyids: Vec<&KeyId>| {
            let short: Vec<String> = keyids.iter().map(|keyid| format!("{:.16}", keyid.0)).collect();
            let name = keyids.first().map(|keyid| self.called(keyid, false)).unwrap_or_default();
            format!("{} keys are called {name}: {}; ask whose each is", keyids.len(), short.join(", "))
        };
        several.map(remark).collect()
    }

    /// What a key of several is called: with its keyid where another has the same name.
    pub fn told_apart(&self, keyid: &KeyId, key: &Value) -> String {
        let person = self.people.get(keyid);
        let shared = person
            .is_some_and(|person| self.people.iter().any(|(other, known)| known == person && other != keyid));
        let called = self.of_key(keyid, key);
        if shared { format!("{called} ({:.16})", keyid.0) } else { called }
    }

    /// The keyids that are named, in their order.
    pub fn keyids(&self) -> impl ExactSizeIterator<Item = &KeyId> {
        self.people.keys()
    }

    /// `Ana Duarte, key ana`, `key ana` where nobody holds it, or `key 74c0dd12...` where nobody is named; with a doubt where
    /// another key is listed under the keyid.
    pub fn of(&self, keyid: &KeyId) -> String {
        self.called(keyid, self.doubted.contains(keyid))
    }

    /// The same of the key that one file lists under the keyid.
    pub fn of_key(&self, keyid: &KeyId, key: &Value) -> String {
        self.called(keyid, self.doubts_key(keyid, key))
    }

    pub(crate) fn called(&self, keyid: &KeyId, doubted: bool) -> String {
        let doubt = if doubted && !self.rehearsed { DOUBT } else { "" };
        match self.people.get(keyid) {
            Some(Person { name, holder: Some(holder) }) => format!("{holder}, key {name}{doubt}"),
            Some(Person { name, holder: None }) => format!("key {name}{doubt}"),
            None => format!("key {:.16}{doubt}", keyid.0),
        }
    }

    /// The holders alone, by keyid; a key that nobody holds by its name.
    pub fn holders(&self) -> BTreeMap<KeyId, String> {
        let called = |person: &Person| person.holder.as_ref().unwrap_or(&person.name).clone();
        self.people.iter().map(|(keyid, person)| (keyid.clone(), called(person))).collect()
    }
}
