//! Where the memory of instances comes from.
//!
//! Every decision has a fresh instance. Made anew, most of its price is page faults; taken from a pool whose used pages
//! are set back to what they were, it is a few microseconds. What a pool rests on is that every page that was written is
//! found again. wasmtime 48 asks the kernel which pages were written and misses one that was swapped out
//! (bytecodealliance/wasmtime#14357), so there is a pool only where this process cannot be swapped.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{self, Limits};

/// Instances of components that live at the same time; a call beyond that waits.
const INSTANCES: u32 = 16;
/// Bytes of an instance's memory that stay in the pool for the next one, set back to what they were: what a small
/// decision touches. All of them are set back after each decision, so more would cost every one of them.
const KEPT_BYTES: usize = 32 << 10;
/// Memories that are handed back to the kernel together: each handing back stops all threads for a moment.
const BATCH: usize = 32;

/// Where the memory of instances comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allocation {
    /// Mapped for each instance and given back.
    OnDemand,
    /// Kept for the next instance and set back to what it was.
    Pooled,
}

impl Default for Allocation {
    fn default() -> Self {
        Self::of_this_process()
    }
}

impl Allocation {
    /// Pooled where no page of this process can be swapped out.
    pub fn of_this_process() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (swaps, cgroup) = (read("/proc/swaps"), read("/proc/self/cgroup"));
        let own = cgroup.lines().find_map(|line| line.strip_prefix("0::")).map(str::trim).unwrap_or_default();
        let limit = read(&format!("/sys/fs/cgroup{own}/memory.swap.max"));
        if cannot_swap(&swaps, &limit) { Self::Pooled } else { Self::OnDemand }
    }

    pub(crate) fn strategy(self, limits: &Limits) -> InstanceAllocationStrategy {
        match self {
            Self::OnDemand => InstanceAllocationStrategy::OnDemand,
            Self::Pooled => InstanceAllocationStrategy::Pooling(pool(limits)),
        }
    }
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * limits::INSTANCES)
        .total_memories(INSTANCES * limits::MEMORIES)
        .total_tables(INSTANCES * limits::TABLES)
        .table_elements(limits.table_elements)
        .max_unused_warm_slots(INSTANCES)
        .decommit_batch_size(BATCH)
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// `/proc/swaps` has a line of titles and one for each swap; `memory.swap.max` is of the process's cgroup.
fn cannot_swap(swaps: &str, limit: &str) -> bool {
    let no_swap_on_this_machine = swaps.lines().count() == 1;
    no_swap_on_this_machine || limit.trim() == "0"
}

/// Lets as many calls in as the pool has room for.
#[derive(Debug)]
pub(crate) struct Gate {
    free: Mutex<u32>,
    left: Condvar,
}

/// A place among those that are let in, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new() -> Self {
        Self { free: Mutex::new(INSTANCES), left: Condvar::new() }
    }

    /// Waits for a place. Each call is bounded in time, so one becomes free.
    pub(crate) fn enter(&self) -> Place<'_> {
        let free = self.left.wait_while(self.lock(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_needs_a_process_that_cannot_be_swapped() {
        let titles = "Filename\t\t\t\tType\t\tSize\n";
        let disk = format!("{titles}/dev/sda2 partition 8388604\n");
        assert!(cannot_swap(titles, "max\n"));
        assert!(cannot_swap(&disk, "0\n"));
        assert!(!cannot_swap(&disk, "max\n"));
        // What cannot be read proves nothing.
        assert!(!cannot_swap("", ""));
    }

    #[test]
    fn a_place_is_waited_for_and_given_back() {
        let gate = Gate::new();
        let mut places: Vec<Place<'_>> = (0..INSTANCES).map(|_| gate.enter()).collect();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(gate.enter()));
            places.pop();
            waiting.join().unwrap();
        });
        drop(places);
        assert_eq!(*gate.lock(), INSTANCES);
    }
}
