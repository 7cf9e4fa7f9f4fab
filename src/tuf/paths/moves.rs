//! Which targets clients take from which role: entries that nobody sees, and what another tree of delegations changes.

use std::collections::BTreeMap;

use crate::tuf::few::and_more;
use crate::tuf::paths::Tree;

/// So many paths are named.
const EXAMPLES: usize = 3;

/// Targets of one role that belong to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The role that clients take them from, or that lists them; `None` when no client finds them.
    pub from: Option<String>,
    /// The role that it is about; `None` when no client finds them.
    pub to: Option<String>,
    /// How many.
    pub count: usize,
    /// The first of them.
    pub examples: Vec<String>,
}

/// What another tree means for the targets that there are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Targets that clients take from another role than before, or find no more, or only now.
    pub moved: Vec<Moved>,
    /// Targets that stay, and that a role may replace which could not before.
    pub replaceable: Vec<Moved>,
}

type Groups = BTreeMap<(Option<String>, Option<String>), Moved>;

fn count(groups: &mut Groups, from: Option<&str>, to: Option<&str>, path: &str) {
    let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
    let group = groups.entry((from.clone(), to.clone()));
    let moved = group.or_insert_with(|| Moved { from, to, count: 0, examples: Vec::new() });
    moved.count += 1;
    if moved.examples.len() < EXAMPLES {
        moved.examples.push(path.to_owned());
    }
}

impl Tree {
    /// Entries that no client takes: `from` lists them, and clients take the path from `to`, or find no way to it.
    pub fn shadowed(&self) -> Vec<Moved> {
        let mut groups = Groups::new();
        for (role, node) in &self.nodes {
            for path in node.targets() {
                let believed = self.believed(path);
                if believed != Some(role) {
                    count(&mut groups, Some(role), believed, path);
                }
            }
        }
        groups.into_values().collect()
    }
}

/// What happens to the targets of `old` when clients walk `new`. One look-up a target in each tree, whatever the
/// number of bins.
pub fn moves(old: &Tree, new: &Tree) -> Moves {
    let (mut moved, mut replaceable) = (Groups::new(), Groups::new());
    for (role, node) in &old.nodes {
        for path in node.targets() {
            let (before, was) = old.asked(path);
            // Each path once: where a client takes it, or where nobody sees it.
            if was.is_some_and(|was| was != role) {
                continue;
            }
            let (asked, is) = new.asked(path);
            if was != is {
                count(&mut moved, was, is, path);
                continue;
            }
            for first in asked.into_iter().filter(|role| was.is_some() && !before.contains(role)) {
                count(&mut replaceable, was, Some(first), path);
            }
        }
    }
    Moves { moved: moved.into_values().collect(), replaceable: replaceable.into_values().collect() }
}

impl Moves {
    /// One sentence a group; none when nothing changes.
    pub fn lines(&self) -> Vec<String> {
        let moved = self.moved.iter().map(|moved| {
            let (targets, named) = (moved.targets("current"), moved.named());
            let (verb, find) = if moved.count == 1 { ("moves", "is found") } else { ("move", "are found") };
            match (&moved.from, &moved.to) {
                (Some(from), Some(to)) => format!("{targets} {verb} from {from} to {to}: {named}"),
                (Some(from), None) => {
                    format!("{targets} of {from} can no longer be found by any client: {named}")
                }
                (None, Some(to)) => format!("{targets} {find} only now, in {to}: {named}"),
                (None, None) => format!("{targets} cannot be found: {named}"),
            }
        });
        let replaceable = self.replaceable.iter().map(|moved| {
            let (to, from) =
                (moved.to.as_deref().unwrap_or_default(), moved.from.as_deref().unwrap_or_default());
            let (targets, named) = (moved.targets("current"), moved.named());
            format!("{to} may now replace {targets} that clients take from {from}: {named}")
        });
        moved.chain(replaceable).collect()
    }
}

impl Moved {
    fn targets(&self, kind: &str) -> String {
        format!("{} {kind} target{}", self.count, if self.count == 1 { "" } else { "s" })
    }

    /// `a, b, c and 14 more`
    fn named(&self) -> String {
        and_more(&self.examples, self.count)
    }

    /// `17 current targets of ops are shadowed by dev: a, b, c and 14 more`
    pub fn shadow(&self) -> String {
        let (targets, named) = (self.targets("current"), self.named());
        let from = self.from.as_deref().unwrap_or_default();
        let (are, their) = if self.count == 1 { ("is", "it") } else { ("are", "them") };
        match &self.to {
            Some(to) => format!("{targets} of {from} {are} shadowed by {to}: {named}"),
            None => {
                format!("{targets} of {from} cannot be found, for no delegation leads to {their}: {named}")
            }
        }
    }
}
