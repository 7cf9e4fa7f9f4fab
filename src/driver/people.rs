//! What people type and say, written down.

use crate::ceremony::Event;
use crate::driver::Driver;
use crate::driver::prompt::Exception;
use crate::driver::stop::Stop;
use crate::plan::Step;
use crate::plan::Verb;
use crate::tuf::Date;

type Events = Vec<Event>;

impl Driver {
    /// The roll: everyone but those who are said to be absent.
    pub(super) fn roll_call(
        &mut self,
        step: &Step,
        absent: &[String],
        events: &mut Events,
    ) -> Result<(), Stop> {
        let plan = self.ceremony.plan();
        if let Some(stranger) = absent.iter().find(|id| plan.person(id).is_none()) {
            return self.failed(step, "people", format!("{stranger:?} is not a participant"), events);
        }
        let all = plan.people.iter().map(|person| person.id.clone());
        let present: Vec<String> = all.filter(|id| !absent.contains(id)).collect();
        if let Err(why) = self.ceremony.may_begin_with(&present.iter().cloned().collect()) {
            let why = format!("{why}; the file allows no less. Wait, or stop and go on another day");
            return self.failed(step, "people", why, events);
        }
        self.record(Event::RollCalled { step: step.id.clone(), present }, events)
    }

    /// A text that someone typed: an answer, a bag's number, what a watch says.
    pub(super) fn typed(
        &mut self,
        step: &Step,
        by: &str,
        text: &str,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let (id, by, text) = (step.id.clone(), by.to_owned(), text.trim().to_owned());
        if step.verb != Verb::SetClock {
            return self.record(Event::Typed { step: id, by, text }, events);
        }
        let machine = self.now();
        match watch(&text, machine) {
            Some(watch) => self.record(Event::ClockRead { step: id, by, watch, machine }, events),
            None => {
                let why = format!("{text:?} is no time: type HH:MM:SS in UTC, or YYYY-MM-DDTHH:MM:SSZ");
                self.failed(step, "watch", why, events)
            }
        }
    }

    /// An exception, from whatever step people are in.
    pub(super) fn exception(
        &mut self,
        step: &Step,
        said: Exception,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let Exception { expected, happened, action, by } = said;
        let by = if by.trim().is_empty() { step.by.clone() } else { by.trim().to_owned() };
        let step = step.id.clone();
        self.record(Event::Exception { step, expected, happened, action, by }, events)
    }

    /// A file that was changed after the ceremony began changes nothing, and nobody may think that it did.
    pub(super) fn edited(&self) -> Option<String> {
        let file = self.edited.as_ref().filter(|_| self.resumed)?;
        Some(format!(
            "{file} was changed after the ceremony began, and nothing of that counts: it goes on by the copy in its record, as \
             it was reviewed. What is to change takes a ceremony of its own."
        ))
    }

    /// What people look at first when a ceremony is gone on with: who is here.
    pub(super) fn resumed(&self) -> Option<String> {
        let (plan, room) = (self.ceremony.plan(), self.ceremony.room());
        if !self.resumed || !room.roll_called() {
            return None;
        }
        let absent = self.ceremony.absent();
        let here: Vec<_> = plan.people.iter().filter(|person| !absent.contains(&person.id)).collect();
        let here: Vec<_> = here.into_iter().map(|person| person.name.as_str()).collect();
        Some(format!(
            "The ceremony goes on where it was at {}. Look who is here: {}. If anyone has left, or anything was moved, write an exception.",
            self.record.last(),
            here.join(", ")
        ))
    }

    /// Every exception so far is read.
    pub(super) fn review_exceptions(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let exceptions = self.ceremony.exceptions().len();
        self.record(Event::ExceptionsReviewed { step: step.id.clone(), exceptions }, events)
    }

    /// Who confirms that a step is left out: who confirms the step, else anyone but who does it.
    pub(super) fn pass_over(&mut self, step: &Step, events: &mut Events) -> Result<(), Stop> {
        let plan = self.ceremony.plan();
        let others = plan.people.iter().map(|person| &person.id);
        let there = |id: &&String| **id != step.by && !self.ceremony.absent().contains(*id);
        let by = step.confirm.iter().chain(others).find(there).cloned().unwrap_or_default();
        self.record(Event::PassedOver { step: step.id.clone(), by }, events)
    }
}

/// The time on a watch: whole, or the time of day nearest to the machine's clock.
fn watch(text: &str, machine: Date) -> Option<Date> {
    if let Ok(date) = text.parse() {
        return Some(date);
    }
    let mut parts = text.trim_end_matches(['Z', 'z']).split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let in_day = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    if !in_day || parts.next().is_some() {
        return None;
    }
    const DAY: i64 = 24 * 60 * 60;
    let of_day = hours * 3600 + minutes * 60 + seconds;
    let today = machine.unix().div_euclid(DAY) * DAY + of_day;
    let nearest =
        [today - DAY, today, today + DAY].into_iter().min_by_key(|at| at.abs_diff(machine.unix()))?;
    Some(Date::from_unix(nearest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_says_a_time_of_day_or_a_date() {
        let machine: Date = "2026-11-20T23:59:50Z".parse().unwrap();
        let says = |text: &str| watch(text, machine).map(|date| date.to_string());

        assert_eq!(says("23:59:40").as_deref(), Some("2026-11-20T23:59:40Z"));
        assert_eq!(says("00:00").as_deref(), Some("2026-11-21T00:00:00Z"));
        assert_eq!(says("2025-11-20T23:59:50Z").as_deref(), Some("2025-11-20T23:59:50Z"));
        for wrong in ["", "24:00:00", "12:60", "noon", "12:00:00:00", "-1:00"] {
            assert_eq!(says(wrong), None, "{wrong:?}");
        }
    }
}
