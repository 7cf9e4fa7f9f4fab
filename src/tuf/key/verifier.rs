//! One parsed public key: reading its encodings, writing it as SubjectPublicKeyInfo, verifying one signature.

use pkcs8::DecodePublicKey;
use pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts;
use sha2::Sha256;
use signature::Verifier as _;

use crate::tuf::key::BadSignature;
use crate::tuf::key::KeyError;
use crate::tuf::key::Scheme;
use crate::tuf::key::verify_only::VerifyOnlyKey;

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

    /// An Ed25519 point as it stands. A point of small order verifies signatures that nobody made: it, and what is
    /// no point at all, becomes a key that verifies nothing.
    pub(super) fn ed25519(point: [u8; 32]) -> Self {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&point).ok().filter(|key| !key.is_weak());
        Self::Ed25519(point, key.map(Box::new))
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
                .and_then(|signature| key.verify_strict(message, &signature)),
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
