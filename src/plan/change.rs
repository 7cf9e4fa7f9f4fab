//! What a plan would change of the metadata before, found out before any key is made: the metadata is built with
//! stand-ins for keys that nobody knows yet, and compared as any other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use sha2::Digest as _;
use sha2::Sha256;

use crate::plan::Before;
use crate::plan::Kind;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::after;
use crate::plan::after::Draft;
use crate::plan::after::Facts;
use crate::plan::bins;
use crate::plan::consequences::joined;
use crate::plan::delegates;
use crate::plan::file::File;
use crate::plan::incident;
use crate::plan::leaving;
use crate::plan::left_behind::left_behind;
use crate::plan::lints::FIRST_METADATA;
use crate::plan::problem::Place;
use crate::tuf::KeyId;
use crate::tuf::Metadata;
use crate::tuf::Names;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::group::Group;
use crate::tuf::diff;
use crate::tuf::diff::Change;
use crate::tuf::diff::Section;
use crate::tuf::names::Person;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::targets::Files;

/// The facts as far as a file alone tells them.
pub(super) struct Foreseen<'a> {
    pub(super) plan: &'a Plan,
    pub(super) files: &'a dyn Fn(&str) -> Option<&'a Files>,
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

    fn bins(&self, _role: &str) -> Option<&Group> {
        None
    }

    fn rehearsal(&self) -> bool {
        self.plan.before.as_ref().is_some_and(|before| before.is_rehearsal())
    }
}

/// Whether a role describes the files of others.
fn describes(role: &str) -> bool {
    matches!(role, "snapshot" | "timestamp")
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
        names.rehearsed(self.before.as_ref().is_some_and(|before| before.is_rehearsal()))
    }

    /// The roles whose difference can be told before anything is signed: what describes others cannot.
    pub fn compared_roles(&self) -> Vec<&str> {
        self.roles_in_room().into_iter().filter(|role| !describes(role)).collect()
    }

    /// The difference of one role's metadata to the one before; none where there is none before.
    pub fn difference(&self, role: &str, new: &Metadata, names: &Names) -> Result<Option<Section>, String> {
        let Some(before) = &self.before else { return Ok(None) };
        let section = match (role, before.file(role)) {
            ("root", _) => {
                let old = &before.root_file().metadata;
                diff::roots_over(old, new, &[], names, &|role: &str| before.metadata(role))
            }
            ("snapshot" | "timestamp", Some(old)) => diff::online(&old.metadata, new, names),
            (_, Some(old)) => diff::targets(role, &old.metadata, new, names),
            (_, None) => {
                let Some(old) = before.all_of_bins(role)? else { return Ok(None) };
                diff::targets(role, &old.metadata()?, new, names)
            }
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
        let written = self.written_out(&facts)?;
        let mut sections = Vec::new();
        for role in self.compared_roles() {
            sections.extend(match written.get(role) {
                Some(new) => self.difference(role, new, &names)?,
                None => self.foresee_draft(role, &facts, &names)?,
            });
        }
        sections.extend(self.foresee_new(&facts, &names)?);
        if self.foresees_moves(&facts) {
            self.foresee_moves(&written, &mut sections);
        }
        sections.extend(self.foresee_online(&names)?);
        Ok(sections)
    }

    /// What roles will say of which more is asked than what becomes of their own files. The others are as large as a
    /// repository, and nothing is written out that nobody will sign.
    fn written_out(&self, facts: &dyn Facts) -> Result<BTreeMap<&str, Metadata>, String> {
        let moves = self.foresees_moves(facts);
        let there = |role: &str| self.before.as_ref().is_some_and(|before| before.metadata(role).is_some());
        let delegates = |role: &str| self.roles.get(role).is_some_and(|role| role.delegations.is_some());
        let asked = |role: &&str| moves || *role == "root" || delegates(role) || !there(role);
        let content = |role: &str| match self.is_bins(role) {
            true => bins::together(self, role, facts)?.metadata(),
            false => after::metadata(self, role, facts),
        };
        let roles = self.compared_roles().into_iter().filter(asked);
        roles.map(|role| Ok((role, content(role)?))).collect()
    }

    fn foresee_draft(&self, role: &str, facts: &dyn Facts, names: &Names) -> Result<Option<Section>, String> {
        let Draft { rest, old, change } = after::draft(self, role, facts)?;
        let section = diff::draft(role, &old, &rest, &change, names);
        section.map(Some).map_err(|error| error.to_string())
    }

    /// Whether this is the difference that the file expects. `expect_diff` may leave out expiry dates, and what describes
    /// other files: that follows from the plan, also before it is built.
    pub fn as_expected(&self, sections: &[Section]) -> Result<(), String> {
        let Some(expected) = &self.expect_diff else { return Ok(()) };
        let lines = expected.iter().map(|line| line.trim());
        let expected: BTreeSet<&str> = lines.clone().collect();
        if expected.len() < lines.len() {
            let twice = expected.iter().find(|line| lines.clone().filter(|other| other == *line).count() > 1);
            return Err(format!("it expects {:?} twice, which happens once", twice.unwrap_or(&"")));
        }
        let found = || {
            sections
                .iter()
                .filter(|section| !self.is_beside(&section.role))
                .flat_map(|section| &section.changes)
        };
        let optional = |change: &&Change| matches!(change.kind, diff::Kind::Expires | diff::Kind::Writing);
        let all: BTreeSet<&str> = found().map(|change| change.line.as_str()).collect();
        let facts = Foreseen { plan: self, files: &|_| None };
        let names = Names::default();
        let beside = match expected.is_subset(&all) {
            true => Vec::new(),
            false => [self.foresee_new(&facts, &names)?, self.foresee_online(&names)?].concat(),
        };
        let all: BTreeSet<&str> = all.into_iter().chain(beside.iter().flat_map(Section::lines)).collect();
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
    let already = problems.len();
    delegates::delegations(plan, problems);
    if problems.len() != already {
        return;
    }
    let after = file.trust.after;
    let mut say = |rule, place: Place, text: String| problems.push(Problem::error(rule, Some(place), text));
    leaving::delegates_listed(plan, after, &mut say);
    let Some(before) = plan.before.clone() else { return };
    let sections = match plan.foresee(&|_| None) {
        Ok(sections) => sections,
        Err(why) => return say("BEFORE-READABLE", after, format!("the change cannot be worked out: {why}")),
    };
    let place = |role: &str| file.trust.roles.get(role).map_or(after, |role| role.place);
    for section in sections.iter().filter(|section| !plan.is_beside(&section.role)) {
        for change in section.changes.iter().filter(|change| !plan.kind.allows(&section.role, change)) {
            let text = format!("{}; a {} changes {}", change.line, plan.kind.name(), plan.kind.scope());
            say("TYPE-ALLOWS", place(&section.role), text);
        }
    }
    forced(plan, &sections, &place, &mut say);
    published_before(plan, &before, &place, &mut say);
    later_than_before(plan, &before, &place, &mut say);
    target_files(plan, &before, &place, &mut say);
    coupled(plan, &before, "targets", &place, &mut say);
    // A timestamp that is signed here describes the snapshot as it lies.
    if plan.roles_in_room().contains(&"timestamp") {
        coupled(plan, &before, "snapshot", &place, &mut say);
    }
    delegates::signed_for_nobody(plan, &place, &mut say);
    plan.changes = sections;
    problems.extend(delegates::unsigned_delegates(plan, &|_| None));
    incident::keys_leave(plan, &before, file, problems);
    // Of a change that is not allowed nobody asks whether it was expected.
    if problems.len() == already
        && !plan.hashes_files()
        && let Err(why) = plan.as_expected(&plan.changes)
    {
        let lines = file.trust.expect_diff.as_ref();
        let at = lines.and_then(|lines| lines.first()).map_or(after, |line| line.place);
        let text = format!("expect_diff is not what would change: {why}");
        problems.push(Problem::error("DIFF-AS-EXPECTED", Some(at), text));
    }
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
    let with_store = |name: &&String| plan.key(name).is_some_and(crate::plan::Key::signs);
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

/// What changes keys changes some, and forces nothing of roles that it does not touch; who signs target files of one role
/// signs no other one below targets.
fn forced(
    plan: &Plan,
    sections: &[Section],
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let (kind, scope) = (plan.kind.name(), plan.kind.scope());
    let below: Vec<&str> =
        plan.roles_in_room().into_iter().filter(|role| !TOP_LEVEL.contains(role)).collect();
    if plan.kind == Kind::KeyRotation {
        let mut changes = sections.iter().filter(|section| section.role == "root").flat_map(|s| &s.changes);
        if !changes.any(|change| change.kind.of_signers()) {
            let text = format!(
                "no key and no threshold changes; a {kind} changes {scope}. A root-renewal gives root alone another expiry"
            );
            say("TYPE-ALLOWS", place("root"), text);
        }
        for role in &below {
            let text = format!("{role} is signed here, and nothing forces it; a {kind} changes {scope}");
            say("TYPE-ALLOWS", place(role), text);
        }
    }
    if plan.kind == Kind::RootRenewal {
        for role in plan.roles_in_room().into_iter().filter(|role| describes(role)) {
            let text = format!("{role} is signed here, and nothing forces it; a {kind} changes {scope}");
            say("TYPE-ALLOWS", place(role), text);
        }
    }
    if plan.kind == Kind::TargetsSigning {
        let with_files =
            plan.roles.iter().find(|(_, role)| role.files.is_some()).map(|(name, _)| name.as_str());
        let one = with_files.or(below.first().copied());
        for role in below.iter().filter(|role| Some(**role) != one) {
            let text =
                format!("{role} is signed here beside {}; a {kind} changes {scope}", one.unwrap_or_default());
            say("TYPE-ALLOWS", place(role), text);
        }
    }
}

/// What is signed here follows what clients have. A file that is not in the directory before could not be followed, and
/// its role would begin again: with version 1, and without what it said.
fn published_before(
    plan: &Plan,
    before: &Before,
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let lacks = |role: &str| match (TOP_LEVEL.contains(&role), before.bins(role)) {
        (true, _) => before.file(role).is_none(),
        (false, Some((bins, _))) => (0..bins.count()).any(|number| before.may_lack(&bins.name(number))),
        (false, None) => before.may_lack(role),
    };
    let meant = plan.accepts(FIRST_METADATA);
    for role in plan.roles_in_room().into_iter().filter(|role| !meant && lacks(role)) {
        let text = format!(
            "{role} is signed here, and the metadata before has no file of it: clients that have one would refuse the new one, or lose what it said. Lay what was published there; accept {FIRST_METADATA} where none ever was"
        );
        say("BEFORE-COMPLETE", place(role), text);
    }
}

/// A renewal has one purpose.
fn later_than_before(
    plan: &Plan,
    before: &Before,
    place: &dyn Fn(&str) -> Place,
    say: &mut dyn FnMut(&'static str, Place, String),
) {
    let new = plan.roles.get("root").and_then(|root| root.in_room.as_ref()).map(|root| root.expires);
    let old = before.repository.root.expires;
    if let (Kind::RootRenewal, Some(new)) = (plan.kind, new.filter(|new| *new <= old)) {
        let text = format!(
            "a root-renewal makes root hold for longer: it expires at {old} before, and at {new} after"
        );
        say("RENEWAL-IS-LATER", place("root"), text);
    }
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
        let bins = before.all_of_bins(name).ok().flatten().and_then(|bins| bins.metadata().ok());
        let listed = before.metadata(name).or(bins.as_ref()).and_then(Metadata::listed);
        let allowed = match plan.kind {
            Kind::RootGenesis | Kind::TargetsSigning => true,
            Kind::DelegationChange => listed.is_none(),
            _ => false,
        };
        if !allowed {
            let (kind, scope) = (plan.kind.name(), plan.kind.scope());
            let text = format!("a {kind} changes {scope}; the target files of {name} are another ceremony");
            say("TYPE-ALLOWS", place(name), text);
        }
        for path in &files.remove {
            if listed.is_none_or(|listed| listed.get(&path.value).is_none()) {
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
    let (Some(keys), Some(file)) = (keys_after(plan, role), before.file(role)) else {
        let text = format!(
            "the keys of {role} change, and its metadata is not in the directory before: nobody can see whether they have signed it"
        );
        return say("COUPLED-RESIGN", place(role), text);
    };
    let again = format!("Give {role} a version and expires, so that it is signed again here");
    let was = before.repository.root.role_keys(role).filter(|_| role == "targets");
    if let Err(unmet) = keys.verify(file.metadata.payload(), file.metadata.signatures()) {
        let text = format!(
            "{} stays as it is, and {} of the keys of the new {role} role have signed it where {} must: clients would refuse it. {again}",
            file.file, unmet.have, unmet.need
        );
        say("COUPLED-RESIGN", place(role), text);
    } else if let Some(why) = was.and_then(|was| left_behind(plan, &was, &keys, &file.metadata)) {
        let text =
            format!("{} stays as it is, and {why}: clients would go on to take it. {again}", file.file);
        say("COUPLED-RESIGN", place(role), text);
    }
}

/// Who may sign a top-level role by the root that is made here.
fn keys_after(plan: &Plan, role: &str) -> Option<RoleKeys> {
    let root = after::metadata(plan, "root", &Foreseen { plan, files: &|_| None }).ok()?;
    Root::from_signed(root.signed()).ok()?.role_keys(role)
}

/// Whether a role that a server signs gets other keys, and they have not signed what lies there.
pub(super) fn left_to_a_server(plan: &Plan, role: &str) -> bool {
    let stated = plan.roles.get(role).is_some_and(|role| role.stated && role.in_room.is_none());
    let Some(before) = plan.before.as_ref().filter(|_| stated && plan.roles_in_room().contains(&"root"))
    else {
        return false;
    };
    let Some(keys) = keys_after(plan, role) else { return false };
    match before.file(role) {
        Some(file) => keys.verify(file.metadata.payload(), file.metadata.signatures()).is_err(),
        None => before.repository.root.role_keys(role).as_ref() != Some(&keys),
    }
}
