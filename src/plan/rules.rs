//! What the fields of a ceremony file say together: people, keys, roles, dates, and the people of each step.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::InRoom;
use crate::plan::Key;
use crate::plan::Person;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Role;
use crate::plan::Window;
use crate::plan::casting;
use crate::plan::fields::At;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::file::PERSON_ROLES;
use crate::plan::file::REQUIREMENTS;
use crate::plan::file::RoleSpec;
use crate::plan::keys;
use crate::plan::lints::LINTS;
use crate::plan::problem::Place;
use crate::plan::script;
use crate::store_uri::StoreUri;
use crate::words::Digest;

/// The process's own hygiene: required where the file says nothing.
const USUAL_REQUIREMENTS: [&str; 3] = ["no-core-dumps", "not-traced", "locked-memory"];

pub(super) struct Problems<'a>(pub(super) &'a mut Vec<Problem>);

impl Problems<'_> {
    pub(super) fn say(&mut self, rule: &'static str, place: Place, text: impl Into<String>) {
        self.0.push(Problem::error(rule, Some(place), text));
    }
}

/// The plan that the file describes; problems where it contradicts itself.
pub fn resolve(file: &File, digest: Digest, problems: &mut Vec<Problem>) -> Option<Plan> {
    let mut say = Problems(problems);
    people(file, &mut say);
    let keys: Vec<Key> = file.keys.iter().filter_map(|spec| keys::key(spec, file, &mut say)).collect();
    keys::stores(file, &mut say);
    let roles = roles(file, &mut say);
    dates(file, &mut say);
    let require = requirements(file, &mut say);
    keys::bundle_name(&file.bundle, &mut say);
    for name in &file.accept {
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
    if !say.0.is_empty() {
        return None;
    }
    let people = file.participants.iter();
    let mut plan = Plan {
        id: file.id.value.clone(),
        title: file.title.clone(),
        digest,
        people: people
            .map(|p| Person { id: p.id.value.clone(), name: p.name.clone(), role: p.role.value.clone() })
            .collect(),
        keys,
        roles,
        require,
        require_stated: file.require.is_some(),
        window: Window {
            not_before: file.clock.not_before.as_ref().map(|at| at.value),
            not_after: file.clock.not_after.as_ref().map(|at| at.value),
            max_skew: file.clock.max_skew.as_ref().map(|at| at.value),
        },
        bundle: file.bundle.value.clone(),
        places: places(file),
        steps: Vec::new(),
        warnings: Vec::new(),
        accepted: Vec::new(),
    };
    plan.steps = match &file.steps {
        Some(specs) => casting::steps(specs, &plan, problems),
        None => script::root_genesis(&plan),
    };
    Some(plan)
}

/// Where the file says what can only be judged on the day, for messages.
fn places(file: &File) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for key in &file.keys {
        let place = key.public.as_ref().map_or(key.name.place, |public| public.place);
        places.insert(format!("key {}", key.name.value), place);
    }
    for (name, role) in &file.roles {
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
    places
}

fn people(file: &File, say: &mut Problems<'_>) {
    let mut names = BTreeSet::new();
    for person in &file.participants {
        if !PERSON_ROLES.contains(&person.role.value.as_str()) {
            let text = format!(
                "{:?} is not what people do here; they are {}",
                person.role.value,
                PERSON_ROLES.join(", ")
            );
            say.say("PERSON-ROLE-KNOWN", person.role.place, text);
        }
        // Spaces and case make no second person.
        let name = person.name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if !names.insert(name) {
            say.say(
                "PERSON-ONCE",
                person.id.place,
                format!("{} is in the room twice; one person confirming herself is no control", person.name),
            );
        }
    }
    if !file.participants.iter().any(|person| person.role.value == "operator") {
        say.say("OPERATOR-NAMED", file.id.place, "no participant has the role operator; someone types");
    }
    if file.participants.len() < 2 {
        say.say(
            "TWO-PEOPLE",
            file.id.place,
            "there is one participant; a ceremony takes one who does and one who confirms",
        );
    }
}

fn roles(file: &File, say: &mut Problems<'_>) -> BTreeMap<String, Role> {
    let mut roles = BTreeMap::new();
    for (name, spec) in &file.roles {
        if let Some(role) = role(name, spec, file, say) {
            roles.insert((*name).to_owned(), role);
        }
    }
    for (name, described) in [("snapshot", "targets"), ("timestamp", "snapshot")] {
        let in_room = |name: &str| file.roles.get(name).is_some_and(|role| role.version.is_some());
        if in_room(name) && !in_room(described) {
            let text = format!(
                "{name} is signed in the room and describes {described}, which is not; give {described} a version and expires too"
            );
            say.say("DESCRIBED-IN-ROOM", file.roles[name].place, text);
        }
    }
    roles
}

fn role(name: &str, spec: &RoleSpec, file: &File, say: &mut Problems<'_>) -> Option<Role> {
    let mut seen = BTreeSet::new();
    for key in &spec.keys {
        if !file.keys.iter().any(|spec| spec.name.value == key.value) {
            say.say(
                "ROLE-KEY-KNOWN",
                key.place,
                format!("role {name} lists key {:?}, which is not under `keys`", key.value),
            );
        }
        if !seen.insert(&key.value) {
            say.say(
                "ROLE-KEY-ONCE",
                key.place,
                format!("role {name} lists key {} twice; it counts once", key.value),
            );
        }
    }
    let threshold = spec.threshold.as_ref()?;
    let elsewhere = |spec: &KeySpec| spec.store.is_none() && !spec.generate && spec.public.is_some();
    let absent =
        |key: &&At<String>| file.keys.iter().any(|spec| spec.name.value == key.value && elsewhere(spec));
    let signers = spec.keys.len() - spec.keys.iter().filter(absent).count();
    if threshold.value == 0 {
        say.say(
            "THRESHOLD-AT-LEAST-1",
            threshold.place,
            format!("role {name} has threshold 0: anyone could sign it"),
        );
    } else if threshold.value > spec.keys.len() as u64 {
        let text = format!(
            "role {name} has threshold {}, which its {} keys can never meet",
            threshold.value,
            spec.keys.len()
        );
        say.say("THRESHOLD-WITHIN-KEYS", threshold.place, text);
    } else if spec.version.is_some() && threshold.value > signers as u64 {
        let text = format!(
            "role {name} needs {} signatures in the room, and {signers} of its keys can sign there: the others have no store",
            threshold.value
        );
        say.say("THRESHOLD-REACHABLE", threshold.place, text);
    }
    let in_room = match (&spec.version, &spec.expires) {
        (Some(version), Some(expires)) => {
            if version.value != 1 {
                say.say(
                    "FIRST-VERSION-IS-1",
                    version.place,
                    format!("role {name} begins with version 1, not {}", version.value),
                );
            }
            Some(InRoom { version: version.value, expires: expires.value })
        }
        (None, None) if name == "root" => {
            say.say(
                "ROOT-IN-ROOM",
                spec.place,
                "root is always signed in the room: give it a version and expires",
            );
            None
        }
        (None, None) => None,
        _ => {
            say.say("VERSION-AND-EXPIRES", spec.place, format!("role {name} has only one of version and expires; both when it is signed in the room, none when a server signs it"));
            None
        }
    };
    if let Some(files) = &spec.files
        && in_room.is_none()
    {
        say.say(
            "FILES-IN-ROOM",
            files.from.place,
            "target files are hashed in the room, so targets needs a version and expires",
        );
    }
    if let Some(files) = &spec.files
        && files.from.value.split('/').any(|part| matches!(part, "" | "." | ".."))
    {
        let text = "\"from\" of files is a directory below the ceremony file's own, without `.` and `..`";
        say.say("FILES-BELOW-THE-FILE", files.from.place, format!("{text}; it is {:?}", files.from.value));
    }
    let keys = spec.keys.iter().map(|key| key.value.clone()).collect();
    let files = spec.files.as_ref().map(|files| files.from.value.clone());
    Some(Role { keys, threshold: u32::try_from(threshold.value).unwrap_or(u32::MAX), in_room, files })
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
    for (name, role) in &file.roles {
        let (Some(expires), Some(end)) = (&role.expires, &file.clock.not_after) else { continue };
        if expires.value <= end.value {
            say.say(
                "EXPIRES-AFTER-CEREMONY",
                expires.place,
                format!("role {name} expires at {}, within the window in which it is made", expires.value),
            );
        }
    }
}

fn requirements(file: &File, say: &mut Problems<'_>) -> Vec<String> {
    let Some(require) = &file.require else {
        return USUAL_REQUIREMENTS.map(str::to_owned).to_vec();
    };
    for item in &require.value {
        if !REQUIREMENTS.contains(&item.value.as_str()) {
            let text = format!(
                "{:?} is not something the pre-flight looks at; it looks at {}",
                item.value,
                REQUIREMENTS.join(", ")
            );
            say.say("REQUIREMENT-KNOWN", item.place, text);
        }
        let unpinned = |key: &&KeySpec| {
            matches!(&key.store, Some(At { value: StoreUri::Pkcs11(_), .. })) && key.module_sha256.is_none()
        };
        if item.value == "module-sha256"
            && let Some(key) = file.keys.iter().find(unpinned)
        {
            let text = format!("module-sha256 is required, and key {} on a token names none", key.name.value);
            say.say("MODULE-PIN", item.place, text);
        }
    }
    require.value.iter().map(|item| item.value.clone()).collect()
}
