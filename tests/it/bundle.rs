//! What leaves the room: its bytes, how it gets on a drive, and what is said of one that was bent on the way.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use keyrite::bundle;
use keyrite::bundle::Checked;
use keyrite::bundle::Content;
use keyrite::bundle::Contents;
use keyrite::bundle::Dir;
use keyrite::bundle::File;
use keyrite::bundle::Manifest;
use keyrite::bundle::rules;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use keyrite::tuf::Signature;
use keyrite::tuf::SignedFile;
use keyrite::tuf::client;
use keyrite::tuf::client::Files;
use keyrite::tuf::client::Refused;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use p256::ecdsa::signature::Signer;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::tuf::world::*;

fn contents() -> Contents {
    let world = world();
    let set = world.build();
    let role = |role: &str, file: &str| (role.to_owned(), set.0[file].clone().into());
    Contents {
        ceremony: "2026-12-root".to_owned(),
        journal_head: "ab".repeat(32),
        rehearsal: false,
        roots: ["2.root.json", "1.root.json"].map(|file| set.0[file].clone().into()).into(),
        roles: vec![
            role("timestamp", "timestamp.json"),
            role("dev", "2.dev.json"),
            role("snapshot", "5.snapshot.json"),
            role("targets", "3.targets.json"),
        ],
        targets: [
            ("app.txt".to_owned(), b"app".to_vec().into()),
            ("dev/tool.txt".to_owned(), b"tool".to_vec().into()),
        ]
        .into(),
    }
}

fn bytes(file: &File) -> &[u8] {
    let Content::Bytes(bytes) = &file.1 else { panic!("{} is copied", file.0) };
    bytes
}

fn written(files: &[File]) -> (TempDir, PathBuf) {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("bundle");
    bundle::write(files, &path).unwrap();
    (temp, path)
}

fn check(path: &Path, pinned: &[u8]) -> Result<Checked, Refused> {
    let request = Request { pinned, at: now(), scope: Scope::Full, allow_rehearsal: false };
    bundle::check(&Dir::open(path).unwrap(), &request)
}

fn pinned() -> Vec<u8> {
    world().build().0["1.root.json"].clone()
}

fn refused(path: &Path) -> (&'static str, String) {
    let refused = check(path, &pinned()).unwrap_err();
    (refused.rule, refused.file)
}

/// Writes the manifest anew for what is there, as one would who bends a bundle.
///
/// `VERIFY.txt` is told as well, as somebody would who knows that it pins the manifest.
pub(crate) fn cover(path: &Path) {
    cover_files(path);
    pin_again(path);
}

fn pin_again(path: &Path) {
    let manifest = fs::read_to_string(path.join("MANIFEST.json")).unwrap();
    let others: String =
        manifest.split_inclusive('\n').filter(|line| !line.starts_with("{\"path\":\"VERIFY.txt\"")).collect();
    let pin = target(others.as_bytes())["hashes"]["sha256"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(path.join("VERIFY.txt")).unwrap();
    let at = text.find("  '\"$tmp/manifest\" | sha256sum").unwrap();
    fs::write(path.join("VERIFY.txt"), format!("{}{pin}{}", &text[..at - 64], &text[at..])).unwrap();
    cover_files(path);
}

fn cover_files(path: &Path) {
    let mut manifest = Manifest::parse(&fs::read(path.join("MANIFEST.json")).unwrap()).unwrap();
    for entry in &mut manifest.files {
        let bytes = fs::read(path.join(&entry.path)).unwrap();
        entry.length = bytes.len() as u64;
        entry.sha256 = target(&bytes)["hashes"]["sha256"].as_str().unwrap().to_owned();
    }
    fs::write(path.join("MANIFEST.json"), manifest.to_file()).unwrap();
}

#[test]
fn a_bundle_has_its_files_in_the_order_of_publication() {
    let files = bundle::layout(&contents()).unwrap();

    let paths: Vec<String> =
        files.iter().map(|(path, _)| path.replace(|c: char| c.is_ascii_hexdigit(), "_")).collect();
    let hash = "_".repeat(64);
    let plain = |path: &str| path.replace(|c: char| c.is_ascii_hexdigit(), "_");
    assert_eq!(
        paths,
        [
            format!("targets/{hash}.app.txt"),
            format!("targets/dev/{hash}.tool.txt"),
            format!("targets/{hash}.dev/tool.txt"),
            "metadata/1.root.json".to_owned(),
            "metadata/2.root.json".to_owned(),
            "metadata/3.targets.json".to_owned(),
            "metadata/2.dev.json".to_owned(),
            "metadata/5.snapshot.json".to_owned(),
            "metadata/timestamp.json".to_owned(),
            "VERIFY.txt".to_owned(),
            "MANIFEST.json".to_owned(),
        ]
        .map(|path| plain(&path))
    );
    let manifest = Manifest::parse(bytes(&files[10])).unwrap();
    let order: Vec<Option<u64>> = manifest.files.iter().map(|entry| entry.order).collect();
    assert_eq!(
        order,
        [Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), Some(9), None]
    );
    assert!(!String::from_utf8(bytes(&files[9]).to_vec()).unwrap().contains("rehearsal"));
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let mut other = contents();
    other.roots.reverse();
    other.roles.reverse();

    assert_eq!(bundle::layout(&contents()), bundle::layout(&other));
}

#[test]
fn what_cannot_be_published_is_refused() {
    let bend = |bend: &dyn Fn(&mut Contents)| {
        let mut contents = contents();
        bend(&mut contents);
        bundle::layout(&contents).unwrap_err().to_string()
    };

    assert_eq!(bend(&|c| c.roots.clear()), "a bundle without a root");
    assert_eq!(
        bend(&|c| c.roots[0] = c.roots[1].clone()),
        "root 1 follows root 1: a client needs every version once"
    );
    assert!(bend(&|c| c.roots[0] = b"{}".to_vec().into()).starts_with("a root: "));
    assert_eq!(bend(&|c| c.roles.push(c.roles[1].clone())), "two files named metadata/2.dev.json");
    assert_eq!(
        bend(&|c| c.targets.extend([("x".to_owned(), Vec::new().into())])),
        "target \"x\" is listed by no role of this bundle"
    );
    assert_eq!(
        bend(&|c| c.targets.extend([("app.txt".to_owned(), b"App".to_vec().into())])),
        "target \"app.txt\" is not the file that the metadata lists"
    );
    for path in ["../x", "/x", "a//b", "a/./b", "a\nb", "a\"b", "a\\b"] {
        let error = bend(&|c| {
            let list = signed_by(&targets(3, json!({ path: target(b"x") })), &[4]).to_file();
            c.roles[3].1 = list.into();
            c.targets = [(path.to_owned(), b"x".to_vec().into())].into();
        });
        assert!(error.contains("cannot be the name"), "{path}: {error}");
    }
}

#[test]
fn a_written_bundle_verifies_and_an_existing_one_is_never_touched() {
    let files = bundle::layout(&contents()).unwrap();
    let (temp, path) = written(&files);

    let checked = check(&path, &pinned()).unwrap();

    assert_eq!(checked.target_files, 3);
    assert_eq!(checked.manifest.unwrap().ceremony, "2026-12-root");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    let again = bundle::write(&[("x".to_owned(), b"new".to_vec().into())], &path).unwrap_err().to_string();
    assert!(again.ends_with("is there already; nothing was written and it is unchanged"), "{again}");
    assert!(!path.join("x").exists() && !temp.path().join("bundle.partial").exists());

    // It is refused before anything is written, and so before what lies beside it is seen.
    fs::create_dir(temp.path().join("bundle.partial")).unwrap();
    let first = bundle::write(&[], &path).unwrap_err().to_string();
    assert!(first.starts_with(&format!("{} is there already", path.display())), "{first}");
}

#[test]
fn a_file_that_is_copied_must_still_be_what_was_hashed() {
    let temp = TempDir::new().unwrap();
    let (from, to) = (temp.path().join("app"), temp.path().join("bundle"));
    let sha256 = target(b"app")["hashes"]["sha256"].as_str().unwrap().to_owned();
    let copy =
        || [("app".to_owned(), Content::Copy { from: from.clone(), length: 3, sha256: sha256.clone() })];
    for other in [&b"App"[..], b"ap", b"apps", b""] {
        fs::write(&from, other).unwrap();

        let error = bundle::write(&copy(), &to).unwrap_err().to_string();

        assert!(error.contains("was changed since then"), "{error}");
        assert!(!to.exists() && !temp.path().join("bundle.partial").exists());
    }
    fs::write(&from, b"app").unwrap();
    bundle::write(&copy(), &to).unwrap();
    assert_eq!(fs::read(to.join("app")).unwrap(), b"app");
}

#[test]
fn a_bundle_that_cannot_be_finished_leaves_nothing() {
    let temp = TempDir::new().unwrap();
    let to = temp.path().join("bundle");
    let twice = [("a".to_owned(), Vec::new().into()), ("a".to_owned(), Vec::new().into())];

    let error = bundle::write(&twice, &to).unwrap_err().to_string();

    assert!(error.ends_with("was not made and what was written of it is removed"), "{error}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn what_was_left_by_a_crash_is_not_taken_for_ours() {
    let temp = TempDir::new().unwrap();
    let to = temp.path().join("bundle");
    fs::create_dir(temp.path().join("bundle.partial")).unwrap();

    let error = bundle::write(&[], &to).unwrap_err().to_string();

    assert!(error.contains("bundle.partial is there, as a run leaves it that was cut off"), "{error}");
    assert!(temp.path().join("bundle.partial").exists());
}

#[test]
fn a_private_key_or_a_path_that_leads_out_stops_the_export() {
    let temp = TempDir::new().unwrap();
    let to = temp.path().join("bundle");
    for (path, bytes, why) in [
        ("a/b", &b"-----BEGIN PRIVATE KEY-----\nSECRET"[..], "a/b holds a private key in PEM"),
        ("b", b"AGE-SECRET-KEY-1SECRET", "b holds an age identity"),
        ("c", b"age-encryption.org/v1\nSECRET", "c holds an age file"),
        ("d", b"{\"keyval\":{\"private\":\"SECRET\"}}", "d holds a JSON key"),
        ("e", b"-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET", "e holds an OpenSSH private key"),
        ("../f", b"", "cannot be the name"),
    ] {
        let files = [("fine".to_owned(), b"fine".to_vec().into()), (path.to_owned(), bytes.to_vec().into())];

        let error = bundle::write(&files, &to).unwrap_err().to_string();

        assert!(error.contains(why) && !error.contains("SECRET"), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}

#[test]
fn the_manifest_tells_what_changed_on_the_way() {
    let files = bundle::layout(&contents()).unwrap();

    let (_temp, path) = written(&files);
    fs::remove_file(path.join("metadata/2.dev.json")).unwrap();
    assert_eq!(refused(&path), (rules::MANIFEST_FILE_MISSING, "metadata/2.dev.json".to_owned()));

    let (_temp, path) = written(&files);
    fs::write(path.join("metadata/2.dev.json"), b"{}").unwrap();
    assert_eq!(refused(&path), (rules::MANIFEST_FILE_CHANGED, "metadata/2.dev.json".to_owned()));

    let (_temp, path) = written(&files);
    fs::write(path.join("metadata/3.root.json"), b"{}").unwrap();
    assert_eq!(refused(&path), (rules::MANIFEST_FILE_UNLISTED, "metadata/3.root.json".to_owned()));

    for manifest in [&b"{}"[..], b"{\"keyrite-bundle\":1,\"keyrite-bundle\":1}", b""] {
        let (_temp, path) = written(&files);
        fs::write(path.join("MANIFEST.json"), manifest).unwrap();
        assert_eq!(refused(&path), (rules::MANIFEST_FORMAT, "MANIFEST.json".to_owned()));
    }
}

#[test]
fn a_manifest_written_anew_does_not_help_against_the_signatures() {
    let (_temp, path) = written(&bundle::layout(&contents()).unwrap());
    let file = path.join("metadata/2.root.json");
    let bent = fs::read_to_string(&file).unwrap().replace("\"threshold\":2", "\"threshold\":1");
    fs::write(&file, bent).unwrap();
    cover(&path);

    assert_eq!(refused(&path), (client::rules::ROOT_SIGNED_BY_OLD_AND_NEW, "2.root.json".to_owned()));
}

/// What is known of the files that were written is known of the same bytes, and of no others.
#[test]
fn a_bundle_beside_what_was_written_gets_the_verdict_that_it_gets_alone() {
    let contents = contents();
    let (_temp, path) = written(&bundle::layout(&contents).unwrap());
    let name = |role: &str, file: &SignedFile| match file.metadata().unwrap().signed()["version"].as_u64() {
        Some(version) if role != "timestamp" => format!("metadata/{version}.{role}.json"),
        _ => format!("metadata/{role}.json"),
    };
    let known: BTreeMap<String, SignedFile> =
        contents.roles.iter().map(|(role, file)| (name(role, file), file.clone())).collect();
    let pinned = pinned();
    let both = || {
        let request = Request { pinned: &pinned, at: now(), scope: Scope::Full, allow_rehearsal: false };
        let alone = bundle::check(&Dir::open(&path).unwrap(), &request);
        let beside = bundle::check(&Dir::open(&path).unwrap().beside(known.clone()), &request);
        assert_eq!(beside.as_ref().err(), alone.as_ref().err());
        assert_eq!(beside.as_ref().ok().map(|it| &it.verified), alone.as_ref().ok().map(|it| &it.verified));
        (beside.map(|checked| checked.as_known), alone.map(|checked| checked.as_known))
    };

    assert_eq!(both(), (Ok(known.keys().cloned().collect()), Ok(BTreeSet::new())));
    for file in known.keys() {
        let good = fs::read(path.join(file)).unwrap();
        let sig = good.windows(7).position(|word| word == b"\"sig\":\"").unwrap() + 7;
        let bend = |at: usize| {
            let mut bent = good.clone();
            bent[at] = if bent[at] == b'0' { b'1' } else { b'0' };
            bent
        };
        let spaced = [&good[..], b" "].concat();
        for bent in [bend(sig), spaced, good[..good.len() - 2].to_vec(), b"{}".to_vec()] {
            fs::write(path.join(file), bent).unwrap();
            assert!(both().0.is_err(), "{file}");
            // With a manifest that says so.
            let manifest = fs::read(path.join("MANIFEST.json")).unwrap();
            let text = fs::read(path.join("VERIFY.txt")).unwrap();
            cover(&path);
            assert!(both().0.map_or(true, |known| !known.contains(file)), "{file}");
            fs::write(path.join("MANIFEST.json"), manifest).unwrap();
            fs::write(path.join("VERIFY.txt"), text).unwrap();
        }
        fs::write(path.join(file), good).unwrap();
    }
    assert!(both().0.is_ok());
}

/// What tells a server what to publish first, and the record which bundle this is, is as it was written.
#[test]
fn a_manifest_that_says_the_same_files_in_other_words_is_found() {
    let (_temp, path) = written(&bundle::layout(&contents()).unwrap());
    let good = fs::read_to_string(path.join("MANIFEST.json")).unwrap();
    let bent = (rules::MANIFEST_FILE_CHANGED, "MANIFEST.json".to_owned());
    let other_head = good.replace(&"ab".repeat(32), &"cd".repeat(32));
    let out_of_order = [good.replace(",\"order\":1}", ",\"order\":9}"), good.replace(",\"order\":1}", "}")];

    fs::write(path.join("MANIFEST.json"), other_head).unwrap();
    assert_eq!(refused(&path), bent, "another head");
    for (n, manifest) in out_of_order.iter().enumerate() {
        assert_ne!(*manifest, good);
        fs::write(path.join("MANIFEST.json"), manifest).unwrap();
        pin_again(&path);
        cover_verify(&path);
        assert_eq!(refused(&path), bent, "{n}");
    }
}

/// The manifest's line of `VERIFY.txt` as that lies now; its other lines stay.
fn cover_verify(path: &Path) {
    let mut manifest = Manifest::parse(&fs::read(path.join("MANIFEST.json")).unwrap()).unwrap();
    let verify = manifest.files.iter_mut().find(|entry| entry.path == "VERIFY.txt").unwrap();
    let bytes = fs::read(path.join("VERIFY.txt")).unwrap();
    (verify.length, verify.sha256) =
        (bytes.len() as u64, target(&bytes)["hashes"]["sha256"].as_str().unwrap().to_owned());
    fs::write(path.join("MANIFEST.json"), manifest.to_file()).unwrap();
}

#[test]
fn target_files_are_the_ones_that_the_metadata_lists() {
    let files = bundle::layout(&contents()).unwrap();
    let app = files[0].0.clone();

    let (_temp, path) = written(&files);
    fs::write(path.join(&app), b"App").unwrap();
    cover(&path);
    assert_eq!(refused(&path), (rules::TARGET_FILE_AS_LISTED, app.clone()));

    let (_temp, path) = written(&files);
    fs::write(path.join(&app), b"appl").unwrap();
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    assert_eq!(refused(&path), (rules::TARGET_FILE_AS_LISTED, app));

    let (_temp, path) = written(&files);
    fs::write(path.join("targets/other"), b"x").unwrap();
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    assert_eq!(refused(&path), (rules::TARGET_FILE_KNOWN, "targets/other".to_owned()));
}

/// Servers keep what was replaced, for clients that are about to ask for it.
#[test]
fn an_earlier_target_under_its_hash_is_remarked_where_it_is_published_and_refused_in_a_bundle() {
    let files = bundle::layout(&contents()).unwrap();
    let (_temp, path) = written(&files);
    let earlier = format!("targets/{}.app", keyrite::words::Digest::of(b"earlier").hex());
    fs::write(path.join(&earlier), b"earlier").unwrap();
    assert_eq!(refused(&path).1, earlier);
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    let pinned = pinned();
    let request = Request { pinned: &pinned, at: now(), scope: Scope::Offline, allow_rehearsal: false };

    let verified = bundle::check(&Dir::open(&path).unwrap(), &request).unwrap().verified;

    let told = format!(
        "targets/: 1 file that no role lists, such as {earlier}: no client asks for what was replaced"
    );
    assert!(verified.remarks.contains(&told), "{:?}", verified.remarks);

    fs::write(path.join(&earlier), b"Earlier").unwrap();
    assert_eq!(refused(&path), (rules::TARGET_FILE_KNOWN, earlier));
}

#[test]
fn a_target_under_a_name_that_no_client_asks_for_is_refused_with_the_right_one_and_a_copy_is_remarked() {
    let files = bundle::layout(&contents()).unwrap();
    let app = files[0].0.clone();
    let (_temp, path) = written(&files);
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    // Without the hash that consistent snapshots put before the name.
    let (folder, name) = app.rsplit_once('/').unwrap();
    let plain = format!("{folder}/{}", name.split_once('.').unwrap().1);
    fs::copy(path.join(&app), path.join(&plain)).unwrap();
    let pinned = pinned();
    let request = Request { pinned: &pinned, at: now(), scope: Scope::Offline, allow_rehearsal: false };

    let verified = bundle::check(&Dir::open(&path).unwrap(), &request).unwrap().verified;

    let copy = format!("{plain}: clients ask for {app} here, which is there too; nobody needs this copy");
    assert!(verified.remarks.contains(&copy), "{:?}", verified.remarks);

    fs::remove_file(path.join(&app)).unwrap();
    let refused = bundle::check(&Dir::open(&path).unwrap(), &request).unwrap_err();
    assert_eq!(refused.to_string(), format!("{plain}: clients ask for {app} here (TARGET-FILE-KNOWN)"));
}

#[test]
fn targets_without_a_file_are_counted_and_are_no_fault() {
    let files = bundle::layout(&contents()).unwrap();
    let pinned = pinned();
    let absent = |path: &Path, scope| {
        let request = Request { pinned: &pinned, at: now(), scope, allow_rehearsal: false };
        bundle::check(&Dir::open(path).unwrap(), &request).unwrap().absent
    };

    let (_temp, path) = written(&files);
    assert_eq!((absent(&path, Scope::Full), absent(&path, Scope::Root)), (0, 0));

    // The file below a folder lies there under two names; either serves a client.
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    let mut tools = files.iter().map(|(path, _)| path).filter(|path| path.ends_with("tool.txt"));
    fs::remove_file(path.join(tools.next().unwrap())).unwrap();
    assert_eq!(absent(&path, Scope::Full), 0);
    fs::remove_file(path.join(tools.next().unwrap())).unwrap();
    assert_eq!((absent(&path, Scope::Full), absent(&path, Scope::Offline)), (1, 1));
    assert_eq!(absent(&path, Scope::Root), 0);
    fs::remove_dir_all(path.join("targets")).unwrap();
    assert_eq!(absent(&path, Scope::Full), 2);
}

/// The delegate's file is not asked for as long as targets speaks for the path, and is there when that changes.
#[test]
fn a_path_that_two_roles_list_lies_there_with_both_files() {
    let mut contents = contents();
    let mut top = world().role("targets").clone();
    top["targets"]["dev/tool.txt"] = target(b"other");
    contents.roles =
        vec![("targets".to_owned(), signed_by(&top, &[4]).to_file().into()), contents.roles.swap_remove(1)];
    contents.targets =
        ["tool", "other"].map(|text| ("dev/tool.txt".to_owned(), text.as_bytes().to_vec().into())).into();

    let (_temp, path) = written(&bundle::layout(&contents).unwrap());

    let pinned = pinned();
    let request = Request { pinned: &pinned, at: now(), scope: Scope::Offline, allow_rehearsal: false };
    assert_eq!(bundle::check(&Dir::open(&path).unwrap(), &request).unwrap().target_files, 4);
}

#[test]
fn a_target_file_is_checked_by_every_hash_that_is_listed() {
    let app = |sha512: &str| {
        let mut contents = contents();
        let mut entry = target(b"app");
        entry["hashes"]["sha512"] = json!(sha512);
        contents.roles = vec![(
            "targets".to_owned(),
            signed_by(&targets(3, json!({"app.txt": entry})), &[4]).file().clone(),
        )];
        contents.targets = [("app.txt".to_owned(), b"app".to_vec().into())].into();
        contents
    };
    let right = hex::encode(<sha2::Sha512 as sha2::Digest>::digest(b"app"));
    let files = bundle::layout(&app(&right)).unwrap();
    assert_eq!(files.iter().filter(|(path, _)| path.starts_with("targets/")).count(), 2);
    let (_temp, path) = written(&files);
    let pinned = pinned();
    let request = Request { pinned: &pinned, at: now(), scope: Scope::Offline, allow_rehearsal: false };
    assert_eq!(bundle::check(&Dir::open(&path).unwrap(), &request).unwrap().target_files, 2);

    assert!(bundle::layout(&app(&"0".repeat(128))).is_err());
    // The same file under a name that promises another SHA-512, as one would who bends a bundle.
    let bent = app(&"0".repeat(128)).roles[0].1.clone();
    fs::write(path.join("metadata/3.targets.json"), &**bent).unwrap();
    fs::remove_file(path.join("MANIFEST.json")).unwrap();
    fs::rename(
        path.join("targets").join(format!("{right}.app.txt")),
        path.join("targets").join(format!("{}.app.txt", "0".repeat(128))),
    )
    .unwrap();
    let refused = bundle::check(&Dir::open(&path).unwrap(), &request).unwrap_err();
    assert_eq!(refused.rule, rules::TARGET_FILE_AS_LISTED);
}

#[test]
fn a_private_key_in_the_tree_is_found_before_anything_else() {
    for (name, bytes) in [
        ("notes.txt", &b"x\n-----BEGIN EC PRIVATE KEY-----\n"[..]),
        ("metadata/x.pub", b"AGE-SECRET-KEY-1X"),
        ("targets/x", b"age-encryption.org/v1\n"),
    ] {
        let (_temp, path) = written(&bundle::layout(&contents()).unwrap());
        fs::write(path.join(name), bytes).unwrap();

        assert_eq!(refused(&path), (rules::NO_PRIVATE_KEY, name.to_owned()));
    }
}

#[test]
fn a_link_is_not_followed() {
    let (temp, path) = written(&bundle::layout(&contents()).unwrap());
    let root = path.join("metadata/1.root.json");
    let elsewhere = temp.path().join("elsewhere.json");
    fs::rename(&root, &elsewhere).unwrap();
    symlink(&elsewhere, &root).unwrap();
    assert_eq!(refused(&path), (rules::PLAIN_FILES, "metadata/1.root.json".to_owned()));

    let flat = TempDir::new().unwrap();
    symlink(&elsewhere, flat.path().join("1.root.json")).unwrap();
    assert_eq!(refused(flat.path()), (rules::PLAIN_FILES, "1.root.json".to_owned()));
    let read = Dir::open(flat.path()).unwrap().read("1.root.json", 1 << 20).unwrap_err();
    assert_eq!(read, "a symbolic link, which is not followed");
}

#[test]
fn a_bare_directory_of_metadata_verifies_too() {
    let temp = TempDir::new().unwrap();
    for (name, bytes) in &world().build().0 {
        fs::write(temp.path().join(name), bytes).unwrap();
    }

    let checked = check(temp.path(), &pinned()).unwrap();

    assert_eq!(checked.manifest, None);
    assert_eq!(checked.verified.trusted.len(), 6);

    fs::write(temp.path().join("ana.age"), "age-encryption.org/v1\n").unwrap();
    assert_eq!(refused(temp.path()), (rules::NO_PRIVATE_KEY, "ana.age".to_owned()));
}

#[test]
fn a_record_beside_its_metadata_is_not_judged() {
    let temp = TempDir::new().unwrap();
    for folder in ["metadata", "keys"] {
        fs::create_dir(temp.path().join(folder)).unwrap();
    }
    for (name, bytes) in &world().build().0 {
        fs::write(temp.path().join("metadata").join(name), bytes).unwrap();
    }
    fs::write(temp.path().join("keys/ana.age"), "age-encryption.org/v1\n").unwrap();

    assert!(check(temp.path(), &pinned()).is_ok());
}

#[test]
fn a_directory_is_read_by_plain_names_alone() {
    let (_temp, path) = written(&bundle::layout(&contents()).unwrap());
    let dir = Dir::open(&path).unwrap();

    for name in ["../MANIFEST.json", "..", "/etc/passwd", "a/b", "a\\b", "a\0"] {
        assert!(dir.read(name, 10).is_err(), "{name}");
    }
    assert_eq!(dir.read("9.root.json", 10), Ok(None));
    assert_eq!(dir.read("1.root.json", 10), Err("larger than 10 bytes".to_owned()));
    assert!(Dir::open(&path.join("MANIFEST.json")).is_err());
    assert!(Dir::open(&path.join("nowhere")).is_err());
}

#[test]
fn a_key_that_lies_across_two_chunks_is_found() {
    let (_temp, path) = written(&bundle::layout(&contents()).unwrap());
    let mark = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAA";
    let mut big = vec![0xff; (1 << 24) - 20];
    big.extend_from_slice(mark);
    big.resize((1 << 24) + 1000, 0xff);
    fs::write(path.join("targets/big"), big).unwrap();

    assert_eq!(refused(&path), (rules::NO_PRIVATE_KEY, "targets/big".to_owned()));
}

#[test]
fn a_rehearsal_says_so_and_is_refused() {
    let mut contents = contents();
    contents.rehearsal = true;
    let files = bundle::layout(&contents).unwrap();
    let (_temp, path) = written(&files);

    assert_eq!(refused(&path), (client::rules::REHEARSAL, "MANIFEST.json".to_owned()));
    assert!(files.iter().any(|file| file.0 == "VERIFY.txt"
        && String::from_utf8_lossy(bytes(file)).contains("# REHEARSAL: nobody may trust these files.")));
}

/// `bash VERIFY.txt` with openssl, sed and coreutils on the path, and nothing else.
fn instructions_hold(path: &Path) -> bool {
    instructions_say(path, &[]).is_ok()
}

/// What it says of these digests: that all holds, or why it failed.
pub(crate) fn instructions_say(path: &Path, digests: &[&str]) -> Result<String, String> {
    let tools = TempDir::new().unwrap();
    for tool in ["openssl", "sed", "sha256sum", "mktemp", "head", "cat", "rm"] {
        symlink(Path::new("/usr/bin").join(tool), tools.path().join(tool)).unwrap();
    }
    let done = Command::new("/bin/bash")
        .arg("VERIFY.txt")
        .args(digests)
        .current_dir(path)
        .env_clear()
        .env("PATH", tools.path())
        .env("TMPDIR", tools.path())
        .output()
        .unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    let (said, err) =
        (out.ends_with("\nALL CHECKS HOLD\n"), String::from_utf8_lossy(&done.stderr).into_owned());
    assert_eq!(said, done.status.success(), "{out}{err}");
    if said { Ok(out) } else { Err(out + &err) }
}

/// A signer of each scheme; RSA by openssl, as no program of ours makes RSA signatures.
struct Signers {
    p256: p256::ecdsa::SigningKey,
    p384: p384::ecdsa::SigningKey,
    rsa: PathBuf,
    _temp: TempDir,
}

impl Signers {
    fn new() -> Self {
        let temp = TempDir::new().unwrap();
        let rsa = temp.path().join("rsa");
        let done = Command::new("openssl").args(["genrsa", "-out"]).arg(&rsa).arg("2048").output().unwrap();
        assert!(done.status.success());
        Self {
            p256: p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap(),
            p384: p384::ecdsa::SigningKey::from_slice(&[1; 48]).unwrap(),
            rsa,
            _temp: temp,
        }
    }

    fn keys(&self) -> [PublicKey; 3] {
        let point = |bytes: &[u8]| PublicKey::read(hex::encode(bytes).as_bytes()).unwrap();
        let rsa = Command::new("openssl").args(["rsa", "-pubout", "-in"]).arg(&self.rsa).output().unwrap();
        [
            point(&self.p256.verifying_key().to_sec1_bytes()),
            point(&self.p384.verifying_key().to_sec1_bytes()),
            PublicKey::read(&rsa.stdout).unwrap(),
        ]
    }

    fn sign(&self, metadata: &mut Metadata, salt: &str) {
        let payload = metadata.payload().to_vec();
        let p256: p256::ecdsa::Signature = self.p256.sign(&payload);
        let p384: p384::ecdsa::Signature = self.p384.sign(&payload);
        let [k256, k384, krsa] = self.keys();
        let file = self.rsa.with_extension("payload");
        fs::write(&file, &payload).unwrap();
        let rsa = Command::new("openssl")
            .args(["dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", salt, "-sign"])
            .args([&self.rsa, &file])
            .output()
            .unwrap();
        for (key, sig) in
            [(k256, p256.to_der().as_bytes()), (k384, p384.to_der().as_bytes()), (krsa, &rsa.stdout[..])]
        {
            key.verify(&payload, sig).unwrap();
            key.verify(b"another payload", sig).unwrap_err();
            let mut bent = sig.to_vec();
            *bent.last_mut().unwrap() ^= 1;
            key.verify(&payload, &bent).unwrap_err();
            metadata.add(Signature { keyid: key.keyid(), sig: hex::encode(sig) });
        }
    }
}

/// A bundle whose roots have a key of every scheme, with every character that JSON escapes.
fn many_schemes() -> Contents {
    let signers = Signers::new();
    let keys = signers.keys();
    assert_eq!(
        keys.clone().map(|k| k.scheme()),
        [Scheme::EcdsaP256, Scheme::EcdsaP384, Scheme::RsaPssSha256]
    );
    let with_keys = |version: u64| {
        let mut signed = root(version, &[1, 2], 4);
        for key in &keys {
            let keyid = key.keyid().0;
            signed["keys"][keyid.as_str()] = key.to_json().clone();
            signed["roles"]["root"]["keyids"].as_array_mut().unwrap().push(Value::from(keyid));
        }
        signed["x-note"] = json!("C:\\new\\\\n \"quoted\"\t\r\n\u{1f} \\u0009 & / é");
        signed
    };
    let mut contents = contents();
    contents.roots.clear();
    for (version, salt) in [(1, "rsa_pss_saltlen:32"), (2, "rsa_pss_saltlen:max")] {
        let mut metadata = signed_by(&with_keys(version), &[1]);
        signers.sign(&mut metadata, salt);
        contents.roots.push(metadata.to_file().into());
    }
    contents
}

#[test]
fn anyone_can_check_a_bundle_with_openssl_and_coreutils_alone() {
    let contents = many_schemes();
    let (_temp, path) = written(&bundle::layout(&contents).unwrap());
    assert!(instructions_hold(&path));
    assert_eq!(check(&path, &contents.roots[0]).unwrap().verified.trusted[1].signed_by.len(), 4);

    // Each of these is bent behind the manifest's back, so that only a signature can tell.
    for (file, from, to) in [
        ("metadata/1.root.json", "\"threshold\":4", "\"threshold\":1"),
        ("metadata/2.root.json", "C:\\\\new", "C:\\new"),
        ("metadata/2.root.json", "\\\\u0009 &", "\\u0009 &"),
        ("metadata/2.root.json", "\"sig\":\"30", "\"sig\":\"31"),
        ("metadata/3.targets.json", "\"length\":3", "\"length\":4"),
        ("metadata/timestamp.json", "\"version\":9", "\"version\":8"),
        // The delegate, and who targets says it is.
        ("metadata/2.dev.json", "\"version\":2", "\"version\":3"),
        ("metadata/2.dev.json", "\"sig\":\"", "\"sig\":\"00"),
        ("metadata/3.targets.json", "\"paths\":[\"dev/", "\"paths\":[\"any/"),
    ] {
        let (_temp, path) = written(&bundle::layout(&contents).unwrap());
        let text = fs::read_to_string(path.join(file)).unwrap();
        let bent = text.replacen(from, to, 1);
        assert_ne!(bent, text);
        fs::write(path.join(file), bent).unwrap();
        cover(&path);

        assert!(!instructions_hold(&path), "{file} {to}");
    }
    let (_temp, path) = written(&bundle::layout(&contents).unwrap());
    let text = fs::read_to_string(path.join("VERIFY.txt")).unwrap();
    // Four keys sign version 1, and 2 for the keys of 1, and 2 for its own; one key each signs the four others.
    let signed = |line: &&str| ["ed25519 ", "ecdsa ", "rsa "].iter().any(|tool| line.starts_with(tool));
    assert_eq!(text.lines().filter(signed).count(), 16);
    assert_eq!(text.lines().filter(|line| line.starts_with("enough ")).count(), 7);
    fs::write(path.join("metadata/1.root.json"), b"{}").unwrap();
    assert!(!instructions_hold(&path));
}

#[test]
fn a_file_of_another_program_is_kept_as_it_is_and_the_instructions_say_what_they_cannot_check() {
    let mut contents = contents();
    let root = Metadata::parse(&contents.roots[1]).unwrap();
    let pretty = json!({"signed": root.signed(), "signatures": root.signatures()});
    contents.roots[1] = serde_json::to_vec_pretty(&pretty).unwrap().into();
    let files = bundle::layout(&contents).unwrap();
    let (_temp, path) = written(&files);

    assert_eq!(fs::read(path.join("metadata/1.root.json")).unwrap(), contents.roots[1][..]);
    assert!(check(&path, &contents.roots[1]).is_ok());
    assert!(instructions_hold(&path));
    let text = fs::read_to_string(path.join("VERIFY.txt")).unwrap();
    assert!(text.contains("# metadata/1.root.json was written by another program"), "{text}");
}

#[test]
fn no_text_from_metadata_becomes_a_command() {
    let mut contents = contents();
    let mut signed = Metadata::parse(&contents.roots[1]).unwrap().signed().clone();
    let label = "a; touch pwned #";
    signed["keys"][label] = public(11).to_json().clone();
    signed["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(label));
    let mut metadata = signed_by(&signed, &[1, 2]);
    let mut odd = signed_by(&signed, &[11]).signatures()[0].clone();
    odd.keyid = keyrite::tuf::KeyId(label.to_owned());
    metadata.add(odd);
    contents.roots = vec![metadata.to_file().into()];
    contents.roles.clear();
    contents.targets.clear();
    contents.ceremony = "x\ntouch pwned".to_owned();
    contents.journal_head = "`touch pwned`\r\ntouch pwned".to_owned();
    let (_temp, path) = written(&bundle::layout(&contents).unwrap());

    assert!(instructions_hold(&path));
    assert!(!path.join("pwned").exists());
}
