//! Which files a bundle has. Pure: bytes in, bytes out; the same content gives the same bytes.

use std::collections::BTreeSet;

use crate::bundle::Content;
use crate::bundle::File;
use crate::bundle::instructions;
use crate::bundle::is_plain;
use crate::bundle::manifest::Entry;
use crate::bundle::manifest::MANIFEST;
use crate::bundle::manifest::Manifest;
use crate::tuf::Bytes;
use crate::tuf::Metadata;
use crate::tuf::SignedFile;
use crate::tuf::client::file_name;
use crate::tuf::client::hashes_hold;
use crate::tuf::metadata::MetadataError;
use crate::tuf::root::Root;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::Targets;

/// What goes in. Metadata files go in byte for byte.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// The ceremony's id.
    pub ceremony: String,
    /// The journal's head in hex.
    pub journal_head: String,
    /// Whether this is a rehearsal; then the manifest says so.
    pub rehearsal: bool,
    /// Every root file from the first one on, in any order.
    pub roots: Vec<SignedFile>,
    /// Role and file: `targets`, delegated roles, and `snapshot` and `timestamp` where they are signed in the room.
    pub roles: Vec<(String, SignedFile)>,
    /// Target files with their paths; each must be listed by one of `roles`. Two roles may list one path with
    /// different files.
    pub targets: BTreeSet<(String, Content)>,
}

/// Why there is no bundle.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct LayoutError(pub String);

fn error<T>(text: impl Into<String>) -> Result<T, LayoutError> {
    Err(LayoutError(text.into()))
}

/// One metadata file with its name.
pub(super) struct Named<'a> {
    pub(super) path: String,
    pub(super) role: String,
    pub(super) metadata: &'a Metadata,
    pub(super) bytes: &'a Bytes,
}

/// Every file of the bundle: first those to publish, in the order of publication, then `VERIFY.txt` and the manifest.
pub fn layout(contents: &Contents) -> Result<Vec<File>, LayoutError> {
    let roots = roots(&contents.roots)?;
    let consistent = match roots.last() {
        Some((_, root)) => root.consistent_snapshot,
        None => return error("a bundle without a root"),
    };
    let roles = roles(&contents.roles, consistent)?;
    let mut files = targets(&contents.targets, &roles, consistent)?;
    let metadata: Vec<&Named<'_>> = roots.iter().map(|(named, _)| named).chain(&roles).collect();
    files.extend(metadata.iter().map(|named| (named.path.clone(), named.bytes.clone().into())));
    let mut seen = BTreeSet::new();
    for (path, _) in &files {
        if !is_plain(path) {
            return error(format!("{path:?} cannot be the name of a file in a bundle"));
        }
        if !seen.insert(path) {
            return error(format!("two files named {path}"));
        }
    }
    let published = files.len();
    let chain: Vec<&Root> = roots.iter().map(|(_, root)| root).collect();
    let entry = |(i, (path, content)): (usize, &File)| Entry {
        path: path.clone(),
        length: content.length(),
        sha256: content.sha256(),
        order: u64::try_from(i + 1).ok().filter(|_| i < published),
    };
    let mut manifest = Manifest {
        format: 1,
        ceremony: contents.ceremony.clone(),
        journal_head: contents.journal_head.clone(),
        rehearsal: contents.rehearsal,
        files: files.iter().enumerate().map(entry).collect(),
    };
    // The instructions know the manifest but for their own line, which stands last.
    let verify: File = (instructions::VERIFY.to_owned(), Content::from(Vec::new()));
    manifest.files.push(entry((published, &verify)));
    let pin = instructions::pin(&manifest.to_file());
    let verify: File = (verify.0, instructions::write(contents, &chain, &metadata, pin).into());
    manifest.files.pop();
    manifest.files.push(entry((published, &verify)));
    files.push(verify);
    files.push((MANIFEST.to_owned(), manifest.to_file().into()));
    Ok(files)
}

/// The roots in ascending order, without a gap.
fn roots(files: &[SignedFile]) -> Result<Vec<(Named<'_>, Root)>, LayoutError> {
    let mut roots = Vec::new();
    for bytes in files {
        let metadata = bytes.metadata().map_err(|e| LayoutError(format!("a root: {e}")))?;
        let root = Root::from_signed(metadata.signed()).map_err(|e| LayoutError(format!("a root: {e}")))?;
        let path = format!("metadata/{}", file_name("root", Some(root.version)));
        roots.push((Named { path, role: "root".to_owned(), metadata, bytes }, root));
    }
    roots.sort_by_key(|(_, root)| root.version);
    for pair in roots.windows(2) {
        let (one, next) = (pair[0].1.version, pair[1].1.version);
        if next != one + 1 {
            return error(format!("root {next} follows root {one}: a client needs every version once"));
        }
    }
    Ok(roots)
}

/// Targets, then the roles it delegates to, then snapshot, then timestamp.
fn roles(files: &[(String, SignedFile)], consistent: bool) -> Result<Vec<Named<'_>>, LayoutError> {
    let mut roles = Vec::new();
    for (role, bytes) in files {
        let metadata = bytes.metadata().map_err(|e| LayoutError(format!("role {role:?}: {e}")))?;
        let version = metadata.signed()["version"].as_u64().filter(|_| consistent && role != "timestamp");
        let path = format!("metadata/{}", file_name(role, version));
        roles.push(Named { path, role: role.clone(), metadata, bytes });
    }
    // A client that reads while we publish must not see a file that names one that is not there yet.
    let place = |role: &str| match role {
        "timestamp" => 3,
        "snapshot" => 2,
        "targets" => 0,
        _ => 1,
    };
    roles.sort_by(|a, b| (place(&a.role), &a.path).cmp(&(place(&b.role), &b.path)));
    Ok(roles)
}

/// Target files: under their path, or under one name for each listed hash.
fn targets(
    files: &BTreeSet<(String, Content)>,
    roles: &[Named<'_>],
    consistent: bool,
) -> Result<Vec<File>, LayoutError> {
    let roles = roles.iter().filter(|named| named.metadata.role_type() == "targets");
    let roles = roles.map(|named| Ok((named, Targets::listed(named.metadata)?)));
    let error_of = |e: MetadataError| LayoutError(e.to_string());
    let roles = roles.collect::<Result<Vec<_>, MetadataError>>().map_err(error_of)?;
    let mut out = Vec::new();
    for (path, content) in files {
        let mut listed = Vec::new();
        for (named, entry) in roles.iter().filter_map(|(named, listed)| Some((named, listed.get(path)?))) {
            listed.push(entry.of(path).map_err(|e| LayoutError(format!("{}: {e}", named.path)))?);
        }
        if listed.is_empty() {
            return error(format!("target {path:?} is listed by no role of this bundle"));
        }
        let is = |target: &&TargetFile| {
            let same = match content {
                Content::Bytes(bytes) => hashes_hold(bytes, target.hashes.iter()).is_ok(),
                // A copied file was hashed when it was listed: by SHA-256 it is the one that the caller means.
                Content::Copy { sha256, .. } => {
                    target.hashes.get("sha256").is_none_or(|listed| listed == sha256)
                }
            };
            same && content.length() == target.length
        };
        let mut seen = BTreeSet::new();
        let names = listed.iter().filter(is).flat_map(|target| names(path, target, consistent));
        // Several roles may list the same file: each name once.
        let names: Vec<String> = names.filter(|name| seen.insert(name.clone())).collect();
        if names.is_empty() {
            return error(format!("target {path:?} is not the file that the metadata lists"));
        }
        out.extend(names.into_iter().map(|name| (name, content.clone())));
    }
    Ok(out)
}

/// Where a target lies: `targets/PATH`, or `targets/DIR/HASH.NAME` once for each hash by a known algorithm.
///
/// The specification and python-tuf put the hash before the file's name, tough before the whole path: a target in a
/// folder lies at both places, so that both find it.
pub(super) fn names(path: &str, target: &TargetFile, consistent: bool) -> Vec<String> {
    if !consistent {
        return vec![format!("targets/{path}")];
    }
    let (folder, name) =
        path.rsplit_once('/').map_or(("", path), |(_, name)| (&path[..path.len() - name.len()], name));
    let known = target.hashes.iter().filter(|(algorithm, _)| ["sha256", "sha512"].contains(algorithm));
    known
        .flat_map(|(_, hash)| {
            let specified = format!("targets/{folder}{hash}.{name}");
            let for_tough = (!folder.is_empty()).then(|| format!("targets/{hash}.{path}"));
            std::iter::once(specified).chain(for_tough)
        })
        .collect()
}

/// The paths of the targets that may lie at `place`, whatever their hashes: [`names`] the other way round.
pub(super) fn paths(place: &str) -> Vec<String> {
    let Some(place) = place.strip_prefix("targets/") else { return Vec::new() };
    let mut paths = vec![place.to_owned()];
    let (folder, name) =
        place.rsplit_once('/').map_or(("", place), |(_, name)| place.split_at(place.len() - name.len()));
    paths.extend(name.split_once('.').map(|(_, name)| format!("{folder}{name}")));
    paths.extend(place.split_once('.').map(|(_, path)| path.to_owned()));
    paths
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_place_of_a_target_leads_back_to_its_path() {
        let hashes = [("sha256", "00ff"), ("sha512", "11ee"), ("x", "y")];
        let hashes = BTreeMap::from(hashes.map(|(name, hash)| (name.to_owned(), hash.to_owned()))).into();
        let target = TargetFile { length: 1, hashes, custom: None };
        for path in ["a", "a.tar.gz", ".a", "a/b", "a.b/c.d/e.f", "a/b/.c", "a.b/c"] {
            for consistent in [true, false] {
                let places = names(path, &target, consistent);

                assert!(!places.is_empty());
                for place in places {
                    assert!(paths(&place).contains(&path.to_owned()), "{place} {path}");
                }
            }
        }
        assert!(paths("metadata/1.root.json").is_empty());
    }
}
