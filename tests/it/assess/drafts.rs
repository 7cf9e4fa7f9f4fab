//! Drafted ceremony files: golden, and strict YAML whatever stands in the metadata.

use keyrite::draft::Gone;
use keyrite::draft::Known;
use keyrite::draft::KnownKey;
use keyrite::draft::KnownPerson;
use keyrite::draft::KnownShares;
use keyrite::draft::Request;
use keyrite::draft::draft;
use keyrite::plan::Kind;
use keyrite::plan::node;
use serde_json::json;

use super::*;
use crate::tuf::world::delegation;
use crate::tuf::world::keys;
use crate::tuf::world::target;

fn drafted(set: &Set, names: &Names, kind: Kind, lost: &[u8], stolen: &[u8]) -> Result<String, String> {
    drafted_after(&Known::default(), set, names, kind, lost, stolen)
}

fn drafted_after(
    known: &Known,
    set: &Set,
    names: &Names,
    kind: Kind,
    lost: &[u8],
    stolen: &[u8],
) -> Result<String, String> {
    let repository = Repository::read(set).unwrap();
    let model = Model::of(&repository, names);
    let question = Question { lost: places(&model, lost), stolen: places(&model, stolen), at: now() };
    let assessment = model.assess(&question);
    let request = Request {
        kind,
        repository: &repository,
        model: &model,
        role: None,
        gone: Some(Gone::Said(&assessment)),
        known,
        metadata: "inputs/metadata",
        now: now(),
    };
    draft(&request).map_err(|refusal| refusal.to_string())
}

#[test]
fn each_type_is_drafted_with_what_people_would_have_to_look_up() {
    for kind in Kind::LATER {
        let text = drafted(&world().build(), &names(), kind, &[], &[3, 4, 6, 8]).unwrap();

        node::parse(&text).unwrap();
        insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/drafts"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(kind.name(), text);
        });
    }
}

#[test]
fn a_draft_is_the_same_every_time() {
    let twice = || drafted(&world().build(), &names(), Kind::CompromiseResponse, &[7], &[6]).unwrap();

    assert_eq!(twice(), twice());
}

#[test]
fn hostile_metadata_never_breaks_out_of_its_quotes() {
    let mut world = world();
    let evil = "x\"]}\nkeys: {evil: 1} # \u{202e}";
    let roles = json!([delegation(evil, &[8], &[evil, "a: b", "*"])]);
    world.role("targets")["targets"][evil] = target(b"x");
    world.role("targets")["delegations"] = json!({"keys": keys(&[8]), "roles": roles});
    let mut named = names();
    for n in [2, 3] {
        named.insert(public(n).keyid(), Person { name: format!("k{n}"), holder: Some(format!("{evil}{n}")) });
    }

    for kind in Kind::LATER {
        let text = drafted(&world.build(), &named, kind, &[7], &[6]).unwrap();

        let top = node::parse(&text).unwrap();
        let node::Kind::Map(fields) = top.kind else { panic!("no map") };
        assert_eq!(fields.iter().filter(|(key, _)| key.text == "keys").count(), 1);
        assert!(!text.contains('\u{202e}'));
    }
    let refused = drafted(&world.build(), &named, Kind::CompromiseResponse, &[], &[8]).unwrap_err();
    assert!(refused.contains("has characters that a ceremony file cannot carry"), "{refused}");
}

#[test]
fn who_holds_no_key_any_more_is_not_called_into_the_room_unless_it_is_for_that_key() {
    let person = |(id, name, role): (&str, &str, &str)| KnownPerson {
        id: id.to_owned(),
        name: name.to_owned(),
        role: role.to_owned(),
        statement_key: None,
    };
    let people = [
        ("oli", "Oli Berg", "operator"),
        ("ana", "Ana Duarte", "custodian"),
        ("bo", "Bo Lindqvist", "custodian"),
        ("gil", "Gil Sharer", "custodian"),
        ("wim", "Wim Peeters", "witness"),
        ("aud", "Aud Itor", "auditor"),
    ];
    let shares = KnownShares { threshold: "2".into(), holders: vec!["gil".into(), "wim".into()] };
    let bo = KnownKey { holder: Some("bo".into()), store: None, shares: Some(shares) };
    let known = Known {
        people: people.map(person).to_vec(),
        keys: [("bo".to_owned(), bo)].into(),
        ..Known::default()
    };
    let listed = |kind| {
        let text = drafted_after(&known, &world().build(), &names(), kind, &[], &[3]).unwrap();
        let (_, people) = text.split_once("participants:\n").unwrap();
        let people = people.lines().take_while(|line| !line.is_empty());
        people.map(|line| line.trim_start().split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let kinds = [Kind::RootRenewal, Kind::CompromiseResponse, Kind::RestoreDrill, Kind::Destruction];
    let [renewal, response, drill, destruction] = kinds.map(listed);

    assert_eq!(renewal, ["oli", "bo", "wim", "aud", "chi", "fay"]);
    assert_eq!(response, renewal, "whose key was stolen has a new one made");
    assert_eq!(drill, ["oli", "bo", "gil", "wim", "aud", "chi", "fay", "tia"]);
    assert_eq!(destruction, ["oli", "ana", "bo", "gil", "wim", "aud"]);
}

#[test]
fn nothing_lost_is_nothing_to_repair() {
    let refused = drafted(&world().build(), &names(), Kind::CompromiseResponse, &[], &[]).unwrap_err();

    assert!(refused.contains("takes a lost or stolen key out"), "{refused}");
}

#[test]
fn a_key_that_only_a_delegate_has_is_replaced_without_a_new_root() {
    let text = drafted(&world().build(), &names(), Kind::CompromiseResponse, &[], &[8]).unwrap();

    assert!(!text.contains("    root:") && !text.contains("root: version"), "{text}");
    assert!(text.contains("title: \"Response to lost or stolen keys of delegates\""), "{text}");
    // A key of root has no part in it.
    assert!(text.contains("  bo: {keyid:") && text.contains("# does not sign today"), "{text}");
    assert!(text.contains("targets: delegation dev: + key dev-2"), "{text}");
}

#[test]
fn a_draft_over_roots_alone_says_what_lies_not_there_and_can_be_read() {
    let mut set = world().build();
    set.0.retain(|name, _| name.ends_with("root.json"));

    for kind in [Kind::DelegationChange, Kind::TargetsSigning] {
        let text = drafted(&set, &names(), kind, &[], &[]).unwrap();

        node::parse(&text).unwrap();
        assert!(text.contains("\n  expect_diff: []\n"), "{text}");
        assert!(text.contains("# EDIT: no file of targets lies there. Put it beside the roots"), "{text}");
    }
}
