//! Two snapshots, or two timestamps: which versions rise, fall and vanish.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::diff::Change;
use crate::tuf::diff::Consequence;
use crate::tuf::diff::DiffError;
use crate::tuf::diff::Kind;
use crate::tuf::diff::Section;
use crate::tuf::diff::common;
use crate::tuf::diff::labels::Labels;
use crate::tuf::diff::scope::Scope;
use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::metadata::MetadataError;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::timestamp::Timestamp;

pub(super) fn files(old: &Metadata, new: &Metadata, names: &Names) -> Result<Section, DiffError> {
    let role = new.role_type();
    let scope = Scope::role(role);
    let (was, was_meta) = read(old).map_err(DiffError::Old)?;
    let (is, is_meta) = read(new).map_err(DiffError::New)?;
    let mut section = Section { role: role.to_owned(), ..Section::default() };
    section.changes = common::members(&scope, was, is, &["meta"]);
    let all: BTreeSet<&String> = was_meta.keys().chain(is_meta.keys()).collect();
    for name in all {
        section.changes.extend(listed(&scope, name, was_meta.get(name), is_meta.get(name)));
    }
    let differs = old.payload() != new.payload();
    if !differs {
        let labels = Labels::new(names, &[]);
        let name = |keyid: &KeyId| labels.of_keyid(keyid);
        section.changes.extend(common::signatures(&scope, old.signatures(), new.signatures(), name));
    }
    common::writing(&scope, &mut section.changes, differs);
    section.consequences.extend(same_version(role, was, is, differs));
    section.sort();
    Ok(section)
}

/// Other content under the version that clients already have.
pub(super) fn same_version(
    role: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    differs: bool,
) -> Option<Consequence> {
    let version = &new.get("version")?;
    let words =
        format!("other content under the same version {version}: clients that have it may keep the old");
    (differs && old.get("version") == Some(version)).then(|| Consequence::new(role, words))
}

type Read<'a> = (&'a Map<String, Value>, &'a Map<String, Value>);

/// The signed part and `meta`, valid.
fn read(metadata: &Metadata) -> Result<Read<'_>, MetadataError> {
    let signed = metadata.signed();
    match metadata.role_type() {
        "timestamp" => drop(Timestamp::from_signed(signed)?),
        _ => drop(Snapshot::from_signed(signed)?),
    }
    Ok((fields::object(signed, "the signed part")?, fields::member(signed, "meta")?))
}

fn listed(scope: &Scope, name: &str, old: Option<&Value>, new: Option<&Value>) -> Option<Change> {
    let version = |entry: &Value| entry.get("version").and_then(Value::as_u64).unwrap_or_default();
    match (old, new) {
        (None, Some(is)) => {
            let words = format!("{name} is listed now, version {}", version(is));
            Some(scope.change(Kind::ListedAdded, &format!("+ listed {name}"), words))
        }
        (Some(was), None) => {
            let words = format!(
                "{name} VANISHES: it was version {}, and clients refuse a list without it",
                version(was)
            );
            Some(scope.alarm(Kind::ListedRemoved, &format!("- listed {name}"), words))
        }
        (Some(was), Some(is)) if was != is => {
            let (old, new) = (version(was), version(is));
            let what = format!("listed {name} version {old} -> {new}");
            Some(match new.cmp(&old) {
                std::cmp::Ordering::Greater => scope.change(Kind::ListedChanged, &what, ""),
                std::cmp::Ordering::Less => {
                    let words = format!(
                        "ROLLBACK: {name} version {old} -> {new}; clients refuse it{}",
                        common::UNLESS_FORGOTTEN
                    );
                    scope.alarm(Kind::ListedChanged, &what, words)
                }
                std::cmp::Ordering::Equal => {
                    let words = format!("{name}: other length, hashes or fields for the same version {new}");
                    scope.change(Kind::ListedChanged, &format!("~ listed {name}"), words)
                }
            })
        }
        _ => None,
    }
}
