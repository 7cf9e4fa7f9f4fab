//! What a plan changes of snapshot and timestamp, told before anything is signed: their versions and dates, and the versions
//! that they list. Lengths and hashes of what they list are known when it is signed.

use serde_json::json;

use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::after;
use crate::plan::bins;
use crate::tuf::Metadata;
use crate::tuf::diff;
use crate::tuf::diff::Names;
use crate::tuf::diff::Section;

impl Plan {
    /// What becomes of those of the two that are signed here and have a file before.
    pub(super) fn foresee_online(&self, names: &Names) -> Result<Vec<Section>, String> {
        let Some(before) = &self.before else { return Ok(Vec::new()) };
        let mut sections = Vec::new();
        for role in ["snapshot", "timestamp"] {
            if let Some((old, new)) = foreseen(self, before, role)? {
                sections.push(diff::online(old, &new, names).map_err(|error| error.to_string())?);
            }
        }
        Ok(sections)
    }
}

fn foreseen<'b>(
    plan: &Plan,
    before: &'b Before,
    role: &str,
) -> Result<Option<(&'b Metadata, Metadata)>, String> {
    let in_room = plan.roles.get(role).and_then(|role| role.in_room.as_ref());
    let (Some(in_room), Some(old)) = (in_room, before.metadata(role)) else { return Ok(None) };
    let mut signed = old.signed().clone();
    signed["version"] = json!(in_room.version);
    signed["expires"] = json!(in_room.expires.to_string());
    for described in plan.describes(role) {
        let here = plan.roles.get(&described).and_then(|role| role.in_room.as_ref());
        if plan.is_bins(&described) {
            for (bin, version) in bins::versions(plan, &described) {
                signed["meta"][format!("{bin}.json")] = json!({"version": version});
            }
        } else if let Some(here) = here {
            signed["meta"][format!("{described}.json")] = json!({"version": here.version});
        } else if let Some(file) = before.file(&described) {
            signed["meta"][format!("{described}.json")] = json!(after::meta_of(file));
        }
    }
    let new = Metadata::unsigned(signed).map_err(|error| error.to_string())?;
    Ok(Some((old, new)))
}
