//! The sandbox that policies run in: bytes in, decisions out.
//!
//! ```text
//! bytes ─ admission ─ compile ─ ready ┐
//!                                     ├─ call (fresh instance, limits) ─ convert ─ Decision ─ record
//! Question ───────────────────────────┘
//! ```
//!
//! Invariants:
//! * wasmtime and wasmparser appear in this crate alone;
//! * a decision depends on its question, its component and the engine's profile, and on nothing else;
//! * nothing that a guest returned leaves this crate unchecked;
//! * a failure is never a verdict.

mod admission;
mod again;
mod allocation;
mod cache;
mod call;
pub mod cases;
mod children;
mod compile;
mod contract;
mod convert;
mod describe;
mod engine;
mod error;
mod evaluate;
mod isolation;
mod json;
mod library;
mod limits;
#[cfg(test)]
mod mutation;
mod place;
pub mod record;
mod sandbox;
mod schema;
pub mod worker;

pub use allocation::Allocation;
pub use children::Suspended;
pub use describe::{Describe, ReasonCode, Wants};
pub use engine::EngineProfile;
pub use error::{Engine, LoadError, Stage};
pub use isolation::{Isolation, Program, Walls};
pub use library::{Library, LibraryError};
pub use limits::{AnswerLimits, CompileLimits, Limits};
pub use record::{Record, Replay, replay};
pub use sandbox::{Loaded, Options, Sandbox};
