//! Ceremony files: every mistake is refused with its rule and its place, and makes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use keyrite::plan::Plan;
use keyrite::plan::consequences::consequences;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;

const AT: &str = "2026-12-03T09:00:00Z";

fn bad_plans() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad-plans");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_plan_without_a_mistake_holds() {
    keyrite(&["check", "tests/data/good-plan.yaml", "--at", AT]).ended(0);
}

/// One file, one mistake; the message is what a person reads who made it.
#[test]
fn every_faulty_file_is_refused_with_its_message() {
    for file in bad_plans() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let relative = format!("tests/data/bad-plans/{name}.yaml");

        let said = keyrite(&["check", &relative, "--at", AT]);

        let golden = format!("exit {}\n{}", said.code, said.err);
        insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/bad-plans"), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, golden);
        });
        assert!(said.code == 1 || said.code == 2, "{name} ended with {}", said.code);
        assert!(said.out.is_empty(), "{name} prints a plan that does not hold");
    }
}

#[test]
fn every_message_names_a_rule_and_a_place() {
    let mut rules = BTreeSet::new();
    for file in bad_plans() {
        let said = keyrite(&["--json", "check", text(&file), "--at", AT]);

        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let errors =
            document["problems"].as_array().unwrap().iter().filter(|problem| problem["severity"] == "error");
        let problems: Vec<_> = errors.collect();
        assert_eq!(document["holds"], false, "{}", file.display());
        assert_eq!(problems.len(), 1, "one mistake is one problem: {}: {problems:?}", file.display());
        let empty = file.ends_with("empty-file.yaml");
        assert!(empty || problems[0]["place"]["line"].as_u64() > Some(0), "{problems:?}");
        rules.insert(problems[0]["rule"].as_str().unwrap().to_owned());
    }
    assert!(rules.len() >= 60, "only {} rules have a faulty file", rules.len());
}

#[test]
fn no_faulty_file_makes_anything() {
    let dir = tempfile::tempdir().unwrap();
    let answers = dir.path().join("answers.yaml");
    std::fs::write(&answers, format!("answers: 1\nconfirm: all\nclock: {AT}\n")).unwrap();
    for file in bad_plans() {
        let record = dir.path().join("record");

        let said = run_by_file(&file, &answers, &record, &["--rehearse"]);

        assert!(said.code == 1 || said.code == 2, "{}: {} {}", file.display(), said.code, said.err);
        let left: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["answers.yaml"], "{}", file.display());
    }
}

fn plan(change: impl Fn(&str) -> String) -> Result<Plan, Vec<String>> {
    let good = include_str!("../data/good-plan.yaml");
    Plan::read(&change(good), None).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn consequences_name_people() {
    let plan = plan(str::to_owned).unwrap();

    insta::assert_snapshot!(consequences(&plan).join("\n"), @r"
    root: Ana Duarte and Bo Lindqvist together can replace every key; losing 1 of them loses the root, and clients can never be told of another one.
    targets: any one of Ana Duarte and Bo Lindqvist can publish software that clients install; losing 2 of them stops new releases until root names other keys.
    snapshot: Oli Berg alone says which versions belong together; a thief could mix old and new.
    timestamp: Oli Berg alone says what is newest; a thief could keep clients on an old state until it expires.
    ");
}

#[test]
fn who_holds_several_keys_of_the_file_is_called_alike_wherever_one_of_them_is_meant() {
    let two = |good: &str| {
        let desk = "  desk: {holder: ana, store: \"age:keys/desk.age\", scheme: ed25519, generate: true}\n";
        let (good, _) = good.split_once("steps:").unwrap();
        good.replace("  online:", &format!("{desk}  online:"))
            .replace("keys: [ana, bo], threshold: 1", "keys: [desk], threshold: 1")
    };
    let plan = plan(two).unwrap();

    let said = consequences(&plan);

    assert_eq!(plan.called("desk"), "Ana Duarte (key desk)");
    assert!(said[0].starts_with("root: Ana Duarte (key ana) and Bo Lindqvist together"), "{said:?}");
    assert!(said[1].starts_with("targets: Ana Duarte (key desk) alone"), "{said:?}");
}

#[test]
fn everything_wrong_is_said_in_one_go() {
    let wrong = |good: &str| {
        good.replace("threshold: 2", "threshold: 0")
            .replace("holder: bo", "holder: bob")
            .replace("role: witness", "role: w")
    };

    let problems = plan(wrong).unwrap_err();

    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[test]
fn for_each_makes_one_step_a_name() {
    let each = |good: &str| {
        let two = "  - {do: generate-key, key: ana}\n  - {do: generate-key, key: bo}\n";
        good.replace(two, "  - {do: generate-key, key: \"{k}\", id: \"make-{k}\", for_each: [ana, bo]}\n")
    };

    let plan = plan(each).unwrap();

    let ids: Vec<_> = plan.steps[3..5].iter().map(|step| (step.id.as_str(), step.by.as_str())).collect();
    assert_eq!(ids, [("make-ana", "ana"), ("make-bo", "bo")]);
}

#[test]
fn sections_are_lists_or_maps() {
    let list = |good: &str| {
        let (head, steps) = good.split_once("steps:\n").unwrap();
        let steps = steps.replace("  - ", "      - ");
        format!("{head}steps:\n  - section: All of it\n    steps:\n{steps}")
    };
    let map = |good: &str| {
        let (head, steps) = good.split_once("steps:\n").unwrap();
        format!("{head}steps:\n  All of it:\n{}", steps.replace("  - ", "    - "))
    };

    let (list, map) = (plan(list).unwrap(), plan(map).unwrap());

    assert_eq!(list.steps[0].section.as_deref(), Some("All of it"));
    assert_eq!(map.steps[0].section.as_deref(), Some("All of it"));
    assert_eq!(list.steps.len(), map.steps.len());
}

#[test]
fn the_file_that_new_writes_needs_only_names_and_the_servers_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ceremony.yaml");
    keyrite(&["new", "root-genesis", "--out", text(&file)]).ended(0);
    std::fs::create_dir(dir.path().join("inputs")).unwrap();
    let key = r#"{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}}"#;
    std::fs::write(dir.path().join("inputs/online.pub.json"), key).unwrap();

    let refused = keyrite(&["check", text(&file), "--json"]).ended(1).out;
    let refused: serde_json::Value = serde_json::from_str(&refused).unwrap();
    let errors =
        refused["problems"].as_array().unwrap().iter().filter(|problem| problem["severity"] == "error");
    let named: Vec<_> = errors
        .map(|problem| {
            assert_eq!(problem["rule"], "DRAFT-FILLED-IN", "{refused}");
            problem["text"].as_str().unwrap().split(' ').nth(1).unwrap()
        })
        .collect();
    assert_eq!(named, ["oli", "ana", "bo", "chi", "wim"], "{refused}");

    let mut whole = std::fs::read_to_string(&file).unwrap();
    for (drafted, name) in [
        ("The one who types", "Oli Berg"),
        ("Holder of key ana", "Ana Duarte"),
        ("Holder of key bo", "Bo Lindqvist"),
        ("Holder of key chi", "Chi Nwosu"),
        ("The one who watches", "Wim Peeters"),
    ] {
        whole = whole.replace(drafted, name);
    }
    std::fs::write(&file, whole).unwrap();
    keyrite(&["check", text(&file)]).ended(0);
    let again = keyrite(&["new", "root-genesis", "--out", text(&file)]).ended(2);

    assert!(again.err.contains("nothing was written"), "{}", again.err);
}

proptest::proptest! {
    /// Whatever a file holds, it is a plan or a list of problems, never a panic.
    #[test]
    fn any_text_is_read_without_a_panic(text in "[ -~\n]{0,300}") {
        let _ = Plan::read(&text, None);
    }

    /// A good file with any one line changed or gone is read without a panic as well.
    #[test]
    fn any_broken_line_is_read_without_a_panic(line in 0usize..40, with in "[ -~]{0,40}") {
        let good = include_str!("../data/good-plan.yaml");
        let lines: Vec<_> = good.lines().enumerate().map(|(at, text)| if at == line { with.as_str() } else { text }).collect();
        let _ = Plan::read(&lines.join("\n"), None);
    }
}

/// tough refuses a whole file that lists a key on P-384: what is made, and what comes with a file, is remarked.
#[test]
fn a_key_on_p384_is_remarked_and_can_be_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ceremony.yaml");
    std::fs::copy("tests/data/p384.pem", dir.path().join("online.pem")).unwrap();
    let good = std::fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let made = good.replace("ana.age\", scheme: ed25519", "ana.age\", scheme: ecdsa-sha2-nistp384");
    let online = "online: {holder: oli, store: \"age:keys/online.age\", scheme: ed25519, generate: true}";
    let brought = good.replace(online, "online: {holder: oli, public: online.pem}");
    let brought = brought.replace("{do: generate-key, key: online}", "{do: load-keys}");
    let remark = |plan: &str| {
        std::fs::write(&file, plan).unwrap();
        let said = keyrite(&["--json", "check", text(&file), "--at", AT]).ended(0);
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let problems = document["problems"].as_array().unwrap().clone();
        let of_scheme = |problem: &&serde_json::Value| problem["rule"] == "scheme-not-everywhere";
        let texts =
            problems.iter().filter(of_scheme).map(|problem| problem["text"].as_str().unwrap().to_owned());
        texts.collect::<Vec<String>>().join("|")
    };

    assert_eq!(remark(&good), "");
    assert!(remark(&made).starts_with("key ana of root is ecdsa-sha2-nistp384: tough"), "{}", remark(&made));
    assert!(remark(&brought).starts_with("key online of snapshot is"), "{}", remark(&brought));
    for plan in [made, brought] {
        let accepted = plan.replace("outputs:", "  accept: [scheme-not-everywhere]\noutputs:");
        assert_eq!(remark(&accepted), "");
    }
}
