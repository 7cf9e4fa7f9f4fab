//! What carries over and does not last: roles whose metadata stays as it is, and expires before the window ends.
//!
//! The end of the window counts, and not the day: what leaves the room is the same on each day of it.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::delegates;
use crate::plan::lints::LAPSES;
use crate::tuf::Date;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::repository::RoleFile;
use crate::tuf::root::TOP_LEVEL;

/// The roles that a server signs.
pub const ONLINE: [&str; 2] = ["snapshot", "timestamp"];

/// Each of them with its expiry; of delegated roles those alone to which a client comes.
pub(super) fn lapses(plan: &Plan) -> BTreeMap<String, Date> {
    let (Some(before), Some(end)) = (&plan.before, plan.window.not_after) else { return BTreeMap::new() };
    let in_room = plan.roles_in_room();
    let bins =
        plan.roles.values().filter(|role| role.in_room.is_some()).filter_map(|role| role.bins.as_ref());
    let bins: Vec<&Layout> = bins.collect();
    let signed = |name: &str| in_room.contains(&name) || bins.iter().any(|bins| bins.number(name).is_some());
    let root = ("root", before.root_file());
    let files = before.repository.roles.iter().map(|(name, file)| (name.as_str(), file)).chain([root]);
    let early = files.filter_map(|(name, file)| {
        let expires = expires(file).filter(|expires| *expires < end && !signed(name))?;
        Some((name.to_owned(), expires))
    });
    let mut lapses: BTreeMap<String, Date> = early.collect();
    let top = |name: &String| TOP_LEVEL.contains(&name.as_str());
    if !lapses.keys().all(top) {
        let tree = delegates::tree(plan);
        let delegated = |name: &str| tree.values().any(|list| list.roles.iter().any(|to| to.name == name));
        lapses.retain(|name, _| top(name) || delegated(name));
    }
    lapses
}

fn expires(file: &RoleFile) -> Option<Date> {
    Date::parse_lenient(file.metadata.signed().get("expires")?.as_str()?).ok()
}

/// What there is to remark of them.
pub(super) fn remarks(plan: &Plan) -> impl Iterator<Item = Problem> {
    let place = plan.places.get("clock").copied();
    plan.lapses.iter().map(move |(role, expires)| {
        let follows = match role.as_str() {
            "snapshot" | "timestamp" => {
                "the bundle goes without it, and clients accept nothing until a server has signed it again"
            }
            "root" => "clients that come later accept nothing of this repository until it is renewed",
            _ => "the bundle is proven without its date, and clients refuse it then until it is signed again",
        };
        let text =
            format!("{role} is not signed here and expires at {expires}, before the window ends: {follows}");
        Problem::warning(LAPSES, place, text)
    })
}
