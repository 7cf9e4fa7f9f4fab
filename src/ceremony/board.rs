//! The board: every custodian and every threshold, in people's names.

use crate::ceremony::Ceremony;

/// Where a key stands for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its public half is not known yet.
    NoKey,
    /// It can sign, and has not.
    Waiting,
    /// It signed, and the signature verified.
    Signed,
    /// Its holder does not sign today.
    Declined,
    /// It does not sign in the room.
    Elsewhere,
}

impl Standing {
    /// In one word; colour only repeats it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoKey => "no key yet",
            Self::Waiting => "waiting",
            Self::Signed => "signed",
            Self::Declined => "not today",
            Self::Elsewhere => "-",
        }
    }
}

/// One role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The role.
    pub role: String,
    /// How many signed.
    pub signed: usize,
    /// How many must.
    pub threshold: u32,
    /// Whether the signatures were counted and met the threshold.
    pub verified: bool,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key's name.
    pub key: String,
    /// Its holder's full name, or `key NAME`.
    pub holder: String,
    /// Its keyid, once known.
    pub keyid: Option<String>,
    /// Where it stands for each column; `None` where the role does not list it.
    pub standing: Vec<Option<Standing>>,
}

/// The board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The roles that are signed in the room.
    pub columns: Vec<Column>,
    /// The keys, in the order of the file.
    pub rows: Vec<Row>,
}

impl Ceremony {
    /// The board as it stands.
    pub fn board(&self) -> Board {
        let plan = self.plan();
        let roles = plan.roles_in_room();
        let columns = roles.iter().map(|role| Column {
            role: (*role).to_owned(),
            signed: self.room().signed(role).len(),
            threshold: plan.roles[*role].threshold,
            verified: self.room().verified(role),
        });
        let rows = plan.keys.iter().map(|key| Row {
            key: key.name.clone(),
            holder: plan.holder_of(&key.name),
            keyid: self.known(&key.name).map(|known| known.keyid.to_string()),
            standing: roles.iter().map(|role| self.standing(role, &key.name)).collect(),
        });
        Board { columns: columns.collect(), rows: rows.collect() }
    }

    fn standing(&self, role: &str, key: &str) -> Option<Standing> {
        if !self.plan().roles[role].keys.iter().any(|name| name == key) {
            return None;
        }
        let signs = self.plan().key(key).is_some_and(|key| key.store().is_some());
        Some(match () {
            () if self.room().signed(role).contains(key) => Standing::Signed,
            () if self.room().declined(role).contains(key) => Standing::Declined,
            () if !signs => Standing::Elsewhere,
            () if self.known(key).is_none() => Standing::NoKey,
            () => Standing::Waiting,
        })
    }
}
