//! Verifies a file of targets metadata while it goes by, so that a million targets cost no more memory than ten.
//!
//! One pass takes the hashes of the file, proves the signed part canonical (or writes its canonical form), proves the
//! signatures over it, and counts the targets. It reads what our writer and python-tuf write: signatures first, keys
//! in order. For all else, and for whatever does not hold, there is no answer here: then the caller reads the whole
//! file, and what that says counts. So this reader never refuses, and it accepts only what the other accepts too.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::SignedFile;
use crate::tuf::canonical;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::key::Proof;
use crate::tuf::metadata::Signature;
use crate::tuf::role::RoleKeys;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::entry;
use crate::tuf::targets::paths::Paths;
use crate::tuf::targets::scan;
use crate::tuf::targets::scan::Stop;
use crate::tuf::targets::text::Text;
use crate::tuf::targets::wants::Wants;

/// More signatures than this are not proven side by side.
const MAX_PROOFS: usize = 64;
/// How much of a canonical form is written before it is handed on.
const FLUSH: usize = 1 << 16;

/// What is asked of a file.
pub(crate) struct Ask<'a> {
    /// Who must have signed.
    pub(crate) keys: &'a RoleKeys,
    /// What the file above says of this one.
    pub(crate) listed: Option<&'a MetaFile>,
    /// The largest file.
    pub(crate) max: u64,
    /// Whether the paths are wanted where the role itself delegates nothing.
    pub(crate) paths: bool,
    /// Which targets are wanted in full.
    pub(crate) wants: Wants<'a>,
}

/// A file that holds: every target in it has a length and a hash by a known algorithm.
#[derive(Debug, PartialEq)]
pub(crate) struct Streamed {
    /// The signed part without `targets`.
    pub(crate) rest: Value,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) signed_by: BTreeSet<KeyId>,
    /// How many targets there are.
    pub(crate) count: usize,
    /// Their paths, where they were asked for or the role delegates.
    pub(crate) paths: Option<Paths>,
    /// The wanted ones.
    pub(crate) kept: BTreeMap<String, TargetFile>,
}

/// The answer yes, or none.
pub(crate) fn read(file: &mut dyn Read, ask: &Ask<'_>) -> Option<Streamed> {
    let mut text = Text::new(file, ask.listed);
    let signatures = text.signatures()?;
    let keyids: BTreeSet<&KeyId> = signatures.iter().map(|signature| &signature.keyid).collect();
    if keyids.len() != signatures.len() {
        return None;
    }
    let payload = Payload::begin(ask.keys, &signatures)?;
    let mut signed = Signed {
        text,
        payload,
        ask,
        rest: Map::new(),
        before: Vec::new(),
        count: 0,
        paths: ask.paths.then(Paths::small),
        kept: BTreeMap::new(),
    };
    signed.read()?;
    if let Some(paths) = &mut signed.paths {
        paths.fit();
    }
    signed.text.one_of(b"}")?;
    signed.text.end(ask.listed, ask.max)?;
    let holds = signed.payload.end(signatures.len());
    let signed_by = ask.keys.verify_proven(&signatures, &holds).ok()?;
    Some(Streamed {
        rest: Value::Object(signed.rest),
        signatures,
        signed_by,
        count: signed.count,
        paths: signed.paths,
        kept: signed.kept,
    })
}

/// The same answer of a file that is held; the caller has compared it with what is listed of it.
pub(crate) fn held(file: &SignedFile, ask: &Ask<'_>) -> Option<Streamed> {
    let metadata = file.metadata().ok().filter(|_| file.len() as u64 <= ask.max)?;
    let signatures = metadata.signatures();
    let keyids: BTreeSet<&KeyId> = signatures.iter().map(|signature| &signature.keyid).collect();
    let listed = metadata.listed().filter(|_| keyids.len() == signatures.len())?;
    let signed_by = ask.keys.verify(metadata.payload(), signatures).ok()?;
    if !metadata.lists_usual_targets() {
        return None;
    }
    let delegates = metadata.signed().get("delegations").is_some_and(|value| !value.is_null());
    let mut paths = (ask.paths || delegates).then(Paths::default);
    if let Some(paths) = &mut paths {
        listed.paths().try_for_each(|path| paths.push(path))?;
    }
    Some(Streamed {
        rest: metadata.signed().clone(),
        signatures: signatures.to_vec(),
        signed_by,
        count: listed.len(),
        paths,
        kept: ask.wants.of(listed)?,
    })
}

/// The bytes that signatures are over, while they go by.
struct Payload {
    /// Each with the place of its signature in the list.
    proofs: Vec<(usize, Proof)>,
    /// What was written and not yet handed on.
    written: Vec<u8>,
}

impl Payload {
    fn begin(keys: &RoleKeys, signatures: &[Signature]) -> Option<Self> {
        let mut proofs = Vec::new();
        for (at, signature) in signatures.iter().enumerate() {
            let Some(key) = keys.keys.get(&signature.keyid) else { continue };
            let Ok(bytes) = hex::decode(&signature.sig) else { continue };
            proofs.push((at, key.begin(&bytes)?));
        }
        (proofs.len() <= MAX_PROOFS).then_some(Self { proofs, written: Vec::new() })
    }

    /// What is canonical as it lies.
    fn as_it_lies(&mut self, bytes: &[u8]) {
        self.flush();
        self.proofs.iter_mut().for_each(|(_, proof)| proof.update(bytes));
    }

    fn write(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        if self.written.len() >= FLUSH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.proofs.iter_mut().for_each(|(_, proof)| proof.update(&self.written));
        self.written.clear();
    }

    /// Which of the signatures hold.
    fn end(mut self, signatures: usize) -> Vec<bool> {
        self.flush();
        let mut holds = vec![false; signatures];
        for (at, proof) in self.proofs {
            if let Some(place) = holds.get_mut(at) {
                *place = proof.holds();
            }
        }
        holds
    }
}

/// The signed part, while it goes by.
struct Signed<'a> {
    text: Text<'a>,
    payload: Payload,
    ask: &'a Ask<'a>,
    rest: Map<String, Value>,
    /// The path before, where there is one.
    before: Vec<u8>,
    count: usize,
    paths: Option<Paths>,
    kept: BTreeMap<String, TargetFile>,
}

impl Signed<'_> {
    /// Every member in order; that none stands twice follows from it.
    fn read(&mut self) -> Option<()> {
        self.text.one_of(b"{")?;
        let (mut before, mut found): (Option<String>, bool) = (None, false);
        loop {
            let name = self.text.name()?;
            if before.is_some_and(|before| before >= name) {
                return None;
            }
            self.payload.write(if self.rest.is_empty() && !found { b"{\"" } else { b",\"" });
            self.payload.write(name.as_bytes());
            self.payload.write(b"\":");
            if name == "targets" {
                found = true;
                self.targets()?;
            } else {
                self.member(&name)?;
            }
            before = Some(name);
            if self.text.one_of(b",}")? == b'}' {
                break;
            }
        }
        self.payload.write(b"}");
        found.then_some(())
    }

    fn member(&mut self, name: &str) -> Option<()> {
        let at = self.text.value()?;
        let raw = &self.text.bytes[at];
        let value = json::parse(raw).ok()?;
        if canonical::is_canonical(raw) {
            self.payload.write(raw);
        } else {
            self.payload.write(&canonical::to_vec(&value).ok()?);
        }
        // Whoever delegates may list a target that a role below lists too.
        if name == "delegations" && !value.is_null() {
            self.paths.get_or_insert_default();
        }
        self.rest.insert(name.to_owned(), value);
        Some(())
    }

    /// All targets, as long as they are canonical by whole pieces, and one by one where they are not.
    fn targets(&mut self) -> Option<()> {
        self.text.one_of(b"{")?;
        self.payload.write(b"{");
        loop {
            let from = self.text.at;
            let (to, stop) = self.canonical_targets()?;
            let piece = &self.text.bytes[from..to];
            if scan::controls(piece) {
                return None;
            }
            std::str::from_utf8(piece).ok()?;
            if !piece.is_empty() {
                self.payload.as_it_lies(piece);
            }
            self.text.at = to;
            match stop {
                Stop::More => self.text.more()?,
                Stop::Declined => {
                    let at = self.text.look(scan::space)?;
                    if self.text.bytes[at] == b'}' {
                        self.text.at = at + 1;
                        self.payload.write(b"}");
                        return Some(());
                    }
                    self.other_target()?;
                }
            }
        }
    }

    /// As many targets as lie canonical before us: where they end, and why there.
    fn canonical_targets(&mut self) -> Option<(usize, Stop)> {
        let bytes = std::mem::take(&mut self.text.bytes);
        let mut at = self.text.at;
        let mut last: Option<Range<usize>> = None;
        let stop = loop {
            match scan::canonical_target(&bytes, at, self.count == 0) {
                Ok(found) => {
                    let path = &bytes[found.path.clone()];
                    let before = last.as_ref().map_or(self.before.as_slice(), |last| &bytes[last.clone()]);
                    if self.count > 0 && before >= path {
                        return None;
                    }
                    self.keep(path, &bytes[found.value.clone()])?;
                    last = Some(found.path);
                    at = found.value.end;
                }
                Err(stop) => break stop,
            }
        };
        if let Some(last) = last {
            self.before.clear();
            self.before.extend_from_slice(&bytes[last]);
        }
        self.text.bytes = bytes;
        Some((at, stop))
    }

    /// One target that is not canonical as it lies.
    fn other_target(&mut self) -> Option<()> {
        let mut out = Vec::new();
        let first = self.count == 0;
        let found = self.text.look(|text, at| {
            out.clear();
            scan::other_target(text, at, first, &mut out)
        });
        let (path, value) = found?;
        let raw = &self.text.bytes[self.text.at..value.end];
        std::str::from_utf8(raw).ok()?;
        let path = &out[path];
        if !first && self.before.as_slice() >= path {
            return None;
        }
        self.text.at = value.end;
        let text = std::mem::take(&mut self.text.bytes);
        let kept = self.keep(path, &text[value]);
        self.text.bytes = text;
        self.before.clear();
        self.before.extend_from_slice(path);
        self.payload.write(&out);
        kept
    }

    /// Counts a target, and keeps of it what is wanted.
    fn keep(&mut self, path: &[u8], value: &[u8]) -> Option<()> {
        self.count += 1;
        let path = std::str::from_utf8(path).ok()?;
        if let Some(paths) = &mut self.paths {
            paths.push(path)?;
        }
        if self.ask.wants.has(path) {
            self.kept.insert(path.to_owned(), entry::target(value).ok()?);
        }
        Some(())
    }
}

#[cfg(test)]
pub(super) mod tests;
