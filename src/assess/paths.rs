//! Whether a role is ever asked for a path: patterns above it must match, and no earlier terminating delegation may.
//!
//! Patterns are finite automata, so the question has an exact answer: the shortest path that does it, or none.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use crate::assess::effect::Clients;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::matches_in_tough;
use crate::tuf::delegations::matches_pattern;

/// More states than these are not tried: then the answer is that there may be one.
const MOST_STATES: usize = 4_000;

/// Is there a path?
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Witness {
    /// The shortest one.
    Path(String),
    /// Yes, by hash, or it is too much to tell.
    Some,
    /// Those alone that are listed today.
    Today,
    /// None.
    None,
}

/// One delegation's patterns: any of them.
type Any = Vec<Vec<char>>;

/// What must hold of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Constraints {
    /// Whether `*` and `?` also stand for a slash.
    slash: bool,
    /// Each of these must match.
    must: Vec<Any>,
    /// Of each of these at least one part must not match.
    not: Vec<Vec<Any>>,
    /// Hash prefixes that the path must have one of, for each delegation that goes by hash.
    by_hash: Vec<Vec<String>>,
    /// Hash prefixes that are taken before.
    taken: Vec<String>,
    /// Whether some paths are taken before by patterns and hashes together.
    some_taken: bool,
}

impl Constraints {
    /// For these clients.
    pub(super) fn of(clients: Clients) -> Self {
        Self { slash: clients == Clients::Tough, ..Self::default() }
    }

    /// The path must be delegated so.
    pub(super) fn must(&mut self, paths: &Paths) {
        match paths {
            Paths::Patterns(list) => self.must.push(chars(list)),
            other => self.by_hash.push(prefixes(other)),
        }
    }

    /// The path must not be delegated so at each of these steps: a delegation that takes it, and those above.
    pub(super) fn must_not<'a>(&mut self, chain: impl IntoIterator<Item = &'a Paths>) {
        let mut all = Vec::new();
        let mut hashes = Vec::new();
        for paths in chain {
            match paths {
                Paths::Patterns(list) => all.push(chars(list)),
                other => hashes.push(prefixes(other)),
            }
        }
        match (all.is_empty(), hashes.as_slice()) {
            (_, []) if self.not.contains(&all) => {}
            (_, []) => self.not.push(all),
            (true, [one]) => self.taken.extend(one.iter().cloned()),
            // Patterns and hashes together leave some paths; that is enough to know.
            _ => self.some_taken = true,
        }
    }

    /// A path that holds to all this, and is not listed.
    pub(super) fn witness(&self, listed: &dyn Fn(&str) -> bool) -> Witness {
        let of_hash = match self.hash() {
            Some(true) => true,
            Some(false) => return Witness::None,
            None => false,
        };
        if self.must.is_empty() && self.not.is_empty() {
            return Witness::Some;
        }
        match self.search(listed) {
            Witness::Path(_) if of_hash || self.some_taken || !self.taken.is_empty() => Witness::Some,
            found => found,
        }
    }

    /// Whether the hash prefixes leave any hash; `None` when nothing goes by hash.
    fn hash(&self) -> Option<bool> {
        let (first, rest) = self.by_hash.split_first()?;
        let mut left: BTreeSet<String> = first.iter().cloned().collect();
        for list in rest {
            left = left.iter().flat_map(|a| list.iter().filter_map(move |b| both(a, b))).collect();
        }
        Some(left.iter().any(|prefix| !self.taken.iter().any(|taken| prefix.starts_with(taken.as_str()))))
    }
}

/// Whether no path is delegated so and so; known of hashes alone.
pub(super) fn apart(one: &Paths, other: &Paths) -> bool {
    let hash = |paths: &Paths| !matches!(paths, Paths::Patterns(_));
    hash(one) && hash(other) && {
        let (ones, others) = (prefixes(one), prefixes(other));
        !ones.iter().any(|a| others.iter().any(|b| both(a, b).is_some()))
    }
}

/// The longer of two prefixes, where the other one begins it.
fn both(a: &str, b: &str) -> Option<String> {
    match (a.starts_with(b), b.starts_with(a)) {
        (true, _) => Some(a.to_owned()),
        (_, true) => Some(b.to_owned()),
        _ => None,
    }
}

fn chars(patterns: &[String]) -> Any {
    patterns.iter().map(|pattern| pattern.chars().collect()).collect()
}

/// In binary digits: bins count in bits, prefixes in hex.
fn prefixes(paths: &Paths) -> Vec<String> {
    let bits = |prefix: &String| -> String {
        let digit = |c: char| c.to_digit(16).map(|digit| format!("{digit:04b}")).unwrap_or_default();
        prefix.chars().map(digit).collect()
    };
    match paths {
        Paths::Patterns(_) => Vec::new(),
        Paths::HashPrefixes(list) => list.iter().map(bits).collect(),
        Paths::Bin { number, bits } => {
            vec![(0..*bits).rev().map(|bit| if number >> bit & 1 == 1 { '1' } else { '0' }).collect()]
        }
    }
}

/// Where in each pattern a reader of the path may be.
type State = Vec<Vec<BTreeSet<usize>>>;

impl Constraints {
    fn search(&self, listed: &dyn Fn(&str) -> bool) -> Witness {
        let Self { must, not, .. } = self;
        let groups: Vec<&Any> = must.iter().chain(not.iter().flatten()).collect();
        let letters = letters(&groups);
        let start: State =
            groups.iter().map(|any| any.iter().map(|p| closure(p, [0].into())).collect()).collect();
        // The start is not seen yet: the empty path is none, and another may lead back here.
        let mut seen: BTreeSet<State> = BTreeSet::new();
        let mut open: VecDeque<(State, String)> = VecDeque::from([(start, String::new())]);
        while let Some((state, path)) = open.pop_front() {
            if seen.len() > MOST_STATES {
                return Witness::Some;
            }
            if !path.is_empty() && accepts(&state, &groups, must.len(), not) {
                if !listed(&path) {
                    return Witness::Path(path);
                }
                // Other letters may lead to the same state by another path.
                if let Some(other) = self.another(&path, listed) {
                    return Witness::Path(other);
                }
            }
            for letter in &letters {
                let next = self.step(&state, &groups, *letter);
                let alive = next.iter().take(must.len()).all(|any| any.iter().any(|at| !at.is_empty()));
                if alive && seen.insert(next.clone()) {
                    open.push_back((next, format!("{path}{letter}")));
                }
            }
        }
        Witness::None
    }

    /// A path like this one in which a letter is another, and that still holds.
    fn another(&self, path: &str, listed: &dyn Fn(&str) -> bool) -> Option<String> {
        let matches = if self.slash { matches_in_tough } else { matches_pattern };
        let text = |pattern: &Vec<char>| pattern.iter().collect::<String>();
        let any = |any: &Any, path: &str| any.iter().any(|pattern| matches(&text(pattern), path));
        let holds = |path: &str| {
            self.must.iter().all(|all| any(all, path))
                && !self.not.iter().any(|all| all.iter().all(|one| any(one, path)))
        };
        let letters: Vec<char> = ('a'..='z').chain('0'..='9').collect();
        let chars: Vec<char> = path.chars().collect();
        for at in (0..chars.len()).rev() {
            for letter in &letters {
                let mut other = chars.clone();
                other[at] = *letter;
                let (changed, longer) = (other.iter().collect::<String>(), format!("{path}{letter}"));
                for new in [changed, longer] {
                    if holds(&new) && !listed(&new) {
                        return Some(new);
                    }
                }
            }
        }
        None
    }

    fn step(&self, state: &State, groups: &[&Any], letter: char) -> State {
        let wild = self.slash || letter != '/';
        let moved = |pattern: &Vec<char>, at: &BTreeSet<usize>| {
            let next = at.iter().filter_map(|place| match pattern.get(*place) {
                Some('*') if wild => Some(*place),
                Some('?') if wild => Some(place + 1),
                Some(c) if *c == letter => Some(place + 1),
                _ => None,
            });
            closure(pattern, next.collect())
        };
        let of = |(any, at): (&&Any, &Vec<BTreeSet<usize>>)| {
            any.iter().zip(at).map(|(pattern, at)| moved(pattern, at)).collect()
        };
        groups.iter().zip(state).map(of).collect()
    }
}

/// Every letter of the patterns, and one that is in none.
fn letters(groups: &[&Any]) -> BTreeSet<char> {
    let mut letters: BTreeSet<char> = groups.iter().flat_map(|any| any.iter().flatten().copied()).collect();
    letters.extend(('a'..='z').rev().find(|letter| !letters.contains(letter)).or(Some('\u{3b1}')));
    letters.insert('/');
    letters.remove(&'*');
    letters.remove(&'?');
    letters
}

fn closure(pattern: &[char], mut at: BTreeSet<usize>) -> BTreeSet<usize> {
    for place in 0..pattern.len() {
        if at.contains(&place) && pattern.get(place) == Some(&'*') {
            at.insert(place + 1);
        }
    }
    at
}

fn accepts(state: &State, groups: &[&Any], must: usize, not: &[Vec<Any>]) -> bool {
    let accepted: Vec<bool> = groups
        .iter()
        .zip(state)
        .map(|(any, at)| any.iter().zip(at).any(|(pattern, at)| at.contains(&pattern.len())))
        .collect();
    let mut rest = accepted.iter().skip(must);
    // Every part must be read, so that the next one begins at its own.
    let taken = not.iter().fold(false, |taken, all| {
        let each: BTreeMap<usize, bool> = (0..all.len()).zip(rest.by_ref().copied()).collect();
        taken || each.values().all(|matched| *matched)
    });
    accepted.iter().take(must).all(|matched| *matched) && !taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> Paths {
        Paths::Patterns(list.iter().map(|p| (*p).to_owned()).collect())
    }

    fn witness(must: &[&[&str]], not: &[&[&[&str]]], listed: &[&str]) -> Witness {
        let mut constraints = Constraints::default();
        must.iter().for_each(|paths| constraints.must(&patterns(paths)));
        for chain in not {
            let chain: Vec<Paths> = chain.iter().map(|paths| patterns(paths)).collect();
            constraints.must_not(&chain);
        }
        constraints.witness(&|path| listed.contains(&path))
    }

    fn path(text: &str) -> Witness {
        Witness::Path(text.to_owned())
    }

    #[test]
    fn the_shortest_path_that_all_patterns_match_is_found() {
        assert_eq!(witness(&[&["dev/*"], &["*/tool?"]], &[], &[]), path("dev/toold"));
        assert_eq!(witness(&[&["a*"], &["*b"]], &[], &[]), path("ab"));
        assert_eq!(witness(&[&["*"]], &[], &[]), path("z"));
        assert_eq!(witness(&[&["dev/*"], &["ops/*"]], &[], &[]), Witness::None);
        assert_eq!(witness(&[&["*"], &["a/b"]], &[], &[]), Witness::None);
    }

    #[test]
    fn what_an_earlier_delegation_takes_is_left_out() {
        assert_eq!(witness(&[&["dev/x*"]], &[&[&["dev/*"]]], &[]), Witness::None);
        assert_eq!(witness(&[&["dev/*"]], &[&[&["dev/x*"]]], &[]), path("dev/"));
        assert_eq!(witness(&[&["a", "b"]], &[&[&["a"]], &[&["b"]]], &[]), Witness::None);
        // Below another delegation, only what both match is taken.
        assert_eq!(witness(&[&["dev/ab"]], &[&[&["dev/*"], &["*/b"]]], &[]), path("dev/ab"));
    }

    #[test]
    fn what_is_listed_already_is_not_new() {
        assert_eq!(witness(&[&["a"]], &[], &["a"]), Witness::None);
        assert_eq!(witness(&[&["a?"]], &[], &["az"]), path("aa"));
    }

    #[test]
    fn hash_prefixes_meet_where_one_begins_the_other() {
        let prefixes = |list: &[&str]| Paths::HashPrefixes(list.iter().map(|p| (*p).to_owned()).collect());
        let of = |must: &[Paths], not: &[Paths]| {
            let mut constraints = Constraints::default();
            must.iter().for_each(|paths| constraints.must(paths));
            not.iter().for_each(|paths| constraints.must_not([paths]));
            constraints.witness(&|_| false)
        };

        assert_eq!(of(&[prefixes(&["0"]), prefixes(&["0f"])], &[]), Witness::Some);
        assert_eq!(of(&[prefixes(&["0"]), prefixes(&["1"])], &[]), Witness::None);
        assert_eq!(of(&[prefixes(&["0f"])], &[prefixes(&["0"])]), Witness::None);
        assert_eq!(of(&[prefixes(&["0"])], &[prefixes(&["0f"])]), Witness::Some);
        assert_eq!(of(&[prefixes(&["f"]), Paths::Bin { number: 1, bits: 1 }], &[]), Witness::Some);
        let mut together = Constraints::default();
        together.must(&patterns(&["a*"]));
        together.must_not(&[patterns(&["a"]), prefixes(&["0"])]);
        assert_eq!(together.witness(&|_| false), Witness::Some);
        assert_eq!(of(&[prefixes(&["7"]), Paths::Bin { number: 1, bits: 1 }], &[]), Witness::None);
    }
}
