//! The last steps: the bundle written to its medium, and read back from it as a client would.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha512;

use crate::bundle;
use crate::bundle::Contents;
use crate::bundle::Dir;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::disk;
use crate::driver::stop::Stop;
use crate::plan::Step;
use crate::plan::after::Files;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::targets::change::Origin;
use crate::words::Digest;

type Events = Vec<Event>;

/// A manifest lists a million files in less.
const MAX_MANIFEST: u64 = 1 << 30;

impl Driver {
    /// Where the bundle is written.
    pub fn bundle_dir(&self) -> PathBuf {
        self.record.dir.join(&self.ceremony.plan().bundle)
    }

    /// How much of a repository leaves this room.
    fn scope(&self) -> Scope {
        let there = |role: &str| self.published(role).is_some();
        match () {
            () if there("timestamp") => Scope::Full,
            () if there("targets") => Scope::Offline,
            () => Scope::Root,
        }
    }

    /// The file of a role that leaves the room: as it was signed here, else as it was before, where that still holds.
    fn published(&self, role: &str) -> Option<Vec<u8>> {
        if let Some(metadata) = self.ceremony.metadata(role) {
            return Some(metadata.to_file());
        }
        let plan = self.ceremony.plan();
        let before = plan.before.as_ref()?;
        let file = before.file(role)?;
        // A server signs these two again when anything that they describe, or their keys, change.
        let stated = |role: &str| plan.roles.get(role).is_some_and(|role| role.stated);
        let signed = |but: &[&str]| plan.roles_in_room().iter().any(|role| !but.contains(role));
        let holds = match role {
            "snapshot" => !stated("snapshot") && !signed(&["root", "timestamp"]),
            "timestamp" => !stated("snapshot") && !stated("timestamp") && !signed(&["root"]),
            _ => true,
        };
        holds.then(|| file.bytes.to_vec())
    }

    /// Every root, from the oldest that is known.
    fn roots(&self) -> Vec<Vec<u8>> {
        let before = self.ceremony.plan().before.as_ref();
        let old =
            before.into_iter().flat_map(|before| &before.repository.roots).map(|root| root.bytes.to_vec());
        let new = self.ceremony.metadata("root").map(crate::tuf::Metadata::to_file);
        old.chain(new).collect()
    }

    /// Writes the bundle, reads it back from the medium and verifies it, before the step counts as done.
    pub(super) fn export(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
            self.export_head = Some(self.head());
        } else if self.cut_off && self.bundle_dir().exists() {
            // The bundle takes its name when it is whole, so one that is there was written by this very step.
            self.cut_off = false;
            return match self.verify_bundle() {
                Ok(manifest) => self.record(Event::Exported { step: step.id.clone(), manifest }, events),
                Err(why) => self.failed(
                    step,
                    "export",
                    format!("{why}; move the bundle away and export again"),
                    events,
                ),
            };
        }
        match self.write_bundle().and_then(|()| self.verify_bundle()) {
            Ok(manifest) => self.record(Event::Exported { step: step.id.clone(), manifest }, events),
            Err(why) => self.failed(step, "export", why, events),
        }
    }

    /// The same bundle every time: its manifest names the head that ends with `Started`.
    fn write_bundle(&self) -> Result<(), String> {
        self.clear_partial()?;
        let contents = self.contents(self.export_head.unwrap_or_else(|| self.head()).hex())?;
        let files = bundle::layout(&contents).map_err(|error| error.to_string())?;
        bundle::write(&files, &self.bundle_dir()).map_err(|error| error.to_string())
    }

    /// Reads the bundle back from the medium, and verifies it as a client that trusts only its first root.
    pub(super) fn readback(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let dir = self.bundle_dir();
        if !dir.exists() {
            let gone = format!("{} is gone, where the bundle was written and verified", dir.display());
            let why = match self.write_bundle() {
                Ok(()) => format!(
                    "{gone}. It was written there again from the record: find out who took it, then go on"
                ),
                Err(why) => format!(
                    "{gone}, and it could not be written again: {why}. Nothing that was signed is lost: make that place writable, then go on"
                ),
            };
            return self.failed(step, "readback", why, events);
        }
        match self.verify_bundle() {
            Ok(manifest) => self.record(Event::ReadBack { step: step.id.clone(), manifest }, events),
            Err(why) => self.failed(step, "readback", why, events),
        }
    }

    /// A bundle without its name is one that this step did not finish before it was cut off.
    fn clear_partial(&self) -> Result<(), String> {
        let mut partial = self.bundle_dir().into_os_string();
        partial.push(".partial");
        match std::fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", PathBuf::from(partial).display()))
            }
            _ => Ok(()),
        }
    }

    fn contents(&self, journal_head: String) -> Result<Contents, String> {
        let plan = self.ceremony.plan();
        let before = plan.before.iter().flat_map(|before| before.repository.roles.keys());
        let in_room = plan.roles_in_room().into_iter().map(str::to_owned);
        let roles: BTreeSet<String> = before.cloned().chain(in_room).filter(|role| role != "root").collect();
        Ok(Contents {
            ceremony: plan.id.clone(),
            journal_head,
            rehearsal: self.ceremony.mode() == Mode::Rehearsal,
            roots: self.roots(),
            roles: roles
                .into_iter()
                .filter_map(|role| Some((role.clone(), self.published(&role)?)))
                .collect(),
            targets: self.target_files()?,
        })
    }

    /// The target files, which must still be the ones that were hashed.
    fn target_files(&self) -> Result<BTreeSet<(String, Vec<u8>)>, String> {
        let mut files = BTreeSet::new();
        let plan = self.ceremony.plan();
        let hashed = self.ceremony.files().iter();
        // What a manifest lists is somewhere else, and goes to the servers from there.
        let of_role = |(role, files)| {
            let spec = plan.roles.get(role)?.files.as_ref()?;
            (spec.origin == Origin::Directory).then_some((&spec.from.value, files))
        };
        let all = hashed.filter_map(of_role).flat_map(|(from, files): (&String, &Arc<Files>)| {
            files.iter().map(move |(name, listed)| (from, name, listed))
        });
        for (from, name, listed) in all {
            let path = self.places.inputs.join(from).join(name);
            let hash = listed.hashes.iter().next().map(|(name, digest)| format!("{name} {digest}"));
            let hash = hash.unwrap_or_default();
            let changed = |why: &str| {
                format!(
                    "{} {why}. It was signed as it was hashed, with {hash}. No bundle was written, and nothing \
                     else is lost: put that file back, then go on",
                    path.display()
                )
            };
            let bytes = disk::read(&path, listed.length)
                .map_err(|error| changed(&format!("cannot be used: {error}")))?;
            let is = |(name, digest): (&String, &String)| match name.as_str() {
                "sha256" => Digest::of(&bytes).hex() == *digest,
                "sha512" => hex::encode(Sha512::digest(&bytes)) == *digest,
                _ => false,
            };
            if bytes.len() as u64 != listed.length || hash.is_empty() || !listed.hashes.iter().all(is) {
                return Err(changed("was changed since then"));
            }
            files.insert((name.clone(), bytes));
        }
        Ok(files)
    }

    /// The bundle as it lies: the digest of its manifest, when it verifies and is what the ceremony signed.
    fn verify_bundle(&self) -> Result<String, String> {
        let dir = self.bundle_dir();
        let pinned = self.roots().into_iter().next().unwrap_or_default();
        let request = Request {
            pinned: &pinned,
            at: self.now(),
            scope: self.scope(),
            allow_rehearsal: self.ceremony.mode() == Mode::Rehearsal,
        };
        let opened = Dir::open(&dir)?;
        let checked = bundle::check(&opened, &request)
            .map_err(|refused| format!("the bundle does not verify: {refused}"))?;
        if checked.target_files < self.target_files()?.len() {
            return Err("the bundle lacks target files".into());
        }
        for role in self.ceremony.plan().roles_in_room() {
            let name = crate::plan::print::file_name(self.ceremony.plan(), role);
            let path = dir.join("metadata").join(&name);
            let signed = self.ceremony.metadata(role).map(crate::tuf::Metadata::to_file).unwrap_or_default();
            if disk::read(&path, signed.len() as u64).map_err(|error| format!("{name}: {error}"))? != signed {
                return Err(format!("{name} in the bundle is not what was signed"));
            }
        }
        let manifest = dir.join(bundle::manifest::MANIFEST);
        let bytes = disk::read(&manifest, MAX_MANIFEST)
            .map_err(|error| format!("{}: {error}", manifest.display()))?;
        Ok(Digest::of(&bytes).hex())
    }
}
