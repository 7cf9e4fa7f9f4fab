//! Proof of possession: that whoever sends a public key can sign with it.
//!
//! A small file beside the public key file, which stays as it is. Its signature is over a message that is nothing
//! else: it begins with a text and a zero byte, and metadata begins with a brace. The challenge ties it to one
//! occasion, such as the id of a ceremony, so that a proof from last year proves nothing today.
//!
//! ```json
//! {"keyrite-proof":1,"keyid":"74c0...","scheme":"ed25519","challenge":"2027-06-add-dev","sig":"0a1b..."}
//! ```

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::tuf::canonical;
use crate::tuf::json::Object;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::Signature;
use crate::tuf::role::RoleKeys;

const DOMAIN: &[u8] = b"keyrite proof of possession\0";
const FORMAT: u32 = 1;
/// A challenge is read aloud.
const LONGEST_CHALLENGE: usize = 200;

/// A proof that was made, not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key's keyid.
    pub keyid: KeyId,
    /// Its scheme.
    pub scheme: Scheme,
    /// What the proof was asked for.
    pub challenge: String,
    /// The signature in hex.
    pub sig: String,
}

/// Why a proof proves nothing. Fragments.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofError {
    /// The signature is not by the key over the challenge.
    #[error("the proof's signature does not verify with the key")]
    BadSignature,
    /// The challenge is empty, too long, or more than a line.
    #[error("a challenge is one line of up to {LONGEST_CHALLENGE} characters, without blanks at its ends")]
    ChallengeForm,
    /// It is no proof file.
    #[error("this is no proof of possession: {0}")]
    Form(String),
    /// It is for another key.
    #[error("the proof is of key {found} and not of {wanted}")]
    OtherKey {
        /// Whose proof it is.
        found: KeyId,
        /// Whose it should be.
        wanted: KeyId,
    },
    /// It was made for something else.
    #[error("the proof was made for {found:?} and not for {wanted:?}")]
    OtherOccasion {
        /// What it was made for.
        found: String,
        /// What it should be made for.
        wanted: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "keyrite-proof")]
    format: u32,
    keyid: KeyId,
    scheme: String,
    challenge: String,
    sig: String,
}

/// Whether a text can be what a proof is asked for: one line, short enough to be read aloud.
pub fn check_challenge(challenge: &str) -> Result<(), ProofError> {
    let fine = !challenge.is_empty()
        && challenge.trim() == challenge
        && challenge.chars().count() <= LONGEST_CHALLENGE
        && !challenge.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(ProofError::ChallengeForm) }
}

/// The bytes that a key signs to prove itself for `challenge`.
pub fn message(key: &PublicKey, challenge: &str) -> Result<Vec<u8>, ProofError> {
    check_challenge(challenge)?;
    let said = json!({"challenge": challenge, "keyid": key.keyid(), "scheme": key.scheme().as_str()});
    // Three texts always have a canonical form.
    let said = canonical::to_vec(&said).map_err(|error| ProofError::Form(error.to_string()))?;
    Ok([DOMAIN, &said].concat())
}

impl Proof {
    /// The proof that a signature over [`message`] makes; it verifies, or there is none.
    pub fn new(key: &PublicKey, challenge: &str, signature: &[u8]) -> Result<Self, ProofError> {
        let (keyid, scheme, challenge) = (key.keyid(), key.scheme(), challenge.to_owned());
        let proof = Self { keyid, scheme, sig: hex::encode(signature), challenge };
        proof.verify(key, &proof.challenge)?;
        Ok(proof)
    }

    /// Reads a file; nothing is verified yet.
    pub fn read(file: &[u8]) -> Result<Self, ProofError> {
        // A key that stands twice is refused by the struct.
        let read = serde_json::from_slice(file).map_err(|error| ProofError::Form(error.to_string()));
        let Object::<File>(read) = read?;
        if read.format != FORMAT {
            return Err(ProofError::Form(format!("format {}; this version reads {FORMAT}", read.format)));
        }
        let scheme =
            read.scheme.parse().map_err(|_| ProofError::Form(format!("scheme {:?}", read.scheme)))?;
        Ok(Self { keyid: read.keyid, scheme, challenge: read.challenge, sig: read.sig })
    }

    /// The file, on one line.
    pub fn to_file(&self) -> String {
        let Self { keyid, scheme, challenge, sig } = self;
        let [keyid, challenge, sig] = [&keyid.0, challenge, sig].map(|text| Value::from(text.as_str()));
        format!(
            "{{\"keyrite-proof\":{FORMAT},\"keyid\":{keyid},\"scheme\":\"{}\",\"challenge\":{challenge},\"sig\":{sig}}}\n",
            scheme.as_str()
        )
    }

    /// Whether it proves possession of `key` for `challenge`.
    pub fn verify(&self, key: &PublicKey, challenge: &str) -> Result<(), ProofError> {
        if self.keyid != key.keyid() || self.scheme != key.scheme() {
            return Err(ProofError::OtherKey { found: self.keyid.clone(), wanted: key.keyid() });
        }
        if self.challenge != challenge {
            let (found, wanted) = (self.challenge.clone(), challenge.to_owned());
            return Err(ProofError::OtherOccasion { found, wanted });
        }
        let signature = hex::decode(&self.sig).map_err(|_| ProofError::BadSignature)?;
        key.verify(&message(key, challenge)?, &signature).map_err(|_| ProofError::BadSignature)
    }
}

/// Whether a file of metadata proves possession as well: the key itself signed it.
pub fn by_metadata(file: &[u8], key: &PublicKey) -> Result<(), ProofError> {
    let metadata = Metadata::parse(file).map_err(|error| ProofError::Form(error.to_string()))?;
    // Whatever label the file gives the key.
    let labels = metadata.signatures().iter().map(|Signature { keyid, .. }| (keyid.clone(), key.clone()));
    let alone = RoleKeys { keys: labels.collect(), threshold: 1 };
    alone.verify(metadata.payload(), metadata.signatures()).map_err(|_| ProofError::BadSignature)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;

    const OCCASION: &str = "2027-06-add-dev";

    fn signer(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn public(n: u8) -> PublicKey {
        PublicKey::ed25519(signer(n).verifying_key().to_bytes())
    }

    fn proof(n: u8, challenge: &str) -> Proof {
        let signature = signer(n).sign(&message(&public(n), challenge).unwrap());
        Proof::new(&public(n), challenge, &signature.to_bytes()).unwrap()
    }

    #[test]
    fn a_proof_is_written_read_and_verified() {
        let made = proof(1, "a \"quoted\" occasion");

        let read = Proof::read(made.to_file().as_bytes()).unwrap();

        assert_eq!(read, made);
        assert_eq!(read.verify(&public(1), "a \"quoted\" occasion"), Ok(()));
    }

    #[test]
    fn a_proof_is_of_one_key_for_one_occasion() {
        let made = proof(1, OCCASION);

        assert!(matches!(made.verify(&public(2), OCCASION), Err(ProofError::OtherKey { .. })));
        assert!(matches!(made.verify(&public(1), "2026-genesis"), Err(ProofError::OtherOccasion { .. })));
        let renamed = Proof { challenge: "2026-genesis".to_owned(), ..made.clone() };
        assert_eq!(renamed.verify(&public(1), "2026-genesis"), Err(ProofError::BadSignature));
        let claimed = Proof { keyid: public(2).keyid(), ..made };
        assert_eq!(claimed.verify(&public(2), OCCASION), Err(ProofError::BadSignature));
    }

    #[test]
    fn a_signature_over_the_bare_text_proves_nothing() {
        let said = message(&public(1), OCCASION).unwrap();
        for other in [&said[DOMAIN.len()..], OCCASION.as_bytes(), b""] {
            let signature = signer(1).sign(other).to_bytes();

            assert_eq!(Proof::new(&public(1), OCCASION, &signature), Err(ProofError::BadSignature));
        }
        // Metadata is never mistaken for it, whoever chooses its content.
        assert!(said.starts_with(b"keyrite proof of possession\0{"));
    }

    #[test]
    fn what_is_no_proof_file_is_refused() {
        let file = proof(1, OCCASION).to_file();
        for (from, to) in [
            ("\"keyrite-proof\":1", "\"keyrite-proof\":2"),
            ("\"keyrite-proof\":1,", ""),
            ("\"scheme\":\"ed25519\"", "\"scheme\":\"none\""),
            ("\"challenge\":", "\"challenge\":\"a\",\"challenge\":"),
            ("}\n", ",\"more\":1}"),
            ("{", "[{"),
            (file.as_str(), "[1,\"a\",\"ed25519\",\"b\",\"00\"]"),
        ] {
            let text = file.replacen(from, to, 1);

            assert!(matches!(Proof::read(text.as_bytes()), Err(ProofError::Form(_))), "{text}");
        }
        for challenge in ["", " a", "a\nb", &"a".repeat(201)] {
            assert_eq!(message(&public(1), challenge), Err(ProofError::ChallengeForm), "{challenge:?}");
        }
    }

    #[test]
    fn a_role_that_the_key_signed_proves_it_too() {
        let mut metadata = Metadata::unsigned(json!({"_type": "targets"})).unwrap();
        let sig = hex::encode(signer(1).sign(metadata.payload()).to_bytes());
        metadata.add(Signature { keyid: KeyId("any".to_owned()), sig });

        assert_eq!(by_metadata(&metadata.to_file(), &public(1)), Ok(()));
        assert_eq!(by_metadata(&metadata.to_file(), &public(2)), Err(ProofError::BadSignature));
        assert!(matches!(by_metadata(b"{}", &public(1)), Err(ProofError::Form(_))));
    }
}
