//! The metadata before: read from the inputs, kept in the record, and stood in for in a rehearsal.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::bundle::Dir;
use crate::bundle::places;
use crate::ceremony::Mode;
use crate::driver::inputs;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::driver::stores;
use crate::driver::stores::Places;
use crate::driver::stores::StandIn;
use crate::journal::Opening;
use crate::keystore::StoreError;
use crate::plan;
use crate::plan::Before;
use crate::plan::BeforeSpec;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::before::MetadataFiles;
use crate::plan::delegations::EntrySpec;
use crate::plan::reading::Judged;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::Repository;
use crate::tuf::Signature;
use crate::tuf::SignedFile;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::WATERMARK;
use crate::tuf::client::file_name;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::words::Digest;

/// The folder of the record that keeps it.
pub const FOLDER: &str = "before";

/// A ceremony file, proven against what it starts from. `base` is the file's directory.
pub fn read_plan(text: &str, base: &Path) -> Result<Plan, Vec<Problem>> {
    match judge(text, base) {
        (Some(plan), problems) if problems.is_empty() => Ok(plan),
        (_, problems) => Err(problems),
    }
}

/// The same, with the plan as far as there is one.
pub fn judge(text: &str, base: &Path) -> Judged {
    let start = match plan::starts_from(text) {
        Ok(Some(spec)) => load(&spec, base).map(|before| Some(Arc::new(before))),
        Ok(None) => Ok(None),
        Err(problems) => return (None, problems),
    };
    plan::reading::judge(text, start)
}

fn load(spec: &BeforeSpec, base: &Path) -> Result<Before, Problem> {
    let path = base.join(&spec.metadata.value);
    let problem = |why: String| {
        let text = format!("the metadata before, {}: {why}", spec.metadata.value);
        Problem::error("BEFORE-READABLE", Some(spec.metadata.place), text)
    };
    let repository = Dir::open(&path).and_then(|dir| metadata(&dir)).map_err(problem)?;
    let files = files(&repository);
    let before = Before::of(files, repository, false).map_err(|why| {
        let text = format!("the metadata before, {}, does not verify: {why}", spec.metadata.value);
        Problem::error("BEFORE-VERIFIES", Some(spec.metadata.place), text)
    })?;
    if before.root_sha256() != spec.root_sha256.value {
        return Err(Problem::error("BEFORE-PINNED", Some(spec.root_sha256.place), other_root(&before, spec)));
    }
    if let Some(why) = &before.unverified {
        let text = format!("the metadata before, {}, does not verify: {why}", spec.metadata.value);
        return Err(Problem::error("BEFORE-VERIFIES", Some(spec.metadata.place), text));
    }
    Ok(before)
}

/// Whether a ceremony can start from this directory: why not, as `check` says it.
pub fn starts_from(path: &Path) -> Result<(), String> {
    let repository = Dir::open(path).and_then(|dir| metadata(&dir))?;
    let before = Before::of(files(&repository), repository, false)?;
    before.unverified.map_or(Ok(()), Err)
}

fn other_root(before: &Before, spec: &BeforeSpec) -> String {
    let newest = before.root_file();
    let pinned = |root: &&crate::tuf::repository::RoleFile| {
        Digest(root.bytes.sha256()).hex() == spec.root_sha256.value
    };
    match before.repository.roots.iter().find(pinned) {
        Some(older) => format!(
            "root_sha256 is that of {}, and {} is newer: a ceremony starts from the newest root",
            older.file, newest.file
        ),
        None => format!(
            "root_sha256 is not that of {}, which is {}: it is not the root that was reviewed",
            newest.file,
            before.root_sha256()
        ),
    }
}

/// What a repository says now: every root under the name that has its version, and the newest file of each other role.
fn metadata(files: &dyn Files) -> Result<Repository, String> {
    let mut repository = Repository::read(files).map_err(|error| error.to_string())?;
    repository.roots.iter_mut().for_each(|root| root.file = file_name("root", Some(root.version)));
    // A root under another name is no role.
    repository.roles.retain(|_, file| file.metadata.role_type() != TOP_LEVEL[0]);
    Ok(repository)
}

/// The files that say so.
fn files(repository: &Repository) -> MetadataFiles {
    let all = repository.roots.iter().chain(repository.roles.values());
    all.map(|file| (file.file.clone(), file.bytes.clone())).collect()
}

/// What the keys that the metadata before lists are called, as the record or directory that it lies in says. They are
/// for people only: what cannot be read names nobody.
pub(super) fn names(text: &str, base: &Path, before: Option<&Before>) -> Names {
    let (Ok(Some(spec)), Some(before)) = (plan::starts_from(text), before) else { return Names::default() };
    let dir = Dir::open(&base.join(&spec.metadata.value)).ok();
    let file = dir.and_then(|dir| places::names(&dir.metadata()));
    let bytes = file.and_then(|file| inputs::small_file(&file).ok());
    let mut names = bytes.and_then(|bytes| Names::parse(&bytes).ok()).unwrap_or_default();
    names.retain(|keyid| before.public(keyid).is_some());
    names
}

/// What the first line of the journal says of each file.
pub(super) fn digests(files: &MetadataFiles) -> BTreeMap<String, String> {
    files.iter().map(|(name, file)| (name.clone(), Digest(file.sha256()).hex())).collect()
}

/// The plan of a record, with the metadata before as the journal's first line pins it. Of files that are `known`, and lie
/// there unchanged, what was found out before stays known.
pub fn plan_of_record(
    dir: &Path,
    text: &str,
    opening: &Opening,
    known: Option<&Before>,
) -> Result<Plan, Stop> {
    let changed = |why: String| {
        let error = format!("the ceremony file of the record does not hold any more: {why}");
        Stop::new(StopKind::Integrity, error, "compare it with the reviewed file")
    };
    let mut before = None;
    if !opening.before.is_empty() {
        let mut files = MetadataFiles::new();
        let kept = Dir::open(&dir.join(FOLDER)).map_err(|why| contradiction(FOLDER, &why))?;
        for (name, sha256) in &opening.before {
            let place = format!("{FOLDER}/{name}");
            // Where a file lies that is in memory, byte for byte, it is that one.
            let known = known.and_then(|known| known.files.get(name));
            let known = known.filter(|known| Digest(known.sha256()).hex() == *sha256);
            if let Some(known) = known
                && kept.holds(name, known).is_ok_and(|holds| holds)
            {
                files.insert(name.clone(), known.clone());
                continue;
            }
            let bytes = kept.read(name, MAX_TARGETS).map_err(|why| contradiction(&place, &why))?;
            let bytes = bytes.ok_or_else(|| contradiction(&place, "it is not there"))?;
            if Digest::of(&bytes).hex() != *sha256 {
                return Err(contradiction(&place, "it was changed"));
            }
            files.insert(name.clone(), bytes.into());
        }
        let read = Before::read(files, opening.mode == Mode::Rehearsal)
            .map_err(|why| contradiction(FOLDER, &why))?;
        before = Some(Arc::new(read));
    }
    let mut plan = Plan::read(text, before).map_err(|problems| changed(problems[0].to_string()))?;
    plan.anchors.clone_from(&opening.anchors);
    Ok(plan)
}

fn contradiction(name: &str, why: &str) -> Stop {
    let error = format!("{name} of the record is not what the journal says it is: {why}");
    Stop::new(StopKind::Integrity, error, "the journal holds: put back the file that the ceremony began with")
}

/// What a rehearsal starts from: the same metadata with keys that protect nothing, marked and signed again.
///
/// Every key of it is replaced under its keyid, so the plan's names and the difference stay what was reviewed.
pub(super) fn stand_in(plan: &Plan, places: &Places) -> Result<MetadataFiles, Stop> {
    let mut files = MetadataFiles::new();
    let Some(before) = &plan.before else { return Ok(files) };
    let mut keys: BTreeMap<KeyId, StandIn> = BTreeMap::new();
    let failed =
        |of: &str, error: StoreError| Stop::new(StopKind::Store, format!("{of}: {}", error.text), error.hint);
    for (role, trust) in before.repository.trust_of_every_file() {
        for keyid in trust.iter().flat_map(|trust| trust.keys.keys.keys()) {
            if !keys.contains_key(keyid) {
                let made = stores::stand_in(plan, keyid, places).map_err(|error| failed(&role, error))?;
                keys.insert(keyid.clone(), made);
            }
        }
    }
    // Every root of the chain, for a key that only an older one lists can still be named.
    let chain: Vec<_> =
        before.repository.roots.iter().map(|file| (file, root_keys(&file.metadata))).collect();
    for keyid in chain.iter().flat_map(|(_, keys)| keys) {
        if !keys.contains_key(keyid) {
            let made = stores::stand_in(plan, keyid, places).map_err(|error| failed("root", error))?;
            keys.insert(keyid.clone(), made);
        }
    }
    let public = |(keyid, key): (&KeyId, &StandIn)| (keyid.0.clone(), key.public().to_json().clone());
    let publics: BTreeMap<String, Value> = keys.iter().map(public).collect();
    // Who is delegated to from now on has signed what lies there, or `check` had refused it.
    let mut joining: Vec<(&EntrySpec, KeyId)> = Vec::new();
    let lists = plan.roles.values().filter_map(|role| role.delegations.as_ref());
    for entry in lists.flat_map(|list| &list.entries) {
        for key in entry.keys.iter().filter_map(|key| plan.key(&key.value)) {
            if let Source::Listed { keyid, .. } = &key.source {
                joining.push((entry, keyid.clone()));
            } else if key.from_file() {
                let made = stores::stand_in_from_file(plan, key, places);
                let made = made.map_err(|error| failed(entry.name(), error))?;
                joining.push((entry, made.public().keyid()));
                keys.insert(made.public().keyid(), made);
            }
        }
    }
    let mut sign = |name: &str, old: &Metadata, signed: Value, by: Vec<KeyId>| -> Result<SignedFile, Stop> {
        let wrong =
            |why: String| Stop::new(StopKind::Input, format!("{name} cannot be rehearsed: {why}"), "");
        let mut metadata = old.with_signed(signed).map_err(|error| wrong(error.to_string()))?;
        for keyid in by {
            let Some(key) = keys.get_mut(&keyid) else { continue };
            let sig = key.sign(metadata.payload()).map_err(|error| wrong(error.text))?;
            metadata.add(Signature { keyid, sig: hex::encode(sig) });
        }
        files.insert(name.to_owned(), metadata.file().clone());
        Ok(metadata.file().clone())
    };
    let trust: BTreeMap<String, Vec<KeyId>> = before
        .repository
        .trust_of_every_file()
        .into_iter()
        .map(|(role, said)| (role, said.iter().flat_map(|trust| trust.keys.keys.keys().cloned()).collect()))
        .collect();
    let by = |role: &str| {
        let joins = joining.iter().filter(|(entry, _)| entry.covers(role)).map(|(_, keyid)| keyid);
        trust.get(role).into_iter().flatten().chain(joins).cloned().collect::<Vec<KeyId>>()
    };
    let replaced = |metadata: &Metadata| {
        let mut signed = metadata.signed().clone();
        signed[WATERMARK] = json!(true);
        let keys = if metadata.role_type() == "root" {
            signed.get_mut("keys")
        } else {
            signed.pointer_mut("/delegations/keys")
        };
        for (keyid, key) in keys.and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(public) = publics.get(keyid) {
                *key = public.clone();
            }
        }
        signed
    };
    let mut old: Vec<KeyId> = Vec::new();
    for (file, own) in chain {
        let by = own.iter().chain(&old).cloned().collect::<BTreeSet<_>>();
        let name = file_name("root", Some(file.version));
        sign(&name, &file.metadata, replaced(&file.metadata), by.into_iter().collect())?;
        old = own;
    }
    let mut described: BTreeMap<String, Value> = BTreeMap::new();
    let order = |role: &str| match role {
        "snapshot" => 1,
        "timestamp" => 2,
        _ => 0,
    };
    let mut roles: Vec<_> = before.repository.roles.iter().collect();
    roles.sort_by_key(|(role, _)| order(role));
    for (role, file) in roles {
        let mut signed = replaced(&file.metadata);
        // Lengths and hashes are those of the stand-ins now.
        for (name, meta) in signed.get_mut("meta").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(now) = described.get(name) {
                *meta = now.clone();
            }
        }
        let made = sign(&file.file, &file.metadata, signed, by(role))?;
        described.insert(
            format!("{role}.json"),
            json!({"version": file.version, "length": made.len(), "hashes": {"sha256": Digest(made.sha256()).hex()}}),
        );
    }
    Ok(files)
}

/// The keyids of root's own role.
fn root_keys(metadata: &Metadata) -> Vec<KeyId> {
    let root = Root::from_signed(metadata.signed()).ok();
    let role = root.and_then(|root| root.role_keys("root"));
    role.map(|role| role.keys.into_keys().collect()).unwrap_or_default()
}

/// A root that clients were shipped with.
pub enum Anchor {
    /// They reach the newest one, so.
    Reaches(String),
    /// They do not, and why.
    LeftBehind(String),
    /// Its file cannot be read, so nobody can say.
    Unread(String),
}

/// Whether clients that were shipped with a root reach the newest one: that which is made here, where one is.
pub fn anchors(plan: &Plan, base: &Path) -> Vec<(String, Anchor)> {
    let Some(before) = &plan.before else { return Vec::new() };
    let read = |path: &String| {
        let bytes = inputs::small_file(&base.join(path))?;
        Metadata::parse(&bytes).map_err(|error| error.to_string())
    };
    let next = plan.roles.get("root").and_then(|root| root.in_room.as_ref()).map(|root| root.version);
    let anchor = |path: &String| match read(path).map(|anchor| before.reach(&anchor, next)) {
        Ok(Ok(how)) => Anchor::Reaches(how),
        Ok(Err(why)) => Anchor::LeftBehind(why),
        Err(why) => Anchor::Unread(why),
    };
    plan.shipped_anchors.iter().map(|path| (path.clone(), anchor(path))).collect()
}
