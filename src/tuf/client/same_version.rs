//! Other content under a version that clients have already. No rule of the specification refuses it, and what they do
//! is not one thing: who compares versions alone keeps the old file. So `verify` remarks it.

use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::file_name;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::metadata::Metadata;

impl Workflow<'_> {
    /// Compares the targets roles that are trusted now with those of the earlier state.
    pub(super) fn remark_same_targets_versions(&mut self, own: &dyn Files) {
        let mut differ = Vec::new();
        let online = ["root", "timestamp", "snapshot"];
        for found in self.trusted.iter().filter(|found| !online.contains(&found.role.as_str())) {
            // A client keeps `ROLE.json`; a repository may have `VERSION.ROLE.json`.
            let names = [Some(found.version), None].map(|version| file_name(&found.role, version));
            let Some(was) = names.iter().find_map(|name| own.read(name, MAX_TARGETS).ok().flatten()) else {
                continue;
            };
            let Ok(Some(is)) = self.files.read(&found.file, MAX_TARGETS) else { continue };
            if was == is {
                continue;
            }
            let (Ok(was), Ok(is)) = (Metadata::parse(&was), Metadata::parse(&is)) else { continue };
            let same = was.signed()["version"] == is.signed()["version"];
            if same && was.payload() != is.payload() {
                differ.push((found.file.clone(), found.version));
            }
        }
        for (file, version) in differ {
            self.remark_same_version(&file, version);
        }
    }

    /// One of them.
    pub(super) fn remark_same_version(&mut self, file: &str, version: u64) {
        self.remarks.push(format!(
            "{file}: other content under the same version {version} as the trusted one: clients that have it may keep \
             the old"
        ));
    }
}
