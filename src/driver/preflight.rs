//! The machine as the pre-flight sees it.

use std::path::Path;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::prompt::MachineItem;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::hygiene;
use crate::keystore::hygiene::Item;
use crate::keystore::pkcs11;
use crate::plan::Key;
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

    /// The machine, and the store of every key that signs: what can be known without a secret is known before the gate.
    /// In a rehearsal the stores are simulated, and there is nothing to see.
    pub fn everything(&self) -> Vec<MachineItem> {
        let mut items = self.machine();
        if self.ceremony.mode() == Mode::Production {
            let keys = self.ceremony.plan().keys.iter();
            items.extend(keys.filter(|key| key.store().is_some()).map(|key| self.store_seen(key)));
        }
        items
    }

    /// A token may still be in its bag. A module that cannot be used, a file in the way, a key that is gone: those
    /// do not put themselves right after the gate.
    fn store_seen(&self, key: &Key) -> MachineItem {
        let seen = self.store(&key.name).and_then(|mut store| store.look());
        let in_file = matches!(key.store(), Some(StoreUri::Age(_)));
        let (held, required, detail) = match seen {
            Ok(_) if in_file && key.generated() => {
                (false, true, "the file exists already; it was not overwritten".to_owned())
            }
            Ok(sight) => (true, false, sight.lines.into_iter().next().unwrap_or_default()),
            Err(error) if error.kind == StoreErrorKind::NoSuchKey && key.generated() => {
                (true, false, "to be made".to_owned())
            }
            Err(error) if error.kind == StoreErrorKind::NoSuchToken => {
                (false, false, format!("not there yet: {}", error.text))
            }
            Err(error) => (false, true, error.text),
        };
        MachineItem { item: Item { name: format!("key {}", key.name), held, detail }, required }
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
