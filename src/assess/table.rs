//! Every combination of lost and stolen keys, brought together by what follows.
//!
//! Keys with the same places in the same roles are as good as one another: a combination says how many of each kind
//! are lost or stolen, and stands for every choice of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Clients;
use crate::assess::Harm;
use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::Question;
use crate::assess::Signers;
use crate::assess::Status;
use crate::assess::fewest::Fewest;
use crate::assess::fewest::fewest;
use crate::assess::walk::Room;
use crate::tuf::Date;
use crate::tuf::few::few;

/// More combinations of kinds than these are not tried one by one.
const MOST: usize = 6_561;

/// For each kind, how many are lost and how many are stolen.
pub type Combination = Vec<(usize, usize)>;

/// The worst that some clients suffer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worst {
    /// What.
    pub harm: Harm,
    /// By which rule; none where it is nothing.
    pub rule: Option<&'static str>,
    /// On which delegated roles, where it is not everything.
    pub on: Vec<String>,
    /// Which of these clients.
    pub taken_by: Clients,
}

/// What follows, and from which combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of clients of the newest root.
    pub now: Worst,
    /// The worst of these where rows are merged.
    pub up_to: Harm,
    /// Of clients that trust an older root, where that is worse; else nothing.
    pub old: Worst,
    /// Whether root can follow root.
    pub root: Can,
    /// Roles beside root that can no longer be signed without a stolen key, or at all.
    pub unsigned: Vec<String>,
    /// Those of them that nobody can sign.
    pub lost: Vec<String>,
    /// The fewest keys from which this follows: no other combination in this row is a part of one of these.
    pub from: Vec<Combination>,
    /// How many choices of keys end here, where each was tried.
    pub choices: Option<u128>,
}

/// All rows, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The kinds of keys: keys with the same places in the same roles.
    pub kinds: Vec<KeySet>,
    /// What follows.
    pub rows: Vec<Row>,
    /// Which combinations were not looked at, in words; what follows from them may be worse.
    pub left_out: Vec<&'static str>,
    /// How many choices of keys there are.
    pub choices: u128,
    /// The roles for which clients refuse today's state; the rows say what follows once they are signed again.
    pub expired: Vec<String>,
}

/// Tries them all; where they are too many, those that are the fewest for something.
pub(super) fn table(model: &Model, at: Date) -> Table {
    let kinds = kinds(model);
    let states = |n: usize| (n + 1) * (n + 2) / 2;
    let all = kinds.iter().try_fold(1_usize, |sum, kind| sum.checked_mul(states(kind.len())));
    let counted = all.is_some_and(|all| all <= MOST);
    of(model, at, kinds, counted)
}

/// The same from the thresholds alone, however few combinations there are.
pub(super) fn by_thresholds(model: &Model, at: Date) -> Table {
    of(model, at, kinds(model), false)
}

fn of(model: &Model, at: Date, kinds: Vec<KeySet>, counted: bool) -> Table {
    let room = Room::default();
    let mut rows: BTreeMap<Class, (Vec<Combination>, u128)> = BTreeMap::new();
    let mut judge = |combination: Combination| {
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
    };
    let mut left_out = Vec::new();
    if counted {
        combinations(&kinds).for_each(judge);
    } else {
        let Fewest { combinations, one_delegation, older_together, cut } = fewest(model, &kinds);
        combinations.into_iter().for_each(&mut judge);
        if one_delegation {
            left_out.push("combinations by which several delegated roles are signed by a thief at once");
        }
        if older_together {
            left_out.push("combinations by which clients of older roots suffer beside those of the newest, where there are thousands");
        }
        if cut {
            left_out.push("combinations of more keys than those named, where there are thousands");
        }
    }
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|(class, (from, choices))| row(class, &from, counted.then_some(choices)))
        .collect();
    let keys: usize = kinds.iter().map(KeySet::len).sum();
    let choices = (0..keys).fold(1_u128, |all, _| all.saturating_mul(3));
    let nobody = Question { lost: KeySet::new(), stolen: KeySet::new(), at };
    let expired = model.answer(&nobody, false, &room).expired;
    Table { kinds, rows, left_out, choices, expired }
}

/// Keys by the roles that list them, in the order in which people read them.
fn kinds(model: &Model) -> Vec<KeySet> {
    // Where it stands, and under how many keyids.
    type Places = BTreeSet<(usize, usize, u32)>;
    let mut places: BTreeMap<usize, Places> = BTreeMap::new();
    let mut stands = |nth: usize, place: usize, signers: &Signers| {
        for key in &signers.keys {
            let keyids = signers.several.get(key).copied().unwrap_or(1);
            places.entry(*key).or_default().insert((nth, place, keyids));
        }
    };
    for (nth, era) in model.eras.iter().enumerate() {
        era.signers.iter().enumerate().for_each(|(place, signers)| stands(nth, place, signers));
    }
    model.edges.iter().for_each(|edge| stands(model.eras.len(), edge.twin, &edge.signers));
    let mut kinds: BTreeMap<Places, KeySet> = BTreeMap::new();
    for (key, places) in places {
        kinds.entry(places).or_default().insert(key);
    }
    let mut kinds: Vec<KeySet> = kinds.into_values().collect();
    kinds.sort_by_key(|kind| kind.first().copied());
    kinds
}

/// Every combination, fewest of the last kind first.
fn combinations(kinds: &[KeySet]) -> impl Iterator<Item = Combination> {
    let sizes: Vec<usize> = kinds.iter().map(KeySet::len).collect();
    let mut next = Some(vec![(0, 0); sizes.len()]);
    std::iter::from_fn(move || {
        let found = next.take()?;
        next = following(&found, &sizes);
        Some(found)
    })
}

/// Counts on by one: the first kind that can take one more does, and those before it begin again.
fn following(combination: &Combination, sizes: &[usize]) -> Option<Combination> {
    let mut next = combination.clone();
    for (many, size) in next.iter_mut().zip(sizes) {
        if many.0 + many.1 < *size {
            many.1 += 1;
            return Some(next);
        }
        if many.0 < *size {
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
    harm: std::cmp::Reverse<(Harm, Harm)>,
    root: u8,
    unsigned: Vec<String>,
    lost: Vec<String>,
    now: Worst,
    old: Worst,
}

fn class(assessment: &Assessment) -> Class {
    let root = match assessment.roles.first().map_or(Can::Never, |root| root.can) {
        Can::Sign { .. } => 0,
        Can::OnlyWithStolen => 1,
        Can::Never => 2,
    };
    let worst = |old: bool, harm: Harm| -> Worst {
        let effects = || {
            let of = assessment.thief.iter().filter(move |effect| effect.clients.is_some() == old);
            of.filter(move |effect| effect.harm == harm && harm != Harm::Nothing)
        };
        let on: Vec<String> = effects()
            .filter(|effect| !effect.paths.is_empty())
            .map(|effect| together(assessment, &effect.roles))
            .collect();
        let rule = effects().next().map(|effect| effect.rule.name);
        let taken_by = effects().map(|effect| effect.taken_by).min().unwrap_or(Clients::All);
        Worst { harm, rule, on, taken_by }
    };
    let now = assessment.worst();
    let old = Some(assessment.worst_of_old()).filter(|old| *old < now).unwrap_or(Harm::Nothing);
    let unsigned = assessment.roles.iter().skip(1).filter(|role| !matches!(role.can, Can::Sign { .. }));
    Class {
        harm: std::cmp::Reverse((now, old)),
        root,
        unsigned: unsigned.clone().map(Status::named).collect(),
        lost: unsigned.filter(|role| role.can == Can::Never).map(Status::named).collect(),
        now: worst(false, now),
        old: worst(true, old),
    }
}

/// Delegated roles in one word: bins that are one by their keys are one here.
fn together(assessment: &Assessment, roles: &[String]) -> String {
    let is_group = |status: &&Status| status.roles == roles.len() && roles.first() == Some(&status.role);
    assessment.roles.iter().find(is_group).map_or_else(|| few(roles), Status::named)
}

/// Those of which no other one is a part, the fewest keys first.
pub(super) fn least(all: &[Combination]) -> Vec<Combination> {
    let part = |a: &Combination, b: &Combination| a.iter().zip(b).all(|(a, b)| a.0 <= b.0 && a.1 <= b.1);
    let keys = |one: &&Combination| one.iter().map(|(lost, stolen)| lost + stolen).sum::<usize>();
    let mut sorted: Vec<&Combination> = all.iter().collect();
    sorted.sort_by_key(keys);
    let mut from: Vec<Combination> = Vec::new();
    for one in sorted {
        if !from.iter().any(|less| part(less, one)) {
            from.push(one.clone());
        }
    }
    from
}

/// From which fewest keys a role beside root can be signed no longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsigned {
    /// By nobody.
    pub never: Vec<Combination>,
    /// Only with a stolen key.
    pub only_with_stolen: Vec<Combination>,
}

impl Table {
    /// Whether every combination was tried, and counted.
    pub fn is_counted(&self) -> bool {
        self.rows.iter().all(|row| row.choices.is_some())
    }

    /// The rows as people read them: those that differ in nothing but which other roles are unsigned are one, and those
    /// that differ in nothing but what is less than what clients of an older root suffer.
    pub fn merged(&self) -> Vec<Row> {
        let mut merged: Vec<Row> = Vec::new();
        for row in &self.rows {
            let alike = |other: &&mut Row| {
                let now = |row: &Row| Some(row.now.clone()).filter(|_| row.old.harm == Harm::Nothing);
                let what = |row: &Row| (now(row), row.old.clone(), row.root, row.is_good());
                let mends = |row: &Row| row.only_roles().then_some(row.lost.is_empty());
                what(other) == what(row) && mends(other) == mends(row)
            };
            match merged.iter_mut().find(alike) {
                Some(known) => {
                    known.up_to = known.up_to.min(row.up_to);
                    known.from.extend(row.from.iter().cloned());
                    known.unsigned.extend(row.unsigned.iter().cloned());
                    known.lost.extend(row.lost.iter().cloned());
                    known.choices = known.choices.zip(row.choices).map(|(known, more)| known + more);
                }
                None => merged.push(row.clone()),
            }
        }
        merged.iter_mut().for_each(|row| row.from = least(&row.from));
        merged
    }

    /// Every role beside root that can be lost, and the fewest keys from which that follows, whatever else does.
    pub fn unsigned(&self) -> BTreeMap<&str, Unsigned> {
        let mut roles: BTreeMap<&str, Unsigned> = BTreeMap::new();
        for row in &self.rows {
            for role in &row.unsigned {
                let of = roles.entry(role).or_default();
                let from = if row.lost.contains(role) { &mut of.never } else { &mut of.only_with_stolen };
                from.extend(row.from.iter().cloned());
            }
        }
        for of in roles.values_mut() {
            of.never = least(&of.never);
            of.only_with_stolen = least(&of.only_with_stolen);
        }
        roles
    }
}

fn row(class: Class, all: &[Combination], choices: Option<u128>) -> Row {
    let Class { root, unsigned, lost, now, old, .. } = class;
    let root = match root {
        0 => Can::Sign { spare: 0 },
        1 => Can::OnlyWithStolen,
        _ => Can::Never,
    };
    let up_to = now.harm;
    Row { now, up_to, old, root, unsigned, lost, from: least(all), choices }
}
