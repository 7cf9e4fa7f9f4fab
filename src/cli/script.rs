//! `keyrite script`: the script of a ceremony for paper, from the same plan as `check`.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::check;
use crate::driver::Clock;
use crate::paper;
use crate::paper::html;
use crate::tuf::Date;
use crate::words::Digest;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite script ceremony.yaml --out script.html\n\nExit codes:\n  0  written\n  1  the plan is refused\n  2  it is no ceremony file or cannot be read, or the script is there already"
)]
pub struct Args {
    /// The ceremony file
    file: PathBuf,
    /// Where to write the page; standard output otherwise
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Judge dates as of this time instead of the machine's clock, as in 2026-12-03T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,
}

/// A page that was written, and of what.
#[derive(Serialize)]
pub(super) struct Written {
    /// The file; none where it went to standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) out: Option<PathBuf>,
    /// SHA-256 of the page.
    pub(super) sha256: String,
    /// SHA-256 of the ceremony file.
    pub(super) plan: String,
    /// The head of the journal that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    /// The page itself, where no file was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let plan = check::prove(&args.file, args.at.unwrap_or(Clock::Machine.now()))?;
    let page = html::page(&paper::script(&plan));
    deliver(page, plan.digest, None, args.out, out)
}

/// Writes a page to its file, which must not exist, or to standard output.
pub(super) fn deliver(
    page: String,
    plan: Digest,
    head: Option<Digest>,
    path: Option<PathBuf>,
    out: &mut Output,
) -> Result<(), Failure> {
    let sha256 = Digest::of(page.as_bytes()).hex();
    if let Some(path) = &path {
        apart::write_new(path, page.as_bytes())?;
        out.line(format!("{} written, SHA-256 {sha256}; open it in a browser, and print it", path.display()));
    } else if !out.json {
        out.line(page.trim_end());
        return Ok(());
    }
    let html = path.is_none().then_some(page);
    out.document(&Written { out: path, sha256, plan: plan.hex(), head: head.map(|head| head.hex()), html })
}
