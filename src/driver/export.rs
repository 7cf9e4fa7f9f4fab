//! The last steps: the bundle written to its medium, and read back from it as a client would.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::bundle;
use crate::bundle::Content;
use crate::bundle::Contents;
use crate::bundle::Dir;
use crate::bundle::write::WriteError;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::Work;
use crate::driver::Began;
use crate::driver::Driver;
use crate::driver::disk;
use crate::driver::hashing;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::leaving::Leaving;
use crate::plan::print::file_name;
use crate::plan::print::versioned;
use crate::tuf::Date;
use crate::tuf::Metadata;
use crate::tuf::SignedFile;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::delegations::group::Bin;
use crate::tuf::targets::Entry;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::change::Origin;
use crate::tuf::targets::manifest::ALGORITHMS;
use crate::words::Digest;

type Events = Vec<Event>;

/// A manifest lists a million files in less.
const MAX_MANIFEST: u64 = 1 << 30;

impl Driver {
    /// Where the bundle is written.
    pub fn bundle_dir(&self) -> PathBuf {
        self.record.dir.join(&self.ceremony.plan().bundle)
    }

    /// The line of the journal with which the export begins, or would begin now.
    fn began(&self) -> Began {
        self.export_began.unwrap_or_else(|| Began { head: self.head(), at: self.now() })
    }

    /// What leaves the room beside what is signed in it.
    fn leaving(&self) -> Leaving<'_> {
        Leaving::of(self.ceremony.plan(), self.began().at)
    }

    /// Every root, from the oldest that is known.
    fn roots(&self) -> Vec<SignedFile> {
        let before = self.ceremony.plan().before.as_ref();
        let old = before.into_iter().flat_map(|before| &before.repository.roots).map(|root| &root.bytes);
        let new = self.ceremony.metadata("root").map(Metadata::file);
        old.chain(new).cloned().collect()
    }

    /// What anyone gives to `keyrite verify` behind the bundle, as a client that has its first root would look at it.
    pub fn verify_options(&self) -> String {
        let plan = self.ceremony.plan();
        let bundle = shown(&self.bundle_dir());
        let first = plan.before.as_ref().and_then(|before| before.repository.roots.first());
        let first =
            first.map_or_else(|| file_name(plan, "root"), |root| format!("{}.root.json", root.version));
        let leaving = self.leaving();
        let scope = match leaving.scope() {
            _ if leaving.expires() => " --scope root",
            Scope::Full => "",
            Scope::Offline | Scope::Begun => " --scope offline",
            Scope::Root => " --scope root",
        };
        let rehearsal = if self.ceremony.mode() == Mode::Rehearsal { " --rehearsal" } else { "" };
        format!("--root {bundle}/metadata/{first}{scope}{rehearsal}")
    }

    /// Where the bundle is written: in the record, or on a drive that is mounted.
    fn bundle_on(&self, drive: Option<&str>) -> Result<PathBuf, String> {
        match drive {
            None => Ok(self.bundle_dir()),
            Some(drive) => Ok(self.drive_at(drive)?.join(&self.ceremony.plan().bundle)),
        }
    }

    /// Writes the bundle, reads it back from the medium and verifies it, before the step counts as done.
    pub(super) fn export(
        &mut self,
        step: &Step,
        drive: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let to = match self.bundle_on(drive) {
            Ok(to) => to,
            Err(why) => return self.failed(step, "export", why, events),
        };
        let again = self.cut_off && to.exists();
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
            let began = Began { head: self.head(), at: self.record.last() };
            self.export_began.get_or_insert(began);
        }
        // The bundle takes its name when it is whole, so one that is there was written by this very step.
        let written = if again {
            self.verify_bundle(&to)
        } else {
            self.write_bundle(&to).and_then(|()| self.verify_bundle(&to))
        };
        self.cut_off = false;
        match written {
            Ok(manifest) => {
                let (step, drive) = (step.id.clone(), drive.map(str::to_owned));
                self.record(Event::Exported { step, manifest, drive }, events)
            }
            Err(why) if again => {
                self.failed(step, "export", format!("{why}; move the bundle away and export again"), events)
            }
            Err(why) => self.failed(step, "export", why, events),
        }
    }

    /// The same bundle every time: its manifest names the head that ends with `Started`.
    fn write_bundle(&self, to: &Path) -> Result<(), String> {
        clear_partial(to)?;
        let contents = self.contents(self.began().head.hex())?;
        let files = bundle::layout(&contents).map_err(|error| error.to_string())?;
        bundle::write(&files, to).map_err(|error| match error {
            WriteError::Io { error, .. } if error.kind() == io::ErrorKind::InvalidData => {
                changed(&error.to_string())
            }
            other => other.to_string(),
        })
    }

    /// Reads the bundle back from the medium, and verifies it as a client that trusts only its first root.
    pub(super) fn readback(
        &mut self,
        step: &Step,
        drive: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let dir = match self.bundle_on(drive) {
            Ok(dir) => dir,
            Err(why) => return self.failed(step, "readback", why, events),
        };
        if !dir.exists() {
            let gone = format!("{} is gone, where the bundle was written and verified", dir.display());
            let why = match self.write_bundle(&dir) {
                Ok(()) => format!(
                    "{gone}. It was written there again from the record: find out who took it, then go on"
                ),
                Err(why) => format!(
                    "{gone}, and it could not be written again: {why}. Nothing that was signed is lost: make that place writable, then go on"
                ),
            };
            return self.failed(step, "readback", why, events);
        }
        match self.verify_bundle(&dir) {
            Ok(manifest) => {
                let (step, drive) = (step.id.clone(), drive.map(str::to_owned));
                self.record(Event::ReadBack { step, manifest, drive }, events)
            }
            Err(why) => self.failed(step, "readback", why, events),
        }
    }

    /// The bundle of a ceremony that is over, where it is gone: written again from the record, byte for byte.
    pub(super) fn restore_bundle(&self) -> Result<(), Stop> {
        let dir = self.bundle_dir();
        let in_record = self.ceremony.plan().steps.iter().any(|step| step.verb == Verb::Export(None));
        let gone = in_record && self.ceremony.next().is_none() && !dir.exists();
        let Some(manifest) = self.ceremony.manifest().filter(|_| gone) else { return Ok(()) };
        let again = self.write_bundle(&dir).and_then(|()| {
            let path = dir.join(bundle::manifest::MANIFEST);
            disk::read(&path, MAX_MANIFEST).map_err(|error| format!("{}: {error}", path.display()))
        });
        let why = match again {
            Ok(bytes) if Digest::of(&bytes).hex() == *manifest => return Ok(()),
            Ok(_) => "what was written is another bundle than the one that was exported".to_owned(),
            Err(why) => why,
        };
        let error = format!("{} is gone, and it could not be written again: {why}", dir.display());
        Err(Stop::new(
            StopKind::Machine,
            error,
            "the journal has every signature; put right what stands in the way, then resume again",
        ))
    }

    fn contents(&self, journal_head: String) -> Result<Contents, String> {
        let plan = self.ceremony.plan();
        let before = plan.before.iter().flat_map(|before| before.repository.roles.keys());
        let in_room = plan.roles_in_room().into_iter().map(str::to_owned);
        let names: BTreeSet<String> = before.cloned().chain(in_room).filter(|role| role != "root").collect();
        let leaving = self.leaving();
        let file = |role: &str| match self.ceremony.metadata(role) {
            Some(metadata) => Some(metadata.file().clone()),
            None => leaving.carried(role).map(|file| file.bytes.clone()),
        };
        let published = names.into_iter().filter_map(|role| Some((role.clone(), file(&role)?)));
        let mut roles: BTreeMap<String, SignedFile> = published.collect();
        for group in plan.roles_in_room().into_iter().filter_map(|role| self.ceremony.bins(role)) {
            roles
                .extend(group.bins().iter().map(|bin| (group.layout().name(bin.number), bin.file().clone())));
        }
        Ok(Contents {
            ceremony: plan.id.clone(),
            journal_head,
            rehearsal: self.ceremony.mode() == Mode::Rehearsal,
            roots: self.roots(),
            roles: roles.into_iter().collect(),
            targets: self.target_files()?,
        })
    }

    /// The target files as they were hashed in the room, with where they lie. What a manifest lists is somewhere else,
    /// and goes to the servers from there.
    fn hashed_here(&self) -> Vec<(PathBuf, &str, Entry<'_>)> {
        let plan = self.ceremony.plan();
        let mut hashed = Vec::new();
        for (role, files) in self.ceremony.files() {
            let spec = plan.roles.get(role).and_then(|role| role.files.as_ref());
            let Some(spec) = spec.filter(|spec| spec.origin == Origin::Directory) else { continue };
            let base = self.places.inputs.join(&spec.from.value);
            hashed.extend(files.listed().iter().map(|(name, listed)| (base.join(name), name, listed)));
        }
        hashed
    }

    /// The target files, to be copied. While that is done they are hashed again: they must still be the same.
    fn target_files(&self) -> Result<BTreeSet<(String, Content)>, String> {
        let mut files = BTreeSet::new();
        for (from, name, listed) in self.hashed_here() {
            let listed = listed.read()?;
            let sha256 = match listed.hashes.get("sha256") {
                Some(sha256) => sha256.to_owned(),
                // Hashed by SHA-512 alone: the manifest of the bundle has the other.
                None => {
                    sha256_of(&from, &listed).map_err(|why| changed(&format!("{} {why}", from.display())))?
                }
            };
            files.insert((name.to_owned(), Content::Copy { from, length: listed.length, sha256 }));
        }
        Ok(files)
    }

    /// The files of a role that was signed here, by name.
    fn signed_files(&self, role: &str) -> Vec<(String, SignedFile)> {
        match self.ceremony.work(role) {
            Some(Work::File(metadata)) => {
                vec![(file_name(self.ceremony.plan(), role), metadata.file().clone())]
            }
            Some(Work::Bins(bins)) => {
                let group = &bins.group;
                let name = |bin: &Bin| {
                    versioned(self.ceremony.plan(), &group.layout().name(bin.number), bin.version)
                };
                group.bins().iter().map(|bin| (name(bin), bin.file().clone())).collect()
            }
            None => Vec::new(),
        }
    }

    /// The bundle as it lies: the digest of its manifest, when it verifies and is what the ceremony signed.
    fn verify_bundle(&self, dir: &Path) -> Result<String, String> {
        let pinned = self.roots().into_iter().next().unwrap_or_default();
        let leaving = self.leaving();
        let request = Request {
            pinned: &pinned,
            // What was signed here holds; what carries over and does not was told by the plan.
            at: if leaving.expires() { Date::from_unix(0) } else { self.began().at },
            scope: leaving.scope(),
            allow_rehearsal: self.ceremony.mode() == Mode::Rehearsal,
        };
        let roles = self.ceremony.plan().roles_in_room().into_iter();
        let signed: Vec<(String, SignedFile)> = roles
            .flat_map(|role| self.signed_files(role))
            .map(|(name, file)| (format!("metadata/{name}"), file))
            .collect();
        let opened = Dir::open(dir)?.beside(signed.iter().cloned().collect());
        let checked = bundle::check(&opened, &request)
            .map_err(|refused| format!("the bundle does not verify: {refused}"))?;
        if checked.target_files < self.hashed_here().len() {
            return Err("the bundle lacks target files".into());
        }
        let manifest = dir.join(bundle::manifest::MANIFEST);
        let bytes = disk::read(&manifest, MAX_MANIFEST)
            .map_err(|error| format!("{}: {error}", manifest.display()))?;
        if let Some((name, _)) = signed.iter().find(|(name, _)| !checked.as_known.contains(name)) {
            return Err(format!("{name} in the bundle is not what was signed"));
        }
        Ok(Digest::of(&bytes).hex())
    }
}

/// A bundle without its name is one that this step did not finish before it was cut off.
fn clear_partial(to: &Path) -> Result<(), String> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    match std::fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", PathBuf::from(partial).display()))
        }
        _ => Ok(()),
    }
}

/// A target file is not what was hashed.
fn changed(what: &str) -> String {
    format!(
        "{what}. It was signed as it was hashed. No bundle was written, and nothing else is lost: put that file back, then \
         go on"
    )
}

/// The SHA-256 of a file that was listed with other hashes, which still hold.
fn sha256_of(path: &Path, listed: &TargetFile) -> Result<String, String> {
    let all: Vec<&str> = ALGORITHMS.map(|(name, _)| name).to_vec();
    let now = hashing::hash(path, &all).map_err(|error| format!("cannot be used: {error}"))?;
    if now.length != listed.length
        || listed.hashes.iter().any(|(name, digest)| now.hashes.get(name) != Some(digest))
    {
        return Err("was changed since then".to_owned());
    }
    now.hashes.get("sha256").map(str::to_owned).ok_or_else(|| "has no SHA-256".to_owned())
}
