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

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::canonical;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::targets::Listed;
use crate::tuf::targets::listed;
use crate::tuf::targets::listed::Index;
use crate::tuf::targets::listed::Written;

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
    payload: Arc<Payload>,
    signatures: Vec<Signature>,
}

/// The canonical form of a signed part, once for all who hold it.
#[derive(Debug)]
struct Payload {
    text: Text,
    /// Where the targets lie in it, of targets metadata.
    targets: Option<Index>,
    sha256: OnceLock<[u8; 32]>,
}

#[derive(Debug)]
enum Text {
    Own(Vec<u8>),
    /// As it lies in a file.
    Within(Arc<Vec<u8>>, Range<usize>),
}

impl Payload {
    fn new(text: Vec<u8>, targets: Option<Index>) -> Arc<Self> {
        Arc::new(Self { text: Text::Own(text), targets, sha256: OnceLock::new() })
    }

    fn text(&self) -> &[u8] {
        match &self.text {
            Text::Own(text) => text,
            Text::Within(file, range) => file.get(range.clone()).unwrap_or_default(),
        }
    }
}

/// The rest follows from the text.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
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

/// Whether a file has the two members of metadata and no other. Nothing in them is read.
pub fn has_form(file: &[u8]) -> bool {
    let outer = serde_json::from_slice::<Outer<'_>>(file);
    outer.is_ok_and(|outer| outer.0.keys().eq(["signatures", "signed"]))
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
        Self::canonical(signed, payload)
    }

    /// Of a signed part and its canonical form.
    fn canonical(mut signed: Value, payload: Vec<u8>) -> Result<Self, MetadataError> {
        let mut targets = None;
        if let Some((rest, index)) = listed::split(&payload) {
            (signed, targets) = (Value::Object(rest), Some(index));
        } else if signed["_type"] == "targets" && signed["targets"].is_object() {
            return Err(MetadataError::new("the signed part is longer than 4 GiB"));
        }
        Ok(Self { signed, payload: Payload::new(payload, targets), signatures: Vec::new() })
    }

    /// Targets metadata that nobody has signed yet: `rest` is its signed part without `targets`, which come in
    /// ascending order of their paths and have about so many bytes.
    pub(crate) fn of_targets<'a>(
        mut rest: Value,
        room: usize,
        targets: impl Iterator<Item = (&'a str, Written<'a>)>,
    ) -> Result<Self, MetadataError> {
        let Some(members) = rest.as_object_mut() else {
            return Err(MetadataError::new("the signed part is not an object"));
        };
        members.remove("targets");
        let (payload, index) = listed::write(members, room, targets)?;
        Ok(Self { signed: rest, payload: Payload::new(payload, Some(index)), signatures: Vec::new() })
    }

    /// The same content with another signed part, but for the target files, which stay as they lie; not signed.
    pub fn with_signed(&self, signed: Value) -> Result<Self, MetadataError> {
        match self.listed() {
            None => Self::unsigned(signed),
            Some(listed) => {
                let as_they_lie = listed.iter().map(|(path, entry)| (path, Written::AsItLies(entry)));
                Self::of_targets(signed, self.payload().len(), as_they_lie)
            }
        }
    }

    /// What is left of a file that went by: its signatures were proven then, and its payload, which was not kept, is
    /// empty here.
    pub(crate) fn gone_by(signed: Value, signatures: Vec<Signature>) -> Self {
        Self { signed, payload: Payload::new(Vec::new(), None), signatures }
    }

    /// Reads a file. Duplicate keys at any depth are refused; unknown fields are kept.
    pub fn parse(file: &[u8]) -> Result<Self, MetadataError> {
        Self::read(file, |text| Text::Own(text.to_vec()))
    }

    /// The same of a file that stays in memory: what lies canonical in it is not copied.
    pub fn parse_shared(file: &Arc<Vec<u8>>) -> Result<Self, MetadataError> {
        Self::read(file, |text| {
            // `text` is a piece of the file.
            let start = (text.as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
            Text::Within(Arc::clone(file), start..start + text.len())
        })
    }

    fn read(file: &[u8], keep: impl Fn(&[u8]) -> Text) -> Result<Self, MetadataError> {
        let Outer(members) = serde_json::from_slice(file).map_err(|e| MetadataError(e.to_string()))?;
        let member = |name: &str| {
            let raw = members.get(name).ok_or_else(|| MetadataError(format!("{name} is missing")))?;
            Ok(raw.get())
        };
        let in_signed = |e: String| MetadataError(format!("signed: {e}"));
        let signatures = json::parse(member("signatures")?.as_bytes());
        let signatures = signatures.map_err(|e| MetadataError(format!("signatures: {e}")))?;
        let signatures = read_signatures(&signatures)?;
        let text = member("signed")?;
        if !text.starts_with('{') {
            return Err(MetadataError::new("the signed part is not an object"));
        }
        if let Some((rest, index)) = listed::prove(text.as_bytes()) {
            let text = keep(text.as_bytes());
            let payload = Arc::new(Payload { text, targets: Some(index), sha256: OnceLock::new() });
            return Ok(Self { signed: Value::Object(rest), payload, signatures });
        }
        let signed = json::parse(text.as_bytes()).map_err(in_signed)?;
        let payload = if canonical::is_canonical(text.as_bytes()) {
            text.as_bytes().to_vec()
        } else {
            canonical::to_vec(&signed).map_err(|e| MetadataError(e.to_string()))?
        };
        Ok(Self { signatures, ..Self::canonical(signed, payload)? })
    }

    /// The signed part as it was read; of targets metadata all but `targets`, which [`Self::listed`] has.
    pub fn signed(&self) -> &Value {
        &self.signed
    }

    /// The bytes that signatures are over: the canonical form of the signed part.
    pub fn payload(&self) -> &[u8] {
        self.payload.text()
    }

    /// SHA-256 of these bytes.
    pub fn sha256(&self) -> [u8; 32] {
        *self.payload.sha256.get_or_init(|| Sha256::digest(self.payload()).into())
    }

    /// The target files of targets metadata; `None` where it is of another type, or lists none in the right form.
    pub fn listed(&self) -> Option<Listed<'_>> {
        self.payload.targets.as_ref().map(|index| Listed::new(self.payload(), index))
    }

    /// The signatures, in the order of the file.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The same content with these signatures and no other. The caller has verified them.
    pub fn with_signatures(&self, signatures: Vec<Signature>) -> Self {
        Self { signatures, ..self.clone() }
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
        file(self.payload(), &self.signatures)
    }

    /// Length and SHA-256 of the file.
    pub fn measure_file(&self) -> (u64, [u8; 32]) {
        let (head, json) = self.parts();
        let parts = [head.as_bytes(), &json, TAIL];
        let length = parts.iter().map(|part| part.len() as u64).sum();
        let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
        (length, hash.finalize().into())
    }

    /// Whether the file is this one.
    pub fn is_file(&self, file: &[u8]) -> bool {
        let (head, json) = self.parts();
        let signed = file.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_suffix(TAIL));
        signed.is_some_and(|signed| *signed == *json)
    }

    /// What stands in the file before the end.
    fn parts(&self) -> (String, Cow<'_, [u8]>) {
        (head(&self.signatures), canonical::to_json(self.payload()))
    }
}

/// What stands after the signed part.
const TAIL: &[u8] = b"\n}\n";

/// The file of a payload and its signatures.
pub(crate) fn file(payload: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let head = head(signatures);
    let mut file = Vec::with_capacity(head.len() + payload.len() + TAIL.len());
    file.extend_from_slice(head.as_bytes());
    canonical::write_json(payload, &mut file);
    file.extend_from_slice(TAIL);
    file
}

/// What stands before the signed part.
fn head(signatures: &[Signature]) -> String {
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
    head
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
        assert_eq!(Metadata::parse_shared(&Arc::new(file.clone().into_bytes())), Ok(read.clone()));
        assert!(read.is_file(file.as_bytes()) && !read.is_file(&file.as_bytes()[1..]));
        assert!(!read.is_file(file.replace("\\u0009", "\t").as_bytes()));
        assert_eq!(read.measure_file(), (file.len() as u64, Sha256::digest(&file).into()));
        assert_eq!(read.sha256(), <[u8; 32]>::from(Sha256::digest(read.payload())));
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
