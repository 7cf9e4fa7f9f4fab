//! The record directory: the reviewed file, the journal, and what follows from it.
//!
//! ```text
//! DIR/ceremony.yaml   the reviewed file, byte for byte
//! DIR/journal.jsonl   what happened
//! DIR/runs.jsonl      when the program was started and resumed; the journal takes it in when it closes
//! DIR/metadata/       metadata as built and signed so far
//! DIR/keys/           age files made here, NAME.pub.json, names.json
//! DIR/bundle/         what leaves the room
//! DIR/record.html, record.txt   the record for people, once the ceremony is closed
//! DIR/checkpoint.txt            what witnesses sign then
//! DIR/cosignatures/             what they signed
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle;
use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::driver::before::FOLDER;
use crate::driver::before::plan_of_record;
use crate::driver::derived;
use crate::driver::disk;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::journal;
use crate::keystore::public_file;
use crate::plan::before::MetadataFiles;
use crate::plan::print::file_name;
use crate::tuf::Bytes;
use crate::tuf::Date;
use crate::words::Digest;

/// A journal longer than this is no journal of ours.
pub const MAX_JOURNAL: u64 = 1 << 30;
/// A ceremony file longer than this is refused before it is read.
pub const MAX_FILE: u64 = 1 << 20;

/// An open record; while it lives, no other process writes to it.
#[derive(Debug)]
pub struct Record {
    /// The directory.
    pub dir: PathBuf,
    journal: File,
    head: Digest,
    last: Date,
    /// The line that lists target files, which may be a million.
    files: Option<journal::Known>,
}

/// A name beside `dir` that nothing has: the record is filled there, and takes its own name when it is whole.
/// What a crash leaves there holds no key and no signature, and is left alone.
fn unused_beside(dir: &Path) -> Result<PathBuf, Stop> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| {
        Stop::new(
            StopKind::Machine,
            format!("the machine gives no random numbers: {error}"),
            "nothing was made",
        )
    })?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    Ok(dir.with_file_name(format!(".{name}.{}.keyrite-new", hex::encode(random))))
}

/// One start or resume of the program.
pub type Run = BTreeMap<String, String>;

fn path_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

impl Record {
    /// A new record with its first line. It appears whole, or not at all.
    pub fn create(
        dir: &Path,
        plan: &[u8],
        before: &MetadataFiles,
        run: &Run,
        at: Date,
        opened: &Event,
    ) -> Result<Self, Stop> {
        let empty = || fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        let taken = fs::symlink_metadata(dir).is_ok_and(|found| !found.is_dir() || !empty());
        if taken || dir.file_name().is_none() {
            return Err(Stop::new(
                StopKind::Input,
                format!("{} exists already, and nothing in it was changed", dir.display()),
                format!(
                    "if it is a record, `keyrite resume {}` goes on; otherwise name a new directory with --record",
                    dir.display()
                ),
            ));
        }
        let part = unused_beside(dir)?;
        if let Some(parent) = part.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(|error| not_made(parent, &error))?;
        }
        let (line, _) =
            journal::encode(at, journal::NOTHING_BEFORE, opened).map_err(|error| unwritable(&error))?;
        let fill = || -> io::Result<()> {
            fs::create_dir(&part)?;
            disk::create(&part.join("ceremony.yaml"), plan)?;
            fs::create_dir(part.join("metadata"))?;
            fs::create_dir(part.join("keys"))?;
            if !before.is_empty() {
                let files: Vec<bundle::File> =
                    before.iter().map(|(name, bytes)| (name.clone(), Bytes::clone(bytes).into())).collect();
                fs::create_dir(part.join(FOLDER))?;
                let files = files.iter().map(|(name, content)| (name.as_str(), content));
                bundle::fill(&part.join(FOLDER), files).map_err(|(_, error)| error)?;
            }
            disk::create(&part.join("runs.jsonl"), run_line(run)?.as_bytes())?;
            disk::create(&part.join("journal.jsonl"), line.as_bytes())?;
            disk::sync(&part)?;
            fs::rename(&part, dir)?;
            disk::sync(dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        };
        fill().map_err(|error| {
            // Nothing in it is needed; the error is what matters.
            drop(fs::remove_dir_all(&part));
            not_made(dir, &error)
        })?;
        let (record, _) = Self::open(dir)?;
        Ok(record)
    }

    /// An existing record and its journal. A line that a crash cut short is dropped: it never took effect.
    pub fn open(dir: &Path) -> Result<(Self, journal::Journal), Stop> {
        let path = path_of(dir, "journal.jsonl");
        let unreadable = |error: io::Error| {
            let hint = "name the directory that `keyrite run` made";
            Stop::new(
                StopKind::Input,
                format!("{}: {error}; it is no record of a ceremony", path.display()),
                hint,
            )
        };
        let file =
            OpenOptions::new().read(true).append(true).open(&path).map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    read_only(&path, &error)
                }
                _ => unreadable(error),
            })?;
        if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            let error = format!("another keyrite works on {} now, and nothing was changed", dir.display());
            return Err(Stop::new(StopKind::Machine, error, "end the other one first"));
        }
        let bytes = disk::read(&path, MAX_JOURNAL).map_err(unreadable)?;
        let journal = journal::read(&bytes).map_err(|broken| broken_record(&broken))?;
        if journal.cut > 0 {
            let cut = || -> io::Result<()> {
                file.set_len(journal.whole as u64)?;
                file.sync_all()
            };
            cut().map_err(|error| disk::cannot_write(&path, &error))?;
        }
        let last = journal.entries.last().map_or(Date::from_unix(0), |entry| entry.at);
        Ok((Self { dir: dir.to_owned(), journal: file, head: journal.head(), last, files: None }, journal))
    }

    /// The head of the journal.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// When the last line was written.
    pub fn last(&self) -> Date {
        self.last
    }

    /// Writes one line, and waits until it is on the disk.
    pub fn append(&mut self, at: Date, event: &Event) -> Result<(), Stop> {
        let (line, head) = journal::encode(at, self.head, event).map_err(|error| unwritable(&error))?;
        let path = path_of(&self.dir, "journal.jsonl");
        let whole = self.journal.metadata().map_or(0, |metadata| metadata.len());
        let written = self.journal.write_all(line.as_bytes()).and_then(|()| self.journal.sync_data());
        written.map_err(|error| {
            // A part of a line is dropped by `resume` as well; here it is only tidied.
            drop(self.journal.set_len(whole));
            disk::cannot_write(&path, &error)
        })?;
        if matches!(event, Event::Hashed { .. }) {
            self.files = Some(journal::Known { at, prev: self.head, what: event.clone(), head });
        }
        self.head = head;
        self.last = at;
        Ok(())
    }

    /// Adds a line to `runs.jsonl`.
    pub fn add_run(&self, run: &Run) -> Result<(), Stop> {
        add_run(&self.dir, run)
    }

    /// The lines of `runs.jsonl` that can be read.
    pub fn runs(&self) -> Vec<Run> {
        runs(&self.dir)
    }

    /// Writes the files that follow from the ceremony's state; the same content is left alone.
    pub fn derive(&self, ceremony: &Ceremony) -> Result<(), Stop> {
        self.derive_keys(ceremony)?;
        let roles = ceremony.plan().roles_in_room();
        roles.iter().try_for_each(|role| self.derive_role(ceremony, role))?;
        roles.iter().try_for_each(|role| self.derive_request(ceremony, role))?;
        self.derive_papers(ceremony, false)
    }

    /// Writes only the files that an event can have changed.
    pub fn derive_after(&self, ceremony: &Ceremony, event: &Event) -> Result<(), Stop> {
        match event {
            Event::KeyLoaded { .. } | Event::KeyGenerated { .. } => self.derive_keys(ceremony),
            Event::Built { role, .. } | Event::Signed { role, .. } => self.derive_role(ceremony, role),
            Event::Reviewed { role, .. } => self.derive_request(ceremony, role),
            // The last of them is not `Closed` where somebody confirms that step.
            _ => self.derive_papers(ceremony, true),
        }
    }

    fn derive_keys(&self, ceremony: &Ceremony) -> Result<(), Stop> {
        for (name, known) in ceremony.keys() {
            self.put(&format!("keys/{name}.pub.json"), public_file::text(&known.public).as_bytes())?;
        }
        if ceremony.keys().is_empty() {
            Ok(())
        } else {
            self.put("keys/names.json", &derived::names(ceremony)?)
        }
    }

    fn derive_role(&self, ceremony: &Ceremony, role: &str) -> Result<(), Stop> {
        let Some(metadata) = ceremony.metadata(role) else { return Ok(()) };
        self.put_parts(&format!("metadata/{}", file_name(ceremony.plan(), role)), &metadata.parts().each())
    }

    /// What is sent to whoever signs elsewhere.
    fn derive_request(&self, ceremony: &Ceremony, role: &str) -> Result<(), Stop> {
        match derived::request(ceremony, role) {
            Some((name, bytes)) => self.put(&name, &bytes),
            None => Ok(()),
        }
    }

    /// The record for people, once the ceremony is over. What an earlier run wrote may be printed already, and stays.
    fn derive_papers(&self, ceremony: &Ceremony, closes: bool) -> Result<(), Stop> {
        if ceremony.next().is_some() {
            return Ok(());
        }
        let path = path_of(&self.dir, "journal.jsonl");
        let bytes = disk::read(&path, MAX_JOURNAL).map_err(|error| disk::cannot_write(&path, &error))?;
        let journal = journal::read_beside(&bytes, self.files.as_ref());
        let journal = journal.map_err(|broken| broken_record(&broken))?;
        // It may have a million files in it, and what it says has them again.
        drop(bytes);
        // From the record alone, as whoever verifies it has it: the plan at hand knows the inputs of the day as well.
        let opening = journal::opening(&journal).map_err(|broken| broken_record(&broken))?;
        let plan =
            plan_of_record(&self.dir, &plan_text(&self.dir)?, &opening, ceremony.plan().before.as_deref())?;
        let again = journal::replay_beside(&journal, Arc::new(plan), ceremony);
        let again = again.map_err(|broken| broken_record(&broken))?;
        let papers = derived::papers(&journal, &again);
        let wanted = |name: &str| closes || !path_of(&self.dir, name).exists();
        papers.iter().filter(|(name, _)| wanted(name)).try_for_each(|(name, page)| self.put(name, page))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        self.put_parts(name, &[bytes])
    }

    fn put_parts(&self, name: &str, parts: &[&[u8]]) -> Result<(), Stop> {
        let path = path_of(&self.dir, name);
        // Whoever took the directory away took nothing that does not follow from the journal.
        let dir = path.parent().map_or(Ok(()), fs::create_dir_all);
        dir.and_then(|()| disk::replace(&path, parts)).map_err(|error| disk::cannot_write(&path, &error))
    }
}

fn not_made(path: &Path, error: &io::Error) -> Stop {
    let hint = format!("name another directory with --record, or {}", disk::remedy(error));
    let error = format!("{} cannot be made: {error}. Nothing was begun", path.display());
    Stop::new(StopKind::Machine, error, hint)
}

fn read_only(path: &Path, error: &io::Error) -> Stop {
    let error = format!("{} cannot be written: {error}. Nothing was changed", path.display());
    let hint =
        "make the record writable to go on; `keyrite journal verify` and `keyrite record` only read it";
    Stop::new(StopKind::Machine, error, hint)
}

/// Adds a line to `runs.jsonl`: in one write, so that it may come while another process has the record.
pub(super) fn add_run(dir: &Path, run: &Run) -> Result<(), Stop> {
    let path = path_of(dir, "runs.jsonl");
    let add = || -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        // A full disk may have cut the line before short.
        let mut last = [b'\n'];
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        let line = run_line(run)?;
        file.write_all(if last == *b"\n" { line } else { format!("\n{line}") }.as_bytes())?;
        file.sync_data()
    };
    add().map_err(|error| disk::cannot_write(&path, &error))
}

/// The lines of a record's `runs.jsonl` that can be read.
pub fn runs(dir: &Path) -> Vec<Run> {
    let text = disk::read(&path_of(dir, "runs.jsonl"), MAX_FILE).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The reviewed file of a record.
pub fn plan_text(dir: &Path) -> Result<String, Stop> {
    let path = path_of(dir, "ceremony.yaml");
    let bytes = disk::read(&path, MAX_FILE);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
    text.map_err(|error| {
        Stop::new(
            StopKind::Input,
            format!("{}: {error}", path.display()),
            "name the directory that `keyrite run` made",
        )
    })
}

/// The journal does not hold.
pub fn broken_record(broken: &journal::Broken) -> Stop {
    Stop::new(
        StopKind::Integrity,
        broken.to_string(),
        "keep the record as it is, and compare it with the heads that were read aloud or photographed",
    )
}

fn run_line(run: &Run) -> io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string(run)?))
}

pub(super) fn unwritable(error: &serde_json::Error) -> Stop {
    Stop::new(StopKind::Machine, format!("an event cannot be written down: {error}"), "")
}
