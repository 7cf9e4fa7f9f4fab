//! What a plan would change of the metadata before, found out before any key is made: the metadata is built with
//! stand-ins for keys that nobody knows yet, and compared as any other.

use std::collections::BTreeSet;

use sha2::Digest as _;
use sha2::Sha256;

use crate::plan::Before;
use crate::plan::Key;
use crate::plan::Kind;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::after;
use crate::plan::after::Facts;
use crate::plan::after::Files;
use crate::plan::consequences::joined;
use crate::plan::delegations::EntrySpec;
use crate::plan::delegations::What;
use crate::plan::file::File;
use crate::plan::incident;
use crate::plan::lints::NO_METADATA;
use crate::plan::lints::NO_PROOF;
use crate::plan::problem::Place;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::PublicKey;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::author::Labels;
use crate::tuf::delegations::author::Wanted;
use crate::tuf::delegations::author::author;
use crate::tuf::diff;
use crate::tuf::diff::Change;
use crate::tuf::diff::Names;
use crate::tuf::diff::Person;
use crate::tuf::diff::Section;
use crate::tuf::fault::Fault;
use crate::tuf::root::Root;

/// The facts as far as a file alone tells them.
struct Foreseen<'a> {
    plan: &'a Plan,
    files: &'a dyn Fn(&str) -> Option<&'a Files>,
}

impl Facts for Foreseen<'_> {
    fn key(&self, name: &str) -> Option<(KeyId, PublicKey)> {
        match &self.plan.key(name)?.source {
            Source::Listed { keyid, public, .. } => Some((keyid.clone(), public.clone())),
            _ => stand_in(name).map(|public| (public.keyid(), public)),
        }
    }

    fn files(&self, role: &str) -> Option<&Files> {
        (self.files)(role)
    }

    fn verified(&self, _role: &str) -> Option<&Metadata> {
        None
    }

    fn rehearsal(&self) -> bool {
        self.plan.before.as_ref().is_some_and(|before| before.is_rehearsal())
    }
}

/// A public key that stands for one that is not made yet. Nobody knows its private half.
fn stand_in(name: &str) -> Option<PublicKey> {
    let point = |n: u8| -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"keyrite stand-in\0").chain_update([n]).chain_update(name);
        hash.finalize().into()
    };
    // About every second string of 32 bytes is a point on the curve.
    let keys = (0..=u8::MAX).map(|n| PublicKey::ed25519(point(n)));
    keys.into_iter().find(|key| PublicKey::from_json(key.to_json()).is_ok())
}

impl Plan {
    /// What people call the keys of this ceremony, by keyid.
    pub fn names(&self, keyid: impl Fn(&str) -> Option<KeyId>) -> Names {
        let mut names = Names::default();
        for key in self.keys.iter().filter(|key| key.named) {
            if let Some(keyid) = keyid(&key.name) {
                let holder = key.holder.as_deref().map(|holder| self.name(holder).to_owned());
                names.insert(keyid, Person { name: key.name.clone(), holder });
            }
        }
        names
    }

    /// The roles whose difference can be told before anything is signed: what describes others cannot.
    pub fn compared_roles(&self) -> Vec<&str> {
        self.roles_in_room().into_iter().filter(|role| !matches!(*role, "snapshot" | "timestamp")).collect()
    }

    /// The difference of one role's metadata to the one before; none where there is none before.
    pub fn difference(&self, role: &str, new: &Metadata, names: &Names) -> Result<Option<Section>, String> {
        let Some(old) = self.before.as_ref().and_then(|before| before.file(role)) else { return Ok(None) };
        let section = match role {
            "root" => diff::roots(&old.metadata, new, &[], names),
            _ => diff::files(Some(role), &old.bytes, &new.to_file(), names),
        };
        section.map(Some).map_err(|error| error.to_string())
    }

    /// The same for the whole plan, with target files where they are known.
    pub fn foresee<'a>(
        &'a self,
        files: &'a dyn Fn(&str) -> Option<&'a Files>,
    ) -> Result<Vec<Section>, String> {
        let facts = Foreseen { plan: self, files };
        let names = self.names(|name| facts.key(name).map(|(keyid, _)| keyid));
        let mut sections = Vec::new();
        for role in self.compared_roles() {
            let signed = after::signed(self, role, &facts)?;
            let new = Metadata::unsigned(signed).map_err(|error| error.to_string())?;
            sections.extend(self.difference(role, &new, &names)?);
        }
        Ok(sections)
    }

    /// Whether this is the difference that the file expects. What describes other files is left out on both sides,
    /// and so are expiry dates that `expect_diff` does not repeat.
    pub fn as_expected(&self, sections: &[Section]) -> Result<(), String> {
        let Some(expected) = &self.expect_diff else { return Ok(()) };
        let expected: BTreeSet<&str> = expected.iter().map(|line| line.trim()).collect();
        let found = || sections.iter().flat_map(|section| &section.changes);
        let optional = |change: &&Change| matches!(change.kind, diff::Kind::Expires | diff::Kind::Writing);
        let all: BTreeSet<&str> = found().map(|change| change.line.as_str()).collect();
        let must: BTreeSet<&str> =
            found().filter(|change| !optional(change)).map(|change| change.line.as_str()).collect();
        let quoted = |lines: Vec<&&str>| -> Vec<String> {
            lines.into_iter().map(|line| format!("{line:?}")).collect()
        };
        let missing = quoted(expected.difference(&all).collect());
        let surplus = quoted(must.difference(&expected).collect());
        match (missing.as_slice(), surplus.as_slice()) {
            ([], []) => Ok(()),
            (missing, []) => Err(format!("it expects {}, which does not happen", joined(missing, "and"))),
            ([], surplus) => Err(format!("it does not expect {}, which happens", joined(surplus, "and"))),
            (missing, surplus) => Err(format!(
                "it expects {}, which does not happen, and not {}, which does",
                joined(missing, "and"),
                joined(surplus, "and")
            )),
        }
    }

    /// Whether a role's target files come from the day.
    pub fn hashes_files(&self) -> bool {
        self.roles.values().any(|role| role.files.is_some())
    }
}

/// Judges what the plan would change: only what its type may change, everything that this forces, and what it expects.
pub(super) fn judge(plan: &mut Plan, file: &File, problems: &mut Vec<Problem>) {
    delegations(plan, problems);
    let Some(before) = plan.before.clone().filter(|_| problems.is_empty()) else { return };
    let after = file.trust.after;
    let mut say = |rule, place: Place, text: String| problems.push(Problem::error(rule, Some(place), text));
    let sections = match plan.foresee(&|_| None) {
        Ok(sections) => sections,
        Err(why) => return say("BEFORE-READABLE", after, format!("the change cannot be worked out: {why}")),
    };
    let place = |role: &str| file.trust.roles.get(role).map_or(after, |role| role.place);
    for section in &sections {
        for change in section.changes.iter().filter(|change| !plan.kind.allows(&section.role, change)) {
            let text = format!("{}; a {} changes {}", change.line, plan.kind.name(), plan.kind.scope());
            say("TYPE-ALLOWS", place(&section.role), text);
        }
    }
    target_files(plan, &before, &place, &mut say);
    coupled(plan, &before, "targets", &place, &mut say);
    // A timestamp that is signed here describes the snapshot as it lies.
    if plan.roles_in_room().contains(&"timestamp") {
        coupled(plan, &before, "snapshot", &place, &mut say);
    }
    delegates_listed(plan, &before, &mut say);
    if !plan.hashes_files()
        && let Err(why) = plan.as_expected(&sections)
    {
        let at =
            file.trust.expect_diff.as_ref().and_then(|lines| lines.first()).map_or(after, |line| line.place);
        say("DIFF-AS-EXPECTED", at, format!("expect_diff is not what would change: {why}"));
    }
    plan.changes = sections;
    problems.extend(unsigned_delegates(plan, &|_| None));
    incident::keys_leave(plan, &before, file, problems);
}

/// Whom a targets role delegates to after the ceremony.
pub(super) fn delegations_after(plan: &Plan, role: &str) -> Option<Delegations> {
    let before = plan.before.as_ref();
    let Some(list) = plan.roles.get(role).and_then(|role| role.delegations.as_ref()) else {
        return before.and_then(|before| before.repository.delegations(role));
    };
    let facts = Foreseen { plan, files: &|_| None };
    let wanted = list.wanted(&|name| facts.key(name)).ok()?;
    let json = author(&wanted, None, Labels::StoodInFor).ok()?;
    Delegations::from_json(&json).ok()
}

/// What roles delegate is what a delegation may be; each fault stands at its entry.
fn delegations(plan: &Plan, problems: &mut Vec<Problem>) {
    let facts = Foreseen { plan, files: &|_| None };
    for (name, role) in &plan.roles {
        let Some(list) = &role.delegations else { continue };
        let before = plan.before.as_ref().and_then(|before| before.metadata(name));
        let before =
            before.and_then(|metadata| metadata.signed().get("delegations")).filter(|v| !v.is_null());
        let faults = match list.wanted(&|name| facts.key(name)) {
            Ok(wanted) => author(&wanted, before, after::labels(&facts)).err().unwrap_or_default(),
            Err(fault) => vec![fault],
        };
        let told = |fault: Fault| Problem::error(fault.rule, Some(list.place_of(&fault)), fault.text);
        problems.extend(faults.into_iter().map(told));
    }
}

/// What is allowed in delegations and still worth a word.
pub(super) fn delegation_remarks(plan: &Plan) -> Vec<Problem> {
    let facts = Foreseen { plan, files: &|_| None };
    let mut remarks = Vec::new();
    for list in plan.roles.values().filter_map(|role| role.delegations.as_ref()) {
        let wanted = list.wanted(&|name| facts.key(name));
        let told = |remark: Fault| Problem::warning(remark.rule, Some(list.place_of(&remark)), remark.text);
        remarks.extend(wanted.into_iter().flat_map(|wanted| wanted.remarks()).map(told));
        for entry in &list.entries {
            remarks.extend(unproven(plan, entry));
            remarks.extend(without_metadata(plan, entry));
        }
    }
    remarks
}

/// Keys from outside that the metadata before does not list come with a proof of possession.
fn unproven(plan: &Plan, entry: &EntrySpec) -> Vec<Problem> {
    let proof = |name: &String| match &plan.key(name)?.source {
        // Who signs in the room proves it by signing.
        Source::Public { public } if public.proof.is_none() => Some(Problem::warning(
            NO_PROOF,
            Some(entry.place),
            format!(
                "key {name} of {} comes without proof that its holder can sign; `keyrite key prove STORE --for {}` makes one, and `proof: FILE` of the key names it",
                entry.name(),
                plan.id
            ),
        )),
        _ => None,
    };
    entry.keys.iter().filter_map(|key| proof(&key.value)).collect()
}

/// A role without metadata stops clients that look for one of its paths.
fn without_metadata(plan: &Plan, entry: &EntrySpec) -> Option<Problem> {
    let names = match &entry.what {
        What::Role { name, .. } => vec![name.value.clone()],
        What::Bins { layout, .. } => (0..layout.count()).map(|number| layout.name(number)).collect(),
    };
    let in_room = |name: &str| plan.roles.get(name).is_some_and(|role| role.in_room.is_some());
    let there = |name: &str| plan.before.as_ref().is_some_and(|before| before.file(name).is_some());
    let without: Vec<&String> = names.iter().filter(|name| !in_room(name) && !there(name)).collect();
    let (first, last) = (without.first()?, without.last()?);
    let (which, have) = match without.len() {
        1 => ((*first).clone(), "has"),
        count => (format!("{count} bins, {first} to {last},"), "have"),
    };
    let text = format!(
        "{which} {have} no metadata yet: clients that look for their paths stop until they have been signed and snapshot lists them"
    );
    Some(Problem::warning(NO_METADATA, Some(entry.place), text))
}

/// A new root needs the threshold of the old one, and never a key that someone else may have.
pub(super) fn old_keys_suffice(plan: &Plan, file: &File, problems: &mut Vec<Problem>) {
    let (Some(before), Some(root)) = (&plan.before, file.trust.roles.get("root")) else { return };
    if !plan.roles_in_room().contains(&"root") {
        return;
    }
    let mut say = |rule, text: String| problems.push(Problem::error(rule, Some(root.place), text));
    let stolen: &[String] = plan.incident.as_ref().map_or(&[], |incident| &incident.stolen);
    let old = plan.quorums("root").swap_remove(0);
    // Those whom the script lets sign: a store alone signs nothing.
    let all: Vec<&String> = old.keys.iter().filter(|name| plan.signs(name, "root")).collect();
    let trusted = all.iter().filter(|name| !stolen.contains(name)).count();
    let with_store = |name: &&String| plan.key(name).is_some_and(|key| key.store().is_some());
    let stores = old.keys.iter().filter(with_store).filter(|name| !stolen.contains(name)).count();
    let need = old.threshold;
    let version = before.root_file().version;
    if trusted < need && all.len() >= need {
        let text = format!(
            "root {version} needs {need} of its keys, and without the stolen ones {trusted} can sign here: a stolen key never counts as needed"
        );
        say("STOLEN-KEY-NOT-NEEDED", text);
    } else if stores < need {
        let text = format!(
            "clients that trust root {version} need {need} signatures by its keys, and {stores} of them can sign here: the others have no store"
        );
        say("ROOT-SIGNED-BY-OLD-AND-NEW", text);
    }
}

/// Where snapshot is signed here, each delegate has a file that it can list.
fn delegates_listed(plan: &Plan, before: &Before, say: &mut dyn FnMut(&'static str, Place, String)) {
    let in_room = |role: &str| plan.roles.get(role).is_some_and(|role| role.in_room.is_some());
    for (delegator, role) in plan.roles.iter().filter(|_| in_room("snapshot")) {
        for entry in role.delegations.iter().flat_map(|list| &list.entries) {
            let What::Role { name, .. } = &entry.what else { continue };
            if !in_room(&name.value) && before.file(&name.value).is_none() {
                let name = &name.value;
                let text = format!(
                    "{delegator} delegates to {name}, which has no metadata that snapshot could list; give {name} a version and expires, or let a server sign snapshot once {name} is signed"
                );
                say("DELEGATE-HAS-METADATA", entry.place, text);
            }
        }
    }
}

/// Delegates whose keys change have signed with the new ones, or sign here. A key from outside may have signed before
/// it came, so its role is judged once `outside` knows its public half; a key that is made here has signed nothing.
pub fn unsigned_delegates(plan: &Plan, outside: &dyn Fn(&str) -> Option<PublicKey>) -> Vec<Problem> {
    let Some(before) = &plan.before else { return Vec::new() };
    let facts = Foreseen { plan, files: &|_| None };
    let in_room = |role: &str| plan.roles.get(role).is_some_and(|role| role.in_room.is_some());
    let from_file = |name: &str| plan.key(name).is_some_and(Key::from_file);
    let key = |name: &str| match outside(name) {
        Some(public) if from_file(name) => Some((public.keyid(), public)),
        _ => facts.key(name),
    };
    let known = |name: &str| !from_file(name) || outside(name).is_some();
    let mut problems = Vec::new();
    for (delegator, role) in &plan.roles {
        let Some(list) = &role.delegations else { continue };
        let Ok(Wanted::Roles(delegates)) = list.wanted(&key) else { continue };
        for (delegate, entry) in delegates.iter().zip(&list.entries) {
            let name = &delegate.name;
            let Some(file) = before.file(name).filter(|_| !in_room(name)) else { continue };
            if !entry.keys.iter().all(|key| known(&key.value)) {
                continue;
            }
            let counted = delegate.role_keys.verify(file.metadata.payload(), file.metadata.signatures());
            if let Err(unmet) = counted {
                let text = format!(
                    "{} was signed by {unmet} that {delegator} delegates to from now on: clients would refuse it. Give {name} a version and expires, so that it is signed again here",
                    file.file
                );
                problems.push(Problem::error("COUPLED-RESIGN", Some(entry.place), text));
            }
        }
    }
    problems
}

/// Target files change in a targets-signing, of one role; elsewhere only roles that are new bring theirs. What is
/// removed was there.
fn target_files(
    plan: &Plan,
    before: &Before,
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let with_files: Vec<_> =
        plan.roles.iter().filter_map(|(name, role)| role.files.as_ref().map(|files| (name, files))).collect();
    if plan.kind == Kind::TargetsSigning
        && let Some((second, _)) = with_files.get(1)
    {
        let names: Vec<&str> = with_files.iter().map(|(name, _)| name.as_str()).collect();
        let text = format!("a targets-signing changes the files of one role, not of {}", names.join(", "));
        say("TYPE-ALLOWS", place(second), text);
    }
    for (name, files) in with_files {
        let metadata = before.metadata(name);
        let allowed = match plan.kind {
            Kind::RootGenesis | Kind::TargetsSigning => true,
            Kind::DelegationChange => metadata.is_none(),
            Kind::RootRenewal | Kind::KeyRotation | Kind::CompromiseResponse => false,
        };
        if !allowed {
            let (kind, scope) = (plan.kind.name(), plan.kind.scope());
            let text = format!("a {kind} changes {scope}; the target files of {name} are another ceremony");
            say("TYPE-ALLOWS", place(name), text);
        }
        let listed = metadata.and_then(|metadata| metadata.signed()["targets"].as_object());
        for path in &files.remove {
            if !listed.is_some_and(|listed| listed.contains_key(&path.value)) {
                let text = format!("{} is to be removed, and {name} does not list it", path.value);
                say("REMOVE-KNOWN", path.place, text);
            }
        }
    }
}

/// What a change of keys forces in the same ceremony: a role whose file its new keys did not sign is signed again.
fn coupled(
    plan: &Plan,
    before: &Before,
    role: &str,
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let stated = plan.roles.get(role).is_some_and(|role| role.stated && role.in_room.is_none());
    if !plan.roles_in_room().contains(&"root") || !stated {
        return;
    }
    let facts = Foreseen { plan, files: &|_| None };
    let keys = after::signed(plan, "root", &facts).ok();
    let keys = keys.and_then(|signed| Root::from_signed(&signed).ok()).and_then(|root| root.role_keys(role));
    let (Some(keys), Some(file)) = (keys, before.file(role)) else {
        let text = format!(
            "the keys of {role} change, and its metadata is not in the directory before: nobody can see whether they have signed it"
        );
        return say("COUPLED-RESIGN", place(role), text);
    };
    if let Err(unmet) = keys.verify(file.metadata.payload(), file.metadata.signatures()) {
        let text = format!(
            "{} stays as it is, and {} of the keys of the new {role} role have signed it where {} must: clients would refuse it. Give {role} a version and expires, so that it is signed again here",
            file.file, unmet.have, unmet.need
        );
        say("COUPLED-RESIGN", place(role), text);
    }
}
