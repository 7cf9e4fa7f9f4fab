//! Targets metadata (TUF section 4.5).

pub(crate) mod alike;
pub mod change;
mod entry;
mod files;
mod hashes;
pub(crate) mod listed;
pub mod manifest;
pub(crate) mod passing;
pub mod path;
pub(crate) mod paths;
pub(crate) mod scan;
pub(crate) mod stream;
mod text;
pub(crate) mod wants;
pub(crate) mod writer;

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::canonical;
use crate::tuf::canonical::CanonicalError;
use crate::tuf::date::Date;
use crate::tuf::fields;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;

pub use files::Files;
pub use hashes::Hashes;
pub use listed::Entry;
pub use listed::Listed;

/// What metadata says of one target file, and of one metadata file.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TargetFile {
    /// Bytes.
    pub length: u64,
    /// Algorithm to lower-case hex: `sha256`, `sha512`.
    pub hashes: Hashes,
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

impl TargetFile {
    /// Writes the canonical form.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        out.push(b'{');
        if let Some(custom) = &self.custom {
            out.extend_from_slice(b"\"custom\":");
            out.extend(canonical::to_vec(custom)?);
            out.push(b',');
        }
        out.extend_from_slice(b"\"hashes\":{");
        for (i, (name, digest)) in self.hashes.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            canonical::write_string(name, out);
            out.push(b':');
            canonical::write_string(digest, out);
        }
        out.extend_from_slice(b"},\"length\":");
        out.extend_from_slice(self.length.to_string().as_bytes());
        out.push(b'}');
        Ok(())
    }
}

impl Targets {
    /// Reads the metadata of a targets role.
    pub fn read(metadata: &Metadata) -> Result<Self, MetadataError> {
        let rest = Self::rest(metadata)?;
        let entry = |(path, entry): (&str, Entry<'_>)| Ok((path.to_owned(), entry.of(path)?));
        let targets = Self::listed(metadata)?.iter().map(entry).collect::<Result<_, MetadataError>>()?;
        Ok(Self { targets, ..rest })
    }

    /// The target files that the metadata of a targets role lists, as they lie.
    pub fn listed(metadata: &Metadata) -> Result<Listed<'_>, MetadataError> {
        metadata.listed().ok_or_else(|| MetadataError::new("targets is not an object"))
    }

    /// What [`Self::read`] reads, but for the target files.
    pub fn rest(metadata: &Metadata) -> Result<Self, MetadataError> {
        let signed = metadata.signed();
        let common = fields::read(signed, "targets", &["targets", "delegations"])?;
        Ok(Self {
            version: common.version,
            expires: common.expires,
            targets: BTreeMap::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As it lies, which is read whole, and in canonical form.
    fn both(targets: &str) -> [Result<Targets, String>; 2] {
        let signed = format!(
            r#"{{"_type":"targets","expires":"2027-01-03T09:00:00Z","spec_version":"1.0.31","targets":{targets},"version":1,"x-note":"kept"}}"#
        );
        [signed.clone(), format!("{{ {}", &signed[1..])].map(|signed| {
            let file = format!(r#"{{"signatures":[],"signed":{signed}}}"#);
            let metadata = Metadata::parse(file.as_bytes()).map_err(|e| e.to_string())?;
            Targets::read(&metadata).map_err(|e| e.to_string())
        })
    }

    #[test]
    fn targets_that_lie_canonical_are_the_targets_that_do_not() {
        for (canonical, other) in [
            ("{}", "{ }"),
            (
                r#"{"a":{"custom":{"k":[1]},"hashes":{},"length":0},"b":{"hashes":{"sha256":"00","x":"y"},"length":1}}"#,
                r#"{"b":{"length":1,"hashes":{"sha256":"00","x":"y"}},"a":{"hashes":{},"length":0,"custom":{"k":[1]}}}"#,
            ),
            (
                r#"{"ab":{"custom":null,"hashes":{},"length":1,"other":{"k":1}}}"#,
                r#"{"a\u0062":{"length":1,"hashes":{},"custom":null,"other":{"k":1}}}"#,
            ),
        ] {
            let read = [both(canonical), both(other)].concat();

            assert!(read[0].is_ok(), "{canonical}: {read:?}");
            assert!(read.iter().all(|one| *one == read[0]), "{canonical}: {read:?}");
        }
    }

    #[test]
    fn what_is_refused_in_one_form_is_refused_in_the_other() {
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
            let read = both(text);

            assert!(read.iter().all(Result::is_err), "{text}: {read:?}");
        }
    }
}
