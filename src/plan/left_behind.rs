//! Keys that leave a role and leave something behind: what a revoked key signed, and what a stolen one may have, is
//! signed again by those that stay, so that nothing which clients take rests on it.

use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Source;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;

/// Why the file of a role is signed again though enough of its keys stay: the first key that leaves and signed it, or that
/// is stolen.
pub(super) fn left_behind(plan: &Plan, was: &RoleKeys, is: &RoleKeys, file: &Metadata) -> Option<String> {
    let stays = |key: &PublicKey| is.keys.values().any(|other| other.material() == key.material());
    let leaving: Vec<(&KeyId, &PublicKey)> = was.keys.iter().filter(|(_, key)| !stays(key)).collect();
    if leaving.is_empty() {
        return None;
    }
    if let Some((keyid, key)) = leaving.iter().find(|(_, key)| is_stolen(plan, key)) {
        return Some(format!("key {}, which leaves, is stolen", called(plan, keyid, key)));
    }
    let signed = was.signed_by(file.payload(), file.signatures());
    let by = |key: &PublicKey| {
        signed.iter().filter_map(|keyid| was.keys.get(keyid)).any(|by| by.material() == key.material())
    };
    let (keyid, key) = leaving.iter().find(|(_, key)| by(key))?;
    Some(format!("key {}, which leaves, has signed it", called(plan, keyid, key)))
}

fn is_stolen(plan: &Plan, public: &PublicKey) -> bool {
    let incident = plan.incident.as_ref();
    let stolen = incident.into_iter().flat_map(|incident| &incident.stolen);
    stolen.filter_map(|name| plan.key(name)).any(|key| is(key, public))
}

fn is(key: &Key, public: &PublicKey) -> bool {
    matches!(&key.source, Source::Listed { public: listed, .. } if listed.material() == public.material())
}

/// What the file calls it, else the beginning of its keyid.
fn called(plan: &Plan, keyid: &KeyId, public: &PublicKey) -> String {
    let named = plan.keys.iter().find(|key| key.named && is(key, public));
    named.map_or_else(|| keyid.0.chars().take(8).collect(), |key| key.name.clone())
}
