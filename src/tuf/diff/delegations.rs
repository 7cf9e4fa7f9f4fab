//! The delegations of a targets role before and after: who may sign for which paths, and in which order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::delegations::Delegations;
use crate::tuf::diff::Change;
use crate::tuf::diff::Consequence;
use crate::tuf::diff::DiffError;
use crate::tuf::diff::Kind;
use crate::tuf::diff::Section;
use crate::tuf::diff::common;
use crate::tuf::diff::keys;
use crate::tuf::diff::keys::Signers;
use crate::tuf::diff::keys::Table;
use crate::tuf::diff::labels::Labels;
use crate::tuf::diff::scope::Scope;
use crate::tuf::few::and_more;
use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::MetadataError;
use crate::tuf::root;

/// One delegated role, or all bins of succinct roles as one.
struct Delegated<'a> {
    keyids: Vec<KeyId>,
    threshold: u32,
    json: &'a Map<String, Value>,
}

/// One side.
#[derive(Default)]
struct Side<'a> {
    table: Table,
    order: Vec<String>,
    roles: BTreeMap<String, Delegated<'a>>,
    /// The roles that they lead to, each bin by its own name.
    names: BTreeSet<String>,
    /// Fields of `delegations` itself that nobody knows.
    extra: Map<String, Value>,
}

/// The fields that are compared by name.
const KNOWN: [&str; 7] =
    ["name", "keyids", "threshold", "paths", "path_hash_prefixes", "terminating", "bit_length"];

impl<'a> Side<'a> {
    fn read(signed: &'a Map<String, Value>) -> Result<Self, MetadataError> {
        let Some(json) = signed.get("delegations").filter(|json| !json.is_null()) else {
            return Ok(Self::default());
        };
        // What no client takes is not compared.
        let roles = Delegations::from_json(json)?.roles;
        let object = fields::object(json, "delegations")?;
        let mut side = Self { table: Table::new(fields::member(json, "keys")?), ..Self::default() };
        side.names = roles.into_iter().map(|role| role.name).collect();
        let known = ["keys", "roles", "succinct_roles"];
        let extra = object.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        side.extra = extra.map(|(name, value)| (name.clone(), value.clone())).collect();
        for role in object.get("roles").and_then(Value::as_array).into_iter().flatten() {
            side.add(role["name"].as_str().unwrap_or_default().to_owned(), role)?;
        }
        if let Some(bins) = object.get("succinct_roles").filter(|bins| !bins.is_null()) {
            side.add(called(bins["name_prefix"].as_str().unwrap_or_default()), bins)?;
        }
        Ok(side)
    }

    fn add(&mut self, name: String, json: &'a Value) -> Result<(), MetadataError> {
        let (keyids, threshold) = root::keyids_and_threshold(json)?;
        let json = fields::object(json, "a role")?;
        self.order.push(name.clone());
        self.roles.insert(name, Delegated { keyids, threshold, json });
        Ok(())
    }

    fn signers<'b>(&'b self, role: &'b Delegated<'a>) -> Signers<'b> {
        Signers { table: &self.table, keyids: &role.keyids, threshold: role.threshold }
    }

    /// Whether all that an entry of the other side leads to is delegated to here as well, by another entry.
    fn leads_to(&self, other: &Self, name: &str) -> bool {
        match other.names.contains(name) {
            true => self.names.contains(name),
            // Bins stand alone.
            false => other.names.is_subset(&self.names),
        }
    }

    fn used(&self) -> BTreeSet<KeyId> {
        self.roles.values().flat_map(|role| role.keyids.iter().cloned()).collect()
    }

    /// The place of each delegation among those that the other side has too, from 1.
    fn places(&self, other: &Self) -> BTreeMap<&str, usize> {
        let common = self.order.iter().filter(|name| other.roles.contains_key(*name));
        common.zip(1..).map(|(name, place)| (name.as_str(), place)).collect()
    }
}

/// What all succinct bins of this prefix are called in a difference, which has them as one.
pub fn called(prefix: &str) -> String {
    format!("{prefix}-*")
}

/// Adds what differs to the section of the role that delegates.
pub(super) fn compare(
    scope: &Scope,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    names: &Names,
    section: &mut Section,
) -> Result<(), DiffError> {
    let was = Side::read(old).map_err(DiffError::Old)?;
    let is = Side::read(new).map_err(DiffError::New)?;
    let labels = Labels::new(names, &[&was.table, &is.table]);
    section.changes.extend(common::fields(scope, Kind::Field, "delegations field", &was.extra, &is.extra));
    for name in was.order.iter().filter(|name| !is.roles.contains_key(*name)) {
        let words = match is.leads_to(&was, name) {
            true => format!("{name} is delegated to in another style, which says anew who signs it"),
            false => format!(
                "{name} is no longer delegated to: what it signed is no longer trusted by {}",
                scope.called()
            ),
        };
        section.changes.push(scope.change(Kind::DelegationRemoved, &format!("- delegation {name}"), words));
    }
    for name in is.order.iter().filter(|name| !was.roles.contains_key(*name)) {
        let Some(role) = is.roles.get(name) else { continue };
        let words = format!("{name} may now sign for {}", paths(role.json));
        section.changes.push(scope.change(Kind::DelegationAdded, &format!("+ delegation {name}"), words));
        let nobody = Signers { table: &is.table, keyids: &[], threshold: 0 };
        section.consequences.extend(keys::consequences(name, &nobody, &is.signers(role), &labels));
    }
    for (name, role) in &is.roles {
        let Some(before) = was.roles.get(name) else { continue };
        let scope = scope.delegation(name);
        section.changes.extend(self::role(&scope, before.json, role.json));
        let (by_old, by_new) = (was.signers(before), is.signers(role));
        section.changes.extend(keys::changes(&scope, &by_old, &by_new, &labels));
        section.consequences.extend(keys::consequences(name, &by_old, &by_new, &labels));
    }
    let (before, after) = (was.places(&is), is.places(&was));
    let moved: Vec<_> = after.iter().filter(|(name, place)| before.get(*name) != Some(place)).collect();
    for (name, place) in &moved {
        let from = before.get(*name).copied().unwrap_or_default();
        let what = format!("place {from} -> {place}");
        let words = format!("asked at place {place} instead of {from}");
        section.changes.push(scope.delegation(name).change(Kind::Delegation, &what, words));
    }
    if !moved.is_empty() {
        let text = "the order of delegations is their priority: for a path that two of them match, the earlier decides";
        section.consequences.push(Consequence::new(scope.called(), text));
    }
    let (was_used, is_used) = (was.used(), is.used());
    let unused = keys::unused(scope, (&was.table, &was_used), (&is.table, &is_used), &labels);
    section.changes.extend(unused);
    Ok(())
}

/// Paths, the end of the search, the number of bins, and fields that nobody knows.
fn role(scope: &Scope, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (field, called) in [("paths", "path"), ("path_hash_prefixes", "prefix")] {
        let (was, is) = (strings(old, field), strings(new, field));
        for path in was.difference(&is) {
            let words = format!("may no longer sign for the {called} {path}");
            changes.push(scope.change(Kind::Delegation, &format!("- {called} {path}"), words));
        }
        for path in is.difference(&was) {
            let words = format!("may now sign for the {called} {path}");
            changes.push(scope.change(Kind::Delegation, &format!("+ {called} {path}"), words));
        }
    }
    let ends =
        |role: &Map<String, Value>| role.get("terminating").and_then(Value::as_bool).unwrap_or_default();
    if ends(old) != ends(new) {
        let words = match ends(new) {
            true => "a search that comes here ends here: no later delegation is asked",
            false => "a search that comes here goes on: later delegations are asked too",
        };
        let what = format!("terminating {} -> {}", ends(old), ends(new));
        changes.push(scope.change(Kind::Delegation, &what, format!("{what}: {words}")));
    }
    let bins = |role: &Map<String, Value>| {
        let bits = role.get("bit_length").and_then(Value::as_u64);
        bits.map_or(1, |bits| 1_u64.wrapping_shl(u32::try_from(bits).unwrap_or_default()))
    };
    if bins(old) != bins(new) {
        let what = format!("bins {} -> {}", bins(old), bins(new));
        let words = format!("{what}: paths lead to other bins than before");
        changes.push(scope.change(Kind::Delegation, &what, words));
    }
    let others = |role: &Map<String, Value>| -> Map<String, Value> {
        let others = role.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        others.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    changes.extend(common::fields(scope, Kind::Field, "field", &others(old), &others(new)));
    changes
}

fn strings<'a>(role: &'a Map<String, Value>, field: &str) -> BTreeSet<&'a str> {
    role.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a delegation is for, cut where it is long.
fn paths(role: &Map<String, Value>) -> String {
    let end =
        if role.get("terminating") == Some(&Value::Bool(true)) { ", and the search ends there" } else { "" };
    for (field, called) in [("paths", ""), ("path_hash_prefixes", "paths whose SHA-256 begins with ")] {
        let list: Vec<&str> = role
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some(shown) = list.get(..list.len().min(5)).filter(|shown| !shown.is_empty()) {
            return format!("{called}{}{end}", and_more(shown, list.len()));
        }
    }
    match role.get("bit_length") {
        Some(bits) => format!("every path, in bins by {bits} bits of its SHA-256"),
        None => format!("no path{end}"),
    }
}
