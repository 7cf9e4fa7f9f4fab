//! A directory from a drive: a bundle, or metadata alone. Nothing in it is trusted before [`check`] says so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fs;
use std::io::Cursor;
use std::io::Read;
use std::io::Take;
use std::path::Path;
use std::path::PathBuf;

use memchr::memmem;

use crate::bundle::instructions;
use crate::bundle::instructions::VERIFY;
use crate::bundle::layout;
use crate::bundle::manifest::Entry;
use crate::bundle::manifest::MANIFEST;
use crate::bundle::manifest::Manifest;
use crate::bundle::medium;
use crate::bundle::rules;
use crate::bundle::survey::Seen;
use crate::bundle::survey::find;
use crate::bundle::survey::public;
use crate::bundle::survey::survey;
use crate::tuf::SignedFile;
use crate::tuf::client;
use crate::tuf::client::Files;
use crate::tuf::client::Refused;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::client::Verified;
use crate::tuf::client::Wants;
use crate::tuf::client::rules::FILE_READABLE;
use crate::tuf::client::rules::REHEARSAL;
use crate::tuf::targets::TargetFile;
use crate::words::Digest;
use crate::words::counted;

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
    /// Files of a bundle that the caller knows, by their paths.
    known: BTreeMap<String, SignedFile>,
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
    /// How many targets a client finds in the metadata, and no file of them is there.
    pub absent: usize,
    /// The files that are those which the caller knows, by their paths.
    pub as_known: BTreeSet<String>,
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
        let base = in_record(path).unwrap_or_else(|| path.to_owned());
        let metadata = if is_dir(&base.join("metadata")) { "metadata" } else { "" };
        Ok(Self { base, metadata, links: false, known: BTreeMap::new() })
    }

    /// A bundle in which these files are expected, by their paths. Where one of them lies here, byte for byte, what is
    /// known of it is known; where another file lies, that one is looked at as if nobody had expected any.
    pub fn beside(self, known: BTreeMap<String, SignedFile>) -> Self {
        Self { known, ..self }
    }

    /// The directory itself; of a record, its bundle.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Where the metadata lies.
    pub fn metadata(&self) -> PathBuf {
        if self.metadata.is_empty() { self.base.clone() } else { self.base.join(self.metadata) }
    }

    /// A directory of the caller's own, such as a client's: links are followed, as python-tuf keeps `root.json`.
    pub fn open_own(path: &Path) -> Result<Self, String> {
        Ok(Self { links: true, ..Self::open(path)? })
    }

    /// A file, cut off behind the byte that is too much.
    fn open_below(&self, folder: &str, name: &str, max: u64) -> Result<Option<Take<fs::File>>, String> {
        let mut path = self.base.join(folder).join(name);
        if self.links && fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
            path = fs::canonicalize(&path).map_err(|e| e.to_string())?;
        }
        Ok(find(&path)?.map(|file| file.take(max.saturating_add(1))))
    }

    /// Whether this file of metadata has these bytes, on the medium.
    pub(crate) fn holds(&self, name: &str, bytes: &[u8]) -> Result<bool, String> {
        is_name(name)?;
        let file = self.open_below(self.metadata, name, 0)?.map(Take::into_inner);
        file.map_or(Ok(false), |file| medium::holds(&file, &[bytes]).map_err(|error| error.to_string()))
    }

    fn read_below(&self, folder: &str, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        let Some(file) = self.open_below(folder, name, max)? else { return Ok(None) };
        let length = length(&file)?;
        whole(file, length, max).map(Some)
    }

    /// Below the directory.
    fn path_of(&self, name: &str) -> String {
        if self.metadata.is_empty() { name.to_owned() } else { format!("{}/{name}", self.metadata) }
    }

    /// What there is to compare with: all of a bundle; without a manifest, the target files.
    fn survey(&self, has_manifest: bool) -> Result<BTreeMap<String, Seen>, Refused> {
        if has_manifest {
            return survey(&self.base, "", false, true, &BTreeSet::new(), &self.known);
        }
        let is_dir = fs::symlink_metadata(self.base.join("targets")).is_ok_and(|meta| meta.is_dir());
        if self.metadata.is_empty() || !is_dir {
            return Ok(BTreeMap::new());
        }
        survey(&self.base, "targets", false, true, &BTreeSet::new(), &BTreeMap::new())
    }
}

/// The bundle in the record of a ceremony: what lies in `metadata/` of a record is only what that ceremony made.
pub(super) fn in_record(path: &Path) -> Option<PathBuf> {
    let bundle = path.join("bundle");
    (path.join("journal.jsonl").is_file() && bundle.join("metadata").is_dir()).then_some(bundle)
}

fn length(file: &Take<fs::File>) -> Result<u64, String> {
    file.get_ref().metadata().map(|meta| meta.len()).map_err(|e| e.to_string())
}

/// All of a file that [`Dir::open_below`] opened, and that is so long.
fn whole(mut file: Take<fs::File>, length: u64, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(max).saturating_add(1)).unwrap_or(0));
    let read = file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match u64::try_from(read) {
        Ok(read) if read <= max => Ok(bytes),
        _ => Err(format!("larger than {max} bytes")),
    }
}

/// Names are made by the client, with every slash encoded; this is the second lock.
fn is_name(name: &str) -> Result<(), String> {
    if name.contains(['/', '\\', '\0']) || name == ".." {
        return Err("not the name of a file".to_owned());
    }
    Ok(())
}

impl Files for Dir {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        is_name(name)?;
        self.read_below(self.metadata, name, max)
    }

    fn open(&self, name: &str, max: u64) -> Result<Option<Box<dyn Read + '_>>, String> {
        is_name(name)?;
        let file = self.open_below(self.metadata, name, max)?;
        Ok(file.map(|file| Box::new(file) as Box<dyn Read>))
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

/// The metadata of a directory, for one who looks at its other files too: each file is read once.
struct Beside<'a> {
    dir: &'a Dir,
    /// The files that are those which the directory is expected to have.
    as_known: BTreeSet<String>,
    /// The paths of the targets that the files in `targets/` can be.
    targets: HashSet<String>,
    /// The files that were read, and in which no private key lies.
    looked: RefCell<BTreeSet<String>>,
    /// A file in which one lies.
    private: RefCell<Option<Refused>>,
}

/// A file up to this size is read whole, so that it is looked at for private keys when it is verified.
const WHOLE: u64 = 1 << 20;

impl Beside<'_> {
    /// Notes whether a private key lies in a file of metadata.
    fn look(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path_of(name);
        match public(&path, bytes) {
            Ok(()) => drop(self.looked.borrow_mut().insert(path)),
            Err(refused) => drop(self.private.borrow_mut().get_or_insert(refused)),
        }
    }
}

impl Files for Beside<'_> {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        let read = self.dir.read(name, max)?;
        if let Some(bytes) = &read {
            self.look(name, bytes);
        }
        Ok(read)
    }

    fn names(&self) -> Result<Vec<String>, String> {
        self.dir.names()
    }

    fn open(&self, name: &str, max: u64) -> Result<Option<Box<dyn Read + '_>>, String> {
        is_name(name)?;
        let Some(file) = self.dir.open_below(self.dir.metadata, name, max)? else { return Ok(None) };
        let length = length(&file)?;
        if length <= WHOLE {
            let bytes = whole(file, length, max)?;
            self.look(name, &bytes);
            return Ok(Some(Box::new(Cursor::new(bytes))));
        }
        Ok(Some(Box::new(file)))
    }

    fn held(&self, name: &str) -> Option<SignedFile> {
        let path = self.dir.path_of(name);
        self.dir.known.get(&path).filter(|_| self.as_known.contains(&path)).cloned()
    }

    fn wants(&self) -> Wants<'_> {
        Wants::These(&self.targets)
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
            let manifest = Manifest::parse(&bytes);
            let manifest = manifest.or_else(|why| refuse(rules::MANIFEST_FORMAT, MANIFEST, why))?;
            Some((manifest, instructions::pin(&bytes)))
        }
        Err(why) => return refuse(FILE_READABLE, MANIFEST, why),
    };
    let found = dir.survey(manifest.is_some())?;
    if let Some((manifest, pin)) = &manifest {
        as_listed(manifest, &found)?;
        in_order(manifest)?;
        pinned(dir, pin)?;
        if manifest.rehearsal && !request.allow_rehearsal {
            return refuse(REHEARSAL, MANIFEST, "made in a rehearsal: nobody may trust it");
        }
    }
    let as_known = found.iter().filter(|(_, seen)| seen.known).map(|(path, _)| path.clone());
    let beside = Beside {
        dir,
        as_known: as_known.collect(),
        targets: found.keys().flat_map(|place| layout::paths(place)).collect(),
        looked: RefCell::default(),
        private: RefCell::default(),
    };
    let verified = client::verify_after(&beside, request, own.map(|own| -> &dyn Files { own }));
    if manifest.is_none() {
        // The rest of the metadata; what lies beside it and `targets/` is not ours to judge.
        if let Some(refused) = beside.private.take() {
            return Err(refused);
        }
        let flat = dir.metadata.is_empty();
        survey(&dir.base, dir.metadata, flat, false, &beside.looked.take(), &BTreeMap::new())?;
    }
    let mut verified = verified?;
    let (target_files, absent) = match request.scope {
        Scope::Root => (0, 0),
        Scope::Offline | Scope::Begun | Scope::Full => {
            let (count, remarks) = targets(&verified, &found, manifest.is_none())?;
            let absent = absent(&verified, &found);
            verified.remarks.extend(remarks);
            (count, absent)
        }
    };
    let manifest = manifest.map(|(manifest, _)| manifest);
    Ok(Checked { verified, manifest, target_files, absent, as_known: beside.as_known })
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
        let other = match () {
            () if seen.length != entry.length => format!("{} bytes and not {}", seen.length, entry.length),
            () if seen.sha256 != entry.sha256 => format!("sha256 {} and not {}", seen.sha256, entry.sha256),
            () => continue,
        };
        let why = format!("changed since the bundle was made: {other}");
        return refuse(rules::MANIFEST_FILE_CHANGED, &entry.path, why);
    }
    match found.keys().find(|path| !listed.contains(path.as_str())) {
        Some(path) => {
            refuse(rules::MANIFEST_FILE_UNLISTED, path, "it is there, and the manifest does not list it")
        }
        None => Ok(()),
    }
}

/// What is published has its place in the order of publication, in which the manifest lists it: the timestamp, which
/// tells clients of all the others, is the last.
fn in_order(manifest: &Manifest) -> Result<(), Refused> {
    let published =
        |entry: &&Entry| entry.path.starts_with("metadata/") || entry.path.starts_with("targets/");
    let mut files = manifest.files.iter().filter(published).peekable();
    for place in 1.. {
        let Some(entry) = files.next() else { break };
        let early = entry.path == "metadata/timestamp.json" && files.peek().is_some();
        if entry.order != Some(place) || early {
            let why = format!("the manifest lists {} out of the order of publication", entry.path);
            return refuse(rules::MANIFEST_FILE_CHANGED, MANIFEST, why);
        }
    }
    Ok(())
}

/// `VERIFY.txt`, where it can be read, was written for this very manifest.
fn pinned(dir: &Dir, pin: &Digest) -> Result<(), Refused> {
    match dir.read_below("", VERIFY, MAX_MANIFEST) {
        Ok(Some(text)) if memmem::find(&text, pin.hex().as_bytes()).is_none() => {
            let why =
                "changed since the bundle was made: VERIFY.txt beside it was written for another manifest";
            refuse(rules::MANIFEST_FILE_CHANGED, MANIFEST, why)
        }
        _ => Ok(()),
    }
}

/// How many targets have no file, under none of their names. What is asked for by path are those that could have one.
fn absent(verified: &Verified, found: &BTreeMap<String, Seen>) -> usize {
    let names = |path: &String, target| layout::names(path, target, verified.consistent_snapshot);
    let here = verified
        .targets
        .iter()
        .filter(|(path, target)| names(path, target).iter().any(|name| found.contains_key(name)));
    verified.target_count.saturating_sub(here.count())
}

/// Every file in `targets/` is one that a trusted role lists, and that a client would ask for by its name, with the bytes that the metadata lists.
/// How many these are, and what is to be remarked of others. A published directory keeps earlier files under the names
/// that have their hashes, for clients that are about to ask for them.
fn targets(
    verified: &Verified,
    found: &BTreeMap<String, Seen>,
    published: bool,
) -> Result<(usize, Vec<String>), Refused> {
    let mut files = found.iter().filter(|(path, _)| path.starts_with("targets/")).peekable();
    if files.peek().is_none() {
        return Ok((0, Vec::new()));
    }
    let mut known: BTreeMap<String, &TargetFile> = BTreeMap::new();
    for (path, target) in &verified.targets {
        known.extend(
            layout::names(path, target, verified.consistent_snapshot).into_iter().map(|name| (name, target)),
        );
    }
    // Under a name that has its hash it cannot be taken for another, and a later order of delegations may lead to it.
    for (path, target) in verified.not_found.iter().filter(|_| verified.consistent_snapshot) {
        for name in layout::names(path, target, true) {
            known.entry(name).or_insert(target);
        }
    }
    let (mut count, mut remarks, mut earlier) = (0, Vec::new(), Vec::new());
    for (path, seen) in files {
        let Some(target) = known.get(path) else {
            match misnamed(verified, found, path, seen) {
                Ok(remark) => remarks.push(remark),
                Err(_) if published && verified.consistent_snapshot && has_its_hash(path, seen) => {
                    earlier.push(path.as_str());
                }
                Err(refused) => return Err(refused),
            }
            continue;
        };
        if !is_listed(target, seen) {
            let why = "it is not the file that the metadata lists";
            return refuse(rules::TARGET_FILE_AS_LISTED, path, why);
        }
        count += 1;
    }
    if let Some(one) = earlier.first() {
        let files = counted(earlier.len(), "file");
        remarks.push(format!(
            "targets/: {files} that no role lists, such as {one}: no client asks for what was replaced"
        ));
    }
    Ok((count, remarks))
}

/// Whether a file lies under a name that begins with its own hash.
fn has_its_hash(path: &str, seen: &Seen) -> bool {
    let places = [path.rsplit('/').next(), path.strip_prefix("targets/")];
    let mut named = places.into_iter().flatten().filter_map(|place| place.split_once('.'));
    named.any(|(hash, _)| {
        !hash.is_empty() && [&seen.sha256, &seen.sha512].iter().any(|own| hash.eq_ignore_ascii_case(own))
    })
}

fn is_listed(target: &TargetFile, seen: &Seen) -> bool {
    let is = |algorithm: &str, hash: &str| {
        target.hashes.get(algorithm).is_none_or(|listed| listed.eq_ignore_ascii_case(hash))
    };
    seen.length == target.length && is("sha256", &seen.sha256) && is("sha512", &seen.sha512)
}

/// A file under a name for which no client asks: a remark, where the same file is there under the name for which they do.
fn misnamed(
    verified: &Verified,
    found: &BTreeMap<String, Seen>,
    place: &str,
    seen: &Seen,
) -> Result<String, Refused> {
    let paths = layout::paths(place);
    let mut listed = paths.iter().filter_map(|path| verified.targets.get_key_value(path));
    let Some((path, target)) = listed.find(|(_, target)| is_listed(target, seen)) else {
        let why = "no role that a client believes lists this target";
        return refuse(rules::TARGET_FILE_KNOWN, place, why);
    };
    let names = layout::names(path, target, verified.consistent_snapshot);
    let asked = names.first().map_or("", String::as_str);
    match names.iter().any(|name| found.contains_key(name)) {
        true => {
            Ok(format!("{place}: clients ask for {asked} here, which is there too; nobody needs this copy"))
        }
        false => refuse(rules::TARGET_FILE_KNOWN, place, format!("clients ask for {asked} here")),
    }
}
