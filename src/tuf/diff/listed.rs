//! Two files of one targets role: the files they list, and whom they delegate to.

use std::cmp::Ordering;
use std::io::Read;

use serde_json::Map;
use serde_json::Value;

use crate::tuf::Names;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::diff::Change;
use crate::tuf::diff::DiffError;
use crate::tuf::diff::Kind;
use crate::tuf::diff::Section;
use crate::tuf::diff::common;
use crate::tuf::diff::delegations;
use crate::tuf::diff::labels::Labels;
use crate::tuf::diff::meta;
use crate::tuf::diff::raw;
use crate::tuf::diff::raw::Beside;
use crate::tuf::diff::raw::Walk;
use crate::tuf::diff::scope::Scope;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::targets::alike::alike;
use crate::tuf::targets::change::Change as FileChange;
use crate::tuf::targets::passing::Passed;
use crate::tuf::targets::passing::Passing;

pub(super) fn files(role: &str, old: &[u8], new: &[u8], names: &Names) -> Result<Section, DiffError> {
    let was = raw::read(old).map_err(DiffError::Old)?;
    let is = raw::read(new).map_err(DiffError::New)?;
    compare(role, was, is, names)
}

pub(super) fn metadata(
    role: &str,
    old: &Metadata,
    new: &Metadata,
    names: &Names,
) -> Result<Section, DiffError> {
    let alike = match (old.listed(), new.listed()) {
        (Some(was), Some(is)) => alike(was, is),
        _ => (0, 0),
    };
    let was = raw::Targets::of(old, alike).map_err(DiffError::Old)?;
    let is = raw::Targets::of(new, alike).map_err(DiffError::New)?;
    compare(role, was, is, names)
}

pub(super) fn draft(
    role: &str,
    old: &Metadata,
    rest: &Value,
    change: &FileChange,
    names: &Names,
) -> Result<Section, DiffError> {
    let mut was = raw::Targets::of(old, (0, 0)).map_err(DiffError::Old)?;
    let mut is = raw::Targets::draft(old, rest, change).map_err(DiffError::New)?;
    if let Some(edited) = raw::edited(old, change) {
        (was.targets, is.targets) = edited;
    }
    compare(role, was, is, names)
}

/// Two files while they go by: held is what differs. `None` is no answer.
pub(super) fn passing(role: &str, old: &mut dyn Read, new: &mut dyn Read, names: &Names) -> Option<Section> {
    let (mut was, mut is) = (Passing::open(old)?, Passing::open(new)?);
    let mut files = Vec::new();
    listed(&Scope::role(role), &mut was, &mut is, &mut files).ok()?;
    let (was, is) = (was.end(MAX_TARGETS)?, is.end(MAX_TARGETS)?);
    let differs = was.sha256 != is.sha256;
    let beside = |passed: Passed| Beside::read(&Value::Object(passed.rest), passed.signatures).ok();
    section(role, &beside(was)?, &beside(is)?, files, differs, names).ok()
}

fn compare(
    role: &str,
    mut was: raw::Targets<'_>,
    mut is: raw::Targets<'_>,
    names: &Names,
) -> Result<Section, DiffError> {
    let mut files = Vec::new();
    listed(&Scope::role(role), &mut was.targets, &mut is.targets, &mut files)?;
    section(role, &was.beside, &is.beside, files, was.text != is.text, names)
}

/// All that differs, where these `files` do; `differs` says whether the signed parts lie differently.
fn section(
    role: &str,
    was: &Beside,
    is: &Beside,
    files: Vec<Change>,
    differs: bool,
    names: &Names,
) -> Result<Section, DiffError> {
    let scope = Scope::role(role);
    let mut section = Section { role: role.to_owned(), ..Section::default() };
    section.changes = common::members(&scope, &was.rest, &is.rest, &["delegations"]);
    section.changes.extend(files);
    delegations::compare(&scope, &was.rest, &is.rest, names, &mut section)?;
    if section.changes.is_empty() {
        let labels = Labels::new(names, &[]);
        let name = |keyid: &KeyId| labels.of_keyid(keyid);
        section.changes.extend(common::signatures(&scope, &was.signatures, &is.signatures, name));
    }
    common::writing(&scope, &mut section.changes, differs);
    let signed = section.changes.iter().any(|c| !matches!(c.kind, Kind::Signature | Kind::Writing));
    section.consequences.extend(meta::same_version(role, &was.rest, &is.rest, signed));
    section.sort();
    Ok(section)
}

/// Walks both lists in the order of paths; a target that is written alike is not looked into.
fn listed(
    scope: &Scope,
    was: &mut impl Walk,
    is: &mut impl Walk,
    changes: &mut Vec<Change>,
) -> Result<(), DiffError> {
    loop {
        let order = match (was.here(), is.here()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        match (order, was.here(), is.here()) {
            (Ordering::Less, Some((path, raw)), _) => {
                raw::target(path, raw).map_err(DiffError::Old)?;
                changes.push(scope.change(Kind::FileRemoved, &format!("- file {path}"), ""));
            }
            (Ordering::Greater, _, Some((path, raw))) => {
                let target = raw::target(path, raw).map_err(DiffError::New)?;
                let words = beside_content(&target).map(|what| format!("+ file {path}, with {what}"));
                changes.push(scope.change(
                    Kind::FileAdded,
                    &format!("+ file {path}"),
                    words.unwrap_or_default(),
                ));
            }
            (_, Some((path, old)), Some((_, new))) => changes.extend(target(scope, path, old, new)?),
            _ => {}
        }
        if order.is_le() {
            was.step().map_err(DiffError::Old)?;
        }
        if order.is_ge() {
            is.step().map_err(DiffError::New)?;
        }
    }
}

fn target(scope: &Scope, path: &str, old: &[u8], new: &[u8]) -> Result<Option<Change>, DiffError> {
    if old == new {
        return Ok(None);
    }
    let was = raw::target(path, old).map_err(DiffError::Old)?;
    let is = raw::target(path, new).map_err(DiffError::New)?;
    if was == is {
        return Ok(None);
    }
    let what = differences(&was, &is).join("; ");
    Ok(Some(scope.change(Kind::FileChanged, &format!("~ file {path}"), format!("~ file {path}: {what}"))))
}

/// What a target says besides its length and its hashes.
fn beside_content(target: &Map<String, Value>) -> Option<String> {
    let others = target.iter().filter(|(name, _)| !["length", "hashes"].contains(&name.as_str()));
    let said: Vec<String> = others.map(|(name, value)| format!("{name} {}", common::short(value))).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// Length, each hash, custom, and what else there is.
fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut said = Vec::new();
    let differs = |name: &str| old.get(name) != new.get(name);
    let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), common::short);
    if differs("length") {
        said.push(format!("length {} -> {}", text(old.get("length")), text(new.get("length"))));
    }
    let none = Map::new();
    let (was, is) = (
        old.get("hashes").and_then(Value::as_object).unwrap_or(&none),
        new.get("hashes").and_then(Value::as_object).unwrap_or(&none),
    );
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        match (was.get(name), is.get(name)) {
            (None, _) => said.push(format!("{name} is listed now")),
            (_, None) => said.push(format!("{name} is no longer listed")),
            (Some(a), Some(b)) if a != b => said.push(format!("{name} changed, other content")),
            _ => {}
        }
    }
    let others: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in others.into_iter().filter(|name| !["length", "hashes"].contains(&name.as_str())) {
        if differs(name) {
            said.push(format!("{name} {} -> {}", text(old.get(name)), text(new.get(name))));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tuf::diff;
    use crate::tuf::targets::Files;
    use crate::tuf::targets::TargetFile;
    use crate::tuf::targets::Targets;
    use crate::tuf::targets::change;
    use crate::tuf::targets::change::Origin;
    use crate::tuf::targets::change::Wanted;

    fn files(list: BTreeMap<String, (u64, String)>) -> BTreeMap<String, TargetFile> {
        let file = |(path, (length, said)): (String, (u64, String))| {
            let hashes = [("sha256", "00".to_owned())].into_iter().collect();
            (path, TargetFile { length, hashes, custom: Some(json!({"said": said})) })
        };
        list.into_iter().map(file).collect()
    }

    #[test]
    fn what_joins_is_shown_with_all_that_is_said_of_it() {
        let of = |files| {
            Metadata::unsigned(json!({"_type": "targets", "spec_version": "1.0.31", "version": 1,
                "expires": "2027-01-03T09:00:00Z", "targets": files}))
            .unwrap()
        };
        let old = of(json!({}));
        let new = of(json!({"a": {"custom": {"os": "linux"}, "hashes": {"sha256": "00"}, "length": 1}}));

        let section = diff::targets("targets", &old, &new, &Names::default()).unwrap();

        let said = diff::say::meaning(&section).join("\n");
        assert!(said.contains(r#"+ file a, with custom {"os":"linux"}"#), "{said}");
        assert_eq!(section.changes[0].line, "targets: + file a");
    }

    proptest! {
        #[test]
        fn what_is_not_written_out_differs_as_what_is(
            before in prop::collection::btree_map("[a-c\"\n]{1,2}", (0..3_u64, "[ab\n\"]{0,2}"), 0..6),
            wanted in prop::collection::btree_map("[a-c\"]{1,2}", (0..3_u64, "[ab\n\"]{0,2}"), 0..6),
            keep in any::<bool>(),
            versions in (1..3_u64, 1..3_u64),
        ) {
            let rest = |version| json!({"_type": "targets", "spec_version": "1.0.31", "version": version,
                "expires": "2027-01-03T09:00:00Z", "targets": files(before.clone())});
            let old = Metadata::unsigned(rest(versions.0)).unwrap();
            let listed = Targets::listed(&old).unwrap();
            let wanted = Wanted { files: Files::of(files(wanted)).unwrap(), origin: Origin::Manifest, keep, remove: Vec::new() };
            let change = change::apply(listed, wanted).unwrap();
            let mut signed = old.signed().clone();
            signed["version"] = json!(versions.1);
            let new = Metadata::edited(signed.clone(), listed, change.edits()).unwrap();
            let names = Names::default();

            let by = diff::draft("targets", &old, &signed, &change, &names).unwrap();

            prop_assert_eq!(&by, &diff::targets("targets", &old, &new, &names).unwrap());
            prop_assert_eq!(by, diff::files(None, &old.to_file(), &new.to_file(), &names).unwrap());
        }
    }
}
