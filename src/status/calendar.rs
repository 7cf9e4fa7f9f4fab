//! A calendar of expiries and signing windows (RFC 5545).
//!
//! The same boards at the same time give the same bytes. An event keeps its UID when dates move, so that a calendar
//! that takes the file again moves it.

use std::collections::BTreeSet;

use crate::status::Board;
use crate::status::DAY;
use crate::status::Standing;
use crate::status::State;
use crate::tuf::Date;
use crate::tuf::root::TOP_LEVEL;

/// A content line is at most so long, in octets, without its line break (section 3.1).
const LONGEST: usize = 75;

/// Eight o'clock, in seconds.
const MORNING: i64 = 8 * 3_600;

/// The states of one repository among others, the newest last: by the versions of what is there.
fn states<'a>(boards: &'a [Board], id: &str) -> Vec<&'a Board> {
    let mut states: Vec<&Board> = boards.iter().filter(|board| board.id == id).collect();
    let version = |board: &Board, role: &str| {
        board.roles.iter().find(|standing| standing.role == role).and_then(|standing| standing.version)
    };
    states.sort_by_key(|board| {
        let versions = TOP_LEVEL.map(|role| version(board, role));
        // A root that no client takes is no newer state.
        (board.proposed.is_none(), versions)
    });
    states
}

/// The boards that show an older state of a repository than another one, each with the name of the newest: their dates are not in
/// the calendar, but for a role whose file the newest has not.
pub fn older(boards: &[Board]) -> Vec<(&str, &str)> {
    let newest = |board: &Board| states(boards, &board.id).last().copied();
    let pair = |board| {
        let newest = newest(board).filter(|newest| !std::ptr::eq(*newest, board))?;
        Some((board.name.as_str(), newest.name.as_str()))
    };
    boards.iter().filter_map(pair).collect()
}

/// The calendar of all boards; of several states of one repository the newest counts.
pub fn calendar(boards: &[Board], at: Date) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN:VCALENDAR");
    lines.add("VERSION:2.0");
    lines.add("PRODID:-//Keyrite//keyrite status//EN");
    lines.add("CALSCALE:GREGORIAN");
    for board in boards {
        let mut states = states(boards, &board.id);
        if states.pop().is_none_or(|newest| !std::ptr::eq(newest, board)) {
            continue;
        }
        let mut known = BTreeSet::new();
        for role in board.roles.iter().filter(|role| !role.online) {
            let uid = |kind: &str| format!("{kind}-{}-{}@keyrite", name(&role.role), board.id);
            if !known.insert(uid("expiry")) {
                continue;
            }
            // Where its file is not here, an older state may have it.
            let dated = |other: &&Standing| other.role == role.role && other.expires.is_some();
            let older = || states.iter().rev().find_map(|state| state.roles.iter().find(dated));
            let role = Some(role).filter(|role| role.expires.is_some()).or_else(older).unwrap_or(role);
            expiry(&mut lines, board, role, &uid("expiry"), at);
            window(&mut lines, board, role, &uid("window"), at);
        }
    }
    lines.add("END:VCALENDAR");
    lines.0
}

fn expiry(lines: &mut Lines, board: &Board, role: &Standing, uid: &str, at: Date) {
    let Some(expires) = role.expires else { return };
    let version = role.version.map(|version| format!(" {version}")).unwrap_or_default();
    let summary = format!("{}: {}{version} expires", board.name, role.name);
    event(lines, uid, at, expires, None, &summary, &who(role), "-P7D");
}

fn window(lines: &mut Lines, board: &Board, role: &Standing, uid: &str, at: Date) {
    // What its keys can never sign again has an end, and no window.
    let can = role.state != State::Unsignable;
    let (Some(opens), Some(expires)) = (role.window.filter(|_| can), role.expires) else { return };
    let summary = format!("{}: sign {} again", board.name, role.name);
    // What may be signed already is due the next morning: an alarm in the past rings for nobody.
    let start = if opens <= at { morning(at) } else { opens };
    let end = (expires > start).then_some(expires);
    event(lines, uid, at, start, end, &summary, &who(role), "PT0S");
}

/// The next time that it is eight o'clock, UTC.
fn morning(at: Date) -> Date {
    let since_eight = (at.unix() - MORNING).rem_euclid(DAY);
    Date::from_unix(at.unix() + DAY - since_eight)
}

/// Who must sign, for the description.
fn who(role: &Standing) -> String {
    let names: Vec<&str> = role.holdings.iter().map(|holding| holding.name.as_str()).collect();
    format!("{} of {} keys must sign: {}", role.threshold, role.keys, names.join(", "))
}

#[expect(clippy::too_many_arguments, reason = "they are the properties of one event")]
fn event(
    lines: &mut Lines,
    uid: &str,
    at: Date,
    start: Date,
    end: Option<Date>,
    summary: &str,
    description: &str,
    trigger: &str,
) {
    lines.add("BEGIN:VEVENT");
    lines.add(&format!("UID:{uid}"));
    lines.add(&format!("DTSTAMP:{}", time(at)));
    lines.add(&format!("DTSTART:{}", time(start)));
    if let Some(end) = end {
        lines.add(&format!("DTEND:{}", time(end)));
    }
    lines.add(&format!("SUMMARY:{}", text(summary)));
    lines.add(&format!("DESCRIPTION:{}", text(description)));
    lines.add("TRANSP:TRANSPARENT");
    lines.add("BEGIN:VALARM");
    lines.add("ACTION:DISPLAY");
    lines.add(&format!("DESCRIPTION:{}", text(summary)));
    lines.add(&format!("TRIGGER:{trigger}"));
    lines.add("END:VALARM");
    lines.add("END:VEVENT");
}

/// `20261203T090000Z`
fn time(date: Date) -> String {
    date.to_string().replace(['-', ':'], "")
}

/// A role's name in a UID: ASCII without what means something there.
fn name(role: &str) -> String {
    role.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// TEXT of section 3.3.11: what means something is escaped, and control characters are left out.
fn text(raw: &str) -> String {
    let mut out = String::new();
    for c in raw.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Content lines, each ended by CRLF and folded by CRLF and a blank, never within a character.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        let mut length = 0;
        for c in line.chars() {
            if length + c.len_utf8() > LONGEST {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(c);
            length += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_75_octets_and_never_within_a_character() {
        let mut lines = Lines::default();

        lines.add(&"ü".repeat(100));

        let folded: Vec<&str> = lines.0.split("\r\n").collect();
        assert!(folded.iter().all(|line| line.len() <= 75), "{folded:?}");
        assert_eq!(lines.0.replace("\r\n ", ""), format!("{}\r\n", "ü".repeat(100)));
    }

    #[test]
    fn text_that_means_something_is_escaped() {
        assert_eq!(text("a,b;c\\d\ne\u{7}"), "a\\,b\\;c\\\\d\\ne");
    }
}
