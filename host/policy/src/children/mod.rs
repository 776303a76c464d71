//! Processes that evaluate policies: started when they are needed, started again when they die.
//!
//! Each answers one caller at a time, so whoever a policy keeps waiting or kills is its own caller. A policy that kills
//! again and again is left alone for a while.

mod health;
mod pool;
mod process;

pub use health::Suspended;
pub(crate) use pool::{Artifact, Children};
pub(crate) use process::Process;
