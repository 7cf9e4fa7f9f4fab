//! What the machine and this process must be like before a secret is typed.
//!
//! [`protect_process`] changes this process, once, before anything else. [`preflight`] only looks, and names
//! what holds as `environment.require` does in a ceremony file; whether an item must hold is the plan's business.
//! `root` is `/` on a real machine, and a made-up tree in tests.

mod program;
mod variables;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rustix::mm::MlockAllFlags;
use rustix::process::DumpableBehavior;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::rand::GetRandomFlags;
use serde::Serialize;

pub use program::own_digest;

use crate::keystore::sandbox::Sandbox;
use crate::words::Digest;

/// One thing that holds, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its name in `environment.require`.
    pub name: String,
    /// Whether it holds. What cannot be looked at does not hold.
    pub held: bool,
    /// What was seen, for people.
    pub detail: String,
}

impl Item {
    fn new(name: &str, held: bool, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), held, detail: detail.into() }
    }
}

/// The memory below which locking everything would make scrypt fail, in bytes.
const ENOUGH_LOCKED: u64 = 1 << 30;

/// What [`protect_process`] reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hygiene {
    no_core_dumps: Result<(), String>,
    not_traceable: Result<(), String>,
    locked_memory: Result<(), String>,
}

/// Makes this process leave no core dump, closes it to debuggers of the same user, and keeps its memory out of swap
/// where the limit allows. A program started from here inherits the limit alone. What fails is told by [`preflight`].
pub fn protect_process() -> Hygiene {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let no_core_dumps = rustix::process::setrlimit(Resource::Core, none).map_err(|e| e.to_string());
    // The limit does not bind a core_pattern that is a pipe; not being dumpable does.
    let not_traceable =
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|e| e.to_string());
    Hygiene { no_core_dumps, not_traceable, locked_memory: lock_memory() }
}

/// Locks all memory, now and later, or none: with a small limit a later allocation of scrypt (256 MiB) would fail.
/// A page is locked when it is first touched: before that nothing lies in it that could go to swap, and room that is
/// reserved and never used is not filled.
fn lock_memory() -> Result<(), String> {
    let limit = rustix::process::getrlimit(Resource::Memlock).current;
    if let Some(bytes) = limit
        && bytes < ENOUGH_LOCKED
        && !rustix::process::geteuid().is_root()
    {
        return Err(format!("the limit is {} KiB; raise it with ulimit -l unlimited", bytes / 1024));
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    rustix::mm::mlockall(all).map_err(|e| e.to_string())
}

/// What nothing here can look at. The board says so, and the record.
pub const NOT_CHECKED: [&str; 5] = [
    "the firmware of this machine and of its devices",
    "what runs beside this program, and the kernel below it",
    "the keyboard, the cable, and what is plugged in between",
    "the firmware of the tokens: what a token says of itself is written down, not proven",
    "cameras, microphones and people who can see the keyboard",
];

/// What is looked at, and what the ceremony file says of it.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// `/`
    pub root: &'a Path,
    /// What [`protect_process`] reached.
    pub hygiene: &'a Hygiene,
    /// What was given up since.
    pub sandbox: &'a Sandbox,
    /// The programs that the file names.
    pub binaries: &'a [Digest],
    /// PKCS#11 modules with the SHA-256 that the file pins; without any there is no such item.
    pub modules: &'a [(PathBuf, String)],
}

/// Looks at the machine, and returns every item by name, in the order in which people read them.
pub fn preflight(machine: &Machine<'_>) -> Vec<Item> {
    let Machine { root, hygiene, sandbox, binaries, modules } = *machine;
    let mut items = vec![
        program::binary_sha256(binaries),
        no_network(root),
        no_swap(root),
        no_core_dumps(root, hygiene),
        not_traced(root, hygiene),
        locked_memory(hygiene),
        no_inet_sockets(root, sandbox),
        confined_files(sandbox),
        entropy(),
    ];
    if !modules.is_empty() {
        items.push(module_sha256(modules));
    }
    // A name that is no text is none of those that are looked for.
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    items.push(variables::no_debug_environment(names));
    items
}

/// No interface but `lo` is up, and there is no wireless device at all: that one needs no cable to be up again.
fn no_network(root: &Path) -> Item {
    const NAME: &str = "no-network";
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let Some(interfaces) = names(&root.join("sys/class/net")) else {
        return Item::new(NAME, false, "/sys/class/net cannot be read");
    };
    for interface in interfaces.into_iter().filter(|name| name != "lo") {
        let at = root.join("sys/class/net").join(&interface);
        let flags = fs::read_to_string(at.join("flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16);
        // IFF_UP. Flags that cannot be read count as up. bonding_masters is a file, not an interface.
        match flags {
            Ok(flags) if flags & 1 == 0 => down.push(interface),
            Err(_) if at.is_file() => {}
            Ok(_) | Err(_) => up.push(interface),
        }
    }
    let wireless = names(&root.join("sys/class/ieee80211")).unwrap_or_default();
    if !up.is_empty() {
        return Item::new(NAME, false, format!("up: {}", up.join(", ")));
    }
    if !wireless.is_empty() {
        return Item::new(NAME, false, format!("wireless device: {}", wireless.join(", ")));
    }
    match down.is_empty() {
        true => Item::new(NAME, true, "lo is the only interface"),
        false => {
            Item::new(NAME, true, format!("lo is the only interface that is up; down: {}", down.join(", ")))
        }
    }
}

/// Nothing in /proc/swaps after its heading.
fn no_swap(root: &Path) -> Item {
    const NAME: &str = "no-swap";
    let Ok(swaps) = fs::read_to_string(root.join("proc/swaps")) else {
        return Item::new(NAME, false, "/proc/swaps cannot be read");
    };
    let used: Vec<_> = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    match used.is_empty() {
        true => Item::new(NAME, true, "no swap"),
        false => Item::new(NAME, false, format!("swap on {}; turn it off with swapoff -a", used.join(", "))),
    }
}

/// The limit is zero, as set and as the kernel tells it, and the process is not dumpable.
fn no_core_dumps(root: &Path, hygiene: &Hygiene) -> Item {
    const NAME: &str = "no-core-dumps";
    if let Err(why) = hygiene.no_core_dumps.as_ref().and(hygiene.not_traceable.as_ref()) {
        return Item::new(NAME, false, why);
    }
    let limits = fs::read_to_string(root.join("proc/self/limits")).unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    match limit.map(|rest| rest.split_whitespace().take(2).collect::<Vec<_>>()) {
        Some(limit) if limit == ["0", "0"] => Item::new(NAME, true, zero_limit(root)),
        Some(limit) => Item::new(NAME, false, format!("the limit is {}", limit.join(" to "))),
        None => Item::new(NAME, false, "/proc/self/limits cannot be read"),
    }
}

/// Where a core goes by a pipe the limit does not count; it is said, for then one thing alone keeps it from being made.
fn zero_limit(root: &Path) -> String {
    let pattern = fs::read_to_string(root.join("proc/sys/kernel/core_pattern")).unwrap_or_default();
    match pattern.trim().strip_prefix('|') {
        None => "the limit is 0".to_owned(),
        Some(pipe) => {
            let program = pipe.split_whitespace().next().unwrap_or_default();
            format!("not dumpable; cores of others go to a pipe, {program}, which no limit binds")
        }
    }
}

/// No debugger is attached, and none of the same user can attach.
fn not_traced(root: &Path, hygiene: &Hygiene) -> Item {
    const NAME: &str = "not-traced";
    if let Err(why) = &hygiene.not_traceable {
        return Item::new(NAME, false, why);
    }
    let status = fs::read_to_string(root.join("proc/self/status")).unwrap_or_default();
    match status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map(str::trim) {
        Some("0") => Item::new(NAME, true, "no debugger, and none can attach"),
        Some(pid) => Item::new(NAME, false, format!("traced by process {pid}")),
        None => Item::new(NAME, false, "/proc/self/status cannot be read"),
    }
}

fn locked_memory(hygiene: &Hygiene) -> Item {
    match &hygiene.locked_memory {
        Ok(()) => Item::new("locked-memory", true, "all memory is locked"),
        Err(why) => Item::new("locked-memory", false, why),
    }
}

/// The filter was set, and the kernel says it of every thread.
fn no_inet_sockets(root: &Path, sandbox: &Sandbox) -> Item {
    const NAME: &str = "no-inet-sockets";
    if let Err(why) = &sandbox.sockets {
        return Item::new(NAME, false, why);
    }
    let tasks = root.join("proc/self/task");
    let filtered = |task: &String| {
        let status = fs::read_to_string(tasks.join(task).join("status")).unwrap_or_default();
        status.lines().find_map(|line| line.strip_prefix("Seccomp:")).is_some_and(|mode| mode.trim() == "2")
    };
    match names(&tasks) {
        Some(threads) if !threads.is_empty() && threads.iter().all(filtered) => {
            Item::new(NAME, true, "the kernel refuses every socket but local ones")
        }
        Some(_) => Item::new(NAME, false, "a thread is without the filter"),
        None => Item::new(NAME, false, "/proc/self/task cannot be read"),
    }
}

fn confined_files(sandbox: &Sandbox) -> Item {
    const NAME: &str = "confined-files";
    match &sandbox.files {
        Ok(()) => {
            Item::new(NAME, true, "inputs are read, the record is written, and no other file is in reach")
        }
        Err(why) => Item::new(NAME, false, why),
    }
}

/// The kernel's random numbers are ready: asked without waiting.
fn entropy() -> Item {
    match rustix::rand::getrandom(&mut [0u8; 32][..], GetRandomFlags::NONBLOCK) {
        Ok(32) => Item::new("entropy", true, "the kernel's random numbers are ready"),
        Ok(_) | Err(_) => Item::new(
            "entropy",
            false,
            "the kernel's random numbers are not ready; type, move the mouse, wait",
        ),
    }
}

/// Every module is the file that the ceremony file pins.
fn module_sha256(modules: &[(PathBuf, String)]) -> Item {
    const NAME: &str = "module-sha256";
    let wrong: Vec<_> = modules
        .iter()
        .filter_map(|(path, pinned)| match program::digest_of(path).map(|digest| digest.hex()) {
            Ok(hash) if hash.eq_ignore_ascii_case(pinned) => None,
            Ok(hash) => Some(format!("{} has SHA-256 {hash}, not {pinned}", path.display())),
            Err(error) => Some(format!("{} cannot be read: {error}", path.display())),
        })
        .collect();
    match wrong.is_empty() {
        true => Item::new(NAME, true, "every module is the one that the file names"),
        false => Item::new(NAME, false, wrong.join("; ")),
    }
}

/// The names in a directory, in order.
fn names(directory: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(directory).ok()?;
    let mut names: Vec<_> =
        entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_reached() -> Hygiene {
        Hygiene { no_core_dumps: Ok(()), not_traceable: Ok(()), locked_memory: Ok(()) }
    }

    /// A machine that is fit; `change` makes it unfit.
    fn machine(change: impl Fn(&Path)) -> (tempfile::TempDir, Vec<Item>) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("sys/class/net/lo/flags", "0x9\n"),
            ("sys/class/net/eth0/flags", "0x1002\n"),
            ("sys/class/net/bonding_masters", "\n"),
            ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"),
            (
                "proc/self/limits",
                "Limit  Soft Limit\nMax core file size        0                    0    bytes\n",
            ),
            ("proc/self/status", "Name:\tkeyrite\nTracerPid:\t0\n"),
            ("proc/self/task/1/status", "Seccomp:\t2\n"),
            ("proc/self/task/2/status", "Seccomp:\t2\n"),
        ] {
            write(dir.path(), path, text);
        }
        change(dir.path());
        let items = look(dir.path(), &all_reached());
        (dir, items)
    }

    /// With this program as the one that the file names.
    fn look(root: &Path, hygiene: &Hygiene) -> Vec<Item> {
        let sandbox = Sandbox { sockets: Ok(()), files: Ok(()) };
        let binaries = [own_digest().unwrap()];
        preflight(&Machine { root, hygiene, sandbox: &sandbox, binaries: &binaries, modules: &[] })
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn not_held(items: &[Item]) -> Vec<String> {
        let failed = items.iter().filter(|item| !item.held);
        failed.map(|item| format!("{}: {}", item.name, item.detail)).collect()
    }

    #[test]
    fn a_fit_machine_holds_everything() {
        let (_dir, items) = machine(|_| {});

        assert_eq!(not_held(&items), Vec::<String>::new());
        let names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "binary-sha256",
                "no-network",
                "no-swap",
                "no-core-dumps",
                "not-traced",
                "locked-memory",
                "no-inet-sockets",
                "confined-files",
                "entropy",
                "no-debug-environment"
            ]
        );
    }

    #[test]
    fn each_fault_of_a_machine_is_found_alone() {
        let faults: [(&str, &str, &str); 8] = [
            ("sys/class/net/eth0/flags", "0x1003\n", "no-network: up: eth0"),
            ("sys/class/net/wg0/flags", "what?\n", "no-network: up: wg0"),
            ("sys/class/ieee80211/phy0/name", "phy0\n", "no-network: wireless device: phy0"),
            (
                "proc/swaps",
                "Filename\n/dev/sda3 partition 1 0 -2\n",
                "no-swap: swap on /dev/sda3; turn it off with swapoff -a",
            ),
            (
                "proc/self/limits",
                "Max core file size 0 unlimited bytes\n",
                "no-core-dumps: the limit is 0 to unlimited",
            ),
            ("proc/self/status", "TracerPid:\t4242\n", "not-traced: traced by process 4242"),
            ("proc/self/status", "", "not-traced: /proc/self/status cannot be read"),
            ("proc/self/task/2/status", "Seccomp:\t0\n", "no-inet-sockets: a thread is without the filter"),
        ];
        for (path, text, expected) in faults {
            let (_dir, items) = machine(|root| write(root, path, text));

            assert_eq!(not_held(&items), [expected]);
        }
    }

    #[test]
    fn what_cannot_be_looked_at_does_not_hold() {
        let dir = tempfile::tempdir().unwrap();

        let items = look(dir.path(), &all_reached());

        let failed: Vec<_> = items.iter().filter(|item| !item.held).map(|item| item.name.as_str()).collect();
        assert_eq!(failed, ["no-network", "no-swap", "no-core-dumps", "not-traced", "no-inet-sockets"]);
    }

    #[test]
    fn what_the_process_did_not_reach_does_not_hold() {
        let (dir, _) = machine(|_| {});
        let none = Err("Operation not permitted".to_owned());
        let hygiene = Hygiene { no_core_dumps: Ok(()), not_traceable: none.clone(), locked_memory: none };

        let items = look(dir.path(), &hygiene);

        let failed: Vec<_> = items.iter().filter(|item| !item.held).map(|item| item.name.as_str()).collect();
        assert_eq!(failed, ["no-core-dumps", "not-traced", "locked-memory"]);
    }

    #[test]
    fn a_module_with_another_hash_does_not_hold() {
        let (dir, _) = machine(|root| write(root, "module.so", "module"));
        let module = dir.path().join("module.so");
        let right = program::digest_of(&module).unwrap().hex();
        let held = |path: &Path, hash: &str| module_sha256(&[(path.to_owned(), hash.to_owned())]).held;

        assert!(held(&module, &right));
        assert!(held(&module, &right.to_uppercase()));
        assert!(!held(&module, &"0".repeat(64)));
        assert!(!held(&dir.path().join("missing.so"), &right));
    }

    #[test]
    fn a_program_that_the_file_does_not_name_does_not_hold() {
        let own = own_digest().unwrap();

        assert!(program::binary_sha256(&[Digest([0; 32]), own]).held);
        assert!(!program::binary_sha256(&[Digest([0; 32])]).held);
        assert!(!program::binary_sha256(&[]).held);
    }

    #[test]
    fn a_process_that_was_not_confined_says_so() {
        let (dir, _) = machine(|_| {});
        let (hygiene, sandbox) = (all_reached(), Sandbox::default());
        let items = preflight(&Machine {
            root: dir.path(),
            hygiene: &hygiene,
            sandbox: &sandbox,
            binaries: &[own_digest().unwrap()],
            modules: &[],
        });

        let failed: Vec<_> = items.iter().filter(|item| !item.held).map(|item| item.name.as_str()).collect();
        assert_eq!(failed, ["no-inet-sockets", "confined-files"]);
    }

    #[test]
    fn a_core_pattern_that_is_a_pipe_is_said() {
        let pattern = |root: &Path| write(root, "proc/sys/kernel/core_pattern", "|/usr/lib/apport %p\n");
        let (_dir, items) = machine(pattern);

        let item = items.iter().find(|item| item.name == "no-core-dumps").unwrap();
        assert!(item.held && item.detail.contains("pipe, /usr/lib/apport,"), "{item:?}");
    }

    #[test]
    fn a_protected_process_is_neither_dumped_nor_traced() {
        let hygiene = protect_process();

        let items = look(Path::new("/"), &hygiene);
        let item = |name: &str| items.iter().find(|item| item.name == name).unwrap();
        assert!(item("no-core-dumps").held, "{:?}", item("no-core-dumps"));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
