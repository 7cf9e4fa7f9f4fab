//! What may happen now: every rule of the room, with its name.

use std::collections::BTreeSet;

use crate::room::Act;
use crate::room::NotNow;
use crate::room::RoleSetup;
use crate::room::RoleState;
use crate::room::Room;
use crate::room::refuse;
use crate::room::refuse_for;

impl Room {
    /// Whether this may happen now; else the rule that forbids it. Asking changes nothing.
    pub fn may(&self, act: &Act) -> Result<(), NotNow> {
        if self.closed {
            return refuse("NOTHING-AFTER-CLOSE", "the ceremony is closed");
        }
        match act {
            Act::RollCall | Act::SetClock | Act::Preflight | Act::Other => Ok(()),
            Act::Lose(drive) => self.may_lose(drive),
            Act::Gate => self.may_pass_gate(),
            Act::Break => self.things.all_put_away("BREAK-WITH-NOTHING-OPEN", "before a break"),
            Act::Handle(handling) => self.may_handle(handling),
            Act::Load if self.loaded => refuse("LOAD-ONCE", "the keys are loaded already"),
            Act::Load => Ok(()),
            Act::Enrol(key) => self.may_enrol(key),
            Act::Generate(key) => self.may_generate(key),
            Act::Drill(key) => self.may_drill(key),
            Act::Share { key, to, drive } => self.may_share(key, to, drive.as_deref()),
            Act::DrillShares(key) => self.may_drill_shares(key),
            Act::Destroy(key) => self.may_destroy(key),
            Act::Build(role) => self.may_build(role),
            Act::Lint(role) => self.built(role, "LINT-AFTER-BUILD").map(|_| ()),
            Act::Review(role) => self.built(role, "REVIEW-AFTER-BUILD").map(|_| ()),
            Act::Sign(role, key) => self.may_sign(role, key),
            Act::Decline(role, key) => {
                self.may_sign_at_all(role, key).and_then(|()| self.may_decline(role, key))
            }
            Act::ReadAloud(role) => self.built(role, "READ-ALOUD-AFTER-BUILD").map(|_| ()),
            Act::Verify(role) => self.may_verify(role),
            Act::Export(to) => self.may_export(to.as_deref()),
            Act::Readback(from) => self.may_read_back(from.as_deref()),
            Act::SecondMachine if self.read_back.is_empty() => {
                refuse("SECOND-MACHINE-AFTER-READBACK", "there is no bundle yet that was read back here")
            }
            Act::SecondMachine => Ok(()),
            Act::Close => self.may_close(),
        }
    }

    /// Every rule that forbids it; where one act is the last moment for several things, all of them.
    pub fn refusals(&self, act: &Act) -> Vec<NotNow> {
        let checks = match act {
            Act::Gate if !self.gate && !self.closed => self.before_gate(),
            Act::Close if !self.closed => self.before_close(),
            _ => vec![self.may(act)],
        };
        checks.into_iter().filter_map(Result::err).collect()
    }

    fn may_pass_gate(&self) -> Result<(), NotNow> {
        if self.gate {
            return refuse("GATE-ONCE", "the gate is behind us already");
        }
        self.before_gate().into_iter().collect()
    }

    /// Everything that can be checked before anything irreversible has been.
    fn before_gate(&self) -> Vec<Result<(), NotNow>> {
        let clock = "the file has `clock: max_skew`, and no `set-clock` step compared it with watches";
        vec![
            must(self.roll_called, "GATE-AFTER-ROLL-CALL", "nobody has checked who is here"),
            must(self.preflighted, "GATE-AFTER-PREFLIGHT", "nobody has checked the machine"),
            must(self.clock_read || !self.setup.clock_board, "GATE-AFTER-CLOCK", clock),
        ]
    }

    pub(super) fn irreversible(&self, what: &str) -> Result<(), NotNow> {
        if self.gate {
            return Ok(());
        }
        refuse("NOTHING-IRREVERSIBLE-BEFORE-GATE", format!("{what} before the gate"))
    }

    fn may_handle(&self, handling: &crate::room::Handling) -> Result<(), NotNow> {
        if let crate::room::Handling::Seal { bag, .. } = handling
            && self.setup.second_machine
            && !self.second_machine
        {
            let why = format!("bag {bag} would be sealed before the second machine has verified the bundle");
            return refuse_for("second machine", "SEAL-AFTER-SECOND-MACHINE", why);
        }
        if let crate::room::Handling::Open(bag) = handling {
            self.irreversible(&format!("bag {bag} is opened"))?;
        }
        self.things.may(handling)
    }

    /// A secret is typed into a machine that was looked at.
    fn may_enrol(&self, key: &str) -> Result<(), NotNow> {
        if !self.preflighted {
            let why = format!("key {key} would be opened before anyone has checked the machine");
            return refuse("ENROL-AFTER-PREFLIGHT", why);
        }
        if !self.setup.loaded.contains(key) {
            return refuse(
                "ENROL-KEYS-FROM-OUTSIDE",
                format!("key {key} does not come with a file and a store"),
            );
        }
        if self.known.contains(key) {
            return refuse("ENROL-ONCE", format!("key {key} is known already"));
        }
        self.things.in_reader(key)
    }

    fn may_generate(&self, key: &str) -> Result<(), NotNow> {
        self.irreversible(&format!("key {key} is made"))?;
        if !self.setup.generated.contains(key) {
            return refuse("GENERATE-NAMED-KEYS", format!("key {key} has no `generate: true`"));
        }
        if self.known.contains(key) {
            return refuse("GENERATE-ONCE", format!("key {key} exists already"));
        }
        self.things.in_reader(key)
    }

    fn may_drill(&self, key: &str) -> Result<(), NotNow> {
        self.may_open(key)?;
        self.things.in_reader(key)
    }

    /// Everything that must be true before a key is opened for a drill.
    pub(super) fn may_open(&self, key: &str) -> Result<(), NotNow> {
        if !self.gate {
            let why = format!("key {key} would be opened before everything is checked, in front of the gate");
            return refuse("DRILL-AFTER-GATE", why);
        }
        if !self.known.contains(key) {
            return refuse("DRILL-AFTER-KEY", format!("key {key} is not known yet"));
        }
        if self.destroyed.contains(key) {
            return refuse("DRILL-BEFORE-DESTROY", format!("key {key} is destroyed"));
        }
        Ok(())
    }

    fn may_destroy(&self, key: &str) -> Result<(), NotNow> {
        self.irreversible(&format!("key {key} is destroyed"))?;
        if !self.known.contains(key) {
            return refuse("DESTROY-AFTER-KEY", format!("key {key} is not known yet"));
        }
        if self.destroyed.contains(key) {
            return refuse("DESTROY-ONCE", format!("key {key} is destroyed already"));
        }
        let unfinished =
            |(role, setup): (&String, &RoleSetup)| setup.signers.contains(key) && !self.verified(role);
        if self.setup.roles.iter().any(unfinished) {
            return refuse("DESTROY-AFTER-SIGNING", format!("key {key} still has to sign here"));
        }
        self.things.in_reader(key)
    }

    fn may_build(&self, role: &str) -> Result<(), NotNow> {
        let Some(setup) = self.setup.roles.get(role) else { return not_in_room(role) };
        let needed = if role == "root" { self.setup.listed.iter().collect() } else { setup.keys() };
        let mut needed = needed.into_iter().chain(&setup.delegates);
        if let Some(key) = needed.find(|key| !self.known.contains(*key)) {
            return refuse_for(
                key,
                "BUILD-AFTER-KEYS",
                format!("{role} lists key {key}, which is not known yet"),
            );
        }
        for other in &setup.describes {
            let as_before = self.setup.carried.contains(other) && !self.setup.roles.contains_key(other);
            if !self.verified(other) && !as_before {
                return refuse_for(
                    other,
                    "BUILD-AFTER-WHAT-IT-DESCRIBES",
                    format!("{role} describes {other}, which is not verified yet"),
                );
            }
        }
        if self.roles.get(role).is_some_and(|state| state.built) {
            return refuse("BUILD-ONCE", format!("{role} is built already"));
        }
        Ok(())
    }

    fn built(&self, role: &str, rule: &'static str) -> Result<&RoleState, NotNow> {
        match self.roles.get(role) {
            Some(state) if state.built => Ok(state),
            Some(_) => refuse(rule, format!("{role} is not built yet")),
            None => not_in_room(role),
        }
    }

    /// Everything that must be true before a custodian is asked to sign.
    pub fn may_sign(&self, role: &str, key: &str) -> Result<(), NotNow> {
        self.may_sign_at_all(role, key)?;
        self.things.in_reader(key)
    }

    /// The same for a holder who may also decline: her token can be anywhere.
    fn may_sign_at_all(&self, role: &str, key: &str) -> Result<(), NotNow> {
        self.irreversible(&format!("{role} is signed"))?;
        let (Some(setup), Some(state)) = (self.setup.roles.get(role), self.roles.get(role)) else {
            return not_in_room(role);
        };
        if !setup.lists(key) {
            return refuse("SIGN-WITH-KEY-OF-ROLE", format!("{role} does not list key {key}"));
        }
        if !setup.signers.contains(key) {
            return refuse("SIGN-WITH-STORE", format!("key {key} has no store, so nobody can sign with it"));
        }
        if self.destroyed.contains(key) {
            return refuse("SIGN-BEFORE-DESTROY", format!("key {key} is destroyed"));
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

    fn may_verify(&self, role: &str) -> Result<(), NotNow> {
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
        Ok(())
    }

    fn may_export(&self, to: Option<&str>) -> Result<(), NotNow> {
        if self.setup.roles.is_empty() {
            return refuse("EXPORT-WHAT-IS-SIGNED", "nothing is signed here, so there is no bundle");
        }
        self.irreversible("the bundle is exported")?;
        if let Some(role) = self.setup.roles.keys().find(|role| !self.verified(role)) {
            return refuse_for(role, "EXPORT-AFTER-VERIFY", format!("{role} is not verified"));
        }
        if self.exported.contains(&to.map(str::to_owned)) {
            return refuse("EXPORT-ONCE", "the bundle is exported there already");
        }
        to.map_or(Ok(()), |drive| self.without_shares(drive).and_then(|()| self.things.may_write(drive)))
    }

    fn may_read_back(&self, from: Option<&str>) -> Result<(), NotNow> {
        if !self.exported.contains(&from.map(str::to_owned)) {
            return refuse("READBACK-AFTER-EXPORT", "there is no bundle to read back there yet");
        }
        from.map_or(Ok(()), |drive| self.things.may_read_cold(drive))
    }

    /// A drive may be given up as long as another one can still carry the bundle.
    fn may_lose(&self, drive: &str) -> Result<(), NotNow> {
        let carriers = &self.setup.carriers;
        if carriers.contains(drive)
            && carriers.iter().all(|other| other == drive || self.lost.contains(other))
        {
            let why = format!("drive {drive} is the last one that could carry the bundle out of the room");
            return refuse("ONE-DRIVE-STAYS", why);
        }
        Ok(())
    }

    fn may_close(&self) -> Result<(), NotNow> {
        self.before_close().into_iter().collect()
    }

    /// What is done before the end.
    fn before_close(&self) -> Vec<Result<(), NotNow>> {
        let mut checks = Vec::new();
        if self.read_back.is_empty() && !self.setup.roles.is_empty() {
            checks.push(refuse("CLOSE-AFTER-READBACK", "the bundle has not been exported and read back"));
        }
        for place in self.exported.difference(&self.read_back).filter(|_| !self.read_back.is_empty()) {
            let place = place.as_ref().map_or("the record".to_owned(), |drive| format!("drive {drive}"));
            checks.push(refuse(
                "CLOSE-AFTER-READBACK",
                format!("the bundle on {place} has not been read back"),
            ));
        }
        for key in self.setup.every.drilled.difference(&self.drilled) {
            let why = format!("key {key} was not restored in this drill");
            checks.push(refuse_for(key, "CLOSE-AFTER-EVERY-DRILL", why));
        }
        for key in self.setup.every.destroyed.difference(&self.destroyed) {
            let why = format!("key {key} is not destroyed yet");
            checks.push(refuse_for(key, "CLOSE-AFTER-EVERY-DESTRUCTION", why));
        }
        checks.extend(self.all_shares_proven());
        if self.setup.second_machine && !self.second_machine {
            let why = "the second machine has not verified the bundle";
            checks.push(refuse_for("second machine", "CLOSE-AFTER-SECOND-MACHINE", why));
        }
        checks.push(self.things.all_put_away("CLOSE-WITH-NOTHING-OPEN", "at the end"));
        checks.extend(self.things.all_resealed());
        checks
    }
}

fn must(holds: bool, rule: &'static str, why: &str) -> Result<(), NotNow> {
    if holds { Ok(()) } else { refuse(rule, why) }
}

fn not_in_room<T>(role: &str) -> Result<T, NotNow> {
    refuse("ROLE-IN-ROOM", format!("{role} is not built in the room: it has no version and expires"))
}
