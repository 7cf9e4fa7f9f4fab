//! Keys that sign at another place: what is sent there, and what is taken in from there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::answered;
use crate::ceremony::otherwise;
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
use crate::tuf::apart::carry;
use crate::tuf::few::and_more_by;

/// The most files of one directory that are looked at.
const MAX_FILES: usize = 1000;
/// What became of so many files is told.
const TOLD: usize = 3;

impl Driver {
    /// Where the requests lie, and what is asked for. A rehearsal signs in the place of whoever is elsewhere.
    pub(super) fn awaiting(&self, step: &Step, key: &str, prompt: &mut Prompt) -> Ask {
        let plan = self.ceremony.plan();
        let holder = plan.called(key);
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

    /// The signatures of a key over these roles in what was sent, each file read and let go before the next; and what became
    /// of the rest.
    fn signatures(
        &self,
        roles: &[String],
        keyid: &KeyId,
        sent: &[PathBuf],
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let (mut signed, mut rest) = (BTreeMap::new(), Vec::new());
        let mut requests = Vec::new();
        for role in roles {
            match self.ceremony.request(role) {
                Some(Ok(request)) => requests.push(request),
                Some(Err(error)) => rest.push(error.to_string()),
                None => {}
            }
        }
        let mut judge = |name: &str, bytes: &[u8], rest: &mut Vec<String>| {
            let before = signed.len();
            let mut findings = Vec::new();
            for request in &requests {
                match answered(request, keyid, name, bytes) {
                    Ok(sig) => drop(signed.entry(request.role.clone()).or_insert(sig)),
                    Err(found) => findings.extend(found),
                }
            }
            if let (Some(request), true) = (requests.first(), signed.len() == before) {
                rest.extend(otherwise(&findings, &request.names));
            }
        };
        let (mut codes, mut several) = (Vec::new(), false);
        for path in sent {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            match apart::read_sent(path) {
                Ok(bytes) => {
                    judge(&name, &bytes, &mut rest);
                    if carry::read(&bytes).is_some() {
                        several |= !codes.is_empty();
                        codes.extend([&bytes[..], b"\n"].concat());
                    }
                }
                Err(stop) => rest.push(stop.error),
            }
        }
        // An answer that is too long for one code is in several images.
        if several {
            judge("the codes together", &codes, &mut rest);
        }
        (signed, rest)
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
        let (signed, rest) = match files(&path) {
            Ok(files) => self.signatures(&roles, &keyid, &files),
            Err(why) => return self.failed(step, "answer", why, events),
        };
        let none = signed.is_empty();
        for (role, sig) in signed {
            let (step, key, keyid) = (step.id.clone(), key.to_owned(), keyid.clone());
            self.record(Event::Signed { step, role, key, keyid, sig }, events)?;
        }
        let holder = self.ceremony.plan().called(key);
        let why = match self.ceremony.next() {
            _ if none => format!(
                "{} is no answer of {holder} to what is asked: {}. Nothing was taken in",
                shown(&path),
                told(&rest)
            ),
            // Of several roles some are signed, and something else came along that may have been meant for the others.
            Some(next) if next.step.id == step.id && !rest.is_empty() => {
                let missing = self.ceremony.left().join(", ");
                format!("{holder} has not signed {missing} yet. What is there besides: {}", told(&rest))
            }
            _ => return Ok(()),
        };
        self.failed(step, "answer", why, events)
    }
}

/// What became of the files that came in, the first of them.
fn told(rest: &[String]) -> String {
    match rest {
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
