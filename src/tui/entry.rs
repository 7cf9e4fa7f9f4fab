//! What is being typed in answer to a prompt, and the answer it becomes.

use secrecy::SecretString;

use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::Prompt;
use crate::driver::SecretAsk;
use crate::keystore::Wants;
use crate::keystore::dice;
use crate::tui::field;
use crate::tui::field::Secret;
use crate::tui::keymap::Focus;

/// Throws in a row: as many as a person keeps apart.
const ROW: usize = 10;

/// What is typed. It may hold a secret: neither `Debug` nor `Clone`.
pub enum Entry {
    /// The serial number of a token with one PIN try left, before its PIN.
    Serial {
        /// What was typed.
        typed: String,
    },
    /// A PIN or passphrase.
    Secret {
        /// The serial number, where it was asked for.
        serial: Option<String>,
        /// What was typed the first time, when it is typed once more.
        first: Option<Secret>,
        /// What is typed now.
        typed: Secret,
    },
    /// Throws of dice, after the passphrase.
    Dice {
        /// The passphrase.
        secret: SecretString,
        /// What was thrown so far.
        thrown: Secret,
        /// It was said that they are uneven.
        told: bool,
    },
    /// Two words of a digest.
    Words {
        /// The first one, when it is done.
        first: Option<String>,
        /// What is typed now.
        typed: String,
    },
    /// `yes` or `no`.
    Adopt {
        /// What was typed.
        typed: String,
    },
    /// One line: an answer, the number of a bag, what a watch says.
    Line {
        /// What was typed.
        typed: String,
    },
    /// Short names of those who are not here.
    Absent {
        /// What was typed.
        typed: String,
    },
    /// `agree` or `do not agree`, and then own words.
    Statement {
        /// Whether the participant agrees, once that is said.
        agree: Option<bool>,
        /// What was typed.
        typed: String,
    },
}

/// What Enter makes of an entry.
pub enum Entered {
    /// There is more to type.
    More(Entry),
    /// There is more to type, and something to say about what was typed.
    Again(Entry, &'static str),
    /// It is complete.
    Done(Answer),
}

impl Entry {
    /// What is typed when a prompt's turn comes; `None` where Enter alone answers.
    pub fn begin(prompt: &Prompt) -> Option<Self> {
        match &prompt.ask {
            Ask::Continue | Ask::Confirm | Ask::Fix { .. } | Ask::Present { .. } => None,
            Ask::Text { .. } => Some(Self::Line { typed: String::new() }),
            Ask::Statement => Some(Self::Statement { agree: None, typed: String::new() }),
            Ask::TypeBack { .. } => Some(Self::Words { first: None, typed: String::new() }),
            Ask::Adopt { .. } => Some(Self::Adopt { typed: String::new() }),
            Ask::Secret(SecretAsk { type_serial: Some(_), .. }) => {
                Some(Self::Serial { typed: String::new() })
            }
            Ask::Secret(ask) if ask.wants == Wants::PinPad => None,
            Ask::Secret(_) => Some(Self::secret(None)),
        }
    }

    fn secret(serial: Option<String>) -> Self {
        Self::Secret { serial, first: None, typed: Secret::default() }
    }

    /// What letters do while it is typed.
    pub fn focus(&self) -> Focus {
        match self {
            Self::Secret { .. } | Self::Dice { .. } => Focus::Everything,
            Self::Line { .. } | Self::Statement { agree: Some(_), .. } => Focus::Everything,
            _ => Focus::Text,
        }
    }

    /// A character; `false` when there is no more room.
    pub fn push(&mut self, c: char) -> bool {
        match self {
            Self::Secret { typed, .. } => typed.push(c),
            // Nothing else is a throw: a slip of the finger is not one.
            Self::Dice { thrown, .. } => !u8::try_from(c).is_ok_and(dice::is_throw) || thrown.push(c),
            other => {
                if let Some(typed) = other.text() {
                    field::push(typed, c);
                }
                true
            }
        }
    }

    /// What is typed for everyone to see.
    fn text(&mut self) -> Option<&mut String> {
        match self {
            Self::Secret { .. } | Self::Dice { .. } => None,
            Self::Serial { typed }
            | Self::Words { typed, .. }
            | Self::Adopt { typed }
            | Self::Line { typed }
            | Self::Absent { typed }
            | Self::Statement { typed, .. } => Some(typed),
        }
    }

    /// Takes the last character back.
    pub fn erase(&mut self) {
        match self {
            Self::Secret { typed, .. } => typed.erase(),
            Self::Dice { thrown, .. } => thrown.erase(),
            other => {
                other.text().map(String::pop);
            }
        }
    }

    /// Takes everything back; of dice, the last row.
    pub fn clear(&mut self) {
        match self {
            Self::Secret { typed, .. } => typed.clear(),
            Self::Dice { thrown, .. } => {
                let rest = thrown.count().saturating_sub(1) / ROW * ROW;
                while thrown.count() > rest {
                    thrown.erase();
                }
            }
            other => {
                other.text().map(String::clear);
            }
        }
    }

    /// What is shown of it: a secret as stars.
    pub fn shown(&self) -> String {
        match self {
            Self::Secret { typed, .. } => "*".repeat(typed.count()),
            Self::Dice { thrown, .. } => {
                let (rows, rest) = (thrown.count() / ROW, thrown.count() % ROW);
                let whole = format!("{} ", "*".repeat(ROW)).repeat(rows);
                format!("{whole}{}  {}", "*".repeat(rest), thrown.count())
            }
            Self::Serial { typed }
            | Self::Words { typed, .. }
            | Self::Adopt { typed }
            | Self::Line { typed }
            | Self::Absent { typed }
            | Self::Statement { typed, .. } => typed.clone(),
        }
    }

    /// Enter.
    pub fn enter(self, ask: &Ask) -> Entered {
        match (self, ask) {
            (Self::Serial { typed }, Ask::Secret(ask)) => {
                let serial = typed.trim().to_owned();
                if ask.type_serial.as_ref() != Some(&serial) {
                    let again = Self::Serial { typed: String::new() };
                    return Entered::Again(
                        again,
                        "That is not the serial number of this token. No PIN was used.",
                    );
                }
                match ask.wants {
                    Wants::PinPad => {
                        Entered::Done(Answer::Secret { secret: None, serial: Some(serial), dice: None })
                    }
                    Wants::Passphrase | Wants::Pin => Entered::More(Self::secret(Some(serial))),
                }
            }
            (Self::Secret { serial, first: None, typed }, _) if typed.count() == 0 => {
                Entered::Again(Self::Secret { serial, first: None, typed }, "Nothing was typed.")
            }
            (Self::Secret { serial, first: None, typed }, Ask::Secret(ask)) if ask.new => {
                Entered::More(Self::Secret { serial, first: Some(typed), typed: Secret::default() })
            }
            (Self::Secret { serial, first: Some(first), typed }, _) if !first.same(&typed) => Entered::Again(
                Self::secret(serial),
                "The two differ. Nothing was made. Type it again, twice.",
            ),
            (Self::Secret { mut typed, .. }, Ask::Secret(SecretAsk { dice: Some(_), .. })) => {
                Entered::More(Self::Dice { secret: typed.take(), thrown: Secret::default(), told: false })
            }
            (Self::Secret { serial, mut typed, .. }, _) => {
                Entered::Done(Answer::Secret { secret: Some(typed.take()), serial, dice: None })
            }
            (Self::Dice { secret, thrown, told }, Ask::Secret(SecretAsk { dice: Some(wanted), .. }))
                if thrown.count() != *wanted as usize =>
            {
                Entered::Again(
                    Self::Dice { secret, thrown, told },
                    "These are not as many throws as are asked for.",
                )
            }
            (Self::Dice { secret, thrown, told: false }, _) if thrown.is_uneven() => Entered::Again(
                Self::Dice { secret, thrown, told: true },
                "More uneven than fair dice show once in a thousand times. Look at the dice; Enter takes the throws as they fell.",
            ),
            (Self::Dice { secret, mut thrown, .. }, _) => Entered::Done(Answer::Secret {
                secret: Some(secret),
                serial: None,
                dice: Some(thrown.take()),
            }),
            (Self::Words { first, typed }, _) if typed.trim().is_empty() => {
                Entered::Again(Self::Words { first, typed: String::new() }, "Nothing was typed.")
            }
            (Self::Words { first: None, typed }, _) => {
                Entered::More(Self::Words { first: Some(typed.trim().to_owned()), typed: String::new() })
            }
            (Self::Words { first: Some(first), typed }, _) => {
                Entered::Done(Answer::Words(vec![first, typed.trim().to_owned()]))
            }
            (Self::Adopt { typed }, _) => match typed.trim() {
                "yes" => Entered::Done(Answer::Adopt(true)),
                "no" => Entered::Done(Answer::Adopt(false)),
                _ => Entered::Again(Self::Adopt { typed: String::new() }, "Type yes or no, in full."),
            },
            (Self::Line { typed }, _) if typed.trim().is_empty() => {
                Entered::Again(Self::Line { typed: String::new() }, "Nothing was typed.")
            }
            (Self::Line { typed }, _) => Entered::Done(Answer::Text(typed)),
            (Self::Absent { typed }, _) => {
                let absent: Vec<String> =
                    typed.split([' ', ',']).filter(|id| !id.is_empty()).map(str::to_owned).collect();
                match absent.is_empty() {
                    true => Entered::Again(Self::Absent { typed }, "Nobody was named. Esc goes back."),
                    false => Entered::Done(Answer::Absent(absent)),
                }
            }
            (Self::Statement { agree: None, typed }, _) => match typed.trim() {
                "agree" => Entered::More(Self::Statement { agree: Some(true), typed: String::new() }),
                "do not agree" => Entered::More(Self::Statement { agree: Some(false), typed: String::new() }),
                _ => Entered::Again(
                    Self::Statement { agree: None, typed: String::new() },
                    "Type agree, or do not agree, in full.",
                ),
            },
            (Self::Statement { agree: Some(agree), typed }, _) => {
                Entered::Done(Answer::Statement(agree, typed))
            }
            (entry @ Self::Serial { .. }, _) => Entered::More(entry),
        }
    }
}
