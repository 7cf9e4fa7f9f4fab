//! What a drafted ceremony file says where nobody knew better: `draft` and `template` write it, and no ceremony is held with it.
//!
//! It knows texts and nobody's names: what people wrote themselves is never taken for one of them.

use crate::plan::file::File;
use crate::plan::problem::Problem;

/// What happened, of a compromise response.
pub const INCIDENT: &str = "What happened, who saw it, and when";
/// Which keys, of a compromise response.
pub const GONE: &str = "Which keys are lost";
/// The name of the operator.
pub const OPERATOR: &str = "The one who types";
/// The name of the witness.
pub const WITNESS: &str = "The one who watches";
/// The name of a holder, before the key's.
const HOLDER: &str = "Holder of key ";

/// The name of whoever holds a key.
pub fn holder(key: &str) -> String {
    format!("{HOLDER}{key}")
}

fn stands_in(name: &str) -> bool {
    // The names of keys have no spaces.
    let of_key = |name: &str| name.strip_prefix(HOLDER).is_some_and(|key| !key.contains(' '));
    [OPERATOR, WITNESS].contains(&name) || of_key(name)
}

/// Those that still stand.
pub(super) fn left(file: &File) -> Vec<Problem> {
    let drafted = |place, text: String| Problem::error("DRAFT-FILLED-IN", Some(place), text);
    let what = file.incident.iter().map(|incident| &incident.what).filter(|what| what.value == INCIDENT);
    let what = what.map(|what| {
        drafted(
            what.place,
            format!("\"incident\" is still {INCIDENT:?}, as it was drafted: say what did happen"),
        )
    });
    let gone = file.incident.iter().flat_map(|incident| incident.lost.iter().chain(&incident.stolen));
    let gone = gone.filter(|key| key.value == GONE).map(|key| {
        drafted(
            key.place,
            format!("\"lost\" is still {GONE:?}, as it was drafted: name the keys that are lost, and those that are stolen"),
        )
    });
    let people = file.participants.iter().filter(|person| stands_in(&person.name));
    let people = people.map(|person| {
        let (id, name) = (&person.id.value, &person.name);
        drafted(
            person.id.place,
            format!("participant {id} is still {name:?}, as it was drafted: write who it is"),
        )
    });
    what.chain(gone).chain(people).collect()
}
