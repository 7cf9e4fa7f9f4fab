//! The repository on the home screen: which page, which row, and who may sign a path. Looking changes nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::overview::Overview;
use crate::tuf::paths::Answer;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Row;
use crate::tuf::paths::Rows;
use crate::tuf::paths::Step;
use crate::tui::field;
use crate::tui::message::Message;
use crate::tui::message::Scroll;

/// A repository that lies nearby, as it was read.
#[derive(Clone, Debug)]
pub struct Found {
    /// The directory of its metadata, as people would type it here.
    pub dir: PathBuf,
    /// What it says.
    pub overview: Overview,
    /// Who holds which key.
    pub holders: BTreeMap<KeyId, String>,
    /// What is wrong with the file that says so.
    pub remark: Option<String>,
    /// Days are counted from here.
    pub now: Date,
}

/// A part of the home screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The roles.
    Roles,
    /// The keys.
    Keys,
    /// The tree of delegations.
    Tree,
    /// Open requests.
    Requests,
    /// Ceremony files and records.
    Ceremonies,
}

impl Page {
    /// All, from left to right.
    pub const ALL: [Self; 5] = [Self::Roles, Self::Keys, Self::Tree, Self::Requests, Self::Ceremonies];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Roles => "Roles",
            Self::Keys => "Keys",
            Self::Tree => "Delegations",
            Self::Requests => "Requests",
            Self::Ceremonies => "Ceremonies",
        }
    }
}

/// Who may sign a path, and where that is in the tree.
#[derive(Clone, Debug)]
pub struct Query {
    /// The answer.
    pub answer: Answer,
    /// The tree with a row of its own for every bin on the way.
    pub rows: Arc<Rows>,
    /// The step of the answer, by delegator and place.
    steps: BTreeMap<(String, usize), usize>,
    /// What is said of each step, and its number where a client comes to it.
    pub lines: Vec<(Option<usize>, String)>,
    /// The answer in one sentence, and where the search ends: made once, for it names thousands of bins.
    pub headline: [String; 2],
}

/// What one row of a page is about.
#[derive(Clone, Copy, Debug)]
pub enum Chosen<'a> {
    /// One of the four roles.
    Top(&'a crate::tuf::overview::Top),
    /// A delegated role, or a run of bins.
    Delegated(&'a Row),
    /// A key.
    Key(&'a crate::tuf::overview::Key),
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The repository.
    pub found: Arc<Found>,
    /// The chosen row of the roles, the keys and the tree.
    at: [usize; 3],
    /// The chosen row is looked at closely.
    pub close: bool,
    /// A path is being typed.
    pub typing: Option<String>,
    /// Who may sign it.
    pub query: Option<Query>,
}

impl Shown {
    /// The repository, at its first role.
    pub fn new(found: Arc<Found>) -> Self {
        Self { found, at: [0; 3], close: false, typing: None, query: None }
    }

    /// The chosen row.
    pub fn at(&self, page: Page) -> usize {
        self.at.get(page as usize).copied().unwrap_or(0)
    }

    /// How many rows a page has.
    pub fn len(&self, page: Page) -> usize {
        let overview = &self.found.overview;
        match page {
            Page::Roles => overview.top.len() + overview.rows.0.len(),
            Page::Keys => overview.keys.len(),
            // The first row is targets itself.
            Page::Tree => 1 + self.rows().0.len(),
            Page::Requests | Page::Ceremonies => 0,
        }
    }

    /// The rows of the tree as it is shown.
    pub fn rows(&self) -> &Rows {
        self.query.as_ref().map_or(&self.found.overview.rows, |query| &query.rows)
    }

    /// What a row is about.
    pub fn row(&self, page: Page, at: usize) -> Option<Chosen<'_>> {
        let overview = &self.found.overview;
        match page {
            Page::Roles => match overview.top.get(at) {
                Some(top) => Some(Chosen::Top(top)),
                None => overview.rows.0.get(at - overview.top.len()).map(Chosen::Delegated),
            },
            Page::Keys => overview.keys.get(at).map(Chosen::Key),
            Page::Tree => match at.checked_sub(1) {
                Some(at) => self.rows().0.get(at).map(Chosen::Delegated),
                None => overview.top.iter().find(|top| top.role == "targets").map(Chosen::Top),
            },
            Page::Requests | Page::Ceremonies => None,
        }
    }

    /// What the chosen row is about.
    pub fn chosen(&self, page: Page) -> Option<Chosen<'_>> {
        self.row(page, self.at(page))
    }

    /// The step of the answer that a row of the tree stands for, from 0.
    pub fn step(&self, at: usize) -> Option<usize> {
        let query = self.query.as_ref()?;
        let Some(at) = at.checked_sub(1) else { return Some(0) };
        let row = query.rows.0.get(at)?;
        // A run of bins stands for the step that begins in it.
        let from = (row.delegator.to_string(), row.place);
        let to = (row.delegator.to_string(), row.place + row.count);
        query.steps.range(from..to).next().map(|(_, step)| *step)
    }

    /// Moves the choice; `page_size` rows make a page.
    pub fn scroll(&mut self, page: Page, to: Scroll, page_size: usize) {
        let last = self.len(page).saturating_sub(1);
        let Some(at) = self.at.get_mut(page as usize) else { return };
        let to = match to {
            Scroll::Up => at.saturating_sub(1),
            Scroll::Down => *at + 1,
            Scroll::PageUp => at.saturating_sub(page_size),
            Scroll::PageDown => *at + page_size,
            Scroll::Top => 0,
            Scroll::Bottom => last,
            Scroll::Before | Scroll::Next => *at,
        };
        *at = to.min(last);
    }

    /// Begins to type a path, with the one that was asked for before.
    pub fn ask(&mut self) {
        let before = self.query.as_ref().map(|query| query.answer.query.clone());
        self.typing = Some(before.unwrap_or_default());
        self.close = false;
    }

    /// A message while a path is typed.
    pub fn typed(&mut self, message: Message) {
        let Some(typing) = &mut self.typing else { return };
        match message {
            Message::Typed(c) => field::push(typing, c),
            Message::Erase => drop(typing.pop()),
            Message::EraseAll => typing.clear(),
            Message::Back | Message::Stop => self.typing = None,
            Message::GoOn => self.answer(),
            _ => {}
        }
    }

    /// Answers what was typed; nothing typed takes the question back.
    fn answer(&mut self) {
        let Some(typed) = self.typing.take() else { return };
        let typed = typed.trim();
        self.close = false;
        if typed.is_empty() {
            self.forget();
            return;
        }
        let tree = &self.found.overview.tree;
        let answer = tree.ask(typed);
        let place = |(n, step): (usize, &Step)| ((step.delegator.clone(), step.place), n);
        let steps: BTreeMap<(String, usize), usize> =
            answer.steps.iter().enumerate().skip(1).map(place).collect();
        let alone = answer.steps.iter().skip(1).filter(|step| step.count == 1);
        let open: BTreeSet<(String, usize)> =
            alone.map(|step| (step.delegator.clone(), step.place)).collect();
        let rows = if open.is_empty() {
            Arc::clone(&self.found.overview.rows)
        } else {
            Arc::new(Rows::of(tree, &open))
        };
        // The role that it is taken from is chosen, or the first that may sign it.
        let taken = answer.steps.iter().find(|step| step.taken > 0 && step.asked == Asked::InTurn);
        let taken = taken.filter(|_| !answer.pattern).map(|step| (step.delegator.clone(), step.place));
        let is = |row: &Row| {
            taken.as_ref().is_some_and(|(of, place)| *of == *row.delegator && *place == row.place)
        };
        self.at[Page::Tree as usize] = rows.0.iter().position(is).map_or(0, |at| at + 1);
        let headline = [answer.headline(&self.found.holders), format!("{}.", answer.stop())];
        self.query = Some(Query { lines: answer.asked(&self.found.holders), headline, answer, rows, steps });
    }

    /// Takes the question back.
    pub fn forget(&mut self) {
        self.query = None;
        self.at[Page::Tree as usize] = 0;
    }
}
