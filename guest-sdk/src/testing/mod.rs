//! Runs policies natively, in plain `cargo test`.
//!
//! The same case files run in the sandbox and by `rhumb policy test`; `wit/cases.schema.json` is their format.

#![allow(clippy::panic, reason = "a test harness fails by panicking")]

mod cases;
mod filter;
mod patch;

pub use cases::{filter_cases, rule_cases, transform_cases};
pub use filter::Filter;
pub use patch::patched;

pub use rhumb_cases::BASE;

use crate::Context;

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
