//! Rules about what snapshot and timestamp list, and about the files that they list.

use serde_json::Value;

use crate::lint::envelope;
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
use crate::lint::rule::refuses;
use crate::tuf::client::hashes_hold;

static SHAPE: Rule = Rule {
    name: "META-UNREADABLE",
    what: "meta is not an object of files with versions from 1",
    clients: &[
        refuses(PythonTuf, Tried, "Metafile version must be > 0"),
        refuses(Tough, Tried, "Failed to parse metadata"),
        refuses(TufJs, Read, "Metafile version must be at least 1"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "versions are what a snapshot is for",
    fix: "list each file with its version and sign again",
};

static NO_SNAPSHOT: Rule = Rule {
    name: "TIMESTAMP-WITHOUT-SNAPSHOT",
    what: "timestamp does not list snapshot.json",
    clients: &[
        refuses(PythonTuf, Tried, "KeyError 'snapshot.json'"),
        refuses(Tough, Tried, "Missing 'snapshot.json' in timestamp"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients cannot find the snapshot",
    fix: "have the server sign the timestamp again",
};

static NO_TARGETS: Rule = Rule {
    name: "SNAPSHOT-WITHOUT-TARGETS",
    what: "snapshot does not list targets.json",
    clients: &[
        refuses(PythonTuf, Tried, "Role targets was delegated but is not part of snapshot"),
        refuses(Tough, Tried, "Missing 'targets.json' in snapshot"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients cannot find the targets",
    fix: "have the server sign the snapshot again",
};

static ENTRY: Rule = Rule {
    name: "META-LENGTH-OR-HASHES",
    what: "a listed file's length is no whole number from 0, or its hashes are not texts",
    clients: &[
        refuses(
            PythonTuf,
            Tried,
            "Failed to deserialize JSON, or it drops the null, so that no signature verifies",
        ),
        refuses(
            Tough,
            Tried,
            "Failed to parse metadata, or it drops the null, so that no signature verifies",
        ),
        refuses(TufJs, Read, "length must be a number, or hashes must be string keys and values"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients refuse the whole file for one entry",
    fix: "leave it out, or write it as the specification has it, and sign again",
};

static MORE: Rule = Rule {
    name: "TIMESTAMP-LISTS-MORE",
    what: "timestamp lists a file beside snapshot.json",
    clients: &[
        refuses(PythonTuf, Tried, "it drops the others, so that no signature verifies"),
        refuses(Tough, Tried, "Timestamp meta length is not exactly one"),
        refuses(TufJs, Read, "it drops the others, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "timestamp describes the snapshot and nothing else",
    fix: "list snapshot.json alone",
};

static VERSION: Rule = Rule {
    name: "META-VERSION-WRONG",
    what: "a file has another version than the file above lists",
    clients: &[
        refuses(PythonTuf, Tried, "Expected version"),
        refuses(GoTuf, Read, "expected version"),
        refuses(Tough, Tried, "version mismatch"),
        refuses(TufJs, Read, "Expected version"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients take it for a mix of two states",
    fix: "publish the file that was listed, or have snapshot and timestamp signed again",
};

static HASH: Rule = Rule {
    name: "META-HASH-WRONG",
    what: "a file is not the one whose length and hashes the file above lists",
    clients: &[
        refuses(PythonTuf, Tried, "LengthOrHashMismatchError"),
        refuses(GoTuf, Read, "ErrLengthOrHashMismatch"),
        refuses(Tough, Tried, "Hash mismatch, or exceeds the maximum size"),
        refuses(TufJs, Read, "LengthOrHashMismatchError"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "one byte more or less is enough, even outside the signed part: a signature added later, too",
    fix: "publish the file that was listed, or have snapshot and timestamp signed again",
};

static SHORTER: Rule = Rule {
    name: "META-LENGTH-LARGER",
    what: "a file is shorter than the file above lists it",
    clients: &[
        refuses(PythonTuf, Tried, "LengthOrHashMismatchError"),
        refuses(GoTuf, Read, "ErrLengthOrHashMismatch"),
        accepts(Tough, Tried),
        refuses(TufJs, Read, "LengthOrHashMismatchError"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "to tough the length is only the most that it loads",
    fix: "publish the file that was listed, or have snapshot and timestamp signed again",
};

static MISSING: Rule = Rule {
    name: "META-FILE-MISSING",
    what: "a listed file is not here",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "Failed to fetch: it loads every delegated role at once"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "clients that need it stop; python-tuf reads a delegated role only when it looks for a target there",
    fix: "publish it; where this is a part of a repository, nothing",
};

static NO_HASHES: Rule = Rule {
    name: "META-WITHOUT-HASHES",
    what: "files are listed by version alone",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: true,
    why: "the specification allows it: version and signature say enough, unless a role's keys sign two files of one \
          version",
    fix: "nothing; with hashes the size is bounded too",
};

static EMPTY_HASHES: Rule = Rule {
    name: "META-HASHES-EMPTY",
    what: "hashes is there and empty",
    clients: &[
        refuses(PythonTuf, Tried, "Hashes must be a non empty dictionary, for the whole file"),
        refuses(Tough, Tried, "missing field `sha256`, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it says nothing, and not every client reads it",
    fix: "leave it out, or list a hash",
};

pub(super) static NO_SHA256: Rule = Rule {
    name: "HASHES-WITHOUT-SHA256",
    what: "hashes are listed, and SHA-256 is not among them",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "missing field `sha256`, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "tough knows no other hash",
    fix: "list sha256, and sha512 beside it if you like",
};

static NOT_HEX: Rule = Rule {
    name: "HASH-NOT-HEX",
    what: "a hash by SHA-256 is not hex",
    clients: &[
        refuses(PythonTuf, Tried, "what is listed so, for nothing has this hash"),
        refuses(Tough, Tried, "Invalid hex string, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "no file has it, and tough reads no other entry either",
    fix: "list the hash of the file in hex",
};

static CUT: Rule = Rule {
    name: "HASH-LENGTH",
    what: "a hash by SHA-256 has no 32 bytes, or one by SHA-512 no 64",
    clients: &[
        refuses(PythonTuf, Tried, "what is listed so, for nothing has this hash"),
        refuses(Tough, Tried, "what is listed so, for nothing has this hash"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "nothing that is listed so can be fetched",
    fix: "list the whole hash of the file",
};

pub(super) static UPPER: Rule = Rule {
    name: "HASH-IN-UPPER-CASE",
    what: "a hash has upper-case letters",
    clients: &[
        refuses(PythonTuf, Tried, "it compares text"),
        accepts(Tough, Tried),
        refuses(TufJs, Read, "it compares text"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "some clients compare the letters and not the bytes",
    fix: "write hashes in lower case",
};

pub(super) static UNKNOWN_HASH: Rule = Rule {
    name: "HASH-UNKNOWN",
    what: "a hash by an algorithm that not every client knows",
    clients: &[
        refuses(PythonTuf, Tried, "Unsupported algorithm, unless its Python knows it"),
        refuses(GoTuf, Read, "unknown hashing algorithm"),
        accepts(Tough, Tried),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "clients check every hash that is listed, and stop at one they cannot",
    fix: "list sha256 and sha512 alone",
};

static DROPPED: Rule = Rule {
    name: "SNAPSHOT-DROPS-A-ROLE",
    what: "snapshot lists a role no more that an earlier snapshot here listed",
    clients: &[
        refuses(PythonTuf, Tried, "New snapshot is missing info for"),
        refuses(GoTuf, Read, "new snapshot is missing info for"),
        refuses(TufJs, Read, "Missing file in new snapshot"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients that saw the earlier one refuse the new one; a role that vanished could come back older",
    fix: "keep listing it with its last version, even when nobody delegates to it",
};

static FALLS: Rule = Rule {
    name: "SNAPSHOT-VERSION-FALLS",
    what: "snapshot lists a lower version of a role than an earlier snapshot here",
    clients: &[
        refuses(PythonTuf, Tried, "Expected version of at least the one before"),
        refuses(GoTuf, Read, "expected version"),
        refuses(TufJs, Read, "Invalid version in new snapshot"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients that saw the earlier one take it for a rollback",
    fix: "publish the role with a version above both",
};

pub(super) static RULES: &[&Rule] = &[
    &SHAPE,
    &NO_SNAPSHOT,
    &NO_TARGETS,
    &ENTRY,
    &MORE,
    &VERSION,
    &HASH,
    &SHORTER,
    &MISSING,
    &NO_HASHES,
    &EMPTY_HASHES,
    &NO_SHA256,
    &NOT_HEX,
    &CUT,
    &UPPER,
    &UNKNOWN_HASH,
    &DROPPED,
    &FALLS,
];

/// A file that is listed.
pub(super) enum Listed<'d> {
    /// It is here.
    There(&'d Doc),
    /// It is not; the name under which a client asks for it.
    Missing(String),
    /// Only one file is looked at.
    NotAsked,
}

/// The entries of `meta`, and the files that they name; `listed` finds a file by name and version.
pub(super) fn check<'d>(doc: &Doc, listed: impl Fn(&str, u64) -> Listed<'d>, found: &mut Found) {
    let file = &doc.name;
    let Some(entries) = doc.signed()["meta"].as_object() else {
        found.say(&SHAPE, file, "/signed/meta", "");
        return;
    };
    let timestamp = doc.kind() == "timestamp";
    if timestamp && !entries.contains_key("snapshot.json") {
        found.say(&NO_SNAPSHOT, file, "/signed/meta", "");
    }
    if !timestamp && !entries.contains_key("targets.json") {
        found.say(&NO_TARGETS, file, "/signed/meta", "");
    }
    let mut bare = 0;
    for (name, entry) in entries {
        let at = format!("/signed/meta{}", step(name));
        if timestamp && name != "snapshot.json" {
            found.say(&MORE, file, at.as_str(), name.as_str());
            continue;
        }
        let Some(version) = entry["version"].as_u64().filter(|version| *version > 0) else {
            found.say(&SHAPE, file, at, entry["version"].to_string());
            continue;
        };
        envelope::unknown(file, entry, &at, &["version", "length", "hashes"], found);
        if entry.get("length").is_some_and(|length| !length.is_u64()) {
            found.say(&ENTRY, file, format!("{at}/length"), entry["length"].to_string());
        }
        let texts = |hashes: &Value| hashes.as_object().is_some_and(|all| all.values().all(Value::is_string));
        match entry.get("hashes") {
            None => bare += 1,
            Some(hashes) if !texts(hashes) => found.say(&ENTRY, file, format!("{at}/hashes"), ""),
            Some(Value::Object(hashes)) if hashes.is_empty() => {
                found.say(&EMPTY_HASHES, file, at.as_str(), "")
            }
            Some(hashes) => self::hashes(file, &at, hashes, found),
        }
        match listed(name, version) {
            Listed::There(doc) => as_listed(doc, entry, version, file, found),
            Listed::Missing(wanted) => found.say(&MISSING, file, at, wanted),
            Listed::NotAsked => {}
        }
    }
    if bare > 0 {
        found.say(&NO_HASHES, file, "/signed/meta", format!("{bare} of {}", entries.len()));
    }
}

/// The hashes of one file.
pub(super) fn hashes(file: &str, at: &str, hashes: &Value, found: &mut Found) {
    let at = format!("{at}/hashes");
    if hashes.get("sha256").is_none() {
        found.say(&NO_SHA256, file, at.as_str(), "");
    }
    for (algorithm, hash) in hashes.as_object().into_iter().flatten() {
        if !matches!(algorithm.as_str(), "sha256" | "sha512") {
            found.say(&UNKNOWN_HASH, file, at.as_str(), algorithm.as_str());
        }
        if algorithm == "sha256" && hash.as_str().is_some_and(|hash| hex::decode(hash).is_err()) {
            found.say(&NOT_HEX, file, at.as_str(), hash.to_string());
        }
        let bytes = hash.as_str().and_then(|hash| hex::decode(hash).ok()).map(|bytes| bytes.len());
        let whole = match algorithm.as_str() {
            "sha256" => Some(32),
            "sha512" => Some(64),
            _ => bytes,
        };
        if bytes.is_some() && bytes != whole {
            found.say(&CUT, file, at.as_str(), hash.to_string());
        }
        if hash.as_str().is_some_and(|hash| hash.bytes().any(|b| b.is_ascii_uppercase())) {
            found.say(&UPPER, file, at.as_str(), algorithm.as_str());
        }
    }
}

fn as_listed(listed: &Doc, entry: &Value, version: u64, by: &str, found: &mut Found) {
    let name = &listed.name;
    if listed.version() != version {
        found.say(
            &VERSION,
            name,
            "/signed/version",
            format!("{} lists {version}, and it says {}", by, listed.version()),
        );
    }
    let length = u64::try_from(listed.bytes.len()).unwrap_or(u64::MAX);
    if let Some(wanted) = entry["length"].as_u64().filter(|wanted| *wanted != length) {
        let rule = if wanted > length { &SHORTER } else { &HASH };
        found.say(rule, name, "", format!("{by} lists {wanted} bytes, and it has {length}"));
    }
    let hashes = entry["hashes"].as_object().into_iter().flatten();
    let hashes: Vec<(&str, &str)> =
        hashes.filter_map(|(name, hash)| Some((name.as_str(), hash.as_str()?))).collect();
    let known = hashes.iter().any(|(name, _)| matches!(*name, "sha256" | "sha512"));
    if let Some(why) = hashes_hold(&listed.bytes, hashes).err().filter(|_| known) {
        found.say(&HASH, name, "", format!("by {by}: {why}"));
    }
}

/// A snapshot beside an earlier one.
pub(super) fn follows(new: &Doc, old: &Doc, found: &mut Found) {
    for (name, entry) in old.signed()["meta"].as_object().into_iter().flatten() {
        let at = format!("/signed/meta{}", step(name));
        match new.signed()["meta"].get(name) {
            None => found.say(&DROPPED, &new.name, at, format!("{name}, which {} lists", old.name)),
            Some(now) => {
                let (was, is) = (entry["version"].as_u64(), now["version"].as_u64());
                if was > is {
                    let detail =
                        format!("{name}: {} after {} of {}", is.unwrap_or(0), was.unwrap_or(0), old.name);
                    found.say(&FALLS, &new.name, at, detail);
                }
            }
        }
    }
}
