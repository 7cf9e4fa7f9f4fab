//! Every rule is found where it is broken, and a repository without fault has no error.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use keyrite::lint;
use keyrite::lint::Client;
use keyrite::lint::Does;
use keyrite::lint::Options;
use keyrite::lint::Profile;
use keyrite::lint::Severity;
use keyrite::tuf::client::Files;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::lint::cases;
use crate::tuf::world::Set;
use crate::tuf::world::World;
use crate::tuf::world::delegation;
use crate::tuf::world::keys;
use crate::tuf::world::now;
use crate::tuf::world::world;

pub(crate) fn found(files: &dyn Files, profile: Profile) -> BTreeSet<&'static str> {
    let report = lint::lint(files, &Options { at: now(), profile }).unwrap();
    report.findings.iter().map(|finding| finding.rule.name).collect()
}

#[test]
fn every_rule_is_found_where_it_is_broken() {
    for case in cases::all() {
        let found = found(&case.set, Profile::Compatible);

        assert!(found.contains(case.rule), "{}: {found:?}", case.rule);
    }
}

#[test]
fn a_version_of_more_than_64_bits_is_too_long_and_not_too_low() {
    let mut set = cases::good();
    let text = String::from_utf8(set.0["timestamp.json"].clone()).unwrap();
    let text = text.replacen(r#""version":9"#, r#""version":18446744073709551616"#, 1);
    set.0.insert("timestamp.json".into(), text.into_bytes());

    let found = found(&set, Profile::Compatible);

    assert!(found.contains("NUMBER-ABOVE-64-BITS"), "{found:?}");
    assert!(!found.contains("VERSION-NOT-POSITIVE") && !found.contains("NUMBER-NOT-WHOLE"), "{found:?}");
}

#[test]
fn nothing_is_said_of_a_signature_that_only_others_can_verify() {
    let found = found(&cases::by_p521().set, Profile::Compatible);

    for rule in ["THRESHOLD-NOT-MET", "SIGNATURE-BY-STRANGER", "SIGNATURE-INVALID"] {
        assert!(!found.contains(rule), "{found:?}");
    }
}

#[test]
fn a_good_repository_has_no_error() {
    for profile in [Profile::Compatible, Profile::Strict] {
        let report = lint::lint(&cases::good(), &Options { at: now(), profile }).unwrap();

        let errors: Vec<_> =
            report.findings.iter().filter(|it| it.severity(profile) == Severity::Error).collect();
        assert!(errors.is_empty(), "{profile:?}: {errors:?}");
    }
}

#[test]
fn every_rule_has_a_case_and_a_name_of_its_own() {
    let rules: Vec<&str> = lint::rules().map(|rule| rule.name).collect();
    let cases: BTreeSet<&str> = cases::all().iter().map(|case| case.rule).collect();

    // A file that cannot be read is not one that can be bent; a point in hex is tried by a published root.
    let untried: Vec<&&str> = rules.iter().filter(|name| !cases.contains(**name)).collect();
    assert_eq!(untried, [&"NOT-READABLE", &"EC-KEY-IN-HEX"]);
    assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), rules.len());
}

/// Where THRESHOLD-NO-SPARE is found.
fn without_spare(bend: impl FnOnce(&mut World)) -> BTreeSet<String> {
    let mut world = world();
    bend(&mut world);
    let report = lint::lint(&world.build(), &Options { at: now(), profile: Profile::Compatible }).unwrap();
    let found = report.findings.into_iter().filter(|finding| finding.rule.name == "THRESHOLD-NO-SPARE");
    found.map(|finding| finding.at).collect()
}

#[test]
fn a_spare_key_is_missed_for_every_role_that_people_sign() {
    let [root, targets] = ["root", "targets"].map(|role| format!("/signed/roles/{role}/threshold"));
    let dev = "/signed/delegations/roles/0/threshold".to_owned();
    let delegated = |n: u8, more: Value| {
        without_spare(move |world| {
            let mut role = delegation("dev", &[n], &["dev/*"]);
            role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            role.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            world.role("targets")["delegations"] = json!({"keys": keys(&[n]), "roles": [role]});
        })
    };
    let only_targets = BTreeSet::from([targets.clone()]);

    assert_eq!(without_spare(|_| {}), BTreeSet::from([targets.clone(), dev.clone()]));
    let all = without_spare(|world| world.roots[1].0["roles"]["root"]["threshold"] = json!(3));
    assert_eq!(all, BTreeSet::from([root, targets, dev.clone()]));
    assert!(delegated(8, json!({})).contains(&dev));
    let with_a_servers = without_spare(|world| {
        let mut role = delegation("dev", &[5, 8], &["dev/*"]);
        role["threshold"] = json!(2);
        world.role("targets")["delegations"] = json!({"keys": keys(&[5, 8]), "roles": [role]});
    });
    assert!(with_a_servers.contains(&dev));
    // What a server signs, and bins, is signed by machines.
    assert_eq!(delegated(5, json!({})), only_targets);
    assert_eq!(delegated(8, json!({"paths": null, "path_hash_prefixes": ["0"]})), only_targets);
}

#[test]
fn severity_follows_from_what_clients_do() {
    for rule in lint::rules() {
        let minds = rule.clients.iter().any(|says| matches!(says.does, Does::Refuses | Does::Fooled));
        let error = rule.severity(Profile::Compatible) == Severity::Error;

        assert!(!minds || error, "{}", rule.name);
        assert!(rule.severity(Profile::Strict) >= rule.severity(Profile::Compatible), "{}", rule.name);
        let clients: Vec<Client> = rule.clients.iter().map(|says| says.client).collect();
        assert!(clients.is_sorted_by(|a, b| a < b), "{}: each client once, in order", rule.name);
    }
}

#[test]
fn many_findings_alike_are_counted_and_not_told() {
    let mut set = cases::good();
    let mut file: Value = serde_json::from_slice(&set.0["3.targets.json"]).unwrap();
    for n in 0..100 {
        file["signed"]["targets"][format!("/{n}")] = crate::tuf::world::target(b"x");
    }
    set.0.insert("3.targets.json".into(), serde_json::to_vec(&file).unwrap());

    let report = lint::lint(&set, &Options { at: now(), profile: Profile::Compatible }).unwrap();

    let told: Vec<_> = report.findings.iter().filter(|it| it.rule.name == "TARGET-PATH").collect();
    assert_eq!(told.len(), 11);
    assert_eq!(told[10].detail, "and 90 more like it");
}

#[test]
fn the_documentation_is_the_table_of_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md");

    assert_eq!(
        fs::read_to_string(path).unwrap(),
        lint::document(),
        "run: keyrite lint --rules > docs/lint.md"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(Value::from("ed25519")),
        Just(Value::from("-----BEGIN PUBLIC KEY-----")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Replaces the `n`th value of the tree, counted from the top.
fn replace(value: &mut Value, n: &mut usize, by: &Value) -> bool {
    if *n == 0 {
        *value = by.clone();
        return true;
    }
    *n -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, n, by)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, n, by)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_metadata_makes_it_panic(which in 0_usize..6, place in 0_usize..60, by in any_json()) {
        let mut set = cases::good();
        let name = set.0.keys().nth(which).unwrap().clone();
        let mut file: Value = serde_json::from_slice(&set.0[&name]).unwrap();
        replace(&mut file, &mut { place }, &by);
        set.0.insert(name, serde_json::to_vec(&file).unwrap());

        drop(found(&set, Profile::Strict));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..2_000) {
        let mut set = cases::good();
        set.0.get_mut("3.targets.json").unwrap().truncate(cut);
        set.0.insert("timestamp.json".into(), bytes);
        let one = Set([("x".to_owned(), set.0["3.targets.json"].clone())].into());

        drop(found(&set, Profile::Compatible));
        drop(found(&one, Profile::Compatible));
    }
}
