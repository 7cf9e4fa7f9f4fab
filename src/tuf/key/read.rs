//! Public key files of every kind that we read: our JSON, Notary's, PEM, OpenSSH, a hex point.

use serde_json::Value;
use serde_json::json;

use crate::tuf::base64;
use crate::tuf::json;
use crate::tuf::key::KeyError;
use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;
use crate::tuf::key::UnknownScheme;
use crate::tuf::key::private::private_material;
use crate::tuf::key::verifier::Verifier;

/// No public key file is larger.
const MAX_FILE: usize = 64 * 1024;

/// Reads a public key file of any kind. A private key is refused with a sentence that does not repeat it.
pub(super) fn read(file: &[u8]) -> Result<PublicKey, KeyError> {
    if file.len() > MAX_FILE {
        return Err(KeyError("too large for a public key file".to_owned()));
    }
    if let Some(shape) = private_material(file) {
        return Err(KeyError(format!(
            "this is {shape}, not a public key; nothing of it was kept: give the public half, and move this file \
             to where private keys live"
        )));
    }
    let text = std::str::from_utf8(file).map_err(|_| unknown())?.trim();
    if text.starts_with('{') {
        return from_file_json(&json::parse(file).map_err(KeyError)?);
    }
    if is_pem(text) {
        return from_pem(text);
    }
    if is_openssh(text) {
        return from_openssh(text);
    }
    match hex::decode(text) {
        Ok(point) => from_point(&point),
        Err(_) => Err(unknown()),
    }
}

fn unknown() -> KeyError {
    KeyError("not a public key file: JSON, PEM, OpenSSH or a point in hex".to_owned())
}

/// Our JSON; or what a Notary server answers for `timestamp.key`, which has no scheme and base64 for PEM.
fn from_file_json(object: &Value) -> Result<PublicKey, KeyError> {
    if object.get("scheme").is_some() {
        let key = PublicKey::from_json(object)?;
        return match key.scheme() {
            Scheme::VerifyOnly(_) => Err(KeyError(UnknownScheme(key.scheme().to_string()).to_string())),
            _ => Ok(key),
        };
    }
    let public = object["keyval"]["public"].as_str().ok_or_else(unknown)?;
    let der = base64::decode(public).ok_or_else(unknown)?;
    match object["keytype"].as_str() {
        Some("ed25519") => from_point(&der),
        Some("ecdsa" | "rsa") => from_spki(&der),
        _ => Err(KeyError(format!("keytype {} is not known", object["keytype"]))),
    }
}

/// The scheme follows from the algorithm.
fn from_spki(der: &[u8]) -> Result<PublicKey, KeyError> {
    let found = Scheme::ALL.into_iter().find_map(|scheme| Verifier::from_spki(scheme, der).ok());
    if let Some(verifier) = found {
        return PublicKey::ours(verifier);
    }
    // Say why, where the algorithm is one of ours and the key is not good enough.
    match spki::SubjectPublicKeyInfoRef::try_from(der) {
        Ok(info) if info.algorithm.oid.to_string() == "1.2.840.113549.1.1.1" => {
            Verifier::from_spki(Scheme::RsaPssSha256, der).and_then(PublicKey::ours)
        }
        Ok(info) if info.algorithm.oid.to_string() == "1.3.101.112" => {
            Verifier::from_spki(Scheme::Ed25519, der).and_then(PublicKey::ours)
        }
        Ok(_) => Err(KeyError(
            "a public key, but not Ed25519, P-256, P-384 or RSA of 2048 bits and more".to_owned(),
        )),
        Err(e) => Err(KeyError(format!("not a SubjectPublicKeyInfo: {e}"))),
    }
}

fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
    from_spki(&pem_to_der(text)?)
}

/// Whether this is meant as PEM.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN")
}

/// The DER inside `-----BEGIN PUBLIC KEY-----`, with white space as it comes. Text around it explains it (RFC 7468
/// section 5.2); another block makes it unclear which is meant.
pub(super) fn pem_to_der(text: &str) -> Result<Vec<u8>, KeyError> {
    let (before, rest) = text.split_once("-----BEGIN PUBLIC KEY-----").unwrap_or_default();
    let (body, after) = rest.split_once("-----END PUBLIC KEY-----").unwrap_or_default();
    if body.is_empty() || is_pem(before) || is_pem(after) {
        return Err(KeyError("not PEM of the kind PUBLIC KEY, or more than one block".to_owned()));
    }
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::decode(&body).ok_or_else(|| KeyError("the PEM does not hold base64".to_owned()))
}

/// Whether this is meant as a line of OpenSSH. Keys on FIDO tokens are called `sk-...`.
pub(crate) fn is_openssh(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|kind| text.starts_with(kind))
}

/// One line of OpenSSH (RFC 4253 section 6.6, RFC 8709, RFC 5656).
fn from_openssh(line: &str) -> Result<PublicKey, KeyError> {
    let mut words = line.split_ascii_whitespace();
    let (name, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let bad = || KeyError(format!("not an OpenSSH key of the kind {name}"));
    let blob = base64::decode(blob).ok_or_else(bad)?;
    let (kind, rest) = ssh_string(&blob).ok_or_else(bad)?;
    if kind != name.as_bytes() {
        return Err(bad());
    }
    let scheme = match name {
        "ssh-rsa" => return from_openssh_rsa(rest).ok_or_else(bad)?,
        "ssh-ed25519" => Scheme::Ed25519,
        "ecdsa-sha2-nistp256" => Scheme::EcdsaP256,
        "ecdsa-sha2-nistp384" => Scheme::EcdsaP384,
        _ => {
            return Err(KeyError(format!(
                "OpenSSH keys of the kind {name} are not read; ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 and ssh-rsa are"
            )));
        }
    };
    let rest = match scheme {
        Scheme::Ed25519 => rest,
        _ => ssh_string(rest).ok_or_else(bad)?.1,
    };
    match ssh_string(rest) {
        Some((point, [])) => Verifier::from_point(scheme, point).and_then(PublicKey::ours),
        _ => Err(bad()),
    }
}

/// The exponent, then the modulus; `None` where it is not that.
fn from_openssh_rsa(numbers: &[u8]) -> Option<Result<PublicKey, KeyError>> {
    let (exponent, rest) = ssh_string(numbers)?;
    match ssh_string(rest)? {
        (modulus, []) => Some(Verifier::rsa(exponent, modulus).and_then(PublicKey::ours)),
        _ => None,
    }
}

fn ssh_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// A point names its curve by its length.
fn from_point(point: &[u8]) -> Result<PublicKey, KeyError> {
    let scheme = match point.len() {
        32 => Scheme::Ed25519,
        33 | 65 => Scheme::EcdsaP256,
        49 | 97 => Scheme::EcdsaP384,
        other => return Err(KeyError(format!("no curve has points of {other} bytes"))),
    };
    Verifier::from_point(scheme, point).and_then(PublicKey::ours)
}

/// The key object that we write: keytype, scheme and keyval alone.
pub(super) fn our_json(scheme: Scheme, public: &str) -> Value {
    json!({"keytype": scheme.keytype(), "scheme": scheme.as_str(), "keyval": {"public": public}})
}
