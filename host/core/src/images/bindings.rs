//! What each `PolicyBinding` of a rule binds, as its status says it.

use serde_json::Value;

use super::view::ImagesView;
use crate::judge::Kind;
use crate::objects::BindingObject;
use crate::policies;

/// Each binding of a rule that an object says, with the status that it is to have.
pub fn bindings(view: &ImagesView) -> Vec<(BindingObject, Value)> {
    let objects: Vec<_> = view.workloads.iter().map(super::Workload::selected).collect();
    policies::statuses((&view.bound, &view.policies, Kind::PromotionRule), &objects, view.now)
}
