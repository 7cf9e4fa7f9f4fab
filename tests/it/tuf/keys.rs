//! Public keys in every form that people bring, made by openssl and ssh-keygen.

use std::collections::BTreeMap;

use keyrite::tuf::KeyId;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use keyrite::tuf::delegations::Delegations;
use serde_json::json;

const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";
/// The generator of P-256 (its private key is 1), as old metadata writes points.
const P256_POINT: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                          4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// A file of a few hundred kilobytes, with thousands of roles that name one key of many fields, took gigabytes.
#[test]
fn roles_that_name_one_key_share_its_entry() {
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}, "x": ["a", "b"]});
    let role =
        |name| json!({"name": name, "keyids": ["k"], "threshold": 1, "terminating": false, "paths": ["a/*"]});

    let read =
        Delegations::from_json(&json!({"keys": {"k": key}, "roles": [role("one"), role("two")]})).unwrap();

    let entry =
        |keys: &BTreeMap<KeyId, PublicKey>| std::ptr::from_ref(keys[&KeyId("k".to_owned())].to_json());
    assert_eq!(
        read.roles.iter().map(|role| entry(&role.role_keys.keys)).collect::<Vec<_>>(),
        [entry(&read.keys); 2]
    );
}

#[test]
fn one_key_has_one_material_however_it_is_written() {
    let forms = [
        json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": P256}}),
        json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": P256.trim()}}),
        json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": P256.replace('\n', "\r\n")}}),
        json!({"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256",
            "keyval": {"public": P256_POINT, "private": ""}, "keyid_hash_algorithms": ["sha256"]}),
    ]
    .map(|json| PublicKey::from_json(&json).unwrap());
    let more = [
        json!({"public": P256, "x-owner": "@ana", "certificate": 1}),
        json!({"public": P256.replace('\n', " \n")}),
        json!({"public": format!("{P256}a comment\n")}),
        json!({"public": format!("Key of Ana\n{P256}")}),
    ]
    .map(|keyval| json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": keyval}));
    for json in &more {
        let key = PublicKey::from_json(json).unwrap();

        assert_eq!((key.to_pem().as_str(), key.to_json()), (P256, json));
        // The keyid is the hash of all that is there.
        assert_ne!(key.keyid(), forms[0].keyid());
    }
    let read = PublicKey::read(P256_POINT.as_bytes()).unwrap();

    for key in &forms {
        assert_eq!(key.material(), read.material());
        assert_eq!(key.to_pem(), P256);
    }
    assert_ne!(forms[0].keyid(), forms[1].keyid());
    assert_eq!(forms[0].keyid(), read.keyid());
}

#[test]
fn a_key_object_that_could_mislead_is_refused() {
    let hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    for (json, why) in [
        (
            json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": hex, "private": "00"}}),
            "private",
        ),
        (
            json!({"keytype": "ed25519", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": hex}}),
            "does not go",
        ),
        (json!({"keytype": "ed25519", "scheme": "ed25519ph", "keyval": {"public": hex}}), "is not a scheme"),
        (json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "zz"}}), "not hex"),
        (json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": &hex[2..]}}), "not a point"),
        (
            json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00".repeat(32)}}),
            "not a good",
        ),
        (json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {}}), "without public"),
        (json!({"keytype": "ed25519", "scheme": "ed25519"}), "without keyval"),
        (json!({"keytype": "ed25519", "keyval": {"public": hex}}), "without scheme"),
        (
            json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp384", "keyval": {"public": P256}}),
            "nistp384",
        ),
        (json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": P256}}), "rsassa"),
        (
            json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": format!("{P256}{P256}")}}),
            "more than one block",
        ),
        (
            json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                "keyval": {"public": P256.replace("PUBLIC", "RSA PUBLIC")}}),
            "not PEM of the kind",
        ),
        (json!([]), "without scheme"),
    ] {
        let error = PublicKey::from_json(&json).unwrap_err().to_string();

        assert!(error.contains(why), "{json}: {error}");
    }
}

#[test]
fn a_public_key_file_of_any_kind_is_read() {
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea ana@home\n";
    let point = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let pem = "-----BEGIN PUBLIC KEY-----\n\
               MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let ours = format!(r#"{{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"{point}"}}}}"#);
    let notary = r#"{"keytype":"ed25519","keyval":{"public":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","private":null}}"#;

    for file in [ssh, point, pem, &ours, notary] {
        let key = PublicKey::read(file.as_bytes()).unwrap();

        assert_eq!(key.to_json()["keyval"]["public"], point, "{file}");
        assert_eq!(key.scheme(), Scheme::Ed25519);
    }
    let notary = format!(r#"{{"keytype":"ecdsa","keyval":{{"public":"{}","private":null}}}}"#, {
        let lines: Vec<&str> = P256.lines().collect();
        lines[1..lines.len() - 1].concat()
    });
    assert_eq!(PublicKey::read(notary.as_bytes()).unwrap().to_pem(), P256);
    assert_eq!(PublicKey::read(P256.as_bytes()).unwrap().scheme(), Scheme::EcdsaP256);
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_SECRET_";
    for file in [
        format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n"),
        format!("AGE-SECRET-KEY-1{secret}"),
        format!("age-encryption.org/v1\n{secret}"),
        format!(
            r#"{{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"00","private":"{secret}"}}}}"#
        ),
    ] {
        let error = PublicKey::read(file.as_bytes()).unwrap_err().to_string();

        assert!(error.contains("not a public key") && !error.contains("SECRET"), "{error}");
    }
}

#[test]
fn what_is_no_key_file_is_refused() {
    for (file, why) in [
        (&b""[..], "no curve has points of 0 bytes"),
        (b"hello", "not a public key file"),
        (b"\xff\xfe", "not a public key file"),
        (b"{}", "not a public key file"),
        (b"ssh-rsa AAAAB3NzaC1yc2E= x", "not an OpenSSH key of the kind ssh-rsa"),
        (b"ssh-dss AAAAB3NzaC1kc3M= x", "kind ssh-dss are not read; ssh-ed25519,"),
        (b"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo= x", "kind sk-ssh-ed25519@openssh.com are not read"),
        (b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCwRJzs6kHQXCPLle0urfKt/rml/uDoISIZlJRCJsTV/MDmamRYsv+6FIafb/ZIk1La4I8HGO9mw81+cXyVzvoiYbhhq3tI96LU8xOizEe/Lw3ulCVfmQwB6bHTczt8Nte9B0qTjXXz82jlCUnS2Ny/tZ65N4jDqDCh91GRkQT/9Q== x", "an RSA key of 1024 bits; 2048 to 8192 are read"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIQ==", "not an OpenSSH key"),
        (b"ssh-ed25519 !!!!", "not an OpenSSH key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "SubjectPublicKeyInfo"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "PUBLIC KEY"),
    ] {
        let error = PublicKey::read(file).unwrap_err().to_string();

        assert!(error.contains(why), "{error}");
    }
}

/// The SubjectPublicKeyInfo of an RSA key with a modulus of `bits` bits, all of them set.
fn rsa_spki(bits: usize) -> Vec<u8> {
    let tlv = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    };
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= bits.div_ceil(8) * 8 - bits;
    let integers =
        [tlv(2, &[&[0], &modulus[..]].concat()[usize::from(modulus[0] < 0x80)..]), vec![2, 3, 1, 0, 1]];
    let key = tlv(0x30, &integers.concat());
    // Lengths below 128 are written in one byte, as DER demands.
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    tlv(0x30, &[&algorithm[..], &tlv(3, &[&[0], &key[..]].concat())].concat())
}

#[test]
fn an_rsa_key_is_neither_weak_nor_endless() {
    for (bits, read) in
        [(2040, false), (2047, false), (2048, true), (4096, true), (8192, true), (8200, false)]
    {
        let key = PublicKey::from_spki_der(Scheme::RsaPssSha256, &rsa_spki(bits));

        assert_eq!(key.is_ok(), read, "{bits}: {key:?}");
    }
    let weak = PublicKey::from_spki_der(Scheme::RsaPssSha256, &rsa_spki(2047)).unwrap_err().to_string();
    assert_eq!(weak, "an RSA key of 2047 bits; 2048 to 8192 are read");
}

#[test]
fn an_ed25519_signature_of_small_order_is_refused() {
    // R is the neutral point and s is k times the private key: the equation holds, and strict readers refuse it.
    let signature = hex::decode(
        "0100000000000000000000000000000000000000000000000000000000000000\
         8bac2747a072356f2b4d0fb18e73f81eea0b150a7af12f6dd077f1afdc55ad0f",
    );
    let key = super::world::public(1);

    assert!(key.verify(b"what nobody signed", &signature.unwrap()).is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        text in "\\PC{0,60}",
        json in "[\\[\\]{}\":,0-9a-z. \\\\-]{0,60}",
    ) {
        for file in [&bytes[..], text.as_bytes(), json.as_bytes()] {
            drop(PublicKey::read(file));
            drop(keyrite::tuf::Metadata::parse(file));
            drop(keyrite::bundle::Manifest::parse(file));
            keyrite::tuf::key::private_material(file);
            drop(PublicKey::from_spki_der(Scheme::EcdsaP256, file));
            drop(PublicKey::from_spki_der(Scheme::RsaPssSha256, file));
        }
        for prefix in ["ssh-ed25519 ", "-----BEGIN PUBLIC KEY-----\n", "ecdsa-sha2-nistp256 AAAA"] {
            drop(PublicKey::read(format!("{prefix}{text}").as_bytes()));
        }
    }
}
