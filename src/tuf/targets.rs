//! Targets metadata (TUF section 4.5).

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::date::Date;
use crate::tuf::metadata::MetadataError;

/// What metadata says of one target file, and of one metadata file.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TargetFile {
    /// Bytes.
    pub length: u64,
    /// Algorithm to lower-case hex: `sha256`, `sha512`.
    pub hashes: BTreeMap<String, String>,
    /// `custom`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
}

/// What a targets role says.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// `version`, from 1.
    pub version: u64,
    /// `expires`
    pub expires: Date,
    /// `targets`, by path
    pub targets: BTreeMap<String, TargetFile>,
    /// `delegations`, as read.
    pub delegations: Option<Value>,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl Targets {
    /// Reads the signed part of a targets role.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let _ = signed;
        todo!()
    }

    /// The signed part.
    pub fn to_signed(&self) -> Value {
        todo!()
    }
}
