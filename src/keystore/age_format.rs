//! The age format, as far as key files need it: one passphrase, armor, and a plaintext that is small.
//!
//! Bytes to bytes: no file, no PKCS#8. `age_file` calls it and turns a [`Refusal`] into a sentence with a name.

mod identity;

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::iter;

use age::Decryptor;
use age::Identity;
use age::armor::ArmoredReader;
use age::armor::ArmoredWriter;
use age::armor::Format;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::keystore::age_format::identity::Glance;
use crate::keystore::age_format::identity::Passphrase;

/// The highest work factor that is read, as a power of two: 2 GiB of memory. More is refused, unread.
pub(crate) const MOST_WORK: u8 = 21;

/// The longest plaintext, in bytes: an RSA key of 8192 bits takes 6.4 KiB.
const LONGEST: usize = 16 * 1024;

const ARMOR_BEGIN: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const ARMOR_END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";
const MAGIC: &[u8] = b"age-encryption.org/";

/// Why bytes cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No bytes at all.
    Empty,
    /// Not age.
    NotAge,
    /// A private key that nobody encrypted.
    NotEncrypted,
    /// A version of age that this program does not know.
    NewerFormat,
    /// Encrypted for keys, not with a passphrase.
    OtherRecipients,
    /// More work than [`MOST_WORK`].
    TooMuchWork(u8),
    /// This machine has no room for the work.
    NoRoom,
    /// The armor ends before its last line.
    CutShort,
    /// Changed, or cut short.
    Damaged,
    /// The plaintext is longer than any key.
    TooLong,
    /// The passphrase is wrong.
    WrongPassphrase,
}

/// A decrypted plaintext, wiped when it is dropped. Its buffer never grows, so no copy is left behind.
pub(crate) struct Plaintext {
    buffer: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Plaintext {
    /// Room for what `encrypted` holds, which is longer than that.
    fn of(encrypted: &[u8]) -> Self {
        Self { buffer: Zeroizing::new(vec![0; LONGEST.min(encrypted.len())]), length: 0 }
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// Encrypts with a passphrase alone, in armor. `work_factor` is scrypt's, as a power of two.
pub(crate) fn encrypt(plaintext: &[u8], passphrase: &SecretString, work_factor: u8) -> io::Result<Vec<u8>> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    // Always set: by default age measures this machine, and writes weak files in a slow build.
    let work_factor = work_factor.clamp(1, MOST_WORK);
    recipient.set_work_factor(work_factor);
    has_room(work_factor)?;
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|_| io::Error::other("the passphrase cannot be used"))?;
    let mut bytes = Vec::new();
    let armor = ArmoredWriter::wrap_output(&mut bytes, Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(plaintext)?;
    writer.finish()?.finish()?;
    Ok(bytes)
}

/// Whether there is memory to derive a key in: 1 KiB times the work. The library that derives it takes it for granted, and an
/// allocation that fails ends the program.
fn has_room(work: u8) -> io::Result<()> {
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(1024 << work).map_err(|_| io::ErrorKind::OutOfMemory.into())
}

/// Everything that can be said without the passphrase. Returns the work factor.
pub(crate) fn inspect(bytes: &[u8]) -> Result<u8, Refusal> {
    let glance = Glance::default();
    let opened = decryptor(bytes)?.decrypt(iter::once(&glance as &dyn Identity));
    glance.work().ok_or_else(|| opened.err().map_or(Refusal::Damaged, refusal))
}

/// What is encrypted with one passphrase, its header read and nothing of it opened.
fn decryptor(bytes: &[u8]) -> Result<Decryptor<ArmoredReader<BufReader<&[u8]>>>, Refusal> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(Refusal::Empty);
    }
    let armored = bytes.starts_with(ARMOR_BEGIN);
    if !armored && !bytes.starts_with(MAGIC) {
        let block = text.starts_with(b"-----BEGIN ") && find(text, b"PRIVATE KEY-----").is_some();
        return Err(if block { Refusal::NotEncrypted } else { Refusal::NotAge });
    }
    if armored && !text.ends_with(ARMOR_END) {
        // With its last line it is whole but followed by something; without, the end is missing.
        return Err(if find(text, ARMOR_END).is_some() { Refusal::Damaged } else { Refusal::CutShort });
    }
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(refusal)?;
    if decryptor.is_scrypt() { Ok(decryptor) } else { Err(Refusal::OtherRecipients) }
}

/// Decrypts what [`inspect`] accepts.
pub(crate) fn decrypt(bytes: &[u8], passphrase: &SecretString) -> Result<Plaintext, Refusal> {
    let identity = Passphrase(passphrase);
    let identities = iter::once(&identity as &dyn Identity);
    let mut reader = decryptor(bytes)?.decrypt(identities).map_err(refusal)?;
    let mut plaintext = Plaintext::of(bytes);
    loop {
        let rest = &mut plaintext.buffer[plaintext.length..];
        if rest.is_empty() {
            return Err(Refusal::TooLong);
        }
        match reader.read(rest) {
            Ok(0) => return Ok(plaintext),
            Ok(n) => plaintext.length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Refusal::Damaged),
        }
    }
}

fn refusal(error: age::DecryptError) -> Refusal {
    match error {
        age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
            Refusal::WrongPassphrase
        }
        age::DecryptError::ExcessiveWork { required, .. } => Refusal::TooMuchWork(required),
        age::DecryptError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => Refusal::NoRoom,
        age::DecryptError::NoMatchingKeys => Refusal::OtherRecipients,
        age::DecryptError::UnknownFormat => Refusal::NewerFormat,
        // A damaged header, a MAC that does not fit, an end that is missing; and whatever age may add.
        _ => Refusal::Damaged,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
