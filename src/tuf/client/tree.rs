//! The tree of verified roles, and each target resolved to the role that a client would believe (TUF section 5.6).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::tuf::client::Files;
use crate::tuf::client::Refused;
use crate::tuf::client::file_name;
use crate::tuf::client::rules;
use crate::tuf::client::walk::Node;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::delegations::Delegations;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::paths::Paths;

/// What is kept of one verified role.
pub(super) struct Branch {
    /// How many targets it lists.
    pub(super) count: usize,
    /// Their paths; none are kept of a role that alone speaks of all targets.
    pub(super) paths: Option<Paths>,
    /// The targets that the caller wants to know.
    pub(super) wanted: BTreeMap<String, TargetFile>,
    pub(super) delegations: Option<Delegations>,
}

/// The tree of roles, by name.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) branches: HashMap<String, Branch>,
    /// Names in the order in which a client comes to them.
    pub(super) order: Vec<String>,
}

/// What a client finds.
#[derive(Default)]
pub(super) struct Found {
    /// How many targets.
    pub(super) count: usize,
    /// Those that the caller wants to know, with what the role that the client believes says of them.
    pub(super) wanted: BTreeMap<String, TargetFile>,
    /// Wanted ones of which a client takes no notice.
    pub(super) others: Vec<(String, TargetFile)>,
}

impl Branch {
    /// Of a role that was read whole.
    pub(super) fn of(role: &str, node: Node, files: &dyn Files) -> Result<Self, Refused> {
        let Node { targets, delegations } = node;
        let mut paths = Paths::default();
        if targets.targets.keys().try_for_each(|path| paths.push(path)).is_none() {
            let why = "its paths are longer than 4 GiB";
            return refuse(rules::METADATA_FORMAT, &file_name(role, None), why);
        }
        let wanted = targets.targets.into_iter().filter(|(path, _)| files.wants(path)).collect();
        Ok(Self { count: paths.len(), paths: Some(paths), wanted, delegations })
    }
}

impl Workflow<'_> {
    /// Every target that a client can find.
    pub(super) fn resolve(&mut self, mut tree: Tree) -> Found {
        let mut found = Found::default();
        for role in std::mem::take(&mut tree.order) {
            let Some(branch) = tree.branches.get(&role) else { continue };
            // Where there are no paths, nothing delegates, and all that is listed is believed.
            let Some(paths) = &branch.paths else {
                found.count += branch.count;
                found.wanted.extend(branch.wanted.clone());
                continue;
            };
            let mut unreachable = 0;
            for path in paths.iter() {
                let answer = tree.answer(&role, path);
                unreachable += usize::from(answer == Answer::NoWay);
                found.count += usize::from(answer == Answer::Believed);
                let wanted = branch.wanted.get_key_value(path);
                let wanted = wanted.map(|(path, file)| (path.clone(), file.clone()));
                match answer {
                    Answer::Believed => found.wanted.extend(wanted),
                    Answer::Other | Answer::NoWay => found.others.extend(wanted),
                }
            }
            if unreachable > 0 {
                self.remarks.push(format!("role {role}: {unreachable} targets that no delegation leads to"));
            }
        }
        found
    }
}

/// What a client makes of one entry of a role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It takes it.
    Believed,
    /// It takes the entry of another role.
    Other,
    /// It finds no entry at all.
    NoWay,
}

impl Tree {
    fn answer(&self, role: &str, path: &str) -> Answer {
        match self.believed(role, path) {
            Some(believed) if believed == role => Answer::Believed,
            Some(_) => Answer::Other,
            None => Answer::NoWay,
        }
    }

    /// The role whose entry for `path` a client takes: the first in pre-order that lists it, along delegations that
    /// cover the path. A terminating delegation ends the search after what lies below it. `lister` is known to list it.
    fn believed<'t>(&'t self, lister: &'t str, path: &str) -> Option<&'t str> {
        let mut open = vec!["targets"];
        let mut visited = BTreeSet::new();
        while let Some(role) = open.pop() {
            let Some(branch) = self.branches.get(role).filter(|_| visited.insert(role)) else { continue };
            if role == lister || branch.paths.as_ref().is_some_and(|paths| paths.contains(path)) {
                return Some(role);
            }
            let Some(delegations) = &branch.delegations else { continue };
            let mut below = Vec::new();
            for i in delegations.matching(path) {
                below.push(delegations.roles[i].name.as_str());
                if delegations.roles[i].terminating {
                    open.clear();
                    break;
                }
            }
            open.extend(below.into_iter().rev());
        }
        None
    }
}
