//! The roles after the ceremony: what the file says of each, and what carries over from before.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;

use crate::plan::Before;
use crate::plan::Delegator;
use crate::plan::InRoom;
use crate::plan::Key;
use crate::plan::Role;
use crate::plan::Source;
use crate::plan::delegations::What;
use crate::plan::fields::At;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::file::RoleSpec;
use crate::plan::rules::Problems;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::recovery::Forgotten;
use crate::tuf::recovery::HIGHEST_VERSION;
use crate::tuf::recovery::verifies_no_more;
use crate::tuf::root::TOP_LEVEL;

/// The four roles and every delegated role that the file names. Keys that only the metadata before names join `keys`.
pub(super) fn roles(
    file: &File,
    before: Option<&Before>,
    keys: &mut Vec<Key>,
    say: &mut Problems<'_>,
) -> BTreeMap<String, Role> {
    let mut roles = BTreeMap::new();
    for name in TOP_LEVEL {
        let carried = before.and_then(|before| carried(before, name, keys));
        let role = match file.trust.roles.get(name) {
            Some(spec) => {
                let after = role(name, spec, carried.clone(), (file, before), keys, say);
                stays_without_root(file, name, [carried.as_ref(), after.as_ref()], say);
                after
            }
            None => carried,
        };
        roles.extend(role.map(|role| (name.to_owned(), role)));
    }
    for (name, spec) in file.trust.roles.iter().filter(|(name, _)| !TOP_LEVEL.contains(&name.as_str())) {
        let listed = delegated(file, before, name, keys);
        let Some(carried) = listed.or_else(|| before.and_then(|before| left(before, name, keys))) else {
            let text = format!("nobody delegates to a role {name:?}, in the metadata before or in this file");
            say.say("ROLE-DELEGATED", spec.place, text);
            continue;
        };
        let role = role(name, spec, Some(carried), (file, before), keys, say);
        roles.extend(role.map(|role| (name.clone(), role)));
    }
    delegations(file, say);
    described(file, before, say);
    makes_root(file, say);
    roles
}

/// What is described is signed here, or was signed before.
fn described(file: &File, before: Option<&Before>, say: &mut Problems<'_>) {
    let in_room = |name: &str| file.trust.roles.get(name).is_some_and(|role| role.version.is_some());
    let there = |name: &str| in_room(name) || before.is_some_and(|before| before.file(name).is_some());
    for (name, described) in [("snapshot", "targets"), ("timestamp", "snapshot")] {
        if in_room(name) && !there(described) {
            let text = format!(
                "{name} is signed in the room and describes {described}, which is not; give {described} a version and expires too"
            );
            say.say("DESCRIBED-IN-ROOM", file.trust.roles[name].place, text);
        }
    }
}

/// Types that make a new root do, and those that may not do not touch it.
fn makes_root(file: &File, say: &mut Problems<'_>) {
    let kind = file.kind.value;
    match (kind.may_make_root(), file.trust.roles.get("root")) {
        (_, None) if kind.makes_root() => {
            let text = format!("a {} makes a new root, and trust.after names none", kind.name());
            say.say("ROOT-IN-ROOM", file.trust.after, text);
        }
        (true, Some(spec)) if spec.version.is_none() && spec.expires.is_none() => say.say(
            "ROOT-IN-ROOM",
            spec.place,
            "root is always signed in the room: give it a version and expires",
        ),
        (false, Some(spec)) => {
            let text = format!("a {} changes {}; root stays as it is", kind.name(), kind.scope());
            say.say("TYPE-ALLOWS", spec.place, text);
        }
        _ => {}
    }
}

/// Who may sign a top-level role stands in root: without a new root the file may only repeat it.
fn stays_without_root(file: &File, name: &str, roles: [Option<&Role>; 2], say: &mut Problems<'_>) {
    let (kind, [Some(before), Some(after)]) = (file.kind.value, roles) else { return };
    let keys = |role: &Role| role.keys.iter().cloned().collect::<BTreeSet<String>>();
    let stays = !kind.makes_root() && !file.trust.roles.contains_key("root");
    let touched = (keys(before), before.threshold) != (keys(after), after.threshold);
    if name == "root" || !stays || !touched {
        return;
    }
    let place = file.trust.roles[name].place;
    if kind.may_make_root() {
        let text = format!("keys and threshold of {name} stand in root, and trust.after names no new root");
        say.say("ROOT-IN-ROOM", place, text);
    } else {
        let text = format!(
            "a {} changes {}; keys and threshold of {name} stand in root, which stays as it is",
            kind.name(),
            kind.scope()
        );
        say.say("TYPE-ALLOWS", place, text);
    }
}

/// The names of keys by keyid; a key that the file does not name is called by the beginning of its keyid.
fn names(role_keys: &RoleKeys, keys: &mut Vec<Key>) -> Vec<String> {
    let mut names = Vec::new();
    for (keyid, public) in &role_keys.keys {
        let same =
            |key: &&Key| matches!(&key.source, Source::Listed { keyid: listed, .. } if listed == keyid);
        if let Some(key) = keys.iter().find(same) {
            names.push(key.name.clone());
            continue;
        }
        let name = short_name(keyid, keys);
        let source = Source::Listed { keyid: keyid.clone(), public: public.clone(), store: None };
        keys.push(Key {
            name: name.clone(),
            holder: None,
            source,
            module_sha256: None,
            throws: None,
            shares: None,
            elsewhere: false,
            named: false,
        });
        names.push(name);
    }
    names
}

fn short_name(keyid: &KeyId, keys: &[Key]) -> String {
    let plain: String = keyid.0.chars().filter(char::is_ascii_alphanumeric).collect();
    let taken = |name: &str| keys.iter().any(|key| key.name == name);
    let name = (8..=64).filter_map(|length| plain.get(..length)).find(|name| !taken(name));
    name.map_or_else(|| format!("key-{}", keys.len()), str::to_owned)
}

/// A top-level role as the root before has it.
fn carried(before: &Before, name: &str, keys: &mut Vec<Key>) -> Option<Role> {
    let role_keys = before.repository.root.role_keys(name)?;
    let threshold = role_keys.threshold;
    Some(Role { keys: names(&role_keys, keys), threshold, ..Role::default() })
}

/// A role to which nobody delegates any more, as its first delegator before has it.
fn left(before: &Before, name: &str, keys: &mut Vec<Key>) -> Option<Role> {
    let trust = before.repository.trust();
    let said = trust.iter().find(|(role, _)| role == name).and_then(|(_, said)| said.first());
    let role_keys = said.map(|said| Arc::clone(&said.keys)).or_else(|| Some(before.bins(name)?.1))?;
    let threshold = role_keys.threshold;
    Some(Role { keys: names(&role_keys, keys), threshold, ..Role::default() })
}

/// A delegated role by the word of each role that delegates to it after the ceremony, in the order in which clients come by
/// them: what the file says of a delegator, else what it said before.
fn delegated(file: &File, before: Option<&Before>, name: &str, keys: &mut Vec<Key>) -> Option<Role> {
    let mut said: Vec<Delegator> = Vec::new();
    let (mut stated, mut seen) = (false, BTreeSet::new());
    // A delegator to which nobody delegates is a mistake of its own: what it says stands in only where nobody else speaks.
    for from in iter::once("targets").chain(file.trust.roles.keys().map(String::as_str)) {
        let mut open = vec![from.to_owned()];
        while let Some(delegator) = open.pop() {
            if !seen.insert(delegator.clone()) {
                continue;
            }
            let mut says = |keys: Vec<String>, threshold: u32| {
                said.push(Delegator { name: delegator.clone(), keys, threshold });
            };
            let spec = file.trust.roles.get(&delegator).and_then(|role| role.delegations.as_ref());
            if let Some(list) = spec {
                for entry in list.entries.iter().filter(|entry| entry.name() == name || entry.covers(name)) {
                    let threshold = u32::try_from(entry.threshold.value).unwrap_or(u32::MAX);
                    says(entry.keys.iter().map(|key| key.value.clone()).collect(), threshold);
                    stated = true;
                }
                // Bins may be signed one by one, and delegate further.
                let entries = list.entries.iter().rev();
                open.extend(entries.flat_map(|entry| entry.names().into_iter().rev()));
            } else if let Some(list) = before.and_then(|before| before.repository.delegations(&delegator)) {
                let bins = Layout::of(&list).is_some_and(|layout| layout.prefix() == name);
                if let Some(entry) = list.roles.iter().find(|entry| bins || entry.name == name) {
                    says(names(&entry.role_keys, keys), entry.role_keys.threshold);
                }
                open.extend(list.roles.into_iter().rev().map(|entry| entry.name));
            }
        }
        if !said.is_empty() {
            break;
        }
    }
    let first = said.first()?;
    let (keys, threshold) = (first.keys.clone(), first.threshold);
    Some(Role { keys, threshold, stated, delegators: said, ..Role::default() })
}

/// The bins that a role of this name stands for: as this file lays them out, else as they are before.
fn bins(file: &File, before: Option<&Before>, name: &str) -> Option<Layout> {
    let entries = file.trust.roles.values().flat_map(|role| &role.delegations).flat_map(|list| &list.entries);
    let laid_out = entries.filter(|entry| entry.name() == name).find_map(|entry| match &entry.what {
        What::Bins { layout, .. } => Some(layout.clone()),
        What::Role { .. } => None,
    });
    laid_out.or_else(|| Some(before?.bins(name)?.0))
}

/// Keys of delegations are under `keys`, and who delegates anew signs anew.
fn delegations(file: &File, say: &mut Problems<'_>) {
    for (name, role) in &file.trust.roles {
        let Some(list) = &role.delegations else { continue };
        if role.version.is_none() {
            let text = format!(
                "what {name} delegates is part of its metadata, so {name} needs a version and expires"
            );
            say.say("DELEGATIONS-IN-ROOM", list.place, text);
        }
        for entry in &list.entries {
            key_list(entry.name(), &entry.keys, file, say);
        }
    }
}

fn key_list(name: &str, listed: &[At<String>], file: &File, say: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for key in listed {
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
}

fn role(
    name: &str,
    spec: &RoleSpec,
    carried: Option<Role>,
    (file, before): (&File, Option<&Before>),
    keys: &[Key],
    say: &mut Problems<'_>,
) -> Option<Role> {
    let listed = spec.keys.as_deref();
    key_list(name, listed.unwrap_or_default(), file, say);
    let stated = listed.is_some() || spec.threshold.is_some();
    let stated = stated || carried.as_ref().is_some_and(|role| role.stated);
    let (carried_keys, carried_threshold, delegators) = carried
        .map_or((Vec::new(), None, Vec::new()), |role| (role.keys, Some(role.threshold), role.delegators));
    let role_keys: Vec<String> =
        listed.map_or(carried_keys, |listed| listed.iter().map(|key| key.value.clone()).collect());
    let place = spec.threshold.as_ref().map_or(spec.place, |threshold| threshold.place);
    let threshold = spec.threshold.as_ref().map(|at| at.value).or(carried_threshold.map(u64::from))?;
    let bins = if TOP_LEVEL.contains(&name) { None } else { bins(file, before, name) };
    let in_room = if bins.is_some() { spec.expires.is_some() } else { spec.version.is_some() };
    let which = if name == "root" && before.is_some() { "root, as it will be," } else { name };
    reachable(which, &role_keys, (threshold, place), in_room, file, keys, say);
    let in_room = match (&spec.version, &spec.expires) {
        (Some(version), expires) if bins.is_some() => {
            let text = format!(
                "each of the bins {name} has a version of its own, which goes up by one; leave version out"
            );
            say.say("BINS-VERSION", version.place, text);
            expires.as_ref().map(|expires| InRoom { version: 0, expires: expires.value })
        }
        (None, Some(expires)) if bins.is_some() => Some(InRoom { version: 0, expires: expires.value }),
        (Some(version), Some(expires)) => {
            next_version(name, version, (file, before), keys, say);
            Some(InRoom { version: version.value, expires: expires.value })
        }
        (None, None) => None,
        _ => {
            say.say("VERSION-AND-EXPIRES", spec.place, format!("role {name} has only one of version and expires; both when it is signed in the room, none when a server signs it"));
            None
        }
    };
    if in_room.is_none() && !stated && before.is_some() {
        say.say("NOTHING-CHANGES", spec.place, format!("role {name} says nothing that could change"));
    }
    files(name, spec, in_room.is_some(), bins.is_some(), say);
    let threshold = u32::try_from(threshold).unwrap_or(u32::MAX);
    let (files, delegations) = (spec.files.clone(), spec.delegations.clone());
    let role = Role { keys: role_keys, threshold, in_room, files, delegations, stated, bins, delegators };
    for also in role.asked().into_iter().skip(1) {
        let name = format!("{name}, to which {} delegates too,", also.name);
        let threshold = (u64::from(also.threshold), spec.place);
        reachable(&name, &also.keys, threshold, role.in_room.is_some(), file, keys, say);
    }
    Some(role)
}

fn reachable(
    name: &str,
    role_keys: &[String],
    (threshold, place): (u64, crate::plan::problem::Place),
    in_room: bool,
    file: &File,
    keys: &[Key],
    say: &mut Problems<'_>,
) {
    let public_only = |spec: &KeySpec| {
        spec.store.is_none() && spec.elsewhere.is_none() && !spec.generate && spec.public.is_some()
    };
    let cannot = |key: &&String| {
        let listed = keys.iter().find(|other| other.name == **key);
        listed.is_some_and(|key| matches!(key.source, Source::Listed { .. }) && !key.signs())
            || file.keys.iter().any(|spec| spec.name.value == **key && public_only(spec))
    };
    // A key that contradicts itself can be any of them, and that was said.
    let lost = file.keys.iter().any(|spec| keys.iter().all(|key| key.name != spec.name.value));
    let signers = role_keys.len() - role_keys.iter().filter(cannot).count();
    if threshold == 0 {
        say.say("THRESHOLD-AT-LEAST-1", place, format!("role {name} has threshold 0: anyone could sign it"));
    } else if threshold > role_keys.len() as u64 {
        let text = format!(
            "role {name} has threshold {threshold}, which its {} keys can never meet",
            role_keys.len()
        );
        say.say("THRESHOLD-WITHIN-KEYS", place, text);
    } else if in_room && threshold > signers as u64 && !lost {
        let text = format!(
            "role {name} needs {threshold} signatures in the room, and {signers} of its keys can sign there: the others have no store"
        );
        say.say("THRESHOLD-REACHABLE", place, text);
    }
}

/// Versions begin with 1 and go up by 1: they never jump, and never fall. Where a thief left no higher one, what every client
/// forgets begins again.
fn next_version(
    name: &str,
    version: &At<u64>,
    (file, before): (&File, Option<&Before>),
    keys: &[Key],
    say: &mut Problems<'_>,
) {
    let value = version.value;
    let known = before.and_then(|before| before.version(name));
    let spent = known.is_some_and(|known| known >= HIGHEST_VERSION);
    let begins_again = spent
        && match before.map_or(Forgotten::Neither, |before| forgotten(file, before, keys)) {
            Forgotten::Both | Forgotten::Timestamp => matches!(name, "snapshot" | "timestamp"),
            Forgotten::Snapshot | Forgotten::Neither => false,
        };
    match before.map(|_| known) {
        Some(None) if matches!(name, "snapshot" | "timestamp") => {}
        None | Some(None) if value != 1 => say.say(
            "FIRST-VERSION-IS-1",
            version.place,
            format!("role {name} begins with version 1, not {value}"),
        ),
        Some(Some(known)) if begins_again && value != 1 => {
            let text = format!(
                "role {name} has version {known} before, and clients read no higher one; every client forgets it with the keys that go, so the next is 1, not {value}"
            );
            say.say("VERSION-NEXT", version.place, text);
        }
        Some(Some(known)) if value != known + 1 && !begins_again => {
            let why = match value.cmp(&(known + 1)) {
                std::cmp::Ordering::Less => "clients that have it would take the new one for a rollback",
                std::cmp::Ordering::Greater | std::cmp::Ordering::Equal => "versions go up by one",
            };
            let next = known + 1;
            let text =
                format!("role {name} has version {known} before, so the next is {next}, not {value}: {why}");
            say.say("VERSION-NEXT", version.place, text);
        }
        _ => {}
    }
}

/// What clients forget of the roles that servers sign, by the keys that the file gives them.
fn forgotten(file: &File, before: &Before, keys: &[Key]) -> Forgotten {
    let public = |name: &str| match keys.iter().find(|key| key.name == name).map(|key| &key.source) {
        Some(Source::Listed { public, .. }) => Some(public.material()),
        _ => None,
    };
    let gone = |role: &str| {
        let spec = file.trust.roles.get(role)?;
        let new = spec.keys.as_ref()?;
        let old = before.repository.root.role_keys(role)?;
        let was: BTreeSet<_> = old.keys.values().map(PublicKey::material).collect();
        let stay: BTreeSet<_> = new.iter().filter_map(|key| public(&key.value)).collect();
        let stay = stay.intersection(&was).count();
        let rotated = stay < was.len() || stay < new.len();
        let threshold = spec.threshold.as_ref().map_or(u64::from(old.threshold), |threshold| threshold.value);
        Some(rotated && verifies_no_more(stay, u32::try_from(threshold).unwrap_or(u32::MAX)))
    };
    let gone = |role: &str| gone(role).unwrap_or_default();
    Forgotten::of(gone("timestamp"), gone("snapshot"))
}

fn files(name: &str, spec: &RoleSpec, in_room: bool, bins: bool, say: &mut Problems<'_>) {
    let Some(files) = &spec.files else { return };
    if !in_room {
        let needs = if bins { "expires" } else { "a version and expires" };
        let text = format!("target files are hashed in the room, so {name} needs {needs}");
        say.say("FILES-IN-ROOM", files.from.place, text);
    }
    let named = !files.from.value.is_empty();
    if named && files.from.value.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let text = "\"from\" of files is a directory below the ceremony file's own, without `.` and `..`";
        say.say("FILES-BELOW-THE-FILE", files.from.place, format!("{text}; it is {:?}", files.from.value));
    }
}
