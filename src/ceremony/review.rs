//! What is signed, in words: read from the payload itself, never from the plan that asked for it.

use std::collections::BTreeMap;

use crate::ceremony::Ceremony;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::delegations::group::Group;
use crate::tuf::describe;
use crate::tuf::diff::say;

impl Ceremony {
    /// What a role's payload changes, and its content as lines, dates counted from `now`.
    pub fn review(&self, role: &str, now: Date) -> Vec<String> {
        let Some(work) = self.work(role) else { return vec![format!("{role} is not built yet")] };
        let metadata = work.content();
        let mut lines = self.bins(role).map(of_bins).unwrap_or_default();
        lines.extend(match self.difference(role) {
            Ok(Some(section)) if matches!(role, "snapshot" | "timestamp") && section.is_empty() => Vec::new(),
            Ok(Some(section)) => {
                let head = format!("What changes in {role}:");
                [vec![head], say::meaning(&section), vec![format!("What {role} will say:")]].concat()
            }
            Ok(None) => Vec::new(),
            Err(why) => vec![format!("{role} cannot be compared with the one before: {why}")],
        });
        let known = self.keys().iter();
        let holders: BTreeMap<KeyId, String> =
            known.map(|(name, known)| (known.keyid.clone(), self.plan().holder_of(name))).collect();
        let content = describe::payload(metadata, role, now, &holders);
        lines.extend(content.unwrap_or_else(|error| vec![format!("{role} cannot be read: {error}")]));
        lines
    }
}

/// What is true of all bins of a group.
fn of_bins(group: &Group) -> Vec<String> {
    let bins = group.bins();
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Vec::new() };
    vec![
        format!(
            "{} bins are signed together, {} to {}.",
            bins.len(),
            group.file_name(first),
            group.file_name(last)
        ),
        "Each target file is in the one bin that the SHA-256 of its path leads to. Together they say:"
            .to_owned(),
    ]
}
