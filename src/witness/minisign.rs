//! Signatures by `minisign -S`, over the file or, since 0.6, over its BLAKE2b-512.

use blake2::Blake2b512;
use blake2::Digest;

use crate::tuf::Date;
use crate::tuf::PublicKey;
use crate::tuf::base64;

/// What the four lines hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    prehashed: bool,
    id: [u8; 8],
    signature: [u8; 64],
    comment: String,
    /// Over the signature and the comment.
    global: Vec<u8>,
}

pub(super) fn read(text: &str) -> Result<Signature, String> {
    let mut lines = text.lines().skip(1);
    let mut next = || lines.next().unwrap_or_default();
    let (signed, comment, global) = (next(), next(), next());
    let comment = comment.strip_prefix("trusted comment: ").ok_or("it has no trusted comment")?;
    let signed = base64::decode(signed)
        .filter(|bytes| bytes.len() == 74)
        .ok_or("its second line is not a signature")?;
    let global = base64::decode(global).ok_or("its last line is not a signature")?;
    let prehashed = match &signed[..2] {
        b"ED" => true,
        b"Ed" => false,
        _ => return Err("its algorithm is not known".to_owned()),
    };
    let (id, signature) = signed[2..].split_first_chunk::<8>().ok_or("it is cut short")?;
    let signature = signature.try_into().map_err(|_| "it is cut short")?;
    Ok(Signature { prehashed, id: *id, signature, comment: comment.to_owned(), global })
}

impl Signature {
    /// When this key signed `message`, as the trusted comment says; `None` when it did not.
    pub(super) fn verify(&self, id: [u8; 8], key: &PublicKey, message: &[u8]) -> Option<Option<Date>> {
        let hash = Blake2b512::digest(message);
        let message = if self.prehashed { hash.as_slice() } else { message };
        let commented = [&self.signature[..], self.comment.as_bytes()].concat();
        let holds = self.id == id
            && key.verify(message, &self.signature).is_ok()
            && key.verify(&commented, &self.global).is_ok();
        holds.then(|| self.said())
    }

    fn said(&self) -> Option<Date> {
        let (_, after) = self.comment.split_once("timestamp:")?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Date::from_unix)
    }
}
