//! The partial signing of a production root, as it happened: parallel signers, on different forks.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::tuf::Metadata;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Signers;
use serde_json::Value;

use crate::tuf::vectors::vectors;

/// The files of one sequence by name.
fn sequence(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

fn sequences(vectors: &Path, kind: &str) -> Vec<PathBuf> {
    let top = vectors.join("sigstore-root-signing/partial_signing_sequences");
    let dirs = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path());
    let mut dirs: Vec<_> =
        dirs.filter(|dir| dir.file_name().unwrap().to_str().unwrap().starts_with(kind)).collect();
    dirs.sort();
    dirs
}

/// Every order of up to four files; of more, each rotated, and twenty shuffles from a fixed seed.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let start: Vec<usize> = (0..n).collect();
    if n <= 4 {
        return permutations(&start);
    }
    let rotated = |by: usize| {
        let mut order = start.clone();
        order.rotate_left(by);
        order
    };
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let shuffled = |_| {
        let mut order = start.clone();
        for i in (1..n).rev() {
            // xorshift64
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            order.swap(i, usize::try_from(seed % (i as u64 + 1)).unwrap());
        }
        order
    };
    let shuffles: Vec<_> = (0..20).map(shuffled).collect();
    (0..n).map(rotated).chain(shuffles).collect()
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |i: usize| {
        let rest = [&items[..i], &items[i + 1..]].concat();
        permutations(&rest).into_iter().map(move |tail| [vec![items[i]], tail].concat())
    };
    (0..items.len()).flat_map(with_first).collect()
}

fn merged(files: &[&Vec<u8>], signers: impl Fn(&Metadata) -> Signers) -> Merge {
    let first = Metadata::parse(files[0]).unwrap();
    let (role, signers) = (first.role_type().to_owned(), signers(&first));
    let mut merge = Merge::new(first, &role, signers, "first");
    files[1..].iter().for_each(|file| merge.take("next", file, None));
    merge
}

/// Merges in many orders; the file is always the same, and has every signature that verifies in one of the files.
fn ends_as_one_file(files: &BTreeMap<String, Vec<u8>>, signers: impl Fn(&Metadata) -> Signers) -> Merge {
    let files: Vec<&Vec<u8>> = files.values().collect();
    let one = merged(&files, &signers);
    for order in orders(files.len()) {
        let ordered: Vec<&Vec<u8>> = order.iter().map(|i| files[*i]).collect();
        assert_eq!(merged(&ordered, &signers).merged().to_file(), one.merged().to_file(), "{order:?}");
    }
    one
}

#[test]
fn each_stage_of_the_partial_roots_counts_as_expected_and_merges_in_every_order_to_the_same_file() {
    let Some(vectors) = vectors() else { return };
    let expected = fs::read(vectors.join("EXPECTED-partial-roots.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_slice(&expected).unwrap();
    let own = |root: &Metadata| Signers::of_root(root, None).unwrap();
    let mut stages = 0;

    for dir in sequences(&vectors, "root_") {
        let files = sequence(&dir);
        let mut most = 0;
        let mut union = BTreeSet::new();
        for (name, file) in &files {
            let path = format!("{}/{name}", dir.file_name().unwrap().to_str().unwrap());
            let row = expected.iter().find(|row| row["file"] == path).unwrap();

            let tally = merged(&[file], own).tallies().remove(0);

            assert_eq!(tally.signed.len() as u64, row["valid_unique_keys"].as_u64().unwrap(), "{path}");
            assert_eq!(u64::from(tally.need), row["threshold"].as_u64().unwrap(), "{path}");
            assert_eq!(tally.met, row["valid_unique_keys"].as_u64() >= row["threshold"].as_u64(), "{path}");
            most = most.max(tally.signed.len());
            union.extend(tally.signed);
            stages += 1;
        }
        let one = ends_as_one_file(&files, own);
        let tally = one.tallies().remove(0);
        assert_eq!(tally.signed, union, "{}", dir.display());
        assert!(tally.signed.len() >= most);
    }

    assert_eq!(stages, expected.len());
}

#[test]
fn the_partial_targets_merge_in_every_order_to_the_same_file() {
    let Some(vectors) = vectors() else { return };
    let history = vectors.join("sigstore-root-signing/root_history");
    let roots: Vec<Metadata> = (1..=16)
        .map(|n| Metadata::parse(&fs::read(history.join(format!("{n}.root.json"))).unwrap()).unwrap())
        .collect();
    let mut met = 0;

    for dir in sequences(&vectors, "targets_") {
        let files = sequence(&dir);
        // The root of that day is not said: the one whose keys signed most.
        let all: Vec<&Vec<u8>> = files.values().collect();
        let signed = |root: &&Metadata| {
            merged(&all, |_| Signers::by(root, "targets").unwrap()).tallies().remove(0).signed.len()
        };
        let root = roots.iter().max_by_key(signed).unwrap();

        let one = ends_as_one_file(&files, |_| Signers::by(root, "targets").unwrap());

        met += usize::from(one.tallies()[0].met);
    }

    assert!(met >= 6, "{met} sequences of targets meet a published root's threshold");
}

/// Root 9 replaced all five keys: its draft was signed by the keys of root 8 too.
#[test]
fn the_signatures_of_the_root_before_are_kept_when_it_is_given_and_only_then() {
    let Some(vectors) = vectors() else { return };
    let before = fs::read(vectors.join("sigstore-root-signing/root_history/8.root.json")).unwrap();
    let before = Metadata::parse(&before).unwrap();
    let dir = vectors.join("sigstore-root-signing/partial_signing_sequences/root_v9_b0744d66f5");
    let files = sequence(&dir);

    let with = ends_as_one_file(&files, |root| Signers::of_root(root, Some(&before)).unwrap());
    let without = ends_as_one_file(&files, |root| Signers::of_root(root, None).unwrap());

    assert_eq!(with.merged().signatures().len(), 4);
    assert_eq!(with.tallies().iter().map(|tally| tally.signed.len()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(without.merged().signatures().len(), 2);
}
