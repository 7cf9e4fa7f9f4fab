//! Root metadata (TUF section 4.3).

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::date::Date;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::MetadataError;
use crate::tuf::role::RoleKeys;

/// The four roles that root names, in the order in which people read them.
pub const TOP_LEVEL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// One role in root: labels of its keys and its threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRole {
    /// Labels of the keys.
    pub keyids: Vec<KeyId>,
    /// How many of them must sign.
    pub threshold: u32,
}

/// What a root says.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// `version`, from 1.
    pub version: u64,
    /// `expires`
    pub expires: Date,
    /// `consistent_snapshot`
    pub consistent_snapshot: bool,
    /// `keys`
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// `roles`, by name
    pub roles: BTreeMap<String, RootRole>,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl Root {
    /// Reads the signed part of a root. Keys of unknown kinds are kept aside: they cannot count.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let _ = signed;
        todo!()
    }

    /// The signed part, `spec_version` 1.0.31.
    pub fn to_signed(&self) -> Value {
        todo!()
    }

    /// The keys and the threshold of a role.
    pub fn role_keys(&self, role: &str) -> Option<RoleKeys> {
        let _ = role;
        todo!()
    }
}
