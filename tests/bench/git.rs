//! What git over SSH costs against a local `sshd`: a look that finds nothing, a fetch of one commit, a push.
//!
//! `cargo run -p rhumb-tests --example git [N]`, 20 rounds by default; medians.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::time::{Duration, Instant};

use rhumb_core::id::Timestamp;
use rhumb_core::manifest::File;
use rhumb_io::git::{Access, Commit, KnownHosts, Mirror, Options, Signature};
use rhumb_io::identity::Identity;
use rhumb_tests::servers::repository::{BRANCH, Repository};
use rhumb_tests::servers::sshd::{self, Permission, Sshd};

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20);
    if !sshd::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::create(&folder.path().join("config.git"), &[("a.yaml", "a: 0\n")]);
    let server = Sshd::start(&folder.path().join("sshd"));
    let identity = Identity::generate().unwrap();
    server.admit(&identity.public_line(), Permission::Write);
    let access = Access::new(Options::default()).unwrap();
    access.trust(KnownHosts::parse(&server.known_hosts()).0);
    access.identify(identity);
    let url = server.url(repository.path());
    let open = |name: &str| Mirror::open(&folder.path().join(name), &url, BRANCH, &access).unwrap();
    let (ours, theirs) = (open("ours"), open("theirs"));
    let (mut idle, mut push, mut fetch) = (Vec::new(), Vec::new(), Vec::new());
    theirs.fetch().unwrap();
    for round in 1..=rounds {
        let onto = ours.fetch().unwrap();
        idle.push(timed(|| ours.fetch().unwrap()));
        let commit = Commit {
            onto,
            files: vec![File { path: "a.yaml".to_owned(), data: format!("a: {round}\n").into_bytes() }],
            message: format!("round {round}"),
            author: Signature { name: "Rhumb".to_owned(), email: "rhumb@example.com".to_owned() },
            time: Timestamp(1_795_444_500_000),
        };
        push.push(timed(|| ours.push(&commit).unwrap()));
        fetch.push(timed(|| theirs.fetch().unwrap()));
    }
    println!("git over ssh, sshd on this machine, medians of {rounds}:");
    for (what, times) in [("nothing changed", idle), ("one commit fetched", fetch), ("one commit pushed", push)] {
        println!("  {what:20} {:>6.0} ms", median(times).as_secs_f64() * 1000.0);
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
