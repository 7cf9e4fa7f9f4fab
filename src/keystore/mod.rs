//! Where private keys live: age files, PKCS#11 tokens, and simulated tokens for rehearsals.
//!
//! A [`Store`] holds one key. Each call that needs a secret takes it once and uses it for one login;
//! nothing is cached, and a secret goes to the one store that the ceremony file names.
//! Nothing in here decides: what a ceremony allows is settled before a store is asked.

pub mod age_file;
mod age_format;
pub mod dice;
pub mod error;
pub mod hygiene;
mod new_file;
mod numbers;
pub mod open;
pub mod pkcs11;
mod private_key;
pub mod public_file;
pub mod quiet;
pub mod sandbox;
pub mod shares;
pub mod simulated;
mod wiped;

pub use error::StoreError;
pub use open::Opening;
pub use open::open;

use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::dice::Dice;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// What a store asks for before it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wants {
    /// The passphrase of an age file.
    Passphrase,
    /// A token's PIN, typed here.
    Pin,
    /// A token's PIN, typed on the token's own pad: no secret passes through us.
    PinPad,
}

/// What a token says of its PIN, before anyone types it. Tokens report it badly: `Unknown` is common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinState {
    /// No warning.
    Normal,
    /// The last try was wrong.
    CountLow,
    /// One try left: a wrong PIN locks the token.
    FinalTry,
    /// No try left.
    Locked,
    /// No user PIN has been set.
    NotSet,
    /// Not a token.
    Unknown,
}

impl PinState {
    /// What people are told of a PIN before they type it; `None` when there is nothing to say.
    pub fn line(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::CountLow => Some("a PIN typed before was wrong; few tries may be left"),
            Self::FinalTry => Some("ONE TRY LEFT: a wrong PIN locks the token"),
            Self::Locked => Some("the PIN is locked"),
            Self::NotSet => Some("no user PIN has been set"),
            Self::Unknown => Some("the token does not say how many tries its PIN has left"),
        }
    }
}

/// What can be seen of a store without any secret. All text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// What it asks for.
    pub wants: Wants,
    /// The PIN's state.
    pub pin: PinState,
    /// The token's serial number.
    pub serial: Option<String>,
    /// Lines for people, such as `token ROOT-BO, serial 4242, YubiKey 5 (Yubico)`.
    pub lines: Vec<String>,
    /// The longest message that it signs with Ed25519, where it has a limit.
    pub max_message: Option<u64>,
}

/// The key that a store holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Its public half.
    pub public: PublicKey,
    /// What the store says of where the key came from, by name: `CKA_LOCAL` -> `true`, `serial` -> `4242`, ...
    /// Reported by the token itself: it can disprove, not prove.
    pub evidence: std::collections::BTreeMap<String, String>,
}

/// Where one private key lives.
pub trait Store: Send {
    /// A name that people recognise, such as `age file keys/ana.age` or `token ROOT-BO, key root-2026`.
    fn name(&self) -> String;

    /// Looks without a secret. For a token: finds it now; errors say that it is missing, ambiguous, locked.
    /// For an age file that should exist: that it is there and is an age file.
    fn look(&mut self) -> Result<Sight, StoreError>;

    /// Takes throws of dice for the key that is made next. A token makes its keys alone, and has no use for them.
    fn take_dice(&mut self, dice: Dice) {
        drop(dice);
    }

    /// Makes a key. Never replaces one: an existing file, or a label in use, is `StoreError::Exists`.
    fn generate(
        &mut self,
        secret: Option<&SecretString>,
        scheme: Scheme,
        bits: Option<u32>,
    ) -> Result<Found, StoreError>;

    /// The key that is there already, `None` when there is none.
    fn find(&mut self, secret: Option<&SecretString>) -> Result<Option<Found>, StoreError>;

    /// The key as a token shows it to everyone: no secret, no login, no pad. `None` where it is not shown, as in files.
    fn shown(&mut self) -> Result<Option<Found>, StoreError> {
        Ok(None)
    }

    /// Signs each payload under one login, with the private half of `public` and no other.
    /// Every signature has been verified with `public` before it is returned. ECDSA signatures are DER.
    fn sign(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        payloads: &[Bytes],
    ) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Finds the key and signs with it, as what `signs_as` makes of it; without a signature where that is nothing. An age
    /// file is decrypted once for both.
    fn find_and_sign(
        &mut self,
        secret: Option<&SecretString>,
        signs_as: &dyn Fn(&Found) -> Option<PublicKey>,
        payloads: &[Bytes],
    ) -> Result<Option<(Found, Signatures)>, StoreError> {
        let Some(found) = self.find(secret)? else { return Ok(None) };
        let signed = signs_as(&found).map(|public| self.sign(secret, &public, payloads));
        Ok(Some((found, signed.transpose()?.unwrap_or_default())))
    }

    /// One share of the private half of `public`: the same one each time. A token's key does not leave it.
    fn share(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        split: Split,
        index: u8,
    ) -> Result<Share, StoreError> {
        let _ = (secret, public, split, index);
        let text = format!("the key of {} does not leave it, and is not split", self.name());
        Err(StoreError::new(StoreErrorKind::Unsupported, text, "shares are for keys in age files"))
    }

    /// Destroys the private half of `public`, and no other key, and returns what the store says of it.
    fn destroy(&mut self, secret: Option<&SecretString>, public: &PublicKey) -> Result<Evidence, StoreError>;
}

/// One for each payload, in their order.
pub type Signatures = Vec<Vec<u8>>;

/// What a store reports, by name.
pub type Evidence = std::collections::BTreeMap<String, String>;
