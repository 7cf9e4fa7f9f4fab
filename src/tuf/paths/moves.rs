//! Which targets clients take from which role: entries that nobody sees, and what another tree of delegations changes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::delegations::layout::Layout;
use crate::tuf::few::and_more;
use crate::tuf::paths::Tree;
use crate::tuf::targets::change::same_content;

/// So many paths are named.
const EXAMPLES: usize = 3;

/// Targets of one role that belong to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The role that clients take them from, or that lists them; `None` when no client finds them.
    pub from: Option<String>,
    /// The role that it is about; `None` when no client finds them.
    pub to: Option<String>,
    /// Of targets that move: whether the content stays the same; `None` where nobody can say.
    pub same: Option<bool>,
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

type Groups = BTreeMap<(Option<String>, Option<String>, Option<bool>), Moved>;

fn count(groups: &mut Groups, from: Option<&str>, to: Option<&str>, same: Option<bool>, path: &str) {
    let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
    let group = groups.entry((from.clone(), to.clone(), same));
    let moved = group.or_insert_with(|| Moved { from, to, same, count: 0, examples: Vec::new() });
    moved.count += 1;
    if moved.examples.len() < EXAMPLES {
        moved.examples.push(path.to_owned());
    }
}

/// What roles of a tree are called: bins by what their names begin with, for a path has no choice among them.
struct Names(Vec<Layout>);

impl Names {
    fn of(tree: &Tree) -> Self {
        let lists = tree.nodes.values().filter_map(|node| node.delegations.as_deref());
        Self(lists.filter_map(Layout::of).collect())
    }

    fn called<'r>(&self, role: &'r str) -> Cow<'r, str> {
        match self.0.iter().find(|bins| bins.number(role).is_some()) {
            Some(bins) => format!("{}-*", bins.prefix()).into(),
            None => role.into(),
        }
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
                    count(&mut groups, Some(role), believed, None, path);
                }
            }
        }
        groups.into_values().collect()
    }
}

/// What happens to the targets of `old` when clients walk `new`. One look-up a target in each tree, whatever the
/// number of bins.
pub fn moves(old: &Tree, new: &Tree) -> Moves {
    let listed =
        old.nodes.iter().flat_map(|(role, node)| node.targets().map(|path| (Some(role.as_str()), path)));
    walk(old, new, listed)
}

/// The same of these paths alone, each given once.
pub fn moves_of<'p>(old: &Tree, new: &Tree, paths: impl Iterator<Item = &'p str>) -> Moves {
    walk(old, new, paths.map(|path| (None, path)))
}

fn walk<'p>(old: &Tree, new: &Tree, paths: impl Iterator<Item = (Option<&'p str>, &'p str)>) -> Moves {
    let (mut moved, mut replaceable) = (Groups::new(), Groups::new());
    let (of_old, of_new) = (Names::of(old), Names::of(new));
    let mut unseen = BTreeSet::new();
    for (lister, path) in paths {
        let (before, was) = old.asked(path);
        // Each path once: where a client takes it, or where nobody sees it; and none that is new.
        let elsewhere = |lister: &str| was.is_some_and(|was| was != lister);
        if lister.map_or(was.is_none(), elsewhere) || (was.is_none() && !unseen.insert(path)) {
            continue;
        }
        let (asked, is) = new.asked(path);
        let (from, to) = (was.map(|was| of_old.called(was)), is.map(|is| of_new.called(is)));
        if from != to {
            // A role that no longer lists what it listed says so itself.
            let dropped = |was: &str| new.node(was).is_some_and(|node| !node.lists(path));
            if is.is_some() || was.is_none_or(|was| !dropped(was)) {
                let content = |tree: &Tree, role: Option<&str>| tree.node(role?)?.content(path);
                let same = content(old, was).zip(content(new, is)).map(|(was, is)| same_content(&was, &is));
                count(&mut moved, from.as_deref(), to.as_deref(), same, path);
            }
            continue;
        }
        for first in asked.into_iter().filter(|role| was.is_some() && !before.contains(role)) {
            let first = of_new.called(first);
            if to.as_ref() != Some(&first) {
                count(&mut replaceable, from.as_deref(), Some(&first), None, path);
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
                (Some(from), Some(to)) => {
                    let content = match moved.same {
                        Some(true) => " with the same content",
                        Some(false) => " with other content",
                        None => "",
                    };
                    format!("{targets} {verb} from {from} to {to}{content}: {named}")
                }
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
