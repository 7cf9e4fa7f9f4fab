//! What the machine and this process must be like before a secret is typed.
//!
//! [`protect_process`] changes this process, once, before anything else. [`preflight`] only looks, and names
//! what holds as `environment.require` does in a ceremony file; whether an item must hold is the plan's business.
//! `root` is `/` on a real machine, and a made-up tree in tests.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use rustix::mm::MlockAllFlags;
use rustix::process::DumpableBehavior;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::rand::GetRandomFlags;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

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
fn lock_memory() -> Result<(), String> {
    let limit = rustix::process::getrlimit(Resource::Memlock).current;
    if let Some(bytes) = limit
        && bytes < ENOUGH_LOCKED
        && !rustix::process::geteuid().is_root()
    {
        return Err(format!("the limit is {} KiB; raise it with ulimit -l unlimited", bytes / 1024));
    }
    rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|e| e.to_string())
}

/// Looks at the machine below `root` and at what `hygiene` reached, and returns every item by name.
/// `modules` are PKCS#11 modules with the SHA-256 that the ceremony file pins; without any there is no such item.
pub fn preflight(root: &Path, hygiene: &Hygiene, modules: &[(PathBuf, String)]) -> Vec<Item> {
    let mut items = vec![
        no_network(root),
        no_swap(root),
        no_core_dumps(root, hygiene),
        not_traced(root, hygiene),
        locked_memory(hygiene),
        entropy(),
    ];
    if !modules.is_empty() {
        items.push(module_sha256(modules));
    }
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
        Some(limit) if limit == ["0", "0"] => Item::new(NAME, true, "the limit is 0"),
        Some(limit) => Item::new(NAME, false, format!("the limit is {}", limit.join(" to "))),
        None => Item::new(NAME, false, "/proc/self/limits cannot be read"),
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
        .filter_map(|(path, pinned)| match sha256_of(path) {
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

fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
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
        ] {
            write(dir.path(), path, text);
        }
        change(dir.path());
        let items = preflight(dir.path(), &all_reached(), &[]);
        (dir, items)
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
            ["no-network", "no-swap", "no-core-dumps", "not-traced", "locked-memory", "entropy"]
        );
    }

    #[test]
    fn each_fault_of_a_machine_is_found_alone() {
        let faults: [(&str, &str, &str); 7] = [
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
        ];
        for (path, text, expected) in faults {
            let (_dir, items) = machine(|root| write(root, path, text));

            assert_eq!(not_held(&items), [expected]);
        }
    }

    #[test]
    fn what_cannot_be_looked_at_does_not_hold() {
        let dir = tempfile::tempdir().unwrap();

        let items = preflight(dir.path(), &all_reached(), &[]);

        let failed: Vec<_> = items.iter().filter(|item| !item.held).map(|item| item.name.as_str()).collect();
        assert_eq!(failed, ["no-network", "no-swap", "no-core-dumps", "not-traced"]);
    }

    #[test]
    fn what_the_process_did_not_reach_does_not_hold() {
        let (dir, _) = machine(|_| {});
        let none = Err("Operation not permitted".to_owned());
        let hygiene = Hygiene { no_core_dumps: Ok(()), not_traceable: none.clone(), locked_memory: none };

        let items = preflight(dir.path(), &hygiene, &[]);

        let failed: Vec<_> = items.iter().filter(|item| !item.held).map(|item| item.name.as_str()).collect();
        assert_eq!(failed, ["no-core-dumps", "not-traced", "locked-memory"]);
    }

    #[test]
    fn a_module_with_another_hash_does_not_hold() {
        let (dir, _) = machine(|root| write(root, "module.so", "module"));
        let module = dir.path().join("module.so");
        let right = sha256_of(&module).unwrap();
        let held = |path: &Path, hash: &str| {
            let items = preflight(dir.path(), &all_reached(), &[(path.to_owned(), hash.to_owned())]);
            items.last().unwrap().held
        };

        assert!(held(&module, &right));
        assert!(held(&module, &right.to_uppercase()));
        assert!(!held(&module, &"0".repeat(64)));
        assert!(!held(&dir.path().join("missing.so"), &right));
    }

    #[test]
    fn a_protected_process_is_neither_dumped_nor_traced() {
        let hygiene = protect_process();

        let items = preflight(Path::new("/"), &hygiene, &[]);
        let item = |name: &str| items.iter().find(|item| item.name == name).unwrap();
        assert!(item("no-core-dumps").held, "{:?}", item("no-core-dumps"));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
