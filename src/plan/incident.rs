//! Keys that are lost or stolen leave every role that clients trust afterwards, also those that the file does not
//! mention: what carries over is trusted as much as what is stated.

use std::collections::BTreeSet;

use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::delegates;
use crate::plan::file::File;
use crate::plan::problem::Place;
use crate::tuf::RoleKeys;
use crate::tuf::root::TOP_LEVEL;

/// Says of every lost or stolen key which roles would still list it.
pub(super) fn keys_leave(plan: &Plan, before: &Before, file: &File, problems: &mut Vec<Problem>) {
    let Some(incident) = &plan.incident else { return };
    let lost = incident.lost.iter().map(|key| (key, "lost"));
    let gone: Vec<_> = lost.chain(incident.stolen.iter().map(|key| (key, "stolen"))).collect();
    let mut still = |place: Place, role: &str, key: &str, what: &str| {
        let text = format!("key {key} is {what}, and role {role} would still list it");
        problems.push(Problem::error("INCIDENT-KEY-LEAVES", Some(place), text));
    };
    let place = |role: &str| file.trust.roles.get(role).map_or(file.trust.after, |role| role.place);
    for (name, role) in plan.roles.iter().filter(|(name, _)| TOP_LEVEL.contains(&name.as_str())) {
        for (key, what) in gone.iter().filter(|(key, _)| role.keys.contains(key)) {
            still(place(name), name, key, what);
        }
    }
    let mut open = vec!["targets".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(delegator) = open.pop() {
        if !seen.insert(delegator.clone()) {
            continue;
        }
        if let Some(list) = plan.roles.get(&delegator).and_then(|role| role.delegations.as_ref()) {
            for entry in &list.entries {
                let lists = |key: &str| entry.keys.iter().any(|listed| listed.value == key);
                for (key, what) in gone.iter().filter(|(key, _)| lists(key)) {
                    still(entry.place, entry.name(), key, what);
                }
                open.extend(entry.names());
            }
            continue;
        }
        // Bins share their keys: one word for all of them.
        let mut told = BTreeSet::new();
        for delegation in before.repository.delegations(&delegator).into_iter().flat_map(|all| all.roles) {
            for (key, what) in gone.iter().filter(|(key, _)| counts(plan, key, &delegation.role_keys)) {
                if told.insert(*key) {
                    still(place(&delegator), &delegation.name, key, what);
                }
            }
            open.push(delegation.name);
        }
    }
}

/// The roles that still list a key after the ceremony, as far as clients come to them.
pub(super) fn still_listed(plan: &Plan, key: &str) -> Vec<String> {
    let named = |listed: &String| listed == key;
    let stated = plan.roles.iter().filter(|(_, role)| role.keys.iter().any(named));
    let mut roles: Vec<String> = stated.map(|(name, _)| name.clone()).collect();
    let entries = plan.roles.values().flat_map(|role| &role.delegations).flat_map(|list| &list.entries);
    let entries = entries.filter(|entry| entry.keys.iter().any(|listed| listed.value == key));
    roles.extend(entries.map(|entry| entry.name().to_owned()));
    let mut open = vec!["targets".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(delegator) = open.pop().filter(|role| seen.insert(role.clone())) {
        let Some(list) = delegates::delegations_after(plan, &delegator) else { continue };
        for delegation in list.roles {
            if counts(plan, key, &delegation.role_keys) {
                roles.push(delegation.name.clone());
            }
            open.push(delegation.name);
        }
    }
    roles
}

/// Whether a key of the plan counts for a role as it was, under whatever keyid.
fn counts(plan: &Plan, key: &str, role_keys: &RoleKeys) -> bool {
    let Some(Source::Listed { public, .. }) = plan.key(key).map(|key| &key.source) else { return false };
    role_keys.keys.values().any(|listed| listed.material() == public.material())
}
