//! Who may sign for a role, and the one function that counts signatures.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::Signature;

/// The keys that a role trusts, and how many of them must sign.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleKeys {
    /// The keys under the labels that metadata gives them.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// How many distinct keys must sign; at least 1.
    pub threshold: u32,
}

/// Too few keys signed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{have} of {need} keys signed")]
pub struct Unmet {
    /// Distinct keys whose signature verifies.
    pub have: u32,
    /// The threshold.
    pub need: u32,
}

impl RoleKeys {
    /// The keys whose signature over `payload` verifies, or how many are missing.
    ///
    /// This is the only place that counts signatures: root, targets, delegations and ceremonies all come here.
    /// A key counts once by its material, however many signatures it made and labels it has.
    pub fn verify(&self, payload: &[u8], signatures: &[Signature]) -> Result<BTreeSet<KeyId>, Unmet> {
        let _ = (payload, signatures);
        todo!()
    }

    /// The same count without the judgement: the labels of the distinct keys that signed.
    pub fn signed_by(&self, payload: &[u8], signatures: &[Signature]) -> BTreeSet<KeyId> {
        let _ = (payload, signatures);
        todo!()
    }
}
