//! What this process gives up once its record is open, for itself, for threads begun later and for every child: sockets
//! that could reach a network, looking into other processes, and files that the ceremony has no business with.
//!
//! Two filters of the kernel do it: seccomp, for all threads at once, and Landlock, for the thread that asks and what
//! it starts. Neither can be taken off again. What a kernel does not know is not held, and [`crate::keystore::hygiene`]
//! says so; nothing is refused here.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use landlock::ABI;
use landlock::Access;
use landlock::AccessFs;
use landlock::BitFlags;
use landlock::Ruleset;
use landlock::RulesetAttr;
use landlock::RulesetCreatedAttr;
use landlock::RulesetError;
use landlock::RulesetStatus;
use landlock::path_beneath_rules;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen;
use seccompiler::SeccompCmpOp;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;

/// The files that stay within reach, each with what lies below it. What does not exist is left out.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// May be read.
    pub read: Vec<PathBuf>,
    /// May be read and run: programs, and libraries of modules.
    pub run: Vec<PathBuf>,
    /// May be read, written, made and removed.
    pub write: Vec<PathBuf>,
}

/// What was reached of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// No socket but a local one, and no look into another process.
    pub sockets: Result<(), String>,
    /// No file but those in reach.
    pub files: Result<(), String>,
}

impl Default for Sandbox {
    fn default() -> Self {
        let open = || Err("this process was not confined".to_owned());
        Self { sockets: open(), files: open() }
    }
}

/// The first one that knows renaming between directories and truncating: with less, a file could be changed unseen.
const LANDLOCK: ABI = ABI::V3;

/// The domain of sockets within the machine. Every other one is refused, those that nobody thinks of too.
const LOCAL: u64 = 1;

/// The error of a call that is refused: operation not permitted.
const REFUSED: u32 = 1;

/// On x86-64 a second set of numbers, where a kernel has it, means the same calls.
const OTHER_NUMBERS: i64 = 0x4000_0000;

/// Numbers of system calls: `socket`, and those that are refused whatever they ask. They never change.
struct Calls {
    socket: i64,
    /// `ptrace`, `process_vm_readv`, `process_vm_writev`, `io_uring_setup` (which can make sockets unseen),
    /// `pidfd_getfd`.
    refused: [i64; 5],
}

#[cfg(target_arch = "x86_64")]
const CALLS: Option<Calls> = Some(Calls { socket: 41, refused: [101, 310, 311, 425, 438] });
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
const CALLS: Option<Calls> = Some(Calls { socket: 198, refused: [117, 270, 271, 425, 438] });
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const CALLS: Option<Calls> = None;

/// Refuses sockets that are not local, for every thread.
pub fn refuse_sockets() -> Result<(), String> {
    let calls = CALLS.ok_or("the numbers of this machine's system calls are not known")?;
    let program = filter(&calls).map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

fn filter(calls: &Calls) -> Result<seccompiler::BpfProgram, seccompiler::BackendError> {
    let not_local = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, LOCAL)?;
    let mut rules = BTreeMap::from([(calls.socket, vec![SeccompRule::new(vec![not_local])?])]);
    // Without a rule of its own, a call is refused whatever it asks.
    rules.extend(calls.refused.map(|call| (call, Vec::new())));
    if cfg!(target_arch = "x86_64") {
        let others: Vec<_> =
            rules.iter().map(|(call, rules)| (call | OTHER_NUMBERS, rules.clone())).collect();
        rules.extend(others);
    }
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(REFUSED), arch)?.try_into()
}

/// Leaves this thread, those that it starts, and every child no file but those in reach.
pub fn confine_files(reach: &Reach) -> Result<(), String> {
    let alone = alone();
    let status = landlocked(reach).map_err(|error| plain(&error))?;
    match status {
        RulesetStatus::FullyEnforced if !alone => {
            Err("a thread was there before, and is not confined; start the ceremony anew".into())
        }
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            Err("the kernel knows a part of Landlock only; Linux 6.2 knows enough".into())
        }
        RulesetStatus::NotEnforced => Err("the kernel has no Landlock, or it is turned off".into()),
    }
}

/// Whether this thread is the only one. One that was joined may take a moment to leave.
fn alone() -> bool {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    (0..1000).any(|_| {
        let alone = threads() == 1;
        if !alone {
            std::thread::yield_now();
        }
        alone
    })
}

fn landlocked(reach: &Reach) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(LANDLOCK);
    let run = AccessFs::from_read(LANDLOCK);
    let read = run & !BitFlags::from(AccessFs::Execute);
    let special = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeFifo | AccessFs::MakeSock;
    let write = all & !(special | AccessFs::Execute);
    let restricted = Ruleset::default()
        .handle_access(all)?
        .create()?
        .add_rules(path_beneath_rules(&reach.read, read))?
        .add_rules(path_beneath_rules(&reach.run, run))?
        .add_rules(path_beneath_rules(&reach.write, write))?
        .restrict_self()?;
    Ok(restricted.ruleset)
}

fn plain(error: &impl Display) -> String {
    format!("Landlock: {error}")
}
