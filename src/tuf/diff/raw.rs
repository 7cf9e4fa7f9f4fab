//! Targets metadata with each target as it lies in the file: of a million targets that are alike on both sides, none is
//! read, and none is copied.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::tuf::fields;
use crate::tuf::json;
use crate::tuf::metadata::MetadataError;
use crate::tuf::metadata::Outer;
use crate::tuf::metadata::Signature;
use crate::tuf::metadata::read_signatures;

/// A file of targets metadata.
pub(super) struct Targets<'a> {
    /// The signed part as it lies in the file.
    pub(super) text: &'a str,
    /// The signed part without `targets`.
    pub(super) rest: Map<String, Value>,
    pub(super) targets: BTreeMap<String, &'a RawValue>,
    pub(super) signatures: Vec<Signature>,
}

pub(super) fn read(file: &[u8]) -> Result<Targets<'_>, MetadataError> {
    let members = outer(file)?;
    let member = |name: &str| members.0.get(name).ok_or_else(|| MetadataError(format!("{name} is missing")));
    let text = member("signed")?.get();
    let signatures = json::parse(member("signatures")?.get().as_bytes());
    let signatures = signatures.map_err(|e| MetadataError(format!("signatures: {e}")))?;
    let mut targets = None;
    let mut rest = Map::new();
    for (name, raw) in outer(text.as_bytes()).map_err(|e| MetadataError(format!("signed: {e}")))?.0 {
        if name == "targets" {
            targets =
                Some(outer(raw.get().as_bytes()).map_err(|e| MetadataError(format!("targets: {e}")))?.0);
            continue;
        }
        rest.insert(
            name,
            json::parse(raw.get().as_bytes()).map_err(|e| MetadataError(format!("signed: {e}")))?,
        );
    }
    let targets = targets.ok_or_else(|| MetadataError::new("targets is missing"))?;
    let rest = Value::Object(rest);
    fields::read(&rest, "targets", &[])?;
    let Value::Object(rest) = rest else {
        return Err(MetadataError::new("the signed part is not an object"));
    };
    Ok(Targets { text, rest, targets, signatures: read_signatures(&signatures)? })
}

fn outer(text: &[u8]) -> Result<Outer<'_>, MetadataError> {
    serde_json::from_slice(text).map_err(|e| MetadataError(e.to_string()))
}

/// One target.
pub(super) fn target(path: &str, raw: &RawValue) -> Result<Map<String, Value>, MetadataError> {
    let in_target = |why: String| MetadataError(format!("target {path:?}: {why}"));
    match json::parse(raw.get().as_bytes()).map_err(in_target)? {
        Value::Object(target) => Ok(target),
        _ => Err(in_target("not an object".to_owned())),
    }
}
