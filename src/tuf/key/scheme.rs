//! Signature schemes by the names that metadata gives them.

use std::fmt;
use std::str::FromStr;

/// A signature scheme that we sign with and verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `ed25519`
    Ed25519,
    /// `ecdsa-sha2-nistp256`, DER signatures
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`, DER signatures
    EcdsaP384,
    /// `rsassa-pss-sha256`, 2048 bits and more; written with a salt of 32 bytes, read with any
    RsaPssSha256,
}

/// A scheme that this program does not know.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a scheme; use ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or rsassa-pss-sha256")]
pub struct UnknownScheme(pub String);

impl Scheme {
    /// Every scheme, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256, Self::EcdsaP384, Self::RsaPssSha256];

    /// The name in metadata and in ceremony files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::RsaPssSha256 => "rsassa-pss-sha256",
        }
    }

    /// The `keytype` that we write for it.
    pub fn keytype(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 | Self::EcdsaP384 => "ecdsa",
            Self::RsaPssSha256 => "rsa",
        }
    }

    /// Whether `keytype` may stand beside this scheme; old metadata names the curve in the keytype.
    pub(crate) fn reads_keytype(self, keytype: &str) -> bool {
        let is_curve = matches!(self, Self::EcdsaP256 | Self::EcdsaP384) && keytype == self.as_str();
        keytype == self.keytype() || is_curve
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.as_str() == text);
        found.ok_or_else(|| UnknownScheme(text.to_owned()))
    }
}
