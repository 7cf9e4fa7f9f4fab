//! From a token's attributes to SubjectPublicKeyInfo: curves by their parameters, points in the three encodings that
//! exist in the field, RSA numbers, and the key inside a certificate. Pure.

use crate::tuf::Scheme;

const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const OID_P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const OID_EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: &[u8] = &[0x05, 0x00];
const SEQUENCE: u8 = 0x30;
const CERTIFICATE_VERSION: u8 = 0xa0;

/// What `CKA_EC_PARAMS` is tried with for `scheme`, in order. YubiKeys and YubiHSMs know Ed25519 only by its name, an
/// old SoftHSM only by its OID.
pub(super) fn ec_params(scheme: Scheme) -> &'static [&'static [u8]] {
    match scheme {
        Scheme::Ed25519 => &[b"\x13\x0cedwards25519", OID_ED25519],
        Scheme::EcdsaP256 => &[OID_P256],
        Scheme::EcdsaP384 => &[OID_P384],
        Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => &[],
    }
}

/// The scheme of a key on the curve that `params` names.
pub(super) fn curve(params: &[u8]) -> Option<Scheme> {
    match params {
        OID_ED25519 | b"\x13\x0cedwards25519" | b"\x13\x07Ed25519" => Some(Scheme::Ed25519),
        OID_P256 => Some(Scheme::EcdsaP256),
        OID_P384 => Some(Scheme::EcdsaP384),
        _ => None,
    }
}

/// The SubjectPublicKeyInfo of the point in `CKA_EC_POINT`.
pub(super) fn from_point(scheme: Scheme, attribute: &[u8]) -> Option<Vec<u8>> {
    let (algorithm, len) = match scheme {
        Scheme::Ed25519 => (OID_ED25519.to_vec(), 32),
        Scheme::EcdsaP256 => ([OID_EC_PUBLIC_KEY, OID_P256].concat(), 65),
        Scheme::EcdsaP384 => ([OID_EC_PUBLIC_KEY, OID_P384].concat(), 97),
        Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => return None,
    };
    Some(spki(&algorithm, point(attribute, len)?))
}

/// The SubjectPublicKeyInfo of an RSA key.
pub(super) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let number = |bytes: &[u8]| {
        let first = bytes.iter().position(|&byte| byte != 0)?;
        let sign = if bytes[first] & 0x80 != 0 { &[0][..] } else { &[] };
        Some(tlv(INTEGER, &[sign, &bytes[first..]].concat()))
    };
    let key = tlv(SEQUENCE, &[number(modulus)?, number(exponent)?].concat());
    Some(spki(&[OID_RSA, NULL].concat(), &key))
}

/// The SubjectPublicKeyInfo inside an X.509 certificate.
pub(super) fn from_certificate(der: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = read(der)?;
    let (_, mut fields, _) = read(certificate)?;
    if fields.first() == Some(&CERTIFICATE_VERSION) {
        fields = read(fields)?.2;
    }
    // serialNumber, signature, issuer, validity, subject; then the key (RFC 5280, section 4.1).
    for _ in 0..5 {
        fields = read(fields)?.2;
    }
    let rest = read(fields)?.2;
    fields.get(..fields.len() - rest.len())
}

/// The scheme of a SubjectPublicKeyInfo.
pub(super) fn scheme_of(spki: &[u8]) -> Option<Scheme> {
    let (_, fields, _) = read(spki)?;
    let (_, algorithm, _) = read(fields)?;
    if algorithm.starts_with(OID_RSA) {
        return Some(Scheme::RsaPssSha256);
    }
    curve(algorithm.strip_prefix(OID_EC_PUBLIC_KEY).unwrap_or(algorithm))
}

/// The bare point of `len` bytes: as it is, or inside an OCTET STRING or a BIT STRING. The length decides, never the
/// first byte: an uncompressed point and an OCTET STRING both begin with 04.
fn point(attribute: &[u8], len: usize) -> Option<&[u8]> {
    if attribute.len() == len {
        return Some(attribute);
    }
    let point = match read(attribute)? {
        (OCTET_STRING, point, []) => point,
        (BIT_STRING, [0, point @ ..], []) => point,
        _ => return None,
    };
    (point.len() == len).then_some(point)
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = tlv(BIT_STRING, &[&[0], key].concat());
    tlv(SEQUENCE, &[tlv(SEQUENCE, algorithm), bits].concat())
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = value.len().to_be_bytes();
    let len = &len[len.iter().take_while(|&&byte| byte == 0).count()..];
    match (value.len(), u8::try_from(len.len())) {
        (0..0x80, _) => out.push(len.first().copied().unwrap_or(0)),
        // A length of a length never reaches 128.
        (_, Ok(count)) => out.extend([&[0x80 | count], len].concat()),
        (_, Err(_)) => {}
    }
    out.extend(value);
    out
}

/// Tag, value and the rest of `der`; `None` when it is cut short. Only DER's definite lengths below 2^32 are read.
fn read(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |len, &byte| (len << 8) | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_in_three_encodings_by_its_length() {
        let raw: Vec<u8> = (4..36).collect();
        let octets = tlv(OCTET_STRING, &raw);
        let bits = tlv(BIT_STRING, &[&[0], &raw[..]].concat());

        assert_eq!(point(&raw, 32), Some(&raw[..]));
        assert_eq!(point(&octets, 32), Some(&raw[..]));
        assert_eq!(point(&bits, 32), Some(&raw[..]));
        assert_eq!(point(&octets[..33], 32), None);
        assert_eq!(point(&[octets, vec![0]].concat(), 32), None);
    }

    #[test]
    fn a_raw_point_that_begins_as_an_octet_string_stays_whole() {
        let mut raw = vec![0; 65];
        raw[..2].copy_from_slice(&[0x04, 63]);

        assert_eq!(point(&raw, 65), Some(&raw[..]));
    }

    #[test]
    fn the_scheme_is_read_back_from_what_is_built() {
        let ed = from_point(Scheme::Ed25519, &[7; 32]).unwrap();
        let ec = from_point(Scheme::EcdsaP384, &[4; 97]).unwrap();
        let rsa = from_rsa(&[0xc1; 256], &[1, 0, 1]).unwrap();

        assert_eq!(scheme_of(&ed), Some(Scheme::Ed25519));
        assert_eq!(scheme_of(&ec), Some(Scheme::EcdsaP384));
        assert_eq!(scheme_of(&rsa), Some(Scheme::RsaPssSha256));
    }

    #[test]
    fn a_certificate_cut_short_anywhere_has_no_key() {
        let key = from_point(Scheme::Ed25519, &[7; 32]).unwrap();
        let version = tlv(CERTIFICATE_VERSION, &tlv(INTEGER, &[2]));
        let before =
            [tlv(INTEGER, &[1]), tlv(SEQUENCE, &[]), tlv(SEQUENCE, &[]), tlv(SEQUENCE, &[])].concat();
        let fields = [version, before, tlv(SEQUENCE, &[]), key.clone()].concat();
        let certificate = tlv(SEQUENCE, &tlv(SEQUENCE, &fields));

        assert_eq!(from_certificate(&certificate), Some(&key[..]));
        for len in 0..certificate.len() {
            assert_eq!(from_certificate(&certificate[..len]), None);
        }
    }
}
