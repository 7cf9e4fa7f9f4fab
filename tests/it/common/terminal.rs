//! A program in a pseudo-terminal, answered when it asks.

#![expect(clippy::unwrap_used, clippy::panic, reason = "support code of tests stops at the first surprise")]

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::channel;
use std::time::Duration;

use portable_pty::CommandBuilder;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

/// What a program showed, and how it ended.
pub(crate) struct Ended {
    /// Everything on the terminal, echo included.
    pub(crate) shown: String,
    /// Its exit code.
    pub(crate) code: u32,
}

/// Where a talk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The question with this number is shown.
    Asked(usize),
    /// Its answer was typed.
    Typed(usize),
}

/// Runs `program` in `dir`. Each `(ask, answer)` waits until `ask` is shown, then types `answer`.
pub(crate) fn talk(program: &str, args: &[&str], dir: &Path, answers: &[(&str, &str)]) -> Ended {
    talk_beside(program, args, dir, &[], answers, |_, _| {})
}

/// The same with more in its environment. When the nth `ask` is shown, and again when its answer was typed, `beside` is
/// told so with the program's process.
pub(crate) fn talk_beside(
    program: &str,
    args: &[&str],
    dir: &Path,
    env: &[(&str, &str)],
    answers: &[(&str, &str)],
    mut beside: impl FnMut(u32, Turn),
) -> Ended {
    let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(program);
    command.args(args);
    command.cwd(dir);
    command.env_clear();
    command.env("PATH", "/usr/bin:/bin");
    command.env("TERM", "xterm");
    for (name, value) in env {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    let reader = listen(pair.master.try_clone_reader().unwrap());
    let mut writer = pair.master.take_writer().unwrap();
    // Without our copy of the other side, the end of the program is the end of what can be read.
    drop(pair.slave);

    let mut shown = Vec::new();
    let mut seen = 0;
    let pid = child.process_id().unwrap_or_default();
    for (nth, (ask, answer)) in answers.iter().enumerate() {
        // The next question may have come in the same read: go on after this one, not after what was read.
        seen += loop {
            if let Some(end) = find(&shown[seen..], ask.as_bytes()) {
                break end;
            }
            assert!(more(&reader, &mut shown), "waiting for {ask:?}: {}", String::from_utf8_lossy(&shown));
        };
        beside(pid, Turn::Asked(nth));
        writer.write_all(answer.as_bytes()).unwrap();
        writer.flush().unwrap();
        beside(pid, Turn::Typed(nth));
    }
    while more(&reader, &mut shown) {}
    let code = child.wait().unwrap().exit_code();
    Ended { shown: String::from_utf8_lossy(&shown).into_owned(), code }
}

/// Runs Debian's age with one passphrase.
pub(crate) fn age(args: &[&str], passphrase: &str) {
    let line = format!("{passphrase}\n");
    let asks: &[(&str, &str)] = match args[0] {
        "-p" => &[("passphrase", &line), ("onfirm passphrase", &line)],
        _ => &[("passphrase", &line)],
    };
    let ended = talk("age", args, Path::new("/"), asks);
    assert_eq!(ended.code, 0, "age {args:?}: {}", ended.shown);
}

/// Reads on a thread of its own, so that a question that never comes fails the test instead of hanging it.
fn listen(mut reader: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// More of what is shown; false when the program has ended.
fn more(reader: &Receiver<Vec<u8>>, shown: &mut Vec<u8>) -> bool {
    match reader.recv_timeout(Duration::from_secs(120)) {
        Ok(bytes) => {
            shown.extend_from_slice(&bytes);
            true
        }
        Err(RecvTimeoutError::Disconnected) => false,
        Err(RecvTimeoutError::Timeout) => panic!("silent for 120 s: {}", String::from_utf8_lossy(shown)),
    }
}

/// Where the first `needle` ends. An empty one waits for nothing.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle).map(|at| at + needle.len())
}
