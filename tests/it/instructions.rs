//! `VERIFY.txt`, followed as written by someone who has bash, openssl, sed and coreutils, and not this program.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::bundle::cover;
use crate::bundle::instructions_say;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::golden_bundles::age_file;

const PEOPLE: &str = "participants:
  oli: {name: Oli Berg, role: operator}
  ana: {name: Ana Duarte, role: custodian}
  bo: {name: Bo Lindqvist, role: custodian}
  chi: {name: Chi Nwosu, role: custodian}
  wim: {name: Wim Peeters, role: witness}
";

const GENESIS: &str = r#"keyrite: 1
id: first
title: A root with a key of each scheme
type: root-genesis
PEOPLE
keys:
  ana: {holder: ana, store: "age:ana.age", public: ana.pub.pem}
  bo: {holder: bo, store: "age:bo.age", public: bo.pub.pem}
  chi: {holder: chi, store: "age:chi.age", public: chi.pub.pem}
  online: {holder: oli, store: "age:online.age", public: online.pub.pem}
trust:
  before: none
  after:
    consistent_snapshot: true
    root: {version: 1, expires: "2028-12-31T00:00:00Z", keys: [ana, bo, chi], threshold: 3}
    targets: {version: 1, expires: "2028-06-30T00:00:00Z", keys: [ana, bo, chi], threshold: 2, files: {from: targets}}
    snapshot: {version: 1, expires: "2028-03-31T00:00:00Z", keys: [online], threshold: 1}
    timestamp: {version: 1, expires: "2027-12-31T00:00:00Z", keys: [online], threshold: 1}
  accept: [spare-keys-below-2, root-file-keys-reach-threshold]
environment: {require: [no-core-dumps]}
outputs: {bundle: bundle}
"#;

const ROTATION: &str = r#"keyrite: 1
id: second
title: Chi gets another key, and two are enough
type: key-rotation
PEOPLE
keys:
  ana: {holder: ana, store: "age:ana.age", keyid: "ID-ana"}
  bo: {holder: bo, store: "age:bo.age", keyid: "ID-bo"}
  chi: {holder: chi, store: "age:chi.age", keyid: "ID-chi"}
  chi-2: {holder: chi, store: "age:chi-2.age", public: chi-2.pub.pem}
  online: {holder: oli, store: "age:online.age", keyid: "ID-online"}
trust:
  before: {metadata: first/bundle/metadata, root_sha256: "ROOT"}
  after:
    root: {version: 2, expires: "2029-12-31T00:00:00Z", keys: [ana, bo, chi-2], threshold: 2}
    targets: {version: 2, expires: "2029-06-30T00:00:00Z", keys: [ana, bo, chi-2], threshold: 2}
    snapshot: {version: 2, expires: "2029-03-31T00:00:00Z", keys: [online], threshold: 1}
    timestamp: {version: 2, expires: "2028-12-31T00:00:00Z", keys: [online], threshold: 1}
  accept: [spare-keys-below-2, root-file-keys-reach-threshold]
environment: {require: [no-core-dumps]}
outputs: {bundle: bundle}
"#;

fn sha256(file: &Path) -> String {
    let sum = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
}

/// A genesis in production, and what a rotation after it needs.
struct Ceremonies {
    dir: tempfile::TempDir,
}

impl Ceremonies {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("targets")).unwrap();
        fs::write(at("targets/app.txt"), "an application\n").unwrap();
        let secrets: String = ["ana", "bo", "chi", "chi-2", "online"]
            .map(|name| format!("  {name}: {{passphrase: \"the passphrase of {name}\"}}\n"))
            .concat();
        let answers = format!(
            "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n{secrets}"
        );
        fs::write(at("answers.yaml"), answers).unwrap();
        for (name, algorithm) in [
            ("ana", "ED25519"),
            ("bo", "EC -pkeyopt ec_paramgen_curve:P-256"),
            ("chi", "RSA -pkeyopt rsa_keygen_bits:2048"),
            ("chi-2", "EC -pkeyopt ec_paramgen_curve:P-384"),
            ("online", "ED25519"),
        ] {
            let line = format!(
                "openssl genpkey -algorithm {algorithm} | tee key | openssl pkey -pubout -out {name}.pub.pem; cat key"
            );
            let made = Command::new("bash").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
            age_file(dir.path(), name, &made.stdout);
        }
        fs::write(at("first.yaml"), GENESIS.replace("PEOPLE", PEOPLE)).unwrap();
        let ceremonies = Self { dir };
        ceremonies.run("first.yaml", "first", &[]);
        let names = fs::read_to_string(ceremonies.at("first/keys/names.json")).unwrap();
        let names: serde_json::Value = serde_json::from_str(&names).unwrap();
        let root = sha256(&ceremonies.at("first/bundle/metadata/1.root.json"));
        let mut rotation = ROTATION.replace("PEOPLE", PEOPLE).replace("ROOT", &root);
        for (keyid, key) in names.as_object().unwrap() {
            rotation = rotation
                .replace(&format!("\"ID-{}\"", key["name"].as_str().unwrap()), &format!("\"{keyid}\""));
        }
        fs::write(ceremonies.at("second.yaml"), rotation).unwrap();
        ceremonies
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a file into a record, and returns its bundle.
    fn run(&self, file: &str, record: &str, more: &[&str]) -> PathBuf {
        run_by_file(&self.at(file), &self.at("answers.yaml"), &self.at(record), more).ended(0);
        self.at(record).join("bundle")
    }
}

/// A copy of a bundle, to be tampered with.
struct Copy {
    dir: tempfile::TempDir,
}

impl Copy {
    fn of(bundle: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            Command::new("cp")
                .args(["-r", text(bundle), text(&dir.path().join("b"))])
                .status()
                .unwrap()
                .success()
        );
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("b")
    }

    /// The newest file whose name ends so.
    fn file(&self, end: &str) -> PathBuf {
        let files = crate::common::keyrite::tree(&self.path());
        let name = files.iter().rev().map(|(name, _)| name).find(|name| text(name).ends_with(end)).unwrap();
        self.path().join(name)
    }

    /// Replaces what stands between two texts, the first time it does.
    fn edit(&self, end: &str, with: impl Fn(&str) -> String) {
        let file = self.file(end);
        let whole = fs::read_to_string(&file).unwrap();
        let bent = with(&whole);
        assert_ne!(bent, whole, "{end} was not changed");
        fs::write(&file, bent).unwrap();
    }
}

/// The signature lines of a metadata file are whole lines.
fn is_signature(line: &str) -> bool {
    line.starts_with("{\"keyid\":")
}

/// A way to tamper, and whether it still fails when manifest and pin are written anew to cover it.
type Tampering = (&'static str, bool, fn(&Copy));

const TAMPERINGS: [Tampering; 16] = [
    ("a target file is changed", true, |copy| copy.edit(".app.txt", |text| text.replace("an app", "my app"))),
    ("a byte of metadata is changed", true, |copy| {
        copy.edit(".root.json", |text| text.replacen("\"expires\":\"20", "\"expires\":\"30", 1))
    }),
    ("a signature is taken away", true, |copy| {
        copy.edit(".root.json", |text| {
            let first = text.lines().find(|line| is_signature(line)).unwrap();
            text.replacen(&format!("{first}\n"), "", 1)
        });
    }),
    ("all signatures are taken away", true, |copy| {
        copy.edit("timestamp.json", |text| {
            text.lines().filter(|line| !is_signature(line)).collect::<Vec<_>>().join("\n")
        });
    }),
    ("a key of root is another's", true, |copy| {
        copy.edit(".root.json", |text| {
            let (start, rest) = text.split_once("\"keyval\":{\"public\":\"").unwrap();
            format!(
                "{start}\"keyval\":{{\"public\":\"{}{}",
                if rest.starts_with('a') { "b" } else { "a" },
                &rest[1..]
            )
        });
    }),
    ("root needs fewer keys", true, |copy| {
        copy.edit("1.root.json", |text| text.replacen("\"threshold\":3", "\"threshold\":1", 1))
    }),
    ("a version is another", true, |copy| {
        copy.edit(".targets.json", |text| text.replacen("\"version\":", "\"version\":1", 1))
    }),
    ("the snapshot describes another version", true, |copy| {
        copy.edit(".snapshot.json", |text| {
            let (start, rest) = text.split_once("\"targets.json\":").unwrap();
            format!("{start}\"targets.json\":{}", rest.replacen("\"version\":", "\"version\":1", 1))
        });
    }),
    ("the timestamp describes another snapshot", true, |copy| {
        copy.edit("timestamp.json", |text| text.replacen("\"version\":", "\"version\":1", 1))
    }),
    ("a stranger signed", true, |copy| {
        let line = "sed -n 's/^\"signed\"://p' timestamp.json | head -c -1 > ../payload; openssl genpkey -algorithm ed25519 -out ../key; \
                    openssl pkeyutl -sign -rawin -inkey ../key -in ../payload | od -An -vtx1 | tr -d ' \\n'";
        let made = Command::new("bash")
            .args(["-c", line])
            .current_dir(copy.path().join("metadata"))
            .output()
            .unwrap();
        let sig = String::from_utf8(made.stdout).unwrap();
        assert_eq!(sig.len(), 128);
        copy.edit("timestamp.json", |text| {
            let (start, rest) = text.split_once("\"sig\":\"").unwrap();
            format!("{start}\"sig\":\"{sig}{}", &rest[128..])
        });
    }),
    ("a file is gone", false, |copy| fs::remove_file(copy.file("timestamp.json")).unwrap()),
    ("there is a file more", false, |copy| {
        fs::write(copy.path().join("metadata/9.root.json"), "{}").unwrap()
    }),
    ("there is a hidden file more", false, |copy| {
        fs::write(copy.path().join("targets/.hidden"), "x").unwrap()
    }),
    ("the manifest has another order", true, |copy| {
        copy.edit("MANIFEST.json", |text| text.replacen("\"order\":1", "\"order\":7", 1))
    }),
    ("the manifest lists a file less", true, |copy| {
        let gone = copy.file(".app.txt");
        copy.edit("MANIFEST.json", |text| {
            text.lines().filter(|line| !line.contains("app.txt")).collect::<Vec<_>>().join("\n") + "\n"
        });
        fs::remove_file(gone).unwrap();
    }),
    ("a file is a link", false, |copy| {
        let file = copy.file("timestamp.json");
        fs::rename(&file, copy.dir.path().join("timestamp.json")).unwrap();
        std::os::unix::fs::symlink(copy.dir.path().join("timestamp.json"), file).unwrap();
    }),
];

/// The recipe passes on the bundle, and fails on every tampered copy, also where the tampering is covered up.
fn the_recipe_tells(bundle: &Path) {
    let said = instructions_say(bundle, &[]).unwrap();
    assert!(said.contains("Compared with nothing from elsewhere"), "{said}");
    let mut tampered = 0;
    for (what, holds_covered, tamper) in TAMPERINGS {
        // Only a bundle of a genesis has a root with a threshold of three in its newest place, or target files.
        let copy = Copy::of(bundle);
        let has_targets = copy.path().join("targets").exists();
        if !has_targets
            && (what.contains("target file") || what.contains("hidden") || what.contains("a file less"))
        {
            continue;
        }
        tamper(&copy);
        let said = instructions_say(&copy.path(), &[]).expect_err(what);
        assert!(!said.contains("ALL CHECKS HOLD"), "{what}: {said}");
        tampered += 1;
        if holds_covered && !what.contains("manifest") {
            cover(&copy.path());
            let said = instructions_say(&copy.path(), &[]).expect_err(what);
            assert!(!said.contains("ALL CHECKS HOLD") && !said.contains("checksum"), "{what}: {said}");
        }
    }
    assert!(tampered >= 12, "{tampered}");
}

/// Digests from elsewhere: of the manifest, of a file, of its signed part; and none that fits nothing.
fn digests_are_compared(bundle: &Path) {
    let root = bundle.join("metadata/1.root.json");
    let payload = "sed -n 's/^\"signed\"://p' \"$0\" | sed 's/\\\\n/\\n/g' | head -c -1 | sha256sum";
    let payload = Command::new("bash").args(["-c", payload, text(&root)]).output().unwrap();
    let payload = String::from_utf8(payload.stdout).unwrap()[..64].to_owned();
    let manifest = sha256(&bundle.join("MANIFEST.json"));

    let said = instructions_say(bundle, &[&manifest, &sha256(&root), &payload]).unwrap();

    assert!(!said.contains("Compared with nothing"), "{said}");
    let wrong = manifest.replace(&manifest[..1], if manifest.starts_with('a') { "b" } else { "a" });
    for digest in [
        wrong.as_str(),
        "",
        " ",
        &manifest[..63],
        "*",
        "who",
        &manifest.to_uppercase().replace(char::is_numeric, "A"),
    ] {
        let said = instructions_say(bundle, &[&manifest, digest]).unwrap_err();
        let why = ["nothing here has the SHA-256", "an argument has no hex digit", "a SHA-256 has 64 digits"];
        assert!(why.iter().any(|why| said.contains(&format!("FAILED: {why}"))), "{digest:?}: {said}");
    }
    // As the record prints it: in groups, and as somebody may type it.
    let groups: Vec<_> = (0..8).map(|at| manifest[at * 8..at * 8 + 8].to_uppercase()).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    instructions_say(bundle, &groups).unwrap();
    instructions_say(bundle, &[&groups.join(" ")]).unwrap();
    instructions_say(bundle, &groups[1..]).unwrap_err();
}

#[test]
fn a_stranger_checks_a_genesis_and_a_rotation_of_production_and_finds_every_tampering() {
    let ceremonies = Ceremonies::new();
    let first = ceremonies.at("first/bundle");
    let second = ceremonies.run("second.yaml", "second", &[]);

    the_recipe_tells(&first);
    the_recipe_tells(&second);
    digests_are_compared(&first);
    digests_are_compared(&second);

    // The old keys by their threshold of three, then the new ones by theirs of two.
    let recipe = fs::read_to_string(second.join("VERIFY.txt")).unwrap();
    let enough: Vec<_> = recipe.lines().filter(|line| line.starts_with("enough ")).collect();
    assert_eq!(enough, ["enough 3", "enough 3", "enough 2", "enough 2", "enough 1", "enough 1"]);
    for scheme in ["ed25519 ", "ecdsa ", "rsa "] {
        assert!(
            recipe.lines().any(|line| line.starts_with(&format!("{scheme}metadata/2.root.json"))),
            "{scheme}"
        );
    }
}

#[test]
fn a_stranger_checks_a_genesis_and_a_rotation_that_were_rehearsed() {
    let ceremonies = Ceremonies::new();
    let first = ceremonies.run("first.yaml", "rehearsed-1", &["--rehearse"]);
    let second = ceremonies.run("second.yaml", "rehearsed-2", &["--rehearse"]);

    for bundle in [&first, &second] {
        the_recipe_tells(bundle);
        let said = instructions_say(bundle, &[]).unwrap();
        assert!(said.contains("REHEARSAL: nobody may trust these files.\nALL CHECKS HOLD\n"), "{said}");
    }
}

/// The commands alone, without a word of what stands between them, pasted into a shell.
#[test]
fn the_commands_of_the_recipe_can_be_pasted() {
    let ceremonies = Ceremonies::new();
    let bundle = ceremonies.at("first/bundle");
    let recipe = fs::read_to_string(bundle.join("VERIFY.txt")).unwrap();
    let commands: Vec<_> = recipe.lines().filter(|line| !line.starts_with('#')).collect();
    let pasted = ceremonies.at("pasted");
    fs::write(&pasted, commands.join("\n") + "\n").unwrap();

    let shell =
        Command::new("bash").current_dir(&bundle).stdin(fs::File::open(&pasted).unwrap()).output().unwrap();

    let said = String::from_utf8_lossy(&shell.stdout).into_owned();
    assert!(shell.status.success() && said.ends_with("\nALL CHECKS HOLD\n"), "{said}");
}
