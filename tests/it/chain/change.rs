//! A random valid change: what the file says, and what the repository is afterwards.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::model::Files;
use super::model::Model;
use super::model::Role;
use super::model::State;
use super::model::TOP;
use super::spec::DelegationLine;
use super::spec::Spec;

/// One valid change.
pub(super) struct Change {
    pub(super) spec: Spec,
    pub(super) after: State,
}

impl Change {
    /// What the roles list afterwards whose files the ceremony hashes.
    pub(super) fn hashed(&self) -> BTreeMap<String, Files> {
        let hashed = self.spec.roles.iter().filter(|(_, line)| line.files.is_some());
        hashed.map(|(role, _)| (role.clone(), self.after.files[role].clone())).collect()
    }
}

/// Some keys, and how many of them must sign one role.
pub(super) struct Quorum {
    pub(super) role: String,
    pub(super) keys: Vec<String>,
    pub(super) threshold: usize,
}

/// Every threshold that the roles in the room must reach, root's old one first.
pub(super) fn quorums(
    spec: &Spec,
    before: &BTreeMap<String, Role>,
    after: &BTreeMap<String, Role>,
) -> Vec<Quorum> {
    let mut quorums = Vec::new();
    for role in spec.in_room() {
        let of = |is: &Role| Quorum { role: role.to_owned(), keys: is.keys.clone(), threshold: is.threshold };
        if role == "root" {
            quorums.extend(before.get(role).map(of));
        }
        quorums.push(of(&after[role]));
    }
    quorums
}

impl Quorum {
    /// How many of its keys have a store.
    pub(super) fn signers(&self, spec: &Spec) -> usize {
        self.keys.iter().filter(|key| spec.signs(key)).count()
    }
}

/// The first ceremony.
pub(super) fn genesis(model: &mut Model) -> Change {
    let root: Vec<String> = (0..3 + model.seed.below(3)).map(|_| model.make_key('k')).collect();
    let mut targets = root[..1 + model.seed.below(root.len())].to_vec();
    targets.push(model.make_key('k'));
    let online = [model.make_key('o'), model.make_key('o')];
    let mut role = |keys: Vec<String>| {
        let threshold = 1 + model.seed.below(keys.len());
        Role { version: 1, keys, threshold }
    };
    let mut roles = BTreeMap::from([("root".to_owned(), role(root)), ("targets".to_owned(), role(targets))]);
    for (name, key) in ["snapshot", "timestamp"].into_iter().zip(online) {
        roles.insert(name.to_owned(), Role { version: 1, keys: vec![key], threshold: 1 });
    }
    let files = Files::from([
        ("app.bin".to_owned(), b"the first".to_vec()),
        ("docs/read.me".to_owned(), b"read me".to_vec()),
    ]);
    let files = BTreeMap::from([("targets".to_owned(), files)]);
    let mut spec = empty(model, "root-genesis");
    for (name, role) in &roles {
        sign_here(&mut spec, model, name, role, true);
    }
    hash(&mut spec, "targets");
    spec.keys = model.keys.keys().map(|name| (name.clone(), model.brought(name))).collect();
    Change { spec, after: State { roles, files, delegations: BTreeMap::new() } }
}

/// A change of a random type.
pub(super) fn random(model: &mut Model) -> Change {
    model.day += 1 + model.seed.below(9) as i64;
    match model.seed.below(14) {
        0 => renewal(model),
        1..=3 => rotation(model),
        4..=6 => compromise(model),
        7..=10 => super::delegation::change(model),
        _ => signing(model),
    }
}

pub(super) fn empty(model: &Model, kind: &'static str) -> Spec {
    let before = (!model.published.is_empty()).then(|| model.root_sha256(model.state.roles["root"].version));
    Spec {
        id: format!("change-{:02}", model.published.len()),
        kind,
        lost: Vec::new(),
        stolen: Vec::new(),
        keys: BTreeMap::new(),
        before,
        roles: BTreeMap::new(),
        expect: None,
        steps: None,
    }
}

/// A role that is signed in the room; with its keys and threshold where they change.
fn sign_here(spec: &mut Spec, model: &Model, name: &str, role: &Role, stated: bool) {
    let days = match name {
        "root" => 900,
        "snapshot" => 600,
        "timestamp" => 500,
        _ => 700,
    };
    let line = spec.roles.entry(name.to_owned()).or_default();
    line.version = Some(role.version);
    line.expires = Some(model.date(days));
    if stated {
        (line.keys, line.threshold) = (Some(role.keys.clone()), Some(role.threshold));
    }
}

/// The role's target files are those of its directory.
pub(super) fn hash(spec: &mut Spec, name: &str) {
    spec.roles.get_mut(name).unwrap().files = Some(format!("inputs/{name}"));
}

/// The next version of a role, in the room.
pub(super) fn again(spec: &mut Spec, model: &Model, after: &mut State, name: &str) {
    let role = after.roles.get_mut(name).unwrap();
    role.version = model.state.roles.get(name).map_or(0, |role| role.version) + 1;
    sign_here(spec, model, name, role, false);
}

/// The next version of a role that delegates, with the full list.
pub(super) fn delegate_again(spec: &mut Spec, model: &Model, after: &mut State, delegator: &str) {
    again(spec, model, after, delegator);
    let lines = after.delegates(delegator).iter().map(|delegation| {
        let Role { keys, threshold, .. } = after.roles[&delegation.name].clone();
        let (name, paths) = (delegation.name.clone(), delegation.paths.clone());
        DelegationLine { name, keys, threshold, paths, terminating: delegation.terminating }
    });
    spec.roles.get_mut(delegator).unwrap().delegations = Some(lines.collect());
}

/// Names the keys that the file needs. Some holders stay away, as far as every threshold is met without them.
pub(super) fn cast(model: &mut Model, spec: &mut Spec, after: &State, gone: &BTreeSet<String>) {
    let mut roles: BTreeSet<&str> = TOP.into_iter().chain(spec.in_room()).collect();
    roles.extend(spec.stated().map(|line| line.name.as_str()));
    let of = |state: &State| -> Vec<String> {
        roles.iter().filter_map(|name| state.roles.get(*name)).flat_map(|role| role.keys.clone()).collect()
    };
    let known = model.state.listed_keys();
    // A role that was delegated to once is described by keys that nobody lists any more.
    let used = of(&model.state).into_iter().filter(|name| known.contains(name)).chain(of(after));
    let used: BTreeSet<String> = used.collect();
    // A role may have got other keys twice.
    spec.keys.retain(|name, _| used.contains(name));
    for name in used {
        let line = match (known.contains(&name), model.keys.contains_key(&name)) {
            (true, _) => model.listed(&name, !gone.contains(&name)),
            (false, true) => model.brought(&name),
            (false, false) => model.made_here(&name),
        };
        spec.keys.insert(name, line);
    }
    let before = model.state.roles.clone();
    let names: Vec<String> = spec.keys.keys().filter(|name| known.contains(*name)).cloned().collect();
    for name in model.seed.shuffled(&names) {
        let mut without = spec.clone();
        without.keys.get_mut(&name).unwrap().store = None;
        let enough =
            quorums(&without, &before, &after.roles).iter().all(|q| q.signers(&without) >= q.threshold);
        if enough && model.seed.one_in(3) {
            *spec = without;
        }
    }
}

fn renewal(model: &mut Model) -> Change {
    let mut spec = empty(model, "root-renewal");
    let mut after = model.state.clone();
    again(&mut spec, model, &mut after, "root");
    cast(model, &mut spec, &after, &BTreeSet::new());
    spec.expect = Some(expected(&model.state, &after, &spec));
    Change { spec, after }
}

/// One to three roles get other keys or thresholds.
fn rotation(model: &mut Model) -> Change {
    let mut spec = empty(model, "key-rotation");
    let mut after = model.state.clone();
    let names = ["root", "root", "targets", "snapshot", "timestamp"];
    for _ in 0..1 + model.seed.below(3) {
        let name = names[model.seed.below(names.len())];
        new_keys(model, &mut spec, &mut after, name, &BTreeSet::new());
    }
    finish(model, &mut spec, &mut after, &BTreeSet::new());
    Change { spec, after }
}

/// Lost and stolen keys leave every role that lists them.
fn compromise(model: &mut Model) -> Change {
    let mut spec = empty(model, "compromise-response");
    let mut after = model.state.clone();
    let spare = after.roles["root"].keys.len() - after.roles["root"].threshold;
    let all: Vec<String> = after.trusted_keys().into_iter().collect();
    let (mut gone, mut of_root) = (BTreeSet::new(), 0);
    let most = 1 + model.seed.below(2);
    for name in model.seed.shuffled(&all) {
        let in_root = after.roles["root"].keys.contains(&name);
        if gone.len() >= most || (in_root && of_root >= spare) {
            continue;
        }
        of_root += usize::from(in_root);
        if model.seed.one_in(2) {
            spec.lost.push(name.clone())
        } else {
            spec.stolen.push(name.clone())
        }
        gone.insert(name);
    }
    for name in after.trusted() {
        if after.roles[&name].keys.iter().any(|key| gone.contains(key)) {
            new_keys(model, &mut spec, &mut after, &name, &gone);
        }
    }
    finish(model, &mut spec, &mut after, &gone);
    Change { spec, after }
}

/// Other keys, another threshold, or both. A server's role has one or two keys, a delegate's up to three, and root
/// up to seven.
pub(super) fn new_keys(
    model: &mut Model,
    spec: &mut Spec,
    after: &mut State,
    name: &str,
    gone: &BTreeSet<String>,
) {
    let online = matches!(name, "snapshot" | "timestamp");
    let delegate = !TOP.contains(&name);
    let old = after.roles[name].clone();
    let stay: Vec<String> = old.keys.iter().filter(|key| !gone.contains(*key)).cloned().collect();
    // Now and then nobody stays.
    let stay = if model.seed.one_in(5) { Vec::new() } else { model.seed.shuffled(&stay) };
    let kept = if stay.is_empty() || online { 0 } else { 1 + model.seed.below(stay.len()) };
    let mut keys = stay[..kept].to_vec();
    let (least, most) = match (online, delegate) {
        (true, _) => (1, 2),
        (_, true) => (1, 3),
        _ => (2, 6),
    };
    let wanted = (least + model.seed.below(most - least + 1)).max(kept.min(most));
    while keys.len() < wanted {
        let here = model.token.is_some() || model.may_generate > 0;
        if here && !online && model.seed.one_in(4) {
            let file = model.may_generate > 0 && model.seed.one_in(2);
            let letter = if file || model.token.is_none() { 'g' } else { 't' };
            model.may_generate -= usize::from(letter == 'g');
            let key = model.name(letter, spec.keys.len() + 100);
            spec.keys.insert(key.clone(), model.made_here(&key));
            keys.push(key);
        } else {
            let shared = if delegate && model.seed.one_in(4) { shared(model, &keys, gone) } else { None };
            keys.push(shared.unwrap_or_else(|| model.make_key(if online { 'o' } else { 'k' })));
        }
    }
    let threshold = 1 + model.seed.below(keys.len());
    after.roles.insert(name.to_owned(), Role { version: old.version, keys, threshold });
}

/// A custodian's key of another role.
fn shared(model: &mut Model, keys: &[String], gone: &BTreeSet<String>) -> Option<String> {
    let others = model.state.trusted_keys().into_iter();
    let others: Vec<String> =
        others.filter(|key| !key.starts_with('o') && !keys.contains(key) && !gone.contains(key)).collect();
    (!others.is_empty()).then(|| others[model.seed.below(others.len())].clone())
}

/// Root, and every role that the new root forces to be signed again.
fn finish(model: &mut Model, spec: &mut Spec, after: &mut State, gone: &BTreeSet<String>) {
    again(spec, model, after, "root");
    let changed = |name: &&str| {
        let (old, new) = (&model.state.roles[*name], &after.roles[*name]);
        old.keys != new.keys || old.threshold != new.threshold
    };
    let names = after.trusted();
    let changed: Vec<&str> = names.iter().map(String::as_str).filter(changed).collect();
    let mut in_room: BTreeSet<&str> =
        changed.iter().copied().filter(|name| !matches!(*name, "root" | "snapshot" | "timestamp")).collect();
    let delegators: BTreeSet<String> = changed.iter().filter_map(|name| after.delegator(name)).collect();
    if !in_room.is_empty() || !delegators.is_empty() {
        in_room.extend(["snapshot", "timestamp"]);
    }
    if changed.contains(&"snapshot") {
        in_room.extend(["snapshot", "timestamp"]);
    }
    if changed.contains(&"timestamp") {
        in_room.insert("timestamp");
    }
    for name in in_room {
        again(spec, model, after, name);
    }
    for delegator in &delegators {
        delegate_again(spec, model, after, delegator);
    }
    for name in changed.into_iter().filter(|name| TOP.contains(name)) {
        let line = spec.roles.entry(name.to_owned()).or_default();
        let role = &after.roles[name];
        (line.keys, line.threshold) = (Some(role.keys.clone()), Some(role.threshold));
    }
    cast(model, spec, after, gone);
    if model.seed.one_in(2) {
        spec.expect = Some(expected(&model.state, after, spec));
    }
}

/// Target files of one role are added, replaced, removed, and come back.
fn signing(model: &mut Model) -> Change {
    let mut spec = empty(model, "targets-signing");
    let mut after = model.state.clone();
    let delegated = after.delegated();
    let role = match delegated.len() {
        0 => "targets".to_owned(),
        _ if model.seed.one_in(3) => "targets".to_owned(),
        many => delegated[model.seed.below(many)].clone(),
    };
    let (files, removed) =
        (after.files.get_mut(&role).unwrap(), model.removed.entry(role.clone()).or_default());
    let folder = if role == "targets" { "app".to_owned() } else { super::delegation::folder(&role) };
    for n in 0..1 + model.seed.below(3) {
        let names: Vec<String> = files.keys().cloned().collect();
        let bytes = format!("release {n} of day {} by {role}", model.day).into_bytes();
        match model.seed.below(4) {
            0 if names.len() > 1 => {
                let name = &names[model.seed.below(names.len())];
                let bytes = files.remove(name).unwrap();
                removed.insert(name.clone(), bytes);
            }
            1 => drop(files.insert(names[model.seed.below(names.len())].clone(), bytes)),
            2 if !removed.is_empty() => files.extend(std::mem::take(removed)),
            _ => drop(files.insert(format!("{folder}/{}-{n}.bin", model.day), bytes)),
        }
    }
    for name in [role.as_str(), "snapshot", "timestamp"] {
        again(&mut spec, model, &mut after, name);
    }
    hash(&mut spec, &role);
    cast(model, &mut spec, &after, &BTreeSet::new());
    Change { spec, after }
}

/// The lines that `expect_diff` holds, from what the test knows.
pub(super) fn expected(before: &State, after: &State, spec: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    for name in spec.in_room().into_iter().filter(|name| !matches!(*name, "snapshot" | "timestamp")) {
        if let Some(old) = before.roles.get(name) {
            lines.push(format!("{name}: version {} -> {}", old.version, after.roles[name].version));
        }
    }
    for name in TOP {
        lines.extend(key_lines(name, &before.roles[name], &after.roles[name]));
    }
    for (delegator, line) in &spec.roles {
        if line.delegations.is_some() {
            lines.extend(super::delegation::lines(delegator, before, after));
        }
    }
    lines
}

/// What changes of a role's keys; `what` stands before each.
pub(super) fn key_lines(what: &str, old: &Role, new: &Role) -> Vec<String> {
    let mut lines = Vec::new();
    if old.threshold != new.threshold {
        lines.push(format!("{what}: threshold {} -> {}", old.threshold, new.threshold));
    }
    let added = new.keys.iter().filter(|key| !old.keys.contains(key));
    lines.extend(added.map(|key| format!("{what}: + key {key}")));
    let removed = old.keys.iter().filter(|key| !new.keys.contains(key));
    lines.extend(removed.map(|key| format!("{what}: - key {key}")));
    lines
}
