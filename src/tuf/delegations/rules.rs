//! What a delegation may say when we write it: names, patterns, prefixes, keys. One rule, one function.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::delegations::Paths;
use crate::tuf::fault::Fault;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::targets::path;

/// Names are parts of file names: longer ones do not fit with version and `.json`.
const LONGEST_NAME: usize = 64;

/// Letters, digits, `-_.`, a letter or digit first: the same file on every medium, and no need to be encoded.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// DELEGATION-NAME, DELEGATION-NAME-ONCE: `fixed` are names that carry over and stay as they are.
pub(super) fn names<'a>(
    names: impl Iterator<Item = &'a str>,
    fixed: &BTreeSet<&str>,
    faults: &mut Vec<Fault>,
) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        // A medium that ignores case would keep one file for both.
        let folded = name.to_ascii_lowercase();
        if TOP_LEVEL.contains(&folded.as_str()) {
            let text = format!("a delegated role cannot be called {name:?}: the name is {folded}'s own");
            faults.push(Fault::new("DELEGATION-NAME", name, text));
        } else if !fixed.contains(name) {
            name_form(name, faults);
        }
        match seen.insert(folded, name) {
            Some(other) if other == name => {
                let text = format!("the role {name:?} stands twice; clients ask the first one only");
                faults.push(Fault::new("DELEGATION-NAME-ONCE", name, text));
            }
            Some(other) => {
                let text =
                    format!("the roles {other:?} and {name:?} would be one file where case is ignored");
                faults.push(Fault::new("DELEGATION-NAME-ONCE", name, text));
            }
            None => {}
        }
    }
}

fn name_form(name: &str, faults: &mut Vec<Fault>) {
    let text = if !is_name(name) {
        format!(
            "the role name {name:?} must be up to {LONGEST_NAME} letters, digits, dots, dashes and underscores, and begin with a letter or digit: it becomes the name of a file"
        )
    } else if name.split_once('.').is_some_and(|(head, _)| head.bytes().all(|b| b.is_ascii_digit())) {
        format!("the role name {name:?} begins as a version does: 1.{name}.json could be read as two names")
    } else if name.to_ascii_lowercase().ends_with(".json") {
        format!("the role name {name:?} ends in .json, which its file adds by itself")
    } else {
        return;
    };
    faults.push(Fault::new("DELEGATION-NAME", name, text));
}

/// THRESHOLD-AT-LEAST-1, THRESHOLD-WITHIN-KEYS, KEY-MATERIAL-ONCE.
pub(super) fn role_keys(role: &str, keys: &RoleKeys, faults: &mut Vec<Fault>) {
    let mut materials: BTreeMap<Material, &KeyId> = BTreeMap::new();
    for (keyid, key) in &keys.keys {
        if let Some(other) = materials.insert(key.material(), keyid) {
            let text = format!("role {role}: {other} and {keyid} are one key, which counts once");
            faults.push(Fault::new("KEY-MATERIAL-ONCE", role, text));
        }
    }
    if keys.threshold == 0 {
        let text = format!("role {role} has threshold 0: anyone could sign it");
        faults.push(Fault::new("THRESHOLD-AT-LEAST-1", role, text));
    } else if keys.threshold as usize > materials.len() {
        let (threshold, of) = (keys.threshold, materials.len());
        let text = format!("role {role} has threshold {threshold}, which its {of} keys can never meet");
        faults.push(Fault::new("THRESHOLD-WITHIN-KEYS", role, text));
    }
}

/// What a role's patterns or prefixes may be.
pub(super) fn paths(role: &str, paths: &Paths, faults: &mut Vec<Fault>) {
    match paths {
        Paths::Patterns(list) => patterns(role, list, faults),
        Paths::HashPrefixes(list) => prefixes(role, list, faults),
        Paths::Bin { .. } => {
            let text = format!("role {role} is a bin, which is not listed one by one; write `bins`");
            faults.push(Fault::new("BINS-ALONE", role, text));
        }
    }
}

/// PATHS-NAMED, PATTERN-FORM, PATTERN-GLOB, PATTERN-ONCE.
fn patterns(role: &str, list: &[String], faults: &mut Vec<Fault>) {
    let mut say = |rule, text: String| faults.push(Fault::new(rule, role, format!("role {role}: {text}")));
    if list.is_empty() {
        say("PATHS-NAMED", "it has no paths, and could sign for nothing".to_owned());
    }
    let mut seen = BTreeSet::new();
    for pattern in list {
        if let Err(why) = path::form(pattern) {
            say("PATTERN-FORM", format!("the pattern {pattern:?} {why}"));
        } else if pattern.contains("**") {
            let text = "`**` is no more than `*`, which never crosses a `/`; write a pattern for each depth";
            say("PATTERN-GLOB", format!("the pattern {pattern:?}: {text}"));
        } else if let Some(c) = pattern.chars().find(|c| "[]{}!".contains(*c)) {
            let text =
                format!("{c:?} means itself to some clients and not to others; only `*` and `?` are wild");
            say("PATTERN-GLOB", format!("the pattern {pattern:?}: {text}"));
        }
        if !seen.insert(pattern) {
            say("PATTERN-ONCE", format!("the pattern {pattern:?} stands twice"));
        }
    }
}

/// PATHS-NAMED, PREFIX-FORM, PREFIX-LENGTHS, PREFIX-ONCE.
fn prefixes(role: &str, list: &[String], faults: &mut Vec<Fault>) {
    let mut say = |rule, text: String| faults.push(Fault::new(rule, role, format!("role {role}: {text}")));
    if list.is_empty() {
        say("PATHS-NAMED", "it has no path_hash_prefixes, and could sign for nothing".to_owned());
    }
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let mut seen = BTreeSet::new();
    for prefix in list {
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(hex) {
            say("PREFIX-FORM", format!("the prefix {prefix:?} must be 1 to 64 lower-case hex digits"));
        }
        if !seen.insert(prefix) {
            say("PREFIX-ONCE", format!("the prefix {prefix:?} stands twice"));
        }
    }
    let lengths: BTreeSet<usize> = list.iter().map(String::len).collect();
    if let (Some(short), Some(long)) = (lengths.first(), lengths.last())
        && short != long
    {
        say("PREFIX-LENGTHS", format!("its prefixes have {short} to {long} digits; write them all alike"));
    }
}

/// Prefixes of two roles of which one lies inside the other, by name: `(first, second, prefix)`.
pub(super) fn overlaps<'a>(
    roles: impl Iterator<Item = (&'a str, &'a Paths)>,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut found = Vec::new();
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lengths: BTreeSet<usize> = BTreeSet::new();
    for (role, paths) in roles {
        let Paths::HashPrefixes(list) = paths else { continue };
        for prefix in list {
            // Inside one before it, or around one before it.
            let outer = lengths.iter().filter_map(|n| prefix.get(..*n)).find_map(|head| before.get(head));
            let inner = before.range(prefix.as_str()..).next();
            let inner = inner.filter(|(other, _)| other.starts_with(prefix.as_str())).map(|(_, role)| role);
            if let Some(other) = outer.or(inner) {
                found.push((*other, role, prefix.as_str()));
            }
        }
        for prefix in list {
            lengths.insert(prefix.len());
            before.entry(prefix).or_insert(role);
        }
    }
    found
}
