//! The JSON of `keyrite assess`.

use serde_json::Value;
use serde_json::json;

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Clients;
use crate::assess::Counts;
use crate::assess::Harm;
use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::Table;
use crate::assess::Until;
use crate::tuf::Date;

/// One question and its answer.
pub(super) fn assessment(model: &Model, assessment: &Assessment) -> Value {
    let roles = assessment.roles.iter().map(|status| {
        json!({
            "role": status.role, "roles": status.roles, "delegator": status.delegator,
            "threshold": status.signers.threshold, "keys": keys(model, &status.signers.keys),
            "left": keys(model, &status.left), "lost": keys(model, &status.lost), "stolen": keys(model, &status.stolen),
            "can_sign": can(status.can), "spare": spare(status.can), "thief_can_sign": status.forged(),
        })
    });
    let thief = assessment.thief.iter().map(|effect| {
        let needs = effect.needs.iter().map(|(role, many)| json!({"role": role, "keys": many}));
        json!({
            "harm": harm(effect.harm), "rule": effect.rule.name, "says": effect.rule.says, "source": effect.rule.source,
            "roles": effect.roles, "paths": effect.paths, "targets": effect.targets, "example": effect.example,
            "until": until(effect.until), "after": effect.after,
            "needs": needs.collect::<Vec<_>>(), "clients_of_root": effect.clients,
            "clients_that_count": counting(effect.taken_by), "clients_that_match": matching(effect.taken_by),
        })
    });
    let question = &assessment.question;
    json!({
        "good": assessment.is_good(),
        "answer": model.head(assessment).join(" "),
        "at": question.at.to_string(),
        "lost": keys(model, &question.lost),
        "stolen": keys(model, &question.stolen),
        "root": {
            "rule": assessment.root.name,
            "rotates": assessment.is_repairable(),
            "thief_rotates": assessment.thief_rotates(),
            "by": assessment.roles.first().map(|root| keys(model, &root.left)),
        },
        "roles": roles.collect::<Vec<_>>(),
        "thief": thief.collect::<Vec<_>>(),
        "expired": !assessment.expired.is_empty(),
        "steps": model.steps(assessment),
        "notes": model.notes(assessment),
    })
}

/// Every combination.
pub(super) fn table(model: &Model, table: &Table, at: Date) -> Value {
    let rows = table.rows.iter().map(|row| {
        let from = row.from.iter().map(|combination| {
            let many = combination.iter().map(|(lost, stolen)| json!({"lost": lost, "stolen": stolen}));
            many.collect::<Vec<_>>()
        });
        json!({
            "good": row.is_good(), "harm": harm(row.now.harm), "rule": row.now.rule.or(row.old.rule),
            "on": if row.now.harm == Harm::Nothing { &row.old.on } else { &row.now.on }, "root": can(row.root),
            "unsigned": row.unsigned, "lost": row.lost,
            // A client of an older root climbs to the newest, and suffers what those of that one do.
            "harm_on_older_roots": harm(row.old.harm.min(row.now.harm)), "rule_on_older_roots": row.old.rule.or(row.now.rule),
            "clients_that_count": counting(row.now.taken_by), "clients_that_match": matching(row.now.taken_by),
            "combinations": row.choices.map(|choices| choices.to_string()), "from": from.collect::<Vec<_>>(),
        })
    });
    json!({
        "at": at.to_string(),
        "kinds": table.kinds.iter().map(|kind| keys(model, kind)).collect::<Vec<_>>(),
        "left_out": table.left_out,
        "expired": !table.expired.is_empty(),
        "combinations": table.choices.to_string(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn keys(model: &Model, keys: &KeySet) -> Vec<Value> {
    let found = keys.iter().filter_map(|place| model.keys.list.get(*place));
    found.map(|key| json!({"name": key.name, "holder": key.holder, "keyids": key.keyids})).collect()
}

fn counting(clients: Clients) -> &'static str {
    match clients.counts() {
        Counts::Keys => "keys",
        Counts::Keyids => "keyids",
    }
}

fn matching(clients: Clients) -> &'static str {
    match clients {
        Clients::All | Clients::CountingKeyids => "as-specified",
        Clients::Tough => "as-tough",
    }
}

fn can(can: Can) -> &'static str {
    match can {
        Can::Sign { .. } => "yes",
        Can::OnlyWithStolen => "only-with-stolen",
        Can::Never => "never",
    }
}

fn spare(can: Can) -> Option<u32> {
    match can {
        Can::Sign { spare } => Some(spare),
        Can::OnlyWithStolen | Can::Never => None,
    }
}

fn harm(harm: Harm) -> String {
    harm.name().to_lowercase().replace(' ', "-")
}

fn until(until: Until) -> String {
    match until {
        Until::Date(date) => date.to_string(),
        Until::SignedAgain => "signed-again".to_owned(),
        Until::OtherKeys => "other-keys".to_owned(),
        Until::ForEver => "for-ever".to_owned(),
    }
}
