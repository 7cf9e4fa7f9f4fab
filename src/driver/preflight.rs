//! The machine as the pre-flight sees it.

use std::path::Path;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::prompt::MachineItem;
use crate::keystore::hygiene;
use crate::keystore::pkcs11;
use crate::store_uri::StoreUri;

impl Driver {
    /// Every item, required ones first in the order of the plan.
    pub fn machine(&self) -> Vec<MachineItem> {
        let plan = self.ceremony.plan();
        let seen = hygiene::preflight(Path::new("/"), &self.options.hygiene, &self.modules());
        let mut items: Vec<_> = seen
            .into_iter()
            .map(|item| MachineItem { required: plan.require.contains(&item.name), item })
            .collect();
        items.sort_by_key(|item| !item.required);
        items
    }

    /// What stops the ceremony: required, and not held. A rehearsal is told, and goes on.
    pub fn unfit(&self, items: &[MachineItem]) -> Vec<String> {
        if self.ceremony.mode() == Mode::Rehearsal {
            return Vec::new();
        }
        let stated = self.ceremony.plan().require_stated;
        let bound = |item: &&MachineItem| item.required && (stated || item.item.name != "locked-memory");
        let missing = items.iter().filter(bound).filter(|item| !item.item.held);
        missing.map(|item| format!("{}: {}", item.item.name, item.item.detail)).collect()
    }

    /// The PKCS#11 modules that the plan pins, each with its pin.
    fn modules(&self) -> Vec<(PathBuf, String)> {
        let mut modules = Vec::new();
        for key in &self.ceremony.plan().keys {
            let (Some(StoreUri::Pkcs11(uri)), Some(pin)) = (key.store(), &key.module_sha256) else {
                continue;
            };
            if let Ok(path) = pkcs11::choose(Some(uri), self.places.default_module.as_deref()) {
                modules.push((path, pin.clone()));
            }
        }
        modules.sort();
        modules.dedup();
        modules
    }
}
