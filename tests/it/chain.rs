//! Genesis by seed, then a chain of random valid changes of all types. After each, existing clients accept the
//! bundle, from the first root and from later ones; and every forbidden variation of the same change is refused.
//!
//! `KEYRITE_CHAIN_SEED` tries another seed.

mod apart;
mod change;
mod clients;
mod delegation;
mod elsewhere;
mod faulty;
mod forbidden;
mod leaving;
mod model;
mod record;
mod remarks;
mod spec;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::driver::before::read_plan;
use keyrite::driver::inputs;
use keyrite::plan::Kind;
use keyrite::plan::Plan;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use change::Change;
use model::Model;

/// One of so many changes is made once more by people in different places.
const SCATTERED: usize = 4;

/// How often each variation was refused.
type Refusals = BTreeMap<&'static str, usize>;

/// Performs a change, and lets everyone judge it.
struct Chain {
    model: Model,
    refusals: Refusals,
    kinds: BTreeMap<&'static str, usize>,
}

impl Chain {
    fn new(seed: u64, may_generate: usize) -> Self {
        Self::begin(Model::new(seed, may_generate))
    }

    fn begin(mut model: Model) -> Self {
        let change = change::genesis(&mut model);
        let mut chain = Self { model, refusals: Refusals::new(), kinds: BTreeMap::new() };
        chain.perform(change);
        chain
    }

    fn step(&mut self) {
        let change = change::random(&mut self.model);
        self.perform(change);
    }

    fn perform(&mut self, change: Change) {
        let number = self.model.published.len();
        eprintln!("change {number}: {} {:?}", change.spec.kind, change.spec.in_room());
        let signers: Vec<String> = change.spec.keys.keys().cloned().collect();
        let room = self.model.room(number, &change.hashed(), &signers);
        let file = room.join("ceremony.yaml");
        fs::write(&file, change.spec.text()).unwrap();
        let now = self.model.now();
        keyrite(&["check", text(&file), "--at", &now]).ended(0);
        if number > 0 {
            let plan = read_plan(&change.spec.text(), &room).unwrap();
            for variation in forbidden::variations(&self.model, &change, &plan) {
                self.refused(&room, &plan, &variation);
            }
        }
        let record = room.join("record");
        self.run(&file, &record, &[]).ended(0);
        for (name, line) in &change.spec.keys {
            if line.generate.is_some() {
                self.model.adopt(name, &record);
            }
        }
        if number > 0 {
            apart::merges(&self.model, &change, &record);
        }
        self.rehearsed(&room, &change);
        if number % SCATTERED == 1 {
            self.scattered(&room, &change, &record);
        }

        *self.kinds.entry(change.spec.kind).or_default() += 1;
        self.model.state = change.after;
        self.model.publish(record);
        clients::keyrite(&mut self.model);
        clients::tough(&mut self.model);
    }

    /// `keyrite run`, answered by the file of the room.
    fn run(&self, file: &Path, record: &Path, more: &[&str]) -> Said {
        let answers = file.with_file_name("answers.yaml");
        let run = ["run", text(file), "--plain", "--answers", text(&answers), "--record", text(record)];
        Said::of(&command().envs(self.model.env()).args(run).args(more).output().unwrap())
    }

    /// `check` refuses with the rule; the first time, the program itself is asked, and leaves nothing behind.
    fn refused(&mut self, room: &Path, valid: &Plan, variation: &forbidden::Variation) {
        let (text_of, now) = (variation.spec.text(), self.model.now());
        // The metadata before is verified once for all variations that pin it.
        let pinned = valid.before.as_ref().map(|before| before.root_sha256());
        let read = match variation.spec.before == pinned {
            true => Plan::read(&text_of, valid.before.clone()),
            false => read_plan(&text_of, room),
        };
        let problems = match read {
            Ok(mut plan) => inputs::check(&mut plan, room, now.parse().unwrap()),
            Err(problems) => problems,
        };
        let found = problems.iter().any(|problem| problem.rule == variation.rule);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(found, "{}: wanted {}, and it says {said:#?}\n{text_of}", variation.name, variation.rule);
        let times = self.refusals.entry(variation.name).or_default();
        *times += 1;
        if *times > 1 {
            return;
        }
        let file = room.join("forbidden.yaml");
        fs::write(&file, &text_of).unwrap();
        let before = tree(room);
        let said = keyrite(&["check", text(&file), "--at", &now]);
        assert!(matches!(said.code, 1 | 2) && said.err.contains(variation.rule), "{}", said.err);
        let run = self.run(&file, &room.join("refused"), &[]);
        assert_eq!((run.code, run.out.is_empty()), (said.code, true), "{}", run.err);
        assert!(tree(room) == before, "{} left something behind", variation.name);
        fs::remove_file(file).unwrap();
    }

    /// The same file can be rehearsed; what that makes is marked, and production does not start from it.
    fn rehearsed(&self, room: &Path, change: &Change) {
        let (file, record) = (room.join("ceremony.yaml"), room.join("rehearsal"));
        self.run(&file, &record, &["--rehearse"]).ended(0);
        let bundle = record.join("bundle/metadata");
        for role in change.spec.in_room() {
            let version = change.after.roles[role].version;
            let name =
                if role == "timestamp" { "timestamp.json".into() } else { format!("{version}.{role}.json") };
            assert!(clients::is_rehearsal(&bundle.join(&name)), "{name} carries no watermark");
        }
        keyrite(&["journal", "verify", text(&record)]).ended(0);
        let roots: Vec<PathBuf> = tree(&bundle).into_iter().map(|(name, _)| bundle.join(name)).collect();
        let newest = roots.iter().filter(|path| text(path).ends_with(".root.json"));
        let newest = newest.max_by_key(|path| root_version(path)).unwrap();
        let sha256 = keyrite::words::Digest::of(&fs::read(newest).unwrap()).hex();
        let mut next = change.spec.clone();
        next.kind = "root-renewal";
        next.before = Some(sha256);
        next.roles.retain(|role, _| role == "root");
        if next.roles.is_empty() {
            return;
        }
        next.expect = None;
        let text_of = next.text().replace("inputs/metadata", "rehearsal/bundle/metadata");
        let problems: Vec<String> =
            read_plan(&text_of, room).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(problems[0].contains("rehearsal"), "{problems:?}");
    }
}

fn root_version(path: &Path) -> u64 {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.split('.').next().unwrap().parse().unwrap()
}

/// A chain of so many changes, and what every client says of it.
fn chain(seed: u64, changes: usize, may_generate: usize) -> Chain {
    eprintln!("chain of {changes} from seed {seed}: KEYRITE_CHAIN_SEED={seed} tries it again");
    let mut chain = Chain::new(seed, may_generate);
    for _ in 0..changes {
        chain.step();
    }
    clients::python_tuf(&chain.model);
    eprintln!("changes: {:?}\nrefused: {:#?}", chain.kinds, chain.refusals);
    chain
}

#[test]
fn chain_of_5_from_seed_1_is_followed_by_every_client() {
    chain(1, 5, 0);
}

#[test]
fn chain_of_5_from_seed_2_is_followed_by_every_client() {
    chain(2, 5, 0);
}

#[test]
fn chain_of_5_from_seed_3_is_followed_by_every_client() {
    chain(3, 5, 0);
}

#[test]
fn a_chain_of_30_changes_is_followed_by_every_client_and_each_forbidden_variation_is_refused() {
    let seed = std::env::var("KEYRITE_CHAIN_SEED").ok().and_then(|seed| seed.parse().ok());
    let chain = chain(seed.unwrap_or(2026), 30, 2);

    if seed.is_none() {
        let signing = Kind::ALL.into_iter().filter(|kind| kind.signs()).count();
        assert_eq!(chain.kinds.len(), signing, "every type that signs has its turn: {:?}", chain.kinds);
        assert!(chain.refusals.len() >= 50, "{:#?}", chain.refusals);
    }
}
