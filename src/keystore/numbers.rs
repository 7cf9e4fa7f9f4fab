//! Numbers that can be computed again: the same seed gives the same ones, in any portion, on every machine.

use std::convert::Infallible;

use rsa::rand_core::TryCryptoRng;
use rsa::rand_core::TryRng;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;
use zeroize::Zeroizing;

/// Numbers in order, block by block. What they come from is wiped when they are dropped.
pub(crate) struct Numbers {
    source: Source,
    block: Zeroizing<Vec<u8>>,
    used: usize,
}

enum Source {
    /// Block n is HKDF-SHA256 (RFC 5869) of a secret, its info ending with n in eight bytes.
    Derived { key: Zeroizing<[u8; 32]>, info: Vec<u8>, next: u64 },
    /// Block n is SHA-256 of the seed and n.
    Rehearsed { seed: [u8; 32], next: u64 },
    /// Each block is SHA-256 of the block before.
    Sha256(Zeroizing<[u8; 32]>),
    /// Each block is SHA-384 of the block before.
    Sha384(Zeroizing<[u8; 48]>),
}

impl Numbers {
    fn from(source: Source) -> Self {
        Self { source, block: Zeroizing::new(Vec::new()), used: 0 }
    }

    /// Numbers that only who has the `secret` can compute. A label of our own is the `salt`, and `info` says what for.
    pub(crate) fn derived(salt: &[u8], secret: &[&[u8]], info: &[u8]) -> Self {
        Self::from(Source::Derived { key: hmac(salt, secret), info: [info, b"\0"].concat(), next: 0 })
    }

    /// The first block is SHA-256 of the bytes.
    pub(crate) fn sha256(bytes: &[u8]) -> Self {
        Self::from(Source::Sha256(Zeroizing::new(Sha256::digest(bytes).into())))
    }

    /// The first block is SHA-384 of the bytes.
    pub(crate) fn sha384(bytes: &[u8]) -> Self {
        Self::from(Source::Sha384(Zeroizing::new(Sha384::digest(bytes).into())))
    }

    /// Numbers for rehearsals, known to everyone who reads the ceremony file. Never used in production: this is called
    /// where the watermark is written, and nowhere else.
    pub(crate) fn rehearsed(seed: &[u8; 32], purpose: &[u8]) -> Self {
        let seed = Sha256::new().chain_update(seed).chain_update(purpose).finalize().into();
        Self::from(Source::Rehearsed { seed, next: 0 })
    }

    /// The same for a signature over this payload.
    pub(crate) fn rehearsed_for(seed: &[u8; 32], payload: &[u8]) -> Self {
        Self::rehearsed(seed, &[b"sign ", payload].concat())
    }
}

impl Source {
    fn block(&mut self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Derived { key, info, next } => {
                let block = hmac(&**key, &[info, &next.to_be_bytes(), &[1]]);
                *next += 1;
                Zeroizing::new(block.to_vec())
            }
            Self::Rehearsed { seed, next } => {
                let block = Sha256::new().chain_update(*seed).chain_update(next.to_be_bytes()).finalize();
                *next += 1;
                Zeroizing::new(block.to_vec())
            }
            Self::Sha256(block) => {
                let next = Zeroizing::new(Sha256::digest(**block).into());
                Zeroizing::new(std::mem::replace(block, next).to_vec())
            }
            Self::Sha384(block) => {
                let next = Zeroizing::new(Sha384::digest(**block).into());
                Zeroizing::new(std::mem::replace(block, next).to_vec())
            }
        }
    }
}

/// HMAC-SHA256 (RFC 2104) of the parts, with a key that is not longer than a block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let pad = |with: u8| {
        let mut pad = Zeroizing::new([with; 64]);
        pad.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        pad
    };
    let mut inner = Sha256::new().chain_update(*pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    let inner = Zeroizing::new(<[u8; 32]>::from(inner.finalize()));
    Zeroizing::new(Sha256::new().chain_update(*pad(0x5c)).chain_update(*inner).finalize().into())
}

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for byte in to {
            if self.used == self.block.len() {
                self.block = self.source.block();
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(purpose: &[u8]) -> Numbers {
        Numbers::rehearsed(&[7; 32], purpose)
    }

    /// RFC 5869, test case 1, as far as its first block.
    #[test]
    fn it_is_hkdf_as_the_standard_has_it() {
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();

        let key = hmac(&salt, &[&[0x0b; 22]]);
        let block = hmac(&*key, &[&info, &[1]]);

        assert_eq!(hex::encode(*key), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        assert_eq!(hex::encode(*block), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    #[test]
    fn numbers_of_a_rehearsal_are_the_same_in_any_portion() {
        let (mut whole, mut portions) = ([0; 100], [0; 100]);
        let _ = numbers(b"x").try_fill_bytes(&mut whole);
        let mut rng = numbers(b"x");
        for portion in portions.chunks_mut(7) {
            let _ = rng.try_fill_bytes(portion);
        }
        let mut other = [0; 100];
        let _ = numbers(b"y").try_fill_bytes(&mut other);

        assert_eq!(whole, portions);
        assert_ne!(whole, other);
        assert_ne!(whole[..32], whole[32..64]);
    }
}
