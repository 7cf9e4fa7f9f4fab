//! Base32 without padding (RFC 4648, section 6): capitals and digits that a QR code packs and that people can type.

use sha2::Digest;
use sha2::Sha256;

const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut have) = (String::with_capacity(bytes.len() * 8 / 5 + 1), 0_u32, 0_u32);
    for byte in bytes {
        bits = bits << 8 & 0xfff | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            text.push(digit(bits >> have));
        }
    }
    if have > 0 {
        text.push(digit(bits << (5 - have)));
    }
    text
}

fn digit(bits: u32) -> char {
    char::from(DIGITS[usize::try_from(bits & 31).unwrap_or_default()])
}

/// The bytes of a text in capitals; `None` when [`encode`] did not write it.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut have) = (Vec::with_capacity(text.len() * 5 / 8), 0_u32, 0_u32);
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        bits = bits << 5 & 0xfff | u32::try_from(digit).ok()?;
        have += 5;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).ok()?);
        }
    }
    (have < 5 && bits & ((1 << have) - 1) == 0).then_some(bytes)
}

/// Four characters that follow from a text: twenty bits of its SHA-256.
pub fn check(text: &str) -> String {
    encode(&Sha256::digest(text)[..3])[..4].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_4648_are_written_and_read() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_nobody_wrote_is_not_read() {
        for text in ["M", "MZ", "my", "MZXW6YQ=", "MZX1", "MZXW6YTBO"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
