//! The running ceremony on the screen: messages change it, `view` draws it, effects are what it wants done.
//!
//! Pure. It decides nothing about the ceremony: every answer goes to the driver, and the next scene comes back.

use crate::ceremony::Mode;
use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::Body;
use crate::driver::Exception;
use crate::driver::Prompt;
use crate::driver::Stop;
use crate::driver::StopKind;
use crate::keystore::Wants;
use crate::tui::code;
use crate::tui::code::Code;
use crate::tui::code::Square;
use crate::tui::entry::Entered;
use crate::tui::entry::Entry;
use crate::tui::field;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::scene::Cover;
use crate::tui::scene::Scene;
use crate::tui::style::Palette;
use crate::tui::view;

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
    /// The prompt is shown, and Enter answers or opens a field.
    Waiting,
    /// Something is typed.
    Typing(Entry),
    /// The driver works; the text says on what.
    Busy(&'static str),
    /// It is over.
    Over,
}

/// What lies over the screen.
pub enum Window {
    /// The help.
    Help,
    /// Everything that happened, from this line on.
    Journal(usize),
    /// QR codes, and which of them.
    Codes(Vec<Code>, usize),
    /// An exception: its four lines, and which of them is typed.
    Exception {
        /// What is typed: expected, happened, done, by whom.
        lines: [String; 4],
        /// Which of them.
        at: usize,
    },
    /// Stopping: the reason, and then the word `stop`.
    Stop {
        /// The reason.
        reason: String,
        /// The word, once the reason is given.
        word: Option<String>,
    },
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
    pub note: Option<&'static str>,
    /// The QR code of the digest on the screen, for a screen that has room for it beside the step.
    pub square: Option<(String, Square)>,
    /// The end of a text that must be seen to its end was on the screen.
    pub seen: bool,
    /// Whose turn it is, in large letters.
    pub big: bool,
}

impl App {
    /// The screen of a ceremony at its first scene. One that has not begun is reviewed first, unless it was already.
    pub fn new(cover: Cover, scene: Scene, reviewed: bool, size: (u16, u16), palette: Palette) -> Self {
        let begun = scene.happened.len() > 1;
        let stage = if begun || reviewed { Stage::Waiting } else { Stage::Review };
        let mut app = Self {
            cover,
            scene,
            stage,
            window: None,
            scroll: 0,
            size,
            palette,
            note: None,
            square: None,
            seen: false,
            big: false,
        };
        if !matches!(app.stage, Stage::Review) {
            app.begin();
        }
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
            (Some(Window::Help | Window::Codes(..) | Window::Journal(_)), _) => Focus::Keys,
            (None, Stage::Typing(entry)) => entry.focus(),
            (None, Stage::Review | Stage::Waiting | Stage::Busy(_) | Stage::Over) => Focus::Keys,
        }
    }

    /// One message.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        let effect = match message {
            Message::Resized(width, height) => {
                self.size = (width, height);
                self.scroll(Scroll::Before);
                None
            }
            Message::Scene(scene) => {
                self.scene = *scene;
                self.window = None;
                self.begin();
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
        (self.scroll, self.seen) = (0, false);
        self.square = code::digests(self).first().and_then(Code::square);
        self.stage = match &self.scene.prompt {
            None => Stage::Over,
            // A secret is typed into a field that its holder opens; the other fields are open at once.
            Some(Prompt { ask: Ask::Secret(_), .. }) => Stage::Waiting,
            // Words that were typed wrong are read again first.
            Some(Prompt { ask: Ask::TypeBack { .. }, warnings, .. }) if !warnings.is_empty() => {
                Stage::Waiting
            }
            Some(prompt) => Entry::begin(prompt).map_or(Stage::Waiting, Stage::Typing),
        };
    }

    /// Remembers whether the end of the text has been on the screen.
    fn look(&mut self) {
        if self.window.is_none() {
            let (lines, height) = view::extent(self);
            self.seen |= self.scroll + height >= lines;
        }
    }

    fn scroll(&mut self, to: Scroll) {
        let (lines, height) = view::extent(self);
        self.scroll = to.from(self.scroll, lines, height);
    }

    fn key(&mut self, message: Message) -> Option<Effect> {
        if let Some(window) = self.window.take() {
            return self.in_window(window, message);
        }
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
            (Stage::Typing(entry), Message::Typed(c)) => {
                self.note = (!entry.push(c)).then_some("No more fits in here.");
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
                self.note = None;
                self.begin();
                if matches!(self.stage, Stage::Typing(Entry::Words { .. })) {
                    self.stage = Stage::Waiting;
                }
                None
            }
            (Stage::Review, Message::Stop) => Some(Effect::Leave(Err(self.not_begun()))),
            (Stage::Over, Message::Stop | Message::GoOn) => Some(Effect::Leave(Ok(()))),
            (Stage::Waiting | Stage::Typing(_), Message::Stop) => {
                self.window = Some(Window::Stop { reason: String::new(), word: None });
                None
            }
            (Stage::Waiting | Stage::Typing(_), Message::Exception) => {
                self.window = Some(Window::Exception { lines: Default::default(), at: 0 });
                None
            }
            (Stage::Waiting, Message::Absent) => self.absent(),
            (Stage::Waiting | Stage::Typing(_), Message::LeaveOut) => self.leave_out(),
            (Stage::Review, Message::GoOn) => {
                self.begin();
                None
            }
            (Stage::Waiting | Stage::Over, Message::Code) => self.codes(code::digests(self)),
            (Stage::Waiting | Stage::Over, Message::Keys) => self.codes(code::keys(&self.scene.keys)),
            (Stage::Waiting, Message::NotToday) => self.not_today(),
            (Stage::Waiting, Message::GoOn) => self.go_on(),
            (Stage::Typing(_), Message::GoOn) => self.entered(),
            _ => None,
        }
    }

    fn in_window(&mut self, window: Window, message: Message) -> Option<Effect> {
        self.window = match (window, message) {
            (Window::Help, Message::Scroll(_)) => Some(Window::Help),
            (Window::Help, _) => None,
            (Window::Journal(at), Message::Scroll(to)) => {
                let (lines, height) = self.journal_extent();
                Some(Window::Journal(to.from(at, lines, height)))
            }
            (Window::Journal(_), _) => None,
            (Window::Codes(codes, at), Message::Scroll(Scroll::Next | Scroll::Down | Scroll::PageDown)) => {
                let at = (at + 1) % codes.len();
                Some(Window::Codes(codes, at))
            }
            (Window::Codes(codes, at), Message::Scroll(Scroll::Before | Scroll::Up | Scroll::PageUp)) => {
                let at = (at + codes.len() - 1) % codes.len();
                Some(Window::Codes(codes, at))
            }
            (
                Window::Codes(..),
                Message::GoOn | Message::Back | Message::Code | Message::Keys | Message::Stop,
            ) => None,
            (window @ Window::Codes(..), _) => Some(window),
            (Window::Exception { lines, at }, message) => return self.in_exception(lines, at, message),
            (Window::Stop { .. }, Message::Back | Message::Stop) => None,
            (Window::Stop { mut reason, word: None }, Message::Typed(c)) => {
                field::push(&mut reason, c);
                Some(Window::Stop { reason, word: None })
            }
            (Window::Stop { reason, word: Some(mut word) }, Message::Typed(c)) => {
                field::push(&mut word, c);
                Some(Window::Stop { reason, word: Some(word) })
            }
            (Window::Stop { reason, word: Some(_) }, Message::EraseAll) => {
                Some(Window::Stop { reason, word: Some(String::new()) })
            }
            (Window::Stop { word: None, .. }, Message::EraseAll) => {
                Some(Window::Stop { reason: String::new(), word: None })
            }
            (Window::Stop { mut reason, word: None }, Message::Erase) => {
                reason.pop();
                Some(Window::Stop { reason, word: None })
            }
            (Window::Stop { reason, word: Some(mut word) }, Message::Erase) => {
                word.pop();
                Some(Window::Stop { reason, word: Some(word) })
            }
            (Window::Stop { reason, word: None }, Message::GoOn) if !reason.trim().is_empty() => {
                Some(Window::Stop { reason, word: Some(String::new()) })
            }
            (Window::Stop { reason, word: Some(word) }, Message::GoOn) if word.trim() == "stop" => {
                self.stage = Stage::Busy("writing down that the ceremony stops");
                return Some(Effect::Answer(Answer::Stop(reason.trim().to_owned())));
            }
            (window @ Window::Stop { .. }, _) => Some(window),
        };
        None
    }

    /// The lines of an exception, typed one after the other.
    fn in_exception(&mut self, mut lines: [String; 4], at: usize, message: Message) -> Option<Effect> {
        match message {
            Message::Back | Message::Stop => return None,
            Message::Typed(c) => field::push(&mut lines[at], c),
            Message::Erase => {
                lines[at].pop();
            }
            Message::EraseAll => lines[at].clear(),
            Message::Scroll(Scroll::Up) => {
                self.window = Some(Window::Exception { lines, at: at.saturating_sub(1) });
                return None;
            }
            // Who writes it down may be left out: then it is the one who does the step.
            Message::GoOn if at < 3 && !lines[at].trim().is_empty() => {
                self.window = Some(Window::Exception { lines, at: at + 1 });
                return None;
            }
            Message::GoOn if at == 3 && !self.is_someone(&lines[3]) => {
                self.note = Some("That is nobody's short name here.");
            }
            Message::GoOn if at == 3 => {
                self.note = None;
                let [expected, happened, action, by] = lines;
                self.stage = Stage::Busy("writing the exception down");
                return Some(Effect::Answer(Answer::Exception(Exception { expected, happened, action, by })));
            }
            _ => {}
        }
        self.window = Some(Window::Exception { lines, at });
        None
    }

    /// Whether this is a participant's short name, or nothing.
    fn is_someone(&self, typed: &str) -> bool {
        let known = |prompt: &Prompt| prompt.people.iter().any(|(id, _)| id == typed.trim());
        typed.trim().is_empty() || self.scene.prompt.as_ref().is_some_and(known)
    }

    fn absent(&mut self) -> Option<Effect> {
        if matches!(self.scene.prompt.as_ref()?.ask, Ask::Present { .. }) {
            self.stage = Stage::Typing(Entry::Absent { typed: String::new() });
        }
        None
    }

    fn leave_out(&mut self) -> Option<Effect> {
        if self.scene.prompt.as_ref()?.may_pass_over { self.answer(Answer::PassOver) } else { None }
    }

    /// Lines of the journal, and rows that they are seen through.
    fn journal_extent(&self) -> (usize, usize) {
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
            Ask::Continue if self.must_see() && !self.seen => {
                self.scroll(Scroll::PageDown);
                None
            }
            Ask::Continue | Ask::Fix { .. } | Ask::Present { .. } => self.answer(Answer::Continue),
            Ask::Confirm => self.answer(Answer::Confirm),
            Ask::Secret(ask) if ask.wants == Wants::PinPad && ask.type_serial.is_none() => {
                self.answer(Answer::Secret { secret: None, serial: None, dice: None })
            }
            Ask::Secret(_) | Ask::TypeBack { .. } | Ask::Adopt { .. } | Ask::Text { .. } | Ask::Statement => {
                self.stage = Entry::begin(prompt).map_or(Stage::Waiting, Stage::Typing);
                self.scroll = 0;
                None
            }
        }
    }

    /// What is signed is seen to its end before anyone goes on.
    pub fn must_see(&self) -> bool {
        let prompt = self.scene.prompt.as_ref();
        prompt.is_some_and(|prompt| prompt.verb == "review" && matches!(prompt.ask, Ask::Continue))
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
            Entered::Done(answer) => return self.answer(answer),
        }
        None
    }

    fn not_today(&mut self) -> Option<Effect> {
        if self.scene.prompt.as_ref()?.ask.may_decline() { self.answer(Answer::Decline) } else { None }
    }

    fn answer(&mut self, answer: Answer) -> Option<Effect> {
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
            Some(Prompt { ask: Ask::TypeBack { .. }, .. }) if matches!(self.stage, Stage::Typing(_)) => false,
            Some(prompt) => matches!(prompt.body, Body::Words { .. } | Body::Review { .. }),
        }
    }
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
        _ => match prompt.verb {
            "export" => "writing the bundle",
            "readback" => "reading the bundle back",
            "build" => "building",
            "verify" => "counting signatures",
            _ => "writing it down",
        },
    }
}
