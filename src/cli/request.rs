//! `keyrite request`: the file from which people elsewhere sign metadata.

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::film::Film;
use crate::cli::show::plain;
use crate::cli::verify;
use crate::driver::apart::remarks;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Request;
use crate::tuf::apart::carry;
use crate::words::Digest;

const EXAMPLE: &str = "Examples:
  keyrite request 2.root.json --from 1.root.json --out root-2.request
  keyrite request 5.targets.json --root 1.root.json --out targets-5.request
  keyrite request 3.dev.json --delegator 5.targets.json --out dev-3.request
  keyrite request 2.root.json --from 1.root.json --qr
  keyrite request record/requests/2.root.request --payload payload

Send the request to each signer, and read the words to them on the telephone: those of what they sign, and those of the \
version before it that they see the difference from. They answer with `keyrite sign`; `keyrite merge` puts the answers \
together. Nothing in the file is secret. A root before it counts when its own keys have signed it.

Where no file can travel, --qr shows the request as codes that follow each other, small enough for a screen of 80x24; \
--qr=DIR writes them as images, and --qr --plain as text. `keyrite sign` takes images, a directory of them, or the text \
of the codes, which `zbarimg --raw` reads too, instead of the file.

Who has no Keyrite signs the bare bytes that --payload writes, and sends the signature as it is:
  openssl pkeyutl -sign -rawin -inkey ed25519.pem -in payload -out sig
  openssl dgst -sha256 -sign p256.pem -out sig payload
  openssl dgst -sha384 -sign p384.pem -out sig payload
  openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign rsa.pem -out sig payload

Exit codes:
  0  written
  2  an input cannot be read, or --out is there already; nothing was written";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The metadata to sign; or a request, to show it as codes or write its payload
    file: PathBuf,

    /// Where to write the request; never over a file
    #[arg(long, value_name = "REQ", required_unless_present_any = ["qr", "payload"])]
    out: Option<PathBuf>,

    #[command(flatten)]
    film: Film,

    #[command(flatten)]
    authority: Authority,

    /// Whose key is whose [default: names.json beside FILE]
    #[arg(long, value_name = "names.json")]
    names: Option<PathBuf>,

    /// Write the bytes that signatures are over, for other tools
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
}

/// Who says who may sign; a root says it itself.
#[derive(Debug, clap::Args)]
pub(super) struct Authority {
    /// The version before it, for the difference; a root's keys must sign too; a root's is taken from beside FILE
    #[arg(long, value_name = "OLD.json")]
    from: Option<PathBuf>,

    /// For targets, snapshot, timestamp: the root
    #[arg(long, value_name = "ROOT.json", conflicts_with = "delegator")]
    root: Option<PathBuf>,

    /// For a delegated role: the targets metadata that delegates to it
    #[arg(long, value_name = "TARGETS.json")]
    delegator: Option<PathBuf>,

    /// The delegated role's name [default: from FILE's name]
    #[arg(long, value_name = "NAME", requires = "delegator")]
    role: Option<String>,
}

impl Authority {
    /// Whether anyone was named.
    pub(super) fn is_given(&self) -> bool {
        self.from.is_some() || self.root.is_some() || self.delegator.is_some()
    }

    /// The version before it alone: what a request for a root may lack.
    pub(super) fn only_from(&self) -> Option<&Path> {
        let alone = self.root.is_none() && self.delegator.is_none();
        self.from.as_deref().filter(|_| alone)
    }

    /// The request for `bytes`, read from `path`.
    pub(super) fn request(&self, path: &Path, bytes: &[u8], names: Names) -> Result<Request, Failure> {
        let unusable = |error: ApartError| apart::unusable(path, &error);
        let metadata = Metadata::parse(bytes).map_err(|error| match bytes.starts_with(b"{") {
            true => unusable(ApartError::new(format!("not metadata: {error}"))),
            false => no_metadata(path),
        })?;
        let kind = metadata.role_type();
        let before = self.from.as_deref().map(apart::read).transpose()?;
        match (kind, &self.root, &self.delegator) {
            ("root", None, None) => Request::for_root(bytes, before.as_deref(), names).map_err(unusable),
            ("root", Some(_), _) | ("root", _, Some(_)) => {
                let error =
                    format!("{} is a root: it names its own keys; nothing was written", apart::shown(path));
                Err(Failure::new(
                    Exit::Input,
                    error,
                    "leave --root and --delegator out; --from names the root before",
                ))
            }
            ("targets" | "snapshot" | "timestamp", Some(root), None) => {
                let root = apart::read_metadata(root)?;
                if root.role_type() != "root" {
                    return Err(unusable(ApartError::new(format!(
                        "--root is {} metadata, no root",
                        root.role_type()
                    ))));
                }
                Request::for_role(bytes, kind, &root, before.as_deref(), names).map_err(unusable)
            }
            ("targets", None, Some(delegator)) => {
                let role = self.role.clone().unwrap_or_else(|| role_name(path));
                let delegator = apart::read_metadata(delegator)?;
                if delegator.role_type() != "targets" {
                    let error = format!("--delegator is {} metadata, not targets", delegator.role_type());
                    return Err(unusable(ApartError::new(error)));
                }
                Request::for_role(bytes, &role, &delegator, before.as_deref(), names).map_err(unusable)
            }
            ("targets" | "snapshot" | "timestamp", ..) => {
                let error =
                    format!("who may sign {} is said elsewhere; nothing was written", apart::shown(path));
                let hint = "give --root ROOT.json, or --delegator TARGETS.json for a delegated role";
                Err(Failure::new(Exit::Input, error, hint))
            }
            (other, ..) => {
                Err(unusable(ApartError::new(format!("signed JSON of the type {other:?}, no TUF metadata"))))
            }
        }
    }
}

/// Most likely a ceremony file, for that is what people have before there is metadata.
fn no_metadata(path: &Path) -> Failure {
    let error = format!("{} is no metadata; nothing was written", apart::shown(path));
    let hint =
        "a ceremony file whose keys have `store: elsewhere` makes its requests itself, with `keyrite run`";
    Failure::new(Exit::Input, error, hint)
}

/// `3.dev.json` is of the role `dev`.
fn role_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_suffix(".json").unwrap_or(&name);
    match name.split_once('.') {
        Some((version, role)) if version.bytes().all(|b| b.is_ascii_digit()) => role.to_owned(),
        _ => name.to_owned(),
    }
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    args.out.as_deref().map(apart::check_new).transpose()?;
    if let Some(payload) = &args.payload {
        apart::check_new(payload)?;
    }
    let bytes = apart::read(&args.file)?;
    let request = match Request::is_meant(&bytes) && !args.authority.is_given() {
        true => Request::parse(&bytes).map_err(|error| apart::unusable(&args.file, &error))?,
        false => {
            let names = apart::names(args.names.as_deref(), &args.file)?;
            args.authority.request(&args.file, &bytes, names)?
        }
    };
    let (request, from) = apart::with_root_before(request, &args.file)?;
    if let Some(payload) = &args.payload {
        apart::write_new(payload, request.metadata.payload())?;
    }
    let file = request.to_file();
    let frames = match args.film.qr {
        Some(_) => carry::request(&file).map_err(|error| apart::unusable(&args.file, &error))?,
        None => Vec::new(),
    };
    if let Some(path) = &args.out {
        apart::write_new(path, &file)?;
    }
    let (role, version) = (plain(&request.role), request.version());
    let what = args.out.as_deref().map_or_else(|| "The request".to_owned(), apart::shown);
    out.line(format!("{what} asks for signatures of {role} version {version}"));
    for threshold in request.signers.thresholds() {
        let (need, of) = (threshold.keys.threshold, threshold.keys.keys.len());
        out.line(format!("  {}: {need} of {of} keys must sign", plain(&threshold.of)));
    }
    apart::say_from(from.as_deref(), out);
    let remarks = remarks(&request, verify::now());
    for remark in &remarks {
        out.line(format!("remark: {}", plain(remark)));
    }
    out.line("Read these words to each signer:");
    apart::say_digest(out, &Digest::of(request.metadata.payload()));
    apart::say_compared(out, &request, "And these: the difference that they see is from");
    let beside = [format!("Request: {role} version {version}"), "Film it until all were seen.".to_owned()];
    args.film.show(&frames, &format!("{role}-{version}-request").replace('/', "-"), &beside, out)?;
    out.document(&json!({
        "out": args.out, "role": request.role, "version": version, "sha256": request.sha256(),
        "rehearsal": request.is_rehearsal(), "frames": frames.len(),
        "compared": apart::compared(&request),
        "from": from.or(args.authority.from), "remarks": remarks,
        "thresholds": request.signers.thresholds().iter().map(|threshold| json!({
            "of": threshold.of, "need": threshold.keys.threshold,
            "keyids": threshold.keys.keys.keys().collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    }))
}
