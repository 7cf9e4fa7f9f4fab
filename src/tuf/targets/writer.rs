//! Targets written into the canonical form of their metadata: one behind the other, or among those that lie there already.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::canonical;
use crate::tuf::canonical::CanonicalError;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::listed::Index;
use crate::tuf::targets::listed::Parts;
use crate::tuf::targets::scan;

impl Index {
    /// Writes one target behind the others; `value` writes what it says.
    fn write(
        &mut self,
        path: &str,
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), CanonicalError>,
        out: &mut Vec<u8>,
    ) -> Result<(), MetadataError> {
        if !self.paths.is_empty() {
            out.push(b',');
        }
        let from = out.len() + 1;
        canonical::write_string(path, out);
        let to = out.len() - 1;
        let said = path.as_bytes();
        let said = if to - from == said.len() { Cow::Borrowed(said) } else { Cow::Owned(said.to_vec()) };
        self.add(said, (from, to)).ok_or_else(too_long)?;
        out.push(b':');
        let at = out.len();
        value(out).map_err(|error| MetadataError(format!("target {path:?}: {error}")))?;
        self.end = out.len();
        self.usual &= scan::target(out, at) == Ok(self.end);
        Ok(())
    }

    /// Writes these targets of another text behind the others, as they lie.
    fn copy(&mut self, of: Listed<'_>, places: Range<usize>, out: &mut Vec<u8>) -> Result<(), MetadataError> {
        let Some((first, _)) = of.index.paths.get(places.clone()).and_then(<[_]>::first) else {
            return Ok(());
        };
        if !self.paths.is_empty() {
            out.push(b',');
        }
        let (from, before) = (*first as usize - 1, self.paths.len());
        let to = of.index.paths.get(places.end).map_or(of.index.end, |(path, _)| *path as usize - 2);
        let place = |at: u32| u32::try_from(at as usize - from + out.len()).ok();
        for (from, to) in of.index.paths.get(places.clone()).unwrap_or_default() {
            let (from, to) = place(*from).zip(place(*to)).ok_or_else(too_long)?;
            self.paths.push((from, to));
        }
        let escaped = of.index.escaped.range(places.clone());
        self.escaped.extend(escaped.map(|(at, path)| (at - places.start + before, path.clone())));
        out.extend_from_slice(of.text.get(from..to).unwrap_or_default());
        self.end = out.len();
        Ok(())
    }
}

/// A list of targets while it is written, in ascending order of their paths.
#[derive(Debug)]
pub(crate) struct Writer {
    rest: Map<String, Value>,
    text: Vec<u8>,
    index: Index,
}

impl Writer {
    /// With `rest` as the other members, and room for so many targets and bytes of them.
    pub(crate) fn new(
        mut rest: Map<String, Value>,
        (count, bytes): (usize, usize),
    ) -> Result<Self, MetadataError> {
        rest.remove("targets");
        let index = Index { paths: Vec::with_capacity(count), usual: true, ..Index::default() };
        Ok(Self { text: begin(&rest, bytes)?, rest, index })
    }

    /// What was written so far.
    pub(crate) fn listed(&self) -> Listed<'_> {
        Listed::new(&self.text, &self.index)
    }

    /// How many targets were written, and how many bytes.
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.index.paths.len(), self.text.len())
    }

    /// Writes one target as it lies elsewhere.
    pub(crate) fn copy(&mut self, path: &str, entry: Entry<'_>) -> Result<(), MetadataError> {
        let copy = |out: &mut Vec<u8>| {
            out.extend_from_slice(entry.text());
            Ok(())
        };
        self.follows(path)?;
        self.index.write(path, copy, &mut self.text)
    }

    /// Writes the target at one place of a list, path and all.
    pub(crate) fn take(&mut self, of: Listed<'_>, place: usize) -> Result<(), MetadataError> {
        if !self.listed().ends_before(of.path_bytes(place)) {
            return Err(out_of_order(of.path(place)));
        }
        self.index.usual &= of.index.usual;
        self.index.copy(of, place..place + 1, &mut self.text)
    }

    /// Writes what one target says.
    pub(crate) fn add(&mut self, path: &str, file: &TargetFile) -> Result<(), MetadataError> {
        self.follows(path)?;
        self.index.write(path, |out| file.write(out), &mut self.text)
    }

    fn follows(&self, path: &str) -> Result<(), MetadataError> {
        if !self.listed().ends_before(path.as_bytes()) {
            return Err(out_of_order(path));
        }
        Ok(())
    }

    /// The whole text, and what it is taken apart into.
    pub(crate) fn end(mut self) -> Result<(Vec<u8>, Parts), MetadataError> {
        finish(&self.rest, &mut self.text)?;
        self.text.shrink_to_fit();
        self.index.paths.shrink_to_fit();
        Ok((self.text, (self.rest, self.index)))
    }
}

/// Writes the canonical form of `rest` with the targets of another text as they lie, but for those that `edits` name, in
/// ascending order of their paths: each with what it says from now on, or with nothing where it is no longer listed.
pub(crate) fn rewrite<'a>(
    rest: &Map<String, Value>,
    listed: Listed<'a>,
    edits: impl Iterator<Item = (&'a str, Option<Entry<'a>>)>,
) -> Result<(Vec<u8>, Index), MetadataError> {
    // Most that is written anew finds its place here, so that a million targets are not moved for one more.
    let mut out = begin(rest, listed.text.len() + (1 << 16))?;
    let mut index = Index { usual: listed.index.usual, ..Index::default() };
    index.paths.reserve_exact(listed.len() + 1);
    let (mut place, mut before) = (0, None);
    for (path, entry) in edits {
        if before.is_some_and(|before| before >= path) {
            return Err(out_of_order(path));
        }
        before = Some(path);
        let next = listed.place_of(path);
        index.copy(listed, place..next, &mut out)?;
        place = next + usize::from(next < listed.len() && listed.path_bytes(next) == path.as_bytes());
        if let Some(entry) = entry {
            let copy = |out: &mut Vec<u8>| {
                out.extend_from_slice(entry.text());
                Ok(())
            };
            index.write(path, copy, &mut out)?;
        }
    }
    index.copy(listed, place..listed.len(), &mut out)?;
    finish(rest, &mut out)?;
    out.shrink_to_fit();
    Ok((out, index))
}

fn out_of_order(path: &str) -> MetadataError {
    MetadataError(format!("the target {path:?} does not follow the one before it"))
}

fn too_long() -> MetadataError {
    MetadataError::new("it is longer than 4 GiB")
}

/// How the targets begin.
const BEGIN: &[u8] = b"\"targets\":{";

/// What stands before the targets, and room for so many bytes of them and what stands behind.
fn begin(rest: &Map<String, Value>, room: usize) -> Result<Vec<u8>, MetadataError> {
    let mut behind = Vec::new();
    finish(rest, &mut behind)?;
    let mut out = Vec::new();
    others(rest, true, &mut out)?;
    out.reserve_exact(BEGIN.len() + room + behind.len());
    out.push(if out.is_empty() { b'{' } else { b',' });
    out.extend_from_slice(BEGIN);
    Ok(out)
}

/// What stands after them.
fn finish(rest: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), MetadataError> {
    out.push(b'}');
    others(rest, false, out)?;
    out.push(b'}');
    Ok(())
}

/// The members before `targets`, or those after them.
fn others(rest: &Map<String, Value>, first: bool, out: &mut Vec<u8>) -> Result<(), MetadataError> {
    for (name, value) in rest.iter().filter(|(name, _)| (name.as_str() < "targets") == first) {
        out.push(if out.is_empty() { b'{' } else { b',' });
        canonical::write_string(name, out);
        out.push(b':');
        out.extend(canonical::to_vec(value).map_err(|error| MetadataError(error.to_string()))?);
    }
    Ok(())
}
