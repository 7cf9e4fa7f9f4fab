//! Real metadata that other projects published. `KEYRITE_VECTORS` says where it lies; without it these tests say so
//! and pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::tuf::Date;
use keyrite::tuf::Metadata;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::Verified;
use keyrite::tuf::client::rules;
use keyrite::tuf::client::verify;
use keyrite::tuf::root::Root;
use serde_json::Value;

use super::world::Set;

/// The folder; `None` when the variable is unset. A folder that is not there is a failure.
pub(crate) fn vectors() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("KEYRITE_VECTORS").map(PathBuf::from) else {
        println!("KEYRITE_VECTORS is not set: the vectors were left out");
        return None;
    };
    assert!(path.is_dir(), "KEYRITE_VECTORS names {}, which is no folder", path.display());
    Some(path)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn set(dir: &Path) -> Set {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    Set(files.map(|path| (name(&path), fs::read(&path).unwrap())).collect())
}

fn run(set: &Set, pinned: &str, at: &str, scope: Scope) -> Result<Verified, keyrite::tuf::client::Refused> {
    let at = Date::parse_lenient(at).unwrap();
    verify(set, &Request { pinned: &set.0[pinned], at, scope, allow_rehearsal: false })
}

#[test]
fn sigstore_roots_1_to_16_are_one_chain() {
    let Some(vectors) = vectors() else { return };
    let expected = json(&vectors.join("EXPECTED-root-chains.json"));
    let set = set(&vectors.join("sigstore-root-signing/root_history"));

    let verified = run(&set, "1.root.json", "2026-11-20T00:00:00Z", Scope::Root).unwrap();

    let expected = expected["sigstore-root-signing"].as_array().unwrap();
    assert_eq!(verified.trusted.len(), expected.len());
    for (trusted, expected) in verified.trusted.iter().zip(expected) {
        assert_eq!(trusted.file, expected["file"]);
        assert_eq!(trusted.version, expected["version"]);
        assert_eq!(trusted.expires, expected["expires"]);
        assert_eq!(trusted.threshold, expected["new_threshold"]);
        assert_eq!(trusted.signed_by.len() as u64, expected["new_valid_unique_keys"], "{}", trusted.file);
    }
    assert!(
        verified.remarks.iter().any(|r| r.starts_with("11.root.json: keyid 7247f0")),
        "{:?}",
        verified.remarks
    );

    let late = run(&set, "1.root.json", "2028-01-01T00:00:00Z", Scope::Root).unwrap_err();
    assert_eq!((late.rule, late.file.as_str()), (rules::NOT_EXPIRED, "16.root.json"));
}

#[test]
fn sigstore_signatures_by_the_old_keys_are_counted_as_expected() {
    let Some(vectors) = vectors() else { return };
    let expected = json(&vectors.join("EXPECTED-root-chains.json"));
    let set = set(&vectors.join("sigstore-root-signing/root_history"));
    let read = |version: u64| Metadata::parse(&set.0[&format!("{version}.root.json")]).unwrap();

    for expected in &expected["sigstore-root-signing"].as_array().unwrap()[1..] {
        let version = expected["version"].as_u64().unwrap();
        let old = Root::from_signed(read(version - 1).signed()).unwrap().role_keys("root").unwrap();
        let new = read(version);

        let signed = old.signed_by(new.payload(), new.signatures()).len() as u64;

        assert_eq!(signed, expected["old_valid_unique_keys"], "{version}");
    }
}

#[test]
fn partially_signed_roots_have_the_expected_counts() {
    let Some(vectors) = vectors() else { return };
    let expected = json(&vectors.join("EXPECTED-partial-roots.json"));
    let folder = vectors.join("sigstore-root-signing/partial_signing_sequences");

    for expected in expected.as_array().unwrap() {
        let file = expected["file"].as_str().unwrap();
        let metadata = Metadata::parse(&fs::read(folder.join(file)).unwrap()).unwrap();
        let mut signed = metadata.signed().clone();
        // Staging files have version 0, which no published root may have.
        signed["version"] = signed["version"].as_u64().unwrap().max(1).into();
        let keys = Root::from_signed(&signed).unwrap().role_keys("root").unwrap();

        let counted = keys.signed_by(metadata.payload(), metadata.signatures()).len() as u64;

        assert_eq!(counted, expected["valid_unique_keys"], "{file}");
        assert_eq!(keys.threshold, expected["threshold"], "{file}");
    }
}

#[test]
fn sigstore_states_of_many_days_verify_as_expected() {
    let Some(vectors) = vectors() else { return };
    let mut states: Vec<PathBuf> =
        fs::read_dir(vectors.join("bundles/sigstore")).unwrap().map(|e| e.unwrap().path()).collect();
    states.sort();
    assert!(states.len() >= 8);
    for state in states {
        let expected = json(&state.join("expected.json"));
        let set = set(&state.join("metadata"));

        let answer = run(&set, "1.root.json", expected["reference_time"].as_str().unwrap(), Scope::Full);

        match (answer, expected["python_tuf"].as_str().unwrap()) {
            (Ok(verified), "VALID") => {
                let found: BTreeMap<&str, u64> =
                    verified.trusted.iter().map(|t| (t.role.as_str(), t.version)).collect();
                for (role, version) in expected["versions"].as_object().unwrap() {
                    assert_eq!(Some(found[role.as_str()]), version.as_u64(), "{} {role}", state.display());
                }
                assert!(!verified.targets.is_empty());
            }
            (Err(refused), why) if why.contains("LengthOrHashMismatch") => {
                assert_eq!(refused.rule, rules::HASHES_AS_LISTED);
            }
            (answer, why) => panic!("{}: {why}, and we say {answer:?}", state.display()),
        }
    }
}

#[test]
fn a_stale_sigstore_state_is_expired() {
    let Some(vectors) = vectors() else { return };
    let set = set(&vectors.join("bundles/sigstore/2026-05-24/metadata"));

    let refused = run(&set, "1.root.json", "2026-11-19T00:00:00Z", Scope::Full).unwrap_err();

    assert_eq!((refused.rule, refused.file.as_str()), (rules::NOT_EXPIRED, "timestamp.json"));
}

#[test]
fn roots_with_one_thing_wrong_are_refused_and_the_others_verify() {
    let Some(vectors) = vectors() else { return };
    let folder = vectors.join("tough-tests-data");
    for (name, expected) in [
        ("simple-rsa", Ok(())),
        ("hex-encoded-ecdsa-sig-keys", Ok(())),
        ("pem-encoded-ecdsa-sig-keys", Ok(())),
        ("ecdsa-new-type-sig-keys", Ok(())),
        ("no-root-json-signatures", Err(rules::PINNED_ROOT_SIGNED)),
        ("invalid-root-json-signature", Err(rules::PINNED_ROOT_SIGNED)),
        ("duplicate-sigs", Err(rules::KEYID_SIGNS_ONCE)),
        ("duplicate-sig-keys", Err(rules::KEYID_SIGNS_ONCE)),
        ("duplicate-keyid", Err(rules::METADATA_FORMAT)),
    ] {
        let set = set(&folder.join(name));

        let answer = run(&set, "root.json", "2018-01-01T00:00:00Z", Scope::Root);

        assert_eq!(answer.map(drop).map_err(|r| r.rule), expected, "{name}");
    }
}

#[test]
fn repositories_of_other_tools_verify() {
    let Some(vectors) = vectors() else { return };
    for name in ["tuf-reference-impl", "consistent-snapshots", "dubious-role-names", "safe-target-paths"] {
        let set = set(&vectors.join("tough-tests-data").join(name).join("metadata"));
        let answer = run(&set, "1.root.json", "2019-01-01T00:00:00Z", Scope::Full);
        assert!(answer.is_ok(), "{name}: {answer:?}");
    }
    let set1 = set(&vectors.join("tough-tests-data/expired-repository/metadata"));
    let refused = run(&set1, "1.root.json", "2026-01-01T00:00:00Z", Scope::Full).unwrap_err();
    assert_eq!(refused.rule, rules::NOT_EXPIRED);
    let set2 = set(&vectors.join("tough-tests-data/rotated-root"));
    assert!(run(&set2, "1.root.json", "2019-01-01T00:00:00Z", Scope::Full).is_ok());
}

#[test]
fn github_roots_verify_though_their_keyids_leave_fields_out() {
    let Some(vectors) = vectors() else { return };
    for entry in fs::read_dir(vectors.join("github-cli/root")).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        let set = Set([("root.json".to_owned(), file)].into());

        let verified = run(&set, "root.json", "2024-03-05T00:00:00Z", Scope::Root).unwrap();

        let hashes = verified.remarks.iter().filter(|r| r.contains("is not the hash")).count();
        assert_eq!(hashes, 0, "{:?}", verified.remarks);
    }
}

#[test]
fn bottlerocket_roots_with_rsa_keys_verify() {
    let Some(vectors) = vectors() else { return };
    let mut verified = 0;
    for entry in fs::read_dir(vectors.join("bottlerocket")).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        let metadata = Metadata::parse(&file).unwrap();
        let root = Root::from_signed(metadata.signed()).unwrap();
        let keys = root.role_keys("root").unwrap();
        assert!(root.keys.values().any(|key| key.scheme() == keyrite::tuf::Scheme::RsaPssSha256));

        verified += usize::from(keys.verify(metadata.payload(), metadata.signatures()).is_ok());
    }
    assert!(verified >= 2, "{verified}");
}

#[test]
fn repositories_of_tuf_on_ci_are_read_and_written_without_a_loss() {
    let Some(vectors) = vectors() else { return };
    let mut roots = 0;
    for state in fs::read_dir(vectors.join("tuf-on-ci/expected")).unwrap() {
        for (name, file) in set(&state.unwrap().path().join("metadata")).0 {
            let metadata = Metadata::parse(&file).unwrap();
            let again = Metadata::parse(&metadata.to_file()).unwrap();
            assert_eq!(again.payload(), metadata.payload(), "{name}");
            let mut signed: Value = serde_json::from_slice::<Value>(&file).unwrap()["signed"].take();
            let written = match metadata.role_type() {
                "root" => Root::from_signed(&signed).unwrap().to_signed(),
                "targets" => keyrite::tuf::targets::Targets::read(&metadata).unwrap().to_signed(),
                "snapshot" => keyrite::tuf::snapshot::Snapshot::from_signed(&signed).unwrap().to_signed(),
                _ => keyrite::tuf::timestamp::Timestamp::from_signed(&signed).unwrap().to_signed(),
            };
            // The one member that we write in our own words.
            signed["spec_version"] = written["spec_version"].clone();
            assert_eq!(written, signed, "{name}");
            roots += usize::from(name.ends_with("root.json"));
        }
    }
    assert!(roots >= 8);
}
