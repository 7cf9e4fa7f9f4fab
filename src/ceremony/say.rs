//! One event as one line for people.

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::consequences::joined;
use crate::room::Handling;
use crate::room::Quorum;
use crate::tuf::KeyId;
use crate::words::counted;
use crate::words::plain;

impl Ceremony {
    /// What the end of a ceremony must not hide: exceptions, and who does not agree.
    pub fn not_as_planned(&self) -> Vec<String> {
        let exceptions = match self.exceptions().len() {
            0 => None,
            1 => Some("1 exception was written down; the record has it.".to_owned()),
            n => Some(format!("{n} exceptions were written down; the record has them.")),
        };
        let disagree = self.disagree().iter().map(|(id, words)| {
            let said = if words.is_empty() { String::new() } else { format!(": {words}") };
            format!("{} does not agree with the record{said}", self.plan().name(id))
        });
        exceptions.into_iter().chain(disagree).collect()
    }

    /// What happened, in people's names: one line in which nothing acts on a terminal.
    pub fn say(&self, event: &Event) -> String {
        plain(&self.said(event))
    }

    fn said(&self, event: &Event) -> String {
        let name = |id: &str| self.plan().name(id).to_owned();
        let holder = |key: &str| self.plan().called(key);
        match event {
            Event::Opened { ceremony, mode, answers, .. } => {
                let what = if *mode == Mode::Production { "ceremony" } else { "REHEARSAL of ceremony" };
                let by = answers.as_ref().map(|file| format!(", answered by a file with SHA-256 {file:.8}"));
                format!("{what} {ceremony} opened{}", by.unwrap_or_default())
            }
            Event::Confirmed { step, by } => format!("{} confirmed {step}", name(by)),
            Event::TypedBack { by, words, .. } => format!("{} typed back {}", name(by), words.join(" and ")),
            Event::Started { step } => format!("{step} begins"),
            Event::Done { step } => format!("{step} done"),
            Event::RollCalled { present, .. } => {
                let away = self.plan().people.iter().filter(|person| !present.contains(&person.id));
                let away: Vec<_> = away.map(|person| person.name.clone()).collect();
                let away = if away.is_empty() {
                    String::new()
                } else {
                    format!("; not here: {}", joined(&away, "and"))
                };
                format!("{} people are here{away}", present.len())
            }
            Event::ReadAloud { sha256, .. } => format!("read aloud {:.8}", sha256),
            Event::Typed { by, text, .. } => format!("{} typed: {text}", name(by)),
            Event::ClockRead { by, watch, machine, .. } => {
                format!("the watch of {} says {watch}, the machine {machine}", name(by))
            }
            Event::Handled { step, seen } => {
                let what = self.plan().steps.iter().find(|other| other.id == *step).map(done_to);
                let seen: Vec<_> = seen.iter().map(|(name, value)| format!("{name} {value}")).collect();
                let seen = if seen.is_empty() { String::new() } else { format!(" ({})", seen.join(", ")) };
                format!("{}{seen}", what.unwrap_or_else(|| format!("{step} done")))
            }
            Event::KeyEnrolled { key, keyid, .. } => {
                format!("{} has key {key}, and showed it: {keyid}", holder(key))
            }
            Event::Drilled { key, shares, .. } if shares.is_empty() => {
                format!("key {key} of {} opens, and signs", holder(key))
            }
            Event::Drilled { key, shares, .. } => {
                format!(
                    "key {key} came back from its {} shares, each of them proven, and signs",
                    shares.len()
                )
            }
            Event::KeyShared { key, to, index, of, drive, .. } => {
                let on = drive.as_ref().map(|drive| format!(", on drive {drive}")).unwrap_or_default();
                format!("{} has share {index} of {of} of key {key}{on}", name(to))
            }
            Event::KeyDestroyed { key, .. } => format!("key {key} of {} is destroyed", holder(key)),
            Event::Linted { role, found, .. } if found.is_empty() => {
                format!("other clients take {role} as it is")
            }
            Event::Linted { role, found, .. } => {
                format!("{role}: {} by other clients", counted(found.len(), "remark"))
            }
            Event::Exception { happened, action, .. } => {
                format!("EXCEPTION {}: {happened}; {action}", self.exceptions().len())
            }
            Event::PassedOver { step, by } => format!("{step} left out, confirmed by {}", name(by)),
            Event::ExceptionsReviewed { exceptions, .. } => match exceptions {
                0 => "no exceptions".to_owned(),
                1 => "1 exception reviewed".to_owned(),
                n => format!("{n} exceptions reviewed"),
            },
            Event::Stated { by, agree, words, .. } => {
                let said = if *agree { "agrees" } else { "DOES NOT AGREE" };
                let words = if words.is_empty() { String::new() } else { format!(": {words}") };
                format!("{} {said}{words}", name(by))
            }
            Event::Preflight { required, waived, .. } if waived.is_empty() => {
                format!("the machine was looked at: {} items", required.len())
            }
            Event::Preflight { required, waived, .. } => {
                format!("the machine was looked at: {} items; waived: {}", required.len(), waived.join(", "))
            }
            Event::KeyLoaded { key, keyid, .. } => format!("key {key} is {keyid}"),
            Event::KeyGenerated { key, keyid, .. } => format!("{} made key {key}: {keyid}", holder(key)),
            Event::Hashed { role, files, .. } if role != "targets" => {
                format!("{} of {role} hashed", counted(files.len(), "target file"))
            }
            Event::Hashed { files, .. } => format!("{} hashed", counted(files.len(), "target file")),
            Event::Built { role, sha256, length, .. } => {
                format!("{role} built: {length} bytes, {:.8}", sha256)
            }
            Event::Reviewed { role, .. } => format!("{role} reviewed"),
            Event::Signed { role, key, .. } => {
                format!("{} signed {role}, and the signature verifies", holder(key))
            }
            Event::BinsSigned { role, key, sigs, .. } => {
                format!("{} signed the {} bins {role}, and every signature verifies", holder(key), sigs.len())
            }
            Event::Declined { roles, key, .. } => {
                format!("{} does not sign {} today", holder(key), joined(roles, "and"))
            }
            Event::Verified { role, signed_by, threshold, by_old: Some((old, need)), .. } => format!(
                "{role} holds: {} signatures by old keys, {need} needed; {} by new keys, {threshold} needed",
                old.len(),
                signed_by.len()
            ),
            Event::Verified { role, signed_by, threshold, by_others, .. } => {
                let by = |(quorum, (signed, need)): (Quorum, &(Vec<KeyId>, u32))| {
                    format!("; {} by the keys of {}, {need} needed", signed.len(), quorum.by)
                };
                let others = self.plan().quorums(role).into_iter().skip(1).zip(by_others).map(by);
                let others: String = others.collect();
                format!("{role} holds: {}, {threshold} needed{others}", counted(signed_by.len(), "signature"))
            }
            Event::Exported { manifest, drive, .. } => {
                let to = drive.as_ref().map(|drive| format!(" to drive {drive}")).unwrap_or_default();
                format!("bundle written{to}, manifest {:.8}", manifest)
            }
            Event::ReadBack { drive, .. } => {
                let from = drive.as_ref().map(|drive| format!(" from drive {drive}")).unwrap_or_default();
                format!("bundle read back{from} and verified from its first root")
            }
            Event::Checkpoint { head, .. } => format!("journal head {:.8} shown", head),
            Event::Failed { why, .. } => format!("failed: {why}"),
            Event::Stopped { why } => format!("stopped: {why}"),
            Event::Closed { .. } => "ceremony closed".into(),
        }
    }
}

/// What was done to a token, a bag or a drive, in the past tense.
fn done_to(step: &Step) -> String {
    let Verb::Handle(handling) = &step.verb else { return format!("{} done", step.id) };
    match handling {
        Handling::Inspect(bag) => format!("bag {bag} looked at"),
        Handling::Open(bag) => format!("bag {bag} opened"),
        Handling::Seal { bag, holds } => format!("{} sealed in bag {bag}", joined(holds, "and")),
        Handling::Insert(token) => format!("token {token} is in the reader"),
        Handling::Remove(token) => format!("token {token} is out of the reader"),
        Handling::Mount(drive) => format!("drive {drive} is mounted"),
        Handling::Eject(drive) => format!("drive {drive} is out"),
    }
}
