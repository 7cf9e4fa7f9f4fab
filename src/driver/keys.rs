//! One key used by its holder: made, shown to work, signing, destroyed. One secret, one store, one login.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::Work;
use crate::driver::Driver;
use crate::driver::faults::Fault;
use crate::driver::inputs;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::driver::stores;
use crate::keystore::Evidence;
use crate::keystore::Found;
use crate::keystore::StoreError;
use crate::keystore::dice::BadDice;
use crate::keystore::dice::Dice;
use crate::keystore::error::StoreErrorKind;
use crate::plan::Source;
use crate::plan::Step;
use crate::plan::Throws;
use crate::plan::Verb;
use crate::store_uri::StoreUri;
use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::proof;

/// A new passphrase shorter than this is refused; the age file may be copied and tried at leisure.
pub const MIN_PASSPHRASE: usize = 8;

type Events = Vec<Event>;

impl Driver {
    pub(super) fn with_secret(
        &mut self,
        step: &Step,
        secret: Option<&SecretString>,
        serial: Option<&str>,
        dice: Option<SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let Some(name) = step.verb.key() else { return Ok(()) };
        if self.strikes(Fault::WrongPin, step) {
            let serial =
                self.store(name).and_then(|mut store| store.look()).ok().and_then(|sight| sight.serial);
            let (kind, why) =
                ("wrong-secret".to_owned(), "REHEARSED FAULT: wrong PIN; nothing was signed".to_owned());
            return self.record(Event::Failed { step: step.id.clone(), kind, why, serial }, events);
        }
        match self.store(name).and_then(|mut store| store.look()) {
            Ok(sight)
                if sight.pin == crate::keystore::PinState::FinalTry && sight.serial.as_deref() != serial =>
            {
                return self.failed(
                    step,
                    "serial",
                    "the serial number of the token is typed before its last PIN try; the PIN was not used",
                    events,
                );
            }
            _ => {}
        }
        match &step.verb {
            Verb::GenerateKey(_) => self.generate(step, name, secret, dice, events),
            Verb::EnrolKey(_) | Verb::RestoreDrill(_) => self.prove(step, name, secret, events),
            Verb::DestroyKey(_) => self.destroy(step, name, secret, events),
            Verb::ShareKey { to, drive, .. } => {
                self.share_key(step, (name, to, drive.as_deref()), secret, events)
            }
            _ => self.sign(step, name, secret, events),
        }
    }

    fn generate(
        &mut self,
        step: &Step,
        name: &str,
        secret: Option<&SecretString>,
        dice: Option<SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let Some(Source::Generated { store: uri, scheme, bits }) =
            self.ceremony.plan().key(name).map(|key| key.source.clone())
        else {
            return Ok(());
        };
        if self.cut_off {
            return match self.store(name).and_then(|mut store| store.find(secret)) {
                Ok(Some(found)) => match foreign(&found, scheme, bits) {
                    None => {
                        self.found = Some(found);
                        Ok(())
                    }
                    Some(why) => {
                        let why = format!(
                            "a key is there already, and it is not one that this ceremony made: {why}; it was left as it is. Move it away, then go on"
                        );
                        self.failed(step, "exists", why, events)
                    }
                },
                Ok(None) => {
                    self.cut_off = false;
                    Ok(())
                }
                Err(error) => self.store_failed(step, name, &error, events),
            };
        }
        let long_enough = |secret: &SecretString| secret.expose_secret().chars().count() >= MIN_PASSPHRASE;
        if matches!(uri, StoreUri::Age(_)) && !secret.is_some_and(long_enough) {
            let why = format!(
                "a passphrase has at least {MIN_PASSPHRASE} characters: the file can be copied and tried at leisure. No key was made"
            );
            return self.failed(step, "passphrase", why, events);
        }
        let dice = match self.thrown(name, dice) {
            Ok(dice) => dice,
            Err(why) => return self.failed(step, "dice", format!("{why}. No key was made"), events),
        };
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
        }
        let made = self.store(name).and_then(|mut store| {
            dice.into_iter().for_each(|dice| store.take_dice(dice));
            store.generate(secret, scheme, bits)
        });
        match made {
            Ok(found) => self.generated(step, name, found, events),
            Err(error) => self.store_failed(step, name, &error, events),
        }
    }

    /// The throws that the file asks for, and none where it asks for none.
    fn thrown(&self, name: &str, typed: Option<SecretString>) -> Result<Option<Dice>, BadDice> {
        let Some(Throws { count, alone }) = self.ceremony.plan().key(name).and_then(|key| key.throws) else {
            return Ok(None);
        };
        Dice::read(typed.unwrap_or_else(|| SecretString::from(String::new())), count, alone).map(Some)
    }

    fn generated(&mut self, step: &Step, name: &str, found: Found, events: &mut Events) -> Result<(), Stop> {
        let Found { public, evidence } = found;
        let (step, key, keyid) = (step.id.clone(), name.to_owned(), public.keyid());
        self.record(Event::KeyGenerated { step, key, keyid, public, evidence }, events)
    }

    /// The people have said whether a key that was found after a crash is the ceremony's.
    pub(super) fn adopt(&mut self, step: &Step, yes: bool, events: &mut Events) -> Result<(), Stop> {
        let (Some(found), Verb::GenerateKey(name)) = (self.found.take(), &step.verb) else { return Ok(()) };
        if yes {
            let keyid = found.public.keyid().0;
            let run = [
                ("at", self.now().to_string()),
                ("what", "adopted".to_owned()),
                ("key", name.clone()),
                ("keyid", keyid),
            ];
            self.record.add_run(&run.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())?;
            self.cut_off = false;
            return self.generated(step, name, found, events);
        }
        let store = self.store(name).map(|store| store.name()).unwrap_or_default();
        let why = format!("{store} holds a key that is not the ceremony's; it was left as it is");
        self.failed(step, "exists", why.clone(), events)?;
        Err(Stop::new(StopKind::People, why, "move that key away, then resume; the step begins again"))
    }

    /// Signs every role that is left of the step under one login.
    pub(super) fn sign(
        &mut self,
        step: &Step,
        name: &str,
        secret: Option<&SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let roles = self.ceremony.left();
        for role in &roles {
            if let Err(not_now) = self.ceremony.room().may_sign(role, name) {
                return self.failed(step, "not-now", not_now.to_string(), events);
            }
        }
        let Some(known) = self.ceremony.known(name).cloned() else { return Ok(()) };
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
        }
        if self.cut_or_pulled(step, events)? {
            return Ok(());
        }
        let works = roles.iter().filter_map(|role| self.ceremony.work(role));
        let payloads: Vec<Bytes> = works.flat_map(Work::payloads).collect();
        let signed = self.store(name).and_then(|mut store| store.sign(secret, &known.public, &payloads));
        match signed {
            Ok(signatures) => {
                let mut signatures = signatures.iter().map(hex::encode);
                for role in roles {
                    let (step, key, keyid) = (step.id.clone(), name.to_owned(), known.keyid.clone());
                    let event = match self.ceremony.bins(&role).map(|group| group.bins().len()) {
                        Some(bins) => {
                            let sigs = signatures.by_ref().take(bins).collect();
                            Event::BinsSigned { step, role, key, keyid, sigs }
                        }
                        None => {
                            let sig = signatures.next().unwrap_or_default();
                            Event::Signed { step, role, key, keyid, sig }
                        }
                    };
                    self.record(event, events)?;
                }
                Ok(())
            }
            Err(error) => self.store_failed(step, name, &error, events),
        }
    }

    /// The faults that strike while a key signs; `true` when the token was pulled, which is written down.
    fn cut_or_pulled(&mut self, step: &Step, events: &mut Events) -> Result<bool, Stop> {
        self.power_cut(step)?;
        let pulled = self.strikes(Fault::PulledToken, step);
        if pulled {
            let why = "REHEARSED FAULT: the token was pulled out while it signed. Nothing was signed; put it back, and type the PIN again";
            self.failed(step, "token-gone", why, events)?;
        }
        Ok(pulled)
    }

    /// A key signs a text that is thrown away: its holder has it, and it works.
    fn prove(
        &mut self,
        step: &Step,
        name: &str,
        secret: Option<&SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        if self.cut_or_pulled(step, events)? {
            return Ok(());
        }
        let public = match self.public_of(name) {
            Ok(public) => public,
            Err(why) => return self.failed(step, "input", why, events),
        };
        let message = match proof::message(&public, &self.ceremony.plan().id) {
            Ok(message) => message,
            Err(why) => return self.failed(step, "input", why.to_string(), events),
        };
        match self.store(name).and_then(|mut store| store.sign(secret, &public, &[message.into()])) {
            Ok(signed) => {
                let sig = signed.first().map(hex::encode).unwrap_or_default();
                let (step, key) = (step.id.clone(), name.to_owned());
                let event = match self.ceremony.known(name).map(|known| known.keyid.clone()) {
                    Some(keyid) => Event::Drilled { step, key, keyid, sig, shares: Vec::new() },
                    None => Event::KeyEnrolled { step, key, keyid: public.keyid(), public, sig },
                };
                self.record(event, events)
            }
            Err(error) => self.store_failed(step, name, &error, events),
        }
    }

    /// The public half of a key that is known, or that comes with a file.
    pub(super) fn public_of(&self, name: &str) -> Result<PublicKey, String> {
        if let Some(known) = self.ceremony.known(name) {
            return Ok(known.public.clone());
        }
        let plan = self.ceremony.plan();
        let key = plan.key(name).ok_or_else(|| format!("key {name} is not in the plan"))?;
        match (&key.source, self.ceremony.mode()) {
            (Source::Existing { .. } | Source::Public { .. }, Mode::Rehearsal) => {
                let stands_in = stores::stand_in_from_file(plan, key, &self.places);
                stands_in.map(|key| key.public().clone()).map_err(|error| error.text)
            }
            (Source::Existing { public, .. } | Source::Public { public }, _) => {
                inputs::outside(&self.places.inputs, public, &plan.id)
            }
            (Source::Generated { .. } | Source::Listed { .. }, _) => {
                Err(format!("key {name} does not come with a file"))
            }
        }
    }

    /// Whether the key went before the step was cut off: it was destroyed, and that was not written down.
    pub(super) fn destroyed_before(&self, step: &Step, error: &StoreError) -> bool {
        self.cut_off && matches!(step.verb, Verb::DestroyKey(_)) && error.kind == StoreErrorKind::NoSuchKey
    }

    pub(super) fn destroy(
        &mut self,
        step: &Step,
        name: &str,
        secret: Option<&SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let Some(known) = self.ceremony.known(name).cloned() else {
            return self.failed(step, "input", format!("key {name} is not known here"), events);
        };
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
        }
        self.power_cut(step)?;
        let destroyed = match self.store(name).and_then(|mut store| store.destroy(secret, &known.public)) {
            Err(error) if self.destroyed_before(step, &error) => {
                let how =
                    "gone when the ceremony was resumed: this step was cut off after it began".to_owned();
                Ok(Evidence::from([("destroyed".to_owned(), how)]))
            }
            destroyed => destroyed,
        };
        match destroyed {
            Ok(evidence) => {
                let (step, key) = (step.id.clone(), name.to_owned());
                self.cut_off = false;
                self.record(Event::KeyDestroyed { step, key, evidence }, events)
            }
            Err(error) => self.store_failed(step, name, &error, events),
        }
    }

    pub(super) fn decline(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let Verb::Sign { key, .. } = &step.verb else { return Ok(()) };
        let (step, roles, key) = (step.id.clone(), self.ceremony.left(), key.clone());
        self.record(Event::Declined { step, roles, key }, events)
    }

    pub(super) fn store_failed(
        &mut self,
        step: &Step,
        key: &str,
        error: &StoreError,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let kind = serde_json::to_value(error.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(str::to_owned))
            .unwrap_or_default();
        let serial = self.store(key).and_then(|mut store| store.look()).ok().and_then(|sight| sight.serial);
        let why = if error.hint.is_empty() {
            error.text.clone()
        } else {
            format!("{}; {}", error.text, error.hint)
        };
        self.record(Event::Failed { step: step.id.clone(), kind, why, serial }, events)
    }
}

/// Why a key that was found cannot be one that this ceremony made.
fn foreign(found: &Found, scheme: Scheme, bits: Option<u32>) -> Option<String> {
    let says = |name: &str, not: &str| found.evidence.get(name).is_some_and(|value| value == not);
    match () {
        () if found.public.scheme() != scheme => {
            Some(format!("it is {}, and the plan says {scheme}", found.public.scheme()))
        }
        () if bits.is_some_and(|bits| found.public.rsa_bits().is_some_and(|found| found != bits)) => {
            Some("it has another size than the plan says".into())
        }
        () if says("CKA_LOCAL", "false") => Some("its token says that it was not made there".into()),
        () if says("CKA_NEVER_EXTRACTABLE", "false") || says("CKA_EXTRACTABLE", "true") => {
            Some("its token says that it could have left".into())
        }
        () => None,
    }
}
