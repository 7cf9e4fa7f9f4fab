//! What fuzzed bytes are put into: two signers, a root that names them, a repository, a journal's chain.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::io::Read;
use std::sync::Arc;
use std::sync::LazyLock;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::assess::Model;
use keyrite::assess::Question;
use keyrite::draft;
use keyrite::draft::Gone;
use keyrite::lint;
use keyrite::lint::Profile;
use keyrite::plan::Before;
use keyrite::plan::Kind;
use keyrite::plan::Plan;
use keyrite::status::Board;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Repository;
use keyrite::tuf::Signature;
use keyrite::tuf::apart::Request;
use keyrite::tuf::canonical;
use keyrite::tuf::client;
use keyrite::tuf::client::Files;
use keyrite::tuf::client::Scope;
use keyrite::tuf::date::Date;
use keyrite::tuf::json;
use keyrite::tuf::overview::Overview;
use keyrite::tuf::root::Root;
use keyrite::tuf::targets::Targets;
use keyrite::words::Digest;
use serde_json::Value;
use serde_json::json;

/// Metadata files by name; a reader gets them in pieces.
pub(crate) struct Set {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) piece: usize,
}

impl Files for Set {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, String> {
        match self.files.get(name) {
            Some(bytes) if u64::try_from(bytes.len()).is_ok_and(|len| len > max) => {
                Err("too large".to_owned())
            }
            found => Ok(found.cloned()),
        }
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.files.keys().cloned().collect())
    }

    fn open(&self, name: &str, max: u64) -> Result<Option<Box<dyn Read + '_>>, String> {
        let pieces = |bytes| Box::new(Pieces(Cursor::new(bytes), self.piece)) as Box<dyn Read>;
        Ok(self.read(name, max)?.map(pieces))
    }
}

struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

pub(crate) fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn public(n: u8) -> PublicKey {
    PublicKey::ed25519(signer(n).verifying_key().to_bytes())
}

/// Signs a payload with the keys.
pub(crate) fn signatures(payload: &[u8], by: &[u8]) -> Vec<Signature> {
    let sign = |n: &u8| Signature {
        keyid: public(*n).keyid(),
        sig: hex::encode(signer(*n).sign(payload).to_bytes()),
    };
    by.iter().map(sign).collect()
}

/// A role's metadata in its parts, with the common ones.
pub(crate) fn part(kind: &str, rest: Value) -> Value {
    let mut part =
        json!({"_type": kind, "spec_version": "1.0.31", "version": 1, "expires": "2027-01-03T09:00:00Z"});
    if let (Value::Object(part), Value::Object(rest)) = (&mut part, rest) {
        part.extend(rest);
    }
    part
}

pub(crate) fn role(keys: &[u8], threshold: u32) -> Value {
    json!({"keyids": keys.iter().map(|n| public(*n).keyid()).collect::<Vec<_>>(), "threshold": threshold})
}

pub(crate) fn keys(keys: &[u8]) -> Value {
    keys.iter().map(|n| (public(*n).keyid().0, public(*n).to_json().clone())).collect()
}

/// Root, of which both keys sign.
pub(crate) fn root(version: u64) -> Value {
    let roles = json!({"root": role(&[1, 2], 2), "targets": role(&[1], 1),
        "snapshot": role(&[2], 1), "timestamp": role(&[2], 1)});
    let rest =
        json!({"version": version, "consistent_snapshot": true, "keys": keys(&[1, 2]), "roles": roles});
    part("root", rest)
}

pub(crate) fn file(signed: &Value) -> Vec<u8> {
    let unsigned = Metadata::unsigned(signed.clone()).expect("an object");
    unsigned.with_signatures(signatures(unsigned.payload(), &[1, 2])).to_file()
}

static ROOT: LazyLock<Vec<u8>> = LazyLock::new(|| file(&root(1)));

fn request(scope: Scope) -> client::Request<'static> {
    client::Request { pinned: &ROOT, at: now(), scope, allow_rehearsal: false }
}

fn now() -> Date {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

/// The signed part of targets as it lies, signed as it is: what goes by is accepted only where it is accepted whole.
pub fn stream(data: &[u8]) {
    let Some((&piece, part)) = data.split_first() else { return };
    let value = json::parse(part).ok();
    let payload = value.as_ref().and_then(|value| canonical::to_vec(value).ok());
    let payload = payload.unwrap_or_else(|| part.to_vec());
    let signed = signatures(&payload, &[1]).remove(0);
    let head = format!(
        "{{\"signatures\":[{{\"keyid\":\"{}\",\"sig\":\"{}\"}}],\"signed\":",
        signed.keyid, signed.sig
    );
    let file = [head.as_bytes(), part, b"}"].concat();
    let files = BTreeMap::from([
        ("1.root.json".to_owned(), ROOT.clone()),
        ("1.targets.json".to_owned(), file.clone()),
    ]);
    let set = Set { files, piece: usize::from(piece).max(1) };

    let Ok(verified) = client::verify(&set, &request(Scope::Offline)) else { return };

    let metadata = Metadata::parse(&file).expect("what is trusted is metadata");
    assert_eq!(metadata.payload()[..], payload);
    let targets = Targets::read(&metadata).expect("what is trusted is targets");
    assert_eq!(targets.version, 1);
    for (path, found) in &verified.targets {
        assert_eq!(targets.targets.get(path), Some(found));
    }
    if targets.delegations.is_none() {
        assert_eq!(verified.target_count, targets.targets.len());
    }
}

/// Files of a repository, each `NAME\n...` and after a zero byte: everything that looks at repositories looks at it.
/// Where the first byte is even, every file is signed anew by both keys, so that signatures hide nothing.
pub fn repository(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let mut files = BTreeMap::new();
    for part in data.split(|byte| *byte == 0).take(12) {
        let Some(end) = part.iter().position(|byte| *byte == b'\n') else { continue };
        let Ok(name) = std::str::from_utf8(&part[..end]) else { continue };
        let mut bytes = part[end + 1..].to_vec();
        if first % 2 == 0
            && let Ok(value) = json::parse(&bytes)
            && let Some(signed) = super::signed_part(&value)
            && let Ok(metadata) = Metadata::unsigned(signed.clone())
        {
            bytes = metadata.with_signatures(signatures(metadata.payload(), &[1, 2])).to_file();
        }
        files.insert(name.to_owned(), bytes);
    }
    let set = Set { files, piece: usize::from(first).max(1) };
    for scope in [Scope::Root, Scope::Offline, Scope::Full] {
        let _ = client::verify(&set, &request(scope));
    }
    let _ = client::verify_after(&set, &request(Scope::Full), Some(&set));
    for profile in [Profile::Compatible, Profile::Strict] {
        if let Ok(report) = lint::lint(&set, &lint::Options { at: now(), profile }) {
            let _ = report.findings.iter().map(|finding| finding.severity(profile)).max();
        }
    }
    let Ok(repository) = Repository::read(&set) else { return };
    let _ = repository.trust();
    let Ok(overview) = Overview::read(&set) else { return };
    let _ = overview.headline(now());
    for query in ["a", "dev/x", "dev/*", "*"] {
        let answer = overview.tree.ask(query);
        let _ = (answer.headline(&BTreeMap::new()), answer.asked(&BTreeMap::new()));
    }
    let _ = Board::read("it", &repository, &Names::default(), now(), 30);
    assess(&repository);
}

fn assess(repository: &Repository) {
    let model = Model::of(repository, &Names::default());
    let every: BTreeSet<usize> = (0..2).collect();
    let known =
        every.iter().filter(|at| model.keys.list.get(**at).is_some()).copied().collect::<BTreeSet<_>>();
    let question = Question { lost: BTreeSet::new(), stolen: known, at: now() };
    let assessment = model.assess(&question);
    let _ = (model.lines(&assessment), model.notes(&assessment), model.steps(&assessment));
    let _ = model.table_lines(&model.table(now()), now());
    for kind in LATER {
        let known = draft::Known::default();
        let request = draft::Request {
            kind,
            repository,
            model: &model,
            role: None,
            gone: Some(Gone::Said(&assessment)),
            known: &known,
            metadata: "metadata",
            now: now(),
        };
        let _ = draft::draft(&request);
    }
}

/// The types of ceremonies that start from a before.
pub(crate) const LATER: [Kind; 5] = [
    Kind::CompromiseResponse,
    Kind::DelegationChange,
    Kind::KeyRotation,
    Kind::RootRenewal,
    Kind::TargetsSigning,
];

/// A request for the second root.
pub(crate) fn signing_request() -> &'static Request {
    static REQUEST: LazyLock<Request> = LazyLock::new(|| {
        let unsigned = Metadata::unsigned(root(2)).expect("an object").to_file();
        Request::for_root(&unsigned, Some(&ROOT), Default::default()).expect("a root after a root")
    });
    &REQUEST
}

/// The bundle of a production ceremony, as the state of trust before another.
pub(crate) fn before() -> Arc<Before> {
    static BEFORE: LazyLock<Arc<Before>> = LazyLock::new(|| {
        let file = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec().into());
        let files = super::seeds::BEFORE.iter().copied().map(file).collect();
        Arc::new(Before::read(files, false).expect("a bundle of ours"))
    });
    Arc::clone(&BEFORE)
}

/// Drafts of later ceremonies over [`before`].
pub(crate) fn drafts() -> Vec<Vec<u8>> {
    let files =
        super::seeds::BEFORE.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    let repository = Repository::read(&Set { files, piece: 1 }).expect("a bundle of ours");
    let model = Model::of(&repository, &Names::default());
    let known = draft::Known::default();
    let draft = |kind| {
        let request = draft::Request {
            kind,
            repository: &repository,
            model: &model,
            role: None,
            gone: None,
            known: &known,
            metadata: "metadata",
            now: now(),
        };
        draft::draft(&request).ok().map(String::into_bytes)
    };
    LATER.into_iter().filter_map(draft).collect()
}

/// The quickstart's plan.
pub(crate) fn quickstart() -> Arc<Plan> {
    static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
        let text = std::str::from_utf8(super::seeds::QUICKSTART).expect("a text");
        Arc::new(Plan::read(text, None).expect("a plan"))
    });
    Arc::clone(&PLAN)
}

/// A chain around the lines: `prev` where a line says `"prev":"@"`, and `sum` at its end; `@plan` is the plan's digest.
pub(crate) fn chain(lines: &[u8]) -> Vec<u8> {
    let mut journal = Vec::new();
    let mut prev = Digest([0; 32]);
    let plan = Digest::of(super::seeds::QUICKSTART).hex();
    for line in lines.split(|byte| *byte == b'\n').take(200) {
        let Ok(line) = std::str::from_utf8(line) else { return journal };
        let mut line =
            line.replace("\"prev\":\"@\"", &format!("\"prev\":\"{}\"", prev.hex())).replace("@plan", &plan);
        let sum = Digest::of(line.as_bytes()).hex();
        line.push_str(&format!(",\"sum\":\"{sum}\"}}"));
        prev = Digest::of(line.as_bytes());
        journal.extend(line.into_bytes());
        journal.push(b'\n');
    }
    journal
}

/// A key of each kind that verifies.
pub(crate) fn keys_of_all_kinds() -> &'static [PublicKey] {
    static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
        let other = Metadata::parse(super::seeds::OTHER_SCHEMES).expect("metadata");
        let other = Root::from_signed(other.signed()).expect("a root");
        let seeds = super::seeds::KEYS.iter().filter_map(|file| PublicKey::read(file).ok());
        other.keys.into_values().chain(seeds).chain([public(1)]).collect()
    });
    &KEYS
}

/// A keyid that is known.
pub(crate) fn keyid() -> KeyId {
    public(1).keyid()
}
