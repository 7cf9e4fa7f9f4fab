//! What a large screen shows beside the step: the board, a QR code or the script, and the last events.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::app::App;
use crate::tui::app::Stage;
use crate::tui::code::Square;
use crate::tui::scene::Happened;
use crate::tui::view::board;
use crate::tui::view::clock;
use crate::tui::view::code;
use crate::tui::view::doc::Doc;

/// Rows of the last events.
const LAST: usize = 9;

/// Draws the column.
pub fn draw(app: &App, frame: &mut Frame, area: Rect) {
    let mut top = Doc::new(app.palette, usize::from(area.width));
    board::board(&mut top, &app.scene.board);
    let used = u16::try_from(top.lines.len()).unwrap_or(area.height).min(area.height);
    show(&top, frame, area);

    let last_rows = u16::try_from(LAST + 1).unwrap_or(0);
    let middle =
        Rect { y: area.y + used + 1, height: area.height.saturating_sub(used + last_rows + 2), ..area };
    let shown =
        app.palette.color && !app.palette.ascii && app.has_digest() && !matches!(app.stage, Stage::Review);
    let fits = |square: &Square| square.len().div_ceil(2) < usize::from(middle.height);
    match app.square.as_ref().filter(|(_, square)| shown && fits(square)) {
        Some((title, square)) => {
            let mut doc = Doc::new(app.palette, usize::from(area.width));
            doc.heading(title);
            show(&doc, frame, middle);
            code::paint(app.palette, square, frame, middle.x, middle.y + 1);
        }
        None => script(app, frame, middle),
    }

    let mut bottom = Doc::new(app.palette, usize::from(area.width));
    last(&mut bottom, &app.scene.happened, LAST);
    bottom.lines.truncate(usize::from(last_rows));
    let y = area.bottom().saturating_sub(last_rows);
    show(&bottom, frame, Rect { y, height: last_rows, ..area });
}

fn show(doc: &Doc, frame: &mut Frame, area: Rect) {
    for (line, y) in doc.lines.iter().zip(area.y..area.bottom()) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// The steps around the current one.
fn script(app: &App, frame: &mut Frame, area: Rect) {
    let mut doc = Doc::new(app.palette, usize::from(area.width));
    doc.heading("Script");
    let current = app.scene.prompt.as_ref().map_or(app.cover.script.len() + 1, |prompt| prompt.number);
    let current = if matches!(app.stage, Stage::Review) { 1 } else { current };
    let rows = usize::from(area.height).saturating_sub(1);
    let first = current.saturating_sub(rows / 3 + 1).min(app.cover.script.len().saturating_sub(rows));
    for (step, number) in app.cover.script.iter().zip(1..).skip(first).take(rows) {
        let (mark, style) = match number.cmp(&current) {
            std::cmp::Ordering::Less => ("[ OK ]", Style::new()),
            std::cmp::Ordering::Equal => ("[WAIT]", app.palette.instruction()),
            std::cmp::Ordering::Greater => ("      ", Style::new()),
        };
        let section = step.section.as_ref().map(|title| format!("   ({title})")).unwrap_or_default();
        let text = format!("{number:>3}  {:<28} {}{section}", step.id, step.by);
        let text = crate::tui::view::doc::cut(&text, usize::from(area.width).saturating_sub(7));
        doc.marked(mark, app.palette.mark(mark), &text, style);
    }
    show(&doc, frame, area);
}

/// The last things that happened, the newest first.
pub fn last(doc: &mut Doc, happened: &[Happened], lines: usize) {
    let palette = doc.palette;
    doc.heading("Last events, newest first");
    for event in happened.iter().rev().take(lines) {
        let style = if event.failed { palette.warning() } else { Style::new() };
        let time = clock(&event.at.to_string()).replace(" UTC", "");
        let text = crate::tui::view::doc::cut(&event.what, doc.width.saturating_sub(11));
        doc.marked(&format!("  {time}"), Style::new(), &text, style);
    }
}
