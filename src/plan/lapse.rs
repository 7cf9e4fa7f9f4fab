//! What carries over and does not last: roles whose metadata stays as it is, and expires before the window ends.
//!
//! The end of the window counts, and not the day: what leaves the room is the same on each day of it. Only where the file
//! states none, it is the day on which the bundle is written.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::delegates;
use crate::plan::lints::LAPSES;
use crate::tuf::Date;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::few::few;
use crate::tuf::root::TOP_LEVEL;

/// The roles that a server signs.
pub const ONLINE: [&str; 2] = ["snapshot", "timestamp"];

/// Each of them with its expiry; of delegated roles those alone to which a client comes. `now` is the day, where it is known.
pub fn lapses(plan: &Plan, now: Option<Date>) -> BTreeMap<String, Date> {
    let Some(before) = plan.before.as_ref().filter(|_| plan.kind.signs()) else { return BTreeMap::new() };
    let over = |expires: Date| match plan.window.not_after {
        Some(end) => expires < end,
        None => now.is_some_and(|now| expires <= now),
    };
    let in_room = plan.roles_in_room();
    let bins =
        plan.roles.values().filter(|role| role.in_room.is_some()).filter_map(|role| role.bins.as_ref());
    let bins: Vec<&Layout> = bins.collect();
    let signed = |name: &str| in_room.contains(&name) || bins.iter().any(|bins| bins.number(name).is_some());
    let root = ("root", before.root_file());
    let files = before.repository.roles.iter().map(|(name, file)| (name.as_str(), file)).chain([root]);
    let early = files.filter_map(|(name, file)| {
        let expires = file.metadata.expires().filter(|expires| over(*expires) && !signed(name))?;
        Some((name.to_owned(), expires))
    });
    let mut lapses: BTreeMap<String, Date> = early.collect();
    let top = |name: &String| TOP_LEVEL.contains(&name.as_str());
    if !lapses.keys().all(top) {
        let tree = delegates::tree(plan);
        let delegated: BTreeSet<&str> =
            tree.values().flat_map(|list| &list.roles).map(|to| to.name.as_str()).collect();
        lapses.retain(|name, _| top(name) || delegated.contains(name.as_str()));
    }
    lapses
}

/// What there is to remark of them; of delegated roles that expire together at once.
pub fn remarks(plan: &Plan, now: Option<Date>) -> Vec<Problem> {
    let window = plan.places.get("clock");
    let place = window.or_else(|| plan.places.get("before")).copied();
    sentences(&lapses(plan, now), window.is_some())
        .into_iter()
        .map(|text| Problem::warning(LAPSES, place, text))
        .collect()
}

fn sentences(lapses: &BTreeMap<String, Date>, window: bool) -> Vec<String> {
    let mut alike: BTreeMap<(&str, Date), Vec<&str>> = BTreeMap::new();
    for (role, expires) in lapses {
        let follows = match role.as_str() {
            "snapshot" | "timestamp" => {
                "the bundle goes without it, and clients accept nothing until a server has signed it again"
            }
            "root" => "clients that come later accept nothing of this repository until it is renewed",
            _ => "the bundle is proven without its date, and clients refuse it then until it is signed again",
        };
        alike.entry((follows, *expires)).or_default().push(role);
    }
    let sentence = |((follows, expires), roles): ((&str, Date), Vec<&str>)| {
        let (is, expire) = if roles.len() == 1 { ("is", "expires") } else { ("are", "expire") };
        let roles = few(&roles);
        match window {
            true => format!(
                "{roles} {is} not signed here and {expire} at {expires}, before the window ends: {follows}"
            ),
            false => format!("{roles} {is} not signed here and expired at {expires}: {follows}"),
        }
    };
    alike.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_that_expire_together_are_one_remark_and_a_timestamp_is_its_own() {
        let day: Date = "2027-01-03T09:00:00Z".parse().unwrap();
        let mut lapses: BTreeMap<String, Date> = (0..1000).map(|n| (format!("bin-{n:03}"), day)).collect();
        lapses.insert("timestamp".to_owned(), day);

        let said = sentences(&lapses, true);

        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said.iter().any(|line| line.starts_with("timestamp is not signed here and expires at")),
            "{said:?}"
        );
        let bins =
            "bin-000, bin-001, bin-002 and 997 more are not signed here and expire at 2027-01-03T09:00:00Z";
        assert!(said.iter().any(|line| line.starts_with(bins)), "{said:?}");
    }
}
