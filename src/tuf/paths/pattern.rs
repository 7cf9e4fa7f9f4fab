//! Patterns instead of paths: which roles may sign for some path of a pattern, and whether for all of them.

use std::collections::BTreeSet;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::matches_pattern;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Because;
use crate::tuf::paths::Open;
use crate::tuf::paths::Step;
use crate::tuf::paths::Tree;
use crate::tuf::paths::follow;

/// More states than this are not looked at: then a path is taken to exist.
const MAX_STATES: usize = 20_000;
/// More ways to a role than this are not told apart.
const MAX_WAYS: usize = 64;

/// How a role was reached.
#[derive(Clone)]
struct Reached<'a> {
    /// Patterns that a path must all match, for each way to the role.
    ways: Vec<Vec<&'a str>>,
    /// Whether every path of the query may be its.
    all: bool,
}

/// Every role that may sign for some path of the pattern, in the order in which a client asks.
pub(super) fn ask(tree: &Tree, query: &str) -> Vec<Step> {
    let mut open = vec![(Open::top(), Reached { ways: vec![vec![query]], all: true })];
    let (mut visited, mut steps) = (BTreeSet::new(), Vec::<Step>::new());
    while let Some((at, reached)) = open.pop() {
        let mut step = tree.step(&at, |delegation| because(delegation, &reached));
        step.all = reached.all;
        let mut below = Vec::new();
        if let Some(by) = at.ended_by {
            step.asked = Asked::Never(by.to_owned());
        } else if !visited.insert(at.role) {
            step.asked = Asked::Before;
        } else if let Some(node) = tree.node(at.role) {
            let listed: Vec<&str> = node.targets().filter(|path| matches_pattern(query, path)).collect();
            step.lists = Some(listed.len());
            step.taken = listed.iter().filter(|path| tree.believed(path) == Some(at.role)).count();
            below = children(&mut open, &at, node.delegations.as_deref(), &reached, query);
        }
        let leaf = below.is_empty();
        open.extend(below);
        match steps.last_mut().filter(|last| leaf && together(last, &step)) {
            Some(last) => {
                last.count += 1;
                last.taken += step.taken;
                last.lists = last.lists.zip(step.lists).map(|(a, b)| a + b);
            }
            None => steps.push(step),
        }
    }
    steps
}

/// Whether two bins that follow each other differ in nothing but their number.
fn together(last: &Step, step: &Step) -> bool {
    last.because == Because::Hash
        && (last.because == step.because && last.delegator == step.delegator && last.depth == step.depth)
        && (last.terminating == step.terminating && last.asked == step.asked && last.keys == step.keys)
        && last.lists.is_some() == step.lists.is_some()
}

/// The delegations that some path of the query may follow, the first one last.
fn children<'a>(
    open: &mut [(Open<'a>, Reached<'a>)],
    at: &Open<'a>,
    delegations: Option<&'a Delegations>,
    reached: &Reached<'a>,
    query: &str,
) -> Vec<(Open<'a>, Reached<'a>)> {
    let roles = delegations.map(|delegations| delegations.roles.as_slice()).unwrap_or_default();
    let next = |(place, delegation)| Some((place, reach(delegation, reached, query)?));
    let (places, reached): (Vec<usize>, Vec<Reached<'a>>) = roles.iter().enumerate().filter_map(next).unzip();
    // A terminating delegation ends the search only for the paths that it covers.
    let mut all = reached.iter().map(|reached| reached.all);
    let mut ends = places.iter().map(|place| roles[*place].terminating && all.next().unwrap_or(false));
    let ended = ends.position(|ends| ends).and_then(|n| places.get(n)).copied();
    let mut below = Vec::new();
    let of = |delegation: &Delegation| ended.is_some_and(|place| roles[place].name == delegation.name);
    follow(&mut below, at, delegations, &places, of);
    if let Some(name) = ended.map(|place| roles[place].name.as_str()) {
        open.iter_mut().for_each(|(later, _)| later.ended_by = later.ended_by.or(Some(name)));
    }
    below.into_iter().zip(reached.into_iter().rev()).collect()
}

fn reach<'a>(delegation: &'a Delegation, reached: &Reached<'a>, query: &str) -> Option<Reached<'a>> {
    let list = match &delegation.paths {
        Paths::Patterns(list) => list,
        Paths::HashPrefixes(list) if list.is_empty() => return None,
        Paths::HashPrefixes(list) => {
            let all = reached.all && list.iter().any(String::is_empty);
            return Some(Reached { all, ..reached.clone() });
        }
        Paths::Bin { bits, .. } => {
            return Some(Reached { all: reached.all && *bits == 0, ..reached.clone() });
        }
    };
    let mut ways = Vec::new();
    for pattern in list {
        let with = |way: &Vec<&'a str>| [way.as_slice(), &[pattern]].concat();
        ways.extend(reached.ways.iter().map(with).filter(|way| meet(way)));
    }
    ways.truncate(MAX_WAYS);
    let all = reached.all && list.iter().any(|pattern| covers(pattern, query));
    (!ways.is_empty()).then_some(Reached { ways, all })
}

fn because(delegation: &Delegation, reached: &Reached<'_>) -> Because {
    match &delegation.paths {
        Paths::Patterns(list) => {
            let led =
                |pattern: &&String| reached.ways.iter().any(|way| way.last() == Some(&pattern.as_str()));
            Because::Pattern(list.iter().find(led).cloned().unwrap_or_default())
        }
        Paths::HashPrefixes(_) | Paths::Bin { .. } => Because::Hash,
    }
}

/// Whether one path can match all of these patterns.
pub(super) fn meet(patterns: &[&str]) -> bool {
    let parts: Vec<Vec<&str>> = patterns.iter().map(|pattern| pattern.split('/').collect()).collect();
    let Some(first) = parts.first() else { return true };
    let alike = parts.iter().all(|other| other.len() == first.len());
    alike && (0..first.len()).all(|n| parts_meet(&parts.iter().map(|parts| parts[n]).collect::<Vec<_>>()))
}

/// The same between two slashes: places in all patterns at once, and every character that can come next.
fn parts_meet(parts: &[&str]) -> bool {
    let tokens: Vec<Vec<char>> = parts.iter().map(|part| part.chars().collect()).collect();
    let mut seen = BTreeSet::from([vec![0; tokens.len()]]);
    let mut open: Vec<Vec<usize>> = seen.iter().cloned().collect();
    while let Some(at) = open.pop() {
        if at.iter().zip(&tokens).all(|(place, part)| *place == part.len()) || seen.len() > MAX_STATES {
            return true;
        }
        let here = |n: usize| tokens[n].get(at[n]).copied();
        let mut next = Vec::new();
        for n in (0..at.len()).filter(|n| here(*n) == Some('*')) {
            let mut past = at.clone();
            past[n] += 1;
            next.push(past);
        }
        let literals = (0..at.len()).filter_map(here).filter(|c| !['*', '?'].contains(c));
        // A character that stands in no pattern, or one that stands next in one of them.
        for c in literals.map(Some).chain([None]) {
            let step = |n: usize| match here(n) {
                Some('*') => Some(at[n]),
                Some('?') => Some(at[n] + 1),
                Some(literal) if Some(literal) == c => Some(at[n] + 1),
                _ => None,
            };
            next.extend((0..at.len()).map(step).collect::<Option<Vec<usize>>>());
        }
        open.extend(next.into_iter().filter(|state| seen.insert(state.clone())));
    }
    false
}

/// Whether every path of `inner` is one of `outer`: only said where it is sure.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    let (mut outer, mut inner) = (outer.split('/'), inner.split('/'));
    loop {
        match (outer.next(), inner.next()) {
            (None, None) => return true,
            (Some(outer), Some(inner)) if part_covers(outer, inner) => {}
            _ => return false,
        }
    }
}

/// As a path is matched, with the pattern's own `*` taken by nothing but a `*`.
fn part_covers(outer: &str, inner: &str) -> bool {
    let (outer, inner): (Vec<char>, Vec<char>) = (outer.chars().collect(), inner.chars().collect());
    let (mut o, mut i, mut star) = (0, 0, None);
    while i < inner.len() {
        match outer.get(o) {
            Some('*') => {
                star = Some((o, i));
                o += 1;
            }
            Some('?') if inner[i] != '*' => (o, i) = (o + 1, i + 1),
            Some(c) if *c != '?' && *c == inner[i] => (o, i) = (o + 1, i + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (o, i) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    outer[o..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_one_path_matches_all_of_them() {
        for (patterns, expected) in [
            (&["dev/*", "dev/*.tgz"][..], true),
            (&["dev/*", "*/tool"], true),
            (&["dev/*", "ops/*"], false),
            (&["dev/*", "*"], false),
            (&["a*", "*b", "??"], true),
            (&["a*", "*b", "?"], false),
            (&["*.tgz", "*.zip"], false),
            (&["a*b*c", "*x*", "a?c"], false),
            (&["a*b*c", "*x*", "a??c"], true),
            (&["a*b*c", "*xy*", "a??c", "*"], false),
            (&["", "*"], true),
            (&["ü?", "?é"], true),
        ] {
            assert_eq!(meet(patterns), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_pattern_covers_another_only_where_it_is_sure() {
        for (outer, inner, expected) in [
            ("dev/*", "dev/*.tgz", true),
            ("dev/*.tgz", "dev/*", false),
            ("*", "a*?", true),
            ("?", "*", false),
            ("?*", "a*", true),
            ("??", "?a", true),
            ("a", "?", false),
            ("*", "a/*", false),
            ("*b*", "*ab*", true),
        ] {
            assert_eq!(covers(outer, inner), expected, "{outer} {inner}");
        }
    }

    #[test]
    fn many_stars_end() {
        let stars = "*a".repeat(40);

        assert!(meet(&[&stars, &stars, &stars, "*b"]));
    }
}
