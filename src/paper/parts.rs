//! The parts that a script and a record share: the file, its people, its keys and roles, its steps.

use crate::paper::document::Part;
use crate::paper::document::Row;
use crate::paper::document::Table;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Verb;
use crate::plan::consequences::consequences;
use crate::plan::consequences::who;
use crate::plan::print;
use crate::room::Handling;
use crate::store_uri::StoreUri;
use crate::tuf::diff::Section;

/// Boxes for what is on a label.
const LABEL: usize = 16;

/// A table of these cells.
pub(super) fn table<const N: usize>(head: [&'static str; N], rows: Vec<[String; N]>) -> Part {
    let rows = rows.into_iter().map(Vec::from).collect();
    Part::Table(Table { head: head.into(), rows, by_hand: false })
}

/// The same, high enough to write in.
pub(super) fn to_fill<const N: usize>(head: [&'static str; N], rows: Vec<[String; N]>) -> Part {
    let rows = rows.into_iter().map(Vec::from).collect();
    Part::Table(Table { head: head.into(), rows, by_hand: true })
}

/// What the file is: its type, what it starts from, and its digest.
pub(super) fn file(plan: &Plan) -> Vec<Part> {
    let mut facts = vec![["type".to_owned(), plan.kind.name().to_owned()]];
    if let Some(before) = &plan.before {
        let root = format!("root {} with SHA-256 {}", before.root_file().version, before.root_sha256());
        facts.push(["starts from".to_owned(), root]);
    }
    facts.extend(plan.anchors.iter().map(|anchor| ["shipped root".to_owned(), anchor.clone()]));
    if let Some(incident) = &plan.incident {
        facts.push(["incident".to_owned(), incident.what.clone()]);
        for (what, keys) in [("lost", &incident.lost), ("stolen", &incident.stolen)] {
            facts.extend(
                keys.iter().map(|key| [what.to_owned(), format!("key {key} of {}", plan.holder_of(key))]),
            );
        }
    }
    for (what, date) in [("not before", plan.window.not_before), ("not after", plan.window.not_after)] {
        facts.extend(date.map(|date| [what.to_owned(), format!("{} {date}", date.weekday())]));
    }
    let minutes = plan.steps.iter().map(|step| step.est).sum();
    facts.push([
        "takes".to_owned(),
        format!("{} steps, about {}", plan.steps.len(), print::duration(minutes)),
    ]);
    let digest = Part::Digest { of: "The ceremony file".to_owned(), digest: plan.digest, code: false };
    vec![table(["", ""], facts), digest]
}

/// What changes, the roles with their thresholds, the keys with their holders, and what that means.
pub(super) fn trust(plan: &Plan, changes: &[Section]) -> Vec<Part> {
    let mut parts = Vec::new();
    if plan.before.is_some() {
        parts.push(Part::heading("What changes"));
        parts.push(Part::Lines(print::changes(changes)));
    }
    parts.push(Part::heading("Roles and thresholds afterwards"));
    let role = |(name, role): (&String, &crate::plan::Role)| -> Vec<[String; 4]> {
        let signed = match (&role.in_room, &role.bins) {
            (Some(here), Some(bins)) => {
                format!("here, {} bins, until {} {}", bins.count(), here.expires.weekday(), here.expires)
            }
            (Some(here), None) => {
                format!("here, version {}, until {} {}", here.version, here.expires.weekday(), here.expires)
            }
            (None, _) => "not here".to_owned(),
        };
        let row = |name: String, keys: &[String], threshold: u32| {
            let need = format!("{threshold} of {}", keys.len());
            [name, need, who(plan, keys, threshold as usize), signed.clone()]
        };
        match role.asked().as_slice() {
            [] | [_] => vec![row(name.clone(), &role.keys, role.threshold)],
            several => several
                .iter()
                .map(|one| row(format!("{name} of {}", one.name), &one.keys, one.threshold))
                .collect(),
        }
    };
    parts.push(table(["role", "threshold", "who", "signed"], plan.roles.iter().flat_map(role).collect()));
    parts.push(Part::heading("Keys"));
    let roles_of = print::roles_of(plan);
    let key = |key: &crate::plan::Key| {
        let (holder, roles) = (plan.holder_of(&key.name), roles_of(&key.name));
        [key.name.clone(), holder, print::origin(plan, key), roles]
    };
    let named = plan.keys.iter().filter(|key| key.named);
    parts.push(table(["key", "holder", "where", "roles"], named.map(key).collect()));
    let materials = print::materials(plan);
    if !materials.is_empty() {
        parts.push(Part::heading("Tokens, bags and drives"));
        parts.push(Part::Lines(materials));
    }
    parts.push(Part::heading("What that means"));
    parts.push(Part::Says(consequences(plan)));
    parts
}

/// The steps as they were planned.
pub(super) fn steps(plan: &Plan) -> Vec<Row> {
    let person = |id: &String| (id.clone(), plan.name(id).to_owned());
    let mut minutes = 0;
    let row = |(number, step): (usize, &Step)| {
        let mut text = vec![print::instruction(plan, step)];
        text.extend(step.text.clone().filter(|_| !matches!(step.verb, Verb::Say | Verb::Ask)));
        let from = minutes;
        minutes += step.est;
        Row {
            number,
            id: step.id.clone(),
            section: step.section.clone(),
            text,
            by: person(&step.by),
            confirm: step.confirm.iter().map(person).collect(),
            takes: step.verb.to().map(person),
            minutes: (from, step.est),
            gate: step.verb == Verb::Gate,
            boxes: boxes(plan, step),
            head: None,
            happened: None,
        }
    };
    (1..).zip(&plan.steps).map(row).collect()
}

/// What is read from a label, character by character.
fn boxes(plan: &Plan, step: &Step) -> Vec<(String, usize)> {
    let of = |what: &str| vec![(what.to_owned(), LABEL)];
    match &step.verb {
        Verb::GenerateKey(key) | Verb::Sign { key, .. } => match plan.key(key).and_then(|key| key.store()) {
            Some(StoreUri::Pkcs11(_)) => of("serial number of the token"),
            _ => Vec::new(),
        },
        Verb::Handle(Handling::Open(_) | Handling::Inspect(_) | Handling::Seal { .. }) => {
            of("number of the bag")
        }
        Verb::Handle(Handling::Insert(_) | Handling::Remove(_)) => of("serial number of the token"),
        Verb::Handle(Handling::Mount(_) | Handling::Eject(_)) | Verb::Export(_) | Verb::Readback(Some(_)) => {
            of("label of the drive")
        }
        _ => Vec::new(),
    }
}
