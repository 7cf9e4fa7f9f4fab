//! Rules about one role's delegations: names, paths, keys.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lint::found::Doc;
use crate::lint::found::Found;
use crate::lint::glob;
use crate::lint::keys;
use crate::lint::roles;
use crate::lint::roles::Spare;
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
use crate::tuf::client::file_name;
use crate::tuf::key::Material;
use crate::tuf::root::TOP_LEVEL;

static NULL: Rule = Rule {
    name: "DELEGATIONS-NULL",
    what: "delegations is null or no object",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "it drops the null, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "a role that delegates nothing has no such field",
    fix: "leave it out and sign again",
};

static SHAPE: Rule = Rule {
    name: "DELEGATION-UNREADABLE",
    what: "delegations lack keys, or roles, or a role its name",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "missing field, for the whole file"),
        refuses(TufJs, Read, "name must be a string, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients refuse the delegating role and everything below it",
    fix: "write it as the specification has it and sign again",
};

static TERMINATING: Rule = Rule {
    name: "DELEGATION-WITHOUT-TERMINATING",
    what: "a delegation does not say whether it is terminating",
    clients: &[
        refuses(PythonTuf, Tried, "KeyError 'terminating', for the whole file"),
        differs(GoTuf, Read, "it takes it for false"),
        refuses(Tough, Tried, "missing field `terminating`, for the whole file"),
        refuses(TufJs, Read, "terminating must be a boolean, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "the specification wants it",
    fix: "write true or false and sign again",
};

static NO_BOOLEAN: Rule = Rule {
    name: "DELEGATION-TERMINATING-NO-BOOLEAN",
    what: "terminating is neither true nor false",
    clients: &[
        differs(PythonTuf, Tried, "0 and what is empty are false, and all else is true"),
        refuses(Tough, Tried, "invalid type, expected a boolean, for the whole file"),
        refuses(TufJs, Read, "terminating must be a boolean, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "one reader takes the file and another does not",
    fix: "write true or false and sign again",
};

static PATHS: Rule = Rule {
    name: "DELEGATION-PATHS-OR-PREFIXES",
    what: "a delegation has both paths and path_hash_prefixes, or neither",
    clients: &[
        refuses(PythonTuf, Tried, "Only one of (paths, path_hash_prefixes) must be set, for the whole file"),
        refuses(Tough, Tried, "no variant of paths, or a signature that does not verify"),
        refuses(TufJs, Read, "paths and pathHashPrefixes are mutually exclusive, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "two readers would let the role sign for different paths",
    fix: "keep one of them and sign again",
};

static NAME_TOP: Rule = Rule {
    name: "ROLE-NAME-TAKEN",
    what: "a delegated role is named like one of the four, has no name, or stands twice",
    clients: &[
        refuses(
            PythonTuf,
            Tried,
            "Delegated roles cannot be empty or use top-level role names, or Duplicate role",
        ),
        refuses(TufJs, Read, "Delegated role name conflicts with top-level role name"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "one name for two trusts: a client may take the file of one for the other",
    fix: "give it another name",
};

static NAME_ENCODED: Rule = Rule {
    name: "ROLE-NAME-ENCODED",
    what: "a role name has characters that file names encode",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: true,
    why: "some servers decode the name again and find no file",
    fix: "use letters, digits, `-`, `_` and `.`",
};

static NAME_NUMBER: Rule = Rule {
    name: "ROLE-NAME-NUMBER",
    what: "a role is named by a number",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(TufJs, Read, "JavaScript puts such names first and in order, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the order of delegations is their priority; tuf-js keeps them in an object that reorders numbers",
    fix: "put a letter before the number",
};

static SUCCINCT: Rule = Rule {
    name: "SUCCINCT-ROLES",
    what: "bins are described by succinct_roles (TAP 15)",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "missing field `roles`, for the whole file")],
    otherwise: Severity::Note,
    we_write: true,
    why: "python-tuf, tuf-js and go-tuf of 2025 and later read them",
    fix: "list bins one by one, with path_hash_prefixes, where other clients must follow",
};

static SUCCINCT_SHAPE: Rule = Rule {
    name: "SUCCINCT-ROLES-UNREADABLE",
    what: "succinct_roles has no bit_length from 1 to 32 or no name_prefix, or stands beside roles",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(
            Tough,
            Tried,
            "missing field `roles`, for the whole file, or it drops what stands beside roles",
        ),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "nobody can tell which bins there are",
    fix: "write both members, and no roles beside them, and sign again",
};

static LIST: Rule = Rule {
    name: "DELEGATION-PATHS-NO-LIST",
    what: "paths or path_hash_prefixes is a text or an object, and not a list",
    clients: &[
        differs(PythonTuf, Tried, "of a text it takes each character for a pattern of its own"),
        refuses(Tough, Tried, "no variant of paths, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "the character `*` alone lets the role sign for every path without a slash",
    fix: "write a list of texts and sign again",
};

static TEXTS: Rule = Rule {
    name: "DELEGATION-PATHS-NO-TEXTS",
    what: "paths or path_hash_prefixes lists something that is not a text, or is no list, text or object",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "no variant of paths, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "it says for no path that the role may sign it",
    fix: "write a list of texts and sign again",
};

static STARS: Rule = Rule {
    name: "PATTERN-TWO-STARS",
    what: "a path pattern has `**`",
    clients: &[
        differs(PythonTuf, Tried, "`**` is `*` and stays within one directory"),
        differs(Tough, Tried, "it crosses directories"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "whoever wrote it meant all directories below, and most clients find nothing there",
    fix: "list a pattern for each depth: `a/*`, `a/*/*`",
};

static DEEPER: Rule = Rule {
    name: "PATTERN-DEEPER-IN-TOUGH",
    what: "a path pattern has a wildcard",
    clients: &[accepts(PythonTuf, Tried)],
    otherwise: Severity::Note,
    we_write: true,
    why: "in tough `*` and `?` also stand for `/`: there the role may sign for files in folders below, which other \
          clients do not find",
    fix: "do not rely on a pattern keeping a delegate out of the folders below",
};

static SLASH: Rule = Rule {
    name: "PATTERN-LEADING-SLASH",
    what: "a path pattern starts with a slash",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: false,
    why: "target paths do not, so that it matches nothing",
    fix: "leave the slash out",
};

static CHARACTERS: Rule = Rule {
    name: "PATTERN-CHARACTERS",
    what: "a path pattern has one of [ ] { } ! \\",
    clients: &[
        differs(PythonTuf, Read, "[ ] is a set of characters"),
        differs(GoTuf, Read, "[ ] is a set of characters, \\ escapes"),
        differs(Tough, Read, "[ ] is a set, { } are alternatives, \\ escapes"),
        differs(TufJs, Read, "[ ] is a set, { } are alternatives, ! negates"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the specification has `*` and `?` alone; each client lets the role sign for other paths",
    fix: "use `*` and `?` alone",
};

static NO_GLOB: Rule = Rule {
    name: "PATTERN-NO-GLOB",
    what: "in a path pattern [, { or \\ begins what does not end, } ends what did not begin, or a range runs backwards",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "Failed to parse path pattern as a glob, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "to tough each pattern is a glob with classes, alternatives and escapes",
    fix: "use `*` and `?` alone",
};

static PREFIXES: Rule = Rule {
    name: "PREFIXES-OF-SEVERAL-LENGTHS",
    what: "path_hash_prefixes of different lengths",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "bins overlap easily: the one that stands first wins, and the others' files are not found",
    fix: "use prefixes of one length",
};

static NOT_PREFIX: Rule = Rule {
    name: "PREFIX-MATCHES-NOTHING",
    what: "a path_hash_prefix is not lower-case hex of at most 64 digits",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "hashes are compared as lower-case text, so that it matches no path",
    fix: "write it in lower-case hex",
};

static FIELD: Rule = Rule {
    name: "DELEGATION-UNKNOWN-FIELD",
    what: "a delegation has a field that the specification does not name",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "it drops the field, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "tough verifies what it writes itself, and it does not write this",
    fix: "keep such notes beside the metadata, or in a field of the signed part itself",
};

pub(super) static RULES: &[&Rule] = &[
    &NULL,
    &SHAPE,
    &TERMINATING,
    &NO_BOOLEAN,
    &PATHS,
    &NAME_TOP,
    &NAME_ENCODED,
    &NAME_NUMBER,
    &SUCCINCT,
    &SUCCINCT_SHAPE,
    &LIST,
    &TEXTS,
    &STARS,
    &DEEPER,
    &SLASH,
    &CHARACTERS,
    &NO_GLOB,
    &PREFIXES,
    &NOT_PREFIX,
    &FIELD,
];

/// The delegations of one role. `online` are the keys of servers; what they sign alone needs no spare key.
pub(super) fn check(doc: &Doc, online: &BTreeSet<Material>, found: &mut Found) {
    let (file, at) = (&doc.name, "/signed/delegations");
    let Some(delegations) = doc.signed().get("delegations") else { return };
    if !delegations.is_object() {
        found.say(&NULL, file, at, "");
        return;
    }
    let usable = keys::check(file, "/signed/delegations/keys", &delegations["keys"], found);
    let succinct = delegations.get("succinct_roles").filter(|v| !v.is_null());
    if !delegations["keys"].is_object() || (succinct.is_none() && !delegations["roles"].is_array()) {
        found.say(&SHAPE, file, at, "");
    }
    fields(file, delegations, at, &["keys", "roles", "succinct_roles"], found);
    if let Some(bins) = succinct {
        let at = format!("{at}/succinct_roles");
        found.say(&SUCCINCT, file, at.as_str(), "");
        let bits = bins["bit_length"].as_u64().filter(|bits| (1..=32).contains(bits));
        let beside = delegations.get("roles").is_some_and(|roles| !roles.is_null());
        if bits.is_none() || !bins["name_prefix"].is_string() || beside {
            found.say(&SUCCINCT_SHAPE, file, at.as_str(), "");
        }
        roles::role(file, &at, bins, &delegations["keys"], &usable, Spare::NotAsked, found);
    }
    let mut names = BTreeSet::new();
    for (place, role) in delegations["roles"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}/roles/{place}");
        let Some(name) = role["name"].as_str() else {
            found.say(&SHAPE, file, at, "a role without a name");
            continue;
        };
        self::name(file, &at, name, names.insert(name), found);
        let spare = spare(role, &delegations["keys"], online);
        roles::role(file, &at, role, &delegations["keys"], &usable, spare, found);
        match role.get("terminating") {
            None => found.say(&TERMINATING, file, at.as_str(), name),
            Some(Value::Bool(_)) => {}
            Some(other) => found.say(&NO_BOOLEAN, file, at.as_str(), format!("{name}: {other}")),
        }
        let known = ["name", "keyids", "threshold", "terminating", "paths", "path_hash_prefixes"];
        fields(file, role, &at, &known, found);
        paths(file, &at, role, found);
    }
}

/// People who sign with keys of their own lose one some day; bins and what a server signs are signed by machines.
fn spare(role: &Value, keys: &Value, online: &BTreeSet<Material>) -> Spare {
    let is_bin = role.get("path_hash_prefixes").is_some_and(|prefixes| !prefixes.is_null());
    match is_bin || roles::role_keys(role, keys).is_some_and(|role| role.met_by(online)) {
        true => Spare::NotAsked,
        false => Spare::Wanted,
    }
}

fn fields(file: &str, object: &Value, at: &str, known: &[&str], found: &mut Found) {
    for name in object.as_object().into_iter().flat_map(|object| object.keys()) {
        if !known.contains(&name.as_str()) {
            found.say(&FIELD, file, at, name.as_str());
        }
    }
}

fn name(file: &str, at: &str, name: &str, new: bool, found: &mut Found) {
    if name.is_empty() || TOP_LEVEL.contains(&name) || !new {
        found.say(&NAME_TOP, file, at, format!("{name:?}"));
    }
    if file_name(name, None) != format!("{name}.json") {
        found.say(&NAME_ENCODED, file, at, format!("{name:?} is {}", file_name(name, None)));
    }
    if name == "0" || (!name.starts_with('0') && name.parse::<u32>().is_ok()) {
        found.say(&NAME_NUMBER, file, at, format!("{name:?}"));
    }
}

fn paths(file: &str, at: &str, role: &Value, found: &mut Found) {
    let list = |name: &str| role.get(name).filter(|v| !v.is_null());
    for name in ["paths", "path_hash_prefixes"] {
        match list(name) {
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {}
            Some(Value::Array(_) | Value::Number(_) | Value::Bool(_)) => {
                found.say(&TEXTS, file, format!("{at}/{name}"), "");
            }
            Some(_) => found.say(&LIST, file, format!("{at}/{name}"), ""),
            None => {}
        }
    }
    match (list("paths"), list("path_hash_prefixes")) {
        (Some(_), Some(_)) | (None, None) => found.say(&PATHS, file, at, ""),
        (Some(patterns), None) => {
            let patterns = patterns.as_array().into_iter().flatten().filter_map(Value::as_str);
            patterns.for_each(|text| pattern(file, &format!("{at}/paths"), text, found));
        }
        (None, Some(prefixes)) => {
            let prefixes: Vec<&str> =
                prefixes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let at = format!("{at}/path_hash_prefixes");
            let lengths: BTreeSet<usize> = prefixes.iter().map(|prefix| prefix.len()).collect();
            if lengths.len() > 1 {
                found.say(&PREFIXES, file, at.as_str(), format!("lengths {lengths:?}"));
            }
            let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            for prefix in prefixes.iter().filter(|prefix| !hex(prefix) || prefix.len() > 64) {
                found.say(&NOT_PREFIX, file, at.as_str(), format!("{prefix:?}"));
            }
        }
    }
}

fn pattern(file: &str, at: &str, text: &str, found: &mut Found) {
    let shown = format!("{text:?}");
    if text.contains("**") {
        found.say(&STARS, file, at, shown.as_str());
    } else if text.contains(['*', '?']) {
        found.say(&DEEPER, file, at, shown.as_str());
    }
    if text.starts_with('/') {
        found.say(&SLASH, file, at, shown.as_str());
    }
    if text.contains(['[', ']', '{', '}', '\\']) || text.split('/').any(|part| part.starts_with('!')) {
        found.say(&CHARACTERS, file, at, shown.as_str());
    }
    if glob::is_none(text) {
        found.say(&NO_GLOB, file, at, shown);
    }
}
