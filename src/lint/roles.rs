//! Rules about keyids and thresholds, of root's roles and of delegated ones, and about root itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::lint::envelope;
use crate::lint::envelope::short;
use crate::lint::found::Doc;
use crate::lint::found::Found;
use crate::lint::keys;
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
use crate::lint::rule::fooled;
use crate::lint::rule::refuses;
use crate::lint::text;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::key::Material;
use crate::tuf::root::TOP_LEVEL;

static ZERO: Rule = Rule {
    name: "THRESHOLD-ZERO",
    what: "a threshold is not a whole number from 1",
    clients: &[
        refuses(PythonTuf, Tried, "threshold should be at least 1!"),
        fooled(GoTuf, Read, "before its answer to GHSA-fphv-w9fq-2525 it trusted what nobody signed"),
        refuses(Tough, Tried, "expected a nonzero u64"),
        refuses(TufJs, Read, "threshold must be at least 1"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "a threshold of nothing trusts what nobody signed",
    fix: "set a threshold, and have the delegating role signed again",
};

static ABOVE: Rule = Rule {
    name: "THRESHOLD-ABOVE-KEYS",
    what: "a threshold is higher than the number of keys that can sign",
    clients: &[
        refuses(PythonTuf, Tried, "was signed by too few keys, for ever"),
        refuses(GoTuf, Read, "not enough signatures, for ever"),
        refuses(Tough, Tried, "Signature threshold not met, for ever"),
        refuses(TufJs, Read, "was signed by too few keys, for ever"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "the role can never be signed; for root that is the end of the repository",
    fix: "change keys or threshold in the delegating role while that one can still be signed",
};

static NO_SPARE: Rule = Rule {
    name: "THRESHOLD-NO-SPARE",
    what: "every key of a role that people sign must sign: there is no spare",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: true,
    why: "with one key lost nobody can sign the role until its delegator names another; root has no delegator",
    fix: "add a key that is not needed to sign",
};

static ROOT_ONE: Rule = Rule {
    name: "ROOT-THRESHOLD-ONE",
    what: "one root key alone can replace everything",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: true,
    why: "whoever steals one key owns every client",
    fix: "let two or more people sign root",
};

static KEYID_TWICE: Rule = Rule {
    name: "KEYID-TWICE-IN-ROLE",
    what: "a role lists a keyid twice",
    clients: &[
        refuses(PythonTuf, Tried, "Nonunique keyids, for the whole file"),
        accepts(Tough, Tried),
        refuses(TufJs, Read, "duplicate key IDs found, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it looks like one key more than there is",
    fix: "list it once and sign again",
};

static KEYIDS: Rule = Rule {
    name: "KEYIDS-UNREADABLE",
    what: "keyids is not a list, or has an object or a list in it",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "Failed to parse metadata, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients refuse the whole file for one entry",
    fix: "list keyids alone and sign again",
};

static KEYID_NO_TEXT: Rule = Rule {
    name: "KEYID-NO-TEXT",
    what: "a role lists a keyid that is no text",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "Failed to parse metadata, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it counts for nobody, and not every client reads past it",
    fix: "take it out and sign again",
};

static NO_HEX: Rule = Rule {
    name: "KEYID-OF-A-ROLE-NOT-HEX",
    what: "a role lists a keyid that is not hex, and no key has it",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "Invalid hex string, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it counts for nobody, and not every client reads past it",
    fix: "take it out and sign again",
};

static WITHOUT_KEY: Rule = Rule {
    name: "KEYID-WITHOUT-KEY",
    what: "a role lists a keyid that has no key in the file",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(GoTuf, Read, "key with ID not found, for the role"),
        accepts(Tough, Tried),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it counts for nobody, and looks as if it did",
    fix: "list the key, or take the keyid out",
};

static UNUSED: Rule = Rule {
    name: "KEY-UNUSED",
    what: "a key is listed and no role uses it",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: false,
    why: "people take it for a key that may sign",
    fix: "take it out",
};

static SHARED_ROOT: Rule = Rule {
    name: "ROOT-KEY-SIGNS-ONLINE",
    what: "a root key also signs snapshot or timestamp",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "a key of a server that is broken into counts towards the root",
    fix: "give the online roles keys of their own",
};

static SHARED_TARGETS: Rule = Rule {
    name: "TARGETS-KEY-SIGNS-ONLINE",
    what: "a targets key also signs snapshot or timestamp",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "whoever breaks into the server can publish software where the threshold allows",
    fix: "give the online roles keys of their own",
};

static EXTRA_ROLE: Rule = Rule {
    name: "ROOT-ROLE-UNKNOWN",
    what: "root names a role beside the four",
    clients: &[
        refuses(PythonTuf, Tried, "Role names must be the top-level metadata roles"),
        refuses(Tough, Tried, "unknown variant, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "mirrors and the like were in early specifications",
    fix: "take the role out",
};

static MISSING_ROLE: Rule = Rule {
    name: "ROOT-ROLE-MISSING",
    what: "root lacks one of the four roles",
    clients: &[
        refuses(PythonTuf, Tried, "Role names must be the top-level metadata roles"),
        refuses(GoTuf, Read, "no delegation found"),
        refuses(Tough, Tried, "the role is missing in root"),
        refuses(TufJs, Read, "missing top-level role"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "nothing of that role can be trusted",
    fix: "name all four and sign again",
};

static INCONSISTENT: Rule = Rule {
    name: "CONSISTENT-SNAPSHOT-FALSE",
    what: "consistent_snapshot is false",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "a client that comes while files are replaced sees half of each state and fails",
    fix: "set it to true in the next root, and publish files under versioned names",
};

static CONSISTENT_MISSING: Rule = Rule {
    name: "CONSISTENT-SNAPSHOT-MISSING",
    what: "consistent_snapshot is missing or is neither true nor false",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "missing field `consistent_snapshot`"),
        refuses(TufJs, Read, "consistent_snapshot must be a boolean"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it decides how files are named",
    fix: "write true and sign again",
};

pub(super) static RULES: &[&Rule] = &[
    &ZERO,
    &ABOVE,
    &NO_SPARE,
    &ROOT_ONE,
    &KEYID_TWICE,
    &KEYIDS,
    &KEYID_NO_TEXT,
    &WITHOUT_KEY,
    &NO_HEX,
    &UNUSED,
    &SHARED_ROOT,
    &SHARED_TARGETS,
    &EXTRA_ROLE,
    &MISSING_ROLE,
    &INCONSISTENT,
    &CONSISTENT_MISSING,
];

/// Root's own members. `newest`: no newer root follows, so that it decides what holds today.
pub(super) fn root(doc: &Doc, newest: bool, found: &mut Found) {
    let (file, signed) = (&doc.name, doc.signed());
    let usable = keys::check(file, "/signed/keys", &signed["keys"], found);
    for name in TOP_LEVEL {
        if signed["roles"].get(name).is_none_or(|role| !role.is_object()) {
            found.say(&MISSING_ROLE, file, "/signed/roles", name);
        }
    }
    match signed.get("consistent_snapshot") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) if newest => {
            found.say(&INCONSISTENT, file, "/signed/consistent_snapshot", "")
        }
        Some(Value::Bool(false)) => {}
        other => {
            let value = other.map(Value::to_string).unwrap_or_default();
            found.say(&CONSISTENT_MISSING, file, "/signed/consistent_snapshot", value);
        }
    }
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (name, role) in signed["roles"].as_object().into_iter().flatten() {
        let at = format!("/signed/roles{}", step(name));
        if !TOP_LEVEL.contains(&name.as_str()) {
            found.say(&EXTRA_ROLE, file, at.as_str(), name.as_str());
        }
        envelope::unknown(file, role, &at, &["keyids", "threshold"], found);
        let online = matches!(name.as_str(), "snapshot" | "timestamp");
        let spare = if newest && !online { Spare::Wanted } else { Spare::NotAsked };
        self::role(file, &at, role, &signed["keys"], &usable, spare, found);
        used.extend(role["keyids"].as_array().into_iter().flatten().filter_map(Value::as_str));
        if name == "root" && newest && role["threshold"] == 1 {
            found.say(&ROOT_ONE, file, at, "");
        }
    }
    for keyid in signed["keys"].as_object().into_iter().flat_map(|keys| keys.keys()) {
        if !used.contains(keyid.as_str()) {
            found.say(&UNUSED, file, format!("/signed/keys{}", step(keyid)), short(keyid));
        }
    }
    if newest {
        shared(file, signed, &usable, found);
    }
}

/// Whether a role should have a key that is not needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    Wanted,
    NotAsked,
}

/// keyids and threshold of one role.
pub(super) fn role(
    file: &str,
    at: &str,
    role: &Value,
    all: &Value,
    usable: &BTreeMap<KeyId, PublicKey>,
    spare: Spare,
    found: &mut Found,
) {
    let keyids: Vec<&str> =
        role["keyids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let entries = role["keyids"].as_array();
    let any = |is: fn(&Value) -> bool| entries.is_some_and(|entries| entries.iter().any(is));
    if entries.is_none() || any(|entry| entry.is_object() || entry.is_array()) {
        found.say(&KEYIDS, file, format!("{at}/keyids"), "");
    } else if any(|entry| !entry.is_string()) {
        found.say(&KEYID_NO_TEXT, file, format!("{at}/keyids"), "");
    }
    let distinct: BTreeSet<&str> = keyids.iter().copied().collect();
    if distinct.len() < keyids.len() {
        found.say(&KEYID_TWICE, file, format!("{at}/keyids"), "");
    }
    for keyid in distinct.iter().filter(|keyid| all.get(**keyid).is_none()) {
        let rule = if hex::decode(keyid).is_ok() { &WITHOUT_KEY } else { &NO_HEX };
        found.say(rule, file, format!("{at}/keyids"), short(keyid));
    }
    // A key of a kind that only others can use may sign for them; it never counts below what they can count.
    let counts = |keyid: &str| match usable.get(&KeyId(keyid.to_owned())) {
        Some(key) => Some(key.material()),
        None => all.get(keyid).map(|_| Material(keyid.as_bytes().to_vec())),
    };
    let keys = distinct.iter().filter_map(|keyid| counts(keyid)).collect::<BTreeSet<_>>().len();
    let ours = distinct.iter().filter(|keyid| usable.contains_key(&KeyId((**keyid).to_owned()))).count();
    let threshold = role["threshold"].as_u64();
    let threshold = threshold.or_else(|| text::true_number(file, at, role, "threshold", found));
    match threshold.and_then(|threshold| usize::try_from(threshold).ok()) {
        None | Some(0) => found.say(&ZERO, file, format!("{at}/threshold"), role["threshold"].to_string()),
        Some(need) if need > keys => {
            found.say(&ABOVE, file, format!("{at}/threshold"), format!("{need} of {keys} keys"));
        }
        Some(need) if need > ours => {
            let detail = format!(
                "{need} of {keys} keys, and {} of them are of kinds that few clients know",
                keys - ours
            );
            found.say(&NO_SPARE, file, format!("{at}/threshold"), detail);
        }
        Some(need) if need == keys && spare == Spare::Wanted => {
            found.say(&NO_SPARE, file, format!("{at}/threshold"), format!("{need} of {keys}"));
        }
        Some(_) => {}
    }
}

/// The keys that sign snapshot or timestamp by the word of this root: those of a server, which has copies or is set up anew.
pub(super) fn online(root: &Doc) -> BTreeSet<Material> {
    let of = |name| role_keys(&root.signed()["roles"][name], &root.signed()["keys"]);
    let roles = ["snapshot", "timestamp"].into_iter().filter_map(of);
    roles.flat_map(|role| role.keys.into_values().map(|key| key.material())).collect()
}

fn shared(file: &str, signed: &Value, usable: &BTreeMap<KeyId, PublicKey>, found: &mut Found) {
    let of = |name: &str| -> BTreeMap<Material, String> {
        let keyids =
            signed["roles"][name]["keyids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        keyids
            .filter_map(|keyid| Some((usable.get(&KeyId(keyid.to_owned()))?.material(), short(keyid))))
            .collect()
    };
    let online: BTreeMap<Material, String> = of("snapshot").into_iter().chain(of("timestamp")).collect();
    for (name, rule) in [("root", &SHARED_ROOT), ("targets", &SHARED_TARGETS)] {
        for (_, keyid) in of(name).into_iter().filter(|(material, _)| online.contains_key(material)) {
            found.say(rule, file, format!("/signed/roles/{name}/keyids"), keyid);
        }
    }
}

/// The keyids of a role's keys whose scheme cannot be verified here: other clients may know what they sign.
pub(super) fn elsewhere(role: &Value, keys: &Value) -> BTreeSet<KeyId> {
    let keyids = role["keyids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    keyids.map(|keyid| KeyId(keyid.to_owned())).filter(|keyid| keys::is_elsewhere(&keys[&keyid.0])).collect()
}

/// Who may sign, as the most lenient client reads it; `None` where there is no such role.
pub(super) fn role_keys(role: &Value, keys: &Value) -> Option<RoleKeys> {
    let keyids = role.get("keyids")?.as_array()?.iter().filter_map(Value::as_str);
    let key = |keyid: &str| Some((KeyId(keyid.to_owned()), keys::read(keys.get(keyid)?).ok()?));
    let threshold = role.get("threshold")?.as_u64().and_then(|n| u32::try_from(n).ok())?;
    Some(RoleKeys { keys: keyids.filter_map(key).collect(), threshold })
}
