//! A commented ceremony file to start from, filled from the metadata of a repository. It writes what a person would have
//! to look up: the root's digest, keyids, holders, versions, dates, and what the file as it stands would change.
//!
//! Nothing here reads a clock or a file, and nothing judges the result: `keyrite check` does. `keyrite new --from` and
//! `keyrite assess --repair` call this.

mod cast;
mod dates;
mod delegations;
mod head;
mod sections;
mod text;

use std::collections::BTreeMap;

use crate::assess::Assessment;
use crate::assess::Model;
use crate::draft::sections::Draft;
use crate::plan::Kind;
use crate::tuf::Date;
use crate::tuf::Repository;

/// Someone whom an earlier ceremony file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The short name.
    pub id: String,
    /// The full name.
    pub name: String,
    /// operator, custodian, witness or auditor.
    pub role: String,
    /// The public key with which this person signs statements, as the file writes it.
    pub statement_key: Option<String>,
}

/// What an earlier ceremony file says of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKey {
    /// The participant who holds it.
    pub holder: Option<String>,
    /// Where its private half lives, as this file would write it.
    pub store: Option<String>,
    /// How it was split.
    pub shares: Option<KnownShares>,
}

/// The shares of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownShares {
    /// How many bring the key back, as the file says it.
    pub threshold: String,
    /// The participants who hold them.
    pub holders: Vec<String>,
}

/// What an earlier ceremony file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its participants.
    pub people: Vec<KnownPerson>,
    /// Its keys, by name.
    pub keys: BTreeMap<String, KnownKey>,
    /// What must hold on the machine.
    pub require: Vec<String>,
    /// What need not, by name.
    pub waive: Vec<String>,
}

/// Keys that are lost and stolen.
#[derive(Clone, Copy, Debug)]
pub enum Gone<'a> {
    /// As somebody said.
    Said(&'a Assessment),
    /// Nobody said: some stand in, to be corrected.
    Example(&'a Assessment),
}

impl<'a> Gone<'a> {
    fn assessment(self) -> &'a Assessment {
        match self {
            Self::Said(assessment) | Self::Example(assessment) => assessment,
        }
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The type, which is one that starts from a before.
    pub kind: Kind,
    /// The repository.
    pub repository: &'a Repository,
    /// The same, with the names of its keys.
    pub model: &'a Model,
    /// Whose target files change, for a targets-signing: a role, or the bins of this prefix; `targets` where nobody says.
    pub role: Option<&'a str>,
    /// Which keys are lost and stolen, for a compromise response.
    pub gone: Option<Gone<'a>>,
    /// From an earlier ceremony, where there was one.
    pub known: &'a Known,
    /// The metadata directory as the file names it.
    pub metadata: &'a str,
    /// The day.
    pub now: Date,
}

/// Why there is no such file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// The file.
pub fn draft(request: &Request<'_>) -> Result<String, Refusal> {
    if request.kind == Kind::RootGenesis {
        return Err(Refusal("a root-genesis starts from no metadata".to_owned()));
    }
    Draft::of(request)?.write()
}
