//! What is signed, in words: read from the payload itself, never from the plan that asked for it.

use std::collections::BTreeMap;

use crate::ceremony::Ceremony;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::describe;

impl Ceremony {
    /// The content of a role's payload as lines, dates counted from `now`.
    pub fn review(&self, role: &str, now: Date) -> Vec<String> {
        let Some(metadata) = self.metadata(role) else { return vec![format!("{role} is not built yet")] };
        let known = self.keys().iter();
        let holders: BTreeMap<KeyId, String> =
            known.map(|(name, known)| (known.keyid.clone(), self.plan().holder_of(name))).collect();
        describe::payload(metadata, role, now, &holders)
            .unwrap_or_else(|error| vec![format!("{role} cannot be read: {error}")])
    }
}
