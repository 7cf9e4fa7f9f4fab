//! The standard script of each type: what happens when the file has no `steps:`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::Key;
use crate::plan::Kind;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::consequences::joined;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::room::Handling;

/// A step with the usual people: the holder uses a key, the operator does the rest, a witness confirms.
pub fn step(plan: &Plan, verb: Verb) -> Step {
    let holder = match &verb {
        Verb::Handle(Handling::Insert(token) | Handling::Remove(token)) => plan
            .materials
            .tokens
            .get(token)
            .and_then(|token| token.holder.as_ref())
            .map(|id| id.value.clone()),
        // What comes from elsewhere is taken in by whoever types.
        verb => verb.key().and_then(|key| plan.brought_by(key)).cloned(),
    };
    let witness = || plan.people.iter().find(|p| p.role == "witness").map(|p| p.id.clone());
    let operator = || plan.people.iter().find(|p| p.role == "operator").map(|p| p.id.clone());
    let usual = if verb == Verb::SecondMachine { witness().or_else(operator) } else { operator() };
    let by = holder.or(usual).unwrap_or_default();
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

/// Who confirms where the file does not say: the first witness, else the operator, else anyone but the doer. Who is given
/// something confirms it only where nobody else can.
pub fn confirmers(plan: &Plan, verb: &Verb, by: &str) -> Vec<String> {
    if verb.usually_unconfirmed() {
        return Vec::new();
    }
    let excluded = |id: &str| {
        let pair = |a: &String, b: &String| (a == by && b == id) || (b == by && a == id);
        plan.presence.exclude.iter().any(|[one, other]| pair(one, other))
    };
    let mut others: Vec<_> =
        plan.people.iter().filter(|person| person.id != by && !excluded(&person.id)).collect();
    others.sort_by_key(|person| verb.to() == Some(&person.id));
    let first =
        |role: &str| others.iter().find(|person| person.role == role && verb.to() != Some(&person.id));
    let chosen = first("witness").or_else(|| first("operator")).or_else(|| others.first());
    chosen.map(|person| vec![person.id.clone()]).unwrap_or_default()
}

/// Gather, check, cross the gate, make keys, build, review, sign, verify, export, read back, close.
pub fn standard(plan: &Plan) -> Vec<Step> {
    let mut script = Script { plan, steps: Vec::new(), opened: BTreeSet::new() };
    let mut opening = vec![Verb::RollCall, Verb::ReadAloud(Subject::Plan)];
    opening.extend(plan.window.max_skew.map(|_| Verb::SetClock));
    opening.push(Verb::Preflight);
    opening.extend(plan.keys.iter().any(Key::from_file).then_some(Verb::LoadKeys));
    opening.push(Verb::Gate);
    script.section("Opening", opening);
    let made = plan.keys.iter().filter(|key| key.generated());
    let made: Vec<_> =
        made.flat_map(|key| script.with_token(&key.name, Verb::GenerateKey(key.name.clone()))).collect();
    script.section("Keys", made);
    if plan.kind.signs() {
        let split = plan.keys.iter().filter(|key| key.shares.is_some());
        let verbs: Vec<_> = split.flat_map(|key| handed_out(key).chain([restored(key)])).collect();
        script.section("Shares", verbs);
    }

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
    if plan.kind.signs() {
        script.section("Closing", [Verb::Export(None), Verb::Readback(None)]);
        script.drives();
    } else {
        script.held_for_keys();
    }
    script.seal();
    let end = [Verb::Checkpoint, Verb::ExceptionReview, Verb::Statement, Verb::Close];
    if plan.kind.signs() {
        script.more(end)
    } else {
        script.section("Closing", end)
    }
    script.steps
}

/// Each holder gets a share of the key.
fn handed_out(key: &Key) -> impl Iterator<Item = Verb> {
    let holders = key.shares.iter().flat_map(|shares| &shares.holders);
    holders.map(|to| Verb::ShareKey { key: key.name.clone(), to: to.clone(), drive: None })
}

/// Every share of the key is proven.
fn restored(key: &Key) -> Verb {
    Verb::RestoreShares(key.name.clone())
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
    /// Bags that were opened.
    opened: BTreeSet<String>,
}

impl Script<'_> {
    fn section(&mut self, title: &str, verbs: impl IntoIterator<Item = Verb>) {
        let first = self.steps.len();
        self.steps.extend(verbs.into_iter().map(|verb| step(self.plan, verb)));
        if let Some(step) = self.steps.get_mut(first) {
            step.section = Some(title.to_owned());
        }
    }

    fn more(&mut self, verbs: impl IntoIterator<Item = Verb>) {
        self.steps.extend(verbs.into_iter().map(|verb| step(self.plan, verb)));
    }

    /// What a key does, with its token taken out of its bag, put into the reader, and taken out again.
    fn with_token(&mut self, key: &str, verb: Verb) -> Vec<Verb> {
        let materials = &self.plan.materials;
        let token = self.plan.key(key).and_then(|key| materials.token_of(key.store()?));
        let Some(token) = token else { return vec![verb] };
        let bag = materials.tokens[token].bag.as_ref().map(|bag| bag.value.clone());
        let mut verbs = Vec::new();
        if let Some(bag) = bag.filter(|bag| self.opened.insert(bag.clone())) {
            verbs.extend([Verb::Handle(Handling::Inspect(bag.clone())), Verb::Handle(Handling::Open(bag))]);
        }
        let insert = Verb::Handle(Handling::Insert(token.clone()));
        verbs.extend([insert, verb, Verb::Handle(Handling::Remove(token.clone()))]);
        verbs
    }

    /// What a drill or a destruction is held for.
    fn held_for_keys(&mut self) {
        let (title, verb): (_, fn(String) -> Verb) = match self.plan.kind {
            Kind::Destruction => ("Destruction", Verb::DestroyKey),
            _ => ("Drill", Verb::RestoreDrill),
        };
        let keys: Vec<String> =
            self.plan.keys.iter().filter(|key| key.store().is_some()).map(|key| key.name.clone()).collect();
        let verbs: Vec<_> = keys.iter().flat_map(|key| self.with_token(key, verb(key.clone()))).collect();
        self.section(title, verbs);
        self.more(self.plan.keys.iter().filter(|key| key.shares.is_some()).map(restored));
    }

    /// The bundle goes to every drive, and is read back from each after it was ejected.
    fn drives(&mut self) {
        let drives: Vec<String> = self.plan.materials.drives.keys().cloned().collect();
        for drive in &drives {
            let (mount, eject) = (Handling::Mount(drive.clone()), Handling::Eject(drive.clone()));
            let on = Some(drive.clone());
            self.more([Verb::Handle(mount.clone()), Verb::Export(on.clone()), Verb::Handle(eject.clone())]);
            let again = [Verb::Handle(mount), Verb::Readback(on), Verb::Handle(eject)];
            let second = [" again", "", " again"];
            let again = again.into_iter().zip(second).map(|(verb, again)| {
                let step = step(self.plan, verb);
                Step { id: format!("{}{}", step.id, again.replace(' ', "-")), ..step }
            });
            self.steps.extend(again);
        }
        if !drives.is_empty() {
            self.more([Verb::SecondMachine]);
        }
    }

    /// Tokens go into their new bags: each bag with what it holds.
    fn seal(&mut self) {
        let mut bags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, token) in &self.plan.materials.tokens {
            let used = token.bag.as_ref().is_none_or(|bag| self.opened.contains(&bag.value));
            if let (Some(bag), true) = (&token.new_bag, used) {
                bags.entry(bag.value.clone()).or_default().push(name.clone());
            }
        }
        self.more(bags.into_iter().map(|(bag, holds)| Verb::Handle(Handling::Seal { bag, holds })));
    }

    /// Build and review these roles, let every signer sign all of his under one login, and count.
    fn signing(&mut self, title: &str, roles: &[String], aloud: bool) {
        let mut verbs = vec![Verb::Build(roles.to_vec()), Verb::Review(roles.to_vec())];
        if let (true, Some(first)) = (aloud, roles.first()) {
            verbs.push(Verb::ReadAloud(Subject::Role(first.clone())));
        }
        // Who is here signs first: answers from elsewhere may take days.
        let mut signing: Vec<_> = self.plan.keys.iter().filter(|key| key.signs()).collect();
        signing.sort_by_key(|key| key.elsewhere);
        for key in signing {
            let listed =
                |role: &&String| self.plan.quorums(role).iter().any(|quorum| quorum.keys.contains(&key.name));
            let roles: Vec<_> = roles.iter().filter(listed).cloned().collect();
            if !roles.is_empty() {
                let sign = Verb::Sign { key: key.name.clone(), roles };
                verbs.extend(self.with_token(&key.name, sign));
            }
        }
        verbs.push(Verb::Verify(roles.to_vec()));
        self.section(title, verbs);
    }
}
