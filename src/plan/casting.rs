//! The people of each step of a file: who does it and who confirms it, where the file does not say so itself.

use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::file::File;
use crate::plan::people;
use crate::plan::problem::Place;
use crate::plan::script;
use crate::plan::steps::StepSpec;

fn say(problems: &mut Vec<Problem>, rule: &'static str, place: Place, text: String) {
    problems.push(Problem::error(rule, Some(place), text));
}

/// The steps with their people; problems where those cannot be.
pub(super) fn steps(specs: &[StepSpec], file: &File, plan: &Plan, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for spec in specs {
        // Of a key that contradicts itself, that was said.
        if let Some(key) = spec.verb.named_key()
            && plan.key(key).is_none()
            && file.keys.iter().all(|named| named.name.value != key)
        {
            say(
                problems,
                "STEP-KEY-KNOWN",
                spec.place,
                format!("step {} names key {key:?}, which is not under `keys`", spec.verb.name()),
            );
            continue;
        }
        let mut step = script::step(plan, spec.verb.clone());
        if let Some(by) = &spec.by {
            step.by.clone_from(&by.value);
            step.confirm = script::confirmers(plan, &step.verb, &step.by);
        }
        if let Some(confirm) = &spec.confirm {
            step.confirm = confirm.iter().map(|name| name.value.clone()).collect();
        }
        step.id = spec.id.clone().unwrap_or(step.id);
        step.text.clone_from(&spec.text);
        step.source.clone_from(&spec.source);
        step.est = spec.est.unwrap_or(step.est);
        step.on_fail = spec.on_fail;
        step.section.clone_from(&spec.section);
        step.place = Some(spec.place);
        people::step(&step, spec.place, plan, problems);
        if steps.iter().any(|other| other.id == step.id) {
            say(
                problems,
                "STEP-ID-ONCE",
                spec.place,
                format!("two steps are called {:?}; give one of them another id", step.id),
            );
        }
        steps.push(step);
    }
    people::of_script(&steps, file, plan, problems);
    steps
}

/// The standard script, in which everyone can do what it asks of them. One mistake about people is said once.
pub(super) fn standard(file: &File, plan: &Plan, problems: &mut Vec<Problem>) -> Vec<Step> {
    let steps = script::standard(plan);
    let mut found = Vec::new();
    for step in &steps {
        people::step(step, file.id.place, plan, &mut found);
    }
    people::of_script(&steps, file, plan, &mut found);
    // Of someone who is not there, or a key that contradicts itself, the script is not to blame.
    if problems.is_empty() {
        let mut told = BTreeSet::new();
        found.retain(|problem| told.insert(problem.rule));
        problems.extend(found);
    }
    steps
}
