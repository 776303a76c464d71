//! Random changes to what strangers hand over: nothing makes the loader or the record reader panic or hang, and what is
//! taken keeps every promise.
//!
//! A bounded number of rounds each; `RHUMB_FUZZ_SECONDS=3600` for as long as that. `RHUMB_SEED` repeats a run.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

mod guests;
#[path = "../src/mutation.rs"]
mod mutation;
mod questions;

use std::time::{Duration, Instant};

use mutation::{Mutation, fuzz};
use rhumb_policy::{LoadError, Options, Record, Sandbox, replay};

/// Longest look at one component, on a busy machine: what a compiler would need minutes for is refused before.
const LONGEST: Duration = Duration::from_secs(60);

#[test]
fn no_change_to_a_component_makes_the_loader_panic_or_hang() {
    let sandbox = Sandbox::new(Options::default()).unwrap();
    let seeds = ["endless", "liar"].map(guests::component);
    let (mut taken, mut refused) = (0, 0);
    fuzz("changed components", 100, |mutation: &mut Mutation, _| {
        let seed = seeds[mutation.below(seeds.len())];
        let bytes = mutation.of(seed);
        let start = Instant::now();
        match sandbox.load(&bytes) {
            // Such as a change to a name or a number.
            Ok(_) => taken += 1,
            Err(error @ LoadError::Cache { .. }) => panic!("{error}"),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    });
    println!("{taken} taken, {refused} refused");
    assert!(refused > 0);
}

#[test]
fn no_change_to_a_record_makes_its_reader_or_a_replay_panic() {
    let sandbox = Sandbox::new(Options::default()).unwrap();
    let digest = sandbox.load(guests::component("glob")).unwrap().digest;
    let question = questions::question(&digest, r#"{"pattern":"*"}"#, 20);
    let record = Record::new(&question, &sandbox.decide(&question), sandbox.profile()).canonical();
    let mut read = 0;
    fuzz("changed records", 3_000, |mutation, _| {
        let bytes = mutation.of(record.as_bytes());
        let Ok(text) = std::str::from_utf8(&bytes) else { return };
        if let Ok(record) = Record::parse(text) {
            assert_eq!(Record::parse(&record.canonical()).unwrap(), record, "{text}");
            let _replay = replay(&sandbox, &record);
            read += 1;
        }
    });
    println!("{read} could be read");
}
