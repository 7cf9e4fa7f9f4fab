//! A private key in a file that age encrypts with a passphrase: `age:PATH`.
//!
//! The plaintext is PKCS#8 PEM, so `age -d FILE | openssl pkey -text` recovers the key without this program.
//! A file made in a rehearsal has [`WATERMARK`] as its first line; production refuses it, and a rehearsal
//! refuses every other. The passphrase is used for one call and never kept.

mod backup;
mod sentences;

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use ed25519_dalek::rand_core::Rng;
use ed25519_dalek::rand_core::UnwrapErr;
use getrandom::SysRng;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::keystore::Evidence;
use crate::keystore::Found;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Signatures;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::age_format;
use crate::keystore::age_format::Plaintext;
use crate::keystore::age_format::Refusal;
use crate::keystore::dice::Dice;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::new_file;
use crate::keystore::new_file::Pending;
use crate::keystore::numbers::Numbers;
use crate::keystore::private_key;
use crate::keystore::private_key::BadPrivateKey;
use crate::keystore::private_key::PrivateKey;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::keystore::wiped::wiped;
use crate::keystore::wiped::wiped_signing;
use crate::tuf::Bytes;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// scrypt's work factor when nobody says otherwise, as a power of two: 256 MiB, half a second.
pub const WORK_FACTOR: u8 = 18;

/// The shortest passphrase that a new file takes, in characters.
pub const SHORTEST_PASSPHRASE: usize = 8;

/// A passphrase shorter than this deserves a warning, in characters.
pub const GOOD_PASSPHRASE: usize = 14;

/// The first line of every key file that a rehearsal makes.
pub const WATERMARK: &str = "REHEARSAL KEY, NOT FOR PRODUCTION";

/// An age file, existing or to be made.
pub struct AgeFile {
    path: PathBuf,
    shown: String,
    work_factor: u8,
    purpose: Purpose,
    dice: Option<Dice>,
}

enum Purpose {
    Production,
    Rehearsal { derived_from: Option<[u8; 32]> },
}

impl AgeFile {
    /// The file at `path`, called `shown` before people. `work_factor` is for writing.
    pub fn new(path: impl Into<PathBuf>, shown: impl Into<String>, work_factor: u8) -> Self {
        Self { path: path.into(), shown: shown.into(), work_factor, purpose: Purpose::Production, dice: None }
    }

    /// The same file in a rehearsal. With `derived_from`, the key that is made is derived, not random.
    pub fn for_rehearsal(self, derived_from: Option<[u8; 32]>) -> Self {
        Self { purpose: Purpose::Rehearsal { derived_from }, ..self }
    }

    /// Encrypts the file anew, with the passphrase `new`. This is the only thing that replaces a key file: the new
    /// one is written beside it, read back and decrypted first, and the old one is intact after any failure.
    pub fn change_passphrase(&mut self, old: &SecretString, new: &SecretString) -> Result<Found, StoreError> {
        wiped(|| self.encrypt_anew(old, new))
    }

    fn encrypt_anew(&self, old: &SecretString, new: &SecretString) -> Result<Found, StoreError> {
        let bytes = self.read()?;
        let (plaintext, key) = self.decrypt(&bytes, old)?;
        self.check_new_passphrase(new)?;
        // A link stays a link: what it points at is replaced.
        let path = fs::canonicalize(&self.path).map_err(|e| self.io("cannot be found again", &e))?;
        let pending = self.write_beside(&path, plaintext.as_bytes(), new)?;
        pending.replace().map_err(|e| self.io("could not be replaced", &e))?;
        self.found(&key)
    }

    /// Whether a key can be made here: nothing has the name, and its directory is there. Nothing is written.
    pub fn check_free(&self) -> Result<(), StoreError> {
        if self.path.symlink_metadata().is_ok() {
            return Err(self.exists());
        }
        if !new_file::directory_of(&self.path).is_dir() {
            return Err(self.io("cannot be written", &io::ErrorKind::NotFound.into()));
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<u8>, StoreError> {
        // Not blocking: a pipe with that name must not stop a ceremony.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let hint = "look at the path; a relative path starts at the ceremony file or the current directory";
                return self.error(StoreErrorKind::NoSuchKey, "is not there", hint);
            }
            self.io("cannot be opened", &error)
        })?;
        let meta = file.metadata().map_err(|e| self.io("cannot be read", &e))?;
        if meta.is_dir() {
            let hint = "name the file in it";
            return Err(self.error(StoreErrorKind::Foreign, "is a directory, not a file", hint));
        }
        if !meta.is_file() {
            return Err(self.error(StoreErrorKind::Foreign, "is not a regular file", "name an age file"));
        }
        new_file::read_bounded(&mut file).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => self.refused(Refusal::TooLong),
            _ => self.io("cannot be read", &error),
        })
    }

    /// Decrypts, and refuses keys of the other purpose: the one place where a rehearsal and production part.
    fn decrypt(
        &self,
        bytes: &[u8],
        passphrase: &SecretString,
    ) -> Result<(Plaintext, PrivateKey), StoreError> {
        let plaintext = age_format::decrypt(bytes, passphrase).map_err(|why| self.refused(why))?;
        let text = std::str::from_utf8(plaintext.as_bytes()).map_err(|_| {
            let hint = "the text inside must be a PKCS#8 PEM block";
            self.error(StoreErrorKind::Foreign, "holds something that is not a private key", hint)
        })?;
        let head = text.split("-----BEGIN ").next().unwrap_or_default();
        match (&self.purpose, head.contains(WATERMARK)) {
            (Purpose::Production, false) | (Purpose::Rehearsal { .. }, true) => {}
            (Purpose::Production, true) => {
                return Err(self.error(
                    StoreErrorKind::Rehearsal,
                    "holds a key that was made in a rehearsal; it is refused, and nothing was done with it",
                    "make a new key; never trust this one",
                ));
            }
            (Purpose::Rehearsal { .. }, false) => {
                return Err(self.error(
                    StoreErrorKind::Rehearsal,
                    "holds a production key; a rehearsal does not touch it",
                    "rehearse with keys that the rehearsal makes",
                ));
            }
        }
        let key = PrivateKey::from_pem(text).map_err(|why| match why {
            BadPrivateKey::NotPkcs8(what, hint) => {
                self.error(StoreErrorKind::Foreign, &format!("holds {what}"), hint)
            }
            BadPrivateKey::Unsupported(what) => {
                let hint = "use Ed25519, P-256, P-384, or RSA from 2048 to 8192 bits";
                self.error(StoreErrorKind::Unsupported, &format!("holds {what}"), hint)
            }
        })?;
        Ok((plaintext, key))
    }

    /// Writes a temporary file with `plaintext`, and proves from the disk that `passphrase` gives it back.
    fn write_beside(
        &self,
        path: &Path,
        plaintext: &[u8],
        passphrase: &SecretString,
    ) -> Result<Pending, StoreError> {
        let bytes = age_format::encrypt(plaintext, passphrase, self.work_factor)
            .map_err(|e| self.io("could not be encrypted", &e))?;
        let pending = Pending::write(path, &bytes).map_err(|e| self.io("could not be written", &e))?;
        let back = pending.read_back().map_err(|e| self.io("could not be read back", &e))?;
        let (again, _) = self.decrypt(&back, passphrase)?;
        if again.as_bytes() != plaintext {
            let hint = "the disk may be failing; use another one";
            return Err(self.error(StoreErrorKind::Damaged, "reads back as something else", hint));
        }
        Ok(pending)
    }

    fn check_new_passphrase(&self, passphrase: &SecretString) -> Result<(), StoreError> {
        if passphrase.expose_secret().chars().count() >= SHORTEST_PASSPHRASE {
            return Ok(());
        }
        let text =
            format!("needs a passphrase of {SHORTEST_PASSPHRASE} characters and more; nothing was written");
        Err(self.error(StoreErrorKind::WrongSecret, &text, "five or six random words are good"))
    }

    fn unlock(&self, secret: Option<&SecretString>) -> Result<PrivateKey, StoreError> {
        let bytes = self.read()?;
        if secret.is_none() {
            // A file that no passphrase opens is told first.
            age_format::inspect(&bytes).map_err(|why| self.refused(why))?;
        }
        let (_, key) = self.decrypt(&bytes, self.passphrase(secret)?)?;
        Ok(key)
    }

    /// The private half of `public`, and no other key; else what was not done.
    fn unlock_as(
        &self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        not_done: &str,
    ) -> Result<PrivateKey, StoreError> {
        let key = self.unlock(secret)?;
        let own = self.found(&key)?.public;
        if own.material() == public.material() {
            return Ok(key);
        }
        let text = format!("holds key {}, not {}; nothing was {not_done}", own.keyid(), public.keyid());
        let hint = "find the file of the key that the plan names";
        Err(self.error(StoreErrorKind::WrongKey, &text, hint))
    }

    fn passphrase<'a>(&self, secret: Option<&'a SecretString>) -> Result<&'a SecretString, StoreError> {
        let text = "needs its passphrase; nothing was done with it";
        secret.ok_or_else(|| self.error(StoreErrorKind::WrongSecret, text, "type the passphrase"))
    }

    fn new_key(&self, scheme: Scheme, bits: Option<u32>) -> Result<PrivateKey, StoreError> {
        private_key::check_bits(scheme, bits).map_err(|why| self.not_made(&why))?;
        let key = match &self.purpose {
            Purpose::Rehearsal { derived_from: Some(seed) } => {
                let purpose = format!("generate {scheme}");
                PrivateKey::generate(scheme, bits, &mut Numbers::rehearsed(seed, purpose.as_bytes()))
            }
            Purpose::Production | Purpose::Rehearsal { derived_from: None } => match &self.dice {
                None => PrivateKey::generate(scheme, bits, &mut self.random()?),
                Some(dice) => {
                    let mut kernel = Zeroizing::new([0; 32]);
                    Rng::fill_bytes(&mut self.random()?, &mut *kernel);
                    PrivateKey::generate(scheme, bits, &mut dice.numbers(scheme, &kernel))
                }
            },
        };
        key.map_err(|why| self.not_made(&why))
    }

    /// The kernel's random numbers; asked once first, so that a kernel without any is an error and not a panic.
    fn random(&self) -> Result<UnwrapErr<SysRng>, StoreError> {
        getrandom::fill(&mut [0; 8]).map_err(|_| {
            let hint = "the kernel gives no random numbers; use another machine";
            self.error(StoreErrorKind::Io, "gets no random numbers", hint)
        })?;
        Ok(UnwrapErr(SysRng))
    }

    fn make(
        &self,
        secret: Option<&SecretString>,
        scheme: Scheme,
        bits: Option<u32>,
    ) -> Result<Found, StoreError> {
        let passphrase = self.passphrase(secret)?;
        self.check_new_passphrase(passphrase)?;
        self.check_free()?;
        let key = self.new_key(scheme, bits)?;
        let mut found = self.keep(&key, passphrase)?;
        if let Some(dice) = &self.dice {
            let made = match self.purpose {
                Purpose::Production => dice.recipe(),
                Purpose::Rehearsal { .. } => format!("rehearsed, not used: {}", dice.recipe()),
            };
            found.evidence.insert("entropy".to_owned(), made);
        }
        Ok(found)
    }

    /// A new file with this key, under its name when it can be opened again and the key signs.
    fn keep(&self, key: &PrivateKey, passphrase: &SecretString) -> Result<Found, StoreError> {
        let pem = key.to_pem().map_err(|why| self.broken(&why))?;
        let mark = match self.purpose {
            Purpose::Production => "",
            Purpose::Rehearsal { .. } => WATERMARK,
        };
        let mut plaintext = Zeroizing::new(Vec::with_capacity(mark.len() + 1 + pem.len()));
        if !mark.is_empty() {
            plaintext.extend_from_slice(mark.as_bytes());
            plaintext.push(b'\n');
        }
        plaintext.extend_from_slice(pem.as_bytes());
        let pending = self.write_beside(&self.path, &plaintext, passphrase)?;
        let found = self.found(key)?;
        // One signature before the key has a name: a key that cannot sign is never handed to anyone.
        let (random, text) = (self.random()?, b"keyrite: a new key signs once".as_slice());
        key.sign(&found.public, &text.into(), || random).map_err(|why| self.broken(&why))?;
        pending.publish().map_err(|e| self.io("could not be given its name", &e))?;
        Ok(found)
    }

    fn held(&self, secret: Option<&SecretString>) -> Result<Option<(PrivateKey, Found)>, StoreError> {
        match self.unlock(secret) {
            Ok(key) => self.found(&key).map(|found| Some((key, found))),
            Err(error) if error.kind == StoreErrorKind::NoSuchKey => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn signatures(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
        payloads: &[Bytes],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let signed = payloads.iter().map(|payload| match &self.purpose {
            Purpose::Rehearsal { derived_from: Some(seed) } => key
                .sign(public, payload, || Numbers::rehearsed_for(seed, payload))
                .map_err(|why| self.broken(&why)),
            Purpose::Production | Purpose::Rehearsal { derived_from: None } => {
                let random = self.random()?;
                key.sign(public, payload, || random).map_err(|why| self.broken(&why))
            }
        });
        signed.collect()
    }

    fn found(&self, key: &PrivateKey) -> Result<Found, StoreError> {
        let public = key.public().map_err(|why| self.broken(&why))?;
        let mut evidence = BTreeMap::from([("store".to_owned(), "age file".to_owned())]);
        if let Purpose::Rehearsal { .. } = self.purpose {
            evidence.insert("rehearsal".to_owned(), "true".to_owned());
        }
        Ok(Found { public, evidence })
    }
}

impl Store for AgeFile {
    fn share(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        split: Split,
        index: u8,
    ) -> Result<Share, StoreError> {
        wiped(|| self.one_share(secret, public, split, index))
    }

    fn take_dice(&mut self, dice: Dice) {
        self.dice = Some(dice);
    }

    fn name(&self) -> String {
        format!("age file {}", self.shown)
    }

    fn look(&mut self) -> Result<Sight, StoreError> {
        let work = age_format::inspect(&self.read()?).map_err(|why| self.refused(why))?;
        let mut lines = vec![format!("{}, scrypt work factor {work}", self.name())];
        if let Purpose::Rehearsal { .. } = self.purpose {
            lines.push(WATERMARK.to_owned());
        }
        Ok(Sight { wants: Wants::Passphrase, pin: PinState::Unknown, serial: None, lines, max_message: None })
    }

    fn generate(
        &mut self,
        secret: Option<&SecretString>,
        scheme: Scheme,
        bits: Option<u32>,
    ) -> Result<Found, StoreError> {
        wiped(|| self.make(secret, scheme, bits))
    }

    fn find(&mut self, secret: Option<&SecretString>) -> Result<Option<Found>, StoreError> {
        wiped_signing(|| Ok(self.held(secret)?.map(|(_, found)| found)))
    }

    fn sign(
        &mut self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        payloads: &[Bytes],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        wiped_signing(|| self.signatures(&self.unlock_as(secret, public, "signed")?, public, payloads))
    }

    fn find_and_sign(
        &mut self,
        secret: Option<&SecretString>,
        signs_as: &dyn Fn(&Found) -> Option<PublicKey>,
        payloads: &[Bytes],
    ) -> Result<Option<(Found, Signatures)>, StoreError> {
        wiped_signing(|| {
            let Some((key, found)) = self.held(secret)? else { return Ok(None) };
            let signed = signs_as(&found).map(|public| self.signatures(&key, &public, payloads));
            Ok(Some((found, signed.transpose()?.unwrap_or_default())))
        })
    }

    /// Overwrites the file and removes it. A disk may keep what was overwritten: the passphrase is destroyed with it.
    fn destroy(&mut self, secret: Option<&SecretString>, public: &PublicKey) -> Result<Evidence, StoreError> {
        self.unlock_as(secret, public, "destroyed")?;
        // A link stays a link: what it points at is destroyed.
        let path = fs::canonicalize(&self.path).map_err(|e| self.io("cannot be found again", &e))?;
        new_file::destroy(&path).map_err(|e| self.io("could not be destroyed", &e))?;
        let how = "overwritten and removed; a copy elsewhere is not known here";
        Ok(BTreeMap::from([
            ("store".to_owned(), "age file".to_owned()),
            ("destroyed".to_owned(), how.to_owned()),
        ]))
    }
}
