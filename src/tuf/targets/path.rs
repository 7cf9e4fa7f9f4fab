//! The paths of target files when we write them, and the patterns over them.

/// What is wrong with the form of a path or a pattern: a fragment that follows its text.
///
/// Paths are relative, with `/` between their parts and no part that a file system would read as a way up.
pub fn form(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
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

/// The marks that composed text has no need of: text with one of them is written in two ways.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
