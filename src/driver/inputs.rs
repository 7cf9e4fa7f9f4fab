//! What comes in with the ceremony file: public keys and target files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

use crate::bundle;
use crate::driver::before;
use crate::driver::before::Anchor;
use crate::driver::disk;
use crate::driver::hashing;
use crate::plan::FilesSpec;
use crate::plan::Key;
use crate::plan::Outside;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::clients;
use crate::plan::delegates::unsigned_delegates;
use crate::plan::keys::LISTED_BY_KEYID;
use crate::plan::keys::one_name;
use crate::plan::lapse;
use crate::plan::leaving;
use crate::plan::ledger::Ledger;
use crate::plan::lints::ANCHOR_LEFT_BEHIND;
use crate::plan::problem::Place;
use crate::plan::reach;
use crate::plan::reading::Judged;
use crate::plan::schemes;
use crate::tuf::Date;
use crate::tuf::PublicKey;
use crate::tuf::client::MAX_ROOT;
use crate::tuf::diff::Section;
use crate::tuf::fault::Fault;
use crate::tuf::json;
use crate::tuf::proof;
use crate::tuf::proof::Proof;
use crate::tuf::targets::Files;
use crate::tuf::targets::change::Origin;
use crate::tuf::targets::manifest;
use crate::words;

/// A public key file is small.
const MAX_PUBLIC_KEY: u64 = 64 << 10;
/// With its hash and a dot in front, a name must still fit into 255 bytes.
const LONGEST_NAME: usize = 120;
/// A proof is small; metadata that proves the same may be larger.
const MAX_PROOF: u64 = 16 << 20;
/// A manifest of a million files is smaller.
const MAX_MANIFEST: u64 = 1 << 29;
/// How many paths of a manifest are refused by name.
const MOST_FAULTS: usize = 20;
/// More target files than this in one directory tree is a mistake.
const MAX_FILES: usize = 1_000_000;

/// A file that is small: a root, a public key.
pub fn small_file(path: &Path) -> Result<Vec<u8>, String> {
    disk::read(path, MAX_ROOT).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a public key file of any kind.
pub fn public_key(path: &Path) -> Result<PublicKey, String> {
    let bytes = disk::read(path, MAX_PUBLIC_KEY).map_err(|error| format!("{}: {error}", path.display()))?;
    PublicKey::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The public half of a key from outside, which must be what the reviewed file fixes of it. A proof of possession
/// that comes with it is verified: it was made for this ceremony, or the key signed a file of metadata.
pub fn outside(base: &Path, public: &Outside, ceremony: &str) -> Result<PublicKey, String> {
    let key = fixed(base, public)?;
    possessed(base, public, &key, ceremony)?;
    Ok(key)
}

/// The proof of possession, where one comes with the key.
fn possessed(base: &Path, public: &Outside, key: &PublicKey, ceremony: &str) -> Result<(), String> {
    let Some(file) = &public.proof else { return Ok(()) };
    proved(&base.join(file), key, ceremony).map_err(|why| format!("{file}: {why}"))
}

/// The same, without its proof.
pub(super) fn fixed(base: &Path, public: &Outside) -> Result<PublicKey, String> {
    let key = public_key(&base.join(&public.file))?;
    match (&public.keyid, public.scheme) {
        (Some(keyid), _) if *keyid != key.keyid().0 => {
            Err(format!("{} has keyid {}, and the plan says {keyid}", public.file, key.keyid()))
        }
        (_, Some(scheme)) if scheme != key.scheme() => {
            Err(format!("{} is {}, and the plan says {scheme}", public.file, key.scheme()))
        }
        _ => Ok(key),
    }
}

fn proved(path: &Path, key: &PublicKey, ceremony: &str) -> Result<(), String> {
    let bytes = disk::read(path, MAX_PROOF).map_err(|error| error.to_string())?;
    let proved = match json::parse(&bytes) {
        Ok(value) if value.get("signed").is_some() => proof::by_metadata(&bytes, key),
        _ => Proof::read(&bytes).and_then(|proof| proof.verify(key, ceremony)),
    };
    proved.map_err(|error| error.to_string())
}

/// The problem of roles that have expired by now: nobody would sign them.
pub fn expired(plan: &Plan, now: Date) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, role) in &plan.roles {
        if let Some(in_room) = &role.in_room
            && in_room.expires.has_passed(now)
        {
            let text = format!("role {name} expires at {}, and it is {now} now", in_room.expires);
            let place = plan.places.get(&format!("role {name}")).copied();
            problems.push(Problem::error("EXPIRES-IN-FUTURE", place, text));
        }
    }
    problems
}

/// Everything about the inputs and the day that needs the directory and the clock: the rest of `check`.
///
/// With the target files at hand, the plan also knows what they change.
pub fn check(plan: &mut Plan, base: &Path, now: Date) -> Vec<Problem> {
    check_and_keep(plan, base, now).0
}

/// The same, with the manifests that were read, by role.
pub fn check_and_keep(plan: &mut Plan, base: &Path, now: Date) -> (Vec<Problem>, BTreeMap<String, CameIn>) {
    let WithFiles { mut problems, remarks, changes, mut came_in } = judged(plan, base, now);
    let anchors = before::anchors(plan, base);
    problems.extend(refused_anchors(plan, &anchors));
    if let Some(changes) = changes {
        plan.changes = changes;
    }
    if problems.is_empty() {
        let mut remarks = remarks;
        remarks.extend(remark_schemes(plan, base));
        remarks.extend(left_behind(plan, &anchors));
        // Where a window is stated, the plan has remarked this itself.
        if plan.window.not_after.is_none() {
            remarks.extend(lapse::remarks(plan, Some(now)));
        }
        plan.remark(remarks);
        plan.anchors = anchors.into_iter().map(|(path, anchor)| reached(&path, anchor)).collect();
    }
    came_in.retain(|_, came_in| came_in.manifest.is_some());
    (problems, came_in)
}

/// The roots that clients were shipped with and that lead to no new one.
fn left_behind(plan: &Plan, anchors: &[(String, Anchor)]) -> Vec<Problem> {
    let left = anchors.iter().filter_map(|(path, anchor)| {
        let Anchor::LeftBehind(why) = anchor else { return None };
        let text = format!("clients shipped with {path} do not reach the new root: {why}");
        Some(Problem::warning(ANCHOR_LEFT_BEHIND, anchor_place(plan, path), text))
    });
    left.collect()
}

/// What is wrong with them. That a client is left behind may be accepted, and not that nobody can say.
fn refused_anchors(plan: &Plan, anchors: &[(String, Anchor)]) -> Vec<Problem> {
    let unread = anchors.iter().filter_map(|(path, anchor)| {
        let Anchor::Unread(why) = anchor else { return None };
        let text = format!("the root {path}, with which clients were shipped, cannot be read: {why}");
        Some(Problem::error("ANCHOR-READABLE", anchor_place(plan, path), text))
    });
    let left = left_behind(plan, anchors).into_iter().filter(|_| !plan.accepts(ANCHOR_LEFT_BEHIND));
    let left = left.map(|left| {
        let text = format!("{}. Accept {ANCHOR_LEFT_BEHIND} where that is meant", left.text);
        Problem::error("ANCHOR-REACHES", left.place, text)
    });
    unread.chain(left).collect()
}

fn anchor_place(plan: &Plan, path: &str) -> Option<Place> {
    plan.places.get(&format!("anchor {path}")).copied()
}

fn reached(path: &str, anchor: Anchor) -> String {
    match anchor {
        Anchor::Reaches(how) => format!("{path}: {how}"),
        Anchor::LeftBehind(why) | Anchor::Unread(why) => {
            format!("{path}: does not reach the new root: {why}")
        }
    }
}

/// What is to be remarked of keys that come with a file, beside what the plan remarks of the others.
fn remark_schemes(plan: &Plan, base: &Path) -> Vec<Problem> {
    let remark = |key: &Key| schemes::remark(plan, key, at_hand(plan, base, &key.name)?.scheme());
    plan.keys.iter().filter_map(remark).collect()
}

/// The whole of `check`: the file, what it starts from, its inputs and the day. The plan holds when nothing is wrong.
pub fn judge(text: &str, base: &Path, now: Date) -> Judged {
    let (mut plan, mut problems) = before::judge(text, base);
    match &mut plan {
        Some(plan) if problems.is_empty() => problems = check(plan, base, now),
        Some(plan) => problems.extend(beside(plan, base, now, &problems)),
        None => {}
    }
    // A key that only seems to be new was not what anybody expected.
    if problems.iter().any(|problem| problem.rule == LISTED_BY_KEYID) {
        problems.retain(|problem| problem.rule != "DIFF-AS-EXPECTED");
    }
    problems.sort_by_key(|problem| problem.place);
    (plan, problems)
}

/// The same of a file that is refused, as far as it does not hang on what is wrong with it: `said`.
fn beside(plan: &Plan, base: &Path, now: Date, said: &[Problem]) -> Vec<Problem> {
    let mut problems = unreadable_keys(plan, base);
    problems.extend(one_name(plan, &|name| at_hand(plan, base, name)));
    problems.extend(ledger(plan, base));
    hashed(plan, base, &mut problems);
    problems.extend(expired(plan, now));
    problems.extend(window_closed(plan, now));
    let line = |problem: &Problem| problem.place.map(|place| place.line);
    problems.retain(|problem| said.iter().all(|other| line(other) != line(problem)));
    problems
}

/// The public half of a key that comes with a file.
fn at_hand(plan: &Plan, base: &Path, name: &str) -> Option<PublicKey> {
    match &plan.key(name)?.source {
        Source::Existing { public, .. } | Source::Public { public } => fixed(base, public).ok(),
        _ => None,
    }
}

/// Keys that come with a file, and cannot be taken as they come.
fn unreadable_keys(plan: &Plan, base: &Path) -> Vec<Problem> {
    let unreadable = |key: &Key| {
        let (Source::Existing { public, .. } | Source::Public { public }) = &key.source else { return None };
        let (rule, why) = match fixed(base, public) {
            Ok(known) => {
                let why = possessed(base, public, &known, &plan.id).err()?;
                let made = format!("its holder makes one with `keyrite key prove STORE --for {}`", plan.id);
                ("PROOF-OF-POSSESSION", format!("{why}; {made}"))
            }
            Err(why) => {
                let made = "its owner makes it with `keyrite key show STORE`, or sends a PEM file";
                ("PUBLIC-KEY-READABLE", format!("{why}; {made}"))
            }
        };
        let place = plan.places.get(&format!("key {}", key.name)).copied();
        Some(Problem::error(rule, place, format!("key {}: {why}", key.name)))
    };
    plan.keys.iter().filter_map(unreadable).collect()
}

/// What the ledger of the last ceremony says otherwise.
fn ledger(plan: &Plan, base: &Path) -> Vec<Problem> {
    let Some(ledger) = &plan.materials.ledger else { return Vec::new() };
    match small_file(&base.join(&ledger.value)).and_then(|bytes| Ledger::read(&bytes)) {
        Ok(read) => read.contradicts(plan),
        Err(why) => vec![Problem::error("LEDGER-READABLE", Some(ledger.place), why)],
    }
}

/// The target files that come in, by role.
fn hashed(plan: &Plan, base: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, CameIn> {
    let mut hashed = BTreeMap::new();
    for (name, spec) in plan.roles.iter().filter_map(|(name, role)| Some((name, role.files.as_ref()?))) {
        match target_files(base, spec, None) {
            Ok(came_in) => drop(hashed.insert(name.clone(), came_in)),
            Err(faults) => {
                let place = plan.places.get("files").copied();
                let told =
                    |fault: Fault| Problem::error(fault.rule, place, format!("files of {name}: {fault}"));
                problems.extend(faults.into_iter().map(told));
            }
        }
    }
    hashed
}

fn window_closed(plan: &Plan, now: Date) -> Option<Problem> {
    let end = plan.window.not_after.filter(|end| *end < now)?;
    let place = plan.places.get("clock").copied();
    Some(Problem::error("CLOCK-WINDOW", place, format!("the window closed at {end}, and it is {now} now")))
}

/// What can be said of a plan with its inputs at hand.
struct WithFiles {
    problems: Vec<Problem>,
    remarks: Vec<Problem>,
    /// What it changes, where target files come in.
    changes: Option<Vec<Section>>,
    came_in: BTreeMap<String, CameIn>,
}

fn judged(plan: &Plan, base: &Path, now: Date) -> WithFiles {
    let place = |of: &str| plan.places.get(of).copied();
    let mut problems = unreadable_keys(plan, base);
    problems.extend(ledger(plan, base));
    let known = |name: &str| at_hand(plan, base, name);
    let twins = one_name(plan, &known);
    if twins.is_empty() {
        problems.extend(unsigned_delegates(plan, &known));
    }
    problems.extend(twins);
    let hashed = hashed(plan, base, &mut problems);
    let files = |role: &str| hashed.get(role).map(|came_in| &came_in.files);
    problems.extend(reach::cut_off(plan, &files));
    let (refused, remarks): (Vec<Problem>, Vec<Problem>) =
        clients::refusals(plan, &files).into_iter().partition(Problem::refuses);
    problems.extend(refused);
    problems.extend(leaving::timestamp_alone(plan, now));
    let mut changes = None;
    if plan.hashes_files() && plan.before.is_some() && problems.is_empty() {
        match plan.foresee(&files) {
            Ok(sections) => {
                if let Err(why) = plan.as_expected(&sections) {
                    let text = format!("expect_diff is not what would change: {why}");
                    problems.push(Problem::error("DIFF-AS-EXPECTED", place("files"), text));
                }
                changes = Some(sections);
            }
            Err(why) => problems.push(Problem::error("TARGET-FILES-READABLE", place("files"), why)),
        }
    }
    problems.extend(expired(plan, now));
    problems.extend(window_closed(plan, now));
    WithFiles { problems, remarks, changes, came_in: hashed }
}

/// The target files below a directory, as metadata calls them: the path from there, in order.
fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut left = vec![(directory.to_owned(), String::new())];
    while let Some((dir, prefix)) = left.pop() {
        let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", dir.display()));
        for entry in fs::read_dir(&dir).map_err(at)? {
            let entry = entry.map_err(at)?;
            let refuse = |why: &str| {
                let path = words::plain(&entry.path().display().to_string());
                Err(io::Error::other(format!("{path}: {why}")))
            };
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return refuse("its name is not UTF-8, and no client could ask for it");
            };
            if acts(&name) {
                return refuse("its name has a character that acts on a screen instead of showing");
            }
            if !bundle::is_plain(&name) {
                return refuse("its name has a quote or a backslash, which no bundle can hold");
            }
            if name.len() > LONGEST_NAME {
                return refuse("its name is too long: a client asks for it with its hash in front");
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(at)?;
            if kind.is_dir() {
                left.push((entry.path(), format!("{path}/")));
            } else if kind.is_file() {
                files.push(path);
            } else if kind.is_symlink() {
                return refuse(
                    "it is a symbolic link, which is not followed: put what it leads to in its place",
                );
            } else {
                return refuse("it is neither a file nor a directory");
            }
            if files.len() > MAX_FILES {
                return refuse("there are more than a million files");
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether a name acts on a screen instead of showing; most are ASCII that shows, which one look tells.
fn acts(name: &str) -> bool {
    !name.bytes().all(|byte| byte.is_ascii_graphic()) && name.chars().any(words::acts)
}

/// Target files as they came in.
#[derive(Clone, Debug, Default)]
pub struct CameIn {
    /// What they are.
    pub files: Files,
    /// SHA-256 of the manifest that lists them, where one does.
    manifest: Option<[u8; 32]>,
}

/// The target files that a role's `files` names: hashed here, or as a manifest lists them. A manifest that is, byte for
/// byte, the one that is known is not taken apart again.
///
/// # Errors
/// TARGET-FILES-READABLE, and every rule of a manifest that is broken.
pub fn target_files(base: &Path, spec: &FilesSpec, known: Option<&CameIn>) -> Result<CameIn, Vec<Fault>> {
    // Files are only taken out.
    if spec.from.value.is_empty() {
        return Ok(CameIn::default());
    }
    if spec.origin == Origin::Manifest {
        return listed(base, spec, known);
    }
    let named: Vec<&str> = spec.hashes.iter().map(|name| name.value.as_str()).collect();
    let algorithms = if named.is_empty() { &["sha256"] } else { named.as_slice() };
    let directory = base.join(&spec.from.value);
    let hashed = list(&directory).and_then(|files| hashing::hash_all(&directory, files, algorithms));
    let files = hashed.map_err(|error| unreadable(error.to_string()))?;
    Ok(CameIn { files, manifest: None })
}

/// The entries of a manifest.
fn listed(base: &Path, spec: &FilesSpec, known: Option<&CameIn>) -> Result<CameIn, Vec<Fault>> {
    let path = base.join(&spec.from.value);
    let read = disk::read(&path, MAX_MANIFEST);
    let bytes = read.map_err(|error| unreadable(format!("{}: {error}", path.display())))?;
    let manifest = Some(Sha256::digest(&bytes).into());
    if let Some(known) = known.filter(|known| known.manifest == manifest) {
        return Ok(known.clone());
    }
    let need: Vec<String> = spec.hashes.iter().map(|name| name.value.clone()).collect();
    let of_file = |fault: Fault| Fault { text: format!("{}: {}", path.display(), fault.text), ..fault };
    let files = manifest::read(&bytes, &need).and_then(on_screens);
    let files = files.map_err(|faults| faults.into_iter().map(of_file).collect::<Vec<_>>())?;
    Ok(CameIn { files, manifest })
}

fn unreadable(why: String) -> Vec<Fault> {
    vec![Fault::new("TARGET-FILES-READABLE", "", why)]
}

/// The files, when people can read each path where it is shown to them.
fn on_screens(files: Files) -> Result<Files, Vec<Fault>> {
    let fault = |path: &str| {
        let text = format!("the path {path:?} has a character that acts on a screen instead of showing");
        Fault::new("TARGET-PATH", path, text)
    };
    let acting = files.listed().paths().filter(|path| acts(path));
    let faults: Vec<Fault> = acting.take(MOST_FAULTS).map(fault).collect();
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fields::At;
    use crate::plan::problem::Place;

    #[test]
    fn a_manifest_that_still_lies_there_is_the_one_that_was_judged_and_any_other_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = |length: u64| {
            let entry = format!(r#"{{"length":{length},"hashes":{{"sha256":"{}"}}}}"#, "ab".repeat(32));
            fs::write(folder.path().join("m.json"), format!(r#"{{"targets":{{"a":{entry}}}}}"#)).unwrap();
        };
        let place = Place { line: 1, column: 1 };
        let from = At { value: "m.json".to_owned(), place };
        let (remove, hashes) = (Vec::new(), Vec::new());
        let spec = FilesSpec { place, from, origin: Origin::Manifest, keep: false, remove, hashes };
        let read = |known: Option<&CameIn>| target_files(folder.path(), &spec, known).unwrap();
        manifest(1);
        let judged = read(None);
        assert_eq!(judged.files.len(), 1);
        // What is held tells apart whether it was taken.
        let held = CameIn { files: Files::default(), ..judged };

        assert_eq!(read(Some(&held)).files.len(), 0);

        manifest(2);
        assert_eq!(read(Some(&held)).files.len(), 1);
    }
}
