//! What lies in a directory: a repository, ceremony files, records, requests. It reads, and changes nothing; the home
//! screen calls it.

pub mod asked;
mod repository;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ceremony::Ceremony;
use crate::ceremony::Mode;
use crate::driver;
use crate::driver::before;
use crate::driver::inputs;
use crate::driver::record;
use crate::journal;
use crate::plan::Plan;
use crate::plan::print::request_file;
use crate::tuf::Date;
use crate::tuf::Metadata;
use crate::tui::nearby::asked::Asked;
use crate::tui::repository::Found;

pub use repository::read;

/// At most this many entries of the directory are looked at.
const MOST: usize = 10_000;
/// A journal longer than this is not replayed for the list.
const MAX_JOURNAL: u64 = 16 << 20;

/// A ceremony file.
#[derive(Clone, Debug)]
pub struct PlanFile {
    /// Its path.
    pub file: PathBuf,
    /// The plan, or everything that is wrong with it.
    pub plan: Result<Arc<Plan>, Vec<String>>,
}

/// A record.
#[derive(Clone, Debug)]
pub struct RecordDir {
    /// Its path.
    pub dir: PathBuf,
    /// What its journal says.
    pub state: Result<RecordState, String>,
}

/// How far a ceremony went.
#[derive(Clone, Debug)]
pub struct RecordState {
    /// The ceremony's title.
    pub title: String,
    /// Production or rehearsal.
    pub mode: Mode,
    /// The number of the step that is next; `None` when it is closed.
    pub next: Option<usize>,
    /// The number of steps.
    pub of: usize,
    /// When something happened last.
    pub last: Date,
    /// Its requests that still wait for somebody, each with the metadata as it is signed so far.
    pub open: Vec<(String, Metadata)>,
}

/// What lies in one directory, by name.
#[derive(Clone, Debug, Default)]
pub struct Nearby {
    /// Ceremony files.
    pub plans: Vec<PlanFile>,
    /// Records.
    pub records: Vec<RecordDir>,
    /// Where metadata lies.
    pub places: Vec<PathBuf>,
    /// The repository that is looked at, or why it cannot be.
    pub repository: Option<Result<Arc<Found>, Unread>>,
    /// What asks for signatures.
    pub asked: Vec<Asked>,
}

impl Nearby {
    /// Of what asks for signatures the files that were sent for it.
    pub fn requests(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| !asked.own)
    }
}

/// A repository that cannot be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Where its metadata lies.
    pub dir: PathBuf,
    /// Why.
    pub why: String,
}

/// Looks into a directory, and at the first repository there.
pub fn look(dir: &Path, now: Date) -> io::Result<Nearby> {
    let mut nearby = around(dir, now)?;
    nearby.repository = nearby.places.first().map(|place| read(place, now));
    Ok(nearby)
}

/// Looks into a directory; repositories are found and not read.
pub fn around(dir: &Path, now: Date) -> io::Result<Nearby> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir)?.take(MOST).filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    let mut nearby = Nearby::default();
    let (mut folders, mut files, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            if path.join("journal.jsonl").is_file() {
                let state = state(&path);
                for (request, signed) in state.iter().flat_map(|state| &state.open) {
                    sent.push((path.clone(), path.join(request), signed.to_file()));
                }
                nearby.records.push(RecordDir { state, dir: shortened(dir, &path) });
            } else {
                folders.push(path);
            }
        } else if let Some(plan) = plan(&path, now) {
            nearby.plans.push(PlanFile { plan, file: shortened(dir, &path) });
        } else if path.is_file() {
            files.push(path);
        }
    }
    nearby.places = repository::places(dir, &newest_first(&nearby.records), &folders);
    let answers = asked::responses(&files);
    let look = |path: &Path, answers: &[Vec<u8>]| asked::look(path, &shortened(dir, path), answers);
    nearby.asked = files.iter().filter_map(|path| look(path, &answers)).collect();
    nearby.asked.extend(sent.into_iter().filter_map(|(record, path, signed)| {
        let with_signed: Vec<Vec<u8>> = answers.iter().cloned().chain([signed]).collect();
        Some(Asked { record: Some(shortened(dir, &record)), ..look(&path, &with_signed)? })
    }));
    Ok(nearby)
}

/// Whose repository is looked at first: of a ceremony that is over before one that goes on, a rehearsal after all of them,
/// the newest first.
fn newest_first(records: &[RecordDir]) -> Vec<&Path> {
    let mut sorted: Vec<&RecordDir> = records.iter().collect();
    sorted.sort_by_key(|record| match &record.state {
        Ok(state) => (state.mode == Mode::Rehearsal, state.next.is_some(), Reverse(Some(state.last))),
        Err(_) => (true, true, Reverse(None)),
    });
    sorted.into_iter().map(|record| record.dir.as_path()).collect()
}

/// The path as people would type it here.
fn shortened(dir: &Path, path: &Path) -> PathBuf {
    if dir == Path::new(".") { path.strip_prefix(".").unwrap_or(path).to_owned() } else { path.to_owned() }
}

/// A ceremony file, if it is one: YAML whose first key is `keyrite`.
fn plan(path: &Path, now: Date) -> Option<Result<Arc<Plan>, Vec<String>>> {
    if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") || !path.is_file()
    {
        return None;
    }
    let text = driver::read_plan(path).ok()?;
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    if !first.starts_with("keyrite:") {
        return None;
    }
    let said = |problems: Vec<crate::plan::Problem>| problems.iter().map(ToString::to_string).collect();
    let base = path.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(match before::read_plan(&text, base) {
        Ok(mut plan) => {
            let problems = inputs::check(&mut plan, base, now);
            if problems.is_empty() { Ok(Arc::new(plan)) } else { Err(said(problems)) }
        }
        Err(problems) => Err(said(problems)),
    })
}

fn state(dir: &Path) -> Result<RecordState, String> {
    let text = record::plan_text(dir).map_err(|stop| stop.error)?;
    let path = dir.join("journal.jsonl");
    if fs::metadata(&path).map_err(|error| error.to_string())?.len() > MAX_JOURNAL {
        return Err("its journal is too long to be looked at here".to_owned());
    }
    let bytes = fs::read(&path).map_err(|error| error.to_string())?;
    let journal = journal::read(&bytes).map_err(|broken| broken.to_string())?;
    let opening = journal::opening(&journal).map_err(|broken| broken.to_string())?;
    let plan = before::plan_of_record(dir, &text, &opening, None).map_err(|stop| stop.error)?;
    let (title, of) = (plan.title.clone(), plan.steps.len());
    let ceremony = journal::replay(&journal, Arc::new(plan)).map_err(|broken| broken.to_string())?;
    let next = ceremony.next().map(|next| next.number);
    let last = journal.entries.last().map_or(Date::from_unix(0), |entry| entry.at);
    Ok(RecordState { title, mode: ceremony.mode(), next, of, last, open: open(&ceremony) })
}

/// The requests that somebody has not answered, with what the journal has of the others.
fn open(ceremony: &Ceremony) -> Vec<(String, Metadata)> {
    let plan = ceremony.plan();
    let asked: BTreeSet<String> = ceremony.awaited().into_iter().map(|awaited| awaited.role).collect();
    let signed =
        asked.iter().filter_map(|role| Some((request_file(plan, role), ceremony.metadata(role)?.clone())));
    signed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_ceremony_that_is_over_comes_first_and_rehearsals_last() {
        let record = |name: &str, mode, next, last| RecordDir {
            dir: name.into(),
            state: Ok(RecordState {
                title: String::new(),
                mode,
                next,
                of: 9,
                last: Date::from_unix(last),
                open: Vec::new(),
            }),
        };
        let (real, played) = (Mode::Production, Mode::Rehearsal);
        let records = [
            record("a-newer", real, None, 2),
            record("b-older", real, None, 1),
            record("c-open", real, Some(3), 9),
            RecordDir { dir: "d-unread".into(), state: Err(String::new()) },
            record("z-rehearsal", played, None, 9),
        ];

        let order: Vec<&str> = newest_first(&records).iter().filter_map(|path| path.to_str()).collect();

        assert_eq!(order, ["a-newer", "b-older", "c-open", "z-rehearsal", "d-unread"]);
    }
}
