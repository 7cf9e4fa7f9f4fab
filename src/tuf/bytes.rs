//! Bytes in memory that never change, and what was found out about them: each fact once, for all who hold them.
//!
//! A fact is about these very bytes. It is found here and cannot be given, and bytes that were read again, or made
//! again, begin with none: they share those of others only once they were compared with them, byte for byte.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::io::Read;
use std::ops::Deref;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use sha2::Digest;
use sha2::Sha256;

use crate::tuf::key::BadSignature;
use crate::tuf::key::Material;
use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;
use crate::tuf::key::private_material;
use crate::tuf::role::Message;

/// Bytes that never change. A copy is the same bytes, with the same facts, and costs nothing.
#[derive(Clone)]
pub struct Bytes {
    text: Arc<Text>,
    facts: Arc<Facts>,
}

enum Text {
    Own(Vec<u8>),
    /// As it lies in others.
    Within(Bytes, Range<usize>),
}

#[derive(Default)]
struct Facts {
    sha256: OnceLock<[u8; 32]>,
    private: OnceLock<Option<&'static str>>,
    /// Signatures that were proven, each with the key that made it.
    proven: Mutex<BTreeSet<(Scheme, Material, Vec<u8>)>>,
}

impl Bytes {
    fn of(text: Text) -> Self {
        Self { text: Arc::new(text), facts: Arc::default() }
    }

    /// A piece of them, which is not copied; empty where there is no such piece.
    pub(crate) fn piece(&self, range: Range<usize>) -> Self {
        Self::of(Text::Within(self.clone(), range))
    }

    /// The same bytes. Where those that are known are the same, byte for byte, what is known of those is known of these;
    /// else they come back as they are.
    pub(crate) fn beside(self, known: &Self) -> Result<Self, Self> {
        if self == *known { Ok(Self { facts: Arc::clone(&known.facts), ..self }) } else { Err(self) }
    }

    /// SHA-256 of them.
    pub fn sha256(&self) -> [u8; 32] {
        *self.facts.sha256.get_or_init(|| Sha256::digest(&**self).into())
    }

    /// What private key lies in them, as [`private_material`] says.
    pub fn private_material(&self) -> Option<&'static str> {
        *self.facts.private.get_or_init(|| private_material(self))
    }

    /// Proves a signature over them. One that does not hold is proven anew each time.
    pub fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<(), BadSignature> {
        let proof = (key.scheme(), key.material(), signature.to_vec());
        let proven = || self.facts.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if !proven().contains(&proof) {
            key.verify(self, signature)?;
            proven().insert(proof);
        }
        Ok(())
    }
}

/// How much of a file is compared at once.
const PIECE: usize = 1 << 17;

/// Whether a file has this content, in parts, from here to its end: all of it is read.
pub fn are_in(file: &mut dyn Read, parts: &[&[u8]]) -> io::Result<bool> {
    let mut lies = Vec::with_capacity(PIECE);
    // Behind all that there should be stands nothing.
    for piece in parts.iter().flat_map(|part| part.chunks(PIECE)).chain([&[][..]]) {
        lies.clear();
        (&mut *file).take(piece.len().max(1) as u64).read_to_end(&mut lies)?;
        if lies != piece {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Message for Bytes {
    fn holds(&self, key: &PublicKey, signature: &[u8]) -> bool {
        self.verify(key, signature).is_ok()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(Text::Own(bytes))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.text {
            Text::Own(bytes) => bytes,
            Text::Within(others, range) => others.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The rest follows from the bytes: whoever shares what is known of others is a copy of them, or was compared with them.
impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.facts, &other.facts) || **self == **other
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self), f)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;

    fn proven(bytes: &Bytes) -> usize {
        bytes.facts.proven.lock().unwrap().len()
    }

    #[test]
    fn what_was_proven_of_bytes_is_known_of_their_copies_and_of_no_others() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::ed25519(signer.verifying_key().to_bytes());
        let other = PublicKey::ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
        let bytes = Bytes::from(b"signed".to_vec());
        let signature = signer.sign(&bytes).to_bytes();

        assert!(bytes.verify(&key, &signature).is_ok() && bytes.verify(&key, &signature).is_ok());

        assert_eq!((proven(&bytes), proven(&bytes.clone())), (1, 1));
        assert!(bytes.verify(&other, &signature).is_err());
        assert!(bytes.verify(&key, &signature[..63]).is_err());
        for changed in [&b"Signed"[..], b"signe", b"signed "] {
            let changed = Bytes::from(changed.to_vec()).beside(&bytes).unwrap_err();
            assert!(changed.verify(&key, &signature).is_err());
            assert_ne!(changed.sha256(), bytes.sha256());
        }
        let again = Bytes::from(b"signed".to_vec());
        assert_eq!((proven(&again), proven(&again.clone().beside(&bytes).unwrap())), (0, 1));
    }

    #[test]
    fn a_file_has_the_bytes_all_of_them_and_no_more() {
        let parts = [&[1; PIECE + 1][..], &[], &[2]];
        let whole = parts.concat();
        let (mut longer, mut other) = (whole.clone(), whole.clone());
        longer.push(2);
        other[PIECE] ^= 1;

        let has = |lies: &[u8]| are_in(&mut &*lies, &parts).unwrap();

        assert!(has(&whole));
        assert!(!has(&longer) && !has(&other) && !has(&whole[..PIECE]) && !has(&whole[1..]) && !has(&[]));
        assert!(are_in(&mut &[][..], &[]).unwrap());
    }

    #[test]
    fn a_piece_has_its_own_facts() {
        let whole = Bytes::from(b"-----BEGIN PRIVATE KEY-----".to_vec());
        let piece = whole.piece(0..10);

        assert_eq!(&*piece, b"-----BEGIN");
        assert!(whole.private_material().is_some() && piece.private_material().is_none());
        assert_eq!(piece.sha256(), <[u8; 32]>::from(Sha256::digest(b"-----BEGIN")));
        assert_eq!(&*whole.piece(0..99), b"");
    }
}
