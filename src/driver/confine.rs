//! What stays within reach of a ceremony under way: its inputs, its record, the terminal, what the pre-flight looks at,
//! and, where a token is used, what a PKCS#11 module needs. Everything else is given up before a secret is typed.

use std::path::Path;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::keystore::hygiene;
use crate::keystore::pkcs11;
use crate::keystore::sandbox;
use crate::keystore::sandbox::Reach;
use crate::plan::Asked;
use crate::plan::Outside;
use crate::plan::Source;
use crate::plan::Verb;
use crate::store_uri::StoreUri;

/// The terminal, and nowhere.
const TERMINAL: [&str; 3] = ["/dev/tty", "/dev/pts", "/dev/null"];
/// Where drives are mounted.
pub(super) const MOUNTED: [&str; 3] = ["/media", "/run/media", "/mnt"];
/// What the pre-flight looks at.
const LOOKED_AT: [&str; 2] = ["/proc", "/sys"];

impl Driver {
    /// Gives up what the ceremony does not need, for good: this thread, those that it starts, and every child. What the
    /// file waives is left as it is, for a module that needs a network or files elsewhere. What the kernel cannot
    /// do is shown by the pre-flight, which decides.
    pub fn confine(&mut self) {
        // While the program's file can still be read; the outcome is kept, and the pre-flight tells it.
        drop(hygiene::own_digest());
        let plan = self.ceremony.plan();
        let waived = |item: &str| plan.asks(item) == Asked::Waived;
        let given_up = |item: &str, give_up: &dyn Fn() -> Result<(), String>| match waived(item) {
            true => Err("waived, so nothing was given up".to_owned()),
            false => give_up(),
        };
        let files = given_up("confined-files", &|| sandbox::confine_files(&self.reach()));
        let sockets = given_up("no-inet-sockets", &sandbox::refuse_sockets);
        self.sandbox = sandbox::Sandbox { sockets, files };
    }

    fn reach(&self) -> Reach {
        let mut reach =
            if self.uses_tokens() { pkcs11::reach(&self.module_files()) } else { Reach::default() };
        reach.read.extend(LOOKED_AT.map(PathBuf::from));
        reach.read.push(self.places.inputs.clone());
        reach.read.extend(self.elsewhere());
        reach.write.extend(TERMINAL.map(PathBuf::from));
        reach.write.push(self.record.dir.clone());
        reach.write.extend(self.drives());
        reach.write.extend(self.destroyed());
        if self.uses_tokens() {
            reach.run.push(self.places.program.clone());
        }
        reach
    }

    /// A rehearsal's tokens are simulated.
    fn uses_tokens(&self) -> bool {
        let on_token = |store: &StoreUri| matches!(store, StoreUri::Pkcs11(_));
        let keys = &self.ceremony.plan().keys;
        self.ceremony.mode() == Mode::Production && keys.iter().any(|key| key.store().is_some_and(on_token))
    }

    /// Where drives are mounted now, and where the system mounts them later: the bundle goes out on them, and answers of
    /// who signs elsewhere come in.
    fn drives(&self) -> Vec<PathBuf> {
        let plan = self.ceremony.plan();
        let (drives, answers) = (&plan.materials.drives, plan.keys.iter().any(|key| key.elsewhere));
        if self.ceremony.mode() == Mode::Rehearsal || (drives.is_empty() && !answers) {
            return Vec::new();
        }
        let now = drives.keys().filter_map(|drive| self.drive_at(drive).ok());
        now.chain(MOUNTED.map(PathBuf::from)).collect()
    }

    /// Where the files of keys lie that are destroyed.
    fn destroyed(&self) -> Vec<PathBuf> {
        let plan = self.ceremony.plan();
        let keys = plan.steps.iter().filter_map(|step| match &step.verb {
            Verb::DestroyKey(key) => plan.key(key),
            _ => None,
        });
        let files = keys.filter_map(|key| match key.store() {
            Some(StoreUri::Age(path)) => Some(self.places.inputs.join(path)),
            _ => None,
        });
        files.filter_map(|file| file.parent().map(Path::to_owned)).collect()
    }

    fn module_files(&self) -> Vec<PathBuf> {
        let uris = self.ceremony.plan().keys.iter().filter_map(|key| match key.store() {
            Some(StoreUri::Pkcs11(uri)) => Some(uri),
            Some(StoreUri::Age(_)) | None => None,
        });
        uris.filter_map(|uri| pkcs11::choose(Some(uri), self.places.default_module.as_deref()).ok()).collect()
    }

    /// Inputs that the file names and that lie outside of its directory: behind a link, or on a custodian's drive that is
    /// plugged in later.
    fn elsewhere(&self) -> Vec<PathBuf> {
        let plan = self.ceremony.plan();
        let mut named: Vec<&str> = plan.shipped_anchors.iter().map(String::as_str).collect();
        for key in &plan.keys {
            if let (Some(StoreUri::Age(path)), false) = (key.store(), key.generated()) {
                named.push(path);
            }
            if let Source::Existing { public, .. } | Source::Public { public } = &key.source {
                let Outside { file, proof, .. } = public;
                named.extend([Some(file), proof.as_ref()].into_iter().flatten().map(String::as_str));
            }
        }
        let files = plan.roles.values().filter_map(|role| role.files.as_ref());
        named.extend(files.map(|files| files.from.value.as_str()));
        // By where it really is: a link below the inputs may lead out of them.
        let found = named.into_iter().filter_map(|path| there(&self.places.inputs.join(path)));
        found.filter(|path| !path.starts_with(&self.places.inputs)).collect()
    }
}

/// The path, or the nearest directory above it that is there; never everything.
fn there(path: &Path) -> Option<PathBuf> {
    let found = path.ancestors().find(|part| part.exists())?.canonicalize().ok()?;
    (found != Path::new("/")).then_some(found)
}
