//! What a plan changes beside the roles that are compared when they are built. Of snapshot and timestamp, their versions and
//! dates, and the versions that they list; lengths and hashes of that are known when it is signed. Of roles that begin, whom
//! they delegate to.

use serde_json::json;

use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::after;
use crate::plan::after::Facts;
use crate::plan::bins;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::diff;
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

    /// Whether a role's difference is one of these, which nobody must expect.
    pub(super) fn is_beside(&self, role: &str) -> bool {
        let begins = self.before.as_ref().is_some_and(|before| before.metadata(role).is_none());
        matches!(role, "snapshot" | "timestamp") || (begins && !self.is_bins(role))
    }

    /// Whom roles delegate to that begin here: there is nothing that they could be compared with as a whole.
    pub(super) fn foresee_new(&self, facts: &dyn Facts, names: &Names) -> Result<Vec<Section>, String> {
        let Some(before) = &self.before else { return Ok(Vec::new()) };
        let mut sections = Vec::new();
        let delegates = |role: &&str| self.roles.get(*role).is_some_and(|role| role.delegations.is_some());
        for role in self.compared_roles().into_iter().filter(delegates) {
            if before.metadata(role).is_some() {
                continue;
            }
            let of =
                |signed| Metadata::without_files().with_signed(signed).map_err(|error| error.to_string());
            let rest = after::draft(self, role, facts)?.rest;
            let mut nobody = rest.clone();
            nobody["delegations"] = json!({"keys": {}, "roles": []});
            let mut section =
                diff::targets(role, &of(nobody)?, &of(rest)?, names).map_err(|error| error.to_string())?;
            // Both are its first version, and only one of them is.
            section.consequences.retain(|consequence| consequence.role != role);
            sections.push(section);
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
