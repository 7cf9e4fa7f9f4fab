//! A random valid change: what the file says, and what the repository is afterwards.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::model::Files;
use super::model::Model;
use super::model::Role;
use super::spec::Spec;

/// One valid change.
pub(super) struct Change {
    pub(super) spec: Spec,
    pub(super) roles: BTreeMap<String, Role>,
    /// What the targets role lists afterwards, where the ceremony hashes files.
    pub(super) files: Option<Files>,
}

/// Some keys, and how many of them must sign one role.
pub(super) struct Quorum {
    pub(super) role: &'static str,
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
    for role in ["root", "targets", "snapshot", "timestamp"] {
        if !spec.in_room().contains(&role) {
            continue;
        }
        let of =
            |role: &'static str, is: &Role| Quorum { role, keys: is.keys.clone(), threshold: is.threshold };
        if role == "root" {
            quorums.extend(before.get(role).map(|old| of(role, old)));
        }
        quorums.push(of(role, &after[role]));
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
    let mut spec = empty(model, "root-genesis");
    for (name, role) in &roles {
        sign_here(&mut spec, model, name, role, true);
    }
    spec.roles.get_mut("targets").unwrap().files = Some("inputs/targets");
    spec.keys = model.keys.keys().map(|name| (name.clone(), model.brought(name))).collect();
    Change { spec, roles, files: Some(files) }
}

/// A change of a random type.
pub(super) fn random(model: &mut Model) -> Change {
    model.day += 1 + model.seed.below(9) as i64;
    match model.seed.below(10) {
        0 => renewal(model),
        1..=3 => rotation(model),
        4..=6 => compromise(model),
        _ => signing(model),
    }
}

fn empty(model: &Model, kind: &'static str) -> Spec {
    let before = (!model.published.is_empty()).then(|| model.root_sha256(model.roles["root"].version));
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
        "targets" => 700,
        "snapshot" => 600,
        _ => 500,
    };
    let line = spec.roles.entry(name.to_owned()).or_default();
    line.version = Some(role.version);
    line.expires = Some(model.date(days));
    if stated {
        (line.keys, line.threshold) = (Some(role.keys.clone()), Some(role.threshold));
    }
}

/// The next version of a role, in the room.
fn again(spec: &mut Spec, model: &Model, roles: &mut BTreeMap<String, Role>, name: &str) {
    let role = roles.get_mut(name).unwrap();
    role.version = model.roles[name].version + 1;
    sign_here(spec, model, name, role, false);
}

/// Names the keys that the file needs. Some holders stay away, as far as every threshold is met without them.
fn cast(model: &mut Model, spec: &mut Spec, after: &BTreeMap<String, Role>, gone: &BTreeSet<String>) {
    let used = model.roles.values().chain(after.values()).flat_map(|role| role.keys.clone());
    let used: BTreeSet<String> = used.collect();
    // A role may have got other keys twice.
    spec.keys.retain(|name, _| used.contains(name));
    let known: BTreeSet<String> = model.roles.values().flat_map(|role| role.keys.clone()).collect();
    for name in used {
        let line = match (known.contains(&name), model.keys.contains_key(&name)) {
            (true, _) => model.listed(&name, !gone.contains(&name)),
            (false, true) => model.brought(&name),
            (false, false) => model.made_here(&name),
        };
        spec.keys.insert(name, line);
    }
    let before = model.roles.clone();
    let names: Vec<String> = spec.keys.keys().filter(|name| known.contains(*name)).cloned().collect();
    for name in model.seed.shuffled(&names) {
        let mut without = spec.clone();
        without.keys.get_mut(&name).unwrap().store = None;
        let enough = quorums(&without, &before, after).iter().all(|q| q.signers(&without) >= q.threshold);
        if enough && model.seed.one_in(3) {
            *spec = without;
        }
    }
}

fn renewal(model: &mut Model) -> Change {
    let mut spec = empty(model, "root-renewal");
    let mut roles = model.roles.clone();
    again(&mut spec, model, &mut roles, "root");
    cast(model, &mut spec, &roles, &BTreeSet::new());
    spec.expect = Some(expected(&model.roles, &roles, &spec));
    Change { spec, roles, files: None }
}

/// One to three roles get other keys or thresholds.
fn rotation(model: &mut Model) -> Change {
    let mut spec = empty(model, "key-rotation");
    let mut roles = model.roles.clone();
    let names = ["root", "root", "targets", "snapshot", "timestamp"];
    for _ in 0..1 + model.seed.below(3) {
        let name = names[model.seed.below(names.len())];
        new_keys(model, &mut spec, &mut roles, name, &BTreeSet::new());
    }
    finish(model, &mut spec, &mut roles, &BTreeSet::new());
    Change { spec, roles, files: None }
}

/// Lost and stolen keys leave every role that lists them.
fn compromise(model: &mut Model) -> Change {
    let mut spec = empty(model, "compromise-response");
    let mut roles = model.roles.clone();
    let spare = roles["root"].keys.len() - roles["root"].threshold;
    let all: BTreeSet<String> = roles.values().flat_map(|role| role.keys.clone()).collect();
    let all: Vec<String> = all.into_iter().collect();
    let (mut gone, mut of_root) = (BTreeSet::new(), 0);
    let most = 1 + model.seed.below(2);
    for name in model.seed.shuffled(&all) {
        let in_root = roles["root"].keys.contains(&name);
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
    for name in ["root", "targets", "snapshot", "timestamp"] {
        if roles[name].keys.iter().any(|key| gone.contains(key)) {
            new_keys(model, &mut spec, &mut roles, name, &gone);
        }
    }
    finish(model, &mut spec, &mut roles, &gone);
    Change { spec, roles, files: None }
}

/// Other keys, another threshold, or both. A server's role has one or two keys, and root up to seven.
fn new_keys(
    model: &mut Model,
    spec: &mut Spec,
    roles: &mut BTreeMap<String, Role>,
    name: &str,
    gone: &BTreeSet<String>,
) {
    let online = matches!(name, "snapshot" | "timestamp");
    let old = roles[name].clone();
    let stay: Vec<String> = old.keys.iter().filter(|key| !gone.contains(*key)).cloned().collect();
    // Now and then nobody stays.
    let stay = if model.seed.one_in(5) { Vec::new() } else { model.seed.shuffled(&stay) };
    let kept = if stay.is_empty() || online { 0 } else { 1 + model.seed.below(stay.len()) };
    let mut keys = stay[..kept].to_vec();
    let (least, most) = if online { (1, 2) } else { (2, 6) };
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
            keys.push(model.make_key(if online { 'o' } else { 'k' }));
        }
    }
    let threshold = 1 + model.seed.below(keys.len());
    roles.insert(name.to_owned(), Role { version: old.version, keys, threshold });
}

/// Root, and every role that the new root forces to be signed again.
fn finish(model: &mut Model, spec: &mut Spec, roles: &mut BTreeMap<String, Role>, gone: &BTreeSet<String>) {
    again(spec, model, roles, "root");
    let changed = |name: &str| {
        roles[name].keys != model.roles[name].keys || roles[name].threshold != model.roles[name].threshold
    };
    let changed: Vec<&str> =
        ["root", "targets", "snapshot", "timestamp"].into_iter().filter(|name| changed(name)).collect();
    let mut in_room = BTreeSet::new();
    if changed.contains(&"targets") {
        in_room.extend(["targets", "snapshot", "timestamp"]);
    }
    if changed.contains(&"snapshot") {
        in_room.extend(["snapshot", "timestamp"]);
    }
    if changed.contains(&"timestamp") {
        in_room.insert("timestamp");
    }
    for name in in_room {
        again(spec, model, roles, name);
    }
    for name in changed {
        let line = spec.roles.entry(name.to_owned()).or_default();
        (line.keys, line.threshold) = (Some(roles[name].keys.clone()), Some(roles[name].threshold));
    }
    cast(model, spec, roles, gone);
    if model.seed.one_in(2) {
        spec.expect = Some(expected(&model.roles, roles, spec));
    }
}

/// Target files are added, replaced, removed, and come back.
fn signing(model: &mut Model) -> Change {
    let mut spec = empty(model, "targets-signing");
    let mut roles = model.roles.clone();
    let mut files = model.files.clone();
    for n in 0..1 + model.seed.below(3) {
        let names: Vec<String> = files.keys().cloned().collect();
        let bytes = format!("release {} of day {}", n, model.day).into_bytes();
        match model.seed.below(4) {
            0 if names.len() > 1 => {
                let name = &names[model.seed.below(names.len())];
                let bytes = files.remove(name).unwrap();
                model.removed.insert(name.clone(), bytes);
            }
            1 => drop(files.insert(names[model.seed.below(names.len())].clone(), bytes)),
            2 if !model.removed.is_empty() => files.extend(std::mem::take(&mut model.removed)),
            _ => drop(files.insert(format!("app/{}-{n}.bin", model.day), bytes)),
        }
    }
    for name in ["targets", "snapshot", "timestamp"] {
        again(&mut spec, model, &mut roles, name);
    }
    spec.roles.get_mut("targets").unwrap().files = Some("inputs/targets");
    cast(model, &mut spec, &roles, &BTreeSet::new());
    Change { spec, roles, files: Some(files) }
}

/// The lines that `expect_diff` holds, from what the test knows.
fn expected(before: &BTreeMap<String, Role>, after: &BTreeMap<String, Role>, spec: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    for name in ["root", "targets"].into_iter().filter(|name| spec.in_room().contains(name)) {
        lines.push(format!("{name}: version {} -> {}", before[name].version, after[name].version));
    }
    for (name, old) in before {
        let new = &after[name];
        if old.threshold != new.threshold {
            lines.push(format!("{name}: threshold {} -> {}", old.threshold, new.threshold));
        }
        let added =
            new.keys.iter().filter(|key| !old.keys.contains(key)).map(|key| format!("{name}: + key {key}"));
        let removed =
            old.keys.iter().filter(|key| !new.keys.contains(key)).map(|key| format!("{name}: - key {key}"));
        lines.extend(added.chain(removed));
    }
    lines
}
