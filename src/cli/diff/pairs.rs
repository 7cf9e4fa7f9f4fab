//! Which files are compared with which: two files, or the newest file of each role in two directories.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;

use crate::bundle::Dir;
use crate::bundle::places;
use crate::cli::Failure;
use crate::cli::diff::Args;
use crate::cli::diff::Compared;
use crate::cli::diff::Files;
use crate::cli::diff::unread;
use crate::driver::disk;
use crate::lint;
use crate::lint::Client;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::Repository;
use crate::tuf::apart::Request;
use crate::tuf::client::Files as _;
use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::MAX_ROOTS;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::diff;
use crate::tuf::diff::DiffError;
use crate::tuf::diff::Reach;
use crate::tuf::diff::Section;
use crate::tuf::json;
use crate::tuf::paths::Tree;
use crate::tuf::paths::moves;
use crate::tuf::root::TOP_LEVEL;

/// The largest `names.json`, in bytes.
const MAX_NAMES: u64 = 1 << 24;
/// How much of a file tells whether it is a request.
const HEAD: u64 = 1 << 12;
/// How much of two files is compared at once.
const PIECE: u64 = 1 << 18;

/// Compares what the arguments name.
pub(super) fn compare(args: &Args) -> Result<Compared, Failure> {
    let old = args.old.as_path();
    let Some(new) = args.new.as_deref() else { return alone(old, args.names.as_deref()) };
    let names = match &args.names {
        Some(path) => read_names(path)?,
        None => names_beside(old)?.or(names_beside(new)?),
    };
    match (is_dir(old)?, is_dir(new)?) {
        (true, true) => directories(old, new, &names),
        (false, false) => files(old, new, &names),
        _ => {
            let hint = "give two files, or two directories";
            Err(unread(&shown(new), "one is a directory and the other is not", hint))
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn is_dir(path: &Path) -> Result<bool, Failure> {
    match fs::metadata(path) {
        Ok(meta) => Ok(meta.is_dir()),
        Err(error) => Err(unread(&shown(path), &error.to_string(), "")),
    }
}

/// A file, as long as it is no longer than `max`.
fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    disk::read(path, max).map_err(|error| error.to_string())
}

pub(in crate::cli) fn read_names(path: &Path) -> Result<Names, Failure> {
    let read = read(path, MAX_NAMES).and_then(|bytes| Names::parse(&bytes));
    read.map_err(|why| {
        unread(&shown(path), &why, "names.json maps keyids to {\"name\": ..., \"holder\": ...}")
    })
}

/// Whose the keys are, as the first `names.json` near metadata says.
pub(in crate::cli) fn names_beside(path: &Path) -> Result<Names, Failure> {
    let dir = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    places::names(dir).map_or_else(|| Ok(Names::default()), |path| read_names(&path))
}

/// A request, compared with what came with it.
fn alone(path: &Path, names: Option<&Path>) -> Result<Compared, Failure> {
    let asked = if is_dir(path)? { None } else { request(path)? };
    let why = "no request, and nothing to compare it with";
    let asked = asked.ok_or_else(|| unread(&shown(path), why, "give OLD and NEW"))?;
    let (before, bytes) = asked.compared().ok_or_else(|| {
        let hint = "give that as OLD, and the request as NEW";
        unread(&shown(path), "the version before it did not come with this request", hint)
    })?;
    let names = names.map(read_names).transpose()?.unwrap_or_default().or(asked.names.clone());
    let is = asked.metadata.to_file();
    held(Files { old: before, new: shown(path) }, Some(&asked.role), bytes, &is, &names)
}

/// The request that a file is. Metadata of any size is told by its beginning.
fn request(path: &Path) -> Result<Option<Request>, Failure> {
    let fail = |why: String| unread(&shown(path), &why, "ask for the request again");
    // What is no file is refused where it is read.
    let Some(file) = disk::open_file(path) else { return Ok(None) };
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).map_err(|error| fail(error.to_string()))?;
    // JSON is no frames, whatever its texts say: of a million targets nothing is read for that.
    let mark = if head.trim_ascii_start().starts_with(b"{") { &b"\"keyrite-request\""[..] } else { b"KR1:" };
    if memchr::memmem::find(&head, mark).is_none() {
        return Ok(None);
    }
    let bytes = read(path, MAX_TARGETS).map_err(fail)?;
    match Request::parse(&bytes) {
        Ok(request) => Ok(Some(request)),
        // Metadata may say the word; what was cut short on the way is told here.
        Err(_) if !Request::is_meant(&bytes) && json::parse(&bytes).is_ok() => Ok(None),
        Err(error) => Err(fail(error.to_string())),
    }
}

fn files(old: &Path, new: &Path, names: &Names) -> Result<Compared, Failure> {
    let [was, is] = [request(old)?, request(new)?];
    let named = Files { old: shown(old), new: shown(new) };
    let bytes = |path: &Path, asked: &Option<Request>| match asked {
        Some(request) => Ok(request.metadata.to_file()),
        None => read(path, MAX_TARGETS).map_err(|why| unread(&shown(path), &why, "")),
    };
    if let Some(asked) = is.as_ref().or(was.as_ref()) {
        let names = names.clone().or(asked.names.clone());
        return held(named, Some(&asked.role), &bytes(old, &was)?, &bytes(new, &is)?, &names);
    }
    // Files that people named themselves, such as old.json and new.json, do not say a role's name.
    let role = role_of(new).filter(|role| role_of(old).as_ref() == Some(role));
    let gone_by = |(mut was, mut is): (_, _)| diff::passing(role.as_deref(), &mut was, &mut is, names);
    match disk::open_file(old).zip(disk::open_file(new)).and_then(gone_by) {
        // Roots do not go by: nobody asks which clients reach one.
        Some(section) => Ok(alike_or(named, section)),
        None => held(named, role.as_deref(), &bytes(old, &was)?, &bytes(new, &is)?, names),
    }
}

/// Two files that are held.
fn held(
    named: Files,
    role: Option<&str>,
    old: &[u8],
    new: &[u8],
    names: &Names,
) -> Result<Compared, Failure> {
    let section =
        diff::files(role, old, new, names).map_err(|error| uncompared(&named.old, &named.new, &error))?;
    let section = match section.reach.is_empty() {
        true => section,
        false => refused(section, Metadata::parse(new).iter()),
    };
    Ok(alike_or(named, section))
}

fn alike_or(named: Files, section: Section) -> Compared {
    let mut compared = Compared::default();
    add(&mut compared, named, section);
    compared
}

/// `dev` of `3.dev.json`, with the slashes and blanks that file names encode.
fn role_of(path: &Path) -> Option<String> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let (_, role) = diff::version_and_role(stem);
    Some(decoded(role))
}

/// A role's name out of a file's name: `%2F` is a slash. What is no such code stays as it is.
fn decoded(role: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = role.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| hex::decode(code).ok()).filter(|_| byte == b'%');
        match code {
            Some(decoded) => {
                bytes.extend(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| role.to_owned())
}

fn add(compared: &mut Compared, files: Files, section: Section) {
    if section.is_empty() {
        compared.same += 1;
    } else {
        compared.sections.push((files, section));
    }
}

fn uncompared(old: &str, new: &str, error: &DiffError) -> Failure {
    let hint = "give two files of the same role, or two directories of metadata";
    match error {
        DiffError::Old(why) => unread(old, &why.to_string(), hint),
        DiffError::New(why) => unread(new, &why.to_string(), hint),
        DiffError::Types { .. } => unread(new, &error.to_string(), hint),
    }
}

/// A directory and the newest file of each role in it.
struct Side {
    dir: Dir,
    newest: BTreeMap<String, Option<u64>>,
}

impl Side {
    fn open(path: &Path) -> Result<Self, Failure> {
        let fail = |why: String| unread(&shown(path), &why, "give a directory of metadata");
        let dir = Dir::open(path).map_err(fail)?;
        let mut names = dir.names().map_err(fail)?;
        names.retain(|name| !["names.json", "MANIFEST.json"].contains(&name.as_str()));
        let newest = diff::newest(&names);
        if newest.is_empty() {
            return Err(fail("no metadata in it".to_owned()));
        }
        Ok(Self { dir, newest })
    }

    fn file(&self, role: &str) -> Option<String> {
        let version = self.newest.get(role)?;
        Some(version.map(|version| format!("{version}.")).unwrap_or_default() + role + ".json")
    }

    fn shown(&self, file: &str) -> String {
        shown(&self.dir.metadata().join(file))
    }

    fn opened(&self, file: &str) -> Option<Box<dyn Read + '_>> {
        self.dir.open(file, MAX_TARGETS).ok()?
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, Failure> {
        let read =
            self.dir.read(file, MAX_TARGETS).and_then(|read| read.ok_or_else(|| "it is gone".to_owned()));
        read.map_err(|why| unread(&self.shown(file), &why, ""))
    }
}

fn directories(old: &Path, new: &Path, names: &Names) -> Result<Compared, Failure> {
    let (old, new) = (Side::open(old)?, Side::open(new)?);
    let mut compared = Compared::default();
    let mut roles: Vec<&String> =
        old.newest.keys().chain(new.newest.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let place = |role: &str| TOP_LEVEL.iter().position(|top| *top == role).unwrap_or(usize::MAX);
    roles.sort_by_key(|role| place(role));
    for role in roles {
        let (was, is) = match (old.file(role), new.file(role)) {
            (Some(was), Some(is)) => (was, is),
            (was, is) => {
                compared.only_old.extend(was);
                compared.only_new.extend(is);
                continue;
            }
        };
        let open = || Some((old.opened(&was)?, new.opened(&is)?));
        if open().is_some_and(|(was, is)| alike(was, is).is_ok_and(|alike| alike)) {
            compared.same += 1;
            continue;
        }
        let name = decoded(role);
        let gone_by = |(mut was, mut is): (_, _)| diff::passing(Some(&name), &mut was, &mut is, names);
        let section = match open().filter(|_| role != "root").and_then(gone_by) {
            Some(section) => Ok(section),
            None if role == "root" => root(&old, &new, &old.read(&was)?, &new.read(&is)?, names),
            None => diff::files(Some(&name), &old.read(&was)?, &new.read(&is)?, names),
        };
        let (was, is) = (old.shown(&was), new.shown(&is));
        let section = section.map_err(|error| uncompared(&was, &is, &error))?;
        add(&mut compared, Files { old: was, new: is }, section);
    }
    follows(&old, &new, &mut compared);
    Ok(compared)
}

/// What follows for target files, where delegated roles are there, and all of them: the same that a ceremony says of what it
/// signs.
fn follows(old: &Side, new: &Side, compared: &mut Compared) {
    let delegated = |side: &Side| side.newest.keys().any(|role| !TOP_LEVEL.contains(&role.as_str()));
    if !(delegated(old) || delegated(new)) {
        return;
    }
    let tree = |side: &Side| {
        let read = Repository::read(&side.dir).ok()?;
        Some(Tree::of(&read)).filter(Tree::is_whole)
    };
    let Some((old, new)) = tree(old).zip(tree(new)) else { return };
    let at = compared.sections.iter().position(|(_, section)| section.role == "targets");
    let at = at.or_else(|| compared.sections.iter().position(|(_, section)| section.role != "root"));
    if let Some((_, section)) = at.and_then(|at| compared.sections.get_mut(at)) {
        section.follows(moves(&old, &new).lines());
    }
}

/// Whether two files are the same to the byte, and no longer than they may be.
fn alike(mut old: impl Read, mut new: impl Read) -> io::Result<bool> {
    let (mut was, mut is) = (Vec::new(), Vec::new());
    let mut length = 0;
    loop {
        was.clear();
        is.clear();
        length += old.by_ref().take(PIECE).read_to_end(&mut was)? as u64;
        new.by_ref().take(PIECE).read_to_end(&mut is)?;
        if was != is || length > MAX_TARGETS {
            return Ok(false);
        }
        if was.is_empty() {
            return Ok(true);
        }
    }
}

/// Two roots with those between, which the new directory must have: clients walk them one by one.
fn root(
    old: &Side,
    new: &Side,
    old_bytes: &[u8],
    new_bytes: &[u8],
    names: &Names,
) -> Result<Section, DiffError> {
    let was = Metadata::parse(old_bytes).map_err(DiffError::Old)?;
    let is = Metadata::parse(new_bytes).map_err(DiffError::New)?;
    let versions = old.newest.get("root").copied().flatten().zip(new.newest.get("root").copied().flatten());
    let (from, to) = versions.unwrap_or_default();
    let mut between = Vec::new();
    for version in (from.saturating_add(1)..to).take(MAX_ROOTS) {
        let read = new.dir.read(&format!("{version}.root.json"), MAX_ROOT);
        let Ok(Some(bytes)) = read else { break };
        let Ok(root) = Metadata::parse(&bytes) else { break };
        between.push(root);
    }
    let section = diff::roots(&was, &is, &between, names)?;
    Ok(refused(section, between.iter().chain([&is])))
}

/// With the clients that refuse one of these roots, to which others come.
fn refused<'a>(mut section: Section, roots: impl Iterator<Item = &'a Metadata>) -> Section {
    for root in roots {
        let says = |(client, words): (Client, String)| format!("{} refuses it: {words}", client.name());
        let to = |reach: &&mut Reach| root.signed()["version"] == reach.to;
        for reach in section.reach.iter_mut().filter(to) {
            reach.refused_by = lint::refusing("root", root).into_iter().map(says).collect();
        }
    }
    section
}
