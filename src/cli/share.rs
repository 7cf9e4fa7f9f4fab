//! A share that its holder types: row by row, and not shown.

use std::io::IsTerminal;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::prompt::Terminal;
use crate::keystore::shares::BadShare;
use crate::keystore::shares::Share;
use crate::keystore::shares::check_row;
use crate::words;

/// Shows a share to its holder, and whether it is written down. On a terminal alone: what goes into a file stays there.
pub(super) fn shown(terminal: &mut Terminal, share: &Share) -> Result<bool, Failure> {
    if !std::io::stdout().is_terminal() {
        let error =
            "what is said here goes into a file or a program, and a share is shown on a terminal alone";
        let hint = "go on with `keyrite resume` at a terminal, or let the step name a `drive`";
        return Err(Failure::new(Exit::Stopped, error, hint));
    }
    let mut page = Zeroizing::new(vec![share.head().to_string(), String::new()]);
    page.extend(share.lines().iter().cloned());
    page.extend([String::new(), "Write every word down with its number, and compare.".to_owned()]);
    let answer = terminal.alone(&page, "Enter when it is written down, `later` when it is not: ")?;
    Ok(answer.is_empty())
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

/// Whether a line that should name a file is words of a share in the wrong place; it is told, and nothing of it is kept.
pub(super) fn misplaced(terminal: &mut Terminal, file: &str) -> Result<bool, Failure> {
    let words = file.split_whitespace().count() > 1 || words::byte(0, file) != Err(words::Misheard::Unknown);
    if words {
        terminal
            .say("Words are typed after Enter, and are not shown then. What was typed here was not kept, and stands in this window: close it when you are done.")?;
    }
    Ok(words)
}

fn sentence(why: &BadShare) -> String {
    let why = why.to_string();
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}
