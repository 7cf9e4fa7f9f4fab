//! What a script owes to the file around it: keys and drives that are brought along are used, what is said aloud is
//! said in time, and a step that may be left out can be.

use std::collections::BTreeSet;

use crate::plan::Kind;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::bins;
use crate::plan::file::File;
use crate::plan::incident;
use crate::plan::problem::Place;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::plan::walk::Told;
use crate::plan::walk::acts;
use crate::room::Act;
use crate::room::Handling;
use crate::room::Room;

/// Judges the script of the file. `told` is what was said of it so far; `possible` says that it was nothing.
pub(super) fn judge(plan: &Plan, file: &File, told: &Told, possible: bool, problems: &mut Vec<Problem>) {
    let after = file.trust.after;
    let mut say = |rule, place: Place, text: String| problems.push(Problem::error(rule, Some(place), text));
    keys(plan, after, told, &mut say);
    bins::in_the_room(plan, after, &mut say);
    used(plan, file, &mut say);
    in_time(plan, after, told, &mut say);
    if possible {
        left_out(plan, after, &mut say);
    }
}

type Say<'a> = &'a mut dyn FnMut(&'static str, Place, String);

/// Whoever opens a key has a store for it, and nobody destroys one that clients still trust.
fn keys(plan: &Plan, after: Place, told: &Told, say: Say<'_>) {
    for step in &plan.steps {
        let place = step.place.unwrap_or(after);
        let Some(name) = step.verb.key().filter(|name| !told.contains(*name)) else { continue };
        let Some(key) = plan.key(name) else { continue };
        let opens = matches!(step.verb, Verb::EnrolKey(_) | Verb::RestoreDrill(_) | Verb::DestroyKey(_));
        if opens && key.store().is_none() {
            let text = format!("step {}: key {name} has no store, so nobody can open it", step.id);
            say("KEY-HAS-STORE", place, text);
        }
        // What a destruction is held for was judged where the key stands.
        if !matches!(step.verb, Verb::DestroyKey(_)) || plan.kind == Kind::Destruction {
            continue;
        }
        if let Some(role) = incident::still_listed(plan, name).into_iter().next() {
            let text = format!(
                "step {}: key {name} would be destroyed, and role {} would still list it",
                step.id, role
            );
            say("DESTROY-NO-LISTED-KEY", place, text);
        }
    }
}

/// A key with a store is opened in some step, and a drive that is brought along is written to.
fn used(plan: &Plan, file: &File, say: Say<'_>) {
    if file.steps.is_none() {
        return;
    }
    let opened: BTreeSet<&str> = plan.steps.iter().filter_map(|step| step.verb.key()).collect();
    for spec in &file.keys {
        let name = &spec.name.value;
        let has_store =
            plan.kind.signs() && plan.key(name).is_some_and(|key| key.signs() && !key.generated());
        if has_store && !opened.contains(name.as_str()) {
            let text = format!(
                "key {name} is brought along with its store, and no step uses it; give it one, or leave the store out"
            );
            say("STORE-USED", spec.name.place, text);
        }
    }
    for (name, drive) in &plan.materials.drives {
        let mounts =
            |step: &Step| matches!(&step.verb, Verb::Handle(Handling::Mount(other)) if other == name);
        if !plan.steps.iter().any(mounts) {
            let text = format!("drive {name} is brought along, and no step plugs it in");
            say("DRIVE-USED", drive.label.place, text);
        }
    }
}

/// What is read aloud is read before it matters, and what people state of the whole is stated at its end.
fn in_time(plan: &Plan, after: Place, told: &Told, say: Say<'_>) {
    let mut passed_gate = false;
    let mut signed: BTreeSet<&String> = BTreeSet::new();
    let mut read: BTreeSet<&str> = BTreeSet::new();
    let mut stated = None;
    for step in &plan.steps {
        let place = step.place.unwrap_or(after);
        match &step.verb {
            Verb::Gate => passed_gate = true,
            Verb::Sign { roles, .. } => signed.extend(roles),
            Verb::ReadAloud(Subject::Plan) if passed_gate && read.insert("plan") => {
                let text = format!("step {}: this file is first read aloud behind the gate", step.id);
                say("PLAN-ALOUD-BEFORE-GATE", place, text);
            }
            Verb::ReadAloud(Subject::Plan) => drop(read.insert("plan")),
            Verb::ReadAloud(Subject::Role(role))
                if read.insert(role) && signed.contains(role) && !told.contains(role) =>
            {
                let text = format!("step {}: {role} is first read aloud when it is signed already", step.id);
                say("ALOUD-BEFORE-SIGNATURE", place, text);
            }
            Verb::Statement => stated = Some((step, place)),
            Verb::Close => return,
            verb if !changes_nothing(verb) => {
                if let Some((statement, at)) = stated.take() {
                    let text = format!(
                        "step {}: people would say whether the record is true before step {} is in it",
                        statement.id, step.id
                    );
                    say("STATEMENT-AT-THE-END", at, text);
                }
            }
            _ => {}
        }
    }
}

/// Words and paper, which may follow what people stated.
fn changes_nothing(verb: &Verb) -> bool {
    matches!(verb, Verb::Say | Verb::ReadAloud(_) | Verb::Print(_) | Verb::Checkpoint)
        || matches!(verb, Verb::ExceptionReview | Verb::Statement | Verb::Close)
}

/// `on_fail: exception`: the ceremony comes to its end without this step, and without those that may be left out with it.
fn left_out(plan: &Plan, after: Place, say: Say<'_>) {
    for (number, step) in plan.steps.iter().enumerate().filter(|(_, step)| optional(step)) {
        let why = match step.verb {
            Verb::Close => Some("nothing would end the ceremony".to_owned()),
            _ => stuck_without(plan, number),
        };
        if let Some(why) = why {
            let text =
                format!("step {} may be left out, says \"on_fail\", and nobody could go on: {why}", step.id);
            say("LEFT-OUT-AND-ON", step.place.unwrap_or(after), text);
        }
    }
}

fn optional(step: &Step) -> bool {
    step.on_fail == OnFail::Exception
}

fn stuck_without(plan: &Plan, number: usize) -> Option<String> {
    let mut room = Room::new(plan.setup());
    let lose = |room: &mut Room, step: &Step| {
        step.verb.drive().into_iter().for_each(|drive| room.assume(&Act::Lose(drive.to_owned())));
    };
    for (n, step) in plan.steps.iter().enumerate() {
        if n == number {
            let alone = step.verb.drive().and_then(|drive| room.may(&Act::Lose(drive.to_owned())).err());
            if let Some(not_now) = alone {
                return Some(not_now.why);
            }
            lose(&mut room, step);
            continue;
        }
        for act in acts(step) {
            match room.apply(&act) {
                Ok(()) => {}
                Err(_) if n > number && optional(step) => {
                    lose(&mut room, step);
                    break;
                }
                Err(not_now) => return Some(format!("step {}: {}", step.id, not_now.why)),
            }
        }
    }
    None
}
