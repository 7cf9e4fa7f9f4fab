//! `keyrite import`: every byte as it lay, and nothing that must not come along.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::bundle::Dir;
use keyrite::bundle::adopt;
use keyrite::tuf::Date;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::verify;
use keyrite::tui::nearby;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::common::terminal::talk;
use crate::tuf::vectors::vectors;
use crate::tuf::world::NOW;
use crate::tuf::world::Set;
use crate::tuf::world::keyids;
use crate::tuf::world::world;

fn write(set: &Set, dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for (name, bytes) in &set.0 {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

/// A repository in `repo/metadata`, and where to import it.
fn repository() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (repo, out) = (dir.path().join("repo"), dir.path().join("adopted"));
    write(&world().build(), &repo.join("metadata"));
    (dir, repo, out)
}

fn import(repo: &Path, out: &Path, more: &[&str]) -> Said {
    keyrite(&[&["import", text(repo), "--out", text(out), "--ask", "no", "--at", NOW], more].concat())
}

#[test]
fn every_file_is_copied_as_it_lies() {
    let (_dir, repo, out) = repository();

    let said = import(&repo, &out, &[]).ended(0);

    assert_eq!(tree(&out.join("metadata")), tree(&repo.join("metadata")));
    assert!(said.out.starts_with("roots: versions 1 to 2, one chain"), "{}", said.out);
    assert!(said.out.contains("role dev: version 2, expires 2027-01-03T09:00:00Z (in 31 days), 1 of 1 keys"));
    let sha256 = keyrite::words::Digest::of(&fs::read(repo.join("metadata/2.root.json")).unwrap()).hex();
    assert!(said.out.contains(&format!("root_sha256: \"{sha256}\"")), "{}", said.out);
    assert!(said.out.ends_with(&format!("next: keyrite new root-renewal --from {}\n", out.display())));
}

#[test]
fn what_no_ceremony_can_start_from_is_adopted_and_said() {
    let (_dir, repo, out) = repository();
    let snapshot = repo.join("metadata/5.snapshot.json");
    let longer = [fs::read(&snapshot).unwrap(), b"\n".to_vec()].concat();
    fs::write(&snapshot, longer).unwrap();

    let said = import(&repo, &out, &[]).ended(0).out;

    assert!(said.contains("No ceremony can start from it as it lies, for it does not verify: "), "{said}");
    assert!(said.contains("(BEFORE-VERIFIES)") && !said.contains("next: keyrite new"), "{said}");
    assert_eq!(tree(&out.join("metadata")), tree(&repo.join("metadata")));
}

#[test]
fn holders_come_from_a_file_and_are_stored_beside_the_metadata() {
    let (dir, repo, out) = repository();
    let holders = dir.path().join("holders.yaml");
    let ana = &keyids(&[7])[0];
    fs::write(&holders, format!("\"{}\": {{name: ana, holder: Ana Duarte}}\n", &ana[..12])).unwrap();

    let said = import(&repo, &out, &["--holders", text(&holders)]).ended(0);

    let names: Value = serde_json::from_slice(&fs::read(out.join("names.json")).unwrap()).unwrap();
    assert_eq!(names[ana], serde_json::json!({"name": "ana", "holder": "Ana Duarte"}));
    assert!(said.out.contains(&format!("key ana of Ana Duarte, {}: ", &ana[..16])), "{}", said.out);
    let other = &keyids(&[2])[0];
    assert_eq!(names[other], serde_json::json!({"name": &other[..8]}));
    assert_eq!(tree(&out.join("metadata")), tree(&repo.join("metadata")));
}

#[test]
fn who_is_asked_can_go_back_to_the_question_before() {
    let (dir, repo, out) = repository();
    import(&repo, &dir.path().join("first"), &[]).ended(0);
    let names = fs::read(dir.path().join("first/names.json")).unwrap();
    let mut names: serde_json::Map<String, Value> = serde_json::from_slice(&names).unwrap();
    let unnamed = keyids(&[2, 7]);
    names.retain(|keyid, _| !unnamed.contains(keyid));
    let holders = dir.path().join("holders.json");
    fs::write(&holders, Value::from(names).to_string()).unwrap();
    let args = ["import", text(&repo), "--out", text(&out), "--holders", text(&holders), "--at", NOW];
    let (name, holder) = ("what is it called?", "who holds it?");
    let typed = [
        (name, "uno\r"),
        (holder, "<\r"),
        (name, "eins\r"),
        (holder, "Anna\r"),
        (name, "<\r"),
        (name, "one\r"),
        (holder, "Ana Duarte\r"),
        (name, "two\r"),
        (holder, "\r"),
    ];

    let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &args, dir.path(), &typed);

    assert_eq!(ended.code, 0, "{}", ended.shown);
    assert!(ended.shown.contains("< goes back to the key before"), "{}", ended.shown);
    let names: Value = serde_json::from_slice(&fs::read(out.join("names.json")).unwrap()).unwrap();
    let mut given: Vec<_> = unnamed.iter().map(|keyid| names[keyid].to_string()).collect();
    given.sort();
    assert_eq!(given, [r#"{"holder":"Ana Duarte","name":"one"}"#, r#"{"name":"two"}"#]);
}

#[test]
fn a_key_that_nobody_is_named_for_is_called_by_its_name_everywhere() {
    let (dir, repo, out) = repository();
    import(&repo, &out, &[]).ended(0);
    let (root, names) = (out.join("metadata/2.root.json"), out.join("names.json"));
    let file = |name: &str| text(&dir.path().join(name)).to_owned();
    let short = &keyids(&[2])[0][..8];

    let asked = ["request", text(&root), "--names", text(&names), "--out", &file("root.req")];
    keyrite(&asked).ended(0);
    let merged = ["merge", text(&root), "--names", text(&names), "--out", &file("out.json")];
    let merged = keyrite(&merged).ended(0);
    assert!(merged.out.contains(&format!("kept the signature of key {short}\n")), "{}", merged.out);
    for inspected in [file("root.req"), text(&names).to_owned(), text(&out.join("metadata")).to_owned()] {
        let inspected = keyrite(&["inspect", &inspected]).ended(0);
        assert!(inspected.out.contains(short), "{}", inspected.out);
    }
    let found = nearby::look(&out, NOW.parse().unwrap()).unwrap().repository.unwrap().unwrap();
    assert_eq!(found.remark, None);
    assert_eq!(found.holders[&KeyId(keyids(&[2])[0].clone())], short);
}

#[test]
fn holders_that_are_not_said_well_are_refused_and_nothing_is_written() {
    let (dir, repo, out) = repository();
    let holders = dir.path().join("holders.yaml");
    let (one, two) = (&keyids(&[7])[0], &keyids(&[2])[0]);
    for (bad, why) in [
        ("ffffffffff: {name: a}".to_owned(), "beginning of 0 keyids"),
        (format!("\"{one}\": {{name: a}}\n\"{two}\": {{name: a}}"), "two keys are called a"),
        (format!("\"{one}\": {{name: 'a b'}}"), "not a name"),
        (format!("\"{one}\": {{nam: a}}"), "nam"),
        ("[".to_owned(), "holders.yaml"),
    ] {
        fs::write(&holders, &bad).unwrap();

        let said = import(&repo, &out, &["--holders", text(&holders)]).ended(2);

        assert!(said.err.contains(why), "{bad}: {}", said.err);
        assert!(!out.exists());
    }
}

#[test]
fn what_must_not_come_along_is_refused_and_nothing_is_written() {
    /// What is bent, and how.
    type Bend<'a> = (&'a str, &'a dyn Fn(&Path));
    let bent: [Bend<'_>; 6] = [
        ("NO-PRIVATE-KEY", &|dir| {
            fs::write(dir.join("key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
                .unwrap();
        }),
        ("NO-PRIVATE-KEY", &|dir| {
            let key = r#"{"signed":{"k":{"keyval":{"public":"00","private":"11"}}},"signatures":[]}"#;
            fs::write(dir.join("9.old.json"), key).unwrap();
        }),
        ("PLAIN-FILES", &|dir| std::os::unix::fs::symlink("1.root.json", dir.join("root.json")).unwrap()),
        ("METADATA-FORMAT", &|dir| fs::write(dir.join("other.json"), "{}").unwrap()),
        ("METADATA-FORMAT", &|dir| {
            let root = fs::read(dir.join("1.root.json")).unwrap();
            fs::create_dir(dir.join("root_history")).unwrap();
            fs::write(dir.join("root_history/7.root.json"), root).unwrap();
        }),
        ("ROOT-ONE-PER-VERSION", &|dir| {
            let root = fs::read_to_string(dir.join("2.root.json")).unwrap();
            fs::write(dir.join("root.json"), root.replace("2027-01-03", "2028-01-03")).unwrap();
        }),
    ];
    for (rule, bend) in bent {
        let (_dir, repo, out) = repository();
        bend(&repo.join("metadata"));

        let said = import(&repo, &out, &[]).ended(2);

        assert!(said.err.contains(rule), "{rule}: {}", said.err);
        assert!(!out.exists(), "{rule}");
    }
}

#[test]
fn a_directory_that_is_there_is_not_touched() {
    let (_dir, repo, out) = repository();
    fs::create_dir(&out).unwrap();

    import(&repo, &out, &[]).ended(2);

    assert!(tree(&out).is_empty());
}

#[test]
fn a_chain_that_does_not_hold_is_adopted_and_said() {
    let (_dir, repo, out) = repository();
    let mut broken = world();
    broken.roots[1].1 = vec![7, 2];
    write(&broken.build(), &repo.join("metadata"));

    let said = import(&repo, &out, &["--json"]).ended(1);

    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["chain"]["holds"], false);
    assert!(document["chain"]["why_not"].as_str().unwrap().contains("ROOT-SIGNED-BY-OLD-AND-NEW"));
    assert!(!said.err.contains("next:") && said.err.contains("as they lie"), "{}", said.err);
    assert_eq!(tree(&out.join("metadata")), tree(&repo.join("metadata")));
}

#[test]
fn a_root_without_number_gets_its_number_and_roots_of_history_are_found() {
    let (_dir, repo, out) = repository();
    let metadata = repo.join("metadata");
    fs::create_dir(metadata.join("root_history")).unwrap();
    fs::rename(metadata.join("1.root.json"), metadata.join("root_history/1.root.json")).unwrap();
    fs::rename(metadata.join("2.root.json"), metadata.join("root.json")).unwrap();

    import(&repo, &out, &[]).ended(0);

    let file = |path: PathBuf| fs::read(path).unwrap();
    assert_eq!(file(out.join("metadata/2.root.json")), file(metadata.join("root.json")));
    assert_eq!(file(out.join("metadata/1.root.json")), file(metadata.join("root_history/1.root.json")));
}

/// As tuf-on-ci and Sigstore keep a repository in git: roots in a folder, all else without a version in its name.
#[test]
fn a_repository_as_it_lies_in_git_gets_the_names_that_clients_ask_for_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (repo, out) = (dir.path().join("repo"), dir.path().join("adopted"));
    let metadata = repo.join("metadata");
    fs::create_dir_all(metadata.join("root_history")).unwrap();
    let mut world = world();
    for (root, _) in &mut world.roots {
        root["consistent_snapshot"] = serde_json::json!(true);
    }
    for (name, bytes) in &world.build().0 {
        let plain = name.split_once('.').filter(|(version, _)| version.bytes().all(|b| b.is_ascii_digit()));
        match plain {
            Some((_, "root.json")) => fs::write(metadata.join("root_history").join(name), bytes).unwrap(),
            Some((_, plain)) => fs::write(metadata.join(plain), bytes).unwrap(),
            None => fs::write(metadata.join(name), bytes).unwrap(),
        }
    }
    fs::copy(metadata.join("root_history/2.root.json"), metadata.join("root.json")).unwrap();

    let said = import(&repo, &out, &[]).ended(0);

    assert!(said.out.contains("named: targets.json is 3.targets.json there, as clients ask"), "{}", said.out);
    let built: BTreeSet<String> = world.build().0.into_keys().collect();
    let adopted: BTreeSet<String> =
        tree(&out.join("metadata")).into_iter().map(|(name, _)| name.display().to_string()).collect();
    assert_eq!(adopted, built);
    let root = out.join("metadata/1.root.json");
    keyrite(&["verify", text(&out), "--root", text(&root), "--at", NOW]).ended(0);
    let file = dir.path().join("ceremony.yaml");
    keyrite(&["new", "root-renewal", "--from", text(&out), "--out", text(&file)]).ended(0);
    let checked = keyrite(&["check", text(&file), "--at", NOW]);
    assert!(!checked.err.contains("BEFORE-VERIFIES"), "{}", checked.err);
}

/// The renewal that lies to be copied, from its metadata as it would lie in git.
#[test]
fn a_ceremony_is_rehearsed_on_what_was_adopted_from_git() {
    let dir = tempfile::tempdir().unwrap();
    let (git, out) = (dir.path().join("git"), dir.path().join("inputs"));
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/renewal");
    fs::create_dir_all(git.join("metadata/root_history")).unwrap();
    for (from, to) in [
        ("1.root.json", "root_history/1.root.json"),
        ("1.root.json", "root.json"),
        ("1.targets.json", "targets.json"),
        ("1.snapshot.json", "snapshot.json"),
        ("timestamp.json", "timestamp.json"),
    ] {
        fs::copy(example.join("inputs/metadata").join(from), git.join("metadata").join(to)).unwrap();
    }

    import(&git, &out, &[]).ended(0);

    assert_eq!(tree(&out.join("metadata")), tree(&example.join("inputs/metadata")));
    let file = dir.path().join("ceremony.yaml");
    fs::copy(example.join("ceremony.yaml"), &file).unwrap();
    let record = dir.path().join("record");
    run_by_file(&file, &example.join("answers.yaml"), &record, &["--rehearse"]).ended(0);
}

/// Two copies of one root, of which one lacks signatures.
#[test]
fn of_two_copies_of_a_root_the_more_complete_is_taken_and_the_other_named() {
    for plain_is_whole in [true, false] {
        let (_dir, repo, out) = repository();
        let metadata = repo.join("metadata");
        let whole = fs::read(metadata.join("2.root.json")).unwrap();
        let parsed = Metadata::parse(&whole).unwrap();
        let part = parsed.with_signatures(parsed.signatures()[..1].to_vec()).to_file();
        let (plain, numbered) = if plain_is_whole { (&whole, &part) } else { (&part, &whole) };
        fs::write(metadata.join("root.json"), plain).unwrap();
        fs::write(metadata.join("2.root.json"), numbered).unwrap();

        let said = import(&repo, &out, &[]).ended(0);

        assert_eq!(fs::read(out.join("metadata/2.root.json")).unwrap(), whole);
        let left_out = if plain_is_whole {
            "left out: 2.root.json: root.json has"
        } else {
            "left out: root.json: 2.root"
        };
        assert!(said.out.contains(left_out), "{}", said.out);
    }
}

/// Every directory that has a root in it.
fn repositories(dir: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            repositories(&path, found);
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("root.json")) {
            found.insert(dir.to_owned());
        }
    }
}

/// Roots of many repositories, or in stages of signing: no repository.
const NO_REPOSITORY: [&str; 2] = ["partial_signing_sequences", "bottlerocket"];

#[test]
fn published_repositories_are_adopted_byte_for_byte_and_verify_as_before() {
    let Some(vectors) = vectors() else { return };
    let mut found = BTreeSet::new();
    repositories(&vectors, &mut found);
    found.retain(|path| !NO_REPOSITORY.iter().any(|name| path.to_string_lossy().contains(name)));
    let mut refused = Vec::new();
    for source in &found {
        let Ok(adopted) = adopt(source) else {
            refused.push(source.file_name().unwrap().to_string_lossy().into_owned());
            continue;
        };
        let to = tempfile::tempdir().unwrap();
        let out = to.path().join("out");
        let files =
            adopted.files.iter().map(|(name, bytes)| (format!("metadata/{name}"), bytes.clone().into()));
        keyrite::bundle::write(&files.collect::<Vec<_>>(), &out).unwrap();

        let of_source: BTreeSet<Vec<u8>> = tree(source).into_iter().map(|(_, bytes)| bytes).collect();
        for (name, arrived) in tree(&out.join("metadata")) {
            assert!(of_source.contains(&arrived), "{}: {}", source.display(), name.display());
            let lay = source.join(&name);
            assert!(!lay.is_file() || fs::read(&lay).unwrap() == arrived, "{}", lay.display());
        }
        let version = |bytes: &[u8]| Metadata::parse(bytes).unwrap().signed()["version"].as_u64();
        let roots = adopted.files.iter().filter(|(name, _)| name.ends_with("root.json"));
        let pinned = roots.map(|(_, bytes)| bytes).max_by_key(|bytes| version(bytes)).unwrap();
        for at in ["2018-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2026-05-24T12:00:00Z"] {
            let at: Date = at.parse().unwrap();
            for scope in [Scope::Root, Scope::Full] {
                let request = Request { pinned, at, scope, allow_rehearsal: false };
                let verdict = |dir: &Path| verify(&Dir::open(dir).unwrap(), &request).map(|yes| yes.targets);
                // What lies there under other names than clients ask for verifies only here.
                if verdict(source).is_ok() || adopted.named.keys().all(|lay| lay == "root.json") {
                    assert_eq!(verdict(source), verdict(&out), "{}", source.display());
                }
            }
        }
    }
    assert!(found.len() - refused.len() >= 25, "of {}, refused: {refused:?}", found.len());
}
