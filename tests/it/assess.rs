//! Lost and stolen keys: each rule on one world, every verdict against the client itself, and the commands.

mod brute_force;
mod commands;
mod drafts;
mod rules;
mod ways;

use keyrite::assess::Assessment;
use keyrite::assess::KeySet;
use keyrite::assess::Model;
use keyrite::assess::Question;
use keyrite::tuf::Date;
use keyrite::tuf::Names;
use keyrite::tuf::Repository;
use keyrite::tuf::names::Person;
use serde_json::Value;

use crate::tuf::world::Set;
use crate::tuf::world::World;
use crate::tuf::world::now;
use crate::tuf::world::public;
use crate::tuf::world::signed_by;
use crate::tuf::world::world;

/// The keys of the world, by name: 2, 3 and 7 sign root (two of them), 1, 2 and 3 signed the one before.
const NAMES: [(u8, &str, &str); 8] = [
    (1, "ana", "Ana Duarte"),
    (2, "bo", "Bo Lindqvist"),
    (3, "chi", "Chi Nwosu"),
    (4, "tia", "Tia Berg"),
    (5, "sam", "Sam Online"),
    (6, "tim", "Tim Online"),
    (7, "fay", "Fay Adeyemi"),
    (8, "dev", "Dana Roth"),
];

fn names() -> Names {
    let mut names = Names::default();
    for (n, name, holder) in NAMES {
        names.insert(public(n).keyid(), Person { name: name.to_owned(), holder: Some(holder.to_owned()) });
    }
    names
}

fn model(set: &Set) -> Model {
    Model::of(&Repository::read(set).unwrap(), &names())
}

fn places(model: &Model, keys: &[u8]) -> KeySet {
    keys.iter().filter_map(|n| model.keys.of(&public(*n))).collect()
}

fn assess_at(set: &Set, lost: &[u8], stolen: &[u8], at: Date) -> Assessment {
    let model = model(set);
    model.assess(&Question { lost: places(&model, lost), stolen: places(&model, stolen), at })
}

fn assess(set: &Set, lost: &[u8], stolen: &[u8]) -> Assessment {
    assess_at(set, lost, stolen, now())
}

/// The world with files that are listed by version alone: in snapshot, or in timestamp.
fn without_hashes(world: &World, role: &str) -> Set {
    let mut set = world.build();
    let name = if role == "snapshot" { "5.snapshot.json" } else { "timestamp.json" };
    let file: Value = serde_json::from_slice(&set.0[name]).unwrap();
    let mut signed = file["signed"].clone();
    for listed in signed["meta"].as_object_mut().unwrap().values_mut() {
        listed.as_object_mut().unwrap().retain(|field, _| field == "version");
    }
    let by = if role == "snapshot" { &world.snapshot.1 } else { &world.timestamp.1 };
    set.put(name, &signed_by(&signed, by));
    set
}

/// A directory with the world in it, and its names.
fn folder() -> tempfile::TempDir {
    folder_of(&world())
}

fn folder_of(world: &World) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, bytes) in &world.build().0 {
        std::fs::create_dir_all(folder.path().join("metadata")).unwrap();
        std::fs::write(folder.path().join("metadata").join(name), bytes).unwrap();
    }
    let entry = |(n, name, holder): &(u8, &str, &str)| {
        (public(*n).keyid().0, serde_json::json!({"name": name, "holder": holder}))
    };
    let names: serde_json::Map<String, Value> = NAMES.iter().map(entry).collect();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    std::fs::write(folder.path().join("keys/names.json"), Value::Object(names).to_string()).unwrap();
    folder
}
