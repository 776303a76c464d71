//! What the system says of a process.

use std::fs;
use std::time::Duration;

/// User and system time of a process and of its ended children.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux reports in hundredths of a second, whatever the kernel's own tick is.
    Duration::from_millis(ticks * 10)
}

/// The most memory that a process held at any time, in MiB.
pub(crate) fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}
