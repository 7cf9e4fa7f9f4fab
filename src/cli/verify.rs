//! `keyrite verify`: a strict TUF client over a directory or bundle, from a root that the caller trusts.

mod journal;

use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;
use serde_json::json;

use crate::bundle;
use crate::bundle::Checked;
use crate::bundle::Dir;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::show::plain;
use crate::cli::verify::journal::Beside;
use crate::driver::disk;
use crate::tuf::Date;
use crate::tuf::Metadata;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::Refused;
use crate::tuf::client::Request;
use crate::tuf::client::Scope;
use crate::tuf::client::TrustedFile;
use crate::tuf::client::earlier_state;
use crate::tuf::client::rules;
use crate::tuf::root::Root;
use crate::words::Digest;
use crate::words::counted;

const EXAMPLE: &str = "Example:
  keyrite verify /media/usb/bundle --root 1.root.json
  keyrite verify bundle --root 1.root.json --at 2026-12-03T09:00:00Z --scope offline
  keyrite verify bundle --root 1.root.json --trusted ~/.local/share/app/tuf

Exit codes:
  0  verified
  1  not verified: the last line names the rule, the file and why
  2  an input cannot be read
  6  the bundle is not the one that was written: its manifest says that a file was changed";

/// A manifest lists a million files in less.
const MAX_MANIFEST: u64 = 1 << 30;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A bundle, or a directory of metadata
    path: PathBuf,

    /// The root file that you trust, from elsewhere: not from PATH
    #[arg(long, value_name = "FILE")]
    root: PathBuf,

    /// What a client trusted before: its metadata directory, or another one of the same repository. Nothing may be
    /// older than that
    #[arg(long, value_name = "DIR")]
    trusted: Option<PathBuf>,

    /// The time at which nothing may be expired, YYYY-MM-DDTHH:MM:SSZ [default: now]
    #[arg(long, value_name = "TIME", value_parser = Date::parse_lenient)]
    at: Option<Date>,

    /// How much must be there
    #[arg(long, value_enum, default_value = "full")]
    scope: ScopeArg,

    /// Verify what a rehearsal made, instead of refusing it
    #[arg(long)]
    rehearsal: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ScopeArg {
    /// The chain of roots from the pinned one
    Root,
    /// Roots and targets, without the roles that a server signs online
    Offline,
    /// Everything a client downloads
    Full,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let pinned = read_root(&args.root)?;
    let unread = |path: &Path, why: String, hint| {
        Failure::new(Exit::Input, format!("{}: {why}", plain(&path.display().to_string())), hint)
    };
    let dir = Dir::open(&args.path)
        .map_err(|why| unread(&args.path, why, "give a bundle or a directory of metadata"))?;
    dir.names().map_err(|why| unread(&args.path, why, "it must be one that you may read"))?;
    let own = args.trusted.as_deref().map(|path| {
        let hint = "give the directory in which a client keeps its metadata, or one of the same repository";
        let dir = Dir::open_own(path).map_err(|why| unread(path, why, hint))?;
        earlier_state(&dir).map_err(|why| unread(path, why, hint)).map(|()| dir)
    });
    let own = own.transpose()?;
    let scope = match args.scope {
        ScopeArg::Root => Scope::Root,
        ScopeArg::Offline => Scope::Offline,
        ScopeArg::Full => Scope::Full,
    };
    let at = args.at.unwrap_or_else(now);
    let request = Request { pinned: &pinned, at, scope, allow_rehearsal: args.rehearsal };
    match bundle::check_after(&dir, &request, own.as_ref()) {
        Ok(mut checked) => {
            let manifest = checked.manifest.as_ref().and_then(|_| manifest_digest(dir.base()));
            let beside = manifest.map_or(Beside::None, |digest| journal::beside(dir.base(), &digest.hex()));
            checked.verified.remarks.extend(remark(&dir, &checked, &beside));
            show(&checked, manifest, &beside, at, out);
            let mut document = document(&checked, at);
            document["manifest_sha256"] = json!(manifest.map(|digest| digest.hex()));
            document["journal_compared"] = json!(!matches!(beside, Beside::None));
            document["journal_agrees"] = match beside {
                Beside::None => Value::Null,
                ref beside => json!(matches!(beside, Beside::Exported)),
            };
            out.document(&document)
        }
        Err(refused) => {
            out.line(format!("not verified: {}", plain(&refused.to_string())));
            out.document(&json!({
                "verified": false, "at": at, "rule": refused.rule, "file": refused.file, "why": refused.why,
                "trusted": [], "targets": 0, "remarks": [],
            }))?;
            Err(failure(&refused, scope))
        }
    }
}

/// What is to be said of a manifest that is gone, or that is not the one which its ceremony wrote.
fn remark(dir: &Dir, checked: &Checked, beside: &Beside) -> Option<String> {
    if let Beside::Contradicts(why) = beside {
        return Some(format!(
            "the journal of the record in which this bundle lies does not know it: {why}; `keyrite journal verify` \
             says more"
        ));
    }
    let gone = checked.manifest.is_none() && dir.base().join("VERIFY.txt").exists();
    gone.then(|| "MANIFEST.json is gone: whether this is the whole bundle was not looked at".to_owned())
}

/// The machine's clock, to the second.
pub(super) fn now() -> Date {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Date::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The root to trust must be a root; whether it holds is the client's question.
fn read_root(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = plain(&path.display().to_string());
    let hint = "give the root file that you trust, such as 1.root.json, from somewhere other than the bundle";
    let unread = |why: String| Failure::new(Exit::Input, format!("{name}: {}", plain(&why)), hint);
    let bytes = disk::read(path, MAX_ROOT).map_err(|error| unread(error.to_string()))?;
    let root = Metadata::parse(&bytes).and_then(|metadata| Root::from_signed(metadata.signed()));
    root.map_err(|e| unread(format!("not a root: {e}")))?;
    Ok(bytes)
}

fn failure(refused: &Refused, scope: Scope) -> Failure {
    let changed = bundle::rules::CHANGED.contains(&refused.rule);
    let hint = match refused.rule {
        rules::NOT_EXPIRED => "an archived bundle is judged at its own time: --at TIME",
        rules::FILE_MISSING if scope == Scope::Full => {
            "a bundle whose snapshot and timestamp a server signs is verified with --scope offline"
        }
        rules::LISTED_IN_SNAPSHOT => {
            "clients stop where they look for that role's paths, until a server lists it in snapshot; what is signed offline \
             is verified with --scope offline"
        }
        bundle::rules::TARGET_FILE_KNOWN => {
            "no client asks for that file: find out how it came there, and take it out before this is published"
        }
        rules::ROOT_NOT_ROLLED_BACK => "publish the roots that clients have already, with every newer one",
        rules::TIMESTAMP_NOT_ROLLED_BACK
        | rules::SNAPSHOT_NOT_ROLLED_BACK
        | rules::ROLE_NOT_ROLLED_BACK
        | rules::ROLE_NOT_VANISHED => {
            "clients that have the newer state refuse this one; only new keys for timestamp and snapshot, in the place of \
             the old, make all of them forget it"
        }
        rules::TIMESTAMP_ONE_PER_VERSION => "give the timestamp a version that no client has seen",
        rules::REHEARSAL => "--rehearsal verifies what a rehearsal made",
        bundle::rules::NO_PRIVATE_KEY => "do not publish; a key that was on this drive counts as stolen",
        _ if changed => "do not publish; take the bundle again from where it was written",
        bundle::rules::PLAIN_FILES => {
            "copy the files themselves, without links, into a directory of their own"
        }
        _ => {
            "clients refuse it too: do not publish it. keyrite lint says more, and what each client makes of it"
        }
    };
    Failure::new(if changed { Exit::Integrity } else { Exit::No }, "", hint)
}

fn document(checked: &Checked, at: Date) -> Value {
    let verified = &checked.verified;
    let manifest = checked.manifest.as_ref();
    json!({
        "verified": true, "at": at, "rule": null, "file": null, "why": null,
        "trusted": verified.trusted, "targets": verified.target_count, "target_files": checked.target_files,
        "target_files_absent": checked.absent,
        "consistent_snapshot": verified.consistent_snapshot, "remarks": verified.remarks,
        "ceremony": manifest.map(|m| &m.ceremony), "journal_head": manifest.map(|m| &m.journal_head),
    })
}

/// SHA-256 of a bundle's manifest: what people compare between two machines.
fn manifest_digest(bundle: &Path) -> Option<Digest> {
    let path = bundle.join(bundle::manifest::MANIFEST);
    disk::read(&path, MAX_MANIFEST).ok().map(|bytes| Digest::of(&bytes))
}

fn show(checked: &Checked, manifest_sha256: Option<Digest>, beside: &Beside, at: Date, out: &mut Output) {
    let verified = &checked.verified;
    let mut roots = verified.trusted.iter().filter(|file| file.role == "root").count();
    for file in &verified.trusted {
        // A root that a newer one follows may be long expired.
        let followed = file.role == "root" && roots > 1;
        roots = roots.saturating_sub(usize::from(file.role == "root"));
        out.line(trusted(file, at, followed));
    }
    out.line(format!("targets: {}", verified.target_count));
    if let Some(manifest) = &checked.manifest {
        out.line(format!("manifest: {}, all as listed", counted(manifest.files.len(), "file")));
        let (ceremony, head) = (plain(&manifest.ceremony), plain(&manifest.journal_head));
        let known = match beside {
            Beside::None => "as the manifest says: there is no journal here to compare it with",
            Beside::Exported => "as the journal of its record says",
            Beside::Contradicts(_) => "as the manifest says, and not the journal of the record",
        };
        out.line(format!("ceremony: {ceremony}, journal head {head}, {known}"));
    }
    if let Some(digest) = manifest_sha256 {
        out.line(format!("SHA-256 of the manifest {}, as words:", digest.hex()));
        digest.lines().iter().for_each(|line| out.line(format!("  {line}")));
    }
    if checked.target_files > 0 {
        out.line(format!("target files: {}, all as the metadata lists them", checked.target_files));
    }
    if checked.absent > 0 {
        out.line(format!(
            "target files that are not here: {} of {}, so their bytes were not looked at",
            checked.absent, verified.target_count
        ));
    }
    for remark in &verified.remarks {
        out.line(format!("remark: {}", plain(remark)));
    }
    out.line(format!("verified: {} files hold at {at}", verified.trusted.len()));
}

fn trusted(file: &TrustedFile, at: Date, followed: bool) -> String {
    let days = Date::parse_lenient(&file.expires).map(|expires| expires.days_since(at));
    let when = match days {
        Ok(days) if days < 0 && followed => "followed by a newer one".to_owned(),
        Ok(1) => "in 1 day".to_owned(),
        Ok(days) if days < 0 => "expired".to_owned(),
        Ok(days) => format!("in {days} days"),
        Err(_) => "at no time".to_owned(),
    };
    let keys: Vec<String> =
        file.signed_by.iter().map(|keyid| plain(&keyid.chars().take(8).collect::<String>())).collect();
    format!(
        "{}: {} version {}, expires {} ({when}), signed by {}, {} needed: {}",
        plain(&file.file),
        plain(&file.role),
        file.version,
        plain(&file.expires),
        keys.len(),
        file.threshold,
        keys.join(" ")
    )
}
