//! Throws of dice, typed row by row and not shown.

use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::Failure;
use crate::cli::prompt::Terminal;
use crate::keystore::dice;

/// Throws in a row: as many as a person keeps apart.
const ROW: usize = 10;

/// Asks for `wanted` throws; `None` when the people throw them anew.
pub(super) fn ask(terminal: &mut Terminal, wanted: u32) -> Result<Option<SecretString>, Failure> {
    let wanted = wanted as usize;
    terminal.say(&format!(
        "Throw a die {wanted} times, and type what it shows, {ROW} throws a row; it is not shown. `back` takes a row back."
    ))?;
    // Of exactly this size, so that no growing leaves a copy.
    let mut thrown = Zeroizing::new(String::with_capacity(wanted));
    while thrown.len() < wanted {
        let (from, row) = (thrown.len(), ROW.min(wanted - thrown.len()));
        let typed = terminal.secret(&format!("Throws {} to {}: ", from + 1, from + row))?;
        let typed = typed.expose_secret();
        if typed.trim() == "back" {
            thrown.truncate(from.saturating_sub(1) / ROW * ROW);
            continue;
        }
        let throws = typed.bytes().filter(|byte| *byte != b' ');
        match (throws.clone().all(dice::is_throw), throws.count()) {
            (false, _) => terminal.say("A throw is a digit from 1 to 6. Type this row again.")?,
            (true, count) if count != row => {
                terminal.say(&format!(
                    "That were {count} throws, and {row} are asked for. Type this row again."
                ))?;
            }
            (true, _) => typed.split(' ').for_each(|part| thrown.push_str(part)),
        }
    }
    if dice::uneven(&thrown) {
        terminal.say(UNEVEN)?;
        if terminal.line("Enter takes them as they are, `again` throws anew: ")?.trim() == "again" {
            return Ok(None);
        }
    }
    let mut exact = String::with_capacity(wanted);
    exact.push_str(&thrown);
    Ok(Some(SecretString::from(exact)))
}

/// What is said of dice that no fair ones would show once in a thousand times. Nothing is changed of them.
const UNEVEN: &str = "These throws are more uneven than fair dice show once in a thousand times. They are taken as they fell; look at \
                      the dice, and whether each throw was thrown.";
