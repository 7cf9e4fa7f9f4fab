//! What leaves the room, and whether a client finds its way through it: the roles that are signed here, and the files of
//! before that hold beside them.
//!
//! Export writes what this says, and verifies it. `check` asks the same a week before, as far as it needs no signature, for
//! an answer no that comes when root is signed comes too late.

use std::collections::BTreeMap;

use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::delegates::delegations_after;
use crate::plan::delegates::tree;
use crate::plan::delegations::EntrySpec;
use crate::plan::delegations::What;
use crate::plan::lapse;
use crate::plan::lapse::ONLINE;
use crate::plan::problem::Place;
use crate::tuf::Date;
use crate::tuf::client::Scope;
use crate::tuf::repository::RoleFile;

/// What leaves the room on a day.
pub struct Leaving<'p> {
    plan: &'p Plan,
    lapses: BTreeMap<String, Date>,
}

impl<'p> Leaving<'p> {
    /// Of an export that begins `now`. Where the file states a window it is the same on each day of it.
    pub fn of(plan: &'p Plan, now: Date) -> Self {
        Self { plan, lapses: lapse::lapses(plan, Some(now)) }
    }

    fn in_room(&self, role: &str) -> bool {
        self.plan.roles.get(role).is_some_and(|role| role.in_room.is_some())
    }

    /// The file of a role that is not signed here, where it still holds.
    pub fn carried(&self, role: &str) -> Option<&'p RoleFile> {
        let file = self.plan.before.as_ref()?.file(role)?;
        (!self.in_room(role) && self.outdated(role).is_none()).then_some(file)
    }

    /// Why snapshot or timestamp, which is not signed here, does not hold any more: a server signs them again when
    /// anything that they describe, or their keys, change.
    fn outdated(&self, role: &str) -> Option<String> {
        let again = |role: &str| match self.lapses.get(role) {
            Some(expires) => Some(format!("{role} expires at {expires}")),
            None if self.plan.roles.get(role).is_some_and(|role| role.stated) => {
                Some(format!("the keys of {role} are stated anew"))
            }
            None => None,
        };
        let signed = |but: &[&str]| {
            let role = self.plan.roles_in_room().into_iter().find(|role| !but.contains(role))?;
            Some(format!("{role} is signed again"))
        };
        match role {
            "snapshot" => again(role).or_else(|| signed(&["root", "timestamp"])),
            "timestamp" => again("snapshot").or_else(|| again(role)).or_else(|| signed(&["root"])),
            _ => None,
        }
    }

    fn leaves(&self, role: &str) -> bool {
        self.in_room(role) || self.carried(role).is_some()
    }

    /// How much of a repository that is.
    pub fn scope(&self) -> Scope {
        match () {
            () if self.awaits_delegates() => Scope::Begun,
            () if self.leaves("timestamp") => Scope::Full,
            () if self.leaves("targets") => Scope::Offline,
            () => Scope::Root,
        }
    }

    /// Whether the snapshot of before goes out, and does not list a role that is delegated to.
    fn awaits_delegates(&self) -> bool {
        let before = self.plan.before.as_ref().filter(|before| before.awaits_delegates());
        before.is_some() && self.leaves("timestamp") && self.carried("snapshot").is_some()
    }

    /// Whether something that no server signs carries over and expires: clients would refuse it.
    pub fn expires(&self) -> bool {
        self.lapses.keys().any(|role| !ONLINE.contains(&role.as_str()))
    }
}

/// A timestamp that is signed here describes a snapshot that goes out with it.
pub fn timestamp_alone(plan: &Plan, now: Date) -> Option<Problem> {
    let leaving = Leaving::of(plan, now);
    if !leaving.in_room("timestamp") || leaving.leaves("snapshot") {
        return None;
    }
    let why = leaving.outdated("snapshot").unwrap_or_else(|| "there is none".to_owned());
    let text = format!(
        "timestamp is signed here, and not the snapshot that it would describe: {why}, so the snapshot before holds no more. Give snapshot a version and expires too, or leave timestamp to the server that signs snapshot"
    );
    Some(Problem::error("TIMESTAMP-WITH-SNAPSHOT", plan.places.get("role timestamp").copied(), text))
}

/// Where snapshot or timestamp is signed here, clients come by snapshot to every role that is delegated to, and it has a
/// file that snapshot lists.
pub(super) fn delegates_listed(plan: &Plan, after: Place, say: &mut dyn FnMut(&'static str, Place, String)) {
    let in_room = |role: &str| plan.roles.get(role).is_some_and(|role| role.in_room.is_some());
    if !in_room("snapshot") && !in_room("timestamp") {
        return;
    }
    let bins =
        plan.roles.values().filter(|role| role.in_room.is_some()).filter_map(|role| role.bins.as_ref());
    let bins: Vec<_> = bins.collect();
    let here = |role: &str| in_room(role) || bins.iter().any(|bins| bins.number(role).is_some());
    let listed = Listed::of(plan.before.as_deref());
    for delegator in tree(plan).into_keys() {
        let Some(delegations) = delegations_after(plan, &delegator) else { continue };
        let stated = plan.roles.get(&delegator).and_then(|role| role.delegations.as_ref());
        let mut told: Option<Place> = None;
        for role in delegations.roles.iter().map(|delegation| &delegation.name).filter(|role| !here(role)) {
            let Err(why) = listed.lists(role) else { continue };
            let entry = stated.and_then(|list| list.entries.iter().find(|entry| entry.covers(role)));
            let place = entry.map_or(after, |entry| entry.place);
            // Of bins the first one that has nothing.
            if told == Some(place) {
                continue;
            }
            told = Some(place);
            let text = format!(
                "{delegator} delegates to {role}, {why}; {}, or let a server sign snapshot once {role} is signed",
                mended(plan, role, entry)
            );
            say("DELEGATE-HAS-METADATA", place, text);
        }
    }
}

/// What the file says instead.
fn mended(plan: &Plan, role: &str, entry: Option<&EntrySpec>) -> String {
    match entry.map(|entry| (&entry.what, entry.name())) {
        // A genesis signs the four roles of root alone.
        Some((_, name)) if plan.before.is_none() => {
            format!("delegate to {name} in a delegation-change that follows")
        }
        Some((What::Bins { .. }, name)) => format!("give {name} expires"),
        Some((What::Role { .. }, _)) | None => format!("give {role} a version and expires"),
    }
}

/// What snapshot lists of roles that are not signed here.
struct Listed<'b> {
    before: Option<&'b Before>,
    snapshot: Option<crate::tuf::snapshot::Snapshot>,
}

impl<'b> Listed<'b> {
    fn of(before: Option<&'b Before>) -> Self {
        Self { before, snapshot: before.and_then(|before| before.repository.snapshot()) }
    }

    /// A first snapshot lists what is there; a later one adds what is signed with it.
    fn lists(&self, role: &str) -> Result<(), String> {
        let file = self.before.and_then(|before| before.file(role));
        let Some(file) = file else {
            return Err("which has no metadata that snapshot could list".to_owned());
        };
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        match snapshot.meta.get(&format!("{role}.json")) {
            None => Err(format!("and snapshot does not list {}, which lies there", file.file)),
            Some(listed) if listed.version != file.version => {
                let version = listed.version;
                Err(format!(
                    "of which snapshot lists version {version}, and the newest that lies there is {}",
                    file.file
                ))
            }
            Some(_) => Ok(()),
        }
    }
}
