//! Takes the metadata of a repository that another tool made, byte for byte; what must not come along is refused.
//!
//! It reads and names files and judges no trust; `keyrite import` calls it, shows what it found and writes it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::bundle::manifest::MANIFEST;
use crate::bundle::read::in_record;
use crate::bundle::rules;
use crate::bundle::survey::open;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::Refused;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::client::rules::METADATA_FORMAT;
use crate::tuf::client::rules::ROOT_ONE_PER_VERSION;
use crate::tuf::diff;
use crate::tuf::key::private_material;
use crate::tuf::root::Root;

/// Where tools keep metadata below the directory that people name.
const PLACES: [&str; 3] = ["metadata", "repository", ""];
/// Where tuf-on-ci keeps every root.
const HISTORY: &str = "root_history";
/// JSON beside metadata that is known to be none.
const BESIDE: [&str; 2] = ["names.json", MANIFEST];

/// The metadata of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// The bytes of each file under the name that a ceremony expects: `3.root.json`, `timestamp.json`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What lay beside it and was left out.
    pub left_out: Vec<String>,
    /// What lay without the version that clients ask for in its name, and its name here.
    pub named: BTreeMap<String, String>,
}

impl Files for Adopted {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        let is_short = |bytes: &&Vec<u8>| u64::try_from(bytes.len()).is_ok_and(|length| length <= max);
        match self.files.get(name) {
            Some(bytes) if !is_short(&bytes) => Err(format!("larger than {max} bytes")),
            found => Ok(found.cloned()),
        }
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.files.keys().cloned().collect())
    }
}

fn refuse<T>(rule: &'static str, file: &str, why: impl ToString) -> Result<T, Refused> {
    Err(Refused { rule, file: file.to_owned(), why: why.to_string() })
}

/// A file as it lies.
struct Lying {
    /// Where, below the metadata.
    from: String,
    bytes: Vec<u8>,
    metadata: Metadata,
}

/// Reads the metadata of the repository at `path`. Links, private keys and JSON that is no metadata are refused.
pub fn adopt(path: &Path) -> Result<Adopted, Refused> {
    let bundle = in_record(path);
    let path = bundle.as_deref().unwrap_or(path);
    let is_dir = |place: &&str| fs::symlink_metadata(path.join(place)).is_ok_and(|meta| meta.is_dir());
    let Some(place) = PLACES.into_iter().find(|place| place.is_empty() || is_dir(place)) else {
        return refuse(FILE_READABLE, "", "not a directory");
    };
    let mut left_out = Vec::new();
    let mut lying = Vec::new();
    for (name, bytes) in directory(&path.join(place), &mut left_out)? {
        lying.push(Lying::read(name, bytes)?);
    }
    let history = path.join(place).join(HISTORY);
    if fs::symlink_metadata(&history).is_ok_and(|meta| meta.is_dir()) {
        for (name, bytes) in directory(&history, &mut left_out)? {
            let root = Lying::read(format!("{HISTORY}/{name}"), bytes)?;
            let (version, role) = diff::version_and_role(name.strip_suffix(".json").unwrap_or(&name));
            if role != "root" || version.is_none() || version != root.version() {
                return refuse(METADATA_FORMAT, &name, "not a root of the version that its name says");
            }
            lying.push(root);
        }
    }
    let files = under_their_names(lying, &mut left_out)?;
    match files.is_empty() {
        true => refuse(FILE_READABLE, "", "no metadata in it"),
        false => Ok(Adopted::new(files, left_out)),
    }
}

impl Adopted {
    fn new(files: BTreeMap<String, Lying>, left_out: Vec<String>) -> Self {
        let mut adopted = Self { left_out, ..Self::default() };
        for (name, file) in files {
            if !file.from.contains('/') && file.from != name {
                adopted.named.insert(file.from, name.clone());
            }
            adopted.files.insert(name, file.bytes);
        }
        adopted
    }
}

impl Lying {
    fn read(from: String, bytes: Vec<u8>) -> Result<Self, Refused> {
        match Metadata::parse(&bytes) {
            Ok(metadata) => Ok(Self { from, bytes, metadata }),
            Err(why) => refuse(METADATA_FORMAT, &from, why),
        }
    }

    fn version(&self) -> Option<u64> {
        self.metadata.signed()["version"].as_u64()
    }

    /// The name under which clients ask for it: with its version for a root and, where snapshots are consistent, for all
    /// but timestamp.
    fn name(&self, consistent: bool) -> Result<String, Refused> {
        let file = self.from.rsplit('/').next().unwrap_or(&self.from);
        let (named, stem) = diff::version_and_role(file.strip_suffix(".json").unwrap_or(file));
        let kind = self.metadata.role_type();
        let by_version = stem == "root" || (consistent && matches!(kind, "snapshot" | "targets"));
        match (named, self.version()) {
            (None, Some(version)) if by_version => Ok(format!("{version}.{file}")),
            (None, None) if stem == "root" => refuse(METADATA_FORMAT, file, "it has no version"),
            _ => Ok(file.to_owned()),
        }
    }
}

/// Each file under the name that clients ask for. A file without a number joins those that have one.
fn under_their_names(
    mut lying: Vec<Lying>,
    left_out: &mut Vec<String>,
) -> Result<BTreeMap<String, Lying>, Refused> {
    let is_root = |file: &&Lying| file.metadata.role_type() == "root";
    let newest = lying.iter().filter(is_root).max_by_key(|root| root.version());
    let consistent = newest.is_some_and(|root| root.metadata.signed()["consistent_snapshot"] == true);
    let roots = lying.iter().filter_map(|file| Root::from_signed(file.metadata.signed()).ok());
    let keys: Vec<PublicKey> = roots.flat_map(|root| root.keys.into_values()).collect();
    lying.sort_by_key(|file| {
        let name = file.from.strip_suffix(".json").unwrap_or(&file.from);
        (diff::version_and_role(name).0.is_none(), file.from.clone())
    });
    let mut files: BTreeMap<String, Lying> = BTreeMap::new();
    for new in lying {
        let name = new.name(consistent)?;
        let Some(known) = files.remove(&name) else {
            files.insert(name, new);
            continue;
        };
        let (kept, other, why) = one_of(&name, known, new, &keys)?;
        if kept.bytes != other.bytes {
            left_out.push(format!("{}: {} {why}", other.from, kept.from));
        }
        files.insert(name, kept);
    }
    Ok(files)
}

/// Which of two files of one name is taken, and why: of a root there is one content, and the copy with more signatures
/// is taken as it lies.
fn one_of(
    name: &str,
    known: Lying,
    new: Lying,
    keys: &[PublicKey],
) -> Result<(Lying, Lying, &'static str), Refused> {
    if known.metadata.payload() == new.metadata.payload() {
        return Ok(match signed(&new.metadata, keys) > signed(&known.metadata, keys) {
            true => (new, known, "has the same content and more signatures"),
            false => (known, new, "has the same content, and no fewer signatures"),
        });
    }
    if known.metadata.role_type() == "root" {
        let why = "there are two roots of this version; ask which one was published";
        return refuse(ROOT_ONE_PER_VERSION, name, why);
    }
    Ok((known, new, "has the same version and another content, and is the one that clients ask for"))
}

/// How many of these keys signed it.
fn signed(metadata: &Metadata, keys: &[PublicKey]) -> usize {
    let signatures: Vec<Vec<u8>> =
        metadata.signatures().iter().filter_map(|signature| hex::decode(&signature.sig).ok()).collect();
    let holds = |key: &&PublicKey| signatures.iter().any(|sig| metadata.payload().verify(key, sig).is_ok());
    keys.iter().filter(holds).map(PublicKey::material).collect::<BTreeSet<_>>().len()
}

/// The JSON files of one directory. Folders and other files are left out, aloud; none of them may hold a private key.
fn directory(path: &Path, left_out: &mut Vec<String>) -> Result<Vec<(String, Vec<u8>)>, Refused> {
    let unreadable = |e: std::io::Error| Refused {
        rule: FILE_READABLE,
        file: path.display().to_string(),
        why: e.to_string(),
    };
    let mut files = Vec::new();
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            return refuse(rules::PLAIN_FILES, "", "a name that is not UTF-8");
        };
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if name != HISTORY {
                left_out.push(format!("{name}/"));
            }
            continue;
        }
        let bytes = read(&entry.path(), &name)?;
        if name.ends_with(".json") && !BESIDE.contains(&name.as_str()) {
            files.push((name, bytes));
        } else {
            left_out.push(name);
        }
    }
    Ok(files)
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, Refused> {
    let file = open(path).or_else(|why| refuse(rules::PLAIN_FILES, name, why))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_TARGETS + 1).read_to_end(&mut bytes);
    let read = read.or_else(|why| refuse(FILE_READABLE, name, why))?;
    if u64::try_from(read).is_ok_and(|length| length > MAX_TARGETS) {
        return refuse(FILE_READABLE, name, format!("larger than {MAX_TARGETS} bytes"));
    }
    match private_material(&bytes) {
        Some(shape) => {
            let why = format!("it holds {shape}; a repository is public: this key counts as stolen");
            refuse(rules::NO_PRIVATE_KEY, name, why)
        }
        None => Ok(bytes),
    }
}
