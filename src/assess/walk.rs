//! What a thief does with the keys of delegated roles: on which ways clients come to them, and for which paths.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::assess::chain::Chain;
use crate::assess::chain::Holds;
use crate::assess::chain::Link;
use crate::assess::chain::holds;
use crate::assess::effect::Clients;
use crate::assess::effect::Effect;
use crate::assess::effect::Harm;
use crate::assess::model::Edge;
use crate::assess::model::Model;
use crate::assess::model::Pin;
use crate::assess::paths::Constraints;
use crate::assess::paths::Witness;
use crate::assess::rules;
use crate::assess::rules::Rule;
use crate::assess::thief::Thief;
use crate::assess::thief::software;
use crate::assess::ways::Way;
use crate::tuf::delegations::Paths;

/// Answers of [`Walk::room`], by the number of the delegation, the place of the way to it, and the clients.
pub(super) type Room = RefCell<BTreeMap<(usize, usize, Clients), Witness>>;

/// The tree of delegations in one era.
pub(super) struct Walk<'a> {
    thief: &'a Thief<'a>,
    model: &'a Model,
    chain: &'a Chain<'a>,
    /// Of today's targets, how many each way to a delegation of his wins; counted when first asked.
    won: OnceCell<BTreeMap<Way, usize>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(thief: &'a Thief<'a>, chain: &'a Chain<'a>) -> Self {
        Self { thief, model: thief.model, chain, won: OnceCell::new() }
    }

    /// What the keys of one delegation do, by each way to it on which no role is his already.
    pub(super) fn edge(&self, edge: &Edge) -> Vec<Effect> {
        if self.chain.targets == Link::Forged {
            return Vec::new();
        }
        let (mut effects, mut nothing) = (Vec::new(), None);
        for (nth, mut way) in self.model.ways_to(&edge.delegator).enumerate() {
            let links: Vec<(&str, Link)> = way.iter().map(|it| (it.role.as_str(), self.link(it))).collect();
            if links.iter().any(|(_, link)| *link == Link::Forged) {
                continue;
            }
            way.push(edge);
            match self.by(&way, nth, edge, &links) {
                Some(effect) if effect.harm == Harm::Nothing => nothing = nothing.or(Some(effect)),
                other => effects.extend(other),
            }
        }
        if effects.is_empty() {
            effects.extend(nothing);
        }
        effects
    }

    /// The same by one way, which ends with that delegation.
    fn by(&self, way: &[&Edge], nth: usize, edge: &Edge, above: &[(&str, Link)]) -> Option<Effect> {
        let paths: Vec<String> = way.iter().map(|edge| written(self.paths(edge))).collect();
        let base = |harm: Harm, rule: &'static Rule, holds: Holds| Effect {
            paths: paths.clone(),
            ..self.thief.effect(harm, rule, &edge.role, holds)
        };
        let root = self.chain.root_holds();
        let (won, witness) = (self.won(way), self.room(way, nth, edge));
        let none = match witness {
            Witness::None => won == 0,
            Witness::Today => self.thief.count && won == 0,
            Witness::Path(_) | Witness::Some => false,
        };
        if none {
            return Some(base(Harm::Nothing, &rules::SHADOWED, root));
        }
        let taken = self.link(edge) == Link::Forged;
        match self.thief.holds(self.chain, above).filter(|_| taken) {
            Some(all) => {
                let rule = software(self.chain, true);
                let example = if let Witness::Path(path) = witness { Some(path) } else { None };
                Some(Effect { targets: won, example, ..base(Harm::AnySoftware, rule, all) })
            }
            None if self.chain.root != Link::Broken && !taken => {
                let needs = self.thief.needs(self.chain, &edge.role);
                let top = [("root", self.chain.root), ("targets", self.chain.targets)];
                let holds = holds(&[&top[..], above].concat());
                Some(Effect { targets: won, needs, ..base(Harm::OneStepAway, &rules::TARGETS_ALONE, holds) })
            }
            None => None,
        }
    }

    /// Where the file of this delegation can come from.
    fn link(&self, edge: &Edge) -> Link {
        let free = self.chain.snapshot == Link::Forged || self.model.pin(&edge.role) == Pin::Version;
        if self.thief.forges(&edge.signers) && free {
            Link::Forged
        } else {
            self.thief.honest(&edge.role, self.chain.newest)
        }
    }

    fn paths(&self, edge: &Edge) -> Option<&'a Paths> {
        self.model.delegation(edge).map(|delegation| &delegation.paths)
    }

    /// How many of today's targets a client would take from the last delegation of this way, once it is his.
    fn won(&self, way: &[&Edge]) -> usize {
        if !self.thief.count {
            return 0;
        }
        let won = self.won.get_or_init(|| {
            let mut won = BTreeMap::new();
            let his = |edge: &Edge, _: &[usize]| self.thief.forges(&edge.signers);
            for path in self.listed().collect::<BTreeSet<_>>() {
                if let Some(way) = self.follow(path, his) {
                    *won.entry(way).or_default() += 1;
                }
            }
            won
        });
        let way: Way = way.iter().map(|edge| edge.number).collect();
        won.get(&way).copied().unwrap_or(0)
    }

    /// All target paths of today.
    fn listed(&self) -> impl Iterator<Item = &'a String> {
        self.model.files.values().flat_map(|file| &file.lists)
    }

    /// The way to the first delegation that is `enough`, of those that a client comes to before it finds the path listed.
    fn follow(&self, path: &str, enough: impl Fn(&Edge, &[usize]) -> bool) -> Option<Way> {
        let mut open: Vec<(&str, Way)> = vec![("targets", Vec::new())];
        let mut seen = BTreeSet::new();
        while let Some((role, way)) = open.pop() {
            if !seen.insert(role) {
                continue;
            }
            let edge = way.last().and_then(|number| self.model.edges.get(*number));
            if edge.is_some_and(|edge| enough(edge, &way)) {
                return Some(way);
            }
            if self.model.files.get(role).is_some_and(|file| file.lists.contains(path)) {
                return None;
            }
            let Some(delegations) = self.model.delegations.get(role) else { continue };
            let places = match self.thief.clients {
                Clients::All | Clients::CountingKeyids => delegations.matching(path),
                Clients::Tough => delegations.matching_in_tough(path),
            };
            let below = self.model.edges_from(role);
            let mut next = Vec::new();
            for edge in places.into_iter().filter_map(|place| below.get(place)) {
                next.push((edge.role.as_str(), [&way[..], &[edge.number]].concat()));
                if self.model.terminates(edge) {
                    open.clear();
                    break;
                }
            }
            open.extend(next.into_iter().rev());
        }
        None
    }

    /// Whether there is a path for which clients would come to this role by this way.
    fn room(&self, way: &[&Edge], nth: usize, edge: &Edge) -> Witness {
        let asked = (edge.twin, nth, self.thief.clients);
        let known = self.thief.room.borrow().get(&asked).cloned();
        known.unwrap_or_else(|| {
            let found = match self.search(way, edge) {
                // Not every way is tried.
                Witness::None if self.model.more_ways_to(&edge.delegator) => Witness::Some,
                found => found,
            };
            self.thief.room.borrow_mut().insert(asked, found.clone());
            found
        })
    }

    fn search(&self, way: &[&Edge], edge: &Edge) -> Witness {
        // A client that comes back to a role does not ask it again.
        if way.iter().rev().skip(1).any(|above| above.role == edge.role) {
            return Witness::None;
        }
        let mut constraints = Constraints::of(self.thief.clients);
        way.iter().filter_map(|edge| self.paths(edge)).for_each(|paths| constraints.must(paths));
        let Some(before) = self.model.before(way) else { return Witness::Some };
        for earlier in before {
            constraints.must_not(earlier.iter().filter_map(|edge| self.paths(edge)));
        }
        let numbers: Way = way.iter().map(|edge| edge.number).collect();
        let comes = |path: &String| self.follow(path, |_, way| way == numbers).is_some();
        let listed = |path: &str| self.model.files.values().any(|file| file.lists.contains(path));
        match constraints.witness(&listed) {
            Witness::None if self.listed().any(comes) => Witness::Today,
            found => found,
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
