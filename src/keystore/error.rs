//! What goes wrong in a store, each with the sentence that people read.

/// A store refused, or is not there. The text says what happened and what is unchanged; `hint` what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StoreError {
    /// What kind of failure, for rules and for the journal.
    pub kind: StoreErrorKind,
    /// The sentence, naming the store.
    pub text: String,
    /// What to do next.
    pub hint: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreErrorKind {
    /// Several tokens answer to the URI.
    Ambiguous,
    /// The file is damaged or cut short.
    Damaged,
    /// Something is there already; nothing was overwritten.
    Exists,
    /// The file or object is of another kind.
    Foreign,
    /// The file system said no.
    Io,
    /// The message is longer than the token signs.
    MessageTooLong,
    /// The PKCS#11 module cannot be used.
    Module,
    /// No such file, or no such object on the token.
    NoSuchKey,
    /// No token answers to the URI.
    NoSuchToken,
    /// The PIN is locked.
    PinLocked,
    /// The key made for a rehearsal is refused.
    Rehearsal,
    /// The token stopped answering, or was pulled out.
    TokenGone,
    /// The token does not do that.
    Unsupported,
    /// The key there is another one than the plan names.
    WrongKey,
    /// The passphrase or PIN is wrong; the text says how many tries are left, where known.
    WrongSecret,
}

impl StoreError {
    /// An error of `kind`.
    pub fn new(kind: StoreErrorKind, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, text: text.into(), hint: hint.into() }
    }
}
