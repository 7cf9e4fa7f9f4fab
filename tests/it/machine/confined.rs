//! What a confined process can no longer do, tried by `tests/programs/confined.rs`; and what a module still can.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::example;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

#[test]
fn a_confined_process_reaches_no_network_no_other_process_and_no_file_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["read", "write"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("file"), "x").unwrap();
    fs::write(dir.path().join("read/file"), "x").unwrap();

    let said = Said::of(&Command::new(example("confined")).arg(dir.path()).output().unwrap()).ended(0);

    assert_eq!(said.out, "confined\n");
}

/// A production ceremony that requires both, with every key on this token.
fn on_a_token(world: &World, module: &Path) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let mut good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let mut secrets = String::new();
    for name in ["ana", "bo", "online"] {
        let store = format!("pkcs11:token=ROOT-BO;object={name}?module-path={}", module.display());
        let from = format!("store: \"age:keys/{name}.age\", scheme: ed25519");
        assert!(good.contains(&from));
        good = good.replace(&from, &format!("store: \"{store}\", scheme: ecdsa-sha2-nistp256"));
        secrets += &format!("  {name}: {{pin: \"{PIN}\"}}\n");
    }
    let asked = "environment: {require: [no-inet-sockets, confined-files]}\noutputs:";
    fs::write(dir.path().join("ceremony.yaml"), good.replace("outputs:", asked)).unwrap();
    let head = "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n";
    let answers = head.to_owned() + &secrets;
    fs::write(dir.path().join("answers.yaml"), answers).unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let mut run = command();
    run.envs(&world.env).args(["run", &path("ceremony.yaml"), "--plain", "--answers", &path("answers.yaml")]);
    let said = Said::of(&run.args(["--record", &path("record")]).output().unwrap()).ended(0);
    keyrite(&["journal", "verify", text(&dir.path().join("record"))]).ended(0);
    said
}

#[test]
fn a_module_makes_its_key_and_signs_within_what_is_left() {
    let Some(softhsm) = World::softhsm() else { return };
    let Some(kryoptic) = World::kryoptic() else { return };
    let proxy = PathBuf::from("/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so");
    for (world, module) in [(&softhsm, &softhsm.module), (&kryoptic, &kryoptic.module)] {
        on_a_token(world, module);
    }
    // SoftHSM behind p11-kit, with a token that has no such key yet.
    let Some(behind) = World::softhsm() else { return };
    let said = on_a_token(&behind, &proxy);

    for item in ["no-inet-sockets", "confined-files"] {
        let row = said.out.lines().find(|line| line.contains(&format!(" {item} "))).unwrap();
        assert!(row.contains("[ OK ]") && row.contains("required"), "{row}");
    }
}
