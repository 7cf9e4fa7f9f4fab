//! What a confined process can no longer do, tried by a process that confined itself; and what a module still can.

use std::fs;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;

use keyrite::keystore::sandbox;
use keyrite::keystore::sandbox::Reach;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::pkcs11::world::PIN;
use crate::pkcs11::world::World;

/// The directory that the process below confines itself to.
const PLACE: &str = "KEYRITE_TEST_CONFINED";

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

#[test]
#[ignore = "the test below starts it as a process of its own"]
fn confine_this_process() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
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
}

#[test]
fn a_confined_process_reaches_no_network_no_other_process_and_no_file_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["read", "write"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("file"), "x").unwrap();
    fs::write(dir.path().join("read/file"), "x").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "machine::confined::confine_this_process", "--ignored", "--nocapture"]);

    let said = Said::of(&child.env(PLACE, dir.path()).output().unwrap()).ended(0);

    assert!(said.out.contains("1 passed"), "{}", said.out);
}

/// A production ceremony that requires both, with every key on this token.
fn on_a_token(world: &World, module: &Path) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let mut good = fs::read_to_string("tests/data/good-plan.yaml").unwrap();
    let mut secrets = String::new();
    for name in ["ana", "bo", "online"] {
        let store = format!("pkcs11:token=ROOT-BO;object={name}?module-path={}", module.display());
        let from = format!("store: \"age:keys/{name}.age\", scheme: ed25519");
        assert!(good.contains(&from));
        good = good.replace(&from, &format!("store: \"{store}\", scheme: ecdsa-sha2-nistp256"));
        secrets += &format!("  {name}: {{pin: \"{PIN}\"}}\n");
    }
    let asked = "environment: {require: [no-inet-sockets, confined-files]}\noutputs:";
    fs::write(dir.path().join("ceremony.yaml"), good.replace("outputs:", asked)).unwrap();
    let head = "answers: 1\nconfirm: all\ntype-back: auto\nclock: 2026-12-03T09:00:00Z\nsecrets:\n";
    let answers = head.to_owned() + &secrets;
    fs::write(dir.path().join("answers.yaml"), answers).unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let mut run = command();
    run.envs(&world.env).args(["run", &path("ceremony.yaml"), "--plain", "--answers", &path("answers.yaml")]);
    let said = Said::of(&run.args(["--record", &path("record")]).output().unwrap()).ended(0);
    keyrite(&["journal", "verify", text(&dir.path().join("record"))]).ended(0);
    said
}

#[test]
fn a_module_makes_its_key_and_signs_within_what_is_left() {
    let Some(softhsm) = World::softhsm() else { return };
    let Some(kryoptic) = World::kryoptic() else { return };
    let proxy = PathBuf::from("/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so");
    for (world, module) in [(&softhsm, &softhsm.module), (&kryoptic, &kryoptic.module)] {
        on_a_token(world, module);
    }
    // SoftHSM behind p11-kit, with a token that has no such key yet.
    let Some(behind) = World::softhsm() else { return };
    let said = on_a_token(&behind, &proxy);

    for item in ["no-inet-sockets", "confined-files"] {
        let row = said.out.lines().find(|line| line.contains(&format!(" {item} "))).unwrap();
        assert!(row.contains("[ OK ]") && row.contains("required"), "{row}");
    }
}
