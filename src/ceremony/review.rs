//! What is signed, in words: read from the payload itself, never from the plan that asked for it.

use std::collections::BTreeMap;

use crate::ceremony::Ceremony;
use crate::plan::consequences::joined;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::timestamp::Timestamp;

/// At most this many target files are listed one by one.
const FILES_LISTED: usize = 200;

impl Ceremony {
    /// The content of a role's payload as lines, dates counted from `now`.
    pub fn review(&self, role: &str, now: Date) -> Vec<String> {
        match self.metadata(role) {
            Some(metadata) => self.describe_payload(role, metadata, now),
            None => vec![format!("{role} is not built yet")],
        }
    }

    fn describe_payload(&self, role: &str, metadata: &Metadata, now: Date) -> Vec<String> {
        let signed = metadata.signed();
        let unreadable = |error| vec![format!("{role} cannot be read: {error}")];
        match role {
            "root" => Root::from_signed(signed).map_or_else(unreadable, |root| self.root_lines(&root, now)),
            "targets" => {
                Targets::from_signed(signed).map_or_else(unreadable, |targets| targets_lines(&targets, now))
            }
            "snapshot" => Snapshot::from_signed(signed).map_or_else(unreadable, |snapshot| {
                let mut lines = vec![head("snapshot", snapshot.version, snapshot.expires, now)];
                lines.extend(
                    snapshot.meta.iter().map(|(file, meta)| format!("  {file} is version {}", meta.version)),
                );
                lines
            }),
            _ => Timestamp::from_signed(signed).map_or_else(unreadable, |timestamp| {
                let newest = format!("  the newest snapshot is version {}", timestamp.snapshot.version);
                vec![head("timestamp", timestamp.version, timestamp.expires, now), newest]
            }),
        }
    }

    fn root_lines(&self, root: &Root, now: Date) -> Vec<String> {
        let mut lines = vec![head("root", root.version, root.expires, now)];
        let holders: BTreeMap<&KeyId, String> =
            self.keys().iter().map(|(name, known)| (&known.keyid, self.plan().holder_of(name))).collect();
        for name in TOP_LEVEL {
            let Some(role) = root.roles.get(name) else { continue };
            let names: Vec<_> = role
                .keyids
                .iter()
                .map(|keyid| holders.get(keyid).cloned().unwrap_or_else(|| format!("unknown key {keyid}")))
                .collect();
            let of = role.keyids.len();
            lines.push(format!("  {name:<10} {} of {of}: {}", role.threshold, joined(&names, "and")));
        }
        lines.push("  keys".into());
        for (keyid, key) in &root.keys {
            let holder = holders.get(keyid).cloned().unwrap_or_else(|| "unknown".into());
            lines.push(format!("  {:.16}  {:<20} {holder}", keyid.0, key.scheme()));
        }
        lines
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

fn targets_lines(targets: &Targets, now: Date) -> Vec<String> {
    let mut lines = vec![head("targets", targets.version, targets.expires, now)];
    let bytes: u64 = targets.targets.values().map(|file| file.length).sum();
    lines.push(format!("  {} files, {bytes} bytes", targets.targets.len()));
    for (path, file) in targets.targets.iter().take(FILES_LISTED) {
        let sha256 = file.hashes.get("sha256").map_or("", |hash| hash.get(..16).unwrap_or(hash));
        lines.push(format!("  {sha256}  {:>10}  {path}", file.length));
    }
    if targets.targets.len() > FILES_LISTED {
        lines.push(format!("  and {} more, all below the same digest", targets.targets.len() - FILES_LISTED));
    }
    lines
}
