//! Answers on the screen: files, images and typed lines come in, each with what became of it, and the boards follow.

use std::path::PathBuf;
use std::sync::Arc;

use crate::driver::Stop;
use crate::tuf::apart::Merge;
use crate::tuf::apart::Request;
use crate::tuf::apart::carry;
use crate::tui::field;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::nearby::asked;
use crate::tui::style::Palette;
use crate::tui::view;

/// What the screen wants done.
pub enum Effect {
    /// Read what this path holds.
    Read(PathBuf),
    /// Write the metadata into a new file.
    Write(PathBuf, Vec<u8>),
    /// Leave the screen.
    Leave,
}

/// What is typed into.
pub enum Field {
    /// The path of an answer, or a line of one.
    Take(String),
    /// Where to write the merged metadata.
    Write(String),
}

/// The screen.
pub struct Merging {
    /// The file that is merged into.
    pub file: String,
    /// Who may sign, and what.
    pub request: Arc<Request>,
    /// What came in so far.
    pub merge: Merge,
    /// How many findings were there before what came last.
    pub before: usize,
    /// Answers that lie here.
    pub nearby: Vec<String>,
    /// What is typed.
    pub field: Option<Field>,
    /// Lines of an answer that were typed so far.
    pub typed: Vec<String>,
    /// A remark on what was typed.
    pub note: Option<String>,
    /// What went wrong, and what to do.
    pub failed: Option<Stop>,
    /// Where it was written.
    pub written: Option<String>,
    /// Leaving was asked for with signatures that are in no file.
    pub leaving: bool,
    /// The help is shown.
    pub help: bool,
    /// The first line shown.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How it looks.
    pub palette: Palette,
}

impl Merging {
    /// Into a file, with the answers that lie beside it.
    pub fn new(
        file: String,
        request: Arc<Request>,
        nearby: Vec<String>,
        size: (u16, u16),
        palette: Palette,
    ) -> Self {
        let merge = asked::begin(&request, &file);
        let before = merge.findings().len();
        Self {
            file,
            request,
            merge,
            before,
            nearby,
            field: None,
            typed: Vec::new(),
            note: None,
            failed: None,
            written: None,
            leaving: false,
            help: false,
            scroll: 0,
            size,
            palette,
        }
    }

    /// What letters do now.
    pub fn focus(&self) -> Focus {
        match (&self.field, self.help) {
            (Some(_), false) => Focus::Everything,
            _ => Focus::Keys,
        }
    }

    /// One message.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        match message {
            Message::Resized(width, height) => {
                self.size = (width, height);
                self.scroll(Scroll::Before);
                None
            }
            Message::Read(source, result) => {
                self.before = self.merge.findings().len();
                match result {
                    Ok(bytes) => self.merge.take(&source, &bytes, None),
                    Err(why) => self.merge.unread(&source, &why),
                }
                (self.written, self.scroll) = (None, 0);
                None
            }
            Message::Unread(stop) => {
                self.failed = Some(stop);
                None
            }
            Message::Wrote(result) => {
                match result {
                    Ok(file) => self.written = Some(file),
                    Err(stop) => self.failed = Some(stop),
                }
                None
            }
            // Nobody answers what cannot be seen.
            _ if !view::page::fits(self.size) => None,
            message => self.key(message),
        }
    }

    /// Signatures came in that no file holds yet.
    pub fn unwritten(&self) -> bool {
        self.written.is_none() && self.merge.merged() != asked::begin(&self.request, &self.file).merged()
    }

    fn scroll(&mut self, to: Scroll) {
        let (lines, height) = view::apart::merge::extent(self);
        self.scroll = to.from(self.scroll, lines, height);
    }

    fn key(&mut self, message: Message) -> Option<Effect> {
        if self.help {
            self.help = false;
            return None;
        }
        let leave = std::mem::take(&mut self.leaving) || !self.unwritten();
        match (&mut self.field, message) {
            (_, Message::Help) => self.help = true,
            (Some(Field::Take(_)), Message::Scroll(Scroll::Up)) => self.choose(false),
            (Some(Field::Take(_)), Message::Scroll(Scroll::Down)) => self.choose(true),
            (_, Message::Scroll(to)) => self.scroll(to),
            (Some(Field::Take(text) | Field::Write(text)), Message::Typed(c)) => {
                self.note = None;
                field::push(text, c);
            }
            (Some(Field::Take(text) | Field::Write(text)), Message::Erase) => drop(text.pop()),
            (Some(Field::Take(text) | Field::Write(text)), Message::EraseAll) => text.clear(),
            (Some(_), Message::GoOn) => return self.entered(),
            (Some(_), Message::Back | Message::Stop) => {
                (self.field, self.note) = (None, None);
                self.typed.clear();
            }
            (None, Message::GoOn) => {
                (self.field, self.failed) = (Some(Field::Take(String::new())), None);
            }
            (None, Message::Write) => {
                (self.field, self.failed) = (Some(Field::Write(self.proposed())), None);
            }
            (None, Message::Back | Message::Stop) if leave => {
                return Some(Effect::Leave);
            }
            (None, Message::Back | Message::Stop) => self.leaving = true,
            _ => {}
        }
        None
    }

    /// Puts the next answer that lies here into the field.
    fn choose(&mut self, down: bool) {
        let Some(Field::Take(text)) = &mut self.field else { return };
        let at = self.nearby.iter().position(|name| name == text);
        let last = self.nearby.len().saturating_sub(1);
        let to = match (at, down) {
            (None, true) => 0,
            (None, false) => last,
            (Some(at), true) => (at + 1).min(last),
            (Some(at), false) => at.saturating_sub(1),
        };
        if let Some(name) = self.nearby.get(to) {
            text.clone_from(name);
        }
    }

    /// A name for the merged file.
    fn proposed(&self) -> String {
        let (role, version) = (&self.request.role, self.request.version());
        let role: String =
            role.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
        let state = if self.request.is_met(&self.merge.tallies()) { "signed" } else { "partly-signed" };
        format!("{version}.{role}.{state}.json")
    }

    fn entered(&mut self) -> Option<Effect> {
        self.note = None;
        match self.field.take() {
            Some(Field::Write(text)) if text.trim().is_empty() => None,
            Some(Field::Write(text)) => {
                Some(Effect::Write(PathBuf::from(text.trim()), self.merge.merged().to_file()))
            }
            Some(Field::Take(text)) => {
                self.field = Some(Field::Take(String::new()));
                self.entered_answer(text.trim())
            }
            None => None,
        }
    }

    /// A path, the text of a code, or the next line of an answer that is typed.
    fn entered_answer(&mut self, text: &str) -> Option<Effect> {
        self.failed = None;
        if text.is_empty() {
            self.field = None;
            return None;
        }
        let line = self.typed.len() + 1;
        let so_far = [&self.typed.join("\n"), text].join("\n");
        match (carry::read(text.as_bytes()), carry::read(so_far.trim_start().as_bytes())) {
            (None, _) if self.typed.is_empty() => return Some(Effect::Read(PathBuf::from(text))),
            (None, _) => self.note = Some("A line begins with its number, such as 2/5.".to_owned()),
            (Some(_), Some(Ok(_))) => {
                self.typed.clear();
                return self.update(Message::Read("typed".to_owned(), Ok(so_far.trim_start().into())));
            }
            (Some(_), Some(Err(error))) => {
                let said = error.to_string();
                // What is missing may still be typed; what is wrong is typed again.
                if said.contains("missing") {
                    self.typed.push(text.to_owned());
                    self.note = Some(said);
                } else {
                    let said = said.strip_prefix(&format!("line {line}: ")).unwrap_or(&said).to_owned();
                    self.field = Some(Field::Take(text.to_owned()));
                    self.note = Some(format!("This line: {said}"));
                }
            }
            (Some(_), None) => self.note = Some("A line begins with its number, such as 2/5.".to_owned()),
        }
        None
    }
}
