//! Dice: what is typed, what becomes of it, and that anyone can compute it again.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::common::terminal::talk;

/// The good plan with these schemes of ana, bo and online, each with dice.
fn ceremony(dir: &Path, schemes: [&str; 3], dice: &str) {
    let mut good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    for (name, scheme) in ["ana", "bo", "online"].into_iter().zip(schemes) {
        let from = format!("store: \"age:keys/{name}.age\", scheme: ed25519");
        let to = format!("store: \"age:keys/{name}.age\", scheme: {scheme}, {dice}");
        assert!(good.contains(&from));
        good = good.replace(&from, &to);
    }
    let accepted =
        "trust:\n  accept: [entropy-from-dice-alone, spare-keys-below-2, root-file-keys-reach-threshold]\n";
    fs::write(dir.join("ceremony.yaml"), good.replace("trust:\n", accepted)).unwrap();
}

/// Throws that differ from key to key.
fn throws(count: usize, seed: usize) -> String {
    (0..count)
        .map(|n| char::from(b'1' + u8::try_from((n * n + seed * n + n / 7 + seed) % 6).unwrap()))
        .collect()
}

fn answers(dir: &Path, dice: [&str; 3]) {
    let mut text =
        "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n".to_owned();
    for (name, thrown) in ["ana", "bo", "online"].into_iter().zip(dice) {
        text += &format!("  {name}: {{passphrase: open sesame, dice: \"{thrown}\"}}\n");
    }
    fs::write(dir.join("answers.yaml"), text).unwrap();
}

fn run(dir: &Path, record: &str, more: &[&str]) -> Command {
    let (file, answers, record) = (dir.join("ceremony.yaml"), dir.join("answers.yaml"), dir.join(record));
    let mut run = command();
    run.args(["run", text(&file), "--plain", "--answers", text(&answers), "--record", text(&record)]);
    run.args(more);
    run
}

fn performed(dir: &Path, record: &str, more: &[&str], code: i32) -> Said {
    Said::of(&run(dir, record, more).output().unwrap()).ended(code)
}

fn public(record: &Path, key: &str) -> serde_json::Value {
    let file = fs::read(record.join(format!("keys/{key}.pub.json"))).unwrap();
    serde_json::from_slice::<serde_json::Value>(&file).unwrap()["keyval"]["public"].clone()
}

/// The public half of a key that is nothing but the hash of its throws, as other people's cryptography has it.
fn elsewhere(scheme: &str, thrown: &str) -> String {
    const SCRIPT: &str = r#"
import hashlib, sys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
scheme, thrown = sys.argv[1], sys.argv[2].encode()
if scheme == "ed25519":
    key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(thrown).digest()).public_key()
    print(key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex(), end="")
else:
    curve, digest = (ec.SECP256R1(), hashlib.sha256) if scheme.endswith("256") else (ec.SECP384R1(), hashlib.sha384)
    key = ec.derive_private_key(int.from_bytes(digest(thrown).digest(), "big"), curve).public_key()
    print(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), end="")
"#;
    let out = Command::new("/usr/bin/python3").args(["-c", SCRIPT, scheme, thrown]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_key_from_dice_alone_is_computed_again_by_others() {
    const SCHEMES: [&str; 3] = ["ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"];
    let dir = tempfile::tempdir().unwrap();
    let thrown = [throws(99, 1), throws(99, 2), throws(99, 3)];
    ceremony(dir.path(), SCHEMES, "dice: 99, dice_only: true");
    answers(dir.path(), [&thrown[0], &thrown[1], &thrown[2]]);

    let said = performed(dir.path(), "record", &[], 0);

    let record = dir.path().join("record");
    for ((name, scheme), thrown) in ["ana", "bo", "online"].into_iter().zip(SCHEMES).zip(&thrown) {
        let made = public(&record, name);
        assert_eq!(made.as_str().unwrap().trim_end(), elsewhere(scheme, thrown).trim_end(), "{scheme}");
    }
    assert!(said.out.contains("from 99 throws of dice alone."), "{}", said.out);
}

#[test]
fn mixed_with_the_kernel_the_same_dice_give_another_key_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let thrown = throws(60, 4);
    ceremony(dir.path(), ["ed25519"; 3], "dice: 60");
    answers(dir.path(), [&thrown; 3]);

    let said = performed(dir.path(), "record", &[], 0);

    let record = dir.path().join("record");
    let made = ["ana", "bo", "online"].map(|name| public(&record, name));
    assert!(made[0] != made[1] && made[1] != made[2] && made[0] != made[2], "{made:?}");
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert!(journal.contains("32 bytes of the kernel and 60 throws of dice, by HKDF-SHA256"), "{journal}");
    // The throws are nowhere: not even a row of them.
    for (path, bytes) in tree(&record) {
        assert!(memchr::memmem::find(&bytes, &thrown.as_bytes()[..10]).is_none(), "{}", path.display());
    }
    assert!(!said.out.contains(&thrown[..10]) && !said.err.contains(&thrown[..10]));
}

#[test]
fn too_few_throws_make_no_key_in_a_rehearsal_and_in_production() {
    for mode in [&["--rehearse"][..], &[]] {
        let dir = tempfile::tempdir().unwrap();
        ceremony(dir.path(), ["ed25519"; 3], "dice: 60");
        answers(dir.path(), [&throws(59, 1), &throws(60, 1), &throws(60, 1)]);

        let said = performed(dir.path(), "record", mode, 5);

        assert!(
            said.err.contains("59 throws were typed, and 60 are asked for. No key was made"),
            "{}",
            said.err
        );
        assert!(!dir.path().join("record/keys/ana.age").exists());
    }
}

#[test]
fn throws_are_typed_in_rows_and_a_row_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), ["ed25519"; 3], "dice: 50");
    const ENTER: (&str, &str) = ("`stop` stops: ", "\n");
    let mut asked = vec![ENTER; 7];
    asked.extend([
        ("Enter begins", "\n"),
        ("nobody looks): ", "open sesame\n"),
        ("once more: ", "open sesame\n"),
    ]);
    asked.extend([
        ("Throws 1 to 10: ", "1234567890\n"),
        ("A throw is a digit from 1 to 6.", ""),
        ("Throws 1 to 10: ", "12345612\n"),
        ("That were 8 throws, and 10 are asked for.", ""),
        ("Throws 1 to 10: ", "12345 61234\n"),
        ("Throws 11 to 20: ", "back\n"),
        ("Throws 1 to 10: ", "1111111111\n"),
        ("Throws 11 to 20: ", "1111111111\n"),
        ("Throws 21 to 30: ", "1111111111\n"),
        ("Throws 31 to 40: ", "1111111111\n"),
        ("Throws 41 to 50: ", "1111111111\n"),
        ("more uneven than fair dice", ""),
        ("`again` throws anew: ", "\n"),
        ("Ana Duarte made key ana", ""),
        ("`stop` stops: ", "stop\n"),
        ("Why? ", "enough\n"),
    ]);
    let args = ["run", "ceremony.yaml", "--rehearse", "--plain", "--record", "record"];

    let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &asked);

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(!ended.shown.contains("1111111111") && !ended.shown.contains("12345 61234"), "{}", ended.shown);
}
