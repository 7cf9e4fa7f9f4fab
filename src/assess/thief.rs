//! What a thief of some keys can make clients believe. He shows them whatever he likes: files that he signs, and
//! every file that was ever honestly signed, as long as it has not expired. What has expired, or is not here, its owners
//! sign again, and a server by itself: it keeps no thief away, and he waits for it.

use std::collections::BTreeSet;

use crate::assess::chain::Chain;
use crate::assess::chain::Holds;
use crate::assess::chain::Link;
use crate::assess::chain::holds;
use crate::assess::effect::Clients;
use crate::assess::effect::Effect;
use crate::assess::effect::Harm;
use crate::assess::effect::Until;
use crate::assess::model::Era;
use crate::assess::model::KeySet;
use crate::assess::model::Model;
use crate::assess::model::Pin;
use crate::assess::model::Signers;
use crate::assess::rules;
use crate::assess::rules::Rule;
use crate::assess::walk::Room;
use crate::assess::walk::Walk;
use crate::tuf::Date;

/// Who asks: these keys, at this time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thief<'a> {
    pub(super) model: &'a Model,
    pub(super) stolen: &'a KeySet,
    pub(super) at: Date,
    /// The clients that he is after.
    pub(super) clients: Clients,
    /// Whether to look at every target; the table of combinations does not.
    pub(super) count: bool,
    /// Whether a delegation has room for a new path, where that was asked before: it does not depend on the thief.
    pub(super) room: &'a Room,
}

impl Thief<'_> {
    /// Everything, the worst first: to clients of the newest root, then what is worse for those of older ones. He is
    /// judged by the weakest client: beside what all of them take stands what only some take.
    pub(super) fn effects(&self) -> Vec<Effect> {
        let mut effects = self.of_clients();
        for clients in [Clients::CountingKeyids, Clients::Tough] {
            if !self.may_differ(clients) {
                continue;
            }
            let weak = Thief { clients, ..*self }.of_clients();
            let covers = |a: &Effect, b: &Effect| {
                (&a.roles, &a.paths, a.clients) == (&b.roles, &b.paths, b.clients)
                    && a.harm <= b.harm
                    && a.targets >= b.targets
            };
            let known = effects.clone();
            // Of what tough does not take either there is nothing to say.
            let weak = weak.into_iter().filter(|weak| clients != Clients::Tough || weak.harm < Harm::Nothing);
            effects.extend(weak.filter(|weak| !known.iter().any(|known| covers(known, weak))));
        }
        effects.sort_by(|a, b| {
            (a.clients.is_some(), a.harm, &a.roles).cmp(&(b.clients.is_some(), b.harm, &b.roles))
        });
        effects
    }

    /// Whether what these clients take may be other than what all take.
    fn may_differ(&self, clients: Clients) -> bool {
        let again = |signers: &Signers| signers.several.keys().any(|key| self.stolen.contains(key));
        match clients {
            Clients::All => false,
            Clients::CountingKeyids => self.model.all_signers().any(again),
            Clients::Tough => {
                self.model.tough_differs && self.model.edges.iter().any(|edge| self.forges(&edge.signers))
            }
        }
    }

    /// Whether these clients take from him what these keys sign.
    pub(super) fn forges(&self, signers: &Signers) -> bool {
        signers.forged_by(self.stolen, self.clients.counts())
    }

    fn of_clients(&self) -> Vec<Effect> {
        let newest = self.model.newest();
        let mut effects = self.against(newest);
        for era in self.model.eras.iter().rev().skip(1) {
            for effect in self.against(era).into_iter().filter(|effect| effect.harm <= Harm::FastForward) {
                let known = |e: &Effect| {
                    e.harm <= Harm::AnySoftware && e.paths.is_empty() && e.harm <= effect.harm
                        || (e.harm, &e.roles) == (effect.harm, &effect.roles)
                };
                if !effects.iter().any(known) {
                    effects.push(Effect { clients: Some(era.version), ..effect });
                }
            }
        }
        effects
    }

    /// The roles for which clients of the newest root take nothing today: the thief cannot sign them, and they have
    /// expired or are not here.
    pub(super) fn expired(&self) -> Vec<String> {
        let chain = self.chain(self.model.newest());
        self.holds(&chain, &[]).map(|holds| holds.after).unwrap_or_default()
    }

    fn against(&self, era: &Era) -> Vec<Effect> {
        if self.forges(era.of("root")) {
            let all = self.effect(
                Harm::Takeover,
                &rules::ROOT,
                "root",
                Holds { until: Until::ForEver, after: Vec::new() },
            );
            return vec![Effect { targets: self.all_targets(), ..all }];
        }
        let chain = self.chain(era);
        let mut effects = self.on_everything(&chain);
        effects.extend(self.on_paths(&chain, &effects));
        effects
    }

    pub(super) fn effect(&self, harm: Harm, rule: &'static Rule, role: &str, holds: Holds) -> Effect {
        let Holds { until, after } = holds;
        let (roles, paths, needs) = (vec![role.to_owned()], Vec::new(), Vec::new());
        let taken_by = self.clients;
        Effect {
            harm,
            rule,
            roles,
            paths,
            targets: 0,
            example: None,
            until,
            after,
            needs,
            clients: None,
            taken_by,
        }
    }

    fn all_targets(&self) -> usize {
        self.model.files.values().flat_map(|file| &file.lists).collect::<BTreeSet<_>>().len()
    }

    /// A file as it was honestly signed.
    pub(super) fn honest(&self, role: &str, newest: bool) -> Link {
        match self.model.expires(role) {
            Some(date) if !date.has_passed(self.at) => Link::Honest(date),
            None if !newest => Link::Broken,
            _ => Link::Due,
        }
    }

    fn chain<'a>(&self, era: &'a Era) -> Chain<'a> {
        let newest = era.version == self.model.newest().version;
        let not_there = if newest { Link::Due } else { Link::Broken };
        let root = if era.expires.has_passed(self.at) { not_there } else { Link::Honest(era.expires) };
        let link = |role: &'static str, free: bool| {
            let forged = self.forges(era.of(role)) && (free || self.model.pin(role) == Pin::Version);
            match forged {
                true => Link::Forged,
                false if era.honest.contains(role) => self.honest(role, newest),
                false => not_there,
            }
        };
        let timestamp = link("timestamp", true);
        let snapshot = link("snapshot", timestamp == Link::Forged);
        let targets = link("targets", snapshot == Link::Forged);
        Chain { era, newest, root, timestamp, snapshot, targets }
    }

    /// How long the chain down to targets, with `more` below it, is taken; `None`: it is not.
    pub(super) fn holds(&self, chain: &Chain<'_>, more: &[(&str, Link)]) -> Option<Holds> {
        let Chain { root, timestamp, snapshot, targets, .. } = *chain;
        let top = [("root", root), ("timestamp", timestamp), ("snapshot", snapshot), ("targets", targets)];
        let links = [&top[..], more].concat();
        let broken = links.iter().any(|(_, link)| *link == Link::Broken);
        (!broken).then(|| holds(&links))
    }

    /// What the keys of the four roles do.
    fn on_everything(&self, chain: &Chain<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let forged = |link: Link| link == Link::Forged;
        if let Some(all) = self.holds(chain, &[]) {
            let effect = |harm, rule, role| self.effect(harm, rule, role, all.clone());
            if forged(chain.targets) {
                let all = effect(Harm::AnySoftware, software(chain, false), "targets");
                effects.push(Effect { targets: self.all_targets(), ..all });
            } else if forged(chain.snapshot) {
                let pinned = if forged(chain.timestamp) {
                    &rules::SNAPSHOT_AND_TIMESTAMP
                } else {
                    &rules::SNAPSHOT_NOT_PINNED
                };
                effects.push(effect(Harm::MixAndMatch, pinned, "snapshot"));
            }
            if forged(chain.timestamp) {
                let rollback = &rules::ROLLBACK_OF_NEW_CLIENTS;
                effects.push(effect(Harm::Rollback, rollback, "timestamp"));
                effects.push(effect(Harm::Freeze, &rules::TIMESTAMP_ALONE, "timestamp"));
            }
        }
        // A client keeps a timestamp before it looks at what lies below.
        let kept = [chain.timestamp, chain.snapshot];
        let taken = chain.timestamp != Link::Broken && kept.contains(&Link::Forged);
        if taken && chain.root != Link::Broken {
            let role = if forged(chain.timestamp) { "timestamp" } else { "snapshot" };
            let before = holds(&[("root", chain.root), ("timestamp", chain.timestamp)]);
            let all = Holds { until: Until::OtherKeys, ..before };
            effects.push(self.effect(Harm::FastForward, &rules::FAST_FORWARD, role, all));
        }
        for (role, rule) in [("targets", &rules::TARGETS_ALONE), ("snapshot", &rules::SNAPSHOT_ALONE)] {
            let link = if role == "targets" { chain.targets } else { chain.snapshot };
            if self.forges(chain.era.of(role)) && !forged(link) && chain.root != Link::Broken {
                let needs = self.needs(chain, role);
                // What he does not sign himself holds as long with the missing keys as without.
                let below = if role == "snapshot" { chain.targets } else { Link::Forged };
                let holds = holds(&[("root", chain.root), ("targets", below)]);
                let alone = self.effect(Harm::OneStepAway, rule, role, holds);
                effects.push(Effect { needs, ..alone });
            }
        }
        effects
    }

    /// Which keys he lacks to bring a file of `role` to clients.
    pub(super) fn needs(&self, chain: &Chain<'_>, role: &str) -> Vec<(String, u32)> {
        let snapshot_alone = self.model.pin("snapshot") == Pin::Version;
        let above: &[&str] = match role {
            "snapshot" => &["timestamp"],
            _ if snapshot_alone => &["snapshot"],
            _ => &["snapshot", "timestamp"],
        };
        let lacking = |role: &&str| {
            ((*role).to_owned(), chain.era.of(role).lacking_by(self.stolen, self.clients.counts()))
        };
        above.iter().map(lacking).filter(|(_, lacking)| *lacking > 0).collect()
    }

    /// What the keys of delegated roles do.
    fn on_paths(&self, chain: &Chain<'_>, known: &[Effect]) -> Vec<Effect> {
        if known.iter().any(|effect| effect.harm == Harm::AnySoftware) {
            return Vec::new();
        }
        let walk = Walk::new(self, chain);
        let mut effects: Vec<Effect> = Vec::new();
        let his = self.model.edges.iter().filter(|edge| self.forges(&edge.signers));
        for (edge, effect) in
            his.flat_map(|edge| walk.edge(edge).into_iter().map(move |effect| (edge, effect)))
        {
            // Bins and the like: one line for all of them. So it is with ways on which the delegations say the same.
            let alike = |e: &&mut Effect| {
                (e.harm, e.rule, e.until, &e.needs) == (effect.harm, effect.rule, effect.until, &effect.needs)
                    && (self.model.by_hash(edge) || e.roles == effect.roles)
                    && (&e.paths, &e.after) == (&effect.paths, &effect.after)
            };
            match effects.iter_mut().find(alike) {
                Some(known) => {
                    let new = effect.roles.into_iter().filter(|role| known.roles.last() != Some(role));
                    known.roles.extend(new.collect::<Vec<_>>());
                    known.targets += effect.targets;
                }
                None => effects.push(effect),
            }
        }
        effects
    }
}

/// Why clients take a targets role of his.
pub(super) fn software(chain: &Chain<'_>, delegated: bool) -> &'static Rule {
    match (chain.snapshot, chain.timestamp, delegated) {
        (Link::Forged, Link::Forged, false) => &rules::TARGETS_AND_SNAPSHOT_AND_TIMESTAMP,
        (Link::Forged, Link::Forged, true) => &rules::DELEGATION_AND_SNAPSHOT_AND_TIMESTAMP,
        (Link::Forged, _, _) => &rules::SNAPSHOT_NOT_PINNED,
        _ => &rules::TARGETS_NOT_PINNED,
    }
}
