//! What python-tuf refuses and the specification does not: `verify` remarks it, and python-tuf is asked.

use std::fs;
use std::path::PathBuf;

use keyrite::tuf::client::rules;
use serde_json::Value;
use serde_json::json;

use super::desk::*;
use crate::common::peers::python_tuf_judges;
use crate::tuf::world::*;

/// Files that only python-tuf refuses, each with the remark.
fn refused_by_python_tuf() -> Vec<(Set, &'static str)> {
    let bent = |bend: fn(&mut World)| {
        let mut world = world();
        bend(&mut world);
        world.build()
    };
    let listed = |bend: fn(&mut Value)| {
        let (world, mut set) = (world(), world().build());
        let mut snapshot = snapshot_of(&set);
        bend(&mut snapshot["meta"]["targets.json"]);
        publish_snapshot(&world, &mut set, &snapshot);
        set
    };
    vec![
        (
            bent(|world| {
                world.roots[1].0["roles"]["mirrors"] = json!({"keyids": keyids(&[4]), "threshold": 1});
            }),
            "2.root.json: root has a role \"mirrors\" beside the four",
        ),
        (
            bent(|world| world.timestamp.0["expires"] = json!("2026-12-31T23:59:60Z")),
            "timestamp.json: it expires at a leap second, 2026-12-31T23:59:60Z",
        ),
        (
            bent(|world| world.role("targets")["delegations"] = Value::Null),
            "3.targets.json: delegations is null",
        ),
        (
            bent(|world| {
                let role = &mut world.role("targets")["delegations"]["roles"][0];
                role.as_object_mut().unwrap().remove("terminating");
            }),
            "3.targets.json: the delegation to \"dev\" lacks terminating",
        ),
        (
            listed(|entry| entry["length"] = Value::Null),
            "5.snapshot.json: the length of \"targets.json\" is null",
        ),
        (
            listed(|entry| entry["hashes"] = json!({})),
            "5.snapshot.json: the hashes of \"targets.json\" are none, and stand there",
        ),
        (
            listed(|entry| entry["hashes"]["md5"] = json!("00".repeat(16))),
            "5.snapshot.json: the md5 of \"targets.json\" is not looked at here, and python-tuf refuses the file unless it holds",
        ),
        (
            listed(|entry| {
                let upper = entry["hashes"]["sha256"].as_str().unwrap().to_uppercase();
                entry["hashes"]["sha256"] = json!(upper);
            }),
            "5.snapshot.json: the sha256 of \"targets.json\" has upper-case letters",
        ),
        (
            bent(|world| world.timestamp.0["x-note"] = json!("x".repeat(16_000))),
            "timestamp.json: 16384 bytes or more",
        ),
    ]
}

#[test]
fn what_only_python_tuf_refuses_is_remarked() {
    for (set, remark) in refused_by_python_tuf() {
        let remarks = set.verify().unwrap().remarks;

        let (file, what) = remark.split_once(": ").unwrap();
        let said: Vec<&String> = remarks.iter().filter(|said| said.contains("python-tuf refuses ")).collect();
        assert_eq!(said.len(), 1, "{remark}: {remarks:?}");
        let expected =
            if what.ends_with("or more") { "bytes, and it loads 16384 of a timestamp" } else { what };
        assert!(said[0].contains(file) && said[0].ends_with(expected), "{remark}: {said:?}");
    }
    assert_eq!(world().build().verify().unwrap().remarks, [""; 0]);
}

#[test]
fn python_tuf_refuses_what_is_remarked() {
    let dir = tempfile::tempdir().unwrap();
    let cases = refused_by_python_tuf();
    let visit = |nth: usize, set: &Set| -> (PathBuf, &str) {
        let to = dir.path().join(nth.to_string());
        fs::create_dir_all(to.join("metadata")).unwrap();
        for (name, bytes) in &set.0 {
            fs::write(to.join("metadata").join(name), bytes).unwrap();
        }
        (to, "app.txt")
    };
    let visits: Vec<_> = cases.iter().enumerate().map(|(nth, (set, _))| visit(nth, set)).collect();

    let Some(said) = python_tuf_judges(&visits, NOW) else { return };

    for ((_, remark), said) in cases.iter().zip(said) {
        // Not for a file that is not there.
        assert!(said.as_ref().is_err_and(|said| !said.contains("DownloadHTTPError")), "{remark}: {said:?}");
    }
}

#[test]
fn a_spec_version_is_two_or_three_numbers_that_begin_with_1() {
    for (text, good) in
        [("1.0.31", true), ("1.0", true), ("1", false), ("1.0.0.1", false), ("1.x.y", false), ("1.", false)]
    {
        let mut bent = world();
        bent.timestamp.0["spec_version"] = json!(text);

        let verified = bent.build().verify();

        let rule = verified.err().map(|refused| refused.rule);
        assert_eq!(rule, (!good).then_some(rules::METADATA_FORMAT), "{text}");
    }
}

#[test]
fn a_signature_that_cannot_be_verified_here_is_said_to_be_one() {
    let key = json!({"keytype": "rsa", "scheme": "rsassa-pss-sha384", "keyval": {"public": "x"}});
    let mut bent = world();
    bent.roots[1].0["keys"]["ab"] = key.clone();
    bent.roots[1].0["roles"]["targets"]["keyids"] = json!(["ab"]);
    let mut set = bent.build();
    let mut targets = signed_by(bent.role("targets"), &[]);
    targets
        .add(keyrite::tuf::Signature { keyid: keyrite::tuf::KeyId("ab".to_owned()), sig: "00".to_owned() });
    set.put("3.targets.json", &targets);
    let mut snapshot = snapshot_of(&set);
    snapshot["meta"]["targets.json"] = json!({"version": 3});
    publish_snapshot(&bent, &mut set, &snapshot);

    let refused = set.verify().unwrap_err();

    assert_eq!(
        refused.to_string(),
        "3.targets.json: 0 of 1 keys signed, counting the keys of root; the key ab has the scheme \
         \"rsassa-pss-sha384\", which cannot be verified here (THRESHOLD)"
    );
}
