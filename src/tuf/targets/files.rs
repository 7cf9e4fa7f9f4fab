//! Target files by path as one text in canonical form: what a manifest lists, what was hashed, what a journal says. A
//! copy costs nothing, and a million of them are not a million things in memory.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::DeserializeSeed;
use serde::de::Error as _;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde::ser::Error as _;
use serde_json::Map;
use serde_json::Value;

use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::entry::stands_twice;
use crate::tuf::targets::listed::Entry;
use crate::tuf::targets::writer::Writer;

/// Target files by path, in order. In JSON they are an object of [`TargetFile`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct Files(Metadata);

impl Files {
    /// These files, which come in ascending order of their paths. An error names the first that has no canonical form.
    pub fn of(
        files: impl IntoIterator<Item = (impl AsRef<str>, impl Borrow<TargetFile>)>,
    ) -> Result<Self, MetadataError> {
        let mut writer = Writer::new(Map::new(), (0, 0))?;
        files.into_iter().try_for_each(|(path, file)| writer.add(path.as_ref(), file.borrow()))?;
        Self::written(writer)
    }

    pub(super) fn written(writer: Writer) -> Result<Self, MetadataError> {
        Metadata::written(writer).map(Self)
    }

    /// The same of files that lie elsewhere: so many at most, with so many bytes.
    pub(crate) fn copied<'a>(
        room: (usize, usize),
        files: impl IntoIterator<Item = (&'a str, Entry<'a>)>,
    ) -> Result<Self, MetadataError> {
        let mut writer = Writer::new(Map::new(), room)?;
        files.into_iter().try_for_each(|(path, entry)| writer.copy(path, entry))?;
        Self::written(writer)
    }

    /// Each of them as it lies.
    pub fn listed(&self) -> Listed<'_> {
        self.0.listed().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.listed().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.listed().is_empty()
    }

    /// How many there are, and the bytes of the text.
    pub(super) fn room(&self) -> (usize, usize) {
        (self.len(), self.0.payload().len())
    }

    /// What metadata that says `rest` and lists these files would say, for people to read: nobody signs it, and its text is
    /// that of the files alone.
    pub(crate) fn beside(&self, rest: Value) -> Result<Metadata, MetadataError> {
        self.0.with_rest(rest)
    }
}

impl Default for Files {
    fn default() -> Self {
        Self(Metadata::without_files())
    }
}

/// Files that come in any order, each path once.
#[derive(Debug)]
struct Gathered {
    writer: Writer,
    /// What came behind a later path: where it lies in `text`.
    late: BTreeMap<String, Range<usize>>,
    text: Vec<u8>,
}

impl Gathered {
    fn new() -> Result<Self, MetadataError> {
        Ok(Self { writer: Writer::new(Map::new(), (0, 0))?, late: BTreeMap::new(), text: Vec::new() })
    }

    fn follows(&self, path: &str) -> bool {
        self.writer.listed().ends_before(path.as_bytes())
    }

    fn has(&self, path: &str) -> bool {
        !self.follows(path) && (self.writer.listed().get(path).is_some() || self.late.contains_key(path))
    }

    fn add(&mut self, path: String, file: &TargetFile) -> Result<(), MetadataError> {
        if self.follows(&path) {
            return self.writer.add(&path, file);
        }
        let from = self.text.len();
        let written = file.write(&mut self.text);
        written.map_err(|error| MetadataError(format!("target {path:?}: {error}")))?;
        self.late.insert(path, from..self.text.len());
        Ok(())
    }

    fn end(self) -> Result<Files, MetadataError> {
        if self.late.is_empty() {
            return Files::written(self.writer);
        }
        let first = self.writer.listed().iter();
        let late = self.late.iter().map(|(path, range)| (path.as_str(), Entry::in_text(&self.text, range)));
        let (count, bytes) = self.writer.room();
        let room = (count + self.late.len(), bytes + self.text.len());
        Files::copied(room, in_order(first, late))
    }
}

/// Two lists in the order of their paths as one; no path stands in both.
pub(super) fn in_order<'a, T>(
    one: impl Iterator<Item = (&'a str, T)>,
    other: impl Iterator<Item = (&'a str, T)>,
) -> impl Iterator<Item = (&'a str, T)> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || {
        let first = match (one.peek(), other.peek()) {
            (Some((one, _)), Some((other, _))) => one < other,
            (one, _) => one.is_some(),
        };
        if first { one.next() } else { other.next() }
    })
}

/// Reads an object of files; `take` makes of each entry the file that it stands for.
pub(super) struct Each<E, T> {
    pub(super) take: T,
    pub(super) entry: PhantomData<E>,
}

impl<'de, E, T> DeserializeSeed<'de> for Each<E, T>
where
    E: Deserialize<'de>,
    T: FnMut(&str, E) -> TargetFile,
{
    type Value = Files;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Files, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, E, T> Visitor<'de> for Each<E, T>
where
    E: Deserialize<'de>,
    T: FnMut(&str, E) -> TargetFile,
{
    type Value = Files;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Files, A::Error> {
        let mut gathered = Gathered::new().map_err(A::Error::custom)?;
        while let Some(path) = map.next_key::<String>()? {
            if gathered.has(&path) {
                return Err(stands_twice(&path));
            }
            let file = (self.take)(&path, map.next_value()?);
            gathered.add(path, &file).map_err(A::Error::custom)?;
        }
        gathered.end().map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let take = |_: &str, file: TargetFile| file;
        Each { take, entry: PhantomData }.deserialize(deserializer)
    }
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.listed().iter().map(|(path, entry)| (path, Said(entry))))
    }
}

/// An entry as a [`TargetFile`] is written.
struct Said<'a>(Entry<'a>);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.read().map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
