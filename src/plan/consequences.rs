//! What the plan means, in people's names: who can do what afterwards, and what is lost when keys are lost.

use crate::plan::Plan;
use crate::tuf::root::TOP_LEVEL;

/// One paragraph a role.
pub fn consequences(plan: &Plan) -> Vec<String> {
    TOP_LEVEL.iter().map(|name| role(plan, name)).collect()
}

fn role(plan: &Plan, name: &str) -> String {
    let role = &plan.roles[name];
    let who = who(plan, &role.keys, role.threshold as usize);
    let spare = role.keys.len() - role.threshold as usize + 1;
    let lost = if role.keys.len() == 1 { "it".to_owned() } else { format!("{spare} of them") };
    match name {
        "root" => {
            format!(
                "root: {who} can replace every key; losing {lost} loses the root, and clients can never be told of another one."
            )
        }
        "targets" => {
            format!(
                "targets: {who} can publish software that clients install; losing {lost} stops new releases until root names other keys."
            )
        }
        "snapshot" => {
            format!("snapshot: {who} says which versions belong together; a thief could mix old and new.")
        }
        _ => format!(
            "timestamp: {who} says what is newest; a thief could keep clients on an old state until it expires."
        ),
    }
}

/// `any 2 of Ana Duarte, Bo Lindqvist and Chi Nwosu`, `Ana Duarte alone`, `Ana Duarte and Bo Lindqvist together`.
pub fn who(plan: &Plan, keys: &[String], threshold: usize) -> String {
    let names: Vec<String> = keys.iter().map(|key| plan.called(key)).collect();
    match (threshold, names.len()) {
        (1, 1) => format!("{} alone", names[0]),
        (1, _) => format!("any one of {}", joined(&names, "and")),
        (need, of) if need == of => format!("{} together", joined(&names, "and")),
        (need, _) => format!("any {need} of {}", joined(&names, "and")),
    }
}

/// `a, b and c`
pub fn joined(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., tail] => format!("{} {last} {tail}", head.join(", ")),
    }
}
