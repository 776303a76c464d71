//! An idle pass over many releases, counted: API writes, API reads, renders, commits. The aim is none but the reads.
//!
//! `cargo run -p rhumb-tests --example idle [N]`, 1,000 by default.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::sync::atomic::Ordering;
use std::time::Instant;

use rhumb_daemon::event::Event;
use rhumb_tests::world;

#[tokio::main]
async fn main() {
    let n: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
    let world = world().await;
    let dev = world.remote.text("releases/dev/podinfo.yaml").unwrap();
    let releases: Vec<String> = (0..n).map(|n| dev.replace("podinfo-dev", &format!("app-{n}"))).collect();
    // As many to a file as people put there; one file of all would be one page of the repository.
    let files: Vec<(String, String)> =
        releases.iter().enumerate().map(|(n, text)| (format!("releases/many/app-{n}.yaml"), text.clone())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.commit("Many", &files).unwrap();
    let start = Instant::now();
    let passes = world.settle().await;
    let deployed = world.releases().await.unwrap().iter().filter(|release| release.status == "deployed").count();
    println!("{deployed} releases deployed in {:.1} s, {} passes", start.elapsed().as_secs_f64(), passes.ran);
    let _ = world.api.requests();
    let renders = world.daemon.ctx.renders.load(Ordering::Relaxed);
    let head = world.remote.head().unwrap();
    let start = Instant::now();
    let passes = world.settle_after(Event::Git).await;
    let counts = world.api.requests();
    let renders = world.daemon.ctx.renders.load(Ordering::Relaxed) - renders;
    let commits = usize::from(world.remote.head().unwrap() != head);
    println!(
        "idle: {} passes in {:.0} ms: {} API writes, {renders} renders, {commits} commits, 0 git clones (one mirror), {} API reads",
        passes.ran,
        start.elapsed().as_secs_f64() * 1000.0,
        counts.writes,
        counts.reads,
    );
    assert_eq!((counts.writes, renders, commits), (0, 0, 0), "an idle pass does nothing: {:?}", counts.by_verb);
}
