//! Cosignatures of C2SP (tlog-cosignature, `cosignature/v1` by Ed25519) in signed notes.

use crate::tuf::Date;
use crate::tuf::PublicKey;
use crate::tuf::base64;

/// A note, or signature lines that belong to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text above the empty line; none where only lines came.
    body: Option<String>,
    /// Name and bytes of each signature line.
    lines: Vec<(String, Vec<u8>)>,
}

pub(super) fn read(text: &str) -> Result<Note, String> {
    let (body, lines) = match text.rsplit_once("\n\n") {
        Some((body, lines)) => (Some(format!("{body}\n")), lines),
        None => (None, text),
    };
    let line = |line: &str| {
        let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        Some((name.to_owned(), base64::decode(bytes)?))
    };
    let lines: Option<Vec<_>> = lines.lines().map(line).collect();
    match lines.filter(|lines| !lines.is_empty()) {
        Some(lines) => Ok(Note { body, lines }),
        None => Err("it is no SSH signature, no minisign signature, and no signed note".to_owned()),
    }
}

impl Note {
    /// When this cosigner signed `text`, as it says; `None` when it did not.
    pub(super) fn verify(&self, name: &str, id: [u8; 4], key: &PublicKey, text: &str) -> Option<Date> {
        if self.body.as_ref().is_some_and(|body| body != text) {
            return None;
        }
        self.lines.iter().filter(|(signer, _)| signer == name).find_map(|(_, bytes)| {
            let (time, signature) = bytes.strip_prefix(&id)?.split_first_chunk::<8>()?;
            let time = i64::try_from(u64::from_be_bytes(*time)).ok()?;
            let signed = format!("cosignature/v1\ntime {time}\n{text}");
            key.verify(signed.as_bytes(), signature).ok()?;
            Some(Date::from_unix(time))
        })
    }
}
