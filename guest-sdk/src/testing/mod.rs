//! Runs policies natively, in plain `cargo test`.
//!
//! The same case files run in the sandbox and by `rhumb policy test`; `wit/cases.schema.json` is their format.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test harness fails by panicking and says which case it was")]

mod cases;
mod filter;

pub use cases::{filter_cases, rule_cases, transform_cases};
pub use filter::Filter;

use crate::Context;

/// 2026-01-01T00:00:00Z in milliseconds: the time from which cases count build times.
pub const BASE: u64 = 1_767_225_600_000;

/// The context of cases that say nothing else: a HelmRelease `app` in namespace `default`.
pub fn context(now: u64) -> Context {
    Context {
        name: "app".to_owned(),
        namespace: "default".to_owned(),
        kind: "HelmRelease".to_owned(),
        environment: None,
        labels: Vec::new(),
        annotations: Vec::new(),
        now,
        seed: 0,
    }
}
