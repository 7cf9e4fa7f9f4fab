//! Starting a ceremony file from a repository: which type, and where it is written. It is all that home writes.

use std::path::PathBuf;

use crate::tui::message::Scroll;
use crate::tui::repository::Chosen;
use crate::tui::repository::Page;

/// The types that start from a repository, and what each is for.
pub const TYPES: [(&str, &str); 5] = [
    ("root-renewal", "root: a new version, a later date; keys stay"),
    ("key-rotation", "keys or thresholds of the four roles change"),
    ("compromise-response", "keys were lost or stolen; others take their place"),
    ("delegation-change", "who may sign which paths changes"),
    ("targets-signing", "the target files of one role change"),
];

/// A ceremony file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The type.
    pub kind: &'static str,
    /// The directory of the metadata that it starts from.
    pub from: PathBuf,
    /// The file.
    pub out: PathBuf,
}

/// The window in which a type is chosen.
#[derive(Clone, Debug)]
pub struct Start {
    /// The chosen type.
    pub at: usize,
    /// The metadata.
    pub from: PathBuf,
    /// Year and month, which a file's name begins with.
    pub month: String,
    /// Names that are taken.
    pub taken: Vec<PathBuf>,
    /// What became of it: the file that was written, or why none was.
    pub done: Option<Result<PathBuf, String>>,
}

impl Start {
    /// The type that fits what is looked at.
    pub fn fitting(page: Page, chosen: Option<Chosen<'_>>) -> usize {
        let kind = match (page, chosen) {
            (Page::Keys, _) => "key-rotation",
            (Page::Tree, _) => "delegation-change",
            (_, Some(Chosen::Top(top))) if top.role == "root" => "root-renewal",
            (_, Some(Chosen::Top(top))) if top.role != "targets" => "key-rotation",
            (_, Some(_)) => "targets-signing",
            (_, None) => "root-renewal",
        };
        TYPES.iter().position(|(name, _)| *name == kind).unwrap_or(0)
    }

    /// Chooses another type.
    pub fn scroll(&mut self, to: Scroll) {
        let last = TYPES.len() - 1;
        self.at = match to {
            Scroll::Up | Scroll::Before => self.at.saturating_sub(1),
            Scroll::Down | Scroll::Next => (self.at + 1).min(last),
            Scroll::PageUp | Scroll::Top => 0,
            Scroll::PageDown | Scroll::Bottom => last,
        };
    }

    /// What would be written.
    pub fn draft(&self) -> Draft {
        let kind = TYPES[self.at.min(TYPES.len() - 1)].0;
        let name = |n: usize| match n {
            1 => PathBuf::from(format!("{}-{kind}.yaml", self.month)),
            n => PathBuf::from(format!("{}-{kind}-{n}.yaml", self.month)),
        };
        let out = (1..=self.taken.len()).map(name).find(|name| !self.taken.contains(name));
        Draft { kind, from: self.from.clone(), out: out.unwrap_or_else(|| name(self.taken.len() + 1)) }
    }
}

impl Draft {
    /// The same on the command line.
    pub fn command(&self) -> String {
        format!("keyrite new {} --from {} --out {}", self.kind, self.from.display(), self.out.display())
    }
}
