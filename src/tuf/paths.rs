//! Who may sign a path: the walk of a client through the delegations (TUF section 5.6), written down step by step.
//!
//! A client asks `targets`, then the roles that it delegates the path to, in their order, each with all it delegates
//! to before the next one, and takes the first entry that it finds. A terminating delegation ends the walk after what
//! lies below it. Nothing here verifies; `keyrite inspect --path` and the home screen ask.

mod moves;
mod pattern;
mod rows;
mod say;
mod tough;
mod unreached;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::date::Date;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::matches_pattern;
use crate::tuf::delegations::tough::Loaded;
use crate::tuf::fields;
use crate::tuf::metadata::Metadata;
use crate::tuf::repository::Repository;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::targets;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;

pub use moves::Moved;
pub use moves::Moves;
pub use moves::moves;
pub use moves::moves_of;
pub use rows::Row;
pub use rows::Rows;
pub use say::people;
pub use say::who;
pub use unreached::outside;
pub use unreached::taken;
pub use unreached::unreached;
pub use unreached::ways;

/// The targets roles of a repository and what each delegates, read once.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    keys: Arc<RoleKeys>,
}

/// One targets role whose file is here.
#[derive(Clone, Debug)]
pub struct Node {
    targets: Held,
    /// `version`
    pub version: u64,
    /// `expires`, where it can be read.
    pub expires: Option<Date>,
    /// Whom it delegates to; `None` too where that cannot be understood, and then `broken` says so.
    pub delegations: Option<Arc<Delegations>>,
    /// Why no client can read its delegations.
    pub broken: Option<String>,
}

/// What is held of the targets of a role.
#[derive(Clone, Debug)]
enum Held {
    All(Arc<Metadata>),
    Paths(Arc<targets::paths::Paths>),
}

impl Node {
    fn of(version: u64, metadata: &Arc<Metadata>) -> Self {
        Self::holding(Held::All(Arc::clone(metadata)), version, metadata.signed())
    }

    /// Of a role of which no more is held than the paths of its targets; `signed` is what it says beside them.
    pub(crate) fn of_paths(version: u64, signed: &Value, paths: targets::paths::Paths) -> Self {
        Self::holding(Held::Paths(Arc::new(paths)), version, signed)
    }

    fn holding(targets: Held, version: u64, signed: &Value) -> Self {
        let delegations = signed.get("delegations").filter(|json| !json.is_null());
        let (delegations, broken) = match delegations.map(Delegations::from_json) {
            None => (None, None),
            Some(Ok(delegations)) => (Some(Arc::new(delegations)), None),
            Some(Err(why)) => (None, Some(why.to_string())),
        };
        Self { targets, version, expires: fields::expires(signed), delegations, broken }
    }

    /// Whether it has an entry for the path.
    pub fn lists(&self, path: &str) -> bool {
        match &self.targets {
            Held::All(metadata) => metadata.listed().is_some_and(|listed| listed.get(path).is_some()),
            Held::Paths(paths) => paths.contains(path),
        }
    }

    /// What it says of the path, where more is held than paths.
    fn content(&self, path: &str) -> Option<TargetFile> {
        match &self.targets {
            Held::All(metadata) => metadata.listed()?.get(path)?.read().ok(),
            Held::Paths(_) => None,
        }
    }

    /// The paths that it has entries for, in their order.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let (listed, paths) = match &self.targets {
            Held::All(metadata) => (metadata.listed(), None),
            Held::Paths(paths) => (None, Some(paths)),
        };
        let gone_by = paths.into_iter().flat_map(|paths| paths.iter());
        listed.into_iter().flat_map(Listed::paths).chain(gone_by)
    }

    /// How many those are.
    pub fn count(&self) -> usize {
        match &self.targets {
            Held::All(metadata) => metadata.listed().map_or(0, |listed| listed.len()),
            Held::Paths(paths) => paths.len(),
        }
    }
}

/// Why a role may sign for what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// It is `targets`, which may sign for every path.
    Everything,
    /// A pattern of its delegation.
    Pattern(String),
    /// The beginning of the path's SHA-256; for a pattern, any.
    HashPrefix(String),
    /// The path's bin, of so many.
    Bin(u64),
    /// A path's SHA-256 decides which of the roles it is.
    Hash,
}

/// When a client asks a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// In its turn.
    InTurn,
    /// It was asked before, by the word of another delegation.
    Before,
    /// Never: the delegation to this role ends the search before.
    Never(String),
}

/// One role on the way of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The role; the first one of `count`.
    pub role: String,
    /// How many roles stand together here: bins that the same keys sign.
    pub count: usize,
    /// Who delegates to it: `root` for `targets`.
    pub delegator: String,
    /// Its place among the delegations of the delegator; 0 for `targets`.
    pub place: usize,
    /// How many delegations lead to it from `targets`.
    pub depth: usize,
    /// Who signs for it, by the delegator's word.
    pub keys: Arc<RoleKeys>,
    /// Why it may.
    pub because: Because,
    /// Whether it may sign for every path that was asked for; always, for a single one.
    pub all: bool,
    /// Whether the search ends with it and what it delegates.
    pub terminating: bool,
    /// When it is asked.
    pub asked: Asked,
    /// How many of the paths it has entries for; `None` when its file is not here.
    pub lists: Option<usize>,
    /// How many of them a client takes from it.
    pub taken: usize,
}

/// The answer to "who may sign this path?".
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was asked: a path, or a pattern with `*` or `?`.
    pub query: String,
    /// Whether it is a pattern.
    pub pattern: bool,
    /// Every role that may, in the order in which a client asks.
    pub steps: Vec<Step>,
    /// For a path, the role whose entry a client takes.
    pub taken_from: Option<String>,
    /// For a path, how tough answers otherwise: a sentence.
    pub tough: Option<String>,
}

/// A delegation that a client has still to follow.
struct Open<'a> {
    role: &'a str,
    delegator: &'a str,
    place: usize,
    depth: usize,
    delegation: Option<&'a Delegation>,
    ended_by: Option<&'a str>,
}

impl Open<'_> {
    fn top() -> Self {
        Self { role: "targets", delegator: "root", place: 0, depth: 0, delegation: None, ended_by: None }
    }
}

impl Tree {
    /// From a repository as it lies.
    pub fn of(repository: &Repository) -> Self {
        let node = |(name, file): (&str, &crate::tuf::repository::RoleFile)| {
            (name.to_owned(), Node::of(file.version, &file.metadata))
        };
        Self::new(repository.targets_roles().map(node).collect(), &repository.root)
    }

    /// Of the targets roles below a root.
    pub(crate) fn new(nodes: BTreeMap<String, Node>, root: &Root) -> Self {
        let none = RoleKeys { keys: BTreeMap::new(), threshold: 0 };
        Self { nodes, keys: Arc::new(root.role_keys("targets").unwrap_or(none)) }
    }

    /// From now on these roles say what this metadata says.
    pub fn lists_in(&mut self, roles: impl IntoIterator<Item = String>, metadata: &Metadata) {
        let node = Node::of(0, &Arc::new(metadata.clone()));
        self.nodes.extend(roles.into_iter().map(|role| (role, node.clone())));
    }

    /// Whether the file of every role is here to which delegations lead.
    pub fn is_whole(&self) -> bool {
        let (mut open, mut seen) = (vec!["targets"], BTreeSet::new());
        while let Some(role) = open.pop() {
            if !seen.insert(role) {
                continue;
            }
            let Some(node) = self.nodes.get(role).filter(|node| node.broken.is_none()) else { return false };
            let roles = node.delegations.iter().flat_map(|delegations| &delegations.roles);
            open.extend(roles.map(|delegation| delegation.name.as_str()));
        }
        true
    }

    /// Whether any role delegates.
    pub fn delegates(&self) -> bool {
        self.nodes.values().any(|node| node.delegations.is_some())
    }

    /// A role whose file is here.
    pub fn node(&self, role: &str) -> Option<&Node> {
        self.nodes.get(role)
    }

    /// How many targets roles are here.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The role whose entry for `path` a client takes.
    pub fn believed(&self, path: &str) -> Option<&str> {
        self.asked(path).1
    }

    /// The roles that a client asks in vain, and the one whose entry it takes.
    fn asked(&self, path: &str) -> (Vec<&str>, Option<&str>) {
        let mut open = vec!["targets"];
        let mut asked = Vec::new();
        while let Some(role) = open.pop() {
            if asked.contains(&role) {
                continue;
            }
            if let Some(node) = self.nodes.get(role) {
                if node.lists(path) {
                    return (asked, Some(role));
                }
                let mut below = Vec::new();
                let delegations = node.delegations.as_deref();
                let places = delegations.map(|d| d.matching(path)).unwrap_or_default();
                for delegation in places.into_iter().filter_map(|place| delegations?.roles.get(place)) {
                    below.push(delegation.name.as_str());
                    if delegation.terminating {
                        open.clear();
                        break;
                    }
                }
                open.extend(below.into_iter().rev());
            }
            asked.push(role);
        }
        (asked, None)
    }

    /// Who may sign for a path, or for the paths of a pattern.
    pub fn ask(&self, query: &str) -> Answer {
        if query.contains(['*', '?']) {
            let steps = pattern::ask(self, query);
            return Answer { query: query.to_owned(), pattern: true, steps, taken_from: None, tough: None };
        }
        let steps = self.walk(query, None);
        let taken = steps.iter().find(|step| step.taken > 0).map(|step| step.role.clone());
        let tough = self.in_tough(query, &steps);
        Answer { query: query.to_owned(), pattern: false, steps, taken_from: taken, tough }
    }

    /// The steps of a client: of one that follows the specification, or of tough with the roles that it loaded.
    fn walk(&self, path: &str, tough: Option<&Loaded<'_>>) -> Vec<Step> {
        let matching = |delegations: &Delegations| match tough {
            None => delegations.matching(path),
            Some(_) => delegations.matching_in_tough(path),
        };
        let (mut open, mut visited, mut steps) = (vec![Open::top()], BTreeSet::new(), Vec::new());
        let mut taken = false;
        while let Some(at) = open.pop() {
            let mut step = self.step(&at, |delegation| because(delegation, path));
            if let Some(by) = at.ended_by {
                step.asked = Asked::Never(by.to_owned());
            } else if !visited.insert(at.role) {
                step.asked = Asked::Before;
            } else if tough.is_some_and(|loaded| !loaded.is_by(at.role, at.delegator)) {
                // Another delegation loaded it; in this one is nothing.
                step.asked = Asked::Before;
            } else if let Some(node) = self.nodes.get(at.role) {
                step.lists = Some(usize::from(node.lists(path)));
                step.taken = usize::from(step.lists == Some(1) && !taken);
                taken |= step.taken > 0;
                let delegations = node.delegations.as_deref();
                let places = delegations.map(&matching).unwrap_or_default();
                follow(&mut open, &at, delegations, &places, |delegation| delegation.terminating);
            }
            steps.push(step);
        }
        steps
    }

    /// The step to a role, before anyone was asked.
    fn step(&self, at: &Open<'_>, because: impl FnOnce(&Delegation) -> Because) -> Step {
        Step {
            role: at.role.to_owned(),
            count: 1,
            delegator: at.delegator.to_owned(),
            place: at.place,
            depth: at.depth,
            keys: Arc::clone(at.delegation.map_or(&self.keys, |delegation| &delegation.role_keys)),
            because: at.delegation.map_or(Because::Everything, because),
            all: true,
            terminating: at.delegation.is_some_and(|delegation| delegation.terminating),
            asked: Asked::InTurn,
            lists: None,
            taken: 0,
        }
    }
}

/// Puts the delegations at these places where a client follows them next; the first one that `ends` the search ends
/// it for all that would have come later.
fn follow<'a>(
    open: &mut Vec<Open<'a>>,
    at: &Open<'a>,
    delegations: Option<&'a Delegations>,
    places: &[usize],
    ends: impl Fn(&Delegation) -> bool,
) {
    let mut below = Vec::new();
    let mut ended_by = None;
    for (place, delegation) in
        places.iter().filter_map(|place| Some((*place, delegations?.roles.get(*place)?)))
    {
        let (role, delegator) = (delegation.name.as_str(), at.role);
        below.push(Open {
            role,
            delegator,
            place,
            depth: at.depth + 1,
            delegation: Some(delegation),
            ended_by,
        });
        if ended_by.is_none() && ends(delegation) {
            ended_by = Some(role);
            open.iter_mut().for_each(|later| later.ended_by = later.ended_by.or(ended_by));
        }
    }
    open.extend(below.into_iter().rev());
}

/// What of a delegation covers a path.
fn because(delegation: &Delegation, path: &str) -> Because {
    match &delegation.paths {
        Paths::Patterns(list) => {
            let pattern = list.iter().find(|pattern| matches_pattern(pattern, path));
            Because::Pattern(pattern.cloned().unwrap_or_default())
        }
        Paths::HashPrefixes(list) => {
            let digest = hex::encode(Sha256::digest(path.as_bytes()));
            let prefix = list.iter().find(|prefix| digest.starts_with(&prefix.to_ascii_lowercase()));
            Because::HashPrefix(prefix.cloned().unwrap_or_default())
        }
        Paths::Bin { bits, .. } => Because::Bin(1 << bits),
    }
}

#[cfg(test)]
mod tests;
