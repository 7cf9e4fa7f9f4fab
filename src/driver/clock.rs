//! The time: the machine's clock, or the one moment that an answers file names.

use crate::tuf::Date;

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
