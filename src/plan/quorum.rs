//! Who reaches a threshold by shares: people who bring keys of others back, and sign with them.

use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::consequences::joined;

/// More people than this are not put together in search of a quorum.
const LARGEST: usize = 4;

/// The smallest groups that reach the threshold of a role with shares, and would not with their own keys, in names.
pub fn by_shares(plan: &Plan, role: &str) -> Vec<String> {
    let Some(role) = plan.roles.get(role) else { return Vec::new() };
    let keys: Vec<_> = role.keys.iter().filter_map(|name| plan.key(name)).collect();
    let threshold = usize::try_from(role.threshold).unwrap_or(usize::MAX);
    let own = |group: &BTreeSet<&String>| {
        keys.iter().filter(|key| key.holder.as_ref().is_some_and(|holder| group.contains(holder))).count()
    };
    let all = |group: &BTreeSet<&String>| {
        let brought = |key: &&&crate::plan::Key| {
            let holds = key.holder.as_ref().is_some_and(|holder| group.contains(holder));
            let come = |shares: &crate::plan::Shares| {
                shares.holders.iter().filter(|holder| group.contains(holder)).count()
                    >= usize::from(shares.threshold)
            };
            holds || key.shares.as_ref().is_some_and(come)
        };
        keys.iter().filter(brought).count()
    };
    let holders = keys.iter().filter_map(|key| key.shares.as_ref()).flat_map(|shares| &shares.holders);
    let people: BTreeSet<&String> =
        holders.chain(keys.iter().filter_map(|key| key.holder.as_ref())).collect();
    let people: Vec<&String> = people.into_iter().collect();
    for size in 1..=LARGEST.min(people.len()) {
        let groups = groups(&people, size);
        let found: Vec<_> =
            groups.iter().filter(|group| all(group) >= threshold && own(group) < threshold).collect();
        if !found.is_empty() {
            let names = |group: &&BTreeSet<&String>| {
                let names: Vec<_> = group.iter().map(|id| plan.name(id).to_owned()).collect();
                joined(&names, "and")
            };
            return found.iter().map(names).collect();
        }
    }
    Vec::new()
}

/// Every group of so many of these.
fn groups<'a>(people: &[&'a String], size: usize) -> Vec<BTreeSet<&'a String>> {
    match (size, people) {
        (0, _) => vec![BTreeSet::new()],
        (_, []) => Vec::new(),
        (size, [first, rest @ ..]) => {
            let mut with = groups(rest, size - 1);
            with.iter_mut().for_each(|group| {
                group.insert(first);
            });
            with.extend(groups(rest, size));
            with
        }
    }
}
