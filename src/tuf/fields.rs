//! What the four kinds of metadata have in common (TUF section 4.2): reading it strictly, writing it strictly.

use serde_json::Map;
use serde_json::Value;

use crate::tuf::date::Date;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::MetadataError;

/// The `spec_version` that we write.
pub(crate) const SPEC_VERSION: &str = "1.0.31";

/// The members of a signed part that every role has, and the ones that the specification does not name.
pub(crate) struct Common {
    pub(crate) version: u64,
    pub(crate) expires: Date,
    pub(crate) extra: Map<String, Value>,
}

/// When a signed part expires, where that can be understood.
pub(crate) fn expires(signed: &Value) -> Option<Date> {
    signed.get("expires").and_then(Value::as_str).and_then(|text| Date::parse_lenient(text).ok())
}

/// The keys that a root, or a targets role for those whom it delegates to, lists under their labels.
pub(crate) fn keys(signed: &Value) -> impl Iterator<Item = (KeyId, &Value)> {
    let keys = signed.get("keys").or_else(|| signed.get("delegations")?.get("keys"));
    let keys = keys.and_then(Value::as_object).into_iter().flatten();
    keys.map(|(keyid, key)| (KeyId(keyid.clone()), key))
}

/// Reads the common members; `own` names the members that the role reads itself.
pub(crate) fn read(signed: &Value, kind: &str, own: &[&str]) -> Result<Common, MetadataError> {
    let object = object(signed, "the signed part")?;
    if object.get("_type").and_then(Value::as_str) != Some(kind) {
        let found = object.get("_type").unwrap_or(&Value::Null);
        return Err(MetadataError(format!("_type is {found} and not \"{kind}\"")));
    }
    let spec = object.get("spec_version").and_then(Value::as_str).unwrap_or_default();
    if !is_spec_version(spec) {
        return Err(MetadataError(format!("spec_version {spec:?} is not 1.x or 1.x.y")));
    }
    let expires = object.get("expires").and_then(Value::as_str).unwrap_or_default();
    let expires = Date::parse_lenient(expires).map_err(|e| MetadataError(format!("expires: {e}")))?;
    let known = |name: &str| ["_type", "spec_version", "version", "expires"].contains(&name);
    let extra = object.iter().filter(|(name, _)| !known(name) && !own.contains(&name.as_str()));
    Ok(Common {
        version: whole(signed, "version")?,
        expires,
        extra: extra.map(|(name, value)| (name.clone(), value.clone())).collect(),
    })
}

/// `1.0.31`, as the specification has it; also `1.0`, as old files have it.
fn is_spec_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    numbers && matches!(parts.as_slice(), ["1", _] | ["1", _, _])
}

/// A signed part with the common members; the caller adds its own.
pub(crate) fn write(
    kind: &str,
    version: u64,
    expires: Date,
    extra: &Map<String, Value>,
) -> Map<String, Value> {
    let mut object = extra.clone();
    object.insert("_type".to_owned(), Value::from(kind));
    object.insert("spec_version".to_owned(), Value::from(SPEC_VERSION));
    object.insert("version".to_owned(), Value::from(version));
    object.insert("expires".to_owned(), Value::from(expires.to_string()));
    object
}

/// A whole number from 1, such as a version or a threshold.
pub(crate) fn whole(value: &Value, name: &str) -> Result<u64, MetadataError> {
    match value.get(name) {
        Some(number) => match number.as_u64() {
            Some(number) if number >= 1 => Ok(number),
            _ => Err(MetadataError(format!("{name} is {number} and not a whole number from 1"))),
        },
        None => Err(MetadataError(format!("{name} is missing"))),
    }
}

/// `value` as an object; `what` names it in the error.
pub(crate) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, MetadataError> {
    value.as_object().ok_or_else(|| MetadataError(format!("{what} is not an object")))
}

/// A member that must be an object.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, MetadataError> {
    object(value.get(name).unwrap_or(&Value::Null), name)
}
