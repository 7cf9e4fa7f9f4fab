//! What a witness signs of a journal, and how that is verified: a checkpoint (C2SP tlog-checkpoint) over its lines as
//! leaves of RFC 6962, cosigned with OpenSSH, with minisign, or as a C2SP cosignature. Pure.
//!
//! A chain is tamper-evident only from the moment somebody else holds its head. A cosignature is such a somebody, who
//! need not have been believed: whoever rewrites the lines before it makes it fail.

pub mod checkpoint;
pub mod cosignature;
pub mod key;
mod minisign;
mod note;
mod ssh;
pub mod tree;

pub use checkpoint::Checkpoint;
pub use cosignature::Cosignature;
pub use key::StatementKey;

/// The namespace of signatures by `ssh-keygen -Y sign -n`.
pub const NAMESPACE: &str = "keyrite-checkpoint";
