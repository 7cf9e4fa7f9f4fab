//! A cosignature as it came, and what it is over.

use crate::tuf::Date;
use crate::witness::Checkpoint;
use crate::witness::StatementKey;
use crate::witness::key::Kind;
use crate::witness::minisign;
use crate::witness::note;
use crate::witness::ssh;

/// No file of a cosignature is larger.
pub const MAX_FILE: u64 = 64 * 1024;

/// A file that someone's tool wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cosignature {
    /// `ssh-keygen -Y sign`
    Ssh(ssh::Signature),
    /// `minisign -S`
    Minisign(minisign::Signature),
    /// A checkpoint with signature lines below, or such a line alone.
    Note(note::Note),
}

/// A cosignature that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it is over.
    pub checkpoint: Checkpoint,
    /// When it was made, if it says so and signs that as well.
    pub said: Option<Date>,
}

impl Cosignature {
    /// Reads a file of any of the three kinds.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(file).map_err(|_| "it is not text".to_owned())?;
        match text {
            ssh if ssh.starts_with("-----BEGIN SSH SIGNATURE-----") => ssh::read(ssh).map(Self::Ssh),
            minisign if minisign.starts_with("untrusted comment:") => {
                minisign::read(minisign).map(Self::Minisign)
            }
            note => note::read(note).map(Self::Note),
        }
    }

    /// How its file is called.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "sshsig",
            Self::Minisign(_) => "minisig",
            Self::Note(_) => "note",
        }
    }

    /// The checkpoint that this key signed so; the first of these that fits.
    pub fn verify(&self, key: &StatementKey, checkpoints: &[Checkpoint]) -> Option<Verified> {
        checkpoints.iter().find_map(|checkpoint| {
            let text = checkpoint.text();
            let said = match (self, &key.kind) {
                (Self::Ssh(signature), Kind::Ssh { blob, key }) => {
                    signature.verify(blob, key, text.as_bytes()).then_some(None)
                }
                (Self::Minisign(signature), Kind::Minisign { id, key }) => {
                    signature.verify(*id, key, text.as_bytes())
                }
                (Self::Note(note), Kind::Cosigner { name, id, key }) => {
                    note.verify(name, *id, key, &text).map(Some)
                }
                _ => None,
            };
            said.map(|said| Verified { checkpoint: checkpoint.clone(), said })
        })
    }
}
