//! `keyrite inspect`: says in plain words what a file or a repository is, and who may sign a path. It judges nothing;
//! `verify` does.

mod apart;
mod metadata;
mod other;
mod record;
mod repository;
mod watched;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::inspect::watched::Watched;
use crate::cli::show::plain;
use crate::driver::disk;
use crate::keystore::shares::MARK;
use crate::qr::image;
use crate::tuf::key::MARKS;
use crate::tuf::metadata::has_form;

/// The largest file that is looked into, in bytes.
const MAX_FILE: u64 = 1 << 30;

const EXAMPLE: &str = "Example:
  keyrite inspect 1.root.json
  keyrite inspect keys/ana.pub.json
  keyrite inspect photo.png
  keyrite inspect published/metadata
  keyrite inspect published/metadata --path dev/tool.tgz

Of a directory of metadata, a bundle or a record it says the roles, their thresholds, holders and dates, the keys, the \
delegations, and what lacks signatures. With --path it says who may sign that path: every role that a client asks, in \
its order, why, and where the search stops. A path with * or ? is a pattern. Keys are called what names.json beside \
the metadata calls them.

Of files it reads: root, targets, snapshot and timestamp metadata; public keys (JSON, PEM, OpenSSH, hex); age files; \
a bundle's MANIFEST.json; ceremony and answers files, and a record's journal.jsonl, runs.jsonl, names.json, \
ledger.json and checkpoint.txt; requests and responses, as files, as the frames of QR codes, as typed lines; shares of \
a key, of which it shows nothing secret; and images (PNG, PBM, PGM, PPM) of QR codes that carry any of these. It checks \
no trust: `keyrite verify` does.

Exit codes:
  0  said what it is
  2  the file cannot be read, or is none of these";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The file, or a directory of metadata, a bundle or a record
    file: PathBuf,

    /// Who may sign this path? For a directory; a pattern with * or ? asks for every path like it
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

/// What a file is: for people line by line, for programs as one document.
struct Description {
    lines: Vec<String>,
    json: Value,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    let name = plain(&args.file.display().to_string());
    let hint = "give a file or a directory that is there and that you may read";
    let unread = |why: String| Failure::new(Exit::Input, format!("{name}: {}", plain(&why)), hint);
    if args.file.is_dir() {
        let described = repository::describe(&args.file, args.path.as_deref()).map_err(unread)?;
        return say(&described, out);
    }
    if args.path.is_some() {
        let error = format!("{name}: --path asks a repository, and this is no directory");
        return Err(Failure::new(Exit::Input, error, "give the directory of its metadata"));
    }
    if let Some(described) = passing(&args.file) {
        return say(&described, out);
    }
    let bytes = disk::read(&args.file, MAX_FILE).map_err(|error| unread(error.to_string()))?;
    let described = seen(&bytes).map_err(|why| {
        let error = format!("{name}: {}", plain(&why));
        Failure::new(Exit::Input, error, "see keyrite inspect --help for what it reads")
    })?;
    say(&described, out)
}

/// Targets metadata of any size, while it goes by. `None` where it may be something else too: then it is read whole.
fn passing(path: &Path) -> Option<Description> {
    let mut watched = Watched::new(disk::open_file(path)?, MARKS.into_iter().chain([MARK.as_bytes()]));
    let described = metadata::passing(&mut watched)?;
    (!watched.met()).then_some(described)
}

fn say(described: &Description, out: &mut Output) -> Result<(), Failure> {
    for line in &described.lines {
        out.line(plain(line));
    }
    out.document(&described.json)
}

/// What a file is, and what the codes in an image carry.
fn seen(bytes: &[u8]) -> Result<Description, String> {
    if !image::is_image(bytes) {
        return describe(bytes);
    }
    let texts = image::read(bytes).map_err(|why| why.to_string())?;
    if let Some(share) = texts.iter().find_map(|text| other::share(text.as_bytes())) {
        let json = json!({"kind": "image", "carries": share.json});
        return Ok(Description {
            lines: [vec!["an image of a QR code".to_owned()], share.lines].concat(),
            json,
        });
    }
    let codes = if texts.len() == 1 { "a QR code".to_owned() } else { format!("{} QR codes", texts.len()) };
    let text = texts.join("\n");
    let inside = describe(text.as_bytes()).unwrap_or_else(|_| apart::text(&texts));
    let mut lines = vec![format!("an image of {codes}")];
    lines.extend(inside.lines);
    Ok(Description { lines, json: json!({"kind": "image", "codes": texts, "carries": inside.json}) })
}

/// What `bytes` are, or what they are not.
fn describe(bytes: &[u8]) -> Result<Description, String> {
    if let Some(age) = other::age(bytes) {
        return age;
    }
    if let Some(share) = other::share(bytes) {
        return Ok(share);
    }
    if let Some(private) = other::private(bytes) {
        return Ok(private);
    }
    if let Some(carried) = apart::carried(bytes) {
        return Ok(carried);
    }
    let is_json = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    if !is_json {
        if let Some(ours) = record::yaml(bytes) {
            return ours;
        }
        if let Some(checkpoint) = record::checkpoint(bytes) {
            return Ok(checkpoint);
        }
        return other::public_key(bytes).map_err(|_| {
            "neither metadata, nor a public key, an age file, a request or a response, nor a file of a ceremony"
                .to_owned()
        });
    }
    // Metadata can be large: it is not read as a value first.
    if has_form(bytes)
        && let Ok(described) = metadata::describe(bytes)
    {
        return Ok(described);
    }
    if let Some(journal) = other::journal(bytes) {
        return journal;
    }
    if let Some(runs) = record::runs(bytes) {
        return Ok(runs);
    }
    let value =
        crate::tuf::json::parse(bytes).map_err(|why| format!("JSON that no strict reader takes: {why}"))?;
    if value.get("signed").is_some() {
        return metadata::describe(bytes);
    }
    if value.get("keyrite-bundle").is_some() {
        return other::manifest(bytes);
    }
    if value.get("keyrite-ledger").is_some() {
        return record::ledger(bytes);
    }
    if let Some(names) = record::names(bytes) {
        return Ok(names);
    }
    if value.get("keyrite-proof").is_some() {
        return other::proof(bytes);
    }
    if value.get("keyrite-request").is_some() {
        return apart::request(bytes);
    }
    if value.get("keyrite-response").is_some() {
        return apart::response(bytes);
    }
    if value.get("keytype").is_some() {
        return other::public_key(bytes);
    }
    Err("JSON, but neither metadata, nor a public key, a request or a response, nor a file of a ceremony"
        .to_owned())
}
