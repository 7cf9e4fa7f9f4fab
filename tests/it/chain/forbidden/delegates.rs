//! What is forbidden where delegations, delegates and the types of ceremonies meet.

use std::collections::BTreeSet;

use super::Variations;
use crate::chain::model::TOP;
use crate::chain::spec::DelegationLine;
use crate::chain::spec::RoleLine;
use crate::chain::spec::Spec;

/// Every variation that applies to this change.
pub(super) fn variations(all: &mut Variations<'_>) {
    all.delegations();
    all.left_out();
    all.other_types();
    all.gone_keys();
}

/// The delegations that a role states.
fn lines<'a>(spec: &'a mut Spec, delegator: &str) -> &'a mut Vec<DelegationLine> {
    spec.roles.get_mut(delegator).unwrap().delegations.as_mut().unwrap()
}

impl Variations<'_> {
    /// The role that states what it delegates, where one does.
    fn delegator(&self) -> Option<String> {
        let mut roles = self.change.spec.roles.iter();
        roles.find(|(_, line)| line.delegations.is_some()).map(|(name, _)| name.clone())
    }

    /// Entries that are no delegation.
    fn delegations(&mut self) {
        let Some(delegator) = self.delegator() else { return };
        self.add("who delegates anew does not sign anew", "DELEGATIONS-IN-ROOM", |spec| {
            let line = spec.roles.get_mut(&delegator).unwrap();
            (line.version, line.expires) = (None, None);
        });
        if lines(&mut self.change.spec.clone(), &delegator).is_empty() {
            return;
        }
        let mut entry = |name, rule, spoil: fn(&mut DelegationLine)| {
            self.add(name, rule, |spec| spoil(&mut lines(spec, &delegator)[0]));
        };
        entry("a delegate's threshold cannot be met", "THRESHOLD-WITHIN-KEYS", |line| {
            line.threshold = line.keys.len() + 1;
        });
        entry("anyone signs for a delegate", "THRESHOLD-AT-LEAST-1", |line| line.threshold = 0);
        entry("a delegate lists a key twice", "ROLE-KEY-ONCE", |line| line.keys.push(line.keys[0].clone()));
        entry("a delegate lists an unknown key", "ROLE-KEY-KNOWN", |line| {
            line.keys.push("mallory".to_owned())
        });
        entry("a delegate may sign for nothing", "PATHS-NAMED", |line| line.paths.clear());
        self.add("a role is delegated to twice", "DELEGATION-NAME-ONCE", |spec| {
            let lines = lines(spec, &delegator);
            lines.push(lines[0].clone());
        });
        self.add("a delegate is called as a top-level role", "DELEGATION-NAME", |spec| {
            let keys = lines(spec, &delegator)[0].clone();
            lines(spec, &delegator).push(DelegationLine { name: "snapshot".to_owned(), ..keys });
        });
    }

    /// Delegates that are not signed here, and must be.
    fn left_out(&mut self) {
        let spec = &self.change.spec;
        let stated: Vec<String> = spec.stated().map(|line| line.name.clone()).collect();
        for name in stated {
            let Some(line) = spec.roles.get(&name) else { continue };
            let new = &self.change.after.roles[&name];
            let (what, rule) = match self.before.get(&name) {
                None => ("a new delegate has no metadata", "DELEGATE-HAS-METADATA"),
                Some(old) if new.keys.iter().filter(|key| old.keys.contains(key)).count() < new.threshold => {
                    ("a delegate's keys change and it is not signed again", "COUPLED-RESIGN")
                }
                Some(_) => continue,
            };
            if line.delegations.is_none() {
                self.add(what, rule, |spec| {
                    spec.roles.remove(&name);
                    spec.expect = None;
                });
            }
        }
        self.add("a role that nobody delegates to", "ROLE-DELEGATED", |spec| {
            let expires = spec.roles.values().find_map(|line| line.expires.clone());
            let line = RoleLine { version: Some(1), expires, ..RoleLine::default() };
            spec.roles.insert("nobody".to_owned(), line);
        });
    }

    /// What another type may change, or none.
    fn other_types(&mut self) {
        let spec = &self.change.spec;
        let kind = spec.kind;
        if matches!(kind, "delegation-change" | "targets-signing") {
            for role in ["targets", "snapshot", "timestamp"] {
                let keys = self.before["root"].keys.clone();
                self.add("keys of a top-level role without a root", "TYPE-ALLOWS", |spec| {
                    let line = spec.roles.entry(role.to_owned()).or_default();
                    (line.keys, line.threshold) = (Some(keys), Some(1));
                });
            }
        }
        if kind == "delegation-change" {
            if self.delegator().is_some_and(|role| !self.change.after.delegates(&role).is_empty()) {
                let delegator = self.delegator().unwrap();
                self.add("a delegate loses the path of its files", "FILES-WITHIN-PATHS", |spec| {
                    lines(spec, &delegator)[0].paths = vec!["elsewhere/*".to_owned()];
                    spec.expect = None;
                });
            }
            self.add("a root in a delegation-change", "TYPE-ALLOWS", |spec| {
                let root = spec.roles["snapshot"].clone();
                spec.roles.insert("root".to_owned(), root);
            });
            self.add("a delegation-change is called a targets-signing", "TYPE-ALLOWS", |spec| {
                spec.kind = "targets-signing";
                // Without it a new delegate is one more whose files change.
                spec.expect = None;
            });
            self.add("a delegation-change is called a renewal", "ROOT-IN-ROOM", |spec| {
                spec.kind = "root-renewal";
            });
            let known: Vec<String> = self.change.spec.in_room().into_iter().map(str::to_owned).collect();
            let lists = |role: &&String| !matches!(role.as_str(), "snapshot" | "timestamp");
            for role in known.iter().filter(lists).filter(|role| self.before.contains_key(*role)) {
                self.add("files of a role that exists in a delegation-change", "TYPE-ALLOWS", |spec| {
                    spec.roles.get_mut(role).unwrap().files = Some("inputs/keys".to_owned());
                });
            }
            return;
        }
        let delegate = spec.delegates().first().map(|role| (*role).to_owned());
        if let (Some(role), "targets-signing") = (delegate, kind) {
            self.add("a delegate signs files outside its paths", "FILES-WITHIN-PATHS", |spec| {
                spec.roles.get_mut(&role).unwrap().files = Some("inputs/metadata".to_owned());
            });
        }
        // Someone else is delegated to, where the type does not say so.
        let targets = self.change.spec.in_room().contains(&"targets");
        if targets && kind != "root-genesis" {
            let spec = &self.change.spec;
            let keys: Vec<String> = spec.keys.keys().filter(|key| spec.signs(key)).take(1).cloned().collect();
            self.add("a delegation in another type", "TYPE-ALLOWS", |spec| {
                let line = spec.roles.get_mut("targets").unwrap();
                let (name, paths) = ("mallory".to_owned(), vec!["*".to_owned()]);
                let new = DelegationLine { name, keys, threshold: 1, paths, terminating: true };
                line.delegations.get_or_insert_default().push(new);
                let (version, expires) = (Some(1), line.expires.clone());
                let line = RoleLine { version, expires, ..RoleLine::default() };
                spec.roles.insert("mallory".to_owned(), line);
            });
        }
    }

    /// Lost and stolen keys that some role would still list: stated again, or simply not mentioned.
    fn gone_keys(&mut self) {
        let (spec, before) = (&self.change.spec, self.before);
        let rule = "INCIDENT-KEY-LEAVES";
        let gone: Vec<String> = spec.lost.iter().chain(&spec.stolen).cloned().collect();
        for key in gone {
            let lists = |role: &str| before.get(role).is_some_and(|role| role.keys.contains(&key));
            for role in TOP.into_iter().filter(|role| *role != "root" && lists(role)) {
                let signers = before[role].keys.iter().filter(|key| spec.signs(key)).count();
                let in_room = spec.in_room().contains(&role);
                if !in_room || signers >= before[role].threshold {
                    self.add("a role with a lost or stolen key carries over", rule, |spec| {
                        let line = spec.roles.get_mut(role).unwrap();
                        (line.keys, line.threshold) = (None, None);
                        leave_out_unused(spec);
                    });
                }
            }
            for (delegator, line) in &spec.roles {
                let stated: Vec<&String> = line.delegations.iter().flatten().map(|line| &line.name).collect();
                let names: Vec<&String> = stated.iter().copied().filter(|name| lists(name)).collect();
                if names.is_empty() {
                    continue;
                }
                self.add("a delegate lists a lost or stolen key", rule, |spec| {
                    let lines = lines(spec, delegator).iter_mut();
                    lines
                        .filter(|line| names.contains(&&line.name))
                        .for_each(|line| line.keys.push(key.clone()));
                });
                let delegates_on =
                    |name: &&&String| spec.roles.get(**name).is_some_and(|line| line.delegations.is_some());
                if !stated.iter().any(|name| delegates_on(&name)) {
                    self.add("a delegate with a lost or stolen key carries over", rule, |spec| {
                        spec.roles.get_mut(delegator).unwrap().delegations = None;
                        spec.roles.retain(|name, _| !stated.contains(&name));
                        leave_out_unused(spec);
                    });
                }
            }
        }
    }
}

/// New keys that no role lists would be a mistake of their own.
fn leave_out_unused(spec: &mut Spec) {
    let stated = spec.stated().flat_map(|line| line.keys.clone());
    let mut used: BTreeSet<String> =
        spec.roles.values().flat_map(|line| line.keys.clone()).flatten().collect();
    used.extend(stated);
    spec.keys.retain(|name, line| used.contains(name) || (line.public.is_none() && line.generate.is_none()));
}
