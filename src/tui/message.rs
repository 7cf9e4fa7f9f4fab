//! What can happen to a screen. Neither `Debug` nor `Clone`: a message may carry a character of a secret.

use std::sync::Arc;

use crate::driver::Stop;
use crate::keystore::Sight;
use crate::keystore::shares::Share;
use crate::tuf::Date;
use crate::tuf::apart::Response;
use crate::tui::scene::Scene;

/// One thing that happened.
pub enum Message {
    /// Go on, or answer.
    GoOn,
    /// Leave a field or a window.
    Back,
    /// A character was typed into a field.
    Typed(char),
    /// The last character is taken back.
    Erase,
    /// Everything typed is taken back.
    EraseAll,
    /// Move through the text.
    Scroll(Scroll),
    /// Help, or away with it.
    Help,
    /// Stop, or leave.
    Stop,
    /// The digest as a QR code.
    Code,
    /// The public keys as QR codes.
    Keys,
    /// The holder does not sign today.
    NotToday,
    /// Someone is not here.
    Absent,
    /// Something went otherwise than planned.
    Exception,
    /// The step is left out, as an exception says.
    LeaveOut,
    /// Large letters, or small ones again.
    Big,
    /// High contrast, or colours again.
    Contrast,
    /// Everything that happened.
    Journal,
    /// Rehearse the chosen file.
    Rehearse,
    /// Perform the chosen file.
    Perform,
    /// Start a ceremony file from what is shown.
    Start,
    /// Ask who may sign a path.
    Ask,
    /// Look at another repository.
    Other,
    /// Merge answers.
    Merge,
    /// Write the file.
    Write,
    /// A moment went by, on a screen that moves.
    Tick,
    /// It is this time now.
    Clock(Date),
    /// The store was looked at.
    Looked(Result<Sight, Stop>),
    /// The store signed, and the response was written to this file, or to none.
    Signed(Result<(Result<String, Stop>, Response), Stop>),
    /// An answer was read, and what it is called.
    Read(String, Result<Vec<u8>, String>),
    /// A path could not be read at all.
    Unread(Stop),
    /// The merged file was written, and what it is called.
    Wrote(Result<String, Stop>),
    /// The terminal has this many columns and rows.
    Resized(u16, u16),
    /// The answer was carried out, and this is what to show next; a share, where one is shown to its holder.
    Scene(Box<Scene>, Option<Arc<Share>>),
    /// The ceremony does not go on.
    Ended(Stop),
}

/// Where to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// To the one before.
    Before,
    /// To the next one.
    Next,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the top.
    Top,
    /// To the end.
    Bottom,
}

impl Scroll {
    /// The first line shown afterwards, of a text of `lines` in a window of `height`.
    pub fn from(self, at: usize, lines: usize, height: usize) -> usize {
        let last = lines.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        let to = match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at + 1,
            Self::PageUp => at.saturating_sub(page),
            Self::PageDown => at + page,
            Self::Top => 0,
            Self::Bottom => last,
            Self::Before | Self::Next => at,
        };
        to.min(last)
    }
}
