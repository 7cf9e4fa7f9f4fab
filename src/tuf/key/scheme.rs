//! Signature schemes by the names that metadata gives them.

use std::fmt;
use std::str::FromStr;

/// A signature scheme.
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
    /// A scheme that others sign with: we verify it and never sign with it.
    VerifyOnly(VerifyOnly),
}

/// A scheme that we verify where metadata of others has it. No key of it is made, kept or taken into a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerifyOnly {
    /// `rsa-pkcs1v15-sha256`, as TAF signs
    RsaPkcs1Sha256,
    /// `ml-dsa-44/1` (TAP 21)
    MlDsa44,
    /// `ml-dsa-65/1` (TAP 21)
    MlDsa65,
    /// `ml-dsa-87/1` (TAP 21)
    MlDsa87,
}

/// A scheme that this program does not know, or does not sign with.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a scheme{why}; use ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or rsassa-pss-sha256", why = verified_only(.0))]
pub struct UnknownScheme(pub String);

fn verified_only(text: &str) -> &'static str {
    let known = VerifyOnly::ALL.into_iter().any(|scheme| Scheme::VerifyOnly(scheme).as_str() == text);
    if known { " to sign with: it is verified where others use it" } else { "" }
}

impl Scheme {
    /// Every scheme that we sign with, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256, Self::EcdsaP384, Self::RsaPssSha256];

    /// The name in metadata and in ceremony files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::RsaPssSha256 => "rsassa-pss-sha256",
            Self::VerifyOnly(VerifyOnly::RsaPkcs1Sha256) => "rsa-pkcs1v15-sha256",
            Self::VerifyOnly(VerifyOnly::MlDsa44) => "ml-dsa-44/1",
            Self::VerifyOnly(VerifyOnly::MlDsa65) => "ml-dsa-65/1",
            Self::VerifyOnly(VerifyOnly::MlDsa87) => "ml-dsa-87/1",
        }
    }

    /// The `keytype` that we write for it.
    pub fn keytype(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 | Self::EcdsaP384 => "ecdsa",
            Self::RsaPssSha256 | Self::VerifyOnly(VerifyOnly::RsaPkcs1Sha256) => "rsa",
            Self::VerifyOnly(VerifyOnly::MlDsa44 | VerifyOnly::MlDsa65 | VerifyOnly::MlDsa87) => "ml-dsa",
        }
    }

    /// The scheme that metadata names: one of ours, or one that we only verify.
    pub(crate) fn in_metadata(text: &str) -> Result<Self, UnknownScheme> {
        let found = VerifyOnly::ALL.into_iter().map(Self::VerifyOnly).find(|scheme| scheme.as_str() == text);
        found.map_or_else(|| text.parse(), Ok)
    }

    /// Whether `keytype` may stand beside this scheme; old metadata names the curve in the keytype.
    pub(crate) fn reads_keytype(self, keytype: &str) -> bool {
        let is_curve = matches!(self, Self::EcdsaP256 | Self::EcdsaP384) && keytype == self.as_str();
        keytype == self.keytype() || is_curve
    }
}

impl VerifyOnly {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::RsaPkcs1Sha256, Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The schemes that we sign with: what people may ask for.
impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.as_str() == text);
        found.ok_or_else(|| UnknownScheme(text.to_owned()))
    }
}
