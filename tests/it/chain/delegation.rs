//! A random valid `delegation-change`: delegates come, change and go, below targets or one level deeper.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::change;
use super::change::Change;
use super::model::Delegation;
use super::model::Files;
use super::model::Model;
use super::model::Role;
use super::model::State;
use super::spec::Spec;

/// A path that several delegates may sign for: there the order of priority decides.
const SHARED: &str = "shared/*";
const SHARED_FILE: &str = "shared/tool.bin";

/// Where a delegate's own files are: `team4`, and `team4/6` for `team4-6`.
pub(super) fn folder(role: &str) -> String {
    role.replace('-', "/")
}

/// One or two changes of what one role delegates.
pub(super) fn change(model: &mut Model) -> Change {
    let mut spec = change::empty(model, "delegation-change");
    let mut after = model.state.clone();
    let teams = after.delegates("targets");
    let delegator = match teams.len() {
        0 => "targets".to_owned(),
        many if model.seed.one_in(3) => teams[model.seed.below(many)].name.clone(),
        _ => "targets".to_owned(),
    };
    for _ in 0..1 + model.seed.below(2) {
        one(model, &mut spec, &mut after, &delegator);
    }
    if lines(&delegator, &model.state, &after).is_empty() {
        added(model, &mut spec, &mut after, &delegator);
    }
    change::delegate_again(&mut spec, model, &mut after, &delegator);
    let was: Vec<String> = model.state.delegates(&delegator).iter().map(|d| d.name.clone()).collect();
    let names: Vec<String> = after.delegates(&delegator).iter().map(|d| d.name.clone()).collect();
    for name in names {
        let new = &after.roles[&name];
        let old = model.state.roles.get(&name);
        let again = match old {
            None => true,
            // The signatures that it has still suffice: it may stay as it is.
            Some(old) if covers(new, old) => (new != old || !was.contains(&name)) && model.seed.one_in(2),
            Some(_) => true,
        };
        if again {
            change::again(&mut spec, model, &mut after, &name);
        }
        if old.is_none() {
            change::hash(&mut spec, &name);
        }
    }
    for name in ["snapshot", "timestamp"] {
        change::again(&mut spec, model, &mut after, name);
    }
    change::cast(model, &mut spec, &after, &BTreeSet::new());
    if model.seed.one_in(2) {
        spec.expect = Some(change::expected(&model.state, &after, &spec));
    }
    Change { spec, after }
}

/// Whether whoever signed for the old role suffices for the new one.
fn covers(new: &Role, old: &Role) -> bool {
    new.threshold <= old.threshold && old.keys.iter().all(|key| new.keys.contains(key))
}

fn one(model: &mut Model, spec: &mut Spec, after: &mut State, delegator: &str) {
    let many = after.delegates(delegator).len();
    let at = model.seed.below(many.max(1));
    let list = after.delegations.entry(delegator.to_owned()).or_default();
    match model.seed.below(9) {
        1 | 2 if many > 0 => {
            let name = list[at].name.clone();
            change::new_keys(model, spec, after, &name, &BTreeSet::new());
        }
        3 if many > 0 => {
            let name = list[at].name.clone();
            let (needs, may) = (lists_shared(model, after, &name), may_share(after, delegator));
            let paths = &mut after.delegations.get_mut(delegator).unwrap()[at].paths;
            match paths.iter().position(|path| path == SHARED) {
                Some(at) if !needs => drop(paths.remove(at)),
                None if may => paths.push(SHARED.to_owned()),
                _ => {}
            }
        }
        4 if many > 0 => list[at].terminating ^= true,
        5 if many > 1 => *list = model.seed.shuffled(list),
        6 if many > 0 => {
            let gone = list.remove(at);
            if !model.state.roles.contains_key(&gone.name) {
                after.roles.remove(&gone.name);
                after.files.remove(&gone.name);
            }
        }
        7 => returns(model, spec, after, delegator),
        _ => added(model, spec, after, delegator),
    }
}

/// Whether a role may delegate the shared path on.
fn may_share(state: &State, delegator: &str) -> bool {
    let shares = |delegation: &Delegation| {
        delegation.name == delegator && delegation.paths.iter().any(|p| p == SHARED)
    };
    delegator == "targets" || state.delegations.values().flatten().any(shares)
}

/// Whether a role, or one below it, lists the shared file or may list it again: tough takes no repository in which
/// a role lists a file that no path leads to.
fn lists_shared(model: &Model, state: &State, role: &str) -> bool {
    let below = format!("{role}-");
    let all = state.files.iter().chain(&model.removed);
    let mut all = all.filter(|(name, _)| *name == role || name.starts_with(&below));
    all.any(|(_, files)| files.contains_key(SHARED_FILE))
}

/// A delegate that nobody knows yet, with its first files.
fn added(model: &mut Model, spec: &mut Spec, after: &mut State, delegator: &str) {
    let number = after.roles.len();
    let name = if delegator == "targets" { format!("team{number}") } else { format!("{delegator}-{number}") };
    let folder = folder(&name);
    let mut paths = vec![format!("{folder}/*")];
    let mut files = Files::from([(format!("{folder}/app.bin"), format!("the first of {name}").into_bytes())]);
    if delegator == "targets" {
        // What it delegates on is below its own paths.
        paths.push(format!("{folder}/*/*"));
    }
    if may_share(after, delegator) && model.seed.one_in(2) {
        paths.push(SHARED.to_owned());
        files.insert(SHARED_FILE.to_owned(), format!("the tool of {name}").into_bytes());
    }
    after.roles.insert(name.clone(), Role { version: 1, keys: Vec::new(), threshold: 1 });
    change::new_keys(model, spec, after, &name, &BTreeSet::new());
    after.files.insert(name.clone(), files);
    let terminating = model.seed.one_in(3);
    let place = model.seed.below(after.delegates(delegator).len() + 1);
    let list = after.delegations.entry(delegator.to_owned()).or_default();
    list.insert(place, Delegation { name, paths, terminating });
}

/// A delegate that was taken out comes back, as it was or with other keys; else a new one comes.
fn returns(model: &mut Model, spec: &mut Spec, after: &mut State, delegator: &str) {
    let prefix = if delegator == "targets" { "team".to_owned() } else { format!("{delegator}-") };
    let there: Vec<&String> = after.delegates(delegator).iter().map(|delegation| &delegation.name).collect();
    let out = |name: &&String| {
        let rest = name.strip_prefix(&prefix);
        rest.is_some_and(|rest| !rest.contains('-')) && !there.contains(name)
    };
    let Some(name) = after.roles.keys().find(out).cloned() else {
        return added(model, spec, after, delegator);
    };
    if model.seed.one_in(2) {
        change::new_keys(model, spec, after, &name, &BTreeSet::new());
    }
    let folder = folder(&name);
    let mut paths = vec![format!("{folder}/*"), format!("{folder}/*/*")];
    if may_share(after, delegator) {
        paths.push(SHARED.to_owned());
    }
    let list = after.delegations.entry(delegator.to_owned()).or_default();
    list.push(Delegation { name, paths, terminating: false });
}

/// The lines of `expect_diff` about what one role delegates.
pub(super) fn lines(delegator: &str, before: &State, after: &State) -> Vec<String> {
    let (old, new) = (before.delegates(delegator), after.delegates(delegator));
    let mut lines = Vec::new();
    let both = |list: &[Delegation], other: &[Delegation]| -> BTreeMap<String, usize> {
        let names = list.iter().map(|delegation| delegation.name.clone());
        names.filter(|name| other.iter().any(|d| d.name == *name)).zip(1..).collect()
    };
    let (was, is) = (both(old, new), both(new, old));
    let removed = old.iter().filter(|delegation| !is.contains_key(&delegation.name));
    lines.extend(removed.map(|delegation| format!("{delegator}: - delegation {}", delegation.name)));
    for delegation in new {
        let name = &delegation.name;
        let Some(known) = old.iter().find(|known| known.name == *name) else {
            lines.push(format!("{delegator}: + delegation {name}"));
            continue;
        };
        let what = format!("{delegator}: delegation {name}");
        if was[name] != is[name] {
            lines.push(format!("{what}: place {} -> {}", was[name], is[name]));
        }
        if known.terminating != delegation.terminating {
            lines.push(format!("{what}: terminating {} -> {}", known.terminating, delegation.terminating));
        }
        let gone = known.paths.iter().filter(|path| !delegation.paths.contains(path));
        lines.extend(gone.map(|path| format!("{what}: - path {path}")));
        let come = delegation.paths.iter().filter(|path| !known.paths.contains(path));
        lines.extend(come.map(|path| format!("{what}: + path {path}")));
        lines.extend(change::key_lines(&what, &before.roles[name], &after.roles[name]));
    }
    lines
}
