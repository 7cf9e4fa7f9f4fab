//! A file that is read in pieces: what is looked at now, and the length and hashes of all that went by.

use std::io::Read;
use std::ops::Range;

use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::tuf::json;
use crate::tuf::metadata::Signature;
use crate::tuf::metadata::read_signatures;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::scan;
use crate::tuf::targets::scan::Stop;

/// How much is read at once: what fits into the caches of a core, because several passes run over it.
const PIECE: usize = 1 << 18;
/// What is made room for at first: one of many bins fits into it.
const SMALL: usize = 1 << 14;

/// A file while it goes by.
pub(super) struct Text<'a> {
    file: &'a mut dyn Read,
    /// What is held of it.
    pub(super) bytes: Vec<u8>,
    /// What comes next, in `bytes`; all before it is done with.
    pub(super) at: usize,
    /// The hash of what was passed, where it is wanted.
    pub(super) passed: Option<Sha256>,
    length: u64,
    failed: bool,
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl<'a> Text<'a> {
    /// `listed` says which hashes are to be taken.
    pub(super) fn new(file: &'a mut dyn Read, listed: Option<&MetaFile>) -> Self {
        let lists = |algorithm: &str| listed.is_some_and(|listed| listed.hashes.contains_key(algorithm));
        Self {
            file,
            bytes: Vec::with_capacity(SMALL),
            at: 0,
            passed: None,
            length: 0,
            failed: false,
            sha256: lists("sha256").then(Sha256::new),
            sha512: lists("sha512").then(Sha512::new),
        }
    }

    /// Reads on, and gives up what is done with. `None` at the end of the file, and where it cannot be read.
    pub(super) fn more(&mut self) -> Option<()> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let held = self.bytes.len();
        // As much again as is held: a long value is looked at a few times and not once for each piece.
        let piece = u64::try_from(held.max(PIECE)).ok()?;
        let Ok(read) = (&mut self.file).take(piece).read_to_end(&mut self.bytes) else {
            self.failed = true;
            return None;
        };
        let new = &self.bytes[held..];
        if let Some(hash) = &mut self.sha256 {
            hash.update(new);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(new);
        }
        self.length = self.length.checked_add(u64::try_from(read).ok()?)?;
        (read > 0).then_some(())
    }

    /// Goes on to `to`.
    pub(super) fn pass(&mut self, to: usize) {
        if let Some(hash) = &mut self.passed {
            hash.update(&self.bytes[self.at..to]);
        }
        self.at = to;
    }

    /// What `look` finds at the present place, with more of the file where it needs more.
    pub(super) fn look<T>(&mut self, mut look: impl FnMut(&[u8], usize) -> Result<T, Stop>) -> Option<T> {
        loop {
            match look(&self.bytes, self.at) {
                Ok(found) => return Some(found),
                Err(Stop::Declined) => return None,
                Err(Stop::More) => self.more()?,
            }
        }
    }

    /// Goes over white space and one of `bytes`, and says which.
    pub(super) fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let at = self.look(scan::space)?;
        let found = self.bytes[at];
        self.pass(at + 1);
        bytes.contains(&found).then_some(found)
    }

    /// Goes over the name of a member and its colon.
    pub(super) fn name(&mut self) -> Option<String> {
        let (end, inside) = self.look(|text, at| scan::name(text, scan::space(text, at)?))?;
        let name = self.bytes[inside].to_vec();
        self.pass(end);
        self.one_of(b":")?;
        if scan::controls(&name) { None } else { String::from_utf8(name).ok() }
    }

    /// Goes over any value: where it lies.
    pub(super) fn value(&mut self) -> Option<Range<usize>> {
        let value = self.look(|text, at| {
            let start = scan::space(text, at)?;
            Ok(start..scan::extent(text, start)?)
        })?;
        self.pass(value.end);
        Some(value)
    }

    /// Goes over all that stands before the signed part, where the signatures come first.
    pub(super) fn signatures(&mut self) -> Option<Vec<Signature>> {
        self.one_of(b"{")?;
        if self.name()? != "signatures" {
            return None;
        }
        let signatures = self.value()?;
        let signatures = read_signatures(&json::parse(&self.bytes[signatures]).ok()?).ok()?;
        self.one_of(b",")?;
        (self.name()? == "signed").then_some(signatures)
    }

    /// Proves that nothing but white space is left, that there were at most `max` bytes, and that the length and the hashes are the listed ones.
    pub(super) fn end(mut self, listed: Option<&MetaFile>, max: u64) -> Option<()> {
        loop {
            match scan::space(&self.bytes, self.at) {
                Ok(_) | Err(Stop::Declined) => return None,
                Err(Stop::More) => self.at = self.bytes.len(),
            }
            if self.more().is_none() {
                break;
            }
        }
        if self.failed || self.length > max {
            return None;
        }
        let Some(listed) = listed else { return Some(()) };
        if listed.length.is_some_and(|length| length != self.length) {
            return None;
        }
        let found = [
            ("sha256", self.sha256.map(|hash| hex::encode(hash.finalize()))),
            ("sha512", self.sha512.map(|hash| hex::encode(hash.finalize()))),
        ];
        let found: Vec<(&str, String)> =
            found.into_iter().filter_map(|(name, hash)| Some((name, hash?))).collect();
        let holds = found.iter().all(|(name, hash)| {
            listed.hashes.get(*name).is_some_and(|listed| listed.eq_ignore_ascii_case(hash))
        });
        (holds && (listed.hashes.is_empty() || !found.is_empty())).then_some(())
    }
}
