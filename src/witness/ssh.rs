//! Signatures by `ssh-keygen -Y sign` (PROTOCOL.sshsig).

use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::base64;
use crate::tuf::foreign_signature;
use crate::witness::NAMESPACE;

const MAGIC: &[u8] = b"SSHSIG";

/// What the armour holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    kind: Vec<u8>,
    signature: Vec<u8>,
}

pub(super) fn read(text: &str) -> Result<Signature, String> {
    let text = text.replace('\r', "");
    let body = text
        .trim()
        .strip_prefix("-----BEGIN SSH SIGNATURE-----\n")
        .and_then(|rest| rest.strip_suffix("\n-----END SSH SIGNATURE-----"))
        .and_then(|body| base64::decode(&body.replace('\n', "")));
    let body = body.ok_or("it is not a whole SSH signature")?;
    let rest = body.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&1_u32.to_be_bytes()[..]));
    let mut rest = rest.ok_or("it is not an SSH signature of version 1")?;
    let mut next = || {
        let (string, after) = string(rest).ok_or("it is cut short")?;
        rest = after;
        Ok::<_, String>(string.to_vec())
    };
    let (key, namespace, reserved, hash, blob) = (next()?, next()?, next()?, next()?, next()?);
    let (kind, after) = string(&blob).ok_or("it is cut short")?;
    match (string(after), rest) {
        (Some((signature, [])), []) => Ok(Signature {
            key,
            namespace,
            reserved,
            hash,
            kind: kind.to_vec(),
            signature: signature.to_vec(),
        }),
        _ => Err("its signature is not one that this program reads".to_owned()),
    }
}

impl Signature {
    /// Whether this key signed `message` for our namespace.
    pub(super) fn verify(&self, blob: &[u8], key: &PublicKey, message: &[u8]) -> bool {
        let hash = match self.hash.as_slice() {
            b"sha512" => Sha512::digest(message).to_vec(),
            b"sha256" => Sha256::digest(message).to_vec(),
            _ => return false,
        };
        if self.key != blob || self.namespace != NAMESPACE.as_bytes() {
            return false;
        }
        let signed = [
            MAGIC.to_vec(),
            packed(&self.namespace),
            packed(&self.reserved),
            packed(&self.hash),
            packed(&hash),
        ];
        let signed = signed.concat();
        let verified = |signature: Vec<u8>| foreign_signature::verified(key, &signed, &signature).is_some();
        match (key.scheme(), self.kind.as_slice()) {
            (Scheme::Ed25519, b"ssh-ed25519") => verified(self.signature.clone()),
            (Scheme::EcdsaP256, b"ecdsa-sha2-nistp256") => self.pair(32).is_some_and(verified),
            (Scheme::EcdsaP384, b"ecdsa-sha2-nistp384") => self.pair(48).is_some_and(verified),
            (Scheme::RsaPssSha256, b"rsa-sha2-512") => {
                key.verify_pkcs1::<Sha512>(&signed, &self.signature).is_ok()
            }
            (Scheme::RsaPssSha256, b"rsa-sha2-256") => {
                key.verify_pkcs1::<Sha256>(&signed, &self.signature).is_ok()
            }
            // Among them ssh-rsa, which is SHA-1.
            _ => false,
        }
    }

    /// The two numbers of an ECDSA signature, each of so many bytes.
    fn pair(&self, width: usize) -> Option<Vec<u8>> {
        let number = |bytes: &[u8]| {
            let digits = bytes.strip_prefix(&[0]).unwrap_or(bytes);
            Some([vec![0; width.checked_sub(digits.len())?], digits.to_vec()].concat())
        };
        let (r, rest) = string(&self.signature)?;
        match string(rest)? {
            (s, []) => Some([number(r)?, number(s)?].concat()),
            _ => None,
        }
    }
}

/// A string of RFC 4251, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    // A string of ours or of a file of 64 KiB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}
