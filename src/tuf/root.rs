//! Root metadata (TUF section 4.3).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::date::Date;
use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::MetadataError;
use crate::tuf::role::RoleKeys;

/// The four roles that root names, in the order in which people read them.
pub const TOP_LEVEL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// One role in root: labels of its keys and its threshold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootRole {
    /// Labels of the keys.
    pub keyids: Vec<KeyId>,
    /// How many of them must sign.
    pub threshold: u32,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
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
    /// `keys` that we can verify with
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// `keys` of other kinds, as read: they cannot count.
    pub other_keys: BTreeMap<KeyId, Value>,
    /// `roles`, by name
    pub roles: BTreeMap<String, RootRole>,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl RootRole {
    /// A role without further fields.
    pub fn new(keyids: Vec<KeyId>, threshold: u32) -> Self {
        Self { keyids, threshold, extra: Map::new() }
    }

    /// Reads keyids, which may not repeat, and a threshold of 1 or more.
    fn from_json(name: &str, role: &Value) -> Result<Self, MetadataError> {
        let in_role = |e: MetadataError| MetadataError(format!("role {name}: {e}"));
        let (keyids, threshold) = keyids_and_threshold(role).map_err(in_role)?;
        let known = |name: &str| name == "keyids" || name == "threshold";
        let extra = fields::object(role, name)?.iter().filter(|(name, _)| !known(name));
        Ok(Self { keyids, threshold, extra: extra.map(|(k, v)| (k.clone(), v.clone())).collect() })
    }
}

/// `keyids` and `threshold` of a role in root or of a delegation.
pub(crate) fn keyids_and_threshold(role: &Value) -> Result<(Vec<KeyId>, u32), MetadataError> {
    let keyids = role.get("keyids").and_then(Value::as_array);
    let keyids = keyids.ok_or_else(|| MetadataError::new("keyids is not a list"))?;
    let keyids: Option<Vec<KeyId>> = keyids.iter().map(|k| k.as_str().map(|k| KeyId(k.to_owned()))).collect();
    let keyids = keyids.ok_or_else(|| MetadataError::new("a keyid is not a string"))?;
    let distinct: BTreeSet<&KeyId> = keyids.iter().collect();
    if distinct.len() != keyids.len() {
        return Err(MetadataError::new("a keyid stands twice in the role"));
    }
    let threshold = u32::try_from(fields::whole(role, "threshold")?);
    Ok((keyids, threshold.map_err(|_| MetadataError::new("threshold is too large"))?))
}

/// The keys of an object `keys` that we can verify with, and the others as read.
pub(crate) fn keys(object: &Map<String, Value>) -> (BTreeMap<KeyId, PublicKey>, BTreeMap<KeyId, Value>) {
    keys_after(object, &BTreeMap::new())
}

/// The same; a key that is written as one of `known` is that one.
fn keys_after(
    object: &Map<String, Value>,
    known: &BTreeMap<KeyId, PublicKey>,
) -> (BTreeMap<KeyId, PublicKey>, BTreeMap<KeyId, Value>) {
    let (mut good, mut other) = (BTreeMap::new(), BTreeMap::new());
    for (keyid, json) in object {
        let keyid = KeyId(keyid.clone());
        if let Some(key) = known.get(&keyid).filter(|key| key.to_json() == json) {
            good.insert(keyid, key.clone());
            continue;
        }
        match PublicKey::from_json(json) {
            Ok(key) => drop(good.insert(keyid, key)),
            Err(_) => drop(other.insert(keyid, json.clone())),
        }
    }
    (good, other)
}

impl Root {
    /// Reads the signed part of a root. Keys of unknown kinds are kept aside: they cannot count.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        Self::read(signed, &BTreeMap::new())
    }

    /// The same for the root after `before`: keys that both have are not read again.
    pub(crate) fn following(signed: &Value, before: &Self) -> Result<Self, MetadataError> {
        Self::read(signed, &before.keys)
    }

    fn read(signed: &Value, known: &BTreeMap<KeyId, PublicKey>) -> Result<Self, MetadataError> {
        let common = fields::read(signed, "root", &["consistent_snapshot", "keys", "roles"])?;
        let consistent_snapshot = match signed.get("consistent_snapshot") {
            None => false,
            Some(Value::Bool(consistent)) => *consistent,
            Some(_) => return Err(MetadataError::new("consistent_snapshot is not true or false")),
        };
        let (keys, other_keys) = keys_after(fields::member(signed, "keys")?, known);
        let roles = fields::member(signed, "roles")?;
        if let Some(missing) = TOP_LEVEL.into_iter().find(|name| !roles.contains_key(*name)) {
            return Err(MetadataError(format!("role {missing} is missing")));
        }
        let roles = roles.iter().map(|(name, role)| Ok((name.clone(), RootRole::from_json(name, role)?)));
        Ok(Self {
            version: common.version,
            expires: common.expires,
            consistent_snapshot,
            keys,
            other_keys,
            roles: roles.collect::<Result<_, MetadataError>>()?,
            extra: common.extra,
        })
    }

    /// The signed part, `spec_version` 1.0.31.
    pub fn to_signed(&self) -> Value {
        let mut object = fields::write("root", self.version, self.expires, &self.extra);
        let keys = self.keys.iter().map(|(keyid, key)| (keyid.0.clone(), key.to_json().clone()));
        let other = self.other_keys.iter().map(|(keyid, json)| (keyid.0.clone(), json.clone()));
        let roles = self.roles.iter().map(|(name, role)| {
            let mut json = role.extra.clone();
            json.insert("keyids".to_owned(), json!(role.keyids));
            json.insert("threshold".to_owned(), json!(role.threshold));
            (name.clone(), Value::Object(json))
        });
        object.insert("consistent_snapshot".to_owned(), Value::Bool(self.consistent_snapshot));
        object.insert("keys".to_owned(), Value::Object(keys.chain(other).collect()));
        object.insert("roles".to_owned(), Value::Object(roles.collect()));
        Value::Object(object)
    }

    /// The keys and the threshold of a role.
    pub fn role_keys(&self, role: &str) -> Option<RoleKeys> {
        let role = self.roles.get(role)?;
        let key = |keyid: &KeyId| Some((keyid.clone(), self.keys.get(keyid)?.clone()));
        Some(RoleKeys { keys: role.keyids.iter().filter_map(key).collect(), threshold: role.threshold })
    }
}
