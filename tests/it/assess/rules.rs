//! One test for each rule.

use keyrite::assess::Can;
use keyrite::assess::Clients;
use keyrite::assess::Effect;
use keyrite::assess::Harm;
use keyrite::assess::KeySet;
use keyrite::assess::Question;
use keyrite::assess::Until;
use keyrite::assess::rules;
use keyrite::assess::rules::Rule;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use super::*;
use crate::tuf::world::EXPIRES;
use crate::tuf::world::delegation;
use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::targets;

fn expiry() -> Until {
    Until::Date(EXPIRES.parse().unwrap())
}

/// The one effect of this harm.
#[track_caller]
fn effect(said: &Assessment, harm: Harm) -> Effect {
    let mut found = said.thief.iter().filter(|effect| effect.harm == harm);
    let effect = found.next().unwrap_or_else(|| panic!("{harm:?} is not in {:?}", said.thief)).clone();
    assert_eq!(found.next(), None);
    effect
}

#[track_caller]
fn holds(said: &Assessment, harm: Harm, rule: &Rule, until: Until) -> Effect {
    let effect = effect(said, harm);
    assert_eq!((effect.rule.name, effect.until), (rule.name, until));
    effect
}

fn harms(said: &Assessment) -> Vec<Harm> {
    said.thief.iter().map(|effect| effect.harm).collect()
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_source() {
    let names: std::collections::BTreeSet<&str> = rules::RULES.iter().map(|rule| rule.name).collect();

    assert_eq!(names.len(), rules::RULES.len());
    assert!(rules::RULES.iter().all(|rule| !rule.says.is_empty() && !rule.source.is_empty()));
}

#[test]
fn a_threshold_of_root_keys_is_everything_for_ever() {
    let said = assess(&world().build(), &[], &[7, 2]);

    let effect = holds(&said, Harm::Takeover, &rules::ROOT, Until::ForEver);
    assert_eq!((effect.targets, effect.clients), (2, None));
    assert!(said.thief_rotates());
}

/// The world with key 2 under a second keyid in root 2, of which two must sign.
fn with_key_2_twice() -> crate::tuf::world::Set {
    let mut world = world();
    let mut again = public(2).to_json().clone();
    again["x"] = json!(1);
    let keyid = hex::encode(Sha256::digest(again.to_string()));
    world.roots[1].0["keys"][&keyid] = again;
    world.roots[1].0["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
    world.build()
}

#[test]
fn a_key_under_two_keyids_is_two_signatures_of_a_thief_for_clients_that_count_keyids() {
    let set = with_key_2_twice();

    let said = assess(&set, &[], &[2]);

    let effect = holds(&said, Harm::Takeover, &rules::ROOT, Until::ForEver);
    assert_eq!(effect.taken_by, Clients::CountingKeyids);
    assert!(said.thief_rotates() && !said.is_good() && said.is_repairable());
    let lines = model(&set).lines(&said).join("\n");
    assert!(lines.contains(rules::SEVERAL_KEYIDS.name), "{lines}");
    assert!(!lines.contains(rules::BELOW_THRESHOLD.name), "{lines}");
    // Its owner has one signature all the same.
    assert_eq!(assess(&set, &[3], &[]).roles[0].can, Can::Sign { spare: 0 });
    assert_eq!(assess(&set, &[3, 7], &[]).roles[0].can, Can::Never);
    // Two keys are enough for every client, and one that stands there once is not for any.
    assert_eq!(effect_of(&set, &[2, 3]).taken_by, Clients::All);
    let head = model(&set).head(&said).join(" ");
    assert!(head.contains("owns clients that count keyids (SEVERAL-KEYIDS), for ever"), "{head}");
    assert!(assess(&set, &[], &[3]).is_good());
}

fn effect_of(set: &crate::tuf::world::Set, stolen: &[u8]) -> Effect {
    effect(&assess(set, &[], stolen), Harm::Takeover)
}

#[test]
fn who_counts_keyids_is_what_lint_knows() {
    let rule = keyrite::lint::rules().find(|rule| rule.name == "ONE-KEY-SEVERAL-KEYIDS").unwrap();

    for client in rule.clients {
        let name = client.client.name().split(' ').next().unwrap();
        assert!(rules::SEVERAL_KEYIDS.says.contains(name), "{name}");
    }
}

#[test]
fn keys_of_an_older_root_still_reach_the_clients_that_trust_it() {
    let said = assess(&world().build(), &[], &[1, 2]);

    let effect = holds(&said, Harm::Takeover, &rules::ROOT, Until::ForEver);
    assert_eq!(effect.clients, Some(1));
    assert_eq!(said.worst(), Harm::Nothing);
    assert!(!said.thief_rotates() && said.is_repairable());
}

#[test]
fn targets_and_snapshot_and_timestamp_keys_give_any_software() {
    let said = assess(&world().build(), &[], &[4, 5, 6]);

    let rule = &rules::TARGETS_AND_SNAPSHOT_AND_TIMESTAMP;
    let effect = holds(&said, Harm::AnySoftware, rule, expiry());
    assert_eq!((effect.paths.len(), effect.targets), (0, 2));
}

#[test]
fn a_delegated_role_with_snapshot_and_timestamp_gives_any_software_on_its_paths_alone() {
    let said = assess(&world().build(), &[], &[8, 5, 6]);

    let rule = &rules::DELEGATION_AND_SNAPSHOT_AND_TIMESTAMP;
    let effect = holds(&said, Harm::AnySoftware, rule, expiry());
    assert_eq!((effect.roles, effect.paths), (vec!["dev".to_owned()], vec!["dev/*".to_owned()]));
    assert_eq!((effect.targets, effect.example.as_deref()), (1, Some("dev/")));
}

#[test]
fn a_file_that_snapshot_lists_without_a_hash_is_replaced_by_its_keys_alone() {
    let said = assess(&without_hashes(&world(), "snapshot"), &[], &[4]);

    // The timestamp lists the snapshot of before: what it pins does not matter to this rule.
    assert_eq!(effect(&said, Harm::AnySoftware).rule.name, rules::TARGETS_NOT_PINNED.name);
    let pinned = assess(&world().build(), &[], &[4]);
    assert_eq!(harms(&pinned), [Harm::OneStepAway]);
}

#[test]
fn a_snapshot_that_timestamp_lists_without_a_hash_is_replaced_by_its_keys_alone() {
    let set = without_hashes(&world(), "timestamp");

    let mixed = assess(&set, &[], &[5]);
    let any = assess(&set, &[], &[5, 4]);

    holds(&mixed, Harm::MixAndMatch, &rules::SNAPSHOT_NOT_PINNED, expiry());
    holds(&any, Harm::AnySoftware, &rules::SNAPSHOT_NOT_PINNED, expiry());
}

#[test]
fn snapshot_and_timestamp_keys_mix_what_never_belonged_together() {
    let said = assess(&world().build(), &[], &[5, 6]);

    holds(&said, Harm::MixAndMatch, &rules::SNAPSHOT_AND_TIMESTAMP, expiry());
    assert!(!harms(&said).contains(&Harm::AnySoftware));
}

#[test]
fn the_timestamp_key_alone_freezes_and_rolls_back_new_clients_and_runs_ahead() {
    let mut world = world();
    world.snapshot.0["expires"] = "2026-12-20T00:00:00Z".into();

    let said = assess(&world.build(), &[], &[6]);

    let until = Until::Date("2026-12-20T00:00:00Z".parse().unwrap());
    holds(&said, Harm::Freeze, &rules::TIMESTAMP_ALONE, until);
    holds(&said, Harm::Rollback, &rules::ROLLBACK_OF_NEW_CLIENTS, until);
    holds(&said, Harm::FastForward, &rules::FAST_FORWARD, Until::OtherKeys);
    assert_eq!(said.thief.len(), 3);
}

#[test]
fn targets_keys_alone_are_one_step_away_from_clients() {
    let said = assess(&world().build(), &[], &[4]);

    let effect = holds(&said, Harm::OneStepAway, &rules::TARGETS_ALONE, expiry());
    assert_eq!(effect.needs, [("snapshot".to_owned(), 1), ("timestamp".to_owned(), 1)]);
    assert!(!said.is_good());
}

#[test]
fn the_snapshot_key_alone_is_one_step_away_from_clients() {
    let said = assess(&world().build(), &[], &[5]);

    let effect = holds(&said, Harm::OneStepAway, &rules::SNAPSHOT_ALONE, expiry());
    assert_eq!(effect.needs, [("timestamp".to_owned(), 1)]);
}

#[test]
fn an_earlier_terminating_delegation_leaves_a_thief_nothing() {
    let mut world = world();
    let mut first = delegation("first", &[9], &["*/*"]);
    first["terminating"] = true.into();
    let roles = json!([first, delegation("dev", &[8], &["dev/*"])]);
    world.role("targets")["delegations"] = json!({"keys": keys(&[8, 9]), "roles": roles});
    world.roles.insert("first".to_owned(), (targets(1, json!({})), vec![9]));

    let said = assess(&world.build(), &[], &[8, 5, 6]);

    assert_eq!(effect(&said, Harm::Nothing).rule.name, rules::SHADOWED.name);
    assert!(!harms(&said).contains(&Harm::AnySoftware));
}

#[test]
fn fewer_keys_than_the_threshold_do_nothing() {
    let said = assess(&world().build(), &[], &[2]);

    assert_eq!(said.thief, []);
    assert_eq!((said.roles[0].in_wrong_hands(), said.roles[0].forged()), (1, false));
    assert!(said.is_good());
}

#[test]
fn what_has_expired_keeps_a_thief_away_only_until_it_is_signed_again() {
    let set = without_hashes(&world(), "snapshot");
    let mut late = world();
    late.timestamp.0["expires"] = "2026-12-01T00:00:00Z".into();
    let late = without_hashes(&late, "snapshot");

    let (said, in_time) = (assess(&late, &[], &[4]), assess(&set, &[], &[4]));

    assert_eq!((&said.expired, &in_time.expired), (&vec!["timestamp".to_owned()], &vec![]));
    let effect = holds(&said, Harm::AnySoftware, &rules::TARGETS_NOT_PINNED, expiry());
    assert_eq!(effect.after, ["timestamp"]);
    assert_eq!(vec![Effect { after: vec![], ..effect }], in_time.thief);
    let rows = |set: &Set| {
        model(set).table(now()).rows.into_iter().map(|row| (row.now.harm, row.choices)).collect::<Vec<_>>()
    };
    assert_eq!(rows(&late), rows(&set));
    assert_eq!(model(&late).table(now()).expired, ["timestamp"]);
}

#[test]
fn where_everything_has_expired_a_thief_waits_for_the_next_root() {
    let late = "2027-02-01T00:00:00Z".parse().unwrap();

    let said = assess_at(&world().build(), &[], &[4, 5, 6], late);

    let rule = &rules::TARGETS_AND_SNAPSHOT_AND_TIMESTAMP;
    assert_eq!(holds(&said, Harm::AnySoftware, rule, Until::SignedAgain).after, ["root"]);
    assert_eq!(said.expired, ["root"]);
}

#[test]
fn what_is_not_here_is_as_if_it_were_signed_again() {
    let mut set = world().build();
    set.0.remove("timestamp.json");
    set.0.remove("5.snapshot.json");

    let said = assess(&set, &[], &[4]);

    // What they pin is not known, so the worst is assumed.
    assert_eq!(effect(&said, Harm::AnySoftware).after, ["timestamp", "snapshot"]);
}

#[test]
fn root_follows_root_while_a_threshold_is_neither_lost_nor_stolen() {
    let said = assess(&world().build(), &[7], &[]);

    assert_eq!((said.root.name, said.roles[0].can), (rules::ROOT_ROTATES.name, Can::Sign { spare: 0 }));
}

#[test]
fn root_that_needs_a_stolen_key_is_not_repaired() {
    let said = assess(&world().build(), &[7], &[2]);

    assert_eq!((said.root.name, said.roles[0].can), (rules::ROOT_NEEDS_STOLEN.name, Can::OnlyWithStolen));
    assert!(!said.is_repairable() && !said.is_good());
}

#[test]
fn root_without_a_threshold_is_lost_for_ever() {
    let said = assess(&world().build(), &[7, 2], &[]);

    assert_eq!((said.root.name, said.roles[0].can), (rules::ROOT_LOST.name, Can::Never));
}

#[test]
fn one_key_in_several_roles_counts_in_each() {
    let mut world = world();
    for (root, signers) in &mut world.roots {
        root["roles"]["snapshot"] = root["roles"]["timestamp"].clone();
        assert!(!signers.contains(&6));
    }
    world.snapshot.1 = vec![6];

    let said = assess(&world.build(), &[], &[6]);

    assert_eq!(harms(&said), [Harm::MixAndMatch, Harm::Rollback, Harm::Freeze, Harm::FastForward]);
}

#[test]
fn every_combination_stands_in_one_row_and_a_row_says_from_which_fewest_keys_it_follows() {
    let model = model(&world().build());

    let table = model.table(now());

    // Seven keys that today's root and delegations list, and one of the root before: each fine, lost or stolen.
    assert_eq!((table.choices, table.is_counted()), (3_u128.pow(8), true));
    assert_eq!(table.rows.iter().filter_map(|row| row.choices).sum::<u128>(), table.choices);
    let everything =
        table.rows.iter().find(|row| row.now.harm == Harm::Takeover && matches!(row.root, Can::Sign { .. }));
    assert_eq!(everything, None);
    let first = &table.rows[0];
    assert!(first.is_good() && first.from == [vec![(0, 0); table.kinds.len()]], "{first:?}");
}

/// The world with sixteen bins of one key instead of dev.
fn with_bins() -> Model {
    let mut world = world();
    let bins = json!({"keyids": keyids(&[8]), "threshold": 1, "bit_length": 4, "name_prefix": "bin"});
    world.role("targets")["delegations"] = json!({"keys": keys(&[8]), "succinct_roles": bins});
    model(&world.build())
}

#[test]
fn every_combination_names_bins_as_one() {
    let model = with_bins();

    let said = model.table_lines(&model.table(now()), now()).join("\n");

    assert!(said.contains("on paths of bin-0 .. bin-f"), "{said}");
    assert!(said.contains("bin-0 .. bin-f  nobody: from"), "{said}");
    assert_eq!(said.matches("bin-0").count(), said.matches("bin-0 .. bin-f").count(), "{said}");
}

#[test]
fn the_steps_name_bins_as_one() {
    let model = with_bins();
    let stolen = places(&model, &[8]);

    let said = model.assess(&Question { lost: KeySet::new(), stolen, at: now() });

    let steps = model.steps(&said).join("\n");
    for part in [
        "bin-0 .. bin-f cannot be signed as it stands",
        "it delegates bin-0 .. bin-f to new keys",
        "sign targets, bin-0 .. bin-f again",
    ] {
        assert!(steps.contains(part), "{steps}");
    }
}

/// Root 2 lists 7, 2 and 3, and one of them of root 1 is retired: with more keys there are too many combinations to try.
#[test]
fn no_row_is_left_out_where_there_are_too_many_combinations_to_try() {
    let mut world = world();
    let more: Vec<u8> = (20..26).collect();
    for (nth, role) in ["targets", "snapshot", "timestamp"].iter().enumerate() {
        let [a, b] = [more[2 * nth], more[2 * nth + 1]];
        let root = &mut world.roots[1].0;
        for n in [a, b] {
            root["keys"][public(n).keyid().0] = public(n).to_json().clone();
        }
        let own = root["roles"][role]["keyids"][0].clone();
        let [a, b] = [public(a).keyid().0, public(b).keyid().0];
        root["roles"][role] = json!({"keyids": [own, a, b], "threshold": 1 + nth % 2});
        // Each key stands in another set of roles.
        root["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(a));
    }
    let (model, root) = (model(&world.build()), 0);
    let table = model.table(now());

    assert!(!table.is_counted() && table.left_out.is_empty(), "{:?}", table.left_out);
    let rows = table.merged();
    let has = |harm: Harm, can: fn(Can) -> bool| rows.iter().any(|row| row.now.harm == harm && can(row.root));
    for harm in [Harm::Takeover, Harm::AnySoftware, Harm::MixAndMatch, Harm::Rollback, Harm::Nothing] {
        assert!(has(harm, |can| can != Can::Never), "{harm:?}");
        // Of six root keys two sign: who has two of them leaves four, and root is lost with five.
        assert_eq!(has(harm, |can| can == Can::Never), harm != Harm::Takeover, "{harm:?}");
    }
    // What a row says of its fewest keys is what is said of these keys alone.
    for row in &table.rows {
        for from in &row.from {
            let pick = |nth: fn(&(usize, usize)) -> (usize, usize)| -> KeySet {
                let some = table.kinds.iter().zip(from).flat_map(|(kind, many)| {
                    let (skip, take) = nth(many);
                    kind.iter().copied().skip(skip).take(take)
                });
                some.collect()
            };
            let (lost, stolen) = (pick(|many| (0, many.0)), pick(|many| (many.0, many.1)));
            let said = model.assess(&Question { lost, stolen, at: now() });
            assert_eq!((said.worst(), said.is_good()), (row.now.harm, row.is_good()), "{row:?}");
            assert_eq!(said.roles[root].can == Can::Never, row.root == Can::Never, "{row:?}");
        }
    }
}

#[test]
fn a_role_whose_key_is_stolen_is_not_one_that_nobody_signs() {
    let table = model(&world().build()).table(now());

    for row in table.merged().iter().filter(|row| row.from.len() > 1 && row.now.harm == row.old.harm) {
        if row.lost.is_empty() || !matches!(row.root, Can::Sign { .. }) {
            continue;
        }
        assert!(row.from.iter().all(|from| from.iter().any(|(lost, _)| *lost > 0)), "{row:?}");
    }
    let timestamp = &table.unsigned()["timestamp"];
    assert_eq!((timestamp.never.len(), timestamp.only_with_stolen.len()), (1, 1));
}

#[test]
fn keys_of_an_older_root_alone_have_a_row_and_the_first_line() {
    let model = model(&world().build());

    let table = model.table(now());

    let row = table.merged().into_iter().find(|row| row.old.harm == Harm::Takeover).unwrap();
    assert!(!row.is_good() && row.now.harm == Harm::Nothing, "{row:?}");
    let said = assess(&world().build(), &[], &[1, 2]);
    let head = model.head(&said).join(" ");
    assert!(head.starts_with("TAKEOVER, of clients that still trust root 1: the thief signs"), "{head}");
}

#[test]
fn clients_of_every_root_up_to_the_one_whose_keys_are_stolen_are_named() {
    let mut world = world();
    let others = crate::tuf::world::root(3, &[11, 12, 13], 2);
    world.roots.push((others, vec![2, 3, 11, 12]));
    let set = world.build();

    let said = assess(&set, &[], &[2, 3]);

    let head = model(&set).head(&said).join(" ");
    let first = "TAKEOVER, of clients that still trust root 2 or an older one: the thief signs";
    assert!(head.starts_with(first), "{head}");
}

#[test]
fn one_step_more_never_shortens_what_a_thief_has() {
    let mut world = world();
    world.role("targets")["expires"] = "2026-12-20T00:00:00Z".into();
    let set = world.build();
    let until = |stolen: &[u8], harm| effect(&assess(&set, &[], stolen), harm).until;

    let soon = Until::Date("2026-12-20T00:00:00Z".parse().unwrap());
    assert_eq!(until(&[8], Harm::OneStepAway), soon);
    assert_eq!(until(&[8, 5, 6], Harm::AnySoftware), soon);
    assert_eq!(until(&[5], Harm::OneStepAway), soon);
    assert_eq!(until(&[5, 6], Harm::MixAndMatch), soon);
    assert_eq!(until(&[4], Harm::OneStepAway), expiry());
}

#[test]
fn a_root_that_needs_a_stolen_key_is_a_decision_and_not_the_end() {
    let set = world().build();
    let said = assess(&set, &[7], &[2]);

    let steps = model(&set).steps(&said).join("\n");

    assert_eq!(said.roles[0].can, Can::OnlyWithStolen);
    assert!(steps.contains("Root 3 can still be made by bo, chi, and needs 1 of bo,"), "{steps}");
    assert!(steps.contains("he lacks 1 more key") && steps.contains("If not, begin anew"), "{steps}");
    assert!(!steps.contains("No ceremony repairs this"), "{steps}");
}

#[test]
fn time_that_is_over_is_not_said_to_be_there() {
    let model = model(&world().build());
    let at = |at: &str| {
        let said = assess_at(&world().build(), &[7, 2], &[], at.parse().unwrap());
        model.steps(&said).join("\n")
    };

    assert!(at(crate::tuf::world::NOW).contains("There is time: clients go on until root 2 expires"));
    assert!(at(EXPIRES).contains("There is no time left: root 2 expired at"));
}

#[test]
fn who_took_honest_files_takes_lower_versions_only_where_too_few_of_their_keys_stay() {
    let mut world = world();
    let root = &mut world.roots[1].0;
    root["keys"][public(30).keyid().0] = public(30).to_json().clone();
    root["roles"]["timestamp"]["keyids"] = json!(keyids(&[6, 30]));
    let steps = |set: &Set, stolen: &[u8]| model(set).steps(&assess(set, &[], stolen)).join("\n");

    let one_stays = steps(&world.build(), &[6]);
    let none_stays = steps(&world.build(), &[6, 30]);
    world.roots[1].0["roles"]["timestamp"]["threshold"] = 2.into();
    let too_few = steps(&world.build(), &[6, 30]);

    let both = "those that took yours can verify what they stored, and take none";
    assert!(one_stays.contains(both) && one_stays.contains("above the highest of yours"), "{one_stays}");
    for steps in [none_stays, too_few] {
        assert!(steps.contains("Clients can no longer verify the timestamp that they stored"), "{steps}");
    }
}

/// Root 2 has other keys than root 1 for all that servers sign; nothing is delegated.
fn with_another_server() -> World {
    let mut world = world();
    world.role("targets").as_object_mut().unwrap().remove("delegations");
    world.roles.remove("dev");
    world.roots[0].0["keys"][public(30).keyid().0] = public(30).to_json().clone();
    world.roots[0].0["roles"]["timestamp"]["keyids"] = json!(keyids(&[30]));
    world.roots[0].0["roles"]["snapshot"]["keyids"] = json!(keyids(&[30]));
    world
}

#[test]
fn the_table_has_for_every_combination_what_clients_of_older_roots_suffer() {
    for world in [world(), with_another_server()] {
        let model = model(&world.build());
        let table = model.table(now());
        let everyone: Vec<usize> = table.kinds.iter().flatten().copied().collect();
        let mut counted = std::collections::BTreeMap::<(Harm, Harm), u128>::new();
        for nth in 0..3_usize.pow(everyone.len() as u32) {
            let of = |how: usize| -> KeySet {
                let state = |place: usize| nth / 3_usize.pow(place as u32) % 3;
                (0..everyone.len()).filter(|at| state(*at) == how).map(|at| everyone[at]).collect()
            };
            let said = model.assess(&Question { lost: of(1), stolen: of(2), at: now() });
            *counted.entry((said.worst(), said.worst().min(said.worst_of_old()))).or_default() += 1;
        }

        let mut rows = std::collections::BTreeMap::<(Harm, Harm), u128>::new();
        for row in &table.rows {
            let old = row.old.harm.min(row.now.harm);
            *rows.entry((row.now.harm, old)).or_default() += row.choices.unwrap();
        }

        assert_eq!(rows, counted);
        assert!(rows.keys().filter(|(now, old)| old < now && *now != Harm::Nothing).count() > 1, "{rows:?}");
    }
}
