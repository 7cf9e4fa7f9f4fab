//! Text that comes from a token or a module, made safe and readable. It is untrusted: it may carry escape sequences,
//! marks that turn the reading direction, or the NULs of a vendor that forgot to blank-pad.

/// `text` without padding, and with everything escaped that could move the cursor or hide in the line.
pub(super) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in trimmed(text).chars() {
        match c {
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => escape(&mut safe, c),
            '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => escape(&mut safe, c),
            '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{10ffff}' => escape(&mut safe, c),
            c if c.is_control() => escape(&mut safe, c),
            c => safe.push(c),
        }
    }
    safe
}

/// `text` as the URI compares it: labels are padded with blanks, and by some vendors with NULs.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c == ' ' || c == '\0')
}

fn escape(safe: &mut String, c: char) {
    safe.extend(c.escape_unicode());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_move_the_cursor_or_turn_the_line() {
        let hostile = "SW   TPM\u{1b}[2J\u{202e}gnp\0\0\0";

        assert_eq!(printable(hostile), "SW   TPM\\u{1b}[2J\\u{202e}gnp");
        assert_eq!(printable("Schlüssel 1  "), "Schlüssel 1");
    }
}
