//! A client's desk: a repository that notes what it is asked for, and the files that the client keeps.

use std::cell::RefCell;

use keyrite::tuf::Date;
use keyrite::tuf::Metadata;
use keyrite::tuf::client::Client;
use keyrite::tuf::client::Files;
use keyrite::tuf::client::Local;
use keyrite::tuf::client::Refused;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::targets::TargetFile;

use crate::tuf::world::Set;
use crate::tuf::world::World;
use crate::tuf::world::now;
use crate::tuf::world::signed_by;

/// What a client keeps. A file whose name is in `broken` cannot be written.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) set: Set,
    pub(crate) broken: Option<&'static str>,
}

impl Files for Own {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        self.set.read(name, max)
    }

    fn names(&self) -> Result<Vec<String>, String> {
        self.set.names()
    }
}

impl Local for Own {
    fn keep_root(&mut self, _version: u64, bytes: &[u8]) -> Result<(), String> {
        self.keep("root.json", bytes)
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        if self.broken == Some(name) {
            return Err("no space left on device".to_owned());
        }
        self.set.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn forget(&mut self, name: &str) -> Result<(), String> {
        self.set.0.remove(name);
        Ok(())
    }
}

struct Asked<'a>(&'a Set, RefCell<Vec<String>>);

impl Files for Asked<'_> {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        self.1.borrow_mut().push(name.to_owned());
        self.0.read(name, max)
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Err("a server does not list its files".to_owned())
    }
}

/// One visit of a client: its answer, what it asked for, what it remarked.
pub(crate) struct Visit {
    pub(crate) answer: Result<Vec<Option<TargetFile>>, Refused>,
    pub(crate) asked: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

impl Visit {
    /// The rule and the file of the answer no.
    pub(crate) fn refused(&self) -> (&'static str, &str) {
        let refused = self.answer.as_ref().unwrap_err();
        (refused.rule, refused.file.as_str())
    }
}

impl Own {
    /// A client that trusts the first root of a world and has been nowhere.
    pub(crate) fn new(world: &World) -> Self {
        let first = world.build().0.remove("1.root.json").unwrap();
        Self { set: Set([("root.json".to_owned(), first)].into()), broken: None }
    }

    /// A client that has visited a world.
    pub(crate) fn of(world: &World) -> Self {
        let mut own = Self::new(world);
        own.refresh(&world.build()).answer.unwrap();
        own
    }

    pub(crate) fn refresh(&mut self, set: &Set) -> Visit {
        self.visit(set, &[], now())
    }

    pub(crate) fn find(&mut self, set: &Set, paths: &[&str]) -> Visit {
        self.visit(set, paths, now())
    }

    /// Refreshes at a time, then looks for targets.
    pub(crate) fn visit(&mut self, set: &Set, paths: &[&str], at: Date) -> Visit {
        let remote = Asked(set, RefCell::default());
        let pinned = self.set.0["root.json"].clone();
        let request = Request { pinned: &pinned, at, scope: Scope::Full, allow_rehearsal: false };
        let mut remarks = Vec::new();
        let answer = Client::refresh(&remote, self, &request).and_then(|mut client| {
            let found = paths.iter().map(|path| client.find(path)).collect();
            remarks = client.remarks().to_vec();
            found
        });
        Visit { answer, asked: remote.1.into_inner(), remarks }
    }

    /// The files that the client has, each with its version.
    pub(crate) fn kept(&self) -> Vec<(&str, u64)> {
        let version = |bytes: &[u8]| {
            let file: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            file["signed"]["version"].as_u64().unwrap()
        };
        self.set.0.iter().map(|(name, bytes)| (name.trim_end_matches(".json"), version(bytes))).collect()
    }
}

/// The same world one publication later: every role that servers or targets keys sign has its next version.
pub(crate) fn next(mut world: World) -> World {
    for signed in [&mut world.snapshot.0, &mut world.timestamp.0] {
        bump(signed);
    }
    bump(world.role("targets"));
    world
}

/// The next version.
pub(crate) fn bump(signed: &mut serde_json::Value) {
    signed["version"] = (signed["version"].as_u64().unwrap() + 1).into();
}

/// The signed part of the snapshot of the world.
pub(crate) fn snapshot_of(set: &Set) -> serde_json::Value {
    let (_, bytes) = set.0.iter().find(|(name, _)| name.ends_with("snapshot.json")).unwrap();
    Metadata::parse(bytes).unwrap().signed().clone()
}

/// Puts a snapshot in the place of the one that is there, and a timestamp of the same version that lists it by its
/// version alone.
pub(crate) fn publish_snapshot(world: &World, set: &mut Set, snapshot: &serde_json::Value) {
    let name = set.0.keys().find(|name| name.ends_with("snapshot.json")).unwrap().clone();
    set.put(&name, &signed_by(snapshot, &world.snapshot.1));
    let mut timestamp = world.timestamp.0.clone();
    timestamp["meta"]["snapshot.json"] = serde_json::json!({"version": snapshot["version"]});
    set.put("timestamp.json", &signed_by(&timestamp, &world.timestamp.1));
}

/// The world with versions alone in timestamp and snapshot.
pub(crate) fn without_hashes(world: &World) -> Set {
    let mut set = world.build();
    let mut snapshot = snapshot_of(&set);
    for entry in snapshot["meta"].as_object_mut().unwrap().values_mut() {
        *entry = serde_json::json!({"version": entry["version"]});
    }
    publish_snapshot(world, &mut set, &snapshot);
    set
}
