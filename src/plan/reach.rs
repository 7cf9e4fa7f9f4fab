//! Whether delegations lead to every target file. One that a role lists and no path leads to is more than useless:
//! tough then refuses the whole repository. It asks for a way to any role that lists the path, targets among them, and in
//! its patterns `*` and `?` also stand for `/`; so it may lose a way that other clients never had. And it may miss one that
//! they have, where a role is delegated to more than once: that is a rule of `keyrite lint`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::lint;
use crate::lint::Finding;
use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Role;
use crate::plan::delegates::delegations_after;
use crate::plan::delegates::tree;
use crate::tuf::Metadata;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::delegations::tough::Loaded;
use crate::tuf::targets::Files;
use crate::tuf::targets::Listed;

/// The targets roles that clients come to, and what each lists, in order.
#[derive(Default)]
struct Tree<'f> {
    delegations: BTreeMap<String, Delegations>,
    listed: BTreeMap<String, Vec<&'f str>>,
}

impl<'f> Tree<'f> {
    fn new(
        delegations: impl Fn(&str) -> Option<Delegations>,
        mut listed: impl FnMut(&str) -> Vec<&'f str>,
    ) -> Self {
        let mut tree = Self::default();
        let mut open = vec!["targets".to_owned()];
        while let Some(role) = open.pop() {
            if tree.listed.contains_key(&role) {
                continue;
            }
            tree.listed.insert(role.clone(), listed(&role));
            if let Some(delegations) = delegations(&role) {
                open.extend(delegations.roles.iter().map(|delegation| delegation.name.clone()));
                tree.delegations.insert(role, delegations);
            }
        }
        tree
    }

    /// How tough comes to them, once snapshot lists them all.
    fn loaded(&self) -> Loaded<'_> {
        Loaded::new(|role| self.delegations.get(role), |_| true)
    }

    fn lists(&self, role: &str, path: &str) -> bool {
        self.listed.get(role).is_some_and(|listed| listed.binary_search(&path).is_ok())
    }

    /// Whether paths lead to a role that lists this file. Where a search ends before it, it is still led to.
    fn leads_to(&self, path: &str) -> bool {
        let mut open = vec!["targets"];
        let mut seen = BTreeSet::new();
        while let Some(role) = open.pop() {
            if !seen.insert(role) {
                continue;
            }
            if self.lists(role, path) {
                return true;
            }
            if let Some(delegations) = self.delegations.get(role) {
                let places = delegations.matching(path).into_iter();
                open.extend(places.map(|i| delegations.roles[i].name.as_str()));
            }
        }
        false
    }
}

/// The files that this ceremony cuts off, or signs where no path leads: FILES-WITHIN-PATHS. `hashed` are the files
/// that come in: those of `check` a week before, and those of the day.
pub fn cut_off<'f>(plan: &'f Plan, hashed: &dyn Fn(&str) -> Option<&'f Files>) -> Vec<Problem> {
    let Some(before) = &plan.before else { return Vec::new() };
    let changes = |(name, role): (&String, &Role)| role.delegations.is_some() || hashed(name).is_some();
    let Some(top) = delegations_after(plan, "targets").filter(|_| plan.roles.iter().any(changes)) else {
        return Vec::new();
    };
    // Of bins that are all there is below targets, each path is in the one that its hash leads to.
    let all = Layout::of(&top);
    if all.is_some() && plan.roles.values().any(|role| role.in_room.is_some() && role.bins == all) {
        return Vec::new();
    }
    let (was, is) = (tree_before(before), tree_after(plan, before, hashed));
    let loaded = (was.loaded(), is.loaded());
    let mut problems = Vec::new();
    for (role, paths) in is.listed.iter().filter(|(role, _)| *role != "targets") {
        let cut =
            paths.iter().find_map(|path| Some((path, cut((&was, &loaded.0), (&is, &loaded.1), role, path)?)));
        let Some((path, follows)) = cut else { continue };
        let text = format!(
            "{role} lists {path}, and no path of a delegation leads to it: {follows}. Delegate that path to {role}, or let a targets-signing take the file out of {role} first"
        );
        let place = plan.places.get(&format!("role {role}")).copied();
        let stated = || plan.roles.values().find_map(|role| role.delegations.as_ref());
        let place = place.or_else(|| stated().map(|list| list.place));
        let place = place.or_else(|| plan.places.get("files").copied());
        problems.push(Problem::error("FILES-WITHIN-PATHS", place, text));
    }
    problems
}

/// A tree and how tough comes to its roles.
type Both<'a, 'f> = (&'a Tree<'f>, &'a Loaded<'a>);

/// What follows where no path leads any more to a file of a role. What no path led to before is not the doing of this
/// ceremony.
fn cut((was, loaded): Both<'_, '_>, is: Both<'_, '_>, role: &str, path: &str) -> Option<&'static str> {
    if is.0.leads_to(path) {
        return None;
    }
    match finds(is, path) {
        false => (!was.lists(role, path) || finds((was, loaded), path))
            .then_some("tough would refuse the whole repository"),
        true => (!was.lists(role, path) || was.leads_to(path)).then_some("tough alone would find it there"),
    }
}

fn finds((tree, loaded): Both<'_, '_>, path: &str) -> bool {
    loaded.finds(path, |role| tree.lists(role, path))
}

/// The files to which a path leads, and not by the way in which tough will load their role: the first of each role. Where it
/// did not find them before, that is not the doing of this ceremony.
pub(super) fn off_the_way<'f>(plan: &'f Plan, hashed: &dyn Fn(&str) -> Option<&'f Files>) -> Vec<Finding> {
    let delegations = tree(plan);
    let Some(before) = &plan.before else { return Vec::new() };
    if Loaded::new(|role| delegations.get(role), |_| true).is_by_all() {
        return Vec::new();
    }
    let (was, is) = (tree_before(before), tree_after(plan, before, hashed));
    let (was_loaded, is_loaded) = (was.loaded(), is.loaded());
    let lost = |role: &str, path: &str| {
        is.leads_to(path)
            && !finds((&is, &is_loaded), path)
            && (!was.lists(role, path) || finds((&was, &was_loaded), path))
    };
    let first = |(role, paths): (&String, &Vec<&str>)| {
        let path = paths.iter().find(|path| lost(role, path))?;
        Some(lint::off_the_way(role, path, is_loaded.told(role)))
    };
    is.listed.iter().filter_map(first).collect()
}

fn tree_before(before: &Before) -> Tree<'_> {
    Tree::new(|role| before.repository.delegations(role), |role| listed(before, role))
}

fn tree_after<'f>(
    plan: &'f Plan,
    before: &'f Before,
    hashed: &dyn Fn(&str) -> Option<&'f Files>,
) -> Tree<'f> {
    let mut bins = in_bins(plan, before, hashed);
    let listed = |role: &str| match bins.remove(role) {
        Some(paths) => paths,
        None => listed_after(plan, role, hashed, || listed(before, role)),
    };
    Tree::new(|role| delegations_after(plan, role), listed)
}

fn listed<'f>(before: &'f Before, role: &str) -> Vec<&'f str> {
    let listed = before.metadata(role).and_then(Metadata::listed);
    listed.into_iter().flat_map(Listed::paths).collect()
}

/// What the bins that are signed here will list, each by its own name: however many there were before, a path is in the one
/// that its hash leads to.
fn in_bins<'f>(
    plan: &'f Plan,
    before: &'f Before,
    hashed: &dyn Fn(&str) -> Option<&'f Files>,
) -> BTreeMap<String, Vec<&'f str>> {
    let mut all = BTreeMap::new();
    let here = plan.roles.iter().filter(|(_, role)| role.in_room.is_some());
    for (prefix, layout) in here.filter_map(|(prefix, role)| Some((prefix, role.bins.as_ref()?))) {
        let old = before.bins(prefix).map(|(layout, _)| layout);
        let names = || old.iter().flat_map(|bins| (0..bins.count()).map(|number| bins.name(number)));
        let paths = listed_after(plan, prefix, hashed, || {
            let mut paths: Vec<&str> = names().flat_map(|bin| listed(before, &bin)).collect();
            paths.sort_unstable();
            paths
        });
        let mut bins: Vec<Vec<&str>> = (0..layout.count()).map(|_| Vec::new()).collect();
        paths.into_iter().for_each(|path| bins[layout.bin_of(path) as usize].push(path));
        all.extend((0..).zip(bins).map(|(number, paths)| (layout.name(number), paths)));
    }
    all
}

/// What a role lists with the files that come in, where it listed `old`.
fn listed_after<'f>(
    plan: &Plan,
    role: &str,
    hashed: &dyn Fn(&str) -> Option<&'f Files>,
    old: impl FnOnce() -> Vec<&'f str>,
) -> Vec<&'f str> {
    let spec = plan.roles.get(role).and_then(|role| role.files.as_ref());
    let (Some(spec), Some(files)) = (spec, hashed(role)) else { return old() };
    let mut paths: Vec<&str> = files.listed().paths().collect();
    if spec.keep {
        let removed: BTreeSet<&str> = spec.remove.iter().map(|path| path.value.as_str()).collect();
        paths.extend(old().into_iter().filter(|path| !removed.contains(path)));
        paths.sort_unstable();
        paths.dedup();
    }
    paths
}
