//! The script walked through the room before the day: every step must be possible when its turn comes.

use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::problem::Place;
use crate::plan::step::Subject;
use crate::room::Act;
use crate::room::NotNow;
use crate::room::Room;

/// What a step does in the room when all goes well.
pub fn acts(step: &Step) -> Vec<Act> {
    let each = |roles: &[String], act: fn(String) -> Act| roles.iter().cloned().map(act).collect();
    match &step.verb {
        Verb::RollCall => vec![Act::RollCall],
        Verb::ReadAloud(Subject::Role(role)) | Verb::Print(Subject::Role(role)) => {
            vec![Act::ReadAloud(role.clone())]
        }
        Verb::Say | Verb::Ask | Verb::ReadAloud(_) | Verb::Print(_) => vec![Act::Other],
        Verb::Checkpoint | Verb::ExceptionReview | Verb::Statement => vec![Act::Other],
        Verb::SetClock => vec![Act::SetClock],
        Verb::Preflight => vec![Act::Preflight],
        Verb::Gate => vec![Act::Gate],
        Verb::Break => vec![Act::Break],
        Verb::Handle(handling) => vec![Act::Handle(handling.clone())],
        Verb::LoadKeys => vec![Act::Load],
        Verb::EnrolKey(key) => vec![Act::Enrol(key.clone())],
        Verb::GenerateKey(key) => vec![Act::Generate(key.clone())],
        Verb::RestoreDrill(key) => vec![Act::Drill(key.clone())],
        Verb::ShareKey { key, to, drive } => {
            vec![Act::Share { key: key.clone(), to: to.clone(), drive: drive.clone() }]
        }
        Verb::RestoreShares(key) => vec![Act::DrillShares(key.clone())],
        Verb::DestroyKey(key) => vec![Act::Destroy(key.clone())],
        Verb::Build(roles) => each(roles, Act::Build),
        Verb::Lint(roles) => each(roles, Act::Lint),
        Verb::Review(roles) => each(roles, Act::Review),
        Verb::Sign { key, roles } => roles.iter().map(|role| Act::Sign(role.clone(), key.clone())).collect(),
        Verb::Verify(roles) => each(roles, Act::Verify),
        Verb::Export(to) => vec![Act::Export(to.clone())],
        Verb::Readback(from) => vec![Act::Readback(from.clone())],
        Verb::SecondMachine => vec![Act::SecondMachine],
        Verb::Close => vec![Act::Close],
    }
}

/// What was said of a script: the names of roles, keys and things, and rules that are said once.
pub type Told = BTreeSet<String>;

/// Walks the script to its end. Behind a step that is not possible the walk goes on as if it had been, so that
/// everything that is wrong is said at once; what follows from one mistake about a role or a thing is not said again.
/// `wrong` are those of which a mistake was said before.
pub fn walk(plan: &Plan, after: Place, wrong: Told, problems: &mut Vec<Problem>) -> Told {
    let mut room = Room::new(plan.setup());
    let mut told = wrong;
    for step in &plan.steps {
        for act in acts(step) {
            for not_now in room.refusals(&act) {
                // A type that signs, of which nothing can be read that it signs.
                let unread = not_now.rule == "EXPORT-WHAT-IS-SIGNED" && plan.kind.signs();
                // Of one step each rule is said once: it may sign several roles.
                let once = format!("{} {}", step.id, not_now.rule);
                if follows(&told, &act, &not_now) || unread {
                    continue;
                }
                told.extend(subjects(&act, &not_now));
                if told.contains(&once) {
                    continue;
                }
                if EVERYWHERE.contains(&not_now.rule) {
                    told.insert(not_now.rule.to_owned());
                }
                if !act.about().is_empty() {
                    told.insert(once);
                }
                let text = format!("step {} is not possible there: {}", step.id, not_now.why);
                problems.push(Problem::error(not_now.rule, step.place.or(Some(after)), text));
            }
            room.assume(&act);
        }
    }
    if !plan.steps.iter().any(|step| step.verb == Verb::Close) {
        let place = plan.steps.last().and_then(|step| step.place).or(Some(after));
        problems.push(Problem::error("ENDS-WITH-CLOSE", place, "the script does not end with `close`"));
    }
    told
}

/// Rules that one mistake, a gate or a pre-flight that stands too late, breaks at many steps.
const EVERYWHERE: [&str; 4] =
    ["NOTHING-IRREVERSIBLE-BEFORE-GATE", "NOTHING-AFTER-CLOSE", "DRILL-AFTER-GATE", "ENROL-AFTER-PREFLIGHT"];

fn subjects(act: &Act, not_now: &NotNow) -> impl Iterator<Item = String> {
    let names = [act.about().to_owned(), not_now.lacks.clone()];
    names.into_iter().filter(|name| !name.is_empty())
}

/// Whether what it is about was said already. At the gate and at the end each thing that is missing is a mistake of its own.
fn follows(told: &Told, act: &Act, not_now: &NotNow) -> bool {
    let by_key = matches!(act, Act::Sign(_, key) if told.contains(key));
    by_key || told.contains(not_now.rule) || subjects(act, not_now).any(|name| told.contains(&name))
}
