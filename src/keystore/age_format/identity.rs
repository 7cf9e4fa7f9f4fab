//! The one stanza of a passphrase's header, `-> scrypt SALT WORK`: <https://age-encryption.org/v1>.
//!
//! The library's own identity keeps a copy of the passphrase, and each one that is made first measures how fast this
//! machine derives keys, for 2 ms, to find a limit that is [`MOST_WORK`] here. These come in by its extension point,
//! and everything else of the format stays its own. The rules of the stanza are in [`asked`] alone.

use std::cell::Cell;

use age::DecryptError;
use age::Identity;
use age_core::format::FILE_KEY_BYTES;
use age_core::format::FileKey;
use age_core::format::Stanza;
use age_core::primitives::aead_decrypt;
use scrypt::Params;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::keystore::age_format::MOST_WORK;
use crate::keystore::age_format::has_room;
use crate::tuf::base64;

const TAG: &str = "scrypt";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const SALT_BYTES: usize = 16;
/// What ChaCha20-Poly1305 adds to the file key.
const SEAL_BYTES: usize = 16;

/// A passphrase, which stays where it is.
pub(super) struct Passphrase<'a>(pub(super) &'a SecretString);

impl Identity for Passphrase<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        Some(asked(stanza)?.and_then(|asked| self.file_key(&asked, &stanza.body)))
    }
}

impl Passphrase<'_> {
    fn file_key(&self, asked: &Asked, sealed: &[u8]) -> Result<FileKey, DecryptError> {
        let params = Params::new(asked.work, 8, 1, 32).map_err(|_| excessive(asked.work))?;
        has_room(asked.work).map_err(DecryptError::Io)?;
        let salt = [SALT_LABEL, &asked.salt].concat();
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(self.0.expose_secret().as_bytes(), &salt, &params, &mut *key)
            .map_err(|_| DecryptError::KeyDecryptionFailed)?;
        let opened = Zeroizing::new(aead_decrypt(&key, FILE_KEY_BYTES, sealed)?);
        Ok(FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&opened)))
    }
}

/// Sees how much work is asked for, and opens nothing.
#[derive(Default)]
pub(super) struct Glance(Cell<Option<u8>>);

impl Glance {
    /// The work factor, as a power of two.
    pub(super) fn work(&self) -> Option<u8> {
        self.0.get()
    }
}

impl Identity for Glance {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        match asked(stanza)? {
            Ok(asked) => {
                self.0.set(Some(asked.work));
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// What a stanza asks a passphrase to do.
struct Asked {
    salt: [u8; SALT_BYTES],
    work: u8,
}

/// Reads a stanza in the one form that it may have; `None` when it is not for a passphrase. No more work than
/// [`MOST_WORK`] is ever begun.
fn asked(stanza: &Stanza) -> Option<Result<Asked, DecryptError>> {
    if stanza.tag != TAG {
        return None;
    }
    let read = || match stanza.args.as_slice() {
        [salt, work] if stanza.body.len() == FILE_KEY_BYTES + SEAL_BYTES => {
            let salt = base64::decode(&format!("{salt}=="))?.try_into().ok()?;
            Some(Asked { salt, work: decimal(work)? })
        }
        _ => None,
    };
    Some(match read() {
        Some(asked) if asked.work > MOST_WORK => Err(excessive(asked.work)),
        Some(asked) => Ok(asked),
        None => Err(DecryptError::InvalidHeader),
    })
}

/// Digits alone, the first of them not zero.
fn decimal(text: &str) -> Option<u8> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| canonical)
}

fn excessive(required: u8) -> DecryptError {
    DecryptError::ExcessiveWork { required, target: MOST_WORK }
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::Recipient;

    use crate::keystore::age_format::Refusal;
    use crate::keystore::age_format::refusal;

    const FILE_KEY: [u8; FILE_KEY_BYTES] = *b"sixteen of bytes";
    const RIGHT: &str = "correct horse";

    type Verdict = Option<Result<Vec<u8>, Refusal>>;

    const NOT_FOR_IT: Verdict = None;
    const DAMAGED: Verdict = Some(Err(Refusal::Damaged));
    const WRONG: Verdict = Some(Err(Refusal::WrongPassphrase));

    /// A stanza that the library makes, with the least work.
    fn stanza() -> Stanza {
        let mut recipient = age::scrypt::Recipient::new(RIGHT.into());
        recipient.set_work_factor(1);
        let (stanzas, _) = recipient.wrap_file_key(&FileKey::new(Box::new(FILE_KEY))).unwrap();
        stanzas.into_iter().next().unwrap()
    }

    fn verdict(identity: &dyn Identity, stanza: &Stanza) -> Verdict {
        let file_key = |key: FileKey| key.expose_secret().to_vec();
        identity.unwrap_stanza(stanza).map(|opened| opened.map(file_key).map_err(refusal))
    }

    /// The answers of ours and of the library's.
    fn verdicts(passphrase: &str, stanza: &Stanza) -> [Verdict; 2] {
        let passphrase = SecretString::from(passphrase);
        let mut library = age::scrypt::Identity::new(passphrase.clone());
        library.set_max_work_factor(MOST_WORK);
        [verdict(&Passphrase(&passphrase), stanza), verdict(&library, stanza)]
    }

    /// Both answer this to a stanza that was changed.
    fn both_answer(expected: &Verdict, change: impl Fn(&mut Stanza)) {
        let mut stanza = stanza();
        change(&mut stanza);

        let [ours, library] = verdicts(RIGHT, &stanza);

        assert_eq!(ours, *expected, "{stanza:?}");
        assert_eq!(ours, library, "{stanza:?}");
    }

    #[test]
    fn what_the_library_made_opens_with_its_passphrase_alone() {
        both_answer(&Some(Ok(FILE_KEY.to_vec())), |_| {});
        for other in ["", "correct", "correct horse ", "Correct horse"] {
            let [ours, library] = verdicts(other, &stanza());

            assert_eq!(ours, WRONG);
            assert_eq!(ours, library);
        }
    }

    #[test]
    fn a_stanza_has_one_form_as_the_library_has_it() {
        for tag in ["", "Scrypt", "scrypt2", "X25519"] {
            both_answer(&NOT_FOR_IT, |stanza| stanza.tag = tag.to_owned());
        }
        both_answer(&DAMAGED, |stanza| stanza.args.clear());
        both_answer(&DAMAGED, |stanza| stanza.args.truncate(1));
        both_answer(&DAMAGED, |stanza| stanza.args.push("1".to_owned()));
        both_answer(&DAMAGED, |stanza| stanza.args.reverse());
        for length in [0, 16, 31, 33, 48] {
            both_answer(&DAMAGED, |stanza| stanza.body.resize(length, 0));
        }
        for at in [0, 15, 16, 31] {
            both_answer(&WRONG, |stanza| stanza.body[at] ^= 1);
        }
    }

    #[test]
    fn a_salt_has_one_text_as_the_library_has_it() {
        let a = |letters: usize| "A".repeat(letters);
        both_answer(&WRONG, |stanza| stanza.args[0] = a(22));
        for length in [0, 1, 20, 21, 23, 24, 25, 26, 44] {
            both_answer(&DAMAGED, |stanza| stanza.args[0] = a(length));
        }
        for end in ["A==", "B", "=", "-", "é", "\n"] {
            both_answer(&DAMAGED, |stanza| stanza.args[0] = a(21) + end);
        }
    }

    #[test]
    fn work_has_one_text_and_a_limit_as_the_library_has_them() {
        both_answer(&WRONG, |stanza| stanza.args[1] = "2".to_owned());
        for work in ["", "0", "00", "01", "+1", "-1", "x1", "256", "300", "99999999999999999999", "١"] {
            both_answer(&DAMAGED, |stanza| stanza.args[1] = work.to_owned());
        }
        for work in [MOST_WORK + 1, 30, 63, 64, 255] {
            both_answer(&Some(Err(Refusal::TooMuchWork(work))), |stanza| stanza.args[1] = work.to_string());
        }
    }

    #[test]
    fn something_behind_the_work_is_refused_though_the_library_reads_over_it() {
        let mut stanza = stanza();
        stanza.args[1].push('x');

        let [ours, library] = verdicts(RIGHT, &stanza);

        assert_eq!(ours, DAMAGED);
        assert!(library.is_some_and(|opened| opened.is_ok()));
    }

    #[test]
    fn a_glance_sees_the_work_and_refuses_what_a_passphrase_would() {
        let mut stanza = stanza();
        let (seen, too_much) = (Glance::default(), Glance::default());

        assert_eq!(verdict(&seen, &stanza), None);
        assert_eq!(seen.work(), Some(1));
        stanza.args[1] = (MOST_WORK + 1).to_string();
        assert_eq!(verdict(&too_much, &stanza), Some(Err(Refusal::TooMuchWork(MOST_WORK + 1))));
        assert_eq!(too_much.work(), None);
    }
}
