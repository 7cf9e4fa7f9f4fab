//! The next question: what the plan says, what the machine sees, and what is asked for.

use crate::ceremony::Need;
use crate::ceremony::Next;
use crate::driver::Driver;
use crate::driver::looked::exceptions;
use crate::driver::prompt::Ask;
use crate::driver::prompt::Body;
use crate::driver::prompt::Prompt;
use crate::driver::prompt::SecretAsk;
use crate::driver::stores;
use crate::keystore::PinState;
use crate::keystore::Sight;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::Wants;
use crate::keystore::error::StoreErrorKind;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::consequences::joined;
use crate::plan::print::instruction;
use crate::plan::step::Subject;
use crate::room::Act;
use crate::room::Handling;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;
use crate::words::Digest;

impl Driver {
    /// What to ask now; `None` when the ceremony is over. A token is looked at, never logged in to.
    pub fn prompt(&mut self) -> Option<Prompt> {
        let ceremony = self.ceremony.clone();
        let Next { step, number, need } = ceremony.next()?;
        let plan = ceremony.plan();
        let section = plan.steps[..number].iter().rev().find_map(|step| step.section.clone());
        let who = need.who().unwrap_or(&step.by);
        let mut prompt = Prompt {
            step: step.id.clone(),
            number,
            of: plan.steps.len(),
            section: section.unwrap_or_default(),
            verb: step.verb.name(),
            instruction: instruction(plan, step),
            by: plan.name(&step.by).to_owned(),
            confirm: step.confirm.iter().map(|id| plan.name(id).to_owned()).collect(),
            who: plan.name(who).to_owned(),
            ask: Ask::Continue,
            sees: Vec::new(),
            warnings: Vec::new(),
            body: self.body(step),
            people: plan.people.iter().map(|person| (person.id.clone(), person.name.clone())).collect(),
            may_pass_over: ceremony.may_pass_over(),
        };
        if let (Verb::Sign { key, roles }, true) = (&step.verb, ceremony.answered_before()) {
            let (holder, roles) = (plan.called(key), joined(roles, "and"));
            prompt.instruction = format!("{holder} signed {roles} before this step: nothing more is asked.");
            prompt.body = Body::Board;
        }
        if let (Some(text), false) = (&step.text, matches!(step.verb, Verb::Say | Verb::Ask)) {
            prompt.sees.push(text.clone());
        }
        if let Some(failure) = ceremony.last_failure().filter(|_| !self.settled) {
            prompt.warnings.push(failure.why.clone());
        }
        prompt.warnings.extend(self.edited());
        prompt.warnings.extend(self.resumed());
        prompt.warnings.extend(ceremony.given_up().filter(|_| ceremony.may_pass_over()).map(|drive| {
            let label = self.label_of(drive);
            format!("drive {label} was given up, and an exception says why: leave this step out")
        }));
        prompt.ask = match need {
            Need::Confirm(_) => Ask::Confirm,
            Need::TypeBack(_, places) => Ask::TypeBack { places },
            Need::Type(who) => self.typing(step, &who),
            Need::Do => self.doing(step, &mut prompt),
        };
        Some(prompt)
    }

    fn body(&self, step: &Step) -> Body {
        let ceremony = &self.ceremony;
        match &step.verb {
            Verb::ReadAloud(subject) => {
                let digest = match subject {
                    Subject::Journal => ceremony.digest(subject).unwrap_or(self.head()),
                    _ => ceremony.digest(subject).unwrap_or(Digest([0; 32])),
                };
                Body::Words { of: subject.describe(), digest }
            }
            Verb::Checkpoint => Body::Words { of: "the journal so far".into(), digest: self.head() },
            Verb::Print(subject) => {
                let digest = match subject {
                    Subject::Journal => Some(self.head()),
                    _ => ceremony.digest(subject),
                };
                Body::Words { of: subject.describe(), digest: digest.unwrap_or(Digest([0; 32])) }
            }
            Verb::SecondMachine => {
                let digest = ceremony.manifest().and_then(Digest::from_hex);
                Body::Elsewhere {
                    of: "the bundle's manifest".into(),
                    digest: digest.unwrap_or(Digest([0; 32])),
                }
            }
            Verb::SetClock => Body::Clock(self.clock_board()),
            Verb::ExceptionReview | Verb::Close => Body::Lines(exceptions(ceremony)),
            Verb::Statement => {
                let record = format!("The record until here: journal head {:.8}", self.head().hex());
                Body::Lines([record].into_iter().chain(exceptions(ceremony)).collect())
            }
            Verb::Lint(roles) => Body::Lines(roles.iter().flat_map(|role| self.lint_lines(role)).collect()),
            Verb::Review(roles) | Verb::Sign { roles, .. } => Body::Review {
                lines: roles.iter().flat_map(|role| ceremony.review(role, self.now())).collect(),
                digests: self.compared(&step.verb, roles),
            },
            Verb::Preflight => Body::Machine(self.machine_board()),
            Verb::Verify(_) => Body::Board,
            _ => Body::Nothing,
        }
    }

    /// The digests that people compare before they sign: of each payload and, for who is elsewhere, of what that
    /// person sees the difference from.
    fn compared(&self, verb: &Verb, roles: &[String]) -> Vec<(String, Digest)> {
        let ceremony = &self.ceremony;
        let elsewhere = verb.key().is_some_and(|key| ceremony.plan().signs_elsewhere(key));
        let mut digests = Vec::new();
        for role in roles {
            let payload = ceremony.digest(&Subject::Role(role.clone()));
            digests.extend(payload.map(|digest| (format!("the payload of {role}"), digest)));
            let request = ceremony.request(role).filter(|_| elsewhere).and_then(Result::ok);
            let before = request.as_ref().and_then(|request| request.compared());
            digests.extend(before.map(|(name, file)| (format!("the file of {name}"), Digest::of(file))));
        }
        digests
    }

    fn doing(&mut self, step: &Step, prompt: &mut Prompt) -> Ask {
        let key = match &step.verb {
            Verb::Handle(handling) => return self.handling(step, handling, prompt),
            Verb::RestoreShares(key) => return self.giving(key, prompt),
            Verb::ShareKey { to, .. } if self.share.is_some() => {
                let to = self.ceremony.plan().name(to).to_owned();
                prompt.who.clone_from(&to);
                return Ask::Share { to };
            }
            Verb::RollCall => {
                let people = self.ceremony.plan().people.iter();
                return Ask::Present {
                    people: people.map(|person| (person.id.clone(), person.name.clone())).collect(),
                };
            }
            verb => match verb.key() {
                Some(key) => key.to_owned(),
                None => return Ask::Continue,
            },
        };
        if let Some(found) = &self.found {
            let digest = Digest::of(found.public.to_pem().as_bytes());
            return Ask::Adopt { keyid: found.public.keyid().0, digest };
        }
        if let Some(drive) = step.verb.drive()
            && let Err(error) = self.drive_at(drive)
        {
            return Ask::Fix { error, hint: String::new(), may_decline: false };
        }
        if self.ceremony.plan().signs_elsewhere(&key) {
            return self.awaiting(step, &key, prompt);
        }
        let generates = matches!(step.verb, Verb::GenerateKey(_));
        match self.look(&key, generates) {
            Ok((name, sight)) => self.secret(step, &key, name, &sight, prompt),
            Err(error) if self.destroyed_before(step, &error) => {
                prompt.warnings.push("this step was cut off, and the key is gone: it is destroyed".into());
                Ask::Continue
            }
            Err(error) => {
                let may_decline = self.may_decline(step, &key);
                Ask::Fix { error: error.text, hint: error.hint, may_decline }
            }
        }
    }

    /// What one person types: an answer, the number of a bag, what a watch says, a statement.
    fn typing(&self, step: &Step, who: &str) -> Ask {
        let name = self.ceremony.plan().name(who);
        match &step.verb {
            Verb::Statement => Ask::Statement,
            Verb::SetClock => Ask::Text {
                what: format!("the watch of {name} in UTC, as HH:MM:SS"),
                expected: Some(self.now().to_string()),
                may_decline: false,
            },
            Verb::Handle(Handling::Inspect(bag) | Handling::Seal { bag, .. }) => Ask::Text {
                what: "the number that is printed on the bag".into(),
                expected: Some(bag.clone()),
                may_decline: false,
            },
            _ => Ask::Text { what: format!("the answer of {name}"), expected: None, may_decline: false },
        }
    }

    /// What is handled is there and right, or what is wrong with it.
    fn handling(&mut self, step: &Step, handling: &Handling, prompt: &mut Prompt) -> Ask {
        let may = self.ceremony.room().may(&Act::Handle(handling.clone())).map_err(|not_now| not_now.why);
        match self.seen_of(step, handling).and_then(|seen| may.map(|()| seen)) {
            Ok(seen) => {
                prompt.sees.extend(seen.iter().map(|(name, value)| format!("{name} {value}")));
                Ask::Continue
            }
            Err(error) => Ask::Fix { error, hint: hint(handling).to_owned(), may_decline: false },
        }
    }

    /// The key's store, opened, with what it tells without a secret.
    fn look(&mut self, key: &str, generates: bool) -> Result<(String, Sight), StoreError> {
        let mut store = self.store(key)?;
        let absent = |error: &StoreError| error.kind == StoreErrorKind::NoSuchKey;
        match store.look() {
            Err(error) if generates && absent(&error) => {
                self.cut_off = false;
                Ok((store.name(), nothing_yet(store.name())))
            }
            // Whatever the file is, it is not made again.
            _ if generates && !self.cut_off && matches!(self.uri(key), Some(StoreUri::Age(_))) => {
                Err(exists(store.name()))
            }
            sight => Ok((store.name(), sight?)),
        }
    }

    fn uri(&self, key: &str) -> Option<&StoreUri> {
        self.ceremony.plan().key(key).and_then(|key| key.store())
    }

    /// Opens the store of a key of the plan.
    pub(super) fn store(&self, name: &str) -> Result<Box<dyn Store>, StoreError> {
        let plan = self.ceremony.plan();
        let Some(key) = plan.key(name) else {
            let text = format!("key {name} is not in the plan");
            return Err(StoreError::new(StoreErrorKind::NoSuchKey, text, ""));
        };
        let made = self.ceremony.known(name).is_some();
        stores::open(plan, key, self.ceremony.mode(), &self.places, made)
    }

    fn secret(&self, step: &Step, key: &str, store: String, sight: &Sight, prompt: &mut Prompt) -> Ask {
        prompt.sees.extend(sight.lines.iter().cloned());
        let generates = matches!(step.verb, Verb::GenerateKey(_));
        if let Some(too_long) = self.too_long(step, key, sight) {
            return too_long;
        }
        let may_decline = self.may_decline(step, key);
        let mut type_serial = None;
        match sight.pin {
            PinState::Locked => {
                return Ask::Fix {
                    error: format!("the PIN of {store} is locked. Nothing was signed"),
                    hint: "unblock it with the PUK or the SO PIN, then look again".into(),
                    may_decline,
                };
            }
            PinState::NotSet => {
                return Ask::Fix {
                    error: format!("{store} has no user PIN yet"),
                    hint: "set one with the token's own tool, then look again".into(),
                    may_decline,
                };
            }
            PinState::FinalTry => {
                prompt.warnings.push(format!(
                    "ONE TRY LEFT for {store}: a wrong PIN locks it. The serial number is typed first."
                ));
                type_serial.clone_from(&sight.serial);
            }
            PinState::CountLow => prompt.warnings.push(format!("a wrong PIN was typed for {store} before")),
            PinState::Normal | PinState::Unknown => {}
        }
        let wrong = sight.serial.as_deref().map_or(0, |serial| self.ceremony.wrong_secrets(serial));
        if wrong > 0 {
            prompt.warnings.push(format!("wrong PINs typed for it in this ceremony: {wrong}"));
        }
        if self.ceremony.mode() == crate::ceremony::Mode::Rehearsal {
            prompt
                .sees
                .push("a rehearsal protects nothing: type anything but the real passphrase or PIN".into());
        }
        if sight.wants == Wants::PinPad {
            prompt.sees.push("The PIN is typed on the token's own pad.".into());
        }
        let in_file = matches!(self.uri(key), Some(StoreUri::Age(_)));
        if self.cut_off && generates {
            prompt.warnings.push("this step was cut off: what it may have made is looked for first".into());
        }
        let new = generates && in_file && !self.cut_off;
        let throws = self.ceremony.plan().key(key).and_then(|key| key.throws);
        Ask::Secret(SecretAsk {
            wants: sight.wants,
            new,
            dice: throws.filter(|_| new).map(|throws| throws.count),
            store,
            key: key.to_owned(),
            uri: self.uri(key).map(ToString::to_string).unwrap_or_default(),
            type_serial,
            may_decline,
        })
    }

    /// Whether the others reach every threshold without this key.
    pub(super) fn may_decline(&self, step: &Step, key: &str) -> bool {
        let signs = matches!(step.verb, Verb::Sign { .. });
        signs && self.ceremony.left().iter().all(|role| self.ceremony.room().may_decline(role, key).is_ok())
    }

    /// A token that signs only short messages is told before its PIN is asked for.
    fn too_long(&self, step: &Step, key: &str, sight: &Sight) -> Option<Ask> {
        let Verb::Sign { roles, .. } = &step.verb else { return None };
        if self.ceremony.known(key)?.public.scheme() != Scheme::Ed25519 {
            return None;
        }
        let longest = roles
            .iter()
            .filter_map(|role| self.ceremony.work(role))
            .flat_map(|work| work.payloads())
            .map(|payload| payload.len() as u64)
            .max()?;
        let max = sight.max_message.filter(|max| longest > *max)?;
        Some(Ask::Fix {
            error: format!(
                "the payload has {longest} bytes, and this token signs at most {max} with Ed25519. Nothing was signed"
            ),
            hint: "let other holders sign, or plan this key as ecdsa-sha2-nistp256".into(),
            may_decline: self.may_decline(step, key),
        })
    }
}

/// What to do about a thing that is not there, or not the right one.
fn hint(handling: &Handling) -> &'static str {
    match handling {
        Handling::Insert(_) => "put the named token in, and no other; then look again",
        Handling::Remove(_) => "take the token out, then look again",
        Handling::Mount(_) => {
            "plug in the drive with that label and mount it; then look again. One that is lost or broken is written \
             down as an exception, and the step can be left out where the file allows"
        }
        Handling::Eject(_) => "unmount it, pull it out, then look again",
        Handling::Inspect(_) | Handling::Open(_) | Handling::Seal { .. } => "look at the bag again",
    }
}

fn exists(name: String) -> StoreError {
    let text = format!("{name} exists already. It was not overwritten, and no key was made");
    StoreError::new(StoreErrorKind::Exists, text, "move it away, then look again")
}

fn nothing_yet(name: String) -> Sight {
    Sight {
        wants: Wants::Passphrase,
        pin: PinState::Unknown,
        serial: None,
        lines: vec![format!("{name}, to be made")],
        max_message: None,
    }
}
