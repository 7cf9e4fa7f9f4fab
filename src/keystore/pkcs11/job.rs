//! What a worker is given to do, what it says, and how it does it. Nothing here knows of processes.

use std::io;
use std::io::Read;

use cryptoki::context::Pkcs11;
use cryptoki::slot::Slot;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::Found;
use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::evidence;
use crate::keystore::pkcs11::generate;
use crate::keystore::pkcs11::key_name;
use crate::keystore::pkcs11::list;
use crate::keystore::pkcs11::list::ObjectView;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::object::KeyPair;
use crate::keystore::pkcs11::object::Objects;
use crate::keystore::pkcs11::session::Login;
use crate::keystore::pkcs11::sign;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::keystore::pkcs11::worker;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// One call. The PIN is not in it.
#[derive(Serialize, Deserialize)]
pub(super) enum Work {
    /// Every token.
    Look,
    /// What the token shows without a login.
    Show,
    /// A key that the token shows without a login, though it has a pad.
    FindShown,
    Find,
    Generate {
        scheme: String,
        bits: Option<u32>,
    },
    /// The key and everything that the token keeps beside it.
    Destroy {
        public: PublicKey,
    },
    /// The payloads follow the job, one behind the other, and nothing follows them.
    Sign {
        public: PublicKey,
        lengths: Vec<usize>,
    },
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub(super) enum Said {
    Tokens(Vec<Token>),
    Objects(Vec<ObjectView>),
    Found(Option<Found>),
    /// In hex.
    Signed(Vec<String>),
    Failed(StoreErrorKind, String, String),
}

impl Said {
    pub(super) fn tokens(self) -> Result<Vec<Token>, StoreError> {
        match self {
            Self::Tokens(tokens) => Ok(tokens),
            other => Err(other.refusal()),
        }
    }

    pub(super) fn objects(self) -> Result<Vec<ObjectView>, StoreError> {
        match self {
            Self::Objects(objects) => Ok(objects),
            other => Err(other.refusal()),
        }
    }

    pub(super) fn found(self) -> Result<Option<Found>, StoreError> {
        match self {
            Self::Found(found) => Ok(found),
            other => Err(other.refusal()),
        }
    }

    pub(super) fn signatures(self) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Signed(all) => {
                all.iter().map(|one| hex::decode(one).map_err(|_| worker::nonsense())).collect()
            }
            other => Err(other.refusal()),
        }
    }

    fn refusal(self) -> StoreError {
        match self {
            Self::Failed(kind, text, hint) => StoreError::new(kind, text, hint),
            Self::Tokens(_) | Self::Objects(_) | Self::Found(_) | Self::Signed(_) => worker::nonsense(),
        }
    }
}

/// Does `work` through a module that is initialised, with the payloads that come with it.
pub(super) fn perform(
    p11: &Pkcs11,
    module: &ModuleFile,
    uri: &Pkcs11Uri,
    secret: Option<&SecretString>,
    work: &Work,
    payloads: &mut dyn Read,
) -> Result<Said, StoreError> {
    let tokens = token::all(p11, &module.path)?;
    if matches!(work, Work::Look) {
        return Ok(Said::Tokens(tokens));
    }
    let token = token::pick(tokens, uri)?;
    let call = Call { p11, module, uri, secret, token: &token };
    match work {
        Work::Look | Work::Show => list::objects(p11, &token).map(Said::Objects),
        Work::FindShown => call.find_shown().map(Said::Found),
        Work::Find => call.find().map(Said::Found),
        Work::Generate { scheme, bits } => {
            let scheme = scheme.parse().map_err(|_| worker::nonsense())?;
            call.generate(scheme, *bits).map(|found| Said::Found(Some(found)))
        }
        Work::Destroy { public } => call.destroy(public).map(|found| Said::Found(Some(found))),
        Work::Sign { public, lengths } => {
            let signed = call.sign(public, lengths, payloads)?;
            Ok(Said::Signed(signed.iter().map(hex::encode).collect()))
        }
    }
}

struct Call<'a> {
    p11: &'a Pkcs11,
    module: &'a ModuleFile,
    uri: &'a Pkcs11Uri,
    secret: Option<&'a SecretString>,
    token: &'a Token,
}

impl Call<'_> {
    fn login(&self, write: bool) -> Result<Login<'_>, StoreError> {
        Login::user(self.p11, self.module, self.token, self.uri, self.secret, write)
    }

    fn generate(&self, scheme: Scheme, bits: Option<u32>) -> Result<Found, StoreError> {
        let mechanisms = Slot::try_from(self.token.slot)
            .and_then(|slot| self.p11.get_mechanism_list(slot))
            .map_err(|error| message::explain(&self.token.name(), &error))?;
        generate::check_can(self.token, &mechanisms, scheme, bits)?;
        generate::generate(&self.login(true)?, self.module, self.uri, scheme, bits)
    }

    fn find_shown(&self) -> Result<Option<Found>, StoreError> {
        let name = self.token.name();
        let login = Login::none(self.p11, self.token)?;
        let objects = Objects::read(&login.session, &name)?;
        let found = one_key(objects.matching_public(self.uri)?, &name)?;
        let evidence = evidence::of(&objects, None, self.token, self.module)?;
        Ok(found.map(|public| Found { public, evidence }))
    }

    fn find(&self) -> Result<Option<Found>, StoreError> {
        let name = self.token.name();
        if self.secret.is_none() && !self.token.pin_pad {
            return self.find_shown();
        }
        let login = self.login(false)?;
        let objects = Objects::read(&login.session, &name)?;
        let Some(pair) = one_key(objects.matching(self.uri)?, &name)? else { return Ok(None) };
        let Some(public) = pair.public else { return Err(foreign(&name)) };
        let evidence = evidence::of(&objects, Some(pair.private), self.token, self.module)?;
        Ok(Some(Found { public, evidence }))
    }

    /// Signs payloads of these `lengths`, each when it comes.
    fn sign(
        &self,
        public: &PublicKey,
        lengths: &[usize],
        payloads: &mut dyn Read,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        check_lengths(self.token, public.scheme(), lengths)?;
        let login = self.login(false)?;
        let name = self.token.name();
        let objects = Objects::read(&login.session, &name)?;
        let pair = self.pair_of(&objects, public, "signed")?;
        let mut coming =
            lengths.iter().map(|length| read_one(payloads, *length).map_err(|_| worker::nonsense()));
        let signed = sign::sign_all(&login, self.module, &pair, public, &mut coming)?;
        match payloads.read(&mut [0]) {
            Ok(0) => Ok(signed),
            Ok(_) | Err(_) => Err(worker::nonsense()),
        }
    }

    /// The key that is wanted, known by its material; label, id and serial only say where to look.
    fn pair_of(&self, objects: &Objects<'_>, public: &PublicKey, what: &str) -> Result<KeyPair, StoreError> {
        let name = self.token.name();
        let pairs = objects.matching(self.uri)?;
        if pairs.is_empty() {
            return Err(StoreError::new(
                StoreErrorKind::NoSuchKey,
                format!("{name} has no key {}", key_name(self.uri)),
                "check object= and id= of the STORE; `keyrite token show` lists what is there",
            ));
        }
        let wanted = public.material();
        let is_it = |pair: &KeyPair| pair.public.as_ref().is_some_and(|has| has.material() == wanted);
        pairs.into_iter().find(is_it).ok_or_else(|| {
            StoreError::new(
                StoreErrorKind::WrongKey,
                format!(
                    "the key {} on {name} is not the one that is wanted; nothing was {what}",
                    key_name(self.uri)
                ),
                "insert the token that holds the key, or correct the STORE",
            )
        })
    }

    /// Destroys the key, then looks again: it must be gone.
    fn destroy(&self, public: &PublicKey) -> Result<Found, StoreError> {
        let name = self.token.name();
        let login = self.login(true)?;
        let explain = |error| message::explain(&name, &error);
        let objects = Objects::read(&login.session, &name)?;
        let pair = self.pair_of(&objects, public, "destroyed")?;
        let mut evidence = evidence::of(&objects, Some(pair.private), self.token, self.module)?;
        let beside = objects.beside(pair.private);
        login.session.destroy_object(pair.private).map_err(explain)?;
        for handle in beside {
            // What is public may stay where the token will not let it go.
            drop(login.session.destroy_object(handle));
        }
        let left = Objects::read(&login.session, &name)?;
        if self.pair_of(&left, public, "destroyed").is_ok() {
            return Err(StoreError::new(
                StoreErrorKind::Io,
                format!("{name} says that it destroyed key {}, and still has it", key_name(self.uri)),
                "destroy the token itself, and write that down as an exception",
            ));
        }
        evidence.insert("destroyed".to_owned(), "the token no longer shows it".to_owned());
        Ok(Found { public: public.clone(), evidence })
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

/// The next payload.
fn read_one(payloads: &mut dyn Read, length: usize) -> io::Result<Vec<u8>> {
    let mut payload = vec![0; length];
    payloads.read_exact(&mut payload)?;
    Ok(payload)
}

/// Tokens hash Ed25519 messages themselves, and some have little room for them.
fn check_lengths(token: &Token, scheme: Scheme, lengths: &[usize]) -> Result<(), StoreError> {
    let Some(most) = token.max_message().filter(|_| scheme == Scheme::Ed25519) else { return Ok(()) };
    match lengths.iter().map(|length| *length as u64).max().filter(|longest| *longest > most) {
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
