//! What the fields of a ceremony file say together: people, keys, roles, dates, and the people of each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::Before;
use crate::plan::Environment;
use crate::plan::Incident;
use crate::plan::Key;
use crate::plan::Person;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Window;
use crate::plan::casting;
use crate::plan::environment;
use crate::plan::file::File;
use crate::plan::keys;
use crate::plan::lints::LINTS;
use crate::plan::materials;
use crate::plan::people;
use crate::plan::people::PersonSpec;
use crate::plan::people::Presence;
use crate::plan::problem::Place;
use crate::plan::roles;
use crate::words::Digest;

/// Seconds that watches may differ: zones are a quarter of an hour apart, at the least.
const SKEW: std::ops::RangeInclusive<u64> = 1..=899;

pub(super) struct Problems<'a>(pub(super) &'a mut Vec<Problem>);

impl Problems<'_> {
    pub(super) fn say(&mut self, rule: &'static str, place: Place, text: impl Into<String>) {
        self.0.push(Problem::error(rule, Some(place), text));
    }
}

/// What can be judged without what the ceremony starts from. What the machine must be.
pub fn alone(file: &File, problems: &mut Vec<Problem>) -> Environment {
    let mut say = Problems(problems);
    people::judge(file, &mut say);
    materials::judge(file, &mut say);
    file.keys.iter().for_each(|spec| keys::alone(spec, file, &mut say));
    keys::stores(file, &mut say);
    keys::keyids(file, &mut say);
    keys::incident(file, &mut say);
    dates(file, &mut say);
    keys::bundle_name(&file.bundle, &mut say);
    for name in &file.trust.accept {
        if !LINTS.iter().any(|(lint, _)| *lint == name.value) {
            let known: Vec<_> = LINTS.iter().map(|(lint, _)| *lint).collect();
            say.say(
                "ACCEPT-KNOWN",
                name.place,
                format!(
                    "{:?} is not a remark that can be accepted; these are: {}",
                    name.value,
                    known.join(", ")
                ),
            );
        }
    }
    environment::resolve(file, &mut say)
}

/// The plan that the file describes; problems where it contradicts itself.
pub fn resolve(
    file: &File,
    digest: Digest,
    before: Option<Arc<Before>>,
    problems: &mut Vec<Problem>,
) -> Plan {
    let environment = alone(file, problems);
    let mut say = Problems(problems);
    let from = before.as_deref();
    let mut keys: Vec<Key> =
        file.keys.iter().filter_map(|spec| keys::key(spec, file, from, &mut say)).collect();
    keys::held_for(file, from, &keys, &mut say);
    let roles = roles::roles(file, from, &mut keys, &mut say);
    let person = |p: &PersonSpec| Person {
        id: p.id.value.clone(),
        name: p.name.clone(),
        role: p.role.value.clone(),
        optional: p.optional,
        alternate: p.alternate.as_ref().map(|id| id.value.clone()),
        statement_key: p.statement_key.as_ref().map(|key| key.value.clone()),
    };
    let mut plan = Plan {
        id: file.id.value.clone(),
        title: file.title.clone(),
        kind: file.kind.value,
        incident: file.incident.as_ref().map(|incident| Incident {
            what: incident.what.value.clone(),
            lost: incident.lost.iter().map(|key| key.value.clone()).collect(),
            stolen: incident.stolen.iter().map(|key| key.value.clone()).collect(),
        }),
        before,
        consistent_snapshot: file.trust.consistent_snapshot,
        shipped_anchors: file.trust.shipped_anchors.iter().map(|file| file.value.clone()).collect(),
        anchors: Vec::new(),
        changes: Vec::new(),
        expect_diff: file
            .trust
            .expect_diff
            .as_ref()
            .map(|lines| lines.iter().map(|l| l.value.clone()).collect()),
        digest,
        people: file.here().map(person).collect(),
        elsewhere: file.participants.iter().filter(|p| file.is_elsewhere(p)).map(person).collect(),
        presence: Presence {
            minimum: file
                .presence
                .minimum
                .iter()
                .map(|(role, n)| (role.value.clone(), *n as usize))
                .collect(),
            exclude: file.presence.exclude.iter().map(|pair| pair.clone().map(|name| name.value)).collect(),
        },
        materials: file.materials.clone(),
        keys,
        roles,
        environment,
        window: Window {
            not_before: file.clock.not_before.as_ref().map(|at| at.value),
            not_after: file.clock.not_after.as_ref().map(|at| at.value),
            max_skew: file.clock.max_skew.as_ref().map(|at| at.value),
        },
        bundle: file.bundle.value.clone(),
        places: places(file),
        steps: Vec::new(),
        warnings: Vec::new(),
        accept: file.trust.accept.iter().map(|name| name.value.clone()).collect(),
        accepted: Vec::new(),
    };
    plan.steps = match &file.steps {
        Some(specs) => casting::steps(specs, file, &plan, problems),
        None => casting::standard(file, &plan, problems),
    };
    plan
}

/// Where the file says what can only be judged on the day, for messages.
fn places(file: &File) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for key in &file.keys {
        let place = key.public.as_ref().map_or(key.name.place, |public| public.place);
        places.insert(format!("key {}", key.name.value), place);
    }
    for (name, role) in &file.trust.roles {
        places.insert(
            format!("role {name}"),
            role.expires.as_ref().map_or(role.place, |expires| expires.place),
        );
        if let Some(files) = &role.files {
            places.insert("files".to_owned(), files.from.place);
        }
    }
    if let Some(end) = &file.clock.not_after {
        places.insert("clock".to_owned(), end.place);
    }
    if let Some(before) = &file.trust.before {
        places.insert("before".to_owned(), before.metadata.place);
        places.insert("root_sha256".to_owned(), before.root_sha256.place);
    }
    for anchor in &file.trust.shipped_anchors {
        places.insert(format!("anchor {}", anchor.value), anchor.place);
    }
    places
}

fn dates(file: &File, say: &mut Problems<'_>) {
    if let (Some(from), Some(to)) = (&file.clock.not_before, &file.clock.not_after)
        && from.value >= to.value
    {
        say.say(
            "CLOCK-WINDOW",
            to.place,
            format!("the window closes at {} before it opens at {}", to.value, from.value),
        );
    }
    if let Some(skew) = file.clock.max_skew.as_ref().filter(|skew| !SKEW.contains(&skew.value)) {
        let text = format!(
            "watches may differ by {} seconds; {} to {} tell a slow watch from a clock in another zone",
            skew.value,
            SKEW.start(),
            SKEW.end()
        );
        say.say("CLOCK-SKEW", skew.place, text);
    }
    for (name, role) in &file.trust.roles {
        let (Some(expires), Some(end)) = (&role.expires, &file.clock.not_after) else { continue };
        if expires.value.has_passed(end.value) {
            say.say(
                "EXPIRES-AFTER-CEREMONY",
                expires.place,
                format!("role {name} expires at {}, within the window in which it is made", expires.value),
            );
        }
    }
}
