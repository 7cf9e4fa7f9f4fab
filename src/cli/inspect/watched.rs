//! A file that goes by, and whether one of some words stands in it.

use std::io::Read;

use memchr::memmem::Finder;

/// A reader that looks for words in all that it hands on.
pub(super) struct Watched<R> {
    file: R,
    words: Vec<Finder<'static>>,
    met: bool,
    /// What went by last: a word may begin in it and end in what comes next.
    last: Vec<u8>,
}

impl<R: Read> Watched<R> {
    pub(super) fn new(file: R, words: impl Iterator<Item = &'static [u8]>) -> Self {
        Self { file, words: words.map(Finder::new).collect(), met: false, last: Vec::new() }
    }

    /// Whether any of the words went by.
    pub(super) fn met(&self) -> bool {
        self.met
    }

    fn look(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes);
        self.met = self.met || self.words.iter().any(|word| word.find(&self.last).is_some());
        let longest = self.words.iter().map(|word| word.needle().len()).max().unwrap_or_default();
        self.last.drain(..self.last.len().saturating_sub(longest));
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(to)?;
        self.look(&to[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::drip::Drip;

    #[test]
    fn a_word_is_met_wherever_a_piece_ends() {
        for before in 0..20 {
            let with = format!("{}sesame!", "x".repeat(before));
            let without = format!("{}sesam !", "x".repeat(before));
            for piece in 1..=with.len() {
                let met = |text: &str| {
                    let words = [&b"sesame"[..], b"no such word"];
                    let mut watched = Watched::new(Drip(text.as_bytes(), piece), words.into_iter());
                    let mut all = String::new();
                    watched.read_to_string(&mut all).unwrap();
                    assert_eq!(all, text);
                    watched.met()
                };

                assert!(met(&with), "{before} {piece}");
                assert!(!met(&without), "{before} {piece}");
            }
        }
    }
}
