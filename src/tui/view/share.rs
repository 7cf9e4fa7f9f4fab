//! A share of a key, for its holder alone: nothing else is on the screen, and any key takes it away.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::keystore::shares::Share;
use crate::tui::app::App;
use crate::tui::view::doc::Doc;
use crate::tui::view::page::Areas;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;
use crate::tui::view::page::put;

/// Draws the words of the share.
pub fn draw(app: &App, share: &Share, keys: &[Hint], frame: &mut Frame) {
    let area = frame.area();
    let whole = Areas { side: None, ..Areas::of((area.width, area.height)) };
    let main = Rect { width: area.width.saturating_sub(2), ..whole.main };
    let mut doc = Doc::new(app.palette, usize::from(main.width));
    doc.heading(&share.head().to_string());
    doc.blank();
    // A document would leave copies of the words behind: they go straight to the cells of the screen.
    let rows = share.lines();
    let places = (main.y..main.bottom()).skip(doc.lines.len());
    rows.iter().for_each(|_| doc.blank());
    doc.blank();
    doc.text("Write every word down with its number, and compare. Nobody photographs it.", Style::new());
    let title = (format!("{}   for one person alone", app.cover.id), String::new());
    let page = Page {
        palette: app.palette,
        title,
        rehearsal: app.rehearsal(),
        keys,
        doc: &doc,
        scroll: 0,
        done: None,
    };
    page.draw(frame, main);
    for (row, y) in rows.iter().zip(places) {
        put(frame, main.x, y, row, app.palette.words());
    }
}
