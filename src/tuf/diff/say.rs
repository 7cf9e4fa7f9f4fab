//! A difference in lines for people: `keyrite diff`, the review of a request, and its screen say the same.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::tuf::diff::Change;
use crate::tuf::diff::Kind;
use crate::tuf::diff::Reach;
use crate::tuf::diff::Section;
use crate::tuf::diff::Signed;
use crate::tuf::few::few;

/// How many of a root's lines people see: few enough for a screen that scrolls, more than any root has.
const SHOWN_OF_ROOT: usize = 200;
/// How many of many lines alike people see.
pub const SHOWN: usize = 20;
/// The same of target files that change or go: each can be the one that matters, and all are read before they are signed.
const SHOWN_OF_CHANGED: usize = 1000;
/// The same of target files that come.
const SHOWN_OF_NEW: usize = 200;

/// The section in lines: what changes, `!!` before what nobody may overlook, then `=>` before what follows from it,
/// and for two roots whose clients reach the new one. Text stands as it is in the files.
pub fn lines(section: &Section) -> Vec<String> {
    let mut lines = meaning(section);
    lines.extend(cut(section.reach.iter().flat_map(reach)));
    lines
}

/// The same without the boards: of a root that nobody could sign yet.
pub fn meaning(section: &Section) -> Vec<String> {
    let mut lines: Vec<String> = counted(section).into_iter().collect();
    lines.extend(grouped(section, true).into_iter().map(|line| format!("  !! {line}")));
    lines.extend(grouped(section, false).into_iter().map(|line| format!("  {line}")));
    lines.extend(consequences(section).into_iter().map(|line| format!("  => {line}")));
    lines
}

/// The first of many, and how many more there are.
pub fn cut(lines: impl Iterator<Item = String>) -> Vec<String> {
    cut_after(SHOWN, lines)
}

fn cut_after(most: usize, mut lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown: Vec<String> = lines.by_ref().take(most).collect();
    let more = lines.count();
    if more > 0 {
        shown.push(format!(
            "  ... and {more} more, which `keyrite diff --json` lists, or `check --json` of a ceremony"
        ));
    }
    shown
}

/// What is said of several roles alike, in the order in which it is said first.
fn alike<'a>(
    said: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (Vec<&'a str>, &'a str)> {
    let mut order: Vec<&str> = Vec::new();
    let mut roles: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut known = HashSet::new();
    for (role, words) in said.filter(|said| known.insert(*said)) {
        let of = roles.entry(words).or_default();
        if of.is_empty() {
            order.push(words);
        }
        of.push(role);
    }
    order.into_iter().map(move |words| (roles.remove(words).unwrap_or_default(), words))
}

/// What a root says alike of several roles is said once: `root, targets: ana now signs`.
fn merged<'a>(said: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let lines = alike(said).map(|(roles, words)| format!("{}: {words}", roles.join(", ")));
    cut_after(SHOWN_OF_ROOT, lines)
}

/// The changes, those of one kind cut where they are many: a flood of files never hides a key.
fn grouped(section: &Section, alarm: bool) -> Vec<String> {
    let changes: Vec<&Change> = section.changes.iter().filter(|change| change.alarm == alarm).collect();
    if section.role == "root" {
        return merged(changes.iter().map(|change| (&*change.role, words(change))));
    }
    let groups = changes.chunk_by(|a, b| a.kind == b.kind);
    groups
        .flat_map(|group| {
            let most = group.first().map_or(SHOWN, |change| shown_of(change.kind));
            cut_after(most, group.iter().map(|change| words(change).to_owned()))
        })
        .collect()
}

fn shown_of(kind: Kind) -> usize {
    match kind {
        Kind::FileChanged | Kind::FileRemoved => SHOWN_OF_CHANGED,
        Kind::FileAdded => SHOWN_OF_NEW,
        _ => SHOWN,
    }
}

/// What follows for the role itself, such as target files that no client finds any more, is said first and never cut;
/// then what follows alike for others.
fn consequences(section: &Section) -> Vec<String> {
    if section.role == "root" {
        return merged(section.consequences.iter().map(|c| (c.role.as_str(), c.words.as_str())));
    }
    let (own, others): (Vec<_>, Vec<_>) = section.consequences.iter().partition(|c| c.role == section.role);
    let mut said: Vec<String> = own.into_iter().map(|c| c.words.clone()).collect();
    let others = alike(others.into_iter().map(|c| (c.role.as_str(), c.words.as_str())));
    said.extend(cut(others.map(|(roles, words)| format!("{}: {words}", few(&roles)))));
    said
}

/// The sentence; without one, the line without its role.
fn words(change: &Change) -> &str {
    match change.words.as_str() {
        "" => {
            change.line.strip_prefix(&*change.role).and_then(|l| l.strip_prefix(": ")).unwrap_or(&change.line)
        }
        words => words,
    }
}

/// How many files and delegations, where any came, went or changed.
fn counted(section: &Section) -> Option<String> {
    let count = |kind: Kind| section.changes.iter().filter(|change| change.kind == kind).count();
    let files = [Kind::FileAdded, Kind::FileRemoved, Kind::FileChanged].map(count);
    let delegations = [Kind::DelegationAdded, Kind::DelegationRemoved].map(count);
    let mut said = Vec::new();
    if files != [0; 3] {
        said.push(format!("files: {} added, {} removed, {} changed", files[0], files[1], files[2]));
    }
    if delegations != [0; 2] {
        said.push(format!("delegations: {} added, {} removed", delegations[0], delegations[1]));
    }
    (!said.is_empty()).then(|| format!("  {}", said.join("; ")))
}

fn reach(reach: &Reach) -> Vec<String> {
    let verdict = if reach.reached { "ACCEPT" } else { "DO NOT ACCEPT" };
    let yet = if reach.waits_for_signatures() { yet(reach) } else { String::new() };
    let but: String = reach.refused_by.iter().map(|who| format!("; {who}")).collect();
    let mut said =
        vec![format!("  clients that trust root {} {verdict} root {}{yet}{but}", reach.from, reach.to)];
    said.push(board("old", &reach.old));
    said.push(board("new", &reach.new));
    said.extend(reach.missing.iter().map(|why| format!("    missing: {why}")));
    said
}

/// What is still to come: where the same keys sign for both roots, in numbers; the boards say the rest.
fn yet(reach: &Reach) -> String {
    match (reach.new.lacking(), reach.new.need) {
        _ if reach.old != reach.new => " yet: signatures are missing".to_owned(),
        (1, need) => format!(" yet: 1 of {need} signatures is missing"),
        (lack, need) => format!(" yet: {lack} of {need} signatures are missing"),
    }
}

fn board(which: &str, signed: &Signed) -> String {
    let by = if signed.by.is_empty() { "nobody".to_owned() } else { signed.by.join(", ") };
    let rest = match signed.not_by.is_empty() {
        true => String::new(),
        false => format!("; not by {}", signed.not_by.join(", ")),
    };
    format!("    keys of the {which} root: {} signed, {} needed: {by}{rest}", signed.by.len(), signed.need)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::diff::Consequence;

    #[test]
    fn what_follows_for_the_role_itself_is_never_cut_and_what_many_share_is_said_once() {
        let of = |role: String, words: &str| Consequence { role, words: words.to_owned() };
        let mut consequences: Vec<Consequence> = (0..40)
            .flat_map(|n| [of(format!("bin-{n}"), "no spare key"), of(format!("x{n}"), &n.to_string())])
            .collect();
        consequences.push(of("targets".to_owned(), "1 current target can no longer be found"));
        let section =
            Section { role: "targets".to_owned(), changes: Vec::new(), consequences, reach: Vec::new() };

        let said = meaning(&section);

        assert_eq!(said[0], "  => 1 current target can no longer be found");
        assert_eq!(said[1], "  => bin-0, bin-1, bin-2 and 37 more: no spare key");
        assert_eq!(said[2], "  => x0: 0");
        assert_eq!((said.len(), said.last().unwrap().contains("21 more")), (22, true), "{said:?}");
    }
}
