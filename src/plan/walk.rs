//! The script walked through the room before the day: every step must be possible when its turn comes.

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::problem::Place;
use crate::plan::step::Subject;
use crate::room::Act;
use crate::room::Room;

/// What a step does in the room when all goes well.
pub fn acts(step: &Step) -> Vec<Act> {
    let each = |roles: &[String], act: fn(String) -> Act| roles.iter().cloned().map(act).collect();
    match &step.verb {
        Verb::RollCall => vec![Act::RollCall],
        Verb::ReadAloud(Subject::Role(role)) => vec![Act::ReadAloud(role.clone())],
        Verb::Say | Verb::ReadAloud(_) | Verb::Checkpoint => vec![Act::Other],
        Verb::Preflight => vec![Act::Preflight],
        Verb::Gate => vec![Act::Gate],
        Verb::LoadKeys => vec![Act::Load],
        Verb::GenerateKey(key) => vec![Act::Generate(key.clone())],
        Verb::Build(roles) => each(roles, Act::Build),
        Verb::Review(roles) => each(roles, Act::Review),
        Verb::Sign { key, roles } => roles.iter().map(|role| Act::Sign(role.clone(), key.clone())).collect(),
        Verb::Verify(roles) => each(roles, Act::Verify),
        Verb::Export => vec![Act::Export],
        Verb::Readback => vec![Act::Readback],
        Verb::Close => vec![Act::Close],
    }
}

/// Walks the script; the first step that is not possible is the problem, for what follows depends on it.
pub fn walk(plan: &Plan, after: Place, problems: &mut Vec<Problem>) {
    let mut room = Room::new(plan.setup());
    for step in &plan.steps {
        for act in acts(step) {
            if let Err(not_now) = room.apply(&act) {
                let text = format!("step {} is not possible there: {}", step.id, not_now.why);
                problems.push(Problem::error(not_now.rule, step.place.or(Some(after)), text));
                return;
            }
        }
    }
    if !matches!(plan.steps.last().map(|step| &step.verb), Some(Verb::Close)) {
        let place = plan.steps.last().and_then(|step| step.place).or(Some(after));
        problems.push(Problem::error("ENDS-WITH-CLOSE", place, "the script does not end with `close`"));
    }
}
