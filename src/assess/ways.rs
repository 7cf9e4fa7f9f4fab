//! By which ways of delegations a client comes to a role, and what it comes to before.
//!
//! A client takes the delegations of a role in their order, each as deep as it leads before the next, and asks a role
//! once. So it comes to a role by the first way on which all delegations have the path, unless one that ends the search
//! comes before.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ops::Range;

use crate::assess::model::Edge;
use crate::assess::model::Model;

/// More ways to one role than these are not followed; the shortest are.
const MOST: usize = 40;
/// More ways to all roles than these are not followed, but one to each.
const MOST_IN_ALL: usize = 50_000;
/// More delegations than these are not looked at for what comes before one way.
const MOST_BEFORE: usize = 5_000;

/// The delegations from targets down, by their numbers.
pub(super) type Way = Vec<usize>;

/// All ways of a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    /// To each role that delegates, in the order in which a client takes them.
    to: BTreeMap<String, Vec<Way>>,
    /// Roles to which there are more than are followed.
    more: BTreeSet<String>,
    /// Roles below which a delegation ends the search.
    ending: BTreeSet<String>,
}

impl Ways {
    /// Of these delegations, which stand together by their delegator; some of them end the search.
    pub(super) fn of(
        edges: &[Edge],
        from: &BTreeMap<String, Range<usize>>,
        ends: impl Fn(&Edge) -> bool,
    ) -> Self {
        let mut ways = Self::default();
        let below = |role: &str| edges.get(from.get(role).cloned().unwrap_or_default()).unwrap_or_default();
        let mut open: VecDeque<(&str, Way)> = VecDeque::from([("targets", Vec::new())]);
        let mut all = 0;
        while let Some((role, way)) = open.pop_front() {
            let known = ways.to.entry(role.to_owned()).or_default();
            if known.len() == MOST || (all >= MOST_IN_ALL && !known.is_empty()) {
                ways.more.insert(role.to_owned());
                continue;
            }
            known.push(way.clone());
            all += 1;
            for edge in below(role).iter().filter(|edge| from.contains_key(&edge.role)) {
                let there = |number: &usize| edges.get(*number).is_some_and(|above| above.role == edge.role);
                if ways.to.get(&edge.role).is_some_and(|known| known.len() == MOST) {
                    ways.more.insert(edge.role.clone());
                } else if !way.iter().any(there) {
                    open.push_back((&edge.role, [&way[..], &[edge.number]].concat()));
                }
            }
        }
        // Numbers follow the order of the delegations of one role.
        ways.to.values_mut().for_each(|ways| ways.sort());
        let mut more: Vec<String> = ways.more.iter().cloned().collect();
        while let Some(role) = more.pop() {
            let new = below(&role).iter().filter(|edge| ways.more.insert(edge.role.clone()));
            more.extend(new.map(|edge| edge.role.clone()).collect::<Vec<_>>());
        }
        let first = edges.iter().filter(|edge| ends(edge)).map(|edge| edge.delegator.clone());
        ways.ending = above(edges, first.collect());
        ways
    }
}

/// These roles, and all that lead to them.
fn above(edges: &[Edge], roles: BTreeSet<String>) -> BTreeSet<String> {
    let mut delegators: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in edges {
        delegators.entry(&edge.role).or_default().push(&edge.delegator);
    }
    let mut open: Vec<String> = roles.iter().cloned().collect();
    let mut all = roles;
    while let Some(role) = open.pop() {
        for delegator in delegators.get(role.as_str()).into_iter().flatten() {
            if all.insert((*delegator).to_owned()) {
                open.push((*delegator).to_owned());
            }
        }
    }
    all
}

impl Model {
    /// The ways to a role that delegates; each as its delegations from targets down.
    pub(super) fn ways_to<'a>(&'a self, role: &str) -> impl Iterator<Item = Vec<&'a Edge>> {
        let ways = self.ways.to.get(role).into_iter().flatten();
        ways.map(|way| way.iter().filter_map(|number| self.edges.get(*number)).collect())
    }

    /// Whether there are more of them than are followed.
    pub(super) fn more_ways_to(&self, role: &str) -> bool {
        self.ways.more.contains(role)
    }

    /// Every way that a client takes before this one and that keeps it from the last role of this one: because the
    /// search ends there, or because it leads to that role too. Each from where it leaves this one; `None`: they are too many.
    pub(super) fn before<'a>(&'a self, way: &[&'a Edge]) -> Option<Vec<Vec<&'a Edge>>> {
        let to = way.last()?.role.as_str();
        let several = self.edges_to(to).count() > 1;
        let leading = if several { above(&self.edges, [to.to_owned()].into()) } else { BTreeSet::new() };
        let mut search = Before { model: self, to, leading, left: MOST_BEFORE, found: Vec::new() };
        let mut passed = vec!["targets"];
        for step in way {
            let earlier = self.edges_from(&step.delegator).iter().take(step.place);
            // Thousands of bins beside one another have no path in common.
            for sibling in earlier.filter(|sibling| !self.apart(sibling, step)) {
                search.go(sibling, &mut passed, &mut Vec::new())?;
            }
            passed.push(&step.role);
        }
        Some(search.found)
    }
}

struct Before<'a> {
    model: &'a Model,
    to: &'a str,
    /// The roles that lead to that one, where several delegate to it.
    leading: BTreeSet<String>,
    left: usize,
    found: Vec<Vec<&'a Edge>>,
}

impl<'a> Before<'a> {
    fn go(&mut self, edge: &'a Edge, passed: &mut Vec<&'a str>, way: &mut Vec<&'a Edge>) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        way.push(edge);
        let role = edge.role.as_str();
        if self.model.terminates(edge) || role == self.to {
            self.found.push(way.clone());
        } else if !passed.contains(&role)
            && (self.model.ways.ending.contains(role) || self.leading.contains(role))
        {
            passed.push(role);
            for below in self.model.edges_from(role) {
                self.go(below, passed, way)?;
            }
            passed.pop();
        }
        way.pop();
        Some(())
    }
}
