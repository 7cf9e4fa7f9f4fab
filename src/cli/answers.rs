//! The answers file: what people would type, for rehearsals, tests and machines without people.
//!
//! It carries secrets. An error names a line and a column of it and never quotes it; the record names its SHA-256.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;
use serde::Deserialize;
use serde::Deserializer;
use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::driver::disk;
use crate::keystore::Wants;
use crate::store_uri::StoreUri;
use crate::tuf::Date;

/// The longest answers file, in bytes.
const LONGEST: usize = 1024 * 1024;

const HINT: &str = "an answers file holds: answers: 1, confirm: all, type-back: auto, \
    secrets: {KEY: {passphrase: ...}} or {pin: ...}, with dice and shares: {HOLDER: ...} where they are asked for, \
    typed: {STEP: ...}, clock: TIME, absent: [NAME]";

/// The fields of an answers file.
const PARTS: [&str; 7] = ["answers", "confirm", "type-back", "secrets", "typed", "clock", "absent"];

/// Answers, read from a file. Not `Debug`: it carries secrets.
pub struct Answers {
    file: Fields,
    sha256: String,
}

/// Why bytes are not an answers file. Never quotes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAnswers(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fields {
    #[serde(default)]
    answers: u32,
    confirm: Option<All>,
    type_back: Option<Auto>,
    #[serde(default)]
    secrets: BTreeMap<String, Answer>,
    #[serde(default)]
    typed: BTreeMap<String, String>,
    clock: Option<Date>,
    /// Short names of participants who have not come.
    #[serde(default)]
    absent: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum All {
    All,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Auto {
    Auto,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    passphrase: Option<Hidden>,
    pin: Option<Hidden>,
    dice: Option<Hidden>,
    /// By holder: the words of a share, the text of its code, or the name of a file.
    #[serde(default)]
    shares: BTreeMap<String, Hidden>,
}

/// The field of the file that a line is below, by its name alone.
fn part(text: &str, line: u64) -> String {
    let named = |line: &str| {
        PARTS.into_iter().find(|part| line.strip_prefix(part).is_some_and(|rest| rest.starts_with(':')))
    };
    let part = text.lines().zip(1..=line).filter_map(|(text, _)| named(text)).last();
    part.map(|part| format!(", below `{part}`")).unwrap_or_default()
}

/// Reads to the end, and leaves nothing behind where it needs more room.
fn read_all(mut file: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; 4096]);
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * length]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

struct Hidden(SecretString);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

impl Answers {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |why: &dyn fmt::Display, hint: &str| {
            Failure::new(Exit::Input, format!("answers file {}: {why}", path.display()), hint)
        };
        let file = disk::open(path).map_err(|error| fail(&error, "look at the path given with --answers"))?;
        let bytes = read_all(file.take(LONGEST as u64 + 1)).map_err(|error| fail(&error, ""))?;
        Self::parse(&bytes).map_err(|error| fail(&error, HINT))
    }

    /// Reads the bytes of an answers file, strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadAnswers> {
        if bytes.len() > LONGEST {
            return Err(BadAnswers(format!("it is longer than {LONGEST} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadAnswers("it is not UTF-8".into()))?;
        let options = serde_yaml::options! { with_snippet: false, reject_unsupported_tags: true };
        // The parser's own sentence may quote a value, and a value here may be a passphrase: only the place is told.
        let file: Fields = serde_yaml::from_str_with_options(text, options).map_err(|error| {
            BadAnswers(match error.location() {
                Some(at) => {
                    let below = part(text, at.line());
                    // Of the sentence no more than this is told.
                    let is = match error.to_string().contains("duplicate") {
                        true => "says for a second time what stands above",
                        false => "is not as it must be",
                    };
                    format!("line {}, column {}{below}, {is}", at.line(), at.column())
                }
                None => "it is not as it must be".into(),
            })
        })?;
        if file.answers == 0 {
            return Err(BadAnswers("it lacks the line `answers: 1`, which says its format".into()));
        }
        if file.answers != 1 {
            return Err(BadAnswers(format!(
                "answers: {} is not a version that this program knows",
                file.answers
            )));
        }
        if let Some((name, _)) = file.secrets.iter().find(|(_, a)| a.passphrase.is_some() == a.pin.is_some())
        {
            return Err(BadAnswers(format!("secrets: {name:?} needs a passphrase or a pin, and not both")));
        }
        Ok(Self { file, sha256: hex::encode(Sha256::digest(bytes)) })
    }

    /// The file's SHA-256 in hex, for the journal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// `confirm: all`: every confirmation is a yes.
    pub fn confirms(&self) -> bool {
        matches!(self.file.confirm, Some(All::All))
    }

    /// `type-back: auto`: words that are asked for are typed correctly.
    pub fn types_back(&self) -> bool {
        matches!(self.file.type_back, Some(Auto::Auto))
    }

    /// The text for the step `id`, where it asks for text.
    pub fn typed(&self, id: &str) -> Option<&str> {
        self.file.typed.get(id).map(String::as_str)
    }

    /// Short names of participants who have not come.
    pub fn absent(&self) -> &[String] {
        &self.file.absent
    }

    /// The time that the people agree on.
    pub fn clock(&self) -> Option<Date> {
        self.file.clock
    }

    /// The secret of the first of `names` (a key's name, its STORE) that has one of the kind that is wanted.
    pub fn secret(&self, names: &[&str], wants: Wants) -> Option<SecretString> {
        let answer = names.iter().find_map(|name| self.answer(name))?;
        let hidden = match wants {
            Wants::Passphrase => answer.passphrase.as_ref(),
            Wants::Pin => answer.pin.as_ref(),
            Wants::PinPad => None,
        };
        hidden.map(|hidden| hidden.0.clone())
    }

    /// The throws of dice of the first of `names` that has any.
    pub fn dice(&self, names: &[&str]) -> Option<SecretString> {
        let answer = names.iter().find_map(|name| self.answer(name))?;
        answer.dice.as_ref().map(|hidden| hidden.0.clone())
    }

    /// What secrets are there for: names of keys, or STOREs.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.file.secrets.keys().map(String::as_str)
    }

    /// Ids of steps that text is there for.
    pub fn typed_steps(&self) -> impl Iterator<Item = &str> {
        self.file.typed.keys().map(String::as_str)
    }

    /// Whether a name is this store, however it is written.
    pub fn same_store(store: &StoreUri, name: &str) -> bool {
        name.parse::<StoreUri>().is_ok_and(|other| other == *store)
    }

    /// What a holder gives as a share of a key.
    pub fn share(&self, key: &str, holder: &str) -> Option<SecretString> {
        self.answer(key)?.shares.get(holder).map(|hidden| hidden.0.clone())
    }

    /// By name as it stands; a STORE also when it is written otherwise, such as `token` after `object`.
    fn answer(&self, name: &str) -> Option<&Answer> {
        let same = |other: &str| name.parse::<StoreUri>().is_ok_and(|store| Self::same_store(&store, other));
        let secrets = &self.file.secrets;
        secrets.get(name).or_else(|| secrets.iter().find(|(other, _)| same(other)).map(|(_, answer)| answer))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const WHOLE: &str = "answers: 1
confirm: all
type-back: auto
secrets:
  ana: {passphrase: \"correct horse battery staple\"}
  \"pkcs11:token=ROOT-BO;object=root-2026\": {pin: 012345}
typed: {note: hello}
clock: 2026-12-03T09:00:00Z
";

    #[test]
    fn a_file_is_read_to_its_end_whatever_its_length() {
        for length in [0, 1, 4095, 4096, 4097, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|n: u32| n.to_be_bytes()[3]).collect();

            assert_eq!(*read_all(bytes.as_slice()).unwrap(), bytes);
        }
    }

    #[test]
    fn every_field_is_read() {
        let answers = Answers::parse(WHOLE.as_bytes()).unwrap();

        assert!(answers.confirms() && answers.types_back());
        assert_eq!(answers.typed("note"), Some("hello"));
        assert_eq!(answers.clock().unwrap().to_string(), "2026-12-03T09:00:00Z");
        let pass = answers.secret(&["nobody", "ana"], Wants::Passphrase).unwrap();
        assert_eq!(pass.expose_secret(), "correct horse battery staple");
        let pin = answers.secret(&["pkcs11:token=ROOT-BO;object=root-2026"], Wants::Pin).unwrap();
        assert_eq!(pin.expose_secret(), "012345");
        assert_eq!(answers.sha256().len(), 64);
    }

    #[test]
    fn what_is_missing_or_stands_twice_is_told_without_a_word_of_it() {
        let refused = |text: &str| Answers::parse(text.as_bytes()).err().unwrap().to_string();

        assert_eq!(refused("confirm: all\n"), "it lacks the line `answers: 1`, which says its format");
        let twice = "answers: 1\nsecrets:\n  ana: {pin: \"1\"}\n  ana: {pin: \"secret\"}\n";
        let said = refused(twice);
        assert!(said.contains("line 4") && said.contains("for a second time"), "{said}");
        assert!(!said.contains("secret\"") && !said.contains("ana"), "{said}");
    }

    #[test]
    fn a_passphrase_is_never_handed_out_as_a_pin() {
        let answers = Answers::parse(WHOLE.as_bytes()).unwrap();

        assert!(answers.secret(&["ana"], Wants::Pin).is_none());
        assert!(answers.secret(&["ana"], Wants::PinPad).is_none());
        assert!(answers.secret(&["pkcs11:token=ROOT-BO;object=root-2026"], Wants::Passphrase).is_none());
    }

    #[test]
    fn a_store_is_found_however_it_is_written() {
        let answers = Answers::parse(WHOLE.as_bytes()).unwrap();
        let pin = |uri: &str| answers.secret(&[uri], Wants::Pin);

        assert!(pin("pkcs11:object=root%2d2026;token=ROOT-BO").is_some());
        assert!(pin("pkcs11:token=ROOT-BO;object=root-2027").is_none());
        assert!(pin("pkcs11:token=ROOT-BO;object=root-2026;serial=1").is_none());
    }

    #[test]
    fn what_is_missing_is_a_no() {
        let answers = Answers::parse(b"answers: 1\n").unwrap();

        assert!(!answers.confirms() && !answers.types_back());
        assert!(answers.secret(&["ana"], Wants::Passphrase).is_none());
    }

    #[test]
    fn a_faulty_file_is_refused_and_never_quoted() {
        let faults = [
            "",
            "confirm: all\n",
            "answers: 2\n",
            "answers: 1\nhunter2: x\n",
            "answers: 1\nconfirm: hunter2\n",
            "answers: 1\nsecrets: {ana: hunter2}\n",
            "answers: 1\nsecrets: {ana: {password: hunter2}}\n",
            "answers: 1\nsecrets: {ana: {pin: hunter2, passphrase: hunter2}}\n",
            "answers: 1\nsecrets: {ana: {}}\n",
            "answers: 1\nsecrets: {ana: {pin: [hunter2]}}\n",
            "answers: 1\nsecrets: {ana: {pin: hunter2}, ana: {pin: hunter2}}\n",
            "answers: 1\nclock: hunter2\n",
            "answers: 1\n---\nanswers: 1\n",
            "answers: 1\nsecrets: {ana: {pin: 'hunter2}}\n",
        ];
        for fault in faults {
            let Err(error) = Answers::parse(fault.as_bytes()) else { panic!("accepted: {fault}") };

            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
