//! One event as one line for people.

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::plan::consequences::joined;

impl Ceremony {
    /// What happened, in people's names.
    pub fn say(&self, event: &Event) -> String {
        let name = |id: &str| self.plan().name(id).to_owned();
        let holder = |key: &str| self.plan().holder_of(key);
        match event {
            Event::Opened { ceremony, mode, answers, .. } => {
                let what = if *mode == Mode::Production { "ceremony" } else { "REHEARSAL of ceremony" };
                let by = answers.as_ref().map(|file| format!(", answered by a file with SHA-256 {file:.8}"));
                format!("{what} {ceremony} opened{}", by.unwrap_or_default())
            }
            Event::Confirmed { step, by } => format!("{} confirmed {step}", name(by)),
            Event::TypedBack { by, words, .. } => format!("{} typed back {}", name(by), words.join(" and ")),
            Event::Started { step } => format!("{step} begins"),
            Event::Done { step } => format!("{step} done"),
            Event::RollCalled { present, .. } => format!("{} people are here", present.len()),
            Event::ReadAloud { sha256, .. } => format!("read aloud {:.8}", sha256),
            Event::Preflight { required, .. } => {
                format!("the machine was looked at: {} items", required.len())
            }
            Event::KeyLoaded { key, keyid, .. } => format!("key {key} is {keyid}"),
            Event::KeyGenerated { key, keyid, .. } => format!("{} made key {key}: {keyid}", holder(key)),
            Event::Hashed { role, files, .. } if role != "targets" => {
                format!("{} target files of {role} hashed", files.len())
            }
            Event::Hashed { files, .. } => format!("{} target files hashed", files.len()),
            Event::Built { role, sha256, length, .. } => {
                format!("{role} built: {length} bytes, {:.8}", sha256)
            }
            Event::Reviewed { role, .. } => format!("{role} reviewed"),
            Event::Signed { role, key, .. } => {
                format!("{} signed {role}, and the signature verifies", holder(key))
            }
            Event::BinsSigned { role, key, sigs, .. } => {
                format!("{} signed the {} bins {role}, and every signature verifies", holder(key), sigs.len())
            }
            Event::Declined { roles, key, .. } => {
                format!("{} does not sign {} today", holder(key), joined(roles, "and"))
            }
            Event::Verified { role, signed_by, threshold, by_old: Some((old, need)), .. } => format!(
                "{role} holds: {} signatures by old keys, {need} needed; {} by new keys, {threshold} needed",
                old.len(),
                signed_by.len()
            ),
            Event::Verified { role, signed_by, threshold, .. } => {
                format!("{role} holds: {} signatures, {threshold} needed", signed_by.len())
            }
            Event::Exported { manifest, .. } => format!("bundle written, manifest {:.8}", manifest),
            Event::ReadBack { .. } => "bundle read back and verified as a client would".into(),
            Event::Checkpoint { head, .. } => format!("journal head {:.8} shown", head),
            Event::Failed { why, .. } => format!("failed: {why}"),
            Event::Stopped { why } => format!("stopped: {why}"),
            Event::Closed { .. } => "ceremony closed".into(),
        }
    }
}
