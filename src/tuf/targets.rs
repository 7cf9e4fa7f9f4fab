//! Targets metadata (TUF section 4.5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::date::Date;
use crate::tuf::fields;
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
    /// `delegations`, as read; [`crate::tuf::delegations`] understands them.
    pub delegations: Option<Value>,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl Targets {
    /// Reads the signed part of a targets role.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let common = fields::read(signed, "targets", &["targets", "delegations"])?;
        let entry = |(path, json): (&String, &Value)| {
            fields::object(json, path)?;
            let file = TargetFile::deserialize(json);
            Ok((path.clone(), file.map_err(|e| MetadataError(format!("target {path:?}: {e}")))?))
        };
        let targets = fields::member(signed, "targets")?.iter().map(entry);
        Ok(Self {
            version: common.version,
            expires: common.expires,
            targets: targets.collect::<Result<_, MetadataError>>()?,
            delegations: signed.get("delegations").filter(|d| !d.is_null()).cloned(),
            extra: common.extra,
        })
    }

    /// The signed part.
    pub fn to_signed(&self) -> Value {
        let mut object = fields::write("targets", self.version, self.expires, &self.extra);
        object.insert("targets".to_owned(), json!(self.targets));
        if let Some(delegations) = &self.delegations {
            object.insert("delegations".to_owned(), delegations.clone());
        }
        Value::Object(object)
    }
}
