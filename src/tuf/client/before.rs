//! What a client trusted before, and what may not fall below it (TUF sections 5.3.11, 5.4.3 and 5.5.5).
//!
//! An earlier state is a client's own directory, or another directory of the same repository. Of it, the root says
//! where the client stands, and the timestamp and snapshot say which versions it has seen. A file there that does
//! not verify under the final root counts for nothing; an expired one counts.

use std::collections::BTreeMap;

use crate::tuf::client::Files;
use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::MAX_SNAPSHOT;
use crate::tuf::client::MAX_TIMESTAMP;
use crate::tuf::client::Refused;
use crate::tuf::client::file_name;
use crate::tuf::client::highest;
use crate::tuf::client::rules;
use crate::tuf::client::workflow::Workflow;
use crate::tuf::client::workflow::refuse;
use crate::tuf::client::workflow::understood;
use crate::tuf::date::Date;
use crate::tuf::metadata::Metadata;
use crate::tuf::recovery::OnlineKeys;
use crate::tuf::recovery::Recovery;
use crate::tuf::root::Root;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::timestamp::Timestamp;

/// The earlier state, as far as it has been read.
#[derive(Default)]
pub(super) struct Before {
    /// The version and the payload of the client's own root.
    pub(super) root: Option<(u64, Vec<u8>)>,
    /// What binds this client.
    pub(super) seen: Seen,
    /// What the specification forgets, and python-tuf keeps: files that verify under the final root.
    pub(super) kept: Seen,
    /// The keys of the roles that servers sign, as of the last root that the client met.
    online: Option<OnlineKeys>,
    /// Whether those keys changed on the way from the client's root to the final one.
    pub(super) rotated: bool,
}

/// Timestamp and snapshot of the earlier state.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) timestamp: Option<(Timestamp, Metadata)>,
    pub(super) snapshot: Option<(Snapshot, Metadata)>,
}

impl Workflow<'_> {
    /// The client's own root, read before the chain is climbed. It says where the client stands, no more.
    pub(super) fn read_own_root(&mut self, own: &dyn Files) {
        let names = own.names().unwrap_or_default();
        let numbered = highest(&names).get("root.json").map(|version| format!("{version}.root.json"));
        let mut best: Option<(Root, Metadata)> = None;
        for file in numbered.into_iter().chain(["root.json".to_owned()]) {
            match self.own_root(own, &file) {
                Ok(Some(found)) if best.as_ref().is_none_or(|(best, _)| found.0.version > best.version) => {
                    best = Some(found);
                }
                Ok(_) => {}
                Err(refused) => self.ignore(&refused),
            }
        }
        if let Some((root, metadata)) = best {
            self.before.root = Some((root.version, metadata.payload().to_vec()));
            self.before.online = Some(OnlineKeys::of(&root));
        }
    }

    fn own_root(&mut self, own: &dyn Files, file: &str) -> Result<Option<(Root, Metadata)>, Refused> {
        let Some(bytes) = readable(own, file, MAX_ROOT)? else { return Ok(None) };
        let (root, metadata, _, _) = self.self_signed(file, &bytes)?;
        Ok(Some((root, metadata)))
    }

    /// Compares a root of the chain with where the client stands. Of each step above the client's root it is noted
    /// whether the keys of timestamp or snapshot changed: by what they are, not by what they are called.
    pub(super) fn meet(&mut self, file: &str, root: &Root, payload: &[u8]) -> Result<(), Refused> {
        if let Some((version, own)) = &self.before.root
            && *version == root.version
            && own != payload
        {
            let why = "it differs from the trusted root of the same version";
            return refuse(rules::ROOT_ONE_PER_VERSION, file, why);
        }
        let new = OnlineKeys::of(root);
        if let Some(old) = &self.before.online {
            if root.version <= old.version {
                return Ok(());
            }
            let (was, is) = (old.version, root.version);
            let recovery = Recovery::between(old, &new);
            if !recovery.rotated.is_empty() {
                self.before.rotated = true;
            } else if !recovery.renamed.is_empty() {
                self.remarks.push(format!(
                    "{file}: keys of timestamp or snapshot have other keyids than in root {was} and are the same \
                     keys: with root {is} nothing is forgotten"
                ));
            }
        }
        self.before.online = Some(new);
        Ok(())
    }

    /// The final root is not older than the client's own.
    pub(super) fn not_below_own_root(&self, file: &str, root: &Root) -> Result<(), Refused> {
        match self.before.root {
            Some((own, _)) if own > root.version => {
                let why = format!("the highest root has version {} and the trusted one {own}", root.version);
                refuse(rules::ROOT_NOT_ROLLED_BACK, file, why)
            }
            _ => Ok(()),
        }
    }

    /// The client's own timestamp and snapshot, where they verify under the final root. New keys make a client forget
    /// them by the specification (section 5.3.11), and python-tuf does not look at keys but at what verifies.
    pub(super) fn read_own_online(&mut self, own: &dyn Files, root: &Root) {
        let rotated = self.before.rotated;
        if rotated {
            self.remarks.push(format!(
                "the keys of timestamp or snapshot changed up to root {}: the trusted timestamp and snapshot are \
                 forgotten",
                root.version
            ));
        }
        let mut seen = Seen::default();
        match self.own_timestamp(own, root) {
            Ok(found) => seen.timestamp = found,
            Err(refused) if !rotated => self.ignore(&refused),
            Err(_) => {}
        }
        match self.own_snapshot(own, root, seen.timestamp.as_ref()) {
            Ok(found) => seen.snapshot = found,
            Err(refused) if !rotated => self.ignore(&refused),
            Err(_) => {}
        }
        if rotated {
            self.before.kept = seen;
        } else {
            self.before.seen = seen;
        }
    }

    /// Says where a client that forgets nothing of itself refuses what the specification lets through.
    pub(super) fn remark_kept(&mut self, judged: Result<(), Refused>) {
        if let Err(Refused { file, why, .. }) = judged {
            self.remarks.push(format!(
                "python-tuf refuses this: {file}: {why}; it keeps what still verifies, so go on from higher versions, or \
                 give timestamp and snapshot new keys in the place of the old"
            ));
        }
    }

    fn own_timestamp(&self, own: &dyn Files, root: &Root) -> Result<Option<(Timestamp, Metadata)>, Refused> {
        let Some(metadata) = self.own_file(own, root, "timestamp", "timestamp.json", MAX_TIMESTAMP)? else {
            return Ok(None);
        };
        let timestamp = understood("timestamp.json", Timestamp::from_signed(metadata.signed()))?;
        Ok(Some((timestamp, metadata)))
    }

    /// A client keeps `snapshot.json`; a repository has the one that its timestamp names.
    fn own_snapshot(
        &self,
        own: &dyn Files,
        root: &Root,
        timestamp: Option<&(Timestamp, Metadata)>,
    ) -> Result<Option<(Snapshot, Metadata)>, Refused> {
        let named = timestamp.map(|(timestamp, _)| timestamp.snapshot.version);
        let above = highest(&own.names().unwrap_or_default()).get("snapshot.json").copied();
        let names = [None, named, above].map(|version| file_name("snapshot", version));
        for file in names {
            if let Some(metadata) = self.own_file(own, root, "snapshot", &file, MAX_SNAPSHOT)? {
                let snapshot = understood(&file, Snapshot::from_signed(metadata.signed()))?;
                return Ok(Some((snapshot, metadata)));
            }
        }
        Ok(None)
    }

    fn own_file(
        &self,
        own: &dyn Files,
        root: &Root,
        role: &str,
        file: &str,
        max: u64,
    ) -> Result<Option<Metadata>, Refused> {
        let Some(bytes) = readable(own, file, max)? else { return Ok(None) };
        let metadata = understood(file, Metadata::parse(&bytes))?;
        self.signed_by_root(root, role, file, &metadata)?;
        Ok(Some(metadata))
    }

    /// A file of the earlier state that does not hold is no error: the client goes on as if it had none.
    fn ignore(&mut self, refused: &Refused) {
        let Refused { file, why, .. } = refused;
        self.remarks.push(format!("trusted {file}: {why}; it is ignored"));
    }

    /// Without a snapshot to compare, the roles themselves are not older than the client's snapshot lists them.
    pub(super) fn roles_not_rolled_back(&self) -> Result<(), Refused> {
        let Some((old, _)) = &self.before.seen.snapshot else { return Ok(()) };
        for found in self.trusted.iter().filter(|found| found.role != "root") {
            if let Some(listed) = old.meta.get(&format!("{}.json", found.role)) {
                role_not_rolled_back(&found.file, &found.role, listed.version, found.version)?;
            }
        }
        Ok(())
    }
}

impl Seen {
    /// A new timestamp is not older than the earlier one, and neither is the snapshot that it lists (section 5.4.3).
    pub(super) fn allows_timestamp(&self, file: &str, new: &Timestamp) -> Result<(), Refused> {
        let old = self.timestamp.as_ref().map(|(old, _)| old);
        if let Some(old) = old.filter(|old| new.version < old.version) {
            let why = format!("version {}, and {} is trusted already", new.version, old.version);
            return refuse(rules::TIMESTAMP_NOT_ROLLED_BACK, file, why);
        }
        let listed = old.map(|old| old.snapshot.version);
        let floor = listed.max(self.snapshot.as_ref().map(|(snapshot, _)| snapshot.version));
        if let Some(floor) = floor.filter(|floor| new.snapshot.version < *floor) {
            let why =
                format!("it lists snapshot version {}, and {floor} is trusted already", new.snapshot.version);
            return refuse(rules::SNAPSHOT_NOT_ROLLED_BACK, file, why);
        }
        Ok(())
    }

    /// The same for a client that forgot nothing: it keeps its own timestamp of the same version (section 5.4.3.1), which
    /// must lead to the same snapshot then, and not be over.
    pub(super) fn gives_way_to(&self, file: &str, new: &Timestamp, at: Date) -> Result<(), Refused> {
        let own = self.timestamp.as_ref().map(|(own, _)| own).filter(|own| own.version == new.version);
        match own {
            None => self.allows_timestamp(file, new),
            Some(own) if own.snapshot == new.snapshot && !own.expires.has_passed(at) => Ok(()),
            Some(own) => {
                let why = format!("another timestamp of version {} is trusted already", own.version);
                refuse(rules::TIMESTAMP_NOT_ROLLED_BACK, file, why)
            }
        }
    }

    /// A new snapshot lists every role of the earlier one, none at a lower version (section 5.5.5).
    pub(super) fn allows_snapshot(&self, file: &str, new: &Snapshot) -> Result<(), Refused> {
        let none = BTreeMap::new();
        for (name, listed) in self.snapshot.as_ref().map_or(&none, |(old, _)| &old.meta) {
            let Some(found) = new.meta.get(name) else {
                let why = format!("{name} is gone, and its version {} is trusted already", listed.version);
                return refuse(rules::ROLE_NOT_VANISHED, file, why);
            };
            role_not_rolled_back(
                file,
                name.strip_suffix(".json").unwrap_or(name),
                listed.version,
                found.version,
            )?;
        }
        Ok(())
    }
}

fn role_not_rolled_back(file: &str, role: &str, old: u64, new: u64) -> Result<(), Refused> {
    if new < old {
        let why = format!("role {role} at version {new}, and {old} is trusted already");
        return refuse(rules::ROLE_NOT_ROLLED_BACK, file, why);
    }
    Ok(())
}

/// Whether a client has trusted something there, and all of it can be read. Where nothing of it could, nothing would be
/// older; who asks for an earlier state wants to know. The error is a fragment.
pub fn earlier_state(own: &dyn Files) -> Result<(), String> {
    let of =
        |role: &str, name: &str| name == format!("{role}.json") || name.ends_with(&format!(".{role}.json"));
    let names = own.names()?;
    let kept = |role: &'static str, max: u64| {
        names.iter().filter(move |name| of(role, name)).map(move |name| (name, max))
    };
    let mut kept = kept("root", MAX_ROOT)
        .chain(kept("timestamp", MAX_TIMESTAMP))
        .chain(kept("snapshot", MAX_SNAPSHOT))
        .peekable();
    if kept.peek().is_none() {
        return Err(
            "no client has trusted anything there: no root, timestamp or snapshot is in it".to_owned()
        );
    }
    for (name, max) in kept {
        own.read(name, max).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

fn readable(own: &dyn Files, file: &str, max: u64) -> Result<Option<Vec<u8>>, Refused> {
    own.read(file, max).or_else(|why| refuse(rules::FILE_READABLE, file, why))
}
