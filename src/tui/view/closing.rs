//! The end: where the bundle is, what to compare later, and what to do next.

use ratatui::style::Style;

use crate::tui::app::App;
use crate::tui::view::doc::Doc;
use crate::tui::view::words;

/// The closing screen.
pub fn closing(app: &App, doc: &mut Doc) {
    let palette = doc.palette;
    let Some(closing) = &app.scene.closing else { return };
    doc.marked("[ OK ]", palette.good(), "The ceremony is closed.", palette.instruction());
    for line in &closing.not_as_planned {
        doc.marked("!!", palette.warning(), line, palette.warning());
    }
    let signs = !closing.bundle.is_empty();
    if signs {
        doc.text(&format!("Bundle   {}", closing.bundle), Style::new());
    }
    doc.text(&format!("Record   {}", app.cover.record), Style::new());
    if let Some((file, digest)) = &closing.root {
        doc.text(&format!("Root     {file}, SHA-256"), Style::new());
        doc.text(&format!("         {}", digest.hex()), Style::new());
    }
    doc.heading("Head of the journal: write it down, or photograph its QR code");
    words::words(doc, &app.scene.head, false);
    doc.text(&format!("      {}", app.scene.head.hex()), Style::new());
    doc.heading("Next");
    if !signs {
        return doc.text(
            &format!("  1  keyrite journal verify {}, and keep the record", app.cover.record),
            Style::new(),
        );
    }
    doc.text(&format!("  1  keyrite verify {} {}", closing.bundle, closing.options), Style::new());
    doc.text("  2  Carry the bundle to the server; VERIFY.txt in it says how to check it.", Style::new());
    doc.text(&format!("  3  keyrite journal verify {}, and keep the record", app.cover.record), Style::new());
}
