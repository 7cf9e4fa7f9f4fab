//! What a front end shows and asks, and what people answer. Front ends decide nothing.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::driver::keys::MIN_PASSPHRASE;
use crate::keystore::Wants;
use crate::keystore::hygiene::Item;
use crate::keystore::shares::MARK;
use crate::plan::Asked;
use crate::words::Digest;

/// What is typed where a holder leaves it to the others.
pub const NOT_TODAY: &str = "not today";

/// One question.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The step's id.
    pub step: String,
    /// Its number, from 1.
    pub number: usize,
    /// The number of steps.
    pub of: usize,
    /// The section's title.
    pub section: String,
    /// The step's verb.
    pub verb: &'static str,
    /// What is done, as one sentence.
    pub instruction: String,
    /// Full name of who does the step.
    pub by: String,
    /// Full names of who confirms it.
    pub confirm: Vec<String>,
    /// Full name of whose turn it is now.
    pub who: String,
    /// What they are asked for.
    pub ask: Ask,
    /// What the machine sees.
    pub sees: Vec<String>,
    /// What should be known before answering; shown so that it cannot be missed.
    pub warnings: Vec<String>,
    /// What is read, compared or looked at.
    pub body: Body,
    /// Short name and full name of everyone, for who writes an exception down.
    pub people: Vec<(String, String)>,
    /// The file allows to leave it out, and an exception says why it failed, or why its drive was given up.
    pub may_pass_over: bool,
}

/// What people are asked for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// The doer goes on.
    Continue,
    /// Someone confirms.
    Confirm,
    /// The roll is called: who is not here?
    Present {
        /// Short name and full name of each.
        people: Vec<(String, String)>,
    },
    /// One line is typed.
    Text {
        /// What it is: `the number on bag A-1001`.
        what: String,
        /// What it must be, where the plan says so.
        expected: Option<String>,
        /// The holder may leave it to the others.
        may_decline: bool,
    },
    /// Someone agrees with the record or not, in own words.
    Statement,
    /// The words at these places, from 0.
    TypeBack {
        /// Places from 0 to 31.
        places: [usize; 2],
    },
    /// A PIN or passphrase for one store.
    Secret(SecretAsk),
    /// The store holds a key already, made when the ceremony was cut off: is it the one?
    Adopt {
        /// Its keyid.
        keyid: String,
        /// The digest of its public half.
        digest: Digest,
    },
    /// A share is shown to its holder alone, who writes it down: [`crate::driver::Driver::share`] has it.
    Share {
        /// Its holder.
        to: String,
    },
    /// A holder gives a share.
    Give(GiveAsk),
    /// Something is in the way; going on looks again.
    Fix {
        /// What is wrong.
        error: String,
        /// What to do about it.
        hint: String,
        /// The holder may leave it to the others.
        may_decline: bool,
    },
}

/// A PIN or passphrase for one store, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretAsk {
    /// What the store wants.
    pub wants: Wants,
    /// A new passphrase: it is typed twice.
    pub new: bool,
    /// The store in people's words.
    pub store: String,
    /// The key's name in the plan.
    pub key: String,
    /// The store's URI.
    pub uri: String,
    /// Throws of dice that are typed after it, for a key that is made.
    pub dice: Option<u32>,
    /// The last PIN try: the token's serial number is typed first.
    pub type_serial: Option<String>,
    /// The holder may leave it to the others.
    pub may_decline: bool,
}

impl SecretAsk {
    /// Whether so many characters are too few for a new passphrase: the driver says so too.
    pub fn too_short(&self, characters: usize) -> bool {
        self.new && characters < MIN_PASSPHRASE
    }
}

/// The share of one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveAsk {
    /// The key's name in the plan.
    pub key: String,
    /// The holder's short name.
    pub holder: String,
    /// Rows of four words that it has.
    pub rows: usize,
}

/// What is read, compared or looked at.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing more.
    Nothing,
    /// A digest as words.
    Words {
        /// What it is the digest of.
        of: String,
        /// The digest.
        digest: Digest,
    },
    /// A digest whose words stand somewhere else: they are typed from there, and not shown here.
    Elsewhere {
        /// What it is the digest of.
        of: String,
        /// The digest.
        digest: Digest,
    },
    /// The content of what will be signed.
    Review {
        /// The content, in words.
        lines: Vec<String>,
        /// Digests that are compared, by what they are of: the payload of each role.
        digests: Vec<(String, Digest)>,
    },
    /// The machine.
    Machine(MachineBoard),
    /// The board of custodians and thresholds.
    Board,
    /// The clocks: what the machine says goes on while it is looked at, and the lines stand below it.
    Clock(Vec<String>),
    /// Lines to read: exceptions, what other clients would say.
    Lines(Vec<String>),
}

/// The pre-flight board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineBoard {
    /// Its items.
    pub items: Vec<MachineItem>,
    /// The SHA-256 of this program, to be read and compared.
    pub program: Option<Digest>,
    /// What was not checked, and cannot be from here.
    pub not_checked: &'static [&'static str],
}

/// One item of the pre-flight board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineItem {
    /// What was seen.
    pub item: Item,
    /// What the plan asks of it.
    pub asked: Asked,
}

impl MachineItem {
    /// In a word: colour only repeats it.
    pub fn mark(&self) -> &'static str {
        match (self.item.held, self.asked) {
            (true, _) => "[ OK ]",
            (false, Asked::Required) => "[STOP]",
            (false, Asked::Waived) => "[WAIVED]",
            (false, Asked::Not) => "[ -- ]",
        }
    }

    /// The item, what is asked of it, and what was seen.
    pub fn says(&self) -> String {
        let asked = match self.asked {
            Asked::Required => "required",
            Asked::Waived => "waived",
            Asked::Not => "not asked for",
        };
        // The longest mark is two columns longer than the others.
        let width = 26 - self.mark().len();
        format!("{:<width$} {asked:<13}  {}", self.item.name, self.item.detail)
    }
}

/// What went otherwise than planned, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub happened: String,
    /// What was done about it.
    pub action: String,
    /// The short name of who writes it down; empty for the doer of the step.
    pub by: String,
}

/// What people answer. It carries secrets, so it is neither `Debug` nor `Clone`.
pub enum Answer {
    /// Go on, or look again.
    Continue,
    /// Confirmed.
    Confirm,
    /// Short names of those who are not here.
    Absent(Vec<String>),
    /// One line.
    Text(String),
    /// Whether the record is true, and own words.
    Statement(bool, String),
    /// Something went otherwise than planned.
    Exception(Exception),
    /// The step is left out, as an exception says.
    PassOver,
    /// The words typed back.
    Words(Vec<String>),
    /// The secret; `None` on a token with its own PIN pad.
    Secret {
        /// The PIN or passphrase.
        secret: Option<SecretString>,
        /// The serial number that was typed, where it was asked for.
        serial: Option<String>,
        /// The throws of dice, where they were asked for: digits and nothing else.
        dice: Option<SecretString>,
    },
    /// A share.
    Give(Given),
    /// Whether the key that was found is the ceremony's.
    Adopt(bool),
    /// The holder does not sign today.
    Decline,
    /// The people stop.
    Stop(String),
}

/// A share as its holder gives it. It is a secret, so it is neither `Debug` nor `Clone`.
pub enum Given {
    /// A file with an image of its code, or with a text; below the directory of the ceremony file, or on a drive.
    File(String),
    /// In a rehearsal the simulated key says it.
    Rehearsed,
    /// Its words, or the text of its code.
    Words(SecretString),
}

impl Given {
    /// What an answers file has: words, the text of a code, or the name of a file.
    pub fn read(text: SecretString) -> Self {
        let words = text.expose_secret().split_whitespace().count() >= 4;
        match words || text.expose_secret().contains(MARK) {
            true => Self::Words(text),
            false => Self::File(text.expose_secret().to_owned()),
        }
    }
}

impl Ask {
    /// Whether the holder may leave it to the others now.
    pub fn may_decline(&self) -> bool {
        match self {
            Self::Secret(ask) => ask.may_decline,
            Self::Fix { may_decline, .. } | Self::Text { may_decline, .. } => *may_decline,
            _ => false,
        }
    }
}
