//! The step in large letters, for a projector or for tired eyes: whose turn it is and what to do; the rest as always.

use font8x8::UnicodeFonts;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::style::Palette;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::wrapped;

/// Two by two of the points of a letter are one character: 8 by 8 points are 4 columns and 4 rows.
const BLOCKS: [char; 16] = [
    ' ', '\u{2598}', '\u{259d}', '\u{2580}', '\u{2596}', '\u{258c}', '\u{259e}', '\u{259b}', '\u{2597}',
    '\u{259a}', '\u{2590}', '\u{259c}', '\u{2584}', '\u{2599}', '\u{259f}', '\u{2588}',
];

/// Columns of a letter: half of them where quarter blocks can be drawn.
fn columns(palette: Palette) -> usize {
    if palette.ascii { 8 } else { 4 }
}

/// Adds a text in large letters, wrapped; a letter that has no large form is a small one in its place.
pub fn text(doc: &mut Doc, text: &str, style: Style) {
    let each = columns(doc.palette);
    for line in wrapped(text, (doc.width / each).max(6), 0) {
        let letters: Vec<Option<[u8; 8]>> = line.chars().map(glyph).collect();
        for row in 0..4 {
            let mut drawn = String::new();
            for (letter, c) in letters.iter().zip(line.chars()) {
                match letter {
                    Some(points) => draw(points, row, doc.palette.ascii, &mut drawn),
                    None if row == 1 => {
                        drawn.extend([c].into_iter().chain(std::iter::repeat_n(' ', each - 1)))
                    }
                    None => drawn.extend(std::iter::repeat_n(' ', each)),
                }
            }
            doc.lines.push(Line::styled(drawn, style));
        }
    }
}

fn glyph(c: char) -> Option<[u8; 8]> {
    font8x8::BASIC_FONTS.get(c).or_else(|| font8x8::LATIN_FONTS.get(c))
}

/// One of the four rows of a letter.
fn draw(points: &[u8; 8], row: usize, ascii: bool, to: &mut String) {
    let (upper, lower) = (points[row * 2], points[row * 2 + 1]);
    let point = |line: u8, at: usize| usize::from(line >> at & 1);
    if ascii {
        for at in 0..8 {
            to.push(match (point(upper, at), point(lower, at)) {
                (0, 0) => ' ',
                (1, 0) => '"',
                (0, _) => '_',
                (_, _) => '#',
            });
        }
        return;
    }
    for at in (0..8).step_by(2) {
        let quarters =
            point(upper, at) | point(upper, at + 1) << 1 | point(lower, at) << 2 | point(lower, at + 1) << 3;
        to.push(BLOCKS[quarters]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(text_: &str, ascii: bool) -> Vec<String> {
        let mut doc = Doc::new(Palette { ascii, ..Palette::default() }, 78);
        text(&mut doc, text_, Style::new());
        doc.lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_letter_is_four_rows_and_text_is_wrapped() {
        assert_eq!(large("Ana", false).len(), 4);
        assert_eq!(large("Bo Lindqvist types the PIN", false).len(), 8);
        assert!(large("Ana", true).iter().all(|line| line.is_ascii()));
        assert!(large("\u{4eba}", false)[1].starts_with('\u{4eba}'));
    }

    #[test]
    fn points_become_blocks() {
        let shown = large("|", false).join("\n");

        assert!(
            shown.contains('\u{258c}') || shown.contains('\u{2590}') || shown.contains('\u{2588}'),
            "{shown}"
        );
    }
}
