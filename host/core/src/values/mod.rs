//! The values of a release on their way to the chart: composed, transformed by policies, secrets sealed meanwhile.

mod operations;
mod pointer;
mod secrets;

pub use operations::{ApplyError, apply};
pub use pointer::Pointer;
pub use secrets::{Origin, Sealed, UnsealError, seal};
