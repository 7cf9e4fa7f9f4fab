//! Text from files on a terminal: characters that act instead of showing are written as their numbers.

use crate::words;

/// `text` with control, direction and invisible characters escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if words::acts(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_as_its_number_and_what_shows_is_left_alone() {
        assert_eq!(
            plain("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e\u{200b}"),
            r"a\u{1b}[2Jb\u{a}c\u{9b}d\u{202e}e\u{200b}"
        );
        assert_eq!(plain("Ana Duarte, Bö: 鍵 1/2"), "Ana Duarte, Bö: 鍵 1/2");
    }
}
