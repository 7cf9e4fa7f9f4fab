//! Keys that sign at another place: what is sent there, and what is taken in from there.

use std::collections::BTreeSet;

use crate::ceremony::Answers;
use crate::ceremony::Awaited;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::apart;
use crate::driver::prompt::Ask;
use crate::driver::prompt::Prompt;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::plan::Step;
use crate::plan::consequences::joined;
use crate::plan::print::request_file;
use crate::tuf::few::and_more_by;

/// What became of so many files is told.
const TOLD: usize = 3;

impl Driver {
    /// Where the requests lie, and what is asked for. A rehearsal signs in the place of whoever is elsewhere.
    pub(super) fn awaiting(&self, step: &Step, key: &str, prompt: &mut Prompt) -> Ask {
        let plan = self.ceremony.plan();
        let holder = plan.called(key);
        if self.ceremony.mode() == Mode::Rehearsal {
            prompt.sees.push(format!("{holder} is elsewhere, and a rehearsal signs in that place"));
            return Ask::Continue;
        }
        let awaited = self.ceremony.awaited();
        for role in plan.roles_in_room() {
            let of_role = awaited.iter().filter(|awaited| awaited.role == role);
            let to: Vec<String> = of_role.map(|awaited| plan.called(&awaited.key)).collect();
            let request = self.dir().join(request_file(plan, role));
            let lacks = !to.is_empty() && !request.is_file();
            match lacks.then(|| self.ceremony.request(role)?.err()).flatten() {
                _ if to.is_empty() => {}
                Some(error) => prompt.warnings.push(format!("there is no request for {role}: {error}")),
                None => prompt.sees.push(format!("send {} to {}", shown(&request), joined(&to, "and"))),
            }
        }
        prompt.sees.push(format!("answers lie {}; all that have come are taken in at once", self.lie()));
        prompt
            .sees
            .push("nobody needs to wait: who stops here goes on later with `keyrite resume`".to_owned());
        Ask::Text {
            what: format!("the answer of {holder}, a file or a directory"),
            expected: None,
            may_decline: self.may_decline(step, key),
        }
    }

    /// Where answers can be read: nothing else is open to a ceremony.
    fn lie(&self) -> String {
        format!("below {}, or on a drive", shown(&self.places.inputs))
    }

    /// Takes in every signature that is awaited and lies at `path`, whoever it is of; each is verified.
    pub(super) fn take_in(
        &mut self,
        step: &Step,
        key: &str,
        path: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        let unchanged = "Nothing was taken in, and the ceremony waits as before";
        if path.trim().is_empty() {
            let why = format!("no file is named. {unchanged}: name a file or a directory with the answer");
            return self.failed(step, "answer", why, events);
        }
        let path = self.places.inputs.join(path.trim());
        let mut answers = Answers::to(&self.ceremony);
        let read = apart::read_answers(&[&path], |source, sent| match sent {
            Ok(sent) => answers.take(source, sent),
            Err(why) => answers.unread(format!("{source}: {why}")),
        });
        if let Err(stop) = read {
            let why = format!("{}. {unchanged}: {}. Answers lie {}", stop.error, stop.hint, self.lie());
            return self.failed(step, "answer", why, events);
        }
        let mut came = answers.came_in();
        if came.is_empty() {
            let all: Vec<&String> = answers.rest().iter().chain(answers.known()).collect();
            let why = format!("{} has no answer that is awaited: {}. {unchanged}", shown(&path), told(&all));
            return self.failed(step, "answer", why, events);
        }
        // With the last of its own the step is over, and what comes next need not take any in.
        came.sort_by_key(|(awaited, _)| awaited.step == step.id);
        let others: BTreeSet<&str> = came.iter().map(|(came, _)| came.key.as_str()).collect();
        let others = others.into_iter().filter(|other| *other != key);
        let others: Vec<String> = others.map(|other| self.ceremony.plan().called(other)).collect();
        for (Awaited { step, role, key, keyid }, sig) in came {
            self.record(Event::Signed { step, role, key, keyid, sig }, events)?;
        }
        match self.ceremony.next() {
            // What is no answer may have been meant for what is still missing.
            Some(next) if next.step.id == step.id && !answers.rest().is_empty() => {
                let (holder, missing) = (self.ceremony.plan().called(key), self.ceremony.left().join(", "));
                let rest = told(answers.rest());
                let why = format!("{holder} has not signed {missing} yet. What is there besides: {rest}");
                let others = (!others.is_empty()).then(|| format!("{} answered. ", joined(&others, "and")));
                self.failed(step, "answer", others.unwrap_or_default() + &why, events)
            }
            _ => Ok(()),
        }
    }
}

/// What became of the files that came in, the first of them.
fn told<S: AsRef<str>>(all: &[S]) -> String {
    and_more_by("; ", &all[..all.len().min(TOLD)], all.len())
}
