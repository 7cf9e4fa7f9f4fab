//! A file of targets metadata that is gone through target by target while it goes by, so that two lists of a million
//! can be laid side by side.
//!
//! It proves no signature. Like [`stream`](super::stream) it reads what our writer and python-tuf write, and for all
//! else there is no answer: then the caller reads the whole file, and what that says counts.

use std::io::Read;
use std::ops::Range;

use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::canonical;
use crate::tuf::json;
use crate::tuf::metadata::Signature;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::entry;
use crate::tuf::targets::scan;
use crate::tuf::targets::scan::Found;
use crate::tuf::targets::scan::Stop;
use crate::tuf::targets::text::Text;

/// A file, at one of its targets or behind the last.
pub(crate) struct Passing<'a> {
    text: Text<'a>,
    signatures: Vec<Signature>,
    rest: Map<String, Value>,
    /// The name of the member before.
    member: Option<String>,
    /// How many targets were met.
    count: usize,
    /// The path of the last of them.
    path: String,
    /// Its value, in the text; none behind the last target.
    value: Option<Range<usize>>,
    /// The canonical form of a target that does not lie in it.
    out: Vec<u8>,
}

/// What there was beside the targets.
#[derive(Debug, PartialEq)]
pub(crate) struct Passed {
    /// The signed part without `targets`.
    pub(crate) rest: Map<String, Value>,
    pub(crate) signatures: Vec<Signature>,
    /// How many targets there were.
    pub(crate) count: usize,
    /// Of the signed part as it lies.
    pub(crate) sha256: [u8; 32],
}

impl<'a> Passing<'a> {
    /// Goes to the first target.
    pub(crate) fn open(file: &'a mut dyn Read) -> Option<Self> {
        let mut text = Text::new(file, None);
        let signatures = text.signatures()?;
        text.at = text.look(scan::space)?;
        text.passed = Some(Sha256::new());
        text.one_of(b"{")?;
        let mut this = Self {
            text,
            signatures,
            rest: Map::new(),
            member: None,
            count: 0,
            path: String::new(),
            value: None,
            out: Vec::new(),
        };
        while this.member()? != "targets" {
            this.text.one_of(b",")?;
        }
        this.text.one_of(b"{")?;
        this.step()?;
        Some(this)
    }

    /// The present target: its path, and its value as it lies.
    pub(crate) fn here(&self) -> Option<(&str, &[u8])> {
        let value = self.value.clone()?;
        Some((&self.path, self.text.bytes.get(value)?))
    }

    /// What the present target says.
    pub(crate) fn read(&self) -> Option<TargetFile> {
        entry::target(self.here()?.1).ok()
    }

    /// Goes to the next target.
    pub(crate) fn step(&mut self) -> Option<()> {
        if let Some(value) = self.value.take() {
            self.text.pass(value.end);
        }
        let first = self.count == 0;
        let found = loop {
            match scan::canonical_target(&self.text.bytes, self.text.at, first) {
                Err(Stop::More) => self.text.more()?,
                Err(Stop::Declined) => break None,
                Ok(found) => break Some(found),
            }
        };
        match found {
            Some(Found { path, value }) => {
                let piece = self.text.bytes.get(self.text.at..value.end)?;
                if scan::controls(piece) {
                    return None;
                }
                std::str::from_utf8(piece).ok()?;
                follow(&mut self.path, first, self.text.bytes.get(path)?)?;
                self.value = Some(value);
            }
            None => {
                let at = self.text.look(scan::space)?;
                if self.text.bytes.get(at) == Some(&b'}') {
                    self.text.pass(at + 1);
                    return Some(());
                }
                let out = &mut self.out;
                let (path, value) = self.text.look(|text, at| {
                    out.clear();
                    scan::other_target(text, at, first, out)
                })?;
                std::str::from_utf8(self.text.bytes.get(self.text.at..value.end)?).ok()?;
                follow(&mut self.path, first, self.out.get(path)?)?;
                self.value = Some(value);
            }
        }
        self.count += 1;
        Some(())
    }

    /// Reads what stands behind the targets, of a file of at most `max` bytes.
    pub(crate) fn end(mut self, max: u64) -> Option<Passed> {
        while self.text.one_of(b",}")? == b',' {
            self.member()?;
        }
        let sha256 = self.text.passed.take()?.finalize().into();
        self.text.one_of(b"}")?;
        self.text.end(None, max)?;
        if self.rest.get("_type")? != "targets" {
            return None;
        }
        Some(Passed { rest: self.rest, signatures: self.signatures, count: self.count, sha256 })
    }

    /// Goes over a member of the signed part, of `targets` over its name; says the name. They stand in order, and so
    /// each stands once.
    fn member(&mut self) -> Option<&str> {
        let name = self.text.name()?;
        if self.member.as_ref().is_some_and(|before| *before >= name) {
            return None;
        }
        if name != "targets" {
            let at = self.text.value()?;
            let raw = self.text.bytes.get(at)?;
            let value = json::parse(raw).ok()?;
            if !canonical::is_canonical(raw) {
                // What has no canonical form, nobody can have signed.
                canonical::to_vec(&value).ok()?;
            }
            self.rest.insert(name.clone(), value);
        }
        Some(self.member.insert(name))
    }
}

/// Goes from one path to the next, which must be above it.
fn follow(before: &mut String, first: bool, path: &[u8]) -> Option<()> {
    let path = std::str::from_utf8(path).ok()?;
    if !first && before.as_str() >= path {
        return None;
    }
    before.clear();
    before.push_str(path);
    Some(())
}

#[cfg(test)]
mod tests;
