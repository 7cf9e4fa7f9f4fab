//! The machine as the pre-flight sees it.

use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::prompt::MachineItem;
use crate::keystore::hygiene;

impl Driver {
    /// Every item, required ones first in the order of the plan.
    pub fn machine(&self) -> Vec<MachineItem> {
        let plan = self.ceremony.plan();
        let seen = hygiene::preflight(&self.options.hygiene, &self.modules());
        let mut items: Vec<_> = seen
            .into_iter()
            .map(|item| MachineItem { required: plan.require.iter().any(|name| *name == item.name), item })
            .collect();
        items.sort_by_key(|item| !item.required);
        items
    }

    /// What stops the ceremony: required, and not held. A rehearsal is told, and goes on.
    pub fn unfit(&self, items: &[MachineItem]) -> Vec<String> {
        if self.ceremony.mode() == Mode::Rehearsal {
            return Vec::new();
        }
        let missing = items.iter().filter(|item| item.required && !item.item.held);
        missing.map(|item| format!("{}: {}", item.item.name, item.item.detail)).collect()
    }
}
