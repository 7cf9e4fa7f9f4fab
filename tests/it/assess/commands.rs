//! `keyrite assess` from outside.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::*;
use crate::common::keyrite::Said;
use crate::common::keyrite::text;
use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::targets;

const AT: &str = "2026-12-03T09:00:00Z";

fn keyrite(args: &[&str], folder: &Path) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyrite"));
    Said::of(&command.args(args).current_dir(folder).env_clear().output().unwrap())
}

/// The same, as a golden file; no line is wider than the screen.
#[track_caller]
fn golden(name: &str, args: &[&str], code: i32) {
    let folder = folder();
    let said = keyrite(&[&["assess", ".", "--at", AT], args].concat(), folder.path()).ended(code);

    assert_eq!(said.err, "");
    let wide: Vec<&str> = said.out.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, Vec::<&str>::new());
    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/assess"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, said.out);
    });
}

#[test]
fn one_lost_key_of_three_is_told_to_be_safe() {
    golden("one-lost", &["--lost", "fay"], 0);
}

#[test]
fn a_stolen_token_and_a_stolen_server_are_told_with_what_to_do() {
    golden(
        "stolen-server",
        &["--stolen", "chi", "--stolen", "Sam Online", "--stolen", "tim", "--stolen", "tia"],
        1,
    );
}

#[test]
fn a_lost_root_is_told_first() {
    golden("root-lost", &["--lost", "fay", "--lost", "bo"], 1);
}

#[test]
fn every_combination_fits_a_table() {
    golden("all", &["--all"], 1);
}

#[test]
fn a_key_is_called_by_name_holder_keyid_or_the_beginning_of_it() {
    let folder = folder();
    let keyid = public(3).keyid().0;
    let ask = |called: &str| keyrite(&["assess", ".", "--at", AT, "--lost", called], folder.path());

    let by_name = ask("chi").ended(0).out;
    for called in ["Chi Nwosu", &keyid, &keyid[..6]] {
        assert_eq!(ask(called).ended(0).out, by_name, "{called}");
    }
    let unknown = ask("zoe").ended(2);
    assert!(unknown.err.starts_with("error: no key of this repository is called \"zoe\""), "{}", unknown.err);
    assert!(unknown.err.contains("ana (Ana Duarte)"), "{}", unknown.err);
}

#[test]
fn json_is_one_document_with_the_answer() {
    let folder = folder();

    let said = keyrite(&["assess", ".", "--at", AT, "--stolen", "tim", "--json"], folder.path()).ended(1);

    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["good"], false);
    assert_eq!(document["root"]["rotates"], true);
    assert_eq!(document["thief"][1]["harm"], "freeze");
    assert_eq!(document["thief"][1]["rule"], "TIMESTAMP-ALONE");
    assert_eq!(document["thief"][1]["until"], "2027-01-03T09:00:00Z");
}

#[test]
fn a_repair_is_written_once_and_only_where_root_can_be_signed() {
    let folder = folder();
    let repair = |args: &[&str]| {
        keyrite(&[&["assess", ".", "--at", AT, "--repair", "repair.yaml"], args].concat(), folder.path())
    };

    assert!(repair(&[]).ended(2).err.contains("nothing to repair; nothing was written"));
    assert!(repair(&["--lost", "fay", "--lost", "bo"]).ended(1).err.contains("no ceremony repairs this"));
    assert!(!folder.path().join("repair.yaml").exists());
    repair(&["--stolen", "tim"]).ended(1);
    let text = std::fs::read_to_string(folder.path().join("repair.yaml")).unwrap();
    assert!(text.contains("stolen: [tim]") && text.contains("metadata: \"metadata\""), "{text}");
    assert!(repair(&["--stolen", "tim"]).ended(2).err.contains("nothing was written"));
}

#[test]
fn a_repair_of_a_stolen_snapshot_key_gives_timestamp_new_keys_too() {
    let folder = folder();
    let repair = |called: &str| {
        let file = format!("{called}.yaml");
        let args = ["assess", ".", "--at", AT, "--stolen", called, "--repair", &file];
        let said = keyrite(&args, folder.path()).ended(1).out;
        (
            said.split_whitespace().collect::<Vec<_>>().join(" "),
            fs::read_to_string(folder.path().join(file)).unwrap(),
        )
    };

    let (said, text) = repair("sam");
    assert!(text.contains("stolen: [sam]\n"), "{text}");
    assert!(
        text.contains("    timestamp: {keys: [tim-2]") && text.contains("    snapshot: {keys: [sam-2]"),
        "{text}"
    );
    assert!(
        said.contains("Timestamp gets new keys in the place of tim too, though nobody stole them"),
        "{said}"
    );
    assert!(said.contains("so they take lower versions once (fast-forward recovery)"), "{said}");

    // A high timestamp of the thief's falls with its key.
    let (said, text) = repair("tim");
    assert!(!text.contains("    snapshot: {keys"), "{text}");
    assert!(
        said.contains("take lower versions of timestamp and snapshot once (fast-forward recovery)"),
        "{said}"
    );
}

#[test]
fn a_key_that_leaves_timestamp_for_clients_to_forget_stays_where_it_signs_other_roles() {
    let mut world = world();
    // Beside its own key, one of a delegate's and one of root's.
    let listed = keys(&[3, 6, 8]);
    for (keyid, key) in listed.as_object().unwrap() {
        world.roots[1].0["keys"][keyid] = key.clone();
    }
    world.roots[1].0["roles"]["timestamp"]["keyids"] = json!(keyids(&[3, 6, 8]));
    let folder = folder_of(&world);

    let args = ["assess", ".", "--at", AT, "--stolen", "sam", "--repair", "r.yaml"];
    let said = keyrite(&args, folder.path()).ended(1).out;

    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = fs::read_to_string(folder.path().join("r.yaml")).unwrap();
    let timestamp = text.lines().find(|line| line.starts_with("    timestamp: ")).unwrap();
    for key in ["chi-2", "tim-2", "dev-2"] {
        assert!(timestamp.contains(key), "{text}");
    }
    assert_eq!(text.matches("- key dev\"").count(), 1, "{text}");
    assert!(!text.contains("    targets:\n") && !text.contains("    root: {keys: [chi-2"), "{text}");
    assert!(said.contains("without sam, with a new key in each place, in snapshot; signed"), "{said}");
    let too = said.contains("Timestamp gets new keys in the place of");
    assert!(too && said.contains("so they take lower versions once (fast-forward recovery)"), "{said}");
    passes_once_filled(folder.path(), "r.yaml");
}

/// The file with what only people know filled in.
fn filled(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let text = text.replace("The one who types", "Oli Berg").replace("The one who watches", "Wim Peeters");
    let text = text.replace("Holder of key ", "Fay Brook ");
    let text = text.replace("What happened, who saw it, and when", "A token was left on a train");
    let example = text.split("drafted as if ").nth(1).and_then(|text| text.split(' ').next());
    let text =
        example.map_or_else(|| text.clone(), |example| text.replace("\"Which keys are lost\"", example));
    fs::write(file, text).unwrap();
}

/// `check` refuses a drafted file for what only people know, and for nothing else.
#[track_caller]
fn passes_once_filled(folder: &Path, file: &str) {
    let at = ["check", file, "--at", AT, "--json"];
    let said: Value = serde_json::from_str(&keyrite(&at, folder).ended(1).out).unwrap();
    let problems = said["problems"].as_array().unwrap();
    for problem in problems.iter().filter(|problem| problem["severity"] == "error") {
        assert_eq!(problem["rule"], "DRAFT-FILLED-IN", "{said}");
        assert!(
            problem["place"]["line"].as_u64() > Some(1) && problem["place"]["column"].as_u64() >= Some(1)
        );
    }
    filled(&folder.join(file));
    keyrite(&["check", file, "--at", AT], folder).ended(0);
}

/// A drafted rotation, which changes no key until its roles are corrected.
fn with_a_change(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let text = text.replacen("threshold: 2}", "threshold: 3}", 1);
    fs::write(file, text.replace("  expect_diff:\n", "  expect_diff:\n    - \"root: threshold 2 -> 3\"\n"))
        .unwrap();
}

#[test]
fn a_drafted_rotation_that_nobody_edited_changes_no_key_and_is_refused() {
    let folder = folder();
    let out = ["new", "key-rotation", "--from", ".", "--out", "same.yaml"];
    keyrite(&out, folder.path()).ended(0);
    filled(&folder.path().join("same.yaml"));

    let said = keyrite(&["check", "same.yaml", "--at", AT], folder.path()).ended(1);

    assert!(said.err.contains("no key and no threshold changes"), "{}", said.err);
    assert!(said.err.contains("TYPE-ALLOWS"), "{}", said.err);
}

#[test]
fn every_drafted_file_passes_check_once_it_is_filled_in() {
    let folder = folder();

    for kind in
        ["root-renewal", "key-rotation", "compromise-response", "delegation-change", "targets-signing"]
    {
        let file = format!("{kind}.yaml");
        keyrite(&["new", kind, "--from", ".", "--out", &file], folder.path()).ended(0);
        if kind == "key-rotation" {
            with_a_change(&folder.path().join(&file));
        }
        passes_once_filled(folder.path(), &file);
    }
    let repairs: [&[&str]; 6] = [
        &["--stolen", "sam"],
        &["--stolen", "tim"],
        &["--lost", "chi", "--stolen", "sam", "--stolen", "tim"],
        &["--stolen", "tia"],
        &["--stolen", "dev"],
        &["--stolen", "chi", "--stolen", "tia", "--stolen", "sam", "--stolen", "tim", "--stolen", "dev"],
    ];
    for (nth, stolen) in repairs.iter().enumerate() {
        let file = format!("repair-{nth}.yaml");
        keyrite(&[&["assess", ".", "--at", AT, "--repair", &file], *stolen].concat(), folder.path()).ended(1);
        passes_once_filled(folder.path(), &file);
    }
}

/// Whoever signed at another place stays there in the next ceremony, also without a part in it.
#[test]
fn keys_that_were_elsewhere_are_drafted_so_where_their_keys_only_sign() {
    let folder = folder();
    let before = "participants:
  chi: {name: Chi Nwosu, role: custodian, statement_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea'}
  tim: {name: Tim Online, role: custodian}
keys:
  chi: {holder: chi, store: elsewhere}
  tim: {holder: tim, store: elsewhere}
";
    fs::write(folder.path().join("ceremony.yaml"), before).unwrap();
    let drafted = |kind: &str| {
        let file = format!("{kind}.yaml");
        keyrite(&["new", kind, "--from", ".", "--out", &file], folder.path()).ended(0);
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    let line = |draft: &str, key: &str| {
        let begins = format!("  {key}: {{holder: {key}, ");
        draft.lines().find(|line| line.starts_with(&begins)).unwrap_or_else(|| panic!("{draft}")).to_owned()
    };

    let renewal = drafted("root-renewal");
    let change = drafted("delegation-change");
    let drill = drafted("restore-drill");

    for (draft, key, signs) in [(&renewal, "chi", true), (&change, "chi", false), (&renewal, "tim", false)] {
        let line = line(draft, key);
        assert!(line.contains("store: \"elsewhere\""), "{line}");
        assert_eq!(line.ends_with("   # does not sign today"), !signs, "{line}");
        assert!(
            draft.contains("# Leave it open until the last answer from elsewhere can have come.\nclock: ")
        );
    }
    let keeps = "  chi: {name: \"Chi Nwosu\", role: custodian, statement_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdam";
    assert!(
        renewal.contains(keeps) && !renewal.contains("tim: {name: \"Tim Online\", role: custodian, s"),
        "{renewal}"
    );
    assert!(!drill.contains("\"elsewhere\"") && !drill.contains("last answer"), "{drill}");
    for file in ["root-renewal.yaml", "delegation-change.yaml"] {
        passes_once_filled(folder.path(), file);
        let said = keyrite(&["check", file, "--at", AT], folder.path()).ended(0).out;
        for name in ["Chi Nwosu", "Tim Online"] {
            let there = |line: &str| line.contains(name) && line.ends_with("custodian, elsewhere");
            assert!(said.lines().any(there), "{name}: {said}");
        }
    }
}

#[test]
fn target_files_of_a_delegated_role_are_drafted_by_its_name() {
    let folder = folder();
    let new =
        |more: &[&str]| keyrite(&[&["new", "targets-signing", "--from", "."], more].concat(), folder.path());

    let said = new(&["--role", "dev", "--out", "dev.yaml"]).ended(0);

    let text = fs::read_to_string(folder.path().join("dev.yaml")).unwrap();
    assert!(text.contains("  after:\n    \"dev\":\n      version: 3\n"), "{text}");
    assert!(
        text.contains("dev: {holder: Dana, store: ") || text.contains("dev: {holder: dana, store: "),
        "{text}"
    );
    assert!(!said.out.is_empty());
    passes_once_filled(folder.path(), "dev.yaml");
    assert!(new(&[]).ended(0).out.contains("`--role NAME` drafts the same for a delegated role: dev"));
    let unknown = new(&["--role", "den"]).ended(2).err;
    assert!(
        unknown.contains("no role \"den\" signs target files here") && unknown.contains("targets, dev"),
        "{unknown}"
    );
    let other = keyrite(&["new", "root-renewal", "--from", ".", "--role", "dev"], folder.path()).ended(2).err;
    assert!(other.contains("nothing was written") && other.contains("targets-signing"), "{other}");
}

#[test]
fn what_was_drafted_and_not_filled_in_is_named_with_its_line() {
    let folder = folder();
    fs::remove_dir_all(folder.path().join("keys")).unwrap();
    keyrite(&["new", "compromise-response", "--from", ".", "--out", "r.yaml"], folder.path()).ended(0);

    let said = keyrite(&["check", "r.yaml"], folder.path()).ended(1).err;

    for stands in
        ["What happened, who saw it, and when", "The one who types", "The one who watches", "Holder of key "]
    {
        let line =
            said.lines().find(|line| line.contains(stands)).unwrap_or_else(|| panic!("{stands}: {said}"));
        assert!(line.contains("line ") && line.ends_with("(DRAFT-FILLED-IN)"), "{line}");
    }
    let text = fs::read_to_string(folder.path().join("r.yaml")).unwrap();
    let own =
        text.replace("Holder of key ", "Keeper of the key called ").replace("The one who types", "The one");
    fs::write(folder.path().join("r.yaml"), own).unwrap();
    filled(&folder.path().join("r.yaml"));
    keyrite(&["check", "r.yaml"], folder.path()).ended(0);
}

#[test]
fn new_from_metadata_writes_each_type_and_says_what_is_missing() {
    let folder = folder();

    for kind in
        ["root-renewal", "key-rotation", "compromise-response", "delegation-change", "targets-signing"]
    {
        let said = keyrite(&["new", kind, "--from", "."], folder.path()).ended(0);
        assert!(said.out.contains(&format!("type: {kind}\n")), "{}", said.out);
        let missing = keyrite(&["new", kind], folder.path()).ended(2);
        assert!(missing.err.contains("add --from"), "{}", missing.err);
    }
    let genesis = keyrite(&["new", "root-genesis", "--from", "."], folder.path()).ended(2);
    assert!(genesis.err.contains("starts from nothing"), "{}", genesis.err);
}

#[test]
fn which_keys_are_lost_is_filled_in_and_metadata_that_lies_elsewhere_is_said() {
    let (metadata, home) = (folder(), tempfile::tempdir().unwrap());
    let from = text(metadata.path());

    let elsewhere =
        keyrite(&["new", "compromise-response", "--from", from, "--out", "r.yaml"], home.path()).ended(0);
    let here =
        keyrite(&["new", "compromise-response", "--from", ".", "--out", "r.yaml"], metadata.path()).ended(0);

    let copy = format!(
        "It starts from a copy of {from}/metadata, which is not there yet: lay it to inputs/metadata"
    );
    assert!(elsewhere.out.contains(&copy), "{}", elsewhere.out);
    assert!(!here.out.contains("copy"), "{}", here.out);
    let file = std::fs::read_to_string(home.path().join("r.yaml")).unwrap();
    assert!(file.contains("lost: [\"Which keys are lost\"]   # EDIT"), "{file}");
    let refused = keyrite(&["check", "r.yaml", "--at", AT], metadata.path()).ended(1).err;
    let lost = "name the keys that are lost, and those that are stolen (DRAFT-FILLED-IN)";
    assert_eq!(refused.matches(lost).count(), 1, "{refused}");
    passes_once_filled(metadata.path(), "r.yaml");
    let said = keyrite(&["assess", ".", "--at", AT, "--lost", "fay", "--repair", "s.yaml"], metadata.path());
    said.ended(0);
    let file = std::fs::read_to_string(metadata.path().join("s.yaml")).unwrap();
    assert!(file.contains("lost: [fay]\n"), "{file}");
}

#[test]
fn a_repair_of_bins_passes_check_once_it_is_filled_in() {
    let bins = ["bin-0", "bin-1", "bin-2", "bin-3"];
    let succinct = json!({"keyids": keyids(&[8]), "threshold": 1, "bit_length": 2, "name_prefix": "bin"});
    let classic = |(n, name): (u8, &&str)| {
        let prefixes: Vec<String> = (4 * n..4 * n + 4).map(|digit| format!("{digit:x}")).collect();
        json!({"name": name, "keyids": keyids(&[8]), "threshold": 1, "terminating": false, "path_hash_prefixes": prefixes})
    };
    let classic: Vec<Value> = (0..).zip(&bins).map(classic).collect();
    for lists in [("succinct_roles", succinct), ("roles", json!(classic))] {
        let mut world = world();
        world.role("targets")["delegations"] = json!({"keys": keys(&[8]), lists.0: lists.1});
        world.roles.remove("dev");
        world.roles.extend(bins.map(|bin| (bin.to_owned(), (targets(1, json!({})), vec![8]))));
        let folder = folder_of(&world);

        let args = ["assess", ".", "--at", AT, "--stolen", "dev", "--repair", "r.yaml"];
        keyrite(&args, folder.path()).ended(1);

        passes_once_filled(folder.path(), "r.yaml");
    }
}

#[test]
fn a_repair_signs_bins_one_by_one_where_one_of_them_delegates_further() {
    let classic = |prefix: &str, digits: [&[&str]; 2], key: u8| {
        let bin = |n: usize| {
            let mut prefixes =
                digits[n].iter().flat_map(|digit| (0..16).map(move |second| format!("{digit}{second:x}")));
            let prefixes: Vec<String> = prefixes.by_ref().collect();
            json!({"name": format!("{prefix}-{n}"), "keyids": keyids(&[key]), "threshold": 1, "terminating": false, "path_hash_prefixes": prefixes})
        };
        json!({"keys": keys(&[key]), "roles": [bin(0), bin(1)]})
    };
    let halves: [&[&str]; 2] =
        [&["0", "1", "2", "3", "4", "5", "6", "7"], &["8", "9", "a", "b", "c", "d", "e", "f"]];
    // The key of all bins, the one of those that delegate nothing, and the one of those below.
    for (outer, inner, stolen) in [(8, 8, "dev"), (8, 9, "dev"), (9, 8, "dev")] {
        let mut world = world();
        world.role("targets")["delegations"] = classic("bin", halves, outer);
        world.roles.remove("dev");
        let mut delegates = targets(4, json!({}));
        delegates["delegations"] = classic("deep", halves, inner);
        let alone = |version| targets(version, json!({}));
        let roles = [
            ("bin-0", alone(2), outer),
            ("bin-1", delegates, outer),
            ("deep-0", alone(1), inner),
            ("deep-1", alone(3), inner),
        ];
        world.roles.extend(roles.map(|(name, role, key)| (name.to_owned(), (role, vec![key]))));
        let folder = folder_of(&world);

        let args = ["assess", ".", "--at", AT, "--stolen", stolen, "--repair", "r.yaml"];
        keyrite(&args, folder.path()).ended(1);

        passes_once_filled(folder.path(), "r.yaml");
        let file = std::fs::read_to_string(folder.path().join("r.yaml")).unwrap();
        if outer == 8 {
            assert!(file.contains("\"bin-1\":\n      version: 5\n"), "{file}");
        }
    }
}

#[test]
fn a_key_that_only_an_older_root_lists_needs_no_repair() {
    let folder = folder();
    let ask = |args: &[&str]| keyrite(&[&["assess", ".", "--at", AT], args].concat(), folder.path());

    let alone = ask(&["--stolen", "ana", "--repair", "r.yaml"]).ended(2).err;
    let lost = ask(&["--lost", "ana", "--repair", "r.yaml"]).ended(2).err;
    let said = ask(&["--stolen", "ana"]).ended(0).out;
    let with_another = ask(&["--stolen", "ana", "--stolen", "bo", "--repair", "both.yaml"]).ended(1);

    for err in [&alone, &lost] {
        assert!(err.contains("nothing to repair; nothing was written"), "{err}");
        assert!(err.contains("Nobody can do anything with them."), "{err}");
    }
    assert!(!folder.path().join("r.yaml").exists());
    assert!(said.contains("Nothing is to be repaired: no role lists these keys since root 2."), "{said}");
    assert!(!said.contains("--repair") && !said.contains("Stop publishing"), "{said}");
    // Beside a key of today, it goes with it.
    let text = fs::read_to_string(folder.path().join("both.yaml")).unwrap();
    assert!(text.contains("stolen: [bo]\n"), "{text} {}", with_another.out);
    passes_once_filled(folder.path(), "both.yaml");
}

#[test]
fn what_retired_keys_still_do_is_said_in_the_place_of_a_repair() {
    let mut world = world();
    // Root 1 had two keys that root 2 has no more.
    world.roots[1] = (crate::tuf::world::root(2, &[7, 3, 9], 2), vec![1, 2, 3, 7]);
    let folder = folder_of(&world);

    let args = [
        "assess",
        ".",
        "--at",
        AT,
        "--stolen",
        "ana",
        "--stolen",
        &public(2).keyid().0,
        "--repair",
        "r.yaml",
    ];
    let err = keyrite(&args, folder.path()).ended(2).err;

    assert!(err.contains("TAKEOVER, of clients that still trust root 1"), "{err}");
    assert!(err.contains("until they see root 2"), "{err}");
}
