//! Who reaches a threshold by shares: people who bring keys of others back, and sign with them.

use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::consequences::joined;

/// More people than this are not put together in search of a quorum.
const LARGEST: usize = 4;
/// Nor are more groups of one size than this looked at: hundreds of people hold no ceremony.
const LOOKED: usize = 100_000;
/// More groups than this are not named.
const SHOWN: usize = 4;

/// The smallest groups that reach the threshold of a role with shares, and would not with their own keys, in names; some of them
/// where there are many.
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
        let mut looked = 0;
        let mut found = Vec::new();
        each_group(&people, size, &mut BTreeSet::new(), &mut |group| {
            looked += 1;
            if all(group) >= threshold && own(group) < threshold {
                let names: Vec<_> = group.iter().map(|id| plan.name(id).to_owned()).collect();
                found.push(joined(&names, "and"));
            }
            looked < LOOKED && found.len() < SHOWN
        });
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Calls `with` for every group of so many more of these, as long as it says to go on.
fn each_group<'a>(
    people: &[&'a String],
    size: usize,
    group: &mut BTreeSet<&'a String>,
    with: &mut impl FnMut(&BTreeSet<&'a String>) -> bool,
) -> bool {
    let [first, rest @ ..] = people else { return size > 0 || with(group) };
    if size == 0 {
        return with(group);
    }
    group.insert(first);
    let goes_on = each_group(rest, size - 1, group, with);
    group.remove(first);
    goes_on && each_group(rest, size, group, with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_looked_at_once_and_no_more_than_are_wanted() {
        let names: Vec<String> = (0..200).map(|n| format!("p{n:03}")).collect();
        let people: Vec<&String> = names.iter().collect();
        let mut seen = BTreeSet::new();
        each_group(&people[..5], 3, &mut BTreeSet::new(), &mut |group| seen.insert(format!("{group:?}")));
        assert_eq!(seen.len(), 10);

        let mut looked = 0;
        each_group(&people, LARGEST, &mut BTreeSet::new(), &mut |_| {
            looked += 1;
            looked < LOOKED
        });
        assert_eq!(looked, LOOKED);
    }
}
