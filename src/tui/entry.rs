//! What is being typed in answer to a prompt, and the answer it becomes.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::GiveAsk;
use crate::driver::Given;
use crate::driver::MIN_PASSPHRASE;
use crate::driver::Prompt;
use crate::driver::SecretAsk;
use crate::keystore::Wants;
use crate::keystore::dice;
use crate::keystore::shares::BadShare;
use crate::keystore::shares::Share;
use crate::keystore::shares::check_row;
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
    /// The words of a share, row by row; or the name of its file in the first.
    Share {
        /// The rows that were typed.
        rows: Vec<Secret>,
        /// The row that is typed now, from 0.
        at: usize,
        /// What is typed now.
        typed: Secret,
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
    Again(Entry, String),
    /// It is complete.
    Done(Answer),
}

impl Entry {
    /// What is typed when a prompt's turn comes; `None` where Enter alone answers.
    pub fn begin(prompt: &Prompt) -> Option<Self> {
        match &prompt.ask {
            Ask::Continue | Ask::Confirm | Ask::Fix { .. } | Ask::Present { .. } | Ask::Share { .. } => None,
            Ask::Give(_) => Some(Self::share(Vec::new())),
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

    /// A share of which these rows are typed.
    fn share(rows: Vec<Secret>) -> Self {
        Self::Share { at: rows.len(), rows, typed: Secret::default() }
    }

    /// What letters do while it is typed.
    pub fn focus(&self) -> Focus {
        match self {
            Self::Secret { .. } | Self::Dice { .. } | Self::Share { .. } => Focus::Everything,
            Self::Line { .. } | Self::Statement { agree: Some(_), .. } => Focus::Everything,
            _ => Focus::Text,
        }
    }

    /// A character; `false` when there is no more room.
    pub fn push(&mut self, c: char) -> bool {
        match self {
            Self::Secret { typed, .. } | Self::Share { typed, .. } => typed.push(c),
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
            Self::Secret { .. } | Self::Dice { .. } | Self::Share { .. } => None,
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
            Self::Secret { typed, .. } | Self::Share { typed, .. } => typed.erase(),
            Self::Dice { thrown, .. } => thrown.erase(),
            other => {
                other.text().map(String::pop);
            }
        }
    }

    /// Takes everything back; of dice and of a share, the last row.
    pub fn clear(&mut self) {
        match self {
            Self::Share { rows, at, typed } if typed.count() == 0 => {
                rows.pop();
                *at = rows.len();
            }
            Self::Secret { typed, .. } | Self::Share { typed, .. } => typed.clear(),
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
            // Words are typed by reading them: their holder sees them, row by row.
            Self::Share { typed, .. } => typed.text().to_owned(),
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
                        "That is not the serial number of this token. No PIN was used.".to_owned(),
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
                Entered::Again(Self::Secret { serial, first: None, typed }, "Nothing was typed.".to_owned())
            }
            (Self::Secret { serial, first: None, typed }, Ask::Secret(ask)) if ask.too_short(typed.count()) => {
                let note = format!("That is too short: {MIN_PASSPHRASE} characters or more.");
                Entered::Again(Self::secret(serial), note)
            }
            (Self::Secret { serial, first: None, typed }, Ask::Secret(ask)) if ask.new => {
                Entered::More(Self::Secret { serial, first: Some(typed), typed: Secret::default() })
            }
            (Self::Secret { serial, first: Some(first), typed }, _) if !first.same(&typed) => Entered::Again(
                Self::secret(serial),
                "The two differ. Nothing was made. Type it again, twice.".to_owned(),
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
                    "These are not as many throws as are asked for.".to_owned(),
                )
            }
            (Self::Dice { secret, thrown, told: false }, _) if thrown.is_uneven() => Entered::Again(
                Self::Dice { secret, thrown, told: true },
                "More uneven than fair dice show once in a thousand times. Look at the dice; Enter takes the throws as they fell.".to_owned(),
            ),
            (Self::Dice { secret, mut thrown, .. }, _) => Entered::Done(Answer::Secret {
                secret: Some(secret),
                serial: None,
                dice: Some(thrown.take()),
            }),
            (Self::Share { rows, at, typed }, Ask::Give(ask)) => share(rows, at, typed, ask),
            (Self::Words { first, typed }, _) if typed.trim().is_empty() => {
                Entered::Again(Self::Words { first, typed: String::new() }, "Nothing was typed.".to_owned())
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
                _ => Entered::Again(Self::Adopt { typed: String::new() }, "Type yes or no, in full.".to_owned()),
            },
            (Self::Line { typed }, _) if typed.trim().is_empty() => {
                Entered::Again(Self::Line { typed: String::new() }, "Nothing was typed.".to_owned())
            }
            (Self::Line { typed }, _) => Entered::Done(Answer::Text(typed)),
            (Self::Absent { typed }, _) => {
                let absent: Vec<String> =
                    typed.split([' ', ',']).filter(|id| !id.is_empty()).map(str::to_owned).collect();
                match absent.is_empty() {
                    true => Entered::Again(Self::Absent { typed }, "Nobody was named. Esc goes back.".to_owned()),
                    false => Entered::Done(Answer::Absent(absent)),
                }
            }
            (Self::Statement { agree: None, typed }, _) => match typed.trim() {
                "agree" => Entered::More(Self::Statement { agree: Some(true), typed: String::new() }),
                "do not agree" => Entered::More(Self::Statement { agree: Some(false), typed: String::new() }),
                _ => Entered::Again(
                    Self::Statement { agree: None, typed: String::new() },
                    "Type agree, or do not agree, in full.".to_owned(),
                ),
            },
            (Self::Statement { agree: Some(agree), typed }, _) => {
                Entered::Done(Answer::Statement(agree, typed))
            }
            (entry @ (Self::Serial { .. } | Self::Share { .. }), _) => Entered::More(entry),
        }
    }
}

/// A row of a share is typed, or the name of a file instead of the first.
fn share(mut rows: Vec<Secret>, at: usize, mut typed: Secret, ask: &GiveAsk) -> Entered {
    // No word of the list has a dot or a slash, and a file has one in its name.
    if at == 0 && typed.text().contains(['.', '/']) {
        return Entered::Done(Answer::Give(Given::File(typed.text().trim().to_owned())));
    }
    let count = typed.text().split_whitespace().count();
    let fault = match check_row(at, typed.text()) {
        Ok(()) if count == 4 => None,
        Ok(()) => Some(format!("A row has 4 words, and these are {count}.")),
        Err(why) => Some(format!("This row: {why}.")),
    };
    if let Some(fault) = fault {
        return Entered::Again(Entry::Share { rows, at, typed }, fault);
    }
    match rows.get_mut(at) {
        Some(row) => std::mem::swap(row, &mut typed),
        None => rows.push(typed),
    }
    if rows.len() < ask.rows {
        return Entered::More(Entry::share(rows));
    }
    let mut whole = String::with_capacity(rows.iter().map(|row| row.text().len() + 1).sum());
    for row in &rows {
        whole.push_str(row.text());
        whole.push(' ');
    }
    let whole = SecretString::from(whole);
    match Share::read(whole.expose_secret()) {
        Ok(_) => Entered::Done(Answer::Give(Given::Words(whole))),
        Err(why @ BadShare::Mistyped { row, .. }) => {
            let again = Entry::Share { rows, at: row - 1, typed: Secret::default() };
            Entered::Again(again, format!("All rows: {why}. Type row {row} again."))
        }
        Err(why) => Entered::Again(Entry::share(Vec::new()), format!("{why}. Type it from row 1 again.")),
    }
}
