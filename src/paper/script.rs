//! The script: what is printed before the day, and filled in by hand.

use crate::paper::document::Document;
use crate::paper::document::Part;
use crate::paper::document::foot;
use crate::paper::parts;
use crate::plan::Plan;

/// Sheets for what nobody planned; more are copied.
const EXCEPTIONS: usize = 3;
/// Rows for people whom the file does not name.
const GUESTS: usize = 4;
/// Ruled lines of the page for notes.
const NOTES: usize = 20;

/// The script of a plan.
pub fn script(plan: &Plan) -> Document {
    let mut all = vec![parts::to_fill(
        ["", "production or rehearsal", "date (UTC)", "place"],
        vec![["this copy is".to_owned(), String::new(), String::new(), String::new()]],
    )];
    all.extend(parts::file(plan));
    all.push(Part::heading("People"));
    all.push(Part::Says(vec!["Everyone signs in, and signs out. Guests, too.".to_owned()]));
    all.push(sign_in(plan));
    all.extend(parts::trust(plan, &plan.changes));
    all.push(Part::sheet("Steps"));
    all.push(Part::Says(vec![
        "Each step has one who does it. Tick the box when it is done; who does it and who confirms it write their \
         initials, and the time in UTC. What goes otherwise gets a sheet at the end, and its number here."
            .to_owned(),
    ]));
    all.push(Part::Steps(parts::steps(plan)));
    all.push(Part::sheet("Statements"));
    all.push(Part::Says(vec![
        "Each participant says in own words whether the ceremony went as this script says. Who does not agree says so."
            .to_owned(),
    ]));
    let statement = |person: &crate::plan::Person| {
        let agrees = "[ ] I agree\n[ ] I do not agree".to_owned();
        [person.name.clone(), agrees, String::new(), String::new()]
    };
    let statements = plan.people.iter().map(statement).collect();
    all.push(parts::to_fill(["name", "", "own words", "signature, date"], statements));
    all.extend((1..=EXCEPTIONS).flat_map(exception));
    all.push(Part::sheet("Notes"));
    all.push(parts::to_fill(["time", "note", "initials"], vec![Default::default(); NOTES]));
    Document {
        what: "Script",
        id: plan.id.clone(),
        title: plan.title.clone(),
        mark: None,
        foot: foot(&format!("Script {}: ceremony file", plan.id), plan.digest),
        parts: all,
    }
}

fn sign_in(plan: &Plan) -> Part {
    let row = |name: &str, role: &str| {
        [name.to_owned(), role.to_owned(), String::new(), String::new(), String::new()]
    };
    let mut rows: Vec<_> = plan.people.iter().map(|person| row(&person.name, &person.role)).collect();
    rows.extend(std::iter::repeat_n(row("", ""), GUESTS));
    parts::to_fill(["name", "role", "signature", "time in", "time out"], rows)
}

/// A sheet for something that nobody planned.
fn exception(number: usize) -> [Part; 2] {
    let asked = [
        "number, and time it began",
        "step",
        "what was expected",
        "what happened",
        "what was done about it",
        "who decided it, and who saw it",
        "time it ended, initials",
    ];
    let rows = asked.map(|what| [what.to_owned(), String::new()]).into();
    [Part::sheet(format!("Exception sheet {number}")), parts::to_fill(["", ""], rows)]
}
