//! Takes the metadata of a repository that another tool made, byte for byte; what must not come along is refused.
//!
//! It reads and names files and judges no trust; `keyrite import` calls it, shows what it found and writes it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::bundle::manifest::MANIFEST;
use crate::bundle::read::in_record;
use crate::bundle::rules;
use crate::bundle::survey::open;
use crate::tuf::Metadata;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::Refused;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::client::rules::METADATA_FORMAT;
use crate::tuf::client::rules::ROOT_ONE_PER_VERSION;
use crate::tuf::diff;
use crate::tuf::key::private_material;

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

/// Reads the metadata of the repository at `path`. Links, private keys and JSON that is no metadata are refused.
pub fn adopt(path: &Path) -> Result<Adopted, Refused> {
    let bundle = in_record(path);
    let path = bundle.as_deref().unwrap_or(path);
    let is_dir = |place: &&str| fs::symlink_metadata(path.join(place)).is_ok_and(|meta| meta.is_dir());
    let Some(place) = PLACES.into_iter().find(|place| place.is_empty() || is_dir(place)) else {
        return refuse(FILE_READABLE, "", "not a directory");
    };
    let mut adopted = Adopted::default();
    let mut plain = None;
    for (name, bytes) in directory(&path.join(place), &mut adopted.left_out)? {
        match Metadata::parse(&bytes) {
            Ok(metadata) if name == "root.json" => plain = Some((metadata, bytes)),
            Ok(_) => drop(adopted.files.insert(name, bytes)),
            Err(why) => return refuse(METADATA_FORMAT, &name, why),
        }
    }
    let history = path.join(place).join(HISTORY);
    if fs::symlink_metadata(&history).is_ok_and(|meta| meta.is_dir()) {
        for (name, bytes) in directory(&history, &mut adopted.left_out)? {
            add_root(&mut adopted.files, &name, bytes)?;
        }
    }
    if let Some((metadata, bytes)) = plain {
        let Some(version) = metadata.signed()["version"].as_u64() else {
            return refuse(METADATA_FORMAT, "root.json", "it has no version");
        };
        add_root(&mut adopted.files, &format!("{version}.root.json"), bytes)?;
    }
    match adopted.files.is_empty() {
        true => refuse(FILE_READABLE, "", "no metadata in it"),
        false => Ok(adopted),
    }
}

/// A root beside those that are there: of one version there is one, though it may lie in two places with more and
/// fewer signatures. The one under its own number stays.
fn add_root(files: &mut BTreeMap<String, Vec<u8>>, name: &str, bytes: Vec<u8>) -> Result<(), Refused> {
    let new = Metadata::parse(&bytes).or_else(|why| refuse(METADATA_FORMAT, name, why))?;
    let (version, role) = diff::version_and_role(name.strip_suffix(".json").unwrap_or(name));
    if role != "root" || version.is_none() || version != new.signed()["version"].as_u64() {
        return refuse(METADATA_FORMAT, name, "not a root of the version that its name says");
    }
    match files.get(name).map(|known| Metadata::parse(known)) {
        Some(Ok(known)) if known.payload() != new.payload() => refuse(
            ROOT_ONE_PER_VERSION,
            name,
            "there are two roots of this version; ask which one was published",
        ),
        Some(_) => Ok(()),
        None => {
            files.insert(name.to_owned(), bytes);
            Ok(())
        }
    }
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
