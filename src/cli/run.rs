//! `keyrite run` and `keyrite resume`: perform a ceremony, or go on with one.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Front;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::plain;
use crate::cli::plain::Voice;
use crate::cli::prompt::Terminal;
use crate::driver::Clock;
use crate::driver::Driver;
use crate::driver::Fault;
use crate::driver::Options;
use crate::keystore::hygiene;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  keyrite run ceremony.yaml\n  keyrite run ceremony.yaml --rehearse --record rehearsal-1\n  keyrite run ceremony.yaml --rehearse --fault wrong-pin --fault power-cut\n\nExit codes:\n  0  the ceremony is closed\n  1  the plan is refused\n  2  a file cannot be read\n  3  stopped by the people; `keyrite resume` goes on\n  4  the machine is not fit, or this is not the time\n  5  a key store or token failed\n  6  something recorded or signed was changed"
)]
pub struct Args {
    /// The ceremony file
    file: PathBuf,
    /// The record directory, new or empty [default: the ceremony's id]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Rehearse: the same file with simulated tokens; everything it makes is watermarked and refused elsewhere
    #[arg(long)]
    rehearse: bool,
    /// What goes wrong in the rehearsal, once, at the first step where it can: wrong-pin, pulled-token, lost-drive,
    /// absent-custodian, power-cut, full-disk, clock-back; may be given several times
    #[arg(long, value_name = "FAULT", requires = "rehearse", value_parser = fault)]
    fault: Vec<Fault>,
    #[command(flatten)]
    how: How,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite resume 2026-12-root-genesis\n\nExit codes:\n  0  the ceremony is closed\n  2  a file cannot be read\n  3  stopped by the people; `keyrite resume` goes on\n  4  the machine is not fit, or this is not the time\n  5  a key store or token failed\n  6  something recorded or signed was changed"
)]
pub struct ResumeArgs {
    /// The record directory
    dir: PathBuf,
    /// What else goes wrong in a rehearsal, as with `run`
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    fault: Vec<Fault>,
    #[command(flatten)]
    how: How,
}

/// How people are asked.
#[derive(Debug, clap::Args)]
struct How {
    /// Line by line instead of the full screen: for screen readers, logs, and answers files
    #[arg(long)]
    plain: bool,
    /// A file that answers instead of people; the journal records its SHA-256
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// Runs `run`.
pub fn run(args: Args, front: &Front, out: &mut Output) -> Result<(), Failure> {
    let (options, answers) = options(&args.how)?;
    let mode = if args.rehearse { Mode::Rehearsal } else { Mode::Production };
    let voice = voice(args.how.plain || out.json, answers)?;
    let driver = Driver::start(&args.file, args.record.as_deref(), mode, options)?.with_faults(args.fault);
    go(driver, voice, front, out)
}

fn fault(name: &str) -> Result<Fault, String> {
    let names = Fault::ALL.map(|(name, _)| name).join(", ");
    Fault::named(name).ok_or_else(|| format!("the faults are {names}"))
}

/// Runs `resume`.
pub fn resume(args: ResumeArgs, front: &Front, out: &mut Output) -> Result<(), Failure> {
    let (options, answers) = options(&args.how)?;
    let voice = voice(args.how.plain || out.json, answers)?;
    let driver = Driver::resume(&args.dir, options)?;
    if !args.fault.is_empty() && driver.ceremony().mode() == Mode::Production {
        let error = "this is no rehearsal, and nothing goes wrong in it by choice";
        return Err(Failure::new(Exit::Input, error, "leave out --fault"));
    }
    let driver = driver.with_faults(args.fault);
    go(driver, voice, front, out)
}

fn go(mut driver: Driver, voice: Option<Voice>, front: &Front, out: &mut Output) -> Result<(), Failure> {
    driver.confine();
    match voice {
        Some(voice) => plain::run(driver, voice, out),
        None => (front.ceremony)(driver).map_err(Failure::from),
    }
}

fn options(how: &How) -> Result<(Options, Option<Answers>), Failure> {
    let answers = how.answers.as_deref().map(Answers::read).transpose()?;
    let clock = answers.as_ref().and_then(Answers::clock).map_or(Clock::Machine, Clock::Agreed);
    let sha256 = answers.as_ref().map(|answers| answers.sha256().to_owned());
    Ok((start_options(clock, sha256), answers))
}

/// How this process was started, with its own hygiene done.
pub fn start_options(clock: Clock, answers: Option<String>) -> Options {
    Options {
        clock,
        answers,
        default_module: std::env::var_os("KEYRITE_PKCS11_MODULE").map(PathBuf::from),
        program: std::env::current_exe().unwrap_or_default(),
        hygiene: hygiene::protect_process(),
    }
}

/// Line by line with people or a file; `None` for the full screen.
fn voice(plain: bool, answers: Option<Answers>) -> Result<Option<Voice>, Failure> {
    if let Some(answers) = answers {
        return Ok(Some(Voice::Answers(answers)));
    }
    if !plain && std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let no_terminal = |_| {
        let error = "there is no terminal to ask people at, and no answers file; nothing was begun";
        Failure::new(
            Exit::Input,
            error,
            "run it in a terminal, or give --answers FILE for a rehearsal or a test",
        )
    };
    Terminal::open().map(Voice::Terminal).map(Some).map_err(no_terminal)
}
