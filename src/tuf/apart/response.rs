//! The answer to a request: one signature, and what it is over. Nothing secret, and nothing else authored.

use serde::Deserialize;
use serde::Serialize;

use crate::tuf::apart::ApartError;
use crate::tuf::json;
use crate::tuf::key::KeyId;

/// The format that we write, and read.
const FORMAT: u32 = 1;
/// The shortest beginning of a digest that names a payload, in hex digits.
const SHORTEST_DIGEST: usize = 32;

/// A response, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    #[serde(rename = "keyrite-response")]
    format: u32,
    /// The role whose metadata was signed.
    pub role: String,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the payload, in hex; of one that came without a file, its beginning.
    pub sha256: String,
    /// The label of the key; of one that came without a file, the beginning of it.
    pub keyid: KeyId,
    /// The key's scheme.
    pub scheme: String,
    /// The signature, in hex.
    pub sig: String,
}

impl Response {
    /// A response to the request for `role`.
    pub fn new(role: &str, version: u64, sha256: &str, keyid: KeyId, scheme: &str, sig: &[u8]) -> Self {
        let sig = hex::encode(sig);
        let (role, sha256, scheme) = (role.to_owned(), sha256.to_owned(), scheme.to_owned());
        Self { format: FORMAT, role, version, sha256, keyid, scheme, sig }
    }

    /// Reads a file.
    pub fn parse(file: &[u8]) -> Result<Self, ApartError> {
        let value = json::parse(file).map_err(ApartError::new)?;
        match value.get("keyrite-response").map(|format| format.as_u64()) {
            None => return Err(ApartError::new("not a response")),
            Some(format) if format != Some(u64::from(FORMAT)) => {
                return Err(ApartError::new("a response of a format that this program does not know"));
            }
            Some(_) => {}
        }
        let response: Self =
            serde_json::from_value(value).map_err(|e| ApartError::new(format!("response: {e}")))?;
        if hex::decode(&response.sig).is_err() {
            return Err(ApartError::new("response: sig is not hex"));
        }
        Ok(response)
    }

    /// Whether it is over the payload with this SHA-256, as far as it says. Only the signature decides.
    pub fn is_over(&self, sha256: &str) -> bool {
        self.sha256.len() >= SHORTEST_DIGEST && sha256.starts_with(&self.sha256)
    }

    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        // Strings and numbers alone: they always have a JSON form.
        let mut file = serde_json::to_vec_pretty(self).unwrap_or_default();
        file.push(b'\n');
        file
    }
}
