//! The target files of one role as they lie in the canonical form of its metadata: where each begins, and nothing read.
//!
//! A million of them cost eight bytes each beside the text. [`Metadata`](crate::tuf::Metadata) keeps the text and the
//! [`Index`]; who asks for one target reads that one, and what stays from one version to the next is copied as it lies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::canonical;
use crate::tuf::json;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::entry;
use crate::tuf::targets::scan;
use crate::tuf::targets::scan::Stop;

/// Where each target lies in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    /// Where each path begins and ends, in the order of paths.
    pub(super) paths: Vec<(u32, u32)>,
    /// Where the last target ends.
    pub(super) end: usize,
    /// The paths that are written with an escape, by their place.
    pub(super) escaped: BTreeMap<usize, String>,
    /// Whether each has a length and a hash that clients know, in the form that is read without a value; otherwise it was
    /// not seen.
    pub(super) usual: bool,
}

/// The target files of one role.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    pub(super) text: &'a [u8],
    pub(super) index: &'a Index,
}

/// One target in canonical form, as it lies. Equal text is an equal target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a>(&'a [u8]);

/// Lists nothing.
static NOTHING: Index = Index { paths: Vec::new(), end: 0, escaped: BTreeMap::new(), usual: true };

impl Default for Listed<'_> {
    fn default() -> Self {
        Self::new(&[], &NOTHING)
    }
}

impl<'a> Listed<'a> {
    pub(crate) fn new(text: &'a [u8], index: &'a Index) -> Self {
        Self { text, index }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.index.paths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.paths.is_empty()
    }

    /// Every target in the order of their paths.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        self.between(0..self.len())
    }

    /// Those at these places.
    pub(crate) fn between(self, places: Range<usize>) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        places.map(move |place| (self.path(place), self.entry(place)))
    }

    /// All of them as they lie, from the first path to what stands behind the last target.
    pub(super) fn text(self) -> &'a [u8] {
        let from = self.index.paths.first().map_or(self.index.end, |(from, _)| *from as usize);
        self.text.get(from..=self.index.end).unwrap_or_default()
    }

    /// Where a target lies in that text, with its path.
    pub(super) fn extent(self, place: usize) -> Range<usize> {
        let first = self.index.paths.first().map_or(0, |(from, _)| *from as usize);
        let from = self.index.paths.get(place).map_or(self.index.end, |(from, _)| *from as usize);
        from - first..self.end(place) - first
    }

    /// The paths, in their order.
    pub fn paths(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |place| self.path(place))
    }

    /// Whether a path stands behind all of them.
    pub(crate) fn ends_before(self, path: &[u8]) -> bool {
        self.len().checked_sub(1).is_none_or(|last| self.path_bytes(last) < path)
    }

    /// Every path with its target, as both lie together.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        (0..self.len()).map(move |place| {
            let (from, to) =
                (self.index.paths.get(place).map_or(0, |(from, _)| *from as usize - 1), self.end(place));
            (self.path(place), self.text.get(from..to).unwrap_or_default())
        })
    }

    /// One target.
    pub fn get(self, path: &str) -> Option<Entry<'a>> {
        let place = self.place_of(path);
        (place < self.len() && self.path_bytes(place) == path.as_bytes()).then(|| self.entry(place))
    }

    /// Where a path stands, or where it would.
    pub(super) fn place_of(self, path: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.path_bytes(middle) < path.as_bytes() { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// How long the files are together. An error names the first target that cannot be understood.
    pub fn bytes(self) -> Result<u64, MetadataError> {
        (0..self.len()).try_fold(0_u64, |sum, place| {
            let length = self.entry(place).length();
            let length =
                length.map_err(|why| MetadataError(format!("target {:?}: {why}", self.path(place))))?;
            Ok(sum.saturating_add(length))
        })
    }

    /// Whether each has a length and a hash that clients know, in the form that is read without a value.
    pub(crate) fn usual(self) -> bool {
        self.index.usual
            || (0..self.len())
                .map(|place| self.entry(place).0)
                .all(|text| scan::target(text, 0) == Ok(text.len()))
    }

    pub(super) fn path(self, place: usize) -> &'a str {
        // It was text when it was found.
        std::str::from_utf8(self.path_bytes(place)).unwrap_or_default()
    }

    pub(super) fn path_bytes(self, place: usize) -> &'a [u8] {
        if !self.index.escaped.is_empty()
            && let Some(path) = self.index.escaped.get(&place)
        {
            return path.as_bytes();
        }
        let (from, to) = self.index.paths.get(place).copied().unwrap_or_default();
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    fn entry(self, place: usize) -> Entry<'a> {
        let from = self.index.paths.get(place).map_or(0, |(_, to)| *to as usize + 2);
        Entry(self.text.get(from..self.end(place)).unwrap_or_default())
    }

    /// Where a target ends: between two of them stand a comma and a quote.
    fn end(self, place: usize) -> usize {
        self.index.paths.get(place + 1).map_or(self.index.end, |(from, _)| *from as usize - 2)
    }
}

impl<'a> Entry<'a> {
    /// Whether no client can mind a target: a plain path, sha256 and a length are all that it has. Most of a million are so.
    pub fn is_plain(&self, path: &str) -> bool {
        let is = || {
            let rest = self.text().strip_prefix(br#"{"hashes":{"sha256":""#)?;
            let (hash, rest) = rest.split_at_checked(64)?;
            let length = rest.strip_prefix(br#""},"length":"#)?.strip_suffix(b"}")?;
            let hex = hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            Some(hex && length.len() < 16 && length.iter().all(u8::is_ascii_digit))
        };
        path.is_ascii() && is() == Some(true)
    }

    /// The entry that lies there in a text.
    pub(super) fn in_text(text: &'a [u8], range: &Range<usize>) -> Self {
        Self(text.get(range.clone()).unwrap_or_default())
    }

    /// What it says, read strictly; the error is a fragment.
    pub fn read(self) -> Result<TargetFile, String> {
        entry::target(&canonical::to_json(self.0))
    }

    /// The same, where the error names the target.
    pub(crate) fn of(self, path: &str) -> Result<TargetFile, MetadataError> {
        self.read().map_err(|why| MetadataError(format!("target {path:?}: {why}")))
    }

    /// How long the file is; an error where the entry cannot be understood.
    pub fn length(self) -> Result<u64, String> {
        match self.last_length() {
            Some(length) => Ok(length),
            None => self.read().map(|file| file.length),
        }
    }

    /// The length of an entry in the usual form, where it is the last member.
    fn last_length(self) -> Option<u64> {
        let members = self.0.strip_suffix(b"}")?;
        let colon = memchr::memrchr(b':', members)?;
        // In canonical form a quote after a comma is no part of a text.
        let last = members[..colon].ends_with(b",\"length\"");
        let usual = last && scan::target(self.0, 0) == Ok(self.0.len());
        let plain = usual && canonical::control(self.0).is_none();
        std::str::from_utf8(&members[colon + 1..]).ok().filter(|_| plain)?.parse().ok()
    }

    /// The canonical form.
    pub fn text(self) -> &'a [u8] {
        self.0
    }
}

/// The signed part of targets metadata in canonical form, without `targets`, and where each of them lies.
pub(crate) type Parts = (Map<String, Value>, Index);

/// Takes a text apart that a JSON reader has accepted, when it proves canonical on the way. `None` is no refusal: what
/// this way is not made for is read whole.
pub(crate) fn prove(text: &[u8]) -> Option<Parts> {
    prove_first(text).filter(|(_, end)| *end == text.len()).map(|(parts, _)| parts)
}

/// The same of what begins a text: says where that ends. No reader has accepted the text: it is JSON where it is UTF-8
/// and holds no control character.
pub(crate) fn prove_first(text: &[u8]) -> Option<(Parts, usize)> {
    let value = |text: &[u8], at| scan::canonical(text, at, 2);
    take_apart(text, value, |name| if escapes(name) { None } else { Some(Cow::Borrowed(name)) })
}

/// Takes apart what is known to be canonical; `None` where it is no targets metadata.
pub(crate) fn split(text: &[u8]) -> Option<Parts> {
    let (parts, end) = take_apart(text, scan::extent, |name| Some(unescaped(name)))?;
    (end == text.len()).then_some(parts)
}

fn escapes(name: &[u8]) -> bool {
    memchr::memchr(b'\\', name).is_some()
}

/// What a name in canonical form says.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !escapes(name) {
        return Cow::Borrowed(name);
    }
    let mut said = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        said.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    Cow::Owned(said)
}

fn take_apart<'t>(
    text: &'t [u8],
    value: impl Fn(&[u8], usize) -> Result<usize, Stop>,
    said: impl Fn(&'t [u8]) -> Option<Cow<'t, [u8]>>,
) -> Option<(Parts, usize)> {
    let (mut rest, mut index) = (Map::new(), None);
    let end = members(text, 0, &said, |name, _, at| {
        if *name == *b"targets" && rest.get("_type").and_then(Value::as_str) == Some("targets") {
            let mut listed = Index { usual: true, ..Index::default() };
            let end = members(text, at, &said, |path, place, at| {
                listed.add(path, place)?;
                let target = scan::target(text, at);
                listed.usual &= target.is_ok();
                listed.end = target.or_else(|_| value(text, at)).ok()?;
                Some(listed.end)
            })?;
            index = Some(listed);
            return Some(end);
        }
        let end = value(text, at).ok()?;
        let json = json::parse(&canonical::to_json(text.get(at..end)?)).ok()?;
        if *name == *b"_type" && json != "targets" {
            return None;
        }
        rest.insert(String::from_utf8(name.into_owned()).ok()?, json);
        Some(end)
    })?;
    Some(((rest, index?), end))
}

/// Goes over an object in canonical form whose names ascend, and says where it ends. `member` is given each name, where
/// it lies, and where its value begins; it says where the value ends.
fn members<'t>(
    text: &'t [u8],
    at: usize,
    said: &impl Fn(&'t [u8]) -> Option<Cow<'t, [u8]>>,
    mut member: impl FnMut(Cow<'t, [u8]>, (usize, usize), usize) -> Option<usize>,
) -> Option<usize> {
    let mut at = scan::expect(text, at, b'{').ok()?;
    if text.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    let mut before: Option<Cow<'t, [u8]>> = None;
    loop {
        let (end, inside) = scan::string(text, at).ok()?;
        let name = said(text.get(inside.clone())?)?;
        if before.is_some_and(|before| before >= name) {
            return None;
        }
        before = Some(name.clone());
        at = member(name, (inside.start, inside.end), scan::expect(text, end, b':').ok()?)?;
        match text.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

impl Index {
    pub(super) fn add(&mut self, path: Cow<'_, [u8]>, (from, to): (usize, usize)) -> Option<()> {
        if let Cow::Owned(path) = path {
            self.escaped.insert(self.paths.len(), String::from_utf8(path).ok()?);
        }
        self.paths.push((u32::try_from(from).ok()?, u32::try_from(to).ok()?));
        Some(())
    }
}

#[cfg(test)]
mod tests;
