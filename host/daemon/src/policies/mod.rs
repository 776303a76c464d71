//! The policies that objects of the cluster declare: fetched, admitted, compiled, checked and served.
//!
//! Each is loaded by a task of its own beside the loops, as a registry may be slow and a component large. What served before
//! goes on until the new one has come through.

mod declarations;
mod fetch;
mod kept;
mod load;

pub(crate) use declarations::{Declarations, Wish};
pub use kept::Kept;
pub use load::{Failed, check};
