//! `keyrite key`: one key, outside a ceremony.

mod prove;
mod restore;

use std::path::Path;
use std::path::PathBuf;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::apart;
use crate::cli::prompt::Terminal;
use crate::keystore;
use crate::keystore::Found;
use crate::keystore::Opening;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::age_file;
use crate::keystore::age_file::AgeFile;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;

const EXAMPLES: &str = "A STORE is age:PATH, or pkcs11:token=LABEL;object=KEY

Examples:
  keyrite key generate age:keys/ana.age --scheme ed25519 --out ana.pub.json
  keyrite key generate 'pkcs11:token=ROOT-BO;object=root-2026' --scheme ecdsa-sha2-nistp256
  keyrite key show age:keys/ana.age
  keyrite key prove age:keys/dana.age --for 2027-06-add-dev --out dana.proof.json
  keyrite key passphrase age:keys/ana.age
  keyrite key restore age:keys/ana.age --public ana.pub.json --share bo.png --share chi.png

Exit codes:
  0  done
  2  a STORE or a file is not what it must be, or is there already. Nothing was done
  3  stopped at the prompt, or nobody is there to be asked. Nothing was done
  5  the key store failed: no such key, wrong passphrase or PIN, a name that is taken";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a key; an existing one is never replaced
    #[command(after_help = "Example:
  keyrite key generate age:keys/ana.age --scheme ed25519 --out ana.pub.json")]
    Generate {
        /// Where the key will live
        store: StoreUri,
        /// ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or rsassa-pss-sha256
        #[arg(long)]
        scheme: Scheme,
        /// The size of an RSA key, 2048 to 8192 [default: 3072]
        #[arg(long)]
        bits: Option<u32>,
        /// Write the public key to a new file
        #[arg(long, value_name = "PUB.json")]
        out: Option<PathBuf>,
        /// Take the passphrase or PIN from a file, by STORE
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
    },
    /// Show the public half of a key, and what the store says of it
    #[command(after_help = "Example:
  keyrite key show age:keys/ana.age --json")]
    Show {
        /// Where the key lives
        store: StoreUri,
        /// Take the passphrase or PIN from a file, by STORE
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
    },
    /// Prove that you hold a key, for one occasion: a small file that goes with the public key
    #[command(after_help = "Example:
  keyrite key prove age:keys/dana.age --for 2027-06-add-dev --out dana.proof.json

TEXT is the id of the ceremony that shall list the key. What is signed is that text and the keyid, marked as a \
proof of possession: no client takes it for metadata. The ceremony file names the proof beside the public key.")]
    Prove {
        /// Where the key lives
        store: StoreUri,
        /// What the proof is for: the ceremony's id
        #[arg(long = "for", value_name = "TEXT")]
        challenge: String,
        /// Write the proof to a new file; otherwise it is shown
        #[arg(long, value_name = "PROOF.json")]
        out: Option<PathBuf>,
        /// Take the passphrase or PIN from a file, by STORE
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
    },
    /// Encrypt an age file anew with another passphrase, typed at the terminal; replaces the file
    #[command(after_help = "Example:
  keyrite key passphrase age:keys/ana.age

The new file is written beside the old one, read back and decrypted before it takes its place. \
Copies of the old file still open with the old passphrase.")]
    Passphrase {
        /// The age file
        store: StoreUri,
    },
    /// Bring a key back from its shares, into a new age file
    #[command(after_help = "Example:
  keyrite key restore age:keys/ana.age --public ana.pub.json --share bo.png --share chi.txt

A share is an image of its code (PNG, PBM, PGM, PPM), or a text with it or with its words. Without enough of them it \
asks at the terminal, for files or for words. Each share that is given is proven: it gives the key back together with \
others, and the key is the one of PUB.json. Nothing of the old file or passphrase is needed.")]
    Restore {
        /// Where the key will live: age:PATH
        store: StoreUri,
        /// The public half of the key, as the ceremony wrote it
        #[arg(long, value_name = "PUB.json")]
        public: PathBuf,
        /// A share, as an image or a text; may be given several times
        #[arg(long, value_name = "FILE")]
        share: Vec<PathBuf>,
        /// Take the new passphrase from a file, by STORE
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
    },
}

/// Runs the command.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    keystore::hygiene::protect_process();
    match args.what {
        What::Generate { store, scheme, bits, out: file, answers } => {
            let answers = answers.as_deref().map(Answers::read).transpose()?;
            generate(out, &store, scheme, bits, file.as_deref(), answers.as_ref())
        }
        What::Show { store, answers } => {
            let answers = answers.as_deref().map(Answers::read).transpose()?;
            show(out, &store, answers.as_ref())
        }
        What::Prove { store, challenge, out: file, answers } => {
            let answers = answers.as_deref().map(Answers::read).transpose()?;
            prove::run(out, &store, &challenge, file.as_deref(), answers.as_ref())
        }
        What::Passphrase { store } => passphrase(out, &store),
        What::Restore { store, public, share, answers } => {
            let answers = answers.as_deref().map(Answers::read).transpose()?;
            restore::run(out, &store, &public, &share, answers.as_ref())
        }
    }
}

fn generate(
    out: &mut Output,
    uri: &StoreUri,
    scheme: Scheme,
    bits: Option<u32>,
    file: Option<&Path>,
    answers: Option<&Answers>,
) -> Result<(), Failure> {
    if let Some(file) = file {
        check_new(file)?;
    }
    let mut store = keystore::open(uri, &opening()).map_err(failed)?;
    let secret = match uri {
        StoreUri::Age(path) => {
            // Before anyone thinks of a passphrase.
            let opening = opening();
            AgeFile::new(opening.base.join(path), path, opening.work_factor).check_free().map_err(failed)?;
            Some(new_passphrase(out, &store.name(), uri, answers)?)
        }
        StoreUri::Pkcs11(_) => login(out, &mut *store, uri, answers)?,
    };
    let found = store.generate(secret.as_ref(), scheme, bits).map_err(failed)?;
    if let Some(file) = file {
        let public = keystore::public_file::text(&found.public);
        apart::write_new(file, public.as_bytes()).map_err(|failure| {
            let error = format!("{} was made, but {}", store.name(), failure.error);
            Failure::new(Exit::Store, error, "the key is good; keyrite key show STORE shows its public half")
        })?;
    }
    report(out, &store.name(), &found)
}

fn show(out: &mut Output, uri: &StoreUri, answers: Option<&Answers>) -> Result<(), Failure> {
    let mut store = keystore::open(uri, &opening()).map_err(failed)?;
    let secret = login(out, &mut *store, uri, answers)?;
    match store.find(secret.as_ref()).map_err(failed)? {
        Some(found) => report(out, &store.name(), &found),
        None => Err(Failure::new(
            Exit::Store,
            format!("there is no key at {}", store.name()),
            "look at the STORE; keyrite token list shows what is plugged in",
        )),
    }
}

fn passphrase(out: &mut Output, uri: &StoreUri) -> Result<(), Failure> {
    let StoreUri::Age(path) = uri else {
        let error = format!("{uri} has a PIN, not a passphrase; it is unchanged");
        return Err(Failure::new(Exit::Input, error, "change a token's PIN with its maker's tool"));
    };
    let opening = opening();
    let mut file = AgeFile::new(opening.base.join(path), path, opening.work_factor);
    let name = keystore::Store::name(&file);
    keystore::Store::look(&mut file).map_err(failed)?;
    let mut terminal = Terminal::open()?;
    let old = terminal.secret(&format!("Passphrase of {name}, as it is now: "))?;
    // Proved before a new one is asked for; the same bytes are decrypted again when they are replaced.
    keystore::Store::find(&mut file, Some(&old)).map_err(failed)?;
    let new = type_new_passphrase(&mut terminal, &name)?;
    let found = file.change_passphrase(&old, &new).map_err(failed)?;
    out.line(format!("{name} was replaced: it opens with the new passphrase alone."));
    out.line("Copies of the old file still open with the old passphrase; destroy them.");
    report(out, &name, &found)
}

/// Looks, warns, and gets the secret that the store asks for.
pub(super) fn login(
    out: &mut Output,
    store: &mut dyn keystore::Store,
    uri: &StoreUri,
    answers: Option<&Answers>,
) -> Result<Option<SecretString>, Failure> {
    let sight = store.look().map_err(failed)?;
    secret(out, &store.name(), &sight, uri, answers)
}

/// Warns, and gets the secret that a store asks for, by what was seen of it. A last try is refused unless the serial
/// is typed.
pub(super) fn secret(
    out: &mut Output,
    name: &str,
    sight: &Sight,
    uri: &StoreUri,
    answers: Option<&Answers>,
) -> Result<Option<SecretString>, Failure> {
    for line in &sight.lines {
        drop(writeln!(out.err, "{line}"));
    }
    match sight.pin {
        PinState::FinalTry => {
            let error = format!("{name} has one try left: a wrong PIN locks it; nothing was tried");
            let refused = Failure::new(Exit::Store, error, "find out the right PIN first");
            if answers.is_some() {
                return Err(refused);
            }
            let mut terminal = Terminal::open()?;
            terminal.say(&format!("{name} has one try left: a wrong PIN locks it."))?;
            let typed = terminal.line("Type the token's serial number to go on: ")?;
            if typed.is_empty() || sight.serial.as_deref() != Some(&typed) {
                return Err(refused);
            }
        }
        PinState::Normal | PinState::CountLow | PinState::Locked | PinState::NotSet | PinState::Unknown => {
            // An age file has no PIN to speak of.
            if let Some(line) = sight.pin.line().filter(|_| sight.wants != Wants::Passphrase) {
                drop(writeln!(out.err, "{line}"));
            }
        }
    }
    let ask = match sight.wants {
        Wants::PinPad => {
            drop(writeln!(out.err, "Type the PIN on the pad of {name}."));
            return Ok(None);
        }
        Wants::Passphrase => format!("Passphrase of {name}: "),
        Wants::Pin => format!("PIN of {name}: "),
    };
    match answers {
        Some(answers) => answered(answers, uri, sight.wants).map(Some),
        None => Terminal::open()?.secret(&ask).map(Some),
    }
}

fn answered(answers: &Answers, uri: &StoreUri, wants: Wants) -> Result<SecretString, Failure> {
    let what = match wants {
        Wants::Passphrase => "passphrase",
        Wants::Pin | Wants::PinPad => "pin",
    };
    answers.secret(&[&uri.to_string()], wants).ok_or_else(|| {
        let error = format!("the answers file has no {what} for {uri}; nothing was done");
        Failure::new(Exit::Stopped, error, format!("add to secrets: {{\"{uri}\": {{{what}: ...}}}}"))
    })
}

fn new_passphrase(
    out: &mut Output,
    name: &str,
    uri: &StoreUri,
    answers: Option<&Answers>,
) -> Result<SecretString, Failure> {
    let Some(answers) = answers else {
        return type_new_passphrase(&mut Terminal::open()?, name);
    };
    let passphrase = answered(answers, uri, Wants::Passphrase)?;
    if let Some(warning) = weak(&passphrase) {
        drop(writeln!(out.err, "warning: {warning}"));
    }
    Ok(passphrase)
}

/// Asks until two entries agree and are long enough.
fn type_new_passphrase(terminal: &mut Terminal, name: &str) -> Result<SecretString, Failure> {
    loop {
        let first = terminal.secret(&format!("New passphrase for {name}: "))?;
        if first.expose_secret().chars().count() < age_file::SHORTEST_PASSPHRASE {
            let shortest = age_file::SHORTEST_PASSPHRASE;
            terminal.say(&format!("That is too short: it takes {shortest} characters and more."))?;
            continue;
        }
        let second = terminal.secret("The same once more: ")?;
        if first.expose_secret() != second.expose_secret() {
            terminal.say("The two are not the same. Again:")?;
            continue;
        }
        if let Some(warning) = weak(&first) {
            terminal.say(&format!("Warning: {warning}"))?;
        }
        return Ok(first);
    }
}

fn weak(passphrase: &SecretString) -> Option<&'static str> {
    let length = passphrase.expose_secret().chars().count();
    (length < age_file::GOOD_PASSPHRASE)
        .then_some("the passphrase is short; five or six random words keep a stolen copy closed")
}

/// Tells of a key: for people, or as the one JSON document.
fn report(out: &mut Output, name: &str, found: &Found) -> Result<(), Failure> {
    let public = &found.public;
    if out.json {
        return out.document(&json!({
            "store": name,
            "keyid": public.keyid(),
            "scheme": public.scheme().as_str(),
            "public": public.to_json(),
            "pem": public.to_pem(),
            "evidence": found.evidence,
        }));
    }
    out.line(name);
    out.line(format!("keyid   {}", public.keyid()));
    out.line(format!("scheme  {}", public.scheme()));
    for (what, value) in &found.evidence {
        out.line(format!("{what}: {value}"));
    }
    out.line(keystore::public_file::text(public).trim_end());
    out.line(public.to_pem().trim_end());
    Ok(())
}

/// Refuses `--out` before a key is made for nothing.
fn check_new(file: &Path) -> Result<(), Failure> {
    if file.symlink_metadata().is_ok() {
        let error = format!("{} is there already; it is unchanged, and no key was made", file.display());
        return Err(Failure::new(Exit::Input, error, "give --out a new name"));
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        let error = format!("there is no directory {}; no key was made", parent.display());
        return Err(Failure::new(Exit::Input, error, "make it first"));
    }
    Ok(())
}

/// How the command line opens a store: relative to where it was started, at full strength.
pub(super) fn opening() -> Opening {
    Opening {
        default_module: std::env::var_os("KEYRITE_PKCS11_MODULE").map(PathBuf::from),
        probe: std::env::current_exe().unwrap_or_default(),
        ..Opening::production("")
    }
}

pub(super) fn failed(error: StoreError) -> Failure {
    Failure::new(Exit::Store, error.text, error.hint)
}
