//! The room: what has happened to keys and metadata so far, and how one act changes it.
//!
//! There is one transition function, [`Room::apply`]. A week before, `plan` walks the script with the acts that
//! should happen; on the day, `ceremony` folds the acts that did. What the first proved, the second enforces.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What the ceremony file settles before anyone enters the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Keys made in the room.
    pub generated: BTreeSet<String>,
    /// Keys that come with a file or a token.
    pub loaded: BTreeSet<String>,
    /// The roles built in the room, by name.
    pub roles: BTreeMap<String, RoleSetup>,
    /// Every key that root lists for any role.
    pub listed: BTreeSet<String>,
    /// Keys whose public half the metadata before names: they are known when the ceremony opens.
    pub known: BTreeSet<String>,
    /// Roles whose signed file comes from before, and can be described as it is.
    pub carried: BTreeSet<String>,
}

/// One role that is built in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSetup {
    /// Whose signatures it needs: each of these must be met. A root that follows another has two, the old keys and
    /// the new ones.
    pub quorums: Vec<Quorum>,
    /// The keys that can sign it in the room.
    pub signers: BTreeSet<String>,
    /// Roles whose signed file it describes: they are verified before it is built.
    pub describes: Vec<String>,
}

/// Some keys, and how many of them must sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// By whose word: `root 4`, `targets`.
    pub by: String,
    /// The keys.
    pub keys: BTreeSet<String>,
    /// How many must sign.
    pub threshold: usize,
}

impl Quorum {
    /// How many of its keys are among these.
    pub fn among(&self, keys: &BTreeSet<String>) -> usize {
        self.keys.intersection(keys).count()
    }
}

impl RoleSetup {
    /// Whether any of its quorums lists the key.
    pub fn lists(&self, key: &str) -> bool {
        self.quorums.iter().any(|quorum| quorum.keys.contains(key))
    }

    /// The keys of all its quorums.
    pub fn keys(&self) -> BTreeSet<&String> {
        self.quorums.iter().flat_map(|quorum| &quorum.keys).collect()
    }
}

/// One thing that happens in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Everyone is here.
    RollCall,
    /// The machine was looked at.
    Preflight,
    /// The point of no return.
    Gate,
    /// Public keys from files and tokens are known.
    Load,
    /// A key is made.
    Generate(String),
    /// A role's metadata is built.
    Build(String),
    /// A role's metadata has been read by people.
    Review(String),
    /// A key signs for a role.
    Sign(String, String),
    /// A key's holder does not sign today.
    Decline(String, String),
    /// The digest of a role's payload is read aloud.
    ReadAloud(String),
    /// A role's signatures meet its threshold.
    Verify(String),
    /// The bundle is written.
    Export,
    /// The bundle was read back and verified.
    Readback,
    /// Nothing follows.
    Close,
    /// Something that changes nothing in the room: say, read the plan aloud, checkpoint.
    Other,
}

/// An act that the room does not allow now; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} ({rule})")]
pub struct NotNow {
    /// The rule.
    pub rule: &'static str,
    /// The reason, in words.
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RoleState {
    built: bool,
    reviewed: bool,
    signed: BTreeSet<String>,
    declined: BTreeSet<String>,
    verified: bool,
}

/// The state of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    setup: Setup,
    roll_called: bool,
    preflighted: bool,
    gate: bool,
    loaded: bool,
    known: BTreeSet<String>,
    roles: BTreeMap<String, RoleState>,
    exported: bool,
    read_back: bool,
    closed: bool,
}

fn refuse<T>(rule: &'static str, why: impl Into<String>) -> Result<T, NotNow> {
    Err(NotNow { rule, why: why.into() })
}

impl Room {
    /// An empty room.
    pub fn new(setup: Setup) -> Self {
        let roles = setup.roles.keys().map(|name| (name.clone(), RoleState::default())).collect();
        Self {
            known: setup.known.clone(),
            setup,
            roll_called: false,
            preflighted: false,
            gate: false,
            loaded: false,
            roles,
            exported: false,
            read_back: false,
            closed: false,
        }
    }

    /// Whether the point of no return lies behind.
    pub fn past_gate(&self) -> bool {
        self.gate
    }

    /// The keys that signed for a role so far.
    pub fn signed(&self, role: &str) -> BTreeSet<String> {
        self.roles.get(role).map(|state| state.signed.clone()).unwrap_or_default()
    }

    /// The keys whose holders do not sign for a role.
    pub fn declined(&self, role: &str) -> BTreeSet<String> {
        self.roles.get(role).map(|state| state.declined.clone()).unwrap_or_default()
    }

    /// Whether a role's signatures have been verified.
    pub fn verified(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|state| state.verified)
    }

    /// One act. What is refused changes nothing.
    pub fn apply(&mut self, act: &Act) -> Result<(), NotNow> {
        if self.closed {
            return refuse("NOTHING-AFTER-CLOSE", "the ceremony is closed");
        }
        match act {
            Act::RollCall => self.roll_called = true,
            Act::Preflight => self.preflighted = true,
            Act::Gate => self.gate()?,
            Act::Load if self.loaded => return refuse("LOAD-ONCE", "the keys are loaded already"),
            Act::Load => {
                self.loaded = true;
                self.known.extend(self.setup.loaded.iter().cloned());
            }
            Act::Generate(key) => self.generate(key)?,
            Act::Build(role) => self.build(role)?,
            Act::Review(role) => {
                let state = self.built(role, "REVIEW-AFTER-BUILD")?;
                state.reviewed = true;
            }
            Act::Sign(role, key) => {
                self.may_sign(role, key)?;
                let state = self.built(role, "SIGN-AFTER-BUILD")?;
                state.declined.remove(key);
                state.signed.insert(key.clone());
            }
            Act::Decline(role, key) => {
                self.may_sign(role, key)?;
                self.may_decline(role, key)?;
                self.built(role, "SIGN-AFTER-BUILD")?.declined.insert(key.clone());
            }
            Act::ReadAloud(role) => {
                self.built(role, "READ-ALOUD-AFTER-BUILD")?;
            }
            Act::Verify(role) => self.verify(role)?,
            Act::Export => self.export()?,
            Act::Readback if !self.exported => {
                return refuse("READBACK-AFTER-EXPORT", "there is no bundle to read back yet");
            }
            Act::Readback => self.read_back = true,
            Act::Close if !self.read_back => {
                return refuse("CLOSE-AFTER-READBACK", "the bundle has not been exported and read back");
            }
            Act::Close => self.closed = true,
            Act::Other => {}
        }
        Ok(())
    }

    /// Nothing irreversible stands before it, and everything that can be checked before it has been.
    fn gate(&mut self) -> Result<(), NotNow> {
        if self.gate {
            return refuse("GATE-ONCE", "the gate is behind us already");
        }
        if !self.roll_called {
            return refuse("GATE-AFTER-ROLL-CALL", "nobody has checked who is here");
        }
        if !self.preflighted {
            return refuse("GATE-AFTER-PREFLIGHT", "nobody has checked the machine");
        }
        self.gate = true;
        Ok(())
    }

    fn generate(&mut self, key: &str) -> Result<(), NotNow> {
        self.irreversible(&format!("key {key} is made"))?;
        if !self.setup.generated.contains(key) {
            return refuse("GENERATE-NAMED-KEYS", format!("key {key} has no `generate: true`"));
        }
        if !self.known.insert(key.to_owned()) {
            return refuse("GENERATE-ONCE", format!("key {key} exists already"));
        }
        Ok(())
    }

    fn irreversible(&self, what: &str) -> Result<(), NotNow> {
        if self.gate {
            return Ok(());
        }
        refuse("NOTHING-IRREVERSIBLE-BEFORE-GATE", format!("{what} before the gate"))
    }

    fn build(&mut self, role: &str) -> Result<(), NotNow> {
        let Some(setup) = self.setup.roles.get(role) else {
            return refuse(
                "ROLE-IN-ROOM",
                format!("{role} is not built in the room: it has no version and expires"),
            );
        };
        let needed = if role == "root" { self.setup.listed.iter().collect() } else { setup.keys() };
        if let Some(key) = needed.into_iter().find(|key| !self.known.contains(*key)) {
            return refuse("BUILD-AFTER-KEYS", format!("{role} lists key {key}, which is not known yet"));
        }
        for other in &setup.describes {
            let as_before = self.setup.carried.contains(other) && !self.setup.roles.contains_key(other);
            if !self.verified(other) && !as_before {
                return refuse(
                    "BUILD-AFTER-WHAT-IT-DESCRIBES",
                    format!("{role} describes {other}, which is not verified yet"),
                );
            }
        }
        let state = self.roles.entry(role.to_owned()).or_default();
        if state.built {
            return refuse("BUILD-ONCE", format!("{role} is built already"));
        }
        state.built = true;
        Ok(())
    }

    fn built(&mut self, role: &str, rule: &'static str) -> Result<&mut RoleState, NotNow> {
        match self.roles.get_mut(role) {
            Some(state) if state.built => Ok(state),
            Some(_) => refuse(rule, format!("{role} is not built yet")),
            None => refuse(
                "ROLE-IN-ROOM",
                format!("{role} is not built in the room: it has no version and expires"),
            ),
        }
    }

    /// Everything that must be true before a custodian is asked to sign.
    pub fn may_sign(&self, role: &str, key: &str) -> Result<(), NotNow> {
        self.irreversible(&format!("{role} is signed"))?;
        let (Some(setup), Some(state)) = (self.setup.roles.get(role), self.roles.get(role)) else {
            return refuse(
                "ROLE-IN-ROOM",
                format!("{role} is not built in the room: it has no version and expires"),
            );
        };
        if !setup.lists(key) {
            return refuse("SIGN-WITH-KEY-OF-ROLE", format!("{role} does not list key {key}"));
        }
        if !setup.signers.contains(key) {
            return refuse("SIGN-WITH-STORE", format!("key {key} has no store, so nobody can sign with it"));
        }
        if !state.built {
            return refuse("SIGN-AFTER-BUILD", format!("{role} is not built yet"));
        }
        if !state.reviewed {
            return refuse("SIGN-AFTER-REVIEW", format!("nobody has reviewed {role}"));
        }
        if state.verified {
            return refuse(
                "SIGN-BEFORE-VERIFY",
                format!("{role} is verified already, and what follows describes it as it is"),
            );
        }
        if state.signed.contains(key) {
            return refuse("SIGN-ONCE", format!("key {key} has signed {role} already"));
        }
        Ok(())
    }

    /// A holder may decline as long as the others reach every threshold without him.
    pub fn may_decline(&self, role: &str, key: &str) -> Result<(), NotNow> {
        let (Some(setup), Some(state)) = (self.setup.roles.get(role), self.roles.get(role)) else {
            return Ok(());
        };
        let left: BTreeSet<String> = setup
            .signers
            .iter()
            .filter(|other| *other != key && !state.declined.contains(*other))
            .cloned()
            .collect();
        if let Some(quorum) = setup.quorums.iter().find(|quorum| quorum.among(&left) < quorum.threshold) {
            return refuse(
                "DECLINE-LEAVES-THRESHOLD",
                format!("without key {key}, {role} cannot reach its threshold of {}", quorum.threshold),
            );
        }
        Ok(())
    }

    /// How many signed for each quorum of a role, and how many must.
    pub fn counts(&self, role: &str) -> Vec<(&Quorum, usize)> {
        let Some(setup) = self.setup.roles.get(role) else { return Vec::new() };
        let signed = self.signed(role);
        setup.quorums.iter().map(|quorum| (quorum, quorum.among(&signed))).collect()
    }

    fn verify(&mut self, role: &str) -> Result<(), NotNow> {
        self.built(role, "VERIFY-AFTER-BUILD")?;
        for (quorum, have) in self.counts(role) {
            if have < quorum.threshold || quorum.threshold == 0 {
                let whose = if quorum.by.is_empty() {
                    String::new()
                } else {
                    format!(", by the keys of {}", quorum.by)
                };
                return refuse(
                    "VERIFY-AFTER-THRESHOLD",
                    format!("{role} has {have} of {} signatures{whose}", quorum.threshold),
                );
            }
        }
        self.built(role, "VERIFY-AFTER-BUILD")?.verified = true;
        Ok(())
    }

    fn export(&mut self) -> Result<(), NotNow> {
        self.irreversible("the bundle is exported")?;
        if let Some(role) = self.setup.roles.keys().find(|role| !self.verified(role)) {
            return refuse("EXPORT-AFTER-VERIFY", format!("{role} is not verified"));
        }
        if self.exported {
            return refuse("EXPORT-ONCE", "the bundle is exported already");
        }
        self.exported = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn two_of_three() -> Room {
        let quorum = Quorum { by: String::new(), keys: set(&["ana", "bo", "chi"]), threshold: 2 };
        let role =
            RoleSetup { quorums: vec![quorum], signers: set(&["ana", "bo", "chi"]), describes: vec![] };
        Room::new(Setup {
            generated: set(&["ana", "bo", "chi"]),
            loaded: BTreeSet::new(),
            roles: BTreeMap::from([("root".to_owned(), role)]),
            listed: set(&["ana", "bo", "chi"]),
            ..Setup::default()
        })
    }

    fn at_signing() -> Room {
        let mut room = two_of_three();
        let generate = |name: &str| Act::Generate(name.to_owned());
        for act in
            [Act::RollCall, Act::Preflight, Act::Gate, generate("ana"), generate("bo"), generate("chi")]
        {
            room.apply(&act).unwrap();
        }
        room.apply(&Act::Build("root".into())).unwrap();
        room.apply(&Act::Review("root".into())).unwrap();
        room
    }

    fn refused(room: &mut Room, act: &Act) -> &'static str {
        let before = room.clone();
        let rule = room.apply(act).unwrap_err().rule;
        assert_eq!(*room, before, "a refused act changes nothing");
        rule
    }

    #[test]
    fn nothing_irreversible_stands_before_the_gate() {
        let mut room = two_of_three();

        assert_eq!(refused(&mut room, &Act::Generate("ana".into())), "NOTHING-IRREVERSIBLE-BEFORE-GATE");
        assert_eq!(refused(&mut room, &Act::Export), "NOTHING-IRREVERSIBLE-BEFORE-GATE");
        assert_eq!(refused(&mut room, &Act::Gate), "GATE-AFTER-ROLL-CALL");
    }

    #[test]
    fn a_key_signs_a_role_once() {
        let mut room = at_signing();
        room.apply(&Act::Sign("root".into(), "ana".into())).unwrap();

        assert_eq!(refused(&mut room, &Act::Sign("root".into(), "ana".into())), "SIGN-ONCE");
        assert_eq!(refused(&mut room, &Act::Verify("root".into())), "VERIFY-AFTER-THRESHOLD");
    }

    #[test]
    fn a_holder_may_decline_only_while_the_others_reach_the_threshold() {
        let mut room = at_signing();
        room.apply(&Act::Decline("root".into(), "ana".into())).unwrap();

        assert_eq!(refused(&mut room, &Act::Decline("root".into(), "bo".into())), "DECLINE-LEAVES-THRESHOLD");
    }

    #[test]
    fn nobody_signs_beyond_what_was_reviewed_and_verified() {
        let mut room = at_signing();
        for key in ["ana", "bo"] {
            room.apply(&Act::Sign("root".into(), key.into())).unwrap();
        }
        room.apply(&Act::Verify("root".into())).unwrap();

        assert_eq!(refused(&mut room, &Act::Sign("root".into(), "chi".into())), "SIGN-BEFORE-VERIFY");
    }

    /// Root 2 after root 1: Ana and Bo leave it to Bo and Chi.
    fn old_and_new() -> Room {
        let quorum = |by: &str, keys: &[&str]| Quorum { by: by.to_owned(), keys: set(keys), threshold: 2 };
        let quorums = vec![quorum("root 1", &["ana", "bo"]), quorum("root 2", &["bo", "chi"])];
        let role = RoleSetup { quorums, signers: set(&["ana", "bo", "chi"]), describes: vec![] };
        let mut room = Room::new(Setup {
            roles: BTreeMap::from([("root".to_owned(), role)]),
            listed: set(&["bo", "chi"]),
            known: set(&["ana", "bo", "chi"]),
            ..Setup::default()
        });
        for act in [Act::RollCall, Act::Preflight, Act::Gate, Act::Build("root".into())] {
            room.apply(&act).unwrap();
        }
        room.apply(&Act::Review("root".into())).unwrap();
        room
    }

    #[test]
    fn a_root_needs_the_threshold_of_the_old_keys_and_of_the_new_keys() {
        let mut room = old_and_new();
        for key in ["bo", "chi"] {
            room.apply(&Act::Sign("root".into(), key.into())).unwrap();
        }

        assert_eq!(refused(&mut room, &Act::Verify("root".into())), "VERIFY-AFTER-THRESHOLD");
        assert_eq!(
            refused(&mut room, &Act::Decline("root".into(), "ana".into())),
            "DECLINE-LEAVES-THRESHOLD"
        );

        room.apply(&Act::Sign("root".into(), "ana".into())).unwrap();
        room.apply(&Act::Verify("root".into())).unwrap();
    }

    #[test]
    fn a_closed_room_stays_closed() {
        let mut room = at_signing();
        for key in ["ana", "bo"] {
            room.apply(&Act::Sign("root".into(), key.into())).unwrap();
        }
        for act in [Act::Verify("root".into()), Act::Export, Act::Readback, Act::Close] {
            room.apply(&act).unwrap();
        }

        assert_eq!(refused(&mut room, &Act::Other), "NOTHING-AFTER-CLOSE");
    }
}
