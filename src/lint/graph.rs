//! Rules about delegations as a whole: who reaches whom, by what, and who signed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::lint::chain;
use crate::lint::found::Doc;
use crate::lint::found::Found;
use crate::lint::keys;
use crate::lint::rule::Client::GoTuf;
use crate::lint::rule::Client::PythonTuf;
use crate::lint::rule::Client::Tough;
use crate::lint::rule::Client::TufJs;
use crate::lint::rule::Rule;
use crate::lint::rule::Seen::Read;
use crate::lint::rule::Seen::Tried;
use crate::lint::rule::Severity;
use crate::lint::rule::accepts;
use crate::lint::rule::refuses;
use crate::lint::targets;
use crate::lint::targets::Ways;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::tough::Loaded;
use crate::tuf::paths::unreached;

static NOT_LISTED: Rule = Rule {
    name: "SNAPSHOT-LACKS-A-ROLE",
    what: "a role is delegated to, and snapshot does not list it",
    clients: &[
        refuses(PythonTuf, Tried, "Role is not in snapshot, as soon as a target of it is looked for"),
        refuses(GoTuf, Read, "role not found in snapshot, as soon as a target of it is looked for"),
        refuses(Tough, Tried, "it loads none of the delegator's delegations, and finds no target of theirs"),
        refuses(TufJs, Read, "the role is not in snapshot"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "for tough all siblings of the role vanish with it",
    fix: "publish the role and list it, or take the delegation out",
};

static CYCLE: Rule = Rule {
    name: "DELEGATION-CYCLE",
    what: "delegations lead back to a role",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "clients visit a role once, and that is by whichever path comes first",
    fix: "delegate downwards alone",
};

static SHADOWED: Rule = Rule {
    name: "ROLE-NEVER-REACHED",
    what: "no path leads to a delegated role: it has no paths, or a terminating role before it takes them all",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: false,
    why: "whatever the role signs, no client looks for it there",
    fix: "put it before the terminating role, give it paths, or take it out",
};

static MANY: Rule = Rule {
    name: "TARGET-BEHIND-MANY-ROLES",
    what: "more than 32 delegated roles are asked before a target is found",
    clients: &[
        refuses(PythonTuf, Tried, "it gives up after 32 and finds no target"),
        refuses(GoTuf, Read, "it gives up after 32 and finds no target"),
        refuses(TufJs, Read, "it gives up after 32 and finds no target"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the default of three clients is 32 roles for a search",
    fix: "make paths narrower or terminating, or use bins",
};

pub(super) static RULES: &[&Rule] = &[&NOT_LISTED, &CYCLE, &SHADOWED, &MANY];

/// The most targets that are looked for in the way of a client.
const LOOKED_FOR: usize = 10_000;
/// How many delegated roles three of the clients ask.
const ASKED: usize = 32;

/// How many targets are looked for in the way of a client, where there are so many delegations.
pub fn looked_for(delegations: usize) -> usize {
    if delegations > ASKED { LOOKED_FOR } else { 0 }
}

/// Every role that `targets` leads to, with who signed it.
pub(super) fn check(newest: &BTreeMap<String, &Doc>, snapshot: Option<&Doc>, found: &mut Found) {
    let is_listed =
        |role: &str| snapshot.is_none_or(|s| s.signed()["meta"].get(format!("{role}.json")).is_some());
    let mut graph: BTreeMap<&str, Delegations> = BTreeMap::new();
    let mut open = vec!["targets".to_owned()];
    while let Some(name) = open.pop() {
        let Some((name, doc)) = newest.get_key_value(&name) else { continue };
        if graph.contains_key(name.as_str()) {
            continue;
        }
        let Ok(delegations) = Delegations::from_json(&doc.signed()["delegations"]) else { continue };
        let keys = &doc.signed()["delegations"]["keys"];
        let elsewhere = delegations.other_keys.iter().filter(|keyid| keys::is_elsewhere(&keys[&keyid.0]));
        let elsewhere = elsewhere.cloned().collect();
        for delegation in &delegations.roles {
            open.push(delegation.name.clone());
            if let Some(role) = newest.get(&delegation.name) {
                chain::signatures(role, &delegation.role_keys, &elsewhere, &doc.name, found);
            }
            if !is_listed(&delegation.name) {
                found.say(&NOT_LISTED, &doc.name, "/signed/delegations", format!("{:?}", delegation.name));
            }
        }
        never_reached(doc, &delegations, found);
        graph.insert(name, delegations);
    }
    cycles(&graph, newest, found);
    many(&graph, newest, found);
    let mut by: BTreeMap<&str, Vec<&Delegation>> = BTreeMap::new();
    for delegations in graph.values() {
        for delegation in &delegations.roles {
            by.entry(&delegation.name).or_default().push(delegation);
        }
    }
    let loaded = Loaded::new(|role| graph.get(role), is_listed);
    let lists = |role: &str, path: &str| {
        newest.get(role).is_some_and(|doc| doc.signed()["targets"].get(path).is_some())
    };
    let ways = Ways {
        loaded: &loaded,
        finds: &|path| loaded.finds(path, |role| lists(role, path)),
        led: &|path| !loaded.is_by_all() && led(&graph, &|role| lists(role, path), path),
    };
    for (name, doc) in newest.iter().filter(|(_, doc)| doc.kind() == "targets") {
        targets::check(doc, by.get(name.as_str()).map(Vec::as_slice).unwrap_or_default(), &ways, found);
    }
}

/// Whether delegations lead to a role that lists this path, as tough reads them and by whichever it loads a role.
fn led(graph: &BTreeMap<&str, Delegations>, lists: &dyn Fn(&str) -> bool, path: &str) -> bool {
    let mut open = vec!["targets"];
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(role) = open.pop() {
        if !seen.insert(role) {
            continue;
        }
        if lists(role) {
            return true;
        }
        if let Some(delegations) = graph.get(role) {
            let places = delegations.matching_in_tough(path).into_iter();
            open.extend(places.map(|place| delegations.roles[place].name.as_str()));
        }
    }
    false
}

fn never_reached(doc: &Doc, delegations: &Delegations, found: &mut Found) {
    for place in unreached(&delegations.roles) {
        let at = format!("/signed/delegations/roles/{place}");
        found.say(&SHADOWED, &doc.name, at, format!("{:?}", delegations.roles[place].name));
    }
}

fn cycles(graph: &BTreeMap<&str, Delegations>, newest: &BTreeMap<String, &Doc>, found: &mut Found) {
    for (name, delegations) in graph {
        let mut open: Vec<&str> = delegations.roles.iter().map(|role| role.name.as_str()).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(next) = open.pop() {
            if next == *name {
                if let Some(doc) = newest.get(*name) {
                    found.say(&CYCLE, &doc.name, "/signed/delegations", format!("from {name:?} back to it"));
                }
                break;
            }
            if seen.insert(next)
                && let Some(delegations) = graph.get(next)
            {
                open.extend(delegations.roles.iter().map(|role| role.name.as_str()));
            }
        }
    }
}

fn many(graph: &BTreeMap<&str, Delegations>, newest: &BTreeMap<String, &Doc>, found: &mut Found) {
    let mut left = looked_for(graph.values().map(|delegations| delegations.roles.len()).sum());
    for (name, doc) in newest.iter().filter(|(_, doc)| doc.kind() == "targets") {
        for path in doc.signed()["targets"].as_object().into_iter().flat_map(|targets| targets.keys()) {
            if left == 0 {
                return;
            }
            left -= 1;
            if let Some(asked) = asked(graph, name, path).filter(|asked| *asked > ASKED) {
                found.say(&MANY, &doc.name, "", format!("{path:?} after {asked}"));
            }
        }
    }
}

/// How many delegated roles a client asks for `path` until it asks `role`, the last one included.
fn asked(graph: &BTreeMap<&str, Delegations>, role: &str, path: &str) -> Option<usize> {
    let mut open = vec!["targets"];
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(next) = open.pop() {
        if next == role {
            return Some(seen.len());
        }
        if !seen.insert(next) {
            continue;
        }
        let Some(delegations) = graph.get(next) else { continue };
        let mut below = Vec::new();
        for place in delegations.matching(path) {
            let Some(role) = delegations.roles.get(place) else { continue };
            below.push(role.name.as_str());
            if role.terminating {
                open.clear();
                break;
            }
        }
        open.extend(below.into_iter().rev());
    }
    None
}
