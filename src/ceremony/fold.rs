//! `apply`: one event folded into the ceremony. Everything is judged before anything changes.

use std::sync::Arc;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Failure;
use crate::ceremony::Known;
use crate::ceremony::Need;
use crate::ceremony::Rejected;
use crate::ceremony::Work;
use crate::ceremony::build::Counted;
use crate::ceremony::people;
use crate::plan::Source;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::step::Subject;
use crate::room::Act;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::words::Digest;

/// Kinds of failure after which a store is as it was before.
const NOTHING_DONE: [&str; 8] = [
    "ambiguous",
    "exists",
    "no-such-token",
    "passphrase",
    "pin-locked",
    "serial",
    "unsupported",
    "wrong-secret",
];

type Folded = Result<(), Rejected>;

fn reject<T>(why: impl Into<String>) -> Result<T, Rejected> {
    Err(Rejected(why.into()))
}

impl Ceremony {
    /// Folds one event. What does not belong here is rejected and changes nothing.
    pub fn apply(&mut self, event: &Event) -> Folded {
        self.fold(event)?;
        self.memory.next_state();
        self.in_trouble = match event {
            Event::Failed { .. } => true,
            Event::Started { .. } | Event::Exception { .. } | Event::Stopped { .. } => self.in_trouble,
            _ => false,
        };
        Ok(())
    }

    fn fold(&mut self, event: &Event) -> Folded {
        match event {
            Event::Opened { .. } => reject("a ceremony opens once, on the first line"),
            Event::Stopped { .. } => self.open().map(|_| ()),
            Event::Failed { step, kind, why, serial } => {
                self.current(step)?;
                let failure = Failure {
                    step: step.clone(),
                    kind: kind.clone(),
                    why: why.clone(),
                    serial: serial.clone(),
                };
                // A step that failed before it touched anything has not begun.
                self.started &= !NOTHING_DONE.contains(&kind.as_str());
                self.failures.push(failure);
                Ok(())
            }
            Event::Confirmed { step, by } => self.confirm(step, by),
            Event::TypedBack { step, by, words } => self.typed_back(step, by, words),
            Event::Started { step } => {
                self.doing(step)?;
                self.started = true;
                Ok(())
            }
            Event::Done { step } => self.simple(step),
            Event::RollCalled { step, present } => self.roll_called(step, present),
            Event::ReadAloud { step, sha256, head } => self.read_aloud(step, sha256, head),
            Event::Typed { step, by, text } => self.typed(step, by, text),
            Event::ClockRead { step, by, watch, machine } => self.clock_read(step, by, *watch, *machine),
            Event::Handled { step, .. } => {
                let Verb::Handle(handling) = self.doing(step)?.verb.clone() else {
                    return reject(format!("nothing is handled in step {step}"));
                };
                self.one_thing(&Act::Handle(handling))
            }
            Event::KeyEnrolled { step, key, keyid, public, sig } => {
                self.verb(step, |verb| matches!(verb, Verb::EnrolKey(name) if name == key))?;
                let known = self.acquainted(key, keyid, public)?;
                self.proven(key, public, sig)?;
                self.one_thing(&Act::Enrol(key.clone()))?;
                self.keys.insert(key.clone(), known);
                Ok(())
            }
            Event::Drilled { step, key, keyid, sig, shares } => {
                let act = self.drill(step, key, shares)?;
                let Some(known) = self.keys.get(key).filter(|known| known.keyid == *keyid) else {
                    return reject(format!("that is not the keyid of {key}"));
                };
                self.proven(key, &known.public, sig)?;
                self.one_thing(&act)
            }
            Event::KeyShared { step, key, to, index, threshold, of, drive } => {
                let said = Verb::ShareKey { key: key.clone(), to: to.clone(), drive: drive.clone() };
                self.verb(step, |verb| *verb == said)?;
                let shares = self.plan.key(key).and_then(|key| key.shares.as_ref());
                let planned = shares.map(|shares| (shares.index(to), shares.threshold, shares.of()));
                if planned != Some((Some(*index), *threshold, *of)) {
                    return reject(format!("that is not the share of key {key} that {to} holds"));
                }
                self.one_thing(&Act::Share { key: key.clone(), to: to.clone(), drive: drive.clone() })
            }
            Event::KeyDestroyed { step, key, .. } => {
                self.verb(step, |verb| matches!(verb, Verb::DestroyKey(name) if name == key))?;
                self.one_thing(&Act::Destroy(key.clone()))
            }
            Event::Linted { step, role, .. } => {
                self.verb(step, |verb| matches!(verb, Verb::Lint(roles) if roles.contains(role)))?;
                self.part(role, &Act::Lint(role.clone()))
            }
            Event::Exception { step, expected, happened, action, by } => {
                self.exception(step, [expected, happened, action, by])
            }
            Event::PassedOver { step, by } => self.passed_over(step, by),
            Event::ExceptionsReviewed { step, exceptions } => self.exceptions_reviewed(step, *exceptions),
            Event::Stated { step, by, agree, words } => {
                self.typing(step, by, |verb| matches!(verb, Verb::Statement))?;
                if !words.is_empty() {
                    people::written("the statement", words)?;
                }
                self.part(by, &Act::Other)?;
                if !agree {
                    self.disagree.insert(by.clone(), words.clone());
                }
                Ok(())
            }
            Event::Preflight { step, required, waived } => {
                self.verb(step, |verb| matches!(verb, Verb::Preflight))?;
                if (required, waived) != (&self.plan.environment.require, &self.plan.environment.waive) {
                    return reject("the pre-flight looked at other items than the plan requires");
                }
                self.one_thing(&Act::Preflight)
            }
            Event::KeyLoaded { step, key, keyid, public } => self.key_loaded(step, key, keyid, public),
            Event::KeyGenerated { step, key, keyid, public, evidence } => {
                self.verb(step, |verb| matches!(verb, Verb::GenerateKey(name) if name == key))?;
                let mut known = self.acquainted(key, keyid, public)?;
                self.as_planned(key, public)?;
                known.evidence.clone_from(evidence);
                self.one_thing(&Act::Generate(key.clone()))?;
                self.keys.insert(key.clone(), known);
                Ok(())
            }
            Event::Hashed { step, role, files } => {
                self.verb(step, |verb| matches!(verb, Verb::Build(roles) if roles.contains(role)))?;
                self.files.insert(role.clone(), files.clone());
                Ok(())
            }
            Event::Built { step, role, length, sha256 } => self.built(step, role, *length, sha256),
            Event::Reviewed { step, role, sha256 } => {
                self.verb(step, |verb| matches!(verb, Verb::Review(roles) if roles.contains(role)))?;
                self.same_payload(role, sha256)?;
                self.part(role, &Act::Review(role.clone()))
            }
            Event::Signed { step, role, key, keyid, sig } => {
                self.signed(step, role, (key, keyid), &[sig.as_str()])
            }
            Event::BinsSigned { step, role, key, keyid, sigs } => {
                let sigs: Vec<&str> = sigs.iter().map(String::as_str).collect();
                self.signed(step, role, (key, keyid), &sigs)
            }
            Event::Declined { step, roles, key } => self.declined(step, roles, key),
            Event::Verified { step, role, signed_by, threshold, by_old, by_others, sha256 } => {
                let said = by_old.iter().cloned().chain([(signed_by.clone(), *threshold)]);
                let said = said.chain(by_others.iter().cloned()).collect();
                self.verified(step, role, &(said, sha256.clone()))
            }
            Event::Exported { step, manifest, drive } => {
                self.verb(step, |verb| matches!(verb, Verb::Export(to) if to == drive))?;
                if self.manifest.as_ref().is_some_and(|other| other != manifest) {
                    return reject("what was exported there is another bundle");
                }
                self.one_thing(&Act::Export(drive.clone()))?;
                self.manifest = Some(manifest.clone());
                Ok(())
            }
            Event::ReadBack { step, manifest, drive } => {
                self.verb(step, |verb| matches!(verb, Verb::Readback(from) if from == drive))?;
                if self.manifest.as_ref() != Some(manifest) {
                    return reject("what was read back is not what was exported");
                }
                self.one_thing(&Act::Readback(drive.clone()))
            }
            Event::Checkpoint { step, .. } => {
                self.verb(step, |verb| matches!(verb, Verb::Checkpoint))?;
                self.one_thing(&Act::Other)
            }
            Event::Closed { step, .. } => {
                self.verb(step, |verb| matches!(verb, Verb::Close))?;
                self.one_thing(&Act::Close)
            }
        }
    }

    fn open(&self) -> Result<&Step, Rejected> {
        self.plan.steps.get(self.at).ok_or_else(|| Rejected("the ceremony is over".into()))
    }

    pub(super) fn current(&self, step: &str) -> Result<&Step, Rejected> {
        match self.open()? {
            current if current.id == step => Ok(current),
            current => reject(format!("step {step} is not the current one, which is {}", current.id)),
        }
    }

    /// The current step, when it is the doer's turn.
    fn doing(&self, step: &str) -> Result<&Step, Rejected> {
        let current = self.current(step)?;
        match self.next().map(|next| next.need) {
            Some(Need::Do) => Ok(current),
            Some(Need::Confirm(who) | Need::TypeBack(who, _) | Need::Type(who)) => {
                reject(format!("step {step} is waiting for {} to confirm", self.plan.name(&who)))
            }
            None => reject("the ceremony is over"),
        }
    }

    pub(super) fn verb(&self, step: &str, fits: impl Fn(&Verb) -> bool) -> Folded {
        let current = self.doing(step)?;
        if fits(&current.verb) { Ok(()) } else { reject(format!("that does not happen in step {step}")) }
    }

    fn enact(&mut self, act: &Act) -> Folded {
        self.room.apply(act).map_err(|not_now| Rejected(not_now.to_string()))
    }

    fn one_thing(&mut self, act: &Act) -> Folded {
        self.part("", act)
    }

    /// One part of the current step is done.
    pub(super) fn part(&mut self, part: &str, act: &Act) -> Folded {
        if !self.left().iter().any(|left| left == part) {
            return reject(format!("{part:?} is done already"));
        }
        self.enact(act)?;
        self.done.insert(part.to_owned());
        self.go_on();
        Ok(())
    }

    /// The next step, when this one is done and confirmed.
    fn go_on(&mut self) {
        let Some(step) = self.plan.steps.get(self.at) else { return };
        if self.left().is_empty() && step.confirm.iter().all(|id| self.confirmed.contains(id)) {
            self.leave_step();
        }
    }

    /// The next step that does not fall away.
    pub(super) fn leave_step(&mut self) {
        self.at += 1;
        self.confirmed.clear();
        self.done.clear();
        self.started = false;
        self.aloud = None;
        while self.plan.steps.get(self.at).is_some_and(|step| self.falls_away(step)) {
            self.at += 1;
        }
        // Of a step whose answers came in before, nothing but its confirmation is left.
        self.go_on();
    }

    fn confirm(&mut self, step: &str, by: &str) -> Folded {
        self.current(step)?;
        match self.next().map(|next| next.need) {
            Some(Need::Confirm(who)) if who == by => {
                self.confirmed.insert(who);
                self.go_on();
                Ok(())
            }
            _ => reject(format!("step {step} is not waiting for {} to confirm", self.plan.name(by))),
        }
    }

    fn typed_back(&mut self, step: &str, by: &str, words: &[String]) -> Folded {
        self.current(step)?;
        let second_machine = self.current(step)?.verb == Verb::SecondMachine;
        let manifest = || self.manifest.as_deref().and_then(Digest::from_hex);
        let digest = if second_machine { manifest() } else { self.aloud.map(|(digest, _)| digest) };
        let (Some(Need::TypeBack(who, places)), Some(digest)) = (self.next().map(|next| next.need), digest)
        else {
            return reject(format!("step {step} is not waiting for words"));
        };
        if who != by {
            return reject(format!("step {step} is waiting for {} to type", self.plan.name(&who)));
        }
        let want = places.map(|place| digest.words()[place]);
        let right = words.len() == 2 && want.iter().zip(words).all(|(a, b)| a.eq_ignore_ascii_case(b.trim()));
        if !right {
            return reject("the words are others than on the screen");
        }
        if second_machine {
            return self.one_thing(&Act::SecondMachine);
        }
        self.confirmed.insert(who);
        self.go_on();
        Ok(())
    }

    fn simple(&mut self, step: &str) -> Folded {
        let act = match self.doing(step)?.verb {
            Verb::Say | Verb::Print(_) => Act::Other,
            Verb::Gate => Act::Gate,
            Verb::Break => Act::Break,
            Verb::LoadKeys if self.left() == [""] => Act::Load,
            _ => return reject(format!("step {step} takes more than that")),
        };
        self.one_thing(&act)
    }

    fn roll_called(&mut self, step: &str, present: &[String]) -> Folded {
        self.verb(step, |verb| matches!(verb, Verb::RollCall))?;
        self.begin_with(present)?;
        self.one_thing(&Act::RollCall)
    }

    fn read_aloud(&mut self, step: &str, sha256: &str, head: &str) -> Folded {
        let Verb::ReadAloud(subject) = &self.doing(step)?.verb else {
            return reject(format!("nothing is read aloud in step {step}"));
        };
        let digest = |hex| Digest::from_hex(hex).ok_or_else(|| Rejected("that is not a digest".into()));
        let (said, drawn) = (digest(sha256)?, digest(head)?);
        let known = if *subject == Subject::Journal { Some(said) } else { self.digest(subject) };
        if known != Some(said) {
            return reject(format!("that is not the digest of {}", subject.describe()));
        }
        let act = match subject {
            Subject::Role(role) => Act::ReadAloud(role.clone()),
            Subject::Plan | Subject::Journal => Act::Other,
        };
        self.aloud = Some((said, drawn));
        let folded = self.one_thing(&act);
        if folded.is_err() {
            self.aloud = None;
        }
        folded
    }

    /// How a key was drilled: by its store, or by the shares of all who hold one.
    fn drill(&self, step: &str, key: &str, shares: &[String]) -> Result<Act, Rejected> {
        let planned = self.plan.key(key).and_then(|key| key.shares.as_ref());
        let holders = planned.map(|shares| shares.holders.as_slice()).unwrap_or_default();
        match &self.doing(step)?.verb {
            Verb::RestoreDrill(name) if name == key && shares.is_empty() => Ok(Act::Drill(key.to_owned())),
            Verb::RestoreShares(name) if name == key && !shares.is_empty() && shares == holders => {
                Ok(Act::DrillShares(key.to_owned()))
            }
            Verb::RestoreShares(name) if name == key => reject(format!(
                "key {key} comes back from the shares of all who hold one, and of nobody else"
            )),
            _ => reject(format!("that does not happen in step {step}")),
        }
    }

    /// A key that joins the others: its keyid is its own, and no other name has the same key.
    fn acquainted(&self, key: &str, keyid: &KeyId, public: &PublicKey) -> Result<Known, Rejected> {
        if public.keyid() != *keyid {
            return reject(format!("key {key} has another keyid than it says"));
        }
        let twin = self.keys.iter().find(|(_, other)| other.public.material() == public.material());
        if let Some((other, _)) = twin {
            return reject(format!("key {key} is the same key as {other}; one key counts once"));
        }
        Ok(Known { keyid: keyid.clone(), public: public.clone(), evidence: Default::default() })
    }

    /// A key that was made here is of the kind that the plan says.
    fn as_planned(&self, key: &str, public: &PublicKey) -> Folded {
        match self.plan.key(key).map(|key| &key.source) {
            Some(Source::Generated { scheme, .. }) if *scheme != public.scheme() => {
                reject(format!("key {key} is {}, and the plan says {scheme}", public.scheme()))
            }
            _ => Ok(()),
        }
    }

    fn key_loaded(&mut self, step: &str, key: &str, keyid: &KeyId, public: &PublicKey) -> Folded {
        self.verb(step, |verb| matches!(verb, Verb::LoadKeys))?;
        if !self.left().iter().any(|left| left == key) {
            return reject(format!("key {key} does not come from outside, or is here already"));
        }
        let known = self.acquainted(key, keyid, public)?;
        if self.left().len() == 1 {
            self.enact(&Act::Load)?;
        }
        self.keys.insert(key.to_owned(), known);
        self.done.insert(key.to_owned());
        self.go_on();
        Ok(())
    }

    fn built(&mut self, step: &str, role: &str, length: u64, sha256: &str) -> Folded {
        self.verb(step, |verb| matches!(verb, Verb::Build(roles) if roles.iter().any(|name| name == role)))?;
        let work = self.build(role)?;
        if work.length() != length || work.digest().hex() != sha256 {
            return reject(format!("{role} builds to other bytes"));
        }
        self.as_expected(role, &work)?;
        self.part(role, &Act::Build(role.to_owned()))?;
        self.work.insert(role.to_owned(), work);
        Ok(())
    }

    fn same_payload(&self, role: &str, sha256: &str) -> Result<&Work, Rejected> {
        match self.work(role) {
            Some(work) if work.digest().hex() == sha256 => Ok(work),
            Some(_) => reject(format!("that is not the digest of {role}")),
            None => reject(format!("{role} is not built yet")),
        }
    }

    /// Signatures join the metadata only after they verify with the public key that the metadata lists.
    fn signed(&mut self, step: &str, role: &str, (key, keyid): (&str, &KeyId), sigs: &[&str]) -> Folded {
        self.signing(step, role, key)?;
        self.room.may_sign(role, key).map_err(|not_now| Rejected(not_now.to_string()))?;
        let (Some(known), Some(work)) = (self.keys.get(key), self.work.get(role)) else {
            return reject(format!("key {key} or {role} is not known yet"));
        };
        if known.keyid != *keyid {
            return reject(format!("that is not the keyid of {key}"));
        }
        let bytes: Result<Vec<_>, _> = sigs.iter().map(hex::decode).collect();
        let bytes = bytes.map_err(|_| Rejected("the signature is not hex".into()))?;
        let mut signed = work.as_ref().clone();
        let by = self.plan.holder_of(key);
        signed.sign(keyid, &known.public, &bytes).map_err(|why| {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            Rejected(format!("the signature of {by} over {role} does not verify{why}"))
        })?;
        self.enact(&Act::Sign(role.to_owned(), key.to_owned()))?;
        let signed = self.memory.beside_known(role, signed);
        self.work.insert(role.to_owned(), Arc::new(signed));
        self.go_on();
        Ok(())
    }

    /// Whether this key may sign this role in this step now: in the current one; and while that one waits for an answer from
    /// elsewhere, in each that does, before it comes and after it was left to the others.
    fn signing(&self, step: &str, role: &str, key: &str) -> Folded {
        let current = self.open()?;
        let from_elsewhere =
            |verb: &Verb| matches!(verb, Verb::Sign { key, .. } if self.plan.signs_elsewhere(key));
        let other = self.plan.steps.iter().find(|other| other.id == step && from_elsewhere(&other.verb));
        let step = match other {
            Some(other) if from_elsewhere(&current.verb) => other,
            _ => self.current(step)?,
        };
        self.doing(&current.id)?;
        match &step.verb {
            Verb::Sign { key: name, roles } if name == key && roles.iter().any(|name| name == role) => Ok(()),
            _ => reject(format!("that does not happen in step {}", step.id)),
        }
    }

    fn declined(&mut self, step: &str, roles: &[String], key: &str) -> Folded {
        self.verb(step, |verb| matches!(verb, Verb::Sign { key: name, .. } if name == key))?;
        if roles != self.left() {
            return reject("a holder declines everything that is left of the step");
        }
        let mut room = self.room.clone();
        for role in roles {
            room.apply(&Act::Decline(role.clone(), key.to_owned()))
                .map_err(|not_now| Rejected(not_now.to_string()))?;
        }
        self.room = room;
        self.done.extend(roles.iter().cloned());
        self.go_on();
        Ok(())
    }

    fn verified(&mut self, step: &str, role: &str, said: &(Vec<Counted>, String)) -> Folded {
        self.verb(step, |verb| matches!(verb, Verb::Verify(roles) if roles.iter().any(|name| name == role)))?;
        if self.count(role)? != *said {
            return reject(format!("the signatures of {role} count otherwise"));
        }
        let settled = self.work(role).map(Work::settled);
        self.part(role, &Act::Verify(role.to_owned()))?;
        self.work.extend(settled.map(|work| (role.to_owned(), Arc::new(work))));
        Ok(())
    }
}
