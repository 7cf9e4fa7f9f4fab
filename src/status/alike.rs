//! Delegated roles that share their keys: people read them as one, and sign bins as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tuf::Repository;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Paths;
use crate::tuf::few;

/// Where a role stands among roles that share their keys.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `bin-0 .. bin-f` of bins that follow one another, `a, b, c and 2 more` of other roles.
    pub(super) all: Arc<str>,
    /// Its place among the delegations of its delegator.
    pub(super) at: usize,
    /// Whether it is a bin, which people know by a number alone.
    pub(super) bin: bool,
}

/// Every role that shares its keys with another one of its delegator, by delegator and name: bins with those that follow
/// one another, other roles with all.
pub(super) fn places(repository: &Repository) -> BTreeMap<(String, String), Place> {
    let mut places = BTreeMap::new();
    for (delegator, _) in repository.targets_roles() {
        let Some(delegations) = repository.delegations(delegator) else { continue };
        for group in groups(&delegations.roles) {
            let [(_, first), .., (_, last)] = group.as_slice() else { continue };
            let bin = by_hash(first);
            let all: Arc<str> = match bin {
                true => few::run(&first.name, &last.name).into(),
                false => few::few(&group.iter().map(|(_, role)| &role.name).collect::<Vec<_>>()).into(),
            };
            for (at, role) in &group {
                let place = Place { all: Arc::clone(&all), at: *at, bin };
                places.insert((delegator.to_owned(), role.name.clone()), place);
            }
        }
    }
    places
}

/// The roles of one delegator that share their keys, each with its place.
fn groups(roles: &[Delegation]) -> Vec<Vec<(usize, &Delegation)>> {
    let mut groups: Vec<Vec<(usize, &Delegation)>> = Vec::new();
    for (at, role) in roles.iter().enumerate() {
        let follows = |last: &(usize, &Delegation)| last.0 + 1 == at;
        // A bin goes on with the role before it; thousands of them are never compared with one another.
        let group = match by_hash(role) {
            true => groups.last_mut().filter(|group| group.last().is_some_and(follows)),
            false => groups.iter_mut().find(|group| group.first().is_some_and(|(_, one)| alike(one, role))),
        };
        match group.filter(|group| group.first().is_some_and(|(_, one)| alike(one, role))) {
            Some(group) => group.push((at, role)),
            None => groups.push(vec![(at, role)]),
        }
    }
    groups
}

fn by_hash(role: &Delegation) -> bool {
    !matches!(role.paths, Paths::Patterns(_))
}

fn alike(one: &Delegation, other: &Delegation) -> bool {
    by_hash(one) == by_hash(other)
        && (Arc::ptr_eq(&one.role_keys, &other.role_keys) || one.role_keys == other.role_keys)
}
