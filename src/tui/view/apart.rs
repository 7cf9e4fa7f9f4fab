//! Requests and answers as drawn: what both screens share.

pub mod merge;
pub mod sign;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::driver::Stop;
use crate::tuf::Names;
use crate::tuf::apart::Request;
use crate::tuf::apart::Tally;
use crate::tui::apart::film::Film;
use crate::tui::keymap;
use crate::tui::style::Palette;
use crate::tui::view::code;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::wrapped;
use crate::tui::view::page::put;

/// The window that the text is seen through.
fn main(size: (u16, u16)) -> Rect {
    Rect::new(1, 2, size.0.saturating_sub(2), size.1.saturating_sub(4))
}

/// `root version 2`
fn what(request: &Request) -> String {
    format!("{} version {}", request.role, request.version())
}

/// The boards: for each threshold who has signed, and who is missing.
fn boards(doc: &mut Doc, tallies: &[Tally], names: &Names) {
    let palette = doc.palette;
    for tally in tallies {
        let of = tally.signed.len() + tally.missing.len();
        let mark = if tally.met { "[ OK ]" } else { "[WAIT]" };
        let counted =
            format!("Keys of {}: {} signed, {} of {of} needed  ", tally.of, tally.signed.len(), tally.need);
        doc.line(vec![Span::styled(counted, palette.heading()), Span::styled(mark, palette.mark(mark))]);
        let signed = tally.signed.iter().map(|keyid| (keyid, "signed", palette.good()));
        let missing = tally.missing.iter().map(|keyid| (keyid, "-", Style::new()));
        for (keyid, word, style) in signed.chain(missing) {
            doc.marked(&format!("  {word:<7}"), style, &tally.called(keyid, names), Style::new());
        }
    }
}

/// What went wrong, and what to do.
fn failure(doc: &mut Doc, failed: Option<&Stop>) {
    let palette = doc.palette;
    if let Some(stop) = failed {
        doc.marked("!!", palette.warning(), &stop.error, palette.warning());
        if !stop.hint.is_empty() {
            doc.marked("  ", Style::new(), &stop.hint, Style::new());
        }
    }
}

/// A field with its end in sight.
fn field(doc: &mut Doc, label: &str, text: &str) {
    let palette = doc.palette;
    doc.text(label, palette.instruction());
    let room = doc.width.saturating_sub(6);
    let from = text.chars().count().saturating_sub(room);
    let tail: String = text.chars().skip(from).collect();
    doc.line(vec![
        Span::raw("  > "),
        Span::styled(tail, palette.field()),
        Span::styled("_", palette.waiting()),
    ]);
}

/// A code over the whole screen, with what it is beside it.
pub fn film(palette: Palette, film: &Film, rehearsal: bool, frame: &mut Frame) {
    let area = frame.area();
    let square = &film.squares[film.at];
    let side = u16::try_from(square.len()).unwrap_or(u16::MAX);
    // Half blocks are not ASCII, and a code of whole letters fits no screen.
    let fits = !palette.ascii && side <= area.width && side.div_ceil(2) <= area.height;
    let x = if fits { side.saturating_add(2) } else { 1 };
    let width = usize::from(area.width.saturating_sub(x)).max(1);
    let mut lines: Vec<(String, Style)> = Vec::new();
    if rehearsal {
        lines.push((" REHEARSAL: not real ".to_owned(), palette.watermark()));
    }
    lines.extend(wrapped(&film.title, width, 0).into_iter().map(|line| (line, palette.heading())));
    lines.push((String::new(), Style::new()));
    for text in &film.beside {
        lines.extend(wrapped(text, width, 0).into_iter().map(|line| (line, Style::new())));
    }
    lines.push((String::new(), Style::new()));
    if !fits {
        let why = match palette.ascii {
            true => "This terminal draws no codes: send the file itself, or what is typed in its place.",
            false => "This window is too small for its code.",
        };
        lines.extend(wrapped(why, width, 0).into_iter().map(|line| (line, palette.warning())));
    }
    if film.squares.len() > 1 {
        let how = if film.still { "arrows: next one" } else { "arrows: stand still" };
        lines.push((format!("Code {} of {}", film.at + 1, film.squares.len()), palette.words()));
        lines.push((how.to_owned(), Style::new()));
    }
    lines.push((format!("[{}] back", keymap::BACK), palette.key()));
    for ((line, style), y) in lines.into_iter().zip(0..area.height) {
        put(frame, x, y, &line, style);
    }
    if fits {
        code::paint(palette, square, frame, 0, 0);
    }
}
