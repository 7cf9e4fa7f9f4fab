//! The plan: the ceremony file, proven. Pure: every check that needs no device, clock or directory.
//!
//! [`Plan::read`] says everything that is wrong in one go (`reading`): the text as strict YAML (`node`), which must be
//! right before anything else can be said, its fields (`file`, `trust`, `steps`), what they say together (`rules`,
//! `roles`, `keys`), the script (`walk`, `sense`), and what it would change of the metadata before (`change`). What only
//! follows from a mistake is not said with it (`outline`).

pub mod after;
pub mod before;
pub mod beside;
pub mod bins;
pub mod casting;
pub mod change;
pub mod clients;
pub mod consequences;
pub mod delegates;
pub mod delegations;
pub mod dice;
pub mod each;
pub mod environment;
pub mod fields;
pub mod file;
pub mod files;
pub mod incident;
pub mod key;
pub mod keys;
pub mod kind;
pub mod lapse;
pub mod leaving;
pub mod ledger;
mod left_behind;
pub mod lints;
pub mod materials;
pub mod moves;
pub mod node;

pub mod outline;
pub mod people;
pub mod placeholder;
pub mod print;
pub mod problem;
pub mod quorum;
pub mod reach;
pub mod reading;
pub mod roles;
pub mod rules;
pub mod schemes;
pub mod script;
pub mod sense;
pub mod shares;
pub mod step;
pub mod steps;
pub mod template;
pub mod trust;
mod twice;
pub mod walk;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::room::Every;
use crate::room::Quorum;
use crate::room::RoleSetup;
use crate::room::Setup;
use crate::room::Split;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::diff::Section;
use crate::tuf::root::TOP_LEVEL;
use crate::witness::StatementKey;
use crate::words::Digest;

pub use before::Before;
pub use delegations::DelegationsSpec;
pub use dice::Throws;
pub use environment::Asked;
pub use environment::Environment;
pub use file::BeforeSpec;
pub use files::FilesSpec;
pub use key::Key;
pub use key::Outside;
pub use key::Source;
pub use kind::Kind;
pub use materials::Materials;
pub use people::Presence;
pub use problem::Problem;
pub use problem::Severity;
pub use reading::starts_from;
pub use shares::Shares;
pub use step::Step;
pub use step::Verb;

/// Someone in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The short name that the file uses.
    pub id: String,
    /// The full name.
    pub name: String,
    /// operator, custodian, witness or auditor.
    pub role: String,
    /// The ceremony goes on without this person.
    pub optional: bool,
    /// Who does what this person would do, when absent.
    pub alternate: Option<String>,
    /// The key with which the person signs checkpoints, outside this program.
    pub statement_key: Option<StatementKey>,
}

/// A role that is built and signed in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InRoom {
    /// Its version; 0 for bins, of which each has its own.
    pub version: u64,
    /// Its expiry.
    pub expires: Date,
}

/// The state of a role after the ceremony.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Names of its keys, in the order of the file.
    pub keys: Vec<String>,
    /// How many must sign.
    pub threshold: u32,
    /// Its version and expiry when it is signed in the room; a server signs it online otherwise.
    pub in_room: Option<InRoom>,
    /// Where its target files come from; otherwise they are those of before.
    pub files: Option<FilesSpec>,
    /// Whom it delegates to; otherwise to those of before.
    pub delegations: Option<DelegationsSpec>,
    /// Whether the file states its keys or its threshold; otherwise they are those of before.
    pub stated: bool,
    /// Of hash bins, which stand in the plan as one role: how many, and their names.
    pub bins: Option<Layout>,
    /// Of a delegated role: who delegates to it, in the order in which clients come by them; keys and threshold are those of the first.
    pub delegators: Vec<Delegator>,
}

impl Role {
    /// Who delegates to it, each that asks for other signatures than those before.
    pub fn asked(&self) -> Vec<&Delegator> {
        let before = |n: usize| self.delegators.iter().take(n);
        let news = |(n, one): &(usize, &Delegator)| !before(*n).any(|other| other.says_as(one));
        self.delegators.iter().enumerate().filter(news).map(|(_, one)| one).collect()
    }
}

/// Who delegates to a role after the ceremony, and to which keys. Clients verify the role by the word of whichever they
/// come from, so what is signed must hold by the word of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegator {
    /// The role that delegates.
    pub name: String,
    /// Names of the keys, in the order of the file.
    pub keys: Vec<String>,
    /// How many must sign.
    pub threshold: u32,
}

impl Delegator {
    /// Whether another one asks for the same signatures.
    fn says_as(&self, other: &Self) -> bool {
        let keys = |one: &Self| one.keys.iter().cloned().collect::<BTreeSet<String>>();
        (keys(self), self.threshold) == (keys(other), other.threshold)
    }

    fn quorum(&self) -> Quorum {
        let keys = self.keys.iter().cloned().collect();
        Quorum { by: self.name.clone(), keys, threshold: self.threshold as usize }
    }
}

/// What happened, of a compromise response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// In words.
    pub what: String,
    /// Names of keys that are lost.
    pub lost: Vec<String>,
    /// Names of keys that someone else may have.
    pub stolen: Vec<String>,
}

/// When the ceremony may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Not before this.
    pub not_before: Option<Date>,
    /// Not after this.
    pub not_after: Option<Date>,
    /// Seconds that the people's watches and the machine's clock may differ.
    pub max_skew: Option<u64>,
}

impl Window {
    /// Seconds that watches and the machine's clock may differ: a minute, where the file does not say.
    pub fn skew(&self) -> u64 {
        self.max_skew.unwrap_or(60)
    }
}

/// A ceremony file that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// `id`
    pub id: String,
    /// `title`
    pub title: String,
    /// What it may change.
    pub kind: Kind,
    /// What happened, of a compromise response.
    pub incident: Option<Incident>,
    /// What it starts from.
    pub before: Option<Arc<Before>>,
    /// Whether `consistent_snapshot` is stated to be true.
    pub consistent_snapshot: bool,
    /// Root files that clients were shipped with, relative to the ceremony file.
    pub shipped_anchors: Vec<String>,
    /// Which of them reach the new root, and over which versions, a line each; known when the files were read.
    pub anchors: Vec<String>,
    /// What it changes, role by role; with target files and what describes others left to the day.
    pub changes: Vec<Section>,
    /// The difference that the file expects.
    pub expect_diff: Option<Vec<String>>,
    /// The digest of the file.
    pub digest: Digest,
    /// Who is in the room, in the order of the file.
    pub people: Vec<Person>,
    /// Who signs at another place, and has no other part.
    pub elsewhere: Vec<Person>,
    /// What the file asks of them as a whole.
    pub presence: Presence,
    /// Tokens, bags and drives.
    pub materials: Materials,
    /// The keys, in the order of the file.
    pub keys: Vec<Key>,
    /// The four top-level roles, and delegated roles that are signed in the room.
    pub roles: BTreeMap<String, Role>,
    /// What must hold on the machine, and what is waived.
    pub environment: Environment,
    /// When it may run.
    pub window: Window,
    /// The directory of the bundle, relative to the record.
    pub bundle: String,
    /// Where the file says what can only be judged on the day.
    pub places: BTreeMap<String, problem::Place>,
    /// The script.
    pub steps: Vec<Step>,
    /// What was remarked and not accepted.
    pub warnings: Vec<Problem>,
    /// The names in `accept`.
    pub accept: Vec<String>,
    /// The waivers of `accept` that were used.
    pub accepted: Vec<Problem>,
}

impl Plan {
    /// Reads a ceremony file and proves everything that needs no device; or says everything that is wrong.
    ///
    /// `before` is what [`starts_from`] names. Without it only a file that starts from nothing can be proven.
    pub fn read(text: &str, before: Option<Arc<Before>>) -> Result<Self, Vec<Problem>> {
        match reading::judge(text, Ok(before)) {
            (Some(plan), problems) if problems.is_empty() => Ok(plan),
            (_, problems) => Err(problems),
        }
    }

    /// Everyone whom the file names, in the room and elsewhere.
    pub fn everyone(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().chain(&self.elsewhere)
    }

    /// The person with this short name.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.everyone().find(|person| person.id == id)
    }

    /// Whether this person signs at another place, and has no other part.
    pub fn is_elsewhere(&self, id: &str) -> bool {
        self.elsewhere.iter().any(|person| person.id == id)
    }

    /// The full name behind a short name.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.person(id).map_or(id, |person| &person.name)
    }

    /// The key with this name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// A key in people's words: `Ana Duarte` or, without a holder, `key online`.
    pub fn holder_of(&self, key: &str) -> String {
        match self.key(key).and_then(|key| key.holder.as_deref()) {
            Some(holder) => self.name(holder).to_owned(),
            None => format!("key {key}"),
        }
    }

    /// The same, with the key's name where the file names several keys of this person.
    pub fn called(&self, key: &str) -> String {
        let holder = self.key(key).and_then(|key| key.holder.as_ref());
        let of_holder = |other: &&Key| other.named && other.holder.as_ref() == holder;
        match holder.is_some() && self.keys.iter().filter(of_holder).count() > 1 {
            true => format!("{} (key {key})", self.holder_of(key)),
            false => self.holder_of(key),
        }
    }

    /// The roles that are signed in the room, in the order in which they are built: delegated roles stand after
    /// targets, which delegates to them, and before snapshot, which lists them.
    pub fn roles_in_room(&self) -> Vec<&str> {
        let delegated = self.roles.keys().map(String::as_str).filter(|name| !TOP_LEVEL.contains(name));
        let order = ["root", "targets"].into_iter().chain(delegated).chain(["snapshot", "timestamp"]);
        order.filter(|name| self.roles.get(*name).is_some_and(|role| role.in_room.is_some())).collect()
    }

    /// Whether these are hash bins, which stand in the plan as one role.
    pub fn is_bins(&self, name: &str) -> bool {
        self.roles.get(name).is_some_and(|role| role.bins.is_some())
    }

    /// Whose signatures a role that is built here needs: a root that follows another needs those of both, and a delegated
    /// role those of everyone who delegates to it.
    pub fn quorums(&self, name: &str) -> Vec<Quorum> {
        let Some(role) = self.roles.get(name) else { return Vec::new() };
        if !role.delegators.is_empty() {
            return role.asked().into_iter().map(Delegator::quorum).collect();
        }
        let before = self.before.as_ref();
        let root_version = |before: &Arc<Before>| before.root_file().version;
        let by = match (before, name) {
            (None, _) => String::new(),
            (Some(before), _) if self.roles_in_room().contains(&"root") => {
                format!("root {}", root_version(before) + 1)
            }
            (Some(before), _) => format!("root {}", root_version(before)),
        };
        let new =
            Quorum { by, keys: role.keys.iter().cloned().collect(), threshold: role.threshold as usize };
        match before.filter(|_| name == "root").and_then(|before| before.repository.root.role_keys("root")) {
            Some(old) => {
                let by = before.map(|before| format!("root {}", root_version(before))).unwrap_or_default();
                vec![self.quorum(by, &old), new]
            }
            None => vec![new],
        }
    }

    fn quorum(&self, by: String, keys: &RoleKeys) -> Quorum {
        let named = |keyid: &KeyId| {
            self.keys
                .iter()
                .find(|key| matches!(&key.source, Source::Listed { keyid: listed, .. } if listed == keyid))
        };
        let names = keys.keys.keys().filter_map(named).map(|key| key.name.clone());
        Quorum { by, keys: names.collect(), threshold: keys.threshold as usize }
    }

    /// Whether the script has a step in which this key signs this role.
    fn signs(&self, key: &str, role: &str) -> bool {
        let may = self.key(key).is_some_and(Key::signs);
        let step = |step: &Step| matches!(&step.verb, Verb::Sign { key: name, roles } if name == key && roles.iter().any(|name| name == role));
        may && self.steps.iter().any(step)
    }

    /// Whether someone signs this role at another place.
    pub fn asks_elsewhere(&self, role: &str) -> bool {
        self.keys.iter().any(|key| key.elsewhere && self.signs(&key.name, role))
    }

    /// Roles that a role describes, in the order in which they are signed.
    fn describes(&self, name: &str) -> Vec<String> {
        let in_room = self.roles_in_room();
        let targets = in_room.into_iter().filter(|role| !matches!(*role, "root" | "snapshot" | "timestamp"));
        match name {
            "snapshot" => targets.map(str::to_owned).collect(),
            "timestamp" => vec!["snapshot".to_owned()],
            _ => Vec::new(),
        }
    }

    fn split(&self, key: &Key) -> Option<Split> {
        // A drill is held over shares that were made before.
        let come = self.kind == Kind::RestoreDrill;
        key.shares.as_ref().map(|shares| Split { holders: shares.holders.clone(), come })
    }

    /// What the room needs to know of the plan.
    pub fn setup(&self) -> Setup {
        let names = |is: fn(&Key) -> bool| -> BTreeSet<String> {
            self.keys.iter().filter(|key| is(key)).map(|key| key.name.clone()).collect()
        };
        let with_store = || names(|key| key.store().is_some());
        let role_setup = |name: &str| {
            let quorums = self.quorums(name);
            let listed: BTreeSet<&String> = quorums.iter().flat_map(|quorum| &quorum.keys).collect();
            let signers = listed.into_iter().filter(|key| self.signs(key, name)).cloned().collect();
            let list = self.roles.get(name).and_then(|role| role.delegations.as_ref());
            let entries = list.into_iter().flat_map(|list| &list.entries);
            let delegates = entries.flat_map(|entry| &entry.keys).map(|key| key.value.clone()).collect();
            RoleSetup { signers, quorums, describes: self.describes(name), delegates }
        };
        let before = self.before.as_ref().map(|before| &before.repository.roles);
        Setup {
            generated: names(Key::generated),
            loaded: names(Key::from_file),
            roles: self.roles_in_room().into_iter().map(|name| (name.to_owned(), role_setup(name))).collect(),
            listed: TOP_LEVEL
                .iter()
                .filter_map(|name| self.roles.get(*name))
                .flat_map(|role| role.keys.iter().cloned())
                .collect(),
            known: names(|key| matches!(key.source, Source::Listed { .. })),
            carried: before.map(|roles| roles.keys().cloned().collect()).unwrap_or_default(),
            things: self.materials.setup(&self.keys),
            clock_board: self.window.max_skew.is_some(),
            carriers: self
                .steps
                .iter()
                .filter_map(|step| match &step.verb {
                    Verb::Export(drive) => drive.clone(),
                    _ => None,
                })
                .collect(),
            second_machine: (self.kind.signs() && !self.materials.drives.is_empty())
                || self.steps.iter().any(|step| step.verb == Verb::SecondMachine),
            shares: self.keys.iter().filter_map(|key| Some((key.name.clone(), self.split(key)?))).collect(),
            every: Every {
                drilled: if self.kind == Kind::RestoreDrill { with_store() } else { BTreeSet::new() },
                destroyed: if self.kind == Kind::Destruction { with_store() } else { BTreeSet::new() },
            },
        }
    }
}
