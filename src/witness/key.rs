//! The public key with which a participant signs outside this program, as the ceremony file names it.

use sha2::Digest as _;
use sha2::Sha256;

use crate::tuf::PublicKey;
use crate::tuf::base64;
use crate::tuf::key::is_openssh;

/// A statement key.
#[derive(Clone, Debug)]
pub struct StatementKey {
    /// As the file writes it.
    text: String,
    pub(super) kind: Kind,
}

/// Whose tool it belongs to.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `ssh-ed25519 AAAA...`: OpenSSH; with the key as its signatures carry it.
    Ssh { blob: Vec<u8>, key: PublicKey },
    /// `RWQ...`: minisign.
    Minisign { id: [u8; 8], key: PublicKey },
    /// `name+1a2b3c4d+BA...`: a cosigner of C2SP.
    Cosigner { name: String, id: [u8; 4], key: PublicKey },
}

impl PartialEq for StatementKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for StatementKey {}

/// The byte that a cosigner's Ed25519 key begins with.
const COSIGNATURE_V1: u8 = 0x04;

impl StatementKey {
    /// Reads a key of any of the three kinds.
    pub fn read(text: &str) -> Result<Self, String> {
        let kind = match text {
            ssh if is_openssh(ssh) => {
                let key = PublicKey::read(ssh.as_bytes()).map_err(|error| error.to_string())?;
                let blob = ssh.split_ascii_whitespace().nth(1).and_then(base64::decode);
                Kind::Ssh { blob: blob.ok_or("not an OpenSSH key")?, key }
            }
            minisign if minisign.starts_with("RW") => of_minisign(minisign)?,
            vkey if vkey.contains('+') => of_cosigner(vkey)?,
            _ => {
                return Err(
                    "not the line of an OpenSSH key, of a minisign key, or NAME+ID+KEY of a cosigner".into(),
                );
            }
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// As the file writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What makes two of them one key: a thief of one has the other, whatever tool it is for.
    pub fn material(&self) -> crate::tuf::key::Material {
        match &self.kind {
            Kind::Ssh { key, .. } | Kind::Minisign { key, .. } | Kind::Cosigner { key, .. } => key.material(),
        }
    }

    /// The tool that signs with it.
    pub fn tool(&self) -> &'static str {
        match &self.kind {
            Kind::Ssh { .. } => "ssh-keygen",
            Kind::Minisign { .. } => "minisign",
            Kind::Cosigner { .. } => "a cosigner",
        }
    }
}

/// `Ed`, eight bytes of an id, and the point.
fn of_minisign(text: &str) -> Result<Kind, String> {
    let bytes = base64::decode(text).filter(|bytes| bytes.len() == 42);
    let bytes = bytes.ok_or("not the second line of a minisign public key")?;
    let (id, point) = bytes[2..].split_first_chunk::<8>().ok_or("too short")?;
    let point = point.try_into().map_err(|_| "too short")?;
    if &bytes[..2] != b"Ed" {
        return Err("a minisign key of an algorithm that is not known".into());
    }
    Ok(Kind::Minisign { id: *id, key: PublicKey::ed25519(point) })
}

/// Name, id and key of C2SP signed-note; the id follows from the other two.
fn of_cosigner(text: &str) -> Result<Kind, String> {
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(id), Some(key)) = (name, id, key) else { return Err("not NAME+ID+KEY".into()) };
    let id: [u8; 4] =
        hex::decode(id).ok().and_then(|id| id.try_into().ok()).ok_or("the id is not of eight hex digits")?;
    let bytes = base64::decode(key).ok_or("the key is not base64")?;
    let point: [u8; 32] = match bytes.split_first() {
        Some((&COSIGNATURE_V1, point)) => point.try_into().map_err(|_| "the key is not of 32 bytes")?,
        Some((algorithm, _)) => {
            return Err(format!(
                "a cosigner's key that begins with the byte {algorithm} is not read; cosignature/v1 by Ed25519 is, which begins with 4"
            ));
        }
        None => return Err("the key is empty".into()),
    };
    let named = Sha256::digest([name.as_bytes(), b"\n", &bytes].concat());
    if name.is_empty() || name.contains(char::is_whitespace) || named[..4] != id {
        return Err("the id is not that of this name and key".into());
    }
    Ok(Kind::Cosigner { name: name.to_owned(), id, key: PublicKey::ed25519(point) })
}
