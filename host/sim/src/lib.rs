//! Everything embedded that the demo, `rhumb plan` and the fast tests stand on: a Kubernetes API, an OCI registry, a git
//! remote and a Helm repository, each in memory or in a temporary folder, each spoken to over its ordinary protocol.
//!
//! Nothing here knows what Rhumb is: real `kubectl`, `helm`, `git` and registry clients are served the same way. It is
//! never an answer to "does it work on Kubernetes", which only a real control plane can give.
//!
//! Invariant: every server listens on 127.0.0.1 only, and stamps what it makes by the [`Clock`] it was given.

#![forbid(unsafe_code)]

pub mod api;
pub mod charts;
mod clock;
pub mod git;
pub mod image;
mod listener;
mod media;
pub mod registry;
mod yaml;

pub use clock::Clock;
