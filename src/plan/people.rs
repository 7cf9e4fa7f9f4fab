//! Who is in the room: how many of each kind there must be, who stands in for whom, who never checks whom.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::fields::list;
use crate::plan::fields::text;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::file::PERSON_ROLES;
use crate::plan::file::entries;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::rules::Problems;
use crate::witness::StatementKey;
use unicode_security::skeleton;

/// Someone in the room.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonSpec {
    /// The short name that the file uses.
    pub id: At<String>,
    /// The full name.
    pub name: String,
    /// operator, custodian, witness or auditor.
    pub role: At<String>,
    /// The ceremony goes on without this person.
    pub optional: bool,
    /// Who does what this person would do, when absent.
    pub alternate: Option<At<String>>,
    /// `statement_key`
    pub statement_key: Option<At<StatementKey>>,
}

/// `presence`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PresenceSpec {
    /// How many of a kind must be there, at the least.
    pub minimum: Vec<(At<String>, u64)>,
    /// Pairs who never check each other.
    pub exclude: Vec<[At<String>; 2]>,
}

/// What the file asks of the people as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// How many of a kind must be there, at the least.
    pub minimum: BTreeMap<String, usize>,
    /// Pairs who never check each other.
    pub exclude: Vec<[String; 2]>,
}

/// Reads `participants`.
pub(super) fn read(node: &Node, problems: &mut Vec<Problem>) -> Vec<PersonSpec> {
    let people = entries(node, "participants", problems);
    let read = people.into_iter().map(|(id, node)| {
        let mut fields = Fields::or_none(node, format!("participant {}", id.value), problems);
        let name = fields.need_text("name", problems);
        let role = fields.need_text("role", problems);
        let optional = fields.flag("optional", problems).is_some_and(|flag| flag.value);
        let alternate = fields.text("alternate", problems);
        let statement_key =
            fields.text("statement_key", problems).and_then(|key| statement_key(key, problems));
        fields.finish(problems);
        let (name, nothing) = (name.map(|name| name.value), At { value: String::new(), place: id.place });
        PersonSpec {
            id,
            name: name.unwrap_or_default(),
            role: role.unwrap_or(nothing),
            optional,
            alternate,
            statement_key,
        }
    });
    read.collect()
}

fn statement_key(key: At<String>, problems: &mut Vec<Problem>) -> Option<At<StatementKey>> {
    match StatementKey::read(&key.value) {
        Ok(value) => Some(At { value, place: key.place }),
        Err(why) => {
            problems.push(Problem::error(
                "STATEMENT-KEY-FORM",
                Some(key.place),
                format!("\"statement_key\": {why}"),
            ));
            None
        }
    }
}

/// Reads `presence: {minimum: {witness: 1}, exclude: [[ana, wim]]}`.
pub(super) fn presence(node: &Node, problems: &mut Vec<Problem>) -> Option<PresenceSpec> {
    let mut fields = Fields::of(node, "presence", problems)?;
    let mut presence = PresenceSpec::default();
    if let Some(node) = fields.take("minimum")
        && let Some(mut kinds) = Fields::of(node, "presence.minimum", problems)
    {
        for role in PERSON_ROLES {
            if let Some(count) = kinds.number(role, problems) {
                let role = At { value: role.to_owned(), place: count.place };
                presence.minimum.push((role, count.value));
            }
        }
        kinds.finish(problems);
    }
    for pair in fields
        .take("exclude")
        .map(|node| list(node, "\"exclude\" of presence", problems).unwrap_or_default())
        .unwrap_or_default()
    {
        let names = list(pair, "an entry of \"exclude\"", problems).unwrap_or_default();
        let names: Vec<_> =
            names.iter().filter_map(|name| text(name, "a name of \"exclude\"", problems)).collect();
        match <[At<String>; 2]>::try_from(names) {
            Ok(pair) => presence.exclude.push(pair),
            Err(_) => {
                let text = "an entry of \"exclude\" is a pair of people who never check each other";
                problems.push(Problem::error("WRONG-KIND", Some(pair.place), text));
            }
        }
    }
    fields.finish(problems);
    Some(presence)
}

/// What the people say together.
pub(super) fn judge(file: &File, say: &mut Problems<'_>) {
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let known = |id: &str| file.participants.iter().find(|person| person.id.value == id);
    for person in &file.participants {
        if let Some(key) = person.statement_key.as_ref().filter(|key| !keys.insert(key.value.material())) {
            let text = "two participants sign statements with one key; nobody could tell whose they are";
            say.say("STATEMENT-KEY-ONCE", key.place, text);
        }
        if !PERSON_ROLES.contains(&person.role.value.as_str()) {
            let text = format!(
                "{:?} is not what people do here; they are {}",
                person.role.value,
                PERSON_ROLES.join(", ")
            );
            say.say("PERSON-ROLE-KNOWN", person.role.place, text);
        }
        // Spaces, case and letters that look alike make no second person.
        let name = person.name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if !names.insert(skeleton(&name).collect::<String>()) {
            say.say(
                "PERSON-ONCE",
                person.id.place,
                format!("{} is in the room twice; one person confirming herself is no control", person.name),
            );
        }
        let Some(alternate) = &person.alternate else { continue };
        match known(&alternate.value) {
            None => {
                let text =
                    format!("{:?}, the alternate of {}, is not a participant", alternate.value, person.name);
                say.say("ALTERNATE-KNOWN", alternate.place, text);
            }
            Some(other) if file.is_elsewhere(other) => {
                let text =
                    format!("{} signs elsewhere, and cannot stand in for {} here", other.name, person.name);
                say.say("PERSON-IN-THE-ROOM", alternate.place, text);
            }
            Some(other) if other.id.value == person.id.value || other.alternate.is_some() => {
                let text = format!(
                    "{} cannot stand in for {}: an alternate is another person, who has none",
                    other.name, person.name
                );
                say.say("ALTERNATE-KNOWN", alternate.place, text);
            }
            Some(_) => {}
        }
        if file.participants.iter().any(|other| {
            other.id.value != person.id.value
                && other.alternate.as_ref().is_some_and(|named| named.value == alternate.value)
        }) {
            let text = format!("{:?} would stand in for two people", alternate.value);
            say.say("ALTERNATE-ONCE", alternate.place, text);
        }
    }
    counts(file, say);
    for pair in &file.presence.exclude {
        for name in pair.iter().filter(|name| known(&name.value).is_none()) {
            let text = format!("presence excludes {:?}, who is not a participant", name.value);
            say.say("STEP-PERSON-KNOWN", name.place, text);
        }
    }
}

fn counts(file: &File, say: &mut Problems<'_>) {
    // Who is nothing that people are here counts nowhere, which was said.
    if file.participants.iter().any(|person| !PERSON_ROLES.contains(&person.role.value.as_str())) {
        return;
    }
    let count =
        |role: &str| file.here().filter(|person| person.role.value == role && !person.optional).count();
    if !file.here().any(|person| person.role.value == "operator") {
        no_operator(file, say);
    }
    if file.here().count() < 2 {
        say.say(
            "TWO-PEOPLE",
            file.id.place,
            "there is one participant in the room; a ceremony takes one who does and one who confirms",
        );
    }
    for (role, minimum) in &file.presence.minimum {
        let have = count(&role.value);
        if (have as u64) < *minimum {
            let text = format!(
                "at least {minimum} people in the room must be {}, and the file names {have} who are not optional",
                role.value
            );
            say.say("PRESENCE-MINIMUM", role.place, text);
        }
    }
}

/// Nobody in the room types: no operator is named, or the one who is has only keys at another place.
fn no_operator(file: &File, say: &mut Problems<'_>) {
    let operator = file.participants.iter().find(|person| person.role.value == "operator");
    let key = operator.and_then(|operator| {
        let of_operator =
            |key: &&KeySpec| key.holder.as_ref().is_some_and(|holder| holder.value == operator.id.value);
        file.keys.iter().find(|key| of_operator(key) && key.elsewhere.is_some())
    });
    let (Some(operator), Some(key)) = (operator, key) else {
        let text = "no participant in the room has the role operator; someone types";
        return say.say("OPERATOR-NAMED", file.id.place, text);
    };
    let (operator, key, place) = (&operator.name, &key.name.value, key.elsewhere);
    let text = format!(
        "{operator} is the operator, and only has key {key}, which signs elsewhere: so {operator} is not in the room, and nobody types; name the store of the key if it is brought along, or let another participant be the operator"
    );
    say.say("OPERATOR-NAMED", place.unwrap_or(file.id.place), text);
}

/// What a step asks of people, as it stands and with every alternate in place.
pub(super) fn step(step: &Step, place: Place, plan: &Plan, problems: &mut Vec<Problem>) {
    let mut say = |rule, text: String| problems.push(Problem::error(rule, Some(place), text));
    if let Some((_, twice)) = step.confirm.iter().enumerate().find(|(n, id)| step.confirm[..*n].contains(id))
    {
        let text = format!("step {}: {} would confirm it twice, and counts once", step.id, plan.name(twice));
        say("CONFIRM-ONCE", text);
    }
    if step.confirm.contains(&step.by) {
        let text = format!("step {}: {} does it and would confirm it too", step.id, plan.name(&step.by));
        say("DOER-NEVER-CONFIRMS", text);
    }
    for id in step.confirm.iter().chain([&step.by]).filter(|id| plan.is_elsewhere(id)) {
        let text = format!("step {}: {} signs elsewhere, and is not in the room", step.id, plan.name(id));
        say("PERSON-IN-THE-ROOM", text);
    }
    let alone = plan.people.len() < 2;
    if step.verb.needs_confirmation() && step.confirm.is_empty() && !alone {
        let text = format!("nobody confirms step {}, and no one person passes it alone", step.id);
        say("NOBODY-ALONE", text);
    }
    if let Some(key) = step.verb.key()
        && let Some(holder) = plan.brought_by(key)
        && *holder != step.by
        && plan.person(holder).is_some()
    {
        let text = format!(
            "step {}: key {key} is held by {}, and {} would use it",
            step.id,
            plan.name(holder),
            plan.name(&step.by)
        );
        say("HOLDER-DOES-IT", text);
    }
}

/// Nobody stands in for someone in a step in which both have a part; nobody without a name has one.
pub(super) fn of_script(steps: &[Step], file: &File, plan: &Plan, problems: &mut Vec<Problem>) {
    let mut say = |rule, place, text: String| problems.push(Problem::error(rule, Some(place), text));
    let parts = |step: &Step| step.confirm.iter().chain([&step.by]).cloned().collect::<Vec<_>>();
    for person in &file.participants {
        let Some(alternate) = &person.alternate else { continue };
        // Who cannot be an alternate at all was said where he stands.
        let fits = |other: &PersonSpec| other.id.value == alternate.value && other.alternate.is_none();
        if !file.participants.iter().any(fits) {
            continue;
        }
        let both = |step: &&Step| {
            let parts = parts(step);
            parts.contains(&person.id.value) && parts.contains(&alternate.value)
        };
        if let Some(step) = steps.iter().find(both) {
            let text = format!(
                "step {}: {} would stand in for {}, and has a part in it already",
                step.id,
                plan.name(&alternate.value),
                person.name
            );
            say("ALTERNATE-NEVER-CONFIRMS", step.place.unwrap_or(alternate.place), text);
        }
    }
    for [one, other] in &file.presence.exclude {
        // Whoever stands in for someone has a part in what that one has.
        let may_be = |id: &str, who: &str| {
            id == who || plan.person(id).is_some_and(|person| person.alternate.as_deref() == Some(who))
        };
        let pair = |doer: &str, checks: &str, step: &Step| {
            may_be(&step.by, doer) && step.confirm.iter().any(|id| may_be(id, checks))
        };
        let checks =
            |step: &&Step| pair(&one.value, &other.value, step) || pair(&other.value, &one.value, step);
        if let Some(step) = steps.iter().find(checks) {
            let text = format!(
                "step {}: {} and {} never check each other, says `presence`",
                step.id,
                plan.name(&one.value),
                plan.name(&other.value)
            );
            say("EXCLUDED-NEVER-CONFIRMS", step.place.unwrap_or(one.place), text);
        }
    }
    // A holder whom nobody knows was said where the key or the token stands.
    let of_keys = file.keys.iter().filter_map(|key| key.holder.as_ref());
    let of_tokens = file.materials.tokens.values().filter_map(|token| token.holder.as_ref());
    let mut told: BTreeSet<String> = of_keys.chain(of_tokens).map(|holder| holder.value.clone()).collect();
    for step in steps {
        for id in parts(step) {
            if plan.person(&id).is_none() && told.insert(id.clone()) {
                let text = format!("step {} names {id:?}, who is not a participant", step.id);
                say("STEP-PERSON-KNOWN", step.place.unwrap_or(file.id.place), text);
            }
        }
    }
}

/// Without those who are optional every threshold is reached, and every key is made.
pub(super) fn without_optional(plan: &Plan, file: &File, problems: &mut Vec<Problem>) {
    let optional = |key: &str| {
        let holder = plan.key(key).and_then(|key| key.holder.as_deref()).and_then(|id| plan.person(id));
        holder.is_some_and(|holder| holder.optional)
    };
    let made = || file.keys.iter().filter(|spec| spec.generate && optional(&spec.name.value));
    for spec in made() {
        let text = format!(
            "key {} is made here by {}, who is optional; without this key nothing can be built",
            spec.name.value,
            plan.holder_of(&spec.name.value)
        );
        problems.push(Problem::error("OPTIONAL-MAKES-NO-KEY", Some(spec.name.place), text));
    }
    let setup = plan.setup();
    for (name, role) in &setup.roles {
        for quorum in &role.quorums {
            let sure = role.signers.iter().filter(|key| quorum.keys.contains(*key) && !optional(key)).count();
            let all = quorum.among(&role.signers);
            // Of a key that is never made, that was said.
            let told = made().any(|spec| quorum.keys.contains(&spec.name.value));
            if sure < quorum.threshold && all >= quorum.threshold && !told {
                let text = format!(
                    "{name} needs {} signatures, and only {sure} of those who sign are not optional",
                    quorum.threshold
                );
                let place = file.trust.roles.get(name).map_or(file.trust.after, |role| role.place);
                problems.push(Problem::error("THRESHOLD-WITHOUT-OPTIONAL", Some(place), text));
            }
        }
    }
}
