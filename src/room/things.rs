//! Tokens, bags and drives: where each is, and what may be done with it.
//!
//! A bag is used once. The reader holds one token, and one drive is mounted at a time, so that nobody can take the
//! wrong one. What came out of a sealed bag goes back into a new one before the end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use crate::room::NotNow;
use crate::room::refuse;
use crate::room::refuse_for;

/// What is in the room when the ceremony opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThingsSetup {
    /// Each token, and the sealed bag that it comes in.
    pub tokens: BTreeMap<String, Option<String>>,
    /// The bag that a token goes into afterwards, where the plan says so.
    pub into: BTreeMap<String, String>,
    /// Every bag: those that tokens come in, and new ones.
    pub bags: BTreeSet<String>,
    /// The drives.
    pub drives: BTreeSet<String>,
    /// The token that a key lives on.
    pub keys: BTreeMap<String, String>,
}

/// One thing done to a token, a bag or a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handling {
    /// A bag's number and seal are looked at.
    Inspect(String),
    /// A bag is opened, and what it holds lies on the table.
    Open(String),
    /// Things go into a new bag.
    Seal {
        /// The bag.
        bag: String,
        /// Tokens and drives.
        holds: Vec<String>,
    },
    /// A token goes into the reader.
    Insert(String),
    /// A token comes out of the reader.
    Remove(String),
    /// A drive is plugged in and mounted.
    Mount(String),
    /// A drive is unmounted and unplugged.
    Eject(String),
}

impl Handling {
    /// The token, bag or drive.
    pub fn thing(&self) -> &str {
        match self {
            Self::Inspect(thing) | Self::Open(thing) | Self::Insert(thing) | Self::Remove(thing) => thing,
            Self::Mount(thing) | Self::Eject(thing) | Self::Seal { bag: thing, .. } => thing,
        }
    }
}

/// Where a token or a drive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this bag.
    Bag(String),
    /// On the table.
    Table,
    /// A token in the reader; a drive that is mounted.
    Machine,
}

/// How a bag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bag {
    /// Never used.
    New,
    /// Closed, with its seal.
    Sealed,
    /// Opened, and of no more use.
    Opened,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Things {
    tokens: BTreeMap<String, Place>,
    drives: BTreeMap<String, Place>,
    bags: BTreeMap<String, Bag>,
    keys: BTreeMap<String, String>,
    into: BTreeMap<String, String>,
    /// Bags whose number and seal were looked at.
    inspected: BTreeSet<String>,
    /// What came out of a bag here, and tokens that were used and go into one.
    unsealed: BTreeSet<String>,
    /// Drives with the bundle; true once they were ejected since it was written.
    written: BTreeMap<String, bool>,
}

impl Things {
    /// As the plan says that they come.
    pub(super) fn new(setup: &ThingsSetup) -> Self {
        let bagged: BTreeSet<&String> = setup.tokens.values().flatten().collect();
        let place = |bag: &Option<String>| bag.clone().map_or(Place::Table, Place::Bag);
        let state = |bag: &String| if bagged.contains(bag) { Bag::Sealed } else { Bag::New };
        Self {
            tokens: setup.tokens.iter().map(|(token, bag)| (token.clone(), place(bag))).collect(),
            drives: setup.drives.iter().map(|drive| (drive.clone(), Place::Table)).collect(),
            bags: setup.bags.iter().map(|bag| (bag.clone(), state(bag))).collect(),
            keys: setup.keys.clone(),
            into: setup.into.clone(),
            inspected: BTreeSet::new(),
            unsealed: BTreeSet::new(),
            written: BTreeMap::new(),
        }
    }

    /// Where each token is.
    pub fn tokens(&self) -> &BTreeMap<String, Place> {
        &self.tokens
    }

    /// Where each drive is.
    pub fn drives(&self) -> &BTreeMap<String, Place> {
        &self.drives
    }

    /// How each bag is.
    pub fn bags(&self) -> &BTreeMap<String, Bag> {
        &self.bags
    }

    pub(super) fn may(&self, handling: &Handling) -> Result<(), NotNow> {
        match handling {
            Handling::Inspect(bag) => self.sealed(bag),
            Handling::Open(bag) => self.may_open(bag),
            Handling::Seal { bag, holds } => self.may_seal(bag, holds),
            Handling::Insert(token) => self.may_insert(token),
            Handling::Remove(token) if self.tokens.get(token) != Some(&Place::Machine) => {
                refuse("TOKEN-IN-READER", format!("token {token} is not in the reader"))
            }
            Handling::Mount(drive) => self.may_mount(drive),
            Handling::Eject(drive) if self.drives.get(drive) != Some(&Place::Machine) => {
                refuse("DRIVE-MOUNTED", format!("drive {drive} is not mounted"))
            }
            Handling::Remove(_) | Handling::Eject(_) => Ok(()),
        }
    }

    pub(super) fn assume(&mut self, handling: &Handling) {
        match handling {
            Handling::Inspect(bag) => {
                self.inspected.insert(bag.clone());
            }
            Handling::Open(bag) => {
                self.bags.insert(bag.clone(), Bag::Opened);
                let held = Place::Bag(bag.clone());
                for (name, place) in self.tokens.iter_mut().chain(&mut self.drives) {
                    if *place == held {
                        *place = Place::Table;
                        self.unsealed.insert(name.clone());
                    }
                }
            }
            Handling::Seal { bag, holds } => {
                self.bags.insert(bag.clone(), Bag::Sealed);
                for thing in holds {
                    self.unsealed.remove(thing);
                    self.put(thing, &Place::Bag(bag.clone()));
                }
            }
            Handling::Insert(token) => {
                alone(&mut self.tokens);
                self.put(token, &Place::Machine);
                if self.into.contains_key(token) {
                    self.unsealed.insert(token.clone());
                }
            }
            Handling::Mount(drive) => {
                alone(&mut self.drives);
                self.put(drive, &Place::Machine);
            }
            Handling::Remove(token) => self.put(token, &Place::Table),
            Handling::Eject(drive) => {
                self.put(drive, &Place::Table);
                if let Some(ejected) = self.written.get_mut(drive) {
                    *ejected = true;
                }
            }
        }
    }

    fn put(&mut self, thing: &str, there: &Place) {
        for things in [&mut self.tokens, &mut self.drives] {
            if let Some(place) = things.get_mut(thing) {
                place.clone_from(there);
            }
        }
    }

    pub(super) fn written(&mut self, drive: &str) {
        self.written.insert(drive.to_owned(), false);
    }

    /// A drive that is given up is in nobody's way.
    pub(super) fn lost(&mut self, drive: &str) {
        self.written.remove(drive);
        self.put(drive, &Place::Table);
    }

    fn may_open(&self, bag: &str) -> Result<(), NotNow> {
        self.sealed(bag)?;
        if self.inspected.contains(bag) {
            return Ok(());
        }
        let why = format!("nobody has looked at the number and the seal of bag {bag}");
        refuse("OPEN-AFTER-INSPECTION", why)
    }

    fn sealed(&self, bag: &str) -> Result<(), NotNow> {
        match self.bags.get(bag) {
            Some(Bag::Sealed) => Ok(()),
            Some(Bag::New) => refuse("BAG-SEALED", format!("bag {bag} is new, and holds nothing")),
            Some(Bag::Opened) => refuse("BAG-SEALED", format!("bag {bag} was opened already")),
            None => refuse("BAG-KNOWN", format!("bag {bag} is not under `materials`")),
        }
    }

    fn may_seal(&self, bag: &str, holds: &[String]) -> Result<(), NotNow> {
        match self.bags.get(bag) {
            Some(Bag::New) => {}
            Some(Bag::Sealed | Bag::Opened) => {
                let why = format!("bag {bag} was used already; a tamper-evident bag is used once");
                return refuse("BAG-USED-ONCE", why);
            }
            None => return refuse("BAG-KNOWN", format!("bag {bag} is not under `materials`")),
        }
        for thing in holds {
            if let Some(into) = self.into.get(thing).filter(|into| *into != bag) {
                let why = format!("token {thing} goes into bag {into}, and would be sealed in bag {bag}");
                return refuse("SEAL-IN-NAMED-BAG", why);
            }
            match self.tokens.get(thing).or_else(|| self.drives.get(thing)) {
                Some(Place::Table) => {}
                Some(Place::Machine) => {
                    let why = format!("{thing} is still in the machine, and would be sealed in bag {bag}");
                    return refuse("SEAL-WHAT-IS-OUT", why);
                }
                Some(Place::Bag(other)) => {
                    return refuse("SEAL-WHAT-IS-OUT", format!("{thing} is in bag {other} already"));
                }
                None => return refuse("MATERIAL-KNOWN", format!("{thing} is neither a token nor a drive")),
            }
        }
        Ok(())
    }

    fn may_insert(&self, token: &str) -> Result<(), NotNow> {
        if let Some((other, _)) = self.tokens.iter().find(|(_, place)| **place == Place::Machine) {
            let why = format!("token {other} is still in the reader, which takes one at a time");
            return refuse("READER-HOLDS-ONE-TOKEN", why);
        }
        match self.tokens.get(token) {
            Some(Place::Bag(bag)) => {
                refuse("TOKEN-OUT-OF-BAG", format!("token {token} is in bag {bag}, which is not opened"))
            }
            Some(_) => Ok(()),
            None => refuse("MATERIAL-KNOWN", format!("token {token} is not under `materials`")),
        }
    }

    fn may_mount(&self, drive: &str) -> Result<(), NotNow> {
        if let Some((other, _)) = self.drives.iter().find(|(_, place)| **place == Place::Machine) {
            let why =
                format!("drive {other} is still mounted; one at a time, so that nobody pulls the wrong one");
            return refuse("ONE-DRIVE-MOUNTED", why);
        }
        match self.drives.get(drive) {
            Some(Place::Bag(bag)) => refuse("DRIVE-OUT-OF-BAG", format!("drive {drive} is in bag {bag}")),
            Some(_) => Ok(()),
            None => refuse("MATERIAL-KNOWN", format!("drive {drive} is not under `materials`")),
        }
    }

    /// The key's token is in the reader, where the plan says on which token it lives.
    pub(super) fn in_reader(&self, key: &str) -> Result<(), NotNow> {
        match self.keys.get(key) {
            Some(token) if self.tokens.get(token) != Some(&Place::Machine) => {
                let why = format!("key {key} is on token {token}, which is not in the reader");
                refuse_for(token, "KEY-IN-READER", why)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn may_write(&self, drive: &str) -> Result<(), NotNow> {
        if self.drives.get(drive) == Some(&Place::Machine) {
            return Ok(());
        }
        refuse("DRIVE-MOUNTED", format!("drive {drive} is not mounted"))
    }

    /// What is read back comes from the drive and not from the machine's memory.
    pub(super) fn may_read_cold(&self, drive: &str) -> Result<(), NotNow> {
        self.may_write(drive)?;
        match self.written.get(drive) {
            Some(true) => Ok(()),
            _ => {
                let why =
                    format!("drive {drive} was not ejected and mounted again since the bundle was written");
                refuse("READBACK-AFTER-EJECT", why)
            }
        }
    }

    /// No token in the reader, no drive mounted.
    pub(super) fn all_put_away(&self, rule: &'static str, when: &str) -> Result<(), NotNow> {
        let in_machine = |(name, place): (&String, &Place)| (*place == Place::Machine).then(|| name.clone());
        if let Some(token) = self.tokens.iter().find_map(in_machine) {
            return refuse(rule, format!("token {token} is still in the reader {when}"));
        }
        if let Some(drive) = self.drives.iter().find_map(in_machine) {
            return refuse(rule, format!("drive {drive} is still mounted {when}"));
        }
        Ok(())
    }

    /// What came out of a sealed bag, or was used and has a bag to go into, is in a new one.
    pub(super) fn all_resealed(&self) -> Vec<Result<(), NotNow>> {
        let open = |thing: &String| {
            let why = format!("{thing} was taken out or used here, and is not in a new bag at the end");
            refuse_for(thing, "RESEALED-AT-CLOSE", why)
        };
        self.unsealed.iter().map(open).collect()
    }
}

/// The reader holds one token, and one drive is mounted: what a walk found there in the way, it takes out.
fn alone(things: &mut BTreeMap<String, Place>) {
    for place in things.values_mut().filter(|place| **place == Place::Machine) {
        *place = Place::Table;
    }
}
