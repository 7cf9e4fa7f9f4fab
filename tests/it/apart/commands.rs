//! `request`, `sign` and `merge` as people run them: on age files, with an answers file, and at a terminal.

use std::fs;
use std::path::Path;

use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Signature;
use keyrite::tuf::apart::carry;
use serde_json::Value;
use serde_json::json;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::common::keyrite::within;
use crate::common::terminal;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World as Tokens;
use crate::pkcs11::world::generate;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::targets;

/// A directory with Ana's and Bo's keys and a root that both sign.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
}

const PASSPHRASES: &str = "answers: 1\nconfirm: all\nclock: 2026-11-20T12:00:00Z\nsecrets:
  \"age:ana.age\": {passphrase: \"correct horse battery staple\"}
  \"age:bo.age\": {passphrase: \"correct horse battery staple\"}
  \"age:eve.age\": {passphrase: \"correct horse battery staple\"}\n";

impl World {
    pub(crate) fn new(keys: &[&str]) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        world.write("answers.yaml", PASSPHRASES.as_bytes());
        for name in keys {
            let (store, public) = (format!("age:{name}.age"), format!("{name}.pub.json"));
            world
                .ran(&[
                    "key",
                    "generate",
                    &store,
                    "--scheme",
                    "ed25519",
                    "--out",
                    &public,
                    "--answers",
                    "answers.yaml",
                ])
                .ended(0);
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn public(&self, name: &str) -> PublicKey {
        PublicKey::read(&fs::read(self.path(&format!("{name}.pub.json"))).unwrap()).unwrap()
    }

    /// Writes a root that Ana and Bo sign, and `names.json`.
    pub(crate) fn root(&self, change: fn(&mut Value)) {
        let mut signed = root(1, &[], 2);
        let mut names = json!({});
        for (name, holder) in [("ana", "Ana Duarte"), ("bo", "Bo Lindqvist")] {
            let key = self.public(name);
            signed["keys"][key.keyid().0] = key.to_json().clone();
            signed["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(key.keyid()));
            names[key.keyid().0] = json!({"name": name, "holder": holder});
        }
        change(&mut signed);
        self.write("1.root.json", &Metadata::unsigned(signed).unwrap().to_file());
        self.write("names.json", names.to_string().as_bytes());
    }

    /// Asks for the signature of a root that this key alone signs.
    fn asks(&self, public: &PublicKey) {
        let mut signed = root(1, &[], 1);
        signed["keys"][public.keyid().0] = public.to_json().clone();
        signed["roles"]["root"]["keyids"] = json!([public.keyid()]);
        self.write("1.root.json", &Metadata::unsigned(signed).unwrap().to_file());
        self.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    }

    pub(crate) fn ran(&self, args: &[&str]) -> Said {
        Said::of(&command().current_dir(self.dir.path()).args(args).output().unwrap())
    }

    pub(crate) fn sign(&self, request: &str, key: &str, out: &str) -> Said {
        self.ran(&[
            "sign",
            request,
            "--key",
            &format!("age:{key}.age"),
            "--out",
            out,
            "--answers",
            "answers.yaml",
        ])
    }
}

#[test]
fn a_version_that_no_client_takes_is_no_yes() {
    let world = World::new(&["ana", "bo"]);
    world.root(|root| root["version"] = json!(0));

    let said = world.ran(&["merge", "1.root.json", "1.root.json", "--out", "a.json"]).ended(1);

    assert!(said.err.contains("root has version 0, and versions begin with 1"), "{}", said.err);
}

#[test]
fn two_people_sign_apart_and_the_answers_meet_the_threshold() {
    let world = World::new(&["ana", "bo", "eve"]);
    world.root(|_| {});

    let asked = world.ran(&["request", "1.root.json", "--out", "root.req", "--payload", "payload"]).ended(0);
    assert!(asked.out.contains("root version 1: 2 of 2 keys must sign"), "{}", asked.out);
    let ana = world.sign("root.req", "ana", "ana.resp").ended(0);
    for says in ["root version 1, expires", "Ana Duarte and Bo Lindqvist", "Ana Duarte, key ana signed"] {
        assert!(ana.out.contains(says), "{says}: {}", ana.out);
    }
    let words = keyrite::words::Digest::of(&fs::read(world.path("payload")).unwrap()).lines();
    assert!(words.iter().all(|line| ana.out.contains(line) && asked.out.contains(line)), "{}", ana.out);

    // Half: the file is written, the answer is no.
    let half =
        world.ran(&["merge", "1.root.json", "ana.resp", "ana.resp", "--out", "half.json", "--json"]).ended(1);
    let said: Value = serde_json::from_str(&half.out).unwrap();
    assert_eq!(said["met"], false);
    assert_eq!(said["findings"][0]["outcome"], "added");
    assert_eq!(said["findings"][1]["outcome"], "already-there");
    assert_eq!(said["thresholds"][0]["missing"], json!([world.public("bo").keyid()]));
    assert!(half.err.contains("1 signed, 2 of 2 needed: missing Bo Lindqvist, key bo"), "{}", half.err);

    // A key that may not sign is refused after its passphrase, and no file is left.
    let eve = world.sign("root.req", "eve", "eve.resp").ended(1);
    assert!(eve.err.contains("may not sign this"), "{}", eve.err);
    assert!(!world.path("eve.resp").exists());

    // From either file, in either order, in one go or two: the same bytes.
    world.sign("root.req", "bo", "bo.resp").ended(0);
    world.ran(&["merge", "half.json", "bo.resp", "--out", "a.json"]).ended(0);
    world.ran(&["merge", "1.root.json", "bo.resp", "ana.resp", "--out", "b.json"]).ended(0);
    world.ran(&["merge", "root.req", "bo.resp", "half.json", "--out", "c.json"]).ended(0);
    let [a, b, c] = ["a.json", "b.json", "c.json"].map(|name| fs::read(world.path(name)).unwrap());
    assert!(a == b && b == c);
    let inspected = world.ran(&["inspect", "a.json"]).ended(0);
    assert!(inspected.out.contains("signed by 2 of its own root keys; 2 are needed"), "{}", inspected.out);
    assert_eq!(Metadata::parse(&a).unwrap().payload()[..], fs::read(world.path("payload")).unwrap());

    // Nothing that was made holds a secret.
    for (path, bytes) in tree(world.dir.path()) {
        let known = path == Path::new("answers.yaml") || path.extension().is_some_and(|e| e == "age");
        assert!(known || !String::from_utf8_lossy(&bytes).contains("correct horse"), "{}", path.display());
    }
}

#[test]
fn several_keys_answer_together_and_each_counts_once() {
    let world = World::new(&["ana", "bo", "eve"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    let sign = |keys: [&str; 2], out: &str, more: &[&str]| {
        let args = ["sign", "root.req", "--key", keys[0], "--key", keys[1], "--out", out];
        world.ran(&[&args[..], &["--answers", "answers.yaml"], more].concat())
    };

    let both = sign(["age:ana.age", "age:bo.age"], "both.json", &["--json"]).ended(0);

    let said: Value = serde_json::from_str(&both.out).unwrap();
    assert_eq!(said["signatures"].as_array().unwrap().len(), 2);
    world.ran(&["merge", "root.req", "both.json", "--out", "a.json"]).ended(0);
    world.sign("root.req", "ana", "ana.resp").ended(0);
    world.sign("root.req", "bo", "bo.resp").ended(0);
    world.ran(&["merge", "root.req", "bo.resp", "ana.resp", "--out", "b.json"]).ended(0);
    assert_eq!(fs::read(world.path("a.json")).unwrap(), fs::read(world.path("b.json")).unwrap());

    // The same store is seen before a passphrase is typed, the same key in another file behind it.
    let twice = sign(["age:ana.age", "age:ana.age"], "twice.json", &[]).ended(2);
    assert!(twice.err.contains("age:ana.age is given twice; nothing was signed"), "{}", twice.err);
    fs::copy(world.path("ana.age"), world.path("copy.age")).unwrap();
    let line = "  \"age:copy.age\": {passphrase: \"correct horse battery staple\"}\n";
    world.write("copy.yaml", format!("{PASSPHRASES}{line}").as_bytes());
    let copy = ["sign", "root.req", "--key", "age:ana.age", "--key", "age:copy.age", "--out", "twice.json"];
    let copied = world.ran(&[&copy[..], &["--answers", "copy.yaml"]].concat()).ended(2);
    assert!(copied.err.contains("given twice; nothing was written"), "{}", copied.err);
    let stranger = sign(["age:ana.age", "age:eve.age"], "eve.json", &[]).ended(1);
    assert!(stranger.err.contains("may not sign this"), "{}", stranger.err);
    let qr = sign(["age:ana.age", "age:bo.age"], "qr.json", &["--qr=frames"]).ended(2);
    assert!(qr.err.contains("nothing was signed"), "{}", qr.err);
    for name in ["twice.json", "eve.json", "qr.json", "frames"] {
        assert!(!world.path(name).exists(), "{name}");
    }
}

#[test]
fn what_the_people_do_not_confirm_is_not_signed() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    world.write("answers.yaml", PASSPHRASES.replace("confirm: all\n", "").as_bytes());

    let said = world.sign("root.req", "ana", "ana.resp").ended(3);
    assert!(said.err.contains("not confirmed; nothing was signed"), "{}", said.err);
    world.write("answers.yaml", b"answers: 1\nconfirm: all\n");
    world.sign("root.req", "ana", "ana.resp").ended(3);
    world.write("answers.yaml", PASSPHRASES.replace("staple", "stable").as_bytes());
    world.sign("root.req", "ana", "ana.resp").ended(5);
    world.write("answers.yaml", PASSPHRASES.as_bytes());
    let said = world.ran(&[
        "sign",
        "root.req",
        "--key",
        "age:nowhere.age",
        "--out",
        "ana.resp",
        "--answers",
        "answers.yaml",
    ]);
    said.ended(5);

    assert!(!world.path("ana.resp").exists());
}

#[test]
fn a_rehearsal_and_production_never_mix() {
    let world = World::new(&["ana", "bo"]);
    world.root(|signed| signed["x-keyrite-rehearsal"] = json!("nobody may trust this"));
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);

    let age = world.sign("root.req", "ana", "ana.resp").ended(5);
    assert!(
        age.out.contains("REHEARSAL") && age.err.contains("a rehearsal does not touch it"),
        "{}",
        age.err
    );
    let token =
        ["sign", "root.req", "--key", "pkcs11:token=A;object=b", "--out", "x", "--answers", "answers.yaml"];
    let token = world.ran(&token).ended(1);
    assert!(token.err.contains("a token holds a real key"), "{}", token.err);
    assert!(!world.path("ana.resp").exists() && !world.path("x").exists());
}

#[test]
fn a_key_that_a_rehearsal_made_signs_rehearsals_alone() {
    let world = World::new(&[]);
    let record = world.path("record");
    let mut run = crate::common::keyrite::rehearse_quickstart(&record);
    Said::of(&run.output().unwrap()).ended(0);
    let old = Metadata::parse(&fs::read(record.join("metadata/1.root.json")).unwrap()).unwrap();
    let store = record.join("keys/ana.age");
    let store = format!("age:{}", text(&store));
    let answers = format!(
        "answers: 1\nconfirm: all\nsecrets: {{\"{store}\": {{passphrase: an example for ana only}}}}\n"
    );
    world.write("answers.yaml", answers.as_bytes());
    let sign = |signed: Value, out: &str| {
        let file = format!("{out}.json");
        world.write(&file, &Metadata::unsigned(signed).unwrap().to_file());
        world.ran(&["request", &file, "--out", &format!("{out}.req")]).ended(0);
        world.ran(&[
            "sign",
            &format!("{out}.req"),
            "--key",
            &store,
            "--out",
            out,
            "--answers",
            "answers.yaml",
        ])
    };
    let mut production = old.signed().clone();
    production.as_object_mut().unwrap().remove("x-keyrite-rehearsal").unwrap();

    sign(old.signed().clone(), "rehearsed").ended(0);
    let refused = sign(production, "produced").ended(5);

    assert!(refused.err.contains("made in a rehearsal"), "{}", refused.err);
    assert!(!world.path("produced").exists());
}

#[test]
fn a_request_that_was_changed_is_exit_6_and_what_cannot_be_shown_is_not_signed() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    let request = fs::read_to_string(world.path("root.req")).unwrap();

    world.write("changed.req", request.replace("2027-01-03", "2037-01-03").as_bytes());
    let said = world.sign("changed.req", "ana", "ana.resp").ended(6);
    assert!(said.err.contains("another digest than its metadata has"), "{}", said.err);
    world.write("no.req", b"{}");
    world.sign("no.req", "ana", "ana.resp").ended(2);
    // A spec_version of the future: its meaning is not known.
    world.root(|signed| signed["spec_version"] = json!("2.0"));
    world.ran(&["request", "1.root.json", "--out", "future.req"]).ended(0);
    let said = world.sign("future.req", "ana", "ana.resp").ended(2);
    assert!(said.err.contains("cannot be read"), "{}", said.err);
    assert!(!world.path("ana.resp").exists());
}

/// A request whose root before it is forged asks for the same payload, and so has the same digest.
#[test]
fn what_the_difference_starts_from_is_read_aloud_too_or_is_the_signers_own_copy() {
    let world = World::new(&["ana", "bo", "eve"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "1.req"]).ended(0);
    world.sign("1.req", "ana", "1.ana").ended(0);
    world.sign("1.req", "bo", "1.bo").ended(0);
    world.ran(&["merge", "1.req", "1.ana", "1.bo", "--out", "own.json"]).ended(0);
    let file = |name: &str| fs::read(world.path(name)).unwrap();
    // Root 2: Eve for Bo, and one signature is enough.
    let (mut signed, eve) =
        (Metadata::parse(&file("own.json")).unwrap().signed().clone(), world.public("eve"));
    signed["version"] = json!(2);
    signed["keys"][eve.keyid().0] = eve.to_json().clone();
    signed["roles"]["root"] = json!({"keyids": [world.public("ana").keyid(), eve.keyid()], "threshold": 1});
    let write = |name: &str, signed: &Value| {
        world.write(name, &Metadata::unsigned(signed.clone()).unwrap().to_file());
    };
    write("2.root.json", &signed);
    let ask =
        |before: &str, out: &str| world.ran(&["request", "2.root.json", "--from", before, "--out", out]);
    let digest = |name: &str| keyrite::words::Digest::of(&file(name)).lines().join("\n  ");

    let honest = ask("own.json", "honest.req").ended(0);
    signed["version"] = json!(1);
    write("forged.json", &signed);
    let unsigned = ask("forged.json", "unsigned.req").ended(2);
    world.ran(&["request", "forged.json", "--out", "forged.first"]).ended(0);
    world.sign("forged.first", "eve", "forged.eve").ended(0);
    world.ran(&["merge", "forged.first", "forged.eve", "--out", "evil.json"]).ended(0);
    let forged = ask("evil.json", "forged.req").ended(0);

    assert!(
        unsigned.err.contains("not signed by its own keys: 0 of 1 signatures verify"),
        "{}",
        unsigned.err
    );
    for (name, asked, before, other) in
        [("honest", honest, "own.json", "evil.json"), ("forged", forged, "evil.json", "own.json")]
    {
        let signed = world.sign(&format!("{name}.req"), "ana", &format!("{name}.ana")).ended(0);
        let inspected = world.ran(&["inspect", &format!("{name}.req")]).ended(0);
        for said in [&asked.out, &signed.out, &inspected.out] {
            assert!(said.contains(&digest(before)) && !said.contains(&digest(other)), "{said}");
        }
        assert_eq!(
            signed.out.contains("1 signature needed instead of 2"),
            name == "honest",
            "{}",
            signed.out
        );
    }
    let with_own = |request: &str, out: &str| {
        let key = ["sign", request, "--key", "age:ana.age", "--answers", "answers.yaml"];
        world.ran(&[&key[..], &["--from", "own.json", "--out", out]].concat())
    };
    let said = with_own("honest.req", "own.ana").ended(0);
    assert!(said.out.contains("from root version 1, your own copy own.json."), "{}", said.out);
    assert!(!said.out.contains(&digest("own.json")), "{}", said.out);
    let said = with_own("forged.req", "no.ana").ended(6);
    assert!(
        said.err.contains("is not the one that came with the request; nothing was signed"),
        "{}",
        said.err
    );
    assert!(!world.path("no.ana").exists());
    world.write("own.json", b"# a note\n");
    let said = with_own("honest.req", "no.ana").ended(2);
    assert!(said.err.contains("own.json: not metadata: "), "{}", said.err);
}

#[test]
fn who_may_sign_a_role_is_said_by_the_root_or_by_the_delegator() {
    let world = World::new(&[]);
    let mut top = targets(3, json!({}));
    top["delegations"] = json!({"keys": crate::tuf::world::keys(&[8]), "roles": [crate::tuf::world::delegation("dev", &[8], &["dev/*"])]});
    world.write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    world.write("3.targets.json", &signed_by(&top, &[]).to_file());
    world.write("signed.json", &signed_by(&top, &[4]).to_file());
    let dev = targets(2, json!({}));
    world.write("2.dev.json", &signed_by(&dev, &[8]).to_file());

    let said = world.ran(&["merge", "3.targets.json", "signed.json", "--out", "a.json"]).ended(2);
    assert!(said.err.contains("give --root ROOT.json, or --delegator"), "{}", said.err);
    world
        .ran(&["merge", "3.targets.json", "signed.json", "--root", "1.root.json", "--out", "a.json"])
        .ended(0);
    world.ran(&["merge", "2.dev.json", "--delegator", "3.targets.json", "--out", "dev.json"]).ended(0);
    world
        .ran(&["merge", "2.dev.json", "--delegator", "3.targets.json", "--role", "ops", "--out", "b.json"])
        .ended(2);
    world.ran(&["merge", "2.dev.json", "--root", "3.targets.json", "--out", "b.json"]).ended(2);
    world.ran(&["merge", "2.dev.json", "--delegator", "1.root.json", "--out", "b.json"]).ended(2);
    world.ran(&["merge", "1.root.json", "--root", "1.root.json", "--out", "b.json"]).ended(2);
    world.ran(&["request", "2.dev.json", "--delegator", "3.targets.json", "--out", "dev.req"]).ended(0);
    world.ran(&["merge", "dev.req", "--delegator", "3.targets.json", "--out", "b.json"]).ended(2);
    world.ran(&["merge", "dev.req", "2.dev.json", "--out", "from-request.json"]).ended(0);

    let [a, dev, again] =
        ["a.json", "dev.json", "from-request.json"].map(|name| fs::read(world.path(name)).unwrap());
    assert_eq!(a, signed_by(&top, &[4]).to_file());
    assert!(dev == again && !world.path("b.json").exists());
}

#[test]
fn a_root_that_follows_another_is_counted_by_both_and_the_older_is_taken_where_it_lies_beside_it() {
    let world = World::new(&[]);
    world.write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    world.write("2.root.json", &signed_by(&root(2, &[7, 2, 3], 2), &[7, 2]).to_file());

    let beside = world.ran(&["merge", "2.root.json", "--out", "a.json"]).ended(1);
    assert!(beside.out.contains("1.root.json is the root before it"), "{}", beside.out);
    let both = world.ran(&["merge", "2.root.json", "--from", "1.root.json", "--out", "b.json"]).ended(1);

    for said in [&beside.out, &both.out] {
        assert!(said.contains("root version 1: 1 signed, 2 of 3 needed: missing 1 of"), "{said}");
        assert!(said.contains("root version 2: 2 signed, 2 of 3 needed: met"), "{said}");
    }
    world.ran(&["merge", "2.root.json", "--from", "2.root.json", "--out", "c.json"]).ended(2);
}

#[test]
fn a_root_by_new_keys_alone_is_never_called_complete() {
    let world = World::new(&[]);
    let before = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file();
    world.write("2.root.json", &signed_by(&root(2, &[7, 8, 9], 2), &[7, 8]).to_file());
    let uncounted = "the threshold of root version 1 cannot be counted without that root";
    let asked = world.ran(&["request", "2.root.json", "--out", "alone.req"]).ended(0);
    assert!(asked.out.contains("remark: the keys of root version 1 must sign too"), "{}", asked.out);

    for (n, file) in ["2.root.json", "alone.req"].into_iter().enumerate() {
        let alone = world.ran(&["merge", file, "--out", &format!("alone-{n}.json"), "--json"]).ended(1);
        assert!(alone.err.contains(uncounted), "{}", alone.err);
        assert!(alone.out.contains("\"met\": false"), "{}", alone.out);
    }

    world.write("old.json", &before);
    for (n, file) in ["2.root.json", "alone.req"].into_iter().enumerate() {
        let given = ["merge", file, "--from", "old.json", "--out", &format!("given-{n}.json")];
        let given = world.ran(&given).ended(1);
        assert!(given.out.contains("root version 1: 0 signed, 2 of 3 needed"), "{}", given.out);
    }
    world.write("1.root.json", &before);
    for (n, file) in ["2.root.json", "alone.req"].into_iter().enumerate() {
        let beside = world.ran(&["merge", file, "--out", &format!("beside-{n}.json")]).ended(1);
        assert!(beside.out.contains("1.root.json is the root before it"), "{}", beside.out);
        assert!(beside.out.contains("root version 1: 0 signed, 2 of 3 needed"), "{}", beside.out);
    }
    let asked = world.ran(&["request", "2.root.json", "--out", "both.req"]).ended(0);
    assert!(asked.out.contains("root version 1: 2 of 3 keys must sign"), "{}", asked.out);

    world.write("1.root.json", b"{}");
    let unread = world.ran(&["merge", "2.root.json", "--out", "unread.json"]).ended(2);
    assert!(unread.err.contains("1.root.json: "), "{}", unread.err);
}

#[test]
fn an_answer_for_another_role_is_called_so_and_keys_that_are_too_few_are_remarked_before_anyone_signs() {
    let world = World::new(&[]);
    let top = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]);
    world.write("1.root.json", &top.to_file());
    world.write("1.targets.json", &signed_by(&targets(1, json!({})), &[4]).to_file());
    let mut twice = root(1, &[1], 2);
    twice["keys"]["alias"] = crate::tuf::world::public(1).to_json().clone();
    twice["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!("alias"));
    world.write("twice.json", &signed_by(&twice, &[]).to_file());

    let merge = ["merge", "1.targets.json", "1.root.json", "--root", "1.root.json", "--out", "out.json"];
    let merged = world.ran(&merge);
    assert!(
        merged.out.contains("1.root.json: signed something else: it is for another role, root version 1\n"),
        "{}",
        merged.out
    );
    let asked = world.ran(&["request", "twice.json", "--out", "twice.req"]).ended(0);
    assert!(asked.out.contains("remark: root version 1: these keys can never meet it\n"), "{}", asked.out);
    let inspected = world.ran(&["inspect", "twice.req"]).ended(0);
    assert!(inspected.out.contains("can never meet it"), "{}", inspected.out);
}

#[test]
fn nothing_is_written_over_and_nothing_is_written_of_what_cannot_be_read() {
    let world = World::new(&[]);
    world.write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    world.write("there", b"precious");

    world.ran(&["request", "1.root.json", "--out", "there"]).ended(2);
    world.ran(&["request", "1.root.json", "--out", "x", "--payload", "there"]).ended(2);
    world.ran(&["merge", "1.root.json", "--out", "there"]).ended(2);
    world.ran(&["merge", "1.root.json", "--out", "1.root.json"]).ended(2);
    world.ran(&["merge", "1.root.json", "nowhere", "--out", "x"]).ended(2);
    world.ran(&["merge", "there", "--out", "x"]).ended(2);
    world.ran(&["merge", "1.root.json", "--names", "there", "--out", "x"]).ended(2);

    assert_eq!(fs::read(world.path("there")).unwrap(), b"precious");
    assert!(!world.path("x").exists());
    keyrite(&["sign", "nowhere", "--key", "age:a.age", "--out", text(&world.path("x"))]).ended(2);
}

/// `ulimit -f` lets a file grow up to the limit: what was written of it until then is taken away.
#[test]
fn a_file_that_may_not_grow_is_not_made_and_the_limit_is_named() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    world.sign("root.req", "ana", "ana.resp").ended(0);
    for args in [
        "request 1.root.json --out made",
        "sign root.req --key age:bo.age --answers answers.yaml --out made",
        "merge 1.root.json ana.resp --out made",
        "new root-genesis --out made",
    ] {
        let args: Vec<_> = args.split(' ').collect();

        let run = within(100, command().current_dir(world.dir.path()).args(&args)).output();
        let said = Said::of(&run.unwrap()).ended(4);

        let told = "error: made: File too large (os error 27); nothing was written\nhint: allow larger files";
        assert!(said.err.contains(told), "{args:?}: {}", said.err);
        assert!(!world.path("made").exists(), "{args:?}");
    }
}

#[test]
fn at_a_terminal_the_words_stand_before_the_question_and_the_question_before_the_passphrase() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    let sign = ["sign", "root.req", "--key", "age:ana.age", "--out", "ana.resp"];
    let program = env!("CARGO_BIN_EXE_keyrite");

    let no = terminal::talk(program, &sign, world.dir.path(), &[("anything else stops: ", "yes\r")]);
    assert!(no.code == 3 && !world.path("ana.resp").exists(), "{}", no.shown);
    let asks =
        [("anything else stops: ", "sign root 1\r"), ("Passphrase of", "correct horse battery staple\r")];
    let yes = terminal::talk(program, &sign, world.dir.path(), &asks);

    assert!(yes.code == 0 && world.path("ana.resp").exists(), "{}", yes.shown);
    let at = |text: &str| yes.shown.find(text).unwrap_or_else(|| panic!("{text}: {}", yes.shown));
    assert!(at("8  ") < at("type `sign root 1`") && at("type `sign root 1`") < at("Passphrase of"));
    assert!(!yes.shown.contains("correct horse"), "{}", yes.shown);
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_and_of_several_keys_none_is_lost() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});
    world.ran(&["request", "1.root.json", "--out", "root.req"]).ended(0);
    let talk = |out: &str, typed: &[(&str, &str)]| {
        let sign = ["sign", "root.req", "--key", "age:ana.age", "--key", "age:bo.age", "--out", out];
        let asks = [&[("anything else stops: ", "sign root 1\r")], typed].concat();
        terminal::talk(env!("CARGO_BIN_EXE_keyrite"), &sign, world.dir.path(), &asks)
    };
    let (right, wrong) = ("correct horse battery staple\r", "correct horse battery stable\r");
    let (ana, bo) = ("Passphrase of age file ana.age", "Passphrase of age file bo.age");

    let mended = talk(
        "both.json",
        &[(ana, right), (bo, wrong), ("2 times more", ""), (bo, wrong), ("once more", ""), (bo, right)],
    );
    let failed = talk("never.json", &[(ana, right), (bo, wrong), (bo, wrong), (bo, wrong)]);

    assert!(mended.code == 0 && world.path("both.json").exists(), "{}", mended.shown);
    assert_eq!(mended.shown.matches(ana).count(), 1, "{}", mended.shown);
    assert!(failed.code == 5 && !world.path("never.json").exists(), "{}", failed.shown);
    let last = &failed.shown[failed.shown.rfind("error:").unwrap()..];
    assert!(
        last.contains("age file bo.age was not opened") && last.contains("never.json was not written"),
        "{last}"
    );
    assert!(last.contains("hint: ") && last.contains("leave this key out"), "{last}");
    // A file answers once.
    let answers = PASSPHRASES.replacen("staple", "stable", 1);
    world.write("wrong.yaml", answers.as_bytes());
    let sign = ["sign", "root.req", "--key", "age:ana.age", "--out", "x", "--answers", "wrong.yaml"];
    let once = world.ran(&sign).ended(5);
    assert!(!once.err.contains("more") && !world.path("x").exists(), "{}", once.err);
}

#[test]
fn every_refusal_of_a_request_says_what_to_do_next() {
    let world = World::new(&[]);
    world.write("2.root.json", &signed_by(&root(2, &[7, 2, 3], 2), &[2]).to_file());
    let before = world.path("1.root.json");
    let request = || world.ran(&["request", "2.root.json", "--out", "root.req"]).ended(2).err;

    std::os::unix::fs::symlink("nowhere", &before).unwrap();
    let dangling = request();
    fs::remove_file(&before).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&before).status().unwrap().success());
    let pipe = request();

    for said in [dangling, pipe] {
        assert!(said.contains("1.root.json: ") && said.contains("nothing was written"), "{said}");
        assert!(said.contains("\nhint: root version 1 is taken from there"), "{said}");
    }
    let missing = world.ran(&["request", "3.root.json", "--out", "root.req"]).ended(2).err;
    assert!(
        missing.contains("nothing was written") && missing.contains("\nhint: look at its name"),
        "{missing}"
    );
    assert!(!world.path("root.req").exists());
}

/// Whoever has the request alone sees all of the difference, and the answers of two people under one name are told apart.
#[test]
fn a_request_is_compared_with_what_came_with_it_and_answers_go_by_their_paths() {
    let world = World::new(&[]);
    world.write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    world.write("2.root.json", &signed_by(&root(2, &[7, 2, 3], 2), &[]).to_file());
    world.ran(&["request", "2.root.json", "--from", "1.root.json", "--out", "root.req"]).ended(0);
    world.ran(&["request", "1.root.json", "--out", "first.req"]).ended(0);
    let lines = |args: &[&str]| -> Value {
        serde_json::from_str::<Value>(&world.ran(&[&["diff", "--json"], args].concat()).ended(1).out).unwrap()
            ["lines"]
            .clone()
    };

    let files = lines(&["1.root.json", "2.root.json"]);
    assert_eq!(lines(&["root.req"]), files);
    assert_eq!(lines(&["1.root.json", "root.req"]), files);
    assert_eq!(lines(&["first.req", "root.req"]), files);
    let frames = carry::request(&fs::read(world.path("root.req")).unwrap()).unwrap();
    world.write("frames.txt", frames.join("\n").as_bytes());
    assert_eq!(lines(&["frames.txt"]), files);
    world.ran(&["diff", "root.req", "2.root.json"]).ended(0);
    let alone = world.ran(&["diff", "first.req"]).ended(2).err;
    assert!(alone.contains("the version before it did not come with this request"), "{alone}");
    let whole = fs::read(world.path("root.req")).unwrap();
    world.write("cut.req", &whole[..whole.len() / 2]);
    let cut = world.ran(&["diff", "cut.req"]).ended(2).err;
    assert!(cut.contains("cut.req: EOF while parsing") && cut.contains("ask for the request again"), "{cut}");
    let file = world.ran(&["diff", "2.root.json"]).ended(2).err;
    assert!(file.contains("no request, and nothing to compare it with"), "{file}");

    for dir in ["ana", "bo"] {
        fs::create_dir(world.path(dir)).unwrap();
        world.write(&format!("{dir}/resp"), dir.as_bytes());
    }
    let merged = world.ran(&["merge", "root.req", "ana/resp", "bo", "--out", "out.json"]).ended(1);
    for name in ["ana/resp: ", "bo/resp: "] {
        assert!(merged.out.contains(name), "{name}\n{}", merged.out);
    }
}

/// What people read, and what goes to the signers, to the last character.
#[test]
fn the_request_and_the_outcomes_as_people_read_them() {
    let world = World::new(&[]);
    let new = root(2, &[7, 2, 3], 2);
    let names: Value = [(1, "Ana Duarte"), (2, "Bo Lindqvist"), (3, "Chi Nwosu"), (7, "Fay Okoro")]
        .into_iter()
        .map(|(n, holder)| {
            let name = holder[..3].trim().to_lowercase();
            (crate::tuf::world::public(n).keyid().0, json!({"name": name, "holder": holder}))
        })
        .collect();
    world.write("names.json", names.to_string().as_bytes());
    world.write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    let mut file = signed_by(&new, &[2]);
    file.add(Signature { keyid: crate::tuf::world::public(3).keyid(), sig: String::new() });
    world.write("2.root.json", &file.to_file());
    world.write("copy.json", &signed_by(&new, &[2, 7, 9]).to_file());
    world.write("other.json", &signed_by(&targets(1, json!({})), &[7]).to_file());
    world.write("bare.sig", &[7; 64]);
    world.write("note.txt", b"hello");

    let asked = world.ran(&["request", "2.root.json", "--from", "1.root.json", "--out", "root.req"]).ended(0);
    let merge = ["merge", "2.root.json", "copy.json", "1.root.json", "other.json", "bare.sig", "note.txt"];
    let merged = world.ran(&[&merge[..], &["--from", "1.root.json", "--out", "out.json"]].concat()).ended(1);

    let request = fs::read_to_string(world.path("root.req")).unwrap();
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/apart"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("request", request);
        insta::assert_snapshot!("request-said", asked.out);
        insta::assert_snapshot!("merge-said", format!("{}{}", merged.out, merged.err));
    });
}

#[test]
fn a_token_signs_under_its_pin_and_one_whose_key_may_not_sign_is_refused_before_it() {
    let Some(tokens) = Tokens::softhsm() else { return };
    let world = World::new(&[]);
    let (mine, other) = (tokens.uri("root-2026"), tokens.uri("other"));
    let came = tokens.play(&[generate(&mine, "ecdsa-sha2-nistp256"), generate(&other, "ed25519")]);
    let public = &came[0].found().public;
    world.asks(public);
    // The other key's PIN is wrong: it must never be tried.
    let answers = format!(
        "answers: 1\nconfirm: all\nsecrets: {{\"{mine}\": {{pin: \"{PIN}\"}}, \"{other}\": {{pin: \"0000\"}}}}\n"
    );
    world.write("answers.yaml", answers.as_bytes());
    let sign = |key: &str, out: &str| {
        let mut command = tokens.command(env!("CARGO_BIN_EXE_keyrite"));
        command.current_dir(world.dir.path()).args(["sign", "root.req", "--key", key, "--out", out]);
        Said::of(&command.args(["--answers", "answers.yaml"]).output().unwrap())
    };

    let refused = sign(&other, "other.resp").ended(1);
    sign(&mine, "mine.resp").ended(0);

    assert!(refused.err.contains("may not sign this"), "{}", refused.err);
    assert!(!world.path("other.resp").exists());
    world.ran(&["merge", "1.root.json", "mine.resp", "--out", "signed.json"]).ended(0);
}

/// Who types a PIN on a pad types it once: a second login would fail.
#[test]
fn a_pin_pad_is_asked_once_for_a_signature() {
    let Some(tokens) = Tokens::kryoptic() else { return };
    let world = World::new(&[]);
    let mine = tokens.uri("root-2026");
    let came = tokens.play(&[generate(&mine, "ecdsa-sha2-nistp256")]);
    let public = &came[0].found().public;
    world.asks(public);
    world.write("answers.yaml", b"answers: 1\nconfirm: all\n");
    let sign = |fails: &str, out: &str| {
        let mut command = tokens.command(env!("CARGO_BIN_EXE_keyrite"));
        command.env("P11_PINPAD", PIN).env("P11_FAULT", fails).current_dir(world.dir.path());
        command.args(["sign", "root.req", "--key", &mine, "--out", out, "--answers", "answers.yaml"]);
        Said::of(&command.output().unwrap())
    };

    sign("Login:1:0xa0", "none.resp").ended(5);
    sign("Login:2:0xa0", "one.resp").ended(0);

    world.ran(&["merge", "1.root.json", "one.resp", "--out", "signed.json"]).ended(0);
}
