//! What goes wrong in a rehearsal, by choice: each once, at the first step where it can.

use crate::driver::Driver;
use crate::driver::disk;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::plan::Step;
use crate::plan::Verb;
use crate::room::Handling;
use crate::tuf::Date;

/// A fault that a rehearsal is held with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A PIN is typed wrong.
    WrongPin,
    /// A token is pulled out while it signs.
    PulledToken,
    /// A drive is not found.
    LostDrive,
    /// A custodian has not come.
    AbsentCustodian,
    /// The power fails while a key signs.
    PowerCut,
    /// The disk is full when a signature is written down.
    FullDisk,
    /// The clock is a year back.
    ClockBack,
}

impl Fault {
    /// Every fault, with its name on the command line.
    pub const ALL: [(&str, Self); 7] = [
        ("wrong-pin", Self::WrongPin),
        ("pulled-token", Self::PulledToken),
        ("lost-drive", Self::LostDrive),
        ("absent-custodian", Self::AbsentCustodian),
        ("power-cut", Self::PowerCut),
        ("full-disk", Self::FullDisk),
        ("clock-back", Self::ClockBack),
    ];

    /// The fault with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault)
    }

    /// Whether it can happen in this step.
    fn fits(self, verb: &Verb) -> bool {
        match self {
            Self::PulledToken => matches!(verb, Verb::Sign { .. } | Verb::RestoreDrill(_)),
            Self::WrongPin => {
                matches!(verb, Verb::Sign { .. } | Verb::RestoreDrill(_) | Verb::DestroyKey(_))
            }
            Self::PowerCut | Self::FullDisk | Self::ClockBack => {
                matches!(verb, Verb::Sign { .. } | Verb::RestoreDrill(_) | Verb::DestroyKey(_))
                    || matches!(verb, Verb::ShareKey { .. })
            }
            Self::LostDrive => matches!(verb, Verb::Handle(Handling::Mount(_))),
            Self::AbsentCustodian => matches!(verb, Verb::RollCall),
        }
    }
}

/// How far the clock goes back: a year.
const BACK: i64 = 365 * 24 * 60 * 60;

impl Driver {
    /// The same rehearsal with these faults.
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// Faults that did not happen yet, by name.
    pub fn faults_left(&self) -> Vec<&'static str> {
        let left = Fault::ALL.iter().filter(|(_, fault)| self.faults.contains(fault));
        left.map(|(name, _)| *name).collect()
    }

    /// Whether this fault happens now; it does not happen again.
    pub(super) fn strikes(&mut self, fault: Fault, step: &Step) -> bool {
        let at = self.faults.iter().position(|other| *other == fault && fault.fits(&step.verb));
        at.map(|at| self.faults.remove(at)).is_some()
    }

    /// The power fails: nothing more is written, and `resume` goes on.
    pub(super) fn power_cut(&mut self, step: &Step) -> Result<(), Stop> {
        if !self.strikes(Fault::PowerCut, step) {
            return Ok(());
        }
        let error = "REHEARSED FAULT: the power failed here. Nothing was written after this step began";
        let hint = format!("`keyrite resume {}` goes on", self.dir().display());
        Err(Stop::new(StopKind::Machine, error, hint))
    }

    /// The disk is full: the journal cannot be written, and the ceremony stops.
    pub(super) fn full_disk(&mut self) -> Result<(), Stop> {
        let Some(step) = self.ceremony.next().map(|next| next.step.clone()) else { return Ok(()) };
        if !self.strikes(Fault::FullDisk, &step) {
            return Ok(());
        }
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let mut stop = disk::cannot_write(&self.record.dir.join("journal.jsonl"), &full);
        stop.error = format!("REHEARSED FAULT: {}", stop.error);
        Err(stop)
    }

    /// A clock that went back since the last line: nothing is written with a time that cannot be.
    pub(super) fn clock_goes_on(&mut self) -> Result<(), Stop> {
        let step = self.ceremony.next().map(|next| next.step.clone());
        let struck = step.is_some_and(|step| self.strikes(Fault::ClockBack, &step));
        let now = if struck { Date::from_unix(self.now().unix() - BACK) } else { self.now() };
        let (last, skew) = (self.record.last(), self.ceremony.plan().window.skew());
        if last.unix() - now.unix() <= i64::try_from(skew).unwrap_or(i64::MAX) {
            return Ok(());
        }
        let rehearsed = if struck { "REHEARSED FAULT: " } else { "" };
        let error = format!(
            "{rehearsed}the clock says {now}, and the journal was at {last} already. Nothing was changed"
        );
        let hint = format!("set the clock, then `keyrite resume {}`", self.dir().display());
        Err(Stop::new(StopKind::Machine, error, hint))
    }
}
