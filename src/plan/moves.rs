//! What becomes of current target files when everything is signed that this ceremony signs. Neither a new delegation nor a
//! new file alone says it: who signs the file behind the one, and who is asked before the other, decides with it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::Verb;
use crate::plan::after::Facts;
use crate::tuf::Metadata;
use crate::tuf::diff::Section;
use crate::tuf::paths::Tree;
use crate::tuf::paths::moves;
use crate::tuf::paths::moves_of;
use crate::tuf::targets::Listed;

/// What a targets role will say; of bins, what they say together.
type Signed<'m> = (&'m str, &'m Metadata);

impl Plan {
    /// The targets roles that are signed here.
    pub fn targets_in_room(&self) -> Vec<&str> {
        self.compared_roles().into_iter().filter(|role| *role != "root").collect()
    }

    /// The role in whose review this stands: the first of those that are built last, for by then all are known.
    pub fn tells_moves(&self) -> Option<&str> {
        let roles = self.targets_in_room();
        let built = self.steps.iter().rev().filter_map(|step| match &step.verb {
            Verb::Build(built) => roles.iter().find(|role| built.iter().any(|name| name == *role)),
            _ => None,
        });
        built.chain(&roles).next().copied()
    }

    /// Which current target files clients take from another role, or find no more, once all of this is signed.
    pub fn moves(&self, signed: &[Signed<'_>]) -> Vec<String> {
        let Some(before) = &self.before else { return Vec::new() };
        let old = Tree::of(&before.repository);
        let mut new = old.clone();
        for (role, metadata) in signed {
            match self.roles.get(*role).and_then(|role| role.bins.as_ref()) {
                // A path leads to one bin alone, so each may stand for all of them.
                Some(layout) => new.lists_in((0..layout.count()).map(|number| layout.name(number)), metadata),
                None => new.lists_in([(*role).to_owned()], metadata),
            }
        }
        if !old.delegates() && !new.delegates() {
            return Vec::new();
        }
        let delegates =
            |(role, _): &Signed<'_>| self.roles.get(*role).is_some_and(|role| role.delegations.is_some());
        if signed.iter().any(delegates) {
            return moves(&old, &new).lines();
        }
        // Where nobody delegates otherwise, no file moves but those that a role lists now, or lists no more.
        let mut touched = BTreeSet::new();
        for (role, metadata) in signed {
            let was = before.metadata(role).and_then(Metadata::listed);
            let lists = |listed: Option<Listed<'_>>, path: &str| {
                listed.is_some_and(|listed| listed.get(path).is_some())
            };
            let is = metadata.listed();
            touched.extend(is.into_iter().flat_map(Listed::paths).filter(|path| !lists(was, path)));
            touched.extend(was.into_iter().flat_map(Listed::paths).filter(|path| !lists(is, path)));
        }
        moves_of(&old, &new, touched.into_iter()).lines()
    }

    /// Whether the same is told before anything is built: where anybody delegates, once target files are known.
    pub(super) fn foresees_moves(&self, facts: &dyn Facts) -> bool {
        let Some(before) = &self.before else { return false };
        let mut roles =
            self.targets_in_room().into_iter().filter_map(|role| Some((role, self.roles.get(role)?)));
        let delegates = self.roles.values().any(|role| role.delegations.is_some());
        (delegates || Tree::of(&before.repository).delegates())
            && roles.all(|(name, role)| role.files.is_none() || facts.files(name).is_some())
    }

    /// Tells it, of what all roles will say.
    pub(super) fn foresee_moves(&self, written: &BTreeMap<&str, Metadata>, sections: &mut Vec<Section>) {
        let Some(teller) = self.tells_moves() else { return };
        let signed: Option<Vec<Signed<'_>>> =
            self.targets_in_room().into_iter().map(|role| Some((role, written.get(role)?))).collect();
        let moves = self.moves(&signed.unwrap_or_default());
        match sections.iter_mut().find(|section| section.role == teller) {
            Some(section) => section.follows(moves),
            None if moves.is_empty() => {}
            None => {
                let mut section = Section { role: teller.to_owned(), ..Section::default() };
                section.follows(moves);
                sections.push(section);
            }
        }
    }
}
