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
use crate::tuf::targets::Targets;

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
    pub fn all_of_bins(&self, prefix: &str) -> Result<Option<Targets>, String> {
        let Some((layout, _)) = self.bins(prefix) else { return Ok(None) };
        let mut all: Option<Targets> = None;
        for name in (0..layout.count()).map(|number| layout.name(number)) {
            let Some(file) = self.file(&name) else { continue };
            let bin = as_we_write_it(&file.metadata).map_err(|why| format!("{}: {why}", file.file))?;
            all = Some(match all {
                None => bin,
                Some(mut all) => {
                    all.targets.extend(bin.targets);
                    all.version = all.version.max(bin.version);
                    all.expires = all.expires.min(bin.expires);
                    all
                }
            });
        }
        Ok(all)
    }
}

/// A bin that holds nothing which another program put there and ours would not write again.
fn as_we_write_it(bin: &Metadata) -> Result<Targets, String> {
    let targets = Targets::from_signed(bin.signed()).map_err(|error| error.to_string())?;
    if targets.delegations.is_some() {
        return Err("it delegates to others, and bins that are signed here delegate nothing".to_owned());
    }
    let listed = &bin.signed()["targets"];
    match targets.targets.iter().find(|(path, file)| listed[path.as_str()] != json!(file)) {
        Some((path, _)) => Err(format!("{path} has fields that would be lost if the bin were built anew")),
        None => Ok(targets),
    }
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
    let mut all = old.unwrap_or(Targets {
        version: 0,
        expires: in_room.expires,
        targets: BTreeMap::new(),
        delegations: None,
        extra: Map::new(),
    });
    let spec = planned.and_then(|role| role.files.as_ref());
    if let (Some(spec), Some(files)) = (spec, facts.files(role)) {
        all.targets = files::change(&all.targets, spec, files)?.after;
    }
    if facts.rehearsal() {
        all.extra.insert(WATERMARK.to_owned(), json!(true));
    }
    let terms = Terms { layout, expires: in_room.expires, extra: all.extra.clone() };
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
    let paths = all.targets.iter().map(|(path, file)| (path.as_str(), file));
    let group = Group::build(&terms, paths, highest).map_err(|fault| fault.to_string())?;
    all.version = group.bins().iter().map(|bin| bin.version).max().unwrap_or(1);
    all.expires = in_room.expires;
    let all = Metadata::unsigned(all.to_signed()).map_err(|error| error.to_string())?;
    Ok(Bins { group, all })
}
