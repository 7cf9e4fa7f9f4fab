//! A share of a key, for its holder alone: nothing else is on the screen, and any key takes it away.

use ratatui::Frame;
use ratatui::style::Style;

use crate::keystore::shares::Share;
use crate::tui::app::App;
use crate::tui::view::doc::Doc;
use crate::tui::view::page::Hint;
use crate::tui::view::page::put;
use crate::tui::view::whole;
use crate::tui::view::whole_page;

/// Draws the words of the share.
pub fn draw(app: &App, share: &Share, keys: &[Hint], frame: &mut Frame) {
    let main = whole(frame.area());
    let mut doc = Doc::new(app.palette, usize::from(main.width));
    doc.heading(&share.head().to_string());
    doc.blank();
    // A document would leave copies of the words behind: they go straight to the cells of the screen.
    let rows = share.lines();
    let places = (main.y..main.bottom()).skip(doc.lines.len());
    rows.iter().for_each(|_| doc.blank());
    doc.blank();
    doc.text("Write every word down with its number, and compare. Nobody photographs it.", Style::new());
    whole_page(app, "for one person alone", keys, &doc, 0).draw(frame, main);
    for (row, y) in rows.iter().zip(places) {
        put(frame, main.x, y, row, app.palette.words());
    }
}
