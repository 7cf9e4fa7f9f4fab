//! The people and keys of a drafted ceremony: who is known, who is made up to be corrected, and what each key is called.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::assess::Key;
use crate::assess::KeySet;
use crate::draft::Known;
use crate::draft::KnownPerson;
use crate::draft::KnownShares;
use crate::draft::Request;
use crate::draft::text;
use crate::plan::Kind;
use crate::plan::file::ELSEWHERE;
use crate::plan::placeholder;
use crate::tuf::Scheme;

/// What the beginning of a keyid is cut to, as checks do for keys that a file does not name.
const SHORT: usize = 8;

/// A key that exists.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Its name in the file.
    pub(super) name: String,
    /// The participant who holds it.
    pub(super) holder: Option<String>,
    /// Its keyid in root, or in a delegation.
    pub(super) keyid: String,
    /// Where it signs, as known; else a guess.
    pub(super) store: String,
    /// Whether the store is a guess.
    pub(super) guessed: bool,
    /// How it was split, where that is known.
    pub(super) shares: Option<KnownShares>,
}

/// A key that is made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) holder: String,
    pub(super) scheme: &'static str,
}

/// Everyone and everything that the file names.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) people: Vec<KnownPerson>,
    /// Ids of people who were made up.
    pub(super) made_up: BTreeSet<String>,
    /// By the key's place in the model.
    pub(super) keys: BTreeMap<usize, Cast>,
    /// Replacements, by the key that they replace.
    pub(super) made: BTreeMap<usize, Made>,
}

/// Names the keys in `listed`; those in `signing` get holders and stores, those in `out` get replacements.
pub(super) fn cast(request: &Request<'_>, listed: &KeySet, signing: &KeySet, out: &KeySet) -> Room {
    let known = request.known;
    let mut room = Room {
        people: known.people.clone(),
        made_up: BTreeSet::new(),
        keys: BTreeMap::new(),
        made: BTreeMap::new(),
    };
    let mut ids: BTreeSet<String> = room.people.iter().map(|person| person.id.clone()).collect();
    let mut names = BTreeSet::new();
    for place in listed {
        let Some(key) = request.model.keys.list.get(*place) else { continue };
        let name = text::free(&key_name(key), &mut names);
        let of = key.given.as_ref().and_then(|given| known.keys.get(given));
        let needs_holder = signing.contains(place) || out.contains(place);
        let holder = holder(key, &name, known, needs_holder, &mut room, &mut ids);
        // A drill or a destruction opens its keys in the room.
        let here = |store: &String| request.kind.signs() || store != ELSEWHERE;
        let store = of.and_then(|of| of.store.clone()).filter(here);
        let (guessed, shares) = (store.is_none(), of.and_then(|of| of.shares.clone()));
        let store = store.unwrap_or_else(|| format!("age:inputs/keys/{name}.age"));
        let keyid = key.keyids.first().map(|keyid| keyid.0.clone()).unwrap_or_default();
        room.keys.insert(*place, Cast { name, holder, keyid, store, guessed, shares });
    }
    for place in out {
        let (Some(key), Some(cast)) = (request.model.keys.list.get(*place), room.keys.get(place)) else {
            continue;
        };
        let holder = cast.holder.clone().unwrap_or_default();
        let name = text::free(&replacement(&cast.name), &mut names);
        // What others sign with cannot be made here.
        let scheme = if Scheme::ALL.contains(&key.scheme) { key.scheme } else { Scheme::Ed25519 };
        room.made.insert(*place, Made { name, holder, scheme: scheme.as_str() });
    }
    // A destruction is for the keys of those who hold none any more.
    if request.kind != Kind::Destruction {
        leave(&mut room, request.kind);
    }
    for (role, id, called) in
        [("operator", "operator", placeholder::OPERATOR), ("witness", "witness", placeholder::WITNESS)]
    {
        if !room.people.iter().any(|person| person.role == role) {
            let id = text::free(id, &mut ids);
            room.made_up.insert(id.clone());
            room.people.push(made_up(id, called.to_owned(), role));
        }
    }
    room
}

fn made_up(id: String, name: String, role: &str) -> KnownPerson {
    KnownPerson { id, name, role: role.to_owned(), statement_key: None }
}

/// Custodians of the ceremony before leave whose key went, and who would be waited for in the room for nothing.
fn leave(room: &mut Room, kind: Kind) {
    let drilled = room.keys.values().filter(|_| kind == Kind::RestoreDrill);
    let sharing = drilled.filter_map(|cast| cast.shares.as_ref()).flat_map(|shares| &shares.holders);
    let keeping = room.keys.values().filter_map(|cast| cast.holder.as_ref());
    let stay: BTreeSet<&String> = keeping.chain(sharing).collect();
    room.people.retain(|person| person.role != "custodian" || stay.contains(&person.id));
}

/// `chi` becomes `chi-2`, and that becomes `chi-3`.
fn replacement(name: &str) -> String {
    let (stem, number) = match name.rsplit_once('-') {
        Some((stem, digits)) if !stem.is_empty() => match digits.parse::<u32>() {
            Ok(number) if number < 1000 => (stem, number.saturating_add(1)),
            _ => (name, 2),
        },
        _ => (name, 2),
    };
    format!("{stem}-{number}")
}

fn key_name(key: &Key) -> String {
    let given = key.given.as_deref().and_then(text::name);
    let plain: String = key
        .keyids
        .first()
        .map(|keyid| keyid.0.chars().filter(char::is_ascii_alphanumeric).take(SHORT).collect())
        .unwrap_or_default();
    given.or(Some(plain).filter(|name| name.len() == SHORT)).unwrap_or_else(|| "key".to_owned())
}

/// The participant who holds a key; one is made up where one is needed and nobody is known.
fn holder(
    key: &Key,
    name: &str,
    known: &Known,
    needed: bool,
    room: &mut Room,
    ids: &mut BTreeSet<String>,
) -> Option<String> {
    let by_plan = key.given.as_ref().and_then(|given| known.keys.get(given)?.holder.clone());
    if let Some(id) = by_plan.filter(|id| room.people.iter().any(|person| person.id == *id)) {
        return Some(id);
    }
    let called = key.holder.as_ref().map(|holder| text::plain(holder));
    let by_name =
        |person: &&KnownPerson| Some(&person.name) == called.as_ref() || Some(&person.id) == called.as_ref();
    if let Some(person) = room.people.iter().find(by_name) {
        return Some(person.id.clone());
    }
    if !needed {
        return None;
    }
    let first = called.as_deref().and_then(|called| called.split(' ').next()).and_then(text::name);
    let id = text::free(&first.unwrap_or_else(|| format!("holder-{name}")).to_ascii_lowercase(), ids);
    if called.is_none() {
        room.made_up.insert(id.clone());
    }
    let person = called.unwrap_or_else(|| placeholder::holder(name));
    room.people.push(made_up(id.clone(), person, "custodian"));
    Some(id)
}
