//! What is signed, in words: read from the payload itself, never from what asked for it.
//!
//! The ceremony's review and `keyrite sign` show the same lines.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::diff::short;
use crate::tuf::metadata::MetadataError;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::timestamp::Timestamp;

/// At most this many target files are listed one by one.
const FILES_LISTED: usize = 200;

/// The content as lines, dates counted from `now`, keys by the names of their holders. An error when a strict reader
/// refuses it: then nobody can say what a signature would mean.
pub fn payload(
    metadata: &Metadata,
    role: &str,
    now: Date,
    holders: &BTreeMap<KeyId, String>,
) -> Result<Vec<String>, MetadataError> {
    let signed = metadata.signed();
    match metadata.role_type() {
        "root" => Root::from_signed(signed).map(|root| root_lines(&root, now, holders)),
        "targets" => targets_lines(role, metadata, now, holders),
        "snapshot" => Snapshot::from_signed(signed).map(|snapshot| {
            let mut lines = vec![head("snapshot", snapshot.version, snapshot.expires, now)];
            lines.extend(
                snapshot.meta.iter().map(|(file, meta)| format!("  {file} is version {}", meta.version)),
            );
            lines
        }),
        _ => Timestamp::from_signed(signed).map(|timestamp| {
            let newest = format!("  the newest snapshot is version {}", timestamp.snapshot.version);
            vec![head("timestamp", timestamp.version, timestamp.expires, now), newest]
        }),
    }
}

fn root_lines(root: &Root, now: Date, holders: &BTreeMap<KeyId, String>) -> Vec<String> {
    let mut lines = vec![head("root", root.version, root.expires, now)];
    let others = root.roles.keys().map(String::as_str).filter(|name| !TOP_LEVEL.contains(name));
    for name in TOP_LEVEL.into_iter().chain(others) {
        let Some(role) = root.roles.get(name) else { continue };
        let of = role.keyids.len();
        lines.push(format!("  {name:<10} {} of {of}: {}", role.threshold, names(&role.keyids, holders)));
    }
    lines.push("  keys".into());
    for (keyid, key) in &root.keys {
        let holder = holders.get(keyid).cloned().unwrap_or_else(|| "unknown".into());
        lines.push(format!("  {:.16}  {:<20} {holder}", keyid.0, key.scheme()));
    }
    for keyid in root.other_keys.keys() {
        lines.push(format!("  {:.16}  a key that this program cannot verify with", keyid.0));
    }
    if !root.consistent_snapshot {
        lines.push("  consistent_snapshot is off".into());
    }
    lines.extend(other_fields(&root.extra));
    lines
}

/// `Ana Duarte and Bo Lindqvist`
fn names(keyids: &[KeyId], holders: &BTreeMap<KeyId, String>) -> String {
    let name = |keyid: &KeyId| holders.get(keyid).cloned().unwrap_or_else(|| format!("unknown key {keyid}"));
    let names: Vec<String> = keyids.iter().map(name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., tail] => format!("{} and {tail}", head.join(", ")),
    }
}

/// `root version 1, expires Friday 2027-12-31T00:00:00Z, in 393 days`
fn head(role: &str, version: u64, expires: Date, now: Date) -> String {
    format!(
        "{role} version {version}, expires {} {expires}, in {} days",
        expires.weekday(),
        expires.days_since(now)
    )
}

fn targets_lines(
    role: &str,
    metadata: &Metadata,
    now: Date,
    holders: &BTreeMap<KeyId, String>,
) -> Result<Vec<String>, MetadataError> {
    let targets = Targets::rest(metadata)?;
    let listed = Targets::listed(metadata)?;
    let mut lines = vec![head(role, targets.version, targets.expires, now)];
    lines.push(format!("  {} files, {} bytes", listed.len(), metadata.listed_bytes()?));
    for (path, entry) in listed.iter().take(FILES_LISTED) {
        let file = entry.of(path)?;
        let sha256 = file.hashes.get("sha256").map_or("", |hash| hash.get(..16).unwrap_or(hash));
        lines.push(format!("  {sha256}  {:>10}  {path}", file.length));
        lines.extend(file.custom.map(|custom| format!("{:>30}custom: {}", "", short(&custom))));
    }
    if listed.len() > FILES_LISTED {
        lines.push(format!("  and {} more, all below the same digest", listed.len() - FILES_LISTED));
    }
    let delegations = targets.delegations.as_ref().map(Delegations::from_json).transpose()?;
    for role in delegations.iter().flat_map(|delegations| &delegations.roles) {
        let keyids: Vec<KeyId> = role.role_keys.keys.keys().cloned().collect();
        let paths = match &role.paths {
            Paths::Patterns(list) => list.join(" "),
            Paths::HashPrefixes(list) => format!("paths whose SHA-256 begins with {}", list.join(" ")),
            Paths::Bin { number, bits } => format!("bin {number} of {}", 1_u64 << bits),
        };
        let end = if role.terminating { ", terminating" } else { "" };
        let (need, of) = (role.role_keys.threshold, keyids.len());
        let who = names(&keyids, holders);
        lines.push(format!("  delegates to {} {need} of {of}: {who}; {paths}{end}", role.name));
    }
    lines.extend(other_fields(&targets.extra));
    Ok(lines)
}

/// What the specification does not name is signed too, and so it is shown.
fn other_fields(extra: &Map<String, Value>) -> Vec<String> {
    let shown = extra.iter().filter(|(name, _)| *name != WATERMARK);
    shown.map(|(name, value)| format!("  {name}: {value}")).collect()
}
