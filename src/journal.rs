//! The journal: one line an event, each holding the hash of the line before it. Pure text in, pure text out.
//!
//! ```text
//! {"at":"2026-12-03T09:00:00Z","prev":"<SHA-256 of the line before>","what":{"event":"opened",...},"sum":"<SHA-256 of this line up to here>"}
//! ```
//!
//! `prev` ties a line to all lines before it; `sum` lets a change in the last line be seen as well. Both are over
//! the bytes of the file, without the line's end, so that `sha256sum` can check them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::event::Hashed;
use crate::plan::Plan;
use crate::plan::Verb;
use crate::plan::step::Subject;
use crate::tuf::Date;
use crate::tuf::Names;
use crate::witness::Checkpoint;
use crate::witness::checkpoint;
use crate::witness::tree;
use crate::words::Digest;

/// The format of the lines.
pub const FORMAT: u32 = 1;

/// `prev` of the first line.
pub const NOTHING_BEFORE: Digest = Digest([0; 32]);

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub at: Date,
    /// What happened.
    pub what: Event,
    /// SHA-256 of the line: the head of the journal that ends with it.
    pub head: Digest,
    /// The line as a leaf of a Merkle tree.
    pub leaf: Digest,
}

/// The first line that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("line {line} of the journal: {why}")]
pub struct Broken {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A journal as read: whole lines, and how much of a line stands after them.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// The lines.
    pub entries: Vec<Entry>,
    /// Bytes of the whole lines.
    pub whole: usize,
    /// Bytes after them: a line that a crash cut short, which never took effect.
    pub cut: usize,
}

impl Journal {
    /// The head: SHA-256 of the last whole line.
    pub fn head(&self) -> Digest {
        self.entries.last().map_or(NOTHING_BEFORE, |entry| entry.head)
    }

    /// A checkpoint after each line, the last line's first.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        let ceremony = match self.entries.first().map(|entry| &entry.what) {
            Some(Event::Opened { ceremony, .. }) => ceremony.as_str(),
            _ => "",
        };
        checkpoint::of_roots(ceremony, &tree::roots(self.entries.iter().map(|entry| entry.leaf)))
    }
}

#[derive(Serialize)]
struct Written<'a> {
    at: Date,
    prev: String,
    what: &'a Event,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read<E> {
    at: Date,
    prev: String,
    what: E,
    #[allow(dead_code, reason = "checked as bytes before the line is parsed")]
    sum: String,
}

/// The line for an event, with its end, and the head that it makes.
pub fn encode(at: Date, prev: Digest, what: &Event) -> Result<(String, Digest), serde_json::Error> {
    let mut line = serde_json::to_string(&Written { at, prev: prev.hex(), what })?;
    line.pop();
    let (sum, head) = digests(&line);
    line.push_str(&sum);
    line.push('\n');
    Ok((line, head))
}

/// How a line ends that begins so, and its SHA-256.
fn digests(body: &str) -> (String, Digest) {
    let hash = Sha256::new().chain_update(body);
    let sum = Digest(hash.clone().finalize().into()).hex();
    let end = format!(",\"sum\":\"{sum}\"}}");
    let head = hash.chain_update(&end).finalize().into();
    (end, Digest(head))
}

/// A line that was written, and is not taken apart again where it is read back byte for byte.
#[derive(Clone, Debug)]
pub struct Known {
    /// When.
    pub at: Date,
    /// The head before it.
    pub prev: Digest,
    /// What happened.
    pub what: Event,
    /// The head that it made: SHA-256 of the line.
    pub head: Digest,
}

/// Reads a journal and checks its chain. A line cut short at the end is told apart, and not judged.
pub fn read(bytes: &[u8]) -> Result<Journal, Broken> {
    read_beside(bytes, None)
}

/// The same beside a line that is known.
pub fn read_beside(bytes: &[u8], known: Option<&Known>) -> Result<Journal, Broken> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut entries: Vec<Entry> = Vec::new();
    for (line, number) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let line = &line[..line.len() - 1];
        let prev = entries.last().map_or(NOTHING_BEFORE, |entry| entry.head);
        let entry = entry(line, prev, known).map_err(|why| Broken { line: number, why })?;
        if entries.last().is_some_and(|last| entry.at < last.at) {
            return Err(Broken { line: number, why: "it is older than the line before it".into() });
        }
        entries.push(entry);
    }
    Ok(Journal { entries, whole, cut: bytes.len() - whole })
}

fn entry(line: &[u8], prev: Digest, known: Option<&Known>) -> Result<Entry, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    let tail = r#","sum":""#.len() + 64 + r#""}"#.len();
    let body = text.len().checked_sub(tail).and_then(|end| text.get(..end)).ok_or("it is too short")?;
    let (sum, head) = digests(body);
    if text[body.len()..] != sum {
        return Err("it was changed after it was written".into());
    }
    let leaf = tree::leaf(line);
    if let Some(known) = known.filter(|known| (known.prev, known.head) == (prev, head)) {
        return Ok(Entry { at: known.at, what: known.what.clone(), head, leaf });
    }
    let read = parse(text).map_err(|error| format!("it cannot be read: {error}"))?;
    if read.prev != prev.hex() {
        return Err("it does not follow the line before it".into());
    }
    Ok(Entry { at: read.at, what: read.what, head, leaf })
}

/// What a line says, at the longest line in its own way: what that does not take is read as any other.
fn parse(text: &str) -> Result<Read<Event>, serde_json::Error> {
    let before_files = text.split_once(HASHED).is_some_and(|(before, _)| !before.contains("what"));
    if before_files && let Ok(Read { at, prev, what, sum }) = serde_json::from_str::<Read<Hashed>>(text) {
        return Ok(Read { at, prev, what: what.into(), sum });
    }
    serde_json::from_str(text)
}

/// How the event begins that lists files.
const HASHED: &str = r#""what":{"event":"hashed","#;

/// What the first line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Production or rehearsal.
    pub mode: crate::ceremony::Mode,
    /// SHA-256 of the ceremony file.
    pub plan: String,
    /// SHA-256 of the answers file.
    pub answers: Option<String>,
    /// SHA-256 of each metadata file that it starts from.
    pub before: BTreeMap<String, String>,
    /// What the keys of that metadata are called.
    pub names: Names,
    /// How roots that clients were shipped with reach the new one.
    pub anchors: Vec<String>,
}

/// The first line, which must open the ceremony.
pub fn opening(journal: &Journal) -> Result<Opening, Broken> {
    let broken = |why: &str| Broken { line: 1, why: why.to_owned() };
    match journal.entries.first().map(|entry| &entry.what) {
        Some(Event::Opened { format, .. }) if *format != FORMAT => {
            Err(broken("its format is not one that this version reads"))
        }
        Some(Event::Opened { mode, plan, answers, before, names, anchors, .. }) => {
            let (plan, answers, before) = (plan.clone(), answers.clone(), before.clone());
            let (names, anchors) = (names.clone(), anchors.clone());
            Ok(Opening { mode: *mode, plan, answers, before, names, anchors })
        }
        Some(_) => Err(broken("it does not open a ceremony")),
        None => Err(broken("there is none: the journal is empty")),
    }
}

/// Replays a journal over its plan: every event must be one that could happen then.
pub fn replay(journal: &Journal, plan: Arc<Plan>) -> Result<Ceremony, Broken> {
    fold(journal, plan, |ceremony| ceremony)
}

/// The same beside a ceremony that went this way: what is made again, byte for byte, is not worked out again.
pub fn replay_beside(journal: &Journal, plan: Arc<Plan>, known: &Ceremony) -> Result<Ceremony, Broken> {
    fold(journal, plan, |ceremony| ceremony.beside(known))
}

fn fold(
    journal: &Journal,
    plan: Arc<Plan>,
    begin: impl FnOnce(Ceremony) -> Ceremony,
) -> Result<Ceremony, Broken> {
    let opening = opening(journal)?;
    if opening.plan != plan.digest.hex() {
        return Err(Broken {
            line: 1,
            why: "it was opened with another ceremony file than the one beside it".into(),
        });
    }
    let mut ceremony = begin(Ceremony::new(plan, opening.mode).with_names(opening.names));
    let mut prev = journal.entries[0].head;
    for (entry, number) in journal.entries.iter().zip(1..).skip(1) {
        let broken = |why: String| Broken { line: number, why };
        let shown = match (&entry.what, ceremony.next().map(|next| &next.step.verb)) {
            (Event::Checkpoint { head, .. }, _) => vec![head],
            (Event::ReadAloud { sha256, head, .. }, Some(Verb::ReadAloud(Subject::Journal))) => {
                vec![sha256, head]
            }
            (Event::ReadAloud { head, .. }, _) => vec![head],
            _ => Vec::new(),
        };
        if shown.iter().any(|head| **head != prev.hex()) {
            return Err(broken("it shows another head than the line before it has".into()));
        }
        ceremony.apply(&entry.what).map_err(|rejected| broken(rejected.to_string()))?;
        prev = entry.head;
    }
    Ok(ceremony)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A line with this event, as any version of the program writes it.
    fn line(what: &str) -> String {
        let prev = NOTHING_BEFORE.hex();
        let body = format!(r#"{{"at":"2026-12-03T09:00:00Z","prev":"{prev}","what":{what}"#);
        let (end, _) = digests(&body);
        format!("{body}{end}\n")
    }

    fn read_one(line: &str) -> Result<Entry, String> {
        read(line.as_bytes()).map(|mut journal| journal.entries.remove(0)).map_err(|broken| broken.why)
    }

    const FILES: &str = r#"{"a/b":{"length":3,"hashes":{"sha256":"00","sha512":"01"},"custom":{"k":["\n\"",1]}},"\u00e9":{"length":0,"hashes":{"sha256":"02"}}}"#;

    #[test]
    fn a_line_of_files_is_read_and_written_as_it_always_was() {
        let files = FILES.replace("\\u00e9", "\u{e9}");
        for what in [
            format!(r#"{{"event":"hashed","step":"build","files":{files}}}"#),
            format!(r#"{{"event":"hashed","step":"build","role":"bin","files":{files}}}"#),
            r#"{"event":"hashed","step":"build","role":"bin","files":{}}"#.to_owned(),
        ] {
            let line = line(&what);

            let read = read_one(&line).unwrap();

            let Event::Hashed { files: listed, .. } = &read.what else { panic!("{what}") };
            assert_eq!(json!(listed), serde_json::from_str::<serde_json::Value>(&what).unwrap()["files"]);
            assert_eq!(encode(read.at, NOTHING_BEFORE, &read.what).unwrap(), (line.clone(), read.head));
            assert_eq!(read.head, Digest::of(line.trim_end().as_bytes()));
        }
    }

    #[test]
    fn a_line_of_files_in_another_order_says_the_same_and_what_is_too_much_is_refused() {
        let ours =
            read_one(&line(&format!(r#"{{"event":"hashed","step":"build","files":{FILES}}}"#))).unwrap();
        let other =
            read_one(&line(&format!(r#"{{"files":{FILES},"step":"build","event":"hashed"}}"#))).unwrap();
        assert_eq!(ours.what, other.what);
        for (why, what) in [
            ("unknown field `more`", r#"{"event":"hashed","step":"build","files":{},"more":1}"#),
            ("missing field `files`", r#"{"event":"hashed","step":"build"}"#),
            (
                "stands twice",
                r#"{"event":"hashed","step":"b","files":{"a":{"length":1,"hashes":{}},"a":{"length":1,"hashes":{}}}}"#,
            ),
            (
                "target \"a\"",
                r#"{"event":"hashed","step":"b","files":{"a":{"length":1,"hashes":{},"custom":1.5}}}"#,
            ),
            ("missing field `length`", r#"{"event":"hashed","step":"b","files":{"a":{"hashes":{}}}}"#),
            ("duplicate field", r#"{"event":"hashed","step":"b","step":"b","files":{}}"#),
        ] {
            let refused = read_one(&line(what)).unwrap_err();

            assert!(refused.starts_with("it cannot be read: ") && refused.contains(why), "{what}: {refused}");
        }
    }

    #[test]
    fn a_known_line_is_known_byte_for_byte_and_after_the_same_head() {
        let what = format!(r#"{{"event":"hashed","step":"build","files":{FILES}}}"#);
        let (written, changed) = (line(&what), line(&what.replace("\"length\":3", "\"length\":4")));
        let Entry { at, head, .. } = read_one(&written).unwrap();
        // What is held tells apart whether it was taken.
        let held = Event::Done { step: "build".to_owned() };
        let known = Known { at, prev: NOTHING_BEFORE, what: held.clone(), head };
        let beside = |line: &str, known: &Known| read_beside(line.as_bytes(), Some(known));

        assert_eq!(beside(&written, &known).unwrap().entries[0].what, held);

        assert_eq!(beside(&changed, &known), read(changed.as_bytes()));
        let elsewhere = Known { prev: head, ..known };
        assert_eq!(beside(&written, &elsewhere), read(written.as_bytes()));
    }
}
