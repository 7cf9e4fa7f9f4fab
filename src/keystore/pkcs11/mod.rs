//! Keys on PKCS#11 tokens, through the vendor's module.
//!
//! A module is foreign code that may crash, hang or print, so it never runs in this process. `worker` starts this
//! program again for each call, with one `job` and, through a pipe, the PIN; `module` says which file is loaded there.
//! In the worker `token` picks the one token that a URI names; `session` logs in once; `object` finds the keys;
//! `generate` and `sign` use them; `message` is the table of what modules answer. No PIN is kept, tried twice, or sent
//! to another token than the one that is named.

mod evidence;
mod generate;
mod job;
mod list;
mod message;
mod module;
mod object;
mod places;
mod raw;
mod session;
mod sign;
mod spki;
mod text;
mod token;
mod worker;

use std::path::PathBuf;
use std::thread;

use secrecy::SecretString;

pub use list::ObjectView;
pub use list::TokenView;
pub use list::list;
pub use list::show;
pub use module::ModuleFile;
pub use module::Settings;
pub use module::choose;
pub use module::read as read_module;
pub use places::reach;
pub use worker::PROBE_ARGUMENT;
pub use worker::probe_child;
pub use worker::read_answer;

use crate::keystore::Evidence;
use crate::keystore::Found;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::pkcs11::job::Said;
use crate::keystore::pkcs11::job::Work;
use crate::keystore::pkcs11::text::printable;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// One key on a token, by its URI. Nothing of the module is in this process; each call has a worker of its own.
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
    fn run(&self, secret: Option<&SecretString>, work: Work) -> Result<Said, StoreError> {
        worker::run(&self.path, &self.settings, &self.uri, secret, work, &[])
    }
}

impl Store for TokenStore {
    fn name(&self) -> String {
        format!("{}, key {}", token::wanted(&self.uri), key_name(&self.uri))
    }

    fn look(&mut self) -> Result<Sight, StoreError> {
        let (module, tokens) = worker::look(&self.path, &self.settings)?;
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
        let work = Work::Generate { scheme: scheme.as_str().to_owned(), bits };
        self.run(secret, work)?.found()?.ok_or_else(worker::nonsense)
    }

    fn find(&mut self, secret: Option<&SecretString>) -> Result<Option<Found>, StoreError> {
        self.run(secret, Work::Find)?.found()
    }

    fn shown(&mut self) -> Result<Option<Found>, StoreError> {
        self.run(None, Work::FindShown)?.found()
    }

    fn sign(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        payloads: &[Bytes],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let work =
            Work::Sign { public: public.clone(), lengths: payloads.iter().map(|one| one.len()).collect() };
        let said = worker::run(&self.path, &self.settings, &self.uri, secret, work, payloads)?;
        let signatures = said.signatures()?;
        if signatures.len() != payloads.len() {
            return Err(worker::nonsense());
        }
        // No signature leaves this file unverified: the worker is believed no more than the module in it.
        if !all_verify(public, payloads, &signatures) {
            return Err(sign::not_of_its_key(&token::wanted(&self.uri)));
        }
        Ok(signatures)
    }

    fn destroy(&mut self, secret: Option<&SecretString>, public: &PublicKey) -> Result<Evidence, StoreError> {
        let found = self.run(secret, Work::Destroy { public: public.clone() })?.found()?;
        found.map(|found| found.evidence).ok_or_else(worker::nonsense)
    }
}

/// Whether each payload has a good signature beside it. Thousands of them are proven by all cores.
fn all_verify(public: &PublicKey, payloads: &[Bytes], signatures: &[Vec<u8>]) -> bool {
    const FEW: usize = 16;
    let good = |(payloads, signatures): (&[Bytes], &[Vec<u8>])| {
        payloads.iter().zip(signatures).all(|(payload, one)| payload.verify(public, one).is_ok())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = payloads.len().div_ceil(cores).max(FEW);
    thread::scope(|scope| {
        let mut shares = payloads.chunks(share).zip(signatures.chunks(share));
        let own = shares.next();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || good(share))).collect();
        own.is_none_or(good) & others.into_iter().all(|other| other.join().unwrap_or(false))
    })
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

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;

    #[test]
    fn one_wrong_signature_among_many_is_found_wherever_it_stands() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::ed25519(signer.verifying_key().to_bytes());
        for count in [1_u8, 16, 17, 40] {
            let payloads: Vec<Bytes> = (0..count).map(|n| [n].as_slice().into()).collect();
            let good: Vec<Vec<u8>> = payloads.iter().map(|one| signer.sign(one).to_vec()).collect();
            assert!(all_verify(&public, &payloads, &good));
            for at in 0..usize::from(count) {
                let mut signatures = good.clone();
                signatures[at][0] ^= 1;

                assert!(!all_verify(&public, &payloads, &signatures), "{at} of {count}");
            }
        }
        assert!(all_verify(&public, &[], &[]));
    }
}
