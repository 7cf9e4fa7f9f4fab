//! The fewest keys from which things follow, found from the thresholds: for repositories with too many combinations of
//! keys to try each.
//!
//! What follows from a combination depends on nothing but which signers the thief can sign for, which lack keys that are
//! neither lost nor stolen, and which lack keys that are not lost. Each of these follows from a number of keys, and all
//! of several follow from the least that contains what each takes. So where no combination is left out here, no row is.

use std::collections::BTreeSet;

use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::model::Counts;
use crate::assess::model::Signers;
use crate::assess::table::Combination;
use crate::assess::table::least;

/// More combinations than these are not kept of one thing; those with the fewest keys are.
const MOST: usize = 2_000;

/// With more combinations than these, no more thefts from clients of several roots are brought together.
const MOST_TOGETHER: usize = 20_000;

/// The combinations that are the fewest for something.
pub(super) struct Fewest {
    pub(super) combinations: BTreeSet<Combination>,
    /// Whether more than one delegated role could be signed by the thief at once: they were taken one at a time.
    pub(super) one_delegation: bool,
    /// Whether not every theft from clients of an older root was tried beside every one from those of the newest.
    pub(super) older_together: bool,
    /// Whether there were too many.
    pub(super) cut: bool,
}

/// What has to be in the wrong hands.
#[derive(Clone, Copy, PartialEq)]
enum Gone {
    /// Stolen, until clients that count so take what the thief signs.
    Stolen(Counts),
    /// Lost or stolen, until the rest is below the threshold.
    Either,
    /// Lost, until the rest is below the threshold.
    Lost,
}

pub(super) fn fewest(model: &Model, kinds: &[KeySet]) -> Fewest {
    let mut search = Search { kinds, cut: false };
    let nothing = vec![search.nothing()];
    let mut all: BTreeSet<Combination> = nothing.iter().cloned().collect();
    let newest = model.newest();
    let [root, others @ ..] = &newest.signers;
    let delegated: BTreeSet<&Signers> = model.edges.iter().map(|edge| edge.signers.as_ref()).collect();
    for signers in others.iter().chain(delegated.iter().copied()) {
        for gone in [Gone::Either, Gone::Lost] {
            all.extend(search.of(signers, gone));
        }
    }
    let roots = [nothing.clone(), search.of(root, Gone::Either), search.of(root, Gone::Lost)];
    let several = model.all_signers().any(|signers| !signers.several.is_empty());
    let counts = if several { &[Counts::Keys, Counts::Keyids][..] } else { &[Counts::Keys] };
    let mut older_together = false;
    for counts in counts {
        let stolen = Gone::Stolen(*counts);
        let forged: Vec<Vec<Combination>> = delegated.iter().map(|it| search.of(it, stolen)).collect();
        let mut seen: BTreeSet<&[Signers; 4]> = BTreeSet::new();
        let eras = model.eras.iter().rev().filter(|era| seen.insert(&era.signers));
        let thefts: Vec<_> = eras.map(|era| search.thefts(&era.signers, stolen, &forged)).collect();
        let Some((newest, older)) = thefts.split_first() else { continue };
        for theft in newest {
            roots.iter().for_each(|root| all.extend(search.join(theft, root)));
        }
        let older = || older.iter().flatten();
        older().for_each(|theft| all.extend(theft.iter().cloned()));
        // What clients of an older root suffer stands beside what those of the newest suffer, and what becomes of root.
        for (theft, other) in older().flat_map(|theft| newest.iter().map(move |other| (theft, other))) {
            if all.len() > MOST_TOGETHER {
                older_together = true;
                break;
            }
            let both = search.join(theft, other);
            roots.iter().for_each(|root| all.extend(search.join(&both, root)));
        }
    }
    Fewest { combinations: all, one_delegation: delegated.len() > 1, older_together, cut: search.cut }
}

struct Search<'a> {
    kinds: &'a [KeySet],
    cut: bool,
}

impl Search<'_> {
    /// What a thief signs by one root: root itself, or any of the other roles, alone or with one delegated role.
    fn thefts(
        &mut self,
        signers: &[Signers; 4],
        stolen: Gone,
        forged: &[Vec<Combination>],
    ) -> Vec<Vec<Combination>> {
        let [root, others @ ..] = signers.each_ref().map(|signers| self.of(signers, stolen));
        let mut thefts = vec![root];
        for some in 0..1_u32 << others.len() {
            let his = (0..).zip(&others).filter(|(nth, _)| some >> nth & 1 == 1).map(|(_, of)| of);
            let top = his.fold(vec![self.nothing()], |sum, of| self.join(&sum, of));
            thefts.extend(forged.iter().map(|of| self.join(&top, of)).collect::<Vec<_>>());
            thefts.push(top);
        }
        thefts
    }

    fn nothing(&self) -> Combination {
        vec![(0, 0); self.kinds.len()]
    }

    /// The fewest keys of these signers that must be gone.
    fn of(&mut self, signers: &Signers, gone: Gone) -> Vec<Combination> {
        let weigh = |kind: &KeySet| -> usize {
            let one: KeySet = kind.first().copied().into_iter().collect();
            let counts = if let Gone::Stolen(counts) = gone { counts } else { Counts::Keys };
            usize::try_from(signers.signatures(&one, counts)).unwrap_or(usize::MAX)
        };
        let weights: Vec<usize> = self.kinds.iter().map(weigh).collect();
        let threshold = usize::try_from(signers.threshold).unwrap_or(usize::MAX);
        let need = match gone {
            Gone::Stolen(_) if threshold == 0 => return Vec::new(),
            Gone::Stolen(_) => threshold,
            Gone::Either | Gone::Lost if threshold == 0 => 0,
            Gone::Either | Gone::Lost => (signers.keys.len() + 1).saturating_sub(threshold),
        };
        let mut open = vec![(self.nothing(), 0, need)];
        let mut found = Vec::new();
        while let Some((combination, at, need)) = open.pop() {
            if need == 0 {
                found.push(combination);
                continue;
            }
            let (Some(kind), Some(weight)) = (self.kinds.get(at), weights.get(at)) else { continue };
            let most = if *weight == 0 { 0 } else { kind.len().min(need.div_ceil(*weight)) };
            for many in 0..=most {
                let ways = match gone {
                    Gone::Stolen(_) => 0..=0,
                    Gone::Either => 0..=many,
                    Gone::Lost => many..=many,
                };
                for lost in ways {
                    let mut next = combination.clone();
                    next[at] = (lost, many - lost);
                    open.push((next, at + 1, need.saturating_sub(many * weight)));
                }
            }
            // More than can be kept is not gone through to its end.
            if found.len() > 10 * MOST {
                self.cut = true;
                break;
            }
        }
        self.keep(&found)
    }

    /// The fewest keys from which both follow.
    fn join(&mut self, one: &[Combination], other: &[Combination]) -> Vec<Combination> {
        let both = |a: &Combination, b: &Combination| -> Option<Combination> {
            let larger = a.iter().zip(b).map(|(a, b)| (a.0.max(b.0), a.1.max(b.1)));
            let fits = |((lost, stolen), kind): ((usize, usize), &KeySet)| {
                (lost + stolen <= kind.len()).then_some((lost, stolen))
            };
            larger.zip(self.kinds).map(fits).collect()
        };
        let all: BTreeSet<Combination> =
            one.iter().flat_map(|a| other.iter().filter_map(move |b| both(a, b))).take(10 * MOST).collect();
        self.cut |= one.len() * other.len() > 10 * MOST;
        self.keep(&all.into_iter().collect::<Vec<_>>())
    }

    fn keep(&mut self, all: &[Combination]) -> Vec<Combination> {
        let mut least = least(all);
        self.cut |= least.len() > MOST;
        least.truncate(MOST);
        least
    }
}
