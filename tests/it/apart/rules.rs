//! What a merge lets in and what it does not, and that no order and no repetition makes a difference.

use std::collections::BTreeSet;

use ed25519_dalek::Signer;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::Signature;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Outcome;
use keyrite::tuf::apart::Request;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::Signers;
use keyrite::tuf::apart::carry;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::signer;
use crate::tuf::world::targets;

/// Root 2 (keys 7, 2, 3; two sign) after root 1 (keys 1, 2, 3; two sign).
fn new_root() -> Value {
    root(2, &[7, 2, 3], 2)
}

fn old_root() -> Metadata {
    signed_by(&root(1, &[1, 2, 3], 2), &[1, 2])
}

fn merge_into(file: Metadata) -> Merge {
    let signers = Signers::of_root(&file, Some(&old_root())).unwrap();
    Merge::new(file, "root", signers, "2.root.json")
}

fn merge() -> Merge {
    merge_into(signed_by(&new_root(), &[]))
}

fn request() -> Request {
    let file = signed_by(&new_root(), &[]).to_file();
    Request::for_root(&file, Some(&old_root().to_file()), Names::default()).unwrap()
}

/// What key `n` answers to a request for these signed bytes.
fn answer(signed: &Value, version: u64, n: u8) -> Vec<u8> {
    let metadata = signed_by(signed, &[n]);
    let sha256 = keyrite::words::Digest::of(metadata.payload()).hex();
    let sig = signer(n).sign(metadata.payload()).to_bytes();
    Response::new("root", version, &sha256, public(n).keyid(), "ed25519", &sig).to_file()
}

/// Behind the mark of UTF-8, as some editors write a text.
fn with_mark(text: &[u8]) -> Vec<u8> {
    [b"\xef\xbb\xbf", text].concat()
}

/// As the `>` of PowerShell writes a text.
fn in_utf16(text: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
}

/// A bare signature in hex.
fn hex_of(signed: &Value, n: u8) -> String {
    hex::encode(signer(n).sign(signed_by(signed, &[]).payload()).to_bytes())
}

/// A bare signature in raw bytes, with what an editor ends it with.
fn raw_with(signed: &Value, n: u8, end: &[u8]) -> Vec<u8> {
    [hex::decode(hex_of(signed, n)).unwrap().as_slice(), end].concat()
}

fn outcomes(merge: &Merge) -> Vec<Outcome> {
    merge.findings().iter().map(|finding| finding.outcome).collect()
}

fn sentence(merge: &Merge) -> String {
    merge.findings().last().unwrap().sentence(&Names::default())
}

#[test]
fn a_root_needs_the_keys_of_the_root_before_it_and_its_own() {
    let mut merge = merge();

    merge.take("seven", &answer(&new_root(), 2, 7), None);
    merge.take("two", &answer(&new_root(), 2, 2), None);

    let tallies = merge.tallies();
    assert_eq!(tallies[0].of, "root version 1");
    assert!(!tallies[0].met && tallies[1].met);
    assert_eq!(tallies[0].signed, BTreeSet::from([public(2).keyid()]));
    let missing: BTreeSet<KeyId> = tallies[0].missing.iter().cloned().collect();
    assert_eq!(missing, BTreeSet::from([public(1).keyid(), public(3).keyid()]));
    merge.take("one", &answer(&new_root(), 2, 1), None);
    assert!(merge.tallies().iter().all(|tally| tally.met));
}

#[test]
fn each_outcome_has_an_answer_of_its_own() {
    let good = answer(&new_root(), 2, 7);
    let mut broken: Value = serde_json::from_slice(&good).unwrap();
    broken["sig"] = json!(hex::encode(signer(2).sign(b"something else").to_bytes()));
    let mut no_hex = broken.clone();
    no_hex["sig"] = json!("zz");
    let mut format_2 = broken.clone();
    format_2["keyrite-response"] = json!(2);
    let cut = good[..good.len() / 2].to_vec();
    let copy_of_the_old = old_root().to_file();
    let other = signed_by(&targets(9, json!({})), &[7]).to_file();
    let mut forked = new_root();
    forked["expires"] = json!("2029-01-01T00:00:00Z");

    for (file, outcome, says) in [
        (good, Outcome::Added, "added the signature of key"),
        (answer(&new_root(), 2, 7), Outcome::AlreadyThere, "already there"),
        (broken.to_string().into_bytes(), Outcome::DoesNotVerify, "does not verify"),
        (answer(&new_root(), 2, 9), Outcome::Stranger, "stranger"),
        (answer(&root(1, &[1, 2, 3], 2), 1, 2), Outcome::Replay, "older than version 2"),
        (answer(&forked, 2, 2), Outcome::WrongPayload, "over another root version 2"),
        (answer(&forked, 3, 2), Outcome::WrongPayload, "over another root version 3"),
        (answer(&forked, 2, 2), Outcome::WrongPayload, "send them the request again, and compare the words"),
        (copy_of_the_old, Outcome::Replay, "older than version 2"),
        (signed_by(&root(1, &[1, 2, 3], 2), &[]).to_file(), Outcome::Empty, "nobody has signed it"),
        (public(2).to_pem().into_bytes(), Outcome::Malformed, "neither a response"),
        (vec![7; 100], Outcome::Malformed, "neither a response"),
        (with_mark(&answer(&new_root(), 2, 7)), Outcome::AlreadyThere, "already there"),
        (with_mark(hex_of(&new_root(), 7).as_bytes()), Outcome::AlreadyThere, "already there"),
        (in_utf16(&answer(&new_root(), 2, 7), u16::to_le_bytes), Outcome::Added, "added the signature"),
        (in_utf16(&answer(&new_root(), 2, 7), u16::to_be_bytes), Outcome::Added, "added the signature"),
        (
            in_utf16(hex_of(&new_root(), 7).as_bytes(), u16::to_le_bytes),
            Outcome::Added,
            "added the signature",
        ),
        (raw_with(&new_root(), 7, b"\n"), Outcome::Added, "added the signature"),
        (raw_with(&new_root(), 7, b"\r\n"), Outcome::Added, "added the signature"),
        (other, Outcome::WrongPayload, "for another role, targets version 9"),
        (signed_by(&forked, &[2, 3]).to_file(), Outcome::WrongPayload, "over another root version 2"),
        (signed_by(&new_root(), &[]).to_file(), Outcome::Empty, "nobody has signed it"),
        (no_hex.to_string().into_bytes(), Outcome::Malformed, "not hex"),
        (format_2.to_string().into_bytes(), Outcome::Malformed, "a format that this program does not know"),
        (b"{\"keyrite-response\": 1}".to_vec(), Outcome::Malformed, "missing field"),
        (
            b"{\"keyrite-response\": 1, \"sig\": ".to_vec(),
            Outcome::Malformed,
            "cut short or changed on the way",
        ),
        (cut, Outcome::Malformed, "cut short or changed on the way"),
        (b"{\"signed\": 1, \"signatures\": []}".to_vec(), Outcome::Malformed, "not metadata"),
        (b"{}".to_vec(), Outcome::Malformed, "neither a response nor metadata"),
        (b"".to_vec(), Outcome::Malformed, "0 bytes"),
        (b"hello".to_vec(), Outcome::Malformed, "neither a response, nor metadata, nor a signature"),
        (vec![0x7b; 20_000], Outcome::Malformed, "no strict reader"),
        (vec![7; 20_000], Outcome::Malformed, "20000 bytes"),
        (vec![7; 64], Outcome::DoesNotVerify, "none of the keys that may sign"),
        (request().to_file(), Outcome::Malformed, "a request: it asks, and answers nothing"),
    ] {
        let mut merge = merge();
        if outcome == Outcome::AlreadyThere {
            merge.take("before", &file, None);
        }
        let before = merge.merged().to_file();

        merge.take("x", &file, None);

        let last = merge.findings().last().unwrap();
        assert_eq!(last.outcome, outcome, "{}", sentence(&merge));
        assert!(sentence(&merge).contains(says), "{}", sentence(&merge));
        assert_eq!(merge.merged().to_file() == before, outcome != Outcome::Added);
    }
}

/// The name of a targets role is in no byte that is signed: whoever signed `dev` has not signed `targets`, though the
/// signature would verify.
#[test]
fn an_answer_that_names_another_role_or_version_than_what_it_is_merged_into_is_refused() {
    let authority = old_root();
    let file = signed_by(&targets(7, json!({})), &[]);
    let signers = Signers::by(&authority, "targets").unwrap();
    let key = signers.keys().next().unwrap().0.clone();
    let n = (1..=9).find(|n| public(*n).keyid() == key).unwrap();
    let sig = signer(n).sign(file.payload()).to_bytes();
    let sha256 = keyrite::words::Digest::of(file.payload()).hex();

    for (role, version, outcome) in [
        ("targets", 7, Outcome::Added),
        ("dev", 7, Outcome::WrongPayload),
        ("targets", 8, Outcome::WrongPayload),
    ] {
        let response = Response::new(role, version, &sha256, key.clone(), "ed25519", &sig);
        let mut merge = Merge::new(file.clone(), "targets", signers.clone(), "7.targets.json");
        for form in [response.to_file(), carry::lines(&response).unwrap().join("\n").into_bytes()] {
            merge.take("x", &form, None);
        }

        let first = &merge.findings()[0];
        assert_eq!(first.outcome, outcome, "{}", sentence(&merge));
        assert_eq!(merge.merged().signatures().is_empty(), outcome != Outcome::Added);
        let both = [format!("{role} version {version}"), "targets version 7".to_owned()];
        let said = sentence(&merge);
        assert!(outcome == Outcome::Added || both.iter().all(|one| said.contains(one)), "{said}");
    }
}

#[test]
fn the_signer_of_a_targets_role_is_told_that_its_name_is_not_signed() {
    let said = |role: &str, signed: &Value| {
        let file = signed_by(signed, &[]).to_file();
        let request = Request::for_role(&file, role, &old_root(), None, Names::default()).unwrap();
        let request = Request::parse(&request.to_file()).unwrap();
        request.lines(crate::tuf::world::now()).unwrap().iter().any(|line| {
            line.contains("is not in what is signed: the signature counts for every targets role")
        })
    };

    assert!(said("targets", &targets(7, json!({}))));
    let root_lines = request().lines(crate::tuf::world::now()).unwrap().join("\n");
    assert!(!root_lines.contains("every targets role"), "{root_lines}");
}

/// Both before anyone signs, in `request` and in `sign`.
#[test]
fn a_date_that_has_passed_and_a_version_that_jumps_are_remarked() {
    let now = crate::tuf::world::now();
    let remarks = |version: u64, expires: &str, before: Option<u64>| {
        let file = |version: u64| {
            let mut signed = targets(version, json!({}));
            signed["expires"] = json!(expires);
            signed_by(&signed, &[]).to_file()
        };
        let before = before.map(file);
        let asked =
            Request::for_role(&file(version), "targets", &old_root(), before.as_deref(), Names::default());
        let asked = asked.unwrap();
        assert!(
            asked.remarks(now).iter().all(|r| asked.lines(now).unwrap().contains(&format!("remark: {r}")))
        );
        asked.remarks(now)
    };

    assert!(remarks(7, "2099-01-01T00:00:00Z", Some(6)).is_empty());
    assert!(remarks(7, "2099-01-01T00:00:00Z", None).is_empty());
    assert_eq!(
        remarks(4_000_000_000, "2099-01-01T00:00:00Z", Some(6)),
        ["version 4000000000 is not the next one: 7 follows version 6"]
    );
    let expired = remarks(7, "2020-12-31T23:59:59Z", Some(6));
    assert!(
        expired[0].starts_with("no client takes it any more: 2020-12-31T23:59:59Z, expired "),
        "{expired:?}"
    );
}

#[test]
fn a_good_signature_that_names_another_key_or_scheme_counts_with_a_remark() {
    let good: Value = serde_json::from_slice(&answer(&new_root(), 2, 7)).unwrap();
    let with = |change: Value| {
        let mut response = good.clone();
        response.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mut merge = merge();
        merge.take("x", response.to_string().as_bytes(), None);
        assert_eq!(outcomes(&merge), [Outcome::Added]);
        assert_eq!(merge.merged().signatures()[0].keyid, public(7).keyid());
        merge.findings()[0].why.clone()
    };
    let stranger = public(9).keyid();

    assert_eq!(with(json!({})), "");
    assert_eq!(with(json!({"keyid": &public(7).keyid().0[..16]})), "");
    assert!(with(json!({"keyid": stranger})).contains("another keyid than"));
    assert!(with(json!({"scheme": "ecdsa-sha2-nistp256"})).contains("another scheme than"));
    let both = with(json!({"keyid": stranger, "scheme": "rsassa-pss-sha256"}));
    assert!(both.contains("another keyid") && both.contains("another scheme"));
    let mut copy = signed_by(&new_root(), &[]);
    copy.add(Signature { keyid: stranger, sig: hex::encode(signer(7).sign(copy.payload()).to_bytes()) });
    let mut merge = merge();
    merge.take("copy", &copy.to_file(), None);
    assert!(
        sentence(&merge).contains("added the signature of") && sentence(&merge).contains("another keyid")
    );
}

#[test]
fn a_private_key_that_was_sent_is_named_and_not_repeated() {
    let pem = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    let mut merge = merge();

    merge.take("oops.pem", pem, None);

    assert_eq!(outcomes(&merge), [Outcome::Malformed]);
    assert!(sentence(&merge).contains("count it as stolen") && !sentence(&merge).contains("MC4C"));
}

#[test]
fn the_files_own_signatures_are_judged_like_all_others() {
    let mut file = signed_by(&new_root(), &[7, 9]);
    file.add(Signature { keyid: public(2).keyid(), sig: String::new() });
    file.add(Signature { keyid: public(3).keyid(), sig: "00".repeat(64) });
    file.add(Signature { keyid: public(1).keyid(), sig: "not hex".to_owned() });

    let merge = merge_into(file);

    let found: BTreeSet<Outcome> = outcomes(&merge).into_iter().collect();
    let expected =
        [Outcome::Kept, Outcome::Stranger, Outcome::Empty, Outcome::DoesNotVerify, Outcome::Malformed];
    assert_eq!(found, expected.into());
    assert_eq!(merge.merged(), signed_by(&new_root(), &[7]));
}

#[test]
fn a_signature_under_a_label_that_nobody_knows_is_listed_under_the_label_that_counts() {
    let mut copy = signed_by(&new_root(), &[]);
    let sig = hex::encode(signer(7).sign(copy.payload()).to_bytes());
    copy.add(Signature { keyid: KeyId("an-old-label".to_owned()), sig });
    let mut merge = merge();

    merge.take("copy", &copy.to_file(), None);

    assert_eq!(outcomes(&merge), [Outcome::Added]);
    assert_eq!(merge.merged(), signed_by(&new_root(), &[7]));
}

#[test]
fn the_signature_of_one_key_does_not_pass_for_that_of_another() {
    let mut copy = signed_by(&new_root(), &[]);
    let sig = hex::encode(signer(7).sign(copy.payload()).to_bytes());
    copy.add(Signature { keyid: public(2).keyid(), sig });
    let mut merge = merge();

    merge.take("copy", &copy.to_file(), None);

    assert_eq!(outcomes(&merge), [Outcome::DoesNotVerify]);
    assert_eq!(merge.merged().signatures(), []);
}

/// Clients of the old root look for the old label, clients of the new one for the new.
#[test]
fn a_key_that_the_new_root_labels_anew_is_listed_under_both_labels_and_counts_once_in_each() {
    let mut signed = new_root();
    let old = public(2).keyid().0;
    let key = signed["keys"].as_object_mut().unwrap().remove(&old).unwrap();
    signed["keys"]["anew"] = key;
    signed["roles"]["root"]["keyids"][1] = json!("anew");
    let mut merge = merge_into(signed_by(&signed, &[]));

    merge.take("two", &answer(&signed, 2, 2), None);

    let labels: Vec<String> = merge.merged().signatures().iter().map(|s| s.keyid.0.clone()).collect();
    assert_eq!(labels, ["anew".to_owned(), old]);
    assert!(merge.tallies().iter().all(|tally| tally.signed.len() == 1));
}

#[test]
fn a_root_that_does_not_follow_has_no_signers() {
    let new = signed_by(&root(3, &[7, 2, 3], 2), &[]);

    let error = Signers::of_root(&new, Some(&old_root())).unwrap_err();

    assert_eq!(error.to_string(), "root version 3 does not follow version 1 (VERSION-NEXT)");
}

#[test]
fn a_root_before_it_that_its_own_keys_have_not_signed_is_none() {
    let new = signed_by(&new_root(), &[]);
    // The new root under the older version: then nothing would change.
    let forged = signed_by(&root(1, &[7, 2, 3], 2), &[7]);

    let error = Signers::of_root(&new, Some(&forged)).unwrap_err();

    assert_eq!(error.to_string(), "root version 1 is not signed by its own keys: 1 of 2 signatures verify");
    let mut request: Value = serde_json::from_slice(&request().to_file()).unwrap();
    request["before"] = json!(String::from_utf8(forged.to_file()).unwrap());
    let mut theirs = request["thresholds"][1].clone();
    theirs["of"] = json!("root version 1");
    request["thresholds"][0] = theirs;
    let read = Request::parse(request.to_string().as_bytes()).unwrap_err();
    assert!(read.contradiction && read == error, "{read}");
}

#[test]
fn a_signers_own_copy_of_the_version_before_it_decides() {
    let asked = request();
    let own = old_root().to_file();
    let other = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2, 3]).to_file();

    let compared = asked.compared().unwrap();
    let alone = Request::for_root(&signed_by(&new_root(), &[]).to_file(), None, Names::default()).unwrap();

    assert_eq!(compared, ("root version 1".to_owned(), &own[..]));
    assert_eq!(asked.against(&own).unwrap(), asked);
    assert_eq!(alone.compared(), None);
    assert_eq!(alone.against(&own).unwrap(), asked);
    let error = asked.against(&other).unwrap_err();
    assert!(error.contradiction && error.to_string().contains("not the one that came with"), "{error}");
}

#[test]
fn a_request_is_read_as_it_was_written() {
    let request = request();

    let read = Request::parse(&request.to_file()).unwrap();

    assert_eq!(read, request);
    assert_eq!(read.metadata.to_file(), signed_by(&new_root(), &[]).to_file());
    let text = String::from_utf8(request.to_file()).unwrap();
    assert!(!text.to_lowercase().contains("private"), "{text}");
}

#[test]
fn a_request_that_contradicts_itself_is_refused() {
    let good: Value = serde_json::from_slice(&request().to_file()).unwrap();
    type Change = fn(&mut Value);
    let forms: [(&str, Change); 7] = [
        ("another digest", |r| r["sha256"] = json!("00".repeat(32))),
        ("other signers", |r| r["thresholds"][1]["need"] = json!(1)),
        ("other signers", |r| drop(r["thresholds"].as_array_mut().unwrap().remove(0))),
        ("other signers", |r| r["before"] = Value::Null),
        ("other signers", |r| {
            r["thresholds"][1]["signers"][0]["keyid"] = json!("x");
        }),
        ("contradicts itself", |r| r["thresholds"][0]["signers"][0]["scheme"] = json!("rsassa-pss-sha256")),
        ("carries root", |r| r["role"] = json!("timestamp")),
    ];
    for (says, change) in forms {
        let mut request = good.clone();
        change(&mut request);

        let error = Request::parse(request.to_string().as_bytes()).unwrap_err();

        assert!(error.to_string().contains(says) && error.contradiction, "{says}: {error}");
    }
    for (says, change) in [
        ("a format that this program does not know", json!({"keyrite-request": 2})),
        ("unknown field", json!({"extra": 1})),
        ("is not a name of a key", json!({"names": {"aa": {"name": "ana, and bo"}}})),
        ("stands twice", json!({"metadata": r#"{"signed":{"a":1,"a":2},"signatures":[]}"#})),
    ] {
        let mut request = good.clone();
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());

        let error = Request::parse(request.to_string().as_bytes()).unwrap_err();

        assert!(error.to_string().contains(says) && !error.contradiction, "{says}: {error}");
    }
}

/// One thing that may come in: a key's signature, good or bad, in one of the forms.
fn thing((n, good, form): (u8, bool, u8)) -> Vec<u8> {
    let metadata = signed_by(&new_root(), &[]);
    let over = if good { metadata.payload().to_vec() } else { b"something else".to_vec() };
    let sig = signer(n).sign(&over).to_bytes();
    match form {
        0 => sig.to_vec(),
        1 => hex::encode_upper(sig).into_bytes(),
        2 => {
            let mut copy = metadata;
            copy.add(Signature { keyid: public(1).keyid(), sig: String::new() });
            copy.add(Signature { keyid: public(n).keyid(), sig: hex::encode(sig) });
            copy.to_file()
        }
        _ => {
            let sha256 = keyrite::words::Digest::of(metadata.payload()).hex();
            Response::new("root", 2, &sha256, public(n).keyid(), "ed25519", &sig).to_file()
        }
    }
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_ends_as_the_union_of_what_verifies(
        things in prop::collection::vec((1_u8..10, any::<bool>(), 0_u8..4), 0..12),
        mixed in any::<prop::sample::Index>(),
        own in prop::collection::vec(1_u8..10, 0..4),
    ) {
        let files: Vec<Vec<u8>> = things.iter().map(|one| thing(*one)).collect();
        let mut merge = merge_into(signed_by(&new_root(), &own));
        for file in &files {
            merge.take("x", file, None);
        }

        // Turned, reversed, twice, and into its own result.
        let mut again = merge_into(merge.merged());
        let mut turned = files.clone();
        turned.rotate_left(if files.is_empty() { 0 } else { mixed.index(files.len()) });
        for file in turned.iter().rev().chain(&files) {
            again.take("x", file, None);
        }
        // One half merged elsewhere, and that file merged here.
        let (left, right) = files.split_at(files.len() / 2);
        let mut elsewhere = merge_into(signed_by(&new_root(), &own));
        left.iter().for_each(|file| elsewhere.take("x", file, None));
        let mut joined = merge_into(signed_by(&new_root(), &[]));
        right.iter().for_each(|file| joined.take("x", file, None));
        joined.take("elsewhere", &elsewhere.merged().to_file(), None);

        let good: BTreeSet<u8> =
            things.iter().filter(|(_, good, _)| *good).map(|(n, ..)| *n).chain(own.iter().copied()).collect();
        let may: Vec<u8> = good.into_iter().filter(|n| [1, 2, 3, 7].contains(n)).collect();
        let union = signed_by(&new_root(), &may).to_file();
        prop_assert!(merge.merged().to_file() == union);
        prop_assert!(again.merged().to_file() == union);
        prop_assert!(joined.merged().to_file() == union);
    }

    #[test]
    fn no_bytes_make_it_panic_or_let_anything_in(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut merge = merge();

        merge.take("x", &bytes, None);
        drop(Request::parse(&bytes));
        drop(Names::parse(&bytes));

        prop_assert!(merge.merged().signatures().is_empty());
    }
}

#[test]
fn a_bin_has_one_name() {
    let bins = json!({"keyids": keyids(&[4]), "threshold": 1, "bit_length": 4, "name_prefix": "bin"});
    let mut delegator = targets(3, json!({}));
    delegator["delegations"] = json!({"keys": keys(&[4]), "succinct_roles": bins});
    let signers = |role: &str| Signers::by(&signed_by(&delegator, &[4]), role);

    for name in ["bin-0", "bin-f"] {
        assert!(signers(name).is_ok(), "{name}");
    }
    for name in ["bin-0f", "bin-F", "bin-+1", "bin-10", "bin-", "bin"] {
        assert!(signers(name).is_err(), "{name}");
    }
}
