//! What is fuzzed: every reader of what comes from outside, by the entry points that the program itself uses.
//!
//! Each function takes any bytes and must come back: no panic, no endless work, no memory out of proportion. Where a
//! promise can be told without the reader, it is checked too. `tests/it/fuzz.rs` runs them over their seeds.

pub mod seeds;
mod world;

use std::sync::Arc;

use keyrite::bundle::Manifest;
use keyrite::cli::answers::Answers;
use keyrite::journal;
use keyrite::keystore::Store;
use keyrite::keystore::age_file::AgeFile;
use keyrite::keystore::pkcs11;
use keyrite::keystore::shares;
use keyrite::keystore::shares::Share;
use keyrite::plan;
use keyrite::plan::Plan;
use keyrite::qr;
use keyrite::store_uri::Pkcs11Uri;
use keyrite::store_uri::StoreUri;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::PublicKey;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Request;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::carry;
use keyrite::tuf::canonical;
use keyrite::tuf::date::Date;
use keyrite::tuf::delegations::Delegations;
use keyrite::tuf::describe;
use keyrite::tuf::diff;
use keyrite::tuf::foreign_signature;
use keyrite::tuf::json;
use keyrite::tuf::key;
use keyrite::tuf::proof;
use keyrite::tuf::proof::Proof;
use keyrite::tuf::root::Root;
use keyrite::tuf::snapshot::Snapshot;
use keyrite::tuf::targets::Targets;
use keyrite::tuf::targets::change;
use keyrite::tuf::targets::manifest;
use keyrite::tuf::timestamp::Timestamp;
use keyrite::witness::Checkpoint;
use keyrite::witness::Cosignature;
use keyrite::witness::StatementKey;
use serde_json::Value;

pub use world::repository;
pub use world::stream;

/// One fuzz target: its name, and what runs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("age_file", age_file),
    ("answers", answers),
    ("apart_merge", apart_merge),
    ("apart_request", apart_request),
    ("bundle_manifest", bundle_manifest),
    ("canonical", canonical),
    ("carried", carried),
    ("cosignature", cosignature),
    ("diff", diff),
    ("image", image),
    ("journal", journal),
    ("key", key),
    ("metadata", metadata),
    ("module_answer", module_answer),
    ("names", names),
    ("plan", plan),
    ("plan_later", plan_later),
    ("proof", proof),
    ("repository", repository),
    ("share", share),
    ("signature", signature),
    ("store_uri", store_uri),
    ("stream", stream),
    ("targets_manifest", targets_manifest),
];

/// An answers file.
pub fn answers(data: &[u8]) {
    if let Ok(answers) = Answers::parse(data) {
        let _ = (answers.confirms(), answers.types_back(), answers.clock(), answers.typed("step"));
    }
}

/// Files that `merge` is given, after a zero byte each: nothing is let in that does not verify.
pub fn apart_merge(data: &[u8]) {
    let request = world::signing_request();
    let mut merge = Merge::new(request.metadata.clone(), "root", request.signers.clone(), "the file itself");
    for file in data.split(|byte| *byte == 0).take(8) {
        merge.take("a file", file, None);
        merge.take("the same for a key", file, Some(&KeyId("7ab6b86c".to_owned())));
    }
    let merged = merge.merged();
    for signature in merged.signatures() {
        let key = request.signers.keys().find(|(keyid, _)| **keyid == signature.keyid);
        let bytes = hex::decode(&signature.sig).unwrap_or_default();
        assert!(key.is_some_and(|(_, key)| key.verify(merged.payload(), &bytes).is_ok()));
    }
    for finding in merge.findings() {
        let _ = finding.sentence(&Names::default());
    }
    for tally in merge.tallies() {
        let _ = tally.sentence(&Names::default());
    }
}

/// A request for a signature, as a file or carried otherwise.
pub fn apart_request(data: &[u8]) {
    let _ = Request::is_meant(data);
    if let Ok(request) = Request::parse(data) {
        let _ = (request.lines(Date::from_unix(0)), request.no_old(), request.yes());
        let file = request.to_file();
        let again = Request::parse(&file).expect("what is written is read");
        assert_eq!(again.sha256(), request.sha256());
    }
    if let Ok(response) = Response::parse(data) {
        assert_eq!(Response::parse(&response.to_file()).as_ref(), Ok(&response));
        let _ = (carry::response(&response), carry::lines(&response));
    }
    let (one, two) = halves(data);
    let _ = Request::for_root(one, (!two.is_empty()).then_some(two), Names::default());
}

/// The manifest of a bundle.
pub fn bundle_manifest(data: &[u8]) {
    if let Ok(manifest) = Manifest::parse(data) {
        assert_eq!(Manifest::parse(&manifest.to_file()), Ok(manifest));
    }
}

/// Canonical JSON: the scan that says yes agrees with the writer.
pub fn canonical(data: &[u8]) {
    let Ok(value) = json::parse(data) else { return };
    let written = canonical::to_vec(&value);
    if canonical::is_canonical(data) {
        assert_eq!(written.as_deref(), Ok(data));
    }
}

/// What came by codes or was typed: frames and lines.
pub fn carried(data: &[u8]) {
    let _ = carry::read(data);
    let frames = carry::request(data).map(|frames| frames.join("\n"));
    if let Ok(frames) = frames {
        let back = carry::read(frames.as_bytes());
        assert_eq!(back, Some(Ok(vec![carry::Carried::Request(data.to_vec())])));
    }
}

/// Two files of one role, a zero byte between them.
pub fn diff(data: &[u8]) {
    let (old, new) = halves(data);
    if let Ok(section) = diff::files(None, old, new, &Names::default()) {
        let _ = (diff::say::lines(&section), diff::say::meaning(&section));
    }
    if let Ok(section) = diff::files(Some("dev"), old, old, &Names::default()) {
        assert!(section.is_empty(), "a file differs from itself");
    }
}

/// An image of codes.
pub fn image(data: &[u8]) {
    let _ = qr::image::is_image(data);
    let _ = qr::image::read(data);
}

/// A journal. Lines are given without their chain, which is put around them: `{"at":...,"what":...`.
pub fn journal(data: &[u8]) {
    let _ = journal::read(data);
    let chained = world::chain(data);
    if let Ok(read) = journal::read(&chained) {
        let _ = (journal::opening(&read), journal::replay(&read, world::quickstart()));
    }
}

/// A public key, as metadata or a file has it.
pub fn key(data: &[u8]) {
    let _ = key::private_material(data);
    for read in
        [PublicKey::read(data).ok(), json::parse(data).ok().and_then(|key| PublicKey::from_json(&key).ok())]
            .into_iter()
            .flatten()
    {
        let again = PublicKey::from_json(read.to_json()).expect("what is written is read");
        assert_eq!((again.keyid(), again.material()), (read.keyid(), read.material()));
        let _ = (read.to_pem(), read.rsa_bits(), read.verify(b"payload", data));
    }
}

/// One file of metadata.
pub fn metadata(data: &[u8]) {
    let Ok(metadata) = Metadata::parse(data) else { return };
    let again = Metadata::parse(&metadata.to_file());
    if let Ok(again) = &again {
        assert_eq!(again.payload(), metadata.payload());
    }
    let signed = metadata.signed();
    if let Ok(root) = Root::from_signed(signed) {
        for role in keyrite::tuf::root::TOP_LEVEL {
            let _ = root.role_keys(role).map(|keys| keys.verify(metadata.payload(), metadata.signatures()));
        }
        assert!(Root::from_signed(&root.to_signed()).is_ok(), "what is written is read");
    }
    if let Ok(targets) = Targets::read(&metadata) {
        let written = Metadata::unsigned(targets.to_signed()).expect("what was read has a form");
        assert_eq!(Targets::read(&written), Ok(targets), "what is written is read");
    }
    if let Ok(snapshot) = Snapshot::from_signed(signed) {
        assert!(Snapshot::from_signed(&snapshot.to_signed()).is_ok(), "what is written is read");
    }
    if let Ok(timestamp) = Timestamp::from_signed(signed) {
        assert!(Timestamp::from_signed(&timestamp.to_signed()).is_ok(), "what is written is read");
    }
    if let Some(Ok(delegations)) = signed.get("delegations").map(Delegations::from_json) {
        for path in ["a", "a/b.txt", "\u{e9}/x"] {
            let _ = (delegations.matching(path), delegations.toward(path));
        }
    }
    let _ = describe::payload(&metadata, "targets", Date::from_unix(0), &Default::default());
}

/// An age file, as far as it is read before its passphrase is typed.
pub fn age_file(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let path = dir.path().join("key.age");
    if std::fs::write(&path, data).is_ok() {
        let _ = AgeFile::new(&path, "key.age", 18).look();
    }
}

/// What the process of a PKCS#11 module answers; the module may have taken it over.
pub fn module_answer(data: &[u8]) {
    let _ = pkcs11::read_answer(std::path::Path::new("module.so"), data);
}

/// Who holds which key.
pub fn names(data: &[u8]) {
    if let Ok(names) = Names::parse(data) {
        let _ = names.holders();
    }
}

/// A ceremony file that starts from nothing.
pub fn plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = plan::starts_from(text).is_ok();
    say(Plan::read(text, None));
}

/// A ceremony file that starts from metadata, which it need not pin.
pub fn plan_later(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    say(Plan::read(text, Some(world::before())));
}

/// A proof of possession.
pub fn proof(data: &[u8]) {
    let key = world::public(1);
    if let Ok(proof) = Proof::read(data) {
        assert_eq!(Proof::read(proof.to_file().as_bytes()).as_ref(), Ok(&proof));
        let _ = proof.verify(&key, &proof.challenge);
    }
    let _ = proof::by_metadata(data, &key);
    let _ = std::str::from_utf8(data).map(proof::check_challenge);
}

/// The keys of the seeds: whoever has none of their private halves signs nothing for them.
const STATEMENT_KEYS: [&str; 4] = [
    include_str!("../seeds/cosignature/ed25519.key"),
    include_str!("../seeds/cosignature/p256.key"),
    include_str!("../seeds/cosignature/minisign.key"),
    include_str!("../seeds/cosignature/cosigner.key"),
];

/// A cosignature of any tool, and the key line of a participant: what was signed verifies, and nothing else.
pub fn cosignature(data: &[u8]) {
    if let Ok(key) =
        std::str::from_utf8(data).map_err(|_| ()).and_then(|text| StatementKey::read(text).map_err(|_| ()))
    {
        let _ = (key.material(), key.tool());
    }
    let Ok(cosignature) = Cosignature::read(data) else { return };
    let signed =
        Checkpoint { origin: "keyrite/seed".to_owned(), size: 3, root: keyrite::words::Digest([0; 32]) };
    let other = Checkpoint { size: 4, ..signed.clone() };
    let keys = STATEMENT_KEYS.map(|key| StatementKey::read(key).expect("a seed"));
    for key in &keys {
        assert_eq!(cosignature.verify(key, std::slice::from_ref(&other)), None);
        let verified = cosignature.verify(key, &[other.clone(), signed.clone()]);
        assert!(verified.is_none_or(|verified| verified.checkpoint == signed));
    }
}

/// A share of a key: words that were typed, and what a code or a file carries. No restored key comes of them.
pub fn share(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (shares::check_row(0, text), shares::check_row(14, text));
    let Ok(share) = Share::read(text) else { return };
    let again = Share::read(&share.lines().join("\n")).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((again.head(), &*again.text()), (share.head(), &*share.text()));
    assert!(shares::restore(&[share, again], &world::public(1)).is_err());
}

/// A signature of another tool, over a payload that it does not sign.
pub fn signature(data: &[u8]) {
    for reading in foreign_signature::readings(data) {
        for key in world::keys_of_all_kinds() {
            assert_eq!(foreign_signature::verified(key, b"nobody signed this", &reading), None);
        }
    }
}

/// Where a key lives.
pub fn store_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(store) = text.parse::<StoreUri>() {
        assert_eq!(store.to_string().parse::<StoreUri>().as_ref(), Ok(&store));
    }
    let _ = Pkcs11Uri::of_token(text);
}

/// What metadata shall say of target files.
pub fn targets_manifest(data: &[u8]) {
    let _ = manifest::read(data, &["sha512".to_owned()]);
    if let Ok(files) = manifest::read(data, &[]) {
        let wanted = change::Wanted {
            files: files.clone(),
            origin: change::Origin::Manifest,
            keep: false,
            remove: Vec::new(),
        };
        let value = serde_json::to_value(&files).expect("a map of texts");
        let signed = serde_json::json!({"_type": "targets", "targets": value});
        let metadata = Metadata::unsigned(signed).expect("metadata can carry what was read");
        let change = change::apply(metadata.listed().expect("an object"), wanted);
        assert_eq!(change.map(|change| change.same), Ok(files.len()), "what is wanted is there");
    }
}

fn say(read: Result<Plan, Vec<plan::Problem>>) {
    match read {
        Ok(plan) => {
            let plan = Arc::new(plan);
            let _ = (plan::print::page(&plan), plan::consequences::consequences(&plan));
            let _ = (plan::print::script(&plan), plan::print::keys(&plan), plan::print::outputs(&plan));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "it says why");
            problems.iter().for_each(|problem| drop(problem.to_string()));
        }
    }
}

/// What stands before the first zero byte, and after it.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    (&data[..at], data.get(at + 1..).unwrap_or_default())
}

/// The `signed` part of a document, where there is one.
fn signed_part(value: &Value) -> Option<&Value> {
    value.get("signed").filter(|signed| signed.is_object())
}
