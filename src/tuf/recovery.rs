//! Fast-forward recovery (TUF section 5.3.11): what clients forget of timestamp and snapshot when root names other keys.
//!
//! The specification forgets both files when a key of either changed, and tough does. python-tuf compares no keys: it keeps
//! each file that still verifies under the new root. So lower versions reach every client only where what they stored
//! can verify no more. `client`, `diff` and with it the plan, and `assess` ask here.

use std::collections::BTreeSet;

use crate::tuf::canonical;
use crate::tuf::key::KeyId;
use crate::tuf::root::Root;

/// The highest version that every client reads: JavaScript and JSON canonical forms count whole numbers exactly up to it.
pub const HIGHEST_VERSION: u64 = (1 << 53) - 1;

/// The roles that servers sign.
const ONLINE: [&str; 2] = ["timestamp", "snapshot"];

/// The keys of timestamp and snapshot in one root: what each key is, and what it is called.
pub struct OnlineKeys {
    /// The version of the root.
    pub version: u64,
    material: [BTreeSet<Vec<u8>>; 2],
    labels: [BTreeSet<KeyId>; 2],
    thresholds: [u32; 2],
}

/// What became of those keys from one root to another.
pub struct Recovery {
    /// The roles with other keys: by what they are, not by what they are called.
    pub rotated: Vec<&'static str>,
    /// The roles with the same keys under other keyids.
    pub renamed: Vec<&'static str>,
    /// Who forgets what.
    pub forgotten: Forgotten,
}

/// What clients of every kind forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// Timestamp and snapshot: every version may be lower once.
    Both,
    /// The timestamp alone, and with it the version of snapshot; not the versions that snapshot lists.
    Timestamp,
    /// The snapshot alone, and with it the versions that it lists; not its own version.
    Snapshot,
    /// Neither.
    Neither,
}

impl OnlineKeys {
    /// Of one root.
    pub fn of(root: &Root) -> Self {
        let role = |role: &str| root.roles.get(role);
        let labels = ONLINE
            .map(|name| role(name).map(|role| role.keyids.iter().cloned().collect()).unwrap_or_default());
        // A key of an unknown kind is what its object says.
        let material = |keyid: &KeyId| match (root.keys.get(keyid), root.other_keys.get(keyid)) {
            (Some(key), _) => Some(key.material().0),
            (None, Some(json)) => canonical::to_vec(json).ok(),
            (None, None) => None,
        };
        let material = [0, 1].map(|i: usize| {
            let labels: &BTreeSet<KeyId> = &labels[i];
            labels.iter().filter_map(material).collect()
        });
        let thresholds = ONLINE.map(|name| role(name).map_or(0, |role| role.threshold));
        Self { version: root.version, material, labels, thresholds }
    }
}

/// Whether a file of a role whose keys changed verifies no more: what the keys that stay signed is too little for the new
/// threshold.
pub fn verifies_no_more(stay: usize, threshold: u32) -> bool {
    u32::try_from(stay).unwrap_or(u32::MAX) < threshold
}

impl Recovery {
    /// From one root to a later one.
    pub fn between(old: &OnlineKeys, new: &OnlineKeys) -> Self {
        let named = |holds: &dyn Fn(usize) -> bool| -> Vec<&'static str> {
            ONLINE.into_iter().enumerate().filter(|(i, _)| holds(*i)).map(|(_, role)| role).collect()
        };
        let rotated = |i: usize| old.material[i] != new.material[i];
        let gone = |i: usize| {
            let stay = old.material[i].intersection(&new.material[i]).count();
            rotated(i) && verifies_no_more(stay, new.thresholds[i])
        };
        Self {
            rotated: named(&rotated),
            renamed: named(&|i| !rotated(i) && old.labels[i] != new.labels[i]),
            forgotten: Forgotten::of(gone(0), gone(1)),
        }
    }
}

impl Forgotten {
    /// By what verifies no more under the new root.
    pub fn of(timestamp: bool, snapshot: bool) -> Self {
        match (timestamp, snapshot) {
            (true, true) => Self::Both,
            (true, false) => Self::Timestamp,
            (false, true) => Self::Snapshot,
            (false, false) => Self::Neither,
        }
    }

    /// Which versions clients take lower once, and which they do not; clauses.
    pub fn says(self) -> &'static str {
        match self {
            Self::Both => {
                "fast-forward recovery: what clients stored of timestamp and snapshot verifies no more, unless the \
                 new keys signed it too, so they forget it, and take lower versions once"
            }
            Self::Timestamp => {
                "fast-forward recovery of timestamp: the timestamp that clients stored verifies no more, unless the \
                 new keys signed it too, so they take lower versions of timestamp and snapshot once; python-tuf keeps \
                 its snapshot, so no role that snapshot lists may have a lower version"
            }
            Self::Snapshot => {
                "no fast-forward recovery of timestamp and snapshot: the specification forgets both, and python-tuf \
                 keeps the timestamp, which still verifies, so their versions go on from the highest that was \
                 published; new keys for timestamp in the place of the old would make every client forget it"
            }
            Self::Neither => {
                "no fast-forward recovery: the specification forgets timestamp and snapshot, and python-tuf keeps \
                 both as long as they verify, so versions go on from the highest that was published"
            }
        }
    }
}
