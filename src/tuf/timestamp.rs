//! Timestamp metadata (TUF section 4.6).

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::date::Date;
use crate::tuf::fields;
use crate::tuf::metadata::MetadataError;
use crate::tuf::snapshot;
use crate::tuf::snapshot::MetaFile;

/// What a timestamp says.
#[derive(Clone, Debug, PartialEq)]
pub struct Timestamp {
    /// `version`, from 1.
    pub version: u64,
    /// `expires`
    pub expires: Date,
    /// The one entry of `meta`, `snapshot.json`
    pub snapshot: MetaFile,
    /// Fields that the specification does not name, kept.
    pub extra: Map<String, Value>,
}

impl Timestamp {
    /// Reads the signed part of a timestamp: `meta` has `snapshot.json` and nothing else.
    pub fn from_signed(signed: &Value) -> Result<Self, MetadataError> {
        let common = fields::read(signed, "timestamp", &["meta"])?;
        let mut meta = snapshot::meta(signed)?;
        match (meta.remove("snapshot.json"), meta.keys().next()) {
            (Some(snapshot), None) => {
                Ok(Self { version: common.version, expires: common.expires, snapshot, extra: common.extra })
            }
            (None, _) => Err(MetadataError::new("meta does not list snapshot.json")),
            (_, Some(other)) => Err(MetadataError(format!("meta lists {other:?} beside snapshot.json"))),
        }
    }

    /// The signed part.
    pub fn to_signed(&self) -> Value {
        let mut object = fields::write("timestamp", self.version, self.expires, &self.extra);
        object.insert("meta".to_owned(), json!({"snapshot.json": self.snapshot}));
        Value::Object(object)
    }
}
