//! JSON read as the most lenient client reads it, with what a strict one would mind.
//!
//! The strict reader of [`crate::tuf::json`] refuses what it cannot trust. A linter must look on: here the last of
//! two equal keys counts, and where they stand is noted.

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;

/// A document, and the JSON pointers of keys that stand twice in their object.
pub(super) struct Raw {
    pub(super) value: Value,
    pub(super) twice: Vec<String>,
}

/// Reads one JSON document. The error is a fragment with line and column.
pub(super) fn parse(text: &[u8]) -> Result<Raw, String> {
    let notes = Notes::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Node(&notes).deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(Raw { value, twice: notes.twice.into_inner() })
}

/// One step of a JSON pointer (RFC 6901).
pub(super) fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The whole numbers that do not fit into 64 bits, outside of texts, as a reader of floats reads them.
pub(super) fn long_numbers(text: &[u8]) -> Vec<f64> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((first, after)) = rest.split_first() {
        let length = match first {
            b'"' => text_length(rest),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|b| b"+-.eE0123456789".contains(b)).count(),
            _ => 1,
        };
        let (token, next) = rest.split_at_checked(length).unwrap_or((rest, after));
        let digits = token.strip_prefix(b"-").unwrap_or(token);
        if digits.len() > 18 && digits.iter().all(u8::is_ascii_digit) {
            let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
            found.extend(number);
        }
        rest = next;
    }
    found
}

/// How long the text is that begins here, with both quotes.
fn text_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end.saturating_add(2))
}

#[derive(Default)]
struct Notes {
    path: RefCell<Vec<String>>,
    twice: RefCell<Vec<String>>,
}

#[derive(Clone, Copy)]
struct Node<'a>(&'a Notes);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.0.path.borrow_mut().push(items.len().to_string());
            let item = seq.next_element_seed(self)?;
            self.0.path.borrow_mut().pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.0.path.borrow_mut().push(key.clone());
            if object.contains_key(&key) {
                let at = self.0.path.borrow().iter().map(|key| step(key)).collect();
                self.0.twice.borrow_mut().push(at);
            }
            let value = map.next_value_seed(self)?;
            self.0.path.borrow_mut().pop();
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_keys_counts_and_its_place_is_noted() {
        let raw = parse(br#"{"a":[{"b/c":1,"b/c":2}],"a~":0,"a~":1}"#).unwrap();

        assert_eq!(raw.value, serde_json::json!({"a": [{"b/c": 2}], "a~": 1}));
        assert_eq!(raw.twice, ["/a/0/b~1c", "/a~0"]);
    }

    #[test]
    fn whole_numbers_of_more_than_64_bits_are_told_from_floats_and_texts() {
        let text = br#"{"a\"":100000000000000000000,"b":1e20,"c":"200000000000000000000","d":[-3e1,-300000000000000000000]}"#;

        assert_eq!(long_numbers(text), [1e20, -3e20]);
        assert_eq!(long_numbers(b"\"cut 100000000000000000000"), [0.0; 0]);
    }

    #[test]
    fn what_is_no_json_says_where() {
        assert!(parse(b"{\"a\":\n x}").is_err_and(|why| why.contains("line 2 column 2")));
        assert!(parse(b"{} {}").is_err());
        assert!(parse("[".repeat(200_000).as_bytes()).is_err());
    }
}
