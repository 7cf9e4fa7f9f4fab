//! A repository that exists: a metadata directory, a bundle, or the record of an earlier ceremony.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::assess::Model;
use crate::bundle::Dir;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::diff::pairs::names_beside;
use crate::cli::show::plain;
use crate::draft::Known;
use crate::draft::KnownKey;
use crate::draft::KnownPerson;
use crate::draft::KnownShares;
use crate::driver::disk;
use crate::plan::node;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::tuf::Repository;
use crate::tuf::overview::by_proposed;

/// The largest `names.json` and ceremony file, in bytes.
const MAX: u64 = 1 << 24;

/// What a directory tells.
pub(super) struct Existing {
    pub(super) repository: Repository,
    pub(super) model: Model,
    pub(super) known: Known,
    /// Where the metadata lies.
    pub(super) metadata: PathBuf,
}

fn unread(path: &Path, why: &str) -> Failure {
    let hint = "give a directory of metadata, a bundle, or the record of a ceremony; nothing was changed";
    Failure::new(Exit::Input, format!("{}: {}", plain(&path.display().to_string()), plain(why)), hint)
}

/// Reads it. Nothing in it is verified, for a repository in trouble must be read as well.
pub(super) fn open(path: &Path) -> Result<Existing, Failure> {
    let dir = Dir::open(path).map_err(|why| unread(path, &why))?;
    let repository = Repository::read(&dir).map_err(|why| unread(path, &why.to_string()))?;
    let names = names_beside(path)?;
    let known = match first(path, &["ceremony.yaml", "../ceremony.yaml"])? {
        Some((_, bytes)) => known(&String::from_utf8_lossy(&bytes)),
        None => Known::default(),
    };
    let model = Model::of(&repository, &names);
    Ok(Existing { repository, model, known, metadata: dir.metadata() })
}

/// The first of some files that is there.
fn first(path: &Path, places: &[&str]) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    let Some(place) = places.iter().map(|place| path.join(place)).find(|place| place.is_file()) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let file = disk::open(&place).map_err(|error| unread(&place, &error.to_string()))?;
    file.take(MAX).read_to_end(&mut bytes).map_err(|error| unread(&place, &error.to_string()))?;
    Ok(Some((place, bytes)))
}

/// People, keys and requirements of an earlier ceremony file; what cannot be read is left out.
fn known(text: &str) -> Known {
    let mut known = Known::default();
    let Ok(top) = node::parse(text) else { return known };
    for (id, person) in map(field(&top, "participants")) {
        if let (Some(name), Some(role)) = (scalar(field(person, "name")), scalar(field(person, "role"))) {
            let statement_key = scalar(field(person, "statement_key"));
            known.people.push(KnownPerson { id: id.to_owned(), name, role, statement_key });
        }
    }
    for (name, key) in map(field(&top, "keys")) {
        let made = scalar(field(key, "generate")).is_some_and(|generate| generate == "true");
        let store = scalar(field(key, "store")).map(|store| match store.strip_prefix("age:") {
            // What was made in the record is carried into the next ceremony by hand.
            Some(path) if made => format!("age:inputs/{path}"),
            _ => store,
        });
        let (holder, shares) = (scalar(field(key, "holder")), field(key, "shares").and_then(shares));
        known.keys.insert(name.to_owned(), KnownKey { holder, store, shares });
    }
    let environment = field(&top, "environment");
    let named = |name: &str| list(environment.and_then(|environment| field(environment, name)));
    (known.require, known.waive) = (named("require"), named("waive"));
    known
}

/// How a key was split.
fn shares(node: &Node) -> Option<KnownShares> {
    let threshold = scalar(field(node, "threshold"))?;
    Some(KnownShares { threshold, holders: list(field(node, "holders")) })
}

fn list(node: Option<&Node>) -> Vec<String> {
    match node.map(|node| &node.kind) {
        Some(Kind::List(items)) => items.iter().filter_map(|item| scalar(Some(item))).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn map(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let fields = match node.map(|node| &node.kind) {
        Some(Kind::Map(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|(key, value)| (key.text.as_str(), value))
}

pub(super) fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    map(Some(node)).find(|(key, _)| *key == name).map(|(_, value)| value)
}

pub(super) fn scalar(node: Option<&Node>) -> Option<String> {
    match node.map(|node| &node.kind) {
        Some(Kind::Scalar { text, .. }) => Some(text.clone()),
        _ => None,
    }
}

/// What stands before everything that is said of a repository which a rehearsal made, or whose newest root nobody takes
/// yet.
pub(super) fn told_first(rehearsal: bool, proposed: Option<u64>) -> impl Iterator<Item = String> {
    let rehearsal =
        rehearsal.then(|| "!! a rehearsal made this: it is not real, and nobody may trust it".to_owned());
    let proposed = proposed.map(|root| format!("!! {}", by_proposed(root)));
    rehearsal.into_iter().chain(proposed)
}
