//! Delegations that no search comes to, and paths of one that lie outside those of who delegates.

use std::collections::BTreeSet;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Paths;
use crate::tuf::paths::pattern::covers;
use crate::tuf::paths::pattern::meet;

/// What terminating roles have taken from those behind them.
#[derive(Default)]
struct Taken<'a> {
    alike: BTreeSet<&'a str>,
    wildcards: Vec<&'a str>,
    prefixes: BTreeSet<&'a str>,
}

impl<'a> Taken<'a> {
    /// Which of these patterns or prefixes are taken.
    fn of<'p>(&self, paths: &'p Paths) -> Vec<&'p str> {
        let pattern = |it: &str| self.alike.contains(it) || self.wildcards.iter().any(|by| covers(by, it));
        let prefix = |it: &str| {
            (0..=it.len()).filter_map(|end| it.get(..end)).any(|head| self.prefixes.contains(head))
        };
        match paths {
            Paths::Patterns(list) => list.iter().map(String::as_str).filter(|it| pattern(it)).collect(),
            Paths::HashPrefixes(list) => list.iter().map(String::as_str).filter(|it| prefix(it)).collect(),
            Paths::Bin { .. } => Vec::new(),
        }
    }

    fn add(&mut self, paths: &'a Paths) {
        match paths {
            Paths::Patterns(patterns) => {
                self.alike.extend(patterns.iter().map(String::as_str));
                let wild = patterns.iter().filter(|it| it.contains(['*', '?']));
                self.wildcards.extend(wild.map(String::as_str));
            }
            Paths::HashPrefixes(prefixes) => self.prefixes.extend(prefixes.iter().map(String::as_str)),
            Paths::Bin { .. } => {}
        }
    }
}

/// Of each delegation the paths that terminating ones before it take.
pub fn taken(roles: &[Delegation]) -> Vec<Vec<&str>> {
    let mut taken = Taken::default();
    let each = roles.iter().map(|role| {
        let of = taken.of(&role.paths);
        if role.terminating {
            taken.add(&role.paths);
        }
        of
    });
    each.collect()
}

/// The places of delegations to which no path leads: they have no paths, or terminating ones before them take them all.
pub fn unreached(roles: &[Delegation]) -> Vec<usize> {
    let all = |(taken, role): (Vec<&str>, &Delegation)| match &role.paths {
        Paths::Patterns(list) | Paths::HashPrefixes(list) => taken.len() == list.len(),
        Paths::Bin { .. } => false,
    };
    let unreached: Vec<bool> = taken(roles).into_iter().zip(roles).map(all).collect();
    (0..roles.len()).filter(|place| unreached[*place]).collect()
}

/// The patterns of a delegation that match nothing that its delegator may sign for, by the delegations to that one. Where
/// either of them goes by hashes, nothing is said.
pub fn outside<'a>(delegation: &'a Delegation, delegator: &[&Paths]) -> Vec<&'a str> {
    let Paths::Patterns(own) = &delegation.paths else { return Vec::new() };
    let mut may = Vec::new();
    for paths in delegator {
        let Paths::Patterns(patterns) = paths else { return Vec::new() };
        may.extend(patterns.iter().map(String::as_str));
    }
    own.iter().map(String::as_str).filter(|own| !may.iter().any(|may| meet(&[may, own]))).collect()
}
