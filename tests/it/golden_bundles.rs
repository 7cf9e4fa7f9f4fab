//! Bundles byte for byte: the same file, keys and clock give the same bundle on every machine.

use std::fs;
use std::io::Write;
use std::path::Path;

use age::secrecy::SecretString;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::rehearse_quickstart;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;

/// Compares with `snapshots/bundles/NAME`; `INSTA_UPDATE=always` (`just accept`) writes it instead.
#[track_caller]
fn is_golden(name: &str, bundle: &Path) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/bundles").join(name);
    let files = tree(bundle);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let _ = fs::remove_dir_all(&golden);
        for (path, bytes) in &files {
            let path = golden.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let expected = tree(&golden);
    let names = |files: &[(std::path::PathBuf, Vec<u8>)]| {
        files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&files), names(&expected));
    for ((path, bytes), (_, golden)) in files.iter().zip(&expected) {
        assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(golden), "{}", path.display());
    }
}

#[test]
fn the_rehearsal_of_the_quickstart_is_the_same_on_every_machine() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");

    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);

    is_golden("quickstart", &record.join("bundle"));
}

/// An age file with the Ed25519 key of a fixed seed, and its public half.
fn fixed_key(dir: &Path, name: &str, seed: u8) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    age_file(dir, name, pem.as_bytes());
    let public = hex::encode(key.verifying_key().to_bytes());
    let json = format!(
        "{{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{{\"public\":\"{public}\"}}}}\n"
    );
    fs::write(dir.join(format!("{name}.pub.json")), json).unwrap();
}

/// `NAME.age` with a private key in PEM, which opens with "the passphrase of NAME", and fast.
pub(crate) fn age_file(dir: &Path, name: &str, pem: &[u8]) {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(format!("the passphrase of {name}")));
    recipient.set_work_factor(10);
    let encryptor =
        age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(pem).unwrap();
    writer.finish().unwrap();
    fs::write(dir.join(format!("{name}.age")), file).unwrap();
}

#[test]
fn a_production_ceremony_with_fixed_keys_is_the_same_on_every_machine() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let inputs = at("inputs");
    fs::create_dir_all(inputs.join("targets/docs")).unwrap();
    fs::write(inputs.join("targets/app.txt"), "an application\n").unwrap();
    fs::write(inputs.join("targets/docs/manual.txt"), "a manual\n").unwrap();
    for (name, seed) in [("ana", 1), ("bo", 2), ("chi", 3), ("online", 4)] {
        fixed_key(&inputs, name, seed);
    }
    fs::write(at("ceremony.yaml"), include_str!("../data/fixed-keys.yaml")).unwrap();
    let secrets: String = ["ana", "bo", "chi", "online"]
        .map(|name| format!("  {name}: {{passphrase: \"the passphrase of {name}\"}}\n"))
        .concat();
    let answers = format!(
        "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n{secrets}"
    );
    fs::write(at("answers.yaml"), answers).unwrap();

    let (file, answers, record) = (at("ceremony.yaml"), at("answers.yaml"), at("record"));
    keyrite(&["run", text(&file), "--plain", "--answers", text(&answers), "--record", text(&record)])
        .ended(0);

    is_golden("fixed-keys", &record.join("bundle"));
}
