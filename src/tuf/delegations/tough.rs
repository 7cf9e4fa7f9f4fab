//! How tough, the client in Rust, comes to delegated roles. It loads every role before it looks for a path, each once, by the
//! first delegation that reaches it: depth first, in the order of the files. A later delegation to the same role is
//! empty. Then it looks for every target of every loaded role, by those delegations alone, and where it does not find
//! one it refuses the whole repository. What ends a search does not end this one. Of a delegator that delegates to a role
//! that snapshot does not list it loads nobody.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;

/// The roles that tough loads, and by whose word.
#[derive(Clone, Debug, Default)]
pub struct Loaded<'a> {
    by: BTreeMap<&'a str, (&'a str, &'a Delegation)>,
    delegations: BTreeMap<&'a str, &'a Delegations>,
}

impl<'a> Loaded<'a> {
    /// Of these delegations, and the roles that snapshot lists.
    pub fn new(
        delegations: impl Fn(&str) -> Option<&'a Delegations>,
        is_listed: impl Fn(&str) -> bool,
    ) -> Self {
        let mut loaded = Self::default();
        let mut known: BTreeSet<&'a str> = BTreeSet::new();
        let mut open: Vec<(&'a str, std::slice::Iter<'a, Delegation>)> = Vec::new();
        let mut next = Some("targets");
        loop {
            if let Some((role, list)) = next.and_then(|role| Some((role, delegations(role)?))) {
                loaded.delegations.insert(role, list);
                let missing = |to: &&Delegation| !known.contains(to.name.as_str()) && !is_listed(&to.name);
                match list.roles.iter().find(missing) {
                    Some(missing) => drop(known.insert(&missing.name)),
                    None => open.push((role, list.roles.iter())),
                }
            }
            let Some((delegator, rest)) = open.last_mut() else { return loaded };
            let first = rest.find(|delegation| known.insert(&delegation.name));
            next = first.map(|delegation| delegation.name.as_str());
            match first {
                Some(delegation) => drop(loaded.by.insert(&delegation.name, (delegator, delegation))),
                None => drop(open.pop()),
            }
        }
    }

    /// Whether each delegation loads its role: then every way is one that tough takes.
    pub fn is_by_all(&self) -> bool {
        self.by.len() == self.delegations.values().map(|list| list.roles.len()).sum::<usize>()
    }

    /// Whether the role is loaded by the word of this one.
    pub fn is_by(&self, role: &str, delegator: &str) -> bool {
        role == "targets" || self.by.get(role).is_some_and(|(by, _)| *by == delegator)
    }

    /// The delegations by which a role is loaded, from the one of `targets` to its own; `None` where none loads it.
    pub fn way(&self, role: &str) -> Option<Vec<&'a Delegation>> {
        let (mut delegator, last) = *self.by.get(role)?;
        let mut way = vec![last];
        while let Some((by, delegation)) = self.by.get(delegator) {
            way.push(delegation);
            delegator = by;
        }
        way.reverse();
        Some(way)
    }

    /// That way in words.
    pub fn told(&self, role: &str) -> String {
        let way = self.way(role).unwrap_or_default();
        let names = way.iter().map(|delegation| delegation.name.as_str());
        std::iter::once("targets").chain(names).collect::<Vec<_>>().join(" -> ")
    }

    /// Whether these delegations lead to a path in some role that `lists` it.
    pub fn finds(&self, path: &str, lists: impl Fn(&str) -> bool) -> bool {
        let mut open = vec![("targets", "root")];
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some((role, delegator)) = open.pop() {
            // An empty delegation counts as a visit too.
            if !seen.insert(role) || !self.is_by(role, delegator) {
                continue;
            }
            if lists(role) {
                return true;
            }
            if let Some(list) = self.delegations.get(role) {
                let below = list.matching_in_tough(path).into_iter().rev();
                open.extend(below.map(|place| (list.roles[place].name.as_str(), role)));
            }
        }
        false
    }
}
