//! The walls around a process for policies: resource limits, landlock, seccomp.
//!
//! All but the limits are Linux's. Where the kernel lacks one, the process works without it and says so; whether a wall
//! stands is found out by running against it.

use std::fs::OpenOptions;
use std::io;
use std::net::UdpSocket;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::isolation::Walls;
use crate::limits::{CompileLimits, Limits};

/// Instances that a pool holds at the same time; a worker runs one.
const SPARE_BYTES: u64 = 512 << 20;

/// Files that may be open: the socket, and one in memory for the image of each policy's memory.
const FILES: u64 = 2048;

/// Closes what the parent's own parents may have left open.
#[allow(unsafe_code, reason = "there is no safe way to close a range of descriptors")]
pub(super) fn close_inherited() {
    #[cfg(target_os = "linux")]
    // SAFETY: called first thing in `main`, when nothing in this process owns a descriptor above standard error.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32);
    }
}

/// Bounds a process that compiles.
pub(super) fn bound_compiling(limits: &CompileLimits) -> io::Result<()> {
    bound(Resource::Cpu, limits.cpu_seconds)?;
    bound(Resource::Data, limits.memory_bytes)?;
    // Not a byte can be written to a file.
    bound(Resource::Fsize, 0)?;
    bound_everything()
}

/// Bounds a process that evaluates: the memory of an instance and what surrounds it. A pool reserves terabytes of
/// addresses without using them, so it is data that is bounded.
pub(super) fn bound_evaluating(limits: &Limits) -> io::Result<()> {
    bound(Resource::Data, limits.memory_bytes as u64 * 2 + SPARE_BYTES)?;
    // The image of a policy's memory is a file, though one without a name.
    bound(Resource::Fsize, limits.memory_bytes as u64)?;
    bound_everything()
}

fn bound_everything() -> io::Result<()> {
    bound(Resource::Nofile, FILES)?;
    bound(Resource::Core, 0)
}

fn bound(resource: Resource, limit: u64) -> io::Result<()> {
    let hard = rustix::process::getrlimit(resource).maximum;
    let limit = hard.map_or(limit, |hard| hard.min(limit));
    Ok(setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?)
}

/// Closes the walls around this thread, the only one.
pub(super) fn close() -> Walls {
    close_around(|| Ok(())).unwrap_or_default()
}

/// Closes the walls; `start` may start threads, after which no more can be.
pub(super) fn close_around(start: impl FnOnce() -> io::Result<()>) -> io::Result<Walls> {
    let mut missing = Vec::new();
    // Of one thread and those that it starts.
    missing.extend(system::no_files().err().map(|reason| format!("landlock: {reason}")));
    start()?;
    missing.extend(system::few_calls().err().map(|reason| format!("seccomp: {reason}")));
    missing.extend(breaches());
    Ok(Walls { missing })
}

/// What can be done that should not.
fn breaches() -> Vec<String> {
    let mut found = Vec::new();
    let mut breach = |can: bool, what: &str| found.extend(can.then(|| what.to_owned()));
    breach(UdpSocket::bind("127.0.0.1:0").is_ok(), "the network can be reached");
    breach(OpenOptions::new().read(true).open("/").is_ok(), "files can be read");
    breach(OpenOptions::new().write(true).open("/dev/null").is_ok(), "files can be written");
    breach(std::thread::Builder::new().spawn(|| {}).is_ok(), "programs can be started");
    found
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;

    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// The newest rules that are asked for; an older kernel has fewer.
    const RULES: ABI = ABI::V6;

    /// `PAGEMAP_SCAN`, by which a pool finds the pages that were written.
    const PAGEMAP_SCAN: u64 = 0xc060_6610;

    /// What computing and answering takes: the descriptors that are open, memory, waiting, ending.
    const CALLS: &[i64] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_recvfrom,
        libc::SYS_sendto,
        libc::SYS_close,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_memfd_create,
        libc::SYS_ftruncate,
        libc::SYS_fcntl,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_membarrier,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Takes every right to files, ports and other processes away.
    pub(super) fn no_files() -> Result<(), String> {
        let restrict = || {
            let rules = Ruleset::default().handle_access(AccessFs::from_all(RULES))?;
            let rules = rules.handle_access(AccessNet::from_all(RULES))?.scope(Scope::from_all(RULES))?;
            rules.create()?.restrict_self()
        };
        match restrict() {
            Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
                Err("this kernel does not have it".to_owned())
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Refuses every call of the kernel but a few, in all threads.
    pub(super) fn few_calls() -> Result<(), String> {
        let refused = |error: &dyn std::fmt::Display| error.to_string();
        let filter = filter().map_err(|error| refused(&error))?;
        seccompiler::apply_filter_all_threads(&filter).map_err(|error| refused(&error))
    }

    fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
        let scan = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, PAGEMAP_SCAN)?;
        rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![scan])?]);
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        SeccompFilter::new(rules, denied, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn no_files() -> Result<(), String> {
        Err("only Linux has it".to_owned())
    }

    pub(super) fn few_calls() -> Result<(), String> {
        Err("only Linux has it".to_owned())
    }
}
