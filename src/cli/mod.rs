//! The command line: one file a command, each `Args` and `run(Args, &mut Output) -> Result<(), Failure>`.

pub mod inspect;
pub mod key;
pub mod output;
pub mod plain;
pub mod token;
pub mod verify;

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

pub use output::Exit;
pub use output::Failure;
pub use output::Output;

const EXIT_CODES: &str = "Exit codes:
  0  done, and it holds
  1  the answer is no: not verified, threshold not met, plan refused
  2  the command line is wrong, or an input cannot be read or parsed
  3  stopped by the people; `keyrite resume` goes on
  4  the machine is not fit (pre-flight)
  5  a key store or token failed
  6  integrity: something recorded or signed was changed";

/// Takes a group of people through a key ceremony, offline, from one reviewed file.
#[derive(Debug, Parser)]
#[command(name = "keyrite", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Put exactly one JSON document on standard output, and people's text on standard error
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say in plain words what a file is
    Inspect(inspect::Args),
    /// Make, show or re-encrypt one key, outside a ceremony
    Key(key::Args),
    /// Show what is plugged in
    Token(token::Args),
    /// Verify a directory or bundle as a strict TUF client, from a pinned root
    Verify(verify::Args),
}

/// Parses the arguments, runs the command, prints a failure, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = Output::standard(cli.json);
    let result = match cli.command {
        Some(Command::Inspect(args)) => inspect::run(args, &mut out),
        Some(Command::Key(args)) => key::run(args, &mut out),
        Some(Command::Token(args)) => token::run(args, &mut out),
        Some(Command::Verify(args)) => verify::run(args, &mut out),
        None => Err(Failure::new(Exit::Input, "no command", "see keyrite --help")),
    };
    match result {
        Ok(()) => ExitCode::from(Exit::Done as u8),
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}
