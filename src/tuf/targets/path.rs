//! The paths of target files when we write them, and the patterns over them.

/// What is wrong with the form of a path or a pattern: a fragment that follows its text.
///
/// Paths are relative, with `/` between their parts and no part that a file system would read as a way up.
pub fn form(path: &str) -> Result<(), &'static str> {
    if is_usual(path) {
        Ok(())
    } else if path.is_empty() {
        Err("is empty")
    } else if path.starts_with('/') {
        Err("begins with a slash; paths are relative to the targets directory")
    } else if path.contains('\\') {
        Err("has a backslash; directories are parted by `/` on every system")
    } else if path.split('/').any(str::is_empty) {
        Err("has an empty part: no `//`, and no `/` at the end")
    } else if path.split('/').any(|part| part == "." || part == "..") {
        Err("has a part `.` or `..`, which could lead out of the targets directory")
    } else if path.chars().any(char::is_control) {
        Err("has a control character")
    } else if path.chars().any(is_combining) {
        Err(
            "has a letter and its accent as two characters, which some clients take for one and some do not; write them as one",
        )
    } else {
        Ok(())
    }
}

/// What most paths are, and nothing below refuses, in one look: ASCII that shows, and no part that is empty or begins with
/// a dot.
fn is_usual(path: &str) -> bool {
    let mut before = b'/';
    let usual = path.bytes().all(|byte| {
        let good = match byte {
            b'/' | b'.' => before != b'/',
            byte => byte.is_ascii_graphic() && byte != b'\\',
        };
        before = byte;
        good
    });
    usual && before != b'/'
}

/// The marks that composed text has no need of: text with one of them is written in two ways.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_usual_is_refused_by_no_rule(path in "[a./\\\\ \n\u{301}]{0,6}") {
            let refused = path.is_empty()
                || path.contains(['\\', '\n', '\u{301}'])
                || path.split('/').any(|part| ["", ".", ".."].contains(&part));

            prop_assert_eq!(form(&path).is_err(), refused);
            prop_assert!(!is_usual(&path) || !refused);
        }
    }

    #[test]
    fn a_path_is_relative_and_never_leads_up() {
        for (path, why) in [
            ("", "empty"),
            ("/a", "begins with a slash"),
            ("a\\b", "backslash"),
            ("a//b", "empty part"),
            ("a/", "empty part"),
            ("a/../b", "lead out"),
            ("./a", "lead out"),
            ("a\nb", "control"),
            ("cafe\u{301}", "two characters"),
        ] {
            assert!(form(path).unwrap_err().contains(why), "{path:?}: {:?}", form(path));
        }
        for path in ["a", "a/b.c", ".hidden/..x", "caf\u{e9}", "a b", "*/?.tgz", "\u{65e5}\u{672c}"] {
            assert_eq!(form(path), Ok(()), "{path}");
        }
    }
}
