//! The program as people start it: a cleared environment, a directory of its own, everything it said.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

/// What a run of the program left.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The run, when it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// The program, started from the project's top with nothing in its environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyrite"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A program of `examples/` or `tests/programs/`: `target/PROFILE/examples/NAME`, which cargo builds before it runs tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent).unwrap();
    folder.join("examples").join(name)
}

/// Runs it to its end.
pub(crate) fn keyrite(args: &[&str]) -> Said {
    Said::of(&command().args(args).output().unwrap())
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The quickstart, as the project ships it.
pub(crate) fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/quickstart")
}

/// `run`, or `resume`, of the quickstart's rehearsal into a record.
pub(crate) fn rehearse_quickstart(record: &Path) -> Command {
    let (file, answers) = (quickstart().join("ceremony.yaml"), quickstart().join("answers.yaml"));
    let mut command = command();
    command.args(["run", text(&file), "--rehearse", "--plain"]);
    command.args(["--answers", text(&answers), "--record", text(record)]);
    command
}

/// Goes on with a rehearsal of the quickstart.
pub(crate) fn resume_quickstart(record: &Path) -> Said {
    let answers = quickstart().join("answers.yaml");
    keyrite(&["resume", text(record), "--plain", "--answers", text(&answers)])
}

/// The same command, where no file may grow beyond so many bytes.
pub(crate) fn within(bytes: u64, run: &Command) -> Command {
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--fsize={bytes}")).arg(run.get_program()).args(run.get_args());
    limited.env_clear().envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(run.get_current_dir().unwrap());
    limited
}

/// Every file below a directory with its bytes, in order.
pub(crate) fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                files.push((path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// A ceremony of the quickstart's file whose answers are changed: a directory with `answers.yaml`, and the record.
pub(crate) struct Changed {
    /// Removed with everything in it when the test ends.
    _dir: tempfile::TempDir,
    pub(crate) record: PathBuf,
    pub(crate) answers: PathBuf,
}

impl Changed {
    /// Rehearses the quickstart with `from` in its answers replaced by `to`, and expects this exit code.
    #[track_caller]
    pub(crate) fn rehearsal(from: &str, to: &str, code: i32) -> (Self, Said) {
        let dir = tempfile::tempdir().unwrap();
        let (record, answers) = (dir.path().join("record"), dir.path().join("answers.yaml"));
        let changed = Self { _dir: dir, record, answers };
        changed.answer(from, to);
        let file = quickstart().join("ceremony.yaml");
        let said = run_by_file(&file, &changed.answers, &changed.record, &["--rehearse"]).ended(code);
        (changed, said)
    }

    /// Writes the quickstart's answers with `from` replaced by `to`.
    pub(crate) fn answer(&self, from: &str, to: &str) {
        let whole = std::fs::read_to_string(quickstart().join("answers.yaml")).unwrap();
        std::fs::write(&self.answers, whole.replace(from, to)).unwrap();
    }

    /// Goes on with the answers as they are now.
    pub(crate) fn resume(&self) -> Said {
        keyrite(&["resume", text(&self.record), "--plain", "--answers", text(&self.answers)])
    }
}

/// `keyrite run` line by line, answered by a file.
pub(crate) fn run_by_file(file: &Path, answers: &Path, record: &Path, more: &[&str]) -> Said {
    let run = ["run", text(file), "--plain", "--answers", text(answers), "--record", text(record)];
    keyrite(&[&run[..], more].concat())
}
