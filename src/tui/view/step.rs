//! One step: what to do, whose turn it is, what must not be missed, and what is looked at or typed.

use ratatui::style::Style;
use ratatui::text::Span;
use zeroize::Zeroizing;

use crate::driver::Ask;
use crate::driver::Body;
use crate::driver::GiveAsk;
use crate::driver::MIN_PASSPHRASE;
use crate::driver::NOT_TODAY;
use crate::driver::Prompt;
use crate::driver::SecretAsk;
use crate::driver::prompt::MachineBoard;
use crate::keystore::Wants;
use crate::tui::app::App;
use crate::tui::app::Stage;
use crate::tui::entry::Entry;
use crate::tui::keymap;
use crate::tui::view::big;
use crate::tui::view::board;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::columns;
use crate::tui::view::page::Areas;
use crate::tui::view::page::Hint;
use crate::tui::view::side;
use crate::tui::view::words;
use crate::words::Digest;

/// From this height on there is an empty line between the rows of words.
const ROOMY: u16 = 36;
/// Lines of the last events on a small screen.
const LAST: usize = 4;

/// The whole step, with the board and the last events below it where there is no second column for them.
pub fn step(app: &App, areas: Areas, doc: &mut Doc) {
    let Some(prompt) = &app.scene.prompt else { return };
    let palette = doc.palette;
    let height = usize::from(areas.main.height);
    if let (Body::Review { digests, .. }, true, false) =
        (&prompt.body, app.secret_open(), areas.main.height >= ROOMY)
    {
        return narrow(app, prompt, digests, height, doc);
    }
    if app.big && !read_aloud(app, prompt) {
        let text = match &app.stage {
            Stage::Busy(what) => format!("{what} ..."),
            _ => turn_text(app, prompt),
        };
        big::text(doc, &text, palette.instruction());
        doc.blank();
    }
    match prompt.verb {
        "gate" => doc.marked("!!", palette.warning(), &prompt.instruction, palette.warning()),
        _ => doc.text(&prompt.instruction, palette.instruction()),
    }
    doc.blank();
    who(prompt, doc);
    turn(app, prompt, doc);
    warnings(prompt, doc);
    if let (Stage::Waiting, Some(note)) = (&app.stage, &app.note) {
        doc.marked("!!", palette.warning(), note, palette.warning());
    }
    if let Stage::Typing(entry) = &app.stage {
        doc.blank();
        field(app, prompt, entry, doc);
    }
    doc.pin(height);
    sees(prompt, doc);
    body(app, prompt, areas.main.height >= ROOMY, doc);
    doc.must_be_seen();
    if areas.side.is_none() && prompt.verb != "review" {
        if !matches!(prompt.body, Body::Board) {
            doc.blank();
            board::board(doc, &app.scene.board);
        }
        doc.blank();
        side::last(doc, &app.scene.happened, LAST);
    }
}

/// A secret is typed for what is signed, on a screen with few rows: the whole digest stands beside the field, and what
/// was read before the field opened stands below.
fn narrow(app: &App, prompt: &Prompt, digests: &[(String, Digest)], height: usize, doc: &mut Doc) {
    doc.text(&prompt.instruction, doc.palette.instruction());
    turn(app, prompt, doc);
    let mut warned = Doc::new(doc.palette, doc.width);
    warnings(prompt, &mut warned);
    let beside = digests.first().map_or(0, |(of, _)| usize::from(columns(&heading(of)) > doc.width) + 9);
    let mut typed = Doc::new(doc.palette, doc.width);
    if let Stage::Typing(entry) = &app.stage {
        field(app, prompt, entry, &mut typed);
    }
    let fits = doc.lines.len() + warned.lines.len() + typed.lines.len() + beside <= height;
    if fits {
        doc.lines.append(&mut warned.lines);
    }
    doc.lines.append(&mut typed.lines);
    doc.pin(height);
    payloads(digests, false, doc);
    doc.lines.append(&mut warned.lines);
    sees(prompt, doc);
    if let Body::Review { lines, .. } = &prompt.body {
        doc.blank();
        content(lines, doc);
    }
}

fn warnings(prompt: &Prompt, doc: &mut Doc) {
    let style = doc.palette.warning();
    for warning in &prompt.warnings {
        doc.marked("!!", style, warning, style);
    }
}

fn sees(prompt: &Prompt, doc: &mut Doc) {
    if !prompt.sees.is_empty() {
        doc.blank();
    }
    for line in &prompt.sees {
        doc.marked("  sees:", Style::new(), line, Style::new());
    }
}

/// Whether words are on the screen that are read aloud: then it is they that are large.
fn read_aloud(app: &App, prompt: &Prompt) -> bool {
    let hidden = matches!(prompt.ask, Ask::TypeBack { .. }) && !matches!(app.stage, Stage::Waiting);
    matches!(prompt.body, Body::Words { .. }) && !hidden
}

fn who(prompt: &Prompt, doc: &mut Doc) {
    let confirm = if prompt.confirm.is_empty() {
        String::new()
    } else {
        format!("     Confirms: {}", prompt.confirm.join(", "))
    };
    doc.text(&format!("Does it: {}{confirm}", prompt.by), Style::new());
}

/// Whose turn it is, and what Enter means.
fn turn(app: &App, prompt: &Prompt, doc: &mut Doc) {
    let palette = doc.palette;
    if let Stage::Busy(what) = &app.stage {
        let text = format!("{what} ...");
        return doc.marked("[WAIT]", palette.waiting(), &text, palette.waiting());
    }
    doc.marked("[WAIT]", palette.waiting(), &turn_text(app, prompt), palette.instruction());
    if app.secret_due() && !app.commands && prompt.ask.may_decline() {
        // Letters are what is typed there, until Esc makes them commands.
        doc.marked(
            "      ",
            Style::new(),
            &format!("or {NOT_TODAY}: Esc, and then n, leave it to the others"),
            Style::new(),
        );
    }
    if let Ask::Fix { error, hint, .. } = &prompt.ask {
        doc.blank();
        doc.marked("[STOP]", palette.warning(), error, palette.warning());
        doc.marked("      ", Style::new(), hint, Style::new());
    }
}

/// Whose turn it is, and what Enter means, as a sentence.
fn turn_text(app: &App, prompt: &Prompt) -> String {
    let who = &prompt.who;
    match &prompt.ask {
        _ if app.reads_on() => format!("{who} reads on: Enter shows the next page"),
        Ask::Continue => format!("{who}: {}. Enter", done(prompt.verb)),
        Ask::Confirm => match prompt.verb {
            // It came in before, and the board shows it.
            "sign" if matches!(prompt.body, Body::Board) => {
                format!("{who} confirms that it was done: Enter")
            }
            "gate" | "generate-key" | "share-key" | "destroy-key" | "sign" | "export" | "close" => {
                format!("{who} confirms that it may begin: Enter")
            }
            _ => format!("{who} confirms that it was done: Enter"),
        },
        Ask::TypeBack { .. } if matches!(app.stage, Stage::Waiting) => {
            format!("{} reads the words again; Enter hides them, and {who} types two", prompt.by)
        }
        Ask::TypeBack { .. } if matches!(prompt.body, Body::Elsewhere { .. }) => {
            format!("{who} types two words from the second machine")
        }
        Ask::TypeBack { .. } => format!("{who} types two words, from the other source"),
        Ask::Secret(ask) if matches!(app.stage, Stage::Waiting) => match ask.wants {
            Wants::Passphrase if ask.new => format!("{who} chooses a new passphrase: Enter opens the field"),
            Wants::Passphrase => format!("{who} types the passphrase: Enter opens the field"),
            Wants::Pin => format!("{who} types the PIN: Enter opens the field"),
            Wants::PinPad => format!("{who}: Enter, then the PIN is typed on the token's own pad"),
        },
        Ask::Secret(_) => format!("{who} types; nobody looks"),
        Ask::Share { .. } => format!("This is for {who} alone; the others look away. Enter shows it"),
        Ask::Give(_) if matches!(app.stage, Stage::Waiting) => {
            format!("{who} gives the share: Enter opens the field; the others look away")
        }
        Ask::Give(_) => format!("{who} types; the others look away"),
        Ask::Adopt { .. } => format!("{who} says whether this is the ceremony's key"),
        Ask::Fix { .. } => format!("{who} puts it right: Enter looks again"),
        Ask::Present { .. } if matches!(app.stage, Stage::Typing(_)) => {
            format!("{who} names who is not here")
        }
        Ask::Present { .. } => format!("{who}: everyone is here. Enter"),
        Ask::Text { what, .. } => format!("{who} types {what}"),
        Ask::Statement => format!("{who} says whether the record is true"),
    }
}

/// When the doer presses Enter.
fn done(verb: &str) -> &'static str {
    match verb {
        "roll-call" => "everyone is here",
        "say" => "it was said",
        "read-aloud" | "checkpoint" => "every row was read",
        "preflight" => "look, then go on",
        "gate" => "go through the gate",
        "break" => "everyone is back",
        "open-bag" => "it is open",
        "seal-bag" => "it is sealed",
        "insert-token" => "it is in",
        "remove-token" | "eject-drive" => "it is out",
        "mount-drive" => "it is plugged in",
        "print" => "it is on paper",
        "review" => "it was read, and everyone agrees",
        "close" => "close it",
        "export" => "write it",
        _ => "go on",
    }
}

fn field(app: &App, prompt: &Prompt, entry: &Entry, doc: &mut Doc) {
    let palette = doc.palette;
    let ask = match (entry, &prompt.ask) {
        (Entry::Dice { .. }, Ask::Secret(SecretAsk { dice: Some(wanted), .. })) => {
            format!("Throw a die {wanted} times, and type what it shows, 1 to 6. Ctrl-U takes a row back:")
        }
        (Entry::Serial { .. }, _) => "The last PIN try. Type the token's serial number first:".to_owned(),
        (Entry::Secret { first: Some(_), .. }, _) => "The same once more:".to_owned(),
        (Entry::Secret { .. }, Ask::Secret(ask)) => {
            let what = if ask.wants == Wants::Pin { "PIN" } else { "Passphrase" };
            let new = if ask.new { "New passphrase" } else { what };
            format!("{new} for {}:", ask.store)
        }
        (Entry::Words { first, .. }, Ask::TypeBack { places }) => {
            let place = places[usize::from(first.is_some())];
            format!("Word {} of row {}:", place % 4 + 1, place / 4 + 1)
        }
        (Entry::Share { at, .. }, Ask::Give(GiveAsk { rows, .. })) => {
            let file = if *at == 0 { ", or the name of a file with its code" } else { "" };
            format!("Row {} of {rows}{file}. Ctrl-U takes a row back:", at + 1)
        }
        (Entry::Adopt { .. }, Ask::Adopt { keyid, .. }) => {
            doc.text(
                &format!("A key is there already, made when the ceremony was cut off. Its keyid is {keyid}"),
                Style::new(),
            );
            "Is it this ceremony's key? Type yes, or no:".to_owned()
        }
        (Entry::Line { .. }, Ask::Text { what, .. }) => {
            let mut letters = what.chars();
            let first = letters.next().map(|first| first.to_uppercase().collect::<String>());
            let decline = if prompt.ask.may_decline() { ", or `not today`" } else { "" };
            format!("{}{}{decline}:", first.unwrap_or_default(), letters.as_str())
        }
        (Entry::Absent { .. }, Ask::Present { people }) => {
            for (id, name) in people {
                doc.text(&format!("  {id:<10} {name}"), Style::new());
            }
            "Short names of those who are not here:".to_owned()
        }
        (Entry::Statement { agree: None, .. }, _) => {
            "Is the record true? Type agree, or do not agree:".to_owned()
        }
        (Entry::Statement { agree: Some(_), .. }, _) => "In own words; may be empty:".to_owned(),
        _ => String::new(),
    };
    doc.text(&ask, palette.instruction());
    if matches!((entry, &prompt.ask), (Entry::Secret { first: None, .. }, Ask::Secret(ask)) if ask.new) {
        let advice = format!("{MIN_PASSPHRASE} characters or more; several words are best.");
        doc.text(&advice, Style::new());
    }
    let room = doc.width.saturating_sub(6);
    let shown = Zeroizing::new(entry.shown());
    let from = shown.chars().count().saturating_sub(room);
    // It never grows, so that no copy stays behind.
    let mut tail = String::with_capacity(shown.len());
    tail.extend(shown.chars().skip(from));
    doc.line(vec![
        Span::raw("  > "),
        Span::styled(tail, palette.field()),
        Span::styled("_", palette.waiting()),
    ]);
    if let Some(note) = &app.note {
        doc.marked("!!", palette.warning(), note, palette.warning());
    }
}

fn body(app: &App, prompt: &Prompt, roomy: bool, doc: &mut Doc) {
    if let Ask::Adopt { digest, .. } = &prompt.ask {
        doc.blank();
        doc.heading("SHA-256 of its public half");
        words::words(doc, digest, roomy);
        words::hex(doc, digest);
        return;
    }
    if matches!(prompt.body, Body::Nothing) {
        return;
    }
    doc.blank();
    match (&prompt.body, &prompt.ask) {
        (Body::Words { of, .. }, Ask::TypeBack { places }) if !matches!(app.stage, Stage::Waiting) => {
            doc.heading(&format!("SHA-256 of {of}, hidden while two of its words are typed"));
            let second = matches!(&app.stage, Stage::Typing(Entry::Words { first: Some(_), .. }));
            words::hidden(doc, *places, second, roomy);
        }
        (Body::Elsewhere { of, .. }, _) => {
            doc.heading(&format!("SHA-256 of {of}"));
            doc.text("Its words stand on the second machine, and are not shown here.", Style::new());
        }
        (Body::Words { of, digest }, _) => {
            doc.heading(&format!("SHA-256 of {of}"));
            match app.big {
                true => words::large(doc, digest),
                false => words::words(doc, digest, roomy),
            }
            words::hex(doc, digest);
        }
        // Who signs compares the words again first.
        (Body::Review { lines, digests }, _) if prompt.verb == "sign" => {
            payloads(digests, roomy, doc);
            doc.blank();
            content(lines, doc);
        }
        (Body::Review { lines, digests }, _) => {
            content(lines, doc);
            doc.blank();
            payloads(digests, roomy, doc);
        }
        (Body::Clock(lines), _) => {
            doc.text(
                &format!("the machine says    {}, a {}", app.scene.now, app.scene.now.weekday()),
                doc.palette.words(),
            );
            for line in lines {
                doc.text(line, Style::new());
            }
        }
        (Body::Machine(board), _) => machine(board, roomy, doc),
        (Body::Board, _) => board::board(doc, &app.scene.board),
        (Body::Lines(lines), _) => {
            for line in lines {
                doc.text(line, Style::new());
            }
        }
        (Body::Nothing, _) => {}
    }
}

fn content(lines: &[String], doc: &mut Doc) {
    for line in lines {
        let style = if line.starts_with(' ') { Style::new() } else { doc.palette.heading() };
        doc.text(line, style);
    }
}

fn payloads(digests: &[(String, Digest)], roomy: bool, doc: &mut Doc) {
    for (n, (of, digest)) in digests.iter().enumerate() {
        if n > 0 {
            doc.blank();
        }
        doc.heading(&heading(of));
        words::words(doc, digest, roomy);
        words::hex(doc, digest);
    }
}

fn heading(of: &str) -> String {
    format!("SHA-256 of {of}")
}

fn machine(board: &MachineBoard, roomy: bool, doc: &mut Doc) {
    let palette = doc.palette;
    for seen in &board.items {
        let mark = seen.mark();
        doc.marked(mark, palette.mark(mark), &seen.says(), Style::new());
    }
    doc.blank();
    doc.heading("Not checked, and not to be seen from here");
    for what in board.not_checked {
        doc.text(what, Style::new());
    }
    if let Some(program) = &board.program {
        doc.blank();
        doc.heading("SHA-256 of this program");
        words::words(doc, program, roomy);
        words::hex(doc, program);
    }
}

/// The keys that work while the prompt waits.
pub fn keys(app: &App) -> Vec<Hint> {
    let Some(prompt) = &app.scene.prompt else { return Vec::new() };
    let go_on = match &prompt.ask {
        _ if app.reads_on() => "next page".to_owned(),
        Ask::Continue => "go on".to_owned(),
        Ask::Confirm => format!("{} confirms", prompt.who),
        Ask::Fix { .. } => "look again".to_owned(),
        Ask::Secret(ask) if ask.wants == Wants::PinPad => "use the pad".to_owned(),
        Ask::Secret(_) | Ask::Give(_) => "type it".to_owned(),
        Ask::Share { .. } => "show it".to_owned(),
        Ask::TypeBack { .. } => "hide and type".to_owned(),
        Ask::Adopt { .. } | Ask::Text { .. } | Ask::Statement => "type".to_owned(),
        Ask::Present { .. } => "everyone is here".to_owned(),
    };
    let mut keys = vec![(keymap::GO_ON, go_on)];
    if app.secret_due() && !app.commands {
        keys.extend([(keymap::BACK, "more".to_owned()), (keymap::EXCEPTION_TYPING, "exception".to_owned())]);
        keys.extend([(keymap::STOP_TYPING, "stop".to_owned()), (keymap::HELP_TYPING, "help".to_owned())]);
        return keys;
    }
    if prompt.ask.may_decline() {
        keys.push((keymap::NOT_TODAY, NOT_TODAY.to_owned()));
    }
    if matches!(prompt.ask, Ask::Present { .. }) {
        keys.push((keymap::ABSENT, "not all".to_owned()));
    }
    if prompt.may_pass_over {
        keys.push((keymap::LEAVE_OUT, "leave out".to_owned()));
    }
    if app.has_digest() {
        keys.push((keymap::CODE, "QR".to_owned()));
    }
    if !app.scene.keys.is_empty() && !prompt.ask.may_decline() {
        keys.push((keymap::KEYS, "keys".to_owned()));
    }
    keys.push((keymap::EXCEPTION, "exception".to_owned()));
    keys.push((keymap::STOP, "stop".to_owned()));
    keys.push((keymap::HELP, "help".to_owned()));
    keys
}
