//! The verdicts against brute force: small repositories by seed, real signatures, and the client as the judge. Whatever
//! the thief's files bring about there, the assessment says; whatever it says, they bring about.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use ed25519_dalek::Signer as _;
use keyrite::assess::Assessment;
use keyrite::assess::Can;
use keyrite::assess::Combination;
use keyrite::assess::Effect;
use keyrite::assess::Harm;
use keyrite::assess::KeySet;
use keyrite::assess::Model;
use keyrite::assess::Question;
use keyrite::assess::Row;
use keyrite::assess::Table;
use keyrite::assess::Unsigned;
use keyrite::assess::Until;
use keyrite::tuf::Date;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Names;
use keyrite::tuf::Repository;
use keyrite::tuf::Signature;
use keyrite::tuf::client::Refused;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::Verified;
use keyrite::tuf::client::verify;
use serde_json::Value;
use serde_json::json;

use crate::tuf::world::NOW;
use crate::tuf::world::Set;
use crate::tuf::world::meta;
use crate::tuf::world::now;
use crate::tuf::world::public;
use crate::tuf::world::signer;
use crate::tuf::world::target;

/// So many repositories, each with its lost and stolen keys.
const SEEDS: u64 = 70;
/// Fewer where every way of the thief is tried.
const HEAVY: usize = 45;
/// The keys of a world are 1 to this; higher ones are new.
const KEYS: u8 = 7;
/// A key that only the thief has, and one that only the owners have.
const HIS: u8 = 50;
const OURS: u8 = 51;

const FAR: &str = "2099-01-01T00:00:00Z";
const EVIL: &[u8] = b"evil";

/// The signature of a key over a payload, which is made once.
type Signed = HashMap<(String, Vec<u8>), Vec<u8>>;

/// Paths that people list, or could.
const PATHS: [&str; 9] = ["app", "old", "dev/x", "dev/a1", "dev/b", "ops/x", "ops/a", "a", "dev/lib/z"];

/// Paths that nobody lists, as many as it takes to find one whose hash falls where it should.
const UNLISTED: [&str; 8] = ["aa", "ab", "dev/a2", "dev/a3", "dev/a4", "ops/aa", "ops/ab", "ops/ac"];

/// A generator by seed: the same worlds on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn some(&mut self, most: u64) -> Vec<u8> {
        let many = 1 + self.roll(most);
        let keys: BTreeSet<u8> = (0..many).map(|_| 1 + self.roll(u64::from(KEYS)) as u8).collect();
        keys.into_iter().collect()
    }
}

/// One key under two keyids: what counts is the key.
fn alias(n: u8) -> String {
    format!("alias-{n}")
}

fn keyid(n: u8, aliased: bool) -> String {
    if aliased { alias(n) } else { public(n).keyid().0 }
}

#[derive(Clone)]
struct Role {
    keys: Vec<u8>,
    threshold: u32,
    aliased: bool,
}

impl Role {
    fn roll(dice: &mut Dice) -> Self {
        let keys = dice.some(3);
        let threshold = 1 + dice.roll(keys.len() as u64) as u32;
        Self { keys, threshold, aliased: dice.one_in(4) }
    }

    fn json(&self) -> Value {
        let keyids: Vec<String> = self.keys.iter().map(|n| keyid(*n, self.aliased)).collect();
        json!({"keyids": keyids, "threshold": self.threshold})
    }
}

thread_local! {
    /// Signing is slow, and most files of a world are shown again and again.
    static SIGNED: RefCell<Signed> = RefCell::default();
}

/// Signs under both keyids of each key.
fn sign(signed: &Value, by: &[u8]) -> Vec<u8> {
    let known = (signed.to_string(), by.to_vec());
    if let Some(file) = SIGNED.with_borrow(|files| files.get(&known).cloned()) {
        return file;
    }
    let mut metadata = Metadata::unsigned(signed.clone()).unwrap();
    for n in by {
        let sig = hex::encode(signer(*n).sign(metadata.payload()).to_bytes());
        metadata.add(Signature { keyid: public(*n).keyid(), sig: sig.clone() });
        metadata.add(Signature { keyid: KeyId(alias(*n)), sig });
    }
    let file = metadata.to_file();
    SIGNED.with_borrow_mut(|files| files.insert(known, file.clone()));
    file
}

/// The keys of some roles; each also under the keyid that they do not use.
fn keys_of<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Value {
    let numbers: BTreeSet<u8> = roles.into_iter().flat_map(|role| role.keys.iter().copied()).collect();
    let keys = numbers.into_iter().flat_map(|n| [(keyid(n, false), n), (keyid(n, true), n)]);
    keys.map(|(keyid, n)| (keyid, public(n).to_json().clone())).collect()
}

fn date(days: i64) -> String {
    Date::from_unix(now().unix() + days * 86_400).to_string()
}

/// What the owners made.
struct World {
    roots: Vec<(Value, BTreeMap<&'static str, Role>)>,
    /// targets and delegated roles, in the order of names: signed part, keys.
    targets: BTreeMap<String, (Value, Role)>,
    snapshot: Value,
    timestamp: Value,
    /// Whether snapshot lists hashes, and timestamp.
    hashes: (bool, bool),
    stolen: Vec<u8>,
    lost: Vec<u8>,
}

const PATTERNS: [&[&str]; 6] =
    [&["dev/*"], &["*"], &["dev/a*", "ops/*"], &["ops/?"], &["*/x"], &["*", "dev/*", "*/*"]];

fn delegated(dice: &mut Dice, name: &str) -> (Value, Role) {
    let role = Role::roll(dice);
    let mut json = role.json();
    json["name"] = name.into();
    json["terminating"] = dice.one_in(3).into();
    if dice.one_in(5) {
        json["path_hash_prefixes"] = json!(["0", "1", "2", "3", "4", "5", "6", "7"]);
    } else {
        json["paths"] = json!(PATTERNS[dice.roll(6) as usize]);
    }
    (json, role)
}

fn targets_file(dice: &mut Dice, version: u64, expires: &str) -> Value {
    let many = dice.roll(3);
    let listed: BTreeMap<&str, Value> =
        (0..many).map(|_| (PATHS[dice.roll(9) as usize], target(b"honest"))).collect();
    json!({"_type": "targets", "spec_version": "1.0.31", "version": version, "expires": expires, "targets": listed})
}

fn world(dice: &mut Dice) -> World {
    let mut roots = Vec::new();
    for version in 1..=1 + dice.roll(2) {
        let mut roles: BTreeMap<&'static str, Role> = BTreeMap::new();
        for role in ["root", "targets", "snapshot", "timestamp"] {
            // Mostly the online roles of the root before stay.
            let before = roots.last().and_then(|(_, roles): &(Value, BTreeMap<_, Role>)| roles.get(role));
            let stays = before.cloned().filter(|_| !dice.one_in(3));
            roles.insert(role, stays.unwrap_or_else(|| Role::roll(dice)));
        }
        let json: serde_json::Map<String, Value> =
            roles.iter().map(|(name, role)| ((*name).to_owned(), role.json())).collect();
        let days = if dice.one_in(9) { -1 } else { 10 + dice.roll(4) as i64 };
        let root = json!({
            "_type": "root", "spec_version": "1.0.31", "version": version, "expires": date(days),
            "consistent_snapshot": true, "keys": keys_of(roles.values()), "roles": json,
        });
        roots.push((root, roles));
    }
    let days = |dice: &mut Dice| if dice.one_in(9) { -1 } else { 3 + dice.roll(9) as i64 };
    let mut targets = BTreeMap::new();
    let expires = date(days(dice));
    let mut top = targets_file(dice, 2, &expires);
    let names = ["d0", "d1", "d2"];
    let many = dice.roll(4) as usize;
    let (mut roles, mut theirs) = (Vec::new(), Vec::new());
    for name in names.iter().take(many) {
        let (json, role) = delegated(dice, name);
        roles.push(json);
        let mut file = targets_file(dice, 2, FAR);
        if dice.one_in(2) {
            let below = format!("n{name}");
            let (json, role) = delegated(dice, &below);
            file["delegations"] = json!({"keys": keys_of([&role]), "roles": [json]});
            targets.insert(below, (targets_file(dice, 2, FAR), role));
        }
        theirs.push(role.clone());
        targets.insert((*name).to_owned(), (file, role));
    }
    top["delegations"] = json!({"keys": keys_of(&theirs), "roles": roles});
    targets.insert("targets".to_owned(), (top, roots.last().unwrap().1["targets"].clone()));
    let online = |dice: &mut Dice, kind: &str| json!({"_type": kind, "spec_version": "1.0.31", "version": 5, "expires": date(days(dice)), "meta": {}});
    World {
        roots,
        targets,
        snapshot: online(dice, "snapshot"),
        timestamp: online(dice, "timestamp"),
        hashes: (!dice.one_in(4), !dice.one_in(4)),
        stolen: dice.some(5),
        lost: if dice.one_in(3) { Vec::new() } else { dice.some(3) },
    }
}

/// What the thief shows: for each role whether he signs it, and other content where he likes.
#[derive(Clone, Default)]
struct Plot {
    timestamp: bool,
    snapshot: bool,
    /// A targets role, and what it shall say; `None`: what it says.
    targets: Option<(String, Option<Value>)>,
    /// An honest file of an earlier time in the place of targets.
    old: bool,
}

fn listed(file: &[u8], version: &Value, hashes: bool) -> Value {
    if hashes { meta(file, version) } else { json!({"version": version}) }
}

impl World {
    fn old_targets(&self) -> Value {
        let mut old = self.targets["targets"].0.clone();
        old["version"] = 1.into();
        old["targets"]["of-long-ago"] = target(b"long ago");
        old
    }

    /// The files of a client that is shown `roots` roots; those of the plot are signed by all stolen keys.
    fn set(&self, roots: usize, plot: &Plot) -> Set {
        let mut files = BTreeMap::new();
        for (nth, (root, roles)) in self.roots.iter().enumerate().take(roots) {
            let before = nth.checked_sub(1).map_or(&[][..], |before| &self.roots[before].1["root"].keys);
            let signers: BTreeSet<u8> = roles["root"].keys.iter().chain(before).copied().collect();
            let signers: Vec<u8> = signers.into_iter().collect();
            files.insert(format!("{}.root.json", nth + 1), sign(root, &signers));
        }
        let last = &self.roots.last().unwrap().1;
        let mut snapshot = self.snapshot.clone();
        if plot.snapshot {
            snapshot["expires"] = FAR.into();
            snapshot["version"] = if plot.timestamp { 6 } else { 5 }.into();
        }
        for (name, (honest, role)) in &self.targets {
            let mut signed = honest.clone();
            let mut signers = &role.keys;
            if plot.old && name == "targets" {
                signed = self.old_targets();
            }
            if let Some((_, content)) = plot.targets.as_ref().filter(|(forged, _)| forged == name) {
                signed = content.clone().unwrap_or(signed);
                signed["expires"] = FAR.into();
                signed["version"] = if plot.snapshot { 9 } else { 2 }.into();
                signers = &self.stolen;
            }
            let file = sign(&signed, signers);
            let honest = sign(honest, &role.keys);
            let say = if plot.snapshot { &file } else { &honest };
            let version = if plot.snapshot { &signed["version"] } else { &json!(2) };
            snapshot["meta"][format!("{name}.json")] = listed(say, version, self.hashes.0 || plot.snapshot);
            files.insert(format!("{}.{name}.json", signed["version"]), file);
        }
        let honest = sign(
            &{
                let mut s = self.snapshot.clone();
                s["meta"] = snapshot["meta"].clone();
                s
            },
            &last["snapshot"].keys,
        );
        let file = sign(&snapshot, if plot.snapshot { &self.stolen } else { &last["snapshot"].keys });
        files.insert(format!("{}.snapshot.json", snapshot["version"]), file.clone());
        let mut timestamp = self.timestamp.clone();
        let say = if plot.timestamp || !plot.snapshot { &file } else { &honest };
        timestamp["meta"]["snapshot.json"] =
            listed(say, &snapshot["version"], self.hashes.1 || plot.timestamp);
        if plot.timestamp {
            timestamp["expires"] = FAR.into();
            timestamp["version"] = 4_000_000_000_u32.into();
        }
        let signers = if plot.timestamp { &self.stolen } else { &last["timestamp"].keys };
        files.insert("timestamp.json".to_owned(), sign(&timestamp, signers));
        Set(files)
    }

    fn signed_again(mut self) -> Self {
        let root = self.roots.last_mut().map(|(root, _)| root);
        let targets = self.targets.get_mut("targets").map(|(file, _)| file);
        let all = [root, targets, Some(&mut self.snapshot), Some(&mut self.timestamp)];
        let late = |file: &&mut Value| file["expires"].as_str() < Some(NOW);
        for file in all.into_iter().flatten().filter(late) {
            file["expires"] = FAR.into();
        }
        self
    }

    fn repository(&self) -> Repository {
        Repository::read(&self.set(self.roots.len(), &Plot::default())).unwrap()
    }
}

fn ask(set: &Set, pinned: usize, at: Date, scope: Scope) -> Result<Verified, Refused> {
    let pinned = &set.0[&format!("{pinned}.root.json")];
    verify(set, &Request { pinned, at, scope, allow_rehearsal: false })
}

/// One world, what is said of it, and the thief at work.
struct Case {
    seed: u64,
    world: World,
    said: Assessment,
    paths: BTreeSet<String>,
}

impl Case {
    fn roll(seed: u64) -> Self {
        let world = world(&mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        let model = Model::of(&world.repository(), &Names::default());
        let places = |keys: &[u8]| -> KeySet {
            keys.iter().filter_map(|n| model.keys.find(&public(*n).keyid().0).ok()).flatten().collect()
        };
        let (lost, stolen) = (places(&world.lost), places(&world.stolen));
        let said = model.assess(&Question { lost, stolen, at: now() });
        let examples = said.thief.iter().filter_map(|effect| effect.example.clone());
        let paths = PATHS.iter().chain(&UNLISTED).map(|path| (*path).to_owned()).chain(examples).collect();
        // What has expired is judged as it is once its owners signed it again, which they do here.
        Self { seed, world: world.signed_again(), said, paths }
    }

    fn newest(&self) -> usize {
        self.world.roots.len()
    }

    /// What is said of clients of the newest root.
    fn said(&self, harm: Harm) -> Option<&Effect> {
        self.said.thief.iter().find(|effect| effect.harm == harm && effect.clients.is_none())
    }

    /// Every way to sign timestamp and snapshot.
    fn plots(&self) -> Vec<Plot> {
        let both = [(false, false), (true, false), (false, true), (true, true)];
        both.map(|(timestamp, snapshot)| Plot { timestamp, snapshot, ..Plot::default() }).into()
    }

    fn evil(&self) -> Value {
        let evil: BTreeMap<&String, Value> = self.paths.iter().map(|path| (path, target(EVIL))).collect();
        json!({"_type": "targets", "spec_version": "1.0.31", "targets": evil})
    }

    /// The paths on which clients take evil, when this role is forged.
    fn taken(&self, role: &str, pinned: usize, shown: usize, at: Date) -> BTreeSet<String> {
        let evil = target(EVIL)["hashes"]["sha256"].as_str().unwrap().to_owned();
        let mut taken = BTreeSet::new();
        for plot in self.plots() {
            let plot = Plot { targets: Some((role.to_owned(), Some(self.evil()))), ..plot };
            if let Ok(verified) = ask(&self.world.set(shown, &plot), pinned, at, Scope::Full) {
                let believed = verified.targets.into_iter().filter(|(_, file)| file.hashes["sha256"] == evil);
                taken.extend(believed.map(|(path, _)| path));
            }
        }
        taken
    }

    fn accepted(&self, plots: impl IntoIterator<Item = Plot>, at: Date) -> bool {
        plots
            .into_iter()
            .any(|plot| ask(&self.world.set(self.newest(), &plot), self.newest(), at, Scope::Full).is_ok())
    }

    /// With targets as it is, and signed anew by the thief.
    fn with_targets(&self, plots: Vec<Plot>) -> Vec<Plot> {
        let anew = |plot: &Plot| Plot { targets: Some(("targets".to_owned(), None)), ..plot.clone() };
        plots.iter().cloned().chain(plots.iter().map(anew)).collect()
    }

    /// A root N+1 of one new key, signed by these and by it.
    fn next_root(&self, signers: &[u8], new: u8) -> bool {
        let version = self.newest() + 1;
        let keys = json!({keyid(new, false): public(new).to_json()});
        let role = json!({"keyids": [keyid(new, false)], "threshold": 1});
        let next = json!({
            "_type": "root", "spec_version": "1.0.31", "version": version, "expires": FAR,
            "consistent_snapshot": true, "keys": keys,
            "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
        });
        let mut set = self.world.set(self.newest(), &Plot::default());
        set.0.insert(format!("{version}.root.json"), sign(&next, &[signers, &[new]].concat()));
        ask(&set, self.newest(), now(), Scope::Root).is_ok()
    }
}

fn each_case() -> impl Iterator<Item = Case> {
    (1..=SEEDS).map(Case::roll)
}

fn without(keys: &[u8], not: &[&[u8]]) -> Vec<u8> {
    keys.iter().copied().filter(|key| !not.iter().any(|not| not.contains(key))).collect()
}

#[test]
fn clients_take_the_next_root_from_the_keys_that_are_left_when_root_can_be_rotated() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for case in each_case() {
        let keys = &case.world.roots.last().unwrap().1["root"].keys;
        let there = without(keys, &[&case.world.lost]);
        let left = without(&there, &[&case.world.stolen]);

        let (ours, with_stolen) = (case.next_root(&left, OURS), case.next_root(&there, OURS));

        let can = case.said.roles[0].can;
        assert_eq!(ours, matches!(can, Can::Sign { .. }), "seed {}", case.seed);
        assert_eq!(with_stolen, can != Can::Never, "seed {}", case.seed);
        assert_eq!(case.said.is_repairable(), ours, "seed {}", case.seed);
        *seen.entry(case.said.root.name).or_default() += 1;
    }
    assert!(seen.len() == 3 && seen.values().all(|many| *many > 0), "{seen:?}");
}

#[test]
fn clients_take_the_next_root_from_the_thief_when_he_can_rotate_root() {
    let mut seen = [0, 0];
    for case in each_case() {
        let his = case.next_root(&case.world.stolen, HIS);

        assert_eq!(his, case.said.thief_rotates(), "seed {}", case.seed);
        seen[usize::from(his)] += 1;
    }
    assert!(seen.iter().all(|many| *many > 0), "{seen:?}");
}

#[test]
fn a_role_can_be_signed_when_its_keys_that_are_left_reach_the_threshold() {
    for case in each_case() {
        let repository = case.world.repository();
        let trust: BTreeMap<_, _> = repository.trust().into_iter().collect();
        for status in &case.said.roles {
            let keys = &trust[&status.role][0].keys;
            let all: Vec<u8> = (1..=KEYS).collect();
            let verifies = |by: &[u8]| {
                let metadata = Metadata::parse(&sign(&json!({"_type": "x"}), by)).unwrap();
                keys.verify(metadata.payload(), metadata.signatures()).is_ok()
            };

            let there = without(&all, &[&case.world.lost]);
            let left = without(&there, &[&case.world.stolen]);

            assert_eq!(verifies(&left), matches!(status.can, Can::Sign { .. }), "seed {}", case.seed);
            assert_eq!(verifies(&there), status.can != Can::Never, "seed {}", case.seed);
            assert_eq!(verifies(&case.world.stolen), status.forged(), "seed {}", case.seed);
        }
    }
}

#[test]
fn clients_take_evil_from_a_role_when_it_is_said_to_give_any_software_and_on_as_many_targets() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for case in (1..=250).map(Case::roll).filter(|case| !case.said.thief_rotates()) {
        let repository = case.world.repository();
        let today: BTreeSet<String> = case
            .world
            .targets
            .values()
            .flat_map(|(file, _)| file["targets"].as_object().unwrap().keys().cloned())
            .collect();
        let mut above: BTreeMap<String, String> = BTreeMap::new();
        for (name, trust) in repository.trust().into_iter().skip(4) {
            above.insert(name, trust[0].delegator.clone());
        }
        let said = |role: &str| {
            let of = case
                .said
                .thief
                .iter()
                .filter(|effect| effect.harm == Harm::AnySoftware && effect.clients.is_none());
            of.clone().find(|effect| effect.roles.iter().any(|r| r == role))
        };
        for role in case.world.targets.keys() {
            let mut up = above.get(role);
            let mut his_already = false;
            while let Some(role) = up {
                his_already |= said(role).is_some();
                up = above.get(role);
            }
            if his_already {
                continue;
            }

            let taken = case.taken(role, case.newest(), case.newest(), now());

            let effect = said(role);
            assert_eq!(
                !taken.is_empty(),
                effect.is_some(),
                "seed {} {role} {taken:?} {:?}",
                case.seed,
                case.said.thief
            );
            let Some(effect) = effect else { continue };
            if effect.roles.len() == 1
                && case.said.thief.iter().filter(|e| e.harm == Harm::AnySoftware).count() == 1
            {
                assert_eq!(taken.intersection(&today).count(), effect.targets, "seed {} {role}", case.seed);
            }
            if let Some(example) = &effect.example {
                assert!(taken.contains(example), "seed {} {role} {example}", case.seed);
            }
            let until = match effect.until {
                Until::Date(until) => until,
                Until::SignedAgain => FAR.parse().unwrap(),
                other => panic!("seed {}: {other:?}", case.seed),
            };
            let before = Date::from_unix(until.unix() - 1);
            assert!(!case.taken(role, case.newest(), case.newest(), before).is_empty(), "seed {}", case.seed);
            assert!(case.taken(role, case.newest(), case.newest(), until).is_empty(), "seed {}", case.seed);
            *seen.entry(effect.rule.name).or_default() += 1;
        }
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn thresholds_alone_give_the_rows_that_every_combination_gives() {
    let mut whole = 0;
    for case in each_case().take(HEAVY) {
        let model = Model::of(&case.world.repository(), &Names::default());
        let (counted, found) = (model.table(now()), model.table_by_thresholds(now()));
        let rows = |table: &Table| -> BTreeSet<String> {
            let row = |row: Row| {
                let from: BTreeSet<_> = row.from.into_iter().collect();
                let roles = (row.now.harm, row.old.harm) == (Harm::Nothing, Harm::Nothing);
                let lost = roles && matches!(row.root, Can::Sign { .. }) && !row.lost.is_empty();
                format!("{:?}", (row.now, row.old, row.root, lost, from))
            };
            table.merged().into_iter().map(row).collect()
        };
        // One delegated role after the other: what several do at once is said to be left out.
        if found.left_out.is_empty() {
            assert_eq!(rows(&found), rows(&counted), "seed {}", case.seed);
            whole += 1;
        }
        let unsigned = |table: &Table| -> Vec<String> {
            let set = |from: &Vec<Combination>| from.iter().cloned().collect::<BTreeSet<_>>();
            let of = |(role, of): (&str, Unsigned)| {
                format!("{:?}", (role, set(&of.never), set(&of.only_with_stolen)))
            };
            table.unsigned().into_iter().map(of).collect()
        };
        assert_eq!(unsigned(&found), unsigned(&counted), "seed {}", case.seed);
    }
    assert!(whole > 5, "{whole}");
}

#[test]
fn clients_take_a_mixture_when_it_is_said_to_be_mixed() {
    let mut seen = [0, 0];
    for case in each_case().take(HEAVY).filter(|case| !case.said.thief_rotates()) {
        let mixed = |at: Date| {
            case.accepted(
                case.plots().into_iter().filter(|p| p.snapshot).map(|p| Plot { old: true, ..p }),
                at,
            )
        };

        let (takes, said) = (mixed(now()), case.said(Harm::MixAndMatch));

        let any_software = case.said(Harm::AnySoftware).is_some_and(|effect| effect.paths.is_empty());
        assert!(said.is_none() || takes, "seed {}: {:?}", case.seed, case.said.thief);
        assert!(!takes || said.is_some() || any_software, "seed {}: {:?}", case.seed, case.said.thief);
        if let Some(Until::Date(until)) = said.map(|effect| effect.until) {
            assert!(mixed(Date::from_unix(until.unix() - 1)) && !mixed(until), "seed {}", case.seed);
        }
        seen[usize::from(said.is_some())] += 1;
    }
    assert!(seen.iter().all(|many| *many > 0), "{seen:?}");
}

#[test]
fn clients_stay_frozen_as_long_as_it_is_said() {
    let mut seen = [0, 0];
    for case in each_case().take(HEAVY).filter(|case| !case.said.thief_rotates()) {
        let plots = || case.with_targets(case.plots().into_iter().filter(|plot| plot.timestamp).collect());

        let (takes, said) = (case.accepted(plots(), now()), case.said(Harm::Freeze));

        assert_eq!(takes, said.is_some(), "seed {}: {:?}", case.seed, case.said.thief);
        assert_eq!(said.is_some(), case.said(Harm::Rollback).is_some(), "seed {}", case.seed);
        if let Some(Until::Date(until)) = said.map(|effect| effect.until) {
            assert!(case.accepted(plots(), Date::from_unix(until.unix() - 1)), "seed {}", case.seed);
            assert!(!case.accepted(plots(), until), "seed {}", case.seed);
        }
        seen[usize::from(takes)] += 1;
    }
    assert!(seen.iter().all(|many| *many > 0), "{seen:?}");
}

#[test]
fn clients_take_a_timestamp_of_the_highest_version_when_fast_forward_is_said() {
    let mut seen = [0, 0];
    for case in each_case().take(HEAVY).filter(|case| !case.said.thief_rotates()) {
        let plot = Plot { timestamp: true, ..Plot::default() };
        let answer = ask(&case.world.set(case.newest(), &plot), case.newest(), now(), Scope::Full);

        // Whatever is refused below it, a client has kept the timestamp by then.
        let kept = match answer {
            Ok(_) => true,
            Err(refused) => refused.file != "timestamp.json" && !refused.file.ends_with(".root.json"),
        };

        let said = case.said(Harm::FastForward).filter(|effect| effect.roles == ["timestamp"]);
        assert_eq!(kept, said.is_some(), "seed {}: {:?}", case.seed, case.said.thief);
        seen[usize::from(kept)] += 1;
    }
    assert!(seen.iter().all(|many| *many > 0), "{seen:?}");
}

#[test]
fn clients_that_kept_an_older_root_suffer_what_is_said_of_them() {
    let mut seen = [0, 0];
    for case in each_case().take(HEAVY).filter(|case| case.newest() == 2 && !case.said.thief_rotates()) {
        let any = |effect: &&Effect| effect.harm <= Harm::AnySoftware && effect.paths.is_empty();

        let shown_old = !case.taken("targets", 1, 1, now()).is_empty();
        let shown_all = !case.taken("targets", 1, 2, now()).is_empty();
        let root_of_his = case.next_after_first();

        let said = case.said.thief.iter().any(|effect| any(&effect));
        assert_eq!(shown_old || shown_all || root_of_his, said, "seed {}: {:?}", case.seed, case.said.thief);
        seen[usize::from(case.said.thief.iter().any(|e| any(&e) && e.clients == Some(1)))] += 1;
    }
    assert!(seen.iter().all(|many| *many > 0), "{seen:?}");
}

impl Case {
    /// A root 2 of the thief in the place of the honest one.
    fn next_after_first(&self) -> bool {
        let role = json!({"keyids": [keyid(HIS, false)], "threshold": 1});
        let his = json!({
            "_type": "root", "spec_version": "1.0.31", "version": 2, "expires": FAR, "consistent_snapshot": true,
            "keys": {keyid(HIS, false): public(HIS).to_json()},
            "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
        });
        let mut set = self.world.set(1, &Plot::default());
        set.0.insert("2.root.json".to_owned(), sign(&his, &[&self.world.stolen[..], &[HIS]].concat()));
        ask(&set, 1, now(), Scope::Root).is_ok()
    }
}
