//! The decisions of Rhumb.
//!
//! Each of the three loops is the same six verbs, and this crate holds the three that are pure:
//!
//! ```text
//! observe → PROPOSE → judge → PLAN → apply → REPORT
//! (io)      (core)    (policy) (core)  (io)    (core)
//! ```
//!
//! Invariant: nothing here is async, reads a file, a clock or the environment, opens a socket, starts a process or
//! writes a log. What a pass may look at comes in as one view, the time included; what it may do goes out as a plan.

#![forbid(unsafe_code)]

pub mod attach;
pub mod chain;
pub mod condition;
pub mod environment;
pub mod evidence;
pub mod id;
pub mod image;
pub mod images;
pub mod judge;
pub mod lease;
pub mod manifest;
pub mod objects;
pub mod policies;
pub mod releases;
pub mod sync;
pub mod values;
