//! `keyrite journal`: checks the chain of a record and replays it, without any key.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::show::plain;
use crate::driver::Stop;
use crate::driver::before;
use crate::driver::cosign;
use crate::driver::cosign::Cosigned;
use crate::driver::cosign::Refused;
use crate::driver::derived;
use crate::driver::disk;
use crate::driver::record;
use crate::journal;
use crate::journal::Broken;
use crate::journal::Entry;
use crate::journal::Journal;
use crate::qr;
use crate::tuf::diff::Section;
use crate::tuf::diff::say;
use crate::tuf::few::and_more;
use crate::witness::Checkpoint;
use crate::words::counted;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  keyrite journal verify 2026-12-root-genesis")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the chain, and replay every event over the ceremony file
    #[command(
        after_help = "Example:\n  keyrite journal verify 2026-12-root-genesis\n\nExit codes:\n  0  every line holds, and everything in the record is what it says\n  2  the record cannot be read\n  6  something was changed"
    )]
    Verify(Dir),
    /// Print every line in words, with what was changed by what was built
    #[command(
        after_help = "Example:\n  keyrite journal show 2026-12-root-genesis\n\nExit codes:\n  0  the chain holds\n  2  the record cannot be read\n  6  the chain is broken: it says where"
    )]
    Show(Dir),
    /// Print the head as hex, words and QR, and the checkpoint that witnesses sign
    #[command(
        after_help = "Example:\n  keyrite journal head 2026-12-root-genesis --out checkpoint\n\nExit codes:\n  0  the chain holds, and this is its head\n  2  the record cannot be read, or FILE is there\n  6  the chain is broken: it has no head"
    )]
    Head(Head),
    /// Take in the signature of a witness over a checkpoint, when it verifies
    #[command(after_help = COSIGN)]
    Cosign(Cosign),
}

const COSIGN: &str = "Example:
  keyrite journal head DIR --out checkpoint
  ssh-keygen -Y sign -n keyrite-checkpoint -f ~/.ssh/id_ed25519 checkpoint
  keyrite journal cosign DIR --signature checkpoint.sig --by wim

Exit codes:
  0  it verifies over the head of these lines, and lies in the record now
  1  it verifies over no head of these lines. Nothing was added
  2  the record or FILE cannot be read, or NAME is nobody whose signature the ceremony file knows. Nothing was added
  6  the chain is broken. Nothing was added";

/// How many files of a long list people see.
const SHOWN: usize = 5;

#[derive(Debug, clap::Args)]
struct Head {
    /// The record directory
    dir: PathBuf,
    /// Write the checkpoint to this file, to be signed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Cosign {
    /// The record directory
    dir: PathBuf,
    /// What `ssh-keygen -Y sign -n keyrite-checkpoint`, `minisign -S` or a C2SP cosigner wrote
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// The participant who signed
    #[arg(long, value_name = "NAME")]
    by: String,
}

#[derive(Debug, clap::Args)]
struct Dir {
    /// The record directory
    dir: PathBuf,
}

#[derive(Serialize)]
struct Verdict {
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<usize>,
    head: Option<String>,
    closed: bool,
    /// SHA-256 of the file that answered in the place of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cosignatures: Vec<Cosigned>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    /// Files of the record of which the journal knows nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    match args.command {
        Command::Verify(Dir { dir }) => verify(&dir, out),
        Command::Show(Dir { dir }) => show(&dir, out),
        Command::Head(Head { dir, out: file }) => head(&dir, file.as_deref(), out),
        Command::Cosign(args) => cosign(&args, out),
    }
}

/// Why a record does not hold, and at which line of its journal.
pub(super) struct Wrong {
    line: Option<usize>,
    failure: Failure,
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self { line: None, failure }
    }
}

impl From<Stop> for Wrong {
    fn from(stop: Stop) -> Self {
        Failure::from(stop).into()
    }
}

impl From<Broken> for Wrong {
    fn from(broken: Broken) -> Self {
        Self { line: Some(broken.line), failure: record::broken_record(&broken).into() }
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        wrong.failure
    }
}

fn read(dir: &Path) -> Result<Journal, Wrong> {
    let path = dir.join("journal.jsonl");
    let bytes = disk::read(&path, record::MAX_JOURNAL).map_err(|error| {
        let hint = "give the directory that `keyrite run` made";
        Failure::new(Exit::Input, format!("{}: {error}", path.display()), hint)
    })?;
    let journal = journal::read(&bytes)?;
    if journal.cut > 0 {
        let line = journal.entries.len() + 1;
        let mut error = format!(
            "line {line} of the journal is cut short: {} bytes stand after the last whole line",
            journal.cut
        );
        let mut hint = "after a crash, `keyrite resume` drops it: it never took effect";
        if let Some(name) = derived::says_closed(dir) {
            error += &format!("; {name} says that the ceremony was closed, so it did not crash here");
            hint = derived::CUT;
        }
        return Err(Wrong { line: Some(line), failure: Failure::new(Exit::Integrity, error, hint) });
    }
    Ok(journal)
}

/// The journal of a record, verified, and the ceremony that it replays as.
pub(super) fn replayed(dir: &Path) -> Result<(Journal, Ceremony), Wrong> {
    let journal = read(dir)?;
    let text = record::plan_text(dir)?;
    let opening = journal::opening(&journal)?;
    let plan = before::plan_of_record(dir, &text, &opening, None)?;
    let ceremony = journal::replay(&journal, Arc::new(plan))?;
    derived::check(dir, &journal, &ceremony)?;
    Ok((journal, ceremony))
}

fn verify(dir: &Path, out: &mut Output) -> Result<(), Failure> {
    match replayed(dir) {
        Ok((journal, ceremony)) => {
            let (cosignatures, refused) = cosign::all(dir, &journal, &ceremony)?;
            let closed = ceremony.next().is_none();
            let (lines, head) = (journal.entries.len(), journal.head());
            let answers = journal::opening(&journal).ok().and_then(|opening| opening.answers);
            let unknown = derived::unknown(dir, &journal, &ceremony);
            let verdict = Verdict {
                answers: answers.clone(),
                holds: refused.is_empty(),
                lines: Some(lines),
                head: Some(head.hex()),
                closed,
                cosignatures: cosignatures.clone(),
                refused: refused.clone(),
                unknown: unknown.clone(),
                line: None,
                why: None,
            };
            out.document(&verdict)?;
            let state = if closed { "closed" } else { "not finished" };
            out.line(format!("{}: {lines} lines hold, the ceremony is {state}", dir.display()));
            out.line(format!("head {}", head.hex()));
            if let Some(sha256) = answers {
                out.line(format!(
                    "!! a file answered in the place of people, SHA-256 {sha256}: whoever is said to have confirmed, typed or been there was not asked"
                ));
            }
            for line in ceremony.not_as_planned() {
                out.line(format!("!! {}", plain(&line)));
            }
            for one in &cosignatures {
                out.line(said(&ceremony, one));
            }
            let bundle = dir.join(&ceremony.plan().bundle);
            if ceremony.manifest().is_some() && !bundle.exists() {
                out.line(
                    "its bundle is not in this record; `keyrite resume` writes it again from the journal",
                );
            } else if ceremony.manifest().is_some() {
                out.line(
                    "its bundle has the manifest that was exported; `keyrite verify` looks at the files",
                );
            }
            let absent = derived::absent(dir, &ceremony);
            if !absent.is_empty() {
                out.line(format!("not in this record: {}; the journal holds without", absent.join(", ")));
            }
            later_runs(dir, &journal, closed).into_iter().for_each(|line| out.line(line));
            if !unknown.is_empty() {
                let shown: Vec<String> = unknown.iter().take(SHOWN).map(|name| plain(name)).collect();
                let shown = and_more(&shown, unknown.len());
                out.line(format!("!! not of this ceremony, as far as the journal knows: {shown}"));
            }
            refused.first().map_or(Ok(()), |first| Err(foreign(first)))
        }
        Err(Wrong { line, failure }) => {
            if failure.exit == Exit::Integrity {
                let why = Some(failure.error.clone());
                let (cosignatures, refused, unknown) = (Vec::new(), Vec::new(), Vec::new());
                let verdict = Verdict {
                    answers: None,
                    holds: false,
                    lines: None,
                    head: None,
                    closed: false,
                    cosignatures,
                    refused,
                    unknown,
                    line,
                    why,
                };
                out.document(&verdict)?;
            }
            Err(failure)
        }
    }
}

/// The runs of the program that `runs.jsonl` has and the journal does not: nothing holds them to the chain.
fn later_runs(dir: &Path, journal: &Journal, closed: bool) -> Option<String> {
    let (taken_in, lie) = derived::runs(dir, journal);
    let later = lie.len().checked_sub(taken_in.len()).filter(|later| *later > 0)?;
    let why = if closed { "after the close" } else { "which the journal takes in when the ceremony closes" };
    Some(format!("runs.jsonl has {} that the chain does not hold, {why}", counted(later, "run")))
}

/// A cosignature in words.
fn said(ceremony: &Ceremony, one: &Cosigned) -> String {
    let said = one.said.map(|said| format!(", at {said} as it says")).unwrap_or_default();
    let late = if one.late { ", LATE: it came after the close" } else { "" };
    let by = ceremony.plan().name(&one.by);
    format!("{by} cosigned lines 1 to {}, head {:.8}{said}{late} ({})", one.size, one.head, plain(&one.file))
}

/// A cosignature that fits these lines no more, or never did.
fn foreign(refused: &Refused) -> Failure {
    let error = format!("{}: {}", plain(&refused.file), refused.why);
    let hint = "either the lines were changed after they were signed, or the file does not belong here: ask who signed it";
    Failure::new(Exit::Integrity, error, hint)
}

fn cosign(args: &Cosign, out: &mut Output) -> Result<(), Failure> {
    let (journal, ceremony) = replayed(&args.dir)?;
    let cosigned = cosign::add(&args.dir, &journal, &ceremony, &args.by, &args.signature)?;
    out.line(said(&ceremony, &cosigned));
    out.document(&cosigned)
}

fn show(dir: &Path, out: &mut Output) -> Result<(), Failure> {
    let (journal, ceremony) = replayed(dir)?;
    if out.json {
        let line = |entry: &Entry| {
            let mut line = serde_json::json!({"at": entry.at, "what": entry.what, "head": entry.head.hex()});
            if let Some(changes) = changes(&ceremony, &entry.what) {
                line["changes"] = serde_json::json!(changes);
            }
            line
        };
        return out.document(&journal.entries.iter().map(line).collect::<Vec<_>>());
    }
    for (entry, number) in journal.entries.iter().zip(1..) {
        out.line(format!("{number:>4}  {}  {}", entry.at, ceremony.say(&entry.what)));
        let changes = changes(&ceremony, &entry.what);
        for line in changes.iter().flat_map(say::meaning) {
            out.line(format!("      {}", plain(&line)));
        }
    }
    Ok(())
}

/// What was changed by metadata that was built: the difference that people read before they signed it.
fn changes(ceremony: &Ceremony, event: &Event) -> Option<Section> {
    let Event::Built { role, .. } = event else { return None };
    ceremony.difference(role).ok().flatten()
}

fn head(dir: &Path, file: Option<&Path>, out: &mut Output) -> Result<(), Failure> {
    // What witnesses compare and sign holds first.
    let (journal, _) = replayed(dir)?;
    let head = journal.head();
    let checkpoint = journal.checkpoints().first().map(Checkpoint::text).unwrap_or_default();
    if let Some(file) = file {
        apart::write_new(file, checkpoint.as_bytes())?;
    }
    let lines = journal.entries.len();
    out.document(
        &serde_json::json!({"head": head.hex(), "words": head.words(), "lines": lines, "checkpoint": checkpoint}),
    )?;
    if !out.json {
        out.line(head.hex());
        for line in head.lines().into_iter().chain(qr::digest_lines(&head.hex())) {
            out.line(line);
        }
        out.line(format!("\n{}", checkpoint.trim_end()));
    }
    Ok(())
}
