//! Rules about target files.

use serde_json::Value;

use crate::lint::envelope;
use crate::lint::found::Doc;
use crate::lint::found::Finding;
use crate::lint::found::Found;
use crate::lint::meta;
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
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::matches_pattern;
use crate::tuf::delegations::tough::Loaded;

static SHAPE: Rule = Rule {
    name: "TARGET-UNREADABLE",
    what: "a target has no length or hashes, or a hash that is no text",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "missing field, for the whole file"),
        refuses(TufJs, Read, "length must be a number, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "a client cannot check what it downloads",
    fix: "list length and sha256 and sign again",
};

static EMPTY_HASHES: Rule = Rule {
    name: "TARGET-HASHES-EMPTY",
    what: "a target lists no hash",
    clients: &[
        refuses(PythonTuf, Tried, "Hashes must be a non empty dictionary, for the whole file"),
        fooled(GoTuf, Read, "before its change #721 it took any file of that length"),
        refuses(Tough, Tried, "missing field `sha256`, for the whole file"),
        fooled(TufJs, Read, "it takes any file of that length"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "without a hash any file of the same length is as good",
    fix: "list sha256 and sign again",
};

static PATH: Rule = Rule {
    name: "TARGET-PATH",
    what: "a target path is empty, starts or ends with a slash, or has an empty part, `.`, `..` or a backslash",
    clients: &[differs(Tough, Read, "it resolves the path first and looks for another file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "clients turn paths into URLs and file names, each in its own way; `..` can lead out of a directory",
    fix: "use relative paths of plain names",
};

static CUSTOM_EMPTY: Rule = Rule {
    name: "TARGET-CUSTOM-EMPTY",
    what: "a target has an empty custom",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "it drops the empty object, so that no signature verifies"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "tough verifies what it writes itself, and it does not write this",
    fix: "leave custom out where it says nothing",
};

static CUSTOM_KIND: Rule = Rule {
    name: "TARGET-CUSTOM-NO-OBJECT",
    what: "a target's custom is not an object",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "invalid type, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the specification has an object",
    fix: "put the value into an object",
};

static OUTSIDE: Rule = Rule {
    name: "TARGET-OUTSIDE-DELEGATION",
    what: "a role lists a target to which no delegation leads, in it or in another role",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "Target file not delegated, for the whole repository"),
    ],
    otherwise: Severity::Warning,
    we_write: true,
    why: "no client ever finds it",
    fix: "delegate the path to the role, or list the target in a role that has it",
};

static OFF_THE_WAY: Rule = Rule {
    name: "TARGET-OFF-THE-FIRST-WAY",
    what: "a role that is delegated to more than once lists a target that the first way to the role does not allow",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "Target file not delegated, for the whole repository"),
    ],
    otherwise: Severity::Warning,
    we_write: true,
    why: "tough loads a role once, by the first delegation that reaches it, depth first, and looks for its targets by that way \
          alone",
    fix: "delegate to the role once, or let its first delegation and those above it allow the path, or list the target in \
          another role",
};

static ELSEWHERE: Rule = Rule {
    name: "TARGET-FOUND-ELSEWHERE",
    what: "a role lists a target that nobody delegates to it, and tough comes to it all the same: in another role, or by a \
           wildcard that it reads wider",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: true,
    why: "other clients never find it here, and once the way that tough takes is gone, it refuses the whole repository",
    fix: "delegate the path to the role, or take the target out of it",
};

pub(super) static RULES: &[&Rule] =
    &[&SHAPE, &EMPTY_HASHES, &PATH, &CUSTOM_EMPTY, &CUSTOM_KIND, &OUTSIDE, &OFF_THE_WAY, &ELSEWHERE];

/// How delegations lead to paths.
pub(super) struct Ways<'w> {
    /// By which of them tough loads roles.
    pub(super) loaded: &'w Loaded<'w>,
    /// Whether tough finds a path by those.
    pub(super) finds: &'w dyn Fn(&str) -> bool,
    /// Whether any lead to a role that lists a path, as tough reads them.
    pub(super) led: &'w dyn Fn(&str) -> bool,
}

/// The target files of one role. `by`: every delegation to it; none for the role `targets` itself.
pub(super) fn check(doc: &Doc, by: &[&Delegation], ways: &Ways<'_>, found: &mut Found) {
    let file = &doc.name;
    let Some(targets) = doc.signed()["targets"].as_object() else {
        found.say(&SHAPE, file, "/signed/targets", "targets is not an object");
        return;
    };
    let first = ways.loaded.way(&doc.role);
    for (path, target) in targets {
        self::target(file, path, target, found);
        if let Some(first) = &first {
            outside(doc, path, first, by, ways, found);
        }
    }
}

/// One target by itself.
pub(super) fn target(file: &str, path: &str, target: &Value, found: &mut Found) {
    let at = format!("/signed/targets{}", step(path));
    envelope::unknown(file, target, &at, &["length", "hashes", "custom"], found);
    let length = target["length"].as_u64().or_else(|| text::true_number(file, &at, target, "length", found));
    match (length, target["hashes"].as_object()) {
        (Some(_), Some(hashes)) if hashes.values().any(|hash| !hash.is_string()) => {
            found.say(&SHAPE, file, format!("{at}/hashes"), "a hash that is no text");
        }
        (None, _) | (_, None) => found.say(&SHAPE, file, at.as_str(), ""),
        (Some(_), Some(hashes)) if hashes.is_empty() => found.say(&EMPTY_HASHES, file, at.as_str(), ""),
        (Some(_), Some(_)) => meta::hashes(file, &at, &target["hashes"], found),
    }
    match target.get("custom") {
        None => {}
        Some(Value::Object(custom)) if custom.is_empty() => found.say(&CUSTOM_EMPTY, file, at.as_str(), ""),
        Some(Value::Object(_)) => {}
        Some(_) => found.say(&CUSTOM_KIND, file, at.as_str(), ""),
    }
    if !is_plain(path) {
        found.say(&PATH, file, at.as_str(), format!("{path:?}"));
    }
}

/// Whether delegations lead to a target: the specification asks those to the role, tough those by which it loads roles, and
/// that to any role that lists the target. `first` is the way by which it loads this one.
fn outside(
    doc: &Doc,
    path: &str,
    first: &[&Delegation],
    by: &[&Delegation],
    ways: &Ways<'_>,
    found: &mut Found,
) {
    if first.len() == 1 && delegated(first[0], path) {
        return;
    }
    let (file, at) = (&doc.name, format!("/signed/targets{}", step(path)));
    if !(ways.finds)(path) {
        match (ways.led)(path) {
            true => found.put(off_the_way(file, path, ways.loaded.told(&doc.role))),
            false => found.say(&OUTSIDE, file, at, ""),
        }
    } else if !by.iter().any(|by| delegated(by, path)) {
        found.say(&ELSEWHERE, file, at, "");
    }
}

/// A role lists a target to which another way leads than the one by which tough loads the role.
pub fn off_the_way(file: &str, path: &str, way: String) -> Finding {
    let at = format!("/signed/targets{}", step(path));
    Finding { rule: &OFF_THE_WAY, file: file.to_owned(), at, detail: way }
}

fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !part.is_empty() && part != "." && part != "..") && !path.contains('\\')
}

fn delegated(delegation: &Delegation, path: &str) -> bool {
    match &delegation.paths {
        Paths::Patterns(patterns) => patterns.iter().any(|pattern| matches_pattern(pattern, path)),
        Paths::HashPrefixes(prefixes) => {
            let digest = crate::tuf::delegations::path_digest(path);
            prefixes.iter().any(|prefix| digest.starts_with(prefix.as_str()))
        }
        Paths::Bin { number, bits } => {
            let head = crate::tuf::delegations::path_digest(path);
            let first = u64::from_str_radix(head.get(..16).unwrap_or_default(), 16).unwrap_or(0);
            first.checked_shr(64 - bits).unwrap_or(0) == *number
        }
    }
}
