//! The repository as the test knows it: who holds which key, what each role lists, which files clients may download.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use keyrite::keystore::Store;
use keyrite::keystore::age_file::AgeFile;
use keyrite::keystore::public_file;
use keyrite::tuf::Date;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use keyrite::words::Digest;
use secrecy::SecretString;

use super::spec::KeyLine;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

/// When the genesis takes place, 2026-12-03T09:00:00Z.
const FIRST_DAY: i64 = 1_796_288_400;
const DAY: i64 = 86_400;
/// The keys of a test protect nothing.
const CHEAP: u8 = 2;

/// A small generator, so that a seed means the same chain for ever.
pub(super) struct Seed(pub(super) u64);

impl Seed {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// The same items in another order.
    pub(super) fn shuffled<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
        items
    }
}

/// A key that someone holds.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) holder: String,
    pub(super) keyid: String,
    /// As a ceremony file names it.
    pub(super) store: String,
}

/// What a role is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Role {
    pub(super) version: u64,
    pub(super) keys: Vec<String>,
    pub(super) threshold: usize,
}

/// Target files by path.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The roles that root names.
pub(super) const TOP: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// A delegation as its delegator writes it; keys and threshold stand with the role.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Delegation {
    pub(super) name: String,
    pub(super) paths: Vec<String>,
    pub(super) terminating: bool,
}

impl Delegation {
    /// `*` is any one part of the path: so all clients read it.
    fn matches(&self, path: &str) -> bool {
        let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        let fits = |pattern: &String| {
            let (pattern, path) = (parts(pattern), parts(path));
            pattern.len() == path.len() && pattern.iter().zip(&path).all(|(p, is)| p == "*" || p == is)
        };
        self.paths.iter().any(fits)
    }
}

/// What the metadata says. A role that nobody delegates to any more stays as it was last: it may come back.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) roles: BTreeMap<String, Role>,
    /// What each targets role delegates, in order of priority.
    pub(super) delegations: BTreeMap<String, Vec<Delegation>>,
    /// What each targets role lists.
    pub(super) files: BTreeMap<String, Files>,
}

/// What a search for a path came to.
enum Search<'a> {
    Found(&'a Vec<u8>),
    /// By a terminating delegation.
    Ended,
    GoesOn,
}

impl State {
    /// Whom a role delegates to.
    pub(super) fn delegates(&self, delegator: &str) -> &[Delegation] {
        self.delegations.get(delegator).map(Vec::as_slice).unwrap_or_default()
    }

    /// The delegated roles that targets leads to.
    pub(super) fn delegated(&self) -> Vec<String> {
        let mut open = vec!["targets".to_owned()];
        let mut found = Vec::new();
        while let Some(delegator) = open.pop() {
            let names: Vec<String> = self.delegates(&delegator).iter().map(|d| d.name.clone()).collect();
            found.extend(names.clone());
            open.extend(names);
        }
        found
    }

    /// Every role that clients trust.
    pub(super) fn trusted(&self) -> Vec<String> {
        TOP.iter().map(|name| (*name).to_owned()).chain(self.delegated()).collect()
    }

    /// The role that delegates to this one.
    pub(super) fn delegator(&self, name: &str) -> Option<String> {
        let names = |list: &Vec<Delegation>| list.iter().any(|delegation| delegation.name == name);
        self.delegations.iter().find(|(_, list)| names(list)).map(|(delegator, _)| delegator.clone())
    }

    /// Every key that root or a file of delegations lists, also one that no client asks for any more.
    pub(super) fn listed_keys(&self) -> BTreeSet<String> {
        let delegated = self.delegations.values().flatten().map(|delegation| delegation.name.as_str());
        TOP.into_iter().chain(delegated).flat_map(|role| self.roles[role].keys.clone()).collect()
    }

    /// The keys of the roles that clients trust.
    pub(super) fn trusted_keys(&self) -> BTreeSet<String> {
        self.trusted().iter().flat_map(|role| self.roles[role].keys.clone()).collect()
    }

    /// What clients download: the walk of the specification.
    pub(super) fn visible(&self) -> Files {
        let paths: BTreeSet<&String> = self.files.values().flat_map(Files::keys).collect();
        let found = |path: &String| match self.search("targets", path) {
            Search::Found(bytes) => Some((path.clone(), bytes.clone())),
            Search::Ended | Search::GoesOn => None,
        };
        paths.into_iter().filter_map(found).collect()
    }

    fn search(&self, role: &str, path: &str) -> Search<'_> {
        if let Some(bytes) = self.files.get(role).and_then(|files| files.get(path)) {
            return Search::Found(bytes);
        }
        for delegation in self.delegates(role).iter().filter(|delegation| delegation.matches(path)) {
            match self.search(&delegation.name, path) {
                Search::GoesOn if delegation.terminating => return Search::Ended,
                Search::GoesOn => {}
                end => return end,
            }
        }
        Search::GoesOn
    }
}

/// What clients were given after a ceremony.
pub(super) struct Published {
    /// The record.
    pub(super) record: PathBuf,
    /// A directory with `metadata/` and every target file so far.
    pub(super) site: PathBuf,
    /// What clients download.
    pub(super) files: Files,
    /// Those that a delegated role lists.
    pub(super) delegated: BTreeSet<String>,
    /// When.
    pub(super) at: String,
    pub(super) root: u64,
}

/// The repository, and everything around it.
pub(super) struct Model {
    pub(super) seed: Seed,
    pub(super) dir: tempfile::TempDir,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) state: State,
    /// Files that were taken out, by the role that listed them.
    pub(super) removed: BTreeMap<String, Files>,
    pub(super) day: i64,
    pub(super) published: Vec<Published>,
    /// How many keys may still be made in the room: each costs a full-strength passphrase.
    pub(super) may_generate: usize,
    /// Where some keys are made in the room: a token, where there is one.
    pub(super) token: Option<World>,
}

/// Keys on the token are called `t`.
fn on_token(name: &str) -> bool {
    name.starts_with('t')
}

pub(super) fn passphrase(name: &str) -> String {
    format!("a passphrase of {name}")
}

/// As an answers file names it.
fn secret(name: &String) -> String {
    if on_token(name) {
        format!("  {name}: {{pin: \"{PIN}\"}}\n")
    } else {
        format!("  {name}: {{passphrase: \"{}\"}}\n", passphrase(name))
    }
}

impl Model {
    pub(super) fn new(seed: u64, may_generate: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["keys", "site-targets"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            seed: Seed(seed),
            dir,
            keys: BTreeMap::new(),
            state: State::default(),
            removed: BTreeMap::new(),
            day: 0,
            published: Vec::new(),
            may_generate,
            token: World::softhsm(),
        }
    }

    /// The environment in which the token is found.
    pub(super) fn env(&self) -> BTreeMap<String, String> {
        self.token.as_ref().map(|world| world.env.clone()).unwrap_or_default()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// So many days from today, as ceremony files write it.
    pub(super) fn date(&self, days: i64) -> String {
        Date::from_unix(FIRST_DAY + (self.day + days) * DAY).to_string()
    }

    pub(super) fn now(&self) -> String {
        self.date(0)
    }

    /// A new name for a key; `o` for those of a server, which the operator holds.
    pub(super) fn name(&self, letter: char, more: usize) -> String {
        format!("{letter}{:02}", self.keys.len() + more)
    }

    fn holder(name: &str) -> String {
        if name.starts_with('o') { "oli".to_owned() } else { name.to_owned() }
    }

    /// Makes a key as its holder would at home, cheaply.
    pub(super) fn make_key(&mut self, letter: char) -> String {
        let name = self.name(letter, 0);
        let path = self.path(&format!("keys/{name}.age"));
        let secret = SecretString::from(passphrase(&name));
        let scheme = match self.seed.below(8) {
            0 => Scheme::EcdsaP256,
            _ => Scheme::Ed25519,
        };
        let found = AgeFile::new(path, "a test's key", CHEAP).generate(Some(&secret), scheme, None).unwrap();
        let public = public_file::text(&found.public);
        fs::write(self.path(&format!("keys/{name}.pub.json")), public).unwrap();
        self.keep(&name, &found.public.keyid().0);
        name
    }

    fn keep(&mut self, name: &str, keyid: &str) {
        let key = Key {
            name: name.to_owned(),
            holder: Self::holder(name),
            keyid: keyid.to_owned(),
            store: match &self.token {
                Some(world) if on_token(name) => world.uri(name),
                _ => format!("age:inputs/keys/{name}.age"),
            },
        };
        self.keys.insert(name.to_owned(), key);
    }

    /// Takes a key that a ceremony made out of its record, and makes its passphrase cheap.
    pub(super) fn adopt(&mut self, name: &str, record: &Path) {
        let public = fs::read(record.join(format!("keys/{name}.pub.json"))).unwrap();
        // It comes from outside again when a role that was taken out returns.
        fs::write(self.path(&format!("keys/{name}.pub.json")), &public).unwrap();
        if on_token(name) {
            return self.keep(name, &PublicKey::read(&public).unwrap().keyid().0);
        }
        let path = self.path(&format!("keys/{name}.age"));
        fs::copy(record.join(format!("keys/{name}.age")), &path).unwrap();
        let secret = SecretString::from(passphrase(name));
        let found = AgeFile::new(path, "a test's key", CHEAP).change_passphrase(&secret, &secret).unwrap();
        self.keep(name, &found.public.keyid().0);
    }

    /// A key that the metadata before lists, with its store or without.
    pub(super) fn listed(&self, name: &str, signs: bool) -> KeyLine {
        let key = &self.keys[name];
        KeyLine {
            holder: key.holder.clone(),
            store: signs.then(|| key.store.clone()),
            keyid: Some(key.keyid.clone()),
            public: None,
            generate: None,
        }
    }

    /// A key that comes from outside, with its public file.
    pub(super) fn brought(&self, name: &str) -> KeyLine {
        let key = &self.keys[name];
        KeyLine {
            holder: key.holder.clone(),
            store: Some(key.store.clone()),
            keyid: Some(key.keyid.clone()),
            public: Some(format!("inputs/keys/{name}.pub.json")),
            generate: None,
        }
    }

    /// A key that is made in the room.
    pub(super) fn made_here(&self, name: &str) -> KeyLine {
        let (store, scheme) = match &self.token {
            Some(world) if on_token(name) => (world.uri(name), "ecdsa-sha2-nistp256"),
            _ => (format!("age:keys/{name}.age"), "ed25519"),
        };
        let (holder, store) = (Self::holder(name), Some(store));
        KeyLine { holder, store, keyid: None, public: None, generate: Some(scheme) }
    }

    /// SHA-256 of a root file, as the newest record has it.
    pub(super) fn root_sha256(&self, version: u64) -> String {
        let newest = self.published.last().unwrap();
        let file = newest.site.join(format!("metadata/{version}.root.json"));
        Digest::of(&fs::read(file).unwrap()).hex()
    }

    /// The directory of a ceremony: inputs as they were agreed on, and answers.
    pub(super) fn room(&self, number: usize, files: &BTreeMap<String, Files>, keys: &[String]) -> PathBuf {
        let room = self.path(&format!("{number:02}"));
        fs::create_dir_all(room.join("inputs")).unwrap();
        symlink(self.path("keys"), room.join("inputs/keys")).unwrap();
        if let Some(newest) = self.published.last() {
            symlink(newest.record.join("bundle/metadata"), room.join("inputs/metadata")).unwrap();
        }
        for (role, files) in files {
            let below = room.join("inputs").join(role);
            fs::create_dir(&below).unwrap();
            for (name, bytes) in files {
                let path = below.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        let secrets: String = keys.iter().map(secret).collect();
        let answers =
            format!("answers: 1\nconfirm: all\ntype-back: auto\nclock: {}\nsecrets:\n{secrets}", self.now());
        fs::write(room.join("answers.yaml"), answers).unwrap();
        room
    }

    /// Publishes the bundle of a record, as a server does: metadata as it is, target files beside the older ones.
    pub(super) fn publish(&mut self, record: PathBuf) {
        let all = self.path("site-targets");
        let targets = record.join("bundle/targets");
        if targets.is_dir() {
            for (name, bytes) in crate::common::keyrite::tree(&targets) {
                let path = all.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        let site = record.parent().unwrap().join("site");
        fs::create_dir(&site).unwrap();
        symlink(record.join("bundle/metadata"), site.join("metadata")).unwrap();
        symlink(&all, site.join("targets")).unwrap();
        let (files, at, root) = (self.state.visible(), self.now(), self.state.roles["root"].version);
        let of_targets = &self.state.files["targets"];
        let delegated = files.keys().filter(|path| !of_targets.contains_key(*path)).cloned().collect();
        self.published.push(Published { record, site, files, delegated, at, root });
    }
}
