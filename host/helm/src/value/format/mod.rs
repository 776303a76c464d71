//! Go's `fmt`: `Sprint`, `Sprintf` and its verbs.

mod display;
mod float;
mod number;
mod printf;
mod spec;
mod verb;

pub(crate) use display::{display, sprint, strval};
pub(crate) use printf::sprintf;
