//! What a decision costs in the sandbox: fresh instance, fuel, epochs and every check, against the same code natively.
//!
//! `cargo bench -p rhumb-policy` prints the table.

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

use std::hint::black_box;

use rhumb_core::id::Timestamp;
use rhumb_core::judge::{Ask, Metadata, Question};
use rhumb_guest_sdk::{self as sdk, glue};
use rhumb_policy::{Options, Sandbox};
use rhumb_policy_glob::Glob;
use rhumb_policy_semver::Semver;

use crate::measure::{median, print, select};

fn main() {
    let sandbox = Sandbox::new(Options::default()).expect("the engine starts");
    let load = |name: &str| sandbox.load(guests::component(name)).expect("a shipped policy loads").digest;
    let (semver, glob) = (load("semver"), load("glob"));
    println!("{:<44} {:>12} {:>12} {:>7} {:>12}", "decision", "sandbox", "native", "ratio", "fuel");

    let range = r#"{"range":"~0.400"}"#;
    let question = select(&semver, range, 10_000, false);
    compare("semver, 10,000 tags", &sandbox, &question, |ask| drop(black_box(native::<Semver>(range, ask))));

    let pattern = r#"{"pattern":"0.4*"}"#;
    let question = select(&glob, pattern, 10_000, true);
    compare("glob, 10,000 tags with build times", &sandbox, &question, |ask| {
        drop(black_box(native::<Glob>(pattern, ask)));
    });
    let Ask::Select { container, tags, .. } = question.ask.clone() else { return };
    let shortlist = Question { ask: Ask::Shortlist { container, tags }, ..question };
    compare("glob, shortlist of 10,000 tags", &sandbox, &shortlist, |ask| {
        drop(black_box(glue::shortlist::<Glob>(&ask.context, pattern, &ask.container, &ask.tags)));
    });

    for (name, component, config) in [("semver", &semver, range), ("glob", &glob, pattern)] {
        let question = select(component, config, 10, true);
        let time = median(2000, || drop(black_box(sandbox.decide(&question))));
        let per_second = 1.0 / time.as_secs_f64();
        println!("{:<44} {:>12} {per_second:>12.0} per second and thread", format!("{name}, 10 tags"), print(time));
    }
}

fn compare(name: &str, sandbox: &Sandbox, question: &Question, native: impl Fn(&Native)) {
    let decision = sandbox.decide(question);
    assert!(decision.answer.is_ok(), "{decision:?}");
    let inside = median(300, || drop(black_box(sandbox.decide(question))));
    let input = Native::of(question);
    let outside = median(300, || native(&input));
    let ratio = inside.as_secs_f64() / outside.as_secs_f64();
    println!("{name:<44} {:>12} {:>12} {ratio:>7.2} {:>12}", print(inside), print(outside), decision.fuel);
}

/// The same question in the guest's words.
struct Native {
    context: sdk::Context,
    container: sdk::Container,
    tags: sdk::Tags,
    metadata: sdk::Metadata,
}

impl Native {
    fn of(question: &Question) -> Self {
        let (container, tags, metadata) = match &question.ask {
            Ask::Select { container, tags, metadata } => (container, tags, metadata.clone()),
            Ask::Shortlist { container, tags } => (container, tags, Metadata::default()),
            Ask::Judge { .. } | Ask::Transform { .. } => panic!("a filter's question"),
        };
        let millis = |times: &[Timestamp]| times.iter().map(|time| time.0).collect();
        Self {
            context: sdk::testing::context(question.context.now.0),
            container: sdk::Container {
                name: container.name.clone(),
                repository: container.repository.clone(),
                current_tag: container.current_tag.as_ref().map(ToString::to_string),
                current_digest: None,
                current_since: 0,
            },
            tags: sdk::Tags {
                names: tags.names.clone(),
                first_seen: millis(&tags.first_seen),
                moves: tags.moves.clone(),
                complete: tags.complete,
            },
            metadata: sdk::Metadata {
                indices: metadata.indices.clone(),
                created: millis(&metadata.created),
                digests: None,
                facts: None,
                complete: metadata.complete,
            },
        }
    }
}

fn native<P: sdk::ImageFilter>(config: &str, ask: &Native) -> Result<sdk::Selection, sdk::Failure> {
    glue::select::<P>(&ask.context, config, &ask.container, &ask.tags, &ask.metadata)
}
