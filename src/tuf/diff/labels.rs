//! What a key is called in a difference: the name that a record gives it, or the beginning of its keyid.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::Names;
use crate::tuf::diff::keys::Ident;
use crate::tuf::diff::keys::Table;
use crate::tuf::key::DOUBT;
use crate::tuf::key::KeyId;

/// The shortest beginning of a keyid that stands for it.
const SHORT: usize = 8;

/// What the keys of two tables are called: two different keys are never called alike.
pub(super) struct Labels<'a> {
    names: &'a Names,
    /// The keyids of each key, those of the first table first: what a key was called before, it is called.
    keyids: BTreeMap<Ident, Vec<KeyId>>,
    width: usize,
    /// The keys that stand under a keyid which is not their hash, and may be somebody else's.
    doubted: BTreeSet<Ident>,
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
        let entries = || tables.iter().flat_map(|table| &table.0);
        let sure = entries().filter(|(keyid, entry)| !names.doubts_key(keyid, &entry.json));
        let sure: BTreeSet<&Ident> = sure.map(|(_, entry)| &entry.ident).collect();
        // A second keyid, of nobody who is named, takes nothing from the first.
        let doubted = entries().filter(|(keyid, entry)| {
            names.doubts_key(keyid, &entry.json)
                && (names.get(keyid).is_some() || !sure.contains(&entry.ident))
        });
        let doubted = doubted.map(|(_, entry)| entry.ident.clone()).collect();
        Self { names, keyids, width, doubted }
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
        let Some(person) = keyids.iter().find_map(|keyid| self.names.get(keyid)) else {
            return self.short(first);
        };
        let another = |(other, their): (&Ident, &Vec<KeyId>)| {
            other != ident
                && keyids.iter().all(|keyid| !their.contains(keyid))
                && their.iter().any(|k| self.names.get(k).is_some_and(|p| p.name == person.name))
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
        let holder = keyids.filter_map(|k| self.names.get(k)?.holder.as_deref()).find(|h| *h != name);
        let lacks = if matches!(ident, Ident::Missing(_)) { " (no such key in the file)" } else { "" };
        let doubt = if self.doubted.contains(ident) { DOUBT } else { "" };
        match holder {
            Some(holder) => format!("{name} ({holder}){doubt}"),
            None => format!("{name}{lacks}{doubt}"),
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
