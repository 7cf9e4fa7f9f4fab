//! What went wrong with a signature that a key did make: over another digest, with another padding, or over bytes that
//! are nearly these. It counts for nothing; who made it is told how to make the right one.

use rsa::pss;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;
use sha2::digest::FixedOutputReset;
use signature::Verifier as _;
use signature::hazmat::PrehashVerifier;

use crate::tuf::foreign_signature;
use crate::tuf::key::PublicKey;
use crate::tuf::key::verifier::Verifier;
use crate::tuf::key::verify_only::pkcs1;

const PKCS1: &str = "with PKCS#1 v1.5: this key goes with PSS";

impl PublicKey {
    /// How this key made `signature`, which does not verify over `message`; `None` where it did not, as far as is known.
    pub(crate) fn slip(&self, message: &[u8], signature: &[u8]) -> Option<String> {
        let mut forms = foreign_signature::forms(self.scheme(), signature);
        if let Some(way) = forms.find_map(|form| self.0.verifier.other_way(message, &form)) {
            return Some(format!("this key made it over the right bytes, but {way}"));
        }
        let digest = Sha256::digest(message);
        let nearly = [
            ("these bytes with a line break after them", [message, b"\n"].concat()),
            ("the SHA-256 of the bytes, and not over the bytes", digest.to_vec()),
            ("the SHA-256 in hex, and not over the bytes", hex::encode(digest).into_bytes()),
            ("the SHA-256 in hex with a line break", format!("{}\n", hex::encode(digest)).into_bytes()),
        ];
        let made = |bytes: &[u8]| foreign_signature::verified(self, bytes, signature).is_some();
        let (what, _) = nearly.into_iter().find(|(_, bytes)| made(bytes))?;
        Some(format!("this key made it over {what}"))
    }
}

impl Verifier {
    /// The digest or the padding with which the key signed, where it is not that of its scheme.
    fn other_way(&self, message: &[u8], signature: &[u8]) -> Option<&'static str> {
        let ways: Vec<(bool, &str)> = match self {
            Self::P256(key) => {
                let made = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
                let over = |digest: &[u8]| key.verify_prehash(digest, &made).is_ok();
                vec![
                    (over(&Sha384::digest(message)), "with SHA-384: P-256 goes with SHA-256"),
                    (over(&Sha512::digest(message)), "with SHA-512: P-256 goes with SHA-256"),
                ]
            }
            Self::P384(key) => {
                let made = p384::ecdsa::DerSignature::from_bytes(signature).ok()?;
                let over = |digest: &[u8]| key.verify_prehash(digest, &made).is_ok();
                vec![
                    (over(&Sha256::digest(message)), "with SHA-256: P-384 goes with SHA-384"),
                    (over(&Sha512::digest(message)), "with SHA-512: P-384 goes with SHA-384"),
                ]
            }
            Self::Rsa(key) => vec![
                (pkcs1::<Sha256>(key, message, signature).is_ok(), PKCS1),
                (pkcs1::<Sha512>(key, message, signature).is_ok(), PKCS1),
                (pss::<Sha384>(key, message, signature), "with SHA-384: this key goes with SHA-256"),
                (pss::<Sha512>(key, message, signature), "with SHA-512: this key goes with SHA-256"),
            ],
            Self::Ed25519(..) | Self::VerifyOnly(_) => return None,
        };
        ways.into_iter().find(|(made, _)| *made).map(|(_, way)| way)
    }
}

fn pss<D: Digest + FixedOutputReset>(key: &rsa::RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
    let key = pss::VerifyingKey::<D>::new_with_auto_salt_len(key.clone());
    pss::Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}
