//! What is signed, in words: read from the payload itself, never from what asked for it.
//!
//! The ceremony's review and `keyrite sign` show the same lines.

mod also;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::canonical;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::diff::short;
use crate::tuf::fields;
use crate::tuf::json;
use crate::tuf::metadata::MetadataError;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::timestamp::Timestamp;
use also::Also;

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
    let holders = &beside(signed, holders);
    let mut also = Also::default();
    let mut lines = match metadata.role_type() {
        "root" => Root::from_signed(signed).map(|root| root_lines(&root, now, holders)),
        "targets" => targets_lines(role, metadata, now, holders, &mut also),
        "snapshot" => Snapshot::from_signed(signed).map(|snapshot| {
            let mut lines = vec![head("snapshot", snapshot.version, snapshot.expires, now)];
            lines.extend(meta_lines(&snapshot.meta));
            lines.extend(other_fields(&snapshot.extra));
            lines
        }),
        _ => Timestamp::from_signed(signed).map(|timestamp| {
            let newest = format!("  the newest snapshot is version {}", timestamp.snapshot.version);
            let mut lines = vec![head("timestamp", timestamp.version, timestamp.expires, now), newest];
            lines.extend(other_fields(&timestamp.extra));
            lines
        }),
    }?;
    also.rest(signed);
    lines.extend(also.lines());
    // Of the version that everyone writes there is nothing to see.
    let spec = signed.get("spec_version").filter(|spec| *spec != fields::SPEC_VERSION);
    lines.extend(spec.map(|spec| format!("  spec_version: {spec}")));
    Ok(lines)
}

fn root_lines(root: &Root, now: Date, holders: &BTreeMap<KeyId, String>) -> Vec<String> {
    let mut lines = vec![head("root", root.version, root.expires, now)];
    let others = root.roles.keys().map(String::as_str).filter(|name| !TOP_LEVEL.contains(name));
    for name in TOP_LEVEL.into_iter().chain(others) {
        let Some(role) = root.roles.get(name) else { continue };
        let of = role.keyids.len();
        lines.push(format!("  {name:<10} {} of {of}: {}", role.threshold, names(&role.keyids, holders)));
    }
    let used = root.roles.values().flat_map(|role| &role.keyids).collect();
    lines.extend(key_lines(&root.keys, root.other_keys.keys(), &used, holders));
    if !root.consistent_snapshot {
        lines.push("  consistent_snapshot is off".into());
    }
    lines.extend(other_fields(&root.extra));
    lines
}

/// The holders, with what is to be said beside a name where another key may stand under their keyid. In a rehearsal one does
/// under each.
fn beside(signed: &Value, holders: &BTreeMap<KeyId, String>) -> BTreeMap<KeyId, String> {
    let mut holders = holders.clone();
    let keys = fields::keys(signed).filter(|_| signed.get(WATERMARK).is_none());
    for (keyid, key) in keys {
        let doubt = keyid.doubt(key);
        if !doubt.is_empty() {
            let unknown = || format!("unknown key {keyid}");
            holders.entry(keyid.clone()).or_insert_with(unknown).push_str(doubt);
        }
    }
    holders
}

/// Every key that is listed, with its scheme and who holds it.
fn key_lines<'k>(
    keys: &BTreeMap<KeyId, PublicKey>,
    other: impl IntoIterator<Item = &'k KeyId>,
    used: &BTreeSet<&KeyId>,
    holders: &BTreeMap<KeyId, String>,
) -> Vec<String> {
    let key = |(keyid, key): (&KeyId, &PublicKey)| {
        let holder = holders.get(keyid).map_or("unknown", String::as_str);
        let idle = if used.contains(keyid) { "" } else { ", in no role" };
        format!("  {:.16}  {:<20} {holder}{idle}", keyid.0, key.scheme())
    };
    let other = other.into_iter();
    let other = other.map(|keyid| format!("  {:.16}  a key that this program cannot verify with", keyid.0));
    let listed: Vec<String> = keys.iter().map(key).chain(other).collect();
    if listed.is_empty() { listed } else { [vec!["  keys".to_owned()], listed].concat() }
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
    format!("{role} version {version}, expires {} {expires}, {}", expires.weekday(), expires.until(now))
}

fn targets_lines(
    role: &str,
    metadata: &Metadata,
    now: Date,
    holders: &BTreeMap<KeyId, String>,
    also: &mut Also,
) -> Result<Vec<String>, MetadataError> {
    let targets = Targets::rest(metadata)?;
    let listed = Targets::listed(metadata)?;
    let mut lines = vec![head(role, targets.version, targets.expires, now)];
    lines.push(format!("  {} files, {} bytes", listed.len(), metadata.listed_bytes()?));
    for (path, entry) in listed.iter().take(FILES_LISTED) {
        let file = entry.of(path)?;
        let sha256 = file.hashes.get("sha256").map_or("", |hash| hash.get(..16).unwrap_or(hash));
        lines.push(format!("  {sha256}  {:>10}  {path}", file.length));
        also.target(path, &json::parse(&canonical::to_json(entry.text())).unwrap_or_default());
        lines.extend(file.custom.map(|custom| format!("{:>30}custom: {}", "", short(&custom))));
    }
    if listed.len() > FILES_LISTED {
        lines.push(format!("  and {} more, all below the same digest", listed.len() - FILES_LISTED));
    }
    let delegations = targets.delegations.as_ref().map(Delegations::from_json).transpose()?;
    lines.extend(delegations.iter().flat_map(|delegations| delegation_lines(delegations, holders)));
    lines.extend(other_fields(&targets.extra));
    Ok(lines)
}

/// One line a role, and one for all bins of a group.
fn delegation_lines(delegations: &Delegations, holders: &BTreeMap<KeyId, String>) -> Vec<String> {
    let who = |role: &Delegation| {
        let keyids: Vec<KeyId> = role.role_keys.keys.keys().cloned().collect();
        format!("{} of {}: {}", role.role_keys.threshold, keyids.len(), names(&keyids, holders))
    };
    let end = |role: &Delegation| if role.terminating { ", terminating" } else { "" };
    let used = delegations.roles.iter().flat_map(|role| role.role_keys.keys.keys()).collect();
    let keys = key_lines(&delegations.keys, &delegations.other_keys, &used, holders);
    if let (Some(layout), Some(first)) = (Layout::of_alike(delegations), delegations.roles.first()) {
        let bins = format!("  delegates to {}: {}{}", layout.in_words(), who(first), end(first));
        return std::iter::once(bins).chain(keys).collect();
    }
    let line = |role: &Delegation| {
        let paths = match &role.paths {
            Paths::Patterns(list) => list.join(" "),
            Paths::HashPrefixes(list) => format!("paths whose SHA-256 begins with {}", list.join(" ")),
            Paths::Bin { number, bits } => format!("bin {number} of {}", 1_u64 << bits),
        };
        format!("  delegates to {} {}; {paths}{}", role.name, who(role), end(role))
    };
    delegations.roles.iter().map(line).chain(keys).collect()
}

/// At least so many files of neighbouring bins in one version are one line.
const RUN: usize = 4;

/// The version of each file that a snapshot lists.
fn meta_lines(meta: &BTreeMap<String, MetaFile>) -> Vec<String> {
    let files: Vec<(&str, u64)> = meta.iter().map(|(file, meta)| (file.as_str(), meta.version)).collect();
    let mut lines = Vec::new();
    for run in files.chunk_by(|(a, was), (b, is)| was == is && are_neighbours(a, b)) {
        match run {
            [(first, version), .., (last, _)] if run.len() >= RUN => {
                lines.push(format!("  {first} to {last}, {} files, are version {version}", run.len()));
            }
            _ => lines.extend(run.iter().map(|(file, version)| format!("  {file} is version {version}"))),
        }
    }
    lines
}

/// Whether two files are called as those of a bin and the next one: `bin-0f.json` and `bin-10.json`.
fn are_neighbours(a: &str, b: &str) -> bool {
    let number = |file: &'_ str| -> Option<(usize, u32)> {
        let (prefix, digits) = file.strip_suffix(".json")?.rsplit_once('-')?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        (format!("{number:0width$x}", width = digits.len()) == digits).then_some((prefix.len(), number))
    };
    let (Some((prefix, one)), Some((other, next))) = (number(a), number(b)) else { return false };
    a.len() == b.len() && a.get(..prefix) == b.get(..other) && one.checked_add(1) == Some(next)
}

/// What the specification does not name is signed too, and so it is shown.
fn other_fields(extra: &Map<String, Value>) -> Vec<String> {
    let shown = extra.iter().filter(|(name, _)| *name != WATERMARK);
    shown.map(|(name, value)| format!("  {name}: {value}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(delegations: Value) -> Vec<String> {
        delegation_lines(&Delegations::from_json(&delegations).unwrap(), &BTreeMap::new())
    }

    fn classic(number: u32, ends: bool) -> Value {
        json!({"name": format!("bin-{number}"), "keyids": [], "threshold": 1, "terminating": ends,
            "path_hash_prefixes": Layout::new(4, "bin").unwrap().prefixes(number)})
    }

    #[test]
    fn bins_that_nothing_else_tells_apart_are_one_line() {
        let succinct = json!({"keyids": [], "threshold": 1, "bit_length": 14, "name_prefix": "bin"});
        let of = |last: Value| {
            let roles = [classic(0, true), classic(1, true), classic(2, true), last];
            lines(json!({"keys": {}, "roles": roles}))
        };

        assert_eq!(
            lines(json!({"keys": {}, "succinct_roles": succinct})),
            ["  delegates to bin-0000 to bin-3fff, 16384 bins by 14 bits of the path's SHA-256: 1 of 0: "]
        );
        assert_eq!(
            of(classic(3, true)),
            ["  delegates to bin-0 to bin-3, 4 bins by 2 bits of the path's SHA-256: 1 of 0: , terminating"]
        );
        let mut two = classic(3, true);
        two["threshold"] = json!(2);
        for other in [classic(3, false), two, classic(2, true)] {
            let mut other = other;
            other["name"] = json!("bin-3");
            assert_eq!(of(other).len(), 4);
        }
    }

    #[test]
    fn files_of_neighbouring_bins_in_one_version_are_one_line() {
        let file = |version| MetaFile { version, length: None, hashes: BTreeMap::new() };
        let mut meta: BTreeMap<String, MetaFile> =
            (0..0x20).map(|number| (format!("bin-{number:02x}.json"), file(1))).collect();
        meta.insert("targets.json".to_owned(), file(3));
        meta.extend((1..4).map(|number| (format!("team-{number}.json"), file(1))));

        let one = meta_lines(&meta);
        meta.insert("bin-10.json".to_owned(), file(2));
        meta.remove("bin-14.json");

        let rest = ["  targets.json is version 3", "  team-1.json is version 1"];
        assert_eq!(
            one[..3],
            [&["  bin-00.json to bin-1f.json, 32 files, are version 1"][..], &rest].concat()
        );
        assert_eq!(
            meta_lines(&meta)[..6],
            [
                "  bin-00.json to bin-0f.json, 16 files, are version 1",
                "  bin-10.json is version 2",
                "  bin-11.json is version 1",
                "  bin-12.json is version 1",
                "  bin-13.json is version 1",
                "  bin-15.json to bin-1f.json, 11 files, are version 1",
            ]
        );
    }
}
