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
use std::sync::Arc;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::tuf::Bytes;
use crate::tuf::canonical;
use crate::tuf::date::Date;
use crate::tuf::fields;
use crate::tuf::file::SignedFile;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Listed;
use crate::tuf::targets::listed;
use crate::tuf::targets::listed::Index;
use crate::tuf::targets::scan;
use crate::tuf::targets::writer;
use crate::tuf::targets::writer::Writer;

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
#[derive(Clone, Debug)]
pub struct Metadata {
    signed: Arc<Value>,
    payload: Arc<Payload>,
    signatures: Vec<Signature>,
    /// This payload with these signatures, as a file.
    file: Arc<OnceLock<SignedFile>>,
}

/// The rest follows from these.
impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.payload.text == other.payload.text
            && self.signatures == other.signatures
            && self.signed == other.signed
    }
}

/// The canonical form of a signed part, once for all who hold it.
#[derive(Debug)]
struct Payload {
    text: Bytes,
    /// Where the targets lie in it, of targets metadata.
    targets: Option<Arc<Index>>,
    /// Whether it is JSON as it lies.
    plain: OnceLock<bool>,
    /// Whether all targets are in the usual form.
    usual: OnceLock<bool>,
    /// How long all target files are together.
    bytes: OnceLock<Result<u64, MetadataError>>,
}

impl Payload {
    fn new(text: impl Into<Bytes>, targets: Option<Index>) -> Arc<Self> {
        let (plain, usual, bytes) = Default::default();
        Arc::new(Self { text: text.into(), targets: targets.map(Arc::new), plain, usual, bytes })
    }

    /// The same, as it lies in a file, where it was compared.
    fn within(&self, text: Bytes) -> Arc<Self> {
        let Self { targets, plain, usual, bytes, .. } = self;
        let (targets, plain, usual, bytes) = (targets.clone(), plain.clone(), usual.clone(), bytes.clone());
        Arc::new(Self { text, targets, plain, usual, bytes })
    }

    fn is_plain(&self) -> bool {
        *self.plain.get_or_init(|| canonical::control(&self.text).is_none())
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
    fn of(signed: impl Into<Arc<Value>>, payload: Arc<Payload>, signatures: Vec<Signature>) -> Self {
        Self { signed: signed.into(), payload, signatures, file: Arc::default() }
    }

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
        Ok(Self::of(signed, Payload::new(payload, targets), Vec::new()))
    }

    /// Targets metadata that nobody has signed yet, as it was written.
    pub(crate) fn written(writer: Writer) -> Result<Self, MetadataError> {
        let (payload, (rest, index)) = writer.end()?;
        Ok(Self::of(Value::Object(rest), Payload::new(payload, Some(index)), Vec::new()))
    }

    /// What lists no target file, and says nothing else.
    pub(crate) fn without_files() -> Self {
        let payload = Payload::new(br#"{"targets":{}}"#.to_vec(), Some(Index::default()));
        Self::of(Value::Object(Map::new()), payload, Vec::new())
    }

    /// Another signed part beside the target files of this one, for people to read: the payload stays this one's.
    pub(crate) fn with_rest(&self, rest: Value) -> Result<Self, MetadataError> {
        Ok(Self::of(Value::Object(without_targets(rest)?), Arc::clone(&self.payload), Vec::new()))
    }

    /// The same content with another signed part, but for the target files, which stay as they lie; not signed.
    pub fn with_signed(&self, signed: Value) -> Result<Self, MetadataError> {
        let Some(listed) = self.listed() else { return Self::unsigned(signed) };
        let rest = without_targets(signed)?;
        Self::rewritten(rest, listed, std::iter::empty())
    }

    /// Targets metadata that nobody has signed yet: `rest` is its signed part without `targets`, which lie as they lie in
    /// another but for `edits`, in ascending order of their paths: what each says from now on, if it is still listed.
    pub(crate) fn edited<'a>(
        rest: Value,
        listed: Listed<'a>,
        edits: impl Iterator<Item = (&'a str, Option<Entry<'a>>)>,
    ) -> Result<Self, MetadataError> {
        Self::rewritten(without_targets(rest)?, listed, edits)
    }

    fn rewritten<'a>(
        rest: Map<String, Value>,
        listed: Listed<'a>,
        edits: impl Iterator<Item = (&'a str, Option<Entry<'a>>)>,
    ) -> Result<Self, MetadataError> {
        let (payload, index) = writer::rewrite(&rest, listed, edits)?;
        Ok(Self::of(Value::Object(rest), Payload::new(payload, Some(index)), Vec::new()))
    }

    /// What is left of a file that went by: its signatures were proven then, and its payload, which was not kept, is
    /// empty here.
    pub(crate) fn gone_by(signed: Value, signatures: Vec<Signature>) -> Self {
        Self::of(signed, Payload::new(Vec::new(), None), signatures)
    }

    /// Reads a file. Duplicate keys at any depth are refused; unknown fields are kept.
    pub fn parse(file: &[u8]) -> Result<Self, MetadataError> {
        Self::read(file, |text| text.to_vec().into(), None)
    }

    /// The same of a file that stays in memory: what lies canonical in it is not copied. Where its signed part is, byte
    /// for byte, the payload that is `known`, that is not taken apart again.
    pub(crate) fn parse_held(file: &Bytes, known: Option<&Self>) -> Result<Self, MetadataError> {
        let piece = |text: &[u8]| {
            // `text` is a piece of the file.
            let start = (text.as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
            file.piece(start..start + text.len())
        };
        Self::read(file, piece, known)
    }

    fn read(file: &[u8], keep: impl Fn(&[u8]) -> Bytes, known: Option<&Self>) -> Result<Self, MetadataError> {
        if let Some(read) = Self::read_usual(file, &keep, known) {
            return Ok(read);
        }
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
            let payload = Payload::new(keep(text.as_bytes()), Some(index));
            return Ok(Self::of(Value::Object(rest), payload, signatures));
        }
        let signed = json::parse(text.as_bytes()).map_err(in_signed)?;
        let payload = if canonical::is_canonical(text.as_bytes()) {
            text.as_bytes().to_vec()
        } else {
            canonical::to_vec(&signed).map_err(|e| MetadataError(e.to_string()))?
        };
        Ok(Self { signatures, ..Self::canonical(signed, payload)? })
    }

    /// A file of targets metadata in which signatures come first and the signed part lies canonical, as we and python-tuf
    /// write it. `None` is no refusal: the file is read as any other.
    fn read_usual(file: &[u8], keep: &impl Fn(&[u8]) -> Bytes, known: Option<&Self>) -> Option<Self> {
        let at =
            scan::member(file, scan::space(file, 0).ok().filter(|at| file[*at] == b'{')? + 1, b"signatures")?;
        let mut values = serde_json::Deserializer::from_slice(file.get(at..)?).into_iter::<&RawValue>();
        let signatures = json::parse(values.next()?.ok()?.get().as_bytes()).ok()?;
        let at = scan::space(file, at + values.byte_offset()).ok().filter(|at| file[*at] == b',')? + 1;
        // What is of another role is not read here.
        let signed = file.get(scan::member(file, at, b"signed")?..)?;
        let text = Some(signed).filter(|signed| signed.starts_with(br#"{"_type":"targets","#))?;
        let known = known.filter(|known| known.is_plain()).and_then(|known| {
            let here = keep(text.get(..known.payload().len())?);
            Some((known, here.beside(known.payload()).ok()?))
        });
        let (parts, end) = match &known {
            Some((_, here)) => (None, here.len()),
            None => listed::prove_first(text).map(|(parts, end)| (Some(parts), end))?,
        };
        let (text, rest) = text.split_at_checked(end)?;
        let rest = rest.get(scan::space(rest, 0).ok()?..)?.strip_prefix(b"}")?;
        if scan::space(rest, 0).is_ok() {
            return None;
        }
        let signatures = read_signatures(&signatures).ok()?;
        match (parts, known) {
            (None, Some((known, here))) => {
                Some(Self::of(known.signed.clone(), known.payload.within(here), signatures))
            }
            (Some((rest, index)), _)
                if canonical::control(text).is_none() && str::from_utf8(text).is_ok() =>
            {
                let payload = Payload::new(keep(text), Some(index));
                Some(Self::of(Value::Object(rest), payload, signatures))
            }
            _ => None,
        }
    }

    /// The signed part as it was read; of targets metadata all but `targets`, which [`Self::listed`] has.
    pub fn signed(&self) -> &Value {
        &self.signed
    }

    /// The bytes that signatures are over: the canonical form of the signed part.
    pub fn payload(&self) -> &Bytes {
        &self.payload.text
    }

    /// SHA-256 of these bytes.
    pub fn sha256(&self) -> [u8; 32] {
        self.payload().sha256()
    }

    /// The target files of targets metadata; `None` where it is of another type, or lists none in the right form.
    pub fn listed(&self) -> Option<Listed<'_>> {
        self.payload.targets.as_ref().map(|index| Listed::new(self.payload(), index))
    }

    /// How long the files that it lists are together. An error names the first target that cannot be understood.
    pub fn listed_bytes(&self) -> Result<u64, MetadataError> {
        let sum = || self.listed().map_or(Ok(0), Listed::bytes);
        self.payload.bytes.get_or_init(sum).clone()
    }

    /// Whether its payload is JSON as it lies.
    pub(crate) fn is_plain(&self) -> bool {
        self.payload.is_plain()
    }

    /// Whether it lists targets, each with a length and a hash that clients know, in the usual form.
    pub(crate) fn lists_usual_targets(&self) -> bool {
        *self.payload.usual.get_or_init(|| self.listed().is_some_and(Listed::usual))
    }

    /// The signatures, in the order of the file.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The same content with these signatures and no other. The caller has verified them.
    pub fn with_signatures(&self, signatures: Vec<Signature>) -> Self {
        Self::of(self.signed.clone(), Arc::clone(&self.payload), signatures)
    }

    /// The same metadata; where other metadata has the same payload, what is known of that one's is known of this one's.
    pub fn beside(self, known: &Self) -> Self {
        match self.payload() == known.payload() && self.signed == known.signed {
            true if self.signatures == known.signatures => known.clone(),
            true => known.with_signatures(self.signatures),
            false => self,
        }
    }

    /// Adds a signature, replacing one of the same keyid. The caller has verified it.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.retain(|other| other.keyid != signature.keyid);
        self.signatures.push(signature);
        self.file = Arc::default();
    }

    /// `_type` of the signed part: root, targets, snapshot or timestamp.
    pub fn role_type(&self) -> &str {
        self.signed["_type"].as_str().unwrap_or_default()
    }

    /// When it expires, where that can be understood.
    pub fn expires(&self) -> Option<Date> {
        fields::expires(&self.signed)
    }

    /// The file: always the same bytes for the same content, signatures in the order of their keyids.
    pub fn to_file(&self) -> Vec<u8> {
        self.parts().to_vec()
    }

    /// The same file, made once, and read as any other.
    pub fn file(&self) -> &SignedFile {
        self.file.get_or_init(|| SignedFile::of(self))
    }

    /// The same, held once: as its file holds it, and not beside that as well.
    pub(crate) fn as_in_file(&self) -> Self {
        let file = self.file();
        match file.metadata() {
            Ok(read) if **read == *self => {
                Self { file: Arc::new(OnceLock::from(file.clone())), ..Self::clone(read) }
            }
            _ => self.clone(),
        }
    }

    /// Whether the file is this one.
    pub fn is_file(&self, file: &[u8]) -> bool {
        self.parts().are(file)
    }

    /// The same file as it is put together.
    pub fn parts(&self) -> Parts<'_> {
        let payload = self.payload();
        let signed =
            if self.payload.is_plain() { Cow::Borrowed(&**payload) } else { canonical::to_json(payload) };
        Parts { head: head(&self.signatures), signed }
    }
}

/// The members of a signed part but for its target files.
fn without_targets(signed: Value) -> Result<Map<String, Value>, MetadataError> {
    let Value::Object(mut rest) = signed else {
        return Err(MetadataError::new("the signed part is not an object"));
    };
    rest.remove("targets");
    Ok(rest)
}

/// What a file is put together of.
#[derive(Debug)]
pub struct Parts<'a> {
    head: String,
    /// The payload in JSON.
    signed: Cow<'a, [u8]>,
}

impl Parts<'_> {
    /// One after another.
    pub fn each(&self) -> [&[u8]; 3] {
        [self.head.as_bytes(), &self.signed, TAIL]
    }

    fn to_vec(&self) -> Vec<u8> {
        self.each().concat()
    }

    fn are(&self, file: &[u8]) -> bool {
        let signed = file.strip_prefix(self.head.as_bytes()).and_then(|rest| rest.strip_suffix(TAIL));
        // What lies in this very file need not be compared with itself.
        signed.is_some_and(|signed| std::ptr::eq(signed, &*self.signed) || *signed == *self.signed)
    }
}

/// What stands after the signed part.
const TAIL: &[u8] = b"\n}\n";

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
        assert_eq!(Metadata::parse_held(&file.clone().into_bytes().into(), None), Ok(read.clone()));
        assert!(read.is_file(file.as_bytes()) && !read.is_file(&file.as_bytes()[1..]));
        assert!(!read.is_file(file.replace("\\u0009", "\t").as_bytes()));
        assert_eq!(&***metadata.file(), file.as_bytes());
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
            &metadata.payload()[..],
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
