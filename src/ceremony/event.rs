//! What happened, in the past tense. Events are what the journal keeps; secrets cannot become part of one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::PublicKey;
use crate::tuf::targets::Files;

/// Whether keys are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The keys are real.
    Production,
    /// The keys are simulated; everything that leaves is watermarked.
    Rehearsal,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The first line of every journal.
    Opened {
        /// The journal's format.
        format: u32,
        /// The version of the program.
        keyrite: String,
        /// The ceremony's id.
        ceremony: String,
        /// SHA-256 of the ceremony file.
        plan: String,
        /// Production or rehearsal.
        mode: Mode,
        /// SHA-256 of the answers file, where a file answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<String>,
        /// SHA-256 of each metadata file that the ceremony starts from; they lie in `before/` of the record.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        before: BTreeMap<String, String>,
        /// What the keys that it starts from are called, and who holds them: as was known, signed by nobody.
        #[serde(default, skip_serializing_if = "Names::is_empty")]
        names: Names,
        /// Of each root that clients were shipped with, how it reaches the new one, as was found on the day.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        anchors: Vec<String>,
    },
    /// Someone confirmed a step.
    Confirmed {
        /// The step.
        step: String,
        /// The participant.
        by: String,
    },
    /// Someone typed back words of a digest that was read aloud, and they were right.
    TypedBack {
        /// The step.
        step: String,
        /// The participant.
        by: String,
        /// The words.
        words: Vec<String>,
    },
    /// A slow or irreversible step begins.
    Started {
        /// The step.
        step: String,
    },
    /// A step that leaves nothing else is done.
    Done {
        /// The step.
        step: String,
    },
    /// Everyone is here.
    RollCalled {
        /// The step.
        step: String,
        /// The participants.
        present: Vec<String>,
    },
    /// A digest was read aloud.
    ReadAloud {
        /// The step.
        step: String,
        /// The digest.
        sha256: String,
        /// The head of the journal before it: which words are typed back is drawn from it.
        head: String,
    },
    /// Someone typed what a step asks for.
    Typed {
        /// The step.
        step: String,
        /// The participant.
        by: String,
        /// The text.
        text: String,
    },
    /// A watch was compared with the machine's clock.
    ClockRead {
        /// The step.
        step: String,
        /// Whose watch.
        by: String,
        /// What it said.
        watch: Date,
        /// What the machine's clock said then.
        machine: Date,
    },
    /// A token, a bag or a drive was handled as the step says.
    Handled {
        /// The step.
        step: String,
        /// What the machine saw of it: serial, label.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        seen: BTreeMap<String, String>,
    },
    /// The machine was looked at.
    Preflight {
        /// The step.
        step: String,
        /// What was required; in production every item held.
        required: Vec<String>,
        /// What the file waives.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waived: Vec<String>,
    },
    /// A public key came from outside.
    KeyLoaded {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// Its public half.
        public: PublicKey,
    },
    /// A key was made.
    KeyGenerated {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// Its public half.
        public: PublicKey,
        /// What the store reports of it.
        evidence: BTreeMap<String, String>,
    },
    /// The holder of a key from outside showed that he has it.
    KeyEnrolled {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// Its public half.
        public: PublicKey,
        /// The proof of possession for this ceremony, in hex.
        sig: String,
    },
    /// A key was opened, and signed a text that is thrown away.
    Drilled {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// The proof of possession for this ceremony, in hex.
        sig: String,
        /// Who gave a share, in order, where shares brought it back: every one was proven.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shares: Vec<String>,
    },
    /// A holder got a share of a key.
    KeyShared {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// The holder.
        to: String,
        /// Which share it is, from 1.
        index: u8,
        /// How many of them give the key back.
        threshold: u8,
        /// How many there are.
        of: u8,
        /// The drive that it is on; none where it was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drive: Option<String>,
    },
    /// A key was destroyed.
    KeyDestroyed {
        /// The step.
        step: String,
        /// The key's name.
        key: String,
        /// What the store reports of it.
        evidence: BTreeMap<String, String>,
    },
    /// What other clients would make of a role was looked at.
    Linted {
        /// The step.
        step: String,
        /// The role.
        role: String,
        /// What was found; nothing is good.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<String>,
    },
    /// Target files were hashed in the room.
    Hashed {
        /// The step.
        step: String,
        /// The role that lists them.
        #[serde(default = "targets", skip_serializing_if = "is_targets")]
        role: String,
        /// By path.
        files: Files,
    },
    /// A role's metadata was built.
    Built {
        /// The step.
        step: String,
        /// The role.
        role: String,
        /// Bytes of the payload.
        length: u64,
        /// SHA-256 of the payload.
        sha256: String,
    },
    /// A role's content was read by people.
    Reviewed {
        /// The step.
        step: String,
        /// The role.
        role: String,
        /// SHA-256 of the payload.
        sha256: String,
    },
    /// A key signed a role.
    Signed {
        /// The step of the key: what comes from elsewhere may come in at the step of another.
        step: String,
        /// The role.
        role: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// The signature in hex.
        sig: String,
    },
    /// A key signed every bin of a role.
    BinsSigned {
        /// The step.
        step: String,
        /// The role that the bins stand as.
        role: String,
        /// The key's name.
        key: String,
        /// Its keyid.
        keyid: KeyId,
        /// The signatures in hex, in the order of the bins.
        sigs: Vec<String>,
    },
    /// A holder does not sign today.
    Declined {
        /// The step.
        step: String,
        /// The roles.
        roles: Vec<String>,
        /// The key's name.
        key: String,
    },
    /// A role's signatures met its threshold.
    Verified {
        /// The step.
        step: String,
        /// The role.
        role: String,
        /// The distinct keys that signed.
        signed_by: Vec<KeyId>,
        /// The threshold.
        threshold: u32,
        /// The same for the root before: its keys and its threshold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_old: Option<(Vec<KeyId>, u32)>,
        /// The same for everyone else who delegates to the role, where they ask for other signatures.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by_others: Vec<(Vec<KeyId>, u32)>,
        /// SHA-256 of the signed file.
        sha256: String,
    },
    /// The bundle was written.
    Exported {
        /// The step.
        step: String,
        /// SHA-256 of its manifest.
        manifest: String,
        /// The drive that it is on; none for the record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drive: Option<String>,
    },
    /// The bundle was read back and verified from its first root, as far as it holds on the day: what carries over expired is not
    /// asked for.
    ReadBack {
        /// The step.
        step: String,
        /// SHA-256 of its manifest.
        manifest: String,
        /// The drive that it is on; none for the record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drive: Option<String>,
    },
    /// The journal's head was shown.
    Checkpoint {
        /// The step.
        step: String,
        /// The head: SHA-256 of the line before this one.
        head: String,
    },
    /// A step failed and changed nothing.
    Failed {
        /// The step.
        step: String,
        /// What kind of failure, as `wrong-secret`.
        kind: String,
        /// The sentence that people read.
        why: String,
        /// The token's serial number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
    },
    /// Something went otherwise than planned.
    Exception {
        /// The step in which it was written down.
        step: String,
        /// What was expected.
        expected: String,
        /// What happened.
        happened: String,
        /// What was done about it.
        action: String,
        /// Who wrote it down.
        by: String,
    },
    /// A step was left out, as an exception says and the file allows.
    PassedOver {
        /// The step.
        step: String,
        /// Who confirmed that.
        by: String,
    },
    /// The exceptions were read.
    ExceptionsReviewed {
        /// The step.
        step: String,
        /// How many there were.
        exceptions: usize,
    },
    /// Someone said whether the record is true.
    Stated {
        /// The step.
        step: String,
        /// The participant.
        by: String,
        /// Whether the participant agrees.
        agree: bool,
        /// The participant's own words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        words: String,
    },
    /// The people stopped; `resume` goes on.
    Stopped {
        /// Their reason.
        why: String,
    },
    /// The end.
    Closed {
        /// The step.
        step: String,
        /// Each start and resume of the program.
        runs: Vec<BTreeMap<String, String>>,
        /// The machine at the end: item to what was seen.
        machine: BTreeMap<String, String>,
    },
}

/// [`Event::Hashed`] alone. Serde holds all that an event says before it knows which one it is; the files of this one,
/// which may be a million, are read as they come.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hashed {
    #[serde(rename = "event")]
    _event: HashedName,
    step: String,
    #[serde(default = "targets")]
    role: String,
    files: Files,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HashedName {
    Hashed,
}

impl From<Hashed> for Event {
    fn from(Hashed { step, role, files, .. }: Hashed) -> Self {
        Self::Hashed { step, role, files }
    }
}

fn targets() -> String {
    "targets".to_owned()
}

fn is_targets(role: &str) -> bool {
    role == "targets"
}

impl Event {
    /// The step that it belongs to.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Opened { .. } | Self::Stopped { .. } => None,
            Self::Confirmed { step, .. }
            | Self::TypedBack { step, .. }
            | Self::Started { step }
            | Self::Done { step }
            | Self::RollCalled { step, .. }
            | Self::ReadAloud { step, .. }
            | Self::Typed { step, .. }
            | Self::ClockRead { step, .. }
            | Self::Handled { step, .. }
            | Self::KeyEnrolled { step, .. }
            | Self::Drilled { step, .. }
            | Self::KeyShared { step, .. }
            | Self::KeyDestroyed { step, .. }
            | Self::Linted { step, .. }
            | Self::Exception { step, .. }
            | Self::PassedOver { step, .. }
            | Self::ExceptionsReviewed { step, .. }
            | Self::Stated { step, .. }
            | Self::Preflight { step, .. }
            | Self::KeyLoaded { step, .. }
            | Self::KeyGenerated { step, .. }
            | Self::Hashed { step, .. }
            | Self::Built { step, .. }
            | Self::Reviewed { step, .. }
            | Self::Signed { step, .. }
            | Self::BinsSigned { step, .. }
            | Self::Declined { step, .. }
            | Self::Verified { step, .. }
            | Self::Exported { step, .. }
            | Self::ReadBack { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::Failed { step, .. }
            | Self::Closed { step, .. } => Some(step),
        }
    }
}
