//! A request on the screen: it is read to its end, confirmed, and signed by one store; the answer is a code and lines.

use std::sync::Arc;

use secrecy::SecretString;

use crate::driver::Stop;
use crate::driver::StopKind;
use crate::driver::apart;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Wants;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::apart::Tally;
use crate::tuf::apart::carry;
use crate::tui::apart::film::Film;
use crate::tui::field;
use crate::tui::field::Secret;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::reading::Reading;
use crate::tui::style::Palette;
use crate::tui::view;
use crate::words::Digest;

/// What the screen wants done.
pub enum Effect {
    /// Open the store and look, without a secret.
    Look(StoreUri),
    /// Sign under this secret; `None` when it is typed on the token's pad.
    Sign(Option<SecretString>),
    /// Close the store that was looked at: nothing is signed.
    Forget,
    /// Merge answers instead.
    Merge,
    /// Leave the screen.
    Leave,
}

/// Where the screen is.
pub enum Stage {
    /// The request is read.
    Review,
    /// The sentence that says yes is typed.
    Yes(String),
    /// Where the key lives is typed.
    Store(String),
    /// The store is looked at.
    Looking,
    /// The serial number of a token with one try left is typed.
    Serial(String),
    /// The passphrase or PIN is typed.
    Secret(Secret),
    /// The PIN is about to be typed on the token's pad.
    Pad,
    /// The store signs.
    Signing,
    /// It is signed.
    Done(Answered),
}

/// The answer.
pub struct Answered {
    /// The file that it was written to, or why there is none.
    pub file: Result<String, Stop>,
    /// Whose key signed.
    pub who: String,
    /// Lines to read out and type.
    pub lines: Vec<String>,
    /// The frames of its code.
    pub frames: Vec<String>,
}

/// The screen. It may hold a secret that is being typed: neither `Debug` nor `Clone`.
pub struct Sign {
    /// The request's file.
    pub file: String,
    /// The request.
    pub request: Arc<Request>,
    /// What it says, or why nobody can say it.
    pub lines: Result<Vec<String>, String>,
    /// The digest that people compare.
    pub digest: Digest,
    /// What the difference starts from, with its digest, which people compare too.
    pub compared: Option<(String, Digest)>,
    /// How far it is.
    pub tallies: Vec<Tally>,
    /// Where the screen is.
    pub stage: Stage,
    /// The store that was named last.
    pub store: Option<StoreUri>,
    /// What the store showed.
    pub sight: Option<Sight>,
    /// What went wrong, and what to do.
    pub failed: Option<Stop>,
    /// A remark on what was typed.
    pub note: Option<String>,
    /// Codes that lie over the screen.
    pub film: Option<Film>,
    /// The help is shown.
    pub help: bool,
    /// The first line shown.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How it looks.
    pub palette: Palette,
    /// How much was read of the request.
    pub reading: Reading,
}

impl Sign {
    /// A request that is about to be read.
    pub fn new(
        file: String,
        request: Arc<Request>,
        tallies: Vec<Tally>,
        now: Date,
        size: (u16, u16),
        palette: Palette,
    ) -> Self {
        let lines = apart::lines(&request, now).map_err(|error| error.to_string());
        let digest = Digest::of(request.metadata.payload());
        let compared = request.compared().map(|(before, file)| (before, Digest::of(file)));
        let mut sign = Self {
            file,
            request,
            lines,
            digest,
            compared,
            tallies,
            stage: Stage::Review,
            store: None,
            sight: None,
            failed: None,
            note: None,
            film: None,
            help: false,
            scroll: 0,
            size,
            palette,
            reading: Reading::default(),
        };
        sign.look();
        sign
    }

    /// What letters do now.
    pub fn focus(&self) -> Focus {
        match (&self.film, self.help, &self.stage) {
            (None, false, Stage::Yes(_) | Stage::Serial(_)) => Focus::Text,
            (None, false, Stage::Store(_) | Stage::Secret(_)) => Focus::Everything,
            _ => Focus::Keys,
        }
    }

    /// Whether something on the screen moves by itself.
    pub fn moves(&self) -> bool {
        self.film.as_ref().is_some_and(Film::moves)
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
            Message::Looked(result) => {
                self.looked(result);
                None
            }
            Message::Signed(result) => self.signed(result),
            // Nobody answers what cannot be seen.
            _ if !view::page::fits(self.size) => None,
            message => self.key(message),
        };
        self.look();
        effect
    }

    fn look(&mut self) {
        if matches!(self.stage, Stage::Review) && self.film.is_none() {
            let (lines, height) = view::apart::sign::extent(self);
            self.reading.look(self.scroll, height, lines);
        }
    }

    fn scroll(&mut self, to: Scroll) {
        let (lines, height) = view::apart::sign::extent(self);
        self.scroll = to.from(self.scroll, lines, height);
    }

    fn to(&mut self, stage: Stage) {
        (self.stage, self.scroll) = (stage, 0);
    }

    fn key(&mut self, message: Message) -> Option<Effect> {
        if let Some(film) = self.film.take() {
            self.film = film.update(&message);
            return None;
        }
        if self.help {
            self.help = matches!(message, Message::Tick);
            return None;
        }
        match message {
            Message::Help => self.help = true,
            Message::Scroll(to) => self.scroll(to),
            Message::Typed(c) => self.typed(c),
            Message::Erase | Message::EraseAll => self.erase(matches!(message, Message::EraseAll)),
            Message::Code => self.code(),
            Message::Merge if matches!(self.stage, Stage::Review) => return Some(Effect::Merge),
            Message::Back | Message::Stop => return self.back(),
            Message::GoOn => return self.go_on(),
            _ => {}
        }
        None
    }

    fn typed(&mut self, c: char) {
        self.note = None;
        match &mut self.stage {
            Stage::Secret(secret) => {
                let full = !secret.push(c);
                self.note = full.then(|| "No more fits in here.".to_owned());
            }
            Stage::Yes(text) | Stage::Store(text) | Stage::Serial(text) => field::push(text, c),
            _ => {}
        }
    }

    fn erase(&mut self, all: bool) {
        match (&mut self.stage, all) {
            (Stage::Secret(secret), true) => secret.clear(),
            (Stage::Secret(secret), false) => secret.erase(),
            (Stage::Yes(text) | Stage::Store(text) | Stage::Serial(text), true) => text.clear(),
            (Stage::Yes(text) | Stage::Store(text) | Stage::Serial(text), false) => {
                text.pop();
            }
            _ => {}
        }
    }

    /// The request as codes while it is read; the answer's when there is one.
    fn code(&mut self) {
        let of = format!("{} version {}", self.request.role, self.request.version());
        self.film = match &self.stage {
            Stage::Review => {
                let frames = carry::request(&self.request.to_file()).unwrap_or_default();
                let beside = vec!["Film it until all were seen,".to_owned(), "in any order.".to_owned()];
                Film::new(format!("Request: {of}"), beside, &frames)
            }
            Stage::Done(answered) => {
                Film::new(format!("Signature: {of}"), vec![answered.who.clone()], &answered.frames)
            }
            _ => None,
        };
    }

    fn back(&mut self) -> Option<Effect> {
        (self.note, self.failed) = (None, None);
        match &self.stage {
            Stage::Review | Stage::Done(_) => return Some(Effect::Leave),
            // A store at work is not left alone.
            Stage::Looking | Stage::Signing => {}
            Stage::Yes(_) | Stage::Store(_) => self.to(Stage::Review),
            Stage::Serial(_) | Stage::Secret(_) | Stage::Pad => {
                self.to(Stage::Store(String::new()));
                return Some(Effect::Forget);
            }
        }
        None
    }

    fn go_on(&mut self) -> Option<Effect> {
        self.note = None;
        match &mut self.stage {
            Stage::Review if self.lines.is_err() => {}
            Stage::Review if !self.reading.whole() => {
                self.scroll = self.reading.next_page();
                self.scroll(Scroll::Before);
            }
            Stage::Review => self.to(Stage::Yes(String::new())),
            Stage::Yes(typed) if typed.trim() == self.request.yes() => self.to(Stage::Store(String::new())),
            Stage::Yes(typed) => {
                typed.clear();
                self.note = Some(format!("Type exactly `{}`, or Esc.", self.request.yes()));
            }
            Stage::Store(typed) => match typed.trim().parse::<StoreUri>() {
                Ok(uri) => {
                    (self.failed, self.store) = (None, Some(uri.clone()));
                    self.stage = Stage::Looking;
                    return Some(Effect::Look(uri));
                }
                Err(error) => self.note = Some(error.to_string()),
            },
            Stage::Serial(typed) => {
                let right = self.sight.as_ref().and_then(|sight| sight.serial.as_deref());
                if right.is_some_and(|serial| serial == typed.trim() && !serial.is_empty()) {
                    self.ask();
                } else {
                    typed.clear();
                    self.note =
                        Some("That is not the serial number of this token. No PIN was used.".to_owned());
                }
            }
            Stage::Secret(secret) if secret.count() == 0 => {
                self.note = Some("Nothing was typed.".to_owned());
            }
            Stage::Secret(secret) => {
                let secret = secret.take();
                (self.failed, self.stage) = (None, Stage::Signing);
                return Some(Effect::Sign(Some(secret)));
            }
            Stage::Pad => {
                (self.failed, self.stage) = (None, Stage::Signing);
                return Some(Effect::Sign(None));
            }
            Stage::Looking | Stage::Signing => {}
            Stage::Done(_) => return Some(Effect::Leave),
        }
        None
    }

    fn looked(&mut self, result: Result<Sight, Stop>) {
        match result {
            Ok(sight) => {
                let last = sight.pin == PinState::FinalTry;
                self.sight = Some(sight);
                if last { self.to(Stage::Serial(String::new())) } else { self.ask() }
            }
            Err(stop) => {
                self.failed = Some(stop);
                self.to(Stage::Store(String::new()));
            }
        }
    }

    fn ask(&mut self) {
        let pad = self.sight.as_ref().is_some_and(|sight| sight.wants == Wants::PinPad);
        self.to(if pad { Stage::Pad } else { Stage::Secret(Secret::default()) });
    }

    fn signed(&mut self, result: Result<(Result<String, Stop>, Response), Stop>) -> Option<Effect> {
        match result {
            Ok((file, response)) => {
                let who = self.request.names.of(&response.keyid);
                let lines = carry::lines(&response).unwrap_or_default();
                let frames = carry::response(&response).unwrap_or_default();
                self.to(Stage::Done(Answered { file, who, lines, frames }));
                None
            }
            Err(stop) => {
                // A wrong secret is typed again where nobody reads it, once the store has shown how many tries are left.
                let again = self.store.clone().filter(|_| stop.kind == StopKind::Secret);
                self.failed = Some(stop);
                self.to(if again.is_some() { Stage::Looking } else { Stage::Store(String::new()) });
                again.map(Effect::Look)
            }
        }
    }
}
