//! The keys of a repository by material, with what people call them. A key may have several keyids and roles.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::Names;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;

/// The shortest beginning of a keyid that stands for it.
const SHORT: usize = 8;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What people call it; no two keys alike. `key 74c0a1b2` where nobody named it.
    pub name: String,
    /// The name alone, as `names.json` has it.
    pub given: Option<String>,
    /// Who holds it.
    pub holder: Option<String>,
    /// Every keyid under which it is listed.
    pub keyids: BTreeSet<KeyId>,
    /// Its scheme.
    pub scheme: Scheme,
}

impl Key {
    /// The name, and the holder where that says more.
    pub fn person(&self) -> String {
        match &self.holder {
            Some(holder) if *holder != self.name => format!("{} ({holder})", self.name),
            _ => self.name.clone(),
        }
    }
}

/// All keys that a repository lists; a key is its place in this list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// In the order in which roles name them.
    pub list: Vec<Key>,
    places: BTreeMap<Material, usize>,
}

/// What a person called a key that there is not, or that could be several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchKey {
    /// Several keys are called that.
    #[error("{0:?} could be {1}")]
    Several(String, String),
    /// None is.
    #[error("no key of this repository is called {0:?}, held by {0:?}, or has a keyid that begins so")]
    None(String),
}

impl Keys {
    /// The place of a key; it is added when it is new.
    pub(super) fn place(&mut self, keyid: &KeyId, key: &PublicKey) -> usize {
        let next = self.list.len();
        let at = *self.places.entry(key.material()).or_insert(next);
        if at == next {
            let (name, keyids) = (String::new(), BTreeSet::new());
            self.list.push(Key { name, given: None, holder: None, keyids, scheme: key.scheme() });
        }
        if let Some(known) = self.list.get_mut(at) {
            known.keyids.insert(keyid.clone());
        }
        at
    }

    /// The place of a key that is listed.
    pub fn of(&self, key: &PublicKey) -> Option<usize> {
        self.places.get(&key.material()).copied()
    }

    /// Gives every key its name.
    pub(super) fn call(&mut self, names: &Names) {
        for key in &mut self.list {
            let person = key.keyids.iter().find_map(|keyid| names.get(keyid));
            key.given = person.map(|person| person.name.clone());
            key.holder = person.and_then(|person| person.holder.clone());
        }
        let mut often: BTreeMap<String, usize> = BTreeMap::new();
        for given in self.list.iter().filter_map(|key| key.given.clone()) {
            *often.entry(given).or_default() += 1;
        }
        let width = self.width();
        for key in &mut self.list {
            let short: String =
                key.keyids.first().map(|id| id.0.chars().take(width).collect()).unwrap_or_default();
            key.name = match &key.given {
                Some(given) if often.get(given) == Some(&1) => given.clone(),
                Some(given) => format!("{given} {short}"),
                None => format!("key {short}"),
            };
        }
    }

    /// How many characters tell the first keyids apart.
    fn width(&self) -> usize {
        let sorted: BTreeSet<&str> =
            self.list.iter().filter_map(|key| key.keyids.first()).map(|keyid| keyid.0.as_str()).collect();
        let pairs = sorted.iter().zip(sorted.iter().skip(1));
        let common = pairs.map(|(a, b)| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count() + 1);
        common.max().unwrap_or(0).max(SHORT)
    }

    /// The keys that `called` names: a key's name, its holder (all keys of that holder), a keyid or the beginning of
    /// one.
    pub fn find(&self, called: &str) -> Result<BTreeSet<usize>, NoSuchKey> {
        let all = |is: &dyn Fn(&Key) -> bool| -> BTreeSet<usize> {
            (0..).zip(&self.list).filter(|(_, key)| is(key)).map(|(at, _)| at).collect()
        };
        let one = |found: BTreeSet<usize>| match found.len() {
            0 | 1 => Ok(found),
            _ => Err(NoSuchKey::Several(called.to_owned(), self.names(&found).join(", "))),
        };
        let named = |key: &Key| key.name == called || key.given.as_deref() == Some(called);
        let exactly = |key: &Key| key.keyids.iter().any(|keyid| keyid.0 == called);
        let begins = |key: &Key| key.keyids.iter().any(|keyid| keyid.0.starts_with(called));
        let held = |key: &Key| key.holder.as_deref() == Some(called);
        for found in [one(all(&named))?, all(&held), one(all(&exactly))?] {
            if !found.is_empty() {
                return Ok(found);
            }
        }
        // Fewer characters are a slip of the hand more often than a keyid.
        let found = if called.chars().count() < 4 { BTreeSet::new() } else { one(all(&begins))? };
        if found.is_empty() { Err(NoSuchKey::None(called.to_owned())) } else { Ok(found) }
    }

    /// The names of some, sorted.
    pub fn names<'a>(&self, some: impl IntoIterator<Item = &'a usize>) -> Vec<String> {
        let mut names: Vec<String> =
            some.into_iter().filter_map(|at| self.list.get(*at)).map(|key| key.name.clone()).collect();
        names.sort();
        names
    }

    /// The same with their holders.
    pub fn people<'a>(&self, some: impl IntoIterator<Item = &'a usize>) -> Vec<String> {
        let mut people: Vec<String> =
            some.into_iter().filter_map(|at| self.list.get(*at)).map(Key::person).collect();
        people.sort();
        people
    }
}
