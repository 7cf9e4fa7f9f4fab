//! The machine: what is refused, and that nothing changed; replay; any events in any order.

use std::sync::Arc;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::ceremony::Ceremony;
use keyrite::ceremony::Event;
use keyrite::ceremony::Mode;
use keyrite::ceremony::Need;
use keyrite::plan::Plan;
use keyrite::plan::Verb;
use keyrite::tuf::PublicKey;
use keyrite::tuf::targets::Files;
use keyrite::tuf::targets::TargetFile;
use keyrite::words::Digest;

/// Ana and Bo must both sign root, one of them targets; Oli keeps the online key; Wim watches.
fn ceremony() -> Ceremony {
    of(PLAN)
}

const PLAN: &str = include_str!("../data/good-plan.yaml");

fn of(plan: &str) -> Ceremony {
    Ceremony::new(Arc::new(Plan::read(plan, None).unwrap()), Mode::Production)
}

fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&Digest::of(name.as_bytes()).0)
}

fn public(name: &str) -> PublicKey {
    PublicKey::ed25519(key(name).verifying_key().to_bytes())
}

/// The event that should happen next.
fn due(ceremony: &Ceremony) -> Option<Event> {
    let next = ceremony.next()?;
    let step = next.step.id.clone();
    let part = ceremony.left().into_iter().next().unwrap_or_default();
    let sha256 = |role: &str| Digest::of(ceremony.metadata(role).unwrap().payload()).hex();
    Some(match (next.need, &next.step.verb) {
        (Need::Confirm(by), _) => Event::Confirmed { step, by },
        (Need::TypeBack(..), _) => unreachable!("this plan reads nothing aloud"),
        (Need::Do, Verb::RollCall) => Event::RollCalled {
            step,
            present: ceremony.plan().people.iter().map(|person| person.id.clone()).collect(),
        },
        (Need::Do, Verb::Preflight) => {
            let environment = ceremony.plan().environment.clone();
            Event::Preflight { step, required: environment.require, waived: environment.waive }
        }
        (Need::Do, Verb::Gate) => Event::Done { step },
        (Need::Do, Verb::GenerateKey(name)) => {
            let public = public(name);
            Event::KeyGenerated {
                step,
                key: name.clone(),
                keyid: public.keyid(),
                public,
                evidence: Default::default(),
            }
        }
        (Need::Do, Verb::Build(_)) => {
            let built = ceremony.build(&part).unwrap();
            let (length, sha256) = (built.length(), built.digest().hex());
            Event::Built { step, role: part, length, sha256 }
        }
        (Need::Do, Verb::Review(_)) => Event::Reviewed { step, sha256: sha256(&part), role: part },
        (Need::Do, Verb::Sign { key, .. }) => signed(ceremony, &step, &part, key, key),
        (Need::Do, Verb::Verify(_)) => {
            let (mut counted, sha256) = ceremony.count(&part).unwrap();
            let (signed_by, threshold) = counted.pop().unwrap();
            Event::Verified {
                step,
                role: part,
                signed_by,
                threshold,
                by_old: None,
                by_others: vec![],
                sha256,
            }
        }
        (Need::Do, Verb::Export(_)) => Event::Exported { step, manifest: "ab".into(), drive: None },
        (Need::Do, Verb::Readback(_)) => Event::ReadBack { step, manifest: "ab".into(), drive: None },
        (Need::Do, Verb::ExceptionReview) => Event::ExceptionsReviewed { step, exceptions: 0 },
        (Need::Type(by), Verb::Statement) => Event::Stated { step, by, agree: true, words: String::new() },
        (Need::Do, Verb::Close) => Event::Closed { step, runs: vec![], machine: Default::default() },
        (_, other) => unreachable!("{other:?}"),
    })
}

/// A signature over `role` that says it is of key `says` and is made with key `with`.
fn signed(ceremony: &Ceremony, step: &str, role: &str, says: &str, with: &str) -> Event {
    let sig = hex::encode(key(with).sign(ceremony.metadata(role).unwrap().payload()).to_bytes());
    Event::Signed { step: step.into(), role: role.into(), key: says.into(), keyid: public(says).keyid(), sig }
}

/// Folds what is due until `stop` says so.
fn until(stop: impl Fn(&Ceremony) -> bool) -> Ceremony {
    on(ceremony(), stop)
}

fn on(mut ceremony: Ceremony, stop: impl Fn(&Ceremony) -> bool) -> Ceremony {
    while !stop(&ceremony) {
        let event = due(&ceremony).expect("the ceremony ended before that");
        ceremony.apply(&event).unwrap();
    }
    ceremony
}

/// Everything that can be seen of a ceremony.
fn seen(ceremony: &Ceremony) -> String {
    format!("{ceremony:?}")
}

#[track_caller]
fn rejected(ceremony: &mut Ceremony, event: &Event) -> String {
    let before = seen(ceremony);
    let why = ceremony.apply(event).expect_err("it was accepted").to_string();
    assert_eq!(seen(ceremony), before, "a rejected event changes nothing");
    why
}

fn doing(step: &'static str) -> impl Fn(&Ceremony) -> bool {
    move |ceremony| ceremony.next().is_some_and(|next| next.step.id == step && next.need == Need::Do)
}

#[test]
fn what_is_due_leads_to_the_end() {
    let ceremony = until(|ceremony| ceremony.next().is_none());

    assert!(ceremony.room().verified("root"));
    assert_eq!(ceremony.metadata("root").unwrap().signatures().len(), 2);
}

#[test]
fn asking_twice_gives_the_same_answer() {
    let ceremony = until(doing("sign-root-targets-ana"));

    assert_eq!(ceremony.next(), ceremony.next());
}

#[test]
fn a_signature_of_another_key_is_rejected() {
    let mut ceremony = until(doing("sign-root-targets-bo"));
    let forged = signed(&ceremony, "sign-root-targets-bo", "root", "bo", "ana");

    insta::assert_snapshot!(rejected(&mut ceremony, &forged), @"the signature of Bo Lindqvist over root does not verify");
}

#[test]
fn a_signature_over_another_role_is_rejected() {
    let mut ceremony = until(doing("sign-root-targets-bo"));
    let Event::Signed { step, key, keyid, sig, .. } =
        signed(&ceremony, "sign-root-targets-bo", "targets", "bo", "bo")
    else {
        unreachable!()
    };

    let moved = Event::Signed { step, role: "root".into(), key, keyid, sig };

    insta::assert_snapshot!(rejected(&mut ceremony, &moved), @"the signature of Bo Lindqvist over root does not verify");
}

#[test]
fn one_key_under_two_names_is_rejected() {
    let mut ceremony = until(doing("generate-key-bo"));
    let public = public("ana");
    let twin = Event::KeyGenerated {
        step: "generate-key-bo".into(),
        key: "bo".into(),
        keyid: public.keyid(),
        public,
        evidence: Default::default(),
    };

    insta::assert_snapshot!(rejected(&mut ceremony, &twin), @"key bo is the same key as ana; one key counts once");
}

#[test]
fn a_keyid_that_is_not_the_keys_own_is_rejected() {
    let mut ceremony = until(doing("generate-key-bo"));
    let wrong = Event::KeyGenerated {
        step: "generate-key-bo".into(),
        key: "bo".into(),
        keyid: public("ana").keyid(),
        public: public("bo"),
        evidence: Default::default(),
    };

    insta::assert_snapshot!(rejected(&mut ceremony, &wrong), @"key bo has another keyid than it says");
}

#[test]
fn the_doer_cannot_confirm() {
    let mut ceremony = until(doing("roll-call"));
    ceremony.apply(&due(&ceremony).unwrap()).unwrap();

    let own = Event::Confirmed { step: "roll-call".into(), by: "oli".into() };

    insta::assert_snapshot!(rejected(&mut ceremony, &own), @"step roll-call is not waiting for Oli Berg to confirm");
}

#[test]
fn a_key_is_not_made_before_someone_confirms() {
    let mut ceremony =
        until(|ceremony| ceremony.next().is_some_and(|next| next.step.id == "generate-key-ana"));
    let public = public("ana");
    let early = Event::KeyGenerated {
        step: "generate-key-ana".into(),
        key: "ana".into(),
        keyid: public.keyid(),
        public,
        evidence: Default::default(),
    };

    insta::assert_snapshot!(rejected(&mut ceremony, &early), @"step generate-key-ana is waiting for Wim Peeters to confirm");
}

#[test]
fn a_payload_of_other_bytes_is_rejected() {
    let mut ceremony = until(doing("build-root-targets"));
    let other = Event::Built {
        step: "build-root-targets".into(),
        role: "root".into(),
        length: 5,
        sha256: Digest::of(b"other").hex(),
    };

    insta::assert_snapshot!(rejected(&mut ceremony, &other), @"root builds to other bytes");
}

#[test]
fn what_was_built_counts_until_something_happens() {
    let hashed = |path: &str| {
        let hashes = [("sha256", Digest::of(path.as_bytes()).hex())].into_iter().collect();
        let files = Files::of([(path, TargetFile { length: 1, hashes, custom: None })]).unwrap();
        Event::Hashed { step: "build-root-targets".into(), role: "targets".into(), files }
    };
    let plan = PLAN
        .replace("keys: [ana, bo], threshold: 1}", "keys: [ana, bo], threshold: 1, files: {from: inputs}}");
    let mut ceremony = on(of(&plan), doing("build-root-targets"));
    let built = |ceremony: &Ceremony| ceremony.build("targets").unwrap().digest();
    ceremony.apply(&hashed("a")).unwrap();
    let (a, before) = (built(&ceremony), ceremony.clone());

    ceremony.apply(&hashed("b")).unwrap();

    assert_ne!(built(&ceremony), a);
    assert_eq!(built(&before), a);
    ceremony.apply(&hashed("a")).unwrap();
    assert_eq!(built(&ceremony), a);
}

#[test]
fn a_read_back_of_another_bundle_is_rejected() {
    let mut ceremony = until(doing("readback"));

    let other = Event::ReadBack { step: "readback".into(), manifest: "cd".into(), drive: None };

    insta::assert_snapshot!(rejected(&mut ceremony, &other), @"what was read back is not what was exported");
}

#[test]
fn a_count_of_signatures_that_is_not_the_real_one_is_rejected() {
    let mut ceremony = until(doing("verify-root-targets"));
    let (mut counted, sha256) = ceremony.count("root").unwrap();
    let (signed_by, threshold) = counted.pop().unwrap();

    let less = Event::Verified {
        step: "verify-root-targets".into(),
        role: "root".into(),
        signed_by: signed_by[..1].to_vec(),
        threshold,
        by_old: None,
        by_others: vec![],
        sha256,
    };

    insta::assert_snapshot!(rejected(&mut ceremony, &less), @"the signatures of root count otherwise");
}

#[test]
fn a_rehearsal_is_watermarked_in_every_payload() {
    let plan = Arc::new(Plan::read(include_str!("../data/good-plan.yaml"), None).unwrap());
    let mut rehearsal = Ceremony::new(plan, Mode::Rehearsal);
    while rehearsal.metadata("targets").is_none() {
        let event = due(&rehearsal).unwrap();
        rehearsal.apply(&event).unwrap();
    }

    for role in ["root", "targets"] {
        assert_eq!(rehearsal.metadata(role).unwrap().signed()["x-keyrite-rehearsal"], true);
        assert!(
            until(doing("review-root-targets"))
                .metadata(role)
                .unwrap()
                .signed()
                .get("x-keyrite-rehearsal")
                .is_none()
        );
    }
}

proptest::proptest! {
    /// Any events of a whole ceremony in any order: no panic, what is rejected changes nothing, and the end is the end.
    #[test]
    fn any_events_in_any_order_never_break_it(picks in proptest::collection::vec(0usize..64, 1..80)) {
        let mut all = Vec::new();
        let mut whole = ceremony();
        while let Some(event) = due(&whole) {
            whole.apply(&event).unwrap();
            all.push(event);
        }
        let mut ceremony = ceremony();
        for pick in picks {
            let finished = ceremony.next().is_none();
            let before = seen(&ceremony);
            let accepted = ceremony.apply(&all[pick % all.len()]).is_ok();
            proptest::prop_assert!(!(finished && accepted));
            proptest::prop_assert!(accepted || seen(&ceremony) == before);
        }
        // Out of order, nothing gets past the gate but what the plan says.
        if !ceremony.room().past_gate() {
            proptest::prop_assert!(ceremony.keys().is_empty());
        }
    }
}
