//! Starting a ceremony file from a repository: which type, and where it is written. It is all that home writes.

use std::path::PathBuf;

use crate::plan::Kind;
use crate::tuf::delegations::layout::Layout;
use crate::tui::message::Scroll;
use crate::tui::repository::Chosen;
use crate::tui::repository::Page;

/// The types that start from a repository, and what each is for.
pub const TYPES: [(Kind, &str); 7] = [
    (Kind::RootRenewal, "root: a new version, a later date; keys stay"),
    (Kind::KeyRotation, "keys or thresholds of the four roles change"),
    (Kind::CompromiseResponse, "keys were lost or stolen; others take their place"),
    (Kind::DelegationChange, "who may sign which paths changes"),
    (Kind::TargetsSigning, "the target files of one role change"),
    (Kind::RestoreDrill, "nothing: every key is opened, as a test"),
    (Kind::Destruction, "nothing: keys that no role lists are destroyed"),
];

/// A ceremony file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The type.
    pub kind: Kind,
    /// Whose target files change, where it is not `targets`: a role, or the prefix of bins.
    pub role: Option<String>,
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
    /// The delegated role that is looked at, or the prefix of its bins.
    pub role: Option<String>,
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
            (Page::Keys, _) => Kind::KeyRotation,
            (Page::Tree, _) => Kind::DelegationChange,
            (_, Some(Chosen::Top(top))) if top.role == "root" => Kind::RootRenewal,
            (_, Some(Chosen::Top(top))) if top.role != "targets" => Kind::KeyRotation,
            (_, Some(_)) => Kind::TargetsSigning,
            (_, None) => Kind::RootRenewal,
        };
        TYPES.iter().position(|(listed, _)| *listed == kind).unwrap_or(0)
    }

    /// The delegated role that is looked at, as `new --role` takes it.
    pub fn role(chosen: Option<Chosen<'_>>) -> Option<String> {
        let Some(Chosen::Delegated(row)) = chosen else { return None };
        let bins = Layout::of(&row.delegations).map(|bins| bins.prefix().to_owned());
        bins.or_else(|| Some(row.delegation()?.name.clone()))
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
        let word = kind.name();
        let name = |n: usize| match n {
            1 => PathBuf::from(format!("{}-{word}.yaml", self.month)),
            n => PathBuf::from(format!("{}-{word}-{n}.yaml", self.month)),
        };
        let out = (1..=self.taken.len()).map(name).find(|name| !self.taken.contains(name));
        let role = self.role.clone().filter(|_| kind == Kind::TargetsSigning);
        let out = out.unwrap_or_else(|| name(self.taken.len() + 1));
        Draft { kind, role, from: self.from.clone(), out }
    }
}

impl Draft {
    /// The same on the command line.
    pub fn command(&self) -> String {
        let (kind, from, out) = (self.kind.name(), self.from.display(), self.out.display());
        let role = self.role.as_ref().map(|role| format!(" --role '{role}'")).unwrap_or_default();
        format!("keyrite new {kind} --from {from}{role} --out {out}")
    }
}
