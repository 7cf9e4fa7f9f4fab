//! The ceremony as a state machine.
//!
//! A ceremony is a fold: [`Ceremony::apply`] folds each [`Event`] that happened into the state, and
//! [`Ceremony::next`] says what must happen next. Nothing here touches a token, a file, a clock or the
//! terminal: the driver does the step and comes back with the event. Replaying the events of a journal
//! gives the same ceremony on any machine, without keys.

pub mod absence;
pub mod answers;
pub mod board;
pub mod build;
pub mod event;
pub mod fold;
mod memory;
mod people;
pub mod request;
pub mod review;
pub mod say;
pub mod work;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ceremony::memory::Memory;
use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Source;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::room::Act;
use crate::room::Handling;
use crate::room::Room;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::PublicKey;
use crate::tuf::delegations::group::Group;
use crate::tuf::names::Person;
use crate::tuf::targets::Files;
use crate::words::Digest;

pub use answers::Answers;
pub use answers::Awaited;
pub use event::Event;
pub use event::Mode;
pub use work::Work;

/// The part of closing that reads exceptions which no step has read.
pub const EXCEPTIONS: &str = "exceptions";

/// A key whose public half is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its keyid.
    pub keyid: KeyId,
    /// Its public half.
    pub public: PublicKey,
    /// What its store reports of it; empty for a key from outside.
    pub evidence: BTreeMap<String, String>,
}

/// What the next step needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The doer does it.
    Do,
    /// This participant confirms it.
    Confirm(String),
    /// This participant types the words at these places, from 0.
    TypeBack(String, [usize; 2]),
    /// This participant types something: an answer, a bag's number, a watch's time, a statement.
    Type(String),
}

impl Need {
    /// Whose turn it is, where it is not the doer's.
    pub fn who(&self) -> Option<&str> {
        match self {
            Self::Do => None,
            Self::Confirm(who) | Self::TypeBack(who, _) | Self::Type(who) => Some(who),
        }
    }
}

/// What must happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next<'a> {
    /// The step.
    pub step: &'a Step,
    /// Its number, from 1.
    pub number: usize,
    /// What it needs now.
    pub need: Need,
}

/// An event that does not belong here; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

/// A wrong PIN or passphrase, counted for each token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step.
    pub step: String,
    /// The kind.
    pub kind: String,
    /// The sentence.
    pub why: String,
    /// The token.
    pub serial: Option<String>,
}

/// Something that went otherwise than planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The step in which it was written down.
    pub step: String,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub happened: String,
    /// What was done about it.
    pub action: String,
    /// Who wrote it down.
    pub by: String,
}

/// The ceremony so far.
#[derive(Clone, Debug)]
pub struct Ceremony {
    plan: Arc<Plan>,
    mode: Mode,
    room: Room,
    /// Index of the current step.
    at: usize,
    confirmed: BTreeSet<String>,
    /// What of the current step is done: its roles, its keys, or `""`.
    done: BTreeSet<String>,
    started: bool,
    /// The digest that the current step reads aloud, and what the words to type back are drawn from.
    aloud: Option<(Digest, Digest)>,
    keys: BTreeMap<String, Known>,
    /// What keys were called before it.
    names: Names,
    /// By role.
    files: BTreeMap<String, Files>,
    work: BTreeMap<String, Arc<Work>>,
    manifest: Option<String>,
    failures: Vec<Failure>,
    /// The last of them has not been put right yet.
    in_trouble: bool,
    exceptions: Vec<Exception>,
    /// How many of them were read in a review.
    reviewed: usize,
    absent: BTreeSet<String>,
    /// Who does not agree with the record, and their own words.
    disagree: BTreeMap<String, String>,
    memory: Memory,
}

impl Ceremony {
    /// A ceremony in which nothing has happened.
    pub fn new(plan: Arc<Plan>, mode: Mode) -> Self {
        let room = Room::new(plan.setup());
        let listed = plan.keys.iter().filter_map(|key| match &key.source {
            Source::Listed { keyid, public, .. } => {
                let (keyid, public, evidence) = (keyid.clone(), public.clone(), BTreeMap::new());
                Some((key.name.clone(), Known { keyid, public, evidence }))
            }
            _ => None,
        });
        let keys = listed.collect();
        Self {
            plan,
            mode,
            room,
            at: 0,
            confirmed: BTreeSet::new(),
            done: BTreeSet::new(),
            started: false,
            aloud: None,
            keys,
            names: Names::default(),
            files: BTreeMap::new(),
            work: BTreeMap::new(),
            manifest: None,
            failures: Vec::new(),
            in_trouble: false,
            exceptions: Vec::new(),
            reviewed: 0,
            absent: BTreeSet::new(),
            disagree: BTreeMap::new(),
            memory: Memory::default(),
        }
    }

    /// The same, with what keys were called before: for people only, never for a decision.
    pub fn with_names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// The same, beside one that went the same way: what it makes again, byte for byte, is not worked out again.
    pub fn beside(mut self, other: &Self) -> Self {
        self.memory.beside(&other.work);
        let ours = self.plan.before.as_ref().map(|before| &before.files);
        let theirs = other.plan.before.as_ref().map(|before| &before.files);
        if self.plan.digest == other.plan.digest && ours == theirs {
            self.memory.compares_as(&other.memory);
        }
        self
    }

    /// What must happen next; `None` when the ceremony is over. Asking twice gives the same answer.
    pub fn next(&self) -> Option<Next<'_>> {
        let step = self.plan.steps.get(self.at)?;
        let missing = step.confirm.iter().find(|id| !self.confirmed.contains(*id));
        let left = self.left();
        // The end is confirmed before it comes, so that nothing follows it.
        let before = step.verb.irreversible() || matches!(step.verb, Verb::Gate | Verb::Close);
        let need = match (missing, left.first()) {
            (Some(who), left) if before || left.is_none() => self.confirmation(step, who),
            (_, Some(part)) => self.doing_part(step, part),
            _ => Need::Do,
        };
        Some(Next { step, number: self.at + 1, need })
    }

    /// What a part of a step needs: most are done, some are typed by the doer or by each in turn.
    fn doing_part(&self, step: &Step, part: &str) -> Need {
        match (&step.verb, self.manifest.as_deref().and_then(Digest::from_hex)) {
            (Verb::SetClock | Verb::Statement, _) => Need::Type(part.to_owned()),
            (Verb::Ask | Verb::Handle(Handling::Inspect(_) | Handling::Seal { .. }), _) => {
                Need::Type(step.by.clone())
            }
            (Verb::SecondMachine, Some(manifest)) => {
                Need::TypeBack(step.by.clone(), self.places(step, &step.by, manifest, manifest))
            }
            _ => Need::Do,
        }
    }

    fn confirmation(&self, step: &Step, who: &str) -> Need {
        match (&step.verb, self.aloud) {
            (Verb::ReadAloud(_), Some((digest, drawn))) => {
                Need::TypeBack(who.to_owned(), self.places(step, who, digest, drawn))
            }
            _ => Need::Confirm(who.to_owned()),
        }
    }

    /// Which two words are typed: others in each ceremony, for each person, and after each slip.
    fn places(&self, step: &Step, who: &str, digest: Digest, drawn: Digest) -> [usize; 2] {
        let slips = self.failures.iter().filter(|failure| failure.step == step.id).count();
        let seed = [&digest.0, &drawn.0, step.id.as_bytes(), who.as_bytes(), &slips.to_le_bytes()].concat();
        Digest::places(&Digest::of(&seed))
    }

    /// What of the current step is left to do: names of roles or keys, or `""` for a step that is one thing.
    pub fn left(&self) -> Vec<String> {
        let Some(step) = self.plan.steps.get(self.at) else { return Vec::new() };
        let mut parts = match &step.verb {
            Verb::LoadKeys => {
                let enrolled = |key: &Key| {
                    self.plan.steps.iter().any(|step| step.verb == Verb::EnrolKey(key.name.clone()))
                };
                let loaded = self.plan.keys.iter().filter(|key| key.from_file() && !enrolled(key));
                loaded.map(|key| key.name.clone()).collect()
            }
            Verb::Build(roles) | Verb::Lint(roles) | Verb::Review(roles) | Verb::Verify(roles) => {
                roles.clone()
            }
            Verb::Sign { roles, .. } => roles.clone(),
            Verb::SetClock => [&step.by].into_iter().chain(&step.confirm).cloned().collect(),
            Verb::Statement => {
                let present = self.plan.people.iter().filter(|person| !self.absent.contains(&person.id));
                present.map(|person| person.id.clone()).collect()
            }
            Verb::Close if self.reviewed < self.exceptions.len() => {
                vec![EXCEPTIONS.to_owned(), String::new()]
            }
            _ => Vec::new(),
        };
        if parts.is_empty() {
            parts.push(String::new());
        }
        parts.retain(|part| !self.done.contains(part) && !self.has_signed(&step.verb, part));
        parts
    }

    /// Whether the key of a step has signed a role of it: its answer from elsewhere may have come in before the step did.
    fn has_signed(&self, verb: &Verb, role: &str) -> bool {
        matches!(verb, Verb::Sign { key, .. } if self.room.signed(role).contains(key))
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Production or rehearsal.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Whether the current step was begun, and no result of it is known.
    pub fn started(&self) -> bool {
        self.started
    }

    /// A key whose public half is known.
    pub fn known(&self, key: &str) -> Option<&Known> {
        self.keys.get(key)
    }

    /// Every known key, by name.
    pub fn keys(&self) -> &BTreeMap<String, Known> {
        &self.keys
    }

    /// What every key is called and who holds it: as the file says, else as was known before.
    pub fn names(&self) -> Names {
        let mut names = self.names.clone();
        for (name, known) in &self.keys {
            let before = self.names.get(&known.keyid);
            let planned = self.plan.key(name);
            let named = before.filter(|_| planned.is_some_and(|key| !key.named));
            let name = named.map_or(name, |before| &before.name).clone();
            let holder =
                planned.and_then(|key| key.holder.as_deref()).map(|id| self.plan.name(id).to_owned());
            let holder = holder.or_else(|| before.and_then(|before| before.holder.clone()));
            names.insert(known.keyid.clone(), Person { holder, name });
        }
        names
    }

    /// A role's metadata as built and signed so far.
    pub fn metadata(&self, role: &str) -> Option<&Metadata> {
        match self.work(role)? {
            Work::File(metadata) => Some(metadata),
            Work::Bins(_) => None,
        }
    }

    /// The bins that stand in the plan as one role, as built and signed so far.
    pub fn bins(&self, role: &str) -> Option<&Group> {
        self.work(role)?.bins().map(|bins| &bins.group)
    }

    /// The one or the other.
    pub fn work(&self, role: &str) -> Option<&Work> {
        self.work.get(role).map(Arc::as_ref)
    }

    /// The target files of each role as hashed in the room.
    pub fn files(&self) -> &BTreeMap<String, Files> {
        &self.files
    }

    /// SHA-256 of the exported bundle's manifest.
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    /// What went otherwise than planned, in order.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Whether the current step may be left out: the file allows it, it failed, and an exception says why; or it is about a
    /// drive that was given up so.
    pub fn may_pass_over(&self) -> bool {
        let Some(step) = self.plan.steps.get(self.at) else { return false };
        let noted = self.exceptions.iter().any(|exception| exception.step == step.id);
        let said = noted && self.last_failure().is_some();
        step.on_fail == OnFail::Exception
            && self.given_up_by(&step.verb).iter().all(|act| self.room.may(act).is_ok())
            && (said || self.given_up().is_some())
    }

    /// What the room goes on without, where the current step is left out: a drive, or the signatures of a key.
    fn given_up_by(&self, verb: &Verb) -> Vec<Act> {
        match verb {
            Verb::Sign { key, .. } => {
                self.left().into_iter().map(|role| Act::Decline(role, key.clone())).collect()
            }
            verb => verb.drive().map(|drive| Act::Lose(drive.to_owned())).into_iter().collect(),
        }
    }

    /// The drive that the current step is about, where it was given up in a step before.
    pub fn given_up(&self) -> Option<&str> {
        self.plan.steps.get(self.at)?.verb.drive().filter(|drive| self.room.is_lost(drive))
    }

    /// Who was not there when the roll was called.
    pub fn absent(&self) -> &BTreeSet<String> {
        &self.absent
    }

    /// Who does not agree with the record, each with own words.
    pub fn disagree(&self) -> &BTreeMap<String, String> {
        &self.disagree
    }

    /// What failed so far.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The failure that the current step had last, until it is put right.
    pub fn last_failure(&self) -> Option<&Failure> {
        let step = self.plan.steps.get(self.at)?;
        self.failures.last().filter(|failure| self.in_trouble && failure.step == step.id)
    }

    /// How often a wrong PIN was typed for a token.
    pub fn wrong_secrets(&self, serial: &str) -> usize {
        let counts = |f: &&Failure| f.kind == "wrong-secret" && f.serial.as_deref() == Some(serial);
        self.failures.iter().filter(counts).count()
    }

    /// The digest that people compare: of the plan, or of a role's payload. The journal's head is the driver's to say.
    pub fn digest(&self, subject: &Subject) -> Option<Digest> {
        match subject {
            Subject::Plan => Some(self.plan.digest),
            Subject::Role(role) => self.work(role).map(Work::digest),
            Subject::Journal => self.aloud.map(|(digest, _)| digest),
        }
    }
}
