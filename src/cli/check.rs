//! `keyrite check`: proves a ceremony file without any key or device, and prints its script.

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::driver;
use crate::driver::Clock;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::consequences::consequences;
use crate::plan::print;
use crate::plan::reading::Judged;
use crate::tuf::Date;
use crate::tuf::diff::Section;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  keyrite check ceremony.yaml\n\nExit codes:\n  0  it holds; there may be remarks\n  1  it is refused\n  2  it is no ceremony file, or cannot be read"
)]
pub struct Args {
    /// The ceremony file
    file: PathBuf,
    /// Judge dates as of this time instead of the machine's clock, as in 2026-12-03T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,
}

#[derive(Serialize)]
struct Document<'a> {
    holds: bool,
    problems: &'a [Problem],
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Proven<'a>>,
}

#[derive(Serialize)]
struct Proven<'a> {
    id: String,
    sha256: String,
    steps: Vec<StepView>,
    minutes: u64,
    /// What changes from the metadata before, each line of it, as `diff --json` has it.
    changes: &'a [Section],
    /// Which roots that clients were shipped with reach the new one.
    shipped_anchors: Vec<String>,
    consequences: Vec<String>,
    outputs: Vec<String>,
}

#[derive(Serialize)]
struct StepView {
    id: String,
    r#do: &'static str,
    by: String,
    confirm: Vec<String>,
    instruction: String,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let (plan, problems) = judge(&args.file, args.at.unwrap_or(Clock::Machine.now()))?;
    let holds = plan.is_some() && problems.is_empty();
    let warnings = plan.as_ref().map(|plan| plan.warnings.clone()).unwrap_or_default();
    let all: Vec<_> = problems.iter().chain(&warnings).cloned().collect();
    out.document(&Document { holds, problems: &all, plan: plan.as_ref().filter(|_| holds).map(proven) })?;
    if !holds {
        let stop = driver::refused(&problems);
        return Err(Failure { error: said(&args.file, &problems), ..Failure::from(stop) });
    }
    if let (Some(plan), false) = (&plan, out.json) {
        for line in print::page(plan) {
            out.line(plain(&line));
        }
        out.line("");
        for warning in &plan.warnings {
            out.line(warning);
        }
        for accepted in &plan.accepted {
            out.line(format!("accepted in the file: {}", accepted.text));
        }
        out.line(format!("{} holds.", args.file.display()));
    }
    Ok(())
}

/// The plan of a file, where one can be made of it, and everything that is wrong.
fn judge(file: &Path, at: Date) -> Result<Judged, Failure> {
    let text = driver::read_plan(file)?;
    let base = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(driver::inputs::judge(&text, base, at))
}

/// The plan of a file that holds.
pub(super) fn prove(file: &Path, at: Date) -> Result<Plan, Failure> {
    match judge(file, at)? {
        (Some(plan), problems) if problems.is_empty() => Ok(plan),
        (_, problems) => {
            Err(Failure { error: said(file, &problems), ..Failure::from(driver::refused(&problems)) })
        }
    }
}

fn said(file: &Path, problems: &[Problem]) -> String {
    let count =
        if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) };
    let lines: Vec<_> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("{} is refused: {count}{}", file.display(), lines.concat())
}

fn proven(plan: &Plan) -> Proven<'_> {
    let step = |step: &crate::plan::Step| StepView {
        id: step.id.clone(),
        r#do: step.verb.name(),
        by: step.by.clone(),
        confirm: step.confirm.clone(),
        instruction: print::instruction(plan, step),
    };
    Proven {
        id: plan.id.clone(),
        sha256: plan.digest.hex(),
        steps: plan.steps.iter().map(step).collect(),
        minutes: plan.steps.iter().map(|step| step.est).sum(),
        changes: &plan.changes,
        shipped_anchors: plan.anchors.clone(),
        consequences: consequences(plan),
        outputs: print::outputs(plan),
    }
}
