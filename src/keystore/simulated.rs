//! A token that is not there: what a rehearsal uses in place of every `pkcs11:` store.
//!
//! Its keys are derived from the ceremony file, so a rehearsal gives the same output on every machine, and
//! everyone can compute them: the watermark of a rehearsal is what makes production refuse what they sign.
//! Behaves as a token does at the prompt: any PIN of four characters and more is right, a shorter one is wrong.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use sha2::Digest;
use sha2::Sha256;

use crate::keystore::Evidence;
use crate::keystore::Found;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::numbers::Numbers;
use crate::keystore::private_key::PrivateKey;
use crate::keystore::shares;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// The seed of one rehearsal key: `context` is the same for all keys of a ceremony (its file's bytes, say).
pub fn seed(context: &[u8], key_name: &str) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"keyrite rehearsal key\0").chain_update(context);
    hash.chain_update(b"\0").chain_update(key_name).finalize().into()
}

/// What a simulated token holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The key's scheme.
    pub scheme: Scheme,
    /// The size of an RSA key, where it is not the default.
    pub bits: Option<u32>,
}

/// A simulated token with at most one key.
pub struct Simulated {
    uri: Pkcs11Uri,
    seed: [u8; 32],
    held: Option<Held>,
}

impl Simulated {
    /// A token that answers to `uri`; its key, if it is made or `held`, is derived from `seed`.
    pub fn new(uri: &Pkcs11Uri, seed: [u8; 32], held: Option<Held>) -> Self {
        Self { uri: uri.clone(), seed, held }
    }

    fn log_in(&self, pin: Option<&SecretString>) -> Result<(), StoreError> {
        match pin.map(|pin| pin.expose_secret().chars().count()) {
            Some(4..) => Ok(()),
            Some(_) => Err(StoreError::new(
                StoreErrorKind::WrongSecret,
                format!("wrong PIN for {}; nothing was done with the key", self.name()),
                "a simulated token takes any PIN of 4 characters and more",
            )),
            None => Err(StoreError::new(
                StoreErrorKind::WrongSecret,
                format!("{} needs a PIN; nothing was done with the key", self.name()),
                "any PIN of 4 characters and more will do",
            )),
        }
    }

    fn key(&self, held: Held) -> Result<PrivateKey, StoreError> {
        let purpose = format!("generate {}", held.scheme);
        PrivateKey::generate(held.scheme, held.bits, &mut Numbers::rehearsed(&self.seed, purpose.as_bytes()))
            .map_err(|why| self.unsupported(why))
    }

    /// The private half of `public`, and no other key.
    fn key_of(&self, public: &PublicKey) -> Result<PrivateKey, StoreError> {
        let Some(held) = self.held else {
            return Err(StoreError::new(
                StoreErrorKind::NoSuchKey,
                format!("there is no key on {}; nothing was signed", self.name()),
                "generate it first",
            ));
        };
        let key = self.key(held)?;
        let own = key.public().map_err(|why| self.unsupported(why))?;
        if own.material() == public.material() {
            return Ok(key);
        }
        Err(StoreError::new(
            StoreErrorKind::WrongKey,
            format!("{} holds key {}, not {}; nothing was signed", self.name(), own.keyid(), public.keyid()),
            "a rehearsal signs with derived keys alone; rehearse a ceremony that makes its keys",
        ))
    }

    fn found(&self, held: Held) -> Result<Found, StoreError> {
        let public = self.key(held)?.public().map_err(|why| self.unsupported(why))?;
        let evidence = BTreeMap::from([("simulated".to_owned(), "true".to_owned())]);
        Ok(Found { public, evidence })
    }

    fn unsupported(&self, why: impl std::fmt::Display) -> StoreError {
        let text = format!("{} does not do that: {why}", self.name());
        StoreError::new(StoreErrorKind::Unsupported, text, "choose another scheme or size")
    }
}

impl Store for Simulated {
    fn name(&self) -> String {
        let token = self.uri.token.as_deref().or(self.uri.serial.as_deref()).unwrap_or("?");
        match &self.uri.object {
            Some(object) => format!("SIMULATED token {token}, key {object}"),
            None => format!("SIMULATED token {token}"),
        }
    }

    fn look(&mut self) -> Result<Sight, StoreError> {
        Ok(Sight {
            wants: Wants::Pin,
            pin: PinState::Normal,
            serial: self.uri.serial.clone(),
            lines: vec![self.name(), "REHEARSAL: this key is public knowledge".to_owned()],
            max_message: None,
        })
    }

    fn generate(
        &mut self,
        secret: Option<&SecretString>,
        scheme: Scheme,
        bits: Option<u32>,
    ) -> Result<Found, StoreError> {
        self.log_in(secret)?;
        if self.held.is_some() {
            return Err(StoreError::new(
                StoreErrorKind::Exists,
                format!("{} is there already; it is unchanged", self.name()),
                "name another object in the STORE",
            ));
        }
        let held = Held { scheme, bits };
        let found = self.found(held)?;
        self.held = Some(held);
        Ok(found)
    }

    fn find(&mut self, secret: Option<&SecretString>) -> Result<Option<Found>, StoreError> {
        self.log_in(secret)?;
        self.held.map(|held| self.found(held)).transpose()
    }

    fn sign(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        payloads: &[Bytes],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.log_in(secret)?;
        let key = self.key_of(public)?;
        let signed = payloads.iter().map(|payload| {
            key.sign(public, payload, || Numbers::rehearsed_for(&self.seed, payload))
                .map_err(|why| self.unsupported(why))
        });
        signed.collect()
    }

    /// It stands in for an age file as well, whose key is split.
    fn share(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        split: Split,
        index: u8,
    ) -> Result<Share, StoreError> {
        self.log_in(secret)?;
        let made = shares::split(&self.key_of(public)?, split, true).map_err(|why| self.unsupported(why))?;
        let share = made.and_then(|shares| shares.into_iter().nth(usize::from(index).checked_sub(1)?));
        share.ok_or_else(|| self.unsupported("an RSA key is not split into shares"))
    }

    fn destroy(&mut self, secret: Option<&SecretString>, public: &PublicKey) -> Result<Evidence, StoreError> {
        // It proves that it has this key.
        self.sign(secret, public, &[b"destroyed".as_slice().into()])?;
        self.held = None;
        Ok(BTreeMap::from([("simulated".to_owned(), "true".to_owned())]))
    }
}
