//! One parsed public key: reading its encodings, writing it as SubjectPublicKeyInfo, verifying one signature.

use std::cell::RefCell;

use pkcs8::AssociatedOid;
use pkcs8::DecodePublicKey;
use pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts;
use sha2::Digest;
use sha2::Sha256;
use signature::Verifier as _;

use crate::tuf::key::BadSignature;
use crate::tuf::key::KeyError;
use crate::tuf::key::Scheme;
use crate::tuf::key::verify_only::VerifyOnlyKey;
use crate::tuf::key::verify_only::pkcs1;

/// The smallest modulus that counts, in bits.
const RSA_MIN_BITS: u32 = 2048;
/// The largest modulus that is read, in bits: verification stays cheap whatever metadata says.
const RSA_MAX_BITS: u32 = 8192;

/// A key that can verify.
#[derive(Clone, Debug)]
pub(super) enum Verifier {
    /// The point, and the key where it is a good one.
    Ed25519([u8; 32], Option<Box<ed25519_dalek::VerifyingKey>>),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(Box<rsa::RsaPublicKey>),
    VerifyOnly(VerifyOnlyKey),
}

impl Verifier {
    /// Bits of the modulus of an RSA key.
    pub(super) fn rsa_bits(&self) -> Option<u32> {
        use rsa::traits::PublicKeyParts;
        match self {
            Self::Rsa(key) => Some(key.n().bits()),
            Self::VerifyOnly(VerifyOnlyKey::RsaPkcs1(key)) => Some(key.n().bits()),
            Self::Ed25519(..) | Self::P256(_) | Self::P384(_) | Self::VerifyOnly(_) => None,
        }
    }

    /// A SubjectPublicKeyInfo in DER that must hold a key for `scheme`.
    pub(super) fn from_spki(scheme: Scheme, der: &[u8]) -> Result<Self, KeyError> {
        let bad = |e: spki::Error| KeyError(format!("not a public key for {scheme}: {e}"));
        match scheme {
            Scheme::Ed25519 => {
                let key = ed25519_dalek::VerifyingKey::from_public_key_der(der).map_err(bad)?;
                Self::ed25519(key.to_bytes()).proven()
            }
            Scheme::EcdsaP256 => {
                Ok(Self::P256(p256::ecdsa::VerifyingKey::from_public_key_der(der).map_err(bad)?))
            }
            Scheme::EcdsaP384 => {
                Ok(Self::P384(p384::ecdsa::VerifyingKey::from_public_key_der(der).map_err(bad)?))
            }
            Scheme::RsaPssSha256 => {
                let key = rsa::RsaPublicKey::from_public_key_der(der).map_err(bad)?;
                Ok(Self::Rsa(Box::new(good_rsa(key)?)))
            }
            Scheme::VerifyOnly(scheme) => {
                Ok(Self::VerifyOnly(VerifyOnlyKey::from_spki(scheme, der, good_rsa)?))
            }
        }
    }

    /// The bare point: 32 bytes for Ed25519, SEC 1 for the curves of NIST.
    pub(super) fn from_point(scheme: Scheme, point: &[u8]) -> Result<Self, KeyError> {
        let bad = |_| KeyError(format!("not a point for {scheme}"));
        match scheme {
            Scheme::Ed25519 => {
                let point = <[u8; 32]>::try_from(point);
                Self::ed25519(point.map_err(|_| KeyError(format!("not a point for {scheme}")))?).proven()
            }
            Scheme::EcdsaP256 => {
                Ok(Self::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(bad)?))
            }
            Scheme::EcdsaP384 => {
                Ok(Self::P384(p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(bad)?))
            }
            Scheme::RsaPssSha256 => Err(KeyError("an RSA key is written in PEM, not in hex".to_owned())),
            Scheme::VerifyOnly(_) => {
                Err(KeyError(format!("a key for {scheme} is written in PEM, not in hex")))
            }
        }
    }

    /// An RSA key by its numbers, the most significant byte first.
    pub(super) fn rsa(exponent: &[u8], modulus: &[u8]) -> Result<Self, KeyError> {
        // A sign byte is no digit, and a key with it would have longer signatures.
        let number = |mut bytes: &[u8]| {
            while let [0, rest @ ..] = bytes {
                bytes = rest;
            }
            rsa::BoxedUint::from_be_slice_vartime(bytes)
        };
        let key = rsa::RsaPublicKey::new(number(modulus), number(exponent));
        let key = key.map_err(|error| KeyError(format!("not a good RSA key: {error}")))?;
        Ok(Self::Rsa(Box::new(good_rsa(key)?)))
    }

    /// An Ed25519 point as it stands. A point of small order verifies signatures that nobody made: it, and what is
    /// no point at all, becomes a key that verifies nothing.
    pub(super) fn ed25519(point: [u8; 32]) -> Self {
        Self::Ed25519(point, good_point(&point))
    }

    fn proven(self) -> Result<Self, KeyError> {
        match self {
            Self::Ed25519(_, None) => Err(KeyError("not a good Ed25519 key".to_owned())),
            good => Ok(good),
        }
    }

    /// SubjectPublicKeyInfo in DER, curve points uncompressed: equal bytes for equal keys.
    pub(super) fn to_spki(&self) -> Result<Vec<u8>, KeyError> {
        let der = match self {
            Self::Ed25519(point, _) => return Ok(ed25519_spki(point)),
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
            Self::VerifyOnly(key) => return key.to_spki().map_err(|e| KeyError(e.to_string())),
        };
        der.map(|der| der.as_bytes().to_vec()).map_err(|e| KeyError(e.to_string()))
    }

    /// Proves one signature: Ed25519 strictly, ECDSA in DER, RSA-PSS with any salt length.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let holds = match self {
            Self::Ed25519(_, None) => return Err(BadSignature),
            Self::Ed25519(_, Some(key)) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| strict(&signature).and_then(|()| key.verify(message, &signature))),
            Self::P256(key) => p256::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify(message, &signature)),
            Self::P384(key) => p384::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify(message, &signature)),
            Self::Rsa(key) => rsa::pss::Signature::try_from(signature).and_then(|signature| {
                let key = rsa::pss::VerifyingKey::<Sha256>::new_with_auto_salt_len((**key).clone());
                key.verify(message, &signature)
            }),
            Self::VerifyOnly(key) => key.verify(message, signature),
        };
        holds.map_err(|_| BadSignature)
    }

    /// Proves one signature of an RSA key with the padding of PKCS#1 v1.5, over this digest.
    pub(super) fn verify_pkcs1<D: Digest + AssociatedOid>(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        match self {
            Self::Rsa(key) => pkcs1::<D>(key, message, signature).map_err(|_| BadSignature),
            Self::Ed25519(..) | Self::P256(_) | Self::P384(_) | Self::VerifyOnly(_) => Err(BadSignature),
        }
    }

    /// Whether this is an RSA-PSS signature that holds, with another salt than one as long as the digest.
    pub(super) fn other_salt(&self, message: &[u8], signature: &[u8]) -> bool {
        let Self::Rsa(key) = self else { return false };
        let digest_salt = rsa::pss::VerifyingKey::<Sha256>::new((**key).clone());
        let other = |signature| digest_salt.verify(message, &signature).is_err();
        rsa::pss::Signature::try_from(signature).is_ok_and(other) && self.verify(message, signature).is_ok()
    }
}

/// The eight points of small order in the one encoding that a signature can have. Verification compares the
/// commitment R as bytes, so that no other encoding of them holds.
const SMALL_ORDER: [[u8; 32]; 8] = {
    let (zero, mut one) = ([0; 32], [0; 32]);
    let mut minus_one = [0xff; 32];
    let mut negative_zero = zero;
    one[0] = 1;
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    negative_zero[31] = 0x80;
    let eighth = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    let other = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    let (mut negative_eighth, mut negative_other) = (eighth, other);
    negative_eighth[31] |= 0x80;
    negative_other[31] |= 0x80;
    [zero, negative_zero, one, minus_one, eighth, negative_eighth, other, negative_other]
};

/// A commitment of small order holds for messages that nobody signed. With keys that are no weak points, as ours are,
/// this makes the verification what ed25519-dalek calls strict, without decoding the commitment.
pub(super) fn strict(signature: &ed25519_dalek::Signature) -> Result<(), signature::Error> {
    if SMALL_ORDER.contains(signature.r_bytes()) { Err(signature::Error::new()) } else { Ok(()) }
}

/// So many points are remembered.
const POINTS: usize = 64;

thread_local! {
    /// Points with their keys: a file is read several times on its way, and each time its keys with it, which takes longer
    /// than all the rest of reading it.
    static KNOWN: RefCell<Vec<([u8; 32], ed25519_dalek::VerifyingKey)>> = const { RefCell::new(Vec::new()) };
}

/// The key of this point, where it is a good one.
fn good_point(point: &[u8; 32]) -> Option<Box<ed25519_dalek::VerifyingKey>> {
    KNOWN.with_borrow_mut(|known| {
        if let Some((_, key)) = known.iter().find(|(known, _)| known == point) {
            return Some(Box::new(*key));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(point).ok().filter(|key| !key.is_weak())?;
        if known.len() == POINTS {
            known.clear();
        }
        known.push((*point, key));
        Some(Box::new(key))
    })
}

/// An RSA key that is neither weak nor endless.
fn good_rsa(key: rsa::RsaPublicKey) -> Result<rsa::RsaPublicKey, KeyError> {
    let bits = key.n().bits();
    if !(RSA_MIN_BITS..=RSA_MAX_BITS).contains(&bits) {
        return Err(KeyError(format!(
            "an RSA key of {bits} bits; {RSA_MIN_BITS} to {RSA_MAX_BITS} are read"
        )));
    }
    Ok(key)
}

/// The SubjectPublicKeyInfo of an Ed25519 key: always the same twelve bytes, then the point (RFC 8410).
pub(super) fn ed25519_spki(point: &[u8; 32]) -> Vec<u8> {
    const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    [HEAD.as_slice(), point].concat()
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::scalar::Scalar;
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;
    use sha2::Sha512;

    use super::*;
    use crate::tuf::key::proof::Proof;

    /// Held, while it goes by in two pieces, and by the library's own strict way.
    fn verdicts(key: &SigningKey, message: &[u8], signature: &[u8; 64]) -> [bool; 3] {
        let verifier = Verifier::ed25519(key.verifying_key().to_bytes());
        let mut proof = Proof::begin(&verifier, signature).unwrap();
        let (one, two) = message.split_at(message.len() / 2);
        proof.update(one);
        proof.update(two);
        let strict =
            key.verifying_key().verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature));
        [verifier.verify(message, signature).is_ok(), proof.holds(), strict.is_ok()]
    }

    #[test]
    fn the_eight_points_of_small_order_are_these() {
        let mut points = EIGHT_TORSION.map(|point| point.compress().to_bytes());
        let mut ours = SMALL_ORDER;
        points.sort();
        ours.sort();

        assert_eq!(points, ours);
    }

    #[test]
    fn a_point_is_judged_alike_however_many_came_before_it() {
        let points: Vec<[u8; 32]> = (0..=2 * u8::try_from(POINTS).unwrap())
            .map(|seed| SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes())
            .collect();

        for point in points.iter().chain(points.iter().rev()).chain(&points) {
            let fresh = ed25519_dalek::VerifyingKey::from_bytes(point).unwrap();
            assert_eq!(good_point(point).as_deref(), Some(&fresh));
            // A weak point is never remembered as a good one.
            assert_eq!(good_point(&SMALL_ORDER[2]), None);
        }
    }

    #[test]
    fn a_commitment_of_small_order_proves_nothing() {
        let key = SigningKey::from_bytes(&[7; 32]);
        for message in [&b"one"[..], b"two"] {
            // R is the neutral point, and S = k * a: the equation holds.
            let r = SMALL_ORDER[2];
            let hash = Sha512::new().chain_update(r).chain_update(key.verifying_key()).chain_update(message);
            let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            let s = k * key.to_scalar();
            let signature: [u8; 64] = [r, s.to_bytes()].concat().try_into().unwrap();
            let lax = key.verifying_key().verify(message, &ed25519_dalek::Signature::from_bytes(&signature));
            assert!(lax.is_ok());

            assert_eq!(verdicts(&key, message, &signature), [false; 3]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_way_to_verify_ed25519_gives_the_strict_verdict(
            seed in any::<[u8; 32]>(),
            message in prop::collection::vec(any::<u8>(), 0..80),
            change in prop::option::of((0_usize..64, any::<u8>())),
            small in prop::option::weighted(0.2, 0_usize..8),
        ) {
            let key = SigningKey::from_bytes(&seed);
            let mut signature = key.sign(&message).to_bytes();
            if let Some((at, byte)) = change {
                signature[at] = byte;
            }
            if let Some(small) = small {
                signature[..32].copy_from_slice(&SMALL_ORDER[small]);
            }

            let [held, gone_by, strict] = verdicts(&key, &message, &signature);

            prop_assert_eq!(held, strict);
            prop_assert_eq!(gone_by, strict);
        }
    }
}
