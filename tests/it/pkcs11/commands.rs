//! `keyrite token`, and what other makers' tools see of our keys.

use serde_json::Value;

use super::world::LABEL;
use super::world::PIN;
use super::world::World;
use super::world::generate;

/// What the command printed, its standard error, and its exit code.
fn keyrite(world: &World, arguments: &[&str]) -> (String, String, Option<i32>) {
    let out = world.command(env!("CARGO_BIN_EXE_keyrite")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr), out.status.code())
}

#[test]
fn a_token_and_its_public_objects_are_shown_without_a_pin() {
    let Some(world) = World::softhsm() else { return };
    let uri = world.uri("root-2026");
    let came = world.play(&[generate(&uri, "ecdsa-sha2-nistp256")]);

    let (text, _, code) = keyrite(&world, &["token", "show", &uri]);
    let (json, _, _) = keyrite(&world, &["token", "show", &uri, "--json"]);

    let keyid = came[0].found().public.keyid();
    assert_eq!(code, Some(0));
    assert!(text.starts_with(&format!("token {LABEL}\n")), "{text}");
    assert!(text.contains("public-key root-2026") && text.contains(&keyid.0), "{text}");
    assert!(!text.contains("private-key"), "{text}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["token"]["label"], LABEL);
    assert_eq!(json["objects"][0]["keyid"], keyid.0);
    assert_eq!(json["module"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn every_token_is_listed_and_its_uri_finds_it_again() {
    let Some(mut world) = World::softhsm() else { return };
    world.add_token("ROOT-ANA");
    world.env.insert("KEYRITE_PKCS11_MODULE".to_owned(), world.module.display().to_string());

    let (json, text, code) = keyrite(&world, &["token", "list", "--json"]);

    let json: Value = serde_json::from_str(&json).unwrap();
    let tokens = json["tokens"].as_array().unwrap();
    let labels: Vec<_> = tokens.iter().filter_map(|token| token["label"].as_str()).collect();
    assert_eq!(code, Some(0));
    assert!(labels.contains(&"ROOT-ANA") && labels.contains(&LABEL), "{labels:?}");
    assert!(text.contains("blank token"), "{text}");
    for token in tokens.iter().filter(|token| token["initialised"] == true) {
        let (shown, _, code) = keyrite(&world, &["token", "show", token["uri"].as_str().unwrap()]);
        assert_eq!(code, Some(0));
        assert!(shown.contains(token["serial"].as_str().unwrap()));
    }
}

#[test]
fn what_cannot_be_shown_ends_with_its_exit_code() {
    let Some(world) = World::softhsm() else { return };

    let (_, text, code) = keyrite(&world, &["token", "show", &world.uri("x").replace(LABEL, "NOBODY")]);
    assert_eq!(code, Some(5));
    assert!(text.starts_with("error: token NOBODY is not there; there is: token ROOT-BO, serial "), "{text}");
    assert!(text.contains("\nhint: "), "{text}");

    let (_, text, code) = keyrite(&world, &["token", "show", "pkcs11:object=x"]);
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @r"
    error: a pkcs11 STORE names its token, by token= or serial=
    hint: write pkcs11:token=LABEL, as `keyrite token list` prints it
    ");

    let (_, _, code) = keyrite(&world, &["token", "show", "pkcs11:token=A?pin-value=1"]);
    assert_eq!(code, Some(2));
}

#[test]
fn a_hostile_label_cannot_move_the_cursor() {
    let Some(world) = World::softhsm() else { return };
    world.add_token("\u{1b}[2J\u{202e}KO");

    let (text, _, _) = keyrite(&world, &["token", "list", "--module", &world.module.display().to_string()]);

    assert!(text.contains("token \\u{1b}[2J\\u{202e}KO\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn pkcs11_tool_sees_the_objects_that_we_make() {
    let Some(world) = World::softhsm() else { return };
    let uri = world.uri("root-2026");
    world.play(&[generate(&uri, "ecdsa-sha2-nistp256")]);

    let listed = world.pkcs11_tool(&["--token-label", LABEL, "--login", "--pin", PIN, "--list-objects"]);

    let private = listed.split("Private Key Object").nth(1).unwrap_or_default();
    assert!(listed.contains("Public Key Object; EC"), "{listed}");
    assert!(private.contains("label:      root-2026"), "{listed}");
    assert!(private.contains("sensitive, always sensitive, never extractable, local"), "{listed}");
}
