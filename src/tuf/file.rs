//! A file of metadata in memory: its bytes, and what they say, read once for all who hold it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::tuf::Bytes;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;

/// A file. A copy is the same file, and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct SignedFile(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    bytes: Bytes,
    read: OnceLock<Result<Arc<Metadata>, MetadataError>>,
}

impl SignedFile {
    /// The file of metadata: its bytes are read as any others, and what is known of the payload stays known.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let bytes = Bytes::from(metadata.to_file());
        let read = Metadata::parse_held(&bytes, Some(metadata)).map(Arc::new);
        Self(Arc::new(Held { bytes, read: read.into() }))
    }

    /// What it says.
    pub fn metadata(&self) -> Result<&Arc<Metadata>, MetadataError> {
        let read = self.0.read.get_or_init(|| Metadata::parse_held(&self.0.bytes, None).map(Arc::new));
        read.as_ref().map_err(Clone::clone)
    }
}

impl<T: Into<Bytes>> From<T> for SignedFile {
    fn from(bytes: T) -> Self {
        Self(Arc::new(Held { bytes: bytes.into(), read: OnceLock::new() }))
    }
}

impl Deref for SignedFile {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0.bytes
    }
}

/// The rest follows from the bytes.
impl PartialEq for SignedFile {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
