//! Every combination of lost and stolen keys, brought together by what follows.
//!
//! Keys with the same places in the same roles are as good as one another: a combination says how many of each kind
//! are lost or stolen, and stands for every choice of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Harm;
use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::Question;
use crate::assess::Status;
use crate::assess::thief::Room;
use crate::tuf::Date;
use crate::tuf::few::few;

/// More combinations of kinds than these are not tried.
const MOST: usize = 6_561;

/// For each kind, how many are lost and how many are stolen.
pub type Combination = Vec<(usize, usize)>;

/// What follows, and from which combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The worst that clients suffer.
    pub harm: Harm,
    /// By which rule; none where it is nothing.
    pub rule: Option<&'static str>,
    /// On which delegated roles, where it is not everything.
    pub on: Vec<String>,
    /// Whether root can follow root.
    pub root: Can,
    /// Roles beside root that can no longer be signed without a stolen key, or at all.
    pub unsigned: Vec<String>,
    /// The fewest keys from which this follows: no other combination in this row is a part of one of these.
    pub from: Vec<Combination>,
    /// How many choices of keys end here.
    pub choices: u128,
}

/// All rows, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The kinds of keys: keys with the same places in the same roles.
    pub kinds: Vec<KeySet>,
    /// What follows.
    pub rows: Vec<Row>,
    /// The most keys at once that were tried; `None`: every combination.
    pub up_to: Option<usize>,
    /// How many choices of keys there are in all rows.
    pub choices: u128,
    /// The roles for which clients refuse today's state; the rows say what follows once they are signed again.
    pub expired: Vec<String>,
}

/// Tries them all.
pub(super) fn table(model: &Model, at: Date) -> Table {
    let kinds = kinds(model);
    let states = |n: usize| (n + 1) * (n + 2) / 2;
    let all = kinds.iter().try_fold(1_usize, |sum, kind| sum.checked_mul(states(kind.len())));
    let up_to = match all {
        Some(all) if all <= MOST => None,
        _ => Some(up_to(&kinds, usize::try_from(model.newest().of("root").threshold).unwrap_or(1))),
    };
    let room = Room::default();
    let mut rows: BTreeMap<Class, (Vec<Combination>, u128)> = BTreeMap::new();
    for combination in combinations(&kinds, up_to) {
        let pick = |from: fn(&(usize, usize)) -> (usize, usize)| -> KeySet {
            let some = kinds.iter().zip(&combination).flat_map(|(kind, many)| {
                let (skip, take) = from(many);
                kind.iter().copied().skip(skip).take(take)
            });
            some.collect()
        };
        let question = Question { lost: pick(|m| (0, m.0)), stolen: pick(|m| (m.0, m.1)), at };
        let class = class(&model.answer(&question, false, &room));
        let (from, choices) = rows.entry(class).or_default();
        *choices +=
            kinds.iter().zip(&combination).map(|(kind, many)| ways(kind.len(), *many)).product::<u128>();
        from.push(combination);
    }
    let rows: Vec<Row> =
        rows.into_iter().map(|(class, (from, choices))| row(class, &from, choices)).collect();
    let choices = rows.iter().map(|row| row.choices).sum();
    let nobody = Question { lost: KeySet::new(), stolen: KeySet::new(), at };
    let expired = model.answer(&nobody, false, &room).expired;
    Table { kinds, rows, up_to, choices, expired }
}

/// Keys by the roles that list them, in the order in which people read them.
fn kinds(model: &Model) -> Vec<KeySet> {
    let mut places: BTreeMap<usize, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (nth, era) in model.eras.iter().enumerate() {
        for (place, signers) in era.signers.iter().enumerate() {
            for key in &signers.keys {
                places.entry(*key).or_default().insert((nth, place));
            }
        }
    }
    for edge in &model.edges {
        for key in &edge.signers.keys {
            places.entry(*key).or_default().insert((model.eras.len(), edge.twin));
        }
    }
    let mut kinds: BTreeMap<BTreeSet<(usize, usize)>, KeySet> = BTreeMap::new();
    for (key, places) in places {
        kinds.entry(places).or_default().insert(key);
    }
    let mut kinds: Vec<KeySet> = kinds.into_values().collect();
    kinds.sort_by_key(|kind| kind.first().copied());
    kinds
}

/// The most keys at once for which there are few enough combinations; at least the threshold of root, where it can be.
fn up_to(kinds: &[KeySet], threshold: usize) -> usize {
    let fits = |most: &usize| combinations(kinds, Some(*most)).take(MOST + 1).count() <= MOST;
    (1..=threshold).rev().find(fits).unwrap_or(1)
}

/// Every combination of at most so many keys, fewest of the last kind first.
fn combinations(kinds: &[KeySet], up_to: Option<usize>) -> impl Iterator<Item = Combination> {
    let sizes: Vec<usize> = kinds.iter().map(KeySet::len).collect();
    let most = up_to.unwrap_or_else(|| sizes.iter().sum());
    let mut next = Some(vec![(0, 0); sizes.len()]);
    std::iter::from_fn(move || {
        let found = next.take()?;
        next = following(&found, &sizes, most);
        Some(found)
    })
}

/// Counts on by one: the first kind that can take one more does, and those before it begin again.
fn following(combination: &Combination, sizes: &[usize], most: usize) -> Option<Combination> {
    let mut next = combination.clone();
    for (at, size) in sizes.iter().enumerate() {
        let others: usize = next.iter().skip(at + 1).map(|(lost, stolen)| lost + stolen).sum();
        let room = (*size).min(most.saturating_sub(others));
        let many = next.get_mut(at)?;
        if many.0 + many.1 < room {
            many.1 += 1;
            return Some(next);
        }
        if many.0 < room {
            *many = (many.0 + 1, 0);
            return Some(next);
        }
        *many = (0, 0);
    }
    None
}

/// In how many ways so many of `n` can be lost and so many stolen.
fn ways(n: usize, (lost, stolen): (usize, usize)) -> u128 {
    let choose = |n: usize, k: usize| (0..k).fold(1_u128, |sum, i| sum * (n - i) as u128 / (i + 1) as u128);
    choose(n, lost) * choose(n.saturating_sub(lost), stolen)
}

/// What two combinations must have in common to stand in one row; the best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    harm: std::cmp::Reverse<Harm>,
    root: u8,
    unsigned: Vec<String>,
    on: Vec<String>,
    rule: Option<&'static str>,
}

fn class(assessment: &Assessment) -> Class {
    let harm = assessment.worst();
    let now = assessment.thief.iter().filter(|effect| effect.clients.is_none() && effect.harm == harm);
    let worst: Vec<_> = now.filter(|effect| effect.harm != Harm::Nothing).collect();
    let on = worst.iter().filter(|effect| !effect.paths.is_empty());
    let root = match assessment.roles.first().map_or(Can::Never, |root| root.can) {
        Can::Sign { .. } => 0,
        Can::OnlyWithStolen => 1,
        Can::Never => 2,
    };
    let unsigned = assessment.roles.iter().skip(1).filter(|role| !matches!(role.can, Can::Sign { .. }));
    Class {
        harm: std::cmp::Reverse(harm),
        root,
        unsigned: unsigned.map(Status::named).collect(),
        on: on.map(|effect| together(assessment, &effect.roles)).collect(),
        rule: worst.first().map(|effect| effect.rule.name),
    }
}

/// Delegated roles in one word: bins that are one by their keys are one here.
fn together(assessment: &Assessment, roles: &[String]) -> String {
    let is_group = |status: &&Status| status.roles == roles.len() && roles.first() == Some(&status.role);
    assessment.roles.iter().find(is_group).map_or_else(|| few(roles), Status::named)
}

/// Those of which no other one is a part, the fewest keys first.
fn least(all: &[Combination]) -> Vec<Combination> {
    let part = |a: &Combination, b: &Combination| a.iter().zip(b).all(|(a, b)| a.0 <= b.0 && a.1 <= b.1);
    let least = |one: &&Combination| !all.iter().any(|other| other != *one && part(other, one));
    let mut from: Vec<Combination> = all.iter().filter(least).cloned().collect();
    from.sort_by_key(|one| one.iter().map(|(lost, stolen)| lost + stolen).sum::<usize>());
    from
}

impl Table {
    /// The rows as people read them: those that differ in nothing but which other roles are unsigned are one.
    pub fn merged(&self) -> Vec<Row> {
        let mut merged: Vec<Row> = Vec::new();
        for row in &self.rows {
            let alike = |other: &&mut Row| {
                (other.harm, other.rule, &other.on, other.root) == (row.harm, row.rule, &row.on, row.root)
                    && other.is_good() == row.is_good()
            };
            match merged.iter_mut().find(alike) {
                Some(known) => {
                    known.from.extend(row.from.iter().cloned());
                    known.unsigned.extend(row.unsigned.iter().cloned());
                    known.choices += row.choices;
                }
                None => merged.push(row.clone()),
            }
        }
        merged.iter_mut().for_each(|row| row.from = least(&row.from));
        merged
    }

    /// Every role beside root that can be lost, and the fewest keys from which that follows, whatever else does.
    pub fn unsigned(&self) -> BTreeMap<&str, Vec<Combination>> {
        let mut roles: BTreeMap<&str, Vec<Combination>> = BTreeMap::new();
        for row in &self.rows {
            for role in &row.unsigned {
                roles.entry(role).or_default().extend(row.from.iter().cloned());
            }
        }
        roles.values_mut().for_each(|from| *from = least(from));
        roles
    }
}

fn row(class: Class, all: &[Combination], choices: u128) -> Row {
    let from = least(all);
    let root = match class.root {
        0 => Can::Sign { spare: 0 },
        1 => Can::OnlyWithStolen,
        _ => Can::Never,
    };
    Row { harm: class.harm.0, rule: class.rule, on: class.on, root, unsigned: class.unsigned, from, choices }
}
