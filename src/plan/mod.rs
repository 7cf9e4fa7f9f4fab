//! The plan: the ceremony file, proven. Pure: every check that needs no device, clock or directory.
//!
//! [`Plan::read`] goes through three gates, each of which says everything that is wrong before the next begins:
//! the text as strict YAML (`node`), its fields (`file`, `steps`), and what they say together (`rules`, `walk`).

pub mod casting;
pub mod consequences;
pub mod delegations;
pub mod fields;
pub mod file;
pub mod files;
pub mod keys;
pub mod lints;
pub mod node;
pub mod print;
pub mod problem;
pub mod rules;
pub mod script;
pub mod step;
pub mod steps;
pub mod template;
pub mod walk;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::room::RoleSetup;
use crate::room::Setup;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::Scheme;
use crate::tuf::root::TOP_LEVEL;
use crate::words::Digest;

pub use problem::Problem;
pub use problem::Severity;
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
}

/// The public half of a key that comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its file, relative to the ceremony file.
    pub file: String,
    /// The keyid that it must have, where the reviewed file fixes it.
    pub keyid: Option<String>,
    /// The scheme that it must have, where the reviewed file fixes it.
    pub scheme: Option<Scheme>,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is made in the room.
    Generated {
        /// Where its private half will live.
        store: StoreUri,
        /// Its scheme.
        scheme: Scheme,
        /// Bits of an RSA key.
        bits: Option<u32>,
    },
    /// It exists, and signs in the room.
    Existing {
        /// Where its private half lives.
        store: StoreUri,
        /// Its public half.
        public: Outside,
    },
    /// It is listed, and does not sign in the room.
    Public {
        /// Its public half.
        public: Outside,
    },
}

/// A key of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The short name.
    pub name: String,
    /// The participant who holds it.
    pub holder: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 of the PKCS#11 module that it may be used through.
    pub module_sha256: Option<String>,
}

impl Key {
    /// Where it signs, if it does.
    pub fn store(&self) -> Option<&StoreUri> {
        match &self.source {
            Source::Generated { store, .. } | Source::Existing { store, .. } => Some(store),
            Source::Public { .. } => None,
        }
    }

    /// Whether it is made in the room.
    pub fn generated(&self) -> bool {
        matches!(self.source, Source::Generated { .. })
    }
}

/// A role that is built and signed in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InRoom {
    /// Its version.
    pub version: u64,
    /// Its expiry.
    pub expires: Date,
}

/// The state of a role after the ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Names of its keys, in the order of the file.
    pub keys: Vec<String>,
    /// How many must sign.
    pub threshold: u32,
    /// Its version and expiry when it is signed in the room; a server signs it online otherwise.
    pub in_room: Option<InRoom>,
    /// The directory of its target files, relative to the ceremony file.
    pub files: Option<String>,
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

/// A ceremony file that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `id`
    pub id: String,
    /// `title`
    pub title: String,
    /// The digest of the file.
    pub digest: Digest,
    /// Who is in the room, in the order of the file.
    pub people: Vec<Person>,
    /// The keys, in the order of the file.
    pub keys: Vec<Key>,
    /// The four top-level roles.
    pub roles: BTreeMap<String, Role>,
    /// The pre-flight items that must hold.
    pub require: Vec<String>,
    /// Whether the file says so itself; where it does not, memory is locked as far as the limit allows.
    pub require_stated: bool,
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
    /// The waivers of `accept` that were used.
    pub accepted: Vec<Problem>,
}

impl Plan {
    /// Reads a ceremony file and proves everything that needs no device; or says everything that is wrong.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let top = node::parse(text).map_err(|problem| vec![problem])?;
        let file = file::read(&top, &mut problems);
        let Some(file) = file.filter(|_| problems.is_empty()) else {
            return Err(sorted(problems));
        };
        let plan = rules::resolve(&file, Digest::of(text.as_bytes()), &mut problems);
        let Some(mut plan) = plan.filter(|_| problems.is_empty()) else {
            return Err(sorted(problems));
        };
        walk::walk(&plan, file.after, &mut problems);
        if !problems.is_empty() {
            return Err(sorted(problems));
        }
        let remarks = lints::remarks(&plan, &file);
        let accepts = |remark: &Problem| file.accept.iter().any(|name| name.value == remark.rule);
        (plan.accepted, plan.warnings) = remarks.into_iter().partition(accepts);
        Ok(plan)
    }

    /// The person with this short name.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
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

    /// The roles that are signed in the room, in the order in which they are built.
    pub fn roles_in_room(&self) -> Vec<&str> {
        TOP_LEVEL
            .into_iter()
            .filter(|name| self.roles.get(*name).is_some_and(|role| role.in_room.is_some()))
            .collect()
    }

    /// Whether the script has a step in which this key signs this role.
    fn signs(&self, key: &str, role: &str) -> bool {
        let has_store = self.key(key).is_some_and(|key| key.store().is_some());
        let step = |step: &Step| matches!(&step.verb, Verb::Sign { key: name, roles } if name == key && roles.iter().any(|name| name == role));
        has_store && self.steps.iter().any(step)
    }

    /// What the room needs to know of the plan.
    pub fn setup(&self) -> Setup {
        let (generated, loaded): (Vec<_>, Vec<_>) = self.keys.iter().partition(|key| key.generated());
        let names = |keys: Vec<&Key>| keys.into_iter().map(|key| key.name.clone()).collect();
        let role_setup = |name: &str| {
            let role = &self.roles[name];
            let describes: &[&str] = match name {
                "snapshot" => &["targets"],
                "timestamp" => &["snapshot"],
                _ => &[],
            };
            RoleSetup {
                keys: role.keys.iter().cloned().collect(),
                signers: role.keys.iter().filter(|key| self.signs(key, name)).cloned().collect(),
                threshold: role.threshold as usize,
                describes: describes.iter().map(|name| (*name).to_owned()).collect(),
            }
        };
        Setup {
            generated: names(generated),
            loaded: names(loaded),
            roles: self.roles_in_room().into_iter().map(|name| (name.to_owned(), role_setup(name))).collect(),
            listed: self.roles.values().flat_map(|role| role.keys.iter().cloned()).collect::<BTreeSet<_>>(),
        }
    }
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.place);
    problems
}
