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

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::tuf::canonical;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::targets::apart;

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

impl MetadataError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A file of metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    signed: Value,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// The members of the outer object, each as it lies in the file; one that stands twice is refused.
pub(crate) struct Outer<'a>(pub(crate) BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Outer<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OuterVisitor)
    }
}

struct OuterVisitor;

impl<'de> Visitor<'de> for OuterVisitor {
    type Value = Outer<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with signatures and signed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outer<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("the key {name:?} stands twice in one object")));
            }
            members.insert(name, value);
        }
        Ok(Outer(members))
    }
}

/// `signatures`: a list of objects, or `null` for none.
pub(crate) fn read_signatures(json: &Value) -> Result<Vec<Signature>, MetadataError> {
    let list = match json {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(MetadataError::new("signatures is not a list")),
    };
    let signature = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Signature { keyid: KeyId(text("keyid")?), sig: text("sig")? })
    };
    let read: Option<Vec<Signature>> = list.iter().map(signature).collect();
    read.ok_or_else(|| MetadataError::new("a signature is not an object with keyid and sig"))
}

impl Metadata {
    /// Metadata that nobody has signed yet.
    pub fn unsigned(signed: Value) -> Result<Self, MetadataError> {
        if !signed.is_object() {
            return Err(MetadataError::new("the signed part is not an object"));
        }
        let payload = canonical::to_vec(&signed).map_err(|e| MetadataError(e.to_string()))?;
        Ok(Self { signed, payload, signatures: Vec::new() })
    }

    /// Reads a file. Duplicate keys at any depth are refused; unknown fields are kept.
    pub fn parse(file: &[u8]) -> Result<Self, MetadataError> {
        let (metadata, ()) = Self::parse_with(file, |raw| Ok((json::parse(raw)?, ())))?;
        Ok(metadata)
    }

    /// Reads a file of targets metadata with its targets apart; [`Self::signed`] then lacks them. The payload is
    /// that of the whole signed part all the same.
    pub(crate) fn parse_apart(file: &[u8]) -> Result<(Self, Option<apart::Files>), MetadataError> {
        Self::parse_with(file, apart::parse)
    }

    fn parse_with<T>(
        file: &[u8],
        read: impl FnOnce(&[u8]) -> Result<(Value, T), String>,
    ) -> Result<(Self, T), MetadataError> {
        let Outer(members) = serde_json::from_slice(file).map_err(|e| MetadataError(e.to_string()))?;
        let member = |name: &str| {
            let raw = members.get(name).ok_or_else(|| MetadataError(format!("{name} is missing")))?;
            Ok(raw.get().as_bytes())
        };
        let in_signed = |e: String| MetadataError(format!("signed: {e}"));
        let signatures = json::parse(member("signatures")?);
        let signatures = signatures.map_err(|e| MetadataError(format!("signatures: {e}")))?;
        let signatures = read_signatures(&signatures)?;
        let raw = member("signed")?;
        if !raw.starts_with(b"{") {
            return Err(MetadataError::new("the signed part is not an object"));
        }
        let payload = if canonical::is_canonical(raw) {
            raw.to_vec()
        } else {
            let whole = json::parse(raw).map_err(in_signed)?;
            canonical::to_vec(&whole).map_err(|e| MetadataError(e.to_string()))?
        };
        let (signed, rest) = read(raw).map_err(in_signed)?;
        Ok((Self { signed, payload, signatures }, rest))
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

    /// The same content with these signatures and no other. The caller has verified them.
    pub fn with_signatures(&self, signatures: Vec<Signature>) -> Self {
        Self { signed: self.signed.clone(), payload: self.payload.clone(), signatures }
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
        file(&self.payload, &self.signatures)
    }
}

/// The file of a payload and its signatures.
pub(crate) fn file(payload: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let mut signatures: Vec<&Signature> = signatures.iter().collect();
    signatures.sort();
    let mut head = String::from("{\n\"signatures\":[");
    for (i, Signature { keyid, sig }) in signatures.into_iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let (keyid, sig) = (Value::from(keyid.0.as_str()), Value::from(sig.as_str()));
        // Writing to a String cannot fail.
        let _ = write!(head, "{comma}\n{{\"keyid\":{keyid},\"sig\":{sig}}}");
    }
    head.push_str("\n],\n\"signed\":");
    let mut file = head.into_bytes();
    file.reserve(payload.len() + 3);
    let control = |byte: &u8| *byte < 0x20;
    let mut rest = payload;
    // Only inside strings: the canonical form has them raw, JSON does not.
    while let Some(at) = rest.iter().position(control) {
        file.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => file.extend_from_slice(b"\\n"),
            byte => file.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    file.extend_from_slice(rest);
    file.extend_from_slice(b"\n}\n");
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn signature(keyid: &str, sig: &str) -> Signature {
        Signature { keyid: KeyId(keyid.to_owned()), sig: sig.to_owned() }
    }

    #[test]
    fn a_file_has_one_signature_a_line_and_the_signed_part_on_its_own() {
        let mut metadata =
            Metadata::unsigned(json!({"version": 1, "_type": "root", "pem": "-\na\t\\n\"-"})).unwrap();
        metadata.add(signature("b1", "02"));
        metadata.add(signature("a1", "01"));
        metadata.add(signature("b1", "03"));

        let file = String::from_utf8(metadata.to_file()).unwrap();

        assert_eq!(
            file,
            "{\n\"signatures\":[\n{\"keyid\":\"a1\",\"sig\":\"01\"},\n{\"keyid\":\"b1\",\"sig\":\"03\"}\n],\n\
             \"signed\":{\"_type\":\"root\",\"pem\":\"-\\na\\u0009\\\\n\\\"-\",\"version\":1}\n}\n"
        );
        let read = Metadata::parse(file.as_bytes()).unwrap();
        assert_eq!(read.payload(), metadata.payload());
        assert_eq!(read.to_file(), file.as_bytes());
    }

    #[test]
    fn a_file_without_signatures_is_json() {
        let metadata = Metadata::unsigned(json!({"_type": "root"})).unwrap();

        let file = metadata.to_file();

        assert_eq!(file, b"{\n\"signatures\":[\n],\n\"signed\":{\"_type\":\"root\"}\n}\n");
        assert_eq!(Metadata::parse(&file).unwrap(), metadata);
    }

    #[test]
    fn the_payload_is_the_canonical_form_of_what_was_read_and_not_of_what_was_understood() {
        let file =
            br#"{"signed": {"expires": "2021-12-18T13:28:12.99008-06:00", "_type": "root", "x": [1, {}]},
            "signatures": null}"#;

        let metadata = Metadata::parse(file).unwrap();

        assert_eq!(
            metadata.payload(),
            br#"{"_type":"root","expires":"2021-12-18T13:28:12.99008-06:00","x":[1,{}]}"#
        );
        assert_eq!(metadata.signatures(), []);
        assert_eq!(metadata.role_type(), "root");
    }

    #[test]
    fn empty_placeholders_are_read() {
        let file = br#"{"signed": {}, "signatures": [{"keyid": "a", "sig": ""}, {"keyid": "b", "sig": "", "x": 1}]}"#;

        let metadata = Metadata::parse(file).unwrap();

        assert_eq!(metadata.signatures(), [signature("a", ""), signature("b", "")]);
    }

    #[test]
    fn what_is_not_metadata_is_refused() {
        for (file, why) in [
            (r#"{"signed": {"a": 1, "a": 2}, "signatures": []}"#, "stands twice"),
            (r#"{"signed": {}, "signatures": [], "signed": {"b": 1}}"#, "stands twice"),
            (r#"{"x": 1, "signed": {}, "signatures": [], "x": 1}"#, "stands twice"),
            (r#"{"signed": {}, "signatures": [{"keyid": "a", "sig": "", "x": 1, "x": 2}]}"#, "stands twice"),
            (r#"{"signed": [], "signatures": []}"#, "not an object"),
            (r#"{"signed": 1, "signatures": []}"#, "not an object"),
            (r#"{"signatures": []}"#, "signed is missing"),
            (r#"{"signed": {}}"#, "signatures is missing"),
            (r#"[]"#, "expected an object"),
            (r#"[{}, []]"#, "expected an object"),
            (r#"{"signed": {"v": 1.0}, "signatures": []}"#, "not a whole number"),
            (r#"{"signed": {}, "signatures": {}}"#, "not a list"),
            (r#"{"signed": {}, "signatures": [{"keyid": "a"}]}"#, "not an object with keyid and sig"),
            (r#"{"signed": {}, "signatures": [["a", ""]]}"#, "not an object with keyid and sig"),
            (r#"{"signed": {}, "signatures": []"#, "EOF"),
        ] {
            let error = Metadata::parse(file.as_bytes()).unwrap_err().to_string();

            assert!(error.contains(why), "{file}: {error}");
        }
        let deep = format!(r#"{{"signed": {{"a": {}{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert!(Metadata::parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_survives_the_file(text in "\\PC*|[\\x00-\\x7f\\\\n\"]{0,20}", key in "[\\x00-\\x7f]{1,4}") {
            let mut signed = serde_json::Map::new();
            signed.insert(key, Value::from(text));
            let metadata = Metadata::unsigned(Value::Object(signed)).unwrap();

            let read = Metadata::parse(&metadata.to_file()).unwrap();

            prop_assert_eq!(read, metadata);
        }
    }
}
