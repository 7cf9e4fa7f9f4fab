//! The four kinds of metadata in plain words.

use std::io::Read;

use serde_json::Value;
use serde_json::json;

use crate::cli::inspect::Description;
use crate::cli::inspect::MAX_FILE;
use crate::tuf::Date;
use crate::tuf::Metadata;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::metadata::MetadataError;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Targets;
use crate::tuf::targets::passing::Passing;
use crate::tuf::timestamp::Timestamp;
use crate::words::counted;

/// How many entries of a long list people see.
const SHOWN: usize = 20;

pub(super) fn describe(bytes: &[u8]) -> Result<Description, String> {
    let metadata = Metadata::parse(bytes).map_err(|e| format!("not metadata: {e}"))?;
    let kind = metadata.role_type().to_owned();
    let signed = metadata.signed();
    let read = match kind.as_str() {
        "root" => Root::from_signed(signed).map(|root| self::root(&root, &metadata)),
        "targets" => self::held(&metadata),
        "snapshot" => Snapshot::from_signed(signed).map(|snapshot| self::snapshot(&snapshot)),
        "timestamp" => Timestamp::from_signed(signed).map(|timestamp| {
            let line = format!("snapshot.json: version {}", timestamp.snapshot.version);
            (head(timestamp.version, timestamp.expires), vec![line], json!({"snapshot": timestamp.snapshot}))
        }),
        other => return Err(format!("signed JSON of the type {other:?}, which is no TUF metadata")),
    };
    let words = read.map_err(|e| format!("not {kind} metadata: {e}"))?;
    Ok(say(&metadata, words))
}

/// Targets metadata while it goes by. `None` is no answer: it is to be read whole.
pub(super) fn passing(file: &mut dyn Read) -> Option<Description> {
    let mut passing = Passing::open(file)?;
    let mut first = Vec::new();
    while let Some((path, _)) = passing.here() {
        if first.len() < SHOWN {
            first.push((path.to_owned(), passing.read()?.length));
        }
        passing.step()?;
    }
    let passed = passing.end(MAX_FILE)?;
    let metadata = Metadata::gone_by(Value::Object(passed.rest), passed.signatures);
    let words = targets(&Targets::rest(&metadata).ok()?, passed.count, &first).ok()?;
    Some(say(&metadata, words))
}

fn say(metadata: &Metadata, (common, rest, mut json): Words) -> Description {
    let (kind, signed, signatures) = (metadata.role_type(), metadata.signed(), metadata.signatures());
    let empty = signatures.iter().filter(|s| s.sig.is_empty()).count();
    let mut lines = vec![format!("TUF {kind} metadata, {common}")];
    if signed.get(WATERMARK).is_some() {
        lines.push("REHEARSAL: nobody may trust it".to_owned());
    }
    lines.extend(rest);
    lines.push(format!(
        "signatures: {}{}",
        signatures.len(),
        if empty > 0 { format!(", {empty} of them empty") } else { String::new() }
    ));
    lines.extend(signatures.iter().take(SHOWN).map(|s| format!("  by {}", s.keyid)));
    let members = json!({
        "kind": kind, "version": signed["version"], "expires": signed["expires"],
        "rehearsal": signed.get(WATERMARK).is_some(),
        "signatures": signatures.iter().map(|s| &s.keyid).collect::<Vec<_>>(),
    });
    if let (Value::Object(json), Value::Object(members)) = (&mut json, members) {
        json.extend(members);
    }
    Description { lines, json }
}

fn head(version: u64, expires: Date) -> String {
    format!("version {version}, expires {expires} ({})", expires.weekday())
}

fn root(root: &Root, metadata: &Metadata) -> (String, Vec<String>, Value) {
    let mut lines =
        vec![format!("consistent snapshot: {}", if root.consistent_snapshot { "yes" } else { "no" })];
    let named = TOP_LEVEL.into_iter();
    let others = root.roles.keys().map(String::as_str).filter(|name| !TOP_LEVEL.contains(name));
    for (name, role) in named.chain(others).filter_map(|name| Some((name, root.roles.get(name)?))) {
        lines.push(format!("role {name}: {} of {} keys must sign", role.threshold, role.keyids.len()));
        for keyid in &role.keyids {
            let what = match (root.keys.get(keyid), root.other_keys.contains_key(keyid)) {
                (Some(key), _) if key.is_keyid(keyid) => key.scheme().to_string(),
                (Some(key), _) => format!("{}, and the keyid is not its hash", key.scheme()),
                (None, true) => "a key that this program cannot verify with".to_owned(),
                (None, false) => "no such key in this file".to_owned(),
            };
            lines.push(format!("  {keyid} {what}"));
        }
    }
    let own = root
        .role_keys("root")
        .map(|keys| (keys.signed_by(metadata.payload(), metadata.signatures()).len(), keys.threshold));
    if let Some((have, need)) = own {
        lines.push(format!("signed by {have} of its own root keys; {need} are needed"));
    }
    let roles: serde_json::Map<String, Value> = root
        .roles
        .iter()
        .map(|(name, role)| (name.clone(), json!({"threshold": role.threshold, "keyids": role.keyids})))
        .collect();
    let keys: serde_json::Map<String, Value> =
        root.keys.iter().map(|(keyid, key)| (keyid.0.clone(), json!(key.scheme().as_str()))).collect();
    let json = json!({"consistent_snapshot": root.consistent_snapshot, "roles": roles, "keys": keys,
        "signed_by_own": own.map(|(have, _)| have)});
    (head(root.version, root.expires), lines, json)
}

type Words = (String, Vec<String>, Value);

fn held(metadata: &Metadata) -> Result<Words, MetadataError> {
    let (rest, listed) = (Targets::rest(metadata)?, Targets::listed(metadata)?);
    // Every entry is understood, or the answer is an error.
    listed.bytes()?;
    let length = |(path, entry): (&str, Entry<'_>)| Ok((path.to_owned(), entry.length()?));
    let first = listed.iter().take(SHOWN).map(length).collect::<Result<Vec<_>, String>>();
    targets(&rest, listed.len(), &first.map_err(MetadataError)?)
}

/// `count` targets, of which these are the first.
fn targets(targets: &Targets, count: usize, first: &[(String, u64)]) -> Result<Words, MetadataError> {
    let mut lines = vec![format!("targets: {count}")];
    lines.extend(first.iter().map(|(path, length)| format!("  {path}: {length} bytes")));
    more(&mut lines, count);
    let delegations = targets.delegations.as_ref().map(Delegations::from_json).transpose()?;
    let bins = delegations.as_ref().and_then(Layout::of_alike);
    let roles = delegations.map(|d| d.roles).unwrap_or_default();
    lines.push(format!("delegated roles: {}", roles.len()));
    // All bins are one line.
    let shown = if bins.is_some() { &roles[..1] } else { &roles[..roles.len().min(SHOWN)] };
    for role in shown {
        let paths = match (&bins, &role.paths) {
            (Some(_), _) => String::new(),
            (None, Paths::Patterns(list)) => format!(", paths {}", list.join(" ")),
            (None, Paths::HashPrefixes(list)) => {
                format!(", paths whose SHA-256 begins with {}", list.join(" "))
            }
            (None, Paths::Bin { number, bits }) => format!(", bin {number} of {}", 1_u64 << bits),
        };
        let name = bins.as_ref().map_or_else(|| role.name.clone(), Layout::in_words);
        let end = if role.terminating { ", terminating" } else { "" };
        let (need, of) = (role.role_keys.threshold, role.role_keys.keys.len());
        lines.push(format!("  {name}: {need} of {of} keys must sign{paths}{end}"));
    }
    if bins.is_none() {
        more(&mut lines, roles.len());
    }
    let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    let json = json!({"targets": count, "delegated": names});
    Ok((head(targets.version, targets.expires), lines, json))
}

fn snapshot(snapshot: &Snapshot) -> Words {
    let mut lines = vec![format!("lists {}", counted(snapshot.meta.len(), "file"))];
    lines.extend(
        snapshot.meta.iter().take(SHOWN).map(|(name, file)| format!("  {name}: version {}", file.version)),
    );
    more(&mut lines, snapshot.meta.len());
    (head(snapshot.version, snapshot.expires), lines, json!({"meta": snapshot.meta}))
}

fn more(lines: &mut Vec<String>, all: usize) {
    if all > SHOWN {
        lines.push(format!("  and {} more", all - SHOWN));
    }
}
