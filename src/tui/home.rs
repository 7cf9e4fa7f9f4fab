//! The home screen: what lies here, and what can be done with it. Looking changes nothing; the one thing that is
//! written from here is a new ceremony file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::ceremony::Mode;
use crate::driver::Stop;
use crate::tui::keymap::Focus;
use crate::tui::message::Message;
use crate::tui::message::Scroll;
use crate::tui::nearby::Nearby;
use crate::tui::repository::Page;
use crate::tui::repository::Shown;
use crate::tui::scene::plan_page;
use crate::tui::start::Draft;
use crate::tui::start::Start;
use crate::tui::style::Palette;
use crate::tui::view;

/// What the people chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Perform or rehearse a ceremony file.
    Begin(PathBuf, Mode),
    /// Go on with a record, or look at its end.
    Resume(PathBuf),
    /// Write a ceremony file to start from; the screen stays.
    Draft(Draft),
    /// Read the repository whose metadata lies there; the screen stays.
    Read(PathBuf),
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
    /// The part of it that is shown.
    pub page: Page,
    /// The repository, where one lies here.
    pub repository: Option<Shown>,
    /// The chosen entry of the ceremonies: files first, then records, then what asks for signatures.
    pub at: usize,
    /// The chosen entry is looked at: its plan, or what is wrong with it.
    pub open: Option<Vec<String>>,
    /// What is looked at is why it could not begin, or go on.
    pub refused: bool,
    /// The type of a ceremony file is chosen.
    pub start: Option<Start>,
    /// The help is shown.
    pub help: bool,
    /// The first line shown of a text that is looked at.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How it looks.
    pub palette: Palette,
}

impl Home {
    /// With what lies in a directory.
    pub fn new(dir: String, nearby: Nearby, size: (u16, u16), palette: Palette) -> Self {
        let repository = match &nearby.repository {
            Some(Ok(found)) => Some(Shown::new(found.clone())),
            Some(Err(_)) | None => None,
        };
        let page = if nearby.repository.is_some() { Page::Roles } else { Page::Ceremonies };
        let (open, refused, start, help) = (None, false, None, false);
        Self { dir, nearby, page, repository, at: 0, open, refused, start, help, scroll: 0, size, palette }
    }

    /// What letters do now.
    pub fn focus(&self) -> Focus {
        let typing = self.repository.as_ref().is_some_and(|shown| shown.typing.is_some());
        if typing && !self.help { Focus::Everything } else { Focus::Keys }
    }

    /// The pages that there are.
    pub fn pages(&self) -> Vec<Page> {
        let there = |page: &Page| match page {
            Page::Roles => self.nearby.repository.is_some(),
            Page::Keys | Page::Tree => self.repository.is_some(),
            Page::Requests => self.nearby.repository.is_some() || self.nearby.requests().next().is_some(),
            Page::Ceremonies => true,
        };
        Page::ALL.into_iter().filter(there).collect()
    }

    fn len(&self) -> usize {
        self.nearby.plans.len() + self.nearby.records.len() + self.nearby.asked.len()
    }

    /// One message.
    pub fn update(&mut self, message: Message) -> Option<Choice> {
        if let Message::Resized(width, height) = message {
            self.size = (width, height);
            // What was read stays on the screen; no page is turned by a window that changes its size.
            if let Some((lines, height)) = view::home::extent(self) {
                self.scroll = Scroll::Before.from(self.scroll, lines, height);
            }
            return None;
        }
        if !view::page::fits(self.size) && !matches!(message, Message::Stop) {
            return None;
        }
        if self.help {
            self.help = false;
            return None;
        }
        if let Some(start) = self.start.take() {
            return self.in_start(start, message);
        }
        match (&mut self.repository, message) {
            (_, Message::Help) => self.help = true,
            (Some(shown), message) if shown.typing.is_some() => {
                shown.typed(message);
                self.scroll = 0;
            }
            (_, Message::Stop | Message::Back) if self.open.take().is_some() => {
                (self.scroll, self.refused) = (0, false);
            }
            (Some(shown), Message::Stop | Message::Back) if shown.close => {
                (shown.close, self.scroll) = (false, 0);
            }
            (Some(shown), Message::Back) if self.page == Page::Tree => shown.forget(),
            (_, Message::Stop) => return Some(Choice::Leave),
            (_, Message::Scroll(to)) => self.scroll(to),
            (_, Message::GoOn) if self.page == Page::Ceremonies && self.open.is_none() => return self.look(),
            (_, Message::GoOn) if self.page == Page::Requests => self.choose_a_request(),
            (Some(shown), Message::GoOn) if shown.chosen(self.page).is_some() => {
                (shown.close, self.scroll) = (true, 0);
            }
            (_, Message::Rehearse) => return self.begin(Mode::Rehearsal),
            (_, Message::Perform) => return self.begin(Mode::Production),
            (_, message) if self.open.is_none() => return self.command(message),
            _ => {}
        }
        None
    }

    /// What can be done with the repository from every page.
    fn command(&mut self, message: Message) -> Option<Choice> {
        match message {
            Message::Other => return self.other().map(Choice::Read),
            Message::Ask => {
                let shown = self.repository.as_mut()?;
                (self.page, self.scroll) = (Page::Tree, 0);
                shown.ask();
            }
            Message::Start => {
                let shown = self.repository.as_ref()?;
                self.start = Some(Start {
                    at: Start::fitting(self.page, shown.chosen(self.page)),
                    role: Start::role(shown.chosen(self.page)),
                    from: shown.found.dir.clone(),
                    month: shown.found.now.to_string().chars().take(7).collect(),
                    taken: self.nearby.plans.iter().map(|found| found.file.clone()).collect(),
                    done: None,
                });
            }
            _ => {}
        }
        None
    }

    fn in_start(&mut self, mut start: Start, message: Message) -> Option<Choice> {
        match message {
            Message::Help => self.help = true,
            Message::Back | Message::Stop => return None,
            Message::GoOn if start.done.is_some() => return None,
            Message::GoOn => {
                let draft = start.draft();
                self.start = Some(start);
                return Some(Choice::Draft(draft));
            }
            Message::Scroll(to) if start.done.is_none() => start.scroll(to),
            _ => {}
        }
        self.start = Some(start);
        None
    }

    /// The repository after the one that is shown, where several lie here.
    fn other(&self) -> Option<PathBuf> {
        let places = &self.nearby.places;
        let shown = match self.nearby.repository.as_ref()? {
            Ok(found) => &found.dir,
            Err(unread) => &unread.dir,
        };
        let at = places.iter().position(|place| place == shown)?;
        places.get((at + 1) % places.len()).filter(|next| *next != shown).cloned()
    }

    /// What lies here was looked at again; what was chosen stays chosen.
    pub fn looked(&mut self, nearby: Nearby) {
        let fresh = Self::new(String::new(), nearby, self.size, self.palette);
        let same =
            |old: &Shown| fresh.repository.as_ref().is_some_and(|new| Arc::ptr_eq(&old.found, &new.found));
        self.repository = self.repository.take().filter(same).or(fresh.repository.clone());
        self.nearby = fresh.nearby;
        self.at = self.at.min(self.len().saturating_sub(1));
        if !self.pages().contains(&self.page) {
            self.page = fresh.page;
        }
        self.scroll = 0;
    }

    /// What became of a ceremony file that was to be written. One that was is chosen among the ceremonies.
    pub fn drafted(&mut self, done: Result<PathBuf, String>) {
        if let Ok(file) = &done
            && let Some(at) = self.nearby.plans.iter().position(|found| found.file == *file)
        {
            (self.page, self.at) = (Page::Ceremonies, at);
        }
        if let Some(start) = &mut self.start {
            start.done = Some(done);
        }
    }

    /// What was chosen cannot be done: why, and what to do.
    pub fn refused(&mut self, stop: &Stop) {
        let lines = stop.error.lines().chain([stop.hint.as_str()]).filter(|line| !line.is_empty());
        (self.open, self.scroll, self.refused) = (Some(lines.map(str::to_owned).collect()), 0, true);
    }

    fn scroll(&mut self, to: Scroll) {
        let pages = self.pages();
        let reads = self.open.is_some() || self.repository.as_ref().is_some_and(|shown| shown.close);
        if let (Scroll::Before | Scroll::Next, 2.., false) = (to, pages.len(), reads) {
            let at = pages.iter().position(|page| *page == self.page).unwrap_or(0);
            let step = if to == Scroll::Next { 1 } else { pages.len() - 1 };
            (self.page, self.scroll) = (pages[(at + step) % pages.len()], 0);
            return;
        }
        let text = view::home::extent(self);
        if let Some((lines, height)) = text {
            self.scroll = to.from(self.scroll, lines, height);
            return;
        }
        if let (Some(shown), Page::Roles | Page::Keys | Page::Tree) = (&mut self.repository, self.page) {
            shown.scroll(self.page, to, usize::from(self.size.1).saturating_sub(12).max(1));
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

    /// Among the ceremonies, where a request is opened.
    fn choose_a_request(&mut self) {
        if !self.nearby.asked.is_empty() {
            self.at = self.nearby.plans.len() + self.nearby.records.len();
            (self.page, self.scroll) = (Page::Ceremonies, 0);
        }
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
