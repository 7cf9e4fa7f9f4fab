//! Fast-forward recovery: what python-tuf forgets of an earlier visit, and what is said beforehand.

use std::fs;
use std::path::Path;

use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::Verified;
use keyrite::tuf::client::verify_after;
use keyrite::tuf::diff;
use serde_json::Value;
use serde_json::json;

use super::desk::*;
use crate::common::peers::python_tuf_walks;
use crate::tuf::world::*;

/// Versions of timestamp, snapshot, targets and dev.
type Versions = [u64; 4];

/// What clients saw before.
const SEEN: Versions = [1000, 100, 10, 5];

/// A change of root's online keys with what is published after it.
struct Case {
    name: &'static str,
    /// The keys of timestamp and how many must sign, and the keys of snapshot.
    timestamp: (&'static [u8], u32),
    snapshot: &'static [u8],
    versions: Versions,
    /// What is said of the two roots.
    says: &'static str,
    /// Whether a client of python-tuf that was here before takes it.
    taken: bool,
}

const BOTH: &str = "forget it, and take lower versions once";
const TIMESTAMP: &str = "take lower versions of timestamp and snapshot once";
const SNAPSHOT: &str = "no fast-forward recovery of timestamp and snapshot";
const NEITHER: &str = "no fast-forward recovery: ";

const CASES: [Case; 10] = [
    Case {
        name: "both keys are replaced",
        timestamp: (&[9], 1),
        snapshot: &[10],
        versions: [1, 1, 1, 1],
        says: BOTH,
        taken: true,
    },
    Case {
        name: "timestamp's key is replaced, and no role is older",
        timestamp: (&[9], 1),
        snapshot: &[5],
        versions: [1, 1, 10, 5],
        says: TIMESTAMP,
        taken: true,
    },
    Case {
        name: "timestamp's key is replaced, and a role is older",
        timestamp: (&[9], 1),
        snapshot: &[5],
        versions: [1, 1, 9, 5],
        says: TIMESTAMP,
        taken: false,
    },
    Case {
        name: "one more timestamp key, and both must sign",
        timestamp: (&[6, 9], 2),
        snapshot: &[5],
        versions: [1, 1, 10, 5],
        says: TIMESTAMP,
        taken: true,
    },
    Case {
        name: "snapshot's key is replaced, and snapshot is older",
        timestamp: (&[6], 1),
        snapshot: &[10],
        versions: [1001, 1, 10, 5],
        says: SNAPSHOT,
        taken: false,
    },
    Case {
        name: "snapshot's key is replaced, and timestamp is older",
        timestamp: (&[6], 1),
        snapshot: &[10],
        versions: [999, 101, 10, 5],
        says: SNAPSHOT,
        taken: false,
    },
    Case {
        name: "snapshot's key is replaced, and timestamp stays at its version",
        timestamp: (&[6], 1),
        snapshot: &[10],
        versions: [1000, 101, 10, 5],
        says: SNAPSHOT,
        taken: false,
    },
    Case {
        name: "snapshot's key is replaced, and versions go on",
        timestamp: (&[6], 1),
        snapshot: &[10],
        versions: [1001, 101, 10, 5],
        says: SNAPSHOT,
        taken: true,
    },
    Case {
        name: "one more timestamp key, and timestamp is older",
        timestamp: (&[6, 9], 1),
        snapshot: &[5],
        versions: [1, 101, 10, 5],
        says: NEITHER,
        taken: false,
    },
    Case {
        name: "one more timestamp key, and versions go on",
        timestamp: (&[6, 9], 1),
        snapshot: &[5],
        versions: [1001, 101, 10, 5],
        says: NEITHER,
        taken: true,
    },
];

fn state(roots: Vec<(Value, Vec<u8>)>, versions: Versions) -> World {
    let mut world = World { roots, ..world() };
    world.timestamp.0["version"] = json!(versions[0]);
    world.snapshot.0["version"] = json!(versions[1]);
    world.role("targets")["version"] = json!(versions[2]);
    world.role("dev")["version"] = json!(versions[3]);
    world
}

fn seen() -> World {
    state(world().roots, SEEN)
}

impl Case {
    fn published(&self) -> World {
        let mut roots = world().roots;
        let (mut root, signers) = roots[1].clone();
        bump(&mut root);
        for key in self.timestamp.0.iter().chain(self.snapshot) {
            root["keys"][&keyids(&[*key])[0]] = public(*key).to_json().clone();
        }
        root["roles"]["timestamp"] =
            json!({"keyids": keyids(self.timestamp.0), "threshold": self.timestamp.1});
        root["roles"]["snapshot"]["keyids"] = json!(keyids(self.snapshot));
        roots.push((root, signers));
        let mut world = state(roots, self.versions);
        world.timestamp.1 = self.timestamp.0.to_vec();
        world.snapshot.1 = self.snapshot.to_vec();
        world
    }
}

fn after(own: &Set, set: &Set) -> Verified {
    let request =
        Request { pinned: &set.0["1.root.json"], at: now(), scope: Scope::Full, allow_rehearsal: false };
    verify_after(set, &request, Some(own)).unwrap()
}

/// Whether a remark says that python-tuf refuses what the specification lets through.
fn remarked(verified: &Verified) -> bool {
    verified.remarks.iter().any(|remark| remark.starts_with("python-tuf refuses this: "))
}

fn write(set: &Set, to: &Path) {
    fs::create_dir_all(to.join("metadata")).unwrap();
    for (name, bytes) in &set.0 {
        fs::write(to.join("metadata").join(name), bytes).unwrap();
    }
}

#[test]
fn verify_remarks_where_python_tuf_forgets_less_than_the_specification() {
    for case in &CASES {
        let verified = after(&seen().build(), &case.published().build());

        assert_eq!(!remarked(&verified), case.taken, "{}: {:?}", case.name, verified.remarks);
        assert!(verified.remarks[0].ends_with("forgotten"), "{}: {:?}", case.name, verified.remarks);
    }
}

#[test]
fn a_diff_promises_lower_versions_only_where_what_was_stored_verifies_no_more() {
    for case in &CASES {
        let (old, new) = (seen().build(), case.published().build());
        let section =
            diff::files(None, &old.0["2.root.json"], &new.0["3.root.json"], &Names::default()).unwrap();

        let words = section.consequences.iter().find(|said| said.words.contains("fast-forward"));
        let words = &words.unwrap().words;
        assert!(words.contains(case.says), "{}: {words}", case.name);
    }
}

#[test]
fn python_tuf_takes_lower_versions_where_it_is_said_and_nowhere_else() {
    for case in &CASES {
        let dir = tempfile::tempdir().unwrap();
        write(&seen().build(), &dir.path().join("seen"));
        write(&case.published().build(), &dir.path().join("published"));
        let visit = |site: &str| json!({"site": dir.path().join(site), "at": NOW, "targets": {}});
        let pinned = dir.path().join("seen/metadata/1.root.json");
        let walks = json!([{"pinned": pinned, "visits": [visit("seen"), visit("published")]}]);
        let file = dir.path().join("walks.json");
        fs::write(&file, walks.to_string()).unwrap();

        let Some(said) = python_tuf_walks(&file) else { return };

        assert_eq!(said.is_ok(), case.taken, "{}: {said:?}", case.name);
    }
}

#[test]
fn a_timestamp_that_the_new_keys_signed_before_is_kept_too() {
    // Root 3 replaces timestamp's key, and the server had both keys sign in the meantime.
    let mut both = seen();
    both.timestamp.1 = vec![6, 9];

    let verified = after(&both.build(), &CASES[1].published().build());

    assert!(remarked(&verified), "{:?}", verified.remarks);
}

#[test]
fn other_content_under_a_version_that_clients_have_is_remarked() {
    let remarks = |bend: fn(&mut World)| {
        let mut other = next(world());
        for signed in [&mut other.snapshot.0, &mut other.timestamp.0] {
            bump(signed);
        }
        bend(&mut other);
        after(&next(world()).build(), &other.build()).remarks
    };
    let said = |file: &str, version: u64| {
        vec![format!(
            "{file}: other content under the same version {version} as the trusted one: clients that have it may keep \
             the old"
        )]
    };

    assert_eq!(remarks(|_| {}), [""; 0]);
    assert_eq!(remarks(|world| world.role("targets")["x-note"] = json!("other")), said("4.targets.json", 4));
    assert_eq!(remarks(|world| world.role("dev")["x-note"] = json!("other")), said("2.dev.json", 2));
    assert_eq!(
        remarks(|world| {
            world.snapshot.0["version"] = json!(6);
            world.snapshot.0["x-note"] = json!("other");
        }),
        said("6.snapshot.json", 6)
    );
}

#[test]
fn another_timestamp_of_a_trusted_version_is_named_where_what_the_trusted_one_lists_is_gone() {
    let own = next(world()).build();
    let mut other = next(next(world()));
    other.timestamp.0["version"] = json!(10);
    let set = other.build();
    let timestamp = Metadata::parse(&own.0["timestamp.json"]).unwrap();
    assert_eq!(timestamp.signed()["version"], 10);
    let request =
        Request { pinned: &set.0["1.root.json"], at: now(), scope: Scope::Full, allow_rehearsal: false };

    let refused = verify_after(&set, &request, Some(&own)).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "timestamp.json: it differs from the trusted timestamp of the same version 10, which clients keep, and what \
         that one lists does not hold here: 6.snapshot.json: there is no such file (TIMESTAMP-ONE-PER-VERSION)"
    );
}
