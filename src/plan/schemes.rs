//! Keys whose scheme not every client knows, where the ceremony places them.

use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::delegations::EntrySpec;
use crate::plan::lints::SCHEME_NOT_EVERYWHERE;
use crate::tuf::Scheme;
use crate::tuf::root::TOP_LEVEL;

/// Of keys that are made, and of keys that the metadata before lists for other roles alone.
pub(super) fn remarks(plan: &Plan) -> Vec<Problem> {
    let keys = plan.keys.iter().filter_map(|key| match &key.source {
        Source::Generated { scheme, .. } => Some((key, *scheme)),
        Source::Listed { public, .. } => Some((key, public.scheme())),
        Source::Existing { .. } | Source::Public { .. } => None,
    });
    keys.filter_map(|(key, scheme)| remark(plan, key, scheme)).collect()
}

/// Of a key that comes with a file, once its scheme is known.
pub fn remark(plan: &Plan, key: &Key, scheme: Scheme) -> Option<Problem> {
    if scheme != Scheme::EcdsaP384 {
        return None;
    }
    let role = placed(plan, key)?;
    let text = format!(
        "key {} of {role} is {}: tough 0.24 refuses a file that lists it, and tuf-js 4 counts no signature of it; ed25519 and ecdsa-sha2-nistp256 are for every client",
        key.name,
        scheme.as_str()
    );
    let place = plan.places.get(&format!("key {}", key.name)).copied();
    Some(Problem::warning(SCHEME_NOT_EVERYWHERE, place, text))
}

/// The first role to which this ceremony gives the key: one that did not list it before.
fn placed<'p>(plan: &'p Plan, key: &Key) -> Option<&'p str> {
    let keyid = match &key.source {
        Source::Listed { keyid, .. } => Some(keyid),
        _ => None,
    };
    let before = plan.before.as_ref().map(|before| &before.repository).zip(keyid);
    let in_root = |role: &&str| {
        before.is_some_and(|(before, keyid)| {
            before.root.roles.get(*role).is_some_and(|role| role.keyids.contains(keyid))
        })
    };
    let has_it = |role: &&str| plan.roles.get(*role).is_some_and(|role| role.keys.contains(&key.name));
    if let Some(role) = TOP_LEVEL.into_iter().find(|role| has_it(role) && !in_root(role)) {
        return Some(role);
    }
    let delegated = |delegator: &str, entry: &EntrySpec| {
        let list = before.and_then(|(before, keyid)| Some((before.delegations(delegator)?, keyid)));
        list.is_some_and(|(list, keyid)| {
            list.roles.iter().any(|role| entry.covers(&role.name) && role.role_keys.keys.contains_key(keyid))
        })
    };
    plan.roles.iter().find_map(|(delegator, role)| {
        let mut entries = role.delegations.iter().flat_map(|list| &list.entries);
        let has_it = |entry: &EntrySpec| entry.keys.iter().any(|name| name.value == key.name);
        entries.find(|entry| has_it(entry) && !delegated(delegator, entry)).map(EntrySpec::name)
    })
}
