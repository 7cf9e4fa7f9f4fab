//! The window in which a ceremony file is started.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::tui::start::Start;
use crate::tui::start::TYPES;
use crate::tui::style::Palette;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::visible;
use crate::tui::view::page;

/// Draws it.
pub fn draw(palette: Palette, start: &Start, frame: &mut Frame) {
    let inner = page::window(frame, palette, "Start a ceremony file", 78, 18);
    let mut doc = Doc::new(palette, usize::from(inner.width));
    let draft = start.draft();
    match &start.done {
        None => {
            doc.text(
                "What shall change? Nothing does now: a file to edit and review is written, new.",
                Style::new(),
            );
            doc.blank();
            for (n, (kind, what)) in TYPES.iter().enumerate() {
                let (pointer, style) =
                    if n == start.at { (" > ", palette.chosen()) } else { ("   ", Style::new()) };
                doc.line(vec![
                    Span::styled(pointer, palette.instruction()),
                    Span::styled(format!("{:<19}", kind.name()), style),
                    Span::raw(format!("  {what}")),
                ]);
            }
            doc.blank();
            doc.text("Enter writes it, as this does:", Style::new());
            doc.text(&format!("  {}", draft.command()), palette.key());
        }
        Some(Ok(file)) => {
            let file = visible(&file.display().to_string());
            doc.marked("[ OK ]", palette.good(), &format!("{file} was written."), palette.instruction());
            doc.blank();
            doc.text("  1  Edit it: what is to change stands in it, with comments.", Style::new());
            doc.text(&format!("  2  keyrite check {file}"), Style::new());
            doc.text(
                "  3  Have it reviewed. The ceremony performs that file, and nothing else.",
                Style::new(),
            );
        }
        Some(Err(why)) => {
            doc.marked("[STOP]", palette.warning(), why, Style::new());
            doc.blank();
            doc.text("Nothing was changed. On the command line it is", Style::new());
            doc.text(&format!("  {}", draft.command()), palette.key());
        }
    }
    for (line, y) in doc.lines.iter().zip(inner.y..inner.bottom()) {
        frame.render_widget(line, Rect { y, height: 1, ..inner });
    }
}
