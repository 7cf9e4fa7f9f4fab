//! Signatures that openssl makes, in every form that people send.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Signature;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Outcome;
use keyrite::tuf::apart::Signers;
use serde_json::Value;
use serde_json::json;

use crate::tuf::world::root;

pub(crate) fn openssl(dir: &Path, args: &str) -> Vec<u8> {
    let output = Command::new("openssl").current_dir(dir).args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A key of openssl's own making.
pub(super) fn key(dir: &Path, name: &str, algorithm: &str) -> PublicKey {
    openssl(dir, &format!("genpkey {algorithm} -out {name}.pem"));
    PublicKey::read(&openssl(dir, &format!("pkey -in {name}.pem -pubout"))).unwrap()
}

/// A root that these keys sign.
fn root_of(keys: &[&PublicKey]) -> Metadata {
    let mut signed = root(1, &[1], 1);
    for key in keys {
        signed["keys"][key.keyid().0] = key.to_json().clone();
    }
    signed["roles"]["root"] =
        json!({"keyids": keys.iter().map(|k| k.keyid().0).collect::<Vec<_>>(), "threshold": keys.len()});
    Metadata::unsigned(signed).unwrap()
}

/// r||s of a DER signature, each of `size` bytes.
fn pair(der: &[u8], size: usize) -> Vec<u8> {
    let mut at = 2;
    let mut number = || {
        let length = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + length];
        at += 2 + length;
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
        [vec![0; size - digits.len()], digits].concat()
    };
    let r = number();
    [r, number()].concat()
}

fn base64(dir: &Path, signature: &[u8], args: &str) -> Vec<u8> {
    fs::write(dir.join("to-encode"), signature).unwrap();
    openssl(dir, &format!("base64 {args} -in to-encode").replace("  ", " "))
}

#[test]
fn what_openssl_signs_is_taken_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let keys = [
        ("ed", key(dir, "ed", "-algorithm ed25519"), 0),
        ("p256", key(dir, "p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"), 32),
        ("p384", key(dir, "p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"), 48),
        ("rsa", key(dir, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"), 0),
    ];
    let root = root_of(&keys.each_ref().map(|(_, key, _)| key));
    fs::write(dir.join("payload"), root.payload()).unwrap();
    let signers = Signers::of_root(&root, None).unwrap();

    for (name, key, size) in &keys {
        let dgst = match *name {
            "ed" => format!("pkeyutl -sign -rawin -inkey {name}.pem -in payload"),
            // The scheme's name says sha2 with the curve; TUF's P-384 hashes with SHA-384.
            "p384" => format!("dgst -sha384 -sign {name}.pem payload"),
            "rsa" => format!(
                "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign {name}.pem payload"
            ),
            _ => format!("dgst -sha256 -sign {name}.pem payload"),
        };
        let raw = openssl(dir, &dgst);
        let mut forms = vec![
            raw.clone(),
            hex::encode(&raw).into_bytes(),
            format!("{}\n", hex::encode_upper(&raw)).into_bytes(),
            base64(dir, &raw, ""),
            base64(dir, &raw, "-A"),
        ];
        if *name != "ed" {
            forms.push(openssl(dir, &dgst.replace("dgst ", "dgst -hex ")));
        }
        if *size > 0 {
            let pair = pair(&raw, *size);
            forms.push(hex::encode(&pair).into_bytes());
            forms.push(base64(dir, &pair, "-A"));
            forms.push(pair);
        }
        for (i, form) in forms.iter().enumerate() {
            for keyid in [None, Some(key.keyid())] {
                let mut merge = Merge::new(root.clone(), "root", signers.clone(), "root.json");

                merge.take("sig", form, keyid.as_ref());

                let said = merge.findings()[0].sentence(&Names::default());
                assert_eq!(merge.findings()[0].outcome, Outcome::Added, "{name} form {i}: {said}");
                assert_eq!(merge.findings()[0].keyid, Some(key.keyid()));
                // As metadata carries it, whatever form it came in.
                let sig = hex::decode(&merge.merged().signatures()[0].sig).unwrap();
                key.verify(root.payload(), &sig).unwrap();
            }
        }
    }
}

#[test]
fn a_salt_that_tough_refuses_is_refused_by_name_with_the_command_that_makes_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let key = key(dir, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    let root = root_of(&[&key]);
    fs::write(dir.join("payload"), root.payload()).unwrap();
    let signers = Signers::of_root(&root, None).unwrap();
    // What openssl does of itself: the longest salt.
    let sig = openssl(dir, "dgst -sha256 -sigopt rsa_padding_mode:pss -sign rsa.pem payload");
    key.verify(root.payload(), &sig).unwrap();
    let entry = Signature { keyid: key.keyid(), sig: hex::encode(&sig) };
    let copy = root.with_signatures(vec![entry]);

    for sent in [sig, copy.to_file()] {
        let mut merge = Merge::new(root.clone(), "root", signers.clone(), "root.json");
        merge.take("sig", &sent, None);

        assert_eq!(merge.findings()[0].outcome, Outcome::OtherSalt);
        assert_eq!(merge.findings()[0].keyid, Some(key.keyid()));
        let said = merge.findings()[0].sentence(&Names::default());
        let command = said.split_once("with openssl by: openssl ").unwrap().1;
        assert!(merge.merged().signatures().is_empty());

        openssl(dir, command);
        merge.take("sig", &fs::read(dir.join("sig")).unwrap(), None);

        assert_eq!(merge.findings()[1].outcome, Outcome::Added, "{command}");
    }
}

#[test]
fn a_signature_made_in_another_way_is_refused_and_the_way_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let keys = [
        key(dir, "ed", "-algorithm ed25519"),
        key(dir, "p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        key(dir, "p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        key(dir, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ];
    let root = root_of(&keys.each_ref());
    fs::write(dir.join("payload"), root.payload()).unwrap();
    fs::write(dir.join("broken"), [&root.payload()[..], b"\n"].concat()).unwrap();
    fs::write(dir.join("hash"), openssl(dir, "dgst -sha256 -binary payload")).unwrap();
    let hex = hex::encode(fs::read(dir.join("hash")).unwrap());
    fs::write(dir.join("hex"), &hex).unwrap();
    fs::write(dir.join("hexline"), hex + "\n").unwrap();
    let signers = Signers::of_root(&root, None).unwrap();

    for (by, command, way) in [
        (0, "pkeyutl -sign -rawin -inkey ed.pem -in broken", "these bytes with a line break after them"),
        (
            0,
            "pkeyutl -sign -rawin -inkey ed.pem -in hash",
            "the SHA-256 of the bytes, and not over the bytes",
        ),
        (0, "pkeyutl -sign -rawin -inkey ed.pem -in hex", "the SHA-256 in hex, and not over the bytes"),
        (0, "pkeyutl -sign -rawin -inkey ed.pem -in hexline", "the SHA-256 in hex with a line break"),
        (1, "dgst -sha384 -sign p256.pem payload", "with SHA-384: P-256 goes with SHA-256"),
        (1, "dgst -sha512 -sign p256.pem payload", "with SHA-512: P-256 goes with SHA-256"),
        (1, "dgst -sha256 -sign p256.pem hash", "the SHA-256 of the bytes, and not over the bytes"),
        (2, "dgst -sha256 -sign p384.pem payload", "with SHA-256: P-384 goes with SHA-384"),
        (2, "dgst -sha512 -sign p384.pem payload", "with SHA-512: P-384 goes with SHA-384"),
        (3, "dgst -sha256 -sign rsa.pem payload", "with PKCS#1 v1.5: this key goes with PSS"),
        (3, "dgst -sha512 -sign rsa.pem payload", "with PKCS#1 v1.5: this key goes with PSS"),
        (
            3,
            "dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign rsa.pem payload",
            "with SHA-384: this key goes with SHA-256",
        ),
        (
            3,
            "dgst -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign rsa.pem payload",
            "with SHA-512: this key goes with SHA-256",
        ),
    ] {
        let key: &PublicKey = &keys[by];
        let sig = openssl(dir, command);
        let entry = Signature { keyid: key.keyid(), sig: hex::encode(&sig) };
        for (sent, keyid) in [
            (sig.clone(), None),
            (sig, Some(key.keyid())),
            (root.with_signatures(vec![entry]).to_file(), None),
        ] {
            let mut merge = Merge::new(root.clone(), "root", signers.clone(), "root.json");

            merge.take("sig", &sent, keyid.as_ref());

            let finding = &merge.findings()[0];
            assert_eq!(finding.outcome, Outcome::DoesNotVerify, "{command}");
            assert_eq!(finding.keyid, Some(key.keyid()), "{command}");
            assert!(finding.why.contains(way), "{command}: {}", finding.why);
            assert!(merge.merged().signatures().is_empty());
        }
    }
}

#[test]
fn a_wrong_everything_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (ed, p256) = (
        key(dir, "ed", "-algorithm ed25519"),
        key(dir, "p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    );
    key(dir, "stranger", "-algorithm ed25519");
    let root = root_of(&[&ed, &p256]);
    fs::write(dir.join("payload"), root.payload()).unwrap();
    fs::write(dir.join("other"), b"something else").unwrap();
    let good = openssl(dir, "pkeyutl -sign -rawin -inkey ed.pem -in payload");
    let mut bent = good.clone();
    bent[20] ^= 1;
    let stranger: Value = json!("an-unknown-label");

    for (what, signature, keyid, outcome) in [
        (
            "other bytes",
            openssl(dir, "pkeyutl -sign -rawin -inkey ed.pem -in other"),
            None,
            Outcome::DoesNotVerify,
        ),
        ("other bytes", openssl(dir, "dgst -sha256 -sign p256.pem other"), None, Outcome::DoesNotVerify),
        ("another hash", openssl(dir, "dgst -sha384 -sign p256.pem payload"), None, Outcome::DoesNotVerify),
        (
            "a stranger",
            openssl(dir, "pkeyutl -sign -rawin -inkey stranger.pem -in payload"),
            None,
            Outcome::DoesNotVerify,
        ),
        (
            "a stranger by name",
            openssl(dir, "pkeyutl -sign -rawin -inkey stranger.pem -in payload"),
            Some(keyrite::tuf::KeyId(stranger.as_str().unwrap().to_owned())),
            Outcome::Stranger,
        ),
        ("another's label", good.clone(), Some(p256.keyid()), Outcome::DoesNotVerify),
        ("a bent bit", bent, None, Outcome::DoesNotVerify),
        ("cut short", good[..60].to_vec(), None, Outcome::Malformed),
        ("the private key", fs::read(dir.join("ed.pem")).unwrap(), None, Outcome::Malformed),
        ("the payload", root.payload().to_vec(), None, Outcome::Malformed),
    ] {
        let signers = Signers::of_root(&root, None).unwrap();
        let mut merge = Merge::new(root.clone(), "root", signers, "root.json");

        merge.take("sig", &signature, keyid.as_ref());

        assert_eq!(merge.findings()[0].outcome, outcome, "{what}");
        assert!(merge.merged().signatures().is_empty(), "{what}");
    }
}

/// ECDSA signs differently each time: which of two good signatures came first must not matter.
#[test]
fn of_two_good_signatures_of_one_key_the_same_is_kept_whatever_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let p256 = key(dir, "p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let root = root_of(&[&p256]);
    fs::write(dir.join("payload"), root.payload()).unwrap();
    let signatures: Vec<Vec<u8>> =
        (0..4).map(|_| openssl(dir, "dgst -sha256 -sign p256.pem payload")).collect();
    let merged = |order: [usize; 4]| {
        let signers = Signers::of_root(&root, None).unwrap();
        let mut merge = Merge::new(root.clone(), "root", signers, "root.json");
        order.iter().for_each(|i| merge.take("sig", &signatures[*i], None));
        merge
    };

    let one = merged([0, 1, 2, 3]);

    assert_eq!(one.merged().signatures().len(), 1);
    assert_eq!(one.findings()[3].outcome, Outcome::AlreadyThere);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(merged(order).merged(), one.merged());
    }
}
