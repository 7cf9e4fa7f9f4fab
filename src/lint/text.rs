//! Rules about the JSON itself: what two readers read differently, or one cannot write in canonical form.

use serde_json::Value;

use crate::lint::found::Found;
use crate::lint::raw;
use crate::lint::rule::Client::GoTuf;
use crate::lint::rule::Client::PythonTuf;
use crate::lint::rule::Client::Tough;
use crate::lint::rule::Client::TufJs;
use crate::lint::rule::Rule;
use crate::lint::rule::Seen::Read;
use crate::lint::rule::Seen::Tried;
use crate::lint::rule::Severity;
use crate::lint::rule::accepts;
use crate::lint::rule::differs;
use crate::lint::rule::refuses;

pub(super) static NOT_JSON: Rule = Rule {
    name: "NOT-JSON",
    what: "the file is not JSON",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON"),
        refuses(GoTuf, Read, "the error of encoding/json"),
        refuses(Tough, Tried, "Failed to parse metadata"),
        refuses(TufJs, Read, "the error of JSON.parse"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "nobody can read it",
    fix: "take the file again from where it was signed; do not mend it by hand",
};

pub(super) static TWICE: Rule = Rule {
    name: "DUPLICATE-JSON-KEY",
    what: "a key stands twice in one object",
    clients: &[
        differs(PythonTuf, Tried, "the last one counts"),
        differs(GoTuf, Read, "the last one counts"),
        refuses(Tough, Tried, "duplicate field, where the specification names the field"),
        differs(TufJs, Read, "the last one counts"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "two readers can see two different files under one signature, people among them",
    fix: "write the file anew without the second key and have it signed again",
};

pub(super) static FRACTION: Rule = Rule {
    name: "NUMBER-NOT-WHOLE",
    what: "a number is no whole number of 64 bits",
    clients: &[
        refuses(PythonTuf, Tried, "canonical JSON has no floats, so no signature verifies"),
        refuses(Tough, Tried, "canonical JSON has no floats, so no signature verifies"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "canonical JSON, which is what is signed, has whole numbers only",
    fix: "write the number as a string or as a whole number, and sign again",
};

static LONG: Rule = Rule {
    name: "NUMBER-ABOVE-64-BITS",
    what: "a whole number does not fit into 64 bits",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(
            Tough,
            Tried,
            "it reads a float, of which canonical JSON has none, so that no signature verifies",
        ),
        refuses(TufJs, Read, "JavaScript rounds it, so that no signature verifies"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "Python has whole numbers of any size, and other languages do not; Keyrite refuses the file",
    fix: "use smaller numbers, or a string",
};

static TRUE: Rule = Rule {
    name: "TRUE-FOR-A-NUMBER",
    what: "true stands where a whole number belongs",
    clients: &[
        differs(PythonTuf, Tried, "to Python true is the number 1"),
        refuses(Tough, Tried, "invalid type: boolean `true`, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "one reader takes the file and another does not",
    fix: "write the number and sign again",
};

pub(super) static LARGE: Rule = Rule {
    name: "NUMBER-ABOVE-2-53",
    what: "a number is larger than 9007199254740991",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(TufJs, Read, "JavaScript rounds it, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "JavaScript has no such whole numbers",
    fix: "use smaller numbers",
};

pub(super) static NOT_NFC: Rule = Rule {
    name: "TEXT-NOT-NFC",
    what: "text that is not in Unicode's composed form (NFC)",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "its canonical JSON composes the text first, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the same letters have two spellings in bytes; implementations disagree on which one is signed",
    fix: "normalise names to NFC, or keep them to ASCII, and sign again",
};

pub(super) static ORDER: Rule = Rule {
    name: "KEY-ORDER-ABOVE-U-FFFF",
    what: "an object has a key with a character above U+FFFF beside one in U+E000 to U+FFFF",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(TufJs, Read, "it sorts keys by UTF-16 units, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "canonical JSON sorts keys by code points, JavaScript by UTF-16 units: here the orders differ",
    fix: "rename the targets or fields, or keep them to ASCII, and sign again",
};

pub(super) static RULES: &[&Rule] = &[&NOT_JSON, &TWICE, &FRACTION, &LONG, &TRUE, &LARGE, &NOT_NFC, &ORDER];

/// 1 where a member that must be a number is true; that is said.
pub(super) fn true_number(
    file: &str,
    at: &str,
    object: &Value,
    name: &str,
    found: &mut Found,
) -> Option<u64> {
    (object[name] == Value::Bool(true)).then(|| {
        found.say(&TRUE, file, format!("{at}/{name}"), "");
        1
    })
}

/// Everything below `signed`: what is outside is not signed, and no canonical form of it is made.
pub(super) fn check(file: &str, bytes: &[u8], signed: &Value, found: &mut Found) {
    let mut path = String::from("/signed");
    let mut walk = Walk { file, long: raw::long_numbers(bytes), found };
    walk.value(signed, &mut path);
}

/// The same of one target.
pub(super) fn target(file: &str, path: &str, target: &Value, found: &mut Found) {
    let mut at = String::from("/signed/targets");
    composed(file, path, &at, found);
    Walk { file, long: Vec::new(), found }.below(path, target, &mut at);
}

/// One file.
struct Walk<'a> {
    file: &'a str,
    /// Its whole numbers of more than 64 bits, as they are read: as floats.
    long: Vec<f64>,
    found: &'a mut Found,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, path: &mut String) {
        match value {
            Value::Number(number) => {
                let whole = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
                let rule = match whole {
                    None if number.as_f64().is_some_and(|float| self.long.contains(&float)) => &LONG,
                    None => &FRACTION,
                    Some(whole) if whole >= 1 << 53 => &LARGE,
                    Some(_) => return,
                };
                self.found.say(rule, self.file, path.as_str(), number.to_string());
            }
            Value::String(text) => composed(self.file, text, path, self.found),
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.below(&place.to_string(), item, path);
                }
            }
            Value::Object(object) => {
                let has = |is: fn(char) -> bool| object.keys().any(|key| key.contains(is));
                if has(|c| c > '\u{ffff}') && has(|c| ('\u{e000}'..='\u{ffff}').contains(&c)) {
                    self.found.say(&ORDER, self.file, path.as_str(), "");
                }
                for (key, item) in object {
                    composed(self.file, key, path, self.found);
                    self.below(key, item, path);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn below(&mut self, key: &str, value: &Value, path: &mut String) {
        let length = path.len();
        path.push_str(&raw::step(key));
        self.value(value, path);
        path.truncate(length);
    }
}

fn composed(file: &str, text: &str, path: &str, found: &mut Found) {
    if !text.is_ascii() && may_compose(text) {
        found.say(&NOT_NFC, file, path, format!("{text:?}"));
    }
}

/// Whether composing could change the text: a letter with a combining mark behind it, or a character that stands for
/// another one. Marks that no letter composes with are taken along: such text is rare, and asking costs nothing.
fn may_compose(text: &str) -> bool {
    let mut before = None;
    text.chars().any(|c| {
        let mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}' | '\u{1161}'..='\u{11c2}');
        let joins = mark && before.is_some();
        let stands_for_another = matches!(c, '\u{212a}' | '\u{212b}' | '\u{2126}' | '\u{37e}' | '\u{387}'
            | '\u{340}' | '\u{341}' | '\u{374}' | '\u{2000}' | '\u{2001}' | '\u{f900}'..='\u{fad9}'
            | '\u{2f800}'..='\u{2fa1d}');
        before = Some(c);
        joins || stands_for_another
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_composes_is_told_from_text_that_is_composed() {
        for (text, expected) in [
            ("e\u{301}", true),
            ("\u{e9}", false),
            ("\u{212b}", true),
            ("\u{1100}\u{1161}", true),
            ("\u{ac00}", false),
            ("鍵 1/2", false),
        ] {
            assert_eq!(may_compose(text), expected, "{text:?}");
        }
    }
}
