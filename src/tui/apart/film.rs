//! Frames as QR codes that follow each other over the whole screen.

use crate::tui::code::Square;
use crate::tui::message::Message;
use crate::tui::message::Scroll;

/// The codes, and which of them stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    /// What they carry.
    pub title: String,
    /// Lines beside them.
    pub beside: Vec<String>,
    /// The codes.
    pub squares: Vec<Square>,
    /// Which stands now.
    pub at: usize,
    /// An arrow was pressed: it waits for the next one.
    pub still: bool,
}

impl Film {
    /// Of frames; `None` when there are none.
    pub fn new(title: String, beside: Vec<String>, frames: &[String]) -> Option<Self> {
        let square = |frame: &String| crate::qr::modules(frame, qrcode::EcLevel::L);
        let squares: Vec<Square> = frames.iter().filter_map(square).collect();
        (!squares.is_empty()).then_some(Self { title, beside, squares, at: 0, still: false })
    }

    /// Whether the next code comes by itself.
    pub fn moves(&self) -> bool {
        self.squares.len() > 1 && !self.still
    }

    /// One message; `None` when the film is over.
    pub fn update(mut self, message: &Message) -> Option<Self> {
        let of = self.squares.len();
        match message {
            Message::Tick if self.moves() => self.at = (self.at + 1) % of,
            Message::Tick => {}
            Message::Scroll(Scroll::Next | Scroll::Down | Scroll::PageDown) => {
                (self.at, self.still) = ((self.at + 1) % of, true);
            }
            Message::Scroll(Scroll::Before | Scroll::Up | Scroll::PageUp) => {
                (self.at, self.still) = ((self.at + of - 1) % of, true);
            }
            Message::GoOn | Message::Back | Message::Code | Message::Stop => return None,
            _ => {}
        }
        Some(self)
    }
}
