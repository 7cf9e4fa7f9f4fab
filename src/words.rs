//! Digests as people read them aloud: the PGP word list, 8 rows of 4.
//!
//! Bytes at even offsets are words of two syllables, at odd offsets of three, so that a lost, doubled or
//! swapped word breaks the rhythm and is heard (Juola and Zimmermann, 1995).

use std::fmt::Write;
use std::sync::LazyLock;

use sha2::Digest as _;
use sha2::Sha256;

/// A SHA-256 digest that people compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

const LIST: &str = include_str!("../assets/words/pgp.txt");

/// The words of the list, those of two syllables first.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| LIST.split_whitespace().collect());

fn word(offset: usize, byte: u8) -> &'static str {
    WORDS.get(usize::from(byte) + 256 * (offset % 2)).copied().unwrap_or("?")
}

/// So many of something that is counted: `1 file`, `2 files`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Why a word is not the one of any byte at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misheard {
    /// It is not on the list.
    Unknown,
    /// It has its place in the other columns: one before it was left out, doubled, or swapped with it.
    OtherColumn,
}

/// The byte that a word stands for at an offset; in small letters or capitals.
pub fn byte(offset: usize, word: &str) -> Result<u8, Misheard> {
    let at = WORDS.iter().position(|known| known.eq_ignore_ascii_case(word)).ok_or(Misheard::Unknown)?;
    match (at / 256 == offset % 2, u8::try_from(at % 256)) {
        (true, Ok(byte)) => Ok(byte),
        _ => Err(Misheard::OtherColumn),
    }
}

/// Bytes as numbered rows of four words in columns, for a page of 60 columns. No line grows, so that no copy of one that
/// is secret stays behind.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    const WIDTHS: [usize; 4] = [12, 14, 12, 0];
    let width = bytes.len().div_ceil(4).to_string().len();
    let line = |(row, n): (&[u8], usize)| {
        let mut line = String::with_capacity(80);
        let _ = write!(line, "{n:>width$}  ");
        for (byte, offset) in row.iter().zip(0..) {
            let pad = if offset + 1 == row.len() { 0 } else { WIDTHS[offset % 4] };
            let _ = write!(line, "{:<pad$}", word(offset, *byte));
        }
        line
    };
    bytes.chunks(4).zip(1..).map(line).collect()
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(hex::decode(text).ok()?.try_into().ok()?))
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Hex in groups of eight digits, four to a line.
    pub fn hex_groups(&self) -> [String; 2] {
        let group = |half: &[u8]| half.chunks(4).map(hex::encode).collect::<Vec<_>>().join(" ");
        [group(&self.0[..16]), group(&self.0[16..])]
    }

    /// The first and the last eight digits: enough to recognise a digest, never to verify one.
    pub fn short(&self) -> String {
        format!("{} ... {}", hex::encode(&self.0[..4]), hex::encode(&self.0[28..]))
    }

    /// The 32 words.
    pub fn words(&self) -> Vec<&'static str> {
        self.0.iter().enumerate().map(|(offset, byte)| word(offset, *byte)).collect()
    }

    /// The words as 8 rows of 4.
    pub fn rows(&self) -> Vec<[&'static str; 4]> {
        let words = self.words();
        words.chunks_exact(4).map(|row| [row[0], row[1], row[2], row[3]]).collect()
    }

    /// The rows as text, numbered and in columns, for a page of 60 columns.
    pub fn lines(&self) -> Vec<String> {
        lines(&self.0)
    }

    /// Two places, from 0 to 31, that nobody can know before `seed` exists: the words to type back.
    pub fn places(seed: &Self) -> [usize; 2] {
        let first = usize::from(seed.0[0] % 32);
        let step = 1 + usize::from(seed.0[1] % 31);
        [first, (first + step) % 32]
    }
}

/// Whether a character acts on a screen instead of showing: control, direction, invisible, line and tag characters.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with control, direction and invisible characters written as their numbers: on a screen and on paper.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_as_its_number_and_what_shows_is_left_alone() {
        assert_eq!(
            plain("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e\u{200b}"),
            r"a\u{1b}[2Jb\u{a}c\u{9b}d\u{202e}e\u{200b}"
        );
        assert_eq!(plain("Ana Duarte, Bö: 鍵 1/2"), "Ana Duarte, Bö: 鍵 1/2");
    }

    #[test]
    fn a_digest_reads_as_the_words_of_the_published_list() {
        let root =
            Digest::from_hex("73747011d0857ada15479a16c4cae0f3ed03aac698b523b97e1de314ac9d9ca8").unwrap();

        insta::assert_snapshot!(root.lines().join("\n"), @r"
        1  hockey      hydraulic     guidance    Babylon
        2  stagnate    leprosy       keyboard    surrender
        3  backfield   determine     pupil       bodyguard
        4  snowslide   revenue       tapeworm    vertigo
        5  tunnel      aggregate     reward      responsive
        6  printer     positive      blowtorch   proximate
        7  locale      breakaway     tissue      belowground
        8  ribcage     Ohio          python      paramount
        ");
    }

    #[test]
    fn every_byte_has_two_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = LIST.split_whitespace().collect();

        assert_eq!(words.len(), 512);
        assert_eq!(word(0, 0), "aardvark");
        assert_eq!(word(1, 255), "Yucatan");
    }

    #[test]
    fn every_word_is_heard_at_its_place_and_in_its_column() {
        for (offset, value) in (0..512).map(|n| (n % 2, u8::try_from(n / 2).unwrap())) {
            assert_eq!(byte(offset, &word(offset, value).to_uppercase()), Ok(value));
            assert_eq!(byte(offset + 1, word(offset, value)), Err(Misheard::OtherColumn));
        }
        assert_eq!(byte(0, "aardvarks"), Err(Misheard::Unknown));
    }

    #[test]
    fn two_different_places_are_asked_for_whatever_the_seed() {
        for n in 0..=255 {
            let [a, b] = Digest::places(&Digest::of(&[n]));

            assert!(a < 32 && b < 32 && a != b);
        }
    }
}
