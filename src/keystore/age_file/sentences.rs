//! What can be wrong with a file, in sentences with its name.

use std::io;
use std::path::Path;

use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::age_file::AgeFile;
use crate::keystore::age_format;
use crate::keystore::age_format::Refusal;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::private_key::Broken;

impl AgeFile {
    pub(super) fn error(&self, kind: StoreErrorKind, what: &str, hint: &str) -> StoreError {
        StoreError::new(kind, format!("{} {what}", self.name()), hint)
    }

    pub(super) fn io(&self, what: &str, error: &io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => self.exists(),
            io::ErrorKind::PermissionDenied => {
                let hint = "look at the owner and mode of the file and its directory";
                self.error(StoreErrorKind::Io, &format!("{what}: permission denied"), hint)
            }
            io::ErrorKind::NotFound => {
                let directory = directory_shown(&self.shown);
                let hint = format!("make the directory {directory} first");
                self.error(StoreErrorKind::Io, &format!("{what}: its directory is not there"), &hint)
            }
            _ => self.error(StoreErrorKind::Io, &format!("{what}: {error}"), "look at the disk and the path"),
        }
    }

    pub(super) fn exists(&self) -> StoreError {
        let hint = "choose another name; this program never overwrites a key";
        self.error(StoreErrorKind::Exists, "is there already; it is unchanged", hint)
    }

    pub(super) fn not_made(&self, why: &dyn std::fmt::Display) -> StoreError {
        let text = format!("cannot hold {why}; nothing was written");
        self.error(StoreErrorKind::Unsupported, &text, "choose another scheme or size")
    }

    pub(super) fn broken(&self, why: &Broken) -> StoreError {
        let text = format!("cannot be used: {why}");
        self.error(
            StoreErrorKind::Damaged,
            &text,
            "try again; if it stays, use another machine or another copy",
        )
    }

    /// Each refusal of the age format as its own sentence.
    pub(super) fn refused(&self, why: Refusal) -> StoreError {
        use StoreErrorKind::Damaged;
        use StoreErrorKind::Foreign;
        const COPY: &str = "use another copy of the file; this one is unchanged";
        let (kind, what, hint) = match why {
            Refusal::Empty => (Damaged, "is empty", COPY),
            Refusal::NotAge => (Foreign, "is not an age file", "name a file that age or this program made"),
            Refusal::NotEncrypted => (
                Foreign,
                "is a private key that is not encrypted; it is refused",
                "encrypt it with age -p -a, and destroy the plain one; treat it as seen by others",
            ),
            Refusal::NewerFormat => {
                (Foreign, "is in a version of age that this program does not know", "use a newer keyrite")
            }
            Refusal::OtherRecipients => (
                Foreign,
                "is encrypted for other keys, not with a passphrase",
                "decrypt it with age -d -i IDENTITY, and encrypt it with age -p -a",
            ),
            Refusal::TooMuchWork(work) => {
                let what = format!(
                    "asks for a work factor of {work}; the most that is taken here is {}",
                    age_format::MOST_WORK
                );
                let hint = "on a large machine, decrypt it with age -d and encrypt it again with age -p -a";
                return self.error(StoreErrorKind::Unsupported, &what, hint);
            }
            Refusal::NoRoom => (
                StoreErrorKind::Unsupported,
                "was not opened: this machine has not the memory for its work factor free",
                "end other programs, or raise the limit (ulimit -v); the file is unchanged",
            ),
            Refusal::CutShort => (Damaged, "is cut short", COPY),
            Refusal::Damaged => (Damaged, "is damaged: it was changed or cut short", COPY),
            Refusal::TooLong => (Foreign, "is longer than any key file", "name a file with one key in it"),
            Refusal::WrongPassphrase => (
                StoreErrorKind::WrongSecret,
                "was not opened: wrong passphrase",
                "type it again; look at Caps Lock and the keyboard layout; tries are not counted",
            ),
        };
        self.error(kind, what, hint)
    }
}

fn directory_shown(shown: &str) -> &str {
    Path::new(shown).parent().and_then(Path::to_str).filter(|text| !text.is_empty()).unwrap_or(".")
}
