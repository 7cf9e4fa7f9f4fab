//! From the target files that a role lists to those that it shall list, and what that changes.
//!
//! A file may be replaced, and one that was taken out may come back: clients compare the versions of roles, and
//! these only rise.

use std::collections::BTreeSet;

use serde_json::Map;

use crate::tuf::fault::Fault;
use crate::tuf::metadata::MetadataError;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Files;
use crate::tuf::targets::Listed;
use crate::tuf::targets::TargetFile;
use crate::tuf::targets::files::in_order;
use crate::tuf::targets::path;
use crate::tuf::targets::writer::Writer;

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
    pub files: Files,
    /// Where they come from.
    pub origin: Origin,
    /// The role's other files stay; otherwise these are all.
    pub keep: bool,
    /// With `keep`: other files that do not stay.
    pub remove: Vec<String>,
}

/// What is new of a file that a role says in new words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum New {
    /// It was not there.
    Added,
    /// It has other content.
    Replaced,
    /// The content is the same; hashes or `custom` differ.
    Restated,
}

/// What becomes of a role's files. Paths in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// What the role says in new words.
    pub written: Files,
    /// What is new of each of them.
    new: Vec<New>,
    /// Are there no longer.
    pub removed: Vec<String>,
    /// Of the replaced ones: had `custom`, which a directory cannot say anew.
    pub custom_lost: Vec<String>,
    /// How many stay as they were.
    pub same: usize,
}

/// What becomes of one wanted file.
enum Fate {
    Same,
    /// As it is wanted.
    New(New),
    /// With the `custom` that it had.
    Keeps(Box<TargetFile>),
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
    let listed = files.listed();
    if keep {
        let removed = remove.into_iter().collect::<BTreeSet<_>>();
        let wanted = listed.paths().filter(|path| before.get(path).is_some()).count();
        change.same = before.len() - wanted - removed.len();
        change.removed.extend(removed);
    } else {
        let gone = before.paths().filter(|path| listed.get(path).is_none());
        change.removed.extend(gone.map(str::to_owned));
    }
    let mut fates = Vec::with_capacity(listed.len());
    for (path, entry) in listed.iter() {
        let fate = match before.get(path) {
            None => Fate::New(New::Added),
            Some(old) if old == entry => Fate::Same,
            Some(old) => {
                let readable =
                    |why: MetadataError| vec![Fault::new("TARGET-READABLE", path, why.to_string())];
                let (old, mut file) = (old.of(path).map_err(readable)?, entry.of(path).map_err(readable)?);
                let same = same_content(&old, &file);
                let said = file.custom.clone();
                if same && origin == Origin::Directory {
                    file.custom.clone_from(&old.custom);
                }
                if !same && origin == Origin::Directory && old.custom.is_some() {
                    change.custom_lost.push(path.to_owned());
                }
                match same {
                    true if file == old => Fate::Same,
                    true if file.custom == said => Fate::New(New::Restated),
                    true => Fate::Keeps(Box::new(file)),
                    false => Fate::New(New::Replaced),
                }
            }
        };
        fates.push(fate);
    }
    change.same += fates.iter().filter(|fate| matches!(fate, Fate::Same)).count();
    change.new = fates.iter().filter_map(Fate::what).collect();
    change.written = match fates.iter().all(|fate| matches!(fate, Fate::New(_))) {
        true => files,
        false => {
            written(listed, &fates).map_err(|why| vec![Fault::new("TARGET-READABLE", "", why.to_string())])?
        }
    };
    Ok(change)
}

impl Fate {
    /// What is new of it.
    fn what(&self) -> Option<New> {
        match self {
            Self::Same => None,
            Self::New(new) => Some(*new),
            Self::Keeps(_) => Some(New::Restated),
        }
    }
}

/// The files that are said in new words.
fn written(listed: Listed<'_>, fates: &[Fate]) -> Result<Files, MetadataError> {
    let mut writer = Writer::new(Map::new(), (0, 0))?;
    for ((path, entry), fate) in listed.iter().zip(fates) {
        match fate {
            Fate::Same => {}
            Fate::New(_) => writer.copy(path, entry)?,
            Fate::Keeps(file) => writer.add(path, file)?,
        }
    }
    Files::written(writer)
}

impl Change {
    /// The paths of what is new in one way.
    pub fn paths(&self, new: New) -> impl Iterator<Item = &str> {
        self.written.listed().paths().zip(&self.new).filter(move |(_, is)| **is == new).map(|(path, _)| path)
    }

    /// All that the role lists from now on, in order.
    pub(crate) fn after<'a>(&'a self, before: Listed<'a>) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        in_order(before.iter().filter(|(path, _)| self.stays(path)), self.written.listed().iter())
    }

    /// The same, beside what was listed.
    pub(crate) fn all(self, before: &Files) -> Result<Files, MetadataError> {
        if before.is_empty() {
            return Ok(self.written);
        }
        let ((old, of_old), (new, of_new)) = (before.room(), self.written.room());
        Files::copied((old + new, of_old + of_new), self.after(before.listed()))
    }

    /// What changes, in the order of paths: what each says from now on, or nothing where it is no longer listed.
    pub(crate) fn edits(&self) -> impl Iterator<Item = (&str, Option<Entry<'_>>)> {
        let written = self.written.listed().iter().map(|(path, entry)| (path, Some(entry)));
        in_order(self.removed.iter().map(|path| (path.as_str(), None)), written)
    }

    fn stays(&self, path: &str) -> bool {
        let gone = || self.removed.binary_search_by(|removed| removed.as_str().cmp(path)).is_ok();
        !(self.written.listed().get(path).is_some() || gone())
    }
}

fn faults(before: Listed<'_>, wanted: &Wanted) -> Vec<Fault> {
    let mut faults = Vec::new();
    // What is listed already stays allowed: it is what clients ask for today.
    let listed = wanted.files.listed();
    for path in listed.paths().filter(|path| before.get(path).is_none()) {
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
        if listed.get(path).is_some() {
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
pub(crate) fn same_content(a: &TargetFile, b: &TargetFile) -> bool {
    let mut common =
        a.hashes.iter().filter_map(|(name, digest)| Some((digest, b.hashes.get(name)?))).peekable();
    a.length == b.length && common.peek().is_some() && common.all(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn file(content: &str) -> TargetFile {
        let sha256 = format!("{content:0>64}");
        TargetFile { length: 1, hashes: [("sha256", sha256)].into_iter().collect(), custom: None }
    }

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, TargetFile> {
        list.iter().map(|(path, content)| ((*path).to_owned(), file(content))).collect()
    }

    fn held(files: &BTreeMap<String, TargetFile>) -> Files {
        Files::of(files.iter().map(|(path, file)| (path.as_str(), file))).unwrap()
    }

    fn apply(before: &BTreeMap<String, TargetFile>, wanted: Wanted) -> Result<Change, Vec<Fault>> {
        super::apply(held(before).listed(), wanted)
    }

    fn one(files: &Files, path: &str) -> TargetFile {
        files.listed().get(path).unwrap().read().unwrap()
    }

    /// All that is listed then.
    fn after(before: &BTreeMap<String, TargetFile>, change: &Change) -> BTreeMap<String, TargetFile> {
        let before = held(before);
        let after = Files::copied((0, 0), change.after(before.listed())).unwrap();
        after.listed().iter().map(|(path, entry)| (path.to_owned(), entry.read().unwrap())).collect()
    }

    fn directory(list: &[(&str, &str)]) -> Wanted {
        Wanted { files: held(&files(list)), origin: Origin::Directory, keep: false, remove: Vec::new() }
    }

    #[test]
    fn the_full_state_adds_replaces_and_removes() {
        let before = files(&[("a", "1"), ("b", "1"), ("c", "1")]);

        let change = apply(&before, directory(&[("a", "1"), ("b", "2"), ("d", "1")])).unwrap();

        assert_eq!(after(&before, &change), files(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert!(change.paths(New::Added).eq(["d"]) && change.paths(New::Replaced).eq(["b"]));
        assert_eq!((change.removed.as_slice(), change.same), (&["c".to_owned()][..], 1));
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
        assert!(again.paths(New::Added).eq(["a"]));
    }

    #[test]
    fn custom_stays_with_content_that_stays_and_goes_aloud_with_content_that_goes() {
        let mut before = files(&[("a", "1"), ("b", "1")]);
        for file in before.values_mut() {
            file.custom = Some(json!({"by": "ana"}));
        }
        let mut both = files(&[("a", "1"), ("b", "2")]);
        if let Some(file) = both.get_mut("a") {
            file.hashes = [("sha256", file.hashes["sha256"].to_owned()), ("sha512", "5".repeat(128))]
                .into_iter()
                .collect();
        }
        let both = Wanted { files: held(&both), ..directory(&[]) };

        let change = apply(&before, both.clone()).unwrap();

        assert!(change.paths(New::Restated).eq(["a"]));
        assert_eq!(change.custom_lost, ["b"]);
        assert_eq!(one(&change.written, "a").custom, before["a"].custom);
        assert_eq!(one(&change.written, "b").custom, None);
        let said = apply(&before, Wanted { origin: Origin::Manifest, ..both }).unwrap();
        assert_eq!((one(&said.written, "a").custom, said.custom_lost.len()), (None, 0));
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

            let change = apply(&before, Wanted { files: held(&wanted), origin: Origin::Directory, keep, remove: vec![] });

            let change = change.unwrap();
            let told = change.written.len() + change.removed.len() + change.same;
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
