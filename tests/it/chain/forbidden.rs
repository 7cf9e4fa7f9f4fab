//! Every forbidden variation of a valid change, and the rule that refuses it.

mod delegates;

use std::collections::BTreeMap;

use keyrite::plan::Plan;
use keyrite::plan::Step;
use keyrite::plan::Verb;

use super::change::Change;
use super::change::Quorum;
use super::change::key_lines;
use super::change::quorums;
use super::model::Model;
use super::model::Role;
use super::model::TOP;
use super::spec::Spec;

/// One mistake in an otherwise valid file.
pub(super) struct Variation {
    pub(super) name: &'static str,
    pub(super) spec: Spec,
    pub(super) rule: &'static str,
}

/// Every variation that applies to this change. `plan` is the valid file as it was read.
pub(super) fn variations(model: &Model, change: &Change, plan: &Plan) -> Vec<Variation> {
    let mut all = Variations { change, before: &model.state.roles, all: Vec::new() };
    all.scripts(plan);
    all.versions();
    all.pins(model);
    all.keys(model);
    all.types();
    all.incident();
    all.expectation(plan);
    delegates::variations(&mut all);
    all.all
}

struct Variations<'a> {
    change: &'a Change,
    before: &'a BTreeMap<String, Role>,
    all: Vec<Variation>,
}

/// A step as a file writes it.
fn line(step: &Step) -> String {
    let roles = |roles: &[String]| format!("roles: [{}]", roles.join(", "));
    let more = match &step.verb {
        Verb::GenerateKey(key) => format!("key: {key}"),
        Verb::Sign { key, roles: of } => format!("key: {key}, {}", roles(of)),
        Verb::Build(of) | Verb::Review(of) | Verb::Verify(of) => roles(of),
        Verb::ReadAloud(subject) => match subject {
            keyrite::plan::step::Subject::Plan => "what: plan".to_owned(),
            keyrite::plan::step::Subject::Journal => "what: journal".to_owned(),
            keyrite::plan::step::Subject::Role(role) => format!("what: {role}"),
        },
        _ => String::new(),
    };
    let more = if more.is_empty() { more } else { format!(", {more}") };
    format!("do: {}, id: {}{more}", step.verb.name(), step.id)
}

impl Variations<'_> {
    /// Whether a role that snapshot lists is signed here.
    fn lists_files(&self) -> bool {
        let spec = &self.change.spec;
        spec.in_room().contains(&"targets") || !spec.delegates().is_empty()
    }

    fn add(&mut self, name: &'static str, rule: &'static str, spoil: impl FnOnce(&mut Spec)) {
        let mut spec = self.change.spec.clone();
        spoil(&mut spec);
        self.all.push(Variation { name, spec, rule });
    }

    fn script(&mut self, name: &'static str, rule: &'static str, steps: &[Step]) {
        let lines = steps.iter().map(line).collect();
        self.add(name, rule, |spec| spec.steps = Some(lines));
    }

    /// Steps in a wrong order, and signatures that are missing.
    fn scripts(&mut self, plan: &Plan) {
        let steps = &plan.steps;
        let first = |is: &dyn Fn(&Verb) -> bool| steps.iter().position(|step| is(&step.verb));
        let moved = |from: usize, to: usize| {
            let mut steps = steps.clone();
            let step = steps.remove(from);
            steps.insert(to, step);
            steps
        };
        let sign = |verb: &Verb| matches!(verb, Verb::Sign { .. });
        let (Some(gate), Some(build), Some(review), Some(signs), Some(verify), Some(export)) = (
            first(&|verb| matches!(verb, Verb::Gate)),
            first(&|verb| matches!(verb, Verb::Build(_))),
            first(&|verb| matches!(verb, Verb::Review(_))),
            first(&sign),
            first(&|verb| matches!(verb, Verb::Verify(_))),
            first(&|verb| matches!(verb, Verb::Export(_))),
        ) else {
            return;
        };
        self.script("sign before build", "SIGN-AFTER-BUILD", &moved(signs, build));
        self.script("sign before review", "SIGN-AFTER-REVIEW", &moved(signs, review));
        self.script("sign before gate", "NOTHING-IRREVERSIBLE-BEFORE-GATE", &moved(gate, signs));
        self.script("verify before sign", "VERIFY-AFTER-THRESHOLD", &moved(verify, signs));
        self.script("export before verify", "EXPORT-AFTER-VERIFY", &moved(export, verify));
        let readback = export + 1;
        self.script("read back before export", "READBACK-AFTER-EXPORT", &moved(readback, export));
        if let Some(generate) = first(&|verb| matches!(verb, Verb::GenerateKey(_))) {
            let steps = moved(generate, gate);
            self.script("generate before gate", "NOTHING-IRREVERSIBLE-BEFORE-GATE", &steps);
        }
        let snapshot = first(&|verb| matches!(verb, Verb::Build(roles) if roles == &["snapshot"]));
        if let (Some(snapshot), true) = (snapshot, self.lists_files()) {
            self.script("snapshot before targets", "BUILD-AFTER-WHAT-IT-DESCRIBES", &moved(snapshot, build));
        }
        for quorum in quorums(&self.change.spec, self.before, &self.change.after.roles) {
            self.one_less(steps, &quorum);
        }
        if self.change.spec.in_room().contains(&"root") {
            let (old, new) = (&self.before["root"], &self.change.after.roles["root"]);
            self.only("only new keys sign", steps, new, old);
            self.only("only old keys sign", steps, old, new);
        }
    }

    /// All sign except so many keys of a quorum that one signature is missing.
    fn one_less(&mut self, steps: &[Step], quorum: &Quorum) {
        let mut left = quorum.threshold - 1;
        let mut without = Vec::new();
        for step in steps {
            let mut step = step.clone();
            if let Verb::Sign { key, roles } = &mut step.verb
                && quorum.keys.contains(key)
                && roles.contains(&quorum.role)
            {
                if left == 0 {
                    roles.retain(|role| *role != quorum.role);
                    if roles.is_empty() {
                        continue;
                    }
                } else {
                    left -= 1;
                }
            }
            without.push(step);
        }
        let old = quorum.role == "root" && quorum.keys == self.before["root"].keys;
        let name = match quorum.role.as_str() {
            "root" if old => "one signature less: the old root",
            "root" => "one signature less: the new root",
            "targets" => "one signature less: targets",
            "snapshot" | "timestamp" => "one signature less: online",
            _ => "one signature less: a delegate",
        };
        self.script(name, "VERIFY-AFTER-THRESHOLD", &without);
    }

    /// Root is signed only by keys of one root that the other does not list.
    fn only(&mut self, name: &'static str, steps: &[Step], by: &Role, not_by: &Role) {
        let alone = |key: &String| by.keys.contains(key) && !not_by.keys.contains(key);
        if !by.keys.iter().any(alone) {
            return;
        }
        let mut spoiled = Vec::new();
        for step in steps {
            let mut step = step.clone();
            if let Verb::Sign { key, roles } = &mut step.verb {
                if !alone(key) {
                    roles.retain(|role| role != "root");
                }
                if roles.is_empty() {
                    continue;
                }
            }
            spoiled.push(step);
        }
        self.script(name, "VERIFY-AFTER-THRESHOLD", &spoiled);
    }

    fn versions(&mut self) {
        let roles: Vec<String> = self.change.spec.in_room().into_iter().map(str::to_owned).collect();
        for role in roles {
            let version = self.before.get(&role).map_or(0, |role| role.version);
            let rule = if version == 0 { "FIRST-VERSION-IS-1" } else { "VERSION-NEXT" };
            let mut to = |name, version| {
                self.add(name, rule, |spec| spec.roles.get_mut(&role).unwrap().version = Some(version));
            };
            to("a version jumps", version + 2);
            if version > 0 {
                to("a version is repeated", version);
            }
            if version > 1 {
                to("a version falls", version - 1);
            }
        }
    }

    fn pins(&mut self, model: &Model) {
        self.add("another root_sha256", "BEFORE-PINNED", |spec| spec.before = Some("ab".repeat(32)));
        let version = self.before["root"].version;
        if version > 1 {
            let older = model.root_sha256(version - 1);
            self.add("an older root is pinned", "BEFORE-PINNED", |spec| spec.before = Some(older));
        }
    }

    fn keys(&mut self, model: &Model) {
        let spec = &self.change.spec;
        let listed: Vec<String> = spec
            .keys
            .iter()
            .filter(|(_, key)| key.keyid.is_some() && key.public.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        if let [one, other, ..] = listed.as_slice() {
            let keyid = model.keys[other].keyid.clone();
            self.add("a key under another's keyid", "KEYID-ONCE", |spec| {
                spec.keys.get_mut(one).unwrap().keyid = Some(keyid);
            });
            self.add("a keyid that nobody has", "KEYID-IN-BEFORE", |spec| {
                spec.keys.get_mut(one).unwrap().keyid = Some("cd".repeat(32));
            });
        }
        let brought = spec.keys.iter().find(|(_, key)| key.public.is_some()).map(|(name, _)| name.clone());
        if let Some(brought) = brought {
            self.add("a new key under a foreign keyid", "PUBLIC-KEY-READABLE", |spec| {
                spec.keys.get_mut(&brought).unwrap().keyid = Some("cd".repeat(32));
            });
        }
        self.stores();
        let line = spec.roles.get("targets");
        let (old, new) = (&self.before["targets"], &self.change.after.roles["targets"]);
        let nobody_stays = !new.keys.iter().any(|key| old.keys.contains(key));
        let signed = line.is_some_and(|line| line.keys.is_some() && line.version.is_some());
        if signed && nobody_stays && spec.delegates().is_empty() && spec.stated().next().is_none() {
            self.add("a coupled change is left out", "COUPLED-RESIGN", |spec| {
                let line = spec.roles.get_mut("targets").unwrap();
                (line.version, line.expires) = (None, None);
                for role in ["snapshot", "timestamp"] {
                    let line = spec.roles.get_mut(role).unwrap();
                    (line.version, line.expires) = (None, None);
                    if line.keys.is_none() {
                        spec.roles.remove(role);
                    }
                }
            });
        }
    }

    /// Too few of the old keys, and of the new ones, have a store.
    fn stores(&mut self) {
        let after = &self.change.after.roles;
        for (n, quorum) in quorums(&self.change.spec, self.before, after).into_iter().enumerate() {
            let old = n == 0 && quorum.role == "root";
            let mut spec = self.change.spec.clone();
            let mut signers: Vec<String> =
                quorum.keys.iter().filter(|key| spec.signs(key)).cloned().collect();
            // Those who leave first, so that the new root alone would be content where that is possible.
            signers.sort_by_key(|key| after[&quorum.role].keys.contains(key));
            let too_many = signers.len() + 1 - quorum.threshold;
            for key in &signers[..too_many] {
                let line = spec.keys.get_mut(key).unwrap();
                if line.generate.is_some() {
                    return;
                }
                line.store = None;
            }
            let short: Vec<Quorum> = quorums(&spec, self.before, after)
                .into_iter()
                .enumerate()
                .filter(|(n, quorum)| {
                    quorum.signers(&spec) < quorum.threshold && !(*n == 0 && quorum.role == "root")
                })
                .map(|(_, quorum)| quorum)
                .collect();
            let (name, rule) = match (old, short.is_empty()) {
                (true, true) => ("the old keys have no store", "ROOT-SIGNED-BY-OLD-AND-NEW"),
                _ => ("too few keys have a store", "THRESHOLD-REACHABLE"),
            };
            self.all.push(Variation { name, spec, rule });
        }
    }

    fn types(&mut self) {
        let spec = &self.change.spec;
        // The same keys in another order are no change.
        let changes =
            |role: &&str| !key_lines("", &self.before[*role], &self.change.after.roles[*role]).is_empty();
        if spec.kind == "key-rotation" && TOP.iter().any(changes) {
            self.add("a rotation is called a renewal", "TYPE-ALLOWS", |spec| {
                spec.kind = "root-renewal";
                spec.expect = None;
            });
        }
        if spec.kind == "key-rotation" && spec.in_room().contains(&"targets") {
            self.add("files in a rotation", "TYPE-ALLOWS", |spec| {
                spec.roles.get_mut("targets").unwrap().files = Some("inputs/keys".to_owned());
            });
        }
        if spec.kind == "targets-signing" {
            self.add("a root in a targets-signing", "TYPE-ALLOWS", |spec| {
                let root = spec.roles["snapshot"].clone();
                spec.roles.insert("root".to_owned(), root);
            });
            self.add("files signed under the type of a renewal", "ROOT-IN-ROOM", |spec| {
                spec.kind = "root-renewal";
            });
        }
    }

    fn incident(&mut self) {
        let spec = &self.change.spec;
        let gone: Vec<String> = spec.lost.iter().chain(&spec.stolen).cloned().collect();
        let Some(key) = gone.iter().find(|key| self.before["root"].keys.contains(key)) else { return };
        let mut keys = self.change.after.roles["root"].keys.clone();
        keys.push(key.clone());
        self.add("a lost or stolen key is still listed", "INCIDENT-KEY-LEAVES", |spec| {
            spec.roles.get_mut("root").unwrap().keys = Some(keys);
        });
        self.add("a key of the incident is not named", "INCIDENT-KEYS", |spec| drop(spec.keys.remove(key)));
        self.stolen_is_needed();
    }

    /// As many old keys sign as must, and one of them is in a thief's hands.
    fn stolen_is_needed(&mut self) {
        let (old, spec) = (&self.before["root"], &self.change.spec);
        let Some(stolen) = spec.stolen.iter().find(|key| old.keys.contains(key)).cloned() else { return };
        let mut spec = spec.clone();
        spec.keys.get_mut(&stolen).unwrap().store = Some("age:inputs/keys/stolen.age".to_owned());
        let trusted: Vec<String> =
            old.keys.iter().filter(|key| **key != stolen && spec.signs(key)).cloned().collect();
        let mut leave = trusted.len() + 1 - old.threshold;
        for key in trusted {
            let mut without = spec.clone();
            without.keys.get_mut(&key).unwrap().store = None;
            let others = quorums(&without, self.before, &self.change.after.roles);
            let others_hold = others[1..].iter().all(|quorum| quorum.signers(&without) >= quorum.threshold);
            if leave > 0 && others_hold {
                (spec, leave) = (without, leave - 1);
            }
        }
        if leave == 0 {
            self.all.push(Variation { name: "a stolen key is needed", spec, rule: "STOLEN-KEY-NOT-NEEDED" });
        }
    }

    fn expectation(&mut self, plan: &Plan) {
        if !self.change.hashed().is_empty() {
            return;
        }
        let lines: Vec<String> = plan
            .changes
            .iter()
            .flat_map(|section| &section.changes)
            .map(|change| change.line.clone())
            .collect();
        let mut more = lines.clone();
        more.push("root: + key mallory".to_owned());
        self.add("a change is expected that does not happen", "DIFF-AS-EXPECTED", |spec| {
            spec.expect = Some(more)
        });
        let version = lines.iter().position(|line| line.contains(": version "));
        if let Some(version) = version {
            let mut less = lines;
            less.remove(version);
            let rule = "DIFF-AS-EXPECTED";
            self.add("a change happens that is not expected", rule, |spec| spec.expect = Some(less));
        }
    }
}
