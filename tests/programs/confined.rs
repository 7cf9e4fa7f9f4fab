//! Confines itself to a directory, and tries what must no longer work, or still must: `confined DIR`, with `DIR/file`,
//! `DIR/read/file` and `DIR/write`. It says `confined` when all is as it should be.

#![expect(clippy::unwrap_used, reason = "what cannot be tried fails its test")]

use std::fs;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;

use keyrite::keystore::sandbox;
use keyrite::keystore::sandbox::Reach;

/// Calls that no standard library makes; each line is a name and what came of it.
const CALLS: &str = r#"
import ctypes, errno, os, socket
def tried(name, call):
    try:
        call(); print(name, "worked")
    except OSError as error: print(name, errno.errorcode[error.errno])
libc = ctypes.CDLL(None, use_errno=True)
def raw(number):
    if libc.syscall(number, *([0] * 6)) < 0: raise OSError(ctypes.get_errno(), "")
tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
tried("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
tried("inet6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0))
tried("unix", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
machine = os.uname().machine
for name, number in {"x86_64": [("ptrace", 101), ("process_vm_readv", 310), ("process_vm_writev", 311)],
                     "aarch64": [("ptrace", 117), ("process_vm_readv", 270), ("process_vm_writev", 271)]}[machine]:
    tried(name, lambda: raw(number))
tried("io_uring_setup", lambda: raw(425))
tried("pidfd_getfd", lambda: raw(438))
"#;

fn main() {
    let place = PathBuf::from(std::env::args_os().nth(1).unwrap());
    let (read, write) = (place.join("read"), place.join("write"));
    let reach = Reach {
        read: vec![read.clone(), "/proc".into()],
        run: vec!["/usr".into(), "/lib".into(), "/lib64".into(), "/etc".into()],
        write: vec![write.clone(), "/dev/null".into()],
    };
    // A thread that was there before: its sockets are refused too.
    let (ask, asked) = mpsc::channel::<()>();
    let before = std::thread::spawn(move || {
        asked.recv().unwrap();
        TcpListener::bind("127.0.0.1:0").map(|_| ()).unwrap_err().raw_os_error()
    });

    // Landlock is of one thread, and a process with another one is told so.
    assert!(sandbox::confine_files(&reach).unwrap_err().contains("a thread was there before"));
    sandbox::refuse_sockets().unwrap();
    ask.send(()).unwrap();

    const EPERM: Option<i32> = Some(1);
    const EACCES: Option<i32> = Some(13);
    const EXDEV: Option<i32> = Some(18);
    assert_eq!(before.join().unwrap(), EPERM);
    assert_eq!(UdpSocket::bind("[::1]:0").unwrap_err().raw_os_error(), EPERM);
    UnixStream::pair().unwrap();

    fs::read(read.join("file")).unwrap();
    fs::write(write.join("new"), "x").unwrap();
    fs::rename(write.join("new"), write.join("newer")).unwrap();
    fs::remove_file(write.join("newer")).unwrap();
    assert_eq!(fs::read(place.join("file")).unwrap_err().raw_os_error(), EACCES);
    assert_eq!(fs::read_dir(&place).unwrap_err().raw_os_error(), EACCES);
    assert_eq!(fs::write(read.join("file"), "x").unwrap_err().raw_os_error(), EACCES);
    assert_eq!(fs::write(place.join("new"), "x").unwrap_err().raw_os_error(), EACCES);
    assert_eq!(fs::create_dir(read.join("new")).unwrap_err().raw_os_error(), EACCES);
    assert_eq!(fs::remove_file(read.join("file")).unwrap_err().raw_os_error(), EACCES);
    fs::write(write.join("mine"), "x").unwrap();
    let moved = fs::rename(write.join("mine"), place.join("mine")).unwrap_err().raw_os_error();
    assert!(moved == EACCES || moved == EXDEV, "{moved:?}");
    fs::copy("/usr/bin/true", write.join("program")).unwrap();
    let started = Command::new(write.join("program")).status();
    assert_eq!(started.unwrap_err().raw_os_error(), EACCES);
    let later = std::thread::spawn(move || fs::read(place.join("file")).unwrap_err().raw_os_error());
    assert_eq!(later.join().unwrap(), EACCES);

    // A child inherits all of it.
    let said = Command::new("/usr/bin/python3").args(["-c", CALLS]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(
        said,
        "packet EPERM\nnetlink EPERM\ninet6 EPERM\nunix worked\nptrace EPERM\nprocess_vm_readv EPERM\n\
         process_vm_writev EPERM\nio_uring_setup EPERM\npidfd_getfd EPERM\n"
    );
    println!("confined");
}
