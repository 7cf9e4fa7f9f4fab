//! The command line: one file a command, each `Args` and `run(Args, &mut Output) -> Result<(), Failure>`.

pub mod answers;
mod apart;
pub mod assess;
mod by_file;
pub mod check;
mod deferred;
mod dice;
pub mod diff;
mod existing;
mod film;
pub mod import;
pub mod inspect;
pub mod journal;
pub mod key;
pub mod lint;
pub mod merge;
pub mod new;
pub mod output;
pub mod packaging;
pub mod plain;
pub mod prompt;
pub mod record;
pub mod request;
pub mod run;
pub mod script;
mod secret;
mod share;
pub mod show;
pub mod sign;
pub mod status;
pub mod token;
pub mod verify;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::Subcommand;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::driver::Clock;
use crate::driver::Driver;
use crate::driver::Options;
use crate::driver::Stop;

pub use output::Exit;
pub use output::Failure;
pub use output::Output;

use crate::cli::deferred::Deferred;
use crate::keystore::pkcs11;
use crate::plan::Kind;

const AFTER_HELP: &str = "Example:
  keyrite run ceremonies/quickstart/ceremony.yaml --rehearse

Exit codes:
  0  done, and it holds
  1  the answer is no: not verified, threshold not met, plan refused, lint errors
  2  the command line is wrong, or an input cannot be read or parsed
  3  stopped by the people; `keyrite resume` goes on
  4  the machine is not fit (pre-flight)
  5  a key store or token failed
  6  integrity: something recorded or signed was changed";

/// Takes a group of people through a key ceremony, offline, from one reviewed file.
#[derive(Debug, Parser)]
#[command(name = "keyrite", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// Put exactly one JSON document on standard output, and people's text on standard error
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what follows when keys are lost or stolen, and write the ceremony that repairs it
    Assess(Deferred<assess::Args>),
    /// Prove a ceremony file without any key or device, and print its script
    Check(Deferred<check::Args>),
    /// Print shell completions
    Completions(Deferred<packaging::Completions>),
    /// Say what changes from one state of metadata to another, in names and consequences
    Diff(Deferred<diff::Args>),
    /// Take over an existing repository, byte for byte, and ask who holds which key
    Import(Deferred<import::Args>),
    /// Say in plain words what a file is
    Inspect(Deferred<inspect::Args>),
    /// Check, print, or show the head of a record's journal
    Journal(Deferred<journal::Args>),
    /// Make, show or re-encrypt one key, outside a ceremony
    Key(Deferred<key::Args>),
    /// Say what known clients would make of metadata, and why
    Lint(Deferred<lint::Args>),
    /// Write the manual pages
    Man(Deferred<packaging::Man>),
    /// Add signatures that were made elsewhere, each verified as it comes in
    Merge(Deferred<merge::Args>),
    /// Write a commented ceremony file to start from
    New(Deferred<new::Args>),
    /// Write the record of a ceremony for paper, from its journal
    Record(Deferred<record::Args>),
    /// Write the file from which people elsewhere sign metadata
    Request(Deferred<request::Args>),
    /// Go on with a ceremony after a stop or a crash
    Resume(Deferred<run::ResumeArgs>),
    /// Perform a ceremony
    Run(Deferred<run::Args>),
    /// Write the script of a ceremony for paper
    Script(Deferred<script::Args>),
    /// Read a request, and answer it with one signature
    Sign(Deferred<sign::Args>),
    /// Say what must be signed next, by whom and by when, over many repositories
    Status(Deferred<status::Args>),
    /// Show what is plugged in
    Token(Deferred<token::Args>),
    /// Verify a directory or bundle as a strict TUF client, from a pinned root
    Verify(Deferred<verify::Args>),
}

/// The full-screen front end, which this one does not know: `main` hands it over.
pub struct Front {
    /// Takes a ceremony to its end, or to where it stops.
    pub ceremony: fn(Driver) -> Result<(), Stop>,
    /// What `keyrite` shows without a command.
    pub home: fn(Options, WriteDraft) -> Result<(), Stop>,
}

/// Writes a new ceremony file of a type, from metadata, or says why not: the one thing that home does to the disk.
pub type WriteDraft = fn(Kind, Option<&str>, &Path, &Path) -> Result<(), String>;

fn home(front: &Front) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() {
        let error = "there is no terminal to draw on, and no command was given";
        return Err(Failure::new(Exit::Input, error, "see `keyrite --help`"));
    }
    (front.home)(run::start_options(Clock::Machine, None), new::for_home).map_err(Failure::from)
}

/// A file that may not grow (`ulimit -f`) is a write that fails and is said, as on a full disk. Left alone, the signal
/// ends the program without a word. A flag is registered and not the signal ignored, for that would be inherited.
fn hear_file_limit() {
    // It fails for signals alone that no process can take.
    drop(flag::register(SIGXFSZ, Arc::default()));
}

/// What is wrong with the command line, for people or, where that was asked for, as a document; or the help that was asked for.
fn misspelt(wrong: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if !wrong.use_stderr() || !json {
        // Nothing can be done about a terminal that is gone.
        drop(wrong.print());
        return ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(Exit::Input as u8));
    }
    let text = wrong.render().to_string();
    let error = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::new(Exit::Input, format!("{error}; nothing was done"), "see `keyrite --help`");
    ended(Output::standard(true), Err(failure))
}

fn ended(mut out: Output, result: Result<(), Failure>) -> ExitCode {
    match out.end(result) {
        Ok(()) => ExitCode::from(Exit::Done as u8),
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Parses the arguments, runs the command, prints a failure, and returns its exit code.
pub fn main(front: &Front) -> ExitCode {
    hear_file_limit();
    // Hidden: this program started again by itself, to try a PKCS#11 module in a process that may crash.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == pkcs11::PROBE_ARGUMENT) {
        let path = arguments.next().unwrap_or_default();
        return ExitCode::from(u8::from(pkcs11::probe_child(path.as_ref()) != 0));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wrong) => return misspelt(&wrong),
    };
    let mut out = Output::standard(cli.json);
    let result = match cli.command {
        Some(Command::Assess(Deferred(args))) => assess::run(args, &mut out),
        Some(Command::Check(Deferred(args))) => check::run(args, &mut out),
        Some(Command::Completions(Deferred(args))) => packaging::completions(&args, &mut out),
        Some(Command::Diff(Deferred(args))) => diff::run(args, &mut out),
        Some(Command::Import(Deferred(args))) => import::run(args, &mut out),
        Some(Command::Inspect(Deferred(args))) => inspect::run(args, &mut out),
        Some(Command::Journal(Deferred(args))) => journal::run(args, &mut out),
        Some(Command::Key(Deferred(args))) => key::run(args, &mut out),
        Some(Command::Lint(Deferred(args))) => lint::run(args, &mut out),
        Some(Command::Man(Deferred(args))) => packaging::man(&args, &mut out),
        Some(Command::Merge(Deferred(args))) => merge::run(args, &mut out),
        Some(Command::New(Deferred(args))) => new::run(args, &mut out),
        Some(Command::Record(Deferred(args))) => record::run(args, &mut out),
        Some(Command::Request(Deferred(args))) => request::run(args, &mut out),
        Some(Command::Resume(Deferred(args))) => run::resume(args, front, &mut out),
        Some(Command::Run(Deferred(args))) => run::run(args, front, &mut out),
        Some(Command::Script(Deferred(args))) => script::run(args, &mut out),
        Some(Command::Sign(Deferred(args))) => sign::run(args, &mut out),
        Some(Command::Status(Deferred(args))) => status::run(args, &mut out),
        Some(Command::Token(Deferred(args))) => token::run(args, &mut out),
        Some(Command::Verify(Deferred(args))) => verify::run(args, &mut out),
        None => home(front),
    };
    ended(out, result)
}
