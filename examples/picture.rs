//! Draws real screens as SVG, for the README and the documentation: `cargo run --example picture` writes `assets/*.svg`.

#![allow(clippy::unwrap_used, reason = "a picture that cannot be written says why")]

#[path = "../tests/it/tui/stage.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "it is a test's, which uses more of it")]
mod stage;

use keyrite::driver::Ask;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use ratatui::style::Modifier;

/// Pixels of a cell.
const CELL: (u16, u16) = (9, 19);
const PAPER: &str = "#14181c";
const INK: &str = "#e6e6e6";

fn main() {
    let mut stage = stage::Stage::new();
    stage.until("read-aloud-root", |ask| matches!(ask, Ask::Continue));
    write("read-aloud", &mut stage, (80, 24));
    stage.on_to("sign-root-targets-bo", |ask| matches!(ask, Ask::Secret(_)));
    stage.press("x");
    stage.press("the token answers<enter>it did not blink<enter>");
    write("exception", &mut stage, (80, 24));
    stage.press("<esc>");
    stage.draw(150, 39);
    stage.press("<enter>123456");
    write("screen", &mut stage, (150, 39));
}

fn write(name: &str, stage: &mut stage::Stage, (width, height): (u16, u16)) {
    let path = format!("{}/assets/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(path, svg(stage.draw(width, height).buffer()) + "\n").unwrap();
}

fn svg(buffer: &Buffer) -> String {
    let (width, height) = (buffer.area.width * CELL.0, buffer.area.height * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let first = &buffer[(x, y)];
            let style = (first.fg, first.bg, first.modifier);
            let start = x;
            let mut text = String::new();
            while x < buffer.area.width {
                let cell = &buffer[(x, y)];
                if (cell.fg, cell.bg, cell.modifier) != style {
                    break;
                }
                text.push_str(cell.symbol());
                x += 1;
            }
            out.push_str(&run(start, y, &text, style));
        }
    }
    out + "</svg>"
}

/// One run of cells in one style: its background, and its text or its blocks.
fn run(x: u16, y: u16, text: &str, (fg, bg, modifier): (Color, Color, Modifier)) -> String {
    let (mut ink, mut paper) = (named(fg).unwrap_or(INK), named(bg).unwrap_or(PAPER));
    if modifier.contains(Modifier::REVERSED) {
        (ink, paper) = (paper, ink);
    }
    let columns = u16::try_from(text.chars().count()).unwrap_or(0);
    let (px, py) = (x * CELL.0, y * CELL.1);
    let mut out = String::new();
    if paper != PAPER {
        let width = columns * CELL.0;
        out += &format!(
            "<rect x=\"{px}\" y=\"{py}\" width=\"{width}\" height=\"{}\" fill=\"{paper}\"/>\n",
            CELL.1
        );
    }
    if text.chars().any(|c| matches!(c, '\u{2580}' | '\u{2584}' | '\u{2588}')) {
        for (c, at) in text.chars().zip(0..) {
            out += &block(c, px + at * CELL.0, py, ink);
        }
    } else {
        let weight = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
        let line =
            if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
        for (at, word) in words(text) {
            let (x, y) = (px + at * CELL.0, py + 14);
            let word = word.replace('&', "&amp;").replace('<', "&lt;");
            out += &format!("<text x=\"{x}\" y=\"{y}\" fill=\"{ink}\"{weight}{line}>{word}</text>\n");
        }
    }
    out
}

/// What stands between two spaces or more, each with the column where it begins.
fn words(text: &str) -> Vec<(u16, String)> {
    let mut words: Vec<(u16, String)> = Vec::new();
    let (mut gap, mut open) = (0, false);
    for (c, at) in text.chars().zip(0..) {
        match (c, open) {
            (' ', _) => gap += 1,
            (c, true) if gap < 2 => {
                if let Some((_, word)) = words.last_mut() {
                    word.push_str(if gap == 1 { " " } else { "" });
                    word.push(c);
                }
                gap = 0;
            }
            (c, _) => {
                words.push((at, c.to_string()));
                (gap, open) = (0, true);
            }
        }
    }
    words
}

/// A half block, as a rectangle, so that no gap shows between two of them.
fn block(c: char, x: u16, y: u16, ink: &str) -> String {
    let half = CELL.1.div_ceil(2);
    let (y, height) = match c {
        '\u{2580}' => (y, half),
        '\u{2584}' => (y + CELL.1 - half, half),
        '\u{2588}' => (y, CELL.1),
        _ => return String::new(),
    };
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\" fill=\"{ink}\"/>\n", CELL.0)
}

fn named(color: Color) -> Option<&'static str> {
    Some(match color {
        Color::Black | Color::Rgb(0, 0, 0) => "#000000",
        Color::Red => "#ff6b6b",
        Color::Green => "#69d58c",
        Color::Yellow => "#f2c94c",
        Color::Cyan => "#62c4d8",
        Color::Rgb(255, 255, 255) => "#ffffff",
        _ => return None,
    })
}
