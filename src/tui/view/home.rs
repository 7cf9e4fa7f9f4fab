//! The home screen as drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::ceremony::Mode;
use crate::tui::home::Home;
use crate::tui::keymap;
use crate::tui::nearby::PlanFile;
use crate::tui::nearby::RecordDir;
use crate::tui::nearby::asked::Asked;
use crate::tui::repository;
use crate::tui::repository::Shown;
use crate::tui::view;
use crate::tui::view::detail;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::cut;
use crate::tui::view::doc::visible;
use crate::tui::view::help;
use crate::tui::view::page;
use crate::tui::view::page::Areas;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;
use crate::tui::view::start;

/// Roles of an answer that are written out when it is looked at.
const IN_FULL: usize = 500;
/// Columns of the marks of an entry.
const MARKS: usize = 12;

/// Draws it.
pub fn view(home: &Home, frame: &mut Frame) {
    if page::too_small(frame) {
        return;
    }
    let area = frame.area();
    let areas = areas(home, (area.width, area.height));
    let width = usize::from(areas.main.width);
    let (doc, scroll) = content(home, width, usize::from(areas.main.height));
    let keys = keys(home);
    let page = Page {
        palette: home.palette,
        title: ("Keyrite".to_owned(), cut(&visible(&home.dir), usize::from(area.width).saturating_sub(14))),
        rehearsal: on_repository(home).is_some_and(|shown| shown.found.overview.rehearsal),
        keys: &keys,
        doc: &doc,
        scroll,
        done: None,
    };
    page.draw(frame, areas.main);
    if let (Some(area), Some(shown)) = (areas.side, on_repository(home)) {
        let mut doc = Doc::new(home.palette, usize::from(area.width));
        detail::detail(shown, home.page, usize::from(area.height), &mut doc);
        for (line, y) in doc.lines.iter().zip(area.y..area.bottom()) {
            frame.render_widget(line, Rect { y, height: 1, ..area });
        }
    }
    if let Some(start) = &home.start {
        start::draw(home.palette, start, frame);
    }
    if home.help {
        let about = "What lies here: look at the repository, review a ceremony file, or go on with a record. Looking changes nothing.";
        help::draw(home.palette, about, keymap::HOME, frame);
    }
}

/// The repository, on a page that shows a list of it.
fn on_repository(home: &Home) -> Option<&Shown> {
    let lists =
        matches!(home.page, repository::Page::Roles | repository::Page::Keys | repository::Page::Tree);
    home.repository.as_ref().filter(|_| lists)
}

/// Beside a list there is what is chosen in it, where there is room.
fn areas(home: &Home, size: (u16, u16)) -> Areas {
    let close = home.repository.as_ref().is_some_and(|shown| shown.close);
    match on_repository(home) {
        Some(_) if !close => Areas::of(size),
        _ => Areas { main: Rect::new(1, 2, size.0.saturating_sub(2), size.1.saturating_sub(4)), side: None },
    }
}

/// What is shown, and how many of its lines are above the window.
fn content(home: &Home, width: usize, height: usize) -> (Doc, usize) {
    if let Some(doc) = text(home, width) {
        return (doc, home.scroll);
    }
    if home.page != repository::Page::Ceremonies {
        let mut doc = Doc::new(home.palette, width);
        view::repository::tabs(home, &mut doc);
        let scroll = view::repository::page(home, &mut doc, height);
        return (doc, scroll);
    }
    let (doc, chosen) = list(home, width);
    // The chosen entry stays on the screen.
    let scroll = (chosen + 4).saturating_sub(height);
    (doc, scroll.min(chosen))
}

/// A text that is read from its beginning: an entry that is looked at, a role in full, the requests.
fn text(home: &Home, width: usize) -> Option<Doc> {
    if let Some(open) = &home.open {
        return Some(opened(home, open, width));
    }
    let mut doc = Doc::new(home.palette, width);
    match on_repository(home) {
        Some(shown) if shown.close => detail::detail(shown, home.page, IN_FULL, &mut doc),
        _ if home.page == repository::Page::Requests => {
            view::repository::tabs(home, &mut doc);
            view::repository::page(home, &mut doc, 0);
        }
        _ => return None,
    }
    Some(doc)
}

/// Lines of a text that is looked at, and rows of the window that it is seen through.
pub fn extent(home: &Home) -> Option<(usize, usize)> {
    let main = areas(home, home.size).main;
    text(home, usize::from(main.width)).map(|doc| doc.extent(usize::from(main.height)))
}

/// The keys that work now.
fn keys(home: &Home) -> Vec<Hint> {
    let hint = |key, what: &str| (key, what.to_owned());
    let typing = home.repository.as_ref().is_some_and(|shown| shown.typing.is_some());
    let close = on_repository(home).is_some_and(|shown| shown.close);
    if let Some(start) = &home.start {
        return match start.done {
            None => vec![
                hint(keymap::CHOOSE, "choose"),
                hint(keymap::GO_ON, "write the file"),
                hint(keymap::BACK, "back, without writing"),
            ],
            Some(_) => vec![hint(keymap::GO_ON, "back")],
        };
    }
    if typing {
        let (back, help) = (hint(keymap::BACK, "leave it"), hint(keymap::HELP_TYPING, "help"));
        return vec![hint(keymap::GO_ON, "answer"), back, help];
    }
    if home.open.is_some() {
        return opened_keys(home);
    }
    if close {
        return vec![hint(keymap::BACK, "back"), hint(keymap::SCROLL, "read on"), hint(keymap::HELP, "help")];
    }
    let mut keys = match home.page {
        repository::Page::Ceremonies => {
            vec![hint(keymap::CHOOSE, "choose"), hint(keymap::GO_ON, "review or resume")]
        }
        repository::Page::Requests if home.nearby.asked.is_empty() => {
            vec![hint(keymap::SCROLL, "read on")]
        }
        repository::Page::Requests => {
            vec![hint(keymap::SCROLL, "read on"), hint(keymap::GO_ON, "to sign or merge")]
        }
        _ => vec![hint(keymap::CHOOSE, "choose"), hint(keymap::GO_ON, "look")],
    };
    if on_repository(home).is_some() {
        keys.push(hint(keymap::ASK, "who signs?"));
        keys.push(hint(keymap::START, "start"));
    }
    keys.push(hint(keymap::STOP, "leave"));
    keys.push(hint(keymap::HELP, "help"));
    keys
}

fn opened(home: &Home, open: &[String], width: usize) -> Doc {
    let mut doc = Doc::new(home.palette, width);
    if home.refused {
        doc.text("This cannot be done now. Nothing was changed.", home.palette.instruction());
        doc.blank();
        open.iter().for_each(|line| doc.marked("!!", home.palette.warning(), line, home.palette.warning()));
        return doc;
    }
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
    let holds = !home.refused && home.nearby.plans.get(home.at).is_some_and(|found| found.plan.is_ok());
    let mut keys: Vec<Hint> = vec![(keymap::BACK, "back".to_owned()), (keymap::SCROLL, "read on".to_owned())];
    if holds {
        keys.push((keymap::REHEARSE, "rehearse it".to_owned()));
        keys.push((keymap::PERFORM, "perform it, with real keys".to_owned()));
    }
    keys
}

/// The list, and the line of the chosen entry.
fn list(home: &Home, width: usize) -> (Doc, usize) {
    let palette = home.palette;
    let mut doc = Doc::new(palette, width);
    view::repository::tabs(home, &mut doc);
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
    match found.far() {
        Ok((met, far)) => entry(doc, chosen, if met { "[ OK ]" } else { "[WAIT]" }, &name, &far),
        Err(why) => entry(doc, chosen, "[STOP]", &name, why),
    }
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
