//! What is fuzzed (`fuzz/`) holds over its seeds, and over everything that fuzzing found once.

use std::panic;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    reason = "it is a crate of its own, too"
)]
mod targets;

#[test]
fn every_fuzz_target_holds_over_its_seeds() {
    for (name, run) in targets::TARGETS {
        let seeds = targets::seeds::of(name);

        assert!(!seeds.is_empty(), "{name} starts from nothing");
        for (n, seed) in seeds.iter().enumerate() {
            assert!(panic::catch_unwind(|| run(seed)).is_ok(), "{name}, seed {n}");
        }
    }
}

#[test]
fn every_fuzz_target_has_its_program() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    programs.sort();

    assert_eq!(programs, targets::TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
