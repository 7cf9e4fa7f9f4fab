//! Signing apart: one file asks, one file answers, and answers are merged in any order, any number of times.
//!
//! [`Request`] carries what is to be signed and who may sign it, [`Response`] one signature and nothing else,
//! [`Merge`] lets signatures in. [`Signers`] says who may sign, and holds the one function that lets a signature
//! in. [`carry`] is how both travel without a file. Nothing here reads a file or asks anyone; `cli::request`, `cli::sign` and `cli::merge` do.

pub mod carry;
mod merge;
mod request;
mod response;
mod said;
mod signers;

pub use merge::Finding;
pub use merge::Merge;
pub use merge::Outcome;
pub use merge::Tally;
pub use request::Request;
pub use response::Response;
pub use signers::Admission;
pub use signers::Signers;
pub use signers::Threshold;

use crate::tuf::Bytes;

/// Why a file cannot be asked for, answered or merged into. A fragment.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text}")]
pub struct ApartError {
    /// What is wrong.
    pub text: String,
    /// Whether a request says one thing in one place and another in another.
    pub contradiction: bool,
}

impl ApartError {
    /// An error that is no contradiction.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), contradiction: false }
    }

    fn contradiction(text: impl Into<String>) -> Self {
        Self { text: text.into(), contradiction: true }
    }
}

impl From<crate::tuf::metadata::MetadataError> for ApartError {
    fn from(error: crate::tuf::metadata::MetadataError) -> Self {
        Self::new(error.0)
    }
}

/// The SHA-256 of a payload, in hex: what a response names and people compare.
fn digest(payload: &Bytes) -> String {
    hex::encode(payload.sha256())
}
