//! `MANIFEST.json`: every file of a bundle with its length, its SHA-256 and its place in the order of publication.
//!
//! One file stands on a line, so that `sed` and `sha256sum` can read it. It is no proof of anything by itself:
//! nobody signs it. It says whether the files are the ones that the ceremony wrote, and which to publish first.

use serde::Deserialize;
use serde_json::Value;

use crate::tuf::json;

/// Its name in the bundle.
pub const MANIFEST: &str = "MANIFEST.json";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Below the bundle.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// In lower-case hex.
    pub sha256: String,
    /// The place in the order of publication, from 1; none for a file that is not published.
    pub order: Option<u64>,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    #[serde(rename = "keyrite-bundle")]
    pub format: u64,
    /// The ceremony's id.
    pub ceremony: String,
    /// The journal's head when the bundle was made: SHA-256 of its last line, in hex.
    pub journal_head: String,
    /// Whether it was made in a rehearsal.
    #[serde(default)]
    pub rehearsal: bool,
    /// Every file but the manifest itself, in the order of publication.
    pub files: Vec<Entry>,
}

impl Manifest {
    /// Reads the file.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let value = json::parse(file)?;
        let manifest = Self::deserialize(value).map_err(|e| e.to_string())?;
        match manifest.format {
            1 => Ok(manifest),
            other => Err(format!("keyrite-bundle {other}; this program reads 1")),
        }
    }

    /// The file: always the same bytes for the same content.
    pub fn to_file(&self) -> Vec<u8> {
        let text = |text: &str| Value::from(text).to_string();
        let rehearsal = if self.rehearsal { "\"rehearsal\":true,\n" } else { "" };
        let entry = |entry: &Entry| {
            let order = entry.order.map(|order| format!(",\"order\":{order}")).unwrap_or_default();
            let Entry { path, length, sha256, .. } = entry;
            format!("{{\"path\":{},\"length\":{length},\"sha256\":{}{order}}}", text(path), text(sha256))
        };
        let files: Vec<String> = self.files.iter().map(entry).collect();
        let file = format!(
            "{{\n\"keyrite-bundle\":{},\n\"ceremony\":{},\n\"journal_head\":{},\n{rehearsal}\"files\":[\n{}\n]\n}}\n",
            self.format,
            text(&self.ceremony),
            text(&self.journal_head),
            files.join(",\n")
        );
        file.into_bytes()
    }
}
