//! The tree of verified roles, and each target resolved to the role that a client would believe (TUF section 5.6).

use std::collections::BTreeMap;
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
        let wanted = targets.targets.into_iter().filter(|(path, _)| files.wants().has(path)).collect();
        Ok(Self { count: paths.len(), paths: Some(paths), wanted, delegations })
    }
}

impl Workflow<'_> {
    /// Every target that a client can find.
    pub(super) fn resolve(&mut self, tree: &Tree) -> Found {
        let mut found = Found::default();
        let mut search = Search::new(tree);
        for (lister, role) in tree.order.iter().enumerate() {
            let Some(branch) = tree.branches.get(role) else { continue };
            // Where there are no paths, nothing delegates, and all that is listed is believed.
            let Some(paths) = &branch.paths else {
                found.count += branch.count;
                found.wanted.extend(branch.wanted.clone());
                continue;
            };
            let mut unreachable = 0;
            for path in paths.iter() {
                let believed = search.believed(lister, path);
                unreachable += usize::from(believed.is_none());
                found.count += usize::from(believed == Some(lister));
                let wanted = branch.wanted.get_key_value(path);
                let wanted = wanted.map(|(path, file)| (path.clone(), file.clone()));
                match believed {
                    Some(believed) if believed == lister => found.wanted.extend(wanted),
                    _ => found.others.extend(wanted),
                }
            }
            if unreachable > 0 {
                self.remarks.push(format!("role {role}: {unreachable} targets that no delegation leads to"));
            }
        }
        found
    }
}

/// The search for one path after another: roles by their place in the order, and lists that are used again.
struct Search<'t> {
    roles: Vec<Place<'t>>,
    /// The place of `targets`.
    first: Option<usize>,
    /// How many searches there were.
    run: usize,
    open: Vec<usize>,
    matching: Vec<usize>,
}

/// A role in a search.
struct Place<'t> {
    branch: &'t Branch,
    /// The places of those whom it delegates to; none of one that has no file.
    below: Vec<Option<usize>>,
    /// The last search that came here.
    seen: usize,
}

impl<'t> Search<'t> {
    fn new(tree: &'t Tree) -> Self {
        let places: HashMap<&str, usize> =
            (0..).zip(&tree.order).map(|(at, role)| (role.as_str(), at)).collect();
        let place = |role: &String| {
            let branch = tree.branches.get(role)?;
            let roles = branch.delegations.iter().flat_map(|delegations| &delegations.roles);
            let below = roles.map(|delegation| places.get(delegation.name.as_str()).copied()).collect();
            Some(Place { branch, below, seen: 0 })
        };
        // Every role in the order has its branch.
        let roles = tree.order.iter().filter_map(place).collect();
        let first = places.get("targets").copied();
        Self { roles, first, run: 0, open: Vec::new(), matching: Vec::new() }
    }

    /// The role whose entry for `path` a client takes: the first in pre-order that lists it, along delegations that
    /// cover the path. A terminating delegation ends the search after what lies below it. `lister` is known to list it.
    fn believed(&mut self, lister: usize, path: &str) -> Option<usize> {
        self.run += 1;
        self.open.clear();
        self.open.extend(self.first);
        while let Some(at) = self.open.pop() {
            let Some(role) = self.roles.get_mut(at).filter(|role| role.seen != self.run) else { continue };
            role.seen = self.run;
            if at == lister || role.branch.paths.as_ref().is_some_and(|paths| paths.contains(path)) {
                return Some(at);
            }
            let Some(delegations) = &role.branch.delegations else { continue };
            delegations.matching_into(path, &mut self.matching);
            if let Some(ends) = self.matching.iter().position(|i| delegations.roles[*i].terminating) {
                self.open.clear();
                self.matching.truncate(ends + 1);
            }
            self.open
                .extend(self.matching.iter().rev().filter_map(|i| role.below.get(*i).copied().flatten()));
        }
        None
    }
}
