//! What a rule is: a name, what clients make of metadata that breaks it, why that matters and what to do.

use std::fmt;

use serde::Serialize;

/// A client that other people run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Client {
    /// python-tuf 7 with securesystemslib 1.6
    #[serde(rename = "python-tuf 7")]
    PythonTuf,
    /// go-tuf v2
    #[serde(rename = "go-tuf v2")]
    GoTuf,
    /// tough 0.24
    #[serde(rename = "tough 0.24")]
    Tough,
    /// tuf-js with @tufjs/models 4
    #[serde(rename = "tuf-js 4")]
    TufJs,
}

impl Client {
    /// The four, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::PythonTuf, Self::GoTuf, Self::Tough, Self::TufJs];

    /// Its name and version.
    pub fn name(self) -> &'static str {
        match self {
            Self::PythonTuf => "python-tuf 7",
            Self::GoTuf => "go-tuf v2",
            Self::Tough => "tough 0.24",
            Self::TufJs => "tuf-js 4",
        }
    }
}

/// What a client does with metadata that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// It takes it, and nothing is lost.
    Accepts,
    /// It takes it, and understands something else than another client does.
    Differs,
    /// It takes it, and is open to an attack.
    Fooled,
    /// It refuses the file, the role or the target.
    Refuses,
}

/// How we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// Its source says so.
    Read,
    /// It was run on such metadata; a test does so again.
    Tried,
}

/// What one client makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Says {
    /// Which.
    pub client: Client,
    /// What it does.
    pub does: Does,
    /// How we know.
    pub seen: Seen,
    /// Its words, or what it does in ours.
    pub says: &'static str,
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.does {
            Does::Accepts => "takes it",
            Does::Differs => "takes it its own way",
            Does::Fooled => "is open to an attack",
            Does::Refuses => "refuses it",
        };
        let seen = match self.seen {
            Seen::Read => "read",
            Seen::Tried => "tried",
        };
        let colon = if self.says.is_empty() { "" } else { ": " };
        write!(f, "{} {does}{colon}{} ({seen})", self.client.name(), self.says)
    }
}

/// The client refuses it.
pub(super) const fn refuses(client: Client, seen: Seen, says: &'static str) -> Says {
    Says { client, does: Does::Refuses, seen, says }
}

/// The client takes it and is open to an attack.
pub(super) const fn fooled(client: Client, seen: Seen, says: &'static str) -> Says {
    Says { client, does: Does::Fooled, seen, says }
}

/// The client takes it and means something else.
pub(super) const fn differs(client: Client, seen: Seen, says: &'static str) -> Says {
    Says { client, does: Does::Differs, seen, says }
}

/// The client takes it.
pub(super) const fn accepts(client: Client, seen: Seen) -> Says {
    Says { client, does: Does::Accepts, seen, says: "" }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth changing with the next version.
    Warning,
    /// A client refuses it or can be attacked; or, in the strict profile, we would never write it.
    Error,
}

impl Severity {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What counts as an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What at least one of the four clients refuses, or by which one of them can be attacked.
    #[default]
    Compatible,
    /// That, and everything that we would never write.
    Strict,
}

/// What may be wrong with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Such as `ONE-KEY-SEVERAL-KEYIDS`.
    pub name: &'static str,
    /// What is found, in a few words.
    pub what: &'static str,
    /// What clients make of it; those that are not listed take it.
    pub clients: &'static [Says],
    /// How much it matters where no client minds.
    #[serde(skip)]
    pub otherwise: Severity,
    /// Whether we could write it ourselves.
    #[serde(skip)]
    pub we_write: bool,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

impl Rule {
    /// How much a finding matters: it follows from what clients do.
    pub fn severity(&self, profile: Profile) -> Severity {
        let does = |wanted: Does| self.clients.iter().any(|says| says.does == wanted);
        if does(Does::Refuses) || does(Does::Fooled) || (profile == Profile::Strict && !self.we_write) {
            Severity::Error
        } else if does(Does::Differs) {
            Severity::Warning
        } else {
            self.otherwise
        }
    }
}
