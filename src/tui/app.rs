//! The running ceremony on the screen: messages change it, `view` draws it, effects are what it wants done.
//!
//! Pure. It decides nothing about the ceremony: every answer goes to the driver, and the next scene comes back.

use std::sync::Arc;

use crate::ceremony::Mode;
use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::Body;
use crate::driver::Prompt;
use crate::driver::Stop;
use crate::driver::StopKind;
use crate::keystore::Wants;
use crate::keystore::shares::Share;
use crate::tui::code;
use crate::tui::code::Code;
use crate::tui::code::Square;
use crate::tui::entry::Entered;
use crate::tui::entry::Entry;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::reading::Reading;
use crate::tui::scene::Cover;
use crate::tui::scene::Scene;
use crate::tui::style::Palette;
use crate::tui::view;
use crate::tui::window::Window;

/// What the screen wants done.
pub enum Effect {
    /// Hand this answer to the driver.
    Answer(Answer),
    /// Leave the screen.
    Leave(Result<(), Stop>),
}

/// Where the screen is.
pub enum Stage {
    /// The plan is reviewed; nothing has been done.
    Review,
    /// A section of this title is done: the head of the journal is written down.
    Between(String),
    /// The prompt is shown, and Enter answers or opens a field.
    Waiting,
    /// Something is typed.
    Typing(Entry),
    /// The driver works; the text says on what.
    Busy(&'static str),
    /// It is over.
    Over,
}

/// The screen. It may hold a secret that is being typed: neither `Debug` nor `Clone`.
pub struct App {
    /// What stays the same.
    pub cover: Cover,
    /// What the driver said last.
    pub scene: Scene,
    /// Where the screen is.
    pub stage: Stage,
    /// What lies over it.
    pub window: Option<Window>,
    /// The first line shown.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How it looks.
    pub palette: Palette,
    /// A remark on what was typed.
    pub note: Option<String>,
    /// The share that is on its way to its holder.
    pub share: Option<Arc<Share>>,
    /// The QR code of the digest on the screen, for a screen that has room for it beside the step.
    pub square: Option<(String, Square)>,
    /// How much was read of what must be.
    pub reading: Reading,
    /// Who is not here was named, and not taken: the field stays open.
    naming: bool,
    /// While a secret is due, letters are commands only after Esc: nobody types one into a window by mistake.
    pub commands: bool,
    /// The plan was looked at.
    reviewed: bool,
    /// Whose turn it is, in large letters.
    pub big: bool,
}

impl App {
    /// The screen of a ceremony at its first scene. One that has not begun is reviewed first, unless it was already.
    pub fn new(cover: Cover, scene: Scene, reviewed: bool, size: (u16, u16), palette: Palette) -> Self {
        let begun = scene.happened.len() > 1;
        let mut app = Self {
            cover,
            scene,
            stage: Stage::Waiting,
            window: None,
            scroll: 0,
            size,
            palette,
            note: None,
            share: None,
            square: None,
            reading: Reading::default(),
            naming: false,
            commands: false,
            reviewed: begun || reviewed,
            big: false,
        };
        app.begin();
        app.look();
        app
    }

    /// Whether this is a rehearsal.
    pub fn rehearsal(&self) -> bool {
        self.cover.mode == Mode::Rehearsal
    }

    /// What letters do now.
    pub fn focus(&self) -> Focus {
        match (&self.window, &self.stage) {
            (Some(Window::Stop { word: None, .. } | Window::Exception { .. }), _) => Focus::Everything,
            (Some(Window::Stop { word: Some(_), .. }), _) => Focus::Text,
            (Some(Window::Help | Window::Codes(..) | Window::Journal(_) | Window::Share), _) => Focus::Keys,
            (None, Stage::Typing(entry)) => entry.focus(),
            (None, Stage::Waiting) if self.secret_due() && !self.commands => Focus::Everything,
            (None, _) => Focus::Keys,
        }
    }

    /// One message.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        let effect = match message {
            Message::Resized(width, height) => {
                if width != self.size.0 && self.reading.again() {
                    self.scroll = 0;
                }
                self.size = (width, height);
                self.scroll(Scroll::Before);
                None
            }
            Message::Scene(scene, share) => {
                let done = section_of(&self.scene);
                let read = self.reading.whole() && asks_again(&self.scene, &scene);
                (self.scene, self.share) = (*scene, share);
                self.window = None;
                self.begin();
                self.reading = Reading::known(read);
                if self.scene.prompt.is_some() && done != section_of(&self.scene) {
                    self.stage = Stage::Between(done);
                    self.square = code::digests(self).first().and_then(Code::square);
                }
                None
            }
            Message::Clock(now) => {
                self.scene.now = now;
                None
            }
            Message::Ended(stop) => Some(Effect::Leave(Err(stop))),
            // Nobody answers what cannot be seen.
            _ if !view::page::fits(self.size) => None,
            message => self.key(message),
        };
        self.look();
        effect
    }

    /// The stage that a new scene begins with.
    fn begin(&mut self) {
        (self.scroll, self.reading, self.commands) = (0, Reading::default(), false);
        self.stage = match &self.scene.prompt {
            None => Stage::Over,
            _ if !self.reviewed => Stage::Review,
            Some(Prompt { ask: Ask::Present { .. }, warnings, .. })
                if self.naming && !warnings.is_empty() =>
            {
                Stage::Typing(Entry::Absent { typed: String::new() })
            }
            // A secret is typed into a field that its holder opens; the other fields are open at once.
            Some(Prompt { ask: Ask::Secret(_) | Ask::Give(_), .. }) => Stage::Waiting,
            // Words that were typed wrong are read again first.
            Some(Prompt { ask: Ask::TypeBack { .. }, warnings, .. }) if !warnings.is_empty() => {
                Stage::Waiting
            }
            Some(prompt) => Entry::begin(prompt).map_or(Stage::Waiting, Stage::Typing),
        };
        self.square = code::digests(self).first().and_then(Code::square);
    }

    /// Remembers how much of the text has been on the screen.
    fn look(&mut self) {
        if self.window.is_none() {
            let (lines, height) = view::must_see(self);
            self.reading.look(self.scroll, height, lines);
        }
    }

    /// The first page of what is left to read.
    fn read_on(&mut self) {
        self.scroll = self.reading.next_page();
        self.scroll(Scroll::Before);
    }

    fn scroll(&mut self, to: Scroll) {
        let (lines, height) = view::extent(self);
        self.scroll = to.from(self.scroll, lines, height);
    }

    fn key(&mut self, message: Message) -> Option<Effect> {
        if let Some(window) = self.window.take() {
            return self.in_window(window, message);
        }
        let reads_on = self.reads_on();
        match (&mut self.stage, message) {
            (_, Message::Help) => {
                self.window = Some(Window::Help);
                None
            }
            (_, Message::Scroll(to)) => {
                self.scroll(to);
                None
            }
            (_, Message::Big) => {
                self.big = !self.big;
                self.scroll = 0;
                self.reading.again();
                None
            }
            (_, Message::Contrast) => {
                self.palette.contrast = !self.palette.contrast;
                None
            }
            (_, Message::Journal) => {
                let (lines, height) = self.journal_extent();
                self.window = Some(Window::Journal(lines.saturating_sub(height)));
                None
            }
            (Stage::Busy(_), _) => None,
            (Stage::Waiting, Message::Typed(_)) => {
                self.note = Some("Enter opens the field first. What was typed now was not kept.".to_owned());
                None
            }
            (Stage::Waiting, Message::Back) => {
                self.commands = true;
                None
            }
            (Stage::Typing(entry), Message::Typed(c)) => {
                self.note = (!entry.push(c)).then(|| "No more fits in here.".to_owned());
                None
            }
            (Stage::Typing(entry), Message::Erase) => {
                entry.erase();
                None
            }
            (Stage::Typing(entry), Message::EraseAll) => {
                entry.clear();
                None
            }
            (Stage::Typing(_), Message::Back) => {
                (self.note, self.naming) = (None, false);
                self.begin();
                if matches!(self.stage, Stage::Typing(Entry::Words { .. })) {
                    self.stage = Stage::Waiting;
                }
                None
            }
            (Stage::Review, Message::Stop) => Some(Effect::Leave(Err(self.not_begun()))),
            (Stage::Over, Message::Stop | Message::GoOn) => Some(Effect::Leave(Ok(()))),
            (Stage::Waiting | Stage::Between(_) | Stage::Typing(_), Message::Stop) => {
                self.window = Some(Window::Stop { reason: String::new(), word: None });
                None
            }
            (Stage::Review | Stage::Between(_) | Stage::Waiting | Stage::Typing(_), Message::Exception) => {
                self.window = Some(Window::Exception { lines: Default::default(), at: 0 });
                None
            }
            (Stage::Waiting, Message::Absent) => self.absent(),
            (Stage::Waiting | Stage::Typing(_), Message::LeaveOut) => self.leave_out(),
            (Stage::Review, Message::GoOn) if reads_on => {
                self.read_on();
                None
            }
            (Stage::Review | Stage::Between(_), Message::GoOn) => {
                self.reviewed = true;
                self.begin();
                None
            }
            (Stage::Waiting | Stage::Between(_) | Stage::Over, Message::Code) => {
                self.codes(code::digests(self))
            }
            (Stage::Waiting | Stage::Between(_) | Stage::Over, Message::Keys) => {
                self.codes(code::keys(&self.scene.keys))
            }
            (Stage::Waiting, Message::NotToday) => self.not_today(),
            (Stage::Waiting, Message::GoOn) => self.go_on(),
            (Stage::Typing(_), Message::GoOn) => self.entered(),
            _ => None,
        }
    }

    fn absent(&mut self) -> Option<Effect> {
        if matches!(self.scene.prompt.as_ref()?.ask, Ask::Present { .. }) {
            self.stage = Stage::Typing(Entry::Absent { typed: String::new() });
        }
        None
    }

    fn leave_out(&mut self) -> Option<Effect> {
        if self.scene.prompt.as_ref()?.may_pass_over {
            return self.answer(Answer::PassOver);
        }
        let why =
            "A step is left out only where the file allows it, after it failed and an exception says why.";
        self.note = Some(why.to_owned());
        None
    }

    /// Lines of the journal, and rows that they are seen through.
    pub(super) fn journal_extent(&self) -> (usize, usize) {
        (self.scene.happened.len(), usize::from(view::page::Areas::of(self.size).main.height))
    }

    fn codes(&mut self, codes: Vec<Code>) -> Option<Effect> {
        if !codes.is_empty() {
            self.window = Some(Window::Codes(codes, 0));
        }
        None
    }

    fn go_on(&mut self) -> Option<Effect> {
        let prompt = self.scene.prompt.as_ref()?;
        match &prompt.ask {
            _ if self.reads_on() => {
                self.read_on();
                None
            }
            Ask::Continue | Ask::Fix { .. } | Ask::Present { .. } => self.answer(Answer::Continue),
            Ask::Confirm => self.answer(Answer::Confirm),
            Ask::Share { .. } => {
                self.window = Some(Window::Share);
                None
            }
            Ask::Secret(ask) if ask.wants == Wants::PinPad && ask.type_serial.is_none() => {
                self.answer(Answer::Secret { secret: None, serial: None, dice: None })
            }
            Ask::Secret(_)
            | Ask::TypeBack { .. }
            | Ask::Adopt { .. }
            | Ask::Text { .. }
            | Ask::Give(_)
            | Ask::Statement => {
                self.stage = Entry::begin(prompt).map_or(Stage::Waiting, Stage::Typing);
                (self.scroll, self.note) = (0, None);
                None
            }
        }
    }

    /// Whether someone is about to type a secret.
    pub fn secret_due(&self) -> bool {
        self.scene.prompt.as_ref().is_some_and(|prompt| matches!(prompt.ask, Ask::Secret(_) | Ask::Give(_)))
    }

    /// Whether the clock on the screen goes on by itself.
    pub fn moves(&self) -> bool {
        self.scene.prompt.as_ref().is_some_and(|prompt| matches!(prompt.body, Body::Clock(_)))
    }

    /// Whether someone is typing a secret for what is shown, here or on a token's own pad, or it is being used.
    pub fn secret_open(&self) -> bool {
        matches!(self.stage, Stage::Typing(Entry::Serial { .. } | Entry::Secret { .. }) | Stage::Busy(_))
            && self.secret_due()
    }

    /// What is shown has not been seen to its end: Enter shows the next page, and nobody goes on.
    pub fn reads_on(&self) -> bool {
        let asks = |prompt: &Prompt| matches!(prompt.ask, Ask::Continue | Ask::Confirm | Ask::Secret(_));
        let reads = match self.stage {
            Stage::Review => true,
            Stage::Waiting => self.scene.prompt.as_ref().is_some_and(asks),
            Stage::Between(_) | Stage::Typing(_) | Stage::Busy(_) | Stage::Over => false,
        };
        reads && !self.reading.whole()
    }

    fn entered(&mut self) -> Option<Effect> {
        let prompt = self.scene.prompt.as_ref()?;
        let Stage::Typing(entry) = std::mem::replace(&mut self.stage, Stage::Waiting) else { return None };
        self.note = None;
        match entry.enter(&prompt.ask) {
            Entered::More(entry) => self.stage = Stage::Typing(entry),
            Entered::Again(entry, note) => {
                self.stage = Stage::Typing(entry);
                self.note = Some(note);
            }
            Entered::Done(answer) => {
                self.naming = matches!(answer, Answer::Absent(_));
                return self.answer(answer);
            }
        }
        None
    }

    fn not_today(&mut self) -> Option<Effect> {
        if self.scene.prompt.as_ref()?.ask.may_decline() { self.answer(Answer::Decline) } else { None }
    }

    pub(super) fn answer(&mut self, answer: Answer) -> Option<Effect> {
        let prompt = self.scene.prompt.as_ref()?;
        self.note = None;
        self.stage = Stage::Busy(busy(prompt, &answer));
        Some(Effect::Answer(answer))
    }

    fn not_begun(&self) -> Stop {
        let error = format!(
            "the plan was looked at, and nothing was begun; {} holds its file and one line",
            self.cover.record
        );
        Stop::new(StopKind::People, error, format!("begin with `keyrite resume {}`", self.cover.record))
    }

    /// Whether there is a digest to show as a QR code.
    pub fn has_digest(&self) -> bool {
        match &self.scene.prompt {
            None => true,
            _ if matches!(self.stage, Stage::Between(_)) => true,
            Some(Prompt { ask: Ask::TypeBack { .. }, .. }) if matches!(self.stage, Stage::Typing(_)) => false,
            Some(prompt) => matches!(prompt.body, Body::Words { .. } | Body::Review { .. }),
        }
    }
}

/// Whether the same person is asked for the same secret once more: what they read to its end is what it was.
fn asks_again(before: &Scene, now: &Scene) -> bool {
    let due = |scene: &Scene| {
        let prompt = scene.prompt.as_ref()?;
        matches!(prompt.ask, Ask::Secret(_)).then(|| (prompt.step.clone(), prompt.who.clone()))
    };
    due(before).is_some_and(|before| due(now) == Some(before))
}

fn section_of(scene: &Scene) -> String {
    scene.prompt.as_ref().map(|prompt| prompt.section.clone()).unwrap_or_default()
}

/// What the driver is at, while it carries out an answer.
fn busy(prompt: &Prompt, answer: &Answer) -> &'static str {
    match (&prompt.ask, answer) {
        (_, Answer::Secret { secret: None, .. }) => "type the PIN on the token's own pad now",
        (Ask::Secret(ask), Answer::Secret { .. }) if ask.wants == Wants::Passphrase => {
            "deriving the key from the passphrase; this takes a moment"
        }
        (_, Answer::Secret { .. }) => "the token is working; leave it plugged in",
        (Ask::Fix { .. }, _) => "looking again",
        (Ask::Give(_), _) => "proving the share",
        _ => match prompt.verb {
            "export" => "writing the bundle",
            "readback" => "reading the bundle back",
            "build" => "building",
            "verify" => "counting signatures",
            _ => "writing it down",
        },
    }
}
