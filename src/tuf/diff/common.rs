//! What all files have: version, expiry, fields beyond the specification, signatures.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::date::Date;
use crate::tuf::diff::Change;
use crate::tuf::diff::Kind;
use crate::tuf::diff::scope::Scope;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Signature;

/// The longest value of a field that people see.
const LONGEST: usize = 60;
/// What a rollback does not say by itself: root has the keys.
pub(super) const UNLESS_FORGOTTEN: &str = ", unless root says fast-forward recovery";

/// Version, expiry and the way both are written. `own` names the members that the caller compares.
pub(super) fn members(
    scope: &Scope,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    own: &[&str],
) -> Vec<Change> {
    let mut changes = Vec::new();
    changes.extend(version(scope, whole(old), whole(new)));
    changes.extend(expires(scope, old.get("expires"), new.get("expires")));
    let (mut old, mut new) = (old.clone(), new.clone());
    for name in ["version", "expires"].iter().chain(own) {
        old.remove(*name);
        new.remove(*name);
    }
    changes.extend(fields(scope, Kind::Field, "field", &old, &new));
    changes
}

fn whole(signed: &Map<String, Value>) -> u64 {
    signed.get("version").and_then(Value::as_u64).unwrap_or_default()
}

fn version(scope: &Scope, old: u64, new: u64) -> Option<Change> {
    let what = format!("version {old} -> {new}");
    match new.cmp(&old) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(scope.change(Kind::Version, &what, "")),
        std::cmp::Ordering::Less => {
            let unless = if scope.called() == "root" { "" } else { UNLESS_FORGOTTEN };
            let words =
                format!("ROLLBACK: {what}; clients that have version {old} refuse version {new}{unless}");
            Some(scope.alarm(Kind::Version, &what, words))
        }
    }
}

fn expires(scope: &Scope, old: Option<&Value>, new: Option<&Value>) -> Option<Change> {
    if old == new {
        return None;
    }
    let read = |value: Option<&Value>| Date::parse_lenient(value.and_then(Value::as_str).unwrap_or_default());
    let (Ok(was), Ok(is)) = (read(old), read(new)) else { return None };
    if was == is {
        let words = "expires at the same second, written differently";
        return Some(scope.change(Kind::Expires, "expires written differently", words));
    }
    let days = (is.unix() - was.unix()).abs() / 86_400;
    let which = if is > was { "later" } else { "EARLIER" };
    let apart = match days {
        0 => format!("less than a day {which}"),
        1 => format!("1 day {which}"),
        days => format!("{days} days {which}"),
    };
    let words = format!("expires {is} ({}), {apart} than before: {was} ({})", is.weekday(), was.weekday());
    Some(scope.change(Kind::Expires, &format!("expires {was} -> {is}"), words))
}

/// Fields that differ between two objects; `what` stands before the field's name.
pub(super) fn fields(
    scope: &Scope,
    kind: Kind,
    what: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Vec<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (how, words) = match (old.get(name), new.get(name)) {
            (None, Some(is)) => ("added", short(is)),
            (Some(was), None) => ("removed", format!("it was {}", short(was))),
            (Some(was), Some(is)) if was != is => ("changed", format!("{} -> {}", short(was), short(is))),
            _ => return None,
        };
        let text = format!("{what} {name} {how}");
        let words = format!("{text}: {words}");
        Some(scope.change(kind, &text, words))
    };
    names.into_iter().filter_map(change).collect()
}

/// A JSON value, cut where it is long.
pub(in crate::tuf) fn short(value: &Value) -> String {
    let text = value.to_string();
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

/// Signatures that came or went over content that stayed the same.
pub(super) fn signatures(
    scope: &Scope,
    old: &[Signature],
    new: &[Signature],
    name: impl Fn(&KeyId) -> String,
) -> Vec<Change> {
    let of = |list: &[Signature], keyid: &KeyId| -> BTreeSet<String> {
        list.iter().filter(|s| s.keyid == *keyid).map(|s| s.sig.clone()).collect()
    };
    let keyids: BTreeSet<&KeyId> = old.iter().chain(new).map(|signature| &signature.keyid).collect();
    let change = |keyid: &KeyId| {
        let (was, is) = (of(old, keyid), of(new, keyid));
        let (sign, words) = match (was.is_empty(), is.is_empty()) {
            _ if was == is => return None,
            (true, _) => ("+", "is new"),
            (_, true) => ("-", "is gone"),
            _ => ("~", "is another one over the same content"),
        };
        let name = name(keyid);
        let words = format!("the signature of {name} {words}");
        Some(scope.change(Kind::Signature, &format!("{sign} signature {name}"), words))
    };
    keyids.into_iter().filter_map(change).collect()
}

/// Nothing hides: bytes that differ without a change found are a change.
pub(super) fn writing(scope: &Scope, changes: &mut Vec<Change>, differs: bool) {
    if differs && changes.is_empty() {
        let words =
            "other bytes, and no meaning found that differs: signatures over one do not hold for the other";
        changes.push(scope.change(Kind::Writing, "written differently", words));
    }
}
