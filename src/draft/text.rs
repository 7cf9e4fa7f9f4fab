//! Text for a ceremony file: nothing that stands in metadata can break out of its quotes or its comment.

use std::collections::BTreeSet;

use crate::words;

/// The longest text of one field that a ceremony file takes, with room to spare.
const LONGEST: usize = 300;

/// What acts on a screen becomes a question mark, and what is very long is cut: the file could not carry it.
pub(super) fn plain(text: &str) -> String {
    let mut plain: String =
        text.chars().take(LONGEST).map(|c| if words::acts(c) { '?' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push_str("...");
    }
    plain
}

/// A text in double quotes, as YAML reads it back.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in plain(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // YAML takes these only as numbers: what is no character, and what is for private use.
            '\u{fffe}' | '\u{ffff}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A short name that a ceremony file takes: letters, digits, dot, dash and underscore. `None` where nothing is left.
pub(super) fn name(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let name: String = name.chars().take(40).collect();
    Some(name).filter(|name| name.chars().any(char::is_alphanumeric))
}

/// The first of `name`, `name-2`, `name-3`, ... that is not taken; it is taken then.
pub(super) fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|n: u32| format!("{name}-{n}"));
    let found = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
    let found = found.unwrap_or_default();
    taken.insert(found.clone());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_the_quotes() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("a\nb: c # d"), r#""a?b: c # d""#);
        assert_eq!(quoted("Bö: 鍵"), "\"Bö: 鍵\"");
        assert_eq!(quoted("\u{202e}\u{feff}"), "\"??\"");
    }

    #[test]
    fn a_name_is_made_of_what_file_names_take() {
        assert_eq!(name("Ana Duarte"), Some("Ana-Duarte".to_owned()));
        assert_eq!(name("../etc"), Some("etc".to_owned()));
        assert_eq!(name("鍵"), None);
        let mut taken = BTreeSet::new();
        assert_eq!([free("a", &mut taken), free("a", &mut taken)], ["a", "a-2"]);
    }
}
