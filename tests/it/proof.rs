//! `key prove`: what a delegate sends with a public key.

use keyrite::tuf::PublicKey;
use keyrite::tuf::proof::Proof;
use serde_json::Value;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

const ANSWERS: &str = "answers: 1\nconfirm: all
secrets: {\"age:dana.age\": {passphrase: \"correct horse battery staple\"}}\n";

fn ran(dir: &tempfile::TempDir, args: &str) -> Said {
    let args = args.split(' ').chain(["--answers", "answers.yaml"]);
    Said::of(&command().current_dir(dir.path()).args(args).output().unwrap())
}

#[test]
fn a_delegate_proves_possession_and_the_proof_is_for_one_occasion() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("answers.yaml"), ANSWERS).unwrap();
    ran(&dir, "key generate age:dana.age --scheme ed25519 --out dana.pub.json").ended(0);
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    let public = PublicKey::read(&read("dana.pub.json")).unwrap();

    let said =
        ran(&dir, "key prove age:dana.age --for 2027-06-add-dev --out dana.proof.json --json").ended(0);

    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["keyrite-proof"], &json["challenge"]), (&1.into(), &"2027-06-add-dev".into()));
    let proof = Proof::read(&read("dana.proof.json")).unwrap();
    assert_eq!(proof.verify(&public, "2027-06-add-dev"), Ok(()));
    assert!(proof.verify(&public, "2027-07-add-ops").is_err());
    let proof = dir.path().join("dana.proof.json");
    let seen = keyrite(&["inspect", text(&proof)]).ended(0);
    assert!(seen.out.contains("a proof of possession, made for \"2027-06-add-dev\""), "{}", seen.out);
    let again = ran(&dir, "key prove age:dana.age --for 2027-06-add-dev --out dana.proof.json").ended(2);
    assert!(again.err.contains("is there already; it is unchanged"), "{}", again.err);
}

#[test]
fn a_proof_for_nothing_is_refused_before_a_passphrase_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("answers.yaml"), "answers: 1\nconfirm: all\nsecrets: {}\n").unwrap();
    let args = ["key", "prove", "age:dana.age", "--for", " ", "--answers", "answers.yaml"];

    let said = Said::of(&command().current_dir(dir.path()).args(args).output().unwrap()).ended(2);

    assert!(said.err.contains("a challenge is one line"), "{}", said.err);
}
