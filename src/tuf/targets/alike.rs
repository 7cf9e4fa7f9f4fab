//! What two lists of targets have in common at their beginnings and at their ends, found by comparing texts: of a million
//! targets of which few differ, few are gone through.

use crate::tuf::targets::Listed;

/// How much is compared at once.
const PIECE: usize = 1 << 12;

/// How many of the first targets, and how many of the last, are written alike in both.
pub(crate) fn alike(ours: Listed<'_>, theirs: Listed<'_>) -> (usize, usize) {
    let most = ours.len().min(theirs.len());
    let (our_text, their_text) = (ours.text(), theirs.text());
    let same = same_at_the_start(our_text, their_text);
    // What stands behind such a target is alike as well, so that it ends there in both.
    let first = how_many(most, |place| ours.extent(place).end < same);
    let same = same_at_the_end(our_text, their_text);
    let from_end = |list: Listed<'_>, nth: usize| {
        let place = list.len() - 1 - nth;
        list.text().len() - list.extent(place).start
    };
    // With the quote before its path, and what stands before that.
    let last = how_many(most - first, |nth| from_end(ours, nth) + 2 <= same);
    // A target of ours may lie within one of theirs.
    let begins = last.checked_sub(1).is_some_and(|nth| from_end(ours, nth) == from_end(theirs, nth));
    (first, if begins { last } else { 0 })
}

/// How many numbers from nothing on `holds` is true of; behind the first of which it is not, it is of none.
fn how_many(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

fn same_at_the_start(a: &[u8], b: &[u8]) -> usize {
    let pieces = a.chunks(PIECE).zip(b.chunks(PIECE)).take_while(|(a, b)| a == b);
    let whole = pieces.map(|(piece, _)| piece.len()).sum();
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

fn same_at_the_end(a: &[u8], b: &[u8]) -> usize {
    let pieces = a.rchunks(PIECE).zip(b.rchunks(PIECE)).take_while(|(a, b)| a == b);
    let whole: usize = pieces.map(|(piece, _)| piece.len()).sum();
    let (a, b) = (&a[..a.len() - whole], &b[..b.len() - whole]);
    whole + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::tuf::Metadata;
    use crate::tuf::targets::Targets;

    fn metadata(targets: &BTreeMap<String, Value>) -> Metadata {
        let signed = json!({"_type": "targets", "spec_version": "1.0.31", "version": 1,
            "expires": "2027-01-03T09:00:00Z", "targets": targets});
        Metadata::unsigned(signed).unwrap()
    }

    fn check(a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>) -> (usize, usize) {
        let (ours, theirs) = (metadata(a), metadata(b));
        let (ours, theirs) = (Targets::listed(&ours).unwrap(), Targets::listed(&theirs).unwrap());
        let (first, last) = alike(ours, theirs);
        assert!(first + last <= a.len().min(b.len()));
        let ends = |list: Listed<'_>| {
            let read = |(path, entry): (&str, crate::tuf::targets::Entry<'_>)| {
                (path.to_owned(), entry.text().to_vec())
            };
            let all: Vec<_> = list.iter().map(read).collect();
            (all[..first].to_vec(), all[all.len() - last..].to_vec())
        };
        assert_eq!(ends(ours), ends(theirs));
        (first, last)
    }

    fn list(names: &str, value: &Value) -> BTreeMap<String, Value> {
        names.chars().map(|name| (name.to_string(), value.clone())).collect()
    }

    #[test]
    fn what_joins_leaves_or_changes_in_the_middle_leaves_both_ends_alike() {
        let value = json!({"length": 1});
        let all = list("abcdef", &value);
        let mut changed = all.clone();
        changed.insert("c".into(), json!({"length": 12}));

        assert_eq!(check(&all, &all), (6, 0));
        assert_eq!(check(&all, &list("abdef", &value)), (2, 3));
        assert_eq!(check(&list("abdef", &value), &all), (2, 3));
        assert_eq!(check(&all, &changed), (2, 3));
        assert_eq!(check(&all, &BTreeMap::new()), (0, 0));
        // Whether the last of one, or the first, goes on in the other is not seen from here.
        assert_eq!(check(&list("abc", &value), &all), (2, 0));
        assert_eq!(check(&list("def", &value), &all), (0, 2));
    }

    #[test]
    fn a_target_that_lies_within_another_is_not_alike() {
        let inner: BTreeMap<_, _> = [("b".to_owned(), json!(1)), ("c".to_owned(), json!(2))].into();
        let outer: BTreeMap<_, _> = [("a".to_owned(), json!({"x": {"b": 1, "c": 2}}))].into();

        assert_eq!(check(&inner, &outer), (0, 0));
        assert_eq!(check(&outer, &inner), (0, 0));
    }

    proptest! {
        #[test]
        fn what_is_called_alike_is_alike(
            a in prop::collection::btree_map("[a-c\",:{}]{1,3}", "[ab\",:{}]{0,3}", 0..8),
            b in prop::collection::btree_map("[a-c\",:{}]{1,3}", "[ab\",:{}]{0,3}", 0..8),
        ) {
            let values = |list: BTreeMap<String, String>| {
                list.into_iter().map(|(path, said)| (path, json!({"custom": said}))).collect()
            };
            check(&values(a), &values(b));
        }
    }
}
