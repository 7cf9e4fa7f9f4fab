//! QR codes as squares of modules, and as text for a terminal that prints line by line.
//!
//! Pure. Called by both front ends; who draws on a whole screen sets black and white, whatever the terminal's colours are.

pub mod image;

use qrcode::Color;
use qrcode::EcLevel;
use qrcode::QrCode;

/// Light modules around the code; readers need at least two.
pub const QUIET: usize = 2;

/// The code as a square of dark (`true`) modules with its quiet zone; `None` when it does not fit a QR code.
///
/// The text stands as it is; upper case hex makes the smallest code.
pub fn modules(text: &str, level: EcLevel) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text, level).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let side = width + 2 * QUIET;
    let dark = |x: usize, y: usize| {
        let inside = (QUIET..QUIET + width).contains(&x) && (QUIET..QUIET + width).contains(&y);
        inside && colors[(y - QUIET) * width + x - QUIET] == Color::Dark
    };
    Some((0..side).map(|y| (0..side).map(|x| dark(x, y)).collect()).collect())
}

/// Two rows of modules as one line of half blocks, dark where the glyph is inked.
pub fn half_blocks(modules: &[Vec<bool>]) -> Vec<String> {
    let line = |rows: &[Vec<bool>]| {
        let lower = |x: usize| rows.get(1).is_some_and(|row| row[x]);
        (0..rows[0].len())
            .map(|x| match (rows[0][x], lower(x)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            })
            .collect()
    };
    modules.chunks(2).map(line).collect()
}

/// The code of a text as lines to print, without colours: a pipe or a printer takes them as a terminal does.
pub fn lines(text: &str, level: EcLevel) -> Vec<String> {
    half_blocks(&modules(text, level).unwrap_or_default())
}

/// The code of a hex digest as lines to print.
pub fn digest_lines(hex: &str) -> Vec<String> {
    lines(&hex.to_ascii_uppercase(), EcLevel::M)
}

/// The code of a text in capitals, such as a hex digest, as an SVG image for a page that is printed.
pub fn svg(text: &str) -> String {
    let modules = modules(&text.to_ascii_uppercase(), EcLevel::M).unwrap_or_default();
    let side = modules.len();
    let mut path = String::new();
    for (y, row) in modules.iter().enumerate() {
        let dark = row.iter().enumerate().filter(|(_, dark)| **dark);
        path.extend(dark.map(|(x, _)| format!("M{x} {y}h1v1h-1z")));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    )
}
