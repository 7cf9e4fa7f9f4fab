//! `keyrite assess`: what follows when keys are lost or stolen, and the ceremony that repairs it.

mod document;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::KeySet;
use crate::assess::Question;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::existing;
use crate::cli::existing::Existing;
use crate::cli::new;
use crate::cli::show::plain;
use crate::draft::Gone;
use crate::driver::Clock;
use crate::plan::Kind;
use crate::tuf::Date;

const EXAMPLE: &str = "Example:
  keyrite assess record --lost dan --stolen chi
  keyrite assess metadata --stolen 74c0a1b2 --repair response.yaml
  keyrite assess metadata --all

A key is called by its name or its holder in names.json beside the metadata, by its keyid, or by the beginning of \
its keyid (4 characters or more). Lost: nobody can use it. Stolen: someone else can use it too; it still signs, and \
must not be needed. Each line names its rule. The metadata is read as it lies: `keyrite verify` judges it.

Exit codes:
  0  every role can still be signed without these keys, and the thief can do nothing harmful
  1  otherwise
  2  an input cannot be read, or no such key";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A metadata directory, a bundle, or the record of a ceremony
    dir: PathBuf,

    /// A key that nobody can use any more; may be given several times
    #[arg(long, value_name = "KEY")]
    lost: Vec<String>,

    /// A key that someone else can use; may be given several times
    #[arg(long, value_name = "KEY")]
    stolen: Vec<String>,

    /// Judge every combination of lost and stolen keys, in one table
    #[arg(long, conflicts_with_all = ["lost", "stolen", "repair"])]
    all: bool,

    /// Judge as of this time [default: now]
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM:SSZ")]
    at: Option<String>,

    /// Write the ceremony that repairs it to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    repair: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let at = match &args.at {
        None => Clock::Machine.now(),
        Some(text) => Date::parse_lenient(text)
            .map_err(|error| Failure::new(Exit::Input, format!("--at: {error}"), ""))?,
    };
    let existing = existing::open(&args.dir)?;
    let (rehearsal, proposed) = (existing.repository.is_rehearsal(), existing.repository.proposed());
    existing::told_first(rehearsal, proposed).for_each(|line| out.line(line));
    if args.all {
        return all(&existing, at, out);
    }
    let question =
        Question { lost: find(&existing, &args.lost)?, stolen: find(&existing, &args.stolen)?, at };
    let assessment = existing.model.assess(&question);
    let mut lines = existing.model.lines(&assessment);
    let repair = repair(&args, &existing, &assessment)?;
    lines.extend(repair);
    for line in &lines {
        out.line(plain(line));
    }
    out.document(&with_proposed(document::assessment(&existing.model, &assessment), &existing))?;
    match assessment.is_good() {
        true => Ok(()),
        false => Err(Failure::new(Exit::No, "", "")),
    }
}

fn all(existing: &Existing, at: Date, out: &mut Output) -> Result<(), Failure> {
    let table = existing.model.table(at);
    for line in existing.model.table_lines(&table, at) {
        out.line(plain(&line));
    }
    out.document(&with_proposed(document::table(&existing.model, &table, at), existing))?;
    match table.rows.iter().all(crate::assess::Row::is_good) {
        true => Ok(()),
        false => Err(Failure::new(Exit::No, "", "")),
    }
}

/// The document, and which root it speaks of where no client takes the newest; and that a rehearsal made it.
fn with_proposed(mut document: Value, existing: &Existing) -> Value {
    if let Some(root) = existing.repository.proposed() {
        document["proposed_root"] = json!(root);
    }
    if existing.repository.is_rehearsal() {
        document["rehearsal"] = json!(true);
    }
    document
}

fn find(existing: &Existing, called: &[String]) -> Result<KeySet, Failure> {
    let mut keys = KeySet::new();
    for called in called {
        let found = existing.model.keys.find(called).map_err(|error| {
            let all: Vec<String> = existing.model.keys.list.iter().map(crate::assess::Key::person).collect();
            let hint = format!("its keys: {}", all.join(", "));
            Failure::new(Exit::Input, plain(&error.to_string()), plain(&hint))
        })?;
        keys.extend(found);
    }
    Ok(keys)
}

/// Writes the ceremony that repairs, or says how to get it.
fn repair(args: &Args, existing: &Existing, assessment: &Assessment) -> Result<Vec<String>, Failure> {
    let touched = !(args.lost.is_empty() && args.stolen.is_empty());
    let nothing = existing.model.repair(assessment).is_nothing();
    let Some(path) = &args.repair else {
        let hint = !nothing && assessment.is_repairable();
        let text = "`--repair FILE` writes the ceremony that does it, ready to review.".to_owned();
        return Ok(if hint { vec![String::new(), text] } else { Vec::new() });
    };
    if !touched {
        let error =
            "no key was said to be lost or stolen, so there is nothing to repair; nothing was written";
        return Err(Failure::new(Exit::Input, error, "name the keys with --lost and --stolen"));
    }
    if nothing {
        let error = "no role lists these keys any more, so there is nothing to repair; nothing was written";
        let left = existing.model.steps(assessment).pop().unwrap_or_default();
        return Err(Failure::new(Exit::Input, error, plain(&left)));
    }
    if !assessment.is_repairable() {
        let error = match assessment.roles.first().map(|root| root.can) {
            Some(Can::OnlyWithStolen) => {
                "a compromise-response never needs a stolen key, and root cannot be signed without one; nothing was written"
            }
            _ => "no ceremony repairs this: root cannot be signed without a lost key; nothing was written",
        };
        return Err(Failure::new(Exit::No, error, "without --repair it says what can still be done"));
    }
    let text =
        new::drafted(Kind::CompromiseResponse, existing, Some(Gone::Said(assessment)), None, Some(path))?;
    apart::write_new(path, text.as_bytes())?;
    Ok([vec![String::new()], next(path, Some(&existing.metadata))].concat())
}

/// Where the metadata lies, as a ceremony file at `out` names it: below its own directory, or else [`COPY`] of it.
pub(super) fn metadata_path(metadata: &Path, out: Option<&Path>) -> String {
    below(metadata, out).unwrap_or_else(|| COPY.to_owned())
}

/// Where a ceremony file looks for metadata that lies elsewhere.
const COPY: &str = "inputs/metadata";

/// Where the metadata lies below the directory of a ceremony file at `out`.
fn below(metadata: &Path, out: Option<&Path>) -> Option<String> {
    let home = out.and_then(Path::parent).filter(|home| !home.as_os_str().is_empty());
    let home = home.unwrap_or(Path::new("."));
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let inside = real(home).zip(real(metadata)).and_then(|(home, metadata)| {
        metadata.strip_prefix(home).ok().and_then(|path| path.to_str().map(str::to_owned))
    });
    inside.filter(|path| !path.is_empty())
}

/// What is to be done with a ceremony file that was written, and starts from this metadata.
pub(super) fn next(file: &Path, metadata: Option<&Path>) -> Vec<String> {
    let shown = plain(&file.display().to_string());
    let elsewhere = metadata.filter(|metadata| below(metadata, Some(file)).is_none()).map(|metadata| {
        let (metadata, home) =
            (plain(&metadata.display().to_string()), file.parent().unwrap_or(Path::new("")));
        let copy = plain(&home.join(COPY).display().to_string());
        format!("It starts from a copy of {metadata}, which is not there yet: lay it to {copy}")
    });
    let written = format!("{shown} written; correct what is marked EDIT, then `keyrite check {shown}`");
    [written].into_iter().chain(elsewhere).collect()
}
