//! A share that its holder types: row by row, and not shown.

use std::path::Path;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::Failure;
use crate::cli::prompt::Terminal;
use crate::driver::shares;
use crate::keystore::shares::BadShare;
use crate::keystore::shares::Share;
use crate::keystore::shares::check_row;
use crate::tuf::Scheme;

/// Rows of four words that a share of a key of this scheme has.
pub(super) fn rows(scheme: Scheme) -> usize {
    if scheme == Scheme::EcdsaP384 { 15 } else { 11 }
}

/// Asks for the words of a share until they are one; `None` when the holder begins otherwise.
pub(super) fn typed(terminal: &mut Terminal, rows: usize) -> Result<Option<Share>, Failure> {
    terminal.say(&format!(
        "Type the {rows} rows of words, one after the other; they are not shown. `back` takes a row back, `leave` leaves."
    ))?;
    let mut typed: Vec<SecretString> = Vec::with_capacity(rows);
    loop {
        while typed.len() < rows {
            let Some(row) = row(terminal, typed.len())? else { return Ok(None) };
            if row.expose_secret().trim() == "back" {
                typed.pop();
            } else {
                typed.push(row);
            }
        }
        let mut whole = Zeroizing::new(String::with_capacity(80 * rows));
        for row in &typed {
            whole.push_str(row.expose_secret());
            whole.push('\n');
        }
        match Share::read(&whole) {
            Ok(share) => return Ok(Some(share)),
            Err(why @ BadShare::Mistyped { row: wrong, .. }) => {
                terminal.say(&format!("{}. Type this row again.", sentence(&why)))?;
                let Some(again) = row(terminal, wrong - 1)? else { return Ok(None) };
                typed[wrong - 1] = again;
            }
            Err(why) => {
                terminal.say(&format!("{}. Type it from the first row again.", sentence(&why)))?;
                typed.clear();
            }
        }
    }
}

/// One row whose words are on the list, or `back`; `None` for `leave`.
fn row(terminal: &mut Terminal, at: usize) -> Result<Option<SecretString>, Failure> {
    loop {
        let typed = terminal.secret(&format!("Row {}: ", at + 1))?;
        let text = typed.expose_secret().trim();
        match (text, check_row(at, text), text.split_whitespace().count()) {
            ("leave", ..) => return Ok(None),
            ("back", ..) | (_, Ok(()), 4) => return Ok(Some(typed)),
            (_, Ok(()), count) => {
                terminal.say(&format!("A row has 4 words, and these are {count}. Type this row again."))?;
            }
            (_, Err(why), _) => terminal.say(&format!("{}. Type this row again.", sentence(&why)))?,
        }
    }
}

fn sentence(why: &BadShare) -> String {
    let why = why.to_string();
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// The share in a file: an image of its code, or a text.
pub(super) fn in_file(path: &Path) -> Result<Share, String> {
    let bytes = crate::driver::disk::read(path, shares::MAX_SHARE_FILE).map_err(|error| error.to_string())?;
    shares::share_in(&Zeroizing::new(bytes))
}
