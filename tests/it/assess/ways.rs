//! A thief of delegates' keys, where several delegate to one role, where delegations lead back, and where searches end.

use std::collections::BTreeSet;

use keyrite::assess::Clients;
use keyrite::assess::Effect;
use keyrite::assess::Harm;
use keyrite::assess::rules;
use serde_json::json;

use super::*;
use crate::tuf::world::delegation;
use crate::tuf::world::keys;
use crate::tuf::world::target;
use crate::tuf::world::targets;

/// `delegator`, `role`, its key there, pattern, terminating.
type Edge<'a> = (&'a str, &'a str, u8, &'a str, bool);

/// Keys that sign snapshot and timestamp.
const SERVER: [u8; 2] = [5, 6];

/// The world with these delegations; `lists` says which role lists which path. Each role is signed by all of its keys.
fn tree(edges: &[Edge<'_>], lists: &[(&str, &str)]) -> World {
    let mut world = world();
    world.roles.retain(|role, _| role == "targets");
    let names = edges.iter().flat_map(|edge| [edge.0, edge.1]).chain(["targets"]);
    for name in names.collect::<BTreeSet<_>>() {
        let of = |paths: &(&str, &str)| (paths.0 == name).then(|| (paths.1.to_owned(), target(b"x")));
        let listed: serde_json::Map<String, Value> = lists.iter().filter_map(of).collect();
        let mut file = targets(1, Value::Object(listed));
        let below: Vec<&Edge<'_>> = edges.iter().filter(|edge| edge.0 == name).collect();
        let roles: Vec<Value> = below
            .iter()
            .map(|(_, role, key, pattern, terminating)| {
                let mut role = delegation(role, &[*key], &[pattern]);
                role["terminating"] = (*terminating).into();
                role
            })
            .collect();
        let listed: Vec<u8> = below.iter().map(|edge| edge.2).collect();
        if !roles.is_empty() {
            file["delegations"] = json!({"keys": keys(&listed), "roles": roles});
        }
        let by = edges.iter().filter(|edge| edge.1 == name).map(|edge| edge.2).collect::<Vec<_>>();
        world.roles.insert(name.to_owned(), (file, if name == "targets" { vec![4] } else { by }));
    }
    world
}

/// What a thief of these keys and of the server does with the keys of that role.
fn of_role(set: &Set, stolen: &[u8], role: &str) -> Vec<Effect> {
    let said = assess(set, &[], &[stolen, &SERVER].concat());
    said.thief.into_iter().filter(|effect| effect.roles == [role]).collect()
}

#[track_caller]
fn said(effects: &[Effect]) -> Vec<(Harm, String, Option<String>, usize)> {
    let one =
        |effect: &Effect| (effect.harm, effect.paths.join(" > "), effect.example.clone(), effect.targets);
    effects.iter().map(one).collect()
}

/// A and B delegate to X, and only what B delegates leads on to C.
const TWO_WAYS: [Edge<'static>; 5] = [
    ("targets", "a", 20, "d/*", false),
    ("targets", "b", 21, "q/*", false),
    ("a", "x", 22, "d/*", false),
    ("b", "x", 23, "q/*", false),
    ("x", "c", 24, "q/*", false),
];

#[test]
fn a_thief_is_followed_on_every_way_to_a_role() {
    let set = tree(&TWO_WAYS, &[("c", "q/today")]).build();

    let by_second = of_role(&set, &[24], "c");
    let alone = assess(&set, &[], &[24]);

    let there = [(Harm::AnySoftware, "q/* > q/* > q/*".to_owned(), Some("q/".to_owned()), 1)];
    assert_eq!(said(&by_second), there);
    assert_eq!(alone.worst(), Harm::OneStepAway);
    // Whose keys are stolen above on the first way alone has nothing to do with the second.
    for above in [20, 22] {
        assert_eq!(said(&of_role(&set, &[24, above], "c")), there, "{above}");
    }
    for above in [21, 23] {
        assert_eq!(
            said(&of_role(&set, &[24, above], "c")),
            [(Harm::Nothing, "d/* > d/* > q/*".to_owned(), None, 0)]
        );
    }
}

#[test]
fn each_way_is_told_with_its_paths_and_those_alike_once() {
    let mut edges = TWO_WAYS.to_vec();
    edges[4].3 = "*/*";
    let several = of_role(&tree(&edges, &[]).build(), &[24], "c");
    edges.iter_mut().for_each(|edge| edge.3 = "*/*");
    let alike = of_role(&tree(&edges, &[]).build(), &[24], "c");

    let paths: Vec<String> = several.iter().map(|effect| effect.paths.join(" > ")).collect();
    assert_eq!(paths, ["d/* > d/* > */*", "q/* > q/* > */*"]);
    assert!(several.iter().all(|effect| effect.harm == Harm::AnySoftware), "{several:?}");
    assert_eq!(alike.len(), 1);
}

#[test]
fn a_search_that_ends_on_the_first_way_leaves_the_second_what_is_not_its() {
    let mut edges = TWO_WAYS.to_vec();
    edges[0] = ("targets", "a", 20, "q/*", true);
    let ended = of_role(&tree(&edges, &[]).build(), &[24], "c");
    edges[2] = ("a", "x", 22, "q/*", false);
    let through = of_role(&tree(&edges, &[]).build(), &[24], "c");
    edges[0].4 = false;
    edges[2] = ("a", "y", 22, "q/a*", true);
    let partly = of_role(&tree(&edges, &[]).build(), &[24], "c");

    assert_eq!(ended.iter().map(|effect| effect.harm).collect::<Vec<_>>(), [Harm::Nothing]);
    // The first way ends the search only after it led there itself.
    assert_eq!(through.iter().map(|effect| effect.harm).collect::<Vec<_>>(), [Harm::AnySoftware]);
    assert_eq!(partly[0].harm, Harm::AnySoftware);
    assert_eq!(partly[0].example.as_deref(), Some("q/"));
}

#[test]
fn a_role_that_clients_verify_by_another_delegator_first_is_nothing_to_a_thief_of_the_second() {
    let edges = [
        ("targets", "c", 20, "q/*", false),
        ("targets", "a", 21, "*/*", false),
        ("a", "c", 22, "*/*", false),
        ("c", "a", 23, "*/*", false),
    ];
    let set = tree(&edges, &[("c", "q/today"), ("c", "d/today")]).build();

    assert_eq!(said(&of_role(&set, &[20], "c"))[0].3, 1);
    let second = said(&of_role(&set, &[22], "c"));
    assert_eq!(second, [(Harm::AnySoftware, "*/* > */*".to_owned(), Some("/".to_owned()), 1)]);
    let back = said(&of_role(&set, &[23], "a"));
    // By C to A come those paths alone that lead to C before.
    assert_eq!(
        (back[0].0, &back[0].1[..], back[0].2.as_deref()),
        (Harm::AnySoftware, "q/* > */*", Some("q/"))
    );
}

#[test]
fn what_only_today_s_targets_lead_to_is_harm_in_the_table_too() {
    let set = tree(&[("targets", "a", 20, "d/tool", false)], &[("a", "d/tool")]).build();

    let effects = of_role(&set, &[20], "a");
    let table = model(&set).table(now());

    assert_eq!(said(&effects), [(Harm::AnySoftware, "d/tool".to_owned(), None, 1)]);
    assert!(
        table.rows.iter().any(|row| row.now.on == ["a"] && row.now.harm == Harm::AnySoftware),
        "{table:?}"
    );
}

#[test]
fn a_star_that_crosses_a_slash_lets_tough_take_what_others_refuse() {
    let edges = [("targets", "a", 20, "d/*", false), ("a", "b", 21, "*.txt", false)];
    let set = tree(&edges, &[]).build();
    let model = model(&set);

    let effects = of_role(&set, &[21], "b");
    let alone = assess(&set, &[], &[21]);
    let lines = model.lines(&assess(&set, &[], &[21, 5, 6])).join(" ");
    let lines = lines.split_whitespace().collect::<Vec<_>>().join(" ");

    let harms: Vec<(Harm, Clients)> = effects.iter().map(|effect| (effect.harm, effect.taken_by)).collect();
    assert_eq!(harms, [(Harm::AnySoftware, Clients::Tough), (Harm::Nothing, Clients::All)]);
    assert_eq!(effects[0].example.as_deref(), Some("d/.txt"));
    assert_eq!((alone.worst(), alone.is_good()), (Harm::OneStepAway, false));
    assert!(
        lines.starts_with(
            "ANY SOFTWARE: a thief of these keys can make the client tough (STAR-CROSSES-SLASH)"
        ),
        "{lines}"
    );
    assert!(lines.contains(rules::STAR_CROSSES_SLASH.says), "{lines}");
    // What every client takes is said once.
    let every = of_role(&set, &[20], "a");
    assert_eq!(every.iter().map(|effect| effect.taken_by).collect::<Vec<_>>(), [Clients::All]);
}

#[test]
fn which_client_lets_stars_cross_slashes_is_what_lint_knows() {
    let rule = keyrite::lint::rules().find(|rule| rule.name == "PATTERN-DEEPER-IN-TOUGH").unwrap();

    assert!(rules::STAR_CROSSES_SLASH.source.contains(rule.name) && rule.why.contains("tough"));
}

#[test]
fn more_ways_than_can_be_followed_are_taken_to_lead_there() {
    let names: Vec<String> = (0..9).map(|n| format!("m{n}")).collect();
    let mut edges: Vec<Edge<'_>> = vec![("targets", "m0", 20, "d/*", false)];
    for a in &names {
        edges.extend(names.iter().filter(|b| a != *b).map(|b| (a.as_str(), b.as_str(), 20, "d/*", false)));
    }
    edges.push(("m8", "c", 24, "q/*", false));
    let set = tree(&edges, &[]).build();

    let effects = of_role(&set, &[24], "c");

    assert!(
        !effects.is_empty() && effects.iter().all(|effect| effect.harm == Harm::AnySoftware),
        "{effects:?}"
    );
}
