//! What each `PolicyBinding` binds, as its status says it.

use serde_json::{Map, Value, json};

use super::view::ImagesView;
use crate::attach::Mode;
use crate::condition::{Condition, Truth, set_condition};
use crate::judge::Kind;
use crate::objects::{Binding, BindingObject, BindingStatus};
use crate::policies::Asker;

/// Each binding that an object says, with the status that it is to have.
pub fn bindings(view: &ImagesView) -> Vec<(BindingObject, Value)> {
    let bound = view.bound.iter().flatten();
    bound.filter_map(|binding| Some((binding.object.clone()?, status(view, binding)?))).collect()
}

fn status(view: &ImagesView, binding: &Binding) -> Option<Value> {
    let object = binding.object.as_ref()?;
    let selects = |one: &&super::Workload| binding.selects(&one.id, one.environment.as_ref(), &one.labels);
    let objects = view.workloads.iter().filter(selects).count();
    let policy = &binding.rule.policy;
    let found = view.policies.find(Asker::Above, policy, Kind::PromotionRule);
    let (truth, reason, message) = match &found {
        // What cannot be read binds a policy of this name, which nobody can declare.
        Err(_) if policy.as_str() == "?" => {
            (Truth::False, "BadSpec", "spec cannot be read: no version moves until it can".to_owned())
        }
        Err(missing) if binding.rule.mode == Mode::Shadow => (Truth::False, "NoPolicy", missing.to_string()),
        Err(missing) => (Truth::False, "NoPolicy", format!("{missing}; what it is bound to does not move")),
        Ok(found) if binding.rule.mode == Mode::Shadow || found.mode() == Mode::Shadow => {
            (Truth::True, "Shadow", format!("`{policy}` looks on"))
        }
        Ok(_) => (Truth::True, "Bound", format!("`{policy}` is asked about every move")),
    };
    let mut conditions = Map::new();
    if let Some(old) = object.status.get("conditions") {
        conditions.insert("conditions".to_owned(), old.clone());
    }
    set_condition(&mut conditions, &Condition::new("Ready", truth, reason, &message), view.now);
    let status = BindingStatus {
        observed_generation: object.generation,
        objects,
        digest: found.ok().map(|found| found.info.component.to_string()),
        conditions: conditions.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    Some(json!(status))
}
