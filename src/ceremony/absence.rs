//! Who is not there: what the file allows, who stands in, and what is then left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ceremony::Ceremony;
use crate::ceremony::Rejected;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::script;
use crate::room::Act;
use crate::room::Handling;

fn reject<T>(why: String) -> Result<T, Rejected> {
    Err(Rejected(why))
}

impl Ceremony {
    /// Whether the ceremony can be held with these people alone; else why not.
    pub fn may_begin_with(&self, present: &BTreeSet<String>) -> Result<(), Rejected> {
        let plan = &self.plan;
        if let Some(stranger) = present.iter().find(|id| plan.person(id).is_none()) {
            return reject(format!("{stranger:?} is not a participant"));
        }
        let stands_in = |id: &str| plan.person(id).and_then(|person| person.alternate.as_ref());
        let acting =
            |id: &str| present.contains(id) || stands_in(id).is_some_and(|other| present.contains(other));
        for person in plan.people.iter().filter(|person| !acting(&person.id)) {
            if !person.optional {
                return reject(format!("{} is not here", person.name));
            }
        }
        for (role, minimum) in &plan.presence.minimum {
            let have = plan.people.iter().filter(|person| person.role == *role && acting(&person.id)).count();
            if have < *minimum {
                return reject(format!("{have} of at least {minimum} people are here as {role}"));
            }
        }
        let away = |key: &String| plan.brought_by(key).is_some_and(|id| !acting(id));
        for (name, role) in plan.setup().roles {
            let signers: BTreeSet<String> = role.signers.into_iter().filter(|key| !away(key)).collect();
            if role.quorums.iter().any(|quorum| quorum.among(&signers) < quorum.threshold) {
                return reject(format!("without those who are not here, {name} cannot reach its threshold"));
            }
        }
        Ok(())
    }

    /// From here on those who are there do what the others would: an alternate in the place of whom it stands in for,
    /// and nobody where the file says that it can do without.
    pub(super) fn begin_with(&mut self, present: &[String]) -> Result<(), Rejected> {
        let present: BTreeSet<String> = present.iter().cloned().collect();
        self.may_begin_with(&present)?;
        self.absent = self
            .plan
            .people
            .iter()
            .map(|person| person.id.clone())
            .filter(|id| !present.contains(id))
            .collect();
        if self.absent.is_empty() {
            return Ok(());
        }
        let steps = self.plan.steps.iter().map(|step| recast(step, &self.plan, &self.absent)).collect();
        Arc::make_mut(&mut self.plan).steps = steps;
        let away = |key: &String| self.plan.brought_by(key).is_some_and(|id| self.without(id));
        let signers = self.plan.setup().roles.into_iter().flat_map(|(role, setup)| {
            setup.signers.into_iter().map(move |key| Act::Decline(role.clone(), key))
        });
        let declined: Vec<Act> =
            signers.filter(|act| matches!(act, Act::Decline(_, key) if away(key))).collect();
        declined.iter().for_each(|act| self.room.assume(act));
        Ok(())
    }

    /// Whether nobody does what this person would.
    fn without(&self, id: &str) -> bool {
        let stands_in = self.plan.person(id).and_then(|person| person.alternate.as_ref());
        self.absent.contains(id) && stands_in.is_none_or(|other| self.absent.contains(other))
    }

    /// Whether a step falls away: who would do it, or whose key or token it is about, is not there.
    pub(super) fn falls_away(&self, step: &Step) -> bool {
        let plan = &self.plan;
        let held = |token: &String| {
            let holder = plan.materials.tokens.get(token).and_then(|token| token.holder.as_ref());
            holder.is_some_and(|holder| self.without(&holder.value))
        };
        let bagged = |bag: &String| {
            let mut inside = plan
                .materials
                .tokens
                .iter()
                .filter(|(_, token)| token.bag.as_ref().is_some_and(|own| own.value == *bag));
            plan.materials
                .tokens
                .values()
                .any(|token| token.bag.as_ref().is_some_and(|own| own.value == *bag))
                && inside.all(|(name, _)| held(name))
        };
        match &step.verb {
            Verb::Handle(Handling::Insert(token) | Handling::Remove(token)) => held(token),
            Verb::Handle(Handling::Open(bag) | Handling::Inspect(bag)) => bagged(bag),
            Verb::Handle(Handling::Seal { holds, .. }) => !holds.is_empty() && holds.iter().all(held),
            verb => {
                verb.key().and_then(|key| plan.brought_by(key)).is_some_and(|holder| self.without(holder))
            }
        }
    }
}

/// The step with those who are there.
fn recast(step: &Step, plan: &Plan, absent: &BTreeSet<String>) -> Step {
    let mut step = step.clone();
    let acting = |id: &String| -> Option<String> {
        if !absent.contains(id) {
            return Some(id.clone());
        }
        plan.person(id).and_then(|person| person.alternate.clone()).filter(|other| !absent.contains(other))
    };
    step.by = acting(&step.by).unwrap_or(step.by);
    let confirm: Vec<String> = step.confirm.iter().filter_map(acting).collect();
    if confirm.is_empty() && !step.confirm.is_empty() {
        let mut there = plan.clone();
        there.people.retain(|person| !absent.contains(&person.id));
        step.confirm = script::confirmers(&there, &step.verb, &step.by);
    } else {
        step.confirm = confirm;
    }
    step
}
