//! What the system says of a process.

use std::fs;
use std::time::Duration;

/// A process and its children: the daemon, and where its policies run.
fn family(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    let parse = |text: &String| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>();
    [vec![pid], children.iter().flat_map(parse).collect()].concat()
}

/// User and system time of a process, of its children and of those that ended.
pub(crate) fn cpu(pid: u32) -> Duration {
    family(pid).into_iter().map(cpu_alone).sum()
}

fn cpu_alone(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux reports in hundredths of a second, whatever the kernel's own tick is.
    Duration::from_millis(ticks * 10)
}

/// The most memory that a process and its children held at any time, in MiB: the sum of the most of each, with pages
/// that they share, such as the program's, counted in each.
pub(crate) fn peak(pid: u32) -> u64 {
    family(pid).into_iter().map(peak_alone).sum()
}

fn peak_alone(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}
