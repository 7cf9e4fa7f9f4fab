//! A repository at a glance: its roles with their versions, dates and thresholds, its keys with their roles, and
//! what still lacks signatures. It repeats what the files say; [`crate::tuf::client`] judges them.

mod glance;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tuf::Bytes;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::WATERMARK;
use crate::tuf::date::Date;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::overview::glance::Glance;
use crate::tuf::paths::Moved;
use crate::tuf::paths::Rows;
use crate::tuf::paths::Tree;
use crate::tuf::repository;
use crate::tuf::repository::RoleFile;
use crate::tuf::repository::Unreadable;
use crate::tuf::repository::role_file;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::targets::stream;
use crate::tuf::targets::stream::Ask;
use crate::tuf::targets::wants::Wants;

/// Delegated roles whose signatures are looked at; of more, `keyrite verify` looks at all.
const LOOKED_AT: usize = 256;
/// A role expires soon within so many days, if people sign it.
const SOON: i64 = 30;
/// The same for one that a server signs.
const SOON_ONLINE: i64 = 1;

/// A repository as it lies.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The first root that is here, and the newest.
    pub roots: (u64, u64),
    /// The newest root, where it lacks signatures, so that no client takes it.
    pub proposed: Option<u64>,
    /// Whether a rehearsal made it.
    pub rehearsal: bool,
    /// `consistent_snapshot` of the newest root.
    pub consistent_snapshot: bool,
    /// The four roles that root names.
    pub top: Vec<Top>,
    /// The targets roles, to be asked who may sign a path.
    pub tree: Arc<Tree>,
    /// The delegated roles, row by row.
    pub rows: Arc<Rows>,
    /// Entries that no client takes.
    pub shadowed: Vec<Moved>,
    /// Every key that may sign something, each once.
    pub keys: Vec<Key>,
    /// Files that their keys have not signed in full.
    pub lacking: Vec<Lacking>,
    /// How many delegated roles' signatures were not looked at.
    pub not_looked_at: usize,
}

/// One of the four roles.
#[derive(Clone, Debug)]
pub struct Top {
    /// Its name.
    pub role: &'static str,
    /// Of the newest file; `None` when there is none here.
    pub version: Option<u64>,
    /// When that expires.
    pub expires: Option<Date>,
    /// Who signs it.
    pub keys: Arc<RoleKeys>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its label; where it has several, the first.
    pub keyid: KeyId,
    /// Its scheme.
    pub scheme: String,
    /// What it may sign; bins as one.
    pub roles: Vec<String>,
}

/// A file that not enough keys have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The file.
    pub file: String,
    /// By whose keys: `root version 2`, `dev`.
    pub of: String,
    /// How many keys have signed.
    pub have: usize,
    /// How many must.
    pub need: u32,
    /// The keys that have not.
    pub missing: Vec<KeyId>,
}

/// How an expiry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Over.
    Expired,
    /// Within a month; for snapshot and timestamp, within a day.
    Soon,
    /// Neither.
    Fine,
    /// Nobody knows.
    Unknown,
}

impl Standing {
    /// Of a role that expires then.
    pub fn of(role: &str, expires: Option<Date>, now: Date) -> Self {
        let online = role == "snapshot" || role == "timestamp";
        match expires {
            None => Self::Unknown,
            Some(expires) if expires.has_passed(now) => Self::Expired,
            Some(expires) if expires.days_since(now) < if online { SOON_ONLINE } else { SOON } => Self::Soon,
            Some(_) => Self::Fine,
        }
    }

    /// `in 393 days`, `SOON, in 12 days`, `EXPIRED 3 days ago`, with today said as that.
    pub fn words(self, expires: Option<Date>, now: Date) -> String {
        let Some(expires) = expires else { return "no file here".to_owned() };
        let when = expires.until(now);
        match self {
            Self::Expired => when.replacen("expired", "EXPIRED", 1),
            Self::Soon => format!("SOON, {when}"),
            _ => when,
        }
    }
}

/// What stands before everything that is said by the word of a root that lacks signatures.
pub fn by_proposed(root: u64) -> String {
    format!(
        "root {root} lacks signatures, and clients do not take it: what is said here is of it, and not of what they trust"
    )
}

impl Overview {
    /// Of a repository.
    pub fn read(files: &dyn Files) -> Result<Self, Unreadable> {
        Ok(Self::of(Glance::read(files)?, files))
    }

    fn of(glance: Glance, files: &dyn Files) -> Self {
        let Glance { roots, root, top, lacking: of_top, nodes, files: names } = glance;
        let tree = Tree::new(nodes, &root);
        let rows = Rows::of(&tree, &BTreeSet::new());
        let newest = roots.last();
        let version = |file: Option<&RoleFile>| file.map_or(0, |file| file.version);
        let keys = keys(&root, &top, &rows);
        let mut lacking: Vec<Lacking> = by_old_keys(&roots, files).into_iter().chain(of_top).collect();
        let lacks = |root: &&RoleFile| lacking.iter().any(|lacking| lacking.file == root.file);
        let proposed = newest.filter(lacks).map(|root| root.version);
        let not_looked_at = lacking_below(&names, files, &rows, &mut lacking);
        Self {
            roots: (version(roots.first()), version(newest)),
            proposed,
            rehearsal: newest.is_some_and(|root| root.metadata.signed().get(WATERMARK).is_some()),
            consistent_snapshot: root.consistent_snapshot,
            top,
            shadowed: tree.shadowed(),
            tree: Arc::new(tree),
            rows: Arc::new(rows),
            keys,
            lacking,
            not_looked_at,
        }
    }

    /// Puts the keys in the order of their holders' names, those of nobody known last.
    pub fn sort_keys(&mut self, holders: &BTreeMap<KeyId, String>) {
        self.keys.sort_by_key(|key| (holders.get(&key.keyid).is_none(), holders.get(&key.keyid).cloned()));
    }

    /// How many delegated roles there are; one to which several delegate is one.
    pub fn delegated(&self) -> usize {
        let rows = self.rows.0.iter();
        let to = rows.flat_map(|row| row.delegations.roles.iter().skip(row.place).take(row.count));
        to.map(|to| to.name.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// The same of this repository, where its newest root does.
    pub fn told_first(&self) -> Option<String> {
        self.proposed.map(by_proposed)
    }

    /// `root versions 1 to 3, 4 delegated roles; 1 EXPIRED, 2 soon`
    pub fn headline(&self, now: Date) -> String {
        let roots = match self.roots {
            (first, last) if first == last => format!("root version {last}"),
            (first, last) => format!("root versions {first} to {last}"),
        };
        let roots = match self.proposed {
            Some(root) => format!("{roots} ({root} LACKS SIGNATURES, clients do not take it)"),
            None => roots,
        };
        let count = |standing| self.standing(standing, now);
        let dates = match (count(Standing::Expired), count(Standing::Soon)) {
            (0, 0) => {
                let dateless = self.top.iter().filter(|top| top.expires.is_none());
                let dateless: Vec<&str> = dateless.map(|top| top.role).collect();
                match dateless.is_empty() {
                    true => "nothing that people sign expires soon".to_owned(),
                    false => format!("no date of {} is here", dateless.join(" and ")),
                }
            }
            (0, 1) => "1 role expires soon".to_owned(),
            (0, soon) => format!("{soon} roles expire soon"),
            (1, 0) => "1 role EXPIRED".to_owned(),
            (expired, 0) => format!("{expired} roles EXPIRED"),
            (expired, soon) => format!("{expired} EXPIRED, {soon} soon"),
        };
        let delegated = match self.delegated() {
            1 => "1 delegated role".to_owned(),
            n => format!("{n} delegated roles"),
        };
        format!("{roots}, {delegated}; {dates}")
    }

    /// How many roles, bins counted one by one where they share a row, expired or will soon.
    pub fn standing(&self, standing: Standing, now: Date) -> usize {
        let top = self.top.iter().map(|top| (top.role, top.expires));
        let rows = self.rows.0.iter().map(|row| ("", row.expires));
        top.chain(rows).filter(|(role, expires)| Standing::of(role, *expires, now) == standing).count()
    }
}

fn keys(root: &Root, top: &[Top], rows: &Rows) -> Vec<Key> {
    let mut keys: BTreeMap<Material, Key> = BTreeMap::new();
    let mut add = |of: &RoleKeys, role: &str| {
        for (keyid, key) in &of.keys {
            let scheme = key.scheme().to_string();
            let new = || Key { keyid: keyid.clone(), scheme, roles: Vec::new() };
            let known = keys.entry(key.material()).or_insert_with(new);
            if known.roles.last().is_none_or(|last| last != role) {
                known.roles.push(role.to_owned());
            }
        }
    };
    top.iter().for_each(|top| add(&top.keys, top.role));
    for row in &rows.0 {
        if let Some(delegation) = row.delegation() {
            add(&delegation.role_keys, &row.name());
        }
    }
    let mut keys: Vec<Key> = keys.into_values().collect();
    let unknown = |keyid: &KeyId| Key {
        keyid: keyid.clone(),
        scheme: "a kind that this program cannot verify with".to_owned(),
        roles: TOP_LEVEL
            .into_iter()
            .filter(|role| root.roles.get(*role).is_some_and(|role| role.keyids.contains(keyid)))
            .map(str::to_owned)
            .collect(),
    };
    keys.extend(root.other_keys.keys().map(unknown));
    keys
}

/// What the newest root lacks of the keys of the one before.
fn by_old_keys(roots: &[RoleFile], files: &dyn Files) -> Option<Lacking> {
    let (before, newest) = (repository::before_newest(roots)?, roots.last()?);
    let keys = Root::from_signed(before.metadata.signed()).ok()?.role_keys("root")?;
    lacks(files, &newest.file, Some(newest), &format!("root version {}", before.version), &keys)
}

/// What the files of delegated roles lack; says at how many was not looked.
fn lacking_below(
    names: &BTreeMap<String, String>,
    files: &dyn Files,
    rows: &Rows,
    lacking: &mut Vec<Lacking>,
) -> usize {
    let single = rows.0.iter().filter(|row| row.count == 1);
    for row in single.clone().take(LOOKED_AT) {
        let Some(delegation) = row.delegation() else { continue };
        let Some(file) = names.get(&delegation.name) else { continue };
        lacking.extend(lacks(files, file, None, &delegation.name, &delegation.role_keys));
    }
    let all: usize = rows.0.iter().map(|row| row.count).sum();
    all - single.count().min(LOOKED_AT)
}

/// What a file lacks, which may be held.
fn lacks(
    files: &dyn Files,
    file: &str,
    held: Option<&RoleFile>,
    of: &str,
    keys: &RoleKeys,
) -> Option<Lacking> {
    if held.is_none() && holds(files, file, keys) {
        return None;
    }
    // What went by and does not hold is read whole, for what it lacks. Where that fails now, nothing of it holds.
    let whole = held.cloned().or_else(|| role_file(files, file, MAX_TARGETS).ok());
    let empty = Bytes::default();
    let (payload, signatures) = match &whole {
        Some(file) => (file.metadata.payload(), file.metadata.signatures()),
        None => (&empty, &[][..]),
    };
    if keys.verify(payload, signatures).is_ok() {
        return None;
    }
    let signed = keys.signed_by(payload, signatures);
    let mut seen: BTreeSet<Material> =
        signed.iter().filter_map(|keyid| Some(keys.keys.get(keyid)?.material())).collect();
    let missing = keys.keys.iter().filter(|(_, key)| seen.insert(key.material()));
    Some(Lacking {
        file: file.to_owned(),
        of: of.to_owned(),
        have: signed.len(),
        need: keys.threshold,
        missing: missing.map(|(keyid, _)| keyid.clone()).collect(),
    })
}

/// Whether enough of these keys signed a file, while it goes by once more.
fn holds(files: &dyn Files, file: &str, keys: &RoleKeys) -> bool {
    let ask = Ask { keys, listed: None, max: MAX_TARGETS, paths: false, wants: Wants::Nothing };
    let file = files.open(file, MAX_TARGETS).ok().flatten();
    file.and_then(|mut file| stream::read(&mut file, &ask)).is_some()
}

impl Lacking {
    /// `2.root.json: 1 of 2 signatures by the keys of root version 1; missing 1, from Bo Lindqvist or Chi Nwosu`
    pub fn words(&self, holders: &BTreeMap<KeyId, String>) -> String {
        let name =
            |keyid: &KeyId| holders.get(keyid).cloned().unwrap_or_else(|| format!("key {:.8}", keyid.0));
        let mut names: Vec<String> = self.missing.iter().map(name).collect();
        names.sort();
        names.dedup();
        let more = usize::try_from(self.need).unwrap_or(usize::MAX).saturating_sub(self.have);
        let or = if self.missing.len() > more { " or " } else { " and " };
        let from = match names.as_slice() {
            _ if self.missing.len() < more || self.need == 0 => "which these keys can never give".to_owned(),
            [] => String::new(),
            [one] => format!("from {one}"),
            [head @ .., last] => format!("from {}{or}{last}", head.join(", ")),
        };
        let (file, have, need, of) = (&self.file, self.have, self.need, &self.of);
        format!("{file}: {have} of {need} signatures by the keys of {of}; {more} missing, {from}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_with_a_word_for_what_is_near_or_over() {
        let now: Date = "2026-12-03T09:00:00Z".parse().unwrap();
        let words = |role: &str, expires: &str| {
            let expires = Some(expires.parse().unwrap());
            Standing::of(role, expires, now).words(expires, now)
        };

        assert_eq!(words("root", "2027-12-31T00:00:00Z"), "in 392 days");
        assert_eq!(words("root", "2026-12-10T09:00:00Z"), "SOON, in 7 days");
        assert_eq!(words("snapshot", "2026-12-10T09:00:00Z"), "in 7 days");
        assert_eq!(words("timestamp", "2026-12-04T08:00:00Z"), "SOON, within a day");
        assert_eq!(words("root", "2026-12-03T09:00:00Z"), "EXPIRED today");
        assert_eq!(words("root", "2026-12-01T09:00:00Z"), "EXPIRED 2 days ago");
        assert_eq!(Standing::of("root", None, now).words(None, now), "no file here");
    }
}
