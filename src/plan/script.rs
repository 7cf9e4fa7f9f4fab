//! The standard script of each type: what happens when the file has no `steps:`.

use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::consequences::joined;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;

/// A step with the usual people: the holder uses a key, the operator does the rest, a witness confirms.
pub fn step(plan: &Plan, verb: Verb) -> Step {
    let holder = match &verb {
        Verb::GenerateKey(key) | Verb::Sign { key, .. } => plan.key(key).and_then(|key| key.holder.clone()),
        _ => None,
    };
    let operator = || plan.people.iter().find(|p| p.role == "operator").map(|p| p.id.clone());
    let by = holder.or_else(operator).unwrap_or_default();
    let (confirm, id, est) = (confirmers(plan, &verb, &by), verb.usual_id(), verb.usual_minutes());
    Step {
        id,
        confirm,
        by,
        verb,
        est,
        text: None,
        source: None,
        on_fail: OnFail::Retry,
        section: None,
        place: None,
    }
}

/// Who confirms where the file does not say: the first witness, else the operator, else anyone but the doer.
pub fn confirmers(plan: &Plan, verb: &Verb, by: &str) -> Vec<String> {
    if matches!(verb, Verb::Say | Verb::LoadKeys | Verb::Build(_) | Verb::Checkpoint) {
        return Vec::new();
    }
    let others = || plan.people.iter().filter(|person| person.id != by);
    let first = |role: &str| others().find(|person| person.role == role);
    let chosen = first("witness").or_else(|| first("operator")).or_else(|| others().next());
    chosen.map(|person| vec![person.id.clone()]).unwrap_or_default()
}

/// Gather, check, cross the gate, make keys, build, review, sign, verify, export, read back, close.
pub fn standard(plan: &Plan) -> Vec<Step> {
    let mut script = Script { plan, steps: Vec::new() };
    let opening =
        [Verb::RollCall, Verb::ReadAloud(Subject::Plan), Verb::Preflight, Verb::LoadKeys, Verb::Gate];
    let from_outside = plan.keys.iter().any(Key::from_file);
    script.section("Opening", opening.into_iter().filter(|verb| from_outside || *verb != Verb::LoadKeys));
    let made = plan.keys.iter().filter(|key| key.generated());
    script.section("Keys", made.map(|key| Verb::GenerateKey(key.name.clone())));

    let in_room = plan.roles_in_room();
    let offline: Vec<String> = in_room
        .iter()
        .filter(|role| !matches!(**role, "snapshot" | "timestamp"))
        .map(|role| (*role).to_owned())
        .collect();
    if !offline.is_empty() {
        script.signing(&title(&offline), &offline, true);
    }
    for role in in_room.iter().filter(|role| matches!(**role, "snapshot" | "timestamp")) {
        let title = if *role == "snapshot" { "Snapshot" } else { "Timestamp" };
        script.signing(title, &[(*role).to_owned()], false);
    }
    script.section("Closing", [Verb::Export, Verb::Readback, Verb::Checkpoint, Verb::Close]);
    script.steps
}

/// `Root and targets`
fn title(roles: &[String]) -> String {
    let joined = joined(roles, "and");
    let mut letters = joined.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

struct Script<'a> {
    plan: &'a Plan,
    steps: Vec<Step>,
}

impl Script<'_> {
    fn section(&mut self, title: &str, verbs: impl IntoIterator<Item = Verb>) {
        let first = self.steps.len();
        self.steps.extend(verbs.into_iter().map(|verb| step(self.plan, verb)));
        if let Some(step) = self.steps.get_mut(first) {
            step.section = Some(title.to_owned());
        }
    }

    /// Build and review these roles, let every signer sign all of his under one login, and count.
    fn signing(&mut self, title: &str, roles: &[String], aloud: bool) {
        let mut verbs = vec![Verb::Build(roles.to_vec()), Verb::Review(roles.to_vec())];
        if let (true, Some(first)) = (aloud, roles.first()) {
            verbs.push(Verb::ReadAloud(Subject::Role(first.clone())));
        }
        for key in self.plan.keys.iter().filter(|key| key.store().is_some()) {
            let listed =
                |role: &&String| self.plan.quorums(role).iter().any(|quorum| quorum.keys.contains(&key.name));
            let roles: Vec<_> = roles.iter().filter(listed).cloned().collect();
            if !roles.is_empty() {
                verbs.push(Verb::Sign { key: key.name.clone(), roles });
            }
        }
        verbs.push(Verb::Verify(roles.to_vec()));
        self.section(title, verbs);
    }
}
