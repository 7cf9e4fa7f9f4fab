//! Canonical JSON (OLPC), the form of metadata that is hashed and signed (TUF section 4.2).
//!
//! Keys in code point order, no white space, whole numbers only, and in strings only `"` and `\` escaped: a line
//! break stands there raw, so that the form is not always JSON. Strings are never normalised.

use std::borrow::Cow;

use serde_json::Value;

/// How deep a value may nest; the strict reader stops there too.
const MAX_DEPTH: usize = 128;
/// How much is looked at together.
const CHUNK: usize = 1 << 12;

/// A value that canonical JSON cannot carry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// Nesting is bounded.
    #[error("the value nests deeper than {MAX_DEPTH}")]
    Depth,
    /// Canonical JSON knows whole numbers only.
    #[error("the number {0} is not a whole number")]
    Number(String),
}

/// The canonical form of `value`: keys in code point order, only `"` and `\` escaped, whole numbers.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    write(value, &mut out, 0)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), CanonicalError> {
    if depth > MAX_DEPTH {
        return Err(CanonicalError::Depth);
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(n) if n.is_i64() || n.is_u64() => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Number(n) => return Err(CanonicalError::Number(n.to_string())),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out, depth + 1)?;
            }
            out.push(b']');
        }
        // serde_json's map is ordered by the bytes of UTF-8, which is the order of code points.
        Value::Object(members) => {
            out.push(b'{');
            for (i, (key, member)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(member, out, depth + 1)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where the first control character stands: only inside strings, and there the canonical form has them raw.
pub(crate) fn control(text: &[u8]) -> Option<usize> {
    // By pieces without a branch for each byte, so that it runs over many at once.
    let has = |piece: &[u8]| piece.iter().fold(false, |found, byte| found | (*byte < 0x20));
    let piece = text.chunks(CHUNK).position(has)?;
    let rest = text.get(piece * CHUNK..)?;
    rest.iter().position(|byte| *byte < 0x20).map(|at| piece * CHUNK + at)
}

/// Writes the canonical form as JSON, which has no raw control character.
pub(crate) fn write_json(canonical: &[u8], out: &mut Vec<u8>) {
    let mut rest = canonical;
    while let Some(at) = control(rest) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The canonical form as JSON, copied only where it is none.
pub(crate) fn to_json(canonical: &[u8]) -> Cow<'_, [u8]> {
    if control(canonical).is_none() {
        return Cow::Borrowed(canonical);
    }
    let mut json = Vec::new();
    write_json(canonical, &mut json);
    Cow::Owned(json)
}

/// Whether `json`, which a JSON reader has accepted, is its own canonical form: one scan, nothing allocated but
/// a stack as deep as the nesting. It may say no where the answer is yes (a key with an escape), never the reverse.
pub fn is_canonical(json: &[u8]) -> bool {
    // For each open object the key before, for each open array `None`.
    let mut open: Vec<Option<&[u8]>> = Vec::new();
    let mut at = 0;
    // A key comes next, and not a value.
    let mut key_next = false;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                let Some(text) = plain_string(&json[at + 1..]) else { return false };
                if key_next {
                    let Some(Some(before)) = open.last_mut() else { return false };
                    if text.contains(&b'\\') || (!before.is_empty() && *before >= text) {
                        return false;
                    }
                    // An empty key can only stand first, and then any other may follow.
                    *before = text;
                    key_next = false;
                }
                at += text.len() + 1;
            }
            b'{' => {
                open.push(Some(b""));
                key_next = true;
            }
            b'[' => {
                open.push(None);
                key_next = false;
            }
            b'}' | b']' => {
                open.pop();
                key_next = false;
            }
            b',' => key_next = matches!(open.last(), Some(Some(_))),
            b':' => {}
            b'-' | b'0'..=b'9' => {
                let end = json[at..].iter().position(|b| !b.is_ascii_digit() && *b != b'-');
                let number = &json[at..at + end.unwrap_or(json.len() - at)];
                if number.len() > 19 || number == b"-0" {
                    return false;
                }
                at += number.len() - 1;
                if matches!(json.get(at + 1), Some(b'.' | b'e' | b'E')) {
                    return false;
                }
            }
            b'a'..=b'z' => {}
            _ => return false,
        }
        at += 1;
    }
    true
}

/// The text up to the closing quote, when only `\"` and `\\` are escaped in it.
fn plain_string(json: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match json.get(at)? {
            b'"' => return Some(&json[..at]),
            b'\\' => {
                if !matches!(json.get(at + 1)?, b'"' | b'\\') {
                    return None;
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> String {
        String::from_utf8(to_vec(value).unwrap()).unwrap()
    }

    #[test]
    fn keys_stand_in_code_point_order_and_not_in_the_order_of_their_escapes() {
        let value =
            json!({"a!": 1, "a ": 2, "a": 3, "a\"": 4, "A": 5, "ä": 6, "\u{ffff}": 7, "\u{10000}": 8, "": 9});

        let text = canonical(&value);

        assert_eq!(
            text,
            "{\"\":9,\"A\":5,\"a\":3,\"a \":2,\"a!\":1,\"a\\\"\":4,\"ä\":6,\"\u{ffff}\":7,\"\u{10000}\":8}"
        );
    }

    #[test]
    fn strings_escape_only_quote_and_backslash_and_are_not_normalised() {
        let value = json!(["\n\t\r\u{1}\u{7f}", "\\\"/", "cafe\u{301}", "caf\u{e9}", "\u{1f511}"]);

        let text = canonical(&value);

        assert_eq!(text, "[\"\n\t\r\u{1}\u{7f}\",\"\\\\\\\"/\",\"cafe\u{301}\",\"caf\u{e9}\",\"\u{1f511}\"]");
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(
            canonical(&json!([0, -1, i64::MIN, u64::MAX])),
            "[0,-1,-9223372036854775808,18446744073709551615]"
        );
        for text in ["1.0", "1e2", "-0", "0.5", "18446744073709551616"] {
            let value: Value = serde_json::from_str(text).unwrap();

            assert!(matches!(to_vec(&value), Err(CanonicalError::Number(_))), "{text}");
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_rest_of_the_values() {
        assert_eq!(
            canonical(&json!({"b": [], "a": {}, "c": null, "d": [true, false]})),
            r#"{"a":{},"b":[],"c":null,"d":[true,false]}"#
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));

        assert_eq!(to_vec(&deep), Err(CanonicalError::Depth));
    }

    #[test]
    fn the_scan_refuses_what_is_not_canonical() {
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a": 1}"#,
            "[1,\n2]",
            r#"["\n"]"#,
            r#"["\u0041"]"#,
            r#"["\/"]"#,
            r#"{"a":{"c":1,"b":2}}"#,
            r#"{"a":1,"":2}"#,
            r#"[1.0]"#,
            r#"[1e1]"#,
        ] {
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_scan_accepts_what_is_canonical() {
        for text in [
            r#"{"":0,"a":[1,-2,"\"\\"],"b":{"a":null,"b":true},"c":false}"#,
            "[]",
            "{}",
            r#"[{"b":1},{"a":2}]"#,
        ] {
            assert!(is_canonical(text.as_bytes()), "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[ab \"\\\\\n!é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ab \"\\\\\n!é]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_the_scan_calls_canonical_is_the_canonical_form(value in any_value()) {
            for text in [serde_json::to_vec(&value).unwrap(), serde_json::to_vec_pretty(&value).unwrap()] {
                if is_canonical(&text) {
                    prop_assert_eq!(&to_vec(&value).unwrap(), &text);
                }
            }
        }

        #[test]
        fn two_values_never_share_a_form(a in any_value(), b in any_value()) {
            prop_assert_eq!(to_vec(&a).unwrap() == to_vec(&b).unwrap(), a == b);
        }
    }
}
