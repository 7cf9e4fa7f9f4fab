//! Bins that share their keys: people read and sign them as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tuf::Repository;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Paths;
use crate::tuf::few;

/// Where a bin stands among bins that follow one another and share their keys.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `bin-0 .. bin-f`
    pub(super) run: Arc<str>,
    /// Its place among the delegations of its delegator.
    pub(super) at: usize,
}

/// Every bin that shares its keys with the next one or the one before, by delegator and name.
pub(super) fn places(repository: &Repository) -> BTreeMap<(String, String), Place> {
    let mut places = BTreeMap::new();
    for (delegator, _) in repository.targets_roles() {
        let Some(delegations) = repository.delegations(delegator) else { continue };
        let mut first = 0;
        for run in delegations.roles.chunk_by(together) {
            if let [from, .., to] = run {
                let name: Arc<str> = few::run(&from.name, &to.name).into();
                for (at, bin) in (first..).zip(run) {
                    let place = Place { run: Arc::clone(&name), at };
                    places.insert((delegator.to_owned(), bin.name.clone()), place);
                }
            }
            first += run.len();
        }
    }
    places
}

fn together(one: &Delegation, next: &Delegation) -> bool {
    let by_hash = |role: &Delegation| !matches!(role.paths, Paths::Patterns(_));
    by_hash(one)
        && by_hash(next)
        && (Arc::ptr_eq(&one.role_keys, &next.role_keys) || one.role_keys == next.role_keys)
}
