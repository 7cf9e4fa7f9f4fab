//! A repository read for an overview, file by file: of each is kept what is said of it, and its targets' paths; no file
//! but the roots is held when the next one is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::date::Date;
use crate::tuf::overview::Lacking;
use crate::tuf::overview::Top;
use crate::tuf::overview::lacks;
use crate::tuf::paths::Node;
use crate::tuf::repository;
use crate::tuf::repository::RoleFile;
use crate::tuf::repository::Unreadable;
use crate::tuf::repository::role_file;
use crate::tuf::repository::role_name;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::targets::passing::Passing;
use crate::tuf::targets::paths::Paths;

/// What is known of a repository.
pub(super) struct Glance {
    /// The roots, ascending by version; at least one.
    pub(super) roots: Vec<RoleFile>,
    /// The newest root.
    pub(super) root: Root,
    /// The four roles that it names.
    pub(super) top: Vec<Top>,
    /// What their newest files lack.
    pub(super) lacking: Vec<Lacking>,
    /// The targets roles whose files are here.
    pub(super) nodes: BTreeMap<String, Node>,
    /// The newest file of every role but the four.
    pub(super) files: BTreeMap<String, String>,
}

/// A file that was read.
struct Read {
    version: u64,
    expires: Option<Date>,
    /// What a targets role says.
    node: Option<Node>,
    /// The file, where it did not go by.
    held: Option<RoleFile>,
}

impl Glance {
    /// Of every root, and of each other role the file with the highest version.
    pub(super) fn read(files: &dyn Files) -> Result<Self, Unreadable> {
        let names = repository::names(files)?;
        let (roots, root) = repository::roots(files, &names)?;
        let mut glance = Self {
            roots,
            root,
            top: Vec::new(),
            lacking: Vec::new(),
            nodes: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        let mut newest = repository::newest(&names);
        drop(names);
        // First those that say much of others: what reading them takes is free again for the others.
        for role in TOP_LEVEL {
            let file = newest.remove(role);
            glance.read_top(files, role, file.as_deref())?;
        }
        for (stem, file) in newest {
            if let Ok(read) = Read::of(files, &file) {
                let role = role_name(&stem);
                glance.nodes.extend(read.node.map(|node| (role.clone(), node)));
                glance.files.insert(role, file);
            }
        }
        Ok(glance)
    }

    fn read_top(
        &mut self,
        files: &dyn Files,
        role: &'static str,
        file: Option<&str>,
    ) -> Result<(), Unreadable> {
        let Some(keys) = self.root.role_keys(role).map(Arc::new) else { return Ok(()) };
        let mut top = Top { role, version: None, expires: None, keys };
        if let Some(root) = self.roots.last().filter(|_| role == "root") {
            (top.version, top.expires) = (Some(root.version), root.metadata.expires());
            let of = format!("root version {}", root.version);
            self.lacking.extend(lacks(files, &root.file, Some(root), &of, &top.keys));
        } else if let Some(file) = file {
            let read = Read::of(files, file)?;
            (top.version, top.expires) = (Some(read.version), read.expires);
            self.lacking.extend(lacks(files, file, read.held.as_ref(), role, &top.keys));
            self.nodes.extend(read.node.map(|node| (role.to_owned(), node)));
        }
        self.top.push(top);
        Ok(())
    }
}

impl Read {
    fn of(files: &dyn Files, name: &str) -> Result<Self, Unreadable> {
        if let Some((version, node)) = gone_by(files, name) {
            return Ok(Self { version, expires: node.expires, node: Some(node), held: None });
        }
        let file = role_file(files, name, MAX_TARGETS)?;
        let (version, signed) = (file.version, file.metadata.signed());
        let node = (file.metadata.role_type() == "targets").then(|| {
            let mut paths = Paths::small();
            let listed = file.metadata.listed().unwrap_or_default();
            // A file has not so many that there is no room.
            let _ = listed.paths().try_for_each(|path| paths.push(path));
            paths.fit();
            Node::of_paths(version, signed, paths)
        });
        Ok(Self { version, expires: file.metadata.expires(), node, held: Some(file) })
    }
}

/// A file of targets that goes by; for what does not, there is no answer.
fn gone_by(files: &dyn Files, name: &str) -> Option<(u64, Node)> {
    let mut file = files.open(name, MAX_TARGETS).ok()??;
    let mut passing = Passing::open(&mut file)?;
    let mut paths = Paths::small();
    while let Some((path, _)) = passing.here() {
        paths.push(path)?;
        passing.step()?;
    }
    paths.fit();
    let signed = Value::Object(passing.end(MAX_TARGETS)?.rest);
    let version = signed["version"].as_u64()?;
    Some((version, Node::of_paths(version, &signed, paths)))
}
