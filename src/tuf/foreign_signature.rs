//! Signatures as other tools write them: raw, DER or r||s for ECDSA, in hex or base64, or as `openssl dgst -hex`
//! prints them.
//!
//! Nothing is guessed: every reading is only a candidate, and one that the key verifies is the signature.

use crate::tuf::key::PublicKey;
use crate::tuf::key::Scheme;

/// No file with a signature is larger: 1024 bytes of RSA, in hex and with line breaks, have room.
pub const MAX_FILE: usize = 16 * 1024;

/// The bytes that a signature file can stand for; the file itself is the first.
pub fn readings(file: &[u8]) -> Vec<Vec<u8>> {
    let mut found = vec![file.to_vec()];
    let Ok(text) = std::str::from_utf8(file) else {
        // A shell or an editor ends raw bytes with a line break too.
        let breaks: [&[u8]; 2] = [b"\n", b"\r\n"];
        found.extend(breaks.into_iter().filter_map(|end| file.strip_suffix(end)).map(<[u8]>::to_vec));
        return found;
    };
    // openssl dgst -hex: `EC-SHA2-256(payload)= 3045...`
    let text = text.rsplit_once("= ").map_or(text, |(_, signature)| signature);
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let digits = compact.strip_prefix("0x").unwrap_or(&compact).replace(':', "");
    found.extend(hex::decode(digits).ok().filter(|bytes| !bytes.is_empty()));
    found.extend(base64(&compact).filter(|bytes| !bytes.is_empty()));
    found
}

/// The form in which metadata carries this signature, when `key` made it over `payload`.
pub fn verified(key: &PublicKey, payload: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    forms(key.scheme(), signature).find(|form| key.verify(payload, form).is_ok())
}

/// The forms that metadata carries, of which this can be one.
pub(super) fn forms(scheme: Scheme, signature: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    std::iter::once(signature.to_vec()).chain(der(scheme, signature))
}

/// r||s of an ECDSA signature (IEEE P1363) as the DER that metadata carries.
fn der(scheme: Scheme, signature: &[u8]) -> Option<Vec<u8>> {
    match scheme {
        Scheme::EcdsaP256 => {
            let pair = p256::ecdsa::Signature::from_slice(signature).ok()?;
            Some(pair.to_der().as_bytes().to_vec())
        }
        Scheme::EcdsaP384 => {
            let pair = p384::ecdsa::Signature::from_slice(signature).ok()?;
            Some(pair.to_der().as_bytes().to_vec())
        }
        Scheme::Ed25519 | Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => None,
    }
}

/// Base64 of either alphabet (RFC 4648), padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (mut out, mut bits, mut have) = (Vec::with_capacity(digits.len() / 4 * 3 + 2), 0_u32, 0_u32);
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(digit)) & 0xf_ffff;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push(u8::try_from(bits >> have & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_base64_are_read_as_people_paste_them() {
        for text in [
            "fbff00",
            "FBFF00\n",
            "0xfbff00",
            "fb:ff:00",
            "fb\nff\r\n00",
            "EC-SHA2-256(payload)= fbff00\n",
            "+/8A",
            "-_8A",
            "+/\n8A\n",
        ] {
            assert!(readings(text.as_bytes()).contains(&vec![0xfb, 0xff, 0x00]), "{text}");
        }
        assert!(readings(b"+/8=").contains(&vec![0xfb, 0xff]));
        assert!(readings(b"+/8").contains(&vec![0xfb, 0xff]));
    }

    #[test]
    fn raw_bytes_are_read_without_the_line_break_at_their_end_too() {
        for end in ["\n", "\r\n"] {
            let file = [&[0xfb, 0xff, 0x00], end.as_bytes()].concat();
            assert!(readings(&file).contains(&vec![0xfb, 0xff, 0x00]), "{end:?}");
        }
    }

    #[test]
    fn what_is_neither_is_read_as_itself_alone() {
        for bytes in [&b"not a signature!"[..], b"", &[0xff, 0xfe, 0x00]] {
            assert_eq!(readings(bytes), [bytes.to_vec()]);
        }
    }
}
