//! What tough reads of a path pattern: a glob with classes, alternatives and escapes, and for a pattern that is none it
//! refuses the whole file.

use std::str::Chars;

/// Whether a pattern is no glob: a class, an alternative or an escape does not end, or one ends that did not begin.
pub(super) fn is_none(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    let mut open = 0_u32;
    while let Some(c) = chars.next() {
        let reads = match c {
            '[' => class(&mut chars),
            '\\' => chars.next().is_some(),
            '{' => {
                open += 1;
                true
            }
            '}' => {
                let was = open;
                open = open.saturating_sub(1);
                was > 0
            }
            _ => true,
        };
        if !reads {
            return true;
        }
    }
    open > 0
}

/// Goes to the end of a class whose `[` is behind: there is one, and no range runs backwards.
fn class(chars: &mut Chars<'_>) -> bool {
    if chars.as_str().starts_with(['!', '^']) {
        chars.next();
    }
    // Where the last range began, for a single character is one too, and whether it goes on.
    let (mut last, mut ranges): (Option<char>, bool) = (None, false);
    for c in chars {
        match (c, last, ranges) {
            (']', Some(_), _) => return true,
            ('-', Some(_), false) => ranges = true,
            (to, Some(from), true) if to < from => return false,
            (_, Some(_), true) => ranges = false,
            (c, ..) => last = Some(c),
        }
    }
    false
}
