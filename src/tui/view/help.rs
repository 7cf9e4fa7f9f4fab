//! Windows over the screen: the help, and stopping.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;

use crate::driver::Ask;
use crate::tui::app::App;
use crate::tui::app::Stage;
use crate::tui::style::Palette;
use crate::tui::view::doc::Doc;
use crate::tui::view::page;

/// What the screen is about, in a sentence or two.
pub fn about(app: &App) -> String {
    let text = match (&app.stage, &app.scene.prompt) {
        (Stage::Review, _) => "The plan as it will be performed. Enter begins with its first step; q leaves.",
        (Stage::Between(_), _) => {
            "A section is done. Who keeps the head of the journal on paper can prove later that nothing before it was changed."
        }
        (Stage::Over, _) | (_, None) => {
            "The ceremony is over. Write the head of the journal down before you leave."
        }
        (Stage::Busy(_), _) => "The machine works. Nothing needs to be pressed until it is done.",
        (_, Some(prompt)) => match &prompt.ask {
            Ask::Continue => {
                "The person named first does what the bold sentence says, and presses Enter when it is done."
            }
            Ask::Confirm => {
                "Another person confirms. Only the person named presses Enter, after looking for themselves."
            }
            Ask::TypeBack { .. } => {
                "Two words are typed from the other source: a printed page, another device. It proves that it was compared."
            }
            Ask::Secret(_) => {
                "A secret goes to this one store and no other. It is shown as stars, and never written down."
            }
            Ask::Adopt { .. } => {
                "The program was cut off after the key was made. Answer yes when this key was made here, today."
            }
            Ask::Share { .. } => {
                "Only the holder of this share looks. It is written down by hand, compared, and gone with Enter or Esc."
            }
            Ask::Give(_) => {
                "The holder types the words of the share, or names the file of a scan. What is wrong is named by row and word."
            }
            Ask::Present { .. } => {
                "Look around: is everyone here? Enter says so; a names those who have not come, where the file can do without."
            }
            Ask::Text { .. } => "One line is typed, and becomes part of the record as it stands.",
            Ask::Statement => {
                "Each says whether the record is true. Who does not agree says so, and why: the ceremony is closed all the same."
            }
            Ask::Fix { .. } => {
                "Something is in the way. Nothing was lost; put it right, and Enter looks again."
            }
        },
    };
    text.to_owned()
}

/// The help.
pub fn draw(palette: Palette, about: &str, keys: &[(&str, &str)], frame: &mut Frame) {
    let inner = page::window(frame, palette, "Help", 76, 20);
    let mut doc = Doc::new(palette, usize::from(inner.width));
    doc.text(about, Style::new());
    doc.blank();
    for (key, what) in keys {
        doc.marked(&format!("{key:<10}"), palette.key(), what, Style::new());
    }
    show(&doc, frame, inner);
}

/// An exception: what was expected, what happened, what was done, and who writes it down.
pub fn exception(app: &App, lines: &[String; 4], at: usize, frame: &mut Frame) {
    let palette = app.palette;
    let inner = page::window(frame, palette, "Exception", 76, 19);
    let mut doc = Doc::new(palette, usize::from(inner.width));
    doc.text("What goes otherwise than planned is written down, and read before the end.", Style::new());
    doc.blank();
    let whose = app.scene.prompt.as_ref().map(|prompt| prompt.by.clone()).unwrap_or_default();
    let asks = [
        "What was expected?".to_owned(),
        "What happened?".to_owned(),
        "What was done about it?".to_owned(),
        format!("Who writes it down? A short name; empty is {whose}."),
    ];
    for (n, (ask, line)) in asks.iter().zip(lines).enumerate().take(at + 1) {
        doc.text(ask, if n == at { palette.instruction() } else { Style::new() });
        let room = doc.width.saturating_sub(6);
        let from = line.chars().count().saturating_sub(room);
        let tail: String = line.chars().skip(from).collect();
        let cursor = if n == at { "_" } else { "" };
        doc.line(vec![
            Span::raw("  > "),
            Span::styled(tail, palette.field()),
            Span::styled(cursor, palette.waiting()),
        ]);
    }
    if let Some(prompt) = app.scene.prompt.as_ref().filter(|_| at == 3) {
        let names: Vec<_> = prompt.people.iter().map(|(id, name)| format!("{id} ({name})")).collect();
        doc.text(&format!("Short names: {}", names.join(", ")), Style::new());
    }
    if let Some(note) = &app.note {
        doc.marked("!!", palette.warning(), note, palette.warning());
    }
    show(&doc, frame, inner);
}

/// Stopping: the reason, and the word.
pub fn stop(app: &App, reason: &str, word: Option<&str>, frame: &mut Frame) {
    let palette = app.palette;
    let inner = page::window(frame, palette, "Stop the ceremony?", 72, 10);
    let mut doc = Doc::new(palette, usize::from(inner.width));
    doc.text("Everything so far is recorded. It goes on later with", Style::new());
    doc.text(&format!("  keyrite resume {}", app.cover.record), palette.key());
    doc.blank();
    doc.text("Why? The record keeps the reason.", palette.instruction());
    typed(&mut doc, reason, word.is_none());
    if let Some(word) = word {
        doc.text("Type stop to stop; Esc goes on with the ceremony.", palette.instruction());
        typed(&mut doc, word, true);
    }
    show(&doc, frame, inner);
}

fn typed(doc: &mut Doc, text: &str, open: bool) {
    let palette = doc.palette;
    let room = doc.width.saturating_sub(6);
    let from = text.chars().count().saturating_sub(room);
    let tail: String = text.chars().skip(from).collect();
    let cursor = if open { "_" } else { "" };
    doc.line(vec![
        Span::raw("  > "),
        Span::styled(tail, palette.field()),
        Span::styled(cursor, palette.waiting()),
    ]);
}

fn show(doc: &Doc, frame: &mut Frame, area: Rect) {
    for (line, y) in doc.lines.iter().zip(area.y..area.bottom()) {
        let line: &Line<'static> = line;
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}
