//! `keyrite token`: what is plugged in. Nobody logs in, and nothing is changed.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::keystore::StoreError;
use crate::keystore::pkcs11;
use crate::keystore::pkcs11::ModuleFile;
use crate::keystore::pkcs11::ObjectView;
use crate::keystore::pkcs11::Settings;
use crate::keystore::pkcs11::TokenView;
use crate::store_uri::Pkcs11Uri;

/// Where a module is named for every command that does not name one.
pub const MODULE_VARIABLE: &str = "KEYRITE_PKCS11_MODULE";

const EXAMPLES: &str = "Examples:
  keyrite token list --module /usr/lib/softhsm/libsofthsm2.so
  keyrite token show 'pkcs11:token=ROOT-BO?module-path=/usr/lib/softhsm/libsofthsm2.so'

The module is --module or module-path, else KEYRITE_PKCS11_MODULE, else p11-kit's proxy where it is installed.

Exit codes:
  0  shown
  2  the URI cannot be read
  5  the module or the token fails, or is not there";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the tokens that are plugged in
    #[command(after_help = EXAMPLES)]
    List {
        /// The PKCS#11 module, by its absolute path
        #[arg(long, value_name = "PATH")]
        module: Option<PathBuf>,
    },
    /// Show one token, and what it shows without a PIN
    #[command(after_help = EXAMPLES)]
    Show {
        /// The token, as pkcs11:token=LABEL or a whole STORE
        #[arg(value_name = "URI")]
        uri: String,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Exit::Input`] for a URI that cannot be read, [`Exit::Store`] when the module or the token fails.
pub fn run(args: Args, out: &mut Output) -> Result<(), Failure> {
    match args.command {
        Command::List { module } => list(module, out),
        Command::Show { uri } => show(&uri, out),
    }
}

/// What the environment and this process give to open a module.
///
/// # Errors
/// [`Exit::Machine`] when this program cannot find itself.
pub fn settings() -> Result<Settings, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(
            Exit::Machine,
            format!("this program's own file cannot be found: {error}"),
            "start it by its path",
        )
    })?;
    let default_module = std::env::var_os(MODULE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(Settings { default_module, module_sha256: None, program })
}

#[derive(Serialize)]
struct Listed<'a> {
    module: &'a ModuleFile,
    tokens: &'a [TokenView],
}

#[derive(Serialize)]
struct Shown<'a> {
    module: &'a ModuleFile,
    token: &'a TokenView,
    objects: &'a [ObjectView],
}

fn list(module: Option<PathBuf>, out: &mut Output) -> Result<(), Failure> {
    let (module, tokens) = pkcs11::list(module.as_deref(), &settings()?).map_err(failed)?;
    out.line(format_args!("module {}", module.path.display()));
    out.line(format_args!("sha256 {}", module.sha256));
    if tokens.is_empty() {
        out.line("no token is plugged in");
    }
    for token in &tokens {
        out.line("");
        token_lines(token, out);
    }
    out.document(&Listed { module: &module, tokens: &tokens })
}

fn show(uri: &str, out: &mut Output) -> Result<(), Failure> {
    let uri = Pkcs11Uri::of_token(uri).map_err(|error| {
        Failure::new(
            Exit::Input,
            error.to_string(),
            "write pkcs11:token=LABEL, as `keyrite token list` prints it",
        )
    })?;
    let (module, token, objects) = pkcs11::show(&uri, &settings()?).map_err(failed)?;
    token_lines(&token, out);
    if objects.is_empty() {
        out.line("  no key or certificate is shown without a PIN");
    }
    for object in &objects {
        let scheme = object.scheme.as_deref().unwrap_or("of another kind");
        out.line(format_args!("  {} {}, id {}, {scheme}", object.kind, object.label, object.id));
        if let Some(keyid) = &object.keyid {
            out.line(format_args!("    keyid {keyid}"));
        }
    }
    out.document(&Shown { module: &module, token: &token, objects: &objects })
}

fn token_lines(token: &TokenView, out: &mut Output) {
    if !token.initialised {
        out.line(format_args!(
            "blank token, serial {}, {} ({})",
            token.serial, token.model, token.manufacturer
        ));
        return;
    }
    out.line(format_args!("token {}", token.label));
    out.line(format_args!(
        "  serial {}, {} ({}), firmware {}, {}",
        token.serial,
        token.model,
        token.manufacturer,
        token.firmware,
        if token.hardware { "hardware" } else { "software" }
    ));
    if let Some(line) = token.pin.line() {
        out.line(format_args!("  {line}"));
    }
    if token.pin_pad {
        out.line("  the PIN is typed on the token's own pad");
    }
    if let Some(most) = token.max_message {
        out.line(format_args!("  signs at most {most} bytes with ed25519"));
    }
    out.line(format_args!("  {}", token.uri));
}

/// A store's failure, as a command ends with it.
pub fn failed(error: StoreError) -> Failure {
    Failure::new(Exit::Store, error.text, error.hint)
}
