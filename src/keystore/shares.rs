//! A private key in shares: any `threshold` of them give it back, and fewer say nothing of it (Shamir, 1979).
//!
//! What is split is the number that the key is, byte by byte in GF(2^8), so that shares alone restore it: no file and no
//! passphrase. The same key and the same [`Split`] give the same shares each time: what is random in them is derived
//! from the key itself ([`LABEL`]). So a lost paper is made again without making the others worthless, and nothing is
//! kept between two steps. In return a share is as secret as the key is hard to guess, and not beyond any computing.
//!
//! ```text
//! 1, or 0x81 where a rehearsal made it    set: the beginning of the keyid (4)    threshold    number of shares
//! index, from 1    the share (32, or 48 for P-384)    beginning of the SHA-256 of all before (4)
//! ```
//!
//! as rows of four PGP words, or as base32 behind [`MARK`]. Called by stores that split, and by whoever restores.

use std::fmt;

use ed25519_dalek::rand_core::UnwrapErr;
use getrandom::SysRng;
use sha2::Digest;
use sha2::Sha256;
use vsss_rs::Gf256;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::keystore::numbers::Numbers;
use crate::keystore::private_key::Broken;
use crate::keystore::private_key::PrivateKey;
use crate::keystore::wiped::wiped;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::base32;
use crate::words;
use crate::words::Misheard;

/// The salt of the numbers that a key is split with.
pub const LABEL: &str = "keyrite: a key in shares, 1";

/// What a share begins with as a text.
pub const MARK: &str = "KEYRITE-SHARE-1:";

/// More shares than this nobody keeps together.
pub const MOST: u8 = 16;

const FORMAT: u8 = 1;
const REHEARSED: u8 = 0x80;
/// Bytes before the share itself, and of its checksum.
const HEAD: usize = 8;
const CHECK: usize = 4;
/// Bytes of a key: Ed25519 and P-256, P-384.
const KEYS: [usize; 2] = [32, 48];

/// How many shares there are, and how many of them give the key back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    threshold: u8,
    of: u8,
}

impl Split {
    /// At least two of at most [`MOST`]; one alone would be the key.
    pub fn new(threshold: u8, of: u8) -> Option<Self> {
        (2 <= threshold && threshold <= of && of <= MOST).then_some(Self { threshold, of })
    }

    /// How many give the key back.
    pub fn threshold(self) -> u8 {
        self.threshold
    }

    /// How many there are.
    pub fn of(self) -> u8 {
        self.of
    }
}

/// What everyone may know of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// A rehearsal made it: its key is public knowledge.
    pub rehearsal: bool,
    /// The beginning of the keyid.
    pub set: [u8; 4],
    /// How the key was split.
    pub split: Split,
    /// Which of the shares it is, from 1.
    pub index: u8,
}

impl Head {
    /// The head of a share of this key.
    pub fn new(public: &PublicKey, split: Split, index: u8, rehearsal: bool) -> Self {
        let mut set = [0; 4];
        // A keyid is the SHA-256 of the public half, in hex.
        let _ = hex::decode_to_slice(public.keyid().0.get(..8).unwrap_or_default(), &mut set);
        Self { rehearsal, set, split, index }
    }

    /// Whether a share with the other head is of the same set: of the same key, split in the same way.
    pub fn same_set(&self, other: &Self) -> bool {
        Self { index: other.index, ..*self } == *other
    }

    fn bytes(&self) -> [u8; HEAD] {
        let [a, b, c, d] = self.set;
        let format = if self.rehearsal { FORMAT | REHEARSED } else { FORMAT };
        [format, a, b, c, d, self.split.threshold, self.split.of, self.index]
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[format, a, b, c, d, threshold, of, index] = bytes else { return None };
        let (split, rehearsal) = (Split::new(threshold, of)?, format & REHEARSED != 0);
        let known = format & !REHEARSED == FORMAT && (1..=of).contains(&index);
        known.then_some(Self { rehearsal, set: [a, b, c, d], split, index })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Split { threshold, of } = self.split;
        let rehearsed = if self.rehearsal { "REHEARSED " } else { "" };
        let (index, set) = (self.index, hex::encode(self.set));
        write!(f, "{rehearsed}share {index} of {of} of key {set}, of which {threshold} give it back")
    }
}

/// One share. Neither `Debug` nor `Clone`, and wiped when it is dropped.
pub struct Share {
    head: Head,
    bytes: Zeroizing<Vec<u8>>,
}

/// Why what was given is not a share. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShare {
    /// Its checksum does not fit.
    #[error(
        "it is not as it was written: a word mistyped, rows swapped, or a code that was bent; its last bytes do not fit the others"
    )]
    Changed,
    /// Another number of words.
    #[error("it has {0} words, and a share has 44, or 60 where the key is P-384")]
    Count(usize),
    /// Its checksum would fit if this word were another one.
    #[error("word {place} of row {row} is another than on the paper: look at it again")]
    Mistyped {
        /// The row, from 1.
        row: usize,
        /// The word in it, from 1.
        place: usize,
    },
    /// Nothing that looks like one.
    #[error("there is no share in it")]
    Nothing,
    /// The word is one of the other columns.
    #[error("word {place} of row {row} belongs into another column: a word was left out, doubled or swapped")]
    OtherColumn {
        /// The row, from 1.
        row: usize,
        /// The word in it, from 1.
        place: usize,
    },
    /// No word of the list.
    #[error("word {place} of row {row} is not on the list")]
    Unknown {
        /// The row, from 1.
        row: usize,
        /// The word in it, from 1.
        place: usize,
    },
    /// A format of the future.
    #[error("it is of a format that this program does not know")]
    UnknownFormat,
}

impl Share {
    /// What everyone may know of it.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The share as a text that a QR code holds in capitals and digits.
    pub fn text(&self) -> Zeroizing<String> {
        let data = Zeroizing::new(base32::encode(&self.whole()));
        let mut text = Zeroizing::new(String::with_capacity(MARK.len() + data.len()));
        text.push_str(MARK);
        text.push_str(&data);
        text
    }

    /// The share as numbered rows of four words.
    pub fn lines(&self) -> Zeroizing<Vec<String>> {
        Zeroizing::new(words::lines(&self.whole()))
    }

    fn whole(&self) -> Zeroizing<Vec<u8>> {
        let mut whole = Zeroizing::new(Vec::with_capacity(HEAD + self.bytes.len() + CHECK));
        whole.extend_from_slice(&self.head.bytes());
        whole.extend_from_slice(&self.bytes);
        let check = check(&whole);
        whole.extend_from_slice(&check);
        whole
    }

    /// Reads a share from a text: what a code or a file carries, or words as they were typed. Numbers of rows may stand
    /// between them.
    pub fn read(text: &str) -> Result<Self, BadShare> {
        if let Some(at) = text.find(MARK) {
            let data = text[at + MARK.len()..].split_whitespace().next().unwrap_or_default();
            let whole = base32::decode(data).map(Zeroizing::new).ok_or(BadShare::Changed)?;
            return Self::from_bytes(&whole);
        }
        let spoken =
            || text.split_whitespace().filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
        let mut whole = Zeroizing::new(Vec::with_capacity(HEAD + KEYS[1] + CHECK));
        for (word, offset) in spoken().take(whole.capacity()).zip(0..) {
            whole.push(heard(offset, word)?);
        }
        match spoken().count() {
            0 => Err(BadShare::Nothing),
            count if KEYS.contains(&count.saturating_sub(HEAD + CHECK)) => {
                Self::from_bytes(&whole).map_err(|why| mistyped(&mut whole).unwrap_or(why))
            }
            count => Err(BadShare::Count(count)),
        }
    }

    fn from_bytes(whole: &[u8]) -> Result<Self, BadShare> {
        let bytes = body(whole).ok_or(BadShare::Changed)?;
        let head = Head::read(&whole[..HEAD]).ok_or(BadShare::UnknownFormat)?;
        Ok(Self { head, bytes: Zeroizing::new(bytes.to_vec()) })
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(bytes));
    [a, b, c, d]
}

/// The share itself, where length and checksum fit.
fn body(whole: &[u8]) -> Option<&[u8]> {
    let (told, found) = whole.split_at_checked(whole.len().checked_sub(CHECK)?)?;
    let bytes = told.get(HEAD..).filter(|bytes| KEYS.contains(&bytes.len()))?;
    (check(told) == *found).then_some(bytes)
}

/// The byte of a word that was typed.
fn heard(offset: usize, word: &str) -> Result<u8, BadShare> {
    let (row, place) = (offset / 4 + 1, offset % 4 + 1);
    words::byte(offset, word).map_err(|why| match why {
        Misheard::Unknown => BadShare::Unknown { row, place },
        Misheard::OtherColumn => BadShare::OtherColumn { row, place },
    })
}

/// Rows of four words that a share of a key of this scheme has.
pub fn rows(scheme: Scheme) -> usize {
    let bytes = if scheme == Scheme::EcdsaP384 { KEYS[1] } else { KEYS[0] };
    (HEAD + bytes + CHECK) / 4
}

/// Whether these are words of a share from this row on, from 0; what is wrong with the first that is not.
pub fn check_row(row: usize, typed: &str) -> Result<(), BadShare> {
    let mut words = typed.split_whitespace();
    words.try_fold(row * 4, |offset, word| heard(offset, word).map(|_| offset + 1)).map(|_| ())
}

/// The one word that, typed otherwise, would make it a share; what it should be is not told.
fn mistyped(whole: &mut [u8]) -> Option<BadShare> {
    (0..whole.len()).find_map(|at| {
        let typed = whole[at];
        let mends = (0..=255).any(|byte| {
            whole[at] = byte;
            body(whole).is_some()
        });
        whole[at] = typed;
        mends.then_some(BadShare::Mistyped { row: at / 4 + 1, place: at % 4 + 1 })
    })
}

/// A key in shares, in order; `None` where the key is not one number.
pub(crate) fn split(key: &PrivateKey, split: Split, rehearsal: bool) -> Result<Option<Vec<Share>>, Broken> {
    const WHY: Broken = Broken("the key cannot be split");
    let Some(number) = key.number() else { return Ok(None) };
    let public = key.public()?;
    let info = [public.scheme().to_string().as_bytes(), &[0, split.threshold, split.of]].concat();
    let numbers = Numbers::derived(LABEL.as_bytes(), &[&number], &info);
    let made = Gf256::split_bytes(split.threshold.into(), split.of.into(), &*number, numbers);
    let made = Zeroizing::new(made.map_err(|_| WHY)?);
    let shares = made.iter().zip(1..).map(|(made, index)| match made.split_first() {
        Some((first, bytes)) if *first == index => {
            let head = Head::new(&public, split, index, rehearsal);
            Ok(Share { head, bytes: Zeroizing::new(bytes.to_vec()) })
        }
        _ => Err(WHY),
    });
    shares.collect::<Result<_, _>>().map(Some)
}

/// Why shares do not give a key back. Names them by their index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No selection of them gives the key.
    #[error("no {0} of these shares give the key back: too many of them are not of this key")]
    None(u8),
    /// It is of another key, or of another split of this one.
    #[error("{0} is of another key, or of another split, than the others")]
    OtherSet(Head),
    /// A rehearsal's share among real ones, or the other way round.
    #[error(
        "{0} is not what is wanted: a rehearsal's share gives no real key back, and a real one is not for a rehearsal"
    )]
    OtherMode(Head),
    /// Not enough.
    #[error("{found} shares were given, and it takes {wanted}")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: u8,
    },
    /// One was given twice.
    #[error("share {0} was given twice")]
    Twice(u8),
    /// The others give the key back, and these do not belong to them.
    #[error("share {} does not belong to the others, though its checksum fits: it is of another split", listed(.0))]
    Wrong(Vec<u8>),
}

fn listed(indices: &[u8]) -> String {
    indices.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// A private key that shares gave back, every one of them proven. Neither `Debug` nor `Clone`.
pub struct Restored(pub(crate) PrivateKey);

impl Restored {
    /// Signs with it; the signature is verified with `public` before it is returned.
    pub fn sign(&self, public: &PublicKey, message: &[u8]) -> Result<Vec<u8>, String> {
        wiped(|| self.0.sign(public, &message.into(), || UnwrapErr(SysRng))).map_err(|why| why.to_string())
    }
}

/// Whether a share can join the others, which are of this key.
pub fn joins(share: &Share, others: &[Share], set: &Head) -> Result<(), Unproven> {
    match share.head {
        head if head.rehearsal != set.rehearsal => Err(Unproven::OtherMode(head)),
        head if !head.same_set(set) => Err(Unproven::OtherSet(head)),
        head if others.iter().any(|other| other.head.index == head.index) => Err(Unproven::Twice(head.index)),
        _ => Ok(()),
    }
}

/// The key of `public`, and proof of every share: some of them give it back, and each of the others does in the place of
/// one of these. Which are wrong is named where it can be told.
pub fn restore(shares: &[Share], public: &PublicKey) -> Result<Restored, Unproven> {
    wiped(|| proven(shares, public))
}

fn proven(shares: &[Share], public: &PublicKey) -> Result<Restored, Unproven> {
    let Some(first) = shares.first().map(Share::head) else {
        return Err(Unproven::TooFew { found: 0, wanted: 2 });
    };
    let set = Head::new(public, first.split, 1, first.rehearsal);
    shares.iter().zip(0..).try_for_each(|(share, n)| joins(share, &shares[..n], &set))?;
    let threshold = usize::from(first.split.threshold);
    if shares.len() < threshold {
        return Err(Unproven::TooFew { found: shares.len(), wanted: first.split.threshold });
    }
    // No more than MOST, for each has another index.
    let selections = (0_u32..1 << shares.len()).filter(|mask| mask.count_ones() as usize == threshold);
    let picked = |mask: u32| {
        let taken = shares.iter().zip(0..).filter(move |(_, bit)| mask & (1 << bit) != 0);
        taken.map(|(share, _)| share).collect::<Vec<_>>()
    };
    let found = selections.map(picked).find_map(|some| combine(&some, public).map(|key| (some, key)));
    let Some((good, key)) = found else { return Err(Unproven::None(first.split.threshold)) };
    let belongs = |share: &Share| {
        let with = good[1..].iter().copied().chain([share]).collect::<Vec<_>>();
        good.iter().any(|other| std::ptr::eq(*other, share)) || combine(&with, public).is_some()
    };
    let wrong: Vec<u8> =
        shares.iter().filter(|share| !belongs(share)).map(|share| share.head.index).collect();
    if wrong.is_empty() { Ok(Restored(key)) } else { Err(Unproven::Wrong(wrong)) }
}

/// The private half of `public`, when these are shares of it.
fn combine(shares: &[&Share], public: &PublicKey) -> Option<PrivateKey> {
    let indexed = |share: &&Share| {
        let mut indexed = Vec::with_capacity(1 + share.bytes.len());
        indexed.push(share.head.index);
        indexed.extend_from_slice(&share.bytes);
        indexed
    };
    let mut parts: Vec<Vec<u8>> = shares.iter().map(indexed).collect();
    let number = Gf256::combine_bytes(&parts).map(Zeroizing::new);
    parts.zeroize();
    let key = PrivateKey::from_number(public.scheme(), &number.ok()?)?;
    (key.public().ok()?.material() == public.material()).then_some(key)
}

#[cfg(test)]
mod tests;
