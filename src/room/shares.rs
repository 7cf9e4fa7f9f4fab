//! What may be done with shares of keys: each holder gets one, no two lie together, and all of them are proven.

use crate::room::NotNow;
use crate::room::Room;
use crate::room::refuse;
use crate::room::refuse_for;

impl Room {
    pub(super) fn may_share(&self, key: &str, to: &str, drive: Option<&str>) -> Result<(), NotNow> {
        self.irreversible(&format!("a share of key {key} is handed out"))?;
        if !self.known.contains(key) {
            return refuse("SHARE-AFTER-KEY", format!("key {key} is not known yet"));
        }
        if self.destroyed.contains(key) {
            return refuse("SHARE-BEFORE-DESTROY", format!("key {key} is destroyed"));
        }
        let holders = self.setup.shares.get(key).map(|split| &split.holders);
        if !holders.is_some_and(|holders| holders.iter().any(|holder| holder == to)) {
            let why = format!("{to} holds no share of key {key}: its `shares` do not name {to}");
            return refuse("SHARE-TO-HOLDER", why);
        }
        if self.shared.contains_key(&(key.to_owned(), to.to_owned())) {
            return refuse("SHARE-ONCE", format!("{to} has a share of key {key} already"));
        }
        let Some(drive) = drive else { return Ok(()) };
        let there =
            |((of, _), on): (&(String, String), &Option<String>)| of == key && on.as_deref() == Some(drive);
        if self.shared.iter().any(there) {
            let why =
                format!("drive {drive} has a share of key {key} already; two together are nearer to the key");
            return refuse_for(drive, "SHARE-ONE-A-DRIVE", why);
        }
        if self.exported.contains(&Some(drive.to_owned())) {
            let why = format!(
                "drive {drive} has the bundle, which leaves the room, and would carry a share with it"
            );
            return refuse_for(drive, "SHARE-NOT-WITH-BUNDLE", why);
        }
        self.things.may_write(drive)
    }

    /// The bundle leaves the room, and no share with it.
    pub(super) fn without_shares(&self, drive: &str) -> Result<(), NotNow> {
        if self.shared.values().any(|on| on.as_deref() == Some(drive)) {
            let why =
                format!("drive {drive} has a share of a key, and the bundle would take it out of the room");
            return refuse_for(drive, "SHARE-NOT-WITH-BUNDLE", why);
        }
        Ok(())
    }

    /// Who has no share of a key yet.
    fn waiting(&self, key: &str) -> Option<&String> {
        let split = self.setup.shares.get(key).filter(|split| !split.come)?;
        split.holders.iter().find(|holder| !self.shared.contains_key(&(key.to_owned(), (*holder).clone())))
    }

    pub(super) fn may_drill_shares(&self, key: &str) -> Result<(), NotNow> {
        if !self.setup.shares.contains_key(key) {
            return refuse("SHARE-TO-HOLDER", format!("key {key} has no `shares`, so nobody holds one"));
        }
        if let Some(holder) = self.waiting(key) {
            let why = format!("{holder} has no share of key {key} yet, and every one is proven");
            return refuse("DRILL-AFTER-SHARES", why);
        }
        self.irreversible(&format!("key {key} is brought back from its shares"))?;
        self.may_open(key)
    }

    /// At the end every share that the file speaks of was handed out, and all of each key were proven after the last.
    pub(super) fn all_shares_proven(&self) -> Vec<Result<(), NotNow>> {
        let unproven = |key: &String| match self.waiting(key) {
            Some(holder) => {
                let why = format!("{holder} has no share of key {key}");
                refuse_for(key, "CLOSE-AFTER-EVERY-SHARE", why)
            }
            None if self.shares_drilled.contains(key) => Ok(()),
            None => {
                let why = format!("nobody has brought key {key} back from all of its shares");
                refuse_for(key, "CLOSE-AFTER-SHARE-DRILL", why)
            }
        };
        self.setup.shares.keys().map(unproven).collect()
    }
}
