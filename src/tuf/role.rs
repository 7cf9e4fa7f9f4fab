//! Who may sign for a role, and the one function that counts signatures.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
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

/// What signatures are over: bytes that are looked at once, or [`crate::tuf::Bytes`], which know what was proven.
pub trait Message {
    /// Whether this key made this signature over it.
    fn holds(&self, key: &PublicKey, signature: &[u8]) -> bool;
}

impl Message for [u8] {
    fn holds(&self, key: &PublicKey, signature: &[u8]) -> bool {
        key.verify(self, signature).is_ok()
    }
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
    pub fn verify(
        &self,
        payload: &(impl Message + ?Sized),
        signatures: &[Signature],
    ) -> Result<BTreeSet<KeyId>, Unmet> {
        self.judge(self.signed_by(payload, signatures))
    }

    /// The same judgement where each signature was proven while the payload went by: `holds` says which of
    /// `signatures` verify.
    pub(crate) fn verify_proven(
        &self,
        signatures: &[Signature],
        holds: &[bool],
    ) -> Result<BTreeSet<KeyId>, Unmet> {
        self.judge(self.count(signatures, |at, _, _| holds.get(at) == Some(&true)))
    }

    fn judge(&self, signed: BTreeSet<KeyId>) -> Result<BTreeSet<KeyId>, Unmet> {
        let have = u32::try_from(signed.len()).unwrap_or(u32::MAX);
        // A threshold of nothing would trust what nobody signed.
        if self.threshold == 0 || have < self.threshold {
            return Err(Unmet { have, need: self.threshold });
        }
        Ok(signed)
    }

    /// Whether whoever has these keys, and no other, meets the threshold.
    pub fn met_by(&self, held: &BTreeSet<Material>) -> bool {
        let of_role: BTreeSet<&Material> = self.keys.values().map(PublicKey::material_ref).collect();
        let have = of_role.into_iter().filter(|key| held.contains(*key)).count();
        usize::try_from(self.threshold).is_ok_and(|need| need > 0 && have >= need)
    }

    /// The same count without the judgement: the labels of the distinct keys that signed.
    pub fn signed_by(&self, payload: &(impl Message + ?Sized), signatures: &[Signature]) -> BTreeSet<KeyId> {
        self.count(signatures, |_, key, signature| payload.holds(key, signature))
    }

    /// `holds` is asked with a signature's place in the list, its key and its bytes.
    fn count(
        &self,
        signatures: &[Signature],
        holds: impl Fn(usize, &PublicKey, &[u8]) -> bool,
    ) -> BTreeSet<KeyId> {
        // One entry for each key, whatever its labels.
        let mut counted: BTreeMap<&Material, KeyId> = BTreeMap::new();
        for (at, signature) in signatures.iter().enumerate() {
            let Some(key) = self.keys.get(&signature.keyid) else { continue };
            if counted.contains_key(key.material_ref()) {
                continue;
            }
            let Ok(bytes) = hex::decode(&signature.sig) else { continue };
            if holds(at, key, &bytes) {
                counted.insert(key.material_ref(), signature.keyid.clone());
            }
        }
        counted.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;

    const PAYLOAD: &[u8] = b"what is signed";

    fn signer(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn public(n: u8) -> PublicKey {
        PublicKey::ed25519(signer(n).verifying_key().to_bytes())
    }

    fn label(text: &str) -> KeyId {
        KeyId(text.to_owned())
    }

    fn signature(keyid: &str, n: u8, payload: &[u8]) -> Signature {
        Signature { keyid: label(keyid), sig: hex::encode(signer(n).sign(payload).to_bytes()) }
    }

    fn role(keys: &[(&str, u8)], threshold: u32) -> RoleKeys {
        let keys = keys.iter().map(|(keyid, n)| (label(keyid), public(*n))).collect();
        RoleKeys { keys, threshold }
    }

    #[test]
    fn two_of_three_keys_suffice_for_a_threshold_of_two() {
        let role = role(&[("a", 1), ("b", 2), ("c", 3)], 2);
        let signatures = [signature("c", 3, PAYLOAD), signature("a", 1, PAYLOAD)];

        let signed = role.verify(PAYLOAD, &signatures).unwrap();

        assert_eq!(signed, [label("a"), label("c")].into());
    }

    #[test]
    fn one_key_under_three_labels_counts_once() {
        let role = role(&[("a", 1), ("b", 1), ("c", 1)], 2);
        let signatures = ["a", "b", "c"].map(|keyid| signature(keyid, 1, PAYLOAD));

        let unmet = role.verify(PAYLOAD, &signatures).unwrap_err();

        assert_eq!(unmet.to_string(), "1 of 2 keys signed");
    }

    #[test]
    fn one_key_that_signed_twice_counts_once() {
        let role = role(&[("a", 1), ("b", 2)], 2);
        let signatures = [signature("a", 1, PAYLOAD), signature("a", 1, PAYLOAD)];

        assert_eq!(role.verify(PAYLOAD, &signatures), Err(Unmet { have: 1, need: 2 }));
    }

    #[test]
    fn a_threshold_of_zero_never_holds() {
        let signatures = [signature("a", 1, PAYLOAD)];

        assert_eq!(role(&[("a", 1)], 0).verify(PAYLOAD, &signatures), Err(Unmet { have: 1, need: 0 }));
        assert_eq!(role(&[], 0).verify(PAYLOAD, &[]), Err(Unmet { have: 0, need: 0 }));
    }

    #[test]
    fn what_does_not_verify_does_not_count() {
        let role = role(&[("a", 1), ("b", 2)], 1);
        let placeholder = Signature { keyid: label("a"), sig: String::new() };
        let not_hex = Signature { keyid: label("a"), sig: "zz".to_owned() };

        for bad in [
            placeholder,
            not_hex,
            signature("a", 1, b"another payload"),
            signature("a", 2, PAYLOAD),
            signature("unknown", 1, PAYLOAD),
        ] {
            assert_eq!(role.verify(PAYLOAD, &[bad]), Err(Unmet { have: 0, need: 1 }));
        }
    }

    #[test]
    fn a_bad_signature_does_not_hide_a_good_one_of_the_same_key() {
        let role = role(&[("a", 1)], 1);
        let signatures = [signature("a", 1, b"another payload"), signature("a", 1, PAYLOAD)];

        assert!(role.verify(PAYLOAD, &signatures).is_ok());
    }

    proptest! {
        #[test]
        fn never_more_than_the_distinct_keys_that_made_a_good_signature(
            labels in prop::collection::vec(1_u8..4, 1..6),
            made in prop::collection::vec((0_usize..6, 1_u8..5, any::<bool>()), 0..10),
            threshold in 0_u32..5,
        ) {
            let keys: Vec<(String, u8)> = labels.iter().enumerate().map(|(i, n)| (i.to_string(), *n)).collect();
            let keys: Vec<(&str, u8)> = keys.iter().map(|(l, n)| (l.as_str(), *n)).collect();
            let role = role(&keys, threshold);
            let signatures: Vec<Signature> = made
                .iter()
                .map(|(keyid, n, good)| {
                    signature(&keyid.to_string(), *n, if *good { PAYLOAD } else { b"another payload" })
                })
                .collect();

            let answer = role.verify(PAYLOAD, &signatures);

            let distinct: BTreeSet<u8> = made
                .iter()
                .filter(|(keyid, n, good)| *good && labels.get(*keyid) == Some(n))
                .map(|(_, n, _)| *n)
                .collect();
            prop_assert_eq!(answer.is_ok(), threshold > 0 && distinct.len() >= threshold as usize);
            let mut reversed = signatures;
            reversed.reverse();
            prop_assert_eq!(role.verify(PAYLOAD, &reversed).is_ok(), answer.is_ok());
        }
    }
}
