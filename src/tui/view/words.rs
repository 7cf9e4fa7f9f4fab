//! Digests as words: eight numbered rows of four, to be read aloud, compared, and typed back.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::tui::view::big;
use crate::tui::view::doc::Doc;
use crate::words::Digest;

/// Columns of the four words: even ones have two syllables, odd ones three.
const COLUMNS: [usize; 4] = [13, 15, 13, 12];

/// The words of a digest; with `roomy`, an empty line between the rows.
pub fn words(doc: &mut Doc, digest: &Digest, roomy: bool) {
    let style = doc.palette.words();
    for (row, n) in digest.rows().into_iter().zip(1..) {
        let mut spans = vec![Span::raw(format!("  {n}   "))];
        spans.extend(
            row.iter().zip(COLUMNS).map(|(word, width)| Span::styled(format!("{word:<width$}"), style)),
        );
        doc.line(spans);
        if roomy && n < 8 {
            doc.blank();
        }
    }
}

/// The words in large letters, row by row.
pub fn large(doc: &mut Doc, digest: &Digest) {
    let style = doc.palette.words();
    for (row, n) in digest.rows().into_iter().zip(1..) {
        doc.heading(&format!("Row {n}"));
        big::text(doc, &row.join(" "), style);
    }
}

/// The digest in hex, for machines.
pub fn hex(doc: &mut Doc, digest: &Digest) {
    for half in digest.hex_groups() {
        doc.text(&format!("      {half}"), Style::new());
    }
}

/// The rows with their words hidden, and the places of the two that are asked for; the current one stands out.
pub fn hidden(doc: &mut Doc, places: [usize; 2], second: bool, roomy: bool) {
    let palette = doc.palette;
    for row in 0..8 {
        let mut spans = vec![Span::raw(format!("  {}   ", row + 1))];
        for (column, width) in COLUMNS.into_iter().enumerate() {
            let place = row * 4 + column;
            let (text, style) = match places.iter().position(|asked| *asked == place) {
                Some(0) if !second => ("< this one >", palette.waiting()),
                Some(0) => ("< typed >", Style::new()),
                Some(_) if second => ("< this one >", palette.waiting()),
                Some(_) => ("< then >", Style::new()),
                None => (". . .", Style::new()),
            };
            spans.push(Span::styled(format!("{text:<width$}"), style));
        }
        doc.line(spans);
        if roomy && row < 7 {
            doc.blank();
        }
    }
}
