//! Every conversation of Rhumb with the outside: git, registries, charts, the cluster, the store.
//!
//! ```text
//! OBSERVE → propose → judge → plan → APPLY → report
//! (io)      (core)    (policy) (core) (io)    (core)
//! ```
//!
//! Invariant: nothing here decides. A function reads a view or carries out one action and says what came of it; whether
//! to do it, when to try again and what a failure means is said elsewhere.
//!
//! Invariant: everything that comes in is bounded in size, count, depth and time, by constants with names.

#![forbid(unsafe_code)]

pub mod charts;
pub mod cluster;
pub mod documents;
pub mod files;
pub mod git;
pub mod identity;
pub mod registry;
pub mod store;
pub mod web;

#[cfg(test)]
mod fake;
