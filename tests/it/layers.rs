//! The architecture, as tests. The table *is* the architecture: the drawing in `src/lib.rs` shows the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// What each module may import. A module imports only from below.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("tuf", &[]),
    ("store_uri", &[]),
    ("words", &[]),
    ("qr", &[]),
    ("witness", &["tuf", "words"]),
    ("assess", &["tuf", "words"]),
    ("lint", &["tuf"]),
    ("status", &["tuf", "words"]),
    ("room", &["tuf", "words"]),
    ("plan", &["lint", "room", "store_uri", "tuf", "witness", "words"]),
    ("draft", &["assess", "plan", "tuf", "words"]),
    ("ceremony", &["plan", "room", "store_uri", "tuf", "words"]),
    ("journal", &["ceremony", "plan", "tuf", "witness", "words"]),
    ("paper", &["ceremony", "journal", "plan", "qr", "room", "store_uri", "tuf", "words"]),
    ("bundle", &["tuf", "words"]),
    ("keystore", &["store_uri", "tuf", "words"]),
    (
        "driver",
        &[
            "bundle",
            "ceremony",
            "journal",
            "keystore",
            "lint",
            "paper",
            "plan",
            "qr",
            "room",
            "store_uri",
            "tuf",
            "witness",
            "words",
        ],
    ),
    (
        "cli",
        &[
            "assess",
            "bundle",
            "ceremony",
            "draft",
            "driver",
            "journal",
            "keystore",
            "lint",
            "paper",
            "plan",
            "qr",
            "room",
            "status",
            "store_uri",
            "tuf",
            "witness",
            "words",
        ],
    ),
    (
        "tui",
        &["bundle", "ceremony", "driver", "journal", "keystore", "plan", "qr", "store_uri", "tuf", "words"],
    ),
];

/// `main` and `lib` put the front ends together; they hold no other code.
const ENTRANCES: &[&str] = &["lib.rs", "main.rs"];

/// Modules that only compute: the same input gives the same answer on every machine, today and in ten years.
const PURE: &[&str] = &[
    "tuf",
    "store_uri",
    "words",
    "qr",
    "witness",
    "assess",
    "draft",
    "lint",
    "status",
    "room",
    "plan",
    "ceremony",
    "journal",
    "paper",
];

/// What a pure module never mentions.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::time",
    "std::process",
    "std::net",
    "now()",
    "now_utc()",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "getrandom",
    "OsRng",
    "SysRng",
    "thread_rng",
];

/// The one file that may say `unsafe`: the call that the safe PKCS#11 wrapper cannot make.
const MAY_BE_UNSAFE: &str = "src/keystore/pkcs11/raw.rs";

/// A file that is longer is about two things.
const LONGEST: usize = 500;

#[test]
fn a_module_imports_only_what_the_table_allows() {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| !file.is_entrance()) {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == file.module) else {
            faults.push(format!("{}: module {} is not in the table", file.path, file.module));
            continue;
        };
        for used in file.imports() {
            if used != file.module && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}: {} may not import {used}", file.path, file.module));
            }
        }
    }

    none(faults);
}

#[test]
fn the_table_has_no_cycle() {
    for (place, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        for below in *allowed {
            let found = MAY_IMPORT.iter().position(|(name, _)| name == below);
            assert!(
                found.is_some_and(|at| at < place),
                "{module} imports {below}, which is not above it in the table"
            );
        }
    }
}

#[test]
fn a_pure_module_never_touches_the_world() {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| PURE.contains(&file.module.as_str())) {
        for (number, line) in file.code() {
            for word in WORLD.iter().filter(|word| mentions(line, word)) {
                faults.push(format!("{}:{number}: {word} in a pure module", file.path));
            }
        }
    }

    none(faults);
}

#[test]
fn an_import_never_hides_in_braces() {
    let mut faults = Vec::new();
    for file in sources() {
        for (number, line) in file.code() {
            if line.contains("crate::{") || (line.contains("use crate::") && line.contains('{')) {
                faults.push(format!("{}:{number}: one import a line", file.path));
            }
        }
    }

    none(faults);
}

#[test]
fn only_one_named_file_is_unsafe() {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| file.path != MAY_BE_UNSAFE) {
        for (number, line) in file.code() {
            if mentions(line, "unsafe") {
                faults.push(format!("{}:{number}: unsafe", file.path));
            }
        }
    }

    none(faults);
}

#[test]
fn no_file_speaks_to_a_network() {
    let mut faults = Vec::new();
    for file in sources() {
        for (number, line) in file.code() {
            for word in ["std::net", "TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "AF_INET"] {
                if line.contains(word) {
                    faults.push(format!("{}:{number}: {word}", file.path));
                }
            }
        }
    }

    none(faults);
}

#[test]
fn no_file_is_longer_than_one_subject() {
    let mut faults = Vec::new();
    for file in sources() {
        let lines = file.code().count();
        if lines > LONGEST {
            faults.push(format!("{}: {lines} lines without its tests; split it at {LONGEST}", file.path));
        }
    }

    none(faults);
}

#[test]
fn the_tables_of_assurance_and_comparison_name_only_what_exists() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files(&top.join("src"), &mut paths);
    files(&top.join("tests/it"), &mut paths);
    let code: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();

    let mut faults = Vec::new();
    for page in ["docs/assurance.md", "docs/comparison.md"] {
        let table = fs::read_to_string(top.join(page)).unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| "));
        for name in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
            let path = name.contains('/') || name.contains('.');
            // A command, an option or a word of a ceremony file: not the name of a test.
            if !path && !name.contains('_') {
                continue;
            }
            let exists = if path { top.join(name).exists() } else { code.contains(&format!("fn {name}(")) };
            if !exists {
                faults.push(format!("{page} names {name}, which is not there"));
            }
        }
    }

    none(faults);
}

/// The rules above are only as good as the reader below.
#[test]
fn the_reader_finds_what_the_rules_look_for() {
    let file = Source {
        path: "src/plan/new.rs".into(),
        module: "plan".into(),
        text: "use crate::tuf::Key;\n// crate::driver is only spoken of\nfn f() { crate::cli::main(); } // crate::tui\n\
               #[cfg(test)]\nmod tests {\n    use crate::driver::Driver;\n}\n"
            .into(),
    };

    assert_eq!(file.imports(), BTreeSet::from(["cli".to_owned(), "tuf".to_owned()]));
    assert!(mentions("    println!(\"x\")", "println!"));
    assert!(!mentions("#![deny(unsafe_code)]", "unsafe"));
    assert!(!mentions("let x = eprintln!()", "println!"));
}

/// One file of the program.
struct Source {
    /// From the package's directory, as `src/tuf/key.rs`.
    path: String,
    /// First part of the path below `src/`, as `tuf`.
    module: String,
    text: String,
}

impl Source {
    fn is_entrance(&self) -> bool {
        ENTRANCES.iter().any(|name| self.path == format!("src/{name}"))
    }

    /// Numbered lines, without comments and without the tests, which stand last in a file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| line.trim_end() != "#[cfg(test)]");
        lines.enumerate().map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// Every `name` of a `crate::name` in the code.
    fn imports(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (_, line) in self.code() {
            for rest in line.split("crate::").skip(1) {
                names.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
        names.remove("");
        names
    }
}

fn without_comment(line: &str) -> &str {
    match line.find("//") {
        // `https://` in a string is no comment.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    }
}

/// Whether `word` stands in `line` as a word of its own.
fn mentions(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let goes_on = word.ends_with(part_of_name) && after.is_some_and(part_of_name);
        !goes_on && !before.is_some_and(part_of_name)
    })
}

/// Every Rust file below `src/`, without the files that only hold tests.
fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&top.join("src"), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no sources found");
    paths
        .iter()
        .map(|path| {
            let inside = path.strip_prefix(top).unwrap();
            let module = inside.components().nth(1).unwrap().as_os_str().to_string_lossy();
            Source {
                path: inside.to_string_lossy().into_owned(),
                module: module.trim_end_matches(".rs").to_owned(),
                text: fs::read_to_string(path).unwrap(),
            }
        })
        .collect()
}

/// Every file of code but those that are tests alone.
fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    let mut all = Vec::new();
    files(directory, &mut all);
    paths.extend(all.into_iter().filter(|path| !path.ends_with("tests.rs")));
}

fn files(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
