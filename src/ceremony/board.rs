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
    /// By whose word its keys count: `root 3`, or who delegates to it; empty where there is only one.
    pub by: String,
    /// How many signed.
    pub signed: usize,
    /// How many must.
    pub threshold: u32,
    /// Whether the signatures were counted and met the threshold.
    pub verified: bool,
}

impl Column {
    /// What the column is headed with: the role, or by whose keys it is counted.
    pub fn title(&self) -> String {
        match (self.role.as_str(), self.by.as_str()) {
            (role, "") => role.to_owned(),
            ("root", by) => by.to_owned(),
            (role, by) => format!("{role} of {by}"),
        }
    }

    /// The role, and by whose keys it is counted: `root, by the keys of root 1`.
    pub fn whose(&self) -> String {
        if self.by.is_empty() {
            self.role.clone()
        } else {
            format!("{}, by the keys of {}", self.role, self.by)
        }
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key's name.
    pub key: String,
    /// Its holder's full name, with its own where that person has several; or `key NAME`.
    pub holder: String,
    /// Its keyid, once known.
    pub keyid: Option<String>,
    /// Where it stands for each column; `None` where the role does not list it.
    pub standing: Vec<Option<Standing>>,
}

/// The board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The roles that are signed in the room; a root that follows another has a column for the keys of each, and so has a
    /// role to which several delegate.
    pub columns: Vec<Column>,
    /// The keys, in the order of the file.
    pub rows: Vec<Row>,
}

impl Ceremony {
    /// The board as it stands.
    pub fn board(&self) -> Board {
        let plan = self.plan();
        let roles = plan.roles_in_room();
        let mut columns = Vec::new();
        let mut quorums = Vec::new();
        for role in roles {
            let counts = self.room().counts(role);
            let several = counts.len() > 1;
            for (quorum, signed) in counts {
                columns.push(Column {
                    role: role.to_owned(),
                    by: if several { quorum.by.clone() } else { String::new() },
                    signed,
                    threshold: u32::try_from(quorum.threshold).unwrap_or(u32::MAX),
                    verified: self.room().verified(role),
                });
                quorums.push((role, &quorum.keys));
            }
        }
        let rows = plan.keys.iter().map(|key| Row {
            key: key.name.clone(),
            holder: plan.called(&key.name),
            keyid: self.known(&key.name).map(|known| known.keyid.to_string()),
            standing: quorums
                .iter()
                .map(|(role, keys)| keys.contains(&key.name).then(|| self.standing(role, &key.name)))
                .collect(),
        });
        let rows = rows.filter(|row| row.standing.iter().any(Option::is_some) || plan.before.is_none());
        Board { rows: rows.collect(), columns }
    }

    fn standing(&self, role: &str, key: &str) -> Standing {
        let signs = self.plan().key(key).is_some_and(crate::plan::Key::signs);
        match () {
            () if self.room().signed(role).contains(key) => Standing::Signed,
            () if self.room().declined(role).contains(key) => Standing::Declined,
            () if !signs => Standing::Elsewhere,
            () if self.known(key).is_none() => Standing::NoKey,
            () => Standing::Waiting,
        }
    }
}
