//! What a plan may delegate, to whom, and what that forces in the same ceremony.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::Verb;
use crate::plan::after;
use crate::plan::after::Facts;
use crate::plan::change::Foreseen;
use crate::plan::consequences::joined;
use crate::plan::delegations::EntrySpec;
use crate::plan::delegations::What;
use crate::plan::left_behind::left_behind;
use crate::plan::lints::CYCLE;
use crate::plan::lints::NO_METADATA;
use crate::plan::lints::NO_PROOF;
use crate::plan::lints::OUTSIDE;
use crate::plan::lints::SIGNED_LATER;
use crate::plan::problem::Place;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::author;
use crate::tuf::delegations::author::Labels;
use crate::tuf::delegations::author::Wanted;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::fault::Fault;
use crate::tuf::paths;
use crate::tuf::root::TOP_LEVEL;

/// Whom a targets role delegates to after the ceremony.
pub(super) fn delegations_after(plan: &Plan, role: &str) -> Option<Delegations> {
    let before = plan.before.as_ref();
    let Some(list) = plan.roles.get(role).and_then(|role| role.delegations.as_ref()) else {
        return before.and_then(|before| before.repository.delegations(role));
    };
    let facts = Foreseen { plan, files: &|_| None };
    let wanted = list.wanted(&|name| facts.key(name)).ok()?;
    let json = author::author(&wanted, None, Labels::StoodInFor).ok()?;
    Delegations::from_json(&json).ok()
}

/// What roles delegate is what a delegation may be; each fault stands at its entry.
pub(super) fn delegations(plan: &Plan, problems: &mut Vec<Problem>) {
    let facts = Foreseen { plan, files: &|_| None };
    for (name, role) in &plan.roles {
        let Some(list) = &role.delegations else { continue };
        let before = plan.before.as_ref().and_then(|before| before.metadata(name));
        let before =
            before.and_then(|metadata| metadata.signed().get("delegations")).filter(|v| !v.is_null());
        let faults = match list.wanted(&|name| facts.key(name)) {
            Ok(wanted) => author::author(&wanted, before, after::labels(&facts)).err().unwrap_or_default(),
            Err(fault) => vec![fault],
        };
        let told = |fault: Fault| Problem::error(fault.rule, Some(list.place_of(&fault)), fault.text);
        problems.extend(faults.into_iter().map(told));
    }
}

/// What is allowed in delegations and still worth a word.
pub(super) fn delegation_remarks(plan: &Plan) -> Vec<Problem> {
    let facts = Foreseen { plan, files: &|_| None };
    let mut remarks = Vec::new();
    for list in plan.roles.values().filter_map(|role| role.delegations.as_ref()) {
        let wanted = list.wanted(&|name| facts.key(name));
        let told = |remark: Fault| Problem::warning(remark.rule, Some(list.place_of(&remark)), remark.text);
        remarks.extend(wanted.into_iter().flat_map(|wanted| wanted.remarks()).map(told));
        for entry in &list.entries {
            remarks.extend(succinct(entry));
            remarks.extend(unproven(plan, entry));
            remarks.extend(without_metadata(plan, entry));
        }
    }
    remarks.extend(nested(plan));
    remarks
}

/// Whom each role delegates to after the ceremony, of those to which a client comes.
pub(super) fn tree(plan: &Plan) -> BTreeMap<String, Delegations> {
    let mut tree: BTreeMap<String, Delegations> = BTreeMap::new();
    let mut open = vec!["targets".to_owned()];
    while let Some(role) = open.pop() {
        if tree.contains_key(&role) {
            continue;
        }
        let Some(list) = delegations_after(plan, &role) else { continue };
        open.extend(list.roles.iter().map(|delegation| delegation.name.clone()));
        tree.insert(role, list);
    }
    tree
}

/// The roles that are delegated to this key after the ceremony, bins as one.
pub(super) fn delegates_of(plan: &Plan, tree: &BTreeMap<String, Delegations>, key: &str) -> BTreeSet<String> {
    let Some((_, public)) = (Foreseen { plan, files: &|_| None }).key(key) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for list in tree.values() {
        let bins = Layout::of(list);
        let lists = |keys: &RoleKeys| keys.keys.values().any(|listed| listed.material() == public.material());
        for delegation in list.roles.iter().filter(|delegation| lists(&delegation.role_keys)) {
            let bins = bins.as_ref().map(|bins| bins.prefix().to_owned());
            let is_bins = bins.is_some();
            found.insert(bins.unwrap_or_else(|| delegation.name.clone()));
            if is_bins {
                break;
            }
        }
    }
    found
}

/// What delegations say together: paths to which no search comes, and ways that lead back.
fn nested(plan: &Plan) -> Vec<Problem> {
    // What carries over is judged with what is stated.
    if plan.roles.values().all(|role| role.delegations.is_none()) {
        return Vec::new();
    }
    let tree = tree(plan);
    let mut remarks = Vec::new();
    for (delegator, role) in &plan.roles {
        let (Some(spec), Some(list)) = (&role.delegations, tree.get(delegator)) else { continue };
        let ways = paths::ways(&tree, delegator);
        for (delegation, entry) in list.roles.iter().zip(&spec.entries).filter(|_| delegator != "targets") {
            let outside = ways.as_ref().map(|ways| paths::outside(delegation, ways)).unwrap_or_default();
            if !outside.is_empty() {
                let quoted: Vec<String> = outside.iter().map(|pattern| format!("{pattern:?}")).collect();
                let text = format!(
                    "{} can never sign for {}: nobody delegates such paths to {delegator}, all the way from targets",
                    delegation.name,
                    joined(&quoted, "and")
                );
                remarks.push(Problem::warning(OUTSIDE, Some(entry.place), text));
            }
        }
        if let Some(by) = leads_back(&tree, delegator) {
            let text = format!(
                "{delegator} delegates to {by}, which leads back to it: clients visit a role once, by whichever way comes first"
            );
            remarks.push(Problem::warning(CYCLE, Some(spec.place), text));
        }
    }
    remarks
}

/// The first delegation of a role that leads back to it.
fn leads_back<'t>(tree: &'t BTreeMap<String, Delegations>, role: &str) -> Option<&'t str> {
    let to = |role: &str| tree.get(role).into_iter().flat_map(|list| &list.roles);
    to(role).map(|first| first.name.as_str()).find(|first| {
        let (mut open, mut seen) = (vec![*first], BTreeSet::new());
        while let Some(next) = open.pop() {
            if next == role {
                return true;
            }
            if seen.insert(next) {
                open.extend(to(next).map(|below| below.name.as_str()));
            }
        }
        false
    })
}

/// Not every client knows TAP 15.
fn succinct(entry: &EntrySpec) -> Option<Problem> {
    let text = "clients that do not know succinct_roles (TAP 15), as those built with tough, refuse the metadata that delegates so: `style: classic` is for every client";
    let is = matches!(&entry.what, What::Bins { style: author::Style::Succinct, .. });
    is.then(|| Problem::warning("succinct-bins", Some(entry.place), text))
}

/// Keys from outside that the metadata before does not list come with a proof of possession.
fn unproven(plan: &Plan, entry: &EntrySpec) -> Vec<Problem> {
    // Who signs in the room proves it by signing.
    let shows = |verb: &Verb, name: &String| match verb {
        Verb::Sign { key, .. } | Verb::EnrolKey(key) | Verb::RestoreDrill(key) => key == name,
        _ => false,
    };
    let shown = |name: &String| plan.steps.iter().any(|step| shows(&step.verb, name));
    let proof = |name: &String| match &plan.key(name)?.source {
        Source::Public { public } | Source::Existing { public, .. }
            if public.proof.is_none() && !shown(name) =>
        {
            Some(Problem::warning(
                NO_PROOF,
                Some(entry.place),
                format!(
                    "key {name} of {} comes without proof that its holder can sign; `keyrite key prove STORE --for {}` makes one, and `proof: FILE` of the key names it",
                    entry.name(),
                    plan.id
                ),
            ))
        }
        _ => None,
    };
    entry.keys.iter().filter_map(|key| proof(&key.value)).collect()
}

/// A role without metadata stops clients that look for one of its paths.
fn without_metadata(plan: &Plan, entry: &EntrySpec) -> Option<Problem> {
    let in_room = |name: &str| plan.roles.get(name).is_some_and(|role| role.in_room.is_some());
    let names = match &entry.what {
        What::Role { name, .. } => vec![name.value.clone()],
        What::Bins { layout, .. } if in_room(layout.prefix()) => Vec::new(),
        What::Bins { layout, .. } => (0..layout.count()).map(|number| layout.name(number)).collect(),
    };
    let there = |name: &str| plan.before.as_ref().is_some_and(|before| before.file(name).is_some());
    let without: Vec<&String> = names.iter().filter(|name| !in_room(name) && !there(name)).collect();
    let (first, last) = (without.first()?, without.last()?);
    let (which, have) = match without.len() {
        1 => ((*first).clone(), "has"),
        count => (format!("{count} bins, {first} to {last},"), "have"),
    };
    let text = format!(
        "{which} {have} no metadata yet: until snapshot lists what they sign, clients that look for their paths stop, and tough finds no file of any role that is delegated to beside them"
    );
    Some(Problem::warning(NO_METADATA, Some(entry.place), text))
}

/// A role that is signed here is one to which delegations still lead afterwards: what nobody reads, nobody signs.
pub(super) fn signed_for_nobody(
    plan: &Plan,
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let mut left: BTreeSet<&str> = plan.roles_in_room().into_iter().collect();
    left.retain(|role| !TOP_LEVEL.contains(role));
    let (mut open, mut seen) = (vec!["targets".to_owned()], BTreeSet::new());
    while let Some(delegator) = open.pop().filter(|_| !left.is_empty()) {
        if !seen.insert(delegator.clone()) {
            continue;
        }
        let Some(delegations) = delegations_after(plan, &delegator) else { continue };
        let bins = Layout::of(&delegations);
        left.retain(|role| bins.as_ref().is_none_or(|bins| bins.prefix() != *role));
        for delegation in delegations.roles {
            left.remove(delegation.name.as_str());
            open.push(delegation.name);
        }
    }
    for role in left {
        let text = format!(
            "nobody delegates to {role} after this ceremony, so no client would read what is signed here; leave {role} out, or delegate to it"
        );
        say("ROLE-DELEGATED", place(role), text);
    }
}

/// Whether what a threshold of the old keys signed holds by the new ones, whoever of them did.
fn takes_all(new: &RoleKeys, old: &RoleKeys) -> bool {
    let listed = |key: &PublicKey| new.keys.values().any(|other| other.material() == key.material());
    new.threshold <= old.threshold && old.keys.values().all(listed)
}

/// Delegates whose keys change have signed with the new ones, or sign here. A key from outside may have signed before
/// it came, so its role is judged once `outside` knows its public half; a key that is made here has signed nothing.
pub fn unsigned_delegates(plan: &Plan, outside: &dyn Fn(&str) -> Option<PublicKey>) -> Vec<Problem> {
    let Some(before) = &plan.before else { return Vec::new() };
    let facts = Foreseen { plan, files: &|_| None };
    let in_room = |role: &str| plan.roles.get(role).is_some_and(|role| role.in_room.is_some());
    let from_file = |name: &str| plan.key(name).is_some_and(Key::from_file);
    let key = |name: &str| match outside(name) {
        Some(public) if from_file(name) => Some((public.keyid(), public)),
        _ => facts.key(name),
    };
    let known = |name: &str| !from_file(name) || outside(name).is_some();
    let later = plan.accepts(SIGNED_LATER);
    let mut problems = Vec::new();
    for (delegator, role) in &plan.roles {
        let Some(list) = &role.delegations else { continue };
        let old = before.repository.delegations(delegator);
        let delegates: Vec<(Vec<String>, Arc<RoleKeys>)> = match list.wanted(&key) {
            Ok(Wanted::Roles(roles)) => {
                roles.into_iter().map(|role| (vec![role.name], role.role_keys)).collect()
            }
            Ok(Wanted::Bins(bins)) => {
                let names = (0..bins.layout.count()).map(|number| bins.layout.name(number));
                vec![(names.collect(), bins.role_keys)]
            }
            Err(_) => continue,
        };
        for ((names, role_keys), entry) in delegates.iter().zip(&list.entries) {
            if in_room(entry.name()) || !entry.keys.iter().all(|key| known(&key.value)) {
                continue;
            }
            let was = old.iter().flat_map(|old| &old.roles).find(|was| names.contains(&was.name));
            // A bin may be signed here alone.
            let stay = || names.iter().filter(|name| !in_room(name));
            let lacking = || stay().find(|name| before.may_lack(name));
            if let Some(name) =
                was.filter(|was| !takes_all(role_keys, &was.role_keys)).and_then(|_| lacking())
                && !plan.accepts(NO_METADATA)
            {
                let text = format!(
                    "the keys of {name} change, and its metadata is not in the directory before: nobody can see whether the new ones have signed it. Lay what was published there; accept {NO_METADATA} where none ever was"
                );
                problems.push(Problem::error("COUPLED-RESIGN", Some(entry.place), text));
                continue;
            }
            // Of bins the first one that clients would refuse.
            let unsigned = stay().filter_map(|name| before.file(name)).find_map(|file| {
                let counted = role_keys.verify(file.metadata.payload(), file.metadata.signatures());
                Some((file, counted.err()?))
            });
            let here = match &entry.what {
                What::Role { name, .. } => {
                    format!("Give {} a version and expires, so that it is", name.value)
                }
                What::Bins { .. } => format!("Give {} expires, so that its bins are", entry.name()),
            };
            if let Some((file, unmet)) = unsigned {
                let text = format!(
                    "{} was signed by {} of the keys to which {delegator} delegates from now on, and {} must: clients would refuse it. {here} signed again here",
                    file.file, unmet.have, unmet.need
                );
                problems.push(Problem::error("COUPLED-RESIGN", Some(entry.place), text));
                continue;
            }
            let left = was.filter(|_| !later).and_then(|was| {
                let mut files = stay().filter_map(|name| before.file(name));
                files.find_map(|file| {
                    Some((file, left_behind(plan, &was.role_keys, role_keys, &file.metadata)?))
                })
            });
            if let Some((file, why)) = left {
                let text = format!(
                    "{} stays as it is, and {why}: clients would go on to take it. {here} signed again here; accept {SIGNED_LATER} where its delegates do that elsewhere",
                    file.file
                );
                problems.push(Problem::error("COUPLED-RESIGN", Some(entry.place), text));
            }
        }
    }
    problems
}
