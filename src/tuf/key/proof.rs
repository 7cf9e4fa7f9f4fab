//! The proof of one signature over a message that goes by in pieces, for files too large to be held: the same rules
//! as [`Verifier::verify`], which judges a message that is held.

use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;
use signature::hazmat::PrehashVerifier;

use crate::tuf::key::verifier::Verifier;
use crate::tuf::key::verifier::strict;

/// One signature, while its message goes by.
pub(crate) enum Proof {
    Ed25519(Box<ed25519_dalek::StreamVerifier>),
    P256(Sha256, Box<(p256::ecdsa::VerifyingKey, p256::ecdsa::DerSignature)>),
    P384(Sha384, Box<(p384::ecdsa::VerifyingKey, p384::ecdsa::DerSignature)>),
    Rsa(Sha256, Box<(rsa::pss::VerifyingKey<Sha256>, rsa::pss::Signature)>),
    /// A signature that no message has.
    Void,
}

impl Proof {
    /// `None` where the scheme has to see the message whole.
    pub(super) fn begin(verifier: &Verifier, signature: &[u8]) -> Option<Self> {
        let begun = match verifier {
            Verifier::VerifyOnly(_) => return None,
            Verifier::Ed25519(_, None) => None,
            Verifier::Ed25519(_, Some(key)) => ed25519(key, signature),
            Verifier::P256(key) => p256::ecdsa::DerSignature::from_bytes(signature)
                .ok()
                .map(|signature| Self::P256(Sha256::new(), Box::new((*key, signature)))),
            Verifier::P384(key) => p384::ecdsa::DerSignature::from_bytes(signature)
                .ok()
                .map(|signature| Self::P384(Sha384::new(), Box::new((*key, signature)))),
            Verifier::Rsa(key) => rsa::pss::Signature::try_from(signature).ok().map(|signature| {
                let key = rsa::pss::VerifyingKey::<Sha256>::new_with_auto_salt_len((**key).clone());
                Self::Rsa(Sha256::new(), Box::new((key, signature)))
            }),
        };
        Some(begun.unwrap_or(Self::Void))
    }

    /// The next piece of the message.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Ed25519(stream) => stream.update(piece),
            Self::P256(hash, _) | Self::Rsa(hash, _) => hash.update(piece),
            Self::P384(hash, _) => hash.update(piece),
            Self::Void => {}
        }
    }

    /// Whether the signature is over what went by.
    pub(crate) fn holds(self) -> bool {
        match self {
            Self::Ed25519(stream) => stream.finalize_and_verify().is_ok(),
            Self::P256(hash, proof) => proof.0.verify_prehash(&hash.finalize(), &proof.1).is_ok(),
            Self::P384(hash, proof) => proof.0.verify_prehash(&hash.finalize(), &proof.1).is_ok(),
            Self::Rsa(hash, proof) => proof.0.verify_prehash(&hash.finalize(), &proof.1).is_ok(),
            Self::Void => false,
        }
    }
}

fn ed25519(key: &ed25519_dalek::VerifyingKey, signature: &[u8]) -> Option<Proof> {
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    strict(&signature).ok()?;
    let stream = key.verify_stream(&signature).ok()?;
    Some(Proof::Ed25519(Box::new(stream)))
}
