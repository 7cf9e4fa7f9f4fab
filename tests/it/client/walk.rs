//! The search for a target: which roles are fetched, in which order, and which are believed.

use keyrite::tuf::client::MAX_VISITED;
use keyrite::tuf::client::rules;
use serde_json::Value;
use serde_json::json;

use super::desk::*;
use crate::tuf::world::*;

/// Who delegates to whom, for which paths, terminating or not. Key 8 signs for all.
type Edge<'a> = (&'a str, &'a str, &'a str, bool);

fn graph(edges: &[Edge<'_>], files: &[(&str, &str)]) -> World {
    let mut world = world();
    world.roles.get_mut("targets").unwrap().0 = targets(1, json!({}));
    world.roles.remove("dev");
    for (from, to, paths, terminating) in edges {
        for role in [*from, *to] {
            world.roles.entry(role.to_owned()).or_insert_with(|| (targets(1, json!({})), vec![8]));
        }
        let mut edge = delegation(to, &[8], &paths.split(' ').collect::<Vec<_>>());
        edge["terminating"] = json!(terminating);
        let delegator = world.role(from);
        if delegator.get("delegations").is_none() {
            delegator["delegations"] = json!({"keys": keys(&[8]), "roles": []});
        }
        delegator["delegations"]["roles"].as_array_mut().unwrap().push(edge);
    }
    for (role, path) in files {
        world.role(role)["targets"][*path] = target(format!("{path} by {role}").as_bytes());
    }
    world
}

/// The delegated roles that a new client fetched.
fn visited(asked: &[String]) -> Vec<&str> {
    let roles = asked.iter().skip(5).map(|name| name.split('.').nth(1).unwrap());
    roles.collect()
}

#[test]
fn the_search_is_pre_order_in_the_order_of_the_file() {
    let all = "*";
    let cases: [(&str, Vec<Edge<'_>>, &[&str]); 12] = [
        ("one", vec![("targets", "A", all, false)], &["A"]),
        ("two", vec![("targets", "A", all, false), ("targets", "B", all, false)], &["A", "B"]),
        (
            "below the second",
            vec![("targets", "A", all, false), ("targets", "B", all, false), ("B", "C", all, false)],
            &["A", "B", "C"],
        ),
        (
            "below the first",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, false),
                ("A", "D", all, false),
            ],
            &["A", "C", "D", "B"],
        ),
        (
            "three levels",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, false),
                ("C", "D", all, false),
            ],
            &["A", "C", "D", "B"],
        ),
        (
            "terminating",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, true),
                ("A", "D", all, false),
            ],
            &["A", "C"],
        ),
        (
            "below a terminating one",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, true),
                ("C", "D", all, false),
            ],
            &["A", "C", "D"],
        ),
        (
            "a terminating one that does not cover the path",
            vec![("targets", "A", "*.py", true), ("targets", "B", all, false)],
            &["B"],
        ),
        (
            "paths that do not match",
            vec![("targets", "A", "*.py", false), ("targets", "B", all, false), ("A", "C", all, false)],
            &["B"],
        ),
        (
            "a circle",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("B", "C", all, false),
                ("C", "D", all, false),
                ("D", "B", all, false),
            ],
            &["A", "B", "C", "D"],
        ),
        (
            "two to one",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("B", "C", all, false),
                ("A", "C", all, false),
            ],
            &["A", "C", "B"],
        ),
        (
            "two to one by other paths",
            vec![
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("B", "C", all, false),
                ("A", "C", "*.py", false),
            ],
            &["A", "B", "C"],
        ),
    ];
    for (name, edges, order) in cases {
        let world = graph(&edges, &[]);

        let visit = Own::new(&world).find(&world.build(), &["missing"]);

        assert_eq!(visit.answer.as_ref().unwrap(), &[None], "{name}");
        assert_eq!(visited(&visit.asked), order, "{name}");
    }
}

#[test]
fn a_target_is_found_only_where_every_role_on_the_way_delegates_its_path() {
    let world = graph(
        &[
            ("targets", "A", "*.doc *.md", false),
            ("targets", "B", "releases/*/*", false),
            ("B", "C", "releases/x/*", false),
            ("B", "D", "releases/y/*.zip", false),
        ],
        &[
            ("targets", "file"),
            ("A", "README.md"),
            ("C", "releases/x/x_v1"),
            ("D", "releases/y/y_v1.zip"),
            ("D", "releases/z/z_v1.zip"),
        ],
    );
    let set = world.build();
    for (path, found, order) in [
        ("file", Some("file by targets"), &[][..]),
        ("README.md", Some("README.md by A"), &["A"]),
        ("releases/x/x_v1", Some("releases/x/x_v1 by C"), &["B", "C"]),
        ("releases/y/y_v1.zip", Some("releases/y/y_v1.zip by D"), &["B", "D"]),
        ("releases/z/z_v1.zip", None, &["B"]),
    ] {
        let visit = Own::new(&world).find(&set, &[path]);

        let length = visit.answer.as_ref().unwrap()[0].as_ref().map(|target| target.length);
        assert_eq!(length, found.map(|text| text.len() as u64), "{path}");
        assert_eq!(visited(&visit.asked), order, "{path}");
    }
}

#[test]
fn the_lazy_client_and_the_verifier_believe_the_same_roles() {
    let world = graph(
        &[
            ("targets", "A", "a/*", false),
            ("targets", "B", "a/* b/*", true),
            ("A", "C", "a/x b/x", true),
            ("targets", "D", "a/* b/* c/*", false),
        ],
        &[("C", "a/x"), ("B", "a/x"), ("B", "a/y"), ("B", "b/x"), ("D", "b/y"), ("D", "c/x"), ("C", "b/x")],
    );
    let set = world.build();
    let verified = set.verify().unwrap();
    for path in ["a/x", "a/y", "b/x", "b/y", "c/x", "nowhere"] {
        let visit = Own::new(&world).find(&set, &[path]);

        assert_eq!(visit.answer.unwrap()[0].as_ref(), verified.targets.get(path), "{path}");
    }
}

#[test]
fn a_search_visits_so_many_roles_and_no_more() {
    let names: Vec<String> = (0..=MAX_VISITED).map(|n| format!("r{n}")).collect();
    let edges: Vec<Edge<'_>> = names.iter().map(|name| ("targets", name.as_str(), "*", false)).collect();
    let (last, first) = (names[MAX_VISITED].as_str(), names[MAX_VISITED - 1].as_str());
    let world = graph(&edges, &[(first, "in-the-last-one"), (last, "one-too-far")]);
    let set = world.build();

    assert!(Own::new(&world).find(&set, &["in-the-last-one"]).answer.unwrap()[0].is_some());
    let visit = Own::new(&world).find(&set, &["one-too-far"]);
    assert_eq!(visit.refused(), (rules::SEARCH_BOUND, "r32.json"));
    assert_eq!(visited(&visit.asked).len(), MAX_VISITED);
}

#[test]
fn a_role_that_was_fetched_once_is_not_fetched_again() {
    let mut own = Own::new(&world());
    let set = world().build();
    let visit = own.find(&set, &["dev/tool.txt", "dev/tool.txt", "dev/other"]);
    assert_eq!(visited(&visit.asked), ["dev"]);

    let visit = own.find(&set, &["dev/tool.txt"]);

    assert!(visit.answer.unwrap()[0].is_some());
    assert_eq!(visit.asked, ["3.root.json", "timestamp.json"]);
}

#[test]
fn a_role_that_the_client_has_is_verified_by_the_delegator_of_today() {
    // `dev` stays as it is, at its version; only the key that targets names for it is another.
    let mut own = Own::new(&world());
    own.find(&world().build(), &["dev/tool.txt"]).answer.unwrap();
    let mut revoked = next(world());
    revoked.role("targets")["delegations"] =
        json!({"keys": keys(&[9]), "roles": [delegation("dev", &[9], &["dev/*"])]});

    let visit = own.find(&without_hashes(&revoked), &["dev/tool.txt"]);
    assert_eq!(visit.refused(), (rules::THRESHOLD, "2.dev.json"));

    revoked.roles.get_mut("dev").unwrap().1 = vec![9];
    let visit = own.find(&without_hashes(&revoked), &["dev/tool.txt"]);
    assert!(visit.answer.is_ok());
    assert_eq!(visit.asked.last().unwrap(), "2.dev.json");
}

#[test]
fn a_role_is_verified_by_the_delegator_through_which_the_search_came() {
    // Both A and B delegate to C; what B says of C's key is not true.
    let mut world = graph(
        &[
            ("targets", "A", "a/*", false),
            ("targets", "B", "b/*", false),
            ("A", "C", "a/*", false),
            ("B", "C", "b/*", false),
        ],
        &[("C", "a/x"), ("C", "b/x")],
    );
    world.role("B")["delegations"] = json!({"keys": keys(&[9]), "roles": [delegation("C", &[9], &["b/*"])]});
    let set = world.build();

    assert!(Own::new(&world).find(&set, &["a/x"]).answer.is_ok());
    assert_eq!(Own::new(&world).find(&set, &["a/x", "b/x"]).refused(), (rules::THRESHOLD, "1.C.json"));
}

#[test]
fn a_delegated_role_that_does_not_hold_ends_the_search_and_is_not_kept() {
    /// What is bent, and how.
    type Bend = (&'static str, fn(&mut World));
    let bends: [Bend; 3] = [
        (rules::NOT_EXPIRED, |world| world.role("dev")["expires"] = json!(NOW)),
        (rules::THRESHOLD, |world| world.roles.get_mut("dev").unwrap().1 = vec![9]),
        (rules::TARGET_HASH_KNOWN, |world| {
            world.role("dev")["targets"]["dev/x"] = json!({"length": 1, "hashes": {"unknown-hash": "00"}});
        }),
    ];
    for (rule, bend) in bends {
        let mut world = world();
        bend(&mut world);
        let mut own = Own::new(&world);

        let visit = own.find(&world.build(), &["dev/tool.txt"]);

        assert_eq!(visit.refused(), (rule, "2.dev.json"));
        assert!(!own.set.0.contains_key("dev.json"));
    }
}

#[test]
fn a_delegated_role_is_listed_in_snapshot_or_the_search_ends() {
    let world = world();
    let mut set = world.build();
    let mut snapshot = snapshot_of(&set);
    snapshot["meta"].as_object_mut().unwrap().remove("dev.json");
    publish_snapshot(&world, &mut set, &snapshot);

    let visit = Own::new(&world).find(&set, &["dev/tool.txt"]);

    assert_eq!(visit.refused(), (rules::LISTED_IN_SNAPSHOT, "dev.json"));
}

#[test]
fn unusual_role_names_are_encoded_where_they_are_asked_for_and_where_they_are_kept() {
    for (name, file) in [
        ("?", "%3F"),
        ("#", "%23"),
        ("/delegatedrole", "%2Fdelegatedrole"),
        ("../delegatedrole", "..%2Fdelegatedrole"),
        ("a b", "a%20b"),
        ("\u{1f37a}", "%F0%9F%8D%BA"),
        ("100%41", "100%2541"),
    ] {
        let world = graph(&[("targets", name, "*", false)], &[]);
        let mut own = Own::new(&world);

        let visit = own.find(&world.build(), &["missing"]);

        assert_eq!(visit.asked.last().unwrap(), &format!("1.{file}.json"));
        assert!(own.set.0.contains_key(&format!("{file}.json")), "{name}");
        assert_eq!(own.set.0.len(), 5);
    }
}

#[test]
fn hashed_bins_and_succinct_bins_lead_to_one_bin() {
    let mut world = graph(&[], &[]);
    let mut role = |name: &str, delegations: Value| world.role(name)["delegations"] = delegations;
    role(
        "targets",
        json!({"keys": keys(&[8]), "succinct_roles":
            {"keyids": keyids(&[8]), "threshold": 1, "bit_length": 4, "name_prefix": "bin"}}),
    );
    for n in 0..16 {
        world.roles.insert(format!("bin-{n:x}"), (targets(1, json!({})), vec![8]));
    }
    // SHA-256 of "a/b" begins with c.
    world.role("bin-c")["targets"]["a/b"] = target(b"in a bin");

    let visit = Own::new(&world).find(&world.build(), &["a/b"]);

    assert_eq!(visit.answer.as_ref().unwrap()[0].as_ref().unwrap().length, 8);
    assert_eq!(visited(&visit.asked), ["bin-c"]);
}
