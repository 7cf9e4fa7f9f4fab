//! Other people's TUF clients, as judges of what we export: python-tuf 7 and tough, over a directory, at a fixed time.
//!
//! `./test` installs them and names them by `KEYRITE_PEER_PYTHON` and `KEYRITE_PEER_TOUGH`. Where a variable is
//! missing its peer is left out, aloud; with `CI=true` that is a failure.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

/// The time at which the peers judge. What a test exports must hold then.
pub(crate) const AT: &str = "2026-11-20T12:00:00Z";

/// One visit of a client that trusts nothing but the pinned root.
pub(crate) struct Visit<'a> {
    /// Directory with `metadata/` and `targets/`.
    pub(crate) bundle: &'a Path,
    /// The root file that the client has from elsewhere.
    pub(crate) pinned_root: PathBuf,
    /// Target path as the targets role names it.
    pub(crate) target: &'a str,
    /// The client's clock, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) at: &'a str,
}

impl<'a> Visit<'a> {
    /// A client that has `1.root.json` and comes at [`AT`].
    pub(crate) fn new(bundle: &'a Path, target: &'a str) -> Self {
        Self { bundle, pinned_root: bundle.join("metadata/1.root.json"), target, at: AT }
    }
}

/// A client implementation that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    PythonTuf,
    Tough,
}

/// What a peer said, and the target's bytes when it was content.
pub(crate) type Verdict = Result<Vec<u8>, String>;

impl Peer {
    pub(crate) const ALL: [Peer; 2] = [Peer::PythonTuf, Peer::Tough];

    /// Lets the peer judge. `None`: the peer is not installed (never with `CI=true`).
    pub(crate) fn judge(self, visit: &Visit) -> Option<Verdict> {
        let out = tempfile::tempdir().unwrap();
        let mut command = self.command(visit, out.path())?;
        let output = command.output().unwrap_or_else(|error| panic!("{self:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        match output.status.code() {
            Some(0) => Some(Ok(std::fs::read(out.path().join(visit.target)).unwrap())),
            // A peer that breaks is no verdict: only its own word "refused" is.
            Some(1) if said.starts_with("refused: ") => Some(Err(said)),
            _ => panic!("{self:?} broke: {}\n{said}", output.status),
        }
    }

    fn command(self, visit: &Visit, out: &Path) -> Option<Command> {
        let mut command = match self {
            Peer::PythonTuf => {
                let mut command = clean(installed("KEYRITE_PEER_PYTHON")?);
                command.arg(interop("python_tuf_client.py"));
                command
            }
            // tough reads the machine's clock: libfaketime gives it ours.
            Peer::Tough => {
                let mut command = clean("faketime");
                let (date, time) = visit.at.trim_end_matches('Z').split_once('T').unwrap();
                command.arg(format!("{date} {time}")).arg(installed("KEYRITE_PEER_TOUGH")?);
                command
            }
        };
        command.arg(visit.bundle).arg(&visit.pinned_root).arg(visit.target).arg(out);
        if self == Peer::PythonTuf {
            command.arg(visit.at);
        }
        Some(command)
    }
}

/// The bundle is accepted from its own `1.root.json` at [`AT`], and the target that arrives is `content`.
///
/// # Panics
/// With the peer's words when it refuses.
pub(crate) fn accepted_by(peer: Peer, bundle: &Path, target: &str, content: &[u8]) {
    match peer.judge(&Visit::new(bundle, target)) {
        Some(Ok(arrived)) => assert_eq!(arrived, content, "{peer:?} downloaded another {target}"),
        Some(Err(said)) => panic!("{peer:?} {said}"),
        None => {}
    }
}

/// python-tuf 7 accepts the bundle and downloads the target. See [`accepted_by`].
pub(crate) fn accepted_by_python_tuf(bundle: &Path, target: &str, content: &[u8]) {
    accepted_by(Peer::PythonTuf, bundle, target, content);
}

/// tough accepts the bundle and downloads the target. See [`accepted_by`].
pub(crate) fn accepted_by_tough(bundle: &Path, target: &str, content: &[u8]) {
    accepted_by(Peer::Tough, bundle, target, content);
}

/// python-tuf 7 over many bundles in one process, each from its `1.root.json` and with its target: what it said of each.
/// `None`: it is not installed (never with `CI=true`).
pub(crate) fn python_tuf_judges(
    bundles: &[(PathBuf, &str)],
    at: &str,
) -> Option<Vec<Result<String, String>>> {
    let mut lines = String::new();
    for (bundle, target) in bundles {
        lines += &format!("{0}\t{0}/metadata/1.root.json\t{target}\n", bundle.display());
    }
    let mut child = clean(installed("KEYRITE_PEER_PYTHON")?)
        .arg(interop("python_tuf_many.py"))
        .arg(at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let verdict = |line: &str| match line.starts_with("accepted: ") {
        true => Ok(line.to_owned()),
        false => Err(line.to_owned()),
    };
    let verdicts: Vec<_> = said.lines().map(verdict).collect();
    assert_eq!(verdicts.len(), bundles.len(), "python-tuf broke: {}", output.status);
    Some(verdicts)
}

/// The events that Python's icalendar package finds in a calendar, one a line. `None`: it is not installed.
pub(crate) fn icalendar_reads(calendar: &Path) -> Option<String> {
    let output = clean(installed("KEYRITE_PEER_PYTHON")?)
        .arg(interop("icalendar_reads.py"))
        .arg(calendar)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Lets clients of python-tuf live through many releases; `walks` is the file that `python_tuf_walk.py` describes.
pub(crate) fn python_tuf_walks(walks: &Path) -> Option<Result<(), String>> {
    let mut command = clean(installed("KEYRITE_PEER_PYTHON")?);
    let output = command.arg(interop("python_tuf_walk.py")).arg(walks).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => Some(Ok(())),
        Some(1) if said.starts_with("refused: ") => Some(Err(said)),
        _ => panic!("python-tuf broke: {}\n{said}", output.status),
    }
}

/// A repository of python-tuf in `out`, with the targets `release.txt` and `app/release.txt`; `None` when it is not installed.
pub(crate) fn python_tuf_repository(out: &Path) -> Option<()> {
    let output = clean(installed("KEYRITE_PEER_PYTHON")?)
        .arg(interop("python_tuf_repository.py"))
        .arg(out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// A command with an environment that only has a path and a time zone.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("TZ", "UTC").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn interop(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script)
}

fn installed(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if path.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{variable} is not set: run ./test");
        eprintln!("left out: {variable} is not set; ./test installs the peer and sets it");
    }
    path
}
