//! The types of ceremonies: what each may change, and nothing else.

use crate::tuf::diff;
use crate::tuf::root::TOP_LEVEL;

/// The type of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no before.
    RootGenesis,
    /// Root's version and expiry.
    RootRenewal,
    /// Keys and thresholds of top-level roles, and what they force.
    KeyRotation,
    /// As rotation, with the lost and stolen keys named.
    CompromiseResponse,
    /// Whom targets, or a delegated role, delegates to.
    DelegationChange,
    /// The target files of one role.
    TargetsSigning,
    /// Nothing: keys are opened, to see that they still can be.
    RestoreDrill,
    /// Nothing: keys that no role lists any more are destroyed.
    Destruction,
}

impl Kind {
    /// Every type, in the order in which people meet them.
    pub const ALL: [Self; 8] = [
        Self::RootGenesis,
        Self::RootRenewal,
        Self::KeyRotation,
        Self::CompromiseResponse,
        Self::DelegationChange,
        Self::TargetsSigning,
        Self::RestoreDrill,
        Self::Destruction,
    ];

    /// The types that start from metadata that exists.
    pub const LATER: [Self; 7] = [
        Self::RootRenewal,
        Self::KeyRotation,
        Self::CompromiseResponse,
        Self::DelegationChange,
        Self::TargetsSigning,
        Self::RestoreDrill,
        Self::Destruction,
    ];

    /// As the file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RootGenesis => "root-genesis",
            Self::RootRenewal => "root-renewal",
            Self::KeyRotation => "key-rotation",
            Self::CompromiseResponse => "compromise-response",
            Self::DelegationChange => "delegation-change",
            Self::TargetsSigning => "targets-signing",
            Self::RestoreDrill => "restore-drill",
            Self::Destruction => "destruction",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Every name, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Whether it always makes a new root.
    pub fn makes_root(self) -> bool {
        matches!(self, Self::RootGenesis | Self::RootRenewal | Self::KeyRotation)
    }

    /// Whether it may make a new root. A key that only delegated roles list leaves without one.
    pub fn may_make_root(self) -> bool {
        self.makes_root() || self == Self::CompromiseResponse
    }

    /// Whether it signs metadata; the others are held for keys alone.
    pub fn signs(self) -> bool {
        !matches!(self, Self::RestoreDrill | Self::Destruction)
    }

    /// What it may change, in words.
    pub fn scope(self) -> &'static str {
        match self {
            Self::RootGenesis => "everything: there is no before",
            Self::RootRenewal => "root's version and expiry",
            Self::KeyRotation => {
                "keys and thresholds of top-level roles, and the signing again that they force"
            }
            Self::CompromiseResponse => {
                "keys and thresholds of any role, and the signing again that they force"
            }
            Self::DelegationChange => "delegations, and the signing again that they force",
            Self::TargetsSigning => {
                "the target files of one role, and versions and expiry of targets, snapshot and timestamp"
            }
            Self::RestoreDrill => "nothing: keys are opened, to see that they can be",
            Self::Destruction => "nothing: keys that no role lists are destroyed",
        }
    }

    /// Whether a change in the file of `file` is one that this type may make.
    pub fn allows(self, file: &str, change: &diff::Change) -> bool {
        let own = *change.role == *file;
        if matches!(change.kind, diff::Kind::Writing) {
            return true;
        }
        if own && matches!(change.kind, diff::Kind::Version | diff::Kind::Expires) {
            return match self {
                Self::RootRenewal => file == "root",
                Self::DelegationChange | Self::TargetsSigning => file != "root",
                _ => true,
            };
        }
        let keys = change.kind.of_signers();
        let files =
            matches!(change.kind, diff::Kind::FileAdded | diff::Kind::FileChanged | diff::Kind::FileRemoved);
        match self {
            Self::RootGenesis => true,
            Self::RootRenewal | Self::RestoreDrill | Self::Destruction => false,
            Self::KeyRotation => file == "root" && keys && TOP_LEVEL.contains(&&*change.role),
            Self::CompromiseResponse => keys,
            Self::DelegationChange => file != "root" && change.kind.of_delegations(),
            Self::TargetsSigning => file != "root" && files,
        }
    }
}
