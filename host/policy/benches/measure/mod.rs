//! What the benchmarks ask, and how they take time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhumb_core::id::{Digest, PolicyName, Tag, Timestamp};
use rhumb_core::judge::{Ask, Container, Context, Metadata, Question, Tags};

pub(crate) fn median(times: usize, mut run: impl FnMut()) -> Duration {
    for _ in 0..times / 10 {
        run();
    }
    let mut measured: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    measured.sort_unstable();
    measured[times / 2]
}

pub(crate) fn print(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

pub(crate) fn select(component: &Digest, config: &str, count: usize, with_metadata: bool) -> Question {
    let mut names = String::new();
    for i in 0..count {
        let _ = writeln!(names, "0.{}.{}-{:07x}", i / 20, i % 20, i * 2_654_435_761 % 268_435_456);
    }
    // A range takes releases, a glob takes anything.
    if !with_metadata {
        names = names.lines().map(|line| line.split('-').next().unwrap_or_default().to_owned() + "\n").collect();
    }
    let tags = Tags { names, first_seen: vec![Timestamp(1); count], moves: vec![0; count], complete: true };
    let created = (0..count as u64).map(|i| Timestamp(1_700_000_000_000 + i * 7919 % 10_007)).collect();
    let metadata = match with_metadata {
        true => Metadata { indices: (0..count as u32).collect(), created, complete: true, ..Metadata::default() },
        false => Metadata { complete: true, ..Metadata::default() },
    };
    let container = Container {
        name: "app".into(),
        repository: "registry.example/app".into(),
        current_tag: Some(Tag::new("0.0.0")),
        current_digest: None,
        current_since: Timestamp(0),
    };
    let context = Context {
        name: "app".into(),
        namespace: "prod".into(),
        kind: "HelmRelease".into(),
        environment: Some("prod".into()),
        labels: vec![("app".into(), "app".into())],
        annotations: vec![("fluxcd.io/automated".into(), "true".into())],
        now: Timestamp(1_800_000_000_000),
        seed: 7,
    };
    let ask = Ask::Select { container, tags: Arc::new(tags), metadata };
    Question { policy: PolicyName::new("p"), component: component.clone(), config: config.into(), context, ask }
}
