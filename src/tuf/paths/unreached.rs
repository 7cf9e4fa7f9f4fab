//! Delegations that no search comes to, and paths of one that lie outside those of who delegates.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
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

/// More ways from targets to a role, and more patterns on one of them, than these are not told apart.
const MAX_WAYS: usize = 64;
/// After so many delegations the search for ways ends.
const MAX_STEPS: usize = 20_000;

/// The patterns of a delegation that match nothing which its delegator is led to by any of these ways: the delegations
/// from targets down to it. What goes by hashes may be any path.
pub fn outside<'a>(delegation: &'a Delegation, ways: &[Vec<&Paths>]) -> Vec<&'a str> {
    let Paths::Patterns(own) = &delegation.paths else { return Vec::new() };
    let led = |own: &&str| ways.iter().any(|way| leads(way, own));
    own.iter().map(String::as_str).filter(|own| !led(own)).collect()
}

/// Whether some path of the pattern passes all of these delegations.
fn leads(way: &[&Paths], own: &str) -> bool {
    let mut all: Vec<Vec<&str>> = vec![vec![own]];
    for paths in way {
        let Paths::Patterns(list) = paths else { continue };
        let mut passed = Vec::new();
        for patterns in &all {
            let with = list.iter().map(|pattern| [patterns.as_slice(), &[pattern.as_str()]].concat());
            passed.extend(with.filter(|patterns| meet(patterns)));
        }
        if passed.len() > MAX_WAYS {
            return true;
        }
        all = passed;
    }
    !all.is_empty()
}

/// Every way from targets to a role, each as the paths of its delegations; `None` where there are too many to tell apart.
pub fn ways<'t>(tree: &'t BTreeMap<String, Delegations>, to: &str) -> Option<Vec<Vec<&'t Paths>>> {
    let (mut ways, mut steps) = (Vec::new(), 0);
    let mut open: Vec<(Vec<&str>, Vec<&Paths>)> = vec![(vec!["targets"], Vec::new())];
    while let Some((roles, way)) = open.pop() {
        let delegator = roles.last().copied().unwrap_or_default();
        steps += 1;
        if ways.len() == MAX_WAYS || steps == MAX_STEPS {
            return None;
        }
        if delegator == to {
            ways.push(way);
            continue;
        }
        // Who delegates to nobody leads nowhere, and a way that leads back is none.
        for delegation in tree.get(delegator).into_iter().flat_map(|list| &list.roles) {
            let name = delegation.name.as_str();
            if !roles.contains(&name) && tree.contains_key(name) {
                open.push(([&roles[..], &[name]].concat(), [&way[..], &[&delegation.paths]].concat()));
            }
        }
    }
    Some(ways)
}
