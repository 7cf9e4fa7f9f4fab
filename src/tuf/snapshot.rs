//! Snapshot metadata (TUF section 4.4).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::date::Date;
use crate::tuf::fields;
use crate::tuf::metadata::MetadataError;

/// What snapshot and timestamp say of a metadata file.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MetaFile {
    /// `version`
    pub version: u64,
    /// Bytes, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Hashes, where given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, String>,
}

/// What a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// `version`, from 1.
    pub version: u64,
    /// `expires`
    pub expires: Date,
    /// `meta`, by file name such as `targets.json`
    pub meta: BTreeMap<String, MetaFile>,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

/// `meta` of snapshot and timestamp.
pub(crate) fn meta(signed: &Value) -> Result<BTreeMap<String, MetaFile>, MetadataError> {
    let entry = |(name, json): (&String, &Value)| {
        fields::whole(json, "version").map_err(|e| MetadataError(format!("meta {name:?}: {e}")))?;
        let file = MetaFile::deserialize(json);
        Ok((name.clone(), file.map_err(|e| MetadataError(format!("meta {name:?}: {e}")))?))
    };
    fields::member(signed, "meta")?.iter().map(entry).collect()
}

impl Snapshot {
    /// Reads the signed part of a snapshot.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let common = fields::read(signed, "snapshot", &["meta"])?;
        let meta = meta(signed)?;
        Ok(Self { version: common.version, expires: common.expires, meta, extra: common.extra })
    }

    /// The signed part.
    pub fn to_signed(&self) -> Value {
        let mut object = fields::write("snapshot", self.version, self.expires, &self.extra);
        object.insert("meta".to_owned(), json!(self.meta));
        Value::Object(object)
    }
}
