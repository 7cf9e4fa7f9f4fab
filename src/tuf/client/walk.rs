//! Delegated roles: each verified by the word of every role that delegates to it, and each target resolved to the
//! role that a client would believe (TUF section 5.6).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::io::Read;

use crate::tuf::client::MAX_ROLES;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::Refused;
use crate::tuf::client::file_name;
use crate::tuf::client::rules;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::delegations::Delegations;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::snapshot::MetaFile;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::Targets;
use crate::tuf::targets::apart;
use crate::tuf::targets::paths::Paths;
use crate::tuf::targets::stream;

/// One verified targets role.
struct Node {
    /// How many targets it lists.
    count: usize,
    /// Their paths; none are kept of a role that alone speaks of all targets.
    paths: Option<Paths>,
    /// The targets that the caller wants to know.
    wanted: BTreeMap<String, TargetFile>,
    delegations: Option<Delegations>,
}

/// A file that enough keys signed.
struct Signed {
    metadata: Metadata,
    signed_by: BTreeSet<KeyId>,
    targets: Listed,
}

/// The targets of a file.
enum Listed {
    /// They went by, and each has a hash that clients know.
    GoneBy { count: usize, paths: Option<Paths>, wanted: BTreeMap<String, TargetFile> },
    /// They are in memory; `None` where the file has none.
    Whole(Option<apart::Files>),
}

/// How many targets, their paths, and the wanted ones.
type Kept = (usize, Option<Paths>, BTreeMap<String, TargetFile>);

/// Which file a role is, by the word of the snapshot where there is one.
struct Place<'a> {
    file: String,
    version: Option<u64>,
    listed: Option<&'a MetaFile>,
    role: &'a str,
    delegator: &'a str,
}

/// The tree of roles, by name.
#[derive(Default)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
    /// Names in the order in which a client comes to them.
    order: Vec<String>,
}

/// What a client finds.
#[derive(Default)]
pub(super) struct Found {
    /// How many targets.
    pub(super) count: usize,
    /// Those that the caller wants to know, with what the role that the client believes says of them.
    pub(super) wanted: BTreeMap<String, TargetFile>,
}

impl Workflow<'_> {
    /// Verifies `targets` and all it delegates to. Without a snapshot the highest version of each is taken.
    pub(super) fn tree(&mut self, root: &Root, snapshot: Option<&Snapshot>) -> Result<Tree, Refused> {
        let none = RoleKeys { keys: BTreeMap::new(), threshold: 0 };
        let mut tree = Tree::default();
        // Who delegates, to whom, by which keys; the next one to visit is the last.
        let mut open = vec![("root".to_owned(), "targets".to_owned(), std::sync::Arc::new(none))];
        if let (Some(keys), Some(first)) = (root.role_keys("targets"), open.first_mut()) {
            first.2 = std::sync::Arc::new(keys);
        }
        while let Some((delegator, role, keys)) = open.pop() {
            let known = tree.nodes.contains_key(&role);
            if !known && tree.nodes.len() > MAX_ROLES {
                return refuse(rules::ROLE_COUNT, &role, format!("more than {MAX_ROLES} delegated roles"));
            }
            let Some(node) = self.role(root, snapshot, &delegator, &role, &keys, known)? else { continue };
            if let Some(delegations) = &node.delegations {
                let next = delegations.roles.iter().rev();
                open.extend(
                    next.map(|d| (role.clone(), d.name.clone(), std::sync::Arc::clone(&d.role_keys))),
                );
            }
            tree.order.push(role.clone());
            tree.nodes.insert(role, node);
        }
        Ok(tree)
    }

    /// Verifies one role for one delegator. `None` when it is already in the tree, or not yet in the set.
    fn role(
        &mut self,
        root: &Root,
        snapshot: Option<&Snapshot>,
        delegator: &str,
        role: &str,
        keys: &RoleKeys,
        known: bool,
    ) -> Result<Option<Node>, Refused> {
        let Some(place) = self.place(root, snapshot, delegator, role)? else { return Ok(None) };
        let read = match self.streamed(&place, keys)? {
            Some(read) => read,
            None => self.whole(&place, keys)?,
        };
        if known {
            return Ok(None);
        }
        let Signed { metadata, signed_by, targets } = read;
        let file = place.file;
        let (gone_by, files) = match targets {
            Listed::GoneBy { count, paths, wanted } => (Some((count, paths, wanted)), Some(BTreeMap::new())),
            Listed::Whole(files) => (None, files),
        };
        let targets = understood(&file, Targets::from_parts(metadata.signed(), files))?;
        if let Some(listed) = place.version.filter(|listed| *listed != targets.version) {
            let why = format!("version {} and not {listed}", targets.version);
            return refuse(rules::VERSION_AS_LISTED, &file, why);
        }
        self.unexpired(&file, targets.expires)?;
        let (count, paths, wanted) = match gone_by {
            Some(known) => known,
            None => self.looked_at(&file, targets.targets)?,
        };
        let delegations = targets.delegations.as_ref().map(Delegations::from_json).transpose();
        let delegations = understood(&file, delegations)?;
        self.trust(&file, role, targets.version, &metadata, keys, signed_by);
        if let Some(delegations) = &delegations {
            self.remark_keys(&file, &delegations.keys, &delegations.other_keys);
        }
        Ok(Some(Node { count, paths, wanted, delegations }))
    }

    /// What is kept of targets in memory, each of which must have a hash that clients know.
    fn looked_at(&self, file: &str, files: apart::Files) -> Result<Kept, Refused> {
        let unknown = |t: &&TargetFile| !t.hashes.keys().any(|name| name == "sha256" || name == "sha512");
        if let Some((path, _)) = files.iter().find(|(_, t)| unknown(t)) {
            let why = format!("target {path:?} has no hash by sha256 or sha512");
            return refuse(rules::TARGET_HASH_KNOWN, file, why);
        }
        let mut paths = Paths::default();
        if files.keys().try_for_each(|path| paths.push(path)).is_none() {
            return refuse(rules::METADATA_FORMAT, file, "its paths are longer than 4 GiB");
        }
        let wanted = files.into_iter().filter(|(path, _)| self.files.wants(path)).collect();
        Ok((paths.len(), Some(paths), wanted))
    }

    /// Where a role lies. `None` when it is not yet in the set, which is remarked.
    fn place<'p>(
        &mut self,
        root: &Root,
        snapshot: Option<&'p Snapshot>,
        delegator: &'p str,
        role: &'p str,
    ) -> Result<Option<Place<'p>>, Refused> {
        let plain = file_name(role, None);
        if let Some(snapshot) = snapshot {
            let Some(listed) = snapshot.meta.get(&format!("{role}.json")) else {
                let why = format!("{delegator} delegates to it, and snapshot does not list it");
                return refuse(rules::LISTED_IN_SNAPSHOT, &plain, why);
            };
            let file = file_name(role, root.consistent_snapshot.then_some(listed.version));
            let version = Some(listed.version);
            return Ok(Some(Place { file, version, listed: Some(listed), role, delegator }));
        }
        let version = self.highest.get(&plain).copied();
        let file = file_name(role, version);
        if role != "targets" && self.reader(&file)?.is_none() {
            self.remarks.push(format!("{file}: {delegator} delegates to it, and it is not here yet"));
            return Ok(None);
        }
        Ok(Some(Place { file, version, listed: None, role, delegator }))
    }

    fn reader(&self, file: &str) -> Result<Option<Box<dyn Read + '_>>, Refused> {
        self.files.open(file, MAX_TARGETS).or_else(|why| refuse(rules::FILE_READABLE, file, why))
    }

    /// Verifies a role while its file goes by. `None` where it has to be read whole.
    fn streamed(&mut self, place: &Place<'_>, keys: &RoleKeys) -> Result<Option<Signed>, Refused> {
        let file = &place.file;
        let Some(mut reader) = self.reader(file)? else { return Ok(None) };
        let ask = stream::Ask {
            keys,
            listed: place.listed,
            max: MAX_TARGETS,
            paths: place.role != "targets",
            wants: &|path| self.files.wants(path),
        };
        let Some(read) = stream::read(&mut reader, &ask) else { return Ok(None) };
        drop(reader);
        let metadata = Metadata::gone_by(read.rest, read.signatures);
        self.no_rehearsal(file, &metadata)?;
        let targets = Listed::GoneBy { count: read.count, paths: read.paths, wanted: read.kept };
        Ok(Some(Signed { metadata, signed_by: read.signed_by, targets }))
    }

    /// The same with the whole file in memory: what this says counts.
    fn whole(&mut self, place: &Place<'_>, keys: &RoleKeys) -> Result<Signed, Refused> {
        let file = &place.file;
        let bytes = match place.listed {
            Some(listed) => self.fetch_listed(file, MAX_TARGETS, listed)?,
            None => self.fetch(file, MAX_TARGETS)?,
        };
        let (metadata, files) = self.open_targets(file, &bytes)?;
        drop(bytes);
        let signed_by = self.signed(rules::THRESHOLD, file, &metadata, keys, place.delegator)?;
        Ok(Signed { metadata, signed_by, targets: Listed::Whole(files) })
    }

    /// Every target that a client can find.
    pub(super) fn resolve(&mut self, mut tree: Tree) -> Found {
        let mut found = Found::default();
        for role in std::mem::take(&mut tree.order) {
            let Some(node) = tree.nodes.get(&role) else { continue };
            // Where there are no paths, nothing delegates, and all that is listed is believed.
            let Some(paths) = &node.paths else {
                found.count += node.count;
                found.wanted.extend(node.wanted.clone());
                continue;
            };
            let mut unreachable = 0;
            for path in paths.iter() {
                match tree.answer(&role, path) {
                    Answer::Believed => {
                        found.count += 1;
                        found
                            .wanted
                            .extend(node.wanted.get_key_value(path).map(|(k, v)| (k.clone(), v.clone())));
                    }
                    Answer::Other => {}
                    Answer::NoWay => unreachable += 1,
                }
            }
            if unreachable > 0 {
                self.remarks.push(format!("role {role}: {unreachable} targets that no delegation leads to"));
            }
        }
        found
    }
}

/// What a client makes of one entry of a role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It takes it.
    Believed,
    /// It takes the entry of another role.
    Other,
    /// It finds no entry at all.
    NoWay,
}

impl Tree {
    fn answer(&self, role: &str, path: &str) -> Answer {
        match self.believed(role, path) {
            Some(believed) if believed == role => Answer::Believed,
            Some(_) => Answer::Other,
            None => Answer::NoWay,
        }
    }

    /// The role whose entry for `path` a client takes: the first in pre-order that lists it, along delegations that
    /// cover the path. A terminating delegation ends the search after what lies below it. `lister` is known to list it.
    fn believed<'t>(&'t self, lister: &'t str, path: &str) -> Option<&'t str> {
        let mut open = vec!["targets"];
        let mut visited = BTreeSet::new();
        while let Some(role) = open.pop() {
            if !visited.insert(role) {
                continue;
            }
            if role == lister {
                return Some(lister);
            }
            let Some(node) = self.nodes.get(role) else { continue };
            if node.paths.as_ref().is_some_and(|paths| paths.contains(path)) {
                return Some(role);
            }
            let Some(delegations) = &node.delegations else { continue };
            let mut below = Vec::new();
            for i in delegations.matching(path) {
                below.push(delegations.roles[i].name.as_str());
                if delegations.roles[i].terminating {
                    open.clear();
                    break;
                }
            }
            open.extend(below.into_iter().rev());
        }
        None
    }
}
