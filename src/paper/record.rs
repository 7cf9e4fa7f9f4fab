//! The record: what is printed after the day, from the journal alone, with the numbers and the layout of the script.

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::journal::Entry;
use crate::journal::Journal;
use crate::paper::document::Document;
use crate::paper::document::Happened;
use crate::paper::document::Part;
use crate::paper::document::Row;
use crate::paper::document::Seen;
use crate::paper::document::foot;
use crate::paper::parts;
use crate::words::Digest;
use crate::words::counted;

/// The record of a journal that replays as this ceremony.
pub fn record(journal: &Journal, ceremony: &Ceremony) -> Document {
    let plan = ceremony.plan();
    let rows = steps(journal, ceremony);
    let mut all = vec![state(journal, ceremony), Part::heading("Exceptions")];
    all.extend(exceptions(&rows));
    all.push(Part::heading("The file"));
    all.extend(parts::file(plan));
    all.push(Part::Digest { of: "The head of the journal".to_owned(), digest: journal.head(), code: true });
    if let Some(checkpoint) = journal.checkpoints().first() {
        all.push(Part::Says(vec!["As a checkpoint, which witnesses sign:".to_owned()]));
        all.push(Part::Lines(checkpoint.text().lines().map(str::to_owned).collect()));
    }
    all.push(Part::heading("People"));
    let person = |person: &crate::plan::Person| {
        let present = match plan.is_elsewhere(&person.id) {
            true => "no: signs elsewhere".to_owned(),
            false => presence(journal, &person.id),
        };
        [person.name.clone(), person.role.clone(), present]
    };
    all.push(parts::table(["name", "role", "in the room"], plan.everyone().map(person).collect()));
    all.extend(parts::trust(plan, &ceremony.what_changes()));
    all.push(Part::sheet("Steps"));
    all.push(Part::Steps(rows));
    all.extend(keys(journal, ceremony));
    all.extend(digests(journal));
    all.extend(signatures(journal, ceremony));
    all.extend(machine(journal));
    all.extend(statements(journal, ceremony));
    let mut ends = foot(&format!("Record {}: ceremony file", plan.id), plan.digest);
    ends.extend(foot("Journal head", journal.head()));
    Document {
        what: "Record",
        id: plan.id.clone(),
        title: plan.title.clone(),
        mark: (ceremony.mode() == Mode::Rehearsal).then_some("REHEARSAL"),
        foot: ends,
        parts: all,
    }
}

/// What each participant said of it; who said nothing signs on paper.
fn statements(journal: &Journal, ceremony: &Ceremony) -> [Part; 3] {
    let said = |id: &str| {
        let stated = journal.entries.iter().rev().find_map(|entry| match &entry.what {
            Event::Stated { by, agree, words, .. } if by == id => Some((*agree, words.clone(), entry.at)),
            _ => None,
        });
        stated.map_or_else(Default::default, |(agree, words, at)| {
            let agrees = if agree { "agrees" } else { "DOES NOT AGREE" };
            (agrees.to_owned(), words, at.to_string())
        })
    };
    let row = |person: &crate::plan::Person| {
        let (agrees, words, at) = said(&person.id);
        [person.name.clone(), agrees, words, at, String::new()]
    };
    let rows = ceremony.plan().people.iter().map(row).collect();
    let says =
        "What each participant said of this record. Who signs it on paper agrees with what is printed here.";
    [
        Part::sheet("Statements"),
        Part::Says(vec![says.to_owned()]),
        parts::to_fill(["name", "statement", "own words", "time", "signature, date"], rows),
    ]
}

/// When, how and with what it was.
fn state(journal: &Journal, ceremony: &Ceremony) -> Part {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push([name.to_owned(), value]);
    if let Some(Entry { at, what: Event::Opened { keyrite, mode, answers, .. }, .. }) =
        journal.entries.first()
    {
        fact("mode", if *mode == Mode::Production { "production" } else { "REHEARSAL" }.to_owned());
        fact("opened", format!("{} {at}", at.weekday()));
        fact("program", format!("keyrite {keyrite}"));
        if let Some(answers) = answers {
            fact("answered by", format!("a file with SHA-256 {answers}"));
        }
    }
    let last = journal.entries.last().filter(|_| ceremony.next().is_none());
    let end = last.map(|entry| format!("{} {}", entry.at.weekday(), entry.at));
    fact("closed", end.unwrap_or_else(|| "NOT FINISHED".to_owned()));
    ceremony.not_as_planned().into_iter().for_each(|line| fact("NOT AS PLANNED", line));
    fact(
        "journal",
        format!(
            "{}, each over the line before; every one of them holds",
            counted(journal.entries.len(), "line")
        ),
    );
    parts::table(["", ""], facts)
}

/// What the roll call says of someone.
fn presence(journal: &Journal, id: &str) -> String {
    let called = journal.entries.iter().find_map(|entry| match &entry.what {
        Event::RollCalled { present, .. } if present.iter().any(|person| person == id) => Some(entry.at),
        _ => None,
    });
    called.map_or_else(|| "not called".to_owned(), |at| format!("since {at}"))
}

/// What nobody planned, by the numbers of the steps.
fn exceptions(rows: &[Row]) -> Vec<Part> {
    let of = |row: &Row| -> Vec<[String; 3]> {
        let seen = row.happened.iter().flat_map(|happened| &happened.seen).filter(|seen| seen.exception);
        seen.map(|seen| [format!("{} {}", row.number, row.id), seen.at.to_string(), seen.words.clone()])
            .collect()
    };
    let all: Vec<_> = rows.iter().flat_map(of).collect();
    if all.is_empty() {
        return vec![Part::Says(vec!["There were none.".to_owned()])];
    }
    vec![parts::table(["step", "time", "what happened"], all)]
}

/// Whether it is something that nobody planned.
fn exceptional(event: &Event) -> bool {
    matches!(
        event,
        Event::Failed { .. }
            | Event::Stopped { .. }
            | Event::Declined { .. }
            | Event::Exception { .. }
            | Event::PassedOver { .. }
    )
}

/// An event in words; an exception with all that was written down of it.
fn words(ceremony: &Ceremony, event: &Event) -> String {
    match event {
        Event::Exception { expected, happened, action, by, .. } => format!(
            "expected: {expected}; happened: {happened}; done about it: {action}; written down by {}",
            ceremony.plan().name(by)
        ),
        event => ceremony.say(event),
    }
}

/// The steps with what the journal says of each.
fn steps(journal: &Journal, ceremony: &Ceremony) -> Vec<Row> {
    let next = ceremony.next().map(|next| (next.number, next.step.id.clone()));
    let mut rows = parts::steps(ceremony.plan());
    // What belongs to no step happened before the one that came next.
    let mut step = next.as_ref().map(|(_, id)| id.clone()).unwrap_or_default();
    let mut of_step: Vec<(String, &Entry)> = Vec::new();
    for (entry, came_early) in journal.entries.iter().zip(came_early(journal)).skip(1).rev() {
        let own = entry.what.step().map(str::to_owned);
        of_step.push((own.clone().unwrap_or_else(|| step.clone()), entry));
        step = own.filter(|_| !came_early).unwrap_or(step);
    }
    of_step.reverse();
    let ends: Vec<bool> =
        (0..rows.len()).map(|at| rows.get(at + 1).is_none_or(|row| row.section.is_some())).collect();
    for (row, ends_section) in rows.iter_mut().zip(ends) {
        let entries: Vec<&Entry> =
            of_step.iter().filter(|(id, _)| *id == row.id).map(|(_, entry)| *entry).collect();
        let over = next.as_ref().is_none_or(|(number, _)| row.number < *number);
        row.head = entries.last().filter(|_| over && ends_section).map(|entry| entry.head);
        let happened = happened(&entries, over, ceremony);
        // An alternate is named where he confirmed, beside the one whom the file names.
        for (id, _) in &happened.confirmed {
            if !row.confirm.iter().any(|(planned, _)| planned == id) {
                row.confirm.push((id.clone(), ceremony.plan().name(id).to_owned()));
            }
        }
        row.happened = Some(happened);
    }
    rows
}

/// Which lines are signatures that came in at the step of another: they belong to theirs, and say nothing of where people were.
fn came_early(journal: &Journal) -> Vec<bool> {
    let mut current = None;
    let early = |entry: &Entry| match &entry.what {
        Event::Signed { step, .. } => current.as_ref().is_some_and(|current| current != step),
        event => {
            current = event.step().map(str::to_owned).or(current.take());
            false
        }
    };
    journal.entries.iter().map(early).collect()
}

fn happened(entries: &[&Entry], over: bool, ceremony: &Ceremony) -> Happened {
    let mut happened = Happened::default();
    for entry in entries {
        let (at, exception) = (entry.at, exceptional(&entry.what));
        match &entry.what {
            Event::Confirmed { by, .. } => happened.confirmed.push((by.clone(), at)),
            event => {
                if let Event::TypedBack { by, .. } = event {
                    happened.confirmed.push((by.clone(), at));
                } else if !exception {
                    happened.did = Some(at);
                }
                happened.seen.push(Seen { at, words: words(ceremony, event), exception });
            }
        }
    }
    let left_out = entries.iter().any(|entry| matches!(entry.what, Event::PassedOver { .. }));
    happened.done = entries.last().map(|entry| entry.at).filter(|_| over && !left_out);
    happened
}

/// Every key with what its store said of it.
fn keys(journal: &Journal, ceremony: &Ceremony) -> Vec<Part> {
    let known = |entry: &Entry| {
        let (key, keyid, evidence) = match &entry.what {
            Event::KeyGenerated { key, keyid, evidence, .. } => {
                let lines: Vec<_> = evidence.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                (key, keyid, format!("made here\n{}", lines.join("\n")))
            }
            Event::KeyLoaded { key, keyid, .. } => (key, keyid, "came with a file".to_owned()),
            _ => return None,
        };
        Some([key.clone(), ceremony.plan().holder_of(key), keyid.0.clone(), evidence.trim_end().to_owned()])
    };
    let rows: Vec<_> = journal.entries.iter().filter_map(known).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Part::sheet("Keys that came in"), parts::table(["key", "holder", "keyid", "evidence"], rows)]
}

/// The digests of what was built and of what left the room.
fn digests(journal: &Journal) -> Vec<Part> {
    let digest = |entry: &Entry| {
        let (of, hex) = match &entry.what {
            Event::Built { role, length, sha256, .. } => {
                (format!("What was signed of {role}, {length} bytes"), sha256)
            }
            Event::Exported { manifest, .. } => ("MANIFEST.json of the bundle".to_owned(), manifest),
            _ => return None,
        };
        Some(Part::Digest { of, digest: Digest::from_hex(hex)?, code: false })
    };
    let mut digests: Vec<Part> = journal.entries.iter().filter_map(digest).collect();
    // The same bundle goes to several drives.
    digests.dedup();
    std::iter::once(Part::sheet("Digests")).filter(|_| !digests.is_empty()).chain(digests.clone()).collect()
}

/// Who signed what, and how it was counted.
fn signatures(journal: &Journal, ceremony: &Ceremony) -> Vec<Part> {
    let signed = |entry: &Entry| match &entry.what {
        Event::Signed { role, key, keyid, .. } | Event::BinsSigned { role, key, keyid, .. } => {
            Some([role.clone(), ceremony.plan().holder_of(key), keyid.0.clone(), entry.at.to_string()])
        }
        _ => None,
    };
    let rows: Vec<_> = journal.entries.iter().filter_map(signed).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let counted = journal.entries.iter().filter_map(|entry| match &entry.what {
        Event::Verified { sha256, .. } => {
            Some(format!("{}; the file has SHA-256 {sha256}.", ceremony.say(&entry.what)))
        }
        _ => None,
    });
    vec![
        Part::heading("Signatures"),
        Part::Says(vec!["Each was verified as it was made.".to_owned()]),
        parts::table(["role", "holder", "keyid", "time"], rows),
        Part::Says(counted.collect()),
    ]
}

/// The machine at the end, and each start of the program.
fn machine(journal: &Journal) -> Vec<Part> {
    let closed = journal.entries.iter().find_map(|entry| match &entry.what {
        Event::Closed { runs, machine, .. } => Some((runs, machine)),
        _ => None,
    });
    let Some((runs, machine)) = closed else { return Vec::new() };
    let items = machine.iter().map(|(item, seen)| [item.clone(), seen.clone()]).collect();
    let run = |run: &std::collections::BTreeMap<String, String>| {
        let said: Vec<_> = run.iter().map(|(name, value)| format!("{name} {value}")).collect();
        said.join("; ")
    };
    vec![
        Part::heading("The machine"),
        parts::table(["item", "seen at the end"], items),
        Part::heading("Starts of the program"),
        Part::Lines(runs.iter().map(run).collect()),
    ]
}
