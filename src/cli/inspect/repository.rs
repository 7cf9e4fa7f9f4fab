//! A directory of metadata in plain words, and who may sign a path.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::bundle::Dir;
use crate::bundle::places;
use crate::cli::inspect::Description;
use crate::driver::Clock;
use crate::driver::disk;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::Paths;
use crate::tuf::overview::Overview;
use crate::tuf::overview::Standing;
use crate::tuf::paths::Answer;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Moved;
use crate::tuf::paths::Row;
use crate::tuf::paths::Step;
use crate::tuf::paths::who;

/// How many entries of a long list people see.
const SHOWN: usize = 40;
/// The largest `names.json`, in bytes.
const MAX_NAMES: u64 = 1 << 24;

type Holders = BTreeMap<KeyId, String>;

/// What the repository is, or who may sign a path of it. The error is a fragment.
pub(super) fn describe(dir: &Path, path: Option<&str>) -> Result<Description, String> {
    let places = places::metadata(dir);
    let metadata = places.first().ok_or(
        "no repository: no root.json in it, nor in metadata, inputs/metadata or bundle/metadata below it",
    )?;
    let mut overview = Overview::read(&Dir::open(metadata)?).map_err(|why| why.to_string())?;
    let (holders, remark) = holders(metadata);
    overview.sort_keys(&holders);
    let mut description = match path {
        Some(path) => answer(&overview.tree.ask(path), &holders),
        None => summary(&overview, &holders, Clock::Machine.now()),
    };
    if let Some(told) = overview.told_first() {
        description.json["proposed_root"] = json!(overview.proposed);
        // The headline of a whole repository says it.
        if path.is_some() {
            description.lines.insert(1, told);
        }
    }
    if overview.rehearsal {
        description.lines.insert(1, "REHEARSAL: nobody may trust it".to_owned());
    }
    description.lines.extend(remark);
    description.json["rehearsal"] = json!(overview.rehearsal);
    description.json["metadata"] = json!(metadata);
    Ok(description)
}

/// Who holds which key, as the file beside the metadata says.
fn holders(metadata: &Path) -> (Holders, Option<String>) {
    let Some(path) = places::names(metadata) else { return (Holders::new(), None) };
    let read = disk::read(&path, MAX_NAMES).map_err(|error| error.to_string());
    match read.and_then(|bytes| Names::parse(&bytes)) {
        Ok(names) => (names.holders(), None),
        Err(why) => {
            (Holders::new(), Some(format!("remark: {}: {why}; keys have no names here", path.display())))
        }
    }
}

fn answer(answer: &Answer, holders: &Holders) -> Description {
    let mut lines = vec![answer.headline(holders)];
    lines.push("A client asks, in this order, and takes the first entry that it finds:".to_owned());
    let asked = answer.asked(holders);
    for (step, (number, text)) in answer.steps.iter().zip(&asked) {
        let number = number.map_or("-".to_owned(), |number| number.to_string());
        lines.push(format!("{number:>4}  {}{text}", "  ".repeat(step.depth)));
    }
    lines.push(answer.stop());
    lines.extend(answer.tough.clone());
    let steps: Vec<Value> = answer
        .steps
        .iter()
        .zip(asked)
        .map(|(step, (number, _))| step_json(answer, step, number, holders))
        .collect();
    let json = json!({"kind": "who-may-sign", "path": answer.query, "pattern": answer.pattern,
        "taken_from": answer.taken_from, "steps": steps, "stop": answer.stop(), "tough": answer.tough});
    Description { lines, json }
}

fn step_json(answer: &Answer, step: &Step, number: Option<usize>, holders: &Holders) -> Value {
    let ended_by = match &step.asked {
        Asked::Never(by) => Some(by),
        Asked::InTurn | Asked::Before => None,
    };
    json!({"role": step.role, "count": step.count, "delegator": step.delegator, "depth": step.depth,
        "asked": number, "never_asked_for": ended_by, "because": step.because(), "all": step.all,
        "terminating": step.terminating, "threshold": step.keys.threshold, "keys": keys_json(&step.keys, holders),
        "lists": step.lists, "taken": step.taken, "state": answer.state(step)})
}

fn keys_json(keys: &RoleKeys, holders: &Holders) -> Value {
    keys.keys.keys().map(|keyid| json!({"keyid": keyid, "holder": holders.get(keyid)})).collect()
}

fn summary(overview: &Overview, holders: &Holders, now: Date) -> Description {
    let mut lines = vec![format!("TUF repository: {}", overview.headline(now))];
    for top in &overview.top {
        let version = top.version.map_or("no file here".to_owned(), |version| {
            format!("version {version}, {}", expires(top.role, top.expires, now))
        });
        lines.push(format!("role {}: {version}; {}", top.role, who(&top.keys, holders)));
    }
    lines.push(format!("delegated roles: {}", overview.delegated()));
    lines.extend(overview.rows.0.iter().take(SHOWN).map(|row| row_line(row, holders, now)));
    more(&mut lines, overview.rows.0.len());
    lines.push(format!("keys: {}", overview.keys.len()));
    for key in overview.keys.iter().take(SHOWN) {
        let holder = holders.get(&key.keyid).map_or("holder not known", String::as_str);
        lines.push(format!("  {:.16} {}, {holder}: {}", key.keyid.0, key.scheme, key.roles.join(", ")));
    }
    more(&mut lines, overview.keys.len());
    let shadowed = &overview.shadowed;
    lines.extend(shadowed.iter().map(Moved::shadow));
    lines.extend(overview.lacking.iter().map(|lacking| format!("open: {}", lacking.words(holders))));
    if overview.not_looked_at > 0 {
        let roles = overview.not_looked_at;
        lines.push(format!(
            "the signatures of {roles} delegated roles were not looked at; `keyrite verify` does"
        ));
    }
    let top: Vec<Value> = overview
        .top
        .iter()
        .map(|top| {
            json!({"role": top.role, "version": top.version, "expires": top.expires,
                "threshold": top.keys.threshold, "keys": keys_json(&top.keys, holders)})
        })
        .collect();
    let keys: Vec<Value> = overview
        .keys
        .iter()
        .map(|key| {
            json!({"keyid": key.keyid, "scheme": key.scheme, "holder": holders.get(&key.keyid), "roles": key.roles})
        })
        .collect();
    let lacking: Vec<Value> = overview
        .lacking
        .iter()
        .map(|l| json!({"file": l.file, "of": l.of, "have": l.have, "need": l.need, "missing": l.missing}))
        .collect();
    let json = json!({"kind": "repository", "roots": [overview.roots.0, overview.roots.1],
        "consistent_snapshot": overview.consistent_snapshot, "roles": top,
        "delegated": overview.rows.0.iter().map(|row| row_json(row, holders)).collect::<Vec<_>>(),
        "keys": keys, "lacking": lacking,
        "shadowed": shadowed.iter().map(Moved::shadow).collect::<Vec<_>>()});
    Description { lines, json }
}

fn expires(role: &str, expires: Option<Date>, now: Date) -> String {
    let standing = Standing::of(role, expires, now);
    match expires {
        Some(date) => format!("expires {date} ({}), {}", date.weekday(), standing.words(expires, now)),
        None => "no file here".to_owned(),
    }
}

fn row_line(row: &Row, holders: &Holders, now: Date) -> String {
    let Some(delegation) = row.delegation() else { return String::new() };
    let paths = row.paths();
    let version = row.version.map(|version| format!("version {version}, ")).unwrap_or_default();
    let missing = match row.missing {
        0 => String::new(),
        1 if row.count == 1 => String::new(),
        missing => format!("; {missing} of them have no file here"),
    };
    let end = if delegation.terminating { ", terminating" } else { "" };
    let again = if row.again { "; what it delegates stands above" } else { "" };
    format!(
        "{}{}: {version}{}; {}; {paths}{end}{missing}{again}",
        "  ".repeat(row.depth),
        row.name(),
        expires("", row.expires, now),
        who(&delegation.role_keys, holders)
    )
}

fn row_json(row: &Row, holders: &Holders) -> Value {
    let Some(delegation) = row.delegation() else { return Value::Null };
    let (patterns, prefixes) = match &delegation.paths {
        Paths::Patterns(list) => (Some(list), None),
        Paths::HashPrefixes(list) if row.count == 1 => (None, Some(list)),
        Paths::HashPrefixes(_) | Paths::Bin { .. } => (None, None),
    };
    json!({"role": delegation.name, "last": row.last().map(|last| &last.name), "count": row.count,
        "delegator": row.delegator.as_ref(), "depth": row.depth, "version": row.version, "expires": row.expires,
        "without_file": row.missing, "targets": row.targets, "terminating": delegation.terminating,
        "paths": patterns, "path_hash_prefixes": prefixes, "threshold": delegation.role_keys.threshold,
        "keys": keys_json(&delegation.role_keys, holders)})
}

fn more(lines: &mut Vec<String>, all: usize) {
    if all > SHOWN {
        lines.push(format!("  and {} more", all - SHOWN));
    }
}
