//! What holds on every module.

use keyrite::keystore::error::StoreErrorKind as Kind;

use super::scene::Do;
use super::world::LABEL;
use super::world::PIN;
use super::world::World;
use super::world::find;
use super::world::generate;
use super::world::look;
use super::world::sign;
use super::world::sign_with;
use super::world::tool;

/// Each rule becomes a test on each module.
macro_rules! on_every_module {
    ($($rule:ident)*) => {
        mod softhsm {
            $(#[test] fn $rule() { if let Some(world) = super::World::softhsm() { super::$rule(&world) } })*
        }
        mod kryoptic {
            $(#[test] fn $rule() { if let Some(world) = super::World::kryoptic() { super::$rule(&world) } })*
        }
    };
}

on_every_module! {
    a_key_of_every_scheme_is_made_found_and_signs
    a_label_in_use_is_refused_and_its_key_stays
    a_wrong_pin_is_told_and_the_right_one_works_after_it
    without_a_pin_only_the_public_half_is_seen
    no_login_without_a_pin
    a_key_that_is_not_the_wanted_one_does_not_sign
    a_key_that_is_not_there_is_told
    a_key_that_wants_its_pin_each_time_gets_it_each_time
    two_keys_of_one_name_are_refused
    a_token_is_missed_by_name_and_used_when_it_is_there
    two_tokens_of_one_label_are_told_apart_by_serial
    a_login_ends_with_its_call
}

const SCHEMES: [&str; 4] = ["ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsassa-pss-sha256"];

fn a_key_of_every_scheme_is_made_found_and_signs(world: &World) {
    for scheme in SCHEMES {
        let uri = world.uri(scheme);

        let came = world.play(&[generate(&uri, scheme), find(&uri), sign(&uri, &["one", "two"])]);

        let made = came[0].found();
        assert_eq!(made, came[1].found());
        assert_eq!(made.public.scheme().as_str(), scheme);
        for (name, value) in [
            ("CKA_LOCAL", "true"),
            ("CKA_SENSITIVE", "true"),
            ("CKA_EXTRACTABLE", "false"),
            ("CKA_NEVER_EXTRACTABLE", "true"),
            ("CKA_ALWAYS_SENSITIVE", "true"),
            ("hardware", "false"),
            ("token", LABEL),
        ] {
            assert_eq!(made.evidence.get(name).map(String::as_str), Some(value), "{scheme}: {name}");
        }
        assert!(made.evidence["CKA_KEY_GEN_MECHANISM"].starts_with("CKM_"));
        assert_eq!(made.evidence["module-sha256"].len(), 64);
        assert_eq!(came[2].signed(), 2);
    }
}

fn a_label_in_use_is_refused_and_its_key_stays(world: &World) {
    let uri = world.uri("root");

    let came = world.play(&[
        generate(&uri, "ecdsa-sha2-nistp256"),
        generate(&uri, "ecdsa-sha2-nistp256"),
        generate(&uri, "ed25519"),
        find(&uri),
    ]);

    came[1].failed_with(Kind::Exists, "nothing was made and nothing was changed");
    came[2].failed_with(Kind::Exists, "has a key with that label or id already");
    assert_eq!(came[0].found(), came[3].found());
}

fn a_wrong_pin_is_told_and_the_right_one_works_after_it(world: &World) {
    let uri = world.uri("root");

    let came = world.play(&[
        generate(&uri, "ed25519"),
        sign_with(&uri, "000000", &["x"]),
        look(&uri),
        sign(&uri, &["x"]),
    ]);

    came[1].failed_with(Kind::WrongSecret, "wrong PIN for token ROOT-BO");
    assert_eq!(came[2].seen()["wants"], "pin");
    assert_eq!(came[3].signed(), 1);
}

fn without_a_pin_only_the_public_half_is_seen(world: &World) {
    let uri = world.uri("root");

    let came = world.play(&[
        generate(&uri, "ecdsa-sha2-nistp256"),
        Do::Find { uri: uri.clone(), pin: None },
        Do::Find { uri: world.uri("other"), pin: None },
    ]);

    assert_eq!(came[0].found().public, came[1].found().public);
    assert!(!came[1].found().evidence.contains_key("CKA_LOCAL"));
    assert!(matches!(came[2], super::scene::Came::Found(None)));
}

fn no_login_without_a_pin(world: &World) {
    let uri = world.uri("root");
    let generate = Do::Generate { uri: uri.clone(), pin: None, scheme: "ed25519".to_owned(), bits: None };

    let came = world.play(&[generate]);

    came[0].failed_with(Kind::WrongSecret, "needs its PIN");
}

fn a_key_that_is_not_the_wanted_one_does_not_sign(world: &World) {
    let (one, other) = (world.uri("one"), world.uri("other"));

    let came = world.play(&[
        generate(&one, "ecdsa-sha2-nistp256"),
        generate(&other, "ecdsa-sha2-nistp256"),
        sign(&one, &["x"]),
        sign(&other, &["x"]),
    ]);

    came[2].failed_with(Kind::WrongKey, "nothing was signed");
    assert_eq!(came[3].signed(), 1);
}

fn a_key_that_is_not_there_is_told(world: &World) {
    let (here, gone) = (world.uri("here"), world.uri("gone"));

    let came = world.play(&[generate(&here, "ed25519"), find(&gone), sign(&gone, &["x"])]);

    assert!(matches!(came[1], super::scene::Came::Found(None)));
    came[2].failed_with(Kind::NoSuchKey, "token ROOT-BO has no key gone");
}

fn a_key_that_wants_its_pin_each_time_gets_it_each_time(world: &World) {
    world.foreign_key("careful", "0c", &["--always-auth"]);
    let uri = world.uri("careful");

    let came = world.play(&[find(&uri), sign(&uri, &["one", "two", "three"]), sign(&uri, &["four"])]);

    assert_eq!(came[0].found().evidence["CKA_ALWAYS_AUTHENTICATE"], "true");
    assert_eq!(came[1].signed(), 3);
    assert_eq!(came[2].signed(), 1);
}

fn two_keys_of_one_name_are_refused(world: &World) {
    world.foreign_key("twin", "0a", &[]);
    world.foreign_key("twin", "0b", &[]);
    let by_label = world.uri("twin");
    let by_id = world.uri("twin").replace(";object=", ";id=%0a;object=");

    let came = world.play(&[find(&by_label), find(&by_id), sign(&by_label, &["x"])]);

    came[0].failed_with(Kind::Ambiguous, "2 keys on token ROOT-BO");
    assert!(came[1].found().public.keyid().0.len() == 64);
    // The key that is wanted is known by its material, so that the name need not be enough.
    assert_eq!(came[2].signed(), 1);
}

fn a_token_is_missed_by_name_and_used_when_it_is_there(world: &World) {
    let uri = world.uri("root").replace(LABEL, "ROOT-ANA");

    let before = world.play(&[look(&uri)]);
    world.add_token("ROOT-ANA");
    let after = world.play(&[generate(&uri, "ed25519"), sign(&uri, &["x"])]);

    before[0].failed_with(Kind::NoSuchToken, "token ROOT-ANA is not there; there is: token ROOT-BO, serial ");
    assert_eq!(after[1].signed(), 1);
}

fn two_tokens_of_one_label_are_told_apart_by_serial(world: &World) {
    let uri = world.uri("root");
    let only = world.play(&[look(&uri)]);
    let serial = only[0].seen()["serial"].as_str().unwrap();
    world.add_token(LABEL);
    let exact = uri.replace(";object=", &format!(";serial={serial};object="));

    let came = world.play(&[look(&uri), generate(&uri, "ed25519"), generate(&exact, "ed25519")]);

    came[0].failed_with(Kind::Ambiguous, &format!("serial {serial}"));
    came[1].failed_with(Kind::Ambiguous, "2 tokens answer to token ROOT-BO");
    assert_eq!(came[2].found().evidence["serial"], serial);
}

/// A PIN is checked at every call: what an earlier one unlocked does not let a wrong PIN pass.
fn a_login_ends_with_its_call(world: &World) {
    let uri = world.uri("root");

    let came = world.play(&[
        generate(&uri, "ed25519"),
        sign(&uri, &["x"]),
        sign_with(&uri, &PIN.replace('1', "9"), &["x"]),
        Do::Find { uri: uri.clone(), pin: Some("nonsense".to_owned()) },
    ]);

    assert_eq!(came[1].signed(), 1);
    came[2].failed_with(Kind::WrongSecret, "wrong PIN");
    came[3].failed_with(Kind::WrongSecret, "wrong PIN");
}

/// A SoftHSM token is a directory: taken away, and put back.
#[test]
fn a_token_that_was_away_signs_again_when_it_is_back() {
    let Some(world) = World::softhsm() else { return };
    let uri = world.uri("root");
    let here = world.dir.path().join("tokens").display().to_string();
    let away = world.dir.path().join("away").display().to_string();

    let came = world.play(&[
        generate(&uri, "ecdsa-sha2-nistp256"),
        tool("mv", &[&here, &away]),
        tool("mkdir", &[&here]),
        look(&uri),
        sign(&uri, &["x"]),
        tool("rmdir", &[&here]),
        tool("mv", &[&away, &here]),
        sign(&uri, &["x"]),
    ]);

    came[3].failed_with(Kind::NoSuchToken, "there is a blank token, and no other");
    came[4].failed_with(Kind::NoSuchToken, "token ROOT-BO is not there");
    assert_eq!(came[7].signed(), 1);
}
