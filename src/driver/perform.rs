//! One answer, carried out: do, check, write down, go on.

use secrecy::SecretString;

use crate::ceremony::EXCEPTIONS;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::Need;
use crate::driver::Driver;
use crate::driver::faults::Fault;
use crate::driver::inputs;
use crate::driver::inputs::CameIn;
use crate::driver::prompt::Answer;
use crate::driver::prompt::NOT_TODAY;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::driver::stores::ANY_PIN;
use crate::keystore::hygiene;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::clients;
use crate::plan::reach;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::tuf::targets::Files;

type Events = Vec<Event>;

impl Driver {
    /// Carries out an answer to the last prompt, and returns what happened, failures included. The ceremony
    /// goes on after a failure; a [`Stop`] ends this run, and `resume` goes on.
    pub fn answer(&mut self, answer: Answer) -> Result<Vec<Event>, Stop> {
        self.carry_out(answer).map_err(|mut stop| {
            // A fault is of one run: `resume` has those that it is given.
            if let faults @ [_, ..] = self.faults_left().as_slice() {
                stop.hint +=
                    &format!("; with --fault {}, which did not happen yet", faults.join(" --fault "));
            }
            stop
        })
    }

    fn carry_out(&mut self, answer: Answer) -> Result<Vec<Event>, Stop> {
        let mut events = Vec::new();
        let Some((step, need)) = self.ceremony.next().map(|next| (next.step.clone(), next.need)) else {
            return Ok(events);
        };
        if !matches!(answer, Answer::Stop(_)) {
            self.clock_goes_on()?;
        }
        match (need, answer) {
            (_, Answer::Exception(said)) => return self.exception(&step, said, &mut events).map(|()| events),
            (_, Answer::PassOver) => return self.pass_over(&step, &mut events).map(|()| events),
            (Need::Type(by), Answer::Text(text)) => self.typed(&step, &by, &text, &mut events)?,
            (Need::Type(by), Answer::Statement(agree, words)) => {
                let words = words.trim().to_owned();
                self.record(Event::Stated { step: step.id.clone(), by, agree, words }, &mut events)?;
            }
            (Need::Do, Answer::Text(path)) => {
                if let Verb::Sign { key, .. } = &step.verb
                    && self.ceremony.plan().signs_elsewhere(key)
                {
                    match path.trim() == NOT_TODAY {
                        true => self.decline(&step, &mut events)?,
                        false => self.take_in(&step, key, &path, &mut events)?,
                    }
                }
            }
            (Need::Do, Answer::Absent(absent)) => self.roll_call(&step, &absent, &mut events)?,
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
            (Need::Do, Answer::Secret { secret, serial, dice }) => {
                self.with_secret(&step, secret.as_ref(), serial.as_deref(), dice, &mut events)?;
            }
            (Need::Do, Answer::Give(given)) => self.take_share(&step, given, &mut events)?,
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
                let late = self.strikes(Fault::AbsentCustodian, step);
                let custodian =
                    self.ceremony.plan().people.iter().find(|person| late && person.role == "custodian");
                let absent: Vec<String> = custodian.iter().map(|person| person.id.clone()).collect();
                self.roll_call(step, &absent, events)
            }
            Verb::Say | Verb::Gate | Verb::Break | Verb::Print(_) => {
                self.record(Event::Done { step: id }, events)
            }
            Verb::Handle(handling) => self.handle(step, handling, events),
            // These are typed.
            Verb::Ask | Verb::SetClock | Verb::SecondMachine | Verb::Statement => Ok(()),
            Verb::ReadAloud(subject) => {
                let digest = if *subject == Subject::Journal {
                    Some(self.head())
                } else {
                    self.ceremony.digest(subject)
                };
                let sha256 = digest.map(|digest| digest.hex()).unwrap_or_default();
                let head = self.head().hex();
                self.record(Event::ReadAloud { step: id, sha256, head }, events)
            }
            Verb::Preflight => self.preflight(step, events),
            Verb::LoadKeys => self.load_keys(step, events),
            // A stand-in signs in the place of whoever is elsewhere.
            Verb::Sign { key, .. }
                if self.ceremony.plan().signs_elsewhere(key) && self.ceremony.mode() == Mode::Rehearsal =>
            {
                self.sign(step, key, Some(&SecretString::from(ANY_PIN)), events)
            }
            // These need a secret first; going on only looks at the store again.
            Verb::GenerateKey(_) | Verb::Sign { .. } => Ok(()),
            Verb::DestroyKey(key) if self.cut_off => self.destroy(step, key, None, events),
            Verb::EnrolKey(_) | Verb::RestoreDrill(_) | Verb::DestroyKey(_) => Ok(()),
            Verb::ShareKey { key, to, .. } => self.written_down(step, key, to, events),
            // Each holder gives a share.
            Verb::RestoreShares(_) => Ok(()),
            Verb::Lint(_) => self.lint(step, events),
            Verb::ExceptionReview => self.review_exceptions(step, events),
            Verb::Build(_) => self.build(step, events),
            Verb::Review(_) => {
                for role in self.ceremony.left() {
                    // Who is elsewhere is sent what is reviewed here. Where that cannot be, nothing has been signed yet.
                    if let Some(Err(error)) = self.ceremony.request_to_be(&role) {
                        let why = format!(
                            "no request for {role} can be written, and who signs it elsewhere could not be asked: {error}"
                        );
                        return self.failed(step, "request", why, events);
                    }
                    let digest = self.ceremony.digest(&Subject::Role(role.clone()));
                    let sha256 = digest.map(|digest| digest.hex()).unwrap_or_default();
                    self.record(Event::Reviewed { step: id.clone(), role, sha256 }, events)?;
                }
                Ok(())
            }
            Verb::Verify(_) => self.verify(step, events),
            Verb::Export(drive) => self.export(step, drive.as_deref(), events),
            Verb::Readback(drive) => self.readback(step, drive.as_deref(), events),
            Verb::Checkpoint => {
                let head = self.head().hex();
                self.record(Event::Checkpoint { step: id, head }, events)
            }
            Verb::Close => {
                if self.ceremony.left().iter().any(|part| part == EXCEPTIONS) {
                    self.review_exceptions(step, events)?;
                }
                let seen = self.machine().into_iter().map(|seen| {
                    let held = if seen.item.held { "held" } else { "not held" };
                    (seen.item.name.clone(), format!("{held}: {}", seen.item.detail))
                });
                let not_checked = ("not-checked".to_owned(), hygiene::NOT_CHECKED.join("; "));
                let own = hygiene::own_digest().map_or_else(|why| why, |own| own.hex());
                let machine = seen.chain([not_checked, ("program".to_owned(), own)]).collect();
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
            let asked = self.ceremony.plan().environment.clone();
            let (required, waived) = (asked.require, asked.waive);
            return self.record(Event::Preflight { step: step.id.clone(), required, waived }, events);
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
            let name = key.name.clone();
            match self.public_of(&name) {
                Ok(public) => {
                    let (keyid, step) = (public.keyid(), step.id.clone());
                    self.record(Event::KeyLoaded { step, key: name, keyid, public }, events)?;
                }
                Err(why) => return self.failed(step, "input", why, events),
            }
        }
        Ok(())
    }

    fn build(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        for role in self.ceremony.left() {
            let from = self.ceremony.plan().roles.get(&role).and_then(|role| role.files.clone());
            if let (Some(from), false) = (from, self.ceremony.files().contains_key(&role)) {
                match inputs::target_files(&self.places.inputs, &from, self.manifests.remove(&role).as_ref())
                {
                    Ok(CameIn { files, .. }) => {
                        if let Some(problem) = self.refused_today(&role, &files) {
                            return self.failed(step, "input", format!("target files: {problem}"), events);
                        }
                        let (step, role) = (step.id.clone(), role.clone());
                        self.record(Event::Hashed { step, role, files }, events)?;
                    }
                    Err(faults) => {
                        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                        let why = format!("target files: {}", told.join("; "));
                        return self.failed(step, "input", why, events);
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
    fn refused_today(&self, role: &str, files: &Files) -> Option<Problem> {
        let (plan, hashed) = (self.ceremony.plan(), self.ceremony.files());
        let known = |name: &str| if name == role { Some(files) } else { hashed.get(name) };
        let missing = plan.roles.iter().any(|(name, role)| role.files.is_some() && known(name).is_none());
        if missing {
            return None;
        }
        let refused = || clients::refusals(plan, &known).into_iter().find(Problem::refuses);
        reach::cut_off(plan, &known).into_iter().next().or_else(refused)
    }

    fn verify(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        for role in self.ceremony.left() {
            match self.ceremony.count(&role) {
                Ok((counted, sha256)) => {
                    let step = step.id.clone();
                    let follows = role == "root" && counted.len() > 1;
                    let mut counted = counted.into_iter();
                    let by_old = if follows { counted.next() } else { None };
                    let (signed_by, threshold) = counted.next().unwrap_or_default();
                    let by_others = counted.collect();
                    self.record(
                        Event::Verified { step, role, signed_by, threshold, by_old, by_others, sha256 },
                        events,
                    )?;
                }
                Err(rejected) => return self.failed(step, "threshold", rejected.to_string(), events),
            }
        }
        Ok(())
    }
}
