//! Why a ceremony does not go on. Everything recorded so far stays as it is.

/// Which of the documented exit codes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// The plan, or an answer, is no.
    No,
    /// An input cannot be read.
    Input,
    /// The people stopped.
    People,
    /// The machine is not fit, or cannot write.
    Machine,
    /// A key store failed.
    Store,
    /// A passphrase or a PIN is wrong.
    Secret,
    /// Something recorded was changed.
    Integrity,
}

/// What happened, what is unchanged, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Stop {
    /// The kind.
    pub kind: StopKind,
    /// What happened and what is unchanged.
    pub error: String,
    /// What to do next; may be empty.
    pub hint: String,
}

impl Stop {
    /// A stop of this kind.
    pub fn new(kind: StopKind, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, error: error.into(), hint: hint.into() }
    }
}
