//! One step of the script: a verb, who does it, who confirms.

use crate::plan::problem::Place;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Everyone says that they are here.
    RollCall,
    /// A sentence is read to the room.
    Say,
    /// A digest is read as words, and two of them are typed back.
    ReadAloud(Subject),
    /// The machine is looked at.
    Preflight,
    /// The point of no return.
    Gate,
    /// Public keys come in from files and existing stores.
    LoadKeys,
    /// A key is made in its store.
    GenerateKey(String),
    /// Metadata of these roles is built from the keys.
    Build(Vec<String>),
    /// What these roles say is read by people.
    Review(Vec<String>),
    /// A key signs these roles, under one login.
    Sign {
        /// The key.
        key: String,
        /// The roles, in order.
        roles: Vec<String>,
    },
    /// The signatures of these roles are counted.
    Verify(Vec<String>),
    /// The bundle is written.
    Export,
    /// The bundle is read back from the medium and verified.
    Readback,
    /// The journal's head is shown as words and QR.
    Checkpoint,
    /// The end.
    Close,
}

/// What is read aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The ceremony file's digest.
    Plan,
    /// The journal's head.
    Journal,
    /// The payload of a role.
    Role(String),
}

impl Subject {
    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::Plan => "this ceremony file".into(),
            Self::Journal => "the journal so far".into(),
            Self::Role(role) => format!("the payload of {role}"),
        }
    }
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFail {
    /// It is tried again.
    #[default]
    Retry,
    /// The ceremony stops; `resume` goes on.
    Stop,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, unique in the plan.
    pub id: String,
    /// What it does.
    pub verb: Verb,
    /// The participant who does it.
    pub by: String,
    /// The participants who confirm it, never the doer.
    pub confirm: Vec<String>,
    /// What to say, or a remark.
    pub text: Option<String>,
    /// Where the words come from that are compared.
    pub source: Option<String>,
    /// Minutes.
    pub est: u64,
    /// What happens when it fails.
    pub on_fail: OnFail,
    /// The title of the section that begins with this step.
    pub section: Option<String>,
    /// Where the file says so; none in a standard script.
    pub place: Option<Place>,
}

impl Verb {
    /// The verb as the file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RollCall => "roll-call",
            Self::Say => "say",
            Self::ReadAloud(_) => "read-aloud",
            Self::Preflight => "preflight",
            Self::Gate => "gate",
            Self::LoadKeys => "load-keys",
            Self::GenerateKey(_) => "generate-key",
            Self::Build(_) => "build",
            Self::Review(_) => "review",
            Self::Sign { .. } => "sign",
            Self::Verify(_) => "verify",
            Self::Export => "export",
            Self::Readback => "readback",
            Self::Checkpoint => "checkpoint",
            Self::Close => "close",
        }
    }

    /// What cannot be taken back: it stands behind the gate, and is confirmed before it happens.
    pub fn irreversible(&self) -> bool {
        matches!(self, Self::GenerateKey(_) | Self::Sign { .. } | Self::Export)
    }

    /// What nobody passes alone.
    pub fn needs_confirmation(&self) -> bool {
        self.irreversible() || matches!(self, Self::RollCall | Self::Preflight | Self::Gate | Self::Review(_))
    }

    /// Minutes, where the file does not say.
    pub fn usual_minutes(&self) -> u64 {
        match self {
            Self::RollCall | Self::ReadAloud(_) => 3,
            Self::Review(_) => 5,
            Self::GenerateKey(_) | Self::Sign { .. } | Self::Checkpoint | Self::Preflight | Self::Export => 2,
            Self::Say
            | Self::Gate
            | Self::LoadKeys
            | Self::Build(_)
            | Self::Verify(_)
            | Self::Readback
            | Self::Close => 1,
        }
    }

    /// The name of the step where the file gives none.
    pub fn usual_id(&self) -> String {
        let parts = match self {
            Self::GenerateKey(key) => format!("-{key}"),
            Self::Build(roles) | Self::Review(roles) | Self::Verify(roles) => format!("-{}", roles.join("-")),
            Self::Sign { key, roles } => format!("-{}-{key}", roles.join("-")),
            Self::ReadAloud(Subject::Plan) => "-plan".into(),
            Self::ReadAloud(Subject::Journal) => "-journal".into(),
            Self::ReadAloud(Subject::Role(role)) => format!("-{role}"),
            _ => String::new(),
        };
        format!("{}{parts}", self.name())
    }
}
