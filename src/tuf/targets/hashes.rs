//! The hashes of one target file: small, for there may be a million.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::MapAccess;
use serde::de::Visitor;

use crate::tuf::targets::entry::stands_twice;

/// Algorithm to lower-case hex, as in `sha256`; in the order of algorithms, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes(Vec<(Cow<'static, str>, Box<str>)>);

impl Hashes {
    /// The hash by one algorithm.
    pub fn get(&self, algorithm: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == algorithm).map(|(_, hash)| hash)
    }

    /// Every algorithm with its hash.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, hash)| (name.as_ref(), hash.as_ref()))
    }

    /// Whether there is one that clients compare.
    pub fn has_known(&self) -> bool {
        self.iter().any(|(name, _)| matches!(name, "sha256" | "sha512"))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The names of the usual algorithms take no room.
fn name(algorithm: &str) -> Cow<'static, str> {
    match algorithm {
        "sha256" => Cow::Borrowed("sha256"),
        "sha512" => Cow::Borrowed("sha512"),
        other => Cow::Owned(other.to_owned()),
    }
}

impl From<BTreeMap<String, String>> for Hashes {
    fn from(hashes: BTreeMap<String, String>) -> Self {
        Self(hashes.into_iter().map(|(algorithm, hash)| (name(&algorithm), hash.into_boxed_str())).collect())
    }
}

/// Of distinct algorithms.
impl FromIterator<(&'static str, String)> for Hashes {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(hashes: I) -> Self {
        let hash = |(name, hash): (&'static str, String)| (Cow::Borrowed(name), hash.into_boxed_str());
        let mut hashes: Vec<_> = hashes.into_iter().map(hash).collect();
        hashes.sort_unstable();
        Self(hashes)
    }
}

impl Index<&str> for Hashes {
    type Output = str;

    fn index(&self, algorithm: &str) -> &str {
        self.get(algorithm).unwrap_or_default()
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HashesVisitor)
    }
}

struct HashesVisitor;

impl<'de> Visitor<'de> for HashesVisitor {
    type Value = Hashes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hashes, A::Error> {
        let mut hashes = BTreeMap::new();
        while let Some(Algorithm(name)) = map.next_key()? {
            if hashes.contains_key(&name) {
                return Err(stands_twice(&name));
            }
            hashes.insert(name, map.next_value()?);
        }
        Ok(Hashes(hashes.into_iter().collect()))
    }
}

/// The name of an algorithm while it is read.
struct Algorithm(Cow<'static, str>);

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AlgorithmVisitor)
    }
}

struct AlgorithmVisitor;

impl Visitor<'_> for AlgorithmVisitor {
    type Value = Algorithm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, algorithm: &str) -> Result<Algorithm, E> {
        Ok(Algorithm(name(algorithm)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hashes_are_read_and_written_in_the_order_of_their_algorithms() {
        let text = json!({"x": "2", "sha512": "1", "sha256": "0"});

        let hashes: Hashes = serde_json::from_value(text.clone()).unwrap();

        assert_eq!(hashes.iter().collect::<Vec<_>>(), [("sha256", "0"), ("sha512", "1"), ("x", "2")]);
        assert_eq!((hashes.get("sha512"), hashes.get("sha1"), &hashes["x"]), (Some("1"), None, "2"));
        assert_eq!(json!(hashes), text);
        assert_eq!(
            [("sha512", "1".to_owned()), ("sha256", "0".to_owned())]
                .into_iter()
                .collect::<Hashes>()
                .iter()
                .count(),
            2
        );
        assert!(hashes.has_known() && !Hashes::default().has_known() && Hashes::default().is_empty());
    }
}
