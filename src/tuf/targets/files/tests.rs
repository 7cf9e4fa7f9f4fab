use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tuf::targets::Hashes;

fn file(length: u64, custom: Option<Value>) -> TargetFile {
    let hashes: Hashes = [("sha256", "ab".repeat(32))].into_iter().collect();
    TargetFile { length, hashes, custom }
}

fn read(json: &str) -> Result<Files, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// An object with these members, which may stand twice.
fn object(members: &[(&str, u64)]) -> String {
    let member = |(path, length): &(&str, u64)| format!("{}: {}", json!(path), json!(file(*length, None)));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(",\n"))
}

#[test]
fn files_come_in_any_order_and_are_held_in_one() {
    let files = read(&object(&[("c", 3), ("a", 1), ("d", 4), ("b\"\n", 2)])).unwrap();

    assert_eq!(files.listed().paths().collect::<Vec<_>>(), ["a", "b\"\n", "c", "d"]);
    let lengths: Vec<u64> = files.listed().iter().map(|(_, entry)| entry.length().unwrap()).collect();
    assert_eq!((lengths, files.len(), files.is_empty()), (vec![1, 2, 3, 4], 4, false));
    assert_eq!(read("{}"), Ok(Files::default()));
    assert!(Files::default().is_empty());
}

#[test]
fn a_path_that_stands_twice_is_refused_where_it_stands_again() {
    for (members, line) in [
        (vec![("a", 1), ("a", 1)], 2),
        (vec![("b", 1), ("a", 1), ("b", 2)], 3),
        (vec![("b", 1), ("a", 1), ("c", 1), ("a", 2)], 4),
    ] {
        let path = members[members.len() - 1].0;

        let why = read(&object(&members)).unwrap_err();

        assert_eq!(why, format!("the key {path:?} stands twice in one object at line {line} column 3"));
    }
}

#[test]
fn what_is_no_object_of_files_is_refused() {
    for (text, why) in [
        ("[]", "expected an object"),
        (r#"{"a": {"length": 1}}"#, "missing field `hashes`"),
        (r#"{"a": {"length": 1, "length": 1, "hashes": {}}}"#, "duplicate field"),
        (r#"{"a": {"length": 1, "hashes": {"x": "1", "x": "2"}}}"#, "stands twice"),
        (r#"{"a": {"length": 1, "hashes": {"x": 1}}}"#, "expected a string"),
        (r#"{"a": {"length": 1, "hashes": {}, "custom": 1.5}}"#, "target \"a\""),
        (
            r#"{"b": {"length": 1, "hashes": {}}, "a": {"length": 1, "hashes": {}, "custom": 1.5}}"#,
            "target \"a\"",
        ),
    ] {
        let refused = read(text).unwrap_err();

        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn files_that_do_not_ascend_are_not_written() {
    for paths in [["b", "a"], ["a", "a"]] {
        let why = Files::of(paths.map(|path| (path, file(1, None)))).unwrap_err();

        assert!(why.to_string().contains("does not follow"), "{why}");
    }
}

proptest! {
    /// What a journal has of files is what it had when each of them was held by itself.
    #[test]
    fn files_are_written_as_a_map_of_them_is(
        files in prop::collection::btree_map("[a-c\"\\\\\n\u{e9}/]{0,3}", (any::<u64>(), prop::option::of("[\\x00-\\x30\"]{0,3}")), 0..6),
        turned in any::<prop::sample::Index>(),
    ) {
        let custom = |said: Option<String>| said.map(|said| json!({"z": said, "a": [1, null]}));
        let files: BTreeMap<String, TargetFile> =
            files.into_iter().map(|(path, (length, said))| (path, file(length, custom(said)))).collect();

        let held = Files::of(&files).unwrap();

        let text = serde_json::to_string(&files).unwrap();
        prop_assert_eq!(serde_json::to_string(&held).unwrap(), text.clone());
        prop_assert_eq!(read(&text), Ok(held.clone()));
        prop_assert_eq!(serde_json::from_value::<Files>(json!(files)).unwrap(), held.clone());
        for (path, entry) in held.listed().iter() {
            prop_assert_eq!(entry.read().unwrap(), files[path].clone());
        }
        if !files.is_empty() {
            let mut members: Vec<String> = files.iter().map(|(path, file)| format!("{}:{}", json!(path), json!(file))).collect();
            members.rotate_left(turned.index(files.len()));
            prop_assert_eq!(read(&format!("{{{}}}", members.join(","))), Ok(held));
        }
    }
}
