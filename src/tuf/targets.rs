//! Targets metadata (TUF section 4.5).

pub(crate) mod apart;
pub mod change;
pub mod manifest;
pub mod path;

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
        let entry = |(path, json): (&String, &Value)| {
            fields::object(json, path)?;
            let file = TargetFile::deserialize(json);
            Ok((path.clone(), file.map_err(|e| MetadataError(format!("target {path:?}: {e}")))?))
        };
        let targets = fields::member(signed, "targets")?.iter().map(entry);
        Self::from_parts(signed, Some(targets.collect::<Result<_, MetadataError>>()?))
    }

    /// The same, with `targets` read apart from the rest.
    pub(crate) fn from_parts(rest: &Value, targets: Option<apart::Files>) -> Result<Self, MetadataError> {
        let common = fields::read(rest, "targets", &["targets", "delegations"])?;
        Ok(Self {
            version: common.version,
            expires: common.expires,
            targets: targets.ok_or_else(|| MetadataError::new("targets is not an object"))?,
            delegations: rest.get("delegations").filter(|d| !d.is_null()).cloned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn both(targets: &str) -> (Result<Targets, String>, Result<Targets, String>) {
        let signed = format!(
            r#"{{"_type":"targets","spec_version":"1.0.31","version":1,"expires":"2027-01-03T09:00:00Z",
            "x-note":"kept","targets":{targets}}}"#
        );
        let whole = crate::tuf::json::parse(signed.as_bytes())
            .and_then(|signed| Targets::from_signed(&signed).map_err(|e| e.to_string()));
        let apart = apart::parse(signed.as_bytes())
            .and_then(|(rest, targets)| Targets::from_parts(&rest, targets).map_err(|e| e.to_string()));
        (whole, apart)
    }

    #[test]
    fn targets_read_apart_are_the_targets_read_whole() {
        for text in [
            "{}",
            r#"{"b":{"length":1,"hashes":{"sha256":"00","x":"y"}},"a":{"hashes":{},"length":0,"custom":{"k":[1]}}}"#,
            r#"{"a\u0062":{"length":1,"hashes":{},"custom":null,"other":{"k":1}}}"#,
        ] {
            let (whole, apart) = both(text);

            assert!(whole.is_ok(), "{text}: {whole:?}");
            assert_eq!(whole, apart, "{text}");
        }
    }

    #[test]
    fn what_is_refused_whole_is_refused_apart() {
        for text in [
            "[]",
            "null",
            r#"{"a":[1,{}]}"#,
            r#"{"a":{"length":1}}"#,
            r#"{"a":{"hashes":{}}}"#,
            r#"{"a":{"length":-1,"hashes":{}}}"#,
            r#"{"a":{"length":1.5,"hashes":{}}}"#,
            r#"{"a":{"length":1,"hashes":{"sha256":1}}}"#,
            r#"{"a":{"length":1,"hashes":{}},"a":{"length":1,"hashes":{}}}"#,
            r#"{"a":{"length":1,"length":1,"hashes":{}}}"#,
            r#"{"a":{"length":1,"hashes":{"x":"1","x":"1"}}}"#,
            r#"{"a":{"length":1,"hashes":{},"custom":{"k":1,"k":1}}}"#,
            r#"{"a":{"length":1,"hashes":{},"other":1,"other":1}}"#,
            r#"{"a":{"length":1,"hashes":{},"other":{"k":1,"k":1}}}"#,
            r#"{}, "targets": {}"#,
            r#"{}, "x-note": 1"#,
        ] {
            let (whole, apart) = both(text);

            assert!(whole.is_err() && apart.is_err(), "{text}: {whole:?} {apart:?}");
        }
    }
}
