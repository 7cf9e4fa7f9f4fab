//! The time: the machine's clock, or the one moment that an answers file names.

use std::path::Path;

use crate::tuf::Date;

/// When this version was written: a clock that says less is wrong.
const WRITTEN: &str = "2026-11-01T00:00:00Z";

/// Where the time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    Machine,
    /// The time that the people agreed on.
    Agreed(Date),
}

impl Clock {
    /// Now, in UTC.
    pub fn now(self) -> Date {
        match self {
            Self::Agreed(date) => date,
            Self::Machine => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Date::from_unix(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
            }
        }
    }
}

/// Where Linux shows the battery-backed clock of the machine, as seconds since 1970.
const HARDWARE: &str = "/sys/class/rtc/rtc0/since_epoch";

impl Clock {
    /// What the machine's hardware clock says, where there is one to be seen. An agreed time has none.
    pub fn hardware(self) -> Option<Date> {
        match self {
            Self::Agreed(_) => None,
            Self::Machine => hardware(Path::new(HARDWARE)),
        }
    }
}

fn hardware(file: &Path) -> Option<Date> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok().map(Date::from_unix)
}

/// Why a clock that says `now` cannot be right. `seen` are moments that are past, each with what says so.
pub(super) fn behind(now: Date, seen: &[(String, Date)]) -> Option<String> {
    let written = WRITTEN.parse().ok().map(|written| ("this program was written".to_owned(), written));
    let later = seen.iter().cloned().chain(written).find(|(_, moment)| now < *moment);
    later.map(|(what, moment)| format!("it says {now}, and {what} at {moment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_clock_is_read_where_there_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("since_epoch");
        assert_eq!(hardware(&file), None);

        std::fs::write(&file, "1796288400\n").unwrap();

        assert_eq!(hardware(&file).unwrap().to_string(), "2026-12-03T09:00:00Z");
        assert_eq!(Clock::Agreed(Date::from_unix(0)).hardware(), None);
    }

    #[test]
    fn a_clock_behind_what_is_past_cannot_be_right() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let seen = [("the journal was there".to_owned(), date("2026-12-03T09:00:00Z"))];

        assert_eq!(behind(date("2026-12-03T09:00:00Z"), &seen), None);
        let late = behind(date("2026-12-03T08:59:59Z"), &seen).unwrap();
        assert!(late.ends_with("the journal was there at 2026-12-03T09:00:00Z"), "{late}");
        let dead_battery = behind(date("2000-01-01T00:00:00Z"), &[]).unwrap();
        assert!(dead_battery.contains("this program was written"), "{dead_battery}");
    }
}
