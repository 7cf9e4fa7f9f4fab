//! What follows from the journal and lies beside it: metadata, public keys, names, the bundle's manifest,
//! and the record for people.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::before;
use crate::driver::cosign;
use crate::driver::record;
use crate::driver::record::Run;
use crate::driver::record::unwritable;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::journal;
use crate::journal::Entry;
use crate::journal::Journal;
use crate::keystore::public_file;
use crate::paper;
use crate::paper::html;
use crate::paper::text;
use crate::plan::ledger::Ledger;
use crate::plan::print::file_name;
use crate::plan::print::request_file;
use crate::store_uri::StoreUri;
use crate::tuf::Metadata;
use crate::words::Digest;

/// When the program was started and gone on with.
const RUNS: &str = "runs.jsonl";

/// Whether what lies in the record is what the journal says. What is not there is no contradiction: a journal
/// replays anywhere.
pub fn check(dir: &Path, journal: &Journal, ceremony: &Ceremony) -> Result<(), Stop> {
    let mut derived: Vec<(String, Vec<u8>)> = Vec::new();
    for role in ceremony.plan().roles_in_room() {
        if let Some(metadata) = ceremony.metadata(role) {
            derived.push((format!("metadata/{}", file_name(ceremony.plan(), role)), metadata.to_file()));
        }
        derived.extend(request(ceremony, role));
    }
    for (name, known) in ceremony.keys() {
        derived.push((format!("keys/{name}.pub.json"), public_file::text(&known.public).into_bytes()));
    }
    if !ceremony.keys().is_empty() {
        derived.push(("keys/names.json".to_owned(), names(ceremony)?));
    }
    derived.extend(checkpoint(journal, ceremony));
    derived.extend(ledger(ceremony));
    // Another version of the program may lay them out in another way: `keyrite record` makes them again.
    let same = |entry: &Entry| matches!(&entry.what, Event::Opened { keyrite, .. } if keyrite == env!("CARGO_PKG_VERSION"));
    if journal.entries.first().is_some_and(same) {
        derived.extend(papers(journal, ceremony));
    }
    let changed =
        derived.iter().find(|(name, bytes)| fs::read(dir.join(name)).is_ok_and(|lies| lies != *bytes));
    if let Some((name, _)) = changed {
        let cut_off = ceremony.next().is_some() && only_behind(dir, ceremony).is_ok();
        return Err(if cut_off { unfinished(name) } else { contradiction(name) });
    }
    let (taken_in, lie) = runs(dir, journal);
    if dir.join(RUNS).is_file() && !lie.starts_with(taken_in) {
        return Err(contradiction(RUNS));
    }
    never_closed(dir, ceremony)?;
    let bundle = dir.join(&ceremony.plan().bundle);
    let manifest = format!("{}/MANIFEST.json", ceremony.plan().bundle);
    let there = fs::symlink_metadata(&bundle);
    let no_directory = there.as_ref().is_ok_and(|there| !there.is_dir());
    if ceremony.manifest().is_some() && (no_directory || (there.is_ok() && !dir.join(&manifest).is_file())) {
        return Err(contradiction(&manifest));
    }
    let lies = fs::read(dir.join(&manifest)).map(|bytes| Digest::of(&bytes).hex());
    match (ceremony.manifest(), lies) {
        (Some(exported), Ok(lies)) if exported != lies => Err(contradiction(&manifest)),
        _ => Ok(()),
    }
}

/// What is sent to whoever signs a role elsewhere.
pub(super) fn request(ceremony: &Ceremony, role: &str) -> Option<(String, Vec<u8>)> {
    let request = ceremony.request(role)?.ok()?;
    Some((request_file(ceremony.plan(), role), request.to_file()))
}

/// What witnesses sign of a ceremony that is over.
fn checkpoint(journal: &Journal, ceremony: &Ceremony) -> Option<(String, Vec<u8>)> {
    let checkpoint = journal.checkpoints().into_iter().next().filter(|_| ceremony.next().is_none())?;
    Some(("checkpoint.txt".to_owned(), checkpoint.text().into_bytes()))
}

/// The record of a ceremony that is over, for people: their names and their bytes.
pub(super) fn papers(journal: &Journal, ceremony: &Ceremony) -> Vec<(String, Vec<u8>)> {
    if ceremony.next().is_some() {
        return Vec::new();
    }
    let record = paper::record(journal, ceremony);
    let pages = [("record.html", html::page(&record)), ("record.txt", text::page(&record))];
    let pages = pages.into_iter().map(|(name, page)| (name.to_owned(), page.into_bytes()));
    pages.chain(checkpoint(journal, ceremony)).chain(ledger(ceremony)).collect()
}

/// Where tokens, bags and drives are when a ceremony is over.
fn ledger(ceremony: &Ceremony) -> Option<(String, Vec<u8>)> {
    let rehearsal = ceremony.mode() == Mode::Rehearsal;
    let ledger = Ledger::of(ceremony.plan(), ceremony.room().things(), rehearsal);
    let ledger = ledger.filter(|_| ceremony.next().is_none())?;
    Some(("ledger.json".to_owned(), ledger.to_file()))
}

/// What a record has only once its ceremony is closed: beside a journal that is not, somebody cut the journal.
pub(super) fn never_closed(dir: &Path, ceremony: &Ceremony) -> Result<(), Stop> {
    if ceremony.next().is_none() {
        return Ok(());
    }
    match says_closed(dir) {
        None => Ok(()),
        Some(name) => Err(Stop::new(
            StopKind::Integrity,
            format!(
                "{name} says that this ceremony was closed, and its journal ends before that: lines were cut off"
            ),
            CUT,
        )),
    }
}

/// What to do with a journal that lost lines which were there at the close.
pub const CUT: &str =
    "keep the record as it is, and compare it with the heads that were read aloud or photographed";

/// The first file beside the journal that is there only once the ceremony is closed.
pub fn says_closed(dir: &Path) -> Option<&'static str> {
    ["checkpoint.txt", "record.txt", "record.html"].into_iter().find(|name| dir.join(name).exists())
}

/// What a closed record usually has, and this one lacks; the journal holds without it.
pub fn absent(dir: &Path, ceremony: &Ceremony) -> Vec<String> {
    if ceremony.next().is_some() {
        return Vec::new();
    }
    let mut files = usual(ceremony);
    if ceremony.mode() == Mode::Production {
        files.extend(key_files(ceremony));
    }
    files.retain(|name| !dir.join(name).is_file());
    files
}

/// What lies in a record, follows from nothing that its journal says, and was put there by nobody knows whom. The
/// bundle and the cosignatures are judged file by file elsewhere; of stand-ins for drives there is nothing to say.
pub fn unknown(dir: &Path, journal: &Journal, ceremony: &Ceremony) -> Vec<String> {
    let mut known: BTreeSet<String> = usual(ceremony).into_iter().chain(key_files(ceremony)).collect();
    known.extend(["ceremony.yaml", "journal.jsonl"].map(str::to_owned));
    let before = journal::opening(journal).map(|opening| opening.before).unwrap_or_default();
    known.extend(before.into_keys().map(|name| format!("{}/{name}", before::FOLDER)));
    let elsewhere = [ceremony.plan().bundle.as_str(), cosign::FOLDER, "drives"];
    let (mut unknown, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(dir.join(&folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !elsewhere.contains(&path.as_str()) {
                    open.push(path);
                }
            } else if !known.contains(&path) {
                unknown.push(path);
            }
        }
    }
    unknown.sort();
    unknown
}

/// The runs that the journal took in when the ceremony closed, none before, and those that `runs.jsonl` has: whoever
/// goes on with a closed record adds one.
pub fn runs<'j>(dir: &Path, journal: &'j Journal) -> (&'j [Run], Vec<Run>) {
    let taken_in = journal.entries.iter().find_map(|entry| match &entry.what {
        Event::Closed { runs, .. } => Some(runs.as_slice()),
        _ => None,
    });
    let mut lie = record::runs(dir);
    // Where the inputs lay is not in the journal.
    lie.iter_mut().for_each(|run| drop(run.remove("inputs")));
    (taken_in.unwrap_or_default(), lie)
}

/// The files of a record that is closed, but for the reviewed one and the journal.
fn usual(ceremony: &Ceremony) -> Vec<String> {
    let plan = ceremony.plan();
    let brought = plan.materials != crate::plan::Materials::default();
    let mut files: Vec<String> =
        ["checkpoint.txt", "record.html", "record.txt", RUNS].map(str::to_owned).to_vec();
    files.extend(brought.then(|| "ledger.json".to_owned()));
    files.extend(ceremony.keys().keys().map(|name| format!("keys/{name}.pub.json")));
    files.extend((!ceremony.keys().is_empty()).then(|| "keys/names.json".to_owned()));
    let built = plan.roles_in_room().into_iter().filter(|role| ceremony.metadata(role).is_some());
    files.extend(built.map(|role| format!("metadata/{}", file_name(plan, role))));
    let asked = plan.roles_in_room().into_iter().filter(|role| plan.asks_elsewhere(role));
    files.extend(asked.map(|role| request_file(plan, role)));
    files
}

/// The age files that are made here. The journal knows their public keys, and not the files.
fn key_files(ceremony: &Ceremony) -> impl Iterator<Item = String> {
    let made = ceremony.plan().keys.iter().filter(|key| key.generated());
    made.filter_map(|key| match key.store() {
        Some(StoreUri::Age(path)) => Some(path.clone()),
        _ => None,
    })
}

/// Before a ceremony goes on: metadata in the record may lack signatures that the journal has, when a crash came
/// between the two. It may not say anything else.
pub(super) fn only_behind(dir: &Path, ceremony: &Ceremony) -> Result<(), Stop> {
    for role in ceremony.plan().roles_in_room() {
        let name = format!("metadata/{}", file_name(ceremony.plan(), role));
        let Ok(lies) = fs::read(dir.join(&name)) else { continue };
        let behind = match (ceremony.metadata(role), Metadata::parse(&lies)) {
            (Some(ours), Ok(lies)) => {
                lies.payload() == ours.payload()
                    && lies.signatures().iter().all(|sig| ours.signatures().contains(sig))
            }
            _ => false,
        };
        if !behind {
            return Err(contradiction(&name));
        }
    }
    Ok(())
}

fn contradiction(name: &str) -> Stop {
    let error = format!("{name} is not what the journal says it is");
    Stop::new(
        StopKind::Integrity,
        error,
        "the journal holds: take it as the truth, and find out who changed the file",
    )
}

/// The same, where the program may have been cut off while it wrote.
fn unfinished(name: &str) -> Stop {
    Stop::new(
        StopKind::Integrity,
        format!("{name} is not what the journal says it is, or was not written to its end"),
        "the journal holds, and `keyrite resume` writes the file again; where nothing was cut off, find out who changed it",
    )
}

/// Removes key files that a crash left unfinished: they never had their name, so nothing was signed with them.
pub(super) fn remove_unfinished(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir.join("keys")) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let unfinished = names.filter(|name| name.starts_with('.') && name.ends_with(".keyrite-tmp"));
    unfinished.filter(|name| fs::remove_file(dir.join("keys").join(name)).is_ok()).collect()
}

/// `names.json`: keyid to the key's name and its holder.
pub(super) fn names(ceremony: &Ceremony) -> Result<Vec<u8>, Stop> {
    let json = serde_json::to_string_pretty(&ceremony.names()).map_err(|error| unwritable(&error))?;
    Ok(format!("{json}\n").into_bytes())
}
