//! A PIN or a passphrase of a step, line by line: a new one twice, with dice where they are asked for.

use secrecy::ExposeSecret;

use crate::cli::Failure;
use crate::cli::dice;
use crate::cli::plain::Line;
use crate::cli::plain::command;
use crate::cli::plain::line;
use crate::cli::prompt::Terminal;
use crate::driver::Answer;
use crate::driver::MIN_PASSPHRASE;
use crate::driver::NOT_TODAY;
use crate::driver::Prompt;
use crate::driver::SecretAsk;
use crate::keystore::Wants;

/// What the holder types, after Enter; nothing of it is shown.
pub(super) fn typed(
    terminal: &mut Terminal,
    prompt: &Prompt,
    ask: &SecretAsk,
) -> Result<Option<Answer>, Failure> {
    let decline = if ask.may_decline { ", `not today` leaves it to the others" } else { "" };
    // Who types the secret already here, as after a slip, does not show it.
    let begins = terminal
        .secret(&format!("{}: Enter begins{decline}, `stop` stops (nothing typed is shown): ", prompt.who))?;
    let begins = begins.expose_secret().trim();
    match begins {
        "" => {}
        NOT_TODAY if ask.may_decline => return Ok(Some(Answer::Decline)),
        _ => {
            let answer = command(terminal, prompt, begins)?;
            if answer.is_none() {
                terminal.say("Enter alone begins; what was typed was not shown and not taken.")?;
            }
            return Ok(answer);
        }
    }
    let serial = match &ask.type_serial {
        Some(_) => match line(terminal, prompt, "The last PIN try. Type the token's serial number: ")? {
            Line::Answer(answer) => return Ok(Some(answer)),
            Line::Text(serial) => Some(serial),
        },
        None => None,
    };
    if ask.wants == Wants::PinPad {
        terminal.say("Type the PIN on the token's own pad now.")?;
        return Ok(Some(Answer::Secret { secret: None, serial, dice: None }));
    }
    let what = if ask.wants == Wants::Pin { "PIN" } else { "Passphrase" };
    let secret =
        terminal.secret(&format!("{what} for {} (typed by {}; nobody looks): ", ask.store, prompt.who))?;
    // Who types one of these means it: none of them is a passphrase, or a PIN.
    if let Some(answer) = command(terminal, prompt, secret.expose_secret())? {
        return Ok(Some(answer));
    }
    if ask.too_short(secret.expose_secret().chars().count()) {
        terminal
            .say(&format!("That is too short: {MIN_PASSPHRASE} characters or more. Nothing was made."))?;
        return Ok(None);
    }
    if ask.new {
        let again = terminal.secret("The same once more: ")?;
        if secret.expose_secret() != again.expose_secret() {
            terminal.say("They differ; nothing was made.")?;
            return Ok(None);
        }
    }
    let dice = match ask.dice {
        None => None,
        Some(wanted) => match dice::ask(terminal, wanted)? {
            Some(thrown) => Some(thrown),
            None => return Ok(None),
        },
    };
    Ok(Some(Answer::Secret { secret: Some(secret), serial, dice }))
}
