//! Public keys in every form that people bring, made by openssl and ssh-keygen.

use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use serde_json::json;

const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";
/// The generator of P-256 (its private key is 1), as old metadata writes points.
const P256_POINT: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                          4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

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
        (b"ssh-rsa AAAAB3NzaC1yc2E= x", "are not read"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIQ==", "not an OpenSSH key"),
        (b"ssh-ed25519 !!!!", "not an OpenSSH key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "SubjectPublicKeyInfo"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "PUBLIC KEY"),
    ] {
        let error = PublicKey::read(file).unwrap_err().to_string();

        assert!(error.contains(why), "{error}");
    }
}
