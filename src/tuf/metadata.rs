//! A signed file: the bytes that were signed, kept as they were read, and the signatures over them.
//!
//! Written, the signatures stand one on a line and the signed part, in canonical form wherever JSON allows
//! it, on a line of its own, so that `sed` and `openssl` can check a file without us:
//!
//! ```text
//! {
//! "signatures":[
//! {"keyid":"74c0...","sig":"0a1b..."},
//! {"keyid":"1b9f...","sig":"30440..."}
//! ],
//! "signed":{"_type":"root", ... }
//! }
//! ```

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::tuf::key::KeyId;

/// One signature as the file lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// The label of the key that made it.
    pub keyid: KeyId,
    /// The signature in lower-case hex; empty in the placeholders that some tools write.
    pub sig: String,
}

/// Why a file is not metadata.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct MetadataError(pub String);

/// A file of metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    signed: Value,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Metadata {
    /// Metadata that nobody has signed yet.
    pub fn unsigned(signed: Value) -> Result<Self, MetadataError> {
        let _ = signed;
        todo!()
    }

    /// Reads a file. Duplicate keys at any depth are refused; unknown fields are kept.
    pub fn parse(file: &[u8]) -> Result<Self, MetadataError> {
        let _ = file;
        todo!()
    }

    /// The signed part as it was read.
    pub fn signed(&self) -> &Value {
        &self.signed
    }

    /// The bytes that signatures are over: the canonical form of the signed part.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures, in the order of the file.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature, replacing one of the same keyid. The caller has verified it.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.retain(|other| other.keyid != signature.keyid);
        self.signatures.push(signature);
    }

    /// `_type` of the signed part: root, targets, snapshot or timestamp.
    pub fn role_type(&self) -> &str {
        self.signed["_type"].as_str().unwrap_or_default()
    }

    /// The file: always the same bytes for the same content, signatures in the order of their keyids.
    pub fn to_file(&self) -> Vec<u8> {
        todo!()
    }
}
