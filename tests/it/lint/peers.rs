//! What is said of python-tuf and tough is what they do: both are run on every bent world.

use std::fs;
use std::path::Path;

use keyrite::lint;
use keyrite::lint::Client;
use keyrite::lint::Does;
use keyrite::lint::Seen;

use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::common::peers::python_tuf_judges;
use crate::lint::cases;
use crate::lint::cases::Case;
use crate::tuf::world::NOW;
use crate::tuf::world::Set;

/// Where a client that comes once and new shows less than a client that was here before.
const NEEDS_AN_EARLIER_VISIT: [&str; 2] = ["SNAPSHOT-DROPS-A-ROLE", "SNAPSHOT-VERSION-FALLS"];

pub(super) fn write(set: &Set, to: &Path) {
    fs::create_dir_all(to.join("metadata")).unwrap();
    fs::create_dir_all(to.join("targets/dev")).unwrap();
    for (name, bytes) in &set.0 {
        fs::write(to.join("metadata").join(name), bytes).unwrap();
    }
    for (path, content) in [("app.txt", "app"), ("dev/tool.txt", "tool")] {
        let hash = keyrite::words::Digest::of(content.as_bytes()).hex();
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        fs::write(to.join("targets").join(folder).join(format!("{hash}.{name}")), content).unwrap();
        fs::write(to.join("targets").join(path), content).unwrap();
        // tough puts the hash before the whole path.
        let whole = to.join("targets").join(format!("{hash}.{path}"));
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, content).unwrap();
    }
}

/// Whether the table says that the client was tried, and refuses.
fn claims(case: &Case, client: Client) -> (bool, bool) {
    let rule = lint::rules().find(|rule| rule.name == case.rule).unwrap();
    let says = rule.clients.iter().find(|says| says.client == client);
    (says.is_none_or(|says| says.seen == Seen::Tried), says.is_some_and(|says| says.does == Does::Refuses))
}

fn cases() -> Vec<Case> {
    let mut cases = cases::all();
    cases.retain(|case| {
        !NEEDS_AN_EARLIER_VISIT.contains(&case.rule) && case.set.0.contains_key("1.root.json")
    });
    cases
}

#[test]
fn python_tuf_does_with_every_bent_world_what_the_table_says() {
    let dir = tempfile::tempdir().unwrap();
    let cases = cases();
    let mut visits = vec![(dir.path().join("good"), "app.txt")];
    write(&cases::good(), &dir.path().join("good"));
    for (nth, case) in cases.iter().enumerate() {
        // A rule may have several cases.
        let to = dir.path().join(format!("{nth}"));
        write(&case.set, &to);
        visits.push((to, case.target));
    }

    let Some(said) = python_tuf_judges(&visits, NOW) else { return };

    assert!(said[0].is_ok(), "the good world: {:?}", said[0]);
    let mut faults = Vec::new();
    for (case, said) in cases.iter().zip(&said[1..]) {
        let (tried, refuses) = claims(case, Client::PythonTuf);
        if tried && said.is_err() != refuses {
            faults.push(format!("{}: {said:?}", case.rule));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn tough_does_with_every_bent_world_what_the_table_says() {
    let mut faults = Vec::new();
    for case in cases() {
        let dir = tempfile::tempdir().unwrap();
        write(&case.set, dir.path());
        let Some(said) = Peer::Tough.judge(&Visit { at: NOW, ..Visit::new(dir.path(), case.target) }) else {
            return;
        };
        let (tried, refuses) = claims(&case, Client::Tough);
        if tried && said.is_err() != refuses {
            faults.push(format!("{}: {said:?}", case.rule));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
