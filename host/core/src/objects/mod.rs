//! Objects of ours in the cluster (`rhumb.dev/v1alpha1`), as people write them. Their definitions in `host/deploy` are made
//! from the types here.

mod approval;
mod binding;
#[cfg(test)]
pub(crate) mod definitions;
mod policy;
mod stop;

pub use approval::{Approval, ApprovalSpec, ApprovedMove, Subject, approval};
pub use binding::{Binding, BindingObject, BindingStatus, BoundKind, PolicyBindingSpec};
pub use policy::{Declared, HttpsSource, OciSource, PolicyLimits, PolicySpec, SecretName, Source};
pub use stop::{Stop, StopSwitchSpec, stop_switch};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::id::Timestamp;

/// Group and version of our own kinds.
pub const API_VERSION: &str = "rhumb.dev/v1alpha1";

/// The `spec` of an object; `None` when it is not of that form, which the cluster's own validation rules out.
fn spec<T: DeserializeOwned>(object: &Value) -> Option<T> {
    serde_json::from_value(object.get("spec")?.clone()).ok()
}

/// `metadata.creationTimestamp`, which the API server sets.
fn created(object: &Value) -> Timestamp {
    let text = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    text.and_then(Timestamp::parse).unwrap_or_default()
}
