use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::tuf::PublicKey;
use crate::tuf::client::Files;

const EXPIRES: &str = "2027-01-03T09:00:00Z";

struct Set(BTreeMap<String, Vec<u8>>);

impl Files for Set {
    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(name).cloned())
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.0.keys().cloned().collect())
    }
}

fn key(n: u8) -> PublicKey {
    PublicKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key().to_bytes())
}

fn holders() -> BTreeMap<KeyId, String> {
    let named = [(1, "Ana Duarte"), (2, "Bo Lindqvist"), (3, "Chi Nwosu"), (4, "Dana Reyes")];
    named.into_iter().map(|(n, name)| (key(n).keyid(), name.to_owned())).collect()
}

use crate::tuf::KeyId;

/// `NAME ends?` delegated patterns, with the key that signs.
fn delegation(name: &str, n: u8, terminating: bool, paths: &[&str]) -> Value {
    json!({"name": name, "keyids": [key(n).keyid()], "threshold": 1, "terminating": terminating, "paths": paths})
}

/// The roles by name: their paths, and what they delegate.
fn tree(roles: &[(&str, &[&str], Value)]) -> Tree {
    let keys: Value = (1..5).map(|n| (key(n).keyid().0, key(n).to_json().clone())).collect();
    let role = json!({"keyids": [key(1).keyid(), key(2).keyid(), key(3).keyid()], "threshold": 2});
    let root = json!({"_type": "root", "spec_version": "1.0.31", "version": 1, "expires": EXPIRES,
        "consistent_snapshot": true, "keys": keys,
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role}});
    let mut files = BTreeMap::from([("1.root.json".to_owned(), root)]);
    for (name, paths, delegations) in roles {
        let targets: Value =
            paths.iter().map(|p| (p.to_string(), json!({"length": 1, "hashes": {}}))).collect();
        let mut signed = json!({"_type": "targets", "spec_version": "1.0.31", "version": 3, "expires": EXPIRES,
            "targets": targets});
        match delegations {
            Value::Null => {}
            Value::Array(_) => signed["delegations"] = json!({"keys": keys, "roles": delegations}),
            succinct => {
                signed["delegations"] = json!({"keys": keys, "succinct_roles": succinct});
            }
        }
        files.insert(format!("3.{name}.json"), signed);
    }
    let file = |signed: Value| Metadata::unsigned(signed).unwrap().to_file();
    let set = Set(files.into_iter().map(|(name, signed)| (name, file(signed))).collect());
    Tree::of(&Repository::read(&set).unwrap())
}

/// `1 targets`, `2 dev`, `- late` for each step of an answer.
fn walk(answer: &Answer) -> Vec<String> {
    let steps = answer.steps.iter().zip(answer.asked(&holders()));
    let line = |(step, (n, _)): (&Step, (Option<usize>, String))| {
        let n = n.map_or("-".to_owned(), |n| n.to_string());
        format!("{n} {}{}", "  ".repeat(step.depth), step.name())
    };
    steps.map(line).collect()
}

/// targets delegates `dev/*` to dev and ops, and everything to late; dev delegates tools to tools.
fn world(dev_ends: bool) -> Tree {
    tree(&[
        (
            "targets",
            &["app.txt"],
            json!([
                delegation("dev", 4, dev_ends, &["dev/*", "x"]),
                delegation("ops", 1, false, &["dev/*"]),
                delegation("late", 2, false, &["*", "dev/t*"]),
            ]),
        ),
        ("dev", &["dev/a", "dev/b"], json!([delegation("tools", 3, false, &["dev/tool*", "ops/*"])])),
        ("tools", &["dev/tool.txt"], Value::Null),
        ("ops", &["dev/a", "dev/tool.txt"], Value::Null),
    ])
}

#[test]
fn a_client_asks_in_pre_order_and_takes_the_first_entry() {
    let answer = world(false).ask("dev/tool.txt");

    assert_eq!(walk(&answer), ["1 targets", "2   dev", "3     tools", "4   ops", "5   late"]);
    assert_eq!(answer.taken_from.as_deref(), Some("tools"));
    assert_eq!(
        answer.headline(&holders()),
        "dev/tool.txt: clients take it from tools; Chi Nwosu alone can sign it"
    );
    assert_eq!(answer.state(&answer.steps[3]), "lists it too, shadowed by tools");
    assert_eq!(answer.state(&answer.steps[4]), "its file is not here");
    assert_eq!(answer.stop(), "The search stops at tools, the first role that lists it");
}

#[test]
fn every_ancestor_must_cover_the_path() {
    // tools may sign ops/*, by the word of dev, which may not.
    let answer = world(false).ask("ops/x");

    assert_eq!(walk(&answer), ["1 targets"]);
    assert_eq!(
        answer.headline(&holders()),
        "ops/x: only targets may sign it, and lists it not; any 2 of Ana Duarte, Bo Lindqvist and Chi Nwosu can sign it"
    );
}

#[test]
fn where_tough_goes_another_way_it_is_said_in_one_line() {
    let said = |ends, path| world(ends).ask(path).tough;

    assert_eq!(
        said(false, "dev/a"),
        Some(
            "In tough, the client in Rust, * and ? also stand for a slash: there late may sign it too".into()
        )
    );
    assert_eq!(said(false, "dev/tool.txt"), None);
    let below = said(true, "dev/deep/new").unwrap();
    assert!(below.ends_with("slash: there dev may sign it too"), "{below}");
    // A delegation that ends the search in tough alone, and a file that only tough finds in a folder below.
    let ends = [delegation("all", 4, true, &["dev/*"]), delegation("deep", 3, false, &["dev/*/*"])];
    let tree = tree(&[
        ("targets", &[], json!(ends)),
        ("all", &["dev/x/a"], Value::Null),
        ("deep", &["dev/x/a"], Value::Null),
    ]);
    let said = tree.ask("dev/x/a").tough.unwrap();
    assert!(said.ends_with("there all may sign it too; it never asks deep; it takes it from all"), "{said}");
}

#[test]
fn a_role_that_two_delegate_to_is_in_tough_where_the_first_one_loads_it() {
    let sub = |paths: &[&str]| json!([delegation("sub", 3, false, paths)]);
    let top = [delegation("aa", 4, false, &["b/*"]), delegation("sub", 3, false, &["dev/*"])];
    let said = |sub_lists: &[&str], path: &str| {
        let roles =
            [("targets", &[][..], json!(top)), ("aa", &[], sub(&["b/z"])), ("sub", sub_lists, Value::Null)];
        tree(&roles).ask(path).tough
    };

    let refused = said(&["dev/tool"], "dev/tool").unwrap();
    let elsewhere = said(&["b/z"], "dev/new").unwrap();

    assert_eq!(
        refused,
        "tough, the client in Rust, refuses the whole repository: sub lists the path, and tough comes to sub by targets -> aa -> sub alone"
    );
    assert!(
        elsewhere.ends_with("loaded by its first delegation alone: there it never asks sub"),
        "{elsewhere}"
    );
    assert_eq!(said(&["b/z"], "b/z"), None);
}

#[test]
fn tough_refuses_who_delegates_by_succinct_roles() {
    let bins = json!({"keyids": [key(4).keyid()], "threshold": 1, "bit_length": 4, "name_prefix": "bin"});
    let tree = tree(&[("targets", &[], bins)]);

    let said = tree.ask("a").tough;

    assert_eq!(
        said.as_deref(),
        Some("tough, the client in Rust, refuses targets: it reads no succinct_roles")
    );
}

#[test]
fn a_terminating_delegation_ends_the_search_after_what_lies_below_it() {
    let answer = world(true).ask("dev/tool.txt");

    assert_eq!(walk(&answer), ["1 targets", "2   dev", "3     tools", "-   ops", "-   late"]);
    assert_eq!(answer.steps[3].asked, Asked::Never("dev".into()));
    assert_eq!(world(true).ask("dev/new").stop(), "The search ends with dev, which is terminating");
}

#[test]
fn a_delegation_that_covers_nothing_of_it_never_ends_a_search() {
    let answer = world(true).ask("new.txt");

    assert_eq!(walk(&answer), ["1 targets", "2   late"]);
    assert_eq!(
        answer.headline(&holders()),
        "new.txt: no role here lists it; who may sign it, first one first: targets, late"
    );
}

#[test]
fn a_role_that_two_delegate_to_is_asked_once_and_a_circle_ends() {
    let tree = tree(&[
        ("targets", &[], json!([delegation("a", 1, false, &["*"]), delegation("b", 1, false, &["*"])])),
        ("a", &[], json!([delegation("b", 1, false, &["*"])])),
        ("b", &["x"], json!([delegation("a", 1, false, &["*"])])),
    ]);

    let answer = tree.ask("x");

    assert_eq!(walk(&answer), ["1 targets", "2   a", "3     b", "-       a", "-   b"]);
    assert_eq!(answer.taken_from.as_deref(), Some("b"));
    assert_eq!(Rows::of(&tree, &BTreeSet::new()).0.len(), 4);
}

#[test]
fn a_pattern_finds_the_roles_that_may_sign_some_of_its_paths() {
    let answer = world(true).ask("dev/t*");

    assert_eq!(walk(&answer), ["1 targets", "2   dev", "3     tools", "-   ops", "-   late"]);
    let all: Vec<bool> = answer.steps.iter().map(|step| step.all).collect();
    assert_eq!(all, [true, true, false, true, true]);
    assert_eq!(
        answer.headline(&holders()),
        "dev/t*: targets, dev and tools may sign paths like this; 1 target is there now"
    );
    // Not every path of the pattern is dev's, and so the others come to their turn too.
    assert_eq!(walk(&world(true).ask("*")), ["1 targets", "2   dev", "3   late"]);
    assert_eq!(walk(&world(false).ask("?ps/*")), ["1 targets"]);
}

#[test]
fn of_thousands_of_bins_a_path_has_one_and_a_pattern_all_of_them() {
    let bins = json!({"keyids": [key(4).keyid()], "threshold": 1, "bit_length": 14, "name_prefix": "bin"});
    let tree = tree(&[("targets", &[], bins)]);

    let path = tree.ask("a/b");
    let rows = Rows::of(&tree, &[("targets".to_owned(), path.steps[1].place)].into());

    let place = path.steps[1].place;
    assert_eq!(walk(&path), ["1 targets".to_owned(), format!("2   bin-{place:04x}")]);
    assert_eq!(walk(&tree.ask("a/*")), ["1 targets", "2   bin-0000 and 16383 more bins"]);
    let names: Vec<String> = rows.0.iter().map(Row::name).collect();
    assert_eq!(
        names,
        [
            format!("bin-0000 .. bin-{:04x}", place - 1),
            format!("bin-{place:04x}"),
            format!("bin-{:04x} .. bin-3fff", place + 1)
        ]
    );
    assert_eq!(Rows::of(&tree, &BTreeSet::new()).0[0].count, 16384);
}

#[test]
fn rows_draw_the_tree_and_say_what_is_not_here() {
    let rows = Rows::of(&world(false), &BTreeSet::new()).0;

    let line = |row: &Row| format!("{} {} {:b} {}", row.depth, row.name(), row.branches, row.missing);
    let lines: Vec<String> = rows.iter().map(line).collect();
    assert_eq!(lines, ["1 dev 1 0", "2 tools 1 0", "1 ops 1 0", "1 late 0 1"]);
    assert_eq!((rows[0].version, rows[0].targets), (Some(3), 2));
}

#[test]
fn shadowed_targets_are_counted_with_the_role_that_shadows_them() {
    let lines: Vec<String> = world(false).shadowed().iter().map(Moved::shadow).collect();

    assert_eq!(
        lines,
        [
            "1 current target of ops is shadowed by dev: dev/a",
            "1 current target of ops is shadowed by tools: dev/tool.txt",
        ]
    );
}

#[test]
fn a_path_that_is_found_only_now_counts_once_however_many_list_it() {
    let with = |paths: &[&str]| {
        let list = json!([delegation("dev", 2, false, paths), delegation("ops", 2, false, paths)]);
        tree(&[
            ("targets", &[], list),
            ("dev", &["dev/a"], Value::Null),
            ("ops", &["dev/a", "dev/b"], Value::Null),
        ])
    };

    let lines = moves(&with(&["x"]), &with(&["dev/*"])).lines();

    assert_eq!(
        lines,
        [
            "1 current target is found only now, in dev: dev/a",
            "1 current target is found only now, in ops: dev/b"
        ]
    );
}

#[test]
fn another_order_moves_targets_from_role_to_role() {
    let paths: Vec<String> = (0..17).map(|n| format!("dev/{n:02}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (ops, dev) = (delegation("ops", 1, false, &["*/*"]), delegation("dev", 2, false, &["dev/*"]));
    let with = |roles: Value| {
        tree(&[("targets", &[], roles), ("ops", &paths, Value::Null), ("dev", &paths, Value::Null)])
    };
    let old = with(json!([ops, dev]));

    let moved = moves(&old, &with(json!([dev, ops])));
    let gone = moves(&old, &with(json!([])));

    assert_eq!(
        moved.lines(),
        ["17 current targets move from ops to dev with other content: dev/00, dev/01, dev/02 and 14 more"]
    );
    assert_eq!(
        gone.lines(),
        [
            "17 current targets of ops can no longer be found by any client: dev/00, dev/01, dev/02 and 14 more"
        ]
    );
    assert_eq!(moves(&old, &old), Moves::default());
}

#[test]
fn a_new_delegation_in_front_may_replace_what_it_does_not_list_yet_and_hides_it_when_it_terminates() {
    let ops = delegation("ops", 1, false, &["dev/*"]);
    let with =
        |roles: Value| tree(&[("targets", &["app"], roles), ("ops", &["dev/a", "dev/b"], Value::Null)]);
    let old = with(json!([ops]));

    let replaced = moves(&old, &with(json!([delegation("dev", 2, false, &["dev/a"]), ops])));
    let hidden = moves(&old, &with(json!([delegation("dev", 2, true, &["dev/a"]), ops])));
    let behind = moves(&old, &with(json!([ops, delegation("dev", 2, true, &["dev/a"])])));

    assert_eq!(replaced.lines(), ["dev may now replace 1 current target that clients take from ops: dev/a"]);
    assert_eq!(hidden.lines(), ["1 current target of ops can no longer be found by any client: dev/a"]);
    assert_eq!(behind.lines(), Vec::<String>::new());
}

#[test]
fn a_key_under_two_labels_is_one_person_and_a_threshold_out_of_reach_is_nobody() {
    let mut keys = RoleKeys { keys: BTreeMap::from([(key(1).keyid(), key(1))]), threshold: 1 };
    keys.keys.insert(KeyId("ff".into()), key(1));
    let with = |threshold| who(&RoleKeys { threshold, ..keys.clone() }, &holders());

    assert_eq!(with(1), "Ana Duarte alone");
    assert_eq!(with(2), "nobody: 2 keys must sign, and it has 1");
    assert_eq!(with(0), "nobody, for its threshold is 0");
}
