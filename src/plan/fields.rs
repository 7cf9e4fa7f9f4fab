//! Reading a map of the file field by field: what is missing, unknown or of the wrong kind is said with its place.

use std::str::FromStr;

use crate::plan::node::Key;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::node::describe;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::tuf::Date;
use crate::tuf::recovery::HIGHEST_VERSION;

/// A value of the file together with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// The fields of one map that have not been read yet. Dropping it unread hides mistakes: call `finish`.
pub struct Fields<'a> {
    /// What the map describes, for messages: `key ana`.
    pub what: String,
    /// Where the map begins.
    pub place: Place,
    left: Vec<&'a (Key, Node)>,
    known: Vec<&'static str>,
    /// It is no map, which was said; so no field of it is missing.
    none: bool,
}

impl<'a> Fields<'a> {
    /// The fields of a map; anything else is a problem.
    pub fn of(node: &'a Node, what: impl Into<String>, problems: &mut Vec<Problem>) -> Option<Self> {
        let what = what.into();
        match &node.kind {
            Kind::Map(fields) => {
                let left = fields.iter().collect();
                Some(Self { what, place: node.place, left, known: Vec::new(), none: false })
            }
            other => {
                problems.push(wrong_kind(node.place, &what, "a map of fields", describe(other)));
                None
            }
        }
    }

    /// The same; what is no map has no fields, which is said once.
    pub fn or_none(node: &'a Node, what: impl Into<String>, problems: &mut Vec<Problem>) -> Self {
        let what = what.into();
        let (left, known) = (Vec::new(), Vec::new());
        let none = Self { what: what.clone(), place: node.place, left, known, none: true };
        Self::of(node, what, problems).unwrap_or(none)
    }

    /// The field, if it is there.
    pub fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let at = self.left.iter().position(|(key, _)| key.text == name)?;
        Some(&self.left.remove(at).1)
    }

    /// The fields that nobody asked for: names that the file is free to choose.
    pub fn others(&mut self) -> Vec<(String, &'a Node)> {
        self.left.drain(..).map(|(key, node)| (key.text.clone(), node)).collect()
    }

    /// The field, which must be there.
    pub fn need(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<&'a Node> {
        let found = self.take(name);
        if found.is_none() && !self.none {
            // Said here and not left to `finish`: what is missing may be why nobody comes to that.
            let problem = match self.left.iter().position(|(key, _)| near(name, &key.text)) {
                Some(at) => {
                    let (key, _) = self.left.remove(at);
                    self.unknown(key)
                }
                None => Problem::error(
                    "MISSING-FIELD",
                    Some(self.place),
                    format!("{} has no field {name:?}", self.what),
                ),
            };
            problems.push(problem);
        }
        found
    }

    /// A text, if the field is there.
    pub fn text(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<String>> {
        let what = format!("{name:?} of {}", self.what);
        self.take(name).and_then(|node| text(node, &what, problems))
    }

    /// A text that must be there.
    pub fn need_text(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<String>> {
        let what = format!("{name:?} of {}", self.what);
        self.need(name, problems).and_then(|node| text(node, &what, problems))
    }

    /// A text in quotes, which must be there: digits that are no number.
    pub fn need_quoted(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<String>> {
        let what = format!("{name:?} of {}", self.what);
        let node = self.need(name, problems)?;
        let found = text(node, &what, problems)?;
        if let Kind::Scalar { text, quoted: false } = &node.kind {
            let wants = format!("in quotes, as {text:?}, so that no digit of it is lost");
            problems.push(wrong_kind(node.place, &what, &wants, "not"));
        }
        Some(found)
    }

    /// `true` or `false`, if the field is there.
    pub fn flag(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<bool>> {
        let what = format!("{name:?} of {}", self.what);
        let node = self.take(name)?;
        match &node.kind {
            Kind::Scalar { text, quoted: false } if text == "true" => {
                Some(At { value: true, place: node.place })
            }
            Kind::Scalar { text, quoted: false } if text == "false" => {
                Some(At { value: false, place: node.place })
            }
            other => {
                problems.push(wrong_kind(node.place, &what, "true or false", &shown(other)));
                None
            }
        }
    }

    /// A whole number from 1, if the field is there.
    pub fn number(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<u64>> {
        self.number_to(u64::from(u32::MAX), name, problems)
    }

    /// `version`, if the field is there.
    pub fn version(&mut self, problems: &mut Vec<Problem>) -> Option<At<u64>> {
        self.number_to(HIGHEST_VERSION, "version", problems)
    }

    fn number_to(&mut self, most: u64, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<u64>> {
        let what = format!("{name:?} of {}", self.what);
        let node = self.take(name)?;
        let digits = match &node.kind {
            Kind::Scalar { text, quoted: false }
                if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) =>
            {
                text
            }
            other => {
                problems.push(wrong_kind(node.place, &what, "a whole number", &shown(other)));
                return None;
            }
        };
        match digits.parse() {
            Ok(value) if value <= most && (digits == "0" || !digits.starts_with('0')) => {
                Some(At { value, place: node.place })
            }
            _ => {
                problems.push(wrong_kind(
                    node.place,
                    &what,
                    &format!("a whole number up to {most}, without leading zeros"),
                    digits,
                ));
                None
            }
        }
    }

    /// A whole number that must be there.
    pub fn need_number(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<u64>> {
        if self.left.iter().all(|(key, _)| key.text != name) {
            return self.need(name, problems).and(None);
        }
        self.number(name, problems)
    }

    /// A date, if the field is there.
    pub fn date(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<Date>> {
        let found = self.text(name, problems)?;
        match Date::from_str(&found.value) {
            Ok(value) => Some(At { value, place: found.place }),
            Err(bad) => {
                let what = format!("{name:?} of {}: {bad}", self.what);
                problems.push(Problem::error("DATE-FORM", Some(found.place), what));
                None
            }
        }
    }

    /// A list of names, if the field is there.
    pub fn names(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<At<Vec<At<String>>>> {
        let what = format!("{name:?} of {}", self.what);
        let node = self.take(name)?;
        let items = list(node, &what, problems)?;
        let value =
            items.iter().filter_map(|item| text(item, &format!("an entry of {what}"), problems)).collect();
        Some(At { value, place: node.place })
    }

    /// A list of names that must be there.
    pub fn need_names(
        &mut self,
        name: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<At<Vec<At<String>>>> {
        if self.left.iter().all(|(key, _)| key.text != name) {
            return self.need(name, problems).and(None);
        }
        self.names(name, problems)
    }

    /// Says which fields nobody asked for.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        problems.extend(self.left.iter().map(|(key, _)| self.unknown(key)));
    }

    fn unknown(&self, key: &Key) -> Problem {
        if SECRETS.contains(&key.text.as_str()) {
            let text = format!(
                "{:?} of {}: a secret never stands in a ceremony file; it is typed on the day. Take it out, and change it",
                key.text, self.what
            );
            return Problem::error("NO-SECRET-IN-FILE", Some(key.place), text);
        }
        let near = self.known.iter().find(|known| near(known, &key.text));
        let hint = match near {
            Some(known) => format!("; did you mean {known:?}?"),
            None => format!("; it knows {}", self.known.join(", ")),
        };
        let text = format!("{} has no field {:?}{hint}", self.what, key.text);
        Problem::error("UNKNOWN-FIELD", Some(key.place), text)
    }
}

/// What people call secrets.
const SECRETS: [&str; 7] = ["pin", "so-pin", "puk", "passphrase", "password", "secret", "seed"];
/// The longest text of one field, in characters: it is read aloud.
const LONGEST: usize = 2000;
/// The longest text that must stand on one line of a screen or a page.
const LONGEST_LINE: usize = 400;

/// A text with something in it, on one line unless it is the `text` of a step.
pub fn text(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<At<String>> {
    let Kind::Scalar { text, .. } = &node.kind else {
        problems.push(wrong_kind(node.place, what, "a text", describe(&node.kind)));
        return None;
    };
    let free = what.starts_with("\"text\"");
    let text = if free { text.trim_end() } else { text };
    let problem = match text.chars().count() {
        _ if text.trim().is_empty() => wrong_kind(node.place, what, "a text", "nothing"),
        _ if !free && text.contains('\n') => wrong_kind(node.place, what, "on one line", "on several"),
        length if length > if free { LONGEST } else { LONGEST_LINE } => wrong_kind(
            node.place,
            what,
            "short enough to be read aloud",
            &format!("{length} characters long"),
        ),
        _ => return Some(At { value: text.to_owned(), place: node.place }),
    };
    problems.push(problem);
    None
}

/// The items of a list.
pub fn list<'a>(node: &'a Node, what: &str, problems: &mut Vec<Problem>) -> Option<&'a [Node]> {
    match &node.kind {
        Kind::List(items) => Some(items),
        other => {
            problems.push(wrong_kind(node.place, what, "a list", describe(other)));
            None
        }
    }
}

fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Scalar { text, quoted: true } => format!("the quoted text {text:?}"),
        Kind::Scalar { text, .. } if !text.is_empty() => text.clone(),
        other => describe(other).to_owned(),
    }
}

fn wrong_kind(place: Place, what: &str, want: &str, found: &str) -> Problem {
    Problem::error("WRONG-KIND", Some(place), format!("{what} must be {want}, and is {found}"))
}

/// One letter more, less or other, or two swapped.
pub(super) fn near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    a.len() > 2 && a.len() - head - tail <= 2 && b.len() - head - tail <= 2 && a.len().abs_diff(b.len()) <= 1
}
