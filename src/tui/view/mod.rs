//! The screen as drawn: a pure function of what is known. One file a part.

pub mod apart;
pub mod big;
pub mod board;
pub mod closing;
pub mod code;
pub mod detail;
pub mod doc;
pub mod help;
pub mod home;
pub mod journal;
pub mod page;
pub mod repository;
pub mod share;
pub mod side;
pub mod start;
pub mod step;
pub mod words;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::app::App;
use crate::tui::app::Stage;
use crate::tui::entry::Entry;
use crate::tui::keymap;
use crate::tui::view::doc::Doc;
use crate::tui::view::page::Areas;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;
use crate::tui::window::Window;

/// Lines of the last events below the head of the journal.
const LAST: usize = 5;

/// Where a page lies that has the whole width.
fn whole(area: Rect) -> Rect {
    Rect { width: area.width.saturating_sub(2), ..Areas::of((area.width, area.height)).main }
}

/// A page of a running ceremony that has the whole width.
fn whole_page<'a>(app: &App, what: &str, keys: &'a [Hint], doc: &'a Doc, scroll: usize) -> Page<'a> {
    let title = (format!("{}   {what}", app.cover.id), String::new());
    Page { palette: app.palette, title, rehearsal: app.rehearsal(), keys, doc, scroll, done: None }
}

/// Draws the screen.
pub fn view(app: &App, frame: &mut Frame) {
    if page::too_small(frame) {
        return;
    }
    let size = (frame.area().width, frame.area().height);
    if let Some(Window::Codes(codes, at)) = &app.window {
        code::draw(app, &codes[*at], (*at, codes.len()), frame);
        return;
    }
    if let Some(Window::Journal(at)) = &app.window {
        return journal::draw(app, *at, &keys(app), frame);
    }
    if let (Some(Window::Share), Some(share)) = (&app.window, &app.share) {
        return share::draw(app, share, &keys(app), frame);
    }
    let areas = Areas::of(size);
    let doc = doc(app, size);
    let keys = keys(app);
    let page = Page {
        palette: app.palette,
        title: title(app),
        rehearsal: app.rehearsal(),
        keys: &keys,
        doc: &doc,
        scroll: app.scroll,
        done: app.scene.happened.last().filter(|last| last.proven).map(|last| last.what.as_str()),
    };
    page.draw(frame, areas.main);
    if let Some(area) = areas.side {
        side::draw(app, frame, area);
    }
    match &app.window {
        Some(Window::Help) => help::draw(app.palette, &help::about(app), keymap::ALL, frame),
        Some(Window::Exception { lines, at }) => help::exception(app, lines, *at, frame),
        Some(Window::Stop { reason, word }) => help::stop(app, reason, word.as_deref(), frame),
        Some(Window::Codes(..) | Window::Journal(_) | Window::Share) | None => {}
    }
}

/// What is shown until the first scene is there.
pub fn opening(frame: &mut Frame) {
    let text = "One moment: looking at the record, and at the token of its next step ...";
    page::put(frame, 1, 1, text, ratatui::style::Style::new());
}

/// What is shown until home has looked around.
pub fn looking(frame: &mut Frame) {
    page::put(frame, 1, 1, "One moment: reading what lies here ...", ratatui::style::Style::new());
}

/// Lines of the text that move, and rows of the window that they are seen through.
pub fn extent(app: &App) -> (usize, usize) {
    doc(app, app.size).extent(usize::from(Areas::of(app.size).main.height))
}

/// The same of the lines that must be seen before anyone goes on.
pub fn must_see(app: &App) -> (usize, usize) {
    let doc = doc(app, app.size);
    let (_, height) = doc.extent(usize::from(Areas::of(app.size).main.height));
    (doc.must.saturating_sub(doc.pinned), height)
}

fn doc(app: &App, size: (u16, u16)) -> Doc {
    let areas = Areas::of(size);
    let mut doc = Doc::new(app.palette, usize::from(areas.main.width));
    match &app.stage {
        Stage::Review => review(app, &mut doc),
        Stage::Between(section) => between(app, section, &mut doc),
        Stage::Over => closing::closing(app, &mut doc),
        Stage::Waiting | Stage::Typing(_) | Stage::Busy(_) => {
            step::step(app, areas, &mut doc);
        }
    }
    doc
}

/// The plan in words, before anything happens.
fn review(app: &App, doc: &mut Doc) {
    let palette = doc.palette;
    doc.text("Review the plan together. Nothing has been done yet.", palette.instruction());
    doc.blank();
    plan(doc, &app.cover.plan);
    doc.must_be_seen();
}

/// Between two sections: the head of the journal, for whoever keeps it on paper.
fn between(app: &App, section: &str, doc: &mut Doc) {
    let palette = doc.palette;
    doc.marked("[ OK ]", palette.good(), &format!("{section}: done."), palette.instruction());
    doc.blank();
    doc.heading("Head of the journal: write it down, or photograph its QR code");
    words::words(doc, &app.scene.head, false);
    words::hex(doc, &app.scene.head);
    doc.blank();
    side::last(doc, &app.scene.happened, LAST);
}

/// The lines of a plan: what must not be missed, headings, and the rest.
pub fn plan(doc: &mut Doc, lines: &[String]) {
    let palette = doc.palette;
    for line in lines {
        match line.strip_prefix("!! ") {
            Some(warning) => doc.marked("!!", palette.warning(), warning, palette.warning()),
            None if !line.starts_with(' ') => doc.text(line, palette.heading()),
            None => doc.text(line, ratatui::style::Style::new()),
        }
    }
}

/// The title bar: what, for real or not, how far, and when something happened last.
pub fn title(app: &App) -> (String, String) {
    let mode = if app.rehearsal() { "REHEARSAL" } else { "PRODUCTION" };
    let last = app.scene.happened.last().map(|last| clock(&last.at.to_string()));
    let last = last.map(|at| format!("event {at}")).unwrap_or_default();
    let of = app.cover.script.len();
    let place = match (&app.stage, &app.scene.prompt) {
        (Stage::Review, _) => format!("plan review, {of} steps"),
        (Stage::Between(section), _) => format!("end of section {section}"),
        (_, Some(prompt)) => format!("step {} of {of}  {}", prompt.number, prompt.section),
        (_, None) => format!("{of} of {of} steps done"),
    };
    (format!("{}   {mode}   {place}", app.cover.id), last)
}

/// `11:42:07 UTC` of a date.
pub fn clock(date: &str) -> String {
    date.get(11..19).map(|time| format!("{time} UTC")).unwrap_or_default()
}

/// The keys that work now.
fn keys(app: &App) -> Vec<Hint> {
    let hint = |key, what: &str| (key, what.to_owned());
    match (&app.window, &app.stage) {
        (Some(Window::Help), _) => vec![hint(keymap::BACK, "back")],
        (Some(Window::Stop { .. }), _) => {
            vec![hint(keymap::GO_ON, "next"), hint(keymap::BACK, "go on with the ceremony")]
        }
        (Some(Window::Journal(_)), _) => {
            vec![hint(keymap::SCROLL, "move"), hint(keymap::BACK, "back")]
        }
        (Some(Window::Exception { .. }), _) => {
            vec![hint(keymap::GO_ON, "next"), hint(keymap::BACK, "go on without an exception")]
        }
        (Some(Window::Codes(..)), _) => Vec::new(),
        (Some(Window::Share), _) => {
            vec![hint(keymap::GO_ON, "it is written down: away with it"), hint(keymap::BACK, "hide it")]
        }
        (None, Stage::Review) => vec![
            hint(keymap::GO_ON, if app.reads_on() { "next page" } else { "begin" }),
            hint(keymap::SCROLL, "move"),
            hint(keymap::EXCEPTION, "exception"),
            hint(keymap::STOP, "leave"),
            hint(keymap::HELP, "help"),
        ],
        (None, Stage::Between(_)) => vec![
            hint(keymap::GO_ON, "next section"),
            hint(keymap::CODE, "QR"),
            hint(keymap::EXCEPTION, "exception"),
            hint(keymap::STOP, "stop"),
            hint(keymap::HELP, "help"),
        ],
        (None, Stage::Over) => vec![
            hint(keymap::GO_ON, "leave"),
            hint(keymap::CODE, "QR codes"),
            hint(keymap::KEYS, "public keys"),
            hint(keymap::HELP, "help"),
        ],
        (None, Stage::Busy(_)) => vec![hint("working", "keys do nothing until it is done")],
        (None, Stage::Typing(entry)) => {
            let help =
                if entry.focus() == keymap::Focus::Everything { keymap::HELP_TYPING } else { keymap::HELP };
            let back = match entry {
                Entry::Words { .. } => "read again",
                Entry::Adopt { .. } | Entry::Line { .. } | Entry::Statement { .. } => "clear",
                Entry::Serial { .. }
                | Entry::Secret { .. }
                | Entry::Dice { .. }
                | Entry::Share { .. }
                | Entry::Absent { .. } => "close",
            };
            vec![
                hint(keymap::GO_ON, "done"),
                hint(keymap::BACK, back),
                hint(keymap::EXCEPTION_TYPING, "exception"),
                hint(keymap::STOP_TYPING, "stop"),
                hint(help, "help"),
            ]
        }
        (None, Stage::Waiting) => step::keys(app),
    }
}
