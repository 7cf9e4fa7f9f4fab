//! What is taken apart on one way is what the whole reader reads, and what that refuses is taken apart on no way.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tuf::metadata::Metadata;
use crate::tuf::targets::Hashes;
use crate::tuf::targets::writer::Writer;
use crate::tuf::targets::writer::rewrite;

/// A signed part and its targets, as the reader of whole values has them.
fn whole(text: &str) -> Option<(Value, Value)> {
    let mut signed = json::parse(text.as_bytes()).ok()?;
    let targets = signed.as_object_mut()?.remove("targets")?;
    (canonical::to_vec(&json::parse(text.as_bytes()).ok()?).ok()? == text.as_bytes())
        .then_some((signed, targets))
}

/// The same of what was taken apart.
fn values(text: &str, (rest, index): &Parts) -> (Value, Value) {
    let value = |entry: Entry<'_>| json::parse(&canonical::to_json(entry.text())).unwrap();
    let listed = Listed::new(text.as_bytes(), index);
    let targets: Map<String, Value> =
        listed.iter().map(|(path, entry)| (path.to_owned(), value(entry))).collect();
    assert_eq!(targets.len(), listed.len());
    (Value::Object(rest.clone()), Value::Object(targets))
}

fn entry(length: u64, custom: &str) -> Value {
    json!({"custom": {"k": [custom, {"length": 9}]}, "hashes": {"sha256": "00"}, "length": length})
}

fn document() -> Value {
    json!({"_type": "targets", "delegations": {"keys": {"a": "-----\n"}, "roles": []}, "version": 3,
        "targets": {"": entry(0, "x"), "a/b": entry(1, "\n\"\\"), "a\"b\\": entry(2, ","), "ä/😀": entry(3, "")}})
}

fn text(document: &Value) -> String {
    String::from_utf8(canonical::to_vec(document).unwrap()).unwrap()
}

#[test]
fn each_target_is_found_by_its_path_and_nothing_else_is() {
    let metadata = Metadata::unsigned(document()).unwrap();

    let listed = metadata.listed().unwrap();

    assert_eq!(listed.paths().collect::<Vec<_>>(), ["", "a\"b\\", "a/b", "ä/😀"]);
    assert_eq!((listed.len(), listed.is_empty(), listed.bytes()), (4, false, Ok(6)));
    for (path, found) in listed.iter() {
        assert_eq!(listed.get(path), Some(found));
        assert_eq!(found.read().map(|file| json!(file)), Ok(document()["targets"][path].clone()), "{path}");
    }
    for path in ["a", "a/", "b", "a\\\"b", "ä"] {
        assert_eq!(listed.get(path), None, "{path}");
    }
    assert_eq!(metadata.signed().get("targets"), None);
    assert_eq!(metadata.signed()["version"], 3);
}

#[test]
fn other_metadata_and_targets_in_no_form_are_left_whole() {
    for document in [
        json!({"_type": "root", "targets": {}}),
        json!({"_type": "targets", "targets": []}),
        json!({"_type": "targets"}),
        json!({"targets": {"a": entry(1, "")}}),
        json!([]),
    ] {
        assert!(
            prove(text(&document).as_bytes()).is_none() && split(text(&document).as_bytes()).is_none(),
            "{document}"
        );
        if let Ok(metadata) = Metadata::unsigned(document.clone()) {
            assert_eq!((metadata.signed(), metadata.listed().is_none()), (&document, true));
        }
    }
}

#[test]
fn what_is_not_canonical_is_not_proven() {
    let good = text(&json!({"_type": "targets", "targets": {"a": entry(1, "x"), "b": entry(2, "x")}}));
    let a = r#""a":{"custom":{"k":["x",{"length":9}]},"hashes":{"sha256":"00"},"length":1}"#;
    assert!(prove(good.as_bytes()).is_some() && good.contains(a));
    for (from, to) in [
        (a, format!("{a},{a}")),
        (r#""b":"#, r#""a":"#.to_owned()),
        (r#""b":"#, r#""A":"#.to_owned()),
        (r#""b":"#, r#""\u0062":"#.to_owned()),
        (r#""b":"#, r#""b": "#.to_owned()),
        (r#"{"_type""#, r#"{ "_type""#.to_owned()),
        (r#""length":1"#, r#""length":1,"length":1"#.to_owned()),
        (r#""length":1"#, r#""length":1.0"#.to_owned()),
        (r#""length":1"#, r#""length":-0"#.to_owned()),
        (r#""length":1"#, r#""length":1,"z":1e3"#.to_owned()),
        (r#""length":1"#, r#""length":1,"z":{"b":1,"a":1}"#.to_owned()),
        (r#""length":1"#, r#""length":1,"z":{"":1,"":1}"#.to_owned()),
        (r#""_type":"targets","#, r#""_type":"targets","_type":"targets","#.to_owned()),
        (r#""length":1"#, format!(r#""length":1,"z":{}{}"#, "[".repeat(200), "]".repeat(200))),
    ] {
        let text = good.replacen(from, &to, 1);

        assert_ne!(text, good);
        assert!(prove(text.as_bytes()).is_none(), "{to}");
    }
}

#[test]
fn a_length_is_read_without_the_rest_only_where_both_say_the_same() {
    for (text, length) in [
        (r#"{"hashes":{"sha256":"00"},"length":12}"#, Some(12)),
        (r#"{"hashes":{"x":"00"},"length":12}"#, Some(12)),
        (r#"{"hashes":{"sha256":"00"},"length":12,"z":{"k":1,"length":5}}"#, Some(12)),
        (r#"{"hashes":{"sha256":"00"},"length":12,"z":",\"length\":5}"}"#, Some(12)),
        (r#"{"hashes":{"sha256":"00"},"length":-1}"#, None),
        (r#"{"hashes":{"sha256":0},"length":1}"#, None),
        (r#"{"length":1}"#, None),
        (r#"{"hashes":{"sha256":"00"},"z":{"k":1,"length":5}}"#, None),
    ] {
        assert_eq!(Entry(text.as_bytes()).length().ok(), length, "{text}");
        assert_eq!(Entry(text.as_bytes()).read().ok().map(|file| file.length), length, "{text}");
    }
}

#[test]
fn what_is_written_is_what_the_whole_value_is_written_as() {
    let document = document();
    let before = Metadata::unsigned(document.clone()).unwrap();
    let mut rest = before.signed().clone();
    rest["version"] = json!(4);
    let mut whole = document;
    whole["version"] = json!(4);

    let next = before.with_signed(rest).unwrap();

    assert_eq!(next, Metadata::unsigned(whole).unwrap());
    let root = json!({"_type": "root", "version": 1});
    let root = Metadata::unsigned(root).unwrap().with_signed(json!({"_type": "root", "version": 2})).unwrap();
    assert_eq!(&root.payload()[..], br#"{"_type":"root","version":2}"#);
}

#[test]
fn targets_out_of_order_are_not_written() {
    let file = TargetFile { length: 1, hashes: Hashes::default(), custom: None };
    let entry = Entry(br#"{"hashes":{},"length":1}"#);
    for [first, second] in [["b", "a"], ["a", "a"]] {
        let mut writer = Writer::new(Map::new(), (0, 0)).unwrap();
        writer.add(first, &file).unwrap();

        assert!(writer.add(second, &file).is_err() && writer.copy(second, entry).is_err());

        let (other, (_, index)) = {
            let mut other = Writer::new(Map::new(), (0, 0)).unwrap();
            other.copy(second, entry).unwrap();
            other.end().unwrap()
        };
        assert!(writer.take(Listed::new(&other, &index), 0).is_err());
        assert_eq!(writer.listed().paths().collect::<Vec<_>>(), [first]);
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let path = prop_oneof!["[a-c/.]{0,3}", "\\PC{0,3}", "[\\x00-\\x30\"\\\\]{0,2}"];
    let custom = prop_oneof!["\\PC{0,4}", "[\\x00-\\x30\"\\\\,:{}]{0,6}"];
    let targets = prop::collection::btree_map(path, (any::<u64>(), custom.clone()), 0..5);
    (targets, custom).prop_map(|(targets, note)| {
        let targets: BTreeMap<String, Value> =
            targets.into_iter().map(|(path, (length, custom))| (path, entry(length, &custom))).collect();
        json!({"_type": "targets", "a-note": note.clone(), "x-note": note, "targets": targets})
    })
}

proptest! {
    #[test]
    fn any_document_is_taken_apart_as_it_was_put_together(document in documents()) {
        let text = text(&document);
        let mut rest = document.clone();
        let targets = rest.as_object_mut().unwrap().remove("targets").unwrap();

        let parts = split(text.as_bytes()).unwrap();

        prop_assert_eq!(values(&text, &parts), (rest, targets));
        let metadata = Metadata::unsigned(document).unwrap();
        let file = metadata.to_file();
        prop_assert_eq!(&Metadata::parse(&file).unwrap(), &metadata);
        prop_assert_eq!(&Metadata::parse_held(&file.clone().into(), None).unwrap(), &metadata);
        let pretty = serde_json::from_slice::<Value>(&file).unwrap();
        let pretty = serde_json::to_vec_pretty(&pretty).unwrap();
        prop_assert_eq!(&Metadata::parse(&pretty).unwrap(), &metadata);
    }

    /// The whole reader is the judge of the fast way.
    #[test]
    fn a_changed_document_is_proven_only_where_the_whole_reader_takes_it_as_canonical(
        document in documents(), at in any::<usize>(), with in "[ ,:{}\\[\\]\"\\\\a0-9n-]{0,3}", gone in 0_usize..3,
    ) {
        let text = text(&document);
        let at = (0..=at % text.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let end = (at + gone..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let changed = format!("{}{with}{}", &text[..at], &text[end..]);
        // As when a file is read: a JSON reader has accepted it.
        prop_assume!(serde_json::from_str::<&serde_json::value::RawValue>(&changed).is_ok());

        if let Some(parts) = prove(changed.as_bytes()) {
            prop_assert_eq!(Some(values(&changed, &parts)), whole(&changed));
            prop_assert_eq!(Some(parts), split(changed.as_bytes()));
        }
    }
}

proptest! {
    #[test]
    fn what_changes_is_written_among_the_others_as_one_by_one(
        before in prop::collection::btree_map("[a-c\"\n]{1,2}", 0..3_u64, 0..7),
        edits in prop::collection::btree_map("[a-c\"]{1,2}", prop::option::of(3..5_u64), 0..7),
        members in prop::collection::btree_set("[a-z]{1,7}", 0..3),
    ) {
        let file = |length: &u64| TargetFile { length: *length, hashes: [("sha256", "00".to_owned())].into_iter().collect(), custom: None };
        let listed: BTreeMap<&String, TargetFile> = before.iter().map(|(path, length)| (path, file(length))).collect();
        let old = Metadata::unsigned(json!({"_type": "targets", "targets": listed})).unwrap();
        let edits: BTreeMap<&String, Option<TargetFile>> = edits.iter().map(|(path, to)| (path, to.as_ref().map(file))).collect();
        let rest: Map<String, Value> = members.into_iter().filter(|name| name != "targets").map(|name| (name, json!(1))).collect();

        let new: BTreeMap<&str, Option<Vec<u8>>> = edits.iter().map(|(path, to)| (path.as_str(), to.as_ref().map(|to| {
            let mut text = Vec::new();
            to.write(&mut text).unwrap();
            text
        }))).collect();
        let made = rewrite(&rest, old.listed().unwrap(), new.iter().map(|(path, to)| (*path, to.as_deref().map(Entry))));

        let mut all = listed.clone();
        for (path, to) in &edits {
            all.remove(path);
            all.extend(to.clone().map(|to| (*path, to)));
        }
        let mut writer = Writer::new(rest, (0, 0)).unwrap();
        all.iter().for_each(|(path, file)| writer.add(path, file).unwrap());
        let (text, (_, index)) = writer.end().unwrap();
        let listed = Listed::new(&text, &index);
        let mut taken = Writer::new(Map::new(), (0, 0)).unwrap();
        (0..listed.len()).for_each(|place| taken.take(listed, place).unwrap());
        prop_assert!(taken.listed().iter().eq(listed.iter()));
        prop_assert_eq!(made, Ok((text, index)));
    }
}
