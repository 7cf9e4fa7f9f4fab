//! The machine as the pre-flight sees it.

use std::path::Path;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::driver::Clock;
use crate::driver::Driver;
use crate::driver::clock;
use crate::driver::prompt::MachineBoard;
use crate::driver::prompt::MachineItem;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::hygiene;
use crate::keystore::hygiene::Item;
use crate::keystore::hygiene::Machine;
use crate::keystore::pkcs11;
use crate::plan::Asked;
use crate::plan::Key;
use crate::store_uri::StoreUri;
use crate::tuf::Date;

/// A medium that keeps local time is wrong by less.
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Driver {
    /// Every item, required ones first in the order of the board.
    pub fn machine(&self) -> Vec<MachineItem> {
        let (plan, modules) = (self.ceremony.plan(), self.modules());
        let mut seen = hygiene::preflight(&Machine {
            root: Path::new("/"),
            hygiene: &self.options.hygiene,
            sandbox: &self.sandbox,
            binaries: &plan.environment.binaries,
            modules: &modules,
        });
        seen.push(self.clock_sane());
        let mut items: Vec<_> =
            seen.into_iter().map(|item| MachineItem { asked: plan.asks(&item.name), item }).collect();
        items.sort_by_key(|item| item.asked != Asked::Required);
        items
    }

    /// What people look at: the items, this program's hash, and what nobody looked at.
    pub(super) fn machine_board(&self) -> MachineBoard {
        MachineBoard {
            items: self.everything(),
            program: hygiene::own_digest().ok(),
            not_checked: &hygiene::NOT_CHECKED,
        }
    }

    /// The clock is within the window, and not behind anything that has happened. A time that an answers file names is
    /// held against the window alone, for the files here were written by the machine's clock.
    fn clock_sane(&self) -> Item {
        let (now, window) = (self.now(), &self.ceremony.plan().window);
        let mut seen = vec![("the journal was there".to_owned(), self.record.last())];
        if self.options.clock == Clock::Machine {
            seen.extend(self.newest_input());
        }
        let outside =
            window.not_before.is_some_and(|from| now < from) || window.not_after.is_some_and(|to| now > to);
        let (held, detail) = match clock::behind(now, &seen) {
            Some(why) => (false, why),
            None if outside => (false, format!("it says {now}, outside the window of the file")),
            None => (true, format!("it says {now}: within the window, and behind nothing that is here")),
        };
        Item { name: "clock-sane".into(), held, detail }
    }

    /// When the newest of the inputs was written, as their own medium says: to a day, for some media keep local time.
    fn newest_input(&self) -> Option<(String, Date)> {
        let entries = std::fs::read_dir(&self.places.inputs).ok()?.filter_map(Result::ok);
        let inside = entries.flat_map(|entry| {
            let below = std::fs::read_dir(entry.path()).into_iter().flatten().filter_map(Result::ok);
            below.chain([entry])
        });
        let newest = inside.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()?;
        let since = newest.duration_since(std::time::UNIX_EPOCH).ok()?.saturating_sub(DAY);
        let written = Date::from_unix(i64::try_from(since.as_secs()).ok()?);
        Some(("an input was written (less a day)".to_owned(), written))
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
        let (held, needed, detail) = match seen {
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
        let asked = if needed { Asked::Required } else { Asked::Not };
        MachineItem { item: Item { name: format!("key {}", key.name), held, detail }, asked }
    }

    /// What stops the ceremony: required, and not held. A rehearsal is told, and goes on.
    pub fn unfit(&self, items: &[MachineItem]) -> Vec<String> {
        if self.ceremony.mode() == Mode::Rehearsal {
            return Vec::new();
        }
        let stated = self.ceremony.plan().environment.stated;
        let bound = |item: &&MachineItem| {
            item.asked == Asked::Required && (stated || item.item.name != "locked-memory")
        };
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
