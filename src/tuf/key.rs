//! Public keys: how metadata writes them, what identifies them, how they verify.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// The label under which metadata lists a key. A name only: what counts is the key's [`Material`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signature scheme that we sign with and verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `ed25519`
    Ed25519,
    /// `ecdsa-sha2-nistp256`, DER signatures
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`, DER signatures
    EcdsaP384,
    /// `rsassa-pss-sha256`, 2048 bits and more; written with a salt of 32 bytes, read with any
    RsaPssSha256,
}

/// A scheme that this program does not know.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a scheme; use ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or rsassa-pss-sha256")]
pub struct UnknownScheme(pub String);

impl Scheme {
    /// Every scheme, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256, Self::EcdsaP384, Self::RsaPssSha256];

    /// The name in metadata and in ceremony files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::RsaPssSha256 => "rsassa-pss-sha256",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.as_str() == text);
        found.ok_or_else(|| UnknownScheme(text.to_owned()))
    }
}

/// Why a public key cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct KeyError(pub String);

/// A signature that does not verify.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// What makes two keys the same key, however metadata writes them: the key itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Material(pub Vec<u8>);

/// A public key as metadata lists it; unknown fields are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    json: Value,
    // helper: add what verification needs (parsed material)
}

impl PublicKey {
    /// A key object of metadata, fields beyond keytype, scheme and keyval included.
    pub fn from_json(json: &Value) -> Result<Self, KeyError> {
        let _ = json;
        todo!()
    }

    /// An Ed25519 key.
    pub fn ed25519(point: [u8; 32]) -> Self {
        let _ = point;
        todo!()
    }

    /// A key in SubjectPublicKeyInfo DER, used with `scheme`.
    pub fn from_spki_der(scheme: Scheme, der: &[u8]) -> Result<Self, KeyError> {
        let _ = (scheme, der);
        todo!()
    }

    /// A public key file of any kind that we read: our JSON, PEM, OpenSSH, Notary's `timestamp.key`, a hex point.
    pub fn read(file: &[u8]) -> Result<Self, KeyError> {
        let _ = file;
        todo!()
    }

    /// The key object, as read; ours has keytype, scheme and keyval alone.
    pub fn to_json(&self) -> &Value {
        &self.json
    }

    /// The SubjectPublicKeyInfo in PEM, as openssl reads it.
    pub fn to_pem(&self) -> String {
        todo!()
    }

    /// SHA-256 of the canonical form of the key object (TUF section 4.2).
    pub fn keyid(&self) -> KeyId {
        todo!()
    }

    /// The scheme it signs with.
    pub fn scheme(&self) -> Scheme {
        todo!()
    }

    /// The key itself; two objects with equal material are one key.
    pub fn material(&self) -> Material {
        todo!()
    }

    /// Proves `signature` over `message`: Ed25519 strictly, ECDSA in DER, RSA-PSS with any salt length.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let _ = (message, signature);
        todo!()
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
