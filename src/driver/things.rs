//! Tokens, bags and drives as the machine sees them: the wrong one is refused in a sentence.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::faults::Fault;
use crate::driver::stop::Stop;
use crate::keystore::pkcs11;
use crate::keystore::pkcs11::Settings;
use crate::keystore::pkcs11::TokenView;
use crate::plan::Step;
use crate::plan::print::token_name;
use crate::room::Handling;
use crate::store_uri::StoreUri;

type Seen = Result<BTreeMap<String, String>, String>;

impl Driver {
    /// What the machine sees of what a step handles; or why the step cannot be done yet, in a sentence.
    pub(super) fn seen_of(&mut self, step: &Step, handling: &Handling) -> Seen {
        match handling {
            Handling::Insert(token) => self.inserted(token),
            Handling::Remove(token) => self.removed(token),
            Handling::Mount(drive) => {
                if self.strikes(Fault::LostDrive, step) {
                    let label = self.label_of(drive);
                    return Err(format!("REHEARSED FAULT: no drive with the label {label} is mounted"));
                }
                let at = self.drive_at(drive)?;
                // A rehearsal leaves the same journal wherever its record lies.
                let at = match self.ceremony.mode() {
                    Mode::Production => ("at", crate::driver::shown(&at)),
                    Mode::Rehearsal => ("simulated", "true".to_owned()),
                };
                let seen = [("label", self.label_of(drive)), at];
                Ok(seen.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }
            Handling::Eject(drive) => match (self.ceremony.mode(), self.drive_at(drive)) {
                (Mode::Production, Ok(at)) => Err(format!(
                    "drive {} is still mounted at {}; unmount it, pull it out, then go on",
                    self.label_of(drive),
                    at.display()
                )),
                _ => Ok(BTreeMap::new()),
            },
            Handling::Inspect(_) | Handling::Open(_) | Handling::Seal { .. } => Ok(BTreeMap::new()),
        }
    }

    /// The one token in the reader is the one that the step names.
    fn inserted(&self, name: &str) -> Seen {
        let plan = self.ceremony.plan();
        let Some(wanted) = plan.materials.tokens.get(name) else {
            return Err(format!("token {name} is not in the plan"));
        };
        if self.ceremony.mode() == Mode::Rehearsal {
            let seen = [("serial", wanted.serial.value.clone()), ("simulated", "true".to_owned())];
            return Ok(seen.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        }
        let there = self.tokens_there(name)?;
        let called = |token: &TokenView| {
            let listed = plan.materials.tokens.iter().find(|(_, listed)| listed.serial.value == token.serial);
            match listed {
                Some((name, listed)) => {
                    let of = listed.holder.as_ref().map(|id| format!(" of {}", plan.name(&id.value)));
                    format!("token {name}{} (serial {})", of.unwrap_or_default(), token.serial)
                }
                None => format!("{} (serial {}), which is not in the plan", token.label, token.serial),
            }
        };
        match there.as_slice() {
            [] => Err(format!("the reader is empty; put in token {}", token_name(plan, name))),
            [one] if one.serial == wanted.serial.value => {
                let seen = [
                    ("serial", &one.serial),
                    ("label", &one.label),
                    ("model", &one.model),
                    ("manufacturer", &one.manufacturer),
                    ("firmware", &one.firmware),
                ];
                Ok(seen.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
            }
            [one] => Err(format!(
                "the reader holds {}, and this step is about token {}. Take it out. No PIN was asked for",
                called(one),
                token_name(plan, name)
            )),
            more => {
                let more: Vec<_> = more.iter().map(called).collect();
                Err(format!(
                    "{} tokens are plugged in, and one at a time is used: {}",
                    more.len(),
                    more.join("; ")
                ))
            }
        }
    }

    fn removed(&self, name: &str) -> Seen {
        let plan = self.ceremony.plan();
        let serial = plan.materials.tokens.get(name).map(|token| &token.serial.value);
        if self.ceremony.mode() == Mode::Rehearsal {
            return Ok(BTreeMap::new());
        }
        match self.tokens_there(name)?.iter().any(|token| Some(&token.serial) == serial) {
            true => Err(format!("token {} is still in the reader; take it out", token_name(plan, name))),
            false => Ok(BTreeMap::new()),
        }
    }

    /// Every initialised token that the modules of this token's keys show.
    fn tokens_there(&self, name: &str) -> Result<Vec<TokenView>, String> {
        let plan = self.ceremony.plan();
        let on_it = |store: &&StoreUri| plan.materials.token_of(store).is_some_and(|token| token == name);
        let stores = plan.keys.iter().filter_map(|key| key.store()).filter(on_it);
        let mut modules: Vec<Option<PathBuf>> = stores
            .filter_map(|store| match store {
                StoreUri::Pkcs11(uri) => Some(uri.module_path.as_ref().map(PathBuf::from)),
                StoreUri::Age(_) => None,
            })
            .collect();
        if modules.is_empty() {
            modules.push(None);
        }
        modules.sort();
        modules.dedup();
        let settings = Settings {
            default_module: self.places.default_module.clone(),
            module_sha256: None,
            program: self.places.program.clone(),
        };
        let mut there: Vec<TokenView> = Vec::new();
        for module in modules {
            let (_, tokens) = pkcs11::list(module.as_deref(), &settings).map_err(|error| error.text)?;
            let new = |token: &TokenView| {
                token.initialised && !there.iter().any(|seen| seen.serial == token.serial)
            };
            let tokens: Vec<_> = tokens.into_iter().filter(new).collect();
            there.extend(tokens);
        }
        Ok(there)
    }

    /// A step that handles something: done when the machine sees it so.
    pub(super) fn handle(
        &mut self,
        step: &Step,
        handling: &Handling,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        if let Handling::Eject(drive) = handling
            && let Ok(at) = self.drive_at(drive)
            && let Ok(dir) = std::fs::File::open(&at)
        {
            // What was written is on the drive before anyone pulls it.
            let _ = rustix::fs::syncfs(&dir);
        }
        match self.seen_of(step, handling) {
            Ok(seen) => self.record(Event::Handled { step: step.id.clone(), seen }, events),
            Err(why) => self.failed(step, "thing", why, events),
        }
    }
}
