//! Recognises private keys, so that none is taken for a public file and none leaves the room.
//!
//! It answers with the name of a shape and never with a byte of it. A raw seed without any frame cannot be
//! told from other bytes.

use memchr::memmem;
use pkcs8::der::Decode;
use pkcs8::der::asn1::AnyRef;
use serde_json::Value;

use crate::tuf::json;

const AGE: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const KEY: &[u8] = b"KEY";
/// What a share of a key begins with as a text, behind `KEY`.
const SHARE: &[u8] = b"RITE-SHARE-1:";
/// What a JSON key with its private part holds one of: the name of that part, or an escape that may hide it.
const IN_JSON: [&[u8]; 3] = [b"private", b"\"d\"", b"\\u"];

/// A JSON document in which none of these stands holds no private material.
pub(crate) const MARKS: [&[u8]; 5] = [AGE, KEY, IN_JSON[0], IN_JSON[1], IN_JSON[2]];

/// What private material `file` holds, such as "an age identity"; `None` for public files.
///
/// In text the opening mark alone is enough. A program may carry such marks as constants, so that in binary
/// files the key must follow.
pub fn private_material(file: &[u8]) -> Option<&'static str> {
    if file.starts_with(b"age-encryption.org/v1") {
        return Some("an age file");
    }
    // What does not begin as a JSON document is none.
    let json = matches!(file.trim_ascii_start().first(), Some(b'{' | b'['));
    if json && is_unmarked(file) {
        return None;
    }
    if let Some(text) = utf16(file) {
        return private_material(text.as_bytes());
    }
    let text = std::str::from_utf8(file).is_ok();
    if text && holds(file, AGE, |_| true) {
        return Some("an age file");
    }
    if let Some(shape) = marked(file, text) {
        return Some(shape);
    }
    if text && file.starts_with(b"PuTTY-User-Key-File-") {
        return Some("a PuTTY private key");
    }
    if is_der(file) {
        return Some("a private key in DER");
    }
    if is_pkcs12(file) {
        return Some("a PKCS#12 file");
    }
    if is_pgp(file) {
        return Some("a PGP private key");
    }
    if json && text && IN_JSON.iter().any(|word| holds(file, word, |_| true)) {
        return json::parse(file).ok().filter(in_json).map(|_| "a JSON key with its private part");
    }
    None
}

/// Whether none of the marks stands in a JSON document. All of them are looked for in one piece while it is near, for a file may be
/// larger than every cache; pieces overlap by what a mark may have in each of two.
fn is_unmarked(file: &[u8]) -> bool {
    const PIECE: usize = 1 << 15;
    let finders = MARKS.map(memmem::Finder::new);
    let overlap = MARKS.iter().map(|mark| mark.len()).max().unwrap_or_default();
    (0..file.len()).step_by(PIECE).all(|at| {
        let piece = &file[at..file.len().min(at + PIECE + overlap)];
        finders.iter().all(|mark| mark.find(piece).is_none())
    })
}

/// The marks that have `KEY` in common, found in one pass; the gravest of them is named.
fn marked(file: &[u8], text: bool) -> Option<&'static str> {
    const NAMES: [&str; 5] = [
        "an age identity",
        "an OpenSSH private key",
        "a private key in PEM",
        "a PGP private key",
        "a share of a private key",
    ];
    let place = |at: usize| {
        let (before, after) = (&file[..at], &file[at + KEY.len()..]);
        if let Some(share) = after.strip_prefix(SHARE) {
            return (run(share, |b| b.is_ascii_uppercase() || b.is_ascii_digit()) >= 40).then_some(4);
        }
        if before.ends_with(b"AGE-SECRET-") {
            let key = after.starts_with(b"-")
                && (text || run(after, |b| b.is_ascii_alphanumeric() || b == b'-') >= 40);
            return key.then_some(0);
        }
        let body = after.strip_prefix(b" BLOCK").unwrap_or(after).strip_prefix(b"-----");
        let body = body.filter(|_| before.ends_with(b"PRIVATE "))?;
        let rank = match () {
            () if before.ends_with(b"-----BEGIN OPENSSH PRIVATE ") => 1,
            () if before.ends_with(b"-----BEGIN PGP PRIVATE ") => 3,
            () => 2,
        };
        (text || pem_body(body)).then_some(rank)
    };
    memmem::find_iter(file, KEY).filter_map(place).min().and_then(|rank: usize| NAMES.get(rank).copied())
}

/// Whether a key object in JSON, at any depth, has a private part: `keyval.private`, or `d` in a JSON Web Key.
fn in_json(value: &Value) -> bool {
    let is_set = |value: Option<&Value>| value.is_some_and(|v| !v.is_null() && v != "");
    match value {
        Value::Object(object) => {
            let keyval = object.get("keyval").is_some_and(|keyval| is_set(keyval.get("private")));
            let jwk = object.contains_key("kty") && is_set(object.get("d"));
            keyval || jwk || object.values().any(in_json)
        }
        Value::Array(items) => items.iter().any(in_json),
        _ => false,
    }
}

/// A text in UTF-16, which begins with its mark.
fn utf16(file: &[u8]) -> Option<String> {
    let unit = match file.first_chunk::<2>()? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units = file[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

/// PKCS#8, plain or encrypted, and the forms of PKCS#1 for RSA and of SEC 1 for elliptic curves.
fn is_der(file: &[u8]) -> bool {
    // Every one of them is a SEQUENCE.
    file.first() == Some(&0x30)
        && (pkcs8::PrivateKeyInfoRef::from_der(file).is_ok()
            || encrypted_pkcs8(file)
            || is_sec1(file)
            || rsa::pkcs1::RsaPrivateKeyRef::from_der(file).is_ok())
}

/// ECPrivateKey (RFC 5915): version 1, the number as an OCTET STRING, and maybe the curve and the point.
fn is_sec1(file: &[u8]) -> bool {
    let body = AnyRef::from_der(file).ok().map(|sequence| sequence.value());
    let Some([0x04, length, rest @ ..]) = body.and_then(|body| body.strip_prefix(&[0x02, 0x01, 0x01])) else {
        return false;
    };
    let behind = rest.get(usize::from(*length)..);
    (20..=66).contains(length) && behind.is_some_and(|rest| matches!(rest.first(), None | Some(0xa0 | 0xa1)))
}

/// PFX (RFC 7292): version 3, and content of PKCS#7, in DER or in BER without lengths. Whether there is a key in it only its
/// password tells.
fn is_pkcs12(file: &[u8]) -> bool {
    const VERSION: &[u8] = &[0x02, 0x01, 0x03, 0x30];
    const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    let head = &file[..file.len().min(32)];
    head.first() == Some(&0x30) && holds(head, VERSION, |after| holds(after, PKCS7, |_| true))
}

/// A packet with a secret key (RFC 9580 section 5.5.3), whole, and behind it another packet or nothing. A file of any bytes
/// may begin like one, so that it must say in each place what a key says there.
fn is_pgp(file: &[u8]) -> bool {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let (head, length) = match file {
        [0x94, one, ..] | [0xc5, one @ 0..=191, ..] => (2, usize::from(*one)),
        [0x95, one, two, ..] => (3, number(&[*one, *two])),
        [0xc5, one @ 192..=223, two, ..] => (3, number(&[one - 192, *two]) + 192),
        _ => return false,
    };
    let Some((packet, behind)) = file.get(head..).and_then(|rest| rest.split_at_checked(length)) else {
        return false;
    };
    // The tags of a signature, a subkey and a user, in the two forms.
    let goes_on =
        matches!(behind.first(), None | Some(0x88..=0x8a | 0x9c..=0x9e | 0xb4..=0xb6 | 0xc2 | 0xc7 | 0xcd));
    let Some([version @ 3..=6, _, _, _, _, rest @ ..]) = Some(packet).filter(|_| goes_on) else {
        return false;
    };
    // Keys of version 3 say for how many days they hold, those of version 6 how long the public half is.
    let rest = rest.get(if *version == 3 { 2 } else { 0 }..).unwrap_or_default();
    let skip = if *version == 6 { 4 } else { 0 };
    match (rest.first(), rest.get(1 + skip..).unwrap_or_default()) {
        // The bits of the first number.
        (Some(1..=3 | 16 | 17), [high, low, ..]) => (512..=16_384).contains(&number(&[*high, *low])),
        // The object identifier of a curve.
        (Some(18 | 19 | 22), [3..=10, 0x2a | 0x2b, ..]) => true,
        (Some(25..=28), _) => *version == 6 && matches!(number(&rest[1..5.min(rest.len())]), 32 | 56 | 57),
        _ => false,
    }
}

/// An EncryptedPrivateKeyInfo begins with the object identifier of PKCS#5 (PBES1 and 2) or PKCS#12 encryption.
fn encrypted_pkcs8(file: &[u8]) -> bool {
    const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
    const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c];
    let head = &file[..file.len().min(24)];
    holds(head, PKCS5, |_| true) || holds(head, PKCS12, |_| true)
}

/// Whether a PEM body follows: an end of line, then base64 or the headers of an encrypted key.
fn pem_body(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"\\n").unwrap_or(after);
    let skip = run(after, |b| b.is_ascii_whitespace());
    let after = &after[skip..];
    after.starts_with(b"Proc-Type:")
        || run(after, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) >= 20
}

fn run(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(**byte)).count()
}

/// Whether `mark` stands in `file` with something behind it that `follows` accepts.
fn holds(file: &[u8], mark: &[u8], follows: impl Fn(&[u8]) -> bool) -> bool {
    memmem::find_iter(file, mark).any(|at| follows(&file[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_private_key_is_named() {
        for (file, shape) in [
            ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n", "a private key in PEM"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a private key in PEM"),
            ("x\n-----BEGIN EC PRIVATE KEY-----\n", "a private key in PEM"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "an OpenSSH private key"),
            ("# made today\nAGE-SECRET-KEY-1QQQ", "an age identity"),
            ("age-encryption.org/v1\n-> scrypt", "an age file"),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", "an age file"),
            (r#"{"a":[{"keyval":{"private":"00","public":""}}]}"#, "a JSON key with its private part"),
            (r#"{"keyval":{"pri\u0076ate":"00"}}"#, "a JSON key with its private part"),
            (r#"{"kty":"OKP","d":"AAAA"}"#, "a JSON key with its private part"),
            ("PuTTY-User-Key-File-3: ssh-ed25519", "a PuTTY private key"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ", "a PGP private key"),
            (&format!("KEYRITE-SHARE-1:{}", "AEBAGBAF".repeat(8)), "a share of a private key"),
        ] {
            assert_eq!(private_material(file.as_bytes()), Some(shape), "{file}");
        }
        let mut binary = b"\xff\0-----BEGIN PRIVATE KEY-----\n".to_vec();
        binary.extend_from_slice(b"MC4CAQAwBQYDK2VwBCIEIAAA");
        assert_eq!(private_material(&binary), Some("a private key in PEM"));
        let der = hex::decode(format!("302e020100300506032b657004220420{}", "07".repeat(32))).unwrap();
        assert_eq!(private_material(&der), Some("a private key in DER"));
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n";
        let wide =
            |bytes: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes);
        for wide in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert_eq!(private_material(&wide.collect::<Vec<_>>()), Some("a private key in PEM"));
        }
        let number = "07".repeat(32);
        for (file, shape) in [
            (format!("30310201010420{number}a00a06082a8648ce3d030107"), "a private key in DER"),
            (format!("30250201010420{number}"), "a private key in DER"),
            ("3082041f0201033082041506092a864886f70d010701".to_owned(), "a PKCS#12 file"),
            ("30800201033080060 92a864886f70d010701".replace(' ', ""), "a PKCS#12 file"),
            (format!("943004658f1f2016092b06010401da470f01{number}b403416e61"), "a PGP private key"),
            (format!("c53004658f1f2016092b06010401da470f01{number}"), "a PGP private key"),
            (format!("95002904658f1f20010400{number}01"), "a PGP private key"),
        ] {
            assert_eq!(private_material(&hex::decode(&file).unwrap()), Some(shape), "{file}");
        }
    }

    #[test]
    fn a_json_document_with_private_material_has_one_of_the_marks() {
        let shapes = [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
            "AGE-SECRET-KEY-1QQQ",
            "-----BEGIN AGE ENCRYPTED FILE-----\n",
        ];
        let inside = shapes.map(|shape| serde_json::json!([{"a": shape}]).to_string());
        let keys = [
            r#"{"keyval":{"private":"00"}}"#,
            r#"{"keyval":{"pri\u0076ate":"00"}}"#,
            r#"{"kty":"OKP", "d" :"AAAA"}"#,
            r#"{"kty":"OKP","\u0064":"AAAA"}"#,
        ];
        for document in inside.iter().map(String::as_str).chain(keys) {
            assert!(private_material(document.as_bytes()).is_some(), "{document}");
            assert!(MARKS.iter().any(|mark| holds(document.as_bytes(), mark, |_| true)), "{document}");
        }
    }

    #[test]
    fn a_mark_is_found_wherever_it_stands_in_a_large_file() {
        for mark in [
            &b"-----BEGIN AGE ENCRYPTED FILE-----"[..],
            b"AGE-SECRET-KEY-1QQQ",
            b"-----BEGIN PRIVATE KEY-----",
        ] {
            for at in (0..=mark.len()).chain([1 << 15]) {
                let mut file = vec![b' '; 3 << 15];
                file[0] = b'{';
                assert_eq!(private_material(&file), None);
                let at = (1 << 15) - at;
                file[at..at + mark.len()].copy_from_slice(mark);

                assert!(private_material(&file).is_some(), "{at}");
            }
        }
    }

    #[test]
    fn public_files_and_programs_that_know_the_words_are_not_private_keys() {
        for file in [
            &b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2Vw\n"[..],
            br#"{"keytype":"ed25519","keyval":{"private":"","public":"00"},"scheme":"ed25519"}"#,
            br#"{"keyval":{"private":null,"public":"00"}}"#,
            br#"{"private":"road"}"#,
            b"A share begins with KEYRITE-SHARE-1: and has no more than letters and digits.",
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME",
            b"\xff\xfeK\0E\0Y\0",
            // It begins as a packet with a secret key does, and is none.
            b"\x95\x00\x2f\x04\x65\x8f\x1f\x20\x01\x04\x00and goes on with whatever it likes, for long",
            b"\x94\x10\x04\x65\x8f\x1f\x20\x16\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            // A version and a short text, and a number: nothing of an elliptic curve.
            b"\x30\x07\x02\x01\x01\x04\x02ab",
            b"\xff\0-----BEGIN OPENSSH PRIVATE KEY-----\0\0AGE-SECRET-KEY-\0",
            b"",
        ] {
            assert_eq!(private_material(file), None);
        }
    }
}
