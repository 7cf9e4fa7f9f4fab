//! The home screen as drawn.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::ceremony::Mode;
use crate::tuf::apart::Tally;
use crate::tui::apart::asked::Asked;
use crate::tui::home::Home;
use crate::tui::keymap;
use crate::tui::nearby::PlanFile;
use crate::tui::nearby::RecordDir;
use crate::tui::view;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::cut;
use crate::tui::view::doc::visible;
use crate::tui::view::help;
use crate::tui::view::page;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;

/// Columns of the marks of an entry.
const MARKS: usize = 12;

/// Draws it.
pub fn view(home: &Home, frame: &mut Frame) {
    if page::too_small(frame) {
        return;
    }
    let area = frame.area();
    let main = main((area.width, area.height));
    let width = usize::from(main.width);
    let (doc, scroll, keys) = match &home.open {
        Some(open) => (opened(home, open, width), home.scroll, opened_keys(home)),
        None => {
            let (doc, chosen) = list(home, width);
            // The chosen entry stays on the screen.
            let scroll = (chosen + 4).saturating_sub(usize::from(main.height));
            (doc, scroll.min(chosen), list_keys())
        }
    };
    let page = Page {
        palette: home.palette,
        title: ("Keyrite".to_owned(), cut(&visible(&home.dir), width.saturating_sub(12))),
        rehearsal: false,
        keys: &keys,
        doc: &doc,
        scroll,
    };
    page.draw(frame, main);
    if home.help {
        let about =
            "Choose a ceremony file to review it, or a record to go on with it. Looking changes nothing.";
        help::draw(home.palette, about, frame);
    }
}

fn main(size: (u16, u16)) -> ratatui::layout::Rect {
    ratatui::layout::Rect::new(1, 2, size.0.saturating_sub(2), size.1.saturating_sub(4))
}

/// Lines of an open entry, and rows of the window that it is seen through.
pub fn extent(home: &Home, open: &[String]) -> (usize, usize) {
    let main = main(home.size);
    opened(home, open, usize::from(main.width)).extent(usize::from(main.height))
}

fn opened(home: &Home, open: &[String], width: usize) -> Doc {
    let mut doc = Doc::new(home.palette, width);
    let holds = home.nearby.plans.get(home.at).is_some_and(|found| found.plan.is_ok());
    if holds {
        doc.text("Review the plan together. Looking changes nothing.", home.palette.instruction());
    } else {
        doc.text("This cannot be performed as it is. Nothing was changed.", home.palette.instruction());
    }
    doc.blank();
    view::plan(&mut doc, open);
    doc
}

fn opened_keys(home: &Home) -> Vec<Hint> {
    let holds = home.nearby.plans.get(home.at).is_some_and(|found| found.plan.is_ok());
    let mut keys: Vec<Hint> = vec![(keymap::BACK, "back".to_owned()), (keymap::SCROLL, "read on".to_owned())];
    if holds {
        keys.push((keymap::REHEARSE, "rehearse it".to_owned()));
        keys.push((keymap::PERFORM, "perform it, with real keys".to_owned()));
    }
    keys
}

fn list_keys() -> Vec<Hint> {
    vec![
        (keymap::CHOOSE, "choose".to_owned()),
        (keymap::GO_ON, "review or resume".to_owned()),
        (keymap::STOP, "leave".to_owned()),
        (keymap::HELP, "help".to_owned()),
    ]
}

/// The list, and the line of the chosen entry.
fn list(home: &Home, width: usize) -> (Doc, usize) {
    let palette = home.palette;
    let mut doc = Doc::new(palette, width);
    doc.text(
        "Keyrite takes a group of people through a key ceremony, offline, from one reviewed file.",
        palette.instruction(),
    );
    doc.blank();
    let mut chosen = 0;
    doc.heading("Ceremony files here");
    if home.nearby.plans.is_empty() {
        doc.text(
            "  none; `keyrite new root-genesis --out ceremony.yaml` writes one to start from",
            Style::new(),
        );
    }
    for (found, n) in home.nearby.plans.iter().zip(0..) {
        if n == home.at {
            chosen = doc.lines.len();
        }
        plan_file(&mut doc, found, n == home.at);
    }
    doc.blank();
    doc.heading("Records here");
    if home.nearby.records.is_empty() {
        doc.text("  none; a ceremony makes one", Style::new());
    }
    for (found, n) in home.nearby.records.iter().zip(home.nearby.plans.len()..) {
        if n == home.at {
            chosen = doc.lines.len();
        }
        record(&mut doc, found, n == home.at);
    }
    let before = home.nearby.plans.len() + home.nearby.records.len();
    if !home.nearby.asked.is_empty() {
        doc.blank();
        doc.heading("Signatures asked for here");
    }
    for (found, n) in home.nearby.asked.iter().zip(before..) {
        if n == home.at {
            chosen = doc.lines.len();
        }
        asked(&mut doc, found, n == home.at);
    }
    doc.blank();
    doc.heading("Without this screen");
    doc.text("  keyrite check FILE           proves a ceremony file", Style::new());
    doc.text("  keyrite run FILE --rehearse  rehearses it, with simulated tokens", Style::new());
    doc.text("  keyrite --help               everything else", Style::new());
    (doc, chosen)
}

fn entry(doc: &mut Doc, chosen: bool, mark: &'static str, name: &str, about: &str) {
    let palette = doc.palette;
    let pointer = if chosen { " > " } else { "   " };
    let style = if chosen { palette.chosen() } else { Style::new() };
    let text = format!("{:<22} {}", visible(name), visible(about));
    let text = cut(&text, doc.width.saturating_sub(MARKS));
    doc.line(vec![
        Span::styled(pointer, palette.instruction()),
        Span::styled(mark, palette.mark(mark)),
        Span::raw("  "),
        Span::styled(text, style),
    ]);
}

fn plan_file(doc: &mut Doc, found: &PlanFile, chosen: bool) {
    let name = found.file.display().to_string();
    match &found.plan {
        Ok(plan) => entry(doc, chosen, "[ OK ]", &name, &format!("{}: {}", plan.id, plan.title)),
        Err(problems) => {
            let more = if problems.len() == 1 { "1 problem" } else { "several problems" };
            entry(doc, chosen, "[STOP]", &name, &format!("is refused: {more}, Enter shows"));
        }
    }
}

fn asked(doc: &mut Doc, found: &Asked, chosen: bool) {
    let name = found.file.display().to_string();
    let request = match &found.request {
        Ok(request) => request,
        Err(why) => return entry(doc, chosen, "[STOP]", &name, why),
    };
    let signed = |tally: &Tally| format!("{} of {}", tally.signed.len(), tally.need);
    let signed: Vec<String> = found.tallies.iter().map(signed).collect();
    let kind = if found.own { "" } else { "request for " };
    let mark = if found.tallies.iter().all(|tally| tally.met) { "[ OK ]" } else { "[WAIT]" };
    let what = format!("{kind}{} version {}", request.role, request.version());
    let about = format!("{what}, signed {}", signed.join(" and "));
    entry(doc, chosen, mark, &name, &about);
}

fn record(doc: &mut Doc, found: &RecordDir, chosen: bool) {
    let name = format!("{}/", found.dir.display());
    match &found.state {
        Ok(state) => {
            let mode = if state.mode == Mode::Rehearsal { "REHEARSAL, " } else { "" };
            let (mark, far) = match state.next {
                Some(next) => ("[WAIT]", format!("not finished: step {next} of {} is next", state.of)),
                None => ("[ OK ]", "closed".to_owned()),
            };
            entry(doc, chosen, mark, &name, &format!("{mode}{far}: {}", state.title));
        }
        Err(why) => entry(doc, chosen, "[STOP]", &name, why),
    }
}
