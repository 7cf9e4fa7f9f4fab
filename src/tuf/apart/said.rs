//! A request in words: what would be signed, what changes, who may sign. `keyrite sign` and the screen say the same.

use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Request;
use crate::tuf::apart::Tally;
use crate::tuf::client::WATERMARK;
use crate::tuf::describe;
use crate::tuf::diff;
use crate::tuf::diff::Section;
use crate::tuf::diff::say;
use crate::tuf::fields;

/// Of a threshold that needs more keys than there are.
const NEVER: &str = "these keys can never meet it";

impl Request {
    /// What a signature would mean, in lines, dates counted from `now`. An error when a strict reader refuses the
    /// metadata: then nobody can say it. Text stands as it is in the files.
    pub fn lines(&self, now: Date) -> Result<Vec<String>, ApartError> {
        let mut lines = Vec::new();
        if self.is_rehearsal() {
            lines.push("REHEARSAL: nobody may trust it".to_owned());
        }
        lines.push("You are asked to sign:".to_owned());
        lines.extend(describe::payload(&self.metadata, &self.role, now, &self.names.holders())?);
        if let Some(before) = &self.before {
            let old = super::signers::version(before.signed());
            lines.push(format!("What changes from version {old}:"));
            let changes = self.difference().map(|section| say::lines(&section));
            lines.extend(changes.unwrap_or_else(|why| vec![format!("  !! it cannot be compared: {why}")]));
        }
        for threshold in self.signers.thresholds() {
            let (need, of) = (threshold.keys.threshold, threshold.keys.keys.len());
            let names: Vec<String> = {
                let keys = threshold.keys.keys.iter();
                keys.map(|(keyid, key)| self.names.told_apart(keyid, key.to_json())).collect()
            };
            lines.push(format!("{}: {need} of {of} must sign: {}", threshold.of, names.join("; ")));
        }
        lines.extend(self.counts_elsewhere());
        lines.extend(self.remarks(now).into_iter().map(|remark| format!("remark: {remark}")));
        lines.push("Names are the request's own word; its digest decides.".to_owned());
        Ok(lines)
    }

    /// What differs from the version before it; `Ok` of nothing when none came with it.
    fn difference(&self) -> Result<Section, String> {
        let Some(before) = &self.before_text else { return Ok(Section::default()) };
        let (old, new) = (before.as_bytes(), self.text.as_bytes());
        let section = diff::files(Some(&self.role), old, new, &self.names);
        // Whether clients accept a root is asked of what is published; here the boards say who has signed.
        section.map(|section| Section { reach: Vec::new(), ..section }).map_err(|error| error.to_string())
    }

    /// What a signature over a targets role means beside it; `_type` tells the other roles apart.
    pub fn counts_elsewhere(&self) -> Option<String> {
        (self.metadata.role_type() == "targets").then(|| {
            format!(
                "The name {} is not in what is signed: the signature counts for every targets role in which its key is listed.",
                self.role
            )
        })
    }

    /// Whether a rehearsal made what it asks to sign.
    pub fn is_rehearsal(&self) -> bool {
        self.metadata.signed().get(WATERMARK).is_some()
    }

    /// The version of the root whose keys must sign too, and which nobody has shown: a root that follows one is signed
    /// by the keys of both.
    pub fn uncounted(&self) -> Option<u64> {
        let follows = self.role == "root" && self.before.is_none();
        self.version().checked_sub(1).filter(|old| follows && *old > 0)
    }

    /// Why no client takes it, whoever signs: versions begin with 1.
    pub fn never_taken(&self) -> Option<String> {
        (self.version() == 0)
            .then(|| format!("{} has version 0, and versions begin with 1: no client takes it", self.role))
    }

    /// Whether all signatures are there: every threshold is met, and none is left uncounted.
    pub fn is_met(&self, tallies: &[Tally]) -> bool {
        self.never_taken().is_none() && self.uncounted().is_none() && tallies.iter().all(|tally| tally.met)
    }

    /// Who leaves the older root out is told.
    pub fn no_old(&self) -> Option<String> {
        let old = self.uncounted()?;
        Some(format!("the keys of root version {old} must sign too; --from {old}.root.json counts them"))
    }

    /// What whoever asks, and whoever is asked, should know before anyone signs at `now`.
    pub fn remarks(&self, now: Date) -> Vec<String> {
        let never = self.signers.thresholds().iter().filter(|threshold| !threshold.can_be_met());
        let never = never.map(|threshold| format!("{}: {NEVER}", threshold.of));
        let of_it = self.expired(now).into_iter().chain(self.jumps()).chain(self.names.doubts());
        let of_it = of_it.chain(self.names.namesakes());
        of_it.chain(self.no_old()).chain(never).collect()
    }

    fn expired(&self, now: Date) -> Option<String> {
        let expires = fields::expires(self.metadata.signed()).filter(|expires| expires.has_passed(now))?;
        Some(format!("no client takes it any more: {expires}, {}", expires.until(now)))
    }

    fn jumps(&self) -> Option<String> {
        let old = super::signers::version(self.before.as_ref()?.signed());
        let (next, version) = (old.checked_add(1)?, self.version());
        (version != next)
            .then(|| format!("version {version} is not the next one: {next} follows version {old}"))
    }

    /// What is typed to say yes.
    pub fn yes(&self) -> String {
        format!("sign {} {}", self.role, self.version())
    }
}

impl Tally {
    /// Whose a key is, by the root that lists it.
    pub fn called(&self, keyid: &KeyId, names: &Names) -> String {
        names.called(keyid, self.doubted.contains(keyid))
    }

    /// How far it is, in people's names.
    pub fn sentence(&self, names: &Names) -> String {
        let (have, need, of) = (self.signed.len(), self.need, self.signed.len() + self.missing.len());
        let head = format!("{}: {have} signed, {need} of {of} needed", self.of);
        let missing: Vec<String> = self.missing.iter().map(|keyid| self.called(keyid, names)).collect();
        let more = usize::try_from(need).unwrap_or(usize::MAX).saturating_sub(have);
        match (self.met, missing.len()) {
            (true, _) => format!("{head}: met"),
            (false, left) if left < more => format!("{head}: {NEVER}"),
            (false, left) if left == more => format!("{head}: missing {}", missing.join("; ")),
            (false, _) => format!("{head}: missing {more} of {}", missing.join("; ")),
        }
    }
}
