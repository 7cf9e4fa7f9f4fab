//! Where tough, the client in Rust, goes another way to a path than the specification has it: its `*` and `?` also stand
//! for `/`, and it reads no `succinct_roles`. `keyrite lint` says the same of the patterns themselves.

use crate::tuf::delegations::Paths;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Step;
use crate::tuf::paths::Tree;
use crate::tuf::paths::say::joined;

impl Tree {
    /// How tough answers otherwise than the specification, whose steps these are; `None` where it answers the same.
    pub(super) fn in_tough(&self, path: &str, steps: &[Step]) -> Option<String> {
        let theirs = self.walk(path, &|delegations| delegations.matching_in_tough(path));
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
        (!said.is_empty())
            .then(|| format!("In tough, the client in Rust, * and ? also stand for a slash: there {said}"))
    }
}

fn asked(step: &Step) -> bool {
    step.asked == Asked::InTurn
}
