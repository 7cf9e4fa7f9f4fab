//! `keyrite new`: a commented ceremony file to start from.

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::assess::Assessment;
use crate::assess::Question;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::assess;
use crate::cli::existing;
use crate::cli::existing::Existing;
use crate::cli::show::plain;
use crate::draft;
use crate::draft::Gone;
use crate::driver::Clock;
use crate::plan::Kind;
use crate::plan::template::root_genesis;

const EXAMPLE: &str = "Example:
  keyrite new root-genesis --out ceremony.yaml
  keyrite new root-renewal --from record --out renewal.yaml
  keyrite new targets-signing --from metadata --role dev --out release.yaml

Types: root-genesis; and from metadata that exists, with --from: root-renewal, key-rotation, compromise-response, \
delegation-change, targets-signing, restore-drill, destruction. From the record of a ceremony it knows names, people and stores; what it cannot \
know is marked EDIT. `keyrite assess DIR --stolen KEY --repair FILE` writes a compromise-response that fits.

Exit codes:
  0  written
  2  there is no such type, the metadata does not fit it or cannot be read, or FILE is there. Nothing was written";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The type of ceremony
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Fill it from this metadata directory, bundle, or record of an earlier ceremony
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// For targets-signing: the role whose target files change, or the prefix of its bins [default: targets]
    #[arg(long, value_name = "NAME", requires = "from")]
    role: Option<String>,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let kind = Kind::named(&args.kind).ok_or_else(|| {
        let error = format!("{:?} is not a type of ceremony; nothing was written", args.kind);
        Failure::new(Exit::Input, error, format!("the types are {}", Kind::names()))
    })?;
    let (mut rehearsal, mut proposed) = (false, None);
    let (text, metadata) = match (kind, &args.from) {
        (Kind::RootGenesis, None) => (genesis(), None),
        (Kind::RootGenesis, Some(_)) => {
            let error = "a root-genesis starts from nothing; nothing was written";
            return Err(Failure::new(Exit::Input, error, "leave out --from, or name another type"));
        }
        (_, None) => {
            let error = format!(
                "a {} starts from metadata that exists, and none was named; nothing was written",
                kind.name()
            );
            let hint = "add --from with its directory, a bundle, or a record";
            return Err(Failure::new(Exit::Input, error, hint));
        }
        (_, Some(from)) => {
            let existing = existing::open(from)?;
            (rehearsal, proposed) = (existing.repository.is_rehearsal(), existing.repository.proposed());
            (later(kind, &existing, args.role.as_deref(), args.out.as_deref())?, Some(existing.metadata))
        }
    };
    let Some(path) = args.out else {
        if out.json {
            return out.document(&json!({"type": kind.name(), "text": text}));
        }
        out.line(text.trim_end());
        return Ok(());
    };
    apart::write_new(&path, text.as_bytes())?;
    existing::told_first(rehearsal, proposed).for_each(|line| out.line(line));
    assess::next(&path, metadata.as_deref()).into_iter().for_each(|line| out.line(line));
    out.document(&json!({"type": kind.name(), "written": path.display().to_string()}))
}

/// The same, asked for on the home screen.
pub(super) fn for_home(kind: Kind, role: Option<&str>, from: &Path, out: &Path) -> Result<(), String> {
    let text = existing::open(from).and_then(|existing| later(kind, &existing, role, Some(out)));
    text.and_then(|text| apart::write_new(out, text.as_bytes()))
        .map_err(|failure| format!("{}. {}", failure.error, failure.hint))
}

fn later(kind: Kind, existing: &Existing, role: Option<&str>, out: Option<&Path>) -> Result<String, Failure> {
    let assessment = (kind == Kind::CompromiseResponse).then(|| example(existing)).flatten();
    let gone = assessment.as_ref().map(Gone::Example);
    drafted(kind, existing, gone, role, out)
}

fn genesis() -> String {
    let now = Clock::Machine.now().to_string();
    root_genesis(now.get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026))
}

/// Nobody said which key is lost: the first root key that can be spared stands in, to be corrected.
fn example(existing: &Existing) -> Option<Assessment> {
    let at = Clock::Machine.now();
    let lost = |key: usize| Question { lost: [key].into(), stolen: [].into(), at };
    let keys = (0..existing.model.keys.list.len()).map(|key| existing.model.assess(&lost(key)));
    let mut keys =
        keys.take(16).filter(|assessment| assessment.roles.first().is_some_and(|root| root.touched()));
    keys.find(Assessment::is_repairable)
}

/// The text of a ceremony file that is written to `out`.
pub(super) fn drafted(
    kind: Kind,
    existing: &Existing,
    gone: Option<Gone<'_>>,
    role: Option<&str>,
    out: Option<&Path>,
) -> Result<String, Failure> {
    let metadata = assess::metadata_path(&existing.metadata, out);
    let request = draft::Request {
        kind,
        repository: &existing.repository,
        model: &existing.model,
        gone,
        role,
        known: &existing.known,
        metadata: &metadata,
        now: Clock::Machine.now(),
    };
    draft::draft(&request).map_err(|refusal| {
        let error = format!("{}; nothing was written", plain(&refusal.to_string()));
        let hint = match kind {
            Kind::CompromiseResponse => "name them: `keyrite assess DIR --stolen KEY --repair FILE`",
            _ if role.is_some() => {
                "--role goes with targets-signing, and names a role as `keyrite inspect DIR` shows it"
            }
            _ => "write this part of the file by hand",
        };
        Failure::new(Exit::Input, error, hint)
    })
}
