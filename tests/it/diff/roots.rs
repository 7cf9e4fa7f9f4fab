//! Two roots.

use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::diff;
use keyrite::tuf::diff::Kind;
use keyrite::tuf::diff::Reach;
use keyrite::tuf::names::Person;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::tuf::world::keyids;
use crate::tuf::world::root;

fn first() -> Value {
    root(1, &[1, 2, 3], 2)
}

#[test]
fn a_key_that_leaves_and_one_that_comes_are_the_lines_of_expect_diff() {
    let new = root(2, &[1, 2, 7], 2);

    assert_eq!(lines(&first(), &new), ["root: version 1 -> 2", "root: - key chi", "root: + key fay"]);
}

#[test]
fn what_is_alike_has_no_difference_and_other_bytes_are_never_hidden() {
    let mut reordered = first();
    reordered["roles"]["root"]["keyids"].as_array_mut().unwrap().reverse();

    assert_eq!(lines(&first(), &first()), [""; 0]);
    assert_eq!(lines(&first(), &reordered), ["root: written differently"]);
}

#[test]
fn a_signature_over_the_same_content_is_a_change() {
    let section = between((&first(), &[1, 2]), (&first(), &[1, 3]));

    let lines: Vec<&str> = section.lines().collect();
    assert_eq!(lines, ["root: + signature chi", "root: - signature bo"]);
    assert!(section.reach.is_empty());
}

#[test]
fn each_member_of_a_root_has_its_line() {
    let bend: [Bend; 10] = [
        (|r| r["version"] = 5.into(), "root: version 1 -> 5"),
        (
            |r| r["expires"] = "2028-01-03T09:00:00Z".into(),
            "root: expires 2027-01-03T09:00:00Z -> 2028-01-03T09:00:00Z",
        ),
        (|r| r["expires"] = "2027-01-03T10:00:00+01:00".into(), "root: expires written differently"),
        (|r| r["consistent_snapshot"] = false.into(), "root: consistent_snapshot true -> false"),
        (|r| r["roles"]["targets"]["threshold"] = 2.into(), "targets: threshold 1 -> 2"),
        (|r| r["spec_version"] = "1.0.30".into(), "root: field spec_version changed"),
        (|r| r["x-note"] = 1.into(), "root: field x-note added"),
        (|r| r["roles"]["snapshot"]["x-days"] = 7.into(), "snapshot: role field x-days added"),
        (|r| r["keys"][keyids(&[9])[0].as_str()] = public(9).to_json().clone(), "root: + unused key eva"),
        (|r| r["roles"]["mirrors"] = json!({"keyids": keyids(&[6]), "threshold": 1}), "root: + role mirrors"),
    ];
    for (bend, line) in bend {
        let mut new = first();
        bend(&mut new);

        assert_eq!(lines(&first(), &new), [line]);
    }
}

#[test]
fn an_expiry_is_told_with_its_weekday_and_the_days_between() {
    for (expires, words) in [
        (
            "2028-01-03T09:00:00Z",
            "expires 2028-01-03T09:00:00Z (Monday), 365 days later than before: 2027-01-03T09:00:00Z (Sunday)",
        ),
        (
            "2027-01-02T09:00:00Z",
            "expires 2027-01-02T09:00:00Z (Saturday), 1 day EARLIER than before: 2027-01-03T09:00:00Z (Sunday)",
        ),
        (
            "2027-01-03T08:59:59Z",
            "expires 2027-01-03T08:59:59Z (Sunday), less than a day EARLIER than before: 2027-01-03T09:00:00Z (Sunday)",
        ),
    ] {
        let mut new = first();
        new["expires"] = expires.into();

        let section = between((&first(), &[]), (&new, &[]));

        assert_eq!(super::words(&section), [words]);
    }
}

#[test]
fn the_same_key_under_another_keyid_is_no_new_key() {
    let mut new = root(2, &[1, 2, 3], 2);
    relabel(&mut new, &keyid(3).0, "feedfacecafe");

    let section = between((&first(), &[]), (&new, &[]));

    let line = format!("root: key chi: keyid {} -> feedface", &keyid(3).0[..8]);
    assert_eq!(section.lines().collect::<Vec<_>>(), ["root: version 1 -> 2", &line]);
    assert!(section.changes.iter().all(|change| !change.alarm));
    assert_eq!(follows(&section), [""; 0]);
}

#[test]
fn another_key_under_an_unchanged_keyid_is_said_loudly() {
    let mut new = root(2, &[1, 2, 3], 2);
    new["keys"][&keyid(3).0] = public(9).to_json().clone();

    let section = between((&first(), &[]), (&new, &[]));

    let loud: Vec<_> = section.changes.iter().filter(|change| change.alarm).collect();
    assert_eq!(loud.len(), 1);
    assert_eq!(loud[0].kind, Kind::KeyBytes);
    assert_eq!(loud[0].line, "root: key chi: KEY BYTES CHANGED under an unchanged keyid: another key");
    assert!(loud[0].words.ends_with("is ANOTHER KEY now"), "{}", loud[0].words);
    // Once, and not as a key that left and one that came.
    assert_eq!(section.changes.len(), 2);
    assert!(follows(&section)[0].starts_with("root: any 2 of "), "{:?}", follows(&section));
}

#[test]
fn an_entry_edited_under_an_unchanged_keyid_is_said_loudly() {
    let mut new = root(2, &[1, 2, 3], 2);
    new["keys"][&keyid(6).0]["x-uri"] = "elsewhere".into();

    let section = between((&first(), &[]), (&new, &[]));

    assert_eq!(
        section.lines().collect::<Vec<_>>(),
        [
            "root: version 1 -> 2",
            "timestamp: key tim: KEY BYTES CHANGED under an unchanged keyid: the same key, its entry edited",
            "timestamp: key tim: field x-uri added",
        ]
    );
    assert!(section.changes[1].alarm);
    // The hash over keytype, scheme and keyval alone is a keyid too.
    assert!(
        section.changes[1].words.ends_with("it is the hash of the new entry"),
        "{}",
        section.changes[1].words
    );
}

#[test]
fn a_key_that_nobody_can_read_is_told_apart_by_its_public_part() {
    let unread =
        |scheme: &str, public: &str| json!({"keytype": "x", "scheme": scheme, "keyval": {"public": public}});
    let with = |version: u64, key: Value| {
        let mut root = root(version, &[1, 2, 3], 2);
        root["keys"]["0123456789"] = key;
        root["roles"]["root"]["keyids"].as_array_mut().unwrap().push("0123456789".into());
        root
    };

    let scheme = lines(&with(1, unread("s", "p")), &with(2, unread("t", "p")));
    let public = lines(&with(1, unread("s", "p")), &with(2, unread("s", "q")));

    assert_eq!(
        scheme[1],
        "root: key 01234567: KEY BYTES CHANGED under an unchanged keyid: the same key, its entry edited"
    );
    assert_eq!(scheme[2], "root: key 01234567: scheme s -> t");
    assert_eq!(public[1], "root: key 01234567: KEY BYTES CHANGED under an unchanged keyid: another key");
}

#[test]
fn what_follows_counts_keys_by_material() {
    // given: chi's key stands a second time, under another keyid
    let mut new = root(2, &[1, 3], 2);
    new["keys"]["feedfacecafe"] = public(3).to_json().clone();
    new["roles"]["root"]["keyids"].as_array_mut().unwrap().push("feedfacecafe".into());

    let follows = follows(&between((&first(), &[]), (&new, &[])));

    assert_eq!(
        follows,
        [
            "root: all of ana, chi must sign",
            "root: no spare key: when one is lost, nobody can sign",
            "root: chi stands under 2 keyids and counts once",
        ]
    );
}

#[test]
fn what_follows_from_keys_and_thresholds() {
    for (keys, threshold, expected) in [
        (
            &[1, 2, 3][..],
            3,
            &["root: all of ana, bo, chi must sign", "root: no spare key: when one is lost, nobody can sign"]
                [..],
        ),
        (
            &[1, 7, 8, 9],
            2,
            &[
                "root: any 2 of ana, dev, eva, fay can sign",
                "root: old keys alone can no longer reach the new threshold: 1 stay, 2 must sign",
                "root: 2 spare keys: so many may be lost",
            ],
        ),
        (
            &[7, 8],
            1,
            &[
                "root: any 1 of dev, fay can sign",
                "root: no key of the old root remains",
                "root: 1 spare key: one may be lost, two may not",
            ],
        ),
        (
            &[1, 2],
            3,
            &[
                "root: 3 must sign, and there are only ana, bo",
                "root: old keys alone can no longer reach the new threshold: 2 stay, 3 must sign",
                "root: NOBODY CAN SIGN: 3 must sign, and 2 can",
            ],
        ),
    ] {
        let section = between((&first(), &[]), (&root(2, keys, threshold), &[]));

        assert_eq!(follows(&section), expected);
    }
}

#[test]
fn a_keyid_without_a_key_cannot_sign() {
    let mut new = root(2, &[1, 2], 2);
    new["roles"]["root"]["keyids"] = json!([keyid(1).0, "feedfacecafe"]);

    let follows = follows(&between((&first(), &[]), (&new, &[])));

    assert!(follows.contains(&"root: NOBODY CAN SIGN: 2 must sign, and 1 can".to_owned()), "{follows:?}");
    assert!(follows[0].contains("feedface (no such key in the file)"), "{follows:?}");
}

#[test]
fn new_online_keys_are_fast_forward_recovery_and_new_names_of_them_are_not() {
    let online = |role: &str, key: u8| {
        let mut new = root(2, &[1, 2, 3], 2);
        new["keys"][&keyid(key).0] = public(key).to_json().clone();
        new["roles"][role]["keyids"] = json!([keyid(key).0]);
        new
    };
    let mut renamed = root(2, &[1, 2, 3], 2);
    relabel(&mut renamed, &keyid(6).0, "feedfacecafe");
    let recovery = |new: &Value| {
        let follows = follows(&between((&first(), &[]), (new, &[])));
        follows.into_iter().find(|line| line.contains("recovery")).unwrap_or_default()
    };

    assert!(
        recovery(&online("timestamp", 9))
            .starts_with("timestamp: the keys of timestamp changed; fast-forward recovery of timestamp: ")
    );
    assert!(
        recovery(&online("snapshot", 9))
            .starts_with("timestamp: the keys of snapshot changed; no fast-forward recovery of timestamp")
    );
    assert!(
        recovery(&renamed)
            .starts_with("timestamp: no fast-forward recovery by key: timestamp have other keyids")
    );
    assert_eq!(recovery(&online("targets", 9)), "");
}

#[test]
fn targets_that_lose_their_keys_must_be_signed_again() {
    let with = |version: u64, keys: &[u8], threshold: u32| {
        let mut root = root(version, &[1, 2, 3, 8, 9], 2);
        root["roles"]["targets"] = json!({"keyids": keyids(keys), "threshold": threshold});
        root
    };
    let again = |new: Value| {
        let follows = follows(&between((&with(1, &[1, 2, 3], 2), &[]), (&new, &[])));
        follows.into_iter().find(|line| line.contains("signed again")).unwrap_or_default()
    };

    assert_eq!(
        again(with(2, &[1, 8, 9], 2)),
        "targets: its metadata must be signed again: the keys that stay are too few for it"
    );
    assert_eq!(
        again(with(2, &[1, 2, 9], 2)),
        "targets: its metadata must be signed again, unless 2 of the keys that stay have signed it"
    );
    assert_eq!(
        again(with(2, &[1, 2, 3], 3)),
        "targets: its metadata must be signed again, unless 3 of the keys that stay have signed it"
    );
    assert_eq!(again(with(2, &[1, 2, 3, 9], 2)), "");
}

fn reach(old: &Value, new: &Value, signers: &[u8]) -> Reach {
    let section = between((old, &[1, 2]), (new, signers));
    assert_eq!(section.reach.len(), 1);
    section.reach[0].clone()
}

/// From root 1 of ana, bo, chi to root 2 of bo, chi, fay; two must sign for each.
#[test]
fn a_root_is_reached_by_the_threshold_of_the_old_and_of_the_new_keys() {
    let new = root(2, &[2, 3, 7], 2);
    for (signers, missing) in [
        (&[2, 3][..], &[][..]),
        (&[1, 2, 7], &[]),
        (&[1, 2], &["1 of 2 by the keys of the new root: 1 more of chi, fay"]),
        (&[3, 7], &["1 of 2 by the keys of the old root: 1 more of ana, bo"]),
        (
            &[7],
            &[
                "0 of 2 by the keys of the old root: 2 more of ana, bo, chi",
                "1 of 2 by the keys of the new root: 1 more of bo, chi",
            ],
        ),
        (
            &[],
            &[
                "0 of 2 by the keys of the old root: 2 more of ana, bo, chi",
                "0 of 2 by the keys of the new root: 2 more of bo, chi, fay",
            ],
        ),
    ] {
        let reach = reach(&first(), &new, signers);

        assert_eq!(reach.missing, missing, "{signers:?}");
        assert_eq!(reach.reached, missing.is_empty(), "{signers:?}");
    }
    assert_eq!(reach(&first(), &new, &[1, 2, 7]).old.by, ["ana", "bo"]);
    assert_eq!(reach(&first(), &new, &[1, 2, 7]).new.by, ["bo", "fay"]);
}

#[test]
fn a_root_is_reached_only_from_the_version_before() {
    let old = root(4, &[1, 2, 3], 2);
    for (version, missing) in [
        (5, None),
        (6, Some("version 5 lies between: clients walk one version at a time")),
        (9, Some("versions 5 to 8 lie between: clients walk one version at a time")),
        (3, Some("version 3 is lower than 4: a rollback, which clients refuse")),
    ] {
        let reach = reach(&old, &root(version, &[1, 2, 3], 2), &[1, 2]);

        assert_eq!(reach.missing.first().map(String::as_str), missing, "{version}");
    }
    let mut other = old.clone();
    other["x-note"] = 1.into();
    assert_eq!(
        reach(&old, &other, &[1, 2]).missing,
        ["version 4 is other content under the same version: clients that have it never look again"]
    );
}

#[test]
fn a_version_that_falls_is_a_rollback_that_nobody_overlooks() {
    let section = between((&root(4, &[1, 2, 3], 2), &[]), (&root(3, &[1, 2, 3], 2), &[]));

    assert!(section.changes[0].alarm);
    assert_eq!(
        section.changes[0].words,
        "ROLLBACK: version 4 -> 3; clients that have version 4 refuse version 3"
    );
}

#[test]
fn roots_between_are_walked_one_by_one() {
    let metadata = |version: u64, keys: &[u8], signers: &[u8]| -> Metadata {
        signed_by(&root(version, keys, 2), signers)
    };
    let (old, new) = (metadata(1, &[1, 2, 3], &[1, 2]), metadata(3, &[7, 8, 3], &[7, 8]));
    let between = [metadata(2, &[7, 2, 3], &[2, 3])];

    let walked = diff::roots(&old, &new, &between, &names()).unwrap();

    let steps: Vec<_> = walked.reach.iter().map(|step| (step.from, step.to, step.reached)).collect();
    assert_eq!(steps, [(1, 2, true), (2, 3, false)]);
    assert_eq!(walked.reach[1].missing, ["1 of 2 by the keys of the old root: 1 more of bo, chi"]);
}

/// A name is what someone called a key: whoever brings a key cannot take another's name.
#[test]
fn two_keys_are_never_called_alike() {
    let mut names = names();
    names.insert(keyid(7), Person { name: "chi".to_owned(), holder: Some("Chi Nwosu".to_owned()) });
    let (old, new) = (signed_by(&first(), &[]), signed_by(&root(2, &[1, 2, 7], 2), &[]));

    let section = diff::files(None, &old.to_file(), &new.to_file(), &names).unwrap();

    let short = |n: u8| keyid(n).0[..8].to_owned();
    let expected = [format!("root: - key chi ({})", short(3)), format!("root: + key chi ({})", short(7))];
    assert_eq!(section.lines().skip(1).collect::<Vec<_>>(), expected);
}

#[test]
fn keyids_that_begin_alike_are_shown_as_far_as_they_differ() {
    let (mut old, mut new) = (first(), root(2, &[1, 2, 7], 2));
    relabel(&mut old, &keyid(3).0, "aaaaaaaabbbbbbbb1");
    relabel(&mut new, &keyid(7).0, "aaaaaaaabbbbbbbb2");

    assert_eq!(lines(&old, &new)[1..], ["root: - key aaaaaaaabbbbbbbb1", "root: + key aaaaaaaabbbbbbbb2"]);
}

#[test]
fn a_known_name_stays_and_names_json_holds_only_names() {
    let known = Names::parse(br#"{"aa": {"name": "ana", "holder": "Ana Duarte"}}"#).unwrap();
    let other = Names::parse(br#"{"aa": {"name": "mal"}, "bb": {"name": "bo"}}"#).unwrap();
    let both =
        Names::parse(br#"{"aa": {"name": "ana", "holder": "Ana Duarte"}, "bb": {"name": "bo"}}"#).unwrap();

    assert_eq!(known.or(other), both);
    for bad in [
        "[]",
        "{",
        r#"{"aa": {"name": "a, b"}}"#,
        r#"{"aa": {"name": ""}}"#,
        r#"{"aa": {"name": "a\u001b[2J"}}"#,
        r#"{"aa": "ana"}"#,
        r#"{"aa": {"name": "ana", "phone": "1"}}"#,
        r#"{"aa": {"name": "a"}, "aa": {"name": "b"}}"#,
    ] {
        assert!(Names::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
