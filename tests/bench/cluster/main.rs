//! Many releases on a real control plane: how long, how much CPU and memory, how many requests of the daemon.
//!
//! `cargo bench-rhumb cluster [N…]`, 100 by default. For each N: what the control plane alone needs for the same objects
//! (the floor), then an install with `wait`, an upgrade of one value in all, a while in which nothing changes, and a
//! restart of the daemon; each on a fresh control plane. Requests are those of the daemon's own account, from the API
//! server's audit log.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measuring program"
)]

mod audit;
mod floor;
mod process;
mod releases;

use rhumb_tests::servers::control_plane::ControlPlane;

/// How long nothing changes, in seconds.
const STEADY_SECONDS: u64 = 60;

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100] } else { sizes };
    println!(
        "{:>5}  {:<8} {:>7} {:>8} {:>7} {:>9} {:>9} {:>9} {:>8}",
        "N", "phase", "wall s", "× floor", "CPU s", "peak MiB", "requests", "/release", "writes"
    );
    for n in sizes {
        let Some(plane) = ControlPlane::start().await else { return };
        let floor = floor::measure(&plane, n).await;
        drop(plane);
        println!("{n:>5}  {:<8} {:>7.1}", "floor", floor.as_secs_f64());
        releases::measure(n, floor).await;
    }
}
