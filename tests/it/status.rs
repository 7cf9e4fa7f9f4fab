//! `keyrite status`: dates, spare keys and the next ceremony, over many repositories.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::status::Board;
use keyrite::status::Standing;
use keyrite::status::State;
use keyrite::tuf::Names;
use keyrite::tuf::Repository;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::peers::icalendar_reads;
use crate::tuf::world::*;

/// A world with a key to spare in every role that people sign, valid for long.
fn calm() -> World {
    let mut world = world();
    for (root, _) in &mut world.roots {
        root["keys"].as_object_mut().unwrap().extend(keys(&[9]).as_object().unwrap().clone());
        root["roles"]["targets"]["keyids"] = json!(keyids(&[4, 9]));
        root["expires"] = json!("2028-01-03T09:00:00Z");
    }
    let dev = delegation("dev", &[8, 10], &["dev/*"]);
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 10]), "roles": [dev]});
    for role in ["targets", "dev"] {
        world.role(role)["expires"] = json!("2027-06-03T09:00:00Z");
    }
    world
}

fn board(world: &World, names: &Names) -> Board {
    Board::read("repo", &Repository::read(&world.build()).unwrap(), names, now(), 60)
}

fn state(board: &Board, role: &str) -> State {
    board.roles.iter().find(|standing| standing.role == role).unwrap().state
}

/// A directory for each world.
fn written(worlds: &[(&str, World)]) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, world) in worlds {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        for (name, bytes) in world.build().0 {
            fs::write(path.join(name), bytes).unwrap();
        }
        paths.push(path);
    }
    (dir, paths)
}

#[test]
fn what_expired_is_the_next_to_be_signed_and_a_server_is_named() {
    let mut late = calm();
    // Its window opens before that of root, which is over.
    late.role("targets")["expires"] = json!("2027-01-03T09:00:00Z");
    for (root, _) in &mut late.roots {
        root["expires"] = json!("2026-11-18T09:00:00Z");
        root["x-tuf-on-ci-signing-period"] = json!(1);
    }
    late.timestamp.0["expires"] = json!("2026-11-19T09:00:00Z");
    let (_dir, paths) = written(&[("late", late)]);

    let said = keyrite(&["status", text(&paths[0]), "--at", NOW]).ended(1).out;

    assert!(said.contains("next: sign root now: it expired 2026-11-18T09:00:00Z"), "{said}");
    assert!(said.contains("now: the server must sign timestamp, which has expired"), "{said}");
    let before = keyrite(&["status", text(&paths[0]), "--at", "2026-11-17T10:00:00Z"]).ended(1).out;
    assert!(before.contains("next: sign root now, before 2026-11-18T09:00:00Z"), "{before}");
}

#[test]
fn a_calm_repository_has_nothing_to_do_and_says_what_comes_next() {
    let board = board(&calm(), &Names::default());

    assert_eq!(board.state, State::Fine);
    let next = board.next.unwrap();
    assert_eq!(next.until.to_string(), "2027-06-03T09:00:00Z");
    assert_eq!(next.from.to_string(), "2027-04-04T09:00:00Z");
}

#[test]
fn the_state_of_a_role_is_the_worst_that_is_true_of_it() {
    type Bend = fn(&mut World);
    let bent: [(&str, State, Bend); 5] = [
        ("root", State::InWindow, |w| w.roots[1].0["expires"] = json!("2027-01-03T09:00:00Z")),
        ("root", State::NoSpare, |w| w.roots[1].0["roles"]["root"]["threshold"] = json!(3)),
        ("root", State::Unsignable, |w| w.roots[1].0["roles"]["root"]["threshold"] = json!(4)),
        ("dev", State::Expired, |w| w.role("dev")["expires"] = json!("2026-12-03T09:00:00Z")),
        ("timestamp", State::Expired, |w| w.timestamp.0["expires"] = json!("2026-12-01T09:00:00Z")),
    ];
    for (role, expected, bend) in bent {
        let mut world = calm();
        bend(&mut world);

        let board = board(&world, &Names::default());

        assert_eq!(state(&board, role), expected, "{role}");
        assert_eq!(board.state, expected, "{role}");
    }
}

#[test]
fn a_role_is_a_servers_only_where_the_servers_keys_alone_can_sign_it() {
    // Of the keys of targets, 5 and 6 are those of snapshot and timestamp.
    for (keys_of_targets, online) in [(&[4, 9, 5], false), (&[5, 9, 6], true)] {
        let mut world = calm();
        let root = &mut world.roots[1].0;
        root["roles"]["targets"] = json!({"keyids": keyids(keys_of_targets), "threshold": 2});
        world.role("targets")["expires"] = json!("2026-12-08T09:00:00Z");

        let board = board(&world, &Names::default());

        let targets = board.roles.iter().find(|role| role.role == "targets").unwrap();
        assert_eq!((targets.online, targets.state == State::InWindow), (online, !online));
        assert_eq!(board.next.unwrap().role == "targets", !online);
    }
}

#[test]
fn the_window_that_the_metadata_names_counts() {
    let mut world = calm();
    world.role("targets")["x-tuf-on-ci-signing-period"] = json!(200);

    assert_eq!(state(&board(&world, &Names::default()), "targets"), State::InWindow);
}

#[test]
fn keys_that_are_shared_and_people_with_several_are_named() {
    let [two, three] = [2, 3].map(|n| keyids(&[n])[0].clone());
    let names = json!({two: {"name": "a", "holder": "Ana"}, three: {"name": "b", "holder": "Ana"}});
    let names = Names::parse(names.to_string().as_bytes()).unwrap();
    let mut world = calm();
    world.roots[1].0["roles"]["targets"]["keyids"] = json!(keyids(&[4, 2]));

    let board = board(&world, &names);

    let root = &board.roles[0];
    assert_eq!(root.several, [("Ana".to_owned(), 2)].into());
    let shared: Vec<_> = root.holdings.iter().filter(|held| !held.also_signs.is_empty()).collect();
    assert_eq!(shared.len(), 1);
    assert_eq!((shared[0].name.as_str(), &shared[0].also_signs), ("a", &vec!["targets".to_owned()]));
}

#[test]
fn one_key_under_two_keyids_is_no_spare() {
    let mut world = calm();
    let mut again = public(2).to_json().clone();
    again["x"] = json!(1);
    let root = &mut world.roots[1].0;
    root["keys"]["ab"] = again;
    root["roles"]["root"]["keyids"] = json!([keyids(&[2])[0], keyids(&[7])[0], "ab"]);

    let board = board(&world, &Names::default());

    assert_eq!((board.roles[0].keys, board.roles[0].spare), (2, 0));
}

#[test]
fn the_most_urgent_repository_comes_first_and_ends_with_1() {
    let mut late = calm();
    late.role("dev")["expires"] = json!("2026-12-01T09:00:00Z");
    let (_dir, paths) = written(&[("calm", calm()), ("late", late)]);

    let calm = keyrite(&["status", text(&paths[0]), "--at", NOW, "--json"]).ended(0);
    let said = keyrite(&["status", text(&paths[0]), text(&paths[1]), "--at", NOW]).ended(1);

    let document: Value = serde_json::from_str(&calm.out).unwrap();
    assert_eq!(document["repositories"][0]["next"]["until"], "2027-06-03T09:00:00Z");
    assert!(said.out.starts_with(text(&paths[1])), "{}", said.out);
    let line = "  dev: EXPIRED version 2, expired 2026-12-01T09:00:00Z, 2 days ago; 1 of 2 keys must sign, 1 to spare";
    assert!(said.out.contains(line), "{}", said.out);
}

/// 64 bins of one key, all but two of them as they were made together.
fn binned() -> World {
    let mut world = calm();
    let bins = json!({"keyids": keyids(&[8]), "threshold": 1, "bit_length": 6, "name_prefix": "bin"});
    world.role("targets")["delegations"] = json!({"keys": keys(&[8]), "succinct_roles": bins});
    world.roles.remove("dev");
    for n in 0..64 {
        let mut bin = targets(if n == 9 { 2 } else { 1 }, json!({}));
        let expires = if n == 5 { "2027-06-01T09:00:00Z" } else { "2027-07-03T09:00:00Z" };
        bin["expires"] = json!(expires);
        world.roles.insert(format!("bin-{n:02x}"), (bin, vec![8]));
    }
    world
}

#[test]
fn bins_that_share_their_keys_and_expiry_are_one_row_however_many_they_are() {
    let (dir, paths) = written(&[("binned", binned())]);
    let ics = dir.path().join("bins.ics");

    let said = keyrite(&["status", text(&paths[0]), "--at", NOW, "--ics", text(&ics)]).ended(1);
    let json = keyrite(&["status", text(&paths[0]), "--at", NOW, "--json"]).ended(1);

    let bins: Vec<&str> = said.out.lines().filter(|line| line.starts_with("  bin-")).collect();
    let [most, other] = bins.as_slice() else { panic!("{}", said.out) };
    assert!(
        most.contains(
            "bin-00, bin-01, bin-02 and 60 more: NO KEY TO SPARE of several versions, expires 2027-07"
        ),
        "{most}"
    );
    assert!(other.contains("bin-05: NO KEY TO SPARE version 1, expires 2027-06-01"), "{other}");
    let document: Value = serde_json::from_str(&json.out).unwrap();
    let roles = document["repositories"][0]["roles"].as_array().unwrap();
    let said: Vec<_> =
        roles.iter().skip(4).map(|row| (&row["role"], &row["roles"], &row["version"])).collect();
    assert_eq!(
        said,
        [(&json!("bin-00"), &json!(63), &Value::Null), (&json!("bin-05"), &json!(1), &json!(1))]
    );
    assert_eq!(fs::read_to_string(&ics).unwrap().matches("BEGIN:VEVENT").count(), 8);
}

#[test]
fn a_key_of_bins_and_of_another_role_names_the_bins_as_one() {
    let mut world = binned();
    for (root, _) in &mut world.roots {
        root["keys"].as_object_mut().unwrap().extend(keys(&[8]).as_object().unwrap().clone());
        root["roles"]["targets"]["keyids"] = json!(keyids(&[4, 8]));
    }
    *world.role("bin-05") = world.role("bin-00").clone();

    let board = board(&world, &Names::default());

    let also =
        |role: &Standing| role.holdings.iter().flat_map(|held| held.also_signs.clone()).collect::<Vec<_>>();
    assert_eq!(also(&board.roles[1]), ["bin-00 .. bin-3f"]);
    assert_eq!(board.roles.len(), 5);
    assert_eq!(
        (board.roles[4].name.as_str(), also(&board.roles[4])),
        ("bin-00 .. bin-3f", vec!["targets".to_owned()])
    );
}

#[test]
fn delegated_roles_of_the_same_keys_are_one_row_and_do_not_list_each_other() {
    let mut world = calm();
    let names = ["app", "cli", "web", "ops", "gui"];
    let mut roles: Vec<Value> = names.map(|name| delegation(name, &[8, 10], &[name])).to_vec();
    roles.insert(2, delegation("dev", &[8], &["dev/*"]));
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 10]), "roles": roles});
    for name in names {
        let mut role = targets(1, json!({}));
        let expires = if name == "gui" { "2027-06-01T09:00:00Z" } else { "2027-07-03T09:00:00Z" };
        role["expires"] = json!(expires);
        world.roles.insert(name.to_owned(), (role, vec![8]));
    }

    let board = board(&world, &Names::default());

    let also =
        |role: &Standing| role.holdings.iter().flat_map(|held| held.also_signs.clone()).collect::<Vec<_>>();
    let rows: Vec<_> =
        board.roles.iter().skip(4).map(|row| (row.name.as_str(), row.roles, also(row))).collect();
    let all = vec!["app, cli, web and 2 more".to_owned()];
    let dev = vec!["dev".to_owned()];
    assert_eq!(rows, [("app, cli, web, ops", 4, dev.clone()), ("dev", 1, all), ("gui", 1, dev)]);
}

#[test]
fn bins_that_two_delegate_to_in_different_orders_are_a_row_for_each() {
    let mut world = calm();
    let bins = |order: [usize; 4]| {
        let bin = |n: usize| {
            let prefixes: Vec<String> = (4 * n..4 * n + 4).map(|prefix| format!("{prefix:x}")).collect();
            let name = format!("bin-{n}");
            json!({"name": name, "keyids": keyids(&[8]), "threshold": 1, "terminating": false, "path_hash_prefixes": prefixes})
        };
        order.map(bin).to_vec()
    };
    world.role("dev")["delegations"] = json!({"keys": keys(&[8]), "roles": bins([3, 2, 1, 0])});
    let roles = [bins([0, 1, 2, 3]), vec![delegation("dev", &[8, 10], &["dev/*"])]].concat();
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 10]), "roles": roles});

    let board = board(&world, &Names::default());

    let rows: Vec<_> =
        board.roles.iter().skip(4).map(|row| (row.by.as_str(), row.name.as_str(), row.roles)).collect();
    let expected = [("targets", "bin-0 .. bin-3", 4), ("dev", "bin-0 .. bin-3", 4), ("targets", "dev", 1)];
    assert_eq!(rows, expected);
}

#[test]
fn an_expired_root_is_named_before_a_delegated_role_that_expired_earlier() {
    let mut late = calm();
    late.role("dev")["expires"] = json!("2026-11-01T09:00:00Z");
    late.role("targets")["expires"] = json!("2026-11-10T09:00:00Z");
    let targets = board(&late, &Names::default()).next.unwrap();
    late.roots[1].0["expires"] = json!("2026-11-20T09:00:00Z");

    let root = board(&late, &Names::default()).next.unwrap();

    assert_eq!((targets.role.as_str(), root.role.as_str()), ("targets", "root"));
}

#[test]
fn what_is_due_already_rings_the_next_morning() {
    let mut late = calm();
    late.role("targets")["expires"] = json!("2027-01-03T09:00:00Z");
    late.role("dev")["expires"] = json!("2026-12-01T09:00:00Z");
    let (dir, paths) = written(&[("late", late)]);
    let ics = dir.path().join("x.ics");

    keyrite(&["status", text(&paths[0]), "--ics", text(&ics), "--at", NOW]).ended(1);

    let text = fs::read_to_string(&ics).unwrap();
    let window = |role: &str| {
        let event = text.split("BEGIN:VEVENT").find(|event| event.contains(&format!("UID:window-{role}-")));
        event
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("DTSTART") || l.starts_with("DTEND"))
            .collect::<Vec<_>>()
    };
    assert_eq!(window("targets"), ["DTSTART:20261204T080000Z", "DTEND:20270103T090000Z"]);
    assert_eq!(window("dev"), ["DTSTART:20261204T080000Z"]);
}

#[test]
fn what_cannot_be_read_ends_with_2_and_a_calendar_that_is_there_is_kept() {
    let (dir, paths) = written(&[("calm", calm())]);
    let ics = dir.path().join("x.ics");
    fs::write(&ics, "mine").unwrap();

    let said = keyrite(&["status", "nowhere", text(&paths[0]), "--at", NOW]).ended(2);
    assert!(
        said.err.contains("nowhere") && said.out.contains("next: sign"),
        "what can be read is told: {}",
        said.out
    );
    keyrite(&["status", text(&paths[0]), "--ics", text(&ics), "--at", NOW]).ended(2);

    assert_eq!(fs::read_to_string(&ics).unwrap(), "mine");
}

fn calendar(dir: &Path, repository: &Path, name: &str) -> (PathBuf, String) {
    let ics = dir.join(name);
    keyrite(&["status", text(repository), "--ics", text(&ics), "--at", NOW]).ended(0);
    let text = fs::read_to_string(&ics).unwrap();
    (ics, text)
}

#[test]
fn the_calendar_is_the_same_every_time_and_another_program_reads_it() {
    let (dir, paths) = written(&[("calm", calm())]);

    let (ics, text) = calendar(dir.path(), &paths[0], "1.ics");
    let (_, again) = calendar(dir.path(), &paths[0], "2.ics");

    assert_eq!(text, again);
    for line in text.split_inclusive('\n') {
        assert!(line.ends_with("\r\n") && line.len() <= 77, "{line:?}");
    }
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 6);
    assert_eq!(text.matches("BEGIN:VALARM").count(), 6);
    let Some(events) = icalendar_reads(&ics) else { return };
    let events: Vec<&str> = events.lines().collect();
    assert_eq!(events.len(), 6);
    assert!(events[0].contains("| 2028-01-03T09:00:00+00:00 | None |"), "{}", events[0]);
    assert!(events[1].contains("| 2027-11-04T09:00:00+00:00 | 2028-01-03T09:00:00+00:00 |"), "{}", events[1]);
}

#[test]
fn an_event_keeps_its_uid_when_its_date_moves() {
    let mut later = calm();
    later.role("targets")["expires"] = json!("2027-07-03T09:00:00Z");
    let (dir, paths) = written(&[("calm", calm()), ("later", later)]);

    let (_, one) = calendar(dir.path(), &paths[0], "1.ics");
    let (_, two) = calendar(dir.path(), &paths[1], "2.ics");

    let uids = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect()
    };
    assert_eq!(uids(&one), uids(&two));
    assert_ne!(one, two);
}

/// The same repository before and after a renewal, as `status adopted record` is asked.
#[test]
fn of_several_states_of_one_repository_the_newest_is_in_the_calendar() {
    let mut later = calm();
    let (mut third, signers) = later.roots.last().unwrap().clone();
    third["version"] = json!(3);
    third["expires"] = json!("2029-01-03T09:00:00Z");
    later.roots.push((third, signers));
    let (dir, paths) = written(&[("adopted", calm()), ("record", later)]);
    for (name, order) in [("1.ics", [0, 1]), ("2.ics", [1, 0])] {
        let ics = dir.path().join(name);
        let [one, two] = order.map(|n| text(&paths[n]));

        let said = keyrite(&["status", one, two, "--ics", text(&ics), "--at", NOW]).ended(0);

        let written = fs::read_to_string(&ics).unwrap();
        assert_eq!(written.matches("BEGIN:VEVENT").count(), 6, "{written}");
        assert!(
            written.contains("DTSTART:20290103T090000Z") && !written.contains("20280103T090000Z"),
            "{written}"
        );
        let left_out = format!("left out of it: {}, an older", paths[0].display());
        assert!(said.out.contains(&left_out), "{}", said.out);
    }
}

#[test]
fn what_its_keys_can_never_sign_again_is_not_next() {
    let mut world = calm();
    for (root, _) in &mut world.roots {
        root["roles"]["targets"]["threshold"] = json!(3);
    }
    let (dir, paths) = written(&[("stuck", world)]);
    let ics = dir.path().join("x.ics");

    let said = keyrite(&["status", text(&paths[0]), "--ics", text(&ics), "--at", NOW]).ended(1);

    assert!(said.out.contains("its keys can never sign targets again; keyrite assess"), "{}", said.out);
    assert!(!said.out.contains("next: sign targets"), "{}", said.out);
    let written = fs::read_to_string(&ics).unwrap();
    assert!(written.contains("targets 3 expires") && !written.contains("sign targets again"), "{written}");
}

/// What a server signs may be due tomorrow, and a date that is not here is none.
#[test]
fn an_overview_calls_nothing_late_that_it_does_not_know() {
    let headline = |set: &Set| keyrite::tuf::overview::Overview::read(set).unwrap().headline(now());
    let mut set = calm().build();

    let whole = headline(&set);
    set.0.remove("timestamp.json");
    let without = headline(&set);

    assert!(whole.ends_with("; nothing that people sign expires soon"), "{whole}");
    assert!(without.ends_with("; no date of timestamp is here"), "{without}");
}

#[test]
fn a_root_that_nobody_signed_is_never_told_as_the_one_in_force() {
    let (_dir, paths) = written(&[("signed", calm()), ("proposed", calm())]);
    let newest = paths[1].join("2.root.json");
    let mut file: Value = serde_json::from_slice(&fs::read(&newest).unwrap()).unwrap();
    file["signatures"] = json!([]);
    fs::write(&newest, file.to_string()).unwrap();

    for (path, proposed) in [(&paths[0], None), (&paths[1], Some(2))] {
        for (args, at) in [(["status", text(path)], "proposed"), (["assess", text(path)], "proposed_root")] {
            let said = keyrite(&args);
            assert_eq!(said.out.contains("!! root 2 lacks signatures"), proposed.is_some(), "{}", said.out);
            let json = keyrite(&[&args[..], &["--json"]].concat());
            let document: Value = serde_json::from_str(&json.out).unwrap();
            let board = document["repositories"].get(0).unwrap_or(&document);
            assert_eq!(board[at].as_u64(), proposed, "{document}");
        }
    }
}
