//! QR codes as text: half blocks, drawn black on white whatever the terminal's colours are.

use qrcode::Color;
use qrcode::EcLevel;
use qrcode::QrCode;

/// Light modules around the code; readers need at least two.
const QUIET: usize = 2;

/// The code as a square of dark (`true`) modules with its quiet zone; `None` when it does not fit a QR code.
pub fn modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text.to_ascii_uppercase(), EcLevel::M).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let side = width + 2 * QUIET;
    let dark = |x: usize, y: usize| {
        let inside = (QUIET..QUIET + width).contains(&x) && (QUIET..QUIET + width).contains(&y);
        inside && colors[(y - QUIET) * width + x - QUIET] == Color::Dark
    };
    Some((0..side).map(|y| (0..side).map(|x| dark(x, y)).collect()).collect())
}

/// The code as lines for a terminal, two rows of modules in a line, with the colours set explicitly.
pub fn lines(text: &str) -> Vec<String> {
    let Some(modules) = modules(text) else { return Vec::new() };
    modules
        .chunks(2)
        .map(|rows| {
            let lower = |x: usize| rows.get(1).is_some_and(|row| row[x]);
            let glyphs: String = (0..rows[0].len())
                .map(|x| match (rows[0][x], lower(x)) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                })
                .collect();
            format!("\u{1b}[30;107m{glyphs}\u{1b}[0m")
        })
        .collect()
}
