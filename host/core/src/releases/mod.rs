//! The releases loop: charts → cluster.
//!
//! First the state of each release is named, with a reason; then the state maps to at most one action. What goes into
//! a release is compared by one digest, so that a release with nothing to do costs nothing.

mod inputs;
mod plan;
mod spec;
mod state;
mod status;
mod transform;
mod view;

#[cfg(test)]
mod tests;

pub use inputs::inputs;
pub use plan::{Action, Kept, Options, Plan, Ready, Row, plan};
pub use spec::{ChartSource, KeyRef, Spec, SpecError, ValuesFrom};
pub use state::{Blocked, State, state};
pub use status::{Outcome, Phase, set_condition, status};
pub use transform::{Next, next};
pub use view::{Attempt, ChartView, Head, Orphan, ReleaseView, ReleasesView};
