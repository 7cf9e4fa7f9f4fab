//! The files between root and targets, where each can come from, and how long all of them are taken.

use crate::assess::effect::Until;
use crate::assess::model::Era;
use crate::tuf::Date;

/// Where a file can come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The thief signs it with any date.
    Forged,
    /// Only as it was signed, until this date.
    Honest(Date),
    /// It has expired, or is not here: as its owners sign it again.
    Due,
    /// There is none that clients take.
    Broken,
}

/// The links from root to targets in one era.
pub(super) struct Chain<'a> {
    pub(super) era: &'a Era,
    /// Whether its root is the newest: its owners sign that again, and what it verifies.
    pub(super) newest: bool,
    pub(super) root: Link,
    pub(super) timestamp: Link,
    pub(super) snapshot: Link,
    pub(super) targets: Link,
}

impl Chain<'_> {
    /// How long root alone holds.
    pub(super) fn root_holds(&self) -> Holds {
        holds(&[("root", self.root)])
    }
}

/// How long something works, and what must be signed again before.
#[derive(Clone)]
pub(super) struct Holds {
    pub(super) until: Until,
    pub(super) after: Vec<String>,
}

/// As long as all of these do.
pub(super) fn holds(links: &[(&str, Link)]) -> Holds {
    let date = |(_, link): &(&str, Link)| if let Link::Honest(date) = link { Some(*date) } else { None };
    let until = links.iter().filter_map(date).min().map_or(Until::SignedAgain, Until::Date);
    let due = links.iter().filter(|(_, link)| *link == Link::Due);
    Holds { until, after: due.map(|(role, _)| (*role).to_owned()).collect() }
}
