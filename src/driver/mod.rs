//! Does one step in the world, folds it into the ceremony, writes it down: the glue between the pure core and
//! devices, disk and people. A front end asks [`Driver::prompt`] what to ask, and hands the answer to
//! [`Driver::answer`].

pub mod apart;
mod ask;
pub mod before;
pub mod clock;
mod confine;
pub mod cosign;
pub mod derived;
pub mod disk;
mod drives;
mod elsewhere;
mod export;
pub mod faults;
pub mod hashing;
pub mod inputs;
mod keys;
mod looked;
mod people;
mod perform;
pub mod preflight;
pub mod prompt;
pub mod record;
pub mod shares;
mod shown;
pub mod stop;
mod stores;
mod things;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

pub use clock::Clock;
pub use faults::Fault;
pub use keys::MIN_PASSPHRASE;
pub use looked::stands_in;
pub use prompt::Answer;
pub use prompt::Ask;
pub use prompt::Body;
pub use prompt::Exception;
pub use prompt::GiveAsk;
pub use prompt::Given;
pub use prompt::NOT_TODAY;
pub use prompt::Prompt;
pub use prompt::SecretAsk;
pub use shown::shown;
pub use stop::Stop;
pub use stop::StopKind;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::inputs::CameIn;
use crate::driver::record::Record;
use crate::driver::record::Run;
use crate::driver::stores::Places;
use crate::journal;
use crate::keystore::Found;
use crate::keystore::hygiene::Hygiene;
use crate::keystore::sandbox::Sandbox;
use crate::keystore::shares::Share;
use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Step;
use crate::plan::Verb;
use crate::tuf::Date;
use crate::words::Digest;

/// How the program was started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the time comes from.
    pub clock: Clock,
    /// SHA-256 of the answers file, where one answers.
    pub answers: Option<String>,
    /// The PKCS#11 module of URIs that name none.
    pub default_module: Option<PathBuf>,
    /// This program, started again to try a module.
    pub program: PathBuf,
    /// What was done to the process at its start.
    pub hygiene: Hygiene,
}

/// A ceremony under way.
pub struct Driver {
    ceremony: Ceremony,
    record: Record,
    places: Places,
    options: Options,
    /// The current step was begun by a process that died: what it made is looked for first.
    cut_off: bool,
    /// When the export began: the bundle follows from it, and is the same bytes each time.
    export_began: Option<Began>,
    /// What this process gave up for it.
    sandbox: Sandbox,
    /// A key that was found so, until the people have said whether it is the ceremony's.
    found: Option<Found>,
    /// A share on its way to its holder.
    share: Option<Arc<Share>>,
    /// Shares that holders gave in this drill.
    given: Vec<Share>,
    /// The manifests that were judged before the ceremony began, by role, until they are read again.
    manifests: BTreeMap<String, CameIn>,
    /// What failed last in this step was put right by someone's share.
    settled: bool,
    /// It was gone on with, and nothing has happened since.
    resumed: bool,
    /// The reviewed file, where it says something else now than the record's copy.
    edited: Option<String>,
    /// What goes wrong in this rehearsal, and has not yet.
    faults: Vec<Fault>,
}

/// When an export began.
#[derive(Clone, Copy)]
struct Began {
    /// The head of the journal, which the bundle names.
    head: Digest,
    /// The time: what has expired by then stays behind.
    at: Date,
}

/// The line of the journal with which an export begins.
fn begins_export(plan: &Plan, entry: &journal::Entry) -> Option<Began> {
    let Event::Started { step } = &entry.what else { return None };
    let exports = |at: &&Step| at.id == *step && matches!(at.verb, Verb::Export(_));
    plan.steps.iter().find(exports).map(|_| Began { head: entry.head, at: entry.at })
}

/// A plan that was refused: everything that is wrong with it.
pub fn refused(problems: &[Problem]) -> Stop {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let unread = |problem: &Problem| {
        problem.rule.starts_with("YAML-") || matches!(problem.rule, "FILE-TOO-LARGE" | "FORMAT-VERSION")
    };
    let kind = if problems.iter().any(unread) { StopKind::Input } else { StopKind::No };
    Stop::new(kind, lines.join("\n"), "nothing was made; mend the file and run `keyrite check` again")
}

/// The text of a ceremony file.
pub fn read_plan(file: &Path) -> Result<String, Stop> {
    let unreadable = |error: std::io::Error| {
        Stop::new(StopKind::Input, format!("{}: {error}", file.display()), "give the path of a ceremony file")
    };
    let bytes = disk::read(file, record::MAX_FILE).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| unreadable(std::io::Error::other("it is not UTF-8 text")))
}

impl Driver {
    /// Starts a ceremony: proves the file, makes the record, writes the first line.
    pub fn start(file: &Path, record: Option<&Path>, mode: Mode, options: Options) -> Result<Self, Stop> {
        let text = read_plan(file)?;
        let base = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = std::fs::canonicalize(base)
            .map_err(|error| Stop::new(StopKind::Input, format!("{}: {error}", base.display()), ""))?;
        let mut plan = before::read_plan(&text, &base).map_err(|problems| refused(&problems))?;
        let now = options.clock.now();
        let (problems, manifests) = inputs::check_and_keep(&mut plan, &base, now);
        if !problems.is_empty() {
            return Err(refused(&problems));
        }
        within_window(&plan, &options, "set the clock, or mend `clock:` in the file")?;
        let names = before::names(&text, &base, plan.before.as_deref());
        let dir = record.map_or_else(|| PathBuf::from(&plan.id), Path::to_owned);
        let mut files = plan.before.as_ref().map(|before| before.files.clone()).unwrap_or_default();
        if mode == Mode::Rehearsal && !files.is_empty() {
            let here = Places {
                inputs: base.clone(),
                record: base.clone(),
                default_module: None,
                program: options.program.clone(),
            };
            files = before::stand_in(&plan, &here)?;
            let stands_in =
                Before::read(files.clone(), true).map_err(|why| Stop::new(StopKind::Input, why, ""))?;
            let anchors = std::mem::take(&mut plan.anchors);
            plan = Plan::read(&text, Some(Arc::new(stands_in))).map_err(|problems| refused(&problems))?;
            plan.anchors = anchors;
        }
        let opened = Event::Opened {
            format: journal::FORMAT,
            keyrite: env!("CARGO_PKG_VERSION").to_owned(),
            ceremony: plan.id.clone(),
            plan: plan.digest.hex(),
            mode,
            answers: options.answers.clone(),
            before: before::digests(&files),
            names: names.clone(),
            anchors: plan.anchors.clone(),
        };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let run = run(&options, "started", [("inputs", base.display().to_string()), ("file", name)]);
        let record = Record::create(&dir, text.as_bytes(), &files, &run, now, &opened)?;
        let places = places(&base, &record.dir, &options)?;
        let ceremony = Ceremony::new(Arc::new(plan), mode).with_names(names);
        record.derive(&ceremony)?;
        Ok(Self {
            ceremony,
            record,
            places,
            options,
            cut_off: false,
            export_began: None,
            found: None,
            share: None,
            given: Vec::new(),
            manifests,
            faults: Vec::new(),
            sandbox: Sandbox::default(),
            resumed: false,
            edited: None,
            settled: false,
        })
    }

    /// Goes on with a ceremony from its record.
    pub fn resume(dir: &Path, options: Options) -> Result<Self, Stop> {
        let text = record::plan_text(dir)?;
        let (record, journal) = Record::open(dir)?;
        let opening = journal::opening(&journal).map_err(|broken| record::broken_record(&broken))?;
        let plan = before::plan_of_record(dir, &text, &opening, None)?;
        let ceremony =
            journal::replay(&journal, Arc::new(plan)).map_err(|broken| record::broken_record(&broken))?;
        let runs = record.runs();
        let base = runs.iter().find_map(|run| run.get("inputs")).map(PathBuf::from);
        if base.is_none() && ceremony.next().is_some() {
            let error = format!(
                "{} does not say where the inputs lie. Nothing was changed",
                dir.join("runs.jsonl").display()
            );
            return Err(Stop::new(StopKind::Input, error, "put the file back from a copy of the record"));
        }
        let file = runs.iter().find_map(|run| run.get("file"));
        let file = base.as_ref().zip(file).map(|(base, file)| base.join(file));
        let edited = file.filter(|file| read_plan(file).is_ok_and(|now| now != text));
        let edited = edited.map(|file| file.display().to_string());
        let base = base.filter(|base| base.is_dir()).unwrap_or_else(|| dir.to_owned());
        if ceremony.next().is_some() && options.clock.now() < record.last() {
            let error = format!(
                "the clock says {}, and the journal was at {} already",
                options.clock.now(),
                record.last()
            );
            let by_file = runs.iter().any(|run| run.contains_key("clock"));
            let hint = match by_file {
                true => {
                    "the time so far came from an answers file: resume with `--answers` and that file, or set the clock"
                }
                false => "set the clock, then resume",
            };
            return Err(Stop::new(StopKind::Machine, error, hint));
        }
        let hint = "set the clock where it is wrong; otherwise begin again, with a file whose `clock:` is open for longer";
        if ceremony.next().is_some() {
            within_window(ceremony.plan(), &options, hint)?;
        }
        let expired = inputs::expired(ceremony.plan(), options.clock.now());
        if let (Some(_), Some(problem)) = (ceremony.next(), expired.first()) {
            let error = format!("nobody would sign this now: {}. Nothing was changed", problem.text);
            return Err(Stop::new(
                StopKind::Machine,
                error,
                "set the clock; or begin again with a file that has later dates",
            ));
        }
        derived::never_closed(dir, &ceremony)?;
        derived::only_behind(dir, &ceremony)?;
        let places = places(&base, &record.dir, &options)?;
        let cut_off = ceremony.started();
        let export_began = journal.entries.iter().find_map(|entry| begins_export(ceremony.plan(), entry));
        let driver = Self {
            ceremony,
            record,
            places,
            options,
            cut_off,
            export_began,
            sandbox: Sandbox::default(),
            found: None,
            share: None,
            given: Vec::new(),
            manifests: BTreeMap::new(),
            faults: Vec::new(),
            resumed: true,
            edited,
            settled: false,
        };
        if driver.ceremony.next().is_some() {
            let answers = driver.options.answers.clone().unwrap_or_else(|| "none".to_owned());
            let removed = derived::remove_unfinished(&driver.record.dir).join(" ");
            let more = [
                ("dropped", journal.cut.to_string()),
                ("cut-off", cut_off.to_string()),
                ("answers", answers),
                ("removed", removed),
            ];
            let run = run(&driver.options, "resumed", more);
            driver.record.add_run(&run)?;
        }
        driver.record.derive(&driver.ceremony)?;
        driver.restore_bundle()?;
        Ok(driver)
    }

    /// The ceremony so far.
    pub fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// The record directory.
    pub fn dir(&self) -> &Path {
        &self.record.dir
    }

    /// The directory that target files and public keys come from.
    pub fn inputs(&self) -> &Path {
        &self.places.inputs
    }

    /// The head of the journal.
    pub fn head(&self) -> Digest {
        self.record.head()
    }

    /// The time.
    pub fn now(&self) -> Date {
        self.options.clock.now()
    }

    /// Where the time comes from.
    pub fn clock(&self) -> Clock {
        self.options.clock
    }

    /// Folds an event into the ceremony, writes it down, and brings the files that follow from it up to date.
    ///
    /// An event that the ceremony rejects was never possible: it is written down as a failure instead.
    fn record(&mut self, event: Event, events: &mut Vec<Event>) -> Result<(), Stop> {
        let mut after = self.ceremony.clone();
        let event = match after.apply(&event) {
            Ok(()) => event,
            Err(rejected) => {
                let step = self.ceremony.next().map(|next| next.step.id.clone()).unwrap_or_default();
                let failed =
                    Event::Failed { step, kind: "rejected".into(), why: rejected.to_string(), serial: None };
                after = self.ceremony.clone();
                after
                    .apply(&failed)
                    .map_err(|rejected| Stop::new(StopKind::Integrity, rejected.to_string(), ""))?;
                failed
            }
        };
        let used =
            matches!(event, Event::Drilled { .. } | Event::KeyShared { .. } | Event::KeyDestroyed { .. });
        if used || matches!(event, Event::Signed { .. } | Event::BinsSigned { .. }) {
            self.full_disk()?;
        }
        self.record.append(self.now().max(self.record.last()), &event)?;
        self.ceremony = after;
        (self.resumed, self.settled) = (false, false);
        self.record.derive_after(&self.ceremony, &event)?;
        events.push(event);
        Ok(())
    }
}

fn places(base: &Path, record: &Path, options: &Options) -> Result<Places, Stop> {
    let record = std::fs::canonicalize(record).map_err(|error| disk::cannot_write(record, &error))?;
    let (default_module, program) = (options.default_module.clone(), options.program.clone());
    Ok(Places { inputs: base.to_owned(), record, default_module, program })
}

fn run<const N: usize>(options: &Options, what: &str, more: [(&str, String); N]) -> Run {
    let mut run =
        Run::from([("at".to_owned(), options.clock.now().to_string()), ("what".to_owned(), what.to_owned())]);
    if matches!(options.clock, Clock::Agreed(_)) {
        run.insert("clock".to_owned(), "taken from the answers file, not from the machine".to_owned());
    }
    run.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    run
}

fn within_window(plan: &Plan, options: &Options, hint: &str) -> Result<(), Stop> {
    let now = options.clock.now();
    let outside = match (plan.window.not_before, plan.window.not_after) {
        (Some(from), _) if now < from => format!("it may run from {from}, and the clock says {now}"),
        (_, Some(to)) if now > to => format!("it may run until {to}, and the clock says {now}"),
        _ => return Ok(()),
    };
    Err(Stop::new(StopKind::Machine, format!("this is not the time: {outside}. Nothing was changed"), hint))
}
