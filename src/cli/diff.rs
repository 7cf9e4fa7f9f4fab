//! `keyrite diff`: what changes from one state of metadata to another, in names and consequences. It judges no trust.

pub(in crate::cli) mod pairs;
mod show;

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::tuf::diff::Section;

const EXAMPLE: &str = "Example:
  keyrite diff 1.root.json 2.root.json
  keyrite diff published/metadata record/metadata
  keyrite diff 1.root.json 2.root.json --names record/keys/names.json --json
  keyrite diff root-2.request

Two files of one role, or two directories: there the newest file of each role is taken, by its name, and the roots \
between are walked as clients walk them. Keys are told apart by their material, and are called what names.json beside \
the metadata calls them. A request for signatures stands for what it asks to sign; alone, it is compared with the version \
before it that came with it. The lines at the end are the ones that expect_diff in a ceremony file takes. It says what \
differs and not whom to trust: `keyrite verify` does.

Exit codes:
  0  no difference
  1  a difference
  2  an input cannot be read, or the two cannot be compared";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A metadata file or a request, or a directory of metadata, a bundle or a record
    old: PathBuf,

    /// The same, as it shall become; not needed after a request that has the version before it
    new: Option<PathBuf>,

    /// What keys are called, as a record's keys/names.json has it [default: those beside OLD, then NEW]
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
}

/// What was compared.
#[derive(Default)]
struct Compared {
    /// The files of each role that differ, and the difference.
    sections: Vec<(Files, Section)>,
    /// Files of roles that only one side has.
    only_old: Vec<String>,
    only_new: Vec<String>,
    /// Roles whose newest files are alike.
    same: usize,
}

/// The names of the two files.
#[derive(Serialize)]
struct Files {
    old: String,
    new: String,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    different: bool,
    lines: Vec<&'a str>,
    sections: Vec<Part<'a>>,
    only_old: &'a [String],
    only_new: &'a [String],
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    files: &'a Files,
    #[serde(flatten)]
    section: &'a Section,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let compared = pairs::compare(&args)?;
    let different =
        !(compared.sections.is_empty() && compared.only_old.is_empty() && compared.only_new.is_empty());
    show::people(&compared, out);
    out.document(&Document {
        different,
        lines: compared.sections.iter().flat_map(|(_, section)| section.lines()).collect(),
        sections: compared.sections.iter().map(|(files, section)| Part { files, section }).collect(),
        only_old: &compared.only_old,
        only_new: &compared.only_new,
    })?;
    match different {
        true => Err(Failure::new(Exit::No, "", "")),
        false => Ok(()),
    }
}

/// A failure to read or compare.
fn unread(name: &str, why: &str, hint: &str) -> Failure {
    Failure::new(Exit::Input, format!("{}: {}", plain(name), plain(why)), hint)
}
