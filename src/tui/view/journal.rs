//! Everything that happened, a line each; only what is seen is made, so that a thousand lines move as one.

use ratatui::Frame;
use ratatui::style::Style;

use crate::tui::app::App;
use crate::tui::view::clock;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::cut;
use crate::tui::view::page::Hint;
use crate::tui::view::whole;
use crate::tui::view::whole_page;

/// Draws the journal from its line `at` on.
pub fn draw(app: &App, at: usize, keys: &[Hint], frame: &mut Frame) {
    let main = whole(frame.area());
    let happened = &app.scene.happened;
    let mut doc = Doc::new(app.palette, usize::from(main.width));
    let digits = happened.len().to_string().len();
    for (number, event) in (1..).zip(happened.iter()).skip(at).take(usize::from(main.height)) {
        let style = if event.failed { app.palette.warning() } else { Style::new() };
        let time = clock(&event.at.to_string()).replace(" UTC", "");
        let before = format!("{number:>digits$}  {time}");
        let text = cut(&event.what, doc.width.saturating_sub(before.len() + 1));
        doc.marked(&before, Style::new(), &text, style);
    }
    doc.unmade = (at, happened.len().saturating_sub(at + doc.lines.len()));
    let what = format!("journal, {} lines", happened.len());
    whole_page(app, &what, keys, &doc, at).draw(frame, main);
}
