//! What it costs that policies compile and run in processes of their own.
//!
//! `cargo bench -p rhumb-policy --bench apart` prints the table.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a program for measuring"
)]

#[path = "../tests/guests/mod.rs"]
mod guests;
#[path = "measure/mod.rs"]
mod measure;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rhumb_core::judge::Question;
use rhumb_policy::{Isolation, Options, Program, Sandbox};

use crate::measure::{median, print, select};

const PATTERN: &str = r#"{"pattern":"0.4*"}"#;

fn main() {
    let worker = Program::at(PathBuf::from(env!("CARGO_BIN_EXE_rhumb-policy-worker")));
    let apart = || Options { isolation: Isolation::Process(worker.clone()), ..Options::default() };
    let glob = guests::component("glob");
    let row = |what: &str, figure: String| println!("{what:<60} {figure:>16}");

    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let kept = Options { cache_dir: Some(folder.path().to_owned()), ..apart() };
    let sandbox = Sandbox::new(kept.clone()).expect("the process starts");
    let (first, digest) = timed(|| sandbox.load(glob).expect("a shipped policy loads").digest);
    row("load glob, nothing kept: a process that compiles", print(first));
    let cold: Vec<Duration> = (0..10)
        .map(|_| {
            let sandbox = Sandbox::new(apart()).expect("the process starts");
            timed(|| black_box(sandbox.load(glob)).is_ok()).0
        })
        .collect();
    row("the same, median of 10", print(middle(cold)));
    let warm: Vec<Duration> = (0..50)
        .map(|_| {
            let sandbox = Sandbox::new(Options { cache_dir: kept.cache_dir.clone(), ..Options::default() });
            let sandbox = sandbox.expect("the engine starts");
            timed(|| black_box(sandbox.load(glob)).is_ok()).0
        })
        .collect();
    row("load glob from what was kept, in this process", print(middle(warm)));
    let warm: Vec<Duration> = (0..50)
        .map(|_| {
            let sandbox = Sandbox::new(kept.clone()).expect("the process starts");
            timed(|| black_box(sandbox.load(glob)).is_ok()).0
        })
        .collect();
    row("load glob from what was kept, into a process", print(middle(warm)));

    let here = Sandbox::new(Options::default()).expect("the engine starts");
    here.load(glob).expect("a shipped policy loads");
    let question = select(&digest, PATTERN, 10, true);
    let inside = median(5000, || drop(black_box(here.decide(&question))));
    let outside = median(5000, || drop(black_box(sandbox.decide(&question))));
    row("one decision over 10 tags, in this process", print(inside));
    row("the same through a process", print(outside));
    row("added by the process", print(outside.saturating_sub(inside)));
    row("through a process, 1,000 at once", rate(&sandbox, &question, 1_000));
    row("in this process, 1,000 at once", rate(&here, &question, 1_000));

    let before = resident();
    let bindings: Vec<String> = (0..1_000).map(|n| format!(r#"{{"pattern":"0.{n}*"}}"#)).collect();
    let checked = bindings.iter().filter(|config| sandbox.check_config(&digest, config).is_ok()).count();
    let loaded = (0..1_000).filter(|_| sandbox.load(glob).is_ok()).count();
    let artefacts = files(folder.path());
    row("1,000 bindings of one policy: compiled artefacts", artefacts.to_string());
    let each = resident().saturating_sub(before) as f64 / loaded.max(checked).max(1) as f64;
    row("memory of each binding here", format!("{each:.1} KiB"));

    let endless = sandbox.load(guests::component("endless")).expect("an endless policy loads").digest;
    let endless = select(&endless, "{}", 10, true);
    let undisturbed = slowest(&sandbox, &question);
    let is_over = AtomicBool::new(false);
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(black_box(sandbox.decide(&endless)));
            }
        });
        let beside = slowest(&sandbox, &question);
        is_over.store(true, Ordering::Relaxed);
        beside
    });
    row("99 of 100 decisions, alone", print(undisturbed));
    row("the same beside a policy that never ends", print(beside));
}

/// What 99 of 100 decisions do not take longer than.
fn slowest(sandbox: &Sandbox, question: &Question) -> Duration {
    let mut times: Vec<Duration> = (0..5_000).map(|_| timed(|| drop(black_box(sandbox.decide(question)))).0).collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Decisions per second when this many are asked for together, as a pass does.
fn rate(sandbox: &Sandbox, question: &Question, count: usize) -> String {
    let ask = || (0..count).map(|n| (n, question.clone())).collect::<BTreeMap<_, _>>();
    let times = (0..10).map(|_| {
        let questions = ask();
        timed(|| black_box(sandbox.judge(questions)).len()).0
    });
    format!("{:.0} per second", count as f64 / middle(times.collect()).as_secs_f64())
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = run();
    (start.elapsed(), done)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// Files of machine code that are kept.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "code")).count()
}
