//! The home screen: what lies here, and what can be done with it. Looking changes nothing.

use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::nearby::Nearby;
use crate::tui::scene::plan_page;
use crate::tui::style::Palette;
use crate::tui::view;

/// What the people chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Perform or rehearse a ceremony file.
    Begin(PathBuf, Mode),
    /// Go on with a record, or look at its end.
    Resume(PathBuf),
    /// Read a request, sign it, or merge its answers.
    Apart(PathBuf),
    /// Leave.
    Leave,
}

/// The home screen.
#[derive(Clone, Debug)]
pub struct Home {
    /// The directory.
    pub dir: String,
    /// What lies in it.
    pub nearby: Nearby,
    /// The chosen entry: files first, then records, then what asks for signatures.
    pub at: usize,
    /// The chosen entry is looked at: its plan, or what is wrong with it.
    pub open: Option<Vec<String>>,
    /// The help is shown.
    pub help: bool,
    /// The first line shown of an open entry.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How it looks.
    pub palette: Palette,
}

impl Home {
    /// With what lies in a directory.
    pub fn new(dir: String, nearby: Nearby, size: (u16, u16), palette: Palette) -> Self {
        Self { dir, nearby, at: 0, open: None, help: false, scroll: 0, size, palette }
    }

    fn len(&self) -> usize {
        self.nearby.plans.len() + self.nearby.records.len() + self.nearby.asked.len()
    }

    /// One message.
    pub fn update(&mut self, message: Message) -> Option<Choice> {
        if let Message::Resized(width, height) = message {
            self.size = (width, height);
            self.scroll(Scroll::Before);
            return None;
        }
        if !view::page::fits(self.size) && !matches!(message, Message::Stop) {
            return None;
        }
        if self.help {
            self.help = false;
            return None;
        }
        match message {
            Message::Help => self.help = true,
            Message::Stop | Message::Back if self.open.take().is_some() => self.scroll = 0,
            Message::Stop => return Some(Choice::Leave),
            Message::Scroll(to) => self.scroll(to),
            Message::GoOn if self.open.is_none() => return self.look(),
            Message::Rehearse => return self.begin(Mode::Rehearsal),
            Message::Perform => return self.begin(Mode::Production),
            _ => {}
        }
        None
    }

    fn scroll(&mut self, to: Scroll) {
        if let Some(open) = &self.open {
            let (lines, height) = view::home::extent(self, open);
            self.scroll = to.from(self.scroll, lines, height);
            return;
        }
        let last = self.len().saturating_sub(1);
        self.at = match to {
            Scroll::Up | Scroll::Before => self.at.saturating_sub(1),
            Scroll::Down | Scroll::Next => (self.at + 1).min(last),
            Scroll::PageUp | Scroll::Top => 0,
            Scroll::PageDown | Scroll::Bottom => last,
        };
    }

    /// Opens the chosen entry: a plan is reviewed, a record is gone on with.
    fn look(&mut self) -> Option<Choice> {
        let plans = self.nearby.plans.len();
        if let Some(found) = self.nearby.plans.get(self.at) {
            self.open = Some(match &found.plan {
                Ok(plan) => plan_page(plan),
                Err(problems) => problems.iter().map(|problem| format!("!! {problem}")).collect(),
            });
            return None;
        }
        let after_plans = self.at.checked_sub(plans)?;
        if let Some(asked) = after_plans.checked_sub(self.nearby.records.len()) {
            let asked = self.nearby.asked.get(asked)?;
            match &asked.request {
                Ok(_) => return Some(Choice::Apart(asked.file.clone())),
                Err(why) => self.open = Some(vec![format!("!! {why}")]),
            }
            return None;
        }
        let found = self.nearby.records.get(after_plans)?;
        match &found.state {
            Ok(_) => Some(Choice::Resume(found.dir.clone())),
            Err(why) => {
                self.open = Some(vec![format!("!! {why}")]);
                None
            }
        }
    }

    /// Begins the file that is reviewed, if it holds.
    fn begin(&self, mode: Mode) -> Option<Choice> {
        let found =
            self.nearby.plans.get(self.at).filter(|found| self.open.is_some() && found.plan.is_ok())?;
        Some(Choice::Begin(found.file.clone(), mode))
    }
}
