//! Keys that sign at another place: what is sent there, and what is taken in from there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::answered;
use crate::driver::Driver;
use crate::driver::apart;
use crate::driver::prompt::Ask;
use crate::driver::prompt::Prompt;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::driver::stores::ANY_PIN;
use crate::plan::Step;
use crate::plan::print::request_file;
use crate::tuf::KeyId;
use crate::tuf::few::and_more_by;

/// The most files of one directory that are looked at.
const MAX_FILES: usize = 1000;
/// What became of so many files is told.
const TOLD: usize = 3;

impl Driver {
    /// Whether this key signs elsewhere.
    pub(super) fn is_elsewhere(&self, key: &str) -> bool {
        self.ceremony.plan().key(key).is_some_and(|key| key.elsewhere)
    }

    /// Where the requests lie, and what is asked for. A rehearsal signs in the place of whoever is elsewhere.
    pub(super) fn awaiting(&self, step: &Step, key: &str, prompt: &mut Prompt) -> Ask {
        let plan = self.ceremony.plan();
        let holder = plan.holder_of(key);
        let requests =
            self.ceremony.left().into_iter().map(|role| self.dir().join(request_file(plan, &role)));
        if self.ceremony.mode() == Mode::Rehearsal {
            prompt.sees.push(format!("{holder} is elsewhere, and a rehearsal signs in that place"));
            return Ask::Continue;
        }
        prompt.sees.extend(requests.map(|request| format!("send {holder} {}", shown(&request))));
        prompt.sees.push(format!("answers lie below {}, or on a drive", shown(&self.places.inputs)));
        prompt
            .sees
            .push("nobody needs to wait: who stops here goes on later with `keyrite resume`".to_owned());
        Ask::Text {
            what: format!("the answer of {holder}, a file or a directory"),
            expected: None,
            may_decline: self.may_decline(step, key),
        }
    }

    /// A rehearsal's stand-in signs.
    pub(super) fn sign_in_place(
        &mut self,
        step: &Step,
        key: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        self.sign(step, key, Some(&SecretString::from(ANY_PIN)), events)
    }

    /// The signatures of a key over these roles among files, each read and let go before the next; and what became of the rest.
    fn signatures(
        &self,
        roles: Vec<String>,
        keyid: &KeyId,
        files: &[PathBuf],
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let (mut signed, mut otherwise) = (BTreeMap::new(), Vec::new());
        let requests = roles.into_iter().filter_map(|role| Some((self.ceremony.request(&role)?, role)));
        let requests: Vec<_> = requests.collect();
        for file in files {
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            let sent = match apart::read_sent(file) {
                Ok(sent) => sent,
                Err(stop) => {
                    otherwise.push(stop.error);
                    continue;
                }
            };
            for (request, role) in &requests {
                match request {
                    Ok(request) => match answered(request, keyid, &name, &sent) {
                        Ok(sig) => drop(signed.entry(role.clone()).or_insert(sig)),
                        Err(why) => otherwise.extend(why),
                    },
                    Err(error) => otherwise.push(error.to_string()),
                }
            }
        }
        (signed, otherwise)
    }

    /// Takes in every signature of this key that is asked for and lies at `path`; each is verified.
    pub(super) fn take_in(
        &mut self,
        step: &Step,
        key: &str,
        path: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        let roles = self.ceremony.left();
        for role in &roles {
            if let Err(not_now) = self.ceremony.room().may_sign(role, key) {
                return self.failed(step, "not-now", not_now.to_string(), events);
            }
        }
        let Some(keyid) = self.ceremony.known(key).map(|known| known.keyid.clone()) else { return Ok(()) };
        let path = self.places.inputs.join(path.trim());
        let (signed, otherwise) = match files(&path) {
            Ok(files) => self.signatures(roles, &keyid, &files),
            Err(why) => return self.failed(step, "answer", why, events),
        };
        if signed.is_empty() {
            let holder = self.ceremony.plan().holder_of(key);
            let why = format!(
                "{} is no answer of {holder} to what is asked: {}. Nothing was taken in",
                shown(&path),
                told(&otherwise)
            );
            return self.failed(step, "answer", why, events);
        }
        for (role, sig) in signed {
            let (step, key, keyid) = (step.id.clone(), key.to_owned(), keyid.clone());
            self.record(Event::Signed { step, role, key, keyid, sig }, events)?;
        }
        Ok(())
    }
}

/// What became of the files that came in, the first of them.
fn told(otherwise: &[String]) -> String {
    match otherwise {
        [] => "there is no file in it".to_owned(),
        all => and_more_by("; ", &all[..all.len().min(TOLD)], all.len()),
    }
}

/// One file, or every file of a directory: answers as they were sent, images of codes, lines as they were typed.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", shown(path)))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.is_file());
    files.sort();
    match files.len() {
        0..=MAX_FILES => Ok(files),
        many => Err(format!(
            "{} has {many} files, and answers are looked for among {MAX_FILES}: name the file, or a smaller directory",
            shown(path)
        )),
    }
}
