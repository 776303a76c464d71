//! The images loop: registry → git.
//!
//! `propose` asks in three rounds, each a pure function of the view and of what was answered before: which tags are
//! worth a closer look, which one to take, and whether the version may move (in turns where it matters who goes first).
//! `plan` turns it all into at most one commit.

mod bindings;
mod by_hand;
mod commit;
mod decide;
mod gate;
mod message;
mod plan;
mod promotions;
mod propose;
mod row;
mod status;
mod view;

#[cfg(test)]
mod tests;

pub use bindings::bindings;
pub use by_hand::{Force, Refused, Request, admissions, chosen, opened, plan_by_hand};
pub use plan::{Action, Plan, Update, plan};
pub use promotions::{Promotions, answered, attached, bound, evidence_wanted};
pub use propose::{selections, shortlisted, shortlists};
pub use row::{Considered, Decided, Kept, Row};
pub use status::{Pushed, conditions};
pub(crate) use view::context;
pub use view::{ImagesView, Scan, Target, Workload, namespaces, workloads};

use std::collections::BTreeMap;

use crate::id::{ObjectId, PolicyName};
use crate::judge::{Decision, Question};

/// What was asked and answered in one pass.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// Tags worth a closer look, of filters that want metadata.
    pub shortlists: BTreeMap<Target, (Question, Decision)>,
    /// The choice for each container.
    pub selections: BTreeMap<Target, (Question, Decision)>,
    /// The verdict of each promotion rule of an object, by the rule's name.
    pub promotions: BTreeMap<(ObjectId, PolicyName), (Question, Decision)>,
}
