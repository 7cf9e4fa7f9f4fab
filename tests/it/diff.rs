//! The semantic difference: each rule on one world bent one way, what another project published, and the command.

mod cli;
mod roles;
mod roots;
mod sigstore;

use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::diff;
use keyrite::tuf::diff::Section;
use keyrite::tuf::names::Person;
use serde_json::Value;

use crate::tuf::world::public;
use crate::tuf::world::signed_by;

/// The keys of the world, by name: 1, 2, 3 and 7 sign root, 4 targets, 5 snapshot, 6 timestamp, 8 and 9 delegations.
const NAMES: [(u8, &str); 9] = [
    (1, "ana"),
    (2, "bo"),
    (3, "chi"),
    (4, "tia"),
    (5, "sam"),
    (6, "tim"),
    (7, "fay"),
    (8, "dev"),
    (9, "eva"),
];

/// One way to bend a world, and what then is said.
type Bend = (fn(&mut Value), &'static str);

fn names() -> Names {
    let mut names = Names::default();
    for (n, name) in NAMES {
        names.insert(public(n).keyid(), Person { name: name.to_owned(), holder: None });
    }
    names
}

/// The difference of two signed parts, each signed by those keys.
fn between(old: (&Value, &[u8]), new: (&Value, &[u8])) -> Section {
    between_files(&signed_by(old.0, old.1), &signed_by(new.0, new.1))
}

fn between_files(old: &Metadata, new: &Metadata) -> Section {
    diff::files(None, &old.to_file(), &new.to_file(), &names()).unwrap()
}

/// The lines of two signed parts that nobody signed.
fn lines(old: &Value, new: &Value) -> Vec<String> {
    between((old, &[]), (new, &[])).lines().map(str::to_owned).collect()
}

/// What follows, each with its role.
fn follows(section: &Section) -> Vec<String> {
    section.consequences.iter().map(|c| format!("{}: {}", c.role, c.words)).collect()
}

/// What people read, in the order of the lines.
fn words(section: &Section) -> Vec<&str> {
    section.changes.iter().map(|change| change.words.as_str()).collect()
}

/// The keyid of a key of the world.
fn keyid(n: u8) -> KeyId {
    public(n).keyid()
}

/// Gives the key that a root lists under `from` the keyid `to`, in every role.
fn relabel(root: &mut Value, from: &str, to: &str) {
    let key = root["keys"].as_object_mut().unwrap().remove(from).unwrap();
    root["keys"][to] = key;
    for role in root["roles"].as_object_mut().unwrap().values_mut() {
        for keyid in role["keyids"].as_array_mut().unwrap() {
            if keyid == from {
                *keyid = to.into();
            }
        }
    }
}
