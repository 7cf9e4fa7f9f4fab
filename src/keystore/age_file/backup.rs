//! The key of a file in shares, and a new file from shares.

use secrecy::SecretString;

use crate::keystore::Found;
use crate::keystore::StoreError;
use crate::keystore::age_file::AgeFile;
use crate::keystore::age_file::Purpose;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::shares;
use crate::keystore::shares::Restored;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::keystore::wiped::wiped;
use crate::tuf::PublicKey;

impl AgeFile {
    pub(super) fn one_share(
        &self,
        secret: Option<&SecretString>,
        public: &PublicKey,
        split: Split,
        index: u8,
    ) -> Result<Share, StoreError> {
        let key = self.unlock_as(secret, public, "split")?;
        let rehearsal = matches!(self.purpose, Purpose::Rehearsal { .. });
        let shares = shares::split(&key, split, rehearsal).map_err(|why| self.broken(&why))?;
        let share = shares.and_then(|shares| shares.into_iter().nth(usize::from(index).checked_sub(1)?));
        share.ok_or_else(|| {
            let hint = "shares are for Ed25519, P-256 and P-384; copy the age file of an RSA key instead";
            self.error(StoreErrorKind::Unsupported, "holds a key that is not split into shares", hint)
        })
    }

    /// A new file with a key that shares gave back. An existing one is never replaced.
    pub fn restore(&mut self, secret: &SecretString, restored: &Restored) -> Result<Found, StoreError> {
        self.check_new_passphrase(secret)?;
        self.check_free()?;
        wiped(|| self.keep(&restored.0, secret))
    }
}
