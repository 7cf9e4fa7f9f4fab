//! Keys of schemes that we verify and never sign with: RSA with PKCS#1 v1.5, and ML-DSA (TAP 21).

use ml_dsa::MlDsa44;
use ml_dsa::MlDsa65;
use ml_dsa::MlDsa87;
use pkcs8::AssociatedOid;
use pkcs8::DecodePublicKey;
use pkcs8::EncodePublicKey;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;
use signature::Verifier as _;

use crate::tuf::key::KeyError;
use crate::tuf::key::Scheme;
use crate::tuf::key::scheme::VerifyOnly;

/// What an ML-DSA signature of TAP 21 is over, before the digest: the domain and the version of the scheme.
const ML_DSA_DOMAIN: &[u8] = b"tuf\x01";

/// A key that can verify, and for which we have no private half.
#[derive(Clone, Debug)]
pub(super) enum VerifyOnlyKey {
    RsaPkcs1(Box<rsa::RsaPublicKey>),
    MlDsa44(Box<ml_dsa::VerifyingKey<MlDsa44>>),
    MlDsa65(Box<ml_dsa::VerifyingKey<MlDsa65>>),
    MlDsa87(Box<ml_dsa::VerifyingKey<MlDsa87>>),
}

impl VerifyOnlyKey {
    /// A SubjectPublicKeyInfo in DER that must hold a key for `scheme`. `rsa` judges the modulus.
    pub(super) fn from_spki(
        scheme: VerifyOnly,
        der: &[u8],
        rsa: impl FnOnce(rsa::RsaPublicKey) -> Result<rsa::RsaPublicKey, KeyError>,
    ) -> Result<Self, KeyError> {
        let name = Scheme::VerifyOnly(scheme);
        let bad = |e: spki::Error| KeyError(format!("not a public key for {name}: {e}"));
        Ok(match scheme {
            VerifyOnly::RsaPkcs1Sha256 => {
                Self::RsaPkcs1(Box::new(rsa(rsa::RsaPublicKey::from_public_key_der(der).map_err(bad)?)?))
            }
            VerifyOnly::MlDsa44 => {
                Self::MlDsa44(Box::new(DecodePublicKey::from_public_key_der(der).map_err(bad)?))
            }
            VerifyOnly::MlDsa65 => {
                Self::MlDsa65(Box::new(DecodePublicKey::from_public_key_der(der).map_err(bad)?))
            }
            VerifyOnly::MlDsa87 => {
                Self::MlDsa87(Box::new(DecodePublicKey::from_public_key_der(der).map_err(bad)?))
            }
        })
    }

    /// The scheme that it verifies.
    pub(super) fn scheme(&self) -> VerifyOnly {
        match self {
            Self::RsaPkcs1(_) => VerifyOnly::RsaPkcs1Sha256,
            Self::MlDsa44(_) => VerifyOnly::MlDsa44,
            Self::MlDsa65(_) => VerifyOnly::MlDsa65,
            Self::MlDsa87(_) => VerifyOnly::MlDsa87,
        }
    }

    /// SubjectPublicKeyInfo in DER: equal bytes for equal keys.
    pub(super) fn to_spki(&self) -> Result<Vec<u8>, spki::Error> {
        let der = match self {
            Self::RsaPkcs1(key) => key.to_public_key_der(),
            Self::MlDsa44(key) => key.to_public_key_der(),
            Self::MlDsa65(key) => key.to_public_key_der(),
            Self::MlDsa87(key) => key.to_public_key_der(),
        };
        der.map(|der| der.as_bytes().to_vec())
    }

    /// Proves one signature: PKCS#1 v1.5 over SHA-256, or pure ML-DSA over the payload of TAP 21.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), signature::Error> {
        match self {
            Self::RsaPkcs1(key) => pkcs1::<Sha256>(key, message, signature),
            Self::MlDsa44(key) => {
                key.verify(&ml_dsa_payload(message), &ml_dsa::Signature::try_from(signature)?)
            }
            Self::MlDsa65(key) => {
                key.verify(&ml_dsa_payload(message), &ml_dsa::Signature::try_from(signature)?)
            }
            Self::MlDsa87(key) => {
                key.verify(&ml_dsa_payload(message), &ml_dsa::Signature::try_from(signature)?)
            }
        }
    }
}

/// Proves one signature of an RSA key with the padding of PKCS#1 v1.5.
pub(super) fn pkcs1<D: Digest + AssociatedOid>(
    key: &rsa::RsaPublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), signature::Error> {
    let signature = rsa::pkcs1v15::Signature::try_from(signature)?;
    rsa::pkcs1v15::VerifyingKey::<D>::new(key.clone()).verify(message, &signature)
}

/// `"tuf" || 0x01 || SHA-512(message)`: a device can sign it without holding the message (TAP 21).
fn ml_dsa_payload(message: &[u8]) -> Vec<u8> {
    [ML_DSA_DOMAIN, &Sha512::digest(message)].concat()
}
