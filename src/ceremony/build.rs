//! Metadata from the plan and what happened so far.

use std::sync::Arc;

use crate::ceremony::Ceremony;
use crate::ceremony::Mode;
use crate::ceremony::Rejected;
use crate::ceremony::Work;
use crate::plan::after;
use crate::plan::after::Facts;
use crate::plan::bins;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::group::Group;
use crate::tuf::diff::Section;
use crate::tuf::targets::Files;
use crate::words::Digest;

impl Facts for Ceremony {
    fn key(&self, name: &str) -> Option<(KeyId, PublicKey)> {
        self.known(name).map(|known| (known.keyid.clone(), known.public.clone()))
    }

    fn files(&self, role: &str) -> Option<&Files> {
        self.files.get(role)
    }

    fn verified(&self, role: &str) -> Option<&Metadata> {
        self.metadata(role).filter(|_| self.room().verified(role))
    }

    fn bins(&self, role: &str) -> Option<&Group> {
        Self::bins(self, role).filter(|_| self.room().verified(role))
    }

    fn rehearsal(&self) -> bool {
        self.mode() == Mode::Rehearsal
    }
}

/// The distinct keys that signed for one quorum, and how many must.
pub type Counted = (Vec<KeyId>, u32);

impl Ceremony {
    /// The metadata of a role, not signed yet.
    pub fn build(&self, role: &str) -> Result<Arc<Work>, Rejected> {
        self.memory.built(role, |known| {
            if self.plan().is_bins(role) {
                let bins = bins::build(self.plan(), role, self, known.and_then(Work::bins));
                return bins.map(|bins| Work::Bins(Box::new(bins))).map_err(Rejected);
            }
            after::metadata(self.plan(), role, self).map(Work::File).map_err(Rejected)
        })
    }

    /// What a role's metadata changes, as far as it is built and has a before.
    pub fn difference(&self, role: &str) -> Result<Option<Section>, Rejected> {
        let names = self.plan().names(|name| self.known(name).map(|known| known.keyid.clone()));
        let Some(new) = self.work(role) else { return Ok(None) };
        let new = new.content();
        let compare = |names: &_| self.plan().difference(role, new, names).map_err(Rejected);
        let section = self.memory.compared(role, new, names, compare)?;
        let moves = if self.plan().tells_moves() == Some(role) { self.moves() } else { Vec::new() };
        if moves.is_empty() {
            return Ok(section);
        }
        let mut section = section.unwrap_or_else(|| Section { role: role.to_owned(), ..Section::default() });
        section.follows(moves);
        Ok(Some(section))
    }

    /// What becomes of current target files by all that is signed here, once all of it is built.
    fn moves(&self) -> Vec<String> {
        let built =
            self.plan().targets_in_room().into_iter().map(|role| Some((role, self.work(role)?.content())));
        let Some(built) = built.collect::<Option<Vec<_>>>() else { return Vec::new() };
        self.memory.moved(&built, || self.plan().moves(&built))
    }

    /// The same for every role that is built, but those that describe others.
    pub fn changes(&self) -> Result<Vec<Section>, Rejected> {
        let all = self.plan().compared_roles().into_iter().map(|role| self.difference(role));
        Ok(all.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// What the ceremony changes, for who reads of it afterwards: in what is built as it is built, in the rest as planned.
    pub fn what_changes(&self) -> Vec<Section> {
        let planned = |role: &str| self.plan().changes.iter().find(|section| section.role == role).cloned();
        let roles = self.plan().roles_in_room().into_iter();
        let section = |role: &str| self.difference(role).ok().flatten().or_else(|| planned(role));
        roles
            .filter_map(section)
            .filter(|section| !(section.is_empty() && section.consequences.is_empty()))
            .collect()
    }

    /// When everything is built, the difference is the one that the reviewed file expects.
    pub(super) fn as_expected(&self, last: &str, built: &Arc<Work>) -> Result<(), Rejected> {
        let all =
            self.plan().compared_roles().into_iter().all(|role| role == last || self.work(role).is_some());
        if !all || self.plan().expect_diff.is_none() {
            return Ok(());
        }
        let mut with = self.clone();
        with.work.insert(last.to_owned(), Arc::clone(built));
        self.plan()
            .as_expected(&with.changes()?)
            .map_err(|why| Rejected(format!("{last} is not what was reviewed: {why}")))
    }

    /// The keys and thresholds that a role's signatures must meet, in the order of the plan's quorums.
    pub fn role_keys(&self, role: &str) -> Vec<RoleKeys> {
        let keys = |names: &std::collections::BTreeSet<String>| {
            let known = names.iter().filter_map(|key| self.known(key));
            known.map(|known| (known.keyid.clone(), known.public.clone())).collect()
        };
        let quorums = self.plan().quorums(role).into_iter();
        quorums
            .map(|q| RoleKeys {
                keys: keys(&q.keys),
                threshold: u32::try_from(q.threshold).unwrap_or(u32::MAX),
            })
            .collect()
    }

    /// The distinct keys that signed a role for each quorum, and the digest of its file; or what is missing.
    pub fn count(&self, role: &str) -> Result<(Vec<Counted>, String), Rejected> {
        let Some(work) = self.work(role) else {
            return Err(Rejected(format!("{role} is not built yet")));
        };
        let mut counted = Vec::new();
        for (keys, quorum) in self.role_keys(role).into_iter().zip(self.plan().quorums(role)) {
            let by =
                if quorum.by.is_empty() { String::new() } else { format!(", by the keys of {}", quorum.by) };
            let signed = match work {
                Work::File(metadata) => {
                    keys.verify(metadata.payload(), metadata.signatures()).map_err(|e| e.to_string())
                }
                Work::Bins(bins) => bins.group.verify(&keys).map_err(|error| error.to_string()),
            };
            let signed_by = signed.map_err(|unmet| Rejected(format!("{role}: {unmet}{by}")))?;
            counted.push((signed_by.into_iter().collect(), keys.threshold));
        }
        let sha256 = match work {
            Work::File(metadata) => Digest(metadata.file().sha256()),
            Work::Bins(bins) => Digest(bins.group.digest_of_files()),
        };
        Ok((counted, sha256.hex()))
    }
}
