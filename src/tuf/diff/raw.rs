//! Targets metadata with each target as it lies in the file: of a million targets that are alike on both sides, none is
//! read, and none is copied.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::canonical;
use crate::tuf::fields;
use crate::tuf::json;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::metadata::Outer;
use crate::tuf::metadata::Signature;
use crate::tuf::metadata::read_signatures;
use crate::tuf::targets;
use crate::tuf::targets::Entry;
use crate::tuf::targets::change::Change;
use crate::tuf::targets::passing::Passing;

/// A file of targets metadata.
pub(super) struct Targets<'a> {
    /// The signed part as it lies in the file.
    pub(super) text: &'a [u8],
    pub(super) targets: Listed<'a>,
    pub(super) beside: Beside,
}

/// What there is beside the targets.
pub(super) struct Beside {
    /// The signed part without `targets`.
    pub(super) rest: Map<String, Value>,
    pub(super) signatures: Vec<Signature>,
}

impl Beside {
    pub(super) fn read(rest: &Value, signatures: Vec<Signature>) -> Result<Self, MetadataError> {
        fields::read(rest, "targets", &[])?;
        Ok(Self { rest: fields::object(rest, "the signed part")?.clone(), signatures })
    }
}

/// Targets that are gone through in the order of their paths.
pub(super) trait Walk {
    /// The present target: its path, and its JSON as it lies. `None` behind the last.
    fn here(&self) -> Option<(&str, &[u8])>;
    /// Goes to the next.
    fn step(&mut self) -> Result<(), MetadataError>;
}

/// Targets that are held.
pub(super) struct Listed<'a> {
    now: Option<Target<'a>>,
    next: Box<dyn Iterator<Item = Target<'a>> + 'a>,
}

type Target<'a> = (Cow<'a, str>, Cow<'a, [u8]>);

impl<'a> Listed<'a> {
    /// In the order of their paths.
    pub(super) fn new(targets: impl Iterator<Item = Target<'a>> + 'a) -> Self {
        let mut next = Box::new(targets);
        Self { now: next.next(), next }
    }
}

impl Walk for Listed<'_> {
    fn here(&self) -> Option<(&str, &[u8])> {
        self.now.as_ref().map(|(path, raw)| (&**path, &**raw))
    }

    fn step(&mut self) -> Result<(), MetadataError> {
        self.now = self.next.next();
        Ok(())
    }
}

impl Walk for Passing<'_> {
    fn here(&self) -> Option<(&str, &[u8])> {
        self.here()
    }

    fn step(&mut self) -> Result<(), MetadataError> {
        self.step().ok_or_else(|| MetadataError::new("it cannot be read while it goes by"))
    }
}

impl<'a> Targets<'a> {
    /// Of metadata that was read, but for so many of the first targets, and so many of the last: what lies in it is its
    /// canonical form.
    pub(super) fn of(metadata: &'a Metadata, (first, last): (usize, usize)) -> Result<Self, MetadataError> {
        let listed = targets::Targets::listed(metadata)?;
        let beside = Beside::read(metadata.signed(), metadata.signatures().to_vec())?;
        let json = json_of(metadata);
        let between = listed.between(first..listed.len() - last);
        let targets = Listed::new(between.map(move |(path, entry)| (Cow::Borrowed(path), json(entry))));
        Ok(Self { text: metadata.payload(), beside, targets })
    }

    /// Of metadata that is not written out: `rest` with the target files of `old` as `change` leaves them.
    pub(super) fn draft(old: &'a Metadata, rest: &Value, change: &'a Change) -> Result<Self, MetadataError> {
        let listed = targets::Targets::listed(old)?;
        let beside = Beside::read(rest, old.signatures().to_vec())?;
        Ok(Self {
            // Canonical forms that differ say something else.
            text: old.payload(),
            beside,
            targets: Listed::new(
                change
                    .after(listed)
                    .map(|(path, entry)| (Cow::Borrowed(path), canonical::to_json(entry.text()))),
            ),
        })
    }
}

/// Of both sides those targets that `change` names, where they are few: it says of all others that they stay.
pub(super) fn edited<'a>(old: &'a Metadata, change: &'a Change) -> Option<(Listed<'a>, Listed<'a>)> {
    let listed = old.listed()?;
    if change.written.len() + change.removed.len() > listed.len() / 32 {
        return None;
    }
    let json = json_of(old);
    let was =
        change.edits().filter_map(move |(path, _)| Some((Cow::Borrowed(path), json(listed.get(path)?))));
    let is = change
        .edits()
        .filter_map(|(path, entry)| Some((Cow::Borrowed(path), canonical::to_json(entry?.text()))));
    Some((Listed::new(was), Listed::new(is)))
}

/// The JSON of each target of this metadata.
fn json_of<'a>(metadata: &'a Metadata) -> impl Fn(Entry<'a>) -> Cow<'a, [u8]> {
    let plain = metadata.is_plain();
    move |entry| match entry.text() {
        text if plain => Cow::Borrowed(text),
        text => canonical::to_json(text),
    }
}

pub(super) fn read(file: &[u8]) -> Result<Targets<'_>, MetadataError> {
    let members = outer(file)?;
    let member = |name: &str| members.0.get(name).ok_or_else(|| MetadataError(format!("{name} is missing")));
    let text = member("signed")?.get();
    let signatures = json::parse(member("signatures")?.get().as_bytes());
    let signatures = signatures.map_err(|e| MetadataError(format!("signatures: {e}")))?;
    let mut targets = None;
    let mut rest = Map::new();
    for (name, raw) in outer(text.as_bytes()).map_err(|e| MetadataError(format!("signed: {e}")))?.0 {
        if name == "targets" {
            targets =
                Some(outer(raw.get().as_bytes()).map_err(|e| MetadataError(format!("targets: {e}")))?.0);
            continue;
        }
        rest.insert(
            name,
            json::parse(raw.get().as_bytes()).map_err(|e| MetadataError(format!("signed: {e}")))?,
        );
    }
    let targets = targets.ok_or_else(|| MetadataError::new("targets is missing"))?;
    let targets =
        targets.into_iter().map(|(path, raw)| (Cow::Owned(path), Cow::Borrowed(raw.get().as_bytes())));
    let beside = Beside::read(&Value::Object(rest), read_signatures(&signatures)?)?;
    Ok(Targets { text: text.as_bytes(), beside, targets: Listed::new(targets) })
}

fn outer(text: &[u8]) -> Result<Outer<'_>, MetadataError> {
    serde_json::from_slice(text).map_err(|e| MetadataError(e.to_string()))
}

/// One target.
pub(super) fn target(path: &str, raw: &[u8]) -> Result<Map<String, Value>, MetadataError> {
    let in_target = |why: String| MetadataError(format!("target {path:?}: {why}"));
    match json::parse(raw).map_err(in_target)? {
        Value::Object(target) => Ok(target),
        _ => Err(in_target("not an object".to_owned())),
    }
}
