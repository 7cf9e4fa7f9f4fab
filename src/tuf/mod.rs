//! The TUF specification as data and rules. Pure: no file, no clock, no random numbers.
//!
//! `key` verifies one signature, `role` counts the keys behind many, `metadata` keeps the signed
//! bytes as they were read, `client` is the client workflow of section 5 over a set of files.

pub mod apart;
pub mod base32;
pub mod base64;
pub mod bytes;
pub mod canonical;
pub mod client;
pub mod date;
pub mod delegations;
pub mod describe;
pub mod diff;
#[cfg(test)]
pub(crate) mod drip;
pub mod fault;
pub mod few;
pub(crate) mod fields;
pub mod file;
pub mod foreign_signature;
pub mod json;
pub mod key;
pub mod metadata;
pub mod names;
pub mod overview;
pub mod paths;
pub mod proof;
pub mod recovery;
pub mod repository;
pub mod role;
pub mod root;
pub mod snapshot;
pub mod targets;
pub mod timestamp;

pub use bytes::Bytes;
pub use date::Date;
pub use file::SignedFile;
pub use key::KeyId;
pub use key::PublicKey;
pub use key::Scheme;
pub use metadata::Metadata;
pub use metadata::Signature;
pub use names::Names;
pub use repository::Repository;
pub use role::RoleKeys;
