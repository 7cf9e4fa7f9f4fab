//! Drafted ceremony files: golden, and strict YAML whatever stands in the metadata.

use keyrite::draft::Gone;
use keyrite::draft::Known;
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
    let repository = Repository::read(set).unwrap();
    let model = Model::of(&repository, names);
    let question = Question { lost: places(&model, lost), stolen: places(&model, stolen), at: now() };
    let assessment = model.assess(&question);
    let known = Known::default();
    let request = Request {
        kind,
        repository: &repository,
        model: &model,
        role: None,
        gone: Some(Gone::Said(&assessment)),
        known: &known,
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
