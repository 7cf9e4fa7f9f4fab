//! A private key in memory: made from random numbers, written and read as PKCS#8, used to sign.
//!
//! Knows nothing of files, passphrases or rehearsals; `age_file` and `simulated` do. A `PrivateKey` is neither
//! `Debug` nor `Clone`, and every number in it is wiped when it is dropped.

use ed25519_dalek::Signer;
use pkcs8::DecodePrivateKey;
use pkcs8::EncodePrivateKey;
use pkcs8::LineEnding;
use pkcs8::ObjectIdentifier;
use pkcs8::PrivateKeyInfoRef;
use rsa::rand_core::CryptoRng;
use rsa::traits::PublicKeyParts;
use sha2::Sha256;
use spki::EncodePublicKey;
use zeroize::Zeroizing;

use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// The sizes of RSA keys, in bits, that we make and use.
pub(crate) const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// The size of an RSA key when nobody says otherwise.
pub(crate) const RSA_DEFAULT_BITS: u32 = 3072;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// A private key of one of the four schemes.
pub(crate) enum PrivateKey {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    Rsa(Box<rsa::RsaPrivateKey>),
}

/// Why a text or a request is no private key for us. Never carries a byte of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadPrivateKey {
    /// Not PKCS#8: what it is instead, and what to do.
    #[error("{0}")]
    NotPkcs8(&'static str, &'static str),
    /// PKCS#8, of a kind that we do not sign with.
    #[error("{0}")]
    Unsupported(String),
}

/// A step of the arithmetic failed, or its result is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub &'static str);

impl PrivateKey {
    /// Makes a key from `rng`. The same numbers make the same key, on every machine. `bits` is for RSA alone.
    pub(crate) fn generate(
        scheme: Scheme,
        bits: Option<u32>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, BadPrivateKey> {
        check_bits(scheme, bits)?;
        match scheme {
            Scheme::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                rng.fill_bytes(&mut *seed);
                Ok(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            Scheme::EcdsaP256 => loop {
                let mut scalar = Zeroizing::new([0; 32]);
                rng.fill_bytes(&mut *scalar);
                // Numbers outside 1..n are thrown away, so that no key is more likely than another.
                if let Ok(key) = p256::SecretKey::from_slice(&*scalar) {
                    return Ok(Self::P256(key));
                }
            },
            Scheme::EcdsaP384 => loop {
                let mut scalar = Zeroizing::new([0; 48]);
                rng.fill_bytes(&mut *scalar);
                if let Ok(key) = p384::SecretKey::from_slice(&*scalar) {
                    return Ok(Self::P384(key));
                }
            },
            Scheme::RsaPssSha256 => {
                let key = rsa::RsaPrivateKey::new(rng, bits.unwrap_or(RSA_DEFAULT_BITS) as usize);
                let key = key.map_err(|_| BadPrivateKey::Unsupported("no RSA key of that size".into()))?;
                Ok(Self::Rsa(Box::new(key)))
            }
            Scheme::VerifyOnly(_) => {
                Err(BadPrivateKey::Unsupported(format!("{scheme} is verified here and never signed with")))
            }
        }
    }

    /// Reads one PKCS#8 PEM block; text before it is skipped, as openssl does.
    pub(crate) fn from_pem(text: &str) -> Result<Self, BadPrivateKey> {
        const NO_PEM: BadPrivateKey = BadPrivateKey::NotPkcs8(
            "something that is not a private key",
            "the text inside must be a PKCS#8 PEM block",
        );
        let start = text.find("-----BEGIN ").ok_or(NO_PEM)?;
        let block = &text[start..];
        let label = block["-----BEGIN ".len()..].split("-----").next().unwrap_or_default();
        match label {
            "PRIVATE KEY" => {}
            "ENCRYPTED PRIVATE KEY" => {
                return Err(BadPrivateKey::NotPkcs8(
                    "a private key that is encrypted once more",
                    "remove the inner encryption with openssl pkey, and encrypt with age alone",
                ));
            }
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "EC PARAMETERS" => {
                return Err(BadPrivateKey::NotPkcs8(
                    "a private key in an older form than PKCS#8",
                    "convert it with openssl pkcs8 -topk8 -nocrypt, and encrypt that with age",
                ));
            }
            "OPENSSH PRIVATE KEY" => {
                return Err(BadPrivateKey::NotPkcs8(
                    "an OpenSSH private key",
                    "convert a copy with ssh-keygen -p -m PKCS8, and encrypt that with age",
                ));
            }
            _ => return Err(NO_PEM),
        }
        const END: &str = "-----END PRIVATE KEY-----";
        let broken = || BadPrivateKey::NotPkcs8("a broken PEM block", "look for another copy of the key");
        let end = block.find(END).ok_or_else(broken)? + END.len();
        if !block[end..].trim().is_empty() {
            return Err(BadPrivateKey::NotPkcs8(
                "more than one PEM block",
                "keep one key in one file; certificates belong elsewhere",
            ));
        }
        let mut der = Zeroizing::new(vec![0; end]);
        let (_, der) = pkcs8::der::pem::decode(&block.as_bytes()[..end], &mut der).map_err(|_| broken())?;
        Self::from_der(der)
    }

    fn from_der(der: &[u8]) -> Result<Self, BadPrivateKey> {
        const BROKEN: BadPrivateKey =
            BadPrivateKey::NotPkcs8("a PEM block that is not PKCS#8", "look for another copy of the key");
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| BROKEN)?;
        let algorithm = info.algorithm.oid;
        let key = match algorithm {
            ED25519 => Self::Ed25519(DecodePrivateKey::from_pkcs8_der(der).map_err(|_| BROKEN)?),
            EC => match info.algorithm.parameters_oid() {
                Ok(P256) => Self::P256(DecodePrivateKey::from_pkcs8_der(der).map_err(|_| BROKEN)?),
                Ok(P384) => Self::P384(DecodePrivateKey::from_pkcs8_der(der).map_err(|_| BROKEN)?),
                Ok(curve) => return Err(BadPrivateKey::Unsupported(format!("a key on the curve {curve}"))),
                Err(_) => return Err(BadPrivateKey::Unsupported("a key on a curve without a name".into())),
            },
            RSA | RSA_PSS => {
                let key = rsa::RsaPrivateKey::from_pkcs8_der(der).map_err(|_| {
                    BadPrivateKey::Unsupported(
                        "an RSA key of a kind that we do not use (size, exponent, parameters)".into(),
                    )
                })?;
                let bits = key.n().bits();
                if !RSA_BITS.contains(&bits) {
                    return Err(BadPrivateKey::Unsupported(format!("an RSA key of {bits} bits")));
                }
                Self::Rsa(Box::new(key))
            }
            other => return Err(BadPrivateKey::Unsupported(format!("a key for the algorithm {other}"))),
        };
        Ok(key)
    }

    /// PKCS#8 in PEM: version 1 for Ed25519, because openssl 3.0 reads no other.
    pub(crate) fn to_pem(&self) -> Result<Zeroizing<String>, Broken> {
        let pem = match self {
            Self::Ed25519(key) => {
                let mut bytes = ed25519_dalek::pkcs8::KeypairBytes::from(key);
                bytes.public_key = None;
                bytes.to_pkcs8_pem(LineEnding::LF)
            }
            Self::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Self::P384(key) => key.to_pkcs8_pem(LineEnding::LF),
            Self::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        pem.map_err(|_| Broken("the key cannot be written as PKCS#8"))
    }

    /// The number that the key is, `None` for RSA, which is several.
    pub(crate) fn number(&self) -> Option<Zeroizing<Vec<u8>>> {
        let number = match self {
            Self::Ed25519(key) => key.as_bytes().to_vec(),
            Self::P256(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Self::P384(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Self::Rsa(_) => return None,
        };
        Some(Zeroizing::new(number))
    }

    /// The key that is this number; `None` when no key of the scheme is.
    pub(crate) fn from_number(scheme: Scheme, number: &[u8]) -> Option<Self> {
        match scheme {
            Scheme::Ed25519 => {
                let seed: Zeroizing<[u8; 32]> = Zeroizing::new(number.try_into().ok()?);
                Some(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            Scheme::EcdsaP256 => {
                p256::SecretKey::from_slice(number).ok().filter(|_| number.len() == 32).map(Self::P256)
            }
            Scheme::EcdsaP384 => {
                p384::SecretKey::from_slice(number).ok().filter(|_| number.len() == 48).map(Self::P384)
            }
            Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => None,
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> Result<PublicKey, Broken> {
        const WHY: Broken = Broken("the key has no usable public half");
        let (scheme, spki) = match self {
            Self::Ed25519(key) => return Ok(PublicKey::ed25519(key.verifying_key().to_bytes())),
            Self::P256(key) => (Scheme::EcdsaP256, key.public_key().to_public_key_der()),
            Self::P384(key) => (Scheme::EcdsaP384, key.public_key().to_public_key_der()),
            Self::Rsa(key) => (Scheme::RsaPssSha256, key.as_public_key().to_public_key_der()),
        };
        PublicKey::from_spki_der(scheme, spki.map_err(|_| WHY)?.as_bytes()).map_err(|_| WHY)
    }

    /// Signs, and verifies the signature with `public` before it is returned: a fault in the arithmetic, or a
    /// key that does not belong to `public`, gives no signature at all. ECDSA is deterministic (RFC 6979), in
    /// DER; RSA-PSS has a salt of 32 bytes from `rng`, which is asked for nothing else.
    pub(crate) fn sign<R: CryptoRng>(
        &self,
        public: &PublicKey,
        message: &Bytes,
        rng: impl FnOnce() -> R,
    ) -> Result<Vec<u8>, Broken> {
        const WHY: Broken = Broken("the signature could not be made");
        let signature = match self {
            Self::Ed25519(key) => key.try_sign(message).map_err(|_| WHY)?.to_bytes().to_vec(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::SigningKey::from(key).try_sign(message).map_err(|_| WHY)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature =
                    p384::ecdsa::SigningKey::from(key).try_sign(message).map_err(|_| WHY)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Rsa(key) => {
                let padding = rsa::Pss::<Sha256>::new();
                key.sign_with_rng(&mut rng(), padding, &message.sha256()).map_err(|_| WHY)?
            }
        };
        match message.verify(public, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(Broken("the signature does not verify, so it was thrown away")),
        }
    }
}

/// Whether a key of `scheme` can have `bits`.
pub(crate) fn check_bits(scheme: Scheme, bits: Option<u32>) -> Result<(), BadPrivateKey> {
    match (scheme, bits) {
        (_, None) => Ok(()),
        (Scheme::RsaPssSha256, Some(bits)) if RSA_BITS.contains(&bits) && bits % 8 == 0 => Ok(()),
        (Scheme::RsaPssSha256, Some(bits)) => Err(BadPrivateKey::Unsupported(format!(
            "an RSA key of {bits} bits; use 2048 to 8192, in steps of 8"
        ))),
        (scheme, Some(_)) => {
            Err(BadPrivateKey::Unsupported(format!("a number of bits with {scheme}; it has one size")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::numbers::Numbers;

    fn numbers(purpose: &[u8]) -> Numbers {
        Numbers::rehearsed(&[7; 32], purpose)
    }

    #[test]
    fn a_signature_that_does_not_verify_is_never_handed_out() {
        let keys = [b"a", b"b"]
            .map(|purpose| PrivateKey::generate(Scheme::EcdsaP256, None, &mut numbers(purpose)).unwrap());
        let other = keys[1].public().unwrap();

        let root = Bytes::from(b"root".as_slice());
        assert!(keys[0].sign(&other, &root, || numbers(b"salt")).is_err());
        assert!(keys[1].sign(&other, &root, || numbers(b"salt")).is_ok());
    }

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for scheme in Scheme::ALL {
            let bits = (scheme == Scheme::RsaPssSha256).then_some(2048);
            let key = PrivateKey::generate(scheme, bits, &mut numbers(b"key")).unwrap();

            let again = PrivateKey::from_pem(&key.to_pem().unwrap()).unwrap();

            assert_eq!(again.public().unwrap(), key.public().unwrap());
        }
    }
}
