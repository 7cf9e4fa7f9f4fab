//! A key that is held down, or pressed before anyone can have read the step, is no answer.

use std::time::Duration;
use std::time::Instant;

use crate::tui::message::Message;

/// When Enter counts.
pub(super) struct Pace {
    /// How long a new step stands before Enter answers it.
    pause: Duration,
    shown: Instant,
    typed: bool,
    enter: Option<Instant>,
}

/// How long a step stands before Enter answers it: longer than a held key waits before it repeats.
const PAUSE: Duration = Duration::from_millis(700);
/// Enter that comes this soon after Enter is the same one, held down.
const REPEATED: Duration = Duration::from_millis(120);

impl Pace {
    /// As the environment says: `KEYRITE_SCREEN=no-pause` is for whoever's keys come from a device.
    pub(super) fn new(env: impl Fn(&str) -> Option<String>, shown: Instant) -> Self {
        let asked = env("KEYRITE_SCREEN").unwrap_or_default();
        let no_pause = asked.split([',', ' ']).any(|word| word == "no-pause");
        let pause = if no_pause { Duration::ZERO } else { PAUSE };
        Self { pause, shown, typed: false, enter: None }
    }

    /// A new step is on the screen.
    pub(super) fn began(&mut self, at: Instant) {
        (self.shown, self.typed) = (at, false);
    }

    /// Whether this message counts.
    pub(super) fn counts(&mut self, message: &Message, at: Instant) -> bool {
        match message {
            Message::Scene(..) => self.began(at),
            Message::Typed(_) => self.typed = true,
            Message::GoOn if !self.pause.is_zero() => {
                let held = self.enter.replace(at).is_some_and(|last| at.duration_since(last) < REPEATED);
                let early = !self.typed && at.duration_since(self.shown) < self.pause;
                if held || early {
                    return false;
                }
                // Whatever it turned to, the next page of a text or the next section, is new as well.
                self.began(at);
            }
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_key_answers_one_step_and_no_more() {
        let start = Instant::now();
        let mut pace = Pace::new(|_| None, start);
        let ms = |ms| start + Duration::from_millis(ms);

        assert!(!pace.counts(&Message::GoOn, ms(300)), "nobody has read it yet");
        assert!(pace.counts(&Message::GoOn, ms(2000)), "no step comes: a page is turned");
        // The key waits half a second, and then repeats thirty times a second.
        let passed = (0..60).filter(|n| pace.counts(&Message::GoOn, ms(2500 + n * 33))).count();
        assert_eq!(passed, 0);
        assert!(pace.counts(&Message::GoOn, ms(6000)));
    }

    #[test]
    fn what_was_typed_was_meant_and_a_device_may_be_fast() {
        let start = Instant::now();
        let mut pace = Pace::new(|_| None, start);
        pace.counts(&Message::Typed('x'), start);
        assert!(pace.counts(&Message::GoOn, start + Duration::from_millis(200)));

        let env = |name: &str| (name == "KEYRITE_SCREEN").then(|| "ascii,no-pause".to_owned());
        let mut fast = Pace::new(env, start);
        assert!((0..9).all(|_| fast.counts(&Message::GoOn, start)));
    }
}
