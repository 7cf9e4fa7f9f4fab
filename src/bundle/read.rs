//! A directory from a drive: a bundle, or metadata alone. Nothing in it is trusted before [`check`] says so.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::bundle::layout;
use crate::bundle::manifest::MANIFEST;
use crate::bundle::manifest::Manifest;
use crate::bundle::rules;
use crate::bundle::survey::Seen;
use crate::bundle::survey::open;
use crate::bundle::survey::survey;
use crate::tuf::client;
use crate::tuf::client::Files;
use crate::tuf::client::Refused;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::client::Verified;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::client::rules::REHEARSAL;
use crate::tuf::targets::TargetFile;

/// The largest manifest, in bytes.
const MAX_MANIFEST: u64 = 1 << 28;

/// A directory to verify: one with `metadata/` in it, or the metadata directory itself.
#[derive(Clone, Debug)]
pub struct Dir {
    base: PathBuf,
    /// Where metadata lies below `base`: `metadata`, or nothing.
    metadata: &'static str,
    /// Whether links are followed: in a directory that is the caller's own.
    links: bool,
}

/// The answer yes for a directory.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the client workflow says.
    pub verified: Verified,
    /// The manifest, where the directory has one; every file in it is as it lists.
    pub manifest: Option<Manifest>,
    /// How many target files are there; all of them are as the metadata lists.
    pub target_files: usize,
}

impl Dir {
    /// A directory; the error is that there is none, or that it cannot be read.
    pub fn open(path: &Path) -> Result<Self, String> {
        let is_dir = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err("not a directory".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        let metadata = if is_dir(&path.join("metadata")) { "metadata" } else { "" };
        Ok(Self { base: path.to_owned(), metadata, links: false })
    }

    /// A directory of the caller's own, such as a client's: links are followed, as python-tuf keeps `root.json`.
    pub fn open_own(path: &Path) -> Result<Self, String> {
        Ok(Self { links: true, ..Self::open(path)? })
    }

    fn read_below(&self, folder: &str, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        let path = self.base.join(folder).join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let limit = max.saturating_add(1);
        let file = if self.links { fs::canonicalize(&path).map_err(|e| e.to_string())? } else { path };
        let read = open(&file)?.take(limit).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        match u64::try_from(read) {
            Ok(read) if read <= max => Ok(Some(bytes)),
            _ => Err(format!("larger than {max} bytes")),
        }
    }

    /// What there is: all of a bundle; without a manifest, metadata and target files, and what lies beside them is
    /// not ours to judge.
    fn survey(&self, has_manifest: bool) -> Result<BTreeMap<String, Seen>, Refused> {
        if has_manifest {
            return survey(&self.base, "", false);
        }
        if self.metadata.is_empty() {
            return survey(&self.base, "", true);
        }
        let mut found = survey(&self.base, self.metadata, false)?;
        if fs::symlink_metadata(self.base.join("targets")).is_ok_and(|meta| meta.is_dir()) {
            found.extend(survey(&self.base, "targets", false)?);
        }
        Ok(found)
    }
}

impl Files for Dir {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        // Names are made by the client, with every slash encoded; this is the second lock.
        if name.contains(['/', '\\', '\0']) || name == ".." {
            return Err("not the name of a file".to_owned());
        }
        self.read_below(self.metadata, name, max)
    }

    fn names(&self) -> Result<Vec<String>, String> {
        let entries = fs::read_dir(self.base.join(self.metadata)).map_err(|e| e.to_string())?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| e.to_string())?.file_name();
            names.extend(name.to_str().filter(|name| name.ends_with(".json")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}

fn refuse<T>(rule: &'static str, file: &str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { rule, file: file.to_owned(), why: why.into() })
}

/// Checks a directory: no private key, the manifest, the client workflow, the target files.
///
/// The manifest comes before the metadata: a file that was changed on the way is named as that.
pub fn check(dir: &Dir, request: &Request<'_>) -> Result<Checked, Refused> {
    check_after(dir, request, None)
}

/// The same, as a client that has trusted `own` before.
pub fn check_after(dir: &Dir, request: &Request<'_>, own: Option<&Dir>) -> Result<Checked, Refused> {
    let manifest = match dir.read_below("", MANIFEST, MAX_MANIFEST) {
        Ok(None) => None,
        Ok(Some(bytes)) => {
            Some(Manifest::parse(&bytes).or_else(|why| refuse(rules::MANIFEST_FORMAT, MANIFEST, why))?)
        }
        Err(why) => return refuse(FILE_READABLE, MANIFEST, why),
    };
    let found = dir.survey(manifest.is_some())?;
    if let Some(manifest) = &manifest {
        as_listed(manifest, &found)?;
        if manifest.rehearsal && !request.allow_rehearsal {
            return refuse(REHEARSAL, MANIFEST, "made in a rehearsal: nobody may trust it");
        }
    }
    let verified = client::verify_after(dir, request, own.map(|own| -> &dyn Files { own }))?;
    let target_files = match request.scope {
        Scope::Root => 0,
        Scope::Offline | Scope::Full => targets(&verified, &found)?,
    };
    Ok(Checked { verified, manifest, target_files })
}

/// The manifest and the directory have the same files, and every file is the same.
fn as_listed(manifest: &Manifest, found: &BTreeMap<String, Seen>) -> Result<(), Refused> {
    let mut listed = BTreeSet::from([MANIFEST]);
    for entry in &manifest.files {
        if !listed.insert(&entry.path) {
            return refuse(rules::MANIFEST_FORMAT, &entry.path, "the manifest lists it twice");
        }
        let Some(seen) = found.get(&entry.path) else {
            return refuse(
                rules::MANIFEST_FILE_MISSING,
                &entry.path,
                "the manifest lists it, and it is not there",
            );
        };
        if seen.length != entry.length || seen.sha256 != entry.sha256 {
            let why =
                format!("changed since the bundle was made: sha256 {} and not {}", seen.sha256, entry.sha256);
            return refuse(rules::MANIFEST_FILE_CHANGED, &entry.path, why);
        }
    }
    match found.keys().find(|path| !listed.contains(path.as_str())) {
        Some(path) => {
            refuse(rules::MANIFEST_FILE_UNLISTED, path, "it is there, and the manifest does not list it")
        }
        None => Ok(()),
    }
}

/// Every file in `targets/` is one that a client would ask for, with the bytes that the metadata lists.
fn targets(verified: &Verified, found: &BTreeMap<String, Seen>) -> Result<usize, Refused> {
    let mut files = found.iter().filter(|(path, _)| path.starts_with("targets/")).peekable();
    if files.peek().is_none() {
        return Ok(0);
    }
    let mut known: BTreeMap<String, &TargetFile> = BTreeMap::new();
    for (path, target) in &verified.targets {
        known.extend(
            layout::names(path, target, verified.consistent_snapshot).into_iter().map(|name| (name, target)),
        );
    }
    let mut count = 0;
    for (path, seen) in files {
        let Some(target) = known.get(path) else {
            return refuse(
                rules::TARGET_FILE_KNOWN,
                path,
                "no role that a client believes lists this target",
            );
        };
        let is = |algorithm: &str, hash: &str| {
            target.hashes.get(algorithm).is_none_or(|listed| listed.eq_ignore_ascii_case(hash))
        };
        if seen.length != target.length || !is("sha256", &seen.sha256) || !is("sha512", &seen.sha512) {
            let why = "it is not the file that the metadata lists";
            return refuse(rules::TARGET_FILE_AS_LISTED, path, why);
        }
        count += 1;
    }
    Ok(count)
}
