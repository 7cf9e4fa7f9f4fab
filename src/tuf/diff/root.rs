//! Two roots: the file, every role it names, and what clients and people make of it.

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
use crate::tuf::diff::keys;
use crate::tuf::diff::keys::Ident;
use crate::tuf::diff::keys::Signers;
use crate::tuf::diff::keys::Table;
use crate::tuf::diff::labels::Labels;
use crate::tuf::diff::reach;
use crate::tuf::diff::scope::Scope;
use crate::tuf::key::KeyId;
use crate::tuf::metadata::Metadata;
use crate::tuf::recovery::OnlineKeys;
use crate::tuf::recovery::Recovery;
use crate::tuf::root::Root;
use crate::tuf::root::RootRole;
use crate::tuf::root::TOP_LEVEL;

/// One side.
struct Side<'a> {
    root: Root,
    signed: &'a Map<String, Value>,
    table: Table,
}

impl<'a> Side<'a> {
    fn new(
        metadata: &'a Metadata,
        error: fn(crate::tuf::metadata::MetadataError) -> DiffError,
    ) -> Result<Self, DiffError> {
        let read = || {
            let root = Root::from_signed(metadata.signed())?;
            let signed = crate::tuf::fields::object(metadata.signed(), "the signed part")?;
            let table = Table::new(crate::tuf::fields::member(metadata.signed(), "keys")?);
            Ok(Self { root, signed, table })
        };
        read().map_err(error)
    }

    fn signers<'b>(&'b self, role: &'b RootRole) -> Signers<'b> {
        Signers { table: &self.table, keyids: &role.keyids, threshold: role.threshold }
    }

    fn used(&self) -> BTreeSet<KeyId> {
        self.root.roles.values().flat_map(|role| role.keyids.iter().cloned()).collect()
    }
}

/// The difference of two roots as [`roots`](super::roots) tells it, where the newest files of roles are known, too: they tell
/// whether a change of keys makes them void.
pub fn roots_over<'m>(
    old: &Metadata,
    new: &Metadata,
    between: &[Metadata],
    names: &Names,
    file: &dyn Fn(&str) -> Option<&'m Metadata>,
) -> Result<Section, DiffError> {
    let (before, after) = (Side::new(old, DiffError::Old)?, Side::new(new, DiffError::New)?);
    let labels = Labels::new(names, &[&before.table, &after.table]);
    let scope = Scope::role("root");
    let mut section = Section { role: "root".to_owned(), ..Section::default() };
    let own = ["consistent_snapshot", "keys", "roles"];
    section.changes = common::members(&scope, before.signed, after.signed, &own);
    section.changes.extend(consistent_snapshot(&scope, &before.root, &after.root));
    for role in roles(&before.root, &after.root) {
        let (was, is) = (before.root.roles.get(role), after.root.roles.get(role));
        let (Some(was), Some(is)) = (was, is) else {
            let sign = if is.is_some() { "+" } else { "-" };
            section.changes.push(scope.change(Kind::Role, &format!("{sign} role {role}"), ""));
            continue;
        };
        let scope = Scope::role(role);
        let (was_by, is_by) = (before.signers(was), after.signers(is));
        section.changes.extend(keys::changes(&scope, &was_by, &is_by, &labels));
        section.changes.extend(common::fields(&scope, Kind::Field, "role field", &was.extra, &is.extra));
        section.consequences.extend(keys::consequences(role, &was_by, &is_by, &labels));
        let holds = || {
            let (file, keys) = (file(role)?, after.root.role_keys(role)?);
            Some(keys.verify(file.payload(), file.signatures()).is_ok())
        };
        let forced = forced(role, &was_by, &is_by, holds);
        section.consequences.extend(forced.map(|words| Consequence::new(role, words)));
    }
    let (was_used, is_used) = (before.used(), after.used());
    section.changes.extend(keys::unused(
        &scope,
        (&before.table, &was_used),
        (&after.table, &is_used),
        &labels,
    ));
    let differs = old.payload() != new.payload();
    if differs {
        let recovery = recovery(&before.root, &after.root);
        section.consequences.extend(recovery.map(|words| Consequence::new("timestamp", words)));
        section.reach = reach::steps(old, between, new, names);
    } else {
        let name = |keyid: &KeyId| labels.of_keyid(keyid);
        section.changes.extend(common::signatures(&scope, old.signatures(), new.signatures(), name));
    }
    common::writing(&scope, &mut section.changes, differs);
    section.sort();
    Ok(section)
}

/// The four, and then what else either names.
fn roles<'a>(old: &'a Root, new: &'a Root) -> Vec<&'a str> {
    let others: BTreeSet<&str> = old.roles.keys().chain(new.roles.keys()).map(String::as_str).collect();
    let others = others.into_iter().filter(|role| !TOP_LEVEL.contains(role));
    TOP_LEVEL.into_iter().chain(others).collect()
}

fn consistent_snapshot(scope: &Scope, old: &Root, new: &Root) -> Option<Change> {
    let (was, is) = (old.consistent_snapshot, new.consistent_snapshot);
    let words = match is {
        true => "clients now ask for files by version and hash: VERSION.ROLE.json, HASH.FILE",
        false => "clients now ask for files by plain names: ROLE.json, FILE",
    };
    let what = format!("consistent_snapshot {was} -> {is}");
    (was != is).then(|| scope.change(Kind::ConsistentSnapshot, &what, format!("{what}: {words}")))
}

/// The keys of a role that count, or count no longer.
fn idents(signers: &Signers<'_>) -> BTreeSet<Ident> {
    signers.keys().into_keys().collect()
}

/// What a change of keys makes necessary elsewhere.
fn forced(
    role: &str,
    old: &Signers<'_>,
    new: &Signers<'_>,
    holds: impl Fn() -> Option<bool>,
) -> Option<String> {
    let (before, after) = (idents(old), idents(new));
    if role == "root" || (before == after && new.threshold <= old.threshold) {
        return None;
    }
    let stay = before.intersection(&after).count();
    let need = usize::try_from(new.threshold).unwrap_or(usize::MAX);
    if stay < need {
        return Some("its metadata must be signed again: the keys that stay are too few for it".to_owned());
    }
    let fewer = !before.is_subset(&after);
    let more = new.threshold > old.threshold;
    (fewer || more).then(|| match holds() {
        None => {
            format!("its metadata must be signed again, unless {need} of the keys that stay have signed it")
        }
        Some(true) => format!("its metadata as it lies was signed by enough of the keys that stay: {need}"),
        Some(false) => {
            format!(
                "its metadata must be signed again: fewer than {need} of the keys that stay have signed it"
            )
        }
    })
}

/// TUF section 5.3.11: what clients forget of timestamp and snapshot.
fn recovery(old: &Root, new: &Root) -> Option<String> {
    let recovery = Recovery::between(&OnlineKeys::of(old), &OnlineKeys::of(new));
    if !recovery.rotated.is_empty() {
        let keys = recovery.rotated.join(" and ");
        return Some(format!("the keys of {keys} changed; {}", recovery.forgotten.says()));
    }
    (!recovery.renamed.is_empty()).then(|| {
        format!(
            "no fast-forward recovery by key: {} have other keyids for the same keys; a client that compares keyids \
             forgets its stored timestamp and snapshot all the same",
            recovery.renamed.join(" and ")
        )
    })
}
