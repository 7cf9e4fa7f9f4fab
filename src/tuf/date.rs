//! A moment in UTC, to the second: `YYYY-MM-DDTHH:MM:SSZ`, the only form we write.

use std::fmt;
use std::str::FromStr;

/// Seconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

/// Not a date of the form `YYYY-MM-DDTHH:MM:SSZ`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a date of the form YYYY-MM-DDTHH:MM:SSZ")]
pub struct BadDate(pub String);

impl Date {
    /// From seconds since 1970.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Whether what expires at this date has expired at another one: at this very second it has (TUF 5.3.10). The only
    /// judge of it.
    pub fn has_passed(self, at: Self) -> bool {
        self <= at
    }

    /// Whole days from `earlier` to this date; negative when it lies before.
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).div_euclid(86_400)
    }

    /// When something expires that does so at this date: `in 393 days`, `within a day`, `expired 3 days ago`.
    pub fn until(self, now: Self) -> String {
        let days = |n: i64| if n == 1 { "1 day".to_owned() } else { format!("{n} days") };
        match (self.has_passed(now), self.days_since(now), now.days_since(self)) {
            (true, _, 0) => "expired today".to_owned(),
            (true, _, n) => format!("expired {} ago", days(n)),
            (false, 0, _) => "within a day".to_owned(),
            (false, n, _) => format!("in {}", days(n)),
        }
    }

    /// The English name of the day of the week.
    pub fn weekday(self) -> &'static str {
        const DAYS: [&str; 7] =
            ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
        DAYS[usize::try_from(self.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)]
    }

    /// Reads any RFC 3339 date, as old metadata has them (offset, fraction); never used for writing.
    pub fn parse_lenient(text: &str) -> Result<Self, BadDate> {
        let bad = || BadDate(text.to_owned());
        let parsed = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        Ok(Self(parsed.map_err(|_| bad())?.unix_timestamp()))
    }
}

impl FromStr for Date {
    type Err = BadDate;

    fn from_str(text: &str) -> Result<Self, BadDate> {
        let strict = text.len() == 20 && text.is_ascii() && &text[10..11] == "T" && text.ends_with('Z');
        if !strict {
            return Err(BadDate(text.to_owned()));
        }
        Self::parse_lenient(text)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match time::OffsetDateTime::from_unix_timestamp(self.0) {
            Ok(t) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                t.year(),
                u8::from(t.month()),
                t.day(),
                t.hour(),
                t.minute(),
                t.second()
            ),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl serde::Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_have_passed_are_told_as_such() {
        let date: Date = "2026-12-03T09:00:00Z".parse().unwrap();
        let said = |seconds: i64| date.until(Date::from_unix(date.unix() - seconds));

        let days = [2 * 86_400, 86_400, 1, 0, -86_400, -3 * 86_400];
        let says = [
            "in 2 days",
            "in 1 day",
            "within a day",
            "expired today",
            "expired 1 day ago",
            "expired 3 days ago",
        ];
        assert_eq!(days.map(said), says);
    }

    #[test]
    fn what_expires_has_expired_at_that_very_second_and_not_before() {
        let date: Date = "2026-12-03T09:00:00Z".parse().unwrap();
        let second = |unix| Date::from_unix(date.unix() + unix);

        assert_eq!([-1, 0, 1].map(|by| date.has_passed(second(by))), [false, true, true]);
    }
}
