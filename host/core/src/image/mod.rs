//! What an image is: its reference, and the filter that says which tags may replace its own.

mod filter;
mod reference;
mod version;

pub(crate) use filter::config_of;
pub use filter::{Filter, FilterError, filter_of};
pub use reference::{Reference, ReferenceError};
pub use version::step;
