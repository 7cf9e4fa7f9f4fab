//! What is typed: a secret, which is shown as stars and wiped, and plain text.

use secrecy::SecretString;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::keystore::dice;

/// The longest secret in bytes, and the longest text in characters.
pub const LONGEST: usize = 1024;

/// A secret while it is typed. It never grows, so that no copy stays behind, and is wiped when it goes.
/// Neither `Debug` nor `Clone`.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Default for Secret {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(LONGEST)))
    }
}

impl Secret {
    /// Adds a character; `false` when the field is full, and nothing was added.
    pub fn push(&mut self, c: char) -> bool {
        let mut bytes = Zeroizing::new([0; 4]);
        let encoded = c.encode_utf8(&mut *bytes);
        if self.0.len() + encoded.len() > LONGEST {
            return false;
        }
        self.0.extend_from_slice(encoded.as_bytes());
        true
    }

    /// Takes the last character back.
    pub fn erase(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }

    /// Takes everything back.
    pub fn clear(&mut self) {
        self.0.zeroize();
    }

    /// How many characters there are.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
    }

    /// What was typed, for who typed it.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether another field holds the same.
    pub fn same(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// Whether these are throws that fair dice hardly show.
    pub fn is_uneven(&self) -> bool {
        dice::uneven(self.text())
    }

    /// The secret for its store; the field is empty and wiped afterwards.
    pub fn take(&mut self) -> SecretString {
        // Of exactly this size, so that no growing and no shrinking leaves a copy.
        let mut exact = String::with_capacity(self.0.len());
        exact.push_str(self.text());
        self.clear();
        SecretString::from(exact)
    }
}

/// Adds a character to a text that everyone may see.
pub fn push(text: &mut String, c: char) {
    if text.chars().count() < LONGEST && !c.is_control() {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn typed(text: &str) -> Secret {
        let mut secret = Secret::default();
        for c in text.chars() {
            assert!(secret.push(c));
        }
        secret
    }

    #[test]
    fn a_secret_is_what_was_typed_and_the_field_is_empty_afterwards() {
        let mut secret = typed("pässword");
        secret.erase();
        secret.erase();

        assert_eq!(secret.count(), 6);
        assert_eq!(secret.take().expose_secret(), "pässwo");
        assert_eq!(secret.count(), 0);
    }

    #[test]
    fn erasing_takes_back_a_whole_character() {
        let mut secret = typed("ä");

        secret.erase();

        assert_eq!(secret.count(), 0);
        assert!(secret.same(&Secret::default()));
    }

    #[test]
    fn a_full_field_never_grows() {
        let mut secret = typed(&"a".repeat(LONGEST));
        let before = secret.0.as_ptr();

        assert!(!secret.push('b'));
        assert!(!secret.push('ä'));
        assert_eq!((secret.count(), secret.0.as_ptr()), (LONGEST, before));
    }

    #[test]
    fn different_secrets_are_told_apart() {
        assert!(typed("horse").same(&typed("horse")));
        assert!(!typed("horse").same(&typed("Horse")));
        assert!(!typed("horse").same(&typed("horses")));
    }
}
