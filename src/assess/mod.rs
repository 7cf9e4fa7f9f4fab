//! What follows when keys are lost or stolen: who can still sign, what a thief can make clients believe and until
//! when, whether root can follow root, and what repairs it.
//!
//! It asks a repository as it lies, and judges by named rules; it verifies nothing and signs nothing. `keyrite assess`
//! shows it, `draft` writes the ceremony that repairs.

mod chain;
mod effect;
mod fewest;
mod keys;
mod model;
mod paths;
mod recovery;
mod repair;
mod rows;
pub mod rules;
mod say;
mod table;
mod thief;
mod walk;
mod ways;

use crate::assess::rules::Rule;
use crate::tuf::Date;
use crate::tuf::Names;
use crate::tuf::Repository;

pub use effect::Clients;
pub use effect::Effect;
pub use effect::Harm;
pub use effect::Until;
pub use keys::Key;
pub use keys::Keys;
pub use keys::NoSuchKey;
pub use model::Counts;
pub use model::KeySet;
pub use model::Model;
pub use model::Signers;
pub use recovery::Can;
pub use recovery::Status;
pub use repair::Forgets;
pub use repair::Repair;
pub use table::Combination;
pub use table::Row;
pub use table::Table;
pub use table::Unsigned;
pub use table::Worst;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Keys that nobody can use any more.
    pub lost: KeySet,
    /// Keys that someone else can use too. They still sign, and must not be needed.
    pub stolen: KeySet,
    /// When.
    pub at: Date,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// What was asked.
    pub question: Question,
    /// Every role, root first.
    pub roles: Vec<Status>,
    /// What the thief can do, the worst first; empty: nothing.
    pub thief: Vec<Effect>,
    /// Whether root can follow root: [`rules::ROOT_ROTATES`] and the two that say no.
    pub root: &'static Rule,
    /// The roles for which clients refuse today's state, whatever the thief does: they have expired, or are not here. The
    /// harm is judged as it is once they are signed again.
    pub expired: Vec<String>,
}

impl Model {
    /// A repository, and what its keys are called.
    pub fn of(repository: &Repository, names: &Names) -> Self {
        Self::new(repository, names)
    }

    /// Answers one question.
    pub fn assess(&self, question: &Question) -> Assessment {
        self.answer(question, true, &walk::Room::default())
    }

    /// Every combination of lost and stolen keys, by what follows.
    pub fn table(&self, at: Date) -> Table {
        table::table(self, at)
    }

    /// The same table from the thresholds alone, as it is made where there are too many combinations to try.
    pub fn table_by_thresholds(&self, at: Date) -> Table {
        table::by_thresholds(self, at)
    }

    fn answer(&self, question: &Question, count: bool, room: &walk::Room) -> Assessment {
        let Question { lost, stolen, at } = question;
        let thief = thief::Thief { model: self, stolen, at: *at, clients: Clients::All, count, room };
        let roles = recovery::all(self, lost, stolen);
        let root = match roles.first().map_or(Can::Never, |root| root.can) {
            Can::Sign { .. } => &rules::ROOT_ROTATES,
            Can::OnlyWithStolen => &rules::ROOT_NEEDS_STOLEN,
            Can::Never => &rules::ROOT_LOST,
        };
        let (thief, expired) = (thief.effects(), thief.expired());
        Assessment { question: question.clone(), roles, thief, root, expired }
    }
}

impl Assessment {
    /// Whether every role can still be signed, and the thief can do nothing harmful.
    pub fn is_good(&self) -> bool {
        let signed = self.roles.iter().all(|role| matches!(role.can, Can::Sign { .. }));
        signed && self.thief.iter().all(|effect| effect.harm == Harm::Nothing)
    }

    /// The worst that clients of the newest root suffer.
    pub fn worst(&self) -> Harm {
        let now = self.thief.iter().filter(|effect| effect.clients.is_none());
        now.map(|effect| effect.harm).min().unwrap_or(Harm::Nothing)
    }

    /// The worst that clients of older roots suffer.
    pub fn worst_of_old(&self) -> Harm {
        let old = self.thief.iter().filter(|effect| effect.clients.is_some());
        old.map(|effect| effect.harm).min().unwrap_or(Harm::Nothing)
    }

    /// Whether the thief can make the next root himself.
    pub fn thief_rotates(&self) -> bool {
        self.worst() == Harm::Takeover
    }

    /// Whether a ceremony can repair it: root follows root without a stolen key.
    pub fn is_repairable(&self) -> bool {
        self.root.name == rules::ROOT_ROTATES.name
    }
}
