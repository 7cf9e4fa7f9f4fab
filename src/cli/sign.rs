//! `keyrite sign`: someone elsewhere reads a request, and answers it with one signature.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::apart;
use crate::cli::key;
use crate::cli::prompt::Terminal;
use crate::cli::request;
use crate::cli::show::plain;
use crate::cli::verify;
use crate::keystore;
use crate::keystore::Found;
use crate::keystore::Opening;
use crate::keystore::Wants;
use crate::keystore::open::Rehearsal;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::describe;
use crate::words::Digest;

const EXAMPLE: &str = "Examples:
  keyrite sign root-2.request --key age:keys/ana.age --out root-2.ana
  keyrite sign root-2.request --key 'pkcs11:token=ROOT-BO;object=root-2026' --out root-2.bo

Shows what would be signed, and its digest in words: compare them with the person who asked, on the telephone.
Then it asks whether to sign, then for the passphrase or PIN. The response holds one signature and nothing secret.

Exit codes:
  0  signed, verified, and written
  1  this key may not sign this, or a rehearsal and production would mix
  2  the request cannot be read, or --out is there already
  3  not confirmed; nothing was signed
  5  the key store failed
  6  the request contradicts itself";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The request
    request: PathBuf,

    /// Where your key lives
    #[arg(long, value_name = "STORE")]
    key: StoreUri,

    /// Where to write the response; never over a file
    #[arg(long, value_name = "RESP")]
    out: PathBuf,

    /// Take the confirmation and the passphrase or PIN from a file, by STORE
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    keystore::hygiene::protect_process();
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    apart::check_new(&args.out)?;
    let request = Request::parse(&apart::read(&args.request)?).map_err(|error| {
        let exit = if error.contradiction { Exit::Integrity } else { Exit::Input };
        let error =
            format!("{}: {}; nothing was signed", apart::shown(&args.request), plain(&error.to_string()));
        Failure::new(exit, error, "ask for the request again")
    })?;
    let opening = opening(&request, &args.key)?;
    let now = answers.as_ref().and_then(Answers::clock).unwrap_or_else(verify::now);
    show(&request, now, out)?;
    confirm(&request, answers.as_ref())?;

    let mut store = keystore::open(&args.key, &opening).map_err(key::failed)?;
    // A token shows its public keys to everyone: one that may not sign is refused before a PIN is tried on it.
    let token = store.look().map_err(key::failed)?.wants == Wants::Pin;
    let seen = if token { store.find(None).map_err(key::failed)? } else { None };
    if let Some(found) = &seen {
        signer(&request, found, &store.name())?;
    }
    let secret = key::login(out, &mut *store, &args.key, answers.as_ref())?;
    let found = match seen {
        Some(found) => Some(found),
        None => store.find(secret.as_ref()).map_err(key::failed)?,
    };
    let found = found.ok_or_else(|| {
        let error = format!("there is no key at {}; nothing was signed", store.name());
        Failure::new(Exit::Store, error, "look at the STORE; keyrite token list shows what is plugged in")
    })?;
    let (label, public) = signer(&request, &found, &store.name())?;
    let payload = request.metadata.payload();
    let signatures = store.sign(secret.as_ref(), public, &[payload]).map_err(key::failed)?;
    let good = signatures.first().filter(|signature| public.verify(payload, signature).is_ok());
    let signature = good.ok_or_else(|| {
        let error = format!("{} gave a signature that does not verify; nothing was written", store.name());
        Failure::new(Exit::Store, error, "do not use this store again before it is understood")
    })?;

    let scheme = public.scheme().as_str();
    let sha256 = request.sha256();
    let response = Response::new(&request.role, request.version(), &sha256, label.clone(), scheme, signature);
    apart::write_new(&args.out, &response.to_file())?;
    out.line(format!("{} signed, and the signature verifies.", plain(&request.names.of(label))));
    out.line(format!("Send {} back: it holds the signature, and nothing secret.", apart::shown(&args.out)));
    out.document(&json!({
        "out": args.out, "role": request.role, "version": request.version(), "sha256": sha256,
        "keyid": label, "scheme": scheme, "sig": response.sig,
    }))
}

/// The key as the metadata lists it, when it may sign: material decides, and no label.
fn signer<'a>(
    request: &'a Request,
    found: &Found,
    store: &str,
) -> Result<(&'a KeyId, &'a PublicKey), Failure> {
    request.signers.find(&found.public).ok_or_else(|| {
        let keyid = found.public.keyid();
        let error = format!("{store} holds key {keyid}, which may not sign this; nothing was signed");
        Failure::new(Exit::No, error, "use the key of one of the signers that are listed above")
    })
}

/// A rehearsal signs with keys that a rehearsal made, and with no other; production never does. An age file knows
/// which it is, and refuses; a token does not, so it is never let near a rehearsal.
fn opening(request: &Request, key: &StoreUri) -> Result<Opening, Failure> {
    let production = key::opening();
    if !apart::is_rehearsal(&request.metadata) {
        return Ok(production);
    }
    if let StoreUri::Pkcs11(_) = key {
        let error = "this request was made in a rehearsal, and a token holds a real key; nothing was signed";
        return Err(Failure::new(Exit::No, error, "rehearse with an age file that the rehearsal made"));
    }
    let seed = Digest::of(request.metadata.payload()).0;
    Ok(Opening { rehearsal: Some(Rehearsal { seed, held: None }), ..production })
}

fn show(request: &Request, now: Date, out: &mut Output) -> Result<(), Failure> {
    let lines = describe::payload(&request.metadata, &request.role, now, &request.names.holders());
    let lines = lines.map_err(|error| {
        let error =
            format!("what it asks to sign cannot be read: {}; nothing was signed", plain(&error.to_string()));
        Failure::new(Exit::Input, error, "ask for the request again")
    })?;
    if apart::is_rehearsal(&request.metadata) {
        out.line("REHEARSAL: nobody may trust it");
    }
    out.line("You are asked to sign:");
    for line in lines {
        out.line(plain(&line));
    }
    for threshold in request.signers.thresholds() {
        let (need, of) = (threshold.keys.threshold, threshold.keys.keys.len());
        let names: Vec<String> = threshold.keys.keys.keys().map(|keyid| request.names.of(keyid)).collect();
        out.line(plain(&format!("{}: {need} of {of} must sign: {}", threshold.of, names.join("; "))));
    }
    request::say_no_old(request, out);
    out.line("Names are the request's own word; its digest decides.");
    out.line("Its digest, as the person who asks must read it to you:");
    apart::say_digest(out, &Digest::of(request.metadata.payload()));
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
    let yes = format!("sign {} {}", plain(&request.role), request.version());
    let mut terminal = Terminal::open()?;
    let typed = terminal.line(&format!("If all of it is right, type `{yes}`; anything else stops: "))?;
    if typed == yes { Ok(()) } else { Err(stopped("")) }
}
