//! `files` of a targets role: where its target files come from, and which of the others stay.

use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::tuf::fault::Fault;
use crate::tuf::targets::Files;
use crate::tuf::targets::Listed;
use crate::tuf::targets::change;
use crate::tuf::targets::change::Change;
use crate::tuf::targets::change::Origin;
use crate::tuf::targets::change::Wanted;
use crate::tuf::targets::manifest::ALGORITHMS;

/// Where a role's target files come from.
#[derive(Clone, Debug, PartialEq)]
pub struct FilesSpec {
    /// Where it stands.
    pub place: Place,
    /// The directory or the manifest, relative to the ceremony file; empty where files are only taken out.
    pub from: At<String>,
    /// Which of the two it is.
    pub origin: Origin,
    /// The role's other files stay.
    pub keep: bool,
    /// With `keep`: others that do not stay.
    pub remove: Vec<At<String>>,
    /// The algorithms that are hashed with, or that each entry of a manifest must have. Empty: the usual one.
    pub hashes: Vec<At<String>>,
}

/// Reads `files`. FILES-SOURCE, FILES-HASHES, REMOVE-NEEDS-KEEP.
pub fn read(node: &Node, role: &str, problems: &mut Vec<Problem>) -> Option<FilesSpec> {
    let mut fields = Fields::of(node, format!("files of {role}"), problems)?;
    let directory = fields.text("from", problems);
    let manifest = fields.text("manifest", problems);
    let keep = fields.flag("keep", problems).is_some_and(|flag| flag.value);
    let remove = fields.names("remove", problems);
    let hashes = fields.names("hashes", problems);
    fields.finish(problems);
    let mut say = |rule, place, text: String| problems.push(Problem::error(rule, Some(place), text));
    if let (false, Some(remove)) = (keep, &remove) {
        let text = "\"remove\" goes with `keep: true`; without it every file that is not listed is taken out";
        say("REMOVE-NEEDS-KEEP", remove.place, text.to_owned());
    }
    if let Some(hashes) = &hashes {
        let known: Vec<&str> = ALGORITHMS.map(|(name, _)| name).to_vec();
        for name in hashes.value.iter().filter(|name| !known.contains(&name.value.as_str())) {
            let text = format!(
                "{:?} is not a hash that clients compare; these are {}",
                name.value,
                known.join(" and ")
            );
            say("FILES-HASHES", name.place, text);
        }
        if hashes.value.is_empty() {
            say("FILES-HASHES", hashes.place, format!("files of {role} would have no hash at all"));
        }
    }
    let (from, origin) = match (directory, manifest) {
        (Some(directory), None) => (directory, Origin::Directory),
        (None, Some(manifest)) => (manifest, Origin::Manifest),
        // Nothing joins: a manifest that lists nothing.
        (None, None) if keep && remove.as_ref().is_some_and(|remove| !remove.value.is_empty()) => {
            (At { value: String::new(), place: node.place }, Origin::Manifest)
        }
        _ => {
            let text = format!(
                "files of {role} come from a directory, `from: DIR`, or from a manifest, `manifest: FILE.json`; one of them is needed, or `keep: true` with `remove: [PATH]`"
            );
            say("FILES-SOURCE", node.place, text);
            return None;
        }
    };
    let values = |names: Option<At<Vec<At<String>>>>| names.map(|names| names.value).unwrap_or_default();
    Some(FilesSpec { place: node.place, from, origin, keep, remove: values(remove), hashes: values(hashes) })
}

/// What `spec` makes of the files that a role lists, and of `files`, as they were hashed or listed.
pub(crate) fn change(before: Listed<'_>, spec: &FilesSpec, files: &Files) -> Result<Change, String> {
    let wanted = Wanted {
        files: files.clone(),
        origin: spec.origin,
        keep: spec.keep,
        remove: spec.remove.iter().map(|path| path.value.clone()).collect(),
    };
    let told = |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
    change::apply(before, wanted).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::node;

    fn read_text(text: &str) -> Result<FilesSpec, Vec<&'static str>> {
        let mut problems = Vec::new();
        let spec = read(&node::parse(text).unwrap(), "targets", &mut problems);
        match spec.filter(|_| problems.is_empty()) {
            Some(spec) => Ok(spec),
            None => Err(problems.into_iter().map(|problem| problem.rule).collect()),
        }
    }

    #[test]
    fn files_come_from_a_directory_or_from_a_manifest() {
        let directory = read_text("{from: inputs/targets}").unwrap();
        let manifest =
            read_text("{manifest: inputs/m.json, keep: true, remove: [a, b/c], hashes: [sha256, sha512]}")
                .unwrap();

        assert_eq!((directory.origin, directory.keep), (Origin::Directory, false));
        assert_eq!((manifest.origin, manifest.keep), (Origin::Manifest, true));
        assert_eq!((manifest.remove.len(), manifest.hashes.len()), (2, 2));
        let taken_out = read_text("{keep: true, remove: [a]}").unwrap();
        assert_eq!((taken_out.origin, taken_out.from.value.as_str()), (Origin::Manifest, ""));
    }

    #[test]
    fn files_that_say_too_little_or_too_much_are_refused_by_name() {
        for (rule, text) in [
            ("FILES-SOURCE", "{keep: true}"),
            ("FILES-SOURCE", "{from: a, manifest: b}"),
            ("FILES-HASHES", "{from: a, hashes: [md5]}"),
            ("FILES-HASHES", "{from: a, hashes: []}"),
            ("REMOVE-NEEDS-KEEP", "{from: a, remove: [b]}"),
            ("FILES-SOURCE", "{keep: true, remove: []}"),
            ("UNKNOWN-FIELD", "{from: a, custom: b}"),
            ("WRONG-KIND", "{from: a, keep: yes}"),
        ] {
            assert_eq!(read_text(text).unwrap_err(), [rule], "{text}");
        }
    }
}
