//! The board: custodians and thresholds in names, and what is still missing.

use ratatui::text::Span;

use crate::ceremony::board::Board;
use crate::ceremony::board::Standing;
use crate::plan::consequences::joined;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::columns;
use crate::tui::view::doc::cut;

/// Columns of one role, where there is room for it.
const COLUMN: usize = 14;
/// Columns that a name takes at least.
const NAME: usize = 12;

/// Draws the board.
pub fn board(doc: &mut Doc, board: &Board) {
    let palette = doc.palette;
    let wide = COLUMN.min(doc.width.saturating_sub(NAME) / board.columns.len().max(1)).max(NAME);
    let names = doc.width.saturating_sub(wide * board.columns.len()).clamp(NAME, 28);
    let mut head = vec![Span::styled(padded("Board", names), palette.heading())];
    head.extend(
        board.columns.iter().map(|column| Span::styled(padded(&column.title(), wide), palette.heading())),
    );
    doc.line(head);
    for row in board.rows.iter().filter(|row| row.standing.iter().any(Option::is_some)) {
        let mut line = vec![Span::raw(padded(&row.holder, names))];
        for standing in &row.standing {
            let style = match standing {
                Some(Standing::Signed) => palette.good(),
                Some(Standing::Waiting) => palette.waiting(),
                _ => ratatui::style::Style::new(),
            };
            line.push(Span::styled(padded(standing.map_or("-", Standing::word), wide), style));
        }
        doc.line(line);
    }
    let mut total = vec![Span::raw(padded("signed, needed", names))];
    for column in &board.columns {
        let mark = if column.signed >= column.threshold as usize { "[ OK ]" } else { "[WAIT]" };
        let count = format!("{} of {} ", column.signed, column.threshold);
        let rest = wide.saturating_sub(count.len() + mark.len());
        total.push(Span::raw(count));
        total.push(Span::styled(mark, palette.mark(mark)));
        total.push(Span::raw(" ".repeat(rest)));
    }
    doc.line(total);
    for text in missing(board) {
        doc.marked("  ", ratatui::style::Style::new(), &text, ratatui::style::Style::new());
    }
}

/// `root: 1 more signature, from Bo Lindqvist or Chi Nwosu`, for each role that is not there yet.
fn missing(board: &Board) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, column) in board.columns.iter().enumerate() {
        let more = (column.threshold as usize).saturating_sub(column.signed);
        if more == 0 {
            continue;
        }
        let may = |standing: Option<Standing>| matches!(standing, Some(Standing::Waiting | Standing::NoKey));
        let from: Vec<_> =
            board.rows.iter().filter(|row| may(row.standing[at])).map(|row| row.holder.clone()).collect();
        let (plural, last) = if more == 1 { ("", "or") } else { ("s", "and") };
        lines.push(format!(
            "{}: {more} more signature{plural}, from {}",
            column.whose(),
            joined(&from, last)
        ));
    }
    lines
}

/// The text in exactly this many columns, the last of them a space.
fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width.saturating_sub(1));
    let gap = width.saturating_sub(columns(&text));
    format!("{text}{}", " ".repeat(gap))
}
