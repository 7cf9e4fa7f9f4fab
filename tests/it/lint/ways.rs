//! Roles that several delegate to: what is said of tough about a tree is what tough does with it.

use keyrite::lint;
use keyrite::lint::Client;
use keyrite::lint::Does;
use keyrite::lint::Options;
use keyrite::lint::Profile;
use serde_json::Value;
use serde_json::json;

use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::lint::peers::write;
use crate::tuf::world::*;

const TREES: u64 = 150;
const ROLES: [&str; 4] = ["r1", "r2", "r3", "r4"];
const PATTERNS: [&str; 10] = ["a/*", "b/*", "*", "*/*", "?op", "a/x", "dev/*", "*/x", "a*", "*.txt"];
const PATHS: [&str; 7] = ["top", "a/x", "b/x", "a/b/x", "dev/x", "q.txt", "a/q.txt"];

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % sides as u64).unwrap()
    }

    fn some<'a>(&mut self, of: &[&'a str], most: usize) -> Vec<&'a str> {
        let count = self.below(most + 1);
        let mut left = of.to_vec();
        (0..count).map(|_| left.remove(self.below(left.len()))).collect()
    }

    /// Up to three delegations to any of the roles, also to the one that delegates.
    fn delegations(&mut self) -> Value {
        let names = self.some(&ROLES, 3);
        let roles: Vec<Value> = names.into_iter().map(|name| self.delegation(name)).collect();
        json!({"keys": keys(&[8]), "roles": roles})
    }

    fn delegation(&mut self, name: &str) -> Value {
        let mut role = delegation(name, &[8], &self.some(&PATTERNS, 3));
        if self.below(4) == 0 {
            let digits: Vec<String> = (0..8).map(|n| format!("{:x}", 2 * n + self.below(2))).collect();
            role["path_hash_prefixes"] = json!(digits);
            role.as_object_mut().unwrap().remove("paths");
        }
        role["terminating"] = json!(self.below(3) == 0);
        role
    }
}

/// A tree in which anyone may delegate to anyone, and now and then a role has no file yet.
fn shared_tree(seed: u64) -> Set {
    let mut dice = Dice(seed);
    let mut world = world();
    world.roles.remove("dev");
    world.role("targets")["delegations"] = dice.delegations();
    for name in ROLES {
        let listed = dice.some(&PATHS, 1).into_iter().map(|path| (path.to_owned(), target(b"x")));
        let mut role = targets(1, Value::Object(listed.collect()));
        role["delegations"] = dice.delegations();
        if dice.below(12) > 0 {
            world.roles.insert(name.to_owned(), (role, vec![8]));
        }
    }
    world.build()
}

#[test]
fn what_is_said_of_tough_about_shared_roles_is_what_it_does() {
    let options = Options { at: now(), profile: Profile::Compatible };
    let (mut faults, mut outside, mut off_the_way) = (Vec::new(), 0, 0);
    for seed in 0..TREES {
        let set = shared_tree(seed);
        let report = lint::lint(&set, &options).unwrap();
        let whole = |says: &lint::Says| {
            says.client == Client::Tough
                && says.does == Does::Refuses
                && says.says.ends_with("for the whole repository")
        };
        let said: Vec<String> = report
            .findings
            .iter()
            .filter(|found| found.rule.clients.iter().any(whole))
            .map(|found| format!("{} {} {} {}", found.rule.name, found.file, found.at, found.detail))
            .collect();
        let dir = tempfile::tempdir().unwrap();
        write(&set, dir.path());
        let visit = Visit { at: NOW, ..Visit::new(dir.path(), "app.txt") };
        let Some(verdict) = Peer::Tough.judge(&visit) else { return };
        match said.iter().all(|said| said.starts_with("TARGET-OFF-THE-FIRST-WAY ")) {
            true => off_the_way += said.len().min(1),
            false => outside += 1,
        }
        if verdict.is_err() == said.is_empty() {
            faults.push(format!("{seed}: {verdict:?}: {said:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    // The seeds lead to enough of each.
    assert!(outside > 20 && off_the_way > 5, "{outside} and {off_the_way} of {TREES}");
}

#[test]
fn tough_refuses_the_patterns_that_are_said_to_be_no_globs() {
    let parts = ["a", "z", "-", "[", "]", "{", "}", "\\", "!", "^", ",", "*", "?", "/", "x"];
    let mut dice = Dice(7);
    let mut refused = 0;
    for _ in 0..150 {
        let pattern: String = (0..1 + dice.below(6)).map(|_| parts[dice.below(parts.len())]).collect();
        let mut world = world();
        world.role("targets")["delegations"]["roles"][0]["paths"] = json!([pattern, "dev/*"]);
        let set = world.build();
        let dir = tempfile::tempdir().unwrap();
        write(&set, dir.path());
        let visit = Visit { at: NOW, ..Visit::new(dir.path(), "app.txt") };

        let options = Options { at: now(), profile: Profile::Compatible };
        let report = lint::lint(&set, &options).unwrap();
        let Some(said) = Peer::Tough.judge(&visit) else { return };

        let told = report.findings.iter().any(|finding| finding.rule.name == "PATTERN-NO-GLOB");
        assert_eq!(told, said.is_err(), "{pattern:?}: {said:?}");
        refused += u32::from(told);
    }
    assert!((30..120).contains(&refused), "{refused}");
}
