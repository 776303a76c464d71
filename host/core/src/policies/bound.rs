//! What `PolicyBinding`s bind, and what their statuses say of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Asker, Policies};
use crate::attach::{Attached, Mode};
use crate::condition::{Condition, Truth, set_condition};
use crate::id::{ObjectId, PolicyName, Timestamp};
use crate::judge::Kind;
use crate::objects::{Binding, BindingObject, BindingStatus};

/// The bindings of the cluster, or why nobody knows them.
pub type Bindings = Result<Vec<Binding>, String>;

/// An object as bindings select it: who it is, its environment and its labels.
pub(crate) type Selected<'a> = (&'a ObjectId, Option<&'a String>, &'a BTreeMap<String, String>);

/// The policies of one kind that are bound to an object.
pub(crate) fn bound_to(bindings: &[Binding], kind: Kind, object: Selected<'_>) -> Vec<Attached> {
    let here = bindings.iter().filter(|one| one.binds(kind) && one.selects(object));
    here.map(|one| one.attached.clone()).collect()
}

/// The policies of one kind that are bound to anything.
///
/// Whether they select something or not: their objects say whether the policy is there.
pub(crate) fn policies_bound(bindings: &Bindings, kind: Kind) -> BTreeSet<PolicyName> {
    let of_kind = bindings.iter().flatten().filter(|binding| binding.binds(kind));
    of_kind.map(|binding| binding.attached.policy.clone()).collect()
}

/// Each binding of one kind that an object says, with the status that it is to have. One that cannot be read is told by
/// those of rules.
pub(crate) fn statuses<'a>(
    (bindings, policies, kind): (&Bindings, &Policies, Kind),
    objects: &[Selected<'a>],
    now: Timestamp,
) -> Vec<(BindingObject, Value)> {
    let told_here = |one: &&Binding| match one.kind {
        Some(own) => own == kind,
        None => kind == Kind::PromotionRule,
    };
    let status = |binding: &Binding| {
        let object = binding.object.clone()?;
        let selected = objects.iter().filter(|one| binding.selects(**one)).count();
        let status = status((binding, &object), (policies, kind), selected, now);
        Some((object, status))
    };
    bindings.iter().flatten().filter(told_here).filter_map(status).collect()
}

fn status(
    (binding, object): (&Binding, &BindingObject),
    (policies, kind): (&Policies, Kind),
    objects: usize,
    now: Timestamp,
) -> Value {
    let (policy, looks_on) = (&binding.attached.policy, binding.attached.mode == Mode::Shadow);
    let (acts, stands) = match kind {
        Kind::ValueTransform => ("changes the values of every release", "is not released"),
        Kind::PromotionRule | Kind::ImageFilter => ("is asked about every move", "does not move"),
    };
    let found = policies.find(Asker::Above, policy, kind);
    let (truth, reason, message) = match &found {
        Err(_) if binding.is_unreadable() => {
            let message = "spec cannot be read: no version moves and nothing is released until it can";
            (Truth::False, "BadSpec", message.to_owned())
        }
        Err(missing) if looks_on => (Truth::False, "NoPolicy", missing.to_string()),
        Err(missing) => (Truth::False, "NoPolicy", format!("{missing}; what it is bound to {stands}")),
        Ok(found) if looks_on || found.mode() == Mode::Shadow => {
            (Truth::True, "Shadow", format!("`{policy}` looks on"))
        }
        Ok(_) => (Truth::True, "Bound", format!("`{policy}` {acts}")),
    };
    let mut conditions = Map::new();
    if let Some(old) = object.status.get("conditions") {
        conditions.insert("conditions".to_owned(), old.clone());
    }
    set_condition(&mut conditions, &Condition::new("Ready", truth, reason, &message), now);
    let status = BindingStatus {
        observed_generation: object.generation,
        objects,
        digest: found.ok().map(|found| found.info.component.to_string()),
        conditions: conditions.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    json!(status)
}
