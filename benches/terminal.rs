//! The program in a pseudo-terminal of 200x60: from a key to the end of its frame, and what it does when nobody types.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on says where it stopped"
)]

use std::io::Read;
use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use portable_pty::CommandBuilder;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

/// From a key to the end of the frame that answers it.
const MARK: Duration = Duration::from_millis(2);
const KEYS: usize = 300;
/// How long nobody types.
const IDLE: Duration = Duration::from_secs(5);
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremonies/quickstart/ceremony.yaml");
    let size = PtySize { rows: 60, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keyrite"));
    command.args(["run", quickstart, "--rehearse", "--record", dir.path().join("record").to_str().unwrap()]);
    command.env("LANG", "C.UTF-8");
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keys = pair.master.take_writer().unwrap();
    let (sender, bytes) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            if sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    });
    let mut seen = Vec::new();
    let mut frame = || loop {
        let (at, more): (Instant, Vec<u8>) =
            bytes.recv_timeout(Duration::from_secs(20)).expect("no frame came");
        seen.extend_from_slice(&more);
        if let Some(end) = seen.windows(END_OF_FRAME.len()).position(|part| part == END_OF_FRAME) {
            seen.drain(..end + END_OF_FRAME.len());
            return at;
        }
    };
    // The first frames: one moment, and the review of the plan.
    frame();
    frame();
    let mut times: Vec<Duration> = Vec::new();
    for key in 0..KEYS {
        // Up and down through the plan.
        let start = Instant::now();
        keys.write_all(if key % 2 == 0 { b"\x1b[B" } else { b"\x1b[A" }).unwrap();
        keys.flush().unwrap();
        times.push(frame().duration_since(start));
    }
    times.sort();
    let (median, worst) = (times[KEYS / 2], times[KEYS * 99 / 100]);
    println!("from a key to the end of its frame: median {median:?}, 99 of 100 below {worst:?}");

    let pid = child.process_id().unwrap();
    let before = wake_ups(pid);
    std::thread::sleep(IDLE);
    let woken = wake_ups(pid) - before;
    println!("wake-ups in {} s without a key: {woken}", IDLE.as_secs());
    child.kill().unwrap();
    if median > MARK || woken > 0 {
        eprintln!("it is slower than it may be, or does not rest");
        std::process::exit(1);
    }
}

/// How often the threads of a process were woken up so far.
fn wake_ups(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    tasks.map(of).sum()
}
