//! What is signed beside what the lines of a file say: fields that the specification does not name or does not need, by
//! name and place, so that nothing is signed of which nobody saw that it is there.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::diff::short;
use crate::tuf::few::NAMED;
use crate::tuf::few::few_of;
use crate::tuf::fields;

/// At most so many fields are named.
const FIELDS: usize = 20;

/// Fields by their name, each with its first places.
#[derive(Default)]
pub(super) struct Also(BTreeMap<String, Field>);

#[derive(Default)]
struct Field {
    first: Vec<String>,
    count: usize,
    value: String,
}

impl Also {
    fn add(&mut self, name: &str, place: &str, value: &Value) {
        let field = self.0.entry(name.to_owned()).or_default();
        if field.count == 0 {
            field.value = short(value);
        }
        field.count += 1;
        // One more than are named where there are more, for one alone is named too.
        if field.first.len() <= NAMED {
            field.first.push(place.to_owned());
        }
    }

    /// The members of an object but for those that are told elsewhere.
    fn members(&mut self, place: &str, object: &Value, told: &[&str]) {
        let members = object.as_object().into_iter().flatten();
        for (name, value) in members.filter(|(name, _)| !told.contains(&name.as_str())) {
            self.add(name, place, value);
        }
    }

    /// Of the entry of a file: its hashes too, but for the one that is told.
    fn file(&mut self, place: &str, entry: &Value, told: &[&str], hash: Option<&str>) {
        self.members(place, entry, told);
        let hashes = entry.get("hashes").and_then(Value::as_object).into_iter().flatten();
        for (name, value) in hashes.filter(|(name, _)| Some(name.as_str()) != hash) {
            self.add(&format!("hash {name}"), place, value);
        }
    }

    /// Of one target file, of which the length, the SHA-256 and `custom` are told.
    pub(super) fn target(&mut self, path: &str, entry: &Value) {
        self.file(path, entry, &["length", "hashes", "custom"], Some("sha256"));
    }

    /// Of what stands in a signed part beside target files: keys, roles, delegations, and what `meta` lists.
    pub(super) fn rest(&mut self, signed: &Value) {
        for (keyid, key) in fields::keys(signed) {
            let place = format!("key {:.16}", keyid.0);
            self.members(&place, key, &["keytype", "scheme", "keyval"]);
            self.members(&place, &key["keyval"], &["public"]);
        }
        for (name, role) in object(signed, "roles") {
            self.members(&format!("role {name}"), role, &["keyids", "threshold"]);
        }
        if let Some(delegations) = signed.get("delegations") {
            self.members("delegations", delegations, &["keys", "roles", "succinct_roles"]);
            let known = ["name", "keyids", "threshold", "paths", "path_hash_prefixes", "terminating"];
            for role in delegations.get("roles").and_then(Value::as_array).into_iter().flatten() {
                let name = role.get("name").and_then(Value::as_str).unwrap_or_default();
                self.members(&format!("delegation {name}"), role, &known);
            }
            let known = ["keyids", "threshold", "bit_length", "name_prefix"];
            if let Some(bins) = delegations.get("succinct_roles") {
                self.members("succinct_roles", bins, &known);
            }
        }
        for (file, entry) in object(signed, "meta") {
            self.file(file, entry, &["version", "hashes"], None);
        }
    }

    /// One line a field: its value where it stands once, else where it stands.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(name, field): (&String, &Field)| {
            let places = few_of(&field.first, field.count);
            let value = if field.count == 1 { format!(": {}", field.value) } else { String::new() };
            format!("  also signed: {name} of {places}{value}")
        };
        let mut lines: Vec<String> = self.0.iter().take(FIELDS).map(line).collect();
        if let Some(more @ 1..) = self.0.len().checked_sub(FIELDS) {
            lines.push(format!("  also signed: {more} more fields, all below the same digest"));
        }
        lines
    }
}

fn object<'v>(signed: &'v Value, name: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    let object: Option<&Map<String, Value>> = signed.get(name).and_then(Value::as_object);
    object.into_iter().flatten()
}
