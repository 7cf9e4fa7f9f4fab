//! The real `libykcs11.so` and OpenSC's real PIV driver, on a virtual YubiKey that is pulled out and put back.
//!
//! `KEYRITE_VYUBIKEY` names the folder with `vpiv.py` and `with-vyubikey.sh`, which starts a private pcscd and the card,
//! and tells its process number as `VPIV_PID`: SIGUSR1 pulls the card, SIGUSR2 puts it back.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use keyrite::keystore::error::StoreErrorKind as Kind;
use tempfile::TempDir;

use super::scene::Came;
use super::scene::Do;
use super::world::World;
use super::world::find;
use super::world::generate;
use super::world::left_out;
use super::world::look;
use super::world::sign;
use super::world::tool;
use crate::common::keyrite::example;

const YKCS11: &str = "/usr/lib/x86_64-linux-gnu/libykcs11.so";
const OPENSC: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/opensc-pkcs11.so";
const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";
const PAYLOADS: [&str; 3] = ["root", "targets", "snapshot"];

/// A virtual YubiKey that gets a key in slot 9c, which wants its PIN at every signature.
struct Card {
    folder: PathBuf,
    world: World,
}

impl Card {
    fn new(module: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os("KEYRITE_VYUBIKEY").map(PathBuf::from) else {
            return left_out("KEYRITE_VYUBIKEY does not name the folder of the virtual YubiKey");
        };
        if !Path::new(module).is_file() {
            return left_out(&format!("{module} is not installed"));
        }
        // A Python that has the `cryptography` of the card; Debian's does.
        let python = std::env::var("VPIV_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
        let env = [
            ("HERE", folder.display().to_string()),
            ("VPIV_PYTHON", python),
            ("VPIV_ARGS", "--serial 42 --version 5.4.3".to_owned()),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let dir: TempDir = tempfile::tempdir().unwrap();
        Some(Self { folder, world: World { module: module.into(), dir, env, kryoptic: false } })
    }

    /// A STORE on the card, for its key in slot 9c, through the world's module.
    fn uri(&self) -> String {
        uri(&self.world.module)
    }

    /// Plays a scene beside the card, which has its key.
    fn play(&self, scene: &[Do]) -> Vec<Came> {
        let so = ["--module", YKCS11, "--login", "--login-type", "so", "--so-pin", MANAGEMENT_KEY];
        let key = ["--keypairgen", "--id", "02", "--key-type", "EC:prime256v1"];
        let make = tool("pkcs11-tool", &[&so[..], &key].concat());
        let mut came = self.world.play_with(&[&[make], scene].concat(), self.command());
        came.remove(0);
        came
    }

    /// The program that plays, started beside a card of its own.
    fn command(&self) -> Command {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Two ports a card, and no two cards at once: a port stays taken for a while after its card is gone. Below
        // those that the system gives to connections of other tests.
        let port = 20_000 + (std::process::id() * 2 + NEXT.fetch_add(2, Ordering::Relaxed)) % 12_000;
        let script = match rustix::process::geteuid().is_root() {
            true => "with-vyubikey.sh",
            false => "with-vyubikey-userns.sh",
        };
        let mut command = self.world.command("/bin/bash");
        command.arg(self.folder.join(script)).arg(port.to_string()).arg(example("play"));
        command
    }
}

fn uri(module: &Path) -> String {
    let token = match module == Path::new(YKCS11) {
        true => "YubiKey%20PIV%20%2342",
        false => "YubiKey%20PIV%20Slot%209c",
    };
    format!("pkcs11:token={token};id=%02?module-path={}", module.display())
}

fn signal(usr1: bool) -> Do {
    Do::Signal { variable: "VPIV_PID".to_owned(), usr1, after: 0 }
}

/// Pulls the card in the middle of what follows.
fn pull_soon() -> Do {
    Do::Signal { variable: "VPIV_PID".to_owned(), usr1: true, after: 600 }
}

/// The card is out. pcscd must notice it, too: a card that is back within a tenth of a second is not seen again by the
/// virtual reader. Hands are slower, and so are this many looks.
fn wait_until_gone(uri: &str) -> Do {
    Do::Await { uri: uri.to_owned(), failure: Some(Kind::NoSuchToken), row: 200 }
}

fn wait_until_back(uri: &str) -> Do {
    Do::Await { uri: uri.to_owned(), failure: None, row: 1 }
}

fn an_existing_key_is_adopted_and_signs_with_its_pin_each_time(module: &str) {
    let Some(card) = Card::new(module) else { return };
    let uri = card.uri();

    let came = card.play(&[
        Do::Find { uri: uri.clone(), pin: None },
        find(&uri),
        sign(&uri, &PAYLOADS),
        sign(&uri, &PAYLOADS),
    ]);

    assert_eq!(came[0].found().public, came[1].found().public);
    assert_eq!(came[1].found().evidence["CKA_ALWAYS_AUTHENTICATE"], "true");
    assert_eq!(came[1].found().evidence["CKA_LOCAL"], "true");
    assert_eq!(came[1].found().evidence["hardware"], "true");
    assert_eq!(came[2].signed(), 3);
    assert_eq!(came[3].signed(), 3);
}

fn wrong_pins_lead_to_the_last_try_and_the_lock(module: &str) {
    let Some(card) = Card::new(module) else { return };
    let uri = card.uri();
    let wrong = Do::Find { uri: uri.clone(), pin: Some("000000".to_owned()) };

    let came =
        card.play(&[wrong.clone(), look(&uri), wrong.clone(), look(&uri), wrong, look(&uri), find(&uri)]);

    // OpenSC sets its first flag at the last try.
    let (left, state) = match module == YKCS11 {
        true => ("few tries may be left", "count-low"),
        false => ("the token does not say how many tries are left", "normal"),
    };
    came[0].failed_with(Kind::WrongSecret, left);
    assert_eq!(came[1].seen()["pin"], state);
    came[2].failed_with(Kind::WrongSecret, "one try left: the next wrong PIN locks it");
    assert_eq!(came[3].seen()["pin"], "final-try");
    assert!(came[3].seen()["lines"].to_string().contains("ONE TRY LEFT"));
    assert_eq!(came[4].failed().kind, Kind::PinLocked);
    came[5].failed_with(Kind::PinLocked, "is locked");
    // The right PIN does not help any more.
    came[6].failed_with(Kind::PinLocked, "is locked");
}

fn a_card_pulled_between_two_signatures_signs_again_when_it_is_back(module: &str) {
    let Some(card) = Card::new(module) else { return };
    let uri = card.uri();

    let came = card.play(&[
        find(&uri),
        sign(&uri, &PAYLOADS),
        signal(true),
        wait_until_gone(&uri),
        sign(&uri, &PAYLOADS),
        signal(false),
        wait_until_back(&uri),
        sign(&uri, &PAYLOADS),
        find(&uri),
    ]);

    assert_eq!(came[1].signed(), 3);
    came[4].failed_with(Kind::NoSuchToken, "is not there; no token was found");
    assert_eq!(came[7].signed(), 3);
    assert_eq!(came[0].found().public, came[8].found().public);
}

/// The card goes away between any two of its commands: a sentence comes, and nothing half-signed.
fn a_card_pulled_in_the_middle_of_signing_signs_again_when_it_is_back(module: &str) {
    let Some(card) = Card::new(module) else { return };
    let uri = card.uri();
    let many = [PAYLOADS; 200].concat();

    let came = card.play(&[
        find(&uri),
        pull_soon(),
        sign(&uri, &many),
        wait_until_gone(&uri),
        signal(false),
        wait_until_back(&uri),
        sign(&uri, &PAYLOADS),
    ]);

    let gone = came[2].failed();
    println!("{gone:?}");
    assert!(matches!(gone.kind, Kind::TokenGone | Kind::NoSuchToken), "{gone:?}");
    assert_eq!(came[6].signed(), 3);
}

fn a_card_that_makes_no_keys_for_its_user_says_so_and_keeps_its_key(module: &str) {
    let Some(card) = Card::new(module) else { return };
    let uri = card.uri();
    let other = uri.replace("id=%02", "object=root-2026");

    let came = card.play(&[
        find(&uri),
        generate(&other, "ecdsa-sha2-nistp256"),
        generate(&other, "ed25519"),
        find(&uri),
    ]);

    for refused in &came[1..3] {
        assert_eq!(refused.failed().kind, Kind::Unsupported, "{refused:?}");
        assert!(refused.failed().hint.contains("make the key with the vendor's tool"), "{refused:?}");
    }
    assert_eq!(came[0].found(), came[3].found());
}

macro_rules! on_both_drivers {
    ($($rule:ident)*) => {
        mod ykcs11 { $(#[test] fn $rule() { super::$rule(super::YKCS11) })* }
        mod opensc { $(#[test] fn $rule() { super::$rule(super::OPENSC) })* }
    };
}

on_both_drivers! {
    an_existing_key_is_adopted_and_signs_with_its_pin_each_time
    wrong_pins_lead_to_the_last_try_and_the_lock
    a_card_pulled_between_two_signatures_signs_again_when_it_is_back
    a_card_pulled_in_the_middle_of_signing_signs_again_when_it_is_back
    a_card_that_makes_no_keys_for_its_user_says_so_and_keeps_its_key
}

/// Its keys have fixed labels, and the halves of a pair have different ones.
#[test]
fn either_label_of_a_pair_names_it() {
    let Some(card) = Card::new(YKCS11) else { return };
    let named = |label: &str| card.uri().replace("id=%02", &format!("object={label}"));

    let came = card.play(&[
        find(&named("Private%20key%20for%20Digital%20Signature")),
        find(&named("Public%20key%20for%20Digital%20Signature")),
    ]);

    assert_eq!(came[0].found(), came[1].found());
}

/// A key in that slot would be overwritten by the card without a question.
#[test]
fn a_slot_in_use_is_refused_before_the_card_is_asked_to_make_a_key() {
    let Some(card) = Card::new(YKCS11) else { return };

    let came = card.play(&[generate(&card.uri(), "ecdsa-sha2-nistp256")]);

    came[0].failed_with(Kind::Exists, "nothing was made and nothing was changed");
}

#[test]
fn two_modules_work_side_by_side_on_one_card() {
    let Some(card) = Card::new(YKCS11) else { return };
    let (ours, other) = (uri(Path::new(YKCS11)), uri(Path::new(OPENSC)));

    let came = card.play(&[
        find(&ours),
        sign(&ours, &PAYLOADS),
        find(&other),
        sign(&other, &PAYLOADS),
        sign(&ours, &PAYLOADS),
    ]);

    assert_eq!(came[0].found().public, came[2].found().public);
    assert_eq!(came[3].signed(), 3);
    assert_eq!(came[4].signed(), 3);
}

/// Behind p11-kit's proxy the message goes to the card in parts, with the PIN between.
#[test]
fn a_key_that_wants_its_pin_each_time_signs_through_the_proxy() {
    let Some(card) = Card::new(OPENSC) else { return };
    let uri = card.uri().replace(OPENSC, "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so");

    let came = card.play(&[find(&uri), sign(&uri, &PAYLOADS)]);

    assert_eq!(came[0].found().evidence["CKA_ALWAYS_AUTHENTICATE"], "true");
    assert_eq!(came[1].signed(), 3);
}

#[test]
fn the_limit_of_a_card_is_seen_before_the_prompt() {
    let Some(card) = Card::new(YKCS11) else { return };

    let came = card.play(&[look(&card.uri())]);

    assert_eq!(came[0].seen()["max_message"], 3062);
    assert_eq!(came[0].seen()["serial"], "42");
}
