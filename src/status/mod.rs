//! What must be signed next, by whom and by when: one board for each repository, and a calendar for all.
//!
//! Pure: a board is read from a [`Repository`] as it lies and the names beside it, at one fixed time. Nothing is
//! verified here; [`crate::tuf::client`] does that. `keyrite status` calls it.

mod alike;
mod calendar;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::status::alike::Place;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::Repository;
use crate::tuf::few;
use crate::tuf::key::Material;
use crate::tuf::repository::RoleFile;
use crate::tuf::repository::Trust;
use crate::words::Digest;

pub use calendar::calendar;
pub use calendar::older;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// How long before its expiry a role that people sign should be renewed, in days, where nothing else is said.
pub const WINDOW: u32 = 60;

/// How a role stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing to do.
    Fine,
    /// Its file is not here, so that nothing is known.
    Missing,
    /// Every key must sign: one lost key more and it can never be signed again.
    NoSpare,
    /// The time to sign it has begun.
    InWindow,
    /// It has expired.
    Expired,
    /// Fewer keys than must sign.
    Unsignable,
}

/// One key of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Its keyid.
    pub keyid: String,
    /// What it is called; the beginning of the keyid where nobody said.
    pub name: String,
    /// Who holds it, where someone said.
    pub holder: Option<String>,
    /// Other roles that it signs; those that share their keys as one.
    pub also_signs: Vec<String>,
}

/// One role, or delegated ones that differ in nothing that matters here, by the word of one delegator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The role; of several the first.
    pub role: String,
    /// The next ones of those that this speaks of, as many as are named.
    #[serde(skip)]
    also: Vec<String>,
    /// How many roles this speaks of: 1, or those that differ in nothing that matters here.
    pub roles: usize,
    /// What people call them: the role, `bin-0 .. bin-f`, or `a, b, c and 5 more`.
    pub name: String,
    /// Who delegates to it: `root`, or a targets role.
    pub by: String,
    /// `version` of the newest file; of several, when all have the same.
    pub version: Option<u64>,
    /// When it expires.
    pub expires: Option<Date>,
    /// Whole days until then; negative afterwards.
    pub days: Option<i64>,
    /// When it should be signed again at the earliest; `None` where a server signs it.
    pub window: Option<Date>,
    /// Whether a server signs it: the keys of snapshot and timestamp alone meet its threshold.
    pub online: bool,
    /// How many keys must sign.
    pub threshold: u32,
    /// Distinct keys that can.
    pub keys: usize,
    /// How many keys may be lost before it cannot be signed.
    pub spare: i64,
    /// Its keys.
    pub holdings: Vec<Holding>,
    /// People who hold several of its keys, with how many.
    pub several: BTreeMap<String, usize>,
    /// How it stands.
    pub state: State,
}

/// The role that must be signed next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The role.
    pub role: String,
    /// When its window opens.
    pub from: Date,
    /// When it expires.
    pub until: Date,
}

impl Next {
    /// What has expired comes first, and of that what stops most clients: root, then a role that all of them need. Then
    /// what may be signed now, then what opens first.
    fn urgency(&self, at: Date) -> (bool, u8, bool, Date, Date) {
        let by_end = if self.from <= at { self.until } else { self.from };
        let stops = match self.role.as_str() {
            _ if self.until > at => 0,
            "root" => 0,
            "targets" | "snapshot" | "timestamp" => 1,
            _ => 2,
        };
        (self.until > at, stops, self.from > at, by_end, self.until)
    }

    /// What is to be done.
    pub fn words(&self, at: Date) -> String {
        let Self { role, from, until } = self;
        match (*from <= at, *until <= at) {
            (_, true) => format!("sign {role} now: it expired {until}"),
            (true, false) => format!("sign {role} now, before {until}"),
            (false, false) => format!("sign {role} between {from} and {until}"),
        }
    }
}

/// One repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// What the caller calls it.
    pub name: String,
    /// Says which repository it is, whatever it is called: the beginning of the SHA-256 of the lowest root.
    pub id: String,
    /// The newest root, where it lacks signatures, so that no client takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<u64>,
    /// Whether a rehearsal made any of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// The four roles, then delegated ones.
    pub roles: Vec<Standing>,
    /// The next ceremony.
    pub next: Option<Next>,
    /// The worst state of a role.
    pub state: State,
}

impl Board {
    /// Reads the board of a repository. `window`: days before expiry at which people should sign again.
    pub fn read(name: &str, repository: &Repository, names: &Names, at: Date, window: u32) -> Self {
        let trust = repository.trust();
        let online = online(repository);
        let places = alike::places(repository);
        let signs = signs(&trust, &places);
        let mut roles: Vec<Standing> = Vec::new();
        let mut rows = BTreeMap::new();
        for (role, trusts) in &trust {
            let file = match role.as_str() {
                "root" => repository.roots.last(),
                _ => repository.roles.get(role),
            };
            for trust in trusts {
                let place = places.get(&(trust.delegator.clone(), role.clone()));
                let run = place.map_or(role.as_str(), |place| &place.all);
                let one = standing((role, run), trust, file, &signs, &online, names, at, window);
                let Some(place) = place else {
                    roles.push(one);
                    continue;
                };
                let alike = (one.by.clone(), place.all.clone(), file.is_some(), one.expires, one.window);
                let (row, first) = *rows.entry(alike).or_insert((roles.len(), place.at));
                match roles.get_mut(row) {
                    Some(others) => others.join(&one, place, first),
                    None => roles.push(one),
                }
            }
        }
        let by_people =
            roles.iter().filter(|role: &&Standing| !role.online && role.state != State::Unsignable);
        let next = by_people.filter_map(|role| {
            Some(Next { role: role.name.clone(), from: role.window?, until: role.expires? })
        });
        let lowest = repository.roots.first().map(|root| Digest::of(&root.bytes).hex()).unwrap_or_default();
        Self {
            name: name.to_owned(),
            id: lowest.chars().take(16).collect(),
            proposed: repository.proposed(),
            rehearsal: repository.is_rehearsal(),
            next: next.min_by_key(|next| next.urgency(at)),
            state: roles.iter().map(|role| role.state).max().unwrap_or(State::Missing),
            roles,
        }
    }

    /// What comes first among several: the worst, and of those the one whose window opens first.
    pub fn urgency(&self) -> (std::cmp::Reverse<State>, Option<Date>, String) {
        (std::cmp::Reverse(self.state), self.next.as_ref().map(|next| next.from), self.name.clone())
    }
}

impl Standing {
    /// Takes in another role, whose place is this; the first has the place `first`.
    fn join(&mut self, other: &Self, place: &Place, first: usize) {
        self.version = self.version.filter(|version| other.version == Some(*version));
        if self.also.len() < few::NAMED {
            self.also.push(other.role.clone());
        }
        self.roles += 1;
        let named: Vec<&String> = std::iter::once(&self.role).chain(&self.also).collect();
        self.name = match place.bin {
            true if place.at.abs_diff(first) + 1 == self.roles => few::run(&self.role, &other.role),
            _ => few::few_of(&named, self.roles),
        };
    }
}

/// Whether someone must act: expired, in its window, without spare keys or unsignable.
pub fn must_act(state: State) -> bool {
    match state {
        State::Fine | State::Missing => false,
        State::NoSpare | State::InWindow | State::Expired | State::Unsignable => true,
    }
}

/// The keys that a server has: those of snapshot and timestamp.
fn online(repository: &Repository) -> BTreeSet<Material> {
    let roles = ["snapshot", "timestamp"].into_iter().filter_map(|role| repository.root.role_keys(role));
    roles.flat_map(|role| role.keys.into_values().map(|key| key.material())).collect()
}

/// The roles that each key signs; those that share their keys as one.
fn signs(
    trust: &[(String, Vec<Trust>)],
    places: &BTreeMap<(String, String), Place>,
) -> BTreeMap<Material, BTreeSet<String>> {
    let mut signs: BTreeMap<Material, BTreeSet<String>> = BTreeMap::new();
    for (role, trusts) in trust {
        for trust in trusts {
            let place = places.get(&(trust.delegator.clone(), role.clone()));
            let run = place.map_or(role.as_str(), |place| &place.all);
            for key in trust.keys.keys.values() {
                signs.entry(key.material()).or_default().insert(run.to_owned());
            }
        }
    }
    signs
}

#[expect(clippy::too_many_arguments, reason = "each is one thing that the line is made of")]
fn standing(
    (role, run): (&str, &str),
    trust: &Trust,
    file: Option<&RoleFile>,
    signs: &BTreeMap<Material, BTreeSet<String>>,
    servers: &BTreeSet<Material>,
    names: &Names,
    at: Date,
    window: u32,
) -> Standing {
    let mut distinct = BTreeSet::new();
    let mut holdings = Vec::new();
    for (keyid, key) in &trust.keys.keys {
        if distinct.insert(key.material()) {
            let also = signs.get(&key.material()).into_iter().flatten().filter(|other| *other != run);
            holdings.push(holding(keyid, names, also.cloned().collect()));
        }
    }
    let online = matches!(role, "snapshot" | "timestamp") || trust.keys.met_by(servers);
    let online = online && !matches!(role, "root");
    let signed = file.map(|file| file.metadata.signed());
    let expires = file.and_then(|file| file.metadata.expires());
    let opens = signed.zip(expires).filter(|_| !online).map(|(signed, expires)| {
        let days = period(signed).unwrap_or(window);
        Date::from_unix(expires.unix().saturating_sub(i64::from(days) * DAY))
    });
    let spare = i64::try_from(distinct.len()).unwrap_or(i64::MAX) - i64::from(trust.keys.threshold);
    let state = match (spare, expires) {
        (..0, _) => State::Unsignable,
        (_, Some(expires)) if expires.has_passed(at) => State::Expired,
        _ if opens.is_some_and(|opens| opens <= at) => State::InWindow,
        (0, _) if !online => State::NoSpare,
        (_, None) => State::Missing,
        _ => State::Fine,
    };
    Standing {
        role: role.to_owned(),
        also: Vec::new(),
        roles: 1,
        name: role.to_owned(),
        by: trust.delegator.clone(),
        version: file.map(|file| file.version),
        expires,
        days: expires.map(|expires| expires.days_since(at)),
        window: opens,
        online,
        threshold: trust.keys.threshold,
        keys: distinct.len(),
        spare,
        several: several(&holdings),
        holdings,
        state,
    }
}

/// The signing period that tuf-on-ci writes into a role, in days.
fn period(signed: &Value) -> Option<u32> {
    signed.get("x-tuf-on-ci-signing-period")?.as_u64().and_then(|days| u32::try_from(days).ok())
}

fn holding(keyid: &KeyId, names: &Names, also_signs: Vec<String>) -> Holding {
    let known = names.get(keyid);
    Holding {
        keyid: keyid.0.clone(),
        name: known.map_or_else(|| keyid.0.chars().take(8).collect(), |person| person.name.clone()),
        holder: known.and_then(|person| person.holder.clone()),
        also_signs,
    }
}

fn several(holdings: &[Holding]) -> BTreeMap<String, usize> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for holder in holdings.iter().filter_map(|holding| holding.holder.clone()) {
        *count.entry(holder).or_default() += 1;
    }
    count.retain(|_, count| *count > 1);
    count
}
