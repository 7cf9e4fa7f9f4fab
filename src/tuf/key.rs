//! Public keys: how metadata writes them, what identifies them, how they verify.
//!
//! A key is a label (`keyid`, a name only), an object in JSON (kept as read) and its material, which decides
//! whether two keys are one. `verifier` holds the parsed key, `read` knows the files that people bring,
//! `private` knows what must never be taken for a public key.

mod private;
mod proof;
mod read;
mod scheme;
mod slip;
mod verifier;
mod verify_only;

use std::fmt;
use std::sync::Arc;

use pkcs8::AssociatedOid;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::canonical;
pub(crate) use proof::Proof;
use verifier::Verifier;

pub(crate) use private::MARKS;
pub use private::private_material;
pub(crate) use read::is_openssh;
pub use scheme::Scheme;
pub use scheme::UnknownScheme;
pub use scheme::VerifyOnly;

/// The label under which metadata lists a key. A name only: what counts is the key's [`Material`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

/// What stands beside a person's name where their keyid is not the hash of the key that is listed under it.
pub(crate) const DOUBT: &str = " (THE KEYID IS NOT THE HASH OF THIS KEY)";

impl KeyId {
    /// Whether this label is a hash of the key that is listed under it: over the whole object, or over keytype, scheme and
    /// keyval alone.
    pub fn is_hash_of(&self, key: &Value) -> bool {
        let is = |key: &Value| {
            canonical::to_vec(key).is_ok_and(|form| self.0 == hex::encode(Sha256::digest(form)))
        };
        let three = ["keytype", "scheme", "keyval"].map(|name| (name.to_owned(), key[name].clone()));
        is(key) || is(&Value::Object(three.into_iter().collect()))
    }

    /// What is said beside the name of whom this label belongs to: names go by keyids, and anyone can list another key under
    /// one. No fault, for older tools called keys otherwise.
    pub(crate) fn doubt(&self, key: &Value) -> &'static str {
        if self.is_hash_of(key) { "" } else { DOUBT }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

/// What makes two keys the same key, however metadata writes them: its SubjectPublicKeyInfo in DER.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Material(pub Vec<u8>);

/// A public key as metadata lists it; unknown fields are kept.
///
/// A copy is the same key and costs nothing: thousands of roles may name one key, however much its entry says.
#[derive(Clone, Debug)]
pub struct PublicKey(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    json: Value,
    scheme: Scheme,
    material: Material,
    verifier: Verifier,
}

/// Equal when metadata writes them alike; [`PublicKey::material`] says whether they are one key.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.json == other.0.json
    }
}

impl PublicKey {
    /// A key object of metadata, fields beyond keytype, scheme and keyval included.
    pub fn from_json(json: &Value) -> Result<Self, KeyError> {
        let field = |name: &str| {
            let text = json.get(name).and_then(Value::as_str);
            text.ok_or_else(|| KeyError(format!("a key without {name}")))
        };
        let scheme = Scheme::in_metadata(field("scheme")?).map_err(|e| KeyError(e.to_string()))?;
        let keytype = field("keytype")?;
        if !scheme.reads_keytype(keytype) {
            return Err(KeyError(format!("keytype {keytype:?} does not go with the scheme {scheme}")));
        }
        let keyval = json.get("keyval").and_then(Value::as_object);
        let keyval = keyval.ok_or_else(|| KeyError("a key without keyval".to_owned()))?;
        // Other members are kept and ignored, as the specification has it; whoever publishes this one has lost the key.
        if keyval.get("private").is_some_and(|private| !private.is_null() && private != "") {
            return Err(KeyError("keyval has \"private\" beside the public key".to_owned()));
        }
        let public = keyval.get("public").and_then(Value::as_str);
        let public = public.ok_or_else(|| KeyError("keyval without public".to_owned()))?;
        let verifier = if scheme != Scheme::Ed25519 && read::is_pem(public) {
            Verifier::from_spki(scheme, &read::pem_to_der(public)?)?
        } else {
            let point = hex::decode(public).map_err(|_| KeyError("the public key is not hex".to_owned()))?;
            Verifier::from_point(scheme, &point)?
        };
        let material = Material(verifier.to_spki()?);
        Ok(Self(Arc::new(Parts { json: json.clone(), scheme, material, verifier })))
    }

    /// An Ed25519 key, by its point. A point that no good key has verifies nothing.
    pub fn ed25519(point: [u8; 32]) -> Self {
        let json = read::our_json(Scheme::Ed25519, &hex::encode(point));
        let material = Material(verifier::ed25519_spki(&point));
        let verifier = Verifier::ed25519(point);
        Self(Arc::new(Parts { json, scheme: Scheme::Ed25519, material, verifier }))
    }

    /// A key in SubjectPublicKeyInfo DER, used with `scheme`.
    pub fn from_spki_der(scheme: Scheme, der: &[u8]) -> Result<Self, KeyError> {
        Self::ours(Verifier::from_spki(scheme, der)?)
    }

    /// A public key file of any kind that we read: our JSON, PEM, OpenSSH, Notary's `timestamp.key`, a hex point.
    pub fn read(file: &[u8]) -> Result<Self, KeyError> {
        read::read(file)
    }

    /// The key as we write it: nothing but keytype, scheme and keyval, so that all compute the same keyid.
    fn ours(verifier: Verifier) -> Result<Self, KeyError> {
        let scheme = match &verifier {
            Verifier::Ed25519(..) => Scheme::Ed25519,
            Verifier::P256(_) => Scheme::EcdsaP256,
            Verifier::P384(_) => Scheme::EcdsaP384,
            Verifier::Rsa(_) => Scheme::RsaPssSha256,
            Verifier::VerifyOnly(key) => Scheme::VerifyOnly(key.scheme()),
        };
        let material = Material(verifier.to_spki()?);
        let public = match &verifier {
            Verifier::Ed25519(point, _) => hex::encode(point),
            _ => pem(&material),
        };
        let json = read::our_json(scheme, &public);
        Ok(Self(Arc::new(Parts { json, scheme, material, verifier })))
    }

    /// The key object, as read; ours has keytype, scheme and keyval alone.
    pub fn to_json(&self) -> &Value {
        &self.0.json
    }

    /// The SubjectPublicKeyInfo in PEM, as openssl reads it.
    pub fn to_pem(&self) -> String {
        pem(&self.0.material)
    }

    /// SHA-256 of the canonical form of the key object (TUF section 4.2).
    pub fn keyid(&self) -> KeyId {
        // `from_json` can be given a fraction in an unknown field: such an object has no canonical form and no hash.
        let form = canonical::to_vec(&self.0.json).unwrap_or_default();
        KeyId(hex::encode(Sha256::digest(form)))
    }

    /// Whether `label` is a hash of this key: over the whole object, or over keytype, scheme and keyval alone.
    pub fn is_keyid(&self, label: &KeyId) -> bool {
        label.is_hash_of(&self.0.json)
    }

    /// Bits of the modulus of an RSA key.
    pub fn rsa_bits(&self) -> Option<u32> {
        self.0.verifier.rsa_bits()
    }

    /// The scheme it signs with.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The key itself; two objects with equal material are one key.
    pub fn material(&self) -> Material {
        self.0.material.clone()
    }

    /// The same, borrowed.
    pub(crate) fn material_ref(&self) -> &Material {
        &self.0.material
    }

    /// Begins to prove `signature` over a message that goes by in pieces; `None` where the scheme needs it whole.
    pub(crate) fn begin(&self, signature: &[u8]) -> Option<Proof> {
        Proof::begin(&self.0.verifier, signature)
    }

    /// Proves `signature` over `message`: Ed25519 strictly, ECDSA in DER, RSA-PSS with any salt length, ML-DSA as in TAP 21.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.0.verifier.verify(message, signature)
    }

    /// Proves `signature` over `message` by an RSA key with the padding of PKCS#1 v1.5, as OpenSSH signs.
    pub(crate) fn verify_pkcs1<D: Digest + AssociatedOid>(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.0.verifier.verify_pkcs1::<D>(message, signature)
    }

    /// Whether `signature` is an RSA-PSS one that verifies, with another salt than one as long as the digest: python-tuf
    /// takes it, and tough does not.
    pub fn has_other_salt(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifier.other_salt(message, signature)
    }
}

fn pem(material: &Material) -> String {
    // The form of openssl: 64 characters a line, a line break at the end.
    let encoded = pkcs8::der::pem::encode_string("PUBLIC KEY", pkcs8::LineEnding::LF, &material.0);
    encoded.unwrap_or_default()
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
