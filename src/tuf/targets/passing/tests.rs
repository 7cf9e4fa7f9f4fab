//! What goes by target by target, beside the readers that hold the file: where the first answers, the others answer the same.

use std::io::Cursor;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tuf::Names;
use crate::tuf::diff;
use crate::tuf::diff::Section;
use crate::tuf::drip::Drip;
use crate::tuf::metadata::Metadata;
use crate::tuf::targets::Targets;
use crate::tuf::targets::stream::tests::changed;
use crate::tuf::targets::stream::tests::documents;
use crate::tuf::targets::stream::tests::entry;
use crate::tuf::targets::stream::tests::file;
use crate::tuf::targets::stream::tests::indented;
use crate::tuf::targets::stream::tests::signed;
use crate::tuf::targets::stream::tests::some_targets;

type All = (Map<String, Value>, Vec<Signature>, Vec<(String, TargetFile)>);

fn gone_by(file: &mut dyn Read) -> Option<All> {
    let mut passing = Passing::open(file)?;
    let mut targets = Vec::new();
    while let Some((path, _)) = passing.here() {
        // Whatever goes by can be understood.
        targets.push((path.to_owned(), passing.read().unwrap()));
        passing.step()?;
    }
    let passed = passing.end(u64::MAX)?;
    assert_eq!(passed.count, targets.len());
    Some((passed.rest, passed.signatures, targets))
}

fn held(file: &[u8]) -> Option<All> {
    let metadata = Metadata::parse(file).ok()?;
    // The form without signatures, so that what is not canonical on either side is compared too.
    let targets = Targets::listed(&metadata).ok()?.iter();
    let targets =
        targets.map(|(path, entry)| Some((path.to_owned(), entry.read().ok()?))).collect::<Option<_>>()?;
    Some((metadata.signed().as_object()?.clone(), metadata.signatures().to_vec(), targets))
}

fn difference(old: &[u8], new: &[u8]) -> Option<Section> {
    diff::passing(None, &mut Cursor::new(old), &mut Cursor::new(new), &Names::default())
}

fn held_difference(old: &[u8], new: &[u8]) -> Option<Section> {
    diff::files(None, old, new, &Names::default()).ok()
}

#[test]
fn our_files_and_indented_ones_go_by() {
    for targets in [json!({}), some_targets()] {
        let file = file(&signed(targets));

        for text in [file.clone(), indented(&file)] {
            let by = gone_by(&mut Cursor::new(&text));

            assert!(by.is_some(), "{}", String::from_utf8_lossy(&text));
            assert_eq!(by, held(&text));
        }
    }
}

#[test]
fn files_of_many_pieces_differ_as_small_ones_do() {
    let targets = |changed: u64| -> Value {
        let target = |n: u64| {
            let custom = n.is_multiple_of(7).then(|| json!("x".repeat(900)));
            (format!("dir/{n:05}"), entry(n + u64::from(n == 2_000) * changed, custom))
        };
        let kept = (0..3_000).filter(|n| *n != 1_000 + changed);
        json!(kept.map(target).collect::<Map<_, _>>())
    };
    let (old, new) = (file(&signed(targets(0))), file(&signed(targets(1))));
    assert!(old.len() > 1 << 19);

    for (old, new) in [(old.clone(), new.clone()), (indented(&old), new), (old, Vec::new())] {
        let by = difference(&old, &new);

        assert_eq!(by.is_some(), !new.is_empty());
        assert_eq!(by, held_difference(&old, &new));
        let drip = diff::passing(None, &mut Drip(&old, 4_001), &mut Drip(&new, 3_001), &Names::default());
        assert_eq!(drip, by);
        if let Some(by) = by {
            let lines: Vec<&str> = by.lines().collect();
            assert_eq!(
                lines,
                ["targets: - file dir/01001", "targets: + file dir/01000", "targets: ~ file dir/02000"]
            );
        }
    }
}

#[test]
fn what_is_not_in_order_stands_twice_or_ends_early_does_not_go_by() {
    let text = String::from_utf8(file(&signed(json!({"a": entry(1, None), "b": entry(2, None)})))).unwrap();
    let good = text.as_bytes();
    assert!(difference(good, good).is_some());

    for (from, to) in [
        ("\"b\":{", "\"a\":{"),
        ("\"b\":{", "\"A\":{"),
        ("\"length\":2", "\"length\":2,\"length\":2"),
        ("\"version\":3", "\"version\":3,\"version\":3"),
        ("\"version\":3", "\"a\":3"),
        ("[1,-2,", "[1,-2.5,"),
        ("\"targets\":{", "\"targets\":{},\"targets\":{"),
        ("\"_type\":\"targets\"", "\"_type\":\"target\""),
        ("\"spec_version\":\"1", "\"spec_version\":\"2"),
        ("{\n\"signatures\"", "{\"signatures\":[],\n\"signatures\""),
        ("\n}\n", "\n,\"more\":1}\n"),
        ("\n}\n", "\n}\n}"),
        ("\n}\n", "\n"),
    ] {
        let bent = text.replacen(from, to, 1);
        assert_ne!(bent, text, "{from}");

        assert_eq!(difference(good, bent.as_bytes()), None, "{from} -> {to}");
        assert_eq!(difference(bent.as_bytes(), good), None, "{from} -> {to}");
    }
}

#[test]
fn a_file_that_is_too_long_does_not_go_by() {
    let file = file(&signed(some_targets()));
    let end = |max: usize| {
        let mut text = Cursor::new(&file);
        let mut passing = Passing::open(&mut text).unwrap();
        while passing.here().is_some() {
            passing.step().unwrap();
        }
        passing.end(max as u64)
    };

    assert!(end(file.len()).is_some());
    assert!(end(file.len() - 1).is_none());
}

#[test]
fn nothing_hides_in_how_a_file_is_written() {
    let file = file(&signed(some_targets()));
    let text = String::from_utf8(file.clone()).unwrap();
    for (from, to) in [
        ("\"version\":3", "\"version\": 3"),
        ("\"targets\":{", "\"targets\":{ "),
        ("\"length\":1", "\"length\": 1"),
        ("{\"_type\"", "{ \"_type\""),
        ("}\n}\n", " }\n}\n"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");

        let by = difference(&file, other.as_bytes()).unwrap();

        assert_eq!(by.lines().collect::<Vec<_>>(), ["targets: written differently"], "{from} -> {to}");
        assert_eq!(Some(by), held_difference(&file, other.as_bytes()));
    }
    // What stands around the signed part is not signed.
    let around = text.replacen("\n\"signed\":", "\n \"signed\" : ", 1);
    assert_eq!(
        difference(&file, around.as_bytes()),
        Some(Section { role: "targets".to_owned(), ..Section::default() })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn two_documents_differ_alike_held_and_gone_by(
        old in documents(), new in documents(), versions in (1..3_u64, 1..3_u64), forms in any::<[bool; 2]>(),
        drip in (1_usize..40, 1_usize..40),
    ) {
        let side = |mut document: Value, version: u64, pretty: bool| {
            document["version"] = json!(version);
            let file = file(&document);
            if pretty { indented(&file) } else { file }
        };
        let (old, new) = (side(old, versions.0, forms[0]), side(new, versions.1, forms[1]));

        let by = diff::passing(None, &mut Drip(&old, drip.0), &mut Drip(&new, drip.1), &Names::default());

        let held = held_difference(&old, &new);
        prop_assert!(held.is_some());
        prop_assert!(by.is_none() || by == held);
    }

    /// Bent in one place or two, against itself as it was.
    #[test]
    fn a_bent_file_goes_by_only_where_it_can_be_read_held(
        document in documents(),
        pretty in any::<bool>(),
        bends in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..3),
    ) {
        let whole = file(&document);
        let whole = if pretty { indented(&whole) } else { whole };
        let bent = bends.into_iter().fold(whole.clone(), |text, (at, kind, byte)| changed(&text, at, kind, byte));

        for (old, new) in [(&whole, &bent), (&bent, &whole)] {
            let by = difference(old, new);
            prop_assert!(by.is_none() || by == held_difference(old, new), "{}", String::from_utf8_lossy(&bent));
        }
        let by = gone_by(&mut Cursor::new(&bent));
        prop_assert!(by.is_none() || by == held(&bent), "{}", String::from_utf8_lossy(&bent));
    }
}
