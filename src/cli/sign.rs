//! `keyrite sign`: someone elsewhere reads a request, and answers it with a signature, or with one of each key there.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::apart;
use crate::cli::film::Film;
use crate::cli::key;
use crate::cli::prompt::Terminal;
use crate::cli::show::plain;
use crate::cli::verify;
use crate::driver;
use crate::driver::StopKind;
use crate::driver::apart::Signing;
use crate::keystore;
use crate::keystore::Sight;
use crate::keystore::Wants;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Signature;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::apart::carry;
use crate::words::Digest;

/// How often the passphrase of an age file may be typed.
const TRIES: usize = 3;

const EXAMPLE: &str = "Examples:
  keyrite sign root-2.request --key age:keys/ana.age --out root-2.ana
  keyrite sign root-2.request --key 'pkcs11:token=ROOT-BO;object=root-2026' --out root-2.bo

  keyrite sign frames/ --key age:keys/ana.age --out root-2.ana --qr
  keyrite sign root-2.request --key age:keys/ana.age --key age:keys/spare.age --out root-2.signed.json

REQ is the file, an image of its QR codes, a directory of such images, or the text of the codes.

Shows what would be signed, and its digest in words: compare them with the person who asked, on the telephone. The \
difference is from the version before it that came with the request, and no signature covers that one: compare its words \
too, or give your own copy with --from. Then it asks whether to sign, then for the passphrase or PIN. The response holds one signature and nothing secret. \
It is written to --out, shown with --qr as a QR code (P-384: two, RSA: some), and printed as lines that can be typed: each has a check. \
With several --key the answer is a copy of the metadata with their signatures, which `keyrite merge` takes as well. \
A passphrase may be typed three times; a PIN is tried once.

Exit codes:
  0  signed, verified, and written
  1  this key may not sign this, or a rehearsal and production would mix
  2  the request cannot be read, or --out is there already
  3  not confirmed; nothing was signed
  5  the key store failed
  6  the request contradicts itself or your own copy, or its root before it is not signed by its own keys";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The request
    request: PathBuf,

    /// Where your key lives; given several times, each of them signs
    #[arg(long, value_name = "STORE", required = true)]
    key: Vec<StoreUri>,

    /// Where to write the response; never over a file
    #[arg(long, value_name = "RESP")]
    out: PathBuf,

    /// Your own copy of the version before it: the request's must be the same, byte for byte
    #[arg(long, value_name = "OLD.json")]
    from: Option<PathBuf>,

    #[command(flatten)]
    film: Film,

    /// Take the confirmation and the passphrase or PIN from a file, by STORE
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    keystore::hygiene::protect_process();
    if args.key.len() > 1 && args.film.qr.is_some() {
        let error = "--qr shows the signature of one key, and several are given; nothing was signed";
        return Err(Failure::new(Exit::Input, error, "sign with one key at a time, or leave out --qr"));
    }
    let twice = |(n, uri): &(usize, &StoreUri)| args.key.iter().take(*n).any(|before| before == *uri);
    if let Some((_, uri)) = args.key.iter().enumerate().find(twice) {
        let error = format!("{} is given twice; nothing was signed", plain(&uri.to_string()));
        return Err(Failure::new(Exit::Input, error, "give each key once"));
    }
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    apart::check_new(&args.out)?;
    let request = request(&args)?;
    let opening = key::opening();
    let open = |uri: &StoreUri| Signing::open(&request, uri, opening.clone()).map_err(apart::failed);
    let mut signings = args.key.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let now = answers.as_ref().and_then(Answers::clock).unwrap_or_else(verify::now);
    show(&request, args.from.as_deref(), now, out)?;
    confirm(&request, answers.as_ref())?;

    let look = |signing: &mut Signing| signing.look().map_err(apart::failed);
    let sights = signings.iter_mut().map(look).collect::<Result<Vec<_>, _>>()?;
    let mut responses = Vec::new();
    for ((signing, sight), uri) in signings.into_iter().zip(sights).zip(&args.key) {
        let signed = sign(signing, &sight, uri, &open, answers.as_ref(), out);
        responses.push(signed.map_err(|failure| whole(failure, &args))?);
    }
    match responses.as_slice() {
        [response] => answer(&args, &request, response, out),
        responses => copy(&args, &request, responses, out),
    }
}

/// The request as it came, or compared with the signer's own copy of the version before it.
fn request(args: &Args) -> Result<Request, Failure> {
    let unusable = |path: &Path, error| apart::failed(driver::apart::unusable(path, &error));
    let sent =
        Request::parse(&apart::read_sent(&args.request)?).map_err(|error| unusable(&args.request, error))?;
    match &args.from {
        None => Ok(sent),
        Some(own) => sent.against(&apart::read(own)?).map_err(|error| unusable(own, error)),
    }
}

/// Signs with one key. A passphrase that is wrong is asked for again, by whoever sits there, for what opens an age file
/// is not counted; a PIN never is.
fn sign(
    mut signing: Signing,
    sight: &Sight,
    uri: &StoreUri,
    open: &dyn Fn(&StoreUri) -> Result<Signing, Failure>,
    answers: Option<&Answers>,
    out: &mut Output,
) -> Result<Response, Failure> {
    let tries = if sight.wants == Wants::Passphrase && answers.is_none() { TRIES } else { 1 };
    for left in (1..tries).rev() {
        let secret = key::secret(out, &signing.name(), sight, uri, answers)?;
        match signing.sign(secret.as_ref()) {
            Err(stop) if stop.kind == StopKind::Secret => {
                let again = if left == 1 { "once more".to_owned() } else { format!("{left} times more") };
                drop(writeln!(out.err, "{}. It can be typed {again}.", plain(&stop.error)));
            }
            signed => return signed.map_err(apart::failed),
        }
        signing = open(uri)?;
    }
    let secret = key::secret(out, &signing.name(), sight, uri, answers)?;
    signing.sign(secret.as_ref()).map_err(|stop| match stop.kind {
        StopKind::Secret if tries > 1 => {
            let hint = "look at Caps Lock and the keyboard layout, and start again; nothing counts the tries";
            Failure { hint: hint.to_owned(), ..apart::failed(stop) }
        }
        _ => apart::failed(stop),
    })
}

/// Of several keys, none has signed when one cannot.
fn whole(failure: Failure, args: &Args) -> Failure {
    if args.key.len() == 1 {
        return failure;
    }
    let error = format!("{}; {} was not written, for no key or all", failure.error, apart::shown(&args.out));
    let hint = "leave this key out, and let it sign by itself later; or sign with all of them again";
    let hint = if failure.hint.is_empty() { hint.to_owned() } else { format!("{}; or {hint}", failure.hint) };
    Failure { error, hint, ..failure }
}

/// Several keys answer with a copy of the metadata that has their signatures.
fn copy(args: &Args, request: &Request, responses: &[Response], out: &mut Output) -> Result<(), Failure> {
    let mut metadata = request.metadata.clone();
    let mut signed: BTreeSet<&KeyId> = BTreeSet::new();
    for response in responses {
        let keyid = &response.keyid;
        if !signed.insert(keyid) {
            let error = format!("{} is given twice; nothing was written", plain(&request.names.of(keyid)));
            return Err(Failure::new(Exit::Input, error, "give each key once"));
        }
        metadata.add(Signature { keyid: keyid.clone(), sig: response.sig.clone() });
    }
    apart::write_new(&args.out, &metadata.to_file())?;
    for keyid in signed {
        out.line(format!("{} signed, and the signature verifies.", plain(&request.names.of(keyid))));
    }
    let shown = apart::shown(&args.out);
    out.line(format!("Send {shown} back: a copy of the metadata with these signatures, and nothing secret."));
    let signatures: Vec<_> = responses
        .iter()
        .map(|response| json!({"keyid": response.keyid, "scheme": response.scheme, "sig": response.sig}))
        .collect();
    out.document(&json!({
        "out": args.out, "role": request.role, "version": request.version(), "sha256": request.sha256(),
        "compared": apart::compared(request), "signatures": signatures,
    }))
}

/// One key answers with a response.
fn answer(args: &Args, request: &Request, response: &Response, out: &mut Output) -> Result<(), Failure> {
    let unfit = |error| apart::unusable(&args.out, &error);
    apart::write_new(&args.out, &response.to_file())?;
    out.line(format!("{} signed, and the signature verifies.", plain(&request.names.of(&response.keyid))));
    out.line(format!("Send {} back: it holds the signature, and nothing secret.", apart::shown(&args.out)));
    let (frames, lines) = (carry::response(response), carry::lines(response));
    if let Ok(lines) = lines.as_ref().map_err(Clone::clone) {
        out.line("Or read these lines out, to be typed into a file for keyrite merge:");
        lines.iter().for_each(|line| out.line(format!("  {line}")));
    }
    if args.film.qr.is_some() {
        let (role, version) = (plain(&request.role), request.version());
        let beside =
            [format!("Signature: {role} version {version}"), plain(&request.names.of(&response.keyid))];
        let stem = format!("{role}-{version}-signature").replace('/', "-");
        args.film.show(&frames.map_err(unfit)?, &stem, &beside, out)?;
    }
    out.document(&json!({
        "out": args.out, "role": request.role, "version": request.version(), "sha256": response.sha256,
        "compared": apart::compared(request),
        "keyid": response.keyid, "scheme": response.scheme, "sig": response.sig,
        "lines": lines.unwrap_or_default(),
    }))
}

fn show(request: &Request, own: Option<&Path>, now: Date, out: &mut Output) -> Result<(), Failure> {
    let lines = driver::apart::lines(request, now).map_err(|error| {
        let error =
            format!("what it asks to sign cannot be read: {}; nothing was signed", plain(&error.to_string()));
        Failure::new(Exit::Input, error, "ask for the request again")
    })?;
    for line in lines {
        out.line(plain(&line));
    }
    out.line("Its digest, as the person who asks must read it to you:");
    apart::say_digest(out, &Digest::of(request.metadata.payload()));
    match (own, request.compared()) {
        (Some(own), Some((before, _))) => {
            let before = plain(&before);
            out.line(format!("The difference is from {before}, your own copy {}.", apart::shown(own)));
        }
        _ => apart::say_compared(out, request, "They must read this one too; the difference is from"),
    }
    Ok(())
}

fn confirm(request: &Request, answers: Option<&Answers>) -> Result<(), Failure> {
    let stopped = |hint: &str| Failure::new(Exit::Stopped, "not confirmed; nothing was signed", hint);
    if let Some(answers) = answers {
        return if answers.confirms() {
            Ok(())
        } else {
            Err(stopped("the answers file must say `confirm: all`"))
        };
    }
    let yes = plain(&request.yes());
    let mut terminal = Terminal::open()?;
    let typed = terminal.line(&format!("If all of it is right, type `{yes}`; anything else stops: "))?;
    if typed == yes { Ok(()) } else { Err(stopped("ask the person who sent the request before you sign")) }
}
