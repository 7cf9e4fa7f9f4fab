//! A repository's metadata as it lies: every root, and the newest file of each other role.
//!
//! Nothing here is verified: [`crate::tuf::client`] does that. What asks "what would follow if" starts from this,
//! for a repository in trouble must be read as well.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tuf::client::Files;
use crate::tuf::client::MAX_ROOT;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::WATERMARK;
use crate::tuf::delegations::Delegations;
use crate::tuf::diff;
use crate::tuf::file::SignedFile;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::Targets;
use crate::tuf::timestamp::Timestamp;

/// One metadata file.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleFile {
    /// Its name among the files: `3.root.json`, `timestamp.json`.
    pub file: String,
    /// `version`
    pub version: u64,
    /// The bytes as they lie.
    pub bytes: SignedFile,
    /// The same, read.
    pub metadata: Arc<Metadata>,
}

/// What a repository says, newest first where there are several.
#[derive(Clone, Debug, PartialEq)]
pub struct Repository {
    /// The roots, ascending by version; at least one.
    pub roots: Vec<RoleFile>,
    /// The newest root.
    pub root: Root,
    /// The newest file of every other role, by the role's name.
    pub roles: BTreeMap<String, RoleFile>,
}

/// Who may sign a role, by the word of one that delegates to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    /// `root`, or the targets role that delegates.
    pub delegator: String,
    /// Keys and threshold.
    pub keys: Arc<RoleKeys>,
}

/// A file that cannot be read, or is no metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// Why.
    pub why: String,
}

fn unreadable<T>(file: &str, why: impl ToString) -> Result<T, Unreadable> {
    Err(Unreadable { file: file.to_owned(), why: why.to_string() })
}

/// The root before the newest, where no version is missing between the two.
pub(crate) fn before_newest(roots: &[RoleFile]) -> Option<&RoleFile> {
    let [.., before, newest] = roots else { return None };
    (before.version.checked_add(1) == Some(newest.version)).then_some(before)
}

impl Repository {
    /// Reads every root, and of each other role the file with the highest version.
    pub fn read(files: &dyn Files) -> Result<Self, Unreadable> {
        let names = names(files)?;
        let (roots, root) = roots(files, &names)?;
        let mut roles = BTreeMap::new();
        for (stem, name) in newest(&names) {
            match role_file(files, &name, MAX_TARGETS) {
                Ok(file) => drop(roles.insert(role_name(&stem), file)),
                Err(why) => beside_metadata(&stem, why)?,
            }
        }
        Ok(Self { roots, root, roles })
    }

    /// The version of the newest root, where no client takes it: it lacks signatures by its own threshold, or by that of the
    /// root before it.
    pub fn proposed(&self) -> Option<u64> {
        let newest = self.roots.last()?;
        let signed = |root: &Root| {
            let (payload, signatures) = (newest.metadata.payload(), newest.metadata.signatures());
            root.role_keys("root").is_some_and(|keys| keys.verify(payload, signatures).is_ok())
        };
        let before = before_newest(&self.roots);
        let by_before = before
            .is_none_or(|root| Root::from_signed(root.metadata.signed()).is_ok_and(|root| signed(&root)));
        (!(by_before && signed(&self.root))).then_some(newest.version)
    }

    /// Whether a rehearsal made any of it: nobody may trust that.
    pub fn is_rehearsal(&self) -> bool {
        let mut files = self.roots.iter().chain(self.roles.values());
        files.any(|file| file.metadata.signed().get(WATERMARK).is_some())
    }

    /// The targets roles: `targets` and every delegated role whose file is here.
    pub fn targets_roles(&self) -> impl Iterator<Item = (&str, &RoleFile)> {
        let is = |(_, file): &(&String, &RoleFile)| file.metadata.role_type() == "targets";
        self.roles.iter().filter(is).map(|(name, file)| (name.as_str(), file))
    }

    /// What a targets role says; `None` where its file is missing or cannot be understood.
    pub fn targets(&self, role: &str) -> Option<Targets> {
        self.roles.get(role).and_then(|file| Targets::read(&file.metadata).ok())
    }

    /// Whom a targets role delegates to.
    pub fn delegations(&self, role: &str) -> Option<Delegations> {
        let signed = self.roles.get(role)?.metadata.signed();
        signed.get("delegations").filter(|v| !v.is_null()).and_then(|v| Delegations::from_json(v).ok())
    }

    /// Every role that is reachable, with who may sign it by the word of each delegator; the four first, then
    /// delegated roles in pre-order.
    pub fn trust(&self) -> Vec<(String, Vec<Trust>)> {
        self.trust_from(vec!["targets".to_owned()])
    }

    /// The same, and then what roles say to which nobody delegates: they may be delegated to again.
    pub fn trust_of_every_file(&self) -> Vec<(String, Vec<Trust>)> {
        let others = self.targets_roles().map(|(role, _)| role.to_owned()).filter(|role| role != "targets");
        self.trust_from(others.chain(["targets".to_owned()]).collect())
    }

    fn trust_from(&self, mut open: Vec<String>) -> Vec<(String, Vec<Trust>)> {
        let of_root = |name: &str| {
            let keys = Arc::new(self.root.role_keys(name)?);
            Some((name.to_owned(), vec![Trust { delegator: "root".into(), keys }]))
        };
        let mut trust: Vec<(String, Vec<Trust>)> = TOP_LEVEL.into_iter().filter_map(of_root).collect();
        let mut place: BTreeMap<String, usize> =
            (0..).zip(&trust).map(|(n, (name, _))| (name.clone(), n)).collect();
        let mut seen = BTreeSet::new();
        while let Some(delegator) = open.pop() {
            if !seen.insert(delegator.clone()) {
                continue;
            }
            let Some(delegations) = self.delegations(&delegator) else { continue };
            for delegation in &delegations.roles {
                let said = Trust { delegator: delegator.clone(), keys: Arc::clone(&delegation.role_keys) };
                let at = *place.entry(delegation.name.clone()).or_insert(trust.len());
                match trust.get_mut(at) {
                    Some((_, known)) => known.push(said),
                    None => trust.push((delegation.name.clone(), vec![said])),
                }
            }
            open.extend(delegations.roles.iter().rev().map(|delegation| delegation.name.clone()));
        }
        trust
    }

    /// What snapshot says, where it is here.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.roles.get("snapshot").and_then(|file| Snapshot::from_signed(file.metadata.signed()).ok())
    }

    /// What timestamp says, where it is here.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.roles.get("timestamp").and_then(|file| Timestamp::from_signed(file.metadata.signed()).ok())
    }
}

/// The names of the files that may be metadata.
pub(crate) fn names(files: &dyn Files) -> Result<Vec<String>, Unreadable> {
    let names = files.names().or_else(|why| unreadable("metadata", why))?;
    Ok(names.into_iter().filter(|name| name.ends_with(".json")).collect())
}

/// The roots, ascending by version, and what the newest says.
pub(crate) fn roots(files: &dyn Files, names: &[String]) -> Result<(Vec<RoleFile>, Root), Unreadable> {
    let mut roots: BTreeMap<u64, RoleFile> = BTreeMap::new();
    for name in names {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        if let (version, "root") = diff::version_and_role(stem) {
            let file = role_file(files, name, MAX_ROOT)?;
            if version.is_none_or(|version| version == file.version) {
                roots.entry(file.version).or_insert(file);
            } else {
                return unreadable(name, format!("it says that it is version {}", file.version));
            }
        }
    }
    let Some(last) = roots.values().next_back() else {
        return unreadable("root.json", "there is no root here, neither root.json nor N.root.json");
    };
    let root = Root::from_signed(last.metadata.signed()).or_else(|why| unreadable(&last.file, why))?;
    Ok((roots.into_values().collect(), root))
}

/// The newest file of every role but root, by the role's name as files write it.
pub(crate) fn newest(names: &[String]) -> BTreeMap<String, String> {
    let mut newest = diff::newest(names);
    newest.remove("root");
    let file = |(stem, version): (String, Option<u64>)| {
        let name = version.map_or_else(|| format!("{stem}.json"), |version| format!("{version}.{stem}.json"));
        (stem, name)
    };
    newest.into_iter().map(file).collect()
}

/// A directory may hold other JSON beside the metadata: names, manifests. The four that root names must be metadata.
pub(crate) fn beside_metadata(stem: &str, why: Unreadable) -> Result<(), Unreadable> {
    if TOP_LEVEL.contains(&stem) { Err(why) } else { Ok(()) }
}

/// A file that is held.
pub(crate) fn role_file(files: &dyn Files, name: &str, max: u64) -> Result<RoleFile, Unreadable> {
    let bytes = match files.held(name).filter(|held| held.len() as u64 <= max) {
        Some(held) => held,
        None => match files.read(name, max) {
            Ok(Some(bytes)) => bytes.into(),
            Ok(None) => return unreadable(name, "there is no such file"),
            Err(why) => return unreadable(name, why),
        },
    };
    let metadata = Arc::clone(bytes.metadata().or_else(|why| unreadable(name, why))?);
    let Some(version) = metadata.signed()["version"].as_u64() else {
        return unreadable(name, "it has no version");
    };
    Ok(RoleFile { file: name.to_owned(), version, bytes, metadata })
}

/// The role behind a file name: names are URL-encoded there.
pub fn role_name(stem: &str) -> String {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_back_its_role() {
        for role in ["dev", "a/b c", "ü", "100%"] {
            let name = crate::tuf::client::file_name(role, None);
            assert_eq!(role_name(name.strip_suffix(".json").unwrap()), role);
        }
    }
}
