//! A manifest of target files: what metadata shall say of them, where the files themselves are not here.
//!
//! ```json
//! {"targets": {"app/1.0.tgz": {"length": 4, "hashes": {"sha256": "..."}, "custom": {"any": "thing"}}}}
//! ```
//!
//! Strict JSON, and nothing that a client would trip over later: paths that can be asked for, hashes that can be
//! compared, numbers that canonical JSON can carry.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::de::Read;

use crate::tuf::canonical;
use crate::tuf::fault::Fault;
use crate::tuf::json::Object;
use crate::tuf::json::Strict;
use crate::tuf::targets::Files;
use crate::tuf::targets::Hashes;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::files::Each;
use crate::tuf::targets::path;

/// The algorithms that every client compares, with the hex digits of their digests.
pub const ALGORITHMS: [(&str, usize); 2] = [("sha256", 64), ("sha512", 128)];

/// How many faults are told; a manifest of a million entries can break one rule a million times.
const MOST_FAULTS: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "length")]
    length: u64,
    hashes: Hashes,
    #[serde(default)]
    custom: Option<Strict>,
}

/// In bytes.
fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Length;
    impl Visitor<'_> for Length {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a length in bytes: a whole number, not below 0")
        }

        fn visit_u64<E: Error>(self, length: u64) -> Result<u64, E> {
            Ok(length)
        }
    }
    deserializer.deserialize_u64(Length)
}

/// Reads a manifest. `need` are the algorithms that every entry must have; empty: at least one of the two.
///
/// # Errors
/// Every rule that is broken, up to twenty times: MANIFEST-FORM, TARGET-PATH, TARGET-HASHES, TARGET-CUSTOM.
pub fn read(file: &[u8], need: &[String]) -> Result<Files, Vec<Fault>> {
    let mut reading = Reading { need, faults: BTreeMap::new() };
    let files = match std::str::from_utf8(file) {
        Ok(text) => reading.document(serde_json::Deserializer::from_str(text)),
        // It says where.
        Err(_) => reading.document(serde_json::Deserializer::from_slice(file)),
    };
    let files = files.map_err(|error| vec![Fault::new("MANIFEST-FORM", "", error.to_string())])?;
    let mut faults = Vec::new();
    for of_path in reading.faults.into_values() {
        faults.extend(of_path);
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// A manifest while it is read.
struct Reading<'n> {
    need: &'n [String],
    /// By path: of the first that have one.
    faults: BTreeMap<String, Vec<Fault>>,
}

impl Reading<'_> {
    fn document<'de>(
        &mut self,
        mut json: serde_json::Deserializer<impl Read<'de>>,
    ) -> serde_json::Result<Files> {
        let files = Document(self).deserialize(&mut json)?;
        json.end().map(|()| files)
    }

    /// The file that an entry stands for.
    fn take(&mut self, path: &str, Object(entry): Object<Entry>) -> TargetFile {
        let custom = entry.custom.map(|Strict(custom)| custom);
        let mut file = TargetFile { length: entry.length, hashes: entry.hashes, custom };
        let form = path::form(path).err();
        let form = form.map(|why| Fault::new("TARGET-PATH", path, format!("the path {path:?} {why}")));
        let custom = custom_form(path, &file);
        if custom.is_some() {
            // It may have no canonical form, and nothing is made of this manifest.
            file.custom = None;
        }
        let faults: Vec<Fault> =
            form.into_iter().chain(hashes(path, &file.hashes, self.need)).chain(custom).collect();
        if !faults.is_empty() {
            self.faults.insert(path.to_owned(), faults);
            if self.faults.len() > MOST_FAULTS {
                self.faults.pop_last();
            }
        }
        file
    }
}

/// `{"targets": {...}}` and nothing else.
struct Document<'r, 'n>(&'r mut Reading<'n>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Targets,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = Files;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Files, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Files;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
        let mut files = None;
        while let Some(Member::Targets) = map.next_key()? {
            if files.is_some() {
                return Err(A::Error::duplicate_field("targets"));
            }
            let take = |path: &str, entry| self.0.take(path, entry);
            files = Some(map.next_value_seed(Each { take, entry: PhantomData })?);
        }
        files.ok_or_else(|| A::Error::missing_field("targets"))
    }
}

fn hashes(path: &str, hashes: &Hashes, need: &[String]) -> Option<Fault> {
    let fault = |text: String| Some(Fault::new("TARGET-HASHES", path, format!("{path}: {text}")));
    if hashes.is_empty() {
        return fault("it has no hash; sha256, sha512 or both are needed".to_owned());
    }
    for (name, digest) in hashes.iter() {
        let Some((_, digits)) = ALGORITHMS.iter().find(|(known, _)| *known == name) else {
            return fault(format!(
                "{name:?} is not an algorithm that clients compare; these are sha256, sha512"
            ));
        };
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digest.len() != *digits || !digest.bytes().all(hex) {
            return fault(format!("its {name} must be {digits} lower-case hex digits"));
        }
    }
    let missing = need.iter().find(|name| hashes.get(name).is_none())?;
    fault(format!("it has no {missing}, which the ceremony file asks for"))
}

fn custom_form(path: &str, file: &TargetFile) -> Option<Fault> {
    let custom = file.custom.as_ref()?;
    let fault = |text: String| Some(Fault::new("TARGET-CUSTOM", path, format!("{path}: {text}")));
    if !custom.is_object() {
        return fault("custom must be an object".to_owned());
    }
    canonical::to_vec(custom).err().and_then(|why| fault(format!("custom: {why}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHA256: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

    fn rule(text: &str) -> (&'static str, String) {
        let faults = read(text.as_bytes(), &[]).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        (faults[0].rule, faults[0].text.clone())
    }

    #[test]
    fn a_manifest_says_what_metadata_will_say() {
        let sha512 = "ab".repeat(64);
        let text = json!({"targets": {
            "app/1.0.tgz": {"length": 3, "hashes": {"sha256": SHA256, "sha512": sha512}, "custom": {"n": [1]}},
            "b": {"length": 0, "hashes": {"sha512": sha512}},
        }});

        let files = read(text.to_string().as_bytes(), &["sha512".to_owned()]).unwrap();

        assert_eq!(json!(files), text["targets"]);
    }

    #[test]
    fn what_a_client_would_trip_over_is_refused_by_name() {
        let entry = |path: &str, entry: &str| format!(r#"{{"targets": {{"{path}": {entry}}}}}"#);
        let good = format!(r#"{{"length": 3, "hashes": {{"sha256": "{SHA256}"}}}}"#);
        let hashed = |hashes: &str| entry("a", &format!(r#"{{"length": 3, "hashes": {hashes}}}"#));
        let custom = |custom: &str| {
            entry("a", &format!(r#"{{"length": 3, "hashes": {{"sha256": "{SHA256}"}}, "custom": {custom}}}"#))
        };
        for (expected, why, text) in [
            ("MANIFEST-FORM", "expected an object", format!(r#"[{{"a": {good}}}]"#)),
            ("MANIFEST-FORM", "expected an object", entry("a", r#"[3, {"sha256": "00"}]"#)),
            ("MANIFEST-FORM", "missing field `targets`", "{}".to_owned()),
            ("MANIFEST-FORM", "unknown field", format!(r#"{{"targets": {{}}, "x": {good}}}"#)),
            ("MANIFEST-FORM", "stands twice", format!(r#"{{"targets": {{"a": {good}, "a": {good}}}}}"#)),
            ("MANIFEST-FORM", "duplicate field", entry("a", r#"{"length": 1, "length": 1, "hashes": {}}"#)),
            ("MANIFEST-FORM", "unknown field", entry("a", r#"{"length": 1, "hashes": {}, "size": 1}"#)),
            ("MANIFEST-FORM", "missing field `length`", entry("a", r#"{"hashes": {}}"#)),
            ("MANIFEST-FORM", "a whole number, not below 0", entry("a", r#"{"length": -1, "hashes": {}}"#)),
            ("MANIFEST-FORM", "stands twice", hashed(r#"{"sha256": "a", "sha256": "b"}"#)),
            ("MANIFEST-FORM", "stands twice", custom(r#"{"a": {"b": 1, "b": 2}}"#)),
            ("TARGET-PATH", "lead out", entry("../a", &good)),
            ("TARGET-PATH", "begins with a slash", entry("/a", &good)),
            ("TARGET-HASHES", "no hash", hashed("{}")),
            ("TARGET-HASHES", "not an algorithm", hashed(r#"{"md5": "00"}"#)),
            ("TARGET-HASHES", "64 lower-case", hashed(r#"{"sha256": "00"}"#)),
            (
                "TARGET-HASHES",
                "64 lower-case",
                hashed(&format!(r#"{{"sha256": "{}"}}"#, SHA256.to_uppercase())),
            ),
            ("TARGET-HASHES", "128 lower-case", hashed(&format!(r#"{{"sha512": "{SHA256}"}}"#))),
            ("TARGET-CUSTOM", "an object", custom("[1]")),
            ("TARGET-CUSTOM", "not a whole number", custom(r#"{"n": 1.5}"#)),
        ] {
            let (rule, said) = rule(&text);

            assert_eq!(rule, expected, "{text}");
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_hash_that_is_asked_for_must_be_there() {
        let text = format!(r#"{{"targets": {{"a": {{"length": 3, "hashes": {{"sha256": "{SHA256}"}}}}}}}}"#);

        let faults = read(text.as_bytes(), &["sha256".to_owned(), "sha512".to_owned()]).unwrap_err();

        assert_eq!(faults[0].text, "a: it has no sha512, which the ceremony file asks for");
    }

    #[test]
    fn a_rule_broken_a_thousand_times_is_told_a_few_times() {
        let targets: BTreeMap<String, _> = (0..1000)
            .map(|n| (format!("/{n}"), json!({"length": 1, "hashes": {"sha256": SHA256}})))
            .collect();

        let faults = read(json!({"targets": targets}).to_string().as_bytes(), &[]).unwrap_err();

        assert_eq!(faults.len(), MOST_FAULTS);
    }
}
