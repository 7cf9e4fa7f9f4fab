//! `keyrite new`: a commented ceremony file to start from.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::driver::Clock;
use crate::plan::Kind;
use crate::plan::template::template;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  keyrite new root-genesis --out ceremony.yaml")]
pub struct Args {
    /// The type of ceremony
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let now = Clock::Machine.now().to_string();
    let year = now.get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026);
    let Some(text) = template(&args.kind, year) else {
        let error = format!("{:?} is not a type of ceremony that this version performs", args.kind);
        return Err(Failure::new(Exit::Input, error, format!("it performs {}", Kind::names())));
    };
    let Some(path) = args.out else {
        out.line(text.trim_end());
        return Ok(());
    };
    crate::driver::create_file(&path, text.as_bytes()).map_err(|error| {
        let hint = "name a file that does not exist, in a directory that can be written";
        Failure::new(Exit::Input, format!("{}: {error}; nothing was written", path.display()), hint)
    })?;
    out.line(format!("{} written; edit it, then `keyrite check {}`", path.display(), path.display()));
    Ok(())
}
