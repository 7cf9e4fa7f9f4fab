//! What a signer is told of what is signed: all that is there, and whose keys only seem to be listed.

use keyrite::driver::apart::remarks;
use keyrite::tuf::Names;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Request;
use serde_json::Value;
use serde_json::json;

use crate::tuf::world::now;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::target;
use crate::tuf::world::targets;

const DOUBT: &str = "Fay Okoro (THE KEYID IS NOT THE HASH OF THIS KEY)";

/// The keyid of key 7 is Fay's.
fn names() -> Names {
    let names = json!({public(7).keyid().0: {"name": "fay", "holder": "Fay Okoro"}});
    Names::parse(names.to_string().as_bytes()).unwrap()
}

/// Root 2 with this key under the keyid of key 7.
fn root_of(key: &Value) -> Value {
    let mut new = root(2, &[7, 2, 3], 2);
    new["keys"][public(7).keyid().0] = key.clone();
    new
}

/// A request for root 2, in which key 7 comes in, after root 1.
fn root_2(key: &Value) -> Request {
    let old = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file();
    Request::for_root(&signed_by(&root_of(key), &[]).to_file(), Some(&old), names()).unwrap()
}

/// A request for targets, after targets that delegate to nobody.
fn with_delegations(delegations: Value, before: bool) -> Request {
    let old = signed_by(&targets(6, json!({})), &[]).to_file();
    let mut new = targets(7, json!({"app.bin": target(b"app")}));
    new["delegations"] = delegations;
    let (file, authority) = (signed_by(&new, &[]).to_file(), signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]));
    Request::for_role(&file, "targets", &authority, before.then_some(&old), names()).unwrap()
}

fn dev(key: &Value) -> Value {
    let keyid = public(7).keyid();
    json!({"keys": {keyid.0.clone(): key}, "roles": [
        {"name": "dev", "keyids": [keyid], "threshold": 1, "paths": ["*"], "terminating": true}
    ]})
}

fn lines(request: &Request) -> Vec<String> {
    Request::parse(&request.to_file()).unwrap().lines(now()).unwrap()
}

#[test]
fn nobodys_name_stands_for_another_key_under_their_keyid_without_a_word() {
    let thief = public(9).to_json().clone();
    for (request, said) in [
        (
            root_2(&thief),
            [DOUBT, "Fay Okoro, key fay (THE KEYID", "fay (Fay Okoro) (THE KEYID IS", "  ed25519"],
        ),
        (
            with_delegations(dev(&thief), true),
            [DOUBT, "dev 1 of 1: ", "fay (Fay Okoro) (THE KEYID IS", "  ed25519"],
        ),
    ] {
        let lines = lines(&request);

        for says in said {
            assert!(lines.iter().any(|line| line.contains(says)), "{says}: {lines:#?}");
        }
        let named = lines.iter().filter(|line| line.contains("Fay Okoro"));
        assert!(
            named
                .into_iter()
                .all(|line| line.contains(" THE HASH OF THIS KEY") || line.contains("is not the hash"))
        );
        let remark = "of Fay Okoro is not the hash of the key under it: ask whether the key is theirs";
        assert!(
            request.remarks(now()).iter().any(|line| line.ends_with(remark)),
            "{:?}",
            request.remarks(now())
        );
    }
}

/// Who asks gives the names, and may leave one out.
#[test]
fn a_keyid_that_nobody_is_named_for_stands_for_no_other_key_without_a_word() {
    let (key, thief) = (public(7).to_json().clone(), public(9).to_json().clone());
    let nameless = |mut request: Request| {
        request.names = Names::default();
        request
    };
    let requests = |key: &Value| {
        let first = signed_by(&root_of(key), &[]).to_file();
        [
            Request::for_root(&first, None, Names::default()).unwrap(),
            nameless(root_2(key)),
            nameless(with_delegations(dev(key), true)),
            nameless(with_delegations(dev(key), false)),
        ]
    };
    for request in requests(&thief) {
        let request = Request::parse(&request.to_file()).unwrap();
        let lines = request.lines(now()).unwrap();
        let marked = lines.iter().filter(|line| line.contains("(THE KEYID IS NOT THE HASH OF THIS KEY)"));
        assert!(marked.count() >= 2, "{lines:#?}");
        let remark = "is not the hash of the key under it: ask whose key it is";
        assert!(request.remarks(now()).iter().any(|line| line.ends_with(remark)));
    }
    for request in requests(&key) {
        assert!(!lines(&request).join("\n").contains("HASH OF THIS KEY"));
    }
}

/// A root that lists her own key is not doubted for what the next one lists.
#[test]
fn each_root_is_doubted_for_its_own_keys_alone() {
    let old = signed_by(&root(1, &[1, 2, 7], 2), &[1, 2]).to_file();
    let mut new = root(2, &[7, 2, 3], 2);
    new["keys"][public(7).keyid().0] = public(9).to_json().clone();
    let request = Request::for_root(&signed_by(&new, &[]).to_file(), Some(&old), names()).unwrap();

    let lines = lines(&request);

    let of = |version: &str| {
        lines.iter().find(|line| line.starts_with(&format!("root version {version}: "))).unwrap()
    };
    assert!(of("1").contains("Fay Okoro, key fay") && !of("1").contains("THE HASH"), "{lines:#?}");
    assert!(of("2").contains("Fay Okoro, key fay (THE KEYID IS NOT"), "{lines:#?}");
    let signers = request.signers.clone();
    let tallies = Merge::new(request.metadata.clone(), "root", signers, "2.root.json").tallies();
    let called = |n: usize| tallies[n].called(&public(7).keyid(), &request.names);
    assert_eq!(
        [called(0), called(1)],
        ["Fay Okoro, key fay".to_owned(), format!("Fay Okoro, key fay{}", &DOUBT[9..])]
    );
}

/// Of the whole object, or of three fields alone: both forms of the hash are in use, and nothing is said.
#[test]
fn a_name_beside_the_hash_of_its_key_stands_alone() {
    let key = public(7).to_json().clone();
    let mut with_owner = key.clone();
    with_owner["x-owner"] = json!("Fay");
    for request in [root_2(&key), root_2(&with_owner), with_delegations(dev(&key), true)] {
        let lines = lines(&request).join("\n");

        assert!(lines.contains("Fay Okoro") && !lines.contains("HASH OF THIS KEY"), "{lines}");
        assert!(request.remarks(now()).is_empty());
    }
}

/// Names are nobody's signature: with one name on two keys, one person seems to sign for two, or to stay who goes.
#[test]
fn two_keys_of_one_name_are_told_apart_by_their_keyids() {
    let (two, three) = (public(2).keyid(), public(3).keyid());
    let named = |three_is: &str| {
        let names = json!({&two.0: {"name": "bo", "holder": "Bo Lindqvist"}, &three.0: {"name": three_is, "holder": "Bo Lindqvist"}});
        let names = Names::parse(names.to_string().as_bytes()).unwrap();
        let file = signed_by(&root(1, &[1, 2, 3], 2), &[]).to_file();
        Request::for_root(&file, None, names).unwrap()
    };
    let short = |keyid: &keyrite::tuf::KeyId| keyid.0[..16].to_owned();

    let (alike, apart) = (named("bo"), named("bo-2"));

    let lines = lines(&alike).join("\n");
    for keyid in [&two, &three] {
        let said = format!("Bo Lindqvist, key bo ({})", short(keyid));
        assert!(lines.contains(&said), "{said}\n{lines}");
    }
    let remarks = alike.remarks(now());
    assert!(
        remarks.iter().any(|remark| remark.starts_with("2 keys are called Bo Lindqvist, key bo: ")),
        "{remarks:?}"
    );
    assert!(remarks.iter().any(|remark| remark.contains(&short(&two)) && remark.contains(&short(&three))));
    assert!(apart.remarks(now()).is_empty());
}

/// With a version before it the difference tells most of this; without one nothing else does.
#[test]
fn every_field_that_is_signed_is_named_with_its_place() {
    let key = public(7).to_json().clone();
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("x-url of app.bin: \"http://x\"", |s| s["targets"]["app.bin"]["x-url"] = json!("http://x")),
        ("hash sha512 of app.bin: \"cdcd", |s| {
            s["targets"]["app.bin"]["hashes"]["sha512"] = json!("cd".repeat(64))
        }),
        ("x-note of delegations: 1", |s| s["delegations"]["x-note"] = json!(1)),
        ("x-note of delegation dev: 1", |s| s["delegations"]["roles"][0]["x-note"] = json!(1)),
        ("x-note of key ", |s| {
            let keys = s["delegations"]["keys"].as_object_mut().unwrap();
            keys.values_mut().for_each(|key| key["x-note"] = json!(1));
        }),
        ("spec_version: \"1.0.99\"", |s| s["spec_version"] = json!("1.0.99")),
        ("x-note: 1", |s| s["x-note"] = json!(1)),
        (", in no role", |s| {
            let idle = public(8);
            s["delegations"]["keys"][idle.keyid().0] = idle.to_json().clone();
        }),
        ("x-note of a, app.bin, b and 2 more", |s| {
            for path in ["a", "b", "c", "d"] {
                s["targets"][path] = s["targets"]["app.bin"].clone();
            }
            let files = s["targets"].as_object_mut().unwrap();
            files.values_mut().for_each(|file| file["x-note"] = json!(1));
        }),
    ];
    for (says, change) in changes {
        let mut signed = targets(7, json!({"app.bin": target(b"app")}));
        signed["delegations"] = dev(&key);
        let said = |signed: &Value| {
            let (file, authority) = (signed_by(signed, &[]).to_file(), signed_by(&root(1, &[1], 1), &[1]));
            let request = Request::for_role(&file, "targets", &authority, None, names()).unwrap();
            lines(&request).join("\n")
        };
        let before = said(&signed);
        change(&mut signed);

        let after = said(&signed);

        assert!(after.contains(says) && !before.contains(says), "{says}: {after}");
    }
}

#[test]
fn a_snapshot_is_told_with_lengths_hashes_and_fields_and_no_more_fields_than_people_read() {
    let entry = json!({"version": 1, "length": 5, "hashes": {"sha256": "00"}, "x-note": 2});
    let mut signed = json!({"_type": "snapshot", "spec_version": "1.0.31", "version": 3,
        "expires": "2027-01-03T09:00:00Z", "meta": {"targets.json": entry, "dev.json": {"version": 1, "length": 7}}});
    let said = |signed: &Value| {
        let (file, authority) = (signed_by(signed, &[]).to_file(), signed_by(&root(1, &[1], 1), &[1]));
        lines(&Request::for_role(&file, "snapshot", &authority, None, names()).unwrap()).join("\n")
    };

    for says in [
        "length of dev.json, targets.json\n",
        "hash sha256 of targets.json: \"00\"",
        "x-note of targets.json: 2",
    ] {
        assert!(said(&signed).contains(says), "{says}: {}", said(&signed));
    }
    for n in 0..30 {
        signed["meta"]["targets.json"][format!("y-{n}")] = json!(n);
    }
    let all = said(&signed);
    assert_eq!(all.matches("also signed:").count(), 21, "{all}");
    assert!(all.contains("also signed: 13 more fields, all below the same digest"), "{all}");
}

#[test]
fn what_a_known_client_refuses_of_what_is_signed_is_remarked_to_who_asks_and_who_signs() {
    let mut lacking = dev(public(7).to_json());
    lacking["roles"][0].as_object_mut().unwrap().remove("terminating");
    let remarks = |delegations: Value| remarks(&with_delegations(delegations, true), now());

    let said = remarks(lacking).join("\n");

    for client in ["python-tuf 7", "tough 0.24"] {
        assert!(said.contains(&format!("{client} refuses what is signed: ")), "{said}");
    }
    assert!(said.contains("(DELEGATION-WITHOUT-TERMINATING)"), "{said}");
    assert_eq!(remarks(dev(public(7).to_json())), [""; 0]);
}
