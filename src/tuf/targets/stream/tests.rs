//! The reader of what goes by, beside the reader of what is held: where the first answers, the second answers the same.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::io::Read;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use super::*;
use crate::tuf::drip::Drip;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::Metadata;
use crate::tuf::targets::wants::Wants;

fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn role() -> RoleKeys {
    let key = |n| (KeyId(format!("k{n}")), PublicKey::ed25519(signer(n).verifying_key().to_bytes()));
    RoleKeys { keys: [key(1), key(2)].into(), threshold: 2 }
}

pub(in crate::tuf::targets) fn entry(length: u64, custom: Option<Value>) -> Value {
    let mut entry = json!({"length": length, "hashes": {"sha256": "00", "x": "ü\"\\"}});
    if let Some(custom) = custom {
        entry["custom"] = custom;
    }
    entry
}

pub(in crate::tuf::targets) fn signed(targets: Value) -> Value {
    json!({"_type": "targets", "spec_version": "1.0.31", "version": 3, "expires": "2027-01-03T09:00:00Z",
        "x-note": {"b": [1, -2, null, true], "a": "-----\n\t\\"}, "targets": targets})
}

/// A file as our writer writes it.
pub(in crate::tuf::targets) fn file(signed: &Value) -> Vec<u8> {
    let mut metadata = Metadata::unsigned(signed.clone()).unwrap();
    for n in [1, 2] {
        let sig = hex::encode(signer(n).sign(metadata.payload()).to_bytes());
        metadata.add(Signature { keyid: KeyId(format!("k{n}")), sig });
    }
    metadata.to_file()
}

/// The same file as other programs write it: indented, and all that is not ASCII escaped.
pub(in crate::tuf::targets) fn indented(file: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(file).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap();
    let mut units = [0; 2];
    let escaped = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    text.chars().map(escaped).collect::<String>().into_bytes()
}

/// What the reader that holds the file makes of it, in the form of the other.
fn held(file: &[u8], keys: &RoleKeys) -> Option<Streamed> {
    let metadata = Metadata::parse(file).ok()?;
    let signed_by = keys.verify(metadata.payload(), metadata.signatures()).ok()?;
    let mut rest = json::parse(file).ok()?["signed"].take();
    let targets = rest.as_object_mut()?.remove("targets")?;
    let read = |(path, entry): (&String, &Value)| {
        Some((path.clone(), entry::target(entry.to_string().as_bytes()).ok()?))
    };
    let kept = targets.as_object()?.iter().map(read).collect::<Option<BTreeMap<_, _>>>()?;
    if kept.values().any(|file| !file.hashes.has_known()) {
        return None;
    }
    let mut paths = Paths::default();
    kept.keys().for_each(|path| paths.push(path).unwrap());
    Some(Streamed {
        rest,
        signatures: metadata.signatures().to_vec(),
        signed_by,
        count: kept.len(),
        paths: Some(paths),
        kept,
    })
}

fn streamed_from(file: &mut dyn Read, listed: Option<&MetaFile>, max: u64) -> Option<Streamed> {
    read(file, &Ask { keys: &role(), listed, max, paths: true, wants: Wants::All })
}

/// As it goes by. Whatever the reader of a file in memory accepts is as good.
fn streamed(file: &[u8]) -> Option<Streamed> {
    let read = in_memory(file);
    assert!(read.is_none() || read == held(file, &role()), "{}", String::from_utf8_lossy(file));
    streamed_from(&mut Cursor::new(file), None, u64::MAX)
}

fn in_memory(file: &[u8]) -> Option<Streamed> {
    super::held(
        &file.into(),
        &Ask { keys: &role(), listed: None, max: u64::MAX, paths: true, wants: Wants::All },
    )
}

pub(in crate::tuf::targets) fn some_targets() -> Value {
    json!({"": entry(0, None), "a/b": entry(1, Some(json!({"k": [1, {"x": "\n"}]}))), "ä/😀": entry(7, None)})
}

#[test]
fn our_files_and_indented_ones_are_read_as_they_go_by() {
    for targets in [json!({}), some_targets()] {
        let file = file(&signed(targets));

        for text in [file.clone(), indented(&file)] {
            let by = streamed(&text);

            assert!(by.is_some(), "{}", String::from_utf8_lossy(&text));
            assert_eq!(by, held(&text, &role()));
            assert_eq!(by, in_memory(&text));
        }
    }
}

#[test]
fn a_file_of_many_pieces_is_read_like_a_small_one() {
    let targets: BTreeMap<String, Value> = (0..3_000)
        .map(|n| (format!("dir/{n:05}"), entry(n, (n % 7 == 0).then(|| json!("x".repeat(900))))))
        .collect();
    let mut signed = signed(json!(targets));
    signed["a-long-one"] = json!("y".repeat(700_000));
    let file = file(&signed);
    assert!(file.len() > 1 << 20);

    for text in [file.clone(), indented(&file)] {
        let by = streamed(&text);

        assert_eq!(by.as_ref().map(|by| by.count), Some(3_000));
        assert_eq!(by, held(&text, &role()));
        assert_eq!(streamed_from(&mut Drip(&text, 4_001), None, u64::MAX), by);
    }
}

#[test]
fn a_role_that_delegates_nothing_keeps_no_path_and_one_that_delegates_keeps_all() {
    let keys = role();
    let these = ["a/b".to_owned()].into();
    let ask = Ask { keys: &keys, listed: None, max: u64::MAX, paths: false, wants: Wants::These(&these) };
    let alone = file(&signed(some_targets()));
    let mut with = signed(some_targets());
    with["delegations"] = json!({"keys": {}, "roles": []});

    let alone = read(&mut Cursor::new(alone), &ask).unwrap();
    let with = read(&mut Cursor::new(file(&with)), &ask).unwrap();

    assert_eq!((alone.count, alone.paths), (3, None));
    assert_eq!(alone.kept.keys().collect::<Vec<_>>(), ["a/b"]);
    assert_eq!(with.paths.map(|paths| paths.len()), Some(3));
}

#[test]
fn length_and_hashes_are_those_of_the_whole_file() {
    let file = file(&signed(some_targets()));
    let length = file.len() as u64;
    let good = MetaFile {
        version: 3,
        length: Some(length),
        hashes: [("sha256".to_owned(), hex::encode_upper(Sha256::digest(&file)))].into(),
    };
    let ask = |listed: &MetaFile, max| streamed_from(&mut Cursor::new(&file), Some(listed), max).is_some();
    assert!(ask(&good, length));

    assert!(!ask(&good, length - 1));
    for (algorithm, hash) in [("sha256", "00"), ("sha512", "00"), ("md5", "00")] {
        let hashes = [(algorithm.to_owned(), hash.to_owned())].into();
        assert!(!ask(&MetaFile { hashes, ..good.clone() }, length), "{algorithm}");
    }
    assert!(!ask(&MetaFile { length: Some(length + 1), ..good.clone() }, length));
    let mut more = file.clone();
    more.push(b'\n');
    assert!(streamed_from(&mut Cursor::new(&more), None, u64::MAX).is_some());
    assert!(streamed_from(&mut Cursor::new(&more), Some(&good), u64::MAX).is_none());
}

/// The canonical text of a signed part, changed before it is signed: what our own writer would never write.
fn signed_as(change: impl Fn(&str) -> String) -> Vec<u8> {
    let canonical = canonical::to_vec(&signed(json!({"a": entry(1, None), "b": entry(2, None)}))).unwrap();
    let text = String::from_utf8(canonical).unwrap().replace("-----\n\t\\\\", "p");
    let changed = change(&text);
    assert_ne!(text, changed);
    let sigs: Vec<String> = [1, 2]
        .map(|n| {
            format!(
                r#"{{"keyid":"k{n}","sig":"{}"}}"#,
                hex::encode(signer(n).sign(changed.as_bytes()).to_bytes())
            )
        })
        .into();
    format!(r#"{{"signatures":[{}],"signed":{changed}}}"#, sigs.join(",")).into_bytes()
}

#[test]
fn what_the_strict_reader_refuses_is_not_accepted_although_it_is_signed() {
    let a = r#""a":{"hashes":{"sha256":"00","x":"ü\"\\"},"length":1}"#;
    for (from, to) in [
        // A key twice: a target, a hash, a length, a member of the signed part.
        (a, format!("{a},{a}")),
        (r#"{"sha256":"00","#, r#"{"sha256":"00","sha256":"11","#.to_owned()),
        (r#""length":1"#, r#""length":1,"length":1"#.to_owned()),
        (r#""version":3"#, r#""version":3,"version":3"#.to_owned()),
        (r#""version":3"#, r#""targets":{},"version":3"#.to_owned()),
        // Not a target.
        (r#""length":1"#, r#""length":-1"#.to_owned()),
        (r#""length":1"#, r#""length":1.5"#.to_owned()),
        (r#""length":1"#, r#""length":01"#.to_owned()),
        (r#""length":1"#, r#""length":"1""#.to_owned()),
        (r#","length":1"#, String::new()),
        (r#"{"sha256":"00","#, r#"{"sha256":0,"#.to_owned()),
        (r#"{"sha256":"00","#, "{".to_owned()),
        // Not JSON.
        (r#""length":1"#, r#""length":1,"m":nul"#.to_owned()),
        (r#""length":1"#, r#""length":1,"m":truex"#.to_owned()),
        (r#""length":1"#, r#""length":1,"m":[1,]"#.to_owned()),
        (r#""length":1}"#, r#""length":1},"#.to_owned()),
        (r#""a":{"#, "\"a\n\":{".to_owned()),
        (r#""00""#, "\"0\t0\"".to_owned()),
        (r#""00""#, r#""\x""#.to_owned()),
        (r#""00""#, r#""\ud800""#.to_owned()),
        (r#""length":1"#, r#""length":1,"m":1e3"#.to_owned()),
        (r#""length":1"#, r#""length":1,"m":-0"#.to_owned()),
    ] {
        let text = signed_as(|text| text.replacen(from, &to, 1));

        assert_eq!(held(&text, &role()), None, "{from} -> {to}");
        assert_eq!(streamed(&text), None, "{from} -> {to}");
    }
}

#[test]
fn a_byte_that_is_not_utf_8_is_not_accepted() {
    let mut text = signed_as(|text| text.replacen("00", "0\u{7f}", 1));
    let at = text.iter().position(|byte| *byte == 0x7f).unwrap();
    assert!(streamed(&text).is_some());

    text[at] = 0xff;

    assert_eq!(streamed(&text), None);
}

#[test]
fn bad_signatures_and_files_that_are_cut_off_are_not_accepted() {
    let file = file(&signed(some_targets()));
    for end in 0..file.len() - 2 {
        assert_eq!(streamed(&file[..end]), None, "{end}");
    }
    let text = String::from_utf8(file.clone()).unwrap();
    for (from, to) in [("k1", "k3"), ("\"sig\":\"", "\"sig\":\"0"), ("\"sig\":\"", "\"sig\":\"zz")] {
        assert_eq!(streamed(text.replacen(from, to, 1).as_bytes()), None, "{to}");
    }
    assert_eq!(streamed(&[&file[..], b"x"].concat()), None);
    assert_eq!(streamed(&[&file[..], b"{}"].concat()), None);
}

/// A change to one byte, or a piece taken out, doubled, or put in.
pub(in crate::tuf::targets) fn changed(file: &[u8], at: usize, kind: u8, byte: u8) -> Vec<u8> {
    let at = at % file.len();
    let end = file.len().min(at + usize::from(byte) % 9 + 1);
    let piece = match kind % 5 {
        0 => vec![byte],
        1 => Vec::new(),
        2 => [&file[at..end], &file[at..end]].concat(),
        3 => [&[b" ,:{}[]\"\\019n-"[usize::from(byte) % 14]], &file[at..end]].concat(),
        _ => vec![file[at] ^ (1 << (byte % 8))],
    };
    let end = if kind.is_multiple_of(5) || kind % 5 == 4 { at + 1 } else { end };
    [&file[..at], &piece, &file[end..]].concat()
}

pub(in crate::tuf::targets) fn documents() -> impl Strategy<Value = Value> {
    let path = prop_oneof!["[a-c/.]{0,3}", "\\PC{0,3}", "[\\x00-\\x30\"\\\\]{0,2}"];
    let custom = prop::option::of(prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        "\\PC{0,4}".prop_map(|text| json!({"k": [text], "j": {}})),
        "[\\x00-\\x30\"\\\\]{0,3}".prop_map(|text| json!([text, []])),
    ]);
    let length = prop_oneof![0..9_u64, Just(u64::MAX)];
    let targets = prop::collection::btree_map(path, (length, custom), 0..5);
    targets.prop_map(|targets| {
        let targets: BTreeMap<String, Value> =
            targets.into_iter().map(|(path, (length, custom))| (path, entry(length, custom))).collect();
        signed(json!(targets))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_readers_agree_on_any_document(document in documents(), drip in 1_usize..40) {
        let file = file(&document);

        for text in [file.clone(), indented(&file)] {
            let by = streamed_from(&mut Drip(&text, drip), None, u64::MAX);

            let held = held(&text, &role());
            prop_assert!(held.is_some());
            prop_assert!(by.is_none() || by == held);
        }
    }

    /// The signed part is signed again as it lies after the change, so that signatures hide nothing.
    #[test]
    fn a_changed_document_is_accepted_only_where_it_is_accepted_held(
        document in documents(),
        pretty in any::<bool>(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..3),
    ) {
        let mut part = canonical::to_vec(&document).unwrap();
        if pretty {
            part = serde_json::to_vec_pretty(&document).unwrap();
        }
        for (at, kind, byte) in changes {
            part = changed(&part, at, kind, byte);
        }
        let payload = match serde_json::from_slice::<Value>(&part).map(|value| canonical::to_vec(&value)) {
            Ok(Ok(payload)) => payload,
            _ => part.clone(),
        };
        let sig = |n| format!(r#"{{"keyid":"k{n}","sig":"{}"}}"#, hex::encode(signer(n).sign(&payload).to_bytes()));
        let head = format!("{{\"signatures\":[{},{}],\"signed\":", sig(1), sig(2));
        let file = [head.as_bytes(), &part, b"}"].concat();

        let by = streamed(&file);

        prop_assert!(by.is_none() || by == held(&file, &role()), "{}", String::from_utf8_lossy(&file));
    }

    /// A tampered byte anywhere in a signed file.
    #[test]
    fn a_tampered_file_is_accepted_only_where_it_is_accepted_held(
        at in any::<usize>(), kind in any::<u8>(), byte in any::<u8>(), pretty in any::<bool>(),
    ) {
        let whole = file(&signed(some_targets()));
        let whole = if pretty { indented(&whole) } else { whole };
        let tampered = changed(&whole, at, kind, byte);

        let by = streamed(&tampered);

        prop_assert!(by.is_none() || by == held(&tampered, &role()));
    }
}
