//! One answer, carried out: do, check, write down, go on.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::Need;
use crate::ceremony::Work;
use crate::driver::Driver;
use crate::driver::inputs;
use crate::driver::prompt::Answer;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::driver::stores;
use crate::keystore::Found;
use crate::keystore::StoreError;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::after::Files;
use crate::plan::reach;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;

/// A new passphrase shorter than this is refused; the age file may be copied and tried at leisure.
pub const MIN_PASSPHRASE: usize = 8;

type Events = Vec<Event>;

impl Driver {
    /// Carries out an answer to the last prompt, and returns what happened, failures included. The ceremony
    /// goes on after a failure; a [`Stop`] ends this run, and `resume` goes on.
    pub fn answer(&mut self, answer: Answer) -> Result<Vec<Event>, Stop> {
        let mut events = Vec::new();
        let Some((step, need)) = self.ceremony.next().map(|next| (next.step.clone(), next.need)) else {
            return Ok(events);
        };
        match (need, answer) {
            (_, Answer::Stop(why)) => {
                self.record(Event::Stopped { why: why.clone() }, &mut events)?;
                let hint = format!("go on with `keyrite resume {}`", self.dir().display());
                return Err(Stop::new(
                    StopKind::People,
                    format!("stopped: {why}. Everything so far is recorded"),
                    hint,
                ));
            }
            (Need::Confirm(by), Answer::Confirm | Answer::Continue) => {
                self.record(Event::Confirmed { step: step.id.clone(), by }, &mut events)?;
            }
            (Need::TypeBack(by, _), Answer::Words(words)) => {
                let words = words.iter().map(|word| word.trim().to_owned()).collect();
                self.record(Event::TypedBack { step: step.id.clone(), by, words }, &mut events)?;
            }
            (Need::Do, Answer::Adopt(yes)) => self.adopt(&step, yes, &mut events)?,
            (Need::Do, Answer::Decline) => self.decline(&step, &mut events)?,
            (Need::Do, Answer::Secret { secret, serial }) => {
                self.with_secret(&step, secret.as_ref(), serial.as_deref(), &mut events)?;
            }
            (Need::Do, Answer::Continue | Answer::Confirm) => self.perform(&step, &mut events)?,
            _ => {}
        }
        self.stop_on_fail(&step, &events)?;
        Ok(events)
    }

    fn stop_on_fail(&self, step: &Step, events: &Events) -> Result<(), Stop> {
        match events.last() {
            Some(Event::Failed { why, .. }) if step.on_fail == OnFail::Stop => {
                let hint = format!(
                    "the plan says `on_fail: stop`; go on with `keyrite resume {}`",
                    self.dir().display()
                );
                Err(Stop::new(StopKind::Machine, why.clone(), hint))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn failed(
        &mut self,
        step: &Step,
        kind: &str,
        why: impl Into<String>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let (kind, why) = (kind.to_owned(), why.into());
        self.record(Event::Failed { step: step.id.clone(), kind, why, serial: None }, events)
    }

    fn perform(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let id = step.id.clone();
        match &step.verb {
            Verb::RollCall => {
                let present = self.ceremony.plan().people.iter().map(|person| person.id.clone()).collect();
                self.record(Event::RollCalled { step: id, present }, events)
            }
            Verb::Say | Verb::Gate => self.record(Event::Done { step: id }, events),
            Verb::ReadAloud(subject) => {
                let digest = if *subject == Subject::Journal {
                    Some(self.head())
                } else {
                    self.ceremony.digest(subject)
                };
                let sha256 = digest.map(|digest| digest.hex()).unwrap_or_default();
                self.record(Event::ReadAloud { step: id, sha256 }, events)
            }
            Verb::Preflight => self.preflight(step, events),
            Verb::LoadKeys => self.load_keys(step, events),
            // These need a secret first; going on only looks at the store again.
            Verb::GenerateKey(_) | Verb::Sign { .. } => Ok(()),
            Verb::Build(_) => self.build(step, events),
            Verb::Review(_) => {
                for role in self.ceremony.left() {
                    let digest = self.ceremony.digest(&Subject::Role(role.clone()));
                    let sha256 = digest.map(|digest| digest.hex()).unwrap_or_default();
                    self.record(Event::Reviewed { step: id.clone(), role, sha256 }, events)?;
                }
                Ok(())
            }
            Verb::Verify(_) => self.verify(step, events),
            Verb::Export => self.export(step, events),
            Verb::Readback => self.readback(step, events),
            Verb::Checkpoint => {
                let head = self.head().hex();
                self.record(Event::Checkpoint { step: id, head }, events)
            }
            Verb::Close => {
                let seen = self.machine().into_iter().map(|seen| {
                    let held = if seen.item.held { "held" } else { "not held" };
                    (seen.item.name.clone(), format!("{held}: {}", seen.item.detail))
                });
                let machine = seen.collect();
                let runs = self.record.runs().into_iter().map(|mut run| {
                    run.remove("inputs");
                    run
                });
                let runs = runs.collect();
                self.record(Event::Closed { step: id, runs, machine }, events)
            }
        }
    }

    fn preflight(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let unfit = self.unfit(&self.everything());
        if unfit.is_empty() {
            let required = self.ceremony.plan().require.clone();
            return self.record(Event::Preflight { step: step.id.clone(), required }, events);
        }
        let why = format!("the machine is not fit: {}", unfit.join("; "));
        self.failed(step, "machine", why.clone(), events)?;
        let hint = format!("put it right, then `keyrite resume {}`", self.dir().display());
        Err(Stop::new(StopKind::Machine, format!("{why}. Nothing was made"), hint))
    }

    fn load_keys(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        for name in self.ceremony.left() {
            let plan = self.ceremony.plan();
            let Some(key) = plan.key(&name) else {
                return self.record(Event::Done { step: step.id.clone() }, events);
            };
            let loaded = match (&key.source, self.ceremony.mode()) {
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
            };
            match loaded {
                Ok(public) => {
                    let (keyid, step) = (public.keyid(), step.id.clone());
                    self.record(Event::KeyLoaded { step, key: name, keyid, public }, events)?;
                }
                Err(why) => return self.failed(step, "input", why, events),
            }
        }
        Ok(())
    }

    fn with_secret(
        &mut self,
        step: &Step,
        secret: Option<&SecretString>,
        serial: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let (Verb::GenerateKey(name) | Verb::Sign { key: name, .. }) = &step.verb else { return Ok(()) };
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
        if matches!(step.verb, Verb::GenerateKey(_)) {
            self.generate(step, name, secret, events)
        } else {
            self.sign(step, name, secret, events)
        }
    }

    fn generate(
        &mut self,
        step: &Step,
        name: &str,
        secret: Option<&SecretString>,
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
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
        }
        match self.store(name).and_then(|mut store| store.generate(secret, scheme, bits)) {
            Ok(found) => self.generated(step, name, found, events),
            Err(error) => self.store_failed(step, name, &error, events),
        }
    }

    fn generated(&mut self, step: &Step, name: &str, found: Found, events: &mut Events) -> Result<(), Stop> {
        let Found { public, evidence } = found;
        let (step, key, keyid) = (step.id.clone(), name.to_owned(), public.keyid());
        self.record(Event::KeyGenerated { step, key, keyid, public, evidence }, events)
    }

    /// The people have said whether a key that was found after a crash is the ceremony's.
    fn adopt(&mut self, step: &Step, yes: bool, events: &mut Events) -> Result<(), Stop> {
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
    fn sign(
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
        let works = roles.iter().filter_map(|role| self.ceremony.work(role));
        let payloads: Vec<&[u8]> = works.flat_map(Work::payloads).collect();
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

    fn decline(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let Verb::Sign { key, .. } = &step.verb else { return Ok(()) };
        let (step, roles, key) = (step.id.clone(), self.ceremony.left(), key.clone());
        self.record(Event::Declined { step, roles, key }, events)
    }

    fn store_failed(
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

    fn build(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        for role in self.ceremony.left() {
            let from = self.ceremony.plan().roles.get(&role).and_then(|role| role.files.clone());
            if let (Some(from), false) = (from, self.ceremony.files().contains_key(&role)) {
                match inputs::target_files(&self.places.inputs, &from) {
                    Ok(files) => {
                        if let Some(problem) = self.leads_nowhere(&role, &files) {
                            return self.failed(step, "input", format!("target files: {problem}"), events);
                        }
                        let (step, role) = (step.id.clone(), role.clone());
                        self.record(Event::Hashed { step, role, files }, events)?;
                    }
                    Err(error) => {
                        return self.failed(step, "input", format!("target files: {error}"), events);
                    }
                }
            }
            match self.ceremony.build(&role) {
                Ok(work) => {
                    let (length, sha256) = (work.length(), work.digest().hex());
                    self.record(Event::Built { step: step.id.clone(), role, length, sha256 }, events)?;
                }
                Err(rejected) => return self.failed(step, "build", rejected.to_string(), events),
            }
        }
        Ok(())
    }

    /// The files may be others than those that `check` saw. It is judged again when those of all roles are known.
    fn leads_nowhere(&self, role: &str, files: &Files) -> Option<Problem> {
        let (plan, hashed) = (self.ceremony.plan(), self.ceremony.files());
        let known = |name: &str| if name == role { Some(files) } else { hashed.get(name).map(AsRef::as_ref) };
        let missing = plan.roles.iter().any(|(name, role)| role.files.is_some() && known(name).is_none());
        if missing { None } else { reach::cut_off(plan, &known).into_iter().next() }
    }

    fn verify(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        for role in self.ceremony.left() {
            match self.ceremony.count(&role) {
                Ok((mut counted, sha256)) => {
                    let step = step.id.clone();
                    let (signed_by, threshold) = counted.pop().unwrap_or_default();
                    let by_old = counted.pop();
                    self.record(
                        Event::Verified { step, role, signed_by, threshold, by_old, sha256 },
                        events,
                    )?;
                }
                Err(rejected) => return self.failed(step, "threshold", rejected.to_string(), events),
            }
        }
        Ok(())
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
