//! `keyrite import`: takes an existing repository over, without re-serialising a byte.

mod ask;
mod show;

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::bundle;
use crate::bundle::Adopted;
use crate::bundle::write::WriteError;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::cli::verify::now;
use crate::driver::before;
use crate::tuf::Date;
use crate::tuf::Repository;
use crate::tuf::client;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::repository::RoleFile;
use crate::words::Digest;

const EXAMPLE: &str = "Example:
  keyrite import tuf-repo --out adopted
  keyrite import published/metadata --out adopted --holders holders.yaml
  keyrite import tuf-repo --out adopted --ask no --json

PATH is a repository of any tool: a directory of metadata, or one with metadata/ or repository/ in it; roots in \
root_history/ are found. Every metadata file is copied byte for byte to OUT/metadata, under the name that clients ask for:
root.json under its number and, with consistent_snapshot, snapshot.json, targets.json and ROLE.json under theirs. Who \
holds which key is asked and stored in OUT/names.json, beside the metadata and not in it. FILE of --holders, in YAML or \
JSON: {KEYID: {name: ana, holder: \"Ana Duarte\"}}; the beginning of a keyid is enough.

Exit codes:
  0  adopted, and the chain of roots holds from the lowest one
  1  adopted, but the chain of roots does not hold: it says where
  2  PATH cannot be read, or has a private key, a link or JSON that is no metadata among its files
     (folders are left out and not looked into); or OUT is there. Nothing was written
  3  stopped at a question. Nothing was written";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The repository
    path: PathBuf,

    /// The directory to make; it may not be there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// What keys are called and who holds them, instead of asking
    #[arg(long, value_name = "FILE")]
    holders: Option<PathBuf>,

    /// Whether to ask what is not known; with no, keys are called by their owner in the metadata or by their keyid
    #[arg(long, value_enum, default_value = "yes")]
    ask: Ask,

    /// The time to which days are counted, YYYY-MM-DDTHH:MM:SSZ [default: now]
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Ask {
    Yes,
    No,
}

/// The chain of roots from the lowest one, at a time when the newest had not expired.
#[derive(Debug)]
struct Chain {
    why_not: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let unread = |why: String| {
        let error =
            format!("{}: {}; nothing was written", plain(&args.path.display().to_string()), plain(&why));
        Failure::new(Exit::Input, error, "give a repository: its directory of metadata, or the one above it")
    };
    if args.out.symlink_metadata().is_ok() {
        return Err(written(&WriteError::Exists(args.out.clone())));
    }
    let adopted = bundle::adopt(&args.path).map_err(|refused| unread(refused.to_string()))?;
    let repository = Repository::read(&adopted).map_err(|why| unread(why.to_string()))?;
    if repository.is_rehearsal() {
        let error = format!(
            "{}: a rehearsal made this, and nobody may trust it; nothing was written",
            plain(&args.path.display().to_string())
        );
        let hint = "adopt what a ceremony made on the day; `keyrite new TYPE --from DIR` rehearses what comes after a rehearsal";
        return Err(Failure::new(Exit::No, error, hint));
    }
    let chain = chain(&adopted, &repository);
    let at = args.at.unwrap_or_else(now);
    let keys = ask::keys(&repository);
    let said = args.holders.as_deref().map(|path| ask::said(path, &keys)).transpose()?.unwrap_or_default();
    show::people(&repository, &keys, &said, &adopted, &chain, at, out);
    let names = ask::names(keys, &said, args.ask == Ask::Yes)?;
    let mut files: Vec<bundle::File> = adopted
        .files
        .iter()
        .map(|(name, bytes)| (format!("metadata/{name}"), bytes.clone().into()))
        .collect();
    let count = files.len();
    files.push(("names.json".to_owned(), ask::file(&names)?.into()));
    bundle::write(&files, &args.out).map_err(|error| written(&error))?;
    let Some(newest) = repository.roots.last() else { return Err(unread("no root".to_owned())) };
    let starts = before::starts_from(&args.out.join("metadata"));
    done(&args.out, count, newest, chain.why_not.is_none(), &starts, out);
    out.document(&json!({
        "adopted": true, "files": count, "left_out": adopted.left_out, "named": adopted.named,
        "starts": {"holds": starts.is_ok(), "why_not": starts.err()},
        "chain": {"holds": chain.why_not.is_none(), "why_not": chain.why_not},
        "before": {"metadata": args.out.join("metadata"), "root_sha256": Digest::of(&newest.bytes).hex()},
        "roles": show::roles(&repository, at), "names": ask::json(&names),
    }))?;
    match chain.why_not {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Exit::No,
            "the chain of roots does not hold; the files are adopted as they lie",
            "see keyrite lint for what clients make of it",
        )),
    }
}

fn chain(adopted: &Adopted, repository: &Repository) -> Chain {
    let Some(lowest) = repository.roots.first() else {
        return Chain { why_not: Some("there is no root".into()) };
    };
    // Not the question here: whether a root has expired is said beside it.
    let at = Date::from_unix(repository.root.expires.unix().saturating_sub(1));
    let request = Request { pinned: &lowest.bytes, at, scope: Scope::Root, allow_rehearsal: true };
    Chain { why_not: client::verify(adopted, &request).err().map(|refused| refused.to_string()) }
}

fn written(error: &WriteError) -> Failure {
    Failure::new(Exit::Input, plain(&error.to_string()), "give a directory that is not there")
}

fn done(
    to: &Path,
    count: usize,
    newest: &RoleFile,
    holds: bool,
    starts: &Result<(), String>,
    out: &mut Output,
) {
    let to = plain(&to.display().to_string());
    out.line("");
    out.line(format!("adopted: {count} files in {to}/metadata, none changed; names in {to}/names.json"));
    out.line("in a ceremony file:");
    out.line("  trust:");
    let sha256 = Digest::of(&newest.bytes).hex();
    out.line(format!("    before: {{metadata: {to}/metadata, root_sha256: \"{sha256}\"}}"));
    if let (true, Err(why)) = (holds, starts) {
        out.line(format!(
            "No ceremony can start from it as it lies, for it does not verify: {} (BEFORE-VERIFIES). Take what is published \
             again; `keyrite lint {to}` says more.",
            plain(why)
        ));
    } else if holds {
        out.line(format!("next: keyrite new root-renewal --from {to}"));
    }
}
