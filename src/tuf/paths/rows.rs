//! The tree of delegations as rows, top to bottom; bins that differ in nothing but their number share one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tuf::date::Date;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::few;
use crate::tuf::paths::Tree;

/// So many bins at least share a row.
const FOLDED: usize = 4;
/// No more rows than this: a tree that repeats itself under other names could go on for ever.
const MOST: usize = 1 << 21;

/// A delegated role, or a run of bins.
#[derive(Clone, Debug)]
pub struct Row {
    /// The role that delegates.
    pub delegator: Arc<str>,
    /// Its delegations.
    pub delegations: Arc<Delegations>,
    /// The place of the role, or of the first of the run.
    pub place: usize,
    /// How many roles share the row.
    pub count: usize,
    /// How many delegations lead here from `targets`; at least 1.
    pub depth: usize,
    /// Bit `n` is set where the branch at depth `n` goes on below this row.
    pub branches: u64,
    /// What it delegates stands elsewhere in the tree.
    pub again: bool,
    /// The newest file's version; of a run, when all have the same.
    pub version: Option<u64>,
    /// When it expires; of a run, the first of them.
    pub expires: Option<Date>,
    /// How many of them have no file here.
    pub missing: usize,
    /// How many target files they list.
    pub targets: usize,
}

impl Row {
    /// The delegation, or the first of the run.
    pub fn delegation(&self) -> Option<&Delegation> {
        self.delegations.roles.get(self.place)
    }

    /// The last of the run.
    pub fn last(&self) -> Option<&Delegation> {
        self.delegations.roles.get(self.place + self.count - 1)
    }

    /// What it may sign for: `dev/* tools/*`, or `16384 bins by the path's SHA-256`.
    pub fn paths(&self) -> String {
        let Some(delegation) = self.delegation() else { return String::new() };
        match (&delegation.paths, self.count) {
            (Paths::Patterns(list), _) if list.is_empty() => "no path".to_owned(),
            (Paths::Patterns(list), _) => list.join(" "),
            (Paths::HashPrefixes(list), 1) => format!("paths whose SHA-256 begins with {}", list.join(" ")),
            (Paths::Bin { bits, .. }, 1) => format!("a bin of {}", 1_u64 << bits),
            (Paths::HashPrefixes(_) | Paths::Bin { .. }, count) => {
                format!("{count} bins by the path's SHA-256")
            }
        }
    }

    /// `dev`, or `bin-0000 .. bin-3fff`.
    pub fn name(&self) -> String {
        let [first, last] = [self.delegation(), self.last()].map(|d| d.map_or("", |d| d.name.as_str()));
        few::run(first, last)
    }
}

/// All rows below `targets`.
#[derive(Clone, Debug, Default)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    /// The rows of a tree. Bins that are `open` (delegator and place) have a row of their own.
    pub fn of(tree: &Tree, open: &BTreeSet<(String, usize)>) -> Self {
        let mut rows = Self::default();
        let mut shown = BTreeSet::from(["targets".to_owned()]);
        // Runs that are still to come, the next one last.
        let mut next = rows.below(tree, "targets", (0, 0), open);
        next.reverse();
        while let Some(mut row) = next.pop() {
            if rows.0.len() == MOST {
                break;
            }
            let name = row.delegation().map(|delegation| delegation.name.clone()).unwrap_or_default();
            let delegates = row.count == 1 && tree.node(&name).is_some_and(|node| node.delegations.is_some());
            row.again = delegates && !shown.insert(name.clone());
            if delegates && !row.again {
                next.extend(rows.below(tree, &name, (row.depth, row.branches), open).into_iter().rev());
            }
            rows.0.push(row);
        }
        rows
    }

    /// What one role delegates, in order.
    fn below(
        &self,
        tree: &Tree,
        delegator: &str,
        (depth, branches): (usize, u64),
        open: &BTreeSet<(String, usize)>,
    ) -> Vec<Row> {
        let node = tree.node(delegator);
        let Some(delegations) = node.and_then(|node| node.delegations.as_ref()) else { return Vec::new() };
        let named: Arc<str> = delegator.into();
        let is_open: BTreeSet<usize> =
            open.iter().filter(|(of, _)| of == delegator).map(|(_, place)| *place).collect();
        let (mut rows, mut place) = (Vec::new(), 0);
        while place < delegations.roles.len() {
            let run = run(tree, &delegations.roles, place, &is_open);
            let run = if run < FOLDED { 1 } else { run };
            let mut row = Row {
                delegator: Arc::clone(&named),
                delegations: Arc::clone(delegations),
                place,
                count: run,
                depth: depth + 1,
                branches,
                again: false,
                version: None,
                expires: None,
                missing: 0,
                targets: 0,
            };
            look(tree, &mut row);
            if place + run < delegations.roles.len() && depth < 63 {
                row.branches |= 1 << depth;
            }
            rows.push(row);
            place += run;
        }
        rows
    }
}

/// How many bins from `place` on share a row.
fn run(tree: &Tree, roles: &[Delegation], place: usize, open: &BTreeSet<usize>) -> usize {
    let Some(first) = roles.get(place) else { return 0 };
    let alike = |(n, role): &(usize, &Delegation)| {
        !matches!(role.paths, Paths::Patterns(_))
            && !open.contains(&(place + n))
            && role.terminating == first.terminating
            && (Arc::ptr_eq(&role.role_keys, &first.role_keys) || role.role_keys == first.role_keys)
            && tree.node(&role.name).is_none_or(|node| node.delegations.is_none())
    };
    roles.get(place..).unwrap_or_default().iter().enumerate().take_while(alike).count()
}

/// What the files of a row's roles say.
fn look(tree: &Tree, row: &mut Row) {
    let (mut versions, mut expires) = (BTreeSet::new(), None::<Date>);
    for role in row.delegations.roles.iter().skip(row.place).take(row.count) {
        let Some(node) = tree.node(&role.name) else {
            row.missing += 1;
            continue;
        };
        versions.insert(node.version);
        expires = expires.into_iter().chain(node.expires).min();
        row.targets += node.count();
    }
    row.version = versions.first().copied().filter(|_| versions.len() == 1);
    row.expires = expires;
}
