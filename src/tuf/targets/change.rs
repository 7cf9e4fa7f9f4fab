//! From the target files that a role lists to those that it shall list, and what that changes.
//!
//! A file may be replaced, and one that was taken out may come back: clients compare the versions of roles, and
//! these only rise.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::fault::Fault;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::listed::Written;
use crate::tuf::targets::path;

/// Where the wanted files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A directory that was hashed: it says nothing of `custom`.
    Directory,
    /// A manifest, which says everything.
    Manifest,
}

/// The files that a role shall list.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// By path.
    pub files: BTreeMap<String, TargetFile>,
    /// Where they come from.
    pub origin: Origin,
    /// The role's other files stay; otherwise these are all.
    pub keep: bool,
    /// With `keep`: other files that do not stay.
    pub remove: Vec<String>,
}

/// What becomes of a role's files. Paths in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// What the role says in new words: of all that is added, replaced or restated.
    pub written: BTreeMap<String, TargetFile>,
    /// Were not there.
    pub added: Vec<String>,
    /// Have other content.
    pub replaced: Vec<String>,
    /// The content is the same; hashes or `custom` differ.
    pub restated: Vec<String>,
    /// Are there no longer.
    pub removed: Vec<String>,
    /// Of the replaced ones: had `custom`, which a directory cannot say anew.
    pub custom_lost: Vec<String>,
    /// How many stay as they were.
    pub same: usize,
}

/// Applies what is wanted to what is listed.
///
/// # Errors
/// Every rule that is broken: TARGET-PATH, REMOVE-NEEDS-KEEP, REMOVE-KNOWN, REMOVE-OR-LIST; and TARGET-READABLE for a
/// target that is listed in a form that cannot be understood, and would change.
pub fn apply(before: Listed<'_>, wanted: Wanted) -> Result<Change, Vec<Fault>> {
    let faults = faults(before, &wanted);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut change = Change::default();
    let Wanted { files, origin, keep, remove } = wanted;
    if keep {
        let removed = remove.into_iter().collect::<BTreeSet<_>>();
        let wanted = files.keys().filter(|path| before.get(path).is_some()).count();
        change.same = before.len() - wanted - removed.len();
        change.removed.extend(removed);
    } else {
        let gone = before.paths().filter(|path| !files.contains_key(*path));
        change.removed.extend(gone.map(str::to_owned));
    }
    for (path, mut file) in files {
        let old = before.get(&path).map(|entry| entry.of(&path)).transpose();
        match old.map_err(|why| vec![Fault::new("TARGET-READABLE", &path, why.to_string())])? {
            None => change.added.push(path.clone()),
            Some(old) if same_content(&old, &file) => {
                if origin == Origin::Directory {
                    file.custom.clone_from(&old.custom);
                }
                if file == old {
                    change.same += 1;
                    continue;
                }
                change.restated.push(path.clone());
            }
            Some(old) => {
                if origin == Origin::Directory && old.custom.is_some() {
                    change.custom_lost.push(path.clone());
                }
                change.replaced.push(path.clone());
            }
        }
        change.written.insert(path, file);
    }
    Ok(change)
}

impl Change {
    /// All that the role lists from now on, in order: what stays lies as it lay.
    pub(crate) fn after<'a>(&'a self, before: Listed<'a>) -> impl Iterator<Item = (&'a str, Written<'a>)> {
        let mut new = self.written.iter().map(|(path, file)| (path.as_str(), Written::New(file))).peekable();
        let mut old = before.iter().filter(|(path, _)| self.stays(path)).peekable();
        std::iter::from_fn(move || {
            let first = match (old.peek(), new.peek()) {
                (Some((old, _)), Some((new, _))) => old < new,
                (old, _) => old.is_some(),
            };
            if first { old.next().map(|(path, entry)| (path, Written::AsItLies(entry))) } else { new.next() }
        })
    }

    /// What changes, in the order of paths: what each says from now on, or nothing where it is no longer listed.
    pub(crate) fn edits(&self) -> impl Iterator<Item = (&str, Option<&TargetFile>)> {
        let written = self.written.iter().map(|(path, file)| (path.as_str(), Some(file)));
        let removed = self.removed.iter().map(|path| (path.as_str(), None));
        let all: BTreeMap<&str, Option<&TargetFile>> = removed.chain(written).collect();
        all.into_iter()
    }

    fn stays(&self, path: &str) -> bool {
        let gone = || self.removed.binary_search_by(|removed| removed.as_str().cmp(path)).is_ok();
        !(self.written.contains_key(path) || gone())
    }
}

fn faults(before: Listed<'_>, wanted: &Wanted) -> Vec<Fault> {
    let mut faults = Vec::new();
    // What is listed already stays allowed: it is what clients ask for today.
    for path in wanted.files.keys().filter(|path| before.get(path).is_none()) {
        if let Err(why) = path::form(path) {
            faults.push(Fault::new("TARGET-PATH", path, format!("the path {path:?} {why}")));
        }
    }
    if !wanted.keep && !wanted.remove.is_empty() {
        let text = "`remove` goes with `keep: true`; without it everything that is not listed is taken out";
        faults.push(Fault::new("REMOVE-NEEDS-KEEP", "", text));
        return faults;
    }
    for path in &wanted.remove {
        if wanted.files.contains_key(path) {
            let text = format!("{path} is to be removed, and is listed anew; only one of them can be meant");
            faults.push(Fault::new("REMOVE-OR-LIST", path, text));
        } else if before.get(path).is_none() {
            let text = format!("{path} is to be removed, and the role does not list it");
            faults.push(Fault::new("REMOVE-KNOWN", path, text));
        }
    }
    faults
}

/// Whether both describe the same bytes: as long, and no hash that says otherwise, at least one that says so.
fn same_content(a: &TargetFile, b: &TargetFile) -> bool {
    let mut common =
        a.hashes.iter().filter_map(|(name, digest)| Some((digest, b.hashes.get(name)?))).peekable();
    a.length == b.length && common.peek().is_some() && common.all(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tuf::Metadata;

    fn file(content: &str) -> TargetFile {
        let sha256 = format!("{content:0>64}");
        TargetFile { length: 1, hashes: [("sha256", sha256)].into_iter().collect(), custom: None }
    }

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, TargetFile> {
        list.iter().map(|(path, content)| ((*path).to_owned(), file(content))).collect()
    }

    /// Metadata that lists them.
    fn listing(files: &BTreeMap<String, TargetFile>) -> Metadata {
        let files = files.iter().map(|(path, file)| (path.as_str(), Written::New(file)));
        Metadata::of_targets(json!({"_type": "targets"}), 0, files).unwrap()
    }

    fn apply(before: &BTreeMap<String, TargetFile>, wanted: Wanted) -> Result<Change, Vec<Fault>> {
        super::apply(listing(before).listed().unwrap(), wanted)
    }

    /// All that is listed then.
    fn after(before: &BTreeMap<String, TargetFile>, change: &Change) -> BTreeMap<String, TargetFile> {
        let before = listing(before);
        let after = change.after(before.listed().unwrap());
        let after = Metadata::of_targets(json!({"_type": "targets"}), 0, after).unwrap();
        after.listed().unwrap().iter().map(|(path, entry)| (path.to_owned(), entry.read().unwrap())).collect()
    }

    fn directory(list: &[(&str, &str)]) -> Wanted {
        Wanted { files: files(list), origin: Origin::Directory, keep: false, remove: Vec::new() }
    }

    #[test]
    fn the_full_state_adds_replaces_and_removes() {
        let before = files(&[("a", "1"), ("b", "1"), ("c", "1")]);

        let change = apply(&before, directory(&[("a", "1"), ("b", "2"), ("d", "1")])).unwrap();

        assert_eq!(after(&before, &change), files(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert_eq!(
            (change.added, change.replaced, change.removed),
            (vec!["d".into()], vec!["b".into()], vec!["c".into()])
        );
        assert_eq!(change.same, 1);
    }

    #[test]
    fn with_keep_the_others_stay_but_those_to_remove() {
        let before = files(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let wanted = Wanted { keep: true, remove: vec!["c".to_owned()], ..directory(&[("d", "1")]) };

        let change = apply(&before, wanted).unwrap();

        assert_eq!(change.removed, ["c"]);
        assert_eq!(change.same, 2);
        assert_eq!(after(&before, &change), files(&[("a", "1"), ("b", "1"), ("d", "1")]));
    }

    #[test]
    fn a_file_that_was_removed_may_come_back() {
        let first = files(&[("a", "1")]);
        let without = apply(&first, directory(&[])).unwrap();

        let without = after(&first, &without);
        let again = apply(&without, directory(&[("a", "1")])).unwrap();

        assert_eq!(after(&without, &again), first);
        assert_eq!(again.added, ["a"]);
    }

    #[test]
    fn custom_stays_with_content_that_stays_and_goes_aloud_with_content_that_goes() {
        let mut before = files(&[("a", "1"), ("b", "1")]);
        for file in before.values_mut() {
            file.custom = Some(json!({"by": "ana"}));
        }
        let mut both = directory(&[("a", "1"), ("b", "2")]);
        if let Some(file) = both.files.get_mut("a") {
            file.hashes = [("sha256", file.hashes["sha256"].to_owned()), ("sha512", "5".repeat(128))]
                .into_iter()
                .collect();
        }

        let change = apply(&before, both.clone()).unwrap();

        assert_eq!(
            (change.restated.as_slice(), change.custom_lost.as_slice()),
            (&["a".to_owned()][..], &["b".to_owned()][..])
        );
        assert_eq!(change.written["a"].custom, before["a"].custom);
        assert_eq!(change.written["b"].custom, None);
        let said = apply(&before, Wanted { origin: Origin::Manifest, ..both }).unwrap();
        assert_eq!((said.written["a"].custom.as_ref(), said.custom_lost.len()), (None, 0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let before = files(&[("a", "1"), ("../old", "1")]);
        let removing =
            |keep, path: &str| Wanted { keep, remove: vec![path.to_owned()], ..directory(&[("b", "1")]) };
        for (rule, wanted) in [
            ("TARGET-PATH", directory(&[("../b", "1")])),
            ("REMOVE-NEEDS-KEEP", removing(false, "a")),
            ("REMOVE-KNOWN", removing(true, "c")),
            ("REMOVE-OR-LIST", removing(true, "b")),
        ] {
            let faults = apply(&before, wanted).unwrap_err();

            assert_eq!(faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [rule]);
        }
        assert!(apply(&before, directory(&[("../old", "2")])).is_ok());
    }

    proptest! {
        #[test]
        fn every_path_is_told_once(
            before in prop::collection::btree_map("[a-e]", "[12]", 0..5),
            wanted in prop::collection::btree_map("[a-e]", "[12]", 0..5),
            keep in any::<bool>(),
        ) {
            let of = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (k.clone(), file(v))).collect();
            let (before, wanted): (BTreeMap<_, _>, BTreeMap<_, _>) = (of(&before), of(&wanted));

            let change = apply(&before, Wanted { files: wanted.clone(), origin: Origin::Directory, keep, remove: vec![] });

            let change = change.unwrap();
            let told = change.added.len() + change.replaced.len() + change.removed.len() + change.same;
            let paths: BTreeSet<_> = before.keys().chain(wanted.keys()).collect();
            prop_assert_eq!(told, paths.len());
            let after = after(&before, &change);
            for (path, file) in &wanted {
                prop_assert_eq!(&after[path], file);
            }
            prop_assert_eq!(after.len(), if keep { paths.len() } else { wanted.len() });
        }
    }
}
