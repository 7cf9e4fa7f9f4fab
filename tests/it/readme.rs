//! The commands that a ceremony's README shows, run as they are written, in a copy of its directory.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_commands_of_every_ceremony_work_as_written() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies");
    for ceremony in fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path()) {
        let work = tempfile::tempdir().unwrap();
        copy(&ceremony, work.path());
        let readme = fs::read_to_string(ceremony.join("README.md")).unwrap();

        let commands = shown(&readme);

        assert!(!commands.is_empty(), "{} shows no command", ceremony.display());
        for command in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            assert_eq!(words[0], "keyrite", "a block marked console runs keyrite: {command}");
            let output = Command::new(env!("CARGO_BIN_EXE_keyrite"))
                .env_clear()
                .current_dir(work.path())
                .args(&words[1..])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {command}\n{said}", ceremony.display());
        }
    }
}

/// The lines with a prompt in the blocks marked `console`.
fn shown(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    lines.filter_map(|line| line.strip_prefix("$ ")).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}
