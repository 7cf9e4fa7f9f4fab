//! `keyrite lint`: what known clients would say of a repository, and why. It judges no trust; `verify` does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::bundle::Dir;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::cli::verify::now;
use crate::driver::disk;
use crate::lint;
use crate::lint::Finding;
use crate::lint::OneFile;
use crate::lint::Options;
use crate::lint::Profile;
use crate::lint::Report;
use crate::lint::Severity;
use crate::tuf::Date;
use crate::tuf::client::MAX_TARGETS;
use crate::words::counted;

const EXAMPLE: &str = "Example:
  keyrite lint published/metadata
  keyrite lint 5.root.json --profile strict
  keyrite lint bundle --at 2026-12-03T09:00:00Z --json

PATH is a metadata file, or a directory of metadata: a repository or a bundle. Each finding says which of python-tuf 7, \
go-tuf v2, tough 0.24 and tuf-js 4 refuse it, and in which words; tried means that the client was run on such a file, \
read that its source says so. docs/lint.md lists all rules. It checks no trust: `keyrite verify` does.

Exit codes:
  0  no errors; there may be warnings and notes
  1  errors: a client refuses it or can be attacked; with --profile strict also what we would never write
  2  PATH cannot be read";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A metadata file, or a directory of metadata or bundle
    #[arg(required_unless_present = "rules")]
    path: Option<PathBuf>,

    /// What counts as an error
    #[arg(long, value_enum, default_value = "compatible")]
    profile: ProfileArg,

    /// The time at which nothing may be expired, YYYY-MM-DDTHH:MM:SSZ [default: now]
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,

    /// Print all rules as documentation, instead of looking at anything
    #[arg(long, conflicts_with = "path")]
    rules: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ProfileArg {
    /// What at least one of the four clients refuses or is attacked by
    Compatible,
    /// That, and everything that we would never write
    Strict,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let Some(path) = args.path.filter(|_| !args.rules) else {
        if !out.json {
            out.bytes(lint::document().as_bytes());
        }
        return out.document(&lint::rules().collect::<Vec<_>>());
    };
    let profile = match args.profile {
        ProfileArg::Compatible => Profile::Compatible,
        ProfileArg::Strict => Profile::Strict,
    };
    let options = Options { at: args.at.unwrap_or_else(now), profile };
    let report = look(&path, &options).map_err(|why| {
        let error = format!("{}: {}", plain(&path.display().to_string()), plain(&why));
        Failure::new(Exit::Input, error, "give a metadata file, or a directory of metadata")
    })?;
    show(&report, profile, out);
    out.document(&document(&report, &options))?;
    match count(&report, profile, Severity::Error) {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::No, "", "")),
    }
}

fn look(path: &Path, options: &Options) -> Result<Report, String> {
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    let report = match meta.is_dir() {
        true => lint::lint(&Dir::open(path)?, options)?,
        false => lint::lint(&one_file(path)?, options)?,
    };
    match report.checked.is_empty() && report.findings.is_empty() {
        true => Err("no metadata in it".to_owned()),
        false => Ok(report),
    }
}

fn one_file(path: &Path) -> Result<OneFile, String> {
    let bytes = disk::read(path, MAX_TARGETS).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(OneFile { name, bytes })
}

fn count(report: &Report, profile: Profile, severity: Severity) -> usize {
    report.findings.iter().filter(|finding| finding.severity(profile) == severity).count()
}

/// One rule once, with every place where it is broken.
fn show(report: &Report, profile: Profile, out: &mut Output) {
    let mut order: Vec<&str> = Vec::new();
    let mut places: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        let of = places.entry(finding.rule.name).or_default();
        if of.is_empty() {
            order.push(finding.rule.name);
        }
        of.push(finding);
    }
    for findings in order.iter().filter_map(|name| places.get(name)) {
        let Some(rule) = findings.first().map(|finding| finding.rule) else { continue };
        out.line(format!("{} {}: {}", rule.severity(profile).name(), rule.name, rule.what));
        for finding in findings {
            let space = |text: &str| if text.is_empty() { String::new() } else { format!(" {text}") };
            let colon = if finding.detail.is_empty() { "" } else { ":" };
            let place = format!("{}{}{colon}{}", finding.file, space(&finding.at), space(&finding.detail));
            out.line(format!("  {}", plain(&place)));
        }
        for says in rule.clients {
            out.line(format!("  - {says}"));
        }
        out.line(format!("  why: {}", rule.why));
        out.line(format!("  do: {}", rule.fix));
        out.line("");
    }
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| counted(count(report, profile, severity), severity.name()));
    let followed = match report.followed.len() {
        0 => String::new(),
        many => format!(", {} left out", counted(many, "older file")),
    };
    out.line(format!("{} in {}{followed}", counts.join(", "), counted(report.checked.len(), "file")));
}

fn document(report: &Report, options: &Options) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "rule": finding.rule.name, "severity": finding.severity(options.profile), "file": finding.file,
            "at": finding.at, "detail": finding.detail, "what": finding.rule.what,
            "clients": finding.rule.clients, "why": finding.rule.why, "fix": finding.rule.fix,
        })
    };
    json!({
        "profile": options.profile, "at": options.at,
        "errors": count(report, options.profile, Severity::Error),
        "warnings": count(report, options.profile, Severity::Warning),
        "notes": count(report, options.profile, Severity::Note),
        "checked": report.checked, "followed": report.followed,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
