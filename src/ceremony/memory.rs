//! What was worked out already: to build and to compare a million targets takes a while, and both are asked for several
//! times over one state.
//!
//! Nothing is remembered by its name alone. What was built counts for the state in which it was built, and any event
//! begins another; a comparison counts for the metadata and the names that were compared.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::ceremony::Work;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::diff::Section;

/// By role.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// Of this state, for all copies of it.
    built: Arc<Mutex<BTreeMap<String, Arc<Work>>>>,
    compared: Arc<Mutex<BTreeMap<String, Compared>>>,
    moved: Arc<Mutex<Option<Moved>>>,
    /// What another ceremony made: where the same is made again, it is the same.
    known: BTreeMap<String, Arc<Work>>,
}

#[derive(Clone)]
struct Compared {
    new: Metadata,
    names: Names,
    section: Option<Section>,
}

/// What becomes of current target files when all of this is signed.
#[derive(Clone)]
struct Moved {
    signed: Vec<Metadata>,
    lines: Vec<String>,
}

/// It follows from the state, and is no part of it.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

fn lock<T>(memory: &Mutex<T>) -> MutexGuard<'_, T> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Begins another state.
    pub(super) fn next_state(&mut self) {
        self.built = Arc::default();
    }

    /// What was built in this state, or is built now, beside what another ceremony made.
    pub(super) fn built<E>(
        &self,
        role: &str,
        build: impl FnOnce(Option<&Work>) -> Result<Work, E>,
    ) -> Result<Arc<Work>, E> {
        if let Some(built) = lock(&self.built).get(role) {
            return Ok(Arc::clone(built));
        }
        let built = Arc::new(self.beside_known(role, build(self.known.get(role).map(Arc::as_ref))?));
        lock(&self.built).insert(role.to_owned(), Arc::clone(&built));
        Ok(built)
    }

    /// What differs between the metadata before and `new`.
    pub(super) fn compared<E>(
        &self,
        role: &str,
        new: &Metadata,
        names: Names,
        compare: impl FnOnce(&Names) -> Result<Option<Section>, E>,
    ) -> Result<Option<Section>, E> {
        if let Some(known) = lock(&self.compared).get(role)
            && (&known.new, &known.names) == (new, &names)
        {
            return Ok(known.section.clone());
        }
        let section = compare(&names)?;
        let compared = Compared { new: new.clone(), names, section: section.clone() };
        lock(&self.compared).insert(role.to_owned(), compared);
        Ok(section)
    }

    /// What becomes of current target files when all of this is signed.
    pub(super) fn moved(
        &self,
        signed: &[(&str, &Metadata)],
        find: impl FnOnce() -> Vec<String>,
    ) -> Vec<String> {
        let same = |known: &Moved| known.signed.iter().eq(signed.iter().map(|(_, metadata)| *metadata));
        if let Some(known) = lock(&self.moved).as_ref().filter(|known| same(known)) {
            return known.lines.clone();
        }
        let lines = find();
        let signed = signed.iter().map(|(_, metadata)| (*metadata).clone()).collect();
        *lock(&self.moved) = Some(Moved { signed, lines: lines.clone() });
        lines
    }

    /// The same work; of bytes that are those of a work that is known, what is known stays known.
    pub(super) fn beside_known(&self, role: &str, work: Work) -> Work {
        match (self.known.get(role).map(Arc::as_ref), work) {
            (Some(Work::File(known)), Work::File(made)) => Work::File(made.beside(known)),
            (Some(Work::Bins(known)), Work::Bins(made)) => Work::Bins(Box::new(made.beside(known))),
            (_, work) => work,
        }
    }

    /// Another ceremony with the same plan and the same metadata before has compared: where the same metadata comes out,
    /// that holds.
    pub(super) fn compares_as(&mut self, other: &Self) {
        self.compared = Arc::new(Mutex::new(lock(&other.compared).clone()));
        self.moved = Arc::new(Mutex::new(lock(&other.moved).clone()));
    }

    /// What another ceremony made is known.
    pub(super) fn beside(&mut self, known: &BTreeMap<String, Arc<Work>>) {
        self.known.clone_from(known);
    }
}
