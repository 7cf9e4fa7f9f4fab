//! Answers as drawn: the field that takes them, the boards, and what became of each.

use ratatui::Frame;
use ratatui::style::Style;

use crate::tuf::apart::Finding;
use crate::tuf::apart::Outcome;
use crate::tui::apart::merge::Field;
use crate::tui::apart::merge::Merging;
use crate::tui::keymap;
use crate::tui::view::apart;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::cut;
use crate::tui::view::doc::visible;
use crate::tui::view::help;
use crate::tui::view::page;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;

/// Of what came last, so many outcomes stand under the field.
const TOLD: usize = 2;

/// Draws it.
pub fn view(merging: &Merging, frame: &mut Frame) {
    if page::too_small(frame) {
        return;
    }
    let area = frame.area();
    let main = apart::main((area.width, area.height));
    let doc = doc(merging, (main.width, main.height));
    let keys = keys(merging);
    let right = cut(&visible(&merging.file), usize::from(area.width / 2));
    let title = (format!("Merge answers   {}", visible(&apart::what(&merging.request))), right);
    let rehearsal = merging.request.is_rehearsal();
    let page = Page {
        palette: merging.palette,
        title,
        rehearsal,
        keys: &keys,
        doc: &doc,
        scroll: merging.scroll,
        done: None,
    };
    page.draw(frame, main);
    if merging.help {
        let about = "Answers come in any order, any number of times. Each signature is verified as it comes in. \
            Type the path of a file or of an image of a QR code, or the lines of an answer, one by one.";
        help::draw(merging.palette, about, keymap::APART, frame);
    }
}

/// Lines of the text that move, and rows of the window that they are seen through.
pub fn extent(merging: &Merging) -> (usize, usize) {
    let main = apart::main(merging.size);
    doc(merging, (main.width, main.height)).extent(usize::from(main.height))
}

fn doc(merging: &Merging, (width, height): (u16, u16)) -> Doc {
    let mut doc = Doc::new(merging.palette, usize::from(width));
    let palette = doc.palette;
    apart::failure(&mut doc, merging.failed.as_ref());
    above(merging, &mut doc);
    doc.pin(usize::from(height));
    doc.blank();
    apart::boards(&mut doc, &merging.merge.tallies(), &merging.request.names);
    if let Some(remark) = merging.request.no_old() {
        doc.marked("!!", palette.warning(), &remark, palette.warning());
    }
    doc.blank();
    doc.heading("What came in, newest first");
    for finding in merging.merge.findings().iter().rev() {
        let (mark, style) = mark(merging, finding);
        doc.marked(mark, style, &finding.sentence(&merging.request.names), Style::new());
    }
    if merging.merge.findings().is_empty() {
        doc.text("  nothing yet", Style::new());
    }
    doc
}

fn mark(merging: &Merging, finding: &Finding) -> (&'static str, Style) {
    let palette = merging.palette;
    match finding.outcome {
        Outcome::Added | Outcome::Kept => ("[ OK ]", palette.good()),
        Outcome::AlreadyThere | Outcome::Empty => ("      ", Style::new()),
        Outcome::DoesNotVerify
        | Outcome::Malformed
        | Outcome::OtherSalt
        | Outcome::Replay
        | Outcome::Stranger
        | Outcome::WrongPayload => ("[STOP]", palette.warning()),
    }
}

/// The field, or what can be done.
fn above(merging: &Merging, doc: &mut Doc) {
    let palette = doc.palette;
    match (&merging.field, &merging.written) {
        (Some(Field::Take(text)), _) => {
            let label = match merging.typed.len() {
                0 => "A file, an image of a code, or a line of an answer:".to_owned(),
                1 => "The next line of the answer; 1 is there:".to_owned(),
                n => format!("The next line of the answer; {n} are there:"),
            };
            apart::field(doc, &label, text);
            if merging.typed.is_empty() && !merging.nearby.is_empty() {
                let lies = if merging.nearby.len() == 1 { "lies" } else { "lie" };
                doc.text(&format!("    {} {lies} here: arrows choose", merging.nearby.len()), Style::new());
            }
        }
        (Some(Field::Write(text)), _) => {
            apart::field(doc, "Write the merged file to, never over a file:", text)
        }
        (None, _) if merging.leaving => {
            let text = "Signatures came in that are in no file. Esc once more leaves all the same; w writes.";
            doc.marked("!!", palette.warning(), text, palette.warning());
        }
        (None, Some(file)) => {
            doc.marked("[ OK ]", palette.good(), &format!("written: {file}"), palette.instruction());
        }
        (None, None) => {
            doc.text("Enter takes an answer in; each is verified as it comes.", palette.instruction());
        }
    }
    if let Some(note) = &merging.note {
        doc.text(note, palette.waiting());
    }
    last(merging, doc);
}

/// What became of what came last, where whoever gave it looks; the boards may push the list out of sight.
fn last(merging: &Merging, doc: &mut Doc) {
    let came = merging.merge.findings().get(merging.before..).unwrap_or_default();
    for finding in came.iter().take(TOLD) {
        let (mark, style) = mark(merging, finding);
        doc.marked(mark, style, &finding.sentence(&merging.request.names), Style::new());
    }
    if came.len() > TOLD {
        doc.text(&format!("  and {} more, below", came.len() - TOLD), Style::new());
    }
}

fn keys(merging: &Merging) -> Vec<Hint> {
    let hint = |key, what: &str| (key, what.to_owned());
    match &merging.field {
        Some(_) => vec![
            hint(keymap::GO_ON, "done"),
            hint(keymap::BACK, "close the field"),
            hint(keymap::HELP_TYPING, "help"),
        ],
        None => vec![
            hint(keymap::GO_ON, "take an answer in"),
            hint(keymap::WRITE, "write the file"),
            hint(keymap::BACK, "back"),
            hint(keymap::HELP, "help"),
        ],
    }
}
