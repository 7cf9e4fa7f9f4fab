//! The bytes that frames and typed lines carry.
//!
//! ```text
//! request    'Q' 1  SHA-256 of the file (32)  the file, deflated (RFC 1951)
//! response   'R' 1  scheme  length of the version  version  length of the role  role
//!            beginning of the payload's SHA-256 (16)
//!            length of the keyid, or 0 for the beginning of a hex one (8)  keyid  signature
//! ```

use miniz_oxide::deflate;
use miniz_oxide::inflate;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::apart::ApartError;
use crate::tuf::apart::Response;
use crate::tuf::apart::carry::Carried;
use crate::tuf::key::KeyId;
use crate::tuf::key::Scheme;

const FORMAT: u8 = 1;
const REQUEST: u8 = b'Q';
const RESPONSE: u8 = b'R';
/// Bytes of the beginning of a digest, and of a keyid.
const DIGEST: usize = 16;
const KEYID: usize = 8;
/// No request that came as frames is larger, in bytes.
const MAX_REQUEST: usize = 1 << 24;
/// How hard deflate tries.
const LEVEL: u8 = 10;

pub(super) fn request(file: &[u8]) -> Vec<u8> {
    let mut blob = vec![REQUEST, FORMAT];
    blob.extend(Sha256::digest(file));
    blob.extend(deflate::compress_to_vec(file, LEVEL));
    blob
}

pub(super) fn response(response: &Response) -> Result<Vec<u8>, ApartError> {
    let unfit = |what: &str| ApartError::new(format!("{what} does not fit a code; send the file"));
    let scheme = SCHEMES.iter().position(|scheme| scheme.as_str() == response.scheme);
    let scheme = scheme.and_then(|at| u8::try_from(at).ok()).ok_or_else(|| unfit("the scheme"))?;
    let mut blob = vec![RESPONSE, FORMAT, scheme];
    let version = response.version.to_be_bytes();
    let zeros = version.iter().take_while(|byte| **byte == 0).count();
    blob.push(u8::try_from(version.len() - zeros).unwrap_or_default());
    blob.extend(&version[zeros..]);
    text(&mut blob, &response.role).ok_or_else(|| unfit("the role's name"))?;
    let digest = hex::decode(&response.sha256).ok();
    blob.extend(digest.as_ref().and_then(|digest| digest.get(..DIGEST)).ok_or_else(|| unfit("the digest"))?);
    match hex::decode(&response.keyid.0).ok().filter(|keyid| keyid.len() >= KEYID) {
        Some(keyid) => {
            blob.push(0);
            blob.extend(&keyid[..KEYID]);
        }
        None => text(&mut blob, &response.keyid.0).ok_or_else(|| unfit("the keyid"))?,
    }
    let sig = hex::decode(&response.sig).map_err(|_| unfit("the signature"))?;
    blob.extend(shorter(&response.scheme, sig));
    Ok(blob)
}

/// The schemes by the number that a response carries.
const SCHEMES: [Scheme; 4] = [Scheme::Ed25519, Scheme::EcdsaP256, Scheme::EcdsaP384, Scheme::RsaPssSha256];

/// r||s of DER: 64 bytes instead of 72, and whoever merges takes both.
fn shorter(scheme: &str, sig: Vec<u8>) -> Vec<u8> {
    match scheme == Scheme::EcdsaP256.as_str() {
        true => p256::ecdsa::Signature::from_der(&sig).map_or(sig, |pair| pair.to_bytes().to_vec()),
        false => sig,
    }
}

/// A text with its length, which is not 0.
fn text(blob: &mut Vec<u8>, text: &str) -> Option<()> {
    blob.push(u8::try_from(text.len()).ok().filter(|length| *length > 0)?);
    blob.extend(text.as_bytes());
    Some(())
}

/// What some bytes are.
pub(super) fn read(blob: &[u8]) -> Result<Carried, ApartError> {
    match blob {
        [REQUEST, FORMAT, rest @ ..] => read_request(rest),
        [RESPONSE, FORMAT, rest @ ..] => {
            let response = read_response(&mut { rest });
            response.map(Carried::Response).ok_or_else(|| ApartError::new("a response that ends too early"))
        }
        [REQUEST | RESPONSE, ..] => Err(ApartError::new("it is of a format that this program does not know")),
        _ => Err(ApartError::new("it carries neither a request nor a response")),
    }
}

fn read_request(rest: &[u8]) -> Result<Carried, ApartError> {
    let (digest, packed) = rest.split_at_checked(32).unwrap_or((rest, &[]));
    let file = inflate::decompress_to_vec_with_limit(packed, MAX_REQUEST)
        .map_err(|_| ApartError::new("the request that it carries cannot be unpacked"))?;
    if Sha256::digest(&file)[..] != *digest {
        return Err(ApartError::new("the request that it carries is not the one that it names"));
    }
    Ok(Carried::Request(file))
}

fn read_response(rest: &mut &[u8]) -> Option<Response> {
    let mut take = |length: usize| {
        let (taken, left) = rest.split_at_checked(length)?;
        *rest = left;
        Some(taken)
    };
    let scheme = *SCHEMES.get(usize::from(take(1)?[0]))?;
    let length = usize::from(take(1)?[0]).min(9);
    let version = take(length)?
        .iter()
        .try_fold(0_u64, |so_far, byte| Some(so_far.checked_mul(256)? | u64::from(*byte)))?;
    let length = usize::from(take(1)?[0]);
    let role = String::from_utf8(take(length)?.to_vec()).ok()?;
    let sha256 = hex::encode(take(DIGEST)?);
    let keyid = match usize::from(take(1)?[0]) {
        0 => hex::encode(take(KEYID)?),
        length => String::from_utf8(take(length)?.to_vec()).ok()?,
    };
    let sig: &[u8] = rest;
    (!sig.is_empty()).then(|| Response::new(&role, version, &sha256, KeyId(keyid), scheme.as_str(), sig))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_changed_or_unpacks_without_end_is_refused() {
        let file = b"{\"keyrite-request\": 1}".repeat(50);
        let blob = request(&file);

        assert!(blob.len() < file.len() / 5);
        assert_eq!(read(&blob), Ok(Carried::Request(file)));
        for at in [2, 20, blob.len() - 1] {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "{at}");
        }
        assert!(read(&request(&vec![0; MAX_REQUEST + 1])).is_err());
        assert!(read(&blob[..20]).is_err());
    }

    #[test]
    fn a_response_that_is_cut_is_refused_and_one_of_the_future_is_named() {
        let whole = Response::new("root", 2, &"ab".repeat(32), KeyId("cd".repeat(32)), "ed25519", &[7; 64]);
        let blob = response(&whole).unwrap();

        let Ok(Carried::Response(read_back)) = read(&blob) else { panic!("not a response") };
        assert_eq!((&*read_back.role, read_back.version), ("root", 2));
        assert!(whole.sha256.starts_with(&read_back.sha256) && whole.keyid.0.starts_with(&read_back.keyid.0));
        assert_eq!(read_back.sig, whole.sig);
        for length in 0..blob.len() - 64 {
            assert!(read(&blob[..length]).is_err(), "{length}");
        }
        assert!(read(b"R\x02").unwrap_err().to_string().contains("does not know"));
        assert!(read(b"X\x01").unwrap_err().to_string().contains("neither"));
    }
}
