//! The file that asks for signatures: the metadata byte for byte, who may sign it, and the digest that people compare.
//!
//! ```text
//! {
//!   "keyrite-request": 1,
//!   "role": "root",
//!   "sha256": "...",                    of the payload
//!   "thresholds": [{"of": "root version 1", "need": 2, "signers": [{"keyid", "scheme", "key"}]}],
//!   "names": {"KEYID": {"holder": "Ana Duarte", "name": "ana"}},     of the keys that it speaks of
//!   "before": "{\"signatures\": ...",    the version before it, as read; or null
//!   "metadata": "{\"signatures\": ..."   as read
//! }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Signers;
use crate::tuf::apart::Threshold;
use crate::tuf::apart::carry;
use crate::tuf::apart::carry::Carried;
use crate::tuf::apart::digest;
use crate::tuf::apart::signers;
use crate::tuf::client::WATERMARK;
use crate::tuf::fields;
use crate::tuf::json;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;

/// The format that we write, and read.
const FORMAT: u32 = 1;

/// What is to be signed, and by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The role, by its name.
    pub role: String,
    /// The metadata.
    pub metadata: Metadata,
    /// The version before it: of a root its keys sign too, of other roles it only shows what changes.
    pub before: Option<Metadata>,
    /// Who may sign.
    pub signers: Signers,
    /// Whose keys they are.
    pub names: Names,
    pub(super) text: String,
    pub(super) before_text: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "keyrite-request")]
    format: u32,
    role: String,
    sha256: String,
    thresholds: Vec<Listed>,
    names: Names,
    before: Option<String>,
    metadata: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    of: String,
    need: u32,
    signers: Vec<Signer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    keyid: KeyId,
    scheme: String,
    key: Value,
}

impl Request {
    /// A request for a root; `before` is the root before it.
    pub fn for_root(file: &[u8], before: Option<&[u8]>, names: Names) -> Result<Self, ApartError> {
        let (metadata, text) = read(file)?;
        if metadata.role_type() != "root" {
            return Err(ApartError::new(format!("{} metadata is no root", metadata.role_type())));
        }
        let before = before.map(read).transpose();
        let before = before.map_err(|e| ApartError::new(format!("the root before it: {e}")))?;
        let signers = Signers::of_root(&metadata, before.as_ref().map(|(root, _)| root))?;
        let (before, before_text) = before.unzip();
        let names = beside(names, &metadata, &signers);
        Ok(Self { role: "root".to_owned(), metadata, before, signers, names, text, before_text })
    }

    /// The same request for a root, with the root before it.
    pub fn after(&self, before: &[u8]) -> Result<Self, ApartError> {
        Self::for_root(self.text.as_bytes(), Some(before), self.names.clone())
    }

    /// The same request, compared with the signer's `own` copy of the version before it: what came with the request is
    /// that copy, byte for byte, or an error that is a contradiction.
    pub fn against(&self, own: &[u8]) -> Result<Self, ApartError> {
        match &self.before_text {
            Some(sent) if sent.as_bytes() == own => Ok(self.clone()),
            Some(_) => Err(match Metadata::parse(own) {
                Err(error) => ApartError::new(format!("not metadata: {error}")),
                Ok(_) => ApartError::contradiction(
                    "the version before it is not the one that came with the request",
                ),
            }),
            None if self.role == "root" => self.after(own),
            None => {
                let (file, signers) = (self.text.as_bytes(), self.signers.clone());
                Self::of_role(file, &self.role, signers, Some(own), self.names.clone())
            }
        }
    }

    /// What the difference starts from, by its role and version, and its file. No signature covers it, so people
    /// compare its digest too.
    pub fn compared(&self) -> Option<(String, &[u8])> {
        let (before, text) = (self.before.as_ref()?, self.before_text.as_ref()?);
        Some((format!("{} version {}", self.role, signers::version(before.signed())), text.as_bytes()))
    }

    /// A request for another role, by the word of `authority`: the root, or the targets role that delegates to it.
    /// `before` is an older version of the same role, for the difference.
    pub fn for_role(
        file: &[u8],
        role: &str,
        authority: &Metadata,
        before: Option<&[u8]>,
        names: Names,
    ) -> Result<Self, ApartError> {
        Self::of_role(file, role, Signers::by(authority, role)?, before, names)
    }

    /// The same, of which it is known who may sign.
    pub(crate) fn of_role(
        file: &[u8],
        role: &str,
        signers: Signers,
        before: Option<&[u8]>,
        names: Names,
    ) -> Result<Self, ApartError> {
        let (metadata, text) = read(file)?;
        let before = before.map(read).transpose();
        let before = before.map_err(|e| ApartError::new(format!("the version before it: {e}")))?;
        if let Some((before, _)) = &before {
            let (old, new) = (signers::version(before.signed()), signers::version(metadata.signed()));
            if before.role_type() != metadata.role_type() || old >= new {
                let what = format!("{} version {old}", before.role_type());
                return Err(ApartError::new(format!("{what} is not before {role} version {new}")));
            }
        }
        let (before, before_text) = before.unzip();
        let names = beside(names, &metadata, &signers);
        Ok(Self { role: role.to_owned(), metadata, before, signers, names, text, before_text })
    }

    /// Reads a request, as a file or as frames. What it says twice must agree: the digest with the metadata, and for a root the keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApartError> {
        let unfolded = unfolded(bytes)?;
        let value = json::parse(unfolded.as_deref().unwrap_or(bytes)).map_err(ApartError::new)?;
        match value.get("keyrite-request").map(|format| format.as_u64()) {
            None => return Err(ApartError::new("not a request")),
            Some(format) if format != Some(u64::from(FORMAT)) => {
                return Err(ApartError::new("a request of a format that this program does not know"));
            }
            Some(_) => {}
        }
        let file: File =
            serde_json::from_value(value).map_err(|e| ApartError::new(format!("request: {e}")))?;
        let names = file.names;
        let thresholds = file.thresholds.iter().map(Listed::read).collect::<Result<Vec<_>, _>>()?;
        let (metadata, before) = (file.metadata.as_bytes(), file.before.as_deref().map(str::as_bytes));
        let request = match file.role.as_str() {
            "root" => Self::for_root(metadata, before, names)?,
            role => Self::of_role(metadata, role, Signers(thresholds.clone()), before, names)?,
        };
        if request.sha256() != file.sha256 {
            return Err(ApartError::contradiction("the request names another digest than its metadata has"));
        }
        if request.signers.0 != thresholds || thresholds.is_empty() {
            return Err(ApartError::contradiction("the request names other signers than its metadata does"));
        }
        let is_root = request.role == "root";
        let fits = if request.role == "snapshot" || request.role == "timestamp" || is_root {
            request.metadata.role_type() == request.role
        } else {
            request.metadata.role_type() == "targets"
        };
        if !fits {
            let error =
                format!("the request is for {} and carries {}", request.role, request.metadata.role_type());
            return Err(ApartError::contradiction(error));
        }
        Ok(request)
    }

    /// Whether this JSON says of itself that it is a request.
    pub fn is_one(value: &Value) -> bool {
        value.get("keyrite-request").is_some()
    }

    /// Whether these bytes are a request, as a file or as frames, whole or not: nothing else is meant by frames here.
    pub fn is_meant(bytes: &[u8]) -> bool {
        carry::read(bytes).is_some() || json::parse(bytes).is_ok_and(|value| Self::is_one(&value))
    }

    /// SHA-256 of the payload, in hex.
    pub fn sha256(&self) -> String {
        digest(self.metadata.payload())
    }

    /// The metadata's version.
    pub fn version(&self) -> u64 {
        signers::version(self.metadata.signed())
    }

    /// Whose the keys are that this request speaks of; the rest of `names.json` is nobody's business.
    fn spoken_of(&self) -> Names {
        let texts = [Some(&self.text), self.before_text.as_ref()];
        let speaks_of = |keyid: &KeyId| {
            let signs = self.signers.keys().any(|(signer, _)| signer == keyid);
            signs || texts.into_iter().flatten().any(|text| text.contains(&keyid.0))
        };
        let mut names = self.names.clone();
        names.retain(speaks_of);
        names
    }

    /// The file. Nothing in it is secret.
    pub fn to_file(&self) -> Vec<u8> {
        let file = File {
            format: FORMAT,
            role: self.role.clone(),
            sha256: self.sha256(),
            thresholds: self.signers.0.iter().map(Listed::new).collect(),
            names: self.spoken_of(),
            before: self.before_text.clone(),
            metadata: self.text.clone(),
        };
        // Strings, numbers and JSON that was read: they always have a JSON form.
        let mut bytes = serde_json::to_vec_pretty(&file).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// The names, for the keys that a request speaks of.
fn beside(names: Names, metadata: &Metadata, signers: &Signers) -> Names {
    let listed: Vec<(KeyId, &Value)> = fields::keys(metadata.signed()).collect();
    let signers = signers.keys().map(|(keyid, key)| (keyid, key.to_json()));
    let names = names.rehearsed(metadata.signed().get(WATERMARK).is_some());
    names.beside(signers.chain(listed.iter().map(|(keyid, key)| (keyid, *key))))
}

/// The file that frames carry; `None` when these bytes are no frames.
fn unfolded(bytes: &[u8]) -> Result<Option<Vec<u8>>, ApartError> {
    let Some(carried) = carry::read(bytes) else { return Ok(None) };
    let mut carried = carried?;
    match (carried.pop(), carried.len()) {
        (Some(Carried::Request(file)), 0) => Ok(Some(file)),
        (Some(Carried::Response(_)), 0) => Err(ApartError::new("a response: it answers, and asks nothing")),
        _ => Err(ApartError::new("the frames of several things; give those of one request alone")),
    }
}

fn read(file: &[u8]) -> Result<(Metadata, String), ApartError> {
    let metadata = Metadata::parse(file)?;
    let text = std::str::from_utf8(file).map_err(|_| ApartError::new("not UTF-8"))?;
    Ok((metadata, text.to_owned()))
}

impl Listed {
    fn new(threshold: &Threshold) -> Self {
        let signers = threshold.keys.keys.iter().map(|(keyid, key)| Signer {
            keyid: keyid.clone(),
            scheme: key.scheme().to_string(),
            key: key.to_json().clone(),
        });
        Self { of: threshold.of.clone(), need: threshold.keys.threshold, signers: signers.collect() }
    }

    fn read(&self) -> Result<Threshold, ApartError> {
        let mut keys = BTreeMap::new();
        for signer in &self.signers {
            let key = PublicKey::from_json(&signer.key);
            let key =
                key.map_err(|e| ApartError::new(format!("request: key {:.16}: {e}", signer.keyid.0)))?;
            if key.scheme().as_str() != signer.scheme || keys.insert(signer.keyid.clone(), key).is_some() {
                return Err(ApartError::contradiction(format!(
                    "request: key {:.16} contradicts itself",
                    signer.keyid.0
                )));
            }
        }
        Ok(Threshold { of: self.of.clone(), keys: RoleKeys { keys, threshold: self.need } })
    }
}
