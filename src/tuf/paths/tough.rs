//! Where tough, the client in Rust, goes another way to a path than the specification has it: its `*` and `?` also stand
//! for `/`, it loads a role by one delegation alone, and it reads no `succinct_roles`. `keyrite lint` says the same of the
//! metadata.

use crate::tuf::delegations::Paths;
use crate::tuf::delegations::tough::Loaded;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Step;
use crate::tuf::paths::Tree;
use crate::tuf::paths::say::joined;

impl Tree {
    /// How tough answers otherwise than the specification, whose steps these are; `None` where it answers the same.
    pub(super) fn in_tough(&self, path: &str, steps: &[Step]) -> Option<String> {
        let loaded =
            Loaded::new(|role| self.node(role).and_then(|node| node.delegations.as_deref()), |_| true);
        let theirs = self.walk(path, Some(&loaded));
        let delegates = |step: &&Step| self.node(&step.role).and_then(|node| node.delegations.as_deref());
        let succinct = |step: &&Step| {
            let roles = delegates(step).map(|delegations| delegations.roles.as_slice()).unwrap_or_default();
            asked(step) && roles.iter().any(|role| matches!(role.paths, Paths::Bin { .. }))
        };
        if let Some(step) = theirs.iter().find(succinct) {
            return Some(format!(
                "tough, the client in Rust, refuses {}: it reads no succinct_roles",
                step.role
            ));
        }
        let lists = |role: &str| self.node(role).is_some_and(|node| node.lists(path));
        let lister = self.nodes.keys().find(|role| loaded.way(role).is_some() && lists(role));
        if let Some(role) = lister.filter(|_| !loaded.finds(path, lists)) {
            let way = loaded.told(role);
            return Some(format!(
                "tough, the client in Rust, refuses the whole repository: {role} lists the path, and tough comes to {role} by {way} alone"
            ));
        }
        let differ = |one: &[Step], other: &[Step]| {
            let there = |role: &str| other.iter().any(|step| asked(step) && step.role == role);
            let only = one.iter().filter(|step| asked(step) && !there(&step.role));
            only.map(|step| step.role.clone()).collect::<Vec<String>>()
        };
        let (more, fewer) = (differ(&theirs, steps), differ(steps, &theirs));
        let mut said = Vec::new();
        if !more.is_empty() {
            said.push(format!("{} may sign it too", joined(&more)));
        }
        if !fewer.is_empty() {
            said.push(format!("it never asks {}", joined(&fewer)));
        }
        let taken = |steps: &[Step]| steps.iter().find(|step| step.taken > 0).map(|step| step.role.clone());
        let takes = taken(&theirs).filter(|role| taken(steps).as_ref() != Some(role));
        said.extend(takes.map(|role| format!("it takes it from {role}")));
        let said = said.join("; ");
        let once =
            if loaded.is_by_all() { "" } else { ", and a role is loaded by its first delegation alone" };
        (!said.is_empty()).then(|| {
            format!("In tough, the client in Rust, * and ? also stand for a slash{once}: there {said}")
        })
    }
}

fn asked(step: &Step) -> bool {
    step.asked == Asked::InTurn
}
