//! Timestamp metadata (TUF section 4.6).

use serde_json::Map;
use serde_json::Value;

use crate::tuf::date::Date;
use crate::tuf::metadata::MetadataError;
use crate::tuf::snapshot::MetaFile;

/// What a timestamp says.
#[derive(Clone, Debug, PartialEq)]
pub struct Timestamp {
    /// `version`, from 1.
    pub version: u64,
    /// `expires`
    pub expires: Date,
    /// The one entry of `meta`, `snapshot.json`
    pub snapshot: MetaFile,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl Timestamp {
    /// Reads the signed part of a timestamp.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let _ = signed;
        todo!()
    }

    /// The signed part.
    pub fn to_signed(&self) -> Value {
        todo!()
    }
}
