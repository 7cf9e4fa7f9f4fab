//! One step of the script: a verb, who does it, who confirms.

use crate::plan::problem::Place;
use crate::room::Handling;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Everyone says that they are here.
    RollCall,
    /// A sentence is read to the room.
    Say,
    /// A digest is read as words, and two of them are typed back.
    ReadAloud(Subject),
    /// Someone types an answer that the record keeps.
    Ask,
    /// Watches are compared with the machine's clock.
    SetClock,
    /// The machine is looked at.
    Preflight,
    /// The point of no return.
    Gate,
    /// Everybody leaves and comes back.
    Break,
    /// A token, a bag or a drive is handled.
    Handle(Handling),
    /// Public keys come in from files and existing stores.
    LoadKeys,
    /// The holder of a key from outside shows that he has it.
    EnrolKey(String),
    /// A key is made in its store.
    GenerateKey(String),
    /// A key is opened, or brought back from its backup, and signs something that is thrown away.
    RestoreDrill(String),
    /// A share of a key is handed to its holder: on the screen, or as a page on this drive.
    ShareKey {
        /// The key.
        key: String,
        /// Who holds the share.
        to: String,
        /// The drive.
        drive: Option<String>,
    },
    /// A key is brought back from all of its shares, and signs something that is thrown away.
    RestoreShares(String),
    /// A key is destroyed.
    DestroyKey(String),
    /// Metadata of these roles is built from the keys.
    Build(Vec<String>),
    /// What other clients would say of these roles is looked at.
    Lint(Vec<String>),
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
    /// The bundle is written: into the record, or onto this drive.
    Export(Option<String>),
    /// The bundle is read back from there and verified.
    Readback(Option<String>),
    /// Another machine verifies the bundle.
    SecondMachine,
    /// A digest is put on paper.
    Print(Subject),
    /// The journal's head is shown as words and QR.
    Checkpoint,
    /// What went otherwise than planned is read.
    ExceptionReview,
    /// Everyone says whether the record is true.
    Statement,
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
    /// The ceremony may go on without it, once an exception is written down and confirmed.
    Exception,
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
            Self::Ask => "ask",
            Self::SetClock => "set-clock",
            Self::Preflight => "preflight",
            Self::Gate => "gate",
            Self::Break => "break",
            Self::Handle(Handling::Open(_)) => "open-bag",
            Self::Handle(Handling::Inspect(_)) => "inspect-bag",
            Self::Handle(Handling::Seal { .. }) => "seal-bag",
            Self::Handle(Handling::Insert(_)) => "insert-token",
            Self::Handle(Handling::Remove(_)) => "remove-token",
            Self::Handle(Handling::Mount(_)) => "mount-drive",
            Self::Handle(Handling::Eject(_)) => "eject-drive",
            Self::LoadKeys => "load-keys",
            Self::EnrolKey(_) => "enrol-key",
            Self::GenerateKey(_) => "generate-key",
            Self::ShareKey { .. } => "share-key",
            Self::RestoreDrill(_) | Self::RestoreShares(_) => "restore-drill",
            Self::DestroyKey(_) => "destroy-key",
            Self::Build(_) => "build",
            Self::Lint(_) => "lint",
            Self::Review(_) => "review",
            Self::Sign { .. } => "sign",
            Self::Verify(_) | Self::SecondMachine => "verify",
            Self::Export(_) => "export",
            Self::Readback(_) => "readback",
            Self::Print(_) => "print",
            Self::Checkpoint => "checkpoint",
            Self::ExceptionReview => "exception-review",
            Self::Statement => "statement",
            Self::Close => "close",
        }
    }

    /// What cannot be taken back: it stands behind the gate, and is confirmed before it happens.
    pub fn irreversible(&self) -> bool {
        matches!(self, Self::GenerateKey(_) | Self::DestroyKey(_) | Self::Sign { .. } | Self::Export(_))
            || matches!(self, Self::ShareKey { .. })
    }

    /// What nobody passes alone.
    pub fn needs_confirmation(&self) -> bool {
        let of_the_room =
            matches!(self, Self::RollCall | Self::SetClock | Self::Preflight | Self::Gate | Self::Break);
        let sealed =
            matches!(self, Self::Handle(Handling::Open(_) | Handling::Inspect(_) | Handling::Seal { .. }));
        self.irreversible()
            || of_the_room
            || sealed
            || matches!(
                self,
                Self::EnrolKey(_) | Self::RestoreDrill(_) | Self::Review(_) | Self::ExceptionReview
            )
            || matches!(self, Self::RestoreShares(_))
    }

    /// What nobody confirms where the file does not say so.
    pub fn usually_unconfirmed(&self) -> bool {
        let handled = matches!(
            self,
            Self::Handle(Handling::Insert(_) | Handling::Remove(_) | Handling::Mount(_) | Handling::Eject(_))
        );
        handled
            || matches!(
                self,
                Self::Say | Self::Ask | Self::LoadKeys | Self::Build(_) | Self::Lint(_) | Self::Checkpoint
            )
            || matches!(self, Self::SecondMachine | Self::Statement)
    }

    /// The drive that it is about.
    pub fn drive(&self) -> Option<&str> {
        match self {
            Self::Handle(Handling::Mount(drive) | Handling::Eject(drive))
            | Self::Export(Some(drive))
            | Self::Readback(Some(drive))
            | Self::ShareKey { drive: Some(drive), .. } => Some(drive),
            _ => None,
        }
    }

    /// Who is given something.
    pub fn to(&self) -> Option<&String> {
        match self {
            Self::ShareKey { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The key that its holder uses in this step.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::GenerateKey(key)
            | Self::Sign { key, .. }
            | Self::EnrolKey(key)
            | Self::RestoreDrill(key)
            | Self::ShareKey { key, .. }
            | Self::DestroyKey(key) => Some(key),
            _ => None,
        }
    }

    /// The key that it names; nobody needs to have that one to bring it back from its shares.
    pub fn named_key(&self) -> Option<&str> {
        match self {
            Self::RestoreShares(key) => Some(key),
            verb => verb.key(),
        }
    }

    /// Minutes, where the file does not say.
    pub fn usual_minutes(&self) -> u64 {
        match self {
            Self::Break => 15,
            Self::RestoreShares(_) => 10,
            Self::Review(_) | Self::SecondMachine | Self::ShareKey { .. } => 5,
            Self::RollCall | Self::ReadAloud(_) | Self::RestoreDrill(_) | Self::Statement => 3,
            Self::GenerateKey(_) | Self::EnrolKey(_) | Self::DestroyKey(_) | Self::Sign { .. } => 2,
            Self::Checkpoint | Self::Preflight | Self::SetClock | Self::Export(_) | Self::Print(_) => 2,
            Self::Handle(Handling::Seal { .. } | Handling::Inspect(_)) => 2,
            _ => 1,
        }
    }

    /// The name of the step where the file gives none.
    pub fn usual_id(&self) -> String {
        let parts = match self {
            Self::Handle(handling) => format!("-{}", handling.thing()),
            Self::Build(roles) | Self::Lint(roles) | Self::Review(roles) | Self::Verify(roles) => {
                format!("-{}", roles.join("-"))
            }
            Self::Sign { key, roles } => format!("-{}-{key}", roles.join("-")),
            Self::ReadAloud(subject) | Self::Print(subject) => match subject {
                Subject::Plan => "-plan".into(),
                Subject::Journal => "-journal".into(),
                Subject::Role(role) => format!("-{role}"),
            },
            Self::Export(Some(drive)) | Self::Readback(Some(drive)) => format!("-{drive}"),
            Self::SecondMachine => "-second-machine".into(),
            Self::ShareKey { key, to, .. } => format!("-{key}-{to}"),
            Self::RestoreShares(key) => format!("-{key}-shares"),
            _ => self.key().map(|key| format!("-{key}")).unwrap_or_default(),
        };
        format!("{}{parts}", self.name())
    }
}
