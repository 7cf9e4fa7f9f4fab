//! `keyrite status`: what must be signed next, by whom and by when, over many repositories.

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::bundle::Dir;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::diff::pairs::names_beside;
use crate::cli::existing;
use crate::cli::show::plain;
use crate::cli::verify::now;
use crate::status;
use crate::status::Board;
use crate::status::Holding;
use crate::status::Standing;
use crate::status::State;
use crate::tuf::Date;
use crate::tuf::Repository;

const EXAMPLE: &str = "Example:
  keyrite status published/metadata
  keyrite status repos/* --ics signing.ics
  keyrite status adopted record --at 2027-06-01T00:00:00Z --json

A DIR is a repository, a bundle, a record, or what `keyrite import` made; names.json beside the metadata says who holds \
which key. The most urgent repository comes first. The window in which people should sign again is the one that the \
metadata names (tuf-on-ci does), or --window days before expiry. Roles that share a key with snapshot or timestamp are \
signed by a server, and have no window. Of several states of one repository the newest is in the calendar. Nothing is verified: `keyrite verify` does.

Exit codes:
  0  nothing to do
  1  something has expired, is inside its window, or has no key to spare
  2  a DIR cannot be read, or FILE is there already";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Directories of metadata, bundles or records
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,

    /// Write a calendar of expiries and signing windows (RFC 5545) into a new file
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,

    /// How many days before expiry people should sign again, where the metadata does not say
    #[arg(long, value_name = "DAYS", default_value_t = status::WINDOW)]
    window: u32,

    /// The time to judge by, YYYY-MM-DDTHH:MM:SSZ [default: now]
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let at = args.at.unwrap_or_else(now);
    let (mut boards, mut unread) = (Vec::new(), Vec::new());
    for dir in &args.dirs {
        match board(dir, at, args.window) {
            Ok(board) => boards.push(board),
            Err(failure) => unread.push(failure),
        }
    }
    boards.sort_by_key(Board::urgency);
    // A calendar without some of them would be taken for the whole.
    if let (Some(path), true) = (&args.ics, unread.is_empty()) {
        apart::write_new(path, status::calendar(&boards, at).as_bytes())?;
    }
    for board in &boards {
        show(board, at, out);
    }
    if let (Some(path), true) = (&args.ics, unread.is_empty()) {
        out.line(format!("calendar: {}", plain(&path.display().to_string())));
        for (older, newest) in status::older(&boards) {
            let (older, newest) = (plain(older), plain(newest));
            out.line(format!("  left out of it: {older}, an older or the same state of {newest}"));
        }
    }
    let act = boards.iter().any(|board| status::must_act(board.state));
    let told: Vec<&str> = unread.iter().map(|failure| failure.error.as_str()).collect();
    out.document(&json!({"at": at, "must_act": act, "repositories": boards, "unread": told}))?;
    if let Some(first) = unread.first() {
        let error = told.join("; ");
        let error = if args.ics.is_some() { format!("{error}; no calendar was written") } else { error };
        return Err(Failure::new(Exit::Input, error, first.hint.clone()));
    }
    match act {
        true => Err(Failure::new(Exit::No, "", "")),
        false => Ok(()),
    }
}

fn board(path: &Path, at: Date, window: u32) -> Result<Board, Failure> {
    let name = path.display().to_string();
    let unread = |why: String| {
        let error = format!("{}: {}", plain(&name), plain(&why));
        let hint = "give a directory of metadata, a bundle or a record; copy a file that is damaged, or that may not be read, there again";
        Failure::new(Exit::Input, error, hint)
    };
    let dir = Dir::open(path).map_err(unread)?;
    let repository = Repository::read(&dir).map_err(|why| unread(why.to_string()))?;
    Ok(Board::read(&name, &repository, &names_beside(path)?, at, window))
}

fn show(board: &Board, at: Date, out: &mut Output) {
    out.line(plain(&board.name));
    existing::told_first(board.rehearsal, board.proposed).for_each(|line| out.line(format!("  {line}")));
    for role in &board.roles {
        out.line(format!("  {}", plain(&line(role, at))));
        for (holder, count) in &role.several {
            out.line(format!("    {} holds {count} of its {} keys", plain(holder), role.keys));
        }
        for shared in role.holdings.iter().filter(|held| !held.also_signs.is_empty() && !role.online) {
            out.line(format!(
                "    {} also signs {}",
                plain(&person(shared)),
                plain(&shared.also_signs.join(", "))
            ));
        }
    }
    for role in
        board.roles.iter().filter(|role| role.online && role.expires.is_some_and(|end| end.has_passed(at)))
    {
        out.line(format!("  now: the server must sign {}, which has expired", plain(&role.name)));
    }
    let never = |role: &&Standing| role.state == State::Unsignable;
    for role in board.roles.iter().filter(never) {
        let name = plain(&role.name);
        out.line(format!("  now: its keys can never sign {name} again; keyrite assess says what follows"));
    }
    match &board.next {
        Some(next) => out.line(format!("  next: {}", plain(&next.words(at)))),
        None if board.roles.iter().any(|role| never(&role)) => {}
        None => out.line("  next: no date is known"),
    }
}

fn line(role: &Standing, at: Date) -> String {
    let version = match role.version {
        Some(version) => format!("version {version}"),
        None => "of several versions".to_owned(),
    };
    let dates = match role.expires.map(|expires| (expires, expires.until(at))) {
        Some((expires, until)) => match until.strip_prefix("expired ") {
            Some(ago) => format!("{version}, expired {expires}, {ago}"),
            None => format!("{version}, expires {expires}, {until}"),
        },
        None => "its file is not here".to_owned(),
    };
    let state = match role.state {
        State::Fine | State::Missing => String::new(),
        State::NoSpare => " NO KEY TO SPARE".to_owned(),
        State::InWindow => " SIGN NOW".to_owned(),
        State::Expired => " EXPIRED".to_owned(),
        State::Unsignable => " CANNOT BE SIGNED".to_owned(),
    };
    let spare = match role.spare {
        ..=0 => "none to spare".to_owned(),
        spare => format!("{spare} to spare"),
    };
    let by = if role.by == "root" { String::new() } else { format!(", by the word of {}", role.by) };
    let server = if role.online { ", by a server" } else { "" };
    let people: Vec<String> = role.holdings.iter().map(person).collect();
    format!(
        "{}:{state} {dates}; {} of {} keys must sign, {spare}{server}{by}: {}",
        role.name,
        role.threshold,
        role.keys,
        people.join(", ")
    )
}

fn person(holding: &Holding) -> String {
    match holding.holder.as_deref().filter(|holder| *holder != holding.name) {
        Some(holder) => format!("{} ({holder})", holding.name),
        None => holding.name.clone(),
    }
}
