//! What a scene says, and what came of it: a file to `tests/programs/play.rs`, and a file back.

use keyrite::keystore::Found;
use keyrite::keystore::error::StoreErrorKind;
use serde::Deserialize;
use serde::Serialize;

/// One thing to do with the store of a URI.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Do {
    Look {
        uri: String,
    },
    /// Looks until it works, or until it fails with this kind; so often in a row.
    Await {
        uri: String,
        failure: Option<StoreErrorKind>,
        row: usize,
    },
    Generate {
        uri: String,
        pin: Option<String>,
        scheme: String,
        bits: Option<u32>,
    },
    Find {
        uri: String,
        pin: Option<String>,
    },
    /// Signs with the key that was made or found last, or with this one.
    Sign {
        uri: String,
        pin: Option<String>,
        public: Option<serde_json::Value>,
        payloads: Vec<String>,
    },
    /// Runs a program of another maker, which must end well.
    Tool {
        program: String,
        arguments: Vec<String>,
    },
    /// Sends a signal to the process that this variable names: now, or in the middle of what follows, when the process
    /// has waited so often.
    Signal {
        variable: String,
        usr1: bool,
        after: u64,
    },
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Came {
    Seen(serde_json::Value),
    Found(Option<Found>),
    Signed(Vec<String>),
    Done(String),
    Failed(Refusal),
}

/// A `StoreError` that can be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) kind: StoreErrorKind,
    pub(crate) text: String,
    pub(crate) hint: String,
}
