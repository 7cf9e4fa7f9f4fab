//! Hash bins that are signed in the room. In the plan they are one role, called by the prefix of their names: one
//! expiry, one list of files, one row of the board, one login for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;
use serde_json::json;

use crate::plan::Before;
use crate::plan::InRoom;
use crate::plan::Plan;
use crate::plan::Verb;
use crate::plan::after::Facts;
use crate::plan::files;
use crate::plan::problem::Place;
use crate::tuf::Metadata;
use crate::tuf::RoleKeys;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::group::Group;
use crate::tuf::delegations::group::Terms;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Files;
use crate::tuf::targets::Targets;

/// The bins of a role as they are built.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// Each of them.
    pub group: Group,
    /// What they say together: people read it, nobody signs it, and its text is that of the files.
    pub all: Metadata,
}

impl Bins {
    /// Whether these were built of the same: what they say together, laid out so, each in its version.
    fn are_of(&self, all: &Metadata, layout: &Layout, version: &dyn Fn(u32) -> u64) -> bool {
        let same_versions = || self.group.bins().iter().all(|bin| bin.version == version(bin.number));
        self.group.layout() == layout && same_versions() && self.all == *all
    }

    /// The same bins; what is known of others is known of these, as far as they are the same, byte for byte.
    pub(crate) fn beside(self, known: &Self) -> Self {
        Self { group: self.group.beside(&known.group), all: self.all.beside(&known.all) }
    }
}

impl Before {
    /// The bins whose names begin so, and who signs them.
    pub fn bins(&self, prefix: &str) -> Option<(Layout, Arc<RoleKeys>)> {
        let mut lists =
            self.repository.targets_roles().filter_map(|(role, _)| self.repository.delegations(role));
        lists.find_map(|list| {
            let layout = Layout::of(&list).filter(|layout| layout.prefix() == prefix)?;
            Some((layout, Arc::clone(&list.roles.first()?.role_keys)))
        })
    }

    /// What the bins whose names begin so say together, with the highest of their versions and the earliest expiry;
    /// `None` where there are none, and an error where building them anew would lose something.
    pub fn all_of_bins(&self, prefix: &str) -> Result<Option<Together>, String> {
        let Some((layout, _)) = self.bins(prefix) else { return Ok(None) };
        let (mut all, mut listed) = (None::<Targets>, BTreeMap::new());
        for number in 0..layout.count() {
            let Some(file) = self.file(&layout.name(number)) else { continue };
            let of = |path: &str| layout.bin_of(path) == number;
            let lost = |why| format!("{}: {why}", file.file);
            let bin = as_we_write_it(&file.metadata, &of, &mut listed).map_err(lost)?;
            all = Some(match all {
                None => bin,
                Some(all) => Targets {
                    version: all.version.max(bin.version),
                    expires: all.expires.min(bin.expires),
                    ..all
                },
            });
        }
        let Some(rest) = all else { return Ok(None) };
        let files = Files::copied((listed.len(), 0), listed).map_err(|error| error.to_string())?;
        Ok(Some(Together { rest, files }))
    }
}

/// What bins say together.
#[derive(Debug)]
pub struct Together {
    /// All but the target files.
    rest: Targets,
    files: Files,
}

impl Together {
    /// The same, as people read it.
    pub fn metadata(&self) -> Result<Metadata, String> {
        self.files.beside(self.rest.to_signed()).map_err(|error| error.to_string())
    }
}

/// Takes the target files of a bin that holds nothing which another program put there and ours would not write again.
///
/// No path of another bin is in it: one bin may lie under the name of another, for none of them says which it is.
fn as_we_write_it<'b>(
    bin: &'b Metadata,
    of: &dyn Fn(&str) -> bool,
    all: &mut BTreeMap<&'b str, Entry<'b>>,
) -> Result<Targets, String> {
    let error = |error: MetadataError| error.to_string();
    let targets = Targets::rest(bin).map_err(error)?;
    if targets.delegations.is_some() {
        return Err("it delegates to others, and bins that are signed here delegate nothing".to_owned());
    }
    for (path, entry) in Targets::listed(bin).map_err(error)?.iter() {
        if !of(path) {
            return Err(format!(
                "{path} is in it, and no client looks for that here: another bin lies under its name"
            ));
        }
        let mut ours = Vec::new();
        let written = entry.of(path).map_err(error)?.write(&mut ours);
        if written.is_err() || ours != entry.text() {
            return Err(format!("{path} has fields that would be lost if the bin were built anew"));
        }
        all.insert(path, entry);
    }
    Ok(targets)
}

/// What the bins of a role will say together, with the files that the plan gives them, else with those of before.
pub fn together(plan: &Plan, role: &str, facts: &dyn Facts) -> Result<Together, String> {
    let (layout, in_room) = planned(plan, role)?;
    let old = plan.before.as_ref().map(|before| before.all_of_bins(role)).transpose()?.flatten();
    let old = old.unwrap_or_else(|| Together {
        rest: Targets {
            version: 0,
            expires: in_room.expires,
            targets: BTreeMap::new(),
            delegations: None,
            extra: Map::new(),
        },
        files: Files::default(),
    });
    let spec = plan.roles.get(role).and_then(|role| role.files.as_ref());
    let files = match (spec, facts.files(role)) {
        (Some(spec), Some(files)) => {
            let change = files::change(old.files.listed(), spec, files)?;
            change.all(&old.files).map_err(|error| error.to_string())?
        }
        _ => old.files,
    };
    let mut rest = old.rest;
    if facts.rehearsal() {
        rest.extra.insert(WATERMARK.to_owned(), json!(true));
    }
    let version = version_of(plan, layout);
    rest.version = (0..layout.count()).map(version).max().unwrap_or(1);
    rest.expires = in_room.expires;
    Ok(Together { rest, files })
}

/// The bins of a role, and what they say together. Where they would be built of what `known` bins were built of, they are
/// those, before anyone signed them.
pub fn build(plan: &Plan, role: &str, facts: &dyn Facts, known: Option<&Bins>) -> Result<Bins, String> {
    let (layout, in_room) = planned(plan, role)?;
    let together = together(plan, role, facts)?;
    let all = together.metadata()?;
    let version = version_of(plan, layout);
    if let Some(known) = known.filter(|known| known.are_of(&all, layout, &version)) {
        return Ok(Bins { group: known.group.unsigned(), all: known.all.clone() });
    }
    let terms = Terms { layout: layout.clone(), expires: in_room.expires, extra: together.rest.extra };
    let group = Group::build(&terms, together.files.listed(), version);
    Ok(Bins { group: group.map_err(|error| error.to_string())?, all })
}

fn planned<'p>(plan: &'p Plan, role: &str) -> Result<(&'p Layout, &'p InRoom), String> {
    let planned = plan.roles.get(role);
    let bins = planned.and_then(|role| Some((role.bins.as_ref()?, role.in_room.as_ref()?)));
    bins.ok_or_else(|| format!("the bins {role} are not built in the room"))
}

/// The version of each bin: the one after the highest that clients may have seen of it.
fn version_of<'p>(plan: &'p Plan, layout: &'p Layout) -> impl Fn(u32) -> u64 + 'p {
    let before = plan.before.as_deref();
    let listed = before.and_then(|before| before.repository.snapshot());
    move |number| {
        let name = layout.name(number);
        let of_file = before.and_then(|before| before.file(&name)).map(|file| file.version);
        let of_snapshot = listed
            .as_ref()
            .and_then(|snapshot| snapshot.meta.get(&format!("{name}.json")))
            .map(|meta| meta.version);
        of_file.max(of_snapshot).map_or(1, |highest| highest.saturating_add(1))
    }
}

/// The bins that are signed here, with their versions.
pub(super) fn versions(plan: &Plan, role: &str) -> Vec<(String, u64)> {
    let Some(layout) = plan.roles.get(role).and_then(|role| role.bins.as_ref()) else { return Vec::new() };
    let version = version_of(plan, layout);
    (0..layout.count()).map(|number| (layout.name(number), version(number))).collect()
}

/// Bins are thousands of files under one login, and no request carries them.
pub(super) fn in_the_room(plan: &Plan, after: Place, say: &mut dyn FnMut(&'static str, Place, String)) {
    for step in &plan.steps {
        let Verb::Sign { key, roles } = &step.verb else { continue };
        let bins = roles.iter().find(|role| plan.is_bins(role));
        if let Some(bins) = bins.filter(|_| plan.signs_elsewhere(key)) {
            let text = format!(
                "step {}: {bins} are bins, many files under one login, and key {key} is elsewhere; sign them with a key in the room",
                step.id
            );
            say("BINS-IN-THE-ROOM", step.place.unwrap_or(after), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::targets::TargetFile;

    fn bins(path: &str, count: u64, version: u64, expires: &str) -> Bins {
        let hashes = [("sha256", "ab".repeat(32))].into_iter().collect();
        let files = Files::of([(path, TargetFile { length: 1, hashes, custom: None })]).unwrap();
        let (expires, extra) = (expires.parse().unwrap(), Map::new());
        let layout = Layout::new(count, "bin").unwrap();
        let terms = Terms { layout, expires, extra: extra.clone() };
        let group = Group::build(&terms, files.listed(), |_| version).unwrap();
        let rest = Targets { version, expires, targets: BTreeMap::new(), delegations: None, extra };
        Bins { group, all: Together { rest, files }.metadata().unwrap() }
    }

    #[test]
    fn bins_are_those_that_are_known_only_where_all_that_they_are_built_of_is_the_same() {
        let (day, other) = ("2027-01-03T09:00:00Z", "2027-01-04T09:00:00Z");
        let known = bins("a", 4, 1, day);
        let takes = |made: &Bins, version: u64| known.are_of(&made.all, made.group.layout(), &|_| version);

        assert!(takes(&bins("a", 4, 1, day), 1));
        for made in [bins("b", 4, 1, day), bins("a", 8, 1, day), bins("a", 4, 2, day), bins("a", 4, 1, other)]
        {
            assert!(!takes(&made, 1));
        }
        // One bin's version is in none of what they say together but the highest.
        assert!(!known.are_of(&known.all, known.group.layout(), &|number| if number == 2 { 0 } else { 1 }));
        let beside = bins("a", 4, 1, other).beside(&known);
        assert_eq!(beside.all.signed()["expires"], other);
    }

    #[test]
    fn a_bin_that_lies_under_the_name_of_another_is_not_taken_for_it() {
        let bins = bins("a", 4, 1, "2027-01-03T09:00:00Z");
        let holds = bins.group.layout().bin_of("a");
        let bin = Metadata::parse(bins.group.bins()[holds as usize].file()).unwrap();
        let read = |number: u32| {
            let of = |path: &str| bins.group.layout().bin_of(path) == number;
            as_we_write_it(&bin, &of, &mut BTreeMap::new()).map(drop)
        };

        assert_eq!(read(holds), Ok(()));
        let refused = read((holds + 1) % 4).unwrap_err();
        assert!(refused.contains("another bin lies under its name"), "{refused}");
    }
}
