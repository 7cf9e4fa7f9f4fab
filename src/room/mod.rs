//! The room: what has happened to keys and metadata so far, and how one act changes it.
//!
//! There is one transition function, [`Room::apply`]: what may happen now (`may`), and what it changes. A week before,
//! `plan` walks the script with the acts that should happen; on the day, `ceremony` folds the acts that did. What the
//! first proved, the second enforces.

mod may;
mod shares;
pub mod things;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub use things::Handling;
use things::Things;
use things::ThingsSetup;

/// What the ceremony file settles before anyone enters the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Keys made in the room.
    pub generated: BTreeSet<String>,
    /// Keys that come with a file or a token.
    pub loaded: BTreeSet<String>,
    /// The roles built in the room, by name.
    pub roles: BTreeMap<String, RoleSetup>,
    /// Every key that root lists for any role.
    pub listed: BTreeSet<String>,
    /// Keys whose public half the metadata before names: they are known when the ceremony opens.
    pub known: BTreeSet<String>,
    /// Roles whose signed file comes from before, and can be described as it is.
    pub carried: BTreeSet<String>,
    /// Tokens, bags and drives.
    pub things: ThingsSetup,
    /// Two watches are compared with the machine's clock before the gate.
    pub clock_board: bool,
    /// Another machine verifies the bundle before anything is sealed.
    pub second_machine: bool,
    /// Drives that the bundle leaves the room on.
    pub carriers: BTreeSet<String>,
    /// Keys that are split into shares.
    pub shares: BTreeMap<String, Split>,
    /// Whether every one of these keys must be proven to open again, or destroyed, before the end.
    pub every: Every,
}

/// A key that is split into shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Who holds one.
    pub holders: Vec<String>,
    /// They were handed out before this ceremony.
    pub come: bool,
}

/// Keys that a ceremony is held for, where it signs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Every {
    /// Each is restored.
    pub drilled: BTreeSet<String>,
    /// Each is destroyed.
    pub destroyed: BTreeSet<String>,
}

/// One role that is built in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSetup {
    /// Whose signatures it needs: each of these must be met. A root that follows another has two, the old keys and
    /// the new ones; a delegated role one for each who delegates to it.
    pub quorums: Vec<Quorum>,
    /// The keys that can sign it in the room.
    pub signers: BTreeSet<String>,
    /// Roles whose signed file it describes: they are verified before it is built.
    pub describes: Vec<String>,
    /// Keys of the roles that it delegates to: they are known before it is built.
    pub delegates: BTreeSet<String>,
}

/// Some keys, and how many of them must sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// By whose word: `root 4`, `targets`.
    pub by: String,
    /// The keys.
    pub keys: BTreeSet<String>,
    /// How many must sign.
    pub threshold: usize,
}

impl Quorum {
    /// How many of its keys are among these.
    pub fn among(&self, keys: &BTreeSet<String>) -> usize {
        self.keys.intersection(keys).count()
    }
}

impl RoleSetup {
    /// Whether any of its quorums lists the key.
    pub fn lists(&self, key: &str) -> bool {
        self.quorums.iter().any(|quorum| quorum.keys.contains(key))
    }

    /// The keys of all its quorums.
    pub fn keys(&self) -> BTreeSet<&String> {
        self.quorums.iter().flat_map(|quorum| &quorum.keys).collect()
    }
}

/// One thing that happens in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Everyone is here.
    RollCall,
    /// Watches were compared with the machine's clock.
    SetClock,
    /// The machine was looked at.
    Preflight,
    /// The point of no return.
    Gate,
    /// Everybody leaves and comes back.
    Break,
    /// A token, a bag or a drive is handled.
    Handle(Handling),
    /// Public keys from files and tokens are known.
    Load,
    /// The holder of a key from outside shows that he has it.
    Enrol(String),
    /// A key is made.
    Generate(String),
    /// A key is brought back from its backup, or opened, and signs something that is thrown away.
    Drill(String),
    /// A holder gets a share of a key: on the screen, or on a drive.
    Share {
        /// The key.
        key: String,
        /// The holder.
        to: String,
        /// The drive.
        drive: Option<String>,
    },
    /// A key is brought back from all of its shares.
    DrillShares(String),
    /// A key is destroyed.
    Destroy(String),
    /// A role's metadata is built.
    Build(String),
    /// What other clients would say of a role's metadata is looked at.
    Lint(String),
    /// A role's metadata has been read by people.
    Review(String),
    /// A key signs for a role.
    Sign(String, String),
    /// A key's holder does not sign today.
    Decline(String, String),
    /// The digest of a role's payload is read aloud.
    ReadAloud(String),
    /// A role's signatures meet its threshold.
    Verify(String),
    /// The bundle is written: to the record, or to this drive.
    Export(Option<String>),
    /// The bundle was read back from there and verified.
    Readback(Option<String>),
    /// A drive is given up, with an exception: what it holds does not count.
    Lose(String),
    /// Another machine verified the bundle.
    SecondMachine,
    /// Nothing follows.
    Close,
    /// Something that changes nothing in the room: say, read the plan aloud, checkpoint.
    Other,
}

impl Act {
    /// What it is about: a role, a key, a token, a bag, a drive.
    pub fn about(&self) -> &str {
        match self {
            Self::Handle(handling) => handling.thing(),
            Self::Enrol(name) | Self::Generate(name) | Self::Drill(name) | Self::Destroy(name) => name,
            Self::Share { key: name, .. } | Self::DrillShares(name) => name,
            Self::Build(name) | Self::Lint(name) | Self::Review(name) | Self::ReadAloud(name) => name,
            Self::Sign(role, _) | Self::Decline(role, _) | Self::Verify(role) => role,
            Self::Export(Some(drive)) | Self::Readback(Some(drive)) | Self::Lose(drive) => drive,
            _ => "",
        }
    }
}

/// An act that the room does not allow now; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} ({rule})")]
pub struct NotNow {
    /// The rule.
    pub rule: &'static str,
    /// The reason, in words.
    pub why: String,
    /// The role, the key or the thing that it lacks, where that is not the one that the act is about.
    pub lacks: String,
}

fn refuse<T>(rule: &'static str, why: impl Into<String>) -> Result<T, NotNow> {
    refuse_for("", rule, why)
}

fn refuse_for<T>(lacks: &str, rule: &'static str, why: impl Into<String>) -> Result<T, NotNow> {
    Err(NotNow { rule, why: why.into(), lacks: lacks.to_owned() })
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RoleState {
    built: bool,
    reviewed: bool,
    signed: BTreeSet<String>,
    declined: BTreeSet<String>,
    verified: bool,
}

/// The state of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    setup: Setup,
    roll_called: bool,
    clock_read: bool,
    preflighted: bool,
    gate: bool,
    loaded: bool,
    known: BTreeSet<String>,
    drilled: BTreeSet<String>,
    /// Which holder got a share of a key, and the drive that it is on.
    shared: BTreeMap<(String, String), Option<String>>,
    /// Keys that came back from all of their shares.
    shares_drilled: BTreeSet<String>,
    destroyed: BTreeSet<String>,
    roles: BTreeMap<String, RoleState>,
    things: Things,
    /// Where the bundle was written.
    exported: BTreeSet<Option<String>>,
    read_back: BTreeSet<Option<String>>,
    /// Drives that were given up.
    lost: BTreeSet<String>,
    second_machine: bool,
    closed: bool,
}

impl Room {
    /// An empty room.
    pub fn new(setup: Setup) -> Self {
        let roles = setup.roles.keys().map(|name| (name.clone(), RoleState::default())).collect();
        Self {
            known: setup.known.clone(),
            things: Things::new(&setup.things),
            setup,
            roll_called: false,
            clock_read: false,
            preflighted: false,
            gate: false,
            loaded: false,
            drilled: BTreeSet::new(),
            shared: BTreeMap::new(),
            shares_drilled: BTreeSet::new(),
            destroyed: BTreeSet::new(),
            roles,
            exported: BTreeSet::new(),
            read_back: BTreeSet::new(),
            lost: BTreeSet::new(),
            second_machine: false,
            closed: false,
        }
    }

    /// One act. What is refused changes nothing.
    pub fn apply(&mut self, act: &Act) -> Result<(), NotNow> {
        self.may(act)?;
        self.assume(act);
        Ok(())
    }

    /// What an act changes, whether or not it may happen: a walk goes on behind what it refused, so that one mistake
    /// does not hide another.
    pub fn assume(&mut self, act: &Act) {
        match act {
            Act::RollCall => self.roll_called = true,
            Act::SetClock => self.clock_read = true,
            Act::Preflight => self.preflighted = true,
            Act::Gate => self.gate = true,
            Act::Handle(handling) => self.things.assume(handling),
            Act::Load => {
                self.loaded = true;
                self.known.extend(self.setup.loaded.iter().cloned());
            }
            Act::Enrol(key) | Act::Generate(key) => {
                self.known.insert(key.clone());
            }
            Act::Drill(key) => {
                self.drilled.insert(key.clone());
            }
            Act::Share { key, to, drive } => {
                self.shared.insert((key.clone(), to.clone()), drive.clone());
                self.shares_drilled.remove(key);
            }
            Act::DrillShares(key) => {
                self.shares_drilled.insert(key.clone());
            }
            Act::Destroy(key) => {
                self.destroyed.insert(key.clone());
            }
            Act::Build(role) => self.state(role).built = true,
            Act::Review(role) => self.state(role).reviewed = true,
            Act::Sign(role, key) => {
                let state = self.state(role);
                state.declined.remove(key);
                state.signed.insert(key.clone());
            }
            Act::Decline(role, key) => {
                self.state(role).declined.insert(key.clone());
            }
            Act::Verify(role) => self.state(role).verified = true,
            Act::Export(to) => {
                self.exported.insert(to.clone());
                if let Some(drive) = to {
                    self.things.written(drive);
                }
            }
            Act::Readback(from) => {
                self.read_back.insert(from.clone());
            }
            Act::Lose(drive) => {
                self.lost.insert(drive.clone());
                self.exported.remove(&Some(drive.clone()));
                self.read_back.remove(&Some(drive.clone()));
                self.things.lost(drive);
            }
            Act::SecondMachine => self.second_machine = true,
            Act::Close => self.closed = true,
            Act::Break | Act::Lint(_) | Act::ReadAloud(_) | Act::Other => {}
        }
    }

    fn state(&mut self, role: &str) -> &mut RoleState {
        self.roles.entry(role.to_owned()).or_default()
    }

    /// Whether a drive was given up.
    pub fn is_lost(&self, drive: &str) -> bool {
        self.lost.contains(drive)
    }

    /// Whether it is known who is here.
    pub fn roll_called(&self) -> bool {
        self.roll_called
    }

    /// Whether the point of no return lies behind.
    pub fn past_gate(&self) -> bool {
        self.gate
    }

    /// The keys that signed for a role so far.
    pub fn signed(&self, role: &str) -> BTreeSet<String> {
        self.roles.get(role).map(|state| state.signed.clone()).unwrap_or_default()
    }

    /// The keys whose holders do not sign for a role.
    pub fn declined(&self, role: &str) -> BTreeSet<String> {
        self.roles.get(role).map(|state| state.declined.clone()).unwrap_or_default()
    }

    /// Whether people have read what a role says.
    pub fn reviewed(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|state| state.reviewed)
    }

    /// Whether a role's signatures have been verified.
    pub fn verified(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|state| state.verified)
    }

    /// Tokens, bags and drives as they are now.
    pub fn things(&self) -> &Things {
        &self.things
    }

    /// How many signed for each quorum of a role, and how many must.
    pub fn counts(&self, role: &str) -> Vec<(&Quorum, usize)> {
        let Some(setup) = self.setup.roles.get(role) else { return Vec::new() };
        let signed = self.signed(role);
        setup.quorums.iter().map(|quorum| (quorum, quorum.among(&signed))).collect()
    }
}

#[cfg(test)]
mod tests;
