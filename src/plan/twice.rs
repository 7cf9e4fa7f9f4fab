//! One key under several keyids of a role. It counts once here, and some clients count it once for each.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::delegates;
use crate::plan::lints::SEVERAL_KEYIDS;
use crate::tuf::KeyId;
use crate::tuf::RoleKeys;
use crate::tuf::key::Material;
use crate::tuf::root::TOP_LEVEL;

/// Roles that list a key so after the ceremony, whether it touches them or they carry over.
pub(super) fn remarks(plan: &Plan) -> Vec<Problem> {
    let mut remarks = Vec::new();
    for (name, role) in plan.roles.iter().filter(|(name, _)| TOP_LEVEL.contains(&name.as_str())) {
        let listed = role.keys.iter().filter_map(|key| match &plan.key(key)?.source {
            Source::Listed { keyid, public, .. } => Some((public.material(), keyid)),
            _ => None,
        });
        remarks.extend(remark(plan, name, listed));
    }
    // Bins share their keys: one word for all of them.
    let mut seen: BTreeSet<*const RoleKeys> = BTreeSet::new();
    for delegation in delegates::tree(plan).into_values().flat_map(|list| list.roles) {
        if seen.insert(Arc::as_ptr(&delegation.role_keys)) {
            let keys = &delegation.role_keys.keys;
            let listed = keys.iter().map(|(keyid, key)| (key.material(), keyid));
            remarks.extend(remark(plan, &delegation.name, listed));
        }
    }
    remarks
}

fn remark<'a>(
    plan: &Plan,
    role: &str,
    listed: impl Iterator<Item = (Material, &'a KeyId)>,
) -> Option<Problem> {
    let mut keyids: BTreeMap<Material, Vec<&KeyId>> = BTreeMap::new();
    listed.for_each(|(material, keyid)| keyids.entry(material).or_default().push(keyid));
    let twice = keyids.into_values().find(|keyids| keyids.len() > 1)?;
    let short = |keyid: &&KeyId| keyid.0.chars().take(8).collect::<String>();
    let text = format!(
        "{role} lists one key under the keyids {}: python-tuf, tuf-js and go-tuf before May 2026 count it once for each, so whoever has it alone signs as {}; a key-rotation that names it once takes the others out",
        twice.iter().map(short).collect::<Vec<_>>().join(" and "),
        twice.len()
    );
    let place = plan.places.get(&format!("role {role}")).copied();
    Some(Problem::warning(SEVERAL_KEYIDS, place, text))
}
