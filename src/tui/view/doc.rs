//! Text for the screen: wrapped lines, with whatever could change what people see made visible.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use zeroize::Zeroize;

use crate::tui::style::Palette;
use crate::words;

/// Lines of one width.
pub struct Doc {
    /// How things look.
    pub palette: Palette,
    /// Columns.
    pub width: usize,
    /// The lines so far.
    pub lines: Vec<Line<'static>>,
    /// How many of them, from the first, stay on the screen while the others move.
    pub pinned: usize,
    /// Where what must be seen before anyone goes on ends: a number of lines from the first.
    pub must: usize,
    /// Lines above and below those that move, which nobody would see and which were not made: a list may have a
    /// million rows.
    pub unmade: (usize, usize),
}

impl Drop for Doc {
    fn drop(&mut self) {
        wipe(&mut self.lines);
    }
}

/// What was shown may be a share while it is typed.
fn wipe(lines: &mut [Line<'static>]) {
    for span in lines.iter_mut().flat_map(|line| &mut line.spans) {
        if let Cow::Owned(text) = &mut span.content {
            text.zeroize();
        }
    }
}

impl Doc {
    /// No lines yet.
    pub fn new(palette: Palette, width: usize) -> Self {
        Self { palette, width: width.max(20), lines: Vec::new(), pinned: 0, must: 0, unmade: (0, 0) }
    }

    /// What is there so far stays on the screen, unless it would leave no room for the rest.
    pub fn pin(&mut self, height: usize) {
        self.pinned = if self.lines.len() * 3 <= height * 2 { self.lines.len() } else { 0 };
    }

    /// Lines that move, and rows of the window that they are seen through.
    pub fn extent(&self, height: usize) -> (usize, usize) {
        let (above, below) = self.unmade;
        (above + self.lines.len() - self.pinned + below, height - self.pinned.min(height))
    }

    /// Everything so far must be seen before anyone goes on.
    pub fn must_be_seen(&mut self) {
        self.must = self.lines.len();
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.text(text, self.palette.heading());
    }

    /// A paragraph; what does not fit goes on below its first word.
    pub fn text(&mut self, text: &str, style: Style) {
        let text = visible(text);
        let indent = hanging(&text).min(self.width / 2);
        for line in wrapped(&text, self.width, indent) {
            self.lines.push(Line::styled(line, style));
        }
    }

    /// A paragraph after a mark such as `[ OK ]` or `!!`, which has a style of its own.
    pub fn marked(&mut self, mark: &str, mark_style: Style, text: &str, style: Style) {
        let indent = mark.chars().count() + 1;
        let lines = wrapped(&visible(text), self.width.saturating_sub(indent).max(10), 0);
        for (n, line) in lines.into_iter().enumerate() {
            let before = if n == 0 { format!("{mark} ") } else { " ".repeat(indent) };
            self.lines.push(Line::from(vec![Span::styled(before, mark_style), Span::styled(line, style)]));
        }
    }

    /// A line made of spans.
    pub fn line(&mut self, spans: Vec<Span<'static>>) {
        self.lines.push(Line::from(spans));
    }
}

/// The text with characters that people cannot see, or that turn text around, written out.
pub fn visible(text: &str) -> String {
    if !text.chars().any(words::acts) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if words::acts(c) { format!("<U+{:04X}>", u32::from(c)) } else { c.to_string() })
        .collect()
}

/// Where a long line goes on: below its first word, after a number that stands before it.
fn hanging(text: &str) -> usize {
    let rest = text.trim_start_matches(' ');
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    let numbered = digits > 0 && rest[digits..].starts_with("  ");
    text.len() - rest.len() + if numbered { digits + 2 } else { 0 }
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text cut to a number of columns, with dots where something was left out.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if columns(&kept) + columns(c.encode_utf8(&mut [0; 4])) + 2 > width {
            break;
        }
        kept.push(c);
    }
    format!("{kept}..")
}

/// The text in lines of at most `width` columns, broken at spaces where there are any.
pub fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for piece in text.split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        if used + columns(word) > width && used > indent {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            line = " ".repeat(indent);
            used = indent;
        }
        for c in piece.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if used + wide > width && c != ' ' {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                line = " ".repeat(indent);
                used = indent;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_wiped() {
        let mut lines = [Line::from(vec![Span::raw("> "), Span::raw("adroitness".to_owned())])];

        wipe(&mut lines);

        assert_eq!(lines[0].to_string(), "> ");
    }

    #[test]
    fn a_long_text_is_broken_at_spaces_and_goes_on_below_its_first_word() {
        assert_eq!(wrapped("  a bc def ghij", 8, 2), ["  a bc", "  def", "  ghij"]);
        assert_eq!(wrapped("", 8, 0), [""]);
    }

    #[test]
    fn a_numbered_line_goes_on_below_its_text() {
        assert_eq!((hanging("  12  Sign it"), hanging("  12 files"), hanging("Sign")), (6, 2, 0));
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken_and_nothing_is_lost() {
        assert_eq!(wrapped("abcdefghij", 4, 0), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("x abcdefghij", 4, 1), ["x", " abc", " def", " ghi", " j"]);
    }

    #[test]
    fn a_text_that_turns_around_is_shown_as_it_is_stored() {
        assert_eq!(visible("a\u{202e}exe.txt\u{1b}[2J"), "a<U+202E>exe.txt<U+001B>[2J");
        assert_eq!(visible("Bo Lindqvist, Chloë"), "Bo Lindqvist, Chloë");
    }

    #[test]
    fn a_cut_text_says_that_it_was_cut() {
        assert_eq!(cut("Bo Lindqvist", 12), "Bo Lindqvist");
        assert_eq!(cut("Bo Lindqvist", 6), "Bo L..");
    }
}
