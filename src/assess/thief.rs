//! What a thief of some keys can make clients believe. He shows them whatever he likes: files that he signs, and
//! every file that was ever honestly signed, as long as it has not expired. What has expired, or is not here, its owners
//! sign again, and a server by itself: it keeps no thief away, and he waits for it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::assess::chain::Chain;
use crate::assess::chain::Holds;
use crate::assess::chain::Link;
use crate::assess::chain::holds;
use crate::assess::effect::Effect;
use crate::assess::effect::Harm;
use crate::assess::effect::Until;
use crate::assess::model::Counts;
use crate::assess::model::Edge;
use crate::assess::model::Era;
use crate::assess::model::KeySet;
use crate::assess::model::Model;
use crate::assess::model::Pin;
use crate::assess::model::Signers;
use crate::assess::paths::Constraints;
use crate::assess::paths::Witness;
use crate::assess::rules;
use crate::assess::rules::Rule;
use crate::tuf::Date;
use crate::tuf::delegations::Paths;

/// Who asks: these keys, at this time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thief<'a> {
    pub(super) model: &'a Model,
    pub(super) stolen: &'a KeySet,
    pub(super) at: Date,
    /// How the clients count that he is after.
    pub(super) counts: Counts,
    /// Whether to look at every target; the table of combinations does not.
    pub(super) count: bool,
    /// Whether a delegation has room for a new path, where that was asked before: it does not depend on the thief.
    pub(super) room: &'a Room,
}

/// Answers of [`Walk::room`], by the delegation's number.
pub(super) type Room = std::cell::RefCell<BTreeMap<usize, Witness>>;

impl Thief<'_> {
    /// Everything, the worst first: to clients of the newest root, then what is worse for those of older ones. He is
    /// judged by the weakest client: beside what all of them take stands what only those take that count by keyid.
    pub(super) fn effects(&self) -> Vec<Effect> {
        let mut effects = self.of_clients();
        let again = |signers: &Signers| signers.several.keys().any(|key| self.stolen.contains(key));
        if self.model.all_signers().any(again) {
            let weak = Thief { counts: Counts::Keyids, ..*self }.of_clients();
            let same = |a: &Effect, b: &Effect| {
                (a.harm, &a.roles, &a.paths, a.clients) == (b.harm, &b.roles, &b.paths, b.clients)
            };
            let known = effects.clone();
            effects.extend(weak.into_iter().filter(|weak| !known.iter().any(|known| same(known, weak))));
        }
        effects.sort_by(|a, b| {
            (a.clients.is_some(), a.harm, &a.roles).cmp(&(b.clients.is_some(), b.harm, &b.roles))
        });
        effects
    }

    /// Whether these clients take from him what these keys sign.
    fn forges(&self, signers: &Signers) -> bool {
        signers.forged_by(self.stolen, self.counts)
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

    fn effect(&self, harm: Harm, rule: &'static Rule, role: &str, holds: Holds) -> Effect {
        let Holds { until, after } = holds;
        let (roles, paths, needs) = (vec![role.to_owned()], Vec::new(), Vec::new());
        let counts = self.counts;
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
            counts,
        }
    }

    fn all_targets(&self) -> usize {
        self.model.files.values().flat_map(|file| &file.lists).collect::<BTreeSet<_>>().len()
    }

    /// A file as it was honestly signed.
    fn honest(&self, role: &str, newest: bool) -> Link {
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
    fn holds(&self, chain: &Chain<'_>, more: &[(&str, Link)]) -> Option<Holds> {
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
    fn needs(&self, chain: &Chain<'_>, role: &str) -> Vec<(String, u32)> {
        let snapshot_alone = self.model.pin("snapshot") == Pin::Version;
        let above: &[&str] = match role {
            "snapshot" => &["timestamp"],
            _ if snapshot_alone => &["snapshot"],
            _ => &["snapshot", "timestamp"],
        };
        let lacking =
            |role: &&str| ((*role).to_owned(), chain.era.of(role).lacking_by(self.stolen, self.counts));
        above.iter().map(lacking).filter(|(_, lacking)| *lacking > 0).collect()
    }

    /// What the keys of delegated roles do.
    fn on_paths(&self, chain: &Chain<'_>, known: &[Effect]) -> Vec<Effect> {
        if known.iter().any(|effect| effect.harm == Harm::AnySoftware) {
            return Vec::new();
        }
        let walk = Walk { thief: self, chain, won: std::cell::OnceCell::new() };
        let mut effects: Vec<Effect> = Vec::new();
        for edge in self.model.edges.iter().filter(|edge| self.forges(&edge.signers)) {
            let Some(effect) = walk.edge(edge) else { continue };
            // Bins and the like: one line for all of them.
            let alike = |e: &&mut Effect| {
                (e.harm, e.rule, e.until, &e.needs) == (effect.harm, effect.rule, effect.until, &effect.needs)
                    && self.model.by_hash(edge)
                    && (&e.paths, &e.after) == (&effect.paths, &effect.after)
            };
            match effects.iter_mut().find(alike) {
                Some(known) => {
                    known.roles.extend(effect.roles);
                    known.targets += effect.targets;
                }
                None => effects.push(effect),
            }
        }
        effects
    }
}

/// Why clients take a targets role of his.
fn software(chain: &Chain<'_>, delegated: bool) -> &'static Rule {
    match (chain.snapshot, chain.timestamp, delegated) {
        (Link::Forged, Link::Forged, false) => &rules::TARGETS_AND_SNAPSHOT_AND_TIMESTAMP,
        (Link::Forged, Link::Forged, true) => &rules::DELEGATION_AND_SNAPSHOT_AND_TIMESTAMP,
        (Link::Forged, _, _) => &rules::SNAPSHOT_NOT_PINNED,
        _ => &rules::TARGETS_NOT_PINNED,
    }
}

/// The tree of delegations in one era.
struct Walk<'a> {
    thief: &'a Thief<'a>,
    chain: &'a Chain<'a>,
    /// Of today's targets, how many each delegation of his wins; counted when first asked.
    won: std::cell::OnceCell<BTreeMap<usize, usize>>,
}

impl Walk<'_> {
    /// What the keys of one delegation do; `None` where a role above it is his already.
    fn edge(&self, edge: &Edge) -> Option<Effect> {
        let above = self.above(edge);
        if above.iter().any(|(link, _)| *link == Link::Forged) || self.chain.targets == Link::Forged {
            return None;
        }
        let paths: Vec<String> =
            above.iter().filter_map(|(_, edge)| Some(written(self.paths((*edge)?)))).collect();
        let paths = [paths, vec![written(self.paths(edge))]].concat();
        let base = |harm: Harm, rule: &'static Rule, holds: Holds| Effect {
            paths: paths.clone(),
            ..self.thief.effect(harm, rule, &edge.role, holds)
        };
        let root = self.chain.root_holds();
        let (won, witness) = (self.won(edge), self.room(edge));
        if won == 0 && witness == Witness::None {
            return Some(base(Harm::Nothing, &rules::SHADOWED, root));
        }
        let links = above.iter().filter_map(|(link, edge)| Some(((*edge)?.role.as_str(), *link)));
        let links: Vec<(&str, Link)> = links.collect();
        let taken = self.link(edge) == Link::Forged;
        match self.thief.holds(self.chain, &links).filter(|_| taken) {
            Some(all) => {
                let rule = software(self.chain, true);
                let example = if let Witness::Path(path) = witness { Some(path) } else { None };
                Some(Effect { targets: won, example, ..base(Harm::AnySoftware, rule, all) })
            }
            None if self.chain.root != Link::Broken && !taken => {
                let needs = self.thief.needs(self.chain, &edge.role);
                let top = [("root", self.chain.root), ("targets", self.chain.targets)];
                let holds = holds(&[&top[..], &links[..]].concat());
                Some(Effect { targets: won, needs, ..base(Harm::OneStepAway, &rules::TARGETS_ALONE, holds) })
            }
            None => None,
        }
    }

    /// Where the file of this delegation can come from.
    fn link(&self, edge: &Edge) -> Link {
        let (thief, model) = (self.thief, self.thief.model);
        let free = self.chain.snapshot == Link::Forged || model.pin(&edge.role) == Pin::Version;
        if thief.forges(&edge.signers) && free {
            Link::Forged
        } else {
            thief.honest(&edge.role, self.chain.newest)
        }
    }

    fn paths(&self, edge: &Edge) -> Option<&Paths> {
        self.thief.model.delegation(edge).map(|delegation| &delegation.paths)
    }

    /// The delegations that lead to the delegator of this one, from the top.
    fn above(&self, edge: &Edge) -> Vec<(Link, Option<&Edge>)> {
        let mut chain = Vec::new();
        let (mut role, mut seen) = (edge.delegator.as_str(), BTreeSet::new());
        while role != "targets" && seen.insert(role) {
            let Some(up) = self.thief.model.edges_to(role).next() else { break };
            chain.push((self.link(up), Some(up)));
            role = &up.delegator;
        }
        chain.reverse();
        chain
    }

    /// How many of today's targets a client would take from this delegation, once it is his.
    fn won(&self, edge: &Edge) -> usize {
        if !self.thief.count {
            return 0;
        }
        let won = self.won.get_or_init(|| {
            let mut won = BTreeMap::new();
            let lists = self.thief.model.files.values().flat_map(|file| &file.lists);
            for path in lists.collect::<BTreeSet<_>>() {
                if let Some(winner) = self.winner(path) {
                    *won.entry(winner).or_default() += 1;
                }
            }
            won
        });
        won.get(&edge.number).copied().unwrap_or(0)
    }

    /// The first delegation of his that a client comes to before it finds the path listed.
    fn winner(&self, path: &str) -> Option<usize> {
        let model = self.thief.model;
        let mut open: Vec<(&str, &str)> = vec![("root", "targets")];
        let mut seen = BTreeSet::new();
        while let Some((delegator, role)) = open.pop() {
            if !seen.insert(role) {
                continue;
            }
            let edge = model.edges_to(role).find(|edge| edge.delegator == delegator);
            if let Some(edge) = edge.filter(|edge| self.thief.forges(&edge.signers)) {
                return Some(edge.number);
            }
            if model.files.get(role).is_some_and(|file| file.lists.contains(path)) {
                return None;
            }
            let Some(delegations) = model.delegations.get(role) else { continue };
            let mut below = Vec::new();
            for delegation in delegations.matching(path).into_iter().filter_map(|i| delegations.roles.get(i))
            {
                below.push((role, delegation.name.as_str()));
                if delegation.terminating {
                    open.clear();
                    break;
                }
            }
            open.extend(below.into_iter().rev());
        }
        None
    }

    /// Whether there is a path that nobody lists yet and that clients would look for in this role.
    fn room(&self, edge: &Edge) -> Witness {
        let known = self.thief.room.borrow().get(&edge.twin).cloned();
        known.unwrap_or_else(|| {
            let found = self.search(edge);
            self.thief.room.borrow_mut().insert(edge.twin, found.clone());
            found
        })
    }

    fn search(&self, edge: &Edge) -> Witness {
        let model = self.thief.model;
        let mut constraints = Constraints::default();
        let above = self.above(edge);
        let chain: Vec<&Edge> = above.iter().filter_map(|(_, edge)| *edge).chain([edge]).collect();
        chain.iter().filter_map(|edge| self.paths(edge)).for_each(|paths| constraints.must(paths));
        // Every terminating delegation that a client meets before: beside the chain, and below those.
        for step in &chain {
            let steps = self.above(step);
            let head: Vec<&Edge> = steps.iter().filter_map(|(_, edge)| *edge).collect();
            let beside = model.edges_from(&step.delegator);
            let earlier = beside.filter(|e| e.place < step.place);
            // A thousand bins beside one another are told apart by their hashes, and never by one another.
            for sibling in earlier.filter(|sibling| !(model.by_hash(sibling) && model.by_hash(edge))) {
                self.cut(&mut constraints, &head, sibling, &mut BTreeSet::new());
            }
        }
        let listed = model.files.values().flat_map(|file| file.lists.iter().map(String::as_str));
        constraints.witness(&listed.collect())
    }

    /// What this delegation and those below it take for good.
    fn cut<'e>(
        &'e self,
        constraints: &mut Constraints,
        head: &[&'e Edge],
        edge: &'e Edge,
        seen: &mut BTreeSet<&'e str>,
    ) {
        if !seen.insert(&edge.role) {
            return;
        }
        let chain = [head, &[edge]].concat();
        if self.thief.model.delegation(edge).is_some_and(|delegation| delegation.terminating) {
            constraints.must_not(chain.iter().filter_map(|edge| self.paths(edge)));
            return;
        }
        for below in self.thief.model.edges_from(&edge.role) {
            self.cut(constraints, &chain, below, seen);
        }
    }
}

/// As the delegation writes it.
fn written(paths: Option<&Paths>) -> String {
    match paths {
        Some(Paths::Patterns(list)) => list.join(" "),
        Some(Paths::HashPrefixes(_) | Paths::Bin { .. }) => "by hash".to_owned(),
        None => String::new(),
    }
}
