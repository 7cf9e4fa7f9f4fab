//! Tokens in the middle of a ceremony: pulled out, locked, with a PIN pad, asking at every signature; and it goes on.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;
use crate::pkcs11::world::left_out;

/// Ana with a file and Bo with a token must both sign root and targets.
fn ceremony(dir: &Path, bo: &str, answers: &str) {
    let file = format!(
        "keyrite: 1
id: with-a-token
title: One custodian with a token
type: root-genesis
participants:
  oli: {{name: Oli Berg, role: operator}}
  ana: {{name: Ana Duarte, role: custodian}}
  bo: {{name: Bo Lindqvist, role: custodian}}
  wim: {{name: Wim Peeters, role: witness}}
keys:
  ana: {{holder: ana, store: \"age:keys/ana.age\", scheme: ed25519, generate: true}}
  bo: {{holder: bo, {bo}}}
trust:
  before: none
  after:
    root: {{version: 1, expires: \"2028-12-31T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    targets: {{version: 1, expires: \"2028-06-30T00:00:00Z\", keys: [ana, bo], threshold: 2}}
    snapshot: {{keys: [ana], threshold: 1}}
    timestamp: {{keys: [ana], threshold: 1}}
outputs: {{bundle: bundle}}
"
    );
    fs::write(dir.join("ceremony.yaml"), file).unwrap();
    fs::write(dir.join("answers.yaml"), format!("{}{answers}", answers_head())).unwrap();
}

fn answers_head() -> &'static str {
    "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-11-20T12:00:00Z\nsecrets:\n  ana: {passphrase: \"a passphrase of ana\"}\n"
}

/// The ceremony in `dir`, from the start or from where it stopped.
fn perform(dir: &Path, world: &World, fault: &[(&str, &str)]) -> Said {
    let mut run = command();
    run.envs(&world.env).envs(fault.iter().copied());
    let (file, record, answers) = (dir.join("ceremony.yaml"), dir.join("record"), dir.join("answers.yaml"));
    if record.exists() {
        run.args(["resume", text(&record), "--plain", "--answers", text(&answers)]);
    } else {
        run.args(["run", text(&file), "--plain", "--answers", text(&answers), "--record", text(&record)]);
    }
    Said::of(&run.output().unwrap())
}

/// The record holds, and the bundle is signed by both.
#[track_caller]
fn whole(dir: &Path) {
    let record = dir.join("record");
    keyrite(&["journal", "verify", text(&record)]).ended(0);
    let (bundle, root) = (record.join("bundle"), record.join("bundle/metadata/1.root.json"));
    keyrite(&[
        "verify",
        text(&bundle),
        "--root",
        text(&root),
        "--scope",
        "offline",
        "--at",
        "2026-11-20T12:00:00Z",
    ])
    .ended(0);
}

fn generated(world: &World) -> String {
    format!("store: \"{}\", scheme: ecdsa-sha2-nistp256, generate: true", world.uri("root-2026"))
}

#[test]
fn a_pin_pad_takes_the_pin_and_no_secret_passes_through_us() {
    let Some(world) = World::kryoptic() else { return };
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), &generated(&world), "");

    let said = perform(dir.path(), &world, &[("P11_PINPAD", PIN)]).ended(0);

    assert!(said.out.contains("The PIN is typed on the token's own pad."), "{}", said.out);
    whole(dir.path());
}

#[test]
fn a_token_that_stops_answering_while_it_signs_loses_nothing() {
    let Some(world) = World::kryoptic() else { return };
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), &generated(&world), &format!("  bo: {{pin: \"{PIN}\"}}\n"));

    // The first signature is the proof at generation; the second is root.
    let pulled = perform(dir.path(), &world, &[("P11_FAULT", "Sign:2:0x32")]).ended(5);
    let said = perform(dir.path(), &world, &[]).ended(0);

    assert!(pulled.err.contains("removed") || pulled.err.contains("answer"), "{}", pulled.err);
    assert!(said.out.contains("Bo Lindqvist signed root"), "{}", said.out);
    whole(dir.path());
}

#[test]
fn a_key_made_when_the_power_went_is_found_and_adopted_not_doubled() {
    let Some(world) = World::kryoptic() else { return };
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), &generated(&world), &format!("  bo: {{pin: \"{PIN}\"}}\n"));
    // The key is made on the token, and the proof after it kills the step: the journal knows that it began, no more.
    perform(dir.path(), &world, &[("P11_FAULT", "Sign:1:0x32")]).ended(5);

    let said = perform(dir.path(), &world, &[]).ended(0);

    let made = said.out.matches("Bo Lindqvist made key bo").count();
    assert_eq!(made, 1, "{}", said.out);
    let runs = fs::read_to_string(dir.path().join("record/runs.jsonl")).unwrap();
    assert!(runs.contains("\"what\":\"adopted\""), "{runs}");
    let objects = world.pkcs11_tool(&[
        "--token-label",
        "ROOT-BO",
        "--login",
        "--pin",
        PIN,
        "--list-objects",
        "--type",
        "privkey",
    ]);
    assert_eq!(objects.matches("root-2026").count(), 1, "{objects}");
    whole(dir.path());
}

#[test]
fn the_last_try_is_refused_until_the_serial_number_is_typed() {
    let Some(world) = World::kryoptic() else { return };
    let dir = tempfile::tempdir().unwrap();
    ceremony(dir.path(), &generated(&world), "  bo: {pin: \"wrong-pin\"}\n");
    // This token warns after seven wrong PINs and has its last try after nine; each is typed once.
    for _ in 0..9 {
        perform(dir.path(), &world, &[]).ended(5);
    }
    fs::write(dir.path().join("answers.yaml"), format!("{}  bo: {{pin: \"{PIN}\"}}\n", answers_head()))
        .unwrap();

    let refused = perform(dir.path(), &world, &[]).ended(3);
    let serial = serial_in(&refused.out);
    let typed =
        format!("{}  bo: {{pin: \"{PIN}\"}}\ntyped: {{generate-key-bo: \"{serial}\"}}\n", answers_head());
    fs::write(dir.path().join("answers.yaml"), typed).unwrap();
    perform(dir.path(), &world, &[]).ended(0);

    assert!(refused.out.contains("ONE TRY LEFT"), "{}", refused.out);
    assert!(refused.out.contains("wrong PINs typed for it in this ceremony: 9"), "{}", refused.out);
    whole(dir.path());
}

fn serial_in(out: &str) -> String {
    let after = out.split("serial ").nth(1).expect("a serial number is shown");
    after.chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}

/// The real ykcs11 and OpenSC beside a virtual YubiKey whose key asks for its PIN at every signature.
fn a_card_pulled_and_put_back(module: &str, token: &str) {
    let Some(folder) = std::env::var_os("KEYRITE_VYUBIKEY") else {
        return left_out("KEYRITE_VYUBIKEY does not name the folder of the virtual YubiKey").unwrap_or(());
    };
    let folder = Path::new(&folder);
    let dir = tempfile::tempdir().unwrap();
    let store = format!("pkcs11:token={token};id=%02?module-path={module}");
    let secret = format!("  bo: {{pin: \"123456\"}}\n  \"{store}\": {{pin: \"123456\"}}\n");
    ceremony(dir.path(), &format!("store: \"{store}\", public: bo.pub.json"), &secret);
    let keyrite = env!("CARGO_BIN_EXE_keyrite");
    let script = format!(
        r#"set -e; cd {dir}
        seen() {{ for i in $(seq 200); do opensc-tool -l 2>/dev/null | grep -q " $1 " && return; done; exit 80; }}
        run() {{ code=0; "$@" >>out 2>>err || code=$?; }}
        pkcs11-tool --module {YKCS11} --login --login-type so --so-pin 010203040506070801020304050607080102030405060708 \
            --keypairgen --id 02 --key-type EC:prime256v1 >/dev/null 2>&1
        {keyrite} key show '{store}' --answers answers.yaml --json 2>/dev/null \
            | /usr/bin/python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["public"]))' > bo.pub.json
        kill -USR1 $VPIV_PID; seen No
        run {keyrite} run ceremony.yaml --plain --answers answers.yaml --record record; [ $code = 5 ] || exit 81
        grep -q 'Ana Duarte signed root' out || exit 82
        kill -USR2 $VPIV_PID; seen Yes
        cp answers.yaml right.yaml; sed -i 's/123456/999999/' answers.yaml
        run {keyrite} resume record --plain --answers answers.yaml; [ $code = 5 ] || exit 83
        grep -q 'wrong PIN' err || exit 84
        cp right.yaml answers.yaml
        run {keyrite} resume record --plain --answers answers.yaml; [ $code = 0 ] || exit 85
        grep -q 'Bo Lindqvist signed targets' out || exit 86
        "#,
        dir = dir.path().display()
    );
    let port = 20_100 + std::process::id() * 2 % 20_000;
    let with =
        if rustix::process::geteuid().is_root() { "with-vyubikey.sh" } else { "with-vyubikey-userns.sh" };
    let mut beside = Command::new("/bin/bash");
    beside.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HERE", folder);
    beside.env("VPIV_PYTHON", "/usr/bin/python3").env("VPIV_ARGS", "--serial 42 --version 5.4.3");
    beside.arg(folder.join(with)).arg(port.to_string()).args(["bash", "-c", &script]);

    let output = beside.output().unwrap();

    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        read("out"),
        read("err")
    );
    whole(dir.path());
}

const YKCS11: &str = "/usr/lib/x86_64-linux-gnu/libykcs11.so";

#[test]
fn a_card_is_pulled_and_put_back_in_mid_ceremony_through_ykcs11() {
    a_card_pulled_and_put_back(YKCS11, "YubiKey%20PIV%20%2342");
}

#[test]
fn a_card_is_pulled_and_put_back_in_mid_ceremony_through_opensc() {
    a_card_pulled_and_put_back(
        "/usr/lib/x86_64-linux-gnu/pkcs11/opensc-pkcs11.so",
        "YubiKey%20PIV%20Slot%209c",
    );
}
