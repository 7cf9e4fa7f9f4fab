//! Reads one entry of `targets` straight into its own type, because a JSON value for each of a million targets would
//! cost gigabytes. As strict as [`crate::tuf::json`].

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;

use crate::tuf::json::Strict;
use crate::tuf::targets::Hashes;
use crate::tuf::targets::TargetFile;

/// One target.
pub(super) fn target(json: &[u8]) -> Result<TargetFile, String> {
    let entry: Entry = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    Ok(entry.0)
}

pub(super) fn stands_twice<E: Error>(name: &str) -> E {
    E::custom(format!("the key {name:?} stands twice in one object"))
}

/// One target; members beyond the three are read strictly and left out.
struct Entry(TargetFile);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a target: an object with length and hashes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut length, mut hashes, mut custom) = (None, None, None);
        let mut others: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let twice = match name.as_str() {
                "length" => length.replace(map.next_value::<u64>()?).is_some(),
                "hashes" => hashes.replace(map.next_value::<Hashes>()?).is_some(),
                "custom" => custom.replace(map.next_value::<Strict>()?.0).is_some(),
                _ => {
                    map.next_value::<Strict>()?;
                    let twice = others.contains(&name);
                    others.push(name.clone());
                    twice
                }
            };
            if twice {
                return Err(stands_twice(&name));
            }
        }
        Ok(Entry(TargetFile {
            length: length.ok_or_else(|| A::Error::missing_field("length"))?,
            hashes: hashes.ok_or_else(|| A::Error::missing_field("hashes"))?,
            custom: custom.filter(|custom| !custom.is_null()),
        }))
    }
}
