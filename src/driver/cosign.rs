//! The cosignatures of a record: taken in when they verify, and looked at again by whoever verifies the journal.
//!
//! One that came before the close is named by the closing line of the journal; any other is late. What a file is
//! called proves nothing: whose it is, and what it is over, is tried.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::driver::Clock;
use crate::driver::disk;
use crate::driver::record;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::journal::Journal;
use crate::plan::Person;
use crate::tuf::Date;
use crate::tuf::base64;
use crate::witness::Checkpoint;
use crate::witness::Cosignature;
use crate::witness::StatementKey;
use crate::witness::cosignature::MAX_FILE;
use crate::words::Digest;

/// The folder of the record.
pub const FOLDER: &str = "cosignatures";

/// A cosignature that verifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cosigned {
    /// Below the record.
    pub file: String,
    /// The participant.
    pub by: String,
    /// How many lines it is over.
    pub size: usize,
    /// The root over them, in base64.
    pub root: String,
    /// The head of the journal that ends with the last of them.
    pub head: String,
    /// When it was made, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Date>,
    /// Whether it came after the ceremony was closed.
    pub late: bool,
}

/// One that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Below the record.
    pub file: String,
    /// Why not.
    pub why: String,
}

/// Everything that lies in the folder, in order.
pub fn all(
    dir: &Path,
    journal: &Journal,
    ceremony: &Ceremony,
) -> Result<(Vec<Cosigned>, Vec<Refused>), Stop> {
    let folder = dir.join(FOLDER);
    let mut names = Vec::new();
    match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(unreadable(&folder, &error)),
        Ok(entries) => {
            for entry in entries {
                names.push(entry.map_err(|error| unreadable(&folder, &error))?.file_name());
            }
        }
    }
    names.sort();
    let checkpoints = journal.checkpoints();
    let in_time = in_time(journal);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for name in names {
        let file = format!("{FOLDER}/{}", name.to_string_lossy());
        let read = disk::read(&folder.join(&name), MAX_FILE).map_err(|error| error.to_string());
        let people = ceremony.plan().everyone();
        let judged = read.and_then(|bytes| {
            let cosigned = verified(&bytes, people, &checkpoints, journal)?;
            let late = in_time.as_ref().is_some_and(|known| !known.contains(&Digest::of(&bytes).hex()));
            Ok(Cosigned { file: file.clone(), late, ..cosigned })
        });
        match judged {
            Ok(cosigned) => good.push(cosigned),
            Err(why) => bad.push(Refused { file, why }),
        }
    }
    Ok((good, bad))
}

/// Takes in a cosignature that a participant made; the same one twice is one.
pub fn add(
    dir: &Path,
    journal: &Journal,
    ceremony: &Ceremony,
    by: &str,
    signature: &Path,
) -> Result<Cosigned, Stop> {
    let person = ceremony.plan().everyone().find(|person| person.id == by || person.name == by);
    let input = |error: String, hint: &str| Stop::new(StopKind::Input, error, hint);
    let person = person.ok_or_else(|| {
        input(format!("{by:?} is not a participant of this ceremony; nothing was added"), "name one of them")
    })?;
    if person.statement_key.is_none() {
        let error = format!("the ceremony file names no statement_key of {}; nothing was added", person.name);
        return Err(input(
            error,
            "a key is named in the file before the ceremony, where everyone reviews it",
        ));
    }
    let bytes = disk::read(signature, MAX_FILE).map_err(|error| unreadable(signature, &error))?;
    let cosigned = verified(&bytes, std::iter::once(person), &journal.checkpoints(), journal);
    let mut cosigned = cosigned.map_err(|why| {
        let error = format!("{}: {why}. Nothing was added", signature.display());
        Stop::new(
            StopKind::No,
            error,
            "sign what `keyrite journal head --out FILE` writes, or checkpoint.txt",
        )
    })?;
    let sha256 = Digest::of(&bytes).hex();
    let extension = Cosignature::read(&bytes).map_or("", |read| read.extension());
    cosigned.file = format!("{FOLDER}/{}-{}-{sha256:.8}.{extension}", person.id, cosigned.size);
    cosigned.late = in_time(journal).is_some_and(|known| !known.contains(&sha256));
    let path = dir.join(&cosigned.file);
    let folder = dir.join(FOLDER);
    let cannot = |error: io::Error| disk::cannot_write(&path, &error);
    fs::create_dir_all(&folder).map_err(cannot)?;
    match disk::create(&path, &bytes) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(cosigned),
        done => done.and_then(|()| disk::sync(&folder)).map_err(cannot)?,
    }
    if in_time(journal).is_none() {
        let line = [
            ("at", Clock::Machine.now().to_string()),
            ("what", "cosigned".to_owned()),
            ("by", person.id.clone()),
            ("size", cosigned.size.to_string()),
            ("sha256", sha256),
        ];
        let line: BTreeMap<_, _> = line.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        record::add_run(dir, &line)?;
    }
    Ok(cosigned)
}

/// Whose it is, and over which lines.
fn verified<'a>(
    bytes: &[u8],
    people: impl Iterator<Item = &'a Person>,
    checkpoints: &[Checkpoint],
    journal: &Journal,
) -> Result<Cosigned, String> {
    let cosignature = Cosignature::read(bytes)?;
    let mut keys = people.filter_map(|person| Some((person, person.statement_key.as_ref()?)));
    let verify = |(person, key): (&Person, &StatementKey)| {
        let verified = cosignature.verify(key, checkpoints)?;
        let Checkpoint { size, root, .. } = verified.checkpoint;
        let head = journal.entries.get(size.checked_sub(1)?)?.head.hex();
        let (by, root) = (person.id.clone(), base64::encode(&root.0));
        Some(Cosigned { file: String::new(), by, size, root, head, said: verified.said, late: false })
    };
    let why =
        "it does not verify: no statement_key of the ceremony file signed a checkpoint of these lines so";
    keys.find_map(verify).ok_or_else(|| why.to_owned())
}

/// The cosignatures that the closing line names; none while there is no such line.
fn in_time(journal: &Journal) -> Option<Vec<String>> {
    let runs = journal.entries.iter().find_map(|entry| match &entry.what {
        Event::Closed { runs, .. } => Some(runs),
        _ => None,
    })?;
    let cosigned = runs.iter().filter(|run| run.get("what").is_some_and(|what| what == "cosigned"));
    Some(cosigned.filter_map(|run| run.get("sha256").cloned()).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Stop {
    Stop::new(StopKind::Input, format!("{}: {error}", path.display()), "name a file that can be read")
}
