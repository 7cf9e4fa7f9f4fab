//! `keyrite record`: the record of a ceremony for paper, from its journal, which is verified first.

use std::path::PathBuf;

use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::journal::replayed;
use crate::cli::script::deliver;
use crate::paper;
use crate::paper::html;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite record 2026-12-root-genesis --out record.html\n\nExit codes:\n  0  written\n  2  the record cannot be read, or the page is there already\n  6  something in the record was changed"
)]
pub struct Args {
    /// The record directory
    dir: PathBuf,
    /// Where to write the page; standard output otherwise
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let (journal, ceremony) = replayed(&args.dir)?;
    let page = html::page(&paper::record(&journal, &ceremony));
    deliver(page, ceremony.plan().digest, Some(journal.head()), args.out, out)
}
