//! Whose key a keyid is, as `names.json` beside the metadata says: for people only, never for a decision.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::tuf::apart::ApartError;
use crate::tuf::diff;
use crate::tuf::json;
use crate::tuf::key::KeyId;

/// One line of `names.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// The key's name in the ceremony file.
    pub(crate) name: String,
    /// The person who holds it, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<String>,
}

impl Named {
    /// What the key is called beside its signatures: by its holder, else by its name.
    fn called(&self) -> &str {
        self.holder.as_deref().unwrap_or(&self.name)
    }
}

/// Names and holders by keyid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names(pub(crate) BTreeMap<KeyId, Named>);

impl From<diff::Names> for Names {
    fn from(names: diff::Names) -> Self {
        let named = |person: diff::Person| Named { name: person.name, holder: person.holder };
        Self(names.into_iter().map(|(keyid, person)| (keyid, named(person))).collect())
    }
}

impl Names {
    /// Reads `names.json`: `{"KEYID": {"name": "ana", "holder": "Ana Duarte"}}`, the holder where one was named.
    pub fn parse(file: &[u8]) -> Result<Self, ApartError> {
        let names = json::parse(file).map_err(ApartError::new)?;
        serde_json::from_value(names).map_err(|e| ApartError::new(e.to_string()))
    }

    /// `Ana Duarte, key ana`, `key ana` where nobody holds it, or `key 74c0dd12...` where nobody is named.
    pub fn of(&self, keyid: &KeyId) -> String {
        match self.0.get(keyid) {
            Some(Named { name, holder: Some(holder) }) => format!("{holder}, key {name}"),
            Some(Named { name, holder: None }) => format!("key {name}"),
            None => format!("key {:.16}", keyid.0),
        }
    }

    /// The holders alone, by keyid; a key that nobody holds by its name.
    pub fn holders(&self) -> BTreeMap<KeyId, String> {
        self.0.iter().map(|(keyid, named)| (keyid.clone(), named.called().to_owned())).collect()
    }
}
