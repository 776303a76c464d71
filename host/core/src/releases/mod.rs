//! The releases loop: charts → cluster.
//!
//! First the state of each release is named, with a reason; then the state maps to at most one action. What goes into
//! a release is compared by one digest, so that a release with nothing to do costs nothing.

mod action;
mod attached;
mod inputs;
pub mod marks;
mod plan;
mod sources;
mod spec;
mod state;
mod status;
mod transform;
mod view;

#[cfg(test)]
mod tests;

pub use action::{Action, Options, Ready, Rollback, Test, Unfinished};
pub use attached::{attached, bindings};
pub use inputs::inputs;
pub use marks::{Marks, RolledBack, Tested};
pub use plan::{Kept, Plan, Row, plan};
pub use sources::{ChartFileRef, ExternalRef, KeyRef, ValuesFrom};
pub use spec::{ChartSource, Retries, Spec, SpecError, Tests};
pub use state::{Back, Blocked, State, Untested, state};
pub use status::{Outcome, Phase, status};
pub use transform::{Next, evidence_wanted, next};
pub use view::{Attempt, ChartView, Head, Orphan, ReleaseView, ReleasesView};
