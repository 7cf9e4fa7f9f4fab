//! A whole ceremony as the kernel saw it: no socket but local ones, no file but its own.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::keyrite::Said;
use crate::common::keyrite::quickstart;
use crate::common::keyrite::rehearse_quickstart;
use crate::common::keyrite::text;
use crate::machine::board;

/// What any program reads before and beside its work: the dynamic linker's files, and what the pre-flight looks at.
const SYSTEM: [&str; 7] = ["/etc/ld.so.", "/lib/", "/lib64/", "/usr/lib", "/proc/", "/sys/", "/dev/"];
/// Where a terminal, or nothing, is written to.
const TERMINAL: [&str; 3] = ["/dev/null", "/dev/tty", "/dev/pts/"];
/// What changes a name in a directory.
const NAMES: [&str; 8] = ["mkdir", "rmdir", "unlink", "rename", "link", "symlink", "truncate", "mknod"];

/// Every call of a family that succeeded, one a line, with the paths behind descriptors.
fn traced(run: &Command, dir: &Path) -> Vec<String> {
    let log = dir.join("strace.log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "-e", "trace=%file,%network", "-o", text(&log)]);
    strace.arg(run.get_program()).args(run.get_args()).env_clear().env("PATH", "/usr/bin:/bin");
    Said::of(&strace.output().unwrap()).ended(0);
    let log = fs::read_to_string(&log).unwrap();
    let succeeded = log.lines().filter(|line| !line.contains(" = -1 "));
    succeeded.filter_map(|line| Some(line.split_once(' ')?.1.trim().to_owned())).collect()
}

/// The path that a call opened.
fn opened(call: &str) -> Option<&str> {
    if !["open(", "openat(", "openat2(", "creat("].iter().any(|name| call.starts_with(name)) {
        return None;
    }
    call.rsplit_once(" = ")?.1.split_once('<')?.1.strip_suffix('>')
}

fn writes(call: &str) -> bool {
    ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag))
}

/// What a call did that a ceremony on `inputs` into `record` has no business with; `None` when it is fine.
fn fault(call: &str, inputs: &[PathBuf], record: &Path) -> Option<String> {
    let said = || Some(call.to_owned());
    let below = |path: &str, dir: &Path| Path::new(path).starts_with(dir);
    // A record is made beside its place under a name of its own, and the directory is waited for.
    let (beside, name) = (record.parent().unwrap(), record.file_name().unwrap().to_str().unwrap());
    let making = format!("{}/.{name}.", beside.display());
    let of_record = |path: &str| below(path, record) || path.starts_with(&making);
    if call.contains("O_PATH") {
        return None;
    }
    if call.starts_with("socket(") || call.starts_with("socketpair(") {
        return if call.contains("(AF_UNIX,") { None } else { said() };
    }
    if let Some(path) = opened(call) {
        let own = of_record(path) || TERMINAL.iter().any(|tty| path.starts_with(tty));
        let read = SYSTEM.iter().any(|place| path.starts_with(place))
            || inputs.iter().any(|dir| below(path, dir))
            || path == env!("CARGO_BIN_EXE_keyrite")
            || Path::new(path) == beside;
        return if own || (read && !writes(call)) { None } else { said() };
    }
    if NAMES.iter().any(|name| call.starts_with(name)) {
        let named = call.split('"').skip(1).step_by(2);
        let beyond = named.filter(|path| !of_record(path)).count();
        return if beyond == 0 { None } else { said() };
    }
    None
}

#[track_caller]
fn its_own_alone(calls: &[String], inputs: &[PathBuf], record: &Path) {
    let faults: Vec<_> = calls.iter().filter_map(|call| fault(call, inputs, record)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // What is looked for was there to be found.
    let wrote = |call: &&String| opened(call).is_some_and(|path| path.ends_with("journal.jsonl"));
    assert!(calls.iter().filter(|call| wrote(call) && writes(call)).count() > 0);
    assert!(calls.iter().any(|call| call.starts_with("rename")));
}

#[test]
fn a_whole_rehearsal_opens_no_socket_and_no_file_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");

    let calls = traced(&rehearse_quickstart(&record), dir.path());

    its_own_alone(&calls, &[quickstart()], &record);
}

#[test]
fn a_whole_production_ceremony_opens_no_socket_and_no_file_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (inputs, record) = (dir.path().join("inputs"), dir.path().join("out"));
    fs::create_dir(&inputs).unwrap();
    // Whoever is traced is not fit where not-traced is required.
    let run = board::production(&inputs, "{require: [no-inet-sockets, confined-files, entropy]}");
    let mut elsewhere = Command::new(run.get_program());
    let of_it = inputs.join("record");
    elsewhere.args(run.get_args().map(|arg| if arg == of_it.as_os_str() { record.as_os_str() } else { arg }));

    let calls = traced(&elsewhere, dir.path());

    its_own_alone(&calls, &[inputs], &record);
}

#[test]
fn what_is_looked_for_in_a_trace_is_found() {
    let (inputs, record) = ([PathBuf::from("/in")], Path::new("/away/out"));
    let found = |call: &str| fault(call, &inputs, record).is_some();

    for bad in [
        "socket(AF_INET, SOCK_DGRAM, 0) = 3<UDP:[1]>",
        "socket(AF_NETLINK, SOCK_RAW, 0) = 3",
        "openat(AT_FDCWD</>, \"/etc/passwd\", O_RDONLY) = 3</etc/passwd>",
        "openat(AT_FDCWD</>, \"in/a\", O_WRONLY|O_CREAT, 0666) = 3</in/a>",
        "openat(AT_FDCWD</>, \"/usr/lib/x\", O_RDWR) = 3</usr/lib/x>",
        "rename(\"/away/out/a\", \"/away/a\") = 0",
        "unlink(\"/outside\") = 0",
    ] {
        assert!(found(bad), "{bad}");
    }
    for fine in [
        "socket(AF_UNIX, SOCK_STREAM, 0) = 3",
        "openat(AT_FDCWD</>, \"in/a\", O_RDONLY) = 3</in/a>",
        "openat(AT_FDCWD</>, \"a\", O_WRONLY|O_CREAT, 0666) = 3</away/out/a>",
        "rename(\"/away/out/.a.part\", \"/away/out/a\") = 0",
        "stat(\"/etc/passwd\", 0x1) = 0",
    ] {
        assert!(!found(fine), "{fine}");
    }
}
