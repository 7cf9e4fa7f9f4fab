//! Who can still sign what, and whether root can follow root.

use crate::assess::model::Counts;
use crate::assess::model::KeySet;
use crate::assess::model::Model;
use crate::assess::model::Signers;
use crate::tuf::few::run;
use crate::tuf::root::TOP_LEVEL;

/// Whether a role can be signed from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Can {
    /// By keys that are neither lost nor stolen; so many of them may be lost on top.
    Sign {
        /// Keys beyond the threshold.
        spare: u32,
    },
    /// Only when a key signs that is stolen too.
    OnlyWithStolen,
    /// Never.
    Never,
}

/// One role, or many bins with the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The role; for bins the first.
    pub role: String,
    /// The last of them.
    pub last: String,
    /// How many roles this speaks of: 1, or the bins.
    pub roles: usize,
    /// Who delegates to it: `root`, or a targets role.
    pub delegator: String,
    /// Keys and threshold.
    pub signers: Signers,
    /// The keys that are neither lost nor stolen.
    pub left: KeySet,
    /// Its keys that are lost.
    pub lost: KeySet,
    /// Its keys that are stolen.
    pub stolen: KeySet,
    /// What can be done.
    pub can: Can,
}

impl Status {
    pub(super) fn of(role: &str, delegator: &str, signers: &Signers, lost: &KeySet, stolen: &KeySet) -> Self {
        let among = |some: &KeySet| -> KeySet { signers.keys.intersection(some).copied().collect() };
        let without = |some: &KeySet| -> KeySet { signers.keys.difference(some).copied().collect() };
        let there = without(lost);
        let left: KeySet = there.difference(stolen).copied().collect();
        let can = match () {
            () if signers.met_by(&left) => {
                Can::Sign { spare: signers.among(&left).saturating_sub(signers.threshold) }
            }
            () if signers.met_by(&there) => Can::OnlyWithStolen,
            () => Can::Never,
        };
        Self {
            role: role.to_owned(),
            last: role.to_owned(),
            roles: 1,
            delegator: delegator.to_owned(),
            signers: signers.clone(),
            left,
            lost: among(lost),
            stolen: among(stolen),
            can,
        }
    }

    /// The role, or `bin-0 .. bin-f`.
    pub fn named(&self) -> String {
        run(&self.role, &self.last)
    }

    /// How many of its keys the thief has.
    pub fn in_wrong_hands(&self) -> u32 {
        u32::try_from(self.stolen.len()).unwrap_or(u32::MAX)
    }

    /// Whether the thief can sign it, by the word of the weakest client.
    pub fn forged(&self) -> bool {
        self.signers.forged_by(&self.stolen, Counts::Keyids)
    }

    /// Whether a key of it must be replaced.
    pub fn touched(&self) -> bool {
        !(self.lost.is_empty() && self.stolen.is_empty())
    }
}

/// Every role: the four, then delegated roles in pre-order; bins with the same keys are one.
pub(super) fn all(model: &Model, lost: &KeySet, stolen: &KeySet) -> Vec<Status> {
    let newest = model.newest();
    let mut all: Vec<Status> =
        TOP_LEVEL.into_iter().map(|role| Status::of(role, "root", newest.of(role), lost, stolen)).collect();
    let mut last = None;
    for edge in &model.edges {
        if let Some(known) = all.last_mut().filter(|_| last == Some(edge.twin)) {
            known.roles += 1;
            known.last.clone_from(&edge.role);
            continue;
        }
        last = Some(edge.twin);
        all.push(Status::of(&edge.role, &edge.delegator, &edge.signers, lost, stolen));
    }
    all
}
