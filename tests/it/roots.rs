//! Which implementation verifies which production root: `docs/roots.md` is what is found here, and nothing else.
//!
//! The peers are given a directory with roots and no timestamp. One that complains of the missing timestamp has
//! accepted the roots; any other word of it is about a root.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::tuf::Date;
use keyrite::tuf::Metadata;
use keyrite::tuf::client::Request;
use keyrite::tuf::client::Scope;
use keyrite::tuf::client::verify;

use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::tuf::vectors::vectors;
use crate::tuf::world::Set;

const DAY: i64 = 24 * 60 * 60;

/// Roots of one row, by the name that a client asks for; the first is the pinned one.
struct Row {
    what: String,
    roots: BTreeMap<u64, PathBuf>,
}

impl Row {
    fn of(what: String, files: &[PathBuf]) -> Self {
        let roots = files.iter().map(|file| (version(file), file.clone())).collect();
        Self { what, roots }
    }

    /// A day before the last root expires.
    fn at(&self) -> Date {
        let (_, last) = self.roots.last_key_value().unwrap();
        let expires = metadata(last).signed()["expires"].as_str().unwrap().to_owned();
        Date::from_unix(Date::parse_lenient(&expires).unwrap().unix() - DAY)
    }

    /// As the table has it, and the words of those who refuse.
    fn judged(&self) -> Option<(String, Vec<String>)> {
        let said = [Some(self.by_keyrite()), self.by(Peer::PythonTuf), self.by(Peer::Tough)];
        let mut line = format!("| {} |", self.what);
        let mut words = Vec::new();
        for (who, said) in ["keyrite", "python-tuf", "tough"].iter().zip(said) {
            let said = said?;
            line += if said.is_ok() { " yes |" } else { " **no** |" };
            words.extend(said.err().map(|why| format!("{}: {who}: {why}", self.what)));
        }
        Some((line, words))
    }

    fn by_keyrite(&self) -> Result<(), String> {
        let named =
            |(version, file): (&u64, &PathBuf)| (format!("{version}.root.json"), fs::read(file).unwrap());
        let set = Set(self.roots.iter().map(named).collect());
        let pinned = fs::read(self.roots.first_key_value().unwrap().1).unwrap();
        let request = Request { pinned: &pinned, at: self.at(), scope: Scope::Root, allow_rehearsal: false };
        let verified = verify(&set, &request).map_err(|refused| refused.to_string())?;
        assert_eq!(verified.trusted.len(), self.roots.len(), "{}", self.what);
        Ok(())
    }

    /// `None`: the peer is not installed.
    fn by(&self, peer: Peer) -> Option<Result<(), String>> {
        let bundle = tempfile::tempdir().unwrap();
        let metadata = bundle.path().join("metadata");
        fs::create_dir_all(bundle.path().join("targets")).unwrap();
        fs::create_dir(&metadata).unwrap();
        for (version, file) in &self.roots {
            fs::copy(file, metadata.join(format!("{version}.root.json"))).unwrap();
        }
        let first = self.roots.first_key_value().unwrap().0;
        let at = self.at().to_string();
        let pinned_root = metadata.join(format!("{first}.root.json"));
        let visit = Visit { bundle: bundle.path(), pinned_root, target: "any.txt", at: &at };
        let said = peer.judge(&visit)?.unwrap_err();
        Some(if said.contains("timestamp.json") { Ok(()) } else { Err(said) })
    }
}

#[test]
fn the_table_of_production_roots_is_what_is_found() {
    let Some(vectors) = vectors() else { return };
    let mut rows = Vec::new();
    let mut words = Vec::new();
    for row in rows_of(&vectors) {
        let Some((line, said)) = row.judged() else { return };
        rows.push(line);
        words.extend(said);
    }

    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/roots.md")).unwrap();
    let written: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.contains(" root |")).collect();

    println!("{}", words.join("\n"));
    assert_eq!(
        written.join("\n"),
        rows.join("\n"),
        "docs/roots.md is not what is found:\n{}\n",
        rows.join("\n")
    );
}

fn rows_of(vectors: &Path) -> Vec<Row> {
    let history = vectors.join("sigstore-root-signing/root_history");
    let sigstore: Vec<PathBuf> = (1..=16).map(|n| history.join(format!("{n}.root.json"))).collect();
    let mut rows: Vec<Row> = sigstore
        .iter()
        .zip(1..)
        .map(|(file, n)| Row::of(format!("Sigstore {n}"), std::slice::from_ref(file)))
        .collect();
    for first in [1, 2, 5, 11, 12] {
        rows.push(Row::of(format!("Sigstore {first} to 16, one chain"), &sigstore[first - 1..]));
    }
    for file in files(&vectors.join("github-cli/root")) {
        rows.push(Row::of(format!("GitHub {}", version(&file)), &[file]));
    }
    let mut known = BTreeSet::new();
    for file in files(&vectors.join("bottlerocket")) {
        // The same root lies under several names.
        if !known.insert(fs::read(&file).unwrap()) {
            continue;
        }
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (commit, name) = stem.split_once("__").unwrap();
        let name = name.trim_end_matches("_root").replace('_', "/");
        rows.push(Row::of(format!("Bottlerocket {} of `{name}` at {commit}", version(&file)), &[file]));
    }
    rows
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn metadata(file: &Path) -> Metadata {
    Metadata::parse(&fs::read(file).unwrap()).unwrap()
}

fn version(file: &Path) -> u64 {
    metadata(file).signed()["version"].as_u64().unwrap()
}
