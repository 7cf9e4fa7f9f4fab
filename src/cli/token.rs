//! `keyrite token`

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let _ = (args, out);
    Err(Failure::new(Exit::Input, "not built yet", ""))
}
