//! Keys on PKCS#11 tokens, through the vendor's module.
//!
//! `module` loads a module once, after `probe` has tried it in a child process, which is also who looks at tokens that
//! nobody works with; `token` picks the one token that a URI
//! names; `session` logs in once per prompt; `object` finds the keys; `generate` and `sign` use them; `message` is the
//! table of what modules answer. No PIN is kept, tried twice, or sent to another token than the one that is named.

mod evidence;
mod generate;
mod list;
mod message;
mod module;
mod object;
mod probe;
mod raw;
mod session;
mod sign;
mod spki;
mod text;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::slot::Slot;
use secrecy::SecretString;

pub use list::ObjectView;
pub use list::TokenView;
pub use list::list;
pub use list::show;
pub use module::ModuleFile;
pub use module::Settings;
pub use module::choose;
pub use module::read as read_module;
pub use probe::PROBE_ARGUMENT;
pub use probe::probe_child;

use crate::keystore::Found;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::module::Module;
use crate::keystore::pkcs11::object::KeyPair;
use crate::keystore::pkcs11::object::Objects;
use crate::keystore::pkcs11::session::Login;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::token::Token;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// One key on a token, by its URI. The module is loaded at the first call that works with the key, not before.
struct TokenStore {
    uri: Pkcs11Uri,
    path: PathBuf,
    settings: Settings,
}

/// The store that `uri` names. Nothing is loaded yet.
///
/// # Errors
/// `Module` when the URI names no module and there is no other.
pub fn open(uri: &Pkcs11Uri, settings: &Settings) -> Result<Box<dyn Store>, StoreError> {
    let path = choose(Some(uri), settings.default_module.as_deref())?;
    Ok(Box::new(TokenStore { uri: uri.clone(), path, settings: settings.clone() }))
}

impl TokenStore {
    fn module(&self) -> Result<Arc<Module>, StoreError> {
        Module::open(&self.path, &self.settings)
    }

    /// Calls into the module with the token that the URI names, looked for anew.
    fn with<T>(
        &self,
        work: impl FnOnce(&Pkcs11, &Token, &ModuleFile) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let module = self.module()?;
        module.with(|p11, tokens| work(p11, &token::pick(tokens, &self.uri)?, &module.file))
    }

    fn no_such_key(&self, token: &Token) -> StoreError {
        StoreError::new(
            StoreErrorKind::NoSuchKey,
            format!("{} has no key {}", token.name(), key_name(&self.uri)),
            "check object= and id= of the STORE; `keyrite token show` lists what is there",
        )
    }
}

impl Store for TokenStore {
    fn name(&self) -> String {
        format!("{}, key {}", token::wanted(&self.uri), key_name(&self.uri))
    }

    fn look(&mut self) -> Result<Sight, StoreError> {
        let (module, tokens) = module::look(&self.path, &self.settings)?;
        let token = token::pick(tokens, &self.uri)?;
        if token.pin == PinState::Locked {
            return Err(message::locked(&token.name()));
        }
        let mut lines = vec![token.line()];
        lines.extend(token.pin.line().map(str::to_owned));
        if token.pin_pad {
            lines.push("the PIN is typed on the token's own pad".to_owned());
        }
        lines.push(format!("module {}", printable(&module.path.to_string_lossy())));
        Ok(Sight {
            wants: if token.pin_pad { Wants::PinPad } else { Wants::Pin },
            pin: token.pin,
            serial: Some(token.serial()),
            lines,
            max_message: token.max_message(),
        })
    }

    fn generate(
        &mut self,
        secret: Option<&SecretString>,
        scheme: Scheme,
        bits: Option<u32>,
    ) -> Result<Found, StoreError> {
        self.with(|p11, token, module| {
            let mechanisms = Slot::try_from(token.slot)
                .and_then(|slot| p11.get_mechanism_list(slot))
                .map_err(|error| message::explain(&token.name(), &error))?;
            generate::check_can(token, &mechanisms, scheme, bits)?;
            let login = Login::user(p11, module, token, &self.uri, secret, true)?;
            generate::generate(&login, module, &self.uri, scheme, bits)
        })
    }

    fn find(&mut self, secret: Option<&SecretString>) -> Result<Option<Found>, StoreError> {
        self.with(|p11, token, module| {
            let name = token.name();
            if secret.is_none() && !token.pin_pad {
                let login = Login::none(p11, token)?;
                let objects = Objects::read(&login.session, &name)?;
                let found = one_key(objects.matching_public(&self.uri)?, &name)?;
                let evidence = evidence::of(&objects, None, token, module)?;
                return Ok(found.map(|public| Found { public, evidence }));
            }
            let login = Login::user(p11, module, token, &self.uri, secret, false)?;
            let objects = Objects::read(&login.session, &name)?;
            let Some(pair) = one_key(objects.matching(&self.uri)?, &name)? else { return Ok(None) };
            let Some(public) = pair.public else { return Err(foreign(&name)) };
            let evidence = evidence::of(&objects, Some(pair.private), token, module)?;
            Ok(Some(Found { public, evidence }))
        })
    }

    fn sign(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        payloads: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.with(|p11, token, module| {
            check_lengths(token, public.scheme(), payloads)?;
            let login = Login::user(p11, module, token, &self.uri, secret, false)?;
            let name = token.name();
            let pairs = Objects::read(&login.session, &name)?.matching(&self.uri)?;
            if pairs.is_empty() {
                return Err(self.no_such_key(token));
            }
            // The key is known by its material; label, id and serial only say where to look.
            let wanted = public.material();
            let is_it = |pair: &&KeyPair| pair.public.as_ref().is_some_and(|has| has.material() == wanted);
            let pair = pairs.iter().find(is_it).ok_or_else(|| {
                StoreError::new(
                    StoreErrorKind::WrongKey,
                    format!(
                        "the key {} on {name} is not the one that is wanted; nothing was signed",
                        key_name(&self.uri)
                    ),
                    "insert the token that holds the key, or correct the STORE",
                )
            })?;
            payloads.iter().map(|payload| sign::sign(&login, module, pair, public, payload)).collect()
        })
    }
}

/// The only one of `keys`. Two keys that answer to one name are refused: the people named one.
fn one_key<K>(mut keys: Vec<K>, token: &str) -> Result<Option<K>, StoreError> {
    if keys.len() > 1 {
        return Err(StoreError::new(
            StoreErrorKind::Ambiguous,
            format!("{} keys on {token} answer to that name", keys.len()),
            "name the one by id= in the STORE; `keyrite token show` lists them",
        ));
    }
    Ok(keys.pop())
}

fn foreign(token: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Foreign,
        format!(
            "the key on {token} is none that can be used here: it is not ed25519, P-256, P-384 or RSA, or the token does not show its public half"
        ),
        "name another key; a PIV card may need a certificate beside the key",
    )
}

/// Tokens hash Ed25519 messages themselves, and some have little room for them.
fn check_lengths(token: &Token, scheme: Scheme, payloads: &[&[u8]]) -> Result<(), StoreError> {
    let Some(most) = token.max_message().filter(|_| scheme == Scheme::Ed25519) else { return Ok(()) };
    match payloads.iter().map(|payload| payload.len() as u64).max().filter(|longest| *longest > most) {
        Some(longest) => Err(StoreError::new(
            StoreErrorKind::MessageTooLong,
            format!(
                "the metadata has {longest} bytes, and {} signs at most {most} with Ed25519; nothing was signed",
                token.name()
            ),
            "use an ECDSA key: its message is hashed before it reaches the token",
        )),
        None => Ok(()),
    }
}

/// `root-2026`, or `with id 0a01`.
fn key_name(uri: &Pkcs11Uri) -> String {
    let id = uri.id.as_deref().map(|id| format!("id {}", hex::encode(id)));
    match (uri.object.as_deref().map(printable), id) {
        (Some(label), Some(id)) => format!("{label} ({id})"),
        (Some(label), None) => label,
        (None, Some(id)) => format!("with {id}"),
        (None, None) => "without a name".to_owned(),
    }
}
