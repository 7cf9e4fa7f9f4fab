//! A key of the plan: where it comes from, and where it signs.

use crate::plan::Plan;
use crate::plan::Shares;
use crate::plan::Throws;
use crate::store_uri::StoreUri;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// The public half of a key that comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its file, relative to the ceremony file.
    pub file: String,
    /// The keyid that it must have, where the reviewed file fixes it.
    pub keyid: Option<String>,
    /// The scheme that it must have, where the reviewed file fixes it.
    pub scheme: Option<Scheme>,
    /// The file that proves possession, relative to the ceremony file.
    pub proof: Option<String>,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// It is made in the room.
    Generated {
        /// Where its private half will live.
        store: StoreUri,
        /// Its scheme.
        scheme: Scheme,
        /// Bits of an RSA key.
        bits: Option<u32>,
    },
    /// It exists, and signs in the room.
    Existing {
        /// Where its private half lives.
        store: StoreUri,
        /// Its public half.
        public: Outside,
    },
    /// It is listed, and does not sign in the room.
    Public {
        /// Its public half.
        public: Outside,
    },
    /// The metadata before lists it.
    Listed {
        /// Under this keyid.
        keyid: KeyId,
        /// With this public half.
        public: PublicKey,
        /// Where its private half lives, when it signs in the room.
        store: Option<StoreUri>,
    },
}

/// A key of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The short name.
    pub name: String,
    /// The participant who holds it.
    pub holder: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 of the PKCS#11 module that it may be used through.
    pub module_sha256: Option<String>,
    /// Throws of dice that go into it when it is made.
    pub throws: Option<Throws>,
    /// Who holds a share of it, where it is split into shares.
    pub shares: Option<Shares>,
    /// Its holder signs at another place, from a request: `store: elsewhere`.
    pub elsewhere: bool,
    /// Whether the file names it; other keys are there because the metadata before lists them.
    pub named: bool,
}

impl Key {
    /// Where it signs in the room, if it does.
    pub fn store(&self) -> Option<&StoreUri> {
        match &self.source {
            Source::Generated { store, .. } | Source::Existing { store, .. } => Some(store),
            Source::Listed { store, .. } => store.as_ref(),
            Source::Public { .. } => None,
        }
    }

    /// Whether it signs, here or elsewhere.
    pub fn signs(&self) -> bool {
        self.elsewhere || self.store().is_some()
    }

    /// Whether its public half comes with a file.
    pub fn from_file(&self) -> bool {
        matches!(self.source, Source::Existing { .. } | Source::Public { .. })
    }

    /// Whether it is made in the room.
    pub fn generated(&self) -> bool {
        matches!(self.source, Source::Generated { .. })
    }
}

impl Plan {
    /// Whether this key signs at another place.
    pub fn signs_elsewhere(&self, key: &str) -> bool {
        self.key(key).is_some_and(|key| key.elsewhere)
    }

    /// Who brings this key into the room; nobody brings one that signs elsewhere.
    pub fn brought_by(&self, key: &str) -> Option<&String> {
        self.key(key).filter(|key| !key.elsewhere).and_then(|key| key.holder.as_ref())
    }
}
