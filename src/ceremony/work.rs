//! What was built of a role: its file, or the files of all its bins.

use crate::plan::bins::Bins;
use crate::tuf::Bytes;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::metadata::Signature;
use crate::words::Digest;

/// One or many payloads that people treat as one: built, reviewed, signed and counted together.
#[derive(Clone, Debug)]
pub enum Work {
    /// The role's file.
    File(Metadata),
    /// Its bins.
    Bins(Box<Bins>),
}

impl Work {
    /// The bins, where it is bins.
    pub fn bins(&self) -> Option<&Bins> {
        match self {
            Self::File(_) => None,
            Self::Bins(bins) => Some(bins),
        }
    }

    /// The same once all have signed, in as little memory as their files take.
    pub(super) fn settled(&self) -> Self {
        match self {
            Self::File(metadata) => Self::File(metadata.clone()),
            Self::Bins(bins) => {
                Self::Bins(Box::new(Bins { group: bins.group.as_in_files(), all: bins.all.clone() }))
            }
        }
    }

    /// What is signed, in order.
    pub fn payloads(&self) -> Vec<Bytes> {
        match self {
            Self::File(metadata) => vec![metadata.payload().clone()],
            Self::Bins(bins) => bins.group.payloads(),
        }
    }

    /// Bytes of all payloads.
    pub fn length(&self) -> u64 {
        match self {
            Self::File(metadata) => metadata.payload().len() as u64,
            Self::Bins(bins) => bins.group.length(),
        }
    }

    /// What people compare: of the payload, or of the list of payloads.
    pub fn digest(&self) -> Digest {
        match self {
            Self::File(metadata) => Digest(metadata.sha256()),
            Self::Bins(bins) => Digest(bins.group.digest()),
        }
    }

    /// What people read.
    pub fn content(&self) -> &Metadata {
        match self {
            Self::File(metadata) => metadata,
            Self::Bins(bins) => &bins.all,
        }
    }

    /// Takes in a key's signatures, one for each payload, in order. All verify, or nothing is
    /// taken in, and the error says more than that where there is more to say.
    pub(super) fn sign(
        &mut self,
        keyid: &KeyId,
        key: &PublicKey,
        signatures: &[Vec<u8>],
    ) -> Result<(), Option<String>> {
        match (self, signatures) {
            (Self::File(metadata), [signature]) => {
                metadata.payload().verify(key, signature).map_err(|_| None)?;
                metadata.add(Signature { keyid: keyid.clone(), sig: hex::encode(signature) });
                Ok(())
            }
            (Self::File(_), _) => Err(Some(format!("{} signatures for one payload", signatures.len()))),
            (Self::Bins(bins), _) => {
                bins.group.add(keyid, key, signatures).map_err(|error| Some(error.to_string()))
            }
        }
    }
}
