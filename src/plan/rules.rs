//! What the fields of a ceremony file say together: people, keys, roles, dates, and the people of each step.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::InRoom;
use crate::plan::Key;
use crate::plan::Outside;
use crate::plan::Person;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Role;
use crate::plan::Source;
use crate::plan::Window;
use crate::plan::casting;
use crate::plan::fields::At;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::file::PERSON_ROLES;
use crate::plan::file::REQUIREMENTS;
use crate::plan::file::RoleSpec;
use crate::plan::lints::LINTS;
use crate::plan::problem::Place;
use crate::plan::script;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;
use crate::words::Digest;

/// The process's own hygiene: required where the file says nothing.
const USUAL_REQUIREMENTS: [&str; 3] = ["no-core-dumps", "not-traced", "locked-memory"];

/// Names in the record that nothing else may have.
const RESERVED: [&str; 10] = [
    "ceremony.yaml",
    "journal.jsonl",
    "runs.jsonl",
    "metadata",
    "keys",
    "inputs",
    "record.html",
    "record.txt",
    "lock",
    "names.json",
];

struct Problems<'a>(&'a mut Vec<Problem>);

impl Problems<'_> {
    fn say(&mut self, rule: &'static str, place: Place, text: impl Into<String>) {
        self.0.push(Problem::error(rule, Some(place), text));
    }
}

/// The plan that the file describes; problems where it contradicts itself.
pub fn resolve(file: &File, digest: Digest, problems: &mut Vec<Problem>) -> Option<Plan> {
    let mut say = Problems(problems);
    people(file, &mut say);
    let keys: Vec<Key> = file.keys.iter().filter_map(|spec| key(spec, file, &mut say)).collect();
    stores(file, &mut say);
    let roles = roles(file, &mut say);
    dates(file, &mut say);
    let require = requirements(file, &mut say);
    bundle_name(&file.bundle, &mut say);
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

fn key(spec: &KeySpec, file: &File, say: &mut Problems<'_>) -> Option<Key> {
    let (name, place) = (&spec.name.value, spec.name.place);
    if let Some(holder) = &spec.holder
        && !file.participants.iter().any(|person| person.id.value == holder.value)
    {
        say.say(
            "HOLDER-KNOWN",
            holder.place,
            format!("key {name} is held by {:?}, who is not a participant", holder.value),
        );
    }
    if spec.store.is_some() && spec.holder.is_none() {
        say.say(
            "HOLDER-NAMED",
            place,
            format!("key {name} signs in the room, and has no holder to bring it"),
        );
    }
    if let Some(pin) = &spec.module_sha256 {
        if Digest::from_hex(&pin.value).is_none() {
            say.say(
                "MODULE-PIN",
                pin.place,
                format!("\"module-sha256\" of key {name} must be 64 hex digits"),
            );
        }
        if !matches!(&spec.store, Some(At { value: StoreUri::Pkcs11(_), .. })) {
            say.say("MODULE-PIN", pin.place, format!("key {name} is not on a token, so it has no module"));
        }
    }
    if let Some(keyid) = &spec.keyid {
        if spec.public.is_none() {
            say.say(
                "KEYID-OF-PUBLIC",
                keyid.place,
                format!("key {name} has no public file yet, so it has no keyid"),
            );
        } else if Digest::from_hex(&keyid.value).is_none() {
            say.say("KEYID-OF-PUBLIC", keyid.place, format!("\"keyid\" of key {name} must be 64 hex digits"));
        }
    }
    if let Some(bits) = &spec.bits {
        match &spec.scheme {
            Some(At { value: Scheme::RsaPssSha256, .. }) if spec.generate => {
                if !(2048..=8192).contains(&bits.value) || bits.value % 256 != 0 {
                    say.say(
                        "RSA-BITS",
                        bits.place,
                        format!(
                            "key {name} has {} bits; 2048 to 8192 in steps of 256 are allowed",
                            bits.value
                        ),
                    );
                }
            }
            _ => say.say(
                "RSA-BITS",
                bits.place,
                format!("only an RSA key that is made here has bits, and key {name} is none"),
            ),
        }
    }
    let source = source(spec, say)?;
    if let Source::Generated { store: StoreUri::Age(path), .. } = &source {
        let at = spec.store.as_ref().map_or(place, |store| store.place);
        let fits = path.strip_prefix("keys/").is_some_and(|name| plain_name(name) && name.ends_with(".age"));
        if !fits {
            say.say(
                "KEYS-IN-RECORD",
                at,
                format!("key {name} is made inside the record, as age:keys/NAME.age; the file is {path:?}"),
            );
        }
    }
    if !file.roles.values().any(|role| role.keys.iter().any(|key| key.value == *name)) {
        say.say("KEY-USED", place, format!("key {name} is in no role; leave it out, or list it"));
    }
    let holder = spec.holder.as_ref().map(|holder| holder.value.clone());
    let module_sha256 = spec.module_sha256.as_ref().map(|pin| pin.value.to_ascii_lowercase());
    Some(Key { name: name.clone(), holder, source, module_sha256 })
}

fn source(spec: &KeySpec, say: &mut Problems<'_>) -> Option<Source> {
    let (name, place) = (&spec.name.value, spec.name.place);
    let store = spec.store.as_ref().map(|store| store.value.clone());
    let public = spec.public.as_ref().map(|public| public.value.clone());
    match (spec.generate, store, public) {
        (true, Some(store), None) => match &spec.scheme {
            Some(scheme) => {
                let bits = spec.bits.as_ref().and_then(|bits| u32::try_from(bits.value).ok());
                return Some(Source::Generated { store, scheme: scheme.value, bits });
            }
            None => say.say("SCHEME-NAMED", place, format!("key {name} is made here, and has no scheme")),
        },
        (true, None, _) => {
            say.say("KEY-SOURCE", place, format!("key {name} is made here, and has no store to be made in"))
        }
        (true, Some(_), Some(_)) => {
            say.say(
                "KEY-SOURCE",
                place,
                format!("key {name} is made here, and has a public file already; leave one of them out"),
            );
        }
        (false, Some(store), Some(public)) => {
            return Some(Source::Existing { store, public: outside(spec, public) });
        }
        (false, Some(_), None) => {
            let text = format!(
                "key {name} exists, and its public half is not named; add `public: FILE` (`keyrite key show STORE` writes it), or `generate: true`"
            );
            say.say("KEY-SOURCE", place, text);
        }
        (false, None, Some(public)) => return Some(Source::Public { public: outside(spec, public) }),
        (false, None, None) => {
            say.say(
                "KEY-SOURCE",
                place,
                format!(
                    "key {name} comes from nowhere; it needs `store` and `generate: true`, or `public: FILE`"
                ),
            );
        }
    }
    None
}

fn outside(spec: &KeySpec, file: String) -> Outside {
    let keyid = spec.keyid.as_ref().map(|keyid| keyid.value.to_ascii_lowercase());
    Outside { file, keyid, scheme: spec.scheme.as_ref().map(|scheme| scheme.value) }
}

/// Each key has a store of its own, however it is spelled.
fn stores(file: &File, say: &mut Problems<'_>) {
    for (n, spec) in file.keys.iter().enumerate() {
        let Some(store) = &spec.store else { continue };
        let same = |other: &&KeySpec| {
            other.generate == spec.generate
                && other.store.as_ref().is_some_and(|at| one_store(&at.value, &store.value))
        };
        if let Some(other) = file.keys[..n].iter().find(same) {
            say.say(
                "STORE-ONCE",
                store.place,
                format!(
                    "key {} has the same store as key {}; each key has its own",
                    spec.name.value, other.name.value
                ),
            );
        }
    }
}

/// Whether two STOREs can be one: files whose names differ in case alone, tokens that nothing tells apart.
fn one_store(a: &StoreUri, b: &StoreUri) -> bool {
    match (a, b) {
        (StoreUri::Age(a), StoreUri::Age(b)) => a.eq_ignore_ascii_case(b),
        (StoreUri::Pkcs11(a), StoreUri::Pkcs11(b)) => {
            let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
            let named =
                (a.token.is_some() && a.token == b.token) || (a.serial.is_some() && a.serial == b.serial);
            named
                && agree(&a.token, &b.token)
                && agree(&a.serial, &b.serial)
                && agree(&a.model, &b.model)
                && agree(&a.manufacturer, &b.manufacturer)
                && agree(&a.object, &b.object)
                && (a.id.is_none() || b.id.is_none() || a.id == b.id)
        }
        _ => false,
    }
}

/// A name that is fine on every medium.
fn plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

/// The bundle has a name of its own in the record.
fn bundle_name(bundle: &At<String>, say: &mut Problems<'_>) {
    let name = bundle.value.to_ascii_lowercase();
    if !plain_name(&name) {
        say.say(
            "BUNDLE-IN-RECORD",
            bundle.place,
            format!(
                "\"bundle\" of outputs is one name inside the record, such as bundle; it is {:?}",
                bundle.value
            ),
        );
    } else if RESERVED.contains(&name.as_str()) || name.ends_with(".partial") {
        say.say(
            "BUNDLE-IN-RECORD",
            bundle.place,
            format!("\"bundle\" of outputs is {:?}, which the record itself uses", bundle.value),
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
