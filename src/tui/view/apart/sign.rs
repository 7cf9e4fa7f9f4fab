//! A request as drawn: what would be signed, its digest in words, what is typed, and the answer.

use ratatui::Frame;
use ratatui::style::Style;

use crate::keystore::Wants;
use crate::tui::apart::film::Film;
use crate::tui::apart::sign::Answered;
use crate::tui::apart::sign::Sign;
use crate::tui::apart::sign::Stage;
use crate::tui::keymap;
use crate::tui::view;
use crate::tui::view::apart;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::cut;
use crate::tui::view::doc::visible;
use crate::tui::view::help;
use crate::tui::view::page;
use crate::tui::view::page::Hint;
use crate::tui::view::page::Page;
use crate::tui::view::words;

/// Draws it.
pub fn view(sign: &Sign, frame: &mut Frame) {
    if page::too_small(frame) {
        return;
    }
    let area = frame.area();
    let rehearsal = sign.request.is_rehearsal();
    if let Some(film) = &sign.film {
        return apart::film(sign.palette, film, rehearsal, frame);
    }
    let main = apart::main((area.width, area.height));
    let doc = doc(sign, (main.width, main.height));
    let keys = keys(sign);
    let right = cut(&visible(&sign.file), usize::from(area.width / 2));
    let title = (format!("Sign apart   {}", visible(&apart::what(&sign.request))), right);
    let page = Page {
        palette: sign.palette,
        title,
        rehearsal,
        keys: &keys,
        doc: &doc,
        scroll: sign.scroll,
        done: None,
    };
    page.draw(frame, main);
    beside(sign, frame);
    if sign.help {
        let about = "Read it to its end, and compare the words with the person who asks, on the telephone. \
            Then say yes, and sign with your own key. The answer holds nothing secret.";
        help::draw(sign.palette, about, keymap::APART, frame);
    }
}

/// The answer's code, where there is room beside its lines.
fn beside(sign: &Sign, frame: &mut Frame) {
    let Stage::Done(answered) = &sign.stage else { return };
    let area = frame.area();
    let Some(film) = Film::new(String::new(), Vec::new(), &answered.frames) else { return };
    let wide = area.width >= page::WIDE.0 && area.height >= page::WIDE.1;
    if let (true, [square]) = (wide && !sign.palette.ascii, &*film.squares) {
        let x = area.width.saturating_sub(u16::try_from(square.len()).unwrap_or(0) + 2);
        view::code::paint(sign.palette, square, frame, x, 3);
    }
}

/// Lines of the text that move, and rows of the window that they are seen through.
pub fn extent(sign: &Sign) -> (usize, usize) {
    let main = apart::main(sign.size);
    doc(sign, (main.width, main.height)).extent(usize::from(main.height))
}

fn doc(sign: &Sign, (width, height): (u16, u16)) -> Doc {
    let mut doc = Doc::new(sign.palette, usize::from(width));
    let palette = doc.palette;
    apart::failure(&mut doc, sign.failed.as_ref());
    match &sign.stage {
        Stage::Review => review(sign, &mut doc),
        Stage::Done(answered) => done(answered, &mut doc),
        Stage::Looking => doc.text("The store is looked at ...", palette.instruction()),
        Stage::Signing => doc.text(signing(sign), palette.instruction()),
        Stage::Yes(_) | Stage::Store(_) | Stage::Serial(_) | Stage::Secret(_) | Stage::Pad => {
            typed(sign, &mut doc);
        }
    }
    if !matches!(sign.stage, Stage::Review | Stage::Done(_)) {
        doc.pin(usize::from(height));
        doc.blank();
        doc.heading("What is signed");
        digest(sign, &mut doc);
    }
    doc
}

fn signing(sign: &Sign) -> &'static str {
    match sign.sight.as_ref().map(|sight| sight.wants) {
        Some(Wants::PinPad) => "Type the PIN on the token's own pad now.",
        Some(Wants::Pin) => "The token is working; leave it plugged in.",
        Some(Wants::Passphrase) | None => "Deriving the key from the passphrase; this takes a moment.",
    }
}

fn review(sign: &Sign, doc: &mut Doc) {
    let palette = doc.palette;
    match &sign.lines {
        Ok(lines) => {
            doc.text("Read it to its end. Nothing is signed yet.", palette.instruction());
            doc.blank();
            for line in lines {
                match line.strip_prefix("  !! ").or_else(|| line.strip_prefix("remark: ")) {
                    Some(alarm) => doc.marked("!!", palette.warning(), alarm, palette.warning()),
                    None if !line.starts_with(' ') => doc.text(line, palette.heading()),
                    None => doc.text(line, Style::new()),
                }
            }
        }
        Err(why) => {
            let text = format!("What it asks to sign cannot be read: {why}. It cannot be signed here.");
            doc.marked("!!", palette.warning(), &text, palette.warning());
        }
    }
    doc.blank();
    apart::boards(doc, &sign.tallies, &sign.request.names);
    doc.blank();
    digest(sign, doc);
}

fn digest(sign: &Sign, doc: &mut Doc) {
    doc.text("Its digest, as the person who asks must read it to you:", Style::new());
    words::words(doc, &sign.digest, false);
    words::hex(doc, &sign.digest);
    if let Some((before, digest)) = &sign.compared {
        doc.blank();
        let text = format!(
            "They must read this one too; the difference is from {before}, whose file has this digest:"
        );
        doc.text(&text, Style::new());
        words::words(doc, digest, false);
        words::hex(doc, digest);
    }
}

fn typed(sign: &Sign, doc: &mut Doc) {
    let palette = doc.palette;
    match &sign.stage {
        Stage::Yes(text) => {
            let label = format!("If all of it is right, type `{}`:", sign.request.yes());
            apart::field(doc, &label, text);
        }
        Stage::Store(text) => {
            apart::field(doc, "Where does your key live?", text);
            doc.text("    age:keys/ana.age", Style::new());
            doc.text("    pkcs11:token=ROOT-BO;object=root-2026", Style::new());
        }
        stage => {
            for line in sign.sight.iter().flat_map(|sight| &sight.lines) {
                doc.text(line, Style::new());
            }
            let pin = sign.sight.as_ref().and_then(|sight| sight.pin.line());
            let passphrase = sign.sight.as_ref().is_some_and(|sight| sight.wants == Wants::Passphrase);
            if let Some(line) = pin.filter(|_| !passphrase) {
                doc.marked("!!", palette.warning(), line, palette.warning());
            }
            let name = if passphrase { "Passphrase" } else { "PIN" };
            match stage {
                Stage::Serial(text) => {
                    apart::field(doc, "The last PIN try. Type the token's serial number:", text);
                }
                Stage::Secret(secret) => {
                    apart::field(doc, &format!("{name}; nobody looks:"), &"*".repeat(secret.count()));
                }
                _ => doc.text("Enter, then type the PIN on the token's own pad.", palette.instruction()),
            }
        }
    }
    if let Some(note) = &sign.note {
        doc.text(note, palette.waiting());
    }
}

fn done(answered: &Answered, doc: &mut Doc) {
    let palette = doc.palette;
    doc.marked(
        "[ OK ]",
        palette.good(),
        &format!("{} signed, and the signature verifies.", answered.who),
        palette.instruction(),
    );
    doc.blank();
    match &answered.file {
        Ok(file) => {
            doc.text(
                "Send it back in one of these ways. It holds the signature, and nothing secret.",
                Style::new(),
            );
            doc.blank();
            doc.heading("The file");
            doc.text(&format!("  {file}"), palette.words());
        }
        Err(stop) => {
            let why = format!("No file was written: {}", stop.error);
            doc.marked("!!", palette.warning(), &why, palette.warning());
            doc.text(
                "The signature is on this screen alone: send the code or the lines back before you leave it. For a file, \
                 copy the request to a directory that can be written, and sign there.",
                Style::new(),
            );
        }
    }
    doc.blank();
    let code = match answered.frames.len() {
        1 => "One QR code: c shows it, for a camera or a screenshot".to_owned(),
        of => format!("{of} QR codes: c shows them, one after the other"),
    };
    doc.heading(&code);
    doc.blank();
    doc.heading("These lines, read out and typed");
    for line in &answered.lines {
        doc.text(&format!("  {line}"), palette.words());
    }
    doc.text("  The last four of a line are its check. There is no 0, 1, 8: read O, I, B.", Style::new());
}

fn keys(sign: &Sign) -> Vec<Hint> {
    let hint = |key, what: &str| (key, what.to_owned());
    match &sign.stage {
        Stage::Review if sign.lines.is_err() => {
            vec![hint(keymap::BACK, "back"), hint(keymap::HELP, "help")]
        }
        Stage::Review => vec![
            hint(keymap::GO_ON, if sign.reading.whole() { "sign it" } else { "read on" }),
            hint(keymap::MERGE, "merge answers"),
            hint(keymap::CODE, "as QR codes"),
            hint(keymap::BACK, "back"),
            hint(keymap::HELP, "help"),
        ],
        Stage::Looking | Stage::Signing => vec![hint("working", "keys do nothing until it is done")],
        Stage::Done(_) => vec![hint(keymap::GO_ON, "leave"), hint(keymap::CODE, "QR code")],
        Stage::Pad => vec![hint(keymap::GO_ON, "go on"), hint(keymap::BACK, "back")],
        Stage::Yes(_) | Stage::Store(_) | Stage::Serial(_) | Stage::Secret(_) => vec![
            hint(keymap::GO_ON, "done"),
            hint(keymap::BACK, "back, nothing is signed"),
            hint(keymap::HELP_TYPING, "help"),
        ],
    }
}
