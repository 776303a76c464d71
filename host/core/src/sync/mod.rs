//! The sync loop: git → cluster.
//!
//! `plan` compares what git says with what the cluster has and what was applied before, object by object, and says for
//! each of them what to do or why nothing is done. One bad object never stops another.

mod order;
mod plan;
mod status;
mod view;

#[cfg(test)]
mod tests;

pub use order::rank;
pub use plan::{Action, Because, Kept, Plan, Row, plan};
pub use status::{Applied, Outcome, Status, status};
pub use view::{Collect, Key, Live, Previous, Scope, SyncView, keys};
