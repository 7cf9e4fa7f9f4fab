//! A QR code on a screen of its own: black on white, painted, never inverted.

use ratatui::Frame;
use ratatui::style::Style;

use crate::tui::app::App;
use crate::tui::code::Code;
use crate::tui::keymap;
use crate::tui::style::Palette;
use crate::tui::view::doc::wrapped;
use crate::tui::view::page::put;

/// Columns that the text beside the code has at least.
const BESIDE: u16 = 30;

/// Draws one code of several.
pub fn draw(app: &App, code: &Code, (at, of): (usize, usize), frame: &mut Frame) {
    let area = frame.area();
    // Half blocks are not ASCII, and a code of whole letters fits no screen.
    let fitting = (!app.palette.ascii)
        .then(|| code.fitting(area.width.saturating_sub(BESIDE + 3), area.height))
        .flatten();
    let side = fitting.as_ref().map_or(0, |(_, square)| u16::try_from(square.len()).unwrap_or(0));
    let x = side + 2;
    let width = usize::from(area.width.saturating_sub(x));
    let mut lines: Vec<(String, Style)> = Vec::new();
    let palette = app.palette;
    if app.rehearsal() {
        lines.push((" REHEARSAL: not real ".to_owned(), palette.watermark()));
    }
    lines.push((app.cover.id.clone(), Style::new()));
    lines.push((String::new(), Style::new()));
    lines.extend(wrapped(&code.title, width, 0).into_iter().map(|line| (line, palette.heading())));
    lines.push((String::new(), Style::new()));
    lines.extend(code.beside.iter().map(|line| (line.clone(), palette.words())));
    lines.push((String::new(), Style::new()));
    let carries = match &fitting {
        Some((what, _)) => format!("The code carries {what}."),
        None if palette.ascii => {
            "This terminal draws no codes: the words and the digits say the same.".to_owned()
        }
        None => "This window is too small for its code.".to_owned(),
    };
    lines.extend(wrapped(&carries, width, 0).into_iter().map(|line| (line, Style::new())));
    if of > 1 {
        lines.push((format!("{} of {of}; arrows: next one", at + 1), Style::new()));
    }
    lines.push((format!("[{}] back", keymap::BACK), palette.key()));
    for ((line, style), y) in lines.into_iter().zip(0..area.height) {
        put(frame, x, y, &line, style);
    }
    if let Some((_, square)) = fitting {
        paint(palette, &square, frame, 0, 0);
    }
}

/// Paints the modules, two rows in a row of the terminal.
pub fn paint(palette: Palette, square: &[Vec<bool>], frame: &mut Frame, x: u16, y: u16) {
    for (line, row) in crate::qr::half_blocks(square).into_iter().zip(y..) {
        put(frame, x, row, &line, palette.code());
    }
}
