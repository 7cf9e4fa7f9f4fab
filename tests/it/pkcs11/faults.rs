//! Every answer that a module was seen to give when something goes wrong, given on demand by the test token, and the
//! sentence that people read.

use keyrite::keystore::error::StoreErrorKind as Kind;

use super::scene::Came;
use super::scene::Do;
use super::world::LABEL;
use super::world::World;
use super::world::find;
use super::world::generate;
use super::world::look;
use super::world::sign;
use super::world::sign_with;
use super::world::tool;

const P256: &str = "ecdsa-sha2-nistp256";

fn world_with(variable: &str, value: &str) -> Option<World> {
    let mut world = World::kryoptic()?;
    world.env.insert(variable.to_owned(), value.to_owned());
    Some(world)
}

impl World {
    /// Plays `scene` with this fault, and then without it again.
    fn play_faulty(&mut self, fault: &str, scene: &[Do]) -> Vec<Came> {
        self.env.insert("P11_FAULT".to_owned(), fault.to_owned());
        let came = self.play(scene);
        self.env.remove("P11_FAULT");
        came
    }
}

#[test]
fn what_goes_wrong_before_and_at_the_login_is_told() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");

    for (fault, kind, text) in [
        ("Initialize:1:0x5", Kind::Module, "loads but cannot start (CKR_GENERAL_ERROR)"),
        ("Initialize:1:0x2", Kind::Module, "loads but cannot start (CKR_HOST_MEMORY)"),
        ("Initialize:1:0x7", Kind::Module, "loads but cannot start (CKR_ARGUMENTS_BAD)"),
        ("Initialize:1:0x191", Kind::Module, "loads but cannot start (CKR_CRYPTOKI_ALREADY_INITIALIZED)"),
        (
            "GetSlotList:1:0x30",
            Kind::TokenGone,
            "the reader or its service stopped answering (CKR_DEVICE_ERROR",
        ),
        (
            "GetTokenInfo:1:0xe1",
            Kind::NoSuchToken,
            "this module does not support it (CKR_TOKEN_NOT_RECOGNIZED)",
        ),
        ("GetTokenInfo:1:0xe0", Kind::TokenGone, "stopped answering (CKR_TOKEN_NOT_PRESENT"),
        ("OpenSession:1:0xb1", Kind::Module, "token ROOT-BO has no session left (CKR_SESSION_COUNT)"),
        ("OpenSession:1:0xb8", Kind::Module, "another user is logged in to token ROOT-BO"),
        ("OpenSession:1:0x208", Kind::NoSuchToken, "token ROOT-BO is blank"),
        ("OpenSession:1:0xe1", Kind::NoSuchToken, "does not support it"),
        (
            "OpenSession:1:0x32",
            Kind::TokenGone,
            "token ROOT-BO stopped answering (CKR_DEVICE_REMOVED from C_OpenSession)",
        ),
        (
            "Login:1:0xa0",
            Kind::WrongSecret,
            "wrong PIN for token ROOT-BO, the token does not say how many tries are left",
        ),
        ("Login:1:0xa1", Kind::WrongSecret, "the PIN has the wrong form for token ROOT-BO (CKR_PIN_INVALID)"),
        ("Login:1:0xa2", Kind::WrongSecret, "wrong form for token ROOT-BO (CKR_PIN_LEN_RANGE)"),
        ("Login:1:0x7", Kind::WrongSecret, "wrong form for token ROOT-BO (CKR_ARGUMENTS_BAD)"),
        ("Login:1:0xa3", Kind::Unsupported, "the PIN of token ROOT-BO has expired"),
        ("Login:1:0xa4", Kind::PinLocked, "the PIN of token ROOT-BO is locked"),
        ("Login:1:0x102", Kind::Unsupported, "token ROOT-BO has no user PIN yet"),
        ("Login:1:0x104", Kind::Module, "another user is logged in"),
        ("Login:1:0x50", Kind::WrongSecret, "the entry was cancelled on token ROOT-BO"),
        ("Login:1:0x200", Kind::WrongSecret, "the entry was cancelled on token ROOT-BO"),
        ("Login:1:0x5", Kind::TokenGone, "stopped answering (CKR_GENERAL_ERROR from C_Login)"),
        ("Login:1:0x30", Kind::TokenGone, "stopped answering (CKR_DEVICE_ERROR"),
        ("Login:1:0xb3", Kind::TokenGone, "stopped answering (CKR_SESSION_HANDLE_INVALID"),
        ("FindObjectsInit:1:0x90", Kind::TokenGone, "still busy with an earlier call (CKR_OPERATION_ACTIVE"),
        ("FindObjectsInit:1:0x32", Kind::TokenGone, "stopped answering (CKR_DEVICE_REMOVED"),
        ("FindObjectsInit:1:0x80000001", Kind::TokenGone, "stopped answering (CKR_VENDOR_DEFINED 0x80000001"),
    ] {
        let came = world.play_faulty(fault, &[find(&uri)]);

        println!("{fault}");
        came[0].failed_with(kind, text);
    }
}

#[test]
fn what_goes_wrong_while_a_key_is_made_is_told_and_nothing_is_made() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");

    for (fault, kind, text) in [
        ("GenerateKeyPair:1:0x101", Kind::Unsupported, "makes keys only for its security officer"),
        ("GenerateKeyPair:1:0x103", Kind::Unsupported, "makes keys only for its security officer"),
        ("GenerateKeyPair:1:0x13", Kind::Unsupported, "refused to make a key for ecdsa-sha2-nistp256"),
        ("GenerateKeyPair:1:0x140", Kind::Unsupported, "refused to make a key for ecdsa-sha2-nistp256"),
        ("GenerateKeyPair:1:0x54", Kind::Unsupported, "does not support that (CKR_FUNCTION_NOT_SUPPORTED"),
        ("GenerateKeyPair:1:0x70", Kind::Unsupported, "does not support that (CKR_MECHANISM_INVALID"),
        ("GenerateKeyPair:1:0xb5", Kind::Unsupported, "is write-protected (CKR_SESSION_READ_ONLY)"),
        ("GenerateKeyPair:1:0xe2", Kind::Unsupported, "is write-protected (CKR_TOKEN_WRITE_PROTECTED)"),
        ("GenerateKeyPair:1:0x31", Kind::TokenGone, "stopped answering (CKR_DEVICE_MEMORY"),
        ("GenerateKeyPair:1:0x32", Kind::TokenGone, "stopped answering (CKR_DEVICE_REMOVED"),
    ] {
        let came = world.play_faulty(fault, &[generate(&uri, P256)]);

        println!("{fault}");
        came[0].failed_with(kind, text);
        assert!(matches!(world.play(&[find(&uri)])[0], Came::Found(None)));
    }
    let hint = &world.play_faulty("GenerateKeyPair:1:0x103", &[generate(&uri, P256)])[0];
    assert!(hint.failed().hint.contains("make the key with the vendor's tool"));
}

#[test]
fn what_goes_wrong_while_signing_is_told() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    world.play(&[generate(&uri, P256)]);

    for (fault, kind, text) in [
        ("SignInit:1:0x101", Kind::TokenGone, "was the touch confirmed? Nothing was signed"),
        ("SignInit:1:0x60", Kind::TokenGone, "stopped answering (CKR_KEY_HANDLE_INVALID"),
        ("SignInit:1:0x82", Kind::TokenGone, "stopped answering (CKR_OBJECT_HANDLE_INVALID"),
        ("SignInit:1:0x63", Kind::Unsupported, "does not support that (CKR_KEY_TYPE_INCONSISTENT"),
        ("SignInit:1:0x68", Kind::Unsupported, "does not support that (CKR_KEY_FUNCTION_NOT_PERMITTED"),
        ("SignInit:1:0x70", Kind::Unsupported, "does not support that (CKR_MECHANISM_INVALID"),
        ("Sign:1:0x101", Kind::TokenGone, "was the touch confirmed?"),
        ("Sign:1:0x21", Kind::MessageTooLong, "longer than token ROOT-BO signs (CKR_DATA_LEN_RANGE)"),
        ("Sign:1:0x150", Kind::MessageTooLong, "longer than token ROOT-BO signs (CKR_BUFFER_TOO_SMALL)"),
        ("Sign:1:0x201", Kind::MessageTooLong, "(CKR_TOKEN_RESOURCE_EXCEEDED)"),
        ("Sign:1:0x30", Kind::TokenGone, "stopped answering (CKR_DEVICE_ERROR from C_Sign)"),
        (
            "Sign:2:0x32",
            Kind::TokenGone,
            "stopped answering (CKR_DEVICE_REMOVED from C_Sign); was it removed?",
        ),
    ] {
        let came = world
            .play_faulty(fault, &[Do::Find { uri: uri.clone(), pin: None }, sign(&uri, &["one", "two"])]);

        println!("{fault}");
        came[1].failed_with(kind, text);
    }
}

/// A token that knows the curve by its other name only, and one that refuses to be told what it does anyway.
#[test]
fn a_template_that_is_refused_is_tried_with_less() {
    let Some(mut world) = World::kryoptic() else { return };

    for (code, scheme) in [("0x5", "ed25519"), ("0x140", "ed25519"), ("0x12", P256), ("0xd1", P256)] {
        let uri = world.uri(code);

        let came = world.play_faulty(&format!("GenerateKeyPair:1:{code}:1"), &[generate(&uri, scheme)]);

        assert_eq!(came[0].found().evidence["CKA_EXTRACTABLE"], "false");
        assert_eq!(came[0].found().evidence["CKA_SENSITIVE"], "true");
    }
}

#[test]
fn a_token_that_is_logged_in_already_is_used() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");

    let came =
        world.play_faulty("Login:1:0x100", &[Do::Find { uri: uri.clone(), pin: Some("any".to_owned()) }]);

    assert!(matches!(came[0], Came::Found(None)));
}

/// The second `C_Login` would answer `CKR_GENERAL_ERROR`, so that it would show.
#[test]
fn one_prompt_is_one_login() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    world.play(&[generate(&uri, P256)]);
    let look = Do::Find { uri: uri.clone(), pin: None };

    let wrong = world.play_faulty("Login:2:0x5", &[look.clone(), sign_with(&uri, "000000", &["x"])]);
    let many = world.play_faulty("Login:2:0x5", &[look, sign(&uri, &["one", "two", "three"])]);

    wrong[1].failed_with(Kind::WrongSecret, "wrong PIN");
    assert_eq!(many[1].signed(), 3);
}

/// Any login would answer that the PIN is locked.
#[test]
fn a_pin_goes_to_no_token_when_two_answer_to_the_name() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    world.add_token(LABEL);

    let came = world.play_faulty("Login:1:0xa4", &[find(&uri), generate(&uri, P256)]);

    came[0].failed_with(Kind::Ambiguous, "2 tokens answer to token ROOT-BO");
    came[1].failed_with(Kind::Ambiguous, "2 tokens answer to token ROOT-BO");
}

#[test]
fn a_digest_mechanism_that_the_token_lacks_is_replaced() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");

    for scheme in [P256, "ecdsa-sha2-nistp384", "rsassa-pss-sha256"] {
        let uri = uri.replace("root", scheme);
        world.play(&[generate(&uri, scheme)]);

        let came = world.play_faulty("SignInit:1:0x70:1", &[find(&uri), sign(&uri, &["x"])]);

        assert_eq!(came[1].signed(), 1);
    }
}

#[test]
fn after_the_token_was_gone_the_next_call_works() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    world.play(&[generate(&uri, P256)]);

    for fault in ["Sign:2:0x32", "Login:1:0x30", "SignInit:1:0xb3", "Sign:1:0x5"] {
        let back = world.dir.path().join(fault).display().to_string();
        world.env.insert("P11_FAULT_ENDS".to_owned(), back.clone());

        let came = world.play_faulty(
            fault,
            &[
                Do::Find { uri: uri.clone(), pin: None },
                sign(&uri, &["x", "y"]),
                tool("touch", &[&back]),
                sign(&uri, &["x"]),
            ],
        );

        println!("{fault}");
        assert_eq!(came[1].failed().kind, Kind::TokenGone);
        assert_eq!(came[3].signed(), 1);
    }
}

#[test]
fn a_pin_pad_is_asked_and_no_pin_of_ours_reaches_it() {
    let Some(mut world) = world_with("P11_PINPAD", "123456") else { return };
    let uri = world.uri("root");
    let pad = |do_: Do| match do_ {
        Do::Generate { uri, scheme, bits, .. } => Do::Generate { uri, pin: None, scheme, bits },
        Do::Sign { uri, public, payloads, .. } => Do::Sign { uri, pin: None, public, payloads },
        other => other,
    };

    let came = world.play(&[
        look(&uri),
        pad(generate(&uri, P256)),
        pad(sign(&uri, &["one", "two"])),
        // The token refuses any PIN that comes from outside, so that one that was sent would show.
        sign_with(&uri, "999999", &["x"]),
    ]);
    world.env.insert("P11_PINPAD".to_owned(), "000000".to_owned());
    let wrong = world.play(&[Do::Find { uri: uri.clone(), pin: None }]);

    assert_eq!(came[0].seen()["wants"], "pin-pad");
    assert!(came[0].seen()["lines"].to_string().contains("typed on the token's own pad"));
    assert_eq!(came[2].signed(), 2);
    assert_eq!(came[3].signed(), 1);
    wrong[0].failed_with(Kind::WrongSecret, "wrong PIN");
}

#[test]
fn a_pin_pad_is_asked_at_every_signature_of_a_key_that_wants_it() {
    let Some(mut world) = World::kryoptic() else { return };
    world.foreign_key("careful", "0c", &["--always-auth"]);
    world.env.insert("P11_PINPAD".to_owned(), "123456".to_owned());
    let uri = world.uri("careful");

    let came = world.play(&[
        Do::Find { uri: uri.clone(), pin: None },
        Do::Sign { uri, pin: None, public: None, payloads: vec!["one".to_owned(), "two".to_owned()] },
    ]);

    assert_eq!(came[1].signed(), 2);
}

#[test]
fn the_tries_that_are_left_are_told_until_the_pin_is_locked() {
    let Some(world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    let wrong = Do::Find { uri: uri.clone(), pin: Some("000000".to_owned()) };
    let mut scene = vec![wrong; 10];
    scene.extend([look(&uri), find(&uri)]);

    let came = world.play(&scene);

    let said = |text: &str| came.iter().filter(|came| came.failed().text.contains(text)).count();
    assert!(said("the token does not say how many tries are left") >= 5, "{came:?}");
    assert!(said("few tries may be left") >= 1, "{came:?}");
    assert_eq!(said("one try left: the next wrong PIN locks it"), 1, "{came:?}");
    came[9].failed_with(Kind::PinLocked, "is locked");
    came[10].failed_with(Kind::PinLocked, "the PIN of token ROOT-BO is locked");
    came[11].failed_with(Kind::PinLocked, "is locked");
}

#[test]
fn a_message_too_long_for_the_token_is_refused_before_the_login() {
    let Some(mut world) = World::kryoptic() else { return };
    let uri = world.uri("root");
    world.play(&[generate(&uri, "ed25519")]);
    let long = "x".repeat(1024 * 1024 + 1);
    let peek = Do::Find { uri: uri.clone(), pin: None };

    // Any login would answer that the PIN is locked.
    let came = world.play_faulty("Login:1:0xa4", &[peek.clone(), sign(&uri, &["short", &long])]);
    let fits = world.play(&[peek, look(&uri), sign(&uri, &[&long[1..]])]);

    came[1].failed_with(Kind::MessageTooLong, "has 1048577 bytes, and token ROOT-BO signs at most 1048576");
    assert_eq!(fits[1].seen()["max_message"], 1_048_576);
    assert_eq!(fits[2].signed(), 1);
}

#[test]
fn a_key_that_could_leave_the_token_is_refused_and_deleted() {
    for (lie, text) in [("extractable", "can be taken off it"), ("readable", "can be read in plain")] {
        let Some(mut world) = world_with("P11_LIE", lie) else { return };
        let uri = world.uri("root");

        let came = world.play(&[generate(&uri, P256)]);
        world.env.remove("P11_LIE");
        let after = world.play(&[find(&uri)]);

        came[0].failed_with(Kind::Unsupported, text);
        came[0].failed_with(Kind::Unsupported, "it was deleted");
        assert!(matches!(after[0], Came::Found(None)));
    }
}

#[test]
fn a_signature_that_does_not_verify_is_thrown_away() {
    let Some(mut world) = World::kryoptic() else { return };
    for scheme in ["ed25519", P256] {
        let uri = world.uri(scheme);
        world.play(&[generate(&uri, scheme)]);
        world.env.insert("P11_LIE".to_owned(), "signature".to_owned());

        let came = world.play(&[find(&uri), sign(&uri, &["x"])]);

        came[1].failed_with(Kind::WrongKey, "does not verify with the public key; it was thrown away");
        world.env.remove("P11_LIE");
    }
}
