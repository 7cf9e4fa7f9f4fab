//! What lies over the screen, and what keys do there.

use crate::driver::Answer;
use crate::driver::Exception;
use crate::driver::Prompt;
use crate::tui::app::App;
use crate::tui::app::Effect;
use crate::tui::app::Stage;
use crate::tui::code::Code;
use crate::tui::field;
use crate::tui::message::Message;
use crate::tui::message::Scroll;

/// What lies over the screen.
pub enum Window {
    /// The help.
    Help,
    /// A share, for its holder alone.
    Share,
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

impl App {
    /// One message, while a window lies over the screen.
    pub(super) fn in_window(&mut self, window: Window, message: Message) -> Option<Effect> {
        self.window = match (window, message) {
            (Window::Help, Message::Scroll(_)) => Some(Window::Help),
            (Window::Help, _) => None,
            (Window::Share, Message::GoOn) => return self.answer(Answer::Continue),
            (Window::Share, _) => None,
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
                self.note = Some("That is nobody's short name here.".to_owned());
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
}
