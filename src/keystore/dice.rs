//! Throws of a six-sided die as a part of a new key.
//!
//! Mixed, the default: block n of the numbers that the key is made from is HKDF-SHA256 (RFC 5869) with 32 bytes of the
//! kernel followed by the throws as input, [`LABEL`] as salt, and the scheme, a zero byte and n in eight bytes as info, 32
//! bytes long. Whoever knows the throws knows nothing of the key, and a kernel that lies is mended by the dice.
//!
//! Alone, where the file says so: the first block is SHA-256 of the throws, SHA-384 for a P-384 key, and each further
//! one the same of the block before. The first number that is a key is the key; for Ed25519 that is the first block.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::keystore::numbers::Numbers;
use crate::tuf::Scheme;

/// The salt of what is mixed.
pub const LABEL: &str = "keyrite: a key from the kernel and dice, 1";

/// Throws as they were typed: digits 1 to 6, one a throw. Neither `Debug` nor `Clone`.
pub struct Dice {
    digits: SecretString,
    alone: bool,
}

/// Why what was typed is not what was asked for. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDice {
    /// Something that no die shows.
    #[error("a throw is a digit from 1 to 6, and nothing else")]
    NoThrow,
    /// Another number of throws.
    #[error("{found} throws were typed, and {wanted} are asked for")]
    Count {
        /// How many there were.
        found: usize,
        /// How many there should be.
        wanted: u32,
    },
}

impl Dice {
    /// Takes exactly `wanted` throws. `alone` says that nothing else goes into the key.
    pub fn read(digits: SecretString, wanted: u32, alone: bool) -> Result<Self, BadDice> {
        let typed = digits.expose_secret();
        if !typed.bytes().all(is_throw) {
            return Err(BadDice::NoThrow);
        }
        match typed.len() {
            found if found == wanted as usize => Ok(Self { digits, alone }),
            found => Err(BadDice::Count { found, wanted }),
        }
    }

    /// How the key was made of them, for the record.
    pub(crate) fn recipe(&self) -> String {
        let count = self.digits.expose_secret().len();
        match self.alone {
            true => format!("{count} throws of dice alone"),
            false => format!("32 bytes of the kernel and {count} throws of dice, by HKDF-SHA256"),
        }
    }

    /// The numbers that a key of `scheme` is made from. `kernel` is not used where dice stand alone.
    pub(crate) fn numbers(&self, scheme: Scheme, kernel: &[u8; 32]) -> Numbers {
        let digits = self.digits.expose_secret().as_bytes();
        match (self.alone, scheme) {
            (true, Scheme::EcdsaP384) => Numbers::sha384(digits),
            (true, _) => Numbers::sha256(digits),
            (false, _) => {
                Numbers::derived(LABEL.as_bytes(), &[kernel, digits], scheme.to_string().as_bytes())
            }
        }
    }
}

/// Whether a byte is a throw.
pub fn is_throw(byte: u8) -> bool {
    (b'1'..=b'6').contains(&byte)
}

/// Whether fair dice would fall so unevenly less than once in a thousand times: chi-square with five degrees of freedom.
/// It is said and changes nothing, for a chosen throw is worse than an uneven one.
pub fn uneven(digits: &str) -> bool {
    let thrown = digits.bytes().filter(|byte| is_throw(*byte)).count();
    let off = |face: u8| {
        let count = digits.bytes().filter(|byte| *byte == face).count();
        (6 * count).abs_diff(thrown).pow(2)
    };
    // 20.515, in thousandths, and both sides times six times the throws.
    (b'1'..=b'6').map(off).sum::<usize>() * 1000 > 20_515 * 6 * thrown
}

#[cfg(test)]
mod tests {
    use rsa::rand_core::TryRng;
    use sha2::Digest;
    use sha2::Sha256;
    use sha2::Sha384;

    use super::*;

    fn dice(digits: &str, alone: bool) -> Dice {
        Dice::read(SecretString::from(digits), u32::try_from(digits.len()).unwrap(), alone).unwrap()
    }

    fn first(dice: &Dice, scheme: Scheme, kernel: u8, length: usize) -> String {
        let mut bytes = vec![0; length];
        let _ = dice.numbers(scheme, &[kernel; 32]).try_fill_bytes(&mut bytes);
        hex::encode(bytes)
    }

    #[test]
    fn the_kernel_and_the_dice_each_change_every_number() {
        let throws = "123456".repeat(10);
        let numbers = |digits: &str, kernel| first(&dice(digits, false), Scheme::Ed25519, kernel, 64);
        let other = throws.replacen('1', "2", 1);

        let all = [numbers(&throws, 1), numbers(&throws, 2), numbers(&other, 1)];

        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
        assert_ne!(all[0][..64], all[0][64..]);
        assert_eq!(all[0], numbers(&throws, 1));
    }

    #[test]
    fn dice_alone_are_their_hash() {
        let throws = "123456".repeat(20);
        let sha256 = hex::encode(Sha256::digest(&throws));

        assert_eq!(first(&dice(&throws, true), Scheme::Ed25519, 1, 32), sha256);
        assert_eq!(first(&dice(&throws, true), Scheme::EcdsaP256, 2, 32), sha256);
        assert_eq!(
            first(&dice(&throws, true), Scheme::EcdsaP384, 3, 48),
            hex::encode(Sha384::digest(&throws))
        );
    }

    #[test]
    fn what_no_die_shows_and_another_count_are_refused() {
        let read = |digits: &str| Dice::read(SecretString::from(digits), 6, false).err();

        assert_eq!(read("123450"), Some(BadDice::NoThrow));
        assert_eq!(read("12345 "), Some(BadDice::NoThrow));
        assert_eq!(read("12345"), Some(BadDice::Count { found: 5, wanted: 6 }));
        assert_eq!(read("123456"), None);
    }

    #[test]
    fn dice_that_fall_as_no_fair_ones_do_are_told() {
        assert!(uneven(&"1".repeat(50)));
        assert!(uneven(&"12".repeat(25)));
        assert!(!uneven(&"123456".repeat(10)));
        assert!(!uneven("16235412643524163215463214536215463512463216541236"));
    }
}
