//! `keyrite merge`: signatures made elsewhere, each verified as it comes in.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::apart;
use crate::cli::request;
use crate::cli::show::plain;
use crate::driver;
use crate::tuf::KeyId;
use crate::tuf::apart::Merge;
use crate::tuf::apart::Request;
use crate::tuf::apart::Tally;
use crate::words::counted;

const EXAMPLE: &str = "Examples:
  keyrite merge 2.root.json root-2.ana root-2.bo --from 1.root.json --out signed/2.root.json
  keyrite merge root-2.request root-2.ana root-2.bo --out 2.root.json
  keyrite merge 5.targets.json copies/5.targets.json sig.der --root 1.root.json --out signed/5.targets.json

A RESP is a response of `keyrite sign`, as its file, an image of its QR code, or its lines as they were typed; a copy of the same metadata with other signatures; or a signature of openssl \
or a vendor's tool: raw, DER or r||s for ECDSA, in hex or base64; or a directory with any of these. Any order, any number \
of times, ends as the same file. FILE is metadata, or the request that was sent out: it says who may sign, and nothing more need be given.

FILE is unchanged; --out gets the signatures that verify, and no other. Each signature has one outcome:
  added, kept, already-there; does-not-verify, stranger, wrong-payload, replay, malformed, empty; other-salt, for an
  RSA-PSS signature that tough refuses: its salt must be as long as the digest

Exit codes:
  0  every threshold is met
  1  not yet; the file is written all the same, and what is missing is said
  2  an input cannot be read, or --out is there already; nothing was written";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The metadata, or the request
    file: PathBuf,

    /// Responses, copies, signatures; or directories of them
    #[arg(value_name = "RESP")]
    responses: Vec<PathBuf>,

    /// Where to write the metadata; never over a file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    authority: request::Authority,

    /// The key that made the bare signatures; without, every key that may sign is tried
    #[arg(long, value_name = "KEYID")]
    keyid: Option<String>,

    /// Whose key is whose [default: names.json beside FILE]
    #[arg(long, value_name = "names.json")]
    names: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    apart::check_new(&args.out)?;
    let (request, from) = apart::with_root_before(request(&args)?, &args.file)?;
    let keyid = args.keyid.clone().map(KeyId);
    let (metadata, signers) = (request.metadata.clone(), request.signers.clone());
    let mut merge = Merge::new(metadata, &request.role, signers, &driver::apart::name(&args.file));
    apart::read_answers(&args.responses, |source, sent| match sent {
        Ok(sent) => merge.take(source, sent, keyid.as_ref()),
        Err(why) => merge.unread(source, why),
    })?;
    apart::write_new(&args.out, &merge.merged().to_file())?;

    for finding in merge.findings() {
        out.line(plain(&finding.sentence(&request.names)));
    }
    let tallies = merge.tallies();
    for tally in &tallies {
        out.line(plain(&tally.sentence(&request.names)));
    }
    apart::say_from(from.as_deref(), out);
    let signatures = merge.merged().signatures().len();
    out.line(format!("{} written, {}", apart::shown(&args.out), counted(signatures, "signature")));
    let met = request.is_met(&tallies);
    out.document(&json!({
        "out": args.out, "role": request.role, "version": request.version(), "sha256": merge.sha256(),
        "from": from.as_deref().or(args.authority.only_from()), "met": met, "thresholds": tallies, "signatures": signatures,
        "findings": merge.findings().iter().map(|finding| json!({
            "source": finding.source, "outcome": finding.outcome, "keyid": finding.keyid,
            "why": finding.why, "sentence": finding.sentence(&request.names),
        })).collect::<Vec<_>>(),
        "remarks": request.no_old().into_iter().collect::<Vec<_>>(),
    }))?;
    if let Some(why) = request.never_taken() {
        return Err(Failure::new(Exit::No, why, "give the file its version, and have that signed"));
    }
    match request.uncounted() {
        Some(old) => {
            let error = format!("the threshold of root version {old} cannot be counted without that root");
            Err(Failure::new(Exit::No, error, format!("give it with --from {old}.root.json")))
        }
        None if met => Ok(()),
        None => Err(Failure::new(Exit::No, "", missing(&tallies))),
    }
}

/// From metadata and who says who may sign; or the request that said so already.
fn request(args: &Args) -> Result<Request, Failure> {
    let bytes = apart::read_sent(&args.file)?;
    if Request::is_meant(&bytes) {
        let unusable = |error| apart::unusable(&args.file, &error);
        let request = Request::parse(&bytes).map_err(unusable)?;
        if let (Some(from), Some(_)) = (args.authority.only_from(), request.uncounted()) {
            return request.after(&apart::read(from)?).map_err(unusable);
        }
        if args.authority.is_given() {
            let error = format!(
                "{} is a request, and says who may sign itself; nothing was written",
                apart::shown(&args.file)
            );
            let hint =
                "leave --from, --root and --delegator out, or give the metadata instead of the request";
            return Err(Failure::new(Exit::Input, error, hint));
        }
        return Ok(request);
    }
    let names = apart::names(args.names.as_deref(), &args.file)?;
    args.authority.request(&args.file, &bytes, names)
}

fn missing(tallies: &[Tally]) -> String {
    let open = tallies.iter().filter(|tally| !tally.met).map(|tally| tally.of.as_str());
    format!(
        "the threshold of {} is not met yet; merge more answers into a new file",
        open.collect::<Vec<_>>().join(" and of ")
    )
}
