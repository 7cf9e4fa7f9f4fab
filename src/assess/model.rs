//! A repository as the questions see it: who may sign what, until when files hold, and what pins which file.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use crate::assess::keys::Keys;
use crate::assess::paths::apart;
use crate::assess::ways::Ways;
use crate::tuf::Date;
use crate::tuf::Names;
use crate::tuf::Repository;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::repository::RoleFile;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;

/// Some keys, by their places in [`Keys`].
pub type KeySet = BTreeSet<usize>;

/// Who may sign a role; a key counts once, whatever its keyids.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signers {
    /// The keys.
    pub keys: KeySet,
    /// How many must sign.
    pub threshold: u32,
    /// Keys that the role lists under several keyids, and under how many.
    pub several: BTreeMap<usize, u32>,
}

/// How a client counts the signatures of a key that stands under several keyids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Once, as the specification has it.
    Keys,
    /// Once for each keyid: [`crate::assess::rules::SEVERAL_KEYIDS`].
    Keyids,
}

impl Signers {
    /// How many of `some` are signers.
    pub fn among(&self, some: &KeySet) -> u32 {
        u32::try_from(self.keys.intersection(some).count()).unwrap_or(u32::MAX)
    }

    /// Whether `some` alone can sign. A threshold of nothing is no threshold.
    pub fn met_by(&self, some: &KeySet) -> bool {
        self.threshold > 0 && self.among(some) >= self.threshold
    }

    /// Whether it can be signed without `some`.
    pub fn met_without(&self, some: &KeySet) -> bool {
        let left: KeySet = self.keys.difference(some).copied().collect();
        self.met_by(&left)
    }

    /// How many more are needed beside `some`.
    pub fn lacking(&self, some: &KeySet) -> u32 {
        self.lacking_by(some, Counts::Keys)
    }

    /// How many signatures a thief of `some` lacks for a client that counts so.
    pub fn lacking_by(&self, some: &KeySet, counts: Counts) -> u32 {
        self.threshold.saturating_sub(self.signatures(some, counts))
    }

    /// How many signatures `some` make for a client that counts so.
    pub fn signatures(&self, some: &KeySet, counts: Counts) -> u32 {
        let again = self.several.iter().filter(|(key, _)| counts == Counts::Keyids && some.contains(key));
        let again: u32 = again.map(|(_, keyids)| keyids.saturating_sub(1)).sum();
        self.among(some).saturating_add(again)
    }

    /// Whether a client that counts so takes what `some` alone sign.
    pub fn forged_by(&self, some: &KeySet, counts: Counts) -> bool {
        self.threshold > 0 && self.lacking_by(some, counts) == 0
    }
}

/// What one version of root says.
#[derive(Clone, Debug)]
pub(super) struct Era {
    pub(super) version: u64,
    pub(super) expires: Date,
    /// Of the four roles, in their order.
    pub(super) signers: [Signers; 4],
    /// Which of today's files verify by this root's keys: targets, snapshot, timestamp.
    pub(super) honest: BTreeSet<&'static str>,
}

impl Era {
    pub(super) fn of(&self, role: &str) -> &Signers {
        let place = TOP_LEVEL.iter().position(|top| *top == role).unwrap_or(0);
        &self.signers[place]
    }
}

/// What is known of a role's newest file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) expires: Option<Date>,
    /// Its target paths, for targets roles.
    pub(super) lists: BTreeSet<String>,
}

/// How the file above speaks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// By version and hash: another file of the same version is refused.
    Hash,
    /// By version alone.
    Version,
    /// Not at all: clients refuse it.
    Unlisted,
}

/// One delegation.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// Its place in [`Model::edges`].
    pub(super) number: usize,
    /// The first one like it: of bins, that is the one with the same delegator and the same keys; else itself.
    pub(super) twin: usize,
    pub(super) delegator: String,
    /// Its place among the delegations of the delegator.
    pub(super) place: usize,
    pub(super) role: String,
    pub(super) signers: Arc<Signers>,
}

/// The repository.
#[derive(Clone, Debug)]
pub struct Model {
    /// Every key that a root or a delegation lists.
    pub keys: Keys,
    /// One for each root, ascending; at least one.
    pub(super) eras: Vec<Era>,
    /// By role.
    pub(super) files: BTreeMap<String, File>,
    /// By delegator.
    pub(super) delegations: BTreeMap<String, Delegations>,
    /// Every delegation that is reachable, in pre-order.
    pub(super) edges: Vec<Edge>,
    /// The same by role.
    edges_to: BTreeMap<String, Vec<usize>>,
    /// The same by delegator: they stand together, in their order.
    edges_from: BTreeMap<String, Range<usize>>,
    /// By which of them clients come to a role.
    pub(super) ways: Ways,
    pins: BTreeMap<String, Pin>,
    /// Whether snapshot is here, and timestamp.
    pub(super) has: (bool, bool),
    /// Whether tough may come to other roles for a path than other clients do: a pattern has a wildcard. It takes nothing where
    /// there are succinct roles.
    pub(super) tough_differs: bool,
    /// Roles that list keys which cannot be verified with, and so do not count here.
    pub(super) uncounted: Vec<String>,
}

impl Model {
    /// Reads a repository; files that cannot be understood are as if they were not there.
    pub fn new(repository: &Repository, names: &Names) -> Self {
        let mut keys = Keys::default();
        let mut uncounted = Vec::new();
        let read = |file: &RoleFile| Root::from_signed(file.metadata.signed()).ok();
        let mut roots: Vec<Root> = repository.roots.iter().filter_map(read).collect();
        if roots.last() != Some(&repository.root) {
            roots.push(repository.root.clone());
        }
        // The newest first: the order in which people read the keys.
        let mut eras: Vec<Era> = roots.iter().rev().map(|root| era(root, repository, &mut keys)).collect();
        eras.reverse();
        for role in TOP_LEVEL {
            let listed = repository.root.roles.get(role).map_or(0, |role| role.keyids.len());
            if listed > repository.root.role_keys(role).map_or(0, |role| role.keys.len()) {
                uncounted.push(role.to_owned());
            }
        }
        let (files, delegations) = targets_files(repository);
        let mut edges = Vec::new();
        let mut shared: BTreeMap<*const RoleKeys, Arc<Signers>> = BTreeMap::new();
        let mut twins: BTreeMap<(String, Arc<Signers>), usize> = BTreeMap::new();
        let (mut open, mut edges_from) = (vec!["targets".to_owned()], BTreeMap::new());
        while let Some(delegator) = open.pop() {
            let unread = |_: &&Delegations| !edges_from.contains_key(&delegator);
            let Some(of) = delegations.get(&delegator).filter(unread) else {
                continue;
            };
            edges_from.insert(delegator.clone(), edges.len()..edges.len() + of.roles.len());
            for (place, delegation) in of.roles.iter().enumerate() {
                let one = shared.entry(Arc::as_ptr(&delegation.role_keys));
                let one = one.or_insert_with(|| Arc::new(signers(&delegation.role_keys, &mut keys)));
                let signers = Arc::clone(one);
                let number = edges.len();
                let twin = match delegation.paths {
                    Paths::Patterns(_) => number,
                    _ => *twins.entry((delegator.clone(), Arc::clone(&signers))).or_insert(number),
                };
                edges.push(Edge {
                    number,
                    twin,
                    delegator: delegator.clone(),
                    place,
                    role: delegation.name.clone(),
                    signers,
                });
            }
            if !of.other_keys.is_empty() {
                uncounted.push(delegator);
            }
            open.extend(of.roles.iter().rev().map(|delegation| delegation.name.clone()));
        }
        // A key may be listed under more keyids than its roles use.
        let listed = roots.iter().flat_map(|root| &root.keys);
        for (keyid, key) in listed.chain(delegations.values().flat_map(|of| &of.keys)) {
            keys.place(keyid, key);
        }
        keys.call(names);
        let has = (repository.snapshot().is_some(), repository.timestamp().is_some());
        let mut edges_to: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for edge in &edges {
            edges_to.entry(edge.role.clone()).or_default().push(edge.number);
        }
        let ends = |edge: &Edge| delegated(&delegations, edge).is_some_and(|it| it.terminating);
        let ways = Ways::of(&edges, &edges_from, ends);
        let pins = pins(repository);
        let all = || delegations.values().flat_map(|of| &of.roles).map(|delegation| &delegation.paths);
        let wild = |paths: &Paths| match paths {
            Paths::Patterns(list) => list.iter().any(|pattern| pattern.contains(['*', '?'])),
            Paths::HashPrefixes(_) | Paths::Bin { .. } => false,
        };
        let tough_differs = all().any(wild) && !all().any(|paths| matches!(paths, Paths::Bin { .. }));
        Self {
            keys,
            eras,
            files,
            delegations,
            edges,
            edges_to,
            edges_from,
            ways,
            pins,
            has,
            tough_differs,
            uncounted,
        }
    }

    /// Who may sign anything, by any root or delegation.
    pub(super) fn all_signers(&self) -> impl Iterator<Item = &Signers> {
        let of_roots = self.eras.iter().flat_map(|era| &era.signers);
        of_roots.chain(self.edges.iter().map(|edge| edge.signers.as_ref()))
    }

    /// The newest root.
    pub(super) fn newest(&self) -> &Era {
        // There is at least one: `new` puts the repository's own there.
        &self.eras[self.eras.len() - 1]
    }

    /// The delegations to a role.
    pub(super) fn edges_to(&self, role: &str) -> impl Iterator<Item = &Edge> {
        let numbers = self.edges_to.get(role).into_iter().flatten();
        numbers.filter_map(|number| self.edges.get(*number))
    }

    /// The delegations of a role, in their order.
    pub(super) fn edges_from(&self, delegator: &str) -> &[Edge] {
        let numbers = self.edges_from.get(delegator).cloned().unwrap_or_default();
        self.edges.get(numbers).unwrap_or_default()
    }

    /// The roles for which one stands in the rows: itself, and those of a delegator that have its keys, by the path's hash.
    pub fn alike(&self, role: &str) -> Vec<String> {
        let twins: Vec<usize> = self.edges_to(role).map(|edge| edge.twin).collect();
        let alike = self.edges.iter().filter(|edge| twins.contains(&edge.twin));
        let others = alike.map(|edge| edge.role.as_str()).filter(|other| *other != role);
        iter::once(role).chain(others).map(str::to_owned).collect()
    }

    /// What the delegator says.
    pub(super) fn delegation(&self, edge: &Edge) -> Option<&Delegation> {
        delegated(&self.delegations, edge)
    }

    /// Whether a search that comes there ends below it.
    pub(super) fn terminates(&self, edge: &Edge) -> bool {
        self.delegation(edge).is_some_and(|delegation| delegation.terminating)
    }

    /// Whether no path is of both, as it is with bins.
    pub(super) fn apart(&self, one: &Edge, other: &Edge) -> bool {
        let both = self.delegation(one).zip(self.delegation(other));
        both.is_some_and(|(one, other)| apart(&one.paths, &other.paths))
    }

    /// Whether paths are delegated by their hash.
    pub(super) fn by_hash(&self, edge: &Edge) -> bool {
        self.delegation(edge).is_some_and(|delegation| !matches!(delegation.paths, Paths::Patterns(_)))
    }

    /// How a role's file is pinned. Where the file above is not here, the worst is assumed.
    pub(super) fn pin(&self, role: &str) -> Pin {
        let known = if role == "snapshot" { self.has.1 } else { self.has.0 };
        if !known {
            return Pin::Version;
        }
        self.pins.get(role).copied().unwrap_or(Pin::Unlisted)
    }

    /// When a role's newest file expires.
    pub(super) fn expires(&self, role: &str) -> Option<Date> {
        self.files.get(role).and_then(|file| file.expires)
    }
}

fn delegated<'a>(delegations: &'a BTreeMap<String, Delegations>, edge: &Edge) -> Option<&'a Delegation> {
    delegations.get(&edge.delegator).and_then(|of| of.roles.get(edge.place))
}

fn signers(role: &RoleKeys, keys: &mut Keys) -> Signers {
    let mut keyids: BTreeMap<usize, u32> = BTreeMap::new();
    for (keyid, key) in &role.keys {
        *keyids.entry(keys.place(keyid, key)).or_default() += 1;
    }
    let places = keyids.keys().copied().collect();
    keyids.retain(|_, keyids| *keyids > 1);
    Signers { keys: places, threshold: role.threshold, several: keyids }
}

fn era(root: &Root, repository: &Repository, keys: &mut Keys) -> Era {
    let none = || RoleKeys { keys: BTreeMap::new(), threshold: 0 };
    let roles = TOP_LEVEL.map(|role| root.role_keys(role).unwrap_or_else(none));
    let signed = |(role, by): (&&'static str, &RoleKeys)| {
        let file = repository.roles.get(*role)?;
        by.verify(file.metadata.payload(), file.metadata.signatures()).ok().map(|_| *role)
    };
    let honest = TOP_LEVEL.iter().zip(&roles).filter_map(signed).collect();
    let signers = roles.map(|role| signers(&role, keys));
    Era { version: root.version, expires: root.expires, signers, honest }
}

fn targets_files(repository: &Repository) -> (BTreeMap<String, File>, BTreeMap<String, Delegations>) {
    let (mut files, mut delegations) = (BTreeMap::new(), BTreeMap::new());
    for (role, file) in &repository.roles {
        let expires = file.metadata.expires();
        let lists = file.metadata.listed().map(|listed| listed.paths().map(str::to_owned).collect());
        let lists = lists.unwrap_or_default();
        files.insert(role.clone(), File { expires, lists });
        delegations.extend(repository.delegations(role).map(|of| (role.clone(), of)));
    }
    (files, delegations)
}

fn pins(repository: &Repository) -> BTreeMap<String, Pin> {
    let pin = |hashes: &BTreeMap<String, String>| if hashes.is_empty() { Pin::Version } else { Pin::Hash };
    let mut pins = BTreeMap::new();
    for (file, meta) in repository.snapshot().map(|snapshot| snapshot.meta).unwrap_or_default() {
        if let Some(role) = file.strip_suffix(".json") {
            pins.insert(role.to_owned(), pin(&meta.hashes));
        }
    }
    if let Some(timestamp) = repository.timestamp() {
        pins.insert("snapshot".to_owned(), pin(&timestamp.snapshot.hashes));
    }
    pins
}
