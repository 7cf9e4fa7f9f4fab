//! `keyrite diff`: what changes from one state of metadata to another, in names and consequences. It judges no trust.

mod pairs;
mod show;

use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::tuf::diff::Section;

const EXAMPLE: &str = "Example:
  keyrite diff 1.root.json 2.root.json
  keyrite diff published/metadata record/metadata
  keyrite diff 1.root.json 2.root.json --names record/keys/names.json --json

Two files of one role, or two directories: there the newest file of each role is taken, by its name, and the roots
between are walked as clients walk them. Keys are told apart by their material, and are called what names.json beside
the metadata calls them. The lines at the end are the ones that expect_diff in a ceremony file takes. It says what
differs and not whom to trust: `keyrite verify` does.

Exit codes:
  0  no difference
  1  a difference
  2  an input cannot be read, or the two cannot be compared";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A metadata file, or a directory of metadata, a bundle or a record
    old: PathBuf,

    /// The same, as it shall become
    new: PathBuf,

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
    /// What people should know besides.
    remarks: Vec<String>,
}

/// The names of the two files.
struct Files {
    old: String,
    new: String,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let compared = pairs::compare(&args)?;
    let different =
        !(compared.sections.is_empty() && compared.only_old.is_empty() && compared.only_new.is_empty());
    show::people(&compared, out);
    let sections = compared.sections.iter().map(|(files, section)| {
        json!({"role": section.role, "old": files.old, "new": files.new, "changes": section.changes,
            "consequences": section.consequences, "reach": section.reach})
    });
    let sections: Vec<serde_json::Value> = sections.collect();
    let lines: Vec<&str> = compared.sections.iter().flat_map(|(_, section)| section.lines()).collect();
    out.document(&json!({
        "different": different, "lines": lines, "sections": sections,
        "only_old": compared.only_old, "only_new": compared.only_new, "remarks": compared.remarks,
    }))?;
    match different {
        true => Err(Failure::new(Exit::No, "", "")),
        false => Ok(()),
    }
}

/// A failure to read or compare.
fn unread(name: &str, why: &str, hint: &str) -> Failure {
    Failure::new(Exit::Input, format!("{}: {}", plain(name), plain(why)), hint)
}
