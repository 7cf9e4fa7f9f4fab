//! Rules about a file as a whole and about what every kind of metadata has: signatures, version, dates, size.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lint::Options;
use crate::lint::found::Doc;
use crate::lint::found::Found;
use crate::lint::raw::step;
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
use crate::lint::rule::fooled;
use crate::lint::rule::refuses;
use crate::lint::text;
use crate::tuf::Date;
use crate::tuf::client::WATERMARK;
use crate::tuf::root::TOP_LEVEL;

pub(super) static NOT_METADATA: Rule = Rule {
    name: "NOT-METADATA",
    what: "the file lacks what every metadata file has: signed with a known _type, and signatures",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON"),
        refuses(GoTuf, Read, "expected metadata type"),
        differs(Tough, Tried, "it verifies the file as if it had the _type that it expects"),
        refuses(TufJs, Read, "signed is not defined"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "no client can use it",
    fix: "take the file again from where it was signed",
};

static INCOMPLETE: Rule = Rule {
    name: "SIGNATURE-INCOMPLETE",
    what: "a signature lacks keyid or sig",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "missing field, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients refuse the whole file for one entry",
    fix: "take it out; the signed part does not change",
};

static NO_TEXT: Rule = Rule {
    name: "SIGNATURE-NO-TEXT",
    what: "keyid or sig of a signature is no text",
    clients: &[
        differs(PythonTuf, Tried, "it does not look at the signatures of strangers"),
        refuses(Tough, Tried, "invalid type, expected a string, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "some clients refuse the whole file for one entry",
    fix: "take it out; the signed part does not change",
};

pub(super) static UNREAD: Rule = Rule {
    name: "NOT-READABLE",
    what: "the file cannot be read",
    clients: &[],
    otherwise: Severity::Error,
    we_write: false,
    why: "nothing can be said about it",
    fix: "give a plain file that may be read",
};

pub(super) static SIGNATURES_NULL: Rule = Rule {
    name: "SIGNATURES-NULL",
    what: "signatures is null",
    clients: &[
        refuses(PythonTuf, Tried, "'NoneType' object is not iterable"),
        refuses(Tough, Tried, "invalid type: null, expected a sequence"),
        refuses(TufJs, Read, "signatures is not an array"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "Go writes an empty list so; others do not read it",
    fix: "sign the file; a file without signatures has an empty list",
};

pub(super) static EMPTY_SIGNATURE: Rule = Rule {
    name: "EMPTY-SIGNATURE",
    what: "a signature is an empty placeholder",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it says who should have signed, and looks like a signature to whoever counts entries",
    fix: "take it out when the file is signed next; the signed part does not change",
};

pub(super) static NOT_HEX: Rule = Rule {
    name: "SIGNATURE-NOT-HEX",
    what: "a signature is not hex",
    clients: &[
        refuses(GoTuf, Read, "tuf: invalid JSON hex bytes, for the whole file"),
        refuses(Tough, Tried, "invalid hex string, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "some clients refuse the whole file and not only the signature",
    fix: "take it out; the signed part does not change",
};

pub(super) static KEYID_TWICE: Rule = Rule {
    name: "SIGNATURES-BY-ONE-KEYID",
    what: "a keyid stands twice among the signatures",
    clients: &[
        refuses(PythonTuf, Tried, "Multiple signatures found for keyid"),
        refuses(GoTuf, Read, "multiple signatures found for key ID"),
        refuses(Tough, Tried, "Duplicate key ID"),
        refuses(TufJs, Read, "multiple signatures found for keyid"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "counting entries instead of keys was a fault of several clients; now they refuse such files",
    fix: "keep the one that verifies; the signed part does not change",
};

static SPEC_FORM: Rule = Rule {
    name: "SPEC-VERSION-WITHOUT-PATCH",
    what: "spec_version has two parts, such as 1.0",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: false,
    why: "the specification wants three parts; all four read it all the same",
    fix: "write three parts the next time, such as 1.0.31",
};

static SPEC_UNKNOWN: Rule = Rule {
    name: "SPEC-VERSION-UNREADABLE",
    what: "spec_version is not 1.x",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to parse spec_version, or Unsupported spec_version"),
        refuses(TufJs, Read, "Failed to parse specVersion, or Unsupported specVersion"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "a client that does not know the version cannot know the meaning",
    fix: "write 1.0.31 and sign again",
};

static SPEC_NO_TEXT: Rule = Rule {
    name: "SPEC-VERSION-NO-TEXT",
    what: "spec_version is missing or is no text",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON"),
        refuses(Tough, Tried, "Failed to parse metadata"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "a client that does not know the version cannot know the meaning",
    fix: "write 1.0.31 and sign again",
};

static VERSION: Rule = Rule {
    name: "VERSION-NOT-POSITIVE",
    what: "version is not a whole number from 1",
    clients: &[
        refuses(PythonTuf, Tried, "version must be > 0"),
        refuses(Tough, Tried, "expected a nonzero u64"),
        refuses(TufJs, Read, "it takes 0 for 1, so that no signature verifies"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "versions start at 1; staging files of some tools have 0",
    fix: "give it its version and sign again",
};

static DATE: Rule = Rule {
    name: "DATE-NOT-STRICT",
    what: "expires is a date, but not of the form YYYY-MM-DDTHH:MM:SSZ",
    clients: &[
        refuses(PythonTuf, Tried, "time data does not match format '%Y-%m-%dT%H:%M:%SZ'"),
        refuses(Tough, Tried, "it writes the date in another form and then no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "offsets and fractions of seconds are dates to some and not to others",
    fix: "write it in UTC without fractions and sign again",
};

static LEAP: Rule = Rule {
    name: "DATE-LEAP-SECOND",
    what: "expires is a leap second, :60",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "it writes the date in another form and then no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "not every reader of dates knows a sixty-first second",
    fix: "write the second before it and sign again",
};

static NO_DATE: Rule = Rule {
    name: "DATE-UNREADABLE",
    what: "expires is missing or is no date",
    clients: &[
        refuses(PythonTuf, Tried, "time data does not match format '%Y-%m-%dT%H:%M:%SZ'"),
        refuses(GoTuf, Read, "parsing time"),
        refuses(Tough, Tried, "Failed to parse metadata"),
        fooled(TufJs, Read, "a date that JavaScript cannot read never expires"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "without a date a client can be held at old metadata for ever",
    fix: "write a date and sign again",
};

pub(super) static EXPIRED: Rule = Rule {
    name: "EXPIRED",
    what: "the file has expired",
    clients: &[
        refuses(PythonTuf, Tried, "is expired"),
        refuses(GoTuf, Read, "is expired"),
        refuses(Tough, Tried, "expired"),
        refuses(TufJs, Read, "is expired"),
    ],
    otherwise: Severity::Error,
    we_write: true,
    why: "clients stop here; an attacker can hold nobody at a file that has expired",
    fix: "have it signed again with a later date and the next version",
};

static SOON: Rule = Rule {
    name: "EXPIRES-SOON",
    what: "the file expires in less than 60 days, or an online role within a day",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: true,
    why: "people and tokens have to be found first: plan the signing now",
    fix: "start the ceremony that renews it",
};

static REHEARSAL: Rule = Rule {
    name: "REHEARSAL",
    what: "made in a rehearsal",
    clients: &[
        fooled(PythonTuf, Read, "it does not know the mark"),
        fooled(GoTuf, Read, "it does not know the mark"),
        fooled(Tough, Read, "it does not know the mark"),
        fooled(TufJs, Read, "it does not know the mark"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "everybody can compute the keys of a rehearsal",
    fix: "never publish it; perform the ceremony",
};

static UNKNOWN: Rule = Rule {
    name: "UNKNOWN-FIELD",
    what: "a field that the specification does not name",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: true,
    why: "clients keep it for the signature and do not look at it",
    fix: "nothing, when you know what it is for",
};

static LONG: Rule = Rule {
    name: "FILE-LARGER-THAN-DEFAULT",
    what: "the file is larger than clients load by default",
    clients: &[
        refuses(
            PythonTuf,
            Tried,
            "a root of 512000 bytes, a timestamp of 16384, a snapshot of 2000000, targets of 5000000",
        ),
        refuses(GoTuf, Read, "as python-tuf"),
        refuses(TufJs, Read, "as python-tuf"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "a client that has not been told otherwise stops, and nothing can be updated; where the file above lists a \
          length, that one counts instead",
    fix: "delegate to bins, remove what is not needed, or make sure that every client raises its limit",
};

/// The default limits of python-tuf, go-tuf and tuf-js, by `_type`.
const LIMITS: [(&str, usize); 4] =
    [("root", 512_000), ("timestamp", 16_384), ("snapshot", 2_000_000), ("targets", 5_000_000)];

/// What every file must have. `false`: nothing else can be said about it.
pub(super) fn shape(doc: &Doc, found: &mut Found) -> bool {
    let file = &doc.name;
    if !TOP_LEVEL.contains(&doc.kind()) {
        found.say(&NOT_METADATA, file, "/signed/_type", doc.signed()["_type"].to_string());
        return false;
    }
    match &doc.json["signatures"] {
        Value::Null if doc.json.get("signatures").is_some() => {
            found.say(&SIGNATURES_NULL, file, "/signatures", "");
        }
        Value::Array(list) => signatures(file, list, found),
        other => found.say(&NOT_METADATA, file, "/signatures", format!("it is {}", shape_of(other))),
    }
    unknown(file, &doc.json, "", &["signatures", "signed"], found);
    true
}

fn shape_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn signatures(file: &str, list: &[Value], found: &mut Found) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, entry) in list.iter().enumerate() {
        let at = format!("/signatures/{place}");
        let (Some(keyid), Some(sig)) = (entry["keyid"].as_str(), entry["sig"].as_str()) else {
            let whole = ["keyid", "sig"].iter().all(|name| entry.get(name).is_some());
            found.say(if whole { &NO_TEXT } else { &INCOMPLETE }, file, at, "");
            continue;
        };
        if sig.is_empty() {
            found.say(&EMPTY_SIGNATURE, file, at.as_str(), format!("of {}", short(keyid)));
        } else if hex::decode(sig).is_err() {
            found.say(&NOT_HEX, file, at.as_str(), format!("of {}", short(keyid)));
        }
        if let Some(first) = seen.insert(keyid, place) {
            found.say(&KEYID_TWICE, file, at, format!("{} stands at {first} already", short(keyid)));
        }
    }
}

/// The beginning of a keyid.
pub(super) fn short(keyid: &str) -> String {
    keyid.chars().take(8).collect()
}

/// Members of an object that the specification does not name.
pub(super) fn unknown(file: &str, object: &Value, at: &str, known: &[&str], found: &mut Found) {
    for name in object.as_object().into_iter().flat_map(|object| object.keys()) {
        if !known.contains(&name.as_str()) && name != WATERMARK {
            found.say(&UNKNOWN, file, format!("{at}{}", step(name)), "");
        }
    }
}

/// What the signed part of every kind has.
pub(super) fn common(doc: &Doc, found: &mut Found) {
    let (file, signed) = (&doc.name, doc.signed());
    let kind = doc.kind();
    match signed["spec_version"].as_str().map(spec) {
        Some(Spec::Full) => {}
        Some(Spec::Short) => found.say(&SPEC_FORM, file, "/signed/spec_version", ""),
        None => found.say(&SPEC_NO_TEXT, file, "/signed/spec_version", signed["spec_version"].to_string()),
        Some(Spec::Unknown) => {
            found.say(&SPEC_UNKNOWN, file, "/signed/spec_version", signed["spec_version"].to_string());
        }
    }
    // A number of more than 64 bits is above 0; that it is too long is said of every number.
    let version = signed["version"].as_u64().or_else(|| {
        let long = signed["version"].as_f64().filter(|version| *version >= 2_f64.powi(64));
        long.map(|_| u64::MAX).or_else(|| text::true_number(file, "/signed", signed, "version", found))
    });
    if version.is_none_or(|version| version == 0) {
        found.say(&VERSION, file, "/signed/version", signed["version"].to_string());
    }
    if signed.get(WATERMARK).is_some_and(|mark| *mark != Value::Bool(false)) {
        found.say(&REHEARSAL, file, format!("/signed/{WATERMARK}"), "");
    }
    let length = doc.bytes.len();
    if let Some((_, limit)) = LIMITS.into_iter().find(|(name, limit)| *name == kind && length > *limit) {
        found.say(&LONG, file, "", format!("{length} bytes, and the limit is {limit}"));
    }
    let own: &[&str] = match kind {
        "root" => &["consistent_snapshot", "keys", "roles"],
        "targets" => &["targets", "delegations"],
        _ => &["meta"],
    };
    unknown(
        file,
        signed,
        "/signed",
        &[&["_type", "spec_version", "version", "expires"], own].concat(),
        found,
    );
    let text = signed["expires"].as_str().unwrap_or_default();
    match Date::parse_lenient(text) {
        Err(_) => found.say(&NO_DATE, file, "/signed/expires", signed["expires"].to_string()),
        Ok(date) if text.parse::<Date>().is_err() => {
            found.say(&DATE, file, "/signed/expires", format!("{text:?} is {date}"));
        }
        Ok(_) if text.ends_with(":60Z") => found.say(&LEAP, file, "/signed/expires", text),
        Ok(_) => {}
    }
}

/// Expiry, of a file that no newer one follows.
pub(super) fn expiry(doc: &Doc, options: &Options, found: &mut Found) {
    let Some(date) = doc.expires() else { return };
    let days = date.days_since(options.at);
    let window = if matches!(doc.kind(), "timestamp" | "snapshot") { 1 } else { 60 };
    if date.has_passed(options.at) {
        found.say(&EXPIRED, &doc.name, "/signed/expires", format!("on {date}, {} days ago", -days));
    } else if days < window {
        found.say(&SOON, &doc.name, "/signed/expires", format!("on {date}, in {days} days"));
    }
}

enum Spec {
    Full,
    Short,
    Unknown,
}

fn spec(text: &str) -> Spec {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match parts.as_slice() {
        ["1", _, _] if numbers => Spec::Full,
        ["1", _] if numbers => Spec::Short,
        _ => Spec::Unknown,
    }
}

pub(super) static RULES: &[&Rule] = &[
    &NOT_METADATA,
    &UNREAD,
    &SIGNATURES_NULL,
    &EMPTY_SIGNATURE,
    &INCOMPLETE,
    &NO_TEXT,
    &NOT_HEX,
    &KEYID_TWICE,
    &SPEC_FORM,
    &SPEC_UNKNOWN,
    &SPEC_NO_TEXT,
    &VERSION,
    &DATE,
    &LEAP,
    &NO_DATE,
    &EXPIRED,
    &SOON,
    &REHEARSAL,
    &UNKNOWN,
    &LONG,
];
