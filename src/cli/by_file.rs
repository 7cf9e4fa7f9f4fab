//! An answers file in the place of people: what it answers to a prompt, and what it lacks.

use crate::ceremony::Ceremony;
use crate::ceremony::Mode;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::answers::Answers;
use crate::driver::Answer;
use crate::driver::Ask;
use crate::driver::Body;
use crate::driver::Driver;
use crate::driver::Given;
use crate::driver::Prompt;
use crate::keystore::Wants;
use crate::plan::Key;
use crate::plan::Verb;

/// Where an answers file will leave the ceremony waiting, and what in it nobody will ask for.
pub(super) fn lacks(answers: &Answers, ceremony: &Ceremony) -> Vec<String> {
    let plan = ceremony.plan();
    let used = |key: &&Key| {
        key.store().is_some() && plan.steps.iter().any(|step| step.verb.key() == Some(&key.name))
    };
    let keys: Vec<&Key> = plan.keys.iter().filter(used).collect();
    let named = |key: &Key, name: &str| {
        key.name == name || key.store().is_some_and(|store| Answers::same_store(store, name))
    };
    let mut lacks = Vec::new();
    let production = ceremony.mode() == Mode::Production;
    let elsewhere = plan.steps.iter().filter(|step| match &step.verb {
        Verb::Sign { key, .. } => production && plan.signs_elsewhere(key),
        _ => false,
    });
    for step in elsewhere.filter(|step| answers.typed(&step.id).is_none()) {
        lacks.push(format!(
            "the answers file types no file with the answer in step {:?}: it stops there, unless that answer comes with another",
            step.id
        ));
    }
    for key in keys.iter().filter(|key| !answers.secret_names().any(|name| named(key, name))) {
        lacks.push(format!(
            "the answers file has no secret for key {}: it will be asked for, and nobody answers",
            key.name
        ));
    }
    for name in answers.secret_names().filter(|name| !plan.keys.iter().any(|key| named(key, name))) {
        lacks.push(format!("the answers file has a secret for {name:?}, which is no key of the plan"));
    }
    for id in answers.typed_steps().filter(|id| !plan.steps.iter().any(|step| step.id == *id)) {
        lacks
            .push(format!("the answers file types something in step {id:?}, which the script does not have"));
    }
    let rehearsal = ceremony.mode() == Mode::Rehearsal;
    for step in &plan.steps {
        if let (Verb::ShareKey { drive: None, .. }, false) = (&step.verb, rehearsal) {
            lacks.push(format!("no answers file writes a share down: it stops in step {:?}", step.id));
        }
        let Verb::RestoreShares(key) = &step.verb else { continue };
        let holders = plan.key(key).and_then(|key| key.shares.as_ref()).map(|shares| &shares.holders);
        let simulated = rehearsal && answers.types_back();
        let missing =
            holders.into_iter().flatten().filter(|id| !simulated && answers.share(key, id).is_none());
        lacks
            .extend(missing.map(|id| {
                format!("the answers file has no share of key {key} that {} gives", plan.name(id))
            }));
    }
    for id in answers.absent().iter().filter(|id| plan.person(id).is_none()) {
        lacks.push(format!("the answers file says that {id:?} is absent, who is no participant"));
    }
    if !answers.confirms() {
        lacks
            .push("the answers file does not say `confirm: all`: it stops where someone confirms".to_owned());
    }
    let reads =
        plan.steps.iter().any(|step| matches!(step.verb, Verb::ReadAloud(_)) && !step.confirm.is_empty());
    if reads && !answers.types_back() {
        lacks.push(
            "the answers file does not say `type-back: auto`: it stops where words are typed back".to_owned(),
        );
    }
    lacks
}

fn no_answer(prompt: &Prompt, what: &str, driver: &Driver) -> Failure {
    let error = format!("step {}: the answers file {what}; nothing more was done", prompt.step);
    let hint = format!("add it, or go on by hand with `keyrite resume {}`", driver.dir().display());
    Failure::new(Exit::Stopped, error, hint)
}

/// What it answers.
pub(super) fn answer(answers: &Answers, prompt: &Prompt, driver: &Driver) -> Result<Answer, Failure> {
    match &prompt.ask {
        Ask::Fix { error, hint, .. } => {
            let exit = if prompt.verb.ends_with("-drive") { Exit::Machine } else { Exit::Store };
            Err(Failure::new(exit, error.clone(), hint.clone()))
        }
        Ask::Text { .. } if answers.typed(&prompt.step).is_some() => {
            Ok(Answer::Text(answers.typed(&prompt.step).unwrap_or_default().to_owned()))
        }
        Ask::Continue
        | Ask::Confirm
        | Ask::Adopt { .. }
        | Ask::Present { .. }
        | Ask::Share { .. }
        | Ask::Statement
            if !answers.confirms() =>
        {
            Err(no_answer(prompt, "does not say `confirm: all`", driver))
        }
        Ask::Continue => Ok(Answer::Continue),
        Ask::Confirm => Ok(Answer::Confirm),
        Ask::Present { .. } if answers.absent().is_empty() => Ok(Answer::Continue),
        Ask::Present { .. } => Ok(Answer::Absent(answers.absent().to_vec())),
        Ask::Statement => Ok(Answer::Statement(true, String::new())),
        // What a rehearsal would show is public knowledge, and nobody looks.
        Ask::Share { .. } if driver.ceremony().mode() == Mode::Rehearsal => Ok(Answer::Continue),
        Ask::Share { .. } => {
            Err(no_answer(prompt, "writes no share down; let the step name a `drive`", driver))
        }
        Ask::Give(ask) => match answers.share(&ask.key, &ask.holder) {
            Some(given) => Ok(Answer::Give(Given::read(given))),
            None if driver.ceremony().mode() == Mode::Rehearsal && answers.types_back() => {
                Ok(Answer::Give(Given::Rehearsed))
            }
            None => {
                let what = format!("has no share of key {} that {} gives", ask.key, ask.holder);
                Err(no_answer(prompt, &what, driver))
            }
        },
        Ask::Text { expected: Some(expected), .. } if answers.confirms() => {
            Ok(Answer::Text(expected.clone()))
        }
        Ask::Text { what, .. } => Err(no_answer(prompt, &format!("does not type {what}"), driver)),
        Ask::Adopt { .. } => Ok(Answer::Adopt(true)),
        Ask::TypeBack { places } => match (&prompt.body, answers.typed(&prompt.step)) {
            (Body::Words { digest, .. } | Body::Elsewhere { digest, .. }, _) if answers.types_back() => {
                Ok(Answer::Words(places.map(|place| digest.words()[place].to_owned()).to_vec()))
            }
            (_, Some(typed)) => Ok(Answer::Words(typed.split_whitespace().map(str::to_owned).collect())),
            _ => Err(no_answer(prompt, "has no `type-back: auto`", driver)),
        },
        Ask::Secret(ask) => {
            if let (Some(serial), typed) = (&ask.type_serial, answers.typed(&prompt.step))
                && typed != Some(serial.as_str())
            {
                let what = "does not type the serial number of a token with one PIN try left";
                return Err(no_answer(prompt, what, driver));
            }
            let names = [ask.key.as_str(), ask.uri.as_str()];
            let rehearsal = driver.ceremony().mode() == Mode::Rehearsal;
            // A rehearsal simulates an existing age file as a token; its passphrase is as good as any PIN.
            let secret = answers
                .secret(&names, ask.wants)
                .or_else(|| if rehearsal { answers.secret(&names, Wants::Passphrase) } else { None });
            if secret.is_none() && ask.wants != Wants::PinPad {
                return Err(no_answer(prompt, &format!("has no secret for key {}", ask.key), driver));
            }
            let dice = answers.dice(&names);
            if dice.is_none() && ask.dice.is_some() {
                return Err(no_answer(prompt, &format!("has no dice for key {}", ask.key), driver));
            }
            Ok(Answer::Secret { secret, serial: ask.type_serial.clone(), dice })
        }
    }
}
