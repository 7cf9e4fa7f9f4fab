//! What was found in a repository, for people and for programs.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::bundle::Adopted;
use crate::cli::Output;
use crate::cli::import::Chain;
use crate::cli::import::ask::Key;
use crate::cli::show::plain;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Repository;
use crate::tuf::names::Person;

/// Roots, roles, keys, and what was left out.
pub(super) fn people(
    repository: &Repository,
    keys: &[Key],
    said: &BTreeMap<KeyId, Person>,
    adopted: &Adopted,
    chain: &Chain,
    at: Date,
    out: &mut Output,
) {
    let versions: Vec<u64> = repository.roots.iter().map(|root| root.version).collect();
    if let (Some(first), Some(last)) = (versions.first(), versions.last()) {
        let holds = match &chain.why_not {
            None => "one chain, each signed by the one before".to_owned(),
            Some(why) => format!("NOT one chain: {}", plain(why)),
        };
        let range =
            if first == last { format!("version {first}") } else { format!("versions {first} to {last}") };
        out.line(format!("roots: {range}, {holds}"));
    }
    for role in roles(repository, at) {
        let text = |name: &str| plain(role[name].as_str().unwrap_or_default());
        let days = role["days"].as_i64();
        let state = match (role["version"].as_u64(), days) {
            (Some(version), Some(days)) => {
                let when = if days < 0 { "expired".to_owned() } else { format!("in {days} days") };
                format!("version {version}, expires {} ({when})", text("expires"))
            }
            _ => "its file is not here".to_owned(),
        };
        let by =
            if text("by") == "root" { String::new() } else { format!(", by the word of {}", text("by")) };
        out.line(format!(
            "role {}: {state}, {} of {} keys must sign{by}",
            text("role"),
            role["threshold"],
            role["keys"]
        ));
    }
    for key in keys {
        let owner = key.owner.as_ref().map(|owner| format!(", {owner} by the metadata")).unwrap_or_default();
        let keyid: String = key.keyid.0.chars().take(16).collect();
        let called = match said.get(&key.keyid) {
            Some(Person { name, holder: Some(holder) }) => format!("{name} of {holder}, {keyid}"),
            Some(Person { name, holder: None }) => format!("{name}, {keyid}"),
            None => keyid,
        };
        let roles = plain(&key.roles.join(", "));
        out.line(format!("key {}: {}, signs {roles}{owner}", plain(&called), key.scheme));
    }
    for keyid in repository.root.other_keys.keys() {
        out.line(format!("key {}: of a kind that is not known here", plain(&keyid.0)));
    }
    for (lay, name) in &adopted.named {
        out.line(format!("named: {} is {} there, as clients ask for it", plain(lay), plain(name)));
    }
    for name in &adopted.left_out {
        out.line(format!("left out: {}", plain(name)));
    }
}

/// Every role with its newest file, by the word of each delegator.
pub(super) fn roles(repository: &Repository, at: Date) -> Vec<Value> {
    let mut all = Vec::new();
    for (role, trust) in repository.trust() {
        let file = match role.as_str() {
            "root" => repository.roots.last(),
            _ => repository.roles.get(&role),
        };
        let expires = file.and_then(|file| file.metadata.signed()["expires"].as_str().map(str::to_owned));
        let date = expires.as_deref().and_then(|text| Date::parse_lenient(text).ok());
        for trust in trust {
            all.push(json!({
                "role": role, "by": trust.delegator, "file": file.map(|file| &file.file),
                "version": file.map(|file| file.version), "expires": date,
                "days": date.map(|date| date.days_since(at)),
                "threshold": trust.keys.threshold, "keys": trust.keys.keys.len(),
            }));
        }
    }
    all
}
