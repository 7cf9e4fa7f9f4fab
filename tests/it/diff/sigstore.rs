//! Sixteen roots that another project published, each against the next. `KEYRITE_VECTORS` says where they lie.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use keyrite::tuf::Names;
use keyrite::tuf::diff;
use keyrite::tuf::diff::Section;

/// The folder; without the variable the tests are left out with a line, and in CI they fail.
fn vectors() -> Option<PathBuf> {
    let path = std::env::var_os("KEYRITE_VECTORS").map(PathBuf::from);
    if path.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "KEYRITE_VECTORS is not set in CI");
        println!("KEYRITE_VECTORS is not set: the roots of Sigstore were left out");
    }
    Some(path?.join("sigstore-root-signing/root_history"))
}

fn pair(folder: &std::path::Path, old: u64) -> Section {
    let read = |version: u64| fs::read(folder.join(format!("{version}.root.json"))).unwrap();
    diff::files(None, &read(old), &read(old + 1), &Names::default()).unwrap()
}

/// The golden file holds what we derive, and nothing of what they wrote.
#[test]
fn sigstore_roots_differ_from_the_next_as_written_down() {
    let Some(folder) = vectors() else { return };
    let mut text = String::new();
    for version in 1..16 {
        let section = pair(&folder, version);
        for line in section.lines() {
            writeln!(text, "{line}").unwrap();
        }
        for follows in &section.consequences {
            writeln!(text, "=> {}: {}", follows.role, follows.words).unwrap();
        }
        for reach in &section.reach {
            let (old, new) = (&reach.old, &reach.new);
            let counts = format!("{} of {} and {} of {}", old.by.len(), old.need, new.by.len(), new.need);
            writeln!(text, "{} reaches {}: {}, by {counts}\n", reach.from, reach.to, reach.reached).unwrap();
        }
    }

    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/diff"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("sigstore-roots", text);
    });
}

/// Version 11 kept the keyid of an entry that it edited; version 12 gave the same key the keyid that belongs to it.
#[test]
fn the_edited_entry_of_sigstore_11_is_found_and_its_repair_in_12() {
    let Some(folder) = vectors() else { return };

    let (eleven, twelve) = (pair(&folder, 10), pair(&folder, 11));

    let loud: Vec<_> = eleven.changes.iter().filter(|change| change.alarm).collect();
    assert_eq!(loud.iter().map(|change| &*change.role).collect::<Vec<_>>(), ["snapshot", "timestamp"]);
    for change in loud {
        assert!(
            change
                .line
                .ends_with("KEY BYTES CHANGED under an unchanged keyid: the same key, its entry edited")
        );
        assert!(change.words.contains("it is not the hash of the new entry"), "{}", change.words);
    }
    let lines: Vec<&str> = twelve.lines().collect();
    assert_eq!(
        lines[2..],
        [
            "snapshot: key 7247f0db: keyid 7247f0db -> 0c87432c",
            "timestamp: key 7247f0db: keyid 7247f0db -> 0c87432c"
        ]
    );
    assert!(twelve.changes.iter().all(|change| !change.alarm));
}

/// Each of the sixteen is reached from the one before, and from no other.
#[test]
fn sigstore_roots_reach_the_next_and_no_other() {
    let Some(folder) = vectors() else { return };
    let read = |version: u64| fs::read(folder.join(format!("{version}.root.json"))).unwrap();

    for (old, new) in [(1, 2), (4, 5), (9, 10), (15, 16), (1, 3), (5, 4), (10, 12)] {
        let section = diff::files(None, &read(old), &read(new), &Names::default()).unwrap();

        assert_eq!(section.reach[0].reached, new == old + 1, "{old} -> {new}");
    }
}
