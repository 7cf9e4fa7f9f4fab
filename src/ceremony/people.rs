//! What people type and say: answers, watches, exceptions, statements.

use crate::ceremony::Ceremony;
use crate::ceremony::EXCEPTIONS;
use crate::ceremony::Exception;
use crate::ceremony::Need;
use crate::ceremony::Rejected;
use crate::plan::Verb;
use crate::room::Act;
use crate::room::Handling;
use crate::tuf::Date;
use crate::tuf::PublicKey;
use crate::tuf::proof::Proof;
use crate::words;

/// The longest text that someone types.
const LONGEST: usize = 2000;

fn reject<T>(why: impl Into<String>) -> Result<T, Rejected> {
    Err(Rejected(why.into()))
}

/// What people write down: something, and not a book.
pub(super) fn written(what: &str, text: &str) -> Result<(), Rejected> {
    if text.trim().is_empty() {
        return reject(format!("{what} is empty"));
    }
    if text.len() > LONGEST {
        return reject(format!("{what} is longer than {LONGEST} bytes"));
    }
    if text.chars().any(words::acts) {
        return reject(format!("{what} has a character that cannot be seen, or that turns text around"));
    }
    Ok(())
}

impl Ceremony {
    /// The current step, when it is this participant's turn to type.
    pub(super) fn typing(&self, step: &str, by: &str, fits: impl Fn(&Verb) -> bool) -> Result<(), Rejected> {
        let current = self.current(step)?;
        match self.next().map(|next| next.need) {
            Some(Need::Type(who)) if who == by && fits(&current.verb) => Ok(()),
            _ => reject(format!("step {step} is not waiting for {} to type", self.plan.name(by))),
        }
    }

    /// An answer; or the number of a bag, which must be the one that the plan names.
    pub(super) fn typed(&mut self, step: &str, by: &str, text: &str) -> Result<(), Rejected> {
        self.typing(step, by, |verb| matches!(verb, Verb::Ask | Verb::Handle(_)))?;
        written("the answer", text)?;
        let act = match &self.current(step)?.verb {
            Verb::Handle(handling @ (Handling::Inspect(bag) | Handling::Seal { bag, .. })) => {
                if text.trim() != bag {
                    return reject(format!(
                        "the bag in your hands has number {:?}, and this step is about bag {bag}. Look for that one",
                        text.trim()
                    ));
                }
                Act::Handle(handling.clone())
            }
            _ => Act::Other,
        };
        self.part("", &act)
    }

    /// A watch that agrees with the machine's clock.
    pub(super) fn clock_read(
        &mut self,
        step: &str,
        by: &str,
        watch: Date,
        machine: Date,
    ) -> Result<(), Rejected> {
        self.typing(step, by, |verb| matches!(verb, Verb::SetClock))?;
        let (off, skew) = (watch.unix().abs_diff(machine.unix()), self.plan.window.skew());
        if off > skew {
            return reject(format!(
                "the watch of {} says {watch} and the machine {machine}: {off} seconds apart, and {skew} are allowed",
                self.plan.name(by)
            ));
        }
        let last = self.left().len() == 1;
        if !last {
            self.done.insert(by.to_owned());
            return Ok(());
        }
        // Who read a watch has confirmed the clock.
        let confirm = self.current(step)?.confirm.clone();
        self.confirmed.extend(confirm);
        self.part(by, &Act::SetClock)
    }

    /// A signature over the proof of possession for this ceremony.
    pub(super) fn proven(&self, key: &str, public: &PublicKey, sig: &str) -> Result<(), Rejected> {
        let by = self.plan.holder_of(key);
        let bad = || {
            Rejected(format!("the signature of {by} does not verify: key {key} is not the one that was used"))
        };
        let sig = hex::decode(sig).map_err(|_| bad())?;
        Proof::new(public, &self.plan.id, &sig).map(|_| ()).map_err(|_| bad())
    }

    /// Something went otherwise than planned. It changes nothing but the record.
    pub(super) fn exception(&mut self, step: &str, texts: [&String; 4]) -> Result<(), Rejected> {
        self.current(step)?;
        let [expected, happened, action, by] = texts;
        for (what, text) in
            [("what was expected", expected), ("what happened", happened), ("what was done", action)]
        {
            written(what, text)?;
        }
        if self.plan.person(by).is_none() {
            return reject(format!("{by:?} is not a participant"));
        }
        self.exceptions.push(Exception {
            step: step.to_owned(),
            expected: expected.clone(),
            happened: happened.clone(),
            action: action.clone(),
            by: by.clone(),
        });
        Ok(())
    }

    /// A step is left out: only where the file says `on_fail: exception`, it failed, and an exception says why; or its drive
    /// was given up so.
    pub(super) fn passed_over(&mut self, step: &str, by: &str) -> Result<(), Rejected> {
        let current = self.current(step)?;
        if current.by == by || self.plan.person(by).is_none() {
            return reject("who does a step never confirms that it is left out");
        }
        if !self.may_pass_over() {
            return reject(format!("step {step} cannot be left out"));
        }
        // A drive without this step is not one that anybody takes home as good, and nobody counts on a key that was passed over.
        let given_up = self.given_up_by(&current.verb);
        given_up.iter().for_each(|act| self.room.assume(act));
        self.leave_step();
        Ok(())
    }

    /// Every exception so far was read.
    pub(super) fn exceptions_reviewed(&mut self, step: &str, exceptions: usize) -> Result<(), Rejected> {
        self.verb(step, |verb| matches!(verb, Verb::ExceptionReview | Verb::Close))?;
        if exceptions != self.exceptions.len() {
            return reject(format!("there are {} exceptions", self.exceptions.len()));
        }
        let part = if self.current(step)?.verb == Verb::Close { EXCEPTIONS } else { "" };
        self.part(part, &Act::Other)?;
        self.reviewed = exceptions;
        Ok(())
    }
}
