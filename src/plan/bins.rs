//! Hash bins that are signed in the room. In the plan they are one role, called by the prefix of their names: one
//! expiry, one list of files, one row of the board, one login for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;
use serde_json::json;

use crate::plan::Before;
use crate::plan::Plan;
use crate::plan::after::Facts;
use crate::plan::files;
use crate::tuf::Metadata;
use crate::tuf::RoleKeys;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::group::Group;
use crate::tuf::delegations::group::Terms;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Targets;
use crate::tuf::targets::change::Change;
use crate::tuf::targets::listed::Written;

/// The bins of a role as they are built.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// Each of them.
    pub group: Group,
    /// What they say together: people read it, nobody signs it.
    pub all: Metadata,
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
    pub fn all_of_bins(&self, prefix: &str) -> Result<Option<Metadata>, String> {
        let Some((layout, _)) = self.bins(prefix) else { return Ok(None) };
        let (mut all, mut listed) = (None::<Targets>, BTreeMap::new());
        for name in (0..layout.count()).map(|number| layout.name(number)) {
            let Some(file) = self.file(&name) else { continue };
            let lost = |why| format!("{}: {why}", file.file);
            let bin = as_we_write_it(&file.metadata, &mut listed).map_err(lost)?;
            all = Some(match all {
                None => bin,
                Some(all) => Targets {
                    version: all.version.max(bin.version),
                    expires: all.expires.min(bin.expires),
                    ..all
                },
            });
        }
        let Some(all) = all else { return Ok(None) };
        let listed = listed.into_iter().map(|(path, entry)| (path, Written::AsItLies(entry)));
        let all = Metadata::of_targets(all.to_signed(), 0, listed);
        all.map(Some).map_err(|error| error.to_string())
    }
}

/// Takes the target files of a bin that holds nothing which another program put there and ours would not write again.
fn as_we_write_it<'b>(bin: &'b Metadata, all: &mut BTreeMap<&'b str, Entry<'b>>) -> Result<Targets, String> {
    let error = |error: MetadataError| error.to_string();
    let targets = Targets::rest(bin).map_err(error)?;
    if targets.delegations.is_some() {
        return Err("it delegates to others, and bins that are signed here delegate nothing".to_owned());
    }
    for (path, entry) in Targets::listed(bin).map_err(error)?.iter() {
        let mut ours = Vec::new();
        let written = entry.of(path).map_err(error)?.write(&mut ours);
        if written.is_err() || ours != entry.text() {
            return Err(format!("{path} has fields that would be lost if the bin were built anew"));
        }
        all.insert(path, entry);
    }
    Ok(targets)
}

/// The bins of a role, with the files that the plan gives them, else with those of before.
pub fn build(plan: &Plan, role: &str, facts: &dyn Facts) -> Result<Bins, String> {
    let planned = plan.roles.get(role);
    let (Some(layout), Some(in_room)) =
        (planned.and_then(|role| role.bins.clone()), planned.and_then(|role| role.in_room.as_ref()))
    else {
        return Err(format!("the bins {role} are not built in the room"));
    };
    let before = plan.before.as_deref();
    let old = before.map(|before| before.all_of_bins(role)).transpose()?.flatten();
    let mut rest = match &old {
        Some(old) => Targets::rest(old).map_err(|error| error.to_string())?,
        None => Targets {
            version: 0,
            expires: in_room.expires,
            targets: BTreeMap::new(),
            delegations: None,
            extra: Map::new(),
        },
    };
    let spec = planned.and_then(|role| role.files.as_ref());
    let none = Metadata::of_targets(json!({}), 0, std::iter::empty()).map_err(|error| error.to_string())?;
    let old = Targets::listed(old.as_ref().unwrap_or(&none)).map_err(|error| error.to_string())?;
    let change = match (spec, facts.files(role)) {
        (Some(spec), Some(files)) => files::change(old, spec, files)?,
        _ => Change::default(),
    };
    if facts.rehearsal() {
        rest.extra.insert(WATERMARK.to_owned(), json!(true));
    }
    let terms = Terms { layout, expires: in_room.expires, extra: rest.extra.clone() };
    let listed = before.and_then(|before| before.repository.snapshot());
    let highest = |number: u32| {
        let name = terms.layout.name(number);
        let of_file = before.and_then(|before| before.file(&name)).map(|file| file.version);
        let of_snapshot = listed
            .as_ref()
            .and_then(|snapshot| snapshot.meta.get(&format!("{name}.json")))
            .map(|meta| meta.version);
        of_file.max(of_snapshot)
    };
    let group = Group::of(&terms, change.after(old), highest).map_err(|fault| fault.to_string())?;
    rest.version = group.bins().iter().map(|bin| bin.version).max().unwrap_or(1);
    rest.expires = in_room.expires;
    let all =
        Metadata::of_targets(rest.to_signed(), 0, change.after(old)).map_err(|error| error.to_string())?;
    Ok(Bins { group, all })
}
