//! One thing that a thief can do to clients, and for how long.

use crate::assess::model::Counts;
use crate::assess::rules;
use crate::assess::rules::Rule;
use crate::tuf::Date;

/// What clients suffer; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    /// He owns the clients: he names every key from now on.
    Takeover,
    /// They take any file for a target.
    AnySoftware,
    /// They take files together that never belonged together.
    MixAndMatch,
    /// They take a state that is older than one they could have.
    Rollback,
    /// They never hear of anything newer.
    Freeze,
    /// They refuse everything honest.
    FastForward,
    /// Nothing yet: one step is missing.
    OneStepAway,
    /// Nothing, whatever more he gets.
    Nothing,
}

/// Which clients take something: all, or those alone that differ from the specification in one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clients {
    /// All that follow the specification.
    All,
    /// Those that count a key once for each keyid.
    CountingKeyids,
    /// tough, whose `*` and `?` also stand for a slash.
    Tough,
}

impl Clients {
    /// How they count the signatures of one key.
    pub fn counts(self) -> Counts {
        match self {
            Self::All | Self::Tough => Counts::Keys,
            Self::CountingKeyids => Counts::Keyids,
        }
    }

    /// In what they differ from the specification.
    pub fn rule(self) -> Option<&'static Rule> {
        match self {
            Self::All => None,
            Self::CountingKeyids => Some(&rules::SEVERAL_KEYIDS),
            Self::Tough => Some(&rules::STAR_CROSSES_SLASH),
        }
    }
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Until this date, when the last thing expires that he cannot sign himself.
    Date(Date),
    /// Until what must be signed again before it begins has expired once more.
    SignedAgain,
    /// Until root names other keys for timestamp or snapshot.
    OtherKeys,
    /// For ever: until the clients themselves are replaced.
    ForEver,
}

/// One thing that a thief can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What.
    pub harm: Harm,
    /// By which rule.
    pub rule: &'static Rule,
    /// By which roles' keys: `targets`, or delegated roles.
    pub roles: Vec<String>,
    /// On which paths, as the delegations write them, from the top; empty: on every path.
    pub paths: Vec<String>,
    /// How many of today's targets.
    pub targets: usize,
    /// A path that he could add.
    pub example: Option<String>,
    /// How long.
    pub until: Until,
    /// The roles that have expired, or are not here, and must be signed again before clients take it.
    pub after: Vec<String>,
    /// What he would still need, in roles and the number of keys.
    pub needs: Vec<(String, u32)>,
    /// The root that suffering clients trust, where that is not the newest.
    pub clients: Option<u64>,
    /// Which clients take it.
    pub taken_by: Clients,
}
