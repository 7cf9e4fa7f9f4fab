//! Schemes that we verify and never sign with, on a root that securesystemslib signed (`tests/data/other-schemes`).

use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::RoleKeys;
use keyrite::tuf::Scheme;
use keyrite::tuf::Signature;
use keyrite::tuf::root::Root;

/// Made by python-tuf 7 with one key of each scheme, four of four needed.
const ROOT: &[u8] = include_bytes!("../../data/other-schemes/root.json");

fn root() -> (Metadata, RoleKeys) {
    let metadata = Metadata::parse(ROOT).unwrap();
    let keys = Root::from_signed(metadata.signed()).unwrap().role_keys("root").unwrap();
    (metadata, keys)
}

fn flipped(signature: &Signature) -> Signature {
    let mut bytes = hex::decode(&signature.sig).unwrap();
    bytes[40] ^= 1;
    Signature { keyid: signature.keyid.clone(), sig: hex::encode(bytes) }
}

#[test]
fn a_root_that_securesystemslib_signed_with_ml_dsa_and_pkcs1_verifies() {
    let (metadata, keys) = root();

    let signed = keys.verify(metadata.payload(), metadata.signatures()).unwrap();

    let mut schemes: Vec<String> = signed.iter().map(|keyid| keys.keys[keyid].scheme().to_string()).collect();
    schemes.sort();
    assert_eq!(schemes, ["ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1", "rsa-pkcs1v15-sha256"]);
    assert!(signed.iter().all(|keyid| keys.keys[keyid].is_keyid(keyid)));
}

#[test]
fn one_changed_bit_of_any_of_these_signatures_does_not_count() {
    let (metadata, keys) = root();

    for place in 0..4 {
        let mut signatures = metadata.signatures().to_vec();
        signatures[place] = flipped(&signatures[place]);
        assert_eq!(keys.signed_by(metadata.payload(), &signatures).len(), 3, "{place}");
        assert_eq!(keys.signed_by(b"another payload".as_slice(), metadata.signatures()).len(), 0);
    }
}

#[test]
fn a_key_of_one_ml_dsa_strength_is_none_of_another() {
    let (_, keys) = root();
    for key in keys.keys.values().filter(|key| key.scheme().keytype() == "ml-dsa") {
        for scheme in ["ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1"] {
            let mut json = key.to_json().clone();
            json["scheme"] = scheme.into();

            assert_eq!(PublicKey::from_json(&json).is_ok(), scheme == key.scheme().as_str(), "{scheme}");
        }
        let mut json = key.to_json().clone();
        json["keyval"]["public"] = hex::encode(&key.material().0).into();
        assert!(PublicKey::from_json(&json).is_err());
    }
}

#[test]
fn the_same_rsa_key_under_two_schemes_is_one_key() {
    let (_, keys) = root();
    let key = keys.keys.values().find(|key| key.scheme().keytype() == "rsa").unwrap();
    let mut json = key.to_json().clone();
    json["scheme"] = "rsassa-pss-sha256".into();

    assert_eq!(PublicKey::from_json(&json).unwrap().material(), key.material());
}

#[test]
fn nobody_signs_with_a_scheme_that_is_only_verified() {
    let (_, keys) = root();
    for key in keys.keys.values() {
        let name = key.scheme().as_str();

        let asked = name.parse::<Scheme>().unwrap_err().to_string();
        let brought = PublicKey::read(key.to_json().to_string().as_bytes()).unwrap_err().to_string();

        let said =
            format!("{name:?} is not a scheme to sign with: it is verified where others use it; use ed25519");
        assert!(asked.starts_with(&said), "{asked}");
        assert_eq!(brought, asked);
    }
}
